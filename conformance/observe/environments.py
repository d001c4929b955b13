"""Throwaway environments: made with venv and pip from requirements, and found again by a hash of those.

An environment holds exactly what it was asked for; nothing of nnconform's goes into it, since a worker needs the standard
library and NumPy only. Knows where environments are kept and when a kept one may be trusted; no framework.

    CACHE/environments/HASH/                   the environment; it is made in its place, since its scripts know their folder
    CACHE/environments/HASH/nnconform.json     written last: an environment without it is half made, and is made anew
    CACHE/environments/HASH.lock               held by whoever makes or removes it (alone) or uses it (with others)

One that nobody used for DAYS days goes; and while all are larger than MOST_BYTES together, the one that was used longest
ago. Those that are marked as kept stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from . import pip
from .requirements import pinned

MARKER = "nnconform.json"
KEPT = "nnconform.kept"
SCHEMA = 1
"""Of the marker; raised when it changes."""

DAYS = 30
"""Days after which an environment that nobody used is removed."""

MOST_BYTES = 20 << 30
"""Bytes of all environments together above which those that were used longest ago are removed."""

DAY = 86_400.0
"""Seconds for which an environment is found again whose requirements leave the version to pip: tomorrow there may be a newer one."""

Progress = Callable[[str, float, str], None]
"""`progress(what, seconds, state)`: `making` again and again, then `made`; or `found`; `waiting` for another process."""


class NotMade(Exception):
    """An environment could not be made; the message is a sentence for a person."""


class NoInterpreter(ValueError):
    """The interpreter that was named can't be used; the message is a sentence for a person."""


@dataclass(frozen=True)
class Interpreter:
    """A Python that environments can be made from: its file, its version (`3.11.7`), and all that tells it from others."""

    path: str
    version: str
    identity: str


@dataclass(frozen=True)
class Environment:
    """One whole environment: where it is, what was asked for, what is in it (distribution -> version), its bytes on disk."""

    folder: Path
    requirements: tuple[str, ...]
    packages: Mapping[str, str]
    bytes: int

    @property
    def python(self) -> str:
        """Path of its interpreter."""
        return str(_python_of(self.folder))

    def keep(self) -> None:
        """Have `clean` never remove it."""
        (self.folder / KEPT).touch()


def interpreter(name: str) -> Interpreter:
    """The interpreter of that name or path. Raises NoInterpreter: not found, not a Python, older than 3.9."""
    found = shutil.which(Path(name).expanduser())
    if found is None:
        raise NoInterpreter(
            f"there is no interpreter {name!r}: give the path of a Python, or its name, as in python3.11."
        )
    # The path itself, not what it links to: the interpreter of a virtual environment is a link.
    path = str(Path(found).absolute())
    script = "import json, platform, sys; print(json.dumps([sys.version_info[:3], sys.version, platform.platform(), sys.base_prefix]))"
    try:
        version, *rest = json.loads(pip.run([path, "-c", script]).said.splitlines()[-1])
        text = ".".join(map(str, version))
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise NoInterpreter(
            f"{name!r} is no Python that runs here: give the path of one, or its name, as in python3.11."
        ) from error
    if tuple(version) < (3, 9):
        raise NoInterpreter(f"{name!r} is Python {text}; a worker needs 3.9 or later: give another interpreter.")
    return Interpreter(path, text, json.dumps([text, *rest]))


@contextlib.contextmanager
def environment(
    requirements: Sequence[Requirement], python: Interpreter, directory: Path, progress: Progress = lambda *_: None
) -> Iterator[Environment]:
    """The environment with these requirements, made where it is not there; nobody removes it while it is in use.

    `directory` is the folder of the cache. Raises NotMade. Interrupted, it leaves nothing half made behind.
    """
    wanted = sorted(str(requirement) for requirement in requirements)
    what = " ".join(str(requirement) for requirement in requirements)
    if any(requirement.url for requirement in requirements):
        # What is behind a link may change while the link does not: such an environment is made for this time only.
        with tempfile.TemporaryDirectory(prefix="nnconform-environment-", ignore_cleanup_errors=True) as name:
            yield _made(Path(name) / "environment", wanted, what, python, progress)
        return
    folder = directory / "environments" / key_of(wanted, python)
    youngest = 0.0 if all(map(pinned, requirements)) else time.time() - DAY

    def waiting() -> None:
        progress(what, 0.0, "waiting")

    with _lock_of(folder) as lock:
        while True:
            _take(lock, alone=False, waiting=waiting)
            found = _found(folder, wanted, youngest)
            if found is not None:
                progress(what, 0.0, "found")
            else:
                _take(lock, alone=True, waiting=waiting)
                # Another process may have made it in between.
                found = _found(folder, wanted, youngest) or _made(folder, wanted, what, python, progress, (lock,))
                _take(lock, alone=False, waiting=waiting)
            with contextlib.suppress(OSError):
                os.utime(folder / MARKER)
            if _marker_of(folder):  # nobody removed it while the lock changed
                break
        yield found


def key_of(requirements: Sequence[str], python: Interpreter) -> str:
    """Hash of all that decides what will be in an environment: requirements in any order, interpreter, pip's settings."""
    text = json.dumps([SCHEMA, sorted(requirements), python.identity, pip.settings(python.path)])
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def clean(directory: Path, days: float = DAYS, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Remove environments that nobody used for so many days, and more of them while all are too large; what is in use stays.

    Gives the folders that were removed. What can't be removed stays without a word: it is a cache.
    """
    entries = []
    with contextlib.suppress(OSError):
        for folder in (directory / "environments").iterdir():
            if folder.is_dir() and not (folder / KEPT).exists():
                marker = _marker_of(folder)
                used = (folder / MARKER if marker else folder).stat().st_mtime
                entries.append((used, int(marker.get("bytes", 0)), bool(marker), folder))
    total = sum(size for _, size, _, _ in entries)
    removed = []
    for used, size, whole, folder in sorted(entries, key=lambda entry: entry[0]):
        # After a day nobody is at a half-made one any more.
        if time.time() - used > (days if whole else 1) * DAY or (whole and total > most_bytes):
            with contextlib.suppress(OSError, NotMade, _Busy), _lock_of(folder) as lock:
                _take(lock, alone=True, waiting=None)
                (folder / MARKER).unlink(missing_ok=True)
                shutil.rmtree(folder)
                removed.append(folder)
                total -= size
    return removed


def differing(old: Environment, new: Environment) -> dict[str, tuple[str, str]]:
    """Distributions of which two environments hold different versions: name -> the two, empty where one has none."""
    names = sorted({*old.packages, *new.packages})
    pairs = {name: (old.packages.get(name, ""), new.packages.get(name, "")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _made(
    folder: Path, wanted: Sequence[str], what: str, python: Interpreter, progress: Progress, held: Sequence[int] = ()
) -> Environment:  # fmt: skip
    """Make it, whatever is there of it already. Whatever goes wrong, nothing is left. Raises NotMade."""
    started = time.monotonic()

    def tick() -> None:
        progress(what, time.monotonic() - started, "making")

    tick()
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        ended = pip.run([python.path, "-m", "venv", str(folder)], tick, held)
        if ended.code:
            raise NotMade(pip.reason_no_environment(ended.said, python.path, python.version))
        inside = str(_python_of(folder))
        ended = pip.run(pip.install_command(inside, wanted), tick, held)
        if ended.code:
            raise NotMade(f"{what} can't be installed: {pip.reason_not_installed(ended.said, python.version)}")
        packages = pip.packages(inside)
        if packages is None:
            raise NotMade(
                f"{what} was installed, but pip can't list it: try again, or give another interpreter with --python."
            )
        size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
        marker = {
            "schema": SCHEMA, "requirements": list(wanted), "python": python.version, "packages": packages, "bytes": size,
            "made": time.time(),
        }  # fmt: skip
        aside = folder / f"{MARKER}.new"
        aside.write_text(json.dumps(marker, indent=1), encoding="utf-8")
        aside.replace(folder / MARKER)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise NotMade(
                f"{folder} can't be written ({error.strerror or error}): make room, or set NNCONFORM_CACHE to another folder."
            ) from error
        raise
    progress(what, time.monotonic() - started, "made")
    return Environment(folder, tuple(wanted), packages, size)


def _found(folder: Path, wanted: Sequence[str], youngest: float) -> Environment | None:
    """The environment, if it is there and whole, made since `youngest`, and the Python that it was made from is still there."""
    marker = _marker_of(folder)
    if not marker or marker["requirements"] != list(wanted) or not _python_of(folder).exists():
        return None
    return (
        Environment(folder, tuple(wanted), marker["packages"], marker["bytes"]) if marker["made"] >= youngest else None
    )


def _marker_of(folder: Path) -> dict[str, Any]:
    """What an environment remembers of itself; empty where it is half made, damaged or of another version."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    kinds = {"schema": int, "requirements": list, "packages": dict, "bytes": int, "made": float}
    whole = isinstance(marker, dict) and all(isinstance(marker.get(key), kind) for key, kind in kinds.items())
    return marker if whole and marker["schema"] == SCHEMA else {}


def _python_of(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


class _Busy(Exception):
    """Another process holds the lock."""


@contextlib.contextmanager
def _lock_of(folder: Path) -> Iterator[int]:
    """The open lock file of an environment; the system frees what is taken of it when its process ends. Raises NotMade."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise NotMade(
            f"{folder.parent} can't be written ({error.strerror}): set NNCONFORM_CACHE to a folder that can."
        ) from error
    try:
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, *, alone: bool, waiting: Callable[[], None] | None) -> None:
    """Hold the lock alone, or together with others that use the environment; what was held of it before is given up.

    Where that is not possible yet, calls `waiting` and waits; raises _Busy where that is None. Without `flock` it does nothing.
    """
    if sys.platform == "win32":
        return
    import fcntl

    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            raise _Busy from None
        waiting()
        fcntl.flock(lock, kind)
