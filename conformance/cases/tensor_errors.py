"""Calls of functions of tensors that must not succeed: wrong shapes, dtypes, labels, weights, options.

Deterministic. Knows the scenes, and bindings as data; knows no rule's judgement and no framework.

A wrong call is a sound one with one thing changed: the tensors of a sound call are made first, in the entry point's layout.
The detail of a case is the name of its region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.standard.tensors import LABELS, WHOLE, Argument

from .case import Case
from .scenes import Scene, drawn, sizes_of
from .tensor_asker import TensorAsker, bits_of, result_shape
from .topics import is_frugal

SOUND = "sound"
"""Detail of the call that nothing is wrong with: where it gets no answer, a refusal says nothing."""

MISSING = "missing"
NO_TENSOR = ("none", "text", "keyword")
"""Details of calls in which what is given is no tensor, or a keyword is unknown; the worker makes them."""

TEXT, UNKNOWN = "0.5", "no_such_name"
FAR = 1_000_003
"""A label far beyond any number of classes."""
MANY = 99
SPOILT = 1
"""The place along the first dimension where labels or lengths are wrong; elsewhere they are sound."""

Dimension = tuple[str, int]
"""A dimension by its letter, and its size: ("N", 3), ("C + 1", 6)."""
Shape = tuple[Dimension, ...]
Change = tuple[str, dict[str, Shape]]
"""The name of a region, and the shapes of arguments in it."""

LOOP = ("N", "M", "P")
LETTERS = {"classes": "C", "channels": "C", "height": "H", "width": "W", "time": "T", "length": "L", "n": "K", "m": "K"}


def ask_errors(asker: TensorAsker) -> Iterator[Case]:
    """Every call that must be refused, one case each, behind one that must not.

    Shapes are those of the other topics wherever they may be, because a compiler has worked for them already. What a framework
    checks in Python, it checks in every mode alike: where modes compile for every shape, that is left to eager mode.
    """
    yield _sound(asker).case(SOUND, "errors.argument")
    frugal = is_frugal(asker.backend, asker.mode, asker.tier)
    for topic in (_shapes, _label_values, _lengths) if frugal and asker.mode != "eager" else _TOPICS:
        yield from topic(asker)


def _most(asker: TensorAsker) -> tuple[int, int]:
    """How many wrong shapes are asked of the first two arguments, and of each other one."""
    if is_frugal(asker.backend, asker.mode, asker.tier):
        return (2, 1) if asker.mode == "eager" else (1, 0)
    return (MANY, MANY)


class _Sound:
    """A call that nothing is wrong with, to be changed in one place."""

    def __init__(self, asker: TensorAsker, tensors: Mapping[str, NDArray[Any]], options: Mapping[str, Any]) -> None:
        self.asker, self.tensors, self.options = asker, tensors, options
        self.whole = asker.ask(Scene("error", tensors, {}), "value", "errors.argument", options)

    def case(self, detail: str, rule: str, **changes: Any) -> Case:
        """The call with other fields, under a rule."""
        return replace(self.whole, detail=detail, rule=rule, **changes)

    def with_arguments(self, detail: str, rule: str, keywords: Mapping[str, Any], **options: Any) -> Case:
        """The call with other keywords of the entry point; `options` are what they mean, if anything."""
        parameters = {**self.whole.parameters, **options}
        return self.case(detail, rule, arguments={**self.whole.arguments, **keywords}, parameters=parameters)

    def with_shapes(self, detail: str, shapes: Mapping[str, Shape]) -> Case:
        """The call with the same numbers in other shapes, some of them repeated or left out."""
        inputs = []
        for item in self.whole.inputs:
            if item.name in shapes:
                shape = tuple(size for _, size in shapes[item.name])
                bits = np.resize(bits_of(self.tensors[item.name], item.dtype).reshape(-1), shape)
                made = self.asker.plan.input(bits, item.dtype, shape)
                item = replace(made, name=item.name)
            inputs.append(item)
        return self.case(detail, "errors.shape", inputs=tuple(inputs))

    def shape(self, name: str) -> Shape:
        """The shape of an argument as the entry point wants it, with a letter for each dimension."""
        item = next(item for item in self.whole.inputs if item.name == name)
        function, axis = self.asker.function, self.whole.parameters.get("axis", -1)
        if name == "weight":
            letters = list(LOOP[: len(item.shape)])
        else:
            argument = function.argument(name)
            core = [_letter(dimension, bool(self.asker.loop(1))) for dimension in argument.core]
            letters = [*LOOP[: 0 if argument.shared else len(item.shape) - len(core)], *core]
            if function.axis and len(core) == 1 and not argument.shared and isinstance(axis, int):
                letters.insert(axis if axis >= 0 else len(letters) + axis, letters.pop())
        if item.order:
            letters = [letters[place] for place in item.order]
        return tuple(zip(letters, item.shape, strict=True))


def _letter(dimension: str, has_loop: bool) -> str:
    """Without a loop the samples are a dimension of the core."""
    if dimension == "batch" or (dimension == "n" and not has_loop):
        return "N"
    return LETTERS.get(dimension, dimension.upper())


def _sound(asker: TensorAsker, also: Sequence[str] = (), rank: int = 2, **options: Any) -> _Sound:
    """Ordinary numbers for the arguments that must be given, and those of `also`."""
    names, base = asker.names(also), asker.with_implied({**asker.base(), **options})
    loop = asker.usual_loop() if rank == 2 else asker.loop(rank)
    tensors = drawn(asker.function, [n for n in names if n != "weight"], loop, sizes_of(asker.function), "error")
    if "weight" in names:
        shape = result_shape(asker.function, {**base, "reduction": "none"}, tensors)
        tensors["weight"] = np.resize(np.array([0.5, 2.0, 1.5]), shape)
    return _Sound(asker, tensors, base)


# --- what is no tensor ------------------------------------------------------------------------------------------------


def _no_tensors(asker: TensorAsker) -> Iterator[Case]:
    sound, binding = _sound(asker), asker.binding
    # A layer that is constructed without a tensor may start with one of its own, and what is optional may be left out.
    may_lack = {a.name for a in asker.function.arguments if a.optional} - set(binding.required) | set(
        binding.constructed
    )
    due = [item for item in sound.whole.inputs if item.name not in may_lack]
    yield sound.case(
        MISSING, "errors.argument", inputs=tuple(item for item in sound.whole.inputs if item is not due[-1])
    )
    for detail in NO_TENSOR:
        yield sound.case(detail, "errors.argument")


# --- shapes -----------------------------------------------------------------------------------------------------------


def _shapes(asker: TensorAsker) -> Iterator[Case]:
    """Shapes that do not fit together: of the first two arguments, and of every other one by itself."""
    few, fewer = _most(asker)
    own = [asker.function.argument(name) for name in asker.names() if name not in asker.binding.padded]
    given = [argument for argument in own if not argument.shared]
    for region, sound, shapes in islice(_pairs(asker, given), few):
        yield sound.with_shapes(region, shapes)
    sound = _sound(asker, asker.names(), rank=1)
    for argument in (*given[2:], *(one for one in own if one.shared)):
        for region, shapes in islice(wrong_alone(argument, sound.shape(argument.name)), fewer):
            yield sound.with_shapes(region, shapes)
    given_alone = [name for name in asker.optional() if name not in asker.names()] if fewer else []
    for name in given_alone:
        sound = _sound(asker, [*asker.names(), name], rank=_rank_of_weight(asker))
        for region, shapes in islice(wrong_alone(asker.function.argument(name), sound.shape(name)), fewer):
            yield sound.with_shapes(region, shapes)
    for argument in own:
        yield from _of_one(asker, argument, alone=len(own) == 1)


def _pairs(asker: TensorAsker, given: Sequence[Argument]) -> Iterator[tuple[str, _Sound, dict[str, Shape]]]:
    """Region, sound call and wrong shapes of the first two arguments; vectors first, then matrices."""
    if len(given) < 2:
        return
    first, other = given[:2]
    elementwise = not first.core and not other.core
    seen = set()
    for rank in (1, 2) if elementwise and not asker.binding.squeezed else (1,):
        sound = _sound(asker, asker.names(), rank=rank)
        shapes = sound.shape(first.name), sound.shape(other.name)
        for region, one, two in wrong_pairs(*shapes, elementwise):
            if region not in seen:
                seen.add(region)
                yield region, sound, {first.name: one, other.name: two}


def _of_one(asker: TensorAsker, argument: Argument, alone: bool) -> Iterator[Case]:
    """Shapes of an argument that are wrong by themselves: of odd length where it is halved, of too few dimensions."""
    sound = _sound(asker, asker.names())
    shape = sound.shape(argument.name)
    if len(argument.core) == 1 and argument.core[0] in asker.function.computed:
        place = [letter for letter, _ in shape].index(_letter(argument.core[0], has_loop=True))
        yield sound.with_shapes(f"{argument.name} of odd length", {argument.name: _longer(shape, place)})
    if len(argument.core) > 1 and alone:
        few = tuple(one for one in shape if one[0] in map(LETTERS.get, argument.core[1:]))
        yield sound.with_shapes(f"{argument.name} of shape {spelt(few)}", {argument.name: few})


def _rank_of_weight(asker: TensorAsker) -> int:
    """Loop dimensions with which every result has a dimension for its weight."""
    return 2 if asker.base().get("rows", "none") != "none" else 1


def wrong_pairs(mine: Shape, theirs: Shape, elementwise: bool) -> Iterator[tuple[str, Shape, Shape]]:
    """Region and shapes of two arguments that do not fit together; a broadcast that makes nonsense first, then another length."""
    pairs: list[tuple[Shape, Shape]] = []
    if not mine:
        return
    if mine == theirs and len(mine) == 1:
        pairs = [
            (_column(mine), theirs),
            (mine, _longer(theirs, 0)),
            (mine, _column(theirs)),
            (mine, _single(theirs, 0)),
        ]
    elif mine == theirs:
        pairs = [(mine, theirs[1:]), (mine, _longer(theirs, len(theirs) - 1)), (mine, theirs[::-1])]
        if not elementwise:
            pairs += [(mine, _single(theirs, 0)), (mine, _single(theirs, len(theirs) - 1)), (mine, _longer(theirs, 0))]
    elif theirs:
        pairs = [(mine, _column(theirs)), (mine, _longer(theirs, 0)), (mine, _single(theirs, 0))]
        if len(theirs) == 1 and len(mine) == 2:
            pairs += [(mine, ()), (mine, mine), (mine[::-1], theirs)]
    sizes = {_sizes(mine): _sizes(theirs)}
    for one, two in pairs:
        if sizes.get(_sizes(one)) != _sizes(two):
            yield f"shapes {spelt(one)} and {spelt(two)}", one, two


def wrong_alone(argument: Argument, shape: Shape) -> Iterator[Change]:
    """Shapes of an argument that do not fit the others: longer by one; and, but for masks, such as a broadcast would take."""
    found = []
    if shape:
        found.append(_longer(shape, len(shape) - 1))
    if shape and argument.kind != "mask":
        found.append(_single(shape, 0))
        found += [_column(shape)] if len(shape) == 1 and not argument.shared else []
        found += [shape[::-1]] if len(shape) == 2 and argument.shared else []
    for one in found:
        if _sizes(one) != _sizes(shape):
            yield f"{argument.name} of shape {spelt(one)}", {argument.name: one}


def spelt(shape: Shape) -> str:
    """`(N, C + 1)`, `(N,)`, `()`."""
    letters = [letter for letter, _ in shape]
    return f"({letters[0]},)" if len(letters) == 1 else f"({', '.join(letters)})"


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(size for _, size in shape)


def _column(shape: Shape) -> Shape:
    return (*shape, ("1", 1))


def _single(shape: Shape, place: int) -> Shape:
    return _changed(shape, place, ("1", 1))


def _longer(shape: Shape, place: int) -> Shape:
    letter, size = shape[place]
    return _changed(shape, place, (f"{letter} + 1", size + 1))


def _changed(shape: Shape, place: int, dimension: Dimension) -> Shape:
    changed = list(shape)
    changed[place] = dimension
    return tuple(changed)


# --- labels, lengths, weights -----------------------------------------------------------------------------------------


def _whole(asker: TensorAsker, kinds: Sequence[str]) -> list[Argument]:
    given = (asker.function.argument(name) for name in asker.names() if name not in asker.binding.padded)
    return [argument for argument in given if argument.kind in kinds]


def _label_dtypes(asker: TensorAsker) -> Iterator[Case]:
    """Halves where whole numbers are due."""
    for argument in _whole(asker, WHOLE):
        sound = _sound(asker)
        inputs = []
        for item in sound.whole.inputs:
            if item.name == argument.name:
                halves = np.asarray(sound.tensors[item.name], dtype=np.float64) + 0.5
                halves = halves.transpose(item.order) if item.order else halves
                made = asker.plan.input(bits_of(halves, asker.dtype), asker.dtype, item.shape)
                item = replace(made, name=item.name, order=item.order)
            inputs.append(item)
        yield sound.case(f"{argument.name} in {asker.dtype}", "errors.label_dtype", inputs=tuple(inputs))


def _label_values(asker: TensorAsker) -> Iterator[Case]:
    classes = sizes_of(asker.function).get("classes", 0)
    for argument in _whole(asker, LABELS):
        lowest = -2 if argument.kind == "label_list" else -1
        for region, label in (
            (f"{argument.name} = number of classes", classes), (f"{argument.name} = {lowest}", lowest), (f"{argument.name} far out of range", FAR),
        ):  # fmt: skip
            yield _spoilt(asker, argument, label, region, "errors.label_value")
        ignoring = {**asker.base(), **({"ignore_index": 2} if "ignore_index" in asker.function.defaults() else {})}
        frugal = is_frugal(asker.backend, asker.mode, asker.tier) and asker.mode != "eager"
        if not frugal and "ignore_index" in ignoring and asker.offers(asker.with_implied(ignoring)):
            region = f"{argument.name} = {lowest}, another label ignored"
            yield _spoilt(asker, argument, lowest, region, "errors.label_value", ignore_index=2)


def _lengths(asker: TensorAsker) -> Iterator[Case]:
    sizes = sizes_of(asker.function)
    for argument in _whole(asker, ("length",)):
        most = sizes["time" if argument.name.startswith("input") else "length"]
        for region, length in ((f"{argument.name} too great", most + 1), (f"{argument.name} = -1", -1)):
            yield _spoilt(asker, argument, length, region, "errors.length")


def _spoilt(asker: TensorAsker, argument: Argument, number: int, region: str, rule: str, **options: Any) -> Case:
    """A call in which a number of some samples is wrong. Their place is named where results are kept apart."""
    sound = _sound(asker, **options)
    array = sound.tensors[argument.name].copy()
    several = array.ndim > len(argument.core)
    array[(*((SPOILT,) if several else ()), *((..., 0) if argument.core else ()))] = number
    apart = several and sound.options.get("reduction", "none") == "none"
    places = tuple("spoilt" if place == SPOILT else "sound" for place in range(len(array))) if apart else ()
    scene = Scene("error", {**sound.tensors, argument.name: array}, {}, places)
    return asker.ask(scene, "value", rule, sound.options, detail=region)


def _weights(asker: TensorAsker) -> Iterator[Case]:
    for name in asker.binding.taken():
        if not asker.function.argument(name).is_weight:
            continue
        sound = _sound(asker, [name])
        negative = sound.tensors[name].copy()
        negative.reshape(-1)[0:1] = -1.5
        scene = Scene("error", {**sound.tensors, name: negative}, {})
        yield asker.ask(scene, "value", "errors.weight", sound.options, detail=f"{name} negative")


# --- options ----------------------------------------------------------------------------------------------------------


def _options(asker: TensorAsker) -> Iterator[Case]:
    sound, keywords = _sound(asker), asker.binding.parameters
    if "reduction" in keywords:
        yield sound.with_arguments("unknown reduction", "errors.reduction", {keywords["reduction"]: UNKNOWN})
    for option in asker.function.options:
        if option.name not in keywords or option.type == "flag":
            continue
        text = TEXT if option.type == "number" else UNKNOWN
        region = f"a text as {option.name}" if option.type == "number" else f"unknown {option.name}"
        yield sound.with_arguments(region, "errors.option_type", {keywords[option.name]: text})
    alone = [{option.name: value} for option in asker.function.options for value in option.invalid]
    for invalid in (*alone, *asker.function.invalid):
        if all(name in keywords for name in invalid):
            region = ", ".join(f"{name} = {value}" for name, value in invalid.items())
            spelt = {keywords[name]: value for name, value in invalid.items()}
            yield sound.with_arguments(region, "errors.option_value", spelt, **invalid)


def _axes(asker: TensorAsker) -> Iterator[Case]:
    """The axes just beyond the first and the last."""
    keyword = asker.binding.parameters.get("axis")
    if keyword is None or not asker.function.axis:
        return
    options = _with_rows(asker)
    if options is None:
        return
    sound = _sound(asker, **options)
    rank = len(sound.whole.inputs[0].shape)
    several = any(isinstance(value, tuple) for value in asker.binding.spelt.get("axis", {}).values())
    for region, axis in (("axis = rank", rank), ("axis = -rank - 1", -rank - 1)):
        yield sound.with_arguments(region, "errors.axis", {keyword: (axis,) if several else axis}, axis=axis)


def _with_rows(asker: TensorAsker) -> dict[str, Any] | None:
    """Options with which the axis matters; None if there are none."""
    base = asker.base()
    if not asker.function.rows or base["rows"] != "none":
        return {}
    for rows in asker.function.rows:
        if rows != "none" and asker.offers(asker.with_implied({**base, "rows": rows})):
            return {"rows": rows}
    return None


_TOPICS: tuple[Callable[[TensorAsker], Iterator[Case]], ...] = (
    _no_tensors,
    _shapes,
    _label_dtypes,
    _label_values,
    _lengths,
    _weights,
    _options,
    _axes,
)
