"""Results about defaults: what a bare call computes, and whether the entry point's defaults are the standard's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .answers import Answers
from .records import Result
from .values import without_answer


def judge_defaults(answers: Answers) -> Iterator[Result]:
    """The bare call against the truth for the documented defaults; and those defaults beside the standard's."""
    for observation in answers.of("defaults"):
        case = observation.case
        if observation.outcome != "returned":
            yield without_answer(answers, observation, "defaults")
            continue
        observed = answers.comparable(observation)
        if observed is None:
            output = observation.outputs[0]
            yield answers.check(observation, "defaults", False, f"the result is {output.dtype} {list(output.shape)}")
            continue
        verdicts = answers.questions.verdicts(
            case, case.inputs[0], answers.argument(case), observation.outputs[0], observed
        )
        relevant = [verdict for verdict in verdicts if verdict.rule in ("value", "overflow")]
        # What the call with these numbers written out gives as well is the business of the function's own rules. Without a
        # keyword to write, that would be the same call, and agreeing with itself says nothing.
        lattice, explicit = answers.lattice(case), answers.reference(case)
        spelt_out = lattice is not None and lattice.case.arguments != case.arguments
        same = spelt_out and explicit is not None and np.array_equal(observed, explicit)
        bad = [verdict for verdict in relevant if verdict.deviates and not same]
        spelt = ", ".join(f"{name} = {value:g}" for name, value in case.parameters.items())
        yield answers.result(
            observation,
            "defaults",
            outcome="deviates" if bad else "conforms",
            comparisons=sum(verdict.comparisons for verdict in relevant),
            conforms=sum(verdict.comparisons for verdict in relevant) - sum(verdict.deviates for verdict in bad),
            deviates=sum(verdict.deviates for verdict in bad),
            severity=bad[0].severity if bad else "",
            worst=bad[0].worst if bad else None,
            bits="".join(verdict.bits for verdict in bad),
            message=f"the bare call does not compute {case.function} with the documented {spelt}" if bad else "",
        )
        standard = answers.function.defaults()
        other = {name: value for name, value in case.parameters.items() if value != standard[name]}
        yield answers.check(
            observation, "defaults.convention", not other,
            "; ".join(f"{name} is {value:g} by default, {standard[name]:g} in the standard" for name, value in other.items()),
            severity="convention",
        )  # fmt: skip
