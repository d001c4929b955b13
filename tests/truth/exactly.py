"""Slow and exact: numbers of a format, true numbers and errors as fractions, typed out for tests to compare with."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np

from conformance.formats import Format
from conformance.truth.reals import FINITE, Reals


def number_of(bits: int, format: Format) -> Fraction | float:
    """The number that bits stand for, decoded by hand; infinities and NaN as floats."""
    mantissa_bits = format.precision - 1
    field = bits & ((1 << mantissa_bits) - 1)
    biased = (bits >> mantissa_bits) & (2 * format.emax + 1)
    sign = -1 if bits >> (format.width - 1) else 1
    if biased == 2 * format.emax + 1:
        return float("nan") if field else sign * float("inf")
    if biased == 0:
        return sign * field * Fraction(2) ** (format.emin - mantissa_bits)
    return sign * (field + (1 << mantissa_bits)) * Fraction(2) ** (biased - format.emax - mantissa_bits)


def binade(number: Fraction) -> int:
    """⌊log2|number|⌋."""
    size = abs(number)
    guess = size.numerator.bit_length() - size.denominator.bit_length()
    return guess if size >= Fraction(2) ** guess else guess - 1


def ulp(truth: Fraction, format: Format) -> Fraction:
    """ulp(t) = 2^(max(⌊log2|t|⌋, emin) − p + 1)."""
    exponent = format.emin if truth == 0 else max(binade(truth), format.emin)
    return Fraction(2) ** (exponent - format.precision + 1)


def rounded(truth: Fraction, format: Format) -> int:
    """Bits of a number rounded to nearest, ties to even, as IEEE 754 says it; zero is +0."""
    unit = ulp(truth, format)
    scaled = abs(truth) / unit
    whole = floor(scaled)
    rest = scaled - whole
    if rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1):
        whole += 1
    size = whole * unit
    sign = format.sign_bit if truth < 0 else 0
    if size >= Fraction(2) ** (format.emax + 1):
        return format.infinity | sign
    if size == 0:
        return sign
    exponent = binade(size)
    if exponent < format.emin:
        return int(size / Fraction(2) ** (format.emin - format.precision + 1)) | sign
    field = int(size / Fraction(2) ** (exponent - format.precision + 1)) - (1 << (format.precision - 1))
    return field | (exponent + format.emax) << (format.precision - 1) | sign


def error(bits: int, format: Format, truth: Fraction) -> Fraction | float:
    """|y − t| / ulp(t): an infinity counts as 2^(emax+1), and as nothing where the truth rounds to it."""
    number = number_of(bits, format)
    if number != number:
        return float("inf")
    if isinstance(number, float):
        if bits == rounded(truth, format):
            return Fraction(0)
        number = (1 if number > 0 else -1) * Fraction(2) ** (format.emax + 1)
    return abs(number - truth) / ulp(truth, format)


def reals_of(numbers: list[Fraction]) -> Reals:
    """FINITE rows of numbers of at most 106 significant bits, not zero."""
    mantissas, tails, exponents = [], [], []
    for number in numbers:
        exponent = binade(number)
        scaled = abs(number) / Fraction(2) ** exponent
        head = Fraction(floor(scaled * 2**52), 2**52)
        tail = scaled - head
        assert Fraction(float(head)) == head
        assert Fraction(float(tail)) == tail, "a number of more than 106 bits"
        sign = 1 if number > 0 else -1
        mantissas.append(sign * float(head))
        tails.append(sign * float(tail))
        exponents.append(exponent)
    return Reals(
        np.full(len(numbers), FINITE, dtype=np.uint8),
        np.array(mantissas),
        np.array(tails),
        np.array(exponents, dtype=np.int32),
    )


def number_of_row(truth: Reals, index: int) -> Fraction:
    """The number that a FINITE row stands for."""
    significand = Fraction(float(truth.mantissa[index])) + Fraction(float(truth.tail[index]))
    return significand * Fraction(2) ** int(truth.exponent[index])


def row(kind: int, mantissa: float = 0.0, tail: float = 0.0, exponent: int = 0) -> Reals:
    """One row."""
    return Reals(
        np.array([kind], dtype=np.uint8), np.array([mantissa]), np.array([tail]), np.array([exponent], dtype=np.int32)
    )
