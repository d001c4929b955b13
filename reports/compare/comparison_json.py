"""A comparison as JSON: what machines read. Schema 1. A new key does not change the number; one that goes or changes its meaning does.

    {"schema": 1, "old": "path", "new": "path", "incomplete": false,
     "subjects": [{"id", "backend", "versions": {"old": {}, "new": {}}, "questions": {"shared", "equal", "only_old", "only_new", "other_words"}}],
     "only_old": [subject ids], "only_new": [subject ids], "unlike": [sentences],
     "totals": {kind: number of changes}, "failing": {"worse": bool, "changed": bool},
     "changes": [{"id", "kind", "direction": "worse|better|", "backend", "subjects": [], "function", "functions": [], "rules": [], "entry_points": [],
        "dtypes": [], "modes": [], "regions": [], "severity", "message", "notes": [], "cases",
        "bits": null or {"asked", "changed", "distance", "low", "high", "errors": [old, new], "worst": place},
        "places": [{"rule", "region", "dtype", "mode", "parameters": {}, "entry_point", "input": [], "input_bits": [], "truth", "asked", "changed",
          "distance", "old": side, "new": side}]}],
     "names": [{"backend", "namespace", "appeared": [], "gone": []}]}

A side is {"outcome", "verdict", "observed", "observed_bits", "ulp", "message"}. `function` is `*` for a change of several functions. `distance` is how
far the numbers moved in ULP of their dtype. Numbers that JSON cannot hold (NaN, infinities, integers beyond 2^53) are strings; `ulp` is "nan" where no error
was measured. Kinds are the keys of `conformance.judge.comparison.changes.KINDS`. Knows no framework.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from conformance.judge.comparison.changes import Change, Comparison, Pair, fails

from ..words import for_json
from .words import direction

SCHEMA = 1


def text(compared: Comparison) -> str:
    """The document as text, with a line end."""
    return json.dumps(document(compared), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def document(compared: Comparison) -> dict[str, Any]:
    """The document as plain data."""
    whole: dict[str, Any] = for_json(
        {
            "schema": SCHEMA,
            "old": compared.old,
            "new": compared.new,
            "incomplete": compared.incomplete,
            "subjects": [_subject(pair) for pair in compared.subjects],
            "only_old": [subject.id for subject in compared.only_old],
            "only_new": [subject.id for subject in compared.only_new],
            "unlike": compared.unlike,
            "totals": compared.counts,
            "failing": {on: fails(compared, on) for on in ("worse", "changed")},
            "changes": [_change(change) for change in compared.changes],
            "names": [asdict(names) for names in compared.names],
        }
    )
    return whole


def _subject(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "backend": pair.new.backend,
        "versions": {"old": pair.old.versions, "new": pair.new.versions},
        "questions": {
            "shared": pair.shared, "equal": pair.equal, "only_old": pair.only_old, "only_new": pair.only_new, "other_words": pair.messages,
        },
    }  # fmt: skip


def _change(change: Change) -> dict[str, Any]:
    keys = (
        "backend", "subjects", "function", "functions", "rules", "entry_points", "dtypes", "modes", "regions", "severity", "message", "notes", "cases",
    )  # fmt: skip
    return {
        "id": change.id,
        "kind": change.kind,
        "direction": direction(change),
        **{key: getattr(change, key) for key in keys},
        "bits": asdict(change.bits) if change.bits is not None else None,
        "places": [asdict(place) for place in change.places],
    }
