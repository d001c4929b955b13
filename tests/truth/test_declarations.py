"""What the standard declares beside its formulas, proved with balls: limits, kinks, jumps, other forms, landmarks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from flint import arb, fmpq

from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, Format, round_to, values
from conformance.standard import FUNCTIONS, Function, Limit
from conformance.standard.model import Expression, Parameters, text_of
from conformance.truth import ulps
from conformance.truth.oracle import START_BITS, evaluate, series_at, table
from conformance.truth.reals import FINITE, NAN, UNDERFLOW
from conformance.truth.series import Undecided, working_precision

SAMPLES = [
    pytest.param(function, parameters, id=f"{function.name}-{index}")
    for function in FUNCTIONS.values()
    for index, parameters in enumerate(function.samples())
]
samples = pytest.mark.parametrize(("function", "parameters"), SAMPLES)
samples_with_forms = pytest.mark.parametrize(
    ("function", "parameters"),
    [(function, parameters) for function in FUNCTIONS.values() if function.forms for parameters in function.samples()],
)
functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)

EXPONENTS = (0, 2, 4, 6, 8, 10, 12, 16, 20, 30, 60, 120, 500, 1000)
"""The limits are looked at along ±2^k."""

SETTLED = 12
"""From 2^12 on every function does what it does at infinity, also with a sharpness of 0.01."""

FACTORIALS = (1, 1, 2, 6)

FAR_OUT = (-1e300, -1e5, 1e5, 1e300)


def ball(number: Fraction | float) -> Any:
    return arb(number) if isinstance(number, float) else arb(fmpq(number.numerator, number.denominator))


IRRATIONAL = 36
"""A decimal of as many places or more stands for the number that it is the rounding of: what float64 needs, and some."""


def is_number(found: Any, expression: Expression, parameters: Parameters) -> bool:
    """Whether a ball holds the declared number and next to nothing else."""
    number = ball(evaluate(expression, parameters))
    places = len(text_of(expression, parameters).partition(".")[2])
    near = abs(found - number) <= arb(10) ** -places / 2 if places >= IRRATIONAL else found.overlaps(number)
    return bool(near and found.rad() < arb(2) ** -200)


def outermost(function: Function, parameters: Parameters) -> tuple[float, float]:
    """The first and the last kink or landmark; beyond them the oracle takes a limit's sign for that of an underflow."""
    points = [kink.at for kink in function.kinks] + [mark.at for mark in function.landmarks]
    places = [place for place in (float(evaluate(at, parameters)) for at in points) if math.isfinite(place)] or [0.0]
    return min(places), max(places)


def outside_the_domain(function: Function, at: str) -> bool:
    return function.domain is not None and float(at) < function.domain.low


def along(function: Function, parameters: Parameters, limit: Limit) -> Iterator[tuple[float, Any]]:
    sign = 1 if limit.at == "+inf" else -1
    for exponent in EXPONENTS:
        yield sign * 2.0**exponent, series_at(function, parameters, sign * 2.0**exponent)


@samples
def test_limits_are_approached(function: Function, parameters: Parameters) -> None:
    """The distance from the declared limit no longer grows far out and ends below 2^−60; infinities outgrow 2^90.

    A limit written with a sign is approached from that side: beyond the last landmark no ball lies on the other one.
    """
    for limit in function.limits:
        assert_limit_is_approached(function, parameters, limit)


def assert_limit_is_approached(function: Function, parameters: Parameters, limit: Limit) -> None:
    third = "0" if evaluate(limit.second_derivative, parameters) == 0 else limit.second_derivative
    expressions = (limit.value, limit.derivative, limit.second_derivative, third)
    if outside_the_domain(function, limit.at):
        assert all(math.isnan(evaluate(expression, parameters)) for expression in expressions)
        return
    with working_precision(1024):
        places, every = zip(*along(function, parameters, limit), strict=True)
        for order, expression in enumerate(expressions):
            found = [series[order] * FACTORIALS[order] for series in every]
            assert_approached(function, parameters, expression, places, found)


def assert_approached(
    function: Function, parameters: Parameters, expression: Expression, places: Sequence[float], found: Sequence[Any]
) -> None:
    """The balls `found` at `places`, ever farther out, tend to the declared number."""
    number = evaluate(expression, parameters)
    sign = {"+": 1, "-": -1}.get(text_of(expression, parameters)[:1], 0) if number == 0 else 0
    far = EXPONENTS.index(SETTLED)
    if isinstance(number, float) and math.isinf(number):
        toward = [b * (1 if number > 0 else -1) for b in found]
        assert all(later > sooner for sooner, later in pairwise(toward[far:]))
        assert toward[-1] > arb(2) ** 90
        return
    distances = [abs(b - ball(number)) for b in found]
    assert all(not later > sooner for sooner, later in pairwise(distances[far:]))
    assert distances[-1] < arb(2) ** -60
    if sign:
        first, last = outermost(function, parameters)
        beyond = [b for place, b in zip(places, found, strict=True) if not first <= place <= last]
        assert not any(b * sign < 0 for b in beyond)
        assert sum(bool(b * sign > 0) for b in beyond) >= 2


@functions
def test_limits_are_declared_from_minus_to_plus_infinity(function: Function) -> None:
    for parameters in function.samples():
        assert [limit.at for limit in function.limits] == ["-inf", "+inf"]
        for limit in function.limits:
            for expression in (limit.value, limit.derivative, limit.second_derivative):
                evaluate(expression, parameters)


@functions
def test_kinks_are_continuous_and_have_the_declared_derivatives(function: Function) -> None:
    for parameters in function.samples():
        for kink in function.kinks:
            at = evaluate(kink.at, parameters)
            if at != at:
                continue
            assert at == float(at), (
                "the place of a kink is a binary64 number, or the oracle needs another way to get there"
            )
            with working_precision(256):
                left, here, right = (series_at(function, parameters, float(at), side) for side in (-1, 0, 1))
                assert left[0] == right[0]
                assert left[0] == here[0]
                assert is_number(left[1], kink.left, parameters)
                assert is_number(right[1], kink.right, parameters)
            between = sorted([evaluate(kink.left, parameters), evaluate(kink.right, parameters)])
            assert between[0] <= evaluate(kink.customary, parameters) <= between[1]


@functions
def test_jumps_jump_and_other_landmarks_do_not(function: Function) -> None:
    """The first order that a landmark names jumps there, and those before it do not; without `jump` none of them does."""
    for parameters in function.samples():
        for landmark in function.landmarks:
            at = evaluate(landmark.at, parameters)
            if isinstance(at, float):
                assert landmark.jump or at != at, "only a threshold may be infinite"
                continue
            if at != float(at):
                continue  # The threshold lies between two numbers; no input is at it.
            first = min(landmark.orders)
            with working_precision(256):
                left, right = (series_at(function, parameters, float(at), side) for side in (-1, 1))
                continuous = [bool(left[order].overlaps(right[order])) for order in range(3)]
            assert all(continuous[:first])
            assert continuous[first] != landmark.jump
            assert landmark.jump or all(continuous[order] for order in landmark.orders)


@functions
def test_what_jumps_is_farther_apart_than_its_arguments(function: Function) -> None:
    """The numbers on both sides of a jump, neighbours of the place or of each other."""
    for parameters in function.samples():
        for landmark in function.landmarks:
            at = evaluate(landmark.at, parameters)
            if not landmark.jump or isinstance(at, float):
                continue
            nearest = float(at)
            below = nearest if nearest < at else math.nextafter(nearest, -math.inf)
            above = nearest if nearest > at else math.nextafter(nearest, math.inf)
            order = min(landmark.orders)
            with working_precision(256):
                step = series_at(function, parameters, above)[order] - series_at(function, parameters, below)[order]
                assert abs(step) * FACTORIALS[order] > 1.5 * (arb(above) - arb(below))


@samples_with_forms
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
        assert compared > 10 or not any(form.applies(x, parameters) for x in FAR_OUT)


def _with(function: Function, definition: Any) -> Function:
    return Function(
        name=function.name, title="", family="", formula="", definition=definition, limits=function.limits,
        zero_sign="none", sources=(),
    )  # fmt: skip


@samples_with_forms
def test_forms_are_needed(function: Function, parameters: Parameters) -> None:
    """Each takes over where the textbook's formula shows not one digit, or it would be one too many."""
    for form in function.forms:
        if parameters.get("threshold", math.inf) != math.inf and form.applies(1.0, parameters):
            continue  # Beyond a threshold nothing is left to enclose.
        places = [x for x in FAR_OUT if form.applies(x, parameters)]
        assert all(_enclosed(_with(function, form.definition), parameters, x) for x in places)
        assert not places or any(not _enclosed(_with(function, function.definition), parameters, x) for x in places)
        assert places or parameters != function.defaults()


def _enclosed(function: Function, parameters: Parameters, x: float) -> bool:
    """Whether the ball at x has a digit, or is smaller than any number of any format, at the oracle's first precision."""
    with working_precision(START_BITS):
        try:
            value = series_at(function, parameters, x)[0]
        except (Undecided, ValueError):
            return False
        return bool(value.is_finite() and (value.rel_accuracy_bits() > 3 or abs(value) < arb(2) ** -2000))


@samples
def test_beyond_the_outermost_landmark_the_sign_is_that_of_the_limit(
    function: Function, parameters: Parameters
) -> None:  # fmt: skip
    """What lets the oracle take an underflow's sign from the limit: there the function has no zero any more."""
    for format in (FLOAT16, BFLOAT16, FLOAT32):
        assert_signs_are_those_of_the_limits(function, parameters, format)


def assert_signs_are_those_of_the_limits(function: Function, parameters: Parameters, format: Format) -> None:
    random = np.random.default_rng(3)
    bits = random.integers(0, 1 << format.width, 200, dtype=format.bits_type)
    first, last = outermost(function, parameters)
    numbers = values(bits, format)
    truth = table(function, parameters, format, bits)
    for limit in function.limits:
        outside = numbers > last if limit.at == "+inf" else numbers < first
        outside &= np.isfinite(numbers)
        tend_to = (limit.value, limit.derivative, limit.second_derivative)
        for order, expression in zip(truth.orders, tend_to, strict=False):
            text = text_of(expression, parameters)
            if text not in ("+0", "-0"):
                continue
            shown = outside & (order.is_kind(FINITE) | order.is_kind(UNDERFLOW))
            assert shown.any()
            assert (np.sign(order.mantissa[shown]) == (1 if text == "+0" else -1)).all()


@samples
def test_properties_hold_for_the_truth_and_survive_rounding(function: Function, parameters: Parameters) -> None:
    """They may be asked of an implementation only if one that is correctly rounded has them."""
    if not function.properties:
        return
    # Other steps for other parameters; both are odd, so that all exponents and mantissas come up.
    half = np.arange(0, 1 << 15, 31 if parameters == function.defaults() else 201, dtype=np.uint32).astype(np.uint16)
    bits = np.concatenate([half | BFLOAT16.sign_bit, half]).astype(np.uint16)
    truth = table(function, parameters, BFLOAT16, bits).orders[0]
    numbers = values(ulps.rounded(truth, BFLOAT16), BFLOAT16)
    mirrored = np.concatenate(np.split(numbers, 2)[::-1])
    arguments = values(bits, BFLOAT16)
    real = ~truth.is_kind(NAN)
    numbers, mirrored, arguments = numbers[real], mirrored[real], arguments[real]
    assert len(numbers) > 150
    for prop in function.properties:
        ends = [float(evaluate(prop.low, parameters)), float(evaluate(prop.high, parameters))]
        low, high = values(round_to(np.array(ends), BFLOAT16), BFLOAT16)
        assert (numbers >= low).all()
        assert (numbers <= high).all()
        if prop.kind == "nondecreasing":
            ascending = numbers[np.argsort(arguments, kind="stable")]
            assert (ascending[1:] >= ascending[:-1]).all()
        elif prop.kind == "at_least_argument":
            assert (numbers >= arguments).all()
        elif prop.kind == "odd":
            assert (numbers == -mirrored).all()
        else:
            assert prop.kind == "range", f"a property that no test of the truth knows: {prop.kind}"


@functions
def test_landmarks_that_say_zero_are_zeros(function: Function) -> None:
    """A zero of the function or a derivative: it changes its sign within a millionth of the place, or is zero there."""
    for parameters in function.samples():
        words = {"zero of the function": 0, "zero of the derivative": 1, "zero of the second derivative": 2}
        for landmark in function.landmarks:
            at = evaluate(landmark.at, parameters)
            if at != at:
                continue
            for phrase, order in words.items():
                if phrase not in landmark.meaning:
                    continue
                with working_precision(256):
                    below, above = (series_at(function, parameters, float(at) + step)[order] for step in (-1e-6, 1e-6))
                    assert below * above < 0
