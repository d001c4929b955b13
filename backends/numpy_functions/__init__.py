"""The elementwise activations and their first two derivatives, as a careful user of NumPy and SciPy would write them; and the
functions of tensors, which live in the package `tensors`.

float16 and bfloat16 are computed in float32 and rounded once; float32 in float32, float64 in float64, never wider. Every
formula was derived by hand and holds on the whole line: no intermediate overflows, cancels or underflows before the
result does. One module per family, as in the standard; knows neither the standard nor the oracle. Integers and booleans
are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import exponential as _exponential
from . import rectified as _rectified
from . import shrink as _shrink
from . import sigmoidal as _sigmoidal
from . import smooth as _smooth
from .parameters import Activation
from .tensors.public import *  # noqa: F403  # every one of them, as its __all__ lists them
from .tensors.public_classes import *  # noqa: F403  # likewise
from .tensors.public_embedding import *  # noqa: F403  # likewise

ACCEPTED = ("float16", "bfloat16", "float32", "float64")

ACTIVATIONS: Mapping[str, Activation] = {
    **_rectified.ACTIVATIONS,
    **_exponential.ACTIVATIONS,
    **_sigmoidal.ACTIVATIONS,
    **_smooth.ACTIVATIONS,
    **_shrink.ACTIVATIONS,
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
    numbers = _floats(name, x)
    working = _working(numbers)
    with np.errstate(all="ignore"):
        # One-dimensional, because NumPy 1 computes a zero-dimensional float32 with a Python number in float64.
        flat = np.ascontiguousarray(numbers, dtype=working).reshape(-1)
        spread = {key: _spread(key, value, numbers, working) for key, value in checked.items()}
        result = activation.formulas[order](flat, **spread)
        if cotangent is not None:
            result = result * np.ascontiguousarray(cotangent, dtype=working).reshape(-1)
        return result.reshape(numbers.shape).astype(numbers.dtype)


def _floats(name: str, x: Any) -> np.ndarray:
    numbers = np.asarray(x)
    if numbers.dtype.name not in ACCEPTED:
        raise TypeError(
            f"{name} of {type(x).__name__} with dtype {numbers.dtype}; it takes {', '.join(ACCEPTED)}: convert the numbers first"
        )
    return numbers


def _working(numbers: np.ndarray) -> type[np.floating[Any]]:
    return np.float64 if numbers.dtype == np.float64 else np.float32


def _spread(name: str, value: Any, numbers: np.ndarray, working: Any) -> Any:
    """A parameter that is an array, with a number for every element: one for all, or one per channel (axis 1)."""
    if not isinstance(value, np.ndarray):
        return value
    table = _floats(name, value).astype(working)
    return np.broadcast_to(_per_channel(name, table, numbers.shape), numbers.shape).reshape(-1)


def _per_channel(name: str, table: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if table.size == 1:
        return table.reshape(())
    if table.ndim == 1 and len(shape) > 1 and shape[1] == table.size:
        return table.reshape(-1, *(1,) * (len(shape) - 2))
    raise ValueError(
        f"{name} has the shape {table.shape} and x the shape {shape}; give one number, or one for each place along axis 1"
    )


def prelu_slope_gradient(x: Any, slope: np.ndarray, cotangent: Any) -> np.ndarray:
    """The gradient of prelu in its slope: Σ cotangent · min(x, 0) over all elements that share a slope.

    Dtype and shape of `slope`; x and the cotangent have one shape. Summed pairwise, in float32 for float16 and bfloat16.
    Raises TypeError and ValueError as `prelu` does.
    """
    numbers = _floats("prelu", x)
    table = _floats("slope", slope)
    working = _working(numbers)
    _per_channel("slope", table, numbers.shape)
    with np.errstate(all="ignore"):
        wide = numbers.astype(working)
        terms = np.where(wide >= 0, working(0), wide * np.asarray(cotangent, dtype=working))
        rows = terms.reshape(1, -1) if table.size == 1 else np.moveaxis(terms, 1, 0).reshape(table.size, -1)
        # NumPy sums pairwise along an axis that lies contiguous in memory, and only there.
        total: np.ndarray = np.ascontiguousarray(rows).sum(axis=1, dtype=working)
        return total.reshape(table.shape).astype(table.dtype)


def rrelu_training(
    x: Any, lower: float = 1 / 8, upper: float = 1 / 3, generator: np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """rrelu in training: x where x ≥ 0, else s · x with an s drawn for every negative element, uniform in [lower, upper).

    Gives the result and its derivative in x (s where x < 0, else 1), both with dtype and shape of x; a slope is rounded to
    that dtype before it is used, so that the two agree, and may thereby become `upper`. Without a generator a new one
    draws. Raises TypeError and ValueError as `rrelu` does.
    """
    checked = _rectified.check_rrelu(lower, upper)
    numbers = _floats("rrelu", x)
    working = _working(numbers)
    wide = numbers.astype(working)
    generator = np.random.default_rng() if generator is None else generator
    drawn = generator.uniform(checked["lower"], checked["upper"], size=numbers.shape)
    slopes = np.where(wide < 0, drawn, np.where(np.isnan(wide), np.nan, 1.0)).astype(numbers.dtype)
    with np.errstate(all="ignore"):
        result = np.where(
            (wide < 0) & (slopes != 0), wide * slopes.astype(working), np.where(wide < 0, working(0), wide)
        )
    return result.astype(numbers.dtype), slopes


# --- the public functions -------------------------------------------------------------------------------------------------


def identity(x: Any) -> np.ndarray:
    """x, of a float array; a copy."""
    return evaluate("identity", 0, x, {})


def relu(x: Any) -> np.ndarray:
    """max(x, 0), of a float array; exact."""
    return evaluate("relu", 0, x, {})


def relu6(x: Any) -> np.ndarray:
    """min(max(x, 0), 6), of a float array; exact."""
    return evaluate("relu6", 0, x, {})


def clipped_relu(
    x: Any, negative_slope: float = 0.0, max_value: float = math.inf, threshold: float = 0.0
) -> np.ndarray:
    """max_value where x ≥ max_value, x where threshold ≤ x < max_value, else negative_slope · (x − threshold)."""
    parameters = {"negative_slope": negative_slope, "max_value": max_value, "threshold": threshold}
    return evaluate("clipped_relu", 0, x, parameters)


def leaky_relu(x: Any, slope: float = 0.01) -> np.ndarray:
    """x where x ≥ 0, else slope · x, of a float array."""
    return evaluate("leaky_relu", 0, x, {"slope": slope})


def prelu(x: Any, slope: Any = 0.25) -> np.ndarray:
    """x where x ≥ 0, else slope · x, of a float array; `slope` is a number, or a float array of one or one per channel (axis 1)."""
    return evaluate("prelu", 0, x, {"slope": slope})


def rrelu(x: Any, lower: float = 1 / 8, upper: float = 1 / 3) -> np.ndarray:
    """x where x ≥ 0, else (lower + upper)/2 · x, of a float array: evaluation. `rrelu_training` draws the slopes."""
    return evaluate("rrelu", 0, x, {"lower": lower, "upper": upper})


def threshold(x: Any, threshold: float = 0.1, value: float = 20.0) -> np.ndarray:
    """x where x > threshold, else value, of a float array."""
    return evaluate("threshold", 0, x, {"threshold": threshold, "value": value})


def hard_swish(x: Any) -> np.ndarray:
    """x · min(max(x + 3, 0), 6) / 6, of a float array."""
    return evaluate("hard_swish", 0, x, {})


def elu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """x where x > 0, else alpha · (e^x − 1), of a float array."""
    return evaluate("elu", 0, x, {"alpha": alpha})


def celu(x: Any, alpha: float = 1.0) -> np.ndarray:
    """x where x ≥ 0, else alpha · (e^(x / alpha) − 1), of a float array."""
    return evaluate("celu", 0, x, {"alpha": alpha})


def selu(x: Any) -> np.ndarray:
    """λ · elu(x, α) with the constants of Klambauer et al., of a float array."""
    return evaluate("selu", 0, x, {})


def exponential(x: Any) -> np.ndarray:
    """e^x, of a float array."""
    return evaluate("exponential", 0, x, {})


def log1mexp(x: Any) -> np.ndarray:
    """log(1 − e^−x) for x ≥ 0, NaN for x < 0, of a float array."""
    return evaluate("log1mexp", 0, x, {})


def sigmoid(x: Any) -> np.ndarray:
    """1 / (1 + e^−x), of a float array."""
    return evaluate("sigmoid", 0, x, {})


def log_sigmoid(x: Any) -> np.ndarray:
    """−log(1 + e^−x), of a float array."""
    return evaluate("log_sigmoid", 0, x, {})


def tanh(x: Any) -> np.ndarray:
    """Hyperbolic tangent, of a float array."""
    return evaluate("tanh", 0, x, {})


def hard_sigmoid(x: Any) -> np.ndarray:
    """min(max(x + 3, 0), 6) / 6, of a float array."""
    return evaluate("hard_sigmoid", 0, x, {})


def hard_tanh(x: Any, min: float = -1.0, max: float = 1.0) -> np.ndarray:
    """x where it lies between min and max, else the nearer of them, of a float array."""
    return evaluate("hard_tanh", 0, x, {"min": min, "max": max})


def softsign(x: Any) -> np.ndarray:
    """x / (1 + |x|), of a float array."""
    return evaluate("softsign", 0, x, {})


def sparse_sigmoid(x: Any) -> np.ndarray:
    """min(max(x + 1, 0), 2) / 2, of a float array."""
    return evaluate("sparse_sigmoid", 0, x, {})


def gelu(x: Any) -> np.ndarray:
    """x · Φ(x), Φ the normal distribution function, of a float array. Needs SciPy."""
    return evaluate("gelu", 0, x, {})


def gelu_tanh(x: Any) -> np.ndarray:
    """x/2 · (1 + tanh(√(2/π)(x + 0.044715 x³))), of a float array."""
    return evaluate("gelu_tanh", 0, x, {})


def silu(x: Any, beta: float = 1.0) -> np.ndarray:
    """x / (1 + e^(−beta · x)), of a float array."""
    return evaluate("silu", 0, x, {"beta": beta})


def mish(x: Any) -> np.ndarray:
    """x · tanh(log(1 + e^x)), of a float array."""
    return evaluate("mish", 0, x, {})


def softplus(x: Any, beta: float = 1.0, threshold: float = math.inf) -> np.ndarray:
    """log(1 + e^(beta · x)) / beta, or x where beta · x > threshold, of a float array."""
    return evaluate("softplus", 0, x, {"beta": beta, "threshold": threshold})


def squareplus(x: Any, b: float = 4.0) -> np.ndarray:
    """(x + √(x² + b)) / 2, of a float array."""
    return evaluate("squareplus", 0, x, {"b": b})


def sparse_plus(x: Any) -> np.ndarray:
    """0 where x ≤ −1, x where x ≥ 1, else (x + 1)² / 4, of a float array."""
    return evaluate("sparse_plus", 0, x, {})


def soft_shrink(x: Any, threshold: float = 0.5) -> np.ndarray:
    """x with its size reduced by the threshold, 0 where it is no larger, of a float array."""
    return evaluate("soft_shrink", 0, x, {"threshold": threshold})


def hard_shrink(x: Any, threshold: float = 0.5) -> np.ndarray:
    """x where |x| > threshold, else 0, of a float array."""
    return evaluate("hard_shrink", 0, x, {"threshold": threshold})


def tanh_shrink(x: Any) -> np.ndarray:
    """x − tanh(x), of a float array."""
    return evaluate("tanh_shrink", 0, x, {})
