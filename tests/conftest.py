"""Fixtures that several folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.truth.cache import Oracle


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """An oracle that remembers for this session only: what the tests compare with is computed by the code under test."""
    base = tmp_path_factory.getbasetemp()
    folder: Path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "truth"
    return Oracle(folder)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is marked `deep`, unless NNCONFORM_ALL=1."""
    if os.environ.get("NNCONFORM_ALL", "0") not in ("", "0"):
        return
    deep = [item for item in items if item.get_closest_marker("deep")]
    if deep:
        config.hook.pytest_deselected(items=deep)
        items[:] = [item for item in items if item not in set(deep)]
