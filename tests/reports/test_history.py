"""The writers of a history: readable at 60 columns, never by colour alone, and whatever a framework says stays text."""

from __future__ import annotations

import json
import re

import pytest

from conformance import registry
from conformance.judge.history import ABSENT, CHANGES, NO, UNASKED, YES, Cause, Cell, Column, History, Row, Table
from conformance.judge.records import Worst

from .sample import HOSTILE

html, document = (registry.load(f"conformance.reports.history:{name}") for name in ("html", "json"))
table, text_of = (
    registry.load(f"conformance.reports.{name}") for name in ("history.terminal:table", "terminal:text_of")
)
MARKS = registry.load("conformance.reports.history.marks:MARKS")
STATES = registry.load("conformance.reports.words:STATES")

WORST = Worst(("-13.0",), ("0xc1500000",), "-0.0", "0x80000000", "-1.2e-37", 33.5, 4.0, 1e-37, "float32", "eager")
VERSIONS = ("0.4.30", "0.6.2", f"0.10.2 ({HOSTILE})", "0.11.0", "0.12.0", "1.0.0")


def cause(function: str, when: str, worst: Worst | None = WORST, **changes: str) -> Cause:
    severity = changes.get("severity", "wrong")
    return Cause(function, "value", "MUST", severity, f"x < 0 {HOSTILE}", (f"jax.nn.{function}",), ("float16", "float32"), ("eager", "compiled"),
                 when, (NO, YES, ABSENT, UNASKED, YES, YES), f"NaN where a number is due {HOSTILE}", worst, ("0123456789ab",))  # fmt: skip


def sample(versions: int = 6) -> History:
    """Two tables: one with every state and every change, one of a single version."""
    changes = [(), *((name,) for name in CHANGES), ("worse", "better", "new", "gone")]
    states = list(STATES)
    states.remove("expected")
    cells = [Cell(state, 12 * (place < 4), 40, (), "") for place, state in enumerate(states)]
    rows = [Row(f"a_rather_long_name_of_a_loss_{place}", tuple([cell] * versions)) for place, cell in enumerate(cells)]
    for place, change in enumerate(changes):
        later = Cell("inaccurate", 1234, 2000, change, f"3 {HOSTILE}")
        rows.append(Row(f"changed_{place}", tuple([Cell("conforms", 0, 40)] + [later] * (versions - 1))))
    columns = tuple(
        Column(label, {"jax": label, "optax": HOSTILE}, f"{HOSTILE}.nnconform") for label in VERSIONS[:versions]
    )
    causes = (
        cause("gelu", f"since {VERSIONS[2]}"),
        cause("silu", "until 0.4.30", None, severity="information"),
        cause("*", "since 0.6.2"),
    )
    return History((
        Table("jax", "x64", "cpu", columns, tuple(rows), causes, (f"0.6.2 could not run: {HOSTILE}",)),
        Table("torch", "default", "cpu", columns[:1], (Row("gelu", (Cell("conforms", 0, 3),)),), ()),
    ))  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("versions", [2, 3, 6])
def test_text_fits_and_says_everything(width: int, versions: int) -> None:
    said = text_of(table(sample(versions), width), width)
    assert max(map(len, said.splitlines())) <= width
    together = " ".join(said.split())
    for state in STATES.values():
        if state.key != "expected":
            assert f"{state.glyph} {state.label}" in together
    for mark in MARKS.values():
        assert f"{mark.glyph} {mark.label}" in together
    assert "jax on cpu, x64: 0.4.30 · 0.6.2" in together
    assert "wrong 12" in together
    assert "inaccurate 1,234" in together
    assert "33.5 ULP at -13.0 (float32, eager): -0.0 where -1.2e-37 is due" in together
    assert "until 0.4.30: silu.value, information, MUST" in together
    assert "\x1b" not in said


def test_where_there_is_no_room_for_all_versions_a_block_follows_the_other() -> None:
    said = text_of(table(sample(6), 60), 60)
    lines = [line for line in said.splitlines() if line.lstrip().startswith("function")]
    # Each block begins with the last version of the one before, and nothing of the first is marked twice.
    assert len([line for line in said.splitlines() if line.startswith("changed_1 ")]) == len(lines) // 2
    every = " ".join(said.split())
    assert all(version in every for version in ("0.11.0", "0.12.0", "1.0.0"))


def test_html_has_no_way_out_of_its_text() -> None:
    page = html(sample())
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src &#39;none&#39;" in page
    assert len(re.findall(r"<(td|th)\b", page)) == len(re.findall(r"</(td|th)>", page))


def test_html_shows_every_state_and_change_with_glyph_and_words() -> None:
    page = html(sample())
    plain = " ".join(re.sub(r"<[^>]+>", " ", page.partition("</style>")[2]).split())
    for state in STATES.values():
        if state.key != "expected":
            assert f"{state.glyph} {state.label}" in plain
    for mark in MARKS.values():
        assert f"{mark.glyph} {mark.label}" in plain
    assert "since 0.6.2" in plain
    assert "33.5 ULP at -13.0" in plain
    assert page.count('class="history"') == 2
    assert "Changed: 7 functions" in plain


def test_json_holds_everything_and_nothing_that_json_lacks() -> None:
    whole = sample()
    found = json.loads(document(whole), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert found["schema"] == 1
    first = found["tables"][0]
    assert [one["label"] for one in first["versions"]] == list(VERSIONS)
    assert [one["function"] for one in first["functions"]] == [row.function for row in whole.tables[0].rows]
    assert first["functions"][-1]["cells"][1] == {
        "state": "inaccurate", "deviating": 1234, "results": 2000, "changes": ["worse", "better", "new", "gone"], "said": f"3 {HOSTILE}",
    }  # fmt: skip
    assert first["causes"][0]["versions"] == [NO, YES, ABSENT, UNASKED, YES, YES]
    assert first["causes"][0]["findings"] == ["0123456789ab"]
    assert first["causes"][0]["worst"]["ulp"] == 33.5
    assert first["causes"][1]["worst"] is None


def test_every_change_has_a_mark_of_its_own() -> None:
    assert list(MARKS) == list(CHANGES)
    assert len({mark.glyph for mark in MARKS.values()} | {state.glyph for state in STATES.values()}) == len(
        MARKS
    ) + len(STATES)
