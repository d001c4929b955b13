"""Losses of sequences whose alignment with the input is not known: connectionist temporal classification (CTC)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .model import Property, Source
from .real import FARTHEST, exp, log, total
from .surprise import undefined
from .tensors import Argument, Edge, Option, TensorFunction

_REDUCTIONS = ("none", "sum", "mean", "weighted_mean", "batch_mean")
_NAN, _INF = math.nan, math.inf

_IMPOSSIBLE = -(10**400)
"""Below any finite number of any format: to compare with it never finds two equal numbers, which would be a kink."""

_GRAVES = Source(
    "Graves, Fernández, Gomez, Schmidhuber: Connectionist Temporal Classification, ICML 2006, section 4.1",
    "https://www.cs.toronto.edu/~graves/icml_2006.pdf",
)


def _probability(chance: Callable[[int, int], Any], frames: int, labels: Sequence[int], blank: int) -> Any:
    """The sum over all alignments of the product of their chances, by the forward recursion; None if there is no alignment.

    `chance(t, k)` is the probability of class k in frame t, None where that is impossible. It is asked for places of
    alignments only, so that nothing else can have a part in the result.
    """
    states = [blank]
    for label in labels:
        states += [label, blank]
    if frames == 0:
        return None if labels else 1
    last = len(states) - 1
    needed = [{last, last - 1} if labels else {last}]
    for _ in range(frames - 1):
        needed.append({before for state in needed[-1] for before in _before(state, states, blank)})
    needed.reverse()
    forward: dict[int, Any] = {}
    for frame in range(frames):
        reached: dict[int, Any] = {}
        for state in sorted(needed[frame]):
            if frame == 0:
                ways: Any = 1 if state < 2 else None
            else:
                sources = [forward[before] for before in _before(state, states, blank) if before in forward]
                ways = total(sources) if sources else None
            here = None if ways is None else chance(frame, states[state])
            if here is not None:
                reached[state] = ways * here
        forward = reached
    ends = [forward[state] for state in sorted(needed[-1]) if state in forward]
    return total(ends) if ends else None


def _before(state: int, states: Sequence[int], blank: int) -> list[int]:
    """The states from which this one is reached: itself, its predecessor, and the one before a blank that may be left out."""
    may_skip = state >= 2 and states[state] != blank and states[state] != states[state - 2]
    return [before for before in (state, state - 1, state - 2) if before >= 0 and (before > state - 2 or may_skip)]


def _never(chances: Sequence[Any]) -> Any:
    """−log 0 of inputs on which it could depend: +∞, and without a derivative."""
    return -log(sum(0 * chance for chance in chances)) if chances else _INF


def _ctc(
    log_probabilities: Sequence[Sequence[Any]],
    labels: Sequence[int],
    input_length: int,
    label_length: int,
    blank: int,
    zero_infinity: bool,
    normalise: bool,
) -> Any:
    known: dict[tuple[int, int], Any] = {}

    def chance(frame: int, label: int) -> Any:
        x = log_probabilities[frame][label]
        if (frame, label) not in known:
            known[frame, label] = None if x < _IMPOSSIBLE else exp(x)
        return known[frame, label]

    probability = _probability(chance, input_length, labels[:label_length], blank)
    if probability is None:
        loss = 0 if zero_infinity else _never([exp(x) for row in log_probabilities[:input_length] for x in row])
    else:
        loss = 0 if isinstance(probability, int) else -log(probability)
    return loss / max(label_length, 1) if normalise else loss


def _ctc_with_logits(
    logits: Sequence[Sequence[Any]], labels: Sequence[int], input_length: int, label_length: int, blank: int
) -> Any:
    # Entry points that take no lengths count every frame: then both are None.
    frames = logits[:input_length]
    if any(any(logit > FARTHEST for logit in row) or all(logit < -FARTHEST for logit in row) for row in frames):
        return undefined([logit for row in frames for logit in row])  # a frame without a softmax: ∞/∞, or 0/0
    odds = [[exp(logit) for logit in row] for row in frames]
    sums = [total(row) for row in odds]
    known: dict[tuple[int, int], Any] = {}

    def chance(frame: int, label: int) -> Any:
        if (frame, label) not in known:
            known[frame, label] = None if logits[frame][label] < _IMPOSSIBLE else odds[frame][label] / sums[frame]
        return known[frame, label]

    probability = _probability(chance, len(odds), labels[:label_length], blank)
    if probability is None:
        return _never([one for row in odds for one in row])
    return 0 if isinstance(probability, int) else -log(probability)


_LABELS = Argument("labels", "label_sequence", ("length",), "the labels, none of them the blank", differentiable=False)
_INPUT_LENGTH = Argument("input_length", "length", (), "how many frames count, from the first", differentiable=False)
_LABEL_LENGTH = Argument("label_length", "length", (), "how many labels count, from the first", differentiable=False)
_BLANK = Option("blank", 0, "the class that stands for no label", "a class", (4, 2), (100,))
_SIZES = {"time": (7,), "classes": (5,), "length": (3,)}

_CHANCES = (0.5, 0.25, 0.125, 0.0625, 0.0625)


def _frames(time: int) -> tuple[tuple[float, ...], ...]:
    """Logarithms of probabilities of five classes, in another order in every frame."""
    return tuple(tuple(math.log(_CHANCES[(k + 2 * t) % 5]) for k in range(5)) for t in range(time))


def _with(
    frames: tuple[tuple[float, ...], ...], numbers: dict[tuple[int, int], float]
) -> tuple[tuple[float, ...], ...]:
    """The frames with other numbers at some (frame, class)."""
    return tuple(tuple(numbers.get((t, k), x) for k, x in enumerate(row)) for t, row in enumerate(frames))


def _row_of(frames: tuple[tuple[float, ...], ...], start: int, number: float) -> tuple[tuple[float, ...], ...]:
    """The frames with one number throughout, from frame `start` on."""
    return _with(frames, {(t, k): number for t in range(start, len(frames)) for k in range(5)})


def _edges(argument: str) -> tuple[Edge, ...]:
    seven = _frames(7)
    whole = {argument: seven, "labels": (1, 2, 3), "input_length": 7, "label_length": 3}
    sure = tuple(tuple(0.0 if k == label else -_INF for k in range(5)) for label in (1, 0, 2, 2, 0, 0, 0))
    return (
        Edge("empty target", {**whole, "label_length": 0}),
        Edge("one label", {**whole, "label_length": 1}),
        Edge("one label, of the last class", {**whole, "labels": (4, 1, 2), "label_length": 1}),
        Edge("repeated labels", {**whole, "labels": (2, 2, 2)}),
        Edge("a label that comes again", {**whole, "labels": (2, 3, 2)}),
        Edge("blank not 0", {**whole, "labels": (0, 1, 0)}, {"blank": 4}),
        Edge("blank not 0, repeated 0", {**whole, "labels": (0, 0, 1)}, {"blank": 4}),
        Edge("as many labels as frames", {**whole, "input_length": 3}),
        Edge("repeated labels that need every frame", {**whole, "labels": (1, 1, 1), "input_length": 5}),
        Edge("input shorter than its tensor", {**whole, "input_length": 4}),
        Edge("after the end of the input: NaN", {**whole, argument: _row_of(seven, 4, _NAN), "input_length": 4}),
        Edge("after the end of the input: +∞", {**whole, argument: _row_of(seven, 4, _INF), "input_length": 4}),
        Edge("after the end of the input: −∞", {**whole, argument: _row_of(seven, 4, -_INF), "input_length": 4}),
        Edge("one frame, one label", {argument: _frames(1), "labels": (3,), "input_length": 1, "label_length": 1}),
        Edge("one frame, empty target", {argument: _frames(1), "labels": (3,), "input_length": 1, "label_length": 0}),
        Edge("no frame, empty target", {**whole, "input_length": 0, "label_length": 0}),
        Edge(
            f"{argument} infinite: an impossible label in one frame", {**whole, argument: _with(seven, {(2, 1): -_INF})}
        ),
        Edge(
            f"{argument} infinite: an impossible blank in one frame", {**whole, argument: _with(seven, {(3, 0): -_INF})}
        ),
        Edge(
            f"{argument} infinite: an impossible class that is no label",
            {**whole, argument: _with(seven, {(t, 4): -_INF for t in range(7)})},
        ),
        Edge(
            f"{argument} infinite: blanks impossible",
            {**whole, argument: _with(seven, {(t, 0): -_INF for t in range(7)})},
        ),
        Edge(
            f"{argument} infinite: one alignment, certain",
            {**whole, argument: sure, "labels": (1, 2, 1), "input_length": 4, "label_length": 2},
        ),
        Edge("far from likely", {**whole, argument: tuple(tuple(200 * x for x in row) for row in seven)}),
    )


def _infeasible(argument: str) -> tuple[Edge, ...]:
    seven = _frames(7)
    whole = {argument: seven, "labels": (1, 2, 3), "input_length": 7, "label_length": 3}
    return (
        Edge("infeasible: fewer frames than labels", {**whole, "input_length": 2}),
        Edge("infeasible: too few frames for repeated labels", {**whole, "labels": (1, 1, 1), "input_length": 4}),
        Edge("infeasible: no frame, one label", {**whole, "input_length": 0, "label_length": 1}),
        Edge(
            "infeasible: a label that is impossible throughout",
            {**whole, argument: _with(seven, {(t, 2): -_INF for t in range(7)})},
        ),
    )


ctc = TensorFunction(
    name="ctc",
    title="Connectionist temporal classification, of logarithms of probabilities",
    family="sequence",
    formula="−log Σ Πₜ e^x(t, aₜ) over all alignments a of the labels: sequences of labels and blanks, one for each frame, "
    "that are the labels when repetitions are merged and then blanks removed",
    definition=_ctc,
    arguments=(
        Argument("log_probabilities", "log_distribution", ("time", "classes"), "x(t, k), the logarithm of the probability of class k in frame t"),
        _LABELS,
        _INPUT_LENGTH,
        _LABEL_LENGTH,
    ),
    options=(
        _BLANK,
        Option("zero_infinity", False, "whether the loss is 0 where there is no alignment, and its gradient too", "True, False", (True,)),
        Option("normalise", False, "whether the loss is divided by the number of labels, if that is above 1", "True, False", (True,)),
    ),
    pairs=({"blank": 3, "normalise": True}, {"zero_infinity": True, "normalise": True}),
    sizes=_SIZES,
    reductions=_REDUCTIONS,
    weighted=True,
    smooth=True,
    edges=(
        *_edges("log_probabilities"),
        *_infeasible("log_probabilities"),
        *(Edge(f"{edge.name}, zero_infinity", edge.arguments, {"zero_infinity": True}) for edge in _infeasible("log_probabilities")),
        Edge("divided by the number of labels",
             {"log_probabilities": _frames(7), "labels": (1, 2, 3), "input_length": 6, "label_length": 2}, {"normalise": True}),
        Edge("empty target, divided by the number of labels",
             {"log_probabilities": _frames(7), "labels": (1, 2, 3), "input_length": 6, "label_length": 0}, {"normalise": True}),
    ),
    sources=(
        _GRAVES,
        Source("PyTorch documentation: torch.nn.CTCLoss", "https://docs.pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html"),
    ),
    notes=(
        "Without an alignment the probability is 0 and the loss +∞; it has no gradient then.",
        "The derivative in x(t, k) is minus the share of the alignments that are at k in frame t. What equation 16 of the paper gives is the "
        "derivative in logits, with a softmax between: it is e^x(t, k) larger (https://github.com/pytorch/pytorch/issues/52241).",
    ),
)  # fmt: skip

ctc_with_logits = TensorFunction(
    name="ctc_with_logits",
    title="Connectionist temporal classification, of logits",
    family="sequence",
    formula="−log Σ Πₜ p(t, aₜ) over all alignments a of the labels, p(t, ·) = softmax(logits(t, ·)): sequences of labels and blanks, "
    "one for each frame, that are the labels when repetitions are merged and then blanks removed",
    definition=_ctc_with_logits,
    arguments=(
        Argument("logits", "logit", ("time", "classes"), "the logits of the classes in each frame"),
        _LABELS,
        _INPUT_LENGTH,
        _LABEL_LENGTH,
    ),
    options=(_BLANK,),
    sizes=_SIZES,
    reductions=_REDUCTIONS,
    weighted=True,
    smooth=True,
    free={
        "logits large: over the whole range": "which alignment is the likeliest goes by numbers that vanish beside others in a sum over the frames",
    },
    edges=(*_edges("logits"), *_infeasible("logits")),
    properties=(
        Property("nonnegative", "ctc_with_logits ≥ 0"),
        Property("shift_invariant", "adding one number to all logits of a frame changes nothing"),
    ),
    sources=(
        _GRAVES,
        Source("TensorFlow documentation: tf.nn.ctc_loss", "https://www.tensorflow.org/api_docs/python/tf/nn/ctc_loss"),
        Source("Optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html"),
    ),
    notes=(
        "ctc of log_softmax(logits). Without an alignment the probability is 0 and the loss +∞; it has no gradient then.",
    ),
)

FUNCTIONS: tuple[TensorFunction, ...] = (ctc, ctc_with_logits)
