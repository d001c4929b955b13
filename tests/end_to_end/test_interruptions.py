"""Ctrl-C, kill -9 and a full disk: the run file stays whole, and going on gives what an undisturbed run gives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.observe.runfile import RunFile

from .command import PLUG_INS, SMALL, Shell, observed, recorded, wait_until

RUN = ("run", f"{PLUG_INS}:Slow", "--functions", "relu,hard_swish", "--tier", "quick", "--rules", "value,shape,purity")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The same run without interruption, and without the diary that makes it slow."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert Shell(folder, cache)(*RUN, plug_ins=True).code in (0, 1)
    return folder / "run.nnconform"


def test_ctrl_c_keeps_what_was_answered_and_resume_goes_on(nnconform: Shell, undisturbed: Path) -> None:
    diary, path = nnconform.folder / "diary", nnconform.folder / "run.nnconform"
    process = nnconform.begin(*RUN, SLOW_DIARY=str(diary))
    wait_until(lambda: diary.exists() and diary.stat().st_size >= 5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume goes on from there" in err
    assert "run.nnconform" in err
    with RunFile.open(path) as run_file:
        assert run_file.meta()["complete"] is False
    whole = observed(undisturbed)
    kept = observed(path)
    assert 4 <= len(kept) < len(whole)
    assert kept.items() <= whole.items()
    calls = diary.stat().st_size
    done = nnconform(*RUN, "--resume", plug_ins=True)
    assert done.code in (0, 1), done.err
    assert observed(path) == whole
    assert diary.stat().st_size == calls, "without its diary the second half is not slow"


def test_killing_the_run_loses_no_more_than_what_was_under_way(nnconform: Shell, undisturbed: Path) -> None:
    diary, path = nnconform.folder / "diary", nnconform.folder / "run.nnconform"
    process = nnconform.begin(*RUN, SLOW_DIARY=str(diary))
    wait_until(lambda: diary.exists() and diary.stat().st_size >= 2 and recorded(path) > 0)
    process.kill()
    process.communicate(timeout=60)
    kept = observed(path)
    whole = observed(undisturbed)
    assert 0 < len(kept) < len(whole)
    # Its worker finds that nobody listens any more and ends too.
    size = diary.stat().st_size
    wait_until(lambda: not _still_writing(diary))
    assert diary.stat().st_size <= size + 40
    done = nnconform(*RUN, "--resume", plug_ins=True)
    assert done.code in (0, 1), done.err
    assert observed(path) == whole
    assert nnconform(*RUN, "--resume", plug_ins=True).code in (0, 1), "resuming what is complete judges it again"


def _still_writing(diary: Path) -> bool:
    before = diary.stat().st_size
    time.sleep(0.5)
    return diary.stat().st_size != before


def test_resume_without_a_run_file_begins_one(nnconform: Shell) -> None:
    assert nnconform("run", "numpy", *SMALL, "--resume").code == 0
    assert recorded(nnconform.folder / "run.nnconform") > 0


# No file may grow beyond this, as on a disk that is full. Set by the process itself: a fork of ours may hold threads.
LIMITED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
runpy.run_module("conformance.cli", run_name="__main__")
"""


def test_a_full_disk_is_a_sentence_and_what_was_recorded_is_kept(nnconform: Shell, small_run: Path) -> None:
    words = ("run", "numpy", "--functions", "relu,hard_swish", "--tier", "quick")
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, *words], cwd=nnconform.folder, env=nnconform.environment(), capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 3, ended
    assert "Traceback" not in ended.stderr
    assert "run.nnconform can't be written" in ended.stderr
    assert "--resume goes on from there" in ended.stderr
    assert (nnconform.folder / "run.nnconform").stat().st_size <= 150_000
    done = nnconform(*words, "--resume")
    assert done.code == 0, done.err
    assert observed(nnconform.folder / "run.nnconform").items() >= observed(small_run).items()
