"""Fixtures that several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from conformance.truth.cache import Oracle
from tests.often import EVERYTHING, OFTEN

# The same examples on every machine and at every time; a clock that others share is no judge.
hypothesis.settings.register_profile("nnconform", derandomize=True, deadline=None, max_examples=50 * OFTEN)
hypothesis.settings.load_profile("nnconform")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """An oracle that remembers for this session only: what the tests compare with is computed by the code under test."""
    base = tmp_path_factory.getbasetemp()
    folder: Path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "truth"
    return Oracle(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is marked `deep`, unless NNCONFORM_ALL=1."""
    if EVERYTHING:
        return
    deep = [item for item in items if item.get_closest_marker("deep")]
    if deep:
        config.hook.pytest_deselected(items=deep)
        items[:] = [item for item in items if item not in set(deep)]
