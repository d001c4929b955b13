"""Activations along an axis: softmax and its relatives.

What is masked is out of every maximum and sum, and its own derivative is 0; its result is what the limit of a logit towards −∞ is.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arithmetic import Tail, exp
from .core import Arrays, Core, Options
from .sums import times, total


class Shifted(NamedTuple):
    """Logits without their maximum, so that no exponential overflows and the largest is one.

    `tail` is e^(x − maximum); `rest` is the sum of all of them but that at the place `first` of the maximum.
    """

    maximum: np.ndarray
    difference: np.ndarray
    tail: Tail
    rest: np.ndarray
    first: np.ndarray


def kept_logits(x: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    """Logits with −∞ in place of what is masked."""
    return x if where is None else np.where(where, x, x.dtype.type(-np.inf))


def shifted(x: np.ndarray) -> Shifted:
    """The logits x, shape (..., n), in the form that loses nothing."""
    if x.shape[-1] == 0:
        empty = np.full(x.shape[:-1], -np.inf, x.dtype)
        return Shifted(empty, x, Tail(x, x), np.zeros_like(empty), np.zeros(empty.shape, np.int64))
    first = np.argmax(x, axis=-1)
    maximum = np.take_along_axis(x, first[..., None], axis=-1)[..., 0]
    difference = x - maximum[..., None]
    tail = exp(difference)
    others = tail.factor * tail.after
    np.put_along_axis(others, first[..., None], 0, axis=-1)
    # An infinite maximum leaves nothing to compare with.
    lost = ~np.isfinite(maximum)
    return Shifted(maximum, difference, tail, np.where(lost, x.dtype.type(np.nan), total(others)), first)


def probabilities(x: np.ndarray) -> np.ndarray:
    """e^x / Σ e^x along the last axis; NaN where that is ∞/∞ or 0/0."""
    parts = shifted(x)
    divided = (parts.tail.factor / (1 + parts.rest)[..., None]) * parts.tail.after
    beside_infinity = (parts.maximum[..., None] == np.inf) & (x < np.inf)
    return np.where(beside_infinity, x.dtype.type(0), divided)


def log_probabilities(x: np.ndarray) -> np.ndarray:
    """x − log Σ e^x along the last axis."""
    parts = shifted(x)
    beside_infinity = (parts.maximum[..., None] == np.inf) & (x < np.inf)
    return np.where(beside_infinity, x.dtype.type(-np.inf), parts.difference - np.log1p(parts.rest)[..., None])


def log_sum(x: np.ndarray) -> np.ndarray:
    """log Σ e^x along the last axis."""
    parts = shifted(x)
    infinite = np.isinf(parts.maximum)
    return np.where(infinite, parts.maximum, parts.maximum + np.log1p(parts.rest))


def centred(y: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    """y·(c − Σ c·y) for y that sum to one: the derivative of Σ c·softmax. Where one y is nearly all, little else is left of c − Σ c·y;
    cotangents are therefore counted from that one's."""
    if y.shape[-1] == 0:
        return y
    largest = np.argmax(np.where(np.isnan(y), 0, y), axis=-1)[..., None]
    counted = cotangent - np.take_along_axis(cotangent, largest, axis=-1)
    return times(y, counted - total(times(y, counted))[..., None])


# --- softmax ----------------------------------------------------------------------------------------------------------


def _softmax(arrays: Arrays, options: Options) -> np.ndarray:
    x, where = arrays["x"], arrays.get("where")
    y = probabilities(kept_logits(x, where))
    return y if where is None else np.where(where, y, x.dtype.type(0))


def _softmax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": centred(_softmax(arrays, options), cotangent)}


def _softmin(arrays: Arrays, options: Options) -> np.ndarray:
    return probabilities(-arrays["x"])


def _softmin_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": -centred(_softmin(arrays, options), cotangent)}


def _channels_last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -3, -1)


def _softmax2d(arrays: Arrays, options: Options) -> np.ndarray:
    return np.moveaxis(probabilities(_channels_last(arrays["x"])), -1, -3)


def _softmax2d_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    found = centred(probabilities(_channels_last(arrays["x"])), _channels_last(cotangent))
    return {"x": np.moveaxis(found, -1, -3)}


def _log_softmax(arrays: Arrays, options: Options) -> np.ndarray:
    x, where = arrays["x"], arrays.get("where")
    found = log_probabilities(kept_logits(x, where))
    return found if where is None else np.where(where, found, x.dtype.type(-np.inf))


def _log_softmax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    x, where = arrays["x"], arrays.get("where")
    y = probabilities(kept_logits(x, where))
    if where is not None:
        cotangent = np.where(where, cotangent, cotangent.dtype.type(0))
    found = log_softmax_gradient(y, cotangent)
    return {"x": found if where is None else np.where(where, found, x.dtype.type(0))}


def log_softmax_gradient(y: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
    """c − y·Σ c for y = softmax. Of the largest y what is left is Σ over the others, because it is one less the others."""
    if y.shape[-1] == 0:
        return y
    found = cotangent - times(total(cotangent)[..., None], y)
    largest = np.argmax(np.where(np.isnan(y), 0, y), axis=-1)[..., None]
    own = np.take_along_axis(cotangent, largest, axis=-1)[..., 0]
    others, rest = y.copy(), cotangent.copy()
    np.put_along_axis(others, largest, 0, axis=-1)
    np.put_along_axis(rest, largest, 0, axis=-1)
    # c·(1 − y) − y·Σ of the other cotangents, where y may be next to one.
    left = own * total(others) - np.take_along_axis(y, largest, axis=-1)[..., 0] * total(rest)
    np.put_along_axis(found, largest, left[..., None], axis=-1)
    return found


# --- the logarithm of a sum -------------------------------------------------------------------------------------------


class Scaled(NamedTuple):
    """Terms scale · e^(x − top), of which none overflows and the largest is about one; their sum, and e^(x − top) itself."""

    top: np.ndarray
    terms: np.ndarray
    sum: np.ndarray
    halves: np.ndarray


def _scaled(x: np.ndarray, scale: np.ndarray) -> Scaled:
    height = np.where(scale == 0, x.dtype.type(-np.inf), x + np.log(np.abs(scale)))
    top = height.max(axis=-1, initial=-np.inf)
    bounded = np.where(np.isfinite(top), top, x.dtype.type(0))
    # The exponential in two halves, because the whole one may leave the range that the product with the scale is in.
    halves = np.exp((x - bounded[..., None]) / 2)
    nothing = np.where(np.isnan(x) | (x == np.inf), x.dtype.type(np.nan), x.dtype.type(0))
    terms = np.where(scale == 0, nothing, (scale * halves) * halves)
    return Scaled(bounded, terms, total(terms), halves)


def _logsumexp(arrays: Arrays, options: Options) -> np.ndarray:
    x, scale = kept_logits(arrays["x"], arrays.get("where")), _kept_scale(arrays)
    if scale is None:
        return log_sum(x)
    parts = _scaled(x, scale)
    return parts.top + np.log(parts.sum)


def _kept_scale(arrays: Arrays) -> Any:
    scale, where = arrays.get("scale"), arrays.get("where")
    return scale if scale is None or where is None else np.where(where, scale, scale.dtype.type(0))


def _logsumexp_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    where = arrays.get("where")
    x, scale = kept_logits(arrays["x"], where), _kept_scale(arrays)
    seeds = cotangent[..., None] if where is None else np.where(where, cotangent[..., None], cotangent.dtype.type(0))
    if scale is None:
        # Beside a lone +∞ nothing else counts; of several there is no saying which does.
        alone = (
            (x == np.inf) & ((x == np.inf).sum(axis=-1, keepdims=True) == 1) & ~np.isnan(x).any(axis=-1, keepdims=True)
        )
        return {"x": times(seeds, np.where(alone, x.dtype.type(1), probabilities(x)))}
    parts = _scaled(x, scale)
    # The logarithm of a negative sum is no number, nor is its derivative.
    sums = np.where(parts.sum < 0, x.dtype.type(np.nan), parts.sum)[..., None]
    return {
        "x": times(seeds, parts.terms / sums),
        "scale": np.where(seeds == 0, x.dtype.type(0), ((seeds * parts.halves) / sums) * parts.halves),
    }


def _logmeanexp(arrays: Arrays, options: Options) -> np.ndarray:
    where = arrays.get("where")
    x = kept_logits(arrays["x"], where)
    real = x.dtype.type
    count = np.full(x.shape[:-1], x.shape[-1], x.dtype) if where is None else where.sum(axis=-1).astype(x.dtype)
    parts = shifted(x)
    # Of logits that are nearly equal the mean of the exponentials is nearly one.
    less = np.expm1(parts.difference)
    below = total(less if where is None else np.where(where, less, real(0)))
    small = np.where(2 * (1 + parts.rest) < count, np.log((1 + parts.rest) / count), np.log1p(below / count))
    return np.where(np.isinf(parts.maximum) & (count > 0), parts.maximum, parts.maximum + small)


def _logmeanexp_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return {"x": _logsumexp_gradient(arrays, options, cotangent)["x"]}


# --- sparsemax --------------------------------------------------------------------------------------------------------


def sparse_projection(x: np.ndarray) -> np.ndarray:
    """The point of the simplex nearest to x, along the last axis (Martins and Astudillo 2016)."""
    y, _ = _projected(x)
    return y


def _projected(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The projection, and which coordinates are not zero in it."""
    if x.shape[-1] == 0:
        return x, np.zeros(x.shape, bool)
    moved = x - x.max(axis=-1, keepdims=True)
    # Whatever is one below the largest is out; of the rest, what is not above the threshold goes, until nothing goes any more (Michelot 1986).
    support = moved > -1
    while True:
        threshold = (total(np.where(support, moved, x.dtype.type(0))) - 1) / support.sum(axis=-1).astype(x.dtype)
        fewer = support & (moved > threshold[..., None])
        if (fewer == support).all():
            break
        support = fewer
    y = np.where(support, moved - threshold[..., None], x.dtype.type(0))
    lost = np.isnan(moved).any(axis=-1, keepdims=True)
    return np.where(lost, x.dtype.type(np.nan), y), support


def _sparsemax(arrays: Arrays, options: Options) -> np.ndarray:
    return sparse_projection(arrays["x"])


def _sparsemax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    y, support = _projected(arrays["x"])
    if y.shape[-1] == 0:
        return {"x": y}
    real = y.dtype.type
    # Counted from one of them, equal cotangents give zero.
    largest = np.argmax(np.where(support, y, real(-1)), axis=-1)[..., None]
    counted = cotangent - np.take_along_axis(cotangent, largest, axis=-1)
    mean = total(np.where(support, counted, real(0))) / support.sum(axis=-1).astype(y.dtype)
    return {"x": np.where(np.isnan(y), y, np.where(support, counted - mean[..., None], real(0)))}


# --- gumbel_softmax ---------------------------------------------------------------------------------------------------


def _warmed(arrays: Arrays, options: Options) -> np.ndarray:
    """softmax((logits + noise) / temperature), the noise 0 where none was drawn."""
    logits, noise = arrays["logits"], options.get("noise")
    if noise is not None:
        logits = logits + noise
    return probabilities(logits / logits.dtype.type(options["temperature"]))


def _gumbel_softmax(arrays: Arrays, options: Options) -> np.ndarray:
    y = _warmed(arrays, options)
    if not options["hard"] or y.shape[-1] == 0:
        return y
    hard = np.zeros_like(y)
    np.put_along_axis(hard, np.argmax(y, axis=-1)[..., None], 1, axis=-1)
    return np.where(np.isnan(y).any(axis=-1, keepdims=True), y, hard)


def _gumbel_softmax_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    # Of hard samples too: the derivative is that of the soft ones (straight through; Jang, Gu and Poole 2017).
    found = centred(_warmed(arrays, options), cotangent)
    return {"logits": found / found.dtype.type(options["temperature"])}


CORES: Mapping[str, Core] = {
    "softmax": Core(_softmax, _softmax_gradient),
    "log_softmax": Core(_log_softmax, _log_softmax_gradient),
    "softmin": Core(_softmin, _softmin_gradient),
    "softmax2d": Core(_softmax2d, _softmax2d_gradient),
    "logsumexp": Core(_logsumexp, _logsumexp_gradient),
    "logmeanexp": Core(_logmeanexp, _logmeanexp_gradient),
    "sparsemax": Core(_sparsemax, _sparsemax_gradient),
    "gumbel_softmax": Core(_gumbel_softmax, _gumbel_softmax_gradient),
}
