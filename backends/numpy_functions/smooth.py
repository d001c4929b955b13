"""Smooth relatives of relu: gelu, silu, mish, softplus, squareplus and the like.

A derivative that is a small factor times a sum with a root is written so: the sum keeps its digits near the root, and the
factor alone underflows.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .arithmetic import bounded_by_largest, exp, nan_kept, over_power, reach, scaled, split, two_product, two_sum
from .parameters import Activation, finite, none, not_negative, ordinary, real
from .rectified import zero_derivative
from .sigmoidal import exp_of_minus_absolute, logistic, logistic_derivative, sparse_sigmoid_derivative

# --- gelu ---------------------------------------------------------------------------------------------------------------

_TAIL = -1.0
"""Below, Φ(x) = erfcx(−x/√2)/2 · e^(−x²/2): the small factor stands alone, and what multiplies it is of ordinary size."""

GELU_SLOPES = (
    (-2.0, -1.1, -1.4140625, 0.0, -0.12890414044830542),
    (-1.1, -0.15, -0.7517915246935645, 1.4956759177009883e-17, 0.0),
)
"""Between the first two numbers gelu′ is reckoned from a point (the sum of the next two) where it is known: the last one.

The second point is gelu's minimum. Both were computed with 250 bits; the tests of this file compute them again.
"""


_GAUSS = np.polynomial.legendre.leggauss(10)
"""Nodes and weights; ten are enough for float64 over these lengths."""


def _edge(x: np.ndarray) -> float:
    """Beyond ±edge e^(−x²/2) is nothing, whatever it is multiplied with."""
    return 20.0 if x.dtype == np.float32 else 45.0


def _half_square(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−x²/2 as high + low: rounding x² alone would cost e^(−x²/2) a hundred units in the last place at x = 13."""
    high, low = split(x)
    half = x.dtype.type(0.5)
    return -half * high * high, -half * low * (x + high)


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc, erfcx

    root = x.dtype.type(math.sqrt(0.5))
    half = x.dtype.type(0.5)
    far = np.clip(x, -_edge(x), _TAIL)
    e, after = exp(*_half_square(far))
    tail = (half * far * erfcx(-far * root) * e) * after
    return np.where(x < _TAIL, tail, x * (half * erfc(-x * root)))


def _gelu_derivative(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfc, erfcx

    root, density = x.dtype.type(math.sqrt(0.5)), x.dtype.type(1 / math.sqrt(2 * math.pi))
    # Φ + xφ = φ · (x + Φ/φ), and Mills' ratio Φ/φ is √(π/2) erfcx(−x/√2).
    far = np.clip(x, -_edge(x), _TAIL)
    e, after = exp(*_half_square(far))
    tail = ((far + x.dtype.type(math.sqrt(math.pi / 2)) * erfcx(-far * root)) * density * e) * after
    near = np.clip(x, _TAIL, _edge(x))
    e, after = exp(*_half_square(near))
    body = x.dtype.type(0.5) * erfc(-near * root) + near * density * e * after
    result = np.where(x < _TAIL, tail, body)
    for left, right, start, low, value in GELU_SLOPES:
        here = (x > left) & (x <= right)
        result[here] = x.dtype.type(value) + _gelu_slope_change(x[here], start, low)
    return result


def _gelu_slope_change(x: np.ndarray, start: float, low: float) -> np.ndarray:
    """gelu′(x) − gelu′(start + low) = ∫ gelu″ by Gauss' rule.

    SciPy's erfc and erfcx are good to 2–4 ULP in float64 around here, and the sum Φ + xφ would multiply their error.
    """
    high = x.dtype.type(start)
    way = (x - high) - x.dtype.type(start - float(high) + low)
    total = np.zeros_like(x)
    for node, weight in zip(*_GAUSS):
        total += x.dtype.type(weight / 2) * _gelu_second(high + way * x.dtype.type((1 + node) / 2))
    return way * total


def _gelu_second(x: np.ndarray) -> np.ndarray:
    density = x.dtype.type(1 / math.sqrt(2 * math.pi))
    x = np.clip(x, -_edge(x), _edge(x))
    e, after = exp(*_half_square(x))
    high, low = split(x)
    return (((2 - high * high) - low * (x + high)) * density * e) * after


# --- silu, and gelu_tanh, which is silu with a bent argument ---------------------------------------------------------------


def _silu_argument(x: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x clipped where e^−|beta · x| is nothing, and beta · x as high + low."""
    far = reach(x, abs(beta))
    bounded = np.clip(x, -far, far)
    return (bounded, *scaled(bounded, beta))


def _silu(x: np.ndarray, beta: float) -> np.ndarray:
    bounded, high, low = _silu_argument(x, beta)
    return _times_logistic(x, bounded, high, low)


def _times_logistic(x: np.ndarray, bounded: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """x · σ(high + low); `bounded` is x clipped to where σ is not nothing."""
    e, after = exp_of_minus_absolute(high, low)
    return np.where(high < 0, (bounded * e / (1 + e * after)) * after, x / (1 + e * after))


def _silu_derivative(x: np.ndarray, beta: float) -> np.ndarray:
    _, high, low = _silu_argument(x, beta)
    # With u = βx: σ + uσ′.
    return _logistic_and_slope(high, low, high, low)


def _logistic_and_slope(high: np.ndarray, low: np.ndarray, slope: np.ndarray, slope_low: Any) -> np.ndarray:
    """σ(u) + s · σ′(u) for u = high + low and s = slope + slope_low, which has the sign of u.

    With e = e^u it is e(1 + s + e) / (1 + e)² for u < 0, where 1 + s is exact around the root; and with e = e^−u
    it is (1 + e(1 + s)) / (1 + e)² for u ≥ 0.
    """
    e, after = exp_of_minus_absolute(high, low)
    small = e * after
    once = two_sum(high.dtype.type(1), small)
    left = over_power(((1 + slope) + small + slope_low) * e, *once, 2) * after
    return np.where(high < 0, left, over_power(1 + small * (1 + slope), *once, 2))


def _silu_second(x: np.ndarray, beta: float) -> np.ndarray:
    _, high, low = _silu_argument(x, beta)
    # β(2σ′ + uσ″), with σ″ = −σ′ tanh(u/2): with e = e^−|u| it is βe(2 − |u| + e(2 + |u|)) / (1 + e)³.
    size, size_low = np.abs(high), np.where(high < 0, -low, low)
    e, after = exp(-size, -size_low)
    small = e * after
    sum_with_root = ((2 - size) + small * (2 + size)) - size_low
    return over_power(x.dtype.type(beta) * sum_with_root * e, *two_sum(x.dtype.type(1), small), 3) * after


def _check_silu(beta: Any) -> Mapping[str, Any]:
    return {"beta": finite("beta", beta)}


_CUBIC = 0.044715
_SCALE = math.sqrt(2 / math.pi)


class _Bent(NamedTuple):
    """What gelu_tanh is made of, at clipped x: u = 2√(2/π)(x + s·x) and s = 0.044715x², each as high + low."""

    x: np.ndarray
    high: np.ndarray
    low: np.ndarray
    s: np.ndarray
    s_low: np.ndarray


def _gelu_tanh_argument(x: np.ndarray) -> _Bent:
    """(1 + tanh(u/2))/2 = σ(u); x is clipped where e^−|u| is nothing."""
    far = 15.0 if x.dtype == np.float32 else 30.0
    bounded = np.clip(x, -far, far)
    square, square_low = two_product(bounded, bounded)
    s, s_low = scaled(square, _CUBIC)
    s_low = s_low + square_low * x.dtype.type(_CUBIC)
    one, one_low = two_sum(x.dtype.type(1), s)
    line, line_low = scaled(bounded, 2 * _SCALE)
    high, low = two_product(line, one)
    return _Bent(bounded, high, low + (line * (one_low + s_low) + line_low * one), s, s_low)


def _gelu_tanh_slope(bent: _Bent) -> tuple[np.ndarray, np.ndarray]:
    """xu′ = u + 4√(2/π) · s·x as high + low."""
    slope, slope_low = two_sum(bent.high, bent.x.dtype.type(4 * _SCALE) * bent.x * bent.s)
    return slope, slope_low + bent.low


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    bent = _gelu_tanh_argument(x)
    return _times_logistic(x, bent.x, bent.high, bent.low)


def _gelu_tanh_derivative(x: np.ndarray) -> np.ndarray:
    bent = _gelu_tanh_argument(x)
    return _logistic_and_slope(bent.high, bent.low, *_gelu_tanh_slope(bent))


def _gelu_tanh_second(x: np.ndarray) -> np.ndarray:
    bent = _gelu_tanh_argument(x)
    # 2u′σ′ + xu″σ′ + xu′²σ″, with σ″ = −σ′ tanh(u/2): for e = e^−|u| and t = |xu′|(1 + 3s)/2 it is
    # 4√(2/π) · e(1 + 6s − t + e(1 + 6s + t)) / (1 + e)³.
    bend, bend_low = scaled(bent.s, 3.0)
    bend_low = bend_low + 3 * bent.s_low
    straight, straight_low = two_sum(x.dtype.type(1), 2 * bend)
    rate, rate_low = two_sum(x.dtype.type(1), bend)
    slope, slope_low = _gelu_tanh_slope(bent)
    t, t_low = two_product(slope / 2, rate)
    t_low = t_low + slope_low / 2 * rate + slope / 2 * (rate_low + bend_low)
    t, t_low = np.abs(t), np.where(t < 0, -t_low, t_low)
    e, after = exp_of_minus_absolute(bent.high, bent.low)
    small = e * after
    sum_with_root = (straight - t) + ((straight_low + 2 * bend_low) - t_low) + small * (straight + t)
    factor = x.dtype.type(4 * _SCALE) * sum_with_root * e
    return over_power(factor, *two_sum(x.dtype.type(1), small), 3) * after


# --- mish ---------------------------------------------------------------------------------------------------------------
#
# With e = e^x: tanh(log(1 + e)) = e(e + 2) / (e(e + 2) + 2), a quotient of polynomials, and so are the derivatives. For
# x > 0 they are written in e^−x.


def _mish(x: np.ndarray) -> np.ndarray:
    e, after = exp(-np.abs(x))
    small = e * after
    bounded = np.maximum(x, -reach(x, 1))
    left = (bounded * e * (small + 2) / (small * (small + 2) + 2)) * after
    return np.where(x < 0, left, x * ((1 + 2 * small) / (1 + 2 * small * (1 + small))))


def _mish_derivative(x: np.ndarray) -> np.ndarray:
    bounded = np.clip(x, -reach(x, 1), reach(x, 1))
    e, after = exp(-np.abs(bounded))
    small = e * after
    line = 4 * (bounded + 1)
    left = over_power((line + small * ((line + 2) + small * (4 + small))) * e, *_mish_left(small), 2) * after
    right = over_power(1 + small * (4 + small * ((line + 2) + small * line)), *_mish_right(small), 2)
    return np.where(x < 0, left, right)


def _mish_second(x: np.ndarray) -> np.ndarray:
    bounded = np.clip(x, -reach(x, 1), reach(x, 1))
    a, b, c, d = 2 * (bounded + 2), 2 * (bounded + 4), 3 * (bounded - 2), 2 * (bounded - 1)
    e, after = exp(-np.abs(bounded))
    small = e * after
    left = over_power(4 * (a + small * (b - small * (c + small * d))) * e, *_mish_left(small), 3) * after
    # The square of e^−x shares its rounding error with what it is divided by; but it underflows earlier.
    square, after = exp(-2 * np.abs(bounded))
    square = np.where(after == 1, small * small, square)
    right = over_power(4 * (small * (small * (small * a + b) - c) - d) * square, *_mish_right(small), 3) * after
    return np.where(x < 0, left, right)


def _mish_left(e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e(e + 2) + 2 as high + low."""
    square, square_low = two_product(e, e)
    small, small_low = two_sum(2 * e, square)
    high, low = two_sum(e.dtype.type(2), small)
    return high, low + (small_low + square_low)


def _mish_right(e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 + 2e(1 + e) as high + low."""
    square, square_low = two_product(e, e)
    small, small_low = two_sum(e, square)
    high, low = two_sum(e.dtype.type(1), 2 * small)
    return high, low + 2 * (small_low + square_low)


# --- softplus, the integral of sigmoid ------------------------------------------------------------------------------------


def _softplus_argument(x: np.ndarray, beta: float, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """beta · x as high + low, clipped where e^−|beta · x| is nothing; and where it exceeds the threshold."""
    far = reach(x, beta)
    high, low = scaled(np.clip(x, -far, far), beta)
    bound = x.dtype.type(threshold)
    return high, low, (high > bound) | ((high == bound) & (low > 0))


def _softplus(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    e, after = exp_of_minus_absolute(high, low)
    # log(1 + e^u)/beta = max(x, 0) + log1p(e^−|u|)/beta; where e^−|u| is tiny, log1p is the identity.
    bend = np.where(after == 1, np.log1p(e), e) / x.dtype.type(beta) * after
    return np.where(beyond, x, np.maximum(x, 0) + bend)


def _softplus_derivative(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    return np.where(beyond, x.dtype.type(1), logistic(high, low))


def _softplus_second(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    high, low, beyond = _softplus_argument(x, beta, threshold)
    return np.where(beyond, x.dtype.type(0), logistic_derivative(high, low, x.dtype.type(beta)))


def _check_softplus(beta: Any, threshold: Any) -> Mapping[str, Any]:
    sharpness, bound = ordinary("beta", beta), real("threshold", threshold)
    if not bound > 0:
        raise ValueError(f"threshold is {bound}; give a positive number, infinity included, such as 20")
    return {"beta": sharpness, "threshold": bound}


# --- squareplus and sparse_plus -------------------------------------------------------------------------------------------


def _root(x: np.ndarray, b: float) -> np.ndarray:
    """√(x² + b), where x² may overflow or underflow."""
    return np.hypot(x, x.dtype.type(math.sqrt(b)))


def _squareplus(x: np.ndarray, b: float) -> np.ndarray:
    if b == 0:
        return np.where(x <= 0, x.dtype.type(0), x)
    size = np.abs(x)
    # Sums of large numbers are made of their halves, and small numbers are not halved: neither overflows nor underflows.
    half = np.where(size > 1, x.dtype.type(0.5), x.dtype.type(1))
    total = half * size + half * _root(x, b)
    # x + √(x² + b) cancels for x < 0; b / (√(x² + b) − x) is the same number.
    left = x.dtype.type(b / 2) * half / total
    return np.where(x < 0, left, total * (x.dtype.type(0.5) / half))


def _squareplus_derivative(x: np.ndarray, b: float) -> np.ndarray:
    if b == 0:
        return nan_kept(x, np.where(x == 0, x.dtype.type(0.5), (x > 0).astype(x.dtype)))
    bounded = bounded_by_largest(x)
    root = _root(bounded, b)
    left = _squareplus(-np.abs(x), b) / root
    return np.where(x < -root / 4, left, (1 + bounded / root) / 2)


def _squareplus_second(x: np.ndarray, b: float) -> np.ndarray:
    if b == 0:
        return zero_derivative(x)
    edge = x.dtype.type(2.0**55)
    half = x.dtype.type(b / 2)
    near = np.clip(x, -edge, edge)
    square, square_low = two_product(near, near)
    high, low = two_sum(x.dtype.type(b), square)
    low = low + (square_low + x.dtype.type(b - float(x.dtype.type(b))))
    body = half * (1 - x.dtype.type(1.5) * low / high) / high / np.sqrt(high)
    root = _root(x, b)
    return np.where(np.abs(x) > edge, half / root / root / root, body)


def _check_squareplus(b: Any) -> Mapping[str, Any]:
    return {"b": ordinary("b", b) if not_negative("b", b) else 0.0}


def _sparse_plus(x: np.ndarray) -> np.ndarray:
    # (1 + x)²/4 three times: without cancellation near −1; nearest to itself where it passes 1/4, so that it rises from
    # number to number; and as x and something positive, so that it is not less than x.
    left = (np.clip(x, -1, 0) + 1) / 2
    half = np.clip(x, -1, 1) / 2
    right = (1 - np.clip(x, 0, 1)) / 2
    outer = np.where(x < 0, left * left, np.maximum(x, 0) + right * right)
    return np.where(np.abs(x) < 0.25, x.dtype.type(0.25) + half * (1 + half), outer)


def _sparse_plus_derivative(x: np.ndarray) -> np.ndarray:
    return np.clip(x + 1, 0, 2) / 2


ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": Activation((_gelu, _gelu_derivative, _gelu_second), none),
    "gelu_tanh": Activation((_gelu_tanh, _gelu_tanh_derivative, _gelu_tanh_second), none),
    "silu": Activation((_silu, _silu_derivative, _silu_second), _check_silu),
    "mish": Activation((_mish, _mish_derivative, _mish_second), none),
    "softplus": Activation((_softplus, _softplus_derivative, _softplus_second), _check_softplus),
    "squareplus": Activation((_squareplus, _squareplus_derivative, _squareplus_second), _check_squareplus),
    "sparse_plus": Activation((_sparse_plus, _sparse_plus_derivative, sparse_sigmoid_derivative), none),
}
