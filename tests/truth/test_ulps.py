"""The comparator: planted errors, edges of binades and formats, and a slow exact reference for everything else."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.formats import FLOAT16, FLOAT32, FLOAT64, FORMATS, Bits, Format, round_to, values
from conformance.truth import ulps
from conformance.truth.reals import FINITE, INFINITE, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO, Reals

from ..often import OFTEN
from . import exactly

formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
exhaustive = settings(max_examples=80 * OFTEN)


def bits_of(number: float, format: Format) -> Bits:
    bits = round_to(np.array([number]), format)
    assert math.isnan(number) or values(bits, format)[0] == number, f"{number} is no {format.name}"
    return bits


def one_error(observed: float, format: Format, truth: Reals) -> float:
    return float(ulps.error(bits_of(observed, format), format, truth)[0])


def is_right(observed: float, format: Format, truth: Reals) -> bool:
    return bool(ulps.correctly_rounded(bits_of(observed, format), format, truth)[0])


@st.composite
def comparisons(draw: st.DrawFn, format: Format) -> tuple[int, Fraction]:
    """Any observation and a truth: anywhere, or within a few ULP of the observation and often at an awkward place."""
    bits = draw(st.integers(0, 2**format.width - 1))
    significant = 106 if format is FLOAT64 else 53
    number = exactly.number_of(bits, format)
    if isinstance(number, Fraction) and draw(st.booleans()):
        unit = exactly.ulp(number, format)
        awkward = st.sampled_from([Fraction(n, 2) for n in (0, 1, 2, 3, 8)])
        distance: Fraction = draw(awkward | st.fractions(-5, 5))
        nudge = draw(st.sampled_from([0, 1, -1])) * Fraction(2) ** (format.precision - significant + 2)
        truth = number + unit * (Fraction(round(distance * 2**20), 2**20) + nudge)
        exponent = exactly.binade(truth) if truth else 0
        step = Fraction(2) ** (exponent - significant + 1)
        truth = round(truth / step) * step
    else:
        lowest = format.emin - format.precision - 3
        exponent = draw(st.integers(lowest, format.emax + 40) | st.integers(-3, 3) | st.just(format.emax))
        truth = draw(st.integers(2 ** (significant - 1), 2**significant - 1)) * Fraction(2) ** (
            exponent - significant + 1
        )
        truth *= draw(st.sampled_from([1, -1]))
    smallest = Fraction(2) ** (format.emin - format.precision - 3)
    return bits, truth if abs(truth) >= smallest else smallest


@formats
def test_error_is_the_exact_one(format: Format) -> None:
    @exhaustive
    @given(comparisons(format))
    def check(asked: tuple[int, Fraction]) -> None:
        bits, truth = asked
        expected = exactly.error(bits, format, truth)
        found = float(ulps.error(np.array([bits], dtype=format.bits_type), format, exactly.reals_of([truth]))[0])
        if expected > Fraction(ulps.LARGEST_ERROR) and expected != math.inf:
            assert found == ulps.LARGEST_ERROR
        elif isinstance(expected, float):
            assert found == expected
        else:
            assert abs(Fraction(found) - expected) <= expected * Fraction(1, 2**50), (float(expected), found)

    check()


@formats
def test_rounding_is_the_exact_one(format: Format) -> None:
    @exhaustive
    @given(comparisons(format))
    def check(asked: tuple[int, Fraction]) -> None:
        _, truth = asked
        assert int(ulps.rounded(exactly.reals_of([truth]), format)[0]) == exactly.rounded(truth, format)

    check()


@formats
def test_correctly_rounded_is_the_exact_one(format: Format) -> None:
    @exhaustive
    @given(comparisons(format))
    def check(asked: tuple[int, Fraction]) -> None:
        bits, truth = asked
        expected = exactly.number_of(bits, format) == exactly.number_of(exactly.rounded(truth, format), format)
        observed = np.array([bits], dtype=format.bits_type)
        assert bool(ulps.correctly_rounded(observed, format, exactly.reals_of([truth]))[0]) == expected

    check()


@formats
@given(seed=st.integers(0, 2**32))
@settings(max_examples=5 * OFTEN)
def test_many_rows_are_measured_like_one(format: Format, seed: int) -> None:
    """Rows of every kind, mixed, across the border of a block."""
    random = np.random.default_rng(seed)
    n = ulps.BLOCK + 7
    observed = random.integers(0, 1 << format.width, n, dtype=format.bits_type)
    truth = Reals(
        random.integers(0, 7, n).astype(np.uint8),
        random.uniform(1, 2, n) * random.choice([-1.0, 1.0], n),
        np.zeros(n),
        random.integers(format.emin - format.precision, format.emax + 5, n).astype(np.int32),
    )
    truth.mantissa[truth.kind != FINITE] = np.sign(truth.mantissa[truth.kind != FINITE])
    truth.exponent[truth.kind != FINITE] = 0
    measures = [ulps.error, ulps.correctly_rounded, ulps.absolute_error]
    together = [measure(observed, format, truth) for measure in measures]
    rounded = ulps.rounded(truth, format)
    for index in [*random.choice(n, 40, replace=False).tolist(), ulps.BLOCK - 1, ulps.BLOCK]:
        one = slice(index, index + 1)
        for measure, whole in zip(measures, together, strict=True):
            np.testing.assert_array_equal(whole[one], measure(observed[one], format, truth.take(one)))
        np.testing.assert_array_equal(rounded[one], ulps.rounded(truth.take(one), format))


@pytest.mark.parametrize("planted", ["0", "1/2", "524287/1048576", "524289/1048576", "1", "399/100", "401/100", "1000"])
@formats
def test_planted_errors_are_measured(format: Format, planted: str) -> None:
    """The observation is `at`; the truth lies as many units (of its own last place) away from zero."""
    distance = Fraction(round(Fraction(planted) * 2**20), 2**20)
    for at in (1.0, 1.5, 3.140625, 2.0**-14, 2.0**-20, 2.0**12, -1.0, -1.5, -(2.0**-24)):
        number = Fraction(at)
        truth = number + (1 if at > 0 else -1) * distance * exactly.ulp(number, format)
        unit = exactly.ulp(truth, format)
        found = one_error(at, format, exactly.reals_of([truth]))
        assert Fraction(found) == abs(number - truth) / unit, at
        if unit == exactly.ulp(number, format):
            assert Fraction(found) == distance, at


@formats
def test_half_an_ulp_is_told_from_a_little_more(format: Format) -> None:
    """1 + ulp/2 ± the least that the truth can hold: the tie goes to even, the others to their side."""
    unit = Fraction(2) ** (1 - format.precision)
    least = Fraction(2) ** (-104 if format is FLOAT64 else -52)
    above, tie, below = (exactly.reals_of([1 + unit / 2 + step]) for step in (least, Fraction(0), -least))
    up = float(1 + unit)
    assert (one_error(1.0, format, tie), one_error(up, format, tie)) == (0.5, 0.5)
    assert is_right(1.0, format, tie)
    assert not is_right(up, format, tie)
    assert is_right(up, format, above)
    assert not is_right(1.0, format, above)
    assert is_right(1.0, format, below)
    assert not is_right(up, format, below)
    if format is not FLOAT64:
        assert one_error(1.0, format, below) < 0.5 < one_error(1.0, format, above)


def test_a_tail_may_point_either_way() -> None:
    """The same tie, written from above: 1 + 2^−52 less half an ULP lies between 1 and 1 + 2^−52."""
    for sign in (1.0, -1.0):
        odd = exactly.row(FINITE, sign * (1 + 2.0**-52), sign * -(2.0**-53), 0)
        even = exactly.row(FINITE, sign * (1 + 2.0**-51), sign * -(2.0**-53), 0)
        assert values(ulps.rounded(odd, FLOAT64), FLOAT64)[0] == sign
        assert values(ulps.rounded(even, FLOAT64), FLOAT64)[0] == sign * (1 + 2.0**-51)
        assert one_error(sign, FLOAT64, odd) == one_error(sign * (1 + 2.0**-52), FLOAT64, odd) == 0.5


@formats
def test_the_unit_is_that_of_the_truth_at_the_edge_of_a_binade(format: Format) -> None:
    """Just below 2 a unit is half of what it is at 2; which one counts depends on the truth, not on the observation."""
    unit_above, unit_below = Fraction(2) ** (2 - format.precision), Fraction(2) ** (1 - format.precision)
    at, below = exactly.reals_of([Fraction(2)]), exactly.reals_of([2 - unit_below])
    assert one_error(2.0, format, below) == 1.0
    assert one_error(float(2 - unit_below), format, at) == 0.5
    assert one_error(float(2 + unit_above), format, at) == 1.0
    assert one_error(float(2 + unit_above), format, below) == 3.0
    if format is FLOAT64:
        # Even where the mantissa alone, one float64, could not tell it from 2.
        near = Reals(
            np.array([FINITE], dtype=np.uint8),
            np.array([2 - 2.0**-52]),
            np.array([2.0**-52 - 2.0**-100]),
            np.array([0], dtype=np.int32),
        )
        assert one_error(float(2 - unit_below), format, near) == pytest.approx(1.0, abs=1e-10)
        assert is_right(2.0, format, near)


@formats
def test_subnormals_have_the_unit_of_the_smallest(format: Format) -> None:
    small = Fraction(2) ** (format.emin - format.precision + 1)
    truth = exactly.reals_of([3 * small + small / 4])
    assert one_error(float(3 * small), format, truth) == 0.25
    assert one_error(float(4 * small), format, truth) == 0.75
    assert one_error(0.0, format, truth) == 3.25
    assert one_error(float(-3 * small), format, truth) == 6.25
    assert is_right(float(3 * small), format, truth)
    least = exactly.reals_of([small * Fraction(3, 4)])
    assert is_right(float(small), format, least)
    assert not is_right(0.0, format, least)


@formats
def test_overflow_begins_half_an_ulp_beyond_the_largest(format: Format) -> None:
    largest, top = Fraction(format.largest), Fraction(2) ** (format.emax + 1)
    threshold = (largest + top) / 2
    least = Fraction(2) ** (format.emax - (100 if format is FLOAT64 else 52))
    infinity = float("inf")
    for sign in (1, -1):
        here, below = exactly.reals_of([sign * threshold]), exactly.reals_of([sign * (threshold - least)])
        assert one_error(sign * infinity, format, here) == 0.0
        assert is_right(sign * infinity, format, here)
        assert one_error(sign * format.largest, format, here) == 0.5
        assert not is_right(sign * format.largest, format, here)
        assert one_error(sign * infinity, format, below) == pytest.approx(0.5)
        assert is_right(sign * format.largest, format, below)
        assert not is_right(sign * infinity, format, below)
        assert one_error(-sign * infinity, format, here) > 2**format.precision - 2
        at_largest = exactly.reals_of([sign * largest])
        assert one_error(sign * infinity, format, at_largest) == 1.0
        far = exactly.reals_of([sign * top * 2**20])
        assert one_error(sign * infinity, format, far) == 0.0
        assert one_error(sign * format.largest, format, far) == pytest.approx(2.0 ** (format.precision - 1), rel=1e-5)


@formats
def test_a_truth_beyond_every_format_overflows_nowhere(format: Format) -> None:
    truth = exactly.row(FINITE, 1.5, 0.0, 2**30)
    with np.errstate(all="raise"):
        assert one_error(math.inf, format, truth) == 0.0
        assert one_error(1.0, format, truth) == 1.5 * 2.0 ** (format.precision - 1)
        assert one_error(format.largest, format, truth) == 1.5 * 2.0 ** (format.precision - 1)
    assert int(ulps.rounded(truth, format)[0]) == format.infinity


@formats
@pytest.mark.parametrize("kind", [ZERO, UNDERFLOW])
def test_zeros_are_measured_in_smallest_subnormals(format: Format, kind: int) -> None:
    truth = exactly.row(kind, -1.0 if kind == UNDERFLOW else 0.0)
    assert one_error(0.0, format, truth) == 0.0
    assert one_error(-0.0, format, truth) == 0.0
    assert is_right(0.0, format, truth)
    assert is_right(-0.0, format, truth)
    assert one_error(format.smallest_subnormal, format, truth) == 1.0
    assert one_error(-3 * format.smallest_subnormal, format, truth) == 3.0
    assert not is_right(format.smallest_subnormal, format, truth)
    assert one_error(math.nan, format, truth) == math.inf
    assert not is_right(math.nan, format, truth)
    whole_line = 2.0 ** min(format.emax - format.emin + format.precision, 1023)
    assert one_error(math.inf, format, truth) == whole_line
    assert one_error(format.largest, format, truth) <= ulps.LARGEST_ERROR
    assert values(ulps.rounded(truth, format), format)[0] == 0.0
    assert bool(np.signbit(values(ulps.rounded(truth, format), format))[0]) == (kind == UNDERFLOW)


@formats
def test_infinite_truth_asks_for_that_infinity(format: Format) -> None:
    truth = exactly.row(INFINITE, -1.0)
    assert one_error(-math.inf, format, truth) == 0.0
    assert is_right(-math.inf, format, truth)
    for other in (math.inf, -format.largest, 0.0, math.nan):
        assert one_error(other, format, truth) == math.inf
        assert not is_right(other, format, truth)
    assert int(ulps.rounded(truth, format)[0]) == format.infinity | format.sign_bit


@formats
def test_every_nan_is_a_nan(format: Format) -> None:
    payloads = [
        format.infinity + 1,
        format.quiet_nan,
        format.quiet_nan + 1,
        2**format.width - 1,
        format.infinity + 1 | format.sign_bit,
    ]
    observed = np.array(payloads, dtype=format.bits_type)
    due = exactly.row(NAN).take(np.zeros(len(payloads), dtype=np.int64))
    assert ulps.error(observed, format, due).tolist() == [0.0] * len(payloads)
    assert ulps.correctly_rounded(observed, format, due).all()
    number_due = exactly.reals_of([Fraction(1)] * len(payloads))
    assert ulps.error(observed, format, number_due).tolist() == [math.inf] * len(payloads)
    assert not ulps.correctly_rounded(observed, format, number_due).any()
    for number in (0.0, 1.0, math.inf):
        assert one_error(number, format, exactly.row(NAN)) == math.inf
        assert not is_right(number, format, exactly.row(NAN))
    assert int(ulps.rounded(exactly.row(NAN), format)[0]) == format.quiet_nan


@formats
@pytest.mark.parametrize("kind", [UNDECIDED, UNDEFINED])
def test_nothing_is_said_where_nothing_is_known(format: Format, kind: int) -> None:
    for observed in (0.0, 1.0, math.inf, math.nan):
        assert math.isnan(one_error(observed, format, exactly.row(kind)))
        assert not is_right(observed, format, exactly.row(kind))
    assert int(ulps.rounded(exactly.row(kind), format)[0]) == format.quiet_nan


@exhaustive
@given(st.integers(0, 2**32 - 1), st.integers(-200, 180), st.integers(-170, 140), st.floats(1, 2, exclude_max=True))
@example(1, 0, -149, 1.0)
def test_argument_ulps_is_the_exact_one(bits: int, slope: int, truth: int, mantissa: float) -> None:
    format = FLOAT32
    found = ulps.argument_ulps(
        np.array([bits], dtype=np.uint32),
        format,
        exactly.row(FINITE, -mantissa, 0.0, slope),
        exactly.row(FINITE, 1.0, 0.0, truth),
    )[0]
    number = exactly.number_of(bits, format)
    if isinstance(number, float):
        assert found == 0.0
        return
    unit = exactly.ulp(number, format)
    expected = unit * Fraction(mantissa) * Fraction(2) ** slope / exactly.ulp(Fraction(2) ** truth, format)
    assert Fraction(float(found)) == expected


@formats
def test_argument_ulps_of_special_rows(format: Format) -> None:
    one = bits_of(1.0, format)
    value = exactly.row(FINITE, 1.0)
    for kind in (ZERO, UNDERFLOW, NAN, UNDECIDED, UNDEFINED):
        assert ulps.argument_ulps(one, format, exactly.row(kind), value)[0] == 0.0
    assert ulps.argument_ulps(one, format, exactly.row(INFINITE, 1.0), value)[0] == math.inf
    assert ulps.argument_ulps(one, format, exactly.row(FINITE, 1.0, 0.0, 2**30), value)[0] == math.inf
    assert ulps.argument_ulps(one, format, exactly.row(FINITE, 1.0, 0.0, -(2**30)), value)[0] == 0.0
    assert ulps.argument_ulps(one, format, value, exactly.row(FINITE, 1.0, 0.0, 2**30))[0] == 0.0
    for nowhere in (math.inf, -math.inf, math.nan):
        assert ulps.argument_ulps(bits_of(nowhere, format), format, exactly.row(INFINITE, 1.0), value)[0] == 0.0
    # A slope of 1 at 1, where the truth underflows: ulp(1) in smallest subnormals.
    units = ulps.argument_ulps(one, format, value, exactly.row(UNDERFLOW, 1.0))[0]
    assert units == 2.0**-format.emin if format is not FLOAT64 else units == 2.0**1022


def test_absolute_error_is_in_the_numbers_own_unit() -> None:
    truth = exactly.reals_of([Fraction(3, 8)])
    assert float(ulps.absolute_error(bits_of(0.5, FLOAT16), FLOAT16, truth)[0]) == 0.125
    assert float(ulps.absolute_error(bits_of(math.inf, FLOAT16), FLOAT16, truth)[0]) == 65536 - 0.375
    assert float(ulps.absolute_error(bits_of(math.nan, FLOAT16), FLOAT16, truth)[0]) == math.inf
    assert float(ulps.absolute_error(bits_of(1e-320, FLOAT64), FLOAT64, exactly.row(ZERO))[0]) == 1e-320
    huge = exactly.row(FINITE, 1.0, 0.0, 5000)
    assert float(ulps.absolute_error(bits_of(1.0, FLOAT64), FLOAT64, huge)[0]) == ulps.LARGEST_ERROR


@formats
def test_the_absolute_error_of_one_row_follows_from_its_error(format: Format) -> None:
    rows = [
        exactly.reals_of([Fraction(3, 8)]),
        exactly.row(ZERO),
        exactly.row(FINITE, 1.0, 0.0, 5000),
        exactly.row(FINITE, -1.5, 0.0, -5000),
    ]
    rows += [exactly.row(UNDERFLOW, -1.0), exactly.row(NAN), exactly.row(FINITE, 1.75, 0.0, format.emin - 3)]
    for truth in rows:
        for number in (0.5, -3.0, 0.0, format.smallest_subnormal, format.largest, math.inf, math.nan):
            observed = bits_of(number, format)
            far = float(ulps.error(observed, format, truth)[0])
            assert ulps.absolute_of(far, format, truth, 0) == float(ulps.absolute_error(observed, format, truth)[0])


@formats
def test_ulp_exponent_is_that_of_the_exact_unit(format: Format) -> None:
    for exponent in (format.emin - format.precision, format.emin - 1, format.emin, -1, 0, format.emax, format.emax + 9):
        truth = Fraction(3, 2) * Fraction(2) ** exponent
        assert Fraction(2) ** int(ulps.ulp_exponent(exactly.reals_of([truth]), format)[0]) == exactly.ulp(truth, format)
    for kind in (ZERO, UNDERFLOW, NAN):
        assert int(ulps.ulp_exponent(exactly.row(kind), format)[0]) == format.emin - format.precision + 1


@pytest.mark.parametrize(
    ("truth", "digits", "text"),
    [
        (exactly.row(ZERO), 17, "0"),
        (exactly.row(UNDERFLOW, -1.0), 17, "-0 (underflows)"),
        (exactly.row(UNDERFLOW, 1.0), 17, "0 (underflows)"),
        (exactly.row(UNDERFLOW, 0.0), 17, "0 (underflows)"),
        (exactly.row(INFINITE, 1.0), 17, "inf"),
        (exactly.row(INFINITE, -1.0), 17, "-inf"),
        (exactly.row(NAN), 17, "nan"),
        (exactly.row(UNDEFINED), 17, "undefined"),
        (exactly.reals_of([Fraction(3, 8)]), 17, "0.375"),
        (exactly.reals_of([Fraction(-600)]), 17, "-600"),
        (exactly.reals_of([Fraction(1e-3)]), 17, "0.001"),
        (exactly.reals_of([Fraction(-1, 2**40)]), 17, "-9.094947017729282e-13"),
        (exactly.reals_of([Fraction(1, 2**20)]), 3, "9.54e-07"),
        (exactly.row(FINITE, 1.0, 0.0, -14350), 4, "1.658e-4320"),
        (exactly.row(FINITE, 1.0, 0.0, 10**9), 5, "4.613e+301029995"),
        (exactly.row(FINITE, 1.0, 2.0**-60, 0), 25, "1.000000000000000000867362"),
        (exactly.row(FINITE, 1.999999999, 0.0, 0), 4, "2"),
        (exactly.row(FINITE, 1.5, 0.0, 70), 17, "1.770887431076117e+21"),
    ],
)
def test_decimal_is_what_people_write(truth: Reals, digits: int, text: str) -> None:
    assert ulps.decimal(truth, 0, digits) == text
