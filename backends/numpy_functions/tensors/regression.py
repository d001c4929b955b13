"""Losses of regression: an error, bent in one way or another. All elementwise."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..arithmetic import above, below, constant
from ..sigmoidal import tanh
from .core import Arrays, Core, Options
from .differences import (
    argument_beyond_logarithm,
    at_least,
    difference,
    exponential_beyond_tangent,
    logarithm_of_quotient,
    overflown,
)
from .sums import times, total_at_large

HALF_LOG_2PI = 0.9189385332046728


def _of_both(cotangent: np.ndarray, slope: np.ndarray, arrays: Arrays) -> dict[str, np.ndarray]:
    """The gradient of a function of prediction − target."""
    found = times(cotangent, slope)
    return {"prediction": found} if arrays.get("target") is None else {"prediction": found, "target": -found}


def _squared_error(arrays: Arrays, options: Options) -> np.ndarray:
    error = difference(arrays["prediction"], arrays.get("target")).high
    return (error.dtype.type(options["factor"]) * error) * error


def _squared_error_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    error = difference(arrays["prediction"], arrays.get("target"))
    # The cotangent first: twice the error may be out of range where the product is not.
    twice = cotangent * (2 * cotangent.dtype.type(options["factor"]))
    return _of_both(
        np.where(overflown(error), 2 * twice, twice), np.where(overflown(error), error.half, error.high), arrays
    )


def _absolute_error(arrays: Arrays, options: Options) -> np.ndarray:
    return np.abs(difference(arrays["prediction"], arrays["target"]).high)


def _absolute_error_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _of_both(cotangent, np.sign(difference(arrays["prediction"], arrays["target"]).high), arrays)


def _huber(arrays: Arrays, options: Options) -> np.ndarray:
    error = difference(arrays["prediction"], arrays["target"])
    size, real = np.abs(error.high), error.high.dtype.type
    delta = real(options["delta"])
    linear = np.where(overflown(error), (2 * delta) * (np.abs(error.half) - delta / 4), delta * (size - delta / 2))
    return np.where(above(size, options["delta"]), linear, (size / 2) * size)


def _huber_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    error = difference(arrays["prediction"], arrays["target"]).high
    delta = error.dtype.type(options["delta"])
    slope = np.where(above(np.abs(error), options["delta"]), np.copysign(delta, error), error)
    return _of_both(cotangent, slope, arrays)


def _smooth_l1(arrays: Arrays, options: Options) -> np.ndarray:
    size = np.abs(difference(arrays["prediction"], arrays["target"]).high)
    beta = size.dtype.type(options["beta"])
    return np.where(below(size, options["beta"]), ((size / 2) / beta) * size, size - beta / 2)


def _smooth_l1_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    error = difference(arrays["prediction"], arrays["target"]).high
    beta = error.dtype.type(options["beta"])
    return _of_both(cotangent, np.where(below(np.abs(error), options["beta"]), error / beta, np.sign(error)), arrays)


def _log_cosh(arrays: Arrays, options: Options) -> np.ndarray:
    size = np.abs(difference(arrays["prediction"], arrays.get("target")).high)
    # cosh x − 1 = (e^x − 1)² / (2e^x); beyond, log cosh x = x − log 2 + log(1 + e^−2x).
    near = size < 1
    grown = np.expm1(np.where(near, size, size.dtype.type(0)))
    small = np.log1p((grown / 2) * (grown / (1 + grown)))
    two, rest = constant(size, math.log(2))
    return np.where(near, small, ((size - two) - rest) + np.log1p(np.exp(-2 * size)))


def _log_cosh_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _of_both(cotangent, tanh(difference(arrays["prediction"], arrays.get("target")).high), arrays)


def _absolute_percentage_error(arrays: Arrays, options: Options) -> np.ndarray:
    prediction, target = arrays["prediction"], arrays["target"]
    error = difference(prediction, target)
    divisor = at_least(np.abs(target), options["epsilon"])
    return np.where(
        overflown(error), _hundredfold(2 * np.abs(error.half / divisor)), _hundredfold(np.abs(error.high), divisor)
    )


def _hundredfold(x: np.ndarray, divisor: np.ndarray | None = None) -> np.ndarray:
    """100 · x / divisor for x ≥ 0; the quotient may be subnormal, or the product too large."""
    if divisor is None:
        return 100 * x
    return np.where(x < 1, (100 * x) / divisor, 100 * (x / divisor))


def _absolute_percentage_error_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    prediction, target = arrays["prediction"], arrays["target"]
    sign = np.sign(difference(prediction, target).high)
    divisor = at_least(np.abs(target), options["epsilon"])
    slope = times(sign, 100 / divisor)
    # Of |p/t − 1| in t: −sign(p/t − 1) · p/t², without the difference of two large numbers.
    relative = np.where(
        np.abs(prediction) < 1, (100 * prediction / target) / target, 100 * ((prediction / target) / target)
    )
    within = (np.abs(target) >= divisor) & (target != 0)
    of_target = np.where(within | np.isnan(target), times(-sign * np.sign(target), relative), -slope)
    return {"prediction": times(cotangent, slope), "target": times(cotangent, of_target)}


def _logarithms(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log((1 + p) / (1 + t)) of the clipped prediction and target, and these."""
    prediction = at_least(arrays["prediction"], options["epsilon"])
    target = at_least(arrays["target"], options["epsilon"])
    low, high = np.minimum(prediction, target), np.maximum(prediction, target)
    # Both infinite: ∞ − ∞.
    ratio = np.log1p((high - low) / (1 + low))
    return np.where(prediction < target, -ratio, ratio), prediction, target


def _squared_log_error(arrays: Arrays, options: Options) -> np.ndarray:
    ratio, _, _ = _logarithms(arrays, options)
    return ratio * ratio


def _squared_log_error_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    ratio, prediction, target = _logarithms(arrays, options)
    zero = np.where(np.isnan(ratio), ratio, ratio.dtype.type(0))
    of_prediction = np.where(below(arrays["prediction"], options["epsilon"]), zero, 2 * ratio / (1 + prediction))
    of_target = np.where(below(arrays["target"], options["epsilon"]), zero, -2 * ratio / (1 + target))
    return {"prediction": times(cotangent, of_prediction), "target": times(cotangent, of_target)}


# --- likelihoods ------------------------------------------------------------------------------------------------------


def _poisson_nll(arrays: Arrays, options: Options) -> np.ndarray:
    prediction, target = arrays["prediction"], arrays["target"]
    if options["log_input"]:
        rate = np.exp(prediction)
        # Where the rate is out of range, the product may be too, and is less all the same.
        plain = np.where(np.isinf(rate) & np.isfinite(target), rate, rate - times(target, prediction))
    else:
        plain = prediction - times(target, _logarithm_of_sum(prediction, options["epsilon"]))
    if not options["full"]:
        return plain
    # With Stirling's term the rest is what a convex function rises above its tangent: nothing cancels.
    if options["log_input"]:
        log_ratio = prediction - np.log(target)
        far = np.where(np.isinf(rate) & np.isfinite(target), rate, rate - target * (1 + log_ratio))
        risen = np.where(log_ratio < 1, target * exponential_beyond_tangent(log_ratio), far)
    else:
        first, rest = constant(prediction, options["epsilon"])
        excess = ((prediction - target) + first) + rest
        relative = excess / target
        near = (relative > -0.5) & (relative < 1)
        apart = excess - target * logarithm_of_quotient(prediction + first, target)
        risen = np.where(near, target * argument_beyond_logarithm(relative), apart)
        risen = (risen - first) - rest
    stirling = np.log(target) / 2 + prediction.dtype.type(HALF_LOG_2PI)
    return np.where(target > 1, risen + stirling, plain)


def _logarithm_of_sum(x: np.ndarray, number: float) -> np.ndarray:
    """log(x + number), for a float64 number that is not rounded first."""
    first, rest = constant(x, number)
    high = x + first
    low = np.where(np.abs(x) > first, (x - high) + first, (first - high) + x) + rest
    found = np.log(high)
    corrected = found + low / high
    return np.where(np.isfinite(corrected), corrected, found)


def _poisson_nll_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    prediction, target = arrays["prediction"], arrays["target"]
    real = prediction.dtype.type
    if options["log_input"]:
        of_prediction = np.exp(prediction) - target
        of_target = -prediction
        full = np.log(target) - prediction
    else:
        rate = prediction + real(options["epsilon"])
        quotient = target / rate
        of_prediction = np.where(target == 0, real(1), np.where(quotient < 0.5, 1 - quotient, (rate - target) / rate))
        of_target = -_logarithm_of_sum(prediction, options["epsilon"])
        full = logarithm_of_quotient(target, rate)
    if options["full"]:
        of_target = np.where(target > 1, full + 1 / (2 * target), of_target)
    return {"prediction": times(cotangent, of_prediction), "target": times(cotangent, of_target)}


def _gaussian_nll(arrays: Arrays, options: Options) -> np.ndarray:
    error = difference(arrays["prediction"], arrays["target"]).high
    variance = at_least(arrays["variance"], options["epsilon"])
    quotient = error / variance
    squared = np.where(np.isinf(quotient), (error * error) / variance, quotient * error)
    found = (np.log(variance) + squared) / 2
    return found + error.dtype.type(HALF_LOG_2PI) if options["full"] else found


def _gaussian_nll_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    error = difference(arrays["prediction"], arrays["target"])
    variance = at_least(arrays["variance"], options["epsilon"])
    slope = np.where(overflown(error), 2 * (error.half / variance), error.high / variance)
    slope = np.where((error.high == 0) & (variance == 0), error.high, slope)
    clipped = below(arrays["variance"], options["epsilon"])
    of_variance = np.where(clipped, slope.dtype.type(0), (1 - slope * error.high) / variance / 2)
    # The slope may be out of range where its product with the cotangent is not.
    pulled = np.where(np.isinf(slope), times(cotangent, 2 / variance) * error.half, times(cotangent, slope))
    return {"prediction": pulled, "target": -pulled, "variance": times(cotangent, of_variance)}


def _average_loss(arrays: Arrays, options: Options) -> np.ndarray:
    loss = arrays["loss"]
    mantissa, exponent = total_at_large(loss, arrays.get("weights"))
    return np.ldexp(mantissa / _batch_size(loss, options), exponent)


def _batch_size(loss: np.ndarray, options: Options) -> np.floating:
    size = options["batch_size"]
    return loss.dtype.type(loss.shape[-1] if size is None else size)


def _average_loss_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    loss, weights = arrays["loss"], arrays.get("weights")
    share = (cotangent / _batch_size(loss, options))[..., None]
    if weights is None:
        return {"loss": np.broadcast_to(share, loss.shape)}
    return {"loss": times(share, weights), "weights": times(share, loss)}


CORES: Mapping[str, Core] = {
    "squared_error": Core(_squared_error, _squared_error_gradient),
    "absolute_error": Core(_absolute_error, _absolute_error_gradient),
    "huber": Core(_huber, _huber_gradient),
    "smooth_l1": Core(_smooth_l1, _smooth_l1_gradient),
    "log_cosh": Core(_log_cosh, _log_cosh_gradient),
    "absolute_percentage_error": Core(_absolute_percentage_error, _absolute_percentage_error_gradient),
    "squared_log_error": Core(_squared_log_error, _squared_log_error_gradient),
    "poisson_nll": Core(_poisson_nll, _poisson_nll_gradient),
    "gaussian_nll": Core(_gaussian_nll, _gaussian_nll_gradient),
    "average_loss": Core(_average_loss, _average_loss_gradient),
}
