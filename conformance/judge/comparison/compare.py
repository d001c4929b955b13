"""Comparing two runs: what both were asked and answered differently, judged by the present standard and put together by cause.

A pure function of two run files, the standard and the truth. Equal answers have equal verdicts, so only functions about which
something differs are judged. Knows no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance.cases.case import Case
from conformance.observe.observation import Observation, Subject
from conformance.observe.runfile import RunFile, RunFileError
from conformance.standard import FUNCTIONS
from conformance.truth.cache import Oracle

from ..expectations import Cause
from ..functions import Read, reader
from ..records import Result
from ..run import judge_run
from ..tensor_accuracy import spelt
from ..tensor_answers import tensors_of
from . import likeness
from .changes import Change, Comparison, Names, Pair, Place, Seen
from .clusters import PLACES, Asked, change_of, clusters_of, identity, rank
from .differences import differences_of
from .sides import Difference, Side, answer_of, is_other_words
from .signatures import SignatureChange, name_changes, signature_changes, told

Judge = Callable[[RunFile, Mapping[str, Collection[str]]], Sequence[Result]]
"""Judges these functions of these subjects of a run file."""

_NO_PARAMETERS: Mapping[str, Any] = {}

Rows = Mapping[str, tuple[str, str]]


class Excerpt:
    """Some functions of some subjects of a run file, as the judge reads a run."""

    def __init__(self, run_file: RunFile, wanted: Mapping[str, Collection[str]]) -> None:
        self.path: Path = run_file.path
        self._run_file, self._wanted = run_file, wanted

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(subject for subject in self._run_file.subjects() if subject.id in self._wanted)

    def observations(self, subject: str, functions: Collection[str] = ()) -> Iterator[Observation]:
        return self._run_file.observations(subject, tuple(functions or self._wanted[subject]))

    def digests(self, subject: str) -> dict[str, str]:
        return {
            name: digest for name, digest in self._run_file.digests(subject).items() if name in self._wanted[subject]
        }

    def cases(self, names: Collection[str]) -> dict[str, Case]:
        return self._run_file.cases(names)

    def blob(self, hash: str) -> bytes:
        return self._run_file.blob(hash)

    def meta(self) -> Mapping[str, Any]:
        return self._run_file.meta()


def judge_functions(
    run_file: RunFile,
    wanted: Mapping[str, Collection[str]],
    oracle: Oracle,
    progress: Callable[[int, int, str], None] | None = None,
) -> Sequence[Result]:
    """The results of these functions, by subject. Raises RunFileError."""
    return judge_run(Excerpt(run_file, wanted), oracle, progress=progress).results if wanted else ()


@dataclass(frozen=True)
class _Both:
    """What two runs answered about one subject."""

    pair: Pair
    old: Rows
    new: Rows
    changed: tuple[str, ...]
    cases: Mapping[str, Case]
    unlike: tuple[str, ...]


def compare(old: RunFile, new: RunFile, judge: Judge, causes: Sequence[Cause] = ()) -> Comparison:
    """Everything that changed from `old` to `new`; `causes` tell which answers are known to be others at each call. Raises RunFileError."""
    metas = old.meta(), new.meta()
    sides = [{subject.id: subject for subject in run.subjects()} for run in (old, new)]
    common = [name for name in sides[0] if name in sides[1] and sides[0][name].backend == sides[1][name].backend]
    only = [tuple(subject for subject in side.values() if subject.id not in common) for side in sides]
    both = [_both(old, new, sides[0][name], sides[1][name]) for name in common]
    wanted = {one.pair.id: {one.cases[case].function for case in one.changed} for one in both if one.changed}
    results = [_by_case(judge(run, wanted)) for run in (old, new)]
    reads = reader(old), reader(new)
    both, by_chance = _without_chance(both, results, [cause for cause in causes if cause.unstable])
    differences = [
        difference for one in both for case in one.changed
        for difference in differences_of(one.pair.id, one.cases[case], *(
            Side(answer_of(rows[case]), found.get((one.pair.id, case), ()), read)
            for rows, found, read in zip((one.old, one.new), results, reads, strict=True)
        ))
    ]  # fmt: skip
    backends = {one.pair.id: one.pair.new.backend for one in both}
    sizes = {(name, *key): count for name in wanted for key, count in old.sizes(name, tuple(wanted[name])).items()}
    asked, functions = _asked(old, new, both)
    spell = _spelling(reads[0])
    changes = [
        change_of(cluster, sizes, spell) for cluster in clusters_of(differences, backends, asked, _spelt_out(old, both))
    ]
    signatures = list(_signatures(old, new, both, metas, functions))
    unlike = [*likeness.of_plans(*metas)]
    unlike += likeness.together((one.pair.id, rest) for one in both for rest in one.unlike)
    unlike += likeness.of_subjects(*only)
    unlike += by_chance
    restricted = any(meta.get("plan", {}).get("functions") for meta in metas)
    return Comparison(
        old=str(old.path), new=str(new.path), subjects=tuple(one.pair for one in both), only_old=only[0], only_new=only[1],
        unlike=tuple(dict.fromkeys(unlike)), changes=tuple(sorted(_folded(changes, signatures, metas[1]), key=rank)),
        names=() if restricted else tuple(_names(old, new, both, metas)),
        asked={backend: tuple(names) for backend, names in functions.items()}, incomplete=_is_incomplete(old, new, sides),
    )  # fmt: skip


def _without_chance(
    both: Sequence[_Both], results: Sequence[Mapping[tuple[str, str], Sequence[Result]]], causes: Sequence[Cause]
) -> tuple[list[_Both], list[str]]:
    """The same without answers that are known to be others at each call, and a sentence for each such cause."""
    kept, told = [], []
    for one in both:
        mine = [cause for cause in causes if cause.applies_to(one.pair.old) or cause.applies_to(one.pair.new)]
        by_chance = {
            case: cause
            for case in one.changed
            for cause in mine
            if any(cause.is_about(result) for found in results for result in found.get((one.pair.id, case), ()))
        }
        kept.append(replace(one, changed=tuple(case for case in one.changed if case not in by_chance)))
        for cause in {cause.name: cause for cause in by_chance.values()}.values():
            count = sum(found is cause for found in by_chance.values())
            told.append(
                f"{one.pair.id}: {count} {'answers differ' if count > 1 else 'answer differs'} at each call, as is known "
                f"({cause.name}), and {'are' if count > 1 else 'is'} not compared."
            )
    return kept, told


def _both(old: RunFile, new: RunFile, was: Subject, now: Subject) -> _Both:
    """The rows of a subject on both sides, and the cases that were answered differently."""
    before, after = old.answers(was.id), new.answers(now.id)
    shared = before.keys() & after.keys()
    differing = [case for case in before if case in shared and before[case] != after[case]]
    try:
        words = {case for case in differing if is_other_words(answer_of(before[case]), answer_of(after[case]))}
    except (ValueError, TypeError, KeyError) as error:
        raise RunFileError(
            f"{old.path} or {new.path} is damaged: an answer of {now.id} can't be read ({error})."
        ) from error
    changed = tuple(case for case in differing if case not in words)
    only = [list(rows.keys() - shared) for rows in (before, after)]
    unlike = [
        *likeness.of_problems(was, now, (old.complete(was.id), new.complete(now.id))),
        *likeness.of_machines(was, now),
        *likeness.of_questions(
            (("OLD", old.cases(only[0]).values()), ("NEW", new.cases(only[1]).values())), len(shared)
        ),
    ]
    pair = Pair(
        now.id, was, now, len(shared), len(shared) - len(changed) - len(words), len(only[0]), len(only[1]), len(words)
    )
    return _Both(pair, before, after, changed, old.cases(changed), tuple(unlike))


def _by_case(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    found: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        found[(result.subject, result.case)].append(result)
    return found


def _asked(old: RunFile, new: RunFile, both: Sequence[_Both]) -> tuple[Asked, dict[str, list[str]]]:
    """How many functions each backend was asked about in a mode and dtype, and which both runs asked."""
    counted: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    functions: dict[str, list[str]] = defaultdict(list)
    for one in both:
        backend = one.pair.new.backend
        before, after = old.asked(one.pair.id), new.asked(one.pair.id)
        for function, mode, dtype in before.keys() & after.keys():
            counted[(backend, mode, dtype)].add(function)
        named = {function for function, _, _ in before} & {function for function, _, _ in after}
        functions[backend] += [
            name
            for name in dict.fromkeys(function for function, _, _ in before)
            if name in named and name not in functions[backend]
        ]
    return {key: len(names) for key, names in counted.items()}, dict(functions)


def _spelling(read: Read) -> Callable[[Difference], tuple[str, ...]]:
    def spell(one: Difference) -> tuple[str, ...]:
        if one.case.function in FUNCTIONS:
            return ()
        return spelt(one.case, one.shape, one.index, tensors_of(one.case, read))

    return spell


def _spelt_out(old: RunFile, both: Sequence[_Both]) -> Callable[[Difference], bool]:
    """Whether the calls that a bare call stands for, written out, are answered as before; read only where a bare call changed."""
    by_subject = {one.pair.id: one for one in both}
    held: dict[tuple[str, str], tuple[set[Any], set[Any]]] = {}

    def same(case: Case) -> tuple[str, str, str, str]:
        return (case.entry_point, repr(sorted(case.parameters.items())), case.dtype, case.mode)

    def is_spelt_out(bare: Difference) -> bool:
        key = (bare.subject, bare.case.function)
        rows = by_subject[bare.subject]
        if key not in held:
            changed = set(rows.changed)
            written = [
                one.case for one in old.observations(bare.subject, (bare.case.function,))
                if one.outcome == "returned" and one.case.quantity == "value" and one.case.topic not in ("defaults", "error")
                and one.case.id in rows.new and one.case.arguments != bare.case.arguments
            ]  # fmt: skip
            moved = {same(case) for case in written if case.id in changed}
            held[key] = {same(case) for case in written} - moved, moved
        return same(bare.case) in held[key][0]

    return is_spelt_out


def _is_incomplete(old: RunFile, new: RunFile, sides: Sequence[Mapping[str, Subject]]) -> bool:
    return any(
        subject.problem or not run.complete(subject.id)
        for run, side in zip((old, new), sides, strict=True)
        for subject in side.values()
    )


# --- signatures ---------------------------------------------------------------------------------------------------------


def _signatures(
    old: RunFile, new: RunFile, both: Sequence[_Both], metas: tuple[Mapping[str, Any], Mapping[str, Any]], functions: Mapping[str, Sequence[str]]
) -> Iterator[Change]:  # fmt: skip
    """One change for each thing that is new about signatures, over the entry points that have it."""
    found: dict[tuple[str, str, str], dict[str, list[SignatureChange]]] = defaultdict(lambda: defaultdict(list))
    subjects: dict[str, list[str]] = defaultdict(list)
    for one in both:
        backend = one.pair.new.backend
        subjects[backend].append(one.pair.id)
        bound = _functions_of(metas[1], backend)
        for said in signature_changes(old.public(one.pair.id)["signatures"], new.public(one.pair.id)["signatures"]):
            if set(bound.get(said.entry_point, ())) & set(functions.get(backend, ())):
                found[(backend, said.kind, said.way or said.sentence)][said.entry_point].append(said)
    for (backend, kind, _), by_entry_point in found.items():
        bound = _functions_of(metas[1], backend)
        those = [said for several in by_entry_point.values() for said in several]
        named = (name for entry_point in by_entry_point for name in bound[entry_point])
        about = tuple(dict.fromkeys(name for name in named if name in functions.get(backend, ())))
        entry_points = tuple(sorted(by_entry_point))
        yield Change(
            id=identity(backend, kind, *dict.fromkeys(said.parameter for said in those), *entry_points), kind=kind, backend=backend,
            subjects=tuple(subjects[backend]), function=about[0] if len(about) == 1 else "*", functions=about, rules=("signature",),
            entry_points=entry_points, dtypes=(), modes=(), regions=(), severity="information", message=told(those),
            places=tuple(_place_of(said) for said in dict.fromkeys(those))[:PLACES],
        )  # fmt: skip


def _place_of(said: SignatureChange) -> Place:
    old, new = Seen(observed=said.old or "absent"), Seen(observed=said.new or "absent")
    return Place("signature", said.parameter, "", "", _NO_PARAMETERS, said.entry_point, old=old, new=new)


def _functions_of(meta: Mapping[str, Any], backend: str) -> dict[str, list[str]]:
    """The functions that each dotted name is bound to."""
    found: dict[str, list[str]] = defaultdict(list)
    for binding in meta.get("bindings", {}).get(backend, {}).values():
        found[binding["entry_point"]].append(binding["function"])
    return found


def _folded(changes: Sequence[Change], signatures: Sequence[Change], meta: Mapping[str, Any]) -> list[Change]:
    """Signatures that explain a change are notes of it; those that explain every entry point's change are told there alone."""
    explained_by = list(changes)
    left = []
    for signature in signatures:
        explained: set[str] = set()
        for place, change in enumerate(explained_by):
            names = {name.partition("(")[0] for name in change.entry_points} & set(signature.entry_points)
            if change.backend == signature.backend and names and _explains(signature, change):
                explained_by[place] = replace(
                    change, notes=(*change.notes, f"{', '.join(sorted(names))}: {signature.message}")
                )
                explained |= names
        unexplained = tuple(name for name in signature.entry_points if name not in explained)
        if unexplained:
            bound = _functions_of(meta, signature.backend)
            about = tuple(name for name in signature.functions if any(name in bound[one] for one in unexplained))
            left.append(
                replace(
                    signature, entry_points=unexplained, functions=about, function=about[0] if len(about) == 1 else "*"
                )
            )
    return [*explained_by, *left]


def _explains(signature: Change, change: Change) -> bool:
    """Whether a change of a signature is what a change of behaviour comes from."""
    if change.kind == "default changed":
        return signature.kind == "default changed"
    parameter = signature.places[0].region
    said = [
        f"{place.old.message} {place.new.message}"
        for place in change.places
        if "raised" in (place.old.outcome, place.new.outcome)
    ]
    return bool(parameter) and any(f"'{parameter}'" in message and "argument" in message for message in said)


def _names(
    old: RunFile, new: RunFile, both: Sequence[_Both], metas: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Iterator[Names]:  # fmt: skip
    """Public names that came and went beside those that are bound, once for each backend."""
    seen: set[str] = set()
    for one in both:
        backend = one.pair.new.backend
        if backend not in seen:
            seen.add(backend)
            yield from name_changes(
                backend,
                old.public(one.pair.id)["names"],
                new.public(one.pair.id)["names"],
                list(_functions_of(metas[1], backend)),
            )
