"""Losses of a batch whose samples are compared with one another: of groups of vectors, by their angles; and of rankings of a list."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .model import Property, Source
from .real import FARTHEST, dot, exp, log, log_sum_exp, maximum, mean, minimum, sqrt, total, xlogy
from .surprise import INF, NAN, OPTAX
from .tensors import Argument, Edge, Option, TensorFunction, Weighted

_KERAS = Source("Keras documentation: losses", "https://keras.io/api/losses/")

_LEAST = Fraction(1, FARTHEST)
"""Below any product of two numbers of any format that is not 0: to compare with it never finds two equal numbers, which would be a kink."""


def _circle(
    embeddings: Sequence[Sequence[Any]], labels: Sequence[int], gamma: Any, margin: Any, remove_diagonal: bool
) -> Any:
    places = range(len(labels))
    similarities = {(i, j): minimum(dot(embeddings[i], embeddings[j]), 1) for i in places for j in places if i <= j}
    losses: list[Any] = []
    for i in places:
        alike = [
            similarities[min(i, j), max(i, j)]
            for j in places
            if labels[j] == labels[i] and not (remove_diagonal and i == j)
        ]
        others = [similarities[min(i, j), max(i, j)] for j in places if labels[j] != labels[i]]
        if not alike or not others:
            losses.append(0)
            continue
        pull = total([exp(gamma * maximum(1 + margin - s, 0) * (1 - margin - s)) for s in alike])
        push = total([exp(gamma * maximum(s + margin, 0) * (s - margin)) for s in others])
        losses.append(log(1 + pull * push))
    return tuple(losses)


_H = 0.5
_UNIT_ROWS = ((1.0, 0.0, 0.0, 0.0), (_H, _H, _H, _H), (0.0, 0.0, -1.0, 0.0), (_H, -_H, _H, -_H), (0.0, 1.0, 0.0, 0.0))
"""Rows of length 1 exactly, in every format."""

circle = TensorFunction(
    name="circle",
    title="Circle loss",
    family="contrastive",
    formula="log(1 + Σₙ e^(γ·max(sₙ + m, 0)·(sₙ − m)) · Σₚ e^(−γ·max(1 + m − sₚ, 0)·(sₚ − 1 + m))), "
    "sₚ and sₙ the similarities min(xᵢ·xⱼ, 1) of row i to the rows of its own group and of others",
    definition=_circle,
    arguments=(
        Argument("embeddings", "real", ("n", "d"), "one vector for each sample, meant to be of length 1"),
        Argument("labels", "group", ("n",), "the group of each sample", differentiable=False),
    ),
    result=("n",),
    options=(
        Option("gamma", 80.0, "the scale γ", "gamma > 0", (1.0, 256.0)),
        Option("margin", 0.4, "the relaxation m", "0 ≤ margin ≤ 1", (0.25, 0.0, 1.0)),
        Option("remove_diagonal", True, "whether a row is left out of its own group", "True, False", (False,)),
    ),
    pairs=({"gamma": 2.0, "margin": 0.125}, {"gamma": 16.0, "remove_diagonal": False}),
    sizes={"n": (6,), "d": (4,)},
    reductions=("none", "sum", "mean", "weighted_mean", "batch_mean"),
    weighted=True,
    edges=(
        Edge("unit vectors", {"embeddings": _UNIT_ROWS, "labels": (0, 0, 1, 1, 0)}),
        Edge(
            "equal vectors in a group",
            {"embeddings": (_UNIT_ROWS[1], _UNIT_ROWS[1], _UNIT_ROWS[3]), "labels": (2, 2, 0)},
        ),
        Edge(
            "equal vectors in different groups",
            {"embeddings": (_UNIT_ROWS[1], _UNIT_ROWS[1], _UNIT_ROWS[3]), "labels": (2, 0, 2)},
        ),
        Edge(
            "opposite vectors in a group",
            {"embeddings": (_UNIT_ROWS[0], (-1.0, 0.0, 0.0, 0.0), _UNIT_ROWS[1]), "labels": (0, 0, 1)},
        ),
        Edge("a group of one", {"embeddings": _UNIT_ROWS, "labels": (0, 0, 1, 2, 2)}),
        Edge(
            "a group of one with itself",
            {"embeddings": _UNIT_ROWS, "labels": (0, 0, 1, 2, 2)},
            {"remove_diagonal": False},
        ),
        Edge("one group", {"embeddings": _UNIT_ROWS, "labels": (1, 1, 1, 1, 1)}),
        Edge("groups of one", {"embeddings": _UNIT_ROWS, "labels": (4, 3, 2, 1, 0)}),
        Edge("one sample", {"embeddings": (_UNIT_ROWS[1],), "labels": (0,)}),
        Edge("zero vectors", {"embeddings": ((0.0,) * 4,) * 3, "labels": (0, 0, 1)}),
    ),
    properties=(Property("nonnegative", "circle ≥ 0"),),
    batched=False,
    sources=(Source("Sun et al.: Circle Loss, CVPR 2020, section 3", "https://arxiv.org/abs/2002.10857"), _KERAS),
    notes=(
        "An empty sum is 0: a sample without another of its group, or without one of another group, has loss 0 and gradient 0.",
        "The function takes the vectors as they are. Similarities above 1, which vectors of length 1 have by rounding only, count as 1.",
        "The paper treats the weights max(…, 0) as constants when it differentiates (equation 10); the derivative of the function does not.",
    ),
)


def _ntxent(embeddings: Sequence[Sequence[Any]], labels: Sequence[int], temperature: Any) -> Any:
    places = range(len(labels))
    squares = [dot(row, row) for row in embeddings]
    scaled = {
        (i, j): dot(embeddings[i], embeddings[j]) / (sqrt(squares[i] * squares[j]) * temperature)
        for i in places
        for j in places
        if i < j
    }
    losses: list[Any] = []
    for i in places:
        others = [exp(scaled[min(i, k), max(i, k)]) for k in places if labels[k] != labels[i]]
        for j in places:
            if i != j and labels[i] == labels[j]:
                s = scaled[min(i, j), max(i, j)]
                losses.append(log(total([exp(s), *others])) - s)
    return mean(losses) if losses else NAN


_ROWS = ((1.0, -0.5, 2.0), (0.75, 0.25, 1.5), (-1.0, 3.0, 0.5), (-2.0, 1.0, -0.25), (0.125, -4.0, 1.0))

ntxent = TensorFunction(
    name="ntxent",
    title="Normalised temperature-scaled cross entropy",
    family="contrastive",
    formula="mean over all i ≠ j of one group of −log(e^sᵢⱼ / (e^sᵢⱼ + Σₖ e^sᵢₖ)), k over the other groups, sᵢⱼ = cos(xᵢ, xⱼ) / temperature",
    definition=_ntxent,
    arguments=(
        Argument("embeddings", "real", ("n", "d"), "one vector for each sample"),
        Argument(
            "labels", "group", ("n",), "the group of each sample: views of one image are a group", differentiable=False
        ),
    ),
    options=(Option("temperature", 0.07, "what cosines are divided by", "temperature > 0", (0.5, 4.0), (-1.0,)),),
    sizes={"n": (6,), "d": (5,)},
    smooth=True,
    edges=(
        Edge("a group of one", {"embeddings": _ROWS, "labels": (0, 0, 1, 2, 2)}),
        Edge("a group of three", {"embeddings": _ROWS, "labels": (0, 1, 0, 1, 0)}),
        Edge("one group", {"embeddings": _ROWS, "labels": (3, 3, 3, 3, 3)}),
        Edge("groups of one", {"embeddings": _ROWS, "labels": (0, 1, 2, 3, 4)}, free="the mean has no terms"),
        Edge("equal vectors", {"embeddings": (_ROWS[0], _ROWS[0], _ROWS[2], _ROWS[2]), "labels": (0, 0, 1, 1)}),
        Edge("all vectors equal", {"embeddings": (_ROWS[0],) * 4, "labels": (0, 1, 0, 1)}),
        Edge(
            "opposite vectors in a group",
            {"embeddings": (_ROWS[0], tuple(-x for x in _ROWS[0]), _ROWS[2]), "labels": (1, 1, 0)},
        ),
        Edge(
            "lengths far apart",
            {
                "embeddings": (_ROWS[0], tuple(1e3 * x for x in _ROWS[1]), tuple(1e-3 * x for x in _ROWS[2])),
                "labels": (0, 0, 1),
            },
        ),
        Edge(
            "a zero vector",
            {"embeddings": (_ROWS[0], _ROWS[1], (0.0, 0.0, 0.0)), "labels": (0, 0, 1)},
            free="a zero vector has no direction: the formula says 0/0",
        ),
    ),
    properties=(Property("nonnegative", "ntxent ≥ 0"),),
    batched=False,
    sources=(
        Source(
            "Chen et al.: A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020",
            "https://arxiv.org/abs/2002.05709",
        ),
        Source(
            "PyTorch Metric Learning documentation: NTXentLoss",
            "https://kevinmusgrave.github.io/pytorch-metric-learning/losses/",
        ),
    ),
    notes=(
        "In groups of more than two the other members of the group are left out of the denominator; the paper has groups of two only.",
    ),
)


def _ranking_softmax(
    logits: Sequence[Any], relevance: Sequence[Any], where: Sequence[bool] | None, weights: Sequence[Any] | None
) -> Any:
    kept = [place for place in range(len(logits)) if where is None or where[place]]
    if not kept:
        return Weighted(0, 0)
    normaliser = log_sum_exp([logits[place] for place in kept])
    terms: list[Any] = []
    for place in kept:
        share = relevance[place] if weights is None else weights[place] * relevance[place]
        if logits[place] < -FARTHEST and not share > _LEAST:
            terms.append(-xlogy(share, 0))  # 0 · log 0, which does not change with the logit
        else:
            terms.append(share * (normaliser - logits[place]))
    return Weighted(total(terms), 1)


ranking_softmax = TensorFunction(
    name="ranking_softmax",
    title="Softmax loss of a ranking",
    family="contrastive",
    formula="−Σᵢ wᵢ · yᵢ · log(e^sᵢ / Σⱼ e^sⱼ)",
    definition=_ranking_softmax,
    arguments=(
        Argument("logits", "logit", ("n",), "the score sᵢ of each item of a list"),
        Argument("relevance", "nonnegative", ("n",), "the relevance yᵢ of each item"),
        Argument("where", "mask", ("n",), "which items there are", differentiable=False, optional=True),
        Argument("weights", "nonnegative", ("n",), "the weight wᵢ of each item", optional=True),
    ),
    reductions=("none", "sum", "mean"),
    smooth=True,
    edges=(
        Edge("equal scores", {"logits": (2.0, 2.0, 2.0), "relevance": (1.0, 0.0, 0.5)}),
        Edge("nothing is relevant", {"logits": (2.0, -1.0, 0.5), "relevance": (0.0, 0.0, 0.0)}),
        Edge("logits infinite: an impossible item that is not relevant", {"logits": (2.0, -INF, 0.5), "relevance": (1.0, 0.0, 0.5)}),
        Edge("an impossible item of weight 0",
             {"logits": (2.0, -INF, 0.5), "relevance": (1.0, 2.0, 0.5), "weights": (1.0, 0.0, 0.25)}),
        Edge("logits infinite: an impossible item that is relevant", {"logits": (2.0, -INF, 0.5), "relevance": (1.0, 0.25, 0.5)}),
        Edge("one item", {"logits": (-3.0,), "relevance": (2.0,)}),
        Edge("the relevant item far ahead", {"logits": (1e4, 0.0, -1e4), "relevance": (1.0, 0.0, 0.0)}),
        Edge("the relevant item far behind", {"logits": (1e4, 0.0, -1e4), "relevance": (0.0, 0.0, 2.0)}),
        Edge("masked NaN", {"logits": (2.0, NAN, 0.5), "relevance": (1.0, 3.0, 0.5), "where": (True, False, True)}),
        Edge("masked NaN among relevances", {"logits": (2.0, 1.0, 0.5), "relevance": (1.0, NAN, 0.5), "where": (True, False, True)}),
        Edge("masked infinity", {"logits": (2.0, INF, 0.5), "relevance": (1.0, 3.0, 0.5), "where": (True, False, True)}),
        Edge("all masked", {"logits": (2.0, 1.0, 0.5), "relevance": (1.0, 3.0, 0.5), "where": (False, False, False)}),
    ),
    properties=(
        Property("nonnegative", "ranking_softmax ≥ 0"),
        Property("shift_invariant", "adding one number to all scores of a list changes nothing"),
    ),
    sources=(
        Source("Cao et al.: Learning to Rank: From Pairwise Approach to Listwise Approach, ICML 2007",
               "https://dl.acm.org/doi/10.1145/1273496.1273513"),
        OPTAX,
    ),
    notes=("A list whose items are all masked is no list: its loss is 0, and a mean does not count it.",),
)  # fmt: skip

FUNCTIONS: tuple[TensorFunction, ...] = (circle, ntxent, ranking_softmax)
