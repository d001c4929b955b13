"""Rewriting files of expectations to what a run shows: bounds as measured, stale entries gone, new ones without a reason.

Comments, order, reasons and everything else that a person wrote stay as they are (tomlkit keeps them). Never invents a reason.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from conformance.formats import FORMATS

from .expectations import (
    SCHEMA,
    Bound,
    Cause,
    Row,
    explained,
    is_whole,
    key_of,
    load,
    measured,
    rows_asked,
    rows_of,
)
from .records import Judgement, Result

_HEAD = "# Known deviations of {backend}: one entry a cause. What each key means: conformance/judge/expectations.py.\n"


@dataclass(frozen=True)
class Rewritten:
    """One file, what changed in it (a unified diff, empty: nothing), and the names of entries that lack a reason or link."""

    path: Path
    diff: str
    without_reason: tuple[str, ...]


def rewrite(judgement: Judgement, plan: Mapping[str, Any], paths: Mapping[str, Path]) -> list[Rewritten]:
    """Bring the files of the run's backends up to date; `paths` are theirs, by backend.

    Rows that the run asked nothing about stay. Raises ExpectationsError (a file that can't be read or written).
    """
    backends = dict.fromkeys(subject.backend for subject in judgement.subjects if not subject.problem)
    return [_rewrite(backend, paths[backend], judgement, plan) for backend in backends if backend in paths]


def _rewrite(backend: str, path: Path, judgement: Judgement, plan: Mapping[str, Any]) -> Rewritten:
    subjects = {subject.id: subject for subject in judgement.subjects if subject.backend == backend}
    results = [result for result in judgement.results if result.subject in subjects]
    causes = load(path, backend)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    document = tomlkit.parse(before or f"{_HEAD.format(backend=backend)}schema = {SCHEMA}\n")
    found = explained(results, causes, subjects)
    entries = document.get("cause") or tomlkit.aot()
    gone = []
    for number, cause in enumerate(causes):
        rows = _rows(cause, results, found[key_of(cause)], subjects, plan)
        if rows is None or cause.unstable:
            continue
        if rows:
            _set_measured(entries[number], rows, cause.measured)
        else:
            gone.append(number)
    for number in reversed(gone):
        del entries[number]
    for rule, some in sorted(_by_rule(found[""]).items()):
        entries.append(_new_entry(f"new-{rule}", some))
    if "cause" not in document and len(entries):
        document["cause"] = entries
    after = tomlkit.dumps(document)
    if after != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".toml.new")
        aside.write_text(after, encoding="utf-8")
        aside.replace(path)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"{path.name} before",
        f"{path.name} now",
        n=1,
    )
    lacking = tuple(cause.name for cause in load(path, backend) if not (cause.reason and cause.link))
    return Rewritten(path, "".join(lines), lacking)


def _rows(
    cause: Cause,
    results: Sequence[Result],
    mine: Sequence[Result],
    subjects: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> dict[Row, Bound] | None:
    """What the entry should say it measured; None: the run has nothing to say about it; empty: it is gone."""
    asked = rows_asked(cause, results, subjects)
    if not asked:
        return None
    now = {row: measured(some) for row, some in rows_of(mine).items()}
    if is_whole(plan):
        return {**{row: bound for row, bound in cause.measured.items() if row not in asked}, **now}
    # What was asked in part bounds nothing from above.
    wider = {row: _wider(bound, cause.measured.get(row, bound)) for row, bound in now.items()}
    return {**cause.measured, **wider}


def _wider(one: Bound, other: Bound) -> Bound:
    return Bound(max(one.ulp, other.ulp), max(one.results, other.results))


def _set_measured(entry: Any, rows: Mapping[Row, Bound], before: Mapping[Row, Bound]) -> None:
    """Write the rows into an entry, one line a rule; an entry whose rows are as they were is not touched."""
    if dict(rows) == dict(before):
        return
    table = tomlkit.table()
    for rule in sorted({rule for rule, _ in rows}):
        line = tomlkit.inline_table()
        for dtype in sorted((dtype for one, dtype in rows if one == rule), key=_order):
            bound = rows[(rule, dtype)]
            line[dtype] = tomlkit.item([bound.ulp, bound.results])
        table[rule] = line
    entry["measured"] = table


def _order(dtype: str) -> tuple[int, str]:
    names = list(FORMATS)
    return (names.index(dtype) if dtype in names else len(names), dtype)


def _by_rule(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        found[result.rule].append(result)
    return found


def _new_entry(name: str, results: Sequence[Result]) -> Any:
    """An entry for what nobody has explained yet: where it was seen, and no reason."""
    entry = tomlkit.table()
    entry["name"], entry["kind"], entry["reason"], entry["link"] = name, "unreported", "", ""
    entry["rules"] = sorted({result.rule for result in results})
    entry["entry_points"] = sorted({result.entry_point for result in results})
    entry["outcomes"] = sorted({result.outcome for result in results})
    _set_measured(entry, {row: measured(some) for row, some in rows_of(results).items()}, {})
    return entry
