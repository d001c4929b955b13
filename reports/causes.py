"""Known deviations as people read them: each cause with its findings, and for what nobody has reported yet the text of a report.

Knows judgements and the standard; no framework.
"""

from __future__ import annotations

from dataclasses import dataclass

import conformance
from conformance.judge.expectations import KINDS
from conformance.judge.message import four_lines, rule_name
from conformance.judge.records import Finding, Judgement, Known
from conformance.observe.observation import Subject
from conformance.standard import CATALOGUE, rules_of

from .words import plain, script, worst_first

LONGEST_SCRIPT = 1500
"""Characters of a reproducer within a report to file; of a longer one it says how to get it."""


@dataclass(frozen=True)
class CauseShown:
    """One entry of the expectations: what it is called, how a person reads its kind, its findings with the worst first, and the
    text to file upstream (Markdown; empty unless it was not reported yet and was seen in this run)."""

    known: Known
    kind: str
    findings: tuple[Finding, ...]
    functions: tuple[str, ...]
    report: str


def causes_of(judgement: Judgement) -> list[CauseShown]:
    """The causes that this run was held against, in the order of their files."""
    shown = []
    for known in judgement.known:
        mine = sorted((f for f in judgement.findings if _is_of(f, known)), key=worst_first)
        functions = tuple(sorted({f.function for f in mine} - {"*"}))
        seen = [finding for finding in mine if finding.status == "expected"]
        report = upstream_report(judgement, known, seen[0]) if known.kind == "unreported" and seen else ""
        shown.append(CauseShown(known, KINDS[known.kind], tuple(mine), functions, report))
    return shown


def _is_of(finding: Finding, known: Known) -> bool:
    return finding.backend == known.backend and known.name in finding.cause.split(", ")


def upstream_report(judgement: Judgement, known: Known, worst: Finding) -> str:
    """A report to file with the framework, in Markdown: title, what happens, what is right, how to see it, versions."""
    subject = next(subject for subject in judgement.subjects if subject.id == worst.subject)
    _, came, conforms, _ = (line[10:] for line in four_lines(worst).split("\n"))
    where = ", ".join(f"`{plain(name, 120)}`" for name in worst.entry_points)
    parts = [
        f"# {plain(known.title or known.name)}",
        plain(known.reason),
        f"Seen in {where} ({', '.join(worst.dtypes)}; {', '.join(worst.modes)}). The line in question: {plain(known.link)}",
        f"**Expected.** {_sentence(worst)}",
        f"**Reproducer.**\n\n```python\n{script(worst, LONGEST_SCRIPT).strip()}\n```",
        f"It gives {plain(came)}; right would be {plain(conforms)}.",
        f"**Versions.** {_versions(subject)}",
        f"Found by nnconform {conformance.__version__}, rule `{plain(worst.rule)}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _sentence(finding: Finding) -> str:
    """What the standard says, in the sentence of the finding's rule."""
    rules = rules_of(CATALOGUE[finding.function]) if finding.function in CATALOGUE else ()
    sentence = next((rule.sentence for rule in rules if rule.id == finding.rule), "")
    return sentence or f"Numbers as the rule {rule_name(finding)} of the standard asks."


def _versions(subject: Subject) -> str:
    said = [f"{name} {version}" for name, version in subject.versions.items()]
    said += [f"{name} {subject.environment[name]}" for name in ("python", "platform") if name in subject.environment]
    return plain(", ".join(said))
