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
