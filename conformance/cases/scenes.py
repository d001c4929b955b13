"""The numbers that functions of tensors are asked with: drawn ones, and places worth a name.

Deterministic: numbers come from a hash of what they are for, never from a generator. Drawn numbers have eight significant bits
and moderate exponents, so that every format holds them exactly and the truth is the same for all. Knows the standard and
the formats; knows no binding and no framework.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import BFLOAT16, Format, round_to, values
from conformance.standard.tensors import WHOLE, Argument, TensorFunction

SIZES = {"n": 5, "d": 6, "classes": 5, "channels": 5, "height": 2, "width": 3, "time": 7, "length": 3}
"""Sizes of core dimensions where a function does not say its own; none is a size of the loop's."""

LOOPS = {0: (), 1: (3,), 2: (2, 3), 3: (2, 3, 4), 4: (2, 3, 4, 5)}
"""Loop dimensions by their number: all different, so that a lost axis or a swapped one shows."""

LARGE, TINY = 0.75, -0.75
"""Exponents of what is called large and tiny, as parts of the format's largest and smallest."""

Tensors = dict[str, NDArray[Any]]
"""Arguments by name in the standard's layout (loop first, core last): float64, int64 or bool."""


@dataclass(frozen=True)
class Scene:
    """Tensors to ask with. `places` names each place of the loop, flat; empty where all are ordinary.

    `options` are those that the scene is about.
    """

    name: str
    tensors: Mapping[str, NDArray[Any]]
    options: Mapping[str, Any]
    places: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    """Places for which the standard prescribes nothing."""


def hashed(count: int, salt: str) -> NDArray[np.uint64]:
    """`count` numbers of 64 bits that depend on the text and their place alone (SplitMix64)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(zlib.crc32(salt.encode())) * np.uint64(0xD1342543DE82EF95)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def sizes_of(function: TensorFunction, which: int = 0) -> dict[str, int]:
    """Sizes of the core dimensions; `which` chooses among those that a function lists."""
    names = dict.fromkeys(name for argument in function.arguments for name in argument.core)
    names.update(dict.fromkeys(function.result))
    found = {name: function.sizes[name][which % len(function.sizes[name])] for name in names if name in function.sizes}
    found.update({name: SIZES.get(name, 5) for name in names if name not in found and name not in function.computed})
    for name, rule in function.computed.items():
        factor, _, other = rule.partition("*")
        found[name] = int(factor) * found[other]
    return found


def drawn(
    function: TensorFunction, names: Sequence[str], loop: Sequence[int], sizes: Mapping[str, int], salt: str = ""
) -> Tensors:
    """Ordinary numbers for the arguments `names`, in the shapes that loop and sizes give. They are shared: not to be changed."""
    return dict(_drawn(function, tuple(names), tuple(loop), tuple(sizes.items()), salt))


@lru_cache(maxsize=4096)
def _drawn(
    function: TensorFunction,
    names: tuple[str, ...],
    loop: tuple[int, ...],
    all_sizes: tuple[tuple[str, int], ...],
    salt: str,
) -> Tensors:
    sizes = dict(all_sizes)
    tensors = {}
    for name in names:
        argument = function.argument(name)
        core = tuple(sizes[dimension] for dimension in argument.core)
        shape = core if argument.shared else (*loop, *core)
        tensors[name] = _numbers(argument, shape, sizes, f"{function.name} {name} {salt}")
    _make_lengths_fit(function, tensors, sizes)
    _unmask_labels(function, tensors)
    return tensors


def _numbers(argument: Argument, shape: tuple[int, ...], sizes: Mapping[str, int], salt: str) -> NDArray[Any]:
    count = math.prod(shape)
    bits = hashed(count, salt)
    mantissa, chance = 1 + (bits % np.uint64(128)).astype(np.float64) / 128, (bits >> np.uint64(20)).astype(np.int64)
    sign = np.where(chance & 1, -1.0, 1.0)
    power = (chance >> 8) % 5 - 3
    last = shape[-1] if shape else 1
    kind = argument.kind
    if kind in ("real", "logit"):
        numbers: NDArray[Any] = sign * np.ldexp(mantissa, power)
    elif kind == "probability":
        numbers = (1 + (chance >> 8) % 255) / 256
    elif kind == "log_probability":
        numbers = -np.ldexp(mantissa, power)
    elif kind == "log_distribution":
        logarithms = np.log(_distributions(chance, count // last if last else 0, last))
        numbers = values(
            round_to(logarithms.reshape(-1), BFLOAT16), BFLOAT16
        )  # sums to one as nearly as every format can
    elif kind in ("positive", "nonnegative"):
        numbers = np.ldexp(mantissa, power)
        numbers = np.where((chance >> 16) % 7 == 0, 0.0, numbers) if kind == "nonnegative" else numbers
    elif kind == "distribution":
        numbers = _distributions(chance, count // last if last else 0, last)
    elif kind == "one_hot":
        numbers = np.zeros((count // last if last else 0, last))
        if last:
            numbers[np.arange(len(numbers)), (chance[:: max(last, 1)][: len(numbers)] >> 4) % last] = 1.0
    elif kind == "binary":
        numbers = (chance >> 8 & 1).astype(np.float64)
    elif kind == "sign":
        numbers = sign
    elif kind == "label":
        numbers = (chance >> 4) % max(sizes.get("classes", 2), 1)
    elif kind == "label_list":
        numbers = _label_lists(chance, count // last if last else 0, last)
    elif kind == "label_sequence":
        numbers = 1 + (chance >> 4) % max(sizes.get("classes", 2) - 1, 1)
    elif kind == "group":
        numbers = (chance >> 4) % 3
    elif kind == "length":
        numbers = np.zeros(count, dtype=np.int64)
    elif kind == "mask":
        numbers = (chance >> 4) % 3 != 0
        if last and len(shape):  # nothing at all is an edge of its own
            numbers.reshape(-1, last)[:, 0] = True
    else:
        raise ValueError(
            f"unknown kind {kind!r} of argument {argument.name!r}; conformance.standard.tensors.KINDS lists them"
        )
    wanted = np.int64 if kind in WHOLE else np.bool_ if kind == "mask" else np.float64
    # Not ascontiguousarray, which makes a vector of a scalar.
    return np.array(np.asarray(numbers).reshape(shape), dtype=wanted, order="C")


def _distributions(chance: NDArray[np.int64], rows: int, size: int) -> NDArray[np.float64]:
    """Rows of whole numbers with a power of two as their sum, divided by it: exact in every format."""
    whole = 1 << max(size.bit_length() + 2, 5)
    parts = 1 + (chance.reshape(rows, size) >> 5) % 3
    # What is left goes to one place of the row, a different one in every row.
    rest = whole - parts.sum(axis=1)
    parts[np.arange(rows), np.arange(rows) % max(size, 1)] += rest
    table: NDArray[np.float64] = parts / whole
    return table


def _label_lists(chance: NDArray[np.int64], rows: int, size: int) -> NDArray[np.int64]:
    order = np.argsort(chance.reshape(rows, size), axis=1, kind="stable")
    length = 1 + np.arange(rows) % max(size - 1, 1)
    return np.where(np.arange(size)[None, :] < length[:, None], order, -1)


def _make_lengths_fit(function: TensorFunction, tensors: Tensors, sizes: Mapping[str, int]) -> None:
    """Lengths of inputs and labels with which every label finds its place: whole inputs and shorter ones in turn."""
    for name, array in tensors.items():
        if function.argument(name).kind != "length":
            continue
        whole = sizes["time"] if name.startswith("input") else sizes["length"]
        turn = np.arange(array.size).reshape(array.shape) % 2
        array[...] = np.maximum(whole - turn, 0)


def _unmask_labels(function: TensorFunction, tensors: Tensors) -> None:
    """A class that is a sample's label takes part."""
    masks = [
        name
        for name in tensors
        if name != "weight" and function.argument(name).kind == "mask" and "classes" in function.argument(name).core
    ]
    labels = [name for name in tensors if name != "weight" and function.argument(name).kind == "label"]
    if masks and labels:
        np.put_along_axis(tensors[masks[0]], tensors[labels[0]][..., None], True, axis=-1)


# --- places worth a name ----------------------------------------------------------------------------------------------


def edges(
    function: TensorFunction,
    names: Sequence[str],
    format: Format,
    options: Mapping[str, Any],
    offered: Any = lambda options: True,
    about: str = "",
) -> list[Scene]:
    """Scenes whose loop is a list of places worth a name: the generic ones, and those that the function declares.

    One scene for each set of options that places are about. `options` are those asked otherwise; `offered` says which sets an
    entry point can be asked with. With `about` only declared places that name this argument.
    """
    taken: dict[str, bool] = {}
    chosen = []
    for index, edge in enumerate(function.edges):
        if set(edge.arguments) <= set(names) and (not about or about in edge.arguments):
            key = repr(sorted(edge.options.items()))
            if key not in taken:
                taken[key] = bool(offered({**options, **edge.options}))
            if taken[key]:
                chosen.append(index)
    return list(_scenes(function, tuple(names), format, tuple(chosen), about))


@lru_cache(maxsize=1024)
def _scenes(
    function: TensorFunction, names: tuple[str, ...], format: Format, declared: tuple[int, ...], about: str
) -> tuple[Scene, ...]:
    """Many entry points ask the same: their tensors are shared, and not to be changed."""
    sizes = sizes_of(function)
    asked: dict[str, tuple[dict[str, Any], list[tuple[str, dict[str, Any], bool]]]] = {"": ({}, [])}
    if not about:
        free = tuple(function.free)
        asked[""][1].extend(
            (name, cells, name.startswith(free)) for name, cells in _generic(function, names, format, sizes)
        )
    for edge in (function.edges[index] for index in declared):
        key = repr(sorted(edge.options.items())) if edge.options else ""
        asked.setdefault(key, (dict(edge.options), []))[1].append(
            (edge.name, _resolved(edge.arguments, format), bool(edge.free))
        )
    scenes = []
    for wanted, places in asked.values():
        for group in _of_equal_sizes(function, names, places, sizes):
            same = _padded(group) if function.batched else group
            tensors = drawn(function, names, (len(same),), _sizes_of_cells(function, same[0][1], sizes), "edges")
            for index, (_, cells, _) in enumerate(same):
                for name, cell in cells.items():
                    tensors[name] = tensors[name].copy()
                    if function.argument(name).shared:
                        tensors[name][...] = cell
                    else:
                        tensors[name][index] = cell
            held = {name: _held(array, format) for name, array in tensors.items()}
            free = tuple(name for name, _, is_free in same if is_free)
            scenes.append(Scene("edges", held, wanted, tuple(name for name, _, _ in same), free))
    return tuple(scenes)


def _padded(places: list[Any]) -> list[Any]:
    """The places, the first of them repeated up to a size that functions share: a compiler works once for all of them."""
    size = next(size for size in (1, 8, 16, 32, 64, 128, 256) if size >= len(places))
    return places + [places[0]] * (size - len(places))


def _of_equal_sizes(
    function: TensorFunction, names: Sequence[str], places: Sequence[Any], sizes: Mapping[str, int]
) -> Iterator[list[Any]]:
    """Places that fit into one tensor: those whose cells have the same core sizes, and the same shared arguments."""
    groups: dict[str, list[Any]] = {}
    for place in places:
        shared = {name: cell for name, cell in place[1].items() if function.argument(name).shared}
        # Frameworks may refuse what is no probability; that must not cost the answers about the others.
        refused = any(
            function.argument(name).kind in ("probability", "distribution", "positive", "nonnegative")
            and not (np.asarray(cell) >= 0).all()
            for name, cell in place[1].items()
        )
        key = repr(
            (
                refused,
                sorted(_sizes_of_cells(function, place[1], sizes).items()),
                {n: np.asarray(c).tolist() for n, c in shared.items()},
            )
        )
        groups.setdefault(key, []).append(place)
    yield from groups.values()


def _sizes_of_cells(function: TensorFunction, cells: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, int]:
    found = dict(sizes)
    for name, cell in cells.items():
        for dimension, size in zip(function.argument(name).core, np.shape(cell), strict=True):
            found[dimension] = size
    for name, rule in function.computed.items():
        factor, _, other = rule.partition("*")
        if found[name] != int(factor) * found[other]:
            found[other] = (
                found[name] // int(factor) if any(name in function.argument(n).core for n in cells) else found[other]
            )
            found[name] = int(factor) * found[other]
    return found


def _held(array: NDArray[Any], format: Format) -> NDArray[Any]:
    """Numbers as the format holds them."""
    if array.dtype.kind != "f":
        return array
    return values(round_to(array.reshape(-1), format), format).reshape(array.shape)


def _resolved(arguments: Mapping[str, Any], format: Format) -> dict[str, Any]:
    return {name: _numbers_of(cell, format) for name, cell in arguments.items()}


def _numbers_of(cell: Any, format: Format) -> Any:
    if isinstance(cell, (tuple, list)):
        return [_numbers_of(part, format) for part in cell]
    if isinstance(cell, str):
        size: float = getattr(format, cell.removeprefix("-"))
        return -size if cell.startswith("-") else size
    return cell


def special_numbers(kind: str, format: Format) -> dict[str, tuple[str, float]]:
    """Numbers worth asking of one argument: by their name, the class of numbers they stand for, and the number."""
    large, tiny, smallest = 2.0 ** int(LARGE * format.emax), 2.0 ** int(-TINY * format.emin), format.smallest_subnormal
    nan, zero = {"NaN": ("NaN", math.nan)}, {"0": ("0", 0.0)}
    if kind in ("real", "logit"):
        found = nan | zero | {
            "+inf": ("infinite", math.inf), "-inf": ("infinite", -math.inf),
            "largest": ("large", format.largest), "-largest": ("large", -format.largest), "large": ("large", large), "-large": ("large", -large),
            "10000": ("large", 1e4), "-10000": ("large", -1e4), "tiny": ("tiny", tiny), "-tiny": ("tiny", -tiny),
            "smallest subnormal": ("tiny", smallest), "-0": ("0", -0.0), "1": ("1", 1.0),
        }  # fmt: skip
        if kind == "logit":  # halves of whole numbers, which every format holds
            found |= {"e^x subnormal": ("e^x subnormal", math.floor(2 * math.log(2) * (format.emin - 4)) / 2)}
    elif kind in ("probability", "distribution"):
        found = nan | zero | {
            "1": ("1", 1.0), "nearly 1": ("nearly 1", 1 - 2.0**-format.precision), "tiny": ("tiny", tiny), "smallest subnormal": ("tiny", smallest),
        }  # fmt: skip
    elif kind in ("log_probability", "log_distribution"):
        found = (
            nan
            | zero
            | {
                "-inf": ("infinite", -math.inf),
                "-large": ("large", -large),
                "-10000": ("large", -1e4),
                "-tiny": ("tiny", -tiny),
            }
        )
    elif kind in ("positive", "nonnegative"):
        found = nan | {
            "+inf": ("infinite", math.inf),
            "large": ("large", large),
            "tiny": ("tiny", tiny),
            "smallest subnormal": ("tiny", smallest),
        }
        found |= zero if kind == "nonnegative" else {}
    else:
        return {}
    return {name: one for name, one in found.items() if abs(one[1]) <= format.largest or not math.isfinite(one[1])}


def _generic(
    function: TensorFunction, names: Sequence[str], format: Format, sizes: Mapping[str, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and cells of the places that every function is asked about. A name is its region, and what tells it from others there."""
    floats = [
        function.argument(name) for name in names if name != "weight" and function.argument(name).kind not in WHOLE
    ]
    floats = [argument for argument in floats if special_numbers(argument.kind, format) and not argument.shared]
    labels = [name for name in names if function.argument(name).kind == "label"]
    alike = _alike(floats)
    both = " or ".join(argument.name for argument in alike)
    for argument in floats:
        about = both if argument in alike else argument.name
        core = tuple(sizes[dimension] for dimension in argument.core)
        if not core:
            for label, (group, number) in special_numbers(argument.kind, format).items():
                yield f"{about} {group}: {argument.name} {label}", {argument.name: number}
            continue
        for name, cells, place in _generic_rows(argument, core, format):
            name = name if about == argument.name else name.replace(argument.name, about, 1) + f", {argument.name}"
            if labels and "classes" in argument.core and place >= 0:
                yield f"{name}, the label's", {**cells, labels[0]: place}
                yield f"{name}, another's", {**cells, labels[0]: (place + 1) % core[0]}
            else:
                yield name, cells
    if len(alike) > 1:
        yield from _generic_pairs(both, alike[0], alike[1], tuple(sizes[d] for d in alike[0].core), format)


def _alike(floats: Sequence[Argument]) -> list[Argument]:
    """Arguments of which one is as good as the other, such as a prediction and a target that may be any number: what is true
    of numbers in the one is so in the other, and they share their regions."""
    free = [argument for argument in floats if argument.kind in ("real", "logit")]
    alike = [argument for argument in free if argument.core == free[0].core]
    return alike if len(alike) > 1 else []


def _generic_pairs(
    both: str, first: Argument, second: Argument, core: tuple[int, ...], format: Format
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Two arguments that are alike, and equal or opposite; `both` is what they are called together."""
    if core:
        row = _numbers(first, core, sizes={}, salt="equal rows")
        yield f"{both} equal", {first.name: row, second.name: row}
        yield f"{both} opposite", {first.name: row, second.name: -row}
        return
    for label, (group, number) in special_numbers("real", format).items():
        yield f"{both} {group}: both {label}", {first.name: number, second.name: number}
    for label, group, number in (
        ("+inf", "infinite", math.inf),
        ("largest", "large", format.largest),
        ("tiny", "tiny", 2.0 ** int(-TINY * format.emin)),
    ):
        yield f"{both} {group}: {label} and its negative", {first.name: number, second.name: -number}
    yield f"{both} equal", {first.name: 1.5, second.name: 1.5}


def _generic_rows(
    argument: Argument, core: tuple[int, ...], format: Format
) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Names and cells of rows; and the place in the row that is special, −1 if there is not just one."""
    name = argument.name
    where = 1 % core[0]
    at = (where, *(0 for _ in core[1:]))
    alone = where if len(core) == 1 else -1
    if argument.kind == "distribution":
        certain = np.zeros(core)
        certain[..., 1 % core[-1]] = 1.0
        yield f"{name} certain", {name: certain}, -1
        spoilt = certain.copy()
        spoilt.reshape(-1)[0] = math.nan
        yield f"{name} NaN: one", {name: spoilt}, -1
        return
    ordinary = _numbers(argument, core, {}, "edge row")
    if not ordinary.size:
        return
    for label, (group, number) in special_numbers(argument.kind, format).items():
        row = ordinary.copy()
        row[at] = number
        yield f"{name} {group}: one {label}", {name: row}, alone
    if argument.kind not in ("real", "logit"):
        return
    for label, (group, number) in special_numbers(argument.kind, format).items():
        yield f"{name} {group}: every one {label}", {name: np.full(core, number)}, -1
    yield f"{name} equal: all 1.5", {name: np.full(core, 1.5)}, -1
    yield f"{name} equal: all 1000", {name: np.full(core, 1000.0)}, -1
    steps = np.linspace(format.emin, format.emax - 1, math.prod(core)).astype(int)
    signs = np.where(np.arange(math.prod(core)) % 2, -1.0, 1.0)
    yield f"{name} large: over the whole range of exponents", {name: (signs * np.exp2(steps)).reshape(core)}, -1
    if core[0] > 2:
        for group, number in (("infinite: two +inf", math.inf), ("equal: the two largest", 8.0)):
            row = ordinary.copy()
            row[0] = row[2] = number
            yield f"{name} {group}", {name: row}, -1
