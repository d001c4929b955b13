"""Losses of vectors and of rankings, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: documentation of torch.nn.CosineSimilarity
(max(‖a‖·‖b‖, ε)), optax.cosine_similarity and Keras' CosineSimilarity; torch.nn.CosineEmbeddingLoss, PairwiseDistance
(‖x − y + ε·e‖), TripletMarginLoss; Balntas et al. 2016 (the swap of anchor and positive); Sun et al. 2020, equations 4 to 9
(circle loss, γ, m: O_p = 1 + m, O_n = −m, Δ_p = 1 − m, Δ_n = m); Chen et al. 2020, equation 1, and the documentation of PyTorch
Metric Learning (every ordered positive pair, with its negatives alone); Cao et al. 2007 and documentation of optax (ranking softmax).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from .mpmath_losses_common import (
    Mask,
    Matrix,
    Number,
    Row,
    largest,
    log_sum_exp,
    positive_part,
    ratio,
    shares,
    smallest,
    softplus,
    surprises,
    total,
)


def dot(a: Row, b: Row, where: Mask | None = None) -> Number:
    return total(x * y for i, (x, y) in enumerate(zip(a, b, strict=True)) if where is None or where[i])


def cosine(a: Row, b: Row, where: Mask | None, epsilon: Number, floor: str) -> Number:
    square_a, square_b = dot(a, a, where), dot(b, b, where)
    denominator = {
        "each": lambda: largest(mp.sqrt(square_a), epsilon) * largest(mp.sqrt(square_b), epsilon),
        "product": lambda: largest(mp.sqrt(square_a) * mp.sqrt(square_b), epsilon),
        "square_sum": lambda: mp.sqrt(largest(square_a, epsilon) * largest(square_b, epsilon)),
        "added": lambda: mp.sqrt(square_a + epsilon) * mp.sqrt(square_b + epsilon),
    }[floor]()
    return ratio(dot(a, b, where), denominator)


def cosine_similarity(
    first: Row, second: Row, where: Mask | None, epsilon: Number, floor: str, factor: Number
) -> Number:
    return factor * cosine(first, second, where, epsilon, floor)


def cosine_distance(first: Row, second: Row, where: Mask | None, epsilon: Number, floor: str) -> Number:
    return 1 - cosine(first, second, where, epsilon, floor)


def cosine_embedding(first: Row, second: Row, target: Number, margin: Number, epsilon: Number, floor: str) -> Number:
    c = cosine(first, second, None, epsilon, floor)
    return 1 - c if target == 1 else positive_part(c - margin)


def norm(row: Row, p: Number) -> Number:
    if p == mp.inf:
        return largest(*(abs(a) for a in row))
    return root(total(abs(a) ** p for a in row), p)


def root(a: Number, p: Number) -> Number:
    return a if p == 1 else mp.sqrt(a) if p == 2 else a ** (mpf(1) / p)


def pairwise_distance(first: Row, second: Row, p: Number, epsilon: Number) -> Number:
    return norm([a - b + epsilon for a, b in zip(first, second, strict=True)], p)


def triplet_margin(
    anchor: Row, positive: Row, negative: Row, margin: Number, p: int, epsilon: Number, epsilon_in: str, swap: bool
) -> Number:  # fmt: skip
    def distance(a: Row, b: Row) -> Number:
        if epsilon_in == "difference":
            return pairwise_distance(a, b, p, epsilon)
        return root(total(abs(x - y) ** p for x, y in zip(a, b, strict=True)) + epsilon, p)

    far = distance(anchor, negative)
    if swap:
        far = smallest(far, distance(positive, negative))
    return positive_part(distance(anchor, positive) - far + margin)


def circle(
    embeddings: Matrix, labels: Sequence[int], gamma: Number, margin: Number, remove_diagonal: bool
) -> list[Number]:
    losses = []
    for i, row in enumerate(embeddings):
        near, far = [], []
        for j, other in enumerate(embeddings):
            s = smallest(dot(row, other), mpf(1))
            if labels[i] != labels[j]:
                far.append(gamma * positive_part(s + margin) * (s - margin))
            elif i != j or not remove_diagonal:
                near.append(-gamma * positive_part(1 + margin - s) * (s - (1 - margin)))
        losses.append(softplus(log_sum_exp(far) + log_sum_exp(near)) if near and far else mpf(0))
    return losses


def ntxent(embeddings: Matrix, labels: Sequence[int], temperature: Number) -> Number:
    rows = range(len(labels))
    s = [[cosine(embeddings[i], embeddings[j], None, mpf(0), "each") / temperature for j in rows] for i in rows]
    losses = []
    for i in rows:
        others = [s[i][k] for k in rows if labels[k] != labels[i]]
        losses += [log_sum_exp([mpf(0), *(a - s[i][j] for a in others)]) for j in rows if j != i and labels[j] == labels[i]]  # fmt: skip
    return total(losses) / len(losses) if losses else mp.nan


def ranking_softmax(logits: Row, relevance: Row, where: Mask | None, weights: Row | None) -> tuple[Number, Number]:
    there = [i for i in range(len(logits)) if where is None or where[i]]
    losses = surprises(logits, where)
    loss = total(shares(relevance[i] * (1 if weights is None else weights[i]), losses[i]) for i in there)
    return loss, mpf(1 if there or where is None else 0)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "cosine_similarity": cosine_similarity,
    "cosine_distance": cosine_distance,
    "cosine_embedding": cosine_embedding,
    "pairwise_distance": pairwise_distance,
    "triplet_margin": triplet_margin,
    "circle": circle,
    "ntxent": ntxent,
    "ranking_softmax": ranking_softmax,
}
