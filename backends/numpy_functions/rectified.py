"""Piecewise linear and piecewise polynomial activations: relu and its relatives."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .arithmetic import above, below, less, nan_kept
from .parameters import Activation, finite, none, not_negative, ordered, real


def zero_derivative(x: np.ndarray, **_: Any) -> np.ndarray:
    """0, the second derivative of whatever is piecewise linear."""
    return nan_kept(x, np.zeros_like(x))


def _identity(x: np.ndarray) -> np.ndarray:
    return x.copy()


def _identity_derivative(x: np.ndarray) -> np.ndarray:
    return nan_kept(x, np.ones_like(x))


def _relu(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0, x.dtype.type(0), x)


def _relu_derivative(x: np.ndarray) -> np.ndarray:
    return nan_kept(x, (x > 0).astype(x.dtype))


def _relu6(x: np.ndarray) -> np.ndarray:
    return np.minimum(_relu(x), x.dtype.type(6))


def _relu6_derivative(x: np.ndarray) -> np.ndarray:
    return nan_kept(x, ((x > 0) & (x < 6)).astype(x.dtype))


def _clipped_relu(x: np.ndarray, negative_slope: float, max_value: float, threshold: float) -> np.ndarray:
    damped = _leaky_relu(less(x, threshold), negative_slope)
    cap = x.dtype.type(max_value)
    return np.where(below(x, max_value), np.where(below(x, threshold), damped, x), nan_kept(x, np.full_like(x, cap)))


def _clipped_relu_derivative(x: np.ndarray, negative_slope: float, max_value: float, threshold: float) -> np.ndarray:
    uncapped = np.where(above(x, threshold), x.dtype.type(1), x.dtype.type(negative_slope))
    return nan_kept(x, np.where(below(x, max_value) | (max_value == np.inf), uncapped, x.dtype.type(0)))


def _check_clipped_relu(negative_slope: Any, max_value: Any, threshold: Any) -> Mapping[str, Any]:
    cap = real("max_value", max_value)
    checked = {
        "negative_slope": not_negative("negative_slope", negative_slope),
        "max_value": cap,
        "threshold": not_negative("threshold", threshold),
    }
    if cap < 0:
        raise ValueError(f"max_value is {cap}; give zero, a positive number or infinity, such as 6")
    ordered("threshold", checked["threshold"], "max_value", cap)
    return checked


def _leaky_relu(x: np.ndarray, slope: Any) -> np.ndarray:
    factor = np.asarray(slope, dtype=x.dtype)
    # 0 · (−inf) would be NaN.
    return np.where(x < 0, np.where(factor == 0, x.dtype.type(0), factor * x), x)


def _leaky_relu_derivative(x: np.ndarray, slope: Any) -> np.ndarray:
    return nan_kept(x, np.where(x >= 0, x.dtype.type(1), np.asarray(slope, dtype=x.dtype)))


def _check_leaky_relu(slope: Any) -> Mapping[str, Any]:
    return {"slope": finite("slope", slope)}


def _prelu_derivative(x: np.ndarray, slope: Any) -> np.ndarray:
    return nan_kept(x, np.where(x > 0, x.dtype.type(1), np.asarray(slope, dtype=x.dtype)))


def _check_prelu(slope: Any) -> Mapping[str, Any]:
    return {"slope": slope if isinstance(slope, np.ndarray) else finite("slope", slope)}


def _rrelu(x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    return _leaky_relu(x, (lower + upper) / 2)


def _rrelu_derivative(x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    return _prelu_derivative(x, (lower + upper) / 2)


def check_rrelu(lower: Any, upper: Any) -> Mapping[str, Any]:
    """Bounds of the slope. Raises TypeError and ValueError."""
    checked = {"lower": finite("lower", lower), "upper": finite("upper", upper)}
    ordered("lower", checked["lower"], "upper", checked["upper"])
    return checked


def _threshold(x: np.ndarray, threshold: float, value: float) -> np.ndarray:
    return nan_kept(x, np.where(above(x, threshold), x, x.dtype.type(value)))


def _threshold_derivative(x: np.ndarray, threshold: float, value: float) -> np.ndarray:
    return nan_kept(x, above(x, threshold).astype(x.dtype))


def _check_threshold(threshold: Any, value: Any) -> Mapping[str, Any]:
    return {"threshold": finite("threshold", threshold), "value": finite("value", value)}


def _hard_swish(x: np.ndarray) -> np.ndarray:
    middle = np.clip(x, -3, 3)
    return np.where(x > 3, x, np.where(x <= -3, x.dtype.type(0), middle * (middle + 3) / 6))


def _hard_swish_derivative(x: np.ndarray) -> np.ndarray:
    middle = np.clip(x, -3, 3)
    return np.where(x >= 3, x.dtype.type(1), np.where(x <= -3, x.dtype.type(0), (middle + middle + 3) / 6))


def _hard_swish_second(x: np.ndarray) -> np.ndarray:
    return nan_kept(x, np.where(np.abs(x) < 3, x.dtype.type(1 / 3), x.dtype.type(0)))


ACTIVATIONS: Mapping[str, Activation] = {
    "identity": Activation((_identity, _identity_derivative, zero_derivative), none),
    "relu": Activation((_relu, _relu_derivative, zero_derivative), none),
    "relu6": Activation((_relu6, _relu6_derivative, zero_derivative), none),
    "clipped_relu": Activation((_clipped_relu, _clipped_relu_derivative, zero_derivative), _check_clipped_relu),
    "leaky_relu": Activation((_leaky_relu, _leaky_relu_derivative, zero_derivative), _check_leaky_relu),
    "prelu": Activation((_leaky_relu, _prelu_derivative, zero_derivative), _check_prelu),
    "rrelu": Activation((_rrelu, _rrelu_derivative, zero_derivative), check_rrelu),
    "threshold": Activation((_threshold, _threshold_derivative, zero_derivative), _check_threshold),
    "hard_swish": Activation((_hard_swish, _hard_swish_derivative, _hard_swish_second), none),
}
