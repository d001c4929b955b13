"""PyTorch's functions of several tensors: what prepare_tensors gives is what a call by hand gives, and scripts repeat it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conformance import registry
from conformance.standard import TENSOR_FUNCTIONS

from .adapters import NotSupported, adapter, resolve

pytestmark = pytest.mark.filterwarnings("ignore")

BINDINGS = registry.backend("torch").tensor_bindings
OPTIONAL = ("weight", "class_weight", "pos_weight", "linear_bias")
NOT_ASKED = ("reduction",)


def given(function: str) -> dict[str, Any]:
    """Small tensors, every dimension different, for every argument that PyTorch takes."""
    torch: Any = resolve("torch")

    torch.manual_seed(7)
    normal = torch.randn

    def labels(*shape: int) -> Any:
        return torch.randint(0, 5, shape)

    def share(*shape: int) -> Any:
        return 0.05 + 0.9 * torch.rand(*shape)

    def sign(*shape: int) -> Any:
        return torch.randint(0, 2, shape) * 2.0 - 1.0

    def pair(target: Any, *weights: str, name: str = "prediction", of: Any = normal) -> dict[str, Any]:
        return {name: of(2, 3), "target": target, **{weight: share(2, 3) for weight in weights}}

    several: dict[str, dict[str, Any]] = {
        "softmax2d": {"x": normal(2, 3, 4, 5)},
        "gumbel_softmax": {"logits": normal(3, 4)},
        "squared_error": pair(normal(2, 3), "weight"),
        "absolute_error": pair(normal(2, 3), "weight"),
        "huber": pair(normal(2, 3), "weight"),
        "smooth_l1": pair(normal(2, 3)),
        "poisson_nll": pair(3 * share(2, 3)),
        "gaussian_nll": pair(normal(2, 3), "variance"),
        "binary_cross_entropy": pair(share(2, 3), "weight", of=share),
        "binary_cross_entropy_with_logits": pair(share(2, 3), "weight", "pos_weight", name="logits"),
        "cross_entropy": {"logits": normal(3, 5, 2), "labels": labels(3, 2), "class_weight": share(5)},
        "soft_cross_entropy": {"logits": normal(3, 5, 2), "target": normal(3, 5, 2).softmax(1), "class_weight": share(5)},
        "nll": {"log_probabilities": normal(3, 5, 2).log_softmax(1), "labels": labels(3, 2), "class_weight": share(5)},
        "linear_cross_entropy": {
            "features": normal(3, 4), "linear_weight": normal(5, 4), "labels": labels(3), "linear_bias": normal(5), "class_weight": share(5),
        },
        "kl_divergence": pair(share(2, 3), name="log_prediction"),
        "soft_margin": pair(sign(2, 3)),
        "hinge_embedding": pair(sign(2, 3)),
        "margin_ranking": {"first": normal(2, 3), "second": normal(2, 3), "target": sign(2, 3)},
        "multi_margin": {"scores": normal(3, 5), "labels": labels(3), "class_weight": share(5)},
        "multilabel_margin": {"scores": normal(3, 5), "labels": torch.tensor([[3, 0, -1, 1, 2], [1, -1, 0, 0, 0], [-1, 0, 0, 0, 0]])},
        "multilabel_soft_margin": {"logits": normal(3, 5), "target": labels(3, 5) % 2 * 1.0, "class_weight": share(5)},
        "cosine_similarity": {"first": normal(3, 4), "second": normal(3, 4)},
        "pairwise_distance": {"first": normal(3, 4), "second": normal(3, 4)},
        "cosine_embedding": {"first": normal(3, 4), "second": normal(3, 4), "target": sign(3)},
        "triplet_margin": {"anchor": normal(3, 4), "positive": normal(3, 4), "negative": normal(3, 4)},
        "ctc": {
            "log_probabilities": normal(6, 3, 5).log_softmax(-1), "labels": torch.randint(1, 5, (3, 2)),
            "input_length": torch.tensor([6, 5, 6]), "label_length": torch.tensor([2, 1, 2]),
        },
    }  # fmt: skip
    return several.get(function, {"x": normal(3, 4)})


def keywords_of(binding: Any) -> dict[str, Any]:
    """The documented defaults, every result by itself, along axis 1."""
    spelt = {binding.parameters[option]: value for option, value in binding.defaults.items() if option not in NOT_ASKED}
    spelt.update({"dim": 1} if "axis" in binding.parameters else {})
    return {**spelt, **({"reduction": "none"} if "reduction" in binding.parameters else {})}


def by_hand(binding: Any, tensors: Mapping[str, Any], keywords: Mapping[str, Any]) -> Any:
    """The call as the documentation's examples write it, without the adapter."""
    torch: Any = resolve("torch")
    functional = torch.nn.functional

    named = {"weight": "weight", "class_weight": "weight", "pos_weight": "pos_weight", "linear_bias": "linear_bias"}
    extra = {named[name]: tensor for name, tensor in tensors.items() if name in named}
    main = [tensor for name, tensor in tensors.items() if name not in named]
    if binding.function == "linear_cross_entropy":
        options = torch.nn.LinearCrossEntropyOptions() if "options" in binding.keywords else None
        return functional.linear_cross_entropy(*main, **extra, **keywords, options=options)
    distance = {"distance_function": torch.nn.PairwiseDistance()} if "distance_function" in binding.keywords else {}
    found: Any = torch
    for part in binding.entry_point.split(".")[1:]:
        found = getattr(found, part)
    if isinstance(found, type) and issubclass(found, torch.nn.Module):
        return found(**extra, **keywords, **distance)(*main)
    return found(*main, **extra, **keywords, **distance)


def asked(
    binding: Any, keywords: Mapping[str, Any], tensors: Mapping[str, Any], quantity: str, wrt: str, *extra: Any
) -> Any:
    """One question of the adapter. NotSupported where PyTorch says that it lacks something."""
    torch: Any = resolve("torch")

    backend = adapter("torch")
    call = backend.prepare_tensors(binding, keywords, list(tensors), quantity, wrt, "eager", "float32")
    torch.manual_seed(1)
    try:
        return call(*tensors.values(), *extra)
    except (RuntimeError, NotImplementedError) as error:
        text = f"{type(error).__name__}: {error}"
        if any(re.search(pattern, text) for pattern in backend.not_supported):
            raise NotSupported(text) from error
        raise


def calls(binding: Any) -> list[dict[str, Any]]:
    """The tensors of a call with all optional arguments, and of one with none but those required."""
    taken = {name: tensor for name, tensor in given(binding.function).items() if name in binding.taken()}
    least = {name: tensor for name, tensor in taken.items() if name not in OPTIONAL or name in binding.required}
    return [taken, least] if len(least) < len(taken) else [taken]


every_binding = pytest.mark.parametrize(
    "binding", [pytest.param(one, id=f"{one.function}-{one.id}") for one in BINDINGS]
)


@every_binding
def test_value_and_gradient_are_those_of_a_call_by_hand(binding: Any) -> None:
    adapter("torch")
    torch: Any = resolve("torch")

    keywords = keywords_of(binding)
    for tensors in calls(binding):
        torch.manual_seed(1)
        expected = by_hand(binding, tensors, keywords)
        (value,) = asked(binding, keywords, tensors, "value", "")
        assert torch.equal(value, expected)
        for wrt in (name for name, tensor in tensors.items() if tensor.is_floating_point()):
            cotangent = torch.arange(1.0, expected.numel() + 1).reshape(expected.shape)
            free = {name: tensor.clone().requires_grad_(name == wrt) for name, tensor in tensors.items()}
            try:
                (gradient,) = asked(binding, keywords, tensors, "gradient", wrt, cotangent)
            except NotSupported:
                with pytest.raises((RuntimeError, NotImplementedError)):
                    by_hand(binding, free, keywords)
                continue
            torch.manual_seed(1)
            loss = by_hand(binding, free, keywords)
            if loss.requires_grad:
                loss.backward(cotangent)
            due = free[wrt].grad
            assert (gradient is None) == (due is None)
            assert gradient is None or torch.allclose(gradient, due, rtol=1e-6, atol=1e-7)


@every_binding
def test_a_bare_call_has_the_documented_defaults(binding: Any) -> None:
    adapter("torch")
    torch: Any = resolve("torch")

    spelt = {binding.parameters[option]: _spelt(binding, option, value) for option, value in binding.defaults.items()}
    axis = {"dim": 1} if "axis" in binding.parameters and "axis" not in binding.defaults else {}
    for tensors in calls(binding):
        bare, full = (asked(binding, keywords, tensors, "value", "")[0] for keywords in (axis, {**axis, **spelt}))
        assert torch.equal(bare, full)


def _spelt(binding: Any, option: str, value: Any) -> Any:
    return binding.spelt[option][str(value)] if option in binding.spelt else value


@every_binding
def test_forward_derivatives_and_products_with_the_hessian_are_those_of_differences(binding: Any) -> None:
    adapter("torch")
    torch: Any = resolve("torch")

    keywords, step = keywords_of(binding), 1e-5
    tensors = {name: t.double() if t.is_floating_point() else t for name, t in calls(binding)[0].items()}
    (value,) = asked(binding, keywords, tensors, "value", "")
    cotangent = torch.arange(1.0, value.numel() + 1, dtype=torch.float64).reshape(value.shape)
    for wrt in (name for name, tensor in tensors.items() if tensor.is_floating_point()):
        direction = torch.cos(torch.arange(tensors[wrt].numel(), dtype=torch.float64)).reshape(tensors[wrt].shape)
        beside = [{**tensors, wrt: tensors[wrt] + sign * step * direction} for sign in (1, -1)]
        with contextlib.suppress(NotSupported):
            (forward,) = asked(binding, keywords, tensors, "forward_gradient", wrt, direction)
            above, below = (asked(binding, keywords, one, "value", "")[0] for one in beside)
            # None where PyTorch has no forward derivative and does not say so: a finding of the suite, not of the adapter.
            assert forward is None or torch.allclose(forward, (above - below) / (2 * step), rtol=1e-4, atol=1e-6)
        with contextlib.suppress(NotSupported):
            (product,) = asked(binding, keywords, tensors, "hessian_vector", wrt, cotangent, direction)
            above, below = (asked(binding, keywords, one, "gradient", wrt, cotangent)[0] for one in beside)
            assert product is None or torch.allclose(product, (above - below) / (2 * step), rtol=1e-4, atol=1e-6)


@every_binding
def test_layers_are_copied_and_functions_are_not(binding: Any) -> None:
    adapter("torch")
    torch: Any = resolve("torch")

    keywords = keywords_of(binding)
    for tensors in calls(binding):
        if binding.form != "layer":
            with pytest.raises(NotSupported, match="no object to copy"):
                asked(binding, keywords, tensors, "copied", "")
            continue
        (value,) = asked(binding, keywords, tensors, "value", "")
        copies = asked(binding, keywords, tensors, "copied", "")
        assert [torch.equal(copy, value) for copy in copies] == [True, True]


@every_binding
def test_scripts_print_what_the_adapter_saw(binding: Any) -> None:
    backend = adapter("torch")
    torch: Any = resolve("torch")

    keywords, tensors = keywords_of(binding), calls(binding)[0]
    wrt = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    (value,) = asked(binding, keywords, tensors, "value", "")
    cotangent, direction = torch.cos(1.0 + value), torch.cos(2.0 + tensors[wrt])
    extra: dict[str, tuple[Any, ...]] = {
        "value": (),
        "gradient": (cotangent,),
        "forward_gradient": (direction,),
        "hessian_vector": (cotangent, direction),
        "copied": (),
    }
    for quantity, others in extra.items():
        arguments = (binding, keywords, list(tensors), quantity, wrt)
        bits = [_bits(tensor) for tensor in tensors.values()]
        compile(backend.tensor_reproducer(*arguments, "compiled", "default", bits, None, None), "script", "exec")
        try:
            outputs = asked(binding, keywords, tensors, quantity, wrt, *others)
        except NotSupported:
            continue
        script = backend.tensor_reproducer(
            *arguments,
            "eager",
            "default",
            bits,
            _bits(cotangent) if quantity in ("gradient", "hessian_vector") else None,
            _bits(direction) if quantity in ("forward_gradient", "hessian_vector") else None,
        )
        due = {
            "None" if one is None else f"0x{bits:08x}"
            for one in outputs
            for bits in ([0] if one is None else _bits(one)[1])
        }
        assert _printed(script) == due


def _bits(tensor: Any) -> tuple[str, Sequence[int], Sequence[int]]:
    array = adapter("torch").array(tensor)
    return array.dtype, [int(one) for one in array.bits.ravel()], array.bits.shape


def _printed(script: str) -> set[str]:
    """The hexadecimal numbers of the results that a script prints."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        exec(compile(script, "script", "exec"), {})
    lines = [line.split() for line in written.getvalue().splitlines() if re.match(r"y[ \[]", line)]
    return {line[3] if len(line) > 3 else line[1] for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("entry_point", ["torch.nn.CrossEntropyLoss", "torch.nn.KLDivLoss"])
def test_a_compiled_layer_is_given_its_tensors_as_arguments(entry_point: str) -> None:
    """A weight that is changed between two calls changes the result and its derivative."""
    backend = adapter("torch")
    torch: Any = resolve("torch")

    binding = next(
        one
        for one in BINDINGS
        if one.entry_point == entry_point and one.function in ("soft_cross_entropy", "kl_divergence")
    )
    keywords, tensors = keywords_of(binding), calls(binding)[0]
    last = list(tensors)[-1]
    value = backend.prepare_tensors(binding, keywords, list(tensors), "value", "", "compiled", "float32")
    forward = backend.prepare_tensors(binding, keywords, list(tensors), "forward_gradient", last, "compiled", "float32")
    direction = torch.cos(tensors[last])
    for factor in (1.0, 3.0):
        changed = {**tensors, last: factor * tensors[last]}
        assert torch.allclose(value(*changed.values())[0], by_hand(binding, changed, keywords), rtol=1e-5)
        (due,) = asked(binding, keywords, changed, "forward_gradient", last, direction)
        assert torch.allclose(forward(*changed.values(), direction)[0], due, rtol=1e-5, atol=1e-6)


def test_every_ignored_label_of_the_standard_can_be_asked() -> None:
    for binding in (one for one in BINDINGS if "ignore_index" in one.spelt):
        options = {option.name: option for option in TENSOR_FUNCTIONS[binding.function].options}
        asked = {str(options["ignore_index"].default), *map(str, options["ignore_index"].samples)}
        assert asked <= set(binding.spelt["ignore_index"]), binding.id


def test_every_option_of_the_standard_is_spelt_or_fixed() -> None:
    for binding in BINDINGS:
        if binding.function in TENSOR_FUNCTIONS:
            options = set(TENSOR_FUNCTIONS[binding.function].defaults()) - {"axis"}
            assert options <= {*binding.parameters, *binding.fixed, *binding.recognised}, binding.id
            assert {*binding.parameters, *binding.fixed} <= options | {"axis"}, binding.id


def test_what_is_not_known_is_refused() -> None:
    backend = adapter("torch")
    binding = BINDINGS[0]
    with pytest.raises(ValueError, match="known are value, copied, gradient"):
        backend.prepare_tensors(binding, {"dim": 0}, ["x"], "no such quantity", "x", "eager", "float32")
    with pytest.raises(ValueError, match="this call has x"):
        backend.prepare_tensors(binding, {"dim": 0}, ["x"], "gradient", "y", "eager", "float32")
    with pytest.raises(ValueError, match="eager"):
        backend.prepare_tensors(binding, {"dim": 0}, ["x"], "value", "", "no such mode", "float32")
