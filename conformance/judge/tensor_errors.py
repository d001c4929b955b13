"""Results about calls of functions of tensors that must not succeed.

Knows the rules, and what documentation a binding cites; no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.tensor_errors import SOUND
from conformance.formats import FORMATS, decimal, values
from conformance.observe.observation import Observation, Output

from .errors import WHAT
from .records import SEVERITY_OF_FAULT, Result
from .tensor_answers import TensorAnswers, numbers_of

VALUES = ("errors.label_value", "errors.length", "errors.option_value")
"""Rules about wrong values: NaN says so in its own way, and is recorded."""

SHOWN = 5
"""Numbers of an argument or a result that a message spells out."""

NOT_ANSWERED = "the same call with nothing wrong in it is not answered either"


def judge_tensor_errors(answers: TensorAnswers) -> Iterator[Result]:
    """Refused conforms, in whatever words. What is refused is a call, so any exception will do."""
    sound = {_asked(one): one for one in answers.of("error") if one.case.detail == SOUND}
    for observation in answers.of("error"):
        case = observation.case
        if case.detail == SOUND or case.rule not in answers.rules:
            continue
        region = WHAT.get(case.detail, case.detail)
        if observation.outcome in ("raised", "not_supported"):
            yield _refused(answers, observation, sound.get(_asked(observation)), region)
        elif observation.outcome != "returned":
            yield _unanswered(answers, observation, region)
        else:
            yield _accepted(answers, observation, region)


def _asked(observation: Observation) -> tuple[str, str, str]:
    case = observation.case
    return (case.entry_point, case.mode, case.dtype)


def _refused(answers: TensorAnswers, observation: Observation, sound: Observation | None, region: str) -> Result:
    """A refusal conforms, if it is one of what is wrong, and not of everything."""
    rule = observation.case.rule
    if sound is None or sound.outcome == "returned":
        return answers.check(observation, rule, True, "", region=region)
    if sound.outcome in ("not_supported", "not_provided"):
        return answers.result(observation, rule, outcome=sound.outcome, region=region, message=sound.message)
    return _unspecified(answers, observation, f"{NOT_ANSWERED}: {sound.message}", region)


def _unanswered(answers: TensorAnswers, observation: Observation, region: str) -> Result:
    """Neither refused nor accepted: not provided, or a process that died or hung, which is no way to refuse."""
    severity = SEVERITY_OF_FAULT.get(observation.outcome, "")
    return answers.result(
        observation, observation.case.rule, outcome=observation.outcome, severity=severity, region=region, message=observation.message,
        bits=region if severity else "",
    )  # fmt: skip


def _unspecified(answers: TensorAnswers, observation: Observation, message: str, region: str) -> Result:
    return answers.result(
        observation, observation.case.rule, outcome="unspecified", comparisons=1, unspecified=1, message=message, region=region
    )  # fmt: skip


def _accepted(answers: TensorAnswers, observation: Observation, region: str) -> Result:
    case = observation.case
    seen = f"{_given(answers, observation, region)} was accepted and gave {_came(answers, observation)}"
    documented = _documented(answers, observation)
    if documented:
        return _unspecified(answers, observation, f"{seen}; documentation allows it: {documented}", region)
    if case.rule == "errors.weight" or (case.rule in VALUES and _says_so(answers, observation)):
        return answers.result(
            observation, case.rule, outcome="conforms", comparisons=1, conforms=1, message=seen, region=region
        )
    # What came back may be other bits in every run (memory that is not the call's), and accepting it is one cause for all.
    return replace(answers.check(observation, case.rule, False, seen, region=region), bits=region)


def _documented(answers: TensorAnswers, observation: Observation) -> str:
    """The documentation that allows what the rule would have refused; nothing if there is none.

    That arguments are broadcast to one another's shape excuses no shape that none of them has: (N, 1) and (N,) that give (N, N).
    """
    case = observation.case
    binding: Mapping[str, Any] = answers.bindings.get(f"{case.function}/{case.entry_point}", {})
    found: str = binding.get("unsound", {}).get(case.rule, "")
    if not found and case.rule == "errors.shape" and _broadcast([tuple(item.shape) for item in case.inputs]):
        found = binding.get("broadcasts", "")
    return found


def _broadcast(shapes: list[tuple[int, ...]]) -> bool:
    """Whether the shape of one of the arguments is that to which all can be broadcast."""
    try:
        return np.broadcast_shapes(*shapes) in shapes
    except ValueError:
        return False


def _says_so(answers: TensorAnswers, observation: Observation) -> bool:
    """Whether every number of the result is NaN or infinite: of the spoilt sample alone, where results are kept apart."""
    places = observation.case.places
    for output in observation.outputs:
        if output.dtype not in FORMATS:
            return False
        numbers = values(answers.bits(output).reshape(-1), FORMATS[output.dtype]).reshape(output.shape)
        if places and output.shape and output.shape[0] == len(places):
            numbers = numbers[[place == "spoilt" for place in places]]
        if np.isfinite(numbers).any():
            return False
    return bool(observation.outputs)


# --- in words ---------------------------------------------------------------------------------------------------------


def _given(answers: TensorAnswers, observation: Observation, region: str) -> str:
    """What was wrong, with the shapes or the numbers that were given."""
    case = observation.case
    if case.rule == "errors.shape":
        return ", ".join(f"{item.name} {list(item.shape)}" for item in case.inputs)
    if case.rule in ("errors.reduction", "errors.option_type", "errors.axis"):
        given = ", ".join(f"{name}={value!r}" for name, value in case.arguments.items())
        return f"{region} ({given})"
    item = next((item for item in case.inputs if region.split(" ")[0] == item.name), None)
    if item is None:
        return region
    return f"{region}: {item.name} {_spelt(numbers_of(item, answers.bits))}"


def _came(answers: TensorAnswers, observation: Observation) -> str:
    """Dtype, shape and first numbers of what came back."""
    return " and ".join(_result(answers, output) for output in observation.outputs) or "nothing"


def _result(answers: TensorAnswers, output: Output) -> str:
    said = f"{output.dtype} {list(output.shape)}"
    if output.dtype not in FORMATS:
        return said
    bits = answers.bits(output).reshape(-1)
    more = ", …" if bits.size > SHOWN else ""
    return f"{said}: {', '.join(decimal(int(one), FORMATS[output.dtype]) for one in bits[:SHOWN])}{more}"


def _spelt(numbers: NDArray[Any]) -> str:
    flat = numbers.reshape(-1)
    more = ", …" if flat.size > SHOWN else ""
    return f"[{', '.join(f'{one:g}' for one in flat[:SHOWN].tolist())}{more}]"
