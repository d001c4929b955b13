"""Value and derivative of one draw belong together, and a seed repeats both, in every framework that draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import registry

protocol = registry.protocol()
LOGITS = np.array([[0.5, -1.0, 2.0], [0.0, 1.5, -0.25]], dtype=np.float32)
COTANGENT = np.array([[1.0, -2.0, 0.5], [4.0, -0.25, 1.0]], dtype=np.float32)


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_value_and_gradient_are_of_one_draw(name: str, temperature: float) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    adapter = registry.backend(name)
    backend = adapter("default", "cpu", 1)
    binding = next(b for b in adapter.tensor_bindings if b.function == "gumbel_softmax")
    keyword = binding.parameters["temperature"]
    arguments, names = {keyword: temperature, binding.parameters["axis"]: -1}, ("logits",)

    def tensor(array: Any) -> Any:
        return backend.tensor(protocol.Array(array.view(np.uint32), "float32"))

    def asked(quantity: str, *more: Any) -> list[np.ndarray]:
        backend.seed(1)
        call = backend.prepare_tensors(binding, arguments, names, quantity, "logits", "eager", "float32")
        return [backend.array(y).bits.view(np.float32) for y in call(tensor(LOGITS), *map(tensor, more))]

    y, gradient = asked("value_and_gradient", COTANGENT)
    due = y * (COTANGENT - (y * COTANGENT).sum(axis=-1, keepdims=True)) / temperature
    np.testing.assert_allclose(gradient, due, rtol=1e-5, atol=1e-6)
    assert np.array_equal(asked("value")[0], y)
    assert np.array_equal(asked("gradient", COTANGENT)[0], gradient)
