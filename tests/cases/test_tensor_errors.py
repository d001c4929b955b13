"""Calls that must not succeed: there are some for every rule about errors, each is wrong in one place, and a careful library refuses all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.cases.case import Case
from conformance.cases.tensor_errors import SOUND, spelt, wrong_alone, wrong_pairs
from conformance.observe import worker
from conformance.standard import TENSOR_FUNCTIONS, rules_of
from conformance.standard.tensors import Argument
from tests.by_hand import Framework, Hand, same_call
from tests.toy import encode_case

N, M, C = ("N", 3), ("M", 4), ("C", 5)


def numbers(hand: Hand, case: Case, name: str) -> Any:
    item = next(item for item in case.inputs if item.name == name)
    return hand.read(item).view(item.dtype)


def test_vectors_that_do_not_fit() -> None:
    found = {region: (one, two) for region, one, two in wrong_pairs((N,), (N,), elementwise=True)}
    assert list(found) == [
        "shapes (N, 1) and (N,)",
        "shapes (N,) and (N + 1,)",
        "shapes (N,) and (N, 1)",
        "shapes (N,) and (1,)",
    ]
    assert found["shapes (N, 1) and (N,)"] == ((N, ("1", 1)), (N,))
    assert found["shapes (N,) and (N + 1,)"] == ((N,), (("N + 1", 4),))


def test_matrices_that_do_not_fit() -> None:
    regions = [region for region, _, _ in wrong_pairs((N, C), (N, C), elementwise=False)]
    assert regions == [
        f"shapes (N, C) and {other}" for other in ("(C,)", "(N, C + 1)", "(C, N)", "(1, C)", "(N, 1)", "(N + 1, C)")
    ]


def test_labels_that_do_not_fit() -> None:
    regions = [region for region, _, _ in wrong_pairs((N, C), (N,), elementwise=False)]
    assert regions == [
        "shapes (N, C) and (N, 1)",
        "shapes (N, C) and (N + 1,)",
        "shapes (N, C) and (1,)",
        "shapes (N, C) and ()",
        "shapes (N, C) and (N, C)",
        "shapes (C, N) and (N,)",
    ]


def test_shapes_that_come_out_as_they_were_are_not_wrong() -> None:
    square = (N, ("C", 3))
    assert "shapes (N, C) and (C, N)" not in [region for region, _, _ in wrong_pairs(square, square, elementwise=False)]
    assert not [region for region, _, _ in wrong_pairs((), (), elementwise=True)]
    one = (("N", 1),)
    assert "weight of shape (1,)" not in dict(wrong_alone(Argument("weight", "nonnegative"), one))


def test_an_argument_alone() -> None:
    shared = dict(wrong_alone(Argument("class_weight", "nonnegative", ("classes",), shared=True), (C,)))
    assert list(shared) == ["class_weight of shape (C + 1,)", "class_weight of shape (1,)"]
    mask = dict(wrong_alone(Argument("where", "mask", ("classes",)), (N, C)))
    assert list(mask) == ["where of shape (N, C + 1)"]  # that masks are broadcast is usual


@pytest.mark.parametrize(("shape", "text"), [((), "()"), ((N,), "(N,)"), ((N, C), "(N, C)")])
def test_shapes_in_words(shape: Any, text: str) -> None:
    assert spelt(shape) == text


@pytest.mark.parametrize("name", list(TENSOR_FUNCTIONS))
def test_every_rule_about_errors_is_asked(name: str) -> None:
    due = {rule.name for rule in rules_of(TENSOR_FUNCTIONS[name]) if rule.name.startswith("errors.")}
    cases = Hand(name).cases("error")
    assert {case.rule for case in cases if case.detail != SOUND} == due
    assert max(Counter(case.id for case in cases).values()) == 1
    assert max(Counter((case.rule, case.detail) for case in cases).values()) == 1


@pytest.mark.parametrize("name", list(TENSOR_FUNCTIONS))
def test_a_careful_library_refuses_all_but_the_sound_call(name: str) -> None:
    """NumPy's own functions check everything, so that a case that is not wrong would be answered."""
    adapter = registry.backend("numpy")
    backend = adapter("default", "cpu", 1)
    binding = next(b for b in adapter.tensor_bindings if b.function == name and b.remark == "ours")
    hand = Hand(name, binding, framework=Framework("numpy", ("eager",)))
    caches = worker.Caches({}, {})
    for case in hand.cases("error"):
        answer, _ = worker.run_case(backend, encode_case(case), hand.plan.blobs, caches)
        assert answer["outcome"] == ("returned" if case.detail == SOUND else "raised"), (case.detail, answer)


def test_labels_are_wrong_in_one_place_that_has_a_name() -> None:
    hand = Hand("cross_entropy")
    sound, wrong = hand.case("error", SOUND), hand.case("error", "labels = number of classes")
    assert wrong.places == ("sound", "spoilt")
    before, after = numbers(hand, sound, "labels"), numbers(hand, wrong, "labels")
    assert np.array_equal(before[0], after[0])
    assert (after[1] == 5).all()
    assert set(same_call(sound, wrong)) == {"detail", "rule", "places", "inputs"}
    assert numbers(hand, hand.case("error", "labels = -1"), "labels")[1].max() == -1
    ignoring = hand.case("error", "labels = -1, another label ignored")
    assert ignoring.arguments["ignore_index"] == 2


def test_a_list_of_labels_ends_with_minus_one_so_that_minus_two_is_wrong() -> None:
    details = {case.detail for case in Hand("multilabel_margin").cases("error") if case.rule == "errors.label_value"}
    assert details == {"labels = number of classes", "labels = -2", "labels far out of range"}


def test_labels_in_floating_point_are_halves() -> None:
    hand = Hand("nll")
    case = hand.case("error", "labels in float32")
    assert (numbers(hand, case, "labels") % 1 == 0.5).all()


def test_the_missing_argument_is_one_that_is_due() -> None:
    case = Hand("cross_entropy").case("error", "missing")
    assert [item.name for item in case.inputs] == ["logits"]


def test_options_are_wrong_in_one_keyword() -> None:
    hand = Hand("huber")
    sound = hand.case("error", SOUND)
    wrong = {case.detail: case.arguments for case in hand.cases("error") if case.rule != "errors.argument"}
    assert wrong["a text as delta"] == {**sound.arguments, "delta": "0.5"}
    assert wrong["delta = -1.0"] == {**sound.arguments, "delta": -1.0}
    assert wrong["unknown reduction"] == {**sound.arguments, "reduction": "no_such_name"}


def test_an_axis_beyond_either_end() -> None:
    cases = {
        case.detail: case.arguments["axis"] for case in Hand("softmax").cases("error") if case.rule == "errors.axis"
    }
    assert cases == {"axis = rank": 3, "axis = -rank - 1": -4}


def test_where_every_shape_is_compiled_little_is_asked_again() -> None:
    compiling = Framework(recompiles=("compiled",))
    eager, compiled = (
        Hand("cross_entropy", mode=mode, framework=compiling).cases("error") for mode in ("eager", "compiled")
    )
    assert [case.detail for case in compiled] == [
        SOUND, "shapes (N, C) and (N, 1)", "labels = number of classes", "labels = -1", "labels far out of range",
    ]  # fmt: skip
    assert {case.detail for case in compiled} < {case.detail for case in eager}
    # Shapes that a compiler has worked for already: those of `draws`.
    drawn = Hand("cross_entropy", mode="compiled", framework=compiling).cases("draws")
    shapes = {tuple(item.shape for item in case.inputs) for case in drawn}
    assert {tuple(item.shape for item in case.inputs) for case in compiled if case.rule != "errors.shape"} <= shapes
