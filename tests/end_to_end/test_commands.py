"""What a person types and what comes of it: exit codes, messages about wrong names, help, and what `--help` costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.cli import cli

from .command import COMMAND, PLUG_INS, SMALL, Shell, fingerprint

OFF, ABSENT = f"{PLUG_INS}:Off", f"{PLUG_INS}:Absent"


def test_a_run_that_conforms_ends_with_0_and_says_what_to_do_next(nnconform: Shell) -> None:
    done = nnconform("run", "numpy", *SMALL)
    assert done.code == 0, done.err
    assert "No finding" in done.out
    assert "Next:     nnconform report run.nnconform" in done.out
    assert "numpy: 54 of 54 cases" in done.err or "cases  done" in done.err
    assert (nnconform.folder / "run.nnconform").stat().st_size > 0


def test_a_finding_that_nobody_expected_ends_with_1(nnconform: Shell) -> None:
    done = nnconform("run", OFF, *SMALL, plug_ins=True)
    assert done.code == 1
    assert "relu.value" in done.out
    again = nnconform("run", OFF, *SMALL, "--fail-on", "none", "--out", "other.nnconform", plug_ins=True)
    assert again.code == 0
    assert "relu.value" in again.out


def test_what_could_not_be_run_ends_with_3_before_1_and_the_others_run(nnconform: Shell) -> None:
    done = nnconform("run", ABSENT, OFF, *SMALL, plug_ins=True)
    assert done.code == 3
    assert "framework_of_absent" in done.out
    assert "relu.value" in done.out
    report = nnconform("report", "run.nnconform")
    assert report.code == 0, report.err
    assert "could not run" in (nnconform.folder / "nnconform-report/report.html").read_text().lower()


def test_a_bare_environment_could_not_run_and_the_others_do(nnconform: Shell) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", nnconform.folder / "bare"], check=True, timeout=120)
    python = "bare/Scripts/python.exe" if sys.platform == "win32" else "bare/bin/python"
    done = nnconform(
        "run", "numpy", OFF, *SMALL, "--python", f"numpy={python}", "--fail-on", "unexpected", plug_ins=True
    )
    assert done.code == 3, done.err
    assert "No module named 'numpy'" in " ".join(done.out.split())
    assert "relu.value" in done.out
    assert nnconform("report", "run.nnconform", "--format", "html,markdown,json,junit,csv").code == 0


# what is given, what the message must hold
WRONG = [
    (("run", "torhc"), ("unknown backend 'torhc'", "Did you mean torch", "numpy, torch, tensorflow, jax")),
    (("run", "numpy", "--functions", "gelo"), ("unknown function 'gelo'", "Did you mean gelu", "nnconform list functions")),
    (("run", "numpy", "--functions", "relu,gelo"), ("unknown function 'gelo'", "gelu")),
    (("run", "numpy", "--functions", ","), ("--functions", "names no function")),
    (("run", "numpy", "--dtypes", "flaot32"), ("unknown dtype 'flaot32'", "float32", "bfloat16")),
    (("run", "numpy", "--modes", "eagre"), ("unknown mode 'eagre'", "eager", "graph, compiled")),
    (("run", "numpy", "--rules", "gelu.limit.-in"), ("unknown rule", "gelu.limit.-inf", "nnconform list rules")),
    (("run", "numpy", "--rules", "subnormla"), ("unknown rule", "subnormal")),
    (("run", "numpy", "--tier", "quik"), ("quik", "'quick', 'default', 'deep'")),
    (("run", "numpy", "--device", "tpu"), ("tpu", "cpu", "cuda")),
    (("run", "numpy", "--jobs", "0"), ("--jobs", "0", "x>=1")),
    (("run", "numpy", "--modes", "compiled"), ("nothing to ask", "numpy", "list backends")),
    (("run", "numpy", "--python", "numpy"), ("BACKEND=PATH", "--python jax=venv/bin/python")),
    (("run", "numpy", "--python", "jax=" + sys.executable), ("jax", "not among the backends of this run: numpy")),
    (("run", "numpy", "--python", "numpy=nowhere/python"), ("no file nowhere/python", "venv/bin/python")),
    (("run", "nowhere_module:Class"), ("nowhere_module:Class", "can't be loaded", "numpy, torch")),
    (("run", "json:Nothing"), ("module json has no 'Nothing'",)),
    (("run", "numpy", "conformance.backends.numpy_ref:NumPy"), ("both called 'numpy'", "run one of them")),
    (("run", "numpy", "--fnuctions", "relu"), ("--fnuctions", "--functions")),
    (("rnu", "numpy"), ("rnu", "run")),
    (("show", "glue"), ("unknown function 'glue'", "gelu")),
    (("list", "function"), ("function", "functions")),
    (("report", "nowhere.nnconform"), ("nowhere.nnconform was not found",)),
    (("findings", "nowhere.nnconform"), ("nowhere.nnconform was not found",)),
    (("results", "nowhere.nnconform"), ("nowhere.nnconform was not found",)),
    (("repro", "nowhere.nnconform", "abc"), ("nowhere.nnconform was not found",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None
)
def test_wrong_usage_ends_with_2_and_says_what_would_be_right(
    words: tuple[str, ...], said: tuple[str, ...], nnconform: Shell
) -> None:  # fmt: skip
    done = nnconform(*words)
    assert done.code == 2
    assert done.out == ""
    message = " ".join(done.err.split())
    assert [text for text in said if text not in message] == [], message
    assert len(message) < 900, "a message that nobody reads"
    assert fingerprint(nnconform.folder) == {}


def test_an_unknown_report_format_and_finding_suggest_the_nearest(nnconform: Shell, hostile_run: Path) -> None:
    done = nnconform("report", hostile_run, "--format", "htlm")
    assert (done.code, "Did you mean html" in done.err) == (2, True)
    finding = json.loads(nnconform("findings", hostile_run, "--format", "json").out)["findings"][0]["id"]
    done = nnconform("repro", hostile_run, finding[:-1] + "g")
    assert (done.code, finding in done.err, "nnconform findings" in done.err) == (2, True, True)
    done = nnconform("repro", hostile_run, finding)
    assert (done.code, "is not installed here" in done.err) == (2, True)


def test_a_report_that_can_t_be_written_is_a_sentence(nnconform: Shell, small_run: Path) -> None:
    (nnconform.folder / "file").write_text("in the way")
    done = nnconform("report", small_run, "--out", "file/folder")
    assert done.code == 2
    assert "file/folder can't be written" in done.err
    assert "--out" in done.err


@pytest.mark.parametrize("command", ["", *cli.commands])
def test_help_of_every_command_fits_in_40_columns(command: str, nnconform: Shell) -> None:
    done = nnconform(*command.split(), "--help", COLUMNS="40")
    assert done.code == 0
    # The column of the options may be 30 wide, and that of their meanings is never less than 10.
    assert [line for line in done.out.splitlines() if len(line) > 30 + 2 + 2 + 10] == []
    assert done.out.count("\n") > 5


def test_help_and_version_import_neither_numpy_nor_rich(nnconform: Shell) -> None:
    for option in ("--help", "--version"):
        script = (
            "import sys\nfrom conformance.cli import main\nsys.argv = ['nnconform', sys.argv[1]]\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print('imported:', *sorted({name.partition('.')[0] for name in sys.modules}))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script, option], env=nnconform.environment(), capture_output=True, text=True, check=True
        )  # fmt: skip
        imported = set(ended.stdout.rpartition("imported:")[2].split())
        assert "conformance" in imported
        assert not imported & {"numpy", "scipy", "rich", "flint", "jinja2", "msgspec", "sqlite3", "ml_dtypes"}


def test_the_standard_can_be_read_without_a_run(nnconform: Shell) -> None:
    assert "x · Φ(x)" in nnconform("show", "gelu").out
    page = json.loads(nnconform("show", "gelu", "--format", "json").out)
    assert page
    assert "gelu.limit.-inf" in {row["rule"] for row in json.loads(nnconform("list", "rules", "--format", "json").out)}
    assert "hard_swish" in nnconform("list", "functions").out
    rows = json.loads(nnconform("list", "backends", "--format", "json").out)
    assert [row["backend"] for row in rows][:4] == ["numpy", "torch", "tensorflow", "jax"]


def test_a_reader_who_leaves_early_is_no_failure(nnconform: Shell) -> None:
    process = nnconform.begin("list", "rules", "--format", "json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_command_is_what_the_package_declares() -> None:
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert 'nnconform = "conformance.cli:main"' in text
    assert COMMAND[-1] == "conformance.cli"
