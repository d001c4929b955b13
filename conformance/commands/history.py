"""`nnconform history`: what a framework did in each of its versions, from the run file of each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from .common import judged, readable


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(["text", "html", "json"]), default="text", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: the terminal; history.html]"
)
def history(runs: tuple[Path, ...], format: str, out: Path | None) -> None:
    """Show since which version a framework is as it is: a table of functions and versions for each backend.

    RUN... are run files of several versions, in any order; files of different backends make a table each.
    """
    from conformance import registry

    if len(runs) < 2:
        raise click.UsageError(
            f"history holds versions against each other, and {runs[0]} is one run: give the run file of another version too; "
            f"`nnconform findings {runs[0]}` tells of this one."
        )
    found = _found(runs)
    if not any(len(table.columns) > 1 for table in found.tables):
        raise click.UsageError(
            f"these runs have no backend in common, so that there is nothing to hold against each other: "
            f"{'; '.join(f'{table.title}: {table.columns[0].label}' for table in found.tables) or 'they hold no subject'}. "
            "Give runs of one backend in several versions; `nnconform report` shows different backends side by side."
        )
    if format == "text" and out is None:
        console, text = (
            registry.load(f"conformance.reports.{name}") for name in ("terminal:console", "history.terminal:table")
        )
        screen = console()
        screen.print(text(found, screen.width))
        return
    content = registry.load(f"conformance.reports.history:{format}")(found)
    if out is None and format == "json":
        click.echo(content, nl=False)
        return
    path = out or Path("history.html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} can't be written ({error.strerror}): give another --out.") from error
    click.echo(f"{format}: {path}")


def _found(runs: tuple[Path, ...]) -> Any:
    """The history of these run files; those that are given twice count once."""
    from conformance.judge.history import Seen
    from conformance.judge.history import history as history_of
    from conformance.observe.runfile import RunFile
    from conformance.observe.session import cores
    from conformance.truth.cache import Oracle, default_directory

    oracle = Oracle(default_directory(), jobs=cores())
    with readable(), contextlib.ExitStack() as stack:
        seen = []
        for path in dict.fromkeys(runs):
            run_file = stack.enter_context(RunFile.open(path))
            seen.append(Seen(str(path), judged(run_file, oracle), run_file.meta(), run_file))
        return history_of(seen)
