"""What our NumPy offers beside elementwise functions: slopes that are learnt, and slopes that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import registry

prelu = registry.load("conformance.backends.numpy_functions:prelu")
slope_gradient = registry.load("conformance.backends.numpy_functions:prelu_slope_gradient")
rrelu_training = registry.load("conformance.backends.numpy_functions:rrelu_training")
evaluate = registry.load("conformance.backends.numpy_functions:evaluate")

SLOPES = np.array([0.25, -0.5, 2.0])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (1, 3, 2, 5)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_slope_per_channel_lies_along_the_second_axis(shape: tuple[int, ...], dtype: str) -> None:
    x = np.linspace(-8, 3, int(np.prod(shape))).reshape(shape).astype(dtype)
    y, slope = prelu(x, SLOPES.astype(dtype)), evaluate("prelu", 1, x, {"slope": SLOPES.astype(dtype)})
    assert y.shape == slope.shape == x.shape
    assert y.dtype == slope.dtype == x.dtype
    for channel, number in enumerate(SLOPES):
        part = x[:, channel]
        np.testing.assert_array_equal(y[:, channel], np.where(part >= 0, part, part * number).astype(dtype))
        np.testing.assert_array_equal(slope[:, channel], np.where(part > 0, 1, number))


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 3, 1, 2)])
def test_one_slope_serves_every_shape(shape: tuple[int, ...]) -> None:
    x = np.full(shape, -2.0, np.float32)
    for slope in (0.25, np.float32(0.25), np.array(0.25), np.array([0.25]), np.array([[0.25]])):
        y = prelu(x, slope)
        assert y.shape == shape
        assert (y == -0.5).all()


@pytest.mark.parametrize(("shape", "count"), [((3,), 3), ((2, 3), 2), ((), 2), ((2, 4, 3), 3)])
def test_slopes_that_fit_no_channel_are_refused(shape: tuple[int, ...], count: int) -> None:
    for call in (prelu, lambda x, slope: slope_gradient(x, slope, np.ones_like(x))):
        with pytest.raises(ValueError, match=r"slope has the shape .* one for each place along axis 1"):
            call(np.ones(shape, np.float32), np.ones(count, np.float32))


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 5)])
def test_the_gradient_in_the_slope_is_summed_over_what_shares_it(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(1)
    x, cotangent = generator.standard_normal((2, *shape))
    terms = cotangent * np.minimum(x, 0)
    axes = tuple(axis for axis in range(len(shape)) if axis != 1)
    np.testing.assert_allclose(slope_gradient(x, SLOPES, cotangent), terms.sum(axis=axes), rtol=1e-14)
    np.testing.assert_allclose(slope_gradient(x, np.ones(1), cotangent), [terms.sum()], rtol=1e-13)
    step = 2.0**-20
    ahead, behind = (prelu(x, SLOPES + sign * step * np.array([0, 1, 0])) for sign in (1, -1))
    difference = ((ahead - behind) * cotangent).sum() / (2 * step)
    assert slope_gradient(x, SLOPES, cotangent)[1] == pytest.approx(difference, rel=1e-8)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_gradient_in_the_slope_is_summed_pairwise(dtype: str) -> None:
    # One after the other, in either dtype, the sum would stop growing: 2^24 + 1 is 2^24, and 2048 + 1 is 2048 in float16.
    x = np.full((20_000, 2), -1.0, dtype)
    x[:, 1] = -0.1
    gradient = slope_gradient(x, np.ones(2, dtype), np.ones_like(x))
    assert gradient.dtype == dtype
    exact = np.array([-20_000.0, 20_000.0 * float(x[0, 1])])
    np.testing.assert_allclose(gradient.astype(float), exact, rtol=2.0 ** (-11 if dtype == "float16" else -22))


def test_what_is_not_negative_adds_nothing_to_the_gradient_in_the_slope() -> None:
    x = np.array([[np.inf, -1.0], [3.0, -np.inf], [-2.0, np.nan]], np.float32)
    np.testing.assert_array_equal(slope_gradient(x, np.ones(2, np.float32), np.ones_like(x)), [-2.0, np.nan])
    np.testing.assert_array_equal(slope_gradient(x[:2], np.ones(2, np.float32), np.ones((2, 2))), [0.0, -np.inf])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_drawn_slopes_lie_between_their_bounds_and_are_those_of_the_result(dtype: str) -> None:
    x = np.linspace(-4, 4, 4001).astype(dtype)
    y, slopes = rrelu_training(x, 0.125, 0.5, np.random.default_rng(1))
    assert y.dtype == slopes.dtype == x.dtype
    negative = x < 0
    np.testing.assert_array_equal(y[~negative], x[~negative])
    np.testing.assert_array_equal(slopes[~negative], 1)
    np.testing.assert_array_equal(y[negative], (slopes.astype(float) * x.astype(float))[negative].astype(dtype))
    drawn = slopes[negative].astype(float)
    assert drawn.min() >= 0.125
    assert drawn.max() <= 0.5
    assert len(np.unique(drawn)) > 1000
    # Mean and variance of a uniform distribution, within five standard deviations of 2000 draws.
    assert drawn.mean() == pytest.approx(0.3125, abs=5 * 0.375 / np.sqrt(12 * 2000))
    assert drawn.var() == pytest.approx(0.375**2 / 12, rel=0.12)


def test_drawn_slopes_are_the_generators() -> None:
    x = np.full(8, -1.0, np.float32)
    first, again, other = (rrelu_training(x, generator=np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert (rrelu_training(x)[0] != rrelu_training(x)[0]).any()
    np.testing.assert_array_equal(rrelu_training(x, 0.25, 0.25)[0], -0.25)


def test_special_numbers_in_training() -> None:
    x = np.array([-np.inf, np.inf, np.nan, -0.0, 0.0], np.float32)
    y, slopes = rrelu_training(x, 0.125, 0.5)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(np.signbit(y[3:]), [True, False])
    np.testing.assert_array_equal(slopes[1:], [1, np.nan, 1, 1])
    np.testing.assert_array_equal(rrelu_training(x[:1], 0.0, 0.0)[0], [0.0])


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", ["silu", "mish", "celu", "squareplus", "gelu_tanh", "log1mexp"])
def test_shapes_and_layouts_do_not_matter(name: str, order: int) -> None:
    x = np.linspace(-3, 3, 24, dtype=np.float32)
    flat = evaluate(name, order, x, _defaults(name))
    for given, wanted in ((x.reshape(2, 3, 4), flat.reshape(2, 3, 4)), (x[::-2], flat[::-2]), (x[5], flat[5])):
        result = evaluate(name, order, given, _defaults(name))
        assert result.shape == np.shape(given)
        np.testing.assert_array_equal(result, wanted)


def _defaults(name: str) -> dict[str, Any]:
    return {"silu": {"beta": 1.0}, "celu": {"alpha": 1.0}, "squareplus": {"b": 4.0}}.get(name, {})
