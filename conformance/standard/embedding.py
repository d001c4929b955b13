"""Losses that compare vectors: by their angle, by their distance, in pairs and in triplets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .model import Parameters, Property, Source
from .real import FARTHEST, absolute, maximum, power, sqrt, total
from .tensors import Argument, Edge, Option, TensorFunction

_REDUCTIONS = ("none", "sum", "mean", "weighted_mean", "batch_mean")
_NAN, _INF = math.nan, math.inf

_LEAST = Fraction(1, 2**100_000)
"""Below any power of any number of any format that is not 0: to compare with it never finds two equal numbers, which would be a kink."""

_PYTORCH_COSINE = Source(
    "PyTorch documentation: torch.nn.CosineSimilarity",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html",
)
_KERAS = Source("Keras documentation: losses", "https://keras.io/api/losses/")
_OPTAX = Source("Optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html")


def _similarity(
    first: Sequence[Any], second: Sequence[Any], where: Sequence[bool] | None, epsilon: Any, floor: str
) -> Any:
    kept = [place for place in range(len(first)) if where is None or where[place]]
    # `0 · epsilon` makes a sum of nothing a Real, too.
    nothing = 0 * epsilon
    product, squares, other_squares = (
        total([a[place] * b[place] for place in kept]) + nothing
        for a, b in ((first, second), (first, first), (second, second))
    )
    # One root of the product, not a product of roots: that is exact for vectors that are equal or opposite.
    if floor == "each":
        return product / sqrt(_at_least(squares, epsilon * epsilon) * _at_least(other_squares, epsilon * epsilon))
    if floor == "added":
        return product / sqrt((squares + epsilon) * (other_squares + epsilon))
    if floor == "square_sum":
        return product / sqrt(_at_least(squares, epsilon) * _at_least(other_squares, epsilon))
    return product / sqrt(_at_least(squares * other_squares, epsilon * epsilon))


def _at_least(square: Any, least: Any) -> Any:
    """The larger of two; of 0 and 0 the first, without asking which: that is no kink."""
    return square if least < _LEAST else maximum(square, least)


def _cosine_similarity(
    first: Sequence[Any], second: Sequence[Any], where: Sequence[bool] | None, epsilon: Any, floor: str, factor: Any
) -> Any:
    return factor * _similarity(first, second, where, epsilon, floor)


def _cosine_distance(
    first: Sequence[Any], second: Sequence[Any], where: Sequence[bool] | None, epsilon: Any, floor: str
) -> Any:
    return 1 - _similarity(first, second, where, epsilon, floor)


def _lowest_similarity(options: Parameters) -> str:
    return repr(-abs(options["factor"]))


def _highest_similarity(options: Parameters) -> str:
    return repr(abs(options["factor"]))


_FIRST = Argument("first", "real", ("d",), "a vector")
_SECOND = Argument("second", "real", ("d",), "the vector it is compared with")
_WHERE = Argument("where", "mask", ("d",), "which components count", differentiable=False, optional=True)
_EPSILON = Option("epsilon", 0.0, "what the denominator has at least; see `floor`", "epsilon ≥ 0", (1e-8, 0.5))
_FLOOR = Option(
    "floor",
    "each",
    "how epsilon enters: `each`, max(‖a‖, ε) · max(‖b‖, ε); `product`, max(‖a‖·‖b‖, ε); `square_sum`, √(max(‖a‖², ε) · max(‖b‖², ε))",
    "each, product, square_sum",
    ("product", "square_sum"),
)
_NO_DIRECTION = "a zero vector has no direction: the formula says 0/0"
_V, _W = (3.0, -4.0, 12.0, 0.5), (-1.0, 2.0, 0.25, 8.0)
_ZEROS = (0.0, 0.0, 0.0, 0.0)
_COSINE_EDGES = (
    Edge("a zero vector", {"first": _ZEROS, "second": _V}, free=_NO_DIRECTION),
    Edge("two zero vectors", {"first": _ZEROS, "second": _ZEROS}, free=_NO_DIRECTION),
    Edge("norm below epsilon: a zero vector", {"first": _ZEROS, "second": _V}, {"epsilon": 0.125}),
    Edge("norm below epsilon: two zero vectors", {"first": _ZEROS, "second": _ZEROS}, {"epsilon": 0.125}),
    Edge("norm below epsilon: first", {"first": (0.0625, -0.03125, 0.0, 0.0), "second": _V}, {"epsilon": 0.125}),
    Edge(
        "norm below epsilon: both",
        {"first": (0.0625, -0.03125, 0.0, 0.0), "second": (0.0625, 0.03125, 0.0, 0.0625)},
        {"epsilon": 0.125},
    ),
    Edge("norm equal to epsilon", {"first": (0.0, -0.125, 0.0, 0.0), "second": _V}, {"epsilon": 0.125}),
    Edge("norm between epsilon and its root", {"first": (0.25, 0.0, 0.0, 0.0), "second": _V}, {"epsilon": 0.125}),
    Edge(
        "norm below epsilon: floor of the product",
        {"first": (0.0625, -0.03125, 0.0, 0.0), "second": _V},
        {"epsilon": 0.125, "floor": "product"},
    ),
    Edge(
        "norm between epsilon and its root, floor of the square sum",
        {"first": (0.25, 0.0, 0.0, 0.0), "second": _V},
        {"epsilon": 0.125, "floor": "square_sum"},
    ),
    Edge("equal vectors", {"first": _V, "second": _V}),
    Edge("opposite vectors", {"first": _V, "second": tuple(-x for x in _V)}),
    Edge("same direction, other length", {"first": _V, "second": tuple(8 * x for x in _V)}),
    Edge("orthogonal vectors", {"first": (1.0, 2.0, -2.0, 0.0), "second": (2.0, 1.0, 2.0, 5.0)}),
    Edge("lengths far apart", {"first": (1e-3, -2e-3, 0.0, 1e-3), "second": (1e3, 3e3, -2e3, 1e2)}),
    Edge(
        "first or second tiny: squares below the smallest number",
        {"first": ("smallest_normal",) * 4, "second": ("smallest_normal", "-smallest_normal", 0.0, 0.0)},
    ),
    Edge(
        "first or second large: squares above the largest number",
        {"first": ("largest",) * 4, "second": ("largest", 0.0, 0.0, 0.0)},
    ),
    Edge("one component", {"first": (-3.0,), "second": (0.5,)}),
)
_COSINE_MASKED = (
    Edge("masked NaN", {"first": (3.0, _NAN, 12.0, 0.5), "second": _W, "where": (True, False, True, True)}),
    Edge("masked infinity", {"first": _V, "second": (-1.0, 2.0, _INF, 8.0), "where": (True, True, False, True)}),
    Edge(
        "all masked",
        {"first": _V, "second": _W, "where": (False,) * 4},
        free="the sums have no terms: the formula says 0/0",
    ),
    Edge("all masked, epsilon", {"first": _V, "second": _W, "where": (False,) * 4}, {"epsilon": 0.125}),
)
_SYMMETRIC = "exchanging `first` and `second` changes nothing"

cosine_similarity = TensorFunction(
    name="cosine_similarity",
    title="Cosine similarity",
    family="embedding",
    formula="factor · Σ aᵢ·bᵢ / (‖a‖ · ‖b‖), the denominator kept above epsilon",
    definition=_cosine_similarity,
    arguments=(_FIRST, _SECOND, _WHERE),
    options=(
        _EPSILON,
        _FLOOR,
        Option("factor", 1.0, "what the cosine is multiplied by: −1 makes a loss of it", "any finite number", (-1.0,)),
    ),
    pairs=(
        {"epsilon": 0.5, "floor": "product"},
        {"epsilon": 0.5, "floor": "square_sum"},
        {"epsilon": 2.0, "factor": -1.0},
    ),
    reductions=_REDUCTIONS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=_COSINE_EDGES + _COSINE_MASKED,
    properties=(
        Property("range", "−|factor| ≤ cosine_similarity ≤ |factor|", low=_lowest_similarity, high=_highest_similarity),
        Property("symmetric", _SYMMETRIC),
    ),
    sources=(_PYTORCH_COSINE, _KERAS, _OPTAX),
    notes=(
        "The cosine is never above 1, but rounding both norms may bring it there, and its arc cosine is then NaN.",
        "optax has epsilon as the least square of a norm (`square_sum`), and documented it as the least norm up to 0.2.8; PyTorch up to 1.12 had `product`.",
    ),
)

cosine_distance = TensorFunction(
    name="cosine_distance",
    title="Cosine distance",
    family="embedding",
    formula="1 − Σ aᵢ·bᵢ / (‖a‖ · ‖b‖), the denominator kept above epsilon",
    definition=_cosine_distance,
    arguments=(_FIRST, _SECOND, _WHERE),
    options=(_EPSILON, _FLOOR),
    pairs=({"epsilon": 0.5, "floor": "product"}, {"epsilon": 0.5, "floor": "square_sum"}),
    reductions=_REDUCTIONS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=_COSINE_EDGES + _COSINE_MASKED,
    properties=(
        Property("range", "0 ≤ cosine_distance ≤ 2", low="0", high="2"),
        Property("symmetric", _SYMMETRIC),
    ),
    sources=(_OPTAX, Source("Wikipedia: Cosine similarity", "https://en.wikipedia.org/wiki/Cosine_similarity")),
    notes=(
        "Of vectors of almost the same direction the subtraction leaves few digits: ‖a/‖a‖ − b/‖b‖‖²/2 is the same number.",
    ),
)


def _cosine_embedding(
    first: Sequence[Any], second: Sequence[Any], target: Any, margin: Any, epsilon: Any, floor: str
) -> Any:
    similarity = _similarity(first, second, None, epsilon, floor)
    return 1 - similarity if target > 0 else maximum(similarity - margin, 0)


cosine_embedding = TensorFunction(
    name="cosine_embedding",
    title="Cosine embedding loss",
    family="embedding",
    formula="1 − cos(a, b) if target = 1, max(cos(a, b) − margin, 0) if target = −1",
    definition=_cosine_embedding,
    arguments=(
        _FIRST,
        _SECOND,
        Argument("target", "sign", (), "1: the vectors shall be alike; −1: they shall not", differentiable=False),
    ),
    options=(
        Option("margin", 0.0, "cosine up to which vectors count as not alike", "−1 ≤ margin ≤ 1", (0.5, -0.75, 1.0, -1.0), (2.0,)),
        Option("epsilon", 0.0, "what keeps the denominator above 0; see `floor`", "epsilon ≥ 0", (1e-8,)),
        Option("floor", "each", "how epsilon enters: `each`, max(‖a‖, ε) · max(‖b‖, ε); `added`, √((‖a‖² + ε) · (‖b‖² + ε))", "each, added", ("added",)),
    ),
    pairs=({"margin": 0.25, "epsilon": 0.5}, {"epsilon": 0.5, "floor": "added"}),
    reductions=_REDUCTIONS,
    weighted=True,
    edges=(
        Edge("a zero vector", {"first": _ZEROS, "second": _V, "target": 1.0}, free=_NO_DIRECTION),
        Edge("a zero vector, not alike", {"first": _V, "second": _ZEROS, "target": -1.0}, free=_NO_DIRECTION),
        Edge("a zero vector, epsilon", {"first": _ZEROS, "second": _V, "target": 1.0}, {"epsilon": 0.125}),
        Edge("a zero vector, epsilon added", {"first": _ZEROS, "second": _V, "target": 1.0}, {"epsilon": 0.125, "floor": "added"}),
        Edge("two zero vectors, epsilon added", {"first": _ZEROS, "second": _ZEROS, "target": -1.0}, {"epsilon": 0.125, "floor": "added"}),
        Edge("equal vectors, epsilon added", {"first": _V, "second": _V, "target": 1.0}, {"epsilon": 0.125, "floor": "added"}),
        Edge("equal vectors", {"first": _V, "second": _V, "target": 1.0}),
        Edge("equal vectors, not alike", {"first": _V, "second": _V, "target": -1.0}),
        Edge("opposite vectors", {"first": _V, "second": tuple(-x for x in _V), "target": 1.0}),
        Edge("opposite vectors, not alike", {"first": _V, "second": tuple(-x for x in _V), "target": -1.0}),
        Edge("first or second tiny: short vectors", {"first": (1e-4, -2e-4, 0.0, 1e-4), "second": (1e-4, 3e-4, -1e-4, 0.0), "target": 1.0}),
        Edge("cosine at the margin", {"first": (1.0, 0.0, 0.0, 0.0), "second": (1.0, -1.0, 1.0, 1.0), "target": -1.0}, {"margin": 0.5, "epsilon": 0.0}),
        Edge("cosine at margin 0", {"first": (1.0, 2.0, -2.0, 0.0), "second": (2.0, 1.0, 2.0, 5.0), "target": -1.0}),
        Edge("cosine below the margin", {"first": (1.0, 0.0, 0.0, 0.0), "second": (1.0, -2.0, 2.0, 1.0), "target": -1.0}, {"margin": 0.75}),
    ),
    properties=(Property("nonnegative", "cosine_embedding ≥ 0"),),
    sources=(Source("PyTorch documentation: torch.nn.CosineEmbeddingLoss",
                    "https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html"),),
    notes=("PyTorch's formula has no epsilon; what it computes has 10⁻¹² added to both squares (`added`), which float64 shows for every vector.",),
)  # fmt: skip


def _norm(differences: Sequence[Any], p: Any, epsilon: Any = 0) -> Any:
    """(Σ |x|^p + ε)^(1/p). p is an int, or a Real that is not one (1.5, ∞).

    At 0 every vector of numbers from −1 to 1 that the norm allows is a subgradient: those of Σ |x|.
    """
    if not isinstance(p, int) and p > FARTHEST:
        largest: Any = absolute(differences[0])
        for difference in differences[1:]:
            largest = maximum(largest, absolute(difference))
        return largest
    inside = _power_sum(differences, p, epsilon)
    if inside < _LEAST:
        return total([absolute(difference) for difference in differences])
    if isinstance(p, int):
        return inside if p == 1 else sqrt(inside) if p == 2 else power(inside, Fraction(1, p))
    return power(inside, 1 / p)


def _power_sum(differences: Sequence[Any], p: Any, epsilon: Any) -> Any:
    """Σ |x|^p + ε for a finite p: what a norm is the root of."""
    even = isinstance(p, int) and p % 2 == 0
    return total([power(x if even else absolute(x), p) for x in differences]) + epsilon


def _pairwise_distance(first: Sequence[Any], second: Sequence[Any], p: Any, epsilon: Any) -> Any:
    return _norm([a - b + epsilon for a, b in zip(first, second, strict=True)], p)


pairwise_distance = TensorFunction(
    name="pairwise_distance",
    title="Distance of two vectors",
    family="embedding",
    formula="(Σ |aᵢ − bᵢ + epsilon|^p)^(1/p); max |aᵢ − bᵢ + epsilon| for p = ∞",
    definition=_pairwise_distance,
    arguments=(_FIRST, _SECOND),
    options=(
        Option("p", 2, "the norm's degree", "p ≥ 1, infinity included", (1, 3, 1.5, _INF)),
        Option("epsilon", 0.0, "what is added to every difference", "any finite number", (1e-6, 0.5)),
    ),
    pairs=({"p": 1, "epsilon": 0.5}, {"p": 3, "epsilon": 0.25}, {"p": _INF, "epsilon": 0.125}, {"p": 1.5, "epsilon": 1e-6}),
    smooth=True,
    edges=(
        Edge("equal vectors", {"first": _V, "second": _V}),
        Edge("equal vectors, p = 1", {"first": _V, "second": _V}, {"p": 1}),
        Edge("equal vectors, p = 3", {"first": _V, "second": _V}, {"p": 3}),
        Edge("equal vectors, p = ∞", {"first": _V, "second": _V}, {"p": _INF}),
        Edge("equal vectors, epsilon", {"first": _V, "second": _V}, {"epsilon": 0.5}),
        Edge("one component differs", {"first": _V, "second": (3.0, -4.0, 10.0, 0.5)}),
        Edge("one component differs, p = 1.5", {"first": _V, "second": (3.0, -4.0, 10.0, 0.5)}, {"p": 1.5}),
        Edge("epsilon cancels the difference", {"first": _V, "second": tuple(x + 0.5 for x in _V)}, {"epsilon": 0.5}),
        Edge("two largest components, p = ∞", {"first": (5.0, -5.0, 1.0, 0.0), "second": _ZEROS}, {"p": _INF}),
        Edge("first or second tiny: squares below the smallest number", {"first": ("smallest_normal",) * 4, "second": ("smallest_normal", 0.0, 0.0, "-smallest_normal")}),
        Edge("first or second large: squares above the largest number", {"first": ("largest", 0.0, 0.0, 0.0), "second": (0.0, "largest", 0.0, 0.0)}),
        Edge("one component", {"first": (-3.0,), "second": (0.5,)}),
    ),
    properties=(Property("nonnegative", "pairwise_distance ≥ 0"),),
    sources=(Source("PyTorch documentation: torch.nn.PairwiseDistance",
                    "https://docs.pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html"),),
    notes=("With epsilon the distance of a and b is not that of b and a: it is added to a − b.",),
)  # fmt: skip


def _triplet_margin(
    anchor: Sequence[Any],
    positive: Sequence[Any],
    negative: Sequence[Any],
    margin: Any,
    p: int,
    epsilon: Any,
    epsilon_in: str,
    swap: bool,
) -> Any:
    inner, outer = (0, epsilon) if epsilon_in == "sum" else (epsilon, 0)

    def differences(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
        return [a - b + inner for a, b in zip(first, second, strict=True)]

    apart = differences(anchor, negative)
    if swap:
        # The nearer one is told before the root is taken, which need not be a number that any precision holds.
        others = differences(positive, negative)
        apart = apart if _power_sum(apart, p, outer) <= _power_sum(others, p, outer) else others
    return maximum(_norm(differences(anchor, positive), p, outer) - _norm(apart, p, outer) + margin, 0)


_ANCHOR = (1.0, -2.0, 0.5)

triplet_margin = TensorFunction(
    name="triplet_margin",
    title="Triplet margin loss",
    family="embedding",
    formula="max(d(a, p) − d(a, n) + margin, 0), d(x, y) = (Σ |xᵢ − yᵢ|^p)^(1/p); with `swap` min(d(a, n), d(p, n)) in place of d(a, n)",
    definition=_triplet_margin,
    arguments=(
        Argument("anchor", "real", ("d",), "the vector that the others are compared with"),
        Argument("positive", "real", ("d",), "a vector that shall be near it"),
        Argument("negative", "real", ("d",), "a vector that shall be farther by the margin"),
    ),
    options=(
        Option("margin", 1.0, "by how much the negative shall be farther", "margin > 0", (0.25, 20.0), (-1.0,)),
        Option("p", 2, "the norm's degree", "a whole number from 1 on", (1, 3)),
        Option("epsilon", 0.0, "added to every difference or to the sum of powers", "epsilon ≥ 0", (1e-6, 0.5)),
        Option("epsilon_in", "difference", "where epsilon is added: `difference`, |xᵢ − yᵢ + ε|; `sum`, Σ |xᵢ − yᵢ|^p + ε", "difference, sum", ("sum",)),
        Option("swap", False, "whether the negative may be compared with the positive instead, where these two are nearer", "True, False", (True,)),
    ),
    pairs=(
        {"epsilon": 0.5, "epsilon_in": "sum"},
        {"p": 3, "epsilon": 0.25, "epsilon_in": "sum"},
        {"p": 1, "margin": 0.25},
        {"p": 3, "swap": True},
        {"epsilon": 0.25, "swap": True},
    ),
    reductions=_REDUCTIONS,
    weighted=True,
    axis=True,
    edges=(
        Edge("anchor, positive and negative equal", {"anchor": _ANCHOR, "positive": _ANCHOR, "negative": _ANCHOR}),
        Edge("anchor, positive and negative equal, epsilon", {"anchor": _ANCHOR, "positive": _ANCHOR, "negative": _ANCHOR}, {"epsilon": 0.5}),
        Edge("anchor, positive and negative equal, swap", {"anchor": _ANCHOR, "positive": _ANCHOR, "negative": _ANCHOR}, {"swap": True}),
        Edge("anchor equal to positive", {"anchor": _ANCHOR, "positive": _ANCHOR, "negative": (1.0, -2.0, 1.25)}),
        Edge("anchor equal to positive, p = 1", {"anchor": _ANCHOR, "positive": _ANCHOR, "negative": (1.25, -2.0, 0.75)}, {"p": 1}),
        Edge("anchor equal to negative", {"anchor": _ANCHOR, "positive": (0.0, 0.0, 0.5), "negative": _ANCHOR}),
        Edge("exactly at the margin", {"anchor": (0.0, 0.0, 0.0), "positive": (3.0, -4.0, 0.0), "negative": (0.0, 6.0, 0.0)}),
        Edge("farther than the margin", {"anchor": (0.0, 0.0, 0.0), "positive": (0.5, 0.0, -0.5), "negative": (0.0, 60.0, 11.0)}),
        Edge("swapped", {"anchor": (0.0, 0.0, 0.0), "positive": (3.0, -4.0, 0.0), "negative": (3.0, -4.5, 0.0)}, {"swap": True}),
        # Exchanging two components keeps both distances equal whatever is added to every difference.
        Edge("swap with equal distances", {"anchor": (3.0, 4.0, 0.0), "positive": (4.0, 3.0, 0.0), "negative": (0.0, 0.0, 0.0)}, {"swap": True}),
    ),
    free={
        "anchor or positive or negative large": "the hinge is crossed by less than what one unit in the last place of such distances is worth",
    },
    properties=(Property("nonnegative", "triplet_margin ≥ 0"),),
    sources=(
        Source("Balntas et al.: Learning local feature descriptors with triplets and shallow convolutional neural networks, BMVC 2016",
               "https://bmva-archive.org.uk/bmvc/2016/papers/paper119/index.html"),
        Source("Schroff, Kalenichenko, Philbin: FaceNet, CVPR 2015", "https://arxiv.org/abs/1503.03832"),
        Source("PyTorch documentation: torch.nn.TripletMarginLoss",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html"),
    ),
    notes=(
        "FaceNet's loss has the squares of the distances, this one the distances.",
        "Without epsilon a distance of 0 is a kink: every vector of length up to 1 is a subgradient, 0 among them, and NaN is none.",
    ),
)  # fmt: skip


FUNCTIONS: tuple[TensorFunction, ...] = (
    cosine_similarity,
    cosine_distance,
    cosine_embedding,
    pairwise_distance,
    triplet_margin,
)
