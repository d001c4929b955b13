"""The run file: what goes in comes out, and what is not a whole run file of ours is refused with a sentence."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.cases.case import Case, Input, blob_hash
from conformance.observe import blobs
from conformance.observe.environment import host_environment
from conformance.observe.observation import OUTCOMES, Observation, Output, Subject
from conformance.observe.runfile import APPLICATION_ID, VERSION, RunFile, RunFileError
from tests.often import OFTEN

SUBJECT = Subject("torch", "torch", "default", "cpu", {"torch": "2.13", "numpy": "2.4"}, {"threads": 1})
META = {"plan": {"tier": "quick", "alpha": float("inf")}, "standard": "abc", "nnconform": "0.1.0"}


def observed(number: int, dtype: str = "float64", size: int = 3000) -> tuple[Observation, dict[str, bytes]]:
    """An observation of smooth numbers, and its blobs."""
    kind = np.dtype(dtype if dtype != "bfloat16" else "float16")
    x = np.linspace(-4, 4, size).astype(kind)
    y = np.tanh(x * number).astype(kind)
    stored = {blob_hash(array.tobytes()): array.tobytes() for array in (x, y)}
    name = blob_hash(x.tobytes())
    case = Case("tanh", "torch.tanh", "lattice", "value", "eager", dtype, {"a": float("-inf")}, {},
                (Input(name, dtype, x.shape),), detail=str(number))  # fmt: skip
    output = Output(blob_hash(y.tobytes()), dtype, y.shape)
    return Observation("torch", case, "returned", (output, output), after=output, seconds=0.25), stored


def made(path: Path, count: int = 3) -> list[Observation]:
    with RunFile.create(path, META) as run_file:
        run_file.add_subject(SUBJECT)
        observations = []
        for number in range(count):
            observation, stored = observed(number)
            run_file.record("torch", [observation], stored, ("group", {"rounding": "nearest"}, {"rounding": "up"}))
            observations.append(observation)
        run_file.finish_subject("torch")
    return observations


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "run.nnconform"
    observations = made(path)
    assert [p.name for p in path.parent.iterdir()] == ["run.nnconform"]  # one file, no companions
    with RunFile.open(path) as run_file:
        assert run_file.meta()["plan"] == META["plan"]
        assert run_file.subjects() == (SUBJECT,)
        assert list(run_file.observations("torch")) == observations
        assert list(run_file.observations("nobody")) == []
        assert run_file.done("torch") == {o.case.id for o in observations}
        assert run_file.states("torch") == [("group", {"rounding": "nearest"}, {"rounding": "up"})] * 3
        assert run_file.complete("torch")
        for number, observation in enumerate(observations):
            expected, _ = observed(number)
            assert expected == observation
            bits = run_file.array(observation.outputs[0])
            np.testing.assert_array_equal(bits.view(np.float64), np.tanh(np.linspace(-4, 4, 3000) * number))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_kept(tmp_path: Path, outcome: str) -> None:
    full, stored = observed(1)
    observation = Observation("torch", full.case, outcome, error_type="E", message="<ü>\n")
    with RunFile.create(tmp_path / "run", META) as run_file:
        run_file.add_subject(SUBJECT)
        run_file.record("torch", [observation], {} if outcome == "could_not_run" else stored)
        assert list(run_file.observations("torch")) == [observation]
        assert run_file.done("torch") == (set() if outcome == "could_not_run" else {full.case.id})
        run_file.record("torch", [full], stored)  # what could not run has run now
        assert list(run_file.observations("torch")) == [full]


def test_blobs_are_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "run"
    made(path)
    with RunFile.open(path) as run_file:
        for name in ("a", "b", "c"):
            run_file.add_subject(replace(SUBJECT, id=name))
            observation, stored = observed(1)
            run_file.record(name, [replace(observation, subject=name)], stored)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM blob").fetchone() == (4,)  # one input, three outputs
        assert connection.execute("SELECT count(*) FROM case_").fetchone() == (3,)
    connection.close()


def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    with RunFile.create(tmp_path / "run", META) as run_file:
        run_file.add_subject(SUBJECT)
        first, stored = observed(1)
        second, _ = observed(2)
        with pytest.raises(RunFileError, match="without its bytes"):
            run_file.record("torch", [first, second], stored)
        assert list(run_file.observations("torch")) == []
        run_file.record("torch", [first], stored)
        assert run_file.blob(first.outputs[0].blob) == stored[first.outputs[0].blob]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.nnconform"
    made(path)
    before = path.read_bytes()
    with pytest.raises(RunFileError, match=r"already there and is not overwritten: give --resume .* --out"):
        RunFile.create(path, META)
    assert path.read_bytes() == before
    other = tmp_path / "thesis.txt"
    other.write_text("years of work")
    for resume in (False, True):
        with pytest.raises(RunFileError, match="is not an nnconform run file"):
            RunFile.create(other, META, resume=resume)
    assert other.read_text() == "years of work"


def test_resuming_another_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.nnconform"
    made(path)
    RunFile.create(path, META, resume=True).close()
    with pytest.raises(RunFileError, match=r"its plan was \{'tier': 'quick'\}, and now it is \{'tier': 'deep'\}"):
        RunFile.create(path, {**META, "plan": {"tier": "deep", "alpha": float("inf")}}, resume=True)
    with pytest.raises(RunFileError, match="its standard was abc, and now it is def"):
        RunFile.create(path, {**META, "standard": "def"}, resume=True)


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    RunFile.create(tmp_path / "run", META).close()
    RunFile.open(tmp_path / "run").close()


def changed(path: Path, sql: str, *parameters: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql, parameters)
    connection.commit()
    connection.close()


def read_everything(path: Path) -> None:
    with RunFile.open(path) as run_file:
        run_file.meta()
        for subject in run_file.subjects():
            for observation in run_file.observations(subject.id):
                for item in (*observation.case.inputs, *observation.outputs):
                    run_file.array(item)


def sentence(path: Path) -> str:
    """What opening and reading everything says."""
    with pytest.raises(RunFileError) as caught:
        read_everything(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_not_found_and_not_a_file(tmp_path: Path) -> None:
    assert "was not found" in sentence(tmp_path / "nothing")
    assert "is not a file" in sentence(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else", b"{}", b"\0" * 5000])
def test_foreign_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run"
    path.write_bytes(content)
    assert "is not an nnconform run file" in sentence(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "run"
    changed(path, "CREATE TABLE a (b)")
    assert "a database of another program" in sentence(path)


def test_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "run"
    made(path)
    changed(path, f"PRAGMA user_version = {VERSION + 7}")
    assert f"newer nnconform (run file version {VERSION + 7}); this one reads up to {VERSION}" in sentence(path)


@pytest.mark.parametrize("share", [0.0005, 0.3, 0.9])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "run"
    made(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "is truncated" in sentence(path)


def test_a_file_whose_pages_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run"
    made(path, count=10)
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 3] = b"\x55" * 8192
    path.write_bytes(content)
    assert "is damaged" in sentence(path)


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("DROP TABLE observation", ()),
        ("UPDATE meta SET value = 'no json'", ()),
        ("UPDATE subject SET data = '[]'", ()),
        ("UPDATE subject SET data = '{}'", ()),
        ("UPDATE case_ SET json = '{}'", ()),
        ("UPDATE case_ SET json = ?", ("[" * 100_000,)),
        ("UPDATE case_ SET json = replace(json, '\"detail\"', '\"other\"')", ()),
        ("UPDATE observation SET outcome = 'splendid'", ()),
        ("UPDATE observation SET data = '{\"outputs\": 5}'", ()),
        ("UPDATE observation SET data = replace(data, '[3000]', '[-3000]')", ()),
        ("UPDATE observation SET data = replace(data, '[3000]', '[3001]')", ()),
        ("UPDATE observation SET data = replace(data, 'float64', 'float32')", ()),
        ("DELETE FROM blob WHERE number = 2", ()),
        ("UPDATE blob SET codec = 'pickle'", ()),
        ("UPDATE blob SET data = x'00'", ()),
        ("UPDATE blob SET data = substr(data, 1, length(data) - 5)", ()),
        ("UPDATE blob SET data = 'text'", ()),
        ("UPDATE blob SET width = 3", ()),
        ("UPDATE blob SET size = size - 8", ()),
        ("UPDATE blob SET size = 'large'", ()),
        ("UPDATE blob SET base = hash, codec = 'against'", ()),
    ],
)
def test_contents_that_were_tampered_with(tmp_path: Path, sql: str, parameters: tuple[Any, ...]) -> None:
    path = tmp_path / "run"
    made(path)
    changed(path, sql, *parameters)
    assert "is damaged" in sentence(path)


def test_the_marks_of_the_file(tmp_path: Path) -> None:
    made(tmp_path / "run")
    head = (tmp_path / "run").read_bytes()[:100]
    assert int.from_bytes(head[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(head[60:64], "big") == VERSION


@settings(max_examples=60 * OFTEN)
@given(
    st.binary(max_size=3000),
    st.sampled_from([1, 2, 4, 8]),
    st.lists(st.binary(max_size=3000), min_size=2, max_size=2),
    st.booleans(),
)
def test_packing_changes_no_bit(data: bytes, width: int, others: list[bytes], same_size: bool) -> None:
    if same_size:
        others = [(other + bytes(len(data)))[: len(data)] for other in others]
    bases = {blob_hash(other): other for other in others}
    packed = blobs.pack(data, width, *((blob_hash(other), other) for other in others))
    assert blobs.unpack(packed, bases.get(packed.base, b"")) == data
    assert len(packed.data) <= len(data)


@pytest.mark.parametrize("codec", blobs.CODECS)
@pytest.mark.parametrize("width", [2, 4, 8])
def test_every_way_of_packing_is_taken_and_undone(codec: str, width: int) -> None:
    noise = np.random.default_rng(3).integers(0, 1 << 16, 4000).astype(f"u{width}")
    ramp = (np.arange(4000) * 7).astype(f"u{width}")
    data, twin, argument, width = {
        "raw": (np.random.default_rng(4).bytes(4000), b"", b"", width),
        "zlib": (bytes(4000), b"", b"", 1),
        "along": (ramp.tobytes(), noise.tobytes(), noise.tobytes(), width),
        "against": ((noise + 1).astype(noise.dtype).tobytes(), (noise ^ 1).tobytes(), b"short", width),
        "both": ((noise + ramp).astype(noise.dtype).tobytes(), b"", noise.tobytes(), width),
    }[codec]
    packed = blobs.pack(data, width, ("twin", twin), ("argument", argument))
    assert packed.codec == codec
    assert blobs.unpack(packed, {"twin": twin, "argument": argument, "": b""}[packed.base]) == data


def test_smooth_answers_become_small() -> None:
    """All float16 numbers in order through a sigmoid: the bound is a third of what was measured (58 to 1)."""
    places = np.arange(-0x7C00, 0x7C01)
    x = np.where(places < 0, 0x8000 - places, places).astype(np.uint16).view(np.float16).astype(np.float32)
    with np.errstate(over="ignore"):
        y = (1 / (1 + np.exp(-x))).astype(np.float16)
    assert len(blobs.pack(y.tobytes(), 2).data) * 20 < y.nbytes


def test_the_environment_of_this_machine() -> None:
    environment = host_environment()
    assert environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert environment["cores"] >= 1
    assert environment["cpu"]
