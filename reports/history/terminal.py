"""A history on the terminal: a table of functions and versions, then what is not in all versions. Readable at 60 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from conformance.judge.history import Cause, Cell, History, Row, Table

from ..terminal import STYLES
from ..words import STATES, count, plain
from .marks import MARKS, counted, measured, name_of, state_of, verdict, where

CELL = 17
"""Columns that a version takes, with the space beside it."""

NAME = 26
"""Columns that the names of functions take at most; a third of a narrow terminal."""

MOST_CAUSES = 30
"""Causes that are listed for one table; HTML and JSON list all."""


def table(history: History, width: int = 100) -> RenderableType:
    """Everything, for a terminal of so many columns."""
    parts: list[RenderableType] = []
    for one in history.tables:
        parts += [*_table(one, width), Text()]
    marks = "   ".join(f"{mark.glyph} {mark.label}" for mark in MARKS.values())
    parts.append(Text(f"A mark says how a version differs from the one before: {marks}", style="dim"))
    return Group(*parts)


def _table(one: Table, width: int) -> Iterator[RenderableType]:
    labels = [column.label for column in one.columns]
    yield Text(f"{plain(one.title)}: {' · '.join(map(plain, labels))}", style="bold")
    for note in one.notes:
        yield Padding(Text(plain(note)), (0, 0, 0, 2))
    changed, same = ([row for row in one.rows if row.changed is wanted] for wanted in (True, False))
    if changed:
        yield Text(f"\nChanged: {counted(len(changed))}")
        yield from _blocks(changed, labels, width)
    if same:
        yield Text(f"\nThe same in every version: {counted(len(same))}")
        yield from _blocks(same, labels, width)
    if one.causes:
        yield Text(f"\nNot in every version: {count(len(one.causes), 'deviation')}, the worst first", style="bold")
        for cause in one.causes[:MOST_CAUSES]:
            yield from _cause(cause)
        if len(one.causes) > MOST_CAUSES:
            yield Text(f"and {len(one.causes) - MOST_CAUSES:,} more: --format html or json has all")


def _blocks(rows: Sequence[Row], labels: Sequence[str], width: int) -> Iterator[RenderableType]:
    """As many versions side by side as there is room for; each block begins with the last version of the one above."""
    name = min(NAME, width // 3, max(len(row.function) for row in rows))
    fitting = max(2, (width - name - 2) // CELL)
    start = 0
    while True:
        places = range(start, min(start + fitting, len(labels)))
        yield _block(rows, labels, places, name)
        start = places[-1]
        if start >= len(labels) - 1:
            return


def _block(rows: Sequence[Row], labels: Sequence[str], places: range, name: int) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("function", overflow="fold", width=name)
    for place in places:
        grid.add_column(Text(plain(labels[place])), overflow="fold", min_width=CELL - 2)
    for row in rows:
        grid.add_row(Text(row.function), *(_cell(row.cells[place], place > 0) for place in places))
    return grid


def _cell(cell: Cell, comparable: bool) -> Text:
    state = state_of(cell)
    text = Text.assemble((state.glyph, STYLES[state.tone]), f" {verdict(cell)}")
    for name in cell.changes if comparable else ():
        mark = MARKS[name]
        text.append("\n").append(f"{mark.glyph} {mark.label}", STYLES[mark.tone])
    return text


def _cause(cause: Cause) -> Iterator[RenderableType]:
    state = STATES[cause.severity]
    yield Text.assemble(
        (state.glyph, STYLES[state.tone]), " ", (plain(cause.when), "bold"), f": {name_of(cause)}, {cause.severity}, {cause.level}"
    )  # fmt: skip
    yield Padding(Text(plain(measured(cause))), (0, 0, 0, 4))
    yield Padding(Text(plain(where(cause)), style="dim"), (0, 0, 0, 4))
