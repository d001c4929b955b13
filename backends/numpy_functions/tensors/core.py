"""What a function of tensors is made of: its value and its gradient, for as many places of the loop as there are.

Knows no function, no dtype and no option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

Arrays = Mapping[str, Any]
"""Arguments by name: arrays with the loop dimensions first and the core dimensions last, floats in the working precision,
whole numbers int64, masks bool. An optional argument that is not given is None; a shared one has its core dimensions alone."""

Options = Mapping[str, Any]
"""Every option of the function by name, checked; those that all functions share (reduction, rows, axis) are not among them."""


@dataclass(frozen=True)
class Core:
    """One function, derived by hand, without a loop over places.

    value(arrays, options)               the result, shape loop + result core; or a pair of it with what each result counts in a
                                         weighted mean (a sample of class weight w: w times its loss, and w)
    gradient(arrays, options, cotangent) for every differentiable argument the derivative of Σ result · cotangent in it, in the
                                         argument's shape; the cotangent has that of the result
    """

    value: Callable[[Arrays, Options], Any]
    gradient: Callable[[Arrays, Options, np.ndarray], dict[str, np.ndarray]]
