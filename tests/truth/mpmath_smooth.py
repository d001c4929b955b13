"""The smooth relatives of relu with three derivatives each, a second time, over mpmath.

Typed from the papers and from the calculus, not from `conformance.standard`. Sources: Hendrycks, Gimpel 2016, section 2
(gelu, x · Φ(x), and its approximation by tanh); Ramachandran, Zoph, Le 2017 (swish, x · σ(βx)); Misra 2019, equation 1
(mish); Dugas et al. 2000 (softplus, log(1 + e^x)), the sharpness β and the threshold as in the documentation of
torch.nn.Softplus; Barron 2021, equation 1 (squareplus); documentation of jax.nn.sparse_plus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

Number = Any
Orders = tuple[Number, Number, Number, Number]


def sigmoid(x: Number) -> Orders:
    # With u = e^(−|x|): σ(|x|) = 1/(1 + u), σ′ = u/(1 + u)², σ″ = −σ′ · tanh(x/2), σ‴ = σ′ · (1 − 6σ′).
    u = mp.exp(-abs(x))
    first = u / (1 + u) ** 2
    value = 1 / (1 + u) if x >= 0 else u / (1 + u)
    return value, first, -first * mp.tanh(x / 2), first * (1 - 6 * first)


def gated(x: Number, gate: Orders) -> Orders:
    """x · g(x) by the product rule."""
    g, first, second, third = gate
    return x * g, g + x * first, 2 * first + x * second, 3 * second + x * third


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


def gelu_tanh(x: Number) -> Orders:
    # (1 + tanh u)/2 = σ(2u), which does not cancel where u is negative.
    c = 2 * mp.sqrt(2 / mp.pi)
    cubic = mpf("0.044715")
    u, u1, u2, u3 = c * (x + cubic * x**3), c * (1 + 3 * cubic * x**2), 6 * c * cubic * x, 6 * c * cubic
    s, s1, s2, s3 = sigmoid(u)
    return gated(x, (s, s1 * u1, s2 * u1**2 + s1 * u2, s3 * u1**3 + 3 * s2 * u1 * u2 + s1 * u3))


def silu(x: Number, beta: Number) -> Orders:
    s, s1, s2, s3 = sigmoid(beta * x)
    return gated(x, (s, beta * s1, beta**2 * s2, beta**3 * s3))


def mish(x: Number) -> Orders:
    # tanh(log y) = (y² − 1)/(y² + 1); with y = 1 + e^x and w = y² − 1 = e^(2x) + 2e^x that is 1 − 2/(w + 2).
    e = mp.exp(x)
    w, w1, w2, w3 = e * (e + 2), 2 * e * (e + 1), 2 * e * (2 * e + 1), 2 * e * (4 * e + 1)
    d = w + 2
    return gated(
        x,
        (
            w / d,
            2 * w1 / d**2,
            2 * w2 / d**2 - 4 * w1**2 / d**3,
            2 * w3 / d**2 - 12 * w1 * w2 / d**3 + 12 * w1**3 / d**4,
        ),
    )


def softplus(x: Number, beta: Number, threshold: Number) -> Orders:
    if beta * x > threshold:
        return x, mpf(1), mpf(0), mpf(0)
    value, first, second, _ = sigmoid(beta * x)
    log_part = mp.log1p(mp.exp(-abs(beta * x))) / beta
    return max(x, mpf(0)) + log_part, value, beta * first, beta**2 * second


def squareplus(x: Number, b: Number) -> Orders:
    # (r + x)(r − x) = b, for negative x, where r + x cancels.
    r = mp.sqrt(x * x + b)
    plus = r + x if x > 0 else b / (r - x)
    return plus / 2, plus / (2 * r), b / (2 * r**3), -3 * b * x / (2 * r**5)


def sparse_plus(x: Number) -> Orders:
    if x <= -1:
        return mpf(0), mpf(0), mpf(0), mpf(0)
    if x >= 1:
        return x, mpf(1), mpf(0), mpf(0)
    return (x + 1) ** 2 / 4, (x + 1) / 2, mpf(1) / 2, mpf(0)


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "mish": mish,
    "softplus": softplus,
    "squareplus": squareplus,
    "sparse_plus": sparse_plus,
}
