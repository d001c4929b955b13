"""The places of a question's loop (*units*): the definition on balls at each of them, its derivatives, and what honest rounding
may change these by.

Knows the standard and balls; knows nothing of how the results are put together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product as every_choice
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from conformance.standard.tensors import WHOLE, Weighted

from .ball_arrays import NO_NUMBER, folded, larger, nested, product, ulp_of, unfolded
from .questions import Laid, core_last
from .series import Undecided
from .tape import MOST_TIES, ONE, ZERO, Missing, Tape, Variable, backwards, magnitude

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


@dataclass(frozen=True)
class Unit:
    """One place of the loop: its results and their slack, its own weight, and the derivative asked for with slack and upper ends."""

    values: list[arb]
    weight: Any
    slack: list[arb]
    nan: bool
    """Whether a number among its inputs is NaN: then a NaN is an answer, and not the lack of one."""
    derived: list[arb]
    derived_slack: list[arb]
    derived_upper: list[arb] | None


class Units:
    """The units of one question. Those that are certain are kept from one precision to the next."""

    def __init__(self, laid: Laid) -> None:
        self.laid = laid
        self._kept: dict[int, Unit] = {}
        self._seeds_of_results: NDArray[Any] | None = None

    def all(self, seeds: NDArray[Any] | None) -> list[Unit]:
        """One for each place of the loop, at the precision that is set; where only its numbers tell one from another, each is
        computed once.

        seeds   of results with a core: what each is multiplied by before a derivative is taken; shape (count, core)
        """
        self._seeds_of_results = seeds
        derive = self.laid.asked.quantity != "value"
        if derive and (self.laid.core or self.laid.asked.quantity != "gradient"):
            return [self._unit(index, derive) for index in range(self.laid.count)]
        known: dict[bytes, Unit] = {}
        units = []
        for index in range(self.laid.count):
            key = b"".join(self.laid.cell(name, index).tobytes() for name in self.laid.given)
            if key not in known:
                known[key] = self._unit(index, derive)
            units.append(known[key])
        return units

    def _unit(self, index: int, derive: bool) -> Unit:
        """One unit; kept, if more precision would not change what is kept of its numbers, and nothing is summed up."""
        if index in self._kept:
            return self._kept[index]
        unit = self._new_unit(index, derive)
        alone = self.laid.option("reduction") == "none" == self.laid.option("rows")
        shared = bool(self.laid.asked.wrt) and self.laid.given[self.laid.asked.wrt][0].shared
        numbers = [*unit.derived, *(unit.derived_upper or ())] if derive else unit.values
        if alone and not shared and all(_is_settled(ball) for ball in numbers):
            self._kept[index] = unit
        return unit

    def _new_unit(self, index: int, derive: bool) -> Unit:
        nan = any(_has_nan(self.laid.cell(name, index)) for name in self.laid.given)
        try:
            return self._evaluated(index, derive, nan)
        except Missing:
            # In rows, which of the derivatives depend on the NaN can't be told without a branch: of those nothing is prescribed.
            rows = any(argument.core for argument, _ in self.laid.given.values())
            return self._hollow(index, nan and not (derive and rows), NO_NUMBER)
        except (Undecided, ZeroDivisionError, ValueError):
            return self._hollow(index, nan, arb(0, "inf"))

    def _hollow(self, index: int, nan: bool, ball: arb) -> Unit:
        """A unit without numbers: all of them NaN, or open."""
        size = math.prod(self.laid.core)
        forward = self.laid.asked.quantity in ("value", "forward_gradient")
        wide = size if forward else int(np.size(self.laid.cell(self.laid.asked.wrt, index)))
        return Unit([ball] * size, None, [ZERO] * size, nan, [ball] * wide, [ZERO] * wide, None)

    def _run(
        self, index: int, choices: Sequence[bool | None] = (), tangents: Mapping[tuple[str, int], arb] | None = None,
        stretched: Mapping[int, int] | None = None,
    ) -> tuple[Tape, dict[str, list[Variable]], list[Variable], Any]:  # fmt: skip
        """One evaluation: tape, inputs by argument (flat), results (flat), and the result's own weight."""
        tape = Tape(choices, stretched)
        inputs: dict[str, list[Variable]] = {}
        cores: dict[str, Any] = {argument.name: None for argument in self.laid.asked.function.arguments}
        for name, (argument, _) in self.laid.given.items():
            cell = self.laid.cell(name, index)
            if argument.kind in WHOLE or argument.kind == "mask":
                cores[name] = nested(cell.tolist())
                continue
            made = [
                tape.input(number, (tangents or {}).get((name, place)))
                for place, number in enumerate(cell.reshape(-1).tolist())
            ]
            inputs[name] = made
            cores[name] = folded(made, cell.shape)
        options = {
            name: tape.input(value) if isinstance(value, float) else value for name, value in self.laid.own.items()
        }
        outcome = self.laid.asked.function.definition(**cores, **options)
        weight = None
        if isinstance(outcome, Weighted):
            outcome, weight = outcome.result, outcome.weight
            weight = weight.value if isinstance(weight, Variable) else tape.constant(weight)
        flat: list[Any] = []
        shape = unfolded(outcome, flat)
        if shape != self.laid.core:
            raise TypeError(
                f"the definition of {self.laid.asked.function.name} gives {shape} where its dimensions say {self.laid.core}"
            )
        results = [one if type(one) is Variable else Variable(tape, tape.constant(one), None, (), ()) for one in flat]
        return tape, inputs, results, weight

    def _evaluated(self, index: int, derive: bool, nan: bool) -> Unit:
        tape, inputs, results, weight = self._run(index)
        values = [result.value for result in results]
        if not derive:
            return Unit(values, weight, self._value_slack(index, tape, inputs, results), nan, [], [], None)
        none = [ZERO] * len(values)
        if not nan and any(value.is_nan() for value in values):
            # What has no value has no derivative.
            return replace(self._hollow(index, False, NO_NUMBER), weight=weight)
        if self.laid.asked.quantity == "gradient":
            derived, loss, upper = self._gradients(index, tape, inputs, results)
            slack = [a + b for a, b in zip(loss, self._bends(index, inputs, tape), strict=True)]
            return Unit(values, weight, none, nan, derived, slack, upper)
        derived, slack = self._directional(index, inputs, len(values))
        return Unit(values, weight, none, nan, derived, slack, None)

    def _seeds(self, index: int, results: Sequence[Variable]) -> list[tuple[Variable, arb]]:
        """What each result of a unit is multiplied by; one for a lone result, which is scaled afterwards."""
        if not self.laid.core:
            return [(results[0], ONE)]
        assert self._seeds_of_results is not None
        return list(zip(results, self._seeds_of_results[index], strict=True))

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
            slacks = [a + b if few else larger(a, 2 * b) for a, b in zip(slacks, changes, strict=True)]
        return slacks

    @staticmethod
    def _slack_of(tape: Tape, inputs: Mapping[str, Sequence[Variable]], result: Variable) -> arb:
        """What rounding the inputs and the sums may change one number on a tape by."""
        backwards(tape, [(result, ONE)])
        slack = ZERO
        for made in inputs.values():
            for variable in made:
                if variable.adjoint is not None:
                    slack += product(2 * ulp_of(variable.value), magnitude(variable.adjoint))
        for total, change in tape.sums:
            if total.adjoint is not None:
                slack += product(change, magnitude(total.adjoint))
        return slack

    def _columns(
        self, index: int, inputs: Mapping[str, Sequence[Variable]], every: Sequence[tuple[str, int]], sums: int
    ) -> Iterator[tuple[Tape, dict[str, list[Variable]], list[Variable]]]:
        """Evaluations with tangents: one for each number and each sum that rounding may change, or one for each pattern of signs."""
        worth = {key: 2 * ulp_of(inputs[key[0]][key[1]].value) for key in every}
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
        asked = inputs[self.laid.asked.wrt]
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
            for place, variable in enumerate(made[self.laid.asked.wrt]):
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
        slacks = [ZERO] * len(inputs[self.laid.asked.wrt])
        for other, made, moved in self._columns(index, inputs, every, len(tape.sums)):
            backwards(other, self._seeds(index, moved))
            for place, variable in enumerate(made[self.laid.asked.wrt]):
                if variable.adjoint_tangent is not None:
                    change = self._change(index, variable.adjoint_tangent)
                    slacks[place] = slacks[place] + change if few else larger(slacks[place], 2 * change)
        return slacks

    def _change(self, index: int, tangent: arb | None) -> arb:
        """The size of a change. Beside infinite inputs it may be 0·∞: rounding finite ones changes nothing about what is infinite."""
        if tangent is None:
            return ZERO
        endless = tangent.is_nan() and any(_has_infinity(self.laid.cell(name, index)) for name in self.laid.given)
        return ZERO if endless else magnitude(tangent)

    def _directional(
        self, index: int, inputs: Mapping[str, Sequence[Variable]], results: int
    ) -> tuple[list[arb], list[arb]]:
        """Forward mode and Hessian-vector products, column by column: Σⱼ columnⱼ · directionⱼ; and their slack.

        The slack is (8 + 2·max|x|) ulp of Σⱼ |columnⱼ · directionⱼ|: what is exponential in x loses |x| ulp by rounding x, and what is
        so in a number made from the x loses what these are worth in that. In forward mode what rounding the inputs and the sums may change the result by comes to that.
        """
        forward = self.laid.asked.quantity == "forward_gradient"
        argument = self.laid.given[self.laid.asked.wrt][0]
        given = (
            np.ones(self.laid.given[self.laid.asked.wrt][1].shape)
            if self.laid.asked.direction is None
            else np.asarray(self.laid.asked.direction)
        )
        along = core_last(self.laid.asked, argument, given)
        cell = along if argument.shared else along.reshape(self.laid.count, -1)[index]
        numbers = [2 * magnitude(v.value) for made in inputs.values() for v in made if v.value.is_finite()]
        doubled = max(
            [*numbers, *([] if forward else self._exponents_worth(index))], key=lambda size: float(size), default=ZERO
        )
        total = [ZERO] * (results if forward else len(inputs[self.laid.asked.wrt]))
        sizes = list(total)
        for place, d in enumerate(np.asarray(cell).reshape(-1).tolist()):
            if d == 0:
                continue
            tape, made, moved, _ = self._run(index, tangents={(self.laid.asked.wrt, place): arb(float(d))})
            if forward:
                moving = [result.tangent for result in moved]
            else:
                backwards(tape, self._seeds(index, moved))
                moving = [variable.adjoint_tangent for variable in made[self.laid.asked.wrt]]
            shares = [ZERO if one is None else one for one in moving]
            total = [a + b for a, b in zip(total, shares, strict=True)]
            sizes = [a + magnitude(b) for a, b in zip(sizes, shares, strict=True)]
        slacks = [(8 + doubled) * size for size in sizes]
        if forward:
            tangents = {
                (self.laid.asked.wrt, place): arb(float(d))
                for place, d in enumerate(np.asarray(cell).reshape(-1).tolist())
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
                slack += product(2 * ulp_of(variable.value), self._change(index, variable.adjoint_tangent))
            for total, change in tape.sums:
                slack += product(change, self._change(index, total.adjoint_tangent))
            slacks.append(slack)
        return slacks


def _has_nan(cell: NDArray[Any]) -> bool:
    return cell.dtype.kind == "f" and bool(np.isnan(cell).any())


def _has_infinity(cell: NDArray[Any]) -> bool:
    return cell.dtype.kind == "f" and bool(np.isinf(cell).any())


def _choices(ties: int) -> Iterator[tuple[bool | None, ...]]:
    """Ways to answer comparisons of equal numbers."""
    if ties <= MOST_TIES:
        yield from every_choice((True, False), repeat=ties)
        return
    for base in (True, False):
        yield (base,) * ties
        for place in range(min(ties, 16)):
            yield tuple(base if other != place else not base for other in range(ties))


def _is_settled(ball: arb) -> bool:
    """Whether a ball is exact, or narrower than anything that is kept of a number."""
    return bool(ball.is_nan() or ball.is_exact() or (ball.is_finite() and ball.rel_accuracy_bits() >= SETTLED_BITS))
