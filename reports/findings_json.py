"""The findings as JSON: what machines read. Schema 1, documented in docs/schemas.md.

Knows the contract of the command line and nothing else; the order of keys is the contract's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance.judge.records import Finding, Judgement, Worst

from .checks import combine
from .words import AnyBinding, for_json, worst_first

SCHEMA = 1
FILE_NAME = "findings.json"


def write(judgements: Sequence[Judgement], bindings: Mapping[str, Sequence[AnyBinding]], directory: Path) -> Path:
    """Write `findings.json` into the directory (made if missing) and return its path. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_text(text(combine(judgements)), encoding="utf-8")
    return path


def text(judgement: Judgement, statuses: Sequence[str] = ("new", "expected", "stale")) -> str:
    """The document as text, with a line end; only findings of these statuses (the totals are always of the whole run)."""
    return json.dumps(document(judgement, statuses), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def document(judgement: Judgement, statuses: Sequence[str] = ("new", "expected", "stale")) -> dict[str, Any]:
    """The document as plain data."""
    found = sorted((finding for finding in judgement.findings if finding.status in statuses), key=worst_first)
    whole: dict[str, Any] = for_json(
        {
            "schema": SCHEMA,
            "environment": judgement.environment,
            "subjects": [
                {
                    "id": subject.id,
                    "backend": subject.backend,
                    "versions": subject.versions,
                    "device": subject.device,
                    "configuration": subject.configuration,
                }
                for subject in judgement.subjects
            ],
            "totals": asdict(judgement.totals),
            "findings": [_finding(finding) for finding in found],
        }
    )
    return whole


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "function": finding.function,
        "rule": finding.rule,
        "level": finding.level,
        "severity": finding.severity,
        "subject": finding.subject,
        "backend": finding.backend,
        "version": finding.version,
        "entry_points": finding.entry_points,
        "dtypes": finding.dtypes,
        "modes": finding.modes,
        "parameters": finding.parameters,
        "region": finding.region,
        "checked": finding.checked,
        "deviating": finding.deviating,
        "status": finding.status,
        "reason": finding.reason,
        "link": finding.link,
        "message": finding.message,
        "worst": _worst(finding.worst),
        "reproducer": finding.reproducer,
        "cause": finding.cause,
        "kind": finding.kind,
    }


def _worst(worst: Worst | None) -> dict[str, Any] | None:
    if worst is None:
        return None
    # The bar is not part of schema 1; `results` has it.
    return {
        "input": worst.input,
        "input_bits": worst.input_bits,
        "observed": worst.observed,
        "observed_bits": worst.observed_bits,
        "truth": worst.truth,
        "ulp": worst.ulp,
        "absolute_error": worst.absolute_error,
        "dtype": worst.dtype,
        "mode": worst.mode,
    }
