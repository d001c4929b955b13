"""A comparison as one HTML page that opens offline: the matrix of functions × backends, then every change with old and new side by side.

Shares the style sheet and the policy of the report. All is written into the page; the script only filters. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from conformance.judge.comparison.changes import KINDS, Change, Comparison
from conformance.standard import CATALOGUE

from ..html.shell import environment, policy, style
from ..words import count, plain
from . import words

_HERE = Path(__file__).resolve().parent

MOST = 600
"""Changes that a page shows in full; the least severe beyond them are counted."""


@dataclass(frozen=True)
class Cell:
    """A function on one backend: its words of `words.CELLS`, with how many changes have each, the one that matters most first."""

    function: str
    backend: str
    asked: bool
    counts: tuple[tuple[str, int], ...]


def page(compared: Comparison) -> str:
    """The whole page as text."""
    sheet, script = style() + _read("compare.css"), _read("compare.js")
    backends = tuple(dict.fromkeys(pair.new.backend for pair in compared.subjects))
    shown = compared.changes[:MOST]
    found = matrix(compared, backends)
    template = environment(_HERE / "templates").get_template("compare.html")
    return template.render(
        style=Markup(sheet),
        script=Markup(script),
        policy=policy(sheet, script),
        compared=compared,
        shown=shown,
        left_out=len(compared.changes) - len(shown),
        backends=backends,
        rows=found,
        changed=[name for name, cells in found.items() if any(cell.counts for cell in cells)],
        everywhere=[change for change in compared.changes if change.function == "*"],
        counts=compared.counts,
        kinds=KINDS,
        marks=words.MARKS,
        cells=_cell_marks(),
        words=words,
        count=count,
        plain=plain,
        haystack=haystack,
    )


def matrix(compared: Comparison, backends: tuple[str, ...]) -> dict[str, tuple[Cell, ...]]:
    """Cells by function, in the order of the standard. A change of several functions counts in each of them."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for change in compared.changes:
        for function in change.functions:
            cell = counted.setdefault((function, change.backend), {})
            word = words.MARKS[change.kind].cell
            cell[word] = cell.get(word, 0) + 1
    asked = {name for names in compared.asked.values() for name in names} | {function for function, _ in counted}
    order = [name for name in CATALOGUE if name in asked] + sorted(asked - CATALOGUE.keys())
    return {
        name: tuple(
            Cell(
                name, backend, name in compared.asked.get(backend, ()),
                tuple((word, counted[name, backend][word]) for word in words.CELLS if word in counted.get((name, backend), {})),
            )
            for backend in backends
        )
        for name in order
    }  # fmt: skip


def _cell_marks() -> Mapping[str, words.Mark]:
    """A mark for every word of the matrix."""
    return {word: next(mark for mark in words.MARKS.values() if mark.cell == word) for word in words.CELLS}


def haystack(change: Change) -> str:
    """What the search looks through."""
    parts = (
        change.id,
        change.kind,
        change.message,
        *change.functions,
        *change.entry_points,
        *change.subjects,
        *change.dtypes,
        *change.modes,
        *change.regions,
    )
    return plain(" ".join(parts), 4000).lower()


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
