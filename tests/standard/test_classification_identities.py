"""Losses of classes that are one another in disguise (see `identities`)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from flint import arb

from conformance.standard.real import log, sigmoid, sqrt
from conformance.truth.series import working_precision
from conformance.truth.tape import ONE, Tape, Variable, backwards
from tests.standard.identities import (
    BITS,
    CLASSES,
    POINTS,
    Point,
    assert_zero,
    distribution,
    label,
    loss,
    number,
    of,
    one_hot,
    probability,
    prove,
    row,
    sign,
)

# --- softmax ----------------------------------------------------------------------------------------------------------


def test_log_softmax_is_the_logarithm_of_softmax() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x = inputs(row(point))
        return of("log_softmax", tape, x=x), tuple(log(p) for p in of("softmax", tape, x=x))

    prove(sides)


def test_softmin_is_softmax_of_the_negative() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x = inputs(row(point))
        return of("softmin", tape, x=x), of("softmax", tape, x=tuple(-one for one in x))

    prove(sides)


def test_logmeanexp_is_logsumexp_less_the_logarithm_of_the_number() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x = inputs(row(point))
        return of("logmeanexp", tape, x=x), of("logsumexp", tape, x=x) - log(tape.input(float(CLASSES)))

    prove(sides)


# --- cross entropies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_nll_of_log_softmax(weighted: bool) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point)), label(point)
        weights = inputs(row(point, 0.25, 3.0)) if weighted else None
        logarithms = of("log_softmax", tape, x=x)
        return (
            of("cross_entropy", tape, logits=x, labels=y, class_weight=weights),
            of("nll", tape, log_probabilities=logarithms, labels=y, class_weight=weights),
        )

    prove(sides)


def test_a_class_that_is_left_out_is_an_impossible_one() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point)), label(point)
        there = [c == y or point.random() < 0.5 for c in range(CLASSES)]
        kept = tuple(one for one, is_there in zip(x, there, strict=True) if is_there)
        return (
            loss("cross_entropy", tape, logits=x, labels=y, where=tuple(there)),
            loss("cross_entropy", tape, logits=kept, labels=sum(there[:y])),
        )

    prove(sides)


@pytest.mark.parametrize("smoothing", [0.0, 0.375, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_soft_cross_entropy_with_a_one_hot_target_is_cross_entropy(weighted: bool, smoothing: float) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point)), label(point)
        weights = inputs(row(point, 0.25, 3.0)) if weighted else None
        common = {"logits": x, "class_weight": weights, "label_smoothing": smoothing}
        soft_target = tuple(tape.input(one) for one in one_hot(y))
        return (
            loss("soft_cross_entropy", tape, target=soft_target, **common),
            loss("cross_entropy", tape, labels=y, **common),
        )

    prove(sides)


def test_smoothing_inside_is_smoothing_outside() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        smoothed = of("smooth_labels", tape, target=t, alpha=0.375)
        return (
            loss("soft_cross_entropy", tape, logits=x, target=t, label_smoothing=0.375),
            loss("soft_cross_entropy", tape, logits=x, target=smoothed),
        )

    prove(sides)


def test_binary_cross_entropy_with_logits_is_that_of_sigmoid() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point)), inputs(probability(point))
        return (
            loss("binary_cross_entropy_with_logits", tape, logits=x, target=t, label_smoothing=0.25),
            loss("binary_cross_entropy", tape, prediction=sigmoid(x), target=t, label_smoothing=0.25),
        )

    prove(sides)


def test_binary_cross_entropy_with_logits_is_soft_cross_entropy_of_two_classes() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t, zero = inputs(number(point)), inputs(probability(point)), tape.input(0.0)
        return (
            loss("binary_cross_entropy_with_logits", tape, logits=x, target=t, label_smoothing=0.25),
            loss("soft_cross_entropy", tape, logits=(x, zero), target=(t, 1 - t), label_smoothing=0.25),
        )

    prove(sides)


def test_pos_weight_is_the_weight_of_the_class_among_two() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t, w = inputs(number(point)), inputs(probability(point)), inputs(number(point, 0.25, 4.0))
        zero, one = tape.input(0.0), tape.input(1.0)
        return (
            loss("binary_cross_entropy_with_logits", tape, logits=x, target=t, pos_weight=w),
            loss("soft_cross_entropy", tape, logits=(x, zero), target=(t, 1 - t), class_weight=(w, one)),
        )

    prove(sides)


@pytest.mark.parametrize("normalise", [False, True])
def test_categorical_cross_entropy_of_softmax_is_soft_cross_entropy(normalise: bool) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        p = of("softmax", tape, x=x)
        return (
            loss("categorical_cross_entropy", tape, prediction=p, target=t, normalise=normalise, label_smoothing=0.25),
            loss("soft_cross_entropy", tape, logits=x, target=t, label_smoothing=0.25),
        )

    prove(sides)


@pytest.mark.parametrize("clip", [0.0, 0.125])
@pytest.mark.parametrize("normalise", [False, True])
def test_sparse_categorical_cross_entropy_is_that_with_a_one_hot_target(normalise: bool, clip: float) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, y = inputs(row(point, 0.01, 1.0)), label(point)
        target = tuple(tape.input(one) for one in one_hot(y))
        common = {"prediction": p, "normalise": normalise, "clip": clip}
        return (
            loss("sparse_categorical_cross_entropy", tape, labels=y, **common),
            loss("categorical_cross_entropy", tape, target=target, **common),
        )

    prove(sides)


def test_sparse_categorical_cross_entropy_of_softmax_is_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point)), label(point)
        p = of("softmax", tape, x=x)
        return of("sparse_categorical_cross_entropy", tape, prediction=p, labels=y), of(
            "cross_entropy", tape, logits=x, labels=y
        )

    prove(sides)


def test_linear_cross_entropy_is_cross_entropy_of_the_layer() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        f, y = inputs(row(point, size=3)), label(point)
        matrix, bias = inputs([row(point, -1.0, 1.0, size=3) for _ in range(CLASSES)]), inputs(row(point))
        logits = tuple(
            sum(a * b for a, b in zip(f, line, strict=True)) + b for line, b in zip(matrix, bias, strict=True)
        )
        return (
            of(
                "linear_cross_entropy",
                tape,
                features=f,
                linear_weight=matrix,
                linear_bias=bias,
                labels=y,
                label_smoothing=0.25,
            ),
            of("cross_entropy", tape, logits=logits, labels=y, label_smoothing=0.25),
        )

    prove(sides)


def test_the_derivative_of_cross_entropy_is_softmax_less_the_target() -> None:
    with working_precision(BITS):
        for seed in POINTS:
            point, tape = random.Random(seed), Tape()
            x, y = tuple(tape.input(one) for one in row(point)), label(point)
            softmax = of("softmax", tape, x=x)
            backwards(tape, [(loss("cross_entropy", tape, logits=x, labels=y), ONE)])
            for c, (one, p) in enumerate(zip(x, softmax, strict=True)):
                assert_zero(one.adjoint - p.value + (c == y), f"point {seed}, class {c}: the difference")


# --- focal and poly losses --------------------------------------------------------------------------------------------


def test_binary_focal_loss_with_gamma_0_is_binary_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, p, t = inputs(number(point)), inputs(probability(point)), inputs(probability(point))
        return (
            (
                loss("binary_focal_with_logits", tape, logits=x, target=t, gamma=0.0, label_smoothing=0.25),
                loss("binary_focal", tape, prediction=p, target=t, gamma=0.0, label_smoothing=0.25),
                loss("binary_focal_with_logits", tape, logits=x, target=t, gamma=0.0, alpha=0.5, balanced=True) * 2,
            ),
            (
                loss("binary_cross_entropy_with_logits", tape, logits=x, target=t, label_smoothing=0.25),
                loss("binary_cross_entropy", tape, prediction=p, target=t, label_smoothing=0.25),
                loss("binary_cross_entropy_with_logits", tape, logits=x, target=t),
            ),
        )

    prove(sides)


@pytest.mark.parametrize("clip", [0.0, 0.125])
@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.5])
def test_binary_focal_loss_with_logits_is_that_of_sigmoid(gamma: float, clip: float) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point)), inputs(probability(point))
        common = {"target": t, "gamma": gamma, "alpha": 0.875, "balanced": True, "label_smoothing": 0.25, "clip": clip}
        return (
            loss("binary_focal_with_logits", tape, logits=x, **common),
            loss("binary_focal", tape, prediction=sigmoid(x), **common),
        )

    prove(sides)


def test_categorical_focal_loss_with_gamma_0_is_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, p, y = inputs(row(point)), inputs(row(point, 0.01, 1.0)), label(point)
        target = inputs(one_hot(y))
        plain = {"target": target, "gamma": 0.0, "alpha": 1.0, "label_smoothing": 0.25}
        return (
            (
                loss("categorical_focal_with_logits", tape, logits=x, **plain),
                loss("categorical_focal", tape, prediction=p, **plain),
            ),
            (
                loss("soft_cross_entropy", tape, logits=x, target=target, label_smoothing=0.25),
                loss("categorical_cross_entropy", tape, prediction=p, target=target, label_smoothing=0.25),
            ),
        )

    prove(sides)


@pytest.mark.parametrize("clip", [0.0, 0.125])
@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.5])
def test_categorical_focal_loss_with_logits_is_that_of_softmax(gamma: float, clip: float) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, target = inputs(row(point)), inputs(one_hot(label(point)))
        common = {"target": target, "gamma": gamma, "alpha": 0.875, "label_smoothing": 0.25, "clip": clip}
        return (
            loss("categorical_focal_with_logits", tape, logits=x, **common),
            loss("categorical_focal", tape, prediction=of("softmax", tape, x=x), **common),
        )

    prove(sides)


def test_categorical_focal_loss_of_two_classes_is_half_of_binary_focal_loss() -> None:
    # With a one-hot target only the true class counts in either; the binary loss with α = 1/2 has every class weigh 1/2.
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, zero, t = inputs(number(point)), tape.input(0.0), tape.input(float(point.randrange(2)))
        return (
            loss("categorical_focal_with_logits", tape, logits=(x, zero), target=(t, 1 - t), gamma=3.5, alpha=0.5),
            loss("binary_focal_with_logits", tape, logits=x, target=t, gamma=3.5, alpha=0.5, balanced=True),
        )

    prove(sides)


def test_poly_loss_with_epsilon_0_is_soft_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        there = tuple(c == 0 or point.random() < 0.5 for c in range(CLASSES))
        common = {"logits": x, "target": t, "where": there}
        return loss("poly_loss", tape, epsilon=0.0, **common), loss("soft_cross_entropy", tape, **common)

    prove(sides)


def test_poly_loss_adds_what_is_missing_from_the_probability_of_the_target() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        missing = sum(one * (1 - p) for one, p in zip(t, of("softmax", tape, x=x), strict=True))
        plain = loss("soft_cross_entropy", tape, logits=x, target=t)
        return loss("poly_loss", tape, logits=x, target=t, epsilon=-1.0), plain - missing

    prove(sides)


def test_generalized_cross_entropy_with_q_one_half() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, y = inputs(distribution(point)), label(point)
        return loss("generalized_cross_entropy", tape, prediction=p, labels=y, q=0.5), 2 * (1 - sqrt(p[y]))

    prove(sides)


def test_fenchel_young_loss_is_log_sum_exp_less_the_expected_score() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        expected = sum(one * score for one, score in zip(t, x, strict=True))
        return loss("fenchel_young", tape, scores=x, target=t), of("logsumexp", tape, x=x) - expected

    prove(sides)


def test_fenchel_young_loss_of_a_distribution_is_soft_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        # The last target is what the others leave: only then is the derivative in the targets the same.
        x, first = inputs(row(point)), inputs(distribution(point)[1:])
        t = (*first, 1 - sum(first))
        return loss("fenchel_young", tape, scores=x, target=t), loss("soft_cross_entropy", tape, logits=x, target=t)

    prove(sides)


# --- hinge, perceptron, sparsemax -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "perceptron"])
def test_binary_labels_are_signs(name: str) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point, -3.0, 3.0)), tape.input(sign(point))
        return (
            loss(name, tape, prediction=x, target=(t + 1) / 2, labels="binary"),
            loss(name, tape, prediction=x, target=t),
        )

    prove(sides)


def test_squared_hinge_is_the_square_of_hinge() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point, -3.0, 3.0)), tape.input(sign(point))
        plain = loss("hinge", tape, prediction=x, target=t)
        return loss("squared_hinge", tape, prediction=x, target=t), plain * plain

    prove(sides)


def test_hinge_and_perceptron_are_margin_ranking_against_zero() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t, zero = inputs(number(point, -3.0, 3.0)), tape.input(sign(point)), tape.input(0.0)
        return (
            (loss("hinge", tape, prediction=x, target=t), loss("perceptron", tape, prediction=x, target=t)),
            tuple(loss("margin_ranking", tape, first=x, second=zero, target=t, margin=margin) for margin in (1.0, 0.0)),
        )

    prove(sides)


def test_losses_of_several_classes_are_those_of_the_difference_where_there_are_two() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, one = inputs(row(point, -2.0, 2.0, size=2)), tape.input(1.0)
        ahead = {"prediction": x[0] - x[1], "target": one}
        return (
            (
                loss("multiclass_hinge", tape, scores=x, labels=0),
                loss("multiclass_perceptron", tape, scores=x, labels=0),
                loss("multi_margin", tape, scores=x, labels=0) * 2,
                loss("multi_margin", tape, scores=x, labels=0, p=2) * 2,
                loss("cross_entropy", tape, logits=x, labels=0),
            ),
            (
                loss("hinge", tape, **ahead),
                loss("perceptron", tape, **ahead),
                loss("hinge", tape, **ahead),
                loss("squared_hinge", tape, **ahead),
                loss("soft_margin", tape, **ahead),
            ),
        )

    prove(sides)


def test_categorical_hinge_is_multiclass_hinge_where_another_score_is_above_zero() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point, 0.25, 3.0)), label(point)
        target = tuple(tape.input(one) for one in one_hot(y))
        return loss("categorical_hinge", tape, prediction=x, target=target), loss(
            "multiclass_hinge", tape, scores=x, labels=y
        )

    prove(sides)


def test_multiclass_hinge_is_the_largest_hinge_and_multi_margin_their_mean() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y, one = inputs(row(point, -2.0, 2.0)), label(point), tape.input(1.0)
        hinges = [loss("hinge", tape, prediction=x[y] - x[c], target=one) for c in range(CLASSES) if c != y]
        largest = max(hinges, key=lambda each: float(each.value) if isinstance(each, Variable) else float(each))
        return (
            (
                loss("multiclass_hinge", tape, scores=x, labels=y),
                loss("multi_margin", tape, scores=x, labels=y) * CLASSES,
            ),
            (largest, sum(hinges)),
        )

    prove(sides)


def test_multilabel_margin_with_one_label_is_multi_margin() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point, -2.0, 2.0)), label(point)
        # What follows the first −1 does not count.
        listed = (y, -1, *(point.randrange(CLASSES) for _ in range(CLASSES - 2)))
        return loss("multilabel_margin", tape, scores=x, labels=listed), loss("multi_margin", tape, scores=x, labels=y)

    prove(sides)


def test_binary_sparsemax_loss_is_the_multiclass_one_against_zero() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, zero, t = inputs(number(point, -2.0, 2.0)), tape.input(0.0), point.randrange(2)
        return (
            loss("sparsemax_loss", tape, logits=x, target=tape.input(float(t))),
            loss("multiclass_sparsemax", tape, scores=(x, zero), labels=1 - t),
        )

    prove(sides)


def test_the_derivative_of_sparsemax_loss_is_sparsemax_less_the_label() -> None:
    with working_precision(BITS):
        for seed in POINTS:
            point, tape = random.Random(seed), Tape()
            x, y = tuple(tape.input(one) for one in row(point, -1.0, 1.0)), label(point)
            sparsemax = of("sparsemax", tape, x=x)
            backwards(tape, [(loss("multiclass_sparsemax", tape, scores=x, labels=y), ONE)])
            for c, (one, p) in enumerate(zip(x, sparsemax, strict=True)):
                expected = (p.value if isinstance(p, Variable) else arb(p)) - (c == y)
                found = arb(0) if one.adjoint is None else one.adjoint
                assert_zero(found - expected, f"point {seed}, class {c}: the difference")


# --- the proof itself -------------------------------------------------------------------------------------------------


def test_what_is_not_equal_is_not_proved() -> None:
    def value(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        return loss("poly_loss", tape, logits=x, target=t, epsilon=1e-9), loss(
            "soft_cross_entropy", tape, logits=x, target=t
        )

    with pytest.raises(AssertionError, match="the difference is"):
        prove(value)

    def slope(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x = number(point)
        return inputs(x) * 2, inputs(x) + x

    with pytest.raises(AssertionError, match="derivative of the difference in number 0"):
        prove(slope)

    def nothing(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        return tape.input(0.0).log(), tape.input(0.0).log()

    with pytest.raises(AssertionError, match="is nan"):
        prove(nothing)

    with pytest.raises(KeyError):
        of("a_function_that_there_is_not", Tape())
