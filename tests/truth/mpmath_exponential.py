"""elu, celu, selu, exponential and log1mexp with three derivatives each, a second time, over mpmath.

Typed from the papers and from the calculus, not from `conformance.standard`. Sources: Clevert, Unterthiner, Hochreiter
2016, equation 15 (elu: α(e^x − 1) below zero); Barron 2017, equation 2 (celu: α(e^(x/α) − 1) below zero); Klambauer et
al. 2017, equation 2 (selu: λ times elu); documentation of jax.nn.log1mexp (log(1 − e^(−x)), x > 0).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from mpmath import mp, mpf

Number = Any
Orders = tuple[Number, Number, Number, Number]


def elu(x: Number, alpha: Number) -> Orders:
    if x > 0:
        return x, mpf(1), mpf(0), mpf(0)
    slope = alpha * mp.exp(x)
    return alpha * mp.expm1(x), slope, slope, slope


def celu(x: Number, alpha: Number) -> Orders:
    if x > 0:
        return x, mpf(1), mpf(0), mpf(0)
    slope = mp.exp(x / alpha)
    return alpha * mp.expm1(x / alpha), slope, slope / alpha, slope / alpha**2


def selu(x: Number) -> Orders:
    alpha, scale = self_normalising(mp.prec)
    value, first, second, third = elu(x, alpha)
    return scale * value, scale * first, scale * second, scale * third


@cache
def self_normalising(precision: int) -> tuple[Number, Number]:
    """α and λ, to the working precision in bits, from what they are for: a standard normal argument gives a result of mean 0 and variance 1.

    The paper's closed formulas (equation 14) are what the standard has; here stand the integrals. With φ the density of the
    normal distribution and Φ its distribution function: ∫ x·φ over x > 0 is 1/√(2π), ∫ x²·φ is 1/2, and ∫ e^(kx)·φ over
    x < 0 is e^(k²/2)·Φ(−k).
    """
    one = mp.exp(mpf(1) / 2) * mp.ncdf(-1)
    two = mp.exp(2) * mp.ncdf(-2)
    alpha = 1 / mp.sqrt(2 * mp.pi) / (mpf(1) / 2 - one)
    return alpha, 1 / mp.sqrt(mpf(1) / 2 + alpha**2 * (two - 2 * one + mpf(1) / 2))


def exponential(x: Number) -> Orders:
    power = mp.exp(x)
    return power, power, power, power


def log1mexp(x: Number) -> Orders:
    # f′ = 1/(e^x − 1); with c = e^(−x) and d = 1 − c: f′ = c/d, f″ = −c/d², f‴ = c(1 + c)/d³.
    c, d = mp.exp(-x), -mp.expm1(-x)
    value = mp.log(d) if x < 1 else mp.log1p(-c)
    return value, c / d, -c / d**2, c * (1 + c) / d**3


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "elu": elu,
    "celu": celu,
    "selu": selu,
    "exponential": exponential,
    "log1mexp": log1mexp,
}
