"""Bits, ordinals, values and rounding of the formats against exact fractions, and against ml_dtypes for bfloat16."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.formats import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    FORMATS,
    Format,
    decimal,
    from_ordinals,
    hexadecimal,
    ordinals,
    round_to,
    values,
)

from .often import OFTEN
from .truth import exactly

formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
often = settings(max_examples=100 * OFTEN)


def one(bits: int, format: Format) -> np.ndarray:
    return np.array([bits], dtype=format.bits_type)


def test_formats_come_narrowest_first() -> None:
    assert list(FORMATS) == ["float16", "bfloat16", "float32", "float64"]
    assert all(name == format.name for name, format in FORMATS.items())


@formats
def test_landmarks_of_a_format(format: Format) -> None:
    assert float(values(one(format.infinity, format), format)[0]) == math.inf
    assert math.isnan(float(values(one(format.quiet_nan, format), format)[0]))
    assert float(values(one(format.infinity - 1, format), format)[0]) == format.largest
    assert float(values(one(1, format), format)[0]) == format.smallest_subnormal
    assert float(values(one(1 << format.mantissa_bits, format), format)[0]) == format.smallest_normal
    assert format.largest == (2 - 2.0 ** (1 - format.precision)) * 2.0**format.emax
    assert math.copysign(1, float(values(one(format.sign_bit, format), format)[0])) == -1


@pytest.mark.parametrize("format", [FLOAT16, FLOAT32, FLOAT64], ids=lambda f: f.name)
def test_parameters_are_those_of_numpy(format: Format) -> None:
    info = np.finfo(format.name)
    assert (format.width, format.precision) == (info.bits, info.nmant + 1)
    assert format.largest == float(info.max)
    assert format.smallest_normal == float(info.smallest_normal)
    assert format.smallest_subnormal == float(info.smallest_subnormal)


@formats
@given(pattern=st.integers(0, 2**64 - 1))
@often
def test_values_are_what_the_bits_say(format: Format, pattern: int) -> None:
    bits = pattern % 2**format.width
    expected, found = exactly.number_of(bits, format), float(values(one(bits, format), format)[0])
    if isinstance(expected, float):
        assert found == expected or (math.isnan(found) and math.isnan(expected))
    else:
        assert Fraction(found) == expected


def test_every_bfloat16_is_that_of_ml_dtypes() -> None:
    bits = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)
    with np.errstate(invalid="ignore"):
        expected = bits.view(ml_dtypes.bfloat16).astype(np.float64)
    np.testing.assert_array_equal(values(bits, BFLOAT16), expected)


def test_a_format_that_came_from_another_process_is_the_same_format() -> None:
    """A copy is equal and not identical; bfloat16 must not be read as float16 then."""
    copy = pickle.loads(pickle.dumps(BFLOAT16))
    nine = round_to(np.array([9.0]), copy)
    assert nine.tolist() == round_to(np.array([9.0]), BFLOAT16).tolist() == [0x4110]
    assert values(nine, copy).tolist() == [9.0]
    assert decimal(0x4110, copy) == "9.0"


@formats
@given(number=st.floats(width=64), nudge=st.integers(-3, 3), bits=st.integers(0, 2**63))
@example(number=math.nan, nudge=0, bits=0)
@example(number=-0.0, nudge=0, bits=0)
@often
def test_rounding_is_to_nearest_even(format: Format, number: float, nudge: int, bits: int) -> None:
    """Any float64, and the neighbours of midpoints between two numbers of the format, where rounding twice goes wrong."""
    asked = [number]
    below = bits % format.infinity
    if format is not FLOAT64 and below + 1 < format.infinity:
        ends = values(np.array([below, below + 1], dtype=format.bits_type), format)
        middle = float(ends.sum() / 2)
        for _ in range(abs(nudge)):
            middle = math.nextafter(middle, math.copysign(math.inf, nudge))
        asked += [middle, -middle]
    for x, found in zip(asked, round_to(np.array(asked), format).tolist(), strict=True):
        if math.isnan(x):
            assert math.isnan(float(values(one(found, format), format)[0]))
        elif math.isinf(x):
            assert found == format.infinity | (format.sign_bit if x < 0 else 0)
        elif x == 0:
            assert found == (format.sign_bit if math.copysign(1, x) < 0 else 0)
        else:
            assert found == exactly.rounded(Fraction(x), format)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
@often
def test_rounding_a_float32_to_bfloat16_is_that_of_ml_dtypes(numbers: list[float]) -> None:
    singles = np.array(numbers, dtype=np.float32)
    np.testing.assert_array_equal(
        round_to(singles.astype(np.float64), BFLOAT16), singles.astype(ml_dtypes.bfloat16).view(np.uint16)
    )


@formats
@given(first=st.integers(0, 2**64 - 1), second=st.integers(0, 2**64 - 1))
@often
def test_ordinals_are_in_the_order_of_the_numbers(format: Format, first: int, second: int) -> None:
    pair = [pattern % 2**format.width for pattern in (first, second)]
    numbers = [exactly.number_of(bits, format) for bits in pair]
    places = ordinals(np.array(pair, dtype=format.bits_type), format).tolist()
    if all(number == number for number in numbers):
        assert (places[0] < places[1], places[0] == places[1]) == (numbers[0] < numbers[1], numbers[0] == numbers[1])


@formats
def test_neighbours_differ_by_one(format: Format) -> None:
    edges = [0, 1 << format.mantissa_bits, format.infinity - 3, 5 << format.mantissa_bits]
    for edge in edges:
        places = np.arange(edge - 3, edge + 4)
        places = places[np.abs(places) <= format.infinity]
        numbers = values(from_ordinals(places, format), format)
        assert (np.diff(numbers) > 0).all()
        np.testing.assert_array_equal(ordinals(from_ordinals(places, format), format), places)
        np.testing.assert_array_equal(values(from_ordinals(-places, format), format), -numbers)


@formats
@given(pattern=st.integers(0, 2**64 - 1))
@often
def test_bits_come_back_from_their_ordinal(format: Format, pattern: int) -> None:
    bits = pattern % 2**format.width
    back = int(from_ordinals(ordinals(one(bits, format), format), format)[0])
    assert back == (0 if bits == format.sign_bit else bits)


@formats
@given(pattern=st.integers(0, 2**64 - 1))
@often
def test_a_decimal_reads_back_as_the_same_number(format: Format, pattern: int) -> None:
    bits = pattern % 2**format.width
    text = decimal(bits, format)
    number = exactly.number_of(bits, format)
    if number != number:
        assert text == "nan"
    elif isinstance(number, float):
        assert text == ("inf" if number > 0 else "-inf")
    elif number == 0:
        assert text == ("-0.0" if bits else "0.0")
    else:
        assert exactly.rounded(Fraction(text), format) == bits


@given(pattern=st.integers(1, BFLOAT16.infinity - 1))
@often
def test_no_shorter_decimal_would_do_for_a_bfloat16(pattern: int) -> None:
    text = decimal(pattern, BFLOAT16)
    digits = text.split("e")[0].replace(".", "").strip("0")
    number = Fraction(text)
    power = exactly.binade(number)
    place = math.floor(math.log10(2) * power + math.log10(float(number / Fraction(2) ** power)) + 1e-12)
    if len(digits) > 1:
        step = Fraction(10) ** (place - len(digits) + 2)
        shorter = round(exactly.number_of(pattern, BFLOAT16) / step) * step
        assert exactly.rounded(Fraction(shorter), BFLOAT16) != pattern


@pytest.mark.parametrize(
    ("bits", "format", "text"),
    [
        (0x3F800000, FLOAT32, "0x3f800000"),
        (1, FLOAT16, "0x0001"),
        (0x8000, BFLOAT16, "0x8000"),
        (0, FLOAT64, "0x" + "0" * 16),
    ],
)
def test_hexadecimal_shows_every_digit(bits: int, format: Format, text: str) -> None:
    assert hexadecimal(bits, format) == text
