"""Cross entropies and focal losses, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: Goodfellow, Bengio, Courville 2016,
sections 3.13 and 6.2.2; Szegedy et al. 2016, section 7 (label smoothing: a mixture with the uniform distribution; of two classes
t(1 − s) + s/2); documentation of torch.nn.BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, NLLLoss and
functional.linear_cross_entropy (class weights inside of the sum; an ignored sample counts nothing); documentation of Keras'
cross entropies (predictions divided by their sum and clipped) and focal losses; Lin et al. 2017 (focal loss);
Zhang, Sabuncu 2018, equation 6; Leng et al. 2022 and the documentation of optax (−log p + ε(1 − p)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from .mpmath_losses_common import (
    Mask,
    Matrix,
    Number,
    Row,
    between,
    chances,
    largest,
    ln,
    ratio,
    shares,
    sigmoid,
    softplus,
    surprises,
    total,
)

Counted = tuple[Number, Number]
"""A loss, and what it counts in a mean."""


def smoothed(target: Row, smoothing: Number, where: Mask | None = None) -> list[Number]:
    """Spread over the classes that there are; one that is left out gets its part too (optax), and whoever adds up leaves it out."""
    spread = ratio(smoothing, mpf(len(target) if where is None else sum(where)))
    return [(1 - smoothing) * t + spread for t in target]


def one_hot(label: int, classes: int) -> list[Number]:
    return [mpf(i == label) for i in range(classes)]


def binary_cross_entropy(
    prediction: Number, target: Number, log_floor: Number, clip: Number, label_smoothing: Number
) -> Number:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    p = between(clip, prediction, 1 - clip)
    rest = 1 - p
    log_p, log_rest = (ln(p) if p < 0.5 else mp.log1p(-rest)), (ln(rest) if p >= 0.5 else mp.log1p(-p))
    return -shares(t, largest(log_p, log_floor)) - shares(1 - t, largest(log_rest, log_floor))


def binary_cross_entropy_with_logits(
    logits: Number, target: Number, pos_weight: Number | None, label_smoothing: Number
) -> Number:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    weight = 1 if pos_weight is None else pos_weight
    return shares(weight * t, softplus(-logits)) + shares(1 - t, softplus(logits))


def of_target(logits: Row, target: Row, class_weight: Row | None, where: Mask | None) -> Number:
    """−Σ w·t·log p."""
    losses = surprises(logits, where)
    weights = [mpf(1)] * len(logits) if class_weight is None else class_weight
    return total(shares(weights[i] * target[i], losses[i]) for i in range(len(logits)) if where is None or where[i])


def cross_entropy(
    logits: Row, labels: int, class_weight: Row | None, where: Mask | None, ignore_index: int | None, label_smoothing: Number
) -> Counted:  # fmt: skip
    if labels == ignore_index:
        return mpf(0), mpf(0)
    counts = mpf(1) if class_weight is None else class_weight[labels]
    if where is not None and not where[labels]:
        return mp.nan, counts  # the true class is none of those that there are
    target = smoothed(one_hot(labels, len(logits)), label_smoothing, where)
    return of_target(logits, target, class_weight, where), counts


def soft_cross_entropy(
    logits: Row, target: Row, class_weight: Row | None, where: Mask | None, label_smoothing: Number
) -> Number:
    return of_target(logits, smoothed(target, label_smoothing, where), class_weight, where)


def categorical_cross_entropy(
    prediction: Row, target: Row, clip: Number, label_smoothing: Number, normalise: bool
) -> Number:
    return total(
        -shares(t, ln(p))
        for p, t in zip(
            clipped_distribution(prediction, clip, normalise), smoothed(target, label_smoothing), strict=True
        )
    )


def clipped_distribution(prediction: Row, clip: Number, normalise: bool) -> list[Number]:
    whole = total(prediction) if normalise else mpf(1)
    return [between(clip, p / whole, 1 - clip) for p in prediction]


def sparse_categorical_cross_entropy(
    prediction: Row, labels: int, clip: Number, ignore_index: int | None, normalise: bool
) -> Counted:
    if labels == ignore_index:
        return mpf(0), mpf(0)
    return -ln(clipped_distribution(prediction, clip, normalise)[labels]), mpf(1)


def nll(log_probabilities: Row, labels: int, class_weight: Row | None, ignore_index: int | None) -> Counted:
    if labels == ignore_index:
        return mpf(0), mpf(0)
    weight = mpf(1) if class_weight is None else class_weight[labels]
    return shares(weight, -log_probabilities[labels]), weight


def linear_cross_entropy(
    features: Row, linear_weight: Matrix, labels: int, linear_bias: Row | None, class_weight: Row | None,
    ignore_index: int | None, label_smoothing: Number,
) -> Counted:  # fmt: skip
    bias = [mpf(0)] * len(linear_weight) if linear_bias is None else linear_bias
    logits = [total(a * f for a, f in zip(row, features, strict=True)) + b for row, b in zip(linear_weight, bias, strict=True)]  # fmt: skip
    return cross_entropy(logits, labels, class_weight, None, ignore_index, label_smoothing)


def smooth_labels(target: Row, where: Mask | None, alpha: Number) -> list[Number]:
    return smoothed(target, alpha, where)


def missed(p: Number, rest: Number, t: Number) -> Number:
    """1 − p_t of Lin et al., equation 2, from p and 1 − p; between the two cases for t between 0 and 1."""
    return t * rest + (1 - t) * p


def balance(t: Number, alpha: Number) -> Number:
    return t * alpha + (1 - t) * (1 - alpha)


def binary_focal(
    prediction: Number, target: Number, gamma: Number, alpha: Number, balanced: bool, label_smoothing: Number, clip: Number
) -> Number:  # fmt: skip
    t = target * (1 - label_smoothing) + label_smoothing / 2
    loss = shares(
        missed(prediction, 1 - prediction, t) ** gamma, binary_cross_entropy(prediction, t, -mp.inf, clip, mpf(0))
    )
    return balance(t, alpha) * loss if balanced else loss


def binary_focal_with_logits(
    logits: Number, target: Number, gamma: Number, alpha: Number | None, balanced: bool, label_smoothing: Number, clip: Number
) -> Number:  # fmt: skip
    t = target * (1 - label_smoothing) + label_smoothing / 2
    p, rest = sigmoid(logits), sigmoid(-logits)
    if clip > 0:
        entropy = binary_cross_entropy(p, t, -mp.inf, clip, mpf(0))
    else:
        entropy = binary_cross_entropy_with_logits(logits, t, None, mpf(0))
    loss = shares(missed(p, rest, t) ** gamma, entropy)
    return balance(t, alpha) * loss if balanced and alpha is not None else loss


def categorical_focal(
    prediction: Row, target: Row, gamma: Number, alpha: Number, label_smoothing: Number, clip: Number, normalise: bool
) -> Number:  # fmt: skip
    p = clipped_distribution(prediction, clip, normalise)
    return alpha * total(
        (1 - a) ** gamma * -shares(t, ln(a)) for a, t in zip(p, smoothed(target, label_smoothing), strict=True)
    )


def categorical_focal_with_logits(
    logits: Row, target: Row, gamma: Number, alpha: Number, label_smoothing: Number, clip: Number
) -> Number:
    losses, loss = surprises(logits), mpf(0)
    for surprise, t in zip(losses, smoothed(target, label_smoothing), strict=True):
        wrong = -mp.expm1(-surprise)
        if clip > 0:
            p = between(clip, mp.exp(-surprise), 1 - clip)
            surprise, wrong = -ln(p), 1 - p
        loss += wrong**gamma * shares(t, surprise)
    return alpha * loss


def generalized_cross_entropy(prediction: Row, labels: int, q: Number, clip: Number) -> Number:
    p = between(clip, prediction[labels], 1 - clip)
    return -mp.expm1(q * ln(p)) / q


def poly_loss(logits: Row, target: Row, where: Mask | None, epsilon: Number) -> Number:
    p = chances(logits, where)
    missing = total(t * (1 - a) for i, (a, t) in enumerate(zip(p, target, strict=True)) if where is None or where[i])
    return of_target(logits, target, None, where) + epsilon * missing


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cross_entropy": cross_entropy,
    "soft_cross_entropy": soft_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "sparse_categorical_cross_entropy": sparse_categorical_cross_entropy,
    "nll": nll,
    "linear_cross_entropy": linear_cross_entropy,
    "smooth_labels": smooth_labels,
    "binary_focal": binary_focal,
    "binary_focal_with_logits": binary_focal_with_logits,
    "categorical_focal": categorical_focal,
    "categorical_focal_with_logits": categorical_focal_with_logits,
    "generalized_cross_entropy": generalized_cross_entropy,
    "poly_loss": poly_loss,
}
