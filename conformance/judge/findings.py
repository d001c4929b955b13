"""Findings: results that deviate, put together by cause.

Function × rule × region × entry points whose bits agree, over parameters, dtypes and modes. Knows no framework; the
reproducers come from the adapters, through the registry, and are text.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from conformance.formats import FORMATS
from conformance.observe.observation import Subject

from .records import SEVERITIES, Finding, Result

FAULTS = ("deviates", "raised", "crashed", "timed_out")
"""Outcomes of results that make a finding."""

Reproduce = Callable[[Result], str]
"""Gives a script that shows a result without nnconform, or an empty text."""

_ORDER = {name: index for index, name in enumerate([*FORMATS, "bool", "int8", "int32", "int64", "uint8"])}


def findings_of(results: Iterable[Result], subjects: Mapping[str, Subject], reproduce: Reproduce) -> tuple[Finding, ...]:
    """All findings, worst first."""
    causes: dict[tuple[str, str, str, str], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    checked: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for result in results:
        key = _cause(result)
        checked[(*key[:3], result.entry_point)] += result.comparisons
        if result.outcome in FAULTS:
            causes[key][result.entry_point].append(result)
    findings = []
    for cause, by_entry_point in causes.items():
        for group in _agreeing(by_entry_point):
            total = sum(checked[(*cause[:3], entry_point)] for entry_point in group)
            deviating = [result for entry_point in group for result in by_entry_point[entry_point]]
            findings.append(_finding(cause, group, deviating, total, subjects[cause[0]], reproduce))
    return tuple(sorted(findings, key=_rank))


def _cause(result: Result) -> tuple[str, str, str, str]:
    """Subject, function, rule, region. Flushing is one cause for everything that a subject does."""
    if result.rule.endswith(".flush"):
        return (result.subject, "*", "*.flush", result.region)
    return (result.subject, result.function, result.rule, result.region)


def _agreeing(by_entry_point: Mapping[str, Sequence[Result]]) -> list[tuple[str, ...]]:
    """Entry points whose deviating bits are the same wherever both were asked the same; each in one group."""
    signatures = {
        entry_point: {
            (repr(sorted(result.parameters.items())), result.dtype, result.mode, result.region): result.bits
            for result in results
        }
        for entry_point, results in by_entry_point.items()
    }
    groups: list[list[str]] = []
    for entry_point, signature in signatures.items():
        for group in groups:
            other = signatures[group[0]]
            shared = signature.keys() & other.keys()
            if shared and all(signature[key] == other[key] for key in shared):
                group.append(entry_point)
                break
        else:
            groups.append([entry_point])
    return [tuple(sorted(group)) for group in groups]


def _finding(
    cause: tuple[str, str, str, str], entry_points: tuple[str, ...], results: Sequence[Result], checked: int,
    subject: Subject, reproduce: Reproduce,
) -> Finding:  # fmt: skip
    _, function, rule, region = cause
    worst = min(results, key=_result_rank)
    names = [subject.backend, subject.configuration, subject.device, function, rule, region, *entry_points]
    identity = hashlib.blake2b("\x1f".join(names).encode(), digest_size=6).hexdigest()
    return Finding(
        id=identity,
        function=function,
        rule=rule,
        level=worst.level,
        severity=worst.severity,
        subject=subject.id,
        backend=subject.backend,
        version=subject.version,
        entry_points=entry_points,
        dtypes=tuple(sorted({r.dtype for r in results}, key=lambda name: _ORDER.get(name, 99))),
        modes=tuple(sorted({r.mode for r in results}, key=("eager", "graph", "compiled").index)),
        parameters=worst.parameters,
        region=region,
        checked=checked,
        deviating=sum(max(result.deviates, 1) for result in results),
        status="new",
        reason="",
        link="",
        message=worst.message,
        worst=worst.worst,
        reproducer=reproduce(worst),
    )


def _result_rank(result: Result) -> tuple[int, float]:
    error = result.worst.ulp if result.worst else 0.0
    return (SEVERITIES.index(result.severity) if result.severity else 9, -error)


def _rank(finding: Finding) -> tuple[int, int, float, str, str, str]:
    gates = finding.level in ("MUST", "SHOULD")
    error = finding.worst.ulp if finding.worst else 0.0
    return (0 if gates else 1, SEVERITIES.index(finding.severity), -error, finding.function, finding.rule, finding.subject)


def gating(findings: Iterable[Finding]) -> list[Finding]:
    """Those that nobody expected, under rules that bind."""
    return [f for f in findings if f.status != "expected" and f.level in ("MUST", "SHOULD")]

