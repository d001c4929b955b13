"""JUnit XML, for CI systems: one test case per subject × entry point × rule × dtype × mode.

JUnit has four states and we have more: a deviation that nobody expected is a failure, a crash or a timeout an error; what
was expected, not supported, not provided, undecided or could not run is skipped with its reason. Knows no framework.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.judge.message import four_lines, rule_name
from conformance.judge.records import Finding, Judgement
from conformance.observe.observation import Subject

from .checks import Check, checks_of, combine
from .words import AnyBinding, plain

FILE_NAME = "junit.xml"


def write(
    judgements: Sequence[Judgement],
    bindings: Mapping[str, Sequence[AnyBinding]],
    directory: Path,
    *,
    failures_only: bool = False,
) -> Path:
    """Write `junit.xml` and return its path. Raises OSError.

    With `failures_only` the test cases that passed or were skipped are left out (readers choke on millions of cases);
    the counts in the head of each suite are still of all of them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    tree = ET.ElementTree(document(combine(judgements), failures_only=failures_only))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return path


def document(judgement: Judgement, *, failures_only: bool = False) -> ET.Element:
    """The element `testsuites`: one suite per subject."""
    by_subject: dict[str, list[Check]] = defaultdict(list)
    for check in checks_of(judgement):
        by_subject[check.subject].append(check)
    root = ET.Element("testsuites", name="nnconform")
    whole: Counter[str] = Counter()
    for subject in judgement.subjects:
        stale = [f for f in judgement.findings if f.subject == subject.id and f.status == "stale"]
        whole += _suite(root, subject, by_subject[subject.id], stale, judgement.unspecified, failures_only)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(whole[name]))
    return root


def _suite(
    root: ET.Element,
    subject: Subject,
    checks: list[Check],
    stale: list[Finding],
    reasons: Mapping[str, str],
    failures_only: bool,
) -> Counter[str]:
    suite = ET.SubElement(root, "testsuite", name=_clean(subject.id))
    properties = ET.SubElement(suite, "properties")
    described = {"title": subject.title, "device": subject.device, "configuration": subject.configuration}
    for name, value in {**described, **subject.versions}.items():
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    counted: Counter[str] = Counter()

    def case(classname: str, name: str, verdict: ET.Element | None) -> None:
        kind = (
            {"failure": "failures", "error": "errors", "skipped": "skipped"}[verdict.tag] if verdict is not None else ""
        )
        counted.update(["tests", kind] if kind else ["tests"])
        if failures_only and kind not in ("failures", "errors"):
            return
        element = ET.SubElement(suite, "testcase", classname=_clean(classname), name=_clean(name), time="0")
        if verdict is not None:
            element.append(verdict)

    for check in checks:
        name = f"{check.function}.{check.rule}[{check.entry_point}-{check.dtype}-{check.mode}]"
        case(f"{check.subject}.{check.function}", name, _verdict(check, subject.backend, reasons))
    for finding in stale:
        said = "expected, but no longer seen: fixed? Then remove its expectation."
        name = f"{finding.function}.{rule_name(finding)}[expectation-{finding.id}]"
        case(f"{finding.subject}.{finding.function}", name, _element("failure", said, four_lines(finding), "stale"))
    if subject.problem and not checks:
        case(subject.id, "could not run", _element("skipped", f"could not run: {subject.problem}"))
    for name in ("tests", "failures", "errors", "skipped"):
        suite.set(name, str(counted[name]))
    return counted


def _verdict(check: Check, backend: str, reasons: Mapping[str, str]) -> ET.Element | None:
    """What the test case contains; None for one that passed."""
    telling = check.telling
    if check.outcome in ("crashed", "timed_out"):
        message = f"{check.outcome.replace('_', ' ')}: {telling.message}"
        return _element("error", message, four_lines(telling, backend=backend), check.outcome)
    if check.outcome in ("deviates", "raised") and check.gates:
        if check.expected:
            reason = "; ".join(f"{finding.reason} {finding.link}".strip() for finding in check.findings)
            return _element("skipped", f"expected: {reason}")
        shown = [four_lines(finding) for finding in check.findings if finding.status != "expected"]
        said = telling.message or f"{check.function}.{check.rule} deviates"
        return _element(
            "failure", said, "\n\n".join(shown) or four_lines(telling, backend=backend), check.severity or "raised"
        )
    if check.outcome in ("deviates", "raised"):
        return _element("skipped", f"{check.level}: recorded only: {telling.message}")
    if check.outcome == "unspecified":
        reason = reasons.get(check.rule) or telling.message or "the standard leaves it free"
        return _element("skipped", f"unspecified: {reason}")
    if check.outcome == "conforms":
        return None
    return _element("skipped", f"{check.outcome.replace('_', ' ')}: {telling.message}".rstrip(": "))


def _element(tag: str, message: str, body: str = "", kind: str = "") -> ET.Element:
    element = ET.Element(tag, message=_clean(" ".join(message.split())))
    if kind:
        element.set("type", kind)
    element.text = _clean(body) or None
    return element


def _clean(text: str) -> str:
    """XML 1.0 has no way to write most control characters, not even escaped."""
    return plain(text, 4000).replace("\ufffe", "�").replace("\uffff", "�")
