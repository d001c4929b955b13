"""Our cores of classification, embedding, segmentation and sequence losses: closed forms, gradients against central
differences in float64, and that what is masked or ignored takes no part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from conformance import registry

CORES: Mapping[str, Any] = {
    name: core
    for family in ("classification", "embedding", "segmentation", "sequence")
    for name, core in registry.load(f"conformance.backends.numpy_functions.tensors.{family}:CORES").items()
}

LABELS = np.array([2, 0, 1, 3])
SMOOTHING = {"label_smoothing": 0.3}
FOCAL = {"gamma": 2.5, "alpha": 0.3, "label_smoothing": 0.0, "clip": 0.0}
COSINE = {"epsilon": 0.0, "floor": "each", "factor": 1.0}
REGIONS = {"alpha": 0.3, "beta": 0.8, "smooth": 0.5}
CLASSES = {**REGIONS, "ignore_background": False, "classes": "mean"}


def _generator() -> np.random.Generator:
    return np.random.default_rng(20)


def _real(*shape: int) -> np.ndarray:
    return _generator().normal(size=shape)


def _other(*shape: int) -> np.ndarray:
    return np.random.default_rng(21).normal(size=shape) + 0.125


def _probability(*shape: int) -> np.ndarray:
    return _generator().uniform(0.1, 0.9, size=shape)


def _distribution(*shape: int) -> np.ndarray:
    numbers = np.random.default_rng(22).uniform(0.1, 1.0, size=shape)
    return np.asarray(numbers / numbers.sum(axis=-1, keepdims=True))


def _one_hot(*shape: int) -> np.ndarray:
    labels = np.random.default_rng(23).integers(shape[-1], size=shape[:-1])
    return np.asarray(np.eye(shape[-1])[labels])


def _some(*shape: int) -> np.ndarray:
    mask = np.random.default_rng(24).uniform(size=shape) < 0.75
    mask[..., 0] = True
    return mask


def _sign(*shape: int) -> np.ndarray:
    return np.where(_real(*shape) > 0, 1.0, -1.0)


WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25])
WIDE = {"prediction": _probability(4, 3), "target": _distribution(4, 3)}
LOGITS = {"logits": 3 * _real(4, 5), "target": _distribution(4, 5)}
SCORES = {"scores": 3 * _real(4, 4), "labels": LABELS}
VECTORS = {"first": _real(4, 3), "second": _other(4, 3), "where": None}
TRIPLET = {"anchor": _real(5, 3), "positive": _other(5, 3), "negative": _distribution(5, 3)}
GROUPS = np.array([[0, 1, 0, 2, 1, 2]])
PATHS = {
    "labels": np.array([[1, 2, 2], [3, 1, 0], [2, 2, 2], [1, 1, 1]]),
    "input_length": np.array([6, 5, 3, 4]),
    "label_length": np.array([3, 2, 1, 0]),
}
LABELLED = {"labels": LABELS, "class_weight": WEIGHTS, "where": None}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("binary_cross_entropy", WIDE, {"log_floor": -math.inf, "clip": 0.0, **SMOOTHING}),
    ("binary_cross_entropy", WIDE, {"log_floor": -0.7, "clip": 0.0, "label_smoothing": 0.0}),
    ("binary_cross_entropy", WIDE, {"log_floor": -math.inf, "clip": 0.3, "label_smoothing": 0.0}),
    ("binary_cross_entropy_with_logits", {**LOGITS, "pos_weight": None}, SMOOTHING),
    ("binary_cross_entropy_with_logits", {**LOGITS, "pos_weight": _probability(4, 5)}, SMOOTHING),
    ("cross_entropy", {"logits": _real(4, 4), **LABELLED}, {"ignore_index": None, "label_smoothing": 0.0}),
    ("cross_entropy", {"logits": _real(4, 4), **LABELLED}, {"ignore_index": 1, **SMOOTHING}),
    ("cross_entropy", {"logits": _real(4, 4), **LABELLED, "where": np.eye(4, dtype=bool)[LABELS] | _some(4, 4)},
     {"ignore_index": None, **SMOOTHING}),
    ("soft_cross_entropy", {**LOGITS, "class_weight": None, "where": _some(4, 5)}, SMOOTHING),
    ("soft_cross_entropy", {**LOGITS, "class_weight": np.arange(5.0), "where": None}, {"label_smoothing": 0.0}),
    ("categorical_cross_entropy", WIDE, {"clip": 0.0, "normalise": True, **SMOOTHING}),
    ("categorical_cross_entropy", WIDE, {"clip": 0.0, "normalise": False, "label_smoothing": 0.0}),
    ("categorical_cross_entropy", WIDE, {"clip": 0.25, "normalise": True, "label_smoothing": 0.0}),
    ("sparse_categorical_cross_entropy", {"prediction": _probability(4, 4), "labels": LABELS},
     {"clip": 0.0, "ignore_index": 3, "normalise": True}),
    ("sparse_categorical_cross_entropy", {"prediction": _probability(4, 4), "labels": LABELS},
     {"clip": 0.25, "ignore_index": None, "normalise": False}),
    ("nll", {"log_probabilities": _real(4, 4), "labels": LABELS, "class_weight": WEIGHTS}, {"ignore_index": 1}),
    ("linear_cross_entropy",
     {"features": _real(4, 3), "linear_weight": _other(4, 3), "linear_bias": _real(4), "labels": LABELS, "class_weight": WEIGHTS},
     {"ignore_index": 1, **SMOOTHING}),
    ("binary_focal", WIDE, {**FOCAL, "balanced": True, **SMOOTHING}),
    ("binary_focal", WIDE, {**FOCAL, "balanced": False, "gamma": 0.5, "clip": 0.25}),
    ("binary_focal_with_logits", LOGITS, {**FOCAL, "balanced": True, **SMOOTHING}),
    ("binary_focal_with_logits", LOGITS, {**FOCAL, "balanced": False, "gamma": 0.5, "clip": 0.25}),
    ("categorical_focal", WIDE, {**FOCAL, **SMOOTHING, "normalise": True}),
    ("categorical_focal", WIDE, {**FOCAL, "gamma": 0.5, "clip": 0.25, "normalise": False}),
    ("categorical_focal_with_logits", LOGITS, {**FOCAL, **SMOOTHING}),
    ("categorical_focal_with_logits", LOGITS, {**FOCAL, "gamma": 0.0, "clip": 0.25}),
    ("generalized_cross_entropy", {"prediction": _probability(4, 4), "labels": LABELS}, {"q": 0.7, "clip": 0.0}),
    ("generalized_cross_entropy", {"prediction": _probability(4, 4), "labels": LABELS}, {"q": 0.3, "clip": 0.25}),
    ("poly_loss", {**LOGITS, "where": None}, {"epsilon": -1.0}),
    ("poly_loss", {**LOGITS, "where": _some(4, 5)}, {"epsilon": 2.0}),
    *((name, {"prediction": 2 * _real(4, 3), "target": _sign(4, 3)}, {"labels": "signed"})
      for name in ("hinge", "squared_hinge", "perceptron")),
    ("squared_hinge", {"prediction": 2 * _real(4, 3), "target": (_sign(4, 3) + 1) / 2}, {"labels": "binary"}),
    ("categorical_hinge", {"prediction": _real(4, 5), "target": _one_hot(4, 5)}, {}),
    ("multiclass_hinge", SCORES, {}),
    ("multiclass_perceptron", SCORES, {}),
    ("multiclass_sparsemax", SCORES, {}),
    ("multiclass_sparsemax", {"scores": _real(4, 4) / 4, "labels": LABELS}, {}),
    ("sparsemax_loss", {"logits": _real(4, 3), "target": (_sign(4, 3) + 1) / 2}, {}),
    ("fenchel_young", {"scores": 2 * _real(4, 5), "target": _distribution(4, 5)}, {}),
    ("smooth_labels", {"target": _distribution(4, 5), "where": None}, {"alpha": 0.3}),
    ("cosine_similarity", VECTORS, {**COSINE, "factor": -1.5}),
    ("cosine_similarity", {**VECTORS, "where": _some(4, 3)}, {**COSINE, "epsilon": 1.4}),
    ("cosine_similarity", VECTORS, {**COSINE, "epsilon": 2.0, "floor": "product"}),
    ("cosine_similarity", VECTORS, {**COSINE, "epsilon": 2.0, "floor": "square_sum"}),
    ("cosine_distance", VECTORS, COSINE),
    ("cosine_embedding", {**VECTORS, "target": np.array([1.0, -1.0, -1.0, 1.0])}, {"margin": -0.75, "epsilon": 0.0, "floor": "each"}),
    ("cosine_embedding", {**VECTORS, "target": np.array([1.0, -1.0, -1.0, 1.0])}, {"margin": -0.75, "epsilon": 0.5, "floor": "added"}),
    *(("pairwise_distance", VECTORS, {"p": p, "epsilon": 1e-3}) for p in (1, 2, 3.5, math.inf)),
    ("triplet_margin", TRIPLET, {"margin": 1.0, "p": 2, "epsilon": 1e-3, "swap": False, "epsilon_in": "difference"}),
    ("triplet_margin", TRIPLET, {"margin": 2.0, "p": 3, "epsilon": 0.5, "swap": True, "epsilon_in": "sum"}),
    ("circle", {"embeddings": _real(1, 6, 3) / 2, "labels": GROUPS}, {"gamma": 4.0, "margin": 0.25, "remove_diagonal": True}),
    ("circle", {"embeddings": _real(1, 6, 3) / 2, "labels": GROUPS}, {"gamma": 4.0, "margin": 0.25, "remove_diagonal": False}),
    ("ntxent", {"embeddings": _real(1, 6, 3), "labels": GROUPS}, {"temperature": 0.5}),
    ("ranking_softmax", {"logits": _real(4, 5), "relevance": _probability(4, 5), "where": _some(4, 5), "weights": _probability(4, 5)}, {}),
    ("ranking_softmax", {"logits": _real(4, 5), "relevance": _probability(4, 5), "where": None, "weights": None}, {}),
    ("dice", WIDE, {"smooth": 0.5, "epsilon": 0.25}),
    ("tversky", WIDE, {**REGIONS, "epsilon": 0.25}),
    ("binary_dice", LOGITS, REGIONS),
    ("multiclass_dice", {"logits": _real(2, 4, 3), "target": _one_hot(2, 4, 3), "class_weight": None}, CLASSES),
    ("multiclass_dice", {"logits": _real(2, 4, 3), "target": _one_hot(2, 4, 3), "class_weight": WEIGHTS[:3]},
     {**CLASSES, "ignore_background": True, "classes": "sum"}),
    ("multiclass_dice_per_class", {"logits": _real(2, 4, 3), "target": _one_hot(2, 4, 3), "class_weight": WEIGHTS[:3]}, REGIONS),
    ("multiclass_dice_of_probabilities", {"prediction": _distribution(2, 4, 3), "target": _one_hot(2, 4, 3), "class_weight": WEIGHTS[:3]},
     CLASSES),
    *(("generalized_dice", {"logits": _real(1, 2, 5, 3), "target": _distribution(1, 2, 5, 3)},
       {"smooth": 0.5, "epsilon": 0.25, "weighting": weighting, "ignore_background": ignored})
      for weighting in ("ratio", "mean") for ignored in (False, True)),
    ("ctc", {"log_probabilities": _real(4, 6, 4), **PATHS}, {"blank": 0, "zero_infinity": False, "normalise": True}),
    ("ctc_with_logits", {"logits": _real(4, 6, 4), **PATHS}, {"blank": 0}),
]  # fmt: skip


def _numbers(outcome: Any) -> np.ndarray:
    return np.asarray(outcome[0] if isinstance(outcome, tuple) else outcome)


def _central_difference(
    name: str, arrays: Mapping[str, Any], options: Mapping[str, Any], wrt: str, cotangent: np.ndarray
) -> np.ndarray:
    numbers = arrays[wrt]
    slope = np.zeros_like(numbers)
    for place in np.ndindex(numbers.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = numbers.copy()
            moved[place] += step
            sides.append(np.sum(_numbers(CORES[name].value({**arrays, wrt: moved}, options)) * cotangent))
        slope[place] = (sides[0] - sides[1]) / 2e-6
    return np.asarray(slope)


def test_every_core_is_differentiated() -> None:
    assert {name for name, _, _ in CASES} == set(CORES)


@pytest.mark.parametrize(("name", "arrays", "options"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_gradient_is_that_of_the_value(name: str, arrays: dict[str, Any], options: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        value = _numbers(CORES[name].value(arrays, options))
        assert np.isfinite(value).all()
        cotangent = np.random.default_rng(25).normal(size=value.shape)
        found = CORES[name].gradient(arrays, options, cotangent)
        assert found
        for wrt, slope in found.items():
            assert slope.shape == arrays[wrt].shape
            assert slope.dtype == np.float64
            np.testing.assert_allclose(
                slope, _central_difference(name, arrays, options, wrt, cotangent), rtol=2e-7, atol=2e-8, err_msg=wrt
            )


@pytest.mark.parametrize(("name", "arrays", "options"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_float32_stays_float32(name: str, arrays: dict[str, Any], options: dict[str, Any]) -> None:
    narrow = {
        key: array.astype(np.float32) if array is not None and array.dtype == np.float64 else array
        for key, array in arrays.items()
    }
    wide = {
        key: array.astype(np.float64) if array is not None and array.dtype == np.float32 else array
        for key, array in narrow.items()
    }
    with np.errstate(all="ignore"):
        value, exact = _numbers(CORES[name].value(narrow, options)), _numbers(CORES[name].value(wide, options))
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, exact, rtol=3e-6, atol=3e-7)
        cotangent = np.ones_like(value)
        slopes = CORES[name].gradient(narrow, options, cotangent)
        exact_slopes = CORES[name].gradient(wide, options, cotangent.astype(np.float64))
        for wrt, slope in slopes.items():
            assert slope.dtype == np.float32
            np.testing.assert_allclose(slope, exact_slopes[wrt], rtol=1e-5, atol=3e-6, err_msg=wrt)


def _value(name: str, arrays: Mapping[str, Any], **options: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        return _numbers(CORES[name].value(arrays, options))


def _slope(name: str, wrt: str, arrays: Mapping[str, Any], **options: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        shape = _numbers(CORES[name].value(arrays, options)).shape
        return np.asarray(CORES[name].gradient(arrays, options, np.ones(shape, np.float32))[wrt])


def _single(*numbers: Any) -> np.ndarray:
    return np.array([numbers], np.float32)


def test_cross_entropy_keeps_its_digits_where_the_label_is_nearly_certain() -> None:
    arrays = {"logits": _single(60.0, 0.0), "labels": np.array([0]), "class_weight": None, "where": None}
    options = {"ignore_index": None, "label_smoothing": 0.0}
    np.testing.assert_allclose(_value("cross_entropy", arrays, **options), [math.exp(-60)], rtol=1e-6)
    expected = [[-math.exp(-60), math.exp(-60)]]
    np.testing.assert_allclose(_slope("cross_entropy", "logits", arrays, **options), expected, rtol=1e-6)


def test_an_ignored_sample_and_a_masked_class_take_no_part() -> None:
    arrays = {
        "logits": np.array([[math.nan, math.nan, 1], [1, 2, math.nan]], np.float32),
        "labels": np.array([-100, 0]),
        "class_weight": np.array([0.5, 1, 1], np.float32),
        "where": np.array([[True, True, True], [True, True, False]]),
    }
    options = {"ignore_index": -100, "label_smoothing": 0.0}
    with np.errstate(all="ignore"):
        result, weight = CORES["cross_entropy"].value(arrays, options)
    np.testing.assert_allclose(result, [0, 0.5 * math.log1p(math.e)], rtol=1e-6)
    np.testing.assert_array_equal(weight, [0, 0.5])
    p = 1 / (1 + math.exp(-1))
    expected = [[0.0, 0.0, 0.0], [-0.5 * p, 0.5 * p, 0.0]]
    np.testing.assert_allclose(_slope("cross_entropy", "logits", arrays, **options), expected, rtol=1e-6)


def test_a_weight_does_not_come_too_late_for_a_tail() -> None:
    arrays = {"logits": _single(120.0), "target": _single(1.0), "pos_weight": _single(1e30)}
    np.testing.assert_allclose(
        _value("binary_cross_entropy_with_logits", arrays, label_smoothing=0.0), [[1e30 * math.exp(-120)]], rtol=1e-6
    )
    np.testing.assert_allclose(
        _slope("binary_cross_entropy_with_logits", "logits", arrays, label_smoothing=0.0),
        [[-1e30 * math.exp(-120)]],
        rtol=1e-6,
    )


def test_logits_whose_distance_overflows_with_a_small_target() -> None:
    arrays = {"logits": _single(3e38, -3e38), "target": _single(0.875, 0.125), "class_weight": None, "where": None}
    np.testing.assert_allclose(_value("soft_cross_entropy", arrays, label_smoothing=0.0), [0.125 * 6e38], rtol=1e-6)


def test_nothing_times_an_infinite_logarithm_is_nothing() -> None:
    options = {"log_floor": -math.inf, "clip": 0.0, "label_smoothing": 0.0}
    arrays = {"prediction": _single(0.0, 1.0, 0.0), "target": _single(0.0, 1.0, 1.0)}
    np.testing.assert_array_equal(_value("binary_cross_entropy", arrays, **options), [[0, 0, math.inf]])
    np.testing.assert_array_equal(_slope("binary_cross_entropy", "prediction", arrays, **options), [[1, -1, -math.inf]])
    soft = {"logits": _single(1.0, -math.inf), "target": _single(1.0, 0.0), "class_weight": None, "where": None}
    np.testing.assert_array_equal(_value("soft_cross_entropy", soft, label_smoothing=0.0), [0])
    np.testing.assert_array_equal(_slope("soft_cross_entropy", "logits", soft, label_smoothing=0.0), [[0, 0]])


def test_the_clip_is_the_number_that_was_given() -> None:
    # In float32 1 − 1e-7 is 1 − 1.19e-7, whose complement is a fifth too large.
    arrays = {"prediction": _single(1.0), "target": _single(0.0)}
    found = _value("binary_cross_entropy", arrays, log_floor=-math.inf, clip=1e-7, label_smoothing=0.0)
    np.testing.assert_allclose(found, [[-math.log(1e-7)]], rtol=1e-7)


def test_focal_loss_of_an_easy_example() -> None:
    options = {"gamma": 2.0, "alpha": None, "balanced": False, "label_smoothing": 0.0, "clip": 0.0}
    arrays = {"logits": _single(25.0), "target": _single(1.0)}
    np.testing.assert_allclose(_value("binary_focal_with_logits", arrays, **options), [[math.exp(-75)]], rtol=1e-6)
    np.testing.assert_allclose(
        _slope("binary_focal_with_logits", "logits", arrays, **options), [[-3 * math.exp(-75)]], rtol=1e-6
    )


def test_poly_loss_without_its_first_term() -> None:
    arrays = {"logits": _single(12.0, 0.0), "target": _single(1.0, 0.0), "where": None}
    q = 1 / (1 + math.exp(12))
    np.testing.assert_allclose(_value("poly_loss", arrays, epsilon=-1.0), [q * q / 2 + q**3 / 3], rtol=1e-6)
    np.testing.assert_allclose(_slope("poly_loss", "logits", arrays, epsilon=-1.0), [[-q * q, q * q]], rtol=1e-6)


@pytest.mark.parametrize(
    ("scores", "loss", "slope"),
    [
        ((2.5, 1.0), 0.0, (0, 0)),
        ((1.75, 1.0), 0.25**2 / 4, (-0.125, 0.125)),
        ((1.0, 2.5), 1.5, (-1, 1)),
        ((0.0, 3e38), 3e38, (-1, 1)),
    ],
)
def test_multiclass_sparsemax(scores: tuple[float, float], loss: float, slope: tuple[float, float]) -> None:
    arrays = {"scores": _single(*scores), "labels": np.array([0])}
    np.testing.assert_allclose(_value("multiclass_sparsemax", arrays), [loss], rtol=1e-6)
    np.testing.assert_allclose(_slope("multiclass_sparsemax", "scores", arrays), [slope], rtol=1e-6)


def test_cosines_of_vectors_that_are_nearly_parallel_tiny_or_huge() -> None:
    turn = 1e-3
    arrays = {"first": _single(1.0, 0.0), "second": _single(1.0, turn), "where": None}
    found = _value("cosine_distance", arrays, epsilon=0.0, floor="each")
    np.testing.assert_allclose(found, [1 - math.cos(math.atan(float(np.float32(turn))))], rtol=1e-5)
    arrays = {"first": _single(3e-40, 4e-40), "second": _single(2e38, 0.0), "where": None}
    np.testing.assert_allclose(
        _value("cosine_similarity", arrays, epsilon=0.0, floor="each", factor=-1.0), [-0.6], rtol=1e-5
    )


def test_norms_do_not_overflow_on_the_way() -> None:
    arrays = {"first": _single(3e38, 0.0), "second": _single(0.0, 1e38)}
    np.testing.assert_allclose(_value("pairwise_distance", arrays, p=2, epsilon=0.0), [math.sqrt(10) * 1e38], rtol=1e-6)
    np.testing.assert_allclose(
        _slope("pairwise_distance", "first", arrays, p=2, epsilon=0.0),
        [[0.3 * math.sqrt(10), -0.1 * math.sqrt(10)]],
        rtol=1e-6,
    )


def test_equal_vectors_have_distance_0_and_gradient_0() -> None:
    arrays = {"first": _single(1.0, -2.0), "second": _single(1.0, -2.0)}
    for p in (1, 2, 3, math.inf):
        assert _value("pairwise_distance", arrays, p=p, epsilon=0.0) == 0
        np.testing.assert_array_equal(_slope("pairwise_distance", "first", arrays, p=p, epsilon=0.0), [[0, 0]])


def test_dice_of_an_almost_right_prediction() -> None:
    arrays = {"prediction": _single(1 - 2.0**-20, 0.0), "target": _single(1.0, 0.0)}
    expected = 2.0**-20 / (2 - 2.0**-20)
    np.testing.assert_allclose(_value("dice", arrays, smooth=0.0, epsilon=0.0), [expected], rtol=1e-6)


def test_generalized_dice_by_its_formula() -> None:
    logits, target = _real(2, 5, 3), _one_hot(2, 5, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    w = 1 / (target.sum(axis=(0, 1)) ** 2 + 0.25)
    shared, size = (p * target).sum(axis=1) + 0.5, (p + target).sum(axis=1) / 2 + 0.5
    arrays = {"logits": logits[None], "target": target[None]}
    options = {"smooth": 0.5, "epsilon": 0.25, "ignore_background": True}
    ratio = 1 - (w * shared)[:, 1:].sum(axis=1) / (w * size)[:, 1:].sum(axis=1)
    np.testing.assert_allclose(
        _value("generalized_dice", arrays, weighting="ratio", **options), [ratio.mean()], rtol=1e-12
    )
    mean = ((w / w.sum() * 3) * (1 - shared / size))[:, 1:].mean()
    np.testing.assert_allclose(_value("generalized_dice", arrays, weighting="mean", **options), [mean], rtol=1e-12)


def _collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for i, c in enumerate(path) if c != 0 and (i == 0 or path[i - 1] != c))


@pytest.mark.parametrize("labels", [(), (1,), (2, 1), (1, 1), (1, 1, 2)])
def test_ctc_adds_up_all_alignments(labels: tuple[int, ...]) -> None:
    p = _distribution(5, 3)
    paths = [path for path in itertools.product(range(3), repeat=5) if _collapsed(path) == labels]
    chances = np.array([math.prod(p[t, c] for t, c in enumerate(path)) for path in paths])
    occupancy = np.zeros((5, 3))
    for path, chance in zip(paths, chances, strict=True):
        occupancy[np.arange(5), path] += chance / chances.sum()
    padded = np.array([[*labels, *(2,) * (4 - len(labels))]])
    beyond = np.concatenate([np.log(p), np.full((2, 3), math.nan)])[None]
    arrays = {"labels": padded, "input_length": np.array([5]), "label_length": np.array([len(labels)])}
    options = {"blank": 0, "zero_infinity": False, "normalise": False}
    found = _value("ctc", {**arrays, "log_probabilities": beyond}, **options)
    np.testing.assert_allclose(found, [-math.log(chances.sum())], rtol=1e-12)
    slope = _slope("ctc", "log_probabilities", {**arrays, "log_probabilities": beyond}, **options)
    np.testing.assert_allclose(slope[0, :5], -occupancy, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(slope[0, 5:], 0)
    logits = {**arrays, "logits": beyond + 7}
    np.testing.assert_allclose(_value("ctc_with_logits", logits, blank=0), found, rtol=1e-12)
    np.testing.assert_allclose(
        _slope("ctc_with_logits", "logits", logits, blank=0)[0, :5], p - occupancy, rtol=1e-9, atol=1e-12
    )


def test_ctc_without_an_alignment() -> None:
    arrays = {
        "log_probabilities": np.log(_distribution(1, 3, 3)).astype(np.float32),
        "labels": np.array([[1, 1]]),
        "input_length": np.array([2]),
        "label_length": np.array([2]),
    }
    assert _value("ctc", arrays, blank=0, zero_infinity=False, normalise=False) == math.inf
    options = {"blank": 0, "zero_infinity": True, "normalise": False}
    assert _value("ctc", arrays, **options) == 0
    assert not _slope("ctc", "log_probabilities", arrays, **options).any()
    nothing = {**arrays, "input_length": np.array([0]), "label_length": np.array([0])}
    assert _value("ctc", nothing, blank=0, zero_infinity=False, normalise=True) == 0


def test_ntxent_and_circle_by_their_formulas() -> None:
    x, labels = _real(6, 3), GROUPS[0]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    s = np.exp(unit @ unit.T / 0.5)
    same = labels[:, None] == labels[None, :]
    terms = [
        -math.log(s[i, j] / (s[i, j] + s[i, ~same[i]].sum()))
        for i in range(6)
        for j in range(6)
        if i != j and same[i, j]
    ]
    found = _value("ntxent", {"embeddings": x[None], "labels": GROUPS}, temperature=0.5)
    np.testing.assert_allclose(found, [np.mean(terms)], rtol=1e-12)
    d = np.maximum(1 - unit @ unit.T, 0)
    alike, apart = np.exp(4 * (d + 0.25) * (d - 0.25)), np.exp(4 * np.maximum(1.25 - d, 0) * (0.75 - d))
    expected = [
        math.log1p((alike[i] * same[i])[np.arange(6) != i].sum() * (apart[i] * ~same[i]).sum()) for i in range(6)
    ]
    arrays = {"embeddings": unit[None], "labels": GROUPS}
    np.testing.assert_allclose(
        _value("circle", arrays, gamma=4.0, margin=0.25, remove_diagonal=True), [expected], rtol=1e-10
    )
