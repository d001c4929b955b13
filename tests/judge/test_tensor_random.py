"""Draws along an axis: honest ones are left in peace, whatever the seed, and every way to be wrong is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.cases.tensor_random import DRAWS
from conformance.formats import FORMATS, round_to, values
from conformance.judge.records import Result
from conformance.judge.tensor_random import distance_from_logistic, judge_tensor_random, moments
from conformance.truth.cache import Oracle
from tests.by_hand import Hand

Floats = NDArray[np.float64]
FLOAT32 = FORMATS["float32"]
LOGITS = np.array([0.0, 1.5, -2.0, -np.inf])


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    shares: Floats = e / e.sum(axis=-1, keepdims=True)
    return shares


def one_hot(y: Floats) -> Floats:
    rows: Floats = np.eye(y.shape[-1])[np.argmax(y, axis=-1)]
    return rows


def drawn(
    seed: int = 1, temperature: float = 1.0, rows: int = 100_003, noise: Callable[..., Floats] | None = None
) -> Floats:
    """Honest draws as float32 holds them; `noise` in place of Gumbel's."""
    generator = np.random.default_rng(seed)
    added = (noise or generator.gumbel)(size=(rows, len(LOGITS)))
    y = softmax((LOGITS + added) / temperature)
    held: Floats = values(round_to(y.reshape(-1), FLOAT32), FLOAT32).reshape(y.shape)
    return held


def bad(y: Floats, temperature: float = 1.0, hard: bool = False) -> list[str]:
    return [fact.what for fact in moments(y, LOGITS, temperature, hard, FLOAT32) if not fact.holds]


@pytest.mark.parametrize("temperature", [1.0, 0.5, 4.0])
@pytest.mark.parametrize("seed", range(5))
def test_honest_draws_are_left_in_peace(seed: int, temperature: float) -> None:
    y = drawn(seed, temperature)
    assert bad(y, temperature) == []
    assert bad(one_hot(y), temperature, hard=True) == []


def test_a_temperature_that_was_forgotten() -> None:
    found = bad(drawn(temperature=1.0), temperature=4.0)
    assert found
    assert all("distribution" in what for what in found)  # which class is the largest does not show it


def test_logits_that_were_not_read() -> None:
    flat = softmax(np.random.default_rng(1).gumbel(size=(100_003, 4)))
    assert "how often class 3 is the largest" in bad(flat, hard=True)
    assert len(bad(flat)) > 4


def test_noise_of_another_distribution() -> None:
    generator = np.random.default_rng(1)

    def normal(size: tuple[int, ...]) -> Floats:
        return generator.normal(scale=np.pi / 6**0.5, size=size)

    assert any("distribution" in what for what in bad(drawn(noise=normal)))


def test_noise_that_all_classes_share() -> None:
    gumbel = np.random.default_rng(1).gumbel
    shared = drawn(noise=lambda size: np.broadcast_to(gumbel(size=(size[0], 1)), size))
    assert "how often class 1 is the largest" in bad(shared)
    assert any("distribution" in what for what in bad(shared))


def test_rows_drawn_in_pairs() -> None:
    y = np.repeat(drawn(), 2, axis=0)[:100_003]
    assert bad(y) == ["the mean product of neighbouring rows"]


def test_one_class_a_little_too_often() -> None:
    y = one_hot(drawn())
    y[: len(y) // 40] = np.eye(4)[0]  # 2 % more
    assert "how often class 0 is the largest" in bad(y, hard=True)


def test_an_impossible_class_once() -> None:
    y = one_hot(drawn())
    y[7] = np.eye(4)[3]
    assert "how often class 3 is the largest" in bad(y, hard=True)


def test_distance_from_the_logistic_distribution() -> None:
    u = (np.arange(1000) + 0.5) / 1000
    quantiles = np.log(u / (1 - u))
    assert distance_from_logistic(quantiles, 0.0) == pytest.approx(0.0005)
    assert distance_from_logistic(quantiles + 1, 0.0) == pytest.approx(0.245, abs=0.01)
    assert distance_from_logistic(quantiles + 1, 1.0) == pytest.approx(0.0, abs=0.001)
    assert distance_from_logistic(np.array([0.0, np.nan]), 0.0) == 1.0


# --- through the judge ------------------------------------------------------------------------------------------------


def results(oracle: Oracle, hand: Hand, case: Case, *answers: Any, dtype: str = "") -> dict[str, Result]:
    found = list(judge_tensor_random(hand.answers([hand.returned(case, *answers, dtype=dtype)], oracle)))
    return {result.rule.removeprefix("gumbel_softmax."): result for result in found}


def outcomes(found: dict[str, Result]) -> dict[str, str]:
    return {rule: result.outcome for rule, result in found.items() if result.outcome != "conforms"}


def cases(hand: Hand, detail: str, **options: Any) -> Case:
    """The case of this detail with these options, others at their defaults."""
    asked = {"temperature": 1.0, "hard": False, "axis": -1, **options}
    return next(c for c in hand.cases("random") if c.detail == detail and dict(c.parameters) == asked)


def logits(hand: Hand, case: Case) -> Floats:
    item = case.inputs[0]
    return values(hand.read(item).reshape(-1), FORMATS[item.dtype]).reshape(item.shape)


def sound(hand: Hand, case: Case, seed: int = 0) -> Floats:
    x = np.moveaxis(logits(hand, case), case.parameters["axis"], -1)
    y = softmax((x + np.random.default_rng(seed).gumbel(size=x.shape)) / case.parameters["temperature"])
    return np.moveaxis(one_hot(y) if case.parameters["hard"] else y, -1, case.parameters["axis"])


@pytest.mark.parametrize("options", [{}, {"hard": True}, {"temperature": 0.5}])
@pytest.mark.parametrize("dtype", list(FORMATS))
def test_distributions_and_single_ones_conform(oracle: Oracle, dtype: str, options: dict[str, Any]) -> None:
    hand = Hand("gumbel_softmax", dtype=dtype)
    case = cases(hand, "support", **options)
    found = results(oracle, hand, case, sound(hand, case))
    assert outcomes(found) == {}
    assert found["training.support"].region == ("hard" if options.get("hard") else "soft")
    assert found["training.support"].comparisons == 6  # rows
    assert found["dtype.supported"].outcome == "conforms"


def test_along_another_axis(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "support along 0", axis=0)
    y = sound(hand, case)
    assert outcomes(results(oracle, hand, case, y)) == {}
    wrong = softmax(logits(hand, case))  # along the last axis
    assert outcomes(results(oracle, hand, case, wrong)) == {"training.support": "deviates"}


def spoil(y: Floats, place: Any, number: float) -> Floats:
    y = y.copy()
    y[place] = number
    return y


@pytest.mark.parametrize("number", [-0.25, 1.5, float("nan"), 0.9])
def test_rows_that_are_no_distributions(oracle: Oracle, number: float) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "support")
    found = results(oracle, hand, case, spoil(sound(hand, case), (1, 2, 3), number))
    assert outcomes(found) == {"training.support": "deviates"}
    assert found["training.support"].deviates == 1
    assert "1 of 6 rows" in found["training.support"].message


def test_an_impossible_class_has_no_share(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "support")
    y = sound(hand, case)
    assert y[0, 1, 2] == 0
    y[0, 1] = [0.25, 0.25, 0.25, 0.125, 0.125]
    assert outcomes(results(oracle, hand, case, y)) == {"training.support": "deviates"}


@pytest.mark.parametrize(("number", "severity"), [(0.0, "wrong"), (0.5, "wrong"), (1 - 2.0**-24, "inaccurate")])
def test_hard_rows_without_a_single_one(oracle: Oracle, number: float, severity: str) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "support", hard=True)
    y = sound(hand, case)
    y[1, 1, np.argmax(y[1, 1])] = number
    found = results(oracle, hand, case, y)
    assert outcomes(found) == {"training.support": "deviates"}
    assert found["training.support"].severity == severity


def test_two_ones(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "support", hard=True)
    y = sound(hand, case)
    y[1, 1] = [1, 0, 0, 0, 1]
    assert results(oracle, hand, case, y)["training.support"].severity == "wrong"


def test_seeds(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, DRAWS)
    first, second = drawn(1), drawn(2)
    assert outcomes(results(oracle, hand, case, first, second, first)) == {}
    assert "gave other bits" in results(oracle, hand, case, first, second, drawn(3))["training.seed"].message
    assert "gave the same bits" in results(oracle, hand, case, first, first, first)["training.seed"].message


def test_moments_through_the_judge(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, DRAWS, temperature=4.0)
    assert outcomes(results(oracle, hand, case, drawn(1, 4.0), drawn(2, 4.0), drawn(1, 4.0))) == {}
    found = results(oracle, hand, case, drawn(1), drawn(2), drawn(1))
    assert outcomes(found) == {"training.moments": "deviates"}
    assert "should be within" in found["training.moments"].message


def test_another_dtype_and_shape(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax", dtype="float16")
    case = cases(hand, "support")
    y = sound(hand, case)
    assert outcomes(results(oracle, hand, case, y, dtype="float32")) == {
        "dtype.preserved": "deviates", "training.support": "unspecified",
    }  # fmt: skip
    assert outcomes(results(oracle, hand, case, y[0])) == {"shape": "deviates", "training.support": "unspecified"}


def test_no_answer(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    observation = hand.failed(cases(hand, "support"), "raised", "broken")
    (result,) = judge_tensor_random(hand.answers([observation], oracle))
    assert (result.rule, result.outcome) == ("gumbel_softmax.training.support", "raised")


# --- the derivative ---------------------------------------------------------------------------------------------------


def pathwise(y: Floats, c: Floats, temperature: float) -> Floats:
    found: Floats = y * (c - (y * c).sum(axis=-1, keepdims=True)) / temperature
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.5, 4.0])
@pytest.mark.parametrize("dtype", list(FORMATS))
def test_the_derivative_of_the_draw_that_was_returned(oracle: Oracle, dtype: str, temperature: float) -> None:
    hand, format = Hand("gumbel_softmax", dtype=dtype), FORMATS[dtype]
    case = cases(hand, "gradient", temperature=temperature)
    assert case.cotangent is not None
    c = values(hand.read(case.cotangent).reshape(-1), format).reshape(case.cotangent.shape)
    y = sound(hand, case)
    due = pathwise(y, c, temperature)
    # What an honest implementation does: everything in one dtype, the derivative from the rounded y.
    rounded = values(round_to(y.reshape(-1), format), format).reshape(y.shape)
    assert outcomes(results(oracle, hand, case, y, due)) == {}
    assert outcomes(results(oracle, hand, case, y, pathwise(rounded, c, temperature))) == {}
    other = sound(hand, case, seed=5)
    wrong = [
        -due,
        pathwise(other, c, temperature),
        y * c / temperature,
        np.zeros_like(due),
        np.where(due == due.max(), np.nan, due),
    ]
    wrong += [] if temperature == 1 else [due * temperature, due / temperature]
    for gradient in wrong:
        assert outcomes(results(oracle, hand, case, y, gradient)) == {"gradient.training": "deviates"}


def test_one_number_a_little_off(oracle: Oracle) -> None:
    hand = Hand("gumbel_softmax")
    case = cases(hand, "gradient")
    assert case.cotangent is not None
    c = values(hand.read(case.cotangent).reshape(-1), FLOAT32).reshape(case.cotangent.shape)
    y = sound(hand, case)
    due = pathwise(y, c, 1.0)
    place = np.unravel_index(np.argmax(np.abs(due)), due.shape)
    found = results(oracle, hand, case, y, spoil(due, place, due[place] * (1 + 1e-5)))
    assert found["gradient.training"].deviates == 1
    assert "is due" in found["gradient.training"].message
