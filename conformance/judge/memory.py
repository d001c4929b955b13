"""Verdicts kept on disk: equal answers to equal questions are judged once, by the same standard, truth and judge.

One file per subject and function, named by a hash of all that a verdict follows from: the answers, the bindings, and our own
code. Whatever is damaged or can't be written is judged again, and nothing is lost. Knows records; no framework.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import marshal
import os
import sys
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from conformance.garbage import uncollected
from conformance.observe.observation import Subject

from .functions import Collected
from .records import Convention, Exhibit, Result, Strip, Worst

FOLDER = "verdicts-1"
"""In the folder where the truth is kept; the number is the version of what is written here."""

MOST = 256 << 20
"""Bytes kept; what was not looked at for longest goes first."""

_PARTS = ("standard", "truth", "cases", "judge")
"""Folders of our own code from which verdicts follow."""


@cache
def own_code() -> str:
    """Hash of the standard, the truth, the cases and the judge, of the libraries underneath, and of this Python."""
    root = Path(__file__).parents[1]
    files = [*sorted(file for part in _PARTS for file in (root / part).rglob("*.py")), root / "formats.py"]
    digest = hashlib.blake2b(sys.version.encode(), digest_size=20)
    for library in ("numpy", "python-flint", "ml_dtypes"):
        digest.update(metadata.version(library).encode())
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def key_of(subject: Subject, function: str, answers: str, bindings: Mapping[str, Any]) -> str:
    """The name of what is kept about a subject and a function; `answers` is a digest of what was asked and answered."""
    mine = {key: value for key, value in bindings.items() if key.partition("/")[0] == function}
    said = [subject.id, subject.backend, subject.configuration, subject.device, function, answers, own_code()]
    return hashlib.blake2b(json.dumps([said, mine], sort_keys=True, default=str).encode(), digest_size=20).hexdigest()


class Memory:
    """Verdicts by key, in a folder; in None nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._folder = directory / FOLDER if directory is not None else None

    def recall(self, key: str) -> Collected | None:
        """What was kept under a key, if it is whole."""
        if self._folder is None:
            return None
        path = self._folder / key
        try:
            data = path.read_bytes()
            if data[:20] != _checksum(key, data[20:]):
                return None
            with uncollected():
                found = _collected(marshal.loads(zlib.decompress(data[20:])))
            os.utime(path)
        except (OSError, ValueError, TypeError, EOFError, zlib.error):
            return None
        return found

    def keep(self, key: str, collected: Collected) -> None:
        """Keep verdicts under a key. Where that can't be done they are judged again another time."""
        if self._folder is None:
            return
        body = zlib.compress(marshal.dumps(_plain(collected)), 1)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(prefix=".", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(_checksum(key, body) + body)
            Path(aside).replace(self._folder / key)

    def keep_all(self, keys: Mapping[str, str], found: Mapping[str, Collected]) -> None:
        """Keep the verdicts of those subjects that have a key."""
        for subject, key in keys.items():
            if subject in found:
                self.keep(key, found[subject])

    def tidy(self) -> None:
        """Let go of what was not looked at for longest, down to MOST bytes."""
        with contextlib.suppress(OSError):
            files = sorted(
                ((f.stat(), f) for f in self._folder.iterdir()) if self._folder else (),
                key=lambda one: -one[0].st_mtime,
            )
            size = 0
            for stat, file in files:
                size += stat.st_size
                if size > MOST:
                    file.unlink(missing_ok=True)


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + body, digest_size=20).digest()


# Records as tuples of plain values. marshal, because it keeps tuples apart from lists and reads half a million records in a
# second; what it can't tell (numbers of NumPy) is made plain before.

_KINDS: tuple[tuple[str, type[Any]], ...] = (
    ("results", Result), ("strips", Strip), ("exhibits", Exhibit), ("conventions", Convention),
)  # fmt: skip


def _plain(collected: Collected) -> tuple[list[tuple[Any, ...]], ...]:
    return tuple([_values(record) for record in getattr(collected, part)] for part, _ in _KINDS)


def _values(record: Any) -> tuple[Any, ...]:
    return tuple([_value(value) for value in record.__dict__.values()])


def _value(value: Any) -> Any:
    kind = type(value)
    if kind in (str, int, float, bool, bytes, type(None)):
        return value
    if kind is tuple:
        return tuple([_value(one) for one in value])
    if kind is list:
        return [_value(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _value(one) for key, one in value.items()}
    if kind is Worst:
        return _values(value)
    return _value(value.item())  # a number of NumPy


def _collected(parts: Any) -> Collected:
    """The inverse of `_plain`. Raises TypeError and ValueError for anything else."""
    found = Collected()
    for (part, kind), rows in zip(_KINDS, parts, strict=True):
        setattr(found, part, [_record(kind, row) for row in rows])
    return found


def _record(kind: Any, row: tuple[Any, ...]) -> Any:
    names = _names(kind)
    if len(row) != len(names):
        raise ValueError(f"{kind.__name__} has {len(names)} fields, not {len(row)}")
    # Not by the constructor: that of a frozen dataclass takes ten times as long, and these were made by it once.
    record = object.__new__(kind)
    record.__dict__.update(zip(names, row, strict=True))
    if kind is Result and (worst := record.__dict__["worst"]) is not None:
        record.__dict__["worst"] = _record(Worst, worst)
    return record


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
