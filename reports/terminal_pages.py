"""The page of a function as text for the terminal: what the standard says, and how each framework spells it.

As `terminal`, which prints it. Knows pages as data; knows no result of a run and no framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.judge.message import short
from conformance.standard import Function, Source, TensorFunction
from conformance.standard.tensors import REDUCTIONS, ROWS

from .function_page import FunctionPage, Spelling, page_of
from .tensor_page import TensorPage, TensorSpelling, about, place_of, shape_of, signature
from .words import count, plain


def show(function: Function | TensorFunction, bindings: Mapping[str, Sequence[Any]]) -> RenderableType:
    """What `nnconform show FUNCTION` prints: the function's page as in a textbook, and how each framework spells it."""
    page = page_of(function, bindings)
    return _of_tensors(page) if isinstance(page, TensorPage) else _of_one_number(page)


def _of_one_number(page: FunctionPage) -> RenderableType:
    function = page.function
    parts: list[RenderableType] = [
        Text.assemble((function.title, "bold"), f"  {function.name}, {function.family}"),
        Text(),
        Padding(Text(f"{function.name}(x) = {function.formula}", style="bold"), (0, 0, 0, 4)),
    ]
    for note in function.notes:
        parts += [Text(), Text(note)]
    if function.parameters:
        parts += _section(
            "Parameters",
            [(p.name, f"{p.meaning}; {p.domain}; default {short(p.default)}") for p in function.parameters],
        )
    parts += _section("Limits", [(f"x → {limit.place}", limit.sentence) for limit in page.limits])
    parts += _section("Kinks", [(kink.place, kink.sentence) for kink in page.kinks])
    parts += _section("Landmarks", [(mark.place, mark.sentence) for mark in page.landmarks])
    parts += _section("Properties", [(p.kind.replace("_", " "), p.sentence) for p in function.properties])
    parts += _section("Bars", [(bar.place, bar.sentence) for bar in page.bars])
    parts += _spellings(page)
    return Group(*parts, *_rules_and_sources(page))


def _of_tensors(page: TensorPage) -> RenderableType:
    function = page.function
    parts: list[RenderableType] = [
        Text.assemble((function.title, "bold"), f"  {function.name}, {function.family}"),
        Text(),
        Padding(Text(f"{signature(function)} = {function.formula}", style="bold"), (0, 0, 0, 4)),
    ]
    for note in function.notes:
        parts += [Text(), Text(note)]
    parts += _section("Arguments", [(f"{a.name}{shape_of(a)}", about(a)) for a in page.arguments])
    if function.result:
        parts += _section(
            "Result", [(f"[{', '.join(function.result)}]", "at every place of the dimensions before the core")]
        )
    parts += _section(
        "Options", [(s.name, f"{s.meaning}; {s.domain}; default {short(s.default)}") for s in page.settings]
    )
    parts += _section("Reductions", [(name, REDUCTIONS[name]) for name in function.reductions])
    parts += _section("Rows", [(name, ROWS[name]) for name in function.rows])
    parts += _calls(page)
    parts += _settings_side_by_side(page)
    parts += _section("Places worth a name", [(edge.name, place_of(edge)) for edge in function.edges])
    parts += _section("Properties", [(p.kind.replace("_", " "), p.sentence) for p in function.properties])
    parts += _section("Bars", list(page.bars))
    return Group(*parts, *_rules_and_sources(page))


def _settings_side_by_side(page: TensorPage) -> list[RenderableType]:
    """Each option with what every entry point calls it and takes where it is not passed; those that say the same together."""
    parts: list[RenderableType] = []
    for place, setting in enumerate(page.settings):
        said: dict[str, list[str]] = {}
        for spelling in page.spellings:
            said.setdefault(_taken(spelling, place), []).append(spelling.entry_point)
        if list(said) == [""]:
            continue
        head = f"  the standard's default: {short(setting.default)}"
        parts.append(Padding(Text.assemble((setting.name, "bold"), (head, "dim")), (0, 0, 0, 2)))
        table = Table.grid(padding=(0, 2))
        table.add_column(overflow="fold", max_width=28)
        table.add_column(overflow="fold")
        for text, names in said.items():
            table.add_row(Text(text or "no such option"), Text(", ".join(names), style="dim"))
        parts.append(Padding(table, (0, 0, 0, 4)))
    return [Text(), Text("How they call it, and what they take by default", style="bold"), *parts] if parts else []


def _taken(spelling: TensorSpelling, place: int) -> str:
    keyword, default, spelt = spelling.keywords[place], spelling.defaults[place], spelling.spelt[place]
    if not keyword:
        return f"always {default}" if default else ""
    mark = " ≠" if spelling.differs[place] else ""
    said = f"{keyword} = {default}{mark}" if default else f"{keyword}, no default"
    return f"{said}; {spelt}" if spelt else said


def _calls(page: TensorPage) -> list[RenderableType]:
    """Calls that compute the standard's function; then the nearest ones, with what they compute instead."""
    parts: list[RenderableType] = []
    backend = ""
    for spelling in page.spellings:
        if spelling.backend != backend:
            backend = spelling.backend
            parts.append(Padding(Text(backend, style="dim"), (0, 0, 0, 2)))
        parts.append(Padding(Text(spelling.write or f"cannot; nearest is {spelling.nearest}"), (0, 0, 0, 4)))
        if spelling.said:
            parts.append(Padding(Text(plain(spelling.said), style="dim"), (0, 0, 0, 6)))
    for name in page.not_provided:
        parts.append(Padding(Text.assemble((name, "dim"), "  not provided"), (0, 0, 0, 2)))
    return [Text(), Text("What to write to get the standard's function", style="bold"), *parts] if parts else []


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[RenderableType]:
    if not rows:
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold", max_width=16)
    table.add_column(overflow="fold")
    for name, sentence in rows:
        table.add_row(Text(name), Text(sentence))
    return [Text(), Text(title, style="bold"), Padding(table, (0, 0, 0, 2))]


def _spellings(page: FunctionPage) -> list[RenderableType]:
    if not page.spellings:
        return []
    parts: list[RenderableType] = [Text(), Text("What to write to get the standard's function", style="bold")]
    backend = ""
    for spelling in page.spellings:
        if spelling.backend != backend:
            backend = spelling.backend
            parts.append(Padding(Text(backend, style="dim"), (0, 0, 0, 2)))
        written = (
            Text(spelling.write) if spelling.write else Text(f"{spelling.entry_point}: cannot, {spelling.why_not}")
        )
        parts.append(Padding(written, (0, 0, 0, 4)))
        said = _said(page, spelling)
        if said:
            parts.append(Padding(Text(said, style="dim"), (0, 0, 0, 6)))
    for name in page.not_provided:
        parts.append(Padding(Text.assemble((name, "dim"), "  not provided"), (0, 0, 0, 2)))
    return parts


def _said(page: FunctionPage, spelling: Spelling) -> str:
    """How this entry point's parameters and defaults differ from the standard's, if they do."""
    said = []
    for place, parameter in enumerate(page.function.parameters):
        keyword, default = spelling.keywords[place], spelling.defaults[place]
        if keyword and (keyword != parameter.name or spelling.differs[place]):
            tensor = f"{parameter.name} is {keyword.strip('()')}" if keyword.startswith("(") else ""
            called = f"{parameter.name} is called {keyword}" if keyword != parameter.name else parameter.name
            said.append(tensor or called)
            said[-1] += f", default {default}" if default else ""
        elif not keyword and default:
            said.append(f"{parameter.name} is always {default}")
    return "; ".join([*said, plain(spelling.remark)] if spelling.remark else said)


def _rules_and_sources(page: FunctionPage | TensorPage) -> list[RenderableType]:
    sources = list(dict.fromkeys([*page.function.sources, *(rule.source for rule in page.rules if rule.source)]))
    parts = _rules(page, sources)
    parts += [Text(), Text("Sources", style="bold")]
    parts += [Padding(Text(f"[{n}] {s.title}\n    {s.link}"), (0, 0, 0, 2)) for n, s in enumerate(sources, 1)]
    return parts


def _rules(page: FunctionPage | TensorPage, sources: Sequence[Source]) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(), Text(f"{count(len(page.rules), 'rule')}", style="bold")]
    for rule in page.rules:
        parts.append(Padding(Text.assemble((rule.id, "bold"), f"  {rule.level.value}"), (0, 0, 0, 2)))
        source = f" [{sources.index(rule.source) + 1}]" if rule.source else ""
        parts.append(Padding(Text.assemble(rule.sentence, (source, "dim")), (0, 0, 0, 4)))
    return parts
