"""Losses of a whole batch of embeddings by their groups, and of a list of items by their relevance.

Embeddings have the core (n, d), lists (n,). Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .binary import sigmoid, softplus
from .core import Arrays, Core, Options
from .cosines import Cosine, cosine, cosine_gradient
from .distributions import present, seen
from .logits import cross_entropy_gradient, softmax
from .scaled import Pair, add, divide, exponential, multiply, pair, pair_of, spare, times
from .sums import total


class _Masked(NamedTuple):
    """log Σ e^x over the places of a mask, and the share that each of them has in the sum."""

    logarithm: Pair
    share: np.ndarray


def _log_sum_exp(x: Pair, mask: np.ndarray) -> _Masked:
    """Over no place at all −∞, with shares 0; an infinite number has all of the sum."""
    real = x.high.dtype.type
    top = np.where(mask, x.high, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf).astype(x.high.dtype)
    base = np.where(np.isinf(top), 0, top).astype(x.high.dtype)
    # The low part counts too: that of a number such as 1e9 is far from 0.
    low = np.where(mask & (x.high == top), x.low, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    low = np.where(np.isinf(low), 0, low).astype(x.high.dtype)
    shifted = add(x, Pair(np.broadcast_to(-base, x.high.shape), np.broadcast_to(-low, x.high.shape)))
    shifted = Pair(np.where(mask, shifted.high, -np.inf).astype(x.high.dtype), np.where(mask, shifted.low, real(0)))
    endless = np.isposinf(shifted.high)
    raised = np.where(endless, real(1), exponential(shifted).pair().high)
    raised = np.where(endless.any(axis=-1, keepdims=True), endless.astype(x.high.dtype), raised)
    whole = total(raised)[..., None]
    share = np.where(mask & (raised != 0), raised / whole, 0).astype(x.high.dtype)
    logarithm = add(Pair(base[..., 0], low[..., 0]), pair(np.log(whole[..., 0])))
    return _Masked(logarithm.where(~np.isposinf(top[..., 0]), pair(top[..., 0])), share)


def _pairs_of_groups(labels: np.ndarray, remove_diagonal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs are of one group (a sample and itself, or not), and which of two."""
    same = labels[..., :, None] == labels[..., None, :]
    return same & ~np.eye(labels.shape[-1], dtype=bool) if remove_diagonal else same, ~same


def _everywhere(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every vector beside every vector: shape (…, n, n, d) twice."""
    shape = (*x.shape[:-1], x.shape[-2], x.shape[-1])
    return np.broadcast_to(x[..., :, None, :], shape), np.broadcast_to(x[..., None, :, :], shape)


# --- circle loss ----------------------------------------------------------------------------------------------------------


class _Circle(NamedTuple):
    distance: np.ndarray
    """1 − similarity, at least 0"""
    apart: np.ndarray
    """whether it is above 0"""
    alike: _Masked
    different: _Masked
    alike_active: np.ndarray
    different_active: np.ndarray
    exponent: Pair


def _circle_parts(arrays: Arrays, options: Options) -> _Circle:
    embeddings = arrays["embeddings"]
    first, second = _everywhere(embeddings)
    similarity = total(first * second)
    one = pair(np.ones_like(similarity))
    distance = add(one, pair(-similarity))
    apart = ~(distance.high <= 0)
    distance = distance.where(apart, pair(np.zeros_like(similarity)))
    margin, gamma = pair_of(options["margin"], similarity), pair_of(options["gamma"], similarity)
    minus_margin = Pair(-margin.high, -margin.low)
    minus_distance = Pair(-distance.high, -distance.low)
    own = add(distance, margin)
    other = add(add(one, margin), minus_distance)
    # A weight is not negative: pairs that are farther than they need to be do not count.
    own_active, other_active = ~(own.high <= 0), ~(other.high <= 0)
    none = pair(np.zeros_like(similarity))
    pulled = multiply(gamma, multiply(own, add(distance, minus_margin))).where(own_active, none)
    pushed = multiply(gamma, multiply(other, add(add(one, minus_margin), minus_distance))).where(other_active, none)
    positive, negative = _pairs_of_groups(arrays["labels"], options["remove_diagonal"])
    alike, different = _log_sum_exp(pulled, positive), _log_sum_exp(pushed, negative)
    exponent = add(alike.logarithm, different.logarithm)
    # Where one of the two has no term, the product is 0, however large the other is.
    some = positive.any(axis=-1) & negative.any(axis=-1) | np.isnan(similarity).any(axis=-1)
    exponent = exponent.where(some, pair(np.full_like(exponent.high, -np.inf)))
    return _Circle(distance.high, apart, alike, different, own_active, other_active, exponent)


def _circle(arrays: Arrays, options: Options) -> np.ndarray:
    exponent = _circle_parts(arrays, options).exponent
    return softplus(exponent.high, exponent.low).plain()


def _circle_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts = _circle_parts(arrays, options)
    embeddings = arrays["embeddings"]
    twice = embeddings.dtype.type(2 * options["gamma"])
    pull = parts.alike.share * spare(parts.alike.share, np.where(parts.alike_active, twice * parts.distance, 0))
    push = np.where(parts.different_active, twice * (1 - parts.distance), 0)
    push = parts.different.share * spare(parts.different.share, push)
    seed = times(sigmoid(parts.exponent.high, parts.exponent.low), cotangent)[..., None]
    in_similarity = np.where(parts.apart & (seed != 0), seed * (push - pull), 0).astype(embeddings.dtype)
    both = in_similarity + np.swapaxes(in_similarity, -1, -2)
    # Σ over j of both_ij · x_j
    weights = np.broadcast_to(both[..., :, None, :], (*both.shape[:-1], embeddings.shape[-1], both.shape[-1]))
    others = np.broadcast_to(np.swapaxes(embeddings, -1, -2)[..., None, :, :], weights.shape)
    return {"embeddings": total(weights * spare(weights, others))}


# --- NT-Xent --------------------------------------------------------------------------------------------------------------


class _Contrast(NamedTuple):
    cosine: Cosine
    positive: np.ndarray
    """pairs of one group"""
    others: _Masked
    """over the samples of other groups"""
    excess: Pair
    """log Σ over other groups − the pair's own exponent"""
    pairs: np.ndarray


def _contrast(arrays: Arrays, options: Options) -> _Contrast:
    first, second = _everywhere(arrays["embeddings"])
    parts = cosine(first, second, 0.0, "each")
    positive, negative = _pairs_of_groups(arrays["labels"], True)
    temperature = pair_of(options["temperature"], parts.value)
    near = np.abs(parts.value) > 0.5
    sign = np.where(parts.value < 0, -1, 1).astype(parts.value.dtype)
    value = pair(parts.value).where(~near, add(pair(sign), pair(-sign * parts.missing)))
    exponent = divide(value, temperature)
    others = _log_sum_exp(exponent, negative)
    level = Pair(others.logarithm.high[..., None], others.logarithm.low[..., None])
    level = Pair(np.broadcast_to(level.high, positive.shape), np.broadcast_to(level.low, positive.shape))
    excess = add(level, Pair(-exponent.high, -exponent.low))
    count = positive.sum(axis=(-1, -2)).astype(parts.value.dtype)
    return _Contrast(parts, positive, others, excess, count)


def _ntxent(arrays: Arrays, options: Options) -> np.ndarray:
    parts = _contrast(arrays, options)
    terms = np.where(parts.positive, softplus(parts.excess.high, parts.excess.low).plain(), 0)
    terms = terms.astype(parts.pairs.dtype).reshape(*parts.pairs.shape, -1)
    return total(terms) / parts.pairs


def _ntxent_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts = _contrast(arrays, options)
    seed = (cotangent / parts.pairs)[..., None, None]
    temperature = np.full_like(seed, options["temperature"])
    pull = np.where(parts.positive, times(sigmoid(parts.excess.high, parts.excess.low), seed, over=(temperature,)), 0)
    pull = pull.astype(seed.dtype)
    in_cosine = total(pull)[..., None] * parts.others.share - pull
    embeddings = arrays["embeddings"]
    first, second = cosine_gradient(*_everywhere(embeddings), parts.cosine, 0.0, in_cosine)
    counts = (in_cosine != 0)[..., None]
    first, second = (np.where(counts, slope, 0).astype(embeddings.dtype) for slope in (first, second))
    return {"embeddings": total(np.swapaxes(first, -1, -2)) + total(np.moveaxis(second, -3, -1))}


# --- softmax of a ranking -------------------------------------------------------------------------------------------------


def _ranking(arrays: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits, relevances and weights with masked items left out, and the mask."""
    mask = present(arrays, "logits")
    dtype = arrays["logits"].dtype
    weights = np.ones(mask.shape, dtype) if arrays["weights"] is None else arrays["weights"]
    logits = seen(arrays["logits"], mask)
    return logits, np.where(mask, arrays["relevance"], 0).astype(dtype), np.where(mask, weights, 0).astype(dtype), mask


def _ranking_softmax(arrays: Arrays, options: Options) -> tuple[np.ndarray, np.ndarray]:
    logits, relevance, weights, mask = _ranking(arrays)
    surprise = softmax(logits).surprise
    terms = times(relevance, weights, spare(np.where(weights == 0, 0, relevance), surprise))
    # A list without items is no list: it does not count.
    return total(terms), mask.any(axis=-1).astype(logits.dtype)


def _ranking_softmax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logits, relevance, weights, mask = _ranking(arrays)
    parts = softmax(logits)
    seed = cotangent[..., None]
    gradients = {
        "logits": cross_entropy_gradient(parts, relevance * weights, cotangent),
        "relevance": times(weights, spare(weights, parts.surprise), seed),
    }
    if arrays["weights"] is not None:
        gradients["weights"] = times(relevance, spare(relevance, parts.surprise), seed)
    return {name: np.where(mask, gradient, 0) for name, gradient in gradients.items()}


CORES: Mapping[str, Core] = {
    "circle": Core(_circle, _circle_gradient),
    "ntxent": Core(_ntxent, _ntxent_gradient),
    "ranking_softmax": Core(_ranking_softmax, _ranking_softmax_gradient),
}
