"""How JAX is asked about functions of several tensors: values, vjp and jvp in one argument, and scripts that ask the same.

Knows no function of the standard and no verdict. JAX is given by the adapter (jax_optax), and not imported here. Where a
binding has `padded`, the tensor that comes under the name of the lengths is the mask itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from . import common
from .common import resolve
from .protocol import Call, NotSupported, TensorBinding

_CALLABLE = "callable:"

Given = tuple[str, Sequence[int], Sequence[int]]
"""A tensor as a reproducer gets it: dtype, bits row by row (a single one for all elements), shape."""


def prepare(
    jax: Any, binding: TensorBinding, arguments: Mapping[str, Any], names: Sequence[str], quantity: str, wrt: str, mode: str
) -> Call:  # fmt: skip
    """See protocol.Backend.prepare_tensors. A cotangent is cast to the dtype of the result, as a sum of the result would do.

    Compiled: jax.jit around the whole question. Raises NotProvided; NotSupported for copies, of which functions have none;
    ValueError for a tensor or a quantity that can't be asked.
    """
    if quantity == "copied":
        raise NotSupported(f"{binding.entry_point} is a function: it has no state to copy")
    function = _function(binding, arguments, names)
    if quantity != "value" and wrt not in names:
        raise ValueError(f"no argument {wrt!r} to differentiate in; this call has {', '.join(names)}")
    asked = function if quantity == "value" else _derivative(jax, function, names, quantity, wrt)
    if mode == "compiled":
        asked = jax.jit(asked)
    return lambda *given: tuple(or_none(result) for result in asked(*given))


def or_none(result: Any) -> Any | None:
    """None for the derivative in an integer, which JAX marks by a dtype of its own, float0."""
    dtype: tuple[Any, ...] = getattr(result, "dtype", ())
    return None if str(dtype) == "[('float0', 'V')]" else result


def spelling(binding: TensorBinding, names: Sequence[str]) -> tuple[list[str | None], dict[str, str]]:
    """Which of the standard's arguments `names` stand where in the call: in its places (None for one that is left out before
    another), and behind its keywords. Raises ValueError for one that the entry point does not take."""
    known = (*binding.positional, *binding.named, *binding.padded)
    for name in names:
        if name not in known:
            raise ValueError(f"{binding.id} takes no {name!r}; it takes {', '.join(known)}")
    places = [name if name in names else None for name in binding.positional]
    while places and places[-1] is None:
        places.pop()
    keywords = {**binding.named, **binding.padded}
    return places, {keyword: name for name, keyword in keywords.items() if name in names}


def _function(
    binding: TensorBinding, arguments: Mapping[str, Any], names: Sequence[str]
) -> Callable[..., tuple[Any, ...]]:
    if binding.form not in ("function", "factory"):
        raise ValueError(f"{binding.id} is a {binding.form}; JAX' entry points are of form function or factory")
    found, places, behind = resolve(binding.entry_point), *spelling(binding, names)
    given = {**binding.keywords, **common.taken(found, binding, arguments)}
    spelt = {keyword: _passed(value) for keyword, value in given.items()}
    if binding.form == "factory":
        found, spelt = found(**spelt), {}

    def function(*tensors: Any) -> tuple[Any, ...]:
        given = dict(zip(names, tensors))
        named = {keyword: given[name] for keyword, name in behind.items()}
        results = found(*(None if name is None else given[name] for name in places), **named, **spelt)
        every = tuple(results) if isinstance(results, (tuple, list)) else (results,)
        return every if binding.whole < 0 else (every[binding.whole],)

    return function


def _derivative(
    jax: Any, function: Callable[..., tuple[Any, ...]], names: Sequence[str], quantity: str, wrt: str
) -> Callable[..., tuple[Any]]:
    place = names.index(wrt)

    def along(tensors: Sequence[Any]) -> Callable[[Any], Any]:
        def of_one(x: Any) -> Any:
            (result,) = function(*tensors[:place], x, *tensors[place + 1 :])
            return result

        return of_one

    def gradient(*given: Any) -> tuple[Any]:
        *tensors, cotangent = given
        y, back = jax.vjp(along(tensors), tensors[place])
        return (back(cotangent.astype(y.dtype))[0],)

    def forward(*given: Any) -> tuple[Any]:
        *tensors, direction = given
        return (jax.jvp(along(tensors), (tensors[place],), (direction,))[1],)

    def hessian_vector(*given: Any) -> tuple[Any]:
        *tensors, cotangent, direction = given

        def first(x: Any) -> Any:
            return gradient(*tensors[:place], x, *tensors[place + 1 :], cotangent)[0]

        _, back = jax.vjp(first, tensors[place])
        return (back(direction)[0],)

    known = {"gradient": gradient, "forward_gradient": forward, "hessian_vector": hessian_vector}
    if quantity not in known:
        raise ValueError(f"unknown quantity {quantity!r}; known are value, copied, {', '.join(known)}")
    return known[quantity]


def _passed(value: Any) -> Any:
    # Axes come as a list where they have travelled; JAX wants them hashable.
    if isinstance(value, list):
        return tuple(value)
    return resolve(value[len(_CALLABLE) :]) if isinstance(value, str) and value.startswith(_CALLABLE) else value


def reproducer(
    binding: TensorBinding,
    arguments: Mapping[str, Any],
    names: Sequence[str],
    quantity: str,
    wrt: str,
    mode: str,
    configuration: str,
    inputs: Sequence[Given],
    cotangent: Given | None = None,
    direction: Given | None = None,
) -> str:
    """A script that needs JAX, NumPy and the module of the entry point alone (optax): makes the tensors from their bits, asks,
    and prints every number of each input and of each result, in decimal and hexadecimal, as `y float32 0.5 0x3f000000`.

    `inputs` are the tensors of `names`, in that order.
    """
    given = dict(zip(names, inputs))
    given.update({name: one for name, one in (("cotangent", cotangent), ("direction", direction)) if one is not None})
    keywords = {**binding.keywords, **arguments}
    lines = _imports([binding.entry_point, *(value[len(_CALLABLE) :] for value in keywords.values() if _named(value))])
    if configuration == "x64":
        lines += ['jax.config.update("jax_enable_x64", True)']
    for name, (dtype, bits, shape) in given.items():
        lines += [common.bits_source(dtype, bits, shape, f"{name}_bits")]
        lines += [f"{name} = jax.device_put({name}_bits.view(jnp.{'bool_' if dtype == 'bool' else dtype}))"]
    lines += ["", *_definition(binding, keywords, names), "", *_asked(quantity, wrt, names), ""]
    lines += [f"results = {'jax.jit(asked)' if mode == 'compiled' else 'asked'}({', '.join(given)})"]
    lines += ["", common.PRINT]
    lines += [f'show("{name}", {name}_bits, "{dtype}")' for name, (dtype, _, _) in given.items()]
    lines += ["for y in results if isinstance(results, tuple) else (results,):", "    y = np.asarray(y)"]
    lines += ["    missing = y.dtype == jax.dtypes.float0  # the derivative in an integer"]
    lines += ['    show("y", None if missing else y.view(f"uint{8 * y.itemsize}"), y.dtype.name)']
    return "\n".join(lines) + "\n"


def _imports(entry_points: Sequence[str]) -> list[str]:
    modules = sorted({entry_point.rpartition(".")[0] for entry_point in entry_points} - {"jax"})
    return [
        "import jax",
        *(f"import {module}" for module in modules),
        "import jax.numpy as jnp",
        "import numpy as np",
        "",
    ]


def _named(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_CALLABLE)


def _source(value: Any) -> str:
    if _named(value):
        return str(value[len(_CALLABLE) :])
    return common.literal(tuple(value) if isinstance(value, list) else value)


def _definition(binding: TensorBinding, keywords: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """`f`, the entry point with its keywords, as a function of the tensors."""
    places, behind = spelling(binding, names)
    spelt = [f"{keyword}={_source(value)}" for keyword, value in keywords.items()]
    call = [*(str(name) for name in places), *(f"{keyword}={name}" for keyword, name in behind.items())]
    lines, called = [], binding.entry_point
    if binding.form == "factory":
        lines, called, spelt = [f"made = {binding.entry_point}({', '.join(spelt)})", ""], "made", []
    whole = f"[{binding.whole}]" if binding.whole >= 0 else ""
    return [*lines, f"def f({', '.join(names)}):", f"    return {called}({', '.join([*call, *spelt])}){whole}"]


def _asked(quantity: str, wrt: str, names: Sequence[str]) -> list[str]:
    every = ", ".join(names)
    if quantity == "value":
        return ["asked = f"]
    along = f"lambda {wrt}: f({every})"
    if quantity == "forward_gradient":
        return [f"def asked({every}, direction):", f"    return jax.jvp({along}, ({wrt},), (direction,))[1]"]
    gradient = [
        f"def gradient({every}, cotangent):",
        f"    y, back = jax.vjp({along}, {wrt})",
        "    return back(cotangent.astype(y.dtype))[0]",
        "",
    ]
    if quantity == "gradient":
        return [*gradient, "asked = gradient"]
    return [
        *gradient,
        f"def asked({every}, cotangent, direction):",
        f"    _, back = jax.vjp(lambda {wrt}: gradient({every}, cotangent), {wrt})",
        "    return back(direction)[0]",
    ]
