"""Judging on several processes is judging: the same verdicts, whoever gives them, and whether or not the others live to the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.cases.plan import Selection
from conformance.judge import parallel, run
from conformance.judge.functions import Collected, judge_one
from conformance.judge.parallel import judged_by_others
from conformance.judge.records import Judgement
from conformance.judge.run import judge_run
from conformance.observe.observation import Observation, Subject
from conformance.observe.runfile import RunFile
from conformance.truth.cache import Oracle
from tests.tensor_toy import Bench, no_fault
from tests.toy import Toy, observe

from .faults import FAULTS
from .tensor_faults import FAULTS as TENSOR_FAULTS

pytestmark = pytest.mark.slow

NAMES = {"relu", "sigmoid", "huber", "softmax"}
PARTS = ("results", "strips", "exhibits", "conventions", "findings", "totals", "subjects")
"""Of a judgement: everything that is found out."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the truth that the run needs, and no verdicts."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Path:
    """A run file of two subjects and four functions, of which one of each kind has a fault."""
    oracle = Oracle(kept)
    bench = Bench(oracle)
    faulty = next(fault for fault in FAULTS if fault.name == "NaN swallowed")
    wrong = next(fault for fault in TENSOR_FAULTS if fault.name == "below zero")
    runs = [
        observe(Toy(oracle, replace(faulty, functions=(name,))), Selection(functions=(name,), dtypes=("float32",), modes=("eager",)), oracle, whole=False)
        for name in ("relu", "sigmoid")
    ]  # fmt: skip
    runs += [bench.observe(wrong), bench.observe(no_fault("softmax", topics=("draws", "edges", "rows", "defaults")))]
    bindings = {name: binding for one in runs for name, binding in one.bindings.items()}
    path = tmp_path_factory.mktemp("run") / "toy.nnconform"
    with RunFile.create(path, {"plan": {}, "environment": {}, "bindings": {"toy": bindings}}) as run_file:
        for id, configuration in (("toy", "default"), ("toy x64", "x64")):
            run_file.add_subject(Subject(id, "toy", configuration, "cpu", {"toy": "1.0"}))
            for one in runs:
                run_file.record(id, [replace(observation, subject=id) for observation in one.asked], one.blobs)
            run_file.finish_subject(id)
    return path


def judged(path: Path, kept: Path, into: Path, jobs: int) -> Judgement:
    """The judgement, with a copy of the truth, so that no verdict of an earlier one is remembered."""
    shutil.copytree(kept, into)
    assert {folder.name for folder in into.iterdir()} == {"truth-1"}
    with RunFile.open(path) as run_file:
        return judge_run(run_file, Oracle(into, jobs=jobs))


@pytest.fixture(scope="module")
def alone(path: Path, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """What one process finds out."""
    return judged(path, kept, tmp_path_factory.mktemp("alone") / "cache", jobs=1)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Any run is worth other processes; functions that are judged in this one are put down."""
    names: list[str] = []

    def noted(name: str, *rest: Any) -> dict[str, Collected]:
        names.append(name)
        return judge_one(name, *rest)

    monkeypatch.setattr(parallel, "WORTH", 0)
    monkeypatch.setattr(run, "judge_one", noted)
    return names


def assert_same(found: Judgement, expected: Judgement) -> None:
    for part in PARTS:
        # As text: a NaN is a NaN.
        assert repr(getattr(found, part)) == repr(getattr(expected, part)), part


def test_the_run_has_something_of_everything(alone: Judgement) -> None:
    assert {result.function for result in alone.results} == NAMES
    assert {finding.function for finding in alone.findings} == {"relu", "sigmoid", "huber"}
    assert all((alone.strips, alone.exhibits, alone.conventions))
    assert {result.subject for result in alone.results} == {"toy", "toy x64"}


def test_others_find_what_one_finds(
    path: Path, kept: Path, alone: Judgement, here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judged(path, kept, tmp_path / "cache", jobs=2)
    assert here == [], "every function was judged elsewhere"
    assert_same(found, alone)
    # They keep what they judged: next time nobody is asked.
    asked: list[Any] = []

    def noted(path: Path, oracle: Oracle, work: Any, *rest: Any) -> Iterator[Any]:
        asked.append(work)
        return iter(())

    monkeypatch.setattr(run, "judged_by_others", noted)
    with RunFile.open(path) as run_file:
        assert_same(judge_run(run_file, Oracle(tmp_path / "cache", jobs=2)), alone)
    assert asked == [{}]


def dies(*_: Any) -> None:
    """What a process is that is killed, as it begins."""
    os._exit(1)


def dies_at_huber(
    name: str, observed: Mapping[str, Sequence[Observation]], keys: Mapping[str, str]
) -> tuple[str, dict[str, Collected]]:
    """What a process is that one function is too much for."""
    if name == "huber":
        os._exit(1)
    return parallel._judge(name, observed, keys)


@pytest.mark.parametrize(("at", "death"), [("_prepare", dies), ("_judge", dies_at_huber)])
def test_what_others_leave_undone_is_judged_here(
    at: str, death: Any, path: Path, kept: Path, alone: Judgement, here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(parallel, at, death)
    found = judged(path, kept, tmp_path / "cache", jobs=2)
    assert "huber" in here
    assert len(here) == len(set(here))
    assert at == "_judge" or set(here) == NAMES
    assert_same(found, alone)


def test_without_other_processes_all_is_judged_here(
    path: Path, kept: Path, alone: Judgement, here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def none_to_be_had(*_: Any, **__: Any) -> Any:
        raise OSError("no semaphores")

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", none_to_be_had)
    assert_same(judged(path, kept, tmp_path / "cache", jobs=2), alone)
    assert set(here) == NAMES


@pytest.mark.parametrize(("jobs", "worth", "on_disk"), [(1, 0, True), (2, 10**9, True), (2, 0, False)])
def test_a_small_run_is_left_to_the_caller(
    jobs: int, worth: int, on_disk: bool, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """And so is one for a single process, and one whose truth is nowhere that others could read it."""
    monkeypatch.setattr(parallel, "WORTH", worth)
    with RunFile.open(path) as run_file:
        work = {"relu": {"toy": list(run_file.observations("toy", ["relu"]))}}
        subjects = {subject.id: subject for subject in run_file.subjects()}
    oracle = Oracle(tmp_path if on_disk else None, jobs=jobs)
    assert list(judged_by_others(path, oracle, work, subjects, {}, {})) == []
