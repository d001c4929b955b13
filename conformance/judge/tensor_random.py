"""Results about functions of tensors that draw: what each draw may be, how draws are distributed, and their derivative.

The standard says that Gumbel noise is added to logits before a softmax; no answer is right or wrong by itself, so the bounds are
those that chance keeps to, all of one case together exceeded with probability CHANCE at most. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from conformance.cases.tensor_random import DRAWS
from conformance.formats import FORMATS, Format, values
from conformance.observe.observation import Observation, Output

from .random import CHANCE, Fact, hoeffding
from .records import Result
from .tensor_answers import TensorAnswers, numbers_of, tensors_of

Floats = NDArray[np.float64]

ULPS = 8.0
"""How far a number of a gradient may be off, in 2⁻ᵖ of the sum of the magnitudes that make it, besides 1 for each of its terms."""

SHOWN = 8
"""Numbers of a row that a message spells out."""


def judge_tensor_random(answers: TensorAnswers) -> Iterator[Result]:
    """Kind and support of every draw; the derivative of soft ones; distribution and seed from many."""
    for observation in answers.of("random"):
        case = observation.case
        if (
            case.quantity == "value"
            and case.detail == "support"
            and observation.outcome in ("returned", "not_supported")
        ):
            supported = observation.outcome == "returned"
            yield answers.result(
                observation, "dtype.supported", outcome="conforms" if supported else "not_supported", comparisons=int(supported),
                conforms=int(supported), message=observation.message,
            )  # fmt: skip
        if observation.outcome != "returned":
            yield answers.without_answer(observation, case.rule)
            continue
        yield from _kinds(answers, observation)
        numbers = _numbers(answers, observation)
        if numbers is None:
            yield answers.result(
                observation, case.rule, outcome="unspecified", comparisons=1, unspecified=1, message="the result has another dtype or shape"
            )  # fmt: skip
        elif case.quantity == "value_and_gradient":
            yield _gradient(answers, observation, numbers[0], numbers[1])
        else:
            yield _support(answers, observation, numbers[0])
            if case.detail == DRAWS:
                yield _seed(answers, observation)
                yield _moments(answers, observation, numbers[0])


def _kinds(answers: TensorAnswers, observation: Observation) -> Iterator[Result]:
    """Dtype and shape, which are those of the logits."""
    given, outputs = observation.case.inputs[0], observation.outputs
    dtypes, shapes = [output.dtype for output in outputs], [tuple(output.shape) for output in outputs]
    same = all(dtype == given.dtype for dtype in dtypes)
    yield answers.check(observation, "dtype.preserved", same, f"{given.dtype} became {', '.join(dtypes)}")
    same = all(shape == tuple(given.shape) for shape in shapes)
    seen = f"{given.name} {list(given.shape)} gave {', '.join(str(list(shape)) for shape in shapes)}"
    yield answers.check(observation, "shape", same, seen)


def _numbers(answers: TensorAnswers, observation: Observation) -> list[Floats] | None:
    """What came back, its axis at the end; None where dtype or shape is another than that of the logits."""
    given = observation.case.inputs[0]

    def read(output: Output) -> Floats:
        numbers = values(answers.bits(output).reshape(-1), FORMATS[given.dtype]).reshape(given.shape)
        return np.moveaxis(numbers, _axis(observation), -1)

    if any(output.dtype != given.dtype or tuple(output.shape) != tuple(given.shape) for output in observation.outputs):
        return None
    return [read(output) for output in observation.outputs]


def _axis(observation: Observation) -> int:
    return int(observation.case.parameters["axis"])


def _logits(answers: TensorAnswers, observation: Observation) -> Floats:
    name = observation.case.inputs[0].name
    return np.moveaxis(tensors_of(observation.case, answers.bits)[name], _axis(observation), -1)


def _support(answers: TensorAnswers, observation: Observation, y: Floats) -> Result:
    """Rows that are distributions; of hard draws rows with a single 1, among zeros."""
    case, format = observation.case, FORMATS[observation.case.dtype]
    hard = bool(case.parameters["hard"])
    size = y.shape[-1]
    inside = ((y >= 0) & (y <= 1)).all(axis=-1)
    if hard:
        right = ((y == 1).sum(axis=-1) == 1) & ((y == 0).sum(axis=-1) == size - 1)
    else:
        # Each number may be off by what a softmax may be off: 4 ulp, which are 8 · 2⁻ᵖ of it at most.
        right = inside & (np.abs(y.sum(axis=-1) - 1) <= (8 + size) * 2.0**-format.precision)
    impossible = np.isneginf(_logits(answers, observation))
    right &= ~(impossible & (y != 0)).any(axis=-1)
    rows, good = y.reshape(-1, size), right.reshape(-1)
    bad = rows[~good]
    # A hard draw whose 1 is nearly 1 is right but for its rounding.
    near = bool(len(bad)) and hard and bool((np.abs(bad - np.round(bad)).max() <= 4 * 2.0**-format.precision) and (np.round(bad).sum(axis=-1) == 1).all())  # fmt: skip
    message = f"{len(bad)} of {len(rows)} rows, such as {_spelt(bad[0])}" if len(bad) else ""
    return _counted(
        answers, observation, "training.support", len(rows), len(bad), message, "inaccurate" if near else "wrong", region="hard" if hard else "soft"
    )  # fmt: skip


def _seed(answers: TensorAnswers, observation: Observation) -> Result:
    """Three calls: with a seed, once more, and with the same seed again."""
    first, second, again = (answers.bits(output) for output in observation.outputs)
    bad = [] if np.array_equal(first, again) else ["after the same seed a call gave other bits"]
    bad += ["a second call gave the same bits"] if np.array_equal(first, second) else []
    return _counted(answers, observation, "training.seed", 2, len(bad), "; ".join(bad))


def _gradient(answers: TensorAnswers, observation: Observation, y: Floats, gradient: Floats) -> Result:
    """(diag(y) − y·yᵀ)·c / temperature, for the y of the same call: yᵢ(cᵢ − Σ yⱼcⱼ) / temperature.

    y was rounded once when it was returned, and honest arithmetic rounds each product and the sum of n terms.
    """
    case, format = observation.case, FORMATS[observation.case.dtype]
    assert case.cotangent is not None
    c = np.moveaxis(numbers_of(case.cotangent, answers.bits), _axis(observation), -1)
    temperature = float(case.parameters["temperature"])
    due = y * (c - (y * c).sum(axis=-1, keepdims=True)) / temperature
    size = y * (np.abs(c) + (y * np.abs(c)).sum(axis=-1, keepdims=True)) / temperature
    room = (ULPS + y.shape[-1]) * 2.0**-format.precision * size + 4 * format.smallest_normal
    bad = ~(np.abs(gradient - due) <= room)
    message = ""
    if bad.any():
        row = np.nonzero(bad.reshape(-1, y.shape[-1]).any(axis=-1))[0][0]
        spelt = [_spelt(array.reshape(-1, y.shape[-1])[row]) for array in (y, c, gradient, due)]
        message = "of y = {} with the cotangent {} the gradient is {}; {} is due".format(*spelt)
    return _counted(answers, observation, "gradient.training", bad.size, int(bad.sum()), message)


def _moments(answers: TensorAnswers, observation: Observation, y: Floats) -> Result:
    """The facts of `moments`, as one result."""
    case = observation.case
    logits = _logits(answers, observation).reshape(-1, y.shape[-1])[0]
    facts = moments(y.reshape(-1, y.shape[-1]), logits, float(case.parameters["temperature"]), bool(case.parameters["hard"]), FORMATS[case.dtype])  # fmt: skip
    bad = [fact for fact in facts if not fact.holds]
    message = "; ".join(
        f"{fact.what} is {fact.seen:.6g}, and should be within {fact.bound:.2g} of {fact.due:.6g}" for fact in bad
    )
    return _counted(answers, observation, "training.moments", len(facts), len(bad), message)


def moments(y: Floats, logits: Floats, temperature: float, hard: bool, format: Format) -> list[Fact]:
    """What the draws `y`, shape (rows, classes), of one row of logits should amount to; shape (classes,).

    Which class is the largest does not depend on the temperature: class i with probability pᵢ = softmax(logits)ᵢ (the Gumbel-max trick).
    The products of (indicator − p) of the rows 0 and 1, 2 and 3, … share no draw: they have mean 0, and lie within an interval
    of width 1. Hoeffding bounds both. Of soft draws temperature · log(yᵢ/yⱼ) − (xᵢ − xⱼ) is the difference of two Gumbel numbers, which
    is logistic; how far the distribution of n of them may be from it, Dvoretzky, Kiefer and Wolfowitz bound, with Massart's constant: P(sup
    |F_n − F| ≥ t) ≤ 2 exp(−2 n t²). The total probability is shared evenly.
    """
    rows, classes = y.shape
    possible = np.nonzero(np.isfinite(logits))[0]
    weights = np.exp(logits - logits[possible].max())
    p = weights / weights.sum()
    most = int(np.argmax(p))
    pairs = [(int(i), most) for i in possible if i != most] if not hard else []
    chance = CHANCE / (classes + 1 + len(pairs))
    largest = np.argmax(np.where(np.isnan(y), np.inf, y), axis=-1)
    facts = [
        Fact(f"how often class {i} is the largest", float((largest == i).mean()), float(p[i]), hoeffding(1.0, rows, chance) if p[i] else 0.0)
        for i in range(classes)
    ]  # fmt: skip
    centred = (largest == most) - p[most]
    even = 2 * (rows // 2)
    products = centred[0:even:2] * centred[1:even:2]
    facts.append(
        Fact(
            "the mean product of neighbouring rows", float(products.mean()), 0.0, hoeffding(1.0, len(products), chance)
        )
    )
    for i, j in pairs:
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = temperature * np.log(y[:, i] / y[:, j]) - (logits[i] - logits[j])
        # y is known to some ulp, its logarithm to as many times 2⁻ᵖ, and the noise was added to logits with a rounding.
        room = 16 * 2.0**-format.precision * (temperature + abs(logits[i]) + abs(logits[j]) + 32)
        what = f"the distance of the distribution of log(y{i}/y{j}) from the logistic one"
        facts.append(Fact(what, distance_from_logistic(noise, room), 0.0, hoeffding(1.0, rows, chance)))
    return facts


def distance_from_logistic(noise: Floats, room: float) -> float:
    """sup |F_n − F| for numbers known to `room`, where F(t) = 1/(1 + exp(−t)); 1 where a number is NaN."""
    if np.isnan(noise).any():
        return 1.0
    ordered, place = np.sort(noise), np.arange(len(noise))
    with np.errstate(over="ignore"):
        low, high = (1 / (1 + np.exp(-(ordered + shift))) for shift in (-room, room))
    # Between two draws F_n is constant, so its distance from F is largest just before or at a draw.
    return float(max(((place + 1) / len(noise) - high).max(), (low - place / len(noise)).max(), 0.0))


def _counted(
    answers: TensorAnswers, observation: Observation, rule: str, count: int, bad: int, message: str, severity: str = "wrong", region: str = "anywhere"
) -> Result:  # fmt: skip
    return answers.result(
        observation, rule, region=region, outcome="deviates" if bad else "conforms", comparisons=count, conforms=count - bad, deviates=bad,
        severity=severity if bad else "", message=message, bits=message,
    )  # fmt: skip


def _spelt(row: Floats) -> str:
    more = ", …" if len(row) > SHOWN else ""
    return f"[{', '.join(f'{one:.9g}' for one in row[:SHOWN])}{more}]"
