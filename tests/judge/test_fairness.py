"""What must not be held against a framework: each of these was a finding once, and the framework was right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case, Input
from conformance.formats import FLOAT32, FLOAT64, Format, round_to
from conformance.judge.accuracy import Verdict, judge
from conformance.judge.answers import Answers, Questions
from conformance.judge.dtypes import judge_dtypes
from conformance.judge.findings import findings_of
from conformance.judge.invariance import judge_invariance
from conformance.judge.question import question
from conformance.judge.records import Result
from conformance.judge.run import totals_of
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import FUNCTIONS
from conformance.truth.cache import Oracle

TORCH = Subject("torch", "torch", "default", "cpu", {"torch": "2.13.0"})


def verdicts(
    name: str,
    quantity: str,
    x: list[float],
    y: list[float],
    oracle: Oracle,
    format: Format = FLOAT32,
    **parameters: float,
) -> dict[str, Verdict]:
    """Verdicts by rule."""
    function = FUNCTIONS[name]
    bits = [round_to(np.array(numbers), format) for numbers in (x, y)]
    asked = question(function, {**function.defaults(), **parameters}, format, quantity, bits[0], oracle)
    return {verdict.rule: verdict for verdict in judge(asked, bits[1], "eager")}


def test_a_result_that_may_be_subnormal_within_its_bar_may_be_flushed(oracle: Oracle) -> None:
    """Rounding the slope first makes the product subnormal; flushing that is no error of its own."""
    x = -FLOAT32.smallest_normal / 0.001 * (1 + 2**-22)
    found = verdicts("leaky_relu", "value", [x], [-0.0], oracle, slope=0.001)
    assert found["value"].deviates == 0
    assert found["flush"].deviates == 1
    beyond = verdicts("leaky_relu", "value", [4 * x], [-0.0], oracle, slope=0.001)
    assert beyond["value"].deviates == 1, "four times as large is no subnormal number"


def test_a_subnormal_number_where_zero_is_due_is_not_wrong_altogether(oracle: Oracle) -> None:
    found = verdicts("leaky_relu", "value", [-1e-38], [-1e-38], oracle, slope=0.0)
    assert found["subnormal"].severity == "inaccurate"
    assert verdicts("leaky_relu", "value", [-1.0], [-1.0], oracle, slope=0.0)["value"].severity == "wrong"


def test_a_slope_that_lost_digits_is_still_that_side_of_the_kink(oracle: Oracle) -> None:
    slope = float(np.float32(0.2))
    found = verdicts("leaky_relu", "gradient", [-0.0, 0.0], [slope, slope], oracle, FLOAT64, slope=0.2)
    assert found["kink.0.convention"].convention == "left"
    half = verdicts("leaky_relu", "gradient", [-0.0, 0.0], [0.6, 0.6], oracle, FLOAT64, slope=0.2)
    assert half["kink.0.convention"].convention == "in between"


def test_no_subgradient_is_the_business_of_one_rule(oracle: Oracle) -> None:
    found = verdicts("leaky_relu", "gradient", [-0.0, 0.0], [7.0, 7.0], oracle, slope=0.2)
    assert found["kink.0"].deviates == 2
    assert found["kink.0.convention"].deviates == 0


def answers(name: str, asked: list[tuple[Case, Any, Any, str]], oracle: Oracle) -> Answers:
    """Answers made of cases, the bits of argument and result, and the result's dtype."""
    blobs: dict[str, Any] = {}
    observed = []
    for index, (case, argument, result, dtype) in enumerate(asked):
        blobs[case.inputs[0].blob], blobs[f"y{index}"] = argument, result
        observed.append(Observation("torch", case, "returned", (Output(f"y{index}", dtype, result.shape),)))
    function = FUNCTIONS[name]
    return Answers(TORCH, function, observed, lambda what: blobs[what.blob], Questions(function, oracle), {})


def invariance(
    name: str, quantity: str, x: list[float], here: list[float], there: list[float], oracle: Oracle
) -> dict[str, Result]:
    """Results of one short argument beside the long one; both are of the same numbers."""
    bits = [round_to(np.array(numbers), FLOAT32) for numbers in (x, here, there)]
    parameters = FUNCTIONS[name].defaults()
    case = Case(name, "f", "lattice", quantity, "eager", "float32", parameters, {}, (Input("x", "float32", (len(x),)),))
    short = replace(case, topic="arrangement", detail=f"length-{len(x)}")
    asked = [(case, bits[0], bits[2], "float32"), (short, bits[0], bits[1], "float32")]
    return {result.rule.split(".", 1)[1]: result for result in judge_invariance(answers(name, asked, oracle))}


def test_zero_and_a_small_number_are_both_right_near_a_root(oracle: Oracle) -> None:
    found = invariance("gelu", "gradient", [-0.75179154], [0.0], [-(2.0**-25)], oracle)
    assert found["invariance.length"].outcome == "conforms"
    assert found["invariance.bits"].severity == "information"


def test_a_flushed_result_here_and_none_there_is_the_finding_about_flushing(oracle: Oracle) -> None:
    tiny = float(np.float32(2.2310882e-39))
    found = invariance("sigmoid", "value", [-88.99833], [0.0], [tiny], oracle)
    assert found["invariance.length"].outcome == "conforms"
    assert found["invariance.bits"].outcome == "conforms"


@pytest.mark.parametrize(("here", "there"), [(1.0, np.nan), (-0.0, 0.0), (1e-3, 0.0)])
def test_another_class_is_still_found(here: float, there: float, oracle: Oracle) -> None:
    x = {1.0: np.nan, -0.0: 0.0, 1e-3: 0.0}[here]
    found = invariance("gelu", "value", [x], [here], [there], oracle)
    assert found["invariance.length"].outcome == "deviates"
    assert found["invariance.bits"].outcome == "conforms", "one difference is reported once"


@pytest.mark.parametrize(("answer", "outcome"), [(-0.004049696, "conforms"), (-0.00405, "deviates")])
def test_an_integer_has_the_bar_of_the_number_that_it_is(answer: float, outcome: str, oracle: Oracle) -> None:
    case = Case("gelu", "f", "integer", "value", "eager", "int8", {}, {}, (Input("x", "int8", (1,)),))
    asked = [(case, np.array([-3], dtype=np.int8).view(np.uint8), round_to(np.array([answer]), FLOAT32), "float32")]
    (result,) = judge_dtypes(answers("gelu", asked, oracle))
    assert (result.rule, result.outcome) == ("gelu.dtype.integer", outcome)


RESULT = Result(
    "torch", "torch.gelu", "gelu", "gelu.gradient.limit.+inf", "SHOULD", {}, "float32", "eager", "x = +inf", "deviates",
    comparisons=1, deviates=1, severity="wrong", bits="aa",
)  # fmt: skip


@pytest.mark.parametrize(
    "same",
    [
        (RESULT, replace(RESULT, region="x = +inf (forward mode)", bits="bb")),
        tuple(replace(RESULT, rule="gelu.invariance.length", region=where) for where in ("length 7", "scalar, derivative")),
        (
            replace(RESULT, rule="gelu.flush", bits="value"),
            replace(RESULT, rule="relu.flush", function="relu", entry_point="torch.relu", bits="gradient"),
            replace(RESULT, rule="relu.flush", function="relu", entry_point="torch.relu", region="subnormal numbers (forward mode)"),
        ),
    ],
    ids=["forward mode", "ways to vary", "flushing"],
)  # fmt: skip
def test_one_cause_is_one_finding(same: tuple[Result, ...]) -> None:
    (finding,) = findings_of(same, {"torch": TORCH}, lambda result: "")
    assert finding.deviating == len(same)


def test_a_subject_that_could_not_run_is_counted_once() -> None:
    gone = replace(TORCH, problem="no module named torch")
    silent = [replace(RESULT, outcome="could_not_run", comparisons=0, deviates=0) for _ in range(5)]
    assert totals_of(silent, [gone]).could_not_run == 5
    assert totals_of([], [gone]).could_not_run == 1
    assert totals_of([RESULT], [TORCH]).could_not_run == 0
