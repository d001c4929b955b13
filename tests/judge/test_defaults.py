"""The bare call: what its explicit twin gets wrong too is not told twice, and a call is not held against itself."""

from __future__ import annotations

import pytest

from conformance.formats import Bits, round_to, values
from conformance.truth.cache import Oracle
from tests.toy import Asked, Fault, judged


def doubled(asked: Asked, bits: Bits) -> Bits:
    """Every value is twice what it should be."""
    return round_to(2 * values(bits, asked.format), asked.format) if asked.quantity == "value" else bits


@pytest.mark.parametrize(("with_parameters", "told"), [(True, False), (False, True)])
def test_an_inaccuracy_of_the_bare_call(with_parameters: bool, told: bool, oracle: Oracle) -> None:
    fault = Fault("doubled", ("softplus",), ("value",), strike=doubled, with_parameters=with_parameters)
    rules = {finding.rule for finding in judged(fault, oracle).findings}
    assert "softplus.value" in rules
    assert ("softplus.defaults" in rules) == told
