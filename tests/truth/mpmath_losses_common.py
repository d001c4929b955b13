"""What the second typing of functions of tensors shares: conventions for 0 and ∞, and sums of exponentials that don't cancel.

Typed over mpmath from textbooks, not from `conformance.standard`. A number that no formula gives (∞ − ∞, 0/0, the logarithm of a
negative number) is NaN, and NaN goes through everything. Sources: Cover, Thomas: Elements of Information Theory, section 2.1
(0 · log 0 = 0, by continuity); Blanchard, Higham, Higham 2021 (sums of exponentials relative to the largest).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mpmath import mp, mpf

Number = Any
Row = Sequence[Number]
Matrix = Sequence[Row]
Mask = Sequence[bool]


def largest(*numbers: Number) -> Number:
    return mp.nan if any(mp.isnan(a) for a in numbers) else max(numbers)


def smallest(*numbers: Number) -> Number:
    return mp.nan if any(mp.isnan(a) for a in numbers) else min(numbers)


def positive_part(a: Number) -> Number:
    return largest(a, mpf(0))


def between(low: Number, a: Number, high: Number) -> Number:
    return smallest(largest(a, low), high)


def ln(a: Number) -> Number:
    """Of real numbers; log 0 = −∞."""
    return mp.nan if mp.isnan(a) or a < 0 else mp.log(a)


def ratio(a: Number, b: Number) -> Number:
    """a / b; a/0 is the limit from above, and 0/0 NaN."""
    if b != 0:
        return a / b
    return mp.nan if a == 0 or mp.isnan(a) else mp.sign(a) * mp.inf


def shares(weight: Number, a: Number) -> Number:
    """weight · a, where a weight of 0 leaves nothing of an infinite a (0 · log 0 = 0, the limit at a fixed weight)."""
    return mpf(0) if weight == 0 and mp.isinf(a) else weight * a


def softplus(a: Number) -> Number:
    """log(1 + e^a)."""
    return positive_part(a) + mp.log1p(mp.exp(-abs(a)))


def sigmoid(a: Number) -> Number:
    e = mp.exp(-abs(a))
    return (1 if a >= 0 else e) / (1 + e)


def log_sum_exp(row: Row) -> Number:
    """log Σ e^a; of nothing −∞."""
    if not row or any(mp.isnan(a) for a in row):
        return mp.nan if row else -mp.inf
    top = max(range(len(row)), key=lambda i: row[i])
    if mp.isinf(row[top]):
        return row[top]
    return row[top] + mp.log1p(sum((mp.exp(a - row[top]) for i, a in enumerate(row) if i != top), mpf(0)))


def surprises(row: Row, where: Mask | None = None) -> list[Number]:
    """−log softmax of each place; of a place that takes no part ∞. NaN where there is a +∞, or nothing but −∞."""
    part = [a for i, a in enumerate(row) if where is None or where[i]]
    if any(mp.isnan(a) or a == mp.inf for a in part) or (part and all(a == -mp.inf for a in part)):
        return [mp.nan if where is None or where[i] else mp.inf for i in range(len(row))]

    def surprise(place: int) -> Number:
        if where is not None and not where[place]:
            return mp.inf
        others = [row[i] - row[place] for i in range(len(row)) if i != place and (where is None or where[i])]
        return mp.inf if row[place] == -mp.inf else log_sum_exp([mpf(0), *others])

    return [surprise(place) for place in range(len(row))]


def chances(row: Row, where: Mask | None = None) -> list[Number]:
    """softmax."""
    return [mp.exp(-a) for a in surprises(row, where)]


def total(numbers: Any) -> Number:
    return sum(numbers, mpf(0))
