"""The adapter of TensorFlow with Keras: exact bits, tapes and accumulators, tf.function with and without XLA.

Knows no verdict. TensorFlow is imported when the adapter is instantiated; the bindings (tensorflow_bindings) need none.
Every question is traced as the user's own plain tf.function would be: once a shape, the tensor an argument.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from . import common
from .common import FLOATS, bits_of, resolve
from .protocol import Array, Binding, Call, NotProvided, NotSupported, TensorBinding
from .tensorflow_bindings import BINDINGS
from .tensorflow_tensor_bindings import TENSOR_BINDINGS
from .tensorflow_tensors import question, tensor_reproducer


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
    names = binding.operands[: len(operands)]
    for operand, bits in zip(names, operands):
        kind = dtype if dtype in FLOATS else "float32"
        lines += [common.bits_source(kind, bits, (len(bits),), f"{operand}_bits")]
        lines += [f"{operand} = tf.bitcast(tf.constant({operand}_bits), tf.{kind})"]
    extra = f'dtype="{dtype}"' if dtype in FLOATS else ""
    if names and binding.weights:
        lines += _with_weights(binding, name, arguments, extra, names, shape, max(map(len, operands)))
    else:
        lines += [common.call_source(binding, name, arguments, extra, names)]
    asked = "\n".join(_ASKED[quantity])
    if names:
        for called in ("f(x)", "g(x)", "asked(x)"):
            asked = asked.replace(called, f"{called[:-1]}, {', '.join(names)})")
    if quantity == "parameter_gradient":
        asked = asked.replace("tape.watch(x)", f"tape.watch({names[0]})").replace("(y, x)", f"(y, {names[0]})")
    lines += asked.splitlines()
    if cotangent_bits:
        lines += [common.bits_source(dtype, cotangent_bits, shape, "cotangent_bits")]
        lines += [f"cotangent = tf.bitcast(tf.constant(cotangent_bits), tf.{dtype})"]
        lines = [re.sub(r"(tape\.gradient\(y, \w+)\)", r"\1, cotangent)", line) for line in lines]
    elif cotangent != 1:
        given = f"tape.gradient(y, x, {cotangent!r} * tf.ones_like(y)) / {cotangent!r}"
        lines = [line.replace("tape.gradient(y, x)", given) for line in lines]
    if mode != "eager":
        lines += [f"asked = tf.function(asked{', jit_compile=True' if mode == 'compiled' else ''})"]
    lines += [
        f"y = asked({', '.join(('x', *names))})",
        "",
        common.PRINT,
        "y = None if y is None else y.numpy()",
        f'show("x", bits, "{dtype}")',
    ]
    lines += ['show("y", None if y is None else y.view(f"uint{8 * y.itemsize}"), None if y is None else y.dtype.name)']
    return "\n".join(lines) + "\n"


def _with_weights(
    binding: Binding, name: str, arguments: Mapping[str, Any], extra: str, operands: Sequence[str], shape: Sequence[int], count: int
) -> list[str]:  # fmt: skip
    """The lines that define `f` as a function of x and the weights of a layer, of which there are `count` for a tensor."""
    shared = list(range(2 if count > 1 else 1, len(shape)))
    extra = ", ".join(
        ([f"{binding.shared}={shared}"] if shared and binding.shared else []) + ([extra] if extra else [])
    )
    given = ", ".join(f"tf.reshape({operand}, layer.{binding.weights[operand]}.shape)" for operand in operands)
    return [
        f"layer = {name}({common.keywords(binding, arguments, extra)})",
        "layer.build(x.shape)",
        f"def f(x, {', '.join(operands)}):",
        f"    return layer.stateless_call([{given}], [], x)[0]",
    ]


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
    "parameter_gradient": [_DERIVED, "asked = derivative(f)"],
}


class TensorFlow:
    """The adapter of TensorFlow and Keras (see protocol.Backend)."""

    name = "tensorflow"
    configurations = ("default",)
    modes = ("eager", "graph", "compiled")
    slow_modes = ()
    recompiles = ("compiled",)
    views = ("contiguous",)
    bindings = BINDINGS
    tensor_bindings = TENSOR_BINDINGS
    not_supported = (
        r"Value for attr '\w+' of (bool|half|bfloat16|float|double|u?int\d+) is not in the list of allowed values",
        r"NotFoundError: .*[Cc]ould not find device for node",
        r"No OpKernel was registered to support Op",
        # A text is a wrong argument of ours, which some functions hand on to the kernels.
        r"No registered '\w+' OpKernel(?!(.|\n)*DT_STRING)",
        r"[Gg]radient registry has no entry for",
        r"No gradient defined for op",
        r"Detected unsupported operations when trying to compile graph(?!(.|\n)*DT_STRING)",
        r"^UnimplementedError: (?!(.|\n)*Cast \w+ to string)",
        r"Only axis=-1 is currently supported",
        r"negative_slope value of a Leaky ReLU layer cannot be None or negative",
        r"^NotImplementedError: ",  # Python's own word for what is lacking; nothing that we pass wrongly raises it
    )
    immutable = True
    reproducer = staticmethod(reproducer)
    tensor_reproducer = staticmethod(tensor_reproducer)

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
        self._executables: dict[tuple[str, bytes, str], Any] = {}
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
        _resolve_named(binding)
        spelt, ready = {**binding.keywords, **arguments}, _nothing
        if binding.form == "layer":
            # A layer casts floats to its own dtype, which is float32 unless it is told.
            spelt.update({"dtype": dtype} if dtype in FLOATS else {})
            function = found(**spelt)
            if binding.weights:
                function, ready = self._of_weights(found, spelt, binding)
        else:

            def function(*tensors: Any) -> Any:
                return found(*tensors, **spelt)

        count = 1 + len(binding.operands)
        questions: dict[str, Callable[..., Any]] = {
            "value": lambda f: lambda *tensors: f(*tensors),
            "gradient": lambda f: self._gradient(f, count),
            "forward_gradient": lambda f: self._forward(f, count),
            "second_derivative": lambda f: self._gradient(self._gradient(f, count), count),
            "parameter_gradient": lambda f: self._gradient(f, count, of=1),
        }
        asked = questions[quantity](function)
        if mode != "eager":
            asked = self._traced(asked, mode)
        device, tf = self._device, self._tf

        def call(*tensors: Any) -> Sequence[Any | None]:
            with tf.device(device):
                ready(*tensors[:count])
                return (asked(*tensors),)

        return call

    def prepare_tensors(
        self, binding: TensorBinding, arguments: Mapping[str, Any], names: Sequence[str], quantity: str, wrt: str, mode: str, dtype: str
    ) -> Call:  # fmt: skip
        """See protocol.Backend. A cotangent, a direction and the tensors come as the entry point wants their axes."""
        common.known(mode, self.modes, "TensorFlow")
        _resolve_named(binding)
        asked = question(self._tf, binding, arguments, names, quantity, wrt, dtype)
        if mode != "eager":
            asked = self._traced(asked, mode)
        device, tf = self._device, self._tf

        def call(*tensors: Any) -> Sequence[Any]:
            with tf.device(device):
                # One tensor given for two arguments would get the derivatives in both.
                return asked(*_apart(tf, tensors))

        return call

    def _traced(self, function: Callable[..., Any], mode: str) -> Callable[..., Any]:
        """The function as a tf.function, with XLA if `mode` is `compiled`.

        Every call is traced as its user's would be; then graphs that are the same to the last byte, names included, share one
        executable, since making it takes most of the time, and the forms of one function in tf.nn, keras.activations and
        keras.ops mostly trace to the same graph. A graph that captures something from outside of it is not shared.
        """
        traced = self._tf.function(function, jit_compile=True if mode == "compiled" else None)

        def call(*tensors: Any) -> Any:
            concrete = traced.get_concrete_function(*tensors)
            if concrete.captured_inputs:
                return concrete(*tensors)
            graph = concrete.graph.as_graph_def().SerializeToString(deterministic=True)
            names = repr((concrete.structured_outputs, [tensor.name for tensor in concrete.outputs]))
            return self._executables.setdefault((mode, graph, names), concrete)(*tensors)

        return call

    def _of_weights(
        self, layer: Any, keywords: Mapping[str, Any], binding: Binding
    ) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """A layer as a function of x and its weights, or of x alone with those it starts with; and what must be called with
        the same tensors before, outside of a tf.function, which may make no variables but when it is first traced.

        There is a layer for every shape: axes along which there is one weight are shared.
        """
        tf = self._tf
        layers: dict[Any, Any] = {}

        def built(*tensors: Any) -> Any:
            shape = tuple(tensors[0].shape) if tensors and hasattr(tensors[0], "shape") else None
            channels = len(tensors) > 1 and tensors[1].shape[0] > 1
            key = (shape, channels, len(tensors) > 1)
            if key not in layers:
                shared = list(range(2 if channels else 1, len(shape or ()))) if len(tensors) > 1 else []
                told = {binding.shared: shared} if shared and binding.shared else {}
                layers[key] = layer(**keywords, **told)
                if shape is not None:
                    layers[key].build(shape)
            return layers[key]

        def function(*tensors: Any) -> Any:
            one = built(*tensors)
            if len(tensors) <= 1 or not one.built:
                return one(*tensors[:1])
            shapes = [getattr(one, name).shape for name in binding.weights.values()]
            weights = [tf.reshape(operand, shape) for operand, shape in zip(tensors[1:], shapes)]
            return one.stateless_call(weights, [], tensors[0])[0]

        return function, built

    def seed(self, number: int) -> None:
        """See protocol.Backend."""
        self._tf.random.set_seed(number)

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """On a GPU kernels run behind the caller's back; reading a result waits for it."""
        for output in outputs:
            if output is not None and "GPU" in self._device:
                output.numpy()

    def _gradient(self, function: Callable[..., Any], count: int, of: int = 0) -> Callable[..., Any]:
        """The derivative in the tensor at index `of` of `count`; behind them may stand a cotangent."""
        tf = self._tf

        def gradient(x: Any, *rest: Any) -> Any:
            tensors, given = (x, *rest[: count - 1]), rest[count - 1 :]
            with tf.GradientTape() as tape:
                tape.watch(tensors[of])
                y = function(*tensors)
            return None if y is None else tape.gradient(y, tensors[of], output_gradients=given[0] if given else None)

        return gradient

    def _forward(self, function: Callable[..., Any], count: int) -> Callable[..., Any]:
        tf = self._tf

        def forward(x: Any, *rest: Any) -> Any:
            operands, given = rest[: count - 1], rest[count - 1 :]
            with tf.autodiff.ForwardAccumulator(x, given[0] if given else tf.ones_like(x)) as accumulator:
                y = function(x, *operands)
            return accumulator.jvp(y)

        return forward


def _apart(tf: Any, tensors: Sequence[Any]) -> list[Any]:
    """The tensors, each an object of its own: one that stood for two arguments would get the derivatives in both."""
    return [
        tf.identity(tensor) if any(tensor is other for other in tensors[:place]) else tensor
        for place, tensor in enumerate(tensors)
    ]


def _resolve_named(binding: Binding | TensorBinding) -> None:
    """Raises NotProvided where the installed Keras has no activation of the name that the binding passes to a layer."""
    name = binding.keywords.get("activation")
    if isinstance(name, str):
        try:
            resolve("keras.activations.get")(name)
        except ValueError as error:
            raise NotProvided(
                f"keras.layers.Activation({name!r}) does not exist in the installed version: {error}"
            ) from None


def _nothing(*tensors: Any) -> None:
    """What most entry points need before they are called."""
