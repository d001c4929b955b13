"""The gate as a person meets it: a backend that deviates, its file of expectations written, filled in, outgrown, and out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import PLUG_INS, SMALL, Shell
from .test_suite import run_suite

OFF = f"{PLUG_INS}:Off"
FOLDER = ("--expectations", "mine")


@pytest.fixture
def filled_in(nnconform: Shell) -> Path:
    """A run of the backend that is off, in `off.nnconform`, and what is known of it with a reason, in `mine/off.toml`."""
    done = nnconform("run", OFF, *SMALL, "--out", "off.nnconform", plug_ins=True)
    assert done.code == 1, done.err
    (nnconform.folder / "mine").mkdir()
    done = nnconform("expect", "off.nnconform", "--update", *FOLDER, plug_ins=True)
    assert done.code == 1, done.err
    assert '+reason = ""' in done.out
    assert "has no reason or no link: a person has to write them" in done.err
    path = nnconform.folder / "mine" / "off.toml"
    text = path.read_text()
    assert "no reason" not in text
    path.write_text(
        text.replace('reason = ""', 'reason = "It doubles."').replace('link = ""', 'link = "https://example.org/1"')
    )
    return path


def test_what_is_known_passes_everywhere_and_says_why(filled_in: Path, nnconform: Shell) -> None:
    done = nnconform("expect", "off.nnconform", *FOLDER, plug_ins=True)
    assert done.code == 0, done.out + done.err
    assert "0 not as known, 0 new findings" in " ".join(done.out.split())
    assert nnconform("run", OFF, *SMALL, "--out", "again.nnconform", *FOLDER, plug_ins=True).code == 0
    done = nnconform("findings", "off.nnconform", "--status", "new", *FOLDER, plug_ins=True)
    assert "No finding" in done.out
    assert nnconform("report", "off.nnconform", "--format", "junit,html", *FOLDER, plug_ins=True).code == 0
    junit = (nnconform.folder / "nnconform-report" / "junit.xml").read_text()
    assert "It doubles." in junit
    assert "<failure" not in junit
    options = ("--conformance-backend", OFF, "--conformance-functions", "relu", "--conformance-tier", "quick")
    done = run_suite(nnconform, *options, "--conformance-expectations", "mine", "-rx")
    assert done.code == 0, done.out
    assert "xfailed" in done.out
    assert "It doubles. https://example.org/1" in done.out


def test_what_is_worse_fails_and_says_what_was_expected(filled_in: Path, nnconform: Shell) -> None:
    text = filled_in.read_text()
    start = text.index('"relu.value" = { float32 = [') + len('"relu.value" = { float32 = [')
    filled_in.write_text(text[:start] + "1.0" + text[text.index(",", start) :])
    done = nnconform("expect", "off.nnconform", *FOLDER, plug_ins=True)
    assert done.code == 1, done.out
    done = nnconform("findings", "off.nnconform", "--status", "new", *FOLDER, plug_ins=True)
    assert "where at most 1 are expected (new-relu.value)" in " ".join(done.out.split())
    assert nnconform("expect", "off.nnconform", "--update", *FOLDER, plug_ins=True).code == 0
    assert filled_in.read_text() == text


def test_what_is_not_seen_any_more_fails_until_it_is_removed(nnconform: Shell) -> None:
    folder = nnconform.folder / "mine"
    folder.mkdir()
    (folder / "numpy.toml").write_text(
        'schema = 1\n[[cause]]\nname = "doubled"\nkind = "bug"\nreason = "It doubles."\nlink = "https://example.org/1"\n'
        'rules = ["relu.value"]\n[cause.measured]\n"relu.value" = {float32 = [5.0, 1]}\n'
    )
    done = nnconform("run", "numpy", "--functions", "relu", "--dtypes", "float32", *FOLDER)
    assert done.code == 1, done.out + done.err
    done = nnconform("expect", "run.nnconform", *FOLDER)
    assert (done.code, "fixed, remove it" in " ".join(done.out.split())) == (1, True)
    done = nnconform("expect", "run.nnconform", "--update", *FOLDER)
    assert (done.code, '-name = "doubled"' in done.out) == (0, True)
    assert nnconform("expect", "run.nnconform", *FOLDER).code == 0


def test_a_folder_or_file_that_can_not_be_used_is_a_sentence(nnconform: Shell, small_run: Path) -> None:
    (nnconform.folder / "mine").mkdir()
    done = nnconform("findings", small_run, *FOLDER)
    assert (done.code, "accepted is a folder with numpy.toml" in done.err) == (2, True)
    (nnconform.folder / "mine" / "numpy.toml").write_text("schema = 7")
    done = nnconform("findings", small_run, *FOLDER)
    assert (done.code, "reads schema = 1" in done.err, "Traceback" in done.err) == (2, True, False)
