"""What losses of classes share: the surprise −log p of a class, clips, smoothing, and the arguments and options for them.

A surprise comes from logits as log Σ e^x − x, which never leaves the logarithms. Knows no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from .model import Property, Source
from .real import FARTHEST, UNDEFINED, Real, counted, log, log_sum_exp, maximum, minimum, total
from .tensors import Argument, Core, Option

INF, NAN = float("inf"), float("nan")

GOODFELLOW = Source(
    "Goodfellow, Bengio, Courville: Deep Learning, MIT Press 2016, sections 3.13 and 6.2.2",
    "https://www.deeplearningbook.org/contents/prob.html",
)
SMOOTHING = Source(
    "Szegedy et al.: Rethinking the Inception Architecture for Computer Vision, CVPR 2016, section 7",
    "https://arxiv.org/abs/1512.00567",
)
OPTAX = Source("optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html")

NONNEGATIVE = Property("nonnegative", "the loss is never below 0")
SHIFT_INVARIANT = Property("shift_invariant", "the same number added to every logit leaves the loss as it is")


def given(option: Real) -> bool:
    """Whether an option such as a clip is above 0. `option > 0` would compare equal numbers at 0, which the oracle takes for a kink."""
    return option > Fraction(1, FARTHEST)


def clipped(probability: Core, clip: Real) -> Core:
    """The probability, brought into [clip, 1 − clip]."""
    return minimum(maximum(probability, clip), 1 - clip) if given(clip) else probability


def smoothed_binary(target: Core, label_smoothing: Real) -> Core:
    """(1 − ε)·t + ε/2."""
    return target * (1 - label_smoothing) + label_smoothing / 2


def smoothed(target: Sequence[Core], label_smoothing: Real) -> list[Core]:
    """(1 − ε)·t + ε/number of classes."""
    return [t * (1 - label_smoothing) + label_smoothing / len(target) for t in target]


def undefined(numbers: Sequence[Core]) -> Core:
    """No number, nor is its derivative in any of these."""
    return total(numbers) * UNDEFINED


def log_normaliser(logits: Sequence[Core]) -> Core:
    """log Σ e^x. Where a single class is possible it is that class' logit, so that its surprise is exactly 0.

    A row that holds +∞ has no softmax (∞/∞), and no surprises.
    """
    possible = [x for x in logits if x > -FARTHEST]
    if any(x > FARTHEST for x in possible):
        return undefined(possible)
    return possible[0] if len(possible) == 1 else log_sum_exp(logits)


def surprises(logits: Sequence[Core]) -> list[Core]:
    """−log softmax of each class."""
    normaliser = log_normaliser(logits)
    return [normaliser - x for x in logits]


def logarithm_of_share(p: Core, whole: Core, clip: Real) -> Core:
    """log(p / whole), clipped. Without a clip in two logarithms, so that the derivative has its limit at p = 0 too."""
    return log(clipped(p / whole, clip)) if given(clip) else log(p) - log(whole)


def weighed(weight: Core, loss: Core) -> Core:
    """weight · loss; the loss itself where no weight is given, and 0 where the weight is 0."""
    return loss if weight is None else counted(weight, loss)


def rows_argument(name: str, kind: str, meaning: str, differentiable: bool = True, optional: bool = False) -> Argument:
    """An argument with one number for each class."""
    return Argument(name, kind, ("classes",), meaning, differentiable=differentiable, optional=optional)


LOGITS = rows_argument(
    "logits", "logit", "one number for each class, up to a constant the logarithm of its probability"
)
LABELS = Argument("labels", "label", (), "the number of the true class", differentiable=False)
CLASS_WEIGHT = Argument(
    "class_weight", "nonnegative", ("classes",), "what a sample of each class counts", optional=True, shared=True
)
WHERE = Argument(
    "where",
    "mask",
    ("classes",),
    "the classes that there are; one that is left out has no probability and no say",
    differentiable=False,
    optional=True,
)
LABEL_SMOOTHING = Option(
    "label_smoothing",
    0.0,
    "part of the target that is spread evenly over all classes",
    "0 to 1",
    samples=(0.1, 0.375, 1.0),
    invalid=(-0.1, 1.5),
)
CLIP = Option(
    "clip",
    0.0,
    "how near to 0 and 1 a probability may come before the logarithm is taken",
    "0 to 1/2, exclusive",
    samples=(1e-7, 0.25),
)
IGNORE_INDEX = Option(
    "ignore_index",
    None,
    "label of samples that count nothing; it need not be that of a class",
    "a whole number, or None",
    samples=(-100, 0, 2),
)
NORMALISE = Option(
    "normalise", True, "whether predictions are divided by their sum first", "True or False", samples=(False,)
)
