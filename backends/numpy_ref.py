"""The adapter of NumPy with SciPy: our own careful functions (numpy_functions), and those that SciPy ships.

Ours have hand-derived derivatives, the same formula for reverse and forward mode; SciPy's have none. SciPy is needed for
gelu only, ml_dtypes for bfloat16 only. NumPy computes elementwise on one thread, so `threads` has nothing to set.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import common
from .common import bits_of, resolve
from .numpy_functions import evaluate, gelu, hard_swish, leaky_relu, relu, sigmoid, softplus
from .protocol import BITS, VIEWS, Array, Binding, Call, NotProvided, NotSupported

__all__ = ["BINDINGS", "NumPy", "gelu", "hard_swish", "leaky_relu", "relu", "reproducer", "sigmoid", "softplus"]

_HERE = "conformance.backends.numpy_ref"
_SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special."
_INFINITE = {"threshold": math.inf}

BINDINGS = (
    Binding("relu", f"{_HERE}.relu", remark="ours"),
    Binding(
        "leaky_relu", f"{_HERE}.leaky_relu", parameters={"slope": "slope"}, defaults={"slope": 0.01}, remark="ours"
    ),
    Binding("hard_swish", f"{_HERE}.hard_swish", remark="ours"),
    Binding("sigmoid", f"{_HERE}.sigmoid", remark="ours"),
    Binding("sigmoid", "scipy.special.expit", documentation=f"{_SCIPY}expit.html"),
    Binding("gelu", f"{_HERE}.gelu", remark="ours"),
    Binding(
        "softplus",
        f"{_HERE}.softplus",
        parameters={"beta": "beta", "threshold": "threshold"},
        defaults={"beta": 1.0, **_INFINITE},
        remark="ours",
    ),
    Binding(
        "softplus", "scipy.special.softplus", fixed={"beta": 1.0, **_INFINITE}, documentation=f"{_SCIPY}softplus.html"
    ),
)

_ORDERS = {"value": 0, "gradient": 1, "forward_gradient": 1, "second_derivative": 2}


def reproducer(
    binding: Binding,
    arguments: Mapping[str, Any],
    quantity: str,
    mode: str,
    configuration: str,
    dtype: str,
    input_bits: Sequence[int],
    shape: Sequence[int],
    view: str = "contiguous",
    cotangent: float = 1.0,
) -> str:
    """A script that shows what SciPy gives (needs nothing else), or what our own functions give (needs nnconform)."""
    own = binding.remark == "ours"
    lines = ["import ml_dtypes", "import numpy as np"] if dtype == "bfloat16" else ["import numpy as np"]
    if own:
        lines += [f"from {_HERE.rpartition('.')[0]}.numpy_functions import evaluate"]
    else:
        lines += [f"import {binding.entry_point.rpartition('.')[0]}"]
    numpy_type = "ml_dtypes.bfloat16" if dtype == "bfloat16" else f"np.{'bool_' if dtype == 'bool' else dtype}"
    lines += ["", common.bits_source(dtype, input_bits, shape), f"x = bits.view({numpy_type})"]
    if own:
        spelt = {**dict(binding.defaults), **arguments}
        parameters = ", ".join(f"{name!r}: {common.literal(value)}" for name, value in spelt.items())
        lines += [f"y = evaluate({binding.function!r}, {_ORDERS[quantity]}, x, {{{parameters}}})"]
    else:
        spelt_keywords = common.keywords(binding, arguments)
        lines += [f"y = {binding.entry_point}(x{', ' + spelt_keywords if spelt_keywords else ''})"]
    lines += ["y = np.asarray(y)", "", common.PRINT]
    lines += [
        f'show("x", bits, "{dtype}")',
        'show("y", y.view(f"uint{8 * y.itemsize}"), y.dtype.name)',
    ]
    return "\n".join(lines) + "\n"


class NumPy:
    """The adapter of NumPy (see protocol.Backend)."""

    name = "numpy"
    configurations = ("default",)
    modes = ("eager",)
    slow_modes = ()
    views = VIEWS
    bindings = BINDINGS
    not_supported = ()
    immutable = False
    reproducer = staticmethod(reproducer)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        common.known(configuration, self.configurations, "NumPy")
        if device != "cpu":
            raise ValueError(f"NumPy has no device {device!r}; it has cpu")
        self._ml_dtypes = _optional("ml_dtypes")

    def versions(self) -> dict[str, str]:
        """Versions of NumPy, SciPy and ml_dtypes, as far as they are installed."""
        found = {name: _optional(name) for name in ("scipy", "ml_dtypes")}
        return {"numpy": np.__version__, **{n: m.__version__ for n, m in found.items() if m is not None}}

    def tensor(self, array: Array, view: str = "contiguous") -> np.ndarray:
        """See protocol.Backend. Raises NotSupported for bfloat16 without ml_dtypes."""
        layout = common.lay_out(common.checked(array, view, self.views, "NumPy"), view, common.filler(array.dtype))
        size = layout.base.itemsize
        laid = np.ndarray(
            layout.shape,
            layout.base.dtype,
            buffer=layout.base,
            offset=layout.offset * size,
            strides=tuple(stride * size for stride in layout.strides),
        )
        return laid.view(self._dtype(array.dtype))

    def array(self, tensor: Any) -> Array:
        """See protocol.Backend."""
        return bits_of(np.asarray(tensor))

    def prepare(self, binding: Binding, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Call:
        """See protocol.Backend."""
        common.known(mode, self.modes, "NumPy")
        if binding.remark == "ours":
            return _prepare_own(binding, arguments, quantity)
        function = resolve(binding.entry_point)
        if quantity != "value":
            raise NotSupported(f"{binding.entry_point}: NumPy and SciPy have no automatic differentiation")
        spelt = {**binding.keywords, **arguments}
        return lambda *tensors: (function(*tensors, **spelt),)

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """NumPy has computed when it returns."""

    def _dtype(self, dtype: str) -> Any:
        if dtype == "bfloat16":
            if self._ml_dtypes is None:
                raise NotSupported("NumPy has no bfloat16 where ml_dtypes is not installed")
            return self._ml_dtypes.bfloat16
        if dtype not in BITS:
            raise NotSupported(f"NumPy's adapter has no dtype {dtype}")
        return np.dtype(dtype)


def _prepare_own(binding: Binding, arguments: Mapping[str, Any], quantity: str) -> Call:
    if binding.function == "gelu" and _optional("scipy") is None:
        raise NotProvided(f"{binding.entry_point} needs SciPy, which is not installed")
    if quantity == "value":
        function = globals()[binding.function]
        return lambda *tensors: (function(*tensors, **arguments),)
    spelt, order = {**binding.defaults, **arguments}, _ORDERS[quantity]

    def derivative(x: Any, cotangent: np.ndarray | None = None) -> Sequence[np.ndarray]:
        return (evaluate(binding.function, order, x, spelt, cotangent),)

    return derivative


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
