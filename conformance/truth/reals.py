"""Real numbers as arrays: what the oracle says and the judge measures against.

Knows how a column of true numbers is kept; knows no function, no format and no framework.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ZERO, FINITE, UNDERFLOW, INFINITE, NAN, UNDECIDED, UNDEFINED = range(7)
"""What a number is.

ZERO        exactly zero
FINITE      a number whose digits are known
UNDERFLOW   not zero, or a limit approached from one side; proved smaller than half the smallest subnormal of the format
INFINITE    a limit of +∞ or −∞, or a number of more than 2^30 binary digits before the point
NAN         not a number: the function of a NaN
UNDECIDED   the enclosure is still too wide at the highest precision
UNDEFINED   a derivative where there is none: its values from left and right differ
"""

KINDS = ("zero", "finite", "underflow", "infinite", "nan", "undecided", "undefined")
"""The names of the kinds, by number."""


@dataclass(frozen=True)
class Reals:
    """True numbers, one row each; every array has shape (n,).

    FINITE: the number is (mantissa + tail) · 2^exponent, with 1 ≤ |mantissa| < 2, |tail| ≤ 2^−52 and
    exponent = ⌊log2|number|⌋. For formats of up to 24 bits of precision the tail is 0 and the mantissa is known to
    2^−52; for float64 both together are known to 2^−73 at least, and to 2^−104 as a rule. They lie on the right side of every midpoint between two
    numbers of the format, so that rounding them once rounds the truth. An enclosure that can't be told from a
    power of two counts as that power.

    UNDERFLOW, INFINITE: mantissa is ±1 for the sign, and 0 where the sign is not known or left free. All else is 0.
    """

    kind: NDArray[np.uint8]
    mantissa: NDArray[np.float64]
    tail: NDArray[np.float64]
    exponent: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, indices: NDArray[np.generic] | slice) -> Reals:
        """The rows at `indices`: integers, a mask, or a slice (which copies nothing)."""
        return Reals(self.kind[indices], self.mantissa[indices], self.tail[indices], self.exponent[indices])

    def is_kind(self, kind: int) -> NDArray[np.bool_]:
        """Which rows are of this kind."""
        chosen: NDArray[np.bool_] = self.kind == np.uint8(kind)
        return chosen

    def sign(self) -> NDArray[np.int8]:
        """−1, +1, or 0 where there is none, or it is not known."""
        return np.sign(self.mantissa).astype(np.int8)

    def approximate(self) -> NDArray[np.float64]:
        """The nearest float64 or a neighbour of it; NaN where nothing is known. To plot and to sort, not to judge."""
        with np.errstate(over="ignore", under="ignore"):
            numbers = np.ldexp(self.mantissa + self.tail, self.exponent)
        numbers = np.where(self.kind == INFINITE, np.copysign(np.inf, self.mantissa), numbers)
        numbers = np.where(self.kind == UNDERFLOW, np.copysign(0.0, self.mantissa), numbers)
        return np.where(self.kind >= NAN, np.nan, numbers)


def unknown(length: int) -> Reals:
    """`length` rows of UNDECIDED, to be filled in."""
    return Reals(
        np.full(length, UNDECIDED, dtype=np.uint8),
        np.zeros(length),
        np.zeros(length),
        np.zeros(length, dtype=np.int32),
    )


def joined(parts: list[Reals]) -> Reals:
    """The rows of all parts, one after the other."""
    return Reals(
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.mantissa for part in parts]),
        np.concatenate([part.tail for part in parts]),
        np.concatenate([part.exponent for part in parts]),
    )
