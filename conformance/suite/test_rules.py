"""One test per subject, rule and dtype, and one per backend about its expectations.

What fails here deviates from a rule that binds (MUST or SHOULD) and was not expected to, or is expected and not seen any more.
"""

from __future__ import annotations

import pytest

from conformance.suite.items import Item, items
from conformance.suite.options import asked
from conformance.suite.session import Session


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = asked(metafunc.config)
    if not found.backends:
        raise pytest.UsageError("which backend? Give --conformance-backend NAME, or --conformance-run FILE.")
    every = list(items(found.backends, found.selection, found.functions))
    if not every and not any(items(found.backends, found.selection)):
        raise pytest.UsageError(
            f"nothing to ask: no function, rule, dtype and mode of this selection come together for {', '.join(found.backends)}; "
            "`nnconform list backends` shows the modes that each has. Give fewer restrictions."
        )
    if "item" in metafunc.fixturenames:
        metafunc.parametrize(
            "item", [pytest.param(item, id=item.id, marks=pytest.mark.xdist_group(item.backend)) for item in every]
        )
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize(
            "backend", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in found.backends]
        )


def test_rule(item: Item, conformance_session: Session) -> None:
    conformance_session.settle(item, conformance_session.verdict(item))


def test_expectations(backend: str, conformance_session: Session) -> None:
    stale = conformance_session.stale(backend)
    if stale:
        pytest.fail("\n".join(stale), pytrace=False)
