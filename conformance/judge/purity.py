"""Results about what a call leaves behind: arguments untouched, in-place forms that do change theirs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .answers import Answers
from .records import Result
from .values import without_answer


def judge_purity(answers: Answers) -> Iterator[Result]:
    """The argument after the call is the argument before it; for in-place forms it is the result."""
    for observation in answers.of("purity"):
        case = observation.case
        binding = answers.bindings.get(f"{case.function}/{case.entry_point}", {})
        in_place = str(binding.get("form", "")).startswith("inplace")
        if in_place and case.quantity != "value":
            continue
        rule = "inplace" if in_place else "purity"
        if observation.outcome != "returned":
            yield without_answer(answers, observation, rule)
            continue
        if observation.after is None:
            continue
        after = answers.bits(observation.after)
        due = answers.bits(observation.outputs[0] if in_place else case.inputs[0])
        changed = int(np.count_nonzero(after != due)) if after.shape == due.shape else after.size
        message = (
            f"{changed} of {after.size} elements of the argument {'are not the result' if in_place else 'were changed'}"
        )
        yield answers.check(observation, rule, changed == 0, message)
