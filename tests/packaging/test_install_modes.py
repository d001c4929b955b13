"""One import package from three folders, in every way in which it can be there: checkout, wheel, editable install.

`backends` and `reports` are siblings of `conformance` in a checkout and lie inside of it in a wheel; four lines in
`conformance/__init__.py` make both look alike. Each mode is tried in processes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import importlib, json, sys
names = ["conformance", "conformance.backends", "conformance.reports", "conformance.backends.protocol"]
print(json.dumps({name: importlib.import_module(name).__file__ for name in names}))
"""

PROBE_TEST = f"""
import json
import pathlib
import conformance
import conformance.backends
import conformance.backends.protocol
import conformance.reports


def test_probe():
    for module in (conformance, conformance.backends, conformance.backends.protocol, conformance.reports):
        assert pathlib.Path(module.__file__).is_relative_to({str(ROOT)!r})
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with nnconform in it, and where its files must lie."""

    folder: Path

    def script(self, name: str) -> str:
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        return str(self.folder / scripts / name)


def run(*command: str, at: Path, environment: dict[str, str] | None = None) -> str:
    """What a command prints; it must succeed."""
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=at, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def found(*command: str, at: Path) -> dict[str, Path]:
    modules: dict[str, str] = json.loads(run(*command, at=at))
    return {name: Path(file) for name, file in modules.items()}


def make(folder: Path, *arguments: str) -> Environment:
    """A fresh environment in which pip installs as told; what nnconform needs is borrowed from the present environment."""
    venv.create(folder, with_pip=False)
    environment = Environment(folder)
    python = environment.script("python")
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", *arguments]
    run(sys.executable, "-m", "pip", "--python", python, *install, at=folder)
    library = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", at=folder).strip()
    borrowed = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    # Appended after the environment's own folder, so that a nnconform installed here does not hide the one under test.
    Path(library, "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return environment


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel_file: Path) -> Environment:
    """From the wheel: pip builds one, too, where it is given a folder."""
    return make(tmp_path_factory.mktemp("regular") / "environment", str(wheel_file))


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make(tmp_path_factory.mktemp("editable") / "environment", "--editable", str(ROOT))


def test_bare_import_of_a_checkout(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PROBE}"
    modules = found(sys.executable, "-I", "-c", code, at=tmp_path)
    assert modules["conformance"] == ROOT / "conformance" / "__init__.py"
    assert modules["conformance.backends.protocol"] == ROOT / "backends" / "protocol.py"
    assert modules["conformance.reports"] == ROOT / "reports" / "__init__.py"


@pytest.mark.parametrize("command", [[sys.executable, "-m", "pytest"], ["pytest"]], ids=["python -m pytest", "pytest"])
def test_pytest_at_the_root_of_a_checkout(command: list[str], tmp_path: Path) -> None:
    if command == ["pytest"]:
        command = [str(Path(sysconfig.get_path("scripts")) / "pytest")]
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE_TEST, encoding="utf-8")
    settings = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    # An installed copy's plug-in would be imported before pytest looks at its settings, and the copy with it.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    assert "1 passed" in run(*command, *settings, str(probe), at=ROOT, environment=alone)


def test_command_of_a_checkout() -> None:
    assert "run" in run(sys.executable, "-m", "conformance", "--help", at=ROOT)


@pytest.mark.slow
def test_regular_install(installed: Environment, tmp_path: Path) -> None:
    modules = found(installed.script("python"), "-c", PROBE, at=tmp_path)
    assert all(file.is_relative_to(installed.folder) for file in modules.values()), modules
    assert modules["conformance.backends"].parent.parent == modules["conformance"].parent
    assert modules["conformance.reports"].parent.parent == modules["conformance"].parent


@pytest.mark.slow
def test_commands_of_a_regular_install(installed: Environment, tmp_path: Path) -> None:
    assert "run" in run(installed.script("nnconform"), "--help", at=tmp_path)
    assert "run" in run(installed.script("python"), "-m", "conformance", "--help", at=tmp_path)


@pytest.mark.slow
def test_regular_install_inside_a_project_with_folders_of_these_names(installed: Environment, tmp_path: Path) -> None:
    """`python -m` looks in the present folder first; another project's backends/ must not be taken for ours."""
    for name in ("backends", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('this is another project')\n", encoding="utf-8")
    modules = found(installed.script("python"), "-c", PROBE, at=tmp_path)
    assert all(file.is_relative_to(installed.folder) for file in modules.values()), modules
    run(installed.script("python"), "-m", "conformance", "--help", at=tmp_path)


@pytest.mark.slow
def test_editable_install(editable: Environment, tmp_path: Path) -> None:
    modules = found(editable.script("python"), "-c", PROBE, at=tmp_path)
    assert modules["conformance"] == ROOT / "conformance" / "__init__.py"
    assert modules["conformance.backends.protocol"] == ROOT / "backends" / "protocol.py"
    assert modules["conformance.reports"] == ROOT / "reports" / "__init__.py"


@pytest.mark.slow
def test_commands_of_an_editable_install(editable: Environment, tmp_path: Path) -> None:
    assert "run" in run(editable.script("nnconform"), "--help", at=tmp_path)
    assert "run" in run(editable.script("python"), "-m", "conformance", "--help", at=tmp_path)
