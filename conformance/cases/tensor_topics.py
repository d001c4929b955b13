"""What is asked of functions of tensors, where a row of the plan's table crosses an entry point, as cases with their inputs.

Deterministic. Knows the scenes, and entry points as data; knows no rule's judgement, no selection and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS
from conformance.standard.tensors import WHOLE, TensorFunction

from .case import Case
from .scenes import LOOPS, Scene, drawn, edges, sizes_of
from .tensor_asker import PROGRAM, TensorAsker, plain, result_shape, same_options, same_value
from .topics import ONE_NARROW, is_beside, is_frugal

MANY_CLASSES = 10_000
MANY = 100_003
"""Elements of the longest reductions: naive accumulation in float16 stops at 2,048."""
DISTINCT = 251
"""Different elements among them; each is a truth to be computed."""

SHIFTS = (64.0, 1024.0)
"""What is added to all logits: with the drawn ones exact in float32, the second beyond where exponentials overflow."""


def _few(asker: TensorAsker) -> str:
    """Which derivatives a variation is asked with: the first, and none where everything is compiled or traced anew."""
    return "none" if _is_sparing(asker) else "first"


def _is_sparing(asker: TensorAsker) -> bool:
    """Whether variations cost a compilation or a trace each, so that few of them are asked."""
    return is_frugal(asker.backend, asker.mode, asker.tier) or is_beside(asker.mode, asker.tier)


def _quantities(asker: TensorAsker, names: Sequence[str], derivatives: str = "all") -> Iterator[tuple[str, str, str]]:
    """Quantity, argument and rule: the value; and reverse derivatives in all arguments, in the first one (`first`), or none."""
    yield "value", "", "value"
    wanted = asker.differentiable(names) if derivatives != "none" else []
    for name in wanted if derivatives == "all" else wanted[:1]:
        yield "gradient", name, f"gradient.{name}"


def _draws(asker: TensorAsker) -> Iterator[Case]:
    """Ordinary numbers, default options: the value and every derivative."""
    names, base = asker.names(), asker.base()
    scene = Scene("draws", drawn(asker.function, names, asker.usual_loop(), sizes_of(asker.function)), {})
    first = asker.differentiable(names)[:1]
    frugal, always = is_frugal(asker.backend, asker.mode, asker.tier), "eager" in asker.backend.recompiles
    # Where everything is compiled anew, derivatives are asked under the compiler alone: all of them in the wide dtypes, and of the
    # narrow ones, which it computes in float32, in one.
    wide = FORMATS[asker.dtype].width > 16 and asker.tier != "quick"
    whole = not frugal or (always and asker.mode == "compiled" and wide)
    few = "all" if whole else "none" if always and (asker.mode == "eager" or asker.dtype not in ONE_NARROW) else "first"
    for quantity, wrt, rule in _quantities(asker, names, few):
        yield asker.ask(scene, quantity, rule, base, wrt=wrt)
    if not first or (asker.dtype != "float32" and asker.tier != "deep") or asker.tier == "quick":
        return
    # These are sums over all that the direction touches: of many numbers some nearly cancel, which no bar of theirs has room for.
    scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function)), {})
    if not _is_sparing(asker) or (always and asker.mode == "compiled"):
        yield asker.ask(scene, "forward_gradient", "gradient.forward", base, wrt=first[0])
        if asker.function.smooth:
            yield asker.ask(scene, "hessian_vector", "hessian", base, wrt=first[0])


def _edges(asker: TensorAsker) -> Iterator[Case]:
    """Places worth a name, all in one loop; alone where the entry point puts results together."""
    base = asker.base()
    given = asker.names([a.name for a in asker.function.arguments if a.kind in ("mask",) or a.shared])
    frugal, always = is_frugal(asker.backend, asker.mode, asker.tier), "eager" in asker.backend.recompiles
    sparing = _is_sparing(asker)
    asked = [(asker.names(), "")] if given == asker.names() or sparing else [(asker.names(), ""), (given, "")]
    # Other optional arguments, at the places that are about them.
    asked += [(asker.names([name]), name) for name in asker.optional() if name not in given and not sparing]
    few = "all" if not sparing else "first" if not frugal or (always and asker.tier != "quick") else "none"
    for names, about in asked:
        for scene in edges(asker.function, names, FORMATS[asker.dtype], base, asker.offers, about):
            if (
                names == given
                and names != asker.names()
                and not any("mask" in place or "weight" in place or scene.options for place in scene.places)
            ):
                continue
            options = asker.with_implied({**base, **scene.options})
            for piece in _pieces(scene, asker) if asker.keeps_apart(options) else _alone(scene, asker):
                for quantity, wrt, rule in _quantities(asker, names, few):
                    yield asker.ask(piece, quantity, rule, options, wrt=wrt)


def _pieces(scene: Scene, asker: TensorAsker) -> Iterator[Scene]:
    """A scene in loops of the shape that ordinary numbers have, where that saves compiling; the first place fills up the last."""
    if not asker.shares_programs():
        yield scene
        return
    loop, size = asker.usual_loop(), math.prod(PROGRAM)
    for start in range(0, len(scene.places), size):
        at = [place if place < len(scene.places) else start for place in range(start, start + size)]
        tensors = {
            name: array if asker.function.argument(name).shared else array[at].reshape(loop + array.shape[1:])
            for name, array in scene.tensors.items()
        }
        yield Scene(scene.name, tensors, scene.options, tuple(scene.places[place] for place in at), scene.free)


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
        options = asker.with_implied(
            {**base, **{n: v for n, v in sample.items() if n in own and n not in asker.binding.fixed}}
        )
        changed = [name for name in own if not same_value(options[name], base[name])]
        # What an entry point sees from the tensors, drawn ones don't show: edges do.
        if not changed or not asker.offers(options) or set(changed) & set(asker.binding.recognised):
            continue
        rule = f"option.{changed[0]}" if len(changed) == 1 else "options"
        scene = Scene("draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "options"), {})
        for quantity, wrt, _ in _quantities(asker, names, _few(asker)):
            yield asker.ask(scene, quantity, rule, options, wrt=wrt, detail="-".join(sorted(changed)))
        # What an option says may also decide what counts in a mean.
        mean = asker.with_implied({**options, "reduction": "mean"})
        if base.get("reduction") == "none" and asker.offers(mean) and not _is_sparing(asker):
            yield asker.ask(scene, "value", rule, mean, detail="-".join([*sorted(changed), "mean"]))


def _reductions(asker: TensorAsker) -> Iterator[Case]:
    """Every way of putting results together that the entry point offers, with and without weights."""
    base = asker.base()
    for reduction, rows in product(asker.function.reductions or ("none",), asker.function.rows or ("none",)):
        common = {name: value for name, value in (("reduction", reduction), ("rows", rows)) if name in base}
        options = asker.with_implied({**base, **common})
        # Both at once where the entry point has its rows anyhow, and once where it has the choice.
        chosen = "rows" in asker.binding.parameters and rows != "none" and reduction not in ("none", "mean")
        if not asker.offers(options) or chosen:
            continue
        rule = f"reduction.{reduction}" if reduction != "none" else f"rows.{rows}"
        if not same_options(options, base):
            yield from _reduced(asker, (), options, rule)
        if "weight" in asker.binding.taken():
            yield from _reduced(asker, ("weight",), options, "weight")


def _reduced(asker: TensorAsker, also: Sequence[str], options: Mapping[str, Any], rule: str) -> Iterator[Case]:
    """One way of putting results together: the value at three ranks, the derivative at one of them."""
    names = asker.names(also)
    few = bool(also) or _is_sparing(asker)
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
        if also in asker.names():  # it is given everywhere else
            names = [name for name in names if name != also]
        for reduction in offered_reductions(asker) or ["none"]:
            options = asker.with_implied({**base, **({"reduction": reduction} if "reduction" in base else {})})
            tensors = drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "optional")
            if reduction != "none" and _may_be_nothing(asker.function, also):
                # A sample of which nothing takes part: whether it counts in a mean.
                tensors[also] = tensors[also].copy()
                tensors[also][0] = False
            scene = Scene("draws", tensors, {})
            few = "all" if reduction == base.get("reduction", "none") else "first"
            if asker.tier == "quick" and is_frugal(asker.backend, asker.mode, asker.tier):
                few = "none"
            for quantity, wrt, _ in _quantities(asker, names, few):
                rule = f"argument.{also}" if wrt != also else f"gradient.{also}"
                yield asker.ask(scene, quantity, rule, options, wrt=wrt, detail=reduction)
        if is_frugal(asker.backend, asker.mode, asker.tier):
            continue
        for name, options in _one_option_away(asker):
            scene = Scene(
                "draws", drawn(asker.function, names, asker.loop(2), sizes_of(asker.function), "optional"), {}
            )
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
                options = asker.with_implied({**base, **common, option.name: value})
                if (
                    option.name not in asker.binding.recognised
                    and base.keys() == options.keys()
                    and asker.offers(options)
                ):
                    yield option.name, options
                    break


def _away(asker: TensorAsker) -> dict[str, Any]:
    """Options away from their defaults, as many as go together: what a copy might lose."""
    options = asker.base()
    wanted = [
        (option.name, option.samples[len(option.samples) // 2]) for option in asker.function.options if option.samples
    ]
    for name, value in [*wanted, *([("reduction", "sum")] if "reduction" in options else [])]:
        changed = asker.with_implied({**options, name: value})
        together = any(all(same_value(changed.get(n), v) for n, v in one.items()) for one in asker.function.invalid)
        if name not in asker.binding.recognised and not together and asker.offers(changed):
            options = changed
    return options


def _ranks(asker: TensorAsker) -> Iterator[Case]:
    """Tensors of rank 1 to 4, every dimension different; a number by itself where the function has no core."""
    base, names = asker.base(), asker.names()
    frugal = is_frugal(asker.backend, asker.mode, asker.tier)
    whole = any(argument.core for argument in asker.function.arguments)
    for rank in LOOPS:
        if (
            not asker.function.batched
            or len(asker.loop(rank)) != rank
            or rank == 2
            or (rank == 0 and base.get("rows", "none") != "none")
        ):
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
        put_together = [asker.with_implied({**base, "rows": rows}) for rows in asker.function.rows if rows != "none"]
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
            yield asker.ask(scene, "value", f"option.{name}", together, detail=f"{name}-axis-0")
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
                    options = asker.with_implied({**base, "reduction": reduction})
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
        if r != "none" and asker.offers(asker.with_implied({**base, "reduction": r}))
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
        options = asker.with_implied({**base, "reduction": reduction})
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
    more = [
        n
        for n in asker.optional()
        if asker.function.argument(n).kind != "mask" and n != "weight" and n not in asker.binding.cast
    ]
    second = [*floats, *more][1:2]
    for name in second:
        both = asker.names([name])
        mixed = Scene("draws", drawn(asker.function, both, asker.loop(2), sizes_of(asker.function)), {})
        for dtype in ("float16", "bfloat16", "float64"):
            yield asker.ask(mixed, "value", "dtype.mixed", base, detail=f"{name}-{dtype}", dtypes={name: dtype})
    whole_first = {name: np.round(array) for name, array in scene.tensors.items() if name in floats[:1]}
    if whole_first and asker.function.argument(floats[0]).kind in ("real", "logit"):
        integers = Scene("draws", {**scene.tensors, **whole_first}, {})
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
    options = asker.with_implied({**documented, **{n: plain(v) for n, v in binding.fixed.items()}})
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
    base, names = asker.base(), asker.names()
    kinds = {prop.kind for prop in asker.function.properties}
    tensors = drawn(asker.function, names, asker.usual_loop(), sizes_of(asker.function), "symmetry")
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
            scenes.append(
                ("property.shift_invariant", f"shifted by {shift:g}", {**tensors, first: tensors[first] + shift})
            )
    few = "first" if is_frugal(asker.backend, asker.mode, asker.tier) else "all"
    for rule, detail, changed in scenes:
        for quantity, wrt, _ in _quantities(asker, names, few):
            yield asker.ask(Scene("symmetry", changed, {}), quantity, rule, base, wrt=wrt, detail=detail)


def offered_reductions(asker: TensorAsker) -> list[str]:
    """Reductions that the entry point can be asked with."""
    base = asker.base()
    return [r for r in asker.function.reductions if asker.offers(asker.with_implied({**base, "reduction": r}))]


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
