"""What comes out: the same every time, in the keys that are promised, restricted to what was selected, and harmless."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from conformance.judge.records import Totals
from conformance.observe.runfile import RunFile

from .command import PLUG_INS, SMALL, Shell, observed

# As design.md spells them.
DOCUMENT = ["schema", "environment", "subjects", "totals", "findings"]
SUBJECT = {"id", "backend", "versions", "device", "configuration"}
TOTALS = {
    "comparisons", "vacuous", "conforms", "deviates", "unspecified", "undecided", "not_provided", "not_supported", "raised",
    "crashed", "timed_out", "could_not_run", "expected",
}  # fmt: skip
FINDING = {
    "id", "function", "rule", "level", "severity", "subject", "backend", "version", "entry_points", "dtypes", "modes",
    "parameters", "region", "checked", "deviating", "status", "reason", "link", "message", "worst", "reproducer",
    "cause", "kind",
}  # fmt: skip
WORST = {
    "input", "input_bits", "observed", "observed_bits", "truth", "ulp", "absolute_error", "dtype", "mode",
}  # fmt: skip


def _strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_two_runs_give_the_same_bits_and_the_same_findings(nnconform: Shell) -> None:
    documents: list[Any] = []
    for name in ("first", "second"):
        nnconform("run", f"{PLUG_INS}:Off", "numpy", *SMALL, "--out", name, "--jobs", len(documents) + 1, plug_ins=True)
        documents.append(_strict(nnconform("findings", name, "--format", "json").out))
    first, second = (observed(nnconform.folder / name) for name in ("first", "second"))
    assert first == second
    assert len(first) > 50
    for document in documents:
        document.pop("environment")
    assert documents[0] == documents[1]
    assert documents[0]["findings"]
    assert nnconform("results", "first").out == nnconform("results", "second").out


def test_findings_json_has_the_keys_that_are_promised(nnconform: Shell) -> None:
    nnconform("run", f"{PLUG_INS}:Off", f"{PLUG_INS}:Absent", *SMALL, plug_ins=True)
    document = _strict(nnconform("findings", "run.nnconform", "--format", "json").out)
    assert list(document) == DOCUMENT
    assert document["schema"] == 1
    assert [subject.keys() for subject in document["subjects"]] == [SUBJECT, SUBJECT]
    assert document["totals"].keys() == TOTALS == set(Totals.__dataclass_fields__)
    assert all(finding.keys() == FINDING for finding in document["findings"])
    worst = [finding["worst"] for finding in document["findings"] if finding["worst"]]
    assert worst
    assert all(one.keys() == WORST for one in worst)
    assert document["totals"]["deviates"] > 0
    assert document["totals"]["could_not_run"] > 0
    one = next(finding for finding in document["findings"] if finding["rule"] == "relu.value")
    assert one["backend"] == "off"
    assert one["dtypes"] == ["float32"]
    only = _strict(nnconform("findings", "run.nnconform", "--format", "json", "--status", "expected").out)
    assert only["findings"] == []


def test_report_writes_every_format(nnconform: Shell, hostile_run: Path) -> None:
    done = nnconform("report", hostile_run, "--format", "html,markdown,json,junit,csv", "--out", "out")
    assert done.code == 0, done.err
    written = dict(line.split(": ", 1) for line in done.out.splitlines())
    assert list(written) == ["html", "markdown", "json", "junit", "csv"]
    texts = {name: (nnconform.folder / path).read_text() for name, path in written.items()}
    assert texts["html"].lstrip().lower().startswith("<!doctype html>")
    assert _strict(texts["json"])["findings"]
    assert ElementTree.fromstring(texts["junit"]).tag == "testsuites"
    assert len(list(csv.DictReader(io.StringIO(texts["csv"])))) > 50
    assert texts["markdown"].startswith("#")


def test_what_a_plug_in_says_is_shown_and_never_obeyed(nnconform: Shell, hostile_run: Path) -> None:
    """The plug-in can't be imported here, as on the machine of somebody who was sent the run file."""
    assert nnconform("report", hostile_run, "--format", "html,markdown").code == 0
    html = (nnconform.folder / "nnconform-report/report.html").read_text()
    assert "alert(" in html, "the message is shown"
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("</script>") == html.count("<script")
    text = nnconform("findings", hostile_run).out
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


# options, what every case then is, what every rule of the results then is
FILTERS = [
    (("--dtypes", "float64"), lambda case: case.dtype == "float64", lambda rule: True),
    (("--dtypes", "int32"), lambda case: case.dtype == "int32", lambda rule: rule == "relu.dtype.integer"),
    (("--rules", "relu.value"), lambda case: case.topic == "lattice", lambda rule: rule == "relu.value"),
    (("--rules", "errors"), lambda case: case.topic == "error", lambda rule: rule.startswith("relu.errors.")),
    (("--rules", "kink,purity"), lambda case: case.topic in ("lattice", "purity"), lambda rule: rule.split(".")[1] in ("kink", "purity")),
    (("--rules", "sigmoid.value,inplace"), lambda case: case.topic == "purity", lambda rule: rule == "relu.inplace"),
    (("--modes", "eager,compiled"), lambda case: case.mode == "eager", lambda rule: True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "asked", "told"), FILTERS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None
)
def test_a_filter_restricts_what_is_asked_and_what_is_reported(
    options: tuple[str, ...], asked: Any, told: Any, nnconform: Shell
) -> None:  # fmt: skip
    done = nnconform(
        "run",
        "numpy",
        "--functions",
        "relu",
        *options,
        ("--rules" not in options and "--tier=quick") or "--tier=default",
    )
    assert done.code == 0, done
    with RunFile.open(nnconform.folder / "run.nnconform") as run_file:
        cases = [observation.case for observation in run_file.observations("numpy")]
    assert cases
    assert all(asked(case) for case in cases)
    rows = list(csv.DictReader(io.StringIO(nnconform("results", "run.nnconform").out)))
    assert all(told(row["rule"]) for row in rows)
    assert rows or "inplace" in options[1], "numpy has no in-place forms"


def test_rules_of_one_function_ask_no_other(nnconform: Shell) -> None:
    assert nnconform("run", "numpy", "--rules", "relu.value", "--tier", "quick").code == 0
    with RunFile.open(nnconform.folder / "run.nnconform") as run_file:
        assert {observation.case.function for observation in run_file.observations("numpy")} == {"relu"}


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "tensorflow", "jax"])
def test_a_real_framework_goes_the_whole_way(framework: str, nnconform: Shell) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed here")
    done = nnconform("run", framework, *SMALL, "--rules", "value,kink,errors")
    assert done.code in (0, 1), done.err
    document = _strict(nnconform("findings", "run.nnconform", "--format", "json").out)
    assert document["totals"]["comparisons"] > 10_000
    assert document["totals"]["could_not_run"] == document["totals"]["crashed"] == document["totals"]["undecided"] == 0
    assert document["subjects"][0]["versions"][framework]
    for finding in document["findings"]:
        script = nnconform("repro", "run.nnconform", finding["id"])
        assert script.code in (0, 2)
