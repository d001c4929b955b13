"""What draws is seeded before it is asked, asked again without a seed, and once more with the same one."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.cases.tensor_random import DRAWS
from conformance.observe import worker_tensors
from tests.by_hand import Hand
from tests.toy import encode_case


class Counts:
    """An adapter that writes down what is done to it."""

    def __init__(self, binding: Any) -> None:
        self.tensor_bindings = (binding,)
        self.done: list[str] = []

    def prepare_tensors(self, *asked: Any) -> Any:
        def call(*tensors: Any) -> list[int]:
            self.done.append("call")
            return [len(self.done)]

        return call

    def seed(self, number: int) -> None:
        self.done.append(f"seed {number}")

    def wait(self, outputs: Any) -> None:
        return None


@pytest.mark.parametrize(
    ("detail", "done", "outputs"),
    [("support", ["seed 1", "call"], [2]), (DRAWS, ["seed 1", "call", "call", "seed 1", "call"], [2, 3, 5])],
)
def test_seeds_and_calls(detail: str, done: list[str], outputs: list[int]) -> None:
    hand = Hand("gumbel_softmax")
    backend = Counts(hand.binding)
    case = next(case for case in hand.cases("random") if case.detail == detail)
    found, _, _ = worker_tensors.ask(backend, encode_case(case), lambda item: item["name"], {})
    assert backend.done == done
    assert found == outputs


def test_nothing_else_is_seeded() -> None:
    hand = Hand("softmax")
    backend = Counts(hand.binding)
    worker_tensors.ask(backend, encode_case(hand.cases("draws")[0]), lambda item: item["name"], {})
    assert backend.done == ["call"]
