"""Divergences of one distribution from another, element by element; what is masked counts 0.

A target of zero adds nothing, whatever was predicted: 0 · log 0 = 0.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arithmetic import above, below, exp
from .core import Arrays, Core, Options
from .differences import at_least, at_most, exponential_beyond_tangent, logarithm_of_quotient
from .scaled import Pair, exact_difference, exponential, pair
from .sums import times


def _kept(arrays: Arrays, result: np.ndarray) -> np.ndarray:
    where = arrays.get("where")
    return result if where is None else np.where(where, result, result.dtype.type(0))


def _kept_both(
    arrays: Arrays, names: tuple[str, str], slopes: tuple[np.ndarray, np.ndarray], cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    return {name: _kept(arrays, times(cotangent, slope)) for name, slope in zip(names, slopes)}


def _kl_divergence(arrays: Arrays, options: Options) -> np.ndarray:
    prediction, target = arrays["log_prediction"], arrays["target"]
    if not options["log_target"]:
        return _kept(arrays, times(target, np.log(target) - prediction))
    e, after = exp(target)
    return _kept(arrays, times(e, target - prediction) * after)


def _kl_divergence_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    prediction, target = arrays["log_prediction"], arrays["target"]
    if not options["log_target"]:
        slopes = (-target, (np.log(target) - prediction) + 1)
    else:
        e, after = exp(target)
        slopes = (-(e * after), times(e, (target - prediction) + 1) * after)
    return _kept_both(arrays, ("log_prediction", "target"), slopes, cotangent)


def _clipped(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    low = options["clip"]
    prediction, target = (at_most(at_least(arrays[name], low), 1.0) for name in ("prediction", "target"))
    return prediction, target


def _kl_divergence_of_probabilities(arrays: Arrays, options: Options) -> np.ndarray:
    prediction, target = _clipped(arrays, options)
    return times(target, logarithm_of_quotient(target, prediction))


def _kl_divergence_of_probabilities_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    prediction, target = _clipped(arrays, options)
    slopes = {
        "prediction": np.where(target == 0, target, -(target / prediction)),
        # Where both are 0 either may be what it was clipped to.
        "target": np.where((target == 0) & (prediction == 0), target, logarithm_of_quotient(target, prediction) + 1),
    }
    found = {}
    for name, slope in slopes.items():
        outside = below(arrays[name], options["clip"]) | above(arrays[name], 1.0)
        found[name] = times(cotangent, np.where(outside, slope.dtype.type(0), slope))
    return found


def _logarithm_of_ratio(log_prediction: np.ndarray, target: np.ndarray) -> Pair:
    """log q − log p, without the rounding of log p: that is told from what its exponential lacks."""
    logarithm = np.log(target)
    ordinary = (target <= 1) & (target > np.finfo(target.dtype).tiny / np.finfo(target.dtype).eps)
    raised = exponential(pair(np.where(ordinary, logarithm, 0).astype(target.dtype))).pair()
    rest = np.where(ordinary, ((target - raised.high) - raised.low) / raised.high, 0)
    difference = exact_difference(log_prediction, logarithm)
    return Pair(difference.high, np.where(np.isfinite(difference.high), difference.low - rest, 0).astype(target.dtype))


def _generalized_kl_divergence(arrays: Arrays, options: Options) -> np.ndarray:
    """p log(p/q) − p + q, which is p·(e^u − 1 − u) with u = log q − log p."""
    prediction, target = arrays["log_prediction"], arrays["target"]
    exact = _logarithm_of_ratio(prediction, target)
    ratio = exact.high
    near = times(target, exponential_beyond_tangent(ratio)) + times(target, np.expm1(np.minimum(ratio, 8)) * exact.low)
    e, after = exp(prediction)
    far = e * after - times(target, 1 + ratio)
    return _kept(arrays, np.where((ratio < 8) & (target > 0), near, far))


def _generalized_kl_divergence_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    prediction, target = arrays["log_prediction"], arrays["target"]
    e, after = exp(prediction)
    slopes = (e * after - target, np.log(target) - prediction)
    return _kept_both(arrays, ("log_prediction", "target"), slopes, cotangent)


CORES: Mapping[str, Core] = {
    "kl_divergence": Core(_kl_divergence, _kl_divergence_gradient),
    "kl_divergence_of_probabilities": Core(_kl_divergence_of_probabilities, _kl_divergence_of_probabilities_gradient),
    "convex_kl_divergence": Core(_generalized_kl_divergence, _generalized_kl_divergence_gradient),
    "generalized_kl_divergence": Core(_generalized_kl_divergence, _generalized_kl_divergence_gradient),
}
