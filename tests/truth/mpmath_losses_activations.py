"""Activations along an axis and gated ones, a second time, over mpmath.

Typed from the papers and the documentation, not from `conformance.standard`. Sources: Bridle 1990 (softmax);
documentation of jax.nn.softmax and log_softmax (masked places are 0 and −∞; +∞ makes all NaN), jax.nn.logsumexp
(log Σ bᵢ e^aᵢ), jax.nn.logmeanexp; Martins, Astudillo 2016, algorithm 1 (sparsemax); Maddison, Mnih, Teh 2017, section 2
(the Gumbel-max trick: place k is the largest with probability softmax_k); Dauphin et al. 2017 (glu); Shang et al. 2016 (crelu).
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
    chances,
    largest,
    ln,
    log_sum_exp,
    sigmoid,
    surprises,
    total,
)


def softmax(x: Row, where: Mask | None) -> list[Number]:
    return chances(x, where)


def log_softmax(x: Row, where: Mask | None) -> list[Number]:
    return [-a for a in surprises(x, where)]


def softmin(x: Row) -> list[Number]:
    return chances([-a for a in x])


def softmax2d(x: Sequence[Matrix]) -> list[list[list[Number]]]:
    pixels = [[chances([channel[i][j] for channel in x]) for j in range(len(x[0][i]))] for i in range(len(x[0]))]
    return [[[pixel[k] for pixel in line] for line in pixels] for k in range(len(x))]


def logsumexp(x: Row, where: Mask | None, scale: Row | None) -> Number:
    part = [i for i in range(len(x)) if where is None or where[i]]
    if scale is None:
        return log_sum_exp([x[i] for i in part])
    # Σ bᵢ e^xᵢ = ± e^(log Σ₊ bᵢ e^xᵢ) ∓ …: what is added and what is taken away.
    added = log_sum_exp([x[i] + ln(scale[i]) for i in part if not scale[i] <= 0])
    taken = log_sum_exp([x[i] + ln(-scale[i]) for i in part if scale[i] < 0])
    if any(scale[i] == 0 and not x[i] < mp.inf for i in part) or mp.isnan(added) or mp.isnan(taken):
        return mp.nan
    if taken == -mp.inf:
        return added
    if taken == added:
        return mp.nan if mp.isinf(added) else -mp.inf
    return added + ln(-mp.expm1(taken - added))


def logmeanexp(x: Row, where: Mask | None) -> Number:
    part = [a for i, a in enumerate(x) if where is None or where[i]]
    if not part:
        return mp.nan
    top = largest(*part)
    return top if mp.isinf(top) else top + mp.log1p(total(mp.expm1(a - top) for a in part) / len(part))


def sparsemax(x: Row) -> list[Number]:
    top = largest(*x)
    z = [a - top for a in x]
    if any(mp.isnan(a) for a in z):
        return [mp.nan] * len(x)
    ordered = sorted(z, reverse=True)
    supported = max(k for k in range(1, len(z) + 1) if 1 + k * ordered[k - 1] > total(ordered[:k]))
    threshold = (total(ordered[:supported]) - 1) / supported
    return [max(a - threshold, mpf(0)) for a in z]


def gumbel_softmax(logits: Row, temperature: Number, hard: bool) -> list[Number]:
    """Of noise 0; the hard one is a one at a random place, here its mean."""
    return chances(logits if hard else [a / temperature for a in logits])


def glu(x: Row) -> list[Number]:
    half = len(x) // 2
    return [a * sigmoid(gate) for a, gate in zip(x[:half], x[half:], strict=True)]


def crelu(x: Row) -> list[Number]:
    return [largest(sign * a, mpf(0)) for sign in (1, -1) for a in x]


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "softmin": softmin,
    "softmax2d": softmax2d,
    "logsumexp": logsumexp,
    "logmeanexp": logmeanexp,
    "sparsemax": sparsemax,
    "gumbel_softmax": gumbel_softmax,
    "glu": glu,
    "crelu": crelu,
}
