"""Losses of many classes besides the cross entropies: focal, generalised and polynomial cross entropy, hinges, Fenchel-Young.

The last axis holds the classes. Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..arithmetic import nan_kept
from .core import Arrays, Core, Options
from .distributions import Clipped, clipped, of_quotients, present, seen, smoothed
from .logits import Softmax, cross_entropy_gradient, of_labels, softmax
from .scaled import Pair, exact_difference, first_largest, pair, power, spare, times
from .sums import total

# --- categorical focal loss -----------------------------------------------------------------------------------------------


def _weights(arrays: Arrays, options: Options) -> np.ndarray:
    """α times the smoothed target."""
    target = smoothed(arrays["target"], present(arrays, "target"), options["label_smoothing"])
    return target.dtype.type(options["alpha"]) * target


def _focal(weights: np.ndarray, rest: Pair, surprise: np.ndarray, gamma: float) -> np.ndarray:
    """weight · (1 − p)^γ · (−log p), place by place."""
    counts = weights * power(rest, gamma)
    return counts * spare(counts, surprise)


def _focal_slope(
    weights: np.ndarray, rest: Pair, surprise: np.ndarray, probability: np.ndarray, gamma: float
) -> np.ndarray:
    """p times the derivative of `_focal` in p."""
    inner = power(rest, gamma)
    if gamma:
        steep = surprise.dtype.type(gamma) * probability * power(rest, gamma - 1)
        inner = inner + np.where((surprise == 0) | (probability == 0), 0, steep * surprise)
    return -weights * inner


def _focal_target(
    arrays: Arrays, options: Options, rest: Pair, surprise: np.ndarray, cotangent: np.ndarray
) -> np.ndarray:
    alpha, kept = options["alpha"], 1 - options["label_smoothing"]
    ones = np.full_like(arrays["target"], alpha * kept)
    return times(_focal(ones, rest, surprise, options["gamma"]), cotangent[..., None])


def _categorical_focal(arrays: Arrays, options: Options) -> np.ndarray:
    parts = clipped(arrays["prediction"], options["clip"], options["normalise"])
    return total(_focal(_weights(arrays, options), parts.rest, -parts.logarithm, options["gamma"]))


def _categorical_focal_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts = clipped(arrays["prediction"], options["clip"], options["normalise"])
    weights = np.where(parts.inside, _weights(arrays, options), 0)
    slope = _focal_slope(weights, parts.rest, -parts.logarithm, parts.probability, options["gamma"])
    inner = of_quotients(slope, parts, options["normalise"])
    return {
        "prediction": times(inner, cotangent[..., None]),
        "target": _focal_target(arrays, options, parts.rest, -parts.logarithm, cotangent),
    }


def _focal_logits(arrays: Arrays, options: Options) -> tuple[Softmax, Clipped]:
    """The softmax, and what becomes of it by clipping."""
    logits, clip = arrays["logits"], options["clip"]
    real = logits.dtype.type
    parts = softmax(logits)
    surprise, probability, rest = parts.surprise.plain(), parts.probability.plain(), parts.complement_pair
    inside = np.ones(logits.shape, bool)
    if clip > 0:
        low, high = surprise > real(-math.log(clip)), rest.high < real(clip)
        inside = ~(low | high)
        surprise = np.where(low, real(-math.log(clip)), np.where(high, real(-math.log1p(-clip)), surprise))
        bounded = np.where(low, real(1 - clip), np.where(high, real(clip), rest.high))
        rest = Pair(bounded, np.where(inside, rest.low, 0).astype(logits.dtype))
    return parts, Clipped(-surprise, probability, rest, inside, np.ones((), logits.dtype))


def _categorical_focal_with_logits(arrays: Arrays, options: Options) -> np.ndarray:
    _, parts = _focal_logits(arrays, options)
    return total(_focal(_weights(arrays, options), parts.rest, -parts.logarithm, options["gamma"]))


def _categorical_focal_with_logits_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    whole, parts = _focal_logits(arrays, options)
    weights = np.where(parts.inside, _weights(arrays, options), 0)
    slope = _focal_slope(weights, parts.rest, -parts.logarithm, parts.probability, options["gamma"])
    return {
        "logits": cross_entropy_gradient(whole, -slope, cotangent),
        "target": _focal_target(arrays, options, parts.rest, -parts.logarithm, cotangent),
    }


# --- generalised and polynomial cross entropy -----------------------------------------------------------------------------


def _labelled(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The prediction of the labelled class as one number of a row, minus its logarithm once clipped, and where it was inside."""
    index = np.clip(arrays["labels"], 0, arrays["prediction"].shape[-1] - 1)[..., None]
    picked = np.take_along_axis(arrays["prediction"], index, axis=-1)
    parts = clipped(picked, options["clip"], False)
    return picked[..., 0], -parts.logarithm[..., 0], parts.inside[..., 0]


def _generalized_cross_entropy(arrays: Arrays, options: Options) -> np.ndarray:
    """(1 − p^q)/q, which is −log p for q = 0."""
    _, surprise, _ = _labelled(arrays, options)
    q = surprise.dtype.type(options["q"])
    return -np.expm1(-q * surprise) / q if options["q"] else surprise


def _generalized_cross_entropy_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    picked, _, inside = _labelled(arrays, options)
    slope = np.where(inside, -power(pair(picked), options["q"] - 1), 0)
    label = of_labels(arrays["labels"], arrays["prediction"].shape[-1], cotangent.dtype) != 0
    return {"prediction": np.where(label, times(slope.astype(cotangent.dtype), cotangent)[..., None], 0)}


def _excess(surprise: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """−log(p) − (1 − p), which is about (1 − p)²/2 near p = 1: there Σ (−s)^k/k! over k ≥ 2, s = −log p."""
    near = np.where(surprise < 1, surprise, 0)
    series = np.zeros_like(near)
    for k in range(22, 1, -1):
        series = (1 - near * series) / k
    return np.where(surprise < 1, near * (near * series), surprise - rest)


def _poly_parts(arrays: Arrays) -> tuple[Softmax, np.ndarray, np.ndarray]:
    taking_part = present(arrays, "logits")
    target = np.where(taking_part, arrays["target"], 0).astype(arrays["target"].dtype)
    return softmax(seen(arrays["logits"], taking_part)), target, taking_part


def _poly_terms(parts: Softmax, options: Options) -> np.ndarray:
    """−log p + ε·(1 − p), as an excess and (1 + ε)·(1 − p): with ε = −1 nothing is left but the excess."""
    surprise, rest = parts.surprise.plain(), parts.complement.plain()
    return _excess(surprise, rest) + surprise.dtype.type(1 + options["epsilon"]) * rest


def _poly_loss(arrays: Arrays, options: Options) -> np.ndarray:
    parts, target, _ = _poly_parts(arrays)
    return total(target * spare(target, _poly_terms(parts, options)))


def _poly_loss_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts, target, taking_part = _poly_parts(arrays)
    epsilon, real = options["epsilon"], target.dtype.type
    probability, rest = parts.probability.plain(), parts.complement.plain()
    # 1 + ε·p, of which the smaller of p and 1 − p is taken.
    factor = np.where(probability < 0.5, 1 + real(epsilon) * probability, real(1 + epsilon) - real(epsilon) * rest)
    slope = cross_entropy_gradient(parts, target * factor, cotangent)
    rise = times(_poly_terms(parts, options), cotangent[..., None])
    return {"logits": np.where(taking_part, slope, 0), "target": np.where(taking_part, rise, 0)}


# --- hinges ---------------------------------------------------------------------------------------------------------------


def _rivals(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """(1 − t)·p of every class, and which of them is largest."""
    other = 1 - arrays["target"]
    scores = other * spare(other, arrays["prediction"])
    return scores, first_largest(scores)


def _categorical_hinge(arrays: Arrays, options: Options) -> np.ndarray:
    target = arrays["target"]
    own = total(target * spare(target, arrays["prediction"]))
    return np.maximum((_rivals(arrays)[0].max(axis=-1) - own) + 1, 0)


def _where_positive(loss: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    """The cotangent where the loss is above 0; NaN where it is."""
    return np.where(loss > 0, cotangent, nan_kept(loss, np.zeros_like(loss)))[..., None]


def _share(active: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """active · slope, 0 where nothing is active, however steep, and NaN where `active` is."""
    return np.where(active == 0, 0, active * slope).astype(slope.dtype)


def _categorical_hinge_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    active = _where_positive(_categorical_hinge(arrays, options), cotangent)
    target, prediction, rival = arrays["target"], arrays["prediction"], _rivals(arrays)[1]
    return {
        "prediction": _share(active, np.where(rival, 1 - target, 0) - target),
        "target": _share(active, -np.where(rival, 2 * prediction, prediction)),
    }


def _lead(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far the best other class is ahead of the labelled one, which class that is, and which one the label."""
    scores = arrays["scores"]
    label = of_labels(arrays["labels"], scores.shape[-1], scores.dtype) != 0
    others = np.where(label, -np.inf, scores).astype(scores.dtype)
    rival = first_largest(others) & ~label
    own = np.where(label, scores, 0).sum(axis=-1)
    best = others.max(axis=-1)
    # With one class alone there is no other, whatever its score.
    lead = np.where(rival.any(axis=-1), best - own, np.where(np.isnan(own), own, -np.inf))
    return lead.astype(scores.dtype), rival, label


def _hinge_of_lead(arrays: Arrays, margin: int) -> np.ndarray:
    return np.maximum(_lead(arrays)[0] + margin, 0)


def _gradient_of_lead(arrays: Arrays, margin: int, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    lead, rival, label = _lead(arrays)
    slope = rival.astype(cotangent.dtype) - label.astype(cotangent.dtype)
    return {"scores": _share(_where_positive(lead + margin, cotangent), slope)}


def _multiclass_hinge(arrays: Arrays, options: Options) -> np.ndarray:
    return _hinge_of_lead(arrays, 1)


def _multiclass_hinge_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _gradient_of_lead(arrays, 1, cotangent)


def _multiclass_perceptron(arrays: Arrays, options: Options) -> np.ndarray:
    return _hinge_of_lead(arrays, 0)


def _multiclass_perceptron_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _gradient_of_lead(arrays, 0, cotangent)


# --- Fenchel-Young losses -------------------------------------------------------------------------------------------------


def _sparsemax(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The projection of the scores on the simplex at the other classes (0 at the label), where the label is, and the loss.

    With a_j = z_j − z_y + 1 for j ≠ y and the sum r of the projection at the others, p_j = max(a_j − r, 0) and the loss is
    (r² + Σ p_j²)/2, unless r reaches 1: then p_y = 0, p_j = max(a_j − τ, 0) with sum 1, and the loss τ − 1/2 + Σ p_j²/2.
    """
    scores = arrays["scores"]
    real = scores.dtype.type
    label = of_labels(arrays["labels"], scores.shape[-1], scores.dtype) != 0
    others = np.where(label, real(-np.inf), scores)
    ahead = exact_difference(others, np.where(label, scores, 0).sum(axis=-1, keepdims=True))
    near = np.where(label, real(-np.inf), (ahead.high + 1) + ahead.low)
    # Far ahead of the label, relative to the largest, so that the size of the scores does not cost the digits of p.
    largest = others.max(axis=-1, keepdims=True)
    # No number below −1, or below the largest by more than 1, is above its threshold; from 2 on the label is out.
    bounded, far = np.clip(near, -1, 4), np.maximum(others - largest, -2)
    among_all, alone = _threshold(bounded, 0, 1), _threshold(far, 1, 0)
    outside = among_all >= 1
    projected = np.maximum(np.where(outside, far - alone, bounded - among_all), 0).astype(scores.dtype)
    squares = total(np.square(projected))
    level = (alone + near.max(axis=-1, keepdims=True))[..., 0]
    inside_loss = (np.square(total(projected)) + squares) / 2
    loss = np.where(outside[..., 0], level - real(0.5) + squares / 2, inside_loss)
    return projected, label, np.where(np.isnan(scores).any(axis=-1), real(np.nan), loss)


def _threshold(x: np.ndarray, sum_above: int, others: int) -> np.ndarray:
    """The number τ with Σ max(x − τ, 0) = sum_above + others · τ, keeping the last dimension; 0 where nothing is above it."""
    falling = -np.sort(-x, axis=-1)
    count = np.arange(1, x.shape[-1] + 1).astype(x.dtype) + others
    inside = falling > (np.cumsum(falling, axis=-1, dtype=x.dtype) - sum_above) / count
    size = inside.sum(axis=-1, keepdims=True)
    kept = np.where(np.arange(x.shape[-1]) < size, falling, 0).astype(x.dtype)
    return np.where(size > 0, (total(kept)[..., None] - sum_above) / (size + others).astype(x.dtype), 0).astype(x.dtype)


def _multiclass_sparsemax(arrays: Arrays, options: Options) -> np.ndarray:
    return _sparsemax(arrays)[2]


def _multiclass_sparsemax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    projected, label, loss = _sparsemax(arrays)
    slope = np.where(label, -np.minimum(total(projected), 1)[..., None], projected)
    return {"scores": nan_kept(loss[..., None] + np.zeros_like(slope), slope) * cotangent[..., None]}


def _fenchel_young(arrays: Arrays, options: Options) -> np.ndarray:
    """logsumexp(s) − Σ t·s = Σ t·(logsumexp(s) − s) + (1 − Σ t)·logsumexp(s)."""
    scores, target = arrays["scores"], arrays["target"]
    parts = softmax(scores)
    own = total(times(target, spare(target, parts.surprise)))
    largest = first_largest(target)
    missing = (1 - np.where(largest, target, 0).sum(axis=-1)) - total(np.where(largest, 0, target).astype(target.dtype))
    top = scores.max(axis=-1)
    whole = top - np.log(parts.probability.plain().max(axis=-1))
    return own + missing * spare(missing, whole)


def _fenchel_young_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    scores, target = arrays["scores"], arrays["target"]
    parts = softmax(scores)
    probability, rest = parts.probability, parts.complement
    near = probability.plain() > 0.5
    low = times(probability, cotangent[..., None]) - times(target, cotangent[..., None])
    high = times(1 - target, cotangent[..., None]) - times(rest, cotangent[..., None])
    return {"scores": np.where(near, high, low), "target": times(-scores, cotangent[..., None])}


# --- smoothing ------------------------------------------------------------------------------------------------------------


def _smooth_labels(arrays: Arrays, options: Options) -> np.ndarray:
    """A class that is left out gets its share too, and is for the loss to leave out."""
    target, alpha = arrays["target"], options["alpha"]
    classes = present(arrays, "target").sum(axis=-1, keepdims=True).astype(target.dtype)
    return target.dtype.type(1 - alpha) * target + target.dtype.type(alpha) / classes


def _smooth_labels_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return {"target": cotangent * cotangent.dtype.type(1 - options["alpha"])}


CORES: Mapping[str, Core] = {
    "categorical_focal": Core(_categorical_focal, _categorical_focal_gradient),
    "categorical_focal_with_logits": Core(_categorical_focal_with_logits, _categorical_focal_with_logits_gradient),
    "generalized_cross_entropy": Core(_generalized_cross_entropy, _generalized_cross_entropy_gradient),
    "poly_loss": Core(_poly_loss, _poly_loss_gradient),
    "categorical_hinge": Core(_categorical_hinge, _categorical_hinge_gradient),
    "multiclass_hinge": Core(_multiclass_hinge, _multiclass_hinge_gradient),
    "multiclass_perceptron": Core(_multiclass_perceptron, _multiclass_perceptron_gradient),
    "multiclass_sparsemax": Core(_multiclass_sparsemax, _multiclass_sparsemax_gradient),
    "fenchel_young": Core(_fenchel_young, _fenchel_young_gradient),
    "smooth_labels": Core(_smooth_labels, _smooth_labels_gradient),
}
