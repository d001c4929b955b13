"""Bars of functions of tensors where the truth is 0, or one of many: what lies beyond them deviates in every format."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case, Input
from conformance.formats import FORMATS, Bits, round_to
from conformance.judge.records import Result
from conformance.judge.tensor_accuracy import bar_of, groups, measure, region_of, verdict
from conformance.judge.tensor_answers import TensorAnswers, asked_of, tensors_of
from conformance.judge.tensor_kinds import judge_tensor_dtypes
from conformance.judge.tensors import judge_tensors
from conformance.observe.observation import Observation, Output, Subject
from conformance.standard import TENSOR_FUNCTIONS
from conformance.truth import ulps
from conformance.truth.tensors import Asked, Exact, exact
from tests.by_hand import Framework, Hand


def truth(name: str, tensors: dict[str, Any], quantity: str = "value", wrt: str = "", **options: Any) -> Exact:
    function = TENSOR_FUNCTIONS[name]
    arrays = {argument: np.asarray(numbers) for argument, numbers in tensors.items()}
    return exact(Asked(function, {**function.defaults(), **options}, arrays, quantity, wrt))


def bits(number: float, dtype: str) -> Bits:
    return round_to(np.array([number]), FORMATS[dtype])


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_distance_of_zero_is_off_by_its_rounding_at_most(dtype: str) -> None:
    """In float64 the bar, which the rounding of 12.0 makes, has more smallest subnormals than a float64 counts."""
    vector, unit = [[3.0, -4.0, 12.0, 0.5]], 2.0 ** (1 - FORMATS[dtype].precision)
    asked = truth("pairwise_distance", {"first": vector, "second": vector})
    for number, conforms in (
        (0.0, True),
        (8 * unit, True),
        (1000 * unit, False),
        (1e30 if dtype != "float16" else 60000.0, False),
        (np.nan, False),
    ):
        judged = measure(asked, bits(number, dtype), FORMATS[dtype])
        assert judged.conforms.tolist() == [conforms], number
        assert not judged.vacuous.any()


@pytest.mark.parametrize("dtype", FORMATS)
def test_at_a_kink_the_bar_is_that_of_the_nearer_end(dtype: str) -> None:
    """The derivative of max(1 − t·x, 0) at its kink, for x and t that are off by some ulp: −1 to 0 in x, no less and no more."""
    asked = truth("hinge_embedding", {"prediction": [1.0], "target": [-1.0]}, "gradient", "prediction")
    unit = 2.0 ** (1 - FORMATS[dtype].precision)
    numbers = (
        (-1.0, True),
        (-0.5, True),
        (0.0, True),
        (-1 - 2 * unit, True),
        (-1 - 64 * unit, False),
        (-3.0, False),
        (0.25, False),
        (np.nan, False),
    )
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


def test_forward_mode_may_lose_what_rounding_the_arguments_is_worth() -> None:
    """σ(x)·d − t·d where σ(x) is nearly t: a unit in the last place of either is many of the difference, as in reverse mode."""
    tensors = {"logits": [0.578125], "target": [0.66796875]}
    forward, reverse = (
        truth("binary_cross_entropy_with_logits", tensors, quantity, "logits")
        for quantity in ("forward_gradient", "gradient")
    )
    ours, theirs = (bar_of(asked, FORMATS["float32"])[0] for asked in (forward, reverse))
    assert 50 < ours <= theirs


def test_a_hessian_may_lose_what_a_sum_under_an_exponential_has_lost() -> None:
    """Logits that are large terms cancelled: 96·x − 96·x + x of which e^x is taken have lost 7 bits more than x itself."""
    options: dict[str, Any] = {"quantity": "hessian_vector", "wrt": "features"}
    plain, cancelled = (
        truth(
            "linear_cross_entropy",
            {"features": [[1.0, 1.0, 0.5]], "linear_weight": [[w, -w, 1.0], [0.0, 0.0, 0.25]], "labels": [0]},
            **options,
        )
        for w in (0.0, 96.0)
    )
    bars = [
        float((asked.slack * 2.0**asked.slack_exponent)[2] / abs(asked.truth.approximate()[2]))
        for asked in (plain, cancelled)
    ]
    assert bars[0] < 16 < 300 < bars[1]


def answers(
    name: str, case: dict[str, Any], tensors: dict[str, tuple[Any, str]], y: tuple[Any, str], binding: dict[str, Any]
) -> TensorAnswers:
    """One case about a function and the answer to it; tensors and answer as numbers and dtype."""
    blobs = {key: _bits(*given) for key, given in {**tensors, "y": y}.items()}
    inputs = tuple(
        Input(key, dtype, blobs[key].shape, "contiguous", key, (), False) for key, (_, dtype) in tensors.items()
    )
    function = TENSOR_FUNCTIONS[name]
    given = Case(
        name,
        "toy.loss",
        mode="eager",
        arguments={},
        inputs=inputs,
        **{"dtype": "float32", "parameters": function.defaults(), **case},
    )
    seen = Observation("toy", given, "returned", (Output("y", y[1], blobs["y"].shape),))
    subject = Subject("toy", "toy", "default", "cpu", {"toy": "1"})
    exacts: Any = SimpleNamespace(exact=exact)
    return TensorAnswers(
        subject, function, [seen], lambda item: blobs[item.blob], exacts, {f"{name}/toy.loss": binding}
    )


def _bits(numbers: Any, dtype: str) -> Any:
    if dtype in FORMATS:
        return round_to(np.asarray(numbers, dtype=np.float64).reshape(-1), FORMATS[dtype]).reshape(np.shape(numbers))
    return np.asarray(numbers, dtype=dtype).view(f"u{dtype}" if dtype.startswith("int") else np.uint8)


PAGE = "https://example.org/loss"


@pytest.mark.parametrize(
    ("unsound", "outcome"),
    [
        ({}, "deviates"),
        ({"gradient.variance.edge: variance below epsilon": PAGE}, "unspecified"),
        ({"gradient.variance.edge": PAGE}, "unspecified"),
        ({"gradient.variance.edge: variance tiny": PAGE}, "deviates"),
        ({"gradient.prediction.edge": PAGE}, "deviates"),
    ],
)
def test_what_a_page_says_of_a_place_is_no_deviation_there(unsound: dict[str, str], outcome: str) -> None:
    """The derivative of gaussian_nll in a variance below ε is 0; an entry point may document that it is something else."""
    function = TENSOR_FUNCTIONS["gaussian_nll"]
    case = {
        "topic": "edges", "quantity": "gradient", "wrt": "variance", "rule": "gradient.variance", "places": ("variance below epsilon: half of it",),
        "parameters": {**function.defaults(), "epsilon": 0.125},
    }  # fmt: skip
    tensors = {"prediction": ([1.5], "float32"), "target": ([0.5], "float32"), "variance": ([0.0625], "float32")}
    (result,) = _judged("gaussian_nll", case, tensors, ([7.0], "float32"), {"unsound": unsound})
    assert result.outcome == outcome
    assert (PAGE in result.message) == (outcome == "unspecified")
    assert (result.deviates, result.unspecified) == ((1, 0) if outcome == "deviates" else (0, 1))


def _judged(
    name: str, case: dict[str, Any], tensors: dict[str, tuple[Any, str]], y: tuple[Any, str], binding: dict[str, Any]
) -> list[Result]:
    return [one for one in judge_tensors(answers(name, case, tensors, y, binding)) if not one.rule.endswith(".flush")]


@pytest.mark.parametrize(("y", "outcome"), [([2, 0, 7], "conforms"), ([2, 0, 6], "deviates"), ([2, 0], "deviates")])
def test_of_whole_numbers_a_whole_result_is_right_if_it_is_exact(y: list[int], outcome: str) -> None:
    case = {"topic": "dtypes", "quantity": "value", "rule": "dtype.integer", "detail": "prediction-int32"}
    tensors = {"prediction": ([-1, 4, 7], "int32"), "target": ([-1.0, -1.0, 1.0], "float32")}
    (result,) = judge_tensor_dtypes(answers("hinge_embedding", case, tensors, (y, "int32"), {}))
    assert result.outcome == outcome


def test_without_elements_another_dtype_is_the_business_of_the_rule_about_dtypes() -> None:
    case = {"topic": "sizes", "quantity": "value", "rule": "size.empty", "detail": "empty"}
    tensors: dict[str, tuple[Any, str]] = {"prediction": (np.zeros(0), "float32"), "target": (np.zeros(0), "float32")}
    for shape, dtype, outcome in (
        (0, "float32", "conforms"),
        (0, "float64", "unspecified"),
        (1, "float32", "deviates"),
    ):
        (result,) = _judged("hinge_embedding", case, tensors, (np.zeros(shape), dtype), {})
        assert result.outcome == outcome, (shape, dtype)


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_what_is_wrong_at_one_place_is_said_of_that_place(mode: str) -> None:
    """Also where the places are a loop of rank 2, as under a compiler."""
    hand = Hand("soft_cross_entropy", mode=mode, framework=Framework(recompiles=("compiled",)))
    case = next(case for case in hand.cases("edges") if "logits equal: all 1.5" in case.places)
    exact_one = exact(asked_of(TENSOR_FUNCTIONS[case.function], case, hand.read))
    right, format = ulps.rounded(exact_one.truth, FORMATS[case.dtype]), FORMATS[case.dtype]
    assert exact_one.shape == ((len(case.places),) if mode == "eager" else (4, 8))
    number = case.places.index("logits equal: all 1.5")
    observed = right.copy()
    observed[number] += 1 << 16
    judged, tensors = measure(exact_one, observed, format), tensors_of(case, hand.read)
    rules = dict.fromkeys(("value", "edge", "nan"))
    bad = [one for group in groups(case, judged, rules) if (one := verdict(case, judged, group, tensors)).deviates]
    assert [(one.rule, one.region, one.deviates) for one in bad] == [("edge", region_of(case.places[number]), 1)]
    assert bad[0].worst is not None
    assert bad[0].worst.input[0] == "logits = [1.5, 1.5, 1.5, 1.5, 1.5]"


def test_what_nothing_is_prescribed_for_is_told_apart_from_what_is_wrong_beside_it() -> None:
    """Of two places of one region, rounding leaves one any number; the other is wrong."""
    hand = Hand("soft_cross_entropy", mode="eager")
    case = next(case for case in hand.cases("edges") if "logits equal: all 1.5" in case.places)
    exact_one = exact(asked_of(TENSOR_FUNCTIONS[case.function], case, hand.read))
    right, format = ulps.rounded(exact_one.truth, FORMATS[case.dtype]), FORMATS[case.dtype]
    wrong, other = (case.places.index(f"logits equal: all {number}") for number in ("1.5", "1000"))
    observed = right.copy()
    observed[wrong] += 1 << 16
    judged, tensors = measure(exact_one, observed, format), tensors_of(case, hand.read)
    judged.vacuous[other] = True
    mine = {group.region: group for group in groups(case, judged, {"edge": None})}
    assert wrong in mine["logits equal"].members
    assert mine["logits equal (free)"].members.tolist() == [other]
    found = [verdict(case, judged, mine[region], tensors) for region in ("logits equal", "logits equal (free)")]
    assert [(one.deviates, one.unspecified) for one in found] == [(1, 0), (0, 1)]
