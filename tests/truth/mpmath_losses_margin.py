"""Hinge, margin and Fenchel-Young losses, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: Cortes, Vapnik 1995; Rosenblatt 1958;
documentation of Keras' hinge losses (targets of 0 and 1 become −1 and 1); Crammer, Singer 2001 (max of s_c + [c ≠ y], minus s_y);
Collins 2002; Martins, Astudillo 2016, equation 14 (sparsemax loss); Blondel, Martins, Niculae 2020, section 4.4
(the binary one, whose derivative is the sparse sigmoid minus the target) and equation 14 (Ω* minus ⟨θ, t⟩; optax leaves out
the entropy of the target, as its documentation of "a max function" alone says); documentation of PyTorch's margin losses;
Rendle et al. 2009 (−log σ of the difference).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from .mpmath_losses_activations import sparsemax
from .mpmath_losses_common import Number, Row, largest, log_sum_exp, positive_part, shares, softplus, total


def signed(target: Number, labels: str) -> Number:
    return 2 * target - 1 if labels == "binary" else target


def hinge(prediction: Number, target: Number, labels: str) -> Number:
    return positive_part(1 - signed(target, labels) * prediction)


def squared_hinge(prediction: Number, target: Number, labels: str) -> Number:
    return hinge(prediction, target, labels) ** 2


def perceptron(prediction: Number, target: Number, labels: str) -> Number:
    return positive_part(-signed(target, labels) * prediction)


def categorical_hinge(prediction: Row, target: Row) -> Number:
    negative = largest(*(shares(1 - t, p) for p, t in zip(prediction, target, strict=True)))
    return positive_part(negative - total(shares(t, p) for p, t in zip(prediction, target, strict=True)) + 1)


def multiclass_hinge(scores: Row, labels: int) -> Number:
    return largest(*(score - scores[labels] + (i != labels) if i != labels else mpf(0) for i, score in enumerate(scores)))  # fmt: skip


def multiclass_perceptron(scores: Row, labels: int) -> Number:
    return largest(*(score - scores[labels] if i != labels else mpf(0) for i, score in enumerate(scores)))


def multiclass_sparsemax(scores: Row, labels: int) -> Number:
    if any(mp.isinf(a) and a > 0 for a in scores) or all(mp.isinf(a) for a in scores):
        return mp.nan
    top = largest(*scores)
    z = [a - top for a in scores]
    p = sparsemax(z)
    inside = [i for i in range(len(z)) if p[i] > 0]
    threshold = (total(z[i] for i in inside) - 1) / len(inside)
    return -z[labels] + total(z[i] ** 2 - threshold**2 for i in inside) / 2 + mpf(1) / 2


def sparsemax_loss(logits: Number, target: Number) -> Number:
    x = -logits if target == 1 else logits
    if x <= -1:
        return mpf(0)
    return x if x >= 1 else (x + 1) ** 2 / 4


def fenchel_young(scores: Row, target: Row) -> Number:
    if any(mp.isnan(a) for a in scores):
        return mp.nan
    top = max(scores)
    if mp.isinf(top):
        return mp.nan
    # ⟨θ, t⟩ apart from the largest: nothing of the size of the scores is left to cancel where Σ t = 1.
    inner = total(shares(t, a - top) for a, t in zip(scores, target, strict=True))
    return log_sum_exp([a - top for a in scores]) - inner + (1 - total(target)) * top


def soft_margin(prediction: Number, target: Number) -> Number:
    return softplus(-target * prediction)


def margin_ranking(first: Number, second: Number, target: Number, margin: Number) -> Number:
    return positive_part(-target * (first - second) + margin)


def hinge_embedding(prediction: Number, target: Number, margin: Number) -> Number:
    return prediction if target == 1 else positive_part(margin - prediction)


def bpr(positive: Number, negative: Number) -> Number:
    return softplus(-(positive - negative))


def multi_margin(scores: Row, labels: int, class_weight: Row | None, p: int, margin: Number) -> Number:
    weight = 1 if class_weight is None else class_weight[labels]
    terms = [positive_part(margin - scores[labels] + a) ** p for i, a in enumerate(scores) if i != labels]
    return shares(weight, total(terms)) / len(scores)


def multilabel_margin(scores: Row, labels: Sequence[int]) -> Number:
    there = list(labels[: labels.index(-1)] if -1 in labels else labels)
    others = [i for i in range(len(scores)) if i not in there]
    return total(positive_part(1 - (scores[j] - scores[i])) for j in there for i in others) / len(scores)


def multilabel_soft_margin(logits: Row, target: Row, class_weight: Row | None) -> Number:
    losses = [shares(t, softplus(-x)) + shares(1 - t, softplus(x)) for x, t in zip(logits, target, strict=True)]
    return total(a if class_weight is None else shares(class_weight[i], a) for i, a in enumerate(losses)) / len(losses)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "hinge": hinge,
    "squared_hinge": squared_hinge,
    "perceptron": perceptron,
    "categorical_hinge": categorical_hinge,
    "multiclass_hinge": multiclass_hinge,
    "multiclass_perceptron": multiclass_perceptron,
    "multiclass_sparsemax": multiclass_sparsemax,
    "sparsemax_loss": sparsemax_loss,
    "fenchel_young": fenchel_young,
    "soft_margin": soft_margin,
    "margin_ranking": margin_ranking,
    "hinge_embedding": hinge_embedding,
    "bpr": bpr,
    "multi_margin": multi_margin,
    "multilabel_margin": multilabel_margin,
    "multilabel_soft_margin": multilabel_soft_margin,
}
