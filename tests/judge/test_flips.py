"""When a verdict or a default counts as changed although a region deviated before and still does: by its worst error, or by how many inputs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from conformance.cases.case import Case
from conformance.judge.comparison.changes import Change, Place, Seen
from conformance.judge.comparison.clusters import NEAR, Cluster, _message, _of_verdict, _without_default
from conformance.judge.comparison.flips import MARKEDLY, SEVERAL, _verdict_changed
from conformance.judge.comparison.sides import DEFAULTS, NUMBERS, PROVIDED, Difference
from conformance.judge.records import Result, Worst


def result(deviates: int, ulp: float, comparisons: int = 10_000, severity: str = "wrong", bar: float = 8.0) -> Result:
    worst = Worst((), (), "", "", "", ulp, bar, 0.0, "float32", "eager")
    return Result(
        "s", "e", "gelu", "gelu.value", "MUST", {}, "float32", "eager", "x < -0.75", "deviates" if deviates else "conforms",
        comparisons, comparisons - deviates, deviates, severity=severity if deviates else "", worst=worst,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "changed"),
    [
        (result(0, 1), result(1, 1e7), "worse"),
        (result(1, 1e7), result(0, 1), "better"),
        (result(900, 2e7), result(90, 1.5e7), "better"),
        (result(90, 1.5e7), result(900, 2e7), "worse"),
        (result(900, 1.5e7), result(90, 1.5e7), "better"),
        (result(900, 1.5e7), result(90, 2e7), ""),
        (result(900, 2e7), result(int(900 / MARKEDLY) + 1, 1.5e7), ""),
        (result(SEVERAL, 2e7), result(1, 1.5e7), ""),
        (result(900, 2e7), result(90, 1.5e7, comparisons=5_000), ""),
        (result(90, 2e7), result(900, 0.9e7), "better"),
        (result(90, 2e7, bar=1e6), result(90, 1e7, bar=8.0), "worse"),
    ],
    ids=[
        "begins", "ends", "fewer", "more", "fewer-same-worst", "fewer-but-worse", "not-markedly", "few", "other-inputs", "worst-goes-first",
        "in-bars",
    ],
)  # fmt: skip
def test_what_deviates_on_both_sides(was: Result, now: Result, changed: str) -> None:
    assert _verdict_changed(was, now) == changed


@pytest.mark.parametrize(
    ("distance", "aspect"), [(1.0, NUMBERS), (NEAR, NUMBERS), (1e6, DEFAULTS), (math.inf, DEFAULTS)]
)
def test_a_bare_call_that_moved_by_rounding_has_no_other_default(distance: float, aspect: str) -> None:
    seen = Seen("returned", "conforms", "1", "0x1")
    place = Place(
        rule="defaults", region="", dtype="float32", mode="eager", parameters={}, entry_point="e", input=(), input_bits=(), old=seen, new=seen,
        asked=2, changed=2, distance=distance,
    )  # fmt: skip
    case = Case("huber", "e", "defaults", "value", "eager", "float32", {}, {}, ())
    bare = Difference("s", case, "bits", DEFAULTS, place, "information", "")
    assert _without_default(bare, lambda _: True).aspect == aspect
    assert _without_default(bare, lambda _: False).aspect == NUMBERS


@pytest.mark.parametrize(("kind", "said"), [("worse", "614 more of 1,158"), ("better", "614 fewer of 1,158")])
def test_where_the_worst_input_stays_as_it_was_the_sentence_counts_inputs(kind: str, said: str) -> None:
    seen = Seen("returned", "deviates", "-0.0", "0x80000000", 7.9e15)
    place = Place(
        rule="value", region="x < -0.75", dtype="float32", mode="eager", parameters={}, entry_point="e", input=("-37.5",), input_bits=("0xc2160000",),
        old=seen, new=seen, asked=1158, changed=614,
    )  # fmt: skip
    change = Change(
        "id",
        kind,
        "jax",
        ("jax",),
        "gelu",
        ("gelu",),
        ("value",),
        ("e",),
        ("float32",),
        ("eager",),
        ("x < -0.75",),
        "wrong",
        "",
    )
    sentence = _of_verdict(change, place)
    assert sentence == f"{said} inputs deviate (x < -0.75); at the worst of them nothing changed, at x = -37.5: -0.0"
    other = replace(place, new=replace(seen, observed="1.0", observed_bits="0x3f800000", ulp=9e15))
    assert _of_verdict(change, other).startswith("at x = -37.5: 1.0, and was -0.0")


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (("keras.layers.Activation('celu')",), "keras.layers.Activation('celu') is there now, and was not"),
        (("keras.losses.Dice", "keras.losses.Dice(axis=1)"), "keras.losses.Dice is there now, and was not"),
    ],
)
def test_a_name_that_a_layer_looks_up_is_not_the_layer(bound: tuple[str, ...], said: str) -> None:
    place = Place(rule="value", region="", dtype="float32", mode="eager", parameters={}, entry_point=bound[-1])
    case = Case("celu", bound[-1], "lattice", "value", "eager", "float32", {}, {}, ())
    one = Difference("s", case, "entry point appeared", PROVIDED, place, "information", "")
    change = Change(
        "id", one.kind, "keras", ("s",), "celu", ("celu",), (), bound, ("float32",), ("eager",), (), "information", ""
    )
    assert _message(change, Cluster("keras", "celu", one.kind, "", (one,))) == said
