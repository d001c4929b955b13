"""The shrinking functions a second time, over mpmath: value and three derivatives.

Typed from the documentation of torch.nn.Softshrink, torch.nn.Hardshrink and torch.nn.Tanhshrink and the calculus, not
from `conformance.standard`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from .mpmath_sigmoidal import tanh

Number = Any
Orders = tuple[Number, Number, Number, Number]


def soft_shrink(x: Number, threshold: Number) -> Orders:
    if x > threshold:
        return x - threshold, mpf(1), mpf(0), mpf(0)
    if x < -threshold:
        return x + threshold, mpf(1), mpf(0), mpf(0)
    return mpf(0), mpf(0), mpf(0), mpf(0)


def hard_shrink(x: Number, threshold: Number) -> Orders:
    if x > threshold or x < -threshold:
        return x, mpf(1), mpf(0), mpf(0)
    return mpf(0), mpf(0), mpf(0), mpf(0)


def tanh_shrink(x: Number) -> Orders:
    # x − tanh x = (x·cosh x − sinh x)/cosh x, whose numerator is Σ 2k·x^(2k+1)/(2k+1)!, terms of one sign. With t and s as
    # the tanh and its derivative: f′ = t², f″ = 2ts, f‴ = 2s·(s − 2t²) = 2s·(1 − 3t²).
    t, s, _, _ = tanh(x)
    if abs(x) > 1:
        value = x - t
    else:
        power, value, k = x**3 / 6, mpf(0), 1
        while k == 1 or abs(power) > abs(value) * mpf(2) ** -mp.prec:
            value += 2 * k * power
            k += 1
            power *= x * x / ((2 * k) * (2 * k + 1))
        value /= mp.cosh(x)
    return value, t * t, 2 * t * s, 2 * s * (1 - 3 * t * t)


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "soft_shrink": soft_shrink,
    "hard_shrink": hard_shrink,
    "tanh_shrink": tanh_shrink,
}
