"""Every binding is what the installed packages offer: it resolves, computes its function, and has their defaults."""

from __future__ import annotations

import inspect
import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

import pytest

from conformance import registry
from conformance.standard import FUNCTIONS
from tests.truth.definitions_mpmath import orders_of

from .adapters import PACKAGES, NotProvided, NotSupported, adapter, array, ask, bindings, numbers, resolve

# The frameworks deprecate things in their own code; that is no concern of these tests.
pytestmark = pytest.mark.filterwarnings("ignore")

PARAMETERS = {
    "clipped_relu": {"negative_slope": 0.25, "max_value": 3.0, "threshold": 0.5},
    "leaky_relu": {"slope": 0.25},
    "prelu": {"slope": 0.375},
    "rrelu": {"lower": 0.125, "upper": 0.625},
    "threshold": {"threshold": 0.5, "value": -0.75},
    "elu": {"alpha": 1.5},
    "celu": {"alpha": 1.5},
    "silu": {"beta": 1.5},
    "softplus": {"beta": 2.0, "threshold": 3.0},
    "squareplus": {"b": 2.5},
    "hard_tanh": {"min": -0.5, "max": 1.5},
    "soft_shrink": {"threshold": 0.25},
    "hard_shrink": {"threshold": 0.25},
}
"""What is passed: numbers that are nobody's default and that no two parameters of a function have in common."""

POINTS = (-4.0, -0.75, 0.375, 2.25, 6.5)
"""On both sides of every kink and threshold, and on none."""

ORDERS = {"value": 0, "gradient": 1, "forward_gradient": 1, "second_derivative": 2}

LACKING = {
    ("tensorflow", "softsign", "forward_gradient"),
    ("tensorflow", "softsign", "second_derivative"),
    ("torch", "hard_sigmoid", "second_derivative"),
    ("torch", "rrelu", "forward_gradient"),  # of the in-place forms
}
"""Derivatives that a framework says it lacks; NumPy and SciPy have none at all."""


def points(function: str) -> list[float]:
    domain = FUNCTIONS[function].domain
    return [x for x in POINTS if domain is None or x > domain.low]


def parameters_of(binding: Any) -> dict[str, float]:
    """All parameters of the function: those passed, and those that the entry point fixes."""
    return {**PARAMETERS.get(binding.function, {}), **binding.fixed}


def arguments_of(binding: Any, parameters: Mapping[str, float]) -> tuple[list[Any], dict[str, float]]:
    """Operands and keywords with which an entry point is asked with these parameters."""
    operands = [array([parameters[name]], "float32") for name in binding.operands]
    return operands, {keyword: parameters[name] for name, keyword in binding.parameters.items()}


def expected(binding: Any, parameters: Mapping[str, float], quantity: str) -> list[float]:
    return [float(orders_of(binding.function, x, parameters)[ORDERS[quantity]]) for x in points(binding.function)]


def near(result: Any, expected: list[float], quantity: str) -> bool:
    if result is None:  # a derivative that does not depend on x
        return quantity != "value" and not any(expected)
    # Whether it is the function: how accurate it is, the suite measures.
    return bool(result.dtype == "float32" and numbers(result) == pytest.approx(expected, rel=1e-5, abs=1e-5))


def modes_of(backend: Any, quantity: str) -> list[str]:
    """The fast modes. XLA in TensorFlow takes half a second for each new graph: of the derivatives one will do."""
    slow = {*backend.slow_modes, *(("compiled",) if backend.name == "tensorflow" and ORDERS[quantity] > 1 else ())}
    if backend.name == "tensorflow" and quantity == "forward_gradient":
        slow.add("compiled")
    return [mode for mode in backend.modes if mode not in slow]


@pytest.mark.parametrize("quantity", ORDERS)
@pytest.mark.parametrize(("name", "binding"), bindings(drawn=False))
def test_a_binding_computes_its_function_in_every_mode(name: str, binding: Any, quantity: str) -> None:
    backend = adapter(name)
    parameters = parameters_of(binding)
    operands, arguments = arguments_of(binding, parameters)
    given, wanted = array(points(binding.function), "float32"), expected(binding, parameters, quantity)
    for mode in modes_of(backend, quantity):
        try:
            result = ask(backend, binding, quantity, mode, given, operands, **arguments)
        except NotSupported:
            assert quantity != "value"
            assert (name, binding.function, quantity) in LACKING or binding.entry_point.startswith(("scipy.", "numpy."))
            continue
        assert near(result, wanted, quantity), f"{mode}: {numbers(result)} where {wanted} are due"


def test_the_points_tell_the_parameters_apart() -> None:
    """Otherwise a binding that drops a parameter, or swaps two of them, would pass."""
    for name, function in FUNCTIONS.items():
        defaults, chosen = function.defaults(), PARAMETERS.get(name, {})
        assert set(chosen) == set(defaults)
        wrong = [{**chosen, parameter: default} for parameter, default in defaults.items()]
        wrong += [{**chosen, a: chosen[b], b: chosen[a]} for a, b in itertools.combinations(chosen, 2)]
        right = values_of(name, chosen)
        for other in wrong:
            symmetric = name == "rrelu" and sorted(other.values()) == sorted(chosen.values())  # the middle of both
            assert symmetric or values_of(name, other) != pytest.approx(right, rel=1e-4), f"{name}: {other}"


def values_of(name: str, parameters: Mapping[str, float]) -> list[float]:
    return [float(orders_of(name, x, parameters)[0]) for x in points(name)]


@pytest.mark.parametrize(("name", "binding"), bindings(drawn=False, bare=True))
def test_a_bare_call_has_the_documented_defaults(name: str, binding: Any) -> None:
    backend = adapter(name)
    given = array(points(binding.function), "float32")
    wanted = expected(binding, {**binding.fixed, **binding.defaults}, "value")
    result = ask(backend, binding, "value", "eager", given)
    assert near(result, wanted, "value"), f"{numbers(result)} where {wanted} are due"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_binding_accounts_for_every_parameter_once(name: str) -> None:
    for binding in registry.backend(name).bindings:
        named = [*binding.parameters, *binding.fixed, *binding.operands]
        assert sorted(named) == sorted(p.name for p in FUNCTIONS[binding.function].parameters), binding.id
        assert set(binding.defaults) in ({*binding.parameters, *binding.operands}, set()), binding.id
        assert binding.form in ("function", "layer", "inplace", "inplace_layer"), binding.id
        assert binding.documentation.startswith("https://") or binding.remark == "ours", binding.id


@pytest.mark.parametrize("name", PACKAGES)
def test_a_binding_is_asked(name: str) -> None:
    """A fixed value that is not among the standard's samples would leave an entry point without a case."""
    for binding in registry.backend(name).bindings:
        samples = FUNCTIONS[binding.function].samples()
        assert any(all(sample[p] == value for p, value in binding.fixed.items()) for sample in samples), binding.id


@pytest.mark.parametrize(("name", "binding"), bindings(keywords=True))
def test_documented_defaults_are_the_signatures(name: str, binding: Any) -> None:
    adapter(name)
    written = signature_of(binding.entry_point)
    if binding.defaults:
        assert {p: written[k] for p, k in binding.parameters.items()} == dict(binding.defaults)
    else:
        assert [k for k in binding.parameters.values() if k in written] == []  # all of them are required


def signature_of(entry_point: str) -> dict[str, float]:
    """The defaults of an entry point's keywords: of its signature; of a builtin, what its docstring or its schema says."""
    found = resolve(entry_point)
    try:
        signature = inspect.signature(found).parameters
    except ValueError:
        text = re.search(r"\((.*?)\) ->", found.__doc__ or "")
        if text:
            return {name: _number(value) for name, value in re.findall(r"(\w+)\s*=\s*([-\d./e]+)", text.group(1))}
        return _schema(entry_point.rpartition(".")[2])
    given = {name: parameter.default for name, parameter in signature.items()}
    # No maximum is spelt None.
    return {k: math.inf if v is None else v for k, v in given.items() if v is None or isinstance(v, (int, float))}


def _number(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)


def _schema(operator: str) -> dict[str, float]:
    (schema,) = (s for s in _schemas(operator) if s.overload_name == "")
    return {a.name: float(a.default_value) for a in schema.arguments if isinstance(a.default_value, (int, float))}


def _schemas(operator: str) -> list[Any]:
    found: list[Any] = resolve("torch._C._jit_get_schemas_for_operator")(f"aten::{operator}")
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_ids_are_unique(name: str) -> None:
    ids = [(binding.function, binding.id) for binding in registry.backend(name).bindings]
    assert len(set(ids)) == len(ids)


def test_what_does_not_exist_is_not_provided() -> None:
    for entry_point in ("numpy.no_such_function", "no_such_package.relu"):
        with pytest.raises(NotProvided, match=re.escape(entry_point)):
            resolve(entry_point)


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
                # What gives back what it got has nothing to refuse.
                accepted = error is None and binding.function != "identity"
                assert not accepted, f"{binding.id} accepts {operands} {keywords} when {mode}"
                assert error is None or _said(backend, error) == []


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
