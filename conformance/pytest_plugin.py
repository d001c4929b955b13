"""The pytest plug-in: options of the matrix, and the fixture whose runs its items look their verdicts up in.

Loaded into every pytest run of an environment in which nnconform is installed, so it imports nothing until it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.suite.session import Session

_NAMED = {
    "functions": "only these functions",
    "dtypes": "only these dtypes",
    "modes": "of eager, graph, compiled",
    "rules": "only these rules, or families of rules",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnconform", "conformance of activation and loss functions")
    group.addoption(
        "--conformance-backend",
        action="append",
        metavar="NAME",
        help="backend to measure: numpy, torch, tensorflow, jax, or a plug-in's name (may be given again)",
    )
    group.addoption(
        "--conformance-tier",
        default="default",
        choices=["quick", "default", "deep"],
        help="how much is asked (default: default)",
    )
    for name, help in _NAMED.items():
        group.addoption(f"--conformance-{name}", default="", metavar="A,B", help=help)
    group.addoption("--conformance-device", default="cpu", choices=["cpu", "cuda"], help="(default: cpu)")
    group.addoption(
        "--conformance-python",
        action="append",
        metavar="BACKEND=PATH",
        help="interpreter of the environment that holds a framework (may be given again)",
    )
    group.addoption(
        "--conformance-expectations",
        metavar="FOLDER",
        help="known deviations, FOLDER/BACKEND.toml, instead of those that come with the backends",
    )
    group.addoption("--conformance-shard", metavar="I/N", help="only the i-th of n parts of the items")
    group.addoption("--conformance-run", metavar="FILE", help="judge this run file instead of observing")


def _is_asked(config: pytest.Config) -> bool:
    names = ("backend", "python", "run", "shard", *_NAMED)
    return any(config.getoption(f"conformance_{name}") for name in names)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "xdist_group(name): run on one xdist worker, so that each judges one framework")
    if _is_asked(config):
        from conformance.suite.options import asked

        asked(config)  # what is wrong ends pytest here, with one sentence


def pytest_report_header(config: pytest.Config) -> list[str]:
    if not _is_asked(config):
        return []
    from conformance.suite.options import asked

    found = asked(config)
    lines = [
        f"nnconform: {', '.join(found.backends) or 'no backend'}, {found.selection.tier} tier{f', shard {found.shard}' if found.shard else ''}"
    ]
    if config.getoption("dist", "no") not in ("no", "loadgroup", "loadscope", "loadfile"):
        lines.append(
            "nnconform: with --dist loadgroup every xdist worker judges backends of its own; now all judge all"
        )
    return lines


@pytest.fixture(scope="session")
def conformance_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The observation runs of this session, and their verdicts."""
    from conformance.suite.options import asked
    from conformance.suite.session import of_pytest

    return of_pytest(asked(request.config), request, tmp_path_factory)
