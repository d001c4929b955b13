"""From balls to rows of true numbers: when an enclosure is narrow enough to judge by, and what is kept of it.

Knows balls and formats; knows no function and no observation.

An enclosure is *certain* for a format when its radius is at most 2^−20 of max(ulp of the number, smallest subnormal)
and it contains no midpoint between two numbers of the format, unless it is that midpoint exactly. The second half is
what makes "correctly rounded" a proof: without it a tie such as gelu(x) ≈ x/2 among the subnormals would be decided by
the oracle's own rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ldexp
from typing import TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from conformance.formats import Format

from .reals import FINITE, INFINITE, UNDERFLOW, ZERO, Reals, unknown

CERTAIN_BITS = 21
"""A radius below 2^−this ulp is certain; one bit more than asked, because the exponent is taken from the midpoint."""

SIGN_OPEN = 2
"""Declared sign of an underflow at a place where nothing is declared: the sign has to be proved."""

LARGEST_EXPONENT = 1 << 30
"""Numbers beyond 2^this count as infinite: no format comes near, and exponents have to fit in 32 bits."""

_ASTRONOMICAL = -(1 << 20)
"""A ball around zero whose radius is below 2^this comes from e^(−huge): more precision would not show its sign."""

_FAST_BITS = {False: 57, True: 110}
"""Relative accuracy in bits that needs no closer look: beyond what one (two) float64 numbers hold of it."""

_FAST_EXPONENT = 1000
"""Numbers in 2^±this are handled as float64 arrays; others, one by one, as integers."""

_SMALLEST_TAIL = 2.0**-1000

Row: TypeAlias = "tuple[int, float, float, int]"
"""Kind, mantissa, tail, exponent."""


@dataclass(frozen=True)
class Column:
    """Rows so far of one order of derivative; `open` lists those that need more precision."""

    reals: Reals
    open: NDArray[np.int64]


@cache
def _halves_of_smallest(format: Format) -> tuple[arb, arb]:
    return arb((1, format.emin - format.precision)), arb((-1, format.emin - format.precision))


def has_tail(format: Format) -> bool:
    """Whether one float64 is too short to hold the truth of this format with certainty."""
    return format.precision > 24


def column(balls: list[arb], format: Format, signs: NDArray[np.int8], final: bool) -> Column:
    """Rows of the numbers in `balls` (n of them), at the precision at which they were computed.

    `signs` (n) holds the declared sign of an underflow (−1, 0 for free, +1, or SIGN_OPEN). `final` says that there will
    be no more precision: what is certain but for its tie or its sign is then taken as it is.
    """
    n = len(balls)
    double = has_tail(format)
    head = np.array([float(ball) for ball in balls], dtype=np.float64)
    accuracy = np.array([ball.rel_accuracy_bits() for ball in balls], dtype=np.int64)
    with np.errstate(all="ignore"):
        fraction, exponent = np.frexp(np.abs(head))
        mantissa = fraction * 2.0
        exponent = exponent.astype(np.int64) - 1
        fast = np.isfinite(head) & (head != 0) & (np.abs(exponent) <= _FAST_EXPONENT) & (accuracy >= _FAST_BITS[double])
        # In units of the last place: halves are midpoints between numbers of the format.
        shift = np.where(fast, np.minimum(exponent - format.emin, 0) + format.precision - 1, 0)
        units = np.ldexp(mantissa, shift)
        beyond = units - np.floor(units) - 0.5
        tail = np.zeros(n)
        if double:
            rest = [
                float(ball - top) if ok else 0.0
                for ball, top, ok in zip(balls, head.tolist(), fast.tolist(), strict=True)
            ]
            tail = np.ldexp(np.copysign(1.0, head) * np.array(rest, dtype=np.float64), np.where(fast, -exponent, 0))
            beyond = beyond + np.ldexp(tail, shift)
        underflows = fast & (units < 0.25)
        # A power of two or a midpoint, to the last bit that is kept: on which side of it the number lies needs a proof.
        fast &= underflows | ((mantissa != 1.0) & (beyond != 0) & (beyond != -1))
        underflows |= fast & (units < 0.5)
    sign = np.copysign(1.0, head)
    rows = unknown(n)
    finite = fast & ~underflows
    rows.kind[finite] = FINITE
    rows.kind[underflows] = UNDERFLOW
    rows.mantissa[finite] = (sign * mantissa)[finite]
    rows.mantissa[underflows] = sign[underflows]
    rows.tail[finite] = (sign * tail)[finite]
    rows.exponent[finite] = exponent[finite]
    still_open = []
    for index in np.nonzero(~fast)[0].tolist():
        row = settle(balls[index], format, int(signs[index]), final)
        if row is None:
            still_open.append(index)
        else:
            rows.kind[index], rows.mantissa[index], rows.tail[index], rows.exponent[index] = row
    return Column(rows, np.array(still_open, dtype=np.int64))


def settle(ball: arb, format: Format, declared_sign: int, final: bool) -> Row | None:
    """The row of one number, or None where its enclosure is not certain; arguments as for `column`."""
    if ball.is_zero():
        return ZERO, 0.0, 0.0, 0
    half, minus_half = _halves_of_smallest(format)
    if minus_half < ball < half:
        return _underflow(ball, declared_sign, final)
    if not ball.is_finite():
        return None
    sign = 1 if ball > 0 else -1 if ball < 0 else 0
    if sign == 0:
        return None
    middle, lowest = _integers(ball.mid())
    radius, radius_lowest = _integers(ball.rad())
    middle = abs(middle)
    top = middle.bit_length() + lowest - 1
    if top > LARGEST_EXPONENT:
        return INFINITE, float(sign), 0.0, 0
    quantum = max(top, format.emin) - format.precision + 1
    if radius and radius.bit_length() + radius_lowest > quantum - CERTAIN_BITS:
        return None
    unit = min(lowest, quantum - 1) - 8
    middle <<= lowest - unit
    if radius:
        shift = radius_lowest - unit
        radius = radius << shift if shift >= 0 else (radius >> -shift) + 1
        power = 1 << (top - unit)
        midpoint = 1 << (quantum - 1 - unit)
        step = 2 * midpoint
        # Midpoints first: half the smallest subnormal is one, and a power of two besides.
        if abs(middle % step - midpoint) <= radius:
            if not final:
                return None
            middle = middle - middle % step + midpoint
        elif middle - radius < power:
            middle = power
        elif middle + radius >= 2 * power:
            middle = 2 * power
        top = middle.bit_length() - 1 + unit
    mantissa, tail = _two_floats(middle, has_tail(format))
    return FINITE, sign * mantissa, sign * tail, top


def _underflow(ball: arb, declared_sign: int, final: bool) -> Row | None:
    if ball > 0:
        return UNDERFLOW, 1.0, 0.0, 0
    if ball < 0:
        return UNDERFLOW, -1.0, 0.0, 0
    if declared_sign != SIGN_OPEN:
        return UNDERFLOW, float(declared_sign), 0.0, 0
    if final or int(ball.rad().man_exp()[1]) < _ASTRONOMICAL:
        return UNDERFLOW, 0.0, 0.0, 0
    return None


def _integers(number: arb) -> tuple[int, int]:
    """Integers m and e with number = m · 2^e."""
    mantissa, exponent = number.man_exp()
    return int(mantissa), int(exponent)


def _two_floats(number: int, with_tail: bool) -> tuple[float, float]:
    """Leading 53 bits of a positive integer as a number in [1, 2), and the rest in the same unit.

    What does not fit leaves a one in the last bit (rounding to odd), so that no number moves onto a midpoint.
    """
    cut = number.bit_length() - 53
    if cut <= 0:
        return ldexp(number << -cut, -52), 0.0
    head, rest = number >> cut, number & ((1 << cut) - 1)
    if not with_tail:
        return ldexp(head | (rest != 0), -52), 0.0
    if rest == 0:
        return ldexp(head, -52), 0.0
    drop = rest.bit_length() - 53
    if drop > 0:
        rest = (rest >> drop | ((rest & ((1 << drop) - 1)) != 0)) << drop
        tail = ldexp(rest >> drop, drop - cut - 52)
    else:
        tail = ldexp(rest, -cut - 52)
    return ldexp(head, -52), max(tail, _SMALLEST_TAIL)
