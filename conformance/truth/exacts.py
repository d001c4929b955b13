"""The truth of functions of tensors, kept: in memory, and on disk from one run to the next; what is missing is computed, on
several processes.

As `cache`, for `tensors`: knows where answers are kept and when a kept one may be trusted.
"""

from __future__ import annotations

import hashlib
import inspect
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context
from pickle import PicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.standard import TENSOR_FUNCTIONS, TensorFunction

from . import ball_arrays, questions, tape, tensors, units
from .cache import Oracle, own_code, source_of
from .reals import Reals
from .tensors import Asked, Exact, exact

MEMORY = 4096
"""Answers kept in memory; the oldest go first."""

TOGETHER = 8
"""Questions that one process gets at a time."""

Progress = Callable[[int, int], None]


class Exacts:
    """`tensors.exact` with a memory; keeps its answers where the oracle keeps its tables."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._known: OrderedDict[str, Exact] = OrderedDict()

    def exact(self, asked: Asked) -> Exact:
        """The truth, from memory or disk where it is there. Raises as `tensors.exact`."""
        key = key_of(asked)
        if key not in self._known:
            self._keep(key, self._read(key) or self._computed(key, asked))
        self._known.move_to_end(key)
        return self._known[key]

    def prefetch(self, questions: Sequence[Asked], progress: Progress | None = None) -> None:
        """Sees to it that the answers are on disk or in memory, computing what is missing on several processes."""
        missing: dict[str, Asked] = {}
        for asked in questions:
            key = key_of(asked)
            # What is on disk is read, and found damaged if it is, by whoever needs it: mostly another process.
            if key not in missing and key not in self._known and not self._oracle.keeps(key):
                missing[key] = asked
        done = 0
        for key, answer in self._all(missing):
            self._oracle.store(key, pack(answer))
            self._keep(key, answer)
            done += 1
            if progress is not None:
                progress(done, len(missing))

    def _all(self, missing: Mapping[str, Asked]) -> Iterator[tuple[str, Exact]]:
        left = dict(missing)
        if self._oracle.jobs > 1 and len(missing) > TOGETHER:
            try:
                for key, answer in _in_parallel(missing, self._oracle.jobs):
                    del left[key]
                    yield key, answer
            except (BrokenProcessPool, PicklingError, AttributeError, TypeError, OSError):
                pass  # some hosts allow no other processes; what is left is computed here
        for key, asked in left.items():
            yield key, exact(asked)

    def _computed(self, key: str, asked: Asked) -> Exact:
        answer = exact(asked)
        self._oracle.store(key, pack(answer))
        return answer

    def _read(self, key: str) -> Exact | None:
        raw = self._oracle.stored(key)
        return None if raw is None else unpack(raw)

    def _keep(self, key: str, answer: Exact) -> None:
        self._known[key] = answer
        if len(self._known) > MEMORY:
            self._known.popitem(last=False)


def _in_parallel(missing: Mapping[str, Asked], jobs: int) -> Iterator[tuple[str, Exact]]:
    # Definitions don't travel between processes; names do. Not forked, for the reason given in `cache`.
    ours = {key: asked for key, asked in missing.items() if TENSOR_FUNCTIONS.get(asked.function.name) is asked.function}
    named = [(key, _by_name(asked)) for key, asked in ours.items()]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            waiting = [pool.submit(_compute, named[at : at + TOGETHER]) for at in range(0, len(named), TOGETHER)]
            for future in as_completed(waiting):
                yield from future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _by_name(asked: Asked) -> tuple[Any, ...]:
    return (
        asked.function.name,
        dict(asked.options),
        dict(asked.tensors),
        asked.quantity,
        asked.wrt,
        asked.cotangent,
        asked.direction,
    )


def _compute(named: Sequence[tuple[str, tuple[Any, ...]]]) -> list[tuple[str, Exact]]:
    return [(key, exact(Asked(TENSOR_FUNCTIONS[name], *rest))) for key, (name, *rest) in named]


def key_of(asked: Asked) -> str:
    """Hash of everything that the truth depends on, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=20)

    def add(what: bytes) -> None:
        digest.update(len(what).to_bytes(8, "little") + what)

    add(f"{_code()} {asked.function.name} {asked.quantity} {asked.wrt}".encode())
    for part in _parts_of(asked.function):
        add(part)
    add(repr(sorted(asked.options.items())).encode())
    for name in sorted(asked.tensors):
        add(name.encode())
        _add_array(add, np.asarray(asked.tensors[name]))
    for array in (asked.cotangent, asked.direction):
        if array is None:
            add(b"none")
        else:
            _add_array(add, np.asarray(array))
    return digest.hexdigest()


def _add_array(add: Callable[[bytes], None], array: NDArray[Any]) -> None:
    add(f"{array.dtype.str} {array.shape}".encode())
    add(np.ascontiguousarray(array).tobytes())


@cache
def _code() -> str:
    sources = "".join(inspect.getsource(module) for module in (ball_arrays, questions, tape, tensors, units))
    return hashlib.blake2b(f"{own_code()} {sources}".encode(), digest_size=20).hexdigest()


@cache
def _parts_of(function: TensorFunction) -> tuple[bytes, bytes]:
    """What the truth depends on of a function, which tens of thousands of questions have in common."""
    shape = (function.arguments, function.result, function.axis, bool(function.reductions))
    return _definition(function.definition).encode(), repr(shape).encode()


@cache
def _definition(definition: Callable[..., Any]) -> str:
    return hashlib.blake2b(source_of(definition).encode(), digest_size=20).hexdigest()


def pack(answer: Exact) -> bytes:
    """An answer as bytes."""
    upper = answer.upper
    head = struct.pack("<B?", len(answer.shape), upper is not None) + struct.pack(
        f"<{len(answer.shape)}q", *answer.shape
    )
    arrays = [*_of_reals(answer.truth), answer.slack.astype("<f8"), answer.slack_exponent.astype("<i4")]
    if upper is not None and answer.tied is not None:
        arrays += [*_of_reals(upper), answer.tied.astype("u1")]
    return head + b"".join(array.tobytes() for array in arrays)


def _of_reals(reals: Reals) -> list[NDArray[Any]]:
    return [
        reals.kind.astype("u1"),
        reals.mantissa.astype("<f8"),
        reals.tail.astype("<f8"),
        reals.exponent.astype("<i4"),
    ]


def unpack(raw: bytes) -> Exact | None:
    """The inverse of `pack`; None for bytes of another length."""
    if len(raw) < 2 or len(raw) < 2 + 8 * raw[0]:
        return None
    dimensions, has_upper = struct.unpack_from("<B?", raw)
    shape = struct.unpack_from(f"<{dimensions}q", raw, 2)
    n, place = int(np.prod(shape, dtype=np.int64)), 2 + 8 * dimensions
    kinds = ["u1", "<f8", "<f8", "<i4", "<f8", "<i4", *(["u1", "<f8", "<f8", "<i4", "u1"] if has_upper else [])]
    if len(raw) != place + n * sum(np.dtype(kind).itemsize for kind in kinds):
        return None
    found = []
    for kind in kinds:
        found.append(np.frombuffer(raw, dtype=kind, count=n, offset=place).astype(np.dtype(kind).newbyteorder("=")))
        place += n * np.dtype(kind).itemsize
    upper = Reals(*found[6:10]) if has_upper else None
    return Exact(
        tuple(shape), Reals(*found[:4]), found[4], found[5], upper, found[10].astype(bool) if has_upper else None
    )
