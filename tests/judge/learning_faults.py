"""The planted faults of learnt parameters and of training, and the rules under which each must be found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.toy import Fault
from tests.toy_learning import evenly

Floats = NDArray[np.float64]

RANDOM = ("training.moments", "training.independence", "training.support", "gradient.training")


def _terms(x: Floats, cotangent: Floats) -> Floats:
    return np.where(x >= 0, 0.0, x * cotangent)


def _summed(terms: Floats, count: int, axis: int = 1) -> Floats:
    if count == 1:
        return np.array([terms.sum()])
    sums: Floats = np.moveaxis(terms, axis, 0).reshape(terms.shape[axis], -1).sum(axis=1)
    return sums


def _right(x: Floats, cotangent: Floats, count: int) -> Floats:
    return _summed(_terms(x, cotangent), count)


def _without_cotangent(x: Floats, cotangent: Floats, count: int) -> Floats:
    return _right(x, np.ones_like(cotangent), count)


def _wrong_axis(x: Floats, cotangent: Floats, count: int) -> Floats:
    """Sums along the last axis but one and leaves the first: right for tensors of rank 1 and for one number."""
    terms = _terms(x, cotangent)
    return (
        _summed(terms, count)
        if count == 1 or x.shape[0] == 1
        else np.resize(terms.ravel(), (len(terms) * 3,))[:count] * 5
    )


def _zero_at_infinity(x: Floats, cotangent: Floats, count: int) -> Floats:
    return _right(np.where(np.isinf(x), 0.0, x), cotangent, count)


def _nan_dropped(x: Floats, cotangent: Floats, count: int) -> Floats:
    return _right(np.where(np.isnan(x), 0.0, x), cotangent, count)


def _summed_in_bfloat16(x: Floats, cotangent: Floats, count: int) -> Floats:
    """One after the other, rounding to 8 bits on the way: what a careless kernel loses."""
    terms = (
        np.moveaxis(_terms(x, cotangent), 1, 0).reshape(x.shape[1], -1)
        if count > 1
        else _terms(x, cotangent).reshape(1, -1)
    )
    total = np.zeros(len(terms))
    for column in terms.T:
        mantissa, exponent = np.frexp(total + column)
        total = np.ldexp(np.round(mantissa * 256) / 256, exponent)
    return total


def _one_slope(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    return np.full(x.shape, generator.uniform(low, high))


def _middle(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    return np.full(x.shape, (low + high) / 2)


def _too_wide(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    return generator.uniform(low, high + 0.01, size=x.shape)


def _triangular(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    """The right mean, and half of the variance."""
    return (evenly(generator, x, low, high) + evenly(generator, x, low, high)) / 2


def _two_points(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    """The right mean and the right variance, and no other slope in between."""
    half = (high - low) / np.sqrt(12)
    slopes: Floats = (low + high) / 2 + half * generator.choice(np.array([-1.0, 1.0]), size=x.shape)
    return slopes


def _in_pairs(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    return np.repeat(evenly(generator, x[: (len(x) + 1) // 2], low, high), 2)[: len(x)]


def _always_the_same(generator: np.random.Generator, x: Floats, low: float, high: float) -> Floats:
    return evenly(np.random.default_rng(7), x, low, high)


def _mean_slope(slopes: Floats, low: float, high: float) -> Floats:
    return np.full(slopes.shape, (low + high) / 2)


LEARNING_FAULTS = (
    # name, functions, the rules under which it must be found, those under which it may show too, and what is spoilt
    Fault("slope gradient without its cotangent", ("prelu",), ("gradient.slope",), learns=_without_cotangent),
    Fault("slope gradient summed over the wrong axis", ("prelu",), ("gradient.slope",), learns=_wrong_axis),
    Fault("slope gradient is 0 at -inf", ("prelu",), ("gradient.slope",), learns=_zero_at_infinity),
    Fault("slope gradient drops NaN", ("prelu",), ("gradient.slope",), learns=_nan_dropped),
    Fault("slope gradient summed in bfloat16", ("prelu",), ("gradient.slope",), learns=_summed_in_bfloat16),
    Fault("slope gradient has another shape", ("prelu",), ("gradient.slope.dtype",), gradient_shape=(1, 1)),
    Fault("a text accepted as a slope", ("prelu",), ("errors.parameter_type",), accepts=("parameter_type",)),
    Fault("slopes from outside", ("rrelu",), ("training.support",), RANDOM, draws=_too_wide),
    Fault("the middle slope in training", ("rrelu",), ("training.moments", "training.independence"), draws=_middle),
    Fault("one slope for all elements", ("rrelu",), ("training.moments", "training.independence"), draws=_one_slope),
    Fault("slopes of half the variance", ("rrelu",), ("training.moments",), draws=_triangular),
    Fault("two slopes only", ("rrelu",), ("training.moments", "training.independence"), draws=_two_points),
    Fault("neighbours share a slope", ("rrelu",), ("training.independence",), ("training.moments",), draws=_in_pairs),
    Fault("every call draws the same", ("rrelu",), ("training.independence",), draws=_always_the_same),
    Fault("gradient with the mean slope", ("rrelu",), ("gradient.training",), reports=_mean_slope),
    Fault("seed ignored", ("rrelu",), ("training.seed",), ignores_seed=True),
)  # fmt: skip
