"""The plan: which questions cross which dtypes, modes, parameters and shapes. One table, and what carries it out.

Deterministic: the same standard, bindings and selection give the same cases with the same ids, whatever the number of
jobs. Knows the bindings as data, and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from conformance.formats import FORMATS
from conformance.standard import FUNCTIONS, Function

from .case import Case
from .tensor_plan import tensor_groups
from .topics import (
    COMPILED_ANYHOW,
    COMPILED_BESIDE,
    ONE_NARROW,
    RECOMPILED_DTYPES,
    TOPICS,
    TRACED_DTYPES,
    Asker,
    BackendLike,
    BindingLike,
    Group,
    Lattices,
    Plan,
    is_beside,
    is_elsewhere,
    is_frugal,
)

FLOATS = tuple(FORMATS)
MODES = ("eager", "graph", "compiled")
TIERS = ("quick", "default", "deep")
DERIVATIVES = ("value", "gradient", "second_derivative")

INTEGERS = ("bool", "int8", "int32", "int64", "uint8")
QUICK_INTEGERS = ("bool", "int32")
"""Those asked in the quick tier where each of them is a compilation."""
DRAWN = ((1 / 8, 1 / 3), (0.0, 1.0), (-0.5, 2.0), (0.25, 0.25))
"""Ends of the interval from which slopes are drawn in training: customary, from zero, of both signs, and no choice at all."""


@dataclass(frozen=True)
class Selection:
    """What a person asked for; empty means everything. Names are checked by the command line."""

    functions: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    tier: str = "default"


@dataclass(frozen=True)
class Row:
    """One row of the plan's table.

    topic, quantities, dtypes, modes   what is crossed
    parameters   `all`: every sample in float32 and eager mode, in its other modes those that hold an extreme, in the
                 other dtypes the first and the last (the one in which most parameters are away from their defaults; of three parameters
                 the last two), and in other modes of these the first (but for the deep tier); `default` alone; `bare` (nothing passed); or
                 `drawn` (the intervals of DRAWN)
    rules        names (or prefixes ending in a dot) of the rules that the judge answers from it
    needed_by    rules answered from other rows, for which this one is what their answers are held against
    """

    topic: str
    quantities: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    parameters: str
    rules: tuple[str, ...]
    needed_by: tuple[str, ...] = ()


_VALUES = (
    "value", "domain", "subnormal", "overflow", "nan", "limit.", "signed_zero", "signed_zero.convention", "underflow_sign", "flush",
    "gradient", "gradient.domain", "gradient.limit.", "gradient.nan", "gradient.dtype", "kink.",
    "second_derivative", "second_derivative.limit.", "second_derivative.nan",
    "dtype.preserved", "dtype.supported", "shape", "property.", "invariance.entry_point", "invariance.bits",
)  # fmt: skip
_LEARNT = tuple(dict.fromkeys(
    f"gradient.{p.name}{about}" for f in FUNCTIONS.values() for p in f.parameters if p.learnt for about in ("", ".dtype")
))  # fmt: skip
_PARAMETER = ("value", "gradient", "parameter_gradient")

PLAN: tuple[Row, ...] = (
    # topic          quantities               dtypes        modes                  parameters  answers
    Row("lattice",     DERIVATIVES,             FLOATS,       MODES,                 "all",      _VALUES, needed_by=("invariance.", "gradient.cotangent")),
    Row("lattice",     ("forward_gradient",),   ONE_NARROW,  ("eager",),            "all",      ("gradient.forward", "flush")),
    Row("arrangement", ("value", "gradient"),   ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.", "shape", "shape.scalar", "shape.empty")),
    Row("cotangent",   ("gradient",),           ONE_NARROW,  ("eager", "compiled"), "default",  ("gradient.cotangent",)),
    Row("repetition",  ("value", "gradient"),   ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.repetition",), needed_by=("gradient.cotangent",)),
    Row("purity",      ("value", "gradient"),   ONE_NARROW,  ("eager", "compiled"), "default",  ("purity", "inplace")),
    Row("integer",     ("value",),              INTEGERS,     ("eager", "compiled"), "default",  ("dtype.integer",)),
    Row("defaults",    ("value",),              ("float32",), ("eager", "compiled"), "bare",     ("defaults", "defaults.convention")),
    Row("error",       ("value",),              ("float32",), ("eager", "compiled"), "default",  ("errors.",)),
    Row("parameter",   _PARAMETER,              FLOATS,       ("eager",),            "default",  (*_LEARNT, "value", "gradient")),
    Row("parameter",   _PARAMETER,              ONE_NARROW,  ("graph", "compiled"), "default",  (*_LEARNT, "value", "gradient")),
    Row("random",      ("value",),              ONE_NARROW,  ("eager", "compiled"), "drawn",    ("training.",)),
    Row("random",      ("value_and_gradient",), ONE_NARROW,  ("eager", "compiled"), "drawn",    ("gradient.training",)),
)  # fmt: skip

_COMPILED = ("compiled",)
OTHER_CONFIGURATIONS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    # A configuration that is not the framework as shipped asks what it changes, in these dtypes and modes: x64 is about
    # 64-bit types, and about what becomes of the others.
    "x64": {
        "lattice": {"float32": ("eager",), "float64": MODES},
        "arrangement": {"float64": _COMPILED},
        "cotangent": {"float64": _COMPILED},
        "repetition": {"float64": _COMPILED},
        "purity": {"float64": _COMPILED},
        "integer": {"int32": ("eager",), "int64": ("eager",)},
        "defaults": {"float32": ("eager",)},
        "error": {},
        "parameter": {"float64": MODES},
        "random": {},
    },
}

OF_DERIVATIVES = ("gradient", "second_derivative", "kink.")
"""How the names of rules begin that a derivative answers."""

OF_THE_FRAMEWORK = ("arrangement", "cotangent", "repetition", "purity")
"""Topics that say more about the framework than about a configuration of it, which is asked them in the deep tier alone."""


def plan_for(backend: BackendLike, configuration: str, selection: Selection, lattices: Lattices) -> Plan:
    """The plan for one subject: a group per entry point, in the order of the standard."""
    plan = Plan()
    wanted = selection.functions or tuple(FUNCTIONS)
    for name, function in FUNCTIONS.items():
        if name not in wanted:
            continue
        for binding in backend.bindings:
            if binding.function != name:
                continue
            cases = tuple(_cases(plan, backend, binding, function, configuration, selection, lattices))
            if cases:
                plan.groups.append(Group(f"{name}/{binding.id}", cases))
    modes = modes_of(backend, selection)
    plan.groups += tensor_groups(
        plan, backend, configuration, modes, selection.functions, selection.dtypes, selection.rules, selection.tier
    )
    return plan


@dataclass(frozen=True)
class Cell:
    """Where a row of the table crosses an entry point: what becomes cases."""

    row: Row
    quantity: str
    mode: str
    dtype: str
    parameters: dict[str, float]
    arguments: dict[str, Any]


def _cases(
    plan: Plan, backend: BackendLike, binding: BindingLike, function: Function, configuration: str, selection: Selection, lattices: Lattices
) -> Iterator[Case]:  # fmt: skip
    for cell in cells(backend, binding, function, configuration, selection):
        topic, quantity, mode, dtype = cell.row.topic, cell.quantity, cell.mode, cell.dtype
        yield from TOPICS[topic](
            Asker(plan, backend, binding, function, topic, quantity, mode, dtype, selection.tier, cell.parameters, cell.arguments, lattices)
        )  # fmt: skip


def cells(
    backend: BackendLike, binding: BindingLike, function: Function, configuration: str, selection: Selection
) -> Iterator[Cell]:
    """All that is crossed for one entry point, in the order in which it is asked; without the inputs, and so at no cost."""
    modes = modes_of(backend, selection)
    for row in PLAN:
        if not _answers(row, selection.rules, function.name) or not _concerns(row, binding):
            continue
        asked = [(dtype, mode) for mode in modes for dtype in _dtypes(row, backend, configuration, mode, selection)]
        for dtype, mode in asked:
            if is_elsewhere(binding.by_name, mode, selection.tier):
                continue
            for (parameters, arguments), quantity in product(
                _arguments(row, binding, function, _few_samples(backend, mode, dtype, configuration, selection.tier)),
                _quantities(row, configuration, dtype, selection.tier),
            ):
                yield Cell(row, quantity, mode, dtype, parameters, arguments)


def _few_samples(backend: BackendLike, mode: str, dtype: str, configuration: str, tier: str) -> str:
    """Which samples of parameters are asked of a row that asks `all`: `all`, `extreme`, `ends` or `first`."""
    if dtype == "float32":
        if tier == "quick" and is_frugal(backend, mode, tier):
            return "first" if configuration in OTHER_CONFIGURATIONS else "ends"
        if tier != "deep" and configuration in OTHER_CONFIGURATIONS:
            return "first"
        return "all" if mode == "eager" else "extreme"
    return "ends" if mode == "eager" or tier == "deep" else "first"


def _quantities(row: Row, configuration: str, dtype: str, tier: str) -> tuple[str, ...]:
    """What is asked of a row in a dtype: of those that a configuration is not about, whether the value is as it was."""
    about = OTHER_CONFIGURATIONS.get(configuration, {}).get(row.topic, {})
    if tier != "deep" and "float64" in about and dtype != "float64":
        return tuple(quantity for quantity in row.quantities if quantity == "value")
    return row.quantities


def _concerns(row: Row, binding: BindingLike) -> bool:
    """What draws random numbers has no one right answer, and rows of its own."""
    return binding.training == (row.topic == "random") and (row.topic != "parameter" or bool(binding.operands))


def modes_of(backend: BackendLike, selection: Selection) -> tuple[str, ...]:
    """The modes asked of a backend: those it has, those wanted; eager alone in the quick tier.

    A compiler that takes seconds a function (torch.compile) is asked in the deep tier, or when named.
    """
    if selection.modes:
        return tuple(mode for mode in backend.modes if mode in selection.modes)
    slow = backend.slow_modes
    wanted = {"quick": ("eager",), "default": tuple(m for m in MODES if m not in slow), "deep": MODES}[selection.tier]
    return tuple(mode for mode in backend.modes if mode in wanted)


def _answers(row: Row, rules: Sequence[str], function: str = "") -> bool:
    """Whether the row bears on any of the rules wanted of a function (or of any); a rule is named with or without one."""
    if not rules:
        return True
    split = [rule.split(".", 1) if rule.split(".", 1)[0] in FUNCTIONS else ["", rule] for rule in rules]
    names = [name for of, name in split if not of or not function or of == function]
    return any(
        name.startswith(answered) or answered.startswith(name)
        for name in names
        for answered in (*row.rules, *row.needed_by)
    )


def is_wanted(rule: str, wanted: Sequence[str]) -> bool:
    """Whether a rule (its id) is among those wanted: ids, names without a function, or what these begin with; all if empty."""
    name = rule.split(".", 1)[1]
    return not wanted or any(known == one or known.startswith(f"{one}.") for one in wanted for known in (rule, name))


def _dtypes(row: Row, backend: BackendLike, configuration: str, mode: str, selection: Selection) -> tuple[str, ...]:
    """The dtypes in which a row is asked of a backend in one mode."""
    asked = OTHER_CONFIGURATIONS.get(configuration, {}).get(row.topic, dict.fromkeys(row.dtypes, row.modes))
    if configuration in OTHER_CONFIGURATIONS and row.topic in OF_THE_FRAMEWORK and selection.tier != "deep":
        return ()
    dtypes = tuple(dtype for dtype, modes in asked.items() if mode in modes and mode in row.modes)
    if is_beside(mode, selection.tier) and configuration not in OTHER_CONFIGURATIONS:
        dtypes = tuple(dtype for dtype in dtypes if dtype in TRACED_DTYPES.get(row.topic, dtypes))
    if is_frugal(backend, mode, selection.tier):
        dtypes = tuple(dtype for dtype in dtypes if dtype in RECOMPILED_DTYPES.get(row.topic, dtypes))
        if "eager" not in backend.recompiles:
            dtypes = tuple(dtype for dtype in dtypes if dtype in COMPILED_BESIDE.get(row.topic, dtypes))
        of_tier = modes_of(backend, Selection(tier=selection.tier))
        if mode == "eager" and configuration not in OTHER_CONFIGURATIONS and "compiled" in of_tier:
            dtypes = tuple(dtype for dtype in dtypes if dtype in COMPILED_ANYHOW.get(row.topic, dtypes))
    if selection.dtypes:
        return tuple(dtype for dtype in dtypes if dtype in selection.dtypes)
    if selection.tier == "quick" and row.topic != "integer":
        return tuple(dtype for dtype in dtypes if dtype == "float32")
    if selection.tier == "quick" and is_frugal(backend, mode, selection.tier):
        return tuple(dtype for dtype in dtypes if dtype in QUICK_INTEGERS)
    return dtypes


def _arguments(
    row: Row, binding: BindingLike, function: Function, which: str
) -> Iterator[tuple[dict[str, float], dict[str, Any]]]:
    """Pairs of the standard's parameters and the entry point's keywords, for those samples that this entry point can be asked."""
    if row.parameters == "bare":
        # Without a default for every keyword that it has, an entry point has no bare call.
        if function.parameters and {*binding.parameters, *binding.operands} <= set(binding.defaults):
            yield {**function.defaults(), **binding.defaults, **binding.fixed}, dict(binding.keywords)
        return
    if row.parameters == "drawn":
        for ends in DRAWN if function.drawn else ():
            drawn = dict(zip(function.drawn or (), ends, strict=True))
            keywords: dict[str, Any] = {keyword: drawn[name] for name, keyword in binding.parameters.items()}
            yield {**function.defaults(), **drawn}, {**binding.keywords, **keywords}
        return
    samples = [sample for sample in function.samples() if _offered(sample, binding)]
    if row.parameters == "default" or which == "first":
        samples = samples[:1]
    elif which == "ends":
        # What three parameters do can't be seen in one sample: a small slope underflows, a large one overflows.
        last = max(1, len(function.parameters) - 1)
        samples = samples[:1] + samples[1:][-last:]
    elif which == "extreme":
        samples = extremes(samples)
    for sample in samples:
        keywords = {keyword: _spelt(binding, name, sample[name]) for name, keyword in binding.parameters.items()}
        yield sample, {**binding.keywords, **keywords}


def _spelt(binding: BindingLike, parameter: str, value: float) -> float | None:
    return None if parameter in binding.unlimited and math.isinf(value) else value


def extremes(samples: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """The first sample, and those that hold the smallest or the largest value of a parameter."""
    if not samples:
        return []
    kept = [samples[0]]
    for name in samples[0]:
        ordered = sorted(samples, key=lambda sample, name=name: sample[name])  # type: ignore[misc]  # mypy has no type for a default in a lambda
        kept += [sample for sample in (ordered[0], ordered[-1]) if sample not in kept]
    return kept


def _offered(sample: Mapping[str, float], binding: BindingLike) -> bool:
    taken = {*binding.parameters, *binding.operands}
    return all(name in taken or binding.fixed.get(name) == value for name, value in sample.items())


def dtypes_asked(rule: str, backend: BackendLike, configuration: str, selection: Selection) -> tuple[str, ...]:
    """The dtypes in which the plan asks what a rule (name without function) needs; what is never asked, no test waits for."""
    found: dict[str, None] = {}
    for row in PLAN:
        answers = any(rule == name or (name.endswith(".") and rule.startswith(name)) for name in row.rules)
        if not answers or not _answers(row, selection.rules):
            continue
        for mode in modes_of(backend, selection):
            for dtype in _dtypes(row, backend, configuration, mode, selection):
                left = _quantities(row, configuration, dtype, selection.tier)
                if left == row.quantities or not rule.startswith(OF_DERIVATIVES):
                    found[dtype] = None
    return tuple(found)
