"""Every planted fault about learnt parameters and training is found under its rule; the perfect backend is left in peace.

A fault is asked only what its rules need: the whole line of a function is asked in test_planted_faults.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from conformance.cases.plan import Selection
from conformance.formats import FLOAT32, FORMATS, round_to, values
from conformance.judge.message import four_lines
from conformance.judge.parameters import channels, summation_bar
from conformance.judge.random import hoeffding, independence, moments
from conformance.judge.records import Judgement
from conformance.judge.run import judge_run
from conformance.standard import FUNCTIONS
from conformance.truth.cache import Oracle
from conformance.truth.rational import evaluated, reals
from conformance.truth.ulps import rounded
from tests.toy import Fault, Toy, observe

from .learning_faults import LEARNING_FAULTS

ABOUT = {
    "prelu": ("prelu.gradient.slope", "prelu.errors.parameter_type"),
    "rrelu": ("rrelu.training", "rrelu.gradient.training"),
}
TOPICS = ("parameter", "random", "error")


def judged(fault: Fault, oracle: Oracle, dtype: str = "float32", whole: bool = False) -> Judgement:
    """The judgement of what a fault may show in: the topics of this file, eager, of the first entry point.

    Without `whole`, the list of a lattice's numbers as channels is left out: it costs most of the time.
    """
    (name,) = fault.functions
    selection = Selection(functions=(name,), dtypes=(dtype,), modes=("eager",), rules=ABOUT[name])
    toy = Toy(oracle, fault)
    toy.bindings = toy.bindings[:1]
    asks = lambda case: case.topic in TOPICS and (whole or case.detail != "channels-lattice")  # noqa: E731
    return judge_run(observe(toy, selection, oracle, asks, whole=False), oracle)


@pytest.mark.parametrize(
    ("name", "dtype"), [("prelu", "float32"), ("prelu", "float64"), ("rrelu", "float32"), ("rrelu", "bfloat16")]
)
def test_the_perfect_backend_yields_no_finding(name: str, dtype: str, oracle: Oracle) -> None:
    judgement = judged(Fault("none", (name,), ()), oracle, dtype, whole=dtype == "float32")
    assert [four_lines(finding) for finding in judgement.findings] == []
    about = {"prelu": {"value", "gradient", "gradient.slope", "gradient.slope.dtype"},
             "rrelu": {"gradient.training", *(f"training.{one}" for one in ("support", "moments", "independence", "seed"))}}  # fmt: skip
    compared = {result.rule.split(".", 1)[1] for result in judgement.results if result.comparisons}
    assert about[name] <= compared


@pytest.mark.parametrize("fault", LEARNING_FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_found_under_its_rule(fault: Fault, oracle: Oracle) -> None:
    findings = judged(fault, oracle).findings
    rules = {finding.rule.split(".", 1)[1] for finding in findings}
    assert rules >= set(fault.found_under), sorted(rules)
    assert rules <= {*fault.found_under, *fault.may_show}, [four_lines(finding) for finding in findings]


def test_a_gradient_without_its_cotangent_is_told_apart_from_one_that_is_wrong_at_infinity(oracle: Oracle) -> None:
    def regions(name: str) -> set[str]:
        fault = next(fault for fault in LEARNING_FAULTS if fault.name == name)
        return {finding.region for finding in judged(fault, oracle).findings}

    assert "x < 0" in regions("slope gradient without its cotangent")
    assert regions("slope gradient is 0 at -inf") == {"x = -inf", "sum over elements of rank 2, one of them infinite"}
    assert regions("slope gradient drops NaN") == {"x = NaN", "sum over elements of rank 2, one of them NaN"}


@pytest.mark.parametrize("x", [-3.5, -0.0, 0.0, 1e-45, -1e-45, 7.0, -np.inf, np.inf])
def test_the_rational_derivative_in_the_slope_is_the_smaller_of_x_and_zero(x: float) -> None:
    value, derivative = evaluated(FUNCTIONS["prelu"], x, {"slope": 0.25}, "slope")
    assert float(derivative) == min(x, 0.0)
    assert float(value) == (x if x >= 0 else 0.25 * x)


def test_a_definition_that_is_not_rational_says_so() -> None:
    with pytest.raises(TypeError, match="definition of tanh is not rational"):
        evaluated(FUNCTIONS["tanh"], 1.0, {}, "x")


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_fractions_are_rounded_as_ieee_says(name: str) -> None:
    format = FORMATS[name]
    numbers = [
        Fraction(1, 3),
        Fraction(-2, 3),
        Fraction(0),
        Fraction(2) ** 200,
        1 - Fraction(1, 2**70),
        Fraction(5, 2**30),
    ]
    expected = round_to(np.array([float(number) for number in numbers]), format)
    np.testing.assert_array_equal(rounded(reals(numbers), format), expected)


def test_channels_lie_along_axis_1() -> None:
    shape = (2, 3, 2, 2)
    np.testing.assert_array_equal(channels(shape, 3).reshape(shape), np.indices(shape)[1])
    np.testing.assert_array_equal(channels((7, 9), 1), np.zeros(63))


def test_pairwise_sums_keep_their_bar_and_it_means_something() -> None:
    generator = np.random.default_rng(5)
    for count in (3, 5, 8, 63):
        terms = round_to(generator.normal(size=count), FLOAT32)
        exact = [Fraction(float(term)) for term in values(terms, FLOAT32)]
        bar = summation_bar(count, sum(map(abs, exact), Fraction(0)), sum(exact, Fraction(0)), FLOAT32)
        total = np.sum(values(terms, FLOAT32).astype(np.float32))
        unit = np.spacing(np.float32(abs(float(sum(exact, Fraction(0))))))
        assert abs(float(total) - float(sum(exact, Fraction(0)))) / unit <= bar
        assert 4 < bar < 4 + 7 * float(sum(map(abs, exact), Fraction(0))) / abs(float(sum(exact, Fraction(0))))
    assert summation_bar(1, Fraction(1), Fraction(1), FLOAT32) == 4


def test_hoeffdings_bound_is_what_the_inequality_says() -> None:
    bound = hoeffding(2.0, 100_003)
    assert 2 * np.exp(-2 * 100_003 * bound**2 / 4) == pytest.approx(1e-9)


def test_even_draws_keep_every_bound_and_a_shift_of_one_percent_does_not() -> None:
    generator = np.random.default_rng(11)
    slopes, again = generator.uniform(0, 1, size=(2, 100_003))
    assert all(fact.holds for fact in moments(slopes, 0.0, 1.0, 1e-7))
    assert all(fact.holds for fact in independence(slopes, again, 0.0, 1.0, 1e-7))
    assert not all(fact.holds for fact in moments(slopes + 0.011, 0.0, 1.0, 1e-7))
    assert not all(fact.holds for fact in moments(slopes**1.03, 0.0, 1.0, 1e-7))
