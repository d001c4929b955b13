"""Verdicts that are kept: the same as judged anew, never another's, and never trusted when damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.judge import memory
from conformance.judge.functions import Collected
from conformance.judge.memory import Memory, key_of
from conformance.judge.records import Convention, Exhibit, Result, Strip, Worst
from conformance.observe.observation import Subject

SUBJECT = Subject("jax", "jax", "default", "cpu", {"jax": "0.10.2"})
WORST = Worst(
    ("1.0", "nan"),
    ("0x3f800000",),
    "0.8",
    "0x3f4ccccd",
    "0.84",
    float("inf"),
    4.5,
    0.04,
    "float32",
    "eager",
    shape=(2, 3),
)
RESULT = Result(
    "jax", "jax.nn.gelu", "gelu", "gelu.value", "MUST", {"axis": (0, 1), "eps": 1e-7, "where": None, "list": [1, 2.5]}, "float32",
    "eager", "x > 0", "deviates", comparisons=10, grades=(1, 2, 3, 4, 5), severity="wrong", worst=WORST, bits="aa",
)  # fmt: skip
COLLECTED = Collected(
    [RESULT, replace(RESULT, worst=None, outcome="conforms")],
    [Strip("jax", "jax.nn.gelu", "gelu", "value", {}, "float32", "eager", bytes(range(240)))],
    [Exhibit("jax", "jax.nn.gelu", "gelu", "value", {}, "float32", "NaN", "nan", "nan", "conforms")],
    [Convention("jax", "jax.nn.relu", "relu", "kink", "0", "0.0", "0.0", ("float32",))],
)
KEY = "ab" * 20


def test_what_is_kept_comes_back_equal(tmp_path: Path) -> None:
    Memory(tmp_path).keep(KEY, COLLECTED)
    assert Memory(tmp_path).recall(KEY) == COLLECTED
    assert type(Memory(tmp_path).recall(KEY).results[0].parameters["axis"]) is tuple  # type: ignore[union-attr]


def test_numbers_of_numpy_come_back_plain(tmp_path: Path) -> None:
    int64: Any = np.int64  # what is declared as a number may be one of these
    given = Collected([replace(RESULT, comparisons=int64(3), worst=replace(WORST, ulp=np.float64(1.5)))])
    Memory(tmp_path).keep(KEY, given)
    found = Memory(tmp_path).recall(KEY)
    assert found == given
    assert type(found.results[0].worst.ulp) is float  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "harm",
    [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b""],
    ids=["short", "changed", "empty"],
)
def test_what_is_damaged_is_judged_again(harm, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    Memory(tmp_path).keep(KEY, COLLECTED)
    path = tmp_path / memory.FOLDER / KEY
    path.write_bytes(harm(path.read_bytes()))
    assert Memory(tmp_path).recall(KEY) is None


def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    Memory(tmp_path).keep(KEY, COLLECTED)
    (tmp_path / memory.FOLDER / KEY).rename(tmp_path / memory.FOLDER / ("cd" * 20))
    assert Memory(tmp_path).recall("cd" * 20) is None


def test_the_key_follows_everything_that_verdicts_follow_from(monkeypatch: pytest.MonkeyPatch) -> None:
    bindings: dict[str, Any] = {"gelu/jax.nn.gelu": {"defaults": {}}, "relu/jax.nn.relu": {"defaults": {}}}
    key = key_of(SUBJECT, "gelu", "digest", bindings)
    assert key == key_of(
        replace(SUBJECT, versions={"jax": "0.4.30"}), "gelu", "digest", {"gelu/jax.nn.gelu": {"defaults": {}}}
    )
    others = [
        key_of(replace(SUBJECT, configuration="x64"), "gelu", "digest", bindings),
        key_of(replace(SUBJECT, device="cuda"), "gelu", "digest", bindings),
        key_of(SUBJECT, "relu", "digest", bindings),
        key_of(SUBJECT, "gelu", "another", bindings),
        key_of(SUBJECT, "gelu", "digest", {"gelu/jax.nn.gelu": {"defaults": {"approximate": True}}}),
    ]
    monkeypatch.setattr(memory, "own_code", lambda: "another standard")
    others.append(key_of(SUBJECT, "gelu", "digest", bindings))
    assert len({key, *others}) == 7


def test_nothing_is_kept_where_there_is_no_folder_or_it_can_not_be_written(tmp_path: Path) -> None:
    Memory(None).keep(KEY, COLLECTED)
    assert Memory(None).recall(KEY) is None
    (tmp_path / "file").write_text("")
    Memory(tmp_path / "file").keep(KEY, COLLECTED)
    assert Memory(tmp_path / "file").recall(KEY) is None


def test_what_was_not_looked_at_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    kept = Memory(tmp_path)
    for age, key in enumerate(("aa", "bb", "cc")):
        kept.keep(key, COLLECTED)
        os.utime(tmp_path / memory.FOLDER / key, (1000 - age, 1000 - age))
    size = (tmp_path / memory.FOLDER / "aa").stat().st_size
    monkeypatch.setattr(memory, "MOST", 2 * size + 1)
    kept.tidy()
    assert sorted(file.name for file in (tmp_path / memory.FOLDER).iterdir()) == ["aa", "bb"]
