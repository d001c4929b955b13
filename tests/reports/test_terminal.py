"""The terminal's text: narrow enough, complete, and the page of a function says how to call it."""

from __future__ import annotations

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from conformance.standard import FUNCTIONS, rules_of
from tests.reports import sample

text_of = registry.load("conformance.reports.terminal:text_of")
summary = registry.load("conformance.reports.terminal:summary")
findings = registry.load("conformance.reports.terminal:findings")
show = registry.load("conformance.reports.terminal:show")
function_page = registry.load("conformance.reports.function_page:function_page")
document = registry.load("conformance.reports.function_page:document")


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement()


@pytest.mark.parametrize("width", [60, 100])
def test_it_keeps_to_the_width(judgement: Judgement, width: int) -> None:
    texts = [summary([judgement]), findings([judgement]), *(show(f, sample.bindings()) for f in FUNCTIONS.values())]
    for content in texts:
        assert max(len(line) for line in text_of(content, width).splitlines()) <= width


def test_the_summary_has_every_subject_with_its_denominator(judgement: Judgement) -> None:
    content = text_of(summary([judgement]), 200)
    assert all(subject.title in content for subject in judgement.subjects)
    conforming = sample.conforming_checks(judgement, "numpy")
    assert f"Conforms in {conforming:,} of {conforming:,} checks." in content
    assert "Could not run: ModuleNotFoundError" in content
    assert "9 findings: 3 wrong, 4 inaccurate, 1 convention, 1 information" in content


def test_findings_by_status(judgement: Judgement) -> None:
    whole = text_of(findings([judgement], run="my.run"), 100)
    assert all(f"nnconform repro my.run {f.id}" in whole for f in judgement.findings if f.status != "stale")
    stale = text_of(findings([judgement], ["stale"]), 100)
    assert stale.startswith("1 finding: 1 inaccurate")
    assert text_of(findings([judgement], ["no such"]), 100) == "No finding that is no such.\n"


def test_markup_in_messages_is_text(judgement: Judgement) -> None:
    assert "\x1b" not in text_of(findings([judgement]), 100)
    # What colours is gone; other control characters leave a mark.
    assert "[31m" not in text_of(findings([judgement]), 300)
    assert "�" in text_of(findings([judgement]), 300)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_page_of_a_function_has_every_rule(name: str) -> None:
    content = text_of(show(FUNCTIONS[name], sample.bindings()), 100)
    assert FUNCTIONS[name].title in content
    for rule in rules_of(FUNCTIONS[name]):
        assert f"{rule.id}  {rule.level.value}\n" in content


def test_what_to_write() -> None:
    calls = {
        spelling.entry_point: spelling.write or spelling.why_not
        for name in ("leaky_relu", "softplus", "relu", "gelu")
        for spelling in function_page(FUNCTIONS[name], sample.bindings()).spellings
    }
    assert calls["tensorflow.nn.leaky_relu"] == "tensorflow.nn.leaky_relu(x, alpha=0.01)"
    assert calls["keras.layers.LeakyReLU"] == "keras.layers.LeakyReLU(negative_slope=0.01)(x)"
    assert calls["torch.nn.functional.softplus"] == 'torch.nn.functional.softplus(x, threshold=float("inf"))'
    assert calls["torch.nn.ReLU(inplace=True)"] == "torch.nn.ReLU(inplace=True)(x)"
    assert calls["jax.nn.gelu(approximate=False)"] == "jax.nn.gelu(x, approximate=False)"
    assert calls["jax.nn.softplus"] == "jax.nn.softplus(x)"


def test_an_entry_point_that_cannot_says_why() -> None:
    fixed = sample.Binding("softplus", "a.softplus", fixed={"beta": 1.0, "threshold": 20.0})
    (spelling,) = function_page(FUNCTIONS["softplus"], {"a": [fixed]}).spellings
    assert spelling.write == ""
    assert spelling.why_not == "threshold is always 20 here, and inf in the standard"


def test_the_page_as_data() -> None:
    page = document(function_page(FUNCTIONS["softplus"], sample.bindings()))
    assert page["schema"] == 1
    assert page["parameters"][1]["default"] == "inf"
    assert [rule["id"] for rule in page["rules"]] == [rule.id for rule in rules_of(FUNCTIONS["softplus"])]


def test_a_backend_without_the_function_is_named() -> None:
    some = {**sample.bindings(), "another": []}
    page = function_page(FUNCTIONS["relu"], some)
    assert "another" in page.not_provided
    assert "numpy" not in page.not_provided
    assert "another  not provided" in text_of(show(FUNCTIONS["relu"], some), 80)
    assert document(page)["not_provided"] == list(page.not_provided)
