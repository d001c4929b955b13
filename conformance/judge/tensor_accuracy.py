"""Judging the numbers of functions of tensors against the truth: values, derivatives, places worth a name, flushing.

A pure function of a case, its truth and the bits of an answer. Knows no framework and no run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import Bits, Format, decimal, hexadecimal, values
from conformance.truth import ulps
from conformance.truth.reals import FINITE, INFINITE, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO
from conformance.truth.tensors import Exact

from .accuracy import bits_hash, grade_of
from .records import GRADES, Worst

RESULT_ULPS = 4.0
"""What every result may be off, in ulp of itself."""

MOST_SHOWN = 12
"""Numbers of an argument that a message spells out."""


@dataclass(frozen=True)
class Judged:
    """An answer beside its truth, element by element; shape (n,). `error` and `bar` are in ULP of the truth."""

    observed: Bits
    format: Format
    exact: Exact
    error: NDArray[np.float64]
    bar: NDArray[np.float64]
    right: NDArray[np.bool_]
    """Equal to the truth rounded to nearest even."""
    conforms: NDArray[np.bool_]
    flushed: NDArray[np.bool_]
    undecided: NDArray[np.bool_]
    unspecified: NDArray[np.bool_]
    vacuous: NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """What one answer amounts to, for one rule and region; `members` index its elements."""

    rule: str
    region: str
    members: NDArray[np.int64]


def bar_of(exact: Exact, format: Format) -> NDArray[np.float64]:
    """What each result may be off, in ULP of its truth."""
    shift = exact.slack_exponent.astype(np.int64) + (1 - format.precision) - ulps.ulp_exponent(exact.truth, format)
    with np.errstate(over="ignore", invalid="ignore"):
        slack = np.ldexp(exact.slack, np.clip(shift, -4000, 4000).astype(np.int32))
    bar: NDArray[np.float64] = RESULT_ULPS + np.where(np.isnan(slack), np.inf, slack)
    truth = exact.truth
    # Beyond the largest number a slope says nothing about the neighbours: half of the truth is more than any argument there is worth.
    beyond = (truth.kind == FINITE) & (truth.exponent > format.emax)
    limit = np.ldexp(np.where(beyond, np.abs(truth.mantissa), 0.0), format.precision - 2)
    return np.where(beyond, np.minimum(bar, limit), bar)


def measure(exact: Exact, observed: Bits, format: Format, zeroed: Exact | None = None) -> Judged:
    """Errors of `observed` (shape (n,)). `zeroed` is the truth for arguments whose subnormal numbers are zeros, if there are any."""
    truth = exact.truth
    right = ulps.correctly_rounded(observed, format, truth)
    error, bar, share = _against(exact, observed, format)
    if exact.upper is not None and exact.tied is not None and exact.tied.any():
        _between(exact, observed, format, error, bar, share, right)
    undecided, unspecified = truth.kind == UNDECIDED, truth.kind == UNDEFINED
    if exact.upper is not None:
        undecided |= exact.upper.kind == UNDECIDED
    conforms = (share <= 1) | undecided | unspecified
    number = values(observed, format)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        size = np.where(truth.kind == FINITE, np.abs(truth.mantissa), 0.0)
        wide = np.where(
            _beyond_counting(exact, bar),
            _room(exact, format),
            np.ldexp(bar, np.clip(ulps.ulp_exponent(truth, format), -5000, 5000)),
        )
        reach = np.ldexp(size, np.clip(truth.exponent, -5000, 5000)) + format.largest
        small = np.ldexp(size, np.clip(truth.exponent, -5000, 5000)) - wide < format.smallest_normal
    finite = truth.kind == FINITE
    vacuous = (finite | (truth.kind == ZERO)) & (truth.exponent <= format.emax) & (wide >= reach)
    flushed = ~conforms & (number == 0) & ((truth.kind == UNDERFLOW) | (finite & small))
    if zeroed is not None:
        other = measure(zeroed, observed, format)
        flushed |= ~conforms & other.conforms & ~other.undecided & ~other.unspecified
    return Judged(observed, format, exact, error, bar, right, conforms, flushed, undecided, unspecified, vacuous)


def _against(
    exact: Exact, observed: Bits, format: Format
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Error and bar in ULP of the truth, and the part of the bar that the error uses: what is above 1 deviates.

    Without a distance (NaN where a number is due, a number where an infinity is) not even an endless bar is kept.
    """
    error, bar = ulps.error(observed, format, exact.truth), bar_of(exact, format)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        share = error / bar
        # Beside a bar that has more ulp than can be counted, the truth is as good as 0.
        near = np.abs(values(observed, format)) / _room(exact, format)
    share = np.where(_beyond_counting(exact, bar) & np.isfinite(error) & (error > 0), near, share)
    return error, bar, np.where(np.isinf(error), np.inf, share)


def _beyond_counting(exact: Exact, bar: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the slack is a number, but not in ULP of a truth that is next to nothing."""
    endless: NDArray[np.bool_] = np.isinf(bar) & np.isfinite(exact.slack)
    return endless


def _room(exact: Exact, format: Format) -> NDArray[np.float64]:
    """The slack as a number, not in ULP of anything."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(
            exact.slack,
            np.clip(exact.slack_exponent.astype(np.int64) + 1 - format.precision, -5000, 5000).astype(np.int32),
        )


def _between(
    exact: Exact, observed: Bits, format: Format, error: NDArray[np.float64], bar: NDArray[np.float64], share: NDArray[np.float64],
    right: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Where several answers are right: no error between the ends, and beyond them the distance to the end that is kept better."""
    assert exact.upper is not None
    assert exact.tied is not None
    at = np.nonzero(exact.tied)[0]
    number = values(observed[at], format)
    low, high = (values(ulps.rounded(end.take(at), format), format) for end in (exact.truth, exact.upper))
    inside = (number >= low) & (number <= high)
    above = tuple(found[at] for found in _against(replace(exact, truth=exact.upper), observed, format))
    nearer = above[2] < share[at]
    for found, other in zip((error, bar, share), above, strict=True):
        found[at] = np.where(nearer, other, found[at])
    error[at], share[at] = np.where(inside, 0.0, error[at]), np.where(inside, 0.0, share[at])
    right[at] = inside


def groups(case: Case, judged: Judged, rules: Mapping[str, Any]) -> Iterator[Group]:
    """The elements of an answer by rule and region."""
    truth, format = judged.exact.truth, judged.format
    count = len(judged.observed)
    place = place_of(case, judged.exact.shape, count)
    finite = truth.kind == FINITE
    special = np.where(finite & (truth.exponent > format.emax), 1, 0)
    special = np.where((truth.kind == UNDERFLOW) | (finite & (truth.exponent < format.emin)), 2, special)
    suffixes = ("", ", result overflows", ", result subnormal")
    keys: dict[tuple[str, str], list[int]] = {}
    anything = judged.unspecified | (judged.vacuous & judged.conforms)
    for index in range(count) if case.places else ():
        name = case.places[place[index]]
        region = region_of(name)
        region += FREE if name in case.free or anything[index] else ""
        keys.setdefault((named if (named := rule_of_place(case, name)) in rules else case.rule, region), []).append(
            index
        )
    for (rule, region), found in keys.items():
        yield Group(rule, region, np.array(found, dtype=np.int64))
    for code in range(len(suffixes)) if not case.places else ():
        members = np.nonzero(special == code)[0]
        if len(members):
            yield Group(case.rule, about(case) + suffixes[code], members)


FREE = " (free)"
"""Ends the region of what nothing is prescribed for."""


def place_of(case: Case, shape: tuple[int, ...], count: int) -> NDArray[np.int64]:
    """Which named place of the loop each element of an answer belongs to."""
    places = len(case.places)
    if places <= 1 or not loop_of(shape, places):
        return np.zeros(count, dtype=np.int64)
    return np.repeat(np.arange(places), count // places)


def loop_of(shape: tuple[int, ...], places: int) -> tuple[int, ...]:
    """The first dimensions of a shape, if they are a loop of so many places; none otherwise."""
    for rank in range(1, len(shape) + 1):
        if math.prod(shape[:rank]) == places:
            return shape[:rank]
    return ()


def rule_of_place(case: Case, place: str) -> str:
    """Name of the rule that a named place is filed under."""
    prefix = f"{case.rule}." if case.rule.startswith("gradient.") else ""
    return f"{prefix}nan" if "NaN" in place else f"{prefix}edge"


def region_of(place: str) -> str:
    """The region of a named place: what stands before the colon (cases.scenes)."""
    return place.partition(":")[0]


def about(case: Case) -> str:
    """What was asked of a case, as far as its rule does not say: in which argument a gradient is."""
    says = case.rule.startswith("gradient.")
    return f"gradient in {case.wrt}" if case.quantity == "gradient" and not says else "ordinary numbers"


@dataclass(frozen=True)
class Verdict:
    """What a group of elements amounts to."""

    rule: str
    region: str
    comparisons: int
    deviates: int
    unspecified: int
    undecided: int
    vacuous: int
    grades: tuple[int, ...]
    severity: str
    worst: Worst | None
    bits: str


def verdict(
    case: Case, judged: Judged, group: Group, tensors: Mapping[str, NDArray[Any]], free: bool = False
) -> Verdict:
    """Counts, grades and the worst element of one group."""
    members = group.members
    error, bar = judged.error[members], judged.bar[members]
    # Where honest rounding may give any number, nothing is prescribed; that it is a number is.
    unspecified = judged.unspecified[members] | (judged.vacuous[members] & judged.conforms[members]) | free
    deviating = ~judged.conforms[members] & ~judged.flushed[members] & ~unspecified
    grade = grade_of(judged.right[members], error, bar)
    counted = ~judged.undecided[members] & ~judged.flushed[members] & ~unspecified
    grades = tuple(int(n) for n in np.bincount(grade[counted], minlength=len(GRADES)))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        excess = np.where(np.isinf(error), 3.0, error / (error + bar + 1e-300)) + np.where(deviating, 2.0, 0.0)
    excess = np.where(judged.undecided[members] | unspecified | np.isnan(excess), -1.0, excess)
    index = int(members[int(np.argmax(excess))])
    wrong = bool(_is_wrong(judged, members[deviating]).any())
    severity = ("wrong" if wrong else "inaccurate") if deviating.any() else ""
    return Verdict(
        group.rule, group.region, len(members), int(deviating.sum()), int(unspecified.sum()), int((judged.undecided[members] & ~unspecified).sum()),
        int((judged.vacuous[members] & judged.conforms[members] & ~unspecified).sum()), grades, severity,
        worst_of(case, judged, index, tensors) if not unspecified.all() else None, bits_hash(judged.observed[members]) if severity else "",
    )  # fmt: skip


def _is_wrong(judged: Judged, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A NaN where a number is due or the other way round, an infinity missed, or not one correct digit."""
    format, truth = judged.format, judged.exact.truth.take(indices)
    error = judged.error[indices]
    size = np.where(truth.kind == FINITE, 0.5, 1.0) * 2.0 ** (format.precision - 1)
    with np.errstate(over="ignore"):
        hopeless = (error > size) & (error > 16 * judged.bar[indices])
    nan = np.isnan(values(judged.observed[indices], format))
    wrong: NDArray[np.bool_] = (nan != (truth.kind == NAN)) | hopeless | ((truth.kind == INFINITE) & (error > 0))
    return wrong


def flushing(case: Case, judged: Judged, tensors: Mapping[str, NDArray[Any]]) -> Verdict | None:
    """What was flushed to zero, as a verdict of its own rule; None where nothing could have been."""
    truth = judged.exact.truth
    small = (truth.kind == UNDERFLOW) | ((truth.kind == FINITE) & (truth.exponent < judged.format.emin))
    members = np.nonzero(small | judged.flushed)[0]
    bad = np.nonzero(judged.flushed)[0]
    if not len(members):
        return None
    worst = worst_of(case, judged, int(bad[0]), tensors) if len(bad) else None
    return Verdict(
        "flush", "subnormal numbers", len(members), len(bad), 0, 0, 0, (0,) * len(GRADES), "information" if len(bad) else "", worst,
        "value" if len(bad) else "",
    )  # fmt: skip


def worst_of(case: Case, judged: Judged, index: int, tensors: Mapping[str, NDArray[Any]]) -> Worst:
    """One comparison, spelt out for people."""
    format, exact = judged.format, judged.exact
    truth = ulps.decimal(exact.truth, index)
    if exact.upper is not None and exact.tied is not None and exact.tied[index]:
        truth = f"{truth} to {ulps.decimal(exact.upper, index)}"
    observed = int(judged.observed[index])
    absolute = ulps.absolute_of(float(judged.error[index]), format, exact.truth, index)
    if exact.tied is not None and exact.tied[index]:  # the error is that to the nearer end
        at = judged.observed[index : index + 1]
        absolute = float(ulps.absolute_error(at, format, exact.truth.take(np.array([index])))[0])
    return Worst(
        input=spelt(case, exact.shape, index, tensors),
        input_bits=(),
        observed=decimal(observed, format),
        observed_bits=hexadecimal(observed, format),
        truth=truth,
        ulp=float(judged.error[index]),
        bar=float(judged.bar[index]),
        absolute_error=absolute,
        dtype=format.name,
        mode=case.mode,
        asked=asked_text(case, exact.shape, index),
        index=index,
        shape=exact.shape,
    )


def asked_text(case: Case, shape: tuple[int, ...], index: int) -> str:
    """`∂cross_entropy/∂logits[2, 0]`, `softmax[1, 3]`: which number it is."""
    place = f"[{', '.join(map(str, np.unravel_index(index, shape)))}]" if shape else ""
    if case.quantity == "gradient":
        return f"∂{case.function}/∂{case.wrt}{place}"
    if case.quantity == "hessian_vector":
        return f"∂²{case.function}/∂{case.wrt}²·d{place}"
    if case.quantity == "forward_gradient":
        return f"∂{case.function}/∂{case.wrt}·d{place}"
    return f"{case.function}{place}"


def spelt(case: Case, shape: tuple[int, ...], index: int, tensors: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    """The arguments of the place that an element belongs to, as `name = numbers`; their shapes where they are many."""
    place = int(place_of(case, shape, int(np.prod(shape)))[index]) if case.places else None
    said = []
    for name, array in tensors.items():
        part = array
        loop = loop_of(array.shape, len(case.places)) if place is not None and len(case.places) > 1 else ()
        if loop and place is not None:
            part = array[np.unravel_index(place, loop)]
        said.append(f"{name} = {_numbers(part)}")
    return tuple(said)


def _numbers(array: NDArray[Any]) -> str:
    if array.size > MOST_SHOWN:
        return f"{list(array.shape)} {array.dtype.name.rstrip('0123456789')}s"
    return _nested(array.tolist())


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(one) for one in value)}]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
