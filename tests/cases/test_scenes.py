"""Numbers and places that functions of tensors are asked with: they are what their arguments may be, and have stable regions."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.cases.scenes import drawn, edges, sizes_of
from conformance.cases.tensor_asker import SIGNS, core_sizes
from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS, TensorFunction
from tests.by_hand import Hand

FUNCTIONS = [function for function in TENSOR_FUNCTIONS.values() if not function.drawn]


def names_of(function: TensorFunction) -> list[str]:
    return [argument.name for argument in function.arguments if not argument.optional]


def places_of(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The arguments at each place of float32."""
    function = TENSOR_FUNCTIONS[name]
    found = {}
    for scene in edges(function, names_of(function), FORMATS["float32"], function.defaults()):
        for index, place in enumerate(scene.places):
            found[place] = {
                n: np.asarray(t)[index]
                if function.batched and not (n != "weight" and function.argument(n).shared)
                else np.asarray(t)
                for n, t in scene.tensors.items()
            }
    return found


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_distributions_that_are_certain_sum_to_one(function: TensorFunction) -> None:
    for place, tensors in places_of(function.name).items():
        for argument in function.arguments:
            if argument.kind == "distribution" and place == f"{argument.name} certain":
                assert (tensors[argument.name].sum(axis=-1) == 1).all()


def test_arguments_that_are_alike_share_their_regions() -> None:
    regions = {place.partition(":")[0] for place in places_of("huber")}
    assert {"prediction or target infinite", "prediction or target large", "prediction or target equal"} <= regions
    assert not {"prediction infinite", "target infinite", "prediction and target infinite"} & regions
    places = places_of("huber")
    assert places["prediction or target infinite: prediction +inf"]["prediction"] == np.inf
    assert places["prediction or target infinite: target +inf"]["target"] == np.inf


def test_arguments_of_other_kinds_have_regions_of_their_own() -> None:
    regions = {place.partition(":")[0] for place in places_of("soft_cross_entropy")}
    assert {"logits infinite", "target NaN"} <= regions


@pytest.mark.parametrize("name", ["huber", "glu", "ctc"])
def test_cotangents_at_places_scale_nothing(name: str) -> None:
    hand = Hand(name)
    for case in hand.cases("edges"):
        if case.cotangent is not None:
            assert set(np.abs(hand.read(case.cotangent).view("float32")).reshape(-1)) <= set(np.abs(SIGNS))


def test_sizes_are_those_of_the_tensors() -> None:
    function = TENSOR_FUNCTIONS["ctc_with_logits"]
    names = ["logits", "labels"]
    tensors = drawn(function, names, (2,), {**sizes_of(function), "length": 1, "time": 4})
    assert core_sizes(function, tensors) == {"time": 4, "classes": sizes_of(function)["classes"], "length": 1}


def test_a_sample_of_which_nothing_takes_part_is_put_together_with_others() -> None:
    hand = Hand("ranking_softmax")
    masked = [case for case in hand.cases("arguments") if any(item.name == "where" for item in case.inputs)]
    nothing = {
        case.parameters["reduction"]
        for case in masked
        for item in case.inputs
        if item.name == "where" and not hand.read(item).any(axis=-1).all()
    }
    assert "mean" in nothing
    assert "none" not in nothing
