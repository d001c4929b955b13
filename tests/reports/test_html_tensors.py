"""The HTML report about functions of tensors: their sections, the matrix in families, places side by side, and its size."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance import registry
from conformance.judge.message import four_lines
from conformance.judge.records import Convention, Exhibit, Finding, Judgement, Result, Totals, Worst
from conformance.observe.observation import Subject
from conformance.standard import CATALOGUE, TENSOR_FUNCTIONS, rules_of
from tests.reports import sample
from tests.reports.test_html import Reader, data_of

html: Any = importlib.import_module("conformance.reports.html")
embedded: Any = importlib.import_module("conformance.reports.html.embedded")
csv_text = registry.load("conformance.reports.results_csv:text")

BINDINGS = {
    name: [*(adapter := registry.backend(name)).bindings, *adapter.tensor_bindings] for name in registry.BACKENDS
}
SUBJECTS = tuple(Subject(name, name, "default", "cpu", {name: "1.0"}) for name in registry.BACKENDS)

WORST = Worst(
    ("logits = [0.5, -inf]", "labels = 1"), (), "nan", "0x7fc00000", "inf", float("nan"), 4.0, float("nan"), "float32", "eager",
    asked="cross_entropy[2]", index=2, shape=(4,),
)  # fmt: skip
OPTIONS = {"ignore_index": None, "label_smoothing": 0.0, "reduction": "none", "axis": 1}
FINDING = Finding(
    id="c0ffee", function="cross_entropy", rule="cross_entropy.edge", level="MUST", severity="wrong", subject="torch", backend="torch",
    version="2.13.0", entry_points=("torch.nn.functional.cross_entropy",), dtypes=("float32",), modes=("eager",), parameters=OPTIONS,
    region="logits infinite", checked=10, deviating=1, status="new", reason="", link="", message=f"with {sample.HOSTILE}", worst=WORST,
    reproducer="import torch\n",
)  # fmt: skip


def results(names: Sequence[str] = tuple(CATALOGUE)) -> tuple[Result, ...]:
    """One conforming result of every rule and entry point."""
    return tuple(
        Result(
            backend, binding.id, name, rule.id, rule.level.value, {}, "float32", "eager", "anywhere", "conforms", 1, 1
        )
        for name in names
        for backend, several in BINDINGS.items()
        for binding in several
        if binding.function == name
        for rule in rules_of(CATALOGUE[name])
    )


def exhibit(subject: str, observed: str, parameters: Any = (), **more: Any) -> Exhibit:
    base = Exhibit(
        subject, f"{subject}.bce", "binary_cross_entropy", "value", dict(parameters), "float32", "impossible, and it happens", observed, "inf", "conforms",
    )  # fmt: skip
    return replace(base, **more)


EXHIBITS = (
    exhibit("torch", "100.0", {"log_floor": -100.0}, truth="100"),
    exhibit("tensorflow", "16.118095", {"clip": 1e-7}, truth="16.1181", verdict="deviates"),
    exhibit("numpy", "inf"),
)
CONVENTIONS = tuple(
    Convention(subject, f"{subject}.bce", "binary_cross_entropy", "option", option, chosen, customary, ("float32",))
    for subject, option, chosen, customary in (
        ("torch", "reduction", "mean", "none"), ("numpy", "reduction", "none", "none"), ("torch", "clip", "0", "0"), ("numpy", "clip", "0", "0"),
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return Judgement({}, SUBJECTS, Totals(), results(), (FINDING,), exhibits=EXHIBITS, conventions=CONVENTIONS)


def few() -> Judgement:
    """The same about three functions."""
    return Judgement(
        {}, SUBJECTS, Totals(), results(("huber", "binary_cross_entropy", "cross_entropy")), (FINDING,), exhibits=EXHIBITS, conventions=CONVENTIONS
    )  # fmt: skip


@pytest.fixture(scope="module")
def content(judgement: Judgement) -> str:
    made: str = html.page([judgement], BINDINGS)
    return made


def section(content: str, name: str) -> str:
    (found,) = re.findall(rf'<article class="function" id="{name}".*?</article>', content, re.DOTALL)
    return str(found)


def text(markup: str) -> str:
    reader = Reader()
    reader.feed(markup)
    return " ".join("".join(reader.text).split())


def test_every_function_has_a_section_in_the_order_of_the_standard(content: str) -> None:
    assert re.findall(r'<article class="function" id="(\w+)"', content) == list(CATALOGUE)


def test_the_matrix_goes_by_family(content: str) -> None:
    (table,) = re.findall(r'<table class="matrix">.*?</table>', content, re.DOTALL)
    heads = re.findall(r'<tbody class="family"><tr><th[^>]*>(\w+)</th>|<tbody data-function="(\w+)">', table)
    families = [family for family, _ in heads if family]
    assert families == list(dict.fromkeys(function.family for function in CATALOGUE.values()))
    assert [name for _, name in heads if name] == list(CATALOGUE)
    data = data_of(content)
    assert data["of_tensors"] == list(TENSOR_FUNCTIONS)
    assert data["cells"]["huber/float32/torch"]["all"][0] == "conforms"
    # PyTorch has no log_cosh.
    assert data["cells"]["log_cosh/float32/torch"]["all"][0] == "not_asked"
    assert data["cells"]["huber/float32/torch"]["second_derivative"][0] == "not_asked"
    assert data["cells"]["log_cosh/float32/jax"]["second_derivative"][0] == "conforms"


def test_the_section_says_what_to_write_and_what_it_gives_instead(content: str) -> None:
    huber = text(section(content, "huber"))
    assert 'torch.nn.functional.huber_loss(prediction, target, delta=1.0, reduction="none")' in huber
    assert "keras.losses.huber(target, prediction, delta=1.0) gives the mean along the last axis" in huber
    assert "optax.losses.l2_loss(prediction, target) factor is always 0.5 here, and 1 in the standard" in text(
        section(content, "squared_error")
    )
    assert "Not provided by torch" in text(section(content, "log_cosh"))


def test_the_section_has_options_arguments_and_a_picture_where_one_says_something(content: str) -> None:
    huber = section(content, "huber")
    assert huber.count('<svg class="plot"') == 1
    assert "<svg" not in section(content, "circle")
    rows = [text(row) for row in re.findall(r"<tr>.*?</tr>", huber, re.DOTALL)]
    alike = next(row for row in rows if row.startswith("torch.nn.functional.huber_loss"))
    assert "torch.nn.HuberLoss" in alike  # what says the same is one row
    assert "reduction = mean" in alike
    assert "what is predicted; any number" in text(huber)
    assert data_of(content)["places"]["huber"][0] == ["error exactly delta", "prediction = 1.5, target = 0.5"]


def test_rules_know_their_family(content: str) -> None:
    rules = {row[0]: row[5] for row in data_of(content)["rules"]["huber"]}
    assert rules["value"] == rules["reduction.mean"] == "accuracy"
    assert rules["gradient.prediction"] == "gradient"
    assert list(rules) == [rule.name for rule in rules_of(TENSOR_FUNCTIONS["huber"])]


def test_places_stand_in_one_table_whatever_is_clipped(content: str) -> None:
    data = data_of(content)
    (row,) = data["exhibits"]["binary_cross_entropy"]["value/float32/"]
    name, truth, mark, cells = row
    assert (name, truth, mark) == ("impossible, and it happens", "inf", "differ")
    numpy, torch, tensorflow, jax = cells
    assert (numpy, jax) == ("inf", [])
    assert torch == [["100.0", "conforms", ["torch.bce"], "log_floor = -100"]]
    assert tensorflow == [["16.118095", "deviates", ["tensorflow.bce"], "clip = 1e-07"]]


@pytest.mark.parametrize(
    ("one", "other", "mark"),
    [
        ("[0.5, 0.25]", "[0.5, 0.25]", ""), ("[0.5, 0.25]", "[0.5, 0.26]", "digits"), ("[0.5, nan]", "[0.5, 0.25]", "differ"),
        ("5 × nan", "5 × inf", "differ"), ("2 × 0.5", "[0.5, 0.4]", "digits"), ("0.0", "-0.0", "differ"), ("ValueError", "1.0", "differ"),
    ],
)  # fmt: skip
def test_how_answers_differ(one: str, other: str, mark: str) -> None:
    assert embedded._row([exhibit("torch", one), exhibit("numpy", other)], ["numpy", "torch"])[2] == mark


def test_defaults_side_by_side_are_those_that_differ(content: str) -> None:
    shown = text(section(content, "binary_cross_entropy"))
    assert re.search("reduction by default ≠ ?none", shown)
    assert "clip by default" not in shown


def test_a_finding_names_its_arguments_and_its_unusual_options(content: str) -> None:
    (found,) = data_of(content)["findings"]
    assert found["lines"].startswith(
        "asked     cross_entropy[2](logits = [0.5, -inf], labels = 1; axis = 1) in float32"
    )
    assert "conforms  inf\n" in found["lines"]
    assert found["gist"].startswith(
        "cross_entropy[2] = nan, not inf; logits = [0.5, -inf], labels = 1; axis = 1; with "
    )
    assert found["parameters"] == "ignore_index = None, label_smoothing = 0, reduction = none, axis = 1"
    assert found["sentence"]
    assert "<script>alert(1)" not in content


def test_four_lines_about_tensors() -> None:
    silent = replace(
        FINDING, worst=None, rule="cross_entropy.gradient.logits", message="refused", parameters={"reduction": "mean"}
    )
    assert four_lines(silent).startswith(
        "asked     ∂cross_entropy/∂logits(logits, labels; reduction = mean) in float32, eager, of "
    )
    between = replace(FINDING, worst=replace(WORST, truth="-1 to 1"), message="")
    assert "conforms  any number from -1 to 1\n" in four_lines(between)
    underflow = replace(WORST, truth="0 (underflows)", input=("infinity = [1, 2]",))
    assert "conforms  0, because the true value is nearer to zero" in four_lines(replace(FINDING, worst=underflow))
    limit = replace(underflow, input=("logits = [0.5, -inf]",))
    assert "conforms  0\n" in four_lines(replace(FINDING, worst=limit))


def test_inputs_of_several_words_are_told_apart_in_csv(judgement: Judgement) -> None:
    one = replace(judgement.results[0], worst=WORST, parameters=OPTIONS, function="cross_entropy")
    made = csv_text(replace(judgement, results=(one,)))
    assert '"logits = [0.5, -inf]; labels = 1"' in made
    assert '""ignore_index"": null' in made
    assert '""reduction"": ""none""' in made


def test_a_long_script_is_not_cut_in_the_middle() -> None:
    long = replace(FINDING, reproducer="x = 1\n" * 2_000)
    (found,) = data_of(html.page([replace(few(), findings=(long,))], BINDINGS))["findings"]
    assert found["reproducer"] == "# 12,000 characters long; this prints it: nnconform repro RUN c0ffee"


def test_a_report_about_everything_is_light(content: str) -> None:
    assert len(content.encode()) < 1_100_000


def test_findings_give_way_where_a_page_gets_too_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = tuple(
        replace(FINDING, id=f"f{n}", message="", reproducer=hashlib.shake_256(bytes([n])).hexdigest(1500))
        for n in range(100)
    )
    room = len(html.page([replace(few(), findings=noise[:50])], BINDINGS).encode())
    monkeypatch.setattr(html, "LARGEST", room)
    made = html.page([replace(few(), findings=noise)], BINDINGS)
    assert len(made.encode()) <= room
    data = data_of(made)
    assert 40 <= len(data["findings"]) < 60
    assert data["findings_left_out"] == 100 - len(data["findings"])
