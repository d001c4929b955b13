"""Runs the command line as people do: in a process of its own, in an empty folder, with a cache that the session shares."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.observe.runfile import RunFile, RunFileError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COMMAND = (sys.executable, "-m", "conformance.cli")
PLUG_INS = "nnconform_plug_ins"
"""The module with the backends of these tests; only commands that are given `plug_ins=True` can import it."""

SMALL = ("--functions", "relu", "--tier", "quick")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Where commands run: in `folder`, with the truth kept in `cache`."""

    folder: Path
    cache: Path

    def environment(self, plug_ins: bool = False, **variables: str) -> dict[str, str]:
        path = [str(ROOT), *([str(HERE / "plug_ins")] if plug_ins else [])]
        # A pytest that is started from here is no worker of the one that runs these tests.
        ours = (
            "PYTHONPATH",
            "NNCONFORM_DEBUG",
            "PYTEST_XDIST_WORKER",
            "PYTEST_XDIST_WORKER_COUNT",
            "PYTEST_XDIST_TESTRUNUID",
        )
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(path),
            "NNCONFORM_CACHE": str(self.cache),
            "COLUMNS": "100",
            **variables,
        }

    def __call__(self, *words: object, plug_ins: bool = False, **variables: str) -> Done:
        """Run `nnconform` with these words and wait for its end."""
        ended = subprocess.run(
            [*COMMAND, *map(str, words)], cwd=self.folder, env=self.environment(plug_ins, **variables), capture_output=True,
            text=True, timeout=300, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert "Traceback" not in ended.stderr, ended.stderr
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def begin(self, *words: object, **variables: str) -> subprocess.Popen[str]:
        """Start `nnconform` with these words, plug-ins at hand, and leave it running.

        A shell has what it starts in the background ignore Ctrl-C, and that is inherited: these tests may be such a thing.
        """
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self._begun(*words, **variables)
        finally:
            signal.signal(signal.SIGINT, before)

    def _begun(self, *words: object, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *map(str, words)], cwd=self.folder, env=self.environment(plug_ins=True, **variables),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when the condition holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("it never came to that")
        time.sleep(0.02)


def observed(path: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What a run file holds: by subject and case, the outcome and the bits of everything that came back."""
    with RunFile.open(path) as run_file:
        return {
            (subject.id, observation.case.id): (
                observation.outcome, observation.error_type, observation.message,
                *(run_file.array(output).tobytes() for output in observation.outputs),
            )
            for subject in run_file.subjects()
            for observation in run_file.observations(subject.id)
        }  # fmt: skip


def recorded(path: Path) -> int:
    """How many observations a run file holds that may be under way; 0 where it is not there yet."""
    try:
        with RunFile.open(path) as run_file:
            return sum(len(run_file.done(subject.id)) for subject in run_file.subjects())
    except RunFileError:
        return 0


def fingerprint(folder: Path) -> Mapping[str, str]:
    """The hash of every file in a folder: nothing was overwritten and nothing left behind where it is the same."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
