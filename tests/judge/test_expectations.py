"""Known deviations: strict both ways. What is worse, wider, new, gone, or without a reason is never expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance import registry
from conformance.judge.expectation_files import rewrite
from conformance.judge.expectations import KINDS, Cause, ExpectationsError, apply, known_deviations, load, measured
from conformance.judge.findings import findings_of, gating
from conformance.judge.records import Judgement, Known, Result, Totals, Worst
from conformance.observe.observation import Subject
from conformance.suite.items import Item, Shown, index, verdict

TORCH = Subject("torch", "torch", "default", "cpu", {"torch": "2.13.0"})
SUBJECTS = {"torch": TORCH}
WORST = Worst(("1.0",), ("0x3f800000",), "0.8", "0x3f4ccccd", "0.84", 600.25, 4.5, 0.04, "float32", "eager")
WRONG = Result(
    "torch", "torch.gelu", "gelu", "gelu.value", "MUST", {"approximate": "none"}, "float32", "eager", "x > 0", "deviates",
    comparisons=10, conforms=8, deviates=2, severity="inaccurate", worst=WORST, bits="aa",
)  # fmt: skip
RIGHT = replace(WRONG, outcome="conforms", conforms=10, deviates=0, severity="", worst=None, bits="")
FULL: dict[str, Any] = {"tier": "default"}

FILE = """\
# Known deviations of torch.
schema = 1

# --- tails
[[cause]]
name = "tail"   # a remark that a person made
kind = "accuracy"
reason = "The tail cancels."
link = "https://example.org/1"
rules = ["gelu.*"]
[cause.measured]
"gelu.value" = { float32 = [600.3, 1] }
"""


def causes(tmp_path: Path, text: str = FILE) -> tuple[Cause, ...]:
    path = tmp_path / "torch.toml"
    path.write_text(text)
    return load(path, "torch")


def applied(
    known: Sequence[Cause], *results: Result, plan: dict[str, Any] = FULL, subject: Subject = TORCH
) -> tuple[list[Result], tuple[Known, ...]]:
    return apply(results, known, {"torch": subject}, plan)


def test_what_is_as_measured_is_expected_and_does_not_gate(tmp_path: Path) -> None:
    results, known = applied(causes(tmp_path), WRONG, RIGHT)
    assert [result.cause for result in results] == ["tail", ""]
    (finding,) = findings_of(results, SUBJECTS, lambda result: "", known)
    assert (finding.status, finding.reason, finding.link) == ("expected", "The tail cancels.", "https://example.org/1")
    assert (finding.cause, finding.kind) == ("tail", "accuracy")
    assert gating([finding]) == []
    assert [(one.results, one.problems) for one in known] == [(1, ())]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([replace(WRONG, worst=replace(WORST, ulp=601.0))], "601 ULP where at most 600.3 are expected"),
        ([replace(WRONG, worst=replace(WORST, ulp=float("inf")))], "inf ULP where at most 600.3"),
        ([WRONG, replace(WRONG, region="x < 0")], "2 results deviate where 1 are expected"),
        ([replace(WRONG, rule="gelu.gradient")], "gelu.gradient in float32 was not among what was measured"),
        ([replace(WRONG, dtype="float16")], "gelu.value in float16 was not among what was measured"),
    ],
)
def test_worse_wider_or_new_is_not_expected(results: list[Result], said: str, tmp_path: Path) -> None:
    marked, known = applied(causes(tmp_path), *results)
    assert {result.cause for result in marked} == {""}
    assert all(said in result.unexpected for result in marked)
    found = [one for one in findings_of(marked, SUBJECTS, lambda result: "", known) if one.status == "new"]
    assert gating(found)
    assert said in found[0].message


def test_the_deep_tier_may_find_it_in_more_places_and_no_worse(tmp_path: Path) -> None:
    wider = [WRONG, replace(WRONG, region="x < 0")]
    assert {one.cause for one in applied(causes(tmp_path), *wider, plan={"tier": "deep"})[0]} == {"tail"}
    assert {one.cause for one in applied(causes(tmp_path), *wider, plan={"tier": "quick"})[0]} == {""}
    worse = replace(WRONG, worst=replace(WORST, ulp=601.0))
    (marked,), _ = applied(causes(tmp_path), worse, plan={"tier": "deep"})
    assert "601 ULP where at most" in marked.unexpected


def test_one_unexpected_result_makes_its_finding_new_and_is_what_it_shows(tmp_path: Path) -> None:
    other = replace(WRONG, mode="compiled", worst=replace(WORST, ulp=5.0))
    text = FILE.replace('rules = ["gelu.*"]', 'rules = ["gelu.*"]\nmodes = ["eager"]')
    marked, known = applied(causes(tmp_path, text), WRONG, other)
    (finding,) = findings_of(marked, SUBJECTS, lambda result: result.mode, known)
    assert (finding.status, finding.reason, finding.reproducer) == ("new", "", "compiled")


@pytest.mark.parametrize("other", [
    {"entry_points": ["torch.nn.*"]}, {"dtypes": ["float16"]}, {"modes": ["compiled"]}, {"regions": ["x < 0"]},
    {"configurations": ["x64"]}, {"devices": ["cuda"]}, {"outcomes": ["raised"]}, {"versions": ["torch>=3"]},
    {"versions": ["jax"]}, {"rules": ["relu.*"]}, {"parameters": "{ approximate = \"tanh\" }"},
], ids=str)  # fmt: skip
def test_an_entry_explains_nothing_else(other: dict[str, Any], tmp_path: Path) -> None:
    ((key, value),) = other.items()
    text = FILE if key != "rules" else FILE.replace('rules = ["gelu.*"]\n', "")
    text = text.replace("[cause.measured]", f"{key} = {value}\n[cause.measured]")
    marked, _ = applied(causes(tmp_path, text), WRONG)
    assert marked[0].cause == ""
    text = FILE.replace("[cause.measured]", 'entry_points = ["torch.*"]\nmodes = ["eager"]\nversions = ["torch>=2,<3"]\n'
                        'regions = ["x*"]\nparameters = { approximate = "none" }\n[cause.measured]')  # fmt: skip
    assert applied(causes(tmp_path, text), WRONG)[0][0].cause == "tail"


@pytest.mark.parametrize("key", ["reason", "link"])
def test_without_a_reason_or_a_link_nothing_is_expected(key: str, tmp_path: Path) -> None:
    lines = [line for line in FILE.splitlines() if not line.startswith(key)]
    marked, _ = applied(causes(tmp_path, "\n".join(lines)), WRONG)
    assert marked[0].unexpected == f"the expectation tail has no {key}"
    assert marked[0].cause == ""


def test_what_is_not_seen_any_more_is_stale_and_gates(tmp_path: Path) -> None:
    marked, known = applied(causes(tmp_path), RIGHT)
    assert known[0].problems == ("gelu.value in float32 is not seen any more in 2.13.0: fixed, remove it",)
    (finding,) = findings_of(marked, SUBJECTS, lambda result: "", known)
    assert (finding.status, finding.function, finding.rule) == ("stale", "gelu", "gelu.value")
    assert gating([finding]) == [finding]


@pytest.mark.parametrize(
    "plan", [{"tier": "quick"}, {"modes": ["compiled"]}, {"shard": [1, 2]}], ids=["tier", "modes", "shard"]
)
def test_what_was_not_asked_in_full_is_never_stale(plan: dict[str, Any], tmp_path: Path) -> None:
    assert applied(causes(tmp_path), RIGHT, plan={**FULL, **plan})[1][0].problems == ()


def test_what_could_not_run_or_was_not_asked_is_never_stale(tmp_path: Path) -> None:
    assert (
        applied(causes(tmp_path), replace(RIGHT, outcome="could_not_run"), plan={"functions": ["gelu"]})[1][0].problems
        == ()
    )
    assert (
        applied(causes(tmp_path), replace(RIGHT, rule="relu.value"), plan={"functions": ["relu"]})[1][0].problems == ()
    )


def test_an_entry_that_matches_nothing_of_all_that_was_asked_is_stale(tmp_path: Path) -> None:
    text = FILE.replace("gelu.*", "glue.*")
    assert "matches nothing that was asked" in applied(causes(tmp_path, text), RIGHT)[1][0].problems[0]
    silent = replace(TORCH, problem="no module torch")
    assert applied(causes(tmp_path, text), subject=silent)[1][0].problems == ()


def test_what_is_another_number_at_each_call_has_no_bound_and_is_never_gone(tmp_path: Path) -> None:
    text = FILE.replace("rules =", "unstable = true\nrules =")
    text = text[: text.index("[cause.measured]")]
    for results in (
        [WRONG],
        [replace(WRONG, worst=replace(WORST, ulp=float("inf")))],
        [WRONG, replace(WRONG, dtype="float64")],
    ):
        assert {result.cause for result in applied(causes(tmp_path, text), *results)[0]} == {"tail"}
    assert applied(causes(tmp_path, text), RIGHT)[1][0].problems == ()
    lacking = "\n".join(line for line in text.splitlines() if not line.startswith("link"))
    assert applied(causes(tmp_path, lacking), WRONG)[0][0].cause == ""
    assert rewritten(tmp_path, RIGHT, text=text) == (text, "")


def test_an_entry_about_other_versions_is_not_there(tmp_path: Path) -> None:
    text = FILE.replace("[cause.measured]", 'versions = ["torch<2"]\n[cause.measured]')
    assert applied(causes(tmp_path, text), RIGHT)[1] == ()


def test_the_first_entry_that_matches_has_it(tmp_path: Path) -> None:
    first = FILE.replace('"tail"', '"first"')
    both = first + FILE[FILE.index("[[cause]]") :]
    marked, known = applied(causes(tmp_path, both), WRONG)
    assert marked[0].cause == "first"
    assert "not seen any more" in known[1].problems[0]


def test_rules_that_do_not_bind_need_no_expectation(tmp_path: Path) -> None:
    free = replace(WRONG, level="MAY")
    marked, known = applied(causes(tmp_path), free)
    assert marked[0].cause == ""
    assert gating(findings_of(marked, SUBJECTS, lambda result: "", ())) == []
    assert known[0].results == 0


@pytest.mark.parametrize(("text", "said"), [
    ("schema = 2", "schema 2"),
    ("schema = 1\n[[cause]]\nkind = 'bug'", "cause 1 has no name"),
    (FILE.replace("accuracy", "shrug"), "kind is 'shrug'; accepted are documented, bug, accuracy, unreported"),
    (FILE.replace('rules = ["gelu.*"]', 'rules = "gelu.*"'), "rules is 'gelu.*'; a list of texts is accepted"),
    (FILE.replace('rules = ["gelu.*"]', ""), "names no rules"),
    (FILE.replace("reason", "raeson"), "unknown key 'raeson'"),
    (FILE + FILE[FILE.index("[[cause]]") :], "2 causes with the name 'tail'"),
    (FILE.replace("[600.3, 1]", "600.3"), "worst ULP, number of results"),
    (FILE.replace("rules =", 'versions = ["torch >>> 2"]\nrules ='), "versions has 'torch >>> 2'"),
    (FILE.replace("rules =", 'outcomes = ["conforms"]\nrules ='), "outcome 'conforms' is not among"),
    (FILE.replace("rules =", "unstable = 1\nrules ="), "unstable is 1; true is accepted"),
    ("schema = ", "can't be read as TOML"),
])  # fmt: skip
def test_a_file_that_says_something_else_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError) as error:
        causes(tmp_path, text)
    assert said in str(error.value)
    assert str(tmp_path / "torch.toml") in str(error.value)


def test_every_backend_has_its_file_and_need_not_have_one(tmp_path: Path) -> None:
    causes(tmp_path)
    paths = registry.expectations(["torch", "jax", "nobody's"], tmp_path)
    assert [(cause.backend, cause.name) for cause in known_deviations(paths)] == [("torch", "tail")]
    assert list(registry.expectations(["torch", "nobody's"])) == ["torch"]


def test_bounds_are_rounded_up_so_that_they_hold_what_was_measured() -> None:
    for ulp in (600.25, 600.05, 1.00001, 0.12344999, 123456.7, float("inf"), 0.0):
        bound = measured([replace(WRONG, worst=replace(WORST, ulp=ulp))])
        assert ulp <= bound.ulp <= max(ulp * 1.001, ulp)


def test_an_item_of_the_matrix_is_expected_only_if_all_that_deviates_is(tmp_path: Path) -> None:
    item, shown = Item("torch", "torch", "gelu.value", "float32"), Shown("torch")

    def outcome(*results: Result) -> tuple[str, str]:
        marked, known = applied(causes(tmp_path), *results)
        found = verdict(item, index(Judgement({}, (TORCH,), Totals(), tuple(marked), (), known=known)), shown)
        return found.outcome, found.text

    assert outcome(RIGHT) == ("passed", "")
    assert outcome(WRONG, RIGHT) == ("expected", "tail: The tail cancels. https://example.org/1")
    failed, text = outcome(WRONG, replace(WRONG, mode="compiled"))
    assert failed == "failed"
    assert "but       2 results deviate where 1 are expected (tail)" in text


@pytest.mark.parametrize("backend", registry.BACKENDS)
def test_the_files_that_come_with_the_backends(backend: str) -> None:
    found = load(registry.expectations([backend])[backend], backend)
    assert len(found) <= 60
    for cause in found:
        assert len(cause.reason) > 40, cause.name
        assert cause.link.startswith("https://"), cause.name
        assert bool(cause.measured) != cause.unstable, cause.name
        assert cause.kind in KINDS
        assert bool(cause.title) == (cause.kind == "unreported"), cause.name


# Rewriting


def judgement(tmp_path: Path, *results: Result, plan: dict[str, Any] = FULL) -> Judgement:
    marked, known = applied(load(tmp_path / "torch.toml", "torch"), *results, plan=plan)
    return Judgement({}, (TORCH,), Totals(), tuple(marked), (), known=known)


def rewritten(tmp_path: Path, *results: Result, text: str = FILE, plan: dict[str, Any] = FULL) -> tuple[str, str]:
    (tmp_path / "torch.toml").write_text(text)
    (one,) = rewrite(judgement(tmp_path, *results, plan=plan), plan, {"torch": tmp_path / "torch.toml"})
    return (tmp_path / "torch.toml").read_text(), one.diff


def test_what_is_as_it_says_is_not_touched(tmp_path: Path) -> None:
    assert rewritten(tmp_path, WRONG) == (FILE, "")


def test_bounds_become_what_was_measured_and_everything_else_stays(tmp_path: Path) -> None:
    text, diff = rewritten(
        tmp_path, replace(WRONG, worst=replace(WORST, ulp=7.0)), replace(WRONG, rule="gelu.gradient")
    )
    assert '"gelu.value" = { float32 = [7.0, 1] }' in text
    assert '"gelu.gradient" = { float32 = [600.3, 1] }' in text
    assert "# --- tails" in text
    assert 'name = "tail"   # a remark that a person made' in text
    assert '-"gelu.value" = { float32 = [600.3, 1] }' in diff
    assert [one.name for one in load(tmp_path / "torch.toml", "torch")] == ["tail"]


def test_what_is_gone_goes_and_what_is_new_has_no_reason(tmp_path: Path) -> None:
    new = replace(WRONG, function="relu", rule="relu.value", entry_point="torch.relu", outcome="raised")
    text, diff = rewritten(tmp_path, RIGHT, new)
    (cause,) = load(tmp_path / "torch.toml", "torch")
    assert (cause.name, cause.reason, cause.link) == ("new-relu.value", "", "")
    assert (cause.rules, cause.entry_points, cause.outcomes) == (("relu.value",), ("torch.relu",), ("raised",))
    assert '-name = "tail"' in diff
    assert "# Known deviations of torch." in text
    marked, _ = applied((cause,), new)
    assert marked[0].unexpected == "the expectation new-relu.value has no reason and link"


def test_what_stands_between_entries_stays_there(tmp_path: Path) -> None:
    second = (
        FILE[FILE.index("[[cause]]") :]
        .replace('"tail"', '"slope"')
        .replace("gelu.*", "relu.*")
        .replace("gelu.value", "relu.value")
    )
    bare = FILE[: FILE.index("[cause.measured]")]
    text = f"{bare}\n# --- slopes\n# of relu\n\n{second}# the end\n"
    made, _ = rewritten(tmp_path, WRONG, replace(WRONG, function="relu", rule="relu.value"), text=text)
    assert made == text.replace(bare, bare + '[cause.measured]\n"gelu.value" = { float32 = [600.3, 1] }\n')
    gone, _ = rewritten(tmp_path, RIGHT, replace(WRONG, function="relu", rule="relu.value"), text=made)
    assert gone == FILE[: FILE.index("[[cause]]")] + f"# --- slopes\n# of relu\n\n{second}# the end\n"


def test_a_run_in_part_takes_nothing_away(tmp_path: Path) -> None:
    quick = {"tier": "quick"}
    assert rewritten(tmp_path, RIGHT, plan=quick) == (FILE, "")
    assert rewritten(tmp_path, replace(WRONG, worst=replace(WORST, ulp=7.0)), plan=quick) == (FILE, "")
    assert rewritten(tmp_path, replace(RIGHT, rule="relu.value"), plan={**FULL, "functions": ["relu"]}) == (FILE, "")


def test_a_backend_without_a_file_gets_one(tmp_path: Path) -> None:
    (one,) = rewrite(judgement(tmp_path, WRONG), FULL, {"torch": tmp_path / "torch.toml"})
    assert one.without_reason == ("new-gelu.value",)
    assert load(tmp_path / "torch.toml", "torch")[0].measured
    assert rewrite(judgement(tmp_path, WRONG), FULL, {"torch": tmp_path / "torch.toml"})[0].diff == ""
