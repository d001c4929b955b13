"""What a question allows: bars against a slow exact reference, intervals at kinks and jumps, and the vacuity meter."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from conformance.cases.lattice import lattice
from conformance.formats import FLOAT16, FLOAT32, FLOAT64, Bits, Format, from_ordinals, ordinals, round_to, values
from conformance.judge.accuracy import measure
from conformance.judge.question import question
from conformance.standard import FUNCTIONS, Bar
from conformance.truth import ulps
from conformance.truth.cache import Oracle
from tests.toy import few


def ulp(number: Fraction, format: Format) -> Fraction:
    """The unit in the last place of a number, by comparing with powers of two; that of zero is the smallest subnormal."""
    if number == 0:
        return Fraction(format.smallest_subnormal)
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    exponent -= abs(number) < Fraction(2) ** exponent
    return Fraction(2) ** (max(exponent, format.emin) - format.precision + 1)


@pytest.mark.parametrize("format", [FLOAT16, FLOAT32, FLOAT64], ids=lambda format: format.name)
@pytest.mark.parametrize("quantity", ["value", "gradient"])
def test_a_bar_is_4_units_of_the_result_and_what_2_of_the_argument_are_worth(
    quantity: str, format: Format, oracle: Oracle
) -> None:  # fmt: skip
    """hard_swish between its kinks is (x² + 3x)/6, so that everything is rational."""
    numbers = np.array([-2.99, -2.5, -1.5001, -1.4999, -1.0, -0.001, 1e-5, 0.3, 1.0, 2.0, 2.999])
    bits = round_to(numbers, format)
    asked = question(FUNCTIONS["hard_swish"], {}, format, quantity, bits, oracle)
    for index, number in enumerate(values(bits, format)):
        x = Fraction(float(number))
        derivatives = ((x * x + 3 * x) / 6, (2 * x + 3) / 6, Fraction(1, 3))
        truth, slope = derivatives[quantity == "gradient" :][:2]
        due = 4 + 2 * ulp(x, format) * abs(slope) / ulp(truth, format)
        assert asked.bar[index] == pytest.approx(float(due), rel=1e-12)


def test_a_function_that_need_not_round_has_no_bar(oracle: Oracle) -> None:
    bits = lattice(FUNCTIONS["relu"], {}, FLOAT32, oracle)
    assert not question(FUNCTIONS["relu"], {}, FLOAT32, "value", bits, oracle).bar.any()


def conforming(
    name: str,
    parameters: dict[str, float],
    format: Format,
    quantity: str,
    x: Bits,
    answers: list[float],
    oracle: Oracle,
) -> list[bool]:
    """Whether each answer would do, at each x."""
    asked = question(FUNCTIONS[name], parameters, format, quantity, x, oracle)
    return [bool(ok) for ok in measure(asked, round_to(np.array(answers), format)).conforms]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_every_subgradient_conforms_at_a_kink_and_nothing_else(zero: float, oracle: Oracle) -> None:
    answers = [0.0, -0.0, 0.5, 1.0, 1.25, -0.25, np.nan, np.inf]
    x = round_to(np.full(len(answers), zero), FLOAT32)
    found = conforming("relu", {}, FLOAT32, "gradient", x, answers, oracle)
    assert found == [True, True, True, True, False, False, False, False]
    smallest = round_to(np.array([1e-45, -1e-45]), FLOAT32)
    assert conforming("relu", {}, FLOAT32, "gradient", smallest, [0.0, 1.0], oracle) == [False, False], "only at zero"


def test_within_two_units_of_a_kink_either_side_conforms(oracle: Oracle) -> None:
    """hard_swish′ jumps from 3/2 to 1 at x = 3."""
    place = int(ordinals(round_to(np.array([3.0]), FLOAT32), FLOAT32)[0])
    steps = np.array([-9, -3, -2, -1, 0, 1, 2, 3, 9])
    x = from_ordinals(place + steps, FLOAT32)
    near = np.abs(steps) <= 2
    left, right = (2 * values(x, FLOAT32) + 3) / 6, np.ones(len(x))
    never = np.zeros(len(x), dtype=bool)
    for answers, always in ((left, steps < 0), (right, steps > 0), ((left + right) / 2, never)):
        found = conforming("hard_swish", {}, FLOAT32, "gradient", x, answers.tolist(), oracle)
        assert found == (near | always).tolist()


def test_where_the_second_derivative_jumps_either_side_conforms(oracle: Oracle) -> None:
    """sparse_plus″ jumps from 1/2 to 0 at x = 1, where the derivative is continuous and as sharp as elsewhere."""
    place = int(ordinals(round_to(np.array([1.0]), FLOAT32), FLOAT32)[0])
    steps = np.array([-9, -3, -2, -1, 0, 1, 2, 3, 9])
    x = from_ordinals(place + steps, FLOAT32)
    near = np.abs(steps) <= 2
    for answer, always in ((0.5, steps < 0), (0.0, steps > 0), (0.25, steps == 99)):
        found = conforming("sparse_plus", {}, FLOAT32, "second_derivative", x, [answer] * len(x), oracle)
        assert found == (near | always).tolist()
    assert not any(conforming("sparse_plus", {}, FLOAT32, "gradient", x, [0.5] * len(x), oracle))


@pytest.mark.parametrize(("alpha", "slopes"), [(1.0, [False, True, False]), (0.5, [True, True, False])])
def test_a_kink_that_is_there_for_some_parameters(alpha: float, slopes: list[bool], oracle: Oracle) -> None:
    """elu has one at 0, with subgradients from alpha to 1; with alpha = 1 the second derivative alone jumps there."""
    x = round_to(np.zeros(3), FLOAT32)
    found = conforming("elu", {"alpha": alpha}, FLOAT32, "gradient", x, [0.75, 1.0, 1.25], oracle)
    assert found == slopes
    curvatures = conforming("elu", {"alpha": alpha}, FLOAT32, "second_derivative", x, [0.0, alpha, -1.0], oracle)
    assert curvatures == [True, True, False]


def test_a_threshold_between_two_numbers_has_two_sides(oracle: Oracle) -> None:
    """softplus with beta = 3 and threshold = 20 jumps by 7·10⁻¹⁰ at 20/3, which no format holds."""
    parameters = {"beta": 3.0, "threshold": 20.0}
    place = int(ordinals(round_to(np.array([20 / 3]), FLOAT64), FLOAT64)[0])
    x = from_ordinals(place + np.arange(-8, 9), FLOAT64)
    numbers = values(x, FLOAT64)
    above = np.array([Fraction(float(number)) * 3 > 20 for number in numbers])
    assert 0 < above.sum() < len(above)
    smooth = numbers + np.log1p(np.exp(-3 * numbers)) / 3
    identity = conforming("softplus", parameters, FLOAT64, "value", x, numbers.tolist(), oracle)
    formula = conforming("softplus", parameters, FLOAT64, "value", x, smooth.tolist(), oracle)
    assert all(np.array(identity)[above])
    assert all(np.array(formula)[~above])
    both = np.array(identity) & np.array(formula)
    first = int(np.argmax(above))
    assert both[first - 2 : first + 2].all(), "two units on either side"
    assert not both[: first - 3].any()
    assert not both[first + 3 :].any()


def test_a_threshold_that_the_format_does_not_hold_may_be_rounded_to_it(oracle: Oracle) -> None:
    """0.1 lies below float32(0.1): hard_shrink keeps that number, or drops it as not greater than its threshold. Its other
    neighbours have one right answer, and so have those of a threshold that the format holds."""
    for threshold, either in ((0.1, True), (0.5, False)):
        place = int(ordinals(round_to(np.array([threshold]), FLOAT32), FLOAT32)[0])
        x = from_ordinals(place + np.array([-2, 1, 2]), FLOAT32)
        kept, dropped = values(x, FLOAT32).tolist(), [0.0, 0.0, 0.0]
        parameters = {"threshold": threshold}
        for quantity, one in (("value", kept), ("gradient", [1.0, 1.0, 1.0])):
            assert conforming("hard_shrink", parameters, FLOAT32, quantity, x, one, oracle) == [False, True, True]
            assert conforming("hard_shrink", parameters, FLOAT32, quantity, x, dropped, oracle) == [True, False, False]
        at = from_ordinals(np.array([place + (0 if either else 1)]), FLOAT32)
        assert conforming("hard_shrink", parameters, FLOAT32, "value", at, [0.0], oracle) == [either]
        assert conforming("hard_shrink", parameters, FLOAT32, "value", at, values(at, FLOAT32).tolist(), oracle) == [
            True
        ]


@pytest.mark.parametrize("x", [90.0, 1e3, 1e10, 1e38])
def test_far_beyond_overflow_only_infinity_conforms(x: float, oracle: Oracle) -> None:
    """The slope of e^x is as large as e^x: two units of x = 10^10 would be worth more than the whole truth."""
    answers = [np.inf, FLOAT32.largest, 0.0, -np.inf, np.nan]
    bits = round_to(np.full(len(answers), x), FLOAT32)
    for quantity in ("value", "gradient", "second_derivative"):
        found = conforming("exponential", {}, FLOAT32, quantity, bits, answers, oracle)
        assert found == [True, False, False, False, False]
    assert not question(FUNCTIONS["exponential"], {}, FLOAT32, "value", bits, oracle).vacuous.any()


def test_at_overflow_the_bar_is_that_of_the_slope(oracle: Oracle) -> None:
    """The first number whose exponential overflows: the largest number is within a unit of x, 3.3e38 is not. A hundredth
    further on only infinity is right."""
    answers = [np.inf, FLOAT32.largest, 3.3e38]
    for x, due in ((np.log(FLOAT32.largest), [True, True, False]), (88.73, [True, False, False])):
        bits = round_to(np.full(3, x), FLOAT32)
        assert conforming("exponential", {}, FLOAT32, "value", bits, answers, oracle) == due


def test_no_comparison_is_vacuous_with_the_bars_of_the_standard(oracle: Oracle) -> None:
    for name, function in FUNCTIONS.items():
        defaults, whole = function.defaults(), name in ("exponential", "softplus")
        bits = lattice(function, defaults, FLOAT32, oracle) if whole else few(function, defaults, FLOAT32)
        for quantity in ("value", "gradient", "second_derivative"):
            assert not question(function, defaults, FLOAT32, quantity, bits, oracle).vacuous.any(), (
                name,
                quantity,
            )


def test_a_bar_that_no_number_can_miss_makes_a_comparison_vacuous(oracle: Oracle) -> None:
    """All 63,490 finite numbers and infinities of float16 are tried: none of them would deviate."""
    lax = replace(FUNCTIONS["sigmoid"], bars={"value": Bar(result=2.0**30, argument=0, reason="to be vacuous")})
    tight = replace(FUNCTIONS["sigmoid"], bars={"value": Bar(result=2.0**26, argument=0, reason="not quite")})
    answers = np.arange(1 << 16, dtype=np.uint32).astype(np.uint16)
    numbers = ~np.isnan(values(answers, FLOAT16))
    x = np.full(len(answers), round_to(np.array([0.5]), FLOAT16)[0])
    for function, vacuous in ((lax, True), (tight, False)):
        asked = question(function, {}, FLOAT16, "value", x, oracle)
        assert asked.vacuous.all() == asked.vacuous.any() == vacuous
        assert measure(asked, answers).conforms[numbers].all() == vacuous
    assert ulps.decimal(question(lax, {}, FLOAT16, "value", x[:1], oracle).truth, 0).startswith("0.622459")
