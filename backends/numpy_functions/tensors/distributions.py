"""Distributions over the classes of the last axis: targets smoothed and masked, predictions normalised and clipped.

Knows no loss.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..arithmetic import below, nan_kept
from .core import Arrays
from .scaled import Pair, add, divide, first_largest, pair, total_of_others
from .sums import total


def present(arrays: Arrays, name: str) -> np.ndarray:
    """The classes that take part, with the shape of the argument of that name."""
    values = arrays[name]
    where = arrays.get("where")
    return np.ones(values.shape, bool) if where is None else np.broadcast_to(where, values.shape)


def seen(logits: np.ndarray, taking_part: np.ndarray) -> np.ndarray:
    """Logits in which classes that take no part are impossible; zeros where none takes part."""
    hidden = np.where(taking_part.any(axis=-1, keepdims=True), logits.dtype.type(-np.inf), logits.dtype.type(0))
    return np.where(taking_part, logits, hidden)


def smoothed(target: np.ndarray, taking_part: np.ndarray, smoothing: float) -> np.ndarray:
    """(1 − s)·t + s/n for the n classes that take part, 0 for the others."""
    kept = target.dtype.type(1 - smoothing) * target
    if smoothing:
        kept = kept + target.dtype.type(smoothing) / taking_part.sum(axis=-1, keepdims=True).astype(target.dtype)
    return np.where(taking_part, kept, 0)


class Clipped(NamedTuple):
    """Predictions divided by their sum (or not) and clipped to [clip, 1 − clip].

    log p, p, 1 − p, whether p was inside, and the sum that it was divided by (1 if it was not).
    """

    logarithm: np.ndarray
    probability: np.ndarray
    rest: Pair
    inside: np.ndarray
    whole: np.ndarray


def clipped(prediction: np.ndarray, clip: float, normalise: bool) -> Clipped:
    """A Clipped of predictions along the last axis."""
    real = prediction.dtype.type
    if normalise:
        whole = total(prediction)[..., None]
        others = total_of_others(prediction)
        probability, rest = prediction / whole, divide(pair(others), pair(np.broadcast_to(whole, others.shape)))
        # Beside a prediction that is nearly all of the sum, the quotient would have lost the difference to 1.
        logarithm = np.where(first_largest(prediction), -np.log1p(others / prediction), np.log(probability))
    else:
        whole = np.ones((*prediction.shape[:-1], 1), prediction.dtype)
        probability, rest = prediction, add(pair(np.ones_like(prediction)), pair(-prediction))
        logarithm = np.log(prediction)
    if clip == 0:
        return Clipped(logarithm, probability, rest, np.ones(prediction.shape, bool), whole)
    low, high = below(probability, clip), below(rest.high, clip)
    least, rest_of_least = real(clip), real(1 - clip)
    logarithm = np.where(low, real(math.log(clip)), np.where(high, real(math.log1p(-clip)), logarithm))
    probability = np.where(low, least, np.where(high, rest_of_least, probability))
    bounded = np.where(low, rest_of_least, np.where(high, least, rest.high))
    rest = Pair(bounded, np.where(low | high, 0, rest.low).astype(prediction.dtype))
    return Clipped(logarithm, probability, rest, ~(low | high), whole)


def of_quotients(slope: np.ndarray, parts: Clipped, normalise: bool) -> np.ndarray:
    """From s_c, p_c times the derivative in p_c, the derivative in the prediction p_c · Σ or, if not divided, p_c itself.

    Of a quotient it is (s_j·(1 − p_j)/p_j − Σ of the other s_c)/Σ.
    """
    if not normalise:
        return np.where(slope == 0, nan_kept(parts.probability, slope), slope / parts.probability)
    own = np.where(slope == 0, 0, slope * (parts.rest.high / parts.probability))
    return (own - total_of_others(slope)) / parts.whole
