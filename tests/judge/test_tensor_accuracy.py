"""Bars of functions of tensors where the truth is 0, or one of many: what lies beyond them deviates in every format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.formats import FORMATS, Bits, round_to
from conformance.judge.tensor_accuracy import measure
from conformance.standard import TENSOR_FUNCTIONS
from conformance.truth.tensors import Asked, Exact, exact


def truth(name: str, tensors: dict[str, Any], quantity: str = "value", wrt: str = "", **options: Any) -> Exact:
    function = TENSOR_FUNCTIONS[name]
    arrays = {argument: np.asarray(numbers, dtype=np.float64) for argument, numbers in tensors.items()}
    return exact(Asked(function, {**function.defaults(), **options}, arrays, quantity, wrt))


def bits(number: float, dtype: str) -> Bits:
    return round_to(np.array([number]), FORMATS[dtype])


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_distance_of_zero_is_off_by_its_rounding_at_most(dtype: str) -> None:
    """In float64 the bar, which the rounding of 12.0 makes, has more smallest subnormals than a float64 counts."""
    vector, unit = [[3.0, -4.0, 12.0, 0.5]], 2.0 ** (1 - FORMATS[dtype].precision)
    asked = truth("pairwise_distance", {"first": vector, "second": vector})
    for number, conforms in ((0.0, True), (8 * unit, True), (1000 * unit, False), (1e30 if dtype != "float16" else 60000.0, False), (np.nan, False)):
        judged = measure(asked, bits(number, dtype), FORMATS[dtype])
        assert judged.conforms.tolist() == [conforms], number
        assert not judged.vacuous.any()


@pytest.mark.parametrize("dtype", FORMATS)
def test_at_a_kink_the_bar_is_that_of_the_nearer_end(dtype: str) -> None:
    """The derivative of max(1 − t·x, 0) at its kink, for x and t that are off by some ulp: −1 to 0 in x, no less and no more."""
    asked = truth("hinge_embedding", {"prediction": [1.0], "target": [-1.0]}, "gradient", "prediction")
    unit = 2.0 ** (1 - FORMATS[dtype].precision)
    numbers = ((-1.0, True), (-0.5, True), (0.0, True), (-1 - 2 * unit, True), (-1 - 64 * unit, False), (-3.0, False), (0.25, False), (np.nan, False))
    for number, conforms in numbers:
        assert measure(asked, bits(number, dtype), FORMATS[dtype]).conforms.tolist() == [conforms], number


def test_a_kink_whose_ends_are_far_apart_has_the_bar_of_either() -> None:
    """The slope of |p − t|: the bar is some ulp of 1, and none of anything smaller."""
    asked = truth("absolute_error", {"prediction": [1.5], "target": [1.5]}, "gradient", "prediction")
    for number, conforms in ((-1.0, True), (0.0, True), (1.0, True), (1.001, False), (5.0, False), (-5.0, False)):
        assert measure(asked, bits(number, "float32"), FORMATS["float32"]).conforms.tolist() == [conforms], number


def test_a_kink_where_subnormal_numbers_are_zeros_is_flushing() -> None:
    asked = truth("absolute_error", {"prediction": [2.0**-149], "target": [0.0]}, "gradient", "prediction")
    zeroed = truth("absolute_error", {"prediction": [0.0], "target": [0.0]}, "gradient", "prediction")
    for number, flushed in ((0.0, True), (0.5, True), (1.0, False), (1.5, False), (np.nan, False)):
        judged = measure(asked, bits(number, "float32"), FORMATS["float32"], zeroed)
        assert judged.flushed.tolist() == [flushed], number


def test_a_nan_swallowed_beside_subnormal_numbers_is_no_flushing() -> None:
    asked = truth("squared_error", {"prediction": [np.nan], "target": [2.0**-149]})
    zeroed = truth("squared_error", {"prediction": [np.nan], "target": [0.0]})
    judged = measure(asked, bits(0.0, "float32"), FORMATS["float32"], zeroed)
    assert not judged.conforms.any()
    assert not judged.flushed.any()


@pytest.mark.parametrize("dtype", FORMATS)
def test_an_infinity_that_is_due_conforms(dtype: str) -> None:
    asked = truth("huber", {"prediction": [np.inf], "target": [3.5]})
    assert measure(asked, bits(np.inf, dtype), FORMATS[dtype]).conforms.all()
    for number in (0.0, 1e4, -np.inf, np.nan):
        assert not measure(asked, bits(number, dtype), FORMATS[dtype]).conforms.any(), number
