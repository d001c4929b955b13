"""The pytest matrix as others run it: from any folder, one item per rule, and without a trace in other runs of pytest."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .command import PLUG_INS, SMALL, Done, Shell

INSTALLED = any(
    point.value == "conformance.pytest_plugin" for point in importlib.metadata.entry_points(group="pytest11")
)
PLUG_IN = () if INSTALLED else ("-p", "conformance.pytest_plugin")
FOUR_LINES = [
    "asked     relu(1.0) [0x3f800000] in float32, eager, of conformance.backends.numpy_functions.relu on off: rule relu.value (MUST)",
    "came      2.0 [0x40000000], 8.4e+06 ULP from the truth",
    "conforms  1, exactly",
    "again     nnconform run nnconform_plug_ins:Off --functions relu --rules value --dtypes float32 --modes eager",
]
"""Word for word what the first failing item of a backend that doubles prints."""

QUICK = ("--conformance-tier", "quick")
QUICK_RELU = ("--conformance-functions", "relu", *QUICK)


def run_pytest(shell: Shell, *words: object, **variables: str) -> Done:
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
        command, cwd=shell.folder, env=shell.environment(plug_ins=True, **variables), capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    return Done(ended.returncode, ended.stdout, ended.stderr)


def run_suite(shell: Shell, *words: object, **variables: str) -> Done:
    return run_pytest(shell, "--pyargs", "conformance.suite", *words, **variables)


def diary(*names: str) -> list[str]:
    """Options for the backends that write down each start of a worker."""
    return [word for name in names for word in ("--conformance-backend", f"{PLUG_INS}:{name}")]


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
    assert lines[start : start + 4] == FOUR_LINES
    assert "Traceback" not in done.out
    assert "traceback entries" not in done.out


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        ("Absent", "absent could not run: ImportError: No module named 'framework_of_absent' (in "),
        (
            "Dies",
            "dies could not run: the worker did not start: it ended with exit code 3; it said last: fatal: this build",
        ),
    ],
)
def test_a_backend_that_can_not_run_is_one_failure_with_one_sentence(
    backend: str, sentence: str, nnconform: Shell
) -> None:
    """The other items are skipped with the same sentence; those of another backend are judged as ever."""
    words = ("--conformance-backend", "numpy", *diary(backend), "--conformance-functions", "relu", *QUICK, "-rs")
    done = run_suite(nnconform, *words)
    assert done.code == 1, done.out
    counts = {
        what: int(number) for number, what in re.findall(r"(\d+) (failed|passed|skipped)", done.out.splitlines()[-1])
    }
    assert counts["failed"] == 1
    assert counts["skipped"] > 30
    assert counts["passed"] > 30
    assert done.out.count(sentence) == 2, "once for the failure, once for all that were skipped"
    assert "Traceback" not in done.out


def test_each_backend_is_observed_once_whoever_looks(nnconform: Shell) -> None:
    """In one session, and on xdist's workers, whether or not they share the backends out among them."""
    starts, every = nnconform.folder / "starts", set()
    for options, passed in (
        ((), None),
        (("-n", "2", "--dist", "loadgroup"), None),
        (("-n", "2", "--dist", "load"), None),
        (("-k", "relu.value"), 2),
        (("-k", "relu.value and otherdiary"), 1),
    ):
        starts.unlink(missing_ok=True)
        words = (*diary("Diary", "OtherDiary"), "--conformance-functions", "relu,hard_swish", *QUICK, *options)
        done = run_suite(nnconform, *words, STARTS=str(starts))
        assert done.code == 0, done.out
        count = int(re.findall(r"(\d+) passed", done.out)[-1])
        every |= {count} if passed is None else set()
        assert passed in (count, None)
        assert ("--dist loadgroup" in done.out) == ("load" in options)
        names = [line.split()[0] for line in starts.read_text().splitlines()]
        assert sorted(names) == (["otherdiary"] if passed == 1 else ["diary", "otherdiary"])
    assert len(every) == 1, "on xdist's workers all items are judged, and each once"


def test_no_item_is_no_success(nnconform: Shell) -> None:
    """A name that -k does not find is pytest's own exit code 5; a selection that holds nothing is a sentence."""
    assert run_suite(nnconform, "--conformance-backend", "numpy", "-k", "gleu").code == 5
    done = run_suite(nnconform, "--conformance-backend", "numpy", "--conformance-modes", "compiled")
    assert done.code in (2, 4)
    assert "nothing to ask" in done.out + done.err


def test_items_are_selected_by_rule_dtype_and_mode(nnconform: Shell) -> None:
    words = (
        "--conformance-rules",
        "value,errors",
        "--conformance-dtypes",
        "float64,float32",
        "--conformance-modes",
        "eager",
    )
    done = run_suite(nnconform, "--conformance-backend", "numpy", "--conformance-functions", "relu", *words, "-v")
    assert done.code == 0, done.out
    named = re.findall(r"test_rule\[(\S+)\] PASSED", done.out)
    assert named == ["relu.value-float32-numpy", "relu.value-float64-numpy", "relu.errors.argument-float32-numpy"]


OLD = {"jax": "NNCONFORM_OLD_JAX", "tensorflow": "NNCONFORM_OLD_TENSORFLOW"}
"""Environment variables that name the interpreter of an environment of some years ago: JAX 0.4.30, TensorFlow 2.16."""


@pytest.mark.parametrize("backend", list(OLD))
def test_an_environment_of_some_years_ago_is_measured_from_here(backend: str, nnconform: Shell) -> None:
    python = os.environ.get(OLD[backend], "")
    if not python:
        pytest.skip(f"{OLD[backend]} names no interpreter")
    lacking = {"jax": "identity", "tensorflow": "soft_shrink"}[backend]
    words = ("--conformance-functions", f"relu,{lacking}", *QUICK, "-rs", "-v")
    done = run_suite(
        nnconform, "--conformance-backend", backend, "--conformance-python", f"{backend}={python}", *words
    )  # fmt: skip
    assert f"[relu.value-float32-{backend}] PASSED" in done.out, done.out
    assert f"[{lacking}.value-float32-{backend}] SKIPPED (not provided: " in done.out
    assert "could not run" not in done.out
    assert "compared nothing" not in done.out
    again = re.findall(r"^again .*", done.out, re.MULTILINE)
    assert all(f"--python {backend}={python}" in line for line in again)


def test_a_run_file_is_judged_and_nothing_is_observed(nnconform: Shell, small_run: Path) -> None:
    done = run_suite(nnconform, "--conformance-run", small_run)
    assert done.code == 0, done.out
    assert "passed" in done.out
    assert small_run.exists()
    narrow = nnconform("run", "numpy", *SMALL, "--rules", "relu.value,errors", "--out", "narrow.nnconform")
    assert narrow.code == 0
    done = run_suite(nnconform, "--conformance-run", "narrow.nnconform", "-v")
    assert done.code == 0, done.out
    assert "3 passed" in done.out, "two rules and the expectations"
    for words, said in (
        (("--conformance-functions", "gelu"), "was not asked about gelu: its functions are relu"),
        (("--conformance-backend", "torch"), "holds nothing of torch: it has numpy"),
        (("--conformance-device", "cuda"), "--conformance-device and --conformance-shard have no place"),
    ):
        done = run_suite(nnconform, "--conformance-run", "narrow.nnconform", *words)
        assert done.code in (2, 4)
        assert said in done.out + done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--conformance-backend", "nupmy"), "Did you mean numpy"),
        (("--conformance-backend", "numpy", "--conformance-functions", "gleu"), "or gelu"),
        (("--conformance-run", "nowhere.nnconform"), "nowhere.nnconform was not found"),
        (("--conformance-backend", "nowhere:Class"), "nowhere"),
        ((), "Give --conformance-backend NAME"),
        (("--conformance-backend", "numpy", "--conformance-dtypes", "flaot32"), "Did you mean float32"),
        (("--conformance-backend", "numpy", "--conformance-modes", "eagre"), "Did you mean eager"),
        (("--conformance-backend", "numpy", "--conformance-rules", "valeu"), "Did you mean value"),
        (
            ("--conformance-backend", "numpy", "--conformance-python", "numpy=nowhere/python"),
            "there is no file nowhere/python",
        ),
        (("--conformance-backend", "numpy", "--conformance-python", "nowhere/python"), "give BACKEND=PATH"),
        (("--conformance-backend", "numpy", "--conformance-python", "jax=python"), "add --conformance-backend jax"),
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
