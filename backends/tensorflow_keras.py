"""The adapter of TensorFlow with Keras: exact bits, tapes and accumulators, tf.function with and without XLA.

Knows no verdict. TensorFlow is imported when the adapter is instantiated; the bindings (tensorflow_bindings) need none.
Every question is traced as the user's own plain tf.function would be: once a shape, the tensor an argument.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from . import common
from .common import FLOATS, bits_of, resolve
from .protocol import Array, Binding, Call, NotSupported
from .tensorflow_bindings import BINDINGS


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
    """A script that needs TensorFlow and NumPy alone: makes the tensor from its bits, asks, prints decimal and hexadecimal."""
    lines = ["import os", "", 'os.environ["KERAS_BACKEND"] = "tensorflow"', 'os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"']
    lines += ["import numpy as np", "import tensorflow as tf"]
    lines += ["import keras", ""] if binding.entry_point.startswith("keras.") else [""]
    lines += [common.bits_source(dtype, input_bits, shape)]
    lines += [
        "x = tf.constant(bits.view(np.bool_))" if dtype == "bool" else f"x = tf.bitcast(tf.constant(bits), tf.{dtype})"
    ]
    name = (
        "tf." + binding.entry_point.partition(".")[2]
        if binding.entry_point.startswith("tensorflow.")
        else binding.entry_point
    )
    lines += [common.call_source(binding, name, arguments, f'dtype="{dtype}"' if dtype in FLOATS else "")]
    lines += _ASKED[quantity]
    if cotangent != 1:
        given = f"tape.gradient(y, x, {cotangent!r} * tf.ones_like(y)) / {cotangent!r}"
        lines = [line.replace("tape.gradient(y, x)", given) for line in lines]
    if mode != "eager":
        lines += [f"asked = tf.function(asked{', jit_compile=True' if mode == 'compiled' else ''})"]
    lines += ["y = asked(x)", "", common.PRINT, "y = None if y is None else y.numpy()", f'show("x", bits, "{dtype}")']
    lines += ['show("y", None if y is None else y.view(f"uint{8 * y.itemsize}"), None if y is None else y.dtype.name)']
    return "\n".join(lines) + "\n"


_DERIVED = """\
def derivative(f):
    def g(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)
    return g"""
_ASKED = {
    # The argument is called what the adapter calls it: the order in which TensorFlow's graph optimizer multiplies goes by
    # names, and with it the result (hard_swish near the smallest normal number).
    "value": ["def asked(*tensors):", "    return f(*tensors)"],
    "gradient": [_DERIVED, "asked = derivative(f)"],
    "forward_gradient": [
        "def asked(x):",
        "    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:",
        "        y = f(x)",
        "    return accumulator.jvp(y)",
    ],
    "second_derivative": [_DERIVED, "asked = derivative(derivative(f))"],
}


class TensorFlow:
    """The adapter of TensorFlow and Keras (see protocol.Backend)."""

    name = "tensorflow"
    configurations = ("default",)
    modes = ("eager", "graph", "compiled")
    slow_modes = ()
    views = ("contiguous",)
    bindings = BINDINGS
    not_supported = (
        r"Value for attr '\w+' of (bool|half|bfloat16|float|double|u?int\d+) is not in the list of allowed values",
        r"NotFoundError: .*[Cc]ould not find device for node",
        r"No OpKernel was registered to support Op",
        r"No registered '\w+' OpKernel",
        r"[Gg]radient registry has no entry for",
        r"Detected unsupported operations when trying to compile graph",
        r"^UnimplementedError: ",
        r"negative_slope value of a Leaky ReLU layer cannot be None or negative",
        r"^NotImplementedError: ",  # Python's own word for what is lacking; nothing that we pass wrongly raises it
    )
    immutable = True
    reproducer = staticmethod(reproducer)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        common.known(configuration, self.configurations, "TensorFlow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        try:
            if device == "cpu":
                tf.config.set_visible_devices([], "GPU")
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # it may be set once a process, before the first tensor
            pass
        if device == "cuda" and not tf.config.list_logical_devices("GPU"):
            raise ValueError(f"TensorFlow {tf.__version__} finds no CUDA device here; use --device cpu")
        self._tf: Any = tf
        self._device = "/GPU:0" if device == "cuda" else "/CPU:0"

    def versions(self) -> dict[str, str]:
        """Versions of TensorFlow and Keras."""
        return {"tensorflow": str(self._tf.__version__), "keras": str(resolve("keras.__version__"))}

    def tensor(self, array: Array, view: str = "contiguous") -> Any:
        """See protocol.Backend."""
        tf = self._tf
        dtype = getattr(tf, array.dtype, None)
        if dtype is None:
            raise NotSupported(f"module 'tensorflow' has no attribute '{array.dtype}'")
        bits = common.checked(array, view, self.views, "TensorFlow")
        with tf.device(self._device):
            if array.dtype == "bool":
                return tf.constant(bits.view(np.bool_))
            return tf.bitcast(tf.constant(bits), dtype)

    def array(self, tensor: Any) -> Array:
        """See protocol.Backend."""
        return bits_of(np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor))

    def prepare(self, binding: Binding, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Call:
        """See protocol.Backend. `graph` and `compiled` put the whole question, derivatives included, into the tf.function."""
        common.known(mode, self.modes, "TensorFlow")
        found = resolve(binding.entry_point)
        spelt = {**binding.keywords, **arguments}
        if binding.form == "layer":
            # A layer casts floats to its own dtype, which is float32 unless it is told.
            function = found(**spelt, **({"dtype": dtype} if dtype in FLOATS else {}))
        else:

            def function(*tensors: Any) -> Any:
                return found(*tensors, **spelt)

        questions: dict[str, Callable[..., Any]] = {
            "value": lambda f: lambda *tensors: f(*tensors),
            "gradient": self._gradient,
            "forward_gradient": self._forward,
            "second_derivative": lambda f: self._gradient(self._gradient(f)),
        }
        asked = questions[quantity](function)
        if mode != "eager":
            asked = self._tf.function(asked, jit_compile=True if mode == "compiled" else None)
        device, tf = self._device, self._tf

        def call(*tensors: Any) -> Sequence[Any | None]:
            with tf.device(device):
                return (asked(*tensors),)

        return call

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """On a GPU kernels run behind the caller's back; reading a result waits for it."""
        for output in outputs:
            if output is not None and "GPU" in self._device:
                output.numpy()

    def _gradient(self, function: Callable[..., Any]) -> Callable[..., Any]:
        tf = self._tf

        def gradient(x: Any, cotangent: Any | None = None) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(x)
            return None if y is None else tape.gradient(y, x, output_gradients=cotangent)

        return gradient

    def _forward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        tf = self._tf

        def forward(x: Any, tangent: Any | None = None) -> Any:
            with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x) if tangent is None else tangent) as accumulator:
                y = function(x)
            return accumulator.jvp(y)

        return forward
