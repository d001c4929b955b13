"""Definitions of functions of tensors agree with their textbook formulas, written once more for mpmath: values, derivatives, and
what they are where a formula alone says nothing.

The families normalising, gated, regression and divergence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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

Numbers = Sequence[Any]
WHERE = (True, False, True, True, True)
X = (0.5, 1.75, -2.0, 3.25, 0.0)
NEAR = (0.75, 0.875, -2.0, 1.25, 0.0)


@dataclass(frozen=True)
class Textbook:
    """A formula over mpmath, of lists of numbers; results as a list. `at` are points to compare at, away from kinks."""

    name: str
    formula: Callable[..., Numbers]
    at: Mapping[str, Sequence[float]]
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Sequence[bool] | None = None


def softmax(x: Numbers) -> Numbers:
    return [mpmath.exp(a) / sum(mpmath.exp(b) for b in x) for a in x]


def masked(formula: Callable[[Numbers], Numbers], left: float) -> Callable[[Numbers], Numbers]:
    """The formula for the places that WHERE leaves; `left` at the others."""

    def of(x: Numbers) -> Numbers:
        results = iter(formula([a for a, counts in zip(x, WHERE, strict=True) if counts]))
        return [next(results) if counts else mpmath.mpf(left) for counts in WHERE]

    return of


def sparsemax(x: Numbers) -> Numbers:
    """By sorting, as the paper has it."""
    ordered = sorted(x, reverse=True)
    size = max(k for k in range(1, len(x) + 1) if 1 + k * ordered[k - 1] > sum(ordered[:k]))
    threshold = (sum(ordered[:size]) - 1) / size
    return [max(a - threshold, mpmath.mpf(0)) for a in x]


def each(formula: Callable[..., Any]) -> Callable[..., Numbers]:
    """A formula of numbers for every place of lists."""
    return lambda **lists: [
        formula(**dict(zip(lists, place, strict=True))) for place in zip(*lists.values(), strict=True)
    ]


def huber(prediction: Any, target: Any, delta: Any = 1) -> Any:
    error = abs(prediction - target)
    return error**2 / 2 if error <= delta else delta * error - mpmath.mpf(delta) ** 2 / 2


def stirling(target: Any) -> Any:
    return target * mpmath.log(target) - target + mpmath.log(2 * mpmath.pi * target) / 2 if target > 1 else 0


def squared_log(prediction: Any, target: Any, floor: Any = 0) -> Any:
    return (mpmath.log(max(prediction, floor) + 1) - mpmath.log(max(target, floor) + 1)) ** 2


def clipped_kl(prediction: Any, target: Any) -> Any:
    p, t = max(prediction, mpmath.mpf("0.125")), max(target, mpmath.mpf("0.125"))
    return t * mpmath.log(t / p)


def generalized_kl(log_prediction: Any, target: Any) -> Any:
    return target * (mpmath.log(target) - log_prediction) + mpmath.exp(log_prediction) - target


def log_of_sum(x: Numbers, scale: Numbers | None = None) -> Any:
    return mpmath.log(sum(b * mpmath.exp(a) for a, b in zip(x, scale or [1] * len(x), strict=True)))


BOTH = {"prediction": (1.5, -0.25, 3.0, -7.5), "target": (0.5, 0.25, -1.125, -7.375)}
RATES = {"prediction": (0.75, 2.0, 0.5, 3.5), "target": (0.0, 3.0, 0.5, 1.5)}
COUNTS = {"prediction": (0.75, -2.0, 0.5, 3.5), "target": (0.0, 3.0, 0.5, 1.5)}
SPREADS = {**BOTH, "variance": (0.5, 2.0, 0.0625, 1.0)}
LOGS = {"log_prediction": (-0.5, -3.0, -0.0625), "target": (0.25, 0.5, 0.9375)}
CHANCES = {"prediction": (0.5, 0.0625, 0.75), "target": (0.25, 0.5, 0.03125)}

TEXTBOOKS = (
    Textbook("softmax", softmax, {"x": X}),
    Textbook("softmax", masked(softmax, 0), {"x": X}, where=WHERE),
    Textbook("softmax", softmax, {"x": (1000.0, 1001.5, 980.0)}),
    Textbook("log_softmax", lambda x: [mpmath.log(p) for p in softmax(x)], {"x": X}),
    Textbook("log_softmax", masked(lambda x: [mpmath.log(p) for p in softmax(x)], -INF), {"x": X}, where=WHERE),
    Textbook("softmin", lambda x: softmax([-a for a in x]), {"x": X}),
    Textbook("logsumexp", lambda x: [log_of_sum(x)], {"x": X}),
    Textbook("logsumexp", lambda x: [log_of_sum([a for a, w in zip(x, WHERE, strict=True) if w])], {"x": X}, where=WHERE),
    Textbook("logsumexp", lambda x, scale: [log_of_sum(x, scale)], {"x": X, "scale": (2.0, -0.5, 0.0, 1.5, 3.0)}),
    Textbook("logmeanexp", lambda x: [log_of_sum(x) - mpmath.log(5)], {"x": X}),
    Textbook("logmeanexp", lambda x: [log_of_sum([a for a, w in zip(x, WHERE, strict=True) if w]) - mpmath.log(4)], {"x": X}, where=WHERE),
    Textbook("sparsemax", sparsemax, {"x": X}),
    Textbook("sparsemax", sparsemax, {"x": NEAR}),
    Textbook("gumbel_softmax", lambda logits: softmax([4 * a for a in logits]), {"logits": X}, {"temperature": 0.25}),
    Textbook("gumbel_softmax", lambda logits: softmax(logits), {"logits": X}, {"temperature": 0.25, "hard": True}),
    Textbook("glu", lambda x: [x[i] / (1 + mpmath.exp(-x[i + 2])) for i in range(2)], {"x": (1.5, -2.0, 0.75, -30.0)}),
    Textbook("crelu", lambda x: [max(a, 0) for a in x] + [max(-a, 0) for a in x], {"x": (1.5, -2.0, 0.75)}),
    Textbook("squared_error", each(lambda prediction, target: (prediction - target) ** 2), BOTH),
    Textbook("squared_error", each(lambda prediction: prediction**2 / 2), {"prediction": (1.5, -2.0)}, {"factor": 0.5}),
    Textbook("absolute_error", each(lambda prediction, target: abs(prediction - target)), BOTH),
    Textbook("huber", each(huber), BOTH),
    Textbook("huber", each(lambda prediction, target: huber(prediction, target, 3)), BOTH, {"delta": 3.0}),
    Textbook("huber", each(lambda prediction, target: (prediction - target) ** 2 / 2), BOTH, {"delta": INF}),
    Textbook("smooth_l1", each(huber), BOTH),
    Textbook("smooth_l1", each(lambda prediction, target: huber(prediction, target, 3) / 3), BOTH, {"beta": 3.0}),
    Textbook("smooth_l1", each(lambda prediction, target: abs(prediction - target)), BOTH, {"beta": 0.0}),
    Textbook("smooth_l1", each(lambda prediction, target: mpmath.mpf(0)), BOTH, {"beta": INF}),
    Textbook("log_cosh", each(lambda prediction, target: mpmath.log(mpmath.cosh(prediction - target))), BOTH),
    Textbook("log_cosh", each(lambda prediction: mpmath.log(mpmath.cosh(prediction))), {"prediction": (800.0, -2.0**-20)}),
    Textbook("absolute_percentage_error", each(lambda prediction, target: 100 * abs((target - prediction) / target)), BOTH),
    Textbook("absolute_percentage_error", each(lambda prediction, target: 100 * abs(target - prediction) / max(abs(target), 1)), BOTH, {"epsilon": 1.0}),
    Textbook("squared_log_error", each(squared_log), BOTH),
    Textbook("squared_log_error", each(lambda prediction, target: squared_log(prediction, target, 1)), BOTH, {"epsilon": 1.0}),
    Textbook("poisson_nll", each(lambda prediction, target: mpmath.exp(prediction) - target * prediction), COUNTS),
    Textbook("poisson_nll", each(lambda prediction, target: mpmath.exp(prediction) - target * prediction + stirling(target)), COUNTS, {"full": True}),
    Textbook("poisson_nll", each(lambda prediction, target: prediction - target * mpmath.log(prediction)), RATES, {"log_input": False}),
    Textbook("poisson_nll", each(lambda prediction, target: prediction - target * mpmath.log(prediction + mpmath.mpf("0.125"))), RATES, {"log_input": False, "epsilon": 0.125}),
    Textbook("gaussian_nll", each(lambda prediction, target, variance: (mpmath.log(variance) + (prediction - target) ** 2 / variance) / 2), SPREADS),
    Textbook("gaussian_nll", each(lambda prediction, target, variance: -mpmath.log(mpmath.npdf(prediction, target, mpmath.sqrt(max(variance, mpmath.mpf("0.125")))))), SPREADS, {"epsilon": 0.125, "full": True}),
    Textbook("average_loss", lambda loss: [sum(loss) / 3], {"loss": (1.5, -2.0, 0.75)}),
    Textbook("average_loss", lambda loss, weights: [mpmath.fdot(zip(loss, weights, strict=True)) / 7], {"loss": (1.5, -2.0), "weights": (0.5, 3.0)}, {"batch_size": 7}),
    Textbook("kl_divergence", each(lambda log_prediction, target: target * (mpmath.log(target) - log_prediction)), LOGS),
    Textbook("kl_divergence", each(lambda log_prediction, target: mpmath.exp(target) * (target - log_prediction)), {"log_prediction": (-0.5, -3.0), "target": (-0.25, -8.0)}, {"log_target": True}),
    Textbook("kl_divergence_of_probabilities", each(lambda prediction, target: target * mpmath.log(target / prediction)), CHANCES),
    Textbook("kl_divergence_of_probabilities", each(clipped_kl), CHANCES, {"clip": 0.125}),
    Textbook("generalized_kl_divergence", each(generalized_kl), LOGS),
    Textbook("convex_kl_divergence", each(generalized_kl), LOGS),
)  # fmt: skip

textbooks = pytest.mark.parametrize("book", TEXTBOOKS, ids=[f"{b.name}-{i}" for i, b in enumerate(TEXTBOOKS)])


def asked(
    name: str, arguments: Mapping[str, Any], options: Mapping[str, Any] = {}, quantity: str = "value", wrt: str = "", cotangent: Any = None
) -> Exact:  # fmt: skip
    function = TENSOR_FUNCTIONS[name]
    tensors = {
        argument: np.asarray(numbers, dtype=bool if argument == "where" else np.float64)
        for argument, numbers in arguments.items()
    }
    return exact(Asked(function, {**function.defaults(), **options}, tensors, quantity, wrt, cotangent))


def given(book: Textbook) -> dict[str, Any]:
    return {**book.at, **({} if book.where is None else {"where": book.where})}


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


@textbooks
def test_values_are_those_of_the_formula(book: Textbook) -> None:
    with mpmath.workdps(1000):
        expected = book.formula(**{name: [mpmath.mpf(a) for a in numbers] for name, numbers in book.at.items()})
        found = as_mpf(asked(book.name, given(book), book.options).truth)
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert a == b or abs(a - b) <= mpmath.mpf(2) ** -70 * abs(b), (a, b)


@textbooks
def test_gradients_are_derivatives_of_the_formula(book: Textbook) -> None:
    """Of Σ cᵢ·resultᵢ, with a cotangent c in which nothing cancels; masked places have none."""
    with mpmath.workdps(60):
        numbers = {name: [mpmath.mpf(a) for a in row] for name, row in book.at.items()}
        results = book.formula(**numbers)
        weights = [mpmath.mpf(2) ** (i % 4) * (-1) ** i for i in range(len(results))]

        def combined(**changed: Numbers) -> Any:
            counted = zip(weights, book.formula(**changed), strict=True)
            return sum(weight * result for weight, result in counted if mpmath.isfinite(result))

        shape = asked(book.name, given(book), book.options).shape
        cotangent = np.array([float(weight) for weight in weights]).reshape(shape)
        for name, row in numbers.items():
            found = as_mpf(asked(book.name, given(book), book.options, "gradient", name, cotangent).truth)
            for place, number in enumerate(row):
                expected = mpmath.diff(
                    lambda a, name=name, row=row, place=place: combined(
                        **{**numbers, name: [*row[:place], a, *row[place + 1 :]]}
                    ),
                    number,
                )
                assert abs(found[place] - expected) <= mpmath.mpf(10) ** -18 * (1 + abs(expected)), (name, place)


def test_every_function_of_these_families_is_compared() -> None:
    compared = {book.name for book in TEXTBOOKS}
    assert {f.name for f in TENSOR_FUNCTIONS.values() if f.family in FAMILIES} - compared == {"softmax2d"}


def test_softmax2d_is_softmax_of_the_channels_of_every_pixel() -> None:
    image = np.linspace(-3, 4, 30).reshape(5, 2, 3) ** 2
    found = as_mpf(asked("softmax2d", {"x": image}).truth)
    rows = as_mpf(asked("softmax", {"x": image.reshape(5, 6).T}).truth)
    assert found == [rows[pixel * 5 + channel] for channel in range(5) for pixel in range(6)]


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
