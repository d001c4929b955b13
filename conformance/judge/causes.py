"""Differences put together by cause: one change of a framework shows under many rules, dtypes, modes, parameters and entry points.

As `findings`: a function, what changed about it, and the entry points that changed alike; derivatives under the value; what
happened to most functions of a mode is told once. Knows no framework.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from conformance.formats import FORMATS

from .changes import RANK, Change, Moved, Place, Seen
from .differences import (
    ANSWERS,
    CONSEQUENCE,
    CONVENTION,
    DEFAULTS,
    DTYPES,
    ERRORS,
    KIND_OF_RESULT,
    NUMBERS,
    PROVIDED,
    TRAINING,
    Difference,
)
from .message import folded, short, ulps
from .records import SEVERITIES

SEVERAL = 4
"""Functions from which on the same error, dtype or derivative that changed is one change of the framework."""

MOST = 6
SHARE = 0.3
"""Functions, and share of those asked in a mode and dtype, from which on numbers that moved there are one change of the framework."""

OUT_OF_LINE = 8.0
"""A function whose numbers moved by more than so many times the median of all is told on its own."""

PLACES = 6
"""Places that a change shows, worst first."""

_DTYPES = {name: place for place, name in enumerate([*FORMATS, "bool", "int8", "int32", "int64", "uint8"])}
_MODES = ("eager", "graph", "compiled")

Asked = Mapping[tuple[str, str, str], int]
"""How many functions a backend was asked about, by backend, mode and dtype."""

Sizes = Mapping[tuple[str, str, str, str, str, str], int]
"""Numbers that came back, by subject, function, entry point, dtype, mode and quantity."""

Spell = Callable[[Difference], tuple[str, ...]]
"""The input of a difference that has none yet, in words."""


@dataclass(frozen=True)
class Cluster:
    """Differences of one cause. `gist` is equal for clusters of several functions that have one."""

    backend: str
    function: str
    kind: str
    gist: str
    differences: tuple[Difference, ...]
    bits: tuple[Difference, ...] = ()
    """Numbers that moved besides, within their verdicts."""

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.case.function for one in (*self.differences, *self.bits)))


def clusters_of(
    differences: Iterable[Difference], backends: Mapping[str, str], asked: Asked, is_spelt_out: Callable[[Difference], bool]
) -> list[Cluster]:
    """All clusters; `backends` gives the backend of a subject, `is_spelt_out(bare)` whether a call with the defaults of a bare call
    written out has the same answer on both sides."""
    everything = [_without_default(one, is_spelt_out) for one in differences]
    numeric = [one for one in everything if one.aspect in (NUMBERS, CONSEQUENCE)]
    wide, rest = _widespread(numeric, backends, asked)
    clusters = [*wide, *_numeric_clusters(rest, backends)]
    clusters += _default_clusters([one for one in everything if one.aspect == DEFAULTS], backends)
    others = [one for one in everything if one.aspect not in (NUMBERS, CONSEQUENCE, DEFAULTS)]
    return [*clusters, *_other_clusters(others, backends)]


def _without_default(one: Difference, is_spelt_out: Callable[[Difference], bool]) -> Difference:
    """A bare call that changed because the function did, and no default of it, is a matter of numbers."""
    return one if one.aspect != DEFAULTS or is_spelt_out(one) else replace(one, aspect=NUMBERS)


# --- numbers ------------------------------------------------------------------------------------------------------------


def _widespread(
    numeric: Sequence[Difference], backends: Mapping[str, str], asked: Asked
) -> tuple[list[Cluster], list[Difference]]:
    """What moved in most functions of a mode and dtype, and what is left. A function that moved in eager mode on its own account
    did so in the other modes too."""
    clusters: list[Cluster] = []
    taken: set[int] = set()
    own: set[tuple[str, str]] = set()
    for mode in _MODES:
        found: dict[tuple[str, str], list[Difference]] = defaultdict(list)
        for kind in ("worse", "better", "bits"):
            by_dtype: dict[tuple[str, str], list[Difference]] = defaultdict(list)
            for one in numeric:
                if one.kind == kind and one.case.mode == mode and (one.subject, one.case.function) not in own:
                    by_dtype[(backends[one.subject], one.case.dtype)].append(one)
            for (backend, dtype), those in by_dtype.items():
                functions = {one.case.function for one in those}
                total = asked.get((backend, mode, dtype), 0)
                if len(functions) >= MOST and len(functions) >= SHARE * total:
                    found[(backend, kind)] += _in_line(those) if kind == "bits" else those
        for (backend, kind), those in found.items():
            clusters.append(Cluster(backend, "*", kind, f"numbers in {mode} mode", tuple(those)))
            taken.update(id(one) for one in those)
        own |= {(one.subject, one.case.function) for one in numeric if one.case.mode == mode and id(one) not in taken}
    # What follows from numbers that moved everywhere is not told again.
    touched = {(one.subject, one.case.function, one.case.mode) for one in numeric if id(one) in taken}
    rest = [
        one for one in numeric
        if id(one) not in taken and not (one.aspect == CONSEQUENCE and (one.subject, one.case.function, one.case.mode) in touched)
    ]  # fmt: skip
    return clusters, rest


def _in_line(those: Sequence[Difference]) -> list[Difference]:
    """Without the functions that moved much farther than the others."""
    farthest: dict[tuple[str, str], float] = defaultdict(float)
    for one in those:
        key = (one.case.function, one.case.dtype)
        farthest[key] = max(farthest[key], one.place.distance)
    limit = OUT_OF_LINE * max(1.0, median(farthest.values()))
    return [one for one in those if farthest[(one.case.function, one.case.dtype)] <= limit]


def _numeric_clusters(numeric: Sequence[Difference], backends: Mapping[str, str]) -> Iterator[Cluster]:
    """Of each function: what got worse, what got better, and bits alone where neither did."""
    by_function: dict[tuple[str, str], list[Difference]] = defaultdict(list)
    for one in numeric:
        by_function[(backends[one.subject], one.case.function)].append(one)
    for (backend, function), those in by_function.items():
        for group in _alike(those):
            mine = [one for one in those if _unit(one) in group]
            told = [one for one in mine if one.aspect == NUMBERS]
            by_kind = {kind: [one for one in told if one.kind == kind] for kind in ("worse", "better", "bits")}
            for kind in ("worse", "better"):
                # A verdict on how answers go together is of interest where no answer got worse or better by itself.
                by_kind[kind] = by_kind[kind] or [
                    one for one in mine if one.kind == kind and one.aspect == CONSEQUENCE and not (by_kind["worse"] or by_kind["better"])
                ]
            bits = tuple(by_kind.pop("bits"))
            for kind, found in by_kind.items():
                if found:
                    yield Cluster(backend, function, kind, "numbers", tuple(found), bits)
                    bits = ()
            if bits:
                yield Cluster(backend, function, "bits", "numbers", bits)


def _unit(one: Difference) -> tuple[str, str]:
    return (one.subject, one.case.entry_point)


def _alike(those: Sequence[Difference]) -> list[set[tuple[str, str]]]:
    """Subjects' entry points that gave the same answers to the same questions before and after; or were asked nothing alike."""
    answers: dict[tuple[str, str], dict[object, object]] = defaultdict(dict)
    for one in those:
        answers[_unit(one)][one.question] = one.answers
    groups: list[set[tuple[str, str]]] = []
    held: list[dict[object, object]] = []
    for unit, mine in answers.items():
        for group, theirs in zip(groups, held, strict=True):
            shared = mine.keys() & theirs.keys()
            if all(mine[question] == theirs[question] for question in shared):
                group.add(unit)
                theirs.update(mine)
                break
        else:
            groups.append({unit})
            held.append(dict(mine))
    return groups


# --- everything else ----------------------------------------------------------------------------------------------------


def _default_clusters(bare: Sequence[Difference], backends: Mapping[str, str]) -> Iterator[Cluster]:
    """Bare calls that changed while the calls with everything written out did not: another default."""
    by_function: dict[tuple[str, str], list[Difference]] = defaultdict(list)
    for one in bare:
        by_function[(backends[one.subject], one.case.function)].append(replace(one, kind="default changed"))
    for (backend, function), those in by_function.items():
        yield Cluster(backend, function, "default changed", "defaults", tuple(those))


def _other_clusters(others: Sequence[Difference], backends: Mapping[str, str]) -> list[Cluster]:
    by_cause: dict[tuple[str, str, str, str], list[Difference]] = defaultdict(list)
    for one in others:
        # Dtypes and entry points of a function are told together; every error has a cause of its own.
        apart = one.gist if one.aspect in (ERRORS, ANSWERS, KIND_OF_RESULT, CONVENTION) else ""
        by_cause[(backends[one.subject], one.case.function, one.kind, f"{one.aspect} {apart}")].append(one)
    clusters = []
    for (backend, function, kind, cause), those in by_cause.items():
        gist = f"{cause} {'; '.join(sorted({one.gist for one in those}))}" if those[0].aspect == DTYPES else cause
        clusters.append(Cluster(backend, function, kind, gist, tuple(those)))
    return _over_functions(clusters)


def _over_functions(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Clusters of the same gist in several functions become one. Entry points that came and went are told by function."""
    by_gist: dict[tuple[str, str, str], list[Cluster]] = defaultdict(list)
    for one in clusters:
        by_gist[(one.backend, one.kind, one.gist)].append(one)
    found: list[Cluster] = []
    for (backend, kind, gist), those in by_gist.items():
        if len(those) >= SEVERAL and those[0].differences[0].aspect not in (PROVIDED, TRAINING):
            found.append(Cluster(backend, "*", kind, gist, tuple(one for cluster in those for one in cluster.differences)))
        else:
            found += those
    return found


# --- in words -----------------------------------------------------------------------------------------------------------


def change_of(cluster: Cluster, sizes: Sizes, spell: Spell) -> Change:
    """The record of a cluster."""
    every = (*cluster.differences, *cluster.bits)
    ranked = sorted(cluster.differences, key=_rank_of)
    places = tuple(_with_input(one, spell) for one in _apart(ranked))
    entry_points = tuple(sorted({one.case.entry_point for one in cluster.differences}))
    moved = _numbers_moved(cluster.bits or (cluster.differences if cluster.kind == "bits" else ()), sizes, spell)
    subjects = tuple(sorted({one.subject for one in every}))
    severity = min((one.severity for one in cluster.differences), key=lambda name: SEVERITIES.index(name) if name in SEVERITIES else 9)
    made = Change(
        id="", kind=cluster.kind, backend=cluster.backend, subjects=subjects, function=cluster.function, functions=cluster.functions,
        rules=tuple(dict.fromkeys(one.place.rule for one in ranked)), entry_points=entry_points,
        dtypes=tuple(sorted({one.case.dtype for one in cluster.differences}, key=lambda name: _DTYPES.get(name, 99))),
        modes=tuple(sorted({one.case.mode for one in cluster.differences}, key=_MODES.index)),
        regions=tuple(dict.fromkeys(one.place.region for one in ranked if one.place.region)), severity=severity,
        message="", places=places, bits=moved, cases=len({(one.subject, one.case.id) for one in every}),
    )  # fmt: skip
    called = entry_points if cluster.function != "*" else ()
    return replace(made, id=identity(cluster.backend, cluster.kind, cluster.function, cluster.gist, *called), message=_message(made, cluster))


def identity(*names: str) -> str:
    """An id that is the same tomorrow: no version and no measured value is in it."""
    return hashlib.blake2b("\x1f".join(names).encode(), digest_size=6).hexdigest()


def rank(change: Change) -> tuple[object, ...]:
    """Sort key of changes, worst first."""
    severity = SEVERITIES.index(change.severity) if change.severity in SEVERITIES else len(SEVERITIES)
    return (RANK[change.kind], severity, -_size(change.worst), -change.cases, change.function, change.id)


def _size(place: Place | None) -> float:
    if place is None:
        return 0.0
    errors = [one.ulp for one in (place.old, place.new) if not math.isnan(one.ulp)]
    return max([*errors, place.distance], default=0.0)


def _rank_of(one: Difference) -> tuple[object, ...]:
    """Of equally bad places the value before a derivative, float32 and eager before others, then the larger."""
    severity = SEVERITIES.index(one.severity) if one.severity in SEVERITIES else 9
    favour = ("float32", "float64", "bfloat16", "float16")
    place = one.place
    return (
        severity,
        0 if one.case.quantity == "value" else 1,
        favour.index(place.dtype) if place.dtype in favour else len(favour),
        _MODES.index(place.mode) if place.mode in _MODES else 9,
        -_size(place),
        place.region,
    )


def _apart(ranked: Sequence[Difference]) -> list[Difference]:
    """The first of each rule and region, a few of them; of many functions the first of each."""
    found: dict[tuple[str, ...], Difference] = {}
    several = len({one.case.function for one in ranked}) > 1
    for one in ranked:
        found.setdefault((one.case.function,) if several else (one.place.rule, one.place.region), one)
    return list(found.values())[:PLACES]


def _with_input(one: Difference, spell: Spell) -> Place:
    return one.place if one.place.input or one.index < 0 else replace(one.place, input=spell(one))


def _numbers_moved(those: Sequence[Difference], sizes: Sizes, spell: Spell) -> Moved | None:
    if not those:
        return None
    farthest = max(those, key=lambda one: (one.place.distance, one.case.quantity == "value"))
    keys = {(one.subject, one.case.function, one.case.entry_point, one.case.dtype, one.case.mode, one.case.quantity) for one in those}
    changed = sum(one.place.changed for one in those)
    ends = [[getattr(one, name) for one in those if not math.isnan(getattr(one, name))] for name in ("low", "high")]
    return Moved(
        asked=max(sum(sizes.get(key, 0) for key in keys), changed), changed=changed, distance=farthest.place.distance,
        low=min(ends[0], default=math.nan), high=max(ends[1], default=math.nan), worst=_with_input(farthest, spell),
    )  # fmt: skip


def _message(change: Change, cluster: Cluster) -> str:
    """One sentence for a person; what is in `places` is not repeated."""
    worst = change.worst
    assert worst is not None
    first = min(cluster.differences, key=_rank_of)
    if change.kind in ("entry point gone", "entry point appeared"):
        went = change.kind == "entry point gone"
        return f"{', '.join(change.entry_points)} {'is not there any more' if went else 'is there now, and was not'}"
    if first.aspect in (ERRORS, ANSWERS, DTYPES):
        return _of_answers(change, first, worst)
    if change.kind == "default changed":
        return f"the bare call gives other numbers, and the call with everything written out does not: {_step(worst)}"
    if first.aspect == TRAINING and change.kind == "bits":
        return "draws other numbers from the same seed"
    if change.kind in ("result changed", "convention changed"):
        return f"{_seen(worst.new)}, and was {_seen(worst.old)}"
    if change.kind == "bits" and change.bits is not None:
        return _of_bits(change.bits, change)
    also = f"; besides, {_of_bits(change.bits, change)}" if change.bits is not None else ""
    return _of_verdict(change, worst) + also


def _of_verdict(change: Change, worst: Place) -> str:
    errors = [worst.old.ulp, worst.new.ulp]
    where = f" ({worst.region})" if worst.region else ""
    if (worst.new.message and worst.new.message == worst.old.message) or not (worst.old.observed or worst.new.observed):
        return folded(f"{worst.new.message or worst.old.message or worst.new.verdict}{where}")
    said = f"{_step(worst)}{where}"
    if not any(math.isnan(error) for error in errors):
        said += f", {ulps(errors[1])} ULP from the truth and was {ulps(errors[0])}"
    reason = worst.new.message if change.kind == "worse" else worst.old.message
    return folded(f"{said}{': ' + reason if reason else ''}")


def _of_bits(moved: Moved, change: Change) -> str:
    """On how many inputs, by how many ULP, where."""
    share = f"other bits for {moved.changed:,} of {moved.asked:,} numbers"
    by = "numbers became NaN or NaNs numbers" if math.isinf(moved.distance) else f"by at most {ulps_of(moved.distance)}"
    where = f", at inputs from {short(_near(moved.low))} to {short(_near(moved.high))}" if not math.isnan(moved.low) and change.function != "*" else ""
    errors = (moved.worst.old.ulp, moved.worst.new.ulp)
    precision = ""
    if not any(math.isnan(one) for one in errors) and ulps(errors[0]) != ulps(errors[1]):
        precision = f"; largest error there {ulps(errors[0])} ULP before and {ulps(errors[1])} now"
    return f"{share}, {by}{where}{precision}"


def ulps_of(distance: float) -> str:
    """A distance as a person reads it: `the sign of zero`, `1 ULP`, `3.4e+07 ULP`."""
    if distance == 0:
        return "the sign of zero"
    return f"{int(distance):,} ULP" if distance < 1e5 else f"{distance:.2g} ULP"


def _near(number: float) -> float:
    return float(f"{number:.4g}")


def _of_answers(change: Change, first: Difference, worst: Place) -> str:
    """An answer that became an error, the other way round, or another error."""
    was, now = worst.old, worst.new
    about = f"{first.case.quantity.replace('_', ' ')} in {', '.join(change.dtypes)}" if first.aspect == DTYPES else ""
    about = about or (first.case.detail.replace("-", " ") or first.case.quantity.replace("_", " "))
    return folded(f"{about}: {_seen(now)}; was {_seen(was)}")


def _step(place: Place) -> str:
    several = any(" = " in one for one in place.input)
    at = f"at {'' if several else 'x = '}{', '.join(place.input)}: " if place.input else ""
    return f"{at}{_seen(place.new)}, and was {_seen(place.old)}"


def _seen(seen: Seen) -> str:
    if seen.outcome not in ("returned", ""):
        return seen.message or seen.outcome.replace("_", " ")
    return seen.observed or seen.message or seen.verdict or "nothing"
