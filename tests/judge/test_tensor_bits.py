"""Bits are compared where both answers are right, and only there: what has no truth or is beyond its bar is left to other rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from conformance.cases.case import Case, Input
from conformance.formats import FORMATS
from conformance.judge.records import Result
from conformance.judge.tensor_answers import asked_of
from conformance.judge.tensor_bits import NOT_COMPARED, judge_tensor_bits
from conformance.observe.observation import Observation
from conformance.truth.cache import Oracle
from conformance.truth.tensors import exact
from tests.by_hand import Hand
from tests.tensor_toy import Numbers, nudged, numbers_in

FLOAT32 = FORMATS["float32"]


def right(hand: Hand, case: Case) -> Numbers:
    """The truth, rounded once."""
    return numbers_in(exact(asked_of(hand.answers([], Oracle(None)).function, case, hand.read)), FLOAT32)


def with_places(numbers: Numbers, changed: Mapping[int, float]) -> Numbers:
    """Other numbers at some places, in row-major order."""
    found = np.array(numbers, dtype=np.float64)
    found.reshape(-1)[list(changed)] = list(changed.values())
    return found


def compared(hand: Hand, oracle: Oracle, *observations: Observation) -> list[Result]:
    """The results about bits."""
    found = judge_tensor_bits(hand.answers(observations, oracle))
    return [result for result in found if result.rule.endswith(".invariance.bits")]


def again(first: Mapping[int, float], second: Mapping[int, float], oracle: Oracle) -> Result:
    """What comes of two calls of huber, whose six numbers are right but for those that are given."""
    hand = Hand("huber")
    (case,) = hand.cases("repetition")
    numbers = right(hand, case)
    answers = [with_places(numbers, changed) for changed in (first, second)]
    (result,) = compared(hand, oracle, hand.returned(case, *answers))
    return result


def one_ulp_off(place: int) -> dict[int, float]:
    """The number at this place, one unit in the last place off: within its bar."""
    hand = Hand("huber")
    (case,) = hand.cases("repetition")
    return {place: float(nudged(right(hand, case), FLOAT32, 1).reshape(-1)[place])}


def counts(result: Result) -> tuple[str, int, int, int]:
    assert result.comparisons == result.conforms + result.deviates + result.unspecified
    return result.outcome, result.conforms, result.deviates, result.unspecified


def test_equal_bits_conform(oracle: Oracle) -> None:
    result = again({}, {}, oracle)
    assert counts(result) == ("conforms", 6, 0, 0)
    assert (result.severity, result.message, result.worst) == ("", "", None)


def test_other_bits_that_are_right_too_are_told(oracle: Oracle) -> None:
    result = again({}, one_ulp_off(4), oracle)
    assert counts(result) == ("deviates", 5, 1, 0)
    assert result.severity == "information"
    assert result.worst is not None
    assert result.worst.index == 4
    assert result.message.startswith("called again: elsewhere it is ")


@pytest.mark.parametrize("spoilt", ["first", "second"])
def test_what_is_beyond_its_bar_is_compared_with_nothing(spoilt: str, oracle: Oracle) -> None:
    """In one answer or the other: the number at its place is not held against it, and the others are."""
    wrong = {2: 1e3}
    result = again(wrong, {}, oracle) if spoilt == "first" else again({}, wrong, oracle)
    assert counts(result) == ("conforms", 5, 0, 1)
    assert result.message == NOT_COMPARED
    both = again({**wrong, **one_ulp_off(0)}, {}, oracle) if spoilt == "first" else again(one_ulp_off(0), wrong, oracle)
    assert counts(both) == ("deviates", 4, 1, 1)


def test_where_nothing_is_right_nothing_conforms(oracle: Oracle) -> None:
    """Neither where the answers differ, nor where they are equally wrong."""
    all_wrong = dict.fromkeys(range(6), 1e3)
    for first, second in (({}, all_wrong), (all_wrong, {}), (all_wrong, all_wrong)):
        result = again(first, second, oracle)
        assert counts(result) == ("unspecified", 0, 0, 6)
        assert (result.severity, result.message) == ("", NOT_COMPARED)


def test_what_has_no_truth_is_compared_with_nothing(oracle: Oracle) -> None:
    """softmax of nothing but −∞: any answer will do, and another one the next time; the row beside it is compared."""
    hand = Hand("softmax")
    (case,) = hand.cases("repetition")
    endless = np.zeros(case.inputs[0].shape)
    endless[0, 0] = -np.inf
    case = replace(case, inputs=(_tensor(hand, case.inputs[0], endless),))
    numbers = right(hand, case)
    assert np.isnan(numbers[0, 0]).all()
    first, second = (with_places(numbers, dict.fromkeys(range(5), number)) for number in (0.2, 0.0))
    (result,) = compared(hand, oracle, hand.returned(case, first, second))
    assert counts(result) == ("conforms", 25, 0, 5)
    (result,) = compared(hand, oracle, hand.returned(case, first, nudged(second, FLOAT32, 1)))
    assert counts(result) == ("deviates", 0, 25, 5)


def test_nothing_but_what_has_no_truth_is_unspecified(oracle: Oracle) -> None:
    hand = Hand("softmax")
    (case,) = hand.cases("repetition")
    shape = case.inputs[0].shape
    case = replace(case, inputs=(_tensor(hand, case.inputs[0], np.full(shape, -np.inf)),))
    (result,) = compared(hand, oracle, hand.returned(case, np.full(shape, 0.2), np.zeros(shape)))
    assert counts(result) == ("unspecified", 0, 0, 30)


def _tensor(hand: Hand, item: Input, numbers: Numbers) -> Input:
    """The argument with other numbers."""
    made = hand.plan.input(numbers.astype(np.float32).view(np.uint32), "float32", numbers.shape)
    return replace(item, blob=made.blob)


@pytest.mark.parametrize("detail", ["order", "alone", "others-nan"])
def test_a_sample_is_compared_with_itself_in_other_company(detail: str, oracle: Oracle) -> None:
    """Samples that are NaN in one of the calls, and stand in place of others, are not."""
    hand = Hand("cross_entropy")
    cases = {case.detail: case for case in hand.cases("rows") if case.quantity == "value"}
    base, other = (right(hand, cases[name]) for name in ("base", detail))
    known, strange = {"order": (4, 0), "alone": (1, 0), "others-nan": (2, 2)}[detail]
    before = hand.returned(cases["base"], base)
    (result,) = compared(hand, oracle, before, hand.returned(cases[detail], other))
    assert counts(result) == ("conforms", known, 0, strange)
    careless = with_places(other, {0: float(nudged(other, FLOAT32, 1)[0])})
    (result,) = compared(hand, oracle, before, hand.returned(cases[detail], careless))
    assert counts(result) == ("deviates", known - 1, 1, strange)
    assert "in another company" in result.message
