"""What a function declares never to come about does not, and what it does not declare does: held against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.formats import BFLOAT16, Bits
from conformance.judge.question import question
from conformance.standard import FUNCTIONS, Function
from conformance.truth.cache import Oracle
from conformance.truth.reals import UNDERFLOW


def thinned() -> Bits:
    """Every 389th number of bfloat16, and those next to the zeros and the infinities; as wide as float32, and few."""
    ends = [0, BFLOAT16.sign_bit, BFLOAT16.infinity, BFLOAT16.infinity | BFLOAT16.sign_bit]
    near = [np.arange(end - 16, end + 17) % (1 << 16) for end in ends]
    return np.unique(np.concatenate([np.arange(0, 1 << 16, 389), *near])).astype(np.uint16)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_rules_about_range_arise_just_where_they_are_not_declared_inapplicable(
    function: Function, oracle: Oracle
) -> None:
    arising = set()
    for parameters in function.samples():
        asked = question(function, parameters, BFLOAT16, "value", thinned(), oracle)
        arising |= {part.rule for part in asked.parts}
        if ((asked.truth.kind == UNDERFLOW) & (asked.truth.mantissa != 0)).any():
            arising.add("underflow_sign")
    for rule in ("overflow", "subnormal", "underflow_sign"):
        assert (rule in arising) == (rule not in function.inapplicable), rule
