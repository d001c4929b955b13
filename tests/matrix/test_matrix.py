"""The matrix over the four frameworks, in this project's own continuous integration: one run for all that are installed.

Known deviations are expected (xfail, with reason and link); anything else fails, and so does an expectation that is not seen
any more. What is ours must conform.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace

import pytest

from conformance import registry
from conformance.judge.records import Judgement, Result, Totals
from conformance.judge.run import totals_of
from conformance.suite.items import Item, items
from conformance.suite.options import asked
from conformance.suite.session import Session, of_pytest

INSTALLED = tuple(name for name in registry.BACKENDS if importlib.util.find_spec(name))
_NUMPY = registry.backend("numpy")
OURS = [binding.id for binding in (*_NUMPY.bindings, *_NUMPY.tensor_bindings) if binding.remark == "ours"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = asked(metafunc.config)
    backends = found.backends or INSTALLED
    if "item" in metafunc.fixturenames:
        every = [
            pytest.param(item, id=item.id, marks=pytest.mark.xdist_group(item.backend))
            for item in items(backends, found.selection)
        ]
        metafunc.parametrize("item", every)
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in backends])


@pytest.fixture(scope="session")
def conformance_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The session of the options; without a backend among them, of all that are installed."""
    found = asked(request.config)
    return of_pytest(replace(found, backends=found.backends or INSTALLED), request, tmp_path_factory)


def test_rule(item: Item, conformance_session: Session) -> None:
    if item.backend == "numpy":
        ours = conformance_session.verdict(item, OURS)
        # That ours was not asked is no fault of it: the verdict below is about all.
        if ours.outcome == "expected" or (ours.outcome == "failed" and "compared nothing" not in ours.text):
            pytest.fail(ours.text, pytrace=False)
    conformance_session.settle(item, conformance_session.verdict(item))


def test_expectations(backend: str, conformance_session: Session) -> None:
    assert conformance_session.stale(backend) == []


def _results(judgement: Judgement, backend: str) -> tuple[list[Result], Totals]:
    """A backend's own part of a judgement."""
    subjects = [subject for subject in judgement.subjects if subject.backend == backend]
    names = {subject.id for subject in subjects}
    results = [result for result in judgement.results if result.subject in names]
    return results, totals_of(results, subjects)


def test_nothing_is_undecided_vacuous_crashed_or_hung(backend: str, conformance_session: Session) -> None:
    results, totals = _results(conformance_session.judgement(backend), backend)
    assert totals.comparisons > 1_000_000
    assert (totals.undecided, totals.timed_out, totals.could_not_run) == (0, 0, 0)
    # To die of a call that must be refused is an answer.
    assert [r.rule for r in results if r.outcome == "crashed" and ".errors." not in r.rule] == []
    assert totals.vacuous == 0, [result.rule for result in results if result.vacuous]


def test_whatever_is_unspecified_says_why(backend: str, conformance_session: Session) -> None:
    judgement = conformance_session.judgement(backend)
    reasons: Mapping[str, str] = judgement.unspecified
    silent = {
        r.rule
        for r in _results(judgement, backend)[0]
        if r.unspecified and not r.message and r.rule.split(".", 1)[1] not in reasons
    }
    assert silent == set()
