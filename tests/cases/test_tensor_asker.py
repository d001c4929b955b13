"""What is given to the entry points that there are: the usual arguments in every ordinary call, and every other one in some call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance import registry
from conformance.cases.case import Case
from conformance.standard import TENSOR_FUNCTIONS
from tests.by_hand import Hand

BACKENDS = ("numpy", "torch", "tensorflow", "jax")
ASKING = ("draws", "arguments", "reductions")
"""Topics that give arguments for their own sake."""


def bindings() -> Iterator[Any]:
    """Every backend's bindings of functions of tensors, but of those that draw: these have topics of their own."""
    for backend in BACKENDS:
        for binding in registry.backend(backend).tensor_bindings:
            if not TENSOR_FUNCTIONS[binding.function].drawn:
                yield pytest.param(binding, id=f"{backend}-{binding.function}-{binding.id}")


def takes_targets(binding: Any) -> bool:
    """Whether there are targets that may be left out, as far as the standard is concerned."""
    optional = {a.name for a in TENSOR_FUNCTIONS[binding.function].arguments if a.optional}
    return "target" in optional and "target" in binding.taken()


def given(case: Case) -> set[str]:
    return {item.name for item in case.inputs}


EVERY = list(bindings())
WITH_TARGETS = [one for one in EVERY if takes_targets(one.values[0])]


@pytest.mark.parametrize("binding", WITH_TARGETS)
def test_targets_that_may_be_left_out_are_given(binding: Any) -> None:
    """A loss of the prediction alone would say nothing about the sign of their difference, nor about the targets' gradient."""
    cases = Hand(binding.function, binding).cases("draws")
    values = [case for case in cases if case.quantity == "value"]
    assert values
    assert [case.detail for case in cases if "target" not in given(case)] == []
    assert any(case.quantity == "gradient" and case.wrt == "target" for case in cases)


def test_there_are_such_targets_in_every_framework() -> None:
    entry_points = {parameter.values[0].entry_point for parameter in WITH_TARGETS}
    assert {
        "optax.losses.squared_error",
        "optax.losses.l2_loss",
        "optax.losses.log_cosh",
        "keras.losses.mean_squared_error",
        "keras.losses.LogCosh",
        "torch.nn.functional.mse_loss",
    } <= entry_points
    assert "tensorflow.nn.l2_loss" not in entry_points, "which takes one tensor"


@pytest.mark.parametrize("binding", EVERY)
def test_whatever_an_entry_point_takes_is_given_somewhere(binding: Any) -> None:
    hand = Hand(binding.function, binding)
    found = set().union(*(given(case) for topic in ASKING for case in hand.cases(topic)))
    assert found == set(binding.taken())
