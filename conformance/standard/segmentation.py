"""Losses that compare regions of an image by how far they overlap: Dice, Tversky, and their forms for several classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .model import Property, Source
from .real import FARTHEST, exp, mean, sigmoid, total
from .surprise import undefined
from .tensors import Argument, Edge, Option, TensorFunction, Value

_REDUCTIONS = ("none", "sum", "mean", "weighted_mean", "batch_mean")

_DICE = Source("Milletari, Navab, Ahmadi: V-Net, 3DV 2016, section 3", "https://arxiv.org/abs/1606.04797")
_TVERSKY = Source(
    "Salehi, Erdogmus, Gholipour: Tversky loss function for image segmentation, 2017",
    "https://arxiv.org/abs/1706.05721",
)
_SUDRE = Source(
    "Sudre et al.: Generalised Dice overlap as a deep learning loss function, 2017", "https://arxiv.org/abs/1707.03237"
)
_KERAS = Source("Keras documentation: losses", "https://keras.io/api/losses/")
_OPTAX = Source("Optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html")

_EMPTY = "without `smooth` the formula says 0/0: two empty regions"

_PREDICTION = Argument("prediction", "probability", ("n",), "the probability of each place to belong to the region")
_TARGET = Argument("target", "binary", ("n",), "1 for the places of the region, 0 for others")
_SMOOTH = Option("smooth", 0.0, "what is added to the overlap, in numerator and denominator", "smooth ≥ 0", (1.0, 0.25))
_EPSILON = Option("epsilon", 0.0, "what is added to the denominator alone", "epsilon ≥ 0", (1e-7, 0.5))
_ALPHA = Option("alpha", 0.5, "what false positives count", "alpha ≥ 0", (0.25, 1.0, 0.0))
_BETA = Option("beta", 0.5, "what false negatives count", "beta ≥ 0", (0.75, 1.0, 0.0))

_OFF, _ON = (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)
_SOME, _OTHERS = (1.0, 0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 1.0)
_GUESS = (0.75, 0.125, 0.5, 0.0625)
_OVERLAP_EDGES = (
    Edge("both empty", {"prediction": _OFF, "target": _OFF}, free=_EMPTY),
    Edge("both empty, smooth", {"prediction": _OFF, "target": _OFF}, {"smooth": 1.0}),
    Edge("both empty, epsilon", {"prediction": _OFF, "target": _OFF}, {"epsilon": 1e-7}),
    Edge("empty target", {"prediction": _GUESS, "target": _OFF}),
    Edge("empty target, smooth", {"prediction": _GUESS, "target": _OFF}, {"smooth": 1.0}),
    Edge("empty prediction", {"prediction": _OFF, "target": _SOME}),
    Edge("everything is the region", {"prediction": _GUESS, "target": _ON}),
    Edge("prediction equal to target", {"prediction": _SOME, "target": _SOME}),
    Edge("prediction equal to target, smooth", {"prediction": _SOME, "target": _SOME}, {"smooth": 0.25}),
    Edge("no overlap", {"prediction": _SOME, "target": _OTHERS}),
    Edge("no overlap, smooth", {"prediction": _SOME, "target": _OTHERS}, {"smooth": 0.25}),
    Edge("almost equal", {"prediction": (1.0, 1e-4, 0.9990234375, 0.0), "target": _SOME}),
    Edge("tiny probabilities", {"prediction": ("smallest_normal", 0.0, "smallest_subnormal", 0.0), "target": _SOME}),
    Edge("one place", {"prediction": (0.25,), "target": (1.0,)}),
)


def _dice(prediction: Sequence[Any], target: Sequence[Any], smooth: Any, epsilon: Any) -> Any:
    overlap = total([p * t for p, t in zip(prediction, target, strict=True)])
    return 1 - 2 * (overlap + smooth) / (total(prediction) + total(target) + 2 * smooth + epsilon)


dice = TensorFunction(
    name="dice",
    title="Dice loss",
    family="segmentation",
    formula="1 − 2·(Σ p·t + smooth) / (Σ p + Σ t + 2·smooth + epsilon)",
    definition=_dice,
    arguments=(_PREDICTION, _TARGET),
    options=(_SMOOTH, _EPSILON),
    pairs=({"smooth": 0.25, "epsilon": 0.5},),
    reductions=_REDUCTIONS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=_OVERLAP_EDGES,
    properties=(
        Property("range", "0 ≤ dice ≤ 1", low="0", high="1"),
        Property("symmetric", "exchanging prediction and target changes nothing"),
    ),
    sources=(_DICE, _KERAS),
    notes=(
        "V-Net has the squares of p and t in the denominator; for a binary target and this form without squares see Keras and optax.",
        "Equal to tversky with alpha = beta = 1/2, but for epsilon, which counts half as much here.",
    ),
)


def _index(
    prediction: Sequence[Any], target: Sequence[Any], alpha: Any, beta: Any, smooth: Any, epsilon: Any = 0
) -> Any:
    """Tversky's index of similarity."""
    pairs = list(zip(prediction, target, strict=True))
    overlap = total([p * t for p, t in pairs]) + smooth
    false_positives = total([p * (1 - t) for p, t in pairs])
    false_negatives = total([(1 - p) * t for p, t in pairs])
    return overlap / (overlap + alpha * false_positives + beta * false_negatives + epsilon)


def _tversky(prediction: Sequence[Any], target: Sequence[Any], alpha: Any, beta: Any, smooth: Any, epsilon: Any) -> Any:
    return 1 - _index(prediction, target, alpha, beta, smooth, epsilon)


_UNEQUAL: tuple[Mapping[str, Value], ...] = (
    {"alpha": 0.25, "beta": 0.75},
    {"alpha": 0.75, "beta": 0.25},
    {"alpha": 0.0, "beta": 2.0},
    {"alpha": 2.0, "beta": 0.0},
    {"alpha": 0.25, "smooth": 1.0},
)

tversky = TensorFunction(
    name="tversky",
    title="Tversky loss",
    family="segmentation",
    formula="1 − (Σ p·t + smooth) / (Σ p·t + alpha·Σ p·(1 − t) + beta·Σ (1 − p)·t + smooth + epsilon)",
    definition=_tversky,
    arguments=(_PREDICTION, _TARGET),
    options=(_ALPHA, _BETA, _SMOOTH, _EPSILON),
    pairs=(*_UNEQUAL, {"beta": 0.25, "epsilon": 0.5}),
    reductions=_REDUCTIONS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        *_OVERLAP_EDGES,
        Edge(
            "one kind of error: false positives only",
            {"prediction": _ON, "target": _SOME},
            {"alpha": 0.25, "beta": 0.75},
        ),
        Edge(
            "one kind of error: false negatives only",
            {"prediction": _SOME, "target": _ON},
            {"alpha": 0.25, "beta": 0.75},
        ),
    ),
    properties=(Property("range", "0 ≤ tversky ≤ 1", low="0", high="1"),),
    sources=(_TVERSKY, _KERAS),
    notes=(
        "alpha weighs false positives, p·(1 − t), in the paper as in the documentation of Keras and optax.",
        "alpha = beta = 1/2 is the Dice loss, alpha = beta = 1 one minus the Jaccard index.",
    ),
)


def _binary_dice(logits: Sequence[Any], target: Sequence[Any], alpha: Any, beta: Any, smooth: Any) -> Any:
    return 1 - _index([sigmoid(logit) for logit in logits], target, alpha, beta, smooth)


_SURE = (20.0, -30.0, 25.0, -40.0)
_LOGITS = (2.0, -1.0, 0.5, -3.0)

binary_dice = TensorFunction(
    name="binary_dice",
    title="Dice loss of logits",
    family="segmentation",
    formula="1 − (Σ p·t + smooth) / (Σ p·t + alpha·Σ p·(1 − t) + beta·Σ (1 − p)·t + smooth), p = sigmoid(logits)",
    definition=_binary_dice,
    arguments=(Argument("logits", "logit", ("n",), "the logit of each place to belong to the region"), _TARGET),
    options=(_ALPHA, _BETA, _SMOOTH),
    pairs=_UNEQUAL,
    smooth=True,
    edges=(
        Edge("empty target", {"logits": _LOGITS, "target": _OFF}),
        Edge("empty target, smooth", {"logits": _LOGITS, "target": _OFF}, {"smooth": 1.0}),
        Edge("everything is the region", {"logits": _LOGITS, "target": _ON}),
        Edge("sure and right", {"logits": _SURE, "target": _SOME}),
        Edge("sure and wrong", {"logits": _SURE, "target": _OTHERS}),
        Edge(
            "logits infinite: impossible places",
            {"logits": (float("inf"), float("-inf"), 0.5, float("-inf")), "target": _SOME},
        ),
        Edge("both empty", {"logits": (float("-inf"),) * 4, "target": _OFF}, free=_EMPTY),
        Edge("both empty, smooth", {"logits": (float("-inf"),) * 4, "target": _OFF}, {"smooth": 1.0}),
        Edge("logits far out", {"logits": (1e4, -1e4, 1e4, -1e4), "target": (1.0, 0.0, 0.0, 1.0)}),
        Edge("one place", {"logits": (-1.0,), "target": (1.0,)}),
    ),
    properties=(Property("range", "0 ≤ binary_dice ≤ 1", low="0", high="1"),),
    sources=(_OPTAX, _DICE, _TVERSKY),
    notes=("tversky of sigmoid(logits).",),
)


def _softmax(row: Sequence[Any]) -> list[Any]:
    """Of a row that holds +∞ there is none (∞/∞)."""
    if any(logit > FARTHEST for logit in row):
        return [undefined(row)] * len(row)
    weights = [exp(logit) for logit in row]
    denominator = total(weights)
    return [weight / denominator for weight in weights]


def _class_losses(
    prediction: Sequence[Sequence[Any]],
    target: Sequence[Sequence[Any]],
    class_weight: Sequence[Any] | None,
    alpha: Any,
    beta: Any,
    smooth: Any,
) -> list[Any]:
    """The Tversky loss of each class, times its weight, from one row of probabilities for each place."""
    losses = [
        1 - _index(p, t, alpha, beta, smooth)
        for p, t in zip(zip(*prediction, strict=True), zip(*target, strict=True), strict=True)
    ]
    return (
        losses if class_weight is None else [weight * loss for weight, loss in zip(class_weight, losses, strict=True)]
    )


def _multiclass_dice_of_probabilities(
    prediction: Sequence[Sequence[Any]],
    target: Sequence[Sequence[Any]],
    class_weight: Sequence[Any] | None,
    alpha: Any,
    beta: Any,
    smooth: Any,
    ignore_background: bool,
    classes: str,
) -> Any:
    losses = _class_losses(prediction, target, class_weight, alpha, beta, smooth)
    if ignore_background and len(losses) > 1:
        losses = losses[1:]
    return mean(losses) if classes == "mean" else total(losses)


def _multiclass_dice(
    logits: Sequence[Sequence[Any]],
    target: Sequence[Sequence[Any]],
    class_weight: Sequence[Any] | None,
    alpha: Any,
    beta: Any,
    smooth: Any,
    ignore_background: bool,
    classes: str,
) -> Any:
    prediction = [_softmax(row) for row in logits]
    return _multiclass_dice_of_probabilities(
        prediction, target, class_weight, alpha, beta, smooth, ignore_background, classes
    )


def _multiclass_dice_per_class(
    logits: Sequence[Sequence[Any]],
    target: Sequence[Sequence[Any]],
    class_weight: Sequence[Any] | None,
    alpha: Any,
    beta: Any,
    smooth: Any,
) -> Any:
    return tuple(_class_losses([_softmax(row) for row in logits], target, class_weight, alpha, beta, smooth))


_CLASS_LOGITS = Argument("logits", "logit", ("n", "classes"), "the logits of each place, one for each class")
_CLASS_TARGET = Argument("target", "one_hot", ("n", "classes"), "the class of each place, as a one among zeros")
_CLASS_WEIGHT = Argument(
    "class_weight", "nonnegative", ("classes",), "what the loss of each class counts", optional=True, shared=True
)
_CLASSES = Option("classes", "mean", "how the losses of the classes are put together", "mean, sum", ("sum",))
_IGNORE_BACKGROUND = Option(
    "ignore_background", False, "whether class 0 is left out, where there are others", "True, False", (True,)
)
_CLASS_ALPHA = Option("alpha", 0.5, "what false positives count", "alpha ≥ 0", (0.25, 1.0))
"""0 is asked with `smooth`: without it a class that the target lacks has 0/0."""
_CLASS_UNEQUAL: tuple[Mapping[str, Value], ...] = (
    {"alpha": 0.25, "beta": 0.75},
    {"alpha": 0.75, "beta": 0.25},
    {"alpha": 0.0, "beta": 2.0, "smooth": 0.25},
    {"alpha": 2.0, "beta": 0.0},
    {"alpha": 0.25, "smooth": 1.0},
)
_CLASS_SIZES = {"n": (5,), "classes": (3,)}

_A, _B, _C = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_PLACES = (_A, _B, _C, _A)
_PLACES_WITHOUT = (_A, _C, _C, _A)
_SCORES = ((2.0, -1.0, 0.5), (0.25, 1.5, -3.0), (-0.5, 0.0, 0.75), (1.0, 1.0, -2.0))
_SURE_SCORES = tuple(tuple(60.0 * t - 20.0 for t in row) for row in _PLACES)
_CHANCES = ((0.5, 0.25, 0.25), (0.125, 0.75, 0.125), (0.0625, 0.1875, 0.75), (1.0, 0.0, 0.0))
_NEVER_B = ((0.5, 0.0, 0.5), (0.125, 0.0, 0.875), (0.25, 0.0, 0.75), (1.0, 0.0, 0.0))
_INF = float("inf")
_SCORE_EDGES = (
    Edge("a class that is nowhere", {"logits": _SCORES, "target": _PLACES_WITHOUT}),
    Edge("a class that is nowhere, smooth", {"logits": _SCORES, "target": _PLACES_WITHOUT}, {"smooth": 1.0}),
    Edge("sure and right", {"logits": _SURE_SCORES, "target": _PLACES}),
    Edge("sure and wrong", {"logits": _SURE_SCORES, "target": (_B, _C, _A, _B)}),
    Edge("equal logits", {"logits": ((0.5, 0.5, 0.5),) * 4, "target": _PLACES}),
    Edge("an impossible class", {"logits": tuple((row[0], -_INF, row[2]) for row in _SCORES), "target": _PLACES}),
    Edge(
        "logits far out",
        {"logits": ((1e4, 0.0, -1e4), (-1e4, 1e4, 0.0), (0.0, 0.0, 1e4), (1e4, 1e4, 0.0)), "target": _PLACES},
    ),
    Edge("one class alone", {"logits": _SCORES, "target": (_B, _B, _B, _B)}),
    Edge("one place", {"logits": (_SCORES[0],), "target": (_C,)}, {"smooth": 1.0}),
)
_OF_CLASSES = ("The mean divides by the number of classes, not by the sum of their weights.",)

multiclass_dice = TensorFunction(
    name="multiclass_dice",
    title="Dice loss of several classes, of logits",
    family="segmentation",
    formula="mean or sum over the classes c of w_c · (1 − (I + smooth) / (I + alpha·Σ p·(1 − t) + beta·Σ (1 − p)·t + smooth)), "
    "I = Σ p·t, sums over the places, p = softmax(logits)",
    definition=_multiclass_dice,
    arguments=(_CLASS_LOGITS, _CLASS_TARGET, _CLASS_WEIGHT),
    options=(_CLASS_ALPHA, _BETA, _SMOOTH, _IGNORE_BACKGROUND, _CLASSES),
    pairs=(*_CLASS_UNEQUAL, {"ignore_background": True, "classes": "sum"}, {"ignore_background": True, "alpha": 0.75}),
    sizes=_CLASS_SIZES,
    smooth=True,
    edges=_SCORE_EDGES,
    properties=(
        Property("nonnegative", "multiclass_dice ≥ 0"),
        Property("shift_invariant", "adding one number to all logits of a place changes nothing"),
    ),
    sources=(_OPTAX, _DICE, _TVERSKY),
    notes=_OF_CLASSES,
)

multiclass_dice_per_class = TensorFunction(
    name="multiclass_dice_per_class",
    title="Dice loss of each class, of logits",
    family="segmentation",
    formula="w_c · (1 − (I + smooth) / (I + alpha·Σ p·(1 − t) + beta·Σ (1 − p)·t + smooth)) for each class c, "
    "I = Σ p·t, sums over the places, p = softmax(logits)",
    definition=_multiclass_dice_per_class,
    arguments=(_CLASS_LOGITS, _CLASS_TARGET, _CLASS_WEIGHT),
    result=("classes",),
    options=(_CLASS_ALPHA, _BETA, _SMOOTH),
    pairs=_CLASS_UNEQUAL,
    sizes=_CLASS_SIZES,
    smooth=True,
    edges=_SCORE_EDGES,
    properties=(
        Property("nonnegative", "multiclass_dice_per_class ≥ 0"),
        Property("shift_invariant", "adding one number to all logits of a place changes nothing"),
    ),
    sources=(_OPTAX, _DICE, _TVERSKY),
    notes=("multiclass_dice before the classes are put together.",),
)

multiclass_dice_of_probabilities = TensorFunction(
    name="multiclass_dice_of_probabilities",
    title="Dice loss of several classes, of probabilities",
    family="segmentation",
    formula="mean or sum over the classes c of w_c · (1 − (I + smooth) / (I + alpha·Σ p·(1 − t) + beta·Σ (1 − p)·t + smooth)), "
    "I = Σ p·t, sums over the places",
    definition=_multiclass_dice_of_probabilities,
    arguments=(
        Argument("prediction", "distribution", ("n", "classes"), "the probabilities of the classes at each place"),
        _CLASS_TARGET,
        _CLASS_WEIGHT,
    ),
    options=(_CLASS_ALPHA, _BETA, _SMOOTH, _IGNORE_BACKGROUND, _CLASSES),
    pairs=(
        {"alpha": 0.25, "beta": 0.75},
        {"ignore_background": True, "classes": "sum"},
        {"ignore_background": True, "smooth": 0.25},
    ),
    sizes=_CLASS_SIZES,
    smooth=True,
    edges=(
        Edge("prediction equal to target", {"prediction": _PLACES, "target": _PLACES}),
        Edge("no overlap", {"prediction": _PLACES, "target": (_B, _C, _A, _B)}),
        Edge("a class that is nowhere in the target", {"prediction": _CHANCES, "target": _PLACES_WITHOUT}),
        Edge("a class that is nowhere", {"prediction": _NEVER_B, "target": _PLACES_WITHOUT}, free=_EMPTY),
        Edge("a class that is nowhere, smooth", {"prediction": _NEVER_B, "target": _PLACES_WITHOUT}, {"smooth": 1.0}),
        Edge("only the background", {"prediction": _CHANCES, "target": (_A, _A, _A, _A)}, {"ignore_background": True}),
    ),
    properties=(Property("nonnegative", "multiclass_dice_of_probabilities ≥ 0"),),
    sources=(_OPTAX, _DICE, _TVERSKY),
    notes=_OF_CLASSES,
)


def _generalized_dice(
    logits: Sequence[Sequence[Sequence[Any]]],
    target: Sequence[Sequence[Sequence[Any]]],
    smooth: Any,
    epsilon: Any,
    weighting: str,
    ignore_background: bool,
) -> Any:
    places = range(len(target[0][0]))
    counts = [total([row[c] for image in target for row in image]) for c in places]
    weights = [1 / (count * count + epsilon) for count in counts]
    kept = places[1:] if ignore_background and len(places) > 1 else places
    losses: list[Any] = []
    for scores, truth in zip(logits, target, strict=True):
        chances = [_softmax(row) for row in scores]
        overlaps, sizes = [], []
        for c in kept:
            overlaps.append(total([p[c] * t[c] for p, t in zip(chances, truth, strict=True)]) + smooth)
            sizes.append((total([p[c] for p in chances]) + total([t[c] for t in truth])) / 2 + smooth)
        if weighting == "ratio":
            shared = total([weights[c] * overlap for c, overlap in zip(kept, overlaps, strict=True)])
            losses.append(1 - shared / total([weights[c] * size for c, size in zip(kept, sizes, strict=True)]))
        else:
            norm = total(weights) / len(places)
            losses += [
                weights[c] / norm * (1 - overlap / size) for c, overlap, size in zip(kept, overlaps, sizes, strict=True)
            ]
    return mean(losses)


_TWO_SCORES = (_SCORES, tuple(reversed(_SCORES)))

generalized_dice = TensorFunction(
    name="generalized_dice",
    title="Generalised Dice loss",
    family="segmentation",
    formula="mean over the images of 1 − Σ w_c·(Σ p·t + smooth) / Σ w_c·(½ Σ (p + t) + smooth), sums over the classes c and the places; "
    "w_c = 1 / ((Σ t)² + epsilon) over all images, p = softmax(logits)",
    definition=_generalized_dice,
    arguments=(
        Argument(
            "logits", "logit", ("batch", "n", "classes"), "the logits of each place of each image, one for each class"
        ),
        Argument("target", "one_hot", ("batch", "n", "classes"), "the class of each place, as a one among zeros"),
    ),
    batched=False,
    options=(
        _SMOOTH,
        Option("epsilon", 0.0, "what is added to the square of a class' frequency", "epsilon ≥ 0", (1e-7, 0.5)),
        Option(
            "weighting",
            "ratio",
            "`ratio`: weights in numerator and denominator; `mean`: mean over images and classes of w_c / mean(w) · (1 − (Σ p·t + smooth) / "
            "(½ Σ (p + t) + smooth)), sums over the places",
            "ratio, mean",
            ("mean",),
        ),
        _IGNORE_BACKGROUND,
    ),
    pairs=(
        {"weighting": "mean", "epsilon": 1e-7},
        {"weighting": "mean", "smooth": 0.25},
        {"weighting": "mean", "ignore_background": True},
        {"ignore_background": True, "smooth": 1.0},
    ),
    sizes={"batch": (2,), "n": (5,), "classes": (3,)},
    smooth=True,
    edges=(
        Edge("classes of different frequency", {"logits": _TWO_SCORES, "target": (_PLACES, _PLACES)}),
        Edge("a class missing in one image", {"logits": _TWO_SCORES, "target": (_PLACES, _PLACES_WITHOUT)}),
        Edge(
            "a class missing in one image, mean",
            {"logits": _TWO_SCORES, "target": (_PLACES, _PLACES_WITHOUT)},
            {"weighting": "mean"},
        ),
        Edge(
            "a class that is nowhere",
            {"logits": _TWO_SCORES, "target": (_PLACES_WITHOUT,) * 2},
            free="without epsilon its weight is 1/0",
        ),
        Edge(
            "a class that is nowhere, epsilon",
            {"logits": _TWO_SCORES, "target": (_PLACES_WITHOUT,) * 2},
            {"epsilon": 0.5},
        ),
        Edge("sure and right", {"logits": (_SURE_SCORES, _SURE_SCORES), "target": (_PLACES, _PLACES)}),
        Edge("one image", {"logits": (_SCORES,), "target": (_PLACES,)}, {"weighting": "mean", "smooth": 1.0}),
    ),
    properties=(
        Property("nonnegative", "generalized_dice ≥ 0"),
        Property("shift_invariant", "adding one number to all logits of a place changes nothing"),
    ),
    sources=(_SUDRE, _OPTAX),
    notes=(
        "In the paper the weights stand inside numerator and denominator (`ratio`); optax has a weighted mean of the classes' losses (`mean`), "
        "which is another function.",
        "With `mean` weights are divided by their mean over all classes, class 0 included where it is left out afterwards.",
    ),
)

FUNCTIONS: tuple[TensorFunction, ...] = (
    dice,
    tversky,
    binary_dice,
    multiclass_dice,
    multiclass_dice_per_class,
    multiclass_dice_of_probabilities,
    generalized_dice,
)
