"""From a run file to a judgement: every family's file is asked, everything is counted, findings are put together.

Needs no framework: the same run file gives the same judgement on any machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from conformance.cases.case import Case, Input
from conformance.cases.plan import is_wanted
from conformance.formats import FORMATS
from conformance.garbage import uncollected
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import CATALOGUE, FUNCTIONS, TENSOR_FUNCTIONS
from conformance.truth.cache import Oracle, Request
from conformance.truth.exacts import Exacts
from conformance.truth.tensors import Asked

from .answers import OTHER_KIND
from .cotangents import OUT_OF_RANGE
from .expectations import Cause, apply
from .findings import Reproduce, findings_of
from .functions import Collected, Read, judge_one, reader
from .memory import Memory, key_of
from .parallel import Keys, Work, judged_by_others
from .records import Judgement, Result, Totals, Worst
from .tensor_answers import asked_of
from .tensors import NUMERIC

WHY_UNSPECIFIED = {
    "gradient.cotangent": OUT_OF_RANGE,
    "value": OTHER_KIND,
    "invariance.entry_point": OTHER_KIND,
    "invariance.bits": OTHER_KIND,
    **dict.fromkeys(
        ("errors.shape", "errors.label_dtype", "errors.label_value", "errors.option_value"),
        "documentation that the binding cites allows the call, or the same call with nothing wrong in it got no answer",
    ),
}


Reproducer = Callable[[Subject, Case, "Worst | None", Read], str]
"""Makes a script out of a case, for its worst input (any, if None); reads the case's tensors."""


class Run(Protocol):
    """What judging reads of a run file."""

    def subjects(self) -> tuple[Subject, ...]: ...
    def observations(self, subject: str) -> Iterable[Observation]: ...
    def blob(self, hash: str) -> bytes: ...
    def meta(self) -> Mapping[str, Any]: ...


@runtime_checkable
class Remembering(Run, Protocol):
    """A run in a file: verdicts on what it holds can be kept, and other processes can open it."""

    path: Path

    def observations(self, subject: str, functions: Collection[str] = ()) -> Iterable[Observation]: ...
    def digests(self, subject: str) -> Mapping[str, str]: ...
    def cases(self, names: Collection[str]) -> Mapping[str, Case]: ...


def judge_run(
    run: Run,
    oracle: Oracle,
    reproducer: Reproducer | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    causes: Sequence[Cause] = (),
) -> Judgement:
    """Judge everything in a run file; `causes` are the known deviations of its backends.

    `reproducer(subject, case, worst, read)` makes a script for the worst input of a case; `progress(done, total, what)`
    is called before each function, at the end, and now and then while the truth is computed.
    """
    order = list(run.meta().get("plan", {}).get("backends", ()))
    # Not in the order in which they began: of two configurations now the one is first, now the other.
    in_order = sorted(
        run.subjects(),
        key=lambda s: (
            order.index(s.backend) if s.backend in order else len(order),
            s.configuration != "default",
            s.id,
        ),
    )
    subjects = {subject.id: subject for subject in in_order}
    bindings: Mapping[str, Any] = run.meta().get("bindings", {})
    read = reader(run)
    cases: dict[str, Case] = {}
    found = _judged(run, oracle, subjects, bindings, read, cases, progress or (lambda done, total, what: None))
    with uncollected():
        return _judgement(run, subjects, found, causes, _reproduce(run, subjects, cases, reproducer, read))


def _judgement(
    run: Run, subjects: Mapping[str, Subject], found: Mapping[tuple[str, str], Collected], causes: Sequence[Cause], reproduce: Reproduce
) -> Judgement:  # fmt: skip
    """What was found of every function and subject, put together."""
    collected = Collected()
    for name in CATALOGUE:
        for subject in subjects:
            collected.add(found.get((name, subject), Collected()))
    wanted = tuple(run.meta().get("rules", ()))
    results = [result for result in collected.results if is_wanted(result.rule, wanted)]
    results, known = apply(results, causes, subjects, run.meta().get("plan", {}))
    return Judgement(
        environment=dict(run.meta().get("environment", {})),
        subjects=tuple(subjects.values()),
        totals=totals_of(results, subjects.values()),
        results=tuple(results),
        findings=findings_of(results, subjects, reproduce, known),
        strips=tuple(collected.strips),
        exhibits=tuple(collected.exhibits),
        conventions=tuple(collected.conventions),
        unspecified=WHY_UNSPECIFIED,
        known=known,
    )


def _judged(
    run: Run, oracle: Oracle, subjects: Mapping[str, Subject], bindings: Mapping[str, Any], read: Read, cases: dict[str, Case],
    tell: Callable[[int, int, str], None],
) -> dict[tuple[str, str], Collected]:  # fmt: skip
    """Verdicts by function and subject: those that are remembered, and those of what is judged now, whose cases go into `cases`."""
    memory = Memory(oracle.directory)
    keys: dict[str, dict[str, str]] = defaultdict(dict)
    if isinstance(run, Remembering):
        for id, subject in subjects.items():
            for function, digest in run.digests(id).items():
                keys[function][id] = key_of(subject, function, digest, bindings.get(subject.backend, {}))
    found = {
        (function, id): kept
        for function, mine in keys.items()
        for id, key in mine.items()
        if (kept := memory.recall(key)) is not None
    }
    observed: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for id in subjects:
        asked = [function for function, mine in keys.items() if id in mine and (function, id) not in found]
        with uncollected():
            for observation in _observations(run, id, asked):
                observed[observation.case.function][id].append(observation)
                cases[observation.case.id] = observation.case
    work = {name: observed[name] for name in CATALOGUE if name in observed}

    def computing(done: int, total: int) -> None:
        tell(0, len(work), f"computing the truth, {100 * done // total} %")

    exacts = Exacts(oracle)
    oracle.prefetch(list(_truth_needed(work, read)), computing)
    exacts.prefetch(list(_exacts_needed(work, read)), computing)
    tell(0, len(work), f"judging {next(iter(work), '')}")
    done: set[str] = set()
    with uncollected():
        for name, by_subject in _here_or_elsewhere(run, oracle, work, subjects, bindings, read, exacts, keys):
            done.add(name)
            found.update({(name, id): one for id, one in by_subject.items()})
            tell(len(done), len(work), f"judging, last {name}")
    if done:
        memory.tidy()
    tell(len(work), len(work), "")
    return found


def _observations(run: Run, subject: str, functions: Sequence[str]) -> Iterable[Observation]:
    """What a subject did, about these functions only where the run can tell them apart."""
    if not isinstance(run, Remembering):
        return run.observations(subject)
    return run.observations(subject, functions) if functions else ()


def _here_or_elsewhere(
    run: Run, oracle: Oracle, work: Work, subjects: Mapping[str, Subject], bindings: Mapping[str, Any], read: Read, exacts: Exacts,
    keys: Keys,
) -> Iterator[tuple[str, dict[str, Collected]]]:  # fmt: skip
    """Each function, judged by another process if that is worth it, else here; and kept by whoever judged it."""
    left = dict(work)
    if isinstance(run, Remembering):
        for name, found in judged_by_others(run.path, oracle, work, subjects, bindings, keys):
            del left[name]
            yield name, found
    memory = Memory(oracle.directory)
    for name, by_subject in left.items():
        found = judge_one(name, by_subject, subjects, bindings, read, oracle, exacts)
        memory.keep_all(keys.get(name, {}), found)
        yield name, found


def _truth_needed(
    observed: Mapping[str, Mapping[str, list[Observation]]], read: Callable[[Input | Output], NDArray[Any]]
) -> Iterator[Request]:
    """The tables that the long arguments need, each once; short ones take no time worth mentioning."""
    seen: set[tuple[str, str, str]] = set()
    for name, by_subject in observed.items():
        if name not in FUNCTIONS:
            continue
        for observation in (one for observations in by_subject.values() for one in observations):
            case = observation.case
            argument = case.inputs[0]
            key = (name, repr(sorted(case.parameters.items())), argument.blob)
            if case.topic == "lattice" and observation.outcome == "returned" and key not in seen:
                seen.add(key)
                yield Request(FUNCTIONS[name], case.parameters, FORMATS[argument.dtype], read(argument).reshape(-1))


def _exacts_needed(
    observed: Mapping[str, Mapping[str, list[Observation]]], read: Callable[[Input | Output], NDArray[Any]]
) -> Iterator[Asked]:
    """The questions about functions of tensors that were answered and have a truth, each once."""
    seen: set[tuple[Any, ...]] = set()
    for name, by_subject in observed.items():
        if name not in TENSOR_FUNCTIONS:
            continue
        for observation in (one for observations in by_subject.values() for one in observations):
            case = observation.case
            if (
                case.topic not in (*NUMERIC, "defaults", "dtypes")
                or case.topic == "purity"
                or observation.outcome != "returned"
            ):
                continue
            more = case.cotangent and case.cotangent.blob, case.direction and case.direction.blob
            key = (name, repr(sorted(case.parameters.items())), case.quantity, case.wrt, case.inputs, *more)
            if key not in seen:
                seen.add(key)
                yield asked_of(TENSOR_FUNCTIONS[name], case, read)


def _reproduce(
    run: Run, subjects: Mapping[str, Subject], cases: dict[str, Case], reproducer: Reproducer | None, read: Read
) -> Reproduce:  # fmt: skip
    def reproduce(result: Result) -> str:
        if result.case not in cases and isinstance(run, Remembering):
            cases.update(run.cases([result.case]))
        if reproducer is None or result.case not in cases:
            return ""
        return reproducer(subjects[result.subject], cases[result.case], result.worst, read)

    return reproduce


def totals_of(results: Sequence[Result], subjects: Iterable[Subject]) -> Totals:
    """Elements compared, by verdict; questions without an answer, by outcome.

    A subject that could not run counts by its questions, or as one where none was recorded; never as both.
    """
    counts: dict[str, int] = defaultdict(int)
    for result in results:
        if result.outcome in ("not_provided", "not_supported", "raised", "crashed", "timed_out", "could_not_run"):
            counts[result.outcome] += 1
        for name in ("comparisons", "conforms", "deviates", "unspecified", "undecided", "vacuous"):
            counts[name] += getattr(result, name)
    silent = {subject.id for subject in subjects if subject.problem}
    counts["expected"] = sum(result.deviates for result in results if result.cause)
    counts["could_not_run"] += len(silent - {r.subject for r in results if r.outcome == "could_not_run"})
    return Totals(**counts)
