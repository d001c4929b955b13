"""Fixtures that several folders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.truth.cache import Oracle


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """An oracle that remembers for this session only: what the tests compare with is computed by the code under test."""
    folder: Path = tmp_path_factory.getbasetemp() / "truth"
    return Oracle(folder)
