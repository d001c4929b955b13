"""JAX's adapter of functions of tensors: derivatives of a known function, tensors as arguments, scripts, and bindings as data."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FLOAT32, hexadecimal
from conformance.standard import TENSOR_FUNCTIONS

from .adapters import BITS, Array, NotSupported, adapter, array, numbers, resolve
from .test_reproducers_of_tensors import run

pytestmark = pytest.mark.filterwarnings("ignore")

BINDINGS = registry.backend("jax").tensor_bindings
QUANTITIES = ("value", "gradient", "forward_gradient", "hessian_vector")
PREDICTION, TARGET = [1.0, -2.0, 0.5], [0.5, 1.0, -1.0]
COTANGENT, DIRECTION = [4.0, -0.5, 2.0], [1.0, 3.0, -2.0]
DUE = {
    "value": [0.125, 4.5, 1.125],
    "gradient": [2.0, 1.5, 3.0],
    "forward_gradient": [0.5, -9.0, -3.0],
    "hessian_vector": [4.0, -1.5, -4.0],
}
"""Of half a squared error, by hand: l = d²/2, cotangent·d, direction·d, cotangent·direction, with d = prediction − target."""


def binding_of(entry_point: str, function: str = "") -> Any:
    return next(b for b in BINDINGS if b.entry_point == entry_point and function in ("", b.function))


def given_with(quantity: str) -> list[Any]:
    extra = {
        "gradient": [COTANGENT],
        "forward_gradient": [DIRECTION],
        "hessian_vector": [COTANGENT, DIRECTION],
    }.get(quantity, [])
    return [array(numbers, "float32") for numbers in (PREDICTION, TARGET, *extra)]


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_derivatives_of_half_a_squared_error(quantity: str, mode: str) -> None:
    jax = adapter("jax")
    binding, names = binding_of("optax.losses.l2_loss"), ("prediction", "target")
    call = jax.prepare_tensors(binding, {}, names, quantity, "prediction", mode, "float32")
    tensors = [jax.tensor(given) for given in given_with(quantity)]
    (output,) = call(*tensors)
    assert numbers(jax.array(output)) == DUE[quantity]
    if quantity == "value":  # the tensors are arguments, and no constants of what was compiled
        (output,) = call(tensors[0], tensors[0])
        assert numbers(jax.array(output)) == [0.0, 0.0, 0.0]


def test_the_derivative_is_in_the_argument_that_is_named() -> None:
    jax = adapter("jax")
    binding, names = binding_of("optax.losses.l2_loss"), ("target", "prediction")
    call = jax.prepare_tensors(binding, {}, names, "gradient", "target", "eager", "float32")
    prediction, target, cotangent = (jax.tensor(given) for given in given_with("gradient"))
    (output,) = call(target, prediction, cotangent)
    assert numbers(jax.array(output)) == [-number for number in DUE["gradient"]]


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_a_derivative_in_an_integer_is_missing(mode: str) -> None:
    jax = adapter("jax")
    binding = binding_of("optax.losses.multiclass_perceptron_loss")
    call = jax.prepare_tensors(binding, {}, ("scores", "labels"), "gradient", "labels", mode, "float32")
    labels = Array(np.array([1], BITS["int32"]), "int32")
    outputs = call(jax.tensor(array([[1.0, 2.0]], "float32")), jax.tensor(labels), jax.tensor(array([1.0], "float32")))
    assert outputs == (None,)


def test_masks_factories_and_several_results() -> None:
    jax = adapter("jax")
    x, mask = (
        jax.tensor(array([[1.0, 1.0, 700.0]], "float32")),
        jax.tensor(Array(np.array([[1, 1, 0]], np.uint8), "bool")),
    )
    softmax = jax.prepare_tensors(
        binding_of("jax.nn.softmax"), {"axis": -1}, ("x", "where"), "value", "", "eager", "float32"
    )
    assert numbers(jax.array(softmax(x, mask)[0])) == [0.5, 0.5, 0.0]
    several = jax.prepare_tensors(
        binding_of("jax.nn.softmax"), {"axis": [0, 1]}, ("x",), "value", "", "compiled", "float32"
    )
    assert numbers(jax.array(several(x)[0])) == [0.0, 0.0, 1.0]
    made = binding_of("optax.losses.make_fenchel_young_loss")
    loss = jax.prepare_tensors(made, {}, ("scores", "target"), "value", "", "eager", "float32")
    scores, target = jax.tensor(array([[0.0, 0.0]], "float32")), jax.tensor(array([[1.0, 0.0]], "float32"))
    assert numbers(jax.array(loss(scores, target)[0])) == pytest.approx([np.log(2)])
    ctc = binding_of("optax.losses.ctc_loss_with_forward_probs")
    names = ("labels", "logits", "input_length", "label_length")
    tensors = [
        jax.tensor(Array(np.array([[1]], BITS["int32"]), "int32")),
        *(jax.tensor(array(np.zeros(shape), "float32")) for shape in ((1, 1, 2), (1, 1), (1, 1))),
    ]
    outputs = jax.prepare_tensors(ctc, {"blank_id": 0}, names, "value", "", "eager", "float32")(*tensors)
    assert [numbers(jax.array(output)) for output in outputs] == [pytest.approx([np.log(2)])]


def test_what_cannot_be_asked_is_named() -> None:
    jax, binding = adapter("jax"), binding_of("optax.losses.l2_loss")
    with pytest.raises(NotSupported, match="no state"):
        jax.prepare_tensors(binding, {}, ("prediction",), "copied", "", "eager", "float32")
    with pytest.raises(ValueError, match="takes no 'weight'; it takes prediction, target"):
        jax.prepare_tensors(binding, {}, ("prediction", "weight"), "value", "", "eager", "float32")
    with pytest.raises(ValueError, match="no argument 'target' to differentiate in; this call has prediction"):
        jax.prepare_tensors(binding, {}, ("prediction",), "gradient", "target", "eager", "float32")
    with pytest.raises(ValueError, match="known are value, copied, gradient"):
        jax.prepare_tensors(binding, {}, ("prediction",), "second_derivative", "prediction", "eager", "float32")
    with pytest.raises(ValueError, match="eager"):
        jax.prepare_tensors(binding, {}, ("prediction",), "value", "", "graph", "float32")


def test_a_binding_accounts_for_every_argument_and_option_once() -> None:
    for binding in BINDINGS:
        function = TENSOR_FUNCTIONS[binding.function]
        assert sorted([*binding.parameters, *binding.fixed]) == sorted(function.defaults()), binding.id
        known = {argument.name for argument in function.arguments}
        assert {a.name for a in function.arguments if not a.optional} <= set(binding.taken()) <= known, binding.id
        assert set(binding.defaults) <= set(binding.parameters), binding.id
        assert set(binding.spelt) <= set(binding.parameters), binding.id
        assert binding.documentation.startswith("https://"), binding.id


def test_ids_are_unique() -> None:
    ids = [(binding.function, binding.id) for binding in BINDINGS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: f"{binding.function}-{binding.id}")
def test_keywords_and_defaults_are_the_signatures(binding: Any) -> None:
    adapter("jax")
    signature = inspect.signature(resolve(binding.entry_point)).parameters
    keywords = {
        **dict.fromkeys(binding.named.values()),
        **dict.fromkeys(binding.parameters.values()),
        **binding.keywords,
    }
    known = set(signature)
    if binding.entry_point.endswith("convex_kl_divergence"):  # optax wraps what is deprecated
        return
    assert set(keywords) <= known
    if binding.function != "fenchel_young":
        order = [name for name in signature if name not in keywords][: len(binding.positional)]
        assert order == list(signature)[: len(binding.positional)]
    for option, default in binding.defaults.items():
        written = signature[binding.parameters[option]].default
        assert written == _spelt(binding, option, default), option
    required = [o for o, k in binding.parameters.items() if signature[k].default is inspect.Parameter.empty]
    assert not set(required) & set(binding.defaults)


def _spelt(binding: Any, option: str, value: Any) -> Any:
    passed = binding.spelt.get(option, {}).get(str(value), value)
    return resolve(passed[len("callable:") :]) if str(passed).startswith("callable:") else passed


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: f"{binding.function}-{binding.id}")
def test_a_script_can_be_written_for_every_question(binding: Any) -> None:
    write = registry.backend("jax").tensor_reproducer
    names = binding.taken()
    arguments = {keyword: 0.5 for keyword in binding.parameters.values()}
    one: tuple[str, list[int], tuple[int, ...]] = ("bfloat16", [0, 1], (2, 1))
    for quantity in QUANTITIES:
        for mode in ("eager", "compiled"):
            script = write(binding, arguments, names, quantity, names[0], mode, "x64", [one] * len(names), one, one)
            compile(script, "reproducer", "exec")
            assert re.search(
                r"^import optax\.losses$" if "optax" in binding.entry_point else r"^import jax\.", script, re.M
            )


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["value", "gradient", "hessian_vector"])
def test_a_script_prints_what_the_adapter_saw(quantity: str, tmp_path: Path) -> None:
    adapter("jax")
    given = [(item.dtype, [int(one) for one in item.bits], item.bits.shape) for item in given_with("hessian_vector")]
    asked = {"value": (None, None), "gradient": (given[2], None), "hessian_vector": (given[2], given[3])}[quantity]
    script = registry.backend("jax").tensor_reproducer(
        binding_of("optax.losses.l2_loss"), {}, ("prediction", "target"), quantity, "prediction", "compiled", "default", given[:2], *asked
    )  # fmt: skip
    printed = [line.split()[3] for line in run(script, tmp_path, False) if line.startswith("y ")]
    assert printed == [hexadecimal(int(one), FLOAT32) for one in array(DUE[quantity], "float32").bits]
