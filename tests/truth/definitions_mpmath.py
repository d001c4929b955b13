"""The six functions and three derivatives of each, a second time, over mpmath.

Typed from the papers and from the calculus, not from `conformance.standard`: each entry gives f, f′, f″, f‴ as
formulas of their own, in a form that does not cancel, so that a slip in the definitions or in the series shows.

Sources: Maas, Hannun, Ng 2013 (leaky_relu: slope · x below zero); Howard et al. 2019, section 5.2 (hard swish,
x · ReLU6(x + 3)/6); Hendrycks, Gimpel 2016, section 2 (gelu, x · Φ(x)); Dugas et al. 2000 (softplus, log(1 + e^x)); the
sharpness β and the threshold as in the documentation of torch.nn.Softplus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mpmath import mp, mpf

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


def sigmoid(x: Number) -> Orders:
    # With u = e^(−|x|): σ(|x|) = 1/(1 + u), σ′ = u/(1 + u)², σ″ = −σ′ · tanh(x/2), σ‴ = σ′ · (1 − 6σ′).
    u = mp.exp(-abs(x))
    first = u / (1 + u) ** 2
    value = 1 / (1 + u) if x >= 0 else u / (1 + u)
    return value, first, -first * mp.tanh(x / 2), first * (1 - 6 * first)


def gelu(x: Number) -> Orders:
    # Φ′ = φ and φ′ = −x·φ.
    density = mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    # mpmath's erfc gives up on huge arguments. There the tail is Mills' ratio, which is all that an underflow needs.
    tail = density / abs(x) if x else mpf(1) / 2
    distribution = mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 10**9 else 1 - tail if x > 0 else tail
    return (
        x * distribution,
        distribution + x * density,
        (2 - x * x) * density,
        (x**3 - 4 * x) * density,
    )


def softplus(x: Number, beta: Number, threshold: Number) -> Orders:
    if beta * x > threshold:
        return x, mpf(1), mpf(0), mpf(0)
    value, first, second, _ = sigmoid(beta * x)
    log_part = mp.log1p(mp.exp(-abs(beta * x))) / beta
    return max(x, mpf(0)) + log_part, value, beta * first, beta**2 * second


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "hard_swish": hard_swish,
    "sigmoid": sigmoid,
    "gelu": gelu,
    "softplus": softplus,
}


def orders_of(name: str, x: float, parameters: Mapping[str, float]) -> Orders:
    """Value and derivatives at a binary64 number, at mpmath's working precision."""
    return DEFINITIONS[name](mpf(x), **{key: mpf(value) for key, value in parameters.items()})
