"""Known causes as people read them: with their findings, and a text to file for what nobody has reported."""

from __future__ import annotations

import importlib
import io
from dataclasses import replace

import pytest

from conformance.judge.findings import gating
from conformance.judge.records import Judgement, Known
from tests.reports.sample import HOSTILE, bindings, judgement

from .test_html import data_of

causes = importlib.import_module("conformance.reports.causes")
page = importlib.import_module("conformance.reports.html").page
terminal = importlib.import_module("conformance.reports.terminal")


@pytest.fixture(scope="module")
def known() -> Judgement:
    """The sample, one finding of it expected, and two entries that speak of nothing."""
    made = judgement()
    worst = next(f for f in made.findings if f.subject == "torch" and f.status == "new" and f.worst)
    marked = replace(
        worst,
        status="expected",
        cause="tail",
        kind="unreported",
        reason="The tail cancels.",
        link="https://example.org/1",
    )
    return replace(
        made,
        findings=tuple(marked if finding is worst else finding for finding in made.findings),
        known=(
            Known("torch", "tail", "unreported", "The tail cancels.", "https://example.org/1", "it loses its tail", 3),
            Known("torch", "gone", "bug", f"A reason. {HOSTILE}", "javascript:alert(3)", "", 0, ("gelu.value in float32 is not seen any more",)),
            Known("jax", "design", "documented", "By design.", "https://example.org/2", "", 7),
        ),
    )  # fmt: skip


def test_a_cause_has_its_findings_and_only_what_is_unreported_a_text_to_file(known: Judgement) -> None:
    tail, gone, design = causes.causes_of(known)
    assert [finding.cause for finding in tail.findings] == ["tail"]
    assert tail.functions == (tail.findings[0].function,)
    assert (gone.report, design.report) == ("", "")
    assert (gone.kind, design.kind) == ("known bug", "differs by documented design")
    for part in (
        "# it loses its tail", "The tail cancels.", "https://example.org/1", "```python", tail.findings[0].reproducer[:40],
        "torch 2.13.0+cpu", f"rule `{tail.findings[0].rule}`",
    ):  # fmt: skip
        assert part in tail.report
    assert f"It gives {tail.findings[0].worst.observed}" in tail.report


def test_the_page_shows_every_cause_and_believes_no_text(known: Judgement) -> None:
    made = page([known], bindings())
    assert 'id="cause-torch-tail"' in made
    assert 'id="cause-jax-design"' in made
    assert "not seen any more" in made
    assert "javascript:alert(3)" not in made
    assert "<img src=x" not in made
    assert "Text to file upstream" in made
    assert data_of(made)["reports"] == {"torch/tail": causes.causes_of(known)[0].report}
    assert 'id="causes"' not in page([judgement()], bindings())


@pytest.mark.parametrize("width", [60, 100])
def test_the_terminal_lists_causes_and_what_is_new(known: Judgement, width: int) -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(terminal.expectations(known, "run.nnconform"))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    new = len([finding for finding in gating(known.findings) if finding.status == "new"])
    assert max(map(len, text.splitlines())) <= width
    assert "design" in text
    assert "is not seen" in " ".join(text.split())
    assert f"3 causes known, 1 not as known, {new} new findings." in " ".join(text.split())
