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

from ..message import folded, short, ulps
from ..records import SEVERITIES
from .changes import RANK, Change, Moved, Place, Seen
from .sides import (
    ANSWERS,
    CONSEQUENCE,
    CONVENTION,
    DEFAULTS,
    DTYPES,
    ERRORS,
    INVALID,
    KIND_OF_RESULT,
    NUMBERS,
    PROVIDED,
    TRAINING,
    Difference,
)

SEVERAL = 4
"""Functions from which on the same error, dtype or derivative that changed is one change of the framework."""

MOST = 6
SHARE = 0.3
"""Functions, and share of those asked in a mode and dtype, from which on numbers that moved there are one change of the framework."""

HALF = 0.5
"""Share of the functions from which on it is one change however far they moved; below, those that moved by `NEAR` ULP at most."""

NEAR = 64.0
SMALL = 4.0

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
    differences: Iterable[Difference],
    backends: Mapping[str, str],
    asked: Asked,
    is_spelt_out: Callable[[Difference], bool],
) -> list[Cluster]:
    """All clusters; `backends` gives the backend of a subject, `is_spelt_out(bare)` whether a call with the defaults of a bare call
    written out has the same answer on both sides."""
    everything = [_without_default(one, is_spelt_out) for one in differences]
    numeric = [one for one in everything if one.aspect in (NUMBERS, CONSEQUENCE)]
    wide, rest = _widespread(numeric, backends, asked)
    clusters = [*wide, *_over_functions(list(_numeric_clusters(rest, backends)))]
    clusters += _default_clusters([one for one in everything if one.aspect == DEFAULTS], backends)
    others = [one for one in everything if one.aspect not in (NUMBERS, CONSEQUENCE, DEFAULTS)]
    return _with_their_signs([*clusters, *_other_clusters(others, backends)])


def _with_their_signs(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Zeros that changed nothing but their sign, and numbers that moved at a kink alone, go with the choice made there."""
    signs = {(one.backend, one.function): one for one in clusters if one.kind == "convention changed"}
    found: list[Cluster] = []
    taken: dict[int, tuple[Difference, ...]] = {}
    for one in clusters:
        choice = signs.get((one.backend, one.function))
        if choice is not None and one.kind == "bits" and _is_chosen(one.differences, choice.differences):
            taken[id(choice)] = (*taken.get(id(choice), ()), *one.differences)
        else:
            found.append(one)
    return [replace(one, bits=(*one.bits, *taken[id(one)])) if id(one) in taken else one for one in found]


def _without_default(one: Difference, is_spelt_out: Callable[[Difference], bool]) -> Difference:
    """A bare call that changed because the function did, and no default of it, is a matter of numbers.

    So is one that moved by no more than rounding does: another default gives another number, not a neighbour.
    """
    if one.aspect != DEFAULTS or (is_spelt_out(one) and not (one.kind == "bits" and one.place.distance <= NEAR)):
        return one
    return replace(one, aspect=NUMBERS)


def _is_chosen(moved: Sequence[Difference], choices: Sequence[Difference]) -> bool:
    """Whether all that moved is explained by a choice: signs of zeros, or results at the very inputs that it is about."""
    at = {float(text) for one in choices for text in one.place.input}
    return all(one.place.distance == 0 or (one.low == one.high and one.low in at) for one in moved)


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
                total = asked.get((backend, mode, dtype), 0)
                those = _in_line(those, total) if kind == "bits" else those
                functions = {one.case.function for one in those}
                if len(functions) >= MOST and len(functions) >= (SHARE if kind == "bits" else HALF) * total:
                    found[(backend, kind)] += those
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


def _in_line(those: Sequence[Difference], total: int) -> list[Difference]:
    """Without the functions that moved much farther than the others, or far at all where these are few; nor those in which nothing
    but the sign of zeros did."""
    farthest: dict[tuple[str, str], float] = defaultdict(float)
    for one in those:
        key = (one.case.function, one.case.dtype)
        farthest[key] = max(farthest[key], one.place.distance)
    limit = OUT_OF_LINE * max(1.0, median(farthest.values()))
    if len({function for function, _ in farthest}) < HALF * total:
        limit = min(limit, NEAR)
    return [one for one in those if 0 < farthest[(one.case.function, one.case.dtype)] <= limit]


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
                    one
                    for one in mine
                    if one.kind == kind and one.aspect == CONSEQUENCE and not (by_kind["worse"] or by_kind["better"])
                ]
            bits = tuple(by_kind.pop("bits"))
            for kind, found in by_kind.items():
                if found:
                    yield Cluster(backend, function, kind, f"numbers of {function}", tuple(found), bits)
                    bits = ()
            if bits:
                yield Cluster(backend, function, "bits", _gist_of_bits(function, bits), bits)


def _gist_of_bits(function: str, bits: Sequence[Difference]) -> str:
    """A step of a rounding or two in one dtype and mode may come from what several functions call (exp); others are a function's own."""
    where = {(one.case.mode, one.case.dtype) for one in bits}
    small = all(0 < one.place.distance <= SMALL for one in bits) and len(where) == 1
    return f"numbers in {' '.join(*where)}" if small else f"numbers of {function}"


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
            equal = sum(mine[question] == theirs[question] for question in shared)
            # Configurations of one framework differ in some answers, and an entry point that changed in both did so for one cause.
            same_name = any(entry_point == unit[1] for _, entry_point in group)
            if equal == len(shared) or (same_name and equal):
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
    answered = {_failing(one): one for one in others if one.aspect == ANSWERS}
    for one in others:
        # The same exception that was in the way of an answer, and is now followed by another one.
        if (
            one.aspect == ERRORS
            and one.kind == "error changed"
            and one.case.topic not in INVALID
            and _failing(one) in answered
        ):
            like = answered[_failing(one)]
            one = replace(one, aspect=ANSWERS, kind=like.kind, gist=like.gist)
        # Dtypes and entry points of a function are told together; every error has a cause of its own.
        apart = one.gist if one.aspect in (ERRORS, ANSWERS, KIND_OF_RESULT, CONVENTION) else ""
        # An entry point that came or went is one change, however many functions it is bound to.
        about = one.case.entry_point.partition("(")[0] if one.aspect == PROVIDED else one.case.function
        by_cause[(backends[one.subject], about, one.kind, f"{one.aspect} {apart}")].append(one)
    clusters = []
    for (backend, _, kind, cause), those in by_cause.items():
        names = {one.case.function for one in those}
        function = names.pop() if len(names) == 1 else "*"
        gist = f"{cause} {'; '.join(sorted({one.gist for one in those}))}" if those[0].aspect == DTYPES else cause
        clusters.append(Cluster(backend, function, kind, gist, tuple(those)))
    return _over_functions(clusters)


def _failing(one: Difference) -> tuple[str, str, str, str]:
    """Whose call it is, and what was raised before; or now, where there was an answer before."""
    seen = one.place.new if one.place.old.outcome == "returned" else one.place.old
    return (one.subject, one.case.function, one.case.entry_point, seen.message)


def _over_functions(clusters: Sequence[Cluster]) -> list[Cluster]:
    """Clusters of the same gist in several functions become one. Entry points that came and went are told by function."""
    by_gist: dict[tuple[str, str, str], list[Cluster]] = defaultdict(list)
    for one in clusters:
        by_gist[(one.backend, one.kind, one.gist)].append(one)
    found: list[Cluster] = []
    for (backend, kind, gist), those in by_gist.items():
        if len(those) >= SEVERAL and those[0].differences[0].aspect not in (PROVIDED, TRAINING):
            found.append(
                Cluster(backend, "*", kind, gist, tuple(one for cluster in those for one in cluster.differences))
            )
        else:
            found += those
    return found


# --- in words -----------------------------------------------------------------------------------------------------------


def change_of(cluster: Cluster, sizes: Sizes, spell: Spell) -> Change:
    """The record of a cluster."""
    every = (*cluster.differences, *cluster.bits)
    ranked = sorted(cluster.differences, key=_rank_of)
    provided = ranked[0].aspect == PROVIDED  # what a name gives that was not there is compared with nothing
    places = () if provided else tuple(_with_input(one, spell) for one in _apart(ranked))
    entry_points = tuple(sorted({one.case.entry_point for one in cluster.differences}))
    moved = _numbers_moved(cluster.bits or (cluster.differences if cluster.kind == "bits" else ()), sizes, spell)
    subjects = tuple(sorted({one.subject for one in every}))
    severity = min(
        (one.severity for one in cluster.differences),
        key=lambda name: SEVERITIES.index(name) if name in SEVERITIES else 9,
    )
    made = Change(
        id="", kind=cluster.kind, backend=cluster.backend, subjects=subjects, function=cluster.function, functions=cluster.functions,
        rules=tuple(dict.fromkeys(one.place.rule for one in ranked)), entry_points=entry_points,
        dtypes=tuple(sorted({one.case.dtype for one in cluster.differences}, key=lambda name: _DTYPES.get(name, 99))),
        modes=tuple(sorted({one.case.mode for one in cluster.differences}, key=_MODES.index)),
        regions=tuple(dict.fromkeys(one.place.region for one in ranked if one.place.region)), severity=severity,
        message="", places=places, bits=moved, cases=len({(one.subject, one.case.id) for one in every}),
    )  # fmt: skip
    called = entry_points if cluster.function != "*" else ()
    return replace(
        made,
        id=identity(cluster.backend, cluster.kind, cluster.function, cluster.gist, *called),
        message=_message(made, cluster),
    )


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
    keys = {
        (one.subject, one.case.function, one.case.entry_point, one.case.dtype, one.case.mode, one.case.quantity)
        for one in those
    }
    changed = sum(one.place.changed for one in those)
    errors = [[one.errors[side] for one in those if not math.isnan(one.errors[side])] for side in (0, 1)]
    ends = [[getattr(one, name) for one in those if not math.isnan(getattr(one, name))] for name in ("low", "high")]
    return Moved(
        asked=max(sum(sizes.get(key, 0) for key in keys), changed), changed=changed, distance=farthest.place.distance,
        low=min(ends[0], default=math.nan), high=max(ends[1], default=math.nan), worst=_with_input(farthest, spell),
        errors=(max(errors[0], default=math.nan), max(errors[1], default=math.nan)),
    )  # fmt: skip


def _message(change: Change, cluster: Cluster) -> str:
    """One sentence for a person; what is in `places` is not repeated."""
    first = min(cluster.differences, key=_rank_of)
    worst = change.worst or first.place
    if change.kind in ("entry point gone", "entry point appeared"):
        went = change.kind == "entry point gone"
        name = first.case.entry_point.partition("(")[0]
        # Of a layer that looks functions up by name, a name came or went.
        name = name if name in change.entry_points else first.case.entry_point
        return f"{name} {'is not there any more' if went else 'is there now, and was not'}"
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
    turned = f"the result changed, {first.gist}: " if first.aspect == KIND_OF_RESULT else ""
    return f"{turned}{_of_verdict(change, worst)}" + (
        f"; besides, {_of_bits(change.bits, change)}" if change.bits is not None else ""
    )


def _of_verdict(change: Change, worst: Place) -> str:
    errors = [worst.old.ulp, worst.new.ulp]
    where = f" ({worst.region})" if worst.region else ""
    if (worst.new.message and worst.new.message == worst.old.message) or not (worst.old.observed or worst.new.observed):
        return folded(f"{worst.new.message or worst.old.message or worst.new.verdict}{where}")
    said = f"{_step(worst)}{where}"
    if worst.old.observed_bits and worst.old.observed_bits == worst.new.observed_bits:
        often = "more" if change.kind == "worse" else "fewer"
        said = f"{worst.changed:,} {often} of {worst.asked:,} inputs deviate{where}; at the worst of them nothing changed, {_at(worst)}{_seen(worst.new)}"
    if not any(math.isnan(error) for error in errors) and errors[0] != errors[1]:
        said += f", {ulps(errors[1])} ULP from the truth and was {ulps(errors[0])}"
    reason = worst.new.message if change.kind == "worse" else worst.old.message
    return folded(f"{said}{': ' + reason if reason else ''}")


def _of_bits(moved: Moved, change: Change) -> str:
    """On how many inputs, by how many ULP, where."""
    share = f"other bits for {moved.changed:,} of {moved.asked:,} numbers"
    by = "some to or from NaN" if math.isinf(moved.distance) else f"by at most {ulps_of(moved.distance)}"
    has_line = not math.isnan(moved.low) and change.function != "*"
    where = f", at inputs from {short(_near(moved.low))} to {short(_near(moved.high))}" if has_line else ""
    errors = [ulps(one) for one in moved.errors if not math.isnan(one)]
    precision = f"; the largest error was {errors[0]} ULP and is {errors[1]}" if len(set(errors)) == 2 else ""
    step = _step(moved.worst)
    at = f" ({step})" if change.worst is None or change.kind == "bits" or step != _step(change.worst) else ""
    return f"{share}, {by}{where}{at}{precision}"


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
    return f"{_at(place)}{_seen(place.new)}, and was {_seen(place.old)}"


def _at(place: Place) -> str:
    several = any(" = " in one for one in place.input)
    return f"at {'' if several else 'x = '}{', '.join(place.input)}: " if place.input else ""


def _seen(seen: Seen) -> str:
    if seen.outcome not in ("returned", ""):
        return seen.message or seen.outcome.replace("_", " ")
    return seen.observed or seen.message or seen.verdict or "nothing"
