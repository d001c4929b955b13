"""The data that the page's script reads: findings, cells of the matrix, tables of special inputs. Compressed JSON.

Knows how to pack it so that it cannot leave its script element, and how much fits. Knows no HTML.
"""

from __future__ import annotations

import base64
import json
import zlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.formats import FORMATS
from conformance.judge.findings import gating
from conformance.judge.message import (
    accepted,
    four_lines,
    quantity_of,
    rule_name,
    sentence_of,
    short,
    spelled,
    ulps,
    unusual,
)
from conformance.judge.records import Exhibit, Finding, Judgement
from conformance.standard import TENSOR_FUNCTIONS, Source

from ..tensor_page import TensorPage, place_of
from ..words import QUANTITY_LABEL, STATES, excess, for_json, plain, script, worst_first
from .matrix import VIEWS, Cell
from .sections import FunctionSection

SCHEMA = 1
EXHIBITS_BUDGET = 200_000
"""Bytes that the tables of special inputs may take, packed; parameters other than the defaults are left out first."""


def embedded(
    judgement: Judgement,
    cells: Mapping[str, Mapping[str, Cell]],
    titles: Mapping[str, str],
    defaults: Mapping[str, Mapping[str, Any]],
    budget: int,
) -> dict[str, Any]:
    """Everything the script needs, as plain data. The findings take `budget` bytes at most."""
    by_turns = _by_turns(judgement.findings)
    fit = _fitting([_finding(finding) for finding in by_turns], max(0, budget))
    return {
        "schema": SCHEMA,
        "subjects": [{"id": subject.id, "title": titles[subject.id]} for subject in judgement.subjects],
        "states": {s.key: {"glyph": s.glyph, "tone": s.tone, "label": s.label} for s in STATES.values()},
        "formats": {name: {"precision": f.precision, "emax": f.emax} for name, f in FORMATS.items()},
        "findings": [_finding(finding) for finding in sorted(by_turns[:fit], key=worst_first)],
        "findings_left_out": len(by_turns) - fit,
        "of_tensors": [name for name in defaults if name in TENSOR_FUNCTIONS],
        "cells": {key: _views(views) for key, views in cells.items()},
        **_exhibits(judgement, defaults),
    }


def rules(sections: Sequence[FunctionSection]) -> dict[str, Any]:
    """The rules of every function: `[name, level, sentence, source's number, [[state, words] by subject], family]`, sources once."""
    sources: dict[Source, int] = {}
    tables: dict[str, list[Any]] = {}
    for section in sections:
        tables[section.page.function.name] = [
            [
                row.rule.name,
                row.rule.level.value,
                row.rule.sentence,
                -1 if row.rule.source is None else sources.setdefault(row.rule.source, len(sources)),
                row.states,
                row.rule.family.value,
            ]
            for row in section.rules
        ]
    return {"rules": tables, "sources": [[source.title, source.link] for source in sources]}


def places(sections: Sequence[FunctionSection]) -> dict[str, Any]:
    """What stands at the places that functions of tensors declare for themselves: `[name, numbers]` by function."""
    return {
        "places": {
            section.page.function.name: [[edge.name, place_of(edge)] for edge in section.page.function.edges]
            for section in sections
            if isinstance(section.page, TensorPage)
        }
    }


def packed(data: Any) -> str:
    """JSON (NaN as a string), compressed with zlib, in base64: a sixth of its size, and nothing in it is HTML."""
    text = json.dumps(for_json(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def _by_turns(findings: Iterable[Finding]) -> list[Finding]:
    """First what breaks a gate; then the worst of every function and severity, the next of each, and so on: what does not fit has
    its like on the page."""
    turn: Counter[tuple[str, str]] = Counter()
    ranked = []
    for finding in sorted(findings, key=worst_first):
        turn[finding.function, finding.severity] += 1
        ranked.append((0 if gating([finding]) else turn[finding.function, finding.severity], finding))
    return [finding for _, finding in sorted(ranked, key=lambda one: one[0])]


def _fitting(records: Sequence[Any], budget: int) -> int:
    """How many of the records, from the first, fit into so many bytes when they are packed together."""
    if len(packed(records)) <= budget:
        return len(records)
    # Packing more never takes less, so the place to stop can be bisected.
    return bisect_right(range(1, len(records) + 1), budget, key=lambda number: len(packed(records[:number])))


def _finding(finding: Finding) -> dict[str, Any]:
    worst = finding.worst
    return {
        "id": plain(finding.id),
        "function": finding.function,
        "rule": rule_name(finding),
        "level": finding.level,
        "severity": finding.severity,
        "status": finding.status,
        "subject": finding.subject,
        "entry_points": finding.entry_points,
        "dtypes": finding.dtypes,
        "modes": finding.modes,
        "parameters": spelled(finding.parameters),
        "region": plain(finding.region),
        "checked": finding.checked,
        "deviating": finding.deviating,
        "message": plain(finding.message),
        "gist": gist(finding),
        "reason": plain(finding.reason),
        # Any other scheme (javascript:) would be something to run.
        "link": finding.link if finding.link.startswith(("https://", "http://")) else "",
        "sentence": sentence_of(finding.function, rule_name(finding)),
        "lines": four_lines(finding),
        "error": f"{ulps(worst.ulp)} ULP" if worst and excess(finding) not in (0.0,) and worst.ulp == worst.ulp else "",
        "worst": None
        if worst is None
        else {
            "input": worst.input,
            "input_bits": worst.input_bits,
            "observed": plain(worst.observed),
            "observed_bits": worst.observed_bits,
            "truth": plain(worst.truth),
            "accepted": accepted(worst),
            "ulp": f"{ulps(worst.ulp)} ULP" if worst.ulp == worst.ulp else "no number",
            "absolute": short(worst.absolute_error),
            "dtype": worst.dtype,
            "mode": worst.mode,
        },
        "reproducer": script(finding),
    }


def gist(finding: Finding) -> str:
    """A few words for the line of a finding: what came and what is true, or its message, or both."""
    worst, rule = finding.worst, rule_name(finding)
    if worst is None:
        return plain(finding.message)
    if finding.message and rule.startswith("invariance."):
        # Its truth is what another call gave, and the message says that.
        given = ", ".join(worst.input)
        return plain(
            f"{worst.observed} for {given if finding.function in TENSOR_FUNCTIONS else f'x = {given}'}: {finding.message}"
        )
    if (
        finding.message
        and not rule.startswith("gradient.")
        and not (finding.function in TENSOR_FUNCTIONS and worst.truth)
    ):
        return plain(finding.message)
    told = unusual(finding.function, finding.parameters)
    argument = "; ".join([", ".join(worst.input), *([spelled(told)] if told else [])])
    if finding.function in TENSOR_FUNCTIONS:
        # What came stands first: the arguments are long, and may be cut off.
        said = [f"{worst.asked or finding.function} = {worst.observed}, not {worst.truth}", argument, finding.message]
        return plain("; ".join(part for part in said if part))
    marks = {"value": "", "gradient": "′", "forward_gradient": "′", "second_derivative": "″"}
    name = ("f" if finding.function == "*" else finding.function) + marks[quantity_of(rule)]
    came = f"{name}({argument}) = {worst.observed}, "
    # The truth of a zero is written without its sign.
    came += "which has the other sign" if rule == "signed_zero" else f"not {worst.truth}"
    return plain(f"{came}; {finding.message}" if finding.message else came)


def _views(views: Mapping[str, Cell]) -> dict[str, Any]:
    """A cell as the script reads it: `[state, worst, title, strip]` by view."""
    return {view: [views[view].state, views[view].worst, views[view].title, views[view].strip] for view in VIEWS}


def _exhibits(judgement: Judgement, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Tables by function: `{"exhibits": {function: {table: rows}}, "exhibits_left_out": n}`.

    A table's name is `quantity/dtype/parameters`; a row is [input, truth, mark, cells by subject]; a cell is the text that
    all entry points gave, or a list of [text, verdict, entry points]. Of functions of tensors there is one table for all
    parameters: losses of the same name that clip differently are what a reader compares. An item of a cell has a fourth part
    there, the parameters that are not the standard's defaults, and the truth is that for the defaults.
    """
    grouped: dict[str, dict[tuple[str, str, str], dict[str, list[Exhibit]]]] = defaultdict(dict)
    for exhibit in judgement.exhibits:
        parameters = "" if exhibit.function in TENSOR_FUNCTIONS else spelled(exhibit.parameters)
        table = (exhibit.quantity, exhibit.dtype, parameters)
        grouped[exhibit.function].setdefault(table, {}).setdefault(exhibit.input, []).append(exhibit)
    subjects = [subject.id for subject in judgement.subjects]
    order = {name: place for place, name in enumerate(FORMATS)}
    shown: dict[str, dict[str, Any]] = {name: {} for name in grouped}
    tables = [(name, table, rows) for name, several in grouped.items() for table, rows in several.items()]
    usual = {name: "" if name in TENSOR_FUNCTIONS else spelled(values) for name, values in defaults.items()}
    quantities = list(QUANTITY_LABEL)

    def place(item: tuple[str, tuple[str, str, str], Any]) -> tuple[Any, ...]:
        name, (quantity, dtype, parameters), _ = item
        # float32 first: it is what most people compute in.
        rank = quantities.index(quantity) if quantity in quantities else len(quantities)
        return (parameters != usual.get(name, ""), rank, dtype != "float32", order.get(dtype, len(order)), parameters)

    made = [
        (name, "/".join(table), [_row(entered, subjects) for entered in rows.values()])
        for name, table, rows in sorted(tables, key=place)
    ]
    fit = _fitting(made, EXHIBITS_BUDGET)
    for name, title, rows in made[:fit]:
        shown[name][title] = rows
    return {"exhibits": shown, "exhibits_left_out": len(made) - fit, "quantities": QUANTITY_LABEL}


def _row(entered: list[Exhibit], subjects: list[str]) -> list[Any]:
    of_tensors = entered[0].function in TENSOR_FUNCTIONS
    cells: list[Any] = []
    for subject in subjects:
        given: dict[tuple[str, str, str], list[str]] = {}
        for exhibit in entered:
            if exhibit.subject == subject:
                told = spelled(exhibit.parameters) if of_tensors else ""
                given.setdefault((plain(exhibit.observed, 80), exhibit.verdict, told), []).append(exhibit.entry_point)
        several = [
            [observed, verdict, names, *([told] if told else [])] for (observed, verdict, told), names in given.items()
        ]
        plainly = len(several) == 1 and several[0][1] == "conforms" and len(several[0]) == 3
        cells.append(several[0][0] if plainly else several)
    kinds = {_kind(exhibit.observed) for exhibit in entered}
    values = {exhibit.observed for exhibit in entered}
    mark = "differ" if len(kinds) > 1 else "digits" if len(values) > 1 else ""
    truth = next((e.truth for e in entered if not e.parameters), entered[0].truth) if of_tensors else entered[0].truth
    return [entered[0].input, plain(truth, 80), mark, cells]


def _kind(observed: str) -> tuple[str, ...]:
    """The class of a number, of each number in `[0.5, nan]` or `5 × nan`: NaN, an infinity, a zero with its sign, finite; or the
    text itself, such as an error's name."""
    count, times, one = observed.partition(" × ")
    if times and count.isdecimal():
        return (_kind_of_one(one),) * int(count)
    return tuple(_kind_of_one(one) for one in observed.removeprefix("[").removesuffix("]").split(", "))


def _kind_of_one(observed: str) -> str:
    try:
        number = float(observed)
    except ValueError:
        return observed
    if number != number:
        return "nan"
    return repr(number) if number in (0.0, float("inf"), float("-inf")) else "finite"
