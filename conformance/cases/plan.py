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

from conformance.formats import FORMATS, Bits, Format, round_to, values
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
RECOMPILED_LENGTHS, RECOMPILED_SHAPES = (17,), ((2, 3, 4), (0,))
RECOMPILED_DTYPES = {topic: ("float32", "float64") for topic in ("arrangement", "cotangent", "repetition", "purity")}
"""What is left of lengths, shapes and dtypes, but for the deep tier, where a compiler works anew for every one of them: at
a tenth of a second each, asking all of them would be most of a run. Derivatives are asked of the lengths alone."""
SHIFTS = (1, 3)
SCALARS = (0, 1, 2, 5, 9)
"""Places in the assortment of the numbers asked as zero-dimensional arguments."""
COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0)
DRAWS = 100_003
"""Numbers drawn at once by an entry point in training mode."""
DRAWN = ((1 / 8, 1 / 3), (0.0, 1.0), (-0.5, 2.0), (0.25, 0.25))
"""Ends of the interval from which slopes are drawn in training: customary, from zero, of both signs, and no choice at all."""


class BindingLike(Protocol):
    """What the plan reads of a binding (backends/protocol.py has the record)."""

    function: str
    entry_point: str
    form: str
    parameters: Mapping[str, str]
    defaults: Mapping[str, float]
    fixed: Mapping[str, float]
    unlimited: tuple[str, ...]
    keywords: Mapping[str, Any]
    operands: tuple[str, ...]
    training: bool

    @property
    def id(self) -> str: ...


class BackendLike(Protocol):
    """What the plan reads of an adapter's class."""

    name: str
    modes: tuple[str, ...]
    slow_modes: tuple[str, ...]
    recompiles: tuple[str, ...]
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
    parameters   `all`: every sample in float32 and eager mode, in its other modes those that hold an extreme, in the
                 other dtypes the first and the last (the one in which most parameters are away from their defaults; of three parameters
                 the last two); `default` alone; `bare` (nothing passed); or
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
_ONE_NARROW = ("bfloat16", "float32")
_LEARNT = tuple(dict.fromkeys(
    f"gradient.{p.name}{about}" for f in FUNCTIONS.values() for p in f.parameters if p.learnt for about in ("", ".dtype")
))  # fmt: skip
_PARAMETER = ("value", "gradient", "parameter_gradient")

PLAN: tuple[Row, ...] = (
    # topic          quantities               dtypes        modes                  parameters  answers
    Row("lattice",     DERIVATIVES,             FLOATS,       MODES,                 "all",      _VALUES, needed_by=("invariance.", "gradient.cotangent")),
    Row("lattice",     ("forward_gradient",),   _ONE_NARROW,  ("eager",),            "all",      ("gradient.forward", "flush")),
    Row("arrangement", ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.", "shape", "shape.scalar", "shape.empty")),
    Row("cotangent",   ("gradient",),           _ONE_NARROW,  ("eager", "compiled"), "default",  ("gradient.cotangent",)),
    Row("repetition",  ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("invariance.repetition",), needed_by=("gradient.cotangent",)),
    Row("purity",      ("value", "gradient"),   _ONE_NARROW,  ("eager", "compiled"), "default",  ("purity", "inplace")),
    Row("integer",     ("value",),              INTEGERS,     ("eager", "compiled"), "default",  ("dtype.integer",)),
    Row("defaults",    ("value",),              ("float32",), ("eager", "compiled"), "bare",     ("defaults", "defaults.convention")),
    Row("error",       ("value",),              ("float32",), ("eager", "compiled"), "default",  ("errors.",)),
    Row("parameter",   _PARAMETER,              FLOATS,       ("eager",),            "default",  (*_LEARNT, "value", "gradient")),
    Row("parameter",   _PARAMETER,              _ONE_NARROW,  ("graph", "compiled"), "default",  (*_LEARNT, "value", "gradient")),
    Row("random",      ("value",),              _ONE_NARROW,  ("eager", "compiled"), "drawn",    ("training.",)),
    Row("random",      ("value_and_gradient",), _ONE_NARROW,  ("eager", "compiled"), "drawn",    ("gradient.training",)),
)  # fmt: skip

_COMPILED = ("compiled",)
OTHER_CONFIGURATIONS: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # A configuration that is not the framework as shipped asks what it changes, in these dtypes and modes: x64 is about
    # 64-bit types.
    "x64": {
        "lattice": (("float32", "float64"), MODES),
        "arrangement": (("float64",), _COMPILED),
        "cotangent": (("float64",), _COMPILED),
        "repetition": (("float64",), _COMPILED),
        "purity": (("float64",), _COMPILED),
        "integer": (("int32", "int64"), ("eager",)),
        "defaults": (("float32",), ("eager",)),
        "error": ((), ()),
        "parameter": (("float64",), MODES),
        "random": ((), ()),
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

    def case(self, argument: Input, operands: Sequence[Input] | None = None, **more: Any) -> Case:
        """A case about `argument`; the binding's operands are the sampled parameters, unless others are given."""
        inputs = (argument, *(self.operands() if operands is None else operands))
        named = {"parameters": self.parameters, "arguments": self.arguments, **more}
        return Case(
            self.function.name, self.binding.id, self.topic, self.quantity, self.mode, self.dtype, inputs=inputs, **named
        )  # fmt: skip

    def operands(self) -> tuple[Input, ...]:
        """The sampled parameters that are passed as tensors, one number each; none for a bare call."""
        if self.topic == "defaults":
            return ()
        # A whole number beside a slope of 1/4 needs the slope to be a floating-point number.
        dtype = self.dtype if self.dtype in FORMATS else "float32"
        return tuple(
            self.plan.input(round_to(np.array([self.parameters[name]]), FORMATS[dtype]), dtype)
            for name in self.binding.operands
        )

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
        if not _answers(row, selection.rules, function.name) or not _concerns(row, binding):
            continue
        asked = [(dtype, mode) for mode in modes for dtype in _dtypes(row, backend, configuration, mode, selection)]
        for dtype, mode in asked:
            for (parameters, arguments), quantity in product(
                _arguments(row, binding, function, mode, dtype), row.quantities
            ):
                yield from _TOPICS[row.topic](
                    _Asker(plan, backend, binding, function, row.topic, quantity, mode, dtype, selection.tier, parameters, arguments, lattices)
                )  # fmt: skip


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
    dtypes, modes = OTHER_CONFIGURATIONS.get(configuration, {}).get(row.topic, (row.dtypes, row.modes))
    if mode not in modes or mode not in row.modes:
        return ()
    if _is_frugal(backend, mode, selection.tier):
        dtypes = tuple(dtype for dtype in dtypes if dtype in RECOMPILED_DTYPES.get(row.topic, dtypes))
    if selection.dtypes:
        return tuple(dtype for dtype in dtypes if dtype in selection.dtypes)
    if selection.tier == "quick" and row.topic != "integer":
        return tuple(dtype for dtype in dtypes if dtype == "float32")
    return dtypes


def _is_frugal(backend: BackendLike, mode: str, tier: str) -> bool:
    return mode in backend.recompiles and tier != "deep"


def _arguments(
    row: Row, binding: BindingLike, function: Function, mode: str, dtype: str
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
    if row.parameters == "default":
        samples = samples[:1]
    elif dtype != "float32":
        # What three parameters do can't be seen in one sample: a small slope underflows, a large one overflows.
        last = max(1, len(function.parameters) - 1)
        samples = samples[:1] + samples[1:][-last:]
    elif mode != "eager":
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
        ordered = sorted(samples, key=lambda sample, name=name: sample[name])  # type: ignore[misc]
        kept += [sample for sample in (ordered[0], ordered[-1]) if sample not in kept]
    return kept


def _offered(sample: Mapping[str, float], binding: BindingLike) -> bool:
    taken = {*binding.parameters, *binding.operands}
    return all(name in taken or binding.fixed.get(name) == value for name, value in sample.items())


def _lattice(asker: _Asker) -> Iterator[Case]:
    """Every number that matters, in one long argument."""
    bits = asker.lattices(asker.function, asker.parameters, FORMATS[asker.dtype])
    yield asker.case(asker.plan.input(bits, asker.dtype))


def _arrangement(asker: _Asker) -> Iterator[Case]:
    """The same numbers in other lengths, positions, shapes and layouts."""
    some, dtype, make = asker.some(), asker.dtype, asker.plan.input
    lengths, scalars, shapes = LENGTHS[asker.tier], list(SCALARS), [*SHAPES[asker.tier], *EMPTY_SHAPES]
    if _is_frugal(asker.backend, asker.mode, asker.tier):
        lengths, shapes = RECOMPILED_LENGTHS, list(RECOMPILED_SHAPES)
        scalars, shapes = (scalars, shapes) if asker.quantity == "value" else ([], [])
    for length in dict.fromkeys((*lengths, COMMON_SIZE)):
        yield asker.case(make(some[:length], dtype), detail=f"length-{length}")
    for shift in SHIFTS:
        yield asker.case(make(np.roll(some, shift), dtype), detail=f"position-{shift}")
    for index in scalars:
        yield asker.case(make(some[index : index + 1], dtype, shape=()), detail="scalar")
    for shape in shapes:
        detail = f"batch-rank-{len(shape)}" if math.prod(shape) else "empty"
        yield asker.case(make(some[: math.prod(shape)], dtype, shape=shape), detail=detail)
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


def _parameter(asker: _Asker) -> Iterator[Case]:
    """Several numbers for a learnt parameter, one a channel; and its gradient, which sums over the elements that share one.

    Sums are asked of ordinary numbers, and of columns with one infinity or NaN. Cotangents are powers of two, with which
    terms are exact: what is lost is lost by summing.
    """
    format, some = FORMATS[asker.dtype], asker.some()
    size = np.abs(values(some, format))
    ordinary = np.resize(some[(size >= 2.0**-10) & (size <= 8.0)], 63)
    infinite, nan = (round_to(np.array([number]), format) for number in (-np.inf, np.nan))
    special = np.concatenate([ordinary[:7], infinite, ordinary[8:11], nan, ordinary[12:15]])
    different = (np.arange(COMMON_SIZE) - COMMON_SIZE // 2) / 32
    asked = [
        ("channels", some, (1, COMMON_SIZE), different, False),
        ("channels-cotangent", some, (1, COMMON_SIZE), different, True),
        ("shared-rank-2", ordinary[:63], (7, 9), np.array([asker.parameters[asker.binding.operands[0]]]), True),
        ("shared-rank-2-zero", ordinary[:63], (7, 9), np.zeros(1), False),
        ("three-rank-2", ordinary[:15], (5, 3), _THREE, True),
        ("three-rank-2-special", special, (5, 3), _THREE, False),
        ("three-rank-4", ordinary[:24], (2, 3, 2, 2), _THREE, True),
    ]
    if asker.quantity == "parameter_gradient" and asker.mode == "eager" and asker.dtype in _ONE_NARROW:
        every = asker.lattices(asker.function, asker.parameters, format)
        asked.append(("channels-lattice", every, (1, len(every)), np.full(len(every), _THREE[0]), False))
    if _is_frugal(asker.backend, asker.mode, asker.tier):
        asked = [one for one in asked if one[0] in ("channels-cotangent", "three-rank-2", "three-rank-4")]
    for detail, bits, shape, numbers, scaled in asked:
        if scaled and asker.quantity == "value":
            detail, scaled = detail.removesuffix("-cotangent"), False
        pattern = round_to(np.resize(np.array(COTANGENTS), shape), format)
        yield asker.case(
            asker.plan.input(bits, asker.dtype, shape=shape),
            (asker.plan.input(round_to(numbers, format), asker.dtype),),
            cotangent=asker.plan.input(pattern, asker.dtype) if scaled else None,
            detail=detail,
        )


_THREE = np.array([0.25, -0.5, 2.0])


def _random(asker: _Asker) -> Iterator[Case]:
    """What is drawn in training: every number once, for what a draw may be; many draws, for how they are distributed."""
    format = FORMATS[asker.dtype]
    every = asker.lattices(asker.function, asker.parameters, format)
    yield asker.case(asker.plan.input(every, asker.dtype), detail="support")
    if asker.quantity == "value":
        place = np.arange(DRAWS)
        numbers = -(1 + place % 64 / 64) * np.ldexp(1.0, place % 7 - 3)
        yield asker.case(asker.plan.input(round_to(numbers, format), asker.dtype), detail="draws")


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
    if asker.binding.form == "function":
        for name in asker.binding.operands:  # the worker puts a text in its place
            yield asker.case(some, detail=f"type-{name}")
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
    "parameter": _parameter,
    "random": _random,
}


def dtypes_asked(rule: str, backend: BackendLike, configuration: str, selection: Selection) -> tuple[str, ...]:
    """The dtypes in which the plan asks what a rule (name without function) needs; what is never asked, no test waits for."""
    found: dict[str, None] = {}
    for row in PLAN:
        answers = any(rule == name or (name.endswith(".") and rule.startswith(name)) for name in row.rules)
        if not answers or not _answers(row, selection.rules):
            continue
        for mode in modes_of(backend, selection):
            found.update(dict.fromkeys(_dtypes(row, backend, configuration, mode, selection)))
    return tuple(found)
