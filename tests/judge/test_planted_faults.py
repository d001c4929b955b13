"""Every planted fault is found under the right rule; the perfect backend is left in peace."""

from __future__ import annotations

import pytest

from conformance.judge.message import four_lines
from conformance.standard import FUNCTIONS, rules_of
from conformance.truth.cache import Oracle
from tests.toy import NO_FAULT, Fault, judged

from .faults import ECHOES, FAULTS

# These tests cost what the truth costs: parameters are asked in float32, the other formats with the defaults, and float16,
# which differs from bfloat16 in nothing but numbers, of a few functions.
PERFECT = [(name, ("float32",), True) for name in FUNCTIONS]
PERFECT += [(name, (dtype,), False) for name in FUNCTIONS for dtype in ("bfloat16", "float64")]
PERFECT += [(name, ("float16",), False) for name in ("relu", "gelu")]


@pytest.mark.parametrize(
    ("name", "dtypes", "with_parameters"),
    PERFECT,
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_perfect_backend_yields_no_finding(
    name: str, dtypes: tuple[str, ...], with_parameters: bool, oracle: Oracle
) -> None:  # fmt: skip
    judgement = judged(Fault("none", (name,), (), dtypes=dtypes, with_parameters=with_parameters), oracle)
    assert [four_lines(finding) for finding in judgement.findings] == []
    totals = judgement.totals
    assert totals.comparisons > 50_000
    assert totals.undecided == totals.vacuous == 0
    assert totals.raised == totals.crashed == totals.not_supported == 0
    measured = [result for result in judgement.results if sum(result.grades)]
    assert measured
    assert all(sum(result.grades[1:]) == 0 for result in measured), "the truth rounded once is correctly rounded"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_rule_gets_a_verdict(name: str, oracle: Oracle) -> None:
    """From a backend that has everything, whatever rules_of lists is answered, and nothing that it does not list."""
    judgement = judged(Fault("none", (name,), (), dtypes=("float32", "int32")), oracle)
    compared = {result.rule for result in judgement.results if result.comparisons > result.unspecified + result.vacuous}
    assert compared == {rule.id for rule in rules_of(FUNCTIONS[name])}
    assert {result.rule for result in judgement.results} == compared


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_found_under_its_rule(fault: Fault, oracle: Oracle) -> None:
    findings = judged(fault, oracle).findings
    rules = {finding.rule.split(".", 1)[1] for finding in findings}
    for rule in fault.found_under:
        under = [finding for finding in findings if finding.rule.split(".", 1)[1] == rule]
        assert under, f"{fault.name} was not found under {rule}, only under {sorted(rules)}"
    main = [finding for finding in findings if finding.rule.split(".", 1)[1] in fault.found_under]
    assert any(fault.only(finding) for finding in main), [four_lines(finding) for finding in main]
    stray = rules - {*fault.found_under, *fault.may_show, *ECHOES}
    assert not stray, [four_lines(f) for f in findings if f.rule.split(".", 1)[1] in stray]


def test_every_family_of_rules_has_a_planted_fault() -> None:
    planted = {rule for fault in FAULTS for rule in fault.found_under}
    families = {rule.family for rule in rules_of(FUNCTIONS["softplus"])}
    struck = {rule.family for name in FUNCTIONS for rule in rules_of(FUNCTIONS[name]) if rule.name in planted}
    assert struck == families


def test_no_fault_is_the_perfect_backend() -> None:
    assert NO_FAULT.strike is None
