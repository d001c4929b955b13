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
    group.addoption(
        "--conformance-backend",
        action="append",
        metavar="NAME",
        help="backend to measure: numpy, torch, tensorflow, jax (may be given again)",
    )
    group.addoption(
        "--conformance-tier",
        default="default",
        choices=["quick", "default", "deep"],
        help="how much is asked (default: default)",
    )
    group.addoption("--conformance-functions", default="", metavar="A,B", help="only these functions")
    group.addoption("--conformance-run", metavar="FILE", help="judge this run file instead of observing")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): run on one xdist worker, so that each imports one framework")
    if any(config.getoption(f"conformance_{name}") for name in ("backend", "functions", "run")):
        asked(config)  # a wrong name ends pytest here, with one sentence


def asked(config: pytest.Config) -> tuple[tuple[str, ...], Selection]:
    """The backends that the options name, and what is asked of them; those of the run file, where one is given.

    Raises UsageError: a backend or function that nobody knows, a run file that can't be read.
    """
    from conformance import registry
    from conformance.cases.plan import Selection
    from conformance.standard import FUNCTIONS

    functions = tuple(name for name in str(config.getoption("conformance_functions")).split(",") if name)
    backends = tuple(config.getoption("conformance_backend") or ())
    selection = Selection(functions=functions, tier=str(config.getoption("conformance_tier")))
    if config.getoption("conformance_run"):
        remembered, selection = _remembered(Path(str(config.getoption("conformance_run"))), functions)
        backends = backends or remembered
    try:
        for name in functions:
            if name not in FUNCTIONS:
                raise registry.unknown("function", name, FUNCTIONS)
        for name in backends:
            registry.backend(name)
    except (registry.UnknownName, ImportError) as error:
        raise pytest.UsageError(str(error)) from error
    return backends, selection


def _remembered(path: Path, functions: tuple[str, ...]) -> tuple[tuple[str, ...], Selection]:
    """Backends and selection of a run file. What it says is loaded by name only: no module that it names is imported."""
    from dataclasses import replace

    from conformance.cases.plan import Selection
    from conformance.observe.runfile import RunFile, RunFileError

    try:
        with RunFile.open(path) as run_file:
            plan = run_file.meta().get("plan", {})
    except RunFileError as error:
        raise pytest.UsageError(str(error)) from error
    several = {name: tuple(map(str, plan.get(name, ()))) for name in ("functions", "dtypes", "modes", "rules")}
    selection = Selection(**several, tier=str(plan.get("tier", "default")))
    names = tuple(name for name in map(str, plan.get("backends", ())) if ":" not in name)
    return names, replace(selection, functions=functions or selection.functions)


class Session:
    """The runs of one pytest session: made when first looked at, one per backend."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config, self._folder = config, folder
        self._judgements: dict[str, Judgement] = {}
        self._results: dict[str, Index] = {}

    @staticmethod
    def selection(config: pytest.Config) -> Selection:
        """What the options select. Raises UsageError (see `asked`)."""
        return asked(config)[1]

    def run_path(self, backend: str) -> Path:
        """The run file that the verdicts on a backend come from."""
        given = self._config.getoption("conformance_run")
        return Path(str(given)) if given else self._folder / f"{backend}.nnconform"

    def judgement(self, backend: str) -> Judgement:
        """The judgement of a backend: from the run file given, or from an observation run made now."""
        if backend not in self._judgements:
            from conformance import registry
            from conformance.judge.run import judge_run
            from conformance.observe import session
            from conformance.observe.runfile import RunFile
            from conformance.truth.cache import Oracle, default_directory

            path = self.run_path(backend)
            oracle = Oracle(default_directory(), jobs=session.cores())
            if not path.exists():
                names, selection = asked(self._config)
                given = next((name for name in names if registry.backend(name).name == backend), backend)
                request = session.Request((given,), selection)
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
