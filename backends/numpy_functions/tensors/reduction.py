"""How results are put together: rows along an axis, weights, reductions; and the way back for a cotangent.

Computes in the working precision. Sums are pairwise, and safe from an overflow that the mean does not have.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .sums import times, total_at_large


class Results(NamedTuple):
    """Results of a core in the shape of the loop, and what each counts for in a mean, if the function says so itself."""

    numbers: np.ndarray
    own: np.ndarray | None


class Divisor(NamedTuple):
    """A number as mantissa · 2^exponent."""

    mantissa: Any
    exponent: Any


def put_rows_together(numbers: np.ndarray, options: Mapping[str, Any]) -> np.ndarray:
    """Results after `rows`. Raises ValueError for an axis that there is not."""
    rows = options.get("rows", "none")
    if rows == "none":
        return numbers
    axis = _row_axis(numbers, options)
    moved = np.moveaxis(numbers, axis, -1)
    mantissa, exponent = total_at_large(moved)
    count = numbers.dtype.type(moved.shape[-1])
    return np.ldexp(mantissa / count if rows == "mean" else mantissa, exponent)


def reduce(results: Results, weight: np.ndarray | None, options: Mapping[str, Any]) -> np.ndarray:
    """The result after weights and reduction. Raises ValueError for weights of another shape."""
    numbers = put_rows_together(results.numbers, options)
    check_weight_shape(numbers, weight)
    reduction = options.get("reduction", "none")
    if reduction == "none":
        return numbers if weight is None else numbers * weight
    flat = None if weight is None else weight.reshape(-1)
    mantissa, exponent = total_at_large(numbers.reshape(-1), flat)
    divisor = _divisor(numbers, results.own, weight, reduction)
    if divisor is None:
        return np.ldexp(mantissa, exponent)
    return np.ldexp(mantissa / divisor.mantissa, exponent - divisor.exponent)


def check_weight_shape(numbers: np.ndarray, weight: np.ndarray | None) -> None:
    """Raises ValueError for weights whose shape is not that of the results."""
    if weight is not None and weight.shape != numbers.shape:
        raise ValueError(
            f"weight has the shape {weight.shape} and the results have {numbers.shape}; give one weight for each result"
        )


def cotangent_of_results(
    results: Results, weight: np.ndarray | None, options: Mapping[str, Any], cotangent: np.ndarray
) -> np.ndarray:
    """The derivative of Σ cotangent · reduced result in each of `results.numbers`, in their shape."""
    numbers = put_rows_together(results.numbers, options)
    reduction = options.get("reduction", "none")
    spread = np.broadcast_to(cotangent, numbers.shape)
    if weight is not None:
        spread = spread * weight
    divisor = _divisor(numbers, results.own, weight, reduction)
    if divisor is not None:
        spread = np.ldexp(spread / divisor.mantissa, -divisor.exponent)
    rows = options.get("rows", "none")
    if rows == "none":
        return spread
    axis = _row_axis(results.numbers, options)
    if rows == "mean":
        spread = spread / numbers.dtype.type(results.numbers.shape[axis])
    return np.broadcast_to(np.expand_dims(spread, axis), results.numbers.shape)


def gradient_of_weight(
    results: Results, weight: np.ndarray, options: Mapping[str, Any], cotangent: np.ndarray
) -> np.ndarray:
    """The derivative of Σ cotangent · reduced result in each weight."""
    numbers = put_rows_together(results.numbers, options)
    check_weight_shape(numbers, weight)
    reduction = options.get("reduction", "none")
    shares = numbers
    if reduction == "weighted_mean":
        mean = reduce(results, weight, options)
        shares = shares - (mean if results.own is None else mean * results.own)
    divisor = _divisor(numbers, results.own, weight, reduction)
    if divisor is not None:
        shares = np.ldexp(shares / divisor.mantissa, -divisor.exponent)
    return times(np.broadcast_to(cotangent, numbers.shape), shares)


def cotangent_of_own_weights(
    results: Results, weight: np.ndarray | None, options: Mapping[str, Any], cotangent: np.ndarray
) -> np.ndarray | None:
    """The derivative of Σ cotangent · reduced result in what each result counts for, where a mean divides by that."""
    reduction = options.get("reduction", "none")
    if results.own is None or reduction not in ("mean", "weighted_mean"):
        return None
    divisor = _divisor(results.numbers, results.own, weight, reduction)
    assert divisor is not None
    share = np.ldexp(-cotangent * reduce(results, weight, options) / divisor.mantissa, -divisor.exponent)
    spread = np.broadcast_to(share, results.numbers.shape)
    return spread if weight is None or reduction == "mean" else spread * weight


def _divisor(numbers: np.ndarray, own: np.ndarray | None, weight: np.ndarray | None, reduction: str) -> Divisor | None:
    """What a mean divides by; None where nothing is divided."""
    real = numbers.dtype.type
    if reduction == "batch_mean":
        return Divisor(real(numbers.shape[0] if numbers.ndim else 1), 0)
    if reduction == "mean" and own is not None:
        return Divisor(*total_at_large(own.reshape(-1)))
    if reduction == "mean" or (reduction == "weighted_mean" and own is None and weight is None):
        return Divisor(real(numbers.size), 0)
    if reduction != "weighted_mean":
        return None
    counts = [part.reshape(-1) for part in (own, weight) if part is not None]
    return Divisor(*total_at_large(*counts))


def _row_axis(numbers: np.ndarray, options: Mapping[str, Any]) -> int:
    axis: int = options["axis"]
    if not -numbers.ndim <= axis < numbers.ndim:
        raise ValueError(
            f"axis is {axis}, and the results have {numbers.ndim} dimensions; give {-numbers.ndim} to {numbers.ndim - 1}"
        )
    return axis % numbers.ndim
