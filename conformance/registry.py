"""Finds backends and report writers by name: those that come with nnconform, and those that other packages register.

Nothing else in `conformance` names an adapter or a report writer. Imports neither until it is asked for one, and runs in
a worker too: Python 3.9, standard library only.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

BACKENDS: Mapping[str, str] = {
    "numpy": "conformance.backends.numpy_ref:NumPy",
    "torch": "conformance.backends.pytorch:PyTorch",
    "tensorflow": "conformance.backends.tensorflow_keras:TensorFlow",
    "jax": "conformance.backends.jax_optax:JAX",
}
"""Public name -> `module:class` of the adapters that come with nnconform."""

REPORTS: Mapping[str, str] = {
    "html": "conformance.reports.html:write",
    "markdown": "conformance.reports.markdown:write",
    "junit": "conformance.reports.junit:write",
    "json": "conformance.reports.findings_json:write",
    "csv": "conformance.reports.results_csv:write",
}
"""Public name -> `module:function` of the report writers that come with nnconform."""

BACKEND_GROUP = "nnconform.backends"
REPORT_GROUP = "nnconform.reports"
"""Entry point groups in which other packages register theirs: `name = module:attribute`."""


class UnknownName(ValueError):
    """Nobody goes by that name; the message suggests the nearest names and lists all."""


def backend_names() -> list[str]:
    """Names of all backends: built-in ones first, then plug-ins in alphabetical order. Imports none of them."""
    return _names(BACKENDS, BACKEND_GROUP)


def report_names() -> list[str]:
    """Names of all report writers: built-in ones first, then plug-ins in alphabetical order."""
    return _names(REPORTS, REPORT_GROUP)


def backend_specification(name: str) -> str:
    """The `module:class` of a backend; a `module:class` given as the name is itself. Raises UnknownName."""
    return _specification(name, BACKENDS, BACKEND_GROUP, "backend")


def report_specification(name: str) -> str:
    """The `module:function` of a report writer; a `module:function` given as the name is itself. Raises UnknownName."""
    return _specification(name, REPORTS, REPORT_GROUP, "report format")


def backend(name: str) -> Any:
    """The class of a backend (see `backends/protocol`); its framework is imported only when it is instantiated.

    Raises UnknownName, and ImportError where a plug-in's module is missing.
    """
    return load(backend_specification(name))


def expectations(names: Iterable[str], folder: Path | None = None) -> dict[str, Path]:
    """Where the known deviations of backends are kept: `expectations/NAME.toml` beside their modules, or in `folder`.

    There need be no such file. A backend that nobody has here has no place of its own, and is left out.
    """
    found = {}
    for name in dict.fromkeys(names):
        if folder is not None:
            found[name] = folder / f"{name}.toml"
            continue
        try:
            adapter = backend(name)
        except (UnknownName, ImportError):
            continue
        module = sys.modules[adapter.__module__]
        found[name] = Path(str(module.__file__)).parent / "expectations" / f"{name}.toml"
    return found


def report(name: str) -> Any:
    """The function that writes a report. Raises UnknownName, and ImportError where a plug-in's module is missing."""
    return load(report_specification(name))


def load(specification: str) -> Any:
    """What `module:attribute` (or `module:attribute.of.it`) names. Raises ImportError and UnknownName."""
    module_name, _, attribute = specification.partition(":")
    if not module_name or not attribute:
        raise UnknownName(f"{specification!r} is not of the form module:attribute.")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UnknownName(f"module {module_name} has no {attribute!r}.{_suggestion(part, dir(found))}")
        found = getattr(found, part)
    return found


def protocol() -> ModuleType:
    """The module that says what an adapter offers (`backends/protocol`)."""
    return importlib.import_module("conformance.backends.protocol")


def unknown(kind: str, name: str, known: Iterable[str], lister: str = "") -> UnknownName:
    """The error for a name nobody has: what was given, the nearest names, and all that would be accepted.

    Where those are too many to read, `lister` is the command that lists them.
    """
    names = list(known)
    accepted = f"`{lister}` lists all." if lister else f"Known: {', '.join(names) or 'none'}."
    return UnknownName(f"unknown {kind} {name!r}.{_suggestion(name, names)} {accepted}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    by_fold = {candidate.casefold(): candidate for candidate in known}
    near = [by_fold[match] for match in difflib.get_close_matches(name.casefold(), by_fold, n=3, cutoff=0.5)]
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _names(built_in: Mapping[str, str], group: str) -> list[str]:
    return [*built_in, *sorted(set(_plug_ins(group)) - set(built_in))]


def _specification(name: str, built_in: Mapping[str, str], group: str, kind: str) -> str:
    if ":" in name:
        return name
    if name in built_in:
        return built_in[name]
    plug_ins = _plug_ins(group)
    if name in plug_ins:
        return plug_ins[name]
    raise unknown(kind, name, _names(built_in, group))


def _plug_ins(group: str) -> dict[str, str]:
    if sys.version_info >= (3, 10):
        points = tuple(metadata.entry_points(group=group))
    else:  # 3.9 takes no selection and gives a mapping of groups
        points = tuple(metadata.entry_points().get(group, ()))
    return {point.name: point.value.replace(" ", "") for point in points}
