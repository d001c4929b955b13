"""The items of the matrix and their verdicts: which there are is known from the plan, before anything is observed.

Knows the registry, the plan and the judge's records; no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance import registry
from conformance.cases.plan import Selection, dtypes_asked, invalid_parameters, is_wanted
from conformance.judge.message import four_lines
from conformance.judge.records import Judgement, Result
from conformance.standard import FUNCTIONS, Function, rules_of

BINDING_LEVELS = ("MUST", "SHOULD")
SHOWN = 3
"""Deviations that one item spells out; of more, it gives the number."""


@dataclass(frozen=True)
class Item:
    """One cell of the matrix."""

    subject: str
    backend: str
    rule: str
    dtype: str

    @property
    def id(self) -> str:
        """`gelu.limit.-inf-float32-torch`: the rule first, so that `-k` and sorting go by it."""
        return f"{self.rule}-{self.dtype}-{self.subject}"


@dataclass(frozen=True)
class Verdict:
    """What an item comes to: `passed`, `failed`, `skipped`; and what to tell a person.

    `deviates` tells a framework that deviates from a question that went wrong (crashed, hung, undecided, nothing compared).
    """

    outcome: str
    text: str
    deviates: bool = False


def items(backends: Sequence[str], selection: Selection) -> Iterator[Item]:
    """Every item of these backends: rules of the functions that they have, crossed with the dtypes in which each is asked."""
    for name in backends:
        adapter = registry.backend(name)
        for configuration in adapter.configurations:
            subject = adapter.name if configuration == "default" else f"{adapter.name}-{configuration}"
            for function in FUNCTIONS.values():
                bindings = [binding for binding in adapter.bindings if binding.function == function.name]
                if not bindings or (selection.functions and function.name not in selection.functions):
                    continue
                for rule in rules_of(function):
                    if not is_wanted(rule.id, selection.rules) or not _concerns(
                        rule.name, function, bindings, adapter.views
                    ):
                        continue
                    # With one entry point, bits are only held against those of other lengths and layouts.
                    alone = rule.name == "invariance.bits" and sum(not binding.training for binding in bindings) == 1
                    for dtype in dtypes_asked(
                        "invariance.length" if alone else rule.name, adapter, configuration, selection
                    ):
                        yield Item(subject, adapter.name, rule.id, dtype)


def _concerns(rule: str, function: Function, bindings: Sequence[Any], views: Sequence[str]) -> bool:
    """Whether a rule has anything to ask of the entry points that a backend has for a function."""
    # What draws random numbers is asked other questions than what does not.
    drawing = rule.startswith("training.") or rule == "gradient.training"
    bindings = [binding for binding in bindings if binding.training == drawing]
    if not bindings:
        return False
    in_place = [binding.form.startswith("inplace") for binding in bindings]
    taken = {name for binding in bindings for name in binding.parameters}
    taken |= {name for binding in bindings if binding.form == "function" for name in binding.operands}
    bare = any({*binding.parameters, *binding.operands} <= set(binding.defaults) for binding in bindings)
    learnt = {name for binding in bindings for name in binding.operands}
    having = {
        "inplace": any(in_place),
        "purity": not all(in_place),
        "invariance.entry_point": len(bindings) > 1,
        "invariance.layout": len(views) > 1,
        "errors.parameter_type": bool(taken),
        "errors.parameter_value": any(any(invalid_parameters(function, binding)) for binding in bindings),
        "defaults": bare,
        "defaults.convention": bare,
        **{f"gradient.{p.name}": p.name in learnt for p in function.parameters if p.learnt},
        **{f"gradient.{p.name}.dtype": p.name in learnt for p in function.parameters if p.learnt},
    }
    return having.get(rule, True)


Index = Mapping[tuple[str, str, str], Sequence[Result]]


def index(judgement: Judgement) -> Index:
    """Results by subject, rule and dtype."""
    found: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in judgement.results:
        found[(result.subject, result.rule, result.dtype)].append(result)
    return found


def verdict(item: Item, results: Index, run: str, entry_points: Iterable[str] = ()) -> Verdict:
    """Judge one item. An item without one effective comparison has failed, unless everybody says why there is none.

    `entry_points` restricts it to results of these; empty means all.
    """
    only = set(entry_points)
    mine = [r for r in results.get((item.subject, item.rule, item.dtype), ()) if not only or r.entry_point in only]
    faults = [r for r in mine if r.outcome in ("deviates", "raised") and r.level in BINDING_LEVELS]
    broken = [r for r in mine if r.outcome in ("crashed", "timed_out", "undecided", "could_not_run")]
    if broken:
        return Verdict("failed", f"{broken[0].outcome}: {broken[0].message or item.rule}")
    if faults:
        shown = "\n\n".join(four_lines(result, run=run, backend=item.backend) for result in faults[:SHOWN])
        more = f"\n\nand {len(faults) - SHOWN} more results deviate" if len(faults) > SHOWN else ""
        return Verdict("failed", shown + more, deviates=True)
    compared = sum(result.comparisons - result.unspecified - result.vacuous for result in mine)
    if compared:
        return Verdict("passed", "")
    # A dtype that the framework lacks leaves its mark under one rule and no result under the others.
    support = results.get((item.subject, f"{item.rule.split('.')[0]}.dtype.supported", item.dtype), ())
    absent = sorted(
        {
            f"{r.outcome.replace('_', ' ')}: {r.message}"
            for r in mine or support
            if r.outcome in ("not_supported", "not_provided")
        }
    )
    if absent:
        return Verdict("skipped", absent[0])
    if mine and all(result.unspecified for result in mine):
        return Verdict("skipped", f"unspecified: {mine[0].message}")
    return Verdict(
        "failed", f"{item.rule} compared nothing in {item.dtype} on {item.subject}: no result of the run bears on it"
    )
