"""NumPy's functions of several tensors: the entry points, ours and SciPy's, how one is called, and the script that repeats it.

Ours have reverse-mode derivatives derived by hand and no others; SciPy's have none. Knows no verdict.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import common
from .common import resolve
from .numpy_functions.tensors import evaluate
from .numpy_functions.tensors.signatures import SIGNATURES
from .protocol import SEED, Call, NotSupported, TensorBinding

_HERE = "conformance.backends.numpy_functions"
_SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special."

Given = tuple[str, Sequence[int], Sequence[int]]
"""A tensor of a reproducer: dtype, bits row by row (a single one for all elements), shape."""


def _ours(function: str) -> TensorBinding:
    """One of our own functions, whose arguments and keywords have the standard's names."""
    signature = SIGNATURES[function]
    optional = [argument.name for argument in signature.arguments if argument.optional]
    defaults = signature.defaults()
    return TensorBinding(
        function,
        f"{_HERE}.{function}",
        positional=tuple(argument.name for argument in signature.arguments if not argument.optional),
        named={name: name for name in (*optional, *(("weight",) if signature.weighted else ()))},
        parameters={name: name for name in defaults},
        defaults=defaults,
        several_axes=signature.several_axes,
        integers="int64",
        remark="ours",
    )


def _scipy(function: str, name: str, *positional: str, **more: Any) -> TensorBinding:
    return TensorBinding(
        function, f"scipy.special.{name}", positional=positional, documentation=f"{_SCIPY}{name}.html", **more
    )


_ALL_AXES: dict[str, Any] = {"parameters": {"axis": "axis"}, "defaults": {"axis": None}, "several_axes": True}

# Not among them, though their names are: scipy.special.huber takes the error itself, in place of prediction and target, and
# kl_div is x·log(x/y) − x + y of two probabilities, where the standard's function takes the logarithm of one.
TENSOR_BINDINGS = (
    *(_ours(function) for function in SIGNATURES),
    _scipy("softmax", "softmax", "x", **_ALL_AXES),
    _scipy("log_softmax", "log_softmax", "x", **_ALL_AXES),
    _scipy(
        "logsumexp",
        "logsumexp",
        "x",
        named={"scale": "b"},
        broadcasts=f"{_SCIPY}logsumexp.html",
        **_ALL_AXES,
    ),
    _scipy(
        "kl_divergence_of_probabilities",
        "rel_entr",
        "target",
        "prediction",
        fixed={"clip": 0.0, "reduction": "none", "rows": "none", "axis": -1},
        broadcasts=f"{_SCIPY}rel_entr.html",
        unsound={"errors.shape": f"{_SCIPY}rel_entr.html"},
        remark="of single numbers; the sum of them is the divergence",
    ),
)


def prepare(
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    generator: Sequence[np.random.Generator],
) -> Call:
    """See protocol.Backend.prepare_tensors; `generator` holds the one to draw from, which seeding replaces.

    Raises NotProvided, NotSupported, and ValueError for an unknown quantity or `wrt`.
    """
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    own = binding.remark == "ours"
    drawn = own and SIGNATURES[binding.function].drawn
    if quantity == "value":
        function = resolve(binding.entry_point)
        spelt = {**binding.keywords, **arguments}

        def value(*tensors: Any) -> Sequence[np.ndarray]:
            given = dict(zip(names, tensors))
            positional = [given[name] for name in binding.positional if name in given]
            named = {keyword: given[name] for name, keyword in binding.named.items() if name in given}
            return (function(*positional, **named, **spelt, **_from(generator, drawn)),)

        return value
    if quantity not in ("gradient", "forward_gradient", "hessian_vector", "value_and_gradient", "copied"):
        raise ValueError(
            f"unknown quantity {quantity!r}; known are value, gradient, forward_gradient, hessian_vector, value_and_gradient, copied"
        )
    if not own:
        raise NotSupported(f"{binding.entry_point}: SciPy has no automatic differentiation, and nothing to copy")
    if quantity not in ("gradient", "value_and_gradient"):
        raise NotSupported(f"{binding.entry_point}: only the reverse-mode derivative was derived, and nothing to copy")
    if wrt not in names:
        raise ValueError(f"no argument {wrt!r} to differentiate in; this call has {', '.join(names)}")

    def gradient(*tensors: Any) -> Sequence[np.ndarray]:
        cotangent = tensors[len(names)] if len(tensors) > len(names) else None
        given = dict(zip(names, tensors))
        # The value draws what the derivative draws.
        value = (
            (evaluate(binding.function, given, arguments, "value", "", None, **_from(copy.deepcopy(generator), drawn)),)
            if quantity == "value_and_gradient"
            else ()
        )
        drawing = _from(generator, drawn)
        return (*value, evaluate(binding.function, given, arguments, "gradient", wrt, cotangent, **drawing))

    return gradient


def _from(generator: Sequence[np.random.Generator], drawn: bool) -> dict[str, np.random.Generator]:
    """The keyword of functions that draw."""
    return {"generator": generator[0]} if drawn else {}


def tensor_reproducer(
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    mode: str,
    configuration: str,
    inputs: Sequence[Given],
    cotangent: Given | None,
    direction: Given | None,
) -> str:
    """A script that asks one question of several tensors, with SciPy alone or, for our own functions, with nnconform.

    `inputs` belong to `names`, in their order. Without a cotangent ones are taken. `mode` is always `eager` here, and `quantity`
    one of value, gradient and both, so that there is no direction.
    """
    own, drawn = binding.remark == "ours", SIGNATURES[binding.function].drawn
    given = [*zip(names, inputs), *([("cotangent", cotangent)] if cotangent is not None else [])]
    lines = ["import ml_dtypes"] if any(dtype == "bfloat16" for _, (dtype, _, _) in given) else []
    lines += ["import numpy as np"] + ([] if own else ["import scipy.special"])
    if own:
        imported = f"{_HERE} import {binding.function}" if quantity == "value" else f"{_HERE}.tensors import evaluate"
        lines += [f"from {imported}"]
    lines += [""]
    for name, (dtype, numbers, shape) in given:
        numpy_type = "ml_dtypes.bfloat16" if dtype == "bfloat16" else f"np.{'bool_' if dtype == 'bool' else dtype}"
        lines += [common.bits_source(dtype, numbers, shape, f"{name}_bits")]
        lines += [f"{name} = {name}_bits.view({numpy_type})"]
    draw = [f"generator=np.random.default_rng({SEED})"] if own and drawn else []
    if quantity != "value":
        tensors = ", ".join(f"{name!r}: {name}" for name in names)
        options = ", ".join(f"{name!r}: {_source(value)}" for name, value in arguments.items())
        last = ", ".join(["cotangent" if cotangent is not None else "None", *draw])
        asked = f"{binding.function!r}, {{{tensors}}}, {{{options}}}"
        lines += [f"v = evaluate({', '.join([asked, *draw])})"] if quantity == "value_and_gradient" else []
        lines += [f'y = evaluate({asked}, "gradient", {wrt!r}, {last})']
    else:
        call = [name for name in binding.positional if name in names]
        call += [f"{keyword}={name}" for name, keyword in binding.named.items() if name in names]
        call += [f"{name}={_source(value)}" for name, value in {**binding.keywords, **arguments}.items()]
        called = binding.function if own else binding.entry_point
        lines += [f"y = {called}({', '.join([*call, *draw])})"]
    lines += ["y = np.asarray(y)", "", common.PRINT]
    lines += [f'show("{name}", {name}_bits, "{dtype}")' for name, (dtype, numbers, _) in given if len(numbers) <= 64]
    lines += ['show("v", v.view(f"uint{8 * v.itemsize}"), v.dtype.name)'] if quantity == "value_and_gradient" else []
    lines += ['show("y", y.view(f"uint{8 * y.itemsize}"), y.dtype.name)']
    return "\n".join(lines) + "\n"


def _source(value: Any) -> str:
    """An option as Python source: None, truth values, text, whole numbers, several axes, and floats."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(repr, value))},)"
    return common.literal(value) if isinstance(value, float) else repr(value)
