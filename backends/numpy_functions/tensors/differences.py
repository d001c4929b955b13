"""Differences, and what is left of a function beside its tangent, without cancellation.

Everything takes and gives arrays of one dtype, float32 or float64, and never computes wider. Knows no loss.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arithmetic import above, constant, exp, two_sum


class Difference(NamedTuple):
    """x − y rounded to `high`, with the rounding error `low` (0 where that is no number); and half of it, which is never out of range."""

    high: np.ndarray
    low: np.ndarray
    half: np.ndarray


def difference(x: np.ndarray, y: np.ndarray | None) -> Difference:
    """x − y; y is 0 where there is none."""
    if y is None:
        return Difference(x, np.zeros_like(x), x / 2)
    high, low = two_sum(x, -y)
    return Difference(high, np.where(np.isfinite(low), low, x.dtype.type(0)), x / 2 - y / 2)


def overflown(d: Difference) -> np.ndarray:
    """Where the difference is out of range, and half of it is not."""
    return np.isinf(d.high) & np.isfinite(d.half)


def number_less(number: float, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """number − (high + low), for a float64 number that is not rounded to the dtype first."""
    first, rest = constant(high, number)
    return (first - high) + (rest - low)


def at_least(x: np.ndarray, bound: float) -> np.ndarray:
    """The larger of x and a float64 number; NaN where x is."""
    return np.where(above(-x, -bound), constant(x, bound)[0], x)


def at_most(x: np.ndarray, bound: float) -> np.ndarray:
    """The smaller of x and a float64 number; NaN where x is."""
    return np.where(above(x, bound), constant(x, bound)[0], x)


def logarithm_of_quotient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log(x / y) for x, y ≥ 0, to its last digits where the two are nearly equal, and where the quotient is out of range."""
    ratio = x / y
    near = (ratio > 0.5) & (ratio < 2)
    tiny = np.finfo(x.dtype).tiny
    out_of_range = (x > 0) & (y > 0) & ((ratio < tiny) | np.isinf(ratio)) & np.isfinite(x) & np.isfinite(y)
    apart = np.where(out_of_range, np.log(x) - np.log(y), np.log(ratio))
    return np.where(near, np.log1p(np.where(near, (x - y) / y, x.dtype.type(0))), apart)


def exponential_beyond_tangent(x: np.ndarray) -> np.ndarray:
    """e^x − 1 − x."""
    near = np.abs(x) <= 1
    small = np.where(near, x, x.dtype.type(0))
    # x²/2 · (1 + x/3 · (1 + x/4 · (1 + …)))
    series = np.ones_like(small)
    for divisor in range(20, 2, -1):
        series = 1 + small / divisor * series
    return np.where(near, (small / 2) * small * series, np.where(x == np.inf, x, np.expm1(x) - x))


def argument_beyond_logarithm(x: np.ndarray) -> np.ndarray:
    """x − log(1 + x) for x ≥ −1."""
    near = (x >= -0.5) & (x <= 1)
    small = np.where(near, x, x.dtype.type(0))
    # With s = x / (2 + x): log(1 + x) = 2 artanh s, and x − 2s = s·x.
    s = small / (2 + small)
    square = s * s
    series = np.zeros_like(s)
    for order in range(35, 1, -2):
        series = square * (x.dtype.type(1 / order) + series)
    return np.where(near, s * small - 2 * s * series, np.where(x == np.inf, x, x - np.log1p(x)))


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x)."""
    e, after = exp(-np.abs(x))
    # Where e^−|x| is next to nothing, log1p is the identity.
    return np.maximum(x, 0) + np.where(after == 1, np.log1p(e), e) * after


def times_logistic(factor: Any, x: np.ndarray) -> np.ndarray:
    """factor / (1 + e^−x), where a large factor may make up for a tail."""
    e, after = exp(-np.abs(x))
    return np.where(x < 0, ((factor * e) / (1 + e * after)) * after, factor / (1 + e * after))
