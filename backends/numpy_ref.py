"""The adapter of NumPy with SciPy: our own careful functions (numpy_functions), and those that NumPy and SciPy ship.

Ours have hand-derived derivatives, the same formula for reverse and forward mode; NumPy's and SciPy's have none. SciPy is needed for
gelu only, ml_dtypes for bfloat16 only. NumPy computes elementwise on one thread, so `threads` has nothing to set.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import common, numpy_tensors
from .common import bits_of, resolve
from .numpy_functions import evaluate, prelu_slope_gradient, rrelu_training
from .protocol import BITS, VIEWS, Array, Binding, Call, NotProvided, NotSupported, TensorBinding

_HERE = "conformance.backends.numpy_functions"
_NUMPY = "https://numpy.org/doc/stable/reference/generated/numpy."
_SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special."
_INFINITE = {"threshold": math.inf}


def _ours(function: str, **defaults: float) -> Binding:
    """One of our own functions, whose keywords have the standard's names."""
    return Binding(
        function,
        f"{_HERE}.{function}",
        parameters={name: name for name in defaults},
        defaults=defaults,
        remark="ours",
    )


BINDINGS = (
    _ours("identity"),
    _ours("relu"),
    _ours("relu6"),
    _ours("clipped_relu", negative_slope=0.0, max_value=math.inf, threshold=0.0),
    _ours("leaky_relu", slope=0.01),
    Binding(
        "prelu",
        f"{_HERE}.prelu",
        operands=("slope",),
        initial={"slope": "np.array([{}])"},
        defaults={"slope": 0.25},
        remark="ours",
    ),
    _ours("rrelu", lower=1 / 8, upper=1 / 3),
    Binding(
        "rrelu",
        f"{_HERE}.rrelu_training",
        parameters={"lower": "lower", "upper": "upper"},
        defaults={"lower": 1 / 8, "upper": 1 / 3},
        training=True,
        remark="ours",
    ),
    _ours("threshold", threshold=0.1, value=20.0),
    _ours("hard_swish"),
    _ours("elu", alpha=1.0),
    _ours("celu", alpha=1.0),
    _ours("selu"),
    _ours("exponential"),
    Binding("exponential", "numpy.exp", documentation=f"{_NUMPY}exp.html"),
    _ours("log1mexp"),
    _ours("sigmoid"),
    Binding("sigmoid", "scipy.special.expit", documentation=f"{_SCIPY}expit.html"),
    _ours("log_sigmoid"),
    Binding("log_sigmoid", "scipy.special.log_expit", documentation=f"{_SCIPY}log_expit.html"),
    _ours("tanh"),
    Binding("tanh", "numpy.tanh", documentation=f"{_NUMPY}tanh.html"),
    _ours("hard_sigmoid"),
    _ours("hard_tanh", min=-1.0, max=1.0),
    Binding(
        "hard_tanh",
        "numpy.clip",
        parameters={"min": "a_min", "max": "a_max"},
        documentation=f"{_NUMPY}clip.html",
        remark="its keywords min and max, of NumPy 2.1, are the same",
    ),
    _ours("softsign"),
    _ours("sparse_sigmoid"),
    _ours("gelu"),
    _ours("gelu_tanh"),
    _ours("silu", beta=1.0),
    _ours("mish"),
    _ours("softplus", beta=1.0, threshold=math.inf),
    Binding(
        "softplus", "scipy.special.softplus", fixed={"beta": 1.0, **_INFINITE}, documentation=f"{_SCIPY}softplus.html"
    ),
    _ours("squareplus", b=4.0),
    _ours("sparse_plus"),
    _ours("soft_shrink", threshold=0.5),
    _ours("hard_shrink", threshold=0.5),
    _ours("tanh_shrink"),
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
    operands: Sequence[Sequence[int]] = (),
    cotangent_bits: Sequence[int] = (),
    seed: int | None = None,
) -> str:
    """A script that shows what SciPy gives (needs nothing else), or what our own functions give (needs nnconform)."""
    own = binding.remark == "ours"
    lines = ["import ml_dtypes", "import numpy as np"] if dtype == "bfloat16" else ["import numpy as np"]
    if own:
        lines += [f"from {_HERE} import evaluate"]
    else:
        lines += [f"import {binding.entry_point.rpartition('.')[0]}"]
    numpy_type = "ml_dtypes.bfloat16" if dtype == "bfloat16" else f"np.{'bool_' if dtype == 'bool' else dtype}"
    lines += ["", common.bits_source(dtype, input_bits, shape), f"x = bits.view({numpy_type})"]
    if own and binding.training:
        keywords = common.keywords(binding, arguments, f"generator=np.random.default_rng({seed})")
        lines[1:1] = [f"from {_HERE} import rrelu_training"]
        lines += [f"value, gradient = rrelu_training(x, {keywords})"]
        lines += [_DRAWN, f"y = {'value' if quantity == 'value' else 'gradient'}.ravel()[:8]"]
    elif own and quantity == "parameter_gradient":
        lines[1:1] = [f"from {_HERE} import prelu_slope_gradient"]
        lines += [common.bits_source(dtype, operands[0], (len(operands[0]),), "slope_bits")]
        if cotangent_bits:
            lines += [common.bits_source(dtype, cotangent_bits, shape, "cotangent_bits")]
        lines += [f"cotangent = cotangent_bits.view({numpy_type})" if cotangent_bits else "cotangent = np.ones_like(x)"]
        lines += [f"y = prelu_slope_gradient(x, slope_bits.view({numpy_type}), cotangent)"]
    elif own:
        for name, bits in zip(binding.operands, operands):
            lines += [common.bits_source(dtype, bits, (len(bits),), f"{name}_bits")]
            lines += [f"{name} = {name}_bits.view({numpy_type})"]
        spelt = {**dict(binding.defaults), **arguments}
        parameters = ", ".join(f"{name!r}: {common.literal(value)}" for name, value in spelt.items())
        parameters += "".join(f", {name!r}: {name}" for name, _ in zip(binding.operands, operands))
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


_DRAWN = """\
slopes = (value.astype(np.float64) / x.astype(np.float64))[x < 0]
if len(slopes):
    print(f"{len(slopes)} slopes from {slopes.min()} to {slopes.max()}, mean {slopes.mean()}, variance {slopes.var()}")
print("of the first numbers:")"""


class NumPy:
    """The adapter of NumPy (see protocol.Backend)."""

    name = "numpy"
    configurations = ("default",)
    modes = ("eager",)
    slow_modes = ()
    recompiles = ()
    views = VIEWS
    bindings = BINDINGS
    tensor_bindings = numpy_tensors.TENSOR_BINDINGS
    not_supported = ()
    immutable = False
    reproducer = staticmethod(reproducer)
    tensor_reproducer = staticmethod(numpy_tensors.tensor_reproducer)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        common.known(configuration, self.configurations, "NumPy")
        if device != "cpu":
            raise ValueError(f"NumPy has no device {device!r}; it has cpu")
        self._ml_dtypes = _optional("ml_dtypes")
        self._generator = [np.random.default_rng()]

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
        if binding.training:
            return _prepare_drawing(binding, arguments, quantity, self._generator)
        if binding.remark == "ours":
            return _prepare_own(binding, arguments, quantity)
        function = resolve(binding.entry_point)
        if quantity != "value":
            raise NotSupported(f"{binding.entry_point}: NumPy and SciPy have no automatic differentiation")
        spelt = {**binding.keywords, **arguments}
        return lambda *tensors: (function(*tensors, **spelt),)

    def prepare_tensors(
        self,
        binding: TensorBinding,
        arguments: Mapping[str, Any],
        names: Sequence[str],
        quantity: str,
        wrt: str,
        mode: str,
        dtype: str,
    ) -> Call:
        """See protocol.Backend."""
        common.known(mode, self.modes, "NumPy")
        return numpy_tensors.prepare(binding, arguments, names, quantity, wrt, self._generator)

    def seed(self, number: int) -> None:
        """See protocol.Backend."""
        self._generator[0] = np.random.default_rng(number)

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
        function = resolve(binding.entry_point)
        return lambda *tensors: (function(*tensors, **arguments),)
    count = len(binding.operands)

    def derivative(x: Any, *rest: Any) -> Sequence[np.ndarray]:
        operands, cotangent = rest[:count], rest[count] if len(rest) > count else None
        if quantity == "parameter_gradient":
            return (prelu_slope_gradient(x, operands[0], np.ones_like(x) if cotangent is None else cotangent),)
        spelt = {**binding.defaults, **arguments, **dict(zip(binding.operands, operands))}
        return (evaluate(binding.function, _ORDERS[quantity], x, spelt, cotangent),)

    return derivative


def _prepare_drawing(
    binding: Binding, arguments: Mapping[str, Any], quantity: str, generator: Sequence[np.random.Generator]
) -> Call:
    """rrelu in training; `generator` holds the one to draw from, which seeding replaces."""

    def drawn(x: Any, cotangent: Any | None = None) -> Sequence[np.ndarray]:
        y, slopes = rrelu_training(x, **{**binding.defaults, **arguments}, generator=generator[0])
        gradient = slopes if cotangent is None else slopes * cotangent
        return {"value": (y,), "gradient": (gradient,), "value_and_gradient": (y, gradient)}[quantity]

    return drawn


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
