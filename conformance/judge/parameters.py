"""Results about parameters that are learnt: the gradient in them, and values where every channel has its own.

The truth is exact: the definition in rational arithmetic, differentiated in the parameter, and summed as fractions. Knows no
framework.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, Format, decimal, hexadecimal, values
from conformance.observe.observation import Observation
from conformance.standard import FUNCTIONS
from conformance.truth import ulps
from conformance.truth.rational import Extended, evaluated, reals
from conformance.truth.reals import FINITE, NAN, Reals

from .accuracy import bits_hash
from .answers import Answers
from .question import DEFAULT_BAR, MAIN_RULE
from .records import Result, Worst
from .values import without_answer

Floats = NDArray[np.float64]

ULPS = 4.0
"""What a single term may be off, and the sum besides what summing loses: the bar of every function by default."""


@dataclass(frozen=True)
class _Asked:
    """Elements of x, one row each or, for a gradient in the parameter, those that share one of its numbers; shape (n,)."""

    truth: Reals
    bar: Floats
    """In ULP of the truth."""
    terms: int
    regions: tuple[str, ...]
    """Empty where nothing is judged here."""
    subnormal: NDArray[np.bool_]
    """Where the element or the truth is subnormal: there a zero is explained by flushing."""


def judge_parameters(answers: Answers) -> Iterator[Result]:
    """Every number of the answer against the exact truth; and dtype and shape of a gradient in a parameter."""
    learnt = next((parameter.name for parameter in answers.function.parameters if parameter.learnt), "")
    for observation in answers.of("parameter"):
        case = observation.case
        gradient = case.quantity == "parameter_gradient"
        rule = f"gradient.{learnt}" if gradient else MAIN_RULE[case.quantity]
        if observation.outcome != "returned":
            yield without_answer(answers, observation, rule)
            continue
        due, output = case.inputs[1 if gradient else 0], observation.outputs[0]
        right = output.dtype == due.dtype and tuple(output.shape) == tuple(due.shape)
        if gradient:
            seen = (
                f"the gradient in {learnt} is None"
                if output.dtype == "none"
                else f"the gradient in {learnt}, which is {due.dtype} {list(due.shape)}, is {output.dtype} {list(output.shape)}"
            )
            yield answers.check(observation, f"{rule}.dtype", right, seen)
        if output.dtype == "none":
            # What an optimizer makes of a gradient that is missing.
            observed = np.zeros(math.prod(due.shape), dtype=FORMATS[due.dtype].bits_type)
        elif right:
            observed = answers.bits(output).reshape(-1)
        else:
            continue
        yield from _judged(answers, observation, learnt, rule, observed)


def _judged(answers: Answers, observation: Observation, learnt: str, rule: str, observed: Bits) -> Iterator[Result]:
    case = observation.case
    format = FORMATS[case.dtype]
    given = [answers.bits(item) for item in case.inputs]
    cotangent = None if case.cotangent is None else answers.bits(case.cotangent)
    asked = _asked(
        answers.function.name, learnt, case.quantity, format.name, case.inputs[0].shape,
        *(bits.tobytes() for bits in given), b"" if cotangent is None else cotangent.tobytes(),
    )  # fmt: skip
    error = ulps.error(observed, format, asked.truth)
    exact = ulps.correctly_rounded(observed, format, asked.truth)
    beyond = error > asked.bar
    flushed = beyond & asked.subnormal & (values(observed, format) == 0)
    for region in dict.fromkeys(region for region in asked.regions if region):
        members = np.array([index for index, one in enumerate(asked.regions) if one == region])
        deviating = beyond[members] & ~flushed[members]
        grade = np.where(
            exact[members],
            0,
            np.where(error[members] < 1, 1, np.where(error[members] <= 4, 2, np.where(~deviating, 3, 4))),
        )
        bad = members[deviating]
        excess = np.where(flushed[members], 0.0, error[members] / np.maximum(asked.bar[members], 1.0))
        index = int(members[int(np.argmax(excess))])
        yield answers.result(
            observation,
            rule,
            region=region,
            outcome="deviates" if len(bad) else "conforms",
            comparisons=len(members),
            conforms=len(members) - len(bad),
            deviates=len(bad),
            grades=tuple(int(count) for count in np.bincount(grade[~flushed[members]], minlength=5)),
            severity=_severity(observed[bad], format, asked.truth.take(bad), error[bad]),
            worst=_worst(observation, learnt, asked, given, cotangent, observed, error, index),
            bits=bits_hash(observed[members]) if len(bad) else "",
            message=_message(observation, learnt, asked, index) if len(bad) else "",
        )
    if flushed.any():
        index = int(np.nonzero(flushed)[0][0])
        yield answers.result(
            observation, "flush", region="subnormal numbers", outcome="deviates", severity="information",
            comparisons=int(asked.subnormal.sum()), deviates=int(flushed.sum()),
            conforms=int(asked.subnormal.sum() - flushed.sum()), bits=MAIN_RULE.get(case.quantity, "gradient"),
            worst=_worst(observation, learnt, asked, given, cotangent, observed, error, index),
        )  # fmt: skip


def summation_bar(terms: int, magnitudes: Fraction, truth: Extended, format: Format) -> float:
    """How far a sum of n terms may be from the true sum, in ULP of it: 4, and what pairwise summation loses.

    Each of the ⌈log₂ n⌉ levels of pairwise summation rounds numbers whose sizes add up to no more than Σ|term| (but for
    what the levels before have lost, which is smaller by a factor of 2^−p), each by at most half a unit in its last place,
    2^−p of its size: ⌈log₂ n⌉ · 2^−p · Σ|term| together (Higham: Accuracy and Stability of Numerical Algorithms, 4.2). A term
    is exact here, because cotangents are powers of two, or is rounded once, which the 4 ULP cover where n is 1.
    """
    if not isinstance(truth, Fraction):
        return ULPS
    size = reals([truth])
    unit = int(ulps.ulp_exponent(size, format)[0])
    lost = math.ceil(math.log2(terms)) * magnitudes / 2**format.precision if terms > 1 else Fraction(0)
    return ULPS + float(lost / Fraction(2) ** unit)


@lru_cache(maxsize=128)
def _asked(
    function: str, learnt: str, quantity: str, dtype: str, shape: tuple[int, ...], x: bytes, numbers: bytes, cotangent: bytes
) -> _Asked:  # fmt: skip
    """The truth, shared by all entry points, modes and subjects that were asked the same."""
    format = FORMATS[dtype]
    elements = values(np.frombuffer(x, dtype=format.bits_type), format)
    slopes = values(np.frombuffer(numbers, dtype=format.bits_type), format)
    scale = values(np.frombuffer(cotangent, dtype=format.bits_type), format) if cotangent else np.ones(len(elements))
    channel = channels(shape, len(slopes))
    at = 1 if quantity != "value" else 0
    of = learnt if quantity == "parameter_gradient" else "x"
    exact: list[Extended] = [
        evaluated(FUNCTIONS[function], number, {learnt: slope}, of)[at]
        for number, slope in zip(elements.tolist(), slopes[channel].tolist(), strict=True)
    ]
    terms = [term * Fraction(c) if isinstance(term, Fraction) else term * c for term, c in zip(exact, scale.tolist(), strict=True)]  # fmt: skip
    if quantity != "parameter_gradient":
        # Elsewhere, and at kinks and at NaN, one slope is as good as several.
        allowed = FUNCTIONS[function].bars.get(quantity, DEFAULT_BAR).result
        judged = np.ones(len(elements), dtype=bool)
        if quantity == "gradient":
            judged &= (elements != 0) & ~np.isnan(elements)
        regions = tuple(f"{len(slopes)} channels" if one else "" for one in judged)
        return _of_terms(terms, elements, np.full(len(terms), allowed), regions, format)
    count = len(elements) // len(slopes)
    if count == 1:
        regions = tuple(_place(number) for number in elements.tolist())
        return _of_terms(terms, elements, np.full(len(terms), ULPS), regions, format)
    sharing = [np.nonzero(channel == index)[0] for index in range(len(slopes))]
    sums = [[terms[index] for index in those] for those in sharing]
    truths = [_sum(one) for one in sums]
    sizes = [sum((abs(term) for term in one if isinstance(term, Fraction)), Fraction(0)) for one in sums]
    bars = [summation_bar(count, size, truth, format) for size, truth in zip(sizes, truths, strict=True)]
    regions = tuple(f"sum over elements of rank {len(shape)}{_holding(elements[those])}" for those in sharing)
    return _Asked(reals(truths), np.array(bars), count, regions, np.zeros(len(truths), dtype=bool))


def _of_terms(terms: list[Extended], elements: Floats, bar: Floats, regions: tuple[str, ...], format: Format) -> _Asked:
    """What is one term for each element of x: in the order of the elements, which is that of the channels too."""
    truth = reals(terms)
    small = (np.abs(elements) < format.smallest_normal) & (elements != 0)
    small |= (truth.kind == FINITE) & (truth.exponent < format.emin)
    return _Asked(truth, bar, 1, regions, small)


def channels(shape: tuple[int, ...], count: int) -> NDArray[np.int64]:
    """Which of `count` numbers belongs to each element of a tensor, row by row: the only one, or that of its place along
    axis 1; shape (n,)."""
    if count == 1:
        return np.zeros(math.prod(shape), dtype=np.int64)
    along = np.arange(count).reshape(-1, *(1,) * (len(shape) - 2))
    return np.broadcast_to(along, shape).reshape(-1)


def _sum(terms: list[Extended]) -> Extended:
    infinite = [term for term in terms if isinstance(term, float)]
    if infinite:
        return math.fsum(infinite) if len({str(term) for term in infinite}) == 1 else math.nan
    return sum((term for term in terms if isinstance(term, Fraction)), Fraction(0))


def _place(number: float) -> str:
    if math.isnan(number):
        return "x = NaN"
    if math.isinf(number) or number == 0:
        return f"x = {number:+g}" if number else "x = 0"
    return "x < 0" if number < 0 else "x > 0"


def _holding(elements: Floats) -> str:
    return (
        ", one of them NaN"
        if np.isnan(elements).any()
        else ", one of them infinite"
        if np.isinf(elements).any()
        else ""
    )


def _severity(observed: Bits, format: Format, truth: Reals, error: Floats) -> str:
    """As elsewhere: a NaN for a number or the other way round, an infinity missed, or no correct digit, is wrong."""
    if not len(observed):
        return ""
    nan = np.isnan(values(observed, format))
    hopeless = error > 2.0 ** (format.precision - 2)
    wrong = (nan != (truth.kind == NAN)) | hopeless | ((truth.kind != FINITE) & (error > 0))
    return "wrong" if wrong.any() else "inaccurate"


def _worst(
    observation: Observation, learnt: str, asked: _Asked, given: list[Bits], cotangent: Bits | None, observed: Bits,
    error: Floats, index: int,
) -> Worst:  # fmt: skip
    case = observation.case
    format = FORMATS[case.dtype]
    x, numbers = given[0].reshape(-1), given[1].reshape(-1)
    shape = case.inputs[0].shape
    if case.quantity == "parameter_gradient" and asked.terms > 1:
        shown: tuple[str, ...] = (f"{asked.terms} numbers",)
        written: tuple[str, ...] = ()
        slope, factor = index, 1.0
    else:
        shown, written = (decimal(int(x[index]), format),), (hexadecimal(int(x[index]), format),)
        slope = int(channels(shape, len(numbers))[index])
        factor = 1.0 if cotangent is None else float(values(cotangent.reshape(-1)[index : index + 1], format)[0])
    result = int(observed[index])
    derivative = f"∂{case.function}/∂{learnt}" if case.quantity == "parameter_gradient" else case.function
    mark = "′" if case.quantity == "gradient" else ""
    absolute = ulps.absolute_error(observed[index : index + 1], format, asked.truth.take(np.array([index])))
    return Worst(
        input=(*shown, f"{learnt} {decimal(int(numbers[slope]), format)}"),
        input_bits=written,
        observed=decimal(result, format),
        observed_bits=hexadecimal(result, format),
        truth=ulps.decimal(asked.truth, index),
        ulp=float(error[index]),
        bar=float(asked.bar[index]),
        absolute_error=float(absolute[0]),
        dtype=format.name,
        mode=case.mode,
        asked=f"{derivative}{mark}" + (f" times {factor:g}" if factor != 1 else ""),
    )


def _message(observation: Observation, learnt: str, asked: _Asked, index: int) -> str:
    case = observation.case
    scaled = " times their cotangents" if case.cotangent is not None and asked.terms > 1 else ""
    summed = f"{asked.terms} terms{scaled}, for number {index + 1} of " if asked.terms > 1 else ""
    return f"x has the shape {list(case.inputs[0].shape)}; {summed}{case.inputs[1].shape[0]} of {learnt}"
