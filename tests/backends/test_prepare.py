"""What prepare promises beside the right numbers: cotangents, in-place forms, dtypes, compiled calls, clear refusals."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.standard import FUNCTIONS

from .adapters import INSTALLED, PACKAGES, Array, NotSupported, adapter, array, ask, numbers

pytestmark = pytest.mark.filterwarnings("ignore")


def binding_of(name: str, binding_id: str, function: str = "") -> Any:
    return next(
        binding
        for binding in registry.backend(name).bindings
        if binding.id == binding_id and function in ("", binding.function)
    )


PLAIN = {
    "numpy": "conformance.backends.numpy_functions.sigmoid",
    "torch": "torch.sigmoid",
    "tensorflow": "tensorflow.sigmoid",
    "jax": "jax.nn.sigmoid",
}
MODES = [
    (name, mode) for name in INSTALLED for mode in registry.backend(name).modes if (name, mode) != ("torch", "compiled")
]


@pytest.mark.parametrize(("name", "mode"), MODES)
@pytest.mark.parametrize("quantity", ["gradient", "second_derivative"])
def test_derivatives_are_scaled_by_the_cotangent(name: str, mode: str, quantity: str) -> None:
    backend = adapter(name)
    call = backend.prepare(binding_of(name, PLAIN[name]), {}, quantity, mode, "float32")
    x, cotangent = backend.tensor(array([1.0, 2.0], "float32")), backend.tensor(array([4.0, -0.5], "float32"))
    plain, scaled = numbers(backend.array(call(x)[0])), numbers(backend.array(call(x, cotangent)[0]))
    assert scaled == [4 * plain[0], -0.5 * plain[1]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("name", "mode"), MODES)
@pytest.mark.parametrize("quantity", ["value", "gradient", "forward_gradient", "second_derivative"])
def test_every_dtype_is_asked_in_itself(name: str, mode: str, quantity: str, dtype: str) -> None:
    backend = adapter(name)
    if name == "jax" and dtype == "float64":
        with pytest.raises(NotSupported, match="float64"):
            backend.tensor(array([0.0], dtype))
        return
    result = ask(backend, binding_of(name, PLAIN[name]), quantity, mode, array([[0.0, 1.0]], dtype))
    assert result is not None
    assert result.dtype == dtype
    assert result.bits.shape == (1, 2)
    assert numbers(result)[0] == {"value": 0.5, "second_derivative": 0.0}.get(quantity, 0.25)


@pytest.mark.parametrize(
    "layer", ["keras.layers.LeakyReLU", "keras.layers.ReLU", "keras.layers.Activation(activation='gelu')"]
)
def test_keras_layers_do_not_cast(layer: str) -> None:
    result = ask(adapter("tensorflow"), binding_of("tensorflow", layer), "value", "eager", array([1.0], "float64"))
    assert result is not None
    assert result.dtype == "float64"


@pytest.mark.parametrize(
    "binding", [b for b in registry.backend("torch").bindings if b.form.startswith("inplace")], ids=str
)
def test_in_place_forms_change_their_argument_for_the_value_alone(binding: Any) -> None:
    torch = adapter("torch")
    given = array([-2.0, 2.0], "float32")
    defaults = FUNCTIONS[binding.function].defaults()
    arguments = {keyword: defaults[name] for name, keyword in binding.parameters.items()}
    tensor = torch.tensor(given)
    (output,) = torch.prepare(binding, arguments, "value", "eager", "float32")(tensor)
    np.testing.assert_array_equal(torch.array(tensor).bits, torch.array(output).bits)
    assert (torch.array(tensor).bits != given.bits).any()
    for quantity in ("gradient", "forward_gradient", "second_derivative"):
        tensor = torch.tensor(given)
        with contextlib.suppress(NotImplementedError, RuntimeError):  # derivatives that PyTorch lacks
            torch.prepare(binding, arguments, quantity, "eager", "float32")(tensor)
        np.testing.assert_array_equal(torch.array(tensor).bits, given.bits)


@pytest.mark.slow
def test_compiled_functions_of_pytorch_are_kept_apart() -> None:
    torch = adapter("torch")
    given = array([-1.0, 2.0], "float32")
    asked: list[tuple[str, str, dict[str, Any], list[float]]] = [
        ("torch.Tensor.sigmoid_", "value", {}, [0.26894143, 0.880797]),
        ("torch.nn.functional.gelu", "value", {}, [-0.15865526, 1.9544997]),
        ("torch.nn.LeakyReLU", "value", {"negative_slope": 0.3}, [-0.3, 2.0]),
        ("torch.nn.LeakyReLU", "value", {"negative_slope": 0.2}, [-0.2, 2.0]),
        ("torch.nn.LeakyReLU", "gradient", {"negative_slope": 0.2}, [0.2, 1.0]),
        ("torch.relu_", "forward_gradient", {}, [0.0, 1.0]),
    ]
    for binding_id, quantity, arguments, expected in asked:
        result = ask(torch, binding_of("torch", binding_id), quantity, "compiled", given, **arguments)
        assert result is not None
        assert numbers(result) == pytest.approx(expected)
    with pytest.raises(NotSupported, match="double backward"):
        ask(torch, binding_of("torch", "torch.nn.functional.gelu"), "second_derivative", "compiled", given)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_prepared_call_takes_any_shape(name: str) -> None:
    backend = adapter(name)
    for mode in (mode for mode in backend.modes if mode not in backend.slow_modes):
        call = backend.prepare(binding_of(name, PLAIN[name]), {}, "gradient", mode, "float32")
        for shape in ((), (0,), (3,), (2, 3), (1, 2, 3)):
            (output,) = call(backend.tensor(array(np.zeros(shape), "float32")))
            assert backend.array(output).bits.shape == shape


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_framework_lacks_is_named(name: str) -> None:
    adapter(name)
    with pytest.raises(ValueError, match="default"):
        registry.backend(name)("no such configuration", "cpu", 1)
    with pytest.raises(ValueError, match=r"(?i)no.* cuda|device 'cuda'"):
        registry.backend(name)("default", "cuda", 1)
    with pytest.raises(ValueError, match="eager"):
        adapter(name).prepare(binding_of(name, PLAIN[name]), {}, "value", "no such mode", "float32")


@pytest.mark.parametrize("name", PACKAGES)
def test_versions_begin_with_the_framework(name: str) -> None:
    versions = adapter(name).versions()
    assert next(iter(versions)) == name
    assert all(version[0].isdigit() for version in versions.values())


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_our_own_functions_refuse_integers(dtype: str) -> None:
    numpy = adapter("numpy")
    given: Any = numpy.tensor(Array(np.ones(2, {"int32": np.uint32, "bool": np.uint8}[dtype]), dtype))
    for binding in (b for b in numpy.bindings if b.remark == "ours"):
        for quantity in ("value", "gradient"):
            with pytest.raises(TypeError, match="float16, bfloat16, float32, float64"):
                numpy.prepare(binding, {}, quantity, "eager", dtype)(given)
