"""`nnconform merge`: run files put together into one, as those of the shards of a plan."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .common import NOT_RUN, readable


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new run file.")
def merge(runs: tuple[Path, ...], out: Path) -> None:
    """Put run files together into one: the shards of a plan, or runs of different backends by the same plan.

    The result is judged and reported as if everything had been asked in one run. Where a shard is missing, or a run was
    interrupted, it is written all the same, remembers what it lacks, and the exit code is 3.
    """
    from conformance.observe.merging import merge as put_together

    with readable():
        merged = put_together(runs, out)
    for warning in merged.warnings:
        click.echo(f"Warning: {warning}", err=True)
    subjects = ", ".join(subject.title for subject in merged.subjects) or "no subject"
    click.echo(f"Merged:   {len(runs)} run files, {merged.observations:,} answers of {subjects}")
    click.echo(f"Run file: {out}\nNext:     nnconform report {shlex.quote(str(out))}")
    if merged.lacking:
        for sentence in merged.lacking:
            click.echo(f"Incomplete: {sentence}.", err=True)
        raise click.exceptions.Exit(NOT_RUN)
