"""The bars are earned: our careful NumPy meets every one of them, in every dtype, against the oracle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FORMATS, Bits, Format, round_to, values
from conformance.standard import FUNCTIONS, Bar, Function
from conformance.truth import oracle, ulps
from conformance.truth.oracle import evaluate
from conformance.truth.reals import UNDECIDED, UNDEFINED, UNDERFLOW

from ..often import EVERYTHING
from .adapters import Array, adapter, array

QUANTITIES = ("value", "gradient", "second_derivative")
SEAMS = (0.15, 0.25, math.log(2), 1.0, 1.1, 1.4140625, 2.0)
"""Where our own code changes from one formula to another."""
ENDS = (0, -1)
"""Which samples of parameters are asked, unless everything is: the matrix holds ours to its bars for all of them."""

ASKED = [
    pytest.param(function, parameters, dtype, id="-".join([function.name, *map(str, parameters.values()), dtype]))
    for function in FUNCTIONS.values()
    for parameters in (
        function.samples() if EVERYTHING else [function.samples()[at] for at in ENDS[: len(function.samples())]]
    )
    # The narrow formats are computed in float32 and rounded: beyond the first sample they add nothing.
    for dtype in (FORMATS if parameters == function.samples()[0] else ("float32", "float64"))
]


def lattice(function: Function, parameters: Mapping[str, float], format: Format) -> Bits:
    """Deterministic: every exponent, a line over where functions bend, neighbours of remarkable points, and where tails end.

    A fifth of it for parameters other than the default: each is asked in full when the suite runs on NumPy.
    """
    step = 1 if parameters == function.defaults() else 5
    if format.width == 16:
        return np.arange(0, 65536, (47 if EVERYTHING else 131) * step, dtype=np.uint32).astype(np.uint16)
    exponents = np.arange(0, 2 * format.emax + 2, 3 if format.width == 32 else 24, dtype=np.uint64)
    mantissas = np.array([0, 1, 0x2AAAAA, (1 << format.mantissa_bits) - 1], np.uint64)
    grid = ((exponents[:, None] << np.uint64(format.mantissa_bits)) | mantissas).ravel().astype(format.bits_type)
    end = 110.0 if format.width == 32 else 750.0
    float_type = np.dtype(f"float{format.width}")
    many = 2 if EVERYTHING else 1
    parts = [np.linspace(0, to, 75 * count * many + 1) for to, count in ((end, 1), (42, 1), (4, 2))]
    line = np.concatenate(parts).astype(float_type)
    declared = [kink.at for kink in function.kinks] + [landmark.at for landmark in function.landmarks]
    places = [evaluate(place, parameters) for place in declared]
    points = np.array([abs(float(x)) for x in (*places, *SEAMS) if x == x]).astype(float_type)
    near = (points[:, None].view(format.bits_type).astype(np.int64) + np.arange(-3, 4)).ravel()
    positive = np.concatenate([grid[::step], line[::step].view(format.bits_type)])
    positive = np.concatenate([positive, near[near >= 0].astype(format.bits_type)])
    return np.concatenate([positive, positive | format.bits_type.type(format.sign_bit)])


def ours(function: Function) -> Any:
    (binding,) = (
        b for b in adapter("numpy").bindings if b.function == function.name and b.remark == "ours" and not b.training
    )
    return binding


def answer(function: Function, parameters: Mapping[str, float], quantity: str, dtype: str, bits: Bits) -> Bits:
    numpy, binding = adapter("numpy"), ours(function)
    operands = [array([parameters[name]], dtype) for name in binding.operands]
    arguments = {keyword: parameters[name] for name, keyword in binding.parameters.items()}
    call = numpy.prepare(binding, arguments, quantity, "eager", dtype)
    (output,) = call(numpy.tensor(Array(bits, dtype)), *(numpy.tensor(operand) for operand in operands))
    result: Bits = numpy.array(output).bits
    return result


@pytest.mark.parametrize(("function", "parameters", "dtype"), ASKED)
def test_our_numpy_meets_every_bar(function: Function, parameters: dict[str, float], dtype: str) -> None:
    format = FORMATS[dtype]
    bits = lattice(function, parameters, format)
    truth = oracle.table(function, parameters, format, bits)
    for order, quantity in enumerate(QUANTITIES):
        observed = answer(function, parameters, quantity, dtype, bits)
        exact, slope = truth.orders[order], truth.orders[order + 1]
        assert not (exact.kind == UNDECIDED).any()
        decided = exact.kind != UNDEFINED
        bar = function.bars.get(quantity, Bar())
        allowed = np.full(len(bits), bar.result, np.float64)
        if bar.argument:
            allowed += bar.argument * ulps.argument_ulps(bits, format, slope, exact)
        error = ulps.error(observed, format, exact)
        beyond = decided & ~(error <= allowed)
        assert not beyond.any(), _worst(bits, observed, error, allowed, beyond, format, quantity)
        lost = (exact.kind == UNDERFLOW) & (exact.mantissa != 0) & (values(observed, format) == 0)
        signs = np.signbit(values(observed, format)) != (exact.mantissa < 0)
        assert not (lost & signs).any(), (
            f"{quantity}: the sign of a zero is lost at {values(bits[lost & signs], format)}"
        )


def _worst(bits: Bits, observed: Bits, error: Any, allowed: Any, beyond: Any, format: Format, quantity: str) -> str:
    at = int(np.argmax(np.where(beyond, error / allowed, -1)))
    x, y = values(bits[at : at + 1], format)[0], values(observed[at : at + 1], format)[0]
    return f"{int(beyond.sum())} {quantity}s beyond the bar; at {x!r} came {y!r}: {error[at]:.2f} ULP, allowed {allowed[at]:.2f}"


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_nan_stays_nan_in_every_derivative(function: Any) -> None:
    for dtype, format in FORMATS.items():
        bits = np.array([format.quiet_nan, format.quiet_nan | format.sign_bit, format.infinity | 1], format.bits_type)
        for parameters in function.samples():
            for quantity in (*QUANTITIES, "forward_gradient"):
                answers = values(answer(function, parameters, quantity, dtype, bits), format)
                assert np.isnan(answers).all(), (dtype, parameters, quantity)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bars_can_be_missed(dtype: str) -> None:
    """The formulas of the textbooks do not pass."""
    format = FORMATS[dtype]
    for name, naive in NAIVE.items():
        function = FUNCTIONS[name]
        bits = lattice(function, function.defaults(), format)
        wide = np.float64 if format.width == 64 else np.float32
        with np.errstate(all="ignore"):
            y = round_to(naive(values(bits, format).astype(wide)).astype(np.float64), format)
        exact = oracle.table(function, function.defaults(), format, bits).orders[0]
        assert (ulps.error(y, format, exact) > 1000).any(), name


NAIVE: dict[str, Callable[[Any], Any]] = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "log1mexp": lambda x: np.log(1 - np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
}


def test_the_known_slopes_of_gelu_are_right() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(250):
        for _, _, start, low, value in registry.load("conformance.backends.numpy_functions.smooth:GELU_SLOPES"):
            x = mpmath.mpf(start) + mpmath.mpf(low)
            slope = mpmath.ncdf(x) + x * mpmath.npdf(x)
            # Half a unit in the last place of the value, or of the root's low part.
            assert abs(slope - mpmath.mpf(value)) <= mpmath.mpf(2) ** (-56 if value else -108)


@pytest.mark.parametrize(
    ("function", "parameters", "error", "said"),
    [
        ("softplus", {"beta": 0.0}, ValueError, "beta is 0.0"),
        ("softplus", {"beta": float("nan")}, ValueError, "beta is nan"),
        ("softplus", {"threshold": 0}, ValueError, "threshold is 0.0"),
        ("softplus", {"beta": "1"}, TypeError, "beta is '1', a str"),
        ("silu", {"beta": float("inf")}, ValueError, "beta is inf"),
        ("squareplus", {"b": -1}, ValueError, "b is -1.0; give zero or a positive number"),
        ("elu", {"alpha": -0.5}, ValueError, "alpha is -0.5"),
        ("celu", {"alpha": 0}, ValueError, "alpha is 0.0"),
        ("soft_shrink", {"threshold": -0.5}, ValueError, "threshold is -0.5"),
        ("hard_shrink", {"threshold": -0.5}, ValueError, "threshold is -0.5"),
        ("hard_tanh", {"min": 2.0}, ValueError, "min is 2.0 and max is 1.0"),
        ("rrelu", {"lower": 0.5}, ValueError, "lower is 0.5 and upper is 0.33"),
        ("rrelu_training", {"lower": 0.5}, ValueError, "lower is 0.5 and upper is 0.33"),
        ("clipped_relu", {"max_value": -1.0}, ValueError, "max_value is -1.0"),
        ("clipped_relu", {"max_value": 1.0, "threshold": 2.0}, ValueError, "threshold is 2.0 and max_value is 1.0"),
        ("threshold", {"value": float("nan")}, ValueError, "value is nan"),
        ("prelu", {"slope": "0.5"}, TypeError, "slope is '0.5', a str"),
        ("prelu", {"slope": np.ones(1, int)}, TypeError, "with dtype int64"),
        ("leaky_relu", {"slope": "0.5"}, TypeError, "slope is '0.5', a str"),
        ("leaky_relu", {"slope": None}, TypeError, "slope is None"),
        ("leaky_relu", {"slope": np.ones(1)}, TypeError, "a ndarray"),
        ("leaky_relu", {"slope": float("inf")}, ValueError, "slope is inf"),
    ],
)
def test_wrong_parameters_are_refused(
    function: str, parameters: dict[str, Any], error: type[Exception], said: str
) -> None:
    call = registry.load(f"conformance.backends.numpy_functions:{function}")
    with pytest.raises(error, match=said):
        call(np.ones(1, np.float32), **parameters)
