"""The HTML file as text: what is in it, that it asks for nothing from outside, and that hostile text stays text."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from conformance.standard import FUNCTIONS, rules_of
from tests.reports import sample

write = registry.report("html")
page = registry.load("conformance.reports.html:page")
html: Any = importlib.import_module("conformance.reports.html")
embedded: Any = importlib.import_module("conformance.reports.html.embedded")


class Reader(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement(tuple(FUNCTIONS))


@pytest.fixture(scope="module")
def small() -> Judgement:
    """Of few functions, for what is about one of them: a page of all takes a second."""
    return sample.judgement()


@pytest.fixture(scope="module")
def content(judgement: Judgement) -> str:
    made: str = page([judgement], sample.bindings())
    return made


@pytest.fixture(scope="module")
def read(content: str) -> Reader:
    reader = Reader()
    reader.feed(content)
    return reader


def data_of(content: str) -> Any:
    found = re.findall(r'<script type="text/plain" id="data">(.*?)</script>', content, re.DOTALL)
    assert len(found) == 1
    # Base64 and nothing else: whatever is in the data, no character of it can be HTML.
    unpacked = zlib.decompress(base64.b64decode(found[0], validate=True))
    return json.loads(unpacked, parse_constant=lambda name: pytest.fail(f"not JSON: {name}"))


def test_it_is_one_small_file(content: str, small: Judgement, tmp_path: Path) -> None:
    assert len(content.encode()) < 1_500_000
    path = write([small], sample.bindings(), tmp_path / "made")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    assert path.read_text(encoding="utf-8") == page([small], sample.bindings())


def test_it_loads_nothing(read: Reader) -> None:
    for tag, attributes in read.tags:
        assert tag not in ("iframe", "object", "embed", "img", "base")
        assert "src" not in attributes
        assert attributes.get("type") != "module"
        if tag == "link":
            assert attributes["href"] == "data:,"


def test_two_scripts_and_no_more(read: Reader) -> None:
    assert [attributes for tag, attributes in read.tags if tag == "script"] == [
        {"type": "text/plain", "id": "data"},
        {},
    ]
    assert not [a for _, attributes in read.tags for a in attributes if a.startswith("on") or a == "style"]


def test_the_policy_names_the_script_and_the_style(content: str, read: Reader) -> None:
    policy = next(a["content"] for tag, a in read.tags if tag == "meta" and "http-equiv" in a) or ""
    for kind, pattern in (("script", r"<script>(.*?)</script>"), ("style", r"<style>(.*?)</style>")):
        (body,) = re.findall(pattern, content, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_hostile_text_is_shown_and_not_run(read: Reader) -> None:
    shown = "".join(read.text)
    assert "<script>alert(1)</script></script><img src=x onerror=alert(2)>" in shown
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", shown)
    links = [a["href"] or "" for tag, a in read.tags if tag == "a" and "href" in a]
    assert links
    assert all(link.startswith(("#", "https://", "http://")) for link in links)


def test_links_of_expectations_are_web_links(content: str) -> None:
    links = {finding["status"]: finding["link"] for finding in data_of(content)["findings"]}
    assert links["expected"] == "https://example.org/issue/1"
    assert links["stale"] == ""


def test_every_place_that_is_linked_exists(read: Reader) -> None:
    ids = [attributes["id"] for _, attributes in read.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for tag, attributes in read.tags:
        href = attributes.get("href") or ""
        if tag == "a" and href.startswith("#"):
            assert href[1:].partition("?")[0] in ids


def test_every_subject_function_and_rule_is_there(content: str, read: Reader, judgement: Judgement) -> None:
    shown = "".join(read.text)
    assert all(subject.title in shown for subject in judgement.subjects)
    conforming = sample.conforming_checks(judgement, "numpy")
    assert f"{conforming:,} of {conforming:,} checks conform" in shown
    data = data_of(content)
    for function in FUNCTIONS.values():
        assert function.title in shown
        assert function.formula in shown
        assert [row[0] for row in data["rules"][function.name]] == [rule.name for rule in rules_of(function)]
    assert "no such entry point" in shown


def test_findings_are_complete_and_worst_first(content: str, judgement: Judgement) -> None:
    data = data_of(content)
    assert {finding["id"] for finding in data["findings"]} == {finding.id for finding in judgement.findings}
    assert data["findings"][0]["severity"] == "wrong"
    assert all(finding["lines"].count("\n") == 3 for finding in data["findings"])


def test_the_line_of_a_finding_says_what_came(judgement: Judgement) -> None:
    found = next(f for f in judgement.findings if f.function == "gelu" and f.worst)
    worst = found.worst
    assert worst is not None
    came = f"({worst.input[0]}) = {worst.observed}, not {worst.truth}"
    lines = {
        ("gelu.value", ""): f"gelu{came}",
        ("gelu.gradient.cotangent", "with the cotangent 8"): f"gelu′{came}; with the cotangent 8",
        ("gelu.invariance.layout", "it is 0"): f"{worst.observed} for x = {worst.input[0]}: it is 0",
        ("gelu.property.range", "gelu(1) = 2"): "gelu(1) = 2",
        ("gelu.signed_zero", ""): f"gelu({worst.input[0]}) = {worst.observed}, which has the other sign",
    }
    for (rule, message), line in lines.items():
        assert embedded.gist(replace(found, rule=rule, message=message)) == line
    assert embedded.gist(replace(found, worst=None, message="refused nothing")) == "refused nothing"
    leaky = replace(found, function="leaky_relu", rule="leaky_relu.value", message="", parameters={"slope": 0.01})
    assert embedded.gist(leaky).startswith(f"leaky_relu({worst.input[0]}) = ")
    assert embedded.gist(replace(leaky, parameters={"slope": 0.0})).startswith(
        f"leaky_relu({worst.input[0]}; slope = 0) = "
    )


def test_the_matrix_has_a_state_for_every_cell(content: str, judgement: Judgement, read: Reader) -> None:
    cells = data_of(content)["cells"]
    assert len(cells) == len(FUNCTIONS) * 4 * len(judgement.subjects)
    states = {key: views["all"][0] for key, views in cells.items()}
    assert states["gelu/float32/tensorflow"] == "wrong"
    assert states["gelu/float32/jax"] == "inaccurate"
    assert states["softplus/float64/torch"] == "expected"
    assert states["softplus/bfloat16/tensorflow"] == "crashed"
    assert states["gelu/float64/jax-x64"] == "undecided"
    assert states["sigmoid/float64/jax"] == "not_asked"
    assert states["relu/float16/toy"] == "could_not_run"
    assert states["relu/float16/numpy"] == "conforms"
    assert cells["relu/float16/numpy"]["gradient"][0] == "not_supported"
    assert cells["gelu/float32/tensorflow"]["value"][1] == "8.4e6"
    # In the file a cell has its words; the script makes it a link, with the title.
    (table,) = re.findall(r'<table class="matrix">.*?</table>', content, re.DOTALL)
    assert len(re.findall("<td>. [a-z]", table)) == len(cells)
    assert all(title for views in cells.values() for _, _, title, _ in views.values())


def test_a_strip_is_the_largest_of_its_entry_points(small: Judgement) -> None:
    bright, dark = (
        replace(small.strips[0], entry_point=name, bins=bytes(bins))
        for name, bins in (("a", [1, 9, 0, 5]), ("b", [2, 3, 0, 255]))
    )
    data = data_of(page([replace(small, strips=(bright, dark))], sample.bindings()))
    key = f"{bright.function}/{bright.dtype}/{bright.subject}"
    assert list(base64.b64decode(data["cells"][key]["value"][3])) == [2, 9, 0, 255]


def test_special_inputs_side_by_side(content: str) -> None:
    data = data_of(content)
    columns = [subject["id"] for subject in data["subjects"]]
    table = {row[0]: row for row in data["exhibits"]["softplus"]["gradient/float32/beta = 1, threshold = inf"]}
    input_, truth, mark, cells = table["nan"]
    assert (input_, truth, mark) == ("nan", "nan", "differ")
    assert cells[columns.index("jax")] == [["1.0", "deviates", ["jax.nn.softplus"]]]
    assert cells[columns.index("torch")] == "nan"
    assert cells[columns.index("toy")] == []
    assert table["0.5"][2] == ""


def test_what_does_not_fit_is_left_out_and_said(
    judgement: Judgement, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = len(content.encode()) + 60_000
    monkeypatch.setattr(html, "LARGEST", room)
    # Noise, because anything else would be compressed into almost nothing.
    noise = [hashlib.shake_256(bytes([n])).hexdigest(1500) for n in range(50)]
    first = replace(judgement.findings[0], severity="wrong", level="MUST", status="expected")
    alike = [replace(first, id=f"f{n}", reproducer=text) for n, text in enumerate(noise)]
    less = replace(first, id="less", severity="inaccurate")
    gates = replace(less, id="gates", status="new")
    made = page([replace(judgement, findings=(*alike, less, gates))], sample.bindings())
    data = data_of(made)
    assert room - 10_000 < len(made.encode()) <= room
    kept = len(data["findings"]) - 2
    assert 0 < kept < len(noise)
    # Of every function and severity the worst stay, and whatever breaks a gate; these come first.
    assert data["findings"][0]["id"] == "gates"
    assert data["findings"][-1]["id"] == "less"
    assert data["findings_left_out"] == len(noise) - kept
    said = f"{len(noise) - kept} of them, the less severe of every function, are not on this page"
    assert said in " ".join(made.split())


def test_left_out_tables_are_those_of_unusual_parameters(small: Judgement, monkeypatch: pytest.MonkeyPatch) -> None:
    exhibits = data_of(page([small], sample.bindings()))["exhibits"]
    assert exhibits
    unusual = tuple(
        replace(e, parameters={"beta": float(n), "threshold": 20.0}, truth=hashlib.sha256(bytes([n])).hexdigest())
        for n in range(2, 100)
        for e in small.exhibits[:1]
    )
    monkeypatch.setattr(embedded, "EXHIBITS_BUDGET", 4_000)
    data = data_of(page([replace(small, exhibits=unusual + small.exhibits)], sample.bindings()))
    assert 0 < data["exhibits_left_out"] < len(unusual)
    for name, tables in exhibits.items():
        assert set(tables) <= set(data["exhibits"][name])


def test_no_run_at_all_is_a_page_too(judgement: Judgement) -> None:
    empty = replace(
        judgement, results=(), findings=(), strips=(), exhibits=(), conventions=(), subjects=judgement.subjects[-1:]
    )
    assert "could not run" in page([empty], {})


def test_colours_have_enough_contrast() -> None:
    """WCAG 2.2, 1.4.3: text in every tone has a contrast of at least 4.5 with each background, light and dark."""
    style = registry.load("conformance.reports.html.shell:style")()
    for scheme in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme))
        for text in ("ink", "muted", "good", "warn", "bad", "note", "quiet"):
            for ground in ("paper", "card", "wash"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground, scheme)


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
