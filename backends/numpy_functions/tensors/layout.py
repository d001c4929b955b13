"""Arguments checked and laid out: the axis moved to the end, the loop made one dimension, and the way back.

Nothing is broadcast: shapes and dtypes must agree exactly. Knows what functions take, and no formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .signature import Given, Signature

FLOATS = ("float16", "bfloat16", "float32", "float64")

WEIGHT = Given("weight", "nonnegative", optional=True)
"""The argument that every weighted function has besides its own: a number for each result."""


@dataclass(frozen=True)
class Laid:
    """The arguments of one call. `arrays` are as cores want them, with one loop dimension; None where nothing was given.

    `axes` are the axes of the core dimension, not negative, or None; `whole` is the shape of an argument that has it.
    """

    arrays: Mapping[str, Any]
    weight: np.ndarray | None
    dtype: np.dtype[Any]
    loop: tuple[int, ...]
    axes: tuple[int, ...] | None
    whole: tuple[int, ...]


def working_precision(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """What numbers of a dtype are computed in."""
    return np.float64 if dtype == np.float64 else np.float32


def lay_out(function: str, signature: Signature, given: Mapping[str, Any], options: Mapping[str, Any]) -> Laid:
    """Checks and arranges arguments. Raises TypeError for missing or unknown ones and wrong dtypes, ValueError for the rest."""
    tensors = _known(function, signature, given)
    dtype = _checked_dtypes(function, signature, tensors)
    axes = _axes(function, signature, tensors, options.get("axis", -1))
    moved: dict[str, Any] = {}
    loops: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, tuple[str, int]] = {}
    for argument in signature.arguments:
        array = tensors.get(argument.name)
        if array is None:
            moved[argument.name] = None
            continue
        if axes is not None and len(argument.core) == 1 and not argument.shared:
            array = core_last(array, axes)
        _check_rank(function, argument, array)
        core = array.shape[array.ndim - len(argument.core) :]
        for dimension, size in zip(argument.core, core):
            if sizes.setdefault(dimension, (argument.name, size))[1] != size:
                other, theirs = sizes[dimension]
                raise ValueError(
                    f"{function}: {argument.name} has {size} {dimension} and {other} has {theirs}; give both as many"
                )
        if not argument.shared:
            loops[argument.name] = array.shape[: array.ndim - len(argument.core)]
        moved[argument.name] = array
    loop = _one_loop(function, loops)
    if loop and not signature.batched:
        spelt = ", ".join(f"{a.name} [{', '.join(a.core)}]" for a in signature.arguments)
        raise ValueError(
            f"{function} takes one set of samples: {spelt}; leave the {len(loop)} dimensions before these away"
        )
    for argument in signature.arguments:
        if moved[argument.name] is not None:
            moved[argument.name] = _flat(argument, moved[argument.name], working_precision(dtype))
    _check_values(function, signature, moved, sizes, options)
    weight = tensors.get("weight") if signature.weighted else None
    if weight is not None:
        weight = weight.astype(working_precision(dtype))
        _check_weights(function, "weight", weight)
    whole = next((tensors[a.name].shape for a in signature.arguments if len(a.core) == 1 and not a.shared), ())
    return Laid(moved, weight, dtype, loop, axes, whole)


def core_last(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """The array with these axes at the end, as one dimension."""
    rest = [place for place in range(array.ndim) if place not in axes]
    moved = array.transpose(*rest, *axes)
    return moved.reshape(*moved.shape[: len(rest)], int(np.prod([array.shape[place] for place in axes])))


def core_back(array: np.ndarray, axes: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    """The inverse of `core_last`, giving an array of this shape."""
    rest = [place for place in range(len(shape)) if place not in axes]
    opened = array.reshape([shape[place] for place in (*rest, *axes)])
    return opened.transpose(np.argsort([*rest, *axes]))


def _known(function: str, signature: Signature, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    accepted = (*signature.arguments, *((WEIGHT,) if signature.weighted else ()))
    names = [argument.name for argument in accepted]
    for name in given:
        if name not in names:
            raise TypeError(f"{function} has no argument {name!r}; it has {', '.join(names)}")
    for argument in accepted:
        if given.get(argument.name) is None and not argument.optional:
            raise TypeError(f"{function} needs {argument.name}; give an array")
    return {name: np.asarray(array) for name, array in given.items() if array is not None}


def _checked_dtypes(function: str, signature: Signature, tensors: Mapping[str, np.ndarray]) -> np.dtype[Any]:
    dtype = None
    for argument in (*signature.arguments, WEIGHT):
        if argument.name not in tensors:
            continue
        found = tensors[argument.name].dtype
        if argument.is_float:
            if found.name not in FLOATS:
                raise TypeError(f"{function}: {argument.name} has dtype {found}; give one of {', '.join(FLOATS)}")
            if dtype is not None and found != dtype:
                raise TypeError(
                    f"{function}: {argument.name} has dtype {found}, where others have {dtype}; convert one of them"
                )
            dtype = found
        elif argument.kind == "mask":
            if found != np.bool_:
                raise TypeError(f"{function}: {argument.name} has dtype {found}; give bool")
        elif not np.issubdtype(found, np.integer):
            raise TypeError(f"{function}: {argument.name} has dtype {found}; give whole numbers, such as int64")
    assert dtype is not None  # every function has a float argument
    return dtype


def _axes(function: str, signature: Signature, tensors: Mapping[str, np.ndarray], axis: Any) -> tuple[int, ...] | None:
    """The axes of the core dimension, or of `rows`, counted from the front; None where the function has none."""
    if not signature.axis:
        return None
    cored = [a for a in signature.arguments if len(a.core) == 1 and not a.shared]
    rank = tensors[(cored or signature.arguments)[0].name].ndim
    for argument in cored:
        if argument.name in tensors and tensors[argument.name].ndim != rank:
            shapes = ", ".join(f"{a.name} {tensors[a.name].shape}" for a in cored if a.name in tensors)
            raise ValueError(f"{function}: arguments of different ranks: {shapes}; give them one shape")
    several = isinstance(axis, tuple) and signature.several_axes
    asked = tuple(axis) if several else (axis,)
    for one in asked:
        if isinstance(one, (bool, np.bool_)) or not isinstance(one, (int, np.integer)):
            accepted = "a whole number or several" if signature.several_axes else "a whole number"
            raise TypeError(f"{function}: axis is {axis!r}; give {accepted}, such as -1")
        if cored and not -rank <= one < rank:
            raise ValueError(
                f"{function}: axis is {axis!r}, and the array has {rank} dimensions; give {-rank} to {rank - 1}"
            )
    if not cored:
        return None
    places = tuple(int(one) % rank for one in asked)
    if len(set(places)) != len(places):
        raise ValueError(f"{function}: axis is {axis!r}, which names one axis twice; give each once")
    return places


def _check_rank(function: str, argument: Given, array: np.ndarray) -> None:
    if argument.shared and array.ndim != len(argument.core):
        raise ValueError(
            f"{function}: {argument.name} has the shape {array.shape}; give {len(argument.core)} dimensions: {', '.join(argument.core)}"
        )
    if array.ndim < len(argument.core):
        raise ValueError(
            f"{function}: {argument.name} has the shape {array.shape}; its last dimensions are {', '.join(argument.core)}"
        )


def _one_loop(function: str, loops: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    if len(set(loops.values())) != 1:
        spelt = ", ".join(f"{name} {shape}" for name, shape in loops.items())
        raise ValueError(
            f"{function}: arguments differ in shape, core dimensions apart: {spelt}; give one shape, nothing is broadcast"
        )
    return next(iter(loops.values()))


def _flat(argument: Given, array: np.ndarray, working: Any) -> np.ndarray:
    """One loop dimension, contiguous, in the dtype in which cores compute."""
    wanted = working if argument.is_float else np.bool_ if argument.kind == "mask" else np.int64
    core = array.shape[array.ndim - len(argument.core) :]
    count = int(np.prod(array.shape[: array.ndim - len(argument.core)]))
    shape = core if argument.shared else (count, *core)
    return np.ascontiguousarray(array, dtype=wanted).reshape(shape)


# --- values -----------------------------------------------------------------------------------------------------------


def _check_values(
    function: str, signature: Signature, arrays: Mapping[str, Any], sizes: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    for argument in signature.arguments:
        array = arrays[argument.name]
        if array is None:
            continue
        if argument.kind == "label":
            _check_labels(function, argument.name, array, sizes["classes"][1], options.get("ignore_index"))
        elif argument.kind == "label_list":
            _check_label_lists(function, argument.name, array, sizes["classes"][1])
        elif argument.name in ("weight", "weights", "class_weight", "pos_weight"):
            _check_weights(function, argument.name, array)
    if "time" in sizes:
        _check_sequences(function, arrays, sizes, options)


def _check_labels(function: str, name: str, labels: np.ndarray, classes: int, ignored: int | None) -> None:
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        besides = "" if ignored is None else f", or {ignored}, which is ignored"
        raise ValueError(
            f"{function}: {name} holds {labels[wrong][0]} with {classes} classes; give 0 to {classes - 1}{besides}"
        )


def _check_label_lists(function: str, name: str, lists: np.ndarray, classes: int) -> None:
    counted = np.logical_and.accumulate(lists != -1, axis=-1)
    wrong = counted & ((lists < 0) | (lists >= classes))
    if wrong.any():
        raise ValueError(
            f"{function}: {name} holds {lists[wrong][0]} with {classes} classes; give 0 to {classes - 1}, and -1 to end the list"
        )
    kept = np.sort(np.where(counted, lists, -1 - np.arange(lists.shape[-1])), axis=-1)
    if (kept[..., 1:] == kept[..., :-1]).any():
        raise ValueError(f"{function}: {name} names a class twice; give each once")


def _check_weights(function: str, name: str, weights: np.ndarray) -> None:
    if (weights < 0).any():
        raise ValueError(f"{function}: {name} holds {weights[weights < 0][0]}; give zero or positive numbers")


def _check_sequences(
    function: str, arrays: Mapping[str, Any], sizes: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    time, length, classes = (sizes[name][1] for name in ("time", "length", "classes"))
    blank = options["blank"]
    if not 0 <= blank < classes:
        raise ValueError(f"{function}: blank is {blank} with {classes} classes; give 0 to {classes - 1}")
    for name, most in (("input_length", time), ("label_length", length)):
        lengths = arrays[name]
        wrong = (lengths < 0) | (lengths > most)
        if wrong.any():
            raise ValueError(f"{function}: {name} holds {lengths[wrong][0]}; give 0 to {most}")
    labels = arrays["labels"]
    counted = np.arange(length) < arrays["label_length"][:, None]
    wrong = counted & ((labels < 0) | (labels >= classes) | (labels == blank))
    if wrong.any():
        raise ValueError(
            f"{function}: labels hold {labels[wrong][0]}; give 0 to {classes - 1} without the blank, which is {blank}"
        )
