"""Our NumPy functions of tensors: what all of them share (layout, checks, weights, reductions), the table of what
they take, and the adapter."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FORMATS, round_to
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import ROWS, TensorFunction

from .adapters import Array, adapter
from .numpy_tensors import PACKAGE, drawn, evaluate, ours, required

SIGNATURES = registry.load(f"{PACKAGE}:SIGNATURES")
CORES = registry.load(f"{PACKAGE}:CORES")
EVERY = [pytest.param(function, id=name) for name, function in TENSOR_FUNCTIONS.items()]


# --- the table --------------------------------------------------------------------------------------------------------


def test_ours_are_the_functions_of_the_standard() -> None:
    assert set(SIGNATURES) == set(CORES) == set(TENSOR_FUNCTIONS)


@pytest.mark.parametrize("function", EVERY)
def test_ours_take_what_the_standard_says(function: TensorFunction) -> None:
    signature = SIGNATURES[function.name]
    assert [(a.name, a.kind, a.core, a.optional, a.shared, a.differentiable) for a in signature.arguments] == [
        (a.name, a.kind, a.core, a.optional, a.shared, a.differentiable) for a in function.arguments
    ]
    assert repr(signature.defaults()) == repr(function.defaults())
    assert signature.result == function.result
    assert signature.reductions == function.reductions
    assert signature.rows == (function.rows == tuple(ROWS))
    for name in ("weighted", "axis", "several_axes", "batched", "drawn"):
        assert getattr(signature, name) == getattr(function, name), name


@pytest.mark.parametrize("function", EVERY)
def test_options_are_taken_and_refused_as_the_standard_says(function: TensorFunction) -> None:
    tensors = drawn(function, required(function), (2,))
    for options in function.samples():
        if "blank" not in options:  # drawn labels may be the blank
            evaluate(function.name, tensors, options)
    for option in function.options:
        for value in option.invalid:
            with pytest.raises((TypeError, ValueError), match=option.name):
                evaluate(function.name, tensors, {option.name: value})
    for combination in function.invalid:
        with pytest.raises((TypeError, ValueError)):
            evaluate(function.name, tensors, combination)


@pytest.mark.parametrize("function", EVERY)
def test_every_function_is_public_and_bound(function: TensorFunction) -> None:
    tensors = drawn(function, required(function), (2,), "float32")
    bindings = [b for b in adapter("numpy").tensor_bindings if b.function == function.name and b.remark == "ours"]
    assert [binding.entry_point for binding in bindings] == [f"conformance.backends.numpy_functions.{function.name}"]
    binding = bindings[0]
    numpy = adapter("numpy")
    numpy.seed(1)
    (value,) = numpy.prepare_tensors(binding, {}, list(tensors), "value", "", "eager", "float32")(*tensors.values())
    given = {name: tensors[name] for name in binding.positional}
    more = {"generator": np.random.default_rng(1)} if function.drawn else {}
    np.testing.assert_array_equal(value, ours(function.name)(*given.values(), **more))
    assert value.dtype == np.float32
    for argument in function.arguments:
        if argument.differentiable and argument.name in tensors:
            call = numpy.prepare_tensors(binding, {}, list(tensors), "gradient", argument.name, "eager", "float32")
            (gradient,) = call(*tensors.values(), np.ones_like(value))
            assert gradient.shape == tensors[argument.name].shape
            assert gradient.dtype == np.float32
    for quantity in ("forward_gradient", "hessian_vector", "copied"):
        with pytest.raises(registry.protocol().NotSupported, match=function.name):
            numpy.prepare_tensors(binding, {}, list(tensors), quantity, argument.name, "eager", "float32")


# --- layout -----------------------------------------------------------------------------------------------------------


def moved(function: TensorFunction, tensors: Mapping[str, Any], axis: int) -> dict[str, Any]:
    """Tensors with the core dimension, where there is one, at another axis."""
    cores = {argument.name: argument.core for argument in function.arguments if not argument.shared}
    return {name: np.moveaxis(t, -1, axis) if len(cores.get(name, ())) == 1 else t for name, t in tensors.items()}


@pytest.mark.parametrize(
    "function", [pytest.param(f, id=f.name) for f in TENSOR_FUNCTIONS.values() if f.axis and not f.rows]
)
@pytest.mark.parametrize("axis", [0, 1, -2, -4])
def test_an_axis_gives_what_moving_it_to_the_end_gives(function: TensorFunction, axis: int) -> None:
    tensors = drawn(function, required(function), (2, 3, 4))
    last = evaluate(function.name, tensors, {})
    laid = moved(function, tensors, axis)
    there = evaluate(function.name, laid, {"axis": axis})
    np.testing.assert_array_equal(there, np.moveaxis(last, -1, axis) if function.result else last)
    cotangent = np.cos(np.arange(last.size)).reshape(last.shape)
    wrt = next(argument.name for argument in function.arguments if argument.differentiable)
    np.testing.assert_array_equal(
        evaluate(
            function.name,
            laid,
            {"axis": axis},
            "gradient",
            wrt,
            np.moveaxis(cotangent, -1, axis) if function.result else cotangent,
        ),
        np.moveaxis(evaluate(function.name, tensors, {}, "gradient", wrt, cotangent), -1, axis),
    )


@pytest.mark.parametrize("name", [f.name for f in TENSOR_FUNCTIONS.values() if f.several_axes])
def test_several_axes_are_one(name: str) -> None:
    x = np.sin(np.arange(120.0)).reshape(2, 3, 4, 5)
    flat = evaluate(name, {"x": x.transpose(0, 2, 3, 1).reshape(2, 4, 15)}, {})
    several = evaluate(name, {"x": x}, {"axis": (-1, 1)})
    wanted = evaluate(name, {"x": x.transpose(0, 2, 3, 1).reshape(2, 4, 15)}, {})
    if SIGNATURES[name].result:
        wanted = wanted.reshape(2, 4, 5, 3).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(several, wanted, rtol=1e-14)
    cotangent = np.cos(np.arange(float(wanted.size))).reshape(wanted.shape)
    seeds = cotangent.transpose(0, 2, 3, 1).reshape(flat.shape) if SIGNATURES[name].result else cotangent
    gradient = evaluate(name, {"x": x.transpose(0, 2, 3, 1).reshape(2, 4, 15)}, {}, "gradient", "x", seeds)
    np.testing.assert_allclose(
        evaluate(name, {"x": x}, {"axis": (1, 3)}, "gradient", "x", cotangent),
        gradient.reshape(2, 4, 5, 3).transpose(0, 3, 1, 2),
        rtol=1e-12,
    )


@pytest.mark.parametrize("function", [pytest.param(f, id=f.name) for f in TENSOR_FUNCTIONS.values() if f.batched])
@pytest.mark.parametrize("loop", [(), (1,), (3, 1, 2), (0,), (2, 0)])
def test_every_rank_and_no_place_at_all(function: TensorFunction, loop: tuple[int, ...]) -> None:
    tensors = drawn(function, required(function), loop)
    count = math.prod(loop)
    value = evaluate(function.name, tensors, {})
    assert value.shape[: len(loop)] == loop
    flat = {
        n: t if function.argument(n).shared else t.reshape(count, *t.shape[len(loop) :]) for n, t in tensors.items()
    }
    np.testing.assert_array_equal(value.ravel(), evaluate(function.name, flat, {}).ravel())
    wrt = next(argument.name for argument in function.arguments if argument.differentiable)
    gradient = evaluate(function.name, tensors, {}, "gradient", wrt)
    assert gradient.shape == tensors[wrt].shape
    np.testing.assert_array_equal(gradient.ravel(), evaluate(function.name, flat, {}, "gradient", wrt).ravel())


@pytest.mark.parametrize("function", EVERY)
def test_rows_do_not_know_of_one_another_and_inputs_stay_as_they_are(function: TensorFunction) -> None:
    if not function.batched:
        pytest.skip("its samples are compared with one another")
    tensors = drawn(function, required(function), (5,), "float32")
    before = {name: array.copy() for name, array in tensors.items()}
    together = evaluate(function.name, tensors, {})
    for place in range(5):
        one = {n: t if function.argument(n).shared else t[place : place + 1] for n, t in tensors.items()}
        np.testing.assert_array_equal(evaluate(function.name, one, {})[0], together[place])
    for name, array in before.items():
        np.testing.assert_array_equal(tensors[name], array)


# --- what is refused --------------------------------------------------------------------------------------------------

LOGITS, LABELS = np.arange(15.0).reshape(5, 3) / 8, np.array([0, 1, 2, 1, 0])
REFUSED: dict[str, tuple[type[Exception], str, dict[str, Any], dict[str, Any]]] = {
    "a broadcast prediction": (ValueError, "nothing is broadcast", {"prediction": np.ones((4, 1)), "target": np.ones(4)}, {}),
    "another rank": (ValueError, "differ in shape", {"prediction": np.ones(4), "target": np.ones(())}, {}),
    "another dtype": (TypeError, "dtype float32", {"prediction": np.ones(4), "target": np.ones(4, np.float32)}, {}),
    "whole numbers": (TypeError, "dtype int64", {"prediction": np.ones(4, int), "target": np.ones(4, int)}, {}),
    "an unknown argument": (TypeError, "no argument 'y'", {"prediction": np.ones(4), "target": np.ones(4), "y": 1}, {}),
    "a missing argument": (TypeError, "needs target", {"prediction": np.ones(4)}, {}),
    "an unknown option": (TypeError, "no option 'delta'", {"prediction": np.ones(4), "target": np.ones(4)}, {"delta": 1.0}),
    "an unknown reduction": (ValueError, "reduction is 'average'", {"prediction": np.ones(4), "target": np.ones(4)}, {"reduction": "average"}),
    "an axis too many": (ValueError, "axis is 1", {"prediction": np.ones(4), "target": np.ones(4)}, {"axis": 1, "rows": "mean"}),
    "a fractional axis": (TypeError, "axis is 0.0", {"prediction": np.ones(4), "target": np.ones(4)}, {"axis": 0.0}),
    "negative weights": (ValueError, "weight holds -1", {"prediction": np.ones(2), "target": np.ones(2), "weight": np.array([1.0, -1.0])}, {}),
    "weights of another shape": (ValueError, "one weight for each", {"prediction": np.ones(2), "target": np.ones(2), "weight": np.ones(1)}, {}),
    "weights of rows": (
        ValueError, "one weight for each", {"prediction": np.ones((2, 3)), "target": np.ones((2, 3)), "weight": np.ones((2, 3))}, {"rows": "mean"},
    ),
}  # fmt: skip
REFUSED_LABELS: dict[str, tuple[type[Exception], str, dict[str, Any], dict[str, Any]]] = {
    "a label too large": (ValueError, "labels holds 3 with 3 classes", {"labels": np.array([0, 1, 2, 3, 0])}, {}),
    "a negative label": (ValueError, "labels holds -1", {"labels": np.array([0, 1, 2, -1, 0])}, {}),
    "another that is not ignored": (ValueError, "or -2, which is ignored", {"labels": np.array([0, 1, 2, -1, 0])}, {"ignore_index": -2}),
    "labels that are floats": (TypeError, "whole numbers", {"labels": LABELS.astype(float)}, {}),
    "labels that are truth values": (TypeError, "whole numbers", {"labels": LABELS > 0}, {}),
    "too few labels": (ValueError, "differ in shape", {"labels": LABELS[:4]}, {}),
    "one-hot labels": (ValueError, "differ in shape", {"labels": np.eye(3, dtype=int)[LABELS]}, {}),
    "negative class weights": (ValueError, "class_weight holds -1", {"class_weight": np.array([1.0, -1.0, 1.0])}, {}),
    "class weights of another number": (ValueError, "classes", {"class_weight": np.ones(2)}, {}),
    "class weights with a loop": (ValueError, "dimensions: classes", {"class_weight": np.ones((5, 3))}, {}),
    "a mask of numbers": (TypeError, "give bool", {"where": np.ones((5, 3))}, {}),
    "a mask of another shape": (ValueError, "differ in shape", {"where": np.ones((1, 3), bool)}, {}),
    "an axis that there is not": (ValueError, "axis is 2", {}, {"axis": 2}),
    "several axes": (TypeError, "axis is", {}, {"axis": (0, 1)}),
    "truth as smoothing": (TypeError, "label_smoothing is True", {}, {"label_smoothing": True}),
}  # fmt: skip


@pytest.mark.parametrize(("error", "match", "tensors", "options"), REFUSED.values(), ids=REFUSED)
def test_wrong_arguments_are_refused(
    error: type[Exception], match: str, tensors: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        evaluate("absolute_error", tensors, options)


@pytest.mark.parametrize(("error", "match", "tensors", "options"), REFUSED_LABELS.values(), ids=REFUSED_LABELS)
def test_wrong_labels_are_refused(
    error: type[Exception], match: str, tensors: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=match):
        evaluate("cross_entropy", {"logits": LOGITS, "labels": LABELS, **tensors}, options)


def test_other_wrong_values_are_refused() -> None:
    x = np.ones((2, 3))
    for axis in ((0, 0), (0, 2)):
        with pytest.raises(ValueError, match="axis is"):
            evaluate("softmax", {"x": x}, {"axis": axis})
    with pytest.raises(ValueError, match="give an even one"):
        evaluate("glu", {"x": x}, {})
    for lists, match in (([0, 3, -1], "holds 3"), ([0, 0, -1], "twice"), ([-2, 0, 1], "holds -2")):
        with pytest.raises(ValueError, match=match):
            evaluate("multilabel_margin", {"scores": x, "labels": np.array([lists, [0, -1, 7]])}, {})
    with pytest.raises(ValueError, match="cotangent has the shape"):
        evaluate("softmax", {"x": x}, {}, "gradient", "x", np.ones(3))
    for wrt in ("y", "where", "labels"):
        with pytest.raises(ValueError, match="to differentiate in"):
            evaluate("cross_entropy", {"logits": LOGITS, "labels": LABELS}, {}, "gradient", wrt)
    for name in ("circle", "ntxent"):
        with pytest.raises(ValueError, match="one set of samples"):
            evaluate(name, {"embeddings": np.ones((2, 4, 3)), "labels": np.ones((2, 4), int)}, {})


# --- rows, weights, reductions ----------------------------------------------------------------------------------------

SHAPE = (2, 3, 4)
ERROR = np.sin(np.arange(24.0)).reshape(SHAPE)
WEIGHT = 1 + np.cos(np.arange(24.0)).reshape(SHAPE)


def reduced(losses: np.ndarray, weight: np.ndarray, reduction: str) -> Any:
    """The textbook's words."""
    weighed = losses * weight
    return {
        "none": weighed,
        "sum": weighed.sum(),
        "mean": weighed.mean(),
        "weighted_mean": weighed.sum() / weight.sum(),
        "batch_mean": weighed.sum() / len(losses),
    }[reduction]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean", "batch_mean"])
@pytest.mark.parametrize("rows", ["none", "mean", "sum"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("weighted", [False, True])
def test_results_are_put_together(reduction: str, rows: str, axis: int, weighted: bool) -> None:
    losses = np.abs(ERROR)
    if rows != "none":
        losses = losses.mean(axis) if rows == "mean" else losses.sum(axis)
    weight = np.take(WEIGHT, 0, axis) if rows != "none" else WEIGHT
    given = {"prediction": ERROR, "target": np.zeros(SHAPE), **({"weight": weight} if weighted else {})}
    options = {"reduction": reduction, "rows": rows, "axis": axis}
    expected = reduced(losses, weight if weighted else np.ones_like(losses), reduction)
    np.testing.assert_allclose(evaluate("absolute_error", given, options), expected, rtol=1e-14)


def difference_quotient(
    name: str, tensors: dict[str, Any], options: dict[str, Any], wrt: str, cotangent: Any
) -> np.ndarray:
    step = 2.0**-18
    slope = np.zeros(tensors[wrt].shape)
    for place in np.ndindex(slope.shape):
        ahead, behind = tensors[wrt].copy(), tensors[wrt].copy()
        ahead[place] += step
        behind[place] -= step
        up, down = (evaluate(name, {**tensors, wrt: one}, options) for one in (ahead, behind))
        slope[place] = ((up - down) * cotangent).sum() / (2 * step)
    return slope


@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean", "batch_mean"])
@pytest.mark.parametrize("rows", ["none", "mean", "sum"])
def test_the_chain_rule_goes_through_weights_rows_and_reductions(reduction: str, rows: str) -> None:
    options = {"reduction": reduction, "rows": rows, "axis": 1}
    weight = WEIGHT if rows == "none" else WEIGHT[:, 0]
    tensors = {"prediction": ERROR, "target": np.cos(ERROR), "weight": weight}
    value = evaluate("squared_error", tensors, options)
    cotangent = np.cos(1 + np.arange(float(value.size))).reshape(value.shape)
    for wrt in tensors:
        np.testing.assert_allclose(
            evaluate("squared_error", tensors, options, "gradient", wrt, cotangent),
            difference_quotient("squared_error", tensors, options, wrt, cotangent),
            rtol=1e-7,
            atol=1e-9,
        )


@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean", "batch_mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_with_weights_of_its_own(reduction: str, weighted: bool) -> None:
    labels, class_weight = LABELS.copy(), np.array([0.5, 2.0, 3.0])
    labels[1] = -7
    kept = labels != -7
    own = np.where(kept, class_weight[np.where(kept, labels, 0)], 0.0)
    weight = 1 + np.arange(5.0) if weighted else np.ones(5)
    plain = np.log(np.exp(LOGITS).sum(-1)) - LOGITS[np.arange(5), np.where(kept, labels, 0)]
    losses = np.where(kept, plain * own, 0) * weight
    divisor = {"mean": own.sum(), "weighted_mean": (own * weight).sum(), "batch_mean": 5, "sum": 1, "none": 1}[
        reduction
    ]
    expected = losses if reduction == "none" else losses.sum() / divisor
    tensors = {
        "logits": LOGITS,
        "labels": labels,
        "class_weight": class_weight,
        **({"weight": weight} if weighted else {}),
    }
    options = {"ignore_index": -7, "reduction": reduction}
    value = evaluate("cross_entropy", tensors, options)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    cotangent = np.cos(np.arange(float(value.size))).reshape(value.shape)
    for wrt in ("logits", "class_weight", *(("weight",) if weighted else ())):
        np.testing.assert_allclose(
            evaluate("cross_entropy", tensors, options, "gradient", wrt, cotangent),
            difference_quotient("cross_entropy", tensors, options, wrt, cotangent),
            rtol=1e-7,
            atol=1e-9,
        )


def test_the_mean_of_nothing() -> None:
    nothing = {"prediction": np.zeros((0, 3)), "target": np.zeros((0, 3))}
    assert evaluate("absolute_error", nothing, {"reduction": "sum"}) == 0
    for reduction in ("mean", "weighted_mean", "batch_mean"):
        assert np.isnan(evaluate("absolute_error", nothing, {"reduction": reduction}))
    ignored = {"logits": LOGITS, "labels": np.full(5, -1)}
    assert np.isnan(evaluate("cross_entropy", ignored, {"ignore_index": -1, "reduction": "mean"}))
    assert evaluate("cross_entropy", ignored, {"ignore_index": -1, "reduction": "sum"}) == 0


# --- the adapter ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "kl_divergence_of_probabilities"])
def test_scipy_has_some_of_them(name: str) -> None:
    function = TENSOR_FUNCTIONS[name]
    numpy = adapter("numpy")
    binding = next(b for b in numpy.tensor_bindings if b.function == name and b.remark != "ours")
    tensors = drawn(function, [n for n in binding.taken() if n != "scale"], (2, 3))
    axis = {"axis": -1} if "axis" in binding.parameters else {}
    (value,) = numpy.prepare_tensors(binding, axis, list(tensors), "value", "", "eager", "float64")(*tensors.values())
    np.testing.assert_allclose(value, evaluate(name, tensors, {}), rtol=1e-13)
    with pytest.raises(registry.protocol().NotSupported, match=r"scipy\.special"):
        numpy.prepare_tensors(binding, axis, list(tensors), "gradient", next(iter(tensors)), "eager", "float64")


REPRODUCED = [
    pytest.param(function, dtype, quantity, marks=[pytest.mark.deep] if (place + half + order) % 2 else [])
    for place, function in enumerate(("cross_entropy", "softmax", "gumbel_softmax"))
    for half, dtype in enumerate(("float16", "bfloat16"))
    for order, quantity in enumerate(("value", "gradient"))
]
"""Every two of function, dtype and quantity together; all three with NNCONFORM_ALL=1."""


@pytest.mark.slow
@pytest.mark.parametrize(("function", "dtype", "quantity"), REPRODUCED)
def test_reproducers_print_what_the_adapter_saw(function: str, dtype: str, quantity: str, tmp_path: Path) -> None:
    numpy, standard = adapter("numpy"), TENSOR_FUNCTIONS[function]
    binding = next(b for b in numpy.tensor_bindings if b.function == function)
    drawn_tensors = drawn(standard, required(standard), (2,))
    names = list(drawn_tensors)
    given, arrays = [], []
    for array in drawn_tensors.values():
        whole = array.dtype.kind != "f"
        bits = array.view(np.uint64) if whole else round_to(array.reshape(-1), FORMATS[dtype]).reshape(array.shape)
        given.append(("int64" if whole else dtype, [int(one) for one in bits.reshape(-1)], array.shape))
        arrays.append(numpy.tensor(Array(bits, "int64" if whole else dtype)))
    numpy.seed(registry.protocol().SEED)
    call = numpy.prepare_tensors(binding, {"axis": -1}, names, quantity, names[0], "eager", dtype)
    (observed,) = call(*arrays)
    script = numpy.tensor_reproducer(
        binding, {"axis": -1}, names, quantity, names[0], "eager", "default", given, None, None
    )
    path = tmp_path / "reproduce.py"
    path.write_text(script)
    ran = subprocess.run(
        [sys.executable, str(path)], cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    printed = {line.split()[3] for line in ran.stdout.splitlines() if line.startswith("y ")}
    assert printed == {f"0x{int(one):04x}" for one in numpy.array(observed).bits.reshape(-1)}
