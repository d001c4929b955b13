"""The history of a framework: what changed is told with the version in which it did, what stayed is not, whatever is measured."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.judge import history as module
from conformance.judge.findings import findings_of
from conformance.judge.history import ABSENT, NO, RAISED, UNASKED, YES, History, Seen, Table, history, when
from conformance.judge.records import Judgement, Result, Totals, Worst
from conformance.observe.observation import Subject

OLD, MIDDLE, NEW = "0.4.30", "0.6.2", "0.10.2"
PLAN = {"plan": {"tier": "default", "backends": ["jax"]}, "standard": "abc", "nnconform": "0.1.0"}
HUGE = Worst(("3.0",), ("0x40400000",), "inf", "0x7f800000", "3.0", float("inf"), 4.0, float("inf"), "float32", "eager")


def result(
    entry_point: str = "jax.nn.gelu", rule: str = "gelu.value", outcome: str = "conforms", **changes: Any
) -> Result:
    """What became of one question; a deviation is wrong by default."""
    bad = outcome in ("deviates", "raised", "crashed")
    given = {
        "severity": "wrong" if bad else "",
        "deviates": int(bad),
        "comparisons": 10,
        "worst": HUGE if bad else None,
        "bits": "b" if bad else "",
    }
    return Result(
        "jax", entry_point, rule.partition(".")[0], rule, "MUST", {}, changes.pop("dtype", "float32"), changes.pop("mode", "eager"),
        changes.pop("region", "x > 0"), outcome, **{**given, **changes},
    )  # fmt: skip


@dataclass
class Rows:
    """Answers of one run, as a run file gives them: bits by case."""

    bits: Mapping[str, Sequence[int]] = field(default_factory=dict)
    outcome: str = "returned"

    def answers(self, subject: str) -> Mapping[str, tuple[str, str]]:
        return {
            case: (
                self.outcome,
                json.dumps({"outputs": [[f"{case}:{','.join(map(str, bits))}", "float32", [len(bits)]]]}),
            )
            for case, bits in self.bits.items()
        }

    def cases(self, names: Collection[str]) -> Mapping[str, Case]:
        return {name: Case(name.partition("/")[0], "", "", "", "", "", {}, {}, ()) for name in names}

    def array(self, item: Any) -> NDArray[np.unsignedinteger]:
        return np.array([int(one) for one in item.blob.partition(":")[2].split(",")], dtype=np.uint32)


def seen(
    version: str, *results: Result, rows: Rows | None = None, name: str = "", problem: str = "", **changes: Any
) -> Seen:
    """A judged run of JAX in one version."""
    versions = changes.pop("versions", {"jax": version, "optax": "0.2"})
    subject = Subject("jax", changes.pop("backend", "jax"), "default", "cpu", versions, problem=problem)
    subjects = {"jax": subject}
    found = findings_of(results, subjects, lambda one: "")
    judgement = Judgement({}, (subject,), Totals(), results, found)
    return Seen(name or f"{version}.nnconform", judgement, changes.pop("meta", PLAN), rows or Rows())


def table(*runs: Seen) -> Table:
    (only,) = history(runs).tables
    return only


def marks(found: Table, function: str = "gelu") -> list[tuple[str, ...]]:
    (row,) = [row for row in found.rows if row.function == function]
    return [cell.changes for cell in row.cells]


def states(found: Table, function: str = "gelu") -> list[str]:
    (row,) = [row for row in found.rows if row.function == function]
    return [cell.state for cell in row.cells]


GOOD, BAD = result(), result(outcome="deviates")


def test_versions_are_in_their_order_and_not_in_that_of_letters() -> None:
    given = [NEW, "0.10.2rc1", OLD, "0.10.2.dev20260101", "0.9.0", "0.10.2+cpu", "nightly"]
    found = table(*(seen(version, GOOD) for version in given))
    assert [column.label for column in found.columns] == [
        "nightly", OLD, "0.9.0", "0.10.2.dev20260101", "0.10.2rc1", NEW, "0.10.2+cpu",
    ]  # fmt: skip


def test_the_order_in_which_runs_are_named_does_not_matter() -> None:
    runs = [seen(OLD, GOOD), seen(MIDDLE, BAD), seen(NEW, GOOD)]
    assert history(runs[::-1]) == history(runs)


@pytest.mark.parametrize(
    ("versions", "labels"),
    [
        ([{"jax": "1", "optax": "0.2.8"}, {"jax": "1", "optax": "0.1.9"}], ["1, optax 0.1.9", "1, optax 0.2.8"]),
        ([{"jax": "2", "optax": "0.1.9"}, {"jax": "1", "optax": "0.2.8"}], ["1", "2"]),
        ([{"jax": "1", "numpy": "2"}, {"jax": "1"}], ["1, numpy 2", "1, numpy absent"]),
        ([{"jax": "1"}, {"jax": "1"}], ["1 (run 0)", "1 (run 1)"]),
    ],
)
def test_columns_are_told_apart_by_what_differs(versions: list[dict[str, str]], labels: list[str]) -> None:
    found = table(*(seen("", GOOD, versions=one, name=f"run {number}") for number, one in enumerate(versions)))
    assert [column.label for column in found.columns] == labels


@pytest.mark.parametrize(
    ("before", "after", "change", "since"),
    [
        (GOOD, GOOD, (), ""),
        (BAD, BAD, (), ""),
        (GOOD, BAD, ("worse",), f"since {NEW}"),
        (BAD, GOOD, ("better",), f"until {OLD}"),
        (replace(BAD, severity="inaccurate"), BAD, ("worse",), ""),
        (BAD, replace(BAD, severity="inaccurate"), ("better",), ""),
        (GOOD, result(outcome="raised"), ("worse",), f"since {NEW}"),
        (result(outcome="raised", region="anywhere"), result(outcome="raised", region="x > 0"), (), ""),
        (result(outcome="raised", region="anywhere"), GOOD, ("better",), f"until {OLD}"),
        (GOOD, replace(BAD, level="MAY", severity="convention"), ("choice",), f"since {NEW}"),
        (result(outcome="not_provided"), BAD, ("new",), f"since {NEW}, the first to have it"),
        (result(outcome="not_provided"), GOOD, ("new",), ""),
        (BAD, result(outcome="not_provided"), ("gone",), f"until {OLD}, the last to have it"),
        (BAD, replace(BAD, worst=replace(HUGE, ulp=7.0), bits="other", deviates=9), (), ""),
    ],
)
def test_what_a_version_did_to_a_function(before: Result, after: Result, change: tuple[str, ...], since: str) -> None:
    found = table(seen(OLD, before), seen(NEW, after))
    assert marks(found) == [(), change]
    assert [cause.when for cause in found.causes] == ([since] if since else [])


def test_worse_here_and_better_there_are_both_told() -> None:
    other = {"mode": "compiled"}
    found = table(seen(OLD, GOOD, result(outcome="deviates", **other)), seen(NEW, BAD, result(**other)))
    assert marks(found) == [(), ("worse", "better")]
    assert {(cause.when, cause.modes) for cause in found.causes} == {
        (f"since {NEW}", ("eager",)),
        (f"until {OLD}", ("compiled",)),
    }


def test_a_cell_says_the_worst_and_how_many_results_deviate() -> None:
    slight = result(outcome="deviates", severity="information", region="x < 0")
    (row,) = table(seen(OLD, GOOD), seen(NEW, BAD, slight, result(region="0"))).rows
    assert [(cell.state, cell.deviating, cell.results) for cell in row.cells] == [("conforms", 0, 1), ("wrong", 2, 3)]


def test_since_until_and_in_between() -> None:
    others = {"softplus.value": (GOOD, BAD, BAD), "silu.value": (BAD, GOOD, GOOD), "elu.value": (GOOD, BAD, GOOD), "selu.value": (BAD, GOOD, BAD),
              "mish.value": (BAD, BAD, BAD)}  # fmt: skip
    runs = [
        seen(
            version,
            *(replace(some[place], rule=rule, function=rule.partition(".")[0]) for rule, some in others.items()),
        )
        for place, version in enumerate((OLD, MIDDLE, NEW))
    ]
    assert {cause.function: cause.when for cause in table(*runs).causes} == {
        "softplus": f"since {MIDDLE}", "silu": f"until {OLD}", "elu": f"only in {MIDDLE}", "selu": f"in {OLD} and {NEW}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ((NO, YES, YES), "since b"), ((YES, NO, NO), "until a"), ((NO, YES, NO), "only in b"), ((YES, NO, YES), "in a and c"),
        ((ABSENT, YES, YES), "since b, the first to have it"), ((YES, YES, ABSENT), "until b, the last to have it"),
        ((ABSENT, NO, YES), "since c"), ((UNASKED, NO, YES), "since c"), ((NO, UNASKED, YES), "since c"), ((YES, UNASKED, NO), "until a"),
        ((NO, YES, YES, NO), "from b to c"), ((RAISED, YES, YES), "since b, the first to answer"), ((YES, RAISED, RAISED), "until a, the last to answer"),
        ((ABSENT, RAISED, YES), "since c, the first to answer"), ((NO, RAISED, YES), "since c"),
    ],
)  # fmt: skip
def test_when_in_words(vector: tuple[str, ...], said: str) -> None:
    assert when(vector, "abcd"[: len(vector)]) == said


def test_other_entry_points_in_the_group_are_no_other_cause() -> None:
    """The id of a finding names its entry points; two of them that no longer agree are the same deviation as before."""
    two = [result(name, outcome="deviates", bits=name) for name in ("jax.nn.gelu", "jax.nn.approximate_gelu")]
    alike = [replace(one, bits="same") for one in two]
    before, after = seen(OLD, *alike), seen(NEW, *two)
    assert len(before.judgement.findings) == 1
    assert len(after.judgement.findings) == 2
    assert table(before, after).causes == ()


def test_one_more_entry_point_is_told_alone() -> None:
    more = result("jax.nn.approximate_gelu", outcome="deviates", bits="b")
    found = table(
        seen(OLD, BAD, replace(more, outcome="conforms", severity="", deviates=0, worst=None)), seen(NEW, BAD, more)
    )
    (cause,) = found.causes
    assert (cause.when, cause.entry_points) == (f"since {NEW}", ("jax.nn.approximate_gelu",))


def test_a_version_without_the_entry_point_is_no_version_that_conforms() -> None:
    found = table(seen(OLD, result(outcome="not_provided")), seen(NEW, BAD))
    assert [cause.when for cause in found.causes] == [f"since {NEW}, the first to have it"]
    assert found.causes[0].versions == (ABSENT, YES)
    assert states(found) == ["not_provided", "wrong"]


def test_flushing_is_one_cause_for_all_functions() -> None:
    def flush(outcome: str) -> list[Result]:
        return [result(f"jax.nn.{name}", f"{name}.flush", outcome, region="subnormal numbers", severity="information" if outcome == "deviates" else "",
                       bits="value") for name in ("gelu", "silu", "relu")]  # fmt: skip

    (cause,) = table(seen(OLD, *flush("conforms")), seen(NEW, *flush("deviates"))).causes
    assert (cause.function, cause.when, cause.severity) == ("*", f"since {NEW}", "information")
    assert table(seen(OLD, *flush("deviates")), seen(NEW, *flush("deviates"))).causes == ()


def test_who_answers_for_the_first_time_has_not_got_worse() -> None:
    """A call that failed altogether and now answers, wrongly at one place: it is better, and the place is told without blame."""
    fails = [result(outcome="raised", region="anywhere", rule=rule) for rule in ("gelu.value", "gelu.nan")]
    works = [
        GOOD,
        result(rule="gelu.nan"),
        result(rule="gelu.nan", outcome="deviates", region="nan"),
        result(rule="gelu.flush"),
    ]
    found = table(seen(OLD, *fails), seen(NEW, *works))
    assert marks(found) == [(), ("better",)]
    assert {(cause.rule, cause.when) for cause in found.causes} == {
        ("value", f"until {OLD}"), ("nan", f"since {NEW}, the first to answer"),
    }  # fmt: skip
    back = table(seen(OLD, *works), seen(NEW, *fails))
    assert marks(back) == [(), ("worse",)]


def test_what_is_said_of_an_entry_point_that_is_not_there_is_no_verdict_on_it() -> None:
    """An integer dtype that the backend lacks is refused, whether there is a function or not."""
    absent = [result(outcome="not_provided"), result(rule="gelu.dtype.integer", dtype="int64")]
    found = table(seen(OLD, *absent), seen(NEW, BAD, result(rule="gelu.dtype.integer", dtype="int64")))
    assert states(found) == ["not_provided", "wrong"]
    assert marks(found) == [(), ("new",)]


NAN, OTHER_NAN = 0x7FC00000, 0xFFC00001


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Rows({"gelu/1": [1, 2]}), Rows({"gelu/1": [1, 2]}), ()),
        (Rows({"gelu/1": [1, 2]}), Rows({"gelu/1": [1, 3]}), ("bits",)),
        (Rows({"gelu/1": [1, NAN]}), Rows({"gelu/1": [1, OTHER_NAN]}), ()),
        (Rows({"gelu/1": [1, NAN]}), Rows({"gelu/1": [2, OTHER_NAN]}), ("bits",)),
        (Rows({"gelu/1": [NAN]}), Rows({"gelu/1": [1]}), ("bits",)),
        (Rows({"gelu/1": [1, 2]}), Rows({"gelu/1": [1]}), ("bits",)),
        (Rows({"gelu/1": [1, 2]}), Rows({"gelu/2": [1, 3]}), ()),
        (Rows({"silu/1": [1, 2]}), Rows({"silu/1": [1, 3]}), ()),
        (Rows({"gelu/1": [1, 2]}, "raised"), Rows({"gelu/1": [1, 3]}, "raised"), ()),
    ],
)
def test_other_bits_with_the_same_verdict(before: Rows, after: Rows, change: tuple[str, ...]) -> None:
    assert marks(table(seen(OLD, GOOD, rows=before), seen(NEW, GOOD, rows=after))) == [(), change]


def test_a_change_of_verdict_is_told_rather_than_that_of_bits() -> None:
    found = table(seen(OLD, GOOD, rows=Rows({"gelu/1": [1]})), seen(NEW, BAD, rows=Rows({"gelu/1": [2]})))
    assert marks(found) == [(), ("worse",)]


def test_of_other_plans_only_what_all_were_asked_is_compared() -> None:
    quick = {**PLAN, "plan": {"tier": "quick", "backends": ["jax", "torch"]}}
    more = result(outcome="deviates", dtype="float16")
    found = table(seen(OLD, GOOD, meta=quick), seen(NEW, GOOD, more))
    assert (marks(found), states(found), found.causes) == ([(), ()], ["conforms", "conforms"], ())
    assert found.notes == (
        "not asked by the same plan (tier quick / default): only what was asked in all of them is compared, 2 of 3 results.",
    )
    same = table(seen(OLD, GOOD), seen(NEW, GOOD, more))
    assert (marks(same), same.notes) == ([(), ("worse",)], ())


def test_of_other_functions_each_is_held_against_those_that_were_asked_it() -> None:
    silu = replace(BAD, rule="silu.value", function="silu")
    metas = [{**PLAN, "plan": {"functions": names}} for names in (["gelu"], ["gelu", "silu"], ["silu"])]
    found = table(
        seen(OLD, GOOD, meta=metas[0]), seen(MIDDLE, BAD, silu, meta=metas[1]), seen(NEW, silu, meta=metas[2])
    )
    assert states(found) == ["conforms", "wrong", "not_asked"]
    assert states(found, "silu") == ["not_asked", "wrong", "wrong"]
    assert marks(found, "silu") == [(), (), ()]
    assert [(cause.function, cause.when) for cause in found.causes] == [("gelu", f"since {MIDDLE}")]


def test_a_version_that_could_not_run_is_passed_over() -> None:
    broken = seen(MIDDLE, result(outcome="could_not_run"), problem="ImportError: no jaxlib")
    found = table(seen(OLD, GOOD), broken, seen(NEW, BAD))
    assert states(found) == ["conforms", "could_not_run", "wrong"]
    assert marks(found) == [(), (), ("worse",)]
    assert [cause.when for cause in found.causes] == [f"since {NEW}"]
    assert found.notes == (f"{MIDDLE} could not run: ImportError: no jaxlib",)


def test_backends_have_a_table_each() -> None:
    found: History = history(
        [seen(OLD, GOOD), seen("2.13", GOOD, backend="torch", versions={"torch": "2.13"}), seen(NEW, GOOD)]
    )
    assert [(one.backend, len(one.columns)) for one in found.tables] == [("jax", 2), ("torch", 1)]
    assert found.tables[1].notes == ("one version only, 2.13: there is nothing to hold it against.",)


def test_the_worst_comes_first_and_shows_the_latest_version() -> None:
    slight = replace(BAD, rule="silu.value", function="silu", severity="inaccurate", worst=replace(HUGE, ulp=9.0))
    later = replace(BAD, worst=replace(HUGE, ulp=2.0**30, input=("5.0",)))
    good = replace(GOOD, rule="silu.value", function="silu")
    found = table(seen(OLD, GOOD, good), seen(MIDDLE, BAD, slight), seen(NEW, later, slight))
    assert [cause.function for cause in found.causes] == ["gelu", "silu"]
    assert found.causes[0].worst == later.worst
    assert found.causes[0].ids == (seen(NEW, later).judgement.findings[0].id,)


def test_a_history_that_matches_by_what_is_measured_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault planted: results are told apart by their worst input too. What only got other numbers looks like a change then."""
    key = module._key
    moved = replace(BAD, worst=replace(HUGE, input=("5.0",)))
    assert marks(table(seen(OLD, BAD), seen(NEW, moved))) == [(), ()]
    monkeypatch.setattr(module, "_key", lambda one: (*key(one), str(one.worst and one.worst.input)))
    assert marks(table(seen(OLD, BAD), seen(NEW, moved))) == [(), ("worse", "better")]
