"""The six activations and their first two derivatives, as a careful user of NumPy and SciPy would write them.

float16 and bfloat16 are computed in float32 and rounded once; float32 in float32, float64 in float64, never wider. Every
formula was derived by hand and holds on the whole line: no intermediate overflows, cancels or underflows before the
result does. Knows neither the standard nor the oracle; integers and booleans are refused.
"""

# NumPy types the arithmetic of arrays of any dtype as Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

import numpy as np

Formula = Callable[..., np.ndarray]

ACCEPTED = ("float16", "bfloat16", "float32", "float64")


class Activation(NamedTuple):
    """The value and two derivatives of one function, and the check of its parameters.

    The formulas take a one-dimensional float32 or float64 array and checked parameters, and give an array of its dtype.
    """

    formulas: tuple[Formula, Formula, Formula]
    check: Callable[..., Mapping[str, float]]


# --- arithmetic ---------------------------------------------------------------------------------------------------------


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x = high + low exactly, where high has half of the digits, so that products of two highs need no rounding."""
    if x.dtype == np.float32:
        high = (x.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
    else:
        high = (x.view(np.uint64) & np.uint64(0xFFFFFFFFF8000000)).view(np.float64)
    return high, x - high


def _scaled(x: np.ndarray, number: float) -> tuple[np.ndarray, np.ndarray]:
    """number · x as the unevaluated sum high + low of two numbers of x's dtype; for finite x, far from overflow."""
    factor = np.full((), number, np.float64).astype(x.dtype)
    rest = x.dtype.type(number - float(factor))
    high = x * factor
    x1, x2 = _split(x)
    f1, f2 = _split(factor)
    low = ((x1 * f1 - high) + x1 * f2 + x2 * f1) + x2 * f2
    return high, low + x * rest


class _Tail(NamedTuple):
    """e^u = factor · after, where `factor` is a normal number even if e^u is subnormal or smaller."""

    factor: np.ndarray
    after: np.ndarray


def _exp(high: np.ndarray, low: Any) -> _Tail:
    """e^(high + low) for high ≤ 0 and small low. Multiply `after` last: only then may the result underflow."""
    shift, start = (32.0, -64.0) if high.dtype == np.float32 else (64.0, -600.0)
    far = high < start
    real = high.dtype.type
    raised = np.exp(np.where(far, high + real(shift), high))
    return _Tail(raised + raised * np.expm1(low), np.where(far, real(math.exp(-shift)), real(1)))


def _half_square(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−x²/2 as high + low: rounding x² alone would cost e^(−x²/2) a hundred units in the last place at x = 13."""
    high, low = _split(x)
    half = x.dtype.type(0.5)
    return -half * high * high, -half * low * (x + high)


def _nan_kept(x: np.ndarray, result: np.ndarray) -> np.ndarray:
    """`result`, but NaN where x is: comparisons with NaN are false, and would choose one of the pieces."""
    return np.where(np.isnan(x), x, result)


# --- relu, leaky_relu, hard_swish ---------------------------------------------------------------------------------------


def _relu(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0, x.dtype.type(0), x)


def _relu_derivative(x: np.ndarray) -> np.ndarray:
    return _nan_kept(x, (x > 0).astype(x.dtype))


def _zero_derivative(x: np.ndarray, **_: float) -> np.ndarray:
    return _nan_kept(x, np.zeros_like(x))


def _leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    if slope == 0:  # 0 · (−inf) would be NaN
        return np.where(x < 0, x.dtype.type(0), x)
    return np.where(x < 0, x.dtype.type(slope) * x, x)


def _leaky_relu_derivative(x: np.ndarray, slope: float) -> np.ndarray:
    return _nan_kept(x, np.where(x >= 0, x.dtype.type(1), x.dtype.type(slope)))


def _hard_swish(x: np.ndarray) -> np.ndarray:
    middle = np.clip(x, -3, 3)
    return np.where(x > 3, x, np.where(x <= -3, x.dtype.type(0), middle * (middle + 3) / 6))


def _hard_swish_derivative(x: np.ndarray) -> np.ndarray:
    middle = np.clip(x, -3, 3)
    return np.where(x >= 3, x.dtype.type(1), np.where(x <= -3, x.dtype.type(0), (middle + middle + 3) / 6))


def _hard_swish_second(x: np.ndarray) -> np.ndarray:
    return _nan_kept(x, np.where(np.abs(x) < 3, x.dtype.type(1 / 3), x.dtype.type(0)))


# --- sigmoid and softplus, which is its integral ------------------------------------------------------------------------


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return _logistic(x, x.dtype.type(0))


def _sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return _logistic_derivative(x, x.dtype.type(0), x.dtype.type(1))


def _sigmoid_second(x: np.ndarray) -> np.ndarray:
    # σ″ = σ′ (1 − 2σ), and 1 − 2σ(x) = −tanh(x/2), which does not cancel.
    return -_logistic_derivative(x, x.dtype.type(0), np.tanh(x / 2))


def _logistic(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """1/(1 + e^−u) for u = high + low, by the exponential that can't overflow."""
    e, after = _exp(-np.abs(high), np.where(high < 0, low, -low))
    e = e * after
    return np.where(high < 0, e, high.dtype.type(1)) / (1 + e)


def _logistic_derivative(high: np.ndarray, low: np.ndarray, factor: Any) -> np.ndarray:
    """factor · e^−|u| / (1 + e^−|u|)² for u = high + low."""
    e, after = _exp(-np.abs(high), np.where(high < 0, low, -low))
    once = 1 + e * after
    return (factor * e / once / once) * after


def _softplus_argument(x: np.ndarray, beta: float, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """beta · x as high + low, clipped where e^−|beta · x| is nothing; and where it exceeds the threshold."""
    reach = x.dtype.type(min(1000 / beta, float(np.finfo(x.dtype).max)))
    high, low = _scaled(np.clip(x, -reach, reach), beta)
    bound = x.dtype.type(threshold)
    return high, low, (high > bound) | ((high == bound) & (low > 0))


def _softplus(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    e, after = _exp(-np.abs(high), np.where(high < 0, low, -low))
    # log(1 + e^u)/beta = max(x, 0) + log1p(e^−|u|)/beta; where e^−|u| is tiny, log1p is the identity.
    bend = np.where(after == 1, np.log1p(e), e) / x.dtype.type(beta) * after
    return np.where(beyond, x, np.maximum(x, 0) + bend)


def _softplus_derivative(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    return np.where(beyond, x.dtype.type(1), _logistic(high, low))


def _softplus_second(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    return np.where(beyond, x.dtype.type(0), _logistic_derivative(high, low, x.dtype.type(beta)))


# --- gelu ---------------------------------------------------------------------------------------------------------------

_TAIL = -1.0
"""Below, Φ(x) = erfcx(−x/√2)/2 · e^(−x²/2): the small factor stands alone, and what multiplies it is of ordinary size."""

_GELU_SLOPES = (
    (-2.0, -1.1, -1.4140625, 0.0, -0.12890414044830542),
    (-1.1, -0.15, -0.7517915246935645, 1.4956759177009883e-17, 0.0),
)
"""Between the first two numbers gelu′ is reckoned from a point (the sum of the next two) where it is known: the last one.

The second point is gelu's minimum. Both were computed with 250 bits; the tests of this file compute them again.
"""


_GAUSS = np.polynomial.legendre.leggauss(10)
"""Nodes and weights; ten are enough for float64 over these lengths."""


def _edge(x: np.ndarray) -> float:
    """Beyond ±edge e^(−x²/2) is nothing, whatever it is multiplied with."""
    return 20.0 if x.dtype == np.float32 else 45.0


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc, erfcx

    root = x.dtype.type(math.sqrt(0.5))
    half = x.dtype.type(0.5)
    far = np.clip(x, -_edge(x), _TAIL)
    e, after = _exp(*_half_square(far))
    tail = (half * far * erfcx(-far * root) * e) * after
    return np.where(x < _TAIL, tail, x * (half * erfc(-x * root)))


def _gelu_derivative(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc, erfcx

    root, density = x.dtype.type(math.sqrt(0.5)), x.dtype.type(1 / math.sqrt(2 * math.pi))
    # Φ + xφ = φ · (x + Φ/φ), and Mills' ratio Φ/φ is √(π/2) erfcx(−x/√2).
    far = np.clip(x, -_edge(x), _TAIL)
    e, after = _exp(*_half_square(far))
    tail = ((far + x.dtype.type(math.sqrt(math.pi / 2)) * erfcx(-far * root)) * density * e) * after
    near = np.clip(x, _TAIL, _edge(x))
    e, after = _exp(*_half_square(near))
    body = x.dtype.type(0.5) * erfc(-near * root) + near * density * e * after
    result = np.where(x < _TAIL, tail, body)
    for left, right, start, low, value in _GELU_SLOPES:
        here = (x > left) & (x <= right)
        result[here] = x.dtype.type(value) + _gelu_slope_change(x[here], start, low)
    return result


def _gelu_slope_change(x: np.ndarray, start: float, low: float) -> np.ndarray:
    """gelu′(x) − gelu′(start + low) = ∫ gelu″ by Gauss' rule.

    SciPy's erfc and erfcx are good to 2–4 ULP in float64 around here, and the sum Φ + xφ would multiply their error.
    """
    high = x.dtype.type(start)
    way = (x - high) - x.dtype.type(start - float(high) + low)
    total = np.zeros_like(x)
    for node, weight in zip(*_GAUSS):
        total += x.dtype.type(weight / 2) * _gelu_second(high + way * x.dtype.type((1 + node) / 2))
    return way * total


def _gelu_second(x: np.ndarray) -> np.ndarray:
    density = x.dtype.type(1 / math.sqrt(2 * math.pi))
    x = np.clip(x, -_edge(x), _edge(x))
    e, after = _exp(*_half_square(x))
    high, low = _split(x)
    return (((2 - high * high) - low * (x + high)) * density * e) * after


# --- the public functions -----------------------------------------------------------------------------------------------


def _no_parameters() -> Mapping[str, float]:
    return {}


def _real(name: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; give a real number, such as 0.5")
    return float(value)


def _check_leaky_relu(slope: Any) -> Mapping[str, float]:
    number = _real("slope", slope)
    if not math.isfinite(number):
        raise ValueError(f"slope is {number}; give a finite number, such as 0.01")
    return {"slope": number}


def _check_softplus(beta: Any, threshold: Any) -> Mapping[str, float]:
    sharpness, bound = _real("beta", beta), _real("threshold", threshold)
    if not 1e-30 < sharpness < 1e30:
        raise ValueError(f"beta is {sharpness}; give a positive number between 1e-30 and 1e30, such as 1")
    if not bound > 0:
        raise ValueError(f"threshold is {bound}; give a positive number, infinity included, such as 20")
    return {"beta": sharpness, "threshold": bound}


ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation((_relu, _relu_derivative, _zero_derivative), _no_parameters),
    "leaky_relu": Activation((_leaky_relu, _leaky_relu_derivative, _zero_derivative), _check_leaky_relu),
    "hard_swish": Activation((_hard_swish, _hard_swish_derivative, _hard_swish_second), _no_parameters),
    "sigmoid": Activation((_sigmoid, _sigmoid_derivative, _sigmoid_second), _no_parameters),
    "gelu": Activation((_gelu, _gelu_derivative, _gelu_second), _no_parameters),
    "softplus": Activation((_softplus, _softplus_derivative, _softplus_second), _check_softplus),
}


def evaluate(
    name: str, order: int, x: Any, parameters: Mapping[str, Any], cotangent: np.ndarray | None = None
) -> np.ndarray:
    """The derivative of that order (0, 1 or 2) of a function at x, times the cotangent; dtype and shape of x.

    Raises TypeError for anything but float16, bfloat16, float32 and float64 numbers and for parameters that are no
    numbers; ValueError for parameters outside their domain.
    """
    activation = ACTIVATIONS[name]
    checked = activation.check(**parameters)
    numbers = np.asarray(x)
    if numbers.dtype.name not in ACCEPTED:
        raise TypeError(
            f"{name} of {type(x).__name__} with dtype {numbers.dtype}; it takes {', '.join(ACCEPTED)}: convert the numbers first"
        )
    working = np.float64 if numbers.dtype == np.float64 else np.float32
    with np.errstate(all="ignore"):
        # One-dimensional, because NumPy 1 computes a zero-dimensional float32 with a Python number in float64.
        result = activation.formulas[order](np.ascontiguousarray(numbers, dtype=working).reshape(-1), **checked)
        if cotangent is not None:
            result = result * np.ascontiguousarray(cotangent, dtype=working).reshape(-1)
        return result.reshape(numbers.shape).astype(numbers.dtype)


def relu(x: Any) -> np.ndarray:
    """max(x, 0), of a float array; exact."""
    return evaluate("relu", 0, x, {})


def leaky_relu(x: Any, slope: float = 0.01) -> np.ndarray:
    """x where x ≥ 0, else slope · x, of a float array."""
    return evaluate("leaky_relu", 0, x, {"slope": slope})


def hard_swish(x: Any) -> np.ndarray:
    """x · min(max(x + 3, 0), 6) / 6, of a float array."""
    return evaluate("hard_swish", 0, x, {})


def sigmoid(x: Any) -> np.ndarray:
    """1 / (1 + e^−x), of a float array."""
    return evaluate("sigmoid", 0, x, {})


def gelu(x: Any) -> np.ndarray:
    """x · Φ(x), Φ the normal distribution function, of a float array. Needs SciPy."""
    return evaluate("gelu", 0, x, {})


def softplus(x: Any, beta: float = 1.0, threshold: float = math.inf) -> np.ndarray:
    """log(1 + e^(beta · x)) / beta, or x where beta · x > threshold, of a float array."""
    return evaluate("softplus", 0, x, {"beta": beta, "threshold": threshold})
