"""Losses with a margin: of signs, of pairs, of scores of classes."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .core import Arrays, Core, Options
from .differences import Difference, difference, number_less, softplus, times_logistic
from .sums import by_label, over_loop, times, total

_MOST_PAIRS = 1 << 22
"""Pairs of classes that are held in memory at once."""


def _positive_part(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, x.dtype.type(0), x)


def _rising(x: np.ndarray) -> np.ndarray:
    """The derivative of the positive part; 0 at the kink."""
    return np.where(np.isnan(x), x, (x > 0).astype(x.dtype))


def _soft_margin(arrays: Arrays, options: Options) -> np.ndarray:
    return softplus(-arrays["target"] * arrays["prediction"])


def _soft_margin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    prediction, target = arrays["prediction"], arrays["target"]
    against = -target * prediction
    return {
        "prediction": times(cotangent, times_logistic(-target, against)),
        "target": times(cotangent, times_logistic(-prediction, against)),
    }


def _ranked(arrays: Arrays, options: Options) -> tuple[np.ndarray, Difference]:
    apart, target = difference(arrays["first"], arrays["second"]), arrays["target"]
    return number_less(options["margin"], target * apart.high, target * apart.low), apart


def _margin_ranking(arrays: Arrays, options: Options) -> np.ndarray:
    return _positive_part(_ranked(arrays, options)[0])


def _margin_ranking_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    missing, apart = _ranked(arrays, options)
    active = times(cotangent, _rising(missing))
    of_first = times(active, -arrays["target"])
    return {"first": of_first, "second": -of_first, "target": times(active, -apart.high)}


def _hinge_embedding(arrays: Arrays, options: Options) -> np.ndarray:
    prediction = arrays["prediction"]
    missing = number_less(options["margin"], prediction, np.zeros_like(prediction))
    return np.where(arrays["target"] == 1, prediction, _positive_part(missing))


def _hinge_embedding_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    prediction = arrays["prediction"]
    missing = number_less(options["margin"], prediction, np.zeros_like(prediction))
    slope = np.where(arrays["target"] == 1, prediction.dtype.type(1), -_rising(missing))
    return {"prediction": times(cotangent, slope), "target": np.zeros_like(prediction)}


def _bpr(arrays: Arrays, options: Options) -> np.ndarray:
    return softplus(-difference(arrays["positive"], arrays["negative"]).high)


def _bpr_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    apart = difference(arrays["positive"], arrays["negative"]).high
    found = times(cotangent, times_logistic(apart.dtype.type(1), -apart))
    return {"positive": -found, "negative": found}


# --- scores of classes ------------------------------------------------------------------------------------------------


class Missed(NamedTuple):
    """What each class lacks to keep the margin from the right one, shape (..., classes), 0 for that itself; and its factor."""

    missing: np.ndarray
    right: np.ndarray
    share: np.ndarray


def _missed(arrays: Arrays, options: Options) -> Missed:
    scores, labels, class_weight = arrays["scores"], arrays["labels"], arrays.get("class_weight")
    own = np.take_along_axis(scores, labels[..., None], axis=-1)
    right = np.arange(scores.shape[-1]) == labels[..., None]
    apart = difference(np.broadcast_to(own, scores.shape), scores)
    missing = number_less(options["margin"], apart.high, apart.low)
    missing = np.where(right, scores.dtype.type(0), missing)
    classes = scores.dtype.type(scores.shape[-1])
    weight = np.ones(labels.shape, scores.dtype) if class_weight is None else class_weight[labels]
    return Missed(missing, right, (weight / classes)[..., None])


def _multi_margin(arrays: Arrays, options: Options) -> np.ndarray:
    missed = _missed(arrays, options)
    part = _positive_part(missed.missing)
    terms = missed.share * part
    return total(terms if options["p"] == 1 else terms * part)


def _multi_margin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    missed = _missed(arrays, options)
    seeds = cotangent[..., None]
    part = _positive_part(missed.missing)
    slope = missed.share * (_rising(missed.missing) if options["p"] == 1 else 2 * part)
    slope = np.where(missed.right, slope.dtype.type(0), slope)
    of_right = -total(slope)[..., None]
    found = {"scores": times(seeds, np.where(missed.right, of_right, slope))}
    class_weight = arrays.get("class_weight")
    if class_weight is not None:
        classes = part.dtype.type(part.shape[-1])
        per_class = part / classes
        loss = times(cotangent, total(per_class if options["p"] == 1 else per_class * part))
        found["class_weight"] = by_label(loss.reshape(-1), arrays["labels"].reshape(-1), class_weight.shape[0])
    return found


def _listed(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels up to the longest list, which of them count, and which classes are in the list."""
    counted = np.logical_and.accumulate(labels != -1, axis=-1)
    longest = int(counted.sum(axis=-1).max(initial=0))
    kept, used = np.where(counted, labels, 0)[..., :longest], counted[..., :longest]
    among = np.zeros(labels.shape, bool)
    places = np.nonzero(counted)
    among[(*places[:-1], labels[counted])] = True
    return kept, used, among


def _pairs(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 − (score of a listed class − score of one that is not), shape (..., listed, classes); −∞ for what is no such pair."""
    kept, used, among = _listed(labels)
    own = np.take_along_axis(scores, kept, axis=-1)[..., None]
    shape = (*own.shape[:-1], scores.shape[-1])
    apart = difference(np.broadcast_to(own, shape), np.broadcast_to(scores[..., None, :], shape))
    missing = number_less(1.0, apart.high, apart.low)
    return np.where(used[..., None] & ~among[..., None, :], missing, scores.dtype.type(-np.inf))


def _portions(scores: np.ndarray) -> list[slice]:
    """The places of the loop in portions whose pairs fit into memory."""
    step = max(1, _MOST_PAIRS // max(1, scores.shape[-1] ** 2))
    return [slice(start, start + step) for start in range(0, scores.shape[0], step)]


def _multilabel_margin(arrays: Arrays, options: Options) -> np.ndarray:
    scores, labels = arrays["scores"], arrays["labels"]
    classes = scores.dtype.type(scores.shape[-1])
    found = np.zeros(scores.shape[0], scores.dtype)
    for portion in _portions(scores):
        terms = _positive_part(_pairs(scores[portion], labels[portion])) / classes
        found[portion] = total(terms.reshape(len(terms), -1))
    return found


def _multilabel_margin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    scores, labels = arrays["scores"], arrays["labels"]
    classes = scores.dtype.type(scores.shape[-1])
    found = np.zeros_like(scores)
    for portion in _portions(scores):
        kept, used, _ = _listed(labels[portion])
        # How many pairs a class is in: whole numbers, exact in any order.
        active = _rising(_pairs(scores[portion], labels[portion]))
        counts = active.sum(axis=-2)
        rows = np.arange(len(counts))[:, None]
        np.add.at(counts, (np.broadcast_to(rows, kept.shape), kept), np.where(used, -active.sum(axis=-1), 0))
        found[portion] = times(cotangent[portion][..., None], counts / classes)
    return {"scores": found}


def _soft_terms(arrays: Arrays) -> np.ndarray:
    logits, target = arrays["logits"], arrays["target"]
    return times(target, softplus(-logits)) + times(1 - target, softplus(logits))


def _shares(arrays: Arrays) -> np.ndarray:
    """What each class counts, shape (classes,) or (1,)."""
    logits, class_weight = arrays["logits"], arrays.get("class_weight")
    weights = np.ones(1, logits.dtype) if class_weight is None else class_weight
    return weights / logits.dtype.type(logits.shape[-1])


def _multilabel_soft_margin(arrays: Arrays, options: Options) -> np.ndarray:
    return total(times(_shares(arrays), _soft_terms(arrays)))


def _multilabel_soft_margin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logits, target = arrays["logits"], arrays["target"]
    one = logits.dtype.type(1)
    seeds = cotangent[..., None]
    # σ(x) − t without the difference of two numbers next to one.
    slope = times(1 - target, times_logistic(one, logits)) - times(target, times_logistic(one, -logits))
    shares = _shares(arrays)
    found = {"logits": times(seeds, times(shares, slope)), "target": times(seeds, times(shares, -logits))}
    if arrays.get("class_weight") is not None:
        terms = _soft_terms(arrays) / logits.dtype.type(logits.shape[-1])
        found["class_weight"] = over_loop(times(seeds, terms), 1)
    return found


CORES: Mapping[str, Core] = {
    "soft_margin": Core(_soft_margin, _soft_margin_gradient),
    "margin_ranking": Core(_margin_ranking, _margin_ranking_gradient),
    "hinge_embedding": Core(_hinge_embedding, _hinge_embedding_gradient),
    "bpr": Core(_bpr, _bpr_gradient),
    "multi_margin": Core(_multi_margin, _multi_margin_gradient),
    "multilabel_margin": Core(_multilabel_margin, _multilabel_margin_gradient),
    "multilabel_soft_margin": Core(_multilabel_soft_margin, _multilabel_soft_margin_gradient),
}
