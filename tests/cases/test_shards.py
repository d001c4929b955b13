"""Shards: together they are the whole plan, none has what another has, and none is much longer than the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from conformance import registry
from conformance.cases.plan import Selection, plan_for
from conformance.cases.shards import Shard, costs_of, functions_of, shard_from
from conformance.standard import CATALOGUE, TENSOR_FUNCTIONS
from conformance.suite.items import items
from conformance.truth.cache import Oracle
from tests.toy import Few

NUMBERS = (3,)
BACKENDS = tuple(registry.BACKENDS)
FEW = Selection(functions=("relu", "gelu", "prelu", "softmax", "huber", "squared_error"), tier="quick")


def shards(of: int, backend: str, selection: Selection, configuration: str = "default") -> list[tuple[str, ...]]:
    adapter = registry.backend(backend)
    return [functions_of(Shard(number, of), adapter, configuration, selection) for number in range(1, of + 1)]


def complaints(parts: Sequence[Sequence[str]], whole: Sequence[str]) -> list[str]:
    """What keeps the parts from being a partition of the whole."""
    counted = Counter(name for part in parts for name in part)
    return [
        *(f"{name} is in no part" for name in whole if not counted[name]),
        *(f"{name} is in {number} parts" for name, number in counted.items() if number > 1),
        *(f"{name} is in none of them" for name in counted if name not in whole),
    ]


def test_the_check_for_a_partition_can_fail() -> None:
    assert complaints([("a",), ("b",)], ["a", "b"]) == []
    assert complaints([("a",), ()], ["a", "b"]) == ["b is in no part"]
    assert complaints([("a",), ("a", "b")], ["a", "b"]) == ["a is in 2 parts"]
    assert complaints([("a", "c")], ["a"]) == ["c is in none of them"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("of", NUMBERS)
def test_together_they_are_everything_and_nothing_twice(backend: str, of: int) -> None:
    for configuration in registry.backend(backend).configurations:
        costs = costs_of(registry.backend(backend), configuration, Selection())
        whole = [name for name in CATALOGUE if name in costs]
        parts = shards(of, backend, Selection(), configuration)
        assert complaints(parts, whole) == []
        assert all(list(part) == [name for name in whole if name in part] for part in parts), (
            "not in the standard's order"
        )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("of", NUMBERS)
def test_none_is_longer_than_the_average_and_one_function(backend: str, of: int) -> None:
    costs = costs_of(registry.backend(backend), "default", Selection())
    loads = [sum(costs[name] for name in part) for part in shards(of, backend, Selection())]
    assert max(loads) <= sum(loads) / of + max(costs.values())
    assert max(loads) <= 1.25 * sum(loads) / of or max(loads) == max(costs.values())


def test_the_split_is_the_same_every_time_and_by_what_is_asked() -> None:
    assert shards(3, "torch", FEW) == shards(3, "torch", FEW)
    assert shards(3, "torch", FEW) != shards(3, "torch", Selection())
    assert shards(1, "torch", FEW) == [tuple(name for name in CATALOGUE if name in FEW.functions)]


def test_of_more_shards_than_functions_some_are_empty() -> None:
    parts = shards(10, "numpy", FEW)
    assert sorted(map(len, parts)) == [0] * 4 + [1] * 6
    assert complaints(parts, FEW.functions) == []


@pytest.mark.parametrize("selection", [FEW, replace(FEW, rules=("nan",)), replace(FEW, rules=("gelu.value",)), replace(FEW, tier="default", dtypes=("float64",)), replace(FEW, modes=("compiled",))])  # fmt: skip
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_what_costs_something_is_what_the_plan_asks(backend: str, selection: Selection, oracle: Oracle) -> None:
    for configuration in registry.backend(backend).configurations:
        adapter = registry.backend(backend)
        plan = plan_for(adapter, configuration, selection, Few(oracle))
        assert set(costs_of(adapter, configuration, selection)) == {group.id.split("/")[0] for group in plan.groups}


def test_the_shards_ask_the_very_cases_of_the_whole(oracle: Oracle) -> None:
    adapter, lattices = registry.backend("jax"), Few(oracle)

    def asked(selection: Selection) -> list[str]:
        plan = plan_for(adapter, "default", selection, lattices)
        return [case.id for group in plan.groups for case in group.cases]

    parts = [asked(replace(FEW, functions=part)) for part in shards(3, "jax", FEW) if part]
    assert len(parts) == 3
    assert complaints(parts, asked(FEW)) == []


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_the_items_of_the_shards_are_all_items_and_none_twice(backend: str) -> None:
    selection = Selection(functions=(*FEW.functions, "ctc_with_logits"))
    adapter = registry.backend(backend)

    def split(number: int) -> dict[str, tuple[str, ...]]:
        subjects = {("" if one == "default" else f"-{one}"): one for one in adapter.configurations}
        return {
            adapter.name + end: functions_of(Shard(number, 3), adapter, configuration, selection)
            for end, configuration in subjects.items()
        }

    parts = [[item.id for item in items([backend], selection, split(number))] for number in (1, 2, 3)]
    whole = [item.id for item in items([backend], selection)]
    assert all(parts)
    assert complaints(parts, whole) == []


@pytest.mark.parametrize(("text", "shard"), [("2/5", Shard(2, 5)), ("1/1", Shard(1, 1)), (" 5/5 ", Shard(5, 5))])
def test_a_shard_is_read(text: str, shard: Shard) -> None:
    assert shard_from(text) == shard
    assert str(shard) == text.strip()


@pytest.mark.parametrize(
    "text", ["0/5", "6/5", "5", "2/", "/5", "a/b", "-1/5", "1/0", "2 of 5", "1/2/3", "", "1.0/2", "٢/٥"]
)
def test_what_is_no_shard_is_refused_with_what_was_given_and_what_would_do(text: str) -> None:
    with pytest.raises(ValueError, match="is no shard: give i/n with 1 ≤ i ≤ n, as in 2/5") as error:
        shard_from(text)
    assert repr(text) in str(error.value)


def test_functions_of_tensors_are_split_too() -> None:
    every = [name for part in shards(3, "numpy", Selection()) for name in part]
    assert set(TENSOR_FUNCTIONS) <= set(every)
