"""Functions of tensors (losses, activations along an axis, gated ones) and their gradients, as a careful user of NumPy would write them.

float16 and bfloat16 are computed in float32 and rounded once; float32 in float32, float64 in float64, never wider. Each
function is a core (see `core`), derived by hand from the textbook; what all functions share (axis, rows, weights, reductions,
checks) is done here once. Knows neither the standard nor the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import classification, divergence, embedding, gated, margin, normalising, regression, segmentation, sequence
from .core import Core
from .layout import Laid, core_back, core_last, lay_out, working_precision
from .reduction import (
    Results,
    check_weight_shape,
    cotangent_of_own_weights,
    cotangent_of_results,
    gradient_of_weight,
    put_rows_together,
    reduce,
)
from .signature import Signature
from .signatures import SIGNATURES
from .sums import by_label

CORES: Mapping[str, Core] = {
    **normalising.CORES,
    **gated.CORES,
    **regression.CORES,
    **classification.CORES,
    **divergence.CORES,
    **margin.CORES,
    **embedding.CORES,
    **segmentation.CORES,
    **sequence.CORES,
}


def evaluate(
    name: str,
    arrays: Mapping[str, Any],
    options: Mapping[str, Any],
    quantity: str = "value",
    wrt: str = "",
    cotangent: Any | None = None,
    generator: np.random.Generator | None = None,
) -> np.ndarray:
    """The value of a function of tensors, or the derivative of Σ value · cotangent in the argument `wrt`.

    `arrays`: the arguments by name, None or absent where optional ones are not given. `options`: those that differ from the
    defaults. `quantity`: "value" or "gradient"; the cotangent has the shape of the value and is one where none is given.
    `generator`: where functions that draw take their numbers; without one the noise is 0.
    The result has the dtype of the float arguments; a gradient has the shape of its argument.

    Raises KeyError for an unknown function; TypeError for missing or unknown arguments and options, and for dtypes that do not fit;
    ValueError for shapes that do not agree exactly, and for labels, weights and options outside their domain.
    """
    signature, core = SIGNATURES[name], CORES[name]
    settings = signature.checked(name, options)
    laid = lay_out(name, signature, arrays, settings)
    own = {setting.name: settings[setting.name] for setting in signature.settings}
    if signature.drawn and generator is not None:
        shape = laid.arrays[signature.arguments[0].name].shape
        own["noise"] = generator.gumbel(size=shape).astype(working_precision(laid.dtype))
    with np.errstate(all="ignore"):
        if quantity == "value":
            results = _results(signature, laid, core.value(laid.arrays, own))
            return np.asarray(_finished(signature, laid, settings, results)).astype(laid.dtype)
        if quantity != "gradient":
            raise ValueError(f"unknown quantity {quantity!r}; known are value, gradient")
        return _gradient(name, signature, core, laid, settings, own, wrt, cotangent).astype(laid.dtype)


def _results(signature: Signature, laid: Laid, outcome: Any) -> Results:
    """What a core gives, in the shape of the loop."""
    numbers, own = outcome if isinstance(outcome, tuple) else (outcome, None)
    core = numbers.shape[1:]
    return Results(numbers.reshape(laid.loop + core), None if own is None else own.reshape(laid.loop))


def _finished(signature: Signature, laid: Laid, settings: Mapping[str, Any], results: Results) -> np.ndarray:
    if signature.reductions:
        return reduce(results, laid.weight, settings)
    return _core_back(signature, laid, results.numbers)


def _shape_of_result(signature: Signature, laid: Laid, core: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a result whose core dimension goes back to the axis that it came from."""
    if laid.axes is None or not signature.result:
        return laid.loop + core
    if len(laid.axes) > 1:
        return laid.whole
    shape = list(laid.whole)
    shape[laid.axes[0]] = core[0]
    return tuple(shape)


def _core_back(signature: Signature, laid: Laid, numbers: np.ndarray) -> np.ndarray:
    if laid.axes is None or not signature.result:
        return numbers
    return core_back(numbers, laid.axes, _shape_of_result(signature, laid, numbers.shape[len(laid.loop) :]))


def _gradient(
    name: str,
    signature: Signature,
    core: Core,
    laid: Laid,
    settings: Mapping[str, Any],
    own: Mapping[str, Any],
    wrt: str,
    given: Any | None,
) -> np.ndarray:
    argument = next((a for a in signature.arguments if a.name == wrt and a.differentiable and a.is_float), None)
    of_weight = wrt == "weight" and argument is None and signature.weighted
    if (argument is None and not of_weight) or (laid.weight if of_weight else laid.arrays.get(wrt)) is None:
        names = [a.name for a in signature.arguments if a.differentiable and laid.arrays.get(a.name) is not None]
        raise ValueError(f"{name}: no argument {wrt!r} to differentiate in; this call has {', '.join(names)}")
    results = _results(signature, laid, core.value(laid.arrays, own))
    cotangent = _cotangent(name, signature, laid, settings, results, given)
    if of_weight and laid.weight is not None:
        return gradient_of_weight(results, laid.weight, settings, cotangent)
    assert argument is not None
    if signature.reductions:
        seeds = cotangent_of_results(results, laid.weight, settings, cotangent)
    elif laid.axes is not None and signature.result:
        seeds = core_last(cotangent, laid.axes)
    else:
        seeds = cotangent
    core_shape = results.numbers.shape[len(laid.loop) :]
    count = int(np.prod(laid.loop))
    seeds = np.ascontiguousarray(seeds).reshape(count, *core_shape)
    found = core.gradient(laid.arrays, own, seeds)[wrt]
    if wrt == "class_weight":
        more = cotangent_of_own_weights(results, laid.weight, settings, cotangent)
        if more is not None:
            labels = laid.arrays["labels"]
            kept = labels != own.get("ignore_index")
            found = found + by_label(more.reshape(-1)[kept], labels[kept], found.shape[0])
    if argument.shared:
        return found
    # What does not count has no part in it, whatever the derivative is there.
    idle = (seeds == 0).all(axis=tuple(range(1, seeds.ndim)))
    found = np.where(idle.reshape(count, *(1,) * (found.ndim - 1)), found.dtype.type(0), found)
    found = found.reshape(laid.loop + found.shape[1:])
    if laid.axes is not None and len(argument.core) == 1:
        return core_back(found, laid.axes, laid.whole)
    return found


def _cotangent(
    name: str, signature: Signature, laid: Laid, settings: Mapping[str, Any], results: Results, given: Any | None
) -> np.ndarray:
    """The cotangent in the shape of the result, in the working precision. Raises ValueError for another shape."""
    shape: tuple[int, ...]
    if signature.reductions:
        numbers = put_rows_together(results.numbers, settings)
        check_weight_shape(numbers, laid.weight)
        shape = numbers.shape if settings["reduction"] == "none" else ()
    else:
        shape = _shape_of_result(signature, laid, results.numbers.shape[len(laid.loop) :])
    working = working_precision(laid.dtype)
    if given is None:
        return np.ones(shape, working)
    cotangent = np.asarray(given)
    if cotangent.shape != shape:
        raise ValueError(
            f"{name}: the cotangent has the shape {cotangent.shape} and the result {shape}; give one shape"
        )
    return cotangent.astype(working)
