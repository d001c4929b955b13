"""The binary floating-point formats of the standard, and what is exact about them: bits, ordinals, values, rounding.

Knows IEEE 754 and nothing else: no function, no framework, no verdict. Numbers are carried as arrays of their bits
(unsigned integers); a value is read into float64, which holds every number of every format here exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.unsignedinteger]
"""Bit patterns of floating-point numbers, in the format's own unsigned type."""


@dataclass(frozen=True)
class Format:
    """One binary interchange format.

    `precision` counts significant bits, the implicit one included; `emax` and `emin` are the exponents of the largest
    and the smallest normal binade.
    """

    name: str
    width: int
    precision: int
    emax: int

    @property
    def emin(self) -> int:
        return 1 - self.emax

    @property
    def bits_type(self) -> np.dtype[np.unsignedinteger]:
        return np.dtype(f"uint{self.width}")

    @property
    def mantissa_bits(self) -> int:
        return self.precision - 1

    @property
    def sign_bit(self) -> int:
        return 1 << (self.width - 1)

    @property
    def infinity(self) -> int:
        """Bits of +inf."""
        return (2 * self.emax + 1) << self.mantissa_bits

    @property
    def quiet_nan(self) -> int:
        return self.infinity | (1 << (self.mantissa_bits - 1))

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - 2.0 ** (1 - self.precision)) * 2.0**self.emax

    @property
    def smallest_normal(self) -> float:
        return 2.0**self.emin

    @property
    def smallest_subnormal(self) -> float:
        return 2.0 ** (self.emin - self.mantissa_bits)


FLOAT16 = Format("float16", 16, 11, 15)
BFLOAT16 = Format("bfloat16", 16, 8, 127)
FLOAT32 = Format("float32", 32, 24, 127)
FLOAT64 = Format("float64", 64, 53, 1023)

FORMATS: dict[str, Format] = {f.name: f for f in (FLOAT16, BFLOAT16, FLOAT32, FLOAT64)}
"""Every format, narrowest first."""


def values(bits: Bits, format: Format) -> NDArray[np.float64]:
    """The numbers that `bits` stand for, as float64 (exact; a signalling NaN comes out quiet)."""
    bits = np.ascontiguousarray(bits, dtype=format.bits_type)
    with np.errstate(invalid="ignore"):
        if format == BFLOAT16:
            return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
        return bits.view(f"float{format.width}").astype(np.float64)


def round_to(numbers: NDArray[np.float64], format: Format) -> Bits:
    """The bits of float64 `numbers` rounded once to `format`, ties to even (NaN becomes the quiet NaN)."""
    numbers = np.ascontiguousarray(numbers, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if format != BFLOAT16:
            return numbers.astype(f"float{format.width}").view(format.bits_type)
        # float32 first would round twice. Rounding the first step to odd keeps the information that the second needs.
        single = numbers.astype(np.float32)
        low = single.view(np.uint32)
        inexact = single.astype(np.float64) != numbers
        away = np.abs(single.astype(np.float64)) > np.abs(numbers)
        low = np.where(inexact & away, low - np.uint32(1), low)
        low = np.where(inexact & np.isfinite(numbers), low | np.uint32(1), low)
        bias = ((low >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
        rounded = ((low + bias) >> np.uint32(16)).astype(np.uint16)
        return np.where(np.isnan(numbers), np.uint16(format.quiet_nan), rounded).astype(np.uint16)


def ordinals(bits: Bits, format: Format) -> NDArray[np.int64]:
    """Place of each number on the line of all numbers of the format: neighbours differ by 1, both zeros are 0."""
    magnitude = (bits & format.bits_type.type(format.sign_bit - 1)).astype(np.int64)
    negative = (bits & format.bits_type.type(format.sign_bit)) != 0
    return np.where(negative, -magnitude, magnitude)


def from_ordinals(places: NDArray[np.int64], format: Format) -> Bits:
    """The inverse of `ordinals`; 0 gives +0."""
    places = np.asarray(places, dtype=np.int64)
    magnitude = np.abs(places).astype(np.uint64)
    sign = np.where(places < 0, np.uint64(format.sign_bit), np.uint64(0))
    return (magnitude | sign).astype(format.bits_type)


def hexadecimal(bits: int, format: Format) -> str:
    """`0x3f800000`: the bits as people write them, all digits shown."""
    return f"0x{int(bits):0{format.width // 4}x}"


def decimal(bits: int, format: Format) -> str:
    """The shortest decimal that reads back as the same number of this format, or `nan`, `inf`, `-inf`, `-0.0`."""
    array = np.array([bits], dtype=format.bits_type)
    if format == BFLOAT16:
        return _shortest_bfloat16(array)
    with np.errstate(invalid="ignore"):
        return str(array.view(f"float{format.width}")[0])


def _shortest_bfloat16(array: Bits) -> str:
    number = float(values(array, BFLOAT16)[0])
    for digits in range(1, 6):
        text = f"{number:.{digits}g}"
        if round_to(np.array([float(text)]), BFLOAT16)[0] == array[0]:
            return str(float(text))
    return str(number)
