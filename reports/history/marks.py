"""What the writers of a history share: the glyph and the words of each change, and what a cell and a cause say in words."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.judge.history import CHANGES, Cause, Cell
from conformance.judge.message import folded, ulps

from ..words import STATES, State, count

LONGEST_INPUT = 120
"""Characters of the worst input that are shown; the run file has all."""


@dataclass(frozen=True)
class Mark:
    """How a change is shown: always a glyph, a colour (`tone`) and words together, never a colour alone."""

    glyph: str
    tone: str
    label: str
    meaning: str


MARKS = {
    name: Mark(glyph, tone, label, CHANGES[name])
    for name, glyph, tone, label in (
        ("worse", "↘", "bad", "worse"),
        ("better", "↗", "good", "better"),
        ("new", "+", "note", "new"),
        ("gone", "−", "note", "gone"),
        ("choice", "↔", "note", "other choice"),
        ("bits", "≈", "quiet", "bits only"),
    )
}


def state_of(cell: Cell) -> State:
    """The state that a cell shows."""
    return STATES[cell.state]


def verdict(cell: Cell) -> str:
    """`wrong 12`: the state in words, and how many results deviate."""
    return f"{state_of(cell).label} {cell.deviating:,}" if cell.deviating else state_of(cell).label


def name_of(cause: Cause) -> str:
    """`gelu.value`; what is one cause for all functions is called by its rule alone."""
    return cause.rule.removeprefix("*.") if cause.function == "*" else f"{cause.function}.{cause.rule}"


def where(cause: Cause) -> str:
    """Entry points, dtypes, modes and region."""
    names = "all functions" if cause.entry_points == ("*",) else ", ".join(cause.entry_points)
    return f"{names}; {', '.join(cause.dtypes)}; {', '.join(cause.modes)}; {cause.region}"


def measured(cause: Cause) -> str:
    """`33.5 ULP at x = -13.0 (float32, eager): -0.0 where -1.2e-37 is due`, or the judge's sentence where nothing was measured."""
    worst = cause.worst
    if worst is None or not worst.input or worst.ulp != worst.ulp:
        return folded(cause.message)
    at = _cut("; ".join(worst.input))
    return folded(
        f"{ulps(worst.ulp)} ULP at {at} ({worst.dtype}, {worst.mode}): {worst.observed} where {worst.truth} is due"
    )


def _cut(inputs: str) -> str:
    return inputs if len(inputs) <= LONGEST_INPUT else f"{inputs[: LONGEST_INPUT - 1]}…"


def counted(number: int) -> str:
    """`3 functions`."""
    return count(number, "function")
