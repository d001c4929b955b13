"""What every adapter needs and no framework offers: looking up a dotted name, laying bits out in memory, spelling a call.

Standard library and NumPy only, Python 3.9. Knows no framework, no function of the standard and no verdict.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .protocol import BITS, Array, Binding, NotProvided, NotSupported, TensorBinding

FLOATS = ("float16", "bfloat16", "float32", "float64")
"""The floating-point dtypes; every other dtype of BITS is an integer or bool."""


class Layout(NamedTuple):
    """Where the elements of a view lie: a one-dimensional buffer, and shape, strides and offset in elements."""

    base: np.ndarray
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


def lay_out(bits: np.ndarray, view: str, filler: int) -> Layout:
    """The bits as `view` (see protocol.VIEWS) of a larger or differently laid buffer; always a copy.

    What lies between the elements is `filler`, so that an implementation that ignores strides is seen. `broadcast` needs
    equal elements along the first axis. Raises ValueError where it has others, or for an unknown view.
    """
    shape, ordered = bits.shape, np.array(bits, order="C").ravel()
    strides = _row_major(shape)
    if view == "contiguous" or bits.size == 0:
        return Layout(ordered, shape, strides, 0)
    if view == "strided":
        base = np.full(2 * bits.size, filler, bits.dtype)
        base[::2] = ordered
        return Layout(base, shape, tuple(2 * stride for stride in strides), 0)
    if view == "reversed":
        return Layout(ordered[::-1].copy(), shape, tuple(-stride for stride in strides), bits.size - 1)
    if view == "offset":
        return Layout(np.concatenate([np.full(1, filler, bits.dtype), ordered]), shape, strides, 1)
    if view == "transposed":
        return Layout(np.array(bits.T, order="C").ravel(), shape, _row_major(shape[::-1])[::-1], 0)
    if view == "broadcast":
        if bits.ndim == 0:
            return Layout(ordered, shape, strides, 0)
        if not np.array_equal(bits, np.broadcast_to(bits[:1], shape)):
            raise ValueError("a broadcast view repeats its first row; this array has others: give equal rows")
        return Layout(np.array(bits[0], order="C").ravel(), shape, (0, *strides[1:]), 0)
    raise ValueError(f"unknown view {view!r}; known are contiguous, strided, reversed, offset, transposed, broadcast")


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))


def checked(array: Array, view: str, views: Sequence[str], framework: str) -> np.ndarray:
    """The bits of `array` in their declared type. Raises NotSupported for a view that is not in `views`."""
    if view not in views:
        raise NotSupported(f"{framework} has no {view} view of a tensor")
    return np.ascontiguousarray(array.bits, dtype=BITS[array.dtype]).reshape(np.shape(array.bits))


def filler(dtype: str) -> int:
    """Bits that no one should read: a NaN for floats, the largest number for integers, True for bool."""
    return 1 if dtype == "bool" else (1 << 8 * np.dtype(BITS[dtype]).itemsize) - 1


def bits_of(numbers: np.ndarray) -> Array:
    """The bits, shape and dtype of a NumPy array, ml_dtypes' bfloat16 included. Raises TypeError for other dtypes."""
    name = numbers.dtype.name
    if name not in BITS:
        raise TypeError(f"a tensor of dtype {name} came back; bits are kept for {', '.join(BITS)}")
    return Array(np.array(numbers, order="C").view(BITS[name]), name)


def resolve(entry_point: str) -> Any:
    """What a dotted public name stands for. Raises NotProvided where the installed version has no such name."""
    root, *names = entry_point.split(".")
    try:
        found = importlib.import_module(root)
    except ImportError as error:
        raise NotProvided(f"{entry_point}: {error}") from error
    path = root
    for name in names:
        path = f"{path}.{name}"
        if not hasattr(found, name):
            try:
                importlib.import_module(path)
            except ImportError:
                raise NotProvided(f"{entry_point} does not exist in the installed version: no {path}") from None
        found = getattr(found, name)
    return found


def taken(found: Any, binding: TensorBinding, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a call, without those that say what the bare call does anyhow and that the installed version lacks.

    So a version from before an option came (the axis of optax' losses before 0.2.4) is asked what it does without it, and is
    judged by that. Every other keyword that it lacks stays, and is refused in the version's own words.
    """
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # written in C, most often
        return dict(arguments)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(arguments)
    options = {keyword: option for option, keyword in binding.parameters.items()}

    def is_default(keyword: str, value: Any) -> bool:
        option = options.get(keyword, "")
        if option not in binding.defaults:
            return False
        default = binding.defaults[option]
        spelt = binding.spelt.get(option, {}).get(str(default), default)
        return type(spelt) is type(value) and bool(spelt == value)

    return {
        keyword: value
        for keyword, value in arguments.items()
        if keyword in parameters or not is_default(keyword, value)
    }


def literal(value: Any) -> str:
    """Python source of a keyword's value; infinities and NaN are spelt by name."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    return repr(value)


def keywords(binding: Binding, arguments: Mapping[str, Any], extra: str = "") -> str:
    """`negative_slope=0.2, inplace=True`: the keywords of a call as Python source."""
    spelt = [f"{name}={literal(value)}" for name, value in {**binding.keywords, **arguments}.items()]
    return ", ".join(spelt + ([extra] if extra else []))


def call_source(
    binding: Binding,
    entry_point: str,
    arguments: Mapping[str, Any],
    layer_extra: str = "",
    operands: Sequence[str] = (),
) -> str:
    """The lines of a reproducer that define `f`: the entry point with its keywords, as a function of the tensor, and of the
    operands if the entry point is a function."""
    if binding.form in ("layer", "inplace_layer"):
        return f"f = {entry_point}({keywords(binding, arguments, layer_extra)})"
    spelt, tensors = keywords(binding, arguments), ", ".join(("x", *operands))
    return f"def f({tensors}):\n    return {entry_point}({tensors}{', ' + spelt if spelt else ''})"


def bits_source(dtype: str, input_bits: Sequence[int], shape: Sequence[int], name: str = "bits") -> str:
    """The lines of a reproducer that define `bits`, an array of unsigned integers; a single one fills the shape."""
    unsigned = np.dtype(BITS[dtype])
    digits = 2 * unsigned.itemsize
    if len(input_bits) == 1 and np.prod(shape, dtype=np.int64) != 1:
        return f"{name} = np.full({tuple(shape)!r}, 0x{int(input_bits[0]):0{digits}x}, dtype=np.{unsigned.name})"
    spelt = ", ".join(f"0x{int(bits):0{digits}x}" for bits in input_bits)
    return f"{name} = np.array([{spelt}], dtype=np.{unsigned.name}).reshape({tuple(shape)!r})"


PRINT = '''\
def show(name, bits, dtype):
    """Print every number once, in decimal and in hexadecimal, and how often it is there."""
    if bits is None:
        print(name, "None")
        return
    bits, places, counts = np.unique(bits, return_index=True, return_counts=True)
    wide = bits.astype(np.uint32) << 16 if dtype == "bfloat16" else bits
    numbers = wide.view("float32" if dtype == "bfloat16" else dtype)
    for i in np.argsort(places):
        times = f"  {counts[i]} times" if counts[i] > 1 else ""
        print(f"{name} {dtype} {numbers[i]} 0x{int(bits[i]):0{2 * bits.itemsize}x}{times}")
'''
"""The lines of a reproducer that print arrays of bits; NumPy alone suffices, also for bfloat16."""


def known(given: str, accepted: Sequence[str], framework: str) -> None:
    """Raises ValueError where a configuration or mode is not one of those that a framework has."""
    if given not in accepted:
        raise ValueError(f"{framework} has no {given!r}; it has {', '.join(accepted)}")
