"""Activations that saturate on both sides: sigmoid and its relatives; and the logistic function that others are made of."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .arithmetic import above, below, bounded_by_largest, constant, exp, nan_kept, over_power, two_sum
from .parameters import Activation, finite, none, ordered
from .rectified import zero_derivative


def logistic(high: np.ndarray, low: np.ndarray | None = None) -> np.ndarray:
    """1/(1 + e^−u) for u = high + low, by the exponential that can't overflow."""
    e, after = exp_of_minus_absolute(high, low)
    e = e * after
    return np.where(high < 0, e, high.dtype.type(1)) / (1 + e)


def logistic_derivative(high: np.ndarray, low: np.ndarray | None, factor: Any) -> np.ndarray:
    """factor · e^−|u| / (1 + e^−|u|)² for u = high + low."""
    e, after = exp_of_minus_absolute(high, low)
    return over_power(factor * e, *two_sum(high.dtype.type(1), e * after), 2) * after


def exp_of_minus_absolute(high: np.ndarray, low: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """e^−|u| for u = high + low, as a Tail."""
    return exp(-np.abs(high), None if low is None else np.where(high < 0, low, -low))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return logistic(x)


def _sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return logistic_derivative(x, None, x.dtype.type(1))


def _sigmoid_second(x: np.ndarray) -> np.ndarray:
    # σ″ = σ′ (1 − 2σ), and 1 − 2σ(x) = −tanh(x/2), which does not cancel.
    return -logistic_derivative(x, None, np.tanh(x / 2))


def _log_sigmoid(x: np.ndarray) -> np.ndarray:
    e, after = exp(-np.abs(x))
    # −log σ(x) = max(−x, 0) + log1p(e^−|x|); where e^−|x| is tiny, log1p is the identity. Around 0 it is reckoned from
    # log 2, so that the function rises from number to number as it should.
    bend = np.where(after == 1, np.log1p(e), e) * after
    two, rest = constant(x, math.log(2))
    small = np.maximum(-x, 0) + (rest + np.log1p(np.expm1(-np.abs(x)) / 2))
    return -np.where(np.abs(x) < 0.25, two + small, np.maximum(-x, 0) + bend)


def _log_sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return logistic(-x)


def _log_sigmoid_second(x: np.ndarray) -> np.ndarray:
    return -_sigmoid_derivative(x)


def tanh(x: np.ndarray) -> np.ndarray:
    """tanh(x), nondecreasing too beyond 1, where NumPy's may step back by a unit in the last place."""
    e, after = exp(-2 * np.abs(x))
    e = e * after
    return np.where(np.abs(x) > 1, np.copysign(1 - 2 * e / (1 + e), x), np.tanh(x))


def _tanh_derivative(x: np.ndarray) -> np.ndarray:
    # 1 − tanh² = 4σ′(2x), which does not cancel.
    return logistic_derivative(2 * x, None, x.dtype.type(4))


def _tanh_second(x: np.ndarray) -> np.ndarray:
    return -logistic_derivative(2 * x, None, 8 * tanh(x))


def _hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(x + 3, 0, 6) / 6


def _hard_sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return nan_kept(x, np.where(np.abs(x) < 3, x.dtype.type(1 / 6), x.dtype.type(0)))


def _hard_tanh(x: np.ndarray, min: float, max: float) -> np.ndarray:
    return np.where(below(x, min), x.dtype.type(min), np.where(above(x, max), x.dtype.type(max), x))


def _hard_tanh_derivative(x: np.ndarray, min: float, max: float) -> np.ndarray:
    # At the bounds 1, as most choose: they clip what lies outside, and pass on the rest.
    return nan_kept(x, (~below(x, min) & ~above(x, max)).astype(x.dtype))


def _check_hard_tanh(min: Any, max: Any) -> Mapping[str, Any]:
    checked = {"min": finite("min", min), "max": finite("max", max)}
    ordered("min", checked["min"], "max", checked["max"])
    return checked


def _softsign(x: np.ndarray) -> np.ndarray:
    one, bounded = np.ones_like(x), bounded_by_largest(x)
    once, rest = two_sum(one, np.abs(bounded))
    # Beyond 1 it is 1 − 1/(1 + |x|): of a quotient next to 1 a rounding is half a step.
    far = np.copysign(1 - over_power(one, once, rest, 1), x)
    return np.where(np.abs(x) > 1, far, over_power(bounded, once, rest, 1))


def _softsign_derivative(x: np.ndarray) -> np.ndarray:
    once, rest = two_sum(x.dtype.type(1), np.abs(bounded_by_largest(x)))
    return (1 - 2 * rest / once) / once / once


def _softsign_second(x: np.ndarray) -> np.ndarray:
    once, rest = two_sum(x.dtype.type(1), np.abs(bounded_by_largest(x)))
    return -2 * np.sign(x) * (1 - 3 * rest / once) / once / once / once


def _sparse_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(x + 1, 0, 2) / 2


def sparse_sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    """1/2 between −1 and 1, and 0 elsewhere."""
    return nan_kept(x, np.where(np.abs(x) < 1, x.dtype.type(0.5), x.dtype.type(0)))


ACTIVATIONS: Mapping[str, Activation] = {
    "sigmoid": Activation((_sigmoid, _sigmoid_derivative, _sigmoid_second), none),
    "log_sigmoid": Activation((_log_sigmoid, _log_sigmoid_derivative, _log_sigmoid_second), none),
    "tanh": Activation((tanh, _tanh_derivative, _tanh_second), none),
    "hard_sigmoid": Activation((_hard_sigmoid, _hard_sigmoid_derivative, zero_derivative), none),
    "hard_tanh": Activation((_hard_tanh, _hard_tanh_derivative, zero_derivative), _check_hard_tanh),
    "softsign": Activation((_softsign, _softsign_derivative, _softsign_second), none),
    "sparse_sigmoid": Activation((_sparse_sigmoid, sparse_sigmoid_derivative, zero_derivative), none),
}
