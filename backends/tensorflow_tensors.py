"""What TensorFlow and Keras do with functions of several tensors: calls, derivatives in one of them, copies, reproducers.

Beside tensorflow_keras, whose adapter sets TensorFlow up, places the tensors and traces the functions made here. Knows no
verdict. TensorFlow is imported by whoever calls; writing a reproducer needs none.
"""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from . import common
from .common import FLOATS, resolve
from .protocol import NotSupported, TensorBinding

Numbers = tuple[str, Sequence[int], Sequence[int]]
"""A tensor as the reproducer gets it: dtype, bits row by row (a single one for all elements), shape."""


def question(
    tf: Any,
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    dtype: str,
) -> Callable[..., Sequence[Any]]:
    """The function of tensors that answers `quantity` (see protocol.Backend.prepare_tensors), as it would be traced."""
    found = resolve(binding.entry_point)
    given = {**binding.keywords, **common.taken(found, binding, arguments)}
    spelt = {name: _resolved(value) for name, value in given.items()}
    if binding.form == "layer":
        # A layer and a Keras loss cast floats to their own dtype, which is float32 unless they are told. They are told nothing
        # that holds anyhow: the losses of Keras before 3.4 know no dtype.
        told = dtype in FLOATS and dtype != tf.keras.backend.floatx()
        made = found(**spelt, **({"dtype": dtype} if told else {}))
        if quantity == "copied":
            callers = [_call(one, binding, names, {}) for one in _copies(made)]
            return lambda *tensors: tuple(caller(*tensors) for caller in callers)
        function = _call(made, binding, names, {})
    elif quantity == "copied":
        raise NotSupported(f"{binding.id} is a function: it has no state to copy")
    else:
        function = _call(found, binding, names, spelt)
    if quantity == "value":
        return _all_of(function)
    index, count = names.index(wrt), len(names)
    asked: dict[str, Callable[..., Any]] = {
        "gradient": _gradient,
        "forward_gradient": _forward_gradient,
        "hessian_vector": _hessian_vector,
    }
    answered: Callable[..., Sequence[Any]] = asked[quantity](tf, function, index, count)
    return answered


def _resolved(value: Any) -> Any:
    """The value of a keyword, or the function that `callable:name` stands for."""
    if isinstance(value, str) and value.startswith("callable:"):
        return resolve(value.partition(":")[2])
    return value


def _call(found: Any, binding: TensorBinding, names: Sequence[str], spelt: Mapping[str, Any]) -> Callable[..., Any]:
    """`found` as a function of the tensors of `names`, each handed on by its position or by its keyword."""
    unknown = [name for name in names if name not in binding.taken()]
    if unknown:
        raise ValueError(f"{binding.id} takes no {', '.join(unknown)}; it takes {', '.join(binding.taken())}")

    def function(*tensors: Any) -> Any:
        given = dict(zip(names, tensors))
        positional = [given[name] for name in binding.positional if name in given]
        return found(
            *positional, **{binding.named[name]: given[name] for name in names if name in binding.named}, **spelt
        )

    return function


def _copies(made: Any) -> list[Any]:
    """The object copied deeply, pickled and read back, and rebuilt from its own configuration and from Keras' record of it."""
    kind = "losses" if isinstance(made, resolve("keras.losses.Loss")) else "layers"
    serialize, deserialize = resolve(f"keras.{kind}.serialize"), resolve(f"keras.{kind}.deserialize")
    return [
        copy.deepcopy(made),
        pickle.loads(pickle.dumps(made)),
        type(made).from_config(made.get_config()),
        deserialize(serialize(made)),
    ]


def _all_of(function: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    def value(*tensors: Any) -> Sequence[Any]:
        results = function(*tensors)
        return tuple(results) if isinstance(results, (tuple, list)) else (results,)

    return value


def _gradient(tf: Any, function: Callable[..., Any], index: int, count: int) -> Callable[..., Sequence[Any]]:
    def gradient(*given: Any) -> Sequence[Any]:
        tensors, cotangent = given[:count], given[count]
        with tf.GradientTape() as tape:
            tape.watch(tensors[index])
            y = function(*tensors)
        # The dtype of a result need not be that of the tensors; a cotangent holds small powers of two.
        return (tape.gradient(y, tensors[index], output_gradients=tf.cast(cotangent, y.dtype)),)

    return gradient


def _forward_gradient(tf: Any, function: Callable[..., Any], index: int, count: int) -> Callable[..., Sequence[Any]]:
    def forward_gradient(*given: Any) -> Sequence[Any]:
        tensors, direction = given[:count], given[count]
        with tf.autodiff.ForwardAccumulator(tensors[index], direction) as accumulator:
            y = function(*tensors)
        return (accumulator.jvp(y),)

    return forward_gradient


def _hessian_vector(tf: Any, function: Callable[..., Any], index: int, count: int) -> Callable[..., Sequence[Any]]:
    first = _gradient(tf, function, index, count)

    def hessian_vector(*given: Any) -> Sequence[Any]:
        x, direction = given[index], given[count + 1]
        with tf.GradientTape() as tape:
            tape.watch(x)
            (slope,) = first(*given[: count + 1])
        return (None if slope is None else tape.gradient(slope, x, output_gradients=direction),)

    return hessian_vector


def tensor_reproducer(
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    mode: str,
    configuration: str,
    inputs: Sequence[Numbers],
    cotangent: Numbers | None = None,
    direction: Numbers | None = None,
) -> str:
    """A script that needs TensorFlow and NumPy alone: makes each tensor from its bits, asks, prints decimal and hexadecimal.

    `inputs` are the tensors of the standard's arguments `names`; `cotangent` and `direction` those that the quantity needs.
    A result is printed as `y`, several as `y0`, `y1`. A layer computes in the dtype of the first float among the tensors.
    """
    spelt = {**binding.keywords, **arguments}
    text = f"{binding.entry_point} {list(spelt.values())}"
    lines = ["import copy", "import os", "import pickle"] if quantity == "copied" else ["import os"]
    lines += ["", 'os.environ["KERAS_BACKEND"] = "tensorflow"', 'os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"']
    lines += ["import numpy as np", "import tensorflow as tf"]
    lines += ["import keras", ""] if "keras." in text else [""]
    given = [*zip(names, inputs)]
    given += [
        (name, numbers) for name, numbers in (("cotangent", cotangent), ("direction", direction)) if numbers is not None
    ]
    for name, (dtype, bits, shape) in given:
        lines += _tensor_source(name, dtype, bits, shape)
    lines += ["", *_function_source(binding, spelt, names, [dtype for dtype, _, _ in inputs], quantity), ""]
    index, count = (names.index(wrt) if wrt in names else 0), len(names)
    lines += _ASKED[quantity].replace("INDEX", str(index)).replace("COUNT", str(count)).splitlines()
    if mode != "eager":
        lines += [f"asked = tf.function(asked{', jit_compile=True' if mode == 'compiled' else ''})"]
    lines += [f"results = asked({', '.join(name for name, _ in given)})", "", common.PRINT]
    lines += [f'show("{name}", {name}_bits, "{dtype}")' for name, (dtype, _, _) in given]
    return "\n".join(lines) + "\n" + _SHOWN


def _tensor_source(name: str, dtype: str, bits: Sequence[int], shape: Sequence[int]) -> list[str]:
    made = (
        f"tf.constant({name}_bits.view(np.bool_))"
        if dtype == "bool"
        else f"tf.bitcast(tf.constant({name}_bits), tf.{dtype})"
    )
    return [common.bits_source(dtype, bits, shape, f"{name}_bits"), f"{name} = {made}"]


def _function_source(
    binding: TensorBinding, spelt: Mapping[str, Any], names: Sequence[str], dtypes: Sequence[str], quantity: str
) -> list[str]:
    """The lines that define `f`, a function of the tensors of `names`."""
    entry_point = re.sub(r"^tensorflow\.", "tf.", binding.entry_point)
    keywords = [f"{name}={_literal(value)}" for name, value in spelt.items()]
    handed = [name for name in binding.positional if name in names]
    handed += [f"{binding.named[name]}={name}" for name in names if name in binding.named]
    define = f"def f({', '.join(names)}):"
    if binding.form != "layer":
        return [define, f"    return {entry_point}({', '.join(handed + keywords)})"]
    floats = [dtype for dtype in dtypes if dtype in FLOATS]
    keywords += [f'dtype="{floats[0]}"'] if floats else []
    lines = [f"layer = {entry_point}({', '.join(keywords)})"]
    if quantity != "copied":
        return [*lines, define, f"    return layer({', '.join(handed)})"]
    kind = "keras.losses" if entry_point.startswith("keras.losses.") else "keras.layers"
    return [
        *lines,
        "copies = [",
        "    copy.deepcopy(layer),",
        "    pickle.loads(pickle.dumps(layer)),",
        "    type(layer).from_config(layer.get_config()),",
        f"    {kind}.deserialize({kind}.serialize(layer)),",
        "]",
        define,
        f"    return [one({', '.join(handed)}) for one in copies]",
    ]


def _literal(value: Any) -> str:
    if isinstance(value, str) and value.startswith("callable:"):
        return re.sub(r"^tensorflow\.", "tf.", value.partition(":")[2])
    return common.literal(value)


# The arguments are called what the adapter calls them, for the order in which a graph is optimized goes by names.
_ASKED = {
    "value": """\
def asked(*tensors):
    return f(*tensors)""",
    "copied": """\
def asked(*tensors):
    return f(*tensors)""",
    "gradient": """\
def asked(*given):
    tensors, cotangent = given[:COUNT], given[COUNT]
    with tf.GradientTape() as tape:
        tape.watch(tensors[INDEX])
        y = f(*tensors)
    return tape.gradient(y, tensors[INDEX], output_gradients=tf.cast(cotangent, y.dtype))""",
    "forward_gradient": """\
def asked(*given):
    tensors, direction = given[:COUNT], given[COUNT]
    with tf.autodiff.ForwardAccumulator(tensors[INDEX], direction) as accumulator:
        y = f(*tensors)
    return accumulator.jvp(y)""",
    "hessian_vector": """\
def asked(*given):
    tensors, cotangent, direction = given[:COUNT], given[COUNT], given[COUNT + 1]
    x = tensors[INDEX]
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(*tensors)
        slope = inner.gradient(y, x, output_gradients=tf.cast(cotangent, y.dtype))
    return None if slope is None else outer.gradient(slope, x, output_gradients=direction)""",
}
_SHOWN = """\
several = isinstance(results, (tuple, list))
for i, y in enumerate(results if several else [results]):
    y = None if y is None else tf.convert_to_tensor(y).numpy()
    name = f"y{i}" if several else "y"
    show(name, None if y is None else y.view(f"uint{8 * y.itemsize}"), None if y is None else y.dtype.name)
"""
