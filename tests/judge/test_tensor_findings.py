"""Findings about functions of tensors: one for a cause, though many rules and places show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.judge.findings import findings_of
from conformance.judge.records import Finding, Result, Worst
from conformance.observe.observation import Subject

JAX = Subject("jax", "jax", "default", "cpu", {"jax": "0.10.2"})
WORST = Worst(("x = 1",), (), "0.8", "0x3f4ccccd", "0.84", 6e5, 4.5, 0.04, "float32", "eager")
VALUE = Result(
    "jax", "optax.losses.dice_loss", "dice", "dice.value", "MUST", {"rows": "none", "smooth": 1.0}, "float32", "eager", "ordinary numbers",
    "deviates", comparisons=10, conforms=8, deviates=2, severity="wrong", worst=WORST, bits="aa",
)  # fmt: skip
EDGE = replace(VALUE, rule="dice.edge", region="x large", bits="bb")
OPTION = replace(VALUE, rule="dice.option.smooth")
RAISED = replace(
    VALUE,
    outcome="raised",
    comparisons=0,
    conforms=0,
    deviates=0,
    worst=None,
    message="TypeError: no",
    bits="TypeError: no",
)


def found(*results: Result) -> list[tuple[str, str]]:
    return sorted((one.rule, one.region) for one in all_of(*results))


def all_of(*results: Result) -> tuple[Finding, ...]:
    return findings_of(results, {"jax": JAX}, lambda result: "")


def test_what_is_raised_whatever_is_asked_is_one_finding() -> None:
    others: list[dict[str, Any]] = [
        {"rule": "dice.option.smooth"},
        {"rule": "dice.edge", "region": "x large"},
        {"dtype": "float16"},
    ]
    assert found(RAISED, *(replace(RAISED, **other) for other in others)) == [("dice.value", "ordinary numbers")]


def test_what_is_raised_apart_from_that_is_another() -> None:
    others: list[dict[str, Any]] = [
        {"message": "ValueError: no"},
        {"mode": "compiled"},
        {"entry_point": "optax.losses.other", "bits": "x"},
    ]
    for other in others:
        assert ("dice.axis", "axis 0") in found(RAISED, replace(RAISED, rule="dice.axis", region="axis 0", **other)), (
            other
        )
    assert found(replace(RAISED, rule="dice.axis")) == [("dice.axis", "ordinary numbers")]


def test_who_is_wrong_about_ordinary_numbers_is_so_at_every_place() -> None:
    places = [EDGE, replace(EDGE, region="x infinite"), replace(EDGE, region="all equal")]
    assert found(VALUE, *places) == [("dice.edge", "anywhere"), ("dice.value", "ordinary numbers")]
    assert len(found(replace(VALUE, severity="inaccurate"), *places)) == 4
    assert len(found(replace(VALUE, entry_point="optax.losses.other"), *places)) == 4
    gradient = replace(VALUE, rule="dice.gradient.x")
    assert len(found(gradient, *places)) == 4, "a value is not wrong because a derivative is"
    assert found(gradient, *(replace(one, rule="dice.gradient.x.edge") for one in places)) == [
        ("dice.gradient.x", "ordinary numbers"), ("dice.gradient.x.edge", "anywhere"),
    ]  # fmt: skip


def test_the_derivative_of_a_value_that_is_wrong() -> None:
    gradient = replace(OPTION, region="gradient in prediction")
    assert found(OPTION, gradient) == [("dice.option.smooth", "ordinary numbers")]
    assert found(gradient) == [("dice.option.smooth", "gradient in prediction")]
    assert len(found(OPTION, replace(gradient, rule="dice.option.alpha"))) == 2


def test_entry_points_that_put_results_together_in_their_own_way() -> None:
    mean = replace(EDGE, entry_point="keras.losses.dice", parameters={"rows": "mean", "smooth": 1.0})
    (finding,) = all_of(EDGE, mean)
    assert finding.entry_points == ("keras.losses.dice", "optax.losses.dice_loss")
    assert len(all_of(EDGE, replace(mean, bits="cc"))) == 2
    assert len(all_of(EDGE, replace(mean, parameters={"rows": "mean", "smooth": 0.0}))) == 2


def test_who_is_inaccurate_about_ordinary_numbers_is_so_whatever_is_varied() -> None:
    value = replace(VALUE, severity="inaccurate")
    rules = ("dice.rank", "dice.size", "dice.option.smooth", "dice.invariance.repetition", "dice.axis")
    varied = [replace(value, rule=rule) for rule in rules]
    assert found(value, *varied) == [("dice.value", "ordinary numbers")]
    assert len(found(value, *(replace(one, severity="wrong") for one in varied))) == 6, "worse than it is anyhow"
    assert len(found(value, *(replace(one, mode="compiled") for one in varied))) == 6
    assert len(found(value, replace(value, rule="dice.invariance.bits", severity="information"))) == 2
    assert len(found(value, replace(value, rule="dice.shape", region="empty"))) == 2
    assert found(value, replace(EDGE, severity="inaccurate"), EDGE) == [
        ("dice.edge", "anywhere"), ("dice.edge", "x large"), ("dice.value", "ordinary numbers"),
    ]  # fmt: skip
