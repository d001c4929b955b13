"""Numbers with an exponent of their own, so that no intermediate overflows or underflows before the result does; and pairs of
numbers that stand for their unevaluated sum.

Everything stays in one dtype, float32 or float64, and never computes wider. Knows no loss.
"""

# NumPy types the arithmetic of arrays of any dtype as Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import numpy as np

from ..arithmetic import split, two_sum
from .sums import total

_STEPS = 32


class Scaled(NamedTuple):
    """fraction · 2^exponent; `fraction` an array of floats of ordinary size, `exponent` one of whole numbers."""

    fraction: np.ndarray
    exponent: np.ndarray

    def plain(self) -> np.ndarray:
        """The number as a float."""
        return np.ldexp(self.fraction, self.exponent)

    def where(self, condition: np.ndarray, other: Scaled) -> Scaled:
        """The other number where the condition holds not."""
        return Scaled(
            np.where(condition, self.fraction, other.fraction), np.where(condition, self.exponent, other.exponent)
        )

    def spread(self) -> Scaled:
        """With one more dimension, of size 1, at the end."""
        return Scaled(self.fraction[..., None], self.exponent[..., None])


class Pair(NamedTuple):
    """high + low, where low is at most about half a unit in the last place of high."""

    high: np.ndarray
    low: np.ndarray

    def plain(self) -> np.ndarray:
        """The sum, rounded."""
        return self.high + self.low

    def where(self, condition: np.ndarray, other: Pair) -> Pair:
        """The other pair where the condition holds not."""
        return Pair(np.where(condition, self.high, other.high), np.where(condition, self.low, other.low))


def scale(x: np.ndarray) -> Scaled:
    """A float as fraction and exponent; infinities and NaN have the exponent 0."""
    fraction, exponent = np.frexp(x)
    return Scaled(fraction, np.where(np.isfinite(x), exponent, 0))


def product(*factors: Any, over: tuple[Any, ...] = ()) -> Scaled:
    """The product of arrays or Scaled, divided by those in `over`."""
    fraction, exponent = _parts(factors[0])
    for factor in factors[1:]:
        other, power = _parts(factor)
        fraction, exponent = fraction * other, exponent + power
    for factor in over:
        other, power = _parts(factor)
        fraction, exponent = fraction / other, exponent - power
    return Scaled(fraction, exponent)


def times(*factors: Any, over: tuple[Any, ...] = ()) -> np.ndarray:
    """`product` as a float: rounded to the range of the dtype once, at the end."""
    return product(*factors, over=over).plain()


def _parts(factor: Any) -> Scaled:
    if isinstance(factor, Scaled):
        again = scale(factor.fraction)
        return Scaled(again.fraction, again.exponent + factor.exponent)
    return scale(factor)


def spare(count: np.ndarray, factor: Any) -> Any:
    """`factor`, but 0 where `count` is 0, so that what counts nothing is not infinite: 0 · log 0 = 0. NaN stays NaN."""
    number = factor.fraction if isinstance(factor, Scaled) else factor
    spared = np.where((count == 0) & ~np.isnan(number), number.dtype.type(0), number)
    return Scaled(spared, factor.exponent) if isinstance(factor, Scaled) else spared


def first_largest(x: np.ndarray) -> np.ndarray:
    """True at the largest number along the last axis (the first of them, or the first NaN), False elsewhere."""
    if x.shape[-1] == 0:
        return np.zeros(x.shape, bool)
    return np.arange(x.shape[-1]) == np.argmax(x, axis=-1)[..., None]


def total_of_others(x: np.ndarray) -> np.ndarray:
    """For every place along the last axis the sum of all other places, without subtracting the largest from the sum."""
    largest = first_largest(np.abs(x))
    others = total(np.where(largest, x.dtype.type(0), x))[..., None]
    top = np.where(largest, x, x.dtype.type(0)).sum(axis=-1, keepdims=True)
    return np.where(largest, others, top + (others - np.where(largest, x.dtype.type(0), x)))


def exact_difference(x: np.ndarray, y: np.ndarray) -> Pair:
    """x − y as a pair; an infinite or NaN difference has no low part."""
    high, low = two_sum(x, -y)
    return Pair(high, np.where(np.isfinite(high), low, 0).astype(high.dtype))


def add(x: Pair, y: Pair) -> Pair:
    """x + y."""
    high, low = two_sum(x.high, y.high)
    low = np.where(np.isfinite(high), low + (x.low + y.low), 0).astype(high.dtype)
    return _settled(high, low)


def multiply(x: Pair, y: Pair) -> Pair:
    """x · y, far from overflow and underflow."""
    high = x.high * y.high
    x1, x2 = split(np.ascontiguousarray(x.high))
    y1, y2 = split(np.ascontiguousarray(y.high))
    low = ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2 + (x.high * y.low + x.low * y.high)
    return _settled(high, np.where(np.isfinite(low), low, 0).astype(high.dtype))


def divide(x: Pair, y: Pair) -> Pair:
    """x / y, far from overflow and underflow."""
    high = x.high / y.high
    back = multiply(Pair(high, np.zeros_like(high)), y)
    low = (((x.high - back.high) - back.low) + x.low) / y.high
    return _settled(high, np.where(np.isfinite(low), low, 0).astype(high.dtype))


def pair(x: np.ndarray) -> Pair:
    """A float as a pair."""
    return Pair(x, np.zeros_like(x))


def pair_of(number: float, like: np.ndarray) -> Pair:
    """A Python number, or the unevaluated sum it can't hold, as a pair of the dtype and shape of `like`."""
    high = np.full_like(like, number)
    rest = number - float(like.dtype.type(number)) if np.isfinite(number) else 0.0
    return Pair(high, np.full_like(like, rest))


def _settled(high: np.ndarray, low: np.ndarray) -> Pair:
    upper = high + low
    return Pair(upper, np.where(np.isfinite(upper), low - (upper - high), 0).astype(high.dtype))


def power(base: Pair, exponent: float) -> np.ndarray:
    """base^exponent for base ≥ 0, of which neither part nor the exponent's last digits are lost; 0^0 = 1."""
    real = base.high.dtype.type
    raised = np.power(base.high, real(exponent))
    rest = exponent - float(real(exponent)) if np.isfinite(exponent) else 0.0
    slope = real(exponent) * (base.low / base.high)
    if rest:
        slope = slope + real(rest) * np.log(base.high)
    return np.where(np.isfinite(slope), raised + raised * slope, raised)


def _tables() -> tuple[list[float], list[float], list[float]]:
    """2^(i/32) as high and low float64 parts, and log(2)/32 in three parts of which the first two have 24 digits."""
    with localcontext() as context:
        context.prec = 60
        step = Decimal(2).ln() / _STEPS
        exact = [(step * i).exp() for i in range(_STEPS)]
        parts, rest = [], step
        for _ in range(2):
            fraction, exponent = np.frexp(float(rest))
            parts.append(float(np.ldexp(np.floor(np.ldexp(fraction, 24)), int(exponent) - 24)))
            rest -= Decimal(parts[-1])
        return [float(y) for y in exact], [float(y - Decimal(float(y))) for y in exact], [*parts, float(rest)]


_POWERS, _POWERS_LOW, _STEP = _tables()
_POWERS32 = np.array(_POWERS).astype(np.float32)
_TABLE = {
    "float64": (np.array(_POWERS), np.array(_POWERS_LOW)),
    "float32": (_POWERS32, (np.array(_POWERS) - _POWERS32).astype(np.float32)),
}


def _step_parts(dtype: Any) -> tuple[Any, ...]:
    """log(2)/32 in parts whose products with the whole numbers that occur are exact, but for the last."""
    if dtype == np.float64:
        return tuple(dtype.type(part) for part in _STEP)
    parts, rest = [], _STEP[0] + _STEP[1]
    for _ in range(2):
        fraction, exponent = np.frexp(rest)
        parts.append(float(np.ldexp(np.floor(np.ldexp(fraction, 9)), int(exponent) - 9)))
        rest -= parts[-1]
    return tuple(dtype.type(part) for part in (*parts, rest))


_STEPS_OF = {"float64": _step_parts(np.dtype(np.float64)), "float32": _step_parts(np.dtype(np.float32))}


class Exponential(NamedTuple):
    """e^u = (high + low) · 2^exponent."""

    high: np.ndarray
    low: np.ndarray
    exponent: np.ndarray

    def scaled(self) -> Scaled:
        """Without the low part."""
        return Scaled(self.high, self.exponent)

    def pair(self) -> Pair:
        """As two floats, which may underflow."""
        return Pair(np.ldexp(self.high, self.exponent), np.ldexp(self.low, self.exponent))


def exponential(u: Pair) -> Exponential:
    """e^u for u ≤ 0, with a relative error of about a hundredth of a unit in the last place, however small it is.

    The argument is reduced to less than log(2)/64 by a table of 2^(i/32).
    """
    high, low = u
    lowest = high.dtype.type(-400 if high.dtype == np.float32 else -3000)
    inside = np.isfinite(high)
    bounded = np.where(inside, np.maximum(high, lowest), 0).astype(high.dtype)
    near = np.where(inside & (high > lowest), low, 0).astype(high.dtype)
    number = np.rint(bounded * high.dtype.type(_STEPS / np.log(2)))
    first, second, third = _STEPS_OF[high.dtype.name]
    reduced = ((bounded - number * first) - number * second) + (near - number * third)
    whole = number.astype(np.int32)
    table, table_low = (part[whole % _STEPS] for part in _TABLE[high.dtype.name])
    grown = table * np.expm1(reduced) + table_low
    upper = table + grown
    rest = grown - (upper - table)
    # −∞ gives 0, and NaN itself; +∞ can't occur.
    upper = np.where(inside, upper, np.where(np.isnan(high), high, 0)).astype(high.dtype)
    return Exponential(upper, np.where(inside, rest, 0).astype(high.dtype), np.where(inside, whole // _STEPS, 0))
