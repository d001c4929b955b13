"""What a person sees while work goes on: a bar for each subject on a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 10.0
"""Seconds between two plain lines."""

Observed = Callable[[str, int, int, str], None]
Judged = Callable[[int, int, str], None]
Made = Callable[[str, float, str], None]


@contextmanager
def observing() -> Iterator[Observed]:
    """Gives `progress(subject, done, total, current)`."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.fields[name]:<11}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(subject: str, done: int, total: int, current: str) -> None:
            if subject not in tasks:
                tasks[subject] = bars.add_task("", total=total, name=subject)
            bars.update(tasks[subject], completed=done, total=total)

        yield show


@contextmanager
def judging() -> Iterator[Judged]:
    """Gives `progress(done, total, what)`; `what` is `judging gelu`, or what has to be done before."""
    started = shown = time.monotonic()

    def show(done: int, total: int, what: str) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            text = f"{what} ({done + 1} of {total})" if done < total else ""
            print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)
        elif done == total:
            print(f"judged {total} functions in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
        elif time.monotonic() - shown > LINE_SECONDS:
            shown = time.monotonic()
            print(what, file=sys.stderr, flush=True)

    yield show


@contextmanager
def making() -> Iterator[Made]:
    """Gives `progress(what, seconds, state)` for environments: `making`, `made`, `found` or `waiting`."""
    begun: set[str] = set()

    def show(what: str, seconds: float, state: str) -> None:
        text = _MAKING[state].format(what=what, seconds=f"{seconds:.0f} s")
        if state != "making":
            print(f"\r{text}" if what in begun and sys.stderr.isatty() else text, file=sys.stderr, flush=True)
        elif sys.stderr.isatty():
            begun.add(what)
            print(f"\r{text}", end="", file=sys.stderr, flush=True)
        elif what not in begun:
            begun.add(what)
            print(f"making environment: {what}", file=sys.stderr, flush=True)

    yield show


_MAKING = {
    "making": "making environment: {what} ... {seconds}",
    "made": "made environment:   {what} ... {seconds}",
    "found": "found environment:  {what}",
    "waiting": "waiting for another nnconform that is making the environment {what}",
}


def _lines() -> Observed:
    shown: dict[str, float] = {}

    def show(subject: str, done: int, total: int, current: str) -> None:
        now = time.monotonic()
        if done == total or now - shown.get(subject, 0.0) > LINE_SECONDS:
            shown[subject] = now
            print(f"{subject}: {done} of {total} cases  {current}", file=sys.stderr, flush=True)

    return show
