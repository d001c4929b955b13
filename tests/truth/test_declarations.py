"""What the standard declares beside its formulas, proved with balls: limits, kinks, jumps, other forms, landmarks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from flint import arb, fmpq

from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, Format, values
from conformance.standard import FUNCTIONS, Function, Limit
from conformance.standard.model import Parameters, text_of
from conformance.truth.oracle import START_BITS, evaluate, series_at, table
from conformance.truth.reals import FINITE, UNDERFLOW
from conformance.truth.series import Undecided, working_precision

SAMPLES = [
    pytest.param(function, parameters, id=f"{function.name}-{index}")
    for function in FUNCTIONS.values()
    for index, parameters in enumerate(function.samples())
]
samples = pytest.mark.parametrize(("function", "parameters"), SAMPLES)

EXPONENTS = (0, 2, 4, 6, 8, 10, 12, 16, 20, 30, 60, 120, 500, 1000)
"""The limits are looked at along ±2^k."""

SETTLED = 12
"""From 2^12 on every function does what it does at infinity, also with a sharpness of 0.01."""

FACTORIALS = (1, 1, 2, 6)


def ball(number: Fraction | float) -> Any:
    return arb(number) if isinstance(number, float) else arb(fmpq(number.numerator, number.denominator))


def along(function: Function, parameters: Parameters, limit: Limit) -> Iterator[Any]:
    sign = 1 if limit.at == "+inf" else -1
    for exponent in EXPONENTS:
        yield series_at(function, parameters, sign * 2.0**exponent)


@samples
@pytest.mark.parametrize("end", [0, 1], ids=["-inf", "+inf"])
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_limits_are_approached(function: Function, parameters: Parameters, end: int, order: int) -> None:
    """The distance from the declared limit no longer grows far out and ends below 2^−60; infinities outgrow 2^90.

    A limit written with a sign is approached from that side: no ball lies on the other one.
    """
    limit = function.limits[end]
    expressions = (limit.value, limit.derivative, limit.second_derivative, "0")
    number = evaluate(expressions[order], parameters)
    sign = {"+": 1, "-": -1}.get(text_of(expressions[order], parameters)[:1], 0) if number == 0 else 0
    far = EXPONENTS.index(SETTLED)
    with working_precision(1024):
        found = [series[order] * FACTORIALS[order] for series in along(function, parameters, limit)]
        if isinstance(number, float) and math.isinf(number):
            toward = [b * (1 if number > 0 else -1) for b in found]
            assert all(later > sooner for sooner, later in pairwise(toward[far:]))
            assert toward[-1] > arb(2) ** 90
            return
        distances = [abs(b - ball(number)) for b in found]
        assert all(not later > sooner for sooner, later in pairwise(distances[far:]))
        assert distances[-1] < arb(2) ** -60
        if sign:
            assert not any(b * sign < 0 for b in found)
            assert sum(bool(b * sign > 0) for b in found) >= 2


@samples
def test_limits_are_declared_from_minus_to_plus_infinity(function: Function, parameters: Parameters) -> None:
    assert [limit.at for limit in function.limits] == ["-inf", "+inf"]
    for limit in function.limits:
        for expression in (limit.value, limit.derivative, limit.second_derivative):
            evaluate(expression, parameters)


@samples
def test_kinks_are_continuous_and_have_the_declared_derivatives(function: Function, parameters: Parameters) -> None:
    for kink in function.kinks:
        at = evaluate(kink.at, parameters)
        assert at == float(at), "the place of a kink is a binary64 number, or the oracle needs another way to get there"
        with working_precision(256):
            left, here, right = (series_at(function, parameters, float(at), side) for side in (-1, 0, 1))
            assert left[0] == right[0]
            assert left[0] == here[0]
            assert left[1] == ball(evaluate(kink.left, parameters))
            assert right[1] == ball(evaluate(kink.right, parameters))
        between = sorted([evaluate(kink.left, parameters), evaluate(kink.right, parameters)])
        assert between[0] <= evaluate(kink.customary, parameters) <= between[1]


@samples
def test_jumps_jump_and_other_landmarks_do_not(function: Function, parameters: Parameters) -> None:
    for landmark in function.landmarks:
        at = evaluate(landmark.at, parameters)
        if isinstance(at, float):
            assert landmark.jump, "only a threshold may be infinite"
            continue
        if at != float(at):
            continue  # The threshold lies between two numbers; no input is at it.
        with working_precision(256):
            left, right = (series_at(function, parameters, float(at), side) for side in (-1, 1))
            assert left[0].overlaps(right[0]) != landmark.jump


@samples
def test_a_threshold_between_two_numbers_jumps_there(function: Function, parameters: Parameters) -> None:
    """The two numbers around a jump are farther apart in value than in place."""
    for landmark in function.landmarks:
        at = evaluate(landmark.at, parameters)
        if not landmark.jump or isinstance(at, float):
            continue
        below = float(at) if Fraction(float(at)) <= at else math.nextafter(float(at), -math.inf)
        above = math.nextafter(below, math.inf)
        with working_precision(256):
            step = series_at(function, parameters, above)[0] - series_at(function, parameters, below)[0]
            assert abs(step) > 1.5 * (arb(above) - arb(below))


@samples
def test_forms_are_the_same_function(function: Function, parameters: Parameters) -> None:
    """Where a form applies and the textbook's formula can be enclosed: every coefficient is the same, to 2^−200."""
    for form in function.forms:
        compared = 0
        for x in [s * m * 2.0**k for s in (-1, 1) for m in (1.0, 1.4375) for k in range(-30, 9)]:
            if not form.applies(x, parameters):
                continue
            with working_precision(1024):
                textbook = series_at(_with(function, function.definition), parameters, x)
                other = series_at(_with(function, form.definition), parameters, x)
                for order in range(4):
                    one, two = textbook[order], other[order]
                    assert one.overlaps(two)
                    assert abs(one - two) <= (abs(two) + 1) * arb(2) ** -200
            compared += 1
        assert compared > 50


def _with(function: Function, definition: Any) -> Function:
    return Function(
        name=function.name, title="", family="", formula="", definition=definition, limits=function.limits,
        zero_sign="none", sources=(),
    )  # fmt: skip


@samples
def test_forms_are_needed(function: Function, parameters: Parameters) -> None:
    """Each takes over where the textbook's formula shows not one digit, or it would be one too many."""
    for form in function.forms:
        if parameters.get("threshold", math.inf) != math.inf and form.applies(1.0, parameters):
            continue  # Beyond a threshold nothing is left to enclose.
        places = [x for x in (-1e300, -1e5, 1e5, 1e300) if form.applies(x, parameters)]
        assert all(_enclosed(_with(function, form.definition), parameters, x) for x in places)
        assert any(not _enclosed(_with(function, function.definition), parameters, x) for x in places)


def _enclosed(function: Function, parameters: Parameters, x: float) -> bool:
    """Whether the ball at x has a digit, or is smaller than any number of any format, at the oracle's first precision."""
    with working_precision(START_BITS):
        try:
            value = series_at(function, parameters, x)[0]
        except (Undecided, ValueError):
            return False
        return bool(value.is_finite() and (value.rel_accuracy_bits() > 3 or abs(value) < arb(2) ** -2000))


@samples
@pytest.mark.parametrize("format", [FLOAT16, BFLOAT16, FLOAT32], ids=lambda f: f.name)
def test_beyond_the_outermost_landmark_the_sign_is_that_of_the_limit(
    function: Function, parameters: Parameters, format: Format
) -> None:
    """What lets the oracle take an underflow's sign from the limit: there the function has no zero any more."""
    random = np.random.default_rng(3)
    bits = random.integers(0, 1 << format.width, 500, dtype=format.bits_type)
    points = [kink.at for kink in function.kinks] + [mark.at for mark in function.landmarks]
    places = [p for p in (float(evaluate(at, parameters)) for at in points) if math.isfinite(p)] or [0.0]
    numbers = values(bits, format)
    truth = table(function, parameters, format, bits)
    for limit in function.limits:
        outside = numbers > max(places) if limit.at == "+inf" else numbers < min(places)
        outside &= np.isfinite(numbers)
        for order, expression in zip(truth.orders, (limit.value, limit.derivative), strict=False):
            text = text_of(expression, parameters)
            if text not in ("+0", "-0"):
                continue
            shown = outside & (order.is_kind(FINITE) | order.is_kind(UNDERFLOW))
            assert shown.any()
            assert (np.sign(order.mantissa[shown]) == (1 if text == "+0" else -1)).all()


@samples
def test_ranges_hold_for_the_truth(function: Function, parameters: Parameters) -> None:
    bits = np.arange(0, 1 << 16, 5, dtype=np.uint32).astype(np.uint16)
    numbers = table(function, parameters, BFLOAT16, bits).orders[0].approximate()
    arguments = values(bits, BFLOAT16)
    real = ~np.isnan(arguments)
    for prop in function.properties:
        low, high = float(evaluate(prop.low, parameters)), float(evaluate(prop.high, parameters))
        assert (numbers[real] >= low).all()
        assert (numbers[real] <= high).all()
        if prop.kind == "nondecreasing":
            assert (np.diff(numbers[real][np.argsort(arguments[real])]) >= 0).all()
        elif prop.kind == "at_least_argument":
            assert (numbers[real] >= arguments[real]).all()
        else:
            assert prop.kind == "range", f"a property that no test of the truth knows: {prop.kind}"


@samples
def test_landmarks_that_say_zero_are_zeros(function: Function, parameters: Parameters) -> None:
    """A zero of the function or a derivative: it changes its sign within a millionth of the place, or is zero there."""
    words = {"zero of the function": 0, "zero of the derivative": 1, "zero of the second derivative": 2}
    for landmark in function.landmarks:
        at = evaluate(landmark.at, parameters)
        for phrase, order in words.items():
            if phrase not in landmark.meaning:
                continue
            with working_precision(256):
                below, above = (series_at(function, parameters, float(at) + step)[order] for step in (-1e-6, 1e-6))
                assert below * above < 0
