"""What the toy does with parameters that are tensors, and in training: right by construction, or as a fault has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format, round_to, values
from conformance.standard import Function
from conformance.truth import ulps
from conformance.truth.rational import Extended, evaluated, reals

Floats = NDArray[np.float64]

Learns = Callable[[Floats, Floats, int], Floats]
"""Gives the gradient in a learnt parameter of n numbers, shape (n,): from x and the cotangent, both in x's shape, and n."""

Draws = Callable[[np.random.Generator, Floats, float, float], Floats]
"""Gives the slope of every element of x: drawn by the generator from low to high."""

Reports = Callable[[Floats, float, float], Floats]
"""Gives what is told as the slopes, from the slopes."""


@dataclass(frozen=True)
class Tensors:
    """What a call is about: x in its shape, the numbers of the learnt parameter, and a cotangent in the shape of x."""

    x: Bits
    numbers: Bits
    cotangent: Bits | None
    format: Format

    def channel(self, count: int) -> NDArray[np.int64]:
        """Which of the numbers belongs to each element; the shape of x. Written apart from the judge's."""
        if count == 1:
            return np.zeros(self.x.shape, dtype=np.int64)
        along: NDArray[np.int64] = np.indices(self.x.shape)[1]
        return along


def by_channel(function: Function, quantity: str, learnt: str, given: Tensors, learns: Learns | None) -> Bits:
    """Value, gradient or gradient in the parameter, each rounded once; in the shape of x, or that of the parameter."""
    x, numbers = values(given.x, given.format), values(given.numbers, given.format)
    scale = np.ones(x.shape) if given.cotangent is None else values(given.cotangent, given.format)
    if quantity == "parameter_gradient" and learns is not None:
        return round_to(learns(x, scale, len(numbers)), given.format)
    channel = given.channel(len(numbers))
    of = learnt if quantity == "parameter_gradient" else "x"
    terms: list[Extended] = []
    for number, slope, factor in zip(x.ravel(), numbers[channel].ravel(), scale.ravel(), strict=True):
        pair = evaluated(function, float(number), {learnt: float(slope)}, of)
        term = pair[0 if quantity == "value" else 1]
        terms.append(term * Fraction(float(factor)) if isinstance(term, Fraction) else term * float(factor))
    if quantity != "parameter_gradient":
        return ulps.rounded(reals(terms), given.format).reshape(x.shape)
    places = channel.ravel()
    sums = [_sum([terms[place] for place in np.nonzero(places == index)[0]]) for index in range(len(numbers))]
    return ulps.rounded(reals(sums), given.format)


def _sum(terms: list[Extended]) -> Extended:
    floats = [term for term in terms if isinstance(term, float)]
    return sum(floats) if floats else sum((term for term in terms if isinstance(term, Fraction)), Fraction(0))


def drawn(
    x: Bits, format: Format, ends: tuple[float, float], generator: np.random.Generator, draws: Draws | None, reports: Reports | None
) -> tuple[Bits, Bits]:  # fmt: skip
    """What training gives for x of shape (n,): the value, and the derivative, which is the slope that was drawn."""
    numbers = values(x, format)
    slopes = (draws or evenly)(generator, numbers, *ends)
    slopes = values(round_to(slopes, format), format)
    told = slopes if reports is None else values(round_to(reports(slopes, *ends), format), format)
    negative, nan = numbers < 0, np.isnan(numbers)
    with np.errstate(invalid="ignore", over="ignore"):
        y = np.where(negative, slopes * numbers, numbers)
    gradient = np.where(nan, np.nan, np.where(negative, told, 1.0))
    return np.where(negative, round_to(y, format), x).astype(x.dtype), round_to(gradient, format)


def evenly(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    """A slope for every element, any from low to high as likely as any other."""
    return generator.uniform(low, high, size=x.shape)
