"""What an installed version lacks: a keyword that says what the bare call does anyhow is left away, every other one is refused."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from conformance import registry

common: Any = importlib.import_module("conformance.backends.common")

BINDING = registry.protocol().TensorBinding(
    "cross_entropy",
    "module.loss",
    parameters={"axis": "axis", "reduction": "reduction", "epsilon": "eps"},
    spelt={"reduction": {"mean": "sum_over_batch_size", "sum": "sum"}},
    defaults={"axis": -1, "reduction": "mean"},
)


def old(logits: Any, labels: Any) -> Any:
    """Knows no keyword at all."""


def new(logits: Any, labels: Any, axis: int = -1, reduction: str = "sum_over_batch_size", eps: float = 0.0) -> Any:
    """Knows them all."""


def anything(logits: Any, **options: Any) -> Any:
    """Nobody can tell what it knows."""


class Layer:
    def __init__(self, reduction: str = "sum_over_batch_size") -> None:
        """The constructor counts."""


GIVEN = {"axis": -1, "reduction": "sum_over_batch_size"}


@pytest.mark.parametrize(
    ("found", "arguments", "kept"),
    [
        (old, GIVEN, {}),
        (old, {"axis": 0, "reduction": "sum"}, {"axis": 0, "reduction": "sum"}),
        (old, {"axis": -1.0}, {"axis": -1.0}),
        (old, {"eps": 0.0}, {"eps": 0.0}),
        (old, {"unknown": -1}, {"unknown": -1}),
        (new, {**GIVEN, "eps": 0.0}, {**GIVEN, "eps": 0.0}),
        (anything, GIVEN, GIVEN),
        (Layer, GIVEN, {"reduction": "sum_over_batch_size"}),
        (max, GIVEN, GIVEN),
    ],
    ids=["old", "old-other", "old-type", "old-no-default", "old-unknown", "new", "anything", "class", "written-in-C"],
)
def test_what_says_nothing_is_left_away_where_it_is_not_known(
    found: Any, arguments: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert common.taken(found, BINDING, arguments) == kept


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_of_what_is_installed_every_keyword_is_given(name: str) -> None:
    """The present versions are those that the bindings were written for: what a call says, it says."""
    pytest.importorskip(name)
    adapter = registry.backend(name)
    checked = 0
    for binding in adapter.tensor_bindings:
        options = {
            keyword: binding.defaults[option]
            for option, keyword in binding.parameters.items()
            if option in binding.defaults
        }
        try:
            found = common.resolve(binding.entry_point)
        except Exception:  # an entry point that this version lacks is another test's business
            continue
        assert common.taken(found, binding, options) == options, binding.id
        checked += 1
    assert checked > 20
