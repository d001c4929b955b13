"""Calls that must not succeed: a refusal conforms, an answer is told with what was given and what came, documentation is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance.cases.tensor_errors import SOUND
from conformance.judge.findings import findings_of
from conformance.judge.records import Result
from conformance.judge.tensor_errors import judge_tensor_errors
from conformance.observe.observation import Observation
from conformance.truth.cache import Oracle
from tests.by_hand import Hand

PAGE = "https://example.org/page"
NAN = float("nan")


def judged(
    oracle: Oracle, hand: Hand, detail: str, answer: Callable[[Any], Observation], sound: str = "returned", **cited: Any
) -> Result:
    """The one result of an answer, beside a sound call of this outcome."""
    control, case = hand.case("error", SOUND), hand.case("error", detail)
    before = hand.returned(control, 1.0) if sound == "returned" else hand.failed(control, sound, "not today")
    (result,) = judge_tensor_errors(hand.answers([before, answer(case)], oracle, **cited))
    assert result.region == detail or detail in ("missing", "none", "text", "keyword")
    return result


@pytest.mark.parametrize("outcome", ["raised", "not_supported"])
@pytest.mark.parametrize(
    "detail", ["missing", "keyword", "shapes (N, 1) and (N,)", "delta = -1.0", "unknown reduction"]
)
def test_a_refusal_conforms(oracle: Oracle, detail: str, outcome: str) -> None:
    hand = Hand("huber")
    result = judged(oracle, hand, detail, lambda case: hand.failed(case, outcome))
    assert (result.outcome, result.message) == ("conforms", "")


def test_a_broadcast_is_told_with_its_shapes(oracle: Oracle) -> None:
    hand = Hand("huber")
    result = judged(oracle, hand, "shapes (N, 1) and (N,)", lambda case: hand.returned(case, np.full((3, 3), 0.5)))
    assert (result.outcome, result.severity, result.level) == ("deviates", "wrong", "MUST")
    assert (
        result.message
        == "prediction [3, 1], target [3] was accepted and gave float32 [3, 3]: 0.5, 0.5, 0.5, 0.5, 0.5, …"
    )


@pytest.mark.parametrize(
    "detail",
    [
        "missing",
        "none",
        "text",
        "keyword",
        "unknown reduction",
        "a text as delta",
        "axis = rank",
        "weight of shape (N + 1,)",
    ],
)
def test_what_is_accepted_deviates(oracle: Oracle, detail: str) -> None:
    hand = Hand("huber")
    result = judged(oracle, hand, detail, lambda case: hand.returned(case, [[NAN, 1.0]]))
    assert result.outcome == "deviates"
    assert "was accepted and gave float32 [1, 2]: nan, 1" in result.message


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([[1, 2, 3], [NAN, NAN, NAN]], "conforms"),
        ([[1, 2, 3], [NAN, 4, NAN]], "deviates"),
        ([[NAN, NAN, NAN], [1, 2, 3]], "deviates"),  # it is another sample that is NaN
        ([[1, 2, 3], [1, 2, 3]], "deviates"),
        (NAN, "conforms"),
        (0.5, "deviates"),
    ],
)  # fmt: skip
def test_a_label_out_of_range_may_give_nan_for_its_own_samples(oracle: Oracle, results: Any, outcome: str) -> None:
    hand = Hand("cross_entropy")
    result = judged(oracle, hand, "labels = number of classes", lambda case: hand.returned(case, results))
    assert result.outcome == outcome
    assert "labels [" in result.message  # recorded in either case, with the labels given
    assert ", 5" in result.message


@pytest.mark.parametrize(("result", "outcome"), [(NAN, "conforms"), (-2.0, "deviates")])
def test_an_option_outside_its_domain(oracle: Oracle, result: float, outcome: str) -> None:
    hand = Hand("huber")
    found = judged(oracle, hand, "delta = -1.0", lambda case: hand.returned(case, np.full((2, 3), result)))
    assert (found.outcome, found.level) == (outcome, "SHOULD")
    assert found.parameters["delta"] == -1.0


def test_a_negative_weight_is_recorded(oracle: Oracle) -> None:
    hand = Hand("huber")
    result = judged(oracle, hand, "weight negative", lambda case: hand.returned(case, np.full((2, 3), -0.5)))
    assert (result.outcome, result.level) == ("conforms", "MAY")
    assert "weight [-1.5," in result.message


@pytest.mark.parametrize(
    ("detail", "shape", "outcome"),
    [
        ("shapes (N, M) and (M,)", (2, 3), "unspecified"),
        ("shapes (N,) and (1,)", (3,), "unspecified"),
        ("shapes (N, 1) and (N,)", (3, 3), "deviates"),  # neither is broadcast to the shape of the other
        ("shapes (N, M) and (N, M + 1)", (2, 3), "deviates"),
    ],
)
def test_documented_broadcasting_excuses_what_it_says(
    oracle: Oracle, detail: str, shape: tuple[int, ...], outcome: str
) -> None:
    hand = Hand("huber")
    result = judged(oracle, hand, detail, lambda case: hand.returned(case, np.ones(shape)), broadcasts=PAGE)
    assert result.outcome == outcome
    assert (PAGE in result.message) == (outcome == "unspecified")


def test_documentation_excuses_the_rule_it_is_cited_for(oracle: Oracle) -> None:
    hand = Hand("cross_entropy")
    cited: dict[str, Any] = {"unsound": {"errors.label_dtype": PAGE}}
    dtype = judged(oracle, hand, "labels in float32", lambda case: hand.returned(case, np.ones((2, 3))), **cited)
    value = judged(oracle, hand, "labels = -1", lambda case: hand.returned(case, np.ones((2, 3))), **cited)
    assert (dtype.outcome, value.outcome) == ("unspecified", "deviates")
    assert PAGE in dtype.message
    assert dtype.conforms == 0


def test_who_refuses_everything_refuses_nothing(oracle: Oracle) -> None:
    hand = Hand("huber")

    def refused(sound: str) -> Result:
        return judged(oracle, hand, "delta = -1.0", lambda case: hand.failed(case), sound=sound)

    assert refused("raised").outcome == "unspecified"
    assert "not today" in refused("raised").message
    assert refused("not_supported").outcome == "not_supported"
    assert refused("crashed").outcome == "unspecified"


def test_to_die_is_no_way_to_refuse(oracle: Oracle) -> None:
    hand = Hand("cross_entropy")
    result = judged(
        oracle, hand, "labels far out of range", lambda case: hand.failed(case, "crashed", "killed by SIGSEGV")
    )
    assert (result.outcome, result.severity) == ("crashed", "wrong")
    (finding,) = findings_of([result], {"hand": hand.answers([], oracle).subject}, lambda result: "")
    assert "SIGSEGV" in finding.message


def test_memory_that_is_not_the_calls_makes_no_new_finding(oracle: Oracle) -> None:
    hand = Hand("cross_entropy")

    def giving(number: float) -> Result:
        return judged(
            oracle, hand, "labels far out of range", lambda case: hand.returned(case, np.full((2, 3), number))
        )

    first, second = giving(1.5), giving(-3e33)
    assert first.message != second.message
    assert first.bits == second.bits


def test_integers_that_come_back_are_no_nan(oracle: Oracle) -> None:
    hand = Hand("huber")

    def whole(case: Any) -> Observation:
        answer = hand.returned(case, np.zeros(2))
        output = answer.outputs[0]
        return Observation("hand", case, "returned", (type(output)(output.blob, "int32", output.shape),))

    result = judged(oracle, hand, "delta = -1.0", whole)
    assert result.outcome == "deviates"
    assert "int32 [2]" in result.message
