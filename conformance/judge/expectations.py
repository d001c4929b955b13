"""Known deviations: read from a backend's TOML file, and matched with results, strictly both ways.

What is worse than was measured, or was never measured, stays unexpected; what is not seen any more is told as well. Knows
results and files; no framework, and no way to excuse anything without a reason and a link.

    schema = 1
    [[cause]]
    name = "gelu-tail-cancels"               unique in the file
    kind = "accuracy"                        documented | bug | accuracy | unreported
    reason = "…"                             for a person: what the framework does, and why that deviates
    link = "https://…"                       documentation, a line of source at a tag, or the upstream issue
    title = "…"                              of the upstream report; only where kind is unreported
    rules = ["gelu.value", "gelu.gradient*"]     shell patterns on ids of rules
    entry_points, regions = […]              shell patterns; dtypes, modes, configurations, devices, outcomes = […]: names
    parameters = { approximate = "tanh" }    what the parameters of the result must contain
    unstable = true                          another answer at each call (memory that nobody wrote): has no bound, is never stale
    versions = ["jax>=0.4.30"]               PEP 508 requirements that the subject's versions must meet
    [cause.measured]                         written by `nnconform expect RUN --update`: rule, dtype, [worst ULP, results]
    "gelu.value" = { float32 = [33.5, 4] }

A result belongs to the first cause of the file that matches it. All but name, kind, reason, link and rules may be left out:
any entry point, dtype, mode, configuration, region, parameters and version then; outcome `deviates`, device `cpu`.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Context
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from conformance.observe.observation import Subject

from .records import BINDING_LEVELS, FAULTS, Known, Result

SCHEMA = 1

KINDS = {
    "documented": "differs by documented design",
    "bug": "known bug",
    "accuracy": "accuracy of the algorithm",
    "unreported": "not reported yet",
}
"""Classes of causes, and how a person reads them."""

_TEXTS = ("name", "kind", "reason", "link", "title")
_LISTS = (
    "rules", "entry_points", "dtypes", "modes", "regions", "configurations", "devices", "outcomes", "versions",
)  # fmt: skip
_KEYS = (*_TEXTS, *_LISTS, "parameters", "unstable", "measured")

_UP = Context(prec=4, rounding=ROUND_CEILING)

Row = tuple[str, str]
"""Id of a rule, and a dtype: what a bound is about."""

Answered = Mapping[str, Mapping[str, list[Result]]]
"""Results that came to something, by subject and rule."""


class ExpectationsError(Exception):
    """A file of expectations can't be used; the message is one sentence for a person."""


@dataclass(frozen=True)
class Bound:
    """What was measured: the worst error in ULP (infinity: no number where one is due), and in how many results."""

    ulp: float
    results: int


@dataclass(frozen=True)
class Cause:
    """One entry: a deviation that is known, why it is there, and which results it explains. See the module."""

    backend: str
    name: str
    kind: str
    reason: str
    link: str
    rules: tuple[str, ...]
    title: str = ""
    entry_points: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    configurations: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    outcomes: tuple[str, ...] = ("deviates",)
    versions: tuple[str, ...] = ()
    unstable: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[Row, Bound] = field(default_factory=dict)

    def applies_to(self, subject: Subject) -> bool:
        """Whether the entry is about this backend, device, configuration, and these versions."""
        return (
            subject.backend == self.backend
            and subject.device in self.devices
            and (not self.configurations or subject.configuration in self.configurations)
            and all(_holds(Requirement(text), subject.versions) for text in self.versions)
        )

    def is_about(self, result: Result) -> bool:
        """Whether the result is one that the entry would explain if it deviated (of a subject that it applies to)."""
        return (
            (not self.dtypes or result.dtype in self.dtypes)
            and (not self.modes or result.mode in self.modes)
            and self.names(result.rule)
            and self._patterns["entry_points"](result.entry_point)
            and self._patterns["regions"](result.region)
            and all(result.parameters.get(name) == value for name, value in self.parameters.items())
        )

    def names(self, rule: str) -> bool:
        """Whether the entry is about this rule at all."""
        return bool(self._patterns["rules"](rule))

    @cached_property
    def _patterns(self) -> dict[str, Any]:
        return {name: _matcher(getattr(self, name)) for name in ("rules", "entry_points", "regions")}


def _matcher(patterns: Sequence[str]) -> Any:
    if not patterns:
        return lambda text: True
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match


def _holds(requirement: Requirement, versions: Mapping[str, str]) -> bool:
    return requirement.name in versions and requirement.specifier.contains(versions[requirement.name], prereleases=True)


# Reading


def load(path: Path, backend: str) -> tuple[Cause, ...]:
    """The causes of one file, in its order; none where there is no such file. Raises ExpectationsError."""
    if not path.exists():
        return ()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationsError(f"{path} can't be read as TOML: {error}") from error
    if document.get("schema") != SCHEMA:
        raise ExpectationsError(
            f"{path} has schema {document.get('schema')!r}; this nnconform reads schema = {SCHEMA}."
        )
    entries = document.get("cause", [])
    if not isinstance(entries, list) or set(document) - {"schema", "cause"}:
        raise ExpectationsError(f"{path} holds {', '.join(sorted(document))}; accepted are schema and [[cause]].")
    causes = tuple(_cause(path, backend, entry, number) for number, entry in enumerate(entries, 1))
    names = [cause.name for cause in causes]
    for name in names:
        if names.count(name) > 1:
            raise ExpectationsError(f"{path} has {names.count(name)} causes with the name {name!r}; names are unique.")
    return causes


def known_deviations(paths: Mapping[str, Path]) -> tuple[Cause, ...]:
    """The causes of several backends, by backend the file of each. Raises ExpectationsError."""
    return tuple(cause for backend, path in paths.items() for cause in load(path, backend))


def _cause(path: Path, backend: str, entry: Any, number: int) -> Cause:
    """One entry, checked key by key."""
    where = f"{path}, cause {number}"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise ExpectationsError(f"{where} has no name.")
    where = f"{path}, cause {entry['name']}"
    for key, value in entry.items():
        if key not in _KEYS:
            raise ExpectationsError(f"{where}: unknown key {key!r}; accepted are {', '.join(_KEYS)}.")
        if key in _TEXTS and not isinstance(value, str):
            raise ExpectationsError(f"{where}: {key} is {value!r}; a text is accepted.")
        if key in _LISTS and not (isinstance(value, list) and value and all(isinstance(one, str) for one in value)):
            raise ExpectationsError(f"{where}: {key} is {value!r}; a list of texts is accepted, or no {key} at all.")
        if key == "unstable" and not isinstance(value, bool):
            raise ExpectationsError(f"{where}: unstable is {value!r}; true is accepted, or no unstable at all.")
        if key == "parameters" and not isinstance(value, dict):
            raise ExpectationsError(f"{where}: parameters is {value!r}; a table of names and values is accepted.")
    if entry.get("kind") not in KINDS:
        raise ExpectationsError(f"{where}: kind is {entry.get('kind')!r}; accepted are {', '.join(KINDS)}.")
    if "rules" not in entry:
        raise ExpectationsError(f'{where} names no rules; accepted are patterns of ids, as in rules = ["gelu.*"].')
    for outcome in entry.get("outcomes", ()):
        if outcome not in FAULTS:
            raise ExpectationsError(f"{where}: outcome {outcome!r} is not among {', '.join(FAULTS)}.")
    for text in entry.get("versions", ()):
        try:
            Requirement(text)
        except InvalidRequirement as error:
            raise ExpectationsError(
                f'{where}: versions has {text!r}; requirements such as "jax>=0.4.30,<0.11" are accepted.'
            ) from error
    texts = {key: entry.get(key, "").strip() for key in _TEXTS}
    lists: dict[str, Any] = {key: tuple(entry[key]) for key in _LISTS if key in entry}
    return Cause(
        backend, **texts, **lists, parameters=entry.get("parameters", {}), unstable=entry.get("unstable", False),
        measured=_measured(where, entry),
    )  # fmt: skip


def _measured(where: str, entry: Mapping[str, Any]) -> dict[Row, Bound]:
    found = {}
    try:
        for rule, by_dtype in entry.get("measured", {}).items():
            for dtype, (ulp, results) in by_dtype.items():
                found[(rule, dtype)] = Bound(float(ulp), int(results))
    except (AttributeError, TypeError, ValueError) as error:
        raise ExpectationsError(
            f'{where}: measured holds rows such as "gelu.value" = {{ float32 = [33.5, 4] }}: worst ULP, number of results; '
            "`nnconform expect RUN --update` writes them."
        ) from error
    return found


# Matching


def deviates(result: Result) -> bool:
    """Whether a result asks for an explanation: under a rule that binds, it is not what the standard says."""
    return result.outcome in FAULTS and result.level in BINDING_LEVELS


def explained(
    results: Sequence[Result], causes: Sequence[Cause], subjects: Mapping[str, Subject]
) -> dict[str, list[Result]]:  # fmt: skip
    """The deviating results that each cause explains, measured or not, by its backend and name; of "" those that none does."""
    found: dict[str, list[Result]] = {key_of(cause): [] for cause in causes}
    found[""] = []
    applying = {id: [cause for cause in causes if cause.applies_to(subject)] for id, subject in subjects.items()}
    for result in results:
        if deviates(result):
            cause = next(
                (c for c in applying[result.subject] if result.outcome in c.outcomes and c.is_about(result)), None
            )
            found[key_of(cause) if cause else ""].append(result)
    return found


def key_of(cause: Cause | Known) -> str:
    """What a cause is called where several backends' causes come together."""
    return f"{cause.backend}/{cause.name}"


def rows_of(results: Iterable[Result]) -> dict[Row, list[Result]]:
    """Results by rule and dtype."""
    rows: dict[Row, list[Result]] = defaultdict(list)
    for result in results:
        rows[(result.rule, result.dtype)].append(result)
    return rows


def error_of(result: Result) -> float:
    """The error that a bound is about, in ULP: 0 where nothing was measured (a call that raised, another dtype)."""
    return result.worst.ulp if result.worst else 0.0


def measured(results: Sequence[Result]) -> Bound:
    """The bound that these results just keep; ULP are rounded up to four digits."""
    worst = max(map(error_of, results))
    return Bound(float(_UP.create_decimal_from_float(worst)), len(results))


def apply(
    results: Sequence[Result], causes: Sequence[Cause], subjects: Mapping[str, Subject], plan: Mapping[str, Any]
) -> tuple[list[Result], tuple[Known, ...]]:
    """The results, those that were expected with the name of their cause, others with what speaks against it; and the causes.

    `plan` is the run file's: where it leaves out modes, or asks less than the default tier, nothing counts as gone; what the
    deep tier asks beyond the default one may deviate in more places.
    """
    found = explained(results, causes, subjects)
    asked = answered(results) if is_whole(plan) else {}
    told: dict[int, tuple[str, str]] = {}
    known = []
    everything = not any(plan.get(part) for part in ("functions", "dtypes", "rules"))
    for cause in causes:
        mine = found[key_of(cause)]
        for (rule, dtype), some in rows_of(mine).items():
            against = _against(cause, rule, dtype, some, counts=plan.get("tier") != "deep")
            told.update({id(one): ("" if problem else cause.name, problem) for one, problem in against})
        problems = tuple(_stale(cause, asked, mine, subjects, everything)) if is_whole(plan) else ()
        if any(cause.applies_to(subject) for subject in subjects.values()):
            known.append(
                Known(cause.backend, cause.name, cause.kind, cause.reason, cause.link, cause.title, len(mine), problems)
            )
    marked = [
        replace(result, cause=told[id(result)][0], unexpected=told[id(result)][1]) if id(result) in told else result
        for result in results
    ]
    return marked, tuple(known)


def _against(
    cause: Cause, rule: str, dtype: str, results: Sequence[Result], counts: bool
) -> Iterable[tuple[Result, str]]:
    """Each result of a row, with what speaks against its being expected ("": nothing does)."""
    bound = cause.measured.get((rule, dtype))
    lacking = " and ".join(name for name in ("reason", "link") if not getattr(cause, name))
    whole = ""
    if lacking:
        whole = f"the expectation {cause.name} has no {lacking}"
    elif cause.unstable:
        bound = None
    elif bound is None:
        whole = f"the expectation {cause.name} matches, but {rule} in {dtype} was not among what was measured"
    elif counts and len(results) > bound.results:
        whole = f"{len(results)} results deviate where {bound.results} are expected ({cause.name})"
    for result in results:
        worse = (
            f"{error_of(result):.4g} ULP where at most {bound.ulp:g} are expected ({cause.name})"
            if bound and error_of(result) > bound.ulp
            else ""
        )
        yield result, whole or worse


def answered(results: Iterable[Result]) -> Answered:
    """What was asked and came to something, by subject and rule: few entries are about any rule, and there are many results."""
    found: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if result.outcome not in ("could_not_run", "not_provided", "undecided"):
            found[result.subject][result.rule].append(result)
    return found


def rows_asked(cause: Cause, asked: Answered, subjects: Mapping[str, Subject]) -> dict[Row, list[Result]]:
    """What was asked (`answered`) that the entry is about, whatever came of it, by rule and dtype."""
    return rows_of(
        result
        for id, subject in subjects.items()
        if cause.applies_to(subject)
        for rule, some in asked.get(id, {}).items()
        if cause.names(rule)
        for result in some
        if cause.is_about(result)
    )


def is_whole(plan: Mapping[str, Any]) -> bool:
    """Whether the absence of a deviation means anything: what is asked of a rule and dtype was asked in full."""
    return plan.get("tier", "default") != "quick" and not plan.get("modes") and not plan.get("shard")


def _stale(
    cause: Cause, results: Answered, mine: Sequence[Result], subjects: Mapping[str, Subject],
    everything: bool,
) -> Iterable[str]:  # fmt: skip
    """Sentences on what the entry says and the run (`answered`) does not show; `everything`: whether nothing was left out of it."""
    seen = rows_of(mine)
    asked = rows_asked(cause, results, subjects)
    for row in () if cause.unstable else cause.measured:
        if row in asked and row not in seen:
            versions = ", ".join(sorted({subjects[result.subject].version for result in asked[row]}))
            yield f"{row[0]} in {row[1]} is not seen any more in {versions}: fixed, remove it"
    if asked and not cause.measured and not mine and not cause.unstable:
        yield "it matches nothing that deviates: remove it"
    if (
        not asked
        and everything
        and any(cause.applies_to(subject) and not subject.problem for subject in subjects.values())
    ):
        yield "it matches nothing that was asked: mend its patterns, or remove it"
