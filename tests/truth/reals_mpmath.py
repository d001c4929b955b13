"""Real numbers in mpmath, in which definitions of functions of tensors can be evaluated without balls, tapes or derivatives.

Only for ordinary numbers: there is no limit, no tie and no NaN in here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from conformance.standard.real import Constant
from conformance.standard.tensors import WHOLE, TensorFunction, Weighted


class Number:
    """A number that definitions accept; see conformance.standard.real.Real."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __add__(self, other: Any) -> Number:
        return Number(self.x + bare(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Number:
        return Number(self.x - bare(other))

    def __rsub__(self, other: Any) -> Number:
        return Number(bare(other) - self.x)

    def __mul__(self, other: Any) -> Number:
        return Number(self.x * bare(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        return Number(self.x / bare(other))

    def __rtruediv__(self, other: Any) -> Number:
        return Number(bare(other) / self.x)

    def __neg__(self) -> Number:
        return Number(-self.x)

    def __lt__(self, other: Any) -> bool:
        return bool(self.x < bare(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.x <= bare(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.x > bare(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.x >= bare(other))

    def exp(self) -> Number:
        return Number(mpmath.exp(self.x))

    def expm1(self) -> Number:
        return Number(mpmath.expm1(self.x))

    def log(self) -> Number:
        return Number(mpmath.log(self.x))

    def log1p(self) -> Number:
        return Number(mpmath.log1p(self.x))

    def sqrt(self) -> Number:
        return Number(mpmath.sqrt(self.x))

    def erfc(self) -> Number:
        return Number(mpmath.erfc(self.x))

    def atan(self) -> Number:
        return Number(mpmath.atan(self.x))

    def tanh(self) -> Number:
        return Number(mpmath.tanh(self.x))

    def power(self, exponent: Any) -> Number:
        c = bare(exponent)
        return Number(mpmath.mpf(1) if c == 0 else self.x**c)

    def xlogy(self, other: Any) -> Number:
        return Number(mpmath.mpf(0) if self.x == 0 else self.x * mpmath.log(bare(other)))

    def xlogx(self) -> Number:
        return Number(mpmath.mpf(0) if self.x == 0 else self.x * mpmath.log(self.x))

    def counted(self, other: Any) -> Number:
        return Number(mpmath.mpf(0) if self.x == 0 else self.x * bare(other))

    def each(self, function: Callable[..., Any], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        return tuple(function(*place) for place in zip(*rows, strict=True))

    def total(self, terms: Sequence[Any]) -> Number:
        return Number(mpmath.fsum(bare(term) for term in terms))


def bare(operand: Any) -> Any:
    """What mpmath computes with."""
    if isinstance(operand, Number):
        return operand.x
    if isinstance(operand, Fraction):
        return mpmath.mpf(operand.numerator) / operand.denominator
    if isinstance(operand, Constant):
        return operand.of_one(Number(mpmath.mpf(1))).x  # type: ignore[attr-defined]  # a Number does for a Real
    if isinstance(operand, int) and abs(operand) > 2**2000:
        return mpmath.mpf("inf") if operand > 0 else mpmath.mpf("-inf")  # only compared with
    return mpmath.mpf(operand)


def evaluated(function: TensorFunction, tensors: Mapping[str, Any], options: Mapping[str, Any]) -> list[Any]:
    """The core results at one place of the loop, flat; `tensors` are object arrays of mpf, or of whole numbers and bools."""
    cores: dict[str, Any] = {argument.name: None for argument in function.arguments}
    for name, array in tensors.items():
        whole = function.argument(name).kind in (*WHOLE, "mask")
        cores[name] = _nested(np.asarray(array).tolist(), (lambda x: x) if whole else Number)
    given = {n: Number(mpmath.mpf(v)) if isinstance(v, float) else v for n, v in options.items()}
    outcome = function.definition(**cores, **given)
    flat: list[Any] = []
    _flatten(outcome.result if isinstance(outcome, Weighted) else outcome, flat)
    return flat


def _nested(numbers: Any, of: Callable[[Any], Any]) -> Any:
    return tuple(_nested(number, of) for number in numbers) if isinstance(numbers, list) else of(numbers)


def _flatten(nested: Any, flat: list[Any]) -> None:
    if isinstance(nested, (tuple, list)):
        for part in nested:
            _flatten(part, flat)
    else:
        flat.append(bare(nested))
