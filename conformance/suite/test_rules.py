"""One test per subject, rule and dtype. What fails here deviates from a rule that binds (MUST or SHOULD)."""

from __future__ import annotations

import pytest

from conformance.pytest_plugin import Session, asked
from conformance.suite.items import Item, items, verdict


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    backends, selection = asked(metafunc.config)
    if not backends:
        raise pytest.UsageError("which backend? Give --conformance-backend NAME, or --conformance-run FILE.")
    found = list(items(backends, selection))
    marks = [pytest.mark.xdist_group(item.subject.split("-")[0]) for item in found]
    named = [pytest.param(item, id=item.id, marks=mark) for item, mark in zip(found, marks, strict=True)]
    metafunc.parametrize("item", named)


def test_rule(item: Item, conformance_session: Session) -> None:
    outcome = verdict(item, conformance_session.results(item.backend), str(conformance_session.run_path(item.backend)))
    if outcome.outcome == "failed":
        pytest.fail(outcome.text, pytrace=False)
    if outcome.outcome == "skipped":
        pytest.skip(outcome.text)
