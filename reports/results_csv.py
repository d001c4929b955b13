"""The results as CSV, for spreadsheets and data frames: one flat line per result. Columns in docs/schemas.md.

Text that starts with a sign a spreadsheet would run as a formula gets an apostrophe in front, in columns that hold a
framework's own text; numbers are left alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.judge.records import GRADES, Judgement

from .checks import combine
from .results import WORST, records
from .words import AnyBinding, for_json, plain

FILE_NAME = "results.csv"

_FLAT = (
    "subject", "entry_point", "function", "rule", "level", "parameters", "dtype", "mode", "region", "outcome", "severity",
    "comparisons", "conforms", "deviates", "unspecified", "undecided", "vacuous",
)  # fmt: skip

COLUMNS = (*_FLAT, *GRADES, *(f"worst_{name}" for name in WORST), "bits", "message", "case")


def write(judgements: Sequence[Judgement], bindings: Mapping[str, Sequence[AnyBinding]], directory: Path) -> Path:
    """Write `results.csv` (UTF-8, header line, `\\r\\n` as RFC 4180 says) and return its path. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows(combine(judgements)))
    return path


def text(judgement: Judgement) -> str:
    """The same as a string."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    writer.writerows(rows(judgement))
    return buffer.getvalue()


def rows(judgement: Judgement) -> Iterator[list[Any]]:
    """The cells of every result, in the order of COLUMNS."""
    for record in records(judgement):
        worst = record["worst"] or {}
        record["parameters"] = json.dumps(for_json(record["parameters"]), ensure_ascii=False)
        yield [
            *(record[name] for name in _FLAT),
            *record["grades"].values(),
            *(_joined(cell) if isinstance(cell := worst.get(name, ""), tuple) else cell for name in WORST),
            record["bits"],
            _harmless(plain(record["message"])),
            record["case"],
        ]


def _joined(inputs: tuple[str, ...]) -> str:
    """Numbers by a space; `logits = [0, 1]` and what follows by a semicolon."""
    return ("; " if any(" " in one for one in inputs) else " ").join(inputs)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell
