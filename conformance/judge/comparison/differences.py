"""The differences between two answers to one question: what kind each is, and where it shows most.

Pure functions of two rows of run files and the results that judging made of them. Knows no framework. What several questions
have in common is put together in `causes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conformance.cases.case import Case

from .changes import Place, Seen
from .flips import flips
from .movements import moved
from .sides import (
    ANSWERS,
    DEFAULTS,
    DTYPES,
    ERRORS,
    INVALID,
    KIND_OF_RESULT,
    NUMBERS,
    OTHER_DTYPES,
    PROVIDED,
    REFUSED,
    TRAINING,
    Difference,
    Side,
    blobs,
    is_other_words,
    shown,
    verdict_of,
)


def differences_of(subject: str, case: Case, old: Side, new: Side) -> Iterator[Difference]:
    """Everything that differs between two answers to one question; nothing where only a message or the payload of a NaN does."""
    was, now = old.answer, new.answer
    outcomes = {was.outcome, now.outcome}
    if "could_not_run" in outcomes or is_other_words(was, now):
        return
    if "not_provided" in outcomes:
        kind = "entry point gone" if now.outcome == "not_provided" else "entry point appeared"
        yield _plain(subject, case, old, new, kind, PROVIDED, "information")
    elif was.outcome == now.outcome == "returned":
        yield from _of_numbers(subject, case, old, new)
    elif "returned" not in outcomes:
        ended = [one.outcome in ("crashed", "timed_out") for one in (was, now)]
        kind = "error changed" if ended[0] == ended[1] else "worse" if ended[1] else "better"
        yield _plain(
            subject,
            case,
            old,
            new,
            kind,
            ERRORS,
            "wrong" if ended[1] and not ended[0] else "information",
            f"{was.error} → {now.error}",
        )
    else:
        yield _answered_or_not(subject, case, old, new)


def _answered_or_not(subject: str, case: Case, old: Side, new: Side) -> Difference:
    """One side answered, the other did not."""
    refusing = new if old.answer.outcome == "returned" else old
    gone = refusing is new
    bad = [side.fault is not None for side in (old, new)]
    verdict = "worse" if bad[1] and not bad[0] else "better" if bad[0] and not bad[1] else ""
    about = "refused" if gone else "supported"
    fault = (new if gone else old).fault or old.fault or new.fault
    severity = fault.severity if fault is not None and verdict else "information"
    if case.topic in INVALID:
        if _refuses_everything(refusing):
            verdict, severity = "", "information"
        # What is no longer looked at (a dtype, a shape) is so in whatever way it is wrong.
        rule = (*new.results, *old.results)[0].rule.partition(".")[2] if new.results or old.results else case.rule
        gist = f"{rule}: {'→ ' if gone else ''}{refusing.answer.error}{'' if gone else ' →'}"
        return _plain(subject, case, old, new, verdict or "error changed", ERRORS, severity, gist)
    if refusing.answer.outcome == "not_supported" or (
        case.topic in OTHER_DTYPES and refusing.answer.outcome in REFUSED
    ):
        what = (
            "derivative"
            if "gradient" in case.quantity or "derivative" in case.quantity or "hessian" in case.quantity
            else "dtype"
        )
        other = (
            ", ".join(f"{item.name} {item.dtype}".strip() for item in case.inputs)
            if case.topic in OTHER_DTYPES
            else case.dtype
        )
        return _plain(
            subject,
            case,
            old,
            new,
            verdict or f"{what} {about}",
            DTYPES,
            severity,
            f"{what} {about}: {other} {case.mode}",
        )
    return _plain(subject, case, old, new, "worse" if gone else "better", ANSWERS, "wrong", f"{refusing.answer.error}")


def _refuses_everything(side: Side) -> bool:
    """Whether the same call with nothing wrong is refused too, as where there is no such parameter: that says nothing of how what
    is wrong is taken."""
    lacks = side.answer.error_type == "TypeError" and "unexpected keyword argument" in side.answer.message
    return lacks or verdict_of(side) == "unspecified"


def _plain(
    subject: str, case: Case, old: Side, new: Side, kind: str, aspect: str, severity: str, gist: str = ""
) -> Difference:  # fmt: skip
    """A difference that is no matter of numbers."""
    result = (new.results or old.results or (None,))[0]
    rule = result.rule.partition(".")[2] if result is not None else case.rule or case.topic
    region = result.region if result is not None else case.detail.replace("-", " ")
    place = Place(
        rule=rule, region=region, dtype=case.dtype, mode=case.mode, parameters=case.parameters, entry_point=case.entry_point,
        old=_seen(case, old), new=_seen(case, new),
    )  # fmt: skip
    return Difference(subject, case, kind, aspect, place, severity, gist, answers=(blobs(old), blobs(new)))


def _seen(case: Case, side: Side) -> Seen:
    """What one side did, without a place of its own: dtype, shape and first numbers of an answer, or what was raised."""
    answer = side.answer
    fault = side.fault
    if answer.outcome != "returned":
        return Seen(answer.outcome, fault.outcome if fault else verdict_of(side), message=answer.said)
    first = " and ".join(shown(output, side.read) for output in answer.outputs[:1])
    return Seen("returned", fault.outcome if fault else verdict_of(side), observed=first)


def _of_numbers(subject: str, case: Case, old: Side, new: Side) -> Iterator[Difference]:
    aspect = TRAINING if case.topic == "random" else DEFAULTS if case.topic == "defaults" else NUMBERS
    kinds = [[(output.dtype, output.shape) for output in side.answer.outputs] for side in (old, new)]
    turned = list(flips(subject, case, old, new, aspect))
    if kinds[0] != kinds[1]:
        names = [[dtype for dtype, _ in kind] for kind in kinds]
        spelt = [" and ".join(name) for name in names] if names[0] != names[1] else [_kinds(kind) for kind in kinds]
        yield from (replace(one, aspect=KIND_OF_RESULT, gist=" → ".join(spelt)) for one in turned)
        if not turned:
            yield _plain(
                subject,
                case,
                old,
                new,
                "result changed",
                KIND_OF_RESULT,
                "information",
                f"{_kinds(kinds[0])} → {_kinds(kinds[1])}",
            )
        return
    yield from turned
    if case.topic in INVALID:
        return  # what comes back from a call that is wrong may be anybody's memory, other bits in every run
    numbers = moved(subject, case, old, new, aspect)
    chosen = sum(one.place.asked for one in turned if one.kind == "convention changed")
    if (
        numbers is not None and numbers.place.changed > chosen
    ):  # where a choice explains all of them, it is told as that
        yield numbers


def _kinds(kinds: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    return " and ".join(f"{dtype} of rank {len(shape)}" for dtype, shape in kinds) or "nothing"
