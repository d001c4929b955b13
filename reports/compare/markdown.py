"""A comparison as Markdown within a byte budget, for a pull request or a job summary: a table, then each change, worst first.

What did not fit is named with its count; nothing is cut in the middle. Knows no framework.
"""

from __future__ import annotations

from conformance.judge.comparison.changes import Change, Comparison

from ..markdown import Page, inline
from ..words import plain
from . import words

BUDGET = 60_000
"""Bytes. GitHub refuses a comment of more than 65,536 characters."""

SMALLEST_BUDGET = 2_000
"""Bytes that the shortest report with its head and the sentence about what was cut needs."""

_WHERE = "`nnconform compare` shows them all."


def text(compared: Comparison, *, budget: int = BUDGET) -> str:
    """The report, of at most `budget` bytes. Raises ValueError for a budget below 2,000."""
    if budget < SMALLEST_BUDGET:
        raise ValueError(f"a Markdown report of {budget:,} bytes was asked for; the smallest is {SMALLEST_BUDGET:,}")
    page = Page(budget, _WHERE)
    page.add("# What changed\n\n", must=True)
    page.add_all(
        [
            f"- **{inline(pair.id)}** {inline(words.versions(pair))}: {words.answered(pair)}\n"
            for pair in compared.subjects
        ],
        "subject",
        "subjects",
    )
    if compared.unlike:
        page.add("\n**Not like with like**\n\n")
        page.add_all([f"- {inline(sentence)}\n" for sentence in compared.unlike], "sentence", "sentences")
    if not compared.changes:
        page.add(f"\n{words.nothing(compared)}\n")
    else:
        page.add(
            f"\n{inline(words.summed(compared))}.\n\n| | kind | function | where | change |\n|---|---|---|---|---|\n"
        )
        page.add_all([_row(change) for change in compared.changes], "line of this table", "lines of this table")
        page.add("\n## Each, old beside new\n")
        page.add_all([_details(change) for change in compared.changes if change.places], "change", "changes")
    if compared.names:
        page.add("\n## Public names without a binding\n\n")
        lines = [
            f"- {inline(names.namespace)}: {word} {inline(', '.join(found))}\n"
            for names in compared.names for word, found in (("new", names.appeared), ("gone", names.gone)) if found
        ]  # fmt: skip
        page.add_all(lines, "namespace", "namespaces")
    return page.text()


def _row(change: Change) -> str:
    cells = (words.title(change), f"{', '.join(change.subjects)} {words.where(change)}", change.message)
    return (
        f"| {words.MARKS[change.kind].glyph} | {change.kind} | " + " | ".join(inline(cell) for cell in cells) + " |\n"
    )


def _details(change: Change) -> str:
    head = f"\n**{words.MARKS[change.kind].glyph} {change.kind}: {inline(words.title(change))}** `{change.id}`\n\n{inline(words.who(change, 8))}\n"
    several = f"\n{inline(words.functions(change, 40))}\n" if change.function == "*" else ""
    notes = "".join(f"\n{inline(note)}\n" for note in change.notes)
    rows = [
        (f"{place.rule} {place.region}".strip(), words.asked(place, change.function), _side(words.side(place.old), words.error(place.old)), _side(words.side(place.new), words.error(place.new)))
        for place in change.places
    ]  # fmt: skip
    table = "\n| rule | input | old | new |\n|---|---|---|---|\n" + "".join(
        "| " + " | ".join(inline(cell) for cell in row) + " |\n" for row in rows
    )
    return head + several + notes + table


def _side(said: str, error: str) -> str:
    return plain(f"{said}, {error}" if error else said, 200)
