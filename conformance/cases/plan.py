"""The plan: which questions cross which dtypes, modes, parameters and shapes. One table, and what carries it out.

Deterministic: the same standard, bindings and selection give the same cases with the same ids, whatever the number of
jobs. Knows the bindings as data, and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, Format, round_to
from conformance.standard import FUNCTIONS, Function

from .case import Case, Input, blob_hash
from .lattice import TableSource, assortment, kinks_and_jumps, lattice

FLOATS = tuple(FORMATS)
MODES = ("eager", "graph", "compiled")
TIERS = ("quick", "default", "deep")
DERIVATIVES = ("value", "gradient", "second_derivative")

INTEGERS = ("bool", "int8", "int32", "int64", "uint8")
COMMON_SIZE = 67
"""Elements in the small arguments: one shape for many questions, so that a compiler works once."""

LENGTHS = {"quick": (1, 17), "default": (1, 7, 8, 17), "deep": tuple(range(1, 71))}
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "quick": ((3, 5),),
    "default": ((3, 5), (2, 3, 4), (2, 1, 3, 4)),
    "deep": ((3, 5), (2, 3, 4), (2, 1, 3, 4), (2, 1, 2, 3, 2), (1, 2, 1, 2, 3, 2)),
}
EMPTY_SHAPES = ((0,), (0, 3))
SHIFTS = (1, 3)
SCALARS = (0, 1, 2, 5, 9)
"""Places in the assortment of the numbers asked as zero-dimensional arguments."""
COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0)


class BindingLike(Protocol):
    """What the plan reads of a binding (backends/protocol.py has the record)."""

    function: str
    entry_point: str
    form: str
    parameters: Mapping[str, str]
    defaults: Mapping[str, float]
    fixed: Mapping[str, float]
    keywords: Mapping[str, Any]

    @property
    def id(self) -> str: ...


class BackendLike(Protocol):
    """What the plan reads of an adapter's class."""

    name: str
    modes: tuple[str, ...]
    slow_modes: tuple[str, ...]
    views: tuple[str, ...]
    bindings: tuple[Any, ...]


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
    parameters   `all` samples in eager mode and the `extreme` ones elsewhere; `default` alone; or `bare` (nothing passed)
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
    "value", "subnormal", "overflow", "nan", "limit.", "signed_zero", "signed_zero.convention", "underflow_sign", "flush",
    "gradient", "gradient.limit.", "gradient.nan", "gradient.dtype", "kink.",
    "second_derivative", "second_derivative.limit.", "second_derivative.nan",
    "dtype.preserved", "dtype.supported", "shape", "property.", "invariance.entry_point", "invariance.bits",
)  # fmt: skip
_ONE_NARROW = ("bfloat16", "float32")

PLAN: tuple[Row, ...] = (
    # topic          quantities               dtypes        modes                  parameters  answers
    Row("lattice",     DERIVATIVES,             FLOATS,       MODES,                 "all",      _VALUES, needed_by=("invariance.", "gradient.cotangent")),
    Row("lattice",     ("forward_gradient",),   _ONE_NARROW,  ("eager",),            "all",      ("gradient.forward", "flush")),
    Row("arrangement", ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.", "shape", "shape.scalar", "shape.empty")),
    Row("cotangent",   ("gradient",),           _ONE_NARROW,  ("eager", "compiled"), "default",  ("gradient.cotangent",)),
    Row("repetition",  ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.repetition",)),
    Row("purity",      ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("purity", "inplace")),
    Row("integer",     ("value",),              INTEGERS,     ("eager", "compiled"), "default",  ("dtype.integer",)),
    Row("defaults",    ("value",),              ("float32",), ("eager", "compiled"), "bare",     ("defaults", "defaults.convention")),
    Row("error",       ("value",),              ("float32",), ("eager", "compiled"), "default",  ("errors.",)),
)  # fmt: skip

OTHER_CONFIGURATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    # A configuration that is not the framework as shipped asks what it changes: x64 is about 64-bit types.
    "x64": {
        "lattice": ("float32", "float64"),
        "arrangement": ("float64",),
        "cotangent": ("float64",),
        "repetition": ("float64",),
        "purity": ("float64",),
        "integer": ("int32", "int64"),
        "defaults": ("float32",),
        "error": (),
    },
}


@dataclass(frozen=True)
class Group:
    """Cases that one worker answers in one go, and that a run file takes in one transaction."""

    id: str
    cases: tuple[Case, ...]


@dataclass
class Plan:
    """Everything to ask of one subject, and the blobs of the inputs by hash."""

    groups: list[Group] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def input(
        self, bits: NDArray[Any], dtype: str, shape: Sequence[int] | None = None, view: str = "contiguous"
    ) -> Input:
        """An Input of these bits, whose bytes are kept in `blobs`."""
        data = np.ascontiguousarray(bits).tobytes()
        name = blob_hash(data)
        self.blobs.setdefault(name, data)
        return Input(name, dtype, tuple(bits.shape if shape is None else shape), view)


class Lattices:
    """The lattices of all functions, each computed once and shared by all entry points and subjects."""

    def __init__(self, oracle: TableSource) -> None:
        self._oracle = oracle
        self._known: dict[str, Bits] = {}

    def __call__(self, function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
        key = f"{function.name} {format.name} {sorted(parameters.items())!r}"
        if key not in self._known:
            self._known[key] = lattice(function, parameters, format, self._oracle)
        return self._known[key]


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
    return plan


@dataclass(frozen=True)
class _Asker:
    """One cell of the table, about to become cases."""

    plan: Plan
    backend: BackendLike
    binding: BindingLike
    function: Function
    topic: str
    quantity: str
    mode: str
    dtype: str
    tier: str
    parameters: Mapping[str, float]
    arguments: Mapping[str, Any]
    lattices: Lattices

    def case(self, argument: Input, **more: Any) -> Case:
        named = {"parameters": self.parameters, "arguments": self.arguments, **more}
        return Case(
            self.function.name, self.binding.id, self.topic, self.quantity, self.mode, self.dtype, inputs=(argument,), **named
        )  # fmt: skip

    def some(self) -> Bits:
        """The small assortment of numbers that the topics besides `lattice` share; shape (COMMON_SIZE,)."""
        format = FORMATS[self.dtype]
        pieces = kinks_and_jumps(self.function, self.parameters, format)
        return assortment(self.lattices(self.function, self.parameters, format), format, COMMON_SIZE, pieces)


def _cases(
    plan: Plan, backend: BackendLike, binding: BindingLike, function: Function, configuration: str, selection: Selection, lattices: Lattices
) -> Iterator[Case]:  # fmt: skip
    modes = modes_of(backend, selection)
    for row in PLAN:
        if not _answers(row, selection.rules, function.name):
            continue
        dtypes = OTHER_CONFIGURATIONS.get(configuration, {}).get(row.topic, row.dtypes)
        for dtype, mode in product(dtypes, row.modes):
            if mode not in modes or not _kept(dtype, row, selection):
                continue
            for (parameters, arguments), quantity in product(_arguments(row, binding, function, mode), row.quantities):
                yield from _TOPICS[row.topic](
                    _Asker(plan, backend, binding, function, row.topic, quantity, mode, dtype, selection.tier, parameters, arguments, lattices)
                )  # fmt: skip


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


def _kept(dtype: str, row: Row, selection: Selection) -> bool:
    if selection.dtypes:
        return dtype in selection.dtypes
    return selection.tier != "quick" or dtype == "float32" or row.topic == "integer"


def _arguments(
    row: Row, binding: BindingLike, function: Function, mode: str
) -> Iterator[tuple[dict[str, float], dict[str, Any]]]:
    """Pairs of the standard's parameters and the entry point's keywords, for those samples that this entry point can be asked."""
    if row.parameters == "bare":
        # Without a default for every keyword that it has, an entry point has no bare call.
        if function.parameters and set(binding.parameters) <= set(binding.defaults):
            yield {**function.defaults(), **binding.defaults, **binding.fixed}, dict(binding.keywords)
        return
    samples = [sample for sample in function.samples() if _offered(sample, binding)]
    if row.parameters == "default":
        samples = samples[:1]
    elif mode != "eager":
        samples = extremes(samples)
    for sample in samples:
        keywords = {keyword: sample[name] for name, keyword in binding.parameters.items()}
        yield sample, {**binding.keywords, **keywords}


def extremes(samples: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """The first sample, and those that hold the smallest or the largest value of a parameter."""
    if not samples:
        return []
    kept = [samples[0]]
    for name in samples[0]:
        ordered = sorted(samples, key=lambda sample, name=name: sample[name])  # type: ignore[misc]
        kept += [sample for sample in (ordered[0], ordered[-1]) if sample not in kept]
    return kept


def _offered(sample: Mapping[str, float], binding: BindingLike) -> bool:
    return all(name in binding.parameters or binding.fixed.get(name) == value for name, value in sample.items())


def _lattice(asker: _Asker) -> Iterator[Case]:
    """Every number that matters, in one long argument."""
    bits = asker.lattices(asker.function, asker.parameters, FORMATS[asker.dtype])
    yield asker.case(asker.plan.input(bits, asker.dtype))


def _arrangement(asker: _Asker) -> Iterator[Case]:
    """The same numbers in other lengths, positions, shapes and layouts."""
    some, dtype, make = asker.some(), asker.dtype, asker.plan.input
    for length in dict.fromkeys((*LENGTHS[asker.tier], COMMON_SIZE)):
        yield asker.case(make(some[:length], dtype), detail=f"length-{length}")
    for shift in SHIFTS:
        yield asker.case(make(np.roll(some, shift), dtype), detail=f"position-{shift}")
    for index in SCALARS:
        yield asker.case(make(some[index : index + 1], dtype, shape=()), detail="scalar")
    for shape in SHAPES[asker.tier]:
        yield asker.case(make(some[: math.prod(shape)], dtype, shape=shape), detail=f"batch-rank-{len(shape)}")
    for empty in EMPTY_SHAPES:
        yield asker.case(make(some[:0], dtype, shape=empty), detail="empty")
    for view in asker.backend.views:
        if view == "broadcast" and asker.binding.form.startswith("inplace") and asker.quantity == "value":
            # Elements that share their memory cannot take results of their own.
            continue
        if view == "broadcast" and asker.binding.form.startswith("inplace"):
            continue  # elements that share their memory can't each be written to
        if view in ("transposed", "broadcast"):
            table = some[:63].reshape(7, 9)
            table = np.broadcast_to(table[1], table.shape) if view == "broadcast" else table
            yield asker.case(make(table, dtype, view=view), detail=f"layout-{view}")
        elif view != "contiguous":
            yield asker.case(make(some, dtype, view=view), detail=f"layout-{view}")


def _cotangent(asker: _Asker) -> Iterator[Case]:
    """A reverse derivative with a cotangent that is not one, but powers of two: scaling by them is exact."""
    pattern = round_to(np.resize(np.array(COTANGENTS), COMMON_SIZE), FORMATS[asker.dtype])
    argument = asker.plan.input(asker.some(), asker.dtype)
    yield asker.case(argument, cotangent=asker.plan.input(pattern, asker.dtype))


def _once(asker: _Asker) -> Iterator[Case]:
    yield asker.case(asker.plan.input(asker.some(), asker.dtype))


def _integer(asker: _Asker) -> Iterator[Case]:
    """Whole numbers, both signs where the dtype has them, and its ends, where arithmetic in the dtype itself would wrap."""
    dtype = np.dtype(asker.dtype)
    numbers = np.array([0, 1, 2, 3, 7, 50, 100]) * (np.array([1, -1] * 4)[:7] if dtype.kind == "i" else 1)
    ends = [] if dtype.kind == "b" else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    bits = np.concatenate([numbers % 2 if dtype.kind == "b" else numbers, np.array(ends, dtype=dtype)]).astype(dtype)
    yield asker.case(asker.plan.input(bits.view(f"uint{8 * dtype.itemsize}"), asker.dtype))


def _error(asker: _Asker) -> Iterator[Case]:
    """Calls that no implementation can carry out, and values outside a parameter's domain."""
    some = asker.plan.input(round_to(np.array([-1.0, 0.5, 2.0]), FORMATS[asker.dtype]), asker.dtype)
    for detail in ("missing", "none", "text", "keyword"):
        yield asker.case(some, detail=detail)
    for parameter in asker.function.parameters:
        keyword = asker.binding.parameters.get(parameter.name)
        if keyword is None:
            continue
        yield asker.case(some, detail=f"type-{parameter.name}", arguments={**asker.arguments, keyword: "0.5"})
    for invalid in invalid_parameters(asker.function, asker.binding):
        keywords = {asker.binding.parameters[name]: value for name, value in invalid.items()}
        yield asker.case(
            some, detail=f"domain-{'-'.join(invalid)}",
            arguments={**asker.arguments, **keywords}, parameters={**asker.parameters, **invalid},
        )  # fmt: skip


def invalid_parameters(function: Function, binding: BindingLike) -> Iterator[Mapping[str, float]]:
    """Values outside the domain of one parameter, and of several together, that this entry point can be asked with."""
    alone = [{parameter.name: value} for parameter in function.parameters for value in parameter.invalid]
    for invalid in (*alone, *function.invalid):
        if all(name in binding.parameters for name in invalid):
            yield invalid


_TOPICS: dict[str, Callable[[_Asker], Iterator[Case]]] = {
    "lattice": _lattice,
    "arrangement": _arrangement,
    "cotangent": _cotangent,
    "repetition": _once,
    "purity": _once,
    "defaults": _once,
    "integer": _integer,
    "error": _error,
}


def dtypes_asked(rule: str, configuration: str, selection: Selection) -> tuple[str, ...]:
    """The dtypes in which the plan asks what a rule (name without function) needs; what is never asked, no test waits for."""
    found: dict[str, None] = {}
    for row in PLAN:
        answers = any(rule == name or (name.endswith(".") and rule.startswith(name)) for name in row.rules)
        if not answers or not _answers(row, selection.rules):
            continue
        for dtype in OTHER_CONFIGURATIONS.get(configuration, {}).get(row.topic, row.dtypes):
            if _kept(dtype, row, selection):
                found[dtype] = None
    return tuple(found)
