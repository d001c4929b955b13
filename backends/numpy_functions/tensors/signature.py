"""What a function of tensors takes: records of its arguments and options, and the checks of options.

Knows no function, no formula and no array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

from ..parameters import finite, real

WHOLE = ("label", "label_list", "label_sequence", "group", "length")
"""Kinds of arguments that are whole numbers."""

REDUCTIONS = ("none", "sum", "mean", "weighted_mean", "batch_mean")
ROWS = ("none", "mean", "sum")


@dataclass(frozen=True)
class Given:
    """One argument; the words are the standard's: `core` names its core dimensions, `kind` says which numbers it takes."""

    name: str
    kind: str = "real"
    core: tuple[str, ...] = ()
    optional: bool = False
    shared: bool = False
    differentiable: bool = True

    @property
    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.kind not in WHOLE and self.kind != "mask"


@dataclass(frozen=True)
class Setting:
    """One option; check(name, value) gives the value to compute with, or raises TypeError or ValueError."""

    name: str
    default: Any
    check: Callable[[str, Any], Any]


@dataclass(frozen=True)
class Signature:
    """All that a function takes and what its result looks like.

    `result`: core dimensions of the result. `reductions`: of REDUCTIONS, those that it has; none of an activation. `weighted`: it
    takes `weight` besides its own arguments. `rows`: elementwise, and results may be put together along an axis. `axis`: its one
    core dimension lies along an axis; `several_axes`: or along several. `batched`: it is applied to every place of a loop;
    otherwise it has no loop, because it compares samples with one another. `drawn`: its first argument gets noise of Gumbel's distribution.
    """

    arguments: tuple[Given, ...]
    result: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    reductions: tuple[str, ...] = ()
    weighted: bool = False
    rows: bool = False
    axis: bool = False
    several_axes: bool = False
    batched: bool = True
    drawn: bool = False

    def defaults(self) -> dict[str, Any]:
        """The default of every option, the shared ones included."""
        found = {setting.name: setting.default for setting in self.settings}
        if self.reductions:
            found["reduction"] = "none"
        if self.rows:
            found["rows"] = "none"
        if self.axis:
            found["axis"] = -1
        return found

    def checked(self, function: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options of the function, checked. Raises TypeError for one that it does not have."""
        known = self.defaults()
        for name in options:
            if name not in known:
                raise TypeError(f"{function} has no option {name!r}; it has {', '.join(known) or 'none'}")
        given = {**known, **options}
        own = {setting.name: setting.check(setting.name, given[setting.name]) for setting in self.settings}
        if self.reductions:
            own["reduction"] = choice(*self.reductions)("reduction", given["reduction"])
        if self.rows:
            own["rows"] = choice(*ROWS)("rows", given["rows"])
        if self.axis:
            own["axis"] = given["axis"]
        return own


# --- checks of options ------------------------------------------------------------------------------------------------


def boolean(name: str, value: Any) -> bool:
    """True or False. Raises TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; give True or False")
    return bool(value)


def whole(name: str, value: Any) -> int:
    """A whole number. Raises TypeError."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; give a whole number, such as 1")
    return int(value)


def whole_from(lowest: int) -> Callable[[str, Any], int]:
    """The check of a whole number from `lowest` on."""

    def check(name: str, value: Any) -> int:
        number = whole(name, value)
        if number < lowest:
            raise ValueError(f"{name} is {number}; give a whole number from {lowest} on")
        return number

    return check


def choice(*accepted: Any) -> Callable[[str, Any], Any]:
    """The check of one of several values; a wrong type is a wrong value."""

    def check(name: str, value: Any) -> Any:
        if isinstance(value, bool) or value not in accepted:
            raise ValueError(f"{name} is {value!r}; give one of {', '.join(map(repr, accepted))}")
        return accepted[accepted.index(value)]

    return check


def or_none(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """The check of something that may be None."""
    return lambda name, value: None if value is None else check(name, value)


def between(low: float, high: float) -> Callable[[str, Any], float]:
    """The check of a real number from `low` to `high`, both included; infinities are, where they are bounds."""

    def check(name: str, value: Any) -> float:
        number = real(name, value)
        if not low <= number <= high:
            raise ValueError(f"{name} is {number}; give a number from {low} to {high}")
        return number

    return check


def positive(name: str, value: Any) -> float:
    """A finite number above zero. Raises TypeError and ValueError."""
    number = finite(name, value)
    if number <= 0:
        raise ValueError(f"{name} is {number}; give a positive number, such as 0.5")
    return number


def above_zero(name: str, value: Any) -> float:
    """A number above zero, infinity included. Raises TypeError and ValueError."""
    number = real(name, value)
    if number <= 0:
        raise ValueError(f"{name} is {number}; give a positive number, such as 0.5")
    return number


not_negative = between(0.0, math.inf)
probability = between(0.0, 1.0)
