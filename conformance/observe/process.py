"""The engine's end of one worker process: starts it, feeds it, reads it, knows how it ended. Knows no case.

Three threads serve each worker: one writes what it is to do, one reads what it says, one keeps the last lines of its
standard error, so that no side ever waits for the other.
"""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from . import worker_wire as wire

START = Path(__file__).resolve().parent / "worker_start.py"
PIPE_SIZE = 1 << 20
"""Bytes that a pipe holds where the system allows it: more than an answer, so that a worker goes on while it is read."""

LAST_LINES = 200
LONGEST_LINE = 1000
SLICE = 1.0
"""Seconds that are waited at a time; a machine that slept in between counts as one slice."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ENDED = object()


class TimedOut(Exception):
    """The worker said nothing for as long as it was given."""


class Ended(Exception):
    """The worker is no more; the message says how it ended and what it said last."""


class WorkerProcess:
    """One running worker. Raises OSError where the interpreter can't be started."""

    def __init__(self, python: str, threads: int, variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [python, str(START)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(os.environ, threads, variables),
            # Ctrl-C is the engine's to handle; and what a worker starts can be ended with it.
            start_new_session=True,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self._said: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._outbox: queue.SimpleQueue[tuple[bytes, Sequence[tuple[str, bytes]]] | None] = queue.SimpleQueue()
        self._inbox: queue.Queue[Any] = queue.Queue(maxsize=64)
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=task, name=f"{task.__name__} {self._process.pid}", daemon=True)
            for task in (self._write, self._read, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, header: bytes, blobs: Sequence[tuple[str, bytes]] = ()) -> None:
        """Have a frame written as soon as the worker takes it."""
        self._outbox.put((header, blobs))

    def receive(self, timeout: float) -> wire.Message:
        """The next message. Raises TimedOut after `timeout` seconds without one, and Ended."""
        waited = 0.0
        while True:
            try:
                message = self._inbox.get(timeout=min(SLICE, max(timeout - waited, 0.001)))
            except queue.Empty:
                waited += SLICE
                if waited >= timeout:
                    raise TimedOut from None
                continue
            if message is _ENDED:
                self._inbox.put(_ENDED)
                raise Ended(self._ending())
            found: wire.Message = message
            return found

    def stop(self, patience: float = 0.0) -> None:
        """End the worker and what it started; it has `patience` seconds to end by itself."""
        self._outbox.put(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if patience:
                self._process.wait(patience)
        self.kill()
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)

    def kill(self) -> None:
        """End the worker and what it started at once. May be called from any thread."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self, longest: int = 600) -> str:
        """The end of what the worker wrote to standard error."""
        return "\n".join(self._said)[-longest:].strip()

    def _ending(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its output and did not end"
        self._threads[2].join(1)
        words = self.last_words()
        return describe_exit(code) + (f"; it said last:\n{words}" if words else "")

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            while (item := self._outbox.get()) is not None:
                wire.write_frame(stream, *item)  # type: ignore[arg-type]  # Popen says IO[bytes], not BinaryIO
                stream.flush()
        except (OSError, ValueError):
            pass  # it ended; the reader says so
        with contextlib.suppress(OSError):
            stream.close()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        try:
            while (message := wire.read_frame(stream)) is not None:  # type: ignore[arg-type]  # as above
                self._put(message)
        except (wire.Damaged, OSError) as error:
            self._said.append(f"its answer could not be read: {error}")
        self._put(_ENDED)
        with contextlib.suppress(OSError):
            stream.close()

    def _put(self, message: Any) -> None:
        while not self._stopped.is_set():
            try:
                return self._inbox.put(message, timeout=0.5)
            except queue.Full:
                continue

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        while line := stream.readline(LONGEST_LINE):
            self._said.append(_CONTROL.sub("�", line.decode("utf-8", "replace").rstrip()))
        stream.close()


def worker_environment(base: Mapping[str, str], threads: int, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a worker: those of this process, one hash seed, and the wanted number of threads.

    PYTHONPATH is kept, with its entries made absolute and empty ones (the current folder) left out.
    """
    environment = {**base, **variables, "PYTHONHASHSEED": "0"}
    entries = [str(Path(entry).absolute()) for entry in environment.pop("PYTHONPATH", "").split(os.pathsep) if entry]
    if entries:
        environment["PYTHONPATH"] = os.pathsep.join(entries)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads)
    return environment


def describe_exit(code: int) -> str:
    """`was killed by SIGABRT`, `ended with exit code 3`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _widen(pipe: IO[bytes] | None) -> None:
    """Make a pipe hold PIPE_SIZE bytes, where the system has such a call and allows it."""
    assert pipe is not None
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)
