"""A backend that is right by construction, and ways to spoil it one at a time.

`Perfect` answers every question with the truth, rounded once. A `Fault` changes one thing about it. Both run through the
worker's own code, in this process, and their answers are held in memory as a run file would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance import registry
from conformance.cases.case import Case
from conformance.cases.lattice import in_order
from conformance.cases.plan import Selection, plan_for
from conformance.cases.topics import Lattices, Plan
from conformance.formats import FORMATS, Bits, Format, from_ordinals, ordinals, round_to, values
from conformance.judge.records import Judgement
from conformance.judge.run import judge_run
from conformance.observe import worker
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import FUNCTIONS, Function
from conformance.standard.model import text_of
from conformance.truth import ulps
from conformance.truth.cache import Oracle
from conformance.truth.oracle import evaluate_text
from conformance.truth.reals import UNDEFINED
from tests.often import EVERYTHING
from tests.toy_learning import Draws, Learns, Reports, Tensors, by_channel, drawn

words = registry.protocol()

ORDERS = {"value": 0, "gradient": 1, "forward_gradient": 1, "second_derivative": 2}


@dataclass
class Tensor:
    """Bits of a dtype, which can be written to; `view` is only remembered."""

    bits: NDArray[Any]
    dtype: str
    view: str = "contiguous"


@dataclass(frozen=True)
class Asked:
    """What a call was asked; a fault looks at it to decide whether to strike."""

    entry_point: str
    function: str
    quantity: str
    mode: str
    parameters: Mapping[str, float]
    bits: Bits
    format: Format
    view: str
    has_cotangent: bool
    calls: int
    """How often this prepared call was called before."""


Strike = Callable[[Asked, Bits], Bits]
"""Gives the spoilt bits for the right ones, in the same shape."""


@dataclass(frozen=True)
class Fault:
    """One way to be wrong, and the rules under which it must be found, and may be found.

    `strike` spoils results; the flags spoil what is not a number.
    """

    name: str
    functions: tuple[str, ...]
    found_under: tuple[str, ...]
    may_show: tuple[str, ...] = ()
    strike: Strike | None = None
    output_dtype: Callable[[Asked], str] | None = None
    output_shape: Callable[[Asked, tuple[int, ...]], tuple[int, ...]] | None = None
    mutates_argument: bool = False
    leaves_argument: bool = False
    no_gradient: bool = False
    ignores_cotangent: bool = False
    ignores_parameters: bool = False
    accepts: tuple[str, ...] = ()
    defaults: Mapping[str, float] = field(default_factory=dict)
    documented: Mapping[str, float] = field(default_factory=dict)
    truncates_integers: bool = False
    learns: Learns | None = None
    gradient_shape: tuple[int, ...] | None = None
    draws: Draws | None = None
    reports: Reports | None = None
    ignores_seed: bool = False
    dtypes: tuple[str, ...] = ("float32",)
    """What is asked: one dtype shows most faults, and the rest would only take time."""
    modes: tuple[str, ...] = ("eager",)
    """So does one mode."""
    whole: bool = False
    """Whether all numbers of a lattice are asked; `few` of them show most faults."""
    with_parameters: bool = True
    """Whether the entry points take the parameters, or have the defaults built in."""
    only: Callable[[Any], bool] = field(default=lambda finding: True)
    """What the finding must look like beyond its rule."""


NO_FAULT = Fault("none", tuple(FUNCTIONS), ())


class Toy:
    """A framework in which everything is the truth rounded once, but for its fault."""

    name = "toy"
    configurations = ("default",)
    modes = ("eager", "compiled")
    slow_modes = ()
    recompiles = ()
    views = ("contiguous", "strided", "transposed")
    not_supported = ("lacks this dtype",)

    def __init__(self, oracle: Oracle, fault: Fault = NO_FAULT) -> None:
        self.oracle, self.fault = oracle, fault
        self.generator = np.random.default_rng(0)
        self.answered: dict[tuple[str, str, str, str, bytes], Bits] = {}
        self.bindings = tuple(binding for name in fault.functions for binding in self._bind(name))

    def _bind(self, name: str) -> list[Any]:
        function = FUNCTIONS[name]
        taken: dict[str, Any] = {"fixed": function.defaults()}
        keywords: dict[str, str] = {}
        if self.fault.with_parameters:
            keywords = {parameter.name: parameter.name for parameter in function.parameters}
            taken = {"parameters": keywords, "defaults": {**function.defaults(), **self.fault.documented}}
            learnt = tuple(keywords.pop(parameter.name) for parameter in function.parameters if parameter.learnt)
            taken["operands"] = learnt
        bind = words.Binding
        drawing = [bind(name, f"toy.draw.{name}", training=True, **taken)] if function.drawn and keywords else []
        return [
            *drawing,
            bind(name, f"toy.{name}", **taken),
            bind(name, f"toy.alias.{name}", **taken),
            bind(name, f"toy.{name}_", form="inplace", **taken),
        ]

    def versions(self) -> dict[str, str]:
        return {"toy": "1.0"}

    def tensor(self, array: Any, view: str = "contiguous") -> Tensor:
        return Tensor(np.array(array.bits), array.dtype, view)

    def array(self, tensor: Tensor) -> Any:
        return words.Array(tensor.bits, tensor.dtype)

    def seed(self, number: int) -> None:
        if not self.fault.ignores_seed:
            self.generator = np.random.default_rng(number)

    def wait(self, outputs: Sequence[Any]) -> None:
        return None

    def prepare(self, binding: Any, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Any:
        calls = [0]

        def call(*operands: Any, **named: Any) -> list[Tensor | None]:
            calls[0] += 1
            return self._answer(binding, arguments, quantity, mode, calls[0] - 1, *operands)

        return call

    def _answer(
        self, binding: Any, arguments: Mapping[str, Any], quantity: str, mode: str, calls: int,
        tensor: Any = None, *rest: Any,
    ) -> list[Tensor | None]:  # fmt: skip
        fault, function = self.fault, FUNCTIONS[binding.function]
        count = len(binding.operands)
        operands, cotangent = rest[:count], rest[count] if len(rest) > count else None
        if any(not isinstance(one, Tensor) for one in operands) and "parameter_type" not in fault.accepts:
            raise TypeError("a parameter is not a Tensor")
        tensors = [one if isinstance(one, Tensor) else Tensor(np.zeros(1, np.uint32), "float32") for one in operands]
        given = {
            name: float(values(one.bits, FORMATS[one.dtype])[0])
            for name, one in zip(binding.operands, tensors, strict=False)
        }
        parameters = self._parameters(function, {**arguments, **given})
        if not isinstance(tensor, Tensor):
            if "argument" not in fault.accepts:
                raise TypeError(f"a Tensor is due, not {type(tensor).__name__}")
            return [Tensor(np.zeros(3, dtype=np.uint32), "float32")]
        if tensor.dtype not in FORMATS:
            return [self._integer(function.name, tensor, parameters)]
        asked = Asked(
            binding.entry_point, function.name, quantity, mode, parameters, tensor.bits.reshape(-1),
            FORMATS[tensor.dtype], tensor.view, cotangent is not None, calls,
        )  # fmt: skip
        if binding.training:
            low, high = (parameters[name] for name in function.drawn or ())
            both = drawn(asked.bits, asked.format, (low, high), self.generator, fault.draws, fault.reports)
            found = [Tensor(one.reshape(tensor.bits.shape), tensor.dtype) for one in both]
            return [found[0]] if quantity == "value" else list(found)
        if quantity == "parameter_gradient" or any(one.bits.size > 1 for one in tensors):
            about = Tensors(tensor.bits, tensors[0].bits, None if cotangent is None else cotangent.bits, asked.format)
            learnt = by_channel(function, quantity, binding.operands[0], about, fault.learns)
            if fault.gradient_shape is not None and quantity == "parameter_gradient":
                learnt = np.resize(learnt, fault.gradient_shape)
            return [Tensor(learnt, tensor.dtype)]
        bits = self._right(asked)
        if fault.strike:
            bits = fault.strike(asked, bits)
        if cotangent is not None and not fault.ignores_cotangent:
            scaled = values(bits, asked.format) * values(cotangent.bits.reshape(-1), asked.format)
            bits = round_to(scaled, asked.format)
        dtype = fault.output_dtype(asked) if fault.output_dtype else tensor.dtype
        if dtype != tensor.dtype:
            bits = round_to(values(bits, asked.format), FORMATS[dtype])
        shape = tensor.bits.shape
        if fault.output_shape:
            shape = fault.output_shape(asked, shape)
        result = Tensor(bits.reshape(shape), dtype)
        if binding.form == "inplace" and quantity == "value" and not fault.leaves_argument:
            tensor.bits[...] = result.bits.reshape(tensor.bits.shape)
        elif fault.mutates_argument and tensor.bits.size:
            tensor.bits.reshape(-1)[0] ^= tensor.bits.dtype.type(1)
        return [None if fault.no_gradient and quantity != "value" else result]

    def _parameters(self, function: Function, arguments: Mapping[str, Any]) -> dict[str, float]:
        fault, defaults = self.fault, function.defaults()
        invalid = {parameter.name: parameter.invalid for parameter in function.parameters}
        for name, value in arguments.items():
            if name not in defaults:
                raise TypeError(f"unknown keyword {name}")
            if isinstance(value, str) and "parameter_type" not in fault.accepts:
                raise TypeError(f"{name} is a text")
            if value in invalid[name] and "parameter_value" not in fault.accepts:
                raise ValueError(f"{name} must not be {value}")
        for together in function.invalid:
            if together.items() <= arguments.items() and "parameter_value" not in fault.accepts:
                raise ValueError(f"{together} do not go together")
        given = {
            name: value
            for name, value in arguments.items()
            if not isinstance(value, str) and value not in invalid[name]
        }
        if fault.ignores_parameters:
            given = {}
        return {**defaults, **fault.defaults, **given}

    def _integer(self, name: str, tensor: Tensor, parameters: Mapping[str, float]) -> Tensor:
        if not self.fault.truncates_integers:
            raise TypeError(f"lacks this dtype: {tensor.dtype}")
        signed = tensor.bits.view("bool" if tensor.dtype == "bool" else tensor.dtype).astype(np.float64)
        table = self.oracle.table(
            FUNCTIONS[name], parameters, FORMATS["float64"], round_to(signed.reshape(-1), FORMATS["float64"])
        )
        whole = values(ulps.rounded(table.orders[0], FORMATS["float64"]), FORMATS["float64"]).astype(np.int64)
        return Tensor(whole.view(np.uint64).reshape(tensor.bits.shape), "int64")

    def _right(self, asked: Asked) -> Bits:
        """A copy of what is right: every entry point and mode is asked the same."""
        parameters = repr(sorted(asked.parameters.items()))
        key = (asked.function, parameters, asked.format.name, asked.quantity, asked.bits.tobytes())
        if key not in self.answered:
            self.answered[key] = right(
                self.oracle, asked.function, asked.parameters, asked.format, asked.quantity, asked.bits
            )
        return self.answered[key].copy()


def right(
    oracle: Oracle, name: str, parameters: Mapping[str, float], format: Format, quantity: str, bits: Bits
) -> Bits:
    """The truth rounded once, the customary subgradient at kinks, and zeros with the sign they should have; shape (n,)."""
    function, order = FUNCTIONS[name], ORDERS[quantity]
    if not len(bits):
        return bits
    truth = oracle.table(function, parameters, format, bits).orders[order]
    rounded = ulps.rounded(truth, format)
    x = values(bits, format)
    if order == 0 and text_of(function.zero_sign, parameters) == "same":
        rounded = np.where(x == 0, bits, rounded)
    torn = truth.kind == UNDEFINED
    if torn.any():
        left = oracle.one_sided(function, parameters, format, bits[torn], -1).orders[order]
        rounded[torn] = ulps.rounded(left, format)
    for kink in function.kinks if order == 1 else ():
        at = x == float(evaluate_text(text_of(kink.at, parameters)))
        number = np.array([float(evaluate_text(text_of(kink.customary, parameters)))])
        rounded = np.where(at, round_to(number, format)[0], rounded)
    return rounded.astype(format.bits_type)


@dataclass
class MemoryRun:
    """Observations held in memory, read as a run file is."""

    subject: Subject
    asked: list[Observation]
    blobs: dict[str, bytes]
    bindings: dict[str, Any]

    def subjects(self) -> tuple[Subject, ...]:
        return (self.subject,)

    def observations(self, subject: str) -> Iterable[Observation]:
        return self.asked

    def blob(self, hash: str) -> bytes:
        return self.blobs[hash]

    def meta(self) -> Mapping[str, Any]:
        return {"bindings": {"toy": self.bindings}, "environment": {}}


class Few(Lattices):
    """Lattices of some hundred numbers, for tests of what becomes of an answer: the truth is most of what they cost."""

    def __call__(self, function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
        key = f"{function.name} {format.name} {sorted(parameters.items())!r}"
        if key not in self._known:
            self._known[key] = few(function, parameters, format)
        return self._known[key]


def few(function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
    """Numbers of every size, closer together where functions bend and where their tails end, the declared places with their
    neighbours, and what is special; in the order of a lattice, shape (n,)."""
    points = [kink.at for kink in function.kinks] + [landmark.at for landmark in function.landmarks]
    places = [float(evaluate_text(text_of(point, parameters))) for point in points] + [*parameters.values(), 0.0, 1.0]
    declared = round_to(np.array([place for place in places if abs(place) <= format.largest]), format)
    ends = round_to(np.array([2.0**-10, min(2.0**10, format.largest)]), format)
    low, high = ordinals(ends, format).tolist()
    many = 2 if EVERYTHING else 1
    sizes = [np.linspace(1, format.infinity - 1, 64 * many), np.linspace(low, high, 96 * many)]
    half = np.concatenate(sizes).astype(np.int64)
    known = [*ordinals(declared, format).tolist(), 1 << format.mantissa_bits, format.infinity - 4]
    near = (np.array([*known, *(-place for place in known)])[:, None] + np.arange(-3, 4)).ravel()
    line = from_ordinals(np.unique(np.concatenate([half, -half, near])), format)
    special = [0, format.infinity, format.quiet_nan, format.infinity + 1]
    both = np.array([bits | sign for bits in special for sign in (0, format.sign_bit)], format.bits_type)
    return in_order(np.unique(np.concatenate([line, both])), format)


def observe(
    backend: Any, selection: Selection, oracle: Oracle, asks: Callable[[Case], bool] = lambda case: True, whole: bool = True
) -> MemoryRun:  # fmt: skip
    """Run the plan of `backend`, or those of its cases that `asks` says, through the worker's code, here and now.

    Without `whole`, about some hundred numbers of each lattice.
    """
    plan: Plan = plan_for(backend, "default", selection, Lattices(oracle) if whole else Few(oracle))
    blobs: dict[str, bytes] = dict(plan.blobs)
    observations = []
    for group in plan.groups:
        caches = worker.Caches({}, {})
        for case in filter(asks, group.cases):
            answer, arrays = worker.run_case(backend, encode_case(case), blobs, caches)
            blobs.update((name, bytes(data)) for name, data in arrays)
            observations.append(observation_of(case, answer))
    blobs.setdefault(worker.blob_hash(b""), b"")
    subject = Subject("toy", "toy", "default", "cpu", {"toy": "1.0"})
    bindings = {f"{binding.function}/{binding.id}": asdict(binding) for binding in backend.bindings}
    return MemoryRun(subject, observations, blobs, bindings)


def encode_case(case: Case) -> dict[str, Any]:
    """The case as the worker reads it."""
    # Not asdict: it copies deeply, and the cases are thousands.
    inputs = [vars(item) for item in case.inputs]
    more = {
        name: tensor and vars(tensor) for name, tensor in (("cotangent", case.cotangent), ("direction", case.direction))
    }
    return {**vars(case), "inputs": inputs, **more}


def observation_of(case: Case, answer: Mapping[str, Any]) -> Observation:
    """What the worker answered, as a run file gives it back."""
    outputs = tuple(Output(o["blob"], o["dtype"], tuple(o["shape"])) for o in answer["outputs"])
    after = answer["after"]
    return Observation(
        "toy",
        case,
        answer["outcome"],
        outputs,
        answer.get("error_type", ""),
        answer.get("message", ""),
        Output(after["blob"], after["dtype"], tuple(after["shape"])) if after else None,
    )


def judged(fault: Fault, oracle: Oracle) -> Judgement:
    """The judgement of the toy with this fault."""
    asked = Selection(functions=fault.functions, dtypes=fault.dtypes, modes=fault.modes)
    return judge_run(observe(Toy(oracle, fault), asked, oracle, whole=fault.whole), oracle)
