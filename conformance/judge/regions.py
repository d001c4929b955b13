"""Where in a function's domain a number lies: a finite partition whose names do not change with versions or dtypes.

Knows the standard and the truth; no observation and no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format, values
from conformance.standard import Function
from conformance.standard.model import text_of
from conformance.truth.oracle import Table, evaluate_text
from conformance.truth.reals import FINITE, UNDERFLOW


@dataclass(frozen=True)
class Break:
    """A point that cuts the domain: its name, and its place as float64 (correctly rounded)."""

    name: str
    place: float
    abrupt: bool
    """Whether what is asked (the function, or a derivative) jumps here, so that rounding the argument may cross over."""


@dataclass(frozen=True)
class Regions:
    """The region of each of n inputs: `codes` of shape (n,) index `names`."""

    names: tuple[str, ...]
    codes: NDArray[np.int64]


def breaks_of(function: Function, parameters: Mapping[str, float], format: Format, order: int) -> tuple[Break, ...]:
    """What cuts the domain of the derivative of that order (0 is the function): kinks and landmarks, in order of place."""
    found = [Break(kink.name, _place(text_of(kink.at, parameters)), order > 0) for kink in function.kinks]
    found += [
        Break(mark.name, _place(text_of(mark.at, parameters)), mark.jump)
        for mark in function.landmarks
        if order in mark.orders
    ]
    return tuple(sorted((b for b in found if abs(b.place) <= format.largest), key=lambda b: b.place))


def _place(text: str) -> float:
    return float(evaluate_text(text))


def regions_of(function: Function, parameters: Mapping[str, float], table: Table, order: int) -> Regions:
    """Region of every input of `table`, for the derivative of that order (0 is the value)."""
    format, bits = table.format, table.bits
    x = values(bits, format)
    breaks = breaks_of(function, parameters, format, order)
    places = np.array([b.place for b in breaks])
    # 2i is the interval below break i, 2i + 1 the break itself: a region of its own where something jumps there.
    position = np.searchsorted(places, x, side="left") + np.searchsorted(places, x, side="right")
    smooth = np.array([2 * index + 1 for index, here in enumerate(breaks) if not here.abrupt], dtype=np.int64)
    position += np.isin(position, smooth)
    names = _interval_names(breaks, order)
    truth = table.orders[order]
    finite = truth.kind == FINITE
    large = finite & (truth.exponent > format.emax)
    small = (truth.kind == UNDERFLOW) | (finite & (truth.exponent < format.emin))
    count = len(names)
    codes = position + count * np.where(large, 1, np.where(small, 2, 0))
    names += [f"{name}, result overflows" for name in names] + [f"{name}, result subnormal" for name in names]
    special = [
        ("x = NaN", np.isnan(x)),
        ("x = -inf", x == -np.inf),
        ("x = +inf", x == np.inf),
    ]
    if order == 0:
        # The two zeros have values of their own, and what is next to them is too small to be normal; for a derivative
        # all of that is one place.
        special += [
            ("x = -0", _is_zero(bits, format) & _is_negative(bits, format)),
            ("x = +0", _is_zero(bits, format) & ~_is_negative(bits, format)),
            ("x subnormal, < 0", (x < 0) & (x > -format.smallest_normal)),
            ("x subnormal, > 0", (x > 0) & (x < format.smallest_normal)),
        ]
    if function.domain:
        low = function.domain.low
        special.append((f"x < {low:g}, outside the domain", np.isfinite(x) & (x < low)))
        special.append((f"x = {low:g}, the edge of the domain", x == low))
    for name, mask in special:
        codes = np.where(mask, len(names), codes)
        names.append(name)
    return Regions(tuple(names), codes.astype(np.int64))


def _interval_names(breaks: tuple[Break, ...], order: int) -> list[str]:
    if not breaks:
        return ["any x"]
    names = [f"x < {breaks[0].name}"]
    for index, here in enumerate(breaks):
        names.append(f"x = {here.name}")
        after = breaks[index + 1].name if index + 1 < len(breaks) else None
        # The function's own zeros have regions of their own.
        includes = not here.abrupt and (here.place != 0 or order > 0)
        if after:
            names.append(f"{here.name} {'≤' if includes else '<'} x < {after}")
        else:
            names.append(f"x {'≥' if includes else '>'} {here.name}")
    return names


def _is_zero(bits: Bits, format: Format) -> NDArray[np.bool_]:
    zero: NDArray[np.bool_] = (bits & format.bits_type.type(format.sign_bit - 1)) == 0
    return zero


def _is_negative(bits: Bits, format: Format) -> NDArray[np.bool_]:
    negative: NDArray[np.bool_] = (bits & format.bits_type.type(format.sign_bit)) != 0
    return negative
