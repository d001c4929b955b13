"""What a function declares never to come about does not, and what it does not declare does: held against the truth."""

from __future__ import annotations

import pytest

from conformance.cases.lattice import lattice
from conformance.formats import FORMATS
from conformance.judge.question import question
from conformance.standard import FUNCTIONS, Function
from conformance.truth.cache import Oracle
from conformance.truth.reals import UNDERFLOW


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_rules_about_range_arise_just_where_they_are_not_declared_inapplicable(
    function: Function, oracle: Oracle
) -> None:
    arising = set()
    for parameters in function.samples():
        format = FORMATS["bfloat16"]
        bits = lattice(function, parameters, format, oracle)
        asked = question(function, parameters, format, "value", bits, oracle)
        arising |= {part.rule for part in asked.parts}
        if ((asked.truth.kind == UNDERFLOW) & (asked.truth.mantissa != 0)).any():
            arising.add("underflow_sign")
    for rule in ("overflow", "subnormal", "underflow_sign"):
        assert (rule in arising) == (rule not in function.inapplicable), rule
