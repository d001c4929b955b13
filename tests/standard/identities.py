"""Proofs with balls that one function of the standard is another one in disguise.

Both sides are written on one tape, over the same numbers. What is asked is that their difference, and the derivative of it in
every number, is zero at 200 bits: the ball contains 0 and is narrower than 2⁻¹²⁰. Knows the standard's names and no more of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import Weighted
from conformance.truth.series import working_precision
from conformance.truth.tape import ONE, Tape, Variable, backwards

BITS = 200
NARROW = arb(2) ** -120
POINTS = range(36)
CLASSES = 4

Point = random.Random
"""Where numbers are drawn from: the same ones for the same seed."""


def of(name: str, tape: Tape, **given: Any) -> Any:
    """The function of this name, with its defaults for options that are not given. Raises KeyError for names there are not."""
    function = TENSOR_FUNCTIONS[name]
    cores = {argument.name: None for argument in function.arguments}
    options = {option.name: option.default for option in function.options}
    unknown = set(given) - set(cores) - set(options)
    assert not unknown, f"{name} has no {unknown}; it has {sorted(cores)} and {sorted(options)}"
    both = {**cores, **options, **given}
    result = function.definition(
        **{key: tape.input(value) if isinstance(value, float) else value for key, value in both.items()}
    )
    return (result.result, result.weight) if isinstance(result, Weighted) else result


def loss(name: str, tape: Tape, **given: Any) -> Any:
    """As `of`, without the weight of the result."""
    result = of(name, tape, **given)
    return result[0] if isinstance(result, tuple) else result


Sides = Callable[[Point, Tape, Callable[..., Any]], tuple[Any, Any]]
"""(point, tape, inputs) gives both sides; inputs(numbers) makes numbers on the tape, nested as they are."""


def prove(sides: Sides, points: Sequence[int] = POINTS) -> None:
    """Fails where the two sides, or their derivatives in any number, are not proved to be as good as equal."""
    with working_precision(BITS):
        for seed in points:
            tape = Tape()
            made: list[Variable] = []

            def inputs(numbers: Any, tape: Tape = tape, made: list[Variable] = made) -> Any:
                if isinstance(numbers, (list, tuple)):
                    return tuple(inputs(number) for number in numbers)
                made.append(tape.input(float(numbers)))
                return made[-1]

            left, right = sides(random.Random(seed), tape, inputs)
            lefts, rights = _flat(left), _flat(right)
            assert len(lefts) == len(rights) > 0
            for a, b in zip(lefts, rights, strict=True):
                difference = a - b
                if not isinstance(difference, Variable):
                    assert difference == 0, f"point {seed}: {a} is not {b}"
                    continue
                assert_zero(difference.value, f"point {seed}: the difference")
                backwards(tape, [(difference, ONE)])
                for place, number in enumerate(made):
                    if number.adjoint is not None:
                        assert_zero(number.adjoint, f"point {seed}: the derivative of the difference in number {place}")


def _flat(nested: Any) -> list[Any]:
    return [one for part in nested for one in _flat(part)] if isinstance(nested, (tuple, list)) else [nested]


def assert_zero(ball: arb, what: str) -> None:
    assert ball.is_finite(), f"{what} is {ball}"
    assert ball.contains(0), f"{what} is {ball}, not 0"
    assert ball.rad() < NARROW, f"{what} is {ball}: nothing is proved"


def number(point: Point, low: float = -6.0, high: float = 6.0) -> float:
    """A number with eight bits after the point, an odd one: no two sums of few of them are equal to a margin such as 1."""
    return (2 * round(point.uniform(low, high) * 128) + 1) / 256


def row(point: Point, low: float = -6.0, high: float = 6.0, size: int = CLASSES) -> list[float]:
    return [number(point, low, high) for _ in range(size)]


def probability(point: Point) -> float:
    return (2 * point.randrange(1, 127) + 1) / 256


def distribution(point: Point) -> list[float]:
    parts = [point.randrange(1, 60) for _ in range(CLASSES - 1)]
    return [part / 256 for part in (*parts, 256 - sum(parts))]


def one_hot(label: int) -> list[float]:
    return [float(c == label) for c in range(CLASSES)]


def label(point: Point) -> int:
    return point.randrange(CLASSES)


def sign(point: Point) -> float:
    return point.choice((-1.0, 1.0))
