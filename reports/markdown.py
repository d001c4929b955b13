"""Markdown within a byte budget, for job summaries and pull requests: verdicts, what changed, findings worst first.

What did not fit is named with its count and where to find it; nothing is cut in the middle. Knows no framework.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from conformance.judge.message import four_lines, rule_name, ulps
from conformance.judge.records import Finding, Judgement

from .checks import checks_of, combine, severities, shards_of, verdicts
from .words import STATES, AnyBinding, count, listed, plain, script, worst_first

FILE_NAME = "report.md"
BUDGET = 900_000
"""Bytes. GitHub drops a job summary above 1024 kB whole."""

SMALLEST_BUDGET = 1_000
"""Bytes that the shortest report with its head and the sentence about what was cut needs."""

_WHERE = "They are in the HTML report and in findings.json."


def write(
    judgements: Sequence[Judgement],
    bindings: Mapping[str, Sequence[AnyBinding]],
    directory: Path,
    *,
    budget: int = BUDGET,
) -> Path:
    """Write `report.md` of at most `budget` bytes and return its path. Raises OSError, and ValueError for a budget below 1,000."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_bytes(text(judgements, budget=budget).encode())
    return path


def text(judgements: Sequence[Judgement], *, budget: int = BUDGET) -> str:
    """The report. Of several judgements the last one's findings are compared with the first one's, under *Changes*."""
    if budget < SMALLEST_BUDGET:
        raise ValueError(f"a Markdown report of {budget:,} bytes was asked for; the smallest is {SMALLEST_BUDGET:,}")
    judgement = combine(judgements)
    found = sorted((f for f in judgement.findings if f.status != "stale"), key=worst_first)
    whole = Page(budget)
    whole.add("# Conformance\n\n", must=True)
    if said := shards_of(judgement):
        whole.add(f"**{inline(said)}**\n\n")
    sentences = [
        f"- **{inline(v.subject.title)}** {STATES[v.state].glyph} {inline(v.sentence)}\n"
        for v in verdicts(judgement, checks_of(judgement))
    ]
    whole.add_all(sentences, "verdict", "verdicts")
    whole.add("\nA check is one rule of one entry point in one dtype and mode.\n")
    changes = list(_changes(judgements, judgement))
    if changes:
        whole.add("\n## Changes\n\n")
        whole.add_all(changes, "change", "changes")
    whole.add(f"\n## Findings\n\n{count(len(found), 'finding')}{': ' + severities(found) if found else ''}.\n")
    if found:
        rows = [_row(finding) for finding in found]
        whole.add(
            "\n| | severity | function | rule | subject | dtypes | worst | share | |\n|---|---|---|---|---|---|---|---|---|\n"
        )
        # A table of lines first, then as many of the details as fit: a reader scans before reading.
        whole.add_all(rows, "line of this table", "lines of this table")
        whole.add("\n### Each in four lines\n")
        whole.add_all([_details(finding) for finding in found], "finding", "findings")
    return whole.text()


class Page:
    """Text that never grows beyond its budget, with a note for what did not fit."""

    _RESERVE = 400  # for the notes about what was cut

    def __init__(self, budget: int, where: str = _WHERE) -> None:
        self._where = where
        self._left = budget - self._RESERVE
        self._parts: list[str] = []
        self._cut: list[str] = []

    def add(self, part: str, *, must: bool = False) -> bool:
        size = len(part.encode())
        if size > self._left and not must:
            return False
        self._left -= size
        self._parts.append(part)
        return True

    def add_all(self, parts: Sequence[str], one: str, several: str) -> None:
        for number, part in enumerate(parts):
            if not self.add(part):
                self._cut.append(f"{len(parts) - number:,} {one if len(parts) - number == 1 else several}")
                # What follows is less important: a smaller piece must not slip in where a larger one was cut.
                self._left = 0
                return

    def text(self) -> str:
        if self._cut:
            self._parts.append(f"\n\n**Cut for size:** {listed(self._cut)}, the least severe. {self._where}\n")
        return "".join(self._parts)


def _changes(judgements: Sequence[Judgement], combined: Judgement) -> Iterator[str]:
    if len(judgements) > 1:
        old, new = ({f.id: f for f in j.findings if f.status != "stale"} for j in (judgements[0], judgements[-1]))
        for finding in sorted((new[i] for i in new.keys() - old.keys()), key=worst_first):
            yield f"- appeared: {_line(finding)}\n"
        for finding in sorted((old[i] for i in old.keys() - new.keys()), key=worst_first):
            yield f"- gone: {_line(finding)}\n"
    for finding in sorted((f for f in combined.findings if f.status == "stale"), key=worst_first):
        yield f"- expected, but no longer seen: {_line(finding)}. Fixed? Then remove its expectation.\n"


def _line(finding: Finding) -> str:
    where = f"{', '.join(finding.dtypes)} on {finding.subject}"
    return f"`{finding.id}` {finding.severity}, {inline(f'{finding.function}.{rule_name(finding)}')}, {inline(where)}"


def _row(finding: Finding) -> str:
    worst = f"{ulps(finding.worst.ulp)} ULP" if finding.worst and finding.worst.ulp == finding.worst.ulp else ""
    cells = (
        STATES[finding.severity].glyph if finding.severity in STATES else "",
        finding.severity + (" (expected)" if finding.status == "expected" else ""),
        finding.function,
        rule_name(finding),
        finding.subject,
        ", ".join(finding.dtypes),
        worst,
        f"{finding.deviating:,} of {finding.checked:,}",
    )
    return "| " + " | ".join(inline(cell) for cell in cells) + f" | `{finding.id}` |\n"


def _details(finding: Finding) -> str:
    known = f"\nExpected: {inline(finding.reason)} {inline(finding.link)}\n" if finding.status == "expected" else ""
    title = inline(f"{finding.function}.{rule_name(finding)} on {finding.subject}, {finding.severity}")
    entry_points = ", ".join(inline(name) for name in finding.entry_points)
    head = f"\n**{title}** ({count(finding.deviating)} of {count(finding.checked, 'comparison')} in {inline(finding.region)}; {entry_points})\n"
    return f"{head}{known}\n{_fenced(four_lines(finding))}\n{_fenced(script(finding), 'python')}"


def _fenced(content: str, language: str = "text") -> str:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}\n"


def inline(content: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no table break."""
    folded = " ".join(plain(content).split())
    escaped = re.sub(r"([\\`*_{}\[\]#|~!$@])", r"\\\1", folded)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
