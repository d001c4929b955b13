"""The bars are earned: our careful NumPy meets every one of them, in every dtype, against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FORMATS, Bits, Format, values
from conformance.standard import FUNCTIONS, Bar
from conformance.truth import oracle, ulps
from conformance.truth.reals import UNDECIDED, UNDEFINED, UNDERFLOW

from .adapters import Array, adapter

QUANTITIES = ("value", "gradient", "second_derivative")
INTERESTING = (0.15, 0.25, 0.5, 0.7517915246935645, 1.0, 1.1, 1.4140625, 1.4142135623730951, 2.0, 3.0, 5.0, 20.0)
ASKED = [
    pytest.param(function, parameters, dtype, id="-".join([function.name, *map(str, parameters.values()), dtype]))
    for function in FUNCTIONS.values()
    for parameters in function.samples()
    for dtype in FORMATS
]


def lattice(format: Format) -> Bits:
    """Deterministic: every exponent with four mantissas, neighbours of remarkable points, and where tails end."""
    if format.width == 16:
        return np.arange(0, 65536, 23, dtype=np.uint16)
    exponents = np.arange(0, 2 * format.emax + 2, 1 if format.width == 32 else 8, dtype=np.uint64)
    mantissas = np.array([0, 1, 0x2AAAAA, (1 << format.mantissa_bits) - 1], np.uint64)
    grid = ((exponents[:, None] << np.uint64(format.mantissa_bits)) | mantissas).ravel().astype(format.bits_type)
    end = 110.0 if format.width == 32 else 750.0
    float_type = np.dtype(f"float{format.width}")
    line = np.concatenate([np.linspace(0, end, 401), np.linspace(0, 42, 503), np.linspace(0, 4, 801)]).astype(
        float_type
    )
    points = np.array(INTERESTING, float_type).view(format.bits_type)
    near = (points[:, None].astype(np.int64) + np.arange(-16, 17)).ravel().astype(format.bits_type)
    positive = np.concatenate([grid, line.view(format.bits_type), near])
    return np.concatenate([positive, positive | format.bits_type.type(format.sign_bit)])


@pytest.mark.parametrize(("function", "parameters", "dtype"), ASKED)
def test_our_numpy_meets_every_bar(function: Any, parameters: dict[str, float], dtype: str) -> None:
    numpy, format = adapter("numpy"), FORMATS[dtype]
    (binding,) = (b for b in numpy.bindings if b.function == function.name and b.remark == "ours")
    bits = lattice(format)
    truth = oracle.table(function, parameters, format, bits)
    tensor = numpy.tensor(Array(bits, dtype))
    for order, quantity in enumerate(QUANTITIES):
        observed = numpy.array(numpy.prepare(binding, parameters, quantity, "eager", dtype)(tensor)[0]).bits
        exact, slope = truth.orders[order], truth.orders[order + 1]
        assert not (exact.kind == UNDECIDED).any()
        decided = exact.kind != UNDEFINED
        bar = function.bars.get(quantity, Bar())
        allowed = bar.result + bar.argument * ulps.argument_ulps(bits, format, slope, exact)
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


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_nan_stays_nan_in_every_derivative(function: Any, dtype: str) -> None:
    numpy, format = adapter("numpy"), FORMATS[dtype]
    (binding,) = (b for b in numpy.bindings if b.function == function.name and b.remark == "ours")
    bits = np.array([format.quiet_nan, format.quiet_nan | format.sign_bit, format.infinity | 1], format.bits_type)
    for quantity in (*QUANTITIES, "forward_gradient"):
        (output,) = numpy.prepare(binding, {}, quantity, "eager", dtype)(numpy.tensor(Array(bits, dtype)))
        assert np.isnan(values(numpy.array(output).bits, format)).all()


def test_the_known_slopes_of_gelu_are_right() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(250):
        for _, _, start, low, value in registry.load("conformance.backends.numpy_functions:_GELU_SLOPES"):
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
        ("leaky_relu", {"slope": "0.5"}, TypeError, "slope is '0.5', a str"),
        ("leaky_relu", {"slope": None}, TypeError, "slope is None"),
        ("leaky_relu", {"slope": np.ones(1)}, TypeError, "a ndarray"),
        ("leaky_relu", {"slope": float("inf")}, ValueError, "slope is inf"),
    ],
)
def test_wrong_parameters_are_refused(
    function: str, parameters: dict[str, Any], error: type[Exception], said: str
) -> None:
    call = registry.load(f"conformance.backends.numpy_ref:{function}")
    with pytest.raises(error, match=said):
        call(np.ones(1, np.float32), **parameters)
