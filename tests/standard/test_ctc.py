"""CTC's recursion against its definition: the sum over every sequence of classes, one for each frame, that collapses to the labels."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from conformance.standard.sequence import ctc, ctc_with_logits
from conformance.standard.tensors import TensorFunction
from conformance.truth.reals import INFINITE, UNDEFINED
from conformance.truth.tensors import Asked, Exact, exact

CLASSES = 3
WEIGHTS = ((5, 2, 1), (1, 4, 3), (2, 2, 4), (6, 1, 1))
"""Of 8 in each frame: probabilities that are exact."""


def collapsed(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a sequence of classes reads as: repetitions merged, then blanks removed."""
    merged = [path[place] for place in range(len(path)) if place == 0 or path[place] != path[place - 1]]
    return tuple(label for label in merged if label != blank)


def alignments(labels: tuple[int, ...], frames: int, blank: int) -> dict[tuple[int, ...], float]:
    """Every sequence of classes that reads as these labels, with its probability (exact: quotients of powers of two)."""
    found = {}
    for path in product(range(CLASSES), repeat=frames):
        if collapsed(path, blank) == labels:
            found[path] = math.prod(WEIGHTS[frame][label] / 8 for frame, label in enumerate(path))
    return found


def asked(
    function: TensorFunction,
    numbers: Any,
    labels: tuple[int, ...],
    frames: int,
    options: dict[str, Any],
    quantity: str = "value",
) -> Exact:
    padded = (*labels, *(1 if options.get("blank", 0) != 1 else 2 for _ in range(3 - len(labels))))
    tensors = {
        function.arguments[0].name: np.asarray(numbers, dtype=np.float64),
        "labels": np.array(padded),
        "input_length": np.array(frames),
        "label_length": np.array(len(labels)),
    }
    return exact(Asked(function, {**function.defaults(), **options}, tensors, quantity, function.arguments[0].name))


def numbers_of(found: Exact) -> np.ndarray:
    return found.truth.approximate().reshape(found.shape)


LOGARITHMS = np.log(np.array(WEIGHTS) / 8)
CASES = [
    (labels, frames, blank)
    for blank in (0, 1, 2)
    for frames in (1, 2, 3, 4)
    for length in (0, 1, 2, 3)
    for labels in product([k for k in range(CLASSES) if k != blank], repeat=length)
    if alignments(labels, frames, blank)
]


def test_there_are_alignments_to_test() -> None:
    assert len(CASES) > 60
    assert len(alignments((1, 1), 4, 0)) == 5  # 1-1-, 1--1, -1-1, 11-1, 1-11
    assert not alignments((1, 1), 2, 0)


@pytest.mark.parametrize(("labels", "frames", "blank"), CASES)
def test_the_loss_is_the_sum_over_all_alignments(labels: tuple[int, ...], frames: int, blank: int) -> None:
    expected = -math.log(math.fsum(alignments(labels, frames, blank).values()))
    # After the end of the input stands NaN, which nothing may see.
    spoilt = LOGARITHMS.copy()
    spoilt[frames:] = math.nan
    for numbers in (LOGARITHMS, spoilt):
        assert numbers_of(asked(ctc, numbers, labels, frames, {"blank": blank})) == pytest.approx(
            expected, rel=1e-13, abs=1e-15
        )
    shifted = LOGARITHMS + np.array([[0.5], [-3.0], [100.0], [7.0]])
    assert numbers_of(asked(ctc_with_logits, shifted, labels, frames, {"blank": blank})) == pytest.approx(
        expected, rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize(("labels", "frames", "blank"), CASES[::5])
def test_the_gradient_is_the_share_of_the_alignments(labels: tuple[int, ...], frames: int, blank: int) -> None:
    paths = alignments(labels, frames, blank)
    whole = math.fsum(paths.values())
    share = np.zeros((4, CLASSES))
    for path, probability in paths.items():
        for frame, label in enumerate(path):
            share[frame, label] += probability / whole
    found = numbers_of(asked(ctc, LOGARITHMS, labels, frames, {"blank": blank}, "gradient"))
    np.testing.assert_allclose(found, -share, rtol=1e-12, atol=1e-15)
    found = numbers_of(asked(ctc_with_logits, LOGARITHMS, labels, frames, {"blank": blank}, "gradient"))
    softmax = np.where(np.arange(4)[:, None] < frames, np.array(WEIGHTS) / 8, 0)
    np.testing.assert_allclose(found, softmax - share, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("labels", "frames"), [((1, 1), 2), ((1, 2), 1), ((2,), 0)])
def test_without_an_alignment_the_loss_is_infinite_or_zero(labels: tuple[int, ...], frames: int) -> None:
    for function in (ctc, ctc_with_logits):
        found = asked(function, LOGARITHMS, labels, frames, {})
        assert found.truth.kind[0] == INFINITE
        assert found.truth.mantissa[0] == 1
    if frames:
        assert (
            asked(ctc, LOGARITHMS, labels, frames, {}, "gradient").truth.kind[: frames * CLASSES] == UNDEFINED
        ).all()
    assert numbers_of(asked(ctc, LOGARITHMS, labels, frames, {"zero_infinity": True})) == 0
    assert (numbers_of(asked(ctc, LOGARITHMS, labels, frames, {"zero_infinity": True}, "gradient")) == 0).all()


def test_a_label_that_is_impossible_throughout_is_no_alignment() -> None:
    numbers = LOGARITHMS.copy()
    numbers[:, 2] = -math.inf
    assert asked(ctc, numbers, (1, 2), 4, {}).truth.kind[0] == INFINITE
    assert numbers_of(asked(ctc, numbers, (1, 2), 4, {"zero_infinity": True})) == 0
    assert math.isfinite(numbers_of(asked(ctc, numbers, (1, 1), 4, {})))


def test_the_loss_is_divided_by_the_number_of_labels() -> None:
    for labels in ((), (2,), (1, 2), (1, 2, 1)):
        whole = numbers_of(asked(ctc, LOGARITHMS, labels, 4, {}))
        part = numbers_of(asked(ctc, LOGARITHMS, labels, 4, {"normalise": True}))
        assert part == pytest.approx(whole / max(len(labels), 1), rel=1e-14)


def test_no_frame_and_no_label_is_certain() -> None:
    assert numbers_of(asked(ctc, LOGARITHMS, (), 0, {})) == 0
    assert numbers_of(asked(ctc_with_logits, LOGARITHMS, (), 0, {})) == 0
