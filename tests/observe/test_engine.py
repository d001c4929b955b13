"""The engine: what crashes, hangs, interruptions and resumed runs cost, and that subjects do not disturb each other."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance.cases.topics import Group
from conformance.observe.engine import Interrupted, Limits, observe
from conformance.observe.observation import Subject
from conformance.observe.process import worker_environment
from conformance.observe.runfile import RunFile, RunFileError

from .conftest import Bench

QUICK = Limits(case_seconds=0.6, start_seconds=20.0)


def test_a_hang_costs_the_case_and_no_other(bench: Bench) -> None:
    observations = bench.observe(bench.case("flip"), bench.case("hang"), bench.case("halve"), limits=QUICK)
    assert [o.outcome for o in observations] == ["returned", "timed_out", "returned"]
    assert observations[1].message == "no answer within 0.6 seconds"
    assert bench.starts() == 2


def test_a_hang_that_lets_no_thread_run_is_ended_too(bench: Bench) -> None:
    observations = bench.observe(bench.case("hang_holding"), bench.case("halve"), limits=QUICK)
    assert [o.outcome for o in observations] == ["timed_out", "returned"]


def test_a_case_has_its_own_time(bench: Bench) -> None:
    """Many cases that together take longer than one may."""
    cases = [bench.case("flip", detail=str(number)) for number in range(6)]
    observations = bench.observe(*cases, limits=QUICK, variables={"FAKE_SECONDS": "0.15"})
    assert [o.outcome for o in observations] == ["returned"] * 6
    assert all(0.15 <= o.seconds < 0.6 for o in observations)
    assert sum(o.seconds for o in observations) > 0.6


def test_a_crash_in_the_first_and_the_last_case_of_groups(bench: Bench) -> None:
    groups = [
        Group("one", (bench.case("abort"), bench.case("flip"), bench.case("exit"))),
        Group("two", (bench.case("exit", detail="again"),)),
        Group("three", (bench.case("halve"),)),
    ]
    with RunFile.create(bench.path, {}) as run_file:
        observe([bench.task(groups)], run_file)
        outcomes = {o.case.entry_point + o.case.detail: o.outcome for o in run_file.observations("fake")}
        states = [group for group, _, _ in run_file.states("fake")]
    assert outcomes == {
        "abort": "crashed", "flip": "returned", "exit": "crashed", "exitagain": "crashed", "halve": "returned",
    }  # fmt: skip
    assert states == ["three"]  # the others ended with their worker


def test_a_framework_that_is_not_installed_is_said_so_and_the_others_run(bench: Bench) -> None:
    groups = [Group("group", (bench.case("flip"), bench.case("halve")))]
    tasks = [
        bench.task(groups, subject="absent", variables={"FAKE_START": "not_installed"}),
        bench.task(groups, subject="present"),
        bench.task(groups, subject="nowhere", python=str(bench.folder / "no" / "python")),
    ]
    with RunFile.create(bench.path, {}) as run_file:
        observe(tasks, run_file, jobs=2)
        problems = {subject.id: subject.problem for subject in run_file.subjects()}
        assert problems["absent"].startswith("ImportError: No module named 'fake_framework' (in ")
        assert problems["present"] == ""
        assert "no/python can't be started: No such file or directory" in problems["nowhere"]
        for name, outcome in (("absent", "could_not_run"), ("nowhere", "could_not_run"), ("present", "returned")):
            assert [o.outcome for o in run_file.observations(name)] == [outcome] * 2
            assert run_file.complete(name)
        assert run_file.done("absent") == set()
        # Once it is installed, resuming asks what could not be asked.
        observe([bench.task(groups, subject="absent")], run_file)
        assert [o.outcome for o in run_file.observations("absent")] == ["returned"] * 2
        assert {subject.id: subject.problem for subject in run_file.subjects()}["absent"] == ""


def test_an_interpreter_without_numpy_or_too_old_is_said_so(bench: Bench) -> None:
    script = bench.folder / "python"
    script.write_text("#!/bin/sh\necho 'a worker needs Python 3.9 or later; this interpreter is 3.8.1' >&2\nexit 1\n")
    script.chmod(0o755)
    (observation,) = bench.observe(bench.case("flip"), python=str(script))
    assert observation.outcome == "could_not_run"
    assert "ended with exit code 1" in observation.message
    assert "needs Python 3.9" in observation.message


def test_a_worker_that_never_starts_is_tried_twice(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("flip"), variables={"FAKE_START": "abort"})
    assert observation.outcome == "could_not_run"
    assert "did not start: it was killed by SIGABRT" in observation.message
    assert "about to abort" in observation.message


def test_a_worker_that_fails_to_start_once_is_forgiven(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("flip"), variables={"FAKE_START": "abort_once"})
    assert observation.outcome == "returned"


def test_a_worker_that_starts_too_slowly_could_not_run(bench: Bench) -> None:
    limits = Limits(start_seconds=0.2)
    (observation,) = bench.observe(bench.case("flip"), limits=limits, variables={"FAKE_START": "hang"})
    assert (observation.outcome, observation.message) == (
        "could_not_run",
        "the worker did not start within 0.2 seconds",
    )


def test_a_subject_that_crashes_again_and_again_is_given_up(bench: Bench) -> None:
    cases = [bench.case("exit", detail=str(number)) for number in range(5)]
    observations = bench.observe(*cases, limits=Limits(crashes=3))
    assert [o.outcome for o in observations] == ["crashed"] * 3 + ["could_not_run"] * 2
    with RunFile.open(bench.path) as run_file:
        (subject,) = run_file.subjects()
        assert subject.problem == "given up after 3 crashes and timeouts"
        assert subject.versions["fake"] == "1.0"


def test_resuming_asks_nothing_twice(bench: Bench) -> None:
    cases = [bench.case("flip", detail=str(number)) for number in range(3)] + [bench.case("exit")]
    bench.observe(*cases[:2])
    assert len(bench.asked()) == 2
    observations = bench.observe(*cases)
    assert [o.outcome for o in observations] == ["returned"] * 3 + ["crashed"]
    assert len(bench.asked()) == 4
    starts = bench.starts()
    assert bench.observe(*cases) == observations
    assert len(bench.asked()) == 4
    assert bench.starts() == starts  # not even a worker is started


def test_one_subject_never_mixes_two_versions(bench: Bench) -> None:
    bench.observe(bench.case("flip"))
    with pytest.raises(RunFileError, match=r"has fake with fake 1\.0, and now it is fake 2\.0: give another --out"):
        bench.observe(bench.case("flip"), bench.case("halve"), variables={"FAKE_VERSION": "2.0"})
    with RunFile.open(bench.path) as run_file:
        assert len(run_file.done("fake")) == 1


def test_killing_the_whole_run_leaves_a_file_that_resumes(bench: Bench) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.observe.conftest import *\n"
        "from tests.observe import test_engine\n"
        "bench = Bench(Path(sys.argv[1]))\n"
        "with RunFile.create(bench.path, {'plan': {'tier': 'test'}}) as run_file:\n"
        "    observe([bench.task(test_engine.slow_groups(bench), variables={'FAKE_SECONDS': '0.05'})], run_file)\n"
    )
    command = [sys.executable, "-c", script, str(bench.folder)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 30
    while not (bench.log.exists() and len(bench.asked()) >= 12) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    asked_before = len(bench.asked())
    assert 12 <= asked_before < 40
    with RunFile.open(bench.path) as run_file:
        kept = run_file.done("fake")
        assert 4 <= len(kept) <= asked_before
        assert run_file.meta()["complete"] is False
        assert not run_file.complete("fake")
    time.sleep(0.5)  # the worker notices that the engine is gone
    asked_before = len(bench.asked())
    with RunFile.create(bench.path, {"plan": {"tier": "test"}}, resume=True) as run_file:
        observe([bench.task(slow_groups(bench))], run_file)
        observations = list(run_file.observations("fake"))
        assert [o.outcome for o in observations] == ["returned"] * 40
        assert len(bench.asked()) - asked_before == 40 - len(kept)
        for observation in observations:
            expected = np.full(100, int(observation.case.detail) ^ 1, dtype=np.uint32)
            np.testing.assert_array_equal(run_file.array(observation.outputs[0]), expected)
        assert run_file.meta()["complete"] is True


def slow_groups(bench: Bench) -> list[Group]:
    cases = [bench.case("flip", np.full(100, n, dtype=np.uint32), detail=str(n)) for n in range(40)]
    return [Group(f"group {n}", tuple(cases[n : n + 4])) for n in range(0, 40, 4)]


def test_a_worker_ends_with_its_engine(bench: Bench) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.observe.conftest import *\n"
        "bench = Bench(Path(sys.argv[1]))\nbench.observe(bench.case('hang'))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(bench.folder)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 30
    while not (bench.log.exists() and bench.asked()) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    tasks = Path(f"/proc/{process.pid}/task")
    if not children.exists():
        process.kill()
        process.wait()
        pytest.skip("this system does not list the children of a process")
    workers = [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    assert len(workers) == 1
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while _runs(workers[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(workers[0])


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_was_answered_and_says_how_to_go_on(bench: Bench) -> None:
    cases = [bench.case("flip", detail=str(n)) for n in range(5)] + [bench.case("hang")]
    task = bench.task([Group("group", tuple(cases))])

    def press() -> None:
        deadline = time.monotonic() + 30
        while not (bench.log.exists() and len(bench.asked()) == 6) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        _thread.interrupt_main(signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    with RunFile.create(bench.path, {}) as run_file:
        started = time.monotonic()
        with pytest.raises(Interrupted, match=f"{bench.path}.*--resume"):
            observe([task], run_file)
        assert time.monotonic() - started < 30
        presser.join()
        assert [o.case.detail for o in run_file.observations("fake")] == list("01234")
        assert run_file.meta()["complete"] is False


def test_subjects_run_at_once_and_do_not_mix(bench: Bench) -> None:
    cases = tuple(bench.case("flip", np.full(20_000, n, dtype=np.uint32), arguments={"mask": 3}) for n in range(20))
    groups = [Group("first", cases[:10]), Group("second", cases[10:])]
    tasks = [
        bench.task(groups, subject=name, configuration="other", variables={"FAKE_SECONDS": "0.03"}) for name in "abc"
    ]
    with RunFile.create(bench.path, {}) as run_file:
        started = time.monotonic()
        observe(tasks, run_file, jobs=3)
        assert time.monotonic() - started < 3 * 20 * 0.03 + 6
        for name in "abc":
            observations = list(run_file.observations(name))
            assert [o.subject for o in observations] == [name] * 20
            for n, observation in enumerate(observations):
                np.testing.assert_array_equal(run_file.array(observation.outputs[0]), np.full(20_000, n ^ 3))
        assert {s.id: s.configuration for s in run_file.subjects()} == dict.fromkeys("abc", "other")
    log = bench.log.read_text().splitlines()
    assert log[: log.index(next(line for line in log if line.startswith("flip")))].count("start other") >= 1
    assert log.count("start other") == 3


def test_many_groups_and_large_blobs_both_ways_do_not_block(bench: Bench) -> None:
    """More bytes than pipes hold, in both directions at once, with groups sent ahead."""
    groups = [
        Group(str(n), tuple(bench.case("flip", np.arange(n, n + 500_000, dtype=np.uint32), arguments={"mask": m})
                            for m in (1, 2))) for n in range(4)
    ]  # fmt: skip
    with RunFile.create(bench.path, {}) as run_file:
        observe([bench.task(groups)], run_file, limits=Limits(case_seconds=30))
        observations = list(run_file.observations("fake"))
        assert len(observations) == 8
        for observation in observations:
            expected = run_file.array(observation.case.inputs[0]) ^ np.uint32(observation.case.arguments["mask"])
            np.testing.assert_array_equal(run_file.array(observation.outputs[0]), expected)


def test_progress_is_reported_from_none_to_all(bench: Bench) -> None:
    cases = [bench.case("flip", detail=str(n)) for n in range(4)]
    reports: list[tuple[str, int, int, str]] = []
    with RunFile.create(bench.path, {}) as run_file:
        task = bench.task([Group("group", tuple(cases))], variables={"FAKE_SECONDS": "0.15"})
        observe([task], run_file, progress=lambda *report: reports.append(report))
    assert reports[0] == ("fake", 0, 4, "starting")
    assert reports[-1] == ("fake", 4, 4, "done")
    assert [report[1] for report in reports] == sorted(report[1] for report in reports)
    assert "flip value float32 eager" in {report[3] for report in reports}


def test_an_error_of_ours_stops_the_run_and_comes_out(bench: Bench) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no terminal")

    with RunFile.create(bench.path, {}) as run_file, pytest.raises(RuntimeError, match="no terminal"):
        observe([bench.task([Group("group", (bench.case("flip"),))])], run_file, progress=broken)


def test_a_disk_that_is_full_is_said_and_keeps_what_was_written(bench: Bench) -> None:
    first = bench.observe(bench.case("flip"))
    noise = np.random.default_rng(1)
    cases = [bench.case("identity", noise.integers(0, 1 << 32, 50_000, dtype=np.uint32)) for _ in range(5)]
    with RunFile.open(bench.path) as run_file:
        pages = run_file._connection.execute("PRAGMA page_count").fetchone()[0]
        run_file._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(RunFileError, match=r"can't be written \(database or disk is full\); .* --resume"):
            observe([bench.task([Group("group", tuple(cases))])], run_file)
    with RunFile.open(bench.path) as run_file:
        assert list(run_file.observations("fake")) == first
        observe([bench.task([Group("group", tuple(cases))])], run_file)
        assert len(run_file.done("fake")) == 6


def test_the_environment_of_workers() -> None:
    path = os.pathsep.join(["relative", "", "/absolute", ""])
    environment = worker_environment({"PYTHONPATH": path, "KEEP": "1", "OMP_NUM_THREADS": "8"}, 1, {"MORE": "2"})
    assert environment["PYTHONPATH"] == os.pathsep.join([str(Path.cwd() / "relative"), "/absolute"])
    assert environment["PYTHONHASHSEED"] == "0"
    assert environment["OMP_NUM_THREADS"] == "1"
    assert (environment["KEEP"], environment["MORE"]) == ("1", "2")
    assert "PYTHONPATH" not in worker_environment({"PYTHONPATH": ""}, 1, {})


def test_a_subject_without_cases_is_still_introduced(bench: Bench) -> None:
    with RunFile.create(bench.path, {}) as run_file:
        observe([replace(bench.task([]), subject=Subject("empty", "fake", "default", "cpu", {}))], run_file)
        (subject,) = run_file.subjects()
        assert subject.versions["fake"] == "1.0"
        assert run_file.complete("empty")
