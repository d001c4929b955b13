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
from .memory import Memory

WORTH = 4000
"""Observations from which on starting other processes (a second each) saves time."""

Work = Mapping[str, Mapping[str, Sequence[Observation]]]
"""Observations by function and subject."""

Keys = Mapping[str, Mapping[str, str]]
"""Under which key verdicts are kept, by function and subject."""

_HERE: dict[str, Any] = {}


def judged_by_others(
    path: Path, oracle: Oracle, work: Work, subjects: Mapping[str, Subject], bindings: Mapping[str, Any], keys: Keys
) -> Iterator[tuple[str, dict[str, Collected]]]:
    """Names of functions and what judging them yields, in the order in which they are done; the truth should be on disk.
    Verdicts that have a key are kept.

    Stops early, or gives nothing, where other processes can't be had or are not worth it: what is left is the caller's.
    """
    directory = oracle.directory
    total = sum(len(one) for by_subject in work.values() for one in by_subject.values())
    if oracle.jobs < 2 or total < WORTH or directory is None:
        return
    largest_first = sorted(work, key=lambda name: -sum(map(len, work[name].values())))
    try:
        # Not forked, for the reason given in truth.cache.
        with ProcessPoolExecutor(
            oracle.jobs,
            mp_context=get_context("spawn"),
            initializer=_prepare,
            initargs=(path, directory, subjects, bindings),
        ) as pool:
            try:
                asked = [pool.submit(_judge, name, work[name], keys.get(name, {})) for name in largest_first]
                for future in as_completed(asked):
                    yield future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    except (BrokenProcessPool, OSError):
        pass  # some hosts allow no other processes


def _prepare(path: Path, directory: Path, subjects: Mapping[str, Subject], bindings: Mapping[str, Any]) -> None:
    oracle = Oracle(directory)
    _HERE.update(
        read=reader(RunFile.open(path)), oracle=oracle, exacts=Exacts(oracle), subjects=subjects, bindings=bindings,
        memory=Memory(directory),
    )  # fmt: skip


def _judge(
    name: str, observed: Mapping[str, Sequence[Observation]], keys: Mapping[str, str]
) -> tuple[str, dict[str, Collected]]:
    found = judge_one(
        name, observed, _HERE["subjects"], _HERE["bindings"], _HERE["read"], _HERE["oracle"], _HERE["exacts"]
    )
    _HERE["memory"].keep_all(keys, found)
    return name, found
