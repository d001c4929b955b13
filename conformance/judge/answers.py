"""The observations of one subject and one function, in the order in which the judge's files ask for them.

Reads a run file and the truth; decides nothing. Knows no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case, Input
from conformance.formats import FORMATS, Bits
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import Function, Rule, rules_of
from conformance.truth.cache import Oracle

from .accuracy import Verdict, judge
from .question import Question, question
from .records import Result
from .results import one_comparison, result_of

ReadBits = Callable[[Input | Output], NDArray[Any]]
"""Gives the bits of an input or output, in its shape."""

OTHER_KIND = "the result has another dtype or shape, and is judged under that rule"
"""Why an answer is held against no truth and no other answer."""

Key = tuple[str, str, str, str, str]


class Questions:
    """Questions and verdicts of one function, shared by all subjects: equal bits are judged once."""

    def __init__(self, function: Function, oracle: Oracle) -> None:
        self.function, self.oracle = function, oracle
        self._questions: dict[Key, Question] = {}
        self._verdicts: dict[tuple[Key, str], list[Verdict]] = {}
        self.properties: dict[tuple[str, ...], Any] = {}
        """What `judge.properties` found out about an answer, by property, parameters, dtype and bits."""

    def question(self, case: Case, argument: Input, bits: Bits) -> Question:
        """What `case` asks, for the inputs `bits` of shape (n,)."""
        key = self._key(case, argument)
        if key not in self._questions:
            self._questions[key] = question(
                self.function, case.parameters, FORMATS[argument.dtype], case.quantity, bits, self.oracle
            )
        return self._questions[key]

    def verdicts(self, case: Case, argument: Input, bits: Bits, output: Output, observed: Bits) -> list[Verdict]:
        """Verdicts of an answer of shape (n,)."""
        key = (self._key(case, argument), output.blob)
        if key not in self._verdicts:
            self._verdicts[key] = judge(self.question(case, argument, bits), observed, case.mode)
        return [_in_mode(verdict, case.mode) for verdict in self._verdicts[key]]

    @staticmethod
    def _key(case: Case, argument: Input) -> Key:
        return (repr(sorted(case.parameters.items())), argument.dtype, case.quantity, argument.blob, "")


def _in_mode(verdict: Verdict, mode: str) -> Verdict:
    if verdict.worst is None or verdict.worst.mode == mode:
        return verdict
    return replace(verdict, worst=replace(verdict.worst, mode=mode))


class Answers:
    """What one subject did when asked about one function."""

    def __init__(
        self,
        subject: Subject,
        function: Function,
        observations: Iterable[Observation],
        read: ReadBits,
        questions: Questions,
        bindings: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.subject, self.function, self.questions, self.bindings = subject, function, questions, bindings
        self.rules: dict[str, Rule] = {rule.name: rule for rule in rules_of(function)}
        self._read = read
        self._by_topic: dict[str, list[Observation]] = defaultdict(list)
        self._lattices: dict[tuple[str, str, str, str, str], Observation] = {}
        self._sorted: dict[tuple[str, str], tuple[NDArray[np.int64], Bits]] = {}
        for observation in observations:
            self._by_topic[observation.case.topic].append(observation)
            if observation.case.topic == "lattice":
                self._lattices[_lattice_key(observation.case)] = observation

    def of(self, topic: str) -> list[Observation]:
        """Observations of one topic, in the order of the plan."""
        return self._by_topic[topic]

    def topics(self) -> list[str]:
        return list(self._by_topic)

    def argument(self, case: Case) -> Bits:
        """Bits of the first input, flat; shape (n,)."""
        return self._read(case.inputs[0]).reshape(-1)

    def bits(self, output: Output | Input) -> NDArray[Any]:
        """Bits of an output in its shape; a missing gradient has none."""
        return self._read(output)

    def comparable(self, observation: Observation, index: int = 0) -> Bits | None:
        """Bits of an output, flat, if it has the dtype and the shape of the argument; None otherwise.

        A missing gradient counts as zeros: that is what an optimizer makes of it.
        """
        if observation.outcome != "returned" or len(observation.outputs) <= index:
            return None
        argument, output = observation.case.inputs[0], observation.outputs[index]
        if output.dtype == "none":
            return np.zeros(int(np.prod(argument.shape)), dtype=FORMATS[argument.dtype].bits_type)
        if output.dtype != argument.dtype or tuple(output.shape) != tuple(argument.shape):
            return None
        return self._read(output).reshape(-1)

    def lattice(self, case: Case) -> Observation | None:
        """The observation of all numbers that goes with a case about few of them."""
        return self._lattices.get(_lattice_key(case))

    def reference(self, case: Case) -> Bits | None:
        """What the same question about all numbers gave for the inputs of `case`; shape (n,). None if it has no answer.

        Raises ValueError if the lattice does not hold the inputs.
        """
        lattice = self.lattice(case)
        observed = self.comparable(lattice) if lattice else None
        if lattice is None or observed is None:
            return None
        key = (lattice.case.inputs[0].blob, lattice.case.dtype)
        if key not in self._sorted:
            among = self.argument(lattice.case)
            order = np.argsort(among)
            self._sorted[key] = (order, among[order])
        order, among = self._sorted[key]
        some = self.argument(case)
        places = np.minimum(np.searchsorted(among, some), len(among) - 1)
        if not np.array_equal(among[places], some):
            raise ValueError(f"case {case.id} asks numbers that its lattice does not hold")
        return observed[order[places]]

    def result(self, observation: Observation, rule: str, **fields: Any) -> Result:
        """A result about this observation; `rule` is the name without the function."""
        return result_of(self.subject, self.rules[rule], observation.case, **fields)

    def check(
        self, observation: Observation, rule: str, holds: bool, message: str, severity: str = "wrong", **fields: Any
    ) -> Result:
        """A result of one comparison that holds or not; `message` says what was seen where it does not."""
        return self.result(observation, rule, **one_comparison(holds, message, severity), **fields)


def _lattice_key(case: Case) -> tuple[str, str, str, str, str]:
    return (case.entry_point, repr(sorted(case.parameters.items())), case.dtype, case.mode, case.quantity)
