"""Functions of tensors that compare vectors, segment and align: the public functions, one line each.

Arguments are arrays that agree exactly in shape (core dimensions apart) and dtype: float16, bfloat16, float32 or float64; labels and
lengths are whole numbers, masks bool. The result has that dtype. Options and errors are those of `evaluate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import evaluate

__all__ = [
    "binary_dice",
    "circle",
    "cosine_distance",
    "cosine_embedding",
    "cosine_similarity",
    "ctc",
    "ctc_with_logits",
    "dice",
    "generalized_dice",
    "multiclass_dice",
    "multiclass_dice_of_probabilities",
    "multiclass_dice_per_class",
    "ntxent",
    "pairwise_distance",
    "ranking_softmax",
    "triplet_margin",
    "tversky",
]


def cosine_similarity(
    first: Any,
    second: Any,
    where: Any = None,
    weight: Any = None,
    *,
    epsilon: float = 0.0,
    floor: str = "each",
    factor: float = 1.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """factor · first·second / (|first| |second|) along the axis; `floor` says how epsilon bounds the divisor."""
    return evaluate(
        "cosine_similarity",
        {"first": first, "second": second, "where": where, "weight": weight},
        {"epsilon": epsilon, "floor": floor, "factor": factor, "reduction": reduction, "axis": axis},
    )


def cosine_distance(
    first: Any,
    second: Any,
    where: Any = None,
    weight: Any = None,
    *,
    epsilon: float = 0.0,
    floor: str = "each",
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """1 − cosine_similarity along the axis."""
    return evaluate(
        "cosine_distance",
        {"first": first, "second": second, "where": where, "weight": weight},
        {"epsilon": epsilon, "floor": floor, "reduction": reduction, "axis": axis},
    )


def cosine_embedding(
    first: Any,
    second: Any,
    target: Any,
    weight: Any = None,
    *,
    margin: float = 0.0,
    epsilon: float = 0.0,
    floor: str = "each",
    reduction: str = "none",
) -> np.ndarray:
    """1 − cosine where the target is 1, max(0, cosine − margin) where it is −1."""
    return evaluate(
        "cosine_embedding",
        {"first": first, "second": second, "target": target, "weight": weight},
        {"margin": margin, "epsilon": epsilon, "floor": floor, "reduction": reduction},
    )


def pairwise_distance(first: Any, second: Any, *, p: float = 2, epsilon: float = 0.0) -> np.ndarray:
    """(Σ |first − second + epsilon|^p)^(1/p) along the last axis."""
    return evaluate("pairwise_distance", {"first": first, "second": second}, {"p": p, "epsilon": epsilon})


def triplet_margin(
    anchor: Any,
    positive: Any,
    negative: Any,
    weight: Any = None,
    *,
    margin: float = 1.0,
    p: float = 2,
    epsilon: float = 0.0,
    epsilon_in: str = "difference",
    swap: bool = False,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """max(0, margin + distance(anchor, positive) − distance(anchor, negative)) along the axis."""
    return evaluate(
        "triplet_margin",
        {"anchor": anchor, "positive": positive, "negative": negative, "weight": weight},
        {
            "margin": margin,
            "p": p,
            "epsilon": epsilon,
            "epsilon_in": epsilon_in,
            "swap": swap,
            "reduction": reduction,
            "axis": axis,
        },
    )


def circle(
    embeddings: Any,
    labels: Any,
    weight: Any = None,
    *,
    gamma: float = 80.0,
    margin: float = 0.4,
    remove_diagonal: bool = True,
    reduction: str = "none",
) -> np.ndarray:
    """The circle loss of each sample among all (Sun et al. 2020)."""
    return evaluate(
        "circle",
        {"embeddings": embeddings, "labels": labels, "weight": weight},
        {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal, "reduction": reduction},
    )


def ntxent(embeddings: Any, labels: Any, *, temperature: float = 0.07) -> np.ndarray:
    """Normalised temperature-scaled cross entropy over pairs of one group (Chen et al. 2020)."""
    return evaluate("ntxent", {"embeddings": embeddings, "labels": labels}, {"temperature": temperature})


def ranking_softmax(
    logits: Any, relevance: Any, where: Any = None, weights: Any = None, *, reduction: str = "none"
) -> np.ndarray:
    """−Σ weights · relevance · log softmax(logits) along the last axis."""
    return evaluate(
        "ranking_softmax",
        {"logits": logits, "relevance": relevance, "where": where, "weights": weights},
        {"reduction": reduction},
    )


def dice(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    smooth: float = 0.0,
    epsilon: float = 0.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """1 − 2(I + smooth) / (Σ prediction + Σ target + 2·smooth + epsilon) with I = Σ prediction · target, along the axis."""
    return evaluate(
        "dice",
        {"prediction": prediction, "target": target, "weight": weight},
        {"smooth": smooth, "epsilon": epsilon, "reduction": reduction, "axis": axis},
    )


def tversky(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.0,
    epsilon: float = 0.0,
    reduction: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """1 − (I + smooth) / (I + alpha · false positives + beta · false negatives + smooth + epsilon), along the axis."""
    return evaluate(
        "tversky",
        {"prediction": prediction, "target": target, "weight": weight},
        {"alpha": alpha, "beta": beta, "smooth": smooth, "epsilon": epsilon, "reduction": reduction, "axis": axis},
    )


def binary_dice(logits: Any, target: Any, *, alpha: float = 0.5, beta: float = 0.5, smooth: float = 0.0) -> np.ndarray:
    """tversky of the sigmoid of logits, along the last axis."""
    return evaluate(
        "binary_dice", {"logits": logits, "target": target}, {"alpha": alpha, "beta": beta, "smooth": smooth}
    )


def multiclass_dice(
    logits: Any,
    target: Any,
    class_weight: Any = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.0,
    ignore_background: bool = False,
    classes: str = "mean",
) -> np.ndarray:
    """tversky of each class of the softmax of logits, over the places, put together over the classes."""
    return evaluate(
        "multiclass_dice",
        {"logits": logits, "target": target, "class_weight": class_weight},
        {"alpha": alpha, "beta": beta, "smooth": smooth, "ignore_background": ignore_background, "classes": classes},
    )


def multiclass_dice_per_class(
    logits: Any, target: Any, class_weight: Any = None, *, alpha: float = 0.5, beta: float = 0.5, smooth: float = 0.0
) -> np.ndarray:
    """tversky of each class of the softmax of logits, over the places."""
    return evaluate(
        "multiclass_dice_per_class",
        {"logits": logits, "target": target, "class_weight": class_weight},
        {"alpha": alpha, "beta": beta, "smooth": smooth},
    )


def multiclass_dice_of_probabilities(
    prediction: Any,
    target: Any,
    class_weight: Any = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.0,
    ignore_background: bool = False,
    classes: str = "mean",
) -> np.ndarray:
    """multiclass_dice of probabilities instead of logits."""
    return evaluate(
        "multiclass_dice_of_probabilities",
        {"prediction": prediction, "target": target, "class_weight": class_weight},
        {"alpha": alpha, "beta": beta, "smooth": smooth, "ignore_background": ignore_background, "classes": classes},
    )


def generalized_dice(
    logits: Any,
    target: Any,
    *,
    smooth: float = 0.0,
    epsilon: float = 0.0,
    weighting: str = "ratio",
    ignore_background: bool = False,
) -> np.ndarray:
    """Dice of all classes, each weighted by the square of its rarity (Sudre et al. 2017)."""
    return evaluate(
        "generalized_dice",
        {"logits": logits, "target": target},
        {"smooth": smooth, "epsilon": epsilon, "weighting": weighting, "ignore_background": ignore_background},
    )


def ctc(
    log_probabilities: Any,
    labels: Any,
    input_length: Any,
    label_length: Any,
    weight: Any = None,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    normalise: bool = False,
    reduction: str = "none",
) -> np.ndarray:
    """−log of the probability that the sequence says the labels (Graves et al. 2006); infinite where it can't."""
    return evaluate(
        "ctc",
        {
            "log_probabilities": log_probabilities,
            "labels": labels,
            "input_length": input_length,
            "label_length": label_length,
            "weight": weight,
        },
        {"blank": blank, "zero_infinity": zero_infinity, "normalise": normalise, "reduction": reduction},
    )


def ctc_with_logits(
    logits: Any,
    labels: Any,
    input_length: Any,
    label_length: Any,
    weight: Any = None,
    *,
    blank: int = 0,
    reduction: str = "none",
) -> np.ndarray:
    """ctc of the log softmax of logits."""
    return evaluate(
        "ctc_with_logits",
        {
            "logits": logits,
            "labels": labels,
            "input_length": input_length,
            "label_length": label_length,
            "weight": weight,
        },
        {"blank": blank, "reduction": reduction},
    )
