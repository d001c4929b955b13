"""The oracle against definitions typed a second time, and at the inputs that have an answer of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Bits, Format, round_to, values
from conformance.standard import FUNCTIONS, Function
from conformance.standard.model import Form, Limit, Parameters
from conformance.standard.real import Operand, Real, exp
from conformance.truth import ulps
from conformance.truth.oracle import Table, evaluate, evaluate_text, one_sided, table
from conformance.truth.reals import FINITE, INFINITE, KINDS, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO, Reals

from ..often import EVERYTHING
from . import definitions_mpmath, exactly

formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
functions = pytest.mark.parametrize("name", FUNCTIONS)

INPUTS = {"float64": 160 if EVERYTHING else 80}
"""Numbers asked of a definition in a format; of the narrower ones, which differ in how an enclosure is settled, FEWER."""

FEWER = 160 if EVERYTHING else 40

CLOSELY = tuple(FUNCTIONS) if EVERYTHING else ("gelu", "softplus", "log1mexp")
"""Functions of which every 37th pattern of a narrow format is asked; of the others every 149th."""


def bits_of(numbers: list[float], format: Format) -> Bits:
    return round_to(np.array(numbers, dtype=np.float64), format)


def row_text(truth: Reals, index: int = 0) -> tuple[str, float]:
    return KINDS[truth.kind[index]], float(truth.mantissa[index])


def random_inputs(random: np.random.Generator, format: Format) -> Bits:
    """Bit patterns of every exponent, and as many numbers of everyday size."""
    half = INPUTS.get(format.name, FEWER) // 2
    anywhere = random.integers(0, 1 << format.width, half, dtype=format.bits_type)
    everyday = random.normal(size=half) * 10.0 ** random.uniform(-3, 2, half)
    bits = np.concatenate([anywhere, round_to(everyday, format)])
    return bits[np.isfinite(values(bits, format))]


def any_slope(random: np.random.Generator) -> list[float]:
    return [float(random.normal()), 10.0 ** float(random.uniform(-6, 3))]


def any_size(random: np.random.Generator) -> list[float]:
    return [float(10.0**exponent) for exponent in random.uniform(-2, 2, 2)]


def in_order(random: np.random.Generator) -> tuple[float, float]:
    low, high = np.sort(random.normal(size=2) * 3).tolist()
    return low, high


RANDOM_PARAMETERS: dict[str, Callable[[np.random.Generator], list[dict[str, float]]]] = {
    "clipped_relu": lambda random: [
        {"negative_slope": abs(slope), "max_value": threshold + size, "threshold": threshold}
        for slope, size, threshold in zip(
            any_slope(random), (*any_size(random)[:1], math.inf), any_size(random), strict=True
        )
    ],
    "leaky_relu": lambda random: [{"slope": slope} for slope in any_slope(random)],
    "prelu": lambda random: [{"slope": slope} for slope in any_slope(random)],
    "rrelu": lambda random: [dict(zip(("lower", "upper"), in_order(random), strict=True))],
    "threshold": lambda random: [{"threshold": float(random.normal()), "value": float(random.normal())}],
    "elu": lambda random: [{"alpha": alpha} for alpha in any_size(random)],
    "celu": lambda random: [{"alpha": alpha} for alpha in any_size(random)],
    "hard_tanh": lambda random: [dict(zip(("min", "max"), in_order(random), strict=True))],
    "silu": lambda random: [{"beta": size * sign} for size, sign in zip(any_size(random), (1, -1), strict=True)],
    "softplus": lambda random: [
        {"beta": beta, "threshold": threshold}
        for beta, threshold in zip(any_size(random), (float(random.uniform(1, 30)), math.inf), strict=True)
    ],
    "squareplus": lambda random: [{"b": b} for b in any_size(random)],
    "soft_shrink": lambda random: [{"threshold": threshold} for threshold in any_size(random)],
    "hard_shrink": lambda random: [{"threshold": threshold} for threshold in any_size(random)],
}
"""Parameters that nobody chose, in their domains."""

ORDINARY_PARAMETERS: dict[str, dict[str, float]] = {
    "clipped_relu": {"negative_slope": 0.3, "max_value": 4.0, "threshold": 1.25},
    "leaky_relu": {"slope": 0.3},
    "prelu": {"slope": 0.3},
    "rrelu": {"lower": 0.1, "upper": 0.4},
    "threshold": {"threshold": 0.7, "value": -2.0},
    "elu": {"alpha": 1.3},
    "celu": {"alpha": 0.8},
    "hard_tanh": {"min": -2.5, "max": 0.75},
    "silu": {"beta": 1.7},
    "softplus": {"beta": 1.7, "threshold": 20.0},
    "squareplus": {"b": 2.3},
    "soft_shrink": {"threshold": 0.6},
    "hard_shrink": {"threshold": 0.6},
}


def random_parameters(random: np.random.Generator, name: str) -> list[dict[str, float]]:
    return RANDOM_PARAMETERS[name](random) if name in RANDOM_PARAMETERS else [{}]


def test_parameters_are_varied_of_every_function_that_has_some() -> None:
    having = {name: {parameter.name for parameter in f.parameters} for name, f in FUNCTIONS.items() if f.parameters}
    assert {name: set(chosen) for name, chosen in ORDINARY_PARAMETERS.items()} == having
    for name, names in having.items():
        assert all(set(chosen) == names for chosen in random_parameters(np.random.default_rng(1), name))


def abrupt_places(function: Function, parameters: Parameters) -> dict[float, int]:
    """Where something jumps, and the first order of derivative that is not there."""
    places = {float(evaluate(kink.at, parameters)): 1 for kink in function.kinks}
    jumps = [landmark for landmark in function.landmarks if landmark.jump]
    places |= {float(evaluate(jump.at, parameters)): max(1, min(jump.orders)) for jump in jumps}
    return {place: order for place, order in places.items() if math.isfinite(place)}


def assert_row_is(truth: Reals, index: int, reference: mpmath.mpf, format: Format) -> None:
    """The row says the same as the reference, to 2^−20 ULP and a last bit of what a row can hold."""
    kind = truth.kind[index]
    half = mpf(2) ** (format.emin - format.precision)
    if kind == ZERO:
        assert reference == 0
    elif kind == UNDERFLOW:
        assert 0 < abs(reference) < half
        assert truth.mantissa[index] in (0, mp.sign(reference))
    elif kind == INFINITE:
        assert mp.mag(reference) > 1 << 30
        assert truth.mantissa[index] == mp.sign(reference)
    else:
        assert kind == FINITE, KINDS[kind]
        # As a fraction, e^(10^8) would fill the memory.
        significand = mpf(float(truth.mantissa[index])) + mpf(float(truth.tail[index]))
        found = mp.ldexp(significand, int(truth.exponent[index]))
        exponent = max(int(mp.floor(mp.log(abs(reference), 2))), format.emin)
        assert abs(found - reference) <= mpf(2) ** (exponent - format.precision + 1 - 20), (found, reference)


@functions
@formats
def test_truth_is_that_of_the_second_definition(name: str, format: Format) -> None:
    """Every order, at inputs of every size, with parameters nobody chose."""
    random = np.random.default_rng([sorted(FUNCTIONS).index(name), format.width, format.precision])
    function = FUNCTIONS[name]
    for parameters in random_parameters(random, name):
        bits = random_inputs(random, format)
        truth = table(function, parameters, format, bits)
        abrupt = abrupt_places(function, parameters)
        numbers = values(bits, format).tolist()
        with mp.workprec(600):
            for index, x in enumerate(numbers):
                if x in abrupt or (function.domain and x <= function.domain.low):
                    continue
                for order, reference in zip(
                    truth.orders, definitions_mpmath.orders_of(name, x, parameters), strict=True
                ):
                    assert_row_is(order, index, reference, format)


@functions
def test_the_second_definitions_derivatives_are_derivatives(name: str) -> None:
    """Each formula is the finite difference of the one before it, or the cross-check would check nothing."""
    random = np.random.default_rng(7)
    parameters = ORDINARY_PARAMETERS.get(name, {})
    domain = FUNCTIONS[name].domain
    low = domain.low + 0.25 if domain else -6
    with mp.workprec(300):
        h = mpf(2) ** -60
        for x in random.uniform(low, 6, 40).tolist():
            left, here, right = (
                definitions_mpmath.DEFINITIONS[name](mpf(x) + s * h, **{k: mpf(v) for k, v in parameters.items()})
                for s in (-1, 0, 1)
            )
            for order in range(3):
                slope = (right[order] - left[order]) / (2 * h)
                assert abs(slope - here[order + 1]) < mpf(2) ** -100


@functions
@formats
def test_certain_truth_rounds_as_more_precision_does(name: str, format: Format) -> None:
    """The truth rounded to the format is the reference rounded to the format: the definition of correctly rounded."""
    random = np.random.default_rng(11)
    function = FUNCTIONS[name]
    parameters = function.defaults()
    subnormal = random.integers(1, 1 << format.mantissa_bits, 10, dtype=np.uint64).astype(format.bits_type)
    few = np.arange(1, 10).astype(format.bits_type)
    sign = format.bits_type.type(format.sign_bit)
    bits = np.concatenate([random_inputs(random, format)[::3], few, few | sign, subnormal, subnormal | sign])
    if function.domain:
        bits = bits[values(bits, format) > function.domain.low]
    rows = ulps.rounded(table(function, parameters, format, bits).orders[0], format)
    for index, x in enumerate(values(bits, format).tolist()):
        # What decides a tie next to x/2 is of the size of x², as many bits below x as its exponent says.
        with mp.workprec(400 + 2 * max(0, -math.frexp(x)[1])):
            reference = definitions_mpmath.orders_of(name, x, parameters)[0]
        man, exponent = reference.man_exp if reference else (0, 0)
        if abs(exponent) > 20000:
            exact = int(mp.sign(reference)) * Fraction(2) ** (20000 if exponent > 0 else -20000)
        else:
            exact = Fraction(int(man)) * Fraction(2) ** int(exponent)
        assert int(rows[index]) & (format.sign_bit - 1) == exactly.rounded(exact, format) & (format.sign_bit - 1), x


@functions
@formats
def test_nothing_is_undecided_and_what_is_undefined_is_declared(name: str, format: Format) -> None:
    """Along the whole line of inputs (all of them: in every run, which counts what is undecided); derivatives are undefined
    at kinks and jumps only, and values nowhere."""
    function = FUNCTIONS[name]
    random = np.random.default_rng(5)
    for parameters in function.samples():
        if format.width == 16:
            step = 37 if name in CLOSELY else 149
            every = np.arange(0, 1 << 16, step if parameters == function.defaults() else 1021, dtype=np.uint32)
            bits = every.astype(np.uint16)
        else:
            bits = random_inputs(random, format)
        abrupt = {place: o for place, o in abrupt_places(function, parameters).items() if abs(place) <= format.largest}
        bits = np.concatenate([bits, bits_of(list(abrupt), format)])
        truth = table(function, parameters, format, bits)
        at_place = np.isin(values(bits, format), list(abrupt))
        for order in truth.orders:
            assert not order.is_kind(UNDECIDED).any()
            assert not (order.is_kind(UNDEFINED) & ~at_place).any()
        assert not truth.orders[0].is_kind(UNDEFINED).any()
        if parameters == function.defaults():
            for place, first in abrupt.items():
                assert truth.orders[first].is_kind(UNDEFINED)[values(bits, format) == place].all()


@functions
def test_nan_is_nan_in_every_order(name: str) -> None:
    function = FUNCTIONS[name]
    for format in FORMATS.values():
        nans = np.array([format.quiet_nan, format.infinity + 1, 2**format.width - 1], dtype=format.bits_type)
        for order in table(function, function.defaults(), format, nans).orders:
            assert order.kind.tolist() == [NAN] * 3


@pytest.mark.parametrize(
    ("name", "parameters", "x", "orders"),
    [
        ("relu", {}, -math.inf, [("zero", 0), ("zero", 0), ("zero", 0), ("zero", 0)]),
        ("relu", {}, math.inf, [("infinite", 1), ("finite", 1), ("zero", 0), ("zero", 0)]),
        ("leaky_relu", {"slope": -0.5}, -math.inf, [("infinite", 1), ("finite", -1), ("zero", 0), ("zero", 0)]),
        ("leaky_relu", {"slope": 0.0}, -math.inf, [("zero", 0), ("zero", 0), ("zero", 0), ("zero", 0)]),
        ("gelu", {}, -math.inf, [("underflow", -1), ("zero", 0), ("zero", 0), ("zero", 0)]),
        ("sigmoid", {}, -math.inf, [("underflow", 1), ("zero", 0), ("zero", 0), ("zero", 0)]),
        ("sigmoid", {}, math.inf, [("finite", 1), ("zero", 0), ("zero", 0), ("zero", 0)]),
        (
            "softplus",
            {"beta": 1.0, "threshold": 20.0},
            math.inf,
            [("infinite", 1), ("finite", 1), ("zero", 0), ("zero", 0)],
        ),
    ],
)
@formats
def test_at_infinity_stand_the_declared_limits(
    name: str, parameters: Mapping[str, float], x: float, orders: list[tuple[str, float]], format: Format
) -> None:
    truth = table(FUNCTIONS[name], parameters, format, bits_of([x], format))
    assert [row_text(order) for order in truth.orders] == orders


def test_a_limit_made_from_a_parameter_is_the_number_that_was_passed() -> None:
    truth = table(FUNCTIONS["leaky_relu"], {"slope": 0.3}, FLOAT64, bits_of([-math.inf], FLOAT64))
    assert exactly.number_of_row(truth.orders[1], 0) == Fraction(0.3) != Fraction(3, 10)


@formats
def test_both_zeros_are_the_number_zero(format: Format) -> None:
    zeros = bits_of([0.0, -0.0], format)
    for name, expected in [
        ("relu", "zero"),
        ("gelu", "zero"),
        ("hard_swish", "zero"),
        ("sigmoid", "finite"),
        ("softplus", "finite"),
    ]:
        function = FUNCTIONS[name]
        truth = table(function, function.defaults(), format, zeros)
        for order in truth.orders:
            assert row_text(order, 0) == row_text(order, 1)
        assert KINDS[truth.orders[0].kind[0]] == expected


@pytest.mark.parametrize("x", [-40.0, -1e3, -3e4])
def test_underflow_keeps_the_sign_of_the_truth(x: float) -> None:
    for format in (FLOAT16, BFLOAT16, FLOAT32, FLOAT64):
        bits = bits_of([x], format)
        smallest = math.log(format.smallest_subnormal) - 1
        for name, sign in [("gelu", -1.0), ("sigmoid", 1.0), ("softplus", 1.0)]:
            truth = table(FUNCTIONS[name], FUNCTIONS[name].defaults(), format, bits).orders[0]
            if x < smallest or (name == "gelu" and -x * x / 2 < smallest):
                assert row_text(truth) == ("underflow", sign)
            else:
                assert truth.kind[0] == FINITE


@pytest.mark.parametrize("x", [-1e30, -3e38])
def test_the_declared_sign_stands_in_where_no_ball_can_show_one(x: float) -> None:
    """e^(−10^60) is a ball around zero at any precision; the limit says on which side the function comes in."""
    gelu = FUNCTIONS["gelu"]
    bits = bits_of([x], FLOAT32)
    assert row_text(table(gelu, {}, FLOAT32, bits).orders[0]) == ("underflow", -1.0)
    free = replace(gelu, limits=(Limit("-inf", value="0", derivative="+0"), gelu.limits[1]))
    assert row_text(table(free, {}, FLOAT32, bits).orders[0]) == ("underflow", 0.0)
    assert row_text(table(free, {}, FLOAT32, bits).orders[1]) == ("underflow", 1.0)


def test_values_beyond_the_format_stay_finite() -> None:
    leaky = FUNCTIONS["leaky_relu"]
    for format in FORMATS.values():
        bits = np.array([(format.infinity - 1) | format.sign_bit], dtype=format.bits_type)
        value = table(leaky, {"slope": 2.5}, format, bits).orders[0]
        assert exactly.number_of_row(value, 0) == Fraction(-format.largest) * Fraction(5, 2)
        assert int(ulps.rounded(value, format)[0]) == format.infinity | format.sign_bit


def test_a_tie_among_subnormals_goes_to_the_side_of_the_truth() -> None:
    """gelu(x) ≈ x/2 + 0.4·x²: at odd multiples of the smallest subnormal just above a midpoint, and below it for −x."""
    for format in FORMATS.values():
        odd = np.array([1, 3, 5], dtype=format.bits_type)
        positive = table(FUNCTIONS["gelu"], {}, format, odd).orders[0]
        assert ulps.rounded(positive, format).tolist() == [1, 2, 3]
        negative = table(FUNCTIONS["gelu"], {}, format, odd | format.bits_type.type(format.sign_bit)).orders[0]
        assert (ulps.rounded(negative, format) & format.bits_type.type(format.sign_bit - 1)).tolist() == [0, 1, 2]


def test_one_sided_values_and_derivatives_at_kinks_and_jumps() -> None:
    def orders(name: str, parameters: Mapping[str, float], x: float, side: int) -> list[Fraction]:
        truth = one_sided(FUNCTIONS[name], parameters, FLOAT64, bits_of([x], FLOAT64), side)
        return [Fraction(0) if o.kind[0] == ZERO else exactly.number_of_row(o, 0) for o in truth.orders]

    assert orders("relu", {}, 0.0, -1) == [0, 0, 0, 0]
    assert orders("relu", {}, 0.0, 1) == [0, 1, 0, 0]
    assert orders("leaky_relu", {"slope": 0.3}, 0.0, -1)[1] == Fraction(0.3)
    assert orders("hard_swish", {}, 3.0, -1)[:2] == [3, Fraction(3, 2)]
    assert orders("hard_swish", {}, 3.0, 1) == [3, 1, 0, 0]
    jump = {"beta": 1.0, "threshold": 20.0}
    left, right = orders("softplus", jump, 20.0, -1), orders("softplus", jump, 20.0, 1)
    assert right == [20, 1, 0, 0]
    assert left[0] - 20 == pytest.approx(math.exp(-20), rel=1e-8)
    assert 1 - left[1] == pytest.approx(math.exp(-20), rel=1e-8)
    # At the threshold itself the definition says log(1 + e^x): beta · x > threshold is not so.
    assert (
        exactly.number_of_row(table(FUNCTIONS["softplus"], jump, FLOAT64, bits_of([20.0], FLOAT64)).orders[0], 0)
        == left[0]
    )


def test_a_kink_that_is_none_has_the_common_derivative() -> None:
    """leaky_relu with slope 1 is the identity, though its definition branches."""
    truth = table(FUNCTIONS["leaky_relu"], {"slope": 1.0}, FLOAT16, bits_of([0.0], FLOAT16))
    assert [row_text(order)[0] for order in truth.orders] == ["zero", "finite", "zero", "zero"]


def test_side_is_left_or_right() -> None:
    with pytest.raises(ValueError, match="-1 for the left"):
        one_sided(FUNCTIONS["relu"], {}, FLOAT16, bits_of([0.0], FLOAT16), 0)


def test_no_inputs_give_no_rows() -> None:
    truth = table(FUNCTIONS["gelu"], {}, FLOAT32, np.zeros(0, dtype=np.uint32))
    assert len(truth) == 0
    assert [len(order) for order in truth.orders] == [0, 0, 0, 0]


def test_batches_are_joined_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = np.arange(0, 65536, 500, dtype=np.uint32).astype(np.uint16)
    whole = table(FUNCTIONS["gelu"], {}, FLOAT16, bits)
    monkeypatch.setattr("conformance.truth.oracle.BATCH", 17)
    assert_same(whole, table(FUNCTIONS["gelu"], {}, FLOAT16, bits))


def assert_same(left: Table, right: Table) -> None:
    np.testing.assert_array_equal(left.bits, right.bits)
    for one, other in zip(left.orders, right.orders, strict=True):
        for column in ("kind", "mantissa", "tail", "exponent"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


def step(x: Real) -> Real | Operand:
    return x + 1 if x > 0 else x


def test_at_a_jump_there_is_no_derivative_even_where_both_sides_agree_on_one() -> None:
    function = replace(FUNCTIONS["relu"], definition=step)
    truth = table(function, {}, FLOAT32, bits_of([0.0], FLOAT32))
    assert [row_text(order)[0] for order in truth.orders] == ["zero", "undefined", "undefined", "undefined"]
    right = one_sided(function, {}, FLOAT32, bits_of([0.0], FLOAT32), 1)
    assert [row_text(order) for order in right.orders[:2]] == [("finite", 1.0), ("finite", 1.0)]


def undecidable(x: Real) -> Real | Operand:
    return x if exp(x) > exp(x) else 2 * x


def overflowing(x: Real) -> Real | Operand:
    return 1 / (1 + exp(-(x * 10**4000)))


def test_what_no_precision_decides_is_undecided() -> None:
    """An inexact number compared with itself: no ball, however small, tells them apart."""
    function = replace(FUNCTIONS["relu"], definition=undecidable)
    truth = table(function, {}, FLOAT16, bits_of([1.0, 0.0, math.inf], FLOAT16))
    assert truth.orders[0].kind.tolist() == [UNDECIDED, UNDECIDED, INFINITE]


def test_a_form_takes_over_where_it_applies() -> None:
    """1/(1 + e^(−x)) has no finite enclosure at −10^4000, at no precision; the other form of sigmoid has."""

    def negative(x: float, parameters: Parameters) -> bool:
        return x < 0

    def other(x: Real) -> Real | Operand:
        return exp(x * 10**4000) / (1 + exp(x * 10**4000))

    bare = replace(FUNCTIONS["sigmoid"], definition=overflowing, forms=())
    formed = replace(bare, forms=(Form(negative, other, "no finite enclosure"),))
    bits = bits_of([-1.0], FLOAT32)
    assert table(bare, {}, FLOAT32, bits).orders[0].kind[0] == UNDECIDED
    assert row_text(table(formed, {}, FLOAT32, bits).orders[0]) == ("underflow", 1.0)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", Fraction(0)),
        ("+0", Fraction(0)),
        ("-3", Fraction(-3)),
        ("−3", Fraction(-3)),
        ("-1/2", Fraction(-1, 2)),
        ("-0.17004", Fraction(-17004, 100000)),
        ("1e-3", Fraction(1, 1000)),
        ("20.0/3.0", Fraction(20, 3)),
        ("1e2/2.5", Fraction(40)),
        ("+inf", math.inf),
        ("-inf", -math.inf),
        ("inf/1.0", math.inf),
        ("5.0/inf", 0.0),
    ],
)
def test_texts_are_read_exactly(text: str, number: Fraction | float) -> None:
    assert evaluate_text(text) == number
    assert isinstance(evaluate_text(text), type(number))


def test_the_text_of_a_negative_zero_and_of_nan() -> None:
    negative, nan = evaluate_text("-0"), evaluate_text("nan")
    assert isinstance(negative, float)
    assert math.copysign(1, negative) == -1
    assert isinstance(nan, float)
    assert math.isnan(nan)


@pytest.mark.parametrize("text", ["", "one", "1/2/3", "1/0", "0x10", "--1"])
def test_a_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number of the standard"):
        evaluate_text(text)
