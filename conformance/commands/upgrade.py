"""`nnconform upgrade`: two environments, the same questions in both, and what changed between them.

Puts together what others do: requirements, environments, a run on each side, and then exactly what `compare` does.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import NOT_RUN, readable
from .making import Wanted, made, requirements_of
from .selection import selection_options, with_options

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from conformance.observe.environments import Environment
    from conformance.observe.session import Request

SIDES = ("old", "new")
KEPT = Path("nnconform-upgrade")
"""Where the run files go with --keep, unless --out says otherwise."""


def _pythons(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pythons = {}
    for text in given:
        side, mark, path = text.partition("=")
        sides = (side,) if mark and side in SIDES else SIDES
        pythons.update(dict.fromkeys(sides, path if sides != SIDES else text))
    return pythons


@click.command()
@click.argument("backends", nargs=-1, metavar="[BACKEND ...]")
@click.option("--old", multiple=True, required=True, metavar="REQ", help="What is there now, as in jax==0.4.30.")
@click.option("--new", multiple=True, required=True, metavar="REQ", help="What shall replace it.")
@click.option("--with", "both", multiple=True, metavar="REQ", help="What is the same on both sides.")
@with_options(selection_options)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    callback=_pythons,
    metavar="[SIDE=]PYTHON",
    help="Interpreter to make the environments from, by name or path; old=PATH for the old side alone.",
)
@click.option("--jobs", type=click.IntRange(1), help="Subjects observed at once.  [default: one per core]")
@click.option("--timeout", type=click.FloatRange(1), default=120.0, show_default=True, help="Seconds for one case.")
@click.option("--keep", is_flag=True, help=f"Keep the run files, in {KEPT}, and the environments for good.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep run files and report here.")
@click.option("--format", type=click.Choice(["text", "json", "markdown", "html"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["worse", "changed", "none"]),
    default="worse",
    show_default=True,
    help="What makes the exit code 1.",
)
def upgrade(**given: Any) -> None:
    """Compare two versions of a framework, or of what it stands on.

    \b
    nnconform upgrade \\
      --old jax==0.4.30 \\
      --new jax==0.10.2 \\
      --with optax==0.2.4

    Makes two environments with venv and pip, asks both the same, and compares. --old, --new and --with take one requirement each and may be
    given again. Which BACKEND is asked follows from their names: jax, jaxlib, optax; torch; tensorflow, tensorflow-cpu, keras; numpy,
    scipy, ml-dtypes; name others to ask those. What is missing for it is added and shown. pip's own configuration holds.

    Environments are found again in the cache ($NNCONFORM_CACHE), by their requirements, the interpreter and pip's settings. One is removed when it
    was not used for 30 days, or when all are larger than 20 GB together; one that leaves a version to pip is made anew after a day. With
    --keep those of this check stay for good. The run files are temporary, unless --keep or --out says where they go.
    """  # fmt: skip
    from conformance.truth.cache import default_directory

    backends, old, new = _sides(given)
    folder: Path | None = given["out"] or (KEPT if given["keep"] else None)
    if folder is not None:
        _free(folder)
    directory = default_directory()
    with tempfile.TemporaryDirectory(prefix="nnconform-upgrade-", ignore_cleanup_errors=True) as temporary:
        paths = [Path(temporary) / f"{side.name}.nnconform" for side in (old, new)]
        with made((old, new), directory) as environments:
            _announce(old, new, environments)
            complete = True
            for side, environment, path in zip((old, new), environments, paths, strict=True):
                complete &= _observe(side, environment, _request(given, backends, environment), path, directory)
                if given["keep"]:
                    environment.keep()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            paths = [Path(shutil.move(path, folder / path.name)) for path in paths]
            click.echo(f"run files: {paths[0]} {paths[1]}", err=True)
        code = _compare(paths[0], paths[1], given, folder)
    if given["keep"]:
        for side, environment in zip((old, new), environments, strict=True):
            click.echo(f"{side.name} environment: {environment.python}", err=True)
    if not complete and given["fail_on"] != "none":
        code = NOT_RUN
    raise click.exceptions.Exit(code)


def _sides(given: Mapping[str, Any]) -> tuple[tuple[str, ...], Wanted, Wanted]:
    """What was asked for, checked, with what is missing added. Wrong usage ends here, before anything is made."""
    from conformance import registry
    from conformance.observe import requirements
    from conformance.observe.requirements import name_of

    old, new, both = (requirements_of(given[name]) for name in ("old", "new", "both"))
    named = tuple(dict.fromkeys(given["backends"]))
    for name in named:
        try:
            registry.backend(name)
        except (registry.UnknownName, ImportError) as error:
            raise click.UsageError(str(error)) from error
    if all(name in registry.BACKENDS for name in named):  # what a plug-in measures is not known here
        for requirement in (*old, *new):
            if name_of(requirement) not in requirements.FRAMEWORKS:
                raise click.UsageError(str(registry.unknown("framework", requirement.name, requirements.FRAMEWORKS)))
    _check(old, new, both)
    backends = named or requirements.backends_of((*old, *new, *both))
    pythons = given["pythons"]
    sides = [
        Wanted(name, (*own, *both), requirements.completed((*own, *both), backends), pythons.get(name, sys.executable))
        for name, own in zip(SIDES, (old, new), strict=True)
    ]
    return backends, sides[0], sides[1]


def _check(old: Sequence[Requirement], new: Sequence[Requirement], both: Sequence[Requirement]) -> None:
    from conformance.observe.requirements import build_of, name_of

    for option, own in (("--old", old), ("--new", new)):
        seen: dict[str, str] = {}
        for requirement in (*own, *both):
            name = build_of(name_of(requirement))
            if name in seen:
                raise click.UsageError(
                    f"{option} and --with give {seen[name]} and {requirement}: give each distribution once on a side."
                )
            seen[name] = str(requirement)
    if set(map(str, old)) == set(map(str, new)):
        raise click.UsageError(
            f"--old and --new are both {', '.join(map(str, old))}: give two versions, as in --old jax==0.4.30 --new jax==0.10.2; what is the "
            "same on both sides goes into --with."
        )
    if not {build_of(name_of(one)) for one in old} & {build_of(name_of(one)) for one in new}:
        raise click.UsageError(
            f"--old is about {', '.join(one.name for one in old)} and --new about {', '.join(one.name for one in new)}: give two versions of "
            "the same distribution; what is the same on both sides goes into --with."
        )


def _free(folder: Path) -> None:
    for side in SIDES:
        path = folder / f"{side}.nnconform"
        if path.exists():
            raise click.UsageError(f"{path} is already there and is not overwritten: give another --out, or remove it.")


def _announce(old: Wanted, new: Wanted, environments: Sequence[Environment]) -> None:
    """What differs between the two environments although nobody asked for it: it may be the cause of a change."""
    from conformance.observe.environments import differing
    from conformance.observe.requirements import name_of

    asked = {name_of(one) for side in (old, new) for one in side.given}
    others = [
        f"{name} {before or 'none'} → {after or 'none'}"
        for name, (before, after) in differing(*environments).items()
        if name not in asked
    ]
    if others:
        click.echo(f"also different: {', '.join(others)}", err=True)


def _request(given: Mapping[str, Any], backends: tuple[str, ...], environment: Environment) -> Request:
    from conformance.cases.plan import Selection
    from conformance.observe import session
    from conformance.observe.engine import Limits

    return session.Request(
        backends=backends,
        selection=Selection(given["functions"], given["dtypes"], given["modes"], given["rules"], given["tier"]),
        pythons=dict.fromkeys(backends, environment.python),
        jobs=given["jobs"] or 0,
        limits=Limits(case_seconds=given["timeout"]),
        command=shlex.join(["nnconform", *sys.argv[1:]]),
    )


def _observe(side: Wanted, environment: Environment, request: Request, path: Path, directory: Path) -> bool:
    """Write the run file of a side; whether every subject could run. Ends the command where none could."""
    from conformance.observe import session
    from conformance.observe.engine import Interrupted
    from conformance.progress import observing
    from conformance.truth.cache import Oracle

    click.echo(f"observing {side.name}: {' '.join(map(str, side.requirements))}", err=True)
    try:
        with readable(), observing() as progress:
            oracle = Oracle(directory, jobs=request.jobs or session.cores())
            run_file = session.run(request, path, oracle, progress=progress)
    except Interrupted as error:
        raise KeyboardInterrupt from error  # of this run nothing is kept
    with run_file:
        subjects = run_file.subjects()
    problems = {subject.backend: subject.problem for subject in subjects if subject.problem}
    for backend, problem in problems.items():
        click.echo(
            f"Error: {backend} of the {side.name} environment could not run: {problem.strip()}\n"
            "If it does not get along with something that it was installed with, give that an older version, as in --with 'numpy<2'; installed are "
            f"{', '.join(f'{name} {version}' for name, version in environment.packages.items())}.",
            err=True,
        )
    if len([subject for subject in subjects if subject.problem]) == len(subjects):
        raise click.exceptions.Exit(NOT_RUN)
    return not problems


def _compare(old: Path, new: Path, given: Mapping[str, Any], folder: Path | None) -> int:
    """What `nnconform compare` does with two run files; the exit code. Text is for the terminal, wherever the files go."""
    from .compare import compare_files

    format = given["format"]
    return compare_files(old, new, format=format, fail_on=given["fail_on"], out=None if format == "text" else folder)
