"""What a framework did in each of its versions: verdicts of functions, where they changed, and since when a deviation is there.

A pure function of judged runs. Runs are put in order by the versions of their subjects (PEP 440); a column is a version, a
row a function. Deviations are matched by the names that stay (function, rule, region, entry point, dtype, mode), never by
what was measured. Knows the judge's records; no framework, no format.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from packaging.version import InvalidVersion, Version

from conformance.cases.case import Case
from conformance.formats import FORMATS, values
from conformance.observe.observation import Output, Subject
from conformance.standard import CATALOGUE

from .findings import lost
from .message import rule_name
from .records import BINDING_LEVELS, FAULTS, SEVERITIES, Finding, Judgement, Result, Worst

STATES = (
    "crashed", "timed_out", "wrong", "raised", "inaccurate", "undecided", "convention", "information", "conforms", "unspecified",
    "not_supported", "not_provided", "could_not_run", "not_asked",
)  # fmt: skip
"""What a cell says; of several results the first of these."""

CHANGES = {
    "worse": "what conformed deviates now, or what deviated does so more severely",
    "better": "what deviated conforms now, or does so less severely",
    "new": "entry points are there that the version before did not have",
    "gone": "entry points that the version before had are not there any more",
    "choice": "another choice where the standard leaves one free",
    "bits": "other bits came back, and every verdict is the same",
}
"""How a cell may differ from the column before, and what that means."""

SILENT = ("not_provided", "could_not_run")
"""Outcomes of entry points that a version does not have, as far as can be told."""

FAILED = ("raised", "crashed", "timed_out")
"""Outcomes of calls that gave no answer which could be right or wrong."""

YES, NO, ABSENT, RAISED, UNASKED = "deviates", "conforms", "not_provided", "raised", "not_asked"
"""What a version is to a cause: it shows it, it does not, it lacks the entry points, its calls failed, or it was not asked."""


class Answers(Protocol):
    """What is read of a run file beyond its judgement."""

    def answers(self, subject: str) -> Mapping[str, tuple[str, str]]: ...
    def cases(self, names: Collection[str]) -> Mapping[str, Case]: ...
    def array(self, item: Any) -> NDArray[np.unsignedinteger]: ...


@dataclass(frozen=True)
class Seen:
    """One run: what its file is called, its judgement, its `meta`, and the open file."""

    name: str
    judgement: Judgement
    meta: Mapping[str, Any]
    run: Answers


@dataclass(frozen=True)
class Column:
    """One version of a backend; `label` is unique in its table. `problem` says why it could not run."""

    label: str
    versions: Mapping[str, str]
    name: str
    problem: str = ""


@dataclass(frozen=True)
class Cell:
    """One function in one version: one of STATES, how many of its results deviate, how it differs from the version before (keys of
    CHANGES), and that in words."""

    state: str
    deviating: int = 0
    results: int = 0
    changes: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Row:
    """One function, a cell per column."""

    function: str
    cells: tuple[Cell, ...]

    @property
    def changed(self) -> bool:
        """Whether any version differs from the one before."""
        return any(cell.changes for cell in self.cells)


@dataclass(frozen=True)
class Cause:
    """A deviation that is not in all versions: `when` in words, `versions` what each column is to it, `worst` of the latest
    version that shows it. `ids` are of the findings behind it; `function` may be `*`."""

    function: str
    rule: str
    level: str
    severity: str
    region: str
    entry_points: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    when: str
    versions: tuple[str, ...]
    message: str
    worst: Worst | None
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One backend in one configuration on one device, over its versions."""

    backend: str
    configuration: str
    device: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    causes: tuple[Cause, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """`jax on cpu, x64`."""
        return f"{self.backend} on {self.device}" + (
            "" if self.configuration == "default" else f", {self.configuration}"
        )


@dataclass(frozen=True)
class History:
    """A table for each backend, configuration and device, in the order in which they were first met."""

    tables: tuple[Table, ...]


@dataclass(frozen=True)
class _Version:
    """A column with what it is made of; results by function."""

    column: Column
    seen: Seen
    subject: Subject
    results: Mapping[str, Sequence[Result]]


Key = tuple[str, str, str, str, str]
"""Entry point, rule, dtype, mode, region: by which results of two versions are matched."""

Cause_ = tuple[str, str, str]
"""Function, rule, region."""

Combination = tuple[str, str, str]
"""Entry point, dtype, mode."""


def history(seen: Sequence[Seen]) -> History:
    """The tables of these runs. Where the runs of a table were asked by different plans, only what all were asked is in it."""
    grouped: dict[tuple[str, str, str], list[tuple[int, Seen, Subject]]] = defaultdict(list)
    for place, one in enumerate(seen):
        for subject in one.judgement.subjects:
            grouped[subject.backend, subject.configuration, subject.device].append((place, one, subject))
    return History(tuple(_table(*key, members) for key, members in grouped.items()))


def _table(backend: str, configuration: str, device: str, members: Sequence[tuple[int, Seen, Subject]]) -> Table:
    names = list(dict.fromkeys(name for _, _, subject in members for name in subject.versions))
    ordered = sorted(members, key=lambda one: (*(_comparable(one[2].versions.get(name, "")) for name in names), one[0]))
    labels = _labels([(seen.name, subject) for _, seen, subject in ordered])
    versions = []
    for label, (_, seen, subject) in zip(labels, ordered, strict=True):
        by_function: dict[str, list[Result]] = defaultdict(list)
        for result in _of_what_is_there([one for one in seen.judgement.results if one.subject == subject.id]):
            by_function[result.function].append(result)
        versions.append(
            _Version(Column(label, subject.versions, seen.name, subject.problem), seen, subject, by_function)
        )
    versions, notes = _alike(versions)
    other_bits = cache(lambda old, new: _other_bits(versions[old], versions[new]))
    rows = tuple(_row(name, versions, other_bits) for name in CATALOGUE if any(name in one.results for one in versions))
    columns = tuple(version.column for version in versions)
    return Table(backend, configuration, device, columns, rows, tuple(_causes(versions)), tuple(notes))


# Columns


def _comparable(version: str) -> tuple[int, Any]:
    """Versions in their order; what is no version before them, none at all behind them."""
    try:
        return (1, Version(version)) if version else (2, "")
    except InvalidVersion:
        return (0, version)


def _labels(members: Sequence[tuple[str, Subject]]) -> list[str]:
    """The version of the framework; where several share it, with the packages that differ; where these too, with the file's name."""

    def packages(subject: Subject) -> dict[str, str]:
        return dict(list(subject.versions.items())[1:])

    labels = [subject.version or "unknown version" for _, subject in members]
    twins = [place for place, label in enumerate(labels) if labels.count(label) > 1]
    for label in dict.fromkeys(labels[place] for place in twins):
        same = [place for place in twins if labels[place] == label]
        several = [packages(members[place][1]) for place in same]
        names = [name for name in dict.fromkeys(name for one in several for name in one)
                 if len({one.get(name, "") for one in several}) > 1]  # fmt: skip
        for place, one in zip(same, several, strict=True):
            labels[place] = ", ".join([label, *(f"{name} {one.get(name, 'absent')}" for name in names)])
    return [
        f"{label} ({members[place][0]})" if labels.count(label) > 1 else label for place, label in enumerate(labels)
    ]


def _alike(versions: Sequence[_Version]) -> tuple[list[_Version], list[str]]:
    """The versions with what all of them were asked, and what to say of it; untouched where all were asked by one plan."""
    notes = [f"{one.column.label} could not run: {one.column.problem}" for one in versions if one.column.problem]
    if len(versions) == 1:
        notes.append(f"one version only, {versions[0].column.label}: there is nothing to hold it against.")
    said = [_plan_of(one.seen.meta) for one in versions]
    differing = [
        name
        for name in dict.fromkeys(name for one in said for name in one)
        if len({one.get(name, "") for one in said}) > 1
    ]
    if not differing:
        return list(versions), notes
    common: dict[str, set[tuple[Any, ...]]] = {}
    for version in versions:
        for function, results in version.results.items():
            mine = {_identity(result) for result in results}
            common[function] = common[function] & mine if function in common else mine
    kept = [
        _Version(one.column, one.seen, one.subject,
                 {name: some for name, every in one.results.items() if (some := [r for r in every if _identity(r) in common[name]])})
        for one in versions
    ]  # fmt: skip
    before, after = (sum(len(some) for one in which for some in one.results.values()) for which in (versions, kept))
    what = "; ".join(
        f"{name} {' / '.join(dict.fromkeys(one.get(name, '') or 'all' for one in said))}" for name in differing
    )
    notes.append(
        f"not asked by the same plan ({what}): only what was asked in all of them is compared, {after:,} of {before:,} results."
    )
    return kept, notes


def _plan_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """What two runs must have in common to have been asked the same, as text."""
    plan = {
        name: value for name, value in meta.get("plan", {}).items() if name not in ("backends", "device", "threads")
    }
    said = {
        name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in plan.items()
    }
    return {**said, **{name: str(meta[name]) for name in ("standard", "nnconform") if name in meta}}


def _identity(result: Result) -> tuple[Any, ...]:
    return (*_key(result), repr(sorted(result.parameters.items())))


def _of_what_is_there(results: Sequence[Result]) -> Iterator[Result]:
    """The results without those that an entry point has though there is none: a dtype that nobody has may be refused all the same."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for result in results:
        if result.rule == f"{result.function}.value":
            values[result.function, result.entry_point].add(result.outcome)
    for result in results:
        outcomes = values.get((result.function, result.entry_point), set())
        if not outcomes or outcomes - set(SILENT) or result.outcome in SILENT:
            yield result


# Cells


def _row(function: str, versions: Sequence[_Version], other_bits: Callable[[int, int], Mapping[str, int]]) -> Row:
    cells: list[Cell] = []
    before: int | None = None
    for place, version in enumerate(versions):
        results = version.results.get(function, ())
        state = _state(results) if results else "could_not_run" if version.column.problem else "not_asked"
        changes: tuple[str, ...] = ()
        said = ""
        if results and before is not None and state != "could_not_run":
            changes, said = _changes(function, versions[before], version)
            if not changes and (differing := other_bits(before, place).get(function, 0)):
                changes, said = ("bits",), f"{differing:,} answers with other bits"
        cells.append(Cell(state, sum(r.outcome in FAULTS for r in results), len(results), changes, said))
        if results and state != "could_not_run":
            before = place
    return Row(function, tuple(cells))


def _state_of(result: Result) -> str:
    if result.outcome != "deviates":
        return result.outcome
    return result.severity or "inaccurate"


def _state(results: Iterable[Result]) -> str:
    return min(map(_state_of, results), key=STATES.index)


def _key(result: Result) -> Key:
    return (result.entry_point, result.rule, result.dtype, result.mode, result.region)


def _changes(function: str, before: _Version, after: _Version) -> tuple[tuple[str, ...], str]:
    """How a function differs from the version before, as keys of CHANGES and in words."""
    old, new = (version.results.get(function, ()) for version in (before, after))
    had, has = _provided(old), _provided(new)
    ranks = [_ranks(results, had & has) for results in (old, new)]
    calls = [_calls(results) for results in (old, new)]
    counts = {"worse": 0, "better": 0, "new": len(has - had), "gone": len(had - has), "choice": 0}
    for key in ranks[0].keys() | ranks[1].keys():
        (was, is_free), (now, is_free_now) = (rank.get(key, (len(STATES), True)) for rank in ranks)
        # Where no answer came there was none to be right, and none is right now.
        silent = any(rank == len(STATES) and some.fail(*key[:4]) for rank, some in zip((was, now), calls, strict=True))
        if was != now and not silent:
            counts["choice" if is_free and is_free_now else "worse" if now < was else "better"] += 1
    words = {
        "worse": "worse",
        "better": "better",
        "new": "entry points appeared",
        "gone": "entry points went",
        "choice": "other choices",
    }
    changes = tuple(name for name, count in counts.items() if count)
    return changes, ", ".join(f"{counts[name]:,} {words[name]}" for name in changes)


def _provided(results: Iterable[Result]) -> set[str]:
    """Entry points that exist, as far as anything was asked of them."""
    return {result.entry_point for result in results if result.outcome not in SILENT}


def _ranks(results: Iterable[Result], entry_points: Collection[str]) -> dict[Key, tuple[int, bool]]:
    """Of each key with a fault, the severest over all parameters, as a place in STATES; and whether its rule leaves a choice."""
    found: dict[Key, tuple[int, bool]] = {}
    for result in results:
        if result.outcome in FAULTS and result.entry_point in entry_points:
            rank = (STATES.index(_state_of(result)), result.level not in BINDING_LEVELS)
            found[_key(result)] = min(rank, found.get(_key(result), rank))
    return found


@dataclass(frozen=True)
class _Calls:
    """What came of the calls of one function: outcomes by entry point, dtype and mode, and by these and the rule."""

    outcomes: Mapping[tuple[str, ...], Collection[str]]

    def fail(self, entry_point: str, rule: str, dtype: str, mode: str) -> bool:
        """Whether there was no answer to what a rule is about: every call failed, or none was judged because others failed before."""
        asked = (entry_point, dtype, mode)
        if (*asked, rule) in self.outcomes:
            under = set(self.outcomes[(*asked, rule)]) - {"not_supported", *SILENT}
            return bool(under) and under <= set(FAILED)
        return bool(set(FAILED) & set(self.outcomes.get(asked, ())))


def _calls(results: Iterable[Result]) -> _Calls:
    """The calls of one function, but for those that must be refused."""
    outcomes: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for result in results:
        if ".errors." not in result.rule:
            asked = (result.entry_point, result.dtype, result.mode)
            outcomes[asked].add(result.outcome)
            outcomes[(*asked, result.rule)].add(result.outcome)
    return _Calls(outcomes)


def _other_bits(before: _Version, after: _Version) -> dict[str, int]:
    """Of each function in which a number changed, how many answers to questions asked of both have other bits. NaNs are all equal."""
    old, new = (version.seen.run.answers(version.subject.id) for version in (before, after))
    differing = {
        case
        for case in old.keys() & new.keys()
        if old[case] != new[case] and old[case][0] == new[case][0] == "returned"
    }
    by_function: dict[str, list[str]] = defaultdict(list)
    for name, case in sorted(before.seen.run.cases(differing).items()):
        by_function[case.function].append(name)
    return {
        function: len(names)
        for function, names in by_function.items()
        if any(_differ(before.seen.run, after.seen.run, old[name][1], new[name][1]) for name in names)
    }


def _differ(old_run: Answers, new_run: Answers, old: str, new: str) -> bool:
    """Whether two answers differ in a number, or in dtype or shape."""
    pairs = [
        [Output(blob, dtype, tuple(shape)) for blob, dtype, shape in json.loads(text).get("outputs", ())]
        for text in (old, new)
    ]
    if len(pairs[0]) != len(pairs[1]):
        return True
    for one, other in zip(*pairs, strict=True):
        if (one.dtype, one.shape) != (other.dtype, other.shape):
            return True
        if one.blob == other.blob:
            continue
        bits, others = old_run.array(one), new_run.array(other)
        apart = bits != others
        if one.dtype in FORMATS:
            apart &= ~(np.isnan(values(bits, FORMATS[one.dtype])) & np.isnan(values(others, FORMATS[one.dtype])))
        if apart.any():
            return True
    return False


# Causes


def _causes(versions: Sequence[_Version]) -> Iterator[Cause]:
    """Deviations that are in some versions and not in all, the worst first."""
    deviating = [_combinations(version) for version in versions]
    found: list[Cause] = []
    for cause, cluster in _clusters(versions):
        by_vector: dict[tuple[str, ...], list[Combination]] = defaultdict(list)
        shown = [_shown(cause, findings, deviating[place]) for place, findings in enumerate(cluster)]
        for combination in sorted(set().union(*shown)):
            shows = {place for place, some in enumerate(shown) if combination in some}
            vector = tuple(
                YES if place in shows else _why_not(cause, combination, version)
                for place, version in enumerate(versions)
            )
            # Calls that fail here and fail there are one deviation, under whichever region each is filed.
            if RAISED in vector and any(_fails(cause, combination, versions[place]) for place in shows):
                vector = tuple(YES if what == RAISED else what for what in vector)
            by_vector[vector].append(combination)
        for vector, combinations in by_vector.items():
            if {ABSENT, RAISED, NO} & set(vector):
                found.append(_cause(cause, vector, combinations, cluster, versions))
    yield from sorted(found, key=_rank)


def _clusters(versions: Sequence[_Version]) -> Iterator[tuple[Cause_, list[list[Finding]]]]:
    """Findings of all versions about one function, rule and region that have entry points in common, by version."""
    grouped: dict[Cause_, list[tuple[set[str], list[list[Finding]]]]] = defaultdict(list)
    for place, version in enumerate(versions):
        for finding in version.seen.judgement.findings:
            if finding.subject != version.subject.id or finding.status == "stale":
                continue
            groups = grouped[finding.function, rule_name(finding), finding.region]
            names = set(finding.entry_points) if finding.function != "*" else {"*"}
            joined: list[list[Finding]] = [[] for _ in versions]
            joined[place].append(finding)
            for group in [group for group in groups if group[0] & names]:
                groups.remove(group)
                names |= group[0]
                joined = [one + other for one, other in zip(group[1], joined, strict=True)]
            groups.append((names, joined))
    for cause, groups in grouped.items():
        for _, by_version in groups:
            yield cause, by_version


def _combinations(version: _Version) -> dict[str, set[Combination]]:
    """Where anything deviates, by function; flushing, which is one cause for all functions, under `*`."""
    found: dict[str, set[Combination]] = defaultdict(set)
    for function, results in version.results.items():
        for result in results:
            if result.outcome in FAULTS:
                flushes = result.rule.endswith(".flush")
                found["*" if flushes else function].add((result.entry_point, result.dtype, result.mode))
    return found


def _shown(cause: Cause_, findings: Sequence[Finding], deviating: Mapping[str, set[Combination]]) -> set[Combination]:
    """Entry points, dtypes and modes in which these findings show; of what all functions have in common, dtypes and modes."""
    here = deviating.get(cause[0], set())
    if cause[0] == "*":
        return {("*", dtype, mode) for _, dtype, mode in here} if findings else set()
    return {
        (name, dtype, mode)
        for name, dtype, mode in here
        if any(name in f.entry_points and dtype in f.dtypes and mode in f.modes for f in findings)
    }


def _why_not(cause: Cause_, combination: Combination, version: _Version) -> str:
    """What a version is to a cause that it does not show."""
    entry_point, dtype, mode = combination
    if cause[0] == "*":
        every = (result for results in version.results.values() for result in results)
        asked = any((r.dtype, r.mode) == (dtype, mode) and r.rule.endswith(".flush") for r in every)
        return NO if asked else UNASKED
    results = [result for result in version.results.get(cause[0], ()) if result.entry_point == entry_point]
    if not results or all(result.outcome == "could_not_run" for result in results):
        return UNASKED
    mine = [result for result in results if (result.dtype, result.mode) == (dtype, mode)]
    if all(result.outcome in ("not_provided", "could_not_run") for result in mine or results):
        return ABSENT
    if not mine:
        return UNASKED
    if all(result.outcome in ("not_supported", *SILENT) for result in mine):
        return ABSENT
    return RAISED if _fails(cause, combination, version) else NO


def _fails(cause: Cause_, combination: Combination, version: _Version) -> bool:
    """Whether no call that the cause is about gave an answer."""
    entry_point, dtype, mode = combination
    calls = _calls(version.results.get(cause[0], ()))
    return calls.fail(entry_point, f"{cause[0]}.{cause[1]}", dtype, mode)


def _cause(
    cause: Cause_, vector: tuple[str, ...], combinations: Sequence[Combination], cluster: Sequence[Sequence[Finding]],
    versions: Sequence[_Version],
) -> Cause:  # fmt: skip
    last = max(place for place, what in enumerate(vector) if what == YES and cluster[place])
    names, dtypes, modes = ({combination[part] for combination in combinations} for part in range(3))
    behind = [
        finding
        for finding in cluster[last]
        if dtypes & set(finding.dtypes)
        and modes & set(finding.modes)
        and (names == {"*"} or names & set(finding.entry_points))
    ]
    worst = min(behind, key=lambda finding: (SEVERITIES.index(finding.severity), -lost(finding.worst)))
    every = {finding.id for findings in cluster for finding in findings}
    called = tuple(sorted(names)) if names != {"*"} else worst.entry_points
    return Cause(
        cause[0], cause[1], worst.level, worst.severity, cause[2], called,
        tuple(name for name in dict.fromkeys((*worst.dtypes, *sorted(dtypes))) if name in dtypes),
        tuple(mode for mode in ("eager", "graph", "compiled") if mode in modes),
        when(vector, [version.column.label for version in versions]), vector, worst.message, worst.worst, tuple(sorted(every)),
    )  # fmt: skip


def when(vector: Sequence[str], labels: Sequence[str]) -> str:
    """`since 0.6.2`, `until 0.4.30`, `from 0.5.0 to 0.6.2`, `only in 0.6.2`, `in 0.4.30 and 0.6.2`; versions that were not asked are
    passed over."""
    known = [(what, label) for what, label in zip(vector, labels, strict=True) if what != UNASKED]
    places = [place for place, (what, _) in enumerate(known) if what == YES]
    first, last = places[0], places[-1]
    if len(places) != last - first + 1:
        shown = [known[place][1] for place in places]
        return f"in {', '.join(shown[:-1])} and {shown[-1]}"
    if last == len(known) - 1:
        return f"since {known[first][1]}{_alone({what for what, _ in known[:first]}, 'first')}"
    if first == 0:
        return f"until {known[last][1]}{_alone({what for what, _ in known[last + 1 :]}, 'last')}"
    return f"only in {known[first][1]}" if first == last else f"from {known[first][1]} to {known[last][1]}"


def _alone(others: Collection[str], place: str) -> str:
    """What to add where the versions before, or after, had nothing that could have been right."""
    if NO in others:
        return ""
    return f", the {place} to {'answer' if RAISED in others else 'have it'}"


def _rank(cause: Cause) -> tuple[Any, ...]:
    """What gates first, then what is otherwise in another version, the severest, what lost most; of equals in the order of names."""
    return (
        cause.level not in BINDING_LEVELS,
        NO not in cause.versions,
        SEVERITIES.index(cause.severity),
        -round(lost(cause.worst), 3),
        cause.function,
        cause.rule,
        cause.region,
        cause.when,
        cause.entry_points,
    )
