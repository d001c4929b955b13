"""Which rules of functions of tensors the plan asks of a backend, and in which dtypes: the items of the matrix about them.

Knows the plan and bindings as data; no framework.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.cases.plan import Selection, is_wanted, modes_of
from conformance.cases.tensor_asker import TensorAsker
from conformance.cases.tensor_plan import TENSOR_PLAN, TOPICS, TensorRow, concerns, dtypes_of, modes_for
from conformance.cases.topics import Plan, is_elsewhere
from conformance.judge.tensor_accuracy import rule_of_place
from conformance.standard import TENSOR_FUNCTIONS, TensorFunction, rules_of

OBSERVED_PROPERTIES = ("range", "nonnegative", "sums_to_one")
"""Kinds of properties that are read off any result; the others have cases of their own."""


def rules_asked(adapter: Any, configuration: str, selection: Selection) -> Iterator[tuple[str, str]]:
    """Ids of rules with the dtypes in which they are asked, in the order of the standard."""
    modes = modes_for(adapter, modes_of(adapter, selection), selection.tier)
    for name, function in TENSOR_FUNCTIONS.items():
        bindings = [binding for binding in getattr(adapter, "tensor_bindings", ()) if binding.function == name]
        if not bindings or (selection.functions and name not in selection.functions):
            continue
        found: dict[str, dict[str, None]] = {}
        for row in TENSOR_PLAN:
            for mode in modes if concerns(row, function) else ():
                dtypes = dtypes_of(row, adapter, configuration, mode, selection.dtypes, selection.tier)
                # Which places there are does not depend on the dtype, and finding them takes time.
                alike = [dtypes] if row.topic == "edges" else [(dtype,) for dtype in dtypes]
                for some in alike if dtypes else ():
                    for rule in _rules_of_row(row, adapter, function, bindings, mode, some[0], selection.tier):
                        found.setdefault(rule, {}).update(dict.fromkeys(some))
        for known in rules_of(function):
            if known.name in found and is_wanted(known.id, selection.rules):
                yield from ((known.id, dtype) for dtype in found[known.name])


def _rules_of_row(
    row: TensorRow, adapter: Any, function: TensorFunction, bindings: Sequence[Any], mode: str, dtype: str, tier: str
) -> Iterator[str]:
    """Names of the rules that a row asks about of any of the bindings."""
    askers = [
        TensorAsker(Plan(), adapter, binding, function, row.topic, mode, dtype, tier)
        for binding in bindings
        if not is_elsewhere(binding.by_name, mode, tier)
    ]
    if row.topic == "edges":
        cases = [case for asker in askers for case in TOPICS[row.topic](asker)]
        for case in cases:
            # A derivative in what all places share belongs to none of them, and is filed under the first.
            shared = bool(case.wrt) and function.argument(case.wrt).shared
            yield from (rule_of_place(case, place) for place in case.places[: 1 if shared else None])
        yield from (*_properties(function), "flush") if any(case.quantity == "value" for case in cases) else ()
        return
    asked = dict.fromkeys(case.rule for asker in askers for case in TOPICS[row.topic](asker))
    yield from asked
    if row.topic == "random" and asked:
        yield from ("shape", "dtype.preserved", "dtype.supported")
    if row.topic == "draws" and asked:
        yield from ("dtype.preserved", "dtype.supported", "shape", *_properties(function))
        yield from (f"{rule}.dtype" for rule in asked if rule.startswith("gradient.") and rule != "gradient.forward")
        alike = Counter(repr((sorted(asker.base().items(), key=repr), sorted(asker.names()))) for asker in askers)
        yield from ("invariance.entry_point",) if max(alike.values()) > 1 else ()
    elif row.topic == "repetition":
        yield "invariance.bits"
    elif row.topic == "defaults" and asked:
        yield "defaults.convention"


def _properties(function: TensorFunction) -> list[str]:
    return [f"property.{prop.kind}" for prop in function.properties if prop.kind in OBSERVED_PROPERTIES]
