"""The planted faults of functions of tensors, and the rules under which each must be found.

A fault that reads the question otherwise, or has another definition, differentiates consistently: it is the truth of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.formats import FORMATS, round_to, values
from conformance.standard.real import (
    absolute,
    counted,
    dot,
    exp,
    log,
    log_sum_exp,
    maximum,
    minimum,
    softplus,
    sqrt,
    total,
    xlogx,
)  # fmt: skip
from conformance.standard.tensors import Weighted
from conformance.truth.tape import Variable
from conformance.truth.tensors import Asked
from tests.tensor_toy import Call, Misread, Numbers, Strike, TensorFault, core_last, nudged

Where = Callable[[Call], bool]


# --- what a fault strikes ---------------------------------------------------------------------------------------------


def quantity(*names: str, wrt: str = "") -> Where:
    """Calls that ask one of these, in this argument if one is named."""
    return lambda call: call.asked.quantity in names and wrt in ("", call.asked.wrt)


VALUE, GRADIENT = quantity("value"), quantity("gradient")


def always(call: Call) -> bool:
    return True


def scaled(where: Where, factor: float) -> Strike:
    """Results multiplied by a number."""
    return lambda call, y: y * factor if where(call) else y


def put(where: Where, mask: Callable[[Call, Numbers], Any], number: float) -> Strike:
    """Results replaced by a number, where a mask of their shape says so."""

    def strike(call: Call, y: Numbers) -> Numbers:
        return np.where(mask(call, y), number, y) if where(call) else y

    return strike


def by(where: Where, steps: int) -> Strike:
    """Results moved by some units in the last place."""
    return lambda call, y: nudged(y, call.format, steps) if where(call) else y


def computed(
    value: Callable[[Call, Sequence[Numbers]], Numbers], *names: str, where: Where = lambda call: True
) -> Strike:
    """The value, computed by a formula in the arithmetic of the format; bfloat16 in float32."""

    def strike(call: Call, y: Numbers) -> Numbers:
        if call.asked.quantity != "value" or not where(call):
            return y
        kind = {"float16": np.float16, "float64": np.float64}.get(call.format.name, np.float32)
        given = [laid(call, name).astype(kind) for name in names]
        with np.errstate(all="ignore"):
            found = np.asarray(value(call, given), dtype=np.float64)
        return np.moveaxis(found, -1, call.asked.options["axis"]) if call.asked.function.result else found

    return strike


def laid(call: Call, name: str) -> Numbers:
    """An argument with its core last."""
    return core_last(call.asked.function, name, call.asked.tensors[name], call.asked.options)


def rows_with(call: Call, name: str, what: Callable[[Any], Any]) -> Any:
    """Which rows of an argument hold such a number, with a dimension of length one in place of the core."""
    axis = call.asked.options["axis"]
    axis = tuple(axis) if isinstance(axis, list) else axis
    return what(call.asked.tensors[name]).any(axis=axis, keepdims=True)


# --- what a fault understands -----------------------------------------------------------------------------------------


def options(where: Where = always, **changed: Any) -> Misread:
    """The call as if these options had been given."""
    return lambda call: replace(call.asked, options={**call.asked.options, **changed}) if where(call) else call.asked


def option(name: str, of: Callable[[Call, Any], Any]) -> Misread:
    """The call with another value of one option."""
    return lambda call: replace(call.asked, options={**call.asked.options, name: of(call, call.asked.options[name])})


def default(name: str) -> Misread:
    """The call as if this option had its default in the standard."""
    return lambda call: replace(call.asked, options={**call.asked.options, name: call.asked.function.defaults()[name]})


def without(name: str, where: Where = always) -> Misread:
    """The call without an optional argument."""

    def misread(call: Call) -> Asked:
        kept = {n: a for n, a in call.asked.tensors.items() if n != name}
        return replace(call.asked, tensors=kept) if where(call) and call.asked.wrt != name else call.asked

    return misread


def argument(name: str, of: Callable[[Call, Any], Any], where: Where = always) -> Misread:
    """The call with other numbers for one argument, where it is given."""

    def misread(call: Call) -> Asked:
        given = dict(call.asked.tensors)
        if name in given and where(call):
            given[name] = of(call, given[name])
        return replace(call.asked, tensors=given)

    return misread


def defined(definition: Callable[..., Any], where: Where = always) -> Misread:
    """The call of a function with another definition. Keys of the truth hold its source: no closures."""
    known: dict[Any, Any] = {}

    def misread(call: Call) -> Asked:
        function = call.asked.function
        if function not in known:
            known[function] = replace(function, name=f"{function.name} as {definition.__name__}", definition=definition)
        return replace(call.asked, function=known[function]) if where(call) else call.asked

    return misread


def no_cotangent(call: Call) -> Asked:
    return replace(call.asked, cotangent=None)


def constant(x: Any) -> Any:
    """A number through which no derivative goes."""
    return Variable(x.tape, x.value, None, (), ()) if isinstance(x, Variable) else x


# --- other definitions ------------------------------------------------------------------------------------------------


def _softmax_of_constant_sum(x: Any, where: Any = None) -> Any:
    """The derivative of the denominator is missing."""
    there = [c for c in range(len(x)) if where is None or where[c]]
    partition: Any = constant(total([exp(x[c]) for c in there])) if there else None
    return tuple(exp(x[c]) / partition if c in there else 0 for c in range(len(x)))


def _there(logits: Any, where: Any) -> list[Any]:
    return [x for x, counts in zip(logits, where or (True,) * len(logits), strict=True) if counts]


def _surprise(logits: Any, label: int, where: Any = None) -> Any:
    there = _there(logits, where)
    return (log_sum_exp(there) if len(there) > 1 else there[0]) - logits[label]


def _mean_over_samples(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """Class weights count in the numerator alone."""
    if labels == ignore_index:
        return Weighted(0, 0)
    loss = _surprise(logits, labels, where)
    return Weighted(loss if class_weight is None else class_weight[labels] * loss, 1)


def _ignored_in_the_denominator(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    return Weighted(0 if labels == ignore_index else _surprise(logits, labels, where), 1)


def _smoothed_by_one_less(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """ε is spread over the C − 1 other classes."""
    if labels == ignore_index:
        return Weighted(0, 0)
    others = [_surprise(logits, c) for c in range(len(logits)) if c != labels]
    return Weighted(
        (1 - label_smoothing) * _surprise(logits, labels) + label_smoothing / len(others) * total(others), 1
    )


def _smoothing_without_weights(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """The smoothed part of the target is not weighed by its classes' weights, but by the label's."""
    weight = 1 if class_weight is None else class_weight[labels]
    spread = total([_surprise(logits, c) for c in range(len(logits))])
    loss = (1 - label_smoothing) * _surprise(logits, labels) + label_smoothing / len(logits) * spread
    return Weighted(weight * loss, weight)


def _constant_normaliser(
    logits: Any, labels: int, ignore_index: Any, label_smoothing: Any, class_weight: Any = None, where: Any = None
) -> Any:
    """The derivative of log Σ e^x is stopped."""
    there = _there(logits, where)
    return Weighted(constant(log_sum_exp(there)) - logits[labels], 1)


def _huber_without_half(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - target)
    return size * size if size <= delta else delta * (size - delta / 2)


def _huber_as_smooth_l1(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - target)
    return size * size / (2 * delta) if size <= delta else size - delta / 2


def _huber_with_a_jump(prediction: Any, target: Any, delta: Any) -> Any:
    """½δ where ½δ² is due: the same for δ = 1."""
    size = absolute(prediction - target)
    return size * size / 2 if size <= delta else delta * size - delta / 2


def _huber_of_constant_target(prediction: Any, target: Any, delta: Any) -> Any:
    size = absolute(prediction - constant(target))
    return size * size / 2 if size <= delta else delta * (size - delta / 2)


def _pos_weight_on_the_negatives(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    weight = 1 if pos_weight is None else pos_weight
    return counted(t, softplus(-logits)) + counted(1 - t, softplus(logits)) * weight


def _pos_weight_on_both(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    loss = counted(t, softplus(-logits)) + counted(1 - t, softplus(logits))
    return loss if pos_weight is None else loss * pos_weight


def _smoothed_towards_zero(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    """ε/2 is not added."""
    t = target * (1 - label_smoothing)
    positive = t if pos_weight is None else t * pos_weight
    return counted(positive, softplus(-logits)) + counted(1 - t, softplus(logits))


def _constant_binary_target(logits: Any, target: Any, label_smoothing: Any, pos_weight: Any = None) -> Any:
    t = constant(target) * (1 - label_smoothing) + label_smoothing / 2
    positive = t if pos_weight is None else t * pos_weight
    return counted(positive, softplus(-logits)) + counted(1 - t, softplus(logits))


def _without_entropy(log_prediction: Any, target: Any, where: Any = None, *, log_target: Any) -> Any:
    if where is False:
        return 0
    return -counted(exp(target) if log_target else target, log_prediction)


def _exp_without_its_derivative(log_prediction: Any, target: Any, where: Any = None, *, log_target: Any) -> Any:
    """∂/∂log t of t·(log t − log p) is t·(log t − log p + 1): the second part is lost."""
    if where is False:
        return 0
    if not log_target:
        return xlogx(target) - counted(target, log_prediction)
    return exp(target) * (constant(target) - log_prediction) if target > -100 else counted(exp(target), log_prediction)


def _epsilon_added(first: Any, second: Any, where: Any, epsilon: Any, floor: str, factor: Any) -> Any:
    kept = [c for c in range(len(first)) if where is None or where[c]]
    a, b = ([v[c] for c in kept] for v in (first, second))
    return factor * dot(a, b) / (sqrt(dot(a, a)) * sqrt(dot(b, b)) + epsilon)


def _floored(squares: Any, epsilon: Any) -> Any:
    return maximum(constant(sqrt(squares)), epsilon)


def _constant_norms(first: Any, second: Any, where: Any, epsilon: Any, floor: str, factor: Any) -> Any:
    kept = [c for c in range(len(first)) if where is None or where[c]]
    a, b = ([v[c] for c in kept] for v in (first, second))
    return factor * dot(a, b) / (_floored(dot(a, a), epsilon) * _floored(dot(b, b), epsilon))


def _distance(first: Any, second: Any, p: int) -> Any:
    sizes = [absolute(a - b) for a, b in zip(first, second, strict=True)]
    if p == 1:
        return total(sizes)
    powers = total([size * size if p == 2 else size * size * size for size in sizes])
    return sqrt(powers) if p == 2 else exp(log(powers) / 3)


def _not_hinged(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    return _distance(anchor, positive, p) - _distance(anchor, negative, p) + margin


def _swapped_for_the_farther(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    far = _distance(anchor, negative, p)
    if swap:
        far = maximum(far, _distance(positive, negative, p))
    return maximum(_distance(anchor, positive, p) - far + margin, 0)


def _positive_is_constant(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    near, far = _distance(anchor, [constant(x) for x in positive], p), _distance(anchor, negative, p)
    return maximum(near - (minimum(far, _distance(positive, negative, p)) if swap else far) + margin, 0)


def _squared_distances(
    anchor: Any, positive: Any, negative: Any, margin: Any, p: int, epsilon: Any, epsilon_in: str, swap: bool
) -> Any:
    """No root is taken."""
    near, far = _distance(anchor, positive, p), _distance(anchor, negative, p)
    return maximum(near * near - far * far + margin, 0)


# --- arithmetic that loses what a careful one keeps -------------------------------------------------------------------


def _softmax_unshifted(call: Call, given: Sequence[Numbers]) -> Numbers:
    powers = np.exp(given[0])
    found: Numbers = powers / powers.sum(axis=-1, keepdims=True)
    return found


def _picked(table: Numbers, labels: Any) -> Numbers:
    return np.take_along_axis(table, labels.astype(np.int64)[..., None], -1)[..., 0]


def _log_of_softmax(call: Call, given: Sequence[Numbers]) -> Numbers:
    logits, labels = given
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return -np.log(_picked(powers / powers.sum(axis=-1, keepdims=True), labels))


def _unshifted_cross_entropy(call: Call, given: Sequence[Numbers]) -> Numbers:
    logits, labels = given
    found: Numbers = np.log(np.exp(logits).sum(axis=-1)) - _picked(logits, labels)
    return found


def _shifted_by_the_batch(call: Call, given: Sequence[Numbers]) -> Numbers:
    """The largest logit of all samples is subtracted, not that of each."""
    logits, labels = given
    largest = logits.max() if logits.size else 0
    found: Numbers = np.log(np.exp(logits - largest).sum(axis=-1)) + largest - _picked(logits, labels)
    return found


def _log_of_one_more(call: Call, given: Sequence[Numbers]) -> Numbers:
    """log(1 + e^−|x|), where log1p is due."""
    x, t = given
    found: Numbers = np.maximum(x, 0) - x * t + np.log(1 + np.exp(-np.abs(x)))
    return found


def _log_of_sigmoid(call: Call, given: Sequence[Numbers]) -> Numbers:
    x, t = given
    p = 1 / (1 + np.exp(-x))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def _log_of_zero(call: Call, given: Sequence[Numbers]) -> Numbers:
    """t·(log t − log p) as it is written."""
    log_p, t = given
    return t * (np.log(t) - log_p)


def _one_by_one(call: Call, given: Sequence[Numbers]) -> Numbers:
    """Losses added up one after the other in the format itself."""
    error = np.abs(given[0] - given[1]).reshape(-1)
    losses = np.where(error <= 1, error * error / 2, error - error.dtype.type(0.5))
    added = np.add.accumulate(losses, dtype=losses.dtype)[-1]
    return _of_added(call, float(added), losses.size)


def _pairwise(call: Call, given: Sequence[Numbers]) -> Numbers:
    """Losses added up in the format itself, in pairs: what overflows is the sum, before a mean is taken of it."""
    error = np.abs(given[0] - given[1]).reshape(-1)
    losses = np.where(error <= 1, error * error / 2, error - error.dtype.type(0.5))
    added = losses.astype(np.float64).sum().astype(losses.dtype)
    return _of_added(call, float(added), losses.size)


def _of_added(call: Call, added: float, count: int) -> Numbers:
    return np.array(added if call.asked.options["reduction"] == "sum" else added / count)


def _in_float32(call: Call, y: Numbers) -> Numbers:
    if call.format.name != "float64":
        return y
    single = FORMATS["float32"]
    return values(round_to(y.reshape(-1), single), single).reshape(y.shape)


def _flushed(call: Call, y: Numbers) -> Numbers:
    return np.where(np.abs(y) < call.format.smallest_normal, np.copysign(0.0, y), y)


# --- what goes wrong with tensors -------------------------------------------------------------------------------------


def _rows_or_all(call: Call) -> bool:
    return call.asked.options["reduction"] in ("mean", "weighted_mean")


def _masked(call: Call) -> Any:
    return ~np.asarray(call.asked.tensors["where"], dtype=bool)


def _leaked(name: str, of: str) -> Callable[[Call, Numbers], Any]:
    """Rows in which an ignored or masked number is NaN."""
    return lambda call, y: np.broadcast_to(_spoilt_rows(call, name, y), y.shape)


def _spoilt_rows(call: Call, name: str, y: Numbers) -> Any:
    nan: Any = np.isnan(laid(call, name)).any(axis=-1)
    return nan if y.ndim == nan.ndim else nan[..., None] if y.ndim > nan.ndim else nan.any()


def _transposed(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[::-1]


def _kept(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A dimension of length one is left where the rows were."""
    given = call.asked.options
    return (
        (*shape, 1) if given.get("rows", "none") != "none" and given["reduction"] == "none" and VALUE(call) else shape
    )


def _vector(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape or ((1,) if VALUE(call) else shape)


def _base_instead_of_view(call: Call, y: Numbers) -> Numbers:
    return np.roll(y, 1) if "strided" in call.views.values() else y


def _last_careless(call: Call, y: Numbers) -> Numbers:
    """The last sample is one unit in the last place off: within every bar."""
    if not VALUE(call) or y.ndim < 1 or y.shape[0] < 2:
        return y
    changed = y.copy()
    changed[-1:] = nudged(y[-1:], call.format, 1)
    return changed


def _nan_everywhere(call: Call, y: Numbers) -> Numbers:
    """A NaN in any sample makes every sample NaN."""
    first = next(iter(call.asked.tensors.values()))
    return np.full_like(y, np.nan) if np.isnan(first).any() else y


def _first_of_several(call: Call, y: Numbers) -> Numbers:
    """Fast code for more than one sample, and other code for one alone, which is wrong."""
    first = next(iter(call.asked.tensors.values()))
    return y * 1.001 if VALUE(call) and first.ndim and first.shape[0] == 1 else y


def detailed(*details: str, **wanted: Any) -> Callable[[Any], bool]:
    """Cases with one of these details, and with these fields or options."""
    return lambda case: (
        (not details or case.detail in details)
        and all(getattr(case, name, case.parameters.get(name)) == value for name, value in wanted.items())
    )


def only(**wanted: Any) -> Callable[[Any], bool]:
    """A finding whose fields are just these."""
    return lambda finding: all(getattr(finding, name) == value for name, value in wanted.items())


def about(text: str) -> Callable[[Any], bool]:
    """A finding in a region with such a name."""
    return lambda finding: text in finding.region


INFORMATION = only(severity="information")

FAULTS: tuple[TensorFault, ...] = (
    # name, function, the rules under which it must be found, those under which it may show too, and what is spoilt
    # --- numbers
    TensorFault("constant off by 1e-3", "softmax", ("value",), ("property.sums_to_one",), strike=scaled(VALUE, 1.001), topics=("draws",)),
    TensorFault("constant off by 1e-6", "softmax", ("value",), strike=scaled(VALUE, 1 + 1e-6), topics=("draws",)),
    TensorFault("constant off by 1e-6 in a loss", "triplet_margin", ("value",), strike=scaled(VALUE, 1 + 1e-6), topics=("draws",)),
    TensorFault("not multiplied by its half", "huber", ("value",), ("gradient.forward", "gradient.prediction", "gradient.target"), misreads=defined(_huber_without_half), topics=("draws",)),
    TensorFault("above its range", "softmax", ("property.range",), strike=lambda call, y: np.where(y == 1, nudged(y, call.format, 1), y) if VALUE(call) else y),
    TensorFault("below zero", "huber", ("property.nonnegative",), strike=put(VALUE, lambda c, y: y == 0, -1e-45)),
    TensorFault("does not sum to one", "softmax", ("property.sums_to_one",), ("value",), strike=scaled(VALUE, 1.00001), topics=("draws",)),
    TensorFault("float64 computed in float32", "cosine_similarity", ("value",), ("gradient.first", "gradient.second"), strike=_in_float32, topics=("draws",), dtypes=("float32", "float64"), only=only(dtypes=("float64",))),
    TensorFault("wrong only in bfloat16", "softmax", ("value",), ("property.sums_to_one",), strike=scaled(lambda call: VALUE(call) and call.format.name == "bfloat16", 1.1), topics=("draws",), dtypes=("bfloat16", "float32"), only=only(dtypes=("bfloat16",))),
    TensorFault("wrong only when compiled", "softmax", ("value",), ("property.sums_to_one",), strike=scaled(lambda call: VALUE(call) and call.mode == "compiled", 1.1), topics=("draws",), modes=("eager", "compiled"), only=only(modes=("compiled",))),
    # --- arithmetic
    TensorFault("largest logit not subtracted", "softmax", ("edge",), strike=computed(_softmax_unshifted, "x", where=lambda call: "where" not in call.asked.tensors), topics=("edges",), only=only(severity="wrong")),
    TensorFault("log Σ e^x without subtracting the largest", "cross_entropy", ("edge",), ("property.nonnegative",), strike=computed(_unshifted_cross_entropy, "logits", "labels", where=lambda call: len(call.asked.tensors) == 2 and call.asked.options["label_smoothing"] == 0 and call.asked.options["ignore_index"] is None), topics=("edges",), only=only(severity="wrong")),
    TensorFault("the batch's largest logit subtracted", "cross_entropy", ("edge",), ("property.nonnegative",), strike=computed(_shifted_by_the_batch, "logits", "labels", where=lambda call: len(call.asked.tensors) == 2 and call.asked.options["label_smoothing"] == 0 and call.asked.options["ignore_index"] is None), topics=("edges",), only=only(severity="wrong")),
    TensorFault("logarithm of softmax", "cross_entropy", ("edge",), strike=computed(_log_of_softmax, "logits", "labels", where=lambda call: len(call.asked.tensors) == 2 and call.asked.options["label_smoothing"] == 0 and call.asked.options["ignore_index"] is None), topics=("edges",), only=about("label")),
    TensorFault("log where log1p is due", "binary_cross_entropy_with_logits", ("edge",), strike=computed(_log_of_one_more, "logits", "target", where=lambda call: len(call.asked.tensors) == 2 and call.asked.options["label_smoothing"] == 0), topics=("edges",)),
    TensorFault("logarithm of sigmoid", "binary_cross_entropy_with_logits", ("edge",), strike=computed(_log_of_sigmoid, "logits", "target", where=lambda call: len(call.asked.tensors) == 2 and call.asked.options["label_smoothing"] == 0), topics=("edges",)),
    TensorFault("0·log 0 is NaN", "kl_divergence", ("edge",), strike=computed(_log_of_zero, "log_prediction", "target", where=lambda call: len(call.asked.tensors) == 2 and not call.asked.options["log_target"]), topics=("edges",), only=about("target 0")),
    TensorFault("losses added one by one in float16", "huber", ("size",), strike=computed(_one_by_one, "prediction", "target"), topics=("sizes",), asks=detailed("100003-sum", "100003-mean"), dtypes=("float16",), only=only(severity="wrong")),
    TensorFault("losses added one by one in float32", "huber", ("size",), strike=computed(_one_by_one, "prediction", "target"), topics=("sizes",), asks=detailed("100003-sum")),
    TensorFault("the sum overflows before the mean is taken", "huber", ("size",), strike=computed(_pairwise, "prediction", "target"), topics=("sizes",), asks=detailed("100003-mean"), dtypes=("float16",), only=only(severity="wrong")),
    TensorFault("flushes subnormals", "kl_divergence", ("flush",), strike=_flushed, only=only(function="*", severity="information")),
    TensorFault("flushes what is nearly impossible", "softmax", ("flush",), strike=_flushed, only=only(function="*", severity="information")),
    # --- reductions, rows, weights
    TensorFault("sum instead of mean", "huber", ("reduction.mean",), ("weight",), misreads=option("reduction", lambda call, r: "sum" if r == "mean" else r), topics=("reductions",)),
    TensorFault("mean instead of sum", "cross_entropy", ("reduction.sum",), ("weight",), misreads=option("reduction", lambda call, r: "mean" if r == "sum" else r), topics=("reductions",)),
    TensorFault("reduction ignored", "huber", ("shape",), ("reduction.batch_mean", "reduction.mean", "reduction.weighted_mean", "weight"), misreads=options(reduction="none"), topics=("reductions",), modes=("eager",)),
    TensorFault("batch mean divides by everything", "kl_divergence", ("reduction.batch_mean",), ("weight",), misreads=option("reduction", lambda call, r: "mean" if r == "batch_mean" else r), topics=("reductions",)),
    TensorFault("mean divides by the first dimension", "huber", ("reduction.mean",), ("weight",), misreads=option("reduction", lambda call, r: "batch_mean" if r == "mean" else r), topics=("reductions",)),
    TensorFault("mean divides by one less", "huber", ("reduction.mean",), ("weight",), strike=lambda call, y: y * _elements(call) / max(_elements(call) - 1, 1) if call.asked.options["reduction"] == "mean" else y, topics=("reductions",)),
    TensorFault("weighted mean divides by the number", "huber", ("weight",), misreads=option("reduction", lambda call, r: "mean" if r == "weighted_mean" else r), topics=("reductions",)),
    TensorFault("mean of weighted losses divides by the weights", "huber", ("weight",), misreads=option("reduction", lambda call, r: "weighted_mean" if r == "mean" else r), topics=("reductions",)),
    TensorFault("weight ignored", "huber", ("weight",), misreads=without("weight"), topics=("reductions",)),
    TensorFault("weight applied twice", "huber", ("weight",), misreads=argument("weight", lambda call, w: w * w), topics=("reductions",)),
    TensorFault("weight of the wrong sample", "cross_entropy", ("weight",), misreads=argument("weight", lambda call, w: w[::-1]), topics=("reductions",)),
    TensorFault("weight broadcast along the samples", "huber", ("weight",), misreads=argument("weight", lambda call, w: np.broadcast_to(w[:1], w.shape)), topics=("reductions",)),
    TensorFault("weight 0 is no weight", "huber", ("weight",), misreads=argument("weight", lambda call, w: np.where(w == 0, 1.0, w)), topics=("reductions",)),
    TensorFault("rows summed instead of averaged", "huber", ("rows.mean",), ("reduction.mean", "weight"), misreads=option("rows", lambda call, r: "sum" if r == "mean" else r), topics=("reductions",)),
    TensorFault("rows along the first axis", "huber", ("shape",), ("reduction.mean", "rows.mean", "rows.sum", "weight"), misreads=option("axis", lambda call, a: 0), topics=("reductions",)),
    TensorFault("rows put together along another axis", "huber", ("shape",), misreads=lambda call: replace(call.asked, options={**call.asked.options, "axis": -1}) if VALUE(call) else call.asked, topics=("axes",)),
    TensorFault("gradient of rows along another axis", "huber", ("axis",), strike=lambda call, y: y[::-1] if GRADIENT(call) else y, topics=("axes",)),
    TensorFault("keeps the dimension of the rows", "huber", ("shape",), shape_of=_kept, topics=("reductions",)),
    TensorFault("a scalar gains a dimension", "cross_entropy", ("shape",), shape_of=_vector, topics=("reductions",)),
    TensorFault("gradient without the factor of the mean", "cross_entropy", ("reduction.mean",), ("weight",), misreads=lambda call: replace(call.asked, options={**call.asked.options, "reduction": "sum"}) if GRADIENT(call) and call.asked.options["reduction"] == "mean" else call.asked, topics=("reductions",), only=about("gradient")),
    TensorFault("gradient with the factor of the mean twice", "huber", ("reduction.mean",), ("weight",), strike=lambda call, y: y / _elements(call) if GRADIENT(call) and call.asked.options["reduction"] == "mean" else y, topics=("reductions",), only=about("gradient")),
    # --- axes, shapes, ranks
    TensorFault("axis is always the last", "softmax", ("axis",), misreads=options(axis=-1), topics=("axes",)),
    TensorFault("one axis refused", "cross_entropy", ("axis",), refuses=lambda call: call.asked.options["axis"] == 1, topics=("axes",)),
    TensorFault("negative axes counted from one too few", "softmax", ("axis",), misreads=option("axis", lambda call, a: -a if isinstance(a, int) and a < 0 and -a < 3 else a), topics=("axes",)),
    TensorFault("of several axes only the last", "softmax", ("axis",), misreads=option("axis", lambda call, a: a if isinstance(a, int) else a[-1]), topics=("axes",), only=about("")),
    TensorFault("normalised over all elements", "softmax", ("value",), ("gradient.forward", "gradient.x", "hessian", "property.sums_to_one"), misreads=lambda call: replace(call.asked, options={**call.asked.options, "axis": tuple(range(call.asked.tensors["x"].ndim))}), topics=("draws",)),
    TensorFault("empty batch refused", "cross_entropy", ("size.empty",), refuses=lambda call: 0 in call.asked.tensors["logits"].shape, topics=("sizes",), asks=detailed("empty")),
    TensorFault("empty sum is NaN", "huber", ("size.empty",), strike=put(VALUE, lambda c, y: c.asked.tensors["prediction"].size == 0, np.nan), topics=("sizes",)),
    TensorFault("empty batch loses its shape", "softmax", ("shape",), ("gradient.x.dtype", "size.empty"), shape_of=lambda call, shape: (0,) if 0 in shape else shape, topics=("sizes",)),
    TensorFault("one class gives NaN", "cross_entropy", ("size",), strike=put(always, lambda c, y: laid(c, "logits").shape[-1] == 1, np.nan), topics=("sizes",)),
    TensorFault("labels kept in eight bits", "cross_entropy", ("size",), misreads=argument("labels", lambda call, n: n.astype(np.uint8).astype(np.int64)), topics=("sizes",), asks=detailed("classes-10000", quantity="value")),
    TensorFault("rank 4 gives the first sample's results", "huber", ("rank",), strike=lambda call, y: np.broadcast_to(y[:1], y.shape) if y.ndim == 3 else y, topics=("ranks",)),
    TensorFault("lone sample computed otherwise", "cross_entropy", ("invariance.rows",), strike=_first_of_several, topics=("rows",)),
    # --- dtypes
    TensorFault("float16 becomes float32", "cross_entropy", ("dtype.preserved",), dtype_of=lambda call: "float32" if VALUE(call) and call.format.name == "float16" else call.format.name, topics=("draws",), dtypes=("float16",)),
    TensorFault("gradient in float32", "huber", ("gradient.prediction.dtype", "gradient.target.dtype"), dtype_of=lambda call: "float32" if GRADIENT(call) else call.format.name, topics=("draws",), dtypes=("bfloat16",)),
    TensorFault("unsigned labels read as signed", "cross_entropy", ("dtype.label",), misreads=argument("labels", lambda call, n: np.where(n > 1, 0, n), where=lambda call: call.dtypes["labels"] == "uint8"), topics=("dtypes",)),
    TensorFault("second argument rounded to the first one's halves", "huber", ("dtype.mixed",), misreads=argument("target", lambda call, t: np.round(t * 2) / 2, where=lambda call: call.dtypes["target"] != "float32"), topics=("dtypes",)),
    # --- gradients
    TensorFault("gradient has the wrong sign", "cross_entropy", ("gradient.logits",), strike=scaled(GRADIENT, -1.0), topics=("draws",)),
    TensorFault("gradient ignores its cotangent", "softmax", ("gradient.x",), ("hessian",), misreads=no_cotangent, topics=("draws",)),
    TensorFault("gradient in the second argument is None", "huber", ("gradient.target",), ("gradient.target.dtype",), none_in=("target",), topics=("draws",)),
    TensorFault("gradient in the second argument is the first one's", "huber", ("gradient.target",), strike=scaled(quantity("gradient", wrt="target"), -1.0), topics=("draws",)),
    TensorFault("target is a constant", "binary_cross_entropy_with_logits", ("gradient.target",), misreads=defined(_constant_binary_target), topics=("draws",)),
    TensorFault("target is a constant of huber", "huber", ("gradient.target",), misreads=defined(_huber_of_constant_target), topics=("draws",)),
    TensorFault("denominator is a constant", "softmax", ("gradient.x", "gradient.forward", "hessian"), misreads=defined(_softmax_of_constant_sum), topics=("draws",)),
    TensorFault("log Σ e^x is a constant", "cross_entropy", ("gradient.logits", "gradient.forward"), ("hessian",), misreads=defined(_constant_normaliser), topics=("draws",)),
    TensorFault("norms are constants", "cosine_similarity", ("gradient.first", "gradient.second"), ("gradient.forward", "hessian"), misreads=defined(_constant_norms), topics=("draws",)),
    TensorFault("positive is a constant", "triplet_margin", ("gradient.positive",), misreads=defined(_positive_is_constant), topics=("draws",)),
    TensorFault("NaN in the gradient of equal arguments", "huber", ("gradient.prediction.edge",), ("gradient.target.edge",), strike=put(GRADIENT, lambda c, y: c.asked.tensors["prediction"] == c.asked.tensors["target"], np.nan), topics=("edges",)),
    TensorFault("second derivative only", "softmax", ("hessian",), strike=scaled(quantity("hessian_vector"), 1.001), topics=("draws",)),
    TensorFault("second derivative is zero", "binary_cross_entropy_with_logits", ("hessian",), strike=scaled(quantity("hessian_vector"), 0.0), topics=("draws",)),
    TensorFault("forward mode only", "huber", ("gradient.forward",), strike=scaled(quantity("forward_gradient"), 1.001), topics=("draws",)),
    TensorFault("exp of the log target has no derivative", "kl_divergence", ("gradient.target.edge",), misreads=defined(_exp_without_its_derivative), topics=("edges",), asks=detailed(quantity="gradient", log_target=True)),
    # --- NaN, masks, labels that are ignored
    TensorFault("NaN swallowed", "huber", ("nan",), strike=put(VALUE, lambda c, y: np.isnan(y), 0.0), topics=("edges",)),
    TensorFault("NaN swallowed by the gradient", "kl_divergence", ("gradient.log_prediction.nan",), ("gradient.target.nan",), strike=put(GRADIENT, lambda c, y: np.isnan(y), 0.0), topics=("edges",)),
    TensorFault("mask ignored", "softmax", ("argument.where",), misreads=without("where"), topics=("arguments",)),
    TensorFault("mask ignored by a loss", "kl_divergence", ("argument.where",), misreads=without("where"), topics=("arguments",)),
    TensorFault("mask of classes ignored", "cross_entropy", ("argument.where",), misreads=without("where"), topics=("arguments",)),
    TensorFault("mask inverted", "cosine_similarity", ("argument.where",), misreads=argument("where", lambda call, m: ~m), topics=("arguments",), asks=detailed(quantity="value", reduction="none")),
    TensorFault("masked NaN reaches the value", "softmax", ("nan",), strike=put(lambda call: VALUE(call) and "where" in call.asked.tensors, _leaked("x", "where"), np.nan), topics=("edges",)),
    TensorFault("masked NaN reaches the gradient", "kl_divergence", ("gradient.log_prediction.nan",), ("gradient.target.nan",), strike=put(lambda call: GRADIENT(call) and "where" in call.asked.tensors, lambda c, y: np.isnan(c.asked.tensors["log_prediction"]), np.nan), topics=("edges",)),
    TensorFault("masked places have a gradient", "softmax", ("argument.where",), strike=put(lambda call: GRADIENT(call) and "where" in call.asked.tensors, lambda c, y: _masked(c), 1.0), topics=("arguments",)),
    TensorFault("masked mean divides by all", "kl_divergence", ("argument.where",), strike=lambda call, y: y * 2 if "where" in call.asked.tensors and call.asked.options["reduction"] == "mean" else y, topics=("arguments",)),
    TensorFault("ignored NaN reaches the value", "cross_entropy", ("nan",), strike=put(VALUE, _leaked("logits", "labels"), np.nan), topics=("edges",)),
    TensorFault("ignored NaN reaches the gradient", "cross_entropy", ("gradient.logits.nan",), strike=put(quantity("gradient", wrt="logits"), _leaked("logits", "labels"), np.nan), topics=("edges",)),
    TensorFault("ignored labels are not ignored", "cross_entropy", ("option.ignore_index",), misreads=default("ignore_index"), topics=("options",), asks=detailed("ignore_index")),
    TensorFault("ignored labels count in the mean", "cross_entropy", ("option.ignore_index",), misreads=defined(_ignored_in_the_denominator, where=lambda call: call.asked.options["label_smoothing"] == 0), topics=("options",), asks=detailed("ignore_index-mean")),
    TensorFault("a NaN sample spoils the others", "cross_entropy", ("invariance.rows",), strike=_nan_everywhere, topics=("rows",)),
    # --- options and optional arguments
    TensorFault("class weights ignored", "cross_entropy", ("argument.class_weight",), misreads=without("class_weight"), topics=("arguments",)),
    TensorFault("class weights ignored in the denominator", "cross_entropy", ("argument.class_weight",), misreads=defined(_mean_over_samples), topics=("arguments",), asks=detailed("mean")),
    TensorFault("class weights made to sum to one", "cross_entropy", ("argument.class_weight",), misreads=argument("class_weight", lambda call, w: w / w.sum(), where=lambda call: call.asked.wrt != "class_weight"), topics=("arguments",)),
    TensorFault("smoothing over the other classes", "cross_entropy", ("option.label_smoothing",), misreads=defined(_smoothed_by_one_less), topics=("options",), asks=detailed("label_smoothing")),
    TensorFault("smoothing off by 1e-3", "cross_entropy", ("option.label_smoothing",), misreads=option("label_smoothing", lambda call, e: e * 1.001), topics=("options",), asks=detailed("label_smoothing")),
    TensorFault("smoothing off by 1e-6", "cross_entropy", ("option.label_smoothing",), misreads=option("label_smoothing", lambda call, e: e * (1 + 1e-6)), topics=("options",), asks=detailed("label_smoothing")),
    TensorFault("smoothing ignores class weights", "cross_entropy", ("argument.class_weight",), misreads=defined(_smoothing_without_weights, where=lambda call: "where" not in call.asked.tensors and call.asked.options["ignore_index"] is None), topics=("arguments",), asks=detailed("with-label_smoothing")),
    TensorFault("smoothing towards zero", "binary_cross_entropy_with_logits", ("option.label_smoothing",), misreads=defined(_smoothed_towards_zero), topics=("options",)),
    TensorFault("weight of positives ignored", "binary_cross_entropy_with_logits", ("argument.pos_weight",), misreads=without("pos_weight"), topics=("arguments",)),
    TensorFault("weight of positives on the negatives", "binary_cross_entropy_with_logits", ("argument.pos_weight",), ("gradient.pos_weight",), misreads=defined(_pos_weight_on_the_negatives), topics=("arguments",)),
    TensorFault("weight of positives on both", "binary_cross_entropy_with_logits", ("argument.pos_weight",), ("gradient.pos_weight",), misreads=defined(_pos_weight_on_both), topics=("arguments",)),
    TensorFault("weight of positives 0 is NaN", "binary_cross_entropy_with_logits", ("edge",), strike=put(lambda call: VALUE(call) and "pos_weight" in call.asked.tensors, lambda c, y: c.asked.tensors["pos_weight"] == 0, np.nan), topics=("edges",)),
    TensorFault("log target ignored", "kl_divergence", ("option.log_target",), misreads=default("log_target"), topics=("options",)),
    TensorFault("entropy of the target is missing", "kl_divergence", ("value",), ("gradient.target",), misreads=defined(_without_entropy), topics=("draws",)),
    TensorFault("delta ignored", "huber", ("option.delta",), misreads=default("delta"), topics=("options",), asks=detailed("delta")),
    TensorFault("delta off by 1e-3", "huber", ("option.delta",), misreads=option("delta", lambda call, d: d * 1.001), topics=("options",)),
    TensorFault("delta off by 1e-6", "huber", ("option.delta",), misreads=option("delta", lambda call, d: d * (1 + 1e-6)), topics=("options",)),
    TensorFault("divided by delta", "huber", ("option.delta",), misreads=defined(_huber_as_smooth_l1), topics=("options",)),
    TensorFault("half of delta, not of its square", "huber", ("option.delta",), misreads=defined(_huber_with_a_jump), topics=("options",)),
    TensorFault("gradient of the linear part without delta", "huber", ("option.delta",), misreads=lambda call: replace(call.asked, options={**call.asked.options, "delta": 1.0}) if GRADIENT(call) else call.asked, topics=("options",), only=about("gradient")),
    TensorFault("epsilon added, not a floor", "cosine_similarity", ("option.epsilon",), misreads=defined(_epsilon_added), topics=("options",), asks=detailed("epsilon")),
    TensorFault("floor of the product", "cosine_similarity", ("edge",), misreads=option("floor", lambda call, f: "product" if f == "square_sum" else f), topics=("edges",), asks=detailed(quantity="value", floor="square_sum")),
    TensorFault("factor ignored", "cosine_similarity", ("option.factor",), misreads=default("factor"), topics=("options",), asks=detailed("factor")),
    TensorFault("epsilon of 1e-6 added all the same", "triplet_margin", ("gradient.positive", "gradient.negative"), misreads=option("epsilon", lambda call, e: e + 1e-6), topics=("draws",), asks=detailed(quantity="gradient")),
    TensorFault("margin ignored", "triplet_margin", ("option.margin",), misreads=default("margin"), topics=("options",), asks=detailed("margin")),
    TensorFault("degree ignored", "triplet_margin", ("option.p",), misreads=default("p"), topics=("options",), asks=detailed("p")),
    TensorFault("swap ignored", "triplet_margin", ("option.swap",), misreads=default("swap"), topics=("options",), asks=detailed("swap")),
    TensorFault("swapped for the farther", "triplet_margin", ("option.swap",), misreads=defined(_swapped_for_the_farther), topics=("options",), asks=detailed("swap")),
    TensorFault("no hinge", "triplet_margin", ("value",), ("gradient.anchor", "gradient.forward", "gradient.negative", "gradient.positive", "property.nonnegative"), misreads=defined(_not_hinged), topics=("draws",)),
    TensorFault("distances are not rooted", "triplet_margin", ("value",), ("gradient.anchor", "gradient.forward", "gradient.negative", "gradient.positive"), misreads=defined(_squared_distances), topics=("draws",)),
    # --- sequences and lists of labels
    TensorFault("frames beyond the input's length count", "ctc", ("value",), ("gradient.forward", "gradient.log_probabilities", "hessian"), misreads=argument("input_length", lambda call, n: np.full_like(n, 7)), topics=("draws",)),
    TensorFault("labels beyond their length count", "ctc", ("value",), ("gradient.forward", "gradient.log_probabilities", "hessian"), misreads=argument("label_length", lambda call, n: np.full_like(n, 3)), topics=("draws",)),
    TensorFault("blank is always the first class", "ctc", ("option.blank",), misreads=default("blank"), topics=("options",), asks=detailed("blank", quantity="value")),
    TensorFault("infinite losses stay infinite", "ctc", ("edge",), misreads=default("zero_infinity"), topics=("edges",), asks=detailed(quantity="value", zero_infinity=True)),
    TensorFault("lengths do not divide", "ctc", ("option.normalise",), misreads=default("normalise"), topics=("options",), asks=detailed("normalise", quantity="value")),
    TensorFault("-1 does not end the list", "multilabel_margin", ("value",), misreads=argument("labels", lambda call, n: np.where(n < 0, np.roll(n, 1, axis=-1), n)), topics=("draws",), asks=detailed(quantity="value")),
    # --- defaults, copies, calls
    TensorFault("another default than documented", "huber", ("defaults",), misreads=options(lambda call: call.bare, delta=0.5), topics=("defaults",)),
    TensorFault("another reduction than documented", "cross_entropy", ("defaults",), misreads=options(lambda call: call.bare, reduction="mean"), topics=("defaults",)),
    TensorFault("another default than the standard's", "huber", ("defaults.convention",), documented={"delta": 0.5}, topics=("defaults",), only=only(level="MAY", severity="convention")),
    TensorFault("a copy has the defaults", "huber", ("invariance.copy",), misreads=lambda call: replace(call.asked, options={**call.asked.options, "delta": 1.0}) if call.way else call.asked, topics=("copied",)),
    TensorFault("a copy loses its reduction", "cross_entropy", ("invariance.copy",), misreads=options(lambda call: call.way == 1, reduction="none"), topics=("copied",)),
    TensorFault("argument changed", "cross_entropy", ("purity",), mutates=True, topics=("purity",)),
    TensorFault("strides ignored", "softmax", ("invariance.layout",), strike=_base_instead_of_view, topics=("draws", "layouts")),
    TensorFault("last sample computed carelessly", "cross_entropy", ("invariance.bits",), strike=_last_careless, topics=("rows",), only=INFORMATION),
    TensorFault("second call differs", "softmax", ("invariance.bits",), strike=by(lambda call: call.calls % 2 == 1, 1), topics=("repetition",), only=INFORMATION),
    TensorFault("second call is wrong", "softmax", ("invariance.repetition",), strike=scaled(lambda call: call.calls % 2 == 1, 1.01), topics=("repetition",)),
    TensorFault("layer differs by one ulp", "huber", ("invariance.bits",), strike=by(lambda call: "layers" in call.entry_point, 1), topics=("draws",), only=only(severity="information", entry_points=("toy.layers.huber",))),
    TensorFault("layer is wrong", "huber", ("invariance.entry_point",), ("value",), strike=scaled(lambda call: "layers" in call.entry_point and VALUE(call), 1.01), topics=("draws",), only=only(entry_points=("toy.layers.huber",))),
    # --- errors
    TensorFault("label out of range taken for the last class", "cross_entropy", ("errors.label_value",), accepts=("label",), topics=("error",)),
    TensorFault("labels may be halves", "cross_entropy", ("errors.label_dtype",), accepts=("label_dtype",), topics=("error",)),
    TensorFault("unknown reduction taken for none", "huber", ("errors.reduction",), accepts=("reduction",), topics=("error",)),
    TensorFault("unknown keyword accepted", "huber", ("errors.argument",), accepts=("keyword",), topics=("error",)),
    TensorFault("a text accepted as option", "huber", ("errors.option_type",), accepts=("type",), topics=("error",)),
    TensorFault("negative delta accepted", "huber", ("errors.option_value",), accepts=("option",), topics=("error",)),
    TensorFault("shapes broadcast silently", "huber", ("errors.shape",), accepts=("shape",), topics=("error",)),
    TensorFault("missing labels accepted", "cross_entropy", ("errors.argument",), accepts=("missing",), topics=("error",)),
)  # fmt: skip


def _elements(call: Call) -> int:
    return max(int(np.size(call.asked.tensors["prediction"])), 1)
