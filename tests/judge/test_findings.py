"""Findings: one for a cause, under an id that is the same tomorrow; totals that blur nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.judge.findings import findings_of, gating
from conformance.judge.records import OUTCOMES, Finding, Judgement, Result, Totals, Worst
from conformance.judge.run import totals_of
from conformance.observe.observation import Subject
from conformance.suite.items import Item, Shown, index, verdict

TORCH = Subject("torch", "torch", "default", "cpu", {"torch": "2.13.0"})
WORST = Worst(("1.0",), ("0x3f800000",), "0.8", "0x3f4ccccd", "0.84", 600.0, 4.5, 0.04, "float32", "eager")
RESULT = Result(
    "torch", "torch.gelu", "gelu", "gelu.value", "MUST", {}, "float32", "eager", "x > 0", "deviates",
    comparisons=10, conforms=8, deviates=2, severity="inaccurate", worst=WORST, bits="aa",
)  # fmt: skip
RIGHT = replace(RESULT, outcome="conforms", conforms=10, deviates=0, severity="", worst=None, bits="")


def found(*results: Result, subject: Subject = TORCH) -> tuple[Finding, ...]:
    return findings_of(results, {subject.id: subject}, lambda result: f"# {result.entry_point}")


def test_a_cause_is_one_finding_over_dtypes_modes_and_parameters() -> None:
    (finding,) = found(
        RESULT, replace(RESULT, dtype="bfloat16"), replace(RESULT, mode="compiled"), replace(RESULT, parameters={"a": 1.0}), RIGHT
    )  # fmt: skip
    assert finding.dtypes == ("bfloat16", "float32")
    assert finding.modes == ("eager", "compiled")
    assert (finding.checked, finding.deviating) == (50, 8)
    assert finding.reproducer == "# torch.gelu"
    assert finding.status == "new"


@pytest.mark.parametrize(
    "other", [{"rule": "gelu.overflow"}, {"region": "x < 0"}, {"function": "relu", "rule": "relu.value"}]
)
def test_another_rule_region_or_function_is_another_finding(other: dict[str, Any]) -> None:
    both = found(RESULT, replace(RESULT, **other))
    assert len(both) == 2
    assert both[0].id != both[1].id


def test_entry_points_whose_bits_agree_are_one() -> None:
    alias = replace(RESULT, entry_point="torch.nn.GELU")
    other = replace(RESULT, entry_point="torch.compiled_gelu", bits="bb")
    one, two = sorted(found(RESULT, alias, other), key=lambda finding: -len(finding.entry_points))
    assert one.entry_points == ("torch.gelu", "torch.nn.GELU")
    assert two.entry_points == ("torch.compiled_gelu",)
    assert (one.checked, one.deviating) == (20, 4)


def test_entry_points_are_held_together_by_what_both_were_asked() -> None:
    both = [replace(RESULT, dtype=dtype, bits=dtype) for dtype in ("float32", "float64")]
    alias = replace(both[0], entry_point="torch.nn.GELU")
    (finding,) = found(*both, alias)
    assert len(finding.entry_points) == 2
    differing = replace(both[1], entry_point="torch.nn.GELU", bits="other")
    assert len(found(*both, alias, differing)) == 2
    apart = replace(RESULT, entry_point="torch.nn.GELU", dtype="float16")
    assert len(found(RESULT, apart)) == 2, "nothing that both were asked"


def test_an_id_does_not_know_versions_or_measured_values() -> None:
    (finding,) = found(RESULT)
    (other,) = found(
        replace(RESULT, dtype="float64", mode="graph", worst=replace(WORST, ulp=9.0), deviates=7, bits="cc", parameters={"a": 2.0}),
        subject=replace(TORCH, versions={"torch": "9.9"}, environment={"cpu": "other"}),
    )  # fmt: skip
    assert other.id == finding.id == "7c44f49d8b08", "expectations of years ago go by it"
    for changed in (
        replace(TORCH, device="cuda"),
        replace(TORCH, configuration="x64"),
        replace(TORCH, backend="other"),
    ):
        assert found(RESULT, subject=changed)[0].id != finding.id


def test_flushing_is_one_finding_of_the_subject() -> None:
    flush = replace(
        RESULT, rule="gelu.flush", level="SHOULD", severity="information", region="subnormal numbers", bits="value"
    )
    (finding,) = found(
        flush, replace(flush, function="relu", rule="relu.flush", entry_point="torch.relu", bits="gradient")
    )
    assert (finding.function, finding.rule) == ("*", "*.flush")


def test_the_worst_is_shown_and_the_worst_findings_come_first() -> None:
    worse = replace(RESULT, dtype="bfloat16", severity="wrong", worst=replace(WORST, ulp=1e9, dtype="bfloat16"))
    (finding,) = found(RESULT, worse)
    assert finding.severity == "wrong"
    assert finding.worst is not None
    assert finding.worst.ulp == 1e9
    mild = replace(RESULT, rule="gelu.invariance.bits", level="SHOULD", severity="information")
    free = replace(RESULT, rule="gelu.kink.0.convention", level="MAY", severity="convention")
    assert [f.severity for f in found(free, mild, RESULT, replace(worse, rule="gelu.nan"))] == [
        "wrong",
        "inaccurate",
        "information",
        "convention",
    ]


def test_only_what_binds_and_nobody_expected_gates() -> None:
    (finding,) = found(RESULT)
    assert gating([finding]) == [finding]
    assert gating([replace(finding, level="SHOULD")])
    assert gating([replace(finding, level="MAY")]) == []
    assert gating([replace(finding, status="expected")]) == []
    assert gating([replace(finding, status="stale")])


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in OUTCOMES if outcome not in ("deviates", "raised", "crashed", "timed_out")]
)
def test_what_is_no_deviation_is_no_finding(outcome: str) -> None:
    assert found(replace(RIGHT, outcome=outcome)) == ()


def test_totals_count_every_outcome_apart() -> None:
    silent = ("not_provided", "not_supported", "raised", "crashed", "timed_out", "could_not_run")
    results = [replace(RIGHT, outcome=outcome, comparisons=0, conforms=0) for outcome in silent for _ in range(2)]
    results += [RESULT, replace(RIGHT, outcome="undecided", comparisons=5, conforms=3, undecided=2)]
    results += [replace(RIGHT, outcome="unspecified", comparisons=4, conforms=0, unspecified=4, vacuous=1)]
    totals = totals_of(results, [TORCH, replace(TORCH, id="gone", problem="no module")])
    assert totals == Totals(
        comparisons=19, vacuous=1, conforms=11, deviates=2, unspecified=4, undecided=2, not_provided=2, not_supported=2,
        raised=2, crashed=2, timed_out=2, could_not_run=3, expected=0,
    )  # fmt: skip
    assert totals.comparisons == totals.conforms + totals.deviates + totals.unspecified + totals.undecided


ITEM = Item("torch", "torch", "gelu.value", "float32")
SILENT = replace(RIGHT, comparisons=0, conforms=0)
# results of an item, its verdict, what it says
ITEMS = [
    ([RIGHT], "passed", ""),
    ([RIGHT, RESULT], "failed", "asked"),
    ([], "failed", "compared nothing"),
    ([replace(RIGHT, vacuous=10)], "failed", "compared nothing"),
    ([replace(RIGHT, vacuous=9)], "passed", ""),
    ([replace(RIGHT, outcome="undecided", undecided=1)], "failed", "undecided"),
    ([RIGHT, replace(SILENT, outcome="crashed", message="signal 11")], "failed", "came      crashed: signal 11"),
    ([RIGHT, replace(SILENT, outcome="timed_out", message="no answer")], "failed", "came      timed out: no answer"),
    ([RIGHT, replace(SILENT, outcome="raised", message="E: no")], "failed", "came      E: no"),
    ([RIGHT, replace(SILENT, outcome="could_not_run", message="no\nend")], "could_not_run", "torch could not run: no end."),
    ([replace(SILENT, outcome="not_supported", message="Half")], "skipped", "not supported: Half"),
    ([replace(SILENT, outcome="not_provided", message="NotProvided: x")], "skipped", "not provided: x"),
    ([RIGHT, replace(SILENT, outcome="not_provided", message="x")], "passed", ""),
    ([replace(RIGHT, outcome="unspecified", conforms=0, unspecified=10, message="why")], "skipped", "unspecified: why"),
    ([replace(RESULT, level="MAY")], "passed", ""),
]  # fmt: skip


@pytest.mark.parametrize(("results", "outcome", "text"), ITEMS)
def test_an_item_of_the_matrix_fails_without_one_effective_comparison(
    results: list[Result], outcome: str, text: str
) -> None:
    told = verdict(ITEM, index(_judged(tuple(results))), Shown("torch"))
    assert told.outcome == outcome
    assert text in told.text


@pytest.mark.parametrize("rule", ["gelu.limit.-inf", "gelu.gradient.nan", "gelu.second_derivative.nan", "gelu.shape"])
@pytest.mark.parametrize(
    ("outcome", "comes_to"),
    [("raised", "failed"), ("crashed", "failed"), ("timed_out", "failed"), ("could_not_run", "could_not_run"),
     ("not_supported", "skipped"), ("not_provided", "skipped")],
)  # fmt: skip
def test_what_was_not_answered_speaks_for_all_that_it_would_have_answered(
    rule: str, outcome: str, comes_to: str
) -> None:
    """It leaves its mark under one rule: of a derivative, that of the derivative or, where nothing is there, the value."""
    silent = replace(SILENT, outcome=outcome, message="no such thing")
    told = verdict(replace(ITEM, rule=rule), index(_judged((silent,))), Shown("torch"))
    assert (told.outcome, "no such thing" in told.text) == (comes_to, True)
    other = replace(silent, dtype="bfloat16")
    told = verdict(replace(ITEM, rule=rule), index(_judged((other,))), Shown("torch"))
    assert told.text.endswith("no result of the run bears on it")


def test_an_item_of_a_subject_that_never_ran_says_why_and_what_to_do() -> None:
    problem = "ModuleNotFoundError: No module named 'torch' (in python)"
    judged = _judged((), (replace(TORCH, problem=problem),))
    told = verdict(ITEM, index(judged), Shown("torch"))
    assert told.outcome == "could_not_run"
    assert told.text == (
        f"torch could not run: {problem}. Install it there, or give --conformance-python torch=PATH."
    )  # fmt: skip


def test_the_command_of_an_item_has_the_options_that_it_needs() -> None:
    shown = Shown("my.module:Torch", "--python my.module:Torch=/old/python --tier deep")
    told = verdict(ITEM, index(_judged((RESULT,))), shown)
    assert told.text.endswith(
        "again     nnconform run my.module:Torch --functions gelu --rules value --dtypes float32 --modes eager "
        "--python my.module:Torch=/old/python --tier deep"
    )


def _judged(results: tuple[Result, ...], subjects: tuple[Subject, ...] = (TORCH,)) -> Judgement:
    return Judgement({}, subjects, Totals(), results, ())


def test_a_derivative_that_is_wrong_anyhow_is_one_finding_whatever_else_was_asked() -> None:
    plain = replace(RESULT, rule="gelu.gradient.x", region="ordinary numbers", severity="wrong")
    others = [
        replace(plain, rule=rule, region="gradient in x")
        for rule in ("gelu.rank", "gelu.option.alpha", "gelu.invariance.rows")
    ]
    assert [(one.rule, one.region) for one in found(plain, *others)] == [("gelu.gradient.x", "ordinary numbers")]
    changes: tuple[dict[str, Any], ...] = (
        {"severity": "inaccurate"},
        {"rule": "gelu.gradient.y"},
        {"dtype": "float64"},
        {"entry_point": "torch.other"},
    )
    for apart in changes:
        assert len(found(replace(plain, **apart), *others)) == 4, apart
