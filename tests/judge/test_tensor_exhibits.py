"""Places worth a name and defaults, side by side: of a backend that is right, and of one with a fault at one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from conformance.formats import FORMATS
from conformance.judge.records import Exhibit, Judgement
from conformance.judge.tensor_exhibits import MOST_PLACES, title
from conformance.standard import TENSOR_FUNCTIONS
from conformance.truth.cache import Oracle
from tests.tensor_toy import Bench, Call, Numbers, no_fault

ASKED = ("draws", "edges", "defaults")


@pytest.fixture(scope="module")
def bench(oracle: Oracle) -> Bench:
    return Bench(oracle)


@pytest.fixture(scope="module")
def huber(bench: Bench) -> Judgement:
    return bench.judged(no_fault("huber", topics=ASKED))


def of(judgement: Judgement, quantity: str, entry_point: str = "toy.huber") -> list[Exhibit]:
    return [e for e in judgement.exhibits if e.quantity == quantity and e.entry_point == entry_point]


def test_the_places_that_a_function_declares_come_first(huber: Judgement) -> None:
    shown = [exhibit.input for exhibit in of(huber, "value")]
    declared = [title(edge.name) for edge in TENSOR_FUNCTIONS["huber"].edges if not edge.options]
    assert shown[: len(declared)] == declared
    assert len(shown) == len(set(shown)) == MOST_PLACES
    assert {"prediction NaN", "target NaN", "both 1", "+inf and its negative"} < set(shown)


def test_a_row_says_what_came_and_what_is_true(huber: Judgement) -> None:
    rows = {exhibit.input: exhibit for exhibit in of(huber, "value")}
    assert (rows["error exactly delta"].observed, rows["error exactly delta"].truth) == ("0.5", "0.5")
    assert rows["infinite error"].truth == "inf"
    assert {exhibit.verdict for exhibit in huber.exhibits} <= {"conforms", "unspecified"}
    assert all(exhibit.parameters == {} and exhibit.dtype == "float32" for exhibit in huber.exhibits)


def test_a_derivative_is_divided_by_its_cotangent(huber: Judgement) -> None:
    rows = {exhibit.input: exhibit for exhibit in of(huber, "gradient in prediction")}
    assert (rows["error exactly delta"].observed, rows["error exactly delta"].truth) == ("1.0", "1")
    assert (rows["error exactly minus delta"].observed, rows["error exactly minus delta"].truth) == ("-1.0", "-1")


def test_an_entry_point_that_gives_the_same_is_left_out(huber: Judgement) -> None:
    assert {exhibit.entry_point for exhibit in huber.exhibits} == {"toy.huber"}


@pytest.fixture(scope="module")
def faulty(bench: Bench) -> Judgement:
    def strike(call: Call, numbers: Numbers) -> Numbers:
        """The layer takes the loss of an infinite error to be the largest number."""
        if call.entry_point != "toy.layers.huber" or call.asked.quantity != "value":
            return numbers
        return np.where(np.isinf(numbers), FORMATS["float32"].largest, numbers)

    return bench.judged(replace(no_fault("huber", topics=ASKED), strike=strike))


def test_one_that_differs_is_there_and_deviates(faulty: Judgement) -> None:
    (row,) = [e for e in of(faulty, "value", "toy.layers.huber") if e.input == "infinite error"]
    assert (row.observed, row.truth, row.verdict) == ("3.4028235e+38", "inf", "deviates")
    (right,) = [e for e in of(faulty, "value") if e.input == "infinite error"]
    assert (right.observed, right.verdict) == ("inf", "conforms")
    assert of(faulty, "gradient in prediction", "toy.layers.huber") == []


def test_rows_of_numbers_are_told_together(bench: Bench) -> None:
    judgement = bench.judged(no_fault("softmax", topics=ASKED))
    assert {exhibit.quantity for exhibit in judgement.exhibits} == {"value"}
    rows = {exhibit.input: exhibit for exhibit in judgement.exhibits}
    assert rows["x NaN: one NaN"].observed == "5 × nan"
    assert rows["x equal: all 1.5"].observed == "5 × 0.2"
    (one,) = (exhibit for name, exhibit in rows.items() if name == "x infinite: one -inf")
    assert one.observed.startswith("[")
    assert one.observed.count(",") == 4


def options(judgement: Judgement) -> Iterator[tuple[str, str, str]]:
    for convention in judgement.conventions:
        if convention.entry_point == "toy.huber":
            assert convention.kind == "option"
            yield convention.name, convention.chosen, convention.customary


def test_every_default_is_a_convention(huber: Judgement, bench: Bench) -> None:
    assert set(options(huber)) == {
        ("delta", "1", "1"), ("reduction", "none", "none"), ("rows", "none", "none"), ("axis", "-1", "-1"),
    }  # fmt: skip
    documented = {"delta": 0.5, "reduction": "mean"}
    other = bench.judged(no_fault("huber", topics=("defaults",), documented=documented))
    assert {("delta", "0.5", "1"), ("reduction", "mean", "none")} < set(options(other))
