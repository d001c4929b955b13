"""Losses of segmentation and of sequences, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: Milletari, Navab, Ahmadi 2016 (Dice);
Salehi, Erdogmus, Gholipour 2017, equation 3 (Tversky: α weighs false positives, β false negatives); documentation of
optax.dice_loss (smoothing in numerator and denominator, background, class weights) and multiclass_generalized_dice_loss; Sudre et al.
2017 (generalised Dice, weights of 1 / size²); Graves et al. 2006, section 4.1 (the forward variables of CTC, here as
probabilities and not as logarithms: mpmath has no underflow).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from .mpmath_losses_common import Matrix, Number, Row, chances, ln, ratio, sigmoid, surprises, total


def dice(prediction: Row, target: Row, smooth: Number, epsilon: Number) -> Number:
    overlap = total(p * t for p, t in zip(prediction, target, strict=True))
    return 1 - ratio(2 * (overlap + smooth), total(prediction) + total(target) + 2 * smooth + epsilon)


def tversky(prediction: Row, target: Row, alpha: Number, beta: Number, smooth: Number, epsilon: Number) -> Number:
    overlap = total(p * t for p, t in zip(prediction, target, strict=True))
    false_positives = total(p * (1 - t) for p, t in zip(prediction, target, strict=True))
    false_negatives = total((1 - p) * t for p, t in zip(prediction, target, strict=True))
    errors = alpha * false_positives + beta * false_negatives + epsilon
    # 1 − (I + s)/(I + s + errors)
    return ratio(errors, overlap + smooth + errors)


def binary_dice(logits: Row, target: Row, alpha: Number, beta: Number, smooth: Number) -> Number:
    return tversky([sigmoid(x) for x in logits], target, alpha, beta, smooth, mpf(0))


def of_classes(prediction: Matrix, target: Matrix, class_weight: Row | None, alpha: Number, beta: Number, smooth: Number) -> list[Number]:  # fmt: skip
    losses = []
    for c in range(len(prediction[0])):
        loss = tversky([row[c] for row in prediction], [row[c] for row in target], alpha, beta, smooth, mpf(0))
        losses.append(loss if class_weight is None else class_weight[c] * loss)
    return losses


def put_together(losses: Sequence[Number], ignore_background: bool, classes: str) -> Number:
    part = losses[1:] if ignore_background and len(losses) > 1 else losses
    return total(part) / (len(part) if classes == "mean" else 1)


def multiclass_dice_of_probabilities(
    prediction: Matrix, target: Matrix, class_weight: Row | None, alpha: Number, beta: Number, smooth: Number,
    ignore_background: bool, classes: str,
) -> Number:  # fmt: skip
    return put_together(of_classes(prediction, target, class_weight, alpha, beta, smooth), ignore_background, classes)


def multiclass_dice(logits: Matrix, target: Matrix, class_weight: Row | None, **options: Any) -> Number:
    return multiclass_dice_of_probabilities([chances(row) for row in logits], target, class_weight, **options)


def multiclass_dice_per_class(
    logits: Matrix, target: Matrix, class_weight: Row | None, alpha: Number, beta: Number, smooth: Number
) -> list[Number]:
    return of_classes([chances(row) for row in logits], target, class_weight, alpha, beta, smooth)


def generalized_dice(
    logits: Sequence[Matrix], target: Sequence[Matrix], smooth: Number, epsilon: Number, weighting: str, ignore_background: bool
) -> Number:  # fmt: skip
    classes = range(len(target[0][0]))
    weights = [ratio(mpf(1), total(row[c] for image in target for row in image) ** 2 + epsilon) for c in classes]
    whole = total(weights)
    if mp.isinf(whole) and weighting == "mean":
        return mp.nan  # a class that is nowhere has no weight, and no other has a share of all weights
    kept = [c for c in classes if c > 0 or not ignore_background or len(classes) == 1]
    losses = []
    for image, truth in zip(logits, target, strict=True):
        p = [chances(row) for row in image]
        overlap = [total(a[c] * t[c] for a, t in zip(p, truth, strict=True)) + smooth for c in classes]
        size = [total(a[c] + t[c] for a, t in zip(p, truth, strict=True)) / 2 + smooth for c in classes]
        if weighting == "ratio":
            losses.append(1 - ratio(total(weights[c] * overlap[c] for c in kept), total(weights[c] * size[c] for c in kept)))  # fmt: skip
        else:
            losses += [len(classes) * weights[c] / whole * (1 - ratio(overlap[c], size[c])) for c in kept]
    return total(losses) / len(losses)


def probability_of_labels(log_probabilities: Matrix, labels: Sequence[int], blank: int) -> Number:
    """Graves et al., equations 6 to 8: α over the labels with blanks before, between and behind."""
    extended = [blank]
    for label in labels:
        extended += [label, blank]
    if not log_probabilities:
        return mpf(0 if labels else 1)
    forward = [mp.exp(log_probabilities[0][k]) if s < 2 else mpf(0) for s, k in enumerate(extended)]
    for frame in log_probabilities[1:]:
        forward = [
            mp.exp(frame[k]) * total(
                forward[s - back] for back in range(3)
                if s >= back and (back < 2 or (k != blank and k != extended[s - 2]))
            )
            for s, k in enumerate(extended)
        ]  # fmt: skip
    return total(forward[-2:])


def ctc(
    log_probabilities: Matrix, labels: Sequence[int], input_length: int | None, label_length: int | None, blank: int,
    zero_infinity: bool, normalise: bool,
) -> Number:  # fmt: skip
    there = list(labels if label_length is None else labels[:label_length])
    loss = -ln(probability_of_labels(log_probabilities[:input_length], there, blank))
    if mp.isinf(loss):
        return mpf(0) if zero_infinity else loss
    return loss / max(len(there), 1) if normalise else loss


def ctc_with_logits(logits: Matrix, labels: Sequence[int], input_length: int | None, label_length: int | None, blank: int) -> Number:  # fmt: skip
    rows = [[-a for a in surprises(row)] for row in logits]
    return ctc(rows, labels, input_length, label_length, blank, False, False)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "dice": dice,
    "tversky": tversky,
    "binary_dice": binary_dice,
    "multiclass_dice": multiclass_dice,
    "multiclass_dice_per_class": multiclass_dice_per_class,
    "multiclass_dice_of_probabilities": multiclass_dice_of_probabilities,
    "generalized_dice": generalized_dice,
    "ctc": ctc,
    "ctc_with_logits": ctc_with_logits,
}
