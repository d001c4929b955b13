"""The run file: everything one run observed and the environment it ran in, in one SQLite file.

Written as the run proceeds, one transaction at a time, so that killing the run loses at most the transaction under way.
Nothing read from it is executed, and nothing is believed unchecked: a foreign, truncated, damaged or newer file gives one
sentence. Knows cases and observations; no framework and no verdict.

Schema (application_id `APPLICATION_ID`, user_version `VERSION`):

    meta         key, value          JSON: plan, standard, nnconform, environment, complete; `public:jax` and so on by subject
    subject      number, id, data    JSON: backend, configuration, device, versions, environment; problem; complete
    case_        number, id, json    `Case.to_json()`, and its hash
    observation  subject, case_, outcome, data    JSON: outputs, error_type, message, after, seconds; what is empty is left out
    state        subject, group_, before, after   JSON: rounding and flush-to-zero around a group of cases
    blob         hash, codec, width, size, base, data    see `blobs`
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case, blob_hash, decode

from .blobs import CODECS, Base, Damaged, Packed, pack, unpack
from .observation import Observation, Output, Subject
from .rows import observation_from, observation_row, subject_fields, to_json, width_of

APPLICATION_ID = 0x6E6E6366
"""`nncf`: marks a SQLite file as a run file."""

VERSION = 1
"""Version of the schema above."""

ASKED_AGAIN = "could_not_run"
"""Outcome that a resumed run asks again: the worker never got to the case."""

PUBLIC = "public:"
"""Begins the keys of `meta` under which the signatures and public names of each subject stand; older run files have none."""

_SECONDS = '{"seconds":'

_MAGIC = b"SQLite format 3\0"
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE subject (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL,
  problem TEXT NOT NULL DEFAULT '', complete INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE case_ (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
CREATE TABLE observation (
  subject INTEGER NOT NULL REFERENCES subject, case_ INTEGER NOT NULL REFERENCES case_,
  outcome TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (subject, case_)
) WITHOUT ROWID;
CREATE TABLE state (subject INTEGER NOT NULL, group_ TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL);
CREATE TABLE blob (
  number INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, codec TEXT NOT NULL, width INTEGER NOT NULL,
  size INTEGER NOT NULL, base TEXT NOT NULL, data BLOB NOT NULL
);
"""
_FUNCTION = "json_extract(case_.json, '$.function')"
_META_KINDS = {"plan": dict, "bindings": dict, "environment": dict, "rules": list, "shards": dict}
"""What entries of `meta` must be for those who read them."""

EMPTY = blob_hash(b"")
"""Hash of no bytes, which are nowhere stored."""
_MOST_BASES = 32 << 20
"""Bytes of blobs kept at hand to pack others against."""


class RunFileError(Exception):
    """A run file can't be used; the message is one sentence for a person."""


class NotWritten(RunFileError):
    """The run file can't be written any more (the disk is full); what was recorded before is kept in it."""


class RunFile:
    """One run file, open. Methods may be called from any thread. All of them raise RunFileError when the file fails them."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._stored: set[str] = {EMPTY}
        self._case_numbers: dict[str, int] = {}
        self._subject_numbers: dict[str, int] = {}
        self._bases: dict[tuple[object, ...], Base] = {}
        self._bases_size = 0
        self._unpacked: dict[str, bytes] = {}
        with self._reading():
            self._stored.update(name for (name,) in connection.execute("SELECT hash FROM blob"))
            self._case_numbers.update(connection.execute("SELECT id, number FROM case_"))
            self._subject_numbers.update(connection.execute("SELECT id, number FROM subject"))

    # Opening and closing

    @staticmethod
    def create(path: Path | str, meta: Mapping[str, Any], resume: bool = False) -> RunFile:
        """A new run file with these plain data about the run; with `resume`, an existing run file goes on.

        Nothing is ever overwritten. Raises RunFileError: there is such a file already, or the one to be resumed belongs
        to another plan (its `plan`, `standard` or `nnconform` differ from those in `meta`).
        """
        path = Path(path)
        if path.exists() and path.stat().st_size > 0:
            if not resume:
                _examine(path)
                raise RunFileError(
                    f"{path} is already there and is not overwritten: give --resume to go on with it, or another --out."
                )
            run_file = RunFile.open(path)
            try:
                _same_plan(path, run_file.meta(), meta)
            except BaseException:
                run_file.close()
                raise
            return run_file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(path)
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {_SCHEMA} COMMIT;"
            )
        except (OSError, sqlite3.Error) as error:
            raise RunFileError(f"{path} can't be written ({error}): give another --out.") from error
        run_file = RunFile(path, connection)
        for key, value in meta.items():
            run_file.set_meta(key, value)
        return run_file

    @staticmethod
    def open(path: Path | str) -> RunFile:
        """An existing run file. Raises RunFileError: not found, not a run file, truncated or damaged, too new."""
        path = Path(path)
        _examine(path)
        try:
            return RunFile(path, connect(path))
        except sqlite3.Error as error:
            raise RunFileError(f"{path} can't be read ({error}).") from error

    def close(self) -> None:
        """Close the file; everything recorded is in it."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> RunFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing

    def set_meta(self, key: str, value: Any) -> None:
        """Set one entry of `meta` to plain data."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, to_json(value)))

    def add_subject(self, subject: Subject) -> None:
        """Enter a subject that begins or goes on. Its versions must be those that it began with, if it has begun.

        Raises RunFileError where they are not: a run file never mixes two versions under one name.
        """
        data = to_json(
            {key: getattr(subject, key) for key in ("backend", "configuration", "device", "versions", "environment")}
        )
        for known in self.subjects():
            if known.id == subject.id and known.versions and subject.versions:
                _same_versions(self.path, known, subject)
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO subject (id, data, problem) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET data = excluded.data, problem = excluded.problem, complete = 0",
                (subject.id, data, subject.problem),
            )
            self._subject_numbers.update(connection.execute("SELECT id, number FROM subject"))

    def set_public(self, subject: str, public: Mapping[str, Any]) -> None:
        """Keep what a subject's public callables look like (see `worker_signatures.recorded`)."""
        self.set_meta(PUBLIC + subject, public)

    def finish_subject(self, subject: str, problem: str = "") -> None:
        """Note that a subject is through, or why it could not (go on to) run."""
        with self._writing() as connection:
            connection.execute("UPDATE subject SET complete = 1, problem = ? WHERE id = ?", (problem, subject))

    def record(
        self,
        subject: str,
        observations: Sequence[Observation],
        blobs: Mapping[str, bytes],
        state: tuple[str, Mapping[str, Any], Mapping[str, Any]] | None = None,
    ) -> None:
        """Write observations of a subject in one transaction, with those of `blobs` that the file lacks.

        `blobs` holds the bytes of the inputs and outputs by hash; `state` a group's id and the floating-point state
        before and after it. An observation of the same case replaces the earlier one.
        """
        with self._writing() as connection:
            number = self._subject_numbers[subject]
            rows = []
            for observation in observations:
                self._store_blobs(connection, observation, blobs)
                rows.append((number, self._case_number(connection, observation.case), *observation_row(observation)))
            connection.executemany("INSERT OR REPLACE INTO observation VALUES (?, ?, ?, ?)", rows)
            if state is not None:
                group, before, after = state
                connection.execute(
                    "INSERT INTO state VALUES (?, ?, ?, ?)", (number, group, to_json(before), to_json(after))
                )

    # Reading

    def meta(self) -> dict[str, Any]:
        """The plain data about the run: `plan`, `standard`, `nnconform`, `environment`, `complete` ... (`public` gives the rest)."""
        with self._reading() as connection:
            rows = connection.execute("SELECT key, value FROM meta WHERE substr(key, 1, ?) != ?", (len(PUBLIC), PUBLIC))
            found = {key: decode(json.loads(value)) for key, value in rows}
        for key, kind in _META_KINDS.items():
            if not isinstance(found.get(key, kind()), kind):
                raise RunFileError(f"{self.path} is damaged: its {key} is not a {kind.__name__}.")
        return found

    def public(self, subject: str) -> dict[str, dict[str, Any]]:
        """`signatures` and `names` of a subject (see `worker_signatures.recorded`); both empty where the run recorded none."""
        with self._reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (PUBLIC + subject,)).fetchone()
            found = json.loads(row[0]) if row else {}
            return {key: dict(found.get(key, {})) for key in ("signatures", "names")}

    def done(self, subject: str) -> set[str]:
        """Ids of the cases that need not be asked again."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT case_.id FROM observation JOIN case_ ON case_.number = observation.case_"
                " JOIN subject ON subject.number = observation.subject WHERE subject.id = ? AND outcome != ?",
                (subject, ASKED_AGAIN),
            )
            return {case for (case,) in rows}

    def subjects(self) -> tuple[Subject, ...]:
        """The subjects in the order in which they were entered."""
        with self._reading() as connection:
            rows = connection.execute("SELECT id, data, problem FROM subject ORDER BY number").fetchall()
            return tuple(
                Subject(id=name, problem=problem, **subject_fields(json.loads(data))) for name, data, problem in rows
            )

    def complete(self, subject: str) -> bool:
        """Whether the subject has been through all its cases, or never will be."""
        with self._reading() as connection:
            row = connection.execute("SELECT complete FROM subject WHERE id = ?", (subject,)).fetchone()
            return bool(row and row[0])

    def observations(self, subject: str, functions: Collection[str] = ()) -> Iterator[Observation]:
        """What a subject did, in the order in which the cases were first asked; about these functions only, if any are given."""
        wanted = f" AND {_FUNCTION} IN ({', '.join('?' * len(functions))})" if functions else ""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT case_.json, outcome, observation.data FROM observation JOIN case_ ON case_.number = observation.case_"
                f" JOIN subject ON subject.number = observation.subject WHERE subject.id = ?{wanted} ORDER BY observation.case_",
                (subject, *functions),
            ).fetchall()
        for text, outcome, data in rows:
            with self._reading():
                observation = observation_from(subject, text, outcome, json.loads(data))
            yield observation

    def answers(self, subject: str) -> dict[str, tuple[str, str]]:
        """Outcome and the rest as text, by case; without the seconds it took: equal texts are equal answers. Cheap for 100,000."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT case_.id, outcome, observation.data FROM observation JOIN case_ ON case_.number = observation.case_"
                " JOIN subject ON subject.number = observation.subject WHERE subject.id = ?",
                (subject,),
            )
            return {case: (outcome, _without_seconds(data)) for case, outcome, data in rows}

    def digests(self, subject: str) -> dict[str, str]:
        """A hash of what a subject was asked and answered about each function, without the seconds that it took."""
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_FUNCTION}, case_.id, outcome, observation.data FROM observation JOIN case_ ON case_.number = observation.case_"
                " JOIN subject ON subject.number = observation.subject WHERE subject.id = ? ORDER BY observation.case_",
                (subject,),
            )
            found: dict[str, Any] = {}
            for function, case, outcome, data in rows:
                digest = found.get(function) or found.setdefault(function, hashlib.blake2b(digest_size=20))
                digest.update(f"{case}\x1f{outcome}\x1f{_without_seconds(data)}\x1e".encode())
        return {function: digest.hexdigest() for function, digest in found.items()}

    def asked(self, subject: str) -> dict[tuple[str, str, str], int]:
        """How many cases a subject has an answer to, by function, mode and dtype."""
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_FUNCTION}, json_extract(json, '$.mode'), json_extract(json, '$.dtype'), count(*) FROM observation"
                " JOIN case_ ON case_.number = observation.case_ JOIN subject ON subject.number = observation.subject"
                " WHERE subject.id = ? GROUP BY 1, 2, 3",
                (subject,),
            )
            return {(function, mode, dtype): count for function, mode, dtype, count in rows}

    def sizes(self, subject: str, functions: Sequence[str]) -> dict[tuple[str, str, str, str, str], int]:
        """How many numbers came back, of calls that had to answer: by function, entry point, dtype, mode and quantity."""
        fields = ("function", "entry_point", "dtype", "mode", "quantity")
        columns = ", ".join(f"json_extract(case_.json, '$.{name}')" for name in fields)
        found: dict[tuple[str, str, str, str, str], int] = {}
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {columns}, json_extract(data, '$.outputs[0][2]'), count(*) FROM observation JOIN case_ ON case_.number = observation.case_"
                f" WHERE subject = (SELECT number FROM subject WHERE id = ?) AND outcome = 'returned' AND {_FUNCTION} IN ({', '.join('?' * len(functions))})"
                " AND json_extract(case_.json, '$.topic') != 'error' GROUP BY 1, 2, 3, 4, 5, 6",
                (subject, *functions),
            )
            for *key, shape, count in rows:
                name = tuple(key)
                found[name] = found.get(name, 0) + count * math.prod(json.loads(shape or "[]"))
        return found

    def cases(self, names: Collection[str]) -> dict[str, Case]:
        """The cases with these ids, by id; those that the file lacks are absent."""
        found: dict[str, Case] = {}
        wanted = list(names)
        with self._reading() as connection:
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                rows = connection.execute(
                    f"SELECT id, json FROM case_ WHERE id IN ({', '.join('?' * len(some))})", some
                )
                found.update((name, Case.from_json(text)) for name, text in rows)
        return found

    def states(self, subject: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """For each group that came to its end: its id, and the floating-point state before and after it."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT group_, before, after FROM state JOIN subject ON subject.number = state.subject WHERE id = ?",
                (subject,),
            )
            return [(group, json.loads(before), json.loads(after)) for group, before, after in rows]

    def blob(self, name: str) -> bytes:
        """The bytes with this hash. Raises RunFileError where the file has no such blob, or it is damaged."""
        return self._blob(name, depth=0)

    def array(self, item: Any) -> NDArray[np.unsignedinteger]:
        """The bits of an Input or Output, in the unsigned type of its dtype and in its shape; read-only.

        A missing gradient (dtype `none`) has no elements. Raises RunFileError.
        """
        data = self.blob(item.blob)
        if item.dtype == "none":
            return np.zeros(0, dtype=np.uint8)
        count = math.prod(item.shape)
        width = width_of(item.dtype) or (len(data) // count if count else 1)
        if width not in (1, 2, 4, 8) or count * width != len(data):
            raise RunFileError(
                f"{self.path} is damaged: a tensor of {item.dtype} and shape {list(item.shape)} has {len(data)} bytes."
            )
        return np.frombuffer(data, dtype=f"u{width}").reshape(item.shape)

    # Inside

    def _case_number(self, connection: sqlite3.Connection, case: Case) -> int:
        text = case.to_json()
        name = case.id
        if name not in self._case_numbers:
            cursor = connection.execute("INSERT INTO case_ (id, json) VALUES (?, ?)", (name, text))
            assert cursor.lastrowid is not None
            self._case_numbers[name] = cursor.lastrowid
        return self._case_numbers[name]

    def _store_blobs(
        self, connection: sqlite3.Connection, observation: Observation, blobs: Mapping[str, bytes]
    ) -> None:
        case = observation.case
        inputs = (*case.inputs, *(item for item in (case.cotangent, case.direction) if item is not None))
        after = (observation.after,) if observation.after else ()
        for item in (*inputs, *observation.outputs, *after):
            if item.blob in self._stored:
                continue
            if item.blob not in blobs:
                if observation.outcome == ASKED_AGAIN:
                    continue
                raise RunFileError(f"a tensor of case {case.id} came without its bytes; this is a defect of nnconform.")
            data = blobs[item.blob]
            width = width_of(item.dtype) or 1
            packed = pack(data, width, *self._bases_for(item, case, data, width, blobs))
            connection.execute(
                "INSERT INTO blob (hash, codec, width, size, base, data) VALUES (?, ?, ?, ?, ?, ?)",
                (item.blob, packed.codec, packed.width, packed.size, packed.base, packed.data),
            )
            self._stored.add(item.blob)

    def _bases_for(
        self, item: Any, case: Case, data: bytes, width: int, blobs: Mapping[str, bytes]
    ) -> tuple[Base | None, Base | None]:
        """Blobs to pack this one against: the first answer of anybody to the same question, and the argument.

        Narrow formats need none. Bases are never packed against anything but an argument, which has no base itself,
        so that unpacking takes three steps at most.
        """
        if width < 4 or not isinstance(item, Output) or not case.inputs:
            return None, None
        argument = case.inputs[0].blob
        question = (argument, case.function, to_json(case.parameters), case.quantity, item.dtype, len(data))
        twin = self._bases.get(question)
        if twin is None and self._bases_size < _MOST_BASES:
            self._bases[question] = (item.blob, data)
            self._bases_size += len(data)
        return twin, (argument, blobs[argument]) if argument in blobs else None

    def _blob(self, name: str, depth: int) -> bytes:
        if name == EMPTY:
            return b""
        if name in self._unpacked:
            return self._unpacked[name]
        with self._reading() as connection:
            row = connection.execute(
                "SELECT codec, width, size, base, data FROM blob WHERE hash = ?", (name,)
            ).fetchone()
            if row is None or depth > 3:
                raise RunFileError(f"{self.path} is damaged: it lacks the bytes of a tensor ({name}).")
            packed = Packed(*row)
            if packed.codec not in CODECS or not isinstance(packed.data, bytes):
                raise Damaged(f"unknown codec {packed.codec!r}")
            base = self._blob(packed.base, depth + 1) if packed.base else b""
            data = unpack(packed, base)
        if depth:  # others rest on it
            if len(self._unpacked) > 64:
                self._unpacked.pop(next(iter(self._unpacked)))
            self._unpacked[name] = data
        return data

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. What was stored before stays when it fails."""
        with self._lock:
            remembered = (set(self._stored), dict(self._case_numbers), dict(self._bases))
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except BaseException as error:
                self._stored, self._case_numbers, self._bases = remembered
                if isinstance(error, sqlite3.Error):
                    raise NotWritten(
                        f"{self.path} can't be written ({error}); everything recorded so far is kept in it,"
                        " and --resume goes on from there."
                    ) from error
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, with what can go wrong in a foreign or damaged file turned into a sentence."""
        with self._lock:
            try:
                yield self._connection
            except (sqlite3.Error, Damaged, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise RunFileError(
                    f"{self.path} is damaged or was not written by nnconform ({type(error).__name__}: {error})."
                ) from error


def _examine(path: Path) -> None:
    """Raise RunFileError unless the file is a whole run file of a version that can be read."""
    if not path.exists():
        raise RunFileError(f"{path} was not found.")
    if not path.is_file():
        raise RunFileError(f"{path} is not a file, so it is not an nnconform run file.")
    try:
        with path.open("rb") as stream:
            head = stream.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise RunFileError(f"{path} can't be read ({error.strerror}).") from error
    if not head or not (head.startswith(_MAGIC) or _MAGIC.startswith(head)):
        raise RunFileError(f"{path} is not an nnconform run file.")
    if len(head) < 100:
        raise RunFileError(f"{path} is truncated: nothing of it can be read.")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise RunFileError(f"{path} is a database of another program, not an nnconform run file.")
    version = int.from_bytes(head[60:64], "big")
    if version > VERSION:
        raise RunFileError(
            f"{path} was written by a newer nnconform (run file version {version}); this one reads up to {VERSION}."
        )
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    if size < pages * (65536 if page == 1 else page):
        raise RunFileError(f"{path} is truncated: it has {size} bytes of {pages * (65536 if page == 1 else page)}.")
    try:
        with contextlib.closing(connect(path)) as connection:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise RunFileError(f"{path} is damaged ({error}).") from error
    if verdict != ("ok",):
        raise RunFileError(f"{path} is damaged ({str(verdict[0]).splitlines()[-1].rstrip('.')}).")


def _without_seconds(data: str) -> str:
    """An observation's row without what differs between any two runs."""
    if data.startswith(_SECONDS):
        rest = data[len(_SECONDS) :].lstrip("0123456789.e+-")
        return "{" + rest.removeprefix(",")
    plain = json.loads(data)
    plain.pop("seconds", None)
    return to_json(plain)


def connect(path: Path) -> sqlite3.Connection:
    """The database behind a run file, as it is; nothing in it is believed to be a schema of ours."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    # A rollback journal leaves one file and no companions; NORMAL survives the death of the process, which is what happens.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _same_plan(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in ("nnconform", "standard", "plan"):
        was, wanted = old.get(key), decode(json.loads(to_json(new.get(key))))
        if key in old and key in new and was != wanted:
            if isinstance(was, dict) and isinstance(wanted, dict):
                differing = [name for name in {**was, **wanted} if was.get(name) != wanted.get(name)]
                was, wanted = ({name: side.get(name) for name in differing} for side in (was, wanted))
            raise RunFileError(
                f"{path} can't be resumed: its {key} was {was}, and now it is {wanted}; use what it began with, or another --out."
            )


def _same_versions(path: Path, known: Subject, subject: Subject) -> None:
    if dict(known.versions) != dict(subject.versions):
        changed = [name for name in {**known.versions, **subject.versions}
                   if known.versions.get(name) != subject.versions.get(name)]  # fmt: skip
        was, now = (
            ", ".join(f"{name} {side.get(name, 'absent')}" for name in changed)
            for side in (known.versions, subject.versions)
        )
        raise RunFileError(f"{path} has {subject.id} with {was}, and now it is {now}: give another --out.")
