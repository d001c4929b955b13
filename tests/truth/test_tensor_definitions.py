"""What definitions of functions of tensors are where a formula alone says nothing: at infinities and NaN, masked places, kinks.

The families normalising, gated, regression and divergence. The formulas themselves are compared in `test_losses_retyped`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import mpmath
import numpy as np
import pytest

from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import WHOLE
from conformance.truth.reals import INFINITE, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO, Reals
from conformance.truth.tensors import Asked, Exact, exact

FAMILIES = ("normalising", "gated", "regression", "divergence")
INF, NONE = math.inf, math.nan


def asked(
    name: str, arguments: Mapping[str, Any], options: Mapping[str, Any] = {}, quantity: str = "value", wrt: str = ""
) -> Exact:  # fmt: skip
    function = TENSOR_FUNCTIONS[name]
    tensors = {
        argument: np.asarray(numbers, dtype=bool if argument == "where" else np.float64)
        for argument, numbers in arguments.items()
    }
    return exact(Asked(function, {**function.defaults(), **options}, tensors, quantity, wrt))


def as_mpf(reals: Reals) -> list[Any]:
    """Rows as numbers; what is smaller than every format's numbers is 0."""
    found = []
    for kind, mantissa, tail, exponent in zip(reals.kind, reals.mantissa, reals.tail, reals.exponent, strict=True):
        if kind in (ZERO, UNDERFLOW):
            found.append(mpmath.mpf(0))
        elif kind == INFINITE:
            found.append(mpmath.mpf(float(mantissa) * INF))
        elif kind in (NAN, UNDEFINED):
            found.append(mpmath.nan)
        else:
            found.append(mpmath.ldexp(mpmath.mpf(float(mantissa)) + mpmath.mpf(float(tail)), int(exponent)))
    return found


# One row: function, arguments, options, value; None where nothing is prescribed.
AT_THE_EDGE: tuple[tuple[str, dict[str, Any], dict[str, Any], list[float | None]], ...] = (
    ("softmax", {"x": [INF, 0.0, 1.0]}, {}, [None, None, None]),
    ("softmax", {"x": [-INF, -INF]}, {}, [None, None]),
    ("softmax", {"x": [-INF, 2.0]}, {}, [0.0, 1.0]),
    ("softmax", {"x": [NONE, 2.0, 2.0], "where": [False, True, True]}, {}, [0.0, 0.5, 0.5]),
    ("softmax", {"x": [NONE, INF], "where": [False, False]}, {}, [0.0, 0.0]),
    ("softmax", {"x": [NONE, 2.0]}, {}, [NONE, NONE]),
    ("softmax", {"x": [1e308, 1e308, -1e308]}, {}, [0.5, 0.5, 0.0]),
    ("log_softmax", {"x": [NONE, INF], "where": [False, False]}, {}, [-INF, -INF]),
    ("log_softmax", {"x": [-INF, 2.0]}, {}, [-INF, 0.0]),
    ("logsumexp", {"x": [-INF, -INF]}, {}, [-INF]),
    ("logsumexp", {"x": [INF, 0.0, -INF]}, {}, [INF]),
    ("logsumexp", {"x": [1.0, 2.0], "where": [False, False]}, {}, [-INF]),
    ("logsumexp", {"x": [0.0, 0.0], "scale": [1.0, -1.0]}, {}, [-INF]),
    ("logsumexp", {"x": [1.0, 2.0], "scale": [1.0, -1.0]}, {}, [None]),
    ("logmeanexp", {"x": [1.0, 2.0], "where": [False, False]}, {}, [None]),
    ("sparsemax", {"x": [1.0, 0.0]}, {}, [1.0, 0.0]),
    ("sparsemax", {"x": [0.5, 0.0, 0.5, 0.0]}, {}, [0.5, 0.0, 0.5, 0.0]),
    ("sparsemax", {"x": [-INF, 1.0, -INF, 0.5]}, {}, [0.0, 0.75, 0.0, 0.25]),
    ("sparsemax", {"x": [INF, 1.0]}, {}, [None, None]),
    ("glu", {"x": [1.0, NONE, 2.0, 0.0, 0.0, 0.0]}, {}, [0.5, NONE, 1.0]),
    ("glu", {"x": [-2.5, INF, -INF, INF]}, {}, [0.0, INF]),
    ("crelu", {"x": [1.0, NONE, -2.0]}, {}, [1.0, NONE, 0.0, 0.0, NONE, 2.0]),
    ("huber", {"prediction": [INF], "target": [0.0]}, {"delta": INF}, [INF]),
    ("smooth_l1", {"prediction": [1.5], "target": [1.5]}, {"beta": 0.0}, [0.0]),
    ("log_cosh", {"prediction": [INF, 0.0], "target": [0.0, 0.0]}, {}, [INF, 0.0]),
    ("absolute_percentage_error", {"prediction": [1.5, 0.0], "target": [0.0, 0.0]}, {}, [INF, None]),
    ("squared_log_error", {"prediction": [-5.0, INF], "target": [-1.0, 2.0]}, {}, [0.0, INF]),
    ("poisson_nll", {"prediction": [0.0, 0.0, -0.5], "target": [0.0, 2.0, 0.0]}, {"log_input": False}, [0.0, INF, None]),
    ("gaussian_nll", {"prediction": [1.0], "target": [1.0], "variance": [0.0]}, {"epsilon": 1.0}, [0.0]),
    ("average_loss", {"loss": [1.0, NONE], "weights": [1.0, 0.0]}, {}, [NONE]),
    ("average_loss", {"loss": []}, {}, [0.0]),
    ("kl_divergence", {"log_prediction": [-1.0, -INF, -INF], "target": [0.0, 0.0, 0.25]}, {}, [0.0, 0.0, INF]),
    ("kl_divergence", {"log_prediction": [NONE, NONE], "target": [0.5, 0.0], "where": [False, True]}, {}, [0.0, NONE]),
    ("kl_divergence", {"log_prediction": [-1.0, -INF, -INF], "target": [-INF, -INF, -1.0]}, {"log_target": True}, [0.0, 0.0, INF]),
    ("kl_divergence_of_probabilities", {"prediction": [0.0, 0.5, 0.0], "target": [0.0, 0.0, 0.5]}, {}, [0.0, 0.0, INF]),
    ("generalized_kl_divergence", {"log_prediction": [-INF, 0.0], "target": [0.0, 0.0]}, {}, [0.0, 1.0]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "options", "expected"), AT_THE_EDGE, ids=[f"{e[0]}-{i}" for i, e in enumerate(AT_THE_EDGE)]
)
def test_values_at_edges(
    name: str, arguments: dict[str, Any], options: dict[str, Any], expected: list[float | None]
) -> None:
    truth = asked(name, arguments, options).truth
    assert [None if kind == UNDEFINED else float(a) for kind, a in zip(truth.kind, as_mpf(truth), strict=True)] == [
        pytest.approx(one, abs=0, rel=0, nan_ok=True) if one is not None else None for one in expected
    ]


# One row: function, arguments, options, the argument, and the derivative from … to … at each place.
SLOPES: tuple[tuple[str, dict[str, Any], dict[str, Any], str, list[tuple[float, float]]], ...] = (
    ("absolute_error", {"prediction": [1.0], "target": [1.0]}, {}, "prediction", [(-1.0, 1.0)]),
    ("smooth_l1", {"prediction": [1.0], "target": [1.0]}, {"beta": 0.0}, "prediction", [(-1.0, 1.0)]),
    ("smooth_l1", {"prediction": [1.0], "target": [1.0]}, {}, "prediction", [(0.0, 0.0)]),
    ("huber", {"prediction": [1.5], "target": [0.5]}, {}, "target", [(-1.0, -1.0)]),
    ("log_cosh", {"prediction": [0.0, INF], "target": [0.0, 0.0]}, {}, "prediction", [(0.0, 0.0), (1.0, 1.0)]),
    ("crelu", {"x": [0.0]}, {}, "x", [(-1.0, 1.0)]),
    ("glu", {"x": [-2.5, -INF]}, {}, "x", [(0.0, 0.0), (0.0, 0.0)]),
    ("logsumexp", {"x": [INF, 0.0]}, {}, "x", [(1.0, 1.0), (0.0, 0.0)]),
    ("log_softmax", {"x": [NONE, 0.0], "where": [False, True]}, {}, "x", [(0.0, 0.0), (0.0, 0.0)]),
    ("gaussian_nll", {"prediction": [1.0], "target": [1.0], "variance": [0.5]}, {"epsilon": 1.0}, "variance", [(0.0, 0.0)]),
    ("kl_divergence", {"log_prediction": [-INF, -2.0], "target": [0.0, 0.0]}, {}, "log_prediction", [(0.0, 0.0), (0.0, 0.0)]),
    ("kl_divergence", {"log_prediction": [-2.0], "target": [0.0]}, {}, "target", [(-INF, -INF)]),
    ("kl_divergence", {"log_prediction": [NONE], "target": [0.5], "where": [False]}, {}, "log_prediction", [(0.0, 0.0)]),
    ("kl_divergence", {"log_prediction": [-2.0], "target": [-INF]}, {"log_target": True}, "target", [(0.0, 0.0)]),
    ("kl_divergence_of_probabilities", {"prediction": [0.125], "target": [0.5]}, {"clip": 0.125}, "prediction", [(-4.0, 0.0)]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "options", "wrt", "expected"), SLOPES, ids=[f"{e[0]}-{i}" for i, e in enumerate(SLOPES)]
)
def test_derivatives_at_edges(
    name: str, arguments: dict[str, Any], options: dict[str, Any], wrt: str, expected: list[tuple[float, float]]
) -> None:
    found = asked(name, arguments, options, "gradient", wrt)
    low = [float(a) for a in as_mpf(found.truth)]
    high = [float(a) for a in as_mpf(found.upper)] if found.upper is not None else low
    assert list(zip(low, high, strict=True)) == expected


@pytest.mark.parametrize(
    "function", [f for f in TENSOR_FUNCTIONS.values() if f.family in FAMILIES], ids=lambda f: f.name
)
def test_every_edge_is_decided(function: Any) -> None:
    """What each edge asks can be computed, from the numbers of float64 too; and something is prescribed, unless it is free or
    about infinities."""
    for edge in function.edges:
        arguments = {name: _of_float64(core) for name, core in edge.arguments.items()}
        missing = [a for a in function.arguments if not a.optional and a.name not in arguments]
        arguments |= {a.name: 0.5 for a in missing if not a.core and a.kind not in WHOLE}
        found = asked(function.name, {name: [core] for name, core in arguments.items()}, edge.options)
        assert UNDECIDED not in found.truth.kind, edge.name
        assert edge.free or UNDEFINED not in found.truth.kind or "inf" in edge.name, edge.name


def _of_float64(core: Any) -> Any:
    if isinstance(core, (tuple, list)):
        return [_of_float64(part) for part in core]
    if isinstance(core, str):
        size = getattr(FORMATS["float64"], core.removeprefix("-"))
        return -size if core.startswith("-") else size
    return core
