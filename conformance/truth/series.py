"""Ball arithmetic on power series: what definitions are evaluated with.

A `Series` is f(x) + f′(x)·h + f″(x)/2·h² + f‴(x)/6·h³, each coefficient a ball that is proved to contain the true
number. It implements `standard.real.Real`. Knows balls; knows no function, no format and no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import flint
from flint import arb, arb_series, fmpq

from conformance.standard.real import Constant, Operand

ORDERS = 4
"""Value and three derivatives: the bar of the second derivative needs the third."""


class Undecided(Exception):
    """The balls are too wide to tell which branch to take; more precision may help."""


class Setting:
    """What the series of one evaluation share: the side from which kinks are approached, and constants.

    `side` is −1, 0 or +1. `touched` says that at side 0 two sides of a comparison were equal, so that the point may be
    a kink or a jump. Constants have the precision at which they were first asked for.
    """

    __slots__ = ("_numbers", "side", "touched")

    def __init__(self, side: int = 0) -> None:
        self.side = side
        self.touched = False
        self._numbers: dict[Fraction | Constant, arb] = {}

    def number(self, exact: Any) -> arb:
        """A ball around a Fraction or a Constant, at the working precision. Raises TypeError for anything else."""
        known = self._numbers.get(exact)
        if known is None:
            if isinstance(exact, Constant):
                known = bare(exact.of_one(Series(arb(1), self)), self)
            elif isinstance(exact, Fraction):
                known = arb(fmpq(exact.numerator, exact.denominator))
            else:
                given = type(exact).__name__
                raise TypeError(f"a definition may use int, Fraction and Constant beside Real, not {given}")
            self._numbers[exact] = known
        return known


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Sets the precision of balls in bits and the length of series; global in the library, and put back."""
    context = flint.ctx
    before = context.prec, context.cap
    context.prec, context.cap = bits, ORDERS
    try:
        yield
    finally:
        context.prec, context.cap = before


def bare(operand: Any, setting: Setting) -> Any:
    """What the library computes with: the ball or series of a Series, an int, or the ball of an exact number."""
    if type(operand) is Series:
        return operand.value
    if type(operand) is int:
        return operand
    return setting.number(operand)


def _without_constant(value: Any) -> Any:
    """The h of a + h, without a constant term; in value − a it would be a ball around zero, as wide as a is uncertain."""
    return arb_series([0, value[1], value[2], value[3]])


class Series:
    """A real number that depends on x (`value` is a series), or does not (`value` is a ball)."""

    __slots__ = ("setting", "value")

    def __init__(self, value: Any, setting: Setting) -> None:
        self.value = value
        self.setting = setting

    def __add__(self, other: Operand) -> Series:
        return Series(self.value + bare(other, self.setting), self.setting)

    def __radd__(self, other: Operand) -> Series:
        return Series(bare(other, self.setting) + self.value, self.setting)

    def __sub__(self, other: Operand) -> Series:
        return Series(self.value - bare(other, self.setting), self.setting)

    def __rsub__(self, other: Operand) -> Series:
        return Series(bare(other, self.setting) - self.value, self.setting)

    def __mul__(self, other: Operand) -> Series:
        return Series(self.value * bare(other, self.setting), self.setting)

    def __rmul__(self, other: Operand) -> Series:
        return Series(bare(other, self.setting) * self.value, self.setting)

    def __truediv__(self, other: Operand) -> Series:
        return Series(self.value / bare(other, self.setting), self.setting)

    def __rtruediv__(self, other: Operand) -> Series:
        return Series(bare(other, self.setting) / self.value, self.setting)

    def __neg__(self) -> Series:
        return Series(-self.value, self.setting)

    def __lt__(self, other: Operand) -> bool:
        return self._compare(other) < 0

    def __le__(self, other: Operand) -> bool:
        return self._compare(other) <= 0

    def __gt__(self, other: Operand) -> bool:
        return self._compare(other) > 0

    def __ge__(self, other: Operand) -> bool:
        return self._compare(other) >= 0

    def _compare(self, other: Operand) -> int:
        """−1, 0 or +1; on equal constant terms the side decides. Raises Undecided where the balls overlap."""
        left, right = self.value, bare(other, self.setting)
        left_depends, right_depends = type(left) is arb_series, type(right) is arb_series
        first = left[0] if left_depends else left
        second = right[0] if right_depends else right
        if first < second:
            return -1
        if first > second:
            return 1
        if not first == second:  # true only for exact balls, so that this is not the negation of `!=`
            raise Undecided
        if not (left_depends or right_depends):
            return 0
        side = self.setting.side
        if side == 0:
            self.setting.touched = True
            return 0
        difference = left - right
        for power in range(1, ORDERS):
            coefficient = difference[power]
            if coefficient > 0 or coefficient < 0:
                upwards = (side > 0 or power == 2) == bool(coefficient > 0)
                return 1 if upwards else -1
            if not coefficient.is_zero():
                raise Undecided
        return 0

    def exp(self) -> Series:
        return Series(self.value.exp(), self.setting)

    def expm1(self) -> Series:
        """e^(a + h) − 1 = expm1(a) + e^a·(e^h − 1), where nothing cancels: e^h is 1 to the last digit in its first place."""
        if type(self.value) is not arb_series:
            return Series(self.value.expm1(), self.setting)
        at = self.value[0]
        return Series(at.exp() * (_without_constant(self.value).exp() - 1) + at.expm1(), self.setting)

    def log(self) -> Series:
        return Series(self.value.log(), self.setting)

    def log1p(self) -> Series:
        """log(1 + a + h) = log1p(a) + log(1 + h/(1 + a)): the sum with 1 would take the digits of a small a."""
        if type(self.value) is not arb_series:
            return Series(self.value.log1p(), self.setting)
        at = self.value[0]
        return Series((1 + (self.value - at) / (1 + at)).log() + at.log1p(), self.setting)

    def sqrt(self) -> Series:
        return Series(self.value.sqrt(), self.setting)

    def erfc(self) -> Series:
        return Series(self.value.erfc(), self.setting)

    def atan(self) -> Series:
        return Series(self.value.atan(), self.setting)

    def tanh(self) -> Series:
        """From tanh and sech of the constant term, which the library computes without cancellation.

        tanh′ = s, tanh″/2 = −t·s, tanh‴/6 = s·(t² − 1/3), with t = tanh and s = sech².
        """
        if type(self.value) is not arb_series:
            return Series(self.value.tanh(), self.setting)
        at = self.value[0]
        t, sech = at.tanh(), at.sech()
        s = sech * sech
        h = self.value - at
        # Horner's scheme; h has no constant term, so that nothing beyond h³ is lost.
        return Series(((h * (s * (t * t - arb(1) / 3)) - t * s) * h + s) * h + t, self.setting)
