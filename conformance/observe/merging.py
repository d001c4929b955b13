"""Putting run files together into one: shards of one plan, and runs of different backends by the same plan and standard.

Row by row (`merging_rows`), so that a run larger than memory goes through too, into a file beside the one that is wanted, which
takes its name when it is whole. What comes out depends on what goes in and not on the order in which it is named. Knows what
a run file remembers of its run; no framework and no verdict.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .merging_rows import filled
from .observation import Subject
from .rows import to_json
from .runfile import RunFile, RunFileError
from .sharding import missing, remembered, told

SAME = ("nnconform", "standard", "rules")
"""Entries of `meta` that must be the same in files that are put together."""

NOT_THE_PLANS = ("backends", "shard")
"""Entries of a plan in which they may differ."""

OF_THE_MACHINE = ("machine", "cpu", "cpu_flags", "byte_order", "threads")
"""Entries of a subject's environment on which bits may depend."""


@dataclass(frozen=True)
class Merged:
    """What came of it: subjects and observations in the new file, what to tell a person, and what is lacking of it."""

    subjects: tuple[Subject, ...]
    observations: int
    warnings: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One of the files that are put together, looked at once."""

    path: Path
    meta: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    unfinished: tuple[str, ...]

    @property
    def shards(self) -> dict[str, dict[str, Any]]:
        return remembered(self.meta)

    @property
    def interrupted(self) -> bool:
        """Whether a run behind it did not come to its end; that shards are missing of what was put together is another matter."""
        return bool(self.unfinished or self.meta.get("interrupted", not self.meta.get("complete")))

    @property
    def plan(self) -> dict[str, Any]:
        return dict(self.meta.get("plan", {}))

    @property
    def key(self) -> str:
        """By which the files are put in order, whatever their names and however they were named."""
        subjects = [[one.id, to_json(one.versions), to_json(one.environment), one.problem] for one in self.subjects]
        return to_json([self.plan.get("backends", []), self.shards, subjects, self.meta])


def merge(paths: Sequence[Path], out: Path) -> Merged:
    """Write one run file with everything that these hold.

    Raises RunFileError: a file that can't be used; files that don't belong together (other standard, plan, bindings,
    versions of a subject, another split); the same question with two answers; `out` is there already. NotWritten: the disk
    is full. In all of them, and when interrupted, nothing is left under the name of `out`.
    """
    if out.exists():
        raise RunFileError(f"{out} is already there and is not overwritten: give another --out.")
    parts = sorted((_looked_at(path) for path in paths), key=lambda part: part.key)
    for part in parts[1:]:
        _belong_together(parts[0], part)
    subjects = _subjects(parts)
    shards = _shards(parts)
    interrupted = [part for part in parts if part.interrupted]
    lacking = [
        f"{part.path} was interrupted: {', '.join(part.unfinished) or 'its run'} did not come to an end"
        for part in interrupted
    ]
    lacking += missing(shards)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise RunFileError(f"{out} can't be written ({error.strerror}): give another --out.") from error
    os.close(handle)
    aside = Path(name)
    try:
        RunFile.create(
            aside, {**_meta(parts, shards), "complete": not lacking, "interrupted": bool(interrupted)}
        ).close()
        unfinished = {name for part in parts for name in part.unfinished}
        observations = filled(aside, [part.path for part in parts], subjects, unfinished)
        _named(aside, out)
    finally:
        aside.unlink(missing_ok=True)
        aside.with_name(f"{aside.name}-journal").unlink(missing_ok=True)
    return Merged(tuple(subjects), observations, tuple(_other_machines(parts)), tuple(lacking))


def _looked_at(path: Path) -> _Part:
    with RunFile.open(path) as run_file:
        subjects = run_file.subjects()
        unfinished = tuple(one.id for one in subjects if not run_file.complete(one.id))
        return _Part(path, run_file.meta(), subjects, unfinished)


def _belong_together(first: _Part, other: _Part) -> None:
    """Raise RunFileError unless both were asked by the same standard and plan, through the same bindings."""

    def refuse(what: str, was: object, now: object) -> None:
        raise RunFileError(
            f"{first.path} and {other.path} can't be put together: {what} is {was} in the one and {now} in the other. "
            "`nnconform report` and `nnconform compare` take them side by side."
        )

    for key in SAME:
        if first.meta.get(key) != other.meta.get(key):
            refuse({"nnconform": "the version of nnconform", "standard": "the standard"}.get(key, f"the list of {key}"),
                   first.meta.get(key), other.meta.get(key))  # fmt: skip
    for name in dict.fromkeys([*first.plan, *other.plan]):
        if name not in NOT_THE_PLANS and first.plan.get(name) != other.plan.get(name):
            refuse(f"{name} of the plan", _or_all(first.plan.get(name)), _or_all(other.plan.get(name)))
    for backend, bindings in first.meta.get("bindings", {}).items():
        theirs = other.meta.get("bindings", {}).get(backend, bindings)
        for name in bindings.keys() | theirs.keys():
            if bindings.get(name) != theirs.get(name):
                refuse(f"the entry point {name} of {backend}", _known(bindings.get(name)), _known(theirs.get(name)))


def _or_all(chosen: Any) -> str:
    return ", ".join(map(str, chosen)) or "all" if isinstance(chosen, list) else str(chosen)


def _known(binding: Any) -> str:
    return "unknown" if binding is None else "bound as " + to_json(binding)


# Subjects, shards and what else is remembered


def _subjects(parts: Sequence[_Part]) -> list[Subject]:
    """The subjects of all, those of one backend together. Raises RunFileError where two of one name are not the same."""
    order = _backends(parts)
    found: dict[str, tuple[Subject, Path]] = {}
    for part in parts:
        for one in part.subjects:
            known, path = found.get(one.id, (one, part.path))
            found[one.id] = (_united(known, path, one, part.path), path if known.versions else part.path)
    return sorted(
        (subject for subject, _ in found.values()),
        key=lambda s: (order.index(s.backend) if s.backend in order else len(order), s.configuration != "default", s.id),
    )  # fmt: skip


def _united(known: Subject, path: Path, other: Subject, its_path: Path) -> Subject:
    for what in ("backend", "configuration", "device"):
        if getattr(known, what) != getattr(other, what):
            raise RunFileError(
                f"{path} and {its_path} can't be put together: {known.id} has the {what} {getattr(known, what)} in the one "
                f"and {getattr(other, what)} in the other."
            )
    if known.versions and other.versions and dict(known.versions) != dict(other.versions):
        names = [
            name
            for name in {**known.versions, **other.versions}
            if known.versions.get(name) != other.versions.get(name)
        ]
        one, two = (
            ", ".join(f"{name} {side.get(name, 'absent')}" for name in names)
            for side in (known.versions, other.versions)
        )
        raise RunFileError(
            f"{path} and {its_path} can't be put together: {known.id} is {one} in the one and {two} in the other. A run file "
            "never mixes two versions under one name; `nnconform history` and `nnconform report` take both files."
        )
    versions, environment = known.versions or other.versions, dict(known.environment)
    if known.versions and other.versions:
        differing = [
            name
            for name in {**environment, **other.environment}
            if environment.get(name) != other.environment.get(name)
        ]
        differing = sorted({*environment.get("differs_between_parts", ()), *differing} - {"differs_between_parts"})
        environment |= {"differs_between_parts": differing} if differing else {}
    elif other.versions:
        environment = dict(other.environment)
    problems = dict.fromkeys(problem for problem in (known.problem, other.problem) if problem)
    return Subject(known.id, known.backend, known.configuration, known.device, versions, environment, "; ".join(problems))  # fmt: skip


def _backends(parts: Sequence[_Part]) -> list[str]:
    """The backends of all: in the order of the plan where one names them all, otherwise by name."""
    named = [list(map(str, part.plan.get("backends", ()))) for part in parts]
    every = sorted({name for names in named for name in names})
    return next((names for names in named if sorted(names) == every), every)


def _shards(parts: Sequence[_Part]) -> dict[str, dict[str, Any]]:
    """Which shards of each subject are there; nothing of subjects that were asked everything in one run."""
    found: dict[str, tuple[dict[str, Any], Path]] = {}
    whole = {subject.id for part in parts for subject in part.subjects if subject.id not in part.shards}
    for part in parts:
        for subject, mine in part.shards.items():
            known, path = found.get(subject, (mine, part.path))
            if known["of"] != mine["of"]:
                raise RunFileError(
                    f"{path} and {part.path} can't be put together: {subject} was split into {known['of']} shards for the one "
                    f"and into {mine['of']} for the other."
                )
            present = sorted({*known["present"], *mine["present"]})
            functions = sorted({*known["functions"], *mine["functions"]})
            found[subject] = ({"of": mine["of"], "present": present, "functions": functions}, path)
    return {
        subject: one
        for subject, (one, _) in sorted(found.items())
        if subject not in whole and len(one["present"]) < one["of"]
    }


def _meta(parts: Sequence[_Part], shards: Mapping[str, Any]) -> dict[str, Any]:
    first = parts[0]
    plan = {name: value for name, value in first.plan.items() if name != "shard"}
    bindings = {name: bound for part in parts for name, bound in part.meta.get("bindings", {}).items()}
    commands = [str(part.meta.get("command", "")) for part in parts]
    meta = {
        **{key: first.meta[key] for key in SAME if key in first.meta},
        "plan": {**plan, "backends": _backends(parts), **({"shard": told(shards)} if shards else {})},
        "command": "; ".join(dict.fromkeys(filter(None, commands))),
        "environment": _environment([part.meta.get("environment", {}) for part in parts], shards),
        "bindings": dict(sorted(bindings.items())),
        "parts": [known for part in parts for known in part.meta.get("parts", None) or [_remembered_of(part)]],
    }
    return {**meta, "shards": dict(shards)} if shards else meta


def _remembered_of(part: _Part) -> dict[str, Any]:
    """What is kept of one file beyond its answers: on which machine which subjects were asked, and by which command."""
    return {
        "command": part.meta.get("command", ""),
        "environment": part.meta.get("environment", {}),
        "shard": part.plan.get("shard", ""),
        "subjects": {one.id: dict(one.environment) for one in part.subjects},
    }


def _environment(environments: Sequence[Mapping[str, Any]], shards: Mapping[str, Any]) -> dict[str, Any]:
    """What all machines have in common; of the rest every value. Of processor flags, those that all have."""
    united: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in environments for key in one if key not in ("shard", "command")):
        values = {to_json(one[key]): one[key] for one in environments if key in one}
        if len(values) == 1:
            (united[key],) = values.values()
        elif all(isinstance(value, list) for value in values.values()):
            common = set.intersection(*(set(value) for value in values.values()))
            united[key] = sorted(common)
            united[f"{key}_not_everywhere"] = sorted({one for value in values.values() for one in value} - common)
        else:
            united[key] = " | ".join(str(values[text]) for text in sorted(values))
    commands = dict.fromkeys(str(one["command"]) for one in environments if one.get("command"))
    united |= {"command": "; ".join(commands)} if commands else {}
    return {**united, "shard": told(shards)} if shards else united


def _other_machines(parts: Sequence[_Part]) -> Iterator[str]:
    """What in the machines differs for one subject: bits may depend on it."""
    for subject in dict.fromkeys(one.id for part in parts for one in part.subjects):
        of_it = [
            (part.path, one.environment)
            for part in parts
            for one in part.subjects
            if one.id == subject and one.versions
        ]
        for key in OF_THE_MACHINE:
            values = {to_json(environment.get(key)): path for path, environment in of_it}
            if len(values) > 1:
                one, other = list(values.values())[:2]
                yield (
                    f"{subject} was asked on machines whose {key.replace('_', ' ')} differ ({one}, {other}): its results may "
                    "depend on which function was asked where. The environment of each part is kept."
                )


def _named(aside: Path, out: Path) -> None:
    """Give the finished file its name, unless somebody else took it meanwhile."""
    try:
        with contextlib.suppress(OSError):
            aside.chmod(0o666 & ~_umask())
        try:
            os.link(aside, out)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if out.exists():
                raise FileExistsError from None
            aside.rename(out)
    except FileExistsError as error:
        raise RunFileError(f"{out} is already there and is not overwritten: give another --out.") from error


def _umask() -> int:
    known = os.umask(0)
    os.umask(known)
    return known
