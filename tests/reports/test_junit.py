"""JUnit: which of its four states each of ours becomes, and that the counts are those of the cases."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from tests.reports import sample

write = registry.report("junit")


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement()


@pytest.fixture(scope="module")
def root(judgement: Judgement, tmp_path_factory: pytest.TempPathFactory) -> ET.Element:
    return ET.parse(write([judgement], sample.bindings(), tmp_path_factory.mktemp("junit"))).getroot()


def case(root: ET.Element, name: str) -> ET.Element:
    return next(element for element in root.iter("testcase") if element.get("name") == name)


def test_a_case_per_check_and_each_only_once(root: ET.Element, judgement: Judgement) -> None:
    keys = {(r.subject, r.function, r.entry_point, r.rule, r.dtype, r.mode) for r in judgement.results}
    names = Counter((c.get("classname"), c.get("name")) for c in root.iter("testcase"))
    stale = sum(finding.status == "stale" for finding in judgement.findings)
    unable = sum(bool(subject.problem) for subject in judgement.subjects)
    assert len(names) == len(keys) + stale + unable
    assert set(names.values()) == {1}


def test_the_counts_in_the_head_are_those_of_the_cases(root: ET.Element) -> None:
    for element in [root, *root.iter("testsuite")]:
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert element.get(attribute) == str(sum(c.find(tag) is not None for c in cases))


@pytest.mark.parametrize(
    ("name", "tag", "says"),
    [
        ("gelu.value[keras.activations.gelu-float32-graph]", "failure", "has cancelled"),
        ("relu.invariance.bits[torch.relu-float32-eager]", "failure", "bits differ"),
        ("softplus.value[torch.nn.functional.softplus-float64-eager]", "skipped", "expected: a finite threshold"),
        ("softplus.second_derivative[tensorflow.nn.softplus-bfloat16-graph]", "error", "signal 11"),
        ("softplus.second_derivative[tensorflow.nn.softplus-float16-graph]", "error", "timed out: no answer"),
        ("gelu.shape.empty[torch.nn.GELU-float16-eager]", "failure", "RuntimeError"),
        ("gelu.second_derivative[jax.nn.gelu(approximate=False)-float64-eager]", "skipped", "undecided: 2 truths open"),
        (
            "hard_swish.gradient.forward[torch.nn.functional.hardswish-float32-eager]",
            "skipped",
            "not supported: NotImpl",
        ),
        ("relu.inplace[jax.nn.relu-float32-eager]", "skipped", "not provided: jax arrays"),
        ("relu.dtype.supported[torch.relu-float32-eager]", "skipped", "unspecified: support is only recorded"),
        ("could not run", "skipped", "ModuleNotFoundError"),
    ],
)
def test_each_state(root: ET.Element, name: str, tag: str, says: str) -> None:
    found = case(root, name)
    assert [child.tag for child in found] == [tag]
    assert says in (found[0].get("message") or "")


def test_what_conforms_passed(root: ET.Element) -> None:
    assert len(case(root, "gelu.value[torch.nn.functional.gelu-float32-eager]")) == 0


def test_a_failure_has_the_four_lines(root: ET.Element) -> None:
    text = case(root, "gelu.value[keras.activations.gelu-float32-graph]")[0].text or ""
    assert [line[:10].rstrip() for line in text.split("\n")] == ["asked", "came", "conforms", "again"]


def test_a_stale_expectation_fails(root: ET.Element) -> None:
    stale = [c for c in root.iter("testcase") if "expectation-" in (c.get("name") or "")]
    assert [child.tag for c in stale for child in c] == ["failure"]


def test_failures_only_keeps_the_counts(judgement: Judgement, root: ET.Element, tmp_path: Path) -> None:
    short = ET.parse(write([judgement], sample.bindings(), tmp_path, failures_only=True)).getroot()
    assert short.attrib == root.attrib
    cases = list(short.iter("testcase"))
    assert cases
    assert all(c.find("failure") is not None or c.find("error") is not None for c in cases)
    assert len(cases) == int(root.get("failures", "")) + int(root.get("errors", ""))
