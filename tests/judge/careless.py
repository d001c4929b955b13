"""Arithmetic that loses what a careful one keeps, and tensors that get mixed up: strikes of the planted faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.formats import FORMATS, round_to, values
from tests.tensor_toy import Call, Numbers, nudged

from .spoiling import VALUE, laid


def softmax_unshifted(call: Call, given: Sequence[Numbers]) -> Numbers:
    powers = np.exp(given[0])
    found: Numbers = powers / powers.sum(axis=-1, keepdims=True)
    return found


def _picked(table: Numbers, labels: Any) -> Numbers:
    return np.take_along_axis(table, labels.astype(np.int64)[..., None], -1)[..., 0]


def log_of_softmax(call: Call, given: Sequence[Numbers]) -> Numbers:
    logits, labels = given
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return -np.log(_picked(powers / powers.sum(axis=-1, keepdims=True), labels))


def unshifted_cross_entropy(call: Call, given: Sequence[Numbers]) -> Numbers:
    logits, labels = given
    found: Numbers = np.log(np.exp(logits).sum(axis=-1)) - _picked(logits, labels)
    return found


def shifted_by_the_batch(call: Call, given: Sequence[Numbers]) -> Numbers:
    """The largest logit of all samples is subtracted, not that of each."""
    logits, labels = given
    largest = logits.max() if logits.size else 0
    found: Numbers = np.log(np.exp(logits - largest).sum(axis=-1)) + largest - _picked(logits, labels)
    return found


def log_of_one_more(call: Call, given: Sequence[Numbers]) -> Numbers:
    """log(1 + e^−|x|), where log1p is due."""
    x, t = given
    found: Numbers = np.maximum(x, 0) - x * t + np.log(1 + np.exp(-np.abs(x)))
    return found


def log_of_sigmoid(call: Call, given: Sequence[Numbers]) -> Numbers:
    x, t = given
    p = 1 / (1 + np.exp(-x))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def log_of_zero(call: Call, given: Sequence[Numbers]) -> Numbers:
    """t·(log t − log p) as it is written."""
    log_p, t = given
    return t * (np.log(t) - log_p)


def one_by_one(call: Call, given: Sequence[Numbers]) -> Numbers:
    """Losses added up one after the other in the format itself."""
    error = np.abs(given[0] - given[1]).reshape(-1)
    losses = np.where(error <= 1, error * error / 2, error - error.dtype.type(0.5))
    added = np.add.accumulate(losses, dtype=losses.dtype)[-1]
    return _of_added(call, float(added), losses.size)


def pairwise(call: Call, given: Sequence[Numbers]) -> Numbers:
    """Losses added up in the format itself, in pairs: what overflows is the sum, before a mean is taken of it."""
    error = np.abs(given[0] - given[1]).reshape(-1)
    losses = np.where(error <= 1, error * error / 2, error - error.dtype.type(0.5))
    added = losses.astype(np.float64).sum().astype(losses.dtype)
    return _of_added(call, float(added), losses.size)


def _of_added(call: Call, added: float, count: int) -> Numbers:
    return np.array(added if call.asked.options["reduction"] == "sum" else added / count)


def in_float32(call: Call, y: Numbers) -> Numbers:
    if call.format.name != "float64":
        return y
    single = FORMATS["float32"]
    return values(round_to(y.reshape(-1), single), single).reshape(y.shape)


def flushed(call: Call, y: Numbers) -> Numbers:
    return np.where(np.abs(y) < call.format.smallest_normal, np.copysign(0.0, y), y)


# --- what goes wrong with tensors -------------------------------------------------------------------------------------


def masked(call: Call) -> Any:
    return ~np.asarray(call.asked.tensors["where"], dtype=bool)


def leaked(name: str) -> Callable[[Call, Numbers], Any]:
    """Rows in which an ignored or masked number is NaN."""
    return lambda call, y: np.broadcast_to(_spoilt_rows(call, name, y), y.shape)


def _spoilt_rows(call: Call, name: str, y: Numbers) -> Any:
    nan: Any = np.isnan(laid(call, name)).any(axis=-1)
    return nan if y.ndim == nan.ndim else nan[..., None] if y.ndim > nan.ndim else nan.any()


def kept(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A dimension of length one is left where the rows were."""
    given = call.asked.options
    return (
        (*shape, 1) if given.get("rows", "none") != "none" and given["reduction"] == "none" and VALUE(call) else shape
    )


def vector(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape or ((1,) if VALUE(call) else shape)


def base_instead_of_view(call: Call, y: Numbers) -> Numbers:
    return np.roll(y, 1) if "strided" in call.views.values() else y


def last_careless(call: Call, y: Numbers) -> Numbers:
    """The last sample is one unit in the last place off: within every bar."""
    if not VALUE(call) or y.ndim < 1 or y.shape[0] < 2:
        return y
    changed = y.copy()
    changed[-1:] = nudged(y[-1:], call.format, 1)
    return changed


def nan_everywhere(call: Call, y: Numbers) -> Numbers:
    """A NaN in any sample makes every sample NaN."""
    first = next(iter(call.asked.tensors.values()))
    return np.full_like(y, np.nan) if np.isnan(first).any() else y


def first_of_several(call: Call, y: Numbers) -> Numbers:
    """Fast code for more than one sample, and other code for one alone, which is wrong."""
    first = next(iter(call.asked.tensors.values()))
    return y * 1.001 if VALUE(call) and first.ndim and first.shape[0] == 1 else y


def elements(call: Call) -> int:
    return max(int(np.size(call.asked.tensors["prediction"])), 1)
