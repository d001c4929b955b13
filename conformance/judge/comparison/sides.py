"""Two answers to one question, what judging made of each, and the record of a difference between them.

Plain data and how to read it. Knows no framework.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Bits, decimal
from conformance.observe.observation import Output
from conformance.standard import FUNCTIONS

from ..records import FAULTS, SEVERITIES, Result
from .changes import Place

NUMBERS, CONSEQUENCE, TRAINING, ANSWERS, ERRORS, KIND_OF_RESULT, DTYPES, DEFAULTS, CONVENTION, PROVIDED = (
    "numbers", "consequence", "training", "answers", "errors", "kind of result", "dtypes", "defaults", "convention", "provided",
)  # fmt: skip
"""What a difference is about; differences of different aspects have different causes."""


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


def verdict_of(side: Side) -> str:
    return side.results[0].outcome if side.results else ""


def shown(output: Output, read: Read) -> str:
    said = f"{output.dtype} {list(output.shape)}"
    if output.dtype not in FORMATS:
        return said
    bits = read(output).reshape(-1)
    return f"{said}: {', '.join(decimal(int(one), FORMATS[output.dtype]) for one in bits[:3])}{', …' if bits.size > 3 else ''}"


def blobs(side: Side) -> tuple[str, ...]:
    answer = side.answer
    if answer.outcome != "returned":
        return (answer.outcome, answer.error_type)
    return tuple(f"{output.blob} {output.dtype}" for output in answer.outputs)


def flat(case: Case, output: Output, read: Read) -> NDArray[Any]:
    """Bits of an output, flat, derivatives of transposed arguments in the standard's layout, as the judge numbers its elements."""
    bits = read(output)
    order = (
        next((item.order for item in case.inputs if item.name == case.wrt), ())
        if case.wrt and case.quantity != "forward_gradient"
        else ()
    )
    return (bits.transpose(np.argsort(order)) if order and len(order) == bits.ndim else bits).reshape(-1)


def argument_of(case: Case, read: Read) -> Bits | None:
    """The argument of a function of one number, flat; None for others."""
    if case.function not in FUNCTIONS or case.dtype not in FORMATS or not case.inputs:
        return None
    item = case.inputs[0]
    return read(Output(item.blob, item.dtype, item.shape)).reshape(-1)
