"""Findings and results as data: the schemas of the contract, and that any JSON reader can read them."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.judge.records import Judgement, Totals
from tests.reports import sample

write_findings = registry.load("conformance.reports.findings_json:write")
document = registry.load("conformance.reports.findings_json:document")
write_results = registry.load("conformance.reports.results_json:write")
write_csv = registry.load("conformance.reports.results_csv:write")

KEYS = {
    "": "schema environment subjects totals findings",
    "subjects": "id backend versions device configuration",
    "totals": "comparisons vacuous conforms deviates unspecified undecided not_provided not_supported raised crashed"
    " timed_out could_not_run expected",
    "findings": "id function rule level severity subject backend version entry_points dtypes modes parameters region checked"
    " deviating status reason link message worst reproducer cause kind",
    "worst": "input input_bits observed observed_bits truth ulp absolute_error dtype mode",
}
"""The contract of the command line, schema 1."""


def strict(text: str) -> Any:
    """JSON as a strict reader reads it: `NaN` and `Infinity` are errors."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"not JSON: {constant}")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement()


def test_the_keys_are_those_of_the_contract(judgement: Judgement, tmp_path: Path) -> None:
    path = write_findings([judgement], sample.bindings(), tmp_path / "new folder")
    read = strict(path.read_text(encoding="utf-8"))
    assert list(read) == KEYS[""].split()
    assert read["schema"] == 1
    assert list(read["totals"]) == KEYS["totals"].split() == [field.name for field in fields(Totals)]
    assert len(read["subjects"]) == len(judgement.subjects)
    assert len(read["findings"]) == len(judgement.findings)
    for record in read["subjects"]:
        assert list(record) == KEYS["subjects"].split()
    for record in read["findings"]:
        assert list(record) == KEYS["findings"].split()
        assert record["worst"] is None or list(record["worst"]) == KEYS["worst"].split()


def test_numbers_that_json_cannot_hold_are_strings(judgement: Judgement) -> None:
    read = {record["rule"]: record for record in document(judgement)["findings"]}
    assert read["gradient.nan"]["worst"]["ulp"] == "nan"
    assert read["kink.-3"]["worst"]["ulp"] == "inf"
    assert read["gradient.nan"]["parameters"] == {"beta": 1.0, "threshold": "inf"}
    assert document(judgement)["environment"]["seconds"] == "inf"
    large = replace(judgement, totals=replace(judgement.totals, comparisons=2**60))
    assert document(large)["totals"]["comparisons"] == str(2**60)


def test_worst_first_and_by_status(judgement: Judgement) -> None:
    order = [(record["status"], record["severity"]) for record in document(judgement)["findings"]]
    assert order[0] == ("new", "wrong")
    assert order[-1] == ("expected", "inaccurate")
    assert {record["status"] for record in document(judgement, ["stale"])["findings"]} == {"stale"}


def test_hostile_text_arrives_as_it_was(judgement: Judgement) -> None:
    record = next(r for r in document(judgement)["findings"] if r["rule"] == "errors.parameter_type")
    assert sample.HOSTILE in record["message"]


def test_results_as_json_and_csv_say_the_same(judgement: Judgement, tmp_path: Path) -> None:
    few = replace(judgement, results=judgement.results[:60] + judgement.results[-60:])
    read = strict(write_results([few], {}, tmp_path).read_text(encoding="utf-8"))
    assert read["schema"] == 1
    assert len(read["results"]) == 120
    with write_csv([few], {}, tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    for record, row in zip(read["results"], rows, strict=True):
        assert all(
            str(record[name]) == row[name] for name in ("subject", "entry_point", "rule", "dtype", "outcome", "case")
        )
        assert json.loads(row["parameters"]) == record["parameters"]
        assert int(row["within_4_ulp"]) == record["grades"]["within_4_ulp"]
        if record["worst"]:
            assert float(row["worst_ulp"]) == pytest.approx(float(record["worst"]["ulp"]), nan_ok=True)
            assert row["worst_input"] == " ".join(record["worst"]["input"])
            assert record["worst"]["bar"] == 4.5


def test_a_spreadsheet_runs_no_formula(judgement: Judgement) -> None:
    rows = registry.load("conformance.reports.results_csv:text")(
        replace(judgement, results=(replace(judgement.results[0], message="=HYPERLINK(1)"),))
    )
    assert next(csv.DictReader(io.StringIO(rows)))["message"] == "'=HYPERLINK(1)"


def test_several_runs_side_by_side(judgement: Judgement) -> None:
    combine = registry.load("conformance.reports.checks:combine")
    newer = replace(
        judgement, subjects=tuple(replace(s, versions={**s.versions, s.backend: "99"}) for s in judgement.subjects[:2])
    )
    both = combine([judgement, newer])
    ids = [subject.id for subject in both.subjects]
    assert len(set(ids)) == len(ids)
    assert {"torch 2.13.0+cpu", "torch 99", "jax"} <= set(ids)
    assert both.totals.comparisons == 2 * judgement.totals.comparisons
    assert {result.subject for result in both.results} <= set(ids) | {s.id for s in judgement.subjects}
    twice = combine([judgement, judgement])
    assert {"torch (run 1)", "torch (run 2)"} <= {subject.id for subject in twice.subjects}
    assert math.isclose(len(twice.findings), 2 * len(judgement.findings))


def test_numpy_numbers_are_numbers() -> None:
    for_json = registry.load("conformance.reports.words:for_json")
    assert for_json({"a": np.int64(5), "b": np.float32(0.5), "c": np.float64(math.inf), "d": True}) == {
        "a": 5,
        "b": 0.5,
        "c": "inf",
        "d": True,
    }
