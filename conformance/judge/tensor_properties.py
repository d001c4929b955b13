"""Results about properties of functions of tensors: what holds for every result, whatever the truth is.

Symmetry, shifts of all logits, and zero at equality need arguments of their own, and are judged with the numbers. Knows the
truth and the rules; no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, values
from conformance.observe.observation import Observation
from conformance.standard.model import Property, text_of
from conformance.truth.oracle import evaluate_text

from .answers import OTHER_KIND
from .records import Result
from .tensor_accuracy import measure
from .tensor_answers import TensorAnswers, tensors_of
from .tensors import judged_answer


def judge_tensor_properties(answers: TensorAnswers) -> Iterator[Result]:
    """Its range, that it is not negative, that it sums to one."""
    kinds = {prop.kind: prop for prop in answers.function.properties}
    for observation in answers.of("draws", "edges"):
        case = observation.case
        if case.quantity != "value" or observation.outcome != "returned" or observation.outputs[0].dtype not in FORMATS:
            continue
        exact = answers.truth(case)
        judged = judged_answer(answers, observation, exact)
        if judged is None:
            for kind in kinds:
                if kind in ("range", "nonnegative", "sums_to_one"):
                    yield answers.result(
                        observation,
                        f"property.{kind}",
                        outcome="unspecified",
                        comparisons=1,
                        unspecified=1,
                        message=OTHER_KIND,
                    )
            continue
        number = measure(exact, judged.observed, judged.format)
        y = np.where(number.unspecified | number.undecided, np.nan, values(judged.observed, judged.format))
        for kind, (low, high) in _bounds(kinds, case.parameters).items():
            bad = (y < low) | (y > high)
            where = int(np.argmax(bad))
            yield answers.check(
                observation, f"property.{kind}", not bad.any(), f"a result is {y[where]:.9g}, {low:g} to {high:g} is right" if bad.any() else "",
                region="special numbers" if case.places else "ordinary numbers", severity="inaccurate" if number.conforms[bad].all() else "wrong",
            )  # fmt: skip
        if "sums_to_one" in kinds and not case.places:
            yield _sums(answers, observation, y.reshape(exact.shape))


def _bounds(kinds: Mapping[str, Property], options: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    found = {"nonnegative": (0.0, np.inf)} if "nonnegative" in kinds else {}
    if "range" in kinds:
        ends = (text_of(kinds["range"].low, options), text_of(kinds["range"].high, options))
        found["range"] = (float(evaluate_text(ends[0])), float(evaluate_text(ends[1])))
    return found


def _sums(answers: TensorAnswers, observation: Observation, y: NDArray[np.float64]) -> Result:
    """Each number may be off by its rounding, so the sum by half an ulp of one for every number."""
    case = observation.case
    axis = case.parameters.get("axis", -1)
    total = y.sum(axis=tuple(axis) if isinstance(axis, (tuple, list)) else axis)
    count = tensors_of(case, answers.bits)[case.inputs[0].name].size // max(total.size, 1)
    off = float(np.nanmax(np.abs(total - 1))) if total.size else 0.0
    room = count * 4 * 2.0 ** -FORMATS[case.dtype].precision
    return answers.check(
        observation, "property.sums_to_one", off <= room, f"a sum differs from one by {off:.3g}, {room:.3g} is right"
    )
