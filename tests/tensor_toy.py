"""A backend for functions of tensors that is right by construction, and ways to spoil it one at a time.

`TensorToy` answers every question with the truth, rounded once, and refuses what a careful framework refuses. A `TensorFault`
changes one thing about it: which question it understands, or what becomes of the answer. As `toy`, whose tensors and runs in memory it shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance import registry
from conformance.cases.case import Case
from conformance.cases.plan import Selection, plan_for
from conformance.cases.tensor_asker import result_shape
from conformance.cases.topics import Lattices, Plan
from conformance.formats import FORMATS, Format, from_ordinals, ordinals, round_to, values
from conformance.judge.records import Judgement
from conformance.judge.run import judge_run
from conformance.observe import worker
from conformance.observe.observation import Subject
from conformance.standard import TENSOR_FUNCTIONS, TensorFunction
from conformance.standard.tensors import WHOLE, Argument
from conformance.truth import ulps
from conformance.truth.cache import Oracle
from conformance.truth.exacts import Exacts
from conformance.truth.tensors import Asked, Exact
from tests.toy import MemoryRun, Tensor, encode_case, observation_of

words = registry.protocol()
Numbers = NDArray[np.float64]

WIDTHS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "bool": 8}
"""What a toy tensor may hold besides floating-point numbers."""


@dataclass(frozen=True)
class Call:
    """What a call was asked: a fault looks at it to decide whether to strike, and how."""

    entry_point: str
    asked: Asked
    format: Format
    mode: str
    dtypes: Mapping[str, str]
    """Of every argument."""
    views: Mapping[str, str]
    way: int
    """Which copy of an object it is: 0 is the object itself."""
    calls: int
    """How often this prepared call was called before."""
    bare: bool
    """Nothing but tensors was passed."""


Misread = Callable[[Call], Asked]
Strike = Callable[[Call, Numbers], Numbers]
"""Gives the spoilt numbers for the right ones, in the same shape; they are rounded afterwards."""


def as_asked(call: Call) -> Asked:
    """The question as it was meant."""
    return call.asked


def as_it_is(call: Call, numbers: Numbers) -> Numbers:
    """The answer as it should be."""
    return numbers


@dataclass(frozen=True)
class TensorFault:
    """One way to be wrong, and the rules under which it must be found, and may show.

    `misreads` answers another question, `strike` spoils the numbers; the rest spoils what is not a number.
    """

    name: str
    function: str
    found_under: tuple[str, ...]
    may_show: tuple[str, ...] = ()
    misreads: Misread = as_asked
    strike: Strike = as_it_is
    dtype_of: Callable[[Call], str] | None = None
    shape_of: Callable[[Call, tuple[int, ...]], tuple[int, ...]] | None = None
    refuses: Callable[[Call], bool] = field(default=lambda call: False)
    none_in: tuple[str, ...] = ()
    """Arguments whose gradient is missing."""
    mutates: bool = False
    accepts: tuple[str, ...] = ()
    """What is accepted though it must be refused: `shape`, `label`, `option`, `keyword`, `type`, `missing`, `reduction`, `weight`, `label_dtype`."""
    documented: Mapping[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = ("draws", "edges")
    """What is asked: a few topics show most faults, and the rest would only take time."""
    asks: Callable[[Case], bool] = field(default=lambda case: not is_long(case))
    """Of these, the cases that are asked."""
    dtypes: tuple[str, ...] = ("float32",)
    modes: tuple[str, ...] = ("eager",)
    only: Callable[[Any], bool] = field(default=lambda finding: True)
    """What a finding under one of `found_under` must look like beyond its rule."""


def is_long(case: Case) -> bool:
    """Whether a case is about very many numbers, whose truths take most of the time."""
    return any(math.prod(item.shape) > 500 for item in case.inputs)


def no_fault(function: str, **asked: Any) -> TensorFault:
    """A fault that is none, asked about everything; `asked` are fields of it."""
    return TensorFault("none", function, (), **{"topics": (), "asks": lambda case: True, **asked})


class TensorToy:
    """A framework in which everything is the truth rounded once, but for its fault."""

    name = "toy"
    configurations = ("default",)
    modes: tuple[str, ...] = ("eager", "compiled")
    slow_modes: tuple[str, ...] = ()
    recompiles: tuple[str, ...] = ()
    views: tuple[str, ...] = ("contiguous", "strided", "transposed")
    not_supported = ("lacks this dtype",)
    bindings: tuple[Any, ...] = ()

    def __init__(self, exacts: Exacts, fault: TensorFault) -> None:
        self.exacts, self.fault = exacts, fault
        self.tensor_bindings = bindings_of(fault.function)
        if fault.documented:
            documented = {**self.tensor_bindings[0].defaults, **fault.documented}
            self.tensor_bindings = tuple(replace(binding, defaults=documented) for binding in self.tensor_bindings)

    def versions(self) -> dict[str, str]:
        return {"toy": "1.0"}

    def tensor(self, array: Any, view: str = "contiguous") -> Tensor:
        return Tensor(np.array(array.bits), array.dtype, view)

    def array(self, tensor: Tensor) -> Any:
        return words.Array(tensor.bits, tensor.dtype)

    def wait(self, outputs: Sequence[Any]) -> None:
        return None

    def prepare_tensors(
        self, binding: Any, arguments: Mapping[str, Any], names: Sequence[str], quantity: str, wrt: str, mode: str, dtype: str
    ) -> Any:  # fmt: skip
        calls = [0]
        if quantity == "copied" and binding.form != "layer":
            raise words.NotSupported("a function lacks copies")
        options = self._options(binding, arguments)

        def call(*given: Any) -> list[Tensor | None]:
            calls[0] += 1
            tensors, more = dict(zip(names, given, strict=False)), given[len(names) :]
            numbers = self._numbers(binding, tensors, options)
            cotangent = more[0] if quantity in ("gradient", "hessian_vector") else None
            direction = more[-1] if quantity in ("forward_gradient", "hessian_vector") else None
            asked = Asked(
                TENSOR_FUNCTIONS[binding.function], options, numbers, "value" if quantity == "copied" else quantity, wrt,
                None if cotangent is None else numbers_of(cotangent), None if direction is None else numbers_of(direction),
            )  # fmt: skip
            about = Call(
                binding.entry_point, asked, _format(tensors), mode, {n: t.dtype for n, t in tensors.items()},
                {n: t.view for n, t in tensors.items()}, 0, calls[0] - 1, not arguments and bool(binding.parameters),
            )  # fmt: skip
            if self.fault.refuses(about):
                raise ValueError("the toy can't do this")
            ways = (0, 1) if quantity == "copied" else (0,)
            results = [self._answer(replace(about, way=way), tensors) for way in ways]
            if self.fault.mutates:
                first = next(iter(tensors.values()))
                first.bits.reshape(-1)[:1] ^= first.bits.dtype.type(1)
            return results

        return call

    def _answer(self, call: Call, tensors: Mapping[str, Tensor]) -> Tensor | None:
        fault, asked = self.fault, call.asked
        if asked.quantity == "gradient" and asked.wrt in fault.none_in:
            return None
        # What is not wanted twice is not rounded to the format before a strike: that would be one rounding more.
        misread = fault.misreads(call)
        found = self.exacts.exact(misread)
        numbers = numbers_in(found, call.format)
        numbers = fault.strike(call, numbers)
        dtype = fault.dtype_of(call) if fault.dtype_of else call.format.name
        shape = fault.shape_of(call, numbers.shape) if fault.shape_of else numbers.shape
        with np.errstate(over="ignore"):
            bits = round_to(numbers.reshape(-1), call.format)
            if dtype != call.format.name:
                bits = round_to(values(bits, call.format), FORMATS[dtype])
        return Tensor(bits.reshape(shape), dtype)

    # --- what a careful framework refuses -----------------------------------------------------------------------------

    def _options(self, binding: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
        accepts, function = self.fault.accepts, TENSOR_FUNCTIONS[binding.function]
        options = {**binding.defaults, **binding.fixed}
        known = {option.name: option for option in function.options}
        for name, value in arguments.items():
            if name not in binding.parameters:
                if "keyword" not in accepts:
                    raise TypeError(f"unknown keyword {name}")
                continue
            choices = {"reduction": function.reductions, "rows": function.rows}.get(name)
            if choices is not None and value not in choices:
                if "reduction" not in accepts:
                    raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
                value = choices[0]
            if name in known:
                if not _of_type(value, known[name]):
                    if "type" not in accepts:
                        raise TypeError(f"{name} must not be {value!r}")
                    continue
                if any(value == one for one in known[name].invalid) and "option" not in accepts:
                    raise ValueError(f"{name} must not be {value!r}: {known[name].domain}")
            if name == "axis" and not _is_axis(value, function.several_axes):
                raise TypeError(f"axis must be a whole number, not {value!r}")
            options[name] = value
        for together in function.invalid:
            if all(options.get(name) == value for name, value in together.items()) and "option" not in accepts:
                raise ValueError(f"{dict(together)} do not go together")
        return options

    def _numbers(self, binding: Any, tensors: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        accepts, function = self.fault.accepts, TENSOR_FUNCTIONS[binding.function]
        tensors = dict(tensors)
        missing = [a.name for a in function.arguments if not a.optional and a.name not in tensors]
        if "missing" in accepts and missing:
            loop = next(iter(tensors.values())).bits.shape[: -1 if function.arguments[0].core else None]
            tensors |= {name: Tensor(np.zeros(loop, np.uint64), "int64") for name in missing}
            missing = []
        wrong = [name for name, tensor in tensors.items() if not isinstance(tensor, Tensor)]
        if missing or wrong:
            raise TypeError(f"tensors are due: {', '.join((*missing, *wrong))}")
        numbers: dict[str, NDArray[Any]] = {}
        for name, tensor in tensors.items():
            kind = function.argument(name).kind
            wanted = ("int",) if kind in WHOLE else ("bool",) if kind == "mask" else ("float", "bfloat")
            if not tensor.dtype.lstrip("u").startswith(wanted):
                if kind not in WHOLE:
                    raise TypeError(f"lacks this dtype: {name} {tensor.dtype}")
                if "label_dtype" not in accepts:
                    raise TypeError(f"{name} must be whole numbers, not {tensor.dtype}")
            numbers[name] = numbers_of(tensor)
            if kind in WHOLE:
                numbers[name] = numbers[name].astype(np.int64)
        if "shape" in accepts:
            shape = np.broadcast_shapes(*(array.shape for array in numbers.values()))
            numbers = {name: np.broadcast_to(array, shape) for name, array in numbers.items()}
        self._check_shapes(function, numbers, options)
        self._check_values(function, numbers, options)
        return numbers

    def _check_shapes(
        self, function: TensorFunction, numbers: dict[str, NDArray[Any]], options: Mapping[str, Any]
    ) -> None:
        """Every argument has the loop of the first one, and its core the sizes that are named there."""
        laid = {name: core_last(function, name, array, options) for name, array in numbers.items() if name != "weight"}
        first = function.arguments[0]
        loop = laid[first.name].shape[: laid[first.name].ndim - len(first.core)]
        sizes: dict[str, int] = {}
        for name, array in laid.items():
            argument = function.argument(name)
            place = array.ndim - len(argument.core)
            fits = place >= 0 and (not argument.shared or place == 0)
            fits = fits and (argument.shared or array.shape[:place] == loop)
            named = zip(argument.core, array.shape[max(place, 0) :], strict=False)
            if not fits or any(sizes.setdefault(dimension, size) != size for dimension, size in named):
                raise ValueError(f"{name} of the shape {numbers[name].shape} does not go with the others")
        for dimension, rule in function.computed.items():
            if sizes.get(dimension, 0) % int(rule.partition("*")[0]):
                raise ValueError(f"{dimension} must be {rule}, not {sizes[dimension]}")
        if "weight" in numbers:
            due = result_shape(function, {**options, "reduction": "none"}, laid_out(function, numbers, options))
            if numbers["weight"].shape != due:
                raise ValueError(f"weight of the shape {numbers['weight'].shape}, {due} is due")

    def _check_values(
        self, function: TensorFunction, numbers: dict[str, NDArray[Any]], options: Mapping[str, Any]
    ) -> None:
        accepts = self.fault.accepts
        for name, array in numbers.items():
            argument = function.argument(name)
            if argument.kind == "label_list" and (array < -1).any() and "label" not in accepts:
                raise ValueError(f"{name} must be from 0 on, or -1 at the end")
            if argument.kind == "label":
                classes = self._classes(function, numbers, options)
                bad = (array < 0) | (array >= classes)
                bad &= array != options.get("ignore_index") if options.get("ignore_index") is not None else True
                if bad.any():
                    if "label" not in accepts:
                        raise ValueError(f"{name} must be from 0 to {classes - 1}")
                    numbers[name] = np.where(bad, np.clip(array, 0, classes - 1), array)
            if argument.kind in ("label_sequence", "length") and "label" not in accepts:
                most = self._most(function, argument, numbers, options)
                if (array < 0).any() or (array > most).any():
                    raise ValueError(f"{name} must be from 0 to {most}")
            if name == "weight" or argument.kind == "nonnegative":
                if (array < 0).any() and "weight" not in accepts:
                    raise ValueError(f"{name} must not be negative")

    def _most(
        self,
        function: TensorFunction,
        argument: Argument,
        numbers: Mapping[str, NDArray[Any]],
        options: Mapping[str, Any],
    ) -> int:
        """The greatest label of a sequence, or the greatest length."""
        if argument.kind == "label_sequence":
            return self._classes(function, numbers, options) - 1
        first = function.arguments[0]
        of = (
            ("labels", -1)
            if argument.name.startswith("label")
            else (first.name, first.core.index("time") - len(first.core))
        )
        return int(numbers[of[0]].shape[of[1]])

    @staticmethod
    def _classes(function: TensorFunction, numbers: Mapping[str, NDArray[Any]], options: Mapping[str, Any]) -> int:
        """How many there are: the size of the dimension of that name, in whatever argument has it."""
        argument = next(a for a in function.arguments if "classes" in a.core and a.name in numbers)
        place = argument.core.index("classes") - len(argument.core)
        return int(core_last(function, argument.name, numbers[argument.name], options).shape[place])


def _of_type(value: Any, option: Any) -> bool:
    """Whether a value is of the type of any of those that the option is sampled with."""
    asked = (option.default, *option.samples)
    if isinstance(value, str):
        return value in asked
    known = {type(one) for one in asked}
    known |= {int} if float in known and not isinstance(value, bool) else set()
    return type(value) in known


def _is_axis(value: Any, several: bool) -> bool:
    if several and isinstance(value, (tuple, list)):
        return all(_is_axis(one, False) for one in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _format(tensors: Mapping[str, Tensor]) -> Format:
    """The format of results: that of the first floating-point argument."""
    return next(FORMATS[tensor.dtype] for tensor in tensors.values() if tensor.dtype in FORMATS)


def core_last(function: TensorFunction, name: str, array: NDArray[Any], options: Mapping[str, Any]) -> NDArray[Any]:
    """An argument in the standard's layout: its one core dimension, or the several axes that are one, last."""
    argument, axis = function.argument(name), options.get("axis", -1)
    if not function.axis or len(argument.core) != 1 or argument.shared:
        return array
    if isinstance(axis, (tuple, list)):
        places = [place % array.ndim for place in axis]
        rest = [place for place in range(array.ndim) if place not in places]
        return array.transpose(*rest, *places).reshape(*(array.shape[place] for place in rest), -1)
    return np.moveaxis(array, axis, -1)


def laid_out(
    function: TensorFunction, numbers: Mapping[str, NDArray[Any]], options: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Every argument in the standard's layout."""
    return {
        name: array if name == "weight" else core_last(function, name, array, options)
        for name, array in numbers.items()
    }


def numbers_of(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor: float64, int64 or bool, in its shape."""
    if tensor.dtype in FORMATS:
        return values(tensor.bits.reshape(-1), FORMATS[tensor.dtype]).reshape(tensor.bits.shape)
    if tensor.dtype == "bool":
        return tensor.bits.astype(bool)
    return tensor.bits.view(tensor.dtype).astype(np.int64)


def numbers_in(exact: Exact, format: Format) -> Numbers:
    """The truth rounded once; at a kink the smallest subgradient."""
    return values(ulps.rounded(exact.truth, format), format).reshape(exact.shape)


def nudged(numbers: Numbers, format: Format, steps: int) -> Numbers:
    """Finite normal numbers moved along the line of the format's numbers."""
    bits = round_to(numbers.reshape(-1), format)
    moved = values(from_ordinals(ordinals(bits, format) + steps, format), format).reshape(numbers.shape)
    return np.where(np.isfinite(numbers) & (np.abs(numbers) >= format.smallest_normal), moved, numbers)


@cache
def bindings_of(name: str) -> tuple[Any, ...]:
    """A function and a layer, each with every argument and every option."""
    function = TENSOR_FUNCTIONS[name]
    defaults = function.defaults()
    taken: dict[str, Any] = {
        "positional": tuple(a.name for a in function.arguments if not a.optional),
        "named": {
            **{a.name: a.name for a in function.arguments if a.optional},
            **({"weight": "weight"} if function.weighted else {}),
        },
        "parameters": {option: option for option in defaults},
        "defaults": defaults,
        "several_axes": function.several_axes,
        "integers": "int64",
    }
    bind = words.TensorBinding
    return bind(name, f"toy.{name}", **taken), bind(name, f"toy.layers.{name}", form="layer", **taken)


# --- running and judging ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """The plan of one function, which no fault changes, and so one for all of them."""

    cases: tuple[Case, ...]
    blobs: Mapping[str, bytes]


class Bench:
    """Runs faults: keeps plans and truths from one to the next."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle, self.exacts = oracle, Exacts(oracle)
        self._plans: dict[str, Planned] = {}

    def planned(self, fault: TensorFault) -> Planned:
        """The plan that this fault is asked, with all its topics."""
        key = repr((fault.function, fault.dtypes, fault.modes, sorted(fault.documented.items())))
        if key not in self._plans:
            toy = TensorToy(self.exacts, fault)
            selection = Selection(functions=(fault.function,), dtypes=fault.dtypes, modes=fault.modes)
            plan: Plan = plan_for(toy, "default", selection, Lattices(self.oracle))
            self._plans[key] = Planned(tuple(case for group in plan.groups for case in group.cases), plan.blobs)
        return self._plans[key]

    def observe(self, fault: TensorFault) -> MemoryRun:
        """What a fault is asked of the plan, through the worker's code, here and now."""
        toy, planned = TensorToy(self.exacts, fault), self.planned(fault)
        blobs = dict(planned.blobs)
        observations, caches = [], worker.Caches({}, {})
        for case in planned.cases:
            if (fault.topics and case.topic not in fault.topics) or not fault.asks(case):
                continue
            answer, arrays = worker.run_case(toy, encode_case(case), blobs, caches)
            blobs.update((name, bytes(data)) for name, data in arrays)
            observations.append(observation_of(case, answer))
        blobs.setdefault(worker.blob_hash(b""), b"")
        subject = Subject("toy", "toy", "default", "cpu", {"toy": "1.0"})
        bindings = {f"{binding.function}/{binding.id}": asdict(binding) for binding in toy.tensor_bindings}
        return MemoryRun(subject, observations, blobs, bindings)

    def judged(self, fault: TensorFault) -> Judgement:
        """The judgement of the toy with this fault."""
        return judge_run(self.observe(fault), self.oracle)
