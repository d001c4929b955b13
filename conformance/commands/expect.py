"""`nnconform expect`: what a run shows that nobody expected, and the other way round; and bringing the files up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import FINDINGS, expectations_option, judgement_of, paths_of_expectations, print_, run_argument

if TYPE_CHECKING:
    from conformance.judge.records import Judgement


@click.command()
@run_argument
@click.option(
    "--update", is_flag=True, help="Rewrite the files: bounds as measured, stale entries gone, new ones with no reason."
)
@click.option(
    "--report", metavar="CAUSE", default="", help="Print the text to file upstream about a cause not reported yet."
)
@expectations_option
def expect(run_path: Path, update: bool, report: str, expectations: Path | None) -> None:
    """Hold a run against the known deviations of its backends.

    With --update the files are rewritten: what was measured goes into the bounds, what is not seen any more goes out, reasons,
    comments and order stay, and what is new gets an entry without a reason. It fails until a person has written one.
    """
    from conformance.judge.expectation_files import Rewritten, rewrite
    from conformance.judge.findings import gating

    judgement, _ = judgement_of(run_path, expectations, new=update)
    if report:
        click.echo(_upstream(judgement, report), nl=False)
        return
    if update:
        rewritten: list[Rewritten] = rewrite(
            judgement, _plan(run_path), paths_of_expectations(judgement.subjects, expectations, new=True)
        )
        for one in rewritten:
            click.echo(one.diff or f"{one.path}: nothing to change", nl=not one.diff)
        for one in rewritten:
            for name in one.without_reason:
                click.echo(f"{one.path}: {name} has no reason or no link: a person has to write them.", err=True)
        raise click.exceptions.Exit(FINDINGS if any(one.without_reason for one in rewritten) else 0)
    _tell(judgement, run_path)
    raise click.exceptions.Exit(FINDINGS if gating(judgement.findings) else 0)


def _upstream(judgement: Judgement, name: str) -> str:
    """The text to file about a cause. Raises UsageError: nobody has it, or there is nothing to file."""
    from conformance import registry

    causes = registry.load("conformance.reports.causes:causes_of")(judgement)
    found = next((cause for cause in causes if cause.known.name == name), None)
    if found is None:
        raise click.UsageError(str(registry.unknown("cause", name, [cause.known.name for cause in causes])))
    if not found.report:
        raise click.UsageError(
            f"{name} is of kind {found.known.kind!r} ({found.known.link}): only what was not reported yet, and was seen in this run as "
            "expected, is to be filed."
        )
    return str(found.report)


def _plan(path: Path) -> dict[str, object]:
    from conformance.observe.runfile import RunFile

    with RunFile.open(path) as run_file:
        return dict(run_file.meta().get("plan", {}))


def _tell(judgement: Judgement, path: Path) -> None:
    print_("expectations", judgement, str(path))
