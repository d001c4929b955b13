"""Losses that are 0 once the right class is far enough ahead: hinge, perceptron and sparsemax losses, and the family of
Fenchel-Young losses they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from .model import Source
from .real import FARTHEST, Operand, counted, maximum, total
from .surprise import (
    GOODFELLOW,
    INF,
    LABELS,
    NONNEGATIVE,
    OPTAX,
    SHIFT_INVARIANT,
    log_normaliser,
    rows_argument,
    undefined,
)
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction

_KERAS = "https://www.tensorflow.org/api_docs/python/tf/keras/losses/"
_FENCHEL_YOUNG = Source(
    "Blondel, Martins, Niculae: Learning with Fenchel-Young Losses, JMLR 21, 2020", "https://arxiv.org/abs/1901.02324"
)
_CRAMMER_SINGER = Source(
    "Crammer, Singer: On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, JMLR 2, 2001",
    "https://www.jmlr.org/papers/v2/crammer01a.html",
)
_SPARSEMAX = Source("Martins, Astudillo: From Softmax to Sparsemax, ICML 2016", "https://arxiv.org/abs/1602.02068")

_PREDICTION = Argument("prediction", "real", meaning="the score x: above 0 for the class, below 0 for its absence")
_SIGN = Argument(
    "target", "sign", meaning="1 for the class, −1 for its absence (0 with labels `binary`)", differentiable=False
)
_ENCODING = Option(
    "labels",
    "signed",
    "how targets are written: `signed` is −1 and 1, `binary` is 0 and 1",
    "signed or binary",
    samples=("binary",),
)
_SCORES = rows_argument("scores", "real", "one number for each class")


def _signed(target: Core, labels: str) -> Core:
    return 2 * target - 1 if labels == "binary" else target


# --- two classes ------------------------------------------------------------------------------------------------------


def _hinge(prediction: Core, target: Core, labels: str) -> Operand:
    return maximum(1 - _signed(target, labels) * prediction, 0)


_BINARY_EDGES = (
    Edge("0 for its absence, right", {"prediction": -0.25, "target": 0.0}, {"labels": "binary"}),
    Edge("0 for its absence, wrong", {"prediction": 0.75, "target": 0.0}, {"labels": "binary"}),
    Edge("1 for the class, right", {"prediction": 0.75, "target": 1.0}, {"labels": "binary"}),
    Edge("1 for the class, wrong", {"prediction": -0.25, "target": 1.0}, {"labels": "binary"}),
)
_MARGIN_EDGES = (
    Edge("at the margin, the class", {"prediction": 1.0, "target": 1.0}),
    Edge("at the margin, its absence", {"prediction": -1.0, "target": -1.0}),
    Edge("next to the margin: beyond", {"prediction": 1.0009765625, "target": 1.0}),
    Edge("next to the margin: within", {"prediction": -0.9990234375, "target": -1.0}),
    Edge("as far on the wrong side", {"prediction": -1.0, "target": 1.0}),
    Edge("prediction infinite: certain and right", {"prediction": INF, "target": 1.0}),
    Edge("prediction infinite: certain and right, its absence", {"prediction": -INF, "target": -1.0}),
    Edge("prediction infinite: certain and wrong", {"prediction": INF, "target": -1.0}),
    *_BINARY_EDGES,
)

hinge = TensorFunction(
    name="hinge",
    title="Hinge loss",
    family="hinge",
    formula="max(0, 1 − t·x)",
    definition=_hinge,
    arguments=(_PREDICTION, _SIGN),
    options=(_ENCODING,),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=_MARGIN_EDGES,
    properties=(NONNEGATIVE,),
    sources=(
        Source("Cortes, Vapnik: Support-Vector Networks, Machine Learning 20, 1995", "https://doi.org/10.1007/BF00994018"),
        Source("Keras documentation: Hinge", f"{_KERAS}Hinge"),
        OPTAX,
    ),
    notes=(
        "At the margin every slope between −t and 0 is right.",
        "With labels `binary` a target t stands for 2t − 1. Keras looks at the whole tensor: if there is no target but 0 and 1, they are meant so.",
    ),
)  # fmt: skip


def _squared_hinge(prediction: Core, target: Core, labels: str) -> Operand:
    missing: Core = _hinge(prediction, target, labels)
    return missing * missing  # type: ignore[no-any-return]  # a Real or 0


squared_hinge = TensorFunction(
    name="squared_hinge",
    title="Squared hinge loss",
    family="hinge",
    formula="max(0, 1 − t·x)²",
    definition=_squared_hinge,
    arguments=(_PREDICTION, _SIGN),
    options=(_ENCODING,),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=_MARGIN_EDGES,
    properties=(NONNEGATIVE,),
    sources=(Source("Keras documentation: SquaredHinge", f"{_KERAS}SquaredHinge"),),
    notes=("Unlike hinge it has a derivative at the margin: 0.",),
)


def _perceptron(prediction: Core, target: Core, labels: str) -> Operand:
    return maximum(-_signed(target, labels) * prediction, 0)


perceptron = TensorFunction(
    name="perceptron",
    title="Perceptron loss",
    family="hinge",
    formula="max(0, −t·x)",
    definition=_perceptron,
    arguments=(_PREDICTION, _SIGN),
    options=(_ENCODING,),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=(
        Edge("undecided, the class", {"prediction": 0.0, "target": 1.0}),
        Edge("undecided, its absence", {"prediction": -0.0, "target": -1.0}),
        Edge("prediction infinite: certain and right", {"prediction": INF, "target": 1.0}),
        Edge("prediction infinite: certain and wrong", {"prediction": INF, "target": -1.0}),
        *_BINARY_EDGES,
    ),
    properties=(NONNEGATIVE,),
    sources=(
        Source("Rosenblatt: The Perceptron, Psychological Review 65, 1958", "https://doi.org/10.1037/h0042519"),
        OPTAX,
    ),
    notes=("The hinge loss with a margin of 0: it is content as soon as the sign is right.",),
)


# --- several classes --------------------------------------------------------------------------------------------------


def _categorical_hinge(prediction: Sequence[Core], target: Sequence[Core]) -> Operand:
    positive = total([counted(t, x) for t, x in zip(target, prediction, strict=True)])
    negative = reduce(maximum, [counted(1 - t, x) for t, x in zip(target, prediction, strict=True)])
    return maximum(negative - positive + 1, 0)


categorical_hinge = TensorFunction(
    name="categorical_hinge",
    title="Categorical hinge loss",
    family="hinge",
    formula="max(0, 1 + max_c((1 − t_c)·x_c) − Σ_c t_c·x_c), where 0·∞ = 0",
    definition=_categorical_hinge,
    arguments=(
        rows_argument("prediction", "real", "one score x for each class"),
        rows_argument("target", "one_hot", "one for the true class, zero for the others"),
    ),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=(
        Edge("at the margin", {"prediction": (2.5, 1.5, -1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("the others below 0", {"prediction": (0.5, -1.5, -3.0), "target": (1.0, 0.0, 0.0)}),
        Edge("the others below 0, at the margin", {"prediction": (1.0, -1.5, -3.0), "target": (1.0, 0.0, 0.0)}),
        Edge("two others equal", {"prediction": (0.5, 1.5, 1.5), "target": (1.0, 0.0, 0.0)}),
        Edge("prediction infinite: certain and right", {"prediction": (INF, 1.5, -1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("prediction infinite: another class impossible", {"prediction": (0.5, -INF, 1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("prediction infinite: another class certain", {"prediction": (0.5, INF, 1.0), "target": (1.0, 0.0, 0.0)}),
    ),
    properties=(NONNEGATIVE,),
    sources=(Source("Keras documentation: CategoricalHinge", f"{_KERAS}CategoricalHinge"),),
    notes=(
        "The true class takes part in the inner maximum with (1 − 1)·x = 0: where every other score is below 0, the right one need not "
        "be more than 1 above 0. That is not Crammer and Singer's loss, which is multiclass_hinge, and adding a number to every score changes it.",
    ),
)  # fmt: skip


def _ahead(scores: Sequence[Core], labels: int) -> list[Core]:
    """How far each of the other classes is ahead of the true one."""
    return [x - scores[labels] for c, x in enumerate(scores) if c != labels]


def _multiclass_hinge(scores: Sequence[Core], labels: int) -> Operand:
    others = _ahead(scores, labels)
    return maximum(1 + reduce(maximum, others), 0) if others else 0


_LABEL_EDGES = (
    Edge("two others equal", {"scores": (0.5, 1.5, 1.5), "labels": 0}),
    Edge("another class as large as the label's", {"scores": (1.5, 0.5, 1.5), "labels": 0}),
    Edge("scores infinite: certain and right", {"scores": (INF, 1.5, -1.0), "labels": 0}),
    Edge("scores infinite: another class impossible", {"scores": (0.5, -INF, 1.0), "labels": 0}),
    Edge("scores infinite: another class certain", {"scores": (0.5, INF, 1.0), "labels": 0}),
    Edge("large scores that differ little", {"scores": (1000.0, 1000.5, 999.0), "labels": 0}),
)

multiclass_hinge = TensorFunction(
    name="multiclass_hinge",
    title="Multiclass hinge loss",
    family="hinge",
    formula="max_c(x_c + [c ≠ y]) − x_y",
    definition=_multiclass_hinge,
    arguments=(_SCORES, LABELS),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=(
        Edge("at the margin", {"scores": (2.5, 1.5, -1.0), "labels": 0}),
        Edge("at the margin, twice", {"scores": (2.5, 1.5, 1.5), "labels": 0}),
        *_LABEL_EDGES,
    ),
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(_CRAMMER_SINGER, _FENCHEL_YOUNG, OPTAX),
    notes=(
        "max(0, 1 + max_{c ≠ y} x_c − x_y). Where several classes are ahead by the same, the derivative is any mixture of theirs.",
    ),
)


def _multiclass_perceptron(scores: Sequence[Core], labels: int) -> Operand:
    others = _ahead(scores, labels)
    return maximum(reduce(maximum, others), 0) if others else 0


multiclass_perceptron = TensorFunction(
    name="multiclass_perceptron",
    title="Multiclass perceptron loss",
    family="hinge",
    formula="max_c x_c − x_y",
    definition=_multiclass_perceptron,
    arguments=(_SCORES, LABELS),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=_LABEL_EDGES,
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(
        Source(
            "Collins: Discriminative Training Methods for Hidden Markov Models, EMNLP 2002",
            "https://aclanthology.org/W02-1001/",
        ),
        _FENCHEL_YOUNG,
        OPTAX,
    ),
    notes=("0 as soon as no class is ahead of the label's.",),
)


# --- sparsemax, Fenchel-Young -----------------------------------------------------------------------------------------


def _support(scores: Sequence[Core]) -> list[int]:
    """The classes with a probability above 0 under sparsemax: those whose score is above τ, where Σ max(0, x − τ) = 1.

    The mean of what is left, less its share of 1, can only rise as scores below it are dropped. Nothing is sorted, because
    that would compare equal numbers, which the oracle takes for kinks.
    """
    left = [c for c, x in enumerate(scores) if x > -FARTHEST]
    while left:
        threshold = sum(scores[c] for c in left) - 1
        kept = [c for c in left if len(left) * scores[c] > threshold]
        if len(kept) == len(left):
            break
        left = kept
    return left


def _multiclass_sparsemax(scores: Sequence[Core], labels: int) -> Core:
    support = [] if any(x > FARTHEST for x in scores) else _support(scores)
    if not support:
        return undefined(scores)
    # Relative to one of the scores, so that a number that all have in common costs no digits.
    origin = labels if labels in support else support[0]
    relative = [scores[c] - scores[origin] for c in support]
    threshold = (total(relative) - 1) / len(relative)
    probabilities = [x - threshold for x in relative]
    gain = total([p * x for p, x in zip(probabilities, relative, strict=True)])
    return (scores[origin] - scores[labels]) + gain + (1 - total([p * p for p in probabilities])) / 2


multiclass_sparsemax = TensorFunction(
    name="multiclass_sparsemax",
    title="Multiclass sparsemax loss",
    family="hinge",
    formula="Σ_c p_c·(x_c − x_y) + (1 − Σ p²)/2 with p = sparsemax(x), the point of the probability simplex nearest to x",
    definition=_multiclass_sparsemax,
    arguments=(rows_argument("scores", "logit", "one number for each class"), LABELS),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=(
        Edge("ahead by more than 1", {"scores": (2.5, 1.0, -1.0), "labels": 0}),
        Edge("ahead by 1", {"scores": (2.0, 1.0, -1.0), "labels": 0}),
        Edge("ahead by less than 1", {"scores": (1.75, 1.0, -1.0), "labels": 0}),
        Edge("behind by 1", {"scores": (1.0, 2.0, -1.0), "labels": 0}),
        Edge("a class at the edge of the support", {"scores": (1.5, 1.0, 0.25, -1.0), "labels": 0}),
        Edge("scores infinite: another class impossible", {"scores": (0.5, -INF, 1.0), "labels": 0}),
        Edge("scores infinite: all but the label impossible", {"scores": (-INF, 0.75, -INF), "labels": 1}),
        Edge("large scores that differ little", {"scores": (1000.0, 1000.5, 999.75), "labels": 0}),
    ),
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(_SPARSEMAX, _FENCHEL_YOUNG, OPTAX),
    notes=(
        "Its derivative is sparsemax(x) less the one-hot label, as that of cross entropy is softmax(x) less it; unlike cross entropy it reaches 0, "
        "once the right class is ahead by 1.",
    ),
)  # fmt: skip


def _sparsemax_loss(logits: Core, target: Core) -> Core:
    wrong = -logits if target > Fraction(1, 2) else logits
    if wrong <= -1:
        return 0
    return wrong if wrong >= 1 else (wrong + 1) * (wrong + 1) / 4


sparsemax_loss = TensorFunction(
    name="sparsemax_loss",
    title="Binary sparsemax loss",
    family="hinge",
    formula="sparse_plus(x) for t = 0, sparse_plus(−x) for t = 1",
    definition=_sparsemax_loss,
    arguments=(
        Argument("logits", "real", meaning="the score x: above 0 for the class, below 0 for its absence"),
        Argument("target", "binary", meaning="1 for the class, 0 for its absence", differentiable=False),
    ),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=(
        Edge("right by 1", {"logits": 1.0, "target": 1.0}),
        Edge("right by 1, its absence", {"logits": -1.0, "target": 0.0}),
        Edge("wrong by 1", {"logits": -1.0, "target": 1.0}),
        Edge("wrong by 1, its absence", {"logits": 1.0, "target": 0.0}),
        Edge("nearly right by 1", {"logits": 1 - 2.0**-8, "target": 1.0}),
        Edge("logits infinite: certain and right", {"logits": INF, "target": 1.0}),
        Edge("logits infinite: certain and wrong", {"logits": INF, "target": 0.0}),
    ),
    properties=(NONNEGATIVE,),
    sources=(_FENCHEL_YOUNG, OPTAX),
    notes=(
        "multiclass_sparsemax of the scores (x, 0). It is a modified Huber loss: a square between two straight lines.",
    ),
)


def _fenchel_young(scores: Sequence[Core], target: Sequence[Core]) -> Core:
    return log_normaliser(scores) - total([counted(t, x) for t, x in zip(target, scores, strict=True)])


fenchel_young = TensorFunction(
    name="fenchel_young",
    title="Fenchel-Young loss of log Σ e^x",
    family="hinge",
    formula="log Σ_c e^(x_c) − Σ_c t_c·x_c, where 0·∞ = 0",
    definition=_fenchel_young,
    arguments=(
        rows_argument("scores", "logit", "one number for each class"),
        rows_argument("target", "distribution", "the true probability t of each class"),
    ),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    smooth=True,
    edges=(
        Edge("scores infinite: an impossible class has target 0", {"scores": (1.0, -INF, 2.0), "target": (0.25, 0.0, 0.75)}),
        Edge("scores infinite: an impossible class has a target", {"scores": (1.0, -INF, 2.0), "target": (0.25, 0.25, 0.5)}),
        Edge("scores infinite: one class is certain and possible", {"scores": (-INF, 0.75, -INF), "target": (0.0, 1.0, 0.0)}),
        Edge("no target at all", {"scores": (1.0, 3.0, 2.0), "target": (0.0, 0.0, 0.0)}),
        Edge("large scores that differ little", {"scores": (1000.0, 1000.5, 999.0), "target": (0.25, 0.25, 0.5)}),
    ),
    sources=(_FENCHEL_YOUNG, GOODFELLOW, OPTAX),
    notes=(
        "Where the target sums to one it is soft_cross_entropy. The general loss of this name has any maximum in place of log Σ e^x, and may "
        "have the entropy of the target added, so that it is 0 where softmax(x) is the target; optax leaves that constant out.",
    ),
)  # fmt: skip


FUNCTIONS = (
    hinge,
    squared_hinge,
    perceptron,
    categorical_hinge,
    multiclass_hinge,
    multiclass_perceptron,
    multiclass_sparsemax,
    sparsemax_loss,
    fenchel_young,
)
