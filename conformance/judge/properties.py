"""Results about what holds for every input, read off the numbers themselves: ranges, monotony."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, decimal, round_to, values
from conformance.observe.observation import Observation
from conformance.standard import Property
from conformance.standard.model import text_of
from conformance.truth.oracle import evaluate_text

from .accuracy import measure, worst_of
from .answers import Answers
from .records import Result


def judge_properties(answers: Answers) -> Iterator[Result]:
    """A result per property and long argument; inputs and results that are NaN have their own rule."""
    for observation in answers.of("lattice"):
        observed = answers.comparable(observation)
        if observation.case.quantity != "value" or observed is None:
            continue
        for prop in answers.function.properties:
            yield _property(answers, observation, prop, observed)


def _property(
    answers: Answers, observation: Observation, prop: Property, observed: NDArray[np.unsignedinteger]
) -> Result:
    case = observation.case
    format = FORMATS[case.dtype]
    argument = answers.argument(case)
    x, y = values(argument, format), values(observed, format)
    known = ~np.isnan(x) & ~np.isnan(y)
    if prop.kind == "range":
        # An end that the format does not hold is rounded to it: 0.1 as float32 is more than 0.1, and −alpha rounded is right.
        ends = [float(evaluate_text(text_of(end, case.parameters))) for end in (prop.low, prop.high)]
        low, high = values(round_to(np.array(ends), format), format)
        wrong = known & ((y < low) | (y > high))
    elif prop.kind == "at_least_argument":
        wrong = known & (y < x)
    elif prop.kind == "odd":
        # Lattices hold −x for every x but for NaNs.
        mirrored = dict(zip(x.tolist(), y.tolist(), strict=True))
        opposite = np.array([mirrored.get(-number, np.nan) for number in x.tolist()])
        known &= ~np.isnan(opposite)
        wrong = known & (opposite != -y)
    elif prop.kind == "nondecreasing":
        falls = np.zeros(len(y), dtype=bool)
        falls[1:] = known[1:] & known[:-1] & (y[1:] < y[:-1])
        wrong = falls
    else:
        raise ValueError(f"the standard knows no property {prop.kind!r} that the judge could check")
    bad = np.nonzero(wrong)[0]
    count = int(known.sum())
    message, worst = "", None
    if len(bad):
        first = int(bad[0])
        asked = answers.questions.question(case, case.inputs[0], argument)
        worst = worst_of(asked, measure(asked, observed), first, case.mode)
        message = f"{case.function}({decimal(int(argument[first]), format)}) = {decimal(int(observed[first]), format)}"
        if prop.kind == "nondecreasing":
            message += f", and {case.function}({decimal(int(argument[first - 1]), format)}) = {decimal(int(observed[first - 1]), format)}"
    return answers.result(
        observation,
        f"property.{prop.kind}",
        outcome="deviates" if len(bad) else "conforms",
        comparisons=count,
        conforms=count - len(bad),
        deviates=len(bad),
        severity="" if not len(bad) else "inaccurate" if prop.kind == "range" else "information",
        worst=worst,
        message=message,
        bits=str(bad[:1000].tolist()) if len(bad) else "",
    )
