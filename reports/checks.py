"""From results to what a reader counts: checks, verdicts, and several runs seen as one.

A check is one rule of one entry point of one subject in one dtype and mode, over all parameters and regions: the test
case of JUnit and the unit of every denominator. Judges nothing: the worst outcome of its results is its outcome.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from conformance.judge.message import rule_name
from conformance.judge.records import (
    SEVERITIES,
    Convention,
    Exhibit,
    Finding,
    Judgement,
    Result,
    Strip,
    Totals,
)
from conformance.observe.observation import Subject

from .words import RANK, STATES, count, listed

PRECEDENCE = (
    "crashed", "timed_out", "deviates", "raised", "undecided", "conforms", "unspecified", "not_supported",
    "not_provided", "could_not_run",
)  # fmt: skip
"""Which outcome a check has when its results have several: the first of these."""

ANSWERED = ("conforms", "deviates", "raised", "crashed", "timed_out", "undecided")
"""Outcomes of a check that had something to compare; the denominator of a verdict."""

_Record = TypeVar("_Record", Result, Finding, Strip, Exhibit, Convention)


@dataclass(frozen=True)
class Check:
    """One rule × entry point × subject × dtype × mode.

    `findings` are those that its deviating results belong to; `expected` says that each of those results has one with
    that status; `severity` is the worst.
    """

    subject: str
    function: str
    entry_point: str
    rule: str
    level: str
    dtype: str
    mode: str
    outcome: str
    severity: str
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]
    expected: bool

    @property
    def state(self) -> str:
        """Key into `words.STATES`."""
        if self.outcome != "deviates":
            return self.outcome
        return "expected" if self.expected else self.severity

    @property
    def gates(self) -> bool:
        """Whether a deviation here is a failure: MUST and SHOULD gate, MAY is recorded."""
        return self.level in ("MUST", "SHOULD")

    @property
    def telling(self) -> Result:
        """The result that explains the outcome: of those that have it, the one farthest astray."""
        same = [result for result in self.results if result.outcome == self.outcome]
        return max(same or self.results, key=_astray)


@dataclass(frozen=True)
class Verdict:
    """One subject in a sentence, with the numbers behind it; `rest` is what follows *Conforms in … of … checks*."""

    subject: Subject
    state: str
    rest: str
    checks: int
    conforming: int

    @property
    def sentence(self) -> str:
        """The whole verdict."""
        return (
            f"Conforms in {self.conforming:,} of {count(self.checks, 'check')}. {self.rest}"
            if self.checks
            else self.rest
        )


def combine(judgements: Sequence[Judgement]) -> Judgement:
    """Several runs side by side as one. Subjects of the same id are told apart by version, or by the run's number."""
    if len(judgements) == 1:
        return judgements[0]
    ids = Counter(subject.id for judgement in judgements for subject in judgement.subjects)
    versioned = Counter(f"{s.id} {s.version}" for judgement in judgements for s in judgement.subjects)
    parts = []
    for number, judgement in enumerate(judgements, 1):
        names = {}
        for subject in judgement.subjects:
            with_version = f"{subject.id} {subject.version}"
            apart = with_version if versioned[with_version] == 1 else f"{subject.id} (run {number})"
            names[subject.id] = apart if ids[subject.id] > 1 else subject.id
        parts.append(_renamed(judgement, names))
    environment = dict(parts[0].environment) if len(parts) == 1 else {
        f"run {number}": part.environment for number, part in enumerate(parts, 1)
    }  # fmt: skip
    return Judgement(
        environment=environment,
        subjects=tuple(subject for part in parts for subject in part.subjects),
        totals=_sum([part.totals for part in parts]),
        results=tuple(result for part in parts for result in part.results),
        findings=tuple(finding for part in parts for finding in part.findings),
        strips=tuple(strip for part in parts for strip in part.strips),
        exhibits=tuple(exhibit for part in parts for exhibit in part.exhibits),
        conventions=tuple(convention for part in parts for convention in part.conventions),
        unspecified={rule: why for part in parts for rule, why in part.unspecified.items()},
        known=tuple(known for part in parts for known in part.known),
    )


def shards_of(judgement: Judgement) -> str:
    """A sentence on what is lacking where only some shards of a plan were asked; empty where everything was."""
    runs = [judgement.environment, *(one for one in judgement.environment.values() if isinstance(one, Mapping))]
    said = list(dict.fromkeys(str(one["shard"]) for one in runs if one.get("shard")))
    if not said:
        return ""
    return f"Only shard {' and shard '.join(said)}: what fell to the others was not asked. `nnconform merge` puts them together."


def checks_of(judgement: Judgement) -> list[Check]:
    """Every check of a run, in the order in which its first result came."""
    index: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        index[finding.subject, finding.function, rule_name(finding)].append(finding)
    grouped: dict[tuple[str, ...], list[Result]] = defaultdict(list)
    for result in judgement.results:
        key = (
            result.subject,
            result.function,
            result.entry_point,
            rule_name(result),
            result.level,
            result.dtype,
            result.mode,
        )
        grouped[key].append(result)
    return [_check(key, results, index) for key, results in grouped.items()]


def verdicts(judgement: Judgement, checks: Sequence[Check]) -> list[Verdict]:
    """One sentence per subject, with its denominators, in the order of the subjects."""
    by_subject: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        by_subject[check.subject].append(check)
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        found[finding.subject].append(finding)
    return [_verdict(subject, by_subject[subject.id], found[subject.id]) for subject in judgement.subjects]


def first_state(states: Sequence[str]) -> str:
    """The state that a summary of several shows."""
    return min(states, key=RANK.__getitem__, default="not_asked")


def severities(findings: Sequence[Finding]) -> str:
    """`2 wrong, 1 inaccurate`: how many findings of each severity, the worst first."""
    counted = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counted[name]:,} {name}" for name in SEVERITIES if counted[name])


def _check(key: tuple[str, ...], results: list[Result], index: dict[tuple[str, str, str], list[Finding]]) -> Check:
    subject, function, entry_point, rule, level, dtype, mode = key
    outcomes = {result.outcome for result in results}
    outcome = next((name for name in PRECEDENCE if name in outcomes), "undecided")
    found: dict[str, Finding] = {}
    expected = outcome == "deviates"
    severity = ""
    if outcome == "deviates" or "deviates" in outcomes:
        candidates = index[subject, function, rule]
        for result in results:
            if result.outcome != "deviates":
                continue
            owner = _owner(result, candidates)
            if owner is not None:
                found[owner.id] = owner
            if owner is None or owner.status != "expected":
                expected = False
        named = {result.severity for result in results if result.outcome == "deviates"} | {
            f.severity for f in found.values()
        }
        severity = next((name for name in SEVERITIES if name in named), "inaccurate")
    return Check(
        subject, function, entry_point, rule, level, dtype, mode, outcome, severity, tuple(results), tuple(found.values()), expected
    )  # fmt: skip


def _owner(result: Result, candidates: list[Finding]) -> Finding | None:
    fitting = [
        finding
        for finding in candidates
        if finding.status != "stale"
        and result.entry_point in finding.entry_points
        and result.dtype in finding.dtypes
        and result.mode in finding.modes
    ]
    exact = [finding for finding in fitting if finding.region == result.region]
    return next(iter(exact or fitting), None)


def _astray(result: Result) -> tuple[bool, float]:
    worst = result.worst
    if worst is None:
        return (False, 0.0)
    return (True, float("inf") if worst.ulp != worst.ulp else worst.ulp)


def _verdict(subject: Subject, checks: list[Check], findings: list[Finding]) -> Verdict:
    outcomes = Counter(check.outcome for check in checks)
    asked = sum(outcomes[name] for name in ANSWERED)
    conforming = outcomes["conforms"]
    if subject.problem and not asked:
        return Verdict(subject, "could_not_run", f"Could not run: {subject.problem}", 0, 0)
    if not asked:
        return Verdict(subject, "not_asked", "Nothing was asked of it in this run.", 0, 0)
    present = [finding for finding in findings if finding.status != "stale"]
    if present:
        deviating = outcomes["deviates"]
        sentence = f"{deviating:,} {'deviates' if deviating == 1 else 'deviate'}, in {count(len(present), 'finding')}: {severities(present)}"
        known = sum(finding.status == "expected" for finding in present)
        sentence += f"; {known:,} of them expected." if known else "; none of them expected."
    else:
        sentence = "No finding."
    ill = [
        f"{outcomes[name]:,} {STATES[name].label}"
        for name in ("raised", "crashed", "timed_out", "undecided")
        if outcomes[name]
    ]
    if ill:
        sentence += f" {listed(ill)}.".capitalize()
    apart = [
        f"{outcomes[name]:,} {STATES[name].label}"
        for name in ("not_supported", "not_provided", "unspecified")
        if outcomes[name]
    ]
    if apart:
        sentence += f" Not counted: {listed(apart)}."
    stale = len(findings) - len(present)
    if stale:
        sentence += f" {count(stale, 'expectation')} no longer seen."
    sentence += (
        f" Behind it: {count(sum(result.comparisons for check in checks for result in check.results), 'comparison')}."
    )
    if subject.problem:
        sentence += f" It stopped early: {subject.problem}"
    return Verdict(subject, first_state([check.state for check in checks]), sentence, asked, conforming)


def _renamed(judgement: Judgement, names: dict[str, str]) -> Judgement:
    if all(old == new for old, new in names.items()):
        return judgement

    def those(records: tuple[_Record, ...]) -> tuple[_Record, ...]:
        return tuple(replace(record, subject=names.get(record.subject, record.subject)) for record in records)

    return replace(
        judgement,
        subjects=tuple(replace(subject, id=names[subject.id]) for subject in judgement.subjects),
        results=those(judgement.results),
        findings=those(judgement.findings),
        strips=those(judgement.strips),
        exhibits=those(judgement.exhibits),
        conventions=those(judgement.conventions),
    )


def _sum(several: list[Totals]) -> Totals:
    return Totals(**{field.name: sum(getattr(part, field.name) for part in several) for field in fields(Totals)})
