"""Results of the long arguments: every number asked, against the truth. Rules: value, special values, gradients, kinks."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.observe.observation import Observation

from .accuracy import Verdict
from .answers import OTHER_KIND, Answers
from .question import MAIN_RULE
from .records import Result
from .results import no_answer

FORWARD = " (forward mode)"
"""Ends the region of results about the derivative in forward mode, under rules that it shares with reverse mode."""


def judge_values(answers: Answers) -> Iterator[Result]:
    """One result per rule and region of each long argument; one for an argument that got no comparable answer."""
    for observation in answers.of("lattice"):
        case = observation.case
        observed = answers.comparable(observation)
        main = MAIN_RULE[case.quantity]
        if observation.outcome != "returned":
            yield without_answer(answers, observation, main)
            continue
        if observed is None:
            # Its dtype or shape is wrong, which has rules of its own.
            count = len(answers.argument(case))
            yield answers.result(
                observation, main, outcome="unspecified", comparisons=count, unspecified=count,
                message=OTHER_KIND,
            )  # fmt: skip
            continue
        argument = case.inputs[0]
        for verdict in answers.questions.verdicts(
            case, argument, answers.argument(case), observation.outputs[0], observed
        ):
            if verdict.rule not in answers.function.inapplicable:
                yield _result(answers, observation, verdict)


def _result(answers: Answers, observation: Observation, verdict: Verdict) -> Result:
    forward = observation.case.quantity == "forward_gradient" and verdict.rule != "gradient.forward"
    return answers.result(
        observation,
        verdict.rule,
        region=verdict.region + FORWARD if forward else verdict.region,
        outcome="deviates" if verdict.deviates else "undecided" if verdict.undecided else "conforms",
        comparisons=verdict.comparisons,
        conforms=verdict.comparisons - verdict.deviates - verdict.undecided,
        deviates=verdict.deviates,
        undecided=verdict.undecided,
        vacuous=verdict.vacuous,
        grades=verdict.grades,
        severity=verdict.severity,
        worst=verdict.worst,
        bits=verdict.bits,
        message=verdict.message or ("in forward mode" if forward and verdict.deviates else ""),
    )


def without_answer(answers: Answers, observation: Observation, rule: str) -> Result:
    """The result of a valid question that was not answered: each outcome is its own, none of them is a pass."""
    found = no_answer(observation)
    return answers.result(observation, rule, bits=found["message"] if found["severity"] else "", **found)
