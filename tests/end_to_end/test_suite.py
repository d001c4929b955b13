"""The pytest matrix as others run it: from any folder, one item per rule, and without a trace in other runs of pytest."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .command import PLUG_INS, SMALL, Done, Shell

INSTALLED = any(
    point.value == "conformance.pytest_plugin" for point in importlib.metadata.entry_points(group="pytest11")
)
PLUG_IN = () if INSTALLED else ("-p", "conformance.pytest_plugin")
QUICK_RELU = ("--conformance-functions", "relu", "--conformance-tier", "quick")


def run_pytest(shell: Shell, *words: object) -> Done:
    """Run pytest in the shell's folder, with the plug-in and the tests' backends at hand."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:benchmark",
        *PLUG_IN,
        *map(str, words),
    ]
    ended = subprocess.run(
        command, cwd=shell.folder, env=shell.environment(plug_ins=True), capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    return Done(ended.returncode, ended.stdout, ended.stderr)


def run_suite(shell: Shell, *words: object) -> Done:
    return run_pytest(shell, "--pyargs", "conformance.suite", *words)


def test_items_are_rules_and_a_backend_that_conforms_passes(nnconform: Shell) -> None:
    done = run_suite(nnconform, "--conformance-backend", "numpy", *QUICK_RELU, "-v")
    assert done.code == 0, done.out
    assert "[relu.limit.-inf-float32-numpy] PASSED" in done.out
    assert "[relu.dtype.integer-int32-numpy] PASSED" in done.out
    assert "inplace" not in done.out, "numpy has no in-place form"
    assert "compared nothing" not in done.out
    assert list(nnconform.folder.iterdir()) == []


def test_the_default_tier_awaits_no_answer_to_what_is_not_asked(nnconform: Shell) -> None:
    done = run_suite(nnconform, "--conformance-backend", "numpy", "--conformance-functions", "relu", "-v")
    assert done.code == 0, done.out
    assert "float64" in done.out


def test_a_failing_item_prints_its_four_lines(nnconform: Shell) -> None:
    done = run_suite(nnconform, "--conformance-backend", f"{PLUG_INS}:Off", *QUICK_RELU, "-k", "relu.value")
    assert done.code == 1, done.out
    lines = done.out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("asked "))
    assert [line.split()[0] for line in lines[start : start + 4]] == ["asked", "came", "conforms", "again"]
    assert "relu(" in lines[start]
    assert "rule relu.value (MUST)" in lines[start]
    assert "0x" in lines[start + 1]
    assert "nnconform" in lines[start + 3]
    assert "Traceback" not in done.out
    assert "traceback entries" not in done.out


def test_what_a_backend_could_not_run_fails_and_says_why(nnconform: Shell) -> None:
    done = run_suite(nnconform, "--conformance-backend", f"{PLUG_INS}:Absent", *QUICK_RELU, "-k", "relu.value")
    assert done.code == 1, done.out
    assert "framework_of_absent" in done.out


def test_a_run_file_is_judged_and_nothing_is_observed(nnconform: Shell, small_run: Path) -> None:
    done = run_suite(nnconform, "--conformance-run", small_run)
    assert done.code == 0, done.out
    assert "passed" in done.out
    assert small_run.exists()
    narrow = nnconform("run", "numpy", *SMALL, "--rules", "relu.value,errors", "--out", "narrow.nnconform")
    assert narrow.code == 0
    done = run_suite(nnconform, "--conformance-run", "narrow.nnconform", "-v")
    assert done.code == 0, done.out
    assert "2 passed" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--conformance-backend", "nupmy"), "Did you mean numpy"),
        (("--conformance-backend", "numpy", "--conformance-functions", "gleu"), "Did you mean gelu"),
        (("--conformance-run", "nowhere.nnconform"), "nowhere.nnconform was not found"),
        (("--conformance-backend", "nowhere:Class"), "nowhere"),
        ((), "Give --conformance-backend NAME"),
    ],
)
def test_wrong_usage_is_a_sentence(words: tuple[str, ...], said: str, nnconform: Shell) -> None:
    done = run_suite(nnconform, *words)
    assert done.code in (2, 4)
    assert said in done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert list(nnconform.folder.iterdir()) == []


def test_other_runs_of_pytest_are_left_alone(nnconform: Shell) -> None:
    """The plug-in is loaded into all of them: it adds no item, imports nothing, and warns of nothing."""
    (nnconform.folder / "test_mine.py").write_text(
        "import json, sys\n\n\ndef test_mine(request):\n"
        "    loaded = [n for n in sys.modules if n.split('.')[0] in ('conformance', 'numpy', 'flint', 'rich', 'sqlite3')]\n"
        "    assert request.fixturenames == ['request']\n"
        "    print('LOADED', json.dumps(sorted(loaded)))\n"
    )
    done = run_pytest(nnconform, "-W", "error", "--strict-markers", "-s", "-q")
    assert done.code == 0, done.out + done.err
    assert "1 passed" in done.out
    loaded = json.loads(done.out.partition("LOADED ")[2].splitlines()[0])
    assert loaded == ["conformance", "conformance.pytest_plugin"]
