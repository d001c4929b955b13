"""Arguments with which a property must show: exchanged, equal, shifted by a number that float32 adds exactly."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.cases.tensor_topics import SHIFTS
from conformance.standard import TENSOR_FUNCTIONS
from tests.by_hand import Hand

KINDS = ("symmetric", "shift_invariant", "zero_at_equality")
ASKED = [
    (name, p.kind) for name, f in TENSOR_FUNCTIONS.items() for p in f.properties if p.kind in KINDS and not f.drawn
]


def cases_of(hand: Hand, kind: str) -> list[Case]:
    return [case for case in hand.cases("symmetry") if case.rule == f"property.{kind}"]


def argument(hand: Hand, case: Case, place: int) -> np.ndarray:
    return hand.read(case.inputs[place]).view("float32")


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_every_property_is_asked_as_value_and_derivative(name: str, kind: str) -> None:
    asked = {case.quantity for case in cases_of(Hand(name), kind)}
    assert asked == {"value", "gradient"}


@pytest.mark.parametrize(
    "name", [name for name, f in TENSOR_FUNCTIONS.items() if not {p.kind for p in f.properties} & set(KINDS)]
)
def test_nothing_is_asked_that_is_no_property(name: str) -> None:
    assert Hand(name).cases("symmetry") == []


def test_equal_arguments() -> None:
    hand = Hand("huber")
    for case in cases_of(hand, "zero_at_equality"):
        assert case.inputs[0].blob == case.inputs[1].blob
        assert len(np.unique(argument(hand, case, 0))) > 3


def test_exchanged_arguments() -> None:
    hand = Hand("dice")
    case = cases_of(hand, "symmetric")[0]
    assert [item.name for item in case.inputs] == ["prediction", "target"]
    assert set(np.unique(argument(hand, case, 0))) <= {0.0, 1.0}  # the target's numbers
    assert not set(np.unique(argument(hand, case, 1))) <= {0.0, 1.0}


def test_shifts_are_exact() -> None:
    hand = Hand("cross_entropy")
    values = [case for case in cases_of(hand, "shift_invariant") if case.quantity == "value"]
    first, second = (argument(hand, case, 0).astype(np.float64) for case in values)
    assert np.array_equal(first - SHIFTS[0], second - SHIFTS[1])
    assert np.abs(first - SHIFTS[0]).max() < 8
    assert {case.inputs[1].blob for case in values} == {values[0].inputs[1].blob}
