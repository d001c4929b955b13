"""Activations made of one exponential: elu and its relatives, the exponential itself, log(1 − e^(−x))."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .arithmetic import exp, nan_kept, quotient, reach
from .parameters import Activation, none, not_negative, ordinary

LAMBDA, LAMBDA_ALPHA = 1.0507009873554805, 1.7580993408473769
"""selu's constants, correctly rounded; the product by itself, because that of two rounded numbers would not be."""


def _elu(x: np.ndarray, alpha: float) -> np.ndarray:
    # Not the minimum with 0, which may turn −0 into +0.
    return np.where(x > 0, x, x.dtype.type(alpha) * np.expm1(np.where(x > 0, x.dtype.type(0), x)))


def _elu_derivative(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x.dtype.type(1), _scaled_exp(x, alpha))


def _elu_second(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x.dtype.type(0), _scaled_exp(x, alpha))


def _scaled_exp(x: np.ndarray, factor: float) -> np.ndarray:
    """factor · e^x for x ≤ 0; for larger x, whatever is at hand."""
    e, after = exp(np.minimum(x, 0))
    return (x.dtype.type(factor) * e) * after


def _check_elu(alpha: Any) -> Mapping[str, Any]:
    return {"alpha": not_negative("alpha", alpha)}


def _celu_argument(x: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """x / alpha for x ≤ 0 as high + low, clipped where e^(x / alpha) is nothing."""
    return quotient(np.clip(x, -reach(x, 1 / alpha), 0), alpha)


def _celu(x: np.ndarray, alpha: float) -> np.ndarray:
    high, low = _celu_argument(x, alpha)
    grown = np.expm1(high)
    bent = x.dtype.type(alpha) * (grown + low * (1 + grown))
    # Where x / alpha is next to nothing it may be subnormal, and alpha would enlarge its rounding.
    straight = ~(high < -np.finfo(x.dtype).eps / 8)
    # e^t − 1 ≥ t, and the rounded one keeps to that.
    return np.where(straight, x, np.maximum(bent, x))


def _celu_derivative(x: np.ndarray, alpha: float) -> np.ndarray:
    e, after = exp(*_celu_argument(x, alpha))
    return np.where(x > 0, x.dtype.type(1), e * after)


def _celu_second(x: np.ndarray, alpha: float) -> np.ndarray:
    e, after = exp(*_celu_argument(x, alpha))
    return np.where(x > 0, x.dtype.type(0), (e / x.dtype.type(alpha)) * after)


def _check_celu(alpha: Any) -> Mapping[str, Any]:
    return {"alpha": ordinary("alpha", alpha)}


def _selu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x.dtype.type(LAMBDA) * x, _elu(x, LAMBDA_ALPHA))


def _selu_derivative(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x.dtype.type(LAMBDA), _scaled_exp(x, LAMBDA_ALPHA))


def _selu_second(x: np.ndarray) -> np.ndarray:
    return _elu_second(x, LAMBDA_ALPHA)


def _exponential(x: np.ndarray) -> np.ndarray:
    return np.exp(x)


def _log1mexp(x: np.ndarray) -> np.ndarray:
    e, after = exp(-np.abs(x))
    # Where e^−x is tiny, log1p is the identity.
    far = np.where(after == 1, np.log1p(-e), -e) * after
    near = np.log(-np.expm1(-np.abs(x)))
    return _right_of_zero(x, np.where(x < math.log(2), near, far))


def _log1mexp_derivative(x: np.ndarray) -> np.ndarray:
    e, after = exp(-np.abs(x))
    return _right_of_zero(x, (e / _one_minus_exp(x)) * after)


def _log1mexp_second(x: np.ndarray) -> np.ndarray:
    e, after = exp(-np.abs(x))
    rest = _one_minus_exp(x)
    return _right_of_zero(x, -(e / rest / rest) * after)


def _one_minus_exp(x: np.ndarray) -> np.ndarray:
    """1 − e^−|x|; +0 at both zeros, so that what is divided by it has the sign of the limit from the right."""
    return np.abs(np.expm1(-np.abs(x)))


def _right_of_zero(x: np.ndarray, result: np.ndarray) -> np.ndarray:
    return nan_kept(x, np.where(x < 0, x.dtype.type(np.nan), result))


ACTIVATIONS: Mapping[str, Activation] = {
    "elu": Activation((_elu, _elu_derivative, _elu_second), _check_elu),
    "celu": Activation((_celu, _celu_derivative, _celu_second), _check_celu),
    "selu": Activation((_selu, _selu_derivative, _selu_second), none),
    "exponential": Activation((_exponential, _exponential, _exponential), none),
    "log1mexp": Activation((_log1mexp, _log1mexp_derivative, _log1mexp_second), none),
}
