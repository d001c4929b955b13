"""Reports of a comparison: text that keeps to its width, JSON that any reader takes, Markdown within its budget, HTML that runs nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from conformance import registry
from conformance.judge.comparison.changes import KINDS, Change, Comparison, Moved, Names, Pair, Place, Seen
from conformance.observe.observation import Subject

text_of = registry.load("conformance.reports.terminal:text_of")
comparison = registry.load("conformance.reports.compare.text:comparison")
document = registry.load("conformance.reports.compare.comparison_json:document")
json_text = registry.load("conformance.reports.compare.comparison_json:text")
markdown = registry.load("conformance.reports.compare.markdown:text")
page = registry.load("conformance.reports.compare.html:page")
words = registry.load("conformance.reports.compare.words:MARKS")

HOSTILE = "<script>alert(1)</script> [bold]| `x` \x1b[31m"

OLD = Subject("jax", "jax", "default", "cpu", {"jax": "0.4.30", "optax": "0.1.9"})
PAIR = Pair("jax", OLD, replace(OLD, versions={"jax": "0.10.2", "optax": "0.2.8"}), 120, 100, 3, 4, 2)
PLACE = Place(
    "value", "x < -5", "float32", "eager", {}, "jax.nn.gelu", ("-5.5",), ("0xc0b00000",), "-1.0444e-07",
    Seen("returned", "conforms", "-1.0444e-07", "0xb3e04b9f", 0.5), Seen("returned", "deviates", "-0.0", "0x80000000", 1.2e7), 40, 7,
)  # fmt: skip
GELU = Change(
    "aaaaaaaaaaaa", "worse", "jax", ("jax", "jax-x64"), "gelu", ("gelu",), ("value", "gradient"), ("jax.nn.gelu",), ("float32",), ("eager", "compiled"),
    ("x < -5", "x > 0"), "wrong", "at x = -5.5: -0.0, and was -1.0444e-07 (x < -5)", (PLACE, replace(PLACE, rule="gradient", region="x > 0")),
    Moved(4096, 12, math.inf, -9.5, math.nan, PLACE, (0.5, 1.5)), 9,
)  # fmt: skip
WIDE = replace(
    GELU, id="bbbbbbbbbbbb", kind="bits", function="*", functions=("relu", "gelu", "softmax"), severity="information", message="other bits for 3 of 9 numbers"
)  # fmt: skip
RAISED = replace(
    GELU, id="cccccccccccc", kind="error changed", message=HOSTILE, places=(replace(PLACE, new=Seen("raised", message=HOSTILE)),), bits=None, notes=(HOSTILE,)
)  # fmt: skip
COMPARISON = Comparison(
    "old.nnconform", "new.nnconform", (PAIR,), (), (), ("jax: the processor was A and is B.",), (GELU, RAISED, WIDE),
    (Names("jax", "jax.nn", ("mish", HOSTILE), ("gone",)),), {"jax": ("relu", "gelu", "softmax", "tanh")},
)  # fmt: skip
NOTHING = replace(COMPARISON, changes=(), names=(), unlike=(), subjects=(replace(PAIR, equal=120, messages=0),))


@pytest.mark.parametrize("width", [60, 100])
def test_text_keeps_to_the_width(width: int) -> None:
    content = text_of(comparison(COMPARISON), width)
    assert max(map(len, content.splitlines())) <= width
    assert "\x1b" not in content
    assert "[bold]" in content, "text of a framework is no markup"


def test_text() -> None:
    content = text_of(comparison(replace(COMPARISON, changes=(GELU,), names=())), 100)
    assert (
        content
        == """\
jax  jax 0.4.30 → 0.10.2, optax 0.1.9 → 0.2.8
  120 questions in both, 100 with the same answer; 2 errors in other words

Not like with like
· jax: the processor was A and is B.

1 change: 1 worse

▼ worse  gelu  jax, jax-x64
  at x = -5.5: -0.0, and was -1.0444e-07 (x < -5)
  jax.nn.gelu  (float32; eager, compiled)
  value, x < -5    0.50 ULP → 1.2e+07 ULP
  gradient, x > 0  0.50 ULP → 1.2e+07 ULP
"""
    )


def test_nothing_is_said_to_be_nothing() -> None:
    for content in (text_of(comparison(NOTHING), 200), markdown(NOTHING), page(NOTHING)):
        assert (
            "Nothing changed: every question that both runs asked has the same answer in both, bit for bit." in content
        )
    assert "no subject in common" in text_of(comparison(replace(NOTHING, subjects=())), 100)
    assert "but the words of some errors" in text_of(comparison(replace(NOTHING, subjects=(PAIR,))), 100)


def test_json() -> None:
    plain = json.loads(json_text(COMPARISON), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert plain["schema"] == 1
    assert plain["totals"] == {"worse": 1, "error changed": 1, "bits": 1}
    assert plain["failing"] == {"worse": True, "changed": True}
    assert plain["subjects"][0]["questions"] == {
        "shared": 120,
        "equal": 100,
        "only_old": 3,
        "only_new": 4,
        "other_words": 2,
    }
    change = plain["changes"][0]
    assert (change["direction"], change["bits"]["distance"], change["bits"]["high"]) == ("worse", "inf", "nan")
    assert change["places"][0]["new"]["observed_bits"] == "0x80000000"
    assert document(NOTHING)["failing"] == {"worse": False, "changed": False}


def test_markdown_is_escaped_and_keeps_its_budget() -> None:
    content = markdown(COMPARISON)
    assert "<script>" not in content
    assert r"\[bold\]\|" in content
    rows = [line for line in content.splitlines() if line.startswith("| ▼")]
    assert len(rows) == 1
    many = replace(COMPARISON, changes=tuple(replace(GELU, id=f"{n:012x}", message=f"number {n}") for n in range(500)))
    short = markdown(many, budget=9_000)
    assert len(short.encode()) <= 9_000
    assert "number 0" in short
    assert "Cut for size:" in short
    with pytest.raises(ValueError, match="the smallest is 2,000"):
        markdown(many, budget=100)


class Reader(HTMLParser):
    """Tags with their attributes, and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def read(content: str) -> Reader:
    reader = Reader()
    reader.feed(content)
    return reader


def test_html_runs_nothing_but_its_script_and_asks_nobody() -> None:
    content = page(COMPARISON)
    tags = read(content).tags
    assert [attributes for tag, attributes in tags if tag == "script"] == [{}], "one, which has its hash in the policy"
    links = [value for _, attributes in tags for name, value in attributes.items() if name in ("src", "href")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in links)
    policy = next(attributes["content"] for tag, attributes in tags if attributes.get("http-equiv"))
    assert policy is not None
    assert "script-src 'sha256-" in policy
    assert "default-src 'none'" in policy


def test_html_has_the_matrix_filtered_to_what_changed() -> None:
    content = page(COMPARISON)
    tags = read(content).tags
    assert sum(attributes.get("class") == "unchanged" for tag, attributes in tags if tag == "tr") == 1, "tanh"
    cells = [attributes["data-cell-link"] for _, attributes in tags if "data-cell-link" in attributes]
    assert cells == [
        "relu/jax/bits only",
        "gelu/jax/worse",
        "gelu/jax/other",
        "gelu/jax/bits only",
        "softmax/jax/bits only",
    ]
    items = [attributes for tag, attributes in tags if tag == "li" and "data-kind" in attributes]
    assert [item["id"] for item in items] == ["aaaaaaaaaaaa", "cccccccccccc", "bbbbbbbbbbbb"]
    assert "0x80000000" in content


def test_every_kind_has_a_mark() -> None:
    assert words.keys() == KINDS.keys()
    for kind in KINDS:
        one: Any = replace(COMPARISON, changes=(replace(GELU, kind=kind),))
        for content in (text_of(comparison(one), 100), markdown(one), page(one)):
            assert kind in content
