"""Results about calls that must not succeed: what cannot be carried out is refused, not answered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from conformance.formats import FORMATS, decimal, values
from conformance.observe.observation import Observation

from .answers import Answers
from .records import SEVERITY_OF_FAULT, Result

WHAT = {
    "missing": "a call without an argument",
    "none": "None as the argument",
    "text": "a text as the argument",
    "keyword": "an unknown keyword",
}


def judge_errors(answers: Answers) -> Iterator[Result]:
    """Refused conforms, in whatever words. What is refused is a call, so any exception will do."""
    for observation in answers.of("error"):
        detail = observation.case.detail
        kind = detail.split("-")[0]
        rule = {"type": "errors.parameter_type", "domain": "errors.parameter_value"}.get(kind, "errors.argument")
        region = detail.replace("-", " ")
        if rule not in answers.rules:
            continue
        if observation.outcome in ("raised", "not_supported"):
            yield answers.check(observation, rule, True, "", region=region)
        elif observation.outcome != "returned":
            yield answers.result(
                observation,
                rule,
                outcome=observation.outcome,
                severity=SEVERITY_OF_FAULT.get(observation.outcome, ""),
                region=region,
                message=observation.message,
            )
        elif kind == "domain":
            yield _outside_domain(answers, observation, region)
        else:
            what = WHAT.get(detail, f"a text as {detail.removeprefix('type-')}")
            yield answers.check(observation, rule, False, f"{what} was accepted", region=region)


def _outside_domain(answers: Answers, observation: Observation, region: str) -> Result:
    """A number where none is defined deviates; NaN says so in its own way, and is recorded."""
    output = observation.outputs[0]
    names = observation.case.detail.removeprefix("domain-").split("-")
    spelt = ", ".join(f"{name} = {observation.case.parameters[name]:g}" for name in names)
    if output.dtype not in FORMATS:
        return answers.check(
            observation, "errors.parameter_value", False, f"{spelt} gave {output.dtype}", region=region
        )
    format = FORMATS[output.dtype]
    bits = answers.bits(output).reshape(-1)
    numbers = np.nonzero(np.isfinite(values(bits, format)))[0]
    shown = ", ".join(decimal(int(b), format) for b in bits[:5])
    return answers.check(
        observation,
        "errors.parameter_value",
        not len(numbers),
        f"{spelt} was accepted and gave {shown}",
        region=region,
    )
