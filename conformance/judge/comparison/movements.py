"""How far the numbers of two answers to one question lie apart: on how many inputs, by how many ULP, where.

Pure functions of bits. Knows no framework and decides on no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Bits, Format, decimal, hexadecimal, ordinals, values
from conformance.standard import FUNCTIONS

from ..message import MANY
from ..records import Result
from .changes import Place, Seen
from .sides import (
    Difference,
    Side,
    argument_of,
    blobs,
    flat,
    verdict_of,
)


def moved(subject: str, case: Case, old: Side, new: Side, aspect: str) -> Difference | None:
    """How far the numbers moved; None if they did not, but for the payload of NaNs."""
    pairs = list(zip(old.answer.outputs, new.answer.outputs, strict=False))
    if case.topic == "purity" and case.function not in FUNCTIONS:
        pairs = pairs[:1]  # the arguments follow the result
    for was, now in pairs:
        if was.blob == now.blob or was.dtype == "none":
            continue
        before, after = flat(case, was, old.read), flat(case, now, new.read)
        format = FORMATS.get(was.dtype)
        differs = np.nonzero(_differ(before, after, format))[0]
        if not len(differs):
            continue
        steps = steps_between(before[differs], after[differs], format)
        index = int(differs[int(np.argmax(steps))])
        line = argument_of(case, old.read)
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
            (blobs(old), blobs(new)),
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


def _input_at(case: Case, line: Bits | None, index: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if line is None:
        return (), ()
    format, bits = FORMATS[case.dtype], int(line[index])
    return (decimal(bits, format),), (hexadecimal(bits, format),)


def _number(bits: NDArray[Any], index: int, format: Format | None, side: Side) -> Seen:
    one, fault = int(bits[index]), side.fault
    verdict = fault.outcome if fault is not None else verdict_of(side)
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
