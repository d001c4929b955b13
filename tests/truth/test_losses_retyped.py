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
from conformance.cases.tensor_asker import fitting, result_shape
from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import COMMON, WHOLE, TensorFunction
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
DIGITS_AT_EDGES = 180
"""A square of float32's smallest number beside 1 takes ninety; besides, sixty shall be left."""

BITS = 73
"""How many bits have to agree: what `Reals` promises. As a rule a hundred do; where numbers cancel, the truth stops sooner."""

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
    return [
        [a.name for a, given in zip(function.arguments, choice, strict=True) if given] for choice in product(*choices)
    ]


SMALL = {"n": 3, "d": 2, "classes": 3, "channels": 3, "height": 1, "width": 2, "batch": 2, "time": 4, "length": 2}
"""Sizes of core dimensions, all but a few different from one another; the third set is all ones."""


def sizes(function: TensorFunction) -> list[dict[str, int]]:
    """The usual sizes of the core dimensions, small ones, and ones."""
    usual = sizes_of(function)
    found = [usual]
    for smaller in (SMALL, dict.fromkeys(SMALL, 1)):
        one = {name: smaller.get(name, size) for name, size in usual.items()}
        if function.family == "segmentation" and "classes" in one:  # the slowest
            one |= {"n": min(one["n"], 2), "classes": min(one["classes"], 2)}
        if function.family == "sequence":  # a blank of 4 is asked
            one["classes"] = usual["classes"]
        for name, rule in function.computed.items():
            factor, _, other = rule.partition("*")
            one[name] = int(factor) * one[other]
        found.append(one)
    return found


def draw(function: TensorFunction, names: Sequence[str], options: Options, size: Mapping[str, int], salt: str, loop: int) -> Tensors:  # fmt: skip
    """Ordinary numbers, more places where one costs little; the first label is an ignored one, where there is such a thing."""
    loop *= 1 if any(argument.core for argument in function.arguments) else 4
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
        yield options, draw(function, choices[turn % len(choices)], options, size, str(turn), 1 if small else 3)
    # Where the three go in step, some combination is never met.
    for names, size in product(choices, shapes[1:2] if small else shapes):
        yield samples[0], draw(function, names, samples[0], size, "step", 2 if small else 3)


# --- comparing ----------------------------------------------------------------------------------------------------------


def is_right(truth: Reals, row: int, expected: Any) -> bool:
    """Whether a row says this number: the kind, the sign, and 73 bits. Not a number is what nothing is prescribed for."""
    kind = truth.kind[row]
    if mp.isnan(expected):
        return bool(kind in (NAN, UNDEFINED))
    if kind == ZERO:
        return bool(expected == 0)
    if kind == INFINITE:
        huge = mp.isinf(expected) or mp.mag(expected) > 2**30
        return bool(huge and (expected > 0) == (truth.mantissa[row] > 0))
    if kind == UNDERFLOW:  # without a sign it may be zero: where two numbers cancel, balls can't tell
        if truth.mantissa[row] == 0:
            return bool(abs(expected) < mpf(10) ** (10 - mp.dps))
        return bool(abs(expected) < mpf(2) ** -1074 and mp.sign(expected) == truth.mantissa[row])
    if kind == UNDECIDED:  # on a kink, where two numbers cancel: cos − 1 of two vectors of one direction
        return bool(abs(expected) < mpf(10) ** (10 - mp.dps))
    if kind != FINITE:
        return False
    return bool(abs(as_number(truth, row) - expected) <= mpf(2) ** -BITS * abs(expected))


def as_number(truth: Reals, row: int) -> Any:
    """The number of a row; 0 for what is smaller than every format's numbers."""
    return mp.ldexp(mpf(float(truth.mantissa[row])) + mpf(float(truth.tail[row])), int(truth.exponent[row]))


def shown(truth: Reals, row: int) -> str:
    names = {ZERO: "0", NAN: "NaN", UNDEFINED: "nothing", UNDECIDED: "undecided", INFINITE: f"{truth.mantissa[row]:+} inf", UNDERFLOW: "underflow"}  # fmt: skip
    return names[truth.kind[row]] if truth.kind[row] != FINITE else mpmath.nstr(as_number(truth, row), 33)


def compared(function: TensorFunction, options: Options, tensors: Tensors, regions: Sequence[str] = ()) -> list[str]:
    """Where values differ, in words."""
    truth = asked_of(function, options, tensors).truth
    cores = places(function, tensors)
    width = len(truth) // max(len(cores), 1)
    found = []
    for place, core in enumerate(cores):
        results, _ = retyped(function, options, core)
        assert len(results) == width, (function.name, len(results), width)
        for at, expected in enumerate(results):
            row = place * width + at
            if not function.batched and truth.kind[row] == UNDEFINED and has(list(core.values()), mp.isinf):
                continue  # one NaN between two samples, and nothing is prescribed for the others either
            if not is_right(truth, row, expected):
                found.append(
                    f"{function.name} {regions[place] if regions else ''}, result {at}: {mpmath.nstr(expected, 33)} here, "
                    f"{shown(truth, row)} in the standard; {options}, {core}"
                )
    return found


@every_function
def test_values_at_ordinary_places(function: TensorFunction) -> None:
    with mp.workdps(DIGITS):
        wrong = [line for options, tensors in ordinary(function) for line in compared(function, options, tensors)]
    assert not wrong, "\n".join(wrong)


SLOW = {"circle": 7, "ctc_with_logits": 2, "multiclass_dice": 2, "multiclass_dice_per_class": 4, "softmax2d": 2}
"""Of whose edges every so-manieth is asked, unless all are: one takes up to a tenth of a second."""


def edge_scenes(function: TensorFunction) -> Iterator[tuple[Options, Tensors, list[str]]]:
    """Options, tensors and the names of their places; not those with a NaN, those that are free, and repeated ones."""
    names = [argument.name for argument in function.arguments]
    required = [argument.name for argument in function.arguments if not argument.optional]
    for given in [names] if names == required else [names, required]:
        for scene in edges(function, given, FORMATS["float32"], function.defaults()):
            own = [array for name, array in scene.tensors.items() if not function.argument(name).shared]
            asked = [
                place
                for place, name in enumerate(scene.places)
                if name not in scene.free and name not in scene.places[:place] and not any(np.isnan(array[place]).any() for array in own)
            ]  # fmt: skip
            # Without its optional arguments a function mostly bends where it does with them.
            sparse = SLOW.get(function.name, 1) * (1 if given == names else 3)
            asked = asked if EVERYTHING else asked[::sparse]
            if asked:
                tensors = {n: a if function.argument(n).shared else a[asked] for n, a in scene.tensors.items()}
                yield {**function.defaults(), **scene.options}, tensors, [scene.places[place] for place in asked]


def has(value: Any, kind: Callable[[Any], bool]) -> bool:
    """Whether a number somewhere in nested lists is of a kind."""
    return any(has(part, kind) for part in value) if isinstance(value, list) else isinstance(value, mpf) and kind(value)


@every_function
def test_values_at_edges(function: TensorFunction) -> None:
    with mp.workdps(DIGITS_AT_EDGES):
        wrong = [
            line
            for options, tensors, regions in edge_scenes(function)
            for line in compared(function, options, tensors, regions)
        ]
    assert not wrong, "\n".join(wrong)


def put_together(losses: Any, counts: Any, weight: Any, reduction: str, rows: str) -> Any:
    """Losses and what they count (arrays of one shape) with the options `rows` and `reduction`; the weight counts after rows."""
    if rows != "none":
        losses, counts = losses.sum(axis=-1) / (losses.shape[-1] if rows == "mean" else 1), np.ones(losses.shape[:-1], dtype=object)  # fmt: skip
    weighted = losses * weight
    divisors = {
        "sum": lambda: 1,
        "mean": counts.sum,
        "weighted_mean": (counts * weight).sum,
        "batch_mean": lambda: len(losses),
    }
    return weighted if reduction == "none" else weighted.sum() / mpf(divisors[reduction]())


@pytest.mark.parametrize("function", [f for f in TENSOR_FUNCTIONS.values() if f.weighted], ids=lambda f: f.name)
def test_results_are_put_together_as_reductions_say(function: TensorFunction) -> None:
    """Here the second number of a definition shows: what a result counts."""
    size = sizes(function)[1]
    options = {**function.defaults(), **({"ignore_index": 2} if "ignore_index" in function.defaults() else {})}
    names = [argument.name for argument in function.arguments]
    with mp.workdps(DIGITS):
        tensors = dict(
            fitting(function, drawn(function, names, (2, 3) if function.batched else (), size, "reduced"), options)
        )
        found = [retyped(function, options, core) for core in places(function, tensors)]
        shape = result_shape(function, options, tensors)
        losses = np.array([a for results, _ in found for a in results], dtype=object).reshape(shape)
        counts = np.array([count for results, count in found for _ in results], dtype=object).reshape(shape)
        for reduction, rows in product(function.reductions, function.rows or ("none",)):
            wide = shape if rows == "none" else shape[:-1]
            weight = (np.arange(np.prod(wide)) % 4 / 2).reshape(wide)
            asked = (
                {**options, "reduction": reduction, "rows": rows}
                if function.rows
                else {**options, "reduction": reduction}
            )
            truth = asked_of(function, asked, {**tensors, "weight": weight}).truth
            exact_weight = np.array([mpf(a) for a in weight.reshape(-1).tolist()], dtype=object).reshape(wide)
            expected = np.reshape(put_together(losses, counts, exact_weight, reduction, rows), -1)
            assert len(truth) == len(expected)
            for row, one in enumerate(expected):
                assert is_right(truth, row, one), (reduction, rows, mpmath.nstr(one, 33), shown(truth, row))


STEP = mpf(2) ** -66
"""What numbers are moved by for a difference: at 60 digits it is right to about 40."""


@every_function
def test_gradients_are_differences(function: TensorFunction) -> None:
    """Of Σ cᵢ·resultᵢ, with a cotangent c in which nothing cancels, in every number of an argument; ties apart.

    With every choice of optional arguments in all of them; with every sample of options in one, in turn, unless in all.
    """
    wrong: list[str] = []
    seen = dict.fromkeys((a.name for a in function.arguments if a.differentiable and a.kind not in WHOLE and a.kind != "mask"), 0)  # fmt: skip
    with mp.workdps(DIGITS):
        for turn, (options, tensors) in enumerate(ordinary(function, small=True)):
            given = [name for name in seen if name in tensors]
            several = EVERYTHING or options == function.samples()[0]
            for wrt in given if several else [given[turn % len(given)]]:
                rows, differing = differences(function, options, tensors, wrt)
                seen[wrt] += rows
                wrong += differing
    assert not wrong, "\n".join(wrong)
    assert all(seen.values()), f"nothing was compared for an argument: {seen}"


def differences(function: TensorFunction, options: Options, tensors: Tensors, wrt: str) -> tuple[int, list[str]]:
    """How many derivatives were compared, and where they differ, in words."""
    cores = places(function, tensors)
    middle = [retyped(function, options, core)[0] for core in cores]
    seeds = [[mpf((-2) ** (i % 4)) for i in range(len(results))] for results in middle]
    cotangent = np.array([float(seed) for row in seeds for seed in row]).reshape(result_shape(function, options, tensors))  # fmt: skip
    found = asked_of(function, options, tensors, "gradient", wrt, cotangent)
    shared = function.argument(wrt).shared
    size = len(found.truth) if shared else len(found.truth) // len(cores)

    def moved(place: int, at: int, step: Any) -> Any:
        core = cores[place]
        flat = np.array(core[wrt], dtype=object)
        flat.reshape(-1)[at] += step
        results, _ = retyped(function, options, {**core, wrt: flat.tolist()})
        # What is infinite is so everywhere near, and has no part in the derivative.
        return sum(seed * a for seed, a in zip(seeds[place], results, strict=True) if not mp.isinf(a))

    count, wrong = 0, []
    for row in range(len(found.truth)):
        met = range(len(cores)) if shared else [row // size]
        tied = found.tied is not None and found.tied[row]
        if tied or any(mp.isnan(a) for place in met for a in middle[place]):
            continue
        expected = sum((moved(p, row % size, STEP) - moved(p, row % size, -STEP)) / (2 * STEP) for p in met)
        count += 1
        near = found.truth.kind[row] in (FINITE, ZERO, UNDERFLOW) and (
            abs(as_number(found.truth, row) - expected) <= mpf(2) ** -BITS * (1 + abs(expected))
        )
        if not near:
            wrong.append(
                f"{function.name} d/d{wrt}[{row}]: {mpmath.nstr(expected, 33)} here, "
                f"{shown(found.truth, row)} in the standard; {options}, {cores}"
            )
    return count, wrong
