"""`nnconform upgrade` and `run --with`: wrong usage, what is asked of both sides, what is kept, and one upgrade of NumPy for real."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.cli import cli
from conformance.observe import environments
from conformance.observe.environments import Environment, Interpreter, NotMade
from conformance.observe.runfile import RunFile

from .command import Shell, fingerprint, wait_until

OLD, NEW = ("--old", "numpy==1.26.4"), ("--new", "numpy==2.2.6")
SMALL = ("--functions", "relu", "--rules", "limit,shape", "--tier", "quick")

# what is given, what the message must hold
WRONG = [
    ((), ("Missing option '--old'",)),
    (OLD, ("Missing option '--new'",)),
    (("--old", "jx==1", "--new", "jx==2"), ("unknown framework 'jx'", "Did you mean jax", "keras")),
    (("--old", "jax", "--new", "chex"), ("unknown framework 'chex'", "optax")),
    (("--old", "jax==1", "--new", "jax==1"), ("both jax==1", "--old jax==0.4.30 --new jax==0.10.2")),
    (("--old", "jax==1", "--new", "optax==1"), ("about jax", "about optax", "--with")),
    (("--old", "jax==1", "--new", "jax==2", "--with", "jax==3"), ("jax==1 and jax==3", "once on a side")),
    (("--old", "tensorflow==1", "--old", "tensorflow-cpu==1", "--new", "tensorflow==2"), ("tensorflow==1 and tensorflow-cpu==1",)),
    (("--old", "jax==1 optax==2", "--new", "jax==2"), ("is no requirement", "one option for each requirement")),
    (("--old", "--upgrade", "--new", "jax==2"), ("is no requirement",)),
    ((*OLD, *NEW, "--with", "./wheel.whl"), ("is no requirement",)),
    ((*OLD, *NEW, "torhc"), ("unknown backend 'torhc'", "torch")),
    ((*OLD, *NEW, "--functions", "gelo"), ("unknown function 'gelo'", "gelu")),
    ((*OLD, *NEW, "--python", "nowhere/python"), ("no interpreter 'nowhere/python'", "python3.11")),
    ((*OLD, *NEW, "--python", "old=nowhere/python"), ("no interpreter 'nowhere/python'",)),
    ((*OLD, *NEW, "--format", "pdf"), ("pdf", "'markdown'")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"), WRONG, ids=lambda value: " ".join(value) or "nothing" if isinstance(value, tuple) else None
)
def test_wrong_usage_ends_with_2_before_anything_is_made(
    words: tuple[str, ...], said: tuple[str, ...], nnconform: Shell
) -> None:
    done = nnconform("upgrade", *words)
    assert done.code == 2
    message = " ".join(done.err.split())
    assert [text for text in said if text not in message] == [], message
    assert "making environment" not in message
    assert fingerprint(nnconform.folder) == {}


@dataclass
class Maker:
    """Plays the making of environments: each is this one, under the name of its requirements."""

    wanted: list[tuple[str, ...]] = field(default_factory=list)
    pythons: list[str] = field(default_factory=list)
    fails: str = ""
    python: str = sys.executable

    @contextlib.contextmanager
    def __call__(
        self, requirements: Sequence[Any], python: Interpreter, directory: Path, progress: Any
    ) -> Iterator[Environment]:
        self.wanted.append(tuple(map(str, requirements)))
        self.pythons.append(python.path)
        if self.fails in self.wanted[-1]:
            raise NotMade(f"{self.fails} can't be installed: pip said no.")
        version = next(text for text in self.wanted[-1] if text.startswith("numpy")).removeprefix("numpy==")
        folder = directory / version
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        script = folder / "bin" / "python"
        script.write_text(f'#!/bin/sh\nexec "{self.python}" "$@"\n')
        script.chmod(0o755)
        yield Environment(folder, self.wanted[-1], {"numpy": version, "scipy": "1.0" if version < "2" else "1.1"}, 1)


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    played = Maker()
    monkeypatch.setattr(environments, "environment", played)
    return played


@pytest.fixture
def upgrade(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `nnconform upgrade` in this process, where environments can be played, in an empty folder."""
    monkeypatch.setenv("NNCONFORM_CACHE", str(cache))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *words: CliRunner().invoke(cli, ["upgrade", *words])


played = pytest.mark.skipif(sys.platform == "win32", reason="a script stands for the interpreter")


@played
def test_both_sides_are_asked_the_same_and_nothing_is_left(upgrade: Callable[..., Result], maker: Maker) -> None:
    done = upgrade(*OLD, *NEW, *SMALL)
    assert done.exit_code == 0, done.output
    assert maker.wanted == [("numpy==1.26.4", "scipy", "ml-dtypes"), ("numpy==2.2.6", "scipy", "ml-dtypes")]
    assert "old: added scipy, ml-dtypes" in done.stderr
    assert "also different: scipy 1.0 → 1.1" in done.stderr
    assert "observing old: numpy==1.26.4 scipy ml-dtypes" in done.stderr
    assert "observing new: numpy==2.2.6 scipy ml-dtypes" in done.stderr
    assert fingerprint(Path.cwd()) == {}


@played
def test_what_is_kept_are_two_run_files_of_one_plan_and_the_report(
    upgrade: Callable[..., Result], maker: Maker
) -> None:
    done = upgrade(*OLD, *NEW, *SMALL, "--out", "kept", "--format", "json")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("kept").iterdir()) == ["comparison.json", "new.nnconform", "old.nnconform"]
    json.loads(Path("kept/comparison.json").read_text())
    with RunFile.open(Path("kept/old.nnconform")) as old, RunFile.open(Path("kept/new.nnconform")) as new:
        assert old.meta()["plan"] == new.meta()["plan"]
        assert old.meta()["complete"] is True
        assert [subject.backend for subject in old.subjects()] == ["numpy"]
    again = upgrade(*OLD, *NEW, *SMALL, "--out", "kept")
    assert again.exit_code == 2
    assert "old.nnconform is already there and is not overwritten" in again.stderr


@played
def test_keep_says_where_everything_is(upgrade: Callable[..., Result], maker: Maker, cache: Path) -> None:
    done = upgrade(*OLD, *NEW, *SMALL, "--keep")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("nnconform-upgrade").iterdir()) == ["new.nnconform", "old.nnconform"]
    assert "nnconform-upgrade/old.nnconform" in done.stderr
    for version in ("1.26.4", "2.2.6"):
        assert str(cache / version / "bin" / "python") in done.stderr
        assert (cache / version / environments.KEPT).exists()


@played
def test_an_environment_that_can_t_be_made_ends_with_3_and_pip_s_reason(
    upgrade: Callable[..., Result], maker: Maker
) -> None:
    maker.fails = "numpy==2.2.6"
    done = upgrade(*OLD, *NEW, *SMALL, "--keep")
    assert done.exit_code == 3
    assert "the environment new could not be made. numpy==2.2.6 can't be installed: pip said no." in done.stderr
    assert "observing" not in done.stderr
    assert fingerprint(Path.cwd()) == {}


@played
def test_a_side_that_can_t_run_ends_with_3_and_what_might_help(upgrade: Callable[..., Result], maker: Maker) -> None:
    maker.python = "exit 1 #"
    done = upgrade(*OLD, *NEW, *SMALL)
    assert done.exit_code == 3
    assert "numpy of the old environment could not run" in done.stderr
    assert "--with 'numpy<2'" in done.stderr
    assert "installed are numpy 1.26.4, scipy 1.0" in done.stderr
    assert "observing new" not in done.stderr


@played
def test_each_side_has_its_interpreter(upgrade: Callable[..., Result], maker: Maker, tmp_path: Path) -> None:
    other = tmp_path / "python3"
    other.symlink_to(sys.executable)
    maker.fails = "numpy==2.2.6"
    upgrade(*OLD, *NEW, *SMALL, "--python", f"new={other}")
    assert maker.pythons == [sys.executable, str(other)]
    maker.pythons.clear()
    upgrade(*OLD, *NEW, *SMALL, "--python", str(other))
    assert maker.pythons == [str(other), str(other)]


@played
def test_run_with_measures_in_such_an_environment(upgrade: Callable[..., Result], maker: Maker) -> None:
    words = ["run", "numpy", "--with", "numpy==1.26.4", *SMALL]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert maker.wanted == [("numpy==1.26.4", "scipy", "ml-dtypes")]
    with RunFile.open(Path("run.nnconform")) as run_file:
        assert [subject.backend for subject in run_file.subjects()] == ["numpy"]
    wrong = CliRunner().invoke(cli, ["run", "numpy", "--with", "jax==0.4.30", *SMALL])
    assert wrong.exit_code == 2
    assert "is about jax; this run asks numpy" in wrong.stderr


def _has_network() -> bool:
    import subprocess

    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "5"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([*command, "--dest", folder, "six"], capture_output=True, timeout=30, check=False)
            return done.returncode == 0
    return False


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="NumPy 1.26 has no builds for this Python")
def test_an_upgrade_of_numpy_from_an_empty_cache_and_again(nnconform: Shell, tmp_path: Path) -> None:
    if not _has_network():
        pytest.skip("no package index can be reached")
    words = ("upgrade", *OLD, *NEW, *SMALL, "--fail-on", "none")
    fresh = str(tmp_path / "cache")
    done = nnconform(*words, NNCONFORM_CACHE=fresh)
    assert done.code == 0, done.err
    assert done.err.count("made environment:") == 2
    assert "numpy 1.26.4 → 2.2.6" in done.out
    kept = {path.name for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()}
    again = nnconform(*words, NNCONFORM_CACHE=fresh)
    assert again.code == 0, again.err
    assert again.err.count("found environment:") == 2
    assert "made environment:" not in again.err
    assert {path.name for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()} == kept
    shutil.rmtree(tmp_path / "cache")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_an_environment_is_made_leaves_nothing(nnconform: Shell, tmp_path: Path) -> None:
    process = nnconform.begin("upgrade", *OLD, *NEW, *SMALL, NNCONFORM_CACHE=str(tmp_path / "cache"))
    wait_until(lambda: bool(list((tmp_path / "cache").glob("environments/*/pyvenv.cfg"))))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert [path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()] == []
