"""Rewriting files of expectations to what a run shows: bounds as measured, stale entries gone, new ones without a reason.

Comments, order, reasons and everything else that a person wrote stay as they are: lines are exchanged, and what the file says before
and after is compared. Never invents a reason.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.formats import FORMATS

from .expectations import (
    SCHEMA,
    Answered,
    Bound,
    Cause,
    ExpectationsError,
    Row,
    answered,
    explained,
    is_whole,
    key_of,
    load,
    measured,
    rows_asked,
    rows_of,
)
from .records import Judgement, Result

_ENTRY = re.compile(r"^\s*\[\[\s*cause\s*\]\]", re.MULTILINE)
_MEASURED = re.compile(r"^\s*\[\s*cause\s*\.\s*measured\s*\]", re.MULTILINE)

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
    found = explained(results, causes, subjects)
    came = answered(results)
    measured_now = [_rows(cause, came, found[key_of(cause)], subjects, plan) for cause in causes]
    new = [_new_entry(f"new-{rule}", some) for rule, some in sorted(_by_rule(found[""]).items())]
    if len(_ENTRY.findall(before)) != len(causes):
        raise ExpectationsError(f"{path} can't be rewritten: give every [[cause]] a line of its own.")
    after = _text(before or f"{_HEAD.format(backend=backend)}schema = {SCHEMA}\n", causes, measured_now, new)
    _check(path, before, after, len(new))
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
    came: Answered,
    mine: Sequence[Result],
    subjects: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> dict[Row, Bound] | None:
    """What the entry should say it measured; None: the run has nothing to say about it; empty: it is gone."""
    asked = rows_asked(cause, came, subjects)
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


def _text(before: str, causes: Sequence[Cause], rows: Sequence[Mapping[Row, Bound] | None], new: Sequence[str]) -> str:
    """The file with other rows: None leaves an entry as it is, none at all takes it out. What follows an entry stays."""
    lines = before.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if _ENTRY.match(line)]
    parts = ["".join(lines[: starts[0]] if starts else lines)]
    for cause, mine, start, end in zip(causes, rows, starts, [*starts[1:], len(lines)], strict=False):
        stop = end
        while not lines[stop - 1].strip() or lines[stop - 1].lstrip().startswith("#"):
            stop -= 1
        entry, rest = "".join(lines[start:stop]), "".join(lines[stop:end])
        if cause.unstable or mine is None or dict(mine) == dict(cause.measured):
            parts.append(entry + rest)
        elif mine:
            parts.append(_MEASURED.split(entry, maxsplit=1)[0].rstrip("\n") + "\n" + _table(mine) + rest)
        else:
            parts.append(rest.lstrip("\n"))
    made = "".join(parts).rstrip("\n") + "\n"
    return made + "".join(f"\n{entry}" for entry in new)


def _table(rows: Mapping[Row, Bound]) -> str:
    """The rows, one line a rule."""
    lines = ["[cause.measured]"]
    for rule in sorted({rule for rule, _ in rows}):
        dtypes = sorted((dtype for one, dtype in rows if one == rule), key=_order)
        bounds = (f"{dtype} = [{rows[rule, dtype].ulp!r}, {rows[rule, dtype].results}]" for dtype in dtypes)
        lines.append(f"{json.dumps(rule)} = {{ {', '.join(bounds)} }}")
    return "\n".join(lines) + "\n"


def _check(path: Path, before: str, after: str, new: int) -> None:
    """Nothing that a person wrote is another thing now. Raises ExpectationsError; the file is as it was then."""
    was, now = (
        [
            {key: value for key, value in entry.items() if key != "measured"}
            for entry in tomllib.loads(text).get("cause", [])
        ]
        for text in (before, after)
    )
    if [entry for entry in was if entry in now] != now[: len(now) - new]:
        raise ExpectationsError(
            f"{path} can't be rewritten without changing more than bounds: give every [[cause]] a line of its own."
        )


def _order(dtype: str) -> tuple[int, str]:
    names = list(FORMATS)
    return (names.index(dtype) if dtype in names else len(names), dtype)


def _by_rule(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        found[result.rule].append(result)
    return found


def _new_entry(name: str, results: Sequence[Result]) -> str:
    """An entry for what nobody has explained yet: where it was seen, and no reason."""
    seen = {
        "rules": {result.rule for result in results},
        "entry_points": {result.entry_point for result in results},
        "outcomes": {result.outcome for result in results},
    }
    lines = ["[[cause]]", f"name = {json.dumps(name)}", 'kind = "unreported"', 'reason = ""', 'link = ""']
    lines += [f"{key} = {json.dumps(sorted(values), ensure_ascii=False)}" for key, values in seen.items()]
    return "\n".join(lines) + "\n" + _table({row: measured(some) for row, some in rows_of(results).items()})
