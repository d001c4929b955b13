"""Functions that saturate, a second time, over mpmath: value and three derivatives.

Typed from documentation and the calculus, not from `conformance.standard`: torch.nn.LogSigmoid (log(1/(1 + e^(−x)))),
torch.nn.Tanh, torch.nn.Hardsigmoid (x/6 + 1/2 between −3 and 3), torch.nn.Hardtanh, torch.nn.Softsign (x/(1 + |x|)),
keras.activations.sparse_sigmoid ((x + 1)/2 between −1 and 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

Number = Any
Orders = tuple[Number, Number, Number, Number]


def log_sigmoid(x: Number) -> Orders:
    # With u = e^(−|x|), which is at most 1: f′ = σ(−x), f″ = −u/(1 + u)², f‴ = −f″ · tanh(x/2), tanh(|x|/2) = (1 − u)/(1 + u).
    u = mp.exp(-abs(x))
    bend = u / (1 + u) ** 2
    turn = -mp.expm1(-abs(x)) / (1 + u)
    if x >= 0:
        return -mp.log1p(u), u / (1 + u), -bend, bend * turn
    return x - mp.log1p(u), 1 / (1 + u), -bend, -bend * turn


def tanh(x: Number) -> Orders:
    # With u = e^(−2|x|): t = (1 − u)/(1 + u), s = sech² = 4u/(1 + u)²; t′ = s, s′ = −2ts.
    u = mp.exp(-2 * abs(x))
    t = -mp.expm1(-2 * abs(x)) / (1 + u)
    if x < 0:
        t = -t
    s = 4 * u / (1 + u) ** 2
    return t, s, -2 * t * s, s * (6 * t * t - 2)


def hard_sigmoid(x: Number) -> Orders:
    if x <= -3:
        return mpf(0), mpf(0), mpf(0), mpf(0)
    if x >= 3:
        return mpf(1), mpf(0), mpf(0), mpf(0)
    return x / 6 + mpf(1) / 2, mpf(1) / 6, mpf(0), mpf(0)


def hard_tanh(x: Number, min: Number, max: Number) -> Orders:
    if x > max:
        return max, mpf(0), mpf(0), mpf(0)
    if x < min:
        return min, mpf(0), mpf(0), mpf(0)
    return x, mpf(1), mpf(0), mpf(0)


def softsign(x: Number) -> Orders:
    # x/(1 + |x|) = ±(1 − 1/(1 + |x|)); each derivative of 1/w brings another −1/w and the sign of x.
    sign, w = (1 if x >= 0 else -1), 1 + abs(x)
    return x / w, w**-2, -2 * sign * w**-3, 6 * w**-4


def sparse_sigmoid(x: Number) -> Orders:
    if -1 < x < 1:
        return (x + 1) / 2, mpf(1) / 2, mpf(0), mpf(0)
    return mpf(1 if x >= 1 else 0), mpf(0), mpf(0), mpf(0)


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "log_sigmoid": log_sigmoid,
    "tanh": tanh,
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": hard_tanh,
    "softsign": softsign,
    "sparse_sigmoid": sparse_sigmoid,
}
