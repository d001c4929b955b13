"""What a run file remembers of the shards that it holds: of each subject, of how many which, and the functions in them.

Plain data under `shards` in its `meta`; a file that was asked everything in one run has none. Knows no split (that is the
plan's, `conformance.cases.shards`), no framework and no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .runfile import RunFileError

Shards = dict[str, dict[str, Any]]
"""By subject: `of` (how many shards), `present` (their numbers, from 1), `functions` (all that they ask)."""


def record_of(number: int, of: int, asked: Mapping[str, Sequence[str]]) -> Shards:
    """What one shard leaves in its run file; `asked` has the functions of each subject, none where nothing fell to it."""
    return {
        subject: {"of": of, "present": [number], "functions": sorted(functions)} for subject, functions in asked.items()
    }


def remembered(meta: Mapping[str, Any]) -> Shards:
    """What a run file's `meta` says of shards; empty where it holds everything. Raises RunFileError where it makes no sense."""
    found = {}
    for subject, one in meta.get("shards", {}).items():
        given = one if isinstance(one, dict) else {}
        of, present, functions = given.get("of"), given.get("present"), given.get("functions")
        if (
            not isinstance(of, int)
            or not isinstance(present, list)
            or not isinstance(functions, list)
            or not all(isinstance(number, int) and 1 <= number <= of for number in present)
            or not all(isinstance(name, str) for name in functions)
        ):
            raise RunFileError(f"a run file is damaged: what it says of the shards of {subject} makes no sense.")
        found[str(subject)] = {"of": of, "present": present, "functions": functions}
    return found


def told(shards: Mapping[str, Mapping[str, Any]]) -> str:
    """`2 of 5`, `1 and 3 of 5`; subjects are told apart where they differ. Nothing where there are none."""
    said = {subject: f"{_and(one['present'])} of {one['of']}" for subject, one in shards.items()}
    if len(set(said.values())) <= 1:
        return next(iter(said.values()), "")
    return "; ".join(f"{subject} {text}" for subject, text in said.items())


def missing(shards: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences on the shards that are not there, those of subjects that lack the same together."""
    lacking: dict[str, list[str]] = {}
    for subject, one in shards.items():
        absent = [number for number in range(1, one["of"] + 1) if number not in one["present"]]
        if absent:
            plural = "shards" if len(absent) > 1 else "shard"
            lacking.setdefault(f"{plural} {_and(absent)} of {one['of']}", []).append(subject)
    return [f"{which} of {_and(subjects)} {'are' if which.startswith('shards') else 'is'} missing" for which, subjects in lacking.items()]  # fmt: skip


def _and(items: Sequence[object]) -> str:
    words = list(map(str, items))
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
