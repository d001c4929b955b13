"""What the options of the plug-in ask for, checked: which backends, which selection, where they are observed.

Knows pytest's configuration, the registry and the standard; observes nothing. A wrong name, path or run file ends pytest
with one sentence, before anything is collected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance import registry
from conformance.cases.plan import FLOATS, INTEGERS, MODES, Selection, is_wanted
from conformance.cases.shards import Shard, shard_from
from conformance.observe.runfile import RunFile, RunFileError
from conformance.observe.session import functions_by_subject, subjects_of
from conformance.observe.sharding import missing, remembered
from conformance.standard import CATALOGUE, rules_of

SEVERAL = ("functions", "dtypes", "modes", "rules")
"""Parts of a selection: each has an option of its name, and a place in a run file's plan."""


@dataclass(frozen=True)
class Asked:
    """What is measured.

    `backends` holds names as they were given (a plug-in's may be `module:Class`); `pythons` the interpreters of other
    environments by backend; `run` the run file that is judged instead of observing, or None; `expectations` a folder of known
    deviations instead of those that come with the backends; `shard` the part that is asked, or None; `functions` those that fall to
    it, or that the run file of a shard holds, by subject: all of those that it does not name.
    """

    backends: tuple[str, ...]
    selection: Selection
    device: str = "cpu"
    pythons: Mapping[str, str] = field(default_factory=dict)
    run: Path | None = None
    expectations: Path | None = None
    shard: Shard | None = None
    functions: Mapping[str, Collection[str]] = field(default_factory=dict)


def asked(config: pytest.Config) -> Asked:
    """What the options say. Raises UsageError."""
    given = {name: _names(config, name) for name in SEVERAL}
    named = tuple(dict.fromkeys(config.getoption("conformance_backend") or ()))
    _check(given, named)
    if config.getoption("conformance_run"):
        return _remembered(config, given, named)
    selection, shard = Selection(**given, tier=str(config.getoption("conformance_tier"))), _shard(config)
    return Asked(
        named,
        selection,
        str(config.getoption("conformance_device")),
        _pythons(config.getoption("conformance_python") or (), named),
        expectations=_folder(config),
        shard=shard,
        functions=functions_by_subject(shard, named, selection),
    )


def _names(config: pytest.Config, option: str) -> tuple[str, ...]:
    text = str(config.getoption(f"conformance_{option}"))
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _check(given: Mapping[str, Sequence[str]], backends: Sequence[str]) -> None:
    """Every name is somebody's. Raises UsageError, with the nearest names."""
    known: dict[str, Collection[str]] = {"functions": CATALOGUE, "dtypes": (*FLOATS, *INTEGERS), "modes": MODES}
    ids = [rule.id for function in CATALOGUE.values() for rule in rules_of(function)]
    called: dict[str, str] = {}
    try:
        for part, names in known.items():
            for name in given[part]:
                if name not in names:
                    raise registry.unknown(part[:-1], name, names)
        for name in given["rules"]:
            if not any(is_wanted(id, (name,)) for id in ids):
                every = dict.fromkeys(id.split(".", 1)[1] for id in ids)
                raise registry.unknown("rule", name, [*every, *ids], lister="nnconform list rules")
        for name in backends:
            other = called.setdefault(registry.backend(name).name, name)
            if other != name:
                raise pytest.UsageError(f"{other} and {name} are both called {registry.backend(name).name!r}: run one of them.")  # fmt: skip
    except (registry.UnknownName, ImportError) as error:
        raise pytest.UsageError(str(error)) from error


def _shard(config: pytest.Config) -> Shard | None:
    """The shard that is asked for; the only one of one is everything. Raises UsageError."""
    given = config.getoption("conformance_shard")
    try:
        shard = shard_from(str(given)) if given else None
    except ValueError as error:
        raise pytest.UsageError(f"--conformance-shard: {error}") from error
    return shard if shard is not None and shard.of > 1 else None


def _folder(config: pytest.Config) -> Path | None:
    """The folder of known deviations that was given. Raises UsageError."""
    given = config.getoption("conformance_expectations")
    if given and not Path(str(given)).is_dir():
        raise pytest.UsageError(
            f"--conformance-expectations: there is no folder {given}; give one that holds BACKEND.toml files."
        )
    return Path(str(given)) if given else None


def _pythons(texts: Iterable[str], backends: Sequence[str]) -> dict[str, str]:
    """`BACKEND=PATH`, taken apart. Raises UsageError."""
    pythons = {}
    for text in texts:
        name, _, path = str(text).partition("=")
        option = f"--conformance-python {text!r}"
        if not path:
            raise pytest.UsageError(f"{option}: give BACKEND=PATH, as in --conformance-python jax=venv/bin/python")
        if name not in backends:
            raise pytest.UsageError(
                f"{option}: {name} is not among the backends of this session ({', '.join(backends) or 'none'}); "
                f"add --conformance-backend {name}"
            )
        if not Path(path).expanduser().is_file():
            raise pytest.UsageError(
                f"{option}: there is no file {path}; give the python of an environment, as in venv/bin/python"
            )
        # The path itself, not what it links to: the interpreter of a virtual environment is a link.
        pythons[name] = str(Path(path).expanduser().absolute())
    return pythons


def _remembered(config: pytest.Config, given: Mapping[str, tuple[str, ...]], named: tuple[str, ...]) -> Asked:
    """What a run file holds, as far as the options let it. No module that it names is imported: it may be anybody's.

    Raises UsageError: a run file that can't be used, or that lacks what was asked for.
    """
    path = Path(str(config.getoption("conformance_run")))
    if (
        config.getoption("conformance_python")
        or config.getoption("conformance_device") != "cpu"
        or config.getoption("conformance_shard")
        or given["rules"]
    ):
        raise pytest.UsageError(
            "--conformance-run judges what was observed before: --conformance-python, --conformance-device and --conformance-shard "
            "have no place beside it, and -k selects among its rules."
        )
    try:
        with RunFile.open(path) as run_file:
            meta = run_file.meta()
            shards = remembered(meta)
            observed = {subject.backend for subject in run_file.subjects()}
    except RunFileError as error:
        raise pytest.UsageError(str(error)) from error
    # Of a shard alone the others are missing, and that is as it should be.
    absent = [] if meta.get("complete") else missing(shards)
    if absent:
        raise pytest.UsageError(
            f"{path} is not complete: {'; '.join(absent)}. `nnconform merge` puts all of them together."
        )
    if not meta.get("complete"):
        raise pytest.UsageError(f"{path} is not complete: the command that made it goes on with --resume.")
    plan: Mapping[str, Any] = meta.get("plan", {})
    backends = named or tuple(name for name in map(str, plan.get("backends", ())) if ":" not in name)
    try:
        # To a shard of a small plan nothing may have fallen of a backend.
        adapters = [registry.backend(name) for name in backends]
        lacking = [one.name for one in adapters if one.name not in observed and not _is_empty(one, shards)]
    except (registry.UnknownName, ImportError) as error:
        raise pytest.UsageError(str(error)) from error
    if lacking:
        raise pytest.UsageError(f"{path} holds nothing of {', '.join(lacking)}: it has {', '.join(sorted(observed))}.")
    narrowed = {}
    for part in SEVERAL:
        within = tuple(map(str, plan.get(part, ())))
        strange = [name for name in given[part] if within and name not in within]
        if strange:
            raise pytest.UsageError(f"{path} was not asked about {', '.join(strange)}: its {part} are {', '.join(within)}.")  # fmt: skip
        narrowed[part] = given[part] or within
    return Asked(backends, Selection(**narrowed, tier=str(plan.get("tier", "default"))), run=path,
                 expectations=_folder(config), functions={subject: one["functions"] for subject, one in shards.items()})  # fmt: skip


def _is_empty(adapter: Any, shards: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a shard says of every subject of a backend that nothing fell to it."""
    return all(subject in shards and not shards[subject]["functions"] for subject in subjects_of(adapter).values())
