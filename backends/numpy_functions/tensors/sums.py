"""Sums that lose next to nothing: pairwise, safe from overflow, and by label; and products in which zero wins.

Everything takes and gives arrays of one dtype, float32 or float64, and never computes wider. Knows no function.
"""

# NumPy types the arithmetic of arrays of any dtype as Any.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

_NOTHING = -(1 << 20)
"""Exponent of a zero: below that of any number."""


def total(terms: np.ndarray) -> np.ndarray:
    """The sum along the last axis, in halves: of n terms it loses at most ½⌈log₂ n⌉ ulp of the sum of magnitudes.

    The order of additions depends on n alone, so that a row's sum has the same bits whatever stands beside it.
    """
    terms = np.asarray(terms)
    count = terms.shape[-1]
    if count == 0:
        return np.zeros(terms.shape[:-1], terms.dtype)
    while count > 1:
        half = count // 2
        left = terms[..., : count - half].copy()
        left[..., :half] += terms[..., count - half : count]
        terms, count = left, count - half
    return terms[..., 0]


def total_at_large(terms: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Σ terms · weights along the last axis as mantissa · 2^exponent, so that nothing overflows or underflows on the way.

    Infinities and NaN go where the plain sum takes them; the exponent is then 0.
    """
    mantissas, exponents = np.frexp(terms)
    if weights is not None:
        others, more = np.frexp(weights)
        mantissas, exponents = mantissas * others, exponents + more
    exponents = np.where(np.isfinite(mantissas), exponents, 0)
    reach = np.where(mantissas != 0, exponents, _NOTHING)
    top = reach.max(axis=-1, initial=_NOTHING)
    shifted = np.ldexp(mantissas, np.maximum(exponents - top[..., None], _NOTHING))
    return total(shifted), np.where(top == _NOTHING, 0, top)


def by_label(shares: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """For each of `classes` labels the sum of the shares with that label, pairwise; both flat, result shape (classes,)."""
    result = np.zeros(classes, shares.dtype)
    if shares.size:
        order = np.argsort(labels, kind="stable")
        sorted_labels = labels[order]
        starts = np.concatenate([[0], np.nonzero(np.diff(sorted_labels))[0] + 1])
        # reduceat adds the shares of a label pairwise: they lie together in memory.
        result[sorted_labels[starts]] = np.add.reduceat(shares[order], starts)
    return result


def over_loop(shares: np.ndarray, core_dimensions: int) -> np.ndarray:
    """The sum over all loop dimensions, which stand before the last `core_dimensions` ones."""
    core = shares.shape[shares.ndim - core_dimensions :]
    return total(np.moveaxis(shares.reshape(-1, *core), 0, -1))


def times(factor: Any, number: np.ndarray) -> np.ndarray:
    """factor · number, but 0 where the factor is: what does not count adds nothing, be it infinite or NaN."""
    return np.where(factor == 0, number.dtype.type(0), factor * number)
