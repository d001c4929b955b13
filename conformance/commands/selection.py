"""The options that say what is asked, the same in every command that observes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from .common import function_names, names_of, rule_names

DTYPES = ("float16", "bfloat16", "float32", "float64", "bool", "int8", "int32", "int64", "uint8")
MODES = ("eager", "graph", "compiled")
TIERS = ("quick", "default", "deep")

selection_options = (
    click.option(
        "--functions", callback=names_of("function", function_names), metavar="A,B", help="Only these functions."
    ),
    click.option("--dtypes", callback=names_of("dtype", lambda: DTYPES), metavar="A,B", help="Only these dtypes."),
    click.option("--modes", callback=names_of("mode", lambda: MODES), metavar="A,B", help="Of eager, graph, compiled."),
    click.option(
        "--rules", callback=names_of("rule", rule_names), metavar="A,B", help="Only these rules, or families of rules."
    ),
    click.option("--tier", type=click.Choice(TIERS), default="default", show_default=True, help="How much is asked."),
)


def with_options(options: Sequence[Callable[..., Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that gives a command these options, in their order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
