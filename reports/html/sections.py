"""What the page says in prose and tables: verdicts, one section per function, what did not run, the environment.

Builds plain records for the templates; knows no HTML.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from conformance.judge.records import Convention, Finding, Judgement
from conformance.observe.observation import Subject
from conformance.standard import Function, Rule, TensorFunction

from ..checks import Check, first_state, severities
from ..function_page import FunctionPage, page_of
from ..slices import Slice, slice_of
from ..tensor_page import TensorPage, TensorSpelling
from ..words import STATES, AnyBinding, State, count, plain, worst_first

MOST_ENTRY_POINTS = 12
"""Entry points that one group of what did not run names; the others are counted."""

CONVENTION_KINDS = {
    "kink": "derivative at the kink x = {}",
    "default": "parameters, where none is passed",
    "signed_zero": "sign of the zero for x = {}",
    "gradient_nan": "derivative at {}",
    "integer": "integer argument ({})",
    "invalid_parameter": "invalid {}",
    "option": "{} by default",
}


@dataclass(frozen=True)
class Choice:
    """What the entry points of one subject chose: one text with the entry points that chose it."""

    chosen: str
    customary: bool
    entry_points: tuple[str, ...]
    dtypes: str


@dataclass(frozen=True)
class ConventionRow:
    """One free choice, side by side: `choices` has one tuple per subject, in the order of the subjects."""

    what: str
    customary: str
    differ: bool
    choices: tuple[tuple[Choice, ...], ...]


@dataclass(frozen=True)
class RuleRow:
    """One rule of a function and how each subject keeps it: the key of a state, and what it sums up, in words."""

    rule: Rule
    states: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Taken:
    """Entry points that name every setting alike and take the same where nothing is passed; `spelling` is the first of them."""

    spelling: TensorSpelling
    entry_points: tuple[str, ...]


@dataclass(frozen=True)
class FunctionSection:
    """The section of one function; `slice` and `taken` are of functions of tensors."""

    page: FunctionPage | TensorPage
    conventions: tuple[ConventionRow, ...]
    rules: tuple[RuleRow, ...]
    findings: tuple[Finding, ...]
    summary: str
    slice: Slice | None = None
    taken: tuple[Taken, ...] = ()

    @property
    def of_tensors(self) -> bool:
        """Whether it is about a function of several tensors, or of one number."""
        return isinstance(self.page, TensorPage)


@dataclass(frozen=True)
class Absence:
    """Checks without a verdict that have one cause: a subject, an outcome, a message."""

    subject: str
    state: State
    message: str
    checks: int
    what: str
    entry_points: str


def function_sections(
    judgement: Judgement,
    checks: Sequence[Check],
    functions: Iterable[Function | TensorFunction],
    bindings: Mapping[str, Sequence[AnyBinding]],
) -> list[FunctionSection]:
    """One section per function, in the order of the standard."""
    by_rule: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in checks:
        by_rule[check.function, check.rule].append(check)
    unable = {subject.id for subject in judgement.subjects if subject.problem}
    sections = []
    for function in functions:
        page = page_of(function, bindings)
        found = tuple(sorted((f for f in judgement.findings if f.function == function.name), key=worst_first))
        rules = tuple(
            RuleRow(rule, _rule_states(by_rule[function.name, rule.name], judgement.subjects, unable))
            for rule in page.rules
        )
        conventions = _conventions(
            [c for c in judgement.conventions if c.function == function.name], judgement.subjects
        )
        summary = f"{count(len(found), 'finding')}: {severities(found)}" if found else "No finding"
        drawn = slice_of(function.name) if isinstance(function, TensorFunction) else None
        taken = _taken(page.spellings) if isinstance(page, TensorPage) else ()
        sections.append(FunctionSection(page, conventions, rules, found, summary, drawn, taken))
    return sections


def _taken(spellings: Sequence[TensorSpelling]) -> tuple[Taken, ...]:
    grouped: dict[tuple[tuple[str, ...], ...], list[TensorSpelling]] = defaultdict(list)
    for spelling in spellings:
        grouped[spelling.keywords, spelling.defaults, spelling.spelt].append(spelling)
    return tuple(Taken(same[0], tuple(one.entry_point for one in same)) for same in grouped.values())


def absences(checks: Sequence[Check], reasons: Mapping[str, str]) -> list[Absence]:
    """What has no verdict, put together by cause: the outcomes that matter most first, then the most frequent."""
    grouped: dict[tuple[str, str, str], list[Check]] = defaultdict(list)
    for check in checks:
        if check.outcome in ("conforms", "deviates"):
            continue
        message = check.telling.message
        if check.outcome == "unspecified":
            message = reasons.get(check.rule, "") or message
        grouped[check.outcome, check.subject, plain(message)].append(check)
    order = list(STATES)
    keys = sorted(grouped, key=lambda key: (order.index(key[0]), -len(grouped[key]), key))
    return [_absence(key, grouped[key]) for key in keys]


def totals(judgement: Judgement) -> list[tuple[str, str]]:
    """The counts of the run, by their words in the findings JSON."""
    return [
        (field.name.replace("_", " "), count(getattr(judgement.totals, field.name)))
        for field in fields(judgement.totals)
    ]


def flat(environment: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """A nested mapping as lines: `cpu · cores`, `2`."""
    lines: list[tuple[str, str]] = []
    for key, value in environment.items():
        name = f"{prefix} · {key}" if prefix else str(key)
        if isinstance(value, Mapping):
            lines += flat(value, name)
        else:
            said = ", ".join(str(item) for item in value) if isinstance(value, (list, tuple)) else str(value)
            lines.append((plain(name, 80), plain(said)))
    return lines


def _rule_states(checks: list[Check], subjects: Sequence[Subject], unable: set[str]) -> tuple[tuple[str, str], ...]:
    states = []
    for subject in subjects:
        counted = Counter(check.state for check in checks if check.subject == subject.id)
        key = first_state(list(counted)) if counted else "could_not_run" if subject.id in unable else "not_asked"
        said = ", ".join(f"{counted[name]:,} {STATES[name].label}" for name in STATES if counted[name])
        states.append((key, said or STATES[key].label))
    return tuple(states)


def _conventions(conventions: list[Convention], subjects: Sequence[Subject]) -> tuple[ConventionRow, ...]:
    grouped: dict[tuple[str, str], list[Convention]] = defaultdict(list)
    for convention in conventions:
        grouped[convention.kind, convention.name].append(convention)
    rows = []
    kinds = list(CONVENTION_KINDS)
    for kind, name in sorted(grouped, key=lambda key: (kinds.index(key[0]) if key[0] in kinds else len(kinds), key)):
        same = grouped[kind, name]
        if kind == "option" and all(_same(c.chosen, c.customary) for c in same):
            continue  # a loss has up to ten options, and about most of them all agree
        choices = tuple(_choices([c for c in same if c.subject == subject.id]) for subject in subjects)
        rows.append(
            ConventionRow(
                what=CONVENTION_KINDS.get(kind, f"{kind.replace('_', ' ')} ({{}})").format(name),
                customary=plain(same[0].customary, 80),
                differ=len({convention.chosen for convention in same}) > 1,
                choices=choices,
            )
        )
    return tuple(rows)


def _choices(conventions: list[Convention]) -> tuple[Choice, ...]:
    grouped: dict[str, list[Convention]] = defaultdict(list)
    for convention in conventions:
        grouped[convention.chosen].append(convention)
    whole = {dtype for convention in conventions for dtype in convention.dtypes}
    choices = []
    for chosen, same in grouped.items():
        dtypes = list(dict.fromkeys(dtype for convention in same for dtype in convention.dtypes))
        choices.append(
            Choice(
                chosen=plain(chosen, 120),
                customary=_same(chosen, same[0].customary),
                entry_points=tuple(dict.fromkeys(convention.entry_point for convention in same)),
                # Dtypes are worth naming only where they decide.
                dtypes=", ".join(dtypes) if len(grouped) > 1 and set(dtypes) != whole else "",
            )
        )
    return tuple(choices)


def _same(one: str, other: str) -> bool:
    """Whether two texts say the same: one number, or the same settings (`beta = 1, threshold = inf`) in any order."""
    try:
        return one == other or float(one) == float(other)
    except ValueError:
        return sorted(one.split(", ")) == sorted(other.split(", "))


def _absence(key: tuple[str, str, str], checks: list[Check]) -> Absence:
    outcome, subject, message = key
    named = list(dict.fromkeys(check.entry_point for check in checks))
    shown = ", ".join(named[:MOST_ENTRY_POINTS]) + (
        f" and {len(named) - MOST_ENTRY_POINTS} more" if len(named) > MOST_ENTRY_POINTS else ""
    )
    what = [
        _some(check.function for check in checks),
        _some((check.rule for check in checks), 4),
        _some(check.dtype for check in checks),
        _some(check.mode for check in checks),
    ]
    return Absence(subject, STATES[outcome], message, len(checks), " · ".join(what), shown)


def _some(names: Iterable[str], most: int = 6) -> str:
    several = list(dict.fromkeys(names))
    return ", ".join(several[:most]) + (f" and {len(several) - most} more" if len(several) > most else "")
