"""Reverse-mode differentiation over balls: what definitions of functions of many numbers are evaluated with.

A `Variable` implements `standard.real.Real`. Its value is a ball; beside it may stand a tangent, the derivative along one
direction in the space of all inputs, so that one sweep backwards gives the gradient and its derivative along that direction
(a column of the Hessian). Infinite inputs follow the limits where there is one (e^−∞ = 0), and are NaN where the form is
indeterminate (∞ − ∞, 0 · ∞). Knows balls; knows no function, no format and no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from flint import arb, fmpq

from conformance.standard.real import Constant

from .series import Undecided

ZERO, ONE = arb(0), arb(1)
MOST_TIES = 4
"""Comparisons of equal numbers whose branches are combined with one another; of more, each is tried alone."""


class Missing(Exception):
    """A comparison with NaN: no branch is right, and the result is NaN."""


class Tape:
    """What the variables of one evaluation share.

    `choices`: for the first comparisons of equal numbers, whether to answer as if the left side were larger (True) or smaller;
    what is not there is answered exactly. `ties` counts such comparisons. `exponents` are the variables of which an exponential
    was taken. `sums` are the sums that were carried out, each with
    what rounding may change it by (see `rounding`). `stretched`: sums, by number, whose result has a tangent of its own: that
    change times the factor given.
    """

    __slots__ = ("choices", "exponents", "nodes", "numbers", "stretched", "sums", "ties")

    def __init__(self, choices: Sequence[bool | None] = (), stretched: Mapping[int, int] | None = None) -> None:
        self.choices, self.stretched = choices, stretched or {}
        self.ties = 0
        self.nodes: list[Variable] = []
        self.exponents: list[Variable] = []
        self.sums: list[tuple[Variable, arb]] = []
        self.numbers: dict[Any, arb] = {}

    def input(self, number: float, tangent: arb | None = None) -> Variable:
        """A variable that is one of the inputs."""
        return Variable(self, arb(number), tangent, (), ())

    def constant(self, exact: Any) -> arb:
        """A ball around an int, a float, a Fraction or a Constant."""
        known = self.numbers.get(exact)
        if known is None:
            if isinstance(exact, Constant):
                known = exact.of_one(Variable(Tape(), arb(1), None, (), ())).value  # type: ignore[attr-defined]  # of_one gives what it got
            elif isinstance(exact, Fraction):
                known = arb(fmpq(exact.numerator, exact.denominator))
            elif isinstance(exact, (int, float)):
                known = arb(exact)
            else:
                raise TypeError(
                    f"a definition may use int, Fraction and Constant beside Real, not {type(exact).__name__}"
                )
            self.numbers[exact] = known
        return known


class Variable:
    """A number on a tape: `value` and `tangent` (None for 0) are balls; `parents` and the local derivatives in them, with their
    own tangents, lead back to the inputs. `loss` is what rounding may change the adjoint by, in ulp of 1."""

    __slots__ = ("adjoint", "adjoint_tangent", "loss", "parents", "partials", "shares", "tangent", "tape", "value")

    def __init__(
        self,
        tape: Tape,
        value: arb,
        tangent: arb | None,
        parents: Sequence[Variable],
        partials: Sequence[tuple[arb, arb | None]],
    ) -> None:
        self.tape, self.value, self.tangent, self.parents, self.partials = tape, value, tangent, parents, partials
        self.adjoint: arb | None = None
        self.adjoint_tangent: arb | None = None
        self.loss: arb = ZERO
        self.shares: list[arb] = []
        tape.nodes.append(self)

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Variable:
        if type(other) is Variable:
            return Variable(
                self.tape,
                self.value + other.value,
                _plus(self.tangent, other.tangent),
                (self, other),
                ((ONE, None), (ONE, None)),
            )
        return Variable(self.tape, self.value + self.tape.constant(other), self.tangent, (self,), ((ONE, None),))

    __radd__ = __add__

    def __neg__(self) -> Variable:
        return Variable(self.tape, -self.value, _minus(self.tangent), (self,), ((arb(-1), None),))

    def __sub__(self, other: Any) -> Variable:
        if type(other) is Variable:
            tangent = _plus(self.tangent, _minus(other.tangent))
            return Variable(self.tape, self.value - other.value, tangent, (self, other), ((ONE, None), (arb(-1), None)))
        return Variable(self.tape, self.value - self.tape.constant(other), self.tangent, (self,), ((ONE, None),))

    def __rsub__(self, other: Any) -> Variable:
        return Variable(
            self.tape, self.tape.constant(other) - self.value, _minus(self.tangent), (self,), ((arb(-1), None),)
        )

    def __mul__(self, other: Any) -> Variable:
        if type(other) is Variable:
            tangent = _plus(_times(self.tangent, other.value), _times(other.tangent, self.value))
            partials = ((other.value, other.tangent), (self.value, self.tangent))
            return Variable(self.tape, self.value * other.value, tangent, (self, other), partials)
        factor = self.tape.constant(other)
        return Variable(self.tape, self.value * factor, _times(self.tangent, factor), (self,), ((factor, None),))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Variable:
        if type(other) is Variable:
            inverse: Variable = other._reciprocal()
            return self * inverse
        factor = _inverse(self.tape.constant(other), "nan")
        return Variable(self.tape, self.value * factor, _times(self.tangent, factor), (self,), ((factor, None),))

    def __rtruediv__(self, other: Any) -> Variable:
        quotient: Variable = self._reciprocal() * other
        return quotient

    def _reciprocal(self) -> Variable:
        inverse = _inverse(self.value, "nan")  # a quotient has no limit there that does not depend on the side
        square = inverse * inverse
        return self._of(inverse, -square, lambda: 2 * square * inverse)

    def _of(self, value: arb, slope: arb, bend: Any) -> Variable:
        """A function of this variable alone, from its value and derivative; `bend()` gives the second derivative."""
        if self.tangent is None:
            return Variable(self.tape, value, None, (self,), ((slope, None),))
        return Variable(
            self.tape, value, _times(self.tangent, slope), (self,), ((slope, _times(self.tangent, bend())),)
        )

    # --- comparison ---------------------------------------------------------------------------------------------------

    def __lt__(self, other: Any) -> bool:
        return self._compare(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._compare(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._compare(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._compare(other) >= 0

    def _compare(self, other: Any) -> int:
        left, right = self.value, other.value if type(other) is Variable else self.tape.constant(other)
        if left.is_nan() or right.is_nan():
            raise Missing
        if left < right:
            return -1
        if left > right:
            return 1
        if not left == right:  # true only for exact balls, so that this is not the negation of `!=`
            raise Undecided
        tape = self.tape
        tape.ties += 1
        chosen = tape.choices[tape.ties - 1] if tape.ties <= len(tape.choices) else None
        return 0 if chosen is None else 1 if chosen else -1

    # --- functions ----------------------------------------------------------------------------------------------------

    def exp(self) -> Variable:
        self.tape.exponents.append(self)
        value = self.value.exp() if self.value.is_finite() else _limit(self.value, ZERO, arb("inf"))
        return self._of(value, value, lambda: value)

    def expm1(self) -> Variable:
        value = self.value.expm1() if self.value.is_finite() else _limit(self.value, arb(-1), arb("inf"))
        slope = self.exp().value
        return self._of(value, slope, lambda: slope)

    def log(self) -> Variable:
        """−∞ at 0; Undecided where the ball reaches 0 or below."""
        x = self.value
        value = (
            arb("-inf")
            if x == 0
            else arb("inf")
            if x == arb("inf")
            else arb("nan")
            if x < 0 or x.is_nan()
            else x.log()
            if x > 0
            else None
        )
        if value is None:
            raise Undecided
        inverse = arb("nan") if x < 0 else _inverse(x)
        return self._of(value, inverse, lambda: -inverse * inverse)

    def log1p(self) -> Variable:
        x = self.value
        value = (
            arb("-inf")
            if x == -1
            else arb("inf")
            if x == arb("inf")
            else arb("nan")
            if x < -1 or x.is_nan()
            else x.log1p()
            if x > -1
            else None
        )
        if value is None:
            raise Undecided
        inverse = arb("nan") if x < -1 else _inverse(1 + x)
        return self._of(value, inverse, lambda: -inverse * inverse)

    def sqrt(self) -> Variable:
        x = self.value
        if x == 0:
            return self._of(ZERO, arb("inf"), lambda: arb("nan"))
        if not (x > 0 or x.is_nan() or x < 0):
            raise Undecided
        value = arb("inf") if x == arb("inf") else arb("nan") if x < 0 else x.sqrt()
        slope = _inverse(2 * value)
        return self._of(value, slope, lambda: -slope * _inverse(2 * x))

    def erfc(self) -> Variable:
        value = self.value.erfc() if self.value.is_finite() else _limit(self.value, arb(2), ZERO)
        slope = -2 * (-self.value * self.value).exp() / arb.pi().sqrt() if self.value.is_finite() else ZERO
        return self._of(value, slope, lambda: -2 * self.value * slope)

    def atan(self) -> Variable:
        slope = _inverse(1 + self.value * self.value)
        return self._of(self.value.atan(), slope, lambda: -2 * self.value * slope * slope)

    def tanh(self) -> Variable:
        x = self.value
        value = x.tanh() if x.is_finite() else _limit(x, arb(-1), ONE)
        slope = x.sech() ** 2 if x.is_finite() else _limit(x, ZERO, ZERO)
        return self._of(value, slope, lambda: -2 * value * slope)

    def power(self, exponent: Any) -> Variable:
        """x^c for x ≥ 0, or any x where c is an int; 0^0 = 1."""
        x = self.value
        c = exponent.value if type(exponent) is Variable else self.tape.constant(exponent)
        if c == 0:
            return self._of(ONE, ZERO, lambda: ZERO)
        return self._of(
            _power(x, c),
            c * _power(x, c - 1) if c != 1 else ONE,
            lambda: c * (c - 1) * _power(x, c - 2) if c != 1 else ZERO,
        )

    def xlogy(self, other: Any) -> Variable:
        """self · log(other), 0 where self is 0; the derivative in self is log(other)."""
        if not self.value == 0:
            return self * _lifted(self.tape, other).log()
        y = _lifted(self.tape, other)
        logarithm = y.log()
        if y.value.is_nan():
            return self * logarithm
        slope = ZERO if y.value > 0 else arb("nan")
        # The tangents of the partials: d(log y) = dy/y, and d(x/y) = dx/y.
        inverse = _inverse(y.value) if y.value > 0 else arb("nan")
        partials = ((logarithm.value, _times(y.tangent, inverse)), (slope, _times(self.tangent, inverse)))
        return Variable(self.tape, ZERO, _times(self.tangent, logarithm.value), (self, y), partials)

    def xlogx(self) -> Variable:
        """self · log(self), 0 at 0, where the derivative is −∞, its limit from the right."""
        return self._of(ZERO, arb("-inf"), lambda: arb("inf")) if self.value == 0 else self * self.log()

    def counted(self, other: Any) -> Variable:
        """self · other, 0 where self is 0 and other infinite; the derivative in self is other."""
        x = _lifted(self.tape, other)
        if not self.value == 0 or x.value.is_finite() or x.value.is_nan():
            return self * x
        return Variable(
            self.tape, ZERO, _times(self.tangent, x.value), (self, x), ((x.value, x.tangent), (ZERO, self.tangent))
        )

    def each(self, function: Callable[..., Any], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        """`function` of every place of the rows; NaN, shaped as what stands there in the first row, where a NaN was compared."""
        results = []
        for place in zip(*rows, strict=True):
            try:
                results.append(function(*place))
            except Missing:
                results.append(_lost(place[0], _variables(place)))
        return tuple(results)

    def total(self, terms: Sequence[Any]) -> Variable:
        """The sum of all terms; it is remembered, because adding in whatever order may lose some of it."""
        tape = self.tape
        variables = [term for term in terms if type(term) is Variable]
        value = sum((tape.constant(term) for term in terms if type(term) is not Variable), ZERO)
        tangent: arb | None = None
        for variable in variables:
            value += variable.value
            tangent = _plus(tangent, variable.tangent)
        result = Variable(tape, value, tangent, variables, [(ONE, None)] * len(variables))
        if len(terms) > 1:
            change = rounding(len(terms)) * _magnitude(terms, tape)
            factor = tape.stretched.get(len(tape.sums))
            if factor is not None:
                result = result + tape.input(0.0, factor * change)
            tape.sums.append((result, change))
        return result


def rounding(terms: int) -> arb:
    """What a sum of so many rounded terms may lose, in ulp of the sum of their magnitudes: one for the terms, and half a one for
    every level of pairwise addition."""
    return arb(2 + (terms - 1).bit_length()) / 2


def backwards(tape: Tape, seeds: Sequence[tuple[Variable, arb]], lossy: bool = False) -> None:
    """Sets the adjoint of every variable: the derivative of Σ seed · result in it; its tangent, where there are tangents; and, if
    `lossy`, what rounding may lose where shares from several results add up.

    What was there before is forgotten.
    """
    for node in tape.nodes:
        node.adjoint, node.adjoint_tangent, node.loss, node.shares = None, None, ZERO, []
    for result, seed in seeds:
        result.adjoint = seed if result.adjoint is None else result.adjoint + seed
    for node in reversed(tape.nodes):
        adjoint = node.adjoint
        if adjoint is None:
            continue
        if lossy and len(node.shares) > 1:
            node.loss += rounding(len(node.shares)) * _size(node.shares)
        tangent = node.adjoint_tangent
        for parent, (partial, partial_tangent) in zip(node.parents, node.partials, strict=True):
            share = _product(adjoint, partial)
            parent.adjoint = share if parent.adjoint is None else parent.adjoint + share
            if lossy:
                parent.shares.append(share)
                if not node.loss == 0:
                    parent.loss += node.loss * magnitude(partial)
            bent = _plus(_scaled(tangent, partial), _scaled(partial_tangent, adjoint))
            if bent is not None:
                parent.adjoint_tangent = _plus(parent.adjoint_tangent, bent)


def magnitude(x: arb) -> arb:
    """|x|, also of infinities, for which the library gives a ball around zero."""
    return -x if x < 0 else x


def _size(numbers: Sequence[arb]) -> arb:
    return sum((magnitude(number) for number in numbers), ZERO)


def _product(adjoint: arb, partial: arb) -> arb:
    """0 times a slope that is infinite is no number: what does not count at all is not on the way to the result."""
    return adjoint * partial if partial.is_finite() or not adjoint == 0 else _NO_NUMBER


_NO_NUMBER = arb("nan")


def _scaled(tangent: arb | None, factor: arb) -> arb | None:
    return None if tangent is None or tangent == 0 else tangent * factor


def _variables(nested: Any) -> list[Variable]:
    if isinstance(nested, (tuple, list)):
        return [variable for part in nested for variable in _variables(part)]
    return [nested] if type(nested) is Variable else []


def _lost(shaped: Any, parents: list[Variable]) -> Any:
    """NaN, whose derivatives in the parents are NaN too."""
    if isinstance(shaped, (tuple, list)):
        return tuple(_lost(part, parents) for part in shaped)
    nothing = arb("nan")
    return Variable(parents[0].tape, nothing, None, parents, [(nothing, None)] * len(parents))


def _lifted(tape: Tape, operand: Any) -> Variable:
    return operand if type(operand) is Variable else Variable(tape, tape.constant(operand), None, (), ())


def _magnitude(terms: Sequence[Any], tape: Tape) -> arb:
    return _size([term.value if type(term) is Variable else tape.constant(term) for term in terms])


def _plus(a: arb | None, b: arb | None) -> arb | None:
    return b if a is None else a if b is None else a + b


def _minus(a: arb | None) -> arb | None:
    return None if a is None else -a


def _times(tangent: arb | None, factor: arb) -> arb | None:
    return None if tangent is None else tangent * factor


def _inverse(x: arb, at_zero: str = "inf") -> arb:
    """1/x; at 0 the limit from the right, unless told. Undecided where the ball holds 0 among others."""
    if x.is_nan():
        return x
    if x == 0:
        return arb(at_zero)
    if x == arb("inf") or x == arb("-inf"):
        return ZERO
    if not (x > 0 or x < 0) or not x.is_finite():
        raise Undecided
    return 1 / x


def _power(x: arb, c: arb) -> arb:
    if x.is_nan():
        return x
    if x == 0:
        return ONE if c == 0 else ZERO if c > 0 else arb("inf")
    if x == arb("inf"):
        return ONE if c == 0 else x if c > 0 else ZERO
    if x == arb("-inf") and c.is_exact() and float(c).is_integer():
        size = _power(-x, c)
        return size if float(c) % 2 == 0 else -size
    if c.is_exact() and float(c).is_integer() and abs(float(c)) < 1000:
        whole = int(float(c))
        # The library's power of a ball with zero in its middle is NaN.
        size = x ** abs(whole) if x > 0 or x < 0 else prod([x] * abs(whole), start=ONE)
        return size if whole >= 0 else _inverse(size)
    if x < 0:
        return arb("nan")
    if not x > 0:
        raise Undecided
    return (x.log() * c).exp()


def _limit(x: arb, low: arb, high: arb) -> arb:
    if x.is_nan():
        return x
    if x == arb("inf"):
        return high
    if x == arb("-inf"):
        return low
    raise Undecided  # a ball without bounds stands for a finite number that this precision can't tell
