"""The topics: what is asked where a row of the plan's table crosses an entry point, as cases with their inputs.

Deterministic. Knows the lattices, and bindings as data; knows no rule, no selection and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, Format, round_to, values
from conformance.standard import Function

from .case import Case, Input, blob_hash
from .lattice import TableSource, assortment, kinks_and_jumps, lattice

ONE_NARROW = ("bfloat16", "float32")
COMMON_SIZE = 67
"""Elements in the small arguments: one shape for many questions, so that a compiler works once."""

LENGTHS = {"quick": (1, 17), "default": (1, 7, 8, 17), "deep": tuple(range(1, 71))}
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "quick": ((3, 5),),
    "default": ((3, 5), (2, 3, 4), (2, 1, 3, 4)),
    "deep": ((3, 5), (2, 3, 4), (2, 1, 3, 4), (2, 1, 2, 3, 2), (1, 2, 1, 2, 3, 2)),
}
EMPTY_SHAPES = ((0,), (0, 3))
RECOMPILED_LENGTHS, RECOMPILED_SHAPES = (1, 7, 17), ((3, 5), (2, 3, 4), (2, 1, 3, 4), (0, 3))
"""What is left of lengths and shapes where even the plain call is compiled anew for each; of derivatives the last length and the
first shape."""
BESIDE_SHAPES = ((2, 3, 4), (0,))
"""What is left under a compiler where the plain call does without one and is asked all of them."""
RECOMPILED_DTYPES = {topic: ("float32", "float64") for topic in ("arrangement", "cotangent", "repetition", "purity")}
"""What is left of lengths, shapes and dtypes, but for the deep tier, where a compiler works anew for every one of them: at
a tenth of a second each, asking all of them would be most of a run."""
COMPILED_ANYHOW: dict[str, tuple[str, ...]] = {
    "arrangement": (),
    "cotangent": (),
    "integer": (),
    "lattice": ("bfloat16", "float32", "float64"),
}
"""What is left of dtypes in the plain call where that too works anew for every one of them (most of jax.nn is jitted by itself),
and the same is asked under the compiler."""
TRACED_DTYPES = {"lattice": ONE_NARROW}
"""What is left of dtypes where a mode is asked beside the plain call (`is_beside`)."""
COMPILED_BESIDE = {"lattice": ("bfloat16", "float32", "float64")}
"""What is left of dtypes under a compiler, where the plain call does without one and is asked in all of them: XLA computes in
float32 what is of either narrow format."""
SHIFTS = (1, 3)
SCALARS = (0, 1, 2, 5, 9)
"""Places in the assortment of the numbers asked as zero-dimensional arguments."""
COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0)
DRAWS = 100_003
"""Numbers drawn at once by an entry point in training mode."""


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
    by_name: bool

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
        self._some: dict[str, Bits] = {}

    def __call__(self, function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
        key = _key(function, parameters, format)
        if key not in self._known:
            self._known[key] = lattice(function, parameters, format, self._oracle)
        return self._known[key]

    def some(self, function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
        """The small assortment of numbers that the topics besides `lattice` share; shape (COMMON_SIZE,)."""
        key = _key(function, parameters, format)
        if key not in self._some:
            pieces = kinks_and_jumps(function, parameters, format)
            self._some[key] = assortment(self(function, parameters, format), format, COMMON_SIZE, pieces)
        return self._some[key]


def _key(function: Function, parameters: Mapping[str, float], format: Format) -> str:
    return f"{function.name} {format.name} {sorted(parameters.items())!r}"


@dataclass(frozen=True)
class Asker:
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
        """The small assortment of numbers; shape (COMMON_SIZE,)."""
        return self.lattices.some(self.function, self.parameters, FORMATS[self.dtype])


def is_frugal(backend: BackendLike, mode: str, tier: str) -> bool:
    """Whether every shape and dtype costs a compilation in this mode, so that few of them are asked."""
    return mode in backend.recompiles and tier != "deep"


def is_beside(mode: str, tier: str) -> bool:
    """Whether a mode runs the same kernels as the plain call, which is asked everything, and costs tracing for every shape and
    option (a plain tf.function): it is asked each quantity, and the variations in the deep tier alone."""
    return mode == "graph" and tier != "deep"


def is_elsewhere(by_name: bool, mode: str, tier: str) -> bool:
    """Whether a mode is asked of another spelling: one that looks the function up by its name leaves compilers and tracing to it."""
    return by_name and mode != "eager" and tier != "deep"


def _lattice(asker: Asker) -> Iterator[Case]:
    """Every number that matters, in one long argument."""
    bits = asker.lattices(asker.function, asker.parameters, FORMATS[asker.dtype])
    yield asker.case(asker.plan.input(bits, asker.dtype))


def _arrangement(asker: Asker) -> Iterator[Case]:
    """The same numbers in other lengths, positions, shapes and layouts."""
    some, dtype, make = asker.some(), asker.dtype, asker.plan.input
    lengths, scalars, shapes = LENGTHS[asker.tier], list(SCALARS), [*SHAPES[asker.tier], *EMPTY_SHAPES]
    if is_frugal(asker.backend, asker.mode, asker.tier):
        alone = "eager" in asker.backend.recompiles and asker.tier != "quick"
        lengths, shapes = (RECOMPILED_LENGTHS, list(RECOMPILED_SHAPES)) if alone else ((), list(BESIDE_SHAPES))
        if asker.quantity != "value":
            lengths, scalars, shapes = lengths[-1:], [], shapes[:1] if alone else []
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
        if view == "broadcast" and asker.binding.form.startswith("inplace"):
            continue  # elements that share their memory can't each be written to
        if view in ("transposed", "broadcast"):
            table = some[:63].reshape(7, 9)
            table = np.broadcast_to(table[1], table.shape) if view == "broadcast" else table
            yield asker.case(make(table, dtype, view=view), detail=f"layout-{view}")
        elif view != "contiguous":
            yield asker.case(make(some, dtype, view=view), detail=f"layout-{view}")


def _cotangent(asker: Asker) -> Iterator[Case]:
    """A reverse derivative with a cotangent that is not one, but powers of two: scaling by them is exact."""
    pattern = round_to(np.resize(np.array(COTANGENTS), COMMON_SIZE), FORMATS[asker.dtype])
    argument = asker.plan.input(asker.some(), asker.dtype)
    yield asker.case(argument, cotangent=asker.plan.input(pattern, asker.dtype))


def _once(asker: Asker) -> Iterator[Case]:
    yield asker.case(asker.plan.input(asker.some(), asker.dtype))


def _parameter(asker: Asker) -> Iterator[Case]:
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
    if asker.quantity == "parameter_gradient" and asker.mode == "eager" and asker.dtype in ONE_NARROW:
        every = asker.lattices(asker.function, asker.parameters, format)
        asked.append(("channels-lattice", every, (1, len(every)), np.full(len(every), _THREE[0]), False))
    if is_frugal(asker.backend, asker.mode, asker.tier):
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


def _random(asker: Asker) -> Iterator[Case]:
    """What is drawn in training: every number once, for what a draw may be; many draws, for how they are distributed."""
    format = FORMATS[asker.dtype]
    every = asker.lattices(asker.function, asker.parameters, format)
    yield asker.case(asker.plan.input(every, asker.dtype), detail="support")
    if asker.quantity == "value":
        place = np.arange(DRAWS)
        numbers = -(1 + place % 64 / 64) * np.ldexp(1.0, place % 7 - 3)
        yield asker.case(asker.plan.input(round_to(numbers, format), asker.dtype), detail="draws")


def _integer(asker: Asker) -> Iterator[Case]:
    """Whole numbers, both signs where the dtype has them, and its ends, where arithmetic in the dtype itself would wrap."""
    dtype = np.dtype(asker.dtype)
    numbers = np.array([0, 1, 2, 3, 7, 50, 100]) * (np.array([1, -1] * 4)[:7] if dtype.kind == "i" else 1)
    ends = [] if dtype.kind == "b" else [np.iinfo(dtype).min, np.iinfo(dtype).max]
    bits = np.concatenate([numbers % 2 if dtype.kind == "b" else numbers, np.array(ends, dtype=dtype)]).astype(dtype)
    yield asker.case(asker.plan.input(bits.view(f"uint{8 * dtype.itemsize}"), asker.dtype))


def _error(asker: Asker) -> Iterator[Case]:
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


TOPICS: dict[str, Callable[[Asker], Iterator[Case]]] = {
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
