"""The truth of whole tensors: definitions against difference quotients, ways of putting results together against fractions, what the
bars allow against what rounding does, ties, NaN, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.cases.scenes import LOOPS, drawn, sizes_of
from conformance.standard import TENSOR_FUNCTIONS
from conformance.standard.tensors import COMMON, WHOLE, TensorFunction
from conformance.truth import exacts
from conformance.truth.cache import Oracle
from conformance.truth.exacts import Exacts, key_of, pack, unpack
from conformance.truth.reals import FINITE, INFINITE, NAN, UNDEFINED, UNDERFLOW, ZERO, Reals
from conformance.truth.tensors import Asked, Exact, exact
from tests.often import EVERYTHING

from .reals_mpmath import evaluated

DIGITS = 60
COTANGENTS = (1.0, -2.0, 0.5, 4.0, -0.25, -1.0, 8.0)


def fraction(reals: Reals, index: int) -> Fraction:
    """A true number, as far as it is kept."""
    if reals.kind[index] in (ZERO, UNDERFLOW):  # what cancels to less than any number of float64
        return Fraction(0)
    assert reals.kind[index] == FINITE
    return (Fraction(float(reals.mantissa[index])) + Fraction(float(reals.tail[index]))) * Fraction(2) ** int(
        reals.exponent[index]
    )


def fractions(reals: Reals) -> list[Fraction]:
    return [fraction(reals, index) for index in range(len(reals))]


def is_near(found: Fraction, expected: Fraction, bits: int = 100) -> bool:
    return bool(abs(found - expected) <= abs(expected) / 2**bits)


# --- every definition against difference quotients --------------------------------------------------------------------


def points() -> Iterator[Any]:
    """Every function at a point, with its defaults; and with the last pair of its options, or the last that is sampled."""
    for index, (name, function) in enumerate(TENSOR_FUNCTIONS.items()):
        if function.drawn:
            continue
        several = [sample for sample in function.samples() if all(_is_ordinary(value) for value in sample.values())]
        for what, sample in (("defaults", several[0]), ("others", several[-1])):
            if what == "defaults" or sample != several[0]:
                derivatives = 2 if what == "defaults" or EVERYTHING else 1
                own = {n: v for n, v in sample.items() if n not in COMMON}
                rest = [pytest.mark.deep] if what == "others" and index % 2 else []
                yield pytest.param(function, own, derivatives, id=f"{name}-{what}", marks=rest)


def _is_ordinary(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def differentiable(function: TensorFunction, tensors: Mapping[str, NDArray[Any]]) -> list[str]:
    """The arguments with a derivative, those of one place of the loop."""
    return [
        n for n in tensors if function.argument(n).differentiable and function.argument(n).kind not in (*WHOLE, "mask")
    ]


def pattern(count: int, shift: int = 0) -> NDArray[np.float64]:
    return np.array([COTANGENTS[(place + shift) % len(COTANGENTS)] for place in range(count)])


@pytest.mark.parametrize(("function", "options", "derivatives"), list(points()))
def test_values_and_derivatives_are_those_of_the_definition_in_mpmath(
    function: TensorFunction, options: Mapping[str, Any], derivatives: int
) -> None:
    """Value, gradient along a direction, forward mode, and the Hessian's product with one direction along another.

    Where only first derivatives are asked: the gradient of the last argument, and forward mode of the first one.
    """
    given = [argument.name for argument in function.arguments]
    tensors = drawn(function, given, (), sizes_of(function), "truth")
    # A masked label, or probabilities that are not of a distribution any more, have no derivative: masks are left out.
    tensors = {name: array for name, array in tensors.items() if function.argument(name).kind != "mask"}
    wrts = differentiable(function, tensors)
    along = {
        name: pattern(tensors[name].size, place + 1).reshape(tensors[name].shape) for place, name in enumerate(wrts)
    }
    with mpmath.workdps(DIGITS):
        floats = {n: _mpf(a) for n, a in tensors.items() if function.argument(n).kind not in (*WHOLE, "mask")}
        fixed = {n: a for n, a in tensors.items() if n not in floats}

        def results(steps: Mapping[str, Any]) -> list[Any]:
            moved = {n: a + steps[n] if n in steps else a for n, a in floats.items()}
            return evaluated(function, {**fixed, **moved}, options)

        value = exact(Asked(function, options, tensors))
        expected = results({})
        assert _agree(value.truth, expected, 30)
        cotangent = pattern(len(expected)).reshape(value.shape)
        weights = [mpmath.mpf(float(c)) for c in cotangent.reshape(-1)]

        def combined(steps: Mapping[str, Any]) -> Any:
            return mpmath.fsum(w * y for w, y in zip(weights, results(steps), strict=True) if mpmath.isfinite(y))

        h, k = mpmath.mpf(10) ** -20, mpmath.mpf(10) ** -10
        for name in wrts if derivatives == 2 else wrts[-1:]:
            step = _mpf(along[name])
            gradient = exact(Asked(function, options, tensors, "gradient", name, cotangent))
            slope = (combined({name: step * h}) - combined({name: -step * h})) / (2 * h)
            assert _agree(gradient.truth, None, 0, along[name], slope), name
        if function.smooth and derivatives == 2:
            other = pattern(tensors[wrts[0]].size, 4).reshape(tensors[wrts[0]].shape)
            bent = exact(Asked(function, options, tensors, "hessian_vector", wrts[0], cotangent, other))
            one, two, name = _mpf(along[wrts[0]]), _mpf(other), wrts[0]
            cross = [combined({name: one * (a * k) + two * (b * k)}) * a * b for a in (1, -1) for b in (1, -1)]
            assert _agree(bent.truth, None, 0, along[name], mpmath.fsum(cross) / (4 * k * k), digits=12)
        step = _mpf(along[wrts[0]])
        forward = exact(Asked(function, options, tensors, "forward_gradient", wrts[0], direction=along[wrts[0]]))
        higher, lower = results({wrts[0]: step * h}), results({wrts[0]: -step * h})
        assert _agree(forward.truth, [(a - b) / (2 * h) for a, b in zip(higher, lower, strict=True)], 20)


def _mpf(array: NDArray[Any]) -> NDArray[Any]:
    made = np.empty(np.shape(array), dtype=object)
    made.reshape(-1)[:] = [mpmath.mpf(float(x)) for x in np.asarray(array).reshape(-1)]
    return made


def _agree(
    truth: Reals, expected: Sequence[Any] | None, digits_of_each: int, along: NDArray[Any] | None = None, slope: Any = None, digits: int = 18,
) -> bool:  # fmt: skip
    """Number by number; or, of a gradient, its product with a direction."""
    if expected is not None:
        pairs = zip(fractions(truth), expected, strict=True)
        return all(abs(_of(a) - b) <= mpmath.mpf(10) ** -digits_of_each * (1 + abs(b)) for a, b in pairs)
    assert along is not None
    product_ = sum(
        (a * Fraction(float(d)) for a, d in zip(fractions(truth), along.reshape(-1), strict=True)), Fraction(0)
    )
    return bool(abs(_of(product_) - slope) <= mpmath.mpf(10) ** -digits * (1 + abs(slope)))


def _of(number: Fraction) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator


# --- reductions, rows, weights, axes, in fractions --------------------------------------------------------------------

SQUARED, NLL = TENSOR_FUNCTIONS["squared_error"], TENSOR_FUNCTIONS["nll"]
REDUCED = [(r, w, weight) for r, w, weight in product(SQUARED.reductions, SQUARED.rows, (False, True))]


def table(array: NDArray[Any]) -> NDArray[Any]:
    made = np.empty(array.shape, dtype=object)
    made.reshape(-1)[:] = [Fraction(float(x)) for x in array.reshape(-1)]
    return made


@pytest.mark.parametrize(("reduction", "rows", "weighted"), REDUCED)
def test_results_are_put_together_as_the_words_say(reduction: str, rows: str, weighted: bool) -> None:
    """(p − t)², whose results and derivatives are fractions, at every axis of rank 3."""
    numbers = drawn(SQUARED, ["prediction", "target"], LOOPS[3], {})
    error = table(numbers["prediction"]) - table(numbers["target"])
    for axis in (0, 1, -1) if rows != "none" else (-1,):
        losses = error * error
        spread = np.ones_like(losses)
        if rows != "none":
            size = losses.shape[axis]
            losses = losses.sum(axis=axis) / (size if rows == "mean" else 1)
            spread = spread / Fraction(size if rows == "mean" else 1)
        weight = np.resize(np.array([0.5, 2.0, 0.0, 3.0]), losses.shape)
        weights = table(weight) if weighted else np.resize(np.array([Fraction(1)]), losses.shape)
        counted = losses * weights
        divisor = {
            "none": 1, "sum": 1, "mean": losses.size, "weighted_mean": weights.sum(), "batch_mean": losses.shape[0],
        }[reduction]  # fmt: skip
        expected = counted / Fraction(divisor) if reduction == "none" else np.array(counted.sum() / Fraction(divisor))
        options = {"factor": 1.0, "reduction": reduction, "rows": rows, "axis": axis}
        tensors = {**numbers, **({"weight": weight} if weighted else {})}
        found = exact(Asked(SQUARED, options, tensors))
        assert found.shape == expected.shape
        assert all(map(is_near, fractions(found.truth), expected.reshape(-1)))
        cotangent = pattern(expected.size).reshape(expected.shape)
        slope = exact(Asked(SQUARED, options, tensors, "gradient", "target", cotangent))
        each = table(cotangent) * weights / Fraction(divisor)
        each = np.broadcast_to(np.expand_dims(each, axis) if rows != "none" else each, error.shape)
        assert slope.shape == error.shape
        assert all(map(is_near, fractions(slope.truth), (-2 * error * spread * each).reshape(-1)))


@pytest.mark.parametrize("reduction", NLL.reductions)
def test_a_definition_with_weights_of_its_own_is_a_weighted_mean(reduction: str) -> None:
    """−w_y·x_y, with class weights and a label that is ignored."""
    numbers = drawn(NLL, ["log_probabilities", "labels", "class_weight"], (3, 4), {"classes": 5}, "weights")
    labels, weights = numbers["labels"], table(numbers["class_weight"])
    ignored = int(labels.reshape(-1)[1])
    counts = weights[labels] * (labels != ignored)
    picked = np.take_along_axis(table(numbers["log_probabilities"]), labels[..., None], -1)[..., 0]
    losses = -picked * counts
    divisor = {"none": 1, "sum": 1, "mean": counts.sum(), "weighted_mean": counts.sum(), "batch_mean": 3}[reduction]
    expected = losses if reduction == "none" else table(np.zeros(1)) + losses.sum()
    options = {"ignore_index": ignored, "reduction": reduction, "axis": -1}
    found = exact(Asked(NLL, options, numbers))
    assert all(map(is_near, fractions(found.truth), (expected / Fraction(divisor)).reshape(-1)))
    slope = exact(Asked(NLL, options, numbers, "gradient", "class_weight"))
    if reduction == "sum":
        alone = [-picked[(labels == c) & (labels != ignored)].sum() for c in range(5)]
        assert all(map(is_near, fractions(slope.truth), map(Fraction, alone)))


def test_the_mean_of_nothing_is_not_prescribed_and_its_sum_is_zero() -> None:
    empty = {"prediction": np.zeros((0, 3)), "target": np.zeros((0, 3))}
    kinds = {}
    for reduction in SQUARED.reductions:
        found = exact(Asked(SQUARED, {"factor": 1.0, "reduction": reduction, "rows": "none", "axis": -1}, empty))
        kinds[reduction] = (found.shape, found.truth.kind.tolist())
    assert kinds == {
        "none": ((0, 3), []), "sum": ((), [ZERO]), "mean": ((), [UNDEFINED]), "weighted_mean": ((), [UNDEFINED]), "batch_mean": ((), [UNDEFINED]),
    }  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1, -2, (0, 1), (2, 0), (-1, 1), (0, 1, 2)])
def test_an_axis_gives_what_moving_it_to_the_end_gives(axis: Any) -> None:
    softmax = TENSOR_FUNCTIONS["softmax"]
    x = drawn(softmax, ["x"], (2, 3), {"n": 4}, "axis")["x"]
    cotangent = pattern(x.size).reshape(x.shape)
    several = axis if isinstance(axis, tuple) else (axis,)
    places = [place % 3 for place in several]
    order = [*(place for place in range(3) if place not in places), *places]
    moved = x.transpose(order).reshape(-1, math.prod(x.shape[place] for place in places))
    for quantity in ("value", "gradient"):
        found = exact(
            Asked(softmax, {"axis": axis}, {"x": x}, quantity, "x", cotangent if quantity == "gradient" else None)
        )
        bent = cotangent.transpose(order).reshape(moved.shape) if quantity == "gradient" else None
        plain = exact(Asked(softmax, {"axis": -1}, {"x": moved}, quantity, "x", bent))
        inner = [x.shape[place] for place in order]
        back = table(plain.truth.approximate()).reshape(inner).transpose(np.argsort(order))
        assert found.shape == x.shape
        assert [float(a) for a in back.reshape(-1)] == found.truth.approximate().tolist()
        sums = found.truth.approximate().reshape(x.shape).sum(axis=several) if quantity == "value" else np.ones(1)
        np.testing.assert_allclose(sums, 1, rtol=1e-12)


def test_arguments_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="different loop dimensions"):
        exact(Asked(SQUARED, SQUARED.defaults(), {"prediction": np.zeros((2, 3)), "target": np.zeros((3, 2))}))
    with pytest.raises(KeyError):
        exact(Asked(SQUARED, SQUARED.defaults(), {"prediction": np.zeros(2), "goal": np.zeros(2)}))


# --- ties, NaN --------------------------------------------------------------------------------------------------------


def ends(found: Exact) -> list[tuple[float, float]]:
    low = found.truth.approximate()
    high = low if found.upper is None else found.upper.approximate()
    return list(zip(low.tolist(), high.tolist(), strict=True))


# One row: function, arguments, options, the argument, cotangent, and the ends of the subgradient at each place.
HULLS: tuple[tuple[str, dict[str, Any], dict[str, Any], str, list[float] | None, list[tuple[float, float]]], ...] = (
    ("absolute_error", {"prediction": [1.0, 2.0, 0.0], "target": [1.0, 1.0, 0.0]}, {}, "prediction", None, [(-1, 1), (1, 1), (-1, 1)]),
    ("absolute_error", {"prediction": [1.0, 2.0], "target": [1.0, 1.0]}, {}, "prediction", [-4.0, -4.0], [(-4, 4), (-4, -4)]),
    ("absolute_error", {"prediction": [1.0, 2.0], "target": [1.0, 1.0]}, {"reduction": "mean"}, "target", None, [(-0.5, 0.5), (-0.5, -0.5)]),
    ("hinge", {"prediction": [1.0, 0.5, 3.0], "target": [1.0, 1.0, 1.0]}, {}, "prediction", None, [(-1, 0), (-1, -1), (0, 0)]),
    ("multilabel_margin", {"scores": [[1.0, 0.0, 0.0]], "labels": [[0, -1, -1]]}, {}, "scores", None, [(-2 / 3, 0), (0, 1 / 3), (0, 1 / 3)]),
)  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "options", "wrt", "cotangent", "expected"), HULLS, ids=range(len(HULLS)))
def test_at_a_kink_the_ends_of_the_subgradient_are_given(
    name: str, arguments: dict[str, Any], options: dict[str, Any], wrt: str, cotangent: list[float] | None, expected: list[tuple[float, float]]
) -> None:  # fmt: skip
    function = TENSOR_FUNCTIONS[name]
    tensors = {n: np.array(a) for n, a in arguments.items()}
    found = exact(
        Asked(function, {**function.defaults(), **options}, tensors, "gradient", wrt, None if cotangent is None else np.array(cotangent))
    )  # fmt: skip
    assert ends(found) == [pytest.approx(pair) for pair in expected]
    assert found.tied is None or found.tied.tolist() == [a != b for a, b in expected]


def test_a_nan_is_an_answer_where_an_argument_is_nan_and_else_nothing_is_prescribed() -> None:
    kinds = [
        exact(Asked(TENSOR_FUNCTIONS["softmax"], {"axis": -1}, {"x": np.array(row)})).truth.kind.tolist()
        for row in ([math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf], [-math.inf, 1.0])
    ]
    assert kinds == [[NAN, NAN], [UNDEFINED, UNDEFINED], [UNDEFINED, UNDEFINED], [ZERO, FINITE]]


def test_a_nan_reaches_its_own_sample_alone_unless_they_are_put_together() -> None:
    numbers = {"prediction": np.array([1.0, math.nan, 3.0]), "target": np.array([0.0, 0.0, math.inf])}
    options = SQUARED.defaults()
    assert exact(Asked(SQUARED, options, numbers)).truth.kind.tolist() == [FINITE, NAN, INFINITE]
    assert exact(Asked(SQUARED, {**options, "reduction": "sum"}, numbers)).truth.kind.tolist() == [NAN]
    masked = {
        "log_prediction": np.array([-1.0, math.nan]),
        "target": np.array([0.5, 0.5]),
        "where": np.array([True, False]),
    }
    divergence = TENSOR_FUNCTIONS["kl_divergence"]
    for quantity in ("value", "gradient"):
        found = exact(
            Asked(divergence, {**divergence.defaults(), "reduction": "sum"}, masked, quantity, "log_prediction")
        )
        assert NAN not in found.truth.kind
        assert UNDEFINED not in found.truth.kind


# --- slack ------------------------------------------------------------------------------------------------------------

BITS = 24


def slack_of(found: Exact) -> NDArray[np.float64]:
    """What the bar allows beside the ulp of the result, in a format of 24 bits."""
    size: NDArray[np.float64] = np.ldexp(found.slack, found.slack_exponent - BITS + 1)
    return size


def ulp(array: NDArray[np.float64]) -> NDArray[np.float64]:
    size: NDArray[np.float64] = np.ldexp(1.0, np.frexp(array)[1] - BITS)
    return np.where(array == 0, 0.0, size)


SLACKS = (
    "softmax",
    "cross_entropy",
    "huber",
    "binary_cross_entropy_with_logits",
    "kl_divergence",
    "cosine_similarity",
    "triplet_margin",
    "gaussian_nll",
)
SEEDS = range(20 if EVERYTHING else 3)


@pytest.mark.parametrize("name", SLACKS)
def test_rounding_the_arguments_changes_no_result_by_more_than_the_slack(name: str) -> None:
    """Each number moved by up to two ulp, the worst of all corners among them; values and gradients."""
    function = TENSOR_FUNCTIONS[name]
    names = [a.name for a in function.arguments if not a.optional]
    tensors = drawn(function, names, (2,), sizes_of(function), "slack")
    options = function.defaults()
    wrts = differentiable(function, tensors)
    generator = np.random.default_rng(3)
    for quantity, wrt in (("value", ""), ("gradient", wrts[0])):
        shape = exact(Asked(function, options, tensors)).shape
        cotangent = pattern(math.prod(shape)).reshape(shape) if wrt else None
        base = exact(Asked(function, options, tensors, quantity, wrt, cotangent))
        room = slack_of(base)
        assert (room > 0).any()
        worst = 0.0
        for seed in SEEDS:
            moved = dict(tensors)
            for other in wrts:
                size = (
                    generator.uniform(-2, 2, tensors[other].shape)
                    if seed
                    else generator.choice([-2.0, 2.0], tensors[other].shape)
                )
                moved[other] = tensors[other] + size * ulp(tensors[other])
            there = exact(Asked(function, options, moved, quantity, wrt, cotangent))
            pairs = zip(fractions(there.truth), fractions(base.truth), strict=True)
            change = np.array([float(abs(a - b)) for a, b in pairs])
            assert (change <= room * (1 + 1e-4) + 1e-300).all(), (quantity, seed)
            worst = max(worst, float((change[room > 0] / room[room > 0]).max()))
        assert worst > 0.02, "a slack that nothing comes near allows too much"


def test_the_slack_is_what_the_worst_rounding_does_where_nothing_is_summed() -> None:
    """Of ½(p − t)²: two ulp of p and two of t, times |p − t|."""
    huber = TENSOR_FUNCTIONS["huber"]
    numbers = {"prediction": np.array([1.25, -0.75, 3.0]), "target": np.array([1.0, -0.5, 0.125])}
    found = exact(Asked(huber, {**huber.defaults(), "delta": 4.0}, numbers))
    error = np.abs(numbers["prediction"] - numbers["target"])
    np.testing.assert_allclose(
        slack_of(found), error * 2 * (ulp(numbers["prediction"]) + ulp(numbers["target"])), rtol=1e-12
    )
    slope = exact(Asked(huber, {**huber.defaults(), "delta": 4.0}, numbers, "gradient", "prediction"))
    # The error is used twice: two shares of half the slope are added up.
    twice = 1.5 * error * 2.0 ** (1 - BITS)
    np.testing.assert_allclose(
        slack_of(slope), 2 * (ulp(numbers["prediction"]) + ulp(numbers["target"])) + twice, rtol=1e-12
    )


def test_a_sum_is_allowed_what_pairwise_addition_loses() -> None:
    count = 8
    numbers = {"prediction": np.linspace(1, 2, count), "target": np.zeros(count)}
    plain = exact(Asked(SQUARED, {**SQUARED.defaults(), "reduction": "none"}, numbers))
    summed = exact(Asked(SQUARED, {**SQUARED.defaults(), "reduction": "sum"}, numbers))
    sizes = plain.truth.approximate()
    np.testing.assert_allclose(
        slack_of(summed), slack_of(plain).sum() + 2.5 * sizes.sum() * 2.0 ** (1 - BITS), rtol=1e-12
    )


@pytest.mark.parametrize("x", [[0.0, 1.0], [math.inf, 1.0], [-math.inf, 1.0]])
def test_numbers_that_rounding_does_not_change_add_no_slack(x: list[float]) -> None:
    """A zero stays a zero, however steep the function is there: 0·log 0."""
    divergence = TENSOR_FUNCTIONS["kl_divergence"]
    numbers = {"log_prediction": np.array([-1.0]), "target": np.array(x[:1])}
    if x[0] == 0.0:
        assert slack_of(exact(Asked(divergence, divergence.defaults(), numbers))).tolist() == [0.0]
    softplus = TENSOR_FUNCTIONS["soft_margin"]
    margin = {"prediction": np.array(x[:1]), "target": np.array([1.0])}
    assert np.isfinite(slack_of(exact(Asked(softplus, softplus.defaults(), margin, "gradient", "prediction")))).all()


# --- what is kept -----------------------------------------------------------------------------------------------------


def same(a: Exact, b: Exact) -> bool:
    pairs = [(a.truth, b.truth)] + ([(a.upper, b.upper)] if a.upper is not None and b.upper is not None else [])
    columns = ("kind", "mantissa", "tail", "exponent")
    return (
        a.shape == b.shape
        and (a.upper is None) == (b.upper is None)
        and all(np.array_equal(getattr(x, c), getattr(y, c)) for x, y in pairs for c in columns)
        and np.array_equal(a.slack, b.slack)
        and np.array_equal(a.slack_exponent, b.slack_exponent)
        and (a.tied is None or b.tied is None or np.array_equal(a.tied, b.tied))
    )


def questions() -> list[Asked]:
    absolute, softmax = TENSOR_FUNCTIONS["absolute_error"], TENSOR_FUNCTIONS["softmax"]
    numbers = {"prediction": np.array([1.0, math.nan, math.inf, 0.0]), "target": np.array([1.0, 0.0, 2.0, -3.0])}
    return [
        Asked(absolute, absolute.defaults(), numbers, "gradient", "prediction"),
        Asked(absolute, {**absolute.defaults(), "reduction": "mean"}, numbers),
        Asked(softmax, {"axis": 0}, {"x": np.array([[1.0, 2.0], [3.0, -math.inf]])}),
        Asked(softmax, {"axis": -1}, {"x": np.zeros((0, 3))}),
    ]


@pytest.mark.parametrize("asked", questions(), ids=range(4))
def test_what_is_packed_can_be_read_back(asked: Asked) -> None:
    answer = exact(asked)
    raw = pack(answer)
    back = unpack(raw)
    assert back is not None
    assert same(answer, back)
    for damaged in (b"", raw[:1], raw[:-1], raw + b"\0"):
        assert unpack(damaged) is None


def test_an_answer_comes_from_disk_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Exacts(Oracle(tmp_path)).exact(asked) for asked in questions()]
    monkeypatch.setattr(exacts, "exact", lambda asked: pytest.fail("computed, though it was to be had"))
    again = Exacts(Oracle(tmp_path))
    again.prefetch(questions())
    assert all(same(a, again.exact(asked)) for a, asked in zip(answers, questions(), strict=True))


SPOILT = {
    "emptied": lambda raw: b"",
    "cut off": lambda raw: raw[:-3],
    "a bit turned": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
    "twice as long": lambda raw: raw + raw,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_damaged_file_is_computed_again(spoil: Any, tmp_path: Path) -> None:
    asked = questions()[0]
    answer = Exacts(Oracle(tmp_path)).exact(asked)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(spoil(file.read_bytes()))
    assert same(answer, Exacts(Oracle(tmp_path)).exact(asked))


def test_whatever_the_truth_depends_on_is_in_the_key() -> None:
    softmax = TENSOR_FUNCTIONS["softmax"]
    cross = TENSOR_FUNCTIONS["cross_entropy"]
    x = np.array([[1.0, 2.0], [3.0, 0.0]])
    base = Asked(softmax, {"axis": -1}, {"x": x})
    labels = {"logits": x, "labels": np.array([0, 1])}
    asked = [
        base,
        replace(base, options={"axis": 0}),
        replace(base, options={"axis": (0, 1)}),
        replace(base, tensors={"x": x.T}),
        replace(base, tensors={"x": np.where(x == 0, -0.0, x)}),
        replace(base, tensors={"x": x.reshape(4)}),
        replace(base, tensors={"x": x, "where": np.ones((2, 2), dtype=bool)}),
        replace(base, quantity="gradient", wrt="x"),
        replace(base, quantity="gradient", wrt="x", cotangent=x),
        replace(base, quantity="forward_gradient", wrt="x", direction=x),
        replace(base, function=TENSOR_FUNCTIONS["log_softmax"]),
        Asked(cross, cross.defaults(), labels),
        Asked(cross, {**cross.defaults(), "ignore_index": 1}, labels),
        Asked(cross, {**cross.defaults(), "ignore_index": True}, labels),
        Asked(cross, cross.defaults(), {**labels, "class_weight": np.array([1.0, 2.0])}),
        Asked(cross, cross.defaults(), {**labels, "weight": np.array([1.0, 2.0])}),
    ]
    assert len({key_of(one) for one in asked}) == len(asked)
    assert key_of(base) == key_of(Asked(softmax, {"axis": -1}, {"x": np.asfortranarray(x)}))
