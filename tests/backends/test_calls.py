"""What the pages say to write is run as it is written, and computes what the suite asks; whether that is right, the judge says."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.cases.scenes import drawn, sizes_of
from conformance.cases.tensor_asker import TensorAsker
from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import WHOLE, TensorFunction

from .adapters import INSTALLED, PACKAGES, Array, adapter, array

pytestmark = pytest.mark.filterwarnings("ignore")

page_of = registry.load("conformance.reports.function_page:page_of")
call_of = registry.load("conformance.reports.calls:call_of")

CALLS = [
    pytest.param(name, binding, id=f"{name}-{binding.function}-{binding.id}")
    for name in INSTALLED
    for binding in registry.backend(name).tensor_bindings
    if not TENSOR_FUNCTIONS[binding.function].drawn
] + [
    pytest.param(name, None, id=name, marks=pytest.mark.skip(reason="the framework is not installed"))
    for name in PACKAGES
    if name not in INSTALLED
]
ROOTS = (
    "keras",
    "optax",
    "jax.nn",
    "jax.scipy.special",
    "scipy.special",
    "torch",
    "tensorflow",
    "conformance.backends.numpy_functions",
)


def given(function: TensorFunction, binding: Any) -> dict[str, np.ndarray]:
    """Ordinary numbers for what the call takes, in the standard's layout."""
    names = [
        name
        for name in binding.taken()
        if name != "weight"
        and (name in binding.positional or name in binding.required or not function.argument(name).optional)
    ]
    loop = () if not function.batched or binding.squeezed < 0 else (3,) if binding.squeezed else (2, 3)
    return drawn(function, names, loop, sizes_of(function), "calls")


def laid(function: TensorFunction, binding: Any, name: str, numbers: np.ndarray, axis: int) -> np.ndarray:
    argument = function.argument(name)
    if function.axis and len(argument.core) == 1 and not argument.shared:
        numbers = np.moveaxis(numbers, -1, axis)
    if len(binding.transposed.get(name, ())) == numbers.ndim:
        numbers = numbers.transpose(binding.transposed[name])
    if name in binding.padded:
        whole = sizes_of(function)["time" if name.startswith("input") else "length"]
        numbers = (np.arange(whole) >= numbers[..., None]).astype(np.float64)
    return numbers


def tensor(backend: Any, binding: Any, kind: str, name: str, numbers: np.ndarray) -> Any:
    whole = binding.cast.get(name, binding.integers if kind in WHOLE and name not in binding.padded else "")
    if whole and whole not in FORMATS:
        return backend.tensor(Array(np.asarray(numbers).astype(whole).view(f"u{whole.lstrip('u')}"), whole))
    if kind == "mask":
        return backend.tensor(Array(np.asarray(numbers).astype(bool).view(np.uint8), "bool"))
    return backend.tensor(array(numbers, "float32"))


def tensors(backend: Any, binding: Any, function: TensorFunction, axis: int) -> dict[str, Any]:
    return {
        name: tensor(backend, binding, function.argument(name).kind, name, laid(function, binding, name, numbers, axis))
        for name, numbers in given(function, binding).items()
    }


def written(source: str, binding: Any, tensors_by_name: dict[str, Any]) -> Any:
    names: dict[str, Any] = {binding.padded.get(name, name): one for name, one in tensors_by_name.items()}
    for root in ROOTS:
        if source.startswith(root) or f"={root}" in source:
            importlib.import_module(root)
            names[root.split(".")[0]] = importlib.import_module(root.split(".")[0])
    return eval(source, names)  # it is what a person would paste


def asked(backend: Any, binding: Any, function: TensorFunction, tensors_by_name: dict[str, Any]) -> Any:
    """The result as the plan would ask for it, with the options that it asks usually."""
    plan: Any = None  # options need none
    asker = TensorAsker(plan, backend, binding, function, "draws", "eager", "float32", "quick")
    names = list(tensors_by_name)
    call = backend.prepare_tensors(binding, asker.arguments(asker.base()), names, "value", "", "eager", "float32")
    return call(*tensors_by_name.values())[0]


def outcome(backend: Any, ask: Callable[[], Any]) -> Any:
    """Shape and bits, or the type of the error: what a framework does wrong, both ways of asking do."""
    try:
        result = backend.array(ask())
    except Exception as error:
        return type(error).__name__
    return result.dtype, np.shape(result.bits), result.bits.reshape(-1).tolist()


@pytest.mark.parametrize(("name", "binding"), CALLS)
def test_what_is_written_computes_what_is_asked(name: str, binding: Any) -> None:
    backend = adapter(name)
    function = TENSOR_FUNCTIONS[binding.function]
    call = call_of(binding, function)
    if any("held by the layer" in condition for condition in call.conditions):
        pytest.skip("what the layer holds is put there first")
    if any("can't be" in why for why in call.missing):
        pytest.skip("no value of the option is the standard's")
    axis = -1 if "axis" in binding.parameters else binding.fixed.get("axis", binding.core_axis)
    made = tensors(backend, binding, function, axis)
    seen = outcome(backend, lambda: written(call.source, binding, made))
    assert seen == outcome(backend, lambda: asked(backend, binding, function, made))
    assert seen not in ("NameError", "SyntaxError", "TypeError", "AttributeError")


def test_every_entry_point_has_a_call_or_a_reason() -> None:
    bindings = {name: registry.backend(name).tensor_bindings for name in PACKAGES}
    for function in TENSOR_FUNCTIONS.values():
        for spelling in page_of(function, bindings).spellings:
            assert bool(spelling.write) != bool(spelling.why_not)
            assert bool(spelling.nearest) == bool(spelling.why_not)
            compile(spelling.write or spelling.nearest, spelling.entry_point, "eval")
