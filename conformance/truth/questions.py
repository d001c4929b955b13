"""A question about tensors, laid out: arguments with their core last, and the places of the loop that a definition is applied to.

Knows the standard; knows no ball, no framework and no observation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.standard.tensors import COMMON, Argument, TensorFunction

QUANTITIES = ("value", "gradient", "forward_gradient", "hessian_vector")


@dataclass(frozen=True)
class Asked:
    """A question about tensors, in the layout of the entry point: floats as float64 numbers, whole numbers as int64, masks as bool.

    quantity    one of QUANTITIES, as the protocol of the adapters describes them
    wrt         the argument in which a derivative is asked
    cotangent   of the shape of the result; ones if None
    direction   of the shape of the argument `wrt`; ones if None
    """

    function: TensorFunction
    options: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]]
    quantity: str = "value"
    wrt: str = ""
    cotangent: NDArray[np.float64] | None = None
    direction: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Laid:
    """A question laid out.

    given   of each argument but the weight: what the standard says of it, and its numbers as they were given
    cores   the same numbers with the core dimensions last, loop dimensions first; those that all places share have a core alone
    loop    sizes of the loop dimensions, and `count` how many places there are
    core    sizes of the core dimensions of the result
    own     the function's own options
    """

    asked: Asked
    given: Mapping[str, tuple[Argument, NDArray[Any]]]
    cores: Mapping[str, NDArray[Any]]
    loop: tuple[int, ...]
    count: int
    core: tuple[int, ...]
    own: Mapping[str, Any]

    @property
    def every(self) -> tuple[int, ...]:
        """Shape of the results before any of them are put together."""
        return self.loop + self.core

    def option(self, name: str) -> Any:
        """An option that all functions share, the standard's default where it was not given."""
        return self.asked.options.get(name, {"axis": -1}.get(name, "none"))

    def moves_core(self) -> bool:
        """Whether the result's core dimension is where the option `axis` says."""
        return self.asked.function.axis and len(self.core) == 1

    def cell(self, name: str, index: int) -> NDArray[Any]:
        """The core of an argument at one place of the loop."""
        argument, laid = self.given[name][0], self.cores[name]
        if argument.shared:
            return laid
        core = laid.shape[laid.ndim - len(argument.core) :]
        cell: NDArray[Any] = laid.reshape(self.count, *core)[index]
        return cell


def laid_out(asked: Asked) -> Laid:
    """The question, laid out. Raises KeyError for unknown arguments, ValueError for tensors whose shapes do not fit together."""
    function, options = asked.function, asked.options
    given = {
        name: (function.argument(name), np.asarray(array)) for name, array in asked.tensors.items() if name != "weight"
    }
    cores = {name: core_last(asked, argument, array) for name, (argument, array) in given.items()}
    loops = {
        array.shape[: array.ndim - len(argument.core)]
        for (argument, _), array in zip(given.values(), cores.values(), strict=True)
        if not argument.shared
    }
    if len(loops) != 1:
        raise ValueError(f"{function.name}: arguments have different loop dimensions: {sorted(loops)}")
    (loop,) = loops
    core = tuple(_size(function, given, cores, dimension) for dimension in function.result)
    own = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name not in COMMON
    }
    return Laid(asked, given, cores, loop, math.prod(loop), core, own)


def _size(
    function: TensorFunction, given: Mapping[str, tuple[Argument, NDArray[Any]]], cores: Mapping[str, NDArray[Any]], dimension: str
) -> int:  # fmt: skip
    """The size of a core dimension, from an argument that has it, or computed from one that has another."""
    for name, (argument, _) in given.items():
        if dimension in argument.core:
            shape = cores[name].shape
            return int(shape[len(shape) - len(argument.core) + argument.core.index(dimension)])
    for computed, rule in function.computed.items():
        factor, _, other = rule.partition("*")
        if computed == dimension:
            return int(factor) * _size(function, given, cores, other)
        if other == dimension:
            return _size(function, given, cores, computed) // int(factor)
    raise KeyError(f"{function.name} has no argument with the dimension {dimension}")


# --- axes -------------------------------------------------------------------------------------------------------------


def core_last(asked: Asked, argument: Argument, array: NDArray[Any]) -> NDArray[Any]:
    """The array with its one core dimension last; axes that are several become one."""
    if not asked.function.axis or len(argument.core) != 1 or argument.shared:
        return array
    return core_axis_last(array, asked.options.get("axis", -1))


def core_axis_last(array: NDArray[Any], axis: Any) -> NDArray[Any]:
    """The array with this axis last, or with these axes, as one."""
    if isinstance(axis, (tuple, list)):
        places = [place % array.ndim for place in axis]
        rest = [place for place in range(array.ndim) if place not in places]
        return array.transpose(*rest, *places).reshape(*(array.shape[place] for place in rest), -1)
    return np.moveaxis(array, axis, -1)


def axes_back(array: NDArray[Any], axis: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """The inverse of `core_axis_last`, for an array that shall have this shape."""
    if isinstance(axis, (tuple, list)):
        places = [place % len(shape) for place in axis]
        rest = [place for place in range(len(shape)) if place not in places]
        opened = array.reshape(*(shape[place] for place in rest), *(shape[place] for place in places))
        return opened.transpose(*np.argsort([*rest, *places]))
    return np.moveaxis(array, -1, axis)
