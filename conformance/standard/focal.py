"""Losses that change how much the surprise of a class weighs: focal, generalized cross entropy, poly loss."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Source
from .real import UNDEFINED, Real, counted, expm1, log, log1p, power, sigmoid, softplus, total
from .surprise import (
    CLIP,
    INF,
    LABEL_SMOOTHING,
    LABELS,
    LOGITS,
    NAN,
    NONNEGATIVE,
    NORMALISE,
    OPTAX,
    SHIFT_INVARIANT,
    WHERE,
    clipped,
    given,
    logarithm_of_share,
    rows_argument,
    smoothed,
    smoothed_binary,
    surprises,
)
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction

_KERAS = "https://www.tensorflow.org/api_docs/python/tf/keras/losses/"
_FOCAL = Source("Lin et al.: Focal Loss for Dense Object Detection, ICCV 2017", "https://arxiv.org/abs/1708.02002")
_KERAS_FOCAL = Source("Keras documentation: BinaryFocalCrossentropy", f"{_KERAS}BinaryFocalCrossentropy")
_KERAS_CATEGORICAL = Source(
    "Keras documentation: CategoricalFocalCrossentropy", f"{_KERAS}CategoricalFocalCrossentropy"
)

_GAMMA = Option(
    "gamma",
    2.0,
    "how much the loss of classes that are predicted well is played down",
    "0 or more",
    samples=(0.0, 0.5, 1.0, 5.0),
)
_ALPHA_SAMPLES = (0.875, 0.0, 1.0)


def _balance(t: Core, alpha: Real) -> Core:
    return t * alpha + (1 - t) * (1 - alpha)


def _binary_focal(
    prediction: Core, target: Core, gamma: Real, alpha: Real, balanced: bool, label_smoothing: Real, clip: Real
) -> Core:
    t, p = smoothed_binary(target, label_smoothing), clipped(prediction, clip)
    cross_entropy = -(counted(t, log(p)) + counted(1 - t, log1p(-p)))
    # 1 − p_t, without the subtraction that takes the digits of a small p.
    missing = t * (1 - prediction) + (1 - t) * prediction
    loss = power(missing, gamma) * cross_entropy
    return _balance(t, alpha) * loss if balanced else loss


binary_focal = TensorFunction(
    name="binary_focal",
    title="Binary focal loss of probabilities",
    family="focal",
    formula="−(1 − p_t)^γ·[t·log p + (1 − t)·log(1 − p)] with p_t = t·p + (1 − t)·(1 − p); balanced: times t·α + (1 − t)·(1 − α)",
    definition=_binary_focal,
    arguments=(
        Argument("prediction", "probability", meaning="the predicted probability p of the class"),
        Argument("target", "probability", meaning="the true probability t of the class"),
    ),
    options=(
        _GAMMA,
        Option("alpha", 0.25, "weight of the class against 1 − α of its absence; without a say unless balanced", "0 to 1", samples=(0.875,)),
        Option("balanced", False, "whether α has a say", "True or False", samples=(True,)),
        LABEL_SMOOTHING,
        CLIP,
    ),
    pairs=(
        {"balanced": True, "alpha": 0.875},
        {"balanced": True, "alpha": 0.0},
        {"balanced": True, "alpha": 1.0, "gamma": 0.5},
        {"gamma": 0.0, "label_smoothing": 0.25},
        {"gamma": 3.5, "balanced": True, "label_smoothing": 0.375},
    ),
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
        Edge("certain or impossible: certain and so it is, γ 1/2", {"prediction": 1.0, "target": 1.0}, {"gamma": 0.5}),
        Edge("certain or impossible: impossible and so it is, γ 1/2", {"prediction": 0.0, "target": 0.0}, {"gamma": 0.5}),
        Edge("certain or impossible: certain and so it is, γ 0", {"prediction": 1.0, "target": 1.0}, {"gamma": 0.0}),
        Edge("small prediction, does not happen", {"prediction": 2.0**-12, "target": 0.0}),
        Edge("certain or impossible: impossible, and it happens, clip 1e-7", {"prediction": 0.0, "target": 1.0}, {"clip": 1e-7}),
        Edge("certain or impossible: certain, and it does not happen, clip 1e-7", {"prediction": 1.0, "target": 0.0}, {"clip": 1e-7}),
        Edge("certain or impossible: certain and so it is, clip 1e-7", {"prediction": 1.0, "target": 1.0}, {"clip": 1e-7}),
        Edge("prediction at the clip", {"prediction": 0.25, "target": 1.0}, {"clip": 0.25}),
    ),
    properties=(NONNEGATIVE,),
    sources=(_FOCAL, _KERAS_FOCAL),
    notes=(
        "The clip is for the logarithms; the factor (1 − p_t)^γ has the prediction as it is.",
        "1 − p_t computed as 1 − (1 − p) loses the digits of a small p, three times over in the loss of an easy negative: p²·p.",
    ),
)  # fmt: skip


def _binary_focal_with_logits(
    logits: Core, target: Core, gamma: Real, alpha: Real | None, balanced: bool, label_smoothing: Real, clip: Real
) -> Core:
    t = smoothed_binary(target, label_smoothing)
    p, rest = sigmoid(logits), sigmoid(-logits)
    if given(clip):
        bounded = clipped(p, clip)
        cross_entropy = -(t * log(bounded) + (1 - t) * log1p(-bounded))
    else:
        cross_entropy = counted(t, softplus(-logits)) + counted(1 - t, softplus(logits))
    loss = power(t * rest + (1 - t) * p, gamma) * cross_entropy
    return loss if alpha is None or not balanced else _balance(t, alpha) * loss


binary_focal_with_logits = TensorFunction(
    name="binary_focal_with_logits",
    title="Binary focal loss of logits",
    family="focal",
    formula="(1 − p_t)^γ·[t·log(1 + e^(−x)) + (1 − t)·log(1 + e^x)] with p_t = t·σ(x) + (1 − t)·σ(−x); balanced: times t·α + (1 − t)·(1 − α)",
    definition=_binary_focal_with_logits,
    arguments=(
        Argument("logits", "logit", meaning="x, the logarithm of the predicted odds"),
        Argument("target", "probability", meaning="the true probability t of the class"),
    ),
    options=(
        _GAMMA,
        Option("alpha", None, "weight of the class against 1 − α of its absence; without a say unless balanced", "0 to 1, or None", samples=(0.875,)),
        Option("balanced", False, "whether α has a say, where it is given", "True or False"),
        LABEL_SMOOTHING,
        CLIP,
    ),
    pairs=(
        *({"balanced": True, "alpha": alpha} for alpha in (0.25, *_ALPHA_SAMPLES)),
        {"balanced": True, "alpha": 0.25, "gamma": 0.5},
        {"gamma": 0.0, "label_smoothing": 0.25},
        {"gamma": 3.5, "balanced": True, "alpha": 0.875, "label_smoothing": 0.375},
    ),
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
        Edge("logit 30, happens", {"logits": 30.0, "target": 1.0}),
        Edge("logit −30, does not happen", {"logits": -30.0, "target": 0.0}),
        Edge("logit 30, happens, γ 1/2", {"logits": 30.0, "target": 1.0}, {"gamma": 0.5}),
        Edge("logit 30, does not happen", {"logits": 30.0, "target": 0.0}),
        Edge("logit 100, happens, γ 0", {"logits": 100.0, "target": 1.0}, {"gamma": 0.0}),
        Edge("logit 0, target 1/2", {"logits": 0.0, "target": 0.5}),
        Edge("beyond the clip: happens", {"logits": 30.0, "target": 1.0}, {"clip": 1e-7}),
        Edge("beyond the clip: does not happen", {"logits": 30.0, "target": 0.0}, {"clip": 1e-7}),
    ),
    properties=(NONNEGATIVE,),
    sources=(_FOCAL, OPTAX, _KERAS_FOCAL),
    notes=(
        "With γ = 0 and without α it is binary_cross_entropy_with_logits.",
        "Computed from σ(x) alone the loss of an easy sample is lost as soon as σ(x) rounds to 1.",
        "A clip is that of the logarithms, as in binary_focal.",
    ),
)  # fmt: skip


def _missing(surprise: Core) -> Core:
    """1 − p, from −log p."""
    # No surprise is below 0: the question makes sure that its enclosure is narrow before an exponential is taken.
    return -expm1(-surprise) if surprise > -1 else UNDEFINED


def _weighted_surprise(t: Core, surprise: Core, rest: Core, gamma: Real, alpha: Real) -> Core:
    return alpha * counted(t, power(rest, gamma) * surprise)


def _categorical_focal(
    prediction: Sequence[Core],
    target: Sequence[Core],
    gamma: Real,
    alpha: Real,
    label_smoothing: Real,
    clip: Real,
    normalise: bool,
) -> Core:
    whole = total(prediction) if normalise else 1
    terms = []
    for t, p in zip(smoothed(target, label_smoothing), prediction, strict=True):
        surprise: Core = -(logarithm_of_share(p, whole, clip) if normalise else log(clipped(p, clip)))
        # What is left for the other classes; it is 0, not nearly so, where there is nothing beside p.
        rest = 1 - clipped(p / whole, clip) if given(clip) else (whole - p) / whole
        terms.append(_weighted_surprise(t, surprise, rest, gamma, alpha))
    return total(terms)


_CATEGORICAL_PAIRS = (
    {"gamma": 0.5, "alpha": 0.875},
    {"gamma": 0.0, "alpha": 1.0},
    {"gamma": 3.5, "label_smoothing": 0.25},
    {"clip": 1e-3, "label_smoothing": 0.25},
)
_CATEGORICAL_OPTIONS = (
    _GAMMA,
    Option("alpha", 0.25, "weight of every class", "0 or more", samples=_ALPHA_SAMPLES),
    LABEL_SMOOTHING,
    CLIP,
)

categorical_focal = TensorFunction(
    name="categorical_focal",
    title="Categorical focal loss of probabilities",
    family="focal",
    formula="−α·Σ_c t_c·(1 − p_c)^γ·log p_c, p divided by its sum",
    definition=_categorical_focal,
    arguments=(
        rows_argument("prediction", "distribution", "the predicted probability p of each class"),
        rows_argument("target", "one_hot", "one for the true class, zero for the others"),
    ),
    options=(*_CATEGORICAL_OPTIONS, NORMALISE),
    pairs=_CATEGORICAL_PAIRS,
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("certain: and right", {"prediction": (0.0, 1.0, 0.0), "target": (0.0, 1.0, 0.0)}),
        Edge("certain: and right, γ 1/2", {"prediction": (0.0, 1.0, 0.0), "target": (0.0, 1.0, 0.0)}, {"gamma": 0.5}),
        Edge("certain: and wrong", {"prediction": (0.0, 1.0, 0.0), "target": (1.0, 0.0, 0.0)}),
        Edge("certain: and right, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "target": (0.0, 1.0, 0.0)}, {"clip": 1e-7}),
        Edge("certain: and wrong, clip 1e-7", {"prediction": (0.0, 1.0, 0.0), "target": (1.0, 0.0, 0.0)}, {"clip": 1e-7}),
        Edge("predictions that do not sum to one", {"prediction": (0.25, 0.5, 0.5), "target": (0.0, 1.0, 0.0)}),
        Edge("predictions that do not sum to one, as they are", {"prediction": (0.25, 0.5, 0.5), "target": (0.0, 1.0, 0.0)}, {"normalise": False}),
        Edge("nearly certain: and right", {"prediction": (2.0**-8, 1 - 2.0**-8, 0.0), "target": (0.0, 1.0, 0.0)}),
        Edge("prediction at the clip", {"prediction": (0.25, 0.5, 0.25), "target": (1.0, 0.0, 0.0)}, {"clip": 0.25}),
    ),
    properties=(NONNEGATIVE,),
    sources=(_FOCAL, _KERAS_CATEGORICAL),
    notes=("Division by the sum comes first, clipping second, and the clipped probability goes into both factors.",),
)  # fmt: skip


def _categorical_focal_with_logits(
    logits: Sequence[Core], target: Sequence[Core], gamma: Real, alpha: Real, label_smoothing: Real, clip: Real
) -> Core:
    terms = []
    for t, surprise in zip(smoothed(target, label_smoothing), surprises(logits), strict=True):
        rest = _missing(surprise)
        if given(clip):
            share = clipped(1 - rest, clip)
            surprise, rest = -log(share), 1 - share
        terms.append(_weighted_surprise(t, surprise, rest, gamma, alpha))
    return total(terms)


categorical_focal_with_logits = TensorFunction(
    name="categorical_focal_with_logits",
    title="Categorical focal loss of logits",
    family="focal",
    formula="−α·Σ_c t_c·(1 − p_c)^γ·log p_c with p = softmax(x)",
    definition=_categorical_focal_with_logits,
    arguments=(LOGITS, rows_argument("target", "one_hot", "one for the true class, zero for the others")),
    options=_CATEGORICAL_OPTIONS,
    pairs=_CATEGORICAL_PAIRS,
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("logits infinite: another class impossible", {"logits": (1.0, -INF, 2.0), "target": (1.0, 0.0, 0.0)}),
        Edge("logits infinite: the class impossible", {"logits": (1.0, -INF, 2.0), "target": (0.0, 1.0, 0.0)}),
        Edge("logits infinite: all but the class impossible", {"logits": (-INF, 0.75, -INF), "target": (0.0, 1.0, 0.0)}),
        Edge("logits infinite: all but the class impossible, γ 1/2", {"logits": (-INF, 0.75, -INF), "target": (0.0, 1.0, 0.0)}, {"gamma": 0.5}),
        Edge("logits infinite: another class impossible, smoothed", {"logits": (1.0, -INF, 2.0), "target": (1.0, 0.0, 0.0)}, {"label_smoothing": 0.25}),
        Edge("nearly certain: and right", {"logits": (20.0, 0.5, -1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("nearly certain: and wrong", {"logits": (20.0, 0.5, -1.0), "target": (0.0, 1.0, 0.0)}),
        Edge("nearly certain: beyond the clip and right", {"logits": (20.0, 0.5, -1.0), "target": (1.0, 0.0, 0.0)}, {"clip": 1e-7}),
        Edge("nearly certain: beyond the clip and wrong", {"logits": (20.0, 0.5, -1.0), "target": (0.0, 1.0, 0.0)}, {"clip": 1e-7}),
        Edge("logits infinite: the class impossible, clip 1e-7", {"logits": (1.0, -INF, 2.0), "target": (0.0, 1.0, 0.0)}, {"clip": 1e-7}),
    ),
    properties=(NONNEGATIVE, SHIFT_INVARIANT),
    sources=(_FOCAL, _KERAS_CATEGORICAL),
    notes=("With γ = 0 and α = 1 it is soft_cross_entropy.",),
)  # fmt: skip


def _generalized_cross_entropy(prediction: Sequence[Core], labels: int, q: Real, clip: Real) -> Core:
    return (1 - power(clipped(prediction[labels], clip), q)) / q


_OTHERS = "whether the other classes are looked at is up to the implementation"

generalized_cross_entropy = TensorFunction(
    name="generalized_cross_entropy",
    title="Generalized cross entropy",
    family="focal",
    formula="(1 − p_y^q) / q",
    definition=_generalized_cross_entropy,
    arguments=(rows_argument("prediction", "distribution", "the predicted probability p of each class"), LABELS),
    options=(
        Option("q", 0.5, "between cross entropy (towards 0) and 1 − p_y (towards 1)", "0 to 1, exclusive", samples=(0.25, 0.0078125, 0.984375), invalid=(-0.5, 0.0, 1.5)),
        CLIP,
    ),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    smooth=True,
    free={"prediction NaN": _OTHERS},
    edges=(
        Edge("certain: and right", {"prediction": (0.0, 1.0, 0.0), "labels": 1}),
        Edge("certain: and wrong", {"prediction": (0.0, 1.0, 0.0), "labels": 0}),
        Edge("nearly certain: and right", {"prediction": (2.0**-8, 1 - 2.0**-8, 0.0), "labels": 1}),
        Edge("another class NaN", {"prediction": (NAN, 0.5, 0.5), "labels": 1}, free=_OTHERS),
        Edge("predictions that do not sum to one", {"prediction": (0.25, 0.5, 0.5), "labels": 2}),
    ),
    properties=(NONNEGATIVE,),
    sources=(
        Source("Zhang, Sabuncu: Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels, NeurIPS 2018", "https://arxiv.org/abs/1805.07836"),
        Source("Keras documentation: CategoricalGeneralizedCrossEntropy", f"{_KERAS}CategoricalGeneralizedCrossEntropy"),
    ),
    notes=(
        "1 − p^q as it stands loses the digits of a small q, and of p near 1; −expm1(q·log p) keeps them.",
        "Predictions are not divided by their sum. The derivative at p = 0 is −∞.",
    ),
)  # fmt: skip


def _poly_loss(logits: Sequence[Core], target: Sequence[Core], epsilon: Real, where: Core = None) -> Core:
    there = [c for c in range(len(logits)) if where is None or where[c]]
    if not there:
        return 0
    shares, surprised = [target[c] for c in there], surprises([logits[c] for c in there])
    cross_entropy = total([counted(t, s) for t, s in zip(shares, surprised, strict=True)])
    missing = total([t * _missing(s) for t, s in zip(shares, surprised, strict=True)])
    return total([cross_entropy, epsilon * missing])


poly_loss = TensorFunction(
    name="poly_loss",
    title="Poly-1 loss",
    family="focal",
    formula="Σ_c t_c·[−log p_c + ε·(1 − p_c)] with p = softmax(x)",
    definition=_poly_loss,
    arguments=(LOGITS, rows_argument("target", "distribution", "the true probability t of each class"), WHERE),
    options=(Option("epsilon", 2.0, "coefficient of the first term of the polynomial, beside the 1 it has in the cross entropy", "−1 or more", samples=(0.0, -1.0, 0.375, 10.0)),),
    reductions=tuple(REDUCTIONS),
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("logits infinite: an impossible class has target 0", {"logits": (1.0, -INF, 2.0), "target": (0.25, 0.0, 0.75)}),
        Edge("logits infinite: an impossible class has a target", {"logits": (1.0, -INF, 2.0), "target": (0.25, 0.25, 0.5)}),
        Edge("logits infinite: one class is certain and possible", {"logits": (-INF, 0.75, -INF), "target": (0.0, 1.0, 0.0)}),
        Edge("nearly certain: and right, ε −1", {"logits": (8.0, 0.5, -1.0), "target": (1.0, 0.0, 0.0)}, {"epsilon": -1.0}),
        Edge("nearly certain: and right", {"logits": (20.0, 0.5, -1.0), "target": (1.0, 0.0, 0.0)}),
        Edge("a class that is left out is NaN", {"logits": (1.0, NAN, 2.0), "target": (0.25, 0.0, 0.75), "where": (True, False, True)}),
        Edge("a class that is left out has a target", {"logits": (1.0, 3.0, 2.0), "target": (0.25, 0.5, 0.25), "where": (True, False, True)}),
        Edge("every class left out", {"logits": (1.0, 3.0, 2.0), "target": (0.25, 0.5, 0.25), "where": (False, False, False)}),
    ),
    properties=(SHIFT_INVARIANT,),
    sources=(
        Source("Leng et al.: PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions, ICLR 2022", "https://arxiv.org/abs/2204.12511"),
        OPTAX,
    ),
    notes=("With ε = 0 it is soft_cross_entropy. With ε = −1 the first term of the series is gone: what is left is the difference of two nearly equal numbers near p = 1.",),
)  # fmt: skip


FUNCTIONS = (
    binary_focal,
    binary_focal_with_logits,
    categorical_focal,
    categorical_focal_with_logits,
    generalized_cross_entropy,
    poly_loss,
)
