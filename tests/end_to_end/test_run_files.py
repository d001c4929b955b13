"""Run files that are broken, foreign or in the way: one sentence, exit code 2, and every file as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.observe.runfile import VERSION

from .command import SMALL, Shell, fingerprint


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncate_to_nothing_much(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("This is a letter to my aunt.\n" * 99)


def _other_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE aunt (letter TEXT)")
    connection.commit()
    connection.close()


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.commit()
    connection.close()


def _spoil_blobs(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE blob SET data = x'00'")
    connection.commit()
    connection.close()


def _lose_blobs(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM blob")
    connection.commit()
    connection.close()


def _spoil_bindings(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '[1, 2]' WHERE key = 'bindings'")
    connection.commit()
    connection.close()


def _overwrite_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(data)


Damage = Callable[[Path], None]

DAMAGES: dict[Damage, str] = {
    _truncate: "truncated",
    _truncate_to_nothing_much: "truncated",
    _text: "is not an nnconform run file",
    _other_database: "another program",
    _newer: "newer nnconform",
    _overwrite_the_middle: "damaged",
}
WHEN_JUDGED: dict[Damage, str] = {_spoil_blobs: "damaged", _lose_blobs: "damaged", _spoil_bindings: "damaged"}


@pytest.mark.parametrize("damage", [*DAMAGES, *WHEN_JUDGED, _empty], ids=lambda damage: damage.__name__.strip("_"))
def test_a_run_file_that_can_t_be_read_is_a_sentence(
    damage: Damage, nnconform: Shell, small_run: Path
) -> None:  # fmt: skip
    path = nnconform.folder / "run.nnconform"
    shutil.copy(small_run, path)
    damage(path)
    before = fingerprint(nnconform.folder)
    commands: list[tuple[object, ...]] = [("findings", path), ("report", path)]
    if damage in DAMAGES:
        commands += [
            ("results", path),
            ("repro", path, "a"),
            ("run", "numpy", *SMALL),
            ("run", "numpy", *SMALL, "--resume"),
        ]
    for words in commands:
        # Without verdicts at hand: those on answers whose hashes are known need no bytes of them.
        done = nnconform(*words, NNCONFORM_CACHE=str(nnconform.folder.parent / "nothing-kept"))
        assert done.code == 2, (words, done)
        message = done.err.strip().splitlines()[-1]
        assert str(path.name) in message
        assert {**DAMAGES, **WHEN_JUDGED}.get(damage, "not an nnconform run file") in message
        assert fingerprint(nnconform.folder) == before


def test_a_run_file_in_the_way_is_not_overwritten(nnconform: Shell, small_run: Path) -> None:
    shutil.copy(small_run, nnconform.folder / "run.nnconform")
    before = fingerprint(nnconform.folder)
    done = nnconform("run", "numpy", *SMALL)
    assert done.code == 2
    assert "already there" in done.err
    assert "--resume" in done.err
    assert "--out" in done.err
    assert fingerprint(nnconform.folder) == before


def test_another_plan_does_not_resume(nnconform: Shell, small_run: Path) -> None:
    shutil.copy(small_run, nnconform.folder / "run.nnconform")
    before = fingerprint(nnconform.folder)
    done = nnconform("run", "numpy", "--functions", "relu", "--tier", "deep", "--resume")
    assert done.code == 2
    assert "can't be resumed" in done.err
    assert "quick" in done.err
    assert "deep" in done.err
    assert fingerprint(nnconform.folder) == before


def test_a_folder_is_not_a_run_file(nnconform: Shell) -> None:
    (nnconform.folder / "folder").mkdir()
    assert nnconform("findings", "folder").code == 2
    assert nnconform("run", "numpy", *SMALL, "--out", "folder").code == 2


def test_nothing_is_left_behind_by_a_run_that_asks_nothing(nnconform: Shell, small_run: Path) -> None:
    assert nnconform("run", "numpy", "--modes", "graph").code == 2
    assert fingerprint(nnconform.folder) == {}
