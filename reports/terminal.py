"""Text for the terminal: the summary of a run and its findings. Readable at 60 columns. Pages of functions: `terminal_pages`.

Rich lays out and wraps; where the output is no terminal it writes plain lines. Text from frameworks is printed as text,
never as markup. Knows no framework.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conformance.judge.expectations import KINDS
from conformance.judge.findings import gating
from conformance.judge.message import four_lines, rule_name, ulps
from conformance.judge.records import Finding, Judgement

from .checks import checks_of, combine, severities, shards_of, verdicts
from .terminal_pages import show
from .words import STATES, count, plain, worst_first

__all__ = ["console", "expectations", "findings", "show", "summary", "text_of"]

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
    parts: list[RenderableType] = [*_shards(judgement)]
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
        return Group(*_shards(judgement), Text(f"No finding that is {' or '.join(statuses)}."))
    parts: list[RenderableType] = [*_shards(judgement)]
    parts.append(Text(f"{count(len(found), 'finding')}: {severities(found)}", style="bold"))
    for finding in found:
        parts += [Text(), _head(finding), Padding(_four(finding, run), (0, 0, 0, 2))]
        if finding.status != "new":
            known = f"{finding.status}: {plain(finding.reason)} {plain(finding.link)}".rstrip(": ")
            parts.append(Padding(Text(known, style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def expectations(judgement: Judgement, run: str = "RUN") -> RenderableType:
    """What `nnconform expect RUN` prints: the known deviations of each backend, what is not as known, and what to do next."""
    new = [finding for finding in gating(judgement.findings) if finding.status == "new"]
    parts: list[RenderableType] = []
    for backend, known in groupby(judgement.known, key=lambda one: one.backend):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=3)
        table.add_column(overflow="fold", ratio=2)
        table.add_column(justify="right", no_wrap=True)
        for one in known:
            state = "deviates" if one.problems else "expected"
            table.add_row(
                Text(*_glyph(state)), Text(one.name), Text(KINDS[one.kind]), Text(count(one.results, "result"))
            )
            for problem in one.problems:
                table.add_row("", Text(plain(problem)), "", "")
        parts += [Text(backend, style="bold"), table, Text()]
    stale = sum(bool(one.problems) for one in judgement.known)
    parts.append(
        Text(
            f"{count(len(judgement.known), 'cause')} known, {stale} not as known, {count(len(new), 'new finding')}.",
            style="bold",
        )
    )
    if new:
        parts.append(_table(sorted(new, key=worst_first)[:MOST_FINDINGS]))
    if new or stale:
        parts.append(
            Text(f"Next: nnconform findings {run} --status new; nnconform expect {run} --update rewrites the files.")
        )
    return Group(*parts)


def _shards(judgement: Judgement) -> list[Text]:
    said = shards_of(judgement)
    return [Text(plain(said))] if said else []


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
