"""The differences between two answers to one question: what kind each is, and where it shows most.

Pure functions of two rows of run files and the results that judging made of them. Knows no framework. What several questions
have in common is put together in `causes`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Bits, Format, decimal, hexadecimal, ordinals, values
from conformance.observe.observation import Output
from conformance.standard import FUNCTIONS

from .changes import Place, Seen
from .message import MANY
from .records import FAULTS, SEVERITIES, Result, Worst

NUMBERS, CONSEQUENCE, TRAINING, ANSWERS, ERRORS, KIND_OF_RESULT, DTYPES, DEFAULTS, CONVENTION, PROVIDED = (
    "numbers", "consequence", "training", "answers", "errors", "kind of result", "dtypes", "defaults", "convention", "provided",
)  # fmt: skip
"""What a difference is about; differences of different aspects have different causes."""

MARKEDLY = 2.0
"""An error that was beyond its bar and still is counts as worse or better from this factor on."""

REFUSED = ("raised", "not_supported")
INVALID = ("error",)
"""Topics of calls that must fail."""

OTHER_DTYPES = ("integer", "dtypes")
"""Topics in which refusing conforms."""

Read = Callable[[Output], NDArray[Any]]


@dataclass(frozen=True)
class Answer:
    """One side's row, decoded."""

    outcome: str
    outputs: tuple[Output, ...] = ()
    error_type: str = ""
    message: str = ""

    @property
    def error(self) -> str:
        """`ValueError`, `crashed`: how it failed, in a word."""
        return self.error_type or self.outcome.replace("_", " ")

    @property
    def said(self) -> str:
        return f"{self.error}: {self.message}" if self.message else self.error


@dataclass(frozen=True)
class Side:
    """One run, as far as one question needs it: its answer, the results about it, and how to read tensors."""

    answer: Answer
    results: Sequence[Result]
    read: Read

    @property
    def fault(self) -> Result | None:
        """The worst of the results that bind and deviate."""
        found = [r for r in self.results if r.outcome in FAULTS and r.level != "MAY" and r.severity != "information"]
        return min(found, key=lambda r: SEVERITIES.index(r.severity) if r.severity else 9, default=None)


@dataclass(frozen=True)
class Difference:
    """One difference between two answers to one question: a kind of change (`changes.KINDS`), the aspect that it is about, and where
    it shows. `gist` is equal for what has one cause across functions. `low` and `high` are the ends of the inputs whose results moved,
    `index` the element that moved farthest, in an answer of this `shape`."""

    subject: str
    case: Case
    kind: str
    aspect: str
    place: Place
    severity: str = ""
    gist: str = ""
    low: float = math.nan
    high: float = math.nan
    index: int = -1
    shape: tuple[int, ...] = ()
    answers: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    errors: tuple[float, float] = (math.nan, math.nan)
    """Largest errors of both answers, where both conform."""

    @property
    def question(self) -> tuple[Any, ...]:
        """What was asked, whoever was asked: entry points that give the same answers to the same questions changed alike."""
        case = self.case
        more = (case.cotangent and case.cotangent.blob, case.direction and case.direction.blob)
        inputs = tuple((item.name, item.blob, item.dtype, item.shape, item.view) for item in case.inputs)
        return (
            case.topic,
            case.detail,
            case.rule,
            case.quantity,
            case.wrt,
            repr(sorted(case.parameters.items())),
            case.mode,
            inputs,
            *more,
        )


def answer_of(row: tuple[str, str]) -> Answer:
    """The answer that `RunFile.answers` gives as outcome and text. Raises ValueError, TypeError or KeyError for a damaged one."""
    outcome, text = row
    data = json.loads(text)
    outputs = tuple(Output(blob, dtype, tuple(shape)) for blob, dtype, shape in data.get("outputs", ()))
    return Answer(outcome, outputs, data.get("error_type", ""), data.get("message", ""))


def is_other_words(old: Answer, new: Answer) -> bool:
    """Whether both failed in the same way, and only the message is another."""
    return old.outcome == new.outcome != "returned" and old.error_type == new.error_type


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
    return Difference(subject, case, kind, aspect, place, severity, gist, answers=(_blobs(old), _blobs(new)))


def _seen(case: Case, side: Side) -> Seen:
    """What one side did, without a place of its own: dtype, shape and first numbers of an answer, or what was raised."""
    answer = side.answer
    fault = side.fault
    if answer.outcome != "returned":
        return Seen(answer.outcome, fault.outcome if fault else _verdict(side), message=answer.said)
    shown = " and ".join(_shown(output, side.read) for output in answer.outputs[:1])
    return Seen("returned", fault.outcome if fault else _verdict(side), observed=shown)


def _verdict(side: Side) -> str:
    return side.results[0].outcome if side.results else ""


def _shown(output: Output, read: Read) -> str:
    said = f"{output.dtype} {list(output.shape)}"
    if output.dtype not in FORMATS:
        return said
    bits = read(output).reshape(-1)
    return f"{said}: {', '.join(decimal(int(one), FORMATS[output.dtype]) for one in bits[:3])}{', …' if bits.size > 3 else ''}"


def _blobs(side: Side) -> tuple[str, ...]:
    answer = side.answer
    if answer.outcome != "returned":
        return (answer.outcome, answer.error_type)
    return tuple(f"{output.blob} {output.dtype}" for output in answer.outputs)


# --- both answered ------------------------------------------------------------------------------------------------------


def _of_numbers(subject: str, case: Case, old: Side, new: Side) -> Iterator[Difference]:
    aspect = TRAINING if case.topic == "random" else DEFAULTS if case.topic == "defaults" else NUMBERS
    kinds = [[(output.dtype, output.shape) for output in side.answer.outputs] for side in (old, new)]
    flips = list(_flips(subject, case, old, new, aspect))
    if kinds[0] != kinds[1]:
        flips = [replace(one, aspect=KIND_OF_RESULT) for one in flips]
        yield from flips
        if not flips:
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
    yield from flips
    if case.topic in INVALID:
        return  # what comes back from a call that is wrong may be anybody's memory, other bits in every run
    moved = _moved(subject, case, old, new, aspect)
    chosen = sum(one.place.asked for one in flips if one.kind == "convention changed")
    if moved is not None and moved.place.changed > chosen:  # where a choice explains all of them, it is told as that
        yield moved


def _kinds(kinds: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    return " and ".join(f"{dtype} of rank {len(shape)}" for dtype, shape in kinds) or "nothing"


def _moved(subject: str, case: Case, old: Side, new: Side, aspect: str) -> Difference | None:
    """How far the numbers moved; None if they did not, but for the payload of NaNs."""
    pairs = list(zip(old.answer.outputs, new.answer.outputs, strict=False))
    if case.topic == "purity" and case.function not in FUNCTIONS:
        pairs = pairs[:1]  # the arguments follow the result
    for was, now in pairs:
        if was.blob == now.blob or was.dtype == "none":
            continue
        before, after = _flat(case, was, old.read), _flat(case, now, new.read)
        format = FORMATS.get(was.dtype)
        differs = np.nonzero(_differ(before, after, format))[0]
        if not len(differs):
            continue
        steps = steps_between(before[differs], after[differs], format)
        index = int(differs[int(np.argmax(steps))])
        line = _argument(case, old.read)
        x = values(line[differs], FORMATS[case.dtype]) if line is not None and len(line) == len(before) else None
        finite = x[np.isfinite(x)] if x is not None else ()
        written, given = _input_at(case, line, index) if x is not None else ((), ())
        good = old.fault is None and new.fault is None
        errors = (_error(old.results), _error(new.results)) if good else (math.nan, math.nan)
        place = Place(
            rule=_main_rule(case, new.results), region=_region_at(new.results, given), dtype=case.dtype, mode=case.mode, parameters=case.parameters,
            entry_point=case.entry_point, input=written, input_bits=given, old=_number(before, index, format, old),
            new=_number(after, index, format, new), asked=before.size, changed=len(differs), distance=float(steps.max()),
        )  # fmt: skip
        low, high = (float(np.min(finite)), float(np.max(finite))) if len(finite) else (math.nan, math.nan)
        return Difference(
            subject,
            case,
            "bits",
            aspect,
            place,
            "information",
            "",
            low,
            high,
            index,
            was.shape,
            (_blobs(old), _blobs(new)),
            errors,
        )
    return None


def _differ(before: NDArray[Any], after: NDArray[Any], format: Format | None) -> NDArray[np.bool_]:
    """Where the bits differ; all NaNs are equal."""
    differs: NDArray[np.bool_] = before != after
    if format is not None:
        differs &= ~(np.isnan(values(before, format)) & np.isnan(values(after, format)))
    return differs


def steps_between(before: Bits, after: Bits, format: Format | None) -> NDArray[np.float64]:
    """How many ULP lie between numbers of one format: 1 for neighbours, 0 for zeros of either sign, infinite where one is NaN."""
    if format is None:
        return np.ones(len(before))
    one, other = ordinals(before, format), ordinals(after, format)
    # The line of float64 is longer than int64; unsigned subtraction wraps to what is right.
    apart = np.maximum(one, other).astype(np.uint64) - np.minimum(one, other).astype(np.uint64)
    nan = np.isnan(values(before, format)) != np.isnan(values(after, format))
    return np.where(nan, np.inf, apart.astype(np.float64))


def _flat(case: Case, output: Output, read: Read) -> NDArray[Any]:
    """Bits of an output, flat, derivatives of transposed arguments in the standard's layout, as the judge numbers its elements."""
    bits = read(output)
    order = (
        next((item.order for item in case.inputs if item.name == case.wrt), ())
        if case.wrt and case.quantity != "forward_gradient"
        else ()
    )
    return (bits.transpose(np.argsort(order)) if order and len(order) == bits.ndim else bits).reshape(-1)


def _argument(case: Case, read: Read) -> Bits | None:
    """The argument of a function of one number, flat; None for others."""
    if case.function not in FUNCTIONS or case.dtype not in FORMATS or not case.inputs:
        return None
    item = case.inputs[0]
    return read(Output(item.blob, item.dtype, item.shape)).reshape(-1)


def _input_at(case: Case, line: Bits | None, index: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if line is None:
        return (), ()
    format, bits = FORMATS[case.dtype], int(line[index])
    return (decimal(bits, format),), (hexadecimal(bits, format),)


def _number(bits: NDArray[Any], index: int, format: Format | None, side: Side) -> Seen:
    one, fault = int(bits[index]), side.fault
    verdict = fault.outcome if fault is not None else _verdict(side)
    if format is None:
        return Seen("returned", verdict, str(one), hex(one))
    return Seen("returned", verdict, decimal(one, format), hexadecimal(one, format))


def _error(results: Sequence[Result]) -> float:
    """The largest error of an answer; beside a zero of the truth ULP are no measure, and do not count."""
    found = [
        r.worst.ulp for r in results
        if r.worst is not None and r.severity != "convention" and not math.isnan(r.worst.ulp) and not (r.worst.bar >= MANY and r.worst.ulp <= r.worst.bar)
    ]  # fmt: skip
    return max(found, default=math.nan)


def _main_rule(case: Case, results: Sequence[Result]) -> str:
    if case.rule:
        return case.rule
    main = {
        "value": "value",
        "gradient": "gradient",
        "forward_gradient": "gradient.forward",
        "second_derivative": "second_derivative",
    }
    return main.get(case.quantity, results[0].rule.partition(".")[2] if results else case.topic)


def _region_at(results: Sequence[Result], given: tuple[str, ...]) -> str:
    """The region whose worst input this is, if one says so."""
    return next((r.region for r in results if r.worst is not None and given and r.worst.input_bits == given), "")


# --- verdicts that changed ----------------------------------------------------------------------------------------------


def _flips(subject: str, case: Case, old: Side, new: Side, aspect: str) -> Iterator[Difference]:
    """One difference for each rule and region whose verdict is another one."""
    before, after = _by_place(old.results), _by_place(new.results)
    for key in {**before, **after}:
        was, now = before.get(key), after.get(key)
        told = now or was
        if told is None or "information" in {
            one.severity for one in (was, now) if one is not None and one.outcome in FAULTS
        }:
            continue
        if told.rule.endswith(".convention"):
            kind = _convention(was, now)
        else:
            kind = _verdict_changed(was, now)
        if kind:
            about = (
                CONVENTION if kind == "convention changed" else CONSEQUENCE if _is_consequence(told.rule) else aspect
            )
            yield _flip(subject, case, old, new, was, now, kind, about)


def _by_place(results: Sequence[Result]) -> dict[tuple[str, str, int], Result]:
    """Results of one case by rule and region; of several under the same, in their order."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    found = {}
    for result in results:
        region = result.region.partition(":")[0] if result.rule.endswith(".convention") else result.region
        key = (result.rule, region)
        found[(*key, counts[key])] = result
        counts[key] += 1
    return found


def _is_consequence(rule: str) -> bool:
    """Rules about how answers go together: of numbers that changed, they may be broken or kept anew."""
    return ".invariance." in rule or ".property." in rule


def _convention(was: Result | None, now: Result | None) -> str:
    if was is None or now is None or (was.outcome, was.region, was.message) == (now.outcome, now.region, now.message):
        return ""
    return "convention changed"


def _verdict_changed(was: Result | None, now: Result | None) -> str:
    """`worse`, `better`, or nothing."""
    bad = [one is not None and one.outcome in FAULTS for one in (was, now)]
    if bad == [False, True]:
        return "worse"
    if bad == [True, False]:
        return "better"
    if bad == [True, True] and was is not None and now is not None:
        places = [SEVERITIES.index(one.severity) if one.severity else len(SEVERITIES) for one in (was, now)]
        step = _farther(was.worst, now.worst)
        if places[0] == places[1]:
            return step
        # A severity says how much is left of the number, and an error how far off it is: a change is one that both can say.
        graded = "worse" if places[1] < places[0] else "better"
        return graded if _error_of(was.worst, now.worst) in ("", graded) else ""
    return ""


def _error_of(was: Worst | None, now: Worst | None) -> str:
    """In which direction the worst error went."""
    if was is None or now is None or math.isnan(was.ulp) or math.isnan(now.ulp) or was.ulp == now.ulp:
        return ""
    return "worse" if now.ulp > was.ulp else "better"


def _farther(was: Worst | None, now: Worst | None) -> str:
    if was is None or now is None or math.isnan(was.ulp) or math.isnan(now.ulp) or was.ulp == now.ulp:
        return ""
    if now.ulp >= MARKEDLY * was.ulp and now.ulp - was.ulp >= max(now.bar, 1.0):
        return "worse"
    if was.ulp >= MARKEDLY * now.ulp and was.ulp - now.ulp >= max(was.bar, 1.0):
        return "better"
    return ""


def _flip(
    subject: str, case: Case, old: Side, new: Side, was: Result | None, now: Result | None, kind: str, aspect: str
) -> Difference:  # fmt: skip
    """The difference at the worst input of the side that is worse."""
    telling = (was if kind == "better" else now) or now or was
    assert telling is not None
    worst = telling.worst
    sides = []
    for side, result in ((old, was), (new, now)):
        error = result.worst.ulp if result is not None and result.worst is not None else math.nan
        verdict = result.outcome if result is not None else ""
        shown = _at(case, side, worst) if worst is not None and case.topic != "symmetry" else None
        if worst is not None:
            error = worst.ulp if result is telling else error_at(shown[1], worst) if shown is not None else math.nan
        if result is telling and worst is not None:
            shown = (worst.observed, worst.observed_bits)
        message = result.message if result is not None and result.outcome in FAULTS else ""
        if shown is None:
            shown = (_shown(side.answer.outputs[0], side.read) if side.answer.outputs and worst is None else "", "")
        sides.append(Seen(side.answer.outcome, verdict, shown[0], shown[1], error, message))
    place = Place(
        rule=telling.rule.partition(".")[2], region=telling.region, dtype=telling.dtype, mode=telling.mode, parameters=telling.parameters,
        entry_point=telling.entry_point, input=worst.input if worst else (), input_bits=worst.input_bits if worst else (),
        truth=worst.truth if worst else "", old=sides[0], new=sides[1], asked=telling.comparisons,
        changed=abs((now.deviates if now else 0) - (was.deviates if was else 0)) or telling.deviates,
    )  # fmt: skip
    severity = telling.severity or "information"
    return Difference(subject, case, kind, aspect, place, severity, f"{telling.rule.partition('.')[2]} {telling.region}", answers=(_blobs(old), _blobs(new)))  # fmt: skip


def error_at(bits: str, worst: Worst) -> float:
    """Error in ULP of other bits at the input of `worst`, from the truth's decimals; NaN where these are no number or too few."""
    format = FORMATS.get(worst.dtype)
    try:
        truth, observed = float(worst.truth), int(bits, 16)
    except ValueError:
        return math.nan
    if format is None or not math.isfinite(truth):
        return math.nan
    number = float(values(np.array([observed], dtype=format.bits_type), format)[0])
    exponent = max(math.frexp(truth)[1] - 1, format.emin) if truth else format.emin
    error = abs(number - truth) / math.ldexp(1.0, exponent - format.precision + 1)
    return math.nan if math.isnan(error) or (worst.dtype == "float64" and error < 2) else error


def _at(case: Case, side: Side, worst: Worst) -> tuple[str, str] | None:
    """Decimal and bits of a side's answer to the worst input of the other one; None where that can't be found."""
    if not side.answer.outputs or side.answer.outputs[0].dtype not in FORMATS:
        return None
    output = side.answer.outputs[0]
    bits = _flat(case, output, side.read)
    index = worst.index
    if index < 0 and len(worst.input_bits) == 1 and worst.input_bits[0]:
        line = _argument(case, side.read)
        found = np.nonzero(line == int(worst.input_bits[0], 16))[0].tolist() if line is not None else []
        index = found[0] if found else -1
    if not 0 <= index < len(bits):
        return None
    one, format = int(bits[index]), FORMATS[output.dtype]
    return decimal(one, format), hexadecimal(one, format)
