"""Losses that compare one row of scores or probabilities with a class: the cross entropies, and the table of all classifiers.

The last axis holds the classes. Knows no reduction; the focal losses and hinges of many classes are in `multiclass`, the
losses of a single number in `binary`.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import binary, multiclass
from .core import Arrays, Core, Options
from .distributions import Clipped, clipped, of_quotients, present, seen, smoothed
from .logits import Softmax, cross_entropy, cross_entropy_gradient, of_labels, softmax
from .scaled import spare, times
from .sums import over_loop, total, total_at_large

# --- of logits ------------------------------------------------------------------------------------------------------------


def _ignored(labels: np.ndarray, options: Options) -> np.ndarray:
    index = options["ignore_index"]
    return np.zeros(labels.shape, bool) if index is None else labels == index


def _label_weight(arrays: Arrays, labels: np.ndarray, ignored: np.ndarray, dtype: Any) -> np.ndarray:
    """What each sample counts: the weight of its class, 0 if it is ignored."""
    weights = arrays.get("class_weight")
    if weights is None:
        return (~ignored).astype(dtype)
    return np.where(ignored, 0, weights[np.clip(labels, 0, weights.shape[-1] - 1)]).astype(dtype)


def _label_target(arrays: Arrays, options: Options, logits: np.ndarray, taking_part: np.ndarray) -> np.ndarray:
    """The smoothed target of each row, nothing but zeros for an ignored one."""
    labels = arrays["labels"]
    target = smoothed(of_labels(labels, logits.shape[-1], logits.dtype), taking_part, options["label_smoothing"])
    return np.where(_ignored(labels, options)[..., None], 0, target).astype(logits.dtype)


def _with_class_weight(arrays: Arrays, target: np.ndarray) -> np.ndarray:
    """What each class counts in the loss of each row."""
    return target if arrays["class_weight"] is None else target * arrays["class_weight"]


def _class_weight_gradient(
    arrays: Arrays, target: np.ndarray, parts: Softmax, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    """The derivative of Σ result · cotangent in the class weights, if there are any."""
    if arrays["class_weight"] is None:
        return {}
    return {"class_weight": over_loop(times(target, spare(target, parts.surprise), cotangent[..., None]), 1)}


def _of_labels(
    arrays: Arrays, options: Options, logits: np.ndarray, taking_part: np.ndarray, exponent: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    ignored = _ignored(arrays["labels"], options)
    weights = _with_class_weight(arrays, _label_target(arrays, options, logits, taking_part))
    result = cross_entropy(softmax(seen(logits, taking_part & ~ignored[..., None]), exponent), weights)
    return result, _label_weight(arrays, arrays["labels"], ignored, logits.dtype)


def _of_labels_gradient(
    arrays: Arrays,
    options: Options,
    logits: np.ndarray,
    taking_part: np.ndarray,
    cotangent: np.ndarray,
    exponent: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """In the logits, and in the class weights if there are any."""
    ignored = _ignored(arrays["labels"], options)[..., None]
    target = _label_target(arrays, options, logits, taking_part)
    parts = softmax(seen(logits, taking_part & ~ignored), exponent)
    slope = cross_entropy_gradient(parts, _with_class_weight(arrays, target), cotangent)
    slope = np.where(taking_part & ~ignored, slope, 0).astype(logits.dtype)
    return {"logits": slope, **_class_weight_gradient(arrays, target, parts, cotangent)}


def _cross_entropy(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    return _of_labels(arrays, options, arrays["logits"], present(arrays, "logits"))


def _cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _of_labels_gradient(arrays, options, arrays["logits"], present(arrays, "logits"), cotangent)


def _counted_features(arrays: Arrays, options: Options) -> np.ndarray:
    features = arrays["features"]
    return np.where(_ignored(arrays["labels"], options)[..., None], 0, features).astype(features.dtype)


def _linear_logits(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Logits and an exponent for each row: logits · 2^exponent may be larger than any float."""
    features, weight = _counted_features(arrays, options)[..., None, :], arrays["linear_weight"]
    mantissas, exponents = total_at_large(np.broadcast_to(features, (*features.shape[:-2], *weight.shape)), weight)
    # As long as nothing comes near overflow, the exponent is 0.
    largest = np.where(mantissas == 0, 0, exponents).max(axis=-1, initial=0)
    exponent = np.maximum(largest - np.finfo(weight.dtype).maxexp // 2, 0)
    logits = np.ldexp(mantissas, exponents - exponent[..., None])
    if arrays["linear_bias"] is not None:
        logits = logits + np.ldexp(np.broadcast_to(arrays["linear_bias"], logits.shape), -exponent[..., None])
    return logits, exponent


def _linear_cross_entropy(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    logits, exponent = _linear_logits(arrays, options)
    return _of_labels(arrays, options, logits, np.ones(logits.shape, bool), exponent)


def _linear_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logits, exponent = _linear_logits(arrays, options)
    gradients = _of_labels_gradient(arrays, options, logits, np.ones(logits.shape, bool), cotangent, exponent)
    slope = gradients.pop("logits")
    features = _counted_features(arrays, options)
    pulled = total(np.swapaxes(slope[..., None] * arrays["linear_weight"], -1, -2))
    gradients["features"] = np.where(_ignored(arrays["labels"], options)[..., None], 0, pulled)
    gradients["linear_weight"] = over_loop(slope[..., None] * features[..., None, :], 2)
    if arrays["linear_bias"] is not None:
        gradients["linear_bias"] = over_loop(slope, 1)
    return gradients


def _soft_target(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    taking_part = present(arrays, "target")
    return smoothed(arrays["target"], taking_part, options["label_smoothing"]), taking_part


def _soft_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    target, taking_part = _soft_target(arrays, options)
    return cross_entropy(softmax(seen(arrays["logits"], taking_part)), _with_class_weight(arrays, target))


def _soft_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    target, taking_part = _soft_target(arrays, options)
    parts = softmax(seen(arrays["logits"], taking_part))
    kept = np.full_like(target, 1 - options["label_smoothing"])
    rise = times(parts.surprise, _with_class_weight(arrays, kept), cotangent[..., None])
    slope = cross_entropy_gradient(parts, _with_class_weight(arrays, target), cotangent)
    return {
        "logits": np.where(taking_part, slope, 0),
        "target": np.where(taking_part, rise, 0),
        **_class_weight_gradient(arrays, target, parts, cotangent),
    }


# --- of probabilities -----------------------------------------------------------------------------------------------------


def _of_distribution(weights: np.ndarray, parts: Clipped) -> np.ndarray:
    return total(-weights * spare(weights, parts.logarithm))


def _of_distribution_gradient(
    weights: np.ndarray, parts: Clipped, normalise: bool, cotangent: np.ndarray
) -> np.ndarray:
    active = np.where(parts.inside, weights, 0).astype(weights.dtype)
    slope = of_quotients(-active, parts, normalise)
    return times(slope, cotangent[..., None])


def _categorical_weights(arrays: Arrays, options: Options) -> np.ndarray:
    return smoothed(arrays["target"], present(arrays, "target"), options["label_smoothing"])


def _categorical_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    parts = clipped(arrays["prediction"], options["clip"], options["normalise"])
    return _of_distribution(_categorical_weights(arrays, options), parts)


def _categorical_cross_entropy_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    parts = clipped(arrays["prediction"], options["clip"], options["normalise"])
    weights = _categorical_weights(arrays, options)
    kept = weights.dtype.type(1 - options["label_smoothing"])
    return {
        "prediction": _of_distribution_gradient(weights, parts, options["normalise"], cotangent),
        "target": times(-parts.logarithm, kept, cotangent[..., None]),
    }


def _sparse(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray, Clipped]:
    ignored = _ignored(arrays["labels"], options)[..., None]
    prediction = np.where(ignored, 1, arrays["prediction"]).astype(arrays["prediction"].dtype)
    weights = of_labels(arrays["labels"], prediction.shape[-1], prediction.dtype)
    parts = clipped(prediction, options["clip"], options["normalise"])
    return np.where(ignored, 0, weights).astype(prediction.dtype), ignored, parts


def _sparse_categorical_cross_entropy(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    weights, ignored, parts = _sparse(arrays, options)
    return _of_distribution(weights, parts), (~ignored[..., 0]).astype(weights.dtype)


def _sparse_categorical_cross_entropy_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    weights, ignored, parts = _sparse(arrays, options)
    slope = _of_distribution_gradient(weights, parts, options["normalise"], cotangent)
    return {"prediction": np.where(ignored, 0, slope)}


def _nll(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    logarithms, labels = arrays["log_probabilities"], arrays["labels"]
    ignored = _ignored(labels, options)
    weight = _label_weight(arrays, labels, ignored, logarithms.dtype)
    index = np.clip(labels, 0, logarithms.shape[-1] - 1)[..., None]
    picked = np.where(ignored, logarithms.dtype.type(0), np.take_along_axis(logarithms, index, axis=-1)[..., 0])
    return times(-spare(weight, picked), weight), weight


def _nll_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logarithms, labels = arrays["log_probabilities"], arrays["labels"]
    ignored = _ignored(labels, options)
    weight = _label_weight(arrays, labels, ignored, logarithms.dtype)
    picked = (of_labels(labels, logarithms.shape[-1], logarithms.dtype) != 0) & ~ignored[..., None]
    slope = times(-weight, cotangent)[..., None]
    gradients = {"log_probabilities": np.where(picked, slope, 0).astype(logarithms.dtype)}
    if arrays["class_weight"] is not None:
        surprise = np.where(picked, -logarithms, 0).astype(logarithms.dtype)
        gradients["class_weight"] = over_loop(times(surprise, cotangent[..., None]), 1)
    return gradients


CORES: Mapping[str, Core] = {
    **binary.CORES,
    "cross_entropy": Core(_cross_entropy, _cross_entropy_gradient),
    "soft_cross_entropy": Core(_soft_cross_entropy, _soft_cross_entropy_gradient),
    "linear_cross_entropy": Core(_linear_cross_entropy, _linear_cross_entropy_gradient),
    "categorical_cross_entropy": Core(_categorical_cross_entropy, _categorical_cross_entropy_gradient),
    "sparse_categorical_cross_entropy": Core(
        _sparse_categorical_cross_entropy, _sparse_categorical_cross_entropy_gradient
    ),
    "nll": Core(_nll, _nll_gradient),
    **multiclass.CORES,
}
