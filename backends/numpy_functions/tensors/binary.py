"""Losses of one prediction and one target each: binary cross entropy and its focal form, hinges, sparsemax.

Works on arrays of any shape, place by place. Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arithmetic import below, nan_kept
from .core import Arrays, Core, Options
from .scaled import (
    Exponential,
    Pair,
    Scaled,
    add,
    divide,
    exponential,
    multiply,
    pair,
    pair_of,
    power,
    product,
    spare,
    times,
)

# --- logistic pieces ------------------------------------------------------------------------------------------------------


def _tail(x: np.ndarray, low: np.ndarray | None) -> Exponential:
    """e^−|x + low|."""
    rest = np.zeros_like(x) if low is None else np.where(x < 0, low, -low)
    return exponential(Pair(-np.abs(x), rest))


def softplus(x: np.ndarray, low: np.ndarray | None = None) -> Scaled:
    """log(1 + e^(x + low)), with its tail on the left however small it is."""
    raised = _tail(x, low)
    bent = np.log1p(np.ldexp(raised.high, raised.exponent))
    tiny = (x < 0) & (raised.exponent < -2 - np.finfo(x.dtype).nmant)
    return raised.scaled().where(tiny, Scaled(np.maximum(x, 0) + bent, np.zeros(x.shape, np.int32)))


def sigmoid(x: np.ndarray, low: np.ndarray | None = None) -> Scaled:
    """1/(1 + e^−(x + low)), with its tail on the left however small it is."""
    raised = _tail(x, low)
    whole = 1 + np.ldexp(raised.high, raised.exponent)
    none = np.zeros(x.shape, np.int32)
    return Scaled(raised.high / whole, raised.exponent).where(x < 0, Scaled(1 / whole, none))


def _sigmoid_pair(x: np.ndarray) -> Pair:
    raised = exponential(pair(-np.abs(x))).pair()
    one = pair(np.ones_like(x))
    return divide(raised.where(x < 0, one), add(one, raised))


class _Target(NamedTuple):
    """A smoothed target and its complement, each accurate by itself; and the derivative of the smoothed one in the target."""

    one: Pair
    zero: Pair
    slope: np.generic


def _smoothed(target: np.ndarray, smoothing: float) -> _Target:
    """t′ = t·(1 − s) + s/2 and 1 − t′."""
    kept, half = pair_of(1 - smoothing, target), pair_of(smoothing / 2, target)
    other = add(pair(np.ones_like(target)), pair(-target))
    one, zero = add(multiply(pair(target), kept), half), add(multiply(other, kept), half)
    return _Target(one, zero, target.dtype.type(1 - smoothing))


# --- binary cross entropy -------------------------------------------------------------------------------------------------


def _logarithms(prediction: np.ndarray, clip: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log p, log(1 − p), and whether p is inside [clip, 1 − clip], to which it is clipped first."""
    real = prediction.dtype.type
    log_one, log_zero = np.log(prediction), np.log1p(-prediction)
    # 1 − clip need not be a number of this dtype: at the upper bound what is left to 1 is compared, which is exact there.
    low, high = below(prediction, clip), below(1 - prediction, clip)
    small = real(math.log(clip)) if clip > 0 else real(-np.inf)
    large = real(math.log1p(-clip))
    log_one = np.where(low, small, np.where(high, large, log_one))
    log_zero = np.where(low, large, np.where(high, small, log_zero))
    return log_one, log_zero, ~(low | high)


def _entropy(target: _Target, log_one: np.ndarray, log_zero: np.ndarray) -> np.ndarray:
    one, zero = target.one.high, target.zero.high
    return -(one * spare(one, log_one) + zero * spare(zero, log_zero))


def _entropy_slope(target: _Target, prediction: np.ndarray, one_counts: Any, zero_counts: Any) -> Scaled:
    """−t/p + (1 − t)/(1 − p), of which a term that does not count is left out."""
    one, zero, rest = target.one.high, target.zero.high, 1 - prediction
    falls, rises = one_counts & (one != 0), zero_counts & (zero != 0)
    nothing = product(np.zeros_like(prediction))
    falling, rising = product(-one, over=(prediction,)), product(zero, over=(rest,))
    both = product(prediction - one, over=(prediction, rest))
    slope = both.where(falls & rises, falling.where(falls, rising.where(rises, nothing)))
    return Scaled(nan_kept(prediction, slope.fraction), slope.exponent)


def _binary_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    target = _smoothed(arrays["target"], options["label_smoothing"])
    log_one, log_zero, _ = _logarithms(arrays["prediction"], options["clip"])
    floor = arrays["prediction"].dtype.type(options["log_floor"])
    return _entropy(target, np.maximum(log_one, floor), np.maximum(log_zero, floor))


def _binary_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    prediction = arrays["prediction"]
    target = _smoothed(arrays["target"], options["label_smoothing"])
    log_one, log_zero, inside = _logarithms(prediction, options["clip"])
    floor = prediction.dtype.type(options["log_floor"])
    slope = _entropy_slope(target, prediction, inside & (log_one >= floor), inside & (log_zero >= floor))
    rise = np.maximum(log_zero, floor) - np.maximum(log_one, floor)
    return {"prediction": times(slope, cotangent), "target": times(rise, target.slope, cotangent)}


def _with_logits(arrays: Arrays, options: Options) -> np.ndarray:
    logits, weight = arrays["logits"], arrays["pos_weight"]
    target = _smoothed(arrays["target"], options["label_smoothing"])
    one, zero = target.one.high, target.zero.high
    counts = one if weight is None else spare(weight, one)
    first = times(counts, spare(counts, softplus(-logits)), *(() if weight is None else (weight,)))
    return first + times(zero, spare(zero, softplus(logits)))


def _with_logits_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logits, weight = arrays["logits"], arrays["pos_weight"]
    target = _smoothed(arrays["target"], options["label_smoothing"])
    one, zero = target.one.high, target.zero.high
    weights = () if weight is None else (weight,)
    falling, rising = softplus(-logits), softplus(logits)
    gradients = {
        "logits": times(zero, sigmoid(logits), cotangent) - times(one, sigmoid(-logits), cotangent, *weights),
    }
    if weight is None:
        gradients["target"] = times(-logits, target.slope, cotangent)
        return gradients
    rise = times(falling, weight, target.slope, cotangent) - times(rising, target.slope, cotangent)
    gradients["target"] = np.where(weight == 1, times(-logits, target.slope, cotangent), rise)
    gradients["pos_weight"] = times(one, spare(one, falling), cotangent)
    return gradients


# --- binary focal loss ----------------------------------------------------------------------------------------------------


def _balance(target: _Target, options: Options) -> tuple[Any, Any]:
    """The factor α·t + (1 − α)·(1 − t), and its derivative in the target."""
    one, zero = target.one, target.zero
    if not options["balanced"]:
        return np.ones_like(one.high), one.high.dtype.type(0)
    alpha = options["alpha"]
    whole = add(multiply(pair_of(alpha, one.high), one), multiply(pair_of(1 - alpha, zero.high), zero))
    return whole.plain(), one.high.dtype.type(alpha - (1 - alpha))


def _focal_gradient(
    focus: Pair, focus_slope: Any, entropy: np.ndarray, entropy_slope: Any, balance: Any, options: Options
) -> np.ndarray:
    """The derivative of balance · focus^γ · entropy, where the slopes are derivatives in the same argument."""
    gamma = options["gamma"]
    factor = power(focus, gamma)
    inner = times(factor, spare(factor, entropy_slope))
    if gamma:
        # Where nothing is lost, the slope of the focus does not count, however steep it is.
        inner = inner + np.where(
            entropy == 0, 0, entropy.dtype.type(gamma) * power(focus, gamma - 1) * entropy * focus_slope
        )
    return balance * inner


def _binary_focus(target: _Target, one: Pair, zero: Pair) -> Pair:
    """1 − p_t = t·(1 − p) + (1 − t)·p, of p and 1 − p."""
    return add(multiply(target.one, zero), multiply(target.zero, one))


def _focal_parts(arrays: Arrays, options: Options) -> tuple[Any, ...]:
    prediction = arrays["prediction"]
    target = _smoothed(arrays["target"], options["label_smoothing"])
    rest = add(pair(np.ones_like(prediction)), pair(-prediction))
    log_one, log_zero, inside = _logarithms(prediction, options["clip"])
    focus = _binary_focus(target, pair(prediction), rest)
    return target, rest, focus, log_one, log_zero, inside


def _binary_focal(arrays: Arrays, options: Options) -> np.ndarray:
    target, _, focus, log_one, log_zero, _ = _focal_parts(arrays, options)
    factor = power(focus, options["gamma"])
    return _balance(target, options)[0] * factor * spare(factor, _entropy(target, log_one, log_zero))


def _binary_focal_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    target, rest, focus, log_one, log_zero, inside = _focal_parts(arrays, options)
    prediction = arrays["prediction"]
    balance, balance_slope = _balance(target, options)
    entropy = _entropy(target, log_one, log_zero)
    factor = power(focus, options["gamma"])
    slope = _entropy_slope(target, prediction, inside, inside)
    turn = target.zero.high - target.one.high
    in_prediction = _focal_gradient(focus, turn, entropy, slope, balance, options)
    in_target = _focal_gradient(focus, rest.high - prediction, entropy, log_zero - log_one, balance, options)
    in_target = in_target + balance_slope * factor * spare(factor, entropy)
    return {"prediction": times(in_prediction, cotangent), "target": times(in_target, target.slope, cotangent)}


def _focal_logit_parts(arrays: Arrays, options: Options) -> tuple[Any, ...]:
    logits = arrays["logits"]
    target = _smoothed(arrays["target"], options["label_smoothing"])
    one, zero = _sigmoid_pair(logits), _sigmoid_pair(-logits)
    log_one, log_zero = -softplus(-logits).plain(), -softplus(logits).plain()
    inside = np.ones(logits.shape, bool)
    clip = options["clip"]
    if clip > 0:
        small, large = logits.dtype.type(math.log(clip)), logits.dtype.type(math.log1p(-clip))
        low, high = log_one < small, log_zero < small
        log_one = np.where(low, small, np.where(high, large, log_one))
        log_zero = np.where(low, large, np.where(high, small, log_zero))
        inside = ~(low | high)
    return target, one, zero, _binary_focus(target, one, zero), log_one, log_zero, inside


def _binary_focal_with_logits(arrays: Arrays, options: Options) -> np.ndarray:
    target, _, _, focus, log_one, log_zero, _ = _focal_logit_parts(arrays, options)
    factor = power(focus, options["gamma"])
    return _balance(target, options)[0] * factor * spare(factor, _entropy(target, log_one, log_zero))


def _binary_focal_with_logits_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    target, one, zero, focus, log_one, log_zero, inside = _focal_logit_parts(arrays, options)
    gamma, real = options["gamma"], focus.high.dtype.type
    balance, balance_slope = _balance(target, options)
    entropy = _entropy(target, log_one, log_zero)
    factor = power(focus, gamma)
    of_one, of_zero = target.one.high, target.zero.high
    slope = np.where(inside, of_zero * one.high - of_one * zero.high, 0)
    # The derivative of the focus over the focus itself: a quotient of tails, in which the tails are divided out.
    tail = np.where(arrays["logits"] < 0, one.high / zero.high, zero.high / one.high)
    large, mixed = np.where(arrays["logits"] < 0, (zero.high, of_zero), (one.high, of_one))
    other = np.where(arrays["logits"] < 0, of_one, of_zero)
    relative = (of_zero - of_one) * large * np.where(other == 0, 1 / mixed, tail / (mixed * tail + other))
    inner = slope + real(gamma) * np.where(entropy == 0, 0, relative * entropy) if gamma else slope
    in_logits = balance * factor * spare(factor, inner)
    in_target = _focal_gradient(focus, zero.high - one.high, entropy, log_zero - log_one, balance, options)
    in_target = in_target + balance_slope * factor * spare(factor, entropy)
    return {
        "logits": times(nan_kept(arrays["logits"], in_logits), cotangent),
        "target": times(in_target, target.slope, cotangent),
    }


# --- hinges and sparsemax -------------------------------------------------------------------------------------------------


def _sign(arrays: Arrays, options: Options) -> np.ndarray:
    return 2 * arrays["target"] - 1 if options["labels"] == "binary" else arrays["target"]


def _hinge_gradients(arrays: Arrays, options: Options, slope: np.ndarray) -> dict[str, np.ndarray]:
    """Of a loss of sign · prediction, of its derivative there times the cotangent."""
    inner = 2 if options["labels"] == "binary" else 1
    counts = slope != 0
    return {
        "prediction": np.where(counts, slope * _sign(arrays, options), 0),
        "target": np.where(counts, slope * arrays["prediction"] * inner, 0),
    }


def _hinge(arrays: Arrays, options: Options) -> np.ndarray:
    return np.maximum(1 - _sign(arrays, options) * arrays["prediction"], 0)


def _hinge_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    loss = _hinge(arrays, options)
    return _hinge_gradients(arrays, options, nan_kept(loss, np.where(loss > 0, -cotangent, 0)))


def _squared_hinge(arrays: Arrays, options: Options) -> np.ndarray:
    return np.square(_hinge(arrays, options))


def _squared_hinge_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _hinge_gradients(arrays, options, -2 * _hinge(arrays, options) * cotangent)


def _perceptron(arrays: Arrays, options: Options) -> np.ndarray:
    return np.maximum(-(_sign(arrays, options) * arrays["prediction"]), 0)


def _perceptron_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    loss = _perceptron(arrays, options)
    return _hinge_gradients(arrays, options, nan_kept(loss, np.where(loss > 0, -cotangent, 0)))


def _sparsemax_loss(arrays: Arrays, options: Options) -> np.ndarray:
    x = np.where(arrays["target"] != 0, -arrays["logits"], arrays["logits"])
    return np.where(x >= 1, x, np.square(np.maximum(x + 1, 0) / 2))


def _sparsemax_loss_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    sign = np.where(arrays["target"] != 0, -1, 1).astype(cotangent.dtype)
    slope = np.clip(sign * arrays["logits"] + 1, 0, 2) / 2
    return {"logits": sign * slope * cotangent}


CORES: Mapping[str, Core] = {
    "binary_cross_entropy": Core(_binary_cross_entropy, _binary_cross_entropy_gradient),
    "binary_cross_entropy_with_logits": Core(_with_logits, _with_logits_gradient),
    "binary_focal": Core(_binary_focal, _binary_focal_gradient),
    "binary_focal_with_logits": Core(_binary_focal_with_logits, _binary_focal_with_logits_gradient),
    "hinge": Core(_hinge, _hinge_gradient),
    "squared_hinge": Core(_squared_hinge, _squared_hinge_gradient),
    "perceptron": Core(_perceptron, _perceptron_gradient),
    "sparsemax_loss": Core(_sparsemax_loss, _sparsemax_loss_gradient),
}
