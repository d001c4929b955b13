"""Shrinkage: activations that leave large arguments (nearly) alone and take small ones to zero."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .arithmetic import above, less, nan_kept
from .parameters import Activation, none, not_negative
from .rectified import zero_derivative
from .sigmoidal import logistic_derivative, tanh


def _soft_shrink(x: np.ndarray, threshold: float) -> np.ndarray:
    size = np.abs(x)
    return nan_kept(x, np.where(above(size, threshold), np.copysign(less(size, threshold), x), x.dtype.type(0)))


def _beyond(x: np.ndarray, threshold: float) -> np.ndarray:
    # Without a threshold both functions are the identity, at 0 too.
    return nan_kept(x, (above(np.abs(x), threshold) | (threshold == 0)).astype(x.dtype))


def _hard_shrink(x: np.ndarray, threshold: float) -> np.ndarray:
    return nan_kept(x, np.where(above(np.abs(x), threshold), x, x.dtype.type(0)))


def _check_threshold(threshold: Any) -> Mapping[str, Any]:
    return {"threshold": not_negative("threshold", threshold)}


_NEAR = 2.0
_SERIES = tuple(2 * k / math.factorial(2 * k + 1) for k in range(1, 15))
"""x cosh x − sinh x = Σ 2k/(2k + 1)! · x^(2k + 1): no term is negative, and up to 2 the fifteenth is nothing."""


def _tanh_shrink(x: np.ndarray) -> np.ndarray:
    near = np.clip(x, -_NEAR, _NEAR)
    square = near * near
    total = np.full_like(x, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        total = total * square + x.dtype.type(coefficient)
    # x − tanh x = (x cosh x − sinh x) / cosh x. The smallest product comes last, because it may underflow.
    return np.where(np.abs(x) > _NEAR, x - tanh(x), square * total / np.cosh(near) * near)


def _tanh_shrink_derivative(x: np.ndarray) -> np.ndarray:
    return np.square(tanh(x))


def _tanh_shrink_second(x: np.ndarray) -> np.ndarray:
    return logistic_derivative(2 * x, None, 8 * tanh(x))


ACTIVATIONS: Mapping[str, Activation] = {
    "soft_shrink": Activation((_soft_shrink, _beyond, zero_derivative), _check_threshold),
    "hard_shrink": Activation((_hard_shrink, _beyond, zero_derivative), _check_threshold),
    "tanh_shrink": Activation((_tanh_shrink, _tanh_shrink_derivative, _tanh_shrink_second), none),
}
