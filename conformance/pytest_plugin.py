"""The pytest plug-in: options of the matrix, and the one observation run per backend that its items look their verdicts up in.

Loaded into every pytest run of an environment in which nnconform is installed, so it imports nothing until it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.cases.plan import Selection
    from conformance.judge.records import Judgement
    from conformance.suite.items import Index


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnconform", "conformance of activation and loss functions")
    group.addoption("--conformance-backend", action="append", metavar="NAME", help="backend to measure: numpy, torch, tensorflow, jax (may be given again)")
    group.addoption("--conformance-tier", default="default", choices=["quick", "default", "deep"], help="how much is asked (default: default)")
    group.addoption("--conformance-functions", default="", metavar="A,B", help="only these functions")
    group.addoption("--conformance-run", metavar="FILE", help="judge this run file instead of observing")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): run on one xdist worker, so that each imports one framework")


class Session:
    """The runs of one pytest session: made when first looked at, one per backend."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config, self._folder = config, folder
        self._judgements: dict[str, Judgement] = {}
        self._results: dict[str, Index] = {}

    @staticmethod
    def selection(config: pytest.Config) -> Selection:
        """What the options select. Raises UsageError for a function that nobody knows."""
        from conformance import registry
        from conformance.cases.plan import Selection
        from conformance.standard import FUNCTIONS

        names = tuple(name for name in str(config.getoption("conformance_functions")).split(",") if name)
        for name in names:
            if name not in FUNCTIONS:
                raise pytest.UsageError(str(registry.unknown("function", name, FUNCTIONS)))
        return Selection(functions=names, tier=str(config.getoption("conformance_tier")))

    def run_path(self, backend: str) -> Path:
        """The run file that the verdicts on a backend come from."""
        given = self._config.getoption("conformance_run")
        return Path(str(given)) if given else self._folder / f"{backend}.nnconform"

    def judgement(self, backend: str) -> Judgement:
        """The judgement of a backend: from the run file given, or from an observation run made now."""
        if backend not in self._judgements:
            from conformance.judge.run import judge_run
            from conformance.observe import session
            from conformance.observe.runfile import RunFile
            from conformance.truth.cache import Oracle, default_directory

            path = self.run_path(backend)
            oracle = Oracle(default_directory(), jobs=session.cores())
            if not path.exists():
                request = session.Request((backend,), self.selection(self._config))
                session.run(request, path, oracle).close()
            with RunFile.open(path) as run_file:
                self._judgements[backend] = judge_run(run_file, oracle)
        return self._judgements[backend]

    def results(self, backend: str) -> Index:
        """Results of a backend by subject, rule and dtype."""
        if backend not in self._results:
            from conformance.suite.items import index

            self._results[backend] = index(self.judgement(backend))
        return self._results[backend]


@pytest.fixture(scope="session")
def conformance_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The runs of this session; under xdist each worker has its own, and with `--dist loadgroup` its own backends."""
    return Session(request.config, tmp_path_factory.mktemp("conformance"))
