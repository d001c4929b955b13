"""Observations of functions of tensors, made by hand: the cases are the plan's own, the answers are what a test writes.

As `tensor_toy`, without anything that computes: what a judge makes of an answer is seen on that answer alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case, Input, blob_hash
from conformance.cases.tensor_asker import TensorAsker
from conformance.cases.tensor_plan import TOPICS
from conformance.cases.topics import Plan
from conformance.formats import FORMATS, round_to
from conformance.judge.tensor_answers import TensorAnswers
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import TENSOR_FUNCTIONS
from conformance.truth.cache import Oracle
from conformance.truth.exacts import Exacts
from tests.tensor_toy import bindings_of


@dataclass
class Framework:
    """What the plan reads of an adapter."""

    name: str = "hand"
    modes: tuple[str, ...] = ("eager", "compiled")
    slow_modes: tuple[str, ...] = ()
    recompiles: tuple[str, ...] = ()
    views: tuple[str, ...] = ("contiguous",)
    bindings: tuple[Any, ...] = ()


@dataclass
class Hand:
    """One entry point of one function: its cases, and answers to them."""

    function: str
    binding: Any = None
    mode: str = "eager"
    dtype: str = "float32"
    framework: Framework = field(default_factory=Framework)
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self.binding = self.binding or bindings_of(self.function)[0]

    def cases(self, topic: str) -> list[Case]:
        """What a topic asks."""
        function = TENSOR_FUNCTIONS[self.function]
        asker = TensorAsker(self.plan, self.framework, self.binding, function, topic, self.mode, self.dtype, "default")
        return list(TOPICS[topic](asker))

    def case(self, topic: str, detail: str) -> Case:
        """The one case of this detail."""
        (found,) = [case for case in self.cases(topic) if case.detail == detail]
        return found

    def returned(self, case: Case, *results: Any, dtype: str = "") -> Observation:
        """The answer that gives these arrays, rounded to the dtype."""
        return Observation(
            "hand", case, "returned", tuple(self._output(np.asarray(one), dtype or case.dtype) for one in results)
        )

    def failed(self, case: Case, outcome: str = "raised", message: str = "no") -> Observation:
        """An answer without a result."""
        return Observation("hand", case, outcome, (), "ValueError", message)

    def _output(self, array: NDArray[Any], dtype: str) -> Output:
        bits = round_to(np.asarray(array, dtype=np.float64).reshape(-1), FORMATS[dtype])
        data = bits.tobytes()
        self.plan.blobs[blob_hash(data)] = data
        return Output(blob_hash(data), dtype, array.shape)

    def answers(self, observations: Iterable[Observation], oracle: Oracle, **cited: Any) -> TensorAnswers:
        """What a judge reads; `cited` are fields of the binding: documentation."""
        subject = Subject("hand", "hand", "default", "cpu", {"hand": "1"})
        bindings = {f"{self.function}/{self.binding.id}": cited}
        return TensorAnswers(
            subject, TENSOR_FUNCTIONS[self.function], observations, self.read, Exacts(oracle), bindings
        )

    def read(self, what: Input | Output) -> NDArray[Any]:
        """The bits of an input or output."""
        width = FORMATS[what.dtype].bits_type if what.dtype in FORMATS else np.dtype(f"uint{_width(what.dtype)}")
        return np.frombuffer(self.plan.blobs[what.blob], dtype=width).reshape(what.shape)


def _width(dtype: str) -> int:
    return 8 if dtype == "bool" else 8 * np.dtype(dtype).itemsize


def same_call(one: Case, other: Case) -> Mapping[str, tuple[Any, Any]]:
    """Fields in which two cases differ, as JSON has them."""
    first, second = json.loads(one.to_json()), json.loads(other.to_json())
    return {
        name: (first.get(name), second.get(name))
        for name in first.keys() | second.keys()
        if first.get(name) != second.get(name)
    }
