"""Markdown: it fits its budget whatever it is, says what it cut, and shows text from frameworks as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from tests.reports import sample

write = registry.report("markdown")
text = registry.load("conformance.reports.markdown:text")


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement()


@pytest.fixture(scope="module")
def small(judgement: Judgement) -> Judgement:
    """One subject with one finding: small enough to read as a whole."""
    return replace(
        judgement,
        subjects=tuple(s for s in judgement.subjects if s.id == "jax-x64"),
        results=tuple(r for r in judgement.results if r.subject == "jax-x64" and r.rule in ("value", "subnormal")),
        findings=tuple(replace(f, reproducer="import jax\n") for f in judgement.findings if f.subject == "jax-x64"),
    )


def test_the_whole_of_a_small_report(small: Judgement) -> None:
    assert text([small]) == (
        "# Conformance\n"
        "\n"
        "- **jax 0.10.2 cpu x64** ▲ Conforms in 95 of 96 checks. 1 deviates, in 1 finding: 1 inaccurate; none of them"
        " expected. Behind it: 701,000 comparisons.\n"
        "\n"
        "A check is one rule of one entry point in one dtype and mode.\n"
        "\n"
        "## Findings\n"
        "\n"
        "1 finding: 1 inaccurate.\n"
        "\n"
        "| | severity | function | rule | subject | dtypes | worst | share | |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        f"| ▲ | inaccurate | sigmoid | subnormal | jax-x64 | float32 | 4.3e+06 ULP | 100 of 1,000 | `{small.findings[0].id}` |\n"
        "\n"
        "### Each in four lines\n"
        "\n"
        "**sigmoid.subnormal on jax-x64, inaccurate** (100 of 1,000 comparisons in (-inf, 0); jax.nn.sigmoid)\n"
        "\n"
        "```text\n"
        "asked     sigmoid(-88.0) [0xc2b00000] in float32, compiled, of jax.nn.sigmoid on jax-x64: rule sigmoid.subnormal (MUST)\n"
        "came      0.0 [0x00000000], 4.3e+06 ULP from the truth: flushed to zero\n"
        "conforms  6.05e-39, within 4.50 ULP\n"
        f"again     nnconform repro RUN {small.findings[0].id}\n"
        "```\n"
        "\n"
        "```python\n"
        "import jax\n"
        "```\n"
    )


@pytest.mark.parametrize("budget", [1_000, 1_500, 3_000, 10_000, 100_000])
def test_it_fits_its_budget_and_names_what_it_cut(judgement: Judgement, tmp_path: Path, budget: int) -> None:
    many = replace(judgement, findings=judgement.findings * 60)
    written = write([many], sample.bindings(), tmp_path, budget=budget).read_bytes()
    assert len(written) <= budget
    content = written.decode()
    assert "**Cut for size:**" in content
    assert "findings.json" in content


def test_nothing_is_cut_where_everything_fits(judgement: Judgement) -> None:
    whole = text([judgement])
    assert "Cut for size" not in whole
    assert all(whole.count(f"`{finding.id}`") == 1 for finding in judgement.findings)


def test_cut_findings_are_counted_and_the_worst_are_kept(judgement: Judgement) -> None:
    shortened = text([judgement], budget=6_000)
    assert "gelu.value on tensorflow, wrong" in shortened
    shown = shortened.count("```text\n")
    total = sum(finding.status != "stale" for finding in judgement.findings)
    assert 0 < shown < total
    assert f"{total - shown} findings, the least severe" in shortened


def test_a_budget_too_small_is_refused(judgement: Judgement) -> None:
    with pytest.raises(ValueError, match="smallest is 1,000"):
        text([judgement], budget=10)


def test_changes_come_before_findings(judgement: Judgement) -> None:
    older = replace(judgement, findings=judgement.findings[1:])
    newer = replace(judgement, findings=judgement.findings[:-2])
    content = text([older, newer])
    assert content.index("## Changes") < content.index("## Findings")
    assert f"- appeared: `{judgement.findings[0].id}` wrong, gelu.value" in content
    assert f"- gone: `{judgement.findings[-2].id}`" in content


def test_text_of_frameworks_is_text(judgement: Judgement) -> None:
    prose = "".join(part for number, part in enumerate(text([judgement]).split("```")) if number % 2 == 0)
    assert "<script" not in prose
    assert "<img" not in prose
    assert "\x1b" not in text([judgement])
    # A fence inside the text must not end the block.
    fenced = replace(
        judgement, findings=(replace(judgement.findings[0], message="```\n# title\n", reproducer="```\n<b>"),)
    )
    assert "````python\n```\n<b>\n````" in text([fenced])
