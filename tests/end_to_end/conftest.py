"""A shell for every test, and one small run that those which only read may share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .command import SMALL, Shell


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the truth is kept for this session, on all xdist workers."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "truth"


@pytest.fixture
def nnconform(tmp_path: Path, cache: Path) -> Shell:
    """Runs the command in an empty folder."""
    return Shell(tmp_path, cache)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The run file of relu on NumPy, quick tier; to be read or copied."""
    folder = tmp_path_factory.mktemp("small")
    done = Shell(folder, cache)("run", "numpy", *SMALL, "--out", "small.nnconform")
    assert done.code == 0, done.err
    return folder / "small.nnconform"


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The run file of a plug-in whose errors hold HTML, and which some commands here can't import."""
    folder = tmp_path_factory.mktemp("hostile")
    done = Shell(folder, cache)(
        "run", "nnconform_plug_ins:Hostile", *SMALL, "--out", "hostile.nnconform", plug_ins=True
    )  # fmt: skip
    assert done.code == 1, done.err
    return folder / "hostile.nnconform"
