"""Results about shapes: every rank, zero dimensions, no elements."""

from __future__ import annotations

from collections.abc import Iterator

from .answers import Answers
from .records import Result
from .values import without_answer


def judge_shapes(answers: Answers) -> Iterator[Result]:
    """The result has the shape of the argument."""
    for observation in [*answers.of("lattice"), *answers.of("arrangement")]:
        case = observation.case
        if case.quantity not in ("value", "gradient"):
            continue
        rule = {"scalar": "shape.scalar", "empty": "shape.empty"}.get(case.detail, "shape")
        if observation.outcome != "returned":
            if case.topic == "arrangement":
                yield without_answer(answers, observation, rule)
            continue
        given, got = list(case.inputs[0].shape), list(observation.outputs[0].shape)
        if observation.outputs[0].dtype == "none":
            continue
        yield answers.check(observation, rule, given == got, f"shape {given} became {got}", region=_region(case.detail))


def _region(detail: str) -> str:
    return detail.replace("-", " ") if detail else "rank 1"
