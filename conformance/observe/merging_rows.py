"""The rows of run files put into one, inside SQLite: subjects, cases, observations, states and blobs, each once.

Knows the schema of a run file (see `runfile`) and that the files belong together (`merging` has seen to it); no framework and
no verdict.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from .blobs import pack
from .observation import Subject
from .rows import to_json
from .runfile import ASKED_AGAIN, EMPTY, PUBLIC, NotWritten, RunFile, RunFileError, connect


def filled(path: Path, parts: Sequence[Path], subjects: Sequence[Subject], unfinished: Collection[str]) -> int:
    """Copy all rows of the parts into the new run file at `path`, whose subjects are given with those that did not come to an end;
    the number of observations in it. Raises RunFileError and NotWritten.
    """
    connection = connect(path)
    try:
        # Whole or not at all, and nobody reads it before: no journal, and no waiting for the disk.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for number, part in enumerate(parts):
            connection.execute("ATTACH DATABASE ? AS part", (str(part),))
            connection.execute("BEGIN")
            if number == 0:
                _enter_subjects(connection, subjects, unfinished)
            _copy_cases(connection, part)
            _copy_observations(connection, parts, number)
            _copy_blobs(connection, part)
            connection.execute(_STATES)
            connection.execute(_PUBLIC, (len(PUBLIC), PUBLIC))
            connection.execute("COMMIT")
            connection.execute("DETACH DATABASE part")
        _check(connection, parts)
        (count,) = connection.execute("SELECT count(*) FROM observation").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        return int(count)
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            raise NotWritten(f"{path.parent} has no room for the merged file ({error}).") from error
        raise RunFileError(
            f"one of {', '.join(map(str, parts))} is damaged or was not written by nnconform "
            f"({type(error).__name__}: {error})."
        ) from error
    finally:
        connection.close()


def _enter_subjects(connection: sqlite3.Connection, subjects: Sequence[Subject], unfinished: Collection[str]) -> None:
    connection.executemany(
        "INSERT INTO subject (id, data, problem, complete) VALUES (?, ?, ?, ?)",
        [
            (one.id, to_json({key: getattr(one, key) for key in ("backend", "configuration", "device", "versions", "environment")}),
             one.problem, int(one.id not in unfinished))
            for one in subjects
        ],
    )  # fmt: skip


def _copy_cases(connection: sqlite3.Connection, part: Path) -> None:
    connection.execute("INSERT OR IGNORE INTO main.case_ (id, json) SELECT id, json FROM part.case_ ORDER BY number")
    torn = connection.execute(
        "SELECT p.id FROM part.case_ p JOIN main.case_ m ON m.id = p.id WHERE m.json != p.json LIMIT 1"
    ).fetchone()
    if torn:
        raise RunFileError(f"{part} is damaged: its case {torn[0]} has the id of another question.")


_PAIRED = """
FROM part.observation p
JOIN part.subject ps ON ps.number = p.subject JOIN main.subject ms ON ms.id = ps.id
JOIN part.case_ pc ON pc.number = p.case_ JOIN main.case_ mc ON mc.id = pc.id
LEFT JOIN main.observation m ON m.subject = ms.number AND m.case_ = mc.number
"""
"""Each observation of a part beside the one of the same question by the same subject that is there already, if any."""

_STATES = """
INSERT INTO main.state SELECT ms.number, p.group_, p.before, p.after
FROM part.state p JOIN part.subject ps ON ps.number = p.subject JOIN main.subject ms ON ms.id = ps.id
WHERE NOT EXISTS (
  SELECT 1 FROM main.state m WHERE m.subject = ms.number AND m.group_ = p.group_ AND m.before = p.before AND m.after = p.after
)
"""


_PUBLIC = "INSERT OR IGNORE INTO main.meta SELECT key, value FROM part.meta WHERE substr(key, 1, ?) = ? ORDER BY key"


def _copy_observations(connection: sqlite3.Connection, parts: Sequence[Path], number: int) -> None:
    """Those that are not there yet. What could not be asked in one file and was in another has an answer."""
    again = connection.execute(
        f"SELECT ms.number, mc.number, ms.id, mc.json, m.outcome, m.data, p.outcome, p.data {_PAIRED} WHERE m.outcome IS NOT NULL"
    )
    replacing = []
    for subject, case, name, question, outcome, data, its_outcome, its_data in again:
        mine, other = _told(outcome, data), _told(its_outcome, its_data)
        if mine != other and ASKED_AGAIN not in (outcome, its_outcome):
            raise RunFileError(_two_answers(parts, number, name, question, mine, other))
        # Of equal answers the one that sorts first: they differ in the seconds that they took, or in how an error is worded.
        if (outcome == ASKED_AGAIN, data) > (its_outcome == ASKED_AGAIN, its_data):
            replacing.append((its_outcome, its_data, subject, case))
    connection.executemany(
        "UPDATE main.observation SET outcome = ?, data = ? WHERE subject = ? AND case_ = ?", replacing
    )
    connection.execute(
        f"INSERT INTO main.observation SELECT ms.number, mc.number, p.outcome, p.data {_PAIRED} WHERE m.outcome IS NULL"
    )


def _told(outcome: str, data: str) -> tuple[Any, ...]:
    """What an observation says: bits, dtypes and shapes, or the type of the error; neither its time nor its wording."""
    row = json.loads(data)
    return outcome, row.get("error_type", ""), row.get("outputs", []), row.get("after")


def _two_answers(
    parts: Sequence[Path], number: int, subject: str, question: str, mine: tuple[Any, ...], other: tuple[Any, ...]
) -> str:
    case = json.loads(question)
    asked = f"{case['entry_point']} {case['quantity']} {case['dtype']} {case['mode']} {case.get('detail', '')}".rstrip()
    what = "bits" if mine[0] == other[0] == "returned" else f"outcomes ({_worded(mine)}, {_worded(other)})"
    return (
        f"{' or '.join(map(str, parts[:number]))} and {parts[number]} can't be put together: {subject} was asked the same in both "
        f"and gave different {what} for {case['function']} through {asked}, topic {case['topic']}. `nnconform compare` shows all "
        "that differs."
    )


def _worded(answer: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in answer[:2] if part).replace("_", " ")


def _copy_blobs(connection: sqlite3.Connection, part: Path) -> None:
    """Blobs by hash, each once, packed as they are.

    A blob that rests on one which is here already, and there rests on another in its turn, is packed anew by itself: chains
    of different files must not join, or they could grow longer than a reader follows, or bite their own tail.
    """
    connection.execute(
        "INSERT INTO main.blob (hash, codec, width, size, base, data) SELECT hash, codec, width, size, base, data FROM part.blob p"
        " WHERE NOT EXISTS (SELECT 1 FROM main.blob m WHERE m.hash = p.hash)"
        " AND NOT EXISTS (SELECT 1 FROM main.blob m WHERE m.hash = p.base AND m.base != '') ORDER BY number"
    )
    left = connection.execute(
        "SELECT hash, width FROM part.blob p WHERE NOT EXISTS (SELECT 1 FROM main.blob m WHERE m.hash = p.hash)"
    ).fetchall()
    if not left:
        return
    with RunFile.open(part) as source:
        for name, width in left:
            packed = pack(source.blob(name), width)
            connection.execute(
                "INSERT INTO main.blob (hash, codec, width, size, base, data) VALUES (?, ?, ?, ?, ?, ?)",
                (name, packed.codec, packed.width, packed.size, packed.base, packed.data),
            )


_LACKING = tuple(
    f"SELECT EXISTS (SELECT 1 FROM {tensors} AND hash != '{EMPTY}' AND hash NOT IN (SELECT hash FROM blob))"
    for tensors in (
        "(SELECT base AS hash FROM blob) WHERE hash != '' AND ?1 != ''",
        "(SELECT json_extract(e.value, '$[0]') AS hash, outcome FROM observation o, json_each(o.data, '$.outputs') e) WHERE outcome != ?1",
        "(SELECT json_extract(e.value, '$.blob') AS hash, outcome FROM observation o"
        " JOIN case_ c ON c.number = o.case_, json_each(c.json, '$.inputs') e)"
        " WHERE outcome != ?1",
    )
)
"""Whether a tensor is named whose bytes are not there: what a blob rests on, an output, an input."""


def _check(connection: sqlite3.Connection, parts: Sequence[Path]) -> None:
    """Nothing was lost: every question that a part has an answer to is answered, and every blob can be unpacked."""
    for part in parts:
        connection.execute("ATTACH DATABASE ? AS part", (str(part),))
        (lost,) = connection.execute(f"SELECT count(*) {_PAIRED} WHERE m.outcome IS NULL").fetchone()
        (asked,) = connection.execute("SELECT count(*) FROM part.observation").fetchone()
        (found,) = connection.execute(f"SELECT count(*) {_PAIRED}").fetchone()
        (torn,) = connection.execute(
            "SELECT count(*) FROM part.blob p WHERE NOT EXISTS (SELECT 1 FROM main.blob m WHERE m.hash = p.hash)"
        ).fetchone()
        connection.execute("DETACH DATABASE part")
        if lost or torn or asked != found:
            raise RunFileError(f"{part} is damaged: some of its observations belong to no subject or to no case.")
    for query in _LACKING:
        (lacking,) = connection.execute(query, (ASKED_AGAIN,)).fetchone()
        if lacking:
            raise RunFileError(f"one of {', '.join(map(str, parts))} is damaged: it lacks the bytes of a tensor.")
