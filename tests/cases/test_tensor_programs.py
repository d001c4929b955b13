"""Where every shape is compiled or traced anew, the same shapes are asked again and again, and no place worth a name gets lost."""

from __future__ import annotations

import pytest

from conformance.cases.case import Case
from conformance.cases.tensor_asker import PROGRAM
from conformance.cases.tensor_plan import modes_for, tensor_cells
from conformance.judge.tensor_accuracy import loop_of
from conformance.standard import TENSOR_FUNCTIONS
from tests.by_hand import Framework, Hand

COMPILING = Framework(recompiles=("compiled",))
APART = ("softmax", "cross_entropy", "binary_cross_entropy", "cosine_similarity", "ctc_with_logits")


def hand(name: str, mode: str) -> Hand:
    return Hand(name, mode=mode, framework=COMPILING)


def places(cases: list[Case]) -> set[str]:
    return {place for case in cases if case.quantity == "value" for place in case.places}


def shapes(cases: list[Case]) -> set[tuple[object, ...]]:
    return {(case.quantity, case.wrt, *(item.shape for item in case.inputs)) for case in cases}


@pytest.mark.parametrize("mode", ["graph", "compiled"])
@pytest.mark.parametrize("name", APART)
def test_places_worth_a_name_are_asked_in_the_shapes_of_ordinary_numbers_and_all_of_them_are(
    name: str, mode: str
) -> None:
    eager, other = hand(name, "eager").cases("edges"), hand(name, mode).cases("edges")
    needed = {argument.name for argument in TENSOR_FUNCTIONS[name].arguments if not argument.optional}
    assert places(other) == places([case for case in eager if {item.name for item in case.inputs} == needed])
    ordinary = shapes(hand(name, mode).cases("draws"))
    base = next(case.parameters for case in other)
    first = next(case for case in other if case.parameters == base)
    assert ("value", "", *(item.shape for item in first.inputs)) in ordinary
    loops = {loop_of(item.shape, len(case.places)) for case in other for item in case.inputs if len(case.places) > 1}
    assert loops == {PROGRAM}


def test_the_first_place_of_a_piece_fills_it_up() -> None:
    for case in hand("softmax", "compiled").cases("edges"):
        assert len(case.places) == PROGRAM[0] * PROGRAM[1]
        last = list(case.places).index(case.places[0], 1) if case.places.count(case.places[0]) > 1 else len(case.places)
        assert set(case.places[last:]) <= {case.places[0]}


@pytest.mark.parametrize(
    ("shape", "count", "loop"),
    [
        ((32, 5), 32, (32,)),
        ((4, 8, 5), 32, (4, 8)),
        ((4, 8), 32, (4, 8)),
        ((5,), 32, ()),
        ((), 32, ()),
        ((4, 9), 32, ()),
    ],
)
def test_the_loop_of_a_shape(shape: tuple[int, ...], count: int, loop: tuple[int, ...]) -> None:
    assert loop_of(shape, count) == loop


def test_the_quick_tier_asks_what_the_default_tier_asks_of_a_framework_that_compiles_even_the_plain_call() -> None:
    always = Framework(recompiles=("eager", "compiled"))
    huber = TENSOR_FUNCTIONS["huber"]

    def cells(tier: str) -> set[tuple[str, str, str]]:
        modes = modes_for(always, ("eager",) if tier == "quick" else always.modes, tier)
        found = tensor_cells(always, huber, "default", modes, (), (), tier)
        return {(row.topic, mode, dtype) for row, mode, dtype in found}

    assert cells("quick") < cells("default")
    assert {(topic, mode) for topic, mode, _ in cells("quick")} >= {
        ("draws", "compiled"),
        ("edges", "compiled"),
        ("defaults", "eager"),
    }
