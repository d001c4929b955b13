"""The truth, kept: in memory, and on disk from one run to the next; what is missing is computed, on several processes.

Knows where tables are kept and when a kept one may be trusted; what is true is the oracle's business.

A file's name is the hash of everything that the truth in it depends on: the source of the definition and its forms,
the declared limits, kinks and landmarks, parameters, format, side, input bits, and the oracle's own code. A file that
does not have the right checksum is computed anew.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import tempfile
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from pickle import PicklingError
from types import ModuleType
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from conformance.formats import Bits, Format
from conformance.standard import real
from conformance.standard.model import Definition, Function, text_of

from . import enclosure, oracle, reals, series
from .enclosure import has_tail
from .oracle import Table
from .reals import Reals, joined

VERSION = 1
"""Of the file's layout; raised when it changes."""

CHUNK = 4096
"""Values that one process computes at a time: about 40 ms."""

MEMORY = 512 << 20
"""Bytes of tables kept in memory; the oldest go first."""

_MAGIC = b"nnconform truth\n"
_DIGEST = 32


@dataclass(frozen=True)
class Request:
    """A table to be had: side 0 for `table`, −1 or +1 for `one_sided`."""

    function: Function
    parameters: Mapping[str, float]
    format: Format
    bits: Bits
    side: int = 0


Progress = Callable[[int, int], None]
"""Called with the number of values computed so far, and of all that had to be computed."""


def default_directory() -> Path:
    """$NNCONFORM_CACHE, or `nnconform` in the platform's folder for caches."""
    chosen = os.environ.get("NNCONFORM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "nnconform" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nnconform"
    folder = os.environ.get("XDG_CACHE_HOME")
    return (Path(folder) if folder else Path.home() / ".cache") / "nnconform"


class Oracle:
    """The oracle with a memory.

    `directory` is where tables are kept (None: nowhere); `jobs` the number of processes for what has to be computed.
    A directory that can't be written costs a warning, once, and time.
    """

    def __init__(self, directory: Path | None, jobs: int = 1) -> None:
        self._directory = directory
        self._jobs = jobs
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._bytes = 0
        self._warned = False

    def table(self, function: Function, parameters: Mapping[str, float], format: Format, bits: Bits) -> Table:
        """`oracle.table`, from memory or disk where it is there."""
        return self._get(Request(function, parameters, format, bits))

    def one_sided(
        self, function: Function, parameters: Mapping[str, float], format: Format, bits: Bits, side: int
    ) -> Table:
        """`oracle.one_sided`, from memory or disk where it is there."""
        return self._get(Request(function, parameters, format, bits, side))

    def numbers(self, request: Request, code: str, compute: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """What `compute` gives, a few whole numbers that follow from the truth at `request`; from disk where it is there.

        `code` is the source of what computes them: another one may find others.
        """
        key = hashlib.blake2b(f"{key_of(_plain(request))} {code}".encode(), digest_size=20).hexdigest()
        path = self._path(key)
        try:
            if path is not None:
                return np.frombuffer(_body(path.read_bytes(), key), dtype="<i8").astype(np.int64)
        except (OSError, ValueError):
            pass
        found = compute()
        self._write(key, found.astype("<i8").tobytes())
        return found

    def stored(self, key: str) -> bytes | None:
        """What was stored under this key (20 bytes in hexadecimal), in this run or an earlier one; None if nothing whole is there."""
        path = self._path(key)
        try:
            return None if path is None else _body(path.read_bytes(), key)
        except (OSError, ValueError):
            return None

    def keeps(self, key: str) -> bool:
        """Whether something was stored under this key, whole or not."""
        path = self._path(key)
        return path is not None and path.exists()

    def store(self, key: str, raw: bytes) -> None:
        """Keep bytes on disk under this key, if there is a directory."""
        self._write(key, raw)

    @property
    def directory(self) -> Path | None:
        """Where tables are kept; None if nowhere."""
        return self._directory

    @property
    def jobs(self) -> int:
        """The number of processes for what has to be computed."""
        return self._jobs

    def prefetch(self, requests: Sequence[Request], progress: Progress | None = None) -> None:
        """Sees to it that all of `requests` are on disk or in memory, computing what is missing on `jobs` processes."""
        missing: dict[str, Request] = {}
        for request in requests:
            request = _plain(request)
            key = key_of(request)
            if key not in missing and key not in self._tables and not self._on_disk(key):
                missing[key] = request
        total = sum(len(request.bits) for request in missing.values())
        done = 0
        for key, part in self._computed(missing):
            if isinstance(part, Table):
                self._keep(key, part)
                self._write(key, _columns(part))
            else:
                done += part
                if progress is not None:
                    progress(done, total)

    def _get(self, request: Request) -> Table:
        request = _plain(request)
        key = key_of(request)
        kept = self._tables.get(key)
        if kept is not None:
            self._tables.move_to_end(key)
            return kept
        table = self._read(key, request)
        if table is None:
            for _, part in self._computed({key: request}):
                if isinstance(part, Table):
                    table = part
            assert table is not None, "every request that is computed yields its table"
            self._write(key, _columns(table))
        self._keep(key, table)
        return table

    def _keep(self, key: str, table: Table) -> None:
        self._tables[key] = table
        self._bytes += _size(table)
        while self._bytes > MEMORY and len(self._tables) > 1:
            _, oldest = self._tables.popitem(last=False)
            self._bytes -= _size(oldest)

    def _computed(self, requests: Mapping[str, Request]) -> Iterator[tuple[str, Table | int]]:
        """Yields the number of values whenever some are computed, and each table when it is whole."""
        values = sum(len(request.bits) for request in requests.values())
        if self._jobs > 1 and values > CHUNK:
            finished: set[str] = set()
            try:
                for key, part in _in_parallel(requests, self._jobs):
                    if isinstance(part, Table):
                        finished.add(key)
                    yield key, part
                return
            except (BrokenProcessPool, PicklingError, AttributeError, TypeError, OSError) as problem:
                # A function made on the spot can't be sent to another process, and some hosts allow none.
                self._warn(f"computing the truth on one process, because others could not be used ({problem})")
                self._jobs = 1
                requests = {key: request for key, request in requests.items() if key not in finished}
        for key, request in requests.items():
            parts = []
            for chunk in _chunks(request):
                parts.append(_compute(chunk))
                yield key, len(chunk.bits)
            yield key, _assembled(request, parts)

    def _path(self, key: str) -> Path | None:
        return None if self._directory is None else self._directory / f"truth-{VERSION}" / key[:2] / key[2:]

    def _on_disk(self, key: str) -> bool:
        # Its name is no proof that a file is whole, but reading each here would double the work of a warm start; a
        # damaged one is found when it is read, and computed then.
        path = self._path(key)
        try:
            return path is not None and path.stat().st_size > len(_MAGIC) + _DIGEST
        except OSError:
            return False

    def _read(self, key: str, request: Request) -> Table | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            return unpack(path.read_bytes(), key, request.format, request.bits)
        except (OSError, ValueError):
            return None

    def _write(self, key: str, raw: bytes) -> None:
        path = self._path(key)
        if path is None:
            return
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(_sealed(raw, key))
            Path(temporary).replace(path)
        except OSError as problem:
            self._warn(
                f"the truth can't be kept in {self._directory} ({problem.strerror or problem}); going on without; "
                "set NNCONFORM_CACHE to a folder that can be written"
            )
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            self._directory = None

    def _warn(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(text, stacklevel=4)


def _plain(request: Request) -> Request:
    """The request with its bits in the format's own type, contiguous."""
    bits = np.ascontiguousarray(request.bits, dtype=request.format.bits_type)
    return Request(request.function, dict(request.parameters), request.format, bits, request.side)


def key_of(request: Request) -> str:
    """Hash of everything that the truth depends on, in hexadecimal."""
    function, parameters = request.function, request.parameters
    digest = hashlib.blake2b(digest_size=20)

    def add(*texts: str) -> None:
        for text in texts:
            data = text.encode()
            digest.update(len(data).to_bytes(8, "little") + data)

    add(own_code(), function.name, request.format.name, str(request.side), str(len(request.bits)))
    add(*(f"{name}={float(parameters[name]).hex()}" for name in sorted(parameters)))
    add(source_of(function.definition))
    for form in function.forms:
        add(source_of(form.definition), source_of(form.applies))
    for limit in function.limits:
        add(limit.at, *(text_of(text, parameters) for text in (limit.value, limit.derivative, limit.second_derivative)))
    add(repr(function.domain))
    add(*(text_of(kink.at, parameters) for kink in function.kinks))
    add(*(text_of(landmark.at, parameters) for landmark in function.landmarks))
    digest.update(request.bits.astype(request.format.bits_type.newbyteorder("<")).tobytes())
    return digest.hexdigest()


@cache
def own_code() -> str:
    """Hash of the oracle's own source and of the library underneath: another oracle may know better."""
    sources = "".join(inspect.getsource(module) for module in (oracle, enclosure, series, reals, real))
    return hashlib.blake2b(f"{VERSION} {flint.__version__} {sources}".encode(), digest_size=20).hexdigest()


@cache
def source_of(definition: Definition | Callable[..., bool]) -> str:
    """What a definition does, as text: its module's source (it may call what stands beside it), that of the modules whose
    functions stand there too, name and closure.

    Where there is no source, something that no other run has: then nothing is taken from disk.
    """
    module = inspect.getmodule(definition)
    try:
        source = (
            inspect.getsource(definition) if module is None else "".join(map(inspect.getsource, _and_its_own(module)))
        )
    except (OSError, TypeError):
        source = f"{id(definition)} {os.getpid()} {os.urandom(8).hex()}"
    enclosed = [repr(cell.cell_contents) for cell in getattr(definition, "__closure__", None) or ()]
    line = getattr(getattr(definition, "__code__", None), "co_firstlineno", repr(definition))
    defaults = repr(getattr(definition, "__defaults__", None))
    return "\n".join([source, getattr(definition, "__qualname__", repr(definition)), str(line), defaults, *enclosed])


def _and_its_own(module: ModuleType) -> list[ModuleType]:
    """The module, and those of the same package whose functions it has, by name; but `real`, which is in `own_code`."""
    found: dict[str, ModuleType] = {}
    left = [module]
    while left:
        one = left.pop()
        found[one.__name__] = one
        functions = [value for value in vars(one).values() if inspect.isfunction(value)]
        package = one.__name__.partition(".")[0] + "."
        names = {name for function in functions if (name := function.__module__).startswith(package)}
        left += [sys.modules[name] for name in names - found.keys() - {real.__name__} if name in sys.modules]
    return [found[name] for name in sorted(found)]


def _chunks(request: Request) -> list[Request]:
    starts = range(0, len(request.bits), CHUNK)
    return [
        Request(request.function, request.parameters, request.format, request.bits[at : at + CHUNK], request.side)
        for at in starts
    ]


def _compute(request: Request) -> Table:
    if request.side == 0:
        return oracle.table(request.function, request.parameters, request.format, request.bits)
    return oracle.one_sided(request.function, request.parameters, request.format, request.bits, request.side)


def _in_parallel(requests: Mapping[str, Request], jobs: int) -> Iterator[tuple[str, Table | int]]:
    # Not forked: the caller may have threads (a progress bar), and a fork copies their locks as they are.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        owner: dict[Future[Table], tuple[str, int]] = {}
        parts: dict[str, list[Table | None]] = {}
        try:
            for key, request in requests.items():
                chunks = _chunks(request)
                parts[key] = [None] * len(chunks)
                if not chunks:
                    yield key, _assembled(request, [])
                for place, chunk in enumerate(chunks):
                    owner[pool.submit(_compute, chunk)] = key, place
            for future in as_completed(owner):
                key, place = owner[future]
                parts[key][place] = future.result()
                yield key, len(future.result().bits)
                whole = [part for part in parts[key] if part is not None]
                if len(whole) == len(parts[key]):
                    del parts[key]
                    yield key, _assembled(requests[key], whole)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _assembled(request: Request, parts: list[Table]) -> Table:
    if not parts:
        return _compute(request)
    value, first, second, third = (joined([part.orders[order] for part in parts]) for order in range(4))
    if not has_tail(request.format):
        value, first, second, third = _lean(value), _lean(first), _lean(second), _lean(third)
    return Table(request.bits, request.format, (value, first, second, third))


def _lean(column: Reals) -> Reals:
    """With one zero instead of a whole array of them for the tails."""
    return Reals(column.kind, column.mantissa, np.broadcast_to(np.float64(0.0), len(column)), column.exponent)


def _size(table: Table) -> int:
    arrays = [a for order in table.orders for a in (order.kind, order.mantissa, order.tail, order.exponent)]
    return int(table.bits.nbytes) + sum(len(a) * abs(a.strides[0]) for a in arrays)


def pack(table: Table, key: str) -> bytes:
    """A table as bytes: a line, a checksum, and its columns compressed, byte by byte of the numbers apart."""
    return _sealed(_columns(table), key)


def _columns(table: Table) -> bytes:
    columns = []
    for order in table.orders:
        floats = [order.mantissa, order.tail] if has_tail(table.format) else [order.mantissa]
        columns.append(order.kind.tobytes())
        columns += [_by_byte(array, "<f8") for array in floats]
        columns.append(_by_byte(order.exponent, "<i4"))
    return b"".join(columns)


def _sealed(raw: bytes, key: str) -> bytes:
    body = zlib.compress(raw, 1)
    return _MAGIC + _checksum(key, body) + body


def _body(data: bytes, key: str) -> bytes:
    """What `_sealed` sealed. Raises ValueError for a file that is damaged, truncated or another one."""
    head = len(_MAGIC) + _DIGEST
    body = data[head:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : head] != _checksum(key, body):
        raise ValueError("not a table of the truth, or damaged")
    try:
        return zlib.decompress(body)
    except zlib.error as problem:
        raise ValueError(f"damaged: {problem}") from None


def unpack(data: bytes, key: str, format: Format, bits: Bits) -> Table:
    """The inverse of `pack`. Raises ValueError for a file that is damaged, truncated or another one."""
    raw = _body(data, key)
    n, widths = len(bits), (1, 8, 8, 4) if has_tail(format) else (1, 8, 4)
    if len(raw) != 4 * n * sum(widths):
        raise ValueError("a table of another length")
    place = 0
    orders = []
    for _ in range(4):
        pieces = []
        for width in widths:
            pieces.append(raw[place : place + n * width])
            place += n * width
        kind = np.frombuffer(pieces[0], dtype=np.uint8)
        mantissa = _from_bytes(pieces[1], "<f8")
        tail = _from_bytes(pieces[2], "<f8") if has_tail(format) else np.broadcast_to(np.float64(0.0), n)
        orders.append(Reals(kind, mantissa, tail, _from_bytes(pieces[-1], "<i4")))
    value, first, second, third = orders
    return Table(bits, format, (value, first, second, third))


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(key.encode() + body, digest_size=_DIGEST).digest()


def _by_byte(array: NDArray[Any], dtype: str) -> bytes:
    """All first bytes, then all second ones: exponents and signs compress well when mantissas are not between them."""
    plain = np.ascontiguousarray(array, dtype=dtype)
    return np.ascontiguousarray(plain.view(np.uint8).reshape(len(plain), plain.itemsize).T).tobytes()


def _from_bytes(data: bytes, dtype: str) -> NDArray[Any]:
    width = np.dtype(dtype).itemsize
    planes = np.frombuffer(data, dtype=np.uint8).reshape(width, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(-1).astype(np.dtype(dtype).newbyteorder("="), copy=False)
