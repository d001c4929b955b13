"""The command line: names in, exit codes out. Each command imports what it needs, so that `--help` is quick.

0 as expected; 1 findings that nobody expected; 2 wrong usage; 3 something could not be run; 130 interrupted.
Where several apply, 2 comes before 3 before 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import conformance

from .commands.common import (
    FINDINGS,
    INTERRUPTED,
    NOT_RUN,
    USAGE,
    expectations_option,
    function_names,
    judged,
    judgement_of,
    known_name,
    names_of,
    print_,
    readable,
    run_argument,
)
from .commands.compare import compare
from .commands.expect import expect
from .commands.history import history
from .commands.making import pythons_with
from .commands.merge import merge
from .commands.selection import selection_options, with_options
from .commands.upgrade import upgrade

if TYPE_CHECKING:
    from conformance.judge.records import Judgement


def main() -> None:
    """Run the command line and end the process. A traceback is never the interface: what is unforeseen is one sentence."""
    if "_NNCONFORM_COMPLETE" in os.environ:  # a shell asks what it may complete
        cli.main(prog_name="nnconform")
    try:
        # Not cli.main: its answer to a closed pipe is exit code 1, which means findings here.
        with cli.make_context("nnconform", sys.argv[1:]) as context:
            code = cli.invoke(context)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("NNCONFORM_DEBUG"):
            raise
        click.echo(
            f"nnconform failed: {type(error).__name__}: {error}\nThis is a fault of nnconform's. NNCONFORM_DEBUG=1 in front of "
            "the same command shows where; please report it with that.",
            err=True,
        )
        sys.exit(NOT_RUN)


_HELP = {
    "help_option_names": ["-h", "--help"],
    # click would not go below 50 columns by itself.
    "terminal_width": max(30, min(shutil.get_terminal_size().columns, 100) - 2),
}


@click.group(context_settings=_HELP)
@click.version_option(conformance.__version__, prog_name="nnconform")
def cli() -> None:
    """Measure how frameworks keep the standard for activation and loss functions.

    \b
    run torch jax  observe, judge, tell
    report RUN     one HTML file to read
    show gelu      what the standard says
    """


def _backends(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    from conformance import registry

    names = tuple(dict.fromkeys(given)) or tuple(registry.BACKENDS)
    by_name: dict[str, str] = {}
    for name in names:
        adapter = _adapter(name)
        if adapter.name in by_name:
            raise click.UsageError(
                f"{by_name[adapter.name]} and {name} are both called {adapter.name!r}: run one of them."
            )
        by_name[adapter.name] = name
    return names


def _adapter(name: str) -> Any:
    """The class of a backend; a name that nobody has, or a plug-in that can't be loaded, is one sentence."""
    from conformance import registry

    try:
        return registry.backend(name)
    except registry.UnknownName as error:
        raise click.UsageError(str(error)) from error
    except ImportError as error:
        raise click.UsageError(
            f"backend {name!r} can't be loaded ({error}): give one of {', '.join(registry.backend_names())}, or a module:Class "
            "that can be imported here."
        ) from error


def _pythons(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pythons = {}
    for text in given:
        name, _, path = text.partition("=")
        if not path:
            raise click.UsageError(f"--python {text!r}: give BACKEND=PATH, as in --python jax=venv/bin/python")
        if not Path(path).expanduser().exists():
            raise click.UsageError(
                f"--python {text!r}: there is no file {path}; give the python of an environment, as in venv/bin/python"
            )
        # The path itself, not what it links to: the interpreter of a virtual environment is a link.
        pythons[name] = str(Path(path).expanduser().absolute())
    return pythons


def _shard(context: click.Context, option: click.Parameter, given: str | None) -> Any:
    """The shard that is asked for; the only one of one is everything."""
    from conformance.cases.shards import shard_from

    try:
        shard = shard_from(given) if given is not None else None
    except ValueError as error:
        raise click.UsageError(f"--shard: {error}") from error
    return shard if shard is not None and shard.of > 1 else None


@cli.command()
@click.argument("backends", nargs=-1, callback=_backends, metavar="[BACKEND ...]")
@with_options(selection_options)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    callback=_pythons,
    metavar="BACKEND=PATH",
    help="Interpreter of the environment that holds a framework.",
)
@click.option(
    "--with",
    "with_",
    multiple=True,
    metavar="REQ",
    help="Measure in an environment made with pip from these, as in jax==0.4.30; by --python's interpreter, if there is one.",
)
@click.option("--jobs", type=click.IntRange(1), help="Subjects observed at once.  [default: one per core]")
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Intra-op threads of a framework."
)
@click.option("--timeout", type=click.FloatRange(1), default=120.0, show_default=True, help="Seconds for one case.")
@click.option(
    "--shard", callback=_shard, metavar="I/N", help="Only the i-th of n parts; `nnconform merge` puts them together."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("run.nnconform"),
    show_default=True,
    help="The run file.",
)
@click.option("--resume", is_flag=True, help="Go on with the run file, if it is there already.")
@click.option(
    "--fail-on",
    type=click.Choice(["unexpected", "none"]),
    default="unexpected",
    show_default=True,
    help="With none the exit code is 0 whatever was found.",
)
@expectations_option
def run(**given: Any) -> None:
    """Observe frameworks, judge what they did, and tell.

    BACKEND is numpy, torch, tensorflow, jax, or a plug-in's name; all four by default.
    """  # fmt: skip
    from conformance.cases.plan import Selection
    from conformance.observe import session
    from conformance.observe.engine import Limits
    from conformance.truth.cache import Oracle, default_directory

    request = session.Request(
        backends=given["backends"],
        selection=Selection(given["functions"], given["dtypes"], given["modes"], given["rules"], given["tier"]),
        device=given["device"],
        pythons=given["pythons"],
        threads=given["threads"],
        jobs=given["jobs"] or 0,
        limits=Limits(case_seconds=given["timeout"]),
        command=shlex.join(["nnconform", *sys.argv[1:]]),
        shard=given["shard"],
    )
    strange = sorted(set(request.pythons) - set(request.backends))
    if strange:
        raise click.UsageError(
            f"--python names {', '.join(strange)}, which is not among the backends of this run: {', '.join(request.backends)}."
        )
    oracle = Oracle(default_directory(), jobs=request.jobs or session.cores())
    from .progress import observing

    environment = pythons_with(given["with_"], request.backends, request.pythons, default_directory())
    with environment as pythons, _interruptible(given["out"]), readable():
        started = time.monotonic()
        request = replace(request, pythons=pythons)
        with observing() as progress:
            run_file = session.run(request, given["out"], oracle, resume=given["resume"], progress=progress)
        observed = time.monotonic()
        with run_file:
            judgement = judged(run_file, oracle, given["expectations"])
    ended = time.monotonic()
    print_("summary", [judgement])
    path = shlex.quote(str(given["out"]))
    click.echo(f"\nTime:     observed in {observed - started:.0f} s, judged in {ended - observed:.0f} s")
    click.echo(f"Run file: {given['out']}\nNext:     nnconform report {path}")
    raise click.exceptions.Exit(_exit_code(judgement, given["fail_on"]))


@contextlib.contextmanager
def _interruptible(path: Path) -> Iterator[None]:
    """Ctrl-C, while observing or while judging: what is kept, and how to go on."""
    from conformance.observe.engine import Interrupted

    try:
        yield
    except (KeyboardInterrupt, Interrupted) as error:
        click.echo(
            f"interrupted; {path} holds everything answered so far: the same command with --resume goes on from there.",
            err=True,
        )
        raise click.exceptions.Exit(INTERRUPTED) from error


def _exit_code(judgement: Judgement, fail_on: str) -> int:
    from conformance.judge.findings import gating

    if judgement.totals.could_not_run:
        return NOT_RUN if fail_on != "none" else 0
    return FINDINGS if fail_on != "none" and gating(judgement.findings) else 0


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("nnconform-report"),
    show_default=True,
    help="The folder.",
)
@click.option(
    "--format",
    "formats",
    callback=names_of("report format", lambda: ("html", "markdown", "json", "junit", "csv")),
    default="html",
    show_default=True,
    metavar="A,B",
    help="Of html, markdown, json, junit, csv.",
)
@expectations_option
def report(runs: tuple[Path, ...], out: Path, formats: tuple[str, ...], expectations: Path | None) -> None:
    """Write reports about one or more run files: HTML to read, others for machines."""  # fmt: skip
    from conformance import registry

    read = [judgement_of(path, expectations) for path in runs]
    judgements = [judgement for judgement, _ in read]
    bindings = {name: bound for _, by_backend in reversed(read) for name, bound in by_backend.items()}
    for format in formats:
        try:
            written = registry.report(format)(judgements, bindings, out)
        except OSError as error:
            raise click.UsageError(f"{out} can't be written ({error.strerror}): give another --out.") from error
        click.echo(f"{format}: {written}")


@cli.command()
@run_argument
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--status", type=click.Choice(["new", "expected", "stale", "all"]), default="all", show_default=True)
@expectations_option
def findings(run_path: Path, format: str, status: str, expectations: Path | None) -> None:
    """List what deviates, worst first."""
    from conformance import registry

    judgement, _ = judgement_of(run_path, expectations)
    statuses = ("new", "expected", "stale") if status == "all" else (status,)
    if format == "json":
        click.echo(registry.load("conformance.reports.findings_json:text")(judgement, statuses), nl=False)
    else:
        print_("findings", [judgement], statuses, str(run_path))


@cli.command()
@run_argument
@click.option("--format", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
def results(run_path: Path, format: str) -> None:
    """Every result: one record per subject, entry point, rule, parameters, dtype, mode and region."""
    from conformance import registry

    judgement, _ = judgement_of(run_path)
    if format == "json":
        for line in registry.load("conformance.reports.results_json:lines")(judgement):
            click.echo(line, nl=False)
    else:
        click.echo(registry.load("conformance.reports.results_csv:text")(judgement), nl=False)


@cli.command()
@click.argument("function", callback=lambda c, o, name: known_name("function", name, function_names()))
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(function: str, format: str) -> None:
    """The standard's page of one function, and how each framework spells it."""
    from conformance import registry
    from conformance.standard import CATALOGUE

    bindings = _all_bindings()
    if format == "text":
        print_("show", CATALOGUE[function], bindings)
        return
    page = registry.load("conformance.reports.function_page:page_of")(CATALOGUE[function], bindings)
    document = registry.load("conformance.reports.function_page:document_of")(page)
    click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


def _all_bindings() -> dict[str, list[Any]]:
    """The entry points of every backend, those of functions of several tensors after those of one number."""
    from conformance import registry

    adapters = {name: _adapter(name) for name in registry.backend_names()}
    return {name: [*one.bindings, *getattr(one, "tensor_bindings", ())] for name, one in adapters.items()}


@cli.command("list")
@click.argument("what", metavar="WHAT", type=click.Choice(["functions", "backends", "rules"]))
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(what: str, format: str) -> None:
    """List what there is: WHAT is functions, backends or rules."""
    rows = _LISTS[what]()
    if format == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Column, Table
    from rich.text import Text

    console = Console(highlight=False)
    if what == "functions":
        for row in rows:
            table = Table.grid(Column(overflow="fold"), Column(overflow="fold"), padding=(0, 2))
            for backend, calls in row["write"].items():
                table.add_row(Text(backend, style="dim"), Text(calls[0] if calls else "not provided"))
            console.print(
                Text(row["function"], style="bold"),
                Padding(Text(row["formula"]), (0, 0, 0, 2)),
                Padding(table, (0, 0, 0, 4)),
                sep="\n",
            )
        return
    table = Table(*(Column(name, overflow="fold") for name in rows[0]), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))  # a shape in brackets is no markup
    console.print(table)


def _function_rows() -> list[dict[str, Any]]:
    """Each function with its formula, and for each backend that has it what to write to get the standard's value."""
    from conformance import registry
    from conformance.standard import CATALOGUE

    bindings = _all_bindings()
    page_of, told = (registry.load(f"conformance.reports.function_page:{name}") for name in ("page_of", "told"))
    rows = []
    for function in CATALOGUE.values():
        written: dict[str, list[str]] = {}
        # Those that can come first: a person reads one of them.
        for spelling in sorted(page_of(function, bindings).spellings, key=lambda one: not one.write):
            written.setdefault(spelling.backend, []).append(told(spelling))
        rows.append({
            "function": function.name, "family": function.family, "formula": function.formula,
            "write": {name: written.get(name, []) for name in bindings},
        })  # fmt: skip
    return rows


def _rule_rows() -> list[dict[str, Any]]:
    from conformance.standard import CATALOGUE, rules_of

    rules = [rule for function in CATALOGUE.values() for rule in rules_of(function)]
    return [
        {"rule": rule.id, "level": rule.level.value, "family": rule.family.value, "sentence": rule.sentence}
        for rule in rules
    ]


def _backend_rows() -> list[dict[str, Any]]:
    from conformance import registry

    rows = []
    for name in registry.backend_names():
        adapter = _adapter(name)
        every = [*adapter.bindings, *getattr(adapter, "tensor_bindings", ())]
        rows.append({
            "backend": name, "modes": ", ".join(adapter.modes), "configurations": ", ".join(adapter.configurations),
            "entry points": len(every), "functions": len({binding.function for binding in every}),
        })  # fmt: skip
    return rows


_LISTS = {"functions": _function_rows, "rules": _rule_rows, "backends": _backend_rows}


@cli.command()
@run_argument
@click.argument("finding")
def repro(run_path: Path, finding: str) -> None:
    """Print a script that shows a finding and needs only the framework."""
    from conformance import registry

    judgement, _ = judgement_of(run_path)
    found = [f for f in judgement.findings if f.id.startswith(finding)]
    if not found:
        near = registry.unknown("finding", finding, [f.id for f in judgement.findings])
        raise click.UsageError(f"{near} `nnconform findings {run_path}` lists them.")
    if not found[0].reproducer:
        raise click.UsageError(
            f"finding {finding} has no script: the adapter of {found[0].backend} is not installed here, or the finding is about "
            "a call that should have been refused."
        )
    click.echo(found[0].reproducer)


cli.add_command(compare)
cli.add_command(expect)
cli.add_command(history)
cli.add_command(merge)
cli.add_command(upgrade)

if __name__ == "__main__":
    main()
