"""Judging numbers against the truth: values, special values, gradients, kinks, signs of zero, flushing.

A pure function of a question and the bits of an answer. Knows no framework, no run and no entry point.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format, decimal, hexadecimal, values
from conformance.standard.model import text_of
from conformance.truth import ulps
from conformance.truth.oracle import evaluate_text
from conformance.truth.reals import FINITE, NAN, UNDERFLOW, Reals

from .question import MAIN_RULE, ORDERS, Part, Question, kink_at
from .records import GRADES, Worst

MARKS = ("", "′", "″")
"""What stands behind a function's name for its derivatives."""


@dataclass(frozen=True)
class Measured:
    """An answer beside its truth, element by element; shape (n,). `error` and the question's `bar` are in ULP."""

    observed: Bits
    error: NDArray[np.float64]
    conforms: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    """Equal to the truth rounded to nearest even."""
    flushed: NDArray[np.bool_]
    """Beyond the bar, but just what flushing a subnormal argument or result to zero gives."""


@dataclass(frozen=True)
class Verdict:
    """What one answer amounts to, for one rule and region."""

    rule: str
    region: str
    comparisons: int
    deviates: int
    undecided: int
    vacuous: int
    grades: tuple[int, ...]
    severity: str = ""
    worst: Worst | None = None
    bits: str = ""
    message: str = ""
    convention: str = field(default="")
    """What was chosen where the standard leaves a choice; empty if it is the customary one."""


def measure(question: Question, observed: Bits) -> Measured:
    """Errors of `observed` (shape (n,), bits in the question's format)."""
    format = question.format
    error = ulps.error(observed, format, question.truth)
    exact = ulps.correctly_rounded(observed, format, question.truth)
    for near in question.near:
        error[near.index], exact[near.index] = _error_of_interval(
            observed[near.index : near.index + 1], format, near.candidates
        )
    conforms = (error <= question.bar) | question.undecided
    flushed = _flushed(question, observed, ~conforms)
    return Measured(observed, error, conforms, exact, flushed)


def _error_of_interval(observed: Bits, format: Format, candidates: Reals) -> tuple[float, bool]:
    """Distance to the nearest candidate, and 0 between the smallest and the largest."""
    repeated = np.repeat(observed, len(candidates))
    errors = ulps.error(repeated, format, candidates)
    number = values(observed, format)[0]
    ends = values(ulps.rounded(candidates, format), format)
    between = bool(ends.min() <= number <= ends.max())
    return (0.0 if between else float(errors.min())), between


def _flushed(question: Question, observed: Bits, beyond: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the results `beyond` their bar, those that a flushed result (±0) or a flushed argument (f(±0)) explains.

    f(±0) is what this answer itself has there, if that is right, or else what is true: an answer that is wrong all around
    zero has not flushed anything.
    """
    format = question.format
    is_zero = (observed & format.bits_type.type(format.sign_bit - 1)) == 0
    flushed: NDArray[np.bool_] = beyond & question.may_be_subnormal & is_zero
    subnormal = np.nonzero(beyond & question.subnormal_argument)[0]
    if len(subnormal):
        y = values(observed[subnormal], format)
        zeros = ((question.bits << 1 & (2**format.width - 1)) == 0) & ~beyond
        at = [near.candidates for near in question.near if question.bits[near.index] << 1 & (2**format.width - 1) == 0]
        truths = values(
            observed[zeros] if zeros.any() else ulps.rounded(at[0] if at else question.at_zero, format), format
        )
        truths = truths[~np.isnan(truths)] if not np.isnan(truths).all() else np.zeros(1)
        room = 4 * np.spacing(np.abs(truths).max()) * 2.0 ** (53 - format.precision)
        flushed[subnormal] |= (y >= truths.min() - room) & (y <= truths.max() + room)
    return flushed


def judge(question: Question, observed: Bits, mode: str) -> list[Verdict]:
    """Verdicts of one answer, a verdict per rule and region; `observed` has shape (n,)."""
    measured = measure(question, observed)
    verdicts = []
    for part in question.parts:
        verdicts.append(_of_part(question, measured, part, mode))
        verdicts += _choice(question, measured, part, mode)
    verdicts += _flushing(question, measured, mode)
    if question.quantity == "value":
        verdicts += _signs(question, measured, mode)
    return verdicts


def _of_part(question: Question, measured: Measured, part: Part, mode: str) -> Verdict:
    members = part.members
    error, bar = measured.error[members], question.bar[members]
    deviating = ~measured.conforms[members] & ~measured.flushed[members]
    grade = grade_of(measured.exact[members], error, bar)
    counts = np.bincount(grade[~question.undecided[members] & ~measured.flushed[members]], minlength=len(GRADES))
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = (
            np.where(deviating, 2.0, 0.0)
            + np.where(np.isinf(error), 1.0, error / (error + bar + 1e-300))
            - measured.flushed[members]
        )
    excess = np.where(question.undecided[members], -2.0, excess)  # no error is known there
    worst = int(members[_most_telling(question, members, excess)])
    wrong = bool(np.any(_is_wrong(question, measured, members[deviating])))
    severity = ("wrong" if wrong else "inaccurate") if deviating.any() else ""
    if severity and part.rule.endswith(".nan"):
        severity = "convention"
    return Verdict(
        rule=part.rule,
        region=part.region,
        comparisons=len(members),
        deviates=int(deviating.sum()),
        undecided=int(question.undecided[members].sum()),
        vacuous=int(question.vacuous[members].sum()),
        grades=tuple(int(count) for count in counts),
        severity=severity,
        worst=worst_of(question, measured, worst, mode),
        bits=bits_hash(measured.observed[members]) if severity else "",
    )


def _most_telling(question: Question, members: NDArray[np.int64], excess: NDArray[np.float64]) -> int:
    """Index among `members` of what went farthest astray; of several that lost everything, that nearest to 1 in size."""
    equals = np.nonzero(excess >= excess.max() - 1e-6)[0]
    x = values(question.bits[members[equals]], question.format)
    with np.errstate(divide="ignore", invalid="ignore"):
        unusual = np.abs(np.log2(np.abs(x)))
    # Of NaNs, the one that arithmetic makes.
    unusual = np.where(question.bits[members[equals]] == question.format.quiet_nan, 2000.0, unusual)
    return int(equals[int(np.argmin(np.where(np.isnan(unusual), np.inf, unusual)))])


def _is_wrong(question: Question, measured: Measured, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A NaN where a number is due, a number where NaN is due, or not one correct digit where the truth is ordinary."""
    format, truth = question.format, question.truth.take(indices)
    error = measured.error[indices]
    ordinary = (truth.kind == FINITE) & (truth.exponent >= format.emin) & (truth.exponent <= format.emax)
    # One decimal digit is right as long as the relative error stays below about a half. Near a zero of the function an
    # honest implementation has no digit either; its bar tells.
    # Where zero is due, a subnormal number is not far from it.
    size = np.where(truth.kind == FINITE, 0.5, 1.0) * 2.0 ** (format.precision - 1)
    hopeless = (error > size) & (error > 16 * question.bar[indices])
    observed_nan = np.isnan(values(measured.observed[indices], format))
    wrong: NDArray[np.bool_] = (observed_nan != (truth.kind == NAN)) | (hopeless & (ordinary | (truth.kind != FINITE)))
    return wrong


def _choice(question: Question, measured: Measured, part: Part, mode: str) -> list[Verdict]:
    """At a kink, which subgradient was chosen; for a free zero, which sign."""
    kink_name = kink_at(question.function, part.region)
    if question.quantity == "gradient" and kink_name:
        kink = next(kink for kink in question.function.kinks if kink.name == kink_name)
        customary = text_of(kink.customary, question.parameters)
        names = {"left": text_of(kink.left, question.parameters), "right": text_of(kink.right, question.parameters)}
        choices = [_chosen(question, measured, int(index), {"customary": customary, **names}) for index in part.members]
        chosen = choices[0] if len(set(choices)) == 1 else " or ".join(_of_zeros(question, part, choices))
        rule = f"kink.{kink_name}.convention"
    elif question.quantity == "value" and question.zero_sign == "free" and part.region in ("x = -0", "x = +0"):
        negative = bool(measured.observed[part.members[0]] >> (question.format.width - 1))
        chosen, rule = ("-0" if negative else "customary"), "signed_zero.convention"
    else:
        return []
    # What is no subgradient at all is the business of the kink's own rule.
    other = chosen != "customary" and "outside" not in chosen
    index = int(part.members[0])
    return [
        Verdict(
            rule=rule,
            region=f"{part.region}: {chosen}" if other else part.region,
            comparisons=len(part.members),
            deviates=len(part.members) if other else 0,
            undecided=0,
            vacuous=0,
            grades=(0, 0, 0, 0, 0),
            severity="convention" if other else "",
            worst=worst_of(question, measured, index, mode),
            bits=bits_hash(measured.observed[part.members]) if other else "",
            convention=chosen if other else "",
        )
    ]


def _chosen(question: Question, measured: Measured, index: int, candidates: dict[str, str]) -> str:
    """Which subgradient the result at `index` is: a name, `in between`, or `outside`."""
    if not measured.conforms[index]:
        return "outside"
    number = values(measured.observed[index : index + 1], question.format)[0]
    # A slope that lost digits on its way is still the slope of that side: this asks what was meant, not how well.
    room = max(4 * 2.0**-question.format.precision, 2.0**-16)
    for name, text in candidates.items():
        expected = float(evaluate_text(text))
        if abs(number - expected) <= abs(expected) * room:
            return name
    return "in between"


def _of_zeros(question: Question, part: Part, choices: list[str]) -> list[str]:
    """`left at -0`, `customary at 0`: choices that differ between the zeros of both signs."""
    at = [decimal(int(bits), question.format) for bits in question.bits[part.members]]
    return [f"{choice} at {place.removesuffix('.0')}" for choice, place in zip(choices, at, strict=True)]


def _signs(question: Question, measured: Measured, mode: str) -> list[Verdict]:
    """Zeros that must carry a sign: f(±0) = ±0, and those that stand for something too small to show."""
    format = question.format
    observed, bits = measured.observed, question.bits
    is_zero = (observed & format.bits_type.type(format.sign_bit - 1)) == 0
    negative = (observed >> format.bits_type.type(format.width - 1)) != 0
    argument_is_zero = (bits & format.bits_type.type(format.sign_bit - 1)) == 0
    argument_negative = (bits >> format.bits_type.type(format.width - 1)) != 0
    truth = question.truth
    verdicts = []
    if question.zero_sign == "same":
        wrong = is_zero & (negative != argument_negative)
        verdicts.append(_of_sign(question, measured, "signed_zero", argument_is_zero, wrong, mode))
    due = (truth.kind == UNDERFLOW) & (truth.mantissa != 0)
    wrong = is_zero & (negative != (truth.mantissa < 0))
    verdicts.append(_of_sign(question, measured, "underflow_sign", due, wrong, mode))
    return [verdict for verdict in verdicts if verdict.comparisons]


def _of_sign(
    question: Question, measured: Measured, rule: str, checked: NDArray[np.bool_], wrong: NDArray[np.bool_], mode: str
) -> Verdict:  # fmt: skip
    members = np.nonzero(checked)[0]
    bad = np.nonzero(checked & wrong)[0]
    return Verdict(
        rule=rule,
        region="zeros",
        comparisons=len(members),
        deviates=len(bad),
        undecided=0,
        vacuous=0,
        grades=(0, 0, 0, 0, 0),
        severity="inaccurate" if len(bad) else "",
        worst=worst_of(question, measured, int(bad[0]), mode) if len(bad) else None,
        bits=bits_hash(measured.observed[members]) if len(bad) else "",
    )


def _flushing(question: Question, measured: Measured, mode: str) -> list[Verdict]:
    members = np.nonzero(question.subnormal_argument | question.subnormal_truth | measured.flushed)[0]
    bad = np.nonzero(measured.flushed)[0]
    if not len(members):
        return []
    return [
        Verdict(
            rule="flush",
            region="subnormal numbers",
            comparisons=len(members),
            deviates=len(bad),
            undecided=0,
            vacuous=0,
            grades=(0, 0, 0, 0, 0),
            severity="information" if len(bad) else "",
            worst=worst_of(question, measured, int(bad[int(np.argmax(measured.error[bad]))]), mode)
            if len(bad)
            else None,
            bits=MAIN_RULE[question.quantity] if len(bad) else "",
        )
    ]


def worst_of(question: Question, measured: Measured, index: int, mode: str) -> Worst:
    """One comparison, spelt out for people."""
    format = question.format
    near = next((near for near in question.near if near.index == index), None)
    if near is None:
        truth = ulps.decimal(question.truth, index)
    else:
        ends = sorted({ulps.decimal(near.candidates, i) for i in range(len(near.candidates))}, key=_as_number)
        truth = ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"
    observed = int(measured.observed[index])
    if near is None:
        absolute = ulps.absolute_of(float(measured.error[index]), format, question.truth, index)
    else:  # the error is that to the nearest of several
        at = measured.observed[index : index + 1]
        absolute = float(ulps.absolute_error(at, format, question.truth.take(np.array([index])))[0])
    return Worst(
        input=(decimal(int(question.bits[index]), format),),
        input_bits=(hexadecimal(int(question.bits[index]), format),),
        observed=decimal(observed, format),
        observed_bits=hexadecimal(observed, format),
        truth=truth,
        ulp=float(measured.error[index]),
        bar=float(question.bar[index]),
        absolute_error=absolute,
        dtype=format.name,
        mode=mode,
        asked=question.function.name + MARKS[ORDERS[question.quantity]],
    )


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def grade_of(exact: NDArray[np.bool_], error: NDArray[np.float64], bar: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index into GRADES of each answer; `exact`: it is the truth rounded to nearest even. Errors and bars are in ULP."""
    beyond_4 = np.where(error <= bar, 3, 4)
    return np.where(exact, 0, np.where(error < 1, 1, np.where(error <= 4, 2, beyond_4)))


def bits_hash(bits: Bits) -> str:
    """Short name of what was observed, by which entry points that agree are put together."""
    return hashlib.blake2b(np.ascontiguousarray(bits).tobytes(), digest_size=8).hexdigest()


def classes(bits: Bits, format: Format) -> NDArray[np.int64]:
    """NaN, infinity or zero with its sign, or finite; shape as `bits`."""
    x = values(bits, format)
    negative = (bits >> format.bits_type.type(format.width - 1)) != 0
    sign = np.where(negative, -1, 1)
    return np.where(np.isnan(x), 9, np.where(np.isinf(x), 3 * sign, np.where(x == 0, 2 * sign, 1))).astype(np.int64)
