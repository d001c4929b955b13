"""The observations of one subject and one function of tensors, and the truth that they are held against.

Reads a run file and the truth; decides nothing. Knows no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case, Input
from conformance.formats import FORMATS, Bits, values
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import Rule, TensorFunction, rules_of
from conformance.truth.exacts import Exacts
from conformance.truth.tensors import Asked, Exact

from .records import Result
from .results import no_answer, one_comparison, result_of
from .tensor_accuracy import about

ReadBits = Callable[[Input | Output], NDArray[Any]]
"""Gives the bits of an input or output, in its shape."""


class TensorAnswers:
    """What one subject did when asked about one function of tensors."""

    def __init__(
        self, subject: Subject, function: TensorFunction, observations: Iterable[Observation], read: ReadBits, exacts: Exacts,
        bindings: Mapping[str, Mapping[str, Any]], shared: dict[tuple[Any, ...], Any] | None = None,
    ) -> None:  # fmt: skip
        self.shared = {} if shared is None else shared
        """What was found out about questions and answers of this function, by what they are: subjects share it."""
        self.subject, self.function, self.exacts, self.bindings = subject, function, exacts, bindings
        self.rules: dict[str, Rule] = {rule.name: rule for rule in rules_of(function)}
        self.bits = read
        self._by_topic: dict[str, list[Observation]] = defaultdict(list)
        for observation in observations:
            self._by_topic[observation.case.topic].append(observation)

    def of(self, *topics: str) -> list[Observation]:
        """Observations of these topics, in the order of the plan."""
        return [one for topic in topics for one in self._by_topic[topic]]

    def topics(self) -> list[str]:
        """Every topic that was asked about."""
        return list(self._by_topic)

    def truth(self, case: Case, **other: Any) -> Exact:
        """The truth of a case, whose tensors may be replaced by `tensors=`. Raises KeyError and ValueError for a damaged case."""
        if other:
            return self.exacts.exact(asked_of(self.function, case, self.bits, **other))
        key = ("truth", question(case))
        if key not in self.shared:
            self.shared[key] = self.exacts.exact(asked_of(self.function, case, self.bits))
        found: Exact = self.shared[key]
        return found

    def result(self, observation: Observation, rule: str, **fields: Any) -> Result:
        """A result about this observation; `rule` is the name without the function."""
        return result_of(self.subject, self.rules[rule], observation.case, **fields)

    def check(
        self, observation: Observation, rule: str, holds: bool, message: str, severity: str = "wrong", **fields: Any
    ) -> Result:
        """A result of one comparison that holds or not; `message` says what was seen where it does not."""
        return self.result(observation, rule, **one_comparison(holds, message, severity), **fields)

    def without_answer(self, observation: Observation, rule: str) -> Result:
        """The result of a valid question that was not answered: each outcome is its own, none of them is a pass."""
        found = no_answer(observation)
        # A message has names and paths of its own.
        bits = (observation.error_type or observation.outcome) if found["severity"] else ""
        return self.result(observation, rule, region=about(observation.case), bits=bits, **found)


def question(case: Case) -> tuple[Any, ...]:
    """Everything that the truth of a case depends on."""
    more = case.cotangent and case.cotangent.blob, case.direction and case.direction.blob
    quantity = "value" if case.quantity == "copied" else case.quantity
    return (repr(sorted(case.parameters.items())), case.dtype, quantity, case.wrt, case.inputs, *more)


def asked_of(
    function: TensorFunction, case: Case, read: ReadBits, tensors: Mapping[str, NDArray[Any]] | None = None
) -> Asked:
    """The question of a case, as the truth takes it."""
    given = dict(tensors or tensors_of(case, read))
    cotangent = None if case.cotangent is None else numbers_of(case.cotangent, read)
    direction = None if case.direction is None else numbers_of(case.direction, read)
    quantity = "value" if case.quantity == "copied" else case.quantity
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in case.parameters.items()}
    order = next((item.order for item in case.inputs if item.name == case.wrt), ())
    if direction is not None and order:
        direction = direction.transpose(np.argsort(order))
    return Asked(function, options, given, quantity, case.wrt, cotangent, direction)


def tensors_of(case: Case, read: ReadBits) -> dict[str, NDArray[Any]]:
    """The arguments of a case as numbers, in the layout of the standard but for the axis."""
    found = {}
    for item in case.inputs:
        numbers = numbers_of(item, read)
        if item.padding:
            numbers = (numbers == 0).sum(axis=-1).astype(np.int64)
        elif item.order:
            numbers = numbers.transpose(np.argsort(item.order))
        found[item.name] = numbers
    return _as_kinds(found)


def _as_kinds(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}


def numbers_of(item: Input, read: ReadBits) -> NDArray[Any]:
    """The numbers of a tensor: float64, int64 or bool, in its own shape."""
    bits = read(item)
    if item.dtype in FORMATS:
        return values(bits.reshape(-1), FORMATS[item.dtype]).reshape(item.shape)
    if item.dtype == "bool":
        return bits.astype(bool).reshape(item.shape)
    return bits.view(item.dtype).astype(np.int64).reshape(item.shape)


def comparable(observation: Observation, exact: Exact, read: ReadBits, index: int = 0, dtype: str = "") -> Bits | None:
    """Bits of an output, flat and in the standard's layout, if it has the dtype and shape that are due; None otherwise.

    A missing gradient counts as zeros: that is what an optimizer makes of it.
    """
    case = observation.case
    if len(observation.outputs) <= index:
        return None
    output, wanted = observation.outputs[index], dtype or case.dtype
    if output.dtype == "none":
        return np.zeros(int(np.prod(exact.shape)), dtype=FORMATS[wanted].bits_type)
    order = (
        next((item.order for item in case.inputs if item.name == case.wrt), ())
        if case.wrt and case.quantity != "forward_gradient"
        else ()
    )
    shape = tuple(np.asarray(exact.shape)[list(order)]) if order else exact.shape
    if output.dtype != wanted or tuple(output.shape) != tuple(shape):
        return None
    bits = read(output).reshape(output.shape)
    flat: Bits = (bits.transpose(np.argsort(order)) if order else bits).reshape(-1)
    return flat
