"""Losses of regression and divergences, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: Bishop 2006, section 1.1; Huber 1964
(½e² up to δ, then δ|e| − ½δ²); documentation of torch.nn.SmoothL1Loss (huber/β; absolute error for β = 0, 0 for β = ∞); documentation
of Keras' regression losses; documentation of torch.nn.PoissonNLLLoss and tf.nn.log_poisson_loss (Stirling's terms for counts
above 1); of torch.nn.GaussianNLLLoss; of tf.nn.compute_average_loss; Kullback, Leibler 1951; documentation of torch.nn.KLDivLoss;
Boyd, Vandenberghe 2004, page 90, and the documentation of optax (the Bregman divergence of x log x − x).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from .mpmath_losses_common import Number, Row, between, largest, ln, ratio, shares, total


def squared_error(prediction: Number, target: Number | None, factor: Number) -> Number:
    return factor * (prediction - (0 if target is None else target)) ** 2


def absolute_error(prediction: Number, target: Number) -> Number:
    return abs(prediction - target)


def huber(prediction: Number, target: Number, delta: Number) -> Number:
    error = abs(prediction - target)
    return error**2 / 2 if error <= delta else delta * (error - delta / 2)


def smooth_l1(prediction: Number, target: Number, beta: Number) -> Number:
    error = abs(prediction - target)
    return error**2 / (2 * beta) if error < beta else error - beta / 2


def log_cosh(prediction: Number, target: Number | None) -> Number:
    error = abs(prediction - (0 if target is None else target))
    if error < 1:
        return mp.log1p(2 * mp.sinh(error / 2) ** 2)
    return error + mp.log1p(mp.exp(-2 * error)) - mp.log(2)


def absolute_percentage_error(prediction: Number, target: Number, epsilon: Number) -> Number:
    return 100 * ratio(abs(target - prediction), largest(abs(target), epsilon))


def squared_log_error(prediction: Number, target: Number, epsilon: Number) -> Number:
    p, t = largest(prediction, epsilon), largest(target, epsilon)
    if mp.isinf(p) or mp.isinf(t):
        return (mp.log1p(p) - mp.log1p(t)) ** 2
    return mp.log1p((p - t) / (1 + t)) ** 2


def poisson_nll(prediction: Number, target: Number, log_input: bool, full: bool, epsilon: Number) -> Number:
    if log_input:
        loss = mp.exp(prediction) - shares(target, prediction)
    else:
        loss = prediction - shares(target, ln(prediction + epsilon))
    if full and target > 1:
        loss += target * ln(target) - target + ln(2 * mp.pi * target) / 2
    return loss


def gaussian_nll(prediction: Number, target: Number, variance: Number, full: bool, epsilon: Number) -> Number:
    v = largest(variance, epsilon)
    loss = (ln(v) + ratio((prediction - target) ** 2, v)) / 2
    return loss + mp.log(2 * mp.pi) / 2 if full else loss


def average_loss(loss: Row, weights: Row | None, batch_size: int | None) -> Number:
    count = len(loss) if batch_size is None else batch_size
    summed = total(a if weights is None else weights[i] * a for i, a in enumerate(loss))
    return summed / count if count else mpf(0)


def kl_divergence(log_prediction: Number, target: Number, where: bool | None, log_target: bool) -> Number:
    if where is False:
        return mpf(0)
    if log_target:
        return mpf(0) if target == -mp.inf else mp.exp(target) * (target - log_prediction)
    return mpf(0) if target == 0 else target * (ln(target) - log_prediction)


def kl_divergence_of_probabilities(prediction: Number, target: Number, clip: Number) -> Number:
    p, t = prediction, target
    if clip > 0:
        p, t = between(clip, p, mpf(1)), between(clip, t, mpf(1))
    if t == 0:
        return mpf(0)
    return mp.inf if p == 0 else t * mp.log1p((t - p) / p)


def generalized_kl_divergence(log_prediction: Number, target: Number, where: bool | None) -> Number:
    if where is False:
        return mpf(0)
    return kl_divergence(log_prediction, target, None, False) - target + mp.exp(log_prediction)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "smooth_l1": smooth_l1,
    "log_cosh": log_cosh,
    "absolute_percentage_error": absolute_percentage_error,
    "squared_log_error": squared_log_error,
    "poisson_nll": poisson_nll,
    "gaussian_nll": gaussian_nll,
    "average_loss": average_loss,
    "kl_divergence": kl_divergence,
    "kl_divergence_of_probabilities": kl_divergence_of_probabilities,
    # optax gives this name as an older one of the same function.
    "convex_kl_divergence": generalized_kl_divergence,
    "generalized_kl_divergence": generalized_kl_divergence,
}
