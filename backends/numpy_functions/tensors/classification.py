"""Losses that compare one row of scores or probabilities with a class: the cross entropies, and the table of all classifiers.

The last axis holds the classes. Knows no reduction; the focal losses and hinges of many classes are in `multiclass`, the
losses of a single number in `binary`.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arithmetic import below
from . import binary, multiclass
from .core import Arrays, Core, Options
from .logits import cross_entropy, cross_entropy_gradient, of_labels, softmax
from .scaled import first_largest, spare, times, total_of_others
from .sums import over_loop, total

# --- of logits ------------------------------------------------------------------------------------------------------------


def present(arrays: Arrays, name: str) -> np.ndarray:
    """The classes that take part, with the shape of the argument of that name."""
    values = arrays[name]
    where = arrays.get("where")
    return np.ones(values.shape, bool) if where is None else np.broadcast_to(where, values.shape)


def smoothed(target: np.ndarray, taking_part: np.ndarray, smoothing: float) -> np.ndarray:
    """(1 − s)·t + s/n for the n classes that take part, 0 for the others."""
    kept = target.dtype.type(1 - smoothing) * target
    if smoothing:
        kept = kept + target.dtype.type(smoothing) / taking_part.sum(axis=-1, keepdims=True).astype(target.dtype)
    return np.where(taking_part, kept, 0)


def _ignored(labels: np.ndarray, options: Options) -> np.ndarray:
    index = options["ignore_index"]
    return np.zeros(labels.shape, bool) if index is None else labels == index


def _label_weight(arrays: Arrays, labels: np.ndarray, ignored: np.ndarray, dtype: Any) -> np.ndarray:
    """What each sample counts: the weight of its class, 0 if it is ignored."""
    weights = arrays.get("class_weight")
    if weights is None:
        return (~ignored).astype(dtype)
    return np.where(ignored, 0, weights[np.clip(labels, 0, weights.shape[-1] - 1)]).astype(dtype)


def _label_weights(arrays: Arrays, options: Options, logits: np.ndarray, taking_part: np.ndarray) -> np.ndarray:
    """The weight of each class in the loss of each row: its smoothed target times its class weight."""
    labels = arrays["labels"]
    target = of_labels(labels, logits.shape[-1], logits.dtype)
    weights = smoothed(target, taking_part, options["label_smoothing"])
    if arrays.get("class_weight") is not None:
        weights = weights * arrays["class_weight"]
    return np.where(_ignored(labels, options)[..., None], 0, weights).astype(logits.dtype)


def _seen(logits: np.ndarray, taking_part: np.ndarray, ignored: Any) -> np.ndarray:
    """Logits in which masked classes are impossible, and ignored rows are zeros."""
    return np.where(ignored, 0, np.where(taking_part, logits, -np.inf)).astype(logits.dtype)


def _of_labels(arrays: Arrays, options: Options, logits: np.ndarray, taking_part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ignored = _ignored(arrays["labels"], options)
    weights = _label_weights(arrays, options, logits, taking_part)
    result = cross_entropy(softmax(_seen(logits, taking_part, ignored[..., None])), weights)
    return result, _label_weight(arrays, arrays["labels"], ignored, logits.dtype)


def _of_labels_gradient(
    arrays: Arrays, options: Options, logits: np.ndarray, taking_part: np.ndarray, cotangent: np.ndarray
) -> np.ndarray:
    ignored = _ignored(arrays["labels"], options)[..., None]
    weights = _label_weights(arrays, options, logits, taking_part)
    slope = cross_entropy_gradient(softmax(_seen(logits, taking_part, ignored)), weights, cotangent)
    return np.where(taking_part & ~ignored, slope, 0).astype(logits.dtype)


def _cross_entropy(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    return _of_labels(arrays, options, arrays["logits"], present(arrays, "logits"))


def _cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return {"logits": _of_labels_gradient(arrays, options, arrays["logits"], present(arrays, "logits"), cotangent)}


def _linear_logits(arrays: Arrays, options: Options) -> np.ndarray:
    ignored = _ignored(arrays["labels"], options)[..., None]
    features = np.where(ignored, 0, arrays["features"]).astype(arrays["features"].dtype)
    logits = total(features[..., None, :] * arrays["linear_weight"])
    return logits if arrays["linear_bias"] is None else logits + arrays["linear_bias"]


def _linear_cross_entropy(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    logits = _linear_logits(arrays, options)
    return _of_labels(arrays, options, logits, np.ones(logits.shape, bool))


def _linear_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logits = _linear_logits(arrays, options)
    slope = _of_labels_gradient(arrays, options, logits, np.ones(logits.shape, bool), cotangent)
    ignored = _ignored(arrays["labels"], options)[..., None]
    features = np.where(ignored, 0, arrays["features"]).astype(slope.dtype)
    gradients = {
        "features": np.where(ignored, 0, total(np.swapaxes(slope[..., None] * arrays["linear_weight"], -1, -2))),
        "linear_weight": over_loop(slope[..., None] * features[..., None, :], 2),
    }
    if arrays["linear_bias"] is not None:
        gradients["linear_bias"] = over_loop(slope, 1)
    return gradients


def _soft_weights(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    taking_part = present(arrays, "target")
    weights = smoothed(arrays["target"], taking_part, options["label_smoothing"])
    return weights if arrays["class_weight"] is None else weights * arrays["class_weight"], taking_part


def _soft_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    weights, taking_part = _soft_weights(arrays, options)
    return cross_entropy(softmax(_seen(arrays["logits"], taking_part, False)), weights)


def _soft_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    weights, taking_part = _soft_weights(arrays, options)
    parts = softmax(_seen(arrays["logits"], taking_part, False))
    kept = weights.dtype.type(1 - options["label_smoothing"])
    class_weight = () if arrays["class_weight"] is None else (arrays["class_weight"],)
    rise = times(parts.surprise, kept, cotangent[..., None], *class_weight)
    slope = cross_entropy_gradient(parts, weights, cotangent)
    return {"logits": np.where(taking_part, slope, 0), "target": np.where(taking_part, rise, 0)}


# --- of probabilities -----------------------------------------------------------------------------------------------------


class Clipped(NamedTuple):
    """Predictions divided by their sum (or not) and clipped to [clip, 1 − clip]: log p, p, 1 − p, whether p was inside, and
    the sum itself (1 where it was not divided)."""

    logarithm: np.ndarray
    probability: np.ndarray
    rest: np.ndarray
    inside: np.ndarray
    whole: np.ndarray


def clipped(prediction: np.ndarray, clip: float, normalise: bool) -> Clipped:
    """A Clipped of predictions along the last axis."""
    real = prediction.dtype.type
    if normalise:
        whole = total(prediction)[..., None]
        others = total_of_others(prediction)
        probability, rest = prediction / whole, others / whole
        logarithm = np.where(
            first_largest(prediction), -np.log1p(others / prediction), np.log(probability)
        )
    else:
        whole = np.ones((*prediction.shape[:-1], 1), prediction.dtype)
        probability, rest, logarithm = prediction, 1 - prediction, np.log(prediction)
    if clip > 0:
        low, high = below(probability, clip), below(rest, clip)
        least, rest_of_least = real(clip), real(1 - clip)
        logarithm = np.where(low, real(math.log(clip)), np.where(high, real(math.log1p(-clip)), logarithm))
        probability = np.where(low, least, np.where(high, rest_of_least, probability))
        rest = np.where(low, rest_of_least, np.where(high, least, rest))
        return Clipped(logarithm, probability, rest, ~(low | high), whole)
    return Clipped(logarithm, probability, rest, np.ones(prediction.shape, bool), whole)


def of_quotients(slope: np.ndarray, parts: Clipped, normalise: bool) -> np.ndarray:
    """From s_c, p_c times the derivative in p_c, the derivative in the prediction p_c · Σ or, if not divided, p_c itself.

    Of a quotient it is (s_j·(1 − p_j)/p_j − Σ of the other s_c)/Σ.
    """
    if not normalise:
        return slope / parts.probability
    own = np.where(slope == 0, 0, slope * (parts.rest / parts.probability))
    return (own - total_of_others(slope)) / parts.whole


def _of_distribution(weights: np.ndarray, parts: Clipped) -> np.ndarray:
    return total(-weights * spare(weights, parts.logarithm))


def _of_distribution_gradient(
    weights: np.ndarray, parts: Clipped, normalise: bool, cotangent: np.ndarray
) -> np.ndarray:
    active = np.where(parts.inside, weights, 0).astype(weights.dtype)
    slope = of_quotients(-active, parts, normalise)
    if not normalise:
        slope = spare(active, slope)
    return times(slope, cotangent[..., None])


def _categorical_weights(arrays: Arrays, options: Options) -> np.ndarray:
    return smoothed(arrays["target"], present(arrays, "target"), options["label_smoothing"])


def _categorical_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    parts = clipped(arrays["prediction"], options["clip"], options["normalise"])
    return _of_distribution(_categorical_weights(arrays, options), parts)


def _categorical_cross_entropy_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
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


def _sparse_categorical_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    weights, _, parts = _sparse(arrays, options)
    return _of_distribution(weights, parts)


def _sparse_categorical_cross_entropy_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    weights, ignored, parts = _sparse(arrays, options)
    slope = _of_distribution_gradient(weights, parts, options["normalise"], cotangent)
    return {"prediction": np.where(ignored, 0, slope)}


def _nll(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    logarithms, labels = arrays["log_probabilities"], arrays["labels"]
    weight = _label_weight(arrays, labels, _ignored(labels, options), logarithms.dtype)
    index = np.clip(labels, 0, logarithms.shape[-1] - 1)[..., None]
    picked = np.take_along_axis(logarithms, index, axis=-1)[..., 0]
    return times(-spare(weight, picked), weight), weight


def _nll_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logarithms, labels = arrays["log_probabilities"], arrays["labels"]
    weight = _label_weight(arrays, labels, _ignored(labels, options), logarithms.dtype)
    picked = of_labels(labels, logarithms.shape[-1], logarithms.dtype)
    return {"log_probabilities": np.where(picked == 0, 0, times(-weight, cotangent)[..., None] * picked)}


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
