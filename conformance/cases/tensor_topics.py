"""What is asked of functions of tensors, where a row of the plan's table crosses an entry point, as cases with their inputs.

Deterministic. Knows the scenes, and bindings as data; knows no rule's judgement, no selection and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, round_to
from conformance.standard.tensors import WHOLE, TensorFunction

from .case import Case, Input
from .scenes import LOOPS, Scene, drawn, edges, hashed, sizes_of
from .topics import BackendLike, Plan, is_frugal

MANY_CLASSES = 10_000
MANY = 100_003
"""Elements of the longest reductions: naive accumulation in float16 stops at 2,048."""
DISTINCT = 251
"""Different elements among them; each is a truth to be computed."""

SHIFTS = (64.0, 1024.0)
"""What is added to all logits: with the drawn ones exact in float32, the second beyond where exponentials overflow."""

COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0, 2.0)
SIGNS = (1.0, -1.0)


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
                options[name] = _plain(self.binding.fixed[name])
            elif name in self.binding.parameters:
                offered = self._values(name)
                if offered is not None and not any(_same(options[name], value) for value in offered):
                    options[name] = offered[0]
            elif name == "axis":
                options[name] = self.binding.core_axis
        return self._with_implied(options)

    def _values(self, name: str) -> list[Any] | None:
        """The standard's values that an option's spelling offers; None for any."""
        spelt = self.binding.spelt.get(name)
        return None if spelt is None else [_read(text) for text in spelt]

    def _with_implied(self, options: dict[str, Any]) -> dict[str, Any]:
        for condition, brought in self.binding.implied.items():
            name, _, value = condition.partition("=")
            if str(options.get(name)) == value:
                options.update(brought)
        return options

    def offers(self, options: Mapping[str, Any]) -> bool:
        """Whether the entry point can be asked with just these options."""
        asked = {name: value for name, value in options.items() if name in self.binding.parameters}
        base = self._with_implied({**self.base(), **asked})
        for name, value in options.items():
            if name in self.binding.parameters:
                offered = self._values(name)
                if offered is not None and not any(_same(value, one) for one in offered):
                    return False
            elif name not in self.binding.recognised and not _same(value, base[name]):
                return False
        return _same_all(self._with_implied(dict(options)), options)

    def arguments(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The entry point's keywords for these options."""
        found: dict[str, Any] = {}
        for name, keyword in self.binding.parameters.items():
            if name in options:
                spelt = self.binding.spelt.get(name)
                found[keyword] = options[name] if spelt is None else spelt[str(options[name])]
        return found

    def names(self, also: Sequence[str] = ()) -> list[str]:
        """The standard's arguments that are given: all that must be, and those named."""
        taken = self.binding.taken()
        wanted = [
            a.name
            for a in self.function.arguments
            if not a.optional or a.name in self.binding.required or a.name in also
        ]
        wanted += ["weight"] if "weight" in also else []
        return [name for name in wanted if name in taken]

    def pair(self) -> list[str]:
        """As `names`, with the second argument even where it may be left out and is then zero (a target)."""
        first, *others = self.function.arguments
        return self.names([a.name for a in others[:1] if a.optional and (a.kind, a.core) == (first.kind, first.core)])

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
            inputs.append(self._input(name, array, options, sizes, (views or {}).get(name, "contiguous"), (dtypes or {}).get(name)))
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


def fitting(function: TensorFunction, tensors: Mapping[str, NDArray[Any]], options: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
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


def _same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b) or (type(a) in (int, float) and type(b) in (int, float) and a == b)


def _same_all(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)


def _plain(value: Any) -> Any:
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


# --- topics -----------------------------------------------------------------------------------------------------------


def _few(asker: TensorAsker) -> str:
    """Which derivatives a variation is asked with: the first, and none where everything is compiled anew."""
    return "none" if is_frugal(asker.backend, asker.mode, asker.tier) else "first"


def _quantities(asker: TensorAsker, names: Sequence[str], derivatives: str = "all") -> Iterator[tuple[str, str, str]]:
    """Quantity, argument and rule: the value; and reverse derivatives in all arguments, in the first one (`first`), or none."""
    yield "value", "", "value"
    wanted = asker.differentiable(names) if derivatives != "none" else []
    for name in wanted if derivatives == "all" else wanted[:1]:
        yield "gradient", name, f"gradient.{name}"


def _draws(asker: TensorAsker) -> Iterator[Case]:
    """Ordinary numbers, default options: the value and every derivative."""
    names, base = asker.names(), asker.base()
    scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function)), {})
    for quantity, wrt, rule in _quantities(asker, names):
        yield asker.ask(scene, quantity, rule, base, wrt=wrt)
    first = asker.differentiable(names)[:1]
    frugal, always = is_frugal(asker.backend, asker.mode, asker.tier), "eager" in asker.backend.recompiles
    if not first or (asker.dtype != "float32" and asker.tier != "deep") or asker.tier == "quick":
        return
    if not frugal or (always and asker.mode == "compiled"):
        yield asker.ask(scene, "forward_gradient", "gradient.forward", base, wrt=first[0])
    if not frugal or asker.mode == "compiled":
        if asker.function.smooth:
            yield asker.ask(scene, "hessian_vector", "hessian", base, wrt=first[0])


def _edges(asker: TensorAsker) -> Iterator[Case]:
    """Places worth a name, all in one loop; alone where the entry point puts results together."""
    base = asker.base()
    given = asker.names([a.name for a in asker.function.arguments if a.kind in ("mask",) or a.shared])
    frugal, always = is_frugal(asker.backend, asker.mode, asker.tier), "eager" in asker.backend.recompiles
    asked = [(asker.names(), "")] if given == asker.names() or frugal else [(asker.names(), ""), (given, "")]
    # Other optional arguments, at the places that are about them.
    asked += [(asker.names([name]), name) for name in asker.optional() if name not in given and not frugal]
    for names, about in asked:
        for scene in edges(asker.function, names, FORMATS[asker.dtype], base, asker.offers, about):
            if (
                names == given
                and names != asker.names()
                and not any("mask" in place or "weight" in place or scene.options for place in scene.places)
            ):
                continue
            options = asker._with_implied({**base, **scene.options})
            for piece in [scene] if _keeps_apart(asker, options) else _alone(scene, asker):
                few = "all" if not frugal else "first" if always and asker.tier != "quick" else "none"
                for quantity, wrt, rule in _quantities(asker, names, few):
                    yield asker.ask(piece, quantity, rule, options, wrt=wrt)


def _keeps_apart(asker: TensorAsker, options: Mapping[str, Any]) -> bool:
    return asker.batched() and options.get("reduction", "none") == "none" and options.get("rows", "none") == "none"


def _alone(scene: Scene, asker: TensorAsker) -> Iterator[Scene]:
    """A scene's places one by one; where rows are put together, a row each."""
    rows = asker.base().get("rows", "none") != "none" and asker.base().get("reduction", "none") == "none"
    if rows:
        yield Scene(
            scene.name,
            {n: a if asker.function.argument(n).shared else a[:, None] for n, a in scene.tensors.items()},
            scene.options,
            scene.places,
            scene.free,
        )
        return
    for index, place in enumerate(scene.places):
        tensors = {
            name: array
            if asker.function.argument(name).shared
            else array[index]
            if not asker.batched()
            else array[index : index + 1]
            for name, array in scene.tensors.items()
        }
        yield Scene(scene.name, tensors, scene.options, (place,), tuple(one for one in scene.free if one == place))


def _options(asker: TensorAsker) -> Iterator[Case]:
    """Every option away from its default, and two at a time."""
    base = asker.base()
    names = asker.names()
    own = {option.name for option in asker.function.options}
    for sample in asker.function.samples():
        options = asker._with_implied(
            {**base, **{n: v for n, v in sample.items() if n in own and n not in asker.binding.fixed}}
        )
        changed = [name for name in own if not _same(options[name], base[name])]
        # What an entry point sees from the tensors, drawn ones don't show: edges do.
        if not changed or not asker.offers(options) or set(changed) & set(asker.binding.recognised):
            continue
        rule = f"option.{changed[0]}" if len(changed) == 1 else "options"
        scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "options"), {})
        for quantity, wrt, _ in _quantities(
            asker, names, "none" if is_frugal(asker.backend, asker.mode, asker.tier) else "first"
        ):
            yield asker.ask(scene, quantity, rule, options, wrt=wrt, detail="-".join(sorted(changed)))
        # What an option says may also decide what counts in a mean.
        mean = asker._with_implied({**options, "reduction": "mean"})
        if base.get("reduction") == "none" and asker.offers(mean) and not is_frugal(asker.backend, asker.mode, asker.tier):
            yield asker.ask(scene, "value", rule, mean, detail="-".join([*sorted(changed), "mean"]))


def _reductions(asker: TensorAsker) -> Iterator[Case]:
    """Every way of putting results together that the entry point offers, with and without weights."""
    base = asker.base()
    for reduction, rows in product(asker.function.reductions or ("none",), asker.function.rows or ("none",)):
        common = {name: value for name, value in (("reduction", reduction), ("rows", rows)) if name in base}
        options = asker._with_implied({**base, **common})
        # Both at once where the entry point has its rows anyhow, and once where it has the choice.
        chosen = "rows" in asker.binding.parameters and rows != "none" and reduction not in ("none", "mean")
        if not asker.offers(options) or chosen:
            continue
        rule = f"reduction.{reduction}" if reduction != "none" else f"rows.{rows}"
        if not _same_all(options, base):
            yield from _reduced(asker, (), options, rule)
        if "weight" in asker.binding.taken():
            yield from _reduced(asker, ("weight",), options, "weight")


def _reduced(asker: TensorAsker, also: Sequence[str], options: Mapping[str, Any], rule: str) -> Iterator[Case]:
    """One way of putting results together: the value at three ranks, the derivative at one of them."""
    names = asker.names(also)
    few = bool(also) or is_frugal(asker.backend, asker.mode, asker.tier)
    for rank in (2,) if few else (1, 2, 3):
        if len(asker.loop(rank)) != rank and rank != 2:
            continue
        scene = Scene("draws", _with_weight(asker, names, asker.loop(rank), options), {})
        for quantity, wrt, _ in _quantities(asker, names, _few(asker) if rank == 2 else "none"):
            yield asker.ask(scene, quantity, rule, options, wrt=wrt, detail=f"rank-{rank}")


def _with_weight(
    asker: TensorAsker, names: Sequence[str], loop: tuple[int, ...], options: Mapping[str, Any], salt: str = "reduction"
) -> dict[str, NDArray[Any]]:
    """Ordinary numbers, and weights in the shape of the results before the reduction."""
    tensors = drawn(asker.function, [name for name in names if name != "weight"], loop, sizes_of(asker.function), salt)
    if "weight" in names:
        shape = result_shape(asker.function, {**options, "reduction": "none"}, tensors)
        size = math.prod(shape)
        tensors["weight"] = (np.array([0.5, 2.0, 0.0, 1.5, 3.0])[np.arange(size) % 5]).reshape(shape)
    return tensors


def _arguments(asker: TensorAsker) -> Iterator[Case]:
    """Every optional argument, given (left out, if it is usual to give it); and for weights of classes every reduction."""
    base = asker.base()
    for also in asker.optional():
        if also == "weight":
            continue
        names = asker.names([also])
        if also in asker.binding.positional:  # it is given everywhere else
            names = [name for name in names if name != also]
        for reduction in [
            r for r in asker.function.reductions if asker.offers(asker._with_implied({**base, "reduction": r}))
        ] or ["none"]:
            options = asker._with_implied({**base, **({"reduction": reduction} if "reduction" in base else {})})
            tensors = drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "optional")
            if reduction != "none" and _may_be_nothing(asker.function, also):
                # A sample of which nothing takes part: whether it counts in a mean.
                tensors[also] = tensors[also].copy()
                tensors[also][0] = False
            scene = Scene("draws", tensors, {})
            for quantity, wrt, _ in _quantities(
                asker, names, "all" if reduction == base.get("reduction", "none") else "first"
            ):
                rule = f"argument.{also}" if wrt != also else f"gradient.{also}"
                yield asker.ask(scene, quantity, rule, options, wrt=wrt, detail=reduction)
        if is_frugal(asker.backend, asker.mode, asker.tier):
            continue
        for name, options in _one_option_away(asker):
            scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "optional"), {})
            for quantity, wrt, _ in _quantities(asker, names, "first"):
                yield asker.ask(scene, quantity, f"argument.{also}", options, wrt=wrt, detail=f"with-{name}")


def _may_be_nothing(function: TensorFunction, name: str) -> bool:
    """Whether an argument is a mask that may be False throughout, by one of the function's edges."""
    if function.argument(name).kind != "mask":
        return False
    return any(name in edge.arguments and not edge.free and not np.any(edge.arguments[name]) for edge in function.edges)


def _one_option_away(asker: TensorAsker) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each option by itself away from its default, as a mean where that is offered."""
    base = asker.base()
    for option in asker.function.options:
        for value in option.samples[len(option.samples) // 2 :][:1]:
            for common in ({"reduction": "mean"}, {}):
                options = asker._with_implied({**base, **common, option.name: value})
                if option.name not in asker.binding.recognised and base.keys() == options.keys() and asker.offers(options):
                    yield option.name, options
                    break


def _away(asker: TensorAsker) -> dict[str, Any]:
    """Options away from their defaults, as many as go together: what a copy might lose."""
    options = asker.base()
    wanted = [(option.name, option.samples[len(option.samples) // 2]) for option in asker.function.options if option.samples]
    for name, value in [*wanted, *([("reduction", "sum")] if "reduction" in options else [])]:
        changed = asker._with_implied({**options, name: value})
        together = any(all(_same(changed.get(n), v) for n, v in one.items()) for one in asker.function.invalid)
        if name not in asker.binding.recognised and not together and asker.offers(changed):
            options = changed
    return options


def _ranks(asker: TensorAsker) -> Iterator[Case]:
    """Tensors of rank 1 to 4, every dimension different; a number by itself where the function has no core."""
    base, names = asker.base(), asker.names()
    frugal = is_frugal(asker.backend, asker.mode, asker.tier)
    whole = any(argument.core for argument in asker.function.arguments)
    for rank in LOOPS:
        if not asker.function.batched or len(asker.loop(rank)) != rank or rank == 2 or (rank == 0 and base.get("rows", "none") != "none"):
            continue
        few = {1, 4, 0 if whole else 1} if frugal else {4} if whole else set()
        if asker.tier != "deep" and rank in few:
            continue
        scene = Scene("draws", drawn(asker.function, names, asker.loop(rank), sizes_of(asker.function), "ranks"), {})
        for quantity, wrt, _ in _quantities(asker, names, "none" if frugal and rank == 0 else _few(asker)):
            yield asker.ask(scene, quantity, "rank", base, wrt=wrt, detail=f"rank-{rank}")


def _axes(asker: TensorAsker) -> Iterator[Case]:
    """Every axis of a tensor of rank 3, counted from both ends; several axes at once where the function takes them."""
    base, names = asker.base(), asker.names()
    if "axis" not in asker.binding.parameters:
        return
    if asker.function.rows and base.get("rows", "none") == "none":  # places by themselves know no axis
        put_together = [asker._with_implied({**base, "rows": rows}) for rows in asker.function.rows if rows != "none"]
        offered = [options for options in put_together if asker.offers(options)]
        if not offered:
            return
        base = offered[0]
    if asker.binding.squeezed:
        return
    frugal = is_frugal(asker.backend, asker.mode, asker.tier)
    for axis in (0, -2) if frugal else (0, 1, 2, -1, -2, -3):
        scene = Scene(
            "draws",
            drawn(
                asker.function,
                names,
                LOOPS[2] if not asker.function.rows else LOOPS[3],
                sizes_of(asker.function),
                "axes",
            ),
            {},
        )
        for quantity, wrt, _ in _quantities(asker, names, _few(asker)):
            yield asker.ask(scene, quantity, "axis", {**base, "axis": axis}, wrt=wrt, detail=f"axis-{axis}")
    # What an option says may go by the axis too: the number of classes by which labels are smoothed.
    for name, options in () if frugal else _one_option_away(asker):
        loop = LOOPS[3] if asker.function.rows else LOOPS[2]
        scene = Scene("draws", drawn(asker.function, names, loop, sizes_of(asker.function), "axes"), {})
        together = {**options, **({"rows": base["rows"]} if "rows" in base else {}), "axis": 0}
        if asker.offers(together):
            yield asker.ask(scene, "value", "axis", together, detail=f"axis-0-{name}")
    if asker.function.several_axes and asker.binding.several_axes:
        for axes in ((0, 2),) if frugal else ((0, 1), (0, 2), (1, -1)):
            scene = Scene("draws", drawn(asker.function, names, LOOPS[2], sizes_of(asker.function), "axes"), {})
            for quantity, wrt, _ in _quantities(asker, names, _few(asker)):
                yield asker.ask(
                    scene, quantity, "axis", {**base, "axis": axes}, wrt=wrt, detail="axes-" + "-".join(map(str, axes))
                )


def _sizes(asker: TensorAsker) -> Iterator[Case]:
    """No element, one sample, one class, very many classes, very many elements."""
    base, names, usual = asker.base(), asker.names(), sizes_of(asker.function)
    first = _few(asker)
    if asker.batched() and asker.binding.squeezed in (0, 1):
        for name, count in (("empty", 0), ("one-sample", 1)):
            loop = (count, 3) if base.get("rows", "none") != "none" else (count,)
            scene = Scene("draws", drawn(asker.function, names, loop, usual, "sizes"), {})
            for quantity, wrt, _ in _quantities(asker, names, first):
                yield asker.ask(
                    scene, quantity, "size.empty" if name == "empty" else "size", base, wrt=wrt, detail=name
                )
            frugal = is_frugal(asker.backend, asker.mode, asker.tier)
            for reduction in offered_reductions(asker) if name == "empty" and not frugal else ():
                if reduction != base.get("reduction"):
                    options = asker._with_implied({**base, "reduction": reduction})
                    yield asker.ask(scene, "value", "size.empty", options, detail=f"empty-{reduction}")
    dimension = next(
        (
            d
            for d in ("classes", "n", "d")
            if d in usual and d not in asker.function.sizes and d not in asker.function.computed.values()
        ),
        "",
    )
    if dimension and not any(len(a.core) > 1 for a in asker.function.arguments):
        sizes = [
            ("one", 1),
            ("many", MANY_CLASSES if any(a.kind == "label" for a in asker.function.arguments) else 1000),
        ]
        for name, size in sizes:
            scene = Scene(
                "draws",
                drawn(
                    asker.function,
                    names,
                    asker.loop(1) if name == "one" else (2,) if asker.batched() else (),
                    {**usual, dimension: size},
                    "sizes",
                ),
                {},
            )
            for quantity, wrt, _ in _quantities(asker, names, first):
                yield asker.ask(scene, quantity, "size", base, wrt=wrt, detail=f"{dimension}-{size}")
    if (
        asker.batched()
        and not asker.function.result
        and not any(argument.core for argument in asker.function.arguments)
        and asker.function.reductions
        and not asker.binding.squeezed
    ):
        yield from _long(asker, names)


def _long(asker: TensorAsker, names: Sequence[str]) -> Iterator[Case]:
    """Reductions over very many elements, few of them different."""
    base = asker.base()
    rows = base.get("rows", "none")
    few = drawn(asker.function, names, (DISTINCT,), sizes_of(asker.function), "long")
    tensors = {name: np.resize(array, (MANY,)) for name, array in few.items()}
    reductions = [
        r
        for r in asker.function.reductions
        if r != "none" and asker.offers(asker._with_implied({**base, "reduction": r}))
    ]
    if rows != "none":
        yield asker.ask(
            Scene("long", {n: a.reshape(1, MANY) for n, a in tensors.items()}, {}),
            "value",
            "size",
            base,
            detail=f"{MANY}",
        )
    for reduction in reductions:
        options = asker._with_implied({**base, "reduction": reduction})
        scene = Scene("long", {n: a.reshape(1, MANY) for n, a in tensors.items()} if rows != "none" else tensors, {})
        yield asker.ask(scene, "value", "size", options, detail=f"{MANY}-{reduction}")


def _rows_apart(asker: TensorAsker) -> Iterator[Case]:
    """The same samples in another order, alone, and beside samples that are NaN: nothing of that may change a sample's result."""
    base, names = asker.base(), asker.names()
    if not asker.batched() or base.get("reduction", "none") != "none" or asker.binding.squeezed > 1:
        return
    loop = (4, 3) if base.get("rows", "none") != "none" else (4,)
    tensors = drawn(asker.function, names, loop, sizes_of(asker.function), "rows")

    def changed(of: Callable[[str, NDArray[Any]], NDArray[Any]]) -> Scene:
        return Scene("rows", {n: a if asker.function.argument(n).shared else of(n, a) for n, a in tensors.items()}, {})

    def spoilt(name: str, array: NDArray[Any]) -> NDArray[Any]:
        if asker.function.argument(name).kind not in ("real", "logit", "log_probability", "log_distribution"):
            return array  # no probability, variance or label is NaN
        array = array.copy()
        array[2:] = np.nan
        return array

    for detail, scene in (
        ("base", changed(lambda n, a: a)), ("order", changed(lambda n, a: a[[2, 0, 3, 1]])), ("alone", changed(lambda n, a: a[:1])),
        ("others-nan", changed(spoilt)),
    ):  # fmt: skip
        if detail == "alone" and is_frugal(asker.backend, asker.mode, asker.tier):
            continue
        for quantity, wrt, _ in _quantities(asker, names, _few(asker)):
            yield asker.ask(scene, quantity, "invariance.rows", base, wrt=wrt, detail=detail)


def _layouts(asker: TensorAsker) -> Iterator[Case]:
    """The same numbers laid out differently in memory."""
    base, names = asker.base(), asker.names()
    scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function)), {})
    for view in asker.backend.views:
        if view in ("contiguous", "broadcast"):
            continue
        for quantity, wrt, _ in _quantities(asker, names, "first"):
            yield asker.ask(
                scene, quantity, "invariance.layout", base, wrt=wrt, detail=view, views=dict.fromkeys(names, view)
            )


def _once(asker: TensorAsker) -> Iterator[Case]:
    names = asker.names(tuple(asker.binding.constructed) if asker.topic == "copied" else ())
    scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function)), {})
    rule = {"purity": "purity", "repetition": "invariance.repetition", "copied": "invariance.copy"}[asker.topic]
    if asker.topic == "copied":
        yield asker.ask(scene, "copied", rule, _away(asker))
    else:
        yield asker.ask(scene, "value", rule, asker.base())


def _dtypes(asker: TensorAsker) -> Iterator[Case]:
    """Arguments of different dtypes; whole numbers in every integer dtype; whole numbers where floats are usual."""
    base, names = asker.base(), asker.names()
    scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function)), {})
    floats = [
        n for n in names if asker.function.argument(n).kind not in (*WHOLE, "mask") and n not in asker.binding.cast
    ]
    whole = [n for n in names if asker.function.argument(n).kind in WHOLE]
    for name in whole[:1]:
        for dtype in ("int8", "uint8", "int16", "int32", "int64"):
            if dtype != asker.binding.integers:
                yield asker.ask(scene, "value", "dtype.label", base, detail=dtype, dtypes={name: dtype})
    more = [n for n in asker.optional() if asker.function.argument(n).kind != "mask" and n != "weight" and n not in asker.binding.cast]
    second = [*floats, *more][1:2]
    for name in second:
        both = asker.names([name])
        mixed = Scene("draws", drawn(asker.function, both, asker.loop(2), sizes_of(asker.function)), {})
        for dtype in ("float16", "bfloat16", "float64"):
            yield asker.ask(mixed, "value", "dtype.mixed", base, detail=f"{name}-{dtype}", dtypes={name: dtype})
    plain = {name: np.round(array) for name, array in scene.tensors.items() if name in floats[:1]}
    if plain and asker.function.argument(floats[0]).kind in ("real", "logit"):
        integers = Scene("draws", {**scene.tensors, **plain}, {})
        yield asker.ask(
            integers, "value", "dtype.integer", base, detail=f"{floats[0]}-int32", dtypes={floats[0]: "int32"}
        )
    targets = [
        n
        for n in floats[1:]
        if asker.function.argument(n).kind in ("real", "binary", "sign", "one_hot", "nonnegative", "probability")
    ]
    for name in targets[:1]:
        rounded = Scene("draws", {**scene.tensors, name: np.round(scene.tensors[name])}, {})
        yield asker.ask(rounded, "value", "dtype.integer", base, detail=f"{name}-int32", dtypes={name: "int32"})


def _defaults(asker: TensorAsker) -> Iterator[Case]:
    """The bare call, with nothing but the tensors: what it computes follows from the documented defaults."""
    binding, function = asker.binding, asker.function
    documented = {**asker.base(), **binding.defaults}
    missing = [name for name in binding.parameters if name not in binding.defaults and name in documented]
    if missing or not binding.parameters:
        return
    options = asker._with_implied({**documented, **{n: _plain(v) for n, v in binding.fixed.items()}})
    options = {name: value for name, value in options.items() if name in function.defaults()}
    scene = Scene("draws", drawn(function, asker.names(), asker.loop(2), sizes_of(function), "defaults"), {})
    if isinstance(options.get("axis"), int) or options.get("axis") is None:
        options = (
            {**options, "axis": options["axis"]}
            if options.get("axis") is not None
            else {k: v for k, v in options.items() if k != "axis"}
        )
        if "axis" in function.defaults() and "axis" not in options:
            # No axis stands for all of them.
            rank = scene.tensors[function.arguments[0].name].ndim
            options["axis"] = tuple(range(rank))
    yield asker.ask(scene, "value", "defaults", options, arguments={})


def _symmetry(asker: TensorAsker) -> Iterator[Case]:
    """Arguments with which a property of the function must show: exchanged, shifted, equal."""
    base, names = asker.base(), asker.pair()
    kinds = {prop.kind for prop in asker.function.properties}
    tensors = drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "symmetry")
    first, *others = names
    pair = bool(others) and not {first, others[0]} & set(asker.binding.cast)
    scenes: list[tuple[str, str, dict[str, NDArray[Any]]]] = []
    if "symmetric" in kinds and pair:
        exchanged = {first: tensors[others[0]], others[0]: tensors[first]}
        scenes.append(("property.symmetric", "exchanged", {**tensors, **exchanged}))
    if "zero_at_equality" in kinds and pair:
        scenes.append(("property.zero_at_equality", "equal", {**tensors, others[0]: tensors[first]}))
    if "shift_invariant" in kinds:
        for shift in SHIFTS:
            # Drawn numbers end at 2⁻¹⁰ at the latest, so that the sum is exact.
            scenes.append(("property.shift_invariant", f"shifted by {shift:g}", {**tensors, first: tensors[first] + shift}))
    few = "first" if is_frugal(asker.backend, asker.mode, asker.tier) else "all"
    for rule, detail, changed in scenes:
        for quantity, wrt, _ in _quantities(asker, names, few):
            yield asker.ask(Scene("symmetry", changed, {}), quantity, rule, base, wrt=wrt, detail=detail)


def offered_reductions(asker: TensorAsker) -> list[str]:
    """Reductions that the entry point can be asked with."""
    base = asker.base()
    return [r for r in asker.function.reductions if asker.offers(asker._with_implied({**base, "reduction": r}))]


TENSOR_TOPICS: dict[str, Callable[[TensorAsker], Iterator[Case]]] = {
    "draws": _draws,
    "edges": _edges,
    "options": _options,
    "reductions": _reductions,
    "arguments": _arguments,
    "ranks": _ranks,
    "axes": _axes,
    "sizes": _sizes,
    "rows": _rows_apart,
    "symmetry": _symmetry,
    "layouts": _layouts,
    "purity": _once,
    "repetition": _once,
    "copied": _once,
    "dtypes": _dtypes,
    "defaults": _defaults,
}
