"""`nnconform compare`: what changed between two runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import FINDINGS, NOT_RUN, print_, readable

if TYPE_CHECKING:
    from conformance.judge.comparison.changes import Comparison

NAMES = {"text": "comparison.txt", "json": "comparison.json", "markdown": "comparison.md", "html": "comparison.html"}
"""Formats, and the file that each has in a folder."""


@click.command()
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(list(NAMES)), default="text", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead of printing it.")
@click.option(
    "--fail-on",
    type=click.Choice(["worse", "changed", "none"]),
    default="worse",
    show_default=True,
    help="What makes the exit code 1.",
)
def compare(old: Path, new: Path, format: str, out: Path | None, fail_on: str) -> None:
    """Say what changed from one run to another: verdicts, entry points, defaults, dtypes, errors, bits.

    OLD and NEW are run files, from any machines. Both are judged by the present standard.
    """
    raise click.exceptions.Exit(compare_files(old, new, format=format, fail_on=fail_on, out=out))


def compare_files(old: Path, new: Path, *, format: str, fail_on: str, out: Path | None) -> int:
    """Compare, tell, and give the exit code. `out` is a file, or a folder in which the report gets a name of its own; None prints it."""
    compared = comparison_of(old, new)
    tell(compared, format, out / NAMES[format] if out is not None and out.is_dir() else out)
    return exit_code(compared, fail_on)


def comparison_of(old: Path, new: Path) -> Comparison:
    """The comparison of two run files. What can't be read, or is the same file twice, is one sentence (click.UsageError)."""
    from conformance import registry
    from conformance.judge.comparison import compare as compared
    from conformance.judge.comparison import judge_functions
    from conformance.judge.expectations import known_deviations
    from conformance.observe.runfile import RunFile
    from conformance.observe.session import cores
    from conformance.progress import judging
    from conformance.truth.cache import Oracle, default_directory

    if old.exists() and new.exists() and old.samefile(new):
        raise click.UsageError(f"{old} and {new} are the same file: give the run files of two runs.")
    oracle = Oracle(default_directory(), jobs=cores())
    with readable(), RunFile.open(old) as before, RunFile.open(new) as after, judging() as progress:

        def tell(done: int, total: int, what: str) -> None:
            if done < total or sys.stderr.isatty():  # that one of two runs was judged is no news where lines stay
                progress(done, total, what)

        backends = (subject.backend for run_file in (before, after) for subject in run_file.subjects())
        causes = known_deviations(registry.expectations(backends))
        return compared(before, after, lambda run_file, wanted: judge_functions(run_file, wanted, oracle, tell), causes)


def tell(compared: Comparison, format: str, out: Path | None) -> None:
    """Print a comparison, or write it to a file. A file that can't be written is one sentence (click.UsageError)."""
    from conformance import registry

    if format == "text" and out is None:
        print_("comparison", compared, module="compare.text")
        return
    content = text_of(compared, format)
    if out is None:
        click.echo(content, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(content, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{out} can't be written ({error.strerror}): give another --out.") from error
    summed = (
        registry.load("conformance.reports.compare.words:summed")(compared) if compared.changes else "nothing changed"
    )
    click.echo(f"{summed}\n{format}: {out}")


def text_of(compared: Comparison, format: str) -> str:
    """A comparison as the text of one of the formats."""
    from conformance import registry

    if format == "text":
        content: str = registry.load("conformance.reports.terminal:text_of")(
            registry.load("conformance.reports.compare.text:comparison")(compared)
        )
        return content
    writers = {"json": "comparison_json:text", "markdown": "markdown:text", "html": "html:page"}
    written: str = registry.load(f"conformance.reports.compare.{writers[format]}")(compared)
    return written


def exit_code(compared: Comparison, fail_on: str) -> int:
    """3 where a subject could not be compared as a whole, 1 where `fail_on` says so, else 0."""
    from conformance.judge.comparison.changes import fails

    if fail_on == "none":
        return 0
    if compared.incomplete or not compared.subjects:
        return NOT_RUN
    return FINDINGS if fails(compared, fail_on) else 0
