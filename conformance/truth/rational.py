"""Definitions in exact rational arithmetic: the value, and the derivative in one of the arguments, of whatever is built from
+, −, ·, ÷ and comparisons.

Balls and series (oracle.py) serve functions of one variable; here the parameters are tensors too, and the derivative in one
of them is asked. Knows no format, no framework and no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from conformance.standard import Function

from .reals import FINITE, INFINITE, NAN, ZERO, Reals

FAR = Fraction(2) ** 5000
"""Stands for an infinite argument: beyond every kink, and beyond every number of every format when multiplied by one."""

Extended = Fraction | float
"""An exact number, or the float NaN, inf or −inf."""


@dataclass(frozen=True)
class Dual:
    """A number and its derivative in the argument that was asked for; `standard.real.Real` as far as it is rational."""

    value: Fraction
    derivative: Fraction = Fraction(0)

    def __add__(self, other: Any) -> Dual:
        other = _dual(other)
        return Dual(self.value + other.value, self.derivative + other.derivative)

    def __sub__(self, other: Any) -> Dual:
        other = _dual(other)
        return Dual(self.value - other.value, self.derivative - other.derivative)

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) - self

    def __mul__(self, other: Any) -> Dual:
        other = _dual(other)
        return Dual(self.value * other.value, self.derivative * other.value + self.value * other.derivative)

    def __truediv__(self, other: Any) -> Dual:
        other = _dual(other)
        quotient = self.value / other.value
        return Dual(quotient, (self.derivative - quotient * other.derivative) / other.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative)

    def __lt__(self, other: Any) -> bool:
        return self.value < _dual(other).value

    def __le__(self, other: Any) -> bool:
        return self.value <= _dual(other).value

    def __gt__(self, other: Any) -> bool:
        return self.value > _dual(other).value

    def __ge__(self, other: Any) -> bool:
        return self.value >= _dual(other).value

    __radd__ = __add__
    __rmul__ = __mul__


def _dual(operand: Any) -> Dual:
    return operand if isinstance(operand, Dual) else Dual(Fraction(operand))


def evaluated(function: Function, x: float, parameters: Mapping[str, float], of: str) -> tuple[Extended, Extended]:
    """The function at x, and its derivative in the argument named `of`: `x`, or a parameter, all of them finite.

    Where x is infinite, the limits; where it is NaN, NaN. At a place where the derivative jumps it is that of the piece to
    which the definition counts the place. Raises TypeError for a definition that is not rational.
    """
    if math.isnan(x):
        return math.nan, math.nan
    place = Fraction(x) if math.isfinite(x) else FAR * (1 if x > 0 else -1)
    argument = Dual(place, Fraction(int(of == "x")))
    others = {name: Dual(Fraction(number), Fraction(int(of == name))) for name, number in parameters.items()}
    try:
        result = _dual(function.definition(argument, **others))
    except AttributeError as error:
        raise TypeError(f"the definition of {function.name} is not rational: {error}") from error
    return _near(result.value), _near(result.derivative)


def _near(number: Fraction) -> Extended:
    """What came of FAR is infinite again."""
    if abs(number) < 2**2000:
        return number
    return math.inf if number > 0 else -math.inf


def reals(numbers: Iterable[Extended]) -> Reals:
    """Numbers as columns; shape (n,)."""
    rows = [_row(number) for number in numbers]
    return Reals(
        np.array([row[0] for row in rows], dtype=np.uint8),
        np.array([row[1] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.int32),
    )


def _row(number: Extended) -> tuple[int, float, float, int]:
    if isinstance(number, float):
        return (NAN, 0.0, 0.0, 0) if math.isnan(number) else (INFINITE, math.copysign(1.0, number), 0.0, 0)
    if number == 0:
        return ZERO, 0.0, 0.0, 0
    exponent = abs(number.numerator).bit_length() - number.denominator.bit_length()
    exponent -= abs(number) < Fraction(2) ** exponent
    scaled = number / Fraction(2) ** exponent
    # Rounded towards zero where to nearest would give 2.
    mantissa = float(scaled) if abs(float(scaled)) < 2 else math.copysign(math.nextafter(2.0, 0.0), float(scaled))
    return FINITE, mantissa, float(scaled - Fraction(mantissa)), exponent
