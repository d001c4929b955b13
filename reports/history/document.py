"""A history as JSON: what machines read. Schema 1, documented in docs/schemas.md."""

from __future__ import annotations

from dataclasses import asdict
from json import dumps

from conformance.judge.history import Cause, History, Table

from ..words import for_json

SCHEMA = 1


def json(history: History) -> str:
    """The document as text, with a line end."""
    whole = {"schema": SCHEMA, "tables": [_table(table) for table in history.tables]}
    return dumps(for_json(whole), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, object]:
    return {
        "backend": table.backend,
        "configuration": table.configuration,
        "device": table.device,
        "versions": [
            {"label": one.label, "versions": one.versions, "run": one.name, "problem": one.problem}
            for one in table.columns
        ],
        "functions": [{"function": row.function, "cells": [asdict(cell) for cell in row.cells]} for row in table.rows],
        "causes": [_cause(cause) for cause in table.causes],
        "notes": table.notes,
    }


def _cause(cause: Cause) -> dict[str, object]:
    plain = asdict(cause)
    return {**plain, "findings": plain.pop("ids")}
