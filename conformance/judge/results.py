"""Results about observations: what each of them says of its case, whatever was found out. Knows no truth and no framework."""

from __future__ import annotations

from typing import Any

from conformance.cases.case import Case
from conformance.observe.observation import Observation, Subject
from conformance.standard import Rule

from .records import SEVERITY_OF_FAULT, Result

SEVERITY_OF_ANSWER = {"raised": "wrong", **SEVERITY_OF_FAULT}
"""The severity of a valid question that was not answered; none where the framework says that it lacks something."""


def result_of(subject: Subject, rule: Rule, case: Case, **fields: Any) -> Result:
    """A result about this case under this rule; `fields` are those of a Result that are found out."""
    base: dict[str, Any] = {
        "subject": subject.id,
        "entry_point": case.entry_point,
        "function": case.function,
        "rule": rule.id,
        "level": rule.level.value,
        "parameters": case.parameters,
        "dtype": case.dtype,
        "mode": case.mode,
        "region": "anywhere",
        "case": case.id,
    }
    return Result(**{**base, **fields})


def one_comparison(holds: bool, message: str, severity: str) -> dict[str, Any]:
    """Fields of one comparison that holds or not; `message` says what was seen where it does not."""
    return {
        "outcome": "conforms" if holds else "deviates",
        "comparisons": 1,
        "conforms": int(holds),
        "deviates": int(not holds),
        "severity": "" if holds else severity,
        "message": "" if holds else message,
        "bits": "" if holds else message,
    }


def no_answer(observation: Observation) -> dict[str, Any]:
    """Fields of a valid question that was not answered: each outcome is its own, none of them is a pass."""
    error = observation.error_type
    return {
        "outcome": observation.outcome,
        "severity": SEVERITY_OF_ANSWER.get(observation.outcome, ""),
        "message": f"{error}: {observation.message}" if error else observation.message,
    }
