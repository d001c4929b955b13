"""Shards: a plan split into parts that different machines ask. Each subject is split by itself, function by function.

A function of a subject stays whole, because its answers are judged together; and how one subject is split does not depend on
which others are asked, so that shards of `run torch` and of `run torch jax` fit together. Deterministic: by an estimate of
what each function costs, made from the tables of the plan alone. Knows the bindings as data, and no framework.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.standard import CATALOGUE, FUNCTIONS, TENSOR_FUNCTIONS

from .plan import Selection, cells, modes_of
from .tensor_plan import COMPILES_ALWAYS, modes_for, tensor_cells
from .topics import BackendLike

COST = {"eager": 1, "graph": 6, "compiled": 14}
COST_OF_TENSORS = {"eager": 2, "graph": 12, "compiled": 40}
"""What a cell of the table costs in a mode, relative to an elementwise one in the plain call: medians over the default run of all
four backends (about 1, 12 and 30 ms; of several tensors 3, 25 and 80 ms)."""

ALWAYS_COMPILED, ALWAYS_COMPILED_OF_TENSORS = 20, 60
"""The same in every mode of a backend that compiles even the plain call."""

CASES = {"arrangement": 6, "error": 6}
CASES_OF_TENSORS = {"draws": 5, "options": 3, "reductions": 4}
"""Topics of which a cell is several cases, about so many. Of `edges`, one for each place worth a name."""

SLOW_FAMILIES = {"sequence": 6}
"""Families whose functions run along a sequence, which takes so many times as long."""


@dataclass(frozen=True)
class Shard:
    """One of `of` parts; `number` counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard_from(text: str) -> Shard:
    """The shard that `2/5` names. Raises ValueError with a sentence."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(
            f"{text!r} is no shard: give i/n with 1 ≤ i ≤ n, as in 2/5 for the second of five; `nnconform merge` puts them together."
        )
    return Shard(int(match[1]), int(match[2]))


def functions_of(shard: Shard, backend: BackendLike, configuration: str, selection: Selection) -> tuple[str, ...]:
    """The functions of one subject that fall to a shard, in the order of the standard; none where there are fewer than shards.

    The costliest first, each to the shard that has least so far: no shard is longer than the average and one function.
    """
    costs = costs_of(backend, configuration, selection)
    loads = [0] * shard.of
    mine = set()
    for name in sorted(costs, key=lambda name: (-costs[name], name)):
        place = loads.index(min(loads))
        loads[place] += costs[name]
        if place == shard.number - 1:
            mine.add(name)
    return tuple(name for name in CATALOGUE if name in mine)


def costs_of(backend: BackendLike, configuration: str, selection: Selection) -> dict[str, int]:
    """What asking each function of a subject is estimated to cost; functions of which nothing is asked are absent."""
    costs: dict[str, int] = {}
    always = COMPILES_ALWAYS in backend.recompiles
    wanted = set(selection.functions or CATALOGUE)
    for binding in backend.bindings:
        if binding.function in wanted:
            function = FUNCTIONS[binding.function]
            for cell in cells(backend, binding, function, configuration, selection):
                cost = ALWAYS_COMPILED if always else COST[cell.mode]
                costs[function.name] = costs.get(function.name, 0) + cost * CASES.get(cell.row.topic, 1)
    modes = modes_for(backend, modes_of(backend, selection), selection.tier)
    for binding in getattr(backend, "tensor_bindings", ()):
        if binding.function in wanted:
            of_tensors = TENSOR_FUNCTIONS[binding.function]
            slow = SLOW_FAMILIES.get(of_tensors.family, 1)
            several = {**CASES_OF_TENSORS, "edges": max(1, len(of_tensors.edges))}
            asked = (configuration, modes, selection.dtypes, selection.rules, selection.tier)
            for row, mode, _ in tensor_cells(backend, of_tensors, *asked):
                cost = ALWAYS_COMPILED_OF_TENSORS if always else COST_OF_TENSORS[mode]
                costs[of_tensors.name] = costs.get(of_tensors.name, 0) + cost * slow * several.get(row.topic, 1)
    return costs
