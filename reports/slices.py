"""A slice through a function of tensors: its value and its derivative along one number of one argument, the others held.

For a plot, so a few dozen points with a dozen digits; evaluated from the standard's definition, on balls. Knows the standard and the
tape; knows no framework and no picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from flint import arb

from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import WHOLE, Argument, TensorFunction, Weighted
from conformance.truth.series import Undecided
from conformance.truth.tape import Missing, Tape, Variable

POINTS = 61
ENDS = {
    "real": (-4.0, 4.0), "logit": (-6.0, 6.0), "probability": (0.0, 1.0), "log_probability": (-6.0, 0.0), "positive": (0.0, 4.0),
    "distribution": (0.0, 1.0), "log_distribution": (-6.0, 0.0),
}  # fmt: skip
"""From where to where an argument goes, by its kind; ends at which there may be no number are not reached."""

NUMBERS: dict[str, tuple[float, ...]] = {
    "real": (0.0, 1.0, -0.5), "logit": (0.0, 1.0, -1.0), "probability": (0.75, 0.25, 0.5), "distribution": (0.5, 0.25, 0.25),
    "log_probability": (-1.0, -2.0, -0.5), "log_distribution": (-0.75, -1.5, -1.25), "positive": (1.0, 2.0, 0.5),
    "nonnegative": (2.0, 1.0, 0.0), "one_hot": (1.0, 0.0, 0.0), "binary": (1.0, 0.0, 1.0), "sign": (1.0,), "label": (0,),
    "label_list": (0, -1, -1),
}  # fmt: skip
"""Numbers that arguments are held at, by kind: a lone one is the first of them, a row all."""

TURNED = ("real", "logit")
"""Kinds of which a second argument is held at other numbers than the first, or their distance would be 0."""

SIZE = 3
"""Size of the core dimension."""


@dataclass(frozen=True)
class Slice:
    """`points` are (x, value, derivative), NaN where there is none; `moves` says which number is x, `held` what the others are."""

    moves: str
    held: str
    points: tuple[tuple[float, float, float], ...]


Held = dict[str, tuple[float, ...]]
"""What each argument that is given is held at; x replaces the first number of the one that moves."""


@cache
def slice_of(name: str) -> Slice | None:
    """The slice of a function by its name; None where no picture of one number says anything about it."""
    function = TENSOR_FUNCTIONS[name]
    moved = next((a for a in function.arguments if a.differentiable and a.kind not in (*WHOLE, "mask")), None)
    if moved is None or not _can_be_drawn(function, moved):
        return None
    low, high = ENDS[moved.kind]
    inside = 0 if moved.kind in ("real", "logit") else 1  # of [0, 1] the ends may be infinite
    steps = [low + (high - low) * (n + inside / 2) / (POINTS - 1 + inside) for n in range(POINTS)]
    for turn in (0, 1):  # an error in percent of a target of 0 is no number
        held = _held(function, moved, turn)
        points = tuple(_point(function, moved, held, x) for x in steps)
        if any(math.isfinite(y) for _, y, _ in points):
            return Slice(moved.name + ("[0]" if moved.core else ""), _told(function, moved, held), points)
    return None


def _can_be_drawn(function: TensorFunction, moved: Argument) -> bool:
    """Functions of numbers and rows of them, each place by itself, of which the first result depends on the first number."""
    given = [a for a in function.arguments if not a.optional]
    plain = all(len(a.core) < 2 and a.kind in NUMBERS for a in given) and moved.kind in ENDS
    return plain and function.batched and not function.drawn and len(function.result) < 2 and not function.computed


def _held(function: TensorFunction, moved: Argument, turn: int) -> Held:
    held: Held = {}
    for argument in function.arguments:
        if argument.optional and argument is not moved:
            continue
        numbers = NUMBERS[argument.kind]
        if argument.kind in TURNED and argument is not moved:
            by = (turn + sum(function.argument(name).kind == argument.kind for name in held) - 1) % len(numbers)
            numbers = numbers[by:] + numbers[:by]
        held[argument.name] = tuple(numbers[n % len(numbers)] for n in range(SIZE if argument.core else 1))
    return held


def _told(function: TensorFunction, moved: Argument, held: Held) -> str:
    said = []
    for name, numbers in held.items():
        row = [f"{number:g}" for number in numbers]
        if name == moved.name:
            row[0] = "x"
        if function.argument(name).core:
            said.append(f"{name} = [{', '.join(row)}]")
        elif name != moved.name:
            said.append(f"{name} = {row[0]}")
    return ", ".join(said)


def _point(function: TensorFunction, moved: Argument, held: Held, x: float) -> tuple[float, float, float]:
    tape = Tape()
    cores: dict[str, Any] = {argument.name: None for argument in function.arguments}
    for name, numbers in held.items():
        argument = function.argument(name)
        row = tuple(
            int(number)
            if argument.kind in WHOLE
            else tape.input(x, arb(1))
            if argument is moved and place == 0
            else tape.input(number)
            for place, number in enumerate(numbers)
        )
        cores[name] = row if argument.core else row[0]
    options = {
        option.name: tape.input(option.default) if isinstance(option.default, float) else option.default
        for option in function.options
    }
    try:
        outcome = function.definition(**cores, **options)
    except (Undecided, Missing):
        return x, math.nan, math.nan
    result = outcome.result if isinstance(outcome, Weighted) else outcome
    first = result[0] if isinstance(result, (tuple, list)) else result
    if not isinstance(first, Variable):
        return x, float(first), 0.0
    return x, _middle(first.value), 0.0 if first.tangent is None else _middle(first.tangent)


def _middle(ball: arb) -> float:
    """The middle of a ball; NaN where it holds no one number."""
    return float(ball.mid()) if ball.is_finite() else math.nan
