"""Arithmetic that our functions share: sums and products with their rounding errors, exponentials whose tails keep digits.

Everything takes and gives arrays of one dtype, float32 or float64, and never computes wider. Knows no activation.
"""

# NumPy types the arithmetic of arrays of any dtype as Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np


def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x = high + low exactly, where high has half of the digits, so that products of two highs need no rounding."""
    if x.dtype == np.float32:
        high = (x.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
    else:
        high = (x.view(np.uint64) & np.uint64(0xFFFFFFFFF8000000)).view(np.float64)
    return high, x - high


def two_sum(x: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x + y as high + low exactly (Knuth)."""
    high = x + y
    other = high - x
    return high, (x - (high - other)) + (y - other)


def two_product(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x · y as high + low, exactly up to the last digit of low (Dekker); far from overflow and underflow."""
    high = x * y
    x1, x2 = split(x)
    y1, y2 = split(y)
    return high, ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2


def constant(x: np.ndarray, number: float) -> tuple[np.ndarray, np.generic]:
    """A Python number as high + low of x's dtype."""
    high = np.full((), number, np.float64).astype(x.dtype)
    return high, x.dtype.type(number - float(high))


def scaled(x: np.ndarray, number: float) -> tuple[np.ndarray, np.ndarray]:
    """number · x as the unevaluated sum high + low of two numbers of x's dtype; for finite x, far from overflow."""
    factor, rest = constant(x, number)
    high, low = two_product(x, factor)
    return high, low + x * rest


def quotient(x: np.ndarray, number: float) -> tuple[np.ndarray, np.ndarray]:
    """x / number as high + low; for finite x, far from overflow."""
    divisor, rest = constant(x, number)
    high = x / divisor
    back, low = two_product(high, divisor)
    return high, (((x - back) - low) - high * rest) / divisor


def over_power(x: np.ndarray, high: np.ndarray, low: np.ndarray, exponent: int) -> np.ndarray:
    """x / (high + low)^exponent with hardly more than one rounding; far from overflow and underflow."""
    power, power_low = high, low
    for _ in range(exponent - 1):
        product, product_low = two_product(power, high)
        power, power_low = product, product_low + (power_low * high + power * low)
    result = x / power
    # The difference of two zeros of one sign would be +0.
    return np.copysign(result - result * (power_low / power), result)


def less(x: np.ndarray, number: float) -> np.ndarray:
    """x − number, where a float64 number is not rounded to x's dtype first: just beyond it that would be all there is."""
    high, low = constant(x, number)
    return (x - high) - low


def above(x: np.ndarray, number: float) -> np.ndarray:
    """x > number, for the float64 number as it is."""
    high, _ = constant(x, number)
    return (x >= high) if float(high) > number else (x > high)


def below(x: np.ndarray, number: float) -> np.ndarray:
    """x < number, for the float64 number as it is."""
    return above(-x, -number)


class Tail(NamedTuple):
    """e^u = factor · after, where `factor` is a normal number even if e^u is subnormal or smaller."""

    factor: np.ndarray
    after: np.ndarray


def exp(high: np.ndarray, low: np.ndarray | None = None) -> Tail:
    """e^(high + low) for high ≤ 0 and small low. Multiply `after` last: only then may the result underflow."""
    shift, start = (32.0, -64.0) if high.dtype == np.float32 else (64.0, -600.0)
    far = high < start
    real = high.dtype.type
    raised = np.exp(np.where(far, high + real(shift), high))
    if low is not None:
        raised = raised + raised * np.expm1(low)
    return Tail(raised, np.where(far, real(math.exp(-shift)), real(1)))


def reach(x: np.ndarray, factor: float) -> np.floating[Any]:
    """A number r with e^(−factor · r) = 0 in any dtype, and finite in x's."""
    largest = float(np.finfo(x.dtype).max)
    return x.dtype.type(min(1000 / factor, largest) if factor else largest)


def bounded_by_largest(x: np.ndarray) -> np.ndarray:
    """x with the largest finite numbers in place of infinities, where these would make a NaN of a quotient."""
    return np.clip(x, np.finfo(x.dtype).min, np.finfo(x.dtype).max)


def nan_kept(x: np.ndarray, result: np.ndarray) -> np.ndarray:
    """`result`, but NaN where x is: comparisons with NaN are false, and would choose one of the pieces."""
    return np.where(np.isnan(x), x, result)
