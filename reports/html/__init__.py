"""The HTML report: one file that opens offline, from `file://`, and asks the network for nothing.

Puts the template, the style sheet and the script together. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from conformance.judge.records import Judgement
from conformance.standard import CATALOGUE, Bar

from ..causes import causes_of
from ..checks import checks_of, combine, severities, shards_of, verdicts
from ..words import SEVERITY_MEANING, STATES, STATUS_MEANING, AnyBinding, plain
from .embedded import embedded, packed, places, rules
from .matrix import VIEWS, dtypes, matrix
from .sections import absences, flat, function_sections, totals
from .shell import environment, policy, script, style

FILE_NAME = "report.html"

LARGEST = 2_400_000
"""Bytes of a page that opens in a second or two and may be attached to a mail: room for all findings of a full run of today."""

ROOM = 2_000
"""Bytes more than needed that are made free: what is packed together takes less than its parts."""

HEAD = ("command", "platform", "standard", "oracle", "tier", "started", "nnconform")
"""Entries of the run's environment that the head of the page shows, where the run has them."""


def write(judgements: Sequence[Judgement], bindings: Mapping[str, Sequence[AnyBinding]], directory: Path) -> Path:
    """Write `report.html` into the directory (made if missing) and return its path. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_text(page(judgements, bindings), encoding="utf-8")
    return path


def page(judgements: Sequence[Judgement], bindings: Mapping[str, Sequence[AnyBinding]]) -> str:
    """The whole page as text. Several runs are shown side by side, their subjects as so many columns."""
    judgement = combine(judgements)
    checks = checks_of(judgement)
    asked = {check.function for check in checks} | {finding.function for finding in judgement.findings}
    functions = [function for function in CATALOGUE.values() if function.name in asked or not asked]
    cells = matrix(judgement, checks, [function.name for function in functions])
    titles = {subject.id: plain(subject.title, 80) for subject in judgement.subjects}
    defaults = {function.name: function.defaults() for function in functions}
    sections = function_sections(judgement, checks, functions, bindings)
    css, javascript = style(), script()
    about_the_run = flat(judgement.environment)
    causes = causes_of(judgement)
    upstream = {"reports": {f"{one.known.backend}/{one.known.name}": one.report for one in causes if one.report}}

    def whole(budget: int) -> tuple[str, list[Any]]:
        data = {
            **embedded(judgement, cells, titles, defaults, budget),
            **rules(sections),
            **places(sections),
            **upstream,
        }
        made = (
            environment()
            .get_template("page.html")
            .render(
                style=Markup(css),
                script=Markup(javascript),
                policy=policy(css, javascript),
                data=packed(data),
                subjects=judgement.subjects,
                titles=titles,
                verdicts=verdicts(judgement, checks),
                head=[(name, value) for name, value in about_the_run if name in HEAD],
                environment=about_the_run,
                environments=[
                    (subject, [*subject.versions.items(), *flat(subject.environment)]) for subject in judgement.subjects
                ],
                totals=totals(judgement),
                shards=shards_of(judgement),
                summary=severities(judgement.findings),
                findings=judgement.findings,
                findings_left_out=data["findings_left_out"],
                exhibits_left_out=data["exhibits_left_out"],
                dtypes=dtypes(checks),
                cells=cells,
                views=VIEWS,
                sections=sections,
                families=[(name, list(same)) for name, same in groupby(sections, lambda s: s.page.function.family)],
                causes=causes,
                absences=absences(checks, judgement.unspecified),
                unspecified=judgement.unspecified,
                states=STATES,
                severity_meaning=SEVERITY_MEANING,
                status_meaning=STATUS_MEANING,
                bar=Bar(),
            )
        )
        return made, data["findings"]

    made, findings = whole(LARGEST)
    # Where all functions were asked, the less severe findings of each give way: findings.json has them all.
    while findings and (beyond := len(made.encode()) - LARGEST) > 0:
        made, findings = whole(len(packed(findings)) - beyond - ROOM)
    return made
