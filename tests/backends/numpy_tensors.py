"""Our NumPy functions of tensors as the tests call them, and drawn tensors to call them with."""

from __future__ import annotations

from typing import Any

from conformance import registry
from conformance.cases import scenes
from conformance.standard.tensors import TensorFunction

PACKAGE = "conformance.backends.numpy_functions.tensors"
evaluate = registry.load(f"{PACKAGE}:evaluate")


def ours(name: str) -> Any:
    """The public function of this name."""
    return registry.load(f"conformance.backends.numpy_functions:{name}")


def drawn(function: TensorFunction, names: list[str], loop: tuple[int, ...], dtype: str = "float64") -> dict[str, Any]:
    """Ordinary numbers in the shapes of the standard; they are exact in every format."""
    tensors = scenes.drawn(function, names, loop if function.batched else (), scenes.sizes_of(function), "numpy")
    return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in tensors.items()}


def required(function: TensorFunction) -> list[str]:
    """The arguments that are not optional."""
    return [argument.name for argument in function.arguments if not argument.optional]
