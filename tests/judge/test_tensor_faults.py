"""Every planted fault in functions of tensors is found under the right rule; the perfect backend is left in peace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.formats import FORMATS
from conformance.judge.message import four_lines
from conformance.standard import TENSOR_FUNCTIONS, rules_of
from conformance.truth.cache import Oracle
from conformance.truth.reals import UNDEFINED
from tests.tensor_toy import Bench, Call, Numbers, TensorFault, is_long, no_fault

from .tensor_faults import FAULTS

FEW = ("softmax", "cross_entropy", "huber", "binary_cross_entropy_with_logits", "kl_divergence")
"""Functions that the perfect backend is asked about on every change: along one axis or several, with labels that are ignored, with
rows, weights and masks. Vectors and sequences take more time; with NNCONFORM_ALL=1 all functions are asked, in everything."""

ONCE = ("reductions", "options", "axes", "arguments")
"""Topics with most of the questions: of them FEW are asked as functions only, and everything else as layers too."""

IN_WHICH = {"softmax": "float16", "huber": "bfloat16", "kl_divergence": "float64"}
"""In which other dtype, and in compiled mode too."""


@pytest.fixture(scope="session")
def bench(oracle: Oracle) -> Bench:
    return Bench(oracle)


def is_one_of_few(case: Case) -> bool:
    """Whether the perfect backend is asked this on every change."""
    return not is_long(case) and not (case.topic in ONCE and case.entry_point.startswith("toy.layers."))


def asked() -> Iterator[Any]:
    for name, function in TENSOR_FUNCTIONS.items():
        if function.drawn:
            continue
        if name in FEW:
            yield pytest.param(no_fault(name, asks=is_one_of_few), id=f"{name}-float32")
        if name in IN_WHICH:
            both = ("eager", "compiled")
            other = no_fault(name, dtypes=(IN_WHICH[name],), modes=both, asks=is_one_of_few)
            yield pytest.param(other, id=f"{name}-{IN_WHICH[name]}")
        everything = no_fault(name, dtypes=tuple(FORMATS), modes=("eager", "compiled"))
        yield pytest.param(everything, id=f"{name}-everything", marks=pytest.mark.deep)


@pytest.mark.parametrize("fault", list(asked()))
def test_the_perfect_backend_yields_no_finding(fault: TensorFault, bench: Bench) -> None:
    """And whatever it gives is counted as correctly rounded, and whatever rules_of lists is answered."""
    judgement = bench.judged(fault)
    assert [four_lines(finding) for finding in judgement.findings] == []
    totals = judgement.totals
    assert totals.comparisons > 500
    assert totals.undecided == totals.crashed == 0
    # A probability of one and an infinite logit: there the bar of two ulp of the probability is without end.
    assert totals.vacuous == 0
    measured = [result for result in judgement.results if sum(result.grades)]
    assert measured
    assert all(sum(result.grades[1:]) == 0 for result in measured), "the truth rounded once is correctly rounded"
    if fault.function in FEW and "float32" in fault.dtypes:
        answered = {r.rule for r in judgement.results if r.comparisons > r.unspecified + r.vacuous}
        missing = {rule.id for rule in rules_of(TENSOR_FUNCTIONS[fault.function])} - answered
        # Where a definition compares a NaN, nothing is prescribed about the derivative.
        assert {rule for rule in missing if not (".gradient." in rule and rule.endswith(".nan"))} == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.function}-{fault.name.replace(' ', '-')}")
def test_a_planted_fault_is_found_under_its_rule(fault: TensorFault, bench: Bench) -> None:
    findings = bench.judged(fault).findings
    rules = {finding.rule.split(".", 1)[1] for finding in findings}
    assert rules >= set(fault.found_under), f"{fault.name}: only under {sorted(rules)}"
    main = [finding for finding in findings if finding.rule.split(".", 1)[1] in fault.found_under]
    assert any(fault.only(finding) for finding in main), [four_lines(finding) for finding in main]
    stray = rules - {*fault.found_under, *fault.may_show}
    assert not stray, [four_lines(f) for f in findings if f.rule.split(".", 1)[1] in stray]


def test_no_fault_stands_twice() -> None:
    assert len({(fault.function, fault.name) for fault in FAULTS}) == len(FAULTS) >= 60


def test_every_family_of_rules_has_a_planted_fault() -> None:
    functions = sorted({fault.function for fault in FAULTS})
    struck = {
        rule.family
        for fault in FAULTS
        for rule in rules_of(TENSOR_FUNCTIONS[fault.function])
        if rule.name in fault.found_under
    }
    assert struck == {rule.family for name in functions for rule in rules_of(TENSOR_FUNCTIONS[name])}


@pytest.mark.parametrize("number", [0.0, 0.2, float("nan"), float("inf")])
def test_where_nothing_is_prescribed_any_answer_will_do(number: float, bench: Bench) -> None:
    """softmax of a row of nothing but −∞, or with +∞ in it."""

    def strike(call: Call, y: Numbers) -> Numbers:
        truth = bench.exacts.exact(call.asked).truth
        return np.where((truth.kind == UNDEFINED).reshape(y.shape), number, y)

    fault = replace(no_fault("softmax"), strike=strike, topics=("edges",))
    judgement = bench.judged(fault)
    assert judgement.totals.unspecified > 0
    assert [four_lines(finding) for finding in judgement.findings] == []
