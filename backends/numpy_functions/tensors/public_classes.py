"""Functions of tensors that classify: the public functions, one line each.

Arguments are arrays that agree exactly in shape (core dimensions apart) and dtype: float16, bfloat16, float32 or float64; labels and
lengths are whole numbers, masks bool. The result has that dtype. Options and errors are those of `evaluate`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import evaluate

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal",
    "binary_focal_with_logits",
    "categorical_cross_entropy",
    "categorical_focal",
    "categorical_focal_with_logits",
    "categorical_hinge",
    "cross_entropy",
    "fenchel_young",
    "generalized_cross_entropy",
    "hinge",
    "linear_cross_entropy",
    "multiclass_hinge",
    "multiclass_perceptron",
    "multiclass_sparsemax",
    "nll",
    "perceptron",
    "poly_loss",
    "smooth_labels",
    "soft_cross_entropy",
    "sparse_categorical_cross_entropy",
    "sparsemax_loss",
    "squared_hinge",
]


def binary_cross_entropy(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    log_floor: float = -math.inf,
    clip: float = 0.0,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−t·log p − (1 − t)·log(1 − p), logarithms not below `log_floor`, p clipped to [clip, 1 − clip]."""
    return evaluate(
        "binary_cross_entropy",
        {"prediction": prediction, "target": target, "weight": weight},
        {
            "log_floor": log_floor,
            "clip": clip,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
            "rows": rows,
            "axis": axis,
        },
    )


def binary_cross_entropy_with_logits(
    logits: Any,
    target: Any,
    pos_weight: Any = None,
    weight: Any = None,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Binary cross entropy of the sigmoid of logits; `pos_weight` multiplies the term of the target."""
    return evaluate(
        "binary_cross_entropy_with_logits",
        {"logits": logits, "target": target, "pos_weight": pos_weight, "weight": weight},
        {"label_smoothing": label_smoothing, "reduction": reduction, "rows": rows, "axis": axis},
    )


def cross_entropy(
    logits: Any,
    labels: Any,
    class_weight: Any = None,
    where: Any = None,
    weight: Any = None,
    *,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−log softmax(logits) at the label along the axis, times the class weight."""
    return evaluate(
        "cross_entropy",
        {"logits": logits, "labels": labels, "class_weight": class_weight, "where": where, "weight": weight},
        {"ignore_index": ignore_index, "label_smoothing": label_smoothing, "reduction": reduction, "axis": axis},
    )


def soft_cross_entropy(
    logits: Any,
    target: Any,
    class_weight: Any = None,
    where: Any = None,
    weight: Any = None,
    *,
    label_smoothing: float = 0.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−Σ target · log softmax(logits) along the axis, each term times its class weight."""
    return evaluate(
        "soft_cross_entropy",
        {"logits": logits, "target": target, "class_weight": class_weight, "where": where, "weight": weight},
        {"label_smoothing": label_smoothing, "reduction": reduction, "axis": axis},
    )


def categorical_cross_entropy(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    clip: float = 0.0,
    label_smoothing: float = 0.0,
    normalise: bool = True,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−Σ target · log prediction along the axis; `normalise` divides the prediction by its sum first."""
    return evaluate(
        "categorical_cross_entropy",
        {"prediction": prediction, "target": target, "weight": weight},
        {
            "clip": clip,
            "label_smoothing": label_smoothing,
            "normalise": normalise,
            "reduction": reduction,
            "axis": axis,
        },
    )


def sparse_categorical_cross_entropy(
    prediction: Any,
    labels: Any,
    weight: Any = None,
    *,
    clip: float = 0.0,
    ignore_index: int | None = None,
    normalise: bool = True,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−log prediction at the label along the axis; `normalise` divides by the sum."""
    return evaluate(
        "sparse_categorical_cross_entropy",
        {"prediction": prediction, "labels": labels, "weight": weight},
        {"clip": clip, "ignore_index": ignore_index, "normalise": normalise, "reduction": reduction, "axis": axis},
    )


def nll(
    log_probabilities: Any,
    labels: Any,
    class_weight: Any = None,
    weight: Any = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−(log probability at the label) along the axis, times the class weight."""
    return evaluate(
        "nll",
        {"log_probabilities": log_probabilities, "labels": labels, "class_weight": class_weight, "weight": weight},
        {"ignore_index": ignore_index, "reduction": reduction, "axis": axis},
    )


def linear_cross_entropy(
    features: Any,
    linear_weight: Any,
    labels: Any,
    linear_bias: Any = None,
    class_weight: Any = None,
    weight: Any = None,
    *,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "none",
) -> np.ndarray:
    """Cross entropy of the logits features · linear_weightᵀ + linear_bias."""
    return evaluate(
        "linear_cross_entropy",
        {
            "features": features,
            "linear_weight": linear_weight,
            "labels": labels,
            "linear_bias": linear_bias,
            "class_weight": class_weight,
            "weight": weight,
        },
        {"ignore_index": ignore_index, "label_smoothing": label_smoothing, "reduction": reduction},
    )


def binary_focal(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    balanced: bool = False,
    label_smoothing: float = 0.0,
    clip: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Binary cross entropy times (1 − probability of what is true)^gamma (Lin et al. 2017)."""
    return evaluate(
        "binary_focal",
        {"prediction": prediction, "target": target, "weight": weight},
        {
            "gamma": gamma,
            "alpha": alpha,
            "balanced": balanced,
            "label_smoothing": label_smoothing,
            "clip": clip,
            "reduction": reduction,
            "rows": rows,
            "axis": axis,
        },
    )


def binary_focal_with_logits(
    logits: Any,
    target: Any,
    weight: Any = None,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    balanced: bool = False,
    label_smoothing: float = 0.0,
    clip: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """binary_focal of the sigmoid of logits; without alpha nothing is balanced."""
    return evaluate(
        "binary_focal_with_logits",
        {"logits": logits, "target": target, "weight": weight},
        {
            "gamma": gamma,
            "alpha": alpha,
            "balanced": balanced,
            "label_smoothing": label_smoothing,
            "clip": clip,
            "reduction": reduction,
            "rows": rows,
            "axis": axis,
        },
    )


def categorical_focal(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    label_smoothing: float = 0.0,
    clip: float = 0.0,
    normalise: bool = True,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """−alpha · Σ target · (1 − p)^gamma · log p along the axis."""
    return evaluate(
        "categorical_focal",
        {"prediction": prediction, "target": target, "weight": weight},
        {
            "gamma": gamma,
            "alpha": alpha,
            "label_smoothing": label_smoothing,
            "clip": clip,
            "normalise": normalise,
            "reduction": reduction,
            "axis": axis,
        },
    )


def categorical_focal_with_logits(
    logits: Any,
    target: Any,
    weight: Any = None,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    label_smoothing: float = 0.0,
    clip: float = 0.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """categorical_focal of the softmax of logits."""
    return evaluate(
        "categorical_focal_with_logits",
        {"logits": logits, "target": target, "weight": weight},
        {
            "gamma": gamma,
            "alpha": alpha,
            "label_smoothing": label_smoothing,
            "clip": clip,
            "reduction": reduction,
            "axis": axis,
        },
    )


def generalized_cross_entropy(
    prediction: Any, labels: Any, weight: Any = None, *, q: float = 0.5, clip: float = 0.0, reduction: str = "none"
) -> np.ndarray:
    """(1 − p^q) / q of the probability p at the label (Zhang and Sabuncu 2018)."""
    return evaluate(
        "generalized_cross_entropy",
        {"prediction": prediction, "labels": labels, "weight": weight},
        {"q": q, "clip": clip, "reduction": reduction},
    )


def poly_loss(
    logits: Any,
    target: Any,
    where: Any = None,
    weight: Any = None,
    *,
    epsilon: float = 2.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Soft cross entropy plus epsilon · (1 − Σ target · softmax(logits)) (Leng et al. 2022)."""
    return evaluate(
        "poly_loss",
        {"logits": logits, "target": target, "where": where, "weight": weight},
        {"epsilon": epsilon, "reduction": reduction, "axis": axis},
    )


def hinge(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    labels: str = "signed",
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """max(0, 1 − target · prediction); `labels` says whether targets are −1 and 1, or 0 and 1."""
    return evaluate(
        "hinge",
        {"prediction": prediction, "target": target, "weight": weight},
        {"labels": labels, "reduction": reduction, "rows": rows, "axis": axis},
    )


def squared_hinge(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    labels: str = "signed",
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """max(0, 1 − target · prediction)²; `labels` as in `hinge`."""
    return evaluate(
        "squared_hinge",
        {"prediction": prediction, "target": target, "weight": weight},
        {"labels": labels, "reduction": reduction, "rows": rows, "axis": axis},
    )


def perceptron(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    labels: str = "signed",
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """max(0, −target · prediction); `labels` as in `hinge`."""
    return evaluate(
        "perceptron",
        {"prediction": prediction, "target": target, "weight": weight},
        {"labels": labels, "reduction": reduction, "rows": rows, "axis": axis},
    )


def categorical_hinge(prediction: Any, target: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """max(0, 1 + the best score of a wrong class − Σ target · prediction)."""
    return evaluate(
        "categorical_hinge", {"prediction": prediction, "target": target, "weight": weight}, {"reduction": reduction}
    )


def multiclass_hinge(scores: Any, labels: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """The largest score, those of wrong classes raised by one, minus the score at the label."""
    return evaluate(
        "multiclass_hinge", {"scores": scores, "labels": labels, "weight": weight}, {"reduction": reduction}
    )


def multiclass_perceptron(scores: Any, labels: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """The largest score minus the score at the label."""
    return evaluate(
        "multiclass_perceptron", {"scores": scores, "labels": labels, "weight": weight}, {"reduction": reduction}
    )


def multiclass_sparsemax(scores: Any, labels: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """The sparsemax loss of a row of scores at the label (Martins and Astudillo 2016)."""
    return evaluate(
        "multiclass_sparsemax", {"scores": scores, "labels": labels, "weight": weight}, {"reduction": reduction}
    )


def sparsemax_loss(
    logits: Any, target: Any, weight: Any = None, *, reduction: str = "none", rows: str = "none", axis: int = -1
) -> np.ndarray:
    """The binary sparsemax loss of logits; targets are 0 and 1."""
    return evaluate(
        "sparsemax_loss",
        {"logits": logits, "target": target, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def fenchel_young(scores: Any, target: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """logsumexp(scores) − Σ target · scores plus the entropy term of the definition (Blondel et al. 2020)."""
    return evaluate("fenchel_young", {"scores": scores, "target": target, "weight": weight}, {"reduction": reduction})


def smooth_labels(target: Any, where: Any = None, *, alpha: float = 0.1, axis: int = -1) -> np.ndarray:
    """(1 − alpha) · target + alpha / number of classes, along the axis."""
    return evaluate("smooth_labels", {"target": target, "where": where}, {"alpha": alpha, "axis": axis})
