"""Verdicts on numbers: grades, severity, flushing element by element, signs of zeros, and what stays undecided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance.formats import FLOAT32, Bits, from_ordinals, ordinals, round_to, values
from conformance.judge.accuracy import Verdict, classes, judge, measure
from conformance.judge.question import question
from conformance.judge.records import GRADES
from conformance.standard import FUNCTIONS
from conformance.truth import ulps
from conformance.truth.cache import Oracle
from conformance.truth.reals import UNDECIDED


def bits_of(*numbers: float) -> Bits:
    return round_to(np.array(numbers), FLOAT32)


def verdicts(
    name: str, quantity: str, x: Bits, answers: Bits, oracle: Any, **parameters: float
) -> dict[tuple[str, str], Verdict]:
    function = FUNCTIONS[name]
    asked = question(function, {**function.defaults(), **parameters}, FLOAT32, quantity, x, oracle)
    return {(verdict.rule, verdict.region): verdict for verdict in judge(asked, answers, "eager")}


def moved(x: Bits, steps: int, oracle: Oracle) -> Bits:
    """sigmoid, rounded correctly, and then so many numbers farther."""
    right = ulps.rounded(oracle.table(FUNCTIONS["sigmoid"], {}, FLOAT32, x).orders[0], FLOAT32)
    return from_ordinals(ordinals(right, FLOAT32) + steps, FLOAT32)


# steps from the right answer, its grade, severity
GRADED = [
    (0, "correctly_rounded", ""), (3, "within_4_ulp", ""), (-3, "within_4_ulp", ""), (6, "beyond", "inaccurate"),
    (-6, "beyond", "inaccurate"), (1 << 21, "beyond", "inaccurate"), (-3 << 22, "beyond", "wrong"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "grade", "severity"), GRADED)
def test_grade_and_severity_go_by_the_distance(steps: int, grade: str, severity: str, oracle: Oracle) -> None:
    x = bits_of(1.5, 1.25, 1.75)
    (verdict,) = verdicts("sigmoid", "value", x, moved(x, steps, oracle), oracle).values()
    assert verdict.grades == tuple(3 * (name == grade) for name in GRADES)
    assert verdict.severity == severity
    assert verdict.deviates == (3 if severity else 0)
    assert verdict.comparisons == 3


def test_grades_at_the_root_of_the_derivative_go_by_the_bar(oracle: Oracle) -> None:
    """gelu′ near −0.7518 is small, and rounding x once costs it many of its own units."""
    x = bits_of(-0.7517, -0.7518)
    asked = question(FUNCTIONS["gelu"], {}, FLOAT32, "gradient", x, oracle)
    assert (asked.bar > 1000).all()
    off = from_ordinals(ordinals(ulps.rounded(asked.truth, FLOAT32), FLOAT32) + 500, FLOAT32)
    found = verdicts("gelu", "gradient", x, off, oracle).values()
    assert np.sum([verdict.grades for verdict in found], axis=0).tolist() == [0, 0, 0, 2, 0]


# function, quantity, x, answer, rule, severity
SPECIAL = [
    ("sigmoid", "value", 1.0, np.nan, "value", "wrong"),
    ("sigmoid", "value", 1.0, np.inf, "value", "wrong"),
    ("sigmoid", "value", np.nan, 0.5, "nan", "wrong"),
    ("sigmoid", "value", np.nan, np.nan, "nan", ""),
    ("sigmoid", "value", np.inf, 1.0, "limit.+inf", ""),
    ("sigmoid", "value", -np.inf, np.nan, "limit.-inf", "wrong"),
    ("sigmoid", "gradient", np.nan, 0.0, "gradient.nan", "convention"),
    ("sigmoid", "gradient", np.inf, np.nan, "gradient.limit.+inf", "wrong"),
    ("leaky_relu", "value", np.inf, np.inf, "limit.+inf", ""),
    ("leaky_relu", "value", np.inf, 3.4e38, "limit.+inf", "wrong"),
    ("hard_swish", "value", 3.4028235e38, np.inf, "value", ""),
    ("relu", "value", 3.4028235e38, np.inf, "value", "inaccurate"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "quantity", "x", "answer", "rule", "severity"), SPECIAL)
def test_special_answers(
    name: str, quantity: str, x: float, answer: float, rule: str, severity: str, oracle: Oracle
) -> None:  # fmt: skip
    found = verdicts(name, quantity, bits_of(x), bits_of(answer), oracle)
    (verdict,) = (verdict for (of, _), verdict in found.items() if of == rule)
    assert verdict.severity == severity
    assert verdict.deviates == bool(severity)


def test_flushing_is_found_element_by_element(oracle: Oracle) -> None:
    """slope · x is subnormal for all of these; the second is flushed, the third doubled, the fourth flushed to the other zero."""
    x = bits_of(-1e-37, -2e-37, -3e-37, -4e-37)
    right = values(x, FLOAT32) * 0.01
    answers = bits_of(right[0], -0.0, 2 * right[2], 0.0)
    found = verdicts("leaky_relu", "value", x, answers, oracle)
    flush = found["flush", "subnormal numbers"]
    assert (flush.comparisons, flush.deviates, flush.severity) == (4, 2, "information")
    (subnormal,) = (verdict for (rule, _), verdict in found.items() if rule == "subnormal")
    assert (subnormal.comparisons, subnormal.deviates) == (4, 1)
    assert subnormal.worst is not None
    assert float(subnormal.worst.input[0]) == pytest.approx(-3e-37)


def test_a_flushed_argument_gives_the_value_at_zero_and_a_wrong_value_there_is_no_flushing(oracle: Oracle) -> None:
    x = bits_of(0.0, 1e-40, -1e-40)
    for numbers, flushed, deviating in (((0, 0, 0), 2, 0), ((0, 0, 5), 1, 1)):
        found = verdicts("hard_swish", "value", x, bits_of(*numbers), oracle)
        assert found["flush", "subnormal numbers"].deviates == flushed
        assert sum(v.deviates for (rule, _), v in found.items() if rule in ("subnormal", "value")) == deviating
    wrong = verdicts("hard_swish", "gradient", x, bits_of(0.75, 0.75, 0.75), oracle)
    assert sum(verdict.deviates for (rule, _), verdict in wrong.items() if rule == "gradient") == 3
    assert wrong["flush", "subnormal numbers"].deviates == 0, "wrong at zero as well: nothing was flushed"


def test_zeros_keep_their_signs(oracle: Oracle) -> None:
    x = bits_of(0.0, -0.0)
    found = verdicts("gelu", "value", x, bits_of(0.0, 0.0), oracle)
    (signed,) = (verdict for (rule, _), verdict in found.items() if rule == "signed_zero")
    assert (signed.comparisons, signed.deviates) == (2, 1)
    x = bits_of(-20.0, -30.0)
    (due,) = (
        v
        for (rule, _), v in verdicts("gelu", "value", x, bits_of(-0.0, 0.0), oracle).items()
        if rule == "underflow_sign"
    )
    assert (due.comparisons, due.deviates) == (2, 1)


@pytest.mark.parametrize(("answer", "chosen"), [(0.0, ""), (1.0, "right"), (0.5, "in between")])
def test_another_subgradient_is_a_convention(answer: float, chosen: str, oracle: Oracle) -> None:
    found = verdicts("relu", "gradient", bits_of(0.0), bits_of(answer), oracle)
    (convention,) = (verdict for (rule, _), verdict in found.items() if rule == "kink.0.convention")
    assert convention.convention == chosen
    assert convention.severity == ("convention" if chosen else "")
    (kink,) = (verdict for (rule, _), verdict in found.items() if rule == "kink.0")
    assert kink.deviates == 0


class Doubting:
    """An oracle that can't decide the first of every table."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def table(self, *asked: Any) -> Any:
        table = self._oracle.table(*asked)
        value, first, second, third = table.orders
        kind = value.kind.copy()
        kind[0] = UNDECIDED
        return replace(table, orders=(replace(value, kind=kind), first, second, third))

    def one_sided(self, *asked: Any) -> Any:
        return self._oracle.one_sided(*asked)


@pytest.mark.parametrize("answer", [0.5, 7.0, np.nan, -0.0])
def test_what_is_undecided_is_counted_and_never_a_verdict(answer: float, oracle: Oracle) -> None:
    x = bits_of(1.5, 1.5)
    answers = np.concatenate([bits_of(answer), moved(x, 0, oracle)[1:]])
    (verdict,) = verdicts("sigmoid", "value", x, answers, Doubting(oracle)).values()
    assert (verdict.undecided, verdict.deviates, verdict.comparisons) == (1, 0, 2)
    assert sum(verdict.grades) == 1
    assert verdict.severity == ""


def test_measure_gives_errors_in_units_of_the_truth(oracle: Oracle) -> None:
    x = bits_of(1.5, 1.5, 1.5)
    answers = np.concatenate([moved(x, steps, oracle)[:1] for steps in (0, 1, -2)])
    measured = measure(question(FUNCTIONS["sigmoid"], {}, FLOAT32, "value", x, oracle), answers)
    assert measured.exact.tolist() == [True, False, False]
    assert abs(measured.error - [0, 1, 2]).max() <= 0.5
    assert measured.error[1] != 1, "fractional: against the real number"


def test_classes_tell_zeros_infinities_and_nans_apart() -> None:
    numbers = bits_of(0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0)
    found = classes(numbers, FLOAT32).tolist()
    assert len(set(found[:5])) == 5
    assert found[5] == found[6]
    assert found[5] not in found[:5]
