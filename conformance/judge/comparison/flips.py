"""Verdicts that changed between two answers to one question: by rule and region, in which direction, and at which input.

Pure functions of results. Knows no framework.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from conformance.cases.case import Case
from conformance.formats import FORMATS, decimal, hexadecimal, values

from ..records import FAULTS, SEVERITIES, Result, Worst
from .changes import Place, Seen
from .sides import CONSEQUENCE, CONVENTION, Difference, Side, argument_of, blobs, flat, shown

MARKEDLY = 2.0
"""An error that was beyond its bar and still is counts as worse or better from this factor on; so does the number of inputs."""

SEVERAL = 8
"""Inputs by which that number has to change."""


def flips(subject: str, case: Case, old: Side, new: Side, aspect: str) -> Iterator[Difference]:
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
            return step or _oftener(was, now)
        # A severity says how much is left of the number, and an error how far off it is: a change is one that both can say.
        graded = "worse" if places[1] < places[0] else "better"
        return graded if _error_of(was.worst, now.worst) in ("", graded) else ""
    return ""


def _error_of(was: Worst | None, now: Worst | None) -> str:
    """In which direction the worst error went."""
    errors = _in_bars(was), _in_bars(now)
    if any(math.isnan(one) for one in errors) or errors[0] == errors[1]:
        return ""
    return "worse" if errors[1] > errors[0] else "better"


def _farther(was: Worst | None, now: Worst | None) -> str:
    """In which direction the worst error went markedly."""
    errors = _in_bars(was), _in_bars(now)
    less, more = sorted(errors)
    if any(math.isnan(one) for one in errors) or more < MARKEDLY * less or more - less < 1.0:
        return ""
    return _error_of(was, now)


def _in_bars(worst: Worst | None) -> float:
    """How many times its bar an error is: what is worst in a region is so by this measure, and not by ULP where bars differ."""
    if worst is None or math.isnan(worst.ulp):
        return math.nan
    return worst.ulp / worst.bar if worst.bar > 0 else worst.ulp


def _oftener(was: Result, now: Result) -> str:
    """Whether many more or fewer of the same inputs deviate: the one that is worst in a region may stay while all others are mended.

    Nothing where the worst error went the other way.
    """
    if was.comparisons != now.comparisons:
        return ""
    fewer, more = sorted((was.deviates, now.deviates))
    if more - fewer < SEVERAL or more < MARKEDLY * fewer:
        return ""
    direction = "worse" if now.deviates > was.deviates else "better"
    return direction if _error_of(was.worst, now.worst) in ("", direction) else ""


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
        number = _at(case, side, worst) if worst is not None and case.topic != "symmetry" else None
        if worst is not None:
            comparable = number is not None and side.answer.outputs[0].dtype == worst.dtype
            error = (
                worst.ulp if result is telling else error_at(number[1], worst) if number and comparable else math.nan
            )
        if result is telling and worst is not None:
            number = (worst.observed, worst.observed_bits)
        message = result.message if result is not None and result.outcome in FAULTS else ""
        if number is None:
            number = (shown(side.answer.outputs[0], side.read) if side.answer.outputs and worst is None else "", "")
        sides.append(Seen(side.answer.outcome, verdict, number[0], number[1], error, message))
    place = Place(
        rule=telling.rule.partition(".")[2], region=telling.region, dtype=telling.dtype, mode=telling.mode, parameters=telling.parameters,
        entry_point=telling.entry_point, input=worst.input if worst else (), input_bits=worst.input_bits if worst else (),
        truth=worst.truth if worst else "", old=sides[0], new=sides[1], asked=telling.comparisons,
        changed=abs((now.deviates if now else 0) - (was.deviates if was else 0)) or telling.deviates,
    )  # fmt: skip
    severity = telling.severity or "information"
    return Difference(subject, case, kind, aspect, place, severity, f"{telling.rule.partition('.')[2]} {telling.region}", answers=(blobs(old), blobs(new)))  # fmt: skip


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
    bits = flat(case, output, side.read)
    index = worst.index
    if index < 0 and len(worst.input_bits) == 1 and worst.input_bits[0]:
        line = argument_of(case, side.read)
        found = np.nonzero(line == int(worst.input_bits[0], 16))[0].tolist() if line is not None else []
        index = found[0] if found else -1
    if not 0 <= index < len(bits):
        return None
    one, format = int(bits[index]), FORMATS[output.dtype]
    return decimal(one, format), hexadecimal(one, format)
