"""Functions of tensors: activations, regression, divergences, margins: the public functions, one line each.

Arguments are arrays that agree exactly in shape (core dimensions apart) and dtype: float16, bfloat16, float32 or float64; labels and
lengths are whole numbers, masks bool. The result has that dtype. Options and errors are those of `evaluate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import evaluate

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "average_loss",
    "bpr",
    "convex_kl_divergence",
    "crelu",
    "gaussian_nll",
    "generalized_kl_divergence",
    "glu",
    "gumbel_softmax",
    "hinge_embedding",
    "huber",
    "kl_divergence",
    "kl_divergence_of_probabilities",
    "log_cosh",
    "log_softmax",
    "logmeanexp",
    "logsumexp",
    "margin_ranking",
    "multi_margin",
    "multilabel_margin",
    "multilabel_soft_margin",
    "poisson_nll",
    "smooth_l1",
    "soft_margin",
    "softmax",
    "softmax2d",
    "softmin",
    "sparsemax",
    "squared_error",
    "squared_log_error",
]


def softmax(x: Any, where: Any = None, *, axis: Any = -1) -> np.ndarray:
    """e^xᵢ / Σ e^xⱼ along the axis (or several); 0 where `where` is False."""
    return evaluate("softmax", {"x": x, "where": where}, {"axis": axis})


def log_softmax(x: Any, where: Any = None, *, axis: Any = -1) -> np.ndarray:
    """xᵢ − log Σ e^xⱼ along the axis (or several); −∞ where `where` is False."""
    return evaluate("log_softmax", {"x": x, "where": where}, {"axis": axis})


def softmin(x: Any, *, axis: int = -1) -> np.ndarray:
    """e^−xᵢ / Σ e^−xⱼ along the axis."""
    return evaluate("softmin", {"x": x}, {"axis": axis})


def softmax2d(x: Any) -> np.ndarray:
    """softmax over the channels of x, which are the last axis but two."""
    return evaluate("softmax2d", {"x": x}, {})


def logsumexp(x: Any, where: Any = None, scale: Any = None, *, axis: Any = -1) -> np.ndarray:
    """log Σ scale·e^x along the axis (or several), which vanishes; NaN where the sum is negative."""
    return evaluate("logsumexp", {"x": x, "where": where, "scale": scale}, {"axis": axis})


def logmeanexp(x: Any, where: Any = None, *, axis: Any = -1) -> np.ndarray:
    """log of the mean of e^x along the axis (or several), which vanishes."""
    return evaluate("logmeanexp", {"x": x, "where": where}, {"axis": axis})


def sparsemax(x: Any, *, axis: int = -1) -> np.ndarray:
    """The point of the simplex that is nearest to x along the axis (Martins and Astudillo 2016)."""
    return evaluate("sparsemax", {"x": x}, {"axis": axis})


def gumbel_softmax(
    logits: Any,
    temperature: float = 1.0,
    hard: bool = False,
    generator: np.random.Generator | None = None,
    *,
    axis: int = -1,
) -> np.ndarray:
    """softmax((logits + noise) / temperature) with noise drawn from Gumbel's distribution, along the axis (Jang, Gu and Poole 2017).

    `hard`: a one at the largest, zeros elsewhere. Without a generator a new one draws.
    """
    generator = np.random.default_rng() if generator is None else generator
    options = {"temperature": temperature, "hard": hard, "axis": axis}
    return evaluate("gumbel_softmax", {"logits": logits}, options, generator=generator)


def glu(x: Any, *, axis: int = -1) -> np.ndarray:
    """The first half of x along the axis times the sigmoid of the second (Dauphin et al. 2017)."""
    return evaluate("glu", {"x": x}, {"axis": axis})


def crelu(x: Any, *, axis: int = -1) -> np.ndarray:
    """max(x, 0) and max(−x, 0), one behind the other along the axis (Shang et al. 2016)."""
    return evaluate("crelu", {"x": x}, {"axis": axis})


def squared_error(
    prediction: Any,
    target: Any = None,
    weight: Any = None,
    *,
    factor: float = 1.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """factor · (prediction − target)²; without a target, of the prediction itself."""
    return evaluate(
        "squared_error",
        {"prediction": prediction, "target": target, "weight": weight},
        {"factor": factor, "reduction": reduction, "rows": rows, "axis": axis},
    )


def absolute_error(
    prediction: Any, target: Any, weight: Any = None, *, reduction: str = "none", rows: str = "none", axis: int = -1
) -> np.ndarray:
    """|prediction − target|."""
    return evaluate(
        "absolute_error",
        {"prediction": prediction, "target": target, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def huber(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    delta: float = 1.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Half the squared error up to |error| = delta, and delta · (|error| − delta/2) beyond (Huber 1964)."""
    return evaluate(
        "huber",
        {"prediction": prediction, "target": target, "weight": weight},
        {"delta": delta, "reduction": reduction, "rows": rows, "axis": axis},
    )


def smooth_l1(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    beta: float = 1.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Half the squared error over beta below |error| = beta, and |error| − beta/2 beyond."""
    return evaluate(
        "smooth_l1",
        {"prediction": prediction, "target": target, "weight": weight},
        {"beta": beta, "reduction": reduction, "rows": rows, "axis": axis},
    )


def log_cosh(
    prediction: Any,
    target: Any = None,
    weight: Any = None,
    *,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """log cosh(prediction − target); without a target, of the prediction itself."""
    return evaluate(
        "log_cosh",
        {"prediction": prediction, "target": target, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def absolute_percentage_error(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    epsilon: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """100 · |prediction − target| / max(|target|, epsilon)."""
    return evaluate(
        "absolute_percentage_error",
        {"prediction": prediction, "target": target, "weight": weight},
        {"epsilon": epsilon, "reduction": reduction, "rows": rows, "axis": axis},
    )


def squared_log_error(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    epsilon: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """The square of log(1 + prediction) − log(1 + target), both at least epsilon."""
    return evaluate(
        "squared_log_error",
        {"prediction": prediction, "target": target, "weight": weight},
        {"epsilon": epsilon, "reduction": reduction, "rows": rows, "axis": axis},
    )


def poisson_nll(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    log_input: bool = True,
    full: bool = False,
    epsilon: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """e^prediction − target · prediction; of a rate itself: prediction − target · log(prediction + epsilon).

    `full` adds Stirling's term t·log t − t + log(2πt)/2 for targets t above one."""
    return evaluate(
        "poisson_nll",
        {"prediction": prediction, "target": target, "weight": weight},
        {"log_input": log_input, "full": full, "epsilon": epsilon, "reduction": reduction, "rows": rows, "axis": axis},
    )


def gaussian_nll(
    prediction: Any,
    target: Any,
    variance: Any,
    weight: Any = None,
    *,
    full: bool = False,
    epsilon: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """Half of log v + (prediction − target)²/v with v = max(variance, epsilon); `full` adds log(2π)/2."""
    return evaluate(
        "gaussian_nll",
        {"prediction": prediction, "target": target, "variance": variance, "weight": weight},
        {"full": full, "epsilon": epsilon, "reduction": reduction, "rows": rows, "axis": axis},
    )


def average_loss(loss: Any, weights: Any = None, *, batch_size: int | None = None) -> np.ndarray:
    """Σ weights · loss / batch_size along the last axis; the batch size is its length unless given."""
    return evaluate("average_loss", {"loss": loss, "weights": weights}, {"batch_size": batch_size})


def kl_divergence(
    log_prediction: Any,
    target: Any,
    where: Any = None,
    weight: Any = None,
    *,
    log_target: bool = False,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """target · (log target − log_prediction); with `log_target` the target is a logarithm too."""
    return evaluate(
        "kl_divergence",
        {"log_prediction": log_prediction, "target": target, "where": where, "weight": weight},
        {"log_target": log_target, "reduction": reduction, "rows": rows, "axis": axis},
    )


def kl_divergence_of_probabilities(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    clip: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """target · log(target / prediction), both clipped to [clip, 1]."""
    return evaluate(
        "kl_divergence_of_probabilities",
        {"prediction": prediction, "target": target, "weight": weight},
        {"clip": clip, "reduction": reduction, "rows": rows, "axis": axis},
    )


def convex_kl_divergence(
    log_prediction: Any,
    target: Any,
    where: Any = None,
    weight: Any = None,
    *,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """generalized_kl_divergence by its older name."""
    return evaluate(
        "convex_kl_divergence",
        {"log_prediction": log_prediction, "target": target, "where": where, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def generalized_kl_divergence(
    log_prediction: Any,
    target: Any,
    where: Any = None,
    weight: Any = None,
    *,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """p·(log p − log_prediction) − p + e^log_prediction of the target p."""
    return evaluate(
        "generalized_kl_divergence",
        {"log_prediction": log_prediction, "target": target, "where": where, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def soft_margin(
    prediction: Any, target: Any, weight: Any = None, *, reduction: str = "none", rows: str = "none", axis: int = -1
) -> np.ndarray:
    """log(1 + e^(−target · prediction))."""
    return evaluate(
        "soft_margin",
        {"prediction": prediction, "target": target, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def margin_ranking(
    first: Any,
    second: Any,
    target: Any,
    weight: Any = None,
    *,
    margin: float = 0.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """max(0, margin − target · (first − second))."""
    return evaluate(
        "margin_ranking",
        {"first": first, "second": second, "target": target, "weight": weight},
        {"margin": margin, "reduction": reduction, "rows": rows, "axis": axis},
    )


def hinge_embedding(
    prediction: Any,
    target: Any,
    weight: Any = None,
    *,
    margin: float = 1.0,
    reduction: str = "none",
    rows: str = "none",
    axis: int = -1,
) -> np.ndarray:
    """The prediction where the target is 1, max(0, margin − prediction) where it is −1."""
    return evaluate(
        "hinge_embedding",
        {"prediction": prediction, "target": target, "weight": weight},
        {"margin": margin, "reduction": reduction, "rows": rows, "axis": axis},
    )


def bpr(
    positive: Any, negative: Any, weight: Any = None, *, reduction: str = "none", rows: str = "none", axis: int = -1
) -> np.ndarray:
    """−log sigmoid(positive − negative): Bayesian personalised ranking (Rendle et al. 2009)."""
    return evaluate(
        "bpr",
        {"positive": positive, "negative": negative, "weight": weight},
        {"reduction": reduction, "rows": rows, "axis": axis},
    )


def multi_margin(
    scores: Any,
    labels: Any,
    class_weight: Any = None,
    weight: Any = None,
    *,
    p: int = 1,
    margin: float = 1.0,
    reduction: str = "none",
) -> np.ndarray:
    """Mean over the classes of max(0, margin − score at the label + score)^p, that at the label left out."""
    return evaluate(
        "multi_margin",
        {"scores": scores, "labels": labels, "class_weight": class_weight, "weight": weight},
        {"p": p, "margin": margin, "reduction": reduction},
    )


def multilabel_margin(scores: Any, labels: Any, weight: Any = None, *, reduction: str = "none") -> np.ndarray:
    """Σ max(0, 1 − (score of a listed class − score of one that is not)) / number of classes."""
    return evaluate(
        "multilabel_margin", {"scores": scores, "labels": labels, "weight": weight}, {"reduction": reduction}
    )


def multilabel_soft_margin(
    logits: Any, target: Any, class_weight: Any = None, weight: Any = None, *, reduction: str = "none"
) -> np.ndarray:
    """The mean over the classes of binary cross entropy with logits, times the class weight."""
    return evaluate(
        "multilabel_soft_margin",
        {"logits": logits, "target": target, "class_weight": class_weight, "weight": weight},
        {"reduction": reduction},
    )
