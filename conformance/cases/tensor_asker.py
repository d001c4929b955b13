"""One entry point about to be asked: which options and arguments it takes, and cases in its own spelling and layout.

Deterministic. Knows the scenes, and bindings as data; knows no rule's judgement, no selection and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, round_to
from conformance.standard.tensors import WHOLE, TensorFunction

from .case import Case, Input
from .scenes import LOOPS, Scene, hashed, sizes_of
from .topics import BackendLike, Plan

COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0, 2.0)
SIGNS = (1.0, -1.0)

PROGRAM = (4, 8)
"""The loop that ordinary numbers and places worth a name have in common where every shape is compiled or traced anew; no size
of it is a core's."""


class TensorBindingLike(Protocol):
    """What the plan reads of a binding (backends/protocol.py has the record)."""

    function: str
    entry_point: str
    form: str
    positional: tuple[str, ...]
    named: Mapping[str, str]
    constructed: Mapping[str, str]
    parameters: Mapping[str, str]
    spelt: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, Any]
    fixed: Mapping[str, Any]
    implied: Mapping[str, Mapping[str, Any]]
    keywords: Mapping[str, Any]
    required: tuple[str, ...]
    recognised: tuple[str, ...]
    core_axis: int
    several_axes: bool
    transposed: Mapping[str, tuple[int, ...]]
    padded: Mapping[str, str]
    squeezed: int
    integers: str
    cast: Mapping[str, str]
    broadcasts: str
    unsound: Mapping[str, str]
    by_name: bool

    @property
    def id(self) -> str: ...

    def taken(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class TensorAsker:
    """One cell of the table, about to become cases. `options` are those asked unless a case is about others."""

    plan: Plan
    backend: BackendLike
    binding: TensorBindingLike
    function: TensorFunction
    topic: str
    mode: str
    dtype: str
    tier: str

    # --- what the entry point takes -----------------------------------------------------------------------------------

    def base(self) -> dict[str, Any]:
        """Options that this entry point can be asked with, the standard's defaults as far as it offers them."""
        options = self.function.defaults()
        for name in options:
            if name in self.binding.fixed:
                options[name] = plain(self.binding.fixed[name])
            elif name in self.binding.parameters:
                offered = self._values(name)
                if offered is not None and not any(same_value(options[name], value) for value in offered):
                    options[name] = offered[0]
            elif name == "axis":
                options[name] = self.binding.core_axis
        return self.with_implied(options)

    def _values(self, name: str) -> list[Any] | None:
        """The standard's values that an option's spelling offers; None for any."""
        spelt = self.binding.spelt.get(name)
        return None if spelt is None else [_read(text) for text in spelt]

    def with_implied(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options, with those that one of them brings along (a mean that divides by lengths first)."""
        for condition, brought in self.binding.implied.items():
            name, _, value = condition.partition("=")
            if str(options.get(name)) == value:
                options.update(brought)
        return options

    def offers(self, options: Mapping[str, Any]) -> bool:
        """Whether the entry point can be asked with just these options."""
        asked = {name: value for name, value in options.items() if name in self.binding.parameters}
        base = self.with_implied({**self.base(), **asked})
        for name, value in options.items():
            if name in self.binding.parameters:
                offered = self._values(name)
                if offered is not None and not any(same_value(value, one) for one in offered):
                    return False
            elif name not in self.binding.recognised and not same_value(value, base[name]):
                return False
        return same_options(self.with_implied(dict(options)), options)

    def arguments(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The entry point's keywords for these options."""
        found: dict[str, Any] = {}
        for name, keyword in self.binding.parameters.items():
            if name in options:
                spelt = self.binding.spelt.get(name)
                found[keyword] = options[name] if spelt is None else spelt[str(options[name])]
        return found

    def names(self, also: Sequence[str] = ()) -> list[str]:
        """The standard's arguments that are given: all that must be, those that are usual, and those named.

        Usual is a second argument that is like the first and may be left out, being zero then (the target of a squared error).
        """
        first, *others = self.function.arguments
        usual = [a.name for a in others[:1] if (a.kind, a.core) == (first.kind, first.core)]
        asked = {*self.binding.required, *usual, *also}
        wanted = [a.name for a in self.function.arguments if not a.optional or a.name in asked]
        wanted += ["weight"] if "weight" in also else []
        taken = self.binding.taken()
        return [name for name in wanted if name in taken]

    def optional(self) -> list[str]:
        """Optional arguments that this entry point takes, the weight among them."""
        known = {a.name for a in self.function.arguments if a.optional} | (
            {"weight"} if self.function.weighted else set()
        )
        return [name for name in self.binding.taken() if name in known and name not in self.binding.required]

    def differentiable(self, names: Sequence[str]) -> list[str]:
        """Arguments in which a derivative is asked."""
        return [
            name for name in names
            if self.function.argument(name).differentiable and self.function.argument(name).kind not in (*WHOLE, "mask") and name != "weight"
            and name not in self.binding.cast
        ]  # fmt: skip

    def loop(self, rank: int) -> tuple[int, ...]:
        """Loop dimensions: as many as asked, or as many as the entry point takes."""
        if not self.batched():
            return ()
        return LOOPS[self.binding.squeezed or rank]

    def batched(self) -> bool:
        """Whether the function is applied to places of a loop, or to whole tensors."""
        return self.function.batched and self.binding.squeezed >= 0

    def keeps_apart(self, options: Mapping[str, Any]) -> bool:
        """Whether every place of the loop has a result of its own."""
        common = (options.get("reduction", "none"), options.get("rows", "none"))
        return self.batched() and common == ("none", "none")

    def shares_programs(self) -> bool:
        """Whether ordinary numbers and places worth a name are asked in one shape, so that what was compiled or traced for the
        ones answers about the others too."""
        plain_layout = self.binding.squeezed in (0, 1, 2) and self.binding.core_axis == -1
        return self.mode != "eager" and self.tier != "deep" and plain_layout and self.keeps_apart(self.base())

    def usual_loop(self) -> tuple[int, ...]:
        """The loop of ordinary numbers: of rank 2 where the entry point leaves the choice."""
        if not self.shares_programs():
            return self.loop(2)
        return (math.prod(PROGRAM),) if self.binding.squeezed == 1 else PROGRAM

    # --- cases --------------------------------------------------------------------------------------------------------

    def ask(
        self, scene: Scene, quantity: str, rule: str, options: Mapping[str, Any], *, wrt: str = "", detail: str = "",
        views: Mapping[str, str] | None = None, dtypes: Mapping[str, str] | None = None, arguments: Mapping[str, Any] | None = None,
    ) -> Case:  # fmt: skip
        """A case about a scene's tensors, which are put into the entry point's layout."""
        inputs, options = [], dict(options)
        core = next(
            (a.name for a in self.function.arguments if a.name in scene.tensors and len(a.core) == 1 and not a.shared),
            None,
        )
        if self.function.axis and core is not None and isinstance(options.get("axis"), int):
            rank = scene.tensors[core].ndim
            options["axis"] = options["axis"] if -rank <= options["axis"] < rank else 0
        sizes = core_sizes(self.function, scene.tensors)
        for name, array in fitting(self.function, scene.tensors, options).items():
            inputs.append(
                self._input(
                    name, array, options, sizes, (views or {}).get(name, "contiguous"), (dtypes or {}).get(name)
                )
            )
        cotangent = direction = None
        if quantity in ("gradient", "hessian_vector", "value_and_gradient"):
            shape = result_shape(self.function, options, scene.tensors)
            # At places worth a name, where a derivative may be near the largest number, what it is scaled by must not decide.
            cotangent = self._pattern(shape, "cotangent", SIGNS if scene.places else COTANGENTS)
        if quantity in ("forward_gradient", "hessian_vector"):
            shape = next(item.shape for item in inputs if item.name == wrt)
            direction = self._pattern(shape, "direction")
        return Case(
            self.function.name, self.binding.id, self.topic, quantity, self.mode, self.dtype, options,
            self.arguments(options) if arguments is None else arguments, tuple(inputs), cotangent, detail, rule, wrt, direction,
            scene.places, scene.free,
        )  # fmt: skip

    def _pattern(self, shape: Sequence[int], salt: str, among: Sequence[float] = COTANGENTS) -> Input:
        """Powers of two with signs, by which scaling is exact."""
        count = math.prod(shape)
        numbers = np.array(among)[(hashed(count, salt) % np.uint64(len(among))).astype(np.int64)]
        return self.plan.input(round_to(numbers, FORMATS[self.float_dtype()]), self.float_dtype(), tuple(shape))

    def float_dtype(self) -> str:
        """The dtype of floating-point arguments: that of the case, float32 where it is about whole numbers."""
        return self.dtype if self.dtype in FORMATS else "float32"

    def _input(
        self, name: str, array: NDArray[Any], options: Mapping[str, Any], sizes: Mapping[str, int], view: str, dtype: str | None
    ) -> Input:  # fmt: skip
        argument = self.function.argument(name)
        if self.function.axis and len(argument.core) == 1 and not argument.shared and isinstance(options["axis"], int):
            array = np.moveaxis(array, -1, options["axis"])
        order = self.binding.transposed.get(name, ())
        order = tuple(order) if len(order) == array.ndim else ()
        if order:
            array = array.transpose(order)
        padding = name in self.binding.padded
        if padding:
            size = sizes["time" if name.startswith("input") else "length"]
            array = (np.arange(size) >= np.asarray(array)[..., None]).astype(np.float64)
        kind = argument.kind if not padding else "real"
        if dtype is None:
            dtype = self.binding.cast.get(name) or (
                self.binding.integers if kind in WHOLE else "bool" if kind == "mask" else self.float_dtype()
            )
        made = self.plan.input(bits_of(array, dtype), dtype, array.shape, view)
        return Input(made.blob, made.dtype, made.shape, made.view, name, order, padding)


def fitting(
    function: TensorFunction, tensors: Mapping[str, NDArray[Any]], options: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """The tensors, with labels that the options call for: none of a sequence is the blank, signs may be given as 0 and 1."""
    found = dict(tensors)
    for name, array in tensors.items():
        kind = "" if name == "weight" else function.argument(name).kind
        if kind == "label_sequence" and "blank" in options:
            classes = sizes_of(function)["classes"]
            found[name] = np.where(array == options["blank"] % classes, (array + 1) % classes, array)
        elif kind == "sign" and options.get("labels") == "binary" and (np.abs(array) == 1).all():
            found[name] = (array + 1) / 2
    return found


def core_sizes(function: TensorFunction, tensors: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Sizes of the core dimensions that these tensors have, in the standard's layout."""
    found: dict[str, int] = {}
    for name, array in tensors.items():
        core = function.argument(name).core
        found.update(zip(core, array.shape[array.ndim - len(core) :], strict=True))
    return found


def bits_of(array: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The bits of numbers in a dtype, rounded once if it is a floating-point one."""
    if dtype in FORMATS:
        return round_to(np.asarray(array, dtype=np.float64).reshape(-1), FORMATS[dtype]).reshape(array.shape)
    if dtype == "bool":
        return np.asarray(array).astype(bool).view(np.uint8)
    kind = np.dtype(dtype)
    return np.array(array, dtype=kind, order="C").view(f"uint{8 * kind.itemsize}")


def result_shape(
    function: TensorFunction, options: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> tuple[int, ...]:
    """Shape of the result in the entry point's layout, for tensors in the standard's."""
    name, array = next((n, a) for n, a in tensors.items() if n != "weight" and not function.argument(n).shared)
    loop = array.shape[: array.ndim - len(function.argument(name).core)]
    core = tuple(_core_size(function, dimension, tensors) for dimension in function.result)
    axis, rows = options.get("axis", -1), options.get("rows", "none")
    if core and not function.reductions:
        if isinstance(axis, (tuple, list)):
            return tuple(array.shape)
        if len(core) == 1 and function.axis:
            shape = list(loop)
            shape.insert(axis if axis >= 0 else len(loop) + 1 + axis, core[0])
            return tuple(shape)
        return (*loop, *core)
    if options.get("reduction", "none") != "none":
        return ()
    if isinstance(axis, (tuple, list)):
        return tuple(size for place, size in enumerate(array.shape) if place not in [a % array.ndim for a in axis])
    full = (*loop, *core)
    return tuple(size for place, size in enumerate(full) if place != axis % len(full)) if rows != "none" else full


def _core_size(function: TensorFunction, dimension: str, tensors: Mapping[str, NDArray[Any]]) -> int:
    for name, array in tensors.items():
        core = function.argument(name).core
        if dimension in core:
            return int(array.shape[array.ndim - len(core) + core.index(dimension)])
    for computed, rule in function.computed.items():
        factor, _, other = rule.partition("*")
        if computed == dimension:
            return int(factor) * _core_size(function, other, tensors)
        if other == dimension:
            return _core_size(function, computed, tensors) // int(factor)
    raise KeyError(f"{function.name} has no argument with the dimension {dimension}")


def same_value(a: Any, b: Any) -> bool:
    """Whether two options are equal; True is not 1 here, and 1 is 1.0."""
    return repr(a) == repr(b) or (type(a) in (int, float) and type(b) in (int, float) and a == b)


def same_options(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two sets of options have the same names and equal values."""
    return a.keys() == b.keys() and all(same_value(a[name], b[name]) for name in a)


def plain(value: Any) -> Any:
    """A value as the standard writes it: several axes are a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _read(text: str) -> Any:
    """The standard's value that a spelling's key stands for."""
    known = {"None": None, "True": True, "False": False}
    if text in known:
        return known[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
