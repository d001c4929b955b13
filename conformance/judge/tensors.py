"""Results about the numbers of functions of tensors: each answer against the truth, under the rule that its case is about.

Knows the truth and the rules; no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS
from conformance.observe.observation import Observation
from conformance.truth.reals import NAN
from conformance.truth.tensors import Exact

from .answers import OTHER_KIND
from .records import Result
from .tensor_accuracy import FREE, Judged, Verdict, about, flushing, groups, measure, rule_of_place, verdict
from .tensor_answers import TensorAnswers, comparable, question, tensors_of

NUMERIC = (
    "draws", "edges", "options", "reductions", "arguments", "ranks", "axes", "sizes", "rows", "layouts", "repetition", "copied",
    "symmetry", "purity",
)  # fmt: skip
"""Topics whose answers are numbers with a truth."""

INDETERMINATE = (
    "the formula is indeterminate there, or rounding the arguments may give any number; what came is recorded"
)


def judge_tensors(answers: TensorAnswers) -> Iterator[Result]:
    """One result per rule and region of each answer; one for a question that got no comparable answer."""
    for observation in answers.of(*NUMERIC):
        case = observation.case
        if case.topic == "purity":
            continue
        if observation.outcome != "returned":
            yield answers.without_answer(observation, _rule_of_refusal(observation))
            continue
        exact = answers.truth(case)
        several = range(len(observation.outputs)) if case.topic in ("copied", "repetition") else range(1)
        for index in several:
            judged = judged_answer(answers, observation, exact, index)
            other_dtype = len(observation.outputs) > index and observation.outputs[index].dtype != case.dtype
            if not np.prod(exact.shape) and not other_dtype:  # there is nothing to compare but the shape
                yield answers.check(observation, case.rule, judged is not None, OTHER_KIND, region=about(case))
            elif judged is None:
                count = int(np.prod(exact.shape))
                yield answers.result(
                    observation, case.rule, outcome="unspecified", comparisons=count, unspecified=count, message=OTHER_KIND, region=about(case)
                )  # fmt: skip
            else:
                yield from results_of(answers, observation, _but_nan(judged) if case.topic == "rows" else judged)


def _but_nan(judged: Judged) -> Judged:
    """Without the numbers that should be NaN: of samples that were made so, only what they do to others is asked."""
    return replace(judged, unspecified=judged.unspecified | (judged.exact.truth.kind == NAN))


def judged_answer(
    answers: TensorAnswers, observation: Observation, exact: Exact, index: int = 0, dtype: str = ""
) -> Judged | None:
    """An answer beside its truth; None if it has another dtype or shape. Equal answers to equal questions are judged once."""
    output = observation.outputs[index] if len(observation.outputs) > index else None
    if output is None:
        return None
    key = ("judged", question(observation.case), output.blob, output.dtype, tuple(output.shape), dtype)
    if key not in answers.shared:
        answers.shared[key] = _judged(answers, observation, exact, index, dtype)
    found: Judged | None = answers.shared[key]
    return found


def _judged(answers: TensorAnswers, observation: Observation, exact: Exact, index: int, dtype: str) -> Judged | None:
    observed = comparable(observation, exact, answers.bits, index, dtype)
    if observed is None:
        return None
    format = FORMATS[dtype or observation.case.dtype]
    judged = measure(exact, observed, format)
    if judged.conforms.all():
        return judged
    zeroed = _zeroed(tensors_of(observation.case, answers.bits), format.smallest_normal)
    return (
        judged if zeroed is None else measure(exact, observed, format, answers.truth(observation.case, tensors=zeroed))
    )


def _rule_of_refusal(observation: Observation) -> str:
    """The rule that a question without an answer is filed under: that of its places, if one is what all of them are about."""
    case = observation.case
    rules = {rule_of_place(case, place) for place in case.places} if case.topic == "edges" else set()
    return rules.pop() if len(rules) == 1 and observation.outcome == "raised" else case.rule


def _zeroed(tensors: Mapping[str, NDArray[Any]], smallest: float) -> dict[str, NDArray[Any]] | None:
    """The arguments with zeros for subnormal numbers; None where there are none."""
    found = {
        name: np.where((np.abs(array) < smallest) & (array != 0), np.copysign(0.0, array), array)
        if array.dtype.kind == "f"
        else array
        for name, array in tensors.items()
    }
    return (
        found if any((found[name] != tensors[name]).any() for name in found if found[name].dtype.kind == "f") else None
    )


def results_of(answers: TensorAnswers, observation: Observation, judged: Judged, rule: str = "") -> Iterator[Result]:
    """The results of one answer: a result per rule and region, and one about flushing."""
    case = observation.case
    key = ("verdicts", id(judged), case.rule, case.places, case.free)
    if key not in answers.shared:
        # The answer is kept beside its verdicts: its address may not be given to another one.
        answers.shared[key] = judged, list(_verdicts(answers, case, judged))
    for found in answers.shared[key][1]:
        worst = (
            found.worst
            if found.worst is None or found.worst.mode == case.mode
            else replace(found.worst, mode=case.mode)
        )
        yield _result(
            answers,
            observation,
            replace(found, worst=worst),
            (rule or found.rule) if found.rule != "flush" else "flush",
        )


def _verdicts(answers: TensorAnswers, case: Case, judged: Judged) -> Iterator[Verdict]:
    tensors = tensors_of(case, answers.bits)
    for group in groups(case, judged, answers.rules):
        yield verdict(case, judged, group, tensors, free=group.region.endswith(FREE))
    flush = flushing(case, judged, tensors) if case.quantity in ("value", "gradient") else None
    if flush is not None and "flush" in answers.rules:
        yield flush


def _result(answers: TensorAnswers, observation: Observation, found: Verdict, rule: str) -> Result:
    link = _documented(answers, observation.case, rule, found.region) if found.deviates else ""
    if link:
        return answers.result(
            observation, rule, region=found.region + FREE, outcome="unspecified", comparisons=found.comparisons, unspecified=found.comparisons,
            worst=found.worst, message=f"documented to be something else: {link}",
        )  # fmt: skip
    outcome = (
        "deviates" if found.deviates else "undecided" if found.undecided else "unspecified" if found.unspecified == found.comparisons and found.comparisons else "conforms"
    )  # fmt: skip
    return answers.result(
        observation, rule, region=found.region, outcome=outcome, comparisons=found.comparisons,
        conforms=found.comparisons - found.deviates - found.unspecified - found.undecided, deviates=found.deviates,
        unspecified=found.unspecified, undecided=found.undecided, vacuous=found.vacuous, grades=found.grades, severity=found.severity,
        worst=found.worst, bits=found.bits,
        message=_said(observation) if not found.unspecified or found.deviates else INDETERMINATE,
    )  # fmt: skip


def _documented(answers: TensorAnswers, case: Case, rule: str, region: str) -> str:
    """The page that says that this entry point does something else there; nothing if there is none."""
    unsound: Mapping[str, str] = answers.bindings.get(f"{case.function}/{case.entry_point}", {}).get("unsound", {})
    return unsound.get(f"{rule}: {region}", "") or unsound.get(rule, "")


def _said(observation: Observation) -> str:
    detail = observation.case.detail
    return f"with {detail.replace('-', ' ')}" if detail else ""
