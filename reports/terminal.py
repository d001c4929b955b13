"""Text for the terminal: the summary of a run, its findings, and the page of a function. Readable at 60 columns.

Rich lays out and wraps; where the output is no terminal it writes plain lines. Text from frameworks is printed as text,
never as markup. Knows no framework.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.judge.message import four_lines, rule_name, short, ulps
from conformance.judge.records import Finding, Judgement
from conformance.standard import Function, Source

from .checks import checks_of, combine, severities, verdicts
from .function_page import FunctionPage, Spelling, function_page
from .words import STATES, Binding, count, plain, worst_first

STYLES = {"good": "blue", "warn": "yellow", "bad": "red", "note": "magenta", "quiet": "dim"}
"""Colour of each tone; the glyph and the words beside it say the same."""

MOST_FINDINGS = 20
"""Findings that the summary lists; `findings` lists all."""


def console(width: int | None = None) -> Console:
    """A console on standard output; `width` in columns, that of the terminal by default."""
    return Console(width=width, highlight=False, soft_wrap=False)


def text_of(content: RenderableType, width: int = 100) -> str:
    """What would be printed, without colours."""
    buffer = io.StringIO()
    Console(file=buffer, width=width, highlight=False, color_system=None, force_terminal=False).print(content)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def summary(judgements: Sequence[Judgement]) -> RenderableType:
    """The verdict of every subject with its denominators, and the worst findings, a line each."""
    judgement = combine(judgements)
    parts: list[RenderableType] = []
    for verdict in verdicts(judgement, checks_of(judgement)):
        head = Text.assemble(_glyph(verdict.state), " ", (plain(verdict.subject.title), "bold"))
        parts += [head, Padding(Text(plain(verdict.sentence)), (0, 0, 0, 2))]
    found = sorted(judgement.findings, key=worst_first)
    if found:
        parts += [Text(), Text(f"{count(len(found), 'finding')}: {severities(found)}", style="bold")]
        parts.append(_table(found[:MOST_FINDINGS]))
        if len(found) > MOST_FINDINGS:
            parts.append(Text(f"and {len(found) - MOST_FINDINGS:,} more: nnconform findings RUN"))
    return Group(*parts)


def findings(
    judgements: Sequence[Judgement], statuses: Sequence[str] = ("new", "expected", "stale"), run: str = "RUN"
) -> RenderableType:
    """What `nnconform findings RUN` prints: each finding of these statuses with its four lines, worst first."""
    judgement = combine(judgements)
    found = sorted((finding for finding in judgement.findings if finding.status in statuses), key=worst_first)
    if not found:
        return Text(f"No finding that is {' or '.join(statuses)}.")
    parts: list[RenderableType] = [Text(f"{count(len(found), 'finding')}: {severities(found)}", style="bold")]
    for finding in found:
        parts += [Text(), _head(finding), Padding(_four(finding, run), (0, 0, 0, 2))]
        if finding.status != "new":
            known = f"{finding.status}: {plain(finding.reason)} {plain(finding.link)}".rstrip(": ")
            parts.append(Padding(Text(known, style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def show(function: Function, bindings: Mapping[str, Sequence[Binding]]) -> RenderableType:
    """What `nnconform show FUNCTION` prints: the function's page as in a textbook, and how each framework spells it."""
    page = function_page(function, bindings)
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
    sources = list(dict.fromkeys([*function.sources, *(rule.source for rule in page.rules if rule.source)]))
    parts += _rules(page, sources)
    parts += [Text(), Text("Sources", style="bold")]
    parts += [Padding(Text(f"[{n}] {s.title}\n    {s.link}"), (0, 0, 0, 2)) for n, s in enumerate(sources, 1)]
    return Group(*parts)


def _glyph(state: str) -> tuple[str, str]:
    shown = STATES.get(state, STATES["not_asked"])
    return shown.glyph, STYLES[shown.tone]


def _head(finding: Finding) -> Text:
    return Text.assemble(
        _glyph(finding.severity),
        " ",
        (f"{finding.function}.{rule_name(finding)}", "bold"),
        f" on {finding.subject}, {finding.severity}: {finding.deviating:,} of {count(finding.checked, 'comparison')}",
        f" in {', '.join(finding.dtypes)}, {', '.join(finding.modes)}, {finding.region}",
    )


def _four(finding: Finding, run: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for line in four_lines(finding, run=run).split("\n"):
        table.add_row(Text(line[:10].rstrip()), Text(line[10:]))
    return table


def _table(found: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=3)
    table.add_column(overflow="fold", ratio=2)
    table.add_column(justify="right", no_wrap=True)
    for finding in found:
        measured = finding.worst is not None and finding.worst.ulp == finding.worst.ulp
        error = f"{ulps(finding.worst.ulp)} ULP" if finding.worst is not None and measured else ""
        status = "" if finding.status == "new" else f" ({finding.status})"
        table.add_row(
            Text(*_glyph(finding.severity)),
            Text(f"{finding.function}.{rule_name(finding)}{status}"),
            Text(f"{finding.subject} {', '.join(finding.dtypes)}"),
            Text(error),
        )
    return table


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


def _rules(page: FunctionPage, sources: Sequence[Source]) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(), Text(f"{count(len(page.rules), 'rule')}", style="bold")]
    for rule in page.rules:
        parts.append(Padding(Text.assemble((rule.id, "bold"), f"  {rule.level.value}"), (0, 0, 0, 2)))
        source = f" [{sources.index(rule.source) + 1}]" if rule.source else ""
        parts.append(Padding(Text.assemble(rule.sentence, (source, "dim")), (0, 0, 0, 4)))
    return parts
