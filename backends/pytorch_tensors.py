"""PyTorch's functions of several tensors: how one is called, differentiated, compiled and copied, and the script that repeats it.

Knows no verdict, and imports no PyTorch: the adapter (pytorch) hands it over.
"""

from __future__ import annotations

import copy
import importlib
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

import numpy as np

from . import common
from .common import resolve
from .protocol import BITS, SEED, Call, NotSupported, TensorBinding
from .pytorch_tensor_bindings import CALLABLE, CALLED, SIZE

# torch.from_numpy takes these everywhere; unsigned types beyond uint8 only since 2.3.
CARRIERS = {1: np.uint8, 2: np.int16, 4: np.int32, 8: np.int64}

Given = tuple[str, Sequence[int], Sequence[int]]
"""A tensor of a reproducer: dtype, bits row by row (a single one for all elements), shape."""

DRAWING = ("torch.nn.functional.gumbel_softmax",)
"""Entry points that draw random numbers: their scripts seed the generator as the worker does."""


class Asked(NamedTuple):
    """What a question is about: the entry point, the tensors it gets (`names`), its keywords, and the tensor to differentiate in."""

    binding: TensorBinding
    found: Any
    names: tuple[str, ...]
    spelt: Mapping[str, Any]
    of: int


def prepare(
    torch: Any,
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]],
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    mode: str,
) -> Call:
    """See protocol.Backend.prepare_tensors; `compiled` is the adapter's way to compile a function of tensors.

    Raises NotProvided, NotSupported, and ValueError for an unknown quantity or `wrt`.
    """
    if quantity not in ("value", "copied", *_DERIVATIVES):
        raise ValueError(f"unknown quantity {quantity!r}; known are value, copied, {', '.join(_DERIVATIVES)}")
    if quantity in _DERIVATIVES and wrt not in names:
        raise ValueError(f"no argument {wrt!r} to differentiate in; this call has {', '.join(names)}")
    of = list(names).index(wrt) if quantity in _DERIVATIVES else -1
    found = resolve(binding.entry_point)
    asked = Asked(binding, found, tuple(names), spelt_out(binding, common.taken(found, binding, arguments)), of)
    traced = compiled if mode == "compiled" else None
    if quantity == "copied":
        return _copied(torch, asked, traced)
    if quantity == "forward_gradient":
        return _forward_compiled(torch, asked, compiled) if traced else _forward(torch, asked)
    function = _function(torch, asked, traced)
    if quantity == "value":
        return lambda *tensors: _results(torch, function(*tensors))
    if quantity == "hessian_vector":
        return _hessian_vector(torch, asked, function)
    return _gradient(torch, asked, function, with_value=quantity == "value_and_gradient")


_DERIVATIVES = ("gradient", "forward_gradient", "hessian_vector", "value_and_gradient")


def spelt_out(binding: TensorBinding, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a call, functions and instances in place of the texts that name them. Raises NotProvided."""
    return {keyword: _named(value) for keyword, value in {**binding.keywords, **arguments}.items()}


def _named(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(CALLABLE):
        return resolve(value[len(CALLABLE) :])
    if isinstance(value, str) and value.startswith(CALLED):
        return resolve(value[len(CALLED) :])()
    return value


def _results(torch: Any, found: Any) -> Sequence[Any]:
    return (found,) if isinstance(found, torch.Tensor) else tuple(found)


def _called(asked: Asked, function: Callable[..., Any], tensors: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """The call itself: tensors where the binding says, keywords behind them."""
    binding, given = asked.binding, dict(zip(asked.names, tensors))
    follow = {keyword: given[name] for name, keyword in binding.named.items() if name in given}
    return function(*(given[name] for name in binding.positional if name in given), **follow, **keywords)


def _layer(asked: Asked, tensors: Sequence[Any]) -> Any:
    """The layer as a person constructs it: sizes, tensors and numbers as its keywords."""
    given = dict(zip(asked.names, tensors))
    sizes = {}
    for keyword, value in asked.spelt.items():
        if isinstance(value, str) and value.startswith(SIZE):
            name, axis = value[len(SIZE) :].split(":")
            sizes[keyword] = given[name].shape[int(axis)]
    held = {word: tensor for word, tensor in _held(asked, tensors).items() if "." not in word}
    return asked.found(**{**asked.spelt, **sizes}, **held)


def _held(asked: Asked, tensors: Sequence[Any]) -> dict[str, Any]:
    """The tensors that a layer holds, by the dotted name under which it does."""
    given = dict(zip(asked.names, tensors))
    return {held: given[name] for name, held in asked.binding.constructed.items() if name in given}


def _function(
    torch: Any, asked: Asked, compiled: Callable[[Callable[..., Any]], Callable[..., Any]] | None
) -> Callable[..., Any]:
    """The entry point as a function of all its tensors.

    A layer that holds tensors is constructed for each call, as by a person who changes a weight. What is compiled is its call:
    the tensors it holds are then arguments too, for a constant would be folded.
    """
    if asked.binding.form != "layer" or not asked.binding.constructed:
        layer = asked.binding.form == "layer"
        called, keywords = (_layer(asked, ()), {}) if layer else (asked.found, asked.spelt)

        def function(*tensors: Any) -> Any:
            return _called(asked, called, tensors, keywords)

        return compiled(function) if compiled else function
    if compiled is None:
        return lambda *tensors: _of_layer(torch, asked, _layer(asked, tensors), tensors)
    of_shapes: dict[Any, Callable[..., Any]] = {}

    def by_shapes(*tensors: Any) -> Any:
        shapes = tuple(tuple(tensor.shape) for tensor in _held(asked, tensors).values())
        if shapes not in of_shapes:
            layer = _layer(asked, [tensor.detach() for tensor in tensors])
            of_shapes[shapes] = compiled(lambda *tensors: _of_layer(torch, asked, layer, tensors, replaced=True))
        return of_shapes[shapes](*tensors)

    return by_shapes


def _of_layer(torch: Any, asked: Asked, layer: Any, tensors: Sequence[Any], replaced: bool = False) -> Any:
    """The call of a layer. Its parameters, and with `replaced` all that it holds, are the tensors that are given."""
    held = {word: tensor for word, tensor in _held(asked, tensors).items() if replaced or "." in word}
    if not held:
        return _called(asked, layer, tensors, {})
    return _called(asked, lambda *args, **kwargs: torch.func.functional_call(layer, held, args, kwargs), tensors, {})


def _gradient(torch: Any, asked: Asked, function: Callable[..., Any], with_value: bool = False) -> Call:
    """The derivative, behind the value of the same call if that is wanted too."""

    def gradient(*tensors: Any) -> Sequence[Any | None]:
        given, cotangent = _differentiable(asked, tensors[:-1]), tensors[-1]
        y = function(*given)
        if not y.requires_grad:
            return (y, None) if with_value else (None,)
        derivative = torch.autograd.grad(y, given[asked.of], cotangent, allow_unused=True)
        return (y, *derivative) if with_value else tuple(derivative)

    return gradient


def _hessian_vector(torch: Any, asked: Asked, function: Callable[..., Any]) -> Call:
    def hessian_vector(*tensors: Any) -> Sequence[Any | None]:
        given, (cotangent, direction) = _differentiable(asked, tensors[:-2]), tensors[-2:]
        y = function(*given)
        if not y.requires_grad:
            return (None,)
        (first,) = torch.autograd.grad(y, given[asked.of], cotangent, create_graph=True, allow_unused=True)
        if first is None or not first.requires_grad:
            return (None,)
        return tuple(torch.autograd.grad(first, given[asked.of], direction, allow_unused=True))

    return hessian_vector


def _differentiable(asked: Asked, tensors: Sequence[Any]) -> list[Any]:
    given = list(tensors)
    given[asked.of] = given[asked.of].detach().requires_grad_()
    return given


def _forward(torch: Any, asked: Asked) -> Call:
    forward_ad = importlib.import_module("torch.autograd.forward_ad")
    function = _function(torch, asked, None)

    def forward(*tensors: Any) -> Sequence[Any | None]:
        given, direction = list(tensors[:-1]), tensors[-1]
        x = given[asked.of].detach()
        # The tangent takes the layout of its tensor, and can't be written where elements share memory.
        x = x.clone() if 0 in x.stride() else x
        with forward_ad.dual_level():
            given[asked.of] = forward_ad.make_dual(x, direction)
            return (forward_ad.unpack_dual(function(*given)).tangent,)

    return forward


def _forward_compiled(torch: Any, asked: Asked, compiled: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Call:
    def directional(function: Callable[..., Any]) -> Callable[..., Any]:
        def derivative(*tensors: Any) -> Any:
            *given, direction = tensors

            def along(x: Any) -> Any:
                return function(*given[: asked.of], x, *given[asked.of + 1 :])

            return torch.func.jvp(along, (given[asked.of],), (direction,))[1]

        return compiled(derivative)

    # The direction stands behind the tensors that have names.
    function = _function(torch, asked, directional)
    return lambda *tensors: (function(*tensors),)


def _copied(torch: Any, asked: Asked, compiled: Callable[[Callable[..., Any]], Callable[..., Any]] | None) -> Call:
    """A layer copied deeply, and one pickled and read back. A state_dict holds tensors and a repr is for people: neither is a
    configuration from which PyTorch documents that a layer can be rebuilt."""
    if asked.binding.form != "layer":
        raise NotSupported(f"{asked.binding.entry_point} is a function: there is no object to copy")

    def copied(*tensors: Any) -> Sequence[Any]:
        layer = _layer(asked, tensors)
        for word, tensor in _held(asked, tensors).items():
            place, _, name = word.rpartition(".")
            if place:
                setattr(layer.get_submodule(place), name, torch.nn.Parameter(tensor))
        copies = (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)))
        return tuple(_called(asked, compiled(one) if compiled else one, tensors, {}) for one in copies)

    return copied


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
    """A script that asks one question of several tensors with PyTorch and NumPy alone, and prints decimal and hexadecimal.

    `inputs` belong to `names`, in their order. Without a cotangent or direction ones are taken. Of `copied` two results are
    printed: of the layer that was copied deeply, and of the one that was pickled. `configuration` is always `default` here.
    """
    lines = ["import copy", "import pickle", ""] if quantity == "copied" else []
    lines += ["import numpy as np", "import torch", "", "torch.set_num_threads(1)"]
    lines += [f"torch.manual_seed({SEED})"] if binding.entry_point in DRAWING else []
    for name, given in zip(names, inputs):
        lines += made(name, f"{name}_bits", *given)
    for name, extra in (("cotangent", cotangent), ("direction", direction)):
        lines += made(name, f"{name}_bits", *extra) if extra is not None else []
    lines += _definition(binding, arguments, names, quantity, mode)
    texts = {
        "F(ALL)": "f(ALL)",
        "ALL": ", ".join(names),
        "WRT": wrt,
        "COTANGENT": "cotangent" if cotangent is not None else "torch.ones_like(v)",
        "DIRECTION": "direction" if direction is not None else f"torch.ones_like({wrt})",
    }
    compiled_whole = mode == "compiled" and quantity == "forward_gradient"
    question = _QUESTIONS[f"{quantity}, compiled" if compiled_whole else quantity]
    for word, text in texts.items():
        question = question.replace(word, text)
    shown = [f'show("{name}", {name}_bits, "{given[0]}")' for name, given in zip(names, inputs) if len(given[1]) <= 64]
    return "\n".join([*lines, *question.splitlines(), "", common.PRINT, BITS_OF, *shown, SHOW_RESULTS])


_QUESTIONS = {
    "value": "y = F(ALL)",
    "gradient": (
        "WRT = WRT.requires_grad_()\nv = F(ALL)\n"
        "(y,) = torch.autograd.grad(v, WRT, COTANGENT, allow_unused=True) if v.requires_grad else (None,)"
    ),
    "value_and_gradient": (
        "WRT = WRT.requires_grad_()\nv = F(ALL)\n"
        "y = (v, *torch.autograd.grad(v, WRT, COTANGENT, allow_unused=True)) if v.requires_grad else (v, None)"
    ),
    # torch.func.jvp may take another way through the same function, and end at other bits.
    "forward_gradient": (
        "with torch.autograd.forward_ad.dual_level():\n"
        "    WRT = torch.autograd.forward_ad.make_dual(WRT, DIRECTION)\n"
        "    y = torch.autograd.forward_ad.unpack_dual(F(ALL)).tangent"
    ),
    "forward_gradient, compiled": (
        "def derivative(ALL, direction):\n"
        "    return torch.func.jvp(lambda WRT: F(ALL), (WRT,), (direction,))[1]\n"
        "y = torch.compile(derivative)(ALL, DIRECTION)"
    ),
    "hessian_vector": (
        "WRT = WRT.requires_grad_()\nv = F(ALL)\n"
        "(g,) = torch.autograd.grad(v, WRT, COTANGENT, create_graph=True, allow_unused=True) if v.requires_grad else (None,)\n"
        "differentiable = g is not None and g.requires_grad\n"
        "(y,) = torch.autograd.grad(g, WRT, DIRECTION, allow_unused=True) if differentiable else (None,)"
    ),
    "copied": "y = tuple(f(one) for one in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))))",
}


def made(name: str, bits: str, dtype: str, numbers: Sequence[int], shape: Sequence[int]) -> list[str]:
    """The lines of a reproducer that make a tensor of these bits."""
    carrier = np.dtype(CARRIERS[np.dtype(BITS[dtype]).itemsize]).name
    viewed = bits if carrier == "uint8" else f"{bits}.view(np.{carrier})"
    return [
        common.bits_source(dtype, numbers, shape, bits),
        f"{name} = torch.from_numpy({viewed}.copy()).view(torch.{dtype})",
    ]


BITS_OF = """\
def bits_of(tensor):
    carrier = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    numbers = tensor.detach().contiguous().clone().view(carrier).numpy()
    return numbers.view(f"uint{8 * tensor.element_size()}")
"""
"""The lines of a reproducer that define the bits of a tensor."""

SHOW_RESULTS = """\
for i, one in enumerate(y if isinstance(y, tuple) else (y,)):
    name = f"y[{i}]" if isinstance(y, tuple) else "y"
    show(name, None if one is None else bits_of(one), None if one is None else str(one.dtype).rpartition(".")[2])
"""


def _definition(
    binding: TensorBinding, arguments: Mapping[str, Any], names: Sequence[str], quantity: str, mode: str
) -> list[str]:
    """The lines of a reproducer that define `f`, a function of all tensors; for `copied`, of a layer."""
    compiled = ["f = torch.compile(f)"] if mode == "compiled" and quantity != "forward_gradient" else []
    keywords = [f"{name}={_source(value)}" for name, value in {**binding.keywords, **arguments}.items()]
    positional = [name for name in binding.positional if name in names]
    follow = [f"{keyword}={name}" for name, keyword in binding.named.items() if name in names]
    parameters = ", ".join(names)
    if binding.form != "layer":
        call = ", ".join([*positional, *follow, *keywords])
        return [f"def f({parameters}):", f"    return {binding.entry_point}({call})", *compiled]
    held = {word: name for name, word in binding.constructed.items() if name in names}
    built = [f"{word}={name}" for word, name in held.items() if "." not in word]
    layer = f"{binding.entry_point}({', '.join([*built, *keywords])})"
    call = ", ".join([*positional, *follow])
    if quantity == "copied":
        places = [f"layer.{word} = torch.nn.Parameter({name})" for word, name in held.items() if "." in word]
        one = "torch.compile(one)" if mode == "compiled" else "one"
        return [f"layer = {layer}", *places, "def f(one):", f"    return {one}({call})"]
    if mode == "eager" and len(built) == len(held):
        if not held:
            return [f"layer = {layer}", f"def f({parameters}):", f"    return layer({call})"]
        return [f"def f({parameters}):", f"    return {layer}({call})"]
    # What a compiled layer holds must be an argument, or it is folded as a constant; so must parameters that are replaced.
    replaced = ", ".join(f'"{word}": {name}' for word, name in held.items())
    replacing = (
        f"torch.func.functional_call(layer, {{{replaced}}}, ({', '.join(positional)},))" if held else f"layer({call})"
    )
    return [f"layer = {layer}", f"def f({parameters}):", f"    return {replacing}", *compiled]


def _source(value: Any) -> str:
    """Python source of a keyword's value."""
    if isinstance(value, str) and value.startswith(CALLABLE):
        return value[len(CALLABLE) :]
    if isinstance(value, str) and value.startswith(CALLED):
        return f"{value[len(CALLED) :]}()"
    if isinstance(value, str) and value.startswith(SIZE):
        name, axis = value[len(SIZE) :].split(":")
        return f"{name}.shape[{axis}]"
    return common.literal(value)
