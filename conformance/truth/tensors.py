"""The truth of functions of tensors: values, derivatives in every argument, and what honest rounding may change them by.

The definition is evaluated on balls for every place of the loop (a *unit*), the results are put together as the options
`rows` and `reduction` say, and precision doubles until everything is certain. Knows the standard and balls; knows no
framework and no observation.

Everything is computed for float64, which serves the other formats too: true numbers do not depend on the format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from conformance.formats import FORMATS
from conformance.standard.tensors import COMMON, WHOLE, Argument, TensorFunction, Weighted

from .enclosure import SIGN_OPEN, column
from .oracle import CAP_BITS, START_BITS
from .reals import INFINITE, NAN, UNDECIDED, UNDEFINED, Reals, unknown
from .series import Undecided, working_precision
from .tape import MOST_TIES, ONE, ZERO, Missing, Tape, Variable, backwards, magnitude, rounding

QUANTITIES = ("value", "gradient", "forward_gradient", "hessian_vector")

MOST_COLUMNS = 24
"""Numbers of a unit up to which every column of its Hessian is computed; of more, what a few patterns of signs amount to."""

PATTERNS = (
    lambda i: 1,
    lambda i: 1 - 2 * (i % 2),
    lambda i: 1 - 2 * (i // 2 % 2),
    lambda i: 1 - 2 * ((i * i + i) // 3 % 2),
)

SETTLED_BITS = 150
"""Bits of relative accuracy with which a number is certain whatever it lies next to, but for a midpoint of float64: there the
judge's grades are no proof."""

FLOAT64 = FORMATS["float64"]
_NO_NUMBER = arb("nan")


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


def exact(asked: Asked) -> Exact:
    """The truth. Raises KeyError for unknown arguments, ValueError for tensors whose shapes do not fit together."""
    problem = _Problem(asked)
    precision = START_BITS
    while True:
        final = 2 * precision > CAP_BITS
        with working_precision(precision):
            numbers, slack, upper = problem.solve(final)
            reals, still_open = _settled(numbers, problem.nan, final)
            tied = _tied(numbers, upper, problem) if upper is not None else None
            above = None
            if tied is not None and upper is not None:
                above, more = _settled(upper, problem.nan, final)
                still_open |= more
        if not still_open or final:
            mantissa, exponent = _as_floats(slack)
            return Exact(problem.shape, reals, mantissa, exponent, above, tied)
        precision *= 2


class _Problem:
    """A question laid out: the units with their cores, and where their results go. Units that are certain are kept."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.function, self.options = asked, asked.function, asked.options
        function = self.function
        self.given = {
            name: (function.argument(name), np.asarray(array))
            for name, array in asked.tensors.items()
            if name != "weight"
        }
        self.laid = {
            name: _core_last(function, self.options, argument, array) for name, (argument, array) in self.given.items()
        }
        loops = {
            array.shape[: array.ndim - len(argument.core)]
            for (argument, _), array in zip(self.given.values(), self.laid.values(), strict=True)
            if not argument.shared
        }
        if len(loops) != 1:
            raise ValueError(f"{function.name}: arguments have different loop dimensions: {sorted(loops)}")
        (self.loop,) = loops
        self.count = math.prod(self.loop)
        self.own = {name: _passed(value) for name, value in self.options.items() if name not in COMMON}
        self.core = tuple(self._size(name) for name in function.result)
        self.nan: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self.shape: tuple[int, ...] = ()
        self._result_seeds: NDArray[Any] | None = None
        self._kept: dict[int, _Unit] = {}

    # --- from units to the tensor that was asked for ------------------------------------------------------------------

    def solve(self, final: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Numbers, slack and, where there are ties, upper ends, as flat arrays of balls."""
        quantity = self.asked.quantity
        units = self._units(quantity != "value", final)
        nan = np.repeat(np.array([unit.nan for unit in units], dtype=bool), math.prod(self.core)).reshape(
            self.loop + self.core
        )
        if quantity in ("gradient", "hessian_vector"):
            return self._derived(units)
        forward = quantity == "forward_gradient"
        numbers = _stacked([unit.derived if forward else unit.values for unit in units], self.loop + self.core)
        slack = _stacked([unit.derived_slack if forward else unit.slack for unit in units], self.loop + self.core)
        return (*self._reduced(numbers, slack, self._own_weights(units), nan), None)

    def _own_weights(self, units: Sequence[_Unit]) -> NDArray[Any] | None:
        """What each result counts in a mean by the definition itself (Weighted); None where it counts one."""
        if any(unit.weight is not None for unit in units):
            return _stacked([[ONE if unit.weight is None else unit.weight] for unit in units], self.loop)
        return None

    def _factors(self, own: NDArray[Any] | None = None) -> NDArray[Any]:
        """What each result is multiplied by before those are added up that go into one number; shape of the results.

        A mean divides by the number of results (or by what they count by themselves, `own`), a weighted mean by what they count
        with the argument `weight` besides.
        """
        every = self.loop + self.core
        rows, reduction = self.options.get("rows", "none"), self.options.get("reduction", "none")
        axis = self.options.get("axis", -1)
        factor = _objects([ONE] * math.prod(every), every)
        before = every
        if rows != "none":
            before = tuple(size for place, size in enumerate(every) if place != axis % len(every))
        if rows == "mean":
            factor = factor * _inverse(every[axis])
        given = None if "weight" not in self.asked.tensors else _balls(self.asked.tensors["weight"])
        if given is not None:
            factor = factor * np.broadcast_to(np.expand_dims(given, axis) if rows != "none" else given, every)
        if reduction == "batch_mean":
            factor = factor * _inverse(before[0] if before else 1)
        elif reduction in ("mean", "weighted_mean"):
            counts = _objects([ONE] * math.prod(before), before) if own is None else own
            if reduction == "weighted_mean" and given is not None:
                counts = np.asarray(counts * np.broadcast_to(given, before), dtype=object)
            total = sum(counts.reshape(-1), ZERO)
            factor = factor * (_NO_NUMBER if total == 0 else 1 / total)
        return np.asarray(factor, dtype=object)

    def _reduced(
        self, numbers: NDArray[Any], slack: NDArray[Any], own: NDArray[Any] | None, nan: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Results put together as `rows` and `reduction` say; or, where nothing is, with the core back at the axis it came from."""
        rows, reduction, axis = (
            self.options.get(name, what) for name, what in (("rows", "none"), ("reduction", "none"), ("axis", -1))
        )
        if self.core and not self.function.reductions:
            self.shape = self._shape_of_results()
            numbers, slack, nan = (self._results_back(part) for part in (numbers, slack, nan))
        elif rows != "none" or reduction != "none" or "weight" in self.asked.tensors:
            factor = self._factors(own)
            # Of arrays without dimensions NumPy makes their one element.
            numbers, slack = (np.asarray(part, dtype=object) for part in (numbers * factor, slack * _sizes(factor)))
            if reduction != "none":
                numbers, slack, nan = numbers.reshape(-1), slack.reshape(-1), nan.reshape(-1)
            if reduction != "none" or rows != "none":
                along = axis if reduction == "none" else 0
                slack = _summed(slack, along) + rounding(max(numbers.shape[along], 1)) * _summed(_sizes(numbers), along)
                empty = numbers.shape[along] == 0 and (rows == "mean" if reduction == "none" else reduction != "sum")
                numbers, nan = _summed(numbers, along), np.asarray(nan.any(axis=along))
                numbers = numbers * _NO_NUMBER if empty else numbers
            self.shape = tuple(np.shape(numbers))
        else:
            self.shape = tuple(numbers.shape)
        self.nan = np.asarray(nan, dtype=bool).reshape(-1)
        return _flat(numbers), _flat(slack)

    def _shape_of_results(self) -> tuple[int, ...]:
        if len(self.core) != 1 or not self.function.axis:
            return self.loop + self.core
        first = next(array.shape for argument, array in self.given.values() if len(argument.core) == 1)
        axis = self.options.get("axis", -1)
        if isinstance(axis, (tuple, list)):
            return tuple(first)
        shape = list(first)
        shape[axis] = self.core[0]
        return tuple(shape)

    def _results_back(self, array: NDArray[Any]) -> NDArray[Any]:
        if len(self.core) != 1 or not self.function.axis:
            return array
        return _axes_back(array, self.options.get("axis", -1), self.shape)

    def _derived(self, units: Sequence[_Unit]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Derivatives in the argument asked for, flat and in its own layout."""
        argument, array = self.given[self.asked.wrt]
        laid = self.laid[self.asked.wrt]
        size = math.prod(laid.shape[laid.ndim - len(argument.core) :])
        tied = any(unit.derived_upper for unit in units)
        numbers = _stacked([unit.derived for unit in units], (self.count, size))
        slack = _stacked([unit.derived_slack for unit in units], (self.count, size))
        above = _stacked([unit.derived_upper or unit.derived for unit in units], (self.count, size))
        nan = np.repeat(np.array([unit.nan for unit in units], dtype=bool), size).reshape(self.count, size)
        if not self.core:
            scale = _flat(self._factors(self._own_weights(units)) * self._cotangents()).reshape(self.count, 1)
            turned = np.array([bool(one < 0) for one in scale.reshape(-1)], dtype=bool).reshape(self.count, 1)
            numbers, slack, above = numbers * scale, slack * _sizes(scale), above * scale
            # Multiplied by a negative number, the ends change places.
            numbers, above = np.where(turned, above, numbers), np.where(turned, numbers, above)
        if argument.shared:
            slack = _summed(slack, 0) + rounding(max(self.count, 1)) * _summed(_sizes(numbers), 0)
            numbers, above, nan = _summed(numbers, 0), _summed(above, 0), np.asarray(nan.any(axis=0))
        self.shape = tuple(array.shape)
        numbers, slack, above, nan = (
            self._argument_back(part, argument, laid.shape) for part in (numbers, slack, above, nan)
        )
        self.nan = nan.astype(bool)
        return numbers, slack, above if tied else None

    def _argument_back(self, flat: NDArray[Any], argument: Argument, laid: tuple[int, ...]) -> NDArray[Any]:
        """The inverse of `_core_last`, flattened."""
        if not self.function.axis or len(argument.core) != 1 or argument.shared:
            return flat.reshape(-1)
        return _axes_back(flat.reshape(laid), self.options.get("axis", -1), self.shape).reshape(-1)

    def _cotangents(self) -> NDArray[Any]:
        """The cotangent of each result before rows and reduction; shape of these."""
        every = self.loop + self.core
        given = self.asked.cotangent
        if given is None:
            return _objects([ONE] * math.prod(every), every)
        if self.core and not self.function.reductions:
            return _balls(
                _core_axis_last(np.asarray(given), self.options.get("axis", -1)) if self._moves_core() else given
            )
        cotangent = _balls(given)
        if self.options.get("reduction", "none") == "none" and self.options.get("rows", "none") != "none":
            cotangent = np.expand_dims(cotangent, self.options["axis"])
        return np.broadcast_to(cotangent, every)

    def _moves_core(self) -> bool:
        return self.function.axis and len(self.core) == 1

    # --- units --------------------------------------------------------------------------------------------------------

    def _units(self, derive: bool, final: bool) -> list[_Unit]:
        """One for each place of the loop; where only its numbers tell one from another, each is computed once."""
        if derive and (self.core or self.asked.quantity != "gradient"):
            return [self._unit(index, derive, final) for index in range(self.count)]
        known: dict[bytes, _Unit] = {}
        units = []
        for index in range(self.count):
            key = b"".join(self._cell(name, index).tobytes() for name in self.given)
            if key not in known:
                known[key] = self._unit(index, derive, final)
            units.append(known[key])
        return units

    def _unit(self, index: int, derive: bool, final: bool) -> _Unit:
        """One unit; kept, if more precision would not change what is kept of its numbers, and nothing is summed up."""
        if index in self._kept:
            return self._kept[index]
        unit = self._new_unit(index, derive, final)
        alone = self.options.get("reduction", "none") == "none" == self.options.get("rows", "none")
        shared = bool(self.asked.wrt) and self.given[self.asked.wrt][0].shared
        numbers = [*unit.derived, *(unit.derived_upper or ())] if derive else unit.values
        if alone and not shared and all(_is_settled(ball) for ball in numbers):
            self._kept[index] = unit
        return unit

    def _new_unit(self, index: int, derive: bool, final: bool) -> _Unit:
        nan = any(_has_nan(self._cell(name, index)) for name in self.given)
        try:
            return self._evaluated(index, derive, nan)
        except Missing:
            # In rows, which of the derivatives depend on the NaN can't be told without a branch: of those nothing is prescribed.
            rows = any(argument.core for argument, _ in self.given.values())
            return self._hollow(index, nan and not (derive and rows), _NO_NUMBER)
        except (Undecided, ZeroDivisionError, ValueError):
            return self._hollow(index, nan, arb(0, "inf"))

    def _hollow(self, index: int, nan: bool, ball: arb) -> _Unit:
        """A unit without numbers: all of them NaN, or open."""
        size = math.prod(self.core)
        forward = self.asked.quantity in ("value", "forward_gradient")
        wide = size if forward else int(np.size(self._cell(self.asked.wrt, index)))
        return _Unit([ball] * size, None, [ZERO] * size, nan, [ball] * wide, [ZERO] * wide, None)

    def _size(self, dimension: str) -> int:
        """The size of a core dimension, from an argument that has it, or computed from one that has another."""
        for name, (argument, _) in self.given.items():
            if dimension in argument.core:
                shape = self.laid[name].shape
                return int(shape[len(shape) - len(argument.core) + argument.core.index(dimension)])
        for computed, rule in self.function.computed.items():
            factor, _, other = rule.partition("*")
            if computed == dimension:
                return int(factor) * self._size(other)
            if other == dimension:
                return self._size(computed) // int(factor)
        raise KeyError(f"{self.function.name} has no argument with the dimension {dimension}")

    def _cell(self, name: str, index: int) -> NDArray[Any]:
        argument, laid = self.given[name][0], self.laid[name]
        if argument.shared:
            return laid
        core = laid.shape[laid.ndim - len(argument.core) :]
        cell: NDArray[Any] = laid.reshape(self.count, *core)[index]
        return cell

    def _run(
        self, index: int, choices: Sequence[bool | None] = (), tangents: Mapping[tuple[str, int], arb] | None = None,
        stretched: Mapping[int, int] | None = None,
    ) -> tuple[Tape, dict[str, list[Variable]], list[Variable], Any]:  # fmt: skip
        """One evaluation: tape, inputs by argument (flat), results (flat), and the result's own weight."""
        tape = Tape(choices, stretched)
        inputs: dict[str, list[Variable]] = {}
        cores: dict[str, Any] = {argument.name: None for argument in self.function.arguments}
        for name, (argument, _) in self.given.items():
            cell = self._cell(name, index)
            if argument.kind in WHOLE or argument.kind == "mask":
                cores[name] = _nested(cell.tolist(), lambda number: number)
                continue
            made = [
                tape.input(number, (tangents or {}).get((name, place)))
                for place, number in enumerate(cell.reshape(-1).tolist())
            ]
            inputs[name] = made
            cores[name] = _folded(made, cell.shape)
        options = {name: tape.input(value) if isinstance(value, float) else value for name, value in self.own.items()}
        outcome = self.function.definition(**cores, **options)
        weight = None
        if isinstance(outcome, Weighted):
            outcome, weight = outcome.result, outcome.weight
            weight = weight.value if isinstance(weight, Variable) else tape.constant(weight)
        flat: list[Any] = []
        shape = _unfolded(outcome, flat)
        if shape != self.core:
            raise TypeError(
                f"the definition of {self.function.name} gives {shape} where its dimensions say {self.core}"
            )
        results = [one if type(one) is Variable else Variable(tape, tape.constant(one), None, (), ()) for one in flat]
        return tape, inputs, results, weight

    def _evaluated(self, index: int, derive: bool, nan: bool) -> _Unit:
        tape, inputs, results, weight = self._run(index)
        values = [result.value for result in results]
        if not derive:
            return _Unit(values, weight, self._value_slack(index, tape, inputs, results), nan, [], [], None)
        none = [ZERO] * len(values)
        if not nan and any(value.is_nan() for value in values):
            # What has no value has no derivative.
            return replace(self._hollow(index, False, _NO_NUMBER), weight=weight)
        if self.asked.quantity == "gradient":
            derived, loss, upper = self._gradients(index, tape, inputs, results)
            slack = [a + b for a, b in zip(loss, self._bends(index, inputs, tape), strict=True)]
            return _Unit(values, weight, none, nan, derived, slack, upper)
        derived, slack = self._directional(index, inputs, len(values))
        return _Unit(values, weight, none, nan, derived, slack, None)

    def _seeds(self, index: int, results: Sequence[Variable]) -> list[tuple[Variable, arb]]:
        """What each result of a unit is multiplied by; one for a lone result, which is scaled afterwards."""
        if not self.core:
            return [(results[0], ONE)]
        if self._result_seeds is None:
            seeds = self._cotangents() * (self._factors() if self.function.reductions else ONE)
            self._result_seeds = seeds.reshape(self.count, -1)
        return list(zip(results, self._result_seeds[index], strict=True))

    def _value_slack(
        self, index: int, tape: Tape, inputs: Mapping[str, Sequence[Variable]], results: Sequence[Variable]
    ) -> list[arb]:
        every = [(name, place) for name, made in inputs.items() for place in range(len(made))]
        if len(results) == 1:
            return [self._slack_of(tape, inputs, results[0])]
        slacks = [ZERO] * len(results)
        columns = self._columns(index, inputs, every, len(tape.sums))
        few = len(every) <= MOST_COLUMNS
        for _, _, moved in columns:
            changes = [self._change(index, result.tangent) for result in moved]
            slacks = [a + b if few else _larger(a, 2 * b) for a, b in zip(slacks, changes, strict=True)]
        return slacks

    @staticmethod
    def _slack_of(tape: Tape, inputs: Mapping[str, Sequence[Variable]], result: Variable) -> arb:
        """What rounding the inputs and the sums may change one number on a tape by."""
        backwards(tape, [(result, ONE)])
        slack = ZERO
        for made in inputs.values():
            for variable in made:
                if variable.adjoint is not None:
                    slack += _product(2 * _worth(variable.value), magnitude(variable.adjoint))
        for total, change in tape.sums:
            if total.adjoint is not None:
                slack += _product(change, magnitude(total.adjoint))
        return slack

    def _columns(
        self, index: int, inputs: Mapping[str, Sequence[Variable]], every: Sequence[tuple[str, int]], sums: int
    ) -> Iterator[tuple[Tape, dict[str, list[Variable]], list[Variable]]]:
        """Evaluations with tangents: one for each number and each sum that rounding may change, or one for each pattern of signs."""
        worth = {key: 2 * _worth(inputs[key[0]][key[1]].value) for key in every}
        if len(every) <= MOST_COLUMNS:
            for key in every:
                if not worth[key] == 0:
                    yield self._run(index, tangents={key: worth[key]})[:3]
            for number in range(sums):
                yield self._run(index, stretched={number: 1})[:3]
            return
        for pattern in PATTERNS:
            tangents = {key: pattern(place) * worth[key] for place, key in enumerate(every)}
            yield self._run(index, tangents=tangents, stretched={number: pattern(number) for number in range(sums)})[:3]

    def _gradients(
        self, index: int, tape: Tape, inputs: Mapping[str, Sequence[Variable]], results: Sequence[Variable]
    ) -> tuple[list[arb], list[arb], list[arb] | None]:
        """The gradient, what adding up its shares may lose, and at ties the upper ends."""
        backwards(tape, self._seeds(index, results), lossy=True)
        asked = inputs[self.asked.wrt]
        found = [variable.adjoint if variable.adjoint is not None else ZERO for variable in asked]
        loss = [variable.loss for variable in asked]
        if not tape.ties:
            return found, loss, None
        low, high = list(found), list(found)
        for choices in _choices(tape.ties):
            try:
                other, made, moved, _ = self._run(index, choices)
                backwards(other, self._seeds(index, moved))
            except (Missing, Undecided):
                continue
            for place, variable in enumerate(made[self.asked.wrt]):
                number = variable.adjoint if variable.adjoint is not None else ZERO
                if number.is_nan():
                    continue
                low[place] = number if low[place].is_nan() or number < low[place] else low[place]
                high[place] = number if high[place].is_nan() or number > high[place] else high[place]
        return low, loss, high

    def _bends(self, index: int, inputs: Mapping[str, Sequence[Variable]], tape: Tape) -> list[arb]:
        """What rounding the inputs and the sums may change the gradient by: Σ |∂²/∂wrt∂xⱼ| · 2·ulp(xⱼ), and the same for sums."""
        every = [(name, place) for name, made in inputs.items() for place in range(len(made))]
        few = len(every) <= MOST_COLUMNS
        slacks = [ZERO] * len(inputs[self.asked.wrt])
        for other, made, moved in self._columns(index, inputs, every, len(tape.sums)):
            backwards(other, self._seeds(index, moved))
            for place, variable in enumerate(made[self.asked.wrt]):
                if variable.adjoint_tangent is not None:
                    change = self._change(index, variable.adjoint_tangent)
                    slacks[place] = slacks[place] + change if few else _larger(slacks[place], 2 * change)
        return slacks

    def _change(self, index: int, tangent: arb | None) -> arb:
        """The size of a change. Beside infinite inputs it may be 0·∞: rounding finite ones changes nothing about what is infinite."""
        if tangent is None:
            return ZERO
        endless = tangent.is_nan() and any(_has_infinity(self._cell(name, index)) for name in self.given)
        return ZERO if endless else magnitude(tangent)

    def _directional(
        self, index: int, inputs: Mapping[str, Sequence[Variable]], results: int
    ) -> tuple[list[arb], list[arb]]:
        """Forward mode and Hessian-vector products, column by column: Σⱼ columnⱼ · directionⱼ; and their slack.

        The slack is (8 + 2·max|x|) ulp of Σⱼ |columnⱼ · directionⱼ|: what is exponential in x loses |x| ulp by rounding x, and what is
        so in a number made from the x loses what these are worth in that. In forward mode what rounding the inputs and the sums may change the result by comes to that.
        """
        forward = self.asked.quantity == "forward_gradient"
        argument = self.given[self.asked.wrt][0]
        given = (
            np.ones(self.given[self.asked.wrt][1].shape)
            if self.asked.direction is None
            else np.asarray(self.asked.direction)
        )
        along = _core_last(self.function, self.options, argument, given)
        cell = along if argument.shared else along.reshape(self.count, -1)[index]
        numbers = [2 * magnitude(v.value) for made in inputs.values() for v in made if v.value.is_finite()]
        doubled = max(
            [*numbers, *([] if forward else self._exponents_worth(index))], key=lambda size: float(size), default=ZERO
        )
        total = [ZERO] * (results if forward else len(inputs[self.asked.wrt]))
        sizes = list(total)
        for place, d in enumerate(np.asarray(cell).reshape(-1).tolist()):
            if d == 0:
                continue
            tape, made, moved, _ = self._run(index, tangents={(self.asked.wrt, place): arb(float(d))})
            if forward:
                moving = [result.tangent for result in moved]
            else:
                backwards(tape, self._seeds(index, moved))
                moving = [variable.adjoint_tangent for variable in made[self.asked.wrt]]
            shares = [ZERO if one is None else one for one in moving]
            total = [a + b for a, b in zip(total, shares, strict=True)]
            sizes = [a + magnitude(b) for a, b in zip(sizes, shares, strict=True)]
        slacks = [(8 + doubled) * size for size in sizes]
        if forward:
            tangents = {
                (self.asked.wrt, place): arb(float(d)) for place, d in enumerate(np.asarray(cell).reshape(-1).tolist())
            }
            slacks = [a + b for a, b in zip(slacks, self._turns(index, tangents), strict=True)]
        return total, slacks

    def _exponents_worth(self, index: int) -> list[arb]:
        """What rounding the inputs and the sums may change each number by of which an exponential is taken, if they are few."""
        tape, inputs, _, _ = self._run(index)
        made = [exponent for exponent in tape.exponents if exponent.parents and exponent.value.is_finite()]
        return [self._slack_of(tape, inputs, exponent) for exponent in made] if len(made) <= MOST_COLUMNS else []

    def _turns(self, index: int, tangents: Mapping[tuple[str, int], arb]) -> list[arb]:
        """What rounding the inputs and the sums may change each result's derivative along a direction by: Σₖ |Σⱼ dⱼ·∂²f/∂xⱼ∂xₖ| · 2·ulp(xₖ), and
        the same for sums."""
        tape, made, moved, _ = self._run(index, tangents=tangents)
        slacks = []
        for result in moved:
            backwards(tape, [(result, ONE)])
            slack = ZERO
            for variable in (one for row in made.values() for one in row):
                slack += _product(2 * _worth(variable.value), self._change(index, variable.adjoint_tangent))
            for total, change in tape.sums:
                slack += _product(change, self._change(index, total.adjoint_tangent))
            slacks.append(slack)
        return slacks


@dataclass(frozen=True)
class _Unit:
    """One place of the loop: its results and their slack, its own weight, and the derivative asked for with slack and upper ends."""

    values: list[arb]
    weight: Any
    slack: list[arb]
    nan: bool
    """Whether a number among its inputs is NaN: then a NaN is an answer, and not the lack of one."""
    derived: list[arb]
    derived_slack: list[arb]
    derived_upper: list[arb] | None


# --- layout -----------------------------------------------------------------------------------------------------------


def _core_last(
    function: TensorFunction, options: Mapping[str, Any], argument: Argument, array: NDArray[Any]
) -> NDArray[Any]:
    """The array with its one core dimension last; axes that are several become one."""
    if not function.axis or len(argument.core) != 1 or argument.shared:
        return array
    return _core_axis_last(array, options.get("axis", -1))


def _core_axis_last(array: NDArray[Any], axis: Any) -> NDArray[Any]:
    if isinstance(axis, (tuple, list)):
        places = [place % array.ndim for place in axis]
        rest = [place for place in range(array.ndim) if place not in places]
        return array.transpose(*rest, *places).reshape(*(array.shape[place] for place in rest), -1)
    return np.moveaxis(array, axis, -1)


def _axes_back(array: NDArray[Any], axis: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """The inverse of `_core_axis_last`, for an array that shall have this shape."""
    if isinstance(axis, (tuple, list)):
        places = [place % len(shape) for place in axis]
        rest = [place for place in range(len(shape)) if place not in places]
        opened = array.reshape(*(shape[place] for place in rest), *(shape[place] for place in places))
        return opened.transpose(*np.argsort([*rest, *places]))
    return np.moveaxis(array, -1, axis)


# --- small helpers ----------------------------------------------------------------------------------------------------


def _passed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _nested(numbers: Any, of: Callable[[Any], Any]) -> Any:
    return tuple(_nested(number, of) for number in numbers) if isinstance(numbers, list) else of(numbers)


def _folded(flat: Sequence[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return tuple(_folded(flat[place * step : (place + 1) * step], shape[1:]) for place in range(shape[0]))


def _unfolded(nested: Any, flat: list[Any]) -> tuple[int, ...]:
    """Appends the leaves to `flat`; gives the shape."""
    if not isinstance(nested, (tuple, list)):
        flat.append(nested)
        return ()
    shapes = [_unfolded(part, flat) for part in nested]
    return (len(nested), *(shapes[0] if shapes else ()))


def _has_nan(cell: NDArray[Any]) -> bool:
    return cell.dtype.kind == "f" and bool(np.isnan(cell).any())


def _has_infinity(cell: NDArray[Any]) -> bool:
    return cell.dtype.kind == "f" and bool(np.isinf(cell).any())


def _objects(balls: Sequence[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of balls; numpy must not look into them."""
    array = np.empty(len(balls), dtype=object)
    array[:] = balls
    return array.reshape(shape)


def _balls(numbers: Any) -> NDArray[Any]:
    return _objects([arb(float(number)) for number in np.asarray(numbers).reshape(-1)], np.shape(numbers))


def _stacked(rows: Sequence[Sequence[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    return _objects([number for row in rows for number in row], shape)


def _sizes(balls: NDArray[Any]) -> NDArray[Any]:
    return _objects([magnitude(ball) for ball in balls.reshape(-1)], balls.shape)


def _sum_of_sizes(balls: Sequence[arb]) -> arb:
    return sum((magnitude(ball) for ball in balls), ZERO)


def _summed(balls: NDArray[Any], axis: int) -> NDArray[Any]:
    if balls.shape[axis] == 0:
        shape = tuple(size for place, size in enumerate(balls.shape) if place != axis % balls.ndim)
        return _objects([ZERO] * math.prod(shape), shape)
    return np.asarray(balls.sum(axis=axis), dtype=object)


def _flat(balls: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(balls, dtype=object).reshape(-1)


def _inverse(count: int) -> arb:
    return 1 / arb(count) if count else _NO_NUMBER


def _larger(a: arb, b: arb) -> arb:
    return b if b > a else a


def _product(change: arb, slope: arb) -> arb:
    """What a change is worth: nothing if there is none, even where the slope is infinite; and nothing if there is no slope."""
    return ZERO if change == 0 or slope == 0 else change * slope


def _worth(x: arb) -> arb:
    """ulp(x) in a format with ulp(1) = 1: the power of two at or below |x|; nothing for zero, infinities and NaN."""
    if x == 0 or not x.is_finite():
        return ZERO
    mantissa, exponent = x.mid().man_exp()
    return arb((1, int(exponent) + abs(int(mantissa)).bit_length() - 1))


def _choices(ties: int) -> Iterator[tuple[bool | None, ...]]:
    """Ways to answer comparisons of equal numbers."""
    if ties <= MOST_TIES:
        yield from product((True, False), repeat=ties)
        return
    for base in (True, False):
        yield (base,) * ties
        for place in range(min(ties, 16)):
            yield tuple(base if other != place else not base for other in range(ties))


def _tied(low: NDArray[Any], high: NDArray[Any], problem: _Problem) -> NDArray[np.bool_]:
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


def _is_settled(ball: arb) -> bool:
    """Whether a ball is exact, or narrower than anything that is kept of a number."""
    return bool(ball.is_nan() or ball.is_exact() or (ball.is_finite() and ball.rel_accuracy_bits() >= SETTLED_BITS))


def _as_floats(balls: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Balls as mantissa · 2^exponent, by their middles; infinite where they are."""
    mantissas, exponents = np.zeros(len(balls)), np.zeros(len(balls), dtype=np.int32)
    for place, ball in enumerate(balls):
        if not ball.is_finite():
            mantissas[place] = np.inf
            continue
        number, exponent = ball.mid().man_exp()
        size = abs(int(number)).bit_length()
        if size:
            cut = max(size - 53, 0)
            mantissas[place] = math.ldexp(abs(int(number)) >> cut, cut - size)
            exponents[place] = max(min(int(exponent) + size, 1 << 30), -(1 << 30))
    return mantissas, exponents
