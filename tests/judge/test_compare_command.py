"""`nnconform compare`: exit codes, files and sentences. The toy needs no framework, so this is quick enough to run on every change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.cli import cli
from conformance.truth.cache import Oracle
from tests.toy import NO_FAULT, Fault

from .compared import Pairs
from .faults import VALUE, nudge, scale

Invoke = Callable[..., Result]


@pytest.fixture(scope="module")
def pairs(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return Pairs(oracle, tmp_path_factory.mktemp("commanded"))


@pytest.fixture
def invoke(oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setattr("conformance.truth.cache.default_directory", lambda: oracle.directory)
    monkeypatch.setattr("conformance.observe.session.cores", lambda: 1)
    return lambda *words: CliRunner().invoke(cli, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def right(pairs: Pairs) -> Path:
    return pairs.run_file(pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",))))


@pytest.fixture(scope="module")
def wrong(pairs: Pairs) -> Path:
    return pairs.run_file(pairs.observed(Fault("off", ("relu",), (), strike=scale(VALUE, 1.5))), "2.0")


def test_exit_codes(invoke: Invoke, pairs: Pairs, right: Path, wrong: Path) -> None:
    again = pairs.run_file(pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",))))
    assert invoke(right, again).exit_code == 0
    assert invoke(right, again, "--fail-on", "changed").exit_code == 0
    assert invoke(right, wrong).exit_code == 1
    assert invoke(right, wrong, "--fail-on", "none").exit_code == 0
    assert invoke(wrong, right).exit_code == 0, "better"
    assert invoke(wrong, right, "--fail-on", "changed").exit_code == 1


def test_an_incomplete_run_is_3_before_1(invoke: Invoke, pairs: Pairs, right: Path) -> None:
    broken = pairs.run_file(pairs.observed(Fault("off", ("relu",), (), strike=scale(VALUE, 1.5))), complete=False)
    done = invoke(right, broken)
    assert done.exit_code == 3
    assert "not complete in NEW" in done.output
    assert "worse" in done.output
    assert invoke(right, broken, "--fail-on", "none").exit_code == 0


def test_what_cannot_be_compared_is_one_sentence(invoke: Invoke, right: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("no run file")
    for words, said in (
        ((right, right), "the same file"),
        ((right, tmp_path / "absent"), "was not found"),
        ((right, other), "is not an nnconform run file"),
        ((right, right, "--format", "pdf"), "'pdf' is not one of"),
    ):
        done = invoke(*words)
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())


def test_every_format_to_a_file(invoke: Invoke, right: Path, wrong: Path, tmp_path: Path) -> None:
    for format, start in (
        ("text", "toy"),
        ("json", '{\n "schema": 1'),
        ("markdown", "# What changed"),
        ("html", "<!doctype html>"),
    ):
        out = tmp_path / "reports" / format
        done = invoke(right, wrong, "--format", format, "--out", out)
        assert done.exit_code == 1, done.output
        assert out.read_text(encoding="utf-8").lstrip().startswith(start)
        assert f"{format}: {out}" in done.output.replace("\n", "")


def test_json_on_standard_output_is_nothing_but_json(invoke: Invoke, right: Path, wrong: Path) -> None:
    document = json.loads(invoke(right, wrong, "--format", "json").stdout)
    assert [change["kind"] for change in document["changes"]] == ["worse"]


def test_bits_fail_only_where_they_are_asked_to(invoke: Invoke, pairs: Pairs) -> None:
    right = pairs.run_file(pairs.observed(replace(NO_FAULT, functions=("sigmoid",), dtypes=("float32",))))
    nudged = pairs.run_file(
        pairs.observed(Fault("nudged", ("sigmoid",), (), strike=nudge(VALUE, 1, lambda x: (x > 0.5) & (x < 2))))
    )
    assert invoke(right, nudged).exit_code == 0
    assert invoke(right, nudged, "--fail-on", "changed").exit_code == 1
