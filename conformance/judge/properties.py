"""Results about what holds for every input, read off the numbers themselves: ranges, monotony."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Bits, Format, decimal, round_to, values
from conformance.observe.observation import Observation
from conformance.standard import Property
from conformance.standard.model import text_of
from conformance.truth.oracle import evaluate_text

from .accuracy import measure, worst_of
from .answers import Answers
from .records import Result, Worst


@dataclass(frozen=True)
class Checked:
    """What a property says of one answer: the numbers that it bears on, the indices of those that break it, and the first."""

    count: int
    bad: NDArray[np.int64]
    message: str = ""
    worst: Worst | None = None


def judge_properties(answers: Answers) -> Iterator[Result]:
    """A result per property and long argument; inputs and results that are NaN have their own rule."""
    checked: dict[tuple[str, ...], Checked] = answers.questions.properties
    for observation in answers.of("lattice"):
        case = observation.case
        observed = answers.comparable(observation)
        if case.quantity != "value" or observed is None:
            continue
        for prop in answers.function.properties:
            # Most entry points give the same bits in every mode.
            key = (prop.kind, repr(sorted(case.parameters.items())), case.dtype, observation.outputs[0].blob)
            if key not in checked:
                checked[key] = _check(answers, case, prop, observed)
            yield _result(answers, observation, prop, checked[key])


def _result(answers: Answers, observation: Observation, prop: Property, found: Checked) -> Result:
    failed = len(found.bad) > 0
    return answers.result(
        observation,
        f"property.{prop.kind}",
        outcome="deviates" if failed else "conforms",
        comparisons=found.count,
        conforms=found.count - len(found.bad),
        deviates=len(found.bad),
        severity="" if not failed else "inaccurate" if prop.kind == "range" else "information",
        worst=found.worst and replace(found.worst, mode=observation.case.mode),
        message=found.message,
        bits=str(found.bad[:1000].tolist()) if failed else "",
    )


def _check(answers: Answers, case: Case, prop: Property, observed: Bits) -> Checked:
    format = FORMATS[case.dtype]
    argument = answers.argument(case)
    x, y = values(argument, format), values(observed, format)
    known = np.nonzero(~np.isnan(x) & ~np.isnan(y))[0]
    wrong = known[_BREAKS[prop.kind](prop, case, format, x[known], y[known])]
    if not len(wrong):
        return Checked(len(known), wrong)
    first = int(wrong[0])
    asked = answers.questions.question(case, case.inputs[0], argument)
    message = f"{case.function}({decimal(int(argument[first]), format)}) = {decimal(int(observed[first]), format)}"
    if prop.kind == "nondecreasing":
        before = int(known[np.searchsorted(known, first) - 1])
        message += f", and {case.function}({decimal(int(argument[before]), format)}) = {decimal(int(observed[before]), format)}"
    return Checked(len(known), wrong, message, worst_of(asked, measure(asked, observed), first, case.mode))


Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def _out_of_range(prop: Property, case: Case, format: Format, x: Numbers, y: Numbers) -> Mask:
    # An end that the format does not hold is rounded to it: 0.1 as float32 is more than 0.1, and −alpha rounded is right.
    ends = [float(evaluate_text(text_of(end, case.parameters))) for end in (prop.low, prop.high)]
    low, high = values(round_to(np.array(ends), format), format)
    outside: Mask = (y < low) | (y > high)
    return outside


def _below_argument(prop: Property, case: Case, format: Format, x: Numbers, y: Numbers) -> Mask:
    below: Mask = y < x
    return below


def _falls(prop: Property, case: Case, format: Format, x: Numbers, y: Numbers) -> Mask:
    # Lattices are in order.
    falls = np.zeros(len(y), dtype=bool)
    falls[1:] = y[1:] < y[:-1]
    return falls


def _uneven(prop: Property, case: Case, format: Format, x: Numbers, y: Numbers) -> Mask:
    # Lattices hold −x for every x; where the result at −x is NaN, there is nothing to compare.
    order = np.argsort(x, kind="stable")
    place = order[np.minimum(np.searchsorted(x[order], -x), len(x) - 1)]
    uneven: Mask = (x[place] == -x) & (y[place] != -y)
    return uneven


_BREAKS: dict[str, Callable[[Property, Case, Format, Numbers, Numbers], Mask]] = {
    "range": _out_of_range,
    "at_least_argument": _below_argument,
    "nondecreasing": _falls,
    "odd": _uneven,
}
"""For each kind of property, which of the results y at x break it; x and y hold no NaN."""
