"""Judging one function: every family's file is asked about what each subject did.

Needs no framework: the same observations give the same results on any machine, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Input
from conformance.garbage import uncollected
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import FUNCTIONS, TENSOR_FUNCTIONS
from conformance.truth.cache import Oracle
from conformance.truth.exacts import Exacts

from .answers import Answers, Questions
from .cotangents import judge_cotangents
from .defaults import judge_defaults
from .dtypes import judge_dtypes
from .errors import judge_errors
from .exhibits import conventions, exhibits, strips
from .invariance import judge_invariance
from .parameters import judge_parameters
from .properties import judge_properties
from .purity import judge_purity
from .random import judge_random
from .records import Convention, Exhibit, Result, Strip
from .shapes import judge_shapes
from .tensor_answers import TensorAnswers
from .tensor_bits import judge_tensor_bits
from .tensor_errors import judge_tensor_errors
from .tensor_exhibits import tensor_conventions, tensor_exhibits
from .tensor_kinds import (
    judge_tensor_defaults,
    judge_tensor_dtypes,
    judge_tensor_kinds,
    judge_tensor_purity,
)
from .tensor_properties import judge_tensor_properties
from .tensor_random import judge_tensor_random
from .tensors import judge_tensors
from .values import judge_values

FAMILIES: tuple[Callable[[Answers], Iterator[Result]], ...] = (
    judge_values,
    judge_cotangents,
    judge_parameters,
    judge_random,
    judge_dtypes,
    judge_shapes,
    judge_invariance,
    judge_purity,
    judge_properties,
    judge_defaults,
    judge_errors,
)
"""One file of rules each, in the order of reading. A new check is one file more."""

TENSOR_FAMILIES: tuple[Callable[[TensorAnswers], Iterator[Result]], ...] = (
    judge_tensors,
    judge_tensor_kinds,
    judge_tensor_dtypes,
    judge_tensor_bits,
    judge_tensor_purity,
    judge_tensor_properties,
    judge_tensor_defaults,
    judge_tensor_random,
    judge_tensor_errors,
)
"""The same for functions of several tensors."""

BITS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64, "int16": 16, "int32": 32, "int64": 64, "uint16": 16, "uint32": 32, "uint64": 64}  # fmt: skip

Read = Callable[["Input | Output"], NDArray[Any]]


class Blobs(Protocol):
    """What reading tensors needs of a run file."""

    def blob(self, hash: str) -> bytes: ...


@dataclass
class Collected:
    """What judging functions yields."""

    results: list[Result] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    conventions: list[Convention] = field(default_factory=list)

    def add(self, other: Collected) -> None:
        """Everything of the other behind what is here."""
        self.results += other.results
        self.strips += other.strips
        self.exhibits += other.exhibits
        self.conventions += other.conventions


def judge_one(
    name: str, observed: Mapping[str, Sequence[Observation]], subjects: Mapping[str, Subject], bindings: Mapping[str, Any],
    read: Read, oracle: Oracle, exacts: Exacts,
) -> dict[str, Collected]:  # fmt: skip
    """Everything about one function, by subject that was asked; `observed` and `subjects` are by subject's id."""
    with uncollected():
        return _judged(name, observed, subjects, bindings, read, oracle, exacts)


def _judged(
    name: str, observed: Mapping[str, Sequence[Observation]], subjects: Mapping[str, Subject], bindings: Mapping[str, Any],
    read: Read, oracle: Oracle, exacts: Exacts,
) -> dict[str, Collected]:  # fmt: skip
    found = {subject: Collected() for subject in observed}
    if name in TENSOR_FUNCTIONS:
        shared: dict[tuple[Any, ...], Any] = {}
        for subject, observations in observed.items():
            about = bindings.get(subjects[subject].backend, {})
            of_tensors = TensorAnswers(
                subjects[subject], TENSOR_FUNCTIONS[name], observations, read, exacts, about, shared
            )
            found[subject].results += judge_function(of_tensors)
            found[subject].exhibits += tensor_exhibits(of_tensors)
            found[subject].conventions += tensor_conventions(of_tensors)
        return found
    questions = Questions(FUNCTIONS[name], oracle)
    for subject, observations in observed.items():
        about = bindings.get(subjects[subject].backend, {})
        _judge(Answers(subjects[subject], FUNCTIONS[name], observations, read, questions, about), found[subject])
    return found


def judge_function(answers: TensorAnswers) -> list[Result]:
    """Every result about one function of tensors and one subject."""
    return [result for family in TENSOR_FAMILIES for result in family(answers)]


def _judge(answers: Answers, collected: Collected) -> None:
    results = [result for family in FAMILIES for result in family(answers)]
    collected.results += results
    collected.strips += strips(answers)
    collected.exhibits += exhibits(answers)
    collected.conventions += conventions(answers, results)


def reader(run: Blobs) -> Read:
    """Reads arrays out of a run file and keeps those last used; 512 of them are about 100 MB."""
    kept: dict[tuple[str, str, tuple[int, ...]], NDArray[Any]] = {}

    def read(what: Input | Output) -> NDArray[Any]:
        key = (what.blob, what.dtype, tuple(what.shape))
        if key not in kept:
            if len(kept) >= 512:
                kept.pop(next(iter(kept)))
            width = BITS.get(what.dtype, 8)
            kept[key] = np.frombuffer(run.blob(what.blob), dtype=f"uint{width}").reshape(what.shape)
        return kept[key]

    return read
