"""The matrix over the four frameworks, in this project's own continuous integration.

Until known deviations can be recorded, a framework that deviates is reported (xfail, with the four lines) and does not
fail; that something crashed, hung, stayed undecided, or compared nothing without saying why, does. What is ours must conform.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from conformance.pytest_plugin import Session
from conformance.suite.items import Item, Verdict, items, verdict

FRAMEWORKS = {"numpy": "numpy", "torch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
INSTALLED = [name for name, module in FRAMEWORKS.items() if importlib.util.find_spec(module)]
OURS = [binding.id for binding in registry.backend("numpy").bindings if binding.remark == "ours"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "item" in metafunc.fixturenames:
        found = list(items(INSTALLED, Session.selection(metafunc.config)))
        metafunc.parametrize("item", [pytest.param(item, id=item.id) for item in found])
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", INSTALLED)


def _verdict(item: Item, session: Session, entry_points: list[str]) -> Verdict:
    return verdict(item, session.results(item.backend), str(session.run_path(item.backend)), entry_points)


def test_rule(item: Item, conformance_session: Session) -> None:
    __tracebackhide__ = True
    if item.backend == "numpy":
        ours = _verdict(item, conformance_session, OURS)
        if ours.deviates:
            pytest.fail(ours.text, pytrace=False)
    found = _verdict(item, conformance_session, [])
    if found.outcome == "skipped":
        pytest.skip(found.text)
    if found.outcome == "failed" and not found.deviates:
        pytest.fail(found.text, pytrace=False)
    if found.outcome == "failed":
        pytest.xfail(found.text)


def test_nothing_is_undecided_vacuous_crashed_or_hung(backend: str, conformance_session: Session) -> None:
    judgement: Judgement = conformance_session.judgement(backend)
    totals = judgement.totals
    assert totals.comparisons > 1_000_000
    assert (totals.undecided, totals.crashed, totals.timed_out, totals.could_not_run) == (0, 0, 0, 0)
    assert totals.vacuous == 0, [result.rule for result in judgement.results if result.vacuous]


def test_whatever_is_unspecified_says_why(backend: str, conformance_session: Session) -> None:
    judgement = conformance_session.judgement(backend)
    reasons: Mapping[str, str] = judgement.unspecified
    silent = {
        r.rule for r in judgement.results if r.unspecified and not r.message and r.rule.split(".", 1)[1] not in reasons
    }
    assert silent == set()
