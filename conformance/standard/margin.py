"""Losses that compare scores with one another and ask for a margin between them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from .model import Source
from .real import Operand, Real, counted, maximum, softplus, total
from .surprise import INF, LABELS, NONNEGATIVE, SHIFT_INVARIANT, rows_argument
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction

_PYTORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
_SIGN = Argument("target", "sign", meaning="1 or −1", differentiable=False)
_SUM_OVERFLOWS = "the sum may overflow before it is divided by the number of classes"
_LARGE_SCORES = {
    "scores large: every one": "the margin is less than a unit in the last place of such scores",
    "scores large: one largest": _SUM_OVERFLOWS,
    "scores large: one -largest": _SUM_OVERFLOWS,
}
_CLASS_WEIGHT = Argument(
    "class_weight", "nonnegative", ("classes",), "what each class counts", optional=True, shared=True
)


def _margin(default: float, *samples: float) -> Option:
    return Option("margin", default, "how far apart they should be", "any number", samples=samples)


def _soft_margin(prediction: Core, target: Core) -> Operand:
    return softplus(-target * prediction)


soft_margin = TensorFunction(
    name="soft_margin",
    title="Soft margin loss",
    family="margin",
    formula="log(1 + e^(−t·x))",
    definition=_soft_margin,
    arguments=(Argument("prediction", "real", meaning="the score x"), _SIGN),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("prediction infinite: certain and right", {"prediction": INF, "target": 1.0}),
        Edge("prediction infinite: certain and right, negative", {"prediction": -INF, "target": -1.0}),
        Edge("prediction infinite: certain and wrong", {"prediction": -INF, "target": 1.0}),
        Edge("nearly certain: 30, right", {"prediction": 30.0, "target": 1.0}),
        Edge("prediction large: 100, wrong", {"prediction": -100.0, "target": 1.0}),
        Edge("prediction large: 1000, wrong", {"prediction": 1000.0, "target": -1.0}),
    ),
    properties=(NONNEGATIVE,),
    sources=(Source("PyTorch documentation: torch.nn.SoftMarginLoss", f"{_PYTORCH}SoftMarginLoss.html"),),
    notes=(
        "binary_cross_entropy_with_logits with −1 and 1 for 0 and 1. log(1 + e^z) as it stands overflows from z = 89 on in float32, and is 0 "
        "for z below −17.",
    ),
)  # fmt: skip


def _margin_ranking(first: Core, second: Core, target: Core, margin: Real) -> Operand:
    return maximum(-target * (first - second) + margin, 0)


margin_ranking = TensorFunction(
    name="margin_ranking",
    title="Margin ranking loss",
    family="margin",
    formula="max(0, −t·(x₁ − x₂) + margin)",
    definition=_margin_ranking,
    arguments=(
        Argument("first", "real", meaning="the score that should be larger where the target is 1"),
        Argument("second", "real", meaning="the score that should be larger where the target is −1"),
        _SIGN,
    ),
    options=(_margin(0.0, 0.5, 2.0, -0.75),),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=(
        Edge("apart by the margin", {"first": 1.75, "second": 1.25, "target": 1.0}, {"margin": 0.5}),
        Edge(
            "apart by the margin, the other way round", {"first": 1.25, "second": 1.75, "target": -1.0}, {"margin": 0.5}
        ),
        Edge("wrong by the margin", {"first": 1.25, "second": 1.75, "target": 1.0}, {"margin": 0.5}),
        Edge("equal, with a margin", {"first": 1.25, "second": 1.25, "target": 1.0}, {"margin": 0.5}),
        Edge("first or second infinite: and right", {"first": INF, "second": 1.25, "target": 1.0}),
        Edge("first or second infinite: and wrong", {"first": INF, "second": 1.25, "target": -1.0}),
    ),
    properties=(NONNEGATIVE,),
    sources=(Source("PyTorch documentation: torch.nn.MarginRankingLoss", f"{_PYTORCH}MarginRankingLoss.html"),),
    notes=("With a margin of 0 two equal scores are at the kink.",),
)


def _hinge_embedding(prediction: Core, target: Core, margin: Real) -> Operand:
    return prediction if target > 0 else maximum(margin - prediction, 0)


hinge_embedding = TensorFunction(
    name="hinge_embedding",
    title="Hinge embedding loss",
    family="margin",
    formula="x for t = 1, max(0, margin − x) for t = −1",
    definition=_hinge_embedding,
    arguments=(Argument("prediction", "real", meaning="x, most often a distance"), _SIGN),
    options=(_margin(1.0, 0.0, 2.5, -0.75),),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    edges=(
        Edge("unlike, at the margin", {"prediction": 1.0, "target": -1.0}),
        Edge("unlike, next to the margin: beyond", {"prediction": 1.0009765625, "target": -1.0}),
        Edge("unlike, next to the margin: within", {"prediction": 0.9990234375, "target": -1.0}),
        Edge("unlike, beyond the margin", {"prediction": 3.0, "target": -1.0}),
        Edge("unlike, distance 0", {"prediction": 0.0, "target": -1.0}),
        Edge("alike, distance 0", {"prediction": 0.0, "target": 1.0}),
        Edge("alike, below 0", {"prediction": -2.0, "target": 1.0}),
        Edge("prediction infinite: unlike", {"prediction": INF, "target": -1.0}),
    ),
    sources=(Source("PyTorch documentation: torch.nn.HingeEmbeddingLoss", f"{_PYTORCH}HingeEmbeddingLoss.html"),),
    notes=("x is taken as it is: below 0 the loss of two that are alike is negative.",),
)


def _bpr(positive: Core, negative: Core) -> Operand:
    return softplus(negative - positive)


bpr = TensorFunction(
    name="bpr",
    title="Bayesian personalized ranking loss",
    family="margin",
    formula="−log σ(x₊ − x₋)",
    definition=_bpr,
    arguments=(
        Argument("positive", "real", meaning="the score of what was chosen"),
        Argument("negative", "real", meaning="the score of what was not"),
    ),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("apart by 30", {"positive": 20.0, "negative": -10.0}),
        Edge("apart by 100, wrong", {"positive": -40.0, "negative": 60.0}),
        Edge("positive certain", {"positive": INF, "negative": 1.0}),
        Edge("negative impossible", {"positive": 1.0, "negative": -INF}),
        Edge("positive impossible", {"positive": -INF, "negative": 1.0}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        Source(
            "Rendle et al.: BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009",
            "https://arxiv.org/abs/1205.2618",
        ),
    ),
    notes=(
        "soft_margin of the difference with target 1. The regularisation term of the paper is left to the optimiser.",
    ),
)


def _hinges(differences: Sequence[Core], margin: Real | int, p: int, classes: int) -> Core:
    """Σ max(0, margin + difference)^p / classes."""
    missing: list[Core] = [maximum(margin + difference, 0) for difference in differences]
    return total([each * each if p == 2 else each for each in missing]) * Fraction(1, classes)


def _multi_margin(scores: Sequence[Core], labels: int, p: int, margin: Real, class_weight: Core = None) -> Core:
    others = [x - scores[labels] for c, x in enumerate(scores) if c != labels]
    loss = _hinges(others, margin, p, len(scores))
    return loss if class_weight is None else counted(class_weight[labels], loss)


multi_margin = TensorFunction(
    name="multi_margin",
    title="Multi-class margin loss",
    family="margin",
    formula="w_y/C · Σ_{c ≠ y} max(0, margin − x_y + x_c)^p",
    definition=_multi_margin,
    arguments=(rows_argument("scores", "real", "one number for each class"), LABELS, _CLASS_WEIGHT),
    options=(
        Option("p", 1, "the power", "1 or 2", samples=(2,), invalid=(0, 3)),
        _margin(1.0, 0.0, 2.5, -0.75),
    ),
    pairs=({"p": 2, "margin": 0.5}, {"p": 2, "margin": 0.0}),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=(
        Edge("at the margin", {"scores": (2.5, 1.5, -1.0), "labels": 0}),
        Edge("at the margin, twice", {"scores": (2.5, 1.5, 1.5), "labels": 0}),
        Edge("at the margin, squared", {"scores": (2.5, 1.5, -1.0), "labels": 0}, {"p": 2}),
        Edge("ahead of all", {"scores": (4.0, 1.5, -1.0), "labels": 0}),
        Edge("scores infinite: another class impossible", {"scores": (0.5, -INF, 1.0), "labels": 0}),
        Edge("scores infinite: certain and right", {"scores": (INF, 1.5, -1.0), "labels": 0}),
        Edge("large scores that differ little", {"scores": (1000.0, 1000.5, 999.5), "labels": 0}),
        Edge("weight 0 for the label", {"scores": (1.0, 3.0, 2.0), "labels": 0, "class_weight": (0.0, 2.0, 1.0)}),
        Edge("weight 0 for another class", {"scores": (1.0, 3.0, 2.0), "labels": 2, "class_weight": (0.0, 2.0, 0.5)}),
    ),
    free=_LARGE_SCORES,
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(Source("PyTorch documentation: torch.nn.MultiMarginLoss", f"{_PYTORCH}MultiMarginLoss.html"),),
    notes=(
        "It divides by the number of classes, the label's among them, whose own term is left out.",
        "With class weights the mean still divides by the number of samples.",
    ),
)  # fmt: skip


def _multilabel_margin(scores: Sequence[Core], labels: Sequence[int]) -> Core:
    end = next((place for place, label in enumerate(labels) if label < 0), len(labels))
    true = set(labels[:end])
    others = [x for c, x in enumerate(scores) if c not in true]
    return _hinges([x - scores[label] for label in labels[:end] for x in others], 1, 1, len(scores))


multilabel_margin = TensorFunction(
    name="multilabel_margin",
    title="Multi-label margin loss",
    family="margin",
    formula="1/C · Σ_{y ∈ Y} Σ_{c ∉ Y} max(0, 1 − (x_y − x_c)), Y being the labels before the first −1",
    definition=_multilabel_margin,
    arguments=(
        rows_argument("scores", "real", "one number for each class"),
        Argument(
            "labels", "label_list", ("classes",), "the numbers of the true classes, then −1", differentiable=False
        ),
    ),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    edges=(
        Edge("no label", {"scores": (0.5, 1.5, -1.0), "labels": (-1, -1, -1)}),
        Edge("every class a label", {"scores": (0.5, 1.5, -1.0), "labels": (2, 0, 1)}),
        Edge("what follows the first −1 does not count", {"scores": (0.125, 0.25, 0.5, 0.75), "labels": (3, 0, -1, 1)}),
        Edge("label 0 after the first −1", {"scores": (0.125, 0.25, 0.5, 0.75), "labels": (3, -1, 0, 0)}),
        Edge("at the margin", {"scores": (2.5, 1.5, -1.0), "labels": (0, -1, -1)}),
        Edge("scores infinite: one class impossible, no label", {"scores": (0.5, -INF, 1.0), "labels": (0, 2, -1)}),
        Edge("scores infinite: no label", {"scores": (0.5, INF, -INF), "labels": (-1, 0, 1)}),
    ),
    free=_LARGE_SCORES,
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(Source("PyTorch documentation: torch.nn.MultiLabelMarginLoss", f"{_PYTORCH}MultiLabelMarginLoss.html"),),
    notes=("A sum over pairs, divided by the number of classes and not by that of pairs.",),
)


def _multilabel_soft_margin(logits: Sequence[Core], target: Sequence[Core], class_weight: Core = None) -> Core:
    terms = [counted(t, softplus(-x)) + counted(1 - t, softplus(x)) for x, t in zip(logits, target, strict=True)]
    if class_weight is not None:
        terms = [counted(weight, term) for weight, term in zip(class_weight, terms, strict=True)]
    return total(terms) * Fraction(1, len(logits))


multilabel_soft_margin = TensorFunction(
    name="multilabel_soft_margin",
    title="Multi-label soft margin loss",
    family="margin",
    formula="1/C · Σ_c w_c·[t_c·log(1 + e^(−x_c)) + (1 − t_c)·log(1 + e^(x_c))]",
    definition=_multilabel_soft_margin,
    arguments=(
        rows_argument("logits", "logit", "x, the logarithm of the predicted odds of each class"),
        rows_argument("target", "binary", "1 for the classes that are there, 0 for the others"),
        _CLASS_WEIGHT,
    ),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    smooth=True,
    edges=(
        Edge("logits infinite: certain and right", {"logits": (INF, -INF, 2.0), "target": (1.0, 0.0, 1.0)}),
        Edge("logits infinite: certain and wrong", {"logits": (INF, 0.5, 2.0), "target": (0.0, 1.0, 1.0)}),
        Edge("logits infinite: impossible, and it is there", {"logits": (-INF, 0.5, 2.0), "target": (1.0, 0.0, 1.0)}),
        Edge("nearly certain: 30, right", {"logits": (30.0, -30.0, 30.0), "target": (1.0, 0.0, 1.0)}),
        Edge("logits large: 100, wrong", {"logits": (100.0, -100.0, 50.0), "target": (0.0, 1.0, 0.0)}),
        Edge(
            "weight 0 for one class",
            {"logits": (1.0, -3.0, 2.0), "target": (0.0, 1.0, 1.0), "class_weight": (0.0, 2.0, 0.5)},
        ),
    ),
    free={"logits large: every one largest": _SUM_OVERFLOWS, "logits large: every one -largest": _SUM_OVERFLOWS},
    properties=(NONNEGATIVE,),
    sources=(
        Source("PyTorch documentation: torch.nn.MultiLabelSoftMarginLoss", f"{_PYTORCH}MultiLabelSoftMarginLoss.html"),
    ),
    notes=(
        "The mean of binary_cross_entropy_with_logits over the classes; with class weights it still divides by their number.",
    ),
)


FUNCTIONS = (soft_margin, margin_ranking, hinge_embedding, bpr, multi_margin, multilabel_margin, multilabel_soft_margin)
