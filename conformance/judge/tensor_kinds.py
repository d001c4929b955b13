"""Results about what kind of tensor comes back: dtype, shape; about arguments of other dtypes; and the bare call.

Knows the truth and the rules; no framework.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from conformance.formats import FORMATS, round_to
from conformance.observe.observation import Observation
from conformance.standard.tensors import COMMON
from conformance.truth import ulps

from .records import SEVERITY_OF_FAULT, Result
from .tensor_answers import TensorAnswers
from .tensors import NUMERIC, judged_answer, results_of


def judge_tensor_kinds(answers: TensorAnswers) -> Iterator[Result]:
    """Dtypes and shapes of everything that came back with a truth."""
    for observation in answers.of(*NUMERIC):
        case = observation.case
        if case.quantity == "value" and case.topic == "draws" and observation.outcome in ("returned", "not_supported"):
            supported = observation.outcome == "returned"
            yield answers.result(
                observation, "dtype.supported", outcome="conforms" if supported else "not_supported", comparisons=int(supported),
                conforms=int(supported), message=observation.message,
            )  # fmt: skip
        if observation.outcome != "returned" or not observation.outputs:
            continue
        output = observation.outputs[0]
        if case.topic in ("copied", "repetition"):
            # Another dtype or shape than the first time, or than the object that was copied.
            odd = [
                one
                for one in observation.outputs
                if (one.dtype, tuple(one.shape)) != (case.dtype, answers.truth(case).shape)
            ]
            seen = (
                f"{odd[0].dtype} {list(odd[0].shape)}; {case.dtype} {list(answers.truth(case).shape)} is due"
                if odd
                else ""
            )
            yield answers.check(observation, case.rule, not odd, seen)
        if case.quantity == "value":
            yield answers.check(
                observation, "dtype.preserved", output.dtype == case.dtype, f"{case.dtype} became {output.dtype}"
            )
            due = answers.truth(case).shape
            yield answers.check(
                observation, "shape", tuple(output.shape) == tuple(due),
                f"{', '.join(f'{i.name} {list(i.shape)}' for i in case.inputs)} gave {list(output.shape)}; {list(due)} is due",
                region=("empty" if case.rule == "size.empty" else case.detail.replace("-", " ")) or case.topic,
            )  # fmt: skip
        elif case.quantity == "gradient":
            item = next(item for item in case.inputs if item.name == case.wrt)
            same = output.dtype == item.dtype and tuple(output.shape) == tuple(item.shape)
            seen = (
                "the gradient is None"
                if output.dtype == "none"
                else f"the gradient of {item.dtype} {list(item.shape)} is {output.dtype} {list(output.shape)}"
            )
            yield answers.check(observation, f"gradient.{case.wrt}.dtype", same, seen)


def judge_tensor_dtypes(answers: TensorAnswers) -> Iterator[Result]:
    """Arguments of other dtypes: refused, or right for the numbers given in one of the dtypes that are there."""
    for observation in answers.of("dtypes"):
        case = observation.case
        region = case.detail.replace("-", " ")
        if case.rule not in answers.rules:
            continue
        if observation.outcome in ("raised", "not_supported"):
            yield answers.check(observation, case.rule, True, "", region=region)
        elif observation.outcome != "returned":
            yield answers.result(
                observation,
                case.rule,
                outcome=observation.outcome,
                severity=SEVERITY_OF_FAULT.get(observation.outcome, ""),
                message=observation.message,
                region=region,
            )
        else:
            yield _of_other_dtypes(answers, observation, region)


def _of_other_dtypes(answers: TensorAnswers, observation: Observation, region: str) -> Result:
    """The narrowest of the dtypes that took part sets the bar, because a careful implementation may compute in it."""
    case, output = observation.case, observation.outputs[0]
    floats = [item.dtype for item in case.inputs if item.dtype in FORMATS] + [case.dtype]
    if output.dtype not in FORMATS:
        due = output.dtype != "none" and _is_exact(answers, observation)
        return answers.check(
            observation, case.rule, due, f"the result is {output.dtype}, and not the exact one", region=region
        )
    judged = judged_answer(answers, observation, answers.truth(case), 0, output.dtype)
    if judged is None:
        return answers.check(
            observation, case.rule, False, f"the result is {output.dtype} {list(output.shape)}", region=region
        )
    least = min(FORMATS[name].precision for name in (*floats, output.dtype))
    room = 2.0 ** (FORMATS[output.dtype].precision - least)
    bad = int((~judged.unspecified & ~judged.undecided & ~judged.flushed & (judged.error > room * judged.bar)).sum())
    given = ", ".join(f"{item.name} {item.dtype}" for item in case.inputs)
    return answers.check(
        observation, case.rule, not bad, f"{given} gave {output.dtype} with {bad} of {len(judged.error)} numbers beyond the bar of the narrowest", region=region
    )  # fmt: skip


def _is_exact(answers: TensorAnswers, observation: Observation) -> bool:
    """Whether a result of whole numbers is the exact one, as for other functions of whole numbers."""
    output, exact = observation.outputs[0], answers.truth(observation.case)
    if tuple(output.shape) != tuple(exact.shape):
        return False
    format = FORMATS["float64"]
    numbers = answers.bits(output).reshape(-1).view(output.dtype).astype(np.float64)
    return bool((ulps.error(round_to(numbers, format), format, exact.truth) == 0).all())


def judge_tensor_defaults(answers: TensorAnswers) -> Iterator[Result]:
    """The bare call against the truth for the documented defaults; and those defaults beside the standard's."""
    for observation in answers.of("defaults"):
        case = observation.case
        if observation.outcome != "returned":
            yield answers.without_answer(observation, "defaults")
            continue
        judged = judged_answer(answers, observation, answers.truth(case))
        if judged is None:
            output = observation.outputs[0]
            yield answers.check(observation, "defaults", False, f"the result is {output.dtype} {list(output.shape)}")
        else:
            yield from (
                one for one in results_of(answers, observation, judged, "defaults") if one.rule.endswith(".defaults")
            )
        standard = answers.function.defaults()
        other = {
            n: v
            for n, v in case.parameters.items()
            if n in standard and n not in COMMON and repr(v) != repr(standard[n]) and v != standard[n]
        }
        other |= {n: v for n, v in case.parameters.items() if n in ("reduction", "rows") and v != standard[n]}
        yield answers.check(
            observation, "defaults.convention", not other,
            "; ".join(f"{name} is {value} by default, {standard[name]} in the standard" for name, value in other.items()), severity="convention",
        )  # fmt: skip


def judge_tensor_purity(answers: TensorAnswers) -> Iterator[Result]:
    """The arguments after the call: they follow the result among the outputs."""
    for observation in answers.of("purity"):
        case = observation.case
        if observation.outcome != "returned":
            yield answers.without_answer(observation, "purity")
            continue
        after = observation.outputs[-len(case.inputs) :]
        changed = [item.name for item, now in zip(case.inputs, after, strict=True) if now.blob != item.blob]
        yield answers.check(observation, "purity", not changed, f"the call changed {', '.join(changed)}")
