"""Environments for commands: from what a person typed to environments at hand, told on the way. Judges nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import NOT_RUN

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from conformance.observe.environments import Environment


@dataclass(frozen=True)
class Wanted:
    """An environment that is wanted: what for, what was asked for, what had to be added, what Python to make it from."""

    name: str
    given: tuple[Requirement, ...]
    added: tuple[Requirement, ...]
    python: str

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return (*self.given, *self.added)


def requirements_of(texts: Sequence[str]) -> tuple[Requirement, ...]:
    """Requirements as they were typed; what is none is wrong usage."""
    from conformance.observe.requirements import BadRequirement, parsed

    try:
        return tuple(map(parsed, texts))
    except BadRequirement as error:
        raise click.UsageError(str(error)) from error


@contextlib.contextmanager
def made(wanted: Sequence[Wanted], directory: Path) -> Iterator[list[Environment]]:
    """These environments, all of them whole before the first is used, and held while they are. Old ones are removed.

    `directory` is the folder of the cache. One that can't be made ends the command.
    """
    from conformance.observe.environments import NoInterpreter, NotMade, clean, environment, interpreter
    from conformance.progress import making

    try:
        pythons = {python: interpreter(python) for python in dict.fromkeys(one.python for one in wanted)}
    except NoInterpreter as error:
        raise click.UsageError(f"--python: {error}") from error
    with contextlib.ExitStack() as stack:
        environments = []
        with making() as progress:
            for one in wanted:
                if one.added:
                    click.echo(f"{one.name}: added {', '.join(map(str, one.added))}", err=True)
                try:
                    entered = environment(one.requirements, pythons[one.python], directory, progress)
                    environments.append(stack.enter_context(entered))
                except NotMade as error:
                    click.echo(f"Error: the environment {one.name} could not be made. {error}", err=True)
                    raise click.exceptions.Exit(NOT_RUN) from error
        clean(directory)
        yield environments


@contextlib.contextmanager
def pythons_with(
    texts: Sequence[str],
    backends: Collection[str],
    pythons: Mapping[str, str],
    directory: Path,
) -> Iterator[dict[str, str]]:
    """The interpreters of a run's backends, those that `texts` are about in an environment with these requirements.

    `pythons` are those that were given; of a backend that `texts` are about, the one to make its environment from.
    """
    if not texts:
        yield dict(pythons)
        return
    from conformance.observe.requirements import FRAMEWORKS, backends_of, completed

    given = requirements_of(texts)
    about = backends_of(given)
    strange = [name for name in about if name not in backends]
    if strange or not about:
        raise click.UsageError(
            f"--with {' '.join(texts)} is about {', '.join(about) or 'no backend'}; this run asks {', '.join(backends)}. Give requirements of "
            f"theirs: {', '.join(FRAMEWORKS)}."
        )
    bases = {pythons[name] for name in about if name in pythons} or {sys.executable}
    if len(bases) > 1:
        raise click.UsageError(
            f"--with makes one environment, and --python names several interpreters for it: {', '.join(sorted(bases))}."
        )
    with made([Wanted("--with", given, completed(given, about), bases.pop())], directory) as (environment,):
        yield {**pythons, **dict.fromkeys(about, environment.python)}
