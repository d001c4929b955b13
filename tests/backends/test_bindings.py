"""Every binding is what the installed packages offer: it resolves, computes its function, and has their defaults."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import pytest

from conformance import registry
from conformance.standard import FUNCTIONS

from .adapters import PACKAGES, NotProvided, NotSupported, adapter, array, ask, bindings, installed, numbers, resolve

# The frameworks deprecate things in their own code; that is no concern of these tests.
pytestmark = pytest.mark.filterwarnings("ignore")

SLOPE, BETA, THRESHOLD = 0.25, 2.0, 20.0
PHI = math.erfc(-2 / math.sqrt(2)) / 2
DENSITY = math.exp(-2) / math.sqrt(2 * math.pi)
S = 1 / (1 + math.exp(-2))
CLOSED = {
    "relu": (2.0, 1.0, 0.0),
    "leaky_relu": (2.0, 1.0, 0.0),
    "hard_swish": (10 / 6, 7 / 6, 1 / 3),
    "sigmoid": (S, S * (1 - S), S * (1 - S) * (1 - 2 * S)),
    "gelu": (2 * PHI, PHI + 2 * DENSITY, -2 * DENSITY),
}
"""Value and two derivatives at 2."""
ORDERS = {"value": 0, "gradient": 1, "forward_gradient": 1, "second_derivative": 2}


def closed(function: str, beta: float, order: int) -> float:
    if function != "softplus":
        return CLOSED[function][order]
    s = 1 / (1 + math.exp(-2 * beta))
    return (math.log1p(math.exp(2 * beta)) / beta, s, beta * s * (1 - s))[order]


def arguments_of(binding: Any) -> dict[str, float]:
    chosen = {"slope": SLOPE, "beta": BETA, "threshold": THRESHOLD}
    return {keyword: chosen[name] for name, keyword in binding.parameters.items()}


@pytest.mark.parametrize("quantity", ORDERS)
@pytest.mark.parametrize(("name", "binding"), bindings())
def test_a_binding_computes_its_function_in_every_mode(name: str, binding: Any, quantity: str) -> None:
    backend = adapter(name)
    expected = closed(binding.function, BETA if "beta" in binding.parameters else 1.0, ORDERS[quantity])
    for mode in (mode for mode in backend.modes if mode not in backend.slow_modes):
        try:
            result = ask(backend, binding, quantity, mode, array([2.0, 2.0], "float32"), **arguments_of(binding))
        except NotSupported:
            assert quantity != "value"
            assert binding.entry_point.startswith("scipy.")
            continue
        assert result is not None
        assert result.dtype == "float32"
        assert numbers(result) == pytest.approx([expected] * 2, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize(("name", "binding"), bindings("slope"))
def test_bound_slopes_are_used(name: str, binding: Any) -> None:
    backend = adapter(name)
    given = array([-2.0], "float32")
    slope = binding.fixed.get("slope", SLOPE)
    bare = binding.fixed.get("slope", binding.defaults.get("slope"))
    asked = ask(backend, binding, "value", "eager", given, **arguments_of(binding))
    assert asked is not None
    assert numbers(asked) == pytest.approx([-2 * slope])
    default = ask(backend, binding, "value", "eager", given)
    assert default is not None
    assert numbers(default) == pytest.approx([-2 * bare])


@pytest.mark.parametrize(("name", "binding"), bindings())
def test_a_binding_accounts_for_every_parameter_once(name: str, binding: Any) -> None:
    parameters = {parameter.name for parameter in FUNCTIONS[binding.function].parameters}
    assert set(binding.parameters) | set(binding.fixed) == parameters
    assert set(binding.parameters).isdisjoint(binding.fixed)
    assert set(binding.defaults) == set(binding.parameters)
    assert binding.form in ("function", "layer", "inplace", "inplace_layer")
    assert binding.documentation.startswith("https://") or binding.remark == "ours"


@pytest.mark.parametrize(("name", "binding"), [*bindings("slope"), *bindings("beta")])
def test_documented_defaults_are_the_signatures(name: str, binding: Any) -> None:
    adapter(name)
    found = resolve(binding.entry_point)
    try:
        signature = inspect.signature(found).parameters
    except ValueError:  # a builtin: PyTorch writes its signature into the first lines of the docstring
        text = re.search(r"\((.*?)\) ->", found.__doc__ or "")
        assert text, f"{binding.id} has neither a signature nor one in its docstring"
        written = dict(re.findall(r"(\w+)\s*=\s*([-\d.e]+)", text.group(1)))
        assert {p: float(written[k]) for p, k in binding.parameters.items()} == dict(binding.defaults)
        return
    assert {p: signature[k].default for p, k in binding.parameters.items()} == dict(binding.defaults)


@pytest.mark.parametrize("name", PACKAGES)
def test_ids_are_unique(name: str) -> None:
    ids = [(binding.function, binding.id) for binding in registry.backend(name).bindings]
    assert len(set(ids)) == len(ids)


def test_what_does_not_exist_is_not_provided() -> None:
    for entry_point in ("numpy.no_such_function", "no_such_package.relu"):
        with pytest.raises(NotProvided, match=re.escape(entry_point)):
            resolve(entry_point)


NAMES = re.compile(
    r"relu_?|leaky_?relu_?|sigmoid_?|expit|logistic|gelu_?|softplus_?|hard_?(swish|silu)_?", re.IGNORECASE
)
PLACES = {
    "numpy": ("numpy", "scipy.special"),
    "torch": ("torch", "torch.Tensor", "torch.special", "torch.nn", "torch.nn.functional"),
    "tensorflow": ("tensorflow", "tensorflow.nn", "tensorflow.math", "keras.activations", "keras.ops", "keras.layers"),
    "jax": ("jax", "jax.nn", "jax.numpy", "jax.lax", "jax.scipy.special"),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_the_packages_export_is_bound(name: str) -> None:
    adapter(name)
    bound = {binding.entry_point for binding in registry.backend(name).bindings}
    exported = {f"{place}.{found}" for place in PLACES[name] for found in dir(resolve(place)) if NAMES.fullmatch(found)}
    assert exported
    assert exported - bound == set()


def test_the_keras_inside_tensorflow_is_keras() -> None:
    adapter("tensorflow")
    for place in ("activations", "layers"):
        inside, outside = resolve(f"tensorflow.keras.{place}"), installed(f"keras.{place}")
        same = [found for found in dir(outside) if NAMES.fullmatch(found)]
        assert same
        assert all(getattr(inside, found) is getattr(outside, found) for found in same)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wrong_argument_of_ours_is_never_called_unsupported(name: str) -> None:
    backend = adapter(name)
    given = backend.tensor(array([1.0], "float32"))
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((None,), {}), (("text",), {}), ((), {}), ((object(),), {}), ((given,), {"no_such_keyword": 1}),
    ]  # fmt: skip
    for binding in backend.bindings:
        for mode in (mode for mode in backend.modes if mode not in backend.slow_modes):
            for operands, keywords in wrong:
                error = _refusal(backend, binding, mode, operands, keywords)
                assert error is not None, f"{binding.id} accepts {operands} {keywords} when {mode}"
                assert _said(backend, error) == []


def _refusal(
    backend: Any, binding: Any, mode: str, operands: tuple[Any, ...], keywords: dict[str, Any]
) -> Exception | None:
    try:
        backend.prepare(binding, keywords, "value", mode, "float32")(*operands)
    except Exception as error:
        return error
    return None


def _said(backend: Any, error: BaseException) -> list[str]:
    text = f"{type(error).__name__}: {error}"
    return [f"{pattern!r} matches {text[:300]}" for pattern in backend.not_supported if re.search(pattern, text)]
