"""Our cores of classification, embedding, segmentation and sequence losses: closed forms, gradients against central
differences in float64, and that what is masked or ignored takes no part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from backends.numpy_functions.tensors import classification, embedding, segmentation, sequence
from backends.numpy_functions.tensors.core import Core

CORES: Mapping[str, Core] = {**classification.CORES, **embedding.CORES, **segmentation.CORES, **sequence.CORES}

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
    return numbers / numbers.sum(axis=-1, keepdims=True)


def _one_hot(*shape: int) -> np.ndarray:
    labels = np.random.default_rng(23).integers(shape[-1], size=shape[:-1])
    return np.eye(shape[-1])[labels]


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
    ("categorical_focal", WIDE, {**FOCAL, **SMOOTHING}),
    ("categorical_focal", WIDE, {**FOCAL, "gamma": 0.5, "clip": 0.25}),
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
    ("cosine_embedding", {**VECTORS, "target": np.array([1.0, -1.0, -1.0, 1.0])}, {"margin": -0.75, "epsilon": 0.0}),
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


def _central_difference(name: str, arrays: Mapping[str, Any], options: Mapping[str, Any], wrt: str, cotangent: np.ndarray) -> np.ndarray:
    numbers = arrays[wrt]
    slope = np.zeros_like(numbers)
    for place in np.ndindex(numbers.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = numbers.copy()
            moved[place] += step
            sides.append(np.sum(_numbers(CORES[name].value({**arrays, wrt: moved}, options)) * cotangent))
        slope[place] = (sides[0] - sides[1]) / 2e-6
    return slope


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
