"""The results as JSON: everything that people see derives from these records. Schema 1, documented in docs/schemas.md.

Written record by record, so that a run of a million results needs no more memory than one of ten.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.judge.records import Judgement

from .checks import combine
from .results import SCHEMA, records
from .words import AnyBinding, for_json

FILE_NAME = "results.json"


def write(judgements: Sequence[Judgement], bindings: Mapping[str, Sequence[AnyBinding]], directory: Path) -> Path:
    """Write `results.json` into the directory (made if missing) and return its path. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(lines(combine(judgements)))
    return path


def lines(judgement: Judgement) -> Iterator[str]:
    """The document, one record a line, so that `grep` and `diff` work on it too."""
    subjects = [
        {"id": s.id, "backend": s.backend, "versions": s.versions, "device": s.device, "configuration": s.configuration}
        for s in judgement.subjects
    ]
    yield f'{{"schema": {SCHEMA},\n"environment": {_line(judgement.environment)},\n"subjects": {_line(subjects)},\n'
    yield '"results": ['
    separator = "\n"
    for record in records(judgement):
        yield separator + _line(record)
        separator = ",\n"
    yield "\n]}\n"


def _line(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (
        TypeError,
        ValueError,
    ):  # NaN, an infinity, or something that JSON does not have: rare, and slow to look for
        return json.dumps(for_json(value), ensure_ascii=False, allow_nan=False)
