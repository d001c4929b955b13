"""Results about training that draws: what each draw may be, how draws are distributed, and what the derivative makes of them.

The standard says that the slope of every negative element is drawn evenly from an interval; no answer is right or wrong by
itself, so the bounds are those that chance keeps to, each exceeded with probability CHANCE at most. Knows no framework.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, Format, decimal, hexadecimal, round_to, values
from conformance.observe.observation import Observation

from .accuracy import bits_hash
from .answers import Answers
from .records import Result, Worst
from .values import without_answer

Floats = NDArray[np.float64]

CHANCE = 1e-9
"""The probability with which an implementation without fault exceeds a bound."""

ULPS_OF_TWO = 2.0
"""How far a value may be from slope · x where slope is the derivative: each of them is rounded once, which is 1.5 ULP at most."""


@dataclass(frozen=True)
class _Interval:
    """From where slopes are drawn, and the same as a format holds it: a slope is rounded before it is multiplied."""

    low: float
    high: float
    held: tuple[float, float]

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        return self.high - self.low


def judge_random(answers: Answers) -> Iterator[Result]:
    """Support and derivative for every number once; distribution, independence and seed from many draws."""
    for observation in answers.of("random"):
        case = observation.case
        rule = "gradient.training" if case.quantity == "value_and_gradient" else "training.support"
        if observation.outcome != "returned":
            yield without_answer(answers, observation, rule)
            continue
        outputs = [answers.comparable(observation, index) for index in range(len(observation.outputs))]
        if any(output is None for output in outputs):
            kinds = ", ".join(f"{output.dtype} {list(output.shape)}" for output in observation.outputs)
            yield answers.check(observation, rule, False, f"{case.dtype} {list(case.inputs[0].shape)} gave {kinds}")
            continue
        drawn = [output for output in outputs if output is not None]
        if case.quantity == "value_and_gradient":
            yield _gradient(answers, observation, drawn[0], drawn[1])
            continue
        yield from _support(answers, observation, drawn[0])
        if case.detail == "draws":
            yield answers.check(
                observation, "training.seed", bool(np.array_equal(drawn[0], drawn[2])),
                "after the same seed a call gave other bits",
            )  # fmt: skip
            yield from _distribution(answers, observation, drawn[0], drawn[1])


def _interval(answers: Answers, observation: Observation) -> _Interval:
    case = observation.case
    low, high = (float(case.parameters[name]) for name in answers.function.drawn or ())
    held = values(round_to(np.array([low, high]), FORMATS[case.dtype]), FORMATS[case.dtype])
    return _Interval(low, high, (min(low, float(held[0])), max(high, float(held[1]))))


def _support(answers: Answers, observation: Observation, observed: Bits) -> Iterator[Result]:
    """Rounding is monotone: s · x, rounded once, lies between the rounded products with the ends of the interval."""
    case, interval = observation.case, _interval(answers, observation)
    format = FORMATS[case.dtype]
    x, y = values(answers.argument(case), format), values(observed, format)
    with np.errstate(invalid="ignore", over="ignore"):
        # float64 rounds the products of float64 numbers here and again below: twice what is rounded once is the same number.
        ends = [values(round_to(x * end, format), format) for end in interval.held]
    ends = [np.where(np.isnan(end), 0.0, end) for end in ends]  # 0 · (−inf)
    negative, nan = x < 0, np.isnan(x)
    inside = (y >= np.minimum(*ends)) & (y <= np.maximum(*ends))
    far = np.isinf(x) & negative
    inside &= ~far | (np.isinf(y) | (y == 0 if interval.low <= 0 <= interval.high else False))
    # A slope of exactly zero has no product with −inf.
    inside |= far & np.isnan(y) & (interval.low <= 0 <= interval.high)
    flushed = negative & (y == 0) & (np.abs(x) * max(map(abs, interval.held)) < format.smallest_normal)
    flushed |= negative & (y == 0) & (np.abs(x) < format.smallest_normal)
    right = np.where(nan, np.isnan(y), np.where(negative, inside | flushed, y == x))
    for region, members in (("x = NaN", nan), ("x ≥ 0", ~nan & ~negative), ("x < 0", negative)):
        if members.any():
            truth = "nan" if region == "x = NaN" else "x" if region == "x ≥ 0" else _between(interval, "x")
            yield _elements(answers, observation, "training.support", region, members, right, observed, truth)


def _gradient(answers: Answers, observation: Observation, observed: Bits, derivative: Bits) -> Result:
    """At x < 0 the value is the derivative times x, and the derivative a slope that may be drawn; at x > 0 it is 1."""
    case, interval = observation.case, _interval(answers, observation)
    format = FORMATS[case.dtype]
    x, y, slope = values(answers.argument(case), format), values(observed, format), values(derivative, format)
    negative = x < 0
    judged = (x != 0) & ~np.isnan(x)
    with np.errstate(all="ignore"):
        product = slope * x
        size = np.maximum(np.abs(product), format.smallest_normal)
        ulp = np.ldexp(1.0, np.frexp(size)[1] - format.precision)
        same = np.abs(y - product) <= ULPS_OF_TWO * ulp
    same |= (y == product) | np.isinf(x) | (np.isinf(y) & (np.abs(product) > format.largest / 2))
    same |= (y == 0) & (np.abs(product) < 2 * format.smallest_normal)
    right = np.where(negative, same & (slope >= interval.held[0]) & (slope <= interval.held[1]), slope == 1)
    truth = "the slope that made the value"
    return _elements(
        answers, observation, "gradient.training", "anywhere", judged, right, derivative, truth, "value", observed
    )


def _elements(
    answers: Answers, observation: Observation, rule: str, region: str, members: NDArray[np.bool_], right: NDArray[np.bool_],
    observed: Bits, truth: str, beside: str = "", other: Bits | None = None,
) -> Result:  # fmt: skip
    """A result with a comparison for each of `members`; the worst is the wrong one whose size is nearest to 1."""
    case = observation.case
    format = FORMATS[case.dtype]
    argument = answers.argument(case)
    bad = np.nonzero(members & ~right)[0]
    worst = None
    message = ""
    if len(bad):
        with np.errstate(divide="ignore"):
            unusual = np.abs(np.log2(np.abs(values(argument[bad], format))))
        index = int(bad[int(np.argmin(np.where(np.isnan(unusual), np.inf, unusual)))])
        worst = Worst(
            input=(decimal(int(argument[index]), format),),
            input_bits=(hexadecimal(int(argument[index]), format),),
            observed=decimal(int(observed[index]), format),
            observed_bits=hexadecimal(int(observed[index]), format),
            truth=truth,
            ulp=math.inf,
            bar=0.0,
            absolute_error=math.nan,
            dtype=format.name,
            mode=case.mode,
            asked=case.function + ("′" if other is not None else "") + " in training",
        )
        if other is not None:
            message = f"its {beside} is {decimal(int(other[index]), format)}"
    count = int(members.sum())
    return answers.result(
        observation,
        rule,
        region=region,
        outcome="deviates" if len(bad) else "conforms",
        comparisons=count,
        conforms=count - len(bad),
        deviates=len(bad),
        severity="wrong" if len(bad) else "",
        worst=worst,
        bits=bits_hash(observed[bad]) if len(bad) else "",
        message=message,
    )


def _between(interval: _Interval, name: str) -> str:
    return f"from {interval.low:g} · {name} to {interval.high:g} · {name}"


def _distribution(answers: Answers, observation: Observation, first: Bits, second: Bits) -> Iterator[Result]:
    """Moments and distribution of one call's slopes; whether neighbours, and the slopes of a second call, are others."""
    case, interval = observation.case, _interval(answers, observation)
    format = FORMATS[case.dtype]
    x = values(answers.argument(case), format)
    slopes, again = values(first, format) / x, values(second, format) / x
    room = rounding(interval, format)
    facts = moments(slopes, interval.low, interval.high, room)
    yield _facts(answers, observation, "training.moments", facts)
    if interval.width:
        yield _facts(
            answers,
            observation,
            "training.independence",
            independence(slopes, again, interval.low, interval.high, room),
        )


def _facts(answers: Answers, observation: Observation, rule: str, facts: list[Fact]) -> Result:
    bad = [fact for fact in facts if not fact.holds]
    shown = "; ".join(
        f"{fact.what} is {fact.seen:.6g}, and should be within {fact.bound:.2g} of {fact.due:.6g}" for fact in bad
    )
    return answers.result(
        observation,
        rule,
        outcome="deviates" if bad else "conforms",
        comparisons=len(facts),
        conforms=len(facts) - len(bad),
        deviates=len(bad),
        severity="wrong" if bad else "",
        message=shown,
        bits=shown,
    )


@dataclass(frozen=True)
class Fact:
    """A number that was computed from draws, what it is due to be, and how far chance and rounding may take it."""

    what: str
    seen: float
    due: float
    bound: float

    @property
    def holds(self) -> bool:
        return abs(self.seen - self.due) <= self.bound


def rounding(interval: _Interval, format: Format) -> float:
    """How far a slope computed as y/x may be from the one drawn: it was rounded, and so was the product, by half a unit in
    the last place each, which is 2^−p of its size."""
    return 2.001 * 2.0**-format.precision * max(map(abs, interval.held))


def hoeffding(width: float, count: int, chance: float = CHANCE) -> float:
    """How far the mean of `count` independent numbers, each from an interval of that width, may be from its expectation.

    P(|mean − E| ≥ t) ≤ 2 exp(−2 n t² / width²) (Hoeffding 1963, theorem 2), solved for t at `chance`.
    """
    return width * math.sqrt(math.log(2 / chance) / (2 * count))


def moments(slopes: Floats, low: float, high: float, room: float) -> list[Fact]:
    """Mean, variance and distribution of slopes that should be drawn evenly from low to high; `slopes` has shape (n,).

    The variance is taken about the true middle m, so that it too is a mean of independent numbers: (s − m)² lies between 0
    and (high − low)²/4, with the mean (high − low)²/12. The distribution is bounded by the inequality of Dvoretzky, Kiefer
    and Wolfowitz with Massart's constant: P(sup |F_n − F| ≥ t) ≤ 2 exp(−2 n t²). Each slope is known to `room`.
    """
    count, width, middle = len(slopes), high - low, (low + high) / 2
    squares = (slopes - middle) ** 2
    facts = [
        Fact("the mean of the slopes", float(np.mean(slopes)), middle, hoeffding(width, count) + room),
        Fact(
            "their variance", float(np.mean(squares)), width**2 / 12,
            hoeffding(width**2 / 4, count) + width * room + room**2,
        ),
    ]  # fmt: skip
    if width:
        ordered = np.sort(slopes)
        place = np.arange(count)
        # Between two draws F_n is constant, so its distance from F is largest just before or at a draw.
        above = (place + 1) / count - np.clip((ordered + room - low) / width, 0, 1)
        below = np.clip((ordered - room - low) / width, 0, 1) - place / count
        seen = float(max(above.max(), below.max(), 0.0))
        facts.append(Fact("the distance of their distribution from the uniform one", seen, 0.0, hoeffding(1.0, count)))
    return facts


def independence(slopes: Floats, again: Floats, low: float, high: float, room: float) -> list[Fact]:
    """Products of neighbours, and of the same element in two calls; and how many of each are the same; shapes (n,).

    With z = s − middle, the products z₀z₁, z₂z₃, … share no draw, so they are independent, have mean 0, and lie within
    ±(high − low)²/4: Hoeffding bounds their mean. Two slopes that were drawn apart are within 2·room of each other, as
    far as can be told, with a probability of at most 4·room/(high − low); the excess of that share is bounded likewise. Where
    rounding leaves no slopes apart at all, in a narrow interval of a narrow format, the share says nothing.
    """
    width, middle = high - low, (low + high) / 2
    even = 2 * (len(slopes) // 2)
    pairs = {
        "neighbouring elements": (slopes[0:even:2], slopes[1:even:2]),
        "two calls": (slopes, again),
    }
    facts = []
    for what, (one, other) in pairs.items():
        products = (one - middle) * (other - middle)
        bound = hoeffding(width**2 / 2, len(one)) + width * room + room**2
        facts.append(Fact(f"the mean product of {what}", float(np.mean(products)), 0.0, bound))
        share = float(np.mean(np.abs(one - other) <= 2 * room))
        expected = min(4 * room / width, 1.0)
        facts.append(
            Fact(f"the share of equal slopes of {what}", max(share - expected, 0.0), 0.0, hoeffding(1.0, len(one)))
        )
    return facts
