"""All functions and three derivatives of each, a second time, over mpmath.

Typed from the papers and from the calculus, not from `conformance.standard`: each entry gives f, f′, f″, f‴ as
formulas of their own, in a form that does not cancel, so that a slip in the definitions or in the series shows.

Sources: Maas, Hannun, Ng 2013 (leaky_relu: slope · x below zero); Howard et al. 2019, section 5.2 (hard swish,
x · ReLU6(x + 3)/6). The other families are in files of their own, with their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mpmath import mpf

from . import mpmath_exponential, mpmath_rectified, mpmath_shrink, mpmath_sigmoidal, mpmath_smooth

Number = Any
Orders = tuple[Number, Number, Number, Number]


def relu(x: Number) -> Orders:
    return (x, mpf(1), mpf(0), mpf(0)) if x > 0 else (mpf(0), mpf(0), mpf(0), mpf(0))


def leaky_relu(x: Number, slope: Number) -> Orders:
    return (x, mpf(1), mpf(0), mpf(0)) if x > 0 else (slope * x, slope, mpf(0), mpf(0))


def hard_swish(x: Number) -> Orders:
    if x < -3:
        return mpf(0), mpf(0), mpf(0), mpf(0)
    if x > 3:
        return x, mpf(1), mpf(0), mpf(0)
    return x * x / 6 + x / 2, x / 3 + mpf(1) / 2, mpf(1) / 3, mpf(0)


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "hard_swish": hard_swish,
    "sigmoid": mpmath_smooth.sigmoid,
    **mpmath_exponential.DEFINITIONS,
    **mpmath_rectified.DEFINITIONS,
    **mpmath_shrink.DEFINITIONS,
    **mpmath_sigmoidal.DEFINITIONS,
    **mpmath_smooth.DEFINITIONS,
}


def orders_of(name: str, x: float, parameters: Mapping[str, float]) -> Orders:
    """Value and derivatives at a binary64 number, at mpmath's working precision."""
    return DEFINITIONS[name](mpf(x), **{key: mpf(value) for key, value in parameters.items()})
