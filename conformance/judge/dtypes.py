"""Results about dtypes: which are supported, preserved, what integers give, and what a gradient's dtype is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from conformance.formats import FORMATS, decimal, round_to, values
from conformance.observe.observation import Observation
from conformance.truth import ulps

from .answers import Answers
from .question import question
from .records import SEVERITY_OF_FAULT, Result


def judge_dtypes(answers: Answers) -> Iterator[Result]:
    """Support and preservation from the long arguments, integers from their own."""
    for observation in answers.of("lattice"):
        case, eager_value = observation.case, observation.case.quantity == "value"
        if eager_value and observation.outcome in ("returned", "not_supported"):
            supported = observation.outcome == "returned"
            yield answers.result(
                observation, "dtype.supported", outcome="conforms" if supported else "not_supported",
                comparisons=int(supported), conforms=int(supported), message=observation.message,
            )  # fmt: skip
        if observation.outcome != "returned":
            continue
        output = observation.outputs[0]
        if case.quantity == "value":
            yield answers.check(
                observation, "dtype.preserved", output.dtype == case.dtype, f"{case.dtype} became {output.dtype}"
            )
        elif case.quantity == "gradient":
            same = output.dtype == case.dtype and tuple(output.shape) == tuple(case.inputs[0].shape)
            seen = (
                "the gradient is None"
                if output.dtype == "none"
                else f"the gradient of {case.dtype} is {output.dtype} {list(output.shape)}"
            )
            yield answers.check(observation, "gradient.dtype", same, seen)
    for observation in answers.of("integer"):
        yield _integer(answers, observation)


def _integer(answers: Answers, observation: Observation) -> Result:
    case = observation.case
    if observation.outcome in ("raised", "not_supported"):
        return answers.check(observation, "dtype.integer", True, "")
    if observation.outcome != "returned":
        return answers.result(
            observation,
            "dtype.integer",
            outcome=observation.outcome,
            severity=SEVERITY_OF_FAULT.get(observation.outcome, ""),
            message=observation.message,
        )
    signed = "bool" if case.dtype == "bool" else case.dtype
    numbers = answers.argument(case).view(signed).astype(np.float64)
    output = observation.outputs[0]
    if int(np.prod(output.shape)) != len(numbers):
        return answers.check(observation, "dtype.integer", False, f"the result has the shape {list(output.shape)}")
    observed = answers.bits(output).reshape(-1)
    if output.dtype not in FORMATS:
        format = FORMATS["float64"]
        given = observed.view(output.dtype).astype(np.float64) if output.dtype != "none" else np.zeros(len(numbers))
        observed = round_to(given, format)
    else:
        format = FORMATS[output.dtype]
    bits = round_to(numbers, format)
    asked = question(answers.function, case.parameters, format, "value", bits, answers.questions.oracle)
    truth, error = asked.truth, ulps.error(observed, format, asked.truth)
    bar = asked.bar if output.dtype in FORMATS else np.zeros(len(bits))
    if output.dtype in FORMATS:
        # The truth is that of the integer, which every format here that is wider than 8 bits of precision holds.
        held = values(bits, format) == numbers
        error = np.where(held, error, 0.0)
    worst = int(np.argmax(error - bar))
    if error[worst] <= bar[worst]:
        return answers.check(observation, "dtype.integer", True, "")
    return answers.check(
        observation, "dtype.integer", False,
        f"{case.dtype} {int(numbers[worst])} gives {output.dtype} {decimal(int(observed[worst]), format)}, "
        f"the truth is {ulps.decimal(truth, worst)}",
    )  # fmt: skip
