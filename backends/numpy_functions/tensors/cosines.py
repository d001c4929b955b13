"""Cosines of vectors along the last axis, and their derivatives: accurate too where two vectors nearly have one direction.

Knows no loss.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..arithmetic import below
from .scaled import Scaled, product, scale, times
from .sums import total


class Unit(NamedTuple):
    """A vector divided by its length, and the length; a length raised to a floor is marked. `lack` is what the square of the
    direction's length is less than one, if something was added to that of the vector."""

    direction: np.ndarray
    length: Scaled
    floored: np.ndarray
    lack: np.ndarray


def unit(x: np.ndarray, floor: float, added: float = 0.0) -> Unit:
    """Vectors along the last axis over max(√(length² + added²), floor); a zero vector without either gives NaN."""
    even = _even(x)
    length = product(np.sqrt(total(np.square(even.fraction))), Scaled(np.ones_like(x[..., 0]), even.exponent[..., 0]))
    lack = np.zeros_like(length.fraction)
    if added:
        more = scale(np.full_like(length.fraction, added))
        length = _hypotenuse(length, more)
        lack = np.square(times(more, over=(length,)))
    floored = _below(length, floor)
    length = scale(np.full_like(length.fraction, floor)).where(floored, length)
    return Unit(times(x, over=(length.spread(),)), length, floored, lack)


def _hypotenuse(one: Scaled, other: Scaled) -> Scaled:
    exponent = np.maximum(one.exponent, other.exponent)
    sides = (np.ldexp(side.fraction, side.exponent - exponent) for side in (one, other))
    return Scaled(np.hypot(*sides), exponent)


def _even(x: np.ndarray) -> Scaled:
    """Vectors with one exponent each, so that the squares of their components neither overflow nor vanish all."""
    largest = np.abs(x).max(axis=-1, keepdims=True, initial=0)
    exponent = scale(largest).exponent
    return Scaled(np.ldexp(x, -exponent), exponent)


def _below(length: Scaled, floor: float) -> np.ndarray:
    return below(length.plain(), floor)


class Cosine(NamedTuple):
    """The cosine of two vectors and 1 − |cosine|, the unit vectors, and whether a floor of the product was reached."""

    value: np.ndarray
    missing: np.ndarray
    first: Unit
    second: Unit
    product_floored: np.ndarray


def cosine(first: np.ndarray, second: np.ndarray, epsilon: float, floor: str) -> Cosine:
    """The cosine, its denominator kept above epsilon: `each` length, the `product` of lengths, or each `square_sum`; or with
    epsilon `added` to each sum of squares."""
    each = {"each": epsilon, "square_sum": math.sqrt(epsilon), "product": 0.0, "added": 0.0}[floor]
    one, other = (unit(x, each, math.sqrt(epsilon) if floor == "added" else 0.0) for x in (first, second))
    # Rounding both directions may bring it above 1, where it has no angle.
    value = np.clip(total(one.direction * other.direction), -1, 1)
    product_floored = np.zeros(value.shape, bool)
    sign = np.where(value < 0, -1, 1).astype(value.dtype)
    # Half the squared distance of the two directions: where they are nearly the same, 1 − cosine would lose all digits.
    apart = (total(np.square(one.direction - sign[..., None] * other.direction)) + (one.lack + other.lack)) / 2
    missing = np.where((np.abs(value) > 0.5) & ~one.floored & ~other.floored, apart, 1 - np.abs(value))
    if floor == "product" and epsilon > 0:
        lengths = product(one.length, other.length)
        product_floored = below(lengths.plain(), epsilon)
        even, level = _even(first), _even(second)
        dot = total(even.fraction * level.fraction)
        small = times(
            dot, Scaled(np.ones_like(dot), (even.exponent + level.exponent)[..., 0]), over=(np.full_like(dot, epsilon),)
        )
        value = np.where(product_floored, small, value)
        missing = np.where(product_floored, 1 - np.abs(small), missing)
    return Cosine(value, missing, one, other, product_floored)


def cosine_gradient(
    first: np.ndarray, second: np.ndarray, parts: Cosine, epsilon: float, cotangent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The derivatives of the cosine in both vectors, times the cotangent."""
    seed = cotangent[..., None]
    sign = np.where(parts.value < 0, -1, 1).astype(cotangent.dtype)[..., None]
    slopes = []
    for own, other, others in (
        (parts.first, parts.second, second),
        (parts.second, parts.first, first),
    ):
        # d_other − cosine · d_own, where the directions are nearly the same (or opposite) from what they are apart.
        near = np.abs(parts.value)[..., None] > 0.5
        whole = other.direction - parts.value[..., None] * own.direction
        apart = (other.direction - sign * own.direction) + sign * parts.missing[..., None] * own.direction
        turned = np.where(own.floored[..., None], other.direction, np.where(near, apart, whole))
        slope = times(turned, seed, over=(own.length.spread(),))
        if parts.product_floored.any():
            constant = times(others, seed, over=(np.full_like(others, epsilon),))
            slope = np.where(parts.product_floored[..., None], constant, slope)
        slopes.append(slope)
    return slopes[0], slopes[1]
