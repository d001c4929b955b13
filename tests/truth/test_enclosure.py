"""When an enclosure is certain: radii, midpoints between numbers, powers of two, underflow; one by one and in columns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.formats import FLOAT16, FLOAT32, FLOAT64, FORMATS, Format
from conformance.truth import ulps
from conformance.truth.enclosure import SIGN_OPEN, Row, column, settle
from conformance.truth.reals import FINITE, INFINITE, UNDECIDED, UNDERFLOW, ZERO, Reals
from conformance.truth.series import working_precision

from ..often import OFTEN
from . import exactly

formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)


def around(middle: Fraction, radius: Fraction) -> arb:
    """A ball; both numbers must be dyadic."""
    with working_precision(6000):
        return arb(fmpq(middle.numerator, middle.denominator), arb(fmpq(radius.numerator, radius.denominator)))


def settled(middle: Fraction, radius: Fraction, format: Format, final: bool = False) -> Row | None:
    return settle(around(middle, radius), format, SIGN_OPEN, final)


def reals(row: Row) -> Reals:
    return exactly.row(*row)


@formats
def test_a_radius_is_certain_up_to_a_millionth_of_an_ulp(format: Format) -> None:
    number = Fraction(5, 4) + 3 * Fraction(2) ** -format.precision / 8
    ulp = exactly.ulp(number, format)
    assert settled(number, ulp / 2**22, format) is not None
    assert settled(number, ulp / 2**19, format) is None
    assert settled(number, ulp / 2**19, format, final=True) is None
    small = Fraction(2) ** (format.emin - format.precision + 1)
    assert settled(small * Fraction(9, 4), small / 2**22, format) is not None
    assert settled(small * Fraction(9, 4), small / 2**19, format) is None


@formats
def test_a_midpoint_in_the_enclosure_is_not_certain(format: Format) -> None:
    ulp = Fraction(2) ** (1 - format.precision)
    tie = 1 + Fraction(3, 2) * ulp
    tiny = ulp / 2**60
    assert settled(tie, tiny, format) is None
    assert settled(tie + tiny, 2 * tiny, format) is None
    at_last = settled(tie + tiny, 2 * tiny, format, final=True)
    assert at_last is not None
    assert exactly.number_of_row(reals(at_last), 0) == tie
    exact = settled(tie, Fraction(0), format)
    assert exact is not None
    assert exactly.number_of_row(reals(exact), 0) == tie


@formats
@pytest.mark.parametrize("distance", [-60, -200, -1500])
def test_the_side_of_a_midpoint_survives(format: Format, distance: int) -> None:
    """However near: what does not fit into a row must not become the tie itself."""
    for sign in (1, -1):
        for start in (Fraction(1), Fraction(2) ** (format.emin - format.precision + 1)):
            ulp = exactly.ulp(3 * start, format)
            tie = sign * (start * 3 + ulp / 2)
            for side in (1, -1):
                near = tie + side * ulp * Fraction(2) ** distance
                found = settled(near, ulp * Fraction(2) ** (distance - 2), format)
                assert found is not None
                assert int(ulps.rounded(reals(found), format)[0]) == exactly.rounded(near, format)


@formats
@pytest.mark.parametrize("sign", [1, -1])
def test_half_the_smallest_subnormal_divides_underflow_from_numbers(format: Format, sign: int) -> None:
    half = Fraction(2) ** (format.emin - format.precision)
    tiny = half / 2**500
    assert settled(sign * (half - tiny), tiny / 2, format) == (UNDERFLOW, float(sign), 0.0, 0)
    assert settled(sign * half, tiny, format) is None
    above = settled(sign * (half + tiny), tiny / 2, format)
    assert above is not None
    assert int(ulps.rounded(reals(above), format)[0]) & (format.sign_bit - 1) == 1
    exact = settled(sign * half, Fraction(0), format)
    assert exact is not None
    assert int(ulps.rounded(reals(exact), format)[0]) & (format.sign_bit - 1) == 0
    assert settled(Fraction(0), Fraction(0), format) == (ZERO, 0.0, 0.0, 0)


def test_the_sign_of_an_underflow_is_proved_declared_or_open() -> None:
    ball = around(Fraction(0), Fraction(1, 2**200))
    assert settle(ball, FLOAT16, -1, False) == (UNDERFLOW, -1.0, 0.0, 0)
    assert settle(ball, FLOAT16, 0, False) == (UNDERFLOW, 0.0, 0.0, 0)
    assert settle(ball, FLOAT16, SIGN_OPEN, False) is None
    assert settle(ball, FLOAT16, SIGN_OPEN, True) == (UNDERFLOW, 0.0, 0.0, 0)
    positive = around(Fraction(1, 2**100), Fraction(1, 2**101))
    assert settle(positive, FLOAT16, -1, False) == (UNDERFLOW, 1.0, 0.0, 0)
    assert settle(ball, FLOAT64, -1, True) is None, "2^−200 is no underflow in float64"


@formats
def test_an_enclosure_with_a_power_of_two_counts_as_that_power(format: Format) -> None:
    ulp = Fraction(2) ** (1 - format.precision)
    for middle in (2 - ulp / 2**30, 2 + ulp / 2**30):
        row = settled(middle, ulp / 2**29, format)
        assert row == (FINITE, 1.0, 0.0, 1)
    below, above = (settled(2 + s * ulp / 2**30, ulp / 2**31, format) for s in (-1, 1))
    assert below is not None
    assert above is not None
    assert (below[3], above[3]) == (0, 1)
    assert 1 <= below[1] < 2


@formats
def test_what_is_no_number_or_has_no_end_stays_open(format: Format) -> None:
    for ball in (arb("nan"), arb("inf"), arb(0, arb("inf")), arb(1, 3)):
        assert settle(ball, format, 1, True) is None
    with working_precision(128):
        assert settle(arb(2) ** (2**31), format, SIGN_OPEN, False) == (INFINITE, 1.0, 0.0, 0)
        assert settle(-(arb(2) ** (2**31)), format, SIGN_OPEN, False) == (INFINITE, -1.0, 0.0, 0)


@formats
@given(
    st.lists(
        st.tuples(st.integers(-(2**130), 2**130), st.integers(-1300, 1200), st.integers(40, 170)),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=40 * OFTEN)
def test_a_column_says_what_each_enclosure_says(format: Format, asked: list[tuple[int, int, int]]) -> None:
    """The arrays are a shorter way to the same rows: same kinds, same rounding, same binade, the same number."""
    middles = [Fraction(m) * Fraction(2) ** e for m, e, _ in asked]
    balls = [around(m, abs(m) / 2**bits) for m, (_, _, bits) in zip(middles, asked, strict=True)]
    signs = np.full(len(balls), SIGN_OPEN, dtype=np.int8)
    with working_precision(256):
        found = column(balls, format, signs, False)
        for index, ball in enumerate(balls):
            row = settle(ball, format, SIGN_OPEN, False)
            one = found.reals.take(slice(index, index + 1))
            if row is None:
                assert index in found.open
                assert one.kind[0] == UNDECIDED
                continue
            assert index not in found.open
            alone = reals(row)
            assert one.kind[0] == alone.kind[0]
            assert one.exponent[0] == alone.exponent[0]
            assert int(ulps.rounded(one, format)[0]) == int(ulps.rounded(alone, format)[0])
            if row[0] == FINITE:
                number = exactly.number_of_row(alone, 0)
                last = Fraction(2) ** (int(alone.exponent[0]) - (103 if format is FLOAT64 else 51))
                assert abs(exactly.number_of_row(one, 0) - number) <= last
                assert abs(number - middles[index]) <= last + abs(middles[index]) / 2 ** asked[index][2] * 2
            else:
                assert one.mantissa[0] == alone.mantissa[0]


def test_a_rounded_float64_is_no_proof_of_a_tie() -> None:
    """1 + 2^−24 + 2^−60 is no tie in float32, though the nearest float64 is."""
    with working_precision(128):
        ball = arb(1) + arb(2) ** -24 + arb(2) ** -60
        rows = column([ball], FLOAT32, np.array([SIGN_OPEN], dtype=np.int8), False).reals
    assert int(ulps.rounded(rows, FLOAT32)[0]) == 0x3F800001
