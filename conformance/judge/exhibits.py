"""What the reports show beside results: heat strips, special inputs side by side, and conventions.

Read from the same answers; nothing here decides anything. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Format, decimal, ordinals, round_to, values
from conformance.standard.model import text_of
from conformance.truth import ulps
from conformance.truth.oracle import evaluate_text

from .accuracy import Measured, measure
from .answers import Answers
from .question import Question
from .records import Convention, Exhibit, Result, Strip

BINS = 240
SHOWN = ("value", "gradient")
EXHIBIT_DTYPES = ("float32", "float64", "bfloat16", "float16")


def strips(answers: Answers) -> Iterator[Strip]:
    """One strip per entry point, dtype and quantity: eager mode, default parameters."""
    known: dict[tuple[str, ...], bytes] = {}
    defaults = answers.function.samples()[0]
    for observation in answers.of("lattice"):
        case = observation.case
        observed = answers.comparable(observation)
        if case.mode != "eager" or case.quantity not in SHOWN or case.parameters != defaults or observed is None:
            continue
        key = (case.dtype, case.quantity, case.inputs[0].blob, observation.outputs[0].blob)
        if key not in known:
            asked = answers.questions.question(case, case.inputs[0], answers.argument(case))
            known[key] = strip_of(asked, measure(asked, observed))
        yield Strip(
            answers.subject.id, case.entry_point, case.function, case.quantity, case.parameters, case.dtype, case.mode, known[key]
        )  # fmt: skip


def strip_of(asked: Question, measured: Measured) -> bytes:
    """BINS bytes: the largest error in each bin, coded as `records.Strip` says."""
    places = ordinals(asked.bits, asked.format)
    end = asked.format.infinity
    inside = np.abs(places) < end
    # Ordinals of float64 times BINS would not fit into 64 bits.
    bins = np.minimum((places[inside] / end + 1) * (BINS / 2), BINS - 1).astype(np.int64)
    error, bar = measured.error[inside], asked.bar[inside]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = np.where(error == 0, 0.0, np.where(bar > 0, error / bar, np.inf))
        level = 2 + 8 * np.log2(1 + np.minimum(relative, 1e30))
    code = np.where(measured.exact[inside], 1, np.clip(level, 2, 255)).astype(np.uint8)
    strip = np.zeros(BINS, dtype=np.uint8)
    np.maximum.at(strip, bins, code)
    return strip.tobytes()


def exhibits(answers: Answers) -> Iterator[Exhibit]:
    """Special inputs and what came of them: eager, default parameters, the first dtype of EXHIBIT_DTYPES that was answered.

    Entry points whose shown results are those of an earlier one are left out.
    """
    defaults = answers.function.samples()[0]
    for quantity in SHOWN:
        shown: set[tuple[str, ...]] = set()
        eager = [
            o
            for o in answers.of("lattice")
            if o.case.mode == "eager" and o.case.quantity == quantity and o.case.parameters == defaults
        ]
        for dtype in EXHIBIT_DTYPES:
            for observation in (o for o in eager if o.case.dtype == dtype):
                observed = answers.comparable(observation)
                if observed is None:
                    continue
                rows = tuple(_rows(answers, observation.case, observed))
                if tuple(row.observed for row in rows) not in shown:
                    shown.add(tuple(row.observed for row in rows))
                    yield from rows
            if shown:
                break


def _rows(answers: Answers, case: Case, observed: NDArray[np.unsignedinteger]) -> Iterator[Exhibit]:
    format = FORMATS[case.dtype]
    argument = answers.argument(case)
    asked = answers.questions.question(case, case.inputs[0], argument)
    measured = measure(asked, observed)
    for name, bits in special_inputs(answers, case.parameters, format):
        index = int(np.nonzero(argument == bits)[0][0])
        near = next((near for near in asked.near if near.index == index), None)
        truth = ulps.decimal(asked.truth, index, 7)
        if near is not None:
            ends = sorted({ulps.decimal(near.candidates, i, 7) for i in range(len(near.candidates))}, key=float)
            truth = ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"
        verdict = "conforms" if measured.conforms[index] else "flushes" if measured.flushed[index] else "deviates"
        yield Exhibit(
            answers.subject.id, case.entry_point, case.function, case.quantity, case.parameters, case.dtype,
            name, decimal(int(observed[index]), format), truth, verdict,
        )  # fmt: skip


def special_inputs(answers: Answers, parameters: Mapping[str, float], format: Format) -> list[tuple[str, int]]:
    """Names and bits of the inputs that the report shows for every function."""
    sign, one = format.sign_bit, int(round_to(np.array([1.0]), format)[0])
    named = [
        ("NaN", format.quiet_nan),
        ("-inf", format.infinity | sign),
        ("-largest", (format.infinity - 1) | sign),
        ("-100", int(round_to(np.array([-100.0]), format)[0])),
        ("-1", one | sign),
        ("-smallest normal", (1 << format.mantissa_bits) | sign),
        ("-smallest subnormal", 1 | sign),
        ("-0", sign),
        ("+0", 0),
        ("smallest subnormal", 1),
        ("1", one),
        ("100", int(round_to(np.array([100.0]), format)[0])),
        ("largest", format.infinity - 1),
        ("+inf", format.infinity),
    ]
    places = [(kink.name, text_of(kink.at, parameters)) for kink in answers.function.kinks]
    places += [(mark.name, text_of(mark.at, parameters)) for mark in answers.function.landmarks if mark.jump]
    known = {bits for _, bits in named}
    for name, text in places:
        number = float(evaluate_text(text))
        bits = int(round_to(np.array([number]), format)[0])
        if abs(number) <= format.largest and bits not in known:
            named.append((name, bits))
    ends = named[:1], sorted(named[1:], key=lambda pair: _line(pair[1], format))
    shown = [*ends[0], *ends[1]]
    asked = np.isin(np.array([bits for _, bits in shown], dtype=format.bits_type), _asked(answers, parameters, format))
    return [pair for pair, is_asked in zip(shown, asked, strict=True) if is_asked]


def _asked(answers: Answers, parameters: Mapping[str, float], format: Format) -> NDArray[np.unsignedinteger]:
    for observation in answers.of("lattice"):
        if observation.case.parameters == parameters and observation.case.dtype == format.name:
            return answers.argument(observation.case)
    return np.zeros(0, dtype=format.bits_type)


def _line(bits: int, format: Format) -> float:
    number = values(np.array([bits], dtype=format.bits_type), format)[0]
    return float(number) if number or bits == 0 else -1e-320


def conventions(answers: Answers, results: Sequence[Result]) -> Iterator[Convention]:
    """What each entry point chose where the standard leaves a choice, for the first parameters that it was asked with."""
    chosen: dict[tuple[str, str, str, str, str], list[str]] = {}
    asked: dict[str, Mapping[str, float]] = {}
    for result in results:
        first = asked.setdefault(result.entry_point, result.parameters)
        found = _convention(answers, result)
        if found and (result.parameters == first or found[0] == "default"):
            dtypes = chosen.setdefault((result.entry_point, *found), [])
            if result.dtype not in dtypes:
                dtypes.append(result.dtype)
    for (entry_point, kind, name, choice, customary), dtypes in chosen.items():
        yield Convention(
            answers.subject.id, entry_point, answers.function.name, kind, name, choice, customary, tuple(dtypes)
        )


def _convention(answers: Answers, result: Result) -> tuple[str, str, str, str] | None:
    rule = result.rule.split(".", 1)[1]
    if rule.startswith("kink.") and rule.endswith(".convention") and result.worst:
        kink = next(kink for kink in answers.function.kinks if f"kink.{kink.name}.convention" == rule)
        return ("kink", kink.name, result.worst.observed, text_of(kink.customary, result.parameters))
    if rule == "signed_zero.convention" and result.worst:
        return ("signed_zero", result.worst.input[0], result.worst.observed, "0.0")
    if rule == "gradient.nan" and result.worst:
        return ("gradient_nan", "NaN", result.worst.observed, "nan")
    if rule == "defaults.convention":
        standard = answers.function.defaults()
        spelt = ", ".join(f"{name} = {value:g}" for name, value in result.parameters.items())
        return ("default", "default", spelt, ", ".join(f"{name} = {value:g}" for name, value in standard.items()))
    return None
