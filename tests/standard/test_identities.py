"""Divergences, margins, regression losses and others that are one another in disguise (see `identities`)."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.standard.real import exp, log, log1p, total, xlogy
from conformance.truth.tape import Tape
from tests.standard.identities import (
    CLASSES,
    Point,
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

# --- divergences ------------------------------------------------------------------------------------------------------


def test_divergence_from_softmax_is_soft_cross_entropy_less_the_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(row(point)), inputs(distribution(point))
        logarithms = of("log_softmax", tape, x=x)
        entropy = -sum(xlogy(one, one) for one in t)
        return (
            total(
                [
                    loss("kl_divergence", tape, log_prediction=logarithm, target=one)
                    for logarithm, one in zip(logarithms, t, strict=True)
                ]
            ),
            loss("soft_cross_entropy", tape, logits=x, target=t) - entropy,
        )

    prove(sides)


def test_divergences_of_probabilities_and_of_logarithms_are_one() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(probability(point)), inputs(probability(point))
        of_probabilities = loss("kl_divergence_of_probabilities", tape, prediction=p, target=t)
        plain = loss("kl_divergence", tape, log_prediction=log(p), target=t)
        logarithmic = loss("kl_divergence", tape, log_prediction=log(p), target=log(t), log_target=True)
        return (of_probabilities, logarithmic), (plain, plain)

    prove(sides)


@pytest.mark.parametrize("name", ["generalized_kl_divergence", "convex_kl_divergence"])
def test_generalized_divergence_adds_the_difference_of_the_masses(name: str) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(number(point, -4.0, -0.125)), inputs(probability(point))
        plain = loss("kl_divergence", tape, log_prediction=p, target=t)
        return loss(name, tape, log_prediction=p, target=t), plain + exp(p) - t

    prove(sides)


# --- margins ----------------------------------------------------------------------------------------------------------


def test_soft_margin_is_binary_cross_entropy_with_logits() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point)), tape.input(sign(point))
        return (
            loss("soft_margin", tape, prediction=x, target=t),
            loss("binary_cross_entropy_with_logits", tape, logits=x, target=(t + 1) / 2),
        )

    prove(sides)


def test_bpr_is_soft_margin_of_the_difference() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        positive, negative = inputs(row(point, size=2))
        return (
            loss("bpr", tape, positive=positive, negative=negative),
            loss("soft_margin", tape, prediction=positive - negative, target=tape.input(1.0)),
        )

    prove(sides)


def test_hinge_embedding_of_what_is_unlike_is_margin_ranking() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, zero = inputs(number(point, -3.0, 3.0)), tape.input(0.0)
        return (
            loss("hinge_embedding", tape, prediction=x, target=tape.input(-1.0), margin=1.5),
            loss("margin_ranking", tape, first=x, second=zero, target=tape.input(1.0), margin=1.5),
        )

    prove(sides)


def test_multilabel_soft_margin_is_the_mean_of_binary_cross_entropies() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, w = inputs(row(point)), inputs(row(point, 0.25, 3.0))
        t = inputs([float(point.randrange(2)) for _ in range(CLASSES)])
        each = [loss("binary_cross_entropy_with_logits", tape, logits=a, target=b) for a, b in zip(x, t, strict=True)]
        return (
            loss("multilabel_soft_margin", tape, logits=x, target=t, class_weight=w) * CLASSES,
            sum(weight * one for weight, one in zip(w, each, strict=True)),
        )

    prove(sides)


@pytest.mark.parametrize("p", [1, 2])
def test_triplet_margin_is_margin_ranking_of_distances(p: int) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        anchor, positive, negative = (inputs(row(point, -1.0, 1.0)) for _ in range(3))
        far = of("pairwise_distance", tape, first=anchor, second=negative, p=p)
        near = of("pairwise_distance", tape, first=anchor, second=positive, p=p)
        return (
            loss("triplet_margin", tape, anchor=anchor, positive=positive, negative=negative, p=p, margin=0.5),
            loss("margin_ranking", tape, first=far, second=near, target=tape.input(1.0), margin=0.5),
        )

    prove(sides)


def test_cosines() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        a, b = inputs(row(point)), inputs(row(point))
        similarity = of("cosine_similarity", tape, first=a, second=b)
        alike = loss("cosine_embedding", tape, first=a, second=b, target=tape.input(1.0))
        return (of("cosine_distance", tape, first=a, second=b), alike), (1 - similarity, 1 - similarity)

    prove(sides)


# --- regression -------------------------------------------------------------------------------------------------------


def test_l2_is_half_of_squared_error() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(row(point, size=2))
        half = loss("squared_error", tape, prediction=p, target=t, factor=0.5)
        gaussian = loss("gaussian_nll", tape, prediction=p, target=t, variance=tape.input(1.0))
        whole = loss("squared_error", tape, prediction=p, target=t)
        return (half, gaussian), (whole / 2, whole / 2)

    prove(sides)


@pytest.mark.parametrize("delta", [0.3, 1.0, 4.0])
def test_huber_is_smooth_l1_times_delta(delta: float) -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(row(point, -2.0, 2.0, size=2))
        return (
            loss("huber", tape, prediction=p, target=t, delta=delta),
            tape.input(delta) * loss("smooth_l1", tape, prediction=p, target=t, beta=delta),
        )

    prove(sides)


def test_smooth_l1_with_beta_0_is_absolute_error() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        # Halves against quarters: never equal.
        p, t = inputs(number(point)), inputs(number(point) * 0.75)
        return loss("smooth_l1", tape, prediction=p, target=t, beta=0.0), loss(
            "absolute_error", tape, prediction=p, target=t
        )

    prove(sides)


def test_log_cosh_is_binary_cross_entropy_at_one_half_shifted() -> None:
    # log cosh x = log(1 + e^(2x)) − x − log 2, and −½·[log σ(2x) + log σ(−2x)] = log(1 + e^(2x)) − x.
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(row(point, -2.0, 2.0, size=2))
        cross_entropy = loss("binary_cross_entropy_with_logits", tape, logits=2 * (p - t), target=tape.input(0.5))
        return loss("log_cosh", tape, prediction=p, target=t), cross_entropy - log(tape.input(2.0))

    prove(sides)


def test_poisson_loss_of_a_logarithm_is_that_of_the_rate() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, t = inputs(number(point, -2.0, 2.0)), inputs(number(point, 0.25, 4.0))
        return (
            loss("poisson_nll", tape, prediction=x, target=t),
            loss("poisson_nll", tape, prediction=exp(x), target=t, log_input=False),
        )

    prove(sides)


def test_squared_log_error_is_squared_error_of_logarithms() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs(row(point, 0.25, 4.0, size=2))
        return (
            loss("squared_log_error", tape, prediction=p, target=t),
            loss("squared_error", tape, prediction=log1p(p), target=log1p(t)),
        )

    prove(sides)


# --- others -----------------------------------------------------------------------------------------------------------


def test_ranking_softmax_with_one_relevant_item_is_cross_entropy() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        x, y = inputs(row(point)), label(point)
        relevance = tuple(tape.input(one) for one in one_hot(y))
        return loss("ranking_softmax", tape, logits=x, relevance=relevance), loss(
            "cross_entropy", tape, logits=x, labels=y
        )

    prove(sides)


def test_dice_is_tversky_with_halves() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        p, t = inputs([probability(point) for _ in range(CLASSES)]), inputs(one_hot(label(point)))
        return loss("dice", tape, prediction=p, target=t), loss("tversky", tape, prediction=p, target=t)

    prove(sides)


def test_ctc_of_one_step_is_nll_and_of_logits_that_of_log_softmax() -> None:
    def sides(point: Point, tape: Tape, inputs: Any) -> tuple[Any, Any]:
        steps = inputs([row(point, size=3), row(point, size=3)])
        logarithms = tuple(of("log_softmax", tape, x=step) for step in steps)
        y = 1 + point.randrange(2)
        both = {"labels": (y, 3 - y), "input_length": 2, "label_length": 2}
        return (
            loss("ctc", tape, log_probabilities=logarithms, labels=(y, 1), input_length=1, label_length=1),
            loss("ctc_with_logits", tape, logits=steps, **both),
            loss("ctc", tape, log_probabilities=logarithms, **both),
        ), (
            loss("nll", tape, log_probabilities=logarithms[0], labels=y),
            loss("ctc", tape, log_probabilities=logarithms, **both),
            sum(
                loss("cross_entropy", tape, logits=step, labels=one)
                for step, one in zip(steps, (y, 3 - y), strict=True)
            ),
        )

    prove(sides)
