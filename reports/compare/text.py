"""A comparison as text for the terminal. Readable at 60 columns.

Rich lays out and wraps. Text from frameworks is printed as text, never as markup. Knows no framework.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.judge.comparison.changes import Change, Comparison, Names
from conformance.judge.message import folded

from ..terminal import STYLES
from ..words import count, plain
from . import words

MOST_PLACES = 3
"""Places of a change that are listed."""

MOST_NAMES = 12
"""Public names of a namespace that are listed."""


def comparison(compared: Comparison) -> RenderableType:
    """What `nnconform compare` prints: who was compared, what can't be, and every change, worst first."""
    parts: list[RenderableType] = []
    for pair in compared.subjects:
        parts.append(Text.assemble((plain(pair.id), "bold"), "  ", plain(words.versions(pair))))
        parts.append(_inside(Text(words.answered(pair), style="dim")))
    if compared.unlike:
        parts += [Text(), Text("Not like with like", style="bold")]
        parts += [_item("·", plain(sentence)) for sentence in compared.unlike]
    parts.append(Text())
    if not compared.changes:
        parts.append(Text(words.nothing(compared)))
    else:
        parts.append(Text(words.summed(compared), style="bold"))
    for change in compared.changes:
        parts += [Text(), *_change(change)]
    if compared.names:
        parts += [Text(), Text("Public names without a binding here, for information", style="bold")]
        parts += [_item("·", said) for names in compared.names for said in _names(names)]
    return Group(*parts)


def _change(change: Change) -> list[RenderableType]:
    mark = words.MARKS[change.kind]
    head = Text.assemble(
        (mark.glyph, STYLES[mark.tone]),
        " ",
        (change.kind, "bold"),
        "  ",
        (words.title(change), "bold"),
        f"  {', '.join(change.subjects)}",
    )
    parts: list[RenderableType] = [head, _inside(Text(plain(change.message)))]
    parts.append(
        _inside(
            Text(f"{words.who(change)}" + (f"  ({words.where(change)})" if words.where(change) else ""), style="dim")
        )
    )
    if change.function == "*":
        parts.append(_inside(Text(words.functions(change), style="dim")))
    parts += [_inside(Text(f"with it: {plain(note)}", style="dim")) for note in change.notes]
    if words.shown_places(change):
        parts.append(_inside(_places(change)))
    return parts


def _places(change: Change) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(overflow="fold")
    places = words.shown_places(change)
    told: dict[str, str] = {}
    for place in places:
        errors = [text for text in (words.error(place.old), words.error(place.new)) if text]
        name = f"{place.rule}, {place.region}" if place.region and place.region != place.rule else place.rule
        if len(errors) == 2 and place.old.observed_bits and place.old.observed_bits == place.new.observed_bits:
            often = {"worse": " more", "better": " fewer"}.get(change.kind, "")
            told.setdefault(name, f"{errors[0]} at {place.changed:,}{often} of {place.asked:,} inputs")
        elif len(errors) == 2:
            told.setdefault(name, " → ".join(errors))
        elif not told:
            told[name] = f"{words.side(place.old)} → {words.side(place.new)}"
    for name, said in list(told.items())[:MOST_PLACES]:
        table.add_row(Text(name, style="dim"), Text(folded(said)))
    more = max(len(places), len(change.regions)) - min(len(told), MOST_PLACES)
    if more > 0:
        table.add_row(Text(f"and {count(more, 'place')} more", style="dim"), Text())
    return table


def _names(names: Names) -> list[str]:
    said = []
    for word, found in (("new", names.appeared), ("gone", names.gone)):
        if found:
            rest = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
            said.append(plain(f"{names.namespace}: {word} {', '.join(found[:MOST_NAMES])}{rest}"))
    return said


def _item(mark: str, content: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(mark), Text(content))
    return table


def _inside(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2))
