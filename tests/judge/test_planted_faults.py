"""Every planted fault is found under the right rule; the perfect backend is left in peace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.formats import FORMATS
from conformance.judge.message import four_lines
from conformance.standard import FUNCTIONS, rules_of
from conformance.truth.cache import Oracle
from tests.often import EVERYTHING
from tests.toy import NO_FAULT, Fault, Toy, judged

from .faults import ECHOES, FAULTS

# These tests cost what the truth costs: two of three functions are asked in float32, half of them compiled too, every other
# format with the defaults of every twelfth function, all numbers of a lattice of one function in most formats (in float16 a
# planted fault is found among all of them). With NNCONFORM_ALL=1 all of it is asked of all.
OTHERS = ("bfloat16", "float64", "float16")
WHOLE = {("gelu", "float32"), ("hard_swish", "bfloat16"), ("log1mexp", "float64")}


def perfect(name: str, dtype: str, whole: bool, compiled: bool = True) -> Fault:
    """No fault. Beside float32 an integer is asked, which the toy lacks; `compiled` says whether in both modes."""
    dtypes = ("float32", "int32") if dtype == "float32" else (dtype,)
    most = dtype == "float32"
    modes = Toy.modes if (most and compiled) or EVERYTHING else Toy.modes[:1]
    return Fault("none", (name,), (), dtypes=dtypes, modes=modes, with_parameters=most, whole=whole)


def asked() -> Iterator[Any]:
    for index, name in enumerate(FUNCTIONS):
        for dtype in FORMATS:
            whole = (name, dtype) in WHOLE
            often = (
                whole or (dtype == "float32" and index % 3 < 2) or (index % 4 == 0 and dtype == OTHERS[index // 4 % 3])
            )
            deep = [] if often else [pytest.mark.deep]
            yield pytest.param(
                perfect(name, dtype, whole, index % 3 == 0), marks=deep, id=f"{name}-{dtype}{'-whole' * whole}"
            )
            if not whole:
                yield pytest.param(perfect(name, dtype, True), marks=pytest.mark.deep, id=f"{name}-{dtype}-whole")


@pytest.mark.parametrize("fault", list(asked()))
def test_the_perfect_backend_yields_no_finding(fault: Fault, oracle: Oracle) -> None:
    """And from a backend that has everything, whatever rules_of lists is answered, and nothing that it does not list."""
    judgement = judged(fault, oracle)
    assert [four_lines(finding) for finding in judgement.findings] == []
    totals = judgement.totals
    assert totals.comparisons > (50_000 if fault.whole else 10_000 if EVERYTHING else 5_000)
    assert totals.undecided == totals.vacuous == 0
    assert totals.raised == totals.crashed == 0
    assert {result.rule.split(".", 1)[1] for result in judgement.results if result.outcome == "not_supported"} <= {
        "dtype.integer"
    }
    measured = [result for result in judgement.results if sum(result.grades)]
    assert measured
    assert all(sum(result.grades[1:]) == 0 for result in measured), "the truth rounded once is correctly rounded"
    if "float32" in fault.dtypes:
        answered = {r.rule for r in judgement.results if r.comparisons > r.unspecified + r.vacuous}
        assert answered == {rule.id for name in fault.functions for rule in rules_of(FUNCTIONS[name])}
        assert {result.rule for result in judgement.results} == answered


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
