"""Which numbers are asked: all of a narrow format, in order; of a wide one every binade, and every point of interest with
its neighbours."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from conformance.cases.lattice import (
    MANTISSAS,
    NEIGHBOURS,
    SIZE_STEP,
    assortment,
    in_order,
    lattice,
    points_of_interest,
)
from conformance.cases.topics import COMMON_SIZE, SCALARS
from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Format, ordinals, round_to, values
from conformance.standard import FUNCTIONS, Function, Kink, Landmark
from conformance.standard.model import text_of
from conformance.truth.cache import Oracle
from conformance.truth.oracle import evaluate

NARROW, WIDE = (FLOAT16, BFLOAT16), (FLOAT32, FLOAT64)


def name_of(value: object) -> str | None:
    """How a function or a format is called in the id of a test."""
    return getattr(value, "name", None)


ASKED: list[tuple[Function, dict[str, float], Format]] = [
    (FUNCTIONS["gelu"], {}, FLOAT32),
    (FUNCTIONS["hard_swish"], {}, FLOAT32),
    (FUNCTIONS["hard_swish"], {}, FLOAT64),
    (FUNCTIONS["leaky_relu"], {"slope": -0.5}, FLOAT32),
    (FUNCTIONS["softplus"], {"beta": 3.0, "threshold": 20.0}, FLOAT32),
]
asked = pytest.mark.parametrize(("function", "parameters", "format"), ASKED, ids=name_of)


def points_of(function: Function) -> tuple[Kink | Landmark, ...]:
    return (*function.kinks, *function.landmarks)


@pytest.mark.parametrize("format", NARROW, ids=name_of)
def test_a_narrow_format_is_asked_whole_and_in_order(format: Format, oracle: Oracle) -> None:
    bits = lattice(FUNCTIONS["relu"], {}, format, oracle)
    assert bits.dtype == np.uint16
    assert len(bits) == len(set(bits.tolist())) == 65_536
    x = values(bits, format)
    ordered = x[~np.isnan(x)]
    assert (np.diff(ordered[np.isfinite(ordered)]) >= 0).all()
    assert ordered[0] == -np.inf
    assert ordered[-1] == np.inf
    zero = int(np.nonzero(ordered == 0)[0][0])
    assert math.copysign(1, ordered[zero]) < 0 < math.copysign(1, ordered[zero + 1])
    nans = np.isnan(x)
    assert nans[0]
    assert nans[-1]
    assert not nans[np.argmin(nans) : len(nans) - np.argmin(nans[::-1])].any(), "NaNs only at the ends"


@asked
def test_a_wide_format_has_every_binade_with_its_mantissas(
    function: Function, parameters: dict[str, float], format: Format, oracle: Oracle
) -> None:  # fmt: skip
    bits = lattice(function, parameters, format, oracle)
    scale = 1 << format.mantissa_bits
    magnitude = bits.astype(np.uint64) & np.uint64(format.sign_bit - 1)
    exponent = (magnitude >> np.uint64(format.mantissa_bits)).astype(np.int64)
    mantissa = magnitude & np.uint64(scale - 1)
    negative = (bits & format.bits_type.type(format.sign_bit)) != 0
    for sign in (True, False):
        mine = negative == sign
        finite = exponent <= 2 * format.emax
        counts = np.bincount(exponent[mine & finite], minlength=2 * format.emax + 1)
        assert counts.min() >= MANTISSAS >= 8
        for due in (0, scale - 1):
            assert set(exponent[mine & finite & (mantissa == due)]) == set(range(2 * format.emax + 1))


@asked
def test_points_of_interest_are_asked_with_64_neighbours(
    function: Function, parameters: dict[str, float], format: Format, oracle: Oracle
) -> None:  # fmt: skip
    places = set(ordinals(lattice(function, parameters, format, oracle), format).tolist())
    points = points_of_interest(function, parameters, format, oracle)
    assert NEIGHBOURS == 64
    for point in points.tolist():
        near = range(max(point - 64, -format.infinity), min(point + 64, format.infinity) + 1)
        assert places.issuperset(near)
    numbers = [0.0, format.smallest_normal, format.largest, *parameters.values()]
    numbers += [float(evaluate(point.at, parameters)) for point in points_of(function)]
    due = ordinals(round_to(np.array([number for number in numbers if abs(number) <= format.largest]), format), format)
    assert set(due.tolist()) <= set(points.tolist())


# function, format, where something happens to it or to its derivatives, by hand
HAPPENS = [
    ("sigmoid", FLOAT32, (-126 * math.log(2), -150 * math.log(2))),    # e^x becomes subnormal, and smaller than half of the smallest
    ("sigmoid", FLOAT32, (126 * math.log(2), 150 * math.log(2))),      # so does the derivative, on both sides
    ("sigmoid", FLOAT64, (-1022 * math.log(2), -1075 * math.log(2))),
    ("hard_swish", FLOAT32, (-1.5,)),                                  # zero of the derivative
    ("gelu", FLOAT32, (-math.sqrt(2), math.sqrt(2), -0.7517915246935645)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "format", "places"), HAPPENS, ids=name_of)
def test_where_something_happens_is_found_to_the_neighbour(
    name: str, format: Format, places: tuple[float, ...], oracle: Oracle
) -> None:  # fmt: skip
    function = FUNCTIONS[name]
    points = points_of_interest(function, function.defaults(), format, oracle)
    for place in ordinals(round_to(np.array(places), format), format):
        assert np.abs(points - place).min() <= 1


@asked
def test_special_numbers_are_asked_signalling_nans_too(
    function: Function, parameters: dict[str, float], format: Format, oracle: Oracle
) -> None:  # fmt: skip
    bits = set(lattice(function, parameters, format, oracle).tolist())
    quiet = format.quiet_nan
    signalling = [format.infinity + 1]
    for place in (0, 1, format.infinity, format.infinity - 1, quiet, quiet + 1, *signalling, 1 << format.mantissa_bits):
        assert {place, place | format.sign_bit} <= bits
    assert not signalling[0] & (quiet ^ format.infinity), "the quiet bit is clear"


@asked
def test_a_wide_lattice_fills_whole_steps_without_repeating_and_the_same_every_time(
    function: Function, parameters: dict[str, float], format: Format, oracle: Oracle
) -> None:  # fmt: skip
    bits = lattice(function, parameters, format, oracle)
    assert bits.dtype == format.bits_type
    assert len(bits) % SIZE_STEP[format] == 0
    assert len(np.unique(bits)) == len(bits)
    assert np.array_equal(bits, in_order(bits[::-1], format))
    assert np.array_equal(bits, lattice(function, dict(reversed(parameters.items())), format, Oracle(None)))


def test_a_lattice_is_the_same_in_every_process_and_version(oracle: Oracle) -> None:
    """Written down: another lattice gives other cases, and runs of before can't be compared. CHANGELOG.md tells it."""
    bits = lattice(FUNCTIONS["relu"], {}, FLOAT32, oracle)
    assert hashlib.sha256(bits.tobytes()).hexdigest()[:16] == "f317877f6757a961"


@pytest.mark.parametrize("format", [*NARROW, *WIDE], ids=name_of)
def test_the_assortment_is_remarkable_from_the_first_prefix_on(format: Format, oracle: Oracle) -> None:
    bits = lattice(FUNCTIONS["relu"], {}, format, oracle)
    some = assortment(bits, format, COMMON_SIZE)
    assert some.dtype == format.bits_type
    assert len(some) == COMMON_SIZE
    assert np.isin(some, np.append(bits, format.quiet_nan)).all(), (
        "what has no place in the lattice has no answer to be held against"
    )
    x = values(some, format)
    assert x[0] == 1.0
    assert np.isnan(x).any()
    assert {np.inf, -np.inf, 0.0, format.largest, -format.largest, format.smallest_subnormal} <= set(x.tolist())
    assert np.signbit(x[x == 0]).tolist() != [False] * int((x == 0).sum())
    assert len({bits for bits in some[list(SCALARS)].tolist()}) == len(SCALARS)
    special = (
        np.isnan(x) | np.isinf(x) | (x == 0) | (np.abs(x) >= format.largest) | (np.abs(x) < format.smallest_normal)
    )
    assert special[:17].any()
    assert (~special[:7]).sum() >= 4
    assert np.array_equal(some, assortment(bits, format, COMMON_SIZE))


def test_text_of_landmarks_moves_with_the_parameters() -> None:
    (threshold,) = (mark for mark in FUNCTIONS["softplus"].landmarks if mark.jump)
    assert text_of(threshold.at, {"beta": 3.0, "threshold": 20.0}) == "20.0/3.0"
    assert math.isclose(float(evaluate(threshold.at, {"beta": 3.0, "threshold": 20.0})), 20 / 3)
