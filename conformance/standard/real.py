"""The real functions that definitions are written in.

They say what, not how: each hands over to its argument, so that one definition serves the oracle (balls and power
series) and anything else that can stand for a real number, such as mpmath in the tests of the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeAlias


class Real(Protocol):
    """What a definition may do with a real number. Comparisons answer True or False, or raise if they can't be decided."""

    def __add__(self, other: Operand) -> Real: ...
    def __radd__(self, other: Operand) -> Real: ...
    def __sub__(self, other: Operand) -> Real: ...
    def __rsub__(self, other: Operand) -> Real: ...
    def __mul__(self, other: Operand) -> Real: ...
    def __rmul__(self, other: Operand) -> Real: ...
    def __truediv__(self, other: Operand) -> Real: ...
    def __rtruediv__(self, other: Operand) -> Real: ...
    def __neg__(self) -> Real: ...
    def __lt__(self, other: Operand) -> bool: ...
    def __le__(self, other: Operand) -> bool: ...
    def __gt__(self, other: Operand) -> bool: ...
    def __ge__(self, other: Operand) -> bool: ...
    def exp(self) -> Real: ...
    def expm1(self) -> Real: ...
    def log(self) -> Real: ...
    def log1p(self) -> Real: ...
    def sqrt(self) -> Real: ...
    def erfc(self) -> Real: ...
    def atan(self) -> Real: ...
    def tanh(self) -> Real: ...


@dataclass(frozen=True)
class Constant:
    """An irrational constant of a definition, computed from the number one by whoever stands for real numbers."""

    name: str
    of_one: Callable[[Real], Real]

    # A constant may stand on the left of an operator: Python then asks the Real on the right.
    def _defer(self, other: Any) -> Any:
        return NotImplemented

    __add__ = __sub__ = __mul__ = __truediv__ = _defer


Operand: TypeAlias = "Real | Constant | int | Fraction"
"""Numbers beside a Real must be exact: a decimal such as 0.044715 is written `exact("0.044715")`, never as a float."""


def exact(decimal: str) -> Fraction:
    """The rational number that a decimal literal names."""
    return Fraction(decimal)


def exp(x: Real) -> Real:
    """e^x."""
    return x.exp()


def expm1(x: Real) -> Real:
    """e^x − 1."""
    return x.expm1()


def log(x: Real) -> Real:
    """Natural logarithm, for x > 0."""
    return x.log()


def log1p(x: Real) -> Real:
    """Natural logarithm of 1 + x, for x > −1."""
    return x.log1p()


def sqrt(x: Real) -> Real:
    """Square root, for x ≥ 0."""
    return x.sqrt()


def erfc(x: Real) -> Real:
    """Complementary error function, 1 − erf(x)."""
    return x.erfc()


def atan(x: Real) -> Real:
    """Inverse tangent, between −π/2 and π/2."""
    return x.atan()


def tanh(x: Real) -> Real:
    """Hyperbolic tangent."""
    return x.tanh()


def total(terms: Sequence[Any]) -> Any:
    """The sum of terms that an implementation adds up in whatever order; the bar allows for what pairwise addition loses.

    A sum written with `+` is one that a careful implementation need not carry out (log(1 + y) by log1p).
    """
    for term in terms:
        if hasattr(term, "total"):
            return term.total(terms)
    return sum(terms)


def mean(terms: Sequence[Any]) -> Any:
    """The sum of terms (see `total`) divided by their number."""
    return total(terms) / len(terms)


def log_sum_exp(terms: Sequence[Any]) -> Any:
    """log Σ e^x."""
    return log(total([exp(x) for x in terms]))


def power(x: Any, exponent: Any) -> Any:
    """x^exponent for x ≥ 0 and a constant exponent (an int, or a Real that depends on no argument); 0^0 = 1."""
    return x.power(exponent)


def dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
    """Σ xᵢ·yᵢ."""
    return total([a * b for a, b in zip(x, y, strict=True)])


def absolute(x: Real) -> Real:
    """|x|; both −1 and 1 are slopes at 0."""
    return x if x >= 0 else -x


def softplus(x: Real) -> Operand:
    """log(1 + e^x), so that nothing cancels for x of either sign."""
    return log1p(exp(x)) if x <= 0 else x + log1p(exp(-x))


def sigmoid(x: Real) -> Operand:
    """1 / (1 + e^−x)."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def xlogy(x: Any, y: Any) -> Any:
    """x · log(y), and 0 where x = 0, whatever y is: the limit of x · log(x) for x → 0."""
    return x.xlogy(y)


def counted(weight: Any, x: Any) -> Any:
    """weight · x, and 0 where the weight is 0, however large x is: what does not count adds nothing (0 · ∞ = 0)."""
    return weight.counted(x)


def xlogx(x: Any) -> Any:
    """x · log(x), and 0 where x = 0: its limit."""
    return x.xlogx()


def each(function: Callable[..., Any], *rows: Sequence[Any]) -> tuple[Any, ...]:
    """`function` of the numbers (or tuples of them) at every place of rows that are equally long.

    Where a NaN is compared with something the result is NaN, shaped as the first row is there, and the other places know
    nothing of it.
    """
    return next((_first(row[0]).each(function, rows) for row in rows if row), ())


def _first(nested: Any) -> Any:
    return _first(nested[0]) if isinstance(nested, tuple) else nested


FARTHEST = 2**16384
"""Above every finite number of every format: only ∞ is larger, only −∞ smaller than its negative."""

SQRT_2 = Constant("√2", lambda one: sqrt(2 * one))
LOG_2 = Constant("log 2", lambda one: log(2 * one))
MINUS_INFINITY = Constant("−∞", lambda one: log(one - one))
UNDEFINED = Constant("0/0", lambda one: (one - one) / (one - one))
PI = Constant("π", lambda one: 4 * atan(one))


def maximum(x: Operand, y: Operand) -> Operand:
    """The larger of two."""
    return x if x >= y else y  # type: ignore[operator]  # one of the two is a Real


def minimum(x: Operand, y: Operand) -> Operand:
    """The smaller of two."""
    return x if x <= y else y  # type: ignore[operator]  # one of the two is a Real
