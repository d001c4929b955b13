"""What an activation is made of, and which parameters it takes: checks with a sentence for whoever passed something else.

Knows no formula and no dtype.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

import numpy as np

Formula = Callable[..., np.ndarray]


class Activation(NamedTuple):
    """The value and two derivatives of one function, and the check of its parameters.

    The formulas take a one-dimensional float32 or float64 array and checked parameters, and give an array of its dtype.
    """

    formulas: tuple[Formula, Formula, Formula]
    check: Callable[..., Mapping[str, Any]]


def none() -> Mapping[str, Any]:
    """The check of a function without parameters."""
    return {}


def real(name: str, value: Any) -> float:
    """A number as a float, infinities included. Raises TypeError for anything else, ValueError for NaN."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; give a real number, such as 0.5")
    if math.isnan(value):
        raise ValueError(f"{name} is nan; give a real number, such as 0.5")
    return float(value)


def finite(name: str, value: Any) -> float:
    """A finite number. Raises TypeError and ValueError."""
    number = real(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; give a finite number, such as 0.5")
    return number


def not_negative(name: str, value: Any) -> float:
    """A finite number from zero on. Raises TypeError and ValueError."""
    number = finite(name, value)
    if number < 0:
        raise ValueError(f"{name} is {number}; give zero or a positive number, such as 0.5")
    return number


def ordinary(name: str, value: Any) -> float:
    """A positive number that float32 can square or divide by, with room to spare. Raises TypeError and ValueError."""
    number = real(name, value)
    if not 1e-30 < number < 1e30:
        raise ValueError(f"{name} is {number}; give a positive number between 1e-30 and 1e30, such as 1")
    return number


def ordered(low_name: str, low: float, high_name: str, high: float) -> None:
    """Raises ValueError where a lower bound lies above the upper one."""
    if low > high:
        raise ValueError(
            f"{low_name} is {low} and {high_name} is {high}; give a {low_name} that is at most {high_name}"
        )
