"""Everything about a question that does not depend on the answer: truth, bars, and which rule and region each input falls under.

Computed once for an array of inputs and used for every answer to it. Knows the standard and the truth; no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format, from_ordinals, ordinals, round_to, values
from conformance.standard import Bar, Function, Kink, Landmark
from conformance.standard.model import text_of
from conformance.truth import ulps
from conformance.truth.cache import Oracle
from conformance.truth.oracle import Table, evaluate
from conformance.truth.reals import FINITE, UNDECIDED, UNDERFLOW, Reals

from .regions import breaks_of, regions_of

ORDERS = {"value": 0, "gradient": 1, "forward_gradient": 1, "second_derivative": 2}
MAIN_RULE = {
    "value": "value",
    "gradient": "gradient",
    "forward_gradient": "gradient.forward",
    "second_derivative": "second_derivative",
}
DEFAULT_BAR = Bar()


@dataclass(frozen=True)
class Part:
    """Inputs that share a rule and a region: `members` are their indices."""

    rule: str
    region: str
    members: NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """An input at a kink, or within the bar's `argument` ulps of a kink or jump: any number between the truths is right."""

    index: int
    candidates: Reals


@dataclass(frozen=True)
class Question:
    """n inputs of one function, parameters, format and quantity. `bar` is in ULP of the truth; shape (n,)."""

    function: Function
    parameters: Mapping[str, float]
    format: Format
    quantity: str
    bits: Bits
    truth: Reals
    bar: NDArray[np.float64]
    near: tuple[Near, ...]
    parts: tuple[Part, ...]
    undecided: NDArray[np.bool_]
    vacuous: NDArray[np.bool_]
    subnormal_argument: NDArray[np.bool_]
    subnormal_truth: NDArray[np.bool_]
    may_be_subnormal: NDArray[np.bool_]
    """Where a result within the bar may be subnormal: there a zero is explained by flushing."""
    at_zero: Reals
    """The truth at x = 0, one number: what a flushed subnormal argument gives."""
    zero_sign: str


def question(
    function: Function, parameters: Mapping[str, float], format: Format, quantity: str, bits: Bits, oracle: Oracle
) -> Question:
    """Work out everything that judging answers to `bits` needs. Shapes: `bits` (n,)."""
    order = ORDERS[quantity]
    table = oracle.table(function, parameters, format, bits)
    truth, slope = table.orders[order], table.orders[order + 1]
    allowed = function.bars.get("gradient" if order == 1 else quantity, DEFAULT_BAR)
    bar = np.full(len(bits), allowed.result, dtype=np.float64)
    if allowed.argument:
        bar += allowed.argument * ulps.argument_ulps(bits, format, slope, truth)
    near = tuple(_near(function, parameters, format, bits, order, allowed, oracle))
    finite = truth.kind == FINITE
    size = np.where(finite, np.abs(truth.mantissa), 0.0)
    # Far beyond the largest number a slope says nothing about the neighbours: e^x is astronomically steep there, and yet
    # they overflow too. Half of the truth is more than any argument near the point of overflow is worth.
    overflows = finite & (truth.exponent > format.emax)
    bar = np.where(overflows, np.minimum(bar, np.ldexp(size, format.precision - 2)), bar)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.ldexp(bar, np.clip(ulps.ulp_exponent(truth, format), -5000, 5000))
        reach = np.ldexp(size, np.clip(truth.exponent, -5000, 5000)) + format.largest
        vacuous = finite & ~overflows & (wide >= reach)
        tiny = finite & (np.ldexp(size, np.clip(truth.exponent, -5000, 5000)) - wide < format.smallest_normal)
    x = values(bits, format)
    zero = oracle.table(function, parameters, format, np.zeros(1, dtype=format.bits_type))
    return Question(
        function=function,
        parameters=parameters,
        format=format,
        quantity=quantity,
        bits=bits,
        truth=truth,
        bar=bar,
        near=near,
        parts=_parts(function, parameters, table, quantity),
        undecided=truth.kind == UNDECIDED,
        vacuous=vacuous,
        subnormal_argument=(x != 0) & (np.abs(x) < format.smallest_normal),
        subnormal_truth=(truth.kind == UNDERFLOW) | (finite & (truth.exponent < format.emin)),
        may_be_subnormal=(truth.kind == UNDERFLOW) | tiny,
        at_zero=zero.orders[order],
        zero_sign=text_of(function.zero_sign, parameters),
    )


def _parts(function: Function, parameters: Mapping[str, float], table: Table, quantity: str) -> tuple[Part, ...]:
    regions = regions_of(function, parameters, table, ORDERS[quantity])
    order = np.argsort(regions.codes, kind="stable")
    codes, starts = np.unique(regions.codes[order], return_index=True)
    groups = np.split(order, starts[1:])
    parts = []
    for code, members in zip(codes, groups, strict=True):
        region = regions.names[int(code)]
        parts.append(Part(_rule(function, quantity, region), region, members))
    return tuple(parts)


def _rule(function: Function, quantity: str, region: str) -> str:
    """The rule that a region's answers are filed under."""
    main = MAIN_RULE[quantity]
    prefix = "" if quantity == "value" else ("second_derivative." if quantity == "second_derivative" else "gradient.")
    if region == "x = NaN":
        return f"{prefix}nan"
    if region.endswith("domain"):
        return "domain" if quantity == "value" else "gradient.domain"
    if region in ("x = -inf", "x = +inf"):
        return f"{prefix}limit.{region[4:]}"
    if ORDERS[quantity] == 1 and (kink := kink_at(function, region)):
        return f"kink.{kink}"
    if quantity == "value":
        if "overflows" in region:
            return "overflow"
        if "subnormal" in region:
            return "subnormal"
    return main


def kink_at(function: Function, region: str) -> str:
    """Name of the kink that a region consists of, or an empty text."""
    place = region.removeprefix("x = ") if region.startswith("x = ") else ""
    return next((kink.name for kink in function.kinks if kink.name == place), "")


def _near(
    function: Function, parameters: Mapping[str, float], format: Format, bits: Bits, order: int, bar: Bar, oracle: Oracle
) -> list[Near]:  # fmt: skip
    """Inputs whose truth is an interval, because a derivative or the function jumps within reach of one rounding."""
    places = ordinals(bits, format)
    finite = np.abs(places) < format.infinity
    near = []
    for here in breaks_of(function, parameters, format, order):
        if not here.abrupt:
            continue
        exact = _exactly(function, here.name, parameters)
        below = _ordinal_at_or_below(here.place, exact, format)
        # At zero nothing is rounded on the way in: only zero itself is at the kink. A place that the format does not hold is
        # rounded once itself, even where nothing else is: float32(0.1) > 0.1, and not greater than float32(0.1).
        held = float(values(round_to(np.array([here.place]), format), format)[0]) == exact
        reach = 0 if exact == 0 else max(int(bar.argument), 0 if held else 1)
        around = np.arange(below - reach, below + reach + 2) if exact != 0 else np.array([0])
        line = from_ordinals(around, format)
        sides = [oracle.one_sided(function, parameters, format, line, side).orders[order] for side in (-1, 1)]
        at_break = values(line, format) == here.place if float(exact) == here.place else np.zeros(len(line), dtype=bool)
        for index in np.nonzero(finite & (places >= around[0]) & (places <= around[-1]))[0]:
            offset = int(places[index] - around[0])
            if not bool(at_break[offset]) and exact == 0:
                continue
            within = np.arange(max(0, offset - reach), min(len(line), offset + reach + 1))
            straddles = at_break[within].any() or (places[index] - reach <= below < places[index] + reach)
            if straddles:
                near.append(Near(int(index), _both(sides, within)))
    return near


def _exactly(function: Function, name: str, parameters: Mapping[str, float]) -> Fraction | float:
    """The place of the kink or landmark of this name that is there for these parameters."""
    points: tuple[Kink | Landmark, ...] = (*function.kinks, *function.landmarks)
    places = [evaluate(point.at, parameters) for point in points if point.name == name]
    return next(place for place in places if place == place)


def _ordinal_at_or_below(place: float, exact: Fraction | float, format: Format) -> int:
    """Ordinal of the largest number of the format that is not above the place."""
    rounded = round_to(np.array([place]), format)
    ordinal = int(ordinals(rounded, format)[0])
    return ordinal if float(values(rounded, format)[0]) <= exact else ordinal - 1


def _both(sides: list[Reals], within: NDArray[np.int64]) -> Reals:
    """The one-sided truths of a neighbourhood, as one list of candidates."""
    low, high = sides[0].take(within), sides[1].take(within)
    return Reals(
        np.concatenate([low.kind, high.kind]),
        np.concatenate([low.mantissa, high.mantissa]),
        np.concatenate([low.tail, high.tail]),
        np.concatenate([low.exponent, high.exponent]),
    )
