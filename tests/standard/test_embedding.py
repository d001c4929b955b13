"""Losses of vectors and of regions against closed forms, typed from the papers over mpmath; and what their pages declare.

Sources: Chen et al. 2020, equation 1 (ntxent); Sun et al. 2020, equations 5 and 6 (circle); Cao et al. 2007 (ranking_softmax);
Balntas et al. 2016 (triplet_margin); Salehi et al. 2017, equation 4 (tversky); Sudre et al. 2017, section 2.1 (generalized_dice).
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from conformance.standard import contrastive, embedding, segmentation
from conformance.standard.tensors import KINDS, REDUCTIONS, TensorFunction
from conformance.truth.reals import INFINITE, UNDEFINED, ZERO
from conformance.truth.tensors import Asked, Exact, exact

A, B, C = np.array([3.0, -4.0, 12.0]), np.array([-1.0, 2.0, 2.0]), np.array([0.5, 6.0, -0.25])
ROWS = np.array([[1.0, -0.5], [0.75, 0.25], [-1.0, 3.0], [-2.0, 1.0], [0.125, -4.0]])
GROUPS = np.array([0, 0, 1, 0, 1])
LOGITS = np.array(
    [[[2.0, -1.0, 0.5], [0.25, 1.5, -3.0], [-0.5, 0.0, 0.75]], [[1.0, 1.0, -2.0], [0.0, 0.5, 4.0], [3.0, 2.0, 1.0]]]
)
TARGET = np.eye(3)[[[0, 1, 0], [2, 2, 0]]]


def asked(
    function: TensorFunction, tensors: dict[str, Any], quantity: str = "value", wrt: str = "", **options: Any
) -> Exact:
    arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    return exact(Asked(function, {**function.defaults(), **options}, arrays, quantity, wrt))


def value(function: TensorFunction, tensors: dict[str, Any], **options: Any) -> Any:
    found = asked(function, tensors, **options)
    return found.truth.approximate().reshape(found.shape)


def gradient(function: TensorFunction, wrt: str, tensors: dict[str, Any], **options: Any) -> Any:
    found = asked(function, tensors, "gradient", wrt, **options)
    return found.truth.approximate().reshape(found.shape)


def numbers(array: Any) -> list[Any]:
    return [mpf(float(x)) for x in array]


def cosine(a: Any, b: Any) -> Any:
    a, b = numbers(a), numbers(b)
    return mpmath.fdot(a, b) / (mpmath.norm(a) * mpmath.norm(b))


def test_cosines() -> None:
    # 3·(−1) − 4·2 + 12·2 = 13; the lengths are 13 and 3.
    assert value(embedding.cosine_similarity, {"first": A, "second": B}) == pytest.approx(1 / 3, rel=1e-15)
    assert value(embedding.cosine_similarity, {"first": A, "second": B}, factor=-1.0) == pytest.approx(
        -1 / 3, rel=1e-15
    )
    assert value(embedding.cosine_distance, {"first": A, "second": B}) == pytest.approx(2 / 3, rel=1e-15)
    assert value(embedding.cosine_similarity, {"first": A, "second": A}) == 1
    masked = {"first": [3.0, math.nan, 4.0], "second": [0.0, 1.0, -2.0], "where": [True, False, True]}
    assert value(embedding.cosine_similarity, masked) == pytest.approx(-4 / 5, rel=1e-15)


@pytest.mark.parametrize(
    ("floor", "epsilon", "denominator"),
    [
        ("each", 5.0, 13 * 5),
        ("product", 50.0, 50),
        ("square_sum", 16.0, 13 * 4),
        ("each", 2.0, 39),
        ("product", 2.0, 39),
        ("square_sum", 2.0, 39),
    ],
)
def test_how_epsilon_enters_the_cosine(floor: str, epsilon: float, denominator: int) -> None:
    found = value(embedding.cosine_similarity, {"first": A, "second": B}, floor=floor, epsilon=epsilon)
    assert found == pytest.approx(13 / denominator, rel=1e-15)


def test_below_epsilon_the_length_has_no_part_in_the_derivative() -> None:
    # cos = a·b / (13 · 5), where ‖b‖ = 3 does not count: the derivative in b is a / 65.
    found = gradient(embedding.cosine_similarity, "second", {"first": A, "second": B}, epsilon=5.0)
    np.testing.assert_allclose(found, A / 65, rtol=1e-14)


def test_a_zero_vector_has_no_cosine_without_epsilon() -> None:
    tensors = {"first": np.zeros(3), "second": B}
    assert asked(embedding.cosine_similarity, tensors).truth.kind[0] == UNDEFINED
    assert value(embedding.cosine_similarity, tensors, epsilon=0.5) == 0
    np.testing.assert_allclose(
        gradient(embedding.cosine_similarity, "first", tensors, epsilon=0.5), B / (3 * 0.5), rtol=1e-14
    )


def test_cosine_embedding() -> None:
    tensors = {"first": A, "second": B}
    assert value(embedding.cosine_embedding, {**tensors, "target": 1.0}) == pytest.approx(2 / 3, rel=1e-15)
    assert value(embedding.cosine_embedding, {**tensors, "target": -1.0}) == pytest.approx(1 / 3, rel=1e-15)
    assert value(embedding.cosine_embedding, {**tensors, "target": -1.0}, margin=-0.5) == pytest.approx(
        5 / 6, rel=1e-15
    )
    assert value(embedding.cosine_embedding, {**tensors, "target": -1.0}, margin=0.5) == 0


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, math.inf])
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_pairwise_distance(p: float, epsilon: float) -> None:
    differences = [abs(a - b + mpf(epsilon)) for a, b in zip(numbers(A), numbers(B), strict=True)]
    expected = max(differences) if p == math.inf else mpmath.fsum(x ** mpf(p) for x in differences) ** (1 / mpf(p))
    assert value(embedding.pairwise_distance, {"first": A, "second": B}, p=p, epsilon=epsilon) == pytest.approx(
        float(expected), rel=1e-15
    )


def test_at_distance_zero_every_slope_of_the_norm_is_a_subgradient() -> None:
    for p in (1, 2, 3, math.inf):
        found = asked(embedding.pairwise_distance, {"first": A, "second": A}, "gradient", "first", p=p)
        assert found.upper is not None
        low, high = found.truth.approximate(), found.upper.approximate()
        assert (low <= 0).all()
        assert (high >= 0).all()
        assert low.min() >= -1
        assert high.max() <= 1


def test_triplet_margin() -> None:
    tensors = {"anchor": A, "positive": B, "negative": C}
    near, far, across = (mpmath.norm(numbers(x - y)) for x, y in ((A, B), (A, C), (B, C)))
    assert across < far
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"margin": 3.0}, near - far + 3),
        ({"margin": 9.0, "swap": True}, near - across + 9),
        ({"margin": 3.0, "epsilon": 7.0, "epsilon_in": "sum"}, mpmath.sqrt(near**2 + 7) - mpmath.sqrt(far**2 + 7) + 3),
        ({"margin": 9.0, "epsilon": 0.5}, mpmath.norm(numbers(A - B + 0.5)) - mpmath.norm(numbers(A - C + 0.5)) + 9),
        ({"margin": 9.0, "p": 3}, mpmath.norm(numbers(A - B), 3) - mpmath.norm(numbers(A - C), 3) + 9),
    ]
    for options, expected in cases:
        assert value(embedding.triplet_margin, tensors, **options) == pytest.approx(
            max(float(expected), 0), rel=1e-14
        ), options


def test_circle() -> None:
    gamma, margin = mpf(2), mpf(0.25)
    for remove_diagonal in (True, False):
        expected = []
        for i in range(5):
            similar = [min(mpmath.fdot(numbers(ROWS[i]), numbers(ROWS[j])), mpf(1)) for j in range(5)]
            pull = [j for j in range(5) if GROUPS[j] == GROUPS[i] and (j != i or not remove_diagonal)]
            push = [j for j in range(5) if GROUPS[j] != GROUPS[i]]
            optimum_p, optimum_n = 1 + margin, -margin
            weight_p = {j: max(optimum_p - similar[j], 0) for j in pull}
            weight_n = {j: max(similar[j] - optimum_n, 0) for j in push}
            expected.append(
                mpmath.log1p(
                    sum(mpmath.exp(gamma * weight_n[n] * (similar[n] - margin)) for n in push)
                    * sum(mpmath.exp(-gamma * weight_p[p] * (similar[p] - (1 - margin))) for p in pull)
                )
            )
        found = value(
            contrastive.circle,
            {"embeddings": ROWS, "labels": GROUPS},
            gamma=2.0,
            margin=0.25,
            remove_diagonal=remove_diagonal,
        )
        np.testing.assert_allclose(found, [float(x) for x in expected], rtol=1e-14)


def test_circle_without_a_partner_or_an_opponent_is_zero() -> None:
    for labels in ((0, 0, 0, 0, 0), (0, 1, 2, 3, 4)):
        assert (value(contrastive.circle, {"embeddings": ROWS, "labels": labels}) == 0).all()
        assert (gradient(contrastive.circle, "embeddings", {"embeddings": ROWS, "labels": labels}) == 0).all()


def test_ntxent_of_pairs_is_that_of_the_paper() -> None:
    # Groups of two: the denominator has every other sample, as in the paper's equation.
    rows, labels, temperature = ROWS[:4], np.array([0, 1, 0, 1]), mpf(0.5)
    terms = []
    for i in range(4):
        j = (i + 2) % 4
        others = mpmath.fsum(mpmath.exp(cosine(rows[i], rows[k]) / temperature) for k in range(4) if k != i)
        terms.append(-mpmath.log(mpmath.exp(cosine(rows[i], rows[j]) / temperature) / others))
    expected = float(mpmath.fsum(terms) / 4)
    assert value(contrastive.ntxent, {"embeddings": rows, "labels": labels}, temperature=0.5) == pytest.approx(
        expected, rel=1e-14
    )


def test_ntxent_leaves_other_members_of_the_group_out_of_the_denominator() -> None:
    # ROWS of group 0 are 0, 1, 3; for the pair (0, 1) the denominator has 1, 2 and 4.
    def term(i: int, j: int) -> Any:
        terms = [cosine(ROWS[i], ROWS[k]) / mpf(4) for k in range(5) if k == j or GROUPS[k] != GROUPS[i]]
        return mpmath.log(mpmath.fsum(map(mpmath.exp, terms))) - cosine(ROWS[i], ROWS[j]) / mpf(4)

    pairs = [(i, j) for i in range(5) for j in range(5) if i != j and GROUPS[i] == GROUPS[j]]
    assert len(pairs) == 8
    expected = float(mpmath.fsum(term(i, j) for i, j in pairs) / 8)
    assert value(contrastive.ntxent, {"embeddings": ROWS, "labels": GROUPS}, temperature=4.0) == pytest.approx(
        expected, rel=1e-14
    )


def test_ranking_softmax() -> None:
    scores, relevance, weights = [2.0, -1.0, 0.5, 9.0], [1.0, 0.0, 0.5, 7.0], [0.25, 3.0, 2.0, 1.0]
    kept = [0, 1, 2]
    normaliser = mpmath.log(mpmath.fsum(mpmath.exp(scores[k]) for k in kept))
    expected = float(mpmath.fsum(-weights[k] * relevance[k] * (scores[k] - normaliser) for k in kept))
    tensors = {"logits": scores, "relevance": relevance, "weights": weights, "where": [True, True, True, False]}
    assert value(contrastive.ranking_softmax, tensors) == pytest.approx(expected, rel=1e-14)


def test_ranking_softmax_of_impossible_items() -> None:
    tensors = {"logits": [2.0, -math.inf, 0.5], "relevance": [1.0, 0.0, 0.5]}
    without = {"logits": [2.0, 0.5], "relevance": [1.0, 0.5]}
    assert value(contrastive.ranking_softmax, tensors) == value(contrastive.ranking_softmax, without)
    assert gradient(contrastive.ranking_softmax, "logits", tensors)[1] == 0
    assert asked(contrastive.ranking_softmax, {**tensors, "relevance": [1.0, 0.25, 0.5]}).truth.kind[0] == INFINITE


def test_a_list_without_items_does_not_count_in_the_mean() -> None:
    tensors = {
        "logits": [[2.0, 1.0], [0.5, 3.0]],
        "relevance": [[1.0, 2.0], [0.5, 1.0]],
        "where": [[True, True], [False, False]],
    }
    alone = value(contrastive.ranking_softmax, {"logits": [2.0, 1.0], "relevance": [1.0, 2.0]})
    assert value(contrastive.ranking_softmax, tensors, reduction="mean") == pytest.approx(float(alone), rel=1e-15)
    assert value(contrastive.ranking_softmax, tensors).tolist() == [float(alone), 0]


P, T = np.array([0.75, 0.125, 0.5, 0.0625]), np.array([1.0, 0.0, 1.0, 0.0])


def test_dice_and_tversky() -> None:
    # Σ p·t = 1.25, Σ p = 1.4375, Σ t = 2, false positives 0.1875, false negatives 0.75.
    tensors = {"prediction": P, "target": T}
    assert value(segmentation.dice, tensors) == pytest.approx(1 - 2.5 / 3.4375, rel=1e-15)
    assert value(segmentation.dice, tensors, smooth=0.5, epsilon=2.0) == pytest.approx(1 - 3.5 / 6.4375, rel=1e-15)
    found = value(segmentation.tversky, tensors, alpha=0.25, beta=0.75, smooth=0.5, epsilon=2.0)
    assert found == pytest.approx(1 - 1.75 / (1.25 + 0.25 * 0.1875 + 0.75 * 0.75 + 2.5), rel=1e-15)
    assert value(segmentation.tversky, tensors) == pytest.approx(float(value(segmentation.dice, tensors)), rel=1e-15)


def test_alpha_weighs_false_positives() -> None:
    everywhere = {"prediction": np.ones(4), "target": T}
    assert value(segmentation.tversky, everywhere, alpha=0.25, beta=0.0) == pytest.approx(0.2, rel=1e-15)
    assert value(segmentation.tversky, everywhere, alpha=0.0, beta=0.25) == 0


def test_binary_dice_is_tversky_of_the_sigmoid() -> None:
    logits = np.array([2.0, -1.0, 0.5, -3.0])
    p = [1 / (1 + mpmath.exp(-x)) for x in numbers(logits)]
    overlap = p[0] + p[2] + mpf(0.5)
    expected = 1 - overlap / (overlap + (p[1] + p[3]) / 4 + 2 * (2 - p[0] - p[2]))
    assert value(
        segmentation.binary_dice, {"logits": logits, "target": T}, alpha=0.25, beta=2.0, smooth=0.5
    ) == pytest.approx(float(expected), rel=1e-14)


def softmax(row: Any) -> list[Any]:
    odds = [mpmath.exp(x) for x in numbers(row)]
    return [x / mpmath.fsum(odds) for x in odds]


def overlaps(image: int, label: int) -> tuple[Any, Any, Any]:
    """Σ p·t, Σ p, Σ t of one class in one image."""
    chances = [softmax(row)[label] for row in LOGITS[image]]
    truth = numbers(TARGET[image][:, label])
    return mpmath.fdot(chances, truth), mpmath.fsum(chances), mpmath.fsum(truth)


def test_multiclass_dice() -> None:
    weights = [0.5, 2.0, 3.0]
    losses = []
    for label in range(3):
        both, p, t = overlaps(0, label)
        losses.append(weights[label] * (1 - (both + 1) / (both + mpf(0.25) * (p - both) + mpf(0.75) * (t - both) + 1)))
    tensors = {"logits": LOGITS[0], "target": TARGET[0], "class_weight": weights}
    options = {"alpha": 0.25, "beta": 0.75, "smooth": 1.0}
    found = value(segmentation.multiclass_dice_per_class, tensors, **options)
    np.testing.assert_allclose(found, [float(x) for x in losses], rtol=1e-14)
    expected = {
        ("mean", False): sum(losses) / 3,
        ("sum", False): sum(losses),
        ("mean", True): sum(losses[1:]) / 2,
        ("sum", True): sum(losses[1:]),
    }
    probabilities = {**tensors, "prediction": np.array([[float(x) for x in softmax(row)] for row in LOGITS[0]])}
    del probabilities["logits"]
    for (classes, ignored), loss in expected.items():
        for function, given, tolerance in (
            (segmentation.multiclass_dice, tensors, 1e-14),
            (segmentation.multiclass_dice_of_probabilities, probabilities, 1e-13),
        ):
            found = value(function, given, classes=classes, ignore_background=ignored, **options)
            assert found == pytest.approx(float(loss), rel=tolerance), (function.name, classes, ignored)


def test_generalized_dice_is_that_of_the_paper() -> None:
    weights = [1 / mpf(float(count)) ** 2 for count in TARGET.sum(axis=(0, 1))]
    losses = []
    for image in range(2):
        parts = [overlaps(image, label) for label in range(3)]
        above = mpmath.fsum(w * both for w, (both, _, _) in zip(weights, parts, strict=True))
        below = mpmath.fsum(w * (p + t) for w, (_, p, t) in zip(weights, parts, strict=True))
        losses.append(1 - 2 * above / below)
    expected = float(sum(losses) / 2)
    assert value(segmentation.generalized_dice, {"logits": LOGITS, "target": TARGET}) == pytest.approx(
        expected, rel=1e-14
    )


def test_generalized_dice_as_a_mean_of_classes() -> None:
    raw = [1 / (mpf(float(count)) ** 2 + mpf(0.5)) for count in TARGET.sum(axis=(0, 1))]
    weights = [3 * w / mpmath.fsum(raw) for w in raw]
    losses = []
    for image in range(2):
        for label in range(3):
            both, p, t = overlaps(image, label)
            losses.append((label, weights[label] * (1 - (both + mpf(0.25)) / ((p + t) / 2 + mpf(0.25)))))
    options = {"weighting": "mean", "epsilon": 0.5, "smooth": 0.25}
    tensors = {"logits": LOGITS, "target": TARGET}
    found = value(segmentation.generalized_dice, tensors, **options)
    assert found == pytest.approx(float(sum(loss for _, loss in losses) / 6), rel=1e-14)
    found = value(segmentation.generalized_dice, tensors, ignore_background=True, **options)
    assert found == pytest.approx(float(sum(loss for label, loss in losses if label) / 4), rel=1e-14)


def test_empty_regions_are_equal_only_with_smooth() -> None:
    tensors = {"prediction": np.zeros(3), "target": np.zeros(3)}
    for function in (segmentation.dice, segmentation.tversky):
        assert asked(function, tensors).truth.kind[0] == UNDEFINED
        assert asked(function, tensors, smooth=1.0).truth.kind[0] == ZERO
        assert value(function, tensors, epsilon=1e-7) == 1


EVERY = [*embedding.FUNCTIONS, *segmentation.FUNCTIONS]


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.name)
def test_pages_hold_together(function: TensorFunction) -> None:
    assert all(argument.kind in KINDS for argument in function.arguments)
    assert set(function.reductions) <= set(REDUCTIONS)
    names = [edge.name for edge in function.edges]
    assert len(names) == len(set(names))
    required = {argument.name for argument in function.arguments if not argument.optional}
    for edge in function.edges:
        assert required <= set(edge.arguments), edge.name
        assert set(edge.options) <= set(function.defaults()), edge.name
        for name, core in edge.arguments.items():
            assert np.ndim(np.asarray(core, dtype=object)) == len(function.argument(name).core), (edge.name, name)
    for sample in (*function.pairs, *function.invalid):
        assert set(sample) <= set(function.defaults())
