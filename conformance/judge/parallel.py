"""Judging functions on several processes. Each opens the run file for itself; observations travel, tensors do not.

Knows the run file and the truth's cache; no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from conformance.observe.observation import Observation, Subject
from conformance.observe.runfile import RunFile
from conformance.truth.cache import Oracle
from conformance.truth.exacts import Exacts

from .functions import Collected, judge_one, reader

WORTH = 4000
"""Observations from which on starting other processes (a second each) saves time."""

Work = Sequence[tuple[str, Mapping[str, Sequence[Observation]]]]
_HERE: dict[str, Any] = {}


def judged_in_parallel(
    path: Path, oracle: Oracle, work: Work, subjects: Mapping[str, Subject], bindings: Mapping[str, Any]
) -> Iterator[tuple[str, Collected]]:
    """Names of functions and what judging them yields, in the order in which they are done; on one process where others can't
    be had, or are not worth it. The truth should be at hand on disk."""
    done: set[str] = set()
    directory = oracle.directory
    if sum(len(one) for _, by_subject in work for one in by_subject.values()) >= WORTH and directory is not None:
        try:
            for name, collected in _on_others(path, directory, oracle.jobs, work, subjects, bindings):
                done.add(name)
                yield name, collected
        except (BrokenProcessPool, OSError):
            pass  # some hosts allow no other processes; what is left is judged here
    left = [one for one in work if one[0] not in done]
    if left:
        with RunFile.open(path) as run_file:
            exacts = Exacts(oracle)
            for name, observed in left:
                yield name, judge_one(name, observed, subjects, bindings, reader(run_file), oracle, exacts)


def _on_others(
    path: Path, directory: Path, jobs: int, work: Work, subjects: Mapping[str, Subject], bindings: Mapping[str, Any]
) -> Iterator[tuple[str, Collected]]:
    largest_first = sorted(work, key=lambda one: -sum(len(observations) for observations in one[1].values()))
    # Not forked, for the reason given in truth.cache.
    with ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=_prepare,
        initargs=(path, directory, subjects, bindings),
    ) as pool:
        try:
            for future in as_completed([pool.submit(_judge, name, dict(observed)) for name, observed in largest_first]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare(path: Path, directory: Path, subjects: Mapping[str, Subject], bindings: Mapping[str, Any]) -> None:
    oracle = Oracle(directory)
    _HERE.update(
        read=reader(RunFile.open(path)), oracle=oracle, exacts=Exacts(oracle), subjects=subjects, bindings=bindings
    )


def _judge(name: str, observed: Mapping[str, Sequence[Observation]]) -> tuple[str, Collected]:
    return name, judge_one(
        name, observed, _HERE["subjects"], _HERE["bindings"], _HERE["read"], _HERE["oracle"], _HERE["exacts"]
    )
