"""The matrix of functions × dtypes × subjects: one state, one worst error and one heat strip a cell.

A cell sums up all entry points, modes, parameters and regions of one function in one dtype on one subject. Knows the
records; knows no HTML.
"""

from __future__ import annotations

import base64
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.formats import FORMATS
from conformance.judge.message import MANY, quantity_of, ulps
from conformance.judge.records import Judgement, Worst

from ..checks import Check, first_state
from ..words import STATES, count

VIEWS = {"all": "all rules", "value": "values", "gradient": "gradients", "second_derivative": "second derivatives"}
"""What the matrix can show; forward-mode gradients count among the gradients."""

_VIEW_OF = {
    "value": "value",
    "gradient": "gradient",
    "forward_gradient": "gradient",
    "second_derivative": "second_derivative",
}


@dataclass(frozen=True)
class Cell:
    """One cell in one view. `worst` is a text in ULP, empty where nothing was measured; `strip` is base64 of one byte a bin."""

    state: str
    worst: str
    title: str
    strip: str


def matrix(judgement: Judgement, checks: Sequence[Check], functions: Sequence[str]) -> dict[str, dict[str, Cell]]:
    """Cells by `function/dtype/subject`, then by view."""
    grouped: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in checks:
        key = f"{check.function}/{check.dtype}/{check.subject}"
        for view in ("all", _VIEW_OF[quantity_of(check.rule)]):
            grouped[key, view].append(check)
    strips = _strips(judgement)
    unable = {subject.id: subject.problem for subject in judgement.subjects if subject.problem}
    cells: dict[str, dict[str, Cell]] = {}
    for function in functions:
        for dtype in dtypes(checks):
            for subject in judgement.subjects:
                key = f"{function}/{dtype}/{subject.id}"
                cells[key] = {
                    view: _cell(key, grouped[key, view], strips.get((key, view), b""), unable.get(subject.id, ""))
                    for view in VIEWS
                }
    return cells


def dtypes(checks: Sequence[Check]) -> list[str]:
    """The floating-point dtypes of the matrix, narrowest first: those that anything was asked in, or all."""
    asked = {check.dtype for check in checks}
    return [name for name in FORMATS if name in asked] or list(FORMATS)


def _cell(key: str, checks: list[Check], strip: bytes, problem: str) -> Cell:
    function, dtype, subject = key.split("/", 2)
    if not checks:
        state = "could_not_run" if problem else "not_asked"
        return Cell(state, "", f"{function} in {dtype} on {subject}: {STATES[state].label}", "")
    # Something unsupported beside something that conforms does not make the cell unsupported; the title still says it.
    state = first_state([check.state for check in checks])
    errors = [
        r.worst.ulp
        for check in checks
        for r in check.results
        if r.worst is not None
        and r.severity != "convention"
        and not math.isnan(r.worst.ulp)
        and not _beside_zero(r.worst)
    ]
    worst = ulps(max(errors)) if errors else ""
    brief = worst.replace("e+0", "e").replace("e+", "e")
    counted = Counter(check.state for check in checks)
    said = ", ".join(f"{counted[name]:,} {STATES[name].label}" for name in STATES if counted[name])
    title = f"{function} in {dtype} on {subject}: {STATES[state].label}. {count(len(checks), 'check')}: {said}."
    if worst:
        title += f" Worst error {worst} ULP."
    return Cell(state, brief, title, base64.b64encode(strip).decode())


def _beside_zero(worst: Worst) -> bool:
    """Within a bar of many ULP: where terms cancel the unit is no measure that a person can feel."""
    return MANY <= worst.bar and worst.ulp <= worst.bar


def _strips(judgement: Judgement) -> dict[tuple[str, str], bytes]:
    """The largest byte of every bin, over entry points, modes and parameters."""
    largest: dict[tuple[str, str], list[int]] = {}
    for strip in judgement.strips:
        key = f"{strip.function}/{strip.dtype}/{strip.subject}"
        for view in ("all", _VIEW_OF.get(strip.quantity, "value")):
            bins = largest.setdefault((key, view), [0] * len(strip.bins))
            largest[key, view] = [max(pair) for pair in zip(bins, strip.bins, strict=True)]
    return {key: bytes(bins) for key, bins in largest.items()}
