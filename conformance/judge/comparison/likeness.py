"""What two runs can't be compared in like with like: sentences for a person, each with what still can be.

Knows what run files remember of their plan and their machines; no verdict and no framework.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.cases.case import Case
from conformance.observe.observation import Subject

MACHINE = {"cpu": "processor", "machine": "architecture", "byte_order": "byte order"}
"""Entries of a subject's environment that decide on bits, and what people call them."""

SETTINGS = {"threads": "threads", "rounding": "rounding", "flush_to_zero": "flush-to-zero", "denormals_are_zero": "denormals-are-zero"}  # fmt: skip

NO_MATTER = ("_CACHE_DIR", "_CACHE")
"""Ends the names of variables that change where things are kept, and nothing that is computed."""

RESTRICTIONS = ("functions", "dtypes", "modes", "rules")

VERDICTS_ONLY = "other bits, and errors that differ by little, may be its doing; errors raised, dtypes and large errors still compare"

NAMED = 6
"""Names that a sentence lists."""


def together(sentences: Iterable[tuple[str, str]]) -> list[str]:
    """Sentences about subjects as pairs of the subject's id and the rest; what is true of several subjects is said once."""
    subjects: dict[str, list[str]] = defaultdict(list)
    for subject, rest in sentences:
        subjects[rest].append(subject)
    return [f"{', '.join(dict.fromkeys(names))}: {rest}" for rest, names in subjects.items()]


def of_plans(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """From the `meta` of both runs: other plans, other standards, other versions of nnconform."""
    was, now = (dict(meta.get("plan", {})) for meta in (old, new))
    told = []
    for key in RESTRICTIONS:
        if was.get(key) != now.get(key):
            told.append(f"{key}: {_restricted(was.get(key))} before, {_restricted(now.get(key))} now")
    if was.get("tier") != now.get("tier"):
        told.append(f"tier: {was.get('tier')} before, {now.get('tier')} now")
    if told:
        yield f"The runs have different plans ({'; '.join(told)}). Questions that both asked are compared, all others are only counted."
    if was.get("device") != now.get("device"):
        yield f"The device was {was.get('device')} and is {now.get('device')}: {VERDICTS_ONLY}."
    if was.get("threads") != now.get("threads"):
        yield f"The frameworks had {was.get('threads')} threads and have {now.get('threads')}: sums may be added in another order, so {VERDICTS_ONLY}."
    if old.get("nnconform") != new.get("nnconform"):
        yield (
            f"nnconform was {old.get('nnconform')} and is {new.get('nnconform')}: it may ask and call differently. Both runs are judged by the "
            "present standard; equal questions are compared."
        )
    elif old.get("standard") != new.get("standard"):
        yield "The runs were planned by different texts of the standard. Both are judged by the present one; equal questions are compared."


def of_machines(old: Subject, new: Subject) -> Iterator[str]:
    """Machines and settings under which the same framework may compute other bits."""
    was, now = old.environment, new.environment
    if old.device != new.device:
        yield f"the device was {old.device} and is {new.device}: {VERDICTS_ONLY}."
    for key, name in MACHINE.items():
        if was.get(key) != now.get(key):
            yield f"the {name} was {was.get(key)} and is {now.get(key)}: {VERDICTS_ONLY}."
    flags = [set(side.get("cpu_flags") or ()) for side in (was, now)]
    if was.get("cpu") == now.get("cpu") and flags[0] != flags[1]:
        differing = sorted(flags[0] ^ flags[1])
        yield f"the processor's features differ ({_listed(differing)}): {VERDICTS_ONLY}."
    for key, name in SETTINGS.items():
        if was.get(key) != now.get(key) and key in was and key in now:
            yield f"{name} was {was.get(key)} and is {now.get(key)}: {VERDICTS_ONLY}."
    variables = [dict(side.get("variables") or {}) for side in (was, now)]
    names = sorted(
        name for name in {**variables[0], **variables[1]}
        if variables[0].get(name) != variables[1].get(name) and not name.endswith(NO_MATTER)
    )  # fmt: skip
    if names:
        yield f"environment variables that frameworks read differ ({_listed(names)})."


def of_problems(old: Subject, new: Subject, complete: tuple[bool, bool]) -> Iterator[str]:
    """Subjects that could not run or were not through."""
    for name, subject, through in (("OLD", old, complete[0]), ("NEW", new, complete[1])):
        if subject.problem:
            yield f"could not run to its end in {name}: {subject.problem}. Only what it answered is compared."
        elif not through:
            yield f"not complete in {name}: the run was interrupted, and `nnconform run ... --resume` goes on with it. Only what it answered is compared."


def of_questions(sides: Sequence[tuple[str, Iterable[Case]]], shared: int) -> Iterator[str]:
    """Questions that only one side was asked: how many, and what they have in common. `sides` are names with those cases."""
    for name, cases in sides:
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        total = 0
        for case in cases:
            total += 1
            for key in ("function", "entry_point", "dtype", "mode"):
                counted[key][str(getattr(case, key))] += 1
        if total:
            functions = _listed([one for one, _ in counted["function"].most_common()])
            yield (
                f"{total:,} questions only in {name}, about {functions} "
                f"(in {_listed(sorted(counted['dtype']))}; {_listed(sorted(counted['mode']))}). {shared:,} are in both and are compared."
            )


def of_subjects(only_old: Sequence[Subject], only_new: Sequence[Subject]) -> Iterator[str]:
    """Subjects that only one side has."""
    for name, subjects in (("OLD", only_old), ("NEW", only_new)):
        if subjects:
            yield f"Only {name} has {_listed([subject.id for subject in subjects])}: nothing to compare."


def _restricted(value: Any) -> str:
    return ", ".join(map(str, value)) if value else "all"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown
