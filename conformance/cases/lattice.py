"""Which numbers are asked: every one of a 16-bit format, and of the wider ones those that matter.

Deterministic, from the format, the function and its parameters. Knows the standard and, through the oracle, where the
function overflows, underflows and changes sign; knows no framework.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FLOAT32, FLOAT64, Bits, Format, from_ordinals, ordinals, round_to
from conformance.standard import Function
from conformance.standard.model import text_of
from conformance.truth.cache import Request
from conformance.truth.oracle import Table, evaluate_text, table
from conformance.truth.reals import FINITE

NEIGHBOURS = 64
"""Numbers asked on either side of every point of interest."""

MANTISSAS = 8
"""Mantissas asked in every binade, 0 and all ones among them."""

DENSE = (-12, 8)
"""Binades in which activations bend, from the first to before the last; they get DENSE_MANTISSAS."""
DENSE_MANTISSAS = 64

SIZE_STEP = {FLOAT32: 2048, FLOAT64: 8192}
"""Lattices are filled up to a multiple of this: a compiler that works anew for every shape then works once for all functions."""

_GOLDEN = (5**0.5 - 1) / 2


class TableSource(Protocol):
    """Whoever computes truth: the oracle, with or without a cache."""

    def table(self, function: Function, parameters: Mapping[str, float], format: Format, bits: Bits) -> Table: ...
    def numbers(self, request: Request, code: str, compute: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]: ...


def lattice(function: Function, parameters: Mapping[str, float], format: Format, oracle: TableSource) -> Bits:
    """Every number to ask of `function` in `format`, sorted from −NaN over −inf to +inf and NaN; shape (n,)."""
    if format.width == 16:
        return in_order(np.arange(1 << 16, dtype=np.uint32).astype(np.uint16), format)
    points = points_of_interest(function, parameters, format, oracle)
    near = points[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    limit = int(format.infinity)
    near = near[(near > -limit) & (near < limit)]
    parts = [
        _binades(format, -format.emax, format.emax + 1, MANTISSAS),
        _binades(format, *DENSE, DENSE_MANTISSAS),
        from_ordinals(near, format),
    ]
    bits = _distinct(np.concatenate([*parts, _special(format)]))
    step = SIZE_STEP[format]
    missing = -len(bits) % step
    extra = _binades(format, *DENSE, DENSE_MANTISSAS + missing)
    fresh = _distinct(extra[~np.isin(extra, bits)])
    chosen = fresh[np.linspace(0, len(fresh) - 1, missing).astype(np.int64)] if missing else fresh[:0]
    return in_order(np.concatenate([bits, chosen]), format)


def in_order(bits: Bits, format: Format) -> Bits:
    """Sorted along the line of numbers, −0 before +0, NaNs at both ends by payload: smooth functions give smooth bits."""
    negative = (bits & format.bits_type.type(format.sign_bit)) != 0
    place = ordinals(bits, format)
    return bits[np.argsort(np.where(negative, place - 1, place), kind="stable")]


def points_of_interest(
    function: Function, parameters: Mapping[str, float], format: Format, oracle: TableSource
) -> NDArray[np.int64]:
    """Ordinals of kinks, landmarks, parameter values, and of wherever the function or a derivative changes sign,
    overflows, underflows or becomes subnormal; found by bisection between neighbouring binades."""
    declared = [kink.at for kink in function.kinks] + [landmark.at for landmark in function.landmarks]
    texts = [text_of(place, parameters) for place in declared] + [repr(value) for value in parameters.values()]
    numbers = [evaluate_text(text) for text in texts]
    places = [0.0] + [float(number) for number in numbers if abs(float(number)) <= format.largest]
    known = ordinals(round_to(np.array(places), format), format)
    edges = np.array([1, 1 << format.mantissa_bits, format.infinity - 1], dtype=np.int64)
    return np.unique(np.concatenate([known, edges, -edges, _crossings(function, parameters, format, oracle)]))


def _crossings(
    function: Function, parameters: Mapping[str, float], format: Format, oracle: TableSource
) -> NDArray[np.int64]:
    line = _distinct(ordinals(_binades(format, -format.emax, format.emax + 1, 2), format))
    request = Request(function, parameters, format, from_ordinals(line, format))
    return oracle.numbers(request, _own_code(), lambda: _bisected(function, parameters, format, oracle, line))


@cache
def _own_code() -> str:
    return inspect.getsource(sys.modules[__name__])


def _bisected(
    function: Function, parameters: Mapping[str, float], format: Format, oracle: TableSource, line: NDArray[np.int64]
) -> NDArray[np.int64]:
    coarse = oracle.table(function, parameters, format, from_ordinals(line, format))
    classes = np.array([_classes(coarse, order) for order in range(3)])
    order, at = np.nonzero(classes[:, 1:] != classes[:, :-1])

    def classes_at(places: NDArray[np.int64]) -> NDArray[np.int64]:
        # Some hundred numbers that nobody will ask again: computing them is quicker than keeping them.
        fine = table(function, parameters, format, from_ordinals(places, format))
        return np.array([_classes(fine, one) for one in range(3)])[order, np.arange(len(places))]

    low, end, below, beyond = line[at], line[at + 1], classes[order, at], classes[order, at + 1]
    found = [line[:0]]
    while len(low):
        high = end
        while bool(np.any(high - low > 1)):
            middle = low + (high - low) // 2  # the sum of two ordinals of float64 does not fit into 64 bits
            same = classes_at(middle) == below
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        found.append(high)
        # Within one binade a result may become subnormal and then too small: what follows the first change is looked at too.
        after = classes_at(high)
        more = after != beyond
        order, low, end, below, beyond = order[more], high[more], end[more], after[more], beyond[more]
    return np.unique(np.concatenate(found))


def _distinct(numbers: NDArray[Any]) -> NDArray[Any]:
    """Each number once, sorted; np.unique hashes integers, which takes five times as long here."""
    ascending: NDArray[Any] = np.sort(numbers)
    first: NDArray[np.bool_] = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    return ascending[first]


def _classes(table: Table, order: int) -> NDArray[np.int64]:
    """What is worth a boundary: the kind of the truth, its sign, and whether it is subnormal, normal or too large."""
    truth, format = table.orders[order], table.format
    size = np.where(truth.exponent > format.emax, 2, np.where(truth.exponent < format.emin, 0, 1))
    finite = truth.kind == FINITE
    sign = np.where(truth.mantissa < 0, 1, 2)
    return truth.kind.astype(np.int64) * 16 + np.where(finite, size * 4 + sign, 0)


def _binades(format: Format, first: int, last: int, mantissas: int) -> Bits:
    """Both signs of `mantissas` numbers in each binade from exponent `first` to before `last`; the subnormals are the lowest."""
    exponents = np.arange(max(first, -format.emax), min(last, format.emax + 1), dtype=np.int64) + format.emax
    steps = np.arange(1, mantissas - 1)
    fractions = np.mod(steps[None, :] * _GOLDEN + exponents[:, None] * 0.754877666, 1.0)
    scale = 1 << format.mantissa_bits
    inner = (fractions * scale).astype(np.int64)
    ends = np.broadcast_to(np.array([0, scale - 1]), (len(exponents), 2))
    places = (exponents[:, None] * scale + np.concatenate([ends, inner], axis=1)).ravel()
    return np.concatenate([from_ordinals(places, format), from_ordinals(-places, format)])


def _special(format: Format) -> Bits:
    """Both zeros, both infinities, quiet and signalling NaNs of both signs, the ends of the subnormals."""
    smallest_normal = 1 << format.mantissa_bits
    positive = [0, 1, 2, 3, smallest_normal - 1, smallest_normal, format.infinity - 1, format.infinity]
    nans = [format.quiet_nan, format.infinity + 1, format.quiet_nan + 1]
    places = positive + nans
    return np.array(places + [place | format.sign_bit for place in places], dtype=format.bits_type)


def kinks_and_jumps(function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
    """Where the function's pieces meet, as far as the format reaches; shape (n,). The lattice holds them."""
    points = [kink.at for kink in function.kinks] + [mark.at for mark in function.landmarks if mark.jump]
    places = np.array([float(evaluate_text(text_of(place, parameters))) for place in points])
    return round_to(places[np.abs(places) <= format.largest], format)


def assortment(bits: Bits, format: Format, size: int, also: Bits | None = None) -> Bits:
    """`size` remarkable numbers out of a lattice, those of `also` among them, mixed so that every prefix has ordinary and
    special ones; shape (size,)."""
    finite = bits[np.abs(ordinals(bits, format)) < format.infinity]
    place = ordinals(finite, format)
    one = int(ordinals(round_to(np.array([1.0]), format), format)[0])
    eight = int(ordinals(round_to(np.array([8.0]), format), format)[0])
    thousandth = int(ordinals(round_to(np.array([2.0**-10]), format), format)[0])
    ordinary = finite[(np.abs(place) <= eight) & (np.abs(place) >= thousandth)]
    first = finite[place == one]
    special = np.array(
        [format.quiet_nan, format.infinity, format.infinity | format.sign_bit, 0, format.sign_bit, 1, 1 | format.sign_bit,
         format.infinity - 1, (format.infinity - 1) | format.sign_bit, 1 << format.mantissa_bits],
        dtype=format.bits_type,
    )  # fmt: skip
    if also is not None:
        special = np.concatenate([special, np.setdiff1d(also, np.concatenate([special, first]))])
    wanted = size - len(special) - len(first)
    spread = ordinary[np.linspace(0, len(ordinary) - 1, wanted).astype(np.int64)]
    shuffled = spread[np.argsort(np.mod(np.arange(wanted) * _GOLDEN, 1.0), kind="stable")]
    every = max(len(shuffled) // len(special), 1)
    mixed: list[np.unsignedinteger] = list(first)
    for index, number in enumerate(shuffled):
        mixed.append(number)
        if index % every == every - 1 and index // every < len(special):
            mixed.append(special[index // every])
    mixed += list(special[len(shuffled) // every :])
    return np.array(mixed[:size], dtype=format.bits_type)
