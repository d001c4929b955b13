"""A record per result, as the JSON and the CSV writers show it. Schema 1, documented in docs/schemas.md.

Knows the columns and their order; knows neither format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.judge.records import GRADES, Judgement, Result

SCHEMA = 1

WORST = (
    "input", "input_bits", "observed", "observed_bits", "truth", "ulp", "bar", "absolute_error", "dtype", "mode",
)  # fmt: skip


def records(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Each result as plain data, nested: `parameters`, `grades` by name, `worst` or None."""
    for result in judgement.results:
        worst = result.worst
        yield {
            "subject": result.subject,
            "entry_point": result.entry_point,
            "function": result.function,
            "rule": result.rule,
            "level": result.level,
            "parameters": dict(result.parameters),
            "dtype": result.dtype,
            "mode": result.mode,
            "region": result.region,
            "outcome": result.outcome,
            "severity": result.severity,
            "comparisons": result.comparisons,
            "conforms": result.conforms,
            "deviates": result.deviates,
            "unspecified": result.unspecified,
            "undecided": result.undecided,
            "vacuous": result.vacuous,
            "grades": grades(result),
            "worst": {name: getattr(worst, name) for name in WORST} if worst else None,
            "bits": result.bits,
            "message": result.message,
            "case": result.case,
            "cause": result.cause,
            "unexpected": result.unexpected,
        }


def grades(result: Result) -> dict[str, int]:
    """How many comparisons are in each grade, by the grade's name."""
    return dict(zip(GRADES, result.grades, strict=True))
