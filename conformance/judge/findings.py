"""Findings: results that deviate, put together by cause.

Function × rule × region × entry points whose bits agree, over parameters, dtypes and modes. Knows no framework; the
reproducers come from the adapters, through the registry, and are text.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from conformance.formats import FORMATS
from conformance.observe.observation import Subject
from conformance.standard.tensors import COMMON

from .expectations import deviates
from .records import FAULTS, SEVERITIES, Finding, Known, Result, Worst
from .values import FORWARD

ORDINARY = "ordinary numbers"
GRADIENT = "gradient in "
"""The region of drawn numbers, of functions of tensors; and what begins the region of their derivatives under rules about both."""

Reproduce = Callable[[Result], str]
"""Gives a script that shows a result without nnconform, or an empty text."""

_ORDER = {name: index for index, name in enumerate([*FORMATS, "bool", "int8", "int32", "int64", "uint8"])}


def findings_of(
    results: Iterable[Result],
    subjects: Mapping[str, Subject],
    reproduce: Reproduce,
    known: Sequence[Known] = (),
) -> tuple[Finding, ...]:
    """All findings, worst first; also one for each of the `known` expectations that is not seen as it says."""
    causes: dict[tuple[str, str, str, str], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    checked: dict[tuple[str, str, str, str], int] = defaultdict(int)
    results = list(results)
    unusable = {
        _plain_call(result): result
        for result in results
        if result.outcome == "raised" and result.rule.endswith(".value")
    }
    usual: dict[tuple[str, ...], int] = {}
    for result in results:
        if result.outcome == "deviates" and result.region == ORDINARY and _is_plain(result):
            usual[_quantity(result)] = min(
                usual.get(_quantity(result), len(SEVERITIES)), SEVERITIES.index(result.severity)
            )
    plain = {_asked(result) for result in results if result.outcome in FAULTS and result.region == ORDINARY}
    for result in results:
        cause = _cause(result)
        checked[(*cause[:3], result.entry_point)] += result.comparisons
        if result.outcome in FAULTS:
            # What is raised whatever is asked has one cause; who is off about ordinary numbers is so, if not worse, at every place worth a
            # name, and in every shape, layout and option; and of a value that is wrong the derivative is too.
            if result.outcome == "raised" and _plain_call(result) in unusable:
                cause = _cause(unusable[_plain_call(result)])
            elif result.rule.endswith(".edge") and _is_no_worse(result, usual.get(_quantity(result))):
                cause = (*cause[:3], "anywhere")
            elif result.region.startswith(GRADIENT) and _is_no_worse(result, usual.get(_derivative(result))):
                cause = (result.subject, result.function, _derivative(result)[2], ORDINARY)
            elif result.region.startswith(GRADIENT) and _asked(result) in plain:
                cause = _cause_of_value(result, usual) or (*cause[:3], ORDINARY)
            else:
                cause = _cause_of_value(result, usual) or cause
            causes[cause][result.entry_point].append(result)
    reasons = {(one.backend, one.name): one for one in known}
    findings = [_stale(one, subjects) for one in known if one.problems]
    for cause, by_entry_point in causes.items():
        for group in [tuple(sorted(by_entry_point))] if cause[1] == "*" else _agreeing(by_entry_point):
            total = sum(checked[(*cause[:3], entry_point)] for entry_point in group)
            deviating = [result for entry_point in group for result in by_entry_point[entry_point]]
            findings.append(_finding(cause, group, deviating, total, subjects[cause[0]], reproduce, reasons))
    return tuple(sorted(findings, key=_rank))


def _cause(result: Result) -> tuple[str, str, str, str]:
    """Subject, function, rule, region.

    Flushing is one cause for everything that a subject does; an invariance is broken or it is not, however it was
    varied; and under a rule that both share, the derivative in forward mode is the derivative.
    """
    if result.rule.endswith(".flush"):
        return (result.subject, "*", "*.flush", "subnormal numbers")
    if ".invariance." in result.rule:
        return (result.subject, result.function, result.rule, "anywhere")
    return (result.subject, result.function, result.rule, result.region.removesuffix(FORWARD))


def _plain_call(result: Result) -> tuple[str, ...]:
    """Whose call it is, in which dtype and mode, and the type of what it raised."""
    return (
        result.subject,
        result.function,
        result.entry_point,
        result.dtype,
        result.mode,
        result.message.partition(":")[0],
    )


def _asked(result: Result) -> tuple[str, ...]:
    """Who was asked under which rule."""
    return (result.subject, result.entry_point, result.rule, result.dtype, result.mode)


def _quantity(result: Result) -> tuple[str, ...]:
    """Whose value, or whose derivative in what: rules about ordinary numbers and about places worth a name have that in common."""
    rule = result.rule.removesuffix(".value").removesuffix(".edge")
    return (result.subject, result.entry_point, rule, result.dtype, result.mode)


def _derivative(result: Result) -> tuple[str, ...]:
    """As `_quantity`, of a derivative that another rule is about: by the argument that its region names."""
    rule = f"{result.function}.gradient.{result.region.removeprefix(GRADIENT)}"
    return (result.subject, result.entry_point, rule, result.dtype, result.mode)


def _is_plain(result: Result) -> bool:
    """Whether it is about the value or a derivative with nothing out of the ordinary."""
    rule = result.rule.partition(".")[2]
    return rule == "value" or (rule.startswith("gradient.") and rule.count(".") == 1)


def _is_no_worse(result: Result, usual: int | None) -> bool:
    """Whether a number is off as much as it is anyhow, or less."""
    return result.outcome == "deviates" and usual is not None and SEVERITIES.index(result.severity) >= usual


def _cause_of_value(result: Result, usual: Mapping[tuple[str, ...], int]) -> tuple[str, str, str, str] | None:
    """The cause of a value that is off anyhow, of which this is one more."""
    key = (result.subject, result.entry_point, result.function, result.dtype, result.mode)
    if (
        not (result.region == ORDINARY or result.region.startswith(GRADIENT))
        or _is_plain(result)
        or result.severity == "information"
    ):
        return None
    value = (result.subject, result.function, f"{result.function}.value", ORDINARY)
    return value if _is_no_worse(result, usual.get(key)) else None


def _agreeing(by_entry_point: Mapping[str, Sequence[Result]]) -> list[tuple[str, ...]]:
    """Entry points whose deviating bits are the same wherever both were asked the same; each in one group.

    Where they were asked nothing alike, because the one puts results together and the other does not, it is enough that the
    bits are the same all the same.
    """
    signatures = {name: _signature(results, ()) for name, results in by_entry_point.items()}
    rough = {name: _signature(results, COMMON) for name, results in by_entry_point.items()}
    groups: list[list[str]] = []
    for entry_point, signature in signatures.items():
        for group in groups:
            mine, other = signature, signatures[group[0]]
            if not mine.keys() & other.keys():
                mine, other = rough[entry_point], rough[group[0]]
            shared = mine.keys() & other.keys()
            if shared and all(mine[key] == other[key] for key in shared):
                group.append(entry_point)
                break
        else:
            groups.append([entry_point])
    return [tuple(sorted(group)) for group in groups]


def _signature(results: Sequence[Result], without: Sequence[str]) -> dict[tuple[str, ...], str]:
    """The bits that deviate by what was asked, but for the parameters `without`."""
    return {
        (result.rule, repr(sorted((name, value) for name, value in result.parameters.items() if name not in without)), result.dtype, result.mode, result.region): result.bits
        for result in results
    }  # fmt: skip


def _finding(
    cause: tuple[str, str, str, str], entry_points: tuple[str, ...], results: Sequence[Result], checked: int,
    subject: Subject, reproduce: Reproduce, reasons: Mapping[tuple[str, str], Known],
) -> Finding:  # fmt: skip
    _, function, rule, region = cause
    open_ = [result for result in results if deviates(result) and not result.cause]
    # What nobody expected is what a person must see; the rest of the finding is known.
    worst = min(open_ or results, key=_result_rank)
    names_of_causes = dict.fromkeys(result.cause for result in results if result.cause)
    causes = [] if open_ else [reasons[(subject.backend, name)] for name in names_of_causes]
    # What everything that a subject does has in common is the same finding when one more entry point does it.
    called = entry_points if function != "*" else ()
    names = [subject.backend, subject.configuration, subject.device, function, rule, region, *called]
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
        status="expected" if causes else "new",
        reason=" ".join(cause.reason for cause in causes),
        link=causes[0].link if causes else "",
        message="; ".join(filter(None, (_flushed(results) if function == "*" else worst.message, worst.unexpected))),
        worst=worst.worst,
        reproducer=reproduce(worst),
        cause=", ".join(cause.name for cause in causes),
        kind=causes[0].kind if causes else "",
    )


def _stale(known: Known, subjects: Mapping[str, Subject]) -> Finding:
    """An expectation that is not seen as it says; it is about the first subject of its backend."""
    subject = next(subject for subject in subjects.values() if subject.backend == known.backend)
    rule = known.problems[0].partition(" ")[0] if "." in known.problems[0].partition(" ")[0] else "*.*"
    names = [known.backend, "stale", known.name]
    return Finding(
        id=hashlib.blake2b("\x1f".join(names).encode(), digest_size=6).hexdigest(),
        function=rule.partition(".")[0], rule=rule, level="MUST", severity="information",
        subject=subject.id, backend=subject.backend, version=subject.version,
        entry_points=(), dtypes=(), modes=(), parameters={}, region="anywhere", checked=0, deviating=0,
        status="stale", reason=known.reason, link=known.link,
        message=f"the expectation {known.name}: {'; '.join(known.problems)}",
        worst=None, reproducer="", cause=known.name, kind=known.kind,
    )  # fmt: skip


def _flushed(results: Sequence[Result]) -> str:
    """What was flushed: functions and derivatives by name, because the finding is about all of them."""
    marks = {"value": "", "gradient": "′", "gradient.forward": "′", "second_derivative": "″"}
    names = dict.fromkeys(result.function + marks.get(result.bits, "") for result in results)
    return f"numbers below the smallest normal one become zero, in {', '.join(sorted(names))}"


def lost(worst: Worst | None) -> float:
    """Which part of its digits the worst answer has lost beyond what its bar allows: 0 none, 1 all or no number at all.

    Comparable between dtypes, as ULP are not; 0 where nothing was measured.
    """
    if worst is None or worst.ulp == 0:
        return 0.0
    if not math.isfinite(worst.ulp):
        return 1.0
    times = worst.ulp / max(worst.bar, 1.0)
    return min(1.0, max(0.0, math.log2(max(times, 1.0)) / (FORMATS[worst.dtype].precision - 1)))


def _result_rank(result: Result) -> tuple[int, int, float, int, int, int, float]:
    """Order of the results of one cause by what tells a person most: of equally bad ones the value before a derivative,
    float32 and eager before the others."""
    favour = ("float32", "float64", "bfloat16", "float16")
    error = result.worst.ulp if result.worst else 0.0
    return (
        SEVERITIES.index(result.severity) if result.severity else 9,
        0 if result.rule.endswith(".flush") and result.bits == "value" else 1,
        -round(lost(result.worst), 1),
        1 if result.region.endswith(FORWARD) else 0,
        favour.index(result.dtype) if result.dtype in favour else len(favour),
        ("eager", "graph", "compiled").index(result.mode),
        -error,
    )


def _rank(finding: Finding) -> tuple[int, int, float, str, str, str]:
    gates = finding.level in ("MUST", "SHOULD")
    distance = lost(finding.worst)
    return (
        0 if gates else 1,
        SEVERITIES.index(finding.severity),
        -distance,
        finding.function,
        finding.rule,
        finding.subject,
    )


def gating(findings: Iterable[Finding]) -> list[Finding]:
    """Those that nobody expected, under rules that bind."""
    return [f for f in findings if f.status != "expected" and f.level in ("MUST", "SHOULD")]
