"""Activations that gate one half of their argument by the other, or double it."""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arithmetic import nan_kept, over_power, two_sum
from ..sigmoidal import exp_of_minus_absolute
from .core import Arrays, Core, Options
from .sums import times


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = x.shape[-1]
    if size % 2:
        raise ValueError(
            f"glu: the size along the axis is {size}; give an even one, of which the second half gates the first"
        )
    return x[..., : size // 2], x[..., size // 2 :]


def _gate(a: Any, b: np.ndarray) -> np.ndarray:
    """a · σ(b), where a large `a` may make up for a small gate."""
    e, after = exp_of_minus_absolute(b, None)
    # Only where the exponential is split (`after` below one) is it next to nothing beside the one.
    raised = np.where(b < 0, e, e.dtype.type(1))
    return np.where(b < 0, ((a * raised) / (1 + e * after)) * after, a / (1 + e * after))


def _glu(arrays: Arrays, options: Options) -> np.ndarray:
    return _gate(*_halves(arrays["x"]))


def _glu_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    a, b = _halves(arrays["x"])
    first = np.where(cotangent == 0, cotangent, _gate(cotangent, b))
    e, after = exp_of_minus_absolute(b, None)
    second = times(cotangent, (a * over_power(e, *two_sum(e.dtype.type(1), e * after), 2)) * after)
    return {"x": np.concatenate([first, second], axis=-1)}


def _crelu(arrays: Arrays, options: Options) -> np.ndarray:
    x = arrays["x"]
    zero = x.dtype.type(0)
    kept = [nan_kept(x, np.where(part > 0, part, zero)) for part in (x, -x)]
    return np.concatenate(kept, axis=-1)


def _crelu_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    x = arrays["x"]
    size = x.shape[-1]
    zero = x.dtype.type(0)
    found = np.where(x > 0, cotangent[..., :size], np.where(x < 0, -cotangent[..., size:], zero))
    return {"x": nan_kept(x, found)}


CORES: Mapping[str, Core] = {"glu": Core(_glu, _glu_gradient), "crelu": Core(_crelu, _crelu_gradient)}
