"""Other definitions of functions of tensors: what somebody might take for the right one. A fault computes and differentiates it."""

from __future__ import annotations

from typing import Any

from conformance.standard.real import (
    absolute,
    counted,
    dot,
    exp,
    log,
    log_sum_exp,
    maximum,
    minimum,
    softplus,
    sqrt,
    total,
    xlogx,
)  # fmt: skip
from conformance.standard.tensors import Weighted

from .spoiling import constant


def softmax_of_constant_sum(x: Any, where: Any = None) -> Any:
    """The derivative of the denominator is missing."""
    there = [c for c in range(len(x)) if where is None or where[c]]
    partition: Any = constant(total([exp(x[c]) for c in there])) if there else None
    return tuple(exp(x[c]) / partition if c in there else 0 for c in range(len(x)))


def _there(logits: Any, where: Any) -> list[Any]:
    return [x for x, counts in zip(logits, where or (True,) * len(logits), strict=True) if counts]


def _surprise(logits: Any, label: int, where: Any = None) -> Any:
    there = _there(logits, where)
    return (log_sum_exp(there) if len(there) > 1 else there[0]) - logits[label]


def mean_over_samples(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """Class weights count in the numerator alone."""
    if labels == ignore_index:
        return Weighted(0, 0)
    loss = _surprise(logits, labels, where)
    return Weighted(loss if class_weight is None else class_weight[labels] * loss, 1)


def ignored_in_the_denominator(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    return Weighted(0 if labels == ignore_index else _surprise(logits, labels, where), 1)


def smoothed_by_one_less(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """ε is spread over the C − 1 other classes."""
    if labels == ignore_index:
        return Weighted(0, 0)
    others = [_surprise(logits, c) for c in range(len(logits)) if c != labels]
    return Weighted(
        (1 - label_smoothing) * _surprise(logits, labels) + label_smoothing / len(others) * total(others), 1
    )


def smoothing_without_weights(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """The smoothed part of the target is not weighed by its classes' weights, but by the label's."""
    weight = 1 if class_weight is None else class_weight[labels]
    spread = total([_surprise(logits, c) for c in range(len(logits))])
    loss = (1 - label_smoothing) * _surprise(logits, labels) + label_smoothing / len(logits) * spread
    return Weighted(weight * loss, weight)


def constant_normaliser(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """The derivative of log Σ e^x is stopped."""
    there = _there(logits, where)
    return Weighted(constant(log_sum_exp(there)) - logits[labels], 1)


def huber_without_half(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - target)
    return size * size if size <= delta else delta * (size - delta / 2)


def huber_as_smooth_l1(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - target)
    return size * size / (2 * delta) if size <= delta else size - delta / 2


def huber_with_a_jump(prediction: Any, target: Any, delta: Any) -> Any:
    """½δ where ½δ² is due: the same for δ = 1."""
    size = absolute(prediction - target)
    return size * size / 2 if size <= delta else delta * size - delta / 2


def huber_of_constant_target(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - constant(target))
    return size * size / 2 if size <= delta else delta * (size - delta / 2)


def pos_weight_on_the_negatives(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    weight = 1 if pos_weight is None else pos_weight
    return counted(t, softplus(-logits)) + counted(1 - t, softplus(logits)) * weight


def pos_weight_on_both(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    loss = counted(t, softplus(-logits)) + counted(1 - t, softplus(logits))
    return loss if pos_weight is None else loss * pos_weight


def smoothed_towards_zero(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    """ε/2 is not added."""
    t = target * (1 - label_smoothing)
    positive = t if pos_weight is None else t * pos_weight
    return counted(positive, softplus(-logits)) + counted(1 - t, softplus(logits))


def constant_binary_target(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = constant(target) * (1 - label_smoothing) + label_smoothing / 2
    positive = t if pos_weight is None else t * pos_weight
    return counted(positive, softplus(-logits)) + counted(1 - t, softplus(logits))


def without_entropy(log_prediction: Any, target: Any, where: Any = None, *, log_target: Any) -> Any:
    if where is False:
        return 0
    return -counted(exp(target) if log_target else target, log_prediction)


def exp_without_its_derivative(log_prediction: Any, target: Any, where: Any = None, *, log_target: Any) -> Any:
    """∂/∂log t of t·(log t − log p) is t·(log t − log p + 1): the second part is lost."""
    if where is False:
        return 0
    if not log_target:
        return xlogx(target) - counted(target, log_prediction)
    return exp(target) * (constant(target) - log_prediction) if target > -100 else counted(exp(target), log_prediction)


def epsilon_added(first: Any, second: Any, where: Any, epsilon: Any, floor: str, factor: Any) -> Any:
    kept = [c for c in range(len(first)) if where is None or where[c]]
    a, b = ([v[c] for c in kept] for v in (first, second))
    return factor * dot(a, b) / (sqrt(dot(a, a)) * sqrt(dot(b, b)) + epsilon)


def _floored(squares: Any, epsilon: Any) -> Any:
    return maximum(constant(sqrt(squares)), epsilon)


def constant_norms(first: Any, second: Any, where: Any, epsilon: Any, floor: str, factor: Any) -> Any:
    kept = [c for c in range(len(first)) if where is None or where[c]]
    a, b = ([v[c] for c in kept] for v in (first, second))
    return factor * dot(a, b) / (_floored(dot(a, a), epsilon) * _floored(dot(b, b), epsilon))


def _distance(first: Any, second: Any, p: int) -> Any:
    sizes = [absolute(a - b) for a, b in zip(first, second, strict=True)]
    if p == 1:
        return total(sizes)
    powers = total([size * size if p == 2 else size * size * size for size in sizes])
    return sqrt(powers) if p == 2 else exp(log(powers) / 3)


def not_hinged(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    return _distance(anchor, positive, p) - _distance(anchor, negative, p) + margin


def swapped_for_the_farther(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    far = _distance(anchor, negative, p)
    if swap:
        far = maximum(far, _distance(positive, negative, p))
    return maximum(_distance(anchor, positive, p) - far + margin, 0)


def positive_is_constant(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    near, far = _distance(anchor, [constant(x) for x in positive], p), _distance(anchor, negative, p)
    return maximum(near - (minimum(far, _distance(positive, negative, p)) if swap else far) + margin, 0)


def squared_distances(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    """No root is taken."""
    near, far = _distance(anchor, positive, p), _distance(anchor, negative, p)
    return maximum(near * near - far * far + margin, 0)
