"""What the public callables of a framework look like: parameters, kinds, defaults; and the public names beside them.

Runs in a worker: Python 3.9, the standard library. Nothing here may cost a run: what can't be found out is left out.
Knows no function of the standard and no verdict.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from types import ModuleType
from typing import Any

LONGEST_DEFAULT = 80
"""Characters of a default's text that are kept."""

MOST_NAMES = 400
"""A namespace with more public names is no place for activations and losses alone (`torch`), and is left out."""

OURS = "conformance."
"""Begins the entry points that come with us (NumPy's own functions): no framework's, and no news."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_DOCUMENTED = re.compile(r"^\s*[\w.]+\((?P<inside>[^\n]*)\)\s*(->.*)?$")


def recorded(backend: Any) -> dict[str, Any]:
    """`{"signatures": {entry point: [[parameter, kind, default], ...]}, "names": {namespace: [public names]}}` of an adapter's bindings.

    Defaults are texts; a parameter without one has two entries. Entry points that are not there, or whose signature nobody
    can tell, are absent.
    """
    bindings = (*getattr(backend, "bindings", ()), *getattr(backend, "tensor_bindings", ()))
    named = sorted({str(binding.entry_point) for binding in bindings})
    entry_points = [name for name in named if not name.startswith(OURS)]
    signatures, namespaces = {}, {}
    for entry_point in entry_points:
        try:
            module, found = _looked_up(entry_point)
        except Exception:  # also what importing or a lazy attribute of a framework may raise
            continue
        if found is None:
            continue
        said = signature(found)
        if said is not None:
            signatures[entry_point] = said
        if module is not None:
            namespaces[entry_point.rpartition(".")[0]] = module
    names = {place: public_names(module) for place, module in sorted(namespaces.items())}
    return {"signatures": signatures, "names": {place: found for place, found in names.items() if found}}


def signature(found: Any) -> list[list[str]] | None:
    """The parameters of a function, or of a class's constructor; None where Python can't tell and no documentation says so."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (ValueError, TypeError):
        return _documented(found)
    except Exception:  # a signature of a framework's own making
        return None
    return [
        [parameter.name, parameter.kind.name.lower(), *([] if parameter.default is parameter.empty else [default(parameter.default)])]
        for parameter in parameters
    ]  # fmt: skip


def default(value: Any) -> str:
    """A default as a short text that is the same in every process."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception:
        return type(value).__name__
    return text if len(text) <= LONGEST_DEFAULT else text[: LONGEST_DEFAULT - 1] + "…"


def public_names(module: ModuleType) -> list[str]:
    """Names of the functions and classes of a module; none of a module that has too many of them."""
    try:
        names = _without_modules(module, dir(module))
    except Exception:
        return []
    return names if len(names) <= MOST_NAMES else []


def _without_modules(module: ModuleType, names: list[str]) -> list[str]:
    found = vars(module)
    return sorted(name for name in names if name[:1] != "_" and callable(found.get(name)))


def _documented(found: Any) -> list[list[str]] | None:
    """Functions written in C say what they take in the first line of their documentation."""
    text = (getattr(found, "__doc__", None) or "").strip()
    match = _DOCUMENTED.match(text.partition("\n")[0])
    return [[" ".join(match.group("inside").split()), "documented"]] if match else None


def _looked_up(entry_point: str) -> tuple[ModuleType | None, Any]:
    """The module that holds a dotted name (None if a class does), and what the name stands for; (None, None) if it is not there."""
    root, *names = entry_point.split(".")
    holder: Any = None
    found: Any = importlib.import_module(root)
    path = root
    for name in names:
        path = f"{path}.{name}"
        holder, found = found, getattr(found, name, sys.modules.get(path))
        if found is None:
            return None, None
    return (holder if isinstance(holder, ModuleType) else None), found
