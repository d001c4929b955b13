"""Shards and merging, as a CI system has them: a command for each, and the same results in the end; and versions side by side."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .command import Shell, fingerprint
from .test_suite import run_suite

THREE = ("--functions", "relu,softmax,huber", "--rules", "value", "--dtypes", "float32", "--tier", "quick")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """Two shards of a small run on NumPy, and the whole of it; to be read."""
    made = tmp_path_factory.mktemp("shards")
    for name, more in (("1", ("--shard", "1/2")), ("2", ("--shard", "2/2")), ("whole", ())):
        done = Shell(made, cache)("run", "numpy", *THREE, *more, "--out", f"{name}.nnconform")
        assert done.code == 0, done.err
    return made


def test_the_shards_of_a_run_come_to_its_results(folder: Path, nnconform: Shell) -> None:
    before = fingerprint(folder)
    merged = nnconform("merge", folder / "2.nnconform", folder / "1.nnconform", "--out", "all.nnconform")
    assert merged.code == 0, merged.err
    assert "2 run files" in merged.out
    for format in ("csv", "json"):
        whole = nnconform("results", folder / "whole.nnconform", "--format", format).out
        together = nnconform("results", "all.nnconform", "--format", format).out
        assert len(whole.splitlines()) > 7
        # The command is another one, and that is all; it is in the document's first lines.
        assert [line for line in together.splitlines() if '"command"' not in line] == [
            line for line in whole.splitlines() if '"command"' not in line
        ]
    assert fingerprint(folder) == before


def test_a_shard_alone_says_so_and_is_not_incomplete(folder: Path, nnconform: Shell) -> None:
    said = nnconform("findings", folder / "2.nnconform")
    assert "Only shard 2 of 2" in said.out
    assert said.code == 0
    report = nnconform("report", folder / "2.nnconform", "--format", "html,markdown")
    assert report.code == 0, report.err
    for name in ("report.html", "report.md"):
        assert "Only shard 2 of 2" in (nnconform.folder / "nnconform-report" / name).read_text(encoding="utf-8")
    assert "Only shard" not in nnconform("findings", folder / "whole.nnconform").out
    done = run_suite(nnconform, "--conformance-run", folder / "2.nnconform")
    assert done.code == 0, done.out
    assert "failed" not in done.out


def test_a_missing_shard_is_told_and_kept(folder: Path, nnconform: Shell) -> None:
    merged = nnconform("merge", folder / "1.nnconform", "--out", "all.nnconform")
    assert merged.code == 3
    assert "Incomplete: shard 2 of 2 of numpy is missing." in merged.err
    assert "Only shard 1 of 2" in nnconform("findings", "all.nnconform").out
    assert "all.nnconform is already there" in nnconform("merge", folder / "1.nnconform", "--out", "all.nnconform").err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("run", "numpy", "--shard", "3/2"), 2, "--shard: '3/2' is no shard: give i/n with 1 ≤ i ≤ n, as in 2/5"),
        (("run", "numpy", *THREE, "--shard", "1/2", "--resume", "--out", "2.nnconform"), 2, "can't be resumed: its plan was {'shard': '2/2'}"),
        (("merge", "1.nnconform", "nowhere", "--out", "x"), 2, "nowhere was not found"),
        (("merge", "1.nnconform"), 2, "--out"),
        (("history", "1.nnconform"), 2, "is one run: give the run file of another version too"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence(
    folder: Path, cache: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    before = fingerprint(folder)
    done = Shell(folder, cache)(*words)
    assert (done.code, sentence in " ".join(done.err.split())) == (code, True), done.err
    assert fingerprint(folder) == before


def test_the_history_of_two_versions(folder: Path, nnconform: Shell) -> None:
    older = nnconform.folder / "older.nnconform"
    older.write_bytes((folder / "whole.nnconform").read_bytes())
    with sqlite3.connect(older) as connection:  # a version of NumPy that is not installed here
        connection.execute("UPDATE subject SET data = json_set(data, '$.versions.numpy', '1.26.4')")
        connection.execute(
            "UPDATE observation SET outcome = 'raised' WHERE case_ IN (SELECT number FROM case_ WHERE json LIKE '%softmax%')"
        )
    connection.close()
    said = nnconform("history", folder / "whole.nnconform", older)
    assert said.code == 0, said.err
    assert "numpy on cpu: 1.26.4 · " in said.out
    assert "↗ better" in said.out
    assert "until 1.26.4: softmax" in said.out
    assert nnconform("history", older, folder / "whole.nnconform").out == said.out
    page = nnconform("history", older, folder / "whole.nnconform", "--format", "html", "--out", "since/when.html")
    assert page.code == 0, page.err
    assert "until 1.26.4" in (nnconform.folder / "since" / "when.html").read_text(encoding="utf-8")
