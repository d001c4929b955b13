"""Softmax of logits along the last axis, and the cross entropy of it with given weights: what the losses of logits share.

Every quantity is accurate by itself: the probability of a class, its complement (however near 1 the probability is), and
minus its logarithm (however near 0). Impossible classes have logits −∞. Knows no particular loss.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .scaled import (
    Exponential,
    Pair,
    Scaled,
    add,
    divide,
    exact_difference,
    exponential,
    first_largest,
    pair,
    product,
    spare,
    times,
    total_of_others,
)
from .sums import total


class Softmax(NamedTuple):
    """Of each class: probability, 1 − probability, and −log probability."""

    probability: Scaled
    complement: Scaled
    surprise: Scaled
    complement_pair: Pair


def softmax(logits: np.ndarray, exponent: np.ndarray | None = None) -> Softmax:
    """Softmax along the last axis. A row of nothing but −∞ gives NaN; so does the place of a logit +∞.

    `exponent`: logits that no float holds are given as logits · 2^exponent, with one exponent for each row.
    """
    real = logits.dtype.type
    if logits.shape[-1] == 0:
        empty = Scaled(logits, np.zeros(logits.shape, np.int32))
        return Softmax(empty, empty, empty, pair(logits))
    top = first_largest(logits)
    largest = logits.max(axis=-1, keepdims=True)
    far = np.zeros(largest.shape, np.int32) if exponent is None else exponent[..., None]
    difference = exact_difference(logits, largest)
    raised = exponential(Pair(np.ldexp(difference.high, far), np.ldexp(difference.low, far)))
    # Everything but the largest, in units of the second largest: e^−100 beside 1 is all there is of 1 − p.
    unit = np.where(top | (raised.high == 0), np.iinfo(np.int32).min // 4, raised.exponent).max(axis=-1, keepdims=True)
    unit = np.where(unit == np.iinfo(np.int32).min // 4, 0, unit)
    others = total(np.where(top, real(0), np.ldexp(raised.high, np.where(top, 0, raised.exponent - unit))))[..., None]
    rest = Scaled(others, unit)
    outside = rest.plain()
    whole = add(pair(np.ones_like(outside)), pair(outside))
    remaining = _difference(whole, raised)
    complement = product(rest, over=(whole.high,)).where(
        top, Scaled(remaining.high / whole.high, np.zeros(logits.shape, np.int32))
    )
    exact = divide(pair(outside), whole).where(top, divide(remaining, _like(whole, remaining)))
    return Softmax(
        product(raised.scaled(), over=(whole.high,)), complement, _surprise(logits, far, top, rest, outside), exact
    )


def _difference(whole: Pair, raised: Exponential) -> Pair:
    part = raised.pair()
    return add(_like(whole, part), Pair(-part.high, -part.low))


def _like(x: Pair, shape: Pair) -> Pair:
    return Pair(np.broadcast_to(x.high, shape.high.shape), np.broadcast_to(x.low, shape.high.shape))


def _surprise(logits: np.ndarray, far: np.ndarray, top: np.ndarray, rest: Scaled, outside: np.ndarray) -> Scaled:
    real, none = logits.dtype.type, np.zeros(logits.shape, np.int32)
    largest = logits.max(axis=-1, keepdims=True)
    log_total = np.log1p(outside)
    tiny = np.abs(outside) < np.finfo(logits.dtype).eps
    of_top = Scaled(np.broadcast_to(rest.fraction, logits.shape), rest.exponent + none).where(
        tiny & top, Scaled(np.broadcast_to(log_total, logits.shape), none)
    )
    distance = np.ldexp(largest - logits, far)
    # The distance of two numbers may overflow where a small weight times it does not.
    halves = Scaled(largest / 2 - logits / 2, none + far + 1)
    of_others = Scaled(distance + log_total, none).where(np.isfinite(distance) | ~np.isfinite(logits), halves)
    endless = np.isposinf(largest) & ~np.isposinf(logits) & ~np.isnan(logits)
    surprise = of_top.where(top & ~np.isposinf(largest), of_others)
    return Scaled(np.where(endless, real(np.inf), surprise.fraction), np.where(endless, 0, surprise.exponent))


def cross_entropy(parts: Softmax, weights: np.ndarray) -> np.ndarray:
    """Σ weight · (−log probability) along the last axis, where a weight of 0 leaves its class out."""
    return total(times(weights, spare(weights, parts.surprise)))


def cross_entropy_gradient(parts: Softmax, weights: Any, cotangent: np.ndarray) -> np.ndarray:
    """The derivative of `cross_entropy` in the logits, times a cotangent for each row.

    p_c · Σ w − w_c, written as p_c · (Σ of the other weights) − w_c · (1 − p_c), in which nothing cancels where one
    class has all of the weight or of the probability.
    """
    others = total_of_others(weights)
    drawn = times(parts.probability, others, cotangent[..., None])
    pushed = times(weights, spare(weights, parts.complement), cotangent[..., None])
    return drawn - pushed


def of_labels(labels: np.ndarray, classes: int, dtype: Any) -> np.ndarray:
    """Labels as ones among zeros; a label that is no class gives zeros alone."""
    return (np.arange(classes) == labels[..., None]).astype(dtype)
