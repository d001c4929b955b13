"""The numbers of our NumPy functions of tensors: bars, long sums, masks, special numbers, drawn samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.cases import scenes
from conformance.formats import FORMATS, round_to
from conformance.judge.tensor_accuracy import measure
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import TensorFunction
from conformance.truth.tensors import Asked, exact

from .numpy_tensors import PACKAGE, drawn, evaluate, ours, required

total = registry.load(f"{PACKAGE}.sums:total")
by_label = registry.load(f"{PACKAGE}.sums:by_label")
OWN_FAMILIES = ("normalising", "gated", "regression", "divergence", "margin")

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
