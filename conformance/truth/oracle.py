"""The oracle: the true value and derivatives of a function of the standard, at numbers of a format.

Knows the standard and balls; knows no framework and no observation. Everything here is a pure function of its
arguments: the cache is another file.

The definition is evaluated on power series of balls. Precision doubles from START_BITS to CAP_BITS until every order is
certain (see `enclosure`); what is still open then is UNDECIDED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_series, fmpq
from numpy.typing import NDArray

from conformance.formats import Bits, Format, values
from conformance.standard.model import Domain, Expression, Function, Limit, text_of

from .enclosure import SIGN_OPEN, Row, column, settle
from .reals import INFINITE, NAN, UNDEFINED, UNDERFLOW, ZERO, Reals, joined, unknown
from .series import ORDERS, Series, Setting, Undecided, bare, working_precision

START_BITS = 128
"""Two machine words: measured, one word saves a tenth of the time and then asks for it back in second rounds."""

CAP_BITS = 4096

BATCH = 8192
"""Values evaluated together: bounds the memory that balls take (about 1 kB each)."""

_FACTORIALS = (1, 1, 2, 6)


@dataclass(frozen=True)
class Table:
    """The truth at some inputs: `bits` (n) of `format`, and value, f′, f″, f‴, each of n rows.

    −0 is the number 0. A NaN is a NaN in every order; at ±∞ stand the declared limits.
    """

    bits: Bits
    format: Format
    orders: tuple[Reals, Reals, Reals, Reals]

    def __len__(self) -> int:
        return len(self.bits)

    def take(self, indices: NDArray[np.generic] | slice) -> Table:
        """The rows at `indices`."""
        value, first, second, third = (order.take(indices) for order in self.orders)
        return Table(self.bits[indices], self.format, (value, first, second, third))


def table(function: Function, parameters: Mapping[str, float], format: Format, bits: Bits) -> Table:
    """Value and three derivatives at `bits`, shape (n,), any bits of the format.

    At a kink the derivatives that differ from left and right, and all after them, are UNDEFINED; at a jump the value is
    what the definition says. Raises KeyError or TypeError if `parameters` are not those of the function.
    """
    return _table(function, parameters, format, bits, 0)


def one_sided(function: Function, parameters: Mapping[str, float], format: Format, bits: Bits, side: int) -> Table:
    """As `table`, with value and derivatives from the left (`side` = −1) or the right (+1) at kinks and jumps."""
    if side not in (-1, 1):
        raise ValueError(f"side is {side!r}; give -1 for the left or +1 for the right")
    return _table(function, parameters, format, bits, side)


def evaluate_text(expression_text: str) -> Fraction | float:
    """The number that a text of the standard names, exactly.

    A Fraction, or a float for what no fraction is: ±inf, nan and −0. Accepts `+0`, `-0`, `inf`, decimals (`-0.17004`,
    `1e-3`) and fractions of them (`20.0/3.0`, `inf/1.0`). Raises ValueError for anything else.
    """
    return _evaluate(expression_text, Fraction)


def evaluate(expression: Expression, parameters: Mapping[str, float]) -> Fraction | float:
    """The number that an expression of the standard stands for, exactly; types and errors as for `evaluate_text`.

    In a text made from parameters each decimal is the parameter that was passed, so the binary64 number next to it: the
    slope 0.3 is 0.299999999999999988897769753748…, not 3/10.
    """
    return _evaluate(text_of(expression, parameters), _binary64 if callable(expression) else Fraction)


def _binary64(text: str) -> Fraction:
    return Fraction(float(text))


def _evaluate(expression_text: str, finite: Callable[[str], Fraction]) -> Fraction | float:
    parts = expression_text.replace("−", "-").strip().split("/")
    try:
        if len(parts) == 1:
            return _literal(parts[0], finite)
        if len(parts) == 2:
            return _quotient(_literal(parts[0], finite), _literal(parts[1], finite))
    except (ValueError, ZeroDivisionError):
        pass
    raise ValueError(
        f"{expression_text!r} is not a number of the standard; write a decimal, a fraction a/b, ±0, ±inf or nan"
    )


def _literal(text: str, finite: Callable[[str], Fraction]) -> Fraction | float:
    text = text.strip().lower()
    if text.lstrip("+-") in ("inf", "infinity", "nan"):
        return float(text)
    number = finite(text)
    return -0.0 if number == 0 and text.startswith("-") else number


def _quotient(above: Fraction | float, below: Fraction | float) -> Fraction | float:
    if isinstance(above, float) or isinstance(below, float):
        return float(above) / float(below)
    return above / below


def _table(function: Function, parameters: Mapping[str, float], format: Format, bits: Bits, side: int) -> Table:
    bits = np.ascontiguousarray(bits, dtype=format.bits_type)
    starts = range(0, max(len(bits), 1), BATCH)
    parts = [_evaluated(function, parameters, format, bits[start : start + BATCH], side) for start in starts]
    value, first, second, third = (joined([part[order] for part in parts]) for order in range(ORDERS))
    return Table(bits, format, (value, first, second, third))


@dataclass(frozen=True)
class _Batch:
    """Numbers that are evaluated together, and the rows that are being filled in."""

    function: Function
    parameters: Mapping[str, float]
    format: Format
    side: int
    numbers: NDArray[np.float64]
    orders: tuple[Reals, ...]
    signs: list[NDArray[np.int8]]


def _evaluated(
    function: Function, parameters: Mapping[str, float], format: Format, bits: Bits, side: int
) -> tuple[Reals, ...]:
    numbers = values(bits, format)
    orders = tuple(unknown(len(numbers)) for _ in range(ORDERS))
    for order in orders:
        order.kind[np.isnan(numbers)] = NAN
    outside = np.zeros(len(numbers), dtype=bool)
    if function.domain:
        outside = numbers <= function.domain.low
        edge = np.nonzero(numbers == function.domain.low)[0]
        for order in orders:
            order.kind[numbers < function.domain.low] = NAN
        for order, row in zip(orders, _limit_rows(function.domain, parameters, format), strict=True):
            _fill(order, edge, row)
    for limit in function.limits:
        at = np.nonzero(numbers == float(limit.at))[0]
        if len(at):
            for order, row in zip(orders, _limit_rows(limit, parameters, format), strict=True):
                _fill(order, at, row)
    signs = _declared_signs(function, parameters, numbers)
    batch = _Batch(function, parameters, format, side, numbers, orders, signs)
    remaining = np.nonzero(np.isfinite(numbers) & ~outside)[0]
    # What cancels near zero does so by about the exponent of x, and the rounds in between would be in vain.
    depth = START_BITS + np.abs(np.frexp(numbers)[1].astype(np.int64))
    due = np.full(len(numbers), START_BITS)
    precision = START_BITS
    while len(remaining) and precision <= CAP_BITS:
        now = due[remaining] <= precision
        with working_precision(precision):
            again = _round(batch, remaining[now], 2 * precision > CAP_BITS)
        due[again] = np.maximum(2 * precision, depth[again])
        remaining = np.concatenate([remaining[~now], again])
        precision *= 2
    return orders


def _fill(reals: Reals, at: Any, row: Row) -> None:
    reals.kind[at], reals.mantissa[at], reals.tail[at], reals.exponent[at] = row


def _round(batch: _Batch, asked: NDArray[np.int64], final: bool) -> NDArray[np.int64]:
    """Evaluates the rows `asked` at the working precision, fills in what is certain, and returns those that are not."""
    setting = Setting(batch.side)
    constants = _constants(batch.parameters, setting)
    smooth: list[int] = []
    found: list[Any] = []
    still_open: set[int] = set()
    for index, number in zip(asked.tolist(), batch.numbers[asked].tolist(), strict=True):
        setting.touched = False
        try:
            series = _expand(batch.function, batch.parameters, constants, setting, number)
            if setting.touched:
                left, right = (series_at(batch.function, batch.parameters, number, side) for side in (-1, 1))
                if not _at_equality(batch, index, left, series, right, final):
                    still_open.add(index)
                continue
        except Undecided:
            still_open.add(index)
            continue
        smooth.append(index)
        found.append(series)
    places = np.array(smooth, dtype=np.int64)
    for power, order in enumerate(batch.orders):
        balls = [series[power] for series in found]
        if _FACTORIALS[power] > 1:
            balls = [ball * _FACTORIALS[power] for ball in balls]
        settled = column(balls, batch.format, batch.signs[power][places], final)
        order.kind[places] = settled.reals.kind
        order.mantissa[places] = settled.reals.mantissa
        order.tail[places] = settled.reals.tail
        order.exponent[places] = settled.reals.exponent
        still_open.update(places[settled.open].tolist())
    return np.array(sorted(still_open), dtype=np.int64)


def _constants(parameters: Mapping[str, float], setting: Setting) -> dict[str, Series]:
    """Parameters as the binary64 numbers that were passed, exactly."""
    return {name: Series(arb(float(value)), setting) for name, value in parameters.items()}


def _expand(
    function: Function,
    parameters: Mapping[str, float],
    constants: Mapping[str, Series],
    setting: Setting,
    number: float,
) -> Any:
    """The series of the function at a number. Raises Undecided where balls are too wide for a branch or a division."""
    definition = function.definition
    for form in function.forms:
        if form.applies(number, parameters):
            definition = form.definition
            break
    try:
        result = definition(Series(arb_series([number, 1]), setting), **constants)
    except (ValueError, ZeroDivisionError):
        # So the library answers a division by a ball that contains zero.
        raise Undecided from None
    value = bare(result, setting)
    return value if type(value) is arb_series else arb_series([value])


def series_at(function: Function, parameters: Mapping[str, float], number: float, side: int = 0) -> Any:
    """The `arb_series` (coefficients, not derivatives) of a function at a number, at the working precision.

    Public for tests that prove what the standard declares. Raises Undecided where balls are too wide.
    """
    setting = Setting(side)
    return _expand(function, parameters, _constants(parameters, setting), setting, number)


def _at_equality(batch: _Batch, index: int, left: Any, here: Any, right: Any, final: bool) -> bool:
    """Fills in a row where the definition compares equal numbers: perhaps a kink or a jump. False if it stays open."""
    value = settle(here[0], batch.format, int(batch.signs[0][index]), final)
    rows: list[Row | None] = [value]
    smooth = _same(left[0], right[0], final)
    for power in range(1, ORDERS):
        if smooth:
            smooth = _same(left[power], right[power], final)
        if smooth:
            rows.append(settle(left[power] * _FACTORIALS[power], batch.format, int(batch.signs[power][index]), final))
        else:
            # After the first derivative that is not there, none is.
            rows.append(None if smooth is None else (UNDEFINED, 0.0, 0.0, 0))
    for order, row in zip(batch.orders, rows, strict=True):
        if row is not None:
            _fill(order, index, row)
    return None not in rows


def _same(left: arb, right: arb, final: bool) -> bool | None:
    """Whether two balls hold the same number; None where that may show with more precision."""
    if not left.overlaps(right):
        return False
    return True if final or left == right else None


def _limit_rows(limit: Limit | Domain, parameters: Mapping[str, float], format: Format) -> list[Row]:
    """What is declared at an infinity or at the edge of the domain, for value and derivatives; the third is zero where the second is, else NAN."""
    declared = (limit.value, limit.derivative, limit.second_derivative)
    rows = [_declared_row(expression, parameters, format) for expression in declared]
    return [*rows, (ZERO, 0.0, 0.0, 0) if rows[2][0] in (ZERO, UNDERFLOW) else (NAN, 0.0, 0.0, 0)]


def _declared_row(expression: Expression, parameters: Mapping[str, float], format: Format) -> Row:
    """The row of a declared number: `0` is zero, `+0` and `-0` are limits approached from one side."""
    number = evaluate(expression, parameters)
    if number == 0:
        sign = _written_sign(expression, parameters)
        return (UNDERFLOW, float(sign), 0.0, 0) if sign else (ZERO, 0.0, 0.0, 0)
    if isinstance(number, float):
        return (NAN, 0.0, 0.0, 0) if number != number else (INFINITE, 1.0 if number > 0 else -1.0, 0.0, 0)
    with working_precision(CAP_BITS):
        row = settle(arb(fmpq(number.numerator, number.denominator)), format, SIGN_OPEN, True)
    assert row is not None, f"{number} is a rational number, and certain at {CAP_BITS} bits"
    return row


def _written_sign(zero: Expression, parameters: Mapping[str, float]) -> int:
    text = text_of(zero, parameters).replace("−", "-").strip()
    return {"+": 1, "-": -1}.get(text[:1], 0)


def _declared_signs(
    function: Function, parameters: Mapping[str, float], numbers: NDArray[np.float64]
) -> list[NDArray[np.int8]]:
    """For each order, the sign that an underflow at each number has where balls don't show it.

    Beyond the outermost kink and landmark (zeros of the function are landmarks) it is that of the limit; the limit `0` leaves
    it free. In between, and where the limit is not zero, it has to be proved.
    """
    declared = [kink.at for kink in function.kinks] + [landmark.at for landmark in function.landmarks]
    places = [float(evaluate(place, parameters)) for place in declared]
    places = [place for place in places if np.isfinite(place)] or [0.0]
    outside = {float("-inf"): numbers < min(places), float("inf"): numbers > max(places)}
    signs = [np.full(len(numbers), SIGN_OPEN, dtype=np.int8) for _ in range(ORDERS)]
    for limit in function.limits:
        here = outside[float(limit.at)]
        for order, tends_to in zip(signs, (limit.value, limit.derivative, limit.second_derivative, "0"), strict=True):
            if evaluate(tends_to, parameters) == 0:
                order[here] = _written_sign(tends_to, parameters)
    return signs
