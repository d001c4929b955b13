"""The truth of functions of tensors: values, derivatives in every argument, and what honest rounding may change them by.

The definition is evaluated on balls for every place of the loop (`units`), the results are put together as the options
`rows` and `reduction` say, and precision doubles until everything is certain. Knows the standard and balls; knows no
framework and no observation.

Everything is computed for float64, which serves the other formats too: true numbers do not depend on the format.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from conformance.formats import FORMATS
from conformance.standard.tensors import Argument

from .ball_arrays import NO_NUMBER, array_of, as_floats, balls_of, flat, inverse, sizes, stacked, summed
from .enclosure import SIGN_OPEN, column
from .oracle import CAP_BITS, START_BITS
from .questions import QUANTITIES, Asked, Laid, axes_back, core_axis_last, laid_out
from .reals import INFINITE, NAN, UNDECIDED, UNDEFINED, Reals, unknown
from .series import working_precision
from .tape import ONE, ZERO, rounding
from .units import Unit, Units

__all__ = ["QUANTITIES", "Asked", "Exact", "exact"]

FLOAT64 = FORMATS["float64"]


@dataclass(frozen=True)
class Exact:
    """The truth of one tensor of `shape`, flat in row-major order, n rows.

    `slack · 2^slack_exponent` is what honest rounding may change each number by, in a format with ulp(1) = 1; besides that a bar
    allows some ulp of the number itself. Where several answers are right (a subgradient at a kink) they lie from `truth` to
    `upper`; `tied` says where, and both are None if there is no such place.
    """

    shape: tuple[int, ...]
    truth: Reals
    slack: NDArray[np.float64]
    slack_exponent: NDArray[np.int32]
    upper: Reals | None = None
    tied: NDArray[np.bool_] | None = None


def exact(asked: Asked) -> Exact:
    """The truth. Raises KeyError for unknown arguments, ValueError for tensors whose shapes do not fit together."""
    problem = _Assembly(laid_out(asked))
    precision = START_BITS
    while True:
        final = 2 * precision > CAP_BITS
        with working_precision(precision):
            numbers, slack, upper = problem.solve()
            reals, still_open = _settled(numbers, problem.nan, final)
            tied = _tied(numbers, upper) if upper is not None else None
            above = None
            if tied is not None and upper is not None:
                above, more = _settled(upper, problem.nan, final)
                still_open |= more
        if not still_open or final:
            mantissa, exponent = as_floats(slack)
            return Exact(problem.shape, reals, mantissa, exponent, above, tied)
        precision *= 2


class _Assembly:
    """How the results of the units go into the tensor that was asked for. `shape` and `nan` are those of the last answer."""

    def __init__(self, laid: Laid) -> None:
        self.laid = laid
        self.nan: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self.shape: tuple[int, ...] = ()
        self._units = Units(laid)

    def solve(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Numbers, slack and, where there are ties, upper ends, as flat arrays of balls."""
        quantity = self.laid.asked.quantity
        units = self._units.all(self._seeds())
        nan = np.repeat(np.array([unit.nan for unit in units], dtype=bool), math.prod(self.laid.core)).reshape(
            self.laid.every
        )
        if quantity in ("gradient", "hessian_vector"):
            return self._derived(units)
        forward = quantity == "forward_gradient"
        numbers = stacked([unit.derived if forward else unit.values for unit in units], self.laid.every)
        slack = stacked([unit.derived_slack if forward else unit.slack for unit in units], self.laid.every)
        return (*self._reduced(numbers, slack, self._own_weights(units), nan), None)

    def _seeds(self) -> NDArray[Any] | None:
        """Of results with a core: what each is multiplied by before a derivative in reverse mode; shape (count, core)."""
        if not self.laid.core or not self.laid.count or self.laid.asked.quantity not in ("gradient", "hessian_vector"):
            return None
        seeds = self._cotangents() * (self._factors() if self.laid.asked.function.reductions else ONE)
        return flat(seeds).reshape(self.laid.count, -1)

    def _own_weights(self, units: Sequence[Unit]) -> NDArray[Any] | None:
        """What each result counts in a mean by the definition itself (Weighted); None where it counts one."""
        if any(unit.weight is not None for unit in units):
            return stacked([[ONE if unit.weight is None else unit.weight] for unit in units], self.laid.loop)
        return None

    def _factors(self, own: NDArray[Any] | None = None) -> NDArray[Any]:
        """What each result is multiplied by before those are added up that go into one number; shape of the results.

        A mean divides by the number of results (or by what they count by themselves, `own`), a weighted mean by what they count
        with the argument `weight` besides.
        """
        every = self.laid.every
        rows, reduction = self.laid.option("rows"), self.laid.option("reduction")
        axis = self.laid.option("axis")
        factor = array_of([ONE] * math.prod(every), every)
        before = every
        if rows != "none":
            before = tuple(size for place, size in enumerate(every) if place != axis % len(every))
        if rows == "mean":
            factor = factor * inverse(every[axis])
        given = None if "weight" not in self.laid.asked.tensors else balls_of(self.laid.asked.tensors["weight"])
        if given is not None:
            factor = factor * np.broadcast_to(np.expand_dims(given, axis) if rows != "none" else given, every)
        if reduction == "batch_mean":
            factor = factor * inverse(before[0] if before else 1)
        elif reduction in ("mean", "weighted_mean"):
            counts = array_of([ONE] * math.prod(before), before) if own is None else own
            if reduction == "weighted_mean" and given is not None:
                counts = np.asarray(counts * np.broadcast_to(given, before), dtype=object)
            total = sum(counts.reshape(-1), ZERO)
            factor = factor * (NO_NUMBER if total == 0 else 1 / total)
        return np.asarray(factor, dtype=object)

    def _reduced(
        self, numbers: NDArray[Any], slack: NDArray[Any], own: NDArray[Any] | None, nan: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Results put together as `rows` and `reduction` say; or, where nothing is, with the core back at the axis it came from."""
        rows, reduction, axis = (self.laid.option(name) for name in ("rows", "reduction", "axis"))
        if self.laid.core and not self.laid.asked.function.reductions:
            self.shape = self._shape_of_results()
            numbers, slack, nan = (self._results_back(part) for part in (numbers, slack, nan))
        elif rows != "none" or reduction != "none" or "weight" in self.laid.asked.tensors:
            factor = self._factors(own)
            # Of arrays without dimensions NumPy makes their one element.
            numbers, slack = (np.asarray(part, dtype=object) for part in (numbers * factor, slack * sizes(factor)))
            if reduction != "none":
                numbers, slack, nan = numbers.reshape(-1), slack.reshape(-1), nan.reshape(-1)
            if reduction != "none" or rows != "none":
                along = axis if reduction == "none" else 0
                slack = summed(slack, along) + rounding(max(numbers.shape[along], 1)) * summed(sizes(numbers), along)
                empty = numbers.shape[along] == 0 and (rows == "mean" if reduction == "none" else reduction != "sum")
                numbers, nan = summed(numbers, along), np.asarray(nan.any(axis=along))
                numbers = numbers * NO_NUMBER if empty else numbers
            self.shape = tuple(np.shape(numbers))
        else:
            self.shape = tuple(numbers.shape)
        self.nan = np.asarray(nan, dtype=bool).reshape(-1)
        return flat(numbers), flat(slack)

    def _shape_of_results(self) -> tuple[int, ...]:
        if not self.laid.moves_core():
            return self.laid.every
        first = next(array.shape for argument, array in self.laid.given.values() if len(argument.core) == 1)
        axis = self.laid.option("axis")
        if isinstance(axis, (tuple, list)):
            return tuple(first)
        shape = list(first)
        shape[axis] = self.laid.core[0]
        return tuple(shape)

    def _results_back(self, array: NDArray[Any]) -> NDArray[Any]:
        if not self.laid.moves_core():
            return array
        return axes_back(array, self.laid.option("axis"), self.shape)

    def _derived(self, units: Sequence[Unit]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Derivatives in the argument asked for, flat and in its own layout."""
        argument, array = self.laid.given[self.laid.asked.wrt]
        laid = self.laid.cores[self.laid.asked.wrt]
        size = math.prod(laid.shape[laid.ndim - len(argument.core) :])
        tied = any(unit.derived_upper for unit in units)
        numbers = stacked([unit.derived for unit in units], (self.laid.count, size))
        slack = stacked([unit.derived_slack for unit in units], (self.laid.count, size))
        above = stacked([unit.derived_upper or unit.derived for unit in units], (self.laid.count, size))
        nan = np.repeat(np.array([unit.nan for unit in units], dtype=bool), size).reshape(self.laid.count, size)
        if not self.laid.core:
            scale = flat(self._factors(self._own_weights(units)) * self._cotangents()).reshape(self.laid.count, 1)
            turned = np.array([bool(one < 0) for one in scale.reshape(-1)], dtype=bool).reshape(self.laid.count, 1)
            numbers, slack, above = numbers * scale, slack * sizes(scale), above * scale
            # Multiplied by a negative number, the ends change places.
            numbers, above = np.where(turned, above, numbers), np.where(turned, numbers, above)
        if argument.shared:
            slack = summed(slack, 0) + rounding(max(self.laid.count, 1)) * summed(sizes(numbers), 0)
            numbers, above, nan = summed(numbers, 0), summed(above, 0), np.asarray(nan.any(axis=0))
        self.shape = tuple(array.shape)
        numbers, slack, above, nan = (
            self._argument_back(part, argument, laid.shape) for part in (numbers, slack, above, nan)
        )
        self.nan = nan.astype(bool)
        return numbers, slack, above if tied else None

    def _argument_back(self, numbers: NDArray[Any], argument: Argument, laid: tuple[int, ...]) -> NDArray[Any]:
        """The inverse of `core_last`, flattened."""
        if not self.laid.asked.function.axis or len(argument.core) != 1 or argument.shared:
            return numbers.reshape(-1)
        return axes_back(numbers.reshape(laid), self.laid.option("axis"), self.shape).reshape(-1)

    def _cotangents(self) -> NDArray[Any]:
        """The cotangent of each result before rows and reduction; shape of these."""
        every = self.laid.every
        given = self.laid.asked.cotangent
        if given is None:
            return array_of([ONE] * math.prod(every), every)
        if self.laid.core and not self.laid.asked.function.reductions:
            moves = self.laid.moves_core()
            return balls_of(core_axis_last(np.asarray(given), self.laid.option("axis")) if moves else given)
        cotangent = balls_of(given)
        if self.laid.option("reduction") == "none" and self.laid.option("rows") != "none":
            cotangent = np.expand_dims(cotangent, self.laid.option("axis"))
        return np.broadcast_to(cotangent, every)


def _tied(low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the two ends are not the same number."""
    return np.array(
        [not (a.overlaps(b) or (a.is_nan() and b.is_nan())) for a, b in zip(low, high, strict=True)], dtype=bool
    )


def _settled(balls: NDArray[Any], nan: NDArray[np.bool_], final: bool) -> tuple[Reals, bool]:
    """Rows of the numbers, and whether any is open still. A NaN is an answer where an input is NaN, and else nothing is prescribed."""
    reals = unknown(len(balls))
    finite = [place for place, ball in enumerate(balls) if ball.is_finite()]
    for place, ball in enumerate(balls):
        if ball.is_nan():
            reals.kind[place] = NAN if nan[place] else UNDEFINED
        elif ball == arb("inf") or ball == arb("-inf"):
            reals.kind[place], reals.mantissa[place] = INFINITE, 1.0 if ball > 0 else -1.0
    open_ = any(reals.kind[place] == UNDECIDED for place in set(range(len(balls))) - set(finite))
    if finite:
        places = np.array(finite, dtype=np.int64)
        found = column(
            [balls[place] for place in finite], FLOAT64, np.full(len(finite), SIGN_OPEN, dtype=np.int8), final
        )
        for name in ("kind", "mantissa", "tail", "exponent"):
            getattr(reals, name)[places] = getattr(found.reals, name)
        open_ |= len(found.open) > 0
    return reals, open_
