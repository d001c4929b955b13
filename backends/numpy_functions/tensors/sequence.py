"""Connectionist temporal classification (Graves et al. 2006): forward and backward variables in log space, as pairs of numbers.

A path's logarithm is a sum over time; kept as high + low, it loses nothing to the size that it has grown to, so the result
is as accurate as its terms. Time is the only loop. Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .core import Arrays, Core, Options
from .logits import Softmax, cross_entropy_gradient, softmax
from .scaled import Pair, add, exact_difference, exponential, pair
from .sums import total


class _Lattice(NamedTuple):
    """Samples in one dimension: the labels with blanks around them (2·length + 1 states), which states may be reached by
    leaving out the blank before, the lengths, and of each state at each time its log probability relative to the largest.

    What all states of a frame have in common takes no part in the sums over paths, however large it is: `reference` is that
    largest logarithm, 0 beyond the end.
    """

    states: np.ndarray
    skips: np.ndarray
    emissions: Pair
    reference: np.ndarray
    input_length: np.ndarray
    label_length: np.ndarray


def _lattice(logarithms: np.ndarray, arrays: Arrays, blank: int) -> _Lattice:
    """Of logarithms with shape (samples, time, classes); what lies beyond a sample's lengths is replaced."""
    samples, time, classes = logarithms.shape
    labels = arrays["labels"].reshape(samples, arrays["labels"].shape[-1])
    input_length = arrays["input_length"].reshape(samples)
    label_length = arrays["label_length"].reshape(samples)
    within = np.arange(labels.shape[1]) < label_length[:, None]
    states = np.full((samples, 2 * labels.shape[1] + 1), blank, np.int64)
    states[:, 1::2] = np.clip(np.where(within, labels, blank), 0, classes - 1)
    skips = np.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    late = np.arange(time)[:, None] >= input_length[:, None, None]
    zero = logarithms.dtype.type(0)
    emitted = np.where(late, zero, np.take_along_axis(logarithms, _spread_states(states, time), axis=2))
    largest = emitted.max(axis=2, keepdims=True)
    reference = np.where(np.isneginf(largest), zero, largest)
    emissions = exact_difference(emitted, reference)
    return _Lattice(states, skips, emissions, reference[..., 0], input_length, label_length)


def _spread_states(states: np.ndarray, time: int) -> np.ndarray:
    """States as indices of classes at each time."""
    return np.broadcast_to(states[:, None, :], (states.shape[0], time, states.shape[1]))


def _log_add(*terms: Pair) -> Pair:
    """log Σ e^term, place by place; of nothing but −∞ it is −∞."""
    highs = np.stack([term.high for term in terms])
    lows = np.stack([term.low for term in terms])
    order = _place_of_largest(highs, lows, 0)[None]
    top = Pair(np.take_along_axis(highs, order, axis=0)[0], np.take_along_axis(lows, order, axis=0)[0])
    # Relative to an infinite number everything is NaN; relative to 0, −∞ is what it should be.
    base = Pair(np.where(np.isneginf(top.high), 0, top.high).astype(top.high.dtype), top.low)
    others = np.zeros_like(top.high)
    for place, term in enumerate(terms):
        distance = add(term, Pair(-base.high, -base.low))
        others = others + np.where(order[0] == place, 0, exponential(distance).pair().high).astype(others.dtype)
    return add(top, pair(np.log1p(others)))


def _place_of_largest(highs: np.ndarray, lows: np.ndarray, axis: int) -> np.ndarray:
    """Of pairs whose high parts are the same, the low parts decide; those of large numbers are large themselves."""
    top = highs.max(axis=axis, keepdims=True)
    at_top = np.where(highs == top, lows, lows.dtype.type(-np.inf))
    return np.where(np.isnan(top).any(axis=axis), np.argmax(highs, axis=axis), np.argmax(at_top, axis=axis))


def _chosen(condition: np.ndarray, pairs: Pair, otherwise: float) -> Pair:
    return pairs.where(condition, pair(np.full_like(pairs.high, otherwise)))


def _shifted(pairs: Pair, places: int) -> Pair:
    """States moved up (places > 0) or down, with −∞ where none comes from."""
    moved = []
    for part, filling in zip(pairs, (-np.inf, 0.0)):
        result = np.full_like(part, filling)
        if places > 0:
            result[:, places:] = part[:, :-places]
        else:
            result[:, :places] = part[:, -places:]
        moved.append(result)
    return Pair(*moved)


def _forward(lattice: _Lattice) -> tuple[list[Pair], Pair]:
    """Forward variables at each time, the emission included, and the log probability of the labels."""
    samples, count = lattice.states.shape
    dtype = lattice.emissions.high.dtype
    position = np.arange(count)
    end = 2 * lattice.label_length[:, None]
    # Before the first step a path stands before the first state: it may enter the first blank or the first label.
    start = _chosen((position < 2) & (position <= end), pair(np.zeros((samples, count), dtype)), -np.inf)
    alphas: list[Pair] = []
    current = pair(np.full((samples, count), -np.inf, dtype))
    for time in range(lattice.emissions.high.shape[1]):
        if time == 0:
            arriving = start
        else:
            arriving = _log_add(current, _step(current, 1), _chosen(lattice.skips, _step(current, 2), -np.inf))
        emitted = Pair(lattice.emissions.high[:, time], lattice.emissions.low[:, time])
        moved = _chosen(position <= end, add(arriving, emitted), -np.inf)
        current = moved.where((time < lattice.input_length)[:, None], current)
        alphas.append(current)
    last = _chosen(position == end, current, -np.inf)
    before_last = _chosen(position == end - 1, current, -np.inf)
    finish = _log_add(_largest(last), _largest(before_last))
    # Without a step there is one path if there is no label, and none otherwise.
    nothing = pair(np.where(lattice.label_length == 0, 0, -np.inf).astype(dtype))
    return alphas, nothing.where(lattice.input_length == 0, finish)


def _step(pairs: Pair, places: int) -> Pair:
    if pairs.high.shape[1] <= abs(places):
        return Pair(np.full_like(pairs.high, -np.inf), np.zeros_like(pairs.low))
    return _shifted(pairs, places)


def _largest(pairs: Pair) -> Pair:
    """The largest number of each row."""
    place = _place_of_largest(pairs.high, pairs.low, 1)[:, None]
    return Pair(*(np.take_along_axis(part, place, axis=1)[:, 0] for part in pairs))


def _occupancy(lattice: _Lattice, classes: int) -> tuple[np.ndarray, Pair]:
    """The probability, given the labels, of each class at each time; and the log probability of the labels."""
    samples, count = lattice.states.shape
    steps = lattice.emissions.high.shape[1]
    dtype = lattice.emissions.high.dtype
    alphas, logarithm = _forward(lattice)
    position = np.arange(count)
    end = 2 * lattice.label_length[:, None]
    last = pair(np.where((position == end) | (position == end - 1), 0, -np.inf).astype(dtype))
    occupancy = np.zeros((samples, steps, classes), dtype)
    following = last
    skips_out = np.zeros_like(lattice.skips)
    skips_out[:, :-2] = lattice.skips[:, 2:]
    rows = np.arange(samples)[:, None]
    for time in range(steps - 1, -1, -1):
        if time + 1 < steps:
            emitted = Pair(lattice.emissions.high[:, time + 1], lattice.emissions.low[:, time + 1])
            onward = _chosen(position <= end, add(following, emitted), -np.inf)
            leaving = _log_add(onward, _step(onward, -1), _chosen(skips_out, _step(onward, -2), -np.inf))
            following = leaving.where((time + 1 < lattice.input_length)[:, None], last)
        paths = add(alphas[time], following)
        # Divided by their own sum, which is the probability of the labels at every time: what is nearly 1 stays so.
        top = _largest(paths)
        base = Pair(np.where(np.isneginf(top.high), 0, top.high).astype(dtype)[:, None], top.low[:, None])
        shares = exponential(add(paths, Pair(*(np.broadcast_to(-part, paths.high.shape) for part in base)))).pair().high
        shares = shares / total(shares)[:, None]
        shares = np.where((time < lattice.input_length)[:, None], shares, 0).astype(dtype)
        np.add.at(occupancy[:, time], (rows, lattice.states), shares)
    return occupancy, logarithm


def _flat(x: np.ndarray) -> np.ndarray:
    """All samples in one dimension."""
    return np.ascontiguousarray(x).reshape(-1, *x.shape[-2:])


def _loss(common: np.ndarray, logarithm: Pair) -> np.ndarray:
    """Σ over time of what all paths have in common, minus the logarithm of what the paths add up to."""
    whole = total(common)
    # What goes up and what comes down may be infinite at once where no path is left: that is for the paths to say.
    return np.where(np.isneginf(logarithm.high), np.inf, (whole - logarithm.high) - logarithm.low).astype(whole.dtype)


def _spoilt(slope: np.ndarray, lattice: _Lattice, loss: np.ndarray) -> np.ndarray:
    """NaN for every frame that counts of a sample whose loss is NaN, and 0 for frames that do not count."""
    within = np.arange(slope.shape[1])[:, None] < lattice.input_length[:, None, None]
    number = np.where(np.isnan(loss)[:, None, None], slope.dtype.type(np.nan), slope)
    return np.where(within, number, slope.dtype.type(0))


# --- of log probabilities -------------------------------------------------------------------------------------------------


def _divisor(arrays: Arrays, options: Options, like: np.ndarray) -> np.ndarray:
    length = np.maximum(arrays["label_length"], 1).astype(like.dtype)
    return length if options["normalise"] else np.ones_like(length)


def _ctc(arrays: Arrays, options: Options) -> np.ndarray:
    logarithms = arrays["log_probabilities"]
    lattice = _lattice(_flat(logarithms), arrays, options["blank"])
    loss = _loss(-lattice.reference, _forward(lattice)[1]).reshape(logarithms.shape[:-2])
    if options["zero_infinity"]:
        loss = np.where(np.isposinf(loss), 0, loss).astype(loss.dtype)
    return loss / _divisor(arrays, options, loss)


def _ctc_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    logarithms = arrays["log_probabilities"]
    lattice = _lattice(_flat(logarithms), arrays, options["blank"])
    occupancy, logarithm = _occupancy(lattice, logarithms.shape[-1])
    seed = cotangent / _divisor(arrays, options, cotangent)
    loss = _loss(-lattice.reference, logarithm)
    slope = _spoilt(-occupancy * seed.reshape(-1)[:, None, None], lattice, loss)
    if options["zero_infinity"]:
        slope = np.where(np.isposinf(loss)[:, None, None], 0, slope).astype(slope.dtype)
    return {"log_probabilities": slope.reshape(logarithms.shape)}


# --- of logits ------------------------------------------------------------------------------------------------------------


def _softened(arrays: Arrays) -> tuple[np.ndarray, Softmax]:
    """Logits, zeros beyond a sample's end, and their softmax."""
    logits = _flat(arrays["logits"])
    late = np.arange(logits.shape[1])[:, None] >= arrays["input_length"].reshape(-1)[:, None, None]
    kept = np.where(late, logits.dtype.type(0), logits)
    return kept, softmax(kept)


def _common(lattice: _Lattice, parts: Softmax) -> np.ndarray:
    """At each time minus the log probability of the likeliest state; 0 where all are impossible, or beyond the end."""
    surprise = parts.surprise.plain()
    of_states = np.take_along_axis(surprise, _spread_states(lattice.states, surprise.shape[1]), axis=2).min(axis=2)
    late = np.arange(surprise.shape[1]) >= lattice.input_length[:, None]
    return np.where(late, surprise.dtype.type(0), of_states)


def _ctc_with_logits(arrays: Arrays, options: Options) -> np.ndarray:
    logits, parts = _softened(arrays)
    lattice = _lattice(logits, arrays, options["blank"])
    return _loss(_common(lattice, parts), _forward(lattice)[1]).reshape(arrays["logits"].shape[:-2])


def _ctc_with_logits_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    """p − occupancy: at each time the gradient of a cross entropy whose target is the occupancy."""
    logits, parts = _softened(arrays)
    lattice = _lattice(logits, arrays, options["blank"])
    occupancy, logarithm = _occupancy(lattice, logits.shape[-1])
    seeds = np.broadcast_to(cotangent.reshape(-1)[:, None], occupancy.shape[:2])
    slope = cross_entropy_gradient(parts, occupancy, seeds)
    loss = _loss(_common(lattice, parts), logarithm)
    return {"logits": _spoilt(slope, lattice, loss).reshape(arrays["logits"].shape)}


CORES: Mapping[str, Core] = {
    "ctc": Core(_ctc, _ctc_gradient),
    "ctc_with_logits": Core(_ctc_with_logits, _ctc_with_logits_gradient),
}
