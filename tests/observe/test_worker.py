"""What a worker answers, case by case, through a real process."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case
from conformance.observe.observation import Observation
from conformance.observe.runfile import RunFile

from .conftest import Bench

BITS: dict[str, Any] = {
    "float16": np.arange(1 << 16, dtype=np.uint32).astype(np.uint16),
    "bfloat16": np.arange(1 << 16, dtype=np.uint32).astype(np.uint16),
    "float32": np.array([0x7F800001, 0xFF800001, 0x7FC00000, 1, 0x80000000, 0x7F800000], dtype=np.uint32),
    "float64": np.array([0x7FF0000000000001, 0xFFF0000000000001, 1, 0x8000000000000000], dtype=np.uint64),
    "bool": np.array([0, 1, 1], dtype=np.uint8),
    "int64": np.array([1 << 63, 5], dtype=np.uint64),
}


# A worker takes a sixth of a second to start: what may go through one and the same does.


def test_bits_come_back_unchanged_signalling_nans_among_them(bench: Bench) -> None:
    observations = bench.observe(*(bench.case("identity", bits, dtype=dtype) for dtype, bits in BITS.items()))
    with RunFile.open(bench.path) as run_file:
        for (dtype, bits), observation in zip(BITS.items(), observations, strict=True):
            (output,) = observation.outputs
            assert (output.dtype, output.shape) == (dtype, bits.shape)
            array = run_file.array(output)
            assert array.dtype == bits.dtype
            np.testing.assert_array_equal(array, bits, dtype)
            np.testing.assert_array_equal(run_file.array(observation.case.inputs[0]), bits, dtype)


def test_shapes_come_back(bench: Bench) -> None:
    shapes: list[tuple[int, ...]] = [(), (1,), (0,), (0, 3), (2, 3, 4)]
    given = [np.arange(int(np.prod(shape)), dtype=np.uint32).reshape(shape) for shape in shapes]
    observations = bench.observe(*(bench.case("flip", bits) for bits in given))
    with RunFile.open(bench.path) as run_file:
        for bits, observation in zip(given, observations, strict=True):
            array = run_file.array(observation.outputs[0])
            assert array.shape == bits.shape
            np.testing.assert_array_equal(array, bits ^ np.uint32(1))


# entry point, outcome, type of the error, what the message holds
OUTCOMES = [
    ("raise", "raised", "ValueError", "bad <tensor> at <object object at 0x…> and x"),
    ("missing", "not_provided", "NotProvided", "fake 1.0 has no missing"),
    ("unheard_of", "not_provided", "NotProvided", "no binding unheard_of for identity"),
    ("lacking", "not_supported", "NotSupported", "no such derivative"),
    ("lacking_by_message", "not_supported", "RuntimeError", "not implemented for 'Half'"),
    ("memory", "raised", "MemoryError", ""),
    ("interrupt_exit", "raised", "SystemExit", "4"),
    ("panic", "raised", "_Panic", "a native extension panicked"),
    ("abort", "crashed", "", "the worker was killed by SIGABRT; it said last:\nlast words of abort"),
    ("exit", "crashed", "", "the worker ended with exit code 3"),
]


def test_outcomes(bench: Bench) -> None:
    """Each between two cases that return: it is told of the case it belongs to, and of no other."""
    names = [name for entry_point, *_ in OUTCOMES for name in ("flip", entry_point)]
    cases = [bench.case(name, detail=str(number)) for number, name in enumerate(names)]
    observations = bench.observe(*cases, bench.case("halve"))
    assert [o.outcome for o in observations[::2]] == ["returned"] * (len(OUTCOMES) + 1)
    for observation, (entry_point, outcome, error_type, message) in zip(observations[1::2], OUTCOMES, strict=True):
        assert (observation.case.entry_point, observation.outcome) == (entry_point, outcome)
        assert observation.error_type == error_type
        assert message in observation.message
        assert observation.outputs == ()


def test_a_dtype_that_the_adapter_lacks_is_not_supported(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("identity", np.array([1], dtype=np.uint8), dtype="int8"))
    assert (observation.outcome, observation.message) == ("not_supported", "fake has no int8")


def test_a_missing_gradient_is_an_output_of_its_own(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("gradient_none"))
    assert observation.outcome == "returned"
    assert (observation.outputs[0].dtype, observation.outputs[0].shape) == ("none", ())
    with RunFile.open(bench.path) as run_file:
        assert run_file.array(observation.outputs[0]).size == 0


def test_python_numbers_are_outputs_too(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("scalar"))
    with RunFile.open(bench.path) as run_file:
        assert run_file.array(observation.outputs[0]).view(np.float64) == 1.5
    assert observation.outputs[0].shape == ()


def test_a_cotangent_is_passed(bench: Bench) -> None:
    cotangent = bench.input(np.array([7, 8, 9, 10, 11], dtype=np.uint32))
    (observation,) = bench.observe(bench.case("identity", cotangent=cotangent))
    assert observation.outputs[1].blob == cotangent.blob


def test_repetition_calls_the_same_prepared_call_twice(bench: Bench) -> None:
    (observation,) = bench.observe(bench.case("count", topic="repetition"))
    with RunFile.open(bench.path) as run_file:
        firsts = [int(run_file.array(output)[0]) for output in observation.outputs]
    assert firsts == [1, 1, 2, 1]  # calls and tensors made, twice


def test_what_a_call_does_to_its_argument_is_seen_where_asked_and_spoils_no_other_case(bench: Bench) -> None:
    bits = np.arange(5, dtype=np.uint32)
    cases = [
        bench.case(name, bits, topic=topic)
        for name in ("mutate", "inplace")
        for topic in ("purity", "inplace", "lattice")
    ]
    observations = bench.observe(*cases, bench.case("identity", bits), bench.case("identity", bits, topic="purity"))
    with RunFile.open(bench.path) as run_file:
        for observation in observations[:6]:
            np.testing.assert_array_equal(run_file.array(observation.outputs[0]), bits ^ np.uint32(1))
            if observation.case.topic == "lattice":
                assert observation.after is None
            else:
                assert observation.after is not None
                np.testing.assert_array_equal(run_file.array(observation.after), bits ^ np.uint32(1))
        np.testing.assert_array_equal(run_file.array(observations[6].outputs[0]), bits)
        assert observations[7].after == observations[7].outputs[0]


def test_invalid_calls_are_made_as_their_detail_says(bench: Bench) -> None:
    details = ("missing", "none", "text", "keyword", "domain-alpha")
    observations = bench.observe(*(bench.case("identity", topic="error", detail=detail) for detail in details))
    assert [o.outcome for o in observations] == ["raised", "raised", "raised", "raised", "returned"]
    messages = [o.message for o in observations]
    assert "missing 1 required positional argument" in messages[0]
    assert "NoneType" in messages[1]
    assert observations[2].error_type == "ValueError"  # four characters are not bits and a dtype
    assert "no_such_keyword" in messages[3]


def test_calls_are_prepared_once_per_question(bench: Bench) -> None:
    cases = [bench.case("count", np.full(3, value, dtype=np.uint32)) for value in (1, 2, 3)]
    cases.append(bench.case("count", np.full(3, 1, dtype=np.uint32), mode="compiled"))
    cases.append(bench.case("count", np.full(3, 1, dtype=np.uint32), arguments={"alpha": float("inf")}))
    observations = bench.observe(*cases)
    with RunFile.open(bench.path) as run_file:
        assert [int(run_file.array(o.outputs[0])[0]) for o in observations] == [1, 2, 3, 1, 1]
    assert observations[4].case.arguments == {"alpha": float("inf")}
    assert bench.asked()[4].endswith("[('alpha', inf)]")


def test_what_frameworks_print_breaks_nothing(bench: Bench) -> None:
    observations = bench.observe(bench.case("flip"), bench.case("chatter"), bench.case("halve"))
    assert [o.outcome for o in observations] == ["returned"] * 3
    assert bench.starts() == 1


def where(observation: Observation, bench: Bench) -> list[str]:
    """Working folder, NumPy's file, version, sys.path ..., hash seed, as the worker sees them."""
    with RunFile.open(bench.path) as run_file:
        return run_file.array(observation.outputs[0]).tobytes().decode().splitlines()


def test_pythonpath_is_honoured_and_the_current_folder_shadows_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, first = bench.folder / "here", bench.folder / "first"
    for folder in (here, first):
        folder.mkdir()
        (folder / "shadowed.py").write_text("")
    (here / "numpy.py").write_text("raise ImportError('the current folder shadows NumPy')")
    (here / "conformance").mkdir()
    (here / "conformance" / "__init__.py").write_text("raise ImportError('the current folder shadows us')")
    monkeypatch.chdir(here)
    tests = str(Path(__file__).parent)
    python_path = os.pathsep.join(["../first", "", tests, ""])
    (observation,) = bench.observe(bench.case("where"), variables={"PYTHONPATH": python_path})
    assert observation.outcome == "returned", observation.message
    current, numpy_file, _, *path, seed = where(observation, bench)
    assert current == str(here)
    assert not numpy_file.startswith(str(here))
    assert (path[0], path[1], seed) == (str(first), tests, "0")
    assert not {"", ".", str(here)} & set(path)


def test_a_changed_copy_first_on_pythonpath_is_what_is_measured(bench: Bench) -> None:
    changed = bench.folder / "changed"
    changed.mkdir()
    source = (Path(__file__).parent / "fake_backend.py").read_text()
    assert "bits >> 1" in source
    (changed / "fake_backend.py").write_text(source.replace("bits >> 1", "bits >> 2"))
    path = os.pathsep.join([str(changed), str(Path(__file__).parent)])
    (observation,) = bench.observe(bench.case("halve", np.full(3, 8, dtype=np.uint32)), variables={"PYTHONPATH": path})
    with RunFile.open(bench.path) as run_file:
        assert run_file.array(observation.outputs[0]).tolist() == [2, 2, 2]


def test_nothing_of_ours_is_on_the_path_of_an_installed_copy(bench: Bench) -> None:
    """An installed copy lies in a site-packages folder beside a NumPy that must not shadow that of the framework."""
    site = bench.folder / "site-packages"
    root = Path(__file__).parents[2]
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "conformance", site / "conformance", ignore=ignore)
    shutil.copytree(root / "backends", site / "conformance" / "backends", ignore=ignore)
    (site / "numpy.py").write_text("raise ImportError('our NumPy shadows theirs')")
    process = subprocess.run(
        [sys.executable, str(site / "conformance" / "observe" / "worker_start.py")],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"shadows" not in process.stderr
    assert process.returncode == 1  # the engine is gone
    probe = (
        "import runpy, sys\n"
        f"start = runpy.run_path({str(site / 'conformance' / 'observe' / 'worker_start.py')!r}, run_name='probe')\n"
        "start['_make_package_importable']()\n"
        "import conformance.observe.worker, conformance.backends.protocol\n"
        "print(conformance.backends.protocol.__file__); print(*sys.path, sep='\\n')\n"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == str(site / "conformance" / "backends" / "protocol.py")
    assert str(site) not in said[1:]


def test_rounding_and_flushing_are_recorded_around_each_group(bench: Bench) -> None:
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        pytest.skip("the fake backend sets the control word of x86 through glibc")
    bench.observe(bench.case("flush"))
    with RunFile.open(bench.path) as run_file:
        ((group, before, after),) = run_file.states("fake")
        (subject,) = run_file.subjects()
    assert group == "group"
    assert before == {"rounding": "nearest", "flush_to_zero": False, "denormals_are_zero": False}
    assert after == {"rounding": "nearest", "flush_to_zero": True, "denormals_are_zero": True}
    assert subject.environment["rounding"] == "nearest"


def test_the_environment_of_a_subject_is_recorded(bench: Bench) -> None:
    task_variables = {"XLA_FLAGS": "--xla_fast", "TF_VAR_password": "secret"}
    bench.observe(bench.case("identity"), variables=task_variables)
    with RunFile.open(bench.path) as run_file:
        (subject,) = run_file.subjects()
        assert run_file.complete("fake")
        assert run_file.meta()["complete"] is True
    assert subject.versions == {"fake": "1.0", "numpy": np.__version__}
    assert subject.environment["python"] == platform.python_version()
    assert subject.environment["threads"] == 1
    assert subject.environment["variables"]["XLA_FLAGS"] == "--xla_fast"
    assert "secret" not in str(subject.environment)
    assert subject.environment["cpu"]


def python_3_9() -> str:
    """An interpreter of Python 3.9 that really runs, or an empty text."""
    for candidate in (os.environ.get("NNCONFORM_PYTHON39", ""), shutil.which("python3.9") or ""):
        if candidate:
            said = subprocess.run(
                [candidate, "-c", "import sys; print(*sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
            if said.stdout.split() == ["3", "9"]:
                return candidate
    return ""


@pytest.fixture(scope="session")
def old_environment(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """Interpreter of an environment with Python 3.9 and NumPy 1.23, made once and kept in pytest's cache folder."""
    base = python_3_9()
    if not base:
        pytest.skip("no Python 3.9 that runs: neither NNCONFORM_PYTHON39 nor python3.9 on PATH names one")
    folder = request.config.cache.mkdir("python39") / "environment"
    python = folder / "bin" / "python"
    check = "import numpy, sys; assert sys.version_info[:2] == (3, 9) and numpy.__version__ == '1.23.5'"
    if not python.exists() or subprocess.run([python, "-c", check], capture_output=True, check=False).returncode:
        if subprocess.run([base, "-c", check], capture_output=True, check=False).returncode == 0:
            return base
        subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy==1.23.5"]
        made = subprocess.run(install, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"NumPy 1.23.5 can't be installed for Python 3.9: {made.stderr.strip()[-200:]}")
    return str(python)


def test_a_worker_runs_on_python_3_9_with_numpy_1_23(bench: Bench, old_environment: str) -> None:
    cases: list[Case] = [bench.case(name) for name in ("where", "flip", "raise", "chatter", "lacking")]
    cases += [replace(case, topic="purity") for case in cases[1:2]]
    observations = bench.observe(*cases, python=old_environment)
    assert [o.outcome for o in observations] == [
        "returned",
        "returned",
        "raised",
        "returned",
        "not_supported",
        "returned",
    ]
    assert where(observations[0], bench)[2] == "(3, 9)"
    with RunFile.open(bench.path) as run_file:
        (subject,) = run_file.subjects()
    assert subject.environment["python"].startswith("3.9.")
    assert subject.environment["numpy"] == "1.23.5"
