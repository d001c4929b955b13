"""Piecewise linear functions a second time, over mpmath: value and three derivatives between the kinks.

Typed from documentation, not from `conformance.standard`: torch.nn.Identity, torch.nn.ReLU6 (min(max(0, x), 6)), the
ReLU layer of keras.io (clipped_relu: three cases, by `max_value` and `threshold`), torch.nn.PReLU
(max(0, x) + a · min(0, x)), torch.nn.RReLU (in evaluation a = (lower + upper)/2), torch.nn.Threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mpf

Number = Any
Orders = tuple[Number, Number, Number, Number]


def _line(value: Number, slope: Number) -> Orders:
    return mpf(value), mpf(slope), mpf(0), mpf(0)


def identity(x: Number) -> Orders:
    return _line(x, 1)


def relu6(x: Number) -> Orders:
    if 0 < x < 6:
        return _line(x, 1)
    return _line(6 if x >= 6 else 0, 0)


def clipped_relu(x: Number, negative_slope: Number, max_value: Number, threshold: Number) -> Orders:
    if x >= max_value:
        return _line(max_value, 0)
    if x >= threshold:
        return _line(x, 1)
    return _line(negative_slope * (x - threshold), negative_slope)


def prelu(x: Number, slope: Number) -> Orders:
    positive, negative = (x, mpf(0)) if x > 0 else (mpf(0), x)
    return _line(positive + slope * negative, 1 if x > 0 else slope)


def rrelu(x: Number, lower: Number, upper: Number) -> Orders:
    return prelu(x, (lower + upper) / 2)


def threshold(x: Number, threshold: Number, value: Number) -> Orders:
    return _line(x, 1) if x > threshold else _line(value, 0)


DEFINITIONS: dict[str, Callable[..., Orders]] = {
    "identity": identity,
    "relu6": relu6,
    "clipped_relu": clipped_relu,
    "prelu": prelu,
    "rrelu": rrelu,
    "threshold": threshold,
}
