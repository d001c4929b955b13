"""The adapter of JAX (and, for losses, optax): exact bits, vjp and jvp, jax.jit.

Knows no verdict. JAX is imported when the adapter is instantiated; the bindings (jax_bindings) need none. `eager` is the
plain call: JAX runs it operation by operation, but most functions of jax.nn carry a jit of their own. XLA's threads follow
the environment variable NPROC.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from . import common, jax_tensors
from .common import bits_of, resolve
from .jax_bindings import BINDINGS
from .jax_tensor_bindings import TENSOR_BINDINGS
from .jax_tensors import or_none
from .protocol import BITS, Array, Binding, Call, NotSupported, TensorBinding


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
    """A script that needs JAX and NumPy alone: makes the array from its bits, asks, prints decimal and hexadecimal."""
    module = binding.entry_point.rpartition(".")[0]
    lines = ["import jax", *([f"import {module}"] if module != "jax" else []), "import jax.numpy as jnp"]
    lines += ["import numpy as np", ""]
    if configuration == "x64":
        lines += ['jax.config.update("jax_enable_x64", True)']
    lines += [common.bits_source(dtype, input_bits, shape)]
    lines += [f"x = jax.device_put(bits.view(jnp.{'bool_' if dtype == 'bool' else dtype}))"]
    lines += [common.call_source(binding, binding.entry_point, arguments)]
    lines += _ASKED[quantity]
    if cotangent != 1:
        given = f"back(jnp.full_like(y, {cotangent!r}))[0] / {cotangent!r}"
        lines = [line.replace("back(jnp.ones_like(y))[0]", given) for line in lines]
    lines += [f"y = {'jax.jit(asked)' if mode == 'compiled' else 'asked'}(x)"]
    lines += ["", common.PRINT, "y = np.asarray(y)", f'show("x", bits, "{dtype}")']
    lines += ['show("y", y.view(f"uint{8 * y.itemsize}"), y.dtype.name)']
    return "\n".join(lines) + "\n"


_DERIVED = "def derivative(f):\n    def g(x):\n        y, back = jax.vjp(f, x)\n        return back(jnp.ones_like(y))[0]\n    return g"
_ASKED = {
    "value": ["asked = f"],
    "gradient": [_DERIVED, "asked = derivative(f)"],
    "forward_gradient": ["def asked(x):", "    return jax.jvp(f, (x,), (jnp.ones_like(x),))[1]"],
    "second_derivative": [_DERIVED, "asked = derivative(derivative(f))"],
}


class JAX:
    """The adapter of JAX (see protocol.Backend). `x64` enables 64-bit types, which JAX as shipped truncates."""

    name = "jax"
    configurations = ("default", "x64")
    modes = ("eager", "compiled")
    slow_modes = ()
    recompiles = ("eager", "compiled")
    views = ("contiguous",)
    bindings = BINDINGS
    tensor_bindings = TENSOR_BINDINGS
    not_supported = (
        r"^NotImplementedError: ",  # Python's own word for what is lacking; nothing that we pass wrongly raises it
        r"does not accept dtype (bool|u?int\d+|b?float\d+)\b",
        r"can't apply forward-mode (differentiation|autodiff) \(jvp\) to a custom_vjp function",
        r"requires (real- or complex-valued|real-valued) (inputs|outputs)",
        r"UNIMPLEMENTED: ",
    )
    immutable = True
    reproducer = staticmethod(reproducer)
    tensor_reproducer = staticmethod(jax_tensors.reproducer)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        common.known(configuration, self.configurations, "JAX")
        # XLA sizes its pool of threads by this when its backend starts. --xla_cpu_multi_thread_eigen=false, which is
        # often recommended, was measured to change nothing in JAX 0.10: two threads stayed busy.
        os.environ["NPROC"] = str(threads)
        import jax

        self._jax: Any = jax
        # Read when the backend starts, which is with the first array, not with the import.
        self._jax.config.update("jax_enable_x64", configuration == "x64")
        try:
            self._device = jax.devices("gpu" if device == "cuda" else device)[0]
        except RuntimeError as error:
            raise ValueError(
                f"JAX {jax.__version__} finds no {device} device here; use --device cpu ({error})"
            ) from error
        self._jax.config.update("jax_default_device", self._device)
        self._dtypes: dict[str, Any] = {}

    def versions(self) -> dict[str, str]:
        """Versions of JAX, jaxlib, and optax where it is installed."""
        found = {"jax": str(self._jax.__version__)}
        for name in ("jaxlib", "optax"):
            try:
                found[name] = str(importlib.import_module(name).__version__)
            except ImportError:
                pass
        return found

    def tensor(self, array: Array, view: str = "contiguous") -> Any:
        """See protocol.Backend. Raises NotSupported, in JAX's words, for 64-bit types without x64."""
        if array.dtype not in self._dtypes:
            self._dtypes[array.dtype] = self._dtype(array.dtype)
        bits = common.checked(array, view, self.views, "JAX")
        # A copy, because JAX on the CPU may use NumPy's memory as its own.
        return self._jax.device_put(bits.copy().view(self._dtypes[array.dtype]), self._device)

    def array(self, tensor: Any) -> Array:
        """See protocol.Backend."""
        return bits_of(np.asarray(tensor))

    def prepare(self, binding: Binding, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Call:
        """See protocol.Backend. Compiled: jax.jit around the whole question, so also around both derivatives."""
        common.known(mode, self.modes, "JAX")
        found = resolve(binding.entry_point)
        spelt = {**binding.keywords, **arguments}

        def function(*tensors: Any) -> Any:
            return found(*tensors, **spelt)

        questions: dict[str, Callable[..., Any]] = {
            "value": lambda f: f,
            "gradient": self._gradient,
            "forward_gradient": self._forward,
            "second_derivative": lambda f: self._gradient(self._gradient(f)),
        }
        asked = questions[quantity](function)
        if mode == "compiled":
            asked = self._jax.jit(asked)
        return lambda *tensors: (or_none(asked(*tensors)),)

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
        """See protocol.Backend and jax_tensors.prepare."""
        common.known(mode, self.modes, "JAX")
        return jax_tensors.prepare(self._jax, binding, arguments, names, quantity, wrt, mode)

    def seed(self, number: int) -> None:
        """See protocol.Backend. JAX keeps no generator: what draws is given a key."""

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """JAX computes behind the caller's back, on the CPU too."""
        self._jax.block_until_ready([output for output in outputs if output is not None])

    def _gradient(self, function: Callable[..., Any]) -> Callable[..., Any]:
        jax = self._jax

        def gradient(x: Any, cotangent: Any | None = None) -> Any:
            y, back = jax.vjp(function, x)
            return back(jax.numpy.ones_like(y) if cotangent is None else cotangent)[0]

        return gradient

    def _forward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        jax = self._jax

        def forward(x: Any, tangent: Any | None = None) -> Any:
            given = jax.numpy.ones_like(x) if tangent is None else tangent
            return jax.jvp(function, (x,), (given,))[1]

        return forward

    def _dtype(self, dtype: str) -> Any:
        if dtype not in BITS:
            raise NotSupported(f"JAX's adapter has no dtype {dtype}")
        kind = getattr(self._jax.numpy, "bool_" if dtype == "bool" else dtype)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            made = self._jax.numpy.zeros(0, kind)
        if made.dtype.name != dtype:
            raise NotSupported(
                "; ".join(str(warning.message) for warning in said) or f"{dtype} became {made.dtype.name}"
            )
        return made.dtype
