"""The observation runs of one pytest session, and the verdicts that its items look up in them.

Every backend is observed once: in one run for all of them, several at a time; under pytest-xdist in a run of its own, made
by the first worker that needs it and shared with the others. Knows pytest and the line from plan to judgement; no framework:
those run in processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import registry
from conformance.judge.expectations import ExpectationsError, known_deviations
from conformance.judge.records import Judgement
from conformance.judge.run import judge_run
from conformance.observe import session
from conformance.observe.engine import Interrupted
from conformance.observe.runfile import RunFile, RunFileError
from conformance.truth.cache import Oracle, default_directory

from .items import Index, Item, Shown, Verdict, index, verdict
from .options import Asked

USAGE, NOT_RUN = 2, 3
"""Exit codes of a session that was asked for what can't be, and of one whose run file can't be written; as on the command line."""


class Session:
    """The runs of one pytest session, made when first looked at.

    `asked` is what the options say, `items` the items of the matrix that were selected; both the same in every process of
    a session. `folder` is where its run files go; `processes` how many xdist workers share it (0: no xdist).
    """

    def __init__(self, asked: Asked, folder: Path, items: Sequence[Item] = (), processes: int = 0) -> None:
        self._folder, self._processes = folder, processes
        self._given = {registry.backend(name).name: name for name in asked.backends}
        needed = {item.backend for item in items}
        self._backends = [name for name in self._given if not items or name in needed]
        # What no selected item is about need not be observed.
        functions = tuple(dict.fromkeys(item.function for item in items))
        # A shard is split from the whole selection, and says itself what it asks.
        narrowed = items and asked.shard is None
        self._asked = replace(asked, selection=replace(asked.selection, functions=functions)) if narrowed else asked
        self._judgements: dict[Path, Judgement] = {}
        self._indices: dict[Path, Index] = {}
        self._told: dict[str, str] = {}

    def run_path(self, backend: str) -> Path:
        """The run file that the verdicts on a backend come from."""
        return self._asked.run or self._folder / f"{backend if self._processes else 'run'}.nnconform"

    def judgement(self, backend: str) -> Judgement:
        """The judgement of the run that a backend is part of: of the run file given, or of an observation made now."""
        path = self.run_path(backend)
        if path not in self._judgements:
            share = max(1, session.cores() // max(1, self._processes))
            oracle = Oracle(default_directory(), jobs=share)
            if self._asked.run is None:
                self._observe(path, [backend] if self._processes else self._backends, oracle, share)
            with RunFile.open(path) as run_file:
                backends = (subject.backend for subject in run_file.subjects())
                try:
                    causes = known_deviations(registry.expectations(backends, self._asked.expectations))
                except ExpectationsError as error:
                    pytest.exit(str(error), returncode=USAGE)
                self._judgements[path] = judge_run(run_file, oracle, causes=causes)
        return self._judgements[path]

    def _observe(self, path: Path, backends: Sequence[str], oracle: Oracle, jobs: int) -> None:
        """Make the run file, or wait for the process that makes it; one that was killed over it is followed by the next."""
        request = session.Request(
            tuple(self._given[name] for name in backends),
            self._asked.selection,
            device=self._asked.device,
            pythons=self._asked.pythons,
            jobs=jobs,
            command="pytest",
            shard=self._asked.shard,
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            try:
                if not _is_complete(path):
                    session.run(request, path, oracle, resume=True).close()
            except Interrupted as error:
                raise KeyboardInterrupt from error
            except RunFileError as error:
                pytest.exit(str(error), returncode=NOT_RUN)

    def verdict(self, item: Item, entry_points: Sequence[str] = ()) -> Verdict:
        """What an item comes to, in the results of `entry_points` (empty: of all)."""
        path = self.run_path(item.backend)
        judgement = self.judgement(item.backend)
        if path not in self._indices:
            self._indices[path] = index(judgement)
        return verdict(item, self._indices[path], self._shown(item.backend), entry_points)

    def stale(self, backend: str) -> list[str]:
        """What a backend's expectations say and the run did not show, a sentence each."""
        name = registry.backend(backend).name
        known = [one for one in self.judgement(name).known if one.backend == name]
        return [f"{one.name}: {problem}" for one in known for problem in one.problems]

    def _shown(self, backend: str) -> Shown:
        """How a person sees a result again: with the backend as it was given here, and where it runs."""
        given, asked = self._given[backend], self._asked
        options: list[str] = []
        if given in asked.pythons:
            options += ["--python", f"{given}={asked.pythons[given]}"]
        options += ["--device", asked.device] if asked.device != "cpu" else []
        options += ["--tier", asked.selection.tier] if asked.selection.tier == "deep" else []
        return Shown(given, shlex.join(options))

    def settle(self, item: Item, found: Verdict) -> None:
        """Let the test end as its verdict says.

        Of a subject that could not run one item fails with the reason, and the others are skipped with it.
        """
        told = found.outcome == "could_not_run" and self._told.setdefault(item.subject, item.id) != item.id
        if found.outcome == "skipped" or told:
            pytest.skip(found.text)  # the text is the reason: what the framework lacks, or why it could not run
        if found.outcome == "expected":
            pytest.xfail(found.text)  # JUnit: skipped, with the reason
        if found.outcome != "passed":
            pytest.fail(found.text, pytrace=False)


def _is_complete(path: Path) -> bool:
    if not path.exists():
        return False
    with RunFile.open(path) as run_file:
        return bool(run_file.meta().get("complete"))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time gets past this; one that ends in any way lets the next one in.

    SQLite's lock, because it is in the standard library, works on every system, and never outlives its holder.
    """
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None)
    try:
        while True:  # by short waits, so that Ctrl-C gets through
            try:
                connection.execute("BEGIN EXCLUSIVE")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
        yield
    finally:
        connection.close()


def of_pytest(asked: Asked, request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Session:
    """The session of a pytest session; its run files lie in pytest's temporary folder, which xdist's workers share."""
    base, processes = factory.getbasetemp(), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
    folder = (base.parent if processes else base) / "conformance"
    users = [test for test in request.session.items if "conformance_session" in getattr(test, "fixturenames", ())]
    parameters = [getattr(getattr(test, "callspec", None), "params", {}) for test in users]
    items = [given["item"] for given in parameters if isinstance(given.get("item"), Item)]
    # A test that is about no single item may look at anything.
    return Session(asked, folder, items if len(items) == len(users) else (), processes)
