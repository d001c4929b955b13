"""Regions: every number in exactly one, under names that people and expectation files can keep."""

from __future__ import annotations

import re

import numpy as np
import pytest

from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Format, round_to, values
from conformance.judge.question import ORDERS, question
from conformance.judge.regions import breaks_of, regions_of
from conformance.standard import FUNCTIONS, Kink, Landmark, rules_of
from conformance.truth.cache import Oracle
from conformance.truth.oracle import evaluate
from tests.toy import few

ASKED = [
    ("relu", FLOAT32), ("hard_swish", BFLOAT16), ("gelu", FLOAT32), ("sigmoid", FLOAT32), ("leaky_relu", FLOAT32),
    ("elu", FLOAT32), ("softplus", FLOAT32), ("sparse_plus", FLOAT32), ("log1mexp", FLOAT32),
]  # fmt: skip
asked = pytest.mark.parametrize(("name", "format"), ASKED, ids=lambda value: getattr(value, "name", value))
quantities = pytest.mark.parametrize("quantity", ORDERS)


@asked
@quantities
def test_every_input_is_in_exactly_one_part_under_a_rule_of_the_function(
    name: str, format: Format, quantity: str, oracle: Oracle
) -> None:  # fmt: skip
    function = FUNCTIONS[name]
    bits = few(function, function.defaults(), format)
    parts = question(function, function.defaults(), format, quantity, bits, oracle).parts
    members = np.concatenate([part.members for part in parts])
    assert np.array_equal(np.sort(members), np.arange(len(bits)))
    assert len({part.region for part in parts}) == len(parts)
    assert {part.rule for part in parts} <= {rule.name for rule in rules_of(function)}


@asked
@quantities
def test_a_name_says_what_is_in_it(name: str, format: Format, quantity: str, oracle: Oracle) -> None:
    """The names are read here by another hand: `-3 < x < 3`, `x ≥ 1.41`, `x = +inf`, ... and hold for every member."""
    function = FUNCTIONS[name]
    bits = few(function, function.defaults(), format)
    points: tuple[Kink | Landmark, ...] = (*function.kinks, *function.landmarks)
    exactly = {point.name: float(evaluate(point.at, function.defaults())) for point in points}
    for part in question(function, function.defaults(), format, quantity, bits, oracle).parts:
        x = values(bits[part.members], format)
        region, _, _ = part.region.partition(", result")
        if region == "x = NaN":
            assert np.isnan(x).all()
        elif region in ("x = -0", "x = +0") and quantity == "value":
            assert (x == 0).all()
            assert (np.signbit(x) == (region == "x = -0")).all()
        elif region.startswith("x subnormal"):
            assert (np.abs(x) < format.smallest_normal).all()
            assert ((x < 0) == region.endswith("< 0")).all()
        elif region.endswith("outside the domain"):
            assert function.domain is not None
            assert (x < function.domain.low).all()
            assert np.isfinite(x).all()
        elif region.endswith("the edge of the domain"):
            assert function.domain is not None
            assert (x == function.domain.low).all()
        elif region != "any x":
            words = re.fullmatch(r"(?:(\S+) ([<≤]) )?x(?: ([<≤=>≥]) (\S+))?", region)
            assert words is not None, region
            low, first, second, high = words.groups()
            tests = {"<": np.less, "≤": np.less_equal, "=": np.equal, ">": np.greater, "≥": np.greater_equal}
            for place, sign, flip in ((low, first, True), (high, second, False)):
                if place in exactly or place in ("+inf", "-inf"):
                    number = exactly[place] if place in exactly else float(place)
                    assert (tests[sign](number, x) if flip else tests[sign](x, number)).all(), region


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names_are_the_same_in_every_dtype(name: str, oracle: Oracle) -> None:
    function = FUNCTIONS[name]
    numbers = np.array([-np.inf, -100.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 50.0, np.inf, np.nan])
    found = []
    for format in (FLOAT16, BFLOAT16, FLOAT32, FLOAT64):
        bits = round_to(numbers, format)
        table = oracle.table(function, function.defaults(), format, bits)
        regions = regions_of(function, function.defaults(), table, 0)
        found.append([regions.names[code].partition(", result")[0] for code in regions.codes])
    assert all(names == found[0] for names in found)


def test_breaks_beyond_the_format_cut_nothing() -> None:
    softplus = FUNCTIONS["softplus"]
    names = {
        format.name: [b.name for b in breaks_of(softplus, {"beta": 0.01, "threshold": 1e4}, format, 0)]
        for format in (FLOAT16, FLOAT32)
    }
    assert names == {"float16": ["0"], "float32": ["0", "threshold"]}
    assert [b.name for b in breaks_of(softplus, softplus.defaults(), FLOAT64, 0)] == ["0"], (
        "an infinite threshold is nowhere"
    )
