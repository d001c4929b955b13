"""How far an observation is from the truth, in units in the last place of the truth.

Knows formats and true numbers; knows no function, no framework and no bar. Nothing in here overflows or underflows on
its way: all is scaled by powers of two before it is subtracted.

|y − t| / ulp(t) is fractional, against the real number t, with ulp(t) = 2^(max(⌊log2|t|⌋, emin) − p + 1).
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format, values

from .reals import FINITE, INFINITE, KINDS, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO, Reals

Floats: TypeAlias = "NDArray[np.float64]"

BLOCK = 1 << 14
"""Rows handled at once, so that intermediate arrays stay in the processor's cache."""

LARGEST_ERROR = float(np.finfo(np.float64).max)
"""What an error too large for a float64 counts as; infinity is kept for NaN and the like, which have no distance."""


def error(observed: Bits, format: Format, truth: Reals) -> Floats:
    """|y − t| / ulp(t) of every row, shape (n,), in ULP.

    An observed infinity counts as 2^(emax+1), and as no error where the truth rounds to it or is the same infinity.
    Zeros, underflows included, are measured in units of the smallest subnormal; their sign is not looked at. A NaN
    where a number is due, a number where a NaN is due, and a number where an infinity is the truth: inf. NaN for NaN:
    0. Where the truth is UNDECIDED or UNDEFINED there is no error: NaN.
    """
    result = np.empty(len(truth))
    with np.errstate(all="ignore"):
        for start in range(0, len(truth), BLOCK):
            rows = slice(start, start + BLOCK)
            result[rows] = _error(values(observed[rows], format), format, truth.take(rows))
    return result


def _error(numbers: Floats, format: Format, truth: Reals) -> Floats:
    one = np.int32(format.precision - 1)
    unit = np.maximum(truth.exponent, np.int32(format.emin))
    unit -= one
    shift = truth.exponent - unit
    distance = _scaled(numbers, -unit, format)
    distance -= truth.mantissa * _power_of_two(shift)
    if format.precision > 24:
        distance -= truth.tail * _power_of_two(shift)
    np.abs(distance, out=distance)
    if not np.isfinite(distance).all():
        _mend_special(distance, numbers, format, truth, unit)
    others = truth.kind != FINITE
    if others.any():
        distance[others] = _error_of_others(numbers[others], format, truth.take(others))
    return distance


def _mend_special(distance: Floats, numbers: Floats, format: Format, truth: Reals, unit: NDArray[np.int32]) -> None:
    """Where the truth is finite: errors of NaN and infinities, and of numbers too far away for a float64."""
    distance[np.isnan(numbers)] = np.inf
    distance[np.isfinite(numbers)] = np.minimum(distance[np.isfinite(numbers)], LARGEST_ERROR)
    at = np.nonzero(np.isinf(numbers))[0]
    some, units = truth.take(at), unit[at]
    stands_for = np.ldexp(np.sign(numbers[at]), format.emax + 1 - units)
    shift = some.exponent - units
    far = np.abs(stands_for - np.ldexp(some.mantissa, shift) - np.ldexp(some.tail, shift))
    right = _rounds_to_infinity(format, some) & (np.sign(numbers[at]) == np.sign(some.mantissa))
    distance[at] = np.where(right, 0.0, np.minimum(far, LARGEST_ERROR))


def _rounds_to_infinity(format: Format, truth: Reals) -> NDArray[np.bool_]:
    """|t| ≥ 2^emax · (2 − 2^−p), for finite truths."""
    largest = 2.0 - 2.0 ** (1 - format.precision)
    excess: Floats = (np.abs(truth.mantissa) - largest) + truth.tail * np.sign(truth.mantissa)
    at_top: NDArray[np.bool_] = (truth.exponent == format.emax) & (excess >= 2.0**-format.precision)
    above: NDArray[np.bool_] = truth.exponent > format.emax
    return above | at_top


def _error_of_others(numbers: Floats, format: Format, truth: Reals) -> Floats:
    kind = truth.kind
    result = np.full(len(kind), np.nan)
    nan = np.isnan(numbers)
    small = (kind == ZERO) | (kind == UNDERFLOW)
    units = np.ldexp(np.abs(numbers), format.precision - 1 - format.emin)
    top = 2.0 ** min(format.emax + format.precision - format.emin, 1023)
    units = np.where(np.isinf(numbers), top, np.minimum(units, LARGEST_ERROR))
    result[small] = np.where(nan, np.inf, units)[small]
    infinite = kind == INFINITE
    same = np.isinf(numbers) & (numbers * truth.mantissa >= 0)
    same |= np.isinf(numbers) & (truth.mantissa == 0)
    result[infinite] = np.where(same, 0.0, np.inf)[infinite]
    result[kind == NAN] = np.where(nan, 0.0, np.inf)[kind == NAN]
    return result


def _scaled(numbers: Floats, powers: NDArray[np.int32], format: Format) -> Floats:
    """numbers · 2^powers. What falls below float64 on the way down is far below the number it is compared with."""
    if format.precision <= 24:
        return numbers * _power_of_two(np.maximum(powers, np.int32(-1000)))
    powers = np.maximum(powers, np.int32(-2000))
    half = powers >> np.int32(1)
    return numbers * _power_of_two(half) * _power_of_two(powers - half)


def _power_of_two(powers: NDArray[np.int32]) -> Floats:
    """2^powers by writing the exponent's bits (several times faster than ldexp); −1022 ≤ powers ≤ 1023."""
    return ((powers.astype(np.int64) + 1023) << 52).view(np.float64)


def rounded(truth: Reals, format: Format) -> Bits:
    """The truth rounded once to nearest, ties to even: what a perfect implementation returns; shape (n,).

    Zeros are +0, underflows have the zero of their sign, and NAN, UNDECIDED and UNDEFINED the quiet NaN.
    """
    result = np.empty(len(truth), dtype=format.bits_type)
    with np.errstate(all="ignore"):
        for start in range(0, len(truth), BLOCK):
            rows = slice(start, start + BLOCK)
            result[rows] = _rounded(truth.take(rows), format)
    return result


def _rounded(truth: Reals, format: Format) -> Bits:
    base = np.clip(truth.exponent, np.int32(format.emin), np.int32(format.emax))
    scale = _power_of_two(np.clip(truth.exponent - base, -100, 0) + np.int32(format.precision - 1))
    units = np.abs(truth.mantissa) * scale
    whole = np.floor(units)
    # Subtracting is exact, and the sign of a floating-point sum is right: the tail decides what is only nearly a tie.
    over = (units - whole) - 0.5
    if format.precision > 24:
        over += truth.tail * np.sign(truth.mantissa) * scale
    places = whole.astype(np.int64)
    odd = (places & 1) == 1
    # A negative tail reaches half a unit below a whole number at most, where over = −1 is the tie.
    step = ((over > 0) | ((over == 0) & odd)).astype(np.int64) - ((over == -1.0) & odd)
    places += step + ((base - np.int32(format.emin)).astype(np.int64) << (format.precision - 1))
    np.minimum(places, format.infinity, out=places)
    places[truth.exponent > format.emax] = format.infinity
    if (truth.kind != FINITE).any():
        kind = truth.kind
        places[(kind == ZERO) | (kind == UNDERFLOW)] = 0
        places[kind == INFINITE] = format.infinity
        places[kind >= NAN] = format.quiet_nan
    magnitude: Bits = places.astype(format.bits_type)
    magnitude[truth.mantissa < 0] |= format.bits_type.type(format.sign_bit)
    return magnitude


def correctly_rounded(observed: Bits, format: Format, truth: Reals) -> NDArray[np.bool_]:
    """Whether each observation is the truth rounded once to nearest even; shape (n,).

    Any zero will do for a zero (its sign has rules of its own) and any NaN for a NaN. Where the truth is UNDECIDED or
    UNDEFINED nothing is.
    """
    due = values(rounded(truth, format), format)
    numbers = values(observed, format)
    same: NDArray[np.bool_] = (numbers == due) | (np.isnan(numbers) & np.isnan(due))
    known: NDArray[np.bool_] = (truth.kind != UNDECIDED) & (truth.kind != UNDEFINED)
    either: NDArray[np.bool_] = (truth.kind == INFINITE) & (truth.mantissa == 0) & np.isinf(numbers)
    right: NDArray[np.bool_] = (same | either) & known
    return right


def ulp_exponent(truth: Reals, format: Format) -> NDArray[np.int32]:
    """k with ulp(t) = 2^k; that of the smallest subnormal for zeros, and for what has no digits."""
    exponent = np.where(truth.kind == FINITE, truth.exponent, np.int32(format.emin))
    return (np.maximum(exponent, np.int32(format.emin)) - np.int32(format.precision - 1)).astype(np.int32)


def argument_ulps(bits: Bits, format: Format, slope: Reals, truth: Reals) -> Floats:
    """ulp(x) · |slope| / ulp(t): what one unit in the last place of x is worth in the result; shape (n,), in ULP.

    `slope` is the next derivative at x, `truth` the number under test. 0 where the slope is zero, underflows, or is
    not defined, at x = ±∞ and NaN, and where the truth is no number; inf where it is too large for a float64.
    """
    result = np.empty(len(truth))
    with np.errstate(all="ignore"):
        for start in range(0, len(truth), BLOCK):
            rows = slice(start, start + BLOCK)
            result[rows] = _argument_ulps(bits[rows], format, slope.take(rows), truth.take(rows))
    return result


def _argument_ulps(bits: Bits, format: Format, slope: Reals, truth: Reals) -> Floats:
    biased = (bits >> format.bits_type.type(format.mantissa_bits)) & format.bits_type.type(2 * format.emax + 1)
    # ulp(x) = 2^(biased − emax − p + 1), and so is ulp(t) with its own exponent: p cancels.
    argument = np.maximum(biased.astype(np.int64), 1) - format.emax
    result_exponent = np.where(truth.kind == FINITE, truth.exponent, np.int32(format.emin))
    power = slope.exponent + argument - np.maximum(result_exponent, np.int32(format.emin))
    power = np.clip(power, -2000, 2000)
    half = power >> 1
    worth = np.abs(slope.mantissa) * _power_of_two(half) * _power_of_two(power - half)
    special = biased == 2 * format.emax + 1
    none = special | (slope.kind != FINITE) | (truth.kind == INFINITE) | (truth.kind >= NAN)
    if none.any():
        worth[none] = 0.0
        worth[(slope.kind == INFINITE) & ~special & (truth.kind < INFINITE)] = np.inf
    return worth


def absolute_error(observed: Bits, format: Format, truth: Reals) -> Floats:
    """|y − t| of every row, shape (n,); as in `error`, an infinity counts as 2^(emax+1), and inf and NaN mean the same.

    A finite error too large for a float64 is its largest number.
    """
    far = error(observed, format, truth)
    with np.errstate(all="ignore"):
        distance = np.ldexp(far, ulp_exponent(truth, format))
    return np.where(np.isfinite(far), np.minimum(distance, LARGEST_ERROR), far)


def absolute_of(far: float, format: Format, truth: Reals, index: int) -> float:
    """`absolute_error` of one row, whose error in ULP is known to be `far`."""
    if not math.isfinite(far):
        return far
    exponent = max(int(truth.exponent[index]) if truth.kind[index] == FINITE else format.emin, format.emin) - (
        format.precision - 1
    )
    try:
        return min(math.ldexp(far, exponent), LARGEST_ERROR)
    except OverflowError:
        return LARGEST_ERROR


def decimal(truth: Reals, index: int, digits: int = 17) -> str:
    """One true number for people: `-0.16997120747`, `1.5e-4321`, `-0 (underflows)`, `-inf`, `nan`.

    At most `digits` significant digits, trailing zeros dropped. A number kept as a single float64 is shown by the
    shortest decimal that reads back as that.
    """
    kind, mantissa = int(truth.kind[index]), float(truth.mantissa[index])
    tail, exponent = float(truth.tail[index]), int(truth.exponent[index])
    if kind == FINITE:
        context = Context(prec=digits + 30, Emax=MAX_EMAX, Emin=MIN_EMIN)
        significand = context.add(Decimal(mantissa), Decimal(tail))
        if tail == 0 and abs(exponent) < 1000 and digits >= 17:
            exact = Decimal(repr(mantissa * 2.0**exponent))
        else:
            exact = context.multiply(significand, context.power(Decimal(2), exponent))
        return _written(Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN).plus(exact))
    sign = "-" if mantissa < 0 else ""
    if kind == ZERO:
        return "0"
    if kind == UNDERFLOW:
        return f"{sign}0 (underflows)"
    if kind == INFINITE:
        return f"{sign}inf"
    return KINDS[kind]


def _written(number: Decimal) -> str:
    """Positional where that is short, with an exponent elsewhere."""
    sign, all_digits, _ = number.as_tuple()
    text = "".join(map(str, all_digits)).rstrip("0") or "0"
    place = number.adjusted()
    minus = "-" if sign else ""
    if -5 <= place < 0:
        return f"{minus}0.{'0' * (-place - 1)}{text}"
    if 0 <= place < 17:
        whole, rest = text[: place + 1].ljust(place + 1, "0"), text[place + 1 :]
        return f"{minus}{whole}.{rest}" if rest else f"{minus}{whole}"
    return f"{minus}{text[0]}{'.' + text[1:] if text[1:] else ''}e{place:+03d}"
