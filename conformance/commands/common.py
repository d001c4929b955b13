"""What several commands share: names checked, run files read and judged, things printed. Each function imports what it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from conformance.judge.records import Judgement
    from conformance.observe.runfile import RunFile

FINDINGS, USAGE, NOT_RUN, INTERRUPTED = 1, 2, 3, 130
"""Exit codes besides 0. Where several apply, 2 comes before 3 before 1."""

expectations_option = click.option(
    "--expectations",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Known deviations, FOLDER/BACKEND.toml, instead of those that come with nnconform.",
)

run_argument = click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))


def names_of(kind: str, known: Callable[[], Iterable[str]]) -> Callable[..., tuple[str, ...]]:
    """A callback that takes `a,b` apart and suggests the nearest names for one that nobody has."""

    def check(context: click.Context, option: click.Parameter, given: Any) -> tuple[str, ...]:
        if given is None:
            return ()
        names = [name.strip() for name in str(given).split(",") if name.strip()]
        if not names:
            raise click.BadParameter(f"names no {kind}; give names with commas between them, or leave the option away.")
        return tuple(dict.fromkeys(known_name(kind, name, known()) for name in names))

    return check


def known_name(kind: str, name: str, known: Iterable[str]) -> str:
    from conformance import registry

    if name not in (names := list(known)):
        raise click.UsageError(str(registry.unknown(kind, name, names, lister=LISTERS.get(kind, ""))))
    return name


LISTERS = {"rule": "nnconform list rules", "function": "nnconform list functions"}
"""Commands that list names of which there are too many for one message."""


def function_names() -> Iterable[str]:
    from conformance.standard import CATALOGUE

    return CATALOGUE


def rule_names() -> Iterable[str]:
    """Every id of a rule, every name without its function, and every family prefix of names."""
    from conformance.standard import CATALOGUE, rules_of

    ids = [rule.id for function in CATALOGUE.values() for rule in rules_of(function)]
    names = dict.fromkeys(id.split(".", 1)[1] for id in ids)
    prefixes = dict.fromkeys(name.split(".")[0] for name in names)
    return [*dict.fromkeys([*prefixes, *names]), *ids]


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """A run file that can't be used is the user's business (2); one that can't be written any more ended the run (3)."""
    from conformance.observe.runfile import NotWritten, RunFileError
    from conformance.observe.session import NothingToAsk

    try:
        yield
    except NotWritten as error:
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(NOT_RUN) from error
    except (RunFileError, NothingToAsk) as error:
        raise click.UsageError(str(error)) from error


def judged(run_file: RunFile, oracle: Any, expectations: Path | None = None, new: bool = False) -> Judgement:
    """The judgement of an open run file; `expectations` is a folder of known deviations instead of those at hand."""
    from conformance.judge.expectations import ExpectationsError, known_deviations
    from conformance.judge.run import judge_run
    from conformance.progress import judging
    from conformance.reproducers import reproducer

    try:
        causes = known_deviations(paths_of_expectations(run_file.subjects(), expectations, new))
    except ExpectationsError as error:
        raise click.UsageError(str(error)) from error
    with judging() as progress:
        return judge_run(run_file, oracle, reproducer, progress, causes)


def paths_of_expectations(subjects: Iterable[Any], folder: Path | None, new: bool = False) -> dict[str, Path]:
    """The files of known deviations of these subjects' backends. Raises UsageError: the folder has none of them, unless the first
    is to be written (`new`)."""
    from conformance import registry

    paths = registry.expectations((subject.backend for subject in subjects), folder)
    if folder and not new and not any(path.is_file() for path in paths.values()):
        wanted = ", ".join(path.name for path in paths.values())
        raise click.UsageError(f"{folder} has no expectations for this run: accepted is a folder with {wanted}.")
    return paths


def judgement_of(
    path: Path, expectations: Path | None = None, new: bool = False
) -> tuple[Judgement, dict[str, list[Any]]]:
    """The judgement of a run file, and the bindings that it was asked through, by backend."""
    from conformance.observe.runfile import RunFile
    from conformance.observe.session import cores
    from conformance.truth.cache import Oracle, default_directory

    with readable(), RunFile.open(path) as run_file:
        return judged(run_file, Oracle(default_directory(), jobs=cores()), expectations, new), bindings_of(run_file)


def bindings_of(run_file: RunFile) -> dict[str, list[Any]]:
    """The bindings that a run file remembers: its subjects' adapters need not be installed here, nor be of that version."""
    from dataclasses import fields

    from conformance import registry
    from conformance.observe.runfile import RunFileError

    protocol = registry.protocol()

    def binding(data: dict[str, Any]) -> Any:
        kind = protocol.TensorBinding if "positional" in data else protocol.Binding
        known = {field.name for field in fields(kind)}
        return kind(**{key: value for key, value in data.items() if key in known})

    try:
        return {
            backend: [binding(data) for data in by_id.values()]
            for backend, by_id in run_file.meta().get("bindings", {}).items()
        }
    except (TypeError, AttributeError) as error:
        raise RunFileError(f"{run_file.path} is damaged: its bindings can't be read ({error}).") from error


def print_(what: str, *given: Any, module: str = "terminal") -> None:
    """Print something of the terminal's writer, or of another one that writes for it."""
    from conformance import registry

    terminal = registry.load("conformance.reports.terminal:console")
    terminal().print(registry.load(f"conformance.reports.{module}:{what}")(*given))
