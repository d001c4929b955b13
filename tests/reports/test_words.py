"""What a person reads first."""

from __future__ import annotations

import random
from dataclasses import replace

from conformance import registry
from tests.reports import sample

worst_first = registry.load("conformance.reports.words:worst_first")


def test_what_breaks_a_gate_comes_first_and_a_free_choice_last() -> None:
    wrong = next(finding for finding in sample.judgement().findings if finding.severity == "wrong")
    in_order = [
        replace(wrong, id="new", status="new", severity="inaccurate", level="SHOULD"),
        replace(wrong, id="stale", status="stale"),
        replace(wrong, id="known", status="expected"),
        replace(wrong, id="less", status="expected", severity="inaccurate"),
        replace(wrong, id="choice", status="new", severity="convention", level="MAY"),
    ]
    shuffled = random.Random(0).sample(in_order, len(in_order))
    assert sorted(shuffled, key=worst_first) == in_order != shuffled
