"""The tape's derivatives agree with difference quotients at sixty digits, and its limits, ties and sums with what is written about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb

from conformance.standard.real import (
    LOG_2,
    PI,
    SQRT_2,
    absolute,
    atan,
    counted,
    dot,
    each,
    erfc,
    exp,
    expm1,
    log,
    log1p,
    log_sum_exp,
    maximum,
    mean,
    minimum,
    power,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    total,
    xlogx,
    xlogy,
)  # fmt: skip
from conformance.truth.series import Undecided, working_precision
from conformance.truth.tape import MOST_TIES, Missing, Tape, Variable, backwards, rounding

from .reals_mpmath import Number, bare

INF, NAN = math.inf, math.nan
DIGITS = 60
STEP = mpmath.mpf(10) ** -20
Of = Callable[..., Any]

# Functions of three positive numbers, every one of them smooth there.
SMOOTH: dict[str, Of] = {
    "sum": lambda x, y, z: x + 2 * y - z / 3,
    "product": lambda x, y, z: x * y * z - Fraction(1, 7) * x,
    "quotient": lambda x, y, z: x / (y + z) + 1 / z,
    "difference from a number": lambda x, y, z: (3 - x) * (y - 1) - LOG_2 * z,
    "constants": lambda x, y, z: SQRT_2 * x + PI * y * z,
    "exp": lambda x, y, z: exp(x * y) + exp(-z),
    "expm1": lambda x, y, z: expm1(x) * expm1(y - z),
    "log": lambda x, y, z: log(x) * log(y + z),
    "log1p": lambda x, y, z: log1p(x * y) / z,
    "sqrt": lambda x, y, z: sqrt(x * x + y * y + z),
    "erfc": lambda x, y, z: erfc(x - y) * z,
    "atan": lambda x, y, z: atan(x * y - z),
    "tanh": lambda x, y, z: tanh(x) * tanh(y * z),
    "power": lambda x, y, z: power(x, 3) * power(y, Fraction(5, 2)) + power(z, -2),
    "xlogy": lambda x, y, z: xlogy(x, y * z),
    "xlogx": lambda x, y, z: xlogx(x + y) * z,
    "counted": lambda x, y, z: counted(x, y + z),
    "sigmoid": lambda x, y, z: total([sigmoid(x - y)]) * sigmoid(z),
    "softplus": lambda x, y, z: softplus(x - y) + softplus(y - x) * z,
    "total": lambda x, y, z: total([x * y, y * z, z * x, 1]) / total([x, y, z]),
    "dot": lambda x, y, z: dot([x, y, z], [z, x, y]) / sqrt(dot([x, y, z], [x, y, z])),
    "log Σ e^x": lambda x, y, z: log_sum_exp([x, y * y, z]),
    "mean": lambda x, y, z: mean([x, y, z]) * mean([x * x, y * z]),
    "branches": lambda x, y, z: total([maximum(x, y)]) * minimum(y, z) + absolute(x - z),
    "each": lambda x, y, z: total(each(lambda a, b: a * exp(b), [x, y, z], [y, z, x])),
    "used twice": lambda x, y, z: (x + y) * (x + y) - (x + y) / (x + y + z),
}


def composed(seed: int) -> tuple[str, Of]:
    """Two functions inside of a third."""
    names = list(SMOOTH)
    generator = np.random.default_rng(seed)
    f, g, h = (SMOOTH[names[place]] for place in generator.integers(len(names), size=3))
    return f"composed-{seed}", lambda x, y, z: h(total([1, sigmoid(f(x, y, z))]), total([2, sigmoid(g(z, x, y))]), y)


FUNCTIONS = {**SMOOTH, **dict(composed(seed) for seed in range(12))}
AT = [(0.625, 1.75, 0.375), (2.5, 0.3125, 1.125)]


def value_of(function: Of, at: Sequence[Any]) -> Any:
    return bare(function(*(Number(x) for x in at)))


def on_tape(
    function: Of, at: Sequence[float], along: Sequence[float] | None = None, **kept: Any
) -> tuple[Tape, list[Variable], Variable]:
    tape = Tape(**kept)
    inputs = [tape.input(x, None if along is None or not along[i] else arb(along[i])) for i, x in enumerate(at)]
    result = function(*inputs)
    return tape, inputs, result


def as_mpf(ball: arb | None) -> Any:
    return mpmath.mpf(0) if ball is None else mpmath.mpf(ball.mid().str(DIGITS, radius=False))


def near(ball: arb | None, expected: Any, digits: int = 28) -> bool:
    return bool(abs(as_mpf(ball) - expected) <= mpmath.mpf(10) ** -digits * (1 + abs(expected)))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("at", AT, ids=["first", "second"])
def test_derivatives_are_limits_of_difference_quotients(name: str, at: tuple[float, ...]) -> None:
    """Value, gradient, tangent, and the gradient's tangent: a column of the Hessian along a direction."""
    function, direction = FUNCTIONS[name], (0.5, -1.25, 2.0)
    with mpmath.workdps(DIGITS), working_precision(256):
        numbers = [mpmath.mpf(x) for x in at]

        def moved(a: Any, place: int, b: Any) -> Any:
            """The function at a step along the direction, and one along an axis."""
            there = [
                x + a * d + (b if i == place else 0) for i, (x, d) in enumerate(zip(numbers, direction, strict=True))
            ]
            return value_of(function, there)

        tape, inputs, result = on_tape(function, at, direction)
        backwards(tape, [(result, arb(1))])
        assert near(result.value, value_of(function, numbers), 55)
        h = STEP
        assert near(result.tangent, (moved(h, 0, 0) - moved(-h, 0, 0)) / (2 * h))
        k = mpmath.mpf(10) ** -10
        for place, variable in enumerate(inputs):
            assert near(variable.adjoint, (moved(0, place, h) - moved(0, place, -h)) / (2 * h)), place
            cross = moved(k, place, k) - moved(k, place, -k) - moved(-k, place, k) + moved(-k, place, -k)
            assert near(variable.adjoint_tangent, cross / (4 * k * k), 15), place


@pytest.mark.parametrize("name", ["product", "dot", "branches", "used twice"])
def test_balls_hold_the_truth_at_every_precision(name: str) -> None:
    with mpmath.workdps(DIGITS):
        expected = value_of(FUNCTIONS[name], [mpmath.mpf(x) for x in AT[0]])
        for bits in (32, 64, 128):
            with working_precision(bits):
                *_, result = on_tape(FUNCTIONS[name], AT[0])
                assert abs(as_mpf(result.value.mid()) - expected) <= as_mpf(result.value.rad()) * (
                    1 + mpmath.mpf(10) ** -9
                )


def test_seeds_of_several_results_add_up() -> None:
    tape = Tape()
    x, y = tape.input(3.0), tape.input(-2.0)
    backwards(tape, [(x * y, arb(2)), (x + y, arb(10)), (x * x, arb(1))])
    assert (float(x.adjoint), float(y.adjoint)) == (2 * -2 + 10 + 6, 2 * 3 + 10)  # type: ignore[arg-type]  # both are there
    backwards(tape, [(x, arb(1))])
    assert (float(x.adjoint), y.adjoint) == (1.0, None), "what was there before is forgotten"  # type: ignore[arg-type]


# One row: what, value, derivative at the argument; None where it is NaN.
LIMITS: tuple[tuple[str, Of, float, float | None, float | None], ...] = (
    ("exp −∞", exp, -INF, 0.0, 0.0),
    ("exp ∞", exp, INF, INF, INF),
    ("expm1 −∞", expm1, -INF, -1.0, 0.0),
    ("log 0", log, 0.0, -INF, INF),
    ("log ∞", log, INF, INF, 0.0),
    ("log −1", log, -1.0, None, None),
    ("log1p −1", log1p, -1.0, -INF, INF),
    ("sqrt 0", sqrt, 0.0, 0.0, INF),
    ("sqrt −1", sqrt, -1.0, None, None),
    ("sqrt ∞", sqrt, INF, INF, 0.0),
    ("tanh ∞", tanh, INF, 1.0, 0.0),
    ("tanh −∞", tanh, -INF, -1.0, 0.0),
    ("erfc ∞", erfc, INF, 0.0, 0.0),
    ("erfc −∞", erfc, -INF, 2.0, 0.0),
    ("sigmoid −∞", sigmoid, -INF, 0.0, 0.0),
    ("softplus −∞", softplus, -INF, 0.0, 0.0),
    ("softplus ∞", softplus, INF, INF, 1.0),
    ("xlogx 0", xlogx, 0.0, 0.0, -INF),
    ("0 to the 0", lambda x: power(x, 0), 0.0, 1.0, 0.0),
    ("0 squared", lambda x: power(x, 2), 0.0, 0.0, 0.0),
    ("∞ cubed", lambda x: power(x, 3), INF, INF, INF),
    ("(−2)³", lambda x: power(x, 3), -2.0, -8.0, 12.0),
    ("one over 0", lambda x: 1 / x, 0.0, None, None),
    ("one over ∞", lambda x: 1 / x, INF, 0.0, 0.0),
    ("∞ − ∞", lambda x: x - x, INF, None, 0.0),
    ("0 · ∞", lambda x: 0 * x, INF, None, 0.0),
)  # fmt: skip


@pytest.mark.parametrize(("what", "function", "x", "value", "slope"), LIMITS, ids=[row[0] for row in LIMITS])
def test_limits_at_infinity_and_at_the_edge(
    what: str, function: Of, x: float, value: float | None, slope: float | None
) -> None:
    tape, (variable,), result = on_tape(function, [x])
    backwards(tape, [(result, arb(1))])
    found = (result.value, variable.adjoint)
    assert [None if ball is None or ball.is_nan() else float(ball) for ball in found] == [value, slope], found


def test_nothing_times_an_infinite_logarithm_is_nothing() -> None:
    tape = Tape()
    x, y = tape.input(0.0), tape.input(0.0)
    result = xlogy(x, y)
    backwards(tape, [(result, arb(1))])
    assert float(result.value) == 0.0
    assert float(x.adjoint) == -INF  # type: ignore[arg-type]  # it is there
    assert y.adjoint.is_nan(), "0/0"  # type: ignore[union-attr]


def test_what_counts_nothing_adds_nothing_however_large_it_is() -> None:
    tape = Tape()
    weight, x = tape.input(0.0), tape.input(INF)
    result = counted(weight, x)
    backwards(tape, [(result, arb(1))])
    assert (float(result.value), float(x.adjoint), float(weight.adjoint)) == (0.0, 0.0, INF)  # type: ignore[arg-type]  # they are there
    assert counted(weight, tape.input(NAN)).value.is_nan()


def test_to_compare_a_nan_is_no_branch_and_spoils_its_own_place_alone() -> None:
    tape = Tape()
    x, y = tape.input(NAN), tape.input(2.0)
    comparisons: tuple[Callable[[], Any], ...] = (
        lambda: x > 0,
        lambda: y <= x,
        lambda: absolute(x),
        lambda: maximum(x, y),
    )
    for compare in comparisons:
        with pytest.raises(Missing):
            compare()
    first, second = each(absolute, [x, y])
    backwards(tape, [(second, arb(1))])
    assert first.value.is_nan()
    assert float(second.value) == 2.0
    assert float(y.adjoint) == 1.0  # type: ignore[arg-type]  # it is there


def test_numbers_that_precision_can_not_tell_apart_are_no_tie() -> None:
    with working_precision(64):
        tape = Tape()
        x = sqrt(tape.input(2.0))
        with pytest.raises(Undecided):
            _ = x * x >= 2
        assert tape.ties == 0


# One row: function of two numbers, at, the slopes that the choices give.
TIES: tuple[tuple[Of, tuple[float, float], set[tuple[float, float]]], ...] = (
    (lambda x, y: absolute(x) + y, (0.0, 1.0), {(-1.0, 1.0), (1.0, 1.0)}),
    (lambda x, y: maximum(x, y), (2.0, 2.0), {(1.0, 0.0), (0.0, 1.0)}),
    (lambda x, y: minimum(x, 3 * y), (3.0, 1.0), {(1.0, 0.0), (0.0, 3.0)}),
    (lambda x, y: maximum(x, 0) * absolute(y), (0.0, 0.0), {(0.0, 0.0)}),
    (lambda x, y: absolute(x) + absolute(y), (0.0, 0.0), {(a, b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)}),
)  # fmt: skip


@pytest.mark.parametrize(("function", "at", "slopes"), TIES, ids=range(len(TIES)))
def test_every_side_of_a_tie_can_be_chosen(
    function: Of, at: tuple[float, float], slopes: set[tuple[float, float]]
) -> None:
    tape, *_ = on_tape(function, at)
    assert 0 < tape.ties <= MOST_TIES
    found = set()
    for choices in product((True, False), repeat=tape.ties):
        other, inputs, result = on_tape(function, at, choices=choices)
        backwards(other, [(result, arb(1))])
        found.add(tuple(0.0 if one.adjoint is None else float(one.adjoint) for one in inputs))
    assert found == slopes


def test_what_a_sum_may_lose_grows_with_the_levels_of_pairwise_addition() -> None:
    assert [float(rounding(n)) for n in (1, 2, 3, 4, 5, 8, 9, 1024, 100_003)] == [1, 1.5, 2, 2, 2.5, 2.5, 3, 6, 9.5]


def test_sums_are_remembered_with_what_rounding_may_change_them_by() -> None:
    tape = Tape()
    x, y, z = (tape.input(number) for number in (3.0, -2.0, 0.5))
    inner = total([x, y, z])
    total([inner, 4])
    total([x])
    assert [float(change) for _, change in tape.sums] == [2 * 5.5, 1.5 * 5.5]
    assert [float(result.value) for result, _ in tape.sums] == [1.5, 5.5]


def test_a_sum_can_be_stretched_by_what_rounding_may_change_it_by() -> None:
    def function(x: Any, y: Any) -> Any:
        return total([x, y]) * total([x, -y])

    *_, result = on_tape(function, (3.0, 1.0), stretched={1: 1})
    assert float(result.tangent) == 4 * 1.5 * 4  # type: ignore[arg-type]  # the first sum times the second one's change
    *_, result = on_tape(function, (3.0, 1.0))
    assert result.tangent is None


def test_a_definition_may_not_use_rounded_numbers_without_saying_so() -> None:
    with pytest.raises(TypeError, match="int, Fraction and Constant"):
        Tape().constant("0.1")
