"""Cross entropies: losses for predictions that are probabilities of classes, or the logits of such.

A class that counts nothing (target 0) adds nothing, even where it is impossible and its surprise infinite.
"""

from __future__ import annotations

from collections.abc import Sequence

from .model import Property, Source
from .real import FARTHEST, Real, counted, dot, log, log1p, maximum, softplus, total
from .surprise import (
    CLASS_WEIGHT,
    CLIP,
    GOODFELLOW,
    IGNORE_INDEX,
    INF,
    LABEL_SMOOTHING,
    LABELS,
    LOGITS,
    NAN,
    NONNEGATIVE,
    NORMALISE,
    OPTAX,
    SHIFT_INVARIANT,
    SMOOTHING,
    WHERE,
    clipped,
    given,
    log_normaliser,
    logarithm_of_share,
    rows_argument,
    smoothed,
    smoothed_binary,
    surprises,
    undefined,
    weighed,
)
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction, Weighted

_NO_TARGET = "targets that do not sum to one are no distribution, and frameworks may take it that they do"
_PYTORCH = "https://docs.pytorch.org/docs/stable/generated/"
_TENSORFLOW = "https://www.tensorflow.org/api_docs/python/tf/"


# --- two classes ------------------------------------------------------------------------------------------------------


def _binary_cross_entropy(prediction: Core, target: Core, log_floor: Real, clip: Real, label_smoothing: Real) -> Core:
    p, t = clipped(prediction, clip), smoothed_binary(target, label_smoothing)
    logarithm: Core = log(p)
    logarithm_of_rest: Core = log1p(-p)
    if log_floor > -FARTHEST:
        logarithm, logarithm_of_rest = maximum(logarithm, log_floor), maximum(logarithm_of_rest, log_floor)
    return -(counted(t, logarithm) + counted(1 - t, logarithm_of_rest))


binary_cross_entropy = TensorFunction(
    name="binary_cross_entropy",
    title="Binary cross entropy of probabilities",
    family="classification",
    formula="−[t·log p + (1 − t)·log(1 − p)], where 0·log 0 = 0",
    definition=_binary_cross_entropy,
    arguments=(
        Argument("prediction", "probability", meaning="the predicted probability p of the class"),
        Argument("target", "probability", meaning="the true probability t of the class"),
    ),
    options=(
        Option("log_floor", -INF, "the smallest value of either logarithm", "below 0, −∞ included", samples=(-100.0, -1.5)),
        CLIP,
        LABEL_SMOOTHING,
    ),
    pairs=({"clip": 1e-3, "label_smoothing": 0.25},),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("certain or impossible: impossible and so it is", {"prediction": 0.0, "target": 0.0}),
        Edge("certain or impossible: certain and so it is", {"prediction": 1.0, "target": 1.0}),
        Edge("certain or impossible: impossible, and it happens", {"prediction": 0.0, "target": 1.0}),
        Edge("certain or impossible: certain, and it does not happen", {"prediction": 1.0, "target": 0.0}),
        Edge("certain or impossible: impossible, and it half happens", {"prediction": 0.0, "target": 0.5}),
        Edge("certain or impossible: impossible, and it happens, floor −100", {"prediction": 0.0, "target": 1.0}, {"log_floor": -100.0}),
        Edge("certain or impossible: certain, and it does not happen, floor −100", {"prediction": 1.0, "target": 0.0}, {"log_floor": -100.0}),
        Edge("certain or impossible: impossible and so it is, floor −100", {"prediction": 0.0, "target": 0.0}, {"log_floor": -100.0}),
        Edge("certain or impossible: certain and so it is, floor −100", {"prediction": 1.0, "target": 1.0}, {"log_floor": -100.0}),
        Edge("certain or impossible: smallest subnormal happens, floor −100", {"prediction": "smallest_subnormal", "target": 1.0}, {"log_floor": -100.0}),
        Edge("certain or impossible: impossible, and it happens, clip 1e-7", {"prediction": 0.0, "target": 1.0}, {"clip": 1e-7}),
        Edge("certain or impossible: certain, and it does not happen, clip 1e-7", {"prediction": 1.0, "target": 0.0}, {"clip": 1e-7}),
        Edge("certain or impossible: impossible and so it is, clip 1e-7", {"prediction": 0.0, "target": 0.0}, {"clip": 1e-7}),
        Edge("certain or impossible: certain and so it is, clip 1e-7", {"prediction": 1.0, "target": 1.0}, {"clip": 1e-7}),
        Edge("tiny target, clip 1e-7", {"prediction": 0.5, "target": "smallest_subnormal"}, {"clip": 1e-7}),
        Edge("prediction at the clip", {"prediction": 0.25, "target": 0.625}, {"clip": 0.25}),
        Edge("prediction at one less the clip", {"prediction": 0.75, "target": 0.625}, {"clip": 0.25}),
        Edge("certain or impossible: impossible, and smoothed", {"prediction": 0.0, "target": 0.0}, {"label_smoothing": 0.25}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        GOODFELLOW,
        Source("PyTorch documentation: torch.nn.BCELoss (log_floor −100)", f"{_PYTORCH}torch.nn.BCELoss.html"),
        Source("Keras documentation: BinaryCrossentropy (label smoothing)", f"{_TENSORFLOW}keras/losses/BinaryCrossentropy"),
        Source("Keras documentation: config.epsilon (1e-7, the fuzz factor used in numeric expressions)", "https://keras.io/api/utils/config_utils/#epsilon-function"),
    ),
    notes=(
        "log(1 − p) loses the digits of a small p; log1p(−p) keeps them.",
        "Where a logarithm is clamped or p is clipped, the derivative of that term is 0. Two conventions for the same trouble: PyTorch "
        "clamps the logarithms at −100, Keras clips p to [1e-7, 1 − 1e-7], so that the largest loss is 100 there and 16.1 here.",
        "1 − 1e-7 is no number of float16 (it rounds to 1) and 19 % off in float32 as far as 1 − p is concerned: −log of the clip needs log1p.",
    ),
)  # fmt: skip


def _binary_cross_entropy_with_logits(
    logits: Core, target: Core, label_smoothing: Real, pos_weight: Core = None
) -> Core:
    t = smoothed_binary(target, label_smoothing)
    positive = t if pos_weight is None else t * pos_weight
    return counted(positive, softplus(-logits)) + counted(1 - t, softplus(logits))


binary_cross_entropy_with_logits = TensorFunction(
    name="binary_cross_entropy_with_logits",
    title="Binary cross entropy of logits",
    family="classification",
    formula="w·t·log(1 + e^(−x)) + (1 − t)·log(1 + e^x)",
    definition=_binary_cross_entropy_with_logits,
    arguments=(
        Argument("logits", "logit", meaning="x, the logarithm of the predicted odds"),
        Argument("target", "probability", meaning="the true probability t of the class"),
        Argument("pos_weight", "nonnegative", meaning="w, what the class counts against its absence", optional=True),
    ),
    options=(LABEL_SMOOTHING,),
    reductions=tuple(REDUCTIONS),
    rows=tuple(ROWS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("logits infinite: certain and so it is", {"logits": INF, "target": 1.0}),
        Edge("logits infinite: impossible and so it is", {"logits": -INF, "target": 0.0}),
        Edge("logits infinite: certain, and it does not happen", {"logits": INF, "target": 0.0}),
        Edge("logits infinite: impossible, and it happens", {"logits": -INF, "target": 1.0}),
        Edge("nearly certain: logit 30, happens", {"logits": 30.0, "target": 1.0}),
        Edge("nearly certain: logit −30, does not happen", {"logits": -30.0, "target": 0.0}),
        Edge("largest logit, happens", {"logits": "largest", "target": 1.0}),
        Edge("−largest logit, does not happen", {"logits": "-largest", "target": 0.0}),
        Edge("logit 0, target 1/2", {"logits": 0.0, "target": 0.5}),
        Edge("weight 0, happens", {"logits": -3.0, "target": 1.0, "pos_weight": 0.0}),
        Edge("nearly certain: large weight, happens", {"logits": 20.0, "target": 1.0, "pos_weight": 1024.0}),
        Edge("nearly certain: large weight, does not happen", {"logits": -20.0, "target": 0.0, "pos_weight": 1024.0}),
        Edge("logits infinite: impossible, and smoothed", {"logits": -INF, "target": 0.0}, {"label_smoothing": 0.25}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        GOODFELLOW,
        Source("PyTorch documentation: torch.nn.BCEWithLogitsLoss", f"{_PYTORCH}torch.nn.BCEWithLogitsLoss.html"),
        Source("TensorFlow documentation: tf.nn.weighted_cross_entropy_with_logits", f"{_TENSORFLOW}nn/weighted_cross_entropy_with_logits"),
        OPTAX,
    ),
    notes=(
        "Binary cross entropy of sigmoid(x), which has a value where sigmoid(x) has rounded to 0 or 1.",
        "(1 − t)·x + log(1 + e^(−x)) is the same, but x·(1 − t) is 0·∞ for x = ∞ and t = 1, where the loss is 0.",
    ),
)  # fmt: skip


# --- several classes --------------------------------------------------------------------------------------------------


def _cross_entropy(
    logits: Sequence[Core],
    labels: int,
    ignore_index: int | None,
    label_smoothing: Real,
    class_weight: Core = None,
    where: Core = None,
) -> Weighted:
    if labels == ignore_index:
        return Weighted(0, 0)
    weights = [None] * len(logits) if class_weight is None else class_weight
    weight = 1 if class_weight is None else class_weight[labels]
    there = [c for c in range(len(logits)) if where is None or where[c]]
    if labels not in there:
        return Weighted(undefined(logits), weight)
    normaliser = log_normaliser([logits[c] for c in there])
    loss = weighed(weights[labels], normaliser - logits[labels])
    if given(label_smoothing):
        spread = total([weighed(weights[c], normaliser - logits[c]) for c in there])
        loss = counted(1 - label_smoothing, loss) + counted(label_smoothing / len(there), spread)
    return Weighted(loss, weight)


cross_entropy = TensorFunction(
    name="cross_entropy",
    title="Cross entropy of logits with a label",
    family="classification",
    formula="w_y·(log Σ_c e^(x_c) − x_y); with smoothing ε: (1 − ε) of it + ε/C·Σ_c w_c·(log Σ e^x − x_c)",
    definition=_cross_entropy,
    arguments=(LOGITS, LABELS, CLASS_WEIGHT, WHERE),
    options=(IGNORE_INDEX, LABEL_SMOOTHING),
    pairs=({"ignore_index": -100, "label_smoothing": 0.25}, {"ignore_index": 1, "label_smoothing": 0.625}),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("label ignored: logits NaN", {"logits": (NAN, NAN, NAN), "labels": -100}, {"ignore_index": -100}),
        Edge("label ignored: that of a class, logits NaN and infinite", {"logits": (NAN, 1.0, INF), "labels": 1}, {"ignore_index": 1}),
        Edge("label ignored: beyond the classes", {"logits": (0.5, -1.0, 2.0), "labels": 100}, {"ignore_index": 100}),
        Edge("label ignored: smoothed, logits NaN", {"logits": (NAN, 1.0, -INF), "labels": -100}, {"ignore_index": -100, "label_smoothing": 0.25}),
        Edge("a sample that is not the ignored label", {"logits": (0.5, -1.0, 2.0), "labels": 1}, {"ignore_index": 2}),
        Edge("logits infinite: another class impossible", {"logits": (1.0, -INF, 2.0), "labels": 0}),
        Edge("logits infinite: label on an impossible class", {"logits": (1.0, -INF, 2.0), "labels": 1}),
        Edge("logits infinite: all but the label impossible", {"logits": (-INF, 0.75, -INF), "labels": 1}),
        Edge("logits infinite: another class impossible, smoothed", {"logits": (1.0, -INF, 2.0), "labels": 0}, {"label_smoothing": 0.25}),
        Edge("logits infinite: smoothing 1, label on an impossible class", {"logits": (1.0, -INF, 2.0), "labels": 1}, {"label_smoothing": 1.0}),
        Edge("nearly certain and right", {"logits": (20.0, 0.5, -1.0), "labels": 0}),
        Edge("far from the label", {"logits": (-1e4, 1e4, 0.0), "labels": 0}),
        Edge("large logits that differ little", {"logits": (1000.0, 1001.0, 999.0), "labels": 2}),
        Edge("weight 0 for the label", {"logits": (1.0, 3.0, 2.0), "labels": 0, "class_weight": (0.0, 2.0, 1.0)}),
        Edge("weight 0 for another class", {"logits": (1.0, 3.0, 2.0), "labels": 1, "class_weight": (0.0, 2.0, 1.0)}),
        Edge("logits infinite: weight 0 for the label, which is impossible", {"logits": (-INF, 3.0, 2.0), "labels": 0, "class_weight": (0.0, 2.0, 1.0)},
             free="0 · ∞: no page says whether a class of weight 0 still counts"),
        Edge("logits infinite: weight 0 for an impossible class, smoothed", {"logits": (-INF, 3.0, 2.0), "labels": 1, "class_weight": (0.0, 2.0, 1.0)},
             {"label_smoothing": 0.25}, free="0 · ∞: no page says whether a class of weight 0 still counts"),
        Edge("a class that is left out is NaN", {"logits": (1.0, NAN, 2.0), "labels": 0, "where": (True, False, True)}),
        Edge("a class that is left out is +inf", {"logits": (1.0, INF, 2.0), "labels": 0, "where": (True, False, True)}),
        Edge("a class that is left out is largest", {"logits": (1.0, "largest", 2.0), "labels": 0, "where": (True, False, True)}),
        Edge("all but the label left out", {"logits": (1.0, 3.0, 2.0), "labels": 0, "where": (True, False, False)}),
        Edge("the label is left out", {"logits": (1.0, 3.0, 2.0), "labels": 0, "where": (False, True, True)},
             free="a label among the classes that are left out has no meaning"),
        Edge("every class left out", {"logits": (1.0, 3.0, 2.0), "labels": 0, "where": (False, False, False)},
             free="a label among the classes that are left out has no meaning"),
    ),
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(
        GOODFELLOW,
        SMOOTHING,
        Source("PyTorch documentation: torch.nn.CrossEntropyLoss", f"{_PYTORCH}torch.nn.CrossEntropyLoss.html"),
        Source("TensorFlow documentation: tf.nn.sparse_softmax_cross_entropy_with_logits", f"{_TENSORFLOW}nn/sparse_softmax_cross_entropy_with_logits"),
        OPTAX,
    ),
    notes=(
        "With class weights the mean divides by the sum of the weights of the labels, with ignored labels by the number of the others; "
        "the mean of nothing is NaN. With smoothing it still divides by the weights of the labels alone.",
        "Smoothing spreads part of the target over every class: one impossible class then makes every loss infinite.",
        "−log of softmax is no way to compute it: softmax rounds to 0 where the loss is a number such as 200.",
    ),
)  # fmt: skip


def _soft_cross_entropy(
    logits: Sequence[Core], target: Sequence[Core], label_smoothing: Real, class_weight: Core = None, where: Core = None
) -> Core:
    there = [c for c in range(len(logits)) if where is None or where[c]]
    if not there:
        return 0
    shares = smoothed([target[c] for c in there], label_smoothing)
    if class_weight is not None:
        shares = [t * class_weight[c] for t, c in zip(shares, there, strict=True)]
    return total(
        [counted(t, surprise) for t, surprise in zip(shares, surprises([logits[c] for c in there]), strict=True)]
    )


soft_cross_entropy = TensorFunction(
    name="soft_cross_entropy",
    title="Cross entropy of logits with a distribution",
    family="classification",
    formula="Σ_c w_c·t_c·(log Σ e^x − x_c), where 0·∞ = 0",
    definition=_soft_cross_entropy,
    arguments=(LOGITS, rows_argument("target", "distribution", "the true probability t of each class"), CLASS_WEIGHT, WHERE),
    options=(LABEL_SMOOTHING,),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("logits infinite: an impossible class has target 0", {"logits": (1.0, -INF, 2.0), "target": (0.25, 0.0, 0.75)}),
        Edge("logits infinite: an impossible class has a target", {"logits": (1.0, -INF, 2.0), "target": (0.25, 0.25, 0.5)}),
        Edge("logits infinite: one class is certain and possible", {"logits": (-INF, 0.75, -INF), "target": (0.0, 1.0, 0.0)}),
        Edge("logits infinite: an impossible class, smoothed", {"logits": (1.0, -INF, 2.0), "target": (0.25, 0.0, 0.75)}, {"label_smoothing": 0.25}),
        Edge("no target at all", {"logits": (1.0, 3.0, 2.0), "target": (0.0, 0.0, 0.0)}, free=_NO_TARGET),
        Edge("logits infinite: no target at all, an impossible class", {"logits": (1.0, -INF, 2.0), "target": (0.0, 0.0, 0.0)}, free=_NO_TARGET),
        Edge("nearly certain and right", {"logits": (20.0, 0.5, -1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("far from the target", {"logits": (-1e4, 1e4, 0.0), "target": (0.5, 0.0, 0.5)}),
        Edge("target of softmax: the gradient is 0", {"logits": (0.0, 0.0, 0.0, 0.0), "target": (0.25, 0.25, 0.25, 0.25)}),
        Edge("tiny targets", {"logits": (1.0, 3.0, 2.0), "target": ("smallest_subnormal", 1.0, "smallest_normal")}),
        Edge("weight 0 for a class with a target", {"logits": (1.0, 3.0, 2.0), "target": (0.5, 0.25, 0.25), "class_weight": (0.0, 2.0, 1.0)}),
        Edge("weight 0 for an impossible class with a target",
             {"logits": (-INF, 3.0, 2.0), "target": (0.5, 0.25, 0.25), "class_weight": (0.0, 2.0, 1.0)},
             free="0 · ∞: no page says whether a class of weight 0 still counts"),
        Edge("a class that is left out is NaN", {"logits": (1.0, NAN, 2.0), "target": (0.25, 0.0, 0.75), "where": (True, False, True)}),
        Edge("a class that is left out has a target", {"logits": (1.0, 3.0, 2.0), "target": (0.25, 0.5, 0.25), "where": (True, False, True)}),
        Edge("a class that is left out is +inf", {"logits": (1.0, INF, 2.0), "target": (0.25, 0.0, 0.75), "where": (True, False, True)}),
        Edge("every class left out", {"logits": (1.0, 3.0, 2.0), "target": (0.25, 0.5, 0.25), "where": (False, False, False)}),
    ),
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(
        GOODFELLOW,
        SMOOTHING,
        Source("PyTorch documentation: torch.nn.CrossEntropyLoss", f"{_PYTORCH}torch.nn.CrossEntropyLoss.html"),
        Source("TensorFlow documentation: tf.nn.softmax_cross_entropy_with_logits", f"{_TENSORFLOW}nn/softmax_cross_entropy_with_logits"),
        OPTAX,
    ),
    notes=(
        "A one-hot target gives cross_entropy. Unlike there, the mean divides by the number of samples, whatever the class weights are.",
        "t·log p is 0·∞ for an impossible class with target 0, and has to be 0. optax has both: softmax_cross_entropy says NaN, "
        "safe_softmax_cross_entropy 0; the derivative in the logits is softmax − t in either case.",
        "The derivative in the target is the surprise of the class, infinite where the class is impossible.",
    ),
)  # fmt: skip


def _categorical_cross_entropy(
    prediction: Sequence[Core], target: Sequence[Core], clip: Real, label_smoothing: Real, normalise: bool
) -> Core:
    whole = total(prediction) if normalise else None
    surprise = [-log(clipped(p, clip)) if whole is None else -logarithm_of_share(p, whole, clip) for p in prediction]
    return total([counted(t, s) for t, s in zip(smoothed(target, label_smoothing), surprise, strict=True)])


categorical_cross_entropy = TensorFunction(
    name="categorical_cross_entropy",
    title="Cross entropy of probabilities with a distribution",
    family="classification",
    formula="−Σ_c t_c·log(p_c / Σ p), where 0·log 0 = 0",
    definition=_categorical_cross_entropy,
    arguments=(
        rows_argument("prediction", "distribution", "the predicted probability p of each class"),
        rows_argument("target", "distribution", "the true probability t of each class"),
    ),
    options=(CLIP, LABEL_SMOOTHING, NORMALISE),
    pairs=({"clip": 1e-3, "label_smoothing": 0.25},),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("certain: and right", {"prediction": (0.0, 1.0, 0.0), "target": (0.0, 1.0, 0.0)}),
        Edge("certain: and wrong", {"prediction": (0.0, 1.0, 0.0), "target": (1.0, 0.0, 0.0)}),
        Edge("certain: and right, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "target": (0.0, 1.0, 0.0)}, {"clip": 1e-7}),
        Edge("certain: and wrong, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "target": (1.0, 0.0, 0.0)}, {"clip": 1e-7}),
        Edge("prediction at the clip", {"prediction": (0.25, 0.5, 0.25), "target": (0.5, 0.25, 0.25)}, {"clip": 0.25}),
        Edge("predictions that do not sum to one", {"prediction": (0.25, 0.5, 0.5), "target": (0.5, 0.25, 0.25)}),
        Edge("large predictions that do not sum to one", {"prediction": (3.0, 40.0, 500.0), "target": (0.5, 0.25, 0.25)}),
        Edge("predictions that do not sum to one, as they are", {"prediction": (0.25, 0.5, 0.5), "target": (0.5, 0.25, 0.25)}, {"normalise": False}),
        Edge("no target at all", {"prediction": (0.25, 0.5, 0.25), "target": (0.0, 0.0, 0.0)}),
        Edge("impossible class, smoothed", {"prediction": (0.0, 0.5, 0.5), "target": (0.0, 1.0, 0.0)}, {"label_smoothing": 0.25}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        GOODFELLOW,
        Source("Keras documentation: CategoricalCrossentropy", f"{_TENSORFLOW}keras/losses/CategoricalCrossentropy"),
    ),
    notes=(
        "Division by the sum comes first, clipping second.",
        "The derivative goes through the sum: it is 1/Σ p − t/p for each class, not −t/p.",
    ),
)  # fmt: skip


def _sparse_categorical_cross_entropy(
    prediction: Sequence[Core], labels: int, clip: Real, ignore_index: int | None, normalise: bool
) -> Weighted:
    if labels == ignore_index:
        return Weighted(0, 0)
    p = prediction[labels]
    logarithm: Core = logarithm_of_share(p, total(prediction), clip) if normalise else log(clipped(p, clip))
    return Weighted(-logarithm, 1)


sparse_categorical_cross_entropy = TensorFunction(
    name="sparse_categorical_cross_entropy",
    title="Cross entropy of probabilities with a label",
    family="classification",
    formula="−log(p_y / Σ p)",
    definition=_sparse_categorical_cross_entropy,
    arguments=(rows_argument("prediction", "distribution", "the predicted probability p of each class"), LABELS),
    options=(CLIP, IGNORE_INDEX, NORMALISE),
    pairs=({"clip": 1e-3, "ignore_index": 1},),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("label ignored: predictions NaN", {"prediction": (NAN, NAN, NAN), "labels": -1}, {"ignore_index": -1}),
        Edge("label ignored: that of a class, predictions NaN", {"prediction": (NAN, 0.5, 0.5), "labels": 0}, {"ignore_index": 0}),
        Edge("certain: and right", {"prediction": (0.0, 1.0, 0.0), "labels": 1}),
        Edge("certain: and wrong", {"prediction": (0.0, 1.0, 0.0), "labels": 0}),
        Edge("certain: and right, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "labels": 1}, {"clip": 1e-7}),
        Edge("certain: and wrong, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "labels": 0}, {"clip": 1e-7}),
        Edge("prediction at the clip", {"prediction": (0.25, 0.5, 0.25), "labels": 0}, {"clip": 0.25}),
        Edge("predictions that do not sum to one", {"prediction": (0.25, 0.5, 0.5), "labels": 2}),
        Edge("predictions that do not sum to one, as they are", {"prediction": (0.25, 0.5, 0.5), "labels": 2}, {"normalise": False}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        GOODFELLOW,
        Source("Keras documentation: SparseCategoricalCrossentropy", f"{_TENSORFLOW}keras/losses/SparseCategoricalCrossentropy"),
    ),
    notes=(
        "categorical_cross_entropy with the label as a one-hot target. Where the clip comes before the division instead of after it, the two "
        "differ: for a prediction that is certain and right among three classes the loss is 2e-7 instead of 1e-7.",
    ),
)  # fmt: skip


def _nll(
    log_probabilities: Sequence[Core], labels: int, ignore_index: int | None, class_weight: Core = None
) -> Weighted:
    if labels == ignore_index:
        return Weighted(0, 0)
    surprise = -log_probabilities[labels]
    return (
        Weighted(surprise, 1)
        if class_weight is None
        else Weighted(counted(class_weight[labels], surprise), class_weight[labels])
    )


nll = TensorFunction(
    name="nll",
    title="Negative log likelihood",
    family="classification",
    formula="−w_y·l_y",
    definition=_nll,
    arguments=(rows_argument("log_probabilities", "log_distribution", "the logarithm l of the predicted probability of each class"), LABELS, CLASS_WEIGHT),
    options=(IGNORE_INDEX,),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    edges=(
        Edge("label ignored: logarithms NaN", {"log_probabilities": (NAN, NAN, NAN), "labels": -100}, {"ignore_index": -100}),
        Edge("label ignored: that of a class, logarithms NaN", {"log_probabilities": (NAN, -1.0, -INF), "labels": 0}, {"ignore_index": 0}),
        Edge("another class NaN", {"log_probabilities": (-1.0, NAN, -2.0), "labels": 0}),
        Edge("log_probabilities infinite: another class impossible", {"log_probabilities": (-1.0, -INF, -2.0), "labels": 2}),
        Edge("log_probabilities infinite: label on an impossible class", {"log_probabilities": (-1.0, -INF, -2.0), "labels": 1}),
        Edge("certain: and right", {"log_probabilities": (-INF, 0.0, -INF), "labels": 1}),
        Edge("weight 0 for the label", {"log_probabilities": (-1.0, -3.0, -2.0), "labels": 0, "class_weight": (0.0, 2.0, 1.0)}),
        Edge("log_probabilities infinite: weight 0 for the label, which is impossible", {"log_probabilities": (-INF, -3.0, -2.0), "labels": 0, "class_weight": (0.0, 2.0, 1.0)},
             free="0 · ∞: no page says whether a class of weight 0 still counts"),
    ),
    properties=(NONNEGATIVE,),
    sources=(Source("PyTorch documentation: torch.nn.NLLLoss", f"{_PYTORCH}torch.nn.NLLLoss.html"),),
    notes=(
        "cross_entropy is nll of log_softmax. It takes what it is given: nothing is normalised.",
        "The mean divides by the sum of the weights of the labels, ignored ones not counted.",
    ),
)  # fmt: skip


def _linear_cross_entropy(
    features: Sequence[Core],
    linear_weight: Sequence[Sequence[Core]],
    labels: int,
    ignore_index: int | None,
    label_smoothing: Real,
    linear_bias: Core = None,
    class_weight: Core = None,
) -> Weighted:
    logits = [dot(features, row) for row in linear_weight]
    if linear_bias is not None:
        logits = [x + bias for x, bias in zip(logits, linear_bias, strict=True)]
    return _cross_entropy(logits, labels, ignore_index, label_smoothing, class_weight)


linear_cross_entropy = TensorFunction(
    name="linear_cross_entropy",
    title="Cross entropy of a linear layer with a label",
    family="classification",
    formula="cross_entropy of x_c = Σ_i A_ci·f_i + b_c",
    definition=_linear_cross_entropy,
    arguments=(
        Argument("features", "real", ("d",), "the features f that the linear layer takes"),
        Argument("linear_weight", "real", ("classes", "d"), "its matrix A", shared=True),
        LABELS,
        Argument("linear_bias", "real", ("classes",), "its bias b", optional=True, shared=True),
        CLASS_WEIGHT,
    ),
    options=(IGNORE_INDEX, LABEL_SMOOTHING),
    pairs=({"ignore_index": 1, "label_smoothing": 0.25},),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    smooth=True,
    edges=(
        Edge("label ignored: features NaN", {"features": (NAN, NAN, NAN, NAN, NAN, NAN), "labels": -100}, {"ignore_index": -100}),
        Edge("label ignored: that of a class, features NaN and infinite", {"features": (1.0, NAN, 2.0, 0.5, INF, -1.0), "labels": 1}, {"ignore_index": 1}),
        Edge("features 0", {"features": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), "labels": 2}),
    ),
    free={"features large": "logits are sums of products, which may overflow on the way although their sum does not"},
    properties=(NONNEGATIVE,),
    sources=(
        Source("PyTorch documentation: torch.nn.functional.linear_cross_entropy", "https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.linear_cross_entropy.html"),
        Source("Wijmans et al.: Cut Your Losses in Large-Vocabulary Language Models, ICLR 2025", "https://arxiv.org/abs/2411.09009"),
    ),
    notes=("Only the way to it differs: the logits of all samples need never be there at once.",),
)  # fmt: skip


def _smooth_labels(target: Sequence[Core], alpha: Real, where: Core = None) -> tuple[Core, ...]:
    classes = len(target) if where is None else sum(map(bool, where))
    return tuple(t * (1 - alpha) + alpha / classes for t in target)


smooth_labels = TensorFunction(
    name="smooth_labels",
    title="Label smoothing",
    family="classification",
    formula="(1 − α)·t_c + α/C",
    definition=_smooth_labels,
    result=("classes",),
    arguments=(rows_argument("target", "distribution", "the probability t of each class, most often a one among zeros"), WHERE),
    options=(Option("alpha", 0.1, "part of the target that is spread evenly over all classes", "0 to 1", samples=(0.0, 0.375, 1.0), invalid=(-0.1, 1.5)),),
    axis=True,
    edges=(
        Edge("one class left out", {"target": (0.0, 1.0, 0.0), "where": (True, True, False)}),
        Edge("all but one class left out", {"target": (0.0, 1.0, 0.0), "where": (False, True, False)}),
        Edge("every class left out", {"target": (0.0, 1.0, 0.0), "where": (False, False, False)}, free="nothing can be spread over no class"),
    ),
    properties=(
        Property("range", "0 ≤ smooth_labels(t) ≤ 1", low="0", high="1"),
        Property("sums_to_one", "the smoothed targets sum to one, unless a class is left out"),
    ),
    sources=(
        SMOOTHING,
        Source("Müller, Kornblith, Hinton: When Does Label Smoothing Help?, NeurIPS 2019", "https://arxiv.org/abs/1906.02629"),
        OPTAX,
    ),
    notes=(
        "With a mask, C is the number of classes that are there; a class that is left out gets α/C too, and is for the loss to leave out.",
    ),
)  # fmt: skip


FUNCTIONS = (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    soft_cross_entropy,
    categorical_cross_entropy,
    sparse_categorical_cross_entropy,
    nll,
    linear_cross_entropy,
    smooth_labels,
)
