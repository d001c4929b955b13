"""The planted faults: one or more for every family of rules, and the rules under which each must be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, from_ordinals, ordinals, round_to, values
from tests.toy import Asked, Fault, Strike

FLOAT32, FLOAT64 = FORMATS["float32"], FORMATS["float64"]
Where = Callable[[Asked], bool]
Mask = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


def always(asked: Asked) -> bool:
    return True


def quantity(*names: str) -> Where:
    return lambda asked: asked.quantity in names


VALUE = quantity("value")
GRADIENT = quantity("gradient", "forward_gradient")


def put(where: Where, mask: Callable[[Asked, NDArray[np.float64]], NDArray[np.bool_]], number: float) -> Strike:
    """Replace results by a number, for the inputs of a mask."""

    def strike(asked: Asked, bits: Bits) -> Bits:
        if not where(asked):
            return bits
        given = round_to(np.array([number]), asked.format)[0]
        if np.isnan(number):
            given = asked.format.bits_type.type(asked.format.quiet_nan)
        return np.where(mask(asked, values(asked.bits, asked.format)), given, bits).astype(bits.dtype)

    return strike


def scale(where: Where, factor: float, mask: Mask = np.isfinite) -> Strike:
    """Multiply results, for the inputs of a mask."""

    def strike(asked: Asked, bits: Bits) -> Bits:
        if not where(asked):
            return bits
        spoilt = round_to(values(bits, asked.format) * factor, asked.format)
        return np.where(mask(values(asked.bits, asked.format)), spoilt, bits).astype(bits.dtype)

    return strike


def nudge(where: Where, steps: int, mask: Mask = np.isfinite) -> Strike:
    """Move finite results along the line of numbers."""

    def strike(asked: Asked, bits: Bits) -> Bits:
        if not where(asked):
            return bits
        y = values(bits, asked.format)
        moved = from_ordinals(ordinals(bits, asked.format) + steps, asked.format)
        sound = mask(values(asked.bits, asked.format)) & np.isfinite(y) & (np.abs(y) >= asked.format.smallest_normal)
        return np.where(sound, moved, bits).astype(bits.dtype)

    return strike


def at(number: float) -> Callable[[Asked, NDArray[np.float64]], NDArray[np.bool_]]:
    return lambda asked, x: np.isnan(x) if np.isnan(number) else x == number


def _lose_sign_of_zero(asked: Asked, bits: Bits) -> Bits:
    zero = values(bits, asked.format) == 0
    return np.where(zero & VALUE(asked), 0, bits).astype(bits.dtype)


def _lose_sign_of_zero_argument(asked: Asked, bits: Bits) -> Bits:
    zero = values(asked.bits, asked.format) == 0
    return np.where(zero & VALUE(asked), 0, bits).astype(bits.dtype)


def _flush(asked: Asked, bits: Bits) -> Bits:
    y = values(bits, asked.format)
    sign = bits & asked.format.bits_type.type(asked.format.sign_bit)
    return np.where((y != 0) & (np.abs(y) < asked.format.smallest_normal), sign, bits).astype(bits.dtype)


def _double_subnormals(asked: Asked, bits: Bits) -> Bits:
    y = values(bits, asked.format)
    return np.where(VALUE(asked) & (np.abs(y) < asked.format.smallest_normal), round_to(2 * y, asked.format), bits)


def _in_float32(asked: Asked, bits: Bits) -> Bits:
    if asked.format is not FLOAT64:
        return bits
    return round_to(values(round_to(values(bits, FLOAT64), FLOAT32), FLOAT32), FLOAT64)


def _saturate(asked: Asked, bits: Bits) -> Bits:
    x, y = values(asked.bits, asked.format), values(bits, asked.format)
    return np.where(np.isinf(y) & np.isfinite(x), bits - bits.dtype.type(1), bits).astype(bits.dtype)


def _base_instead_of_view(asked: Asked, bits: Bits) -> Bits:
    return np.roll(bits, 1) if asked.view == "strided" else bits


def _position(asked: Asked, bits: Bits) -> Bits:
    """The last element is computed carelessly, as in the tail of a vectorised loop that is only wrong for some values."""
    spoilt = bits.copy()
    if VALUE(asked) and len(bits) == 67:
        y = values(bits[-1:], asked.format)
        spoilt[-1:] = round_to(y * 1.5, asked.format)
    return spoilt


def _short(asked: Asked, bits: Bits) -> Bits:
    return scale(VALUE, 1.01)(asked, bits) if len(bits) < 8 else bits


def _long(asked: Asked, bits: Bits) -> Bits:
    return scale(VALUE, 1.01)(asked, bits) if len(bits) >= 17 else bits


def _second_call(asked: Asked, bits: Bits) -> Bits:
    return nudge(VALUE, 1)(asked, bits) if asked.calls % 2 and len(bits) == 67 else bits


def _never_right(asked: Asked, bits: Bits) -> Bits:
    """Beyond the bar at every call, and never twice the same."""
    return nudge(VALUE, 1000 + asked.calls)(asked, bits)


def _only_entry_point(name: str, strike: Strike) -> Strike:
    return lambda asked, bits: strike(asked, bits) if asked.entry_point == name else bits


def _sigmoid_above_one(asked: Asked, bits: Bits) -> Bits:
    if not VALUE(asked):
        return bits
    one = round_to(np.array([1.0]), asked.format)[0]
    return np.where(bits == one, one + 1, bits).astype(bits.dtype)


def _wobble(asked: Asked, bits: Bits) -> Bits:
    """Up and down by one unit in the last place: within every bar, and not monotone."""
    if not VALUE(asked):
        return bits
    x, y = values(asked.bits, asked.format), values(bits, asked.format)
    steps = np.where((np.arange(len(bits)) % 2 == 1) & (np.abs(x) < 4) & (np.abs(y) > 0.01) & (y < 0.99), 1, 0)
    return from_ordinals(ordinals(bits, asked.format) + steps, asked.format)


def _sharper_on_the_right(asked: Asked, bits: Bits) -> Bits:
    """One unit in the last place further from zero for positive x alone: within every bar, and no longer odd."""
    if not VALUE(asked):
        return bits
    x, y = values(asked.bits, asked.format), values(bits, asked.format)
    struck = (x > 0.1) & (x < 10) & (y < 0.99)
    return np.where(struck, from_ordinals(ordinals(bits, asked.format) + 1, asked.format), bits)


def _threshold_at_half(asked: Asked, bits: Bits) -> Bits:
    """softplus goes over to x at half the threshold."""
    if not VALUE(asked) or not np.isfinite(asked.parameters["threshold"]):
        return bits
    x = values(asked.bits, asked.format)
    return np.where(x * asked.parameters["beta"] > asked.parameters["threshold"] / 2, asked.bits, bits).astype(
        bits.dtype
    )


def _one_pattern(asked: Asked, bits: Bits) -> Bits:
    strike = put(VALUE, lambda a, x: a.bits == 0x3A57, 7.0)
    return strike(asked, bits) if asked.format is FORMATS["float16"] else bits


def only(**wanted: Any) -> Callable[[Any], bool]:
    """A finding whose fields are just these."""
    return lambda finding: all(getattr(finding, name) == value for name, value in wanted.items())


ZERO_AT = at(0.0)
INVARIANCES = tuple(
    f"invariance.{kind}" for kind in ("length", "position", "batch", "layout", "repetition", "entry_point")
)
ECHOES = (*INVARIANCES, "invariance.bits")
NUMBERS = (
    "value",
    "subnormal",
    "overflow",
    "defaults",
    "property.range",
    "property.nondecreasing",
    "property.at_least_argument",
    "property.odd",
)

FAULTS = (
    # name, functions, the rules under which it must be found, those under which it may show too, and what is spoilt
    Fault("constant off by 1e-6", ("gelu",), ("value",), NUMBERS, strike=scale(VALUE, 1 + 1e-6)),
    Fault("one pattern of float16", ("sigmoid",), ("value",), NUMBERS, strike=_one_pattern, dtypes=("float16",), whole=True, modes=("eager", "compiled"), only=only(deviating=3 * 2)),
    Fault("NaN swallowed", ("relu",), ("nan",), strike=put(VALUE, at(np.nan), 0.0)),
    Fault("NaN swallowed by the gradient", ("sigmoid",), ("gradient.nan",), strike=put(GRADIENT, at(np.nan), 0.0)),
    Fault("-0 lost", ("gelu",), ("signed_zero",), strike=_lose_sign_of_zero_argument),
    Fault("sign of an underflow lost", ("gelu",), ("underflow_sign", "signed_zero"), strike=_lose_sign_of_zero),
    Fault("relu(-0) = -0", ("relu",), ("signed_zero.convention",), ("underflow_sign",), strike=lambda asked, bits: np.where((values(asked.bits, asked.format) == 0) & VALUE(asked), asked.bits, bits).astype(bits.dtype), only=only(level="MAY", severity="convention")),
    Fault("limit at +inf is NaN", ("softplus",), ("limit.+inf",), ("property.at_least_argument",), strike=put(VALUE, at(np.inf), np.nan)),
    Fault("limit at -inf is NaN", ("hard_swish",), ("limit.-inf",), strike=put(VALUE, at(-np.inf), np.nan), only=only(severity="wrong")),
    Fault("gradient at +inf is NaN", ("gelu",), ("gradient.limit.+inf",), strike=put(GRADIENT, at(np.inf), np.nan)),
    Fault("gradient at -inf is 1", ("sigmoid",), ("gradient.limit.-inf",), strike=put(GRADIENT, at(-np.inf), 1.0)),
    Fault("second derivative at -inf is NaN", ("softplus",), ("second_derivative.limit.-inf",), strike=put(quantity("second_derivative"), at(-np.inf), np.nan)),
    Fault("overflow too early", ("softplus",), ("value",), ("property.range", "overflow", *NUMBERS), strike=put(VALUE, lambda a, x: (x > 0.9 * np.log(a.format.largest)) & np.isfinite(x), np.inf)),
    Fault("saturates instead of overflowing", ("leaky_relu",), ("overflow",), ("subnormal",), strike=_saturate),
    Fault("subnormal results doubled", ("leaky_relu",), ("subnormal",), ("defaults",), strike=_double_subnormals),
    Fault("flushes subnormals", ("leaky_relu",), ("flush",), strike=_flush, only=only(function="*", severity="information")),
    Fault("customary subgradient not chosen", ("relu",), ("kink.0.convention",), strike=put(GRADIENT, ZERO_AT, 1.0), only=only(level="MAY", severity="convention")),
    Fault("no subgradient at the kink", ("hard_swish",), ("kink.3",), ("kink.3.convention",), strike=put(GRADIENT, at(3.0), 2.0)),
    Fault("wrong side of the kink", ("hard_swish",), ("gradient", "gradient.forward"), strike=put(GRADIENT, lambda a, x: (x > -3) & (x < -2.9), 0.0)),
    Fault("second derivative only", ("gelu",), ("second_derivative",), strike=scale(quantity("second_derivative"), 1.001)),
    Fault("forward mode only", ("gelu",), ("gradient.forward",), strike=scale(quantity("forward_gradient"), 1.001)),
    Fault("gradient is None", ("sigmoid",), ("gradient", "second_derivative", "gradient.forward"), ("gradient.dtype", "gradient.cotangent", "gradient.nan", "second_derivative.nan", "flush"), no_gradient=True),
    Fault("gradient ignores its cotangent", ("softplus",), ("gradient.cotangent",), ignores_cotangent=True),
    Fault("gradient in float32", ("relu",), ("gradient.dtype",), ("gradient", "kink.0"), output_dtype=lambda asked: "float32" if asked.quantity == "gradient" else asked.format.name, dtypes=("bfloat16",)),
    Fault("float64 computed in float32", ("sigmoid",), ("value", "gradient", "second_derivative"), (*NUMBERS, "flush"), strike=_in_float32, dtypes=("float32", "float64"), only=only(dtypes=("float64",))),
    Fault("wrong only in bfloat16", ("gelu",), ("value",), NUMBERS, strike=lambda asked, bits: scale(VALUE, 1.1)(asked, bits) if asked.format.name == "bfloat16" else bits, dtypes=("bfloat16", "float32"), only=only(dtypes=("bfloat16",))),
    Fault("wrong only when compiled", ("gelu",), ("value",), NUMBERS, strike=lambda asked, bits: scale(VALUE, 1.1)(asked, bits) if asked.mode == "compiled" else bits, modes=("eager", "compiled"), only=only(modes=("compiled",))),
    Fault("float16 becomes float32", ("relu",), dtypes=("float16",), found_under=("dtype.preserved",), may_show=("gradient.dtype",), output_dtype=lambda asked: "float32" if asked.format.name == "float16" else asked.format.name),
    Fault("integers truncated", ("sigmoid",), ("dtype.integer",), truncates_integers=True, dtypes=("bool", "int32", "uint8")),
    Fault("scalars gain a dimension", ("relu",), ("shape.scalar",), output_shape=lambda asked, shape: shape or (1,)),
    Fault("rank 2 transposed", ("relu",), ("shape",), ("shape.empty", "gradient.dtype"), output_shape=lambda asked, shape: shape[::-1] if len(shape) == 2 else shape),
    Fault("empty loses its shape", ("relu",), ("shape.empty",), output_shape=lambda asked, shape: (0,) if 0 in shape else shape),
    Fault("strides ignored", ("gelu",), ("invariance.layout",), strike=_base_instead_of_view),
    Fault("last element careless", ("gelu",), ("invariance.length", "invariance.position"), ("invariance.layout",), strike=_position),
    Fault("wrong below length 8", ("softplus",), ("invariance.length",), strike=_short),
    Fault("wrong from length 17", ("gelu",), ("value", "invariance.length"), NUMBERS, strike=_long),
    Fault("second call differs", ("gelu",), ("invariance.bits",), strike=_second_call, only=only(severity="information")),
    Fault("never right and never the same", ("gelu",), ("value", "invariance.repetition"), NUMBERS, strike=_never_right, only=only(severity="inaccurate")),
    Fault("first entry point differs by one ulp", ("gelu",), ("invariance.bits",), strike=_only_entry_point("toy.gelu", nudge(VALUE, 1)), only=only(entry_points=("toy.gelu",))),
    Fault("alias differs by one ulp", ("gelu",), ("invariance.bits",), strike=_only_entry_point("toy.alias.gelu", nudge(VALUE, 1)), only=only(entry_points=("toy.alias.gelu",))),
    Fault("alias loses NaN", ("gelu",), ("invariance.entry_point", "nan"), strike=_only_entry_point("toy.alias.gelu", put(VALUE, at(np.nan), 0.0)), only=only(entry_points=("toy.alias.gelu",))),
    Fault("argument changed", ("gelu",), ("purity",), mutates_argument=True),
    Fault("in-place form leaves its argument", ("relu",), ("inplace",), leaves_argument=True),
    Fault("above its range", ("sigmoid",), ("property.range",), NUMBERS, strike=_sigmoid_above_one),
    Fault("not monotone within the bar", ("sigmoid",), ("property.nondecreasing",), strike=_wobble),
    Fault("not odd within the bar", ("softsign",), ("property.odd",), ("property.nondecreasing",), strike=_sharper_on_the_right),
    Fault("numbers outside the domain", ("log1mexp",), ("domain",), ("property.nondecreasing",), strike=put(VALUE, lambda a, x: (x < 0) & np.isfinite(x), 0.0), only=only(severity="wrong")),
    Fault("largest number at the edge of the domain", ("log1mexp",), ("domain",), strike=put(VALUE, at(0.0), -1e38)),
    Fault("NaN at the edge of the domain", ("log1mexp",), ("domain",), strike=put(VALUE, at(0.0), np.nan)),
    Fault("gradient outside the domain is 0", ("log1mexp",), ("gradient.domain",), strike=put(GRADIENT, lambda a, x: (x < 0) & np.isfinite(x), 0.0)),
    Fault("gradient at the edge of the domain is NaN", ("log1mexp",), ("gradient.domain",), strike=put(GRADIENT, at(0.0), np.nan)),
    Fault("second derivative outside the domain is 0", ("log1mexp",), ("gradient.domain",), strike=put(quantity("second_derivative"), lambda a, x: (x < 0) & np.isfinite(x), 0.0)),
    Fault("parameter ignored", ("leaky_relu",), ("value",), (*NUMBERS, "gradient", "gradient.forward", "kink.0", "kink.0.convention", "limit.-inf", "gradient.limit.-inf", "underflow_sign", "signed_zero", "subnormal", "flush"), ignores_parameters=True),
    Fault("threshold at half", ("softplus",), ("value",), NUMBERS, strike=_threshold_at_half),
    Fault("another default than documented", ("leaky_relu",), ("defaults",), defaults={"slope": 0.3}),
    Fault("another default than the standard's", ("leaky_relu",), ("defaults.convention",), documented={"slope": 0.3}, defaults={"slope": 0.3}, only=only(level="MAY", severity="convention")),
    Fault("None accepted", ("relu",), ("errors.argument",), accepts=("argument",)),
    Fault("a text accepted as parameter", ("leaky_relu",), ("errors.parameter_type",), accepts=("parameter_type",)),
    Fault("beta = 0 gives numbers", ("softplus",), ("errors.parameter_value",), accepts=("parameter_value",)),
)  # fmt: skip
