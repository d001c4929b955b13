"""The items of the matrix and their verdicts: which there are is known from the plan, before anything is observed.

Knows the registry, the plan and the judge's records; no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance import registry
from conformance.cases.plan import Selection, dtypes_asked, is_wanted
from conformance.cases.topics import invalid_parameters
from conformance.formats import FORMATS
from conformance.judge.message import folded, four_lines, quantity_of
from conformance.judge.question import MAIN_RULE
from conformance.judge.records import BINDING_LEVELS, Judgement, Known, Result
from conformance.standard import FUNCTIONS, TENSOR_FUNCTIONS, Function, rules_of

from .tensor_items import rules_asked

ENDED = ("crashed", "timed_out")
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
    def function(self) -> str:
        return self.rule.partition(".")[0]

    @property
    def name(self) -> str:
        """The rule without its function."""
        return self.rule.partition(".")[2]

    @property
    def id(self) -> str:
        """`gelu.limit.-inf-float32-torch`: the rule first, so that `-k` and sorting go by it."""
        return f"{self.rule}-{self.dtype}-{self.subject}"


@dataclass(frozen=True)
class Verdict:
    """What an item comes to: `passed`, `failed`, `expected`, `skipped`, `could_not_run`; and what to tell a person."""

    outcome: str
    text: str


def items(
    backends: Sequence[str], wanted: Selection, functions: Mapping[str, Collection[str]] | None = None
) -> Iterator[Item]:
    """Every item of these backends: rules of the functions that they have, crossed with the dtypes in which each is asked.

    Of the subjects that `functions` names, only those.
    """
    for name in backends:
        adapter = registry.backend(name)
        for configuration in adapter.configurations:
            subject = adapter.name if configuration == "default" else f"{adapter.name}-{configuration}"
            selection = wanted
            if functions is not None and subject in functions:
                if not functions[subject]:
                    continue
                selection = replace(wanted, functions=tuple(functions[subject]))
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
            for rule_id, dtype in rules_asked(adapter, configuration, selection):
                yield Item(subject, adapter.name, rule_id, dtype)


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


@dataclass(frozen=True)
class Index:
    """Results by subject, rule and dtype; of subjects that could not run (on), the reason; expectations by backend and name."""

    results: Mapping[tuple[str, str, str], Sequence[Result]]
    problems: Mapping[str, str]
    known: Mapping[tuple[str, str], Known] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """How the command that shows a result again names the backend, and which options it needs besides."""

    backend: str
    options: str = ""


def index(judgement: Judgement) -> Index:
    """The results of a judgement, to be looked up."""
    found: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in judgement.results:
        found[(result.subject, result.rule, result.dtype)].append(result)
    return Index(found, {subject.id: subject.problem for subject in judgement.subjects if subject.problem},
                 {(one.backend, one.name): one for one in judgement.known})  # fmt: skip


def verdict(item: Item, known: Index, shown: Shown, entry_points: Iterable[str] = ()) -> Verdict:
    """Judge one item. An item without one effective comparison has failed, unless everybody says why there is none.

    `entry_points` restricts it to results of these; empty means all.
    """
    only = set(entry_points)

    def about(rule: str) -> list[Result]:
        found = known.results.get((item.subject, f"{item.function}.{rule}", item.dtype), ())
        return [result for result in found if not only or result.entry_point in only]

    mine = about(item.name)
    faults = [r for r in mine if r.outcome in (*ENDED, "undecided")]
    faults += [r for r in mine if r.outcome in ("deviates", "raised") and r.level in BINDING_LEVELS]
    compared = sum(result.comparisons - result.unspecified - result.vacuous for result in mine)
    # A question that was not answered leaves its mark under the rule that it is mainly about, and nothing under the others.
    unanswered = [] if faults or compared else [r for rule in _answered_with(item.name) for r in about(rule)]
    faults += [r for r in unanswered if r.outcome in (*ENDED, "raised")]
    if faults and all(result.cause for result in faults):
        reasons = [known.known[(item.backend, name)] for name in dict.fromkeys(result.cause for result in faults)]
        return Verdict("expected", " ".join(f"{one.name}: {one.reason} {one.link}" for one in reasons))
    faults = [result for result in faults if not result.cause]
    if faults:
        text = "\n\n".join(_shown(result, shown) for result in faults[:SHOWN])
        more = f"\n\nand {len(faults) - SHOWN} more results deviate" if len(faults) > SHOWN else ""
        return Verdict("failed", text + more)
    missed = [r for r in (*mine, *unanswered) if r.outcome == "could_not_run"]
    if missed or (item.subject in known.problems and not compared):
        why = known.problems.get(item.subject) or missed[0].message
        return Verdict("could_not_run", _could_not_run(item.subject, shown.backend, why))
    if compared:
        return Verdict("passed", "")
    lacking = [r for r in (*mine, *unanswered) if r.outcome in ("not_provided", "not_supported")]
    if lacking:
        return Verdict("skipped", min(map(_lacking, lacking)))
    if mine and all(result.unspecified for result in mine):
        return Verdict("skipped", f"unspecified: {mine[0].message}")
    if not mine and _is_asked_sparingly(item, known):
        return Verdict(
            "skipped",
            f"not asked: in {item.dtype} only the deep tier asks {item.subject} for the parameters that {item.rule} is about",
        )
    if item.name == "flush" and item.function in TENSOR_FUNCTIONS and about("edge"):
        return Verdict("skipped", "no result was subnormal: there was nothing to flush")
    return Verdict(
        "failed", f"{item.rule} compared nothing in {item.dtype} on {item.subject}: no result of the run bears on it"
    )


def _is_asked_sparingly(item: Item, known: Index) -> bool:
    """Whether this dtype was asked with the first sample of the parameters alone, and another one with more: places that only
    other samples have (a kink, an overflow) are then not there to be judged."""

    def samples(dtype: str) -> set[str]:
        found = known.results.get((item.subject, f"{item.function}.value", dtype), ())
        return {repr(sorted(result.parameters.items())) for result in found}

    return len(samples(item.dtype)) == 1 and any(len(samples(dtype)) > 1 for dtype in FORMATS)


def _answered_with(rule: str) -> Iterator[str]:
    """Rules (names) under which it is filed that the questions about `rule` were not answered, the nearest first."""
    yield "training.support" if rule.startswith("training.") else rule.removesuffix(".dtype")
    yield rule.removesuffix(".edge").removesuffix(".nan")
    yield MAIN_RULE[quantity_of(rule)]
    yield "value"


def _shown(result: Result, shown: Shown) -> str:
    text = four_lines(result, backend=shown.backend)
    text = f"{text} {shown.options}" if shown.options else text
    return f"{text}\nbut       {result.unexpected}" if result.unexpected else text


def _lacking(result: Result) -> str:
    """`not provided: jax.nn.mish does not exist in the installed version: no jax.nn.mish`."""
    own = result.message.removeprefix("NotProvided: ").removeprefix("NotSupported: ")
    return f"{result.outcome.replace('_', ' ')}: {folded(own)}"


def _could_not_run(subject: str, backend: str, problem: str) -> str:
    """One short sentence: why, and what to do where the framework is missing."""
    absent = problem.startswith(("ImportError", "ModuleNotFoundError"))
    advice = f" Install it there, or give --conformance-python {backend}=PATH." if absent else ""
    return f"{subject} could not run: {folded(problem)}.{advice}"
