"""Arrays of balls and small sums of them, for `tensors`: NumPy arrays of objects that NumPy must not look into.

Knows balls; knows no question and no function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from .tape import ZERO, magnitude

NO_NUMBER = arb("nan")


def array_of(balls: Sequence[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of these balls, in row-major order."""
    array = np.empty(len(balls), dtype=object)
    array[:] = balls
    return array.reshape(shape)


def balls_of(numbers: Any) -> NDArray[Any]:
    """Numbers as balls of radius 0, in their shape."""
    return array_of([arb(float(number)) for number in np.asarray(numbers).reshape(-1)], np.shape(numbers))


def stacked(rows: Sequence[Sequence[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    """Rows of balls, one after the other, as an array of this shape."""
    return array_of([number for row in rows for number in row], shape)


def flat(balls: NDArray[Any]) -> NDArray[Any]:
    """The balls in row-major order, shape (n,); NumPy makes a lone object of an array without dimensions."""
    return np.asarray(balls, dtype=object).reshape(-1)


def sizes(balls: NDArray[Any]) -> NDArray[Any]:
    """The magnitude of each ball."""
    return array_of([magnitude(ball) for ball in balls.reshape(-1)], balls.shape)


def summed(balls: NDArray[Any], axis: int) -> NDArray[Any]:
    """Sums along an axis; of nothing they are 0."""
    if balls.shape[axis] == 0:
        shape = tuple(size for place, size in enumerate(balls.shape) if place != axis % balls.ndim)
        return array_of([ZERO] * math.prod(shape), shape)
    return np.asarray(balls.sum(axis=axis), dtype=object)


def nested(numbers: Any) -> Any:
    """Lists of lists as tuples of tuples."""
    return tuple(nested(number) for number in numbers) if isinstance(numbers, list) else numbers


def folded(flat: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """What is in row-major order as tuples of tuples; the thing itself for a shape without dimensions."""
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return tuple(folded(flat[place * step : (place + 1) * step], shape[1:]) for place in range(shape[0]))


def unfolded(nested: Any, flat: list[Any]) -> tuple[int, ...]:
    """The inverse of `folded`: appends the leaves to `flat`, and gives the shape."""
    if not isinstance(nested, (tuple, list)):
        flat.append(nested)
        return ()
    shapes = [unfolded(part, flat) for part in nested]
    return (len(nested), *(shapes[0] if shapes else ()))


def inverse(count: int) -> arb:
    """1 / count; no number for 0."""
    return 1 / arb(count) if count else NO_NUMBER


def larger(a: arb, b: arb) -> arb:
    """The second of two if it is certainly larger, else the first."""
    return b if b > a else a


def product(change: arb, slope: arb) -> arb:
    """What a change is worth: nothing if there is none, even where the slope is infinite; and nothing if there is no slope."""
    return ZERO if change == 0 or slope == 0 else change * slope


def ulp_of(x: arb) -> arb:
    """ulp(x) in a format with ulp(1) = 1: the power of two at or below |x|; nothing for zero, infinities and NaN."""
    if x == 0 or not x.is_finite():
        return ZERO
    mantissa, exponent = x.mid().man_exp()
    return arb((1, int(exponent) + abs(int(mantissa)).bit_length() - 1))


def as_floats(balls: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Balls as mantissa · 2^exponent, by their middles; infinite where they are."""
    mantissas, exponents = np.zeros(len(balls)), np.zeros(len(balls), dtype=np.int32)
    for place, ball in enumerate(balls):
        if not ball.is_finite():
            mantissas[place] = np.inf
            continue
        number, exponent = ball.mid().man_exp()
        size = abs(int(number)).bit_length()
        if size:
            cut = max(size - 53, 0)
            mantissas[place] = math.ldexp(abs(int(number)) >> cut, cut - size)
            exponents[place] = max(min(int(exponent) + size, 1 << 30), -(1 << 30))
    return mantissas, exponents
