"""TensorFlow's and Keras' functions of several tensors: what prepare_tensors gives is what a call by hand gives; scripts repeat it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FLOAT32, hexadecimal, round_to
from conformance.standard import TENSOR_FUNCTIONS

from .adapters import NotSupported, adapter, array, numbers, resolve
from .test_reproducers_of_tensors import run

pytestmark = pytest.mark.filterwarnings("ignore")

BINDINGS = {(binding.function, binding.id): binding for binding in registry.backend("tensorflow").tensor_bindings}
LOGITS = np.array([[0.5, -1.0, 2.0, 0.25], [1.5, 0.75, -0.5, -2.0], [-1.0, 3.0, 0.125, 1.0]])
TARGET = np.array([[0.25, 0.25, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], [0.5, 0.125, 0.125, 0.25]])
WEIGHT = np.array([0.5, 2.0, 1.25])
DIRECTION = np.array([[1.0, -0.5, 2.0, 0.25], [-1.0, 0.5, 0.5, 4.0], [2.0, 1.0, -0.25, 1.0]])
SOFT = BINDINGS["soft_cross_entropy", "tensorflow.nn.softmax_cross_entropy_with_logits"]
CLASS = BINDINGS["soft_cross_entropy", "keras.losses.CategoricalCrossentropy(from_logits=True)"]
HUBER = BINDINGS["huber", "keras.losses.Huber"]


def tensors(*given: Any) -> list[Any]:
    backend = adapter("tensorflow")
    return [backend.tensor(array(one, "float32")) for one in given]


def asked(
    binding: Any, keywords: dict[str, Any], names: list[str], quantity: str, wrt: str, mode: str, *given: Any
) -> list[Any]:
    """The results as lists of numbers; None stays None."""
    backend = adapter("tensorflow")
    results = backend.prepare_tensors(binding, keywords, names, quantity, wrt, mode, "float32")(*tensors(*given))
    return [None if one is None else numbers(backend.array(one)) for one in results]


def shares() -> np.ndarray:
    powers = np.exp(LOGITS)
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result


def test_a_binding_says_each_thing_once_and_of_functions_that_there_are() -> None:
    for binding in BINDINGS.values():
        function = TENSOR_FUNCTIONS[binding.function]
        given, options = {argument.name for argument in function.arguments}, set(function.defaults())
        assert set(binding.taken()) <= given | ({"weight"} if function.weighted else set()), binding.id
        said = [*binding.parameters, *binding.fixed, *binding.recognised]
        assert len(set(said)) == len(said)
        assert options - {"axis"} <= set(said) <= options, binding.id
        assert set(binding.defaults) <= set(binding.parameters)


@pytest.mark.parametrize("binding", BINDINGS.values(), ids=lambda binding: f"{binding.function}-{binding.id}")
def test_defaults_and_keywords_are_those_of_the_signature(binding: Any) -> None:
    adapter("tensorflow")
    signature = inspect.signature(resolve(binding.entry_point)).parameters
    for option, keyword in binding.parameters.items():
        default = signature[keyword].default
        if option not in binding.defaults:
            # Without a default, or with one that means another function: all axes at once.
            assert default in (inspect.Parameter.empty, None)
        elif default is not None:
            # None is what the documentation says: the last axis, the blank 0, the first dimension.
            value = binding.defaults[option]
            assert binding.spelt.get(option, {}).get(str(value), value) == default
    assert all(keyword in signature or binding.form == "layer" for keyword in binding.keywords)


@pytest.mark.parametrize("mode", ["eager", "graph", "compiled"])
def test_value_and_derivatives_are_those_of_the_formula(mode: str) -> None:
    names, cotangent, p = ["logits", "target"], [1.0, -2.0, 0.5], shares()
    value = -(TARGET * np.log(p)).sum(axis=1)
    slope = (p * TARGET.sum(axis=1, keepdims=True) - TARGET) * np.array(cotangent)[:, None]
    curved = p * (DIRECTION - (p * DIRECTION).sum(axis=1, keepdims=True)) * np.array(cotangent)[:, None]
    for wrt, due in (("logits", slope), ("target", -np.log(p) * np.array(cotangent)[:, None])):
        found = asked(SOFT, {"axis": -1}, names, "gradient", wrt, mode, LOGITS, TARGET, cotangent)
        assert found[0] == pytest.approx(due.ravel(), rel=1e-5)
    assert asked(SOFT, {"axis": -1}, names, "value", "", mode, LOGITS, TARGET)[0] == pytest.approx(value, rel=1e-5)
    found = asked(SOFT, {"axis": -1}, names, "hessian_vector", "logits", mode, LOGITS, TARGET, cotangent, DIRECTION)
    assert found[0] == pytest.approx(curved.ravel(), rel=1e-5, abs=1e-6)
    if mode == "eager":
        found = asked(SOFT, {"axis": -1}, names, "forward_gradient", "logits", mode, LOGITS, TARGET, DIRECTION)
        assert found[0] == pytest.approx(((p - TARGET) * DIRECTION).sum(axis=1), rel=1e-5)


def test_a_class_takes_weights_and_reduces_as_it_is_spelt() -> None:
    losses = -(TARGET * np.log(shares())).sum(axis=1)
    names = ["logits", "target", "weight"]
    due = {"none": WEIGHT * losses, "sum": [(WEIGHT * losses).sum()], "mean": [(WEIGHT * losses).mean()]}
    due["weighted_mean"] = [(WEIGHT * losses).sum() / WEIGHT.sum()]
    for reduction, word in CLASS.spelt["reduction"].items():
        keywords = {"reduction": word, "label_smoothing": 0.0, "axis": -1}
        found = asked(CLASS, keywords, names, "value", "", "eager", LOGITS, TARGET, WEIGHT)
        assert found[0] == pytest.approx(due[reduction], rel=1e-5)


def test_a_layer_computes_in_the_dtype_that_is_asked() -> None:
    backend = adapter("tensorflow")
    given = [backend.tensor(array(one, "float64")) for one in (LOGITS, TARGET)]
    call = backend.prepare_tensors(
        HUBER, {"reduction": "none"}, ["prediction", "target"], "value", "", "eager", "float64"
    )
    assert backend.array(call(*given)[0]).dtype == "float64"


def test_a_derivative_that_is_missing_is_none() -> None:
    hinge = BINDINGS["hinge", "keras.losses.hinge"]
    found = asked(hinge, {}, ["prediction", "target"], "hessian_vector", "prediction", "eager", LOGITS, np.sign(LOGITS), WEIGHT, DIRECTION)  # fmt: skip
    assert found == [None]


def test_copies_are_four_and_a_function_has_none() -> None:
    names, keywords = ["logits", "target"], {"reduction": "sum", "label_smoothing": 0.25, "axis": -1}
    (due,) = asked(CLASS, keywords, names, "value", "", "eager", LOGITS, TARGET)
    assert asked(CLASS, keywords, names, "copied", "", "eager", LOGITS, TARGET) == [due] * 4
    with pytest.raises(NotSupported, match="no state to copy"):
        asked(SOFT, {}, names, "copied", "", "eager", LOGITS, TARGET)


def test_a_tensor_that_the_entry_point_does_not_take_is_told() -> None:
    with pytest.raises(ValueError, match="takes no class_weight; it takes logits, target"):
        asked(SOFT, {}, ["logits", "target", "class_weight"], "value", "", "eager", LOGITS, TARGET, WEIGHT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantity", "mode"),
    [("value", "eager"), ("gradient", "graph"), ("hessian_vector", "compiled"), ("forward_gradient", "eager"), ("copied", "eager")],
)  # fmt: skip
def test_a_script_prints_what_the_adapter_saw(quantity: str, mode: str, tmp_path: Path) -> None:
    names, keywords = ["logits", "target", "weight"], {"reduction": "none", "label_smoothing": 0.25, "axis": -1}
    extra = {"gradient": [WEIGHT], "hessian_vector": [WEIGHT, DIRECTION], "forward_gradient": [DIRECTION]}.get(
        quantity, []
    )
    wrt = "" if quantity in ("value", "copied") else "logits"
    seen = asked(CLASS, keywords, names, quantity, wrt, mode, LOGITS, TARGET, WEIGHT, *extra)

    def plain(given: Any) -> Any:
        return "float32", [int(bits) for bits in round_to(np.ravel(given), FLOAT32)], given.shape

    cotangent = plain(WEIGHT) if quantity in ("gradient", "hessian_vector") else None
    direction = plain(DIRECTION) if quantity in ("forward_gradient", "hessian_vector") else None
    script = registry.backend("tensorflow").tensor_reproducer(
        CLASS, keywords, names, quantity, wrt, mode, "default", [plain(one) for one in (LOGITS, TARGET, WEIGHT)], cotangent, direction
    )  # fmt: skip
    printed = {line.split()[3] for line in run(script, tmp_path, False) if line.startswith("y")}
    assert printed == {hexadecimal(int(bits), FLOAT32) for one in seen for bits in round_to(np.array(one), FLOAT32)}


@pytest.mark.parametrize("binding", BINDINGS.values(), ids=lambda binding: f"{binding.function}-{binding.id}")
def test_a_script_can_be_written_without_the_framework(binding: Any) -> None:
    names = list(binding.taken())
    given: list[Any] = [("int32" if name in ("labels",) else "bfloat16", [1, 2], (2,)) for name in names]
    for quantity in ("value", "gradient", "forward_gradient", "hessian_vector", "copied"):
        script = registry.backend("tensorflow").tensor_reproducer(
            binding, dict.fromkeys(binding.parameters.values(), 0.5), names, quantity, names[0], "graph", "default", given, given[0], given[0]
        )  # fmt: skip
        compile(script, "reproducer", "exec")


@pytest.mark.parametrize(("quantity", "more"), [("gradient", 1), ("forward_gradient", 1), ("hessian_vector", 2)])
def test_one_tensor_for_two_arguments_is_differentiated_in_one_of_them(quantity: str, more: int) -> None:
    # The worker keeps equal tensors once. Were both differentiated, the derivative of (p − t)² would vanish, twice.
    backend, binding = adapter("tensorflow"), BINDINGS["poisson_nll", "keras.losses.poisson"]
    ask = backend.prepare_tensors(binding, {}, ["prediction", "target"], quantity, "target", "eager", "float32")
    (same,) = tensors(np.array([[1.5]]))
    one = tensors(np.array([[1.0]] if quantity == "forward_gradient" else [1.0]), np.array([[1.0]]))[:more]
    (shared,) = ask(same, same, *one)
    (apart,) = ask(same, *tensors(np.array([[1.5]])), *one)
    assert (shared is None) == (apart is None)
    if apart is not None:
        assert numbers(backend.array(shared)) == numbers(backend.array(apart))
