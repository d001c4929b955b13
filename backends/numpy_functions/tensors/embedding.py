"""Losses of vectors: cosines, distances, triplets, and the losses of a whole batch of embeddings or of a list of items.

The last axis holds the components of a vector, or the items of a list. Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..arithmetic import nan_kept
from . import contrastive
from .core import Arrays, Core, Options
from .cosines import Cosine, cosine, cosine_gradient
from .scaled import Pair, Scaled, add, exact_difference, pair_of, scale
from .sums import total

# --- cosines --------------------------------------------------------------------------------------------------------------


def _masked(arrays: Arrays, name: str) -> np.ndarray:
    vector = arrays[name]
    where = arrays.get("where")
    return vector if where is None else np.where(where, vector, 0).astype(vector.dtype)


def _cosine_of(arrays: Arrays, options: Options) -> Cosine:
    return cosine(_masked(arrays, "first"), _masked(arrays, "second"), options["epsilon"], options["floor"])


def _cosine_gradients(arrays: Arrays, options: Options, parts: Cosine, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    first, second = _masked(arrays, "first"), _masked(arrays, "second")
    slopes = cosine_gradient(first, second, parts, options["epsilon"], cotangent)
    where = arrays.get("where")
    kept = slopes if where is None else tuple(np.where(where, slope, 0) for slope in slopes)
    return {"first": kept[0], "second": kept[1]}


def _cosine_similarity(arrays: Arrays, options: Options) -> np.ndarray:
    value = _cosine_of(arrays, options).value
    return value * value.dtype.type(options["factor"])


def _cosine_similarity_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    seed = cotangent * cotangent.dtype.type(options["factor"])
    return _cosine_gradients(arrays, options, _cosine_of(arrays, options), seed)


def _distance(parts: Cosine) -> np.ndarray:
    return np.where(parts.value > 0.5, parts.missing, 1 - parts.value)


def _cosine_distance(arrays: Arrays, options: Options) -> np.ndarray:
    return _distance(_cosine_of(arrays, options))


def _cosine_distance_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _cosine_gradients(arrays, options, _cosine_of(arrays, options), -cotangent)


def _cosine_embedding(arrays: Arrays, options: Options) -> np.ndarray:
    parts = _cosine_of(arrays, options)
    return np.where(arrays["target"] > 0, _distance(parts), _over_margin(parts, options))


def _over_margin(parts: Cosine, options: Options) -> np.ndarray:
    """max(cosine − margin, 0)."""
    margin = options["margin"]
    real = parts.value.dtype.type
    # Near 1 the cosine is known better as what it lacks.
    over = np.where(parts.value > 0.5, real(1 - margin) - parts.missing, parts.value - real(margin))
    return np.maximum(over, 0)


def _cosine_embedding_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts = _cosine_of(arrays, options)
    over = _over_margin(parts, options)
    active = np.where(over > 0, cotangent, nan_kept(over, np.zeros_like(over)))
    seed = np.where(arrays["target"] > 0, -cotangent, active)
    found = _cosine_gradients(arrays, options, parts, seed)
    idle = (seed == 0)[..., None]
    return {name: np.where(idle, 0, slope) for name, slope in found.items()}


# --- distances ------------------------------------------------------------------------------------------------------------


class Norm(NamedTuple):
    """A p-norm, and its derivative in every component."""

    value: Scaled
    slope: np.ndarray


def _norm(difference: Scaled, p: float, added: float = 0.0) -> Norm:
    """(Σ |x|^p + added)^(1/p) along the last axis; the largest |x| for p = ∞. At 0 its derivative is taken to be 0.

    The difference has one exponent for each vector.
    """
    numbers, given = difference
    real = numbers.dtype.type
    size, sign = np.abs(numbers), np.sign(numbers)
    largest = size.max(axis=-1, keepdims=True, initial=0)
    if math.isinf(p):
        at_largest = (size == largest) & (largest > 0)
        shared = sign * at_largest / np.maximum(at_largest.sum(axis=-1, keepdims=True), 1).astype(numbers.dtype)
        return Norm(Scaled(largest[..., 0], given[..., 0]), nan_kept(largest + np.zeros_like(size), shared))
    unit_size = np.maximum(largest, real(added ** (1 / p))) if added else largest
    exponent = scale(unit_size).exponent
    relative = np.ldexp(size, -exponent)
    powers = _power(relative, p)
    whole = total(powers)[..., None]
    if added:
        whole = whole + _over_power_of_two(added, p, exponent + given, numbers)
    norm = _power(whole, 1 / p)
    slope = np.where(size == 0, 0, sign * _power(relative / norm, p - 1))
    slope = np.where(np.isnan(size), size, slope).astype(numbers.dtype)
    return Norm(Scaled(norm[..., 0], (exponent + given)[..., 0]), slope)


def _over_power_of_two(number: float, p: float, exponent: np.ndarray, like: np.ndarray) -> np.ndarray:
    """number / 2^(p · exponent)."""
    full = np.full_like(like[..., :1], number)
    if float(p).is_integer():
        return np.ldexp(full, -int(p) * exponent)
    return full * np.exp2(-like.dtype.type(p) * exponent.astype(like.dtype))


def _power(x: np.ndarray, exponent: float) -> np.ndarray:
    if exponent == 1:
        return x
    if exponent == 2:
        return np.square(x)
    if exponent == 0.5:
        return np.sqrt(x)
    return np.power(x, x.dtype.type(exponent))


def _difference(first: np.ndarray, second: np.ndarray, epsilon: float) -> Scaled:
    """first − second + ε, rounded once; halved where it is larger than any float."""
    difference = exact_difference(first, second)
    plain = add(difference, pair_of(epsilon, first)).plain() if epsilon else difference.high
    far = (np.isinf(plain) & np.isfinite(first) & np.isfinite(second)).any(axis=-1, keepdims=True)
    return Scaled(plain, far.astype(np.int32)).where(~far, Scaled(first / 2 - second / 2, far.astype(np.int32)))


def _pairwise(first: np.ndarray, second: np.ndarray, options: Options) -> Norm:
    epsilon = options["epsilon"]
    if options.get("epsilon_in") == "sum":
        return _norm(_difference(first, second, 0.0), options["p"], epsilon)
    return _norm(_difference(first, second, epsilon), options["p"])


def _pairwise_distance(arrays: Arrays, options: Options) -> np.ndarray:
    return _pairwise(arrays["first"], arrays["second"], options).value.plain()


def _pairwise_distance_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    slope = _pairwise(arrays["first"], arrays["second"], options).slope * cotangent[..., None]
    return {"first": slope, "second": -slope}


class _Triplet(NamedTuple):
    loss: np.ndarray
    near: Norm
    far: Norm
    swapped: np.ndarray
    between: Norm


def _triplet(arrays: Arrays, options: Options) -> _Triplet:
    near = _pairwise(arrays["anchor"], arrays["positive"], options)
    far = _pairwise(arrays["anchor"], arrays["negative"], options)
    between = _pairwise(arrays["positive"], arrays["negative"], options)
    swapped = np.zeros(far.value.fraction.shape, bool)
    # Distances that no float holds may still have a difference that one does.
    exponent = np.maximum(np.maximum(near.value.exponent, far.value.exponent), between.value.exponent)
    exponent = np.maximum(exponent - np.finfo(near.slope.dtype).maxexp + 8, 0)
    to_positive, distance, others = (
        Scaled(norm.value.fraction, norm.value.exponent - exponent).plain() for norm in (near, far, between)
    )
    if options["swap"]:
        swapped = others < distance
        distance = np.minimum(distance, others)
    difference = exact_difference(to_positive, distance)
    difference = Pair(np.ldexp(difference.high, exponent), np.ldexp(difference.low, exponent))
    over = add(difference, pair_of(options["margin"], distance)).plain()
    return _Triplet(np.maximum(over, 0), near, far, swapped, between)


def _triplet_margin(arrays: Arrays, options: Options) -> np.ndarray:
    return _triplet(arrays, options).loss


def _triplet_margin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts = _triplet(arrays, options)
    active = np.where(parts.loss > 0, cotangent, nan_kept(parts.loss, np.zeros_like(parts.loss)))[..., None]
    pull = np.where(active == 0, 0, parts.near.slope * active)
    push = np.where(active == 0, 0, np.where(parts.swapped[..., None], parts.between.slope, parts.far.slope) * active)
    from_anchor = np.where(parts.swapped[..., None], 0, push)
    return {"anchor": pull - from_anchor, "positive": -pull - (push - from_anchor), "negative": push}


CORES: Mapping[str, Core] = {
    "cosine_similarity": Core(_cosine_similarity, _cosine_similarity_gradient),
    "cosine_distance": Core(_cosine_distance, _cosine_distance_gradient),
    "cosine_embedding": Core(_cosine_embedding, _cosine_embedding_gradient),
    "pairwise_distance": Core(_pairwise_distance, _pairwise_distance_gradient),
    "triplet_margin": Core(_triplet_margin, _triplet_margin_gradient),
    **contrastive.CORES,
}
