"""Our NumPy functions of tensors: what all of them share (layout, checks, weights, reductions, precision), and the table of what they take."""

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
from conformance.cases import scenes
from conformance.formats import FORMATS, round_to
from conformance.judge.tensor_accuracy import measure
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import ROWS, TensorFunction
from conformance.truth.tensors import Asked, exact

from .adapters import Array, adapter

PACKAGE = "conformance.backends.numpy_functions.tensors"
evaluate = registry.load(f"{PACKAGE}:evaluate")
SIGNATURES = registry.load(f"{PACKAGE}:SIGNATURES")
CORES = registry.load(f"{PACKAGE}:CORES")
total = registry.load(f"{PACKAGE}.sums:total")
by_label = registry.load(f"{PACKAGE}.sums:by_label")
OWN_FAMILIES = ("normalising", "gated", "regression", "divergence", "margin")
EVERY = [pytest.param(function, id=name) for name, function in TENSOR_FUNCTIONS.items()]
ELEMENTWISE = [pytest.param(function, id=name) for name, function in TENSOR_FUNCTIONS.items() if function.rows]


def ours(name: str) -> Any:
    return registry.load(f"conformance.backends.numpy_functions:{name}")


def drawn(function: TensorFunction, names: list[str], loop: tuple[int, ...], dtype: str = "float64") -> dict[str, Any]:
    """Ordinary numbers in the shapes of the standard; they are exact in every format."""
    tensors = scenes.drawn(function, names, loop if function.batched else (), scenes.sizes_of(function), "numpy")
    return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in tensors.items()}


def required(function: TensorFunction) -> list[str]:
    return [argument.name for argument in function.arguments if not argument.optional]


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
    for options in function.invalid:
        with pytest.raises((TypeError, ValueError)):
            evaluate(function.name, tensors, options)


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


@pytest.mark.parametrize("function", [p for p in EVERY if p.values[0].batched])
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


# --- precision --------------------------------------------------------------------------------------------------------


def test_sums_of_many_terms_lose_next_to_nothing() -> None:
    generator = np.random.default_rng(1)
    for count in (3, 100, 1000, 100_003):
        for terms in (
            generator.standard_normal(count),
            np.full(count, 0.1),
            np.exp(5 * generator.standard_normal(count)),
        ):
            single = terms.astype(np.float32)
            magnitude = math.fsum(np.abs(single).tolist())
            error = abs(float(total(single)) - math.fsum(single.tolist())) / float(np.spacing(np.float32(magnitude)))
            assert error <= 0.5 + 0.5 * math.ceil(math.log2(count))


def test_sums_by_label_are_pairwise() -> None:
    shares, labels = np.full(200_000, 0.1, np.float32), np.arange(200_000) % 2 * 3
    np.testing.assert_allclose(by_label(shares, labels, 4), [1e4, 0, 0, 1e4], rtol=3e-7)
    np.testing.assert_array_equal(by_label(shares[:0], labels[:0], 2), [0, 0])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_mean_does_not_overflow_where_the_sum_does(dtype: str) -> None:
    large = np.full(100_003, np.finfo(dtype).max, dtype)
    tensors = {"prediction": large, "target": np.zeros_like(large)}
    assert evaluate("absolute_error", tensors, {"reduction": "sum"}) == np.inf
    for options in ({"reduction": "mean"}, {"rows": "mean"}, {"reduction": "weighted_mean"}):
        np.testing.assert_allclose(
            evaluate("absolute_error", tensors, options).astype(float), float(large[0]), rtol=1e-6
        )
    weighted = evaluate("absolute_error", {**tensors, "weight": large}, {"reduction": "weighted_mean"})
    np.testing.assert_allclose(weighted.astype(float), float(large[0]), rtol=1e-6)


def test_a_mean_of_subnormal_numbers_keeps_their_digits() -> None:
    tiny = np.array([3, 5, 1, 7, 9], np.float32) * np.float32(2.0**-149)
    tensors = {"prediction": tiny, "target": np.zeros_like(tiny), "weight": tiny}
    assert evaluate("absolute_error", tensors, {"reduction": "weighted_mean"}) == np.float32(7 * 2.0**-149)  # 165 / 25


def test_long_reductions_in_float16_are_rounded_once() -> None:
    x = np.full(100_003, 0.1, np.float16)
    value = evaluate("absolute_error", {"prediction": x, "target": np.zeros_like(x)}, {"reduction": "mean"})
    assert value == x[0]
    assert value.dtype == np.float16


ACCURATE = [
    pytest.param(function, options, id=f"{function.name}-{number}")
    for function in TENSOR_FUNCTIONS.values()
    if function.family in OWN_FAMILIES and not function.drawn
    for number, options in enumerate(function.samples())
]


@pytest.mark.parametrize(("function", "options"), ACCURATE)
def test_our_numpy_meets_every_bar(function: TensorFunction, options: dict[str, Any]) -> None:
    """Values and gradients of drawn tensors, against balls; places worth a name are asked when the suite runs on NumPy."""
    format = FORMATS["float32"]
    optional = [argument.name for argument in function.arguments if argument.optional]
    for names in ([], optional) if optional else ([],):
        tensors = drawn(function, [*required(function), *names], (4,))
        given = {n: t.astype(np.float32) if t.dtype.kind == "f" else t for n, t in tensors.items()}
        size = evaluate(function.name, given, options).shape
        cotangent = round_to((scenes.hashed(math.prod(size), "cotangent") % np.uint64(251) / 64.0 - 1.9921875), format)
        seeds = cotangent.view(np.float32).reshape(size)
        asked = [("value", "", None)] + [
            ("gradient", a.name, seeds) for a in function.arguments if a.differentiable and a.name in given
        ]
        for quantity, wrt, seed in asked:
            observed = evaluate(function.name, given, options, quantity, wrt, seed)
            truth = exact(
                Asked(function, options, tensors, quantity, wrt, None if seed is None else seed.astype(float))
            )
            assert observed.shape == truth.shape
            judged = measure(truth, np.ascontiguousarray(observed).reshape(-1).view(np.uint32), format)
            assert not judged.undecided.any()
            assert judged.conforms.all(), (
                quantity,
                wrt,
                observed.ravel()[~judged.conforms],
                judged.error[~judged.conforms],
            )


# --- masks and special numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "logmeanexp"])
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_masked_has_no_part(name: str, spoilt: float) -> None:
    x = np.array([[0.5, -1.0, 2.0, 0.25]])
    where = np.array([[True, False, True, True]])
    there, without = x.copy(), x[where][None]
    there[0, 1] = spoilt
    value, short = evaluate(name, {"x": there, "where": where}, {}), evaluate(name, {"x": without}, {})
    np.testing.assert_array_equal(value[where][None] if value.ndim > 1 else value, short)
    if value.ndim > 1:
        assert value[0, 1] == (0 if name == "softmax" else -np.inf)
    gradient = evaluate(
        name,
        {"x": there, "where": where},
        {},
        "gradient",
        "x",
        np.cos(value) if value.ndim == 1 else np.where(where, x, 1.0),
    )
    short_gradient = evaluate(name, {"x": without}, {}, "gradient", "x", np.cos(short) if value.ndim == 1 else without)
    np.testing.assert_array_equal(gradient[where][None], short_gradient)
    assert gradient[0, 1] == 0


@pytest.mark.parametrize("name", ["kl_divergence", "convex_kl_divergence", "generalized_kl_divergence"])
def test_masked_elements_of_a_divergence_count_nothing(name: str) -> None:
    tensors = {
        "log_prediction": np.array([np.nan, -1.0, 3.0]),
        "target": np.array([0.5, 0.25, np.nan]),
        "where": np.array([False, True, False]),
    }
    value = evaluate(name, tensors, {"rows": "sum"})
    assert value == evaluate(name, {"log_prediction": np.array([-1.0]), "target": np.array([0.25])}, {})[0]
    for wrt in ("log_prediction", "target"):
        gradient = evaluate(name, tensors, {"rows": "sum"}, "gradient", wrt)
        np.testing.assert_array_equal(gradient[[0, 2]], 0)
        assert gradient[1] != 0


def test_certainty_and_impossibility() -> None:
    inf = np.inf
    np.testing.assert_array_equal(evaluate("softmax", {"x": np.array([0.0, -inf, 0.0])}, {}), [0.5, 0, 0.5])
    assert np.isnan(evaluate("softmax", {"x": np.full(3, -inf)}, {})).all()
    np.testing.assert_array_equal(evaluate("logsumexp", {"x": np.array([[-inf, -inf], [inf, 0]])}, {}), [-inf, inf])
    np.testing.assert_array_equal(evaluate("sparsemax", {"x": np.array([1e30, 0, -inf])}, {}), [1, 0, 0])
    zeros = np.zeros(2)
    assert (evaluate("kl_divergence", {"log_prediction": np.array([-inf, -1]), "target": zeros}, {}) == 0).all()
    assert (evaluate("kl_divergence_of_probabilities", {"prediction": zeros, "target": zeros}, {}) == 0).all()
    same = np.array([0.3, -2.0, 1e20])
    for name in ("squared_error", "absolute_error", "huber", "smooth_l1", "log_cosh", "absolute_percentage_error"):
        assert (evaluate(name, {"prediction": same, "target": same}, {}) == 0).all()
        assert (evaluate(name, {"prediction": same, "target": same}, {}, "gradient", "prediction") == 0).all()


@pytest.mark.parametrize(("name", "limit"), [("huber", "delta"), ("smooth_l1", "beta")])
def test_where_huber_bends_at_zero_and_at_infinity(name: str, limit: str) -> None:
    tensors = {"prediction": np.array([3.0, -0.5, 0.0]), "target": np.zeros(3)}
    half_squares, sizes = np.array([4.5, 0.125, 0]), np.array([3, 0.5, 0])
    expected = {
        ("huber", 0.0): 0 * sizes,
        ("huber", np.inf): half_squares,
        ("smooth_l1", 0.0): sizes,
        ("smooth_l1", np.inf): 0 * sizes,
    }
    for bend in (0.0, np.inf):
        np.testing.assert_array_equal(evaluate(name, tensors, {limit: bend}), expected[name, bend])
        assert np.isfinite(evaluate(name, tensors, {limit: bend}, "gradient", "prediction")).all()


# --- drawing ----------------------------------------------------------------------------------------------------------


def test_samples_of_gumbel_softmax_are_the_generators() -> None:
    gumbel = ours("gumbel_softmax")
    logits = np.log(np.array([0.5, 0.3, 0.2])) + np.zeros((20_000, 1))
    soft, again, other = (gumbel(logits, 0.5, generator=np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(soft, again)
    assert (soft != other).any()
    np.testing.assert_allclose(soft.sum(-1), 1, rtol=1e-14)
    hard = gumbel(logits, 0.5, True, np.random.default_rng(1))
    np.testing.assert_array_equal(hard, np.eye(3)[soft.argmax(-1)])
    # The largest is each class as often as softmax(logits) says (Gumbel's maximum); five standard deviations.
    np.testing.assert_allclose(hard.mean(0), [0.5, 0.3, 0.2], atol=5 * 0.5 / math.sqrt(20_000))
    assert (gumbel(logits[:3]) != gumbel(logits[:3])).any()


@pytest.mark.parametrize("hard", [False, True])
def test_the_gradient_of_gumbel_softmax_is_that_of_the_same_noise(hard: bool) -> None:
    logits, cotangent, step = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, -2.0, 0.5]]), 2.0**-20

    def soft(x: np.ndarray) -> Any:
        return evaluate("gumbel_softmax", {"logits": x}, {"temperature": 0.5}, generator=np.random.default_rng(3))

    options = {"temperature": 0.5, "hard": hard}
    gradient = evaluate(
        "gumbel_softmax", {"logits": logits}, options, "gradient", "logits", cotangent, np.random.default_rng(3)
    )
    for place in range(3):
        ahead = step * np.eye(3)[place]
        slope = ((soft(logits + ahead) - soft(logits - ahead)) * cotangent).sum() / (2 * step)
        assert gradient[0, place] == pytest.approx(slope, rel=1e-7)


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


@pytest.mark.slow
@pytest.mark.parametrize("function", ["cross_entropy", "softmax", "gumbel_softmax"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("quantity", ["value", "gradient"])
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
