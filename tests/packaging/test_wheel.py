"""What is shipped: the wheel holds the three folders as one package, whole, and nothing else."""

from __future__ import annotations

import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

import conformance

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> zipfile.Path:
    assert wheel_file.name == f"nnconform-{conformance.__version__}-py3-none-any.whl"
    return zipfile.Path(wheel_file)


def names(wheel: zipfile.Path) -> set[str]:
    return {name for name in wheel.root.namelist() if not name.endswith("/")}


def in_the_checkout() -> set[str]:
    """What the wheel should hold of the three folders, by the names that it should have there."""
    expected = set()
    for folder, place in (("conformance", ""), ("backends", "conformance/"), ("reports", "conformance/")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected.add(place + path.relative_to(ROOT).as_posix())
    return expected


def test_the_wheel_is_the_three_folders_as_one_package(wheel: zipfile.Path) -> None:
    packed = {name for name in names(wheel) if ".dist-info/" not in name}
    assert packed == in_the_checkout()
    assert {PurePosixPath(name).parts[0] for name in packed} == {"conformance"}


def test_the_wheel_has_what_is_no_python(wheel: zipfile.Path) -> None:
    packed = names(wheel)
    assert "conformance/py.typed" in packed
    assert any(name.startswith("conformance/reports/") and name.endswith((".html", ".j2", ".jinja")) for name in packed)
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in packed)
    assert not any("tests" in PurePosixPath(name).parts for name in packed)


def test_the_metadata(wheel: zipfile.Path) -> None:
    information = wheel / f"nnconform-{conformance.__version__}.dist-info"
    metadata = Parser().parsestr((information / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Name"] == "nnconform"
    assert metadata["Version"] == conformance.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", "NOTICE"}
    assert {"torch", "tensorflow", "jax", "all"} == set(metadata.get_all("Provides-Extra", []))
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert not any(line.startswith(("torch", "tensorflow", "jax", "optax")) for line in required)
    assert "nnconform = conformance.cli:main" in (information / "entry_points.txt").read_text(encoding="utf-8")
