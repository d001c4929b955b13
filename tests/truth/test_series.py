"""Series of balls: what each operation encloses, how comparisons are decided, what is left as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import pytest
from flint import arb, arb_series
from mpmath import mp, mpf

from conformance.standard.real import SQRT_2, Real, erfc, exact, exp, log, maximum, minimum, sqrt, tanh
from conformance.truth.series import Series, Setting, Undecided, working_precision


def at(number: float, side: int = 0) -> Series:
    return Series(arb_series([number, 1]), Setting(side))


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (exp, mp.exp),
        (log, mp.log),
        (sqrt, mp.sqrt),
        (erfc, mp.erfc),
        (tanh, mp.tanh),
        (lambda x: tanh(2 * x + x * x), lambda x: mp.tanh(2 * x + x * x)),
        (lambda x: 1 / (3 - x), lambda x: 1 / (3 - x)),
        (lambda x: (2 - x) / (x + 1) - SQRT_2 * x, lambda x: (2 - x) / (x + 1) - mp.sqrt(2) * x),
        (lambda x: -(exact("0.1") * x) * x / SQRT_2, lambda x: -(x * x / 10) / mp.sqrt(2)),
    ],
    ids=["exp", "log", "sqrt", "erfc", "tanh", "tanh of a series", "reciprocal", "arithmetic", "constants"],
)
@pytest.mark.parametrize("x", [2.0**-40, 0.3, 1.0, 2.5, 20.0])
def test_coefficients_enclose_the_taylor_series(
    function: Callable[[Real], Real], reference: Callable[[Any], Any], x: float
) -> None:
    with mp.workprec(1500):
        expected = mp.taylor(reference, mpf(x), 3, h=mpf(2) ** -250)
        with working_precision(200):
            series = function(at(x)).value  # type: ignore[attr-defined]
            for power, coefficient in enumerate(expected):
                middle = mpf(coefficient)
                found = mpf(series[power].mid().str(140, radius=False))
                assert abs(found - middle) <= abs(middle) * mpf(2) ** -70 + mpf(2) ** -120
                assert series[power].rel_accuracy_bits() > 90 or series[power].is_exact()


@pytest.mark.parametrize("x", [1e-300, 1e-20, 400.0])
def test_tanh_loses_nothing_at_either_end(x: float) -> None:
    """1 − tanh² cancels far out, (1 − e^(−2x))/(1 + e^(−2x)) near zero."""
    with working_precision(128):
        series = tanh(at(x)).value  # type: ignore[attr-defined]
        assert all(series[power].rel_accuracy_bits() > 100 for power in range(4))
        assert Series(arb(x), Setting()).tanh().value.overlaps(series[0])


def test_comparisons_look_at_the_constant_term_first() -> None:
    assert at(1.0) < 2
    assert at(1.0) <= 2
    assert at(3.0) > 2
    assert at(3.0) >= exact("2.9")
    assert not at(3.0) < SQRT_2
    assert at(1.0) < Series(arb("inf"), Setting())


@pytest.mark.parametrize(
    ("side", "linear", "quadratic", "cubic", "zero"), [(0, 0, 0, 0, 0), (1, 1, 1, 1, 0), (-1, -1, 1, -1, 0)]
)
def test_equal_constant_terms_are_told_apart_by_the_side(
    side: int, linear: int, quadratic: int, cubic: int, zero: int
) -> None:
    """The first coefficient that is not zero decides, times side to its power."""

    def sign(series: Series) -> int:
        return int(series > 0) - int(series < 0)

    x = at(0.0, side)
    with working_precision(64):
        assert sign(x) == linear
        assert sign(-x) == -linear
        assert sign(x * x) == quadratic
        assert sign(x * x * x) == cubic
        assert sign(x - x) == zero
        assert (x >= 0) == (linear >= 0)
        assert (x <= 0) == (linear <= 0)


def test_equality_is_noticed_only_where_x_is_compared() -> None:
    x = at(1.0)
    constant = Series(arb(2), x.setting)
    assert constant >= 2
    before = x.setting.touched
    assert maximum(x, 1) is x
    assert (before, x.setting.touched) == (False, True)
    smaller = minimum(at(0.5), 1)
    assert isinstance(smaller, Series)
    assert smaller.value[0] == arb(0.5)


def test_overlapping_balls_decide_nothing() -> None:
    with working_precision(64):
        third = Series(arb_series([arb(1) / 3, 1]), Setting())
        with pytest.raises(Undecided):
            third >= exact("1/3")  # noqa: B015
        with pytest.raises(Undecided):
            Series(arb("nan"), Setting()) < 1  # noqa: B015


def test_a_float_beside_a_real_is_refused() -> None:
    """0.1 in a definition would silently be a binary64 number."""
    with pytest.raises(TypeError, match="float"):
        at(1.0) * 0.1  # type: ignore[operator]


def test_constants_are_exact_or_enclosed() -> None:
    with working_precision(128):
        setting = Setting()
        assert setting.number(exact("0.1")).contains(arb(flint.fmpq(1, 10)))
        assert (setting.number(SQRT_2) ** 2).contains(arb(2))
        assert setting.number(SQRT_2).rel_accuracy_bits() > 120
        assert setting.number(Fraction(3, 8)) == arb(0.375)


def test_the_librarys_settings_are_put_back() -> None:
    before = flint.ctx.prec, flint.ctx.cap

    def failing() -> None:
        with working_precision(777):
            assert (flint.ctx.prec, flint.ctx.cap) == (777, 4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (flint.ctx.prec, flint.ctx.cap) == before


def test_signed_zero_is_zero() -> None:
    assert at(-0.0).value[0].is_zero()
    assert math.copysign(1, -0.0) == -1
