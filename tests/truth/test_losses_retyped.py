"""Every function of tensors against its second typing over mpmath: values and gradients.

The other side is `mpmath_losses_*`, typed from papers and documentation by someone who had not read the definitions. Values are
compared at drawn numbers (every option that is asked, every optional argument, several core sizes) and at the edges of float32;
gradients with differences of the second typing. NNCONFORM_ALL=1 asks more places and gradients in every sample of the options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.typing import NDArray

from conformance.cases.scenes import drawn, edges, sizes_of
from conformance.cases.tensor_topics import fitting
from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import COMMON, TensorFunction
from conformance.truth.reals import FINITE, INFINITE, NAN, UNDECIDED, UNDEFINED, UNDERFLOW, ZERO, Reals
from conformance.truth.tensors import Asked, Exact, exact
from tests.often import EVERYTHING

from . import (
    mpmath_losses_activations,
    mpmath_losses_classification,
    mpmath_losses_embedding,
    mpmath_losses_margin,
    mpmath_losses_regions,
    mpmath_losses_regression,
)

DEFINITIONS: dict[str, Callable[..., Any]] = {
    **mpmath_losses_activations.DEFINITIONS,
    **mpmath_losses_classification.DEFINITIONS,
    **mpmath_losses_embedding.DEFINITIONS,
    **mpmath_losses_margin.DEFINITIONS,
    **mpmath_losses_regions.DEFINITIONS,
    **mpmath_losses_regression.DEFINITIONS,
}

DIGITS = 60
DIGITS_AT_EDGES = 250
"""A square of float32's smallest number beside 1 takes ninety; besides, sixty shall be left."""

WEIGHTED = ("cross_entropy", "sparse_categorical_cross_entropy", "nll", "linear_cross_entropy", "ranking_softmax")
"""Those that say what a result counts."""

every_function = pytest.mark.parametrize("function", TENSOR_FUNCTIONS.values(), ids=lambda function: function.name)

Tensors = Mapping[str, NDArray[Any]]
Options = Mapping[str, Any]


# --- the second typing --------------------------------------------------------------------------------------------------


def number(value: Any) -> Any:
    """A float as mpmath has it; whole numbers, masks and None as they are."""
    if isinstance(value, list):
        return [number(part) for part in value]
    return mpf(value) if isinstance(value, float) else value


def retyped(function: TensorFunction, options: Options, cores: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Core results, flat, and what they count (1 unless the function says)."""
    own = {name: number(value) for name, value in options.items() if name not in COMMON}
    absent = {argument.name: None for argument in function.arguments}
    result = DEFINITIONS[function.name](**{**absent, **cores}, **own)
    if function.name in WEIGHTED:
        return [result[0]], result[1]
    return list(np.ravel(np.array(result, dtype=object))), 1


def places(function: TensorFunction, tensors: Tensors) -> list[dict[str, Any]]:
    """The cores of every place of the loop, as nested lists."""
    name, array = next((n, a) for n, a in tensors.items() if not function.argument(n).shared)
    loop = array.shape[: array.ndim - len(function.argument(name).core)]
    return [
        {n: number((a if function.argument(n).shared else a[index]).tolist()) for n, a in tensors.items()}
        for index in np.ndindex(*loop)
    ]


# --- what is asked ------------------------------------------------------------------------------------------------------


def asked_of(function: TensorFunction, options: Options, tensors: Tensors, quantity: str = "value", wrt: str = "", cotangent: Any = None) -> Exact:  # fmt: skip
    return exact(Asked(function, {**function.defaults(), **options}, tensors, quantity, wrt, cotangent))


def givens(function: TensorFunction) -> list[list[str]]:
    """Names of arguments with every choice of optional ones; all of them first."""
    choices = [(True, False) if argument.optional else (True,) for argument in function.arguments]
    return [[a.name for a, given in zip(function.arguments, choice, strict=True) if given] for choice in product(*choices)]


SMALL = {"n": 3, "d": 2, "classes": 3, "channels": 3, "height": 1, "width": 2, "batch": 2, "time": 4, "length": 2}
"""Sizes of core dimensions, all but a few different from one another; the third set is all ones."""


def sizes(function: TensorFunction) -> list[dict[str, int]]:
    """The usual sizes of the core dimensions, small ones, and ones."""
    usual = sizes_of(function)
    found = [usual]
    for smaller in (SMALL, dict.fromkeys(SMALL, 1)):
        one = {name: smaller.get(name, size) for name, size in usual.items()}
        if function.family == "sequence":  # a blank of 4 is asked
            one["classes"] = usual["classes"]
        for name, rule in function.computed.items():
            factor, _, other = rule.partition("*")
            one[name] = int(factor) * one[other]
        found.append(one)
    return found


def draw(function: TensorFunction, names: Sequence[str], options: Options, size: Mapping[str, int], salt: str, loop: int = 3) -> Tensors:  # fmt: skip
    """Ordinary numbers; the first label is an ignored one, where there is such a thing."""
    tensors = fitting(function, drawn(function, names, (loop,) if function.batched else (), size, salt), options)
    if options.get("ignore_index") is not None and options["ignore_index"] < size["classes"]:
        tensors["labels"] = tensors["labels"].copy()
        tensors["labels"].reshape(-1)[0] = options["ignore_index"]
    return tensors


def ordinary(function: TensorFunction, small: bool = False) -> Iterator[tuple[Options, Tensors]]:
    """Options and tensors: every sample of options with all arguments, the optional ones in turn, the sizes in turn."""
    shapes, choices = sizes(function), givens(function)
    samples = function.samples()
    turns = max(len(samples), len(choices), len(shapes))
    for turn in range(turns * (4 if EVERYTHING else 1)):
        options = samples[turn % len(samples)]
        size = shapes[1] if small else shapes[turn % len(shapes)]
        yield options, draw(function, choices[turn % len(choices)], options, size, str(turn))
    # Where the three go in step, some combination is never met.
    for names, size in product(choices, shapes[1:2] if small else shapes):
        yield samples[0], draw(function, names, samples[0], size, "step")


# --- comparing ----------------------------------------------------------------------------------------------------------


def is_right(truth: Reals, row: int, expected: Any, digits: int = 30) -> bool:
    """Whether a row says this number: the kind, the sign, and that many digits. Not a number is what nothing is prescribed for."""
    kind = truth.kind[row]
    if mp.isnan(expected):
        return bool(kind in (NAN, UNDEFINED))
    if kind == ZERO:
        return bool(expected == 0)
    if kind == INFINITE:
        huge = mp.isinf(expected) or mp.mag(expected) > 2**30
        return bool(huge and (expected > 0) == (truth.mantissa[row] > 0))
    if kind == UNDERFLOW:
        return bool(0 < abs(expected) < mpf(2) ** -1074 and truth.mantissa[row] * mp.sign(expected) >= 0)
    if kind != FINITE:
        return False
    return bool(abs(as_number(truth, row) - expected) <= mpf(10) ** -digits * abs(expected))


def as_number(truth: Reals, row: int) -> Any:
    return mp.ldexp(mpf(float(truth.mantissa[row])) + mpf(float(truth.tail[row])), int(truth.exponent[row]))


def shown(truth: Reals, row: int) -> str:
    names = {ZERO: "0", NAN: "NaN", UNDEFINED: "nothing", UNDECIDED: "undecided", INFINITE: f"{truth.mantissa[row]:+} inf", UNDERFLOW: "underflow"}  # fmt: skip
    return names[truth.kind[row]] if truth.kind[row] != FINITE else mpmath.nstr(as_number(truth, row), 33)


def compared(function: TensorFunction, options: Options, tensors: Tensors, leave_out: Sequence[int] = ()) -> list[str]:
    """Where values differ, in words."""
    truth = asked_of(function, options, tensors).truth
    cores = places(function, tensors)
    found = []
    width = len(truth) // max(len(cores), 1)
    for place, core in enumerate(cores):
        if place in leave_out:
            continue
        results, _ = retyped(function, options, core)
        assert len(results) == width, (function.name, len(results), width)
        for at, expected in enumerate(results):
            if not is_right(truth, place * width + at, expected):
                found.append(
                    f"{function.name} place {place}, result {at}: {mpmath.nstr(expected, 33)} here, "
                    f"{shown(truth, place * width + at)} in the standard; {options}, {core}"
                )
    return found


@every_function
def test_values_at_ordinary_places(function: TensorFunction) -> None:
    with mp.workdps(DIGITS):
        wrong = [line for options, tensors in ordinary(function) for line in compared(function, options, tensors)]
    assert not wrong, "\n".join(wrong)


def edge_scenes(function: TensorFunction) -> Iterator[tuple[Options, Tensors, list[int], tuple[str, ...]]]:
    """Options, tensors and the places that say nothing: those with a NaN, those that are free, repeated ones."""
    names = [argument.name for argument in function.arguments]
    required = [argument.name for argument in function.arguments if not argument.optional]
    for given in [names] if names == required else [names, required]:
        for turn, scene in enumerate(edges(function, given, FORMATS["float32"], function.defaults())):
            if not function.batched and turn % 6 and not EVERYTHING:
                continue
            options = {**function.defaults(), **scene.options}
            silent = [
                place
                for place, (name, core) in enumerate(zip(scene.places, places(function, scene.tensors), strict=True))
                if name in scene.free or has_nan(list(core.values())) or name in scene.places[:place]
            ]
            yield options, scene.tensors, silent, scene.places


def has_nan(value: Any) -> bool:
    return any(map(has_nan, value)) if isinstance(value, list) else bool(isinstance(value, mpf) and mp.isnan(value))


@every_function
def test_values_at_edges(function: TensorFunction) -> None:
    with mp.workdps(DIGITS_AT_EDGES):
        wrong = [
            f"{names}: {line}" if len(names) == 1 else f"{names[int(line.split(' place ')[1].split(',')[0])]}: {line}"
            for options, tensors, silent, names in edge_scenes(function)
            for line in compared(function, options, tensors, silent)
        ]
    assert not wrong, "\n".join(wrong)


@every_function
def test_gradients_are_differences(function: TensorFunction) -> None:
    """Of Σ cᵢ·resultᵢ, with a cotangent c in which nothing cancels, in every number of every argument; ties apart."""
    wrong = [
        line
        for options, tensors in ordinary(function, small=True)
        for argument in function.arguments
        if argument.name in tensors and argument.differentiable and tensors[argument.name].dtype.kind == "f"
        for line in differing(function, options, tensors, argument.name)
    ]
    assert not wrong, "\n".join(wrong)


STEP = mpf(2) ** -100


def differing(function: TensorFunction, options: Options, tensors: Tensors, wrt: str) -> list[str]:
    shape = asked_of(function, options, tensors).shape
    cotangent = np.array([2.0 ** (i % 4) * (-1) ** i for i in range(int(np.prod(shape)))]).reshape(shape)
    found = asked_of(function, options, tensors, "gradient", wrt, cotangent)
    with mp.workdps(100):
        cores = places(function, tensors)
        shared = function.argument(wrt).shared
        width = cotangent.size // max(len(cores), 1)
        size = len(found.truth) if shared else len(found.truth) // max(len(cores), 1)

        def moved(place: int, at: int, step: Any) -> Any:
            core = cores[place]
            flat = np.array(core[wrt], dtype=object)
            flat.reshape(-1)[at] += step
            results, _ = retyped(function, options, {**core, wrt: flat.tolist()})
            return sum(float(c) * a for c, a in zip(cotangent.reshape(-1)[place * width :], results, strict=False))

        def difference(place: int, at: int) -> Any:
            return (moved(place, at, STEP) - moved(place, at, -STEP)) / (2 * STEP)

        wrong = []
        for row in range(len(found.truth)):
            if found.tied is not None and found.tied[row]:
                continue
            expected = (
                sum(difference(place, row) for place in range(len(cores))) if shared else difference(*divmod(row, size))
            )
            close = found.truth.kind[row] in (FINITE, ZERO, UNDERFLOW) and (
                abs((as_number(found.truth, row) if found.truth.kind[row] == FINITE else 0) - expected)
                <= mpf(10) ** -30 * (abs(expected) + 1)
            )
            if not (is_right(found.truth, row, expected) or close):
                wrong.append(f"{function.name} d/d{wrt}[{row}]: {mpmath.nstr(expected, 33)} here, {shown(found.truth, row)} in the standard; {options}, {cores}")  # fmt: skip
        return wrong
