"""What every function of tensors takes: a table. The words are those of the standard, and a test holds the two together.

Knows no formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..parameters import finite, real
from .signature import (
    REDUCTIONS,
    Given,
    Setting,
    Signature,
    above_zero,
    between,
    boolean,
    choice,
    not_negative,
    or_none,
    positive,
    probability,
    whole,
    whole_from,
)

N, CLASSES, FEATURES = ("n",), ("classes",), ("d",)
SEQUENCE = ("time", "classes")


def _loss(*arguments: Given, settings: tuple[Setting, ...] = (), **more: Any) -> Signature:
    return Signature(arguments, settings=settings, reductions=REDUCTIONS, weighted=True, **more)


def _elementwise(*arguments: Given, settings: tuple[Setting, ...] = ()) -> Signature:
    return _loss(*arguments, settings=settings, rows=True, axis=True)


def _where(core: tuple[str, ...] = ()) -> Given:
    return Given("where", "mask", core, optional=True, differentiable=False)


def _fixed(name: str, kind: str, core: tuple[str, ...] = ()) -> Given:
    """An argument in which no derivative makes sense."""
    return Given(name, kind, core, differentiable=False)


def _between_zero_and_one(name: str, value: Any) -> float:
    number = real(name, value)
    if not 0 < number < 1:
        raise ValueError(f"{name} is {number}; give a number between 0 and 1, such as 0.5")
    return number


LABELS = _fixed("labels", "label")
CLASS_WEIGHT = Given("class_weight", "nonnegative", CLASSES, optional=True, shared=True)
PREDICTION, TARGET, SIGN = Given("prediction"), Given("target"), _fixed("target", "sign")
IGNORE_INDEX = Setting("ignore_index", None, or_none(whole))
LABEL_SMOOTHING = Setting("label_smoothing", 0.0, probability)
CLIP = Setting("clip", 0.0, between(0.0, 0.5))
NORMALISE = Setting("normalise", True, boolean)
GAMMA = Setting("gamma", 2.0, not_negative)
BALANCED = Setting("balanced", False, boolean)
EPSILON = Setting("epsilon", 0.0, not_negative)
FULL = Setting("full", False, boolean)
SIGNS = Setting("labels", "signed", choice("signed", "binary"))

NORMALISING: Mapping[str, Signature] = {
    "softmax": Signature((Given("x", "logit", N), _where(N)), result=N, axis=True, several_axes=True),
    "log_softmax": Signature((Given("x", "logit", N), _where(N)), result=N, axis=True, several_axes=True),
    "softmin": Signature((Given("x", "logit", N),), result=N, axis=True),
    "softmax2d": Signature(
        (Given("x", "logit", ("channels", "height", "width")),), result=("channels", "height", "width")
    ),
    "logsumexp": Signature(
        (Given("x", "logit", N), _where(N), Given("scale", "real", N, optional=True)), axis=True, several_axes=True
    ),
    "logmeanexp": Signature((Given("x", "logit", N), _where(N)), axis=True, several_axes=True),
    "sparsemax": Signature((Given("x", "logit", N),), result=N, axis=True),
    "gumbel_softmax": Signature(
        (Given("logits", "logit", N),),
        result=N,
        settings=(Setting("temperature", 1.0, positive), Setting("hard", False, boolean)),
        axis=True,
        drawn=True,
    ),
}

GATED: Mapping[str, Signature] = {
    "glu": Signature((Given("x", "real", ("m",)),), result=N, axis=True),
    "crelu": Signature((Given("x", "real", N),), result=("m",), axis=True),
}

REGRESSION: Mapping[str, Signature] = {
    "squared_error": _elementwise(
        PREDICTION, Given("target", optional=True), settings=(Setting("factor", 1.0, finite),)
    ),
    "absolute_error": _elementwise(PREDICTION, TARGET),
    "huber": _elementwise(PREDICTION, TARGET, settings=(Setting("delta", 1.0, not_negative),)),
    "smooth_l1": _elementwise(PREDICTION, TARGET, settings=(Setting("beta", 1.0, not_negative),)),
    "log_cosh": _elementwise(PREDICTION, Given("target", optional=True)),
    "absolute_percentage_error": _elementwise(PREDICTION, TARGET, settings=(EPSILON,)),
    "squared_log_error": _elementwise(PREDICTION, TARGET, settings=(EPSILON,)),
    "poisson_nll": _elementwise(
        PREDICTION,
        Given("target", "nonnegative"),
        settings=(Setting("log_input", True, boolean), FULL, EPSILON),
    ),
    "gaussian_nll": _elementwise(PREDICTION, TARGET, Given("variance", "positive"), settings=(FULL, EPSILON)),
    "average_loss": Signature(
        (Given("loss", "real", N), Given("weights", "nonnegative", N, optional=True)),
        settings=(Setting("batch_size", None, or_none(whole_from(1))),),
    ),
}

CLASSIFICATION: Mapping[str, Signature] = {
    "binary_cross_entropy": _elementwise(
        Given("prediction", "probability"),
        Given("target", "probability"),
        settings=(Setting("log_floor", -math.inf, between(-math.inf, 0.0)), CLIP, LABEL_SMOOTHING),
    ),
    "binary_cross_entropy_with_logits": _elementwise(
        Given("logits", "logit"),
        Given("target", "probability"),
        Given("pos_weight", "nonnegative", optional=True),
        settings=(LABEL_SMOOTHING,),
    ),
    "cross_entropy": _loss(
        Given("logits", "logit", CLASSES),
        LABELS,
        CLASS_WEIGHT,
        _where(CLASSES),
        settings=(IGNORE_INDEX, LABEL_SMOOTHING),
        axis=True,
    ),
    "soft_cross_entropy": _loss(
        Given("logits", "logit", CLASSES),
        Given("target", "distribution", CLASSES),
        CLASS_WEIGHT,
        _where(CLASSES),
        settings=(LABEL_SMOOTHING,),
        axis=True,
    ),
    "categorical_cross_entropy": _loss(
        Given("prediction", "distribution", CLASSES),
        Given("target", "distribution", CLASSES),
        settings=(CLIP, LABEL_SMOOTHING, NORMALISE),
        axis=True,
    ),
    "sparse_categorical_cross_entropy": _loss(
        Given("prediction", "distribution", CLASSES),
        LABELS,
        settings=(CLIP, IGNORE_INDEX, NORMALISE),
        axis=True,
    ),
    "nll": _loss(
        Given("log_probabilities", "log_distribution", CLASSES),
        LABELS,
        CLASS_WEIGHT,
        settings=(IGNORE_INDEX,),
        axis=True,
    ),
    "linear_cross_entropy": _loss(
        Given("features", "real", FEATURES),
        Given("linear_weight", "real", ("classes", "d"), shared=True),
        LABELS,
        Given("linear_bias", "real", CLASSES, optional=True, shared=True),
        CLASS_WEIGHT,
        settings=(IGNORE_INDEX, LABEL_SMOOTHING),
    ),
    "binary_focal": _elementwise(
        Given("prediction", "probability"),
        Given("target", "probability"),
        settings=(GAMMA, Setting("alpha", 0.25, probability), BALANCED, LABEL_SMOOTHING, CLIP),
    ),
    "binary_focal_with_logits": _elementwise(
        Given("logits", "logit"),
        Given("target", "probability"),
        settings=(GAMMA, Setting("alpha", None, or_none(probability)), BALANCED, LABEL_SMOOTHING, CLIP),
    ),
    "categorical_focal": _loss(
        Given("prediction", "distribution", CLASSES),
        Given("target", "one_hot", CLASSES),
        settings=(GAMMA, Setting("alpha", 0.25, probability), LABEL_SMOOTHING, CLIP, NORMALISE),
        axis=True,
    ),
    "categorical_focal_with_logits": _loss(
        Given("logits", "logit", CLASSES),
        Given("target", "one_hot", CLASSES),
        settings=(GAMMA, Setting("alpha", 0.25, probability), LABEL_SMOOTHING, CLIP),
        axis=True,
    ),
    "generalized_cross_entropy": _loss(
        Given("prediction", "distribution", CLASSES),
        LABELS,
        settings=(Setting("q", 0.5, _between_zero_and_one), CLIP),
    ),
    "poly_loss": _loss(
        Given("logits", "logit", CLASSES),
        Given("target", "distribution", CLASSES),
        _where(CLASSES),
        settings=(Setting("epsilon", 2.0, finite),),
        axis=True,
    ),
    "hinge": _elementwise(PREDICTION, SIGN, settings=(SIGNS,)),
    "squared_hinge": _elementwise(PREDICTION, SIGN, settings=(SIGNS,)),
    "perceptron": _elementwise(PREDICTION, SIGN, settings=(SIGNS,)),
    "categorical_hinge": _loss(Given("prediction", "real", CLASSES), Given("target", "one_hot", CLASSES)),
    "multiclass_hinge": _loss(Given("scores", "real", CLASSES), LABELS),
    "multiclass_perceptron": _loss(Given("scores", "real", CLASSES), LABELS),
    "multiclass_sparsemax": _loss(Given("scores", "logit", CLASSES), LABELS),
    "sparsemax_loss": _elementwise(Given("logits", "real"), _fixed("target", "binary")),
    "fenchel_young": _loss(Given("scores", "logit", CLASSES), Given("target", "distribution", CLASSES)),
    "smooth_labels": Signature(
        (Given("target", "distribution", CLASSES), _where(CLASSES)),
        result=CLASSES,
        settings=(Setting("alpha", 0.1, probability),),
        axis=True,
    ),
}

DIVERGENCE: Mapping[str, Signature] = {
    "kl_divergence": _elementwise(
        Given("log_prediction", "log_probability"),
        Given("target", "probability"),
        _where(),
        settings=(Setting("log_target", False, boolean),),
    ),
    "kl_divergence_of_probabilities": _elementwise(
        Given("prediction", "probability"),
        Given("target", "probability"),
        settings=(Setting("clip", 0.0, between(0.0, 1.0)),),
    ),
    "convex_kl_divergence": _elementwise(
        Given("log_prediction", "log_probability"), Given("target", "probability"), _where()
    ),
    "generalized_kl_divergence": _elementwise(
        Given("log_prediction", "log_probability"), Given("target", "probability"), _where()
    ),
}

MARGIN: Mapping[str, Signature] = {
    "soft_margin": _elementwise(PREDICTION, SIGN),
    "margin_ranking": _elementwise(Given("first"), Given("second"), SIGN, settings=(Setting("margin", 0.0, finite),)),
    "hinge_embedding": _elementwise(PREDICTION, SIGN, settings=(Setting("margin", 1.0, finite),)),
    "bpr": _elementwise(Given("positive"), Given("negative")),
    "multi_margin": _loss(
        Given("scores", "real", CLASSES),
        LABELS,
        CLASS_WEIGHT,
        settings=(Setting("p", 1, choice(1, 2)), Setting("margin", 1.0, finite)),
    ),
    "multilabel_margin": _loss(Given("scores", "real", CLASSES), _fixed("labels", "label_list", CLASSES)),
    "multilabel_soft_margin": _loss(
        Given("logits", "logit", CLASSES), Given("target", "binary", CLASSES), CLASS_WEIGHT
    ),
}

_COSINE = (
    EPSILON,
    Setting("floor", "each", choice("each", "product", "square_sum")),
    Setting("factor", 1.0, finite),
)
_DISTANCE = (Setting("p", 2, above_zero), Setting("epsilon", 0.0, not_negative))

EMBEDDING: Mapping[str, Signature] = {
    "cosine_similarity": _loss(
        Given("first", "real", FEATURES),
        Given("second", "real", FEATURES),
        _where(FEATURES),
        settings=_COSINE,
        axis=True,
    ),
    "cosine_distance": _loss(
        Given("first", "real", FEATURES),
        Given("second", "real", FEATURES),
        _where(FEATURES),
        settings=_COSINE[:2],
        axis=True,
    ),
    "cosine_embedding": _loss(
        Given("first", "real", FEATURES),
        Given("second", "real", FEATURES),
        SIGN,
        settings=(
            Setting("margin", 0.0, between(-1.0, 1.0)),
            EPSILON,
            Setting("floor", "each", choice("each", "added")),
        ),
    ),
    "pairwise_distance": Signature(
        (Given("first", "real", FEATURES), Given("second", "real", FEATURES)), settings=_DISTANCE
    ),
    "triplet_margin": _loss(
        Given("anchor", "real", FEATURES),
        Given("positive", "real", FEATURES),
        Given("negative", "real", FEATURES),
        settings=(
            Setting("margin", 1.0, above_zero),
            *_DISTANCE,
            Setting("epsilon_in", "difference", choice("difference", "sum")),
            Setting("swap", False, boolean),
        ),
        axis=True,
    ),
    "circle": _loss(
        Given("embeddings", "real", ("n", "d")),
        _fixed("labels", "group", N),
        result=N,
        settings=(
            Setting("gamma", 80.0, positive),
            Setting("margin", 0.4, finite),
            Setting("remove_diagonal", True, boolean),
        ),
        batched=False,
    ),
    "ntxent": Signature(
        (Given("embeddings", "real", ("n", "d")), _fixed("labels", "group", N)),
        settings=(Setting("temperature", 0.07, positive),),
        batched=False,
    ),
    "ranking_softmax": Signature(
        (
            Given("logits", "logit", N),
            Given("relevance", "nonnegative", N),
            _where(N),
            Given("weights", "nonnegative", N, optional=True),
        ),
        reductions=("none", "sum", "mean"),
    ),
}

_OVERLAP = (Given("prediction", "probability", N), Given("target", "binary", N))
_SMOOTH = Setting("smooth", 0.0, not_negative)
_TVERSKY = (Setting("alpha", 0.5, not_negative), Setting("beta", 0.5, not_negative), _SMOOTH)
_IGNORE_BACKGROUND = Setting("ignore_background", False, boolean)
_OF_CLASSES = (*_TVERSKY, _IGNORE_BACKGROUND, Setting("classes", "mean", choice("mean", "sum")))
_PLACES = ("n", "classes")

SEGMENTATION: Mapping[str, Signature] = {
    "dice": _loss(*_OVERLAP, settings=(_SMOOTH, EPSILON), axis=True),
    "tversky": _loss(*_OVERLAP, settings=(*_TVERSKY, EPSILON), axis=True),
    "binary_dice": Signature((Given("logits", "logit", N), Given("target", "binary", N)), settings=_TVERSKY),
    "multiclass_dice": Signature(
        (Given("logits", "logit", _PLACES), Given("target", "one_hot", _PLACES), CLASS_WEIGHT), settings=_OF_CLASSES
    ),
    "multiclass_dice_per_class": Signature(
        (Given("logits", "logit", _PLACES), Given("target", "one_hot", _PLACES), CLASS_WEIGHT),
        result=CLASSES,
        settings=_TVERSKY,
    ),
    "multiclass_dice_of_probabilities": Signature(
        (Given("prediction", "distribution", _PLACES), Given("target", "one_hot", _PLACES), CLASS_WEIGHT),
        settings=_OF_CLASSES,
    ),
    "generalized_dice": Signature(
        (Given("logits", "logit", ("batch", *_PLACES)), Given("target", "one_hot", ("batch", *_PLACES))),
        settings=(_SMOOTH, EPSILON, Setting("weighting", "ratio", choice("ratio", "mean")), _IGNORE_BACKGROUND),
        batched=False,
    ),
}

SEQUENCES: Mapping[str, Signature] = {
    "ctc": _loss(
        Given("log_probabilities", "log_distribution", SEQUENCE),
        _fixed("labels", "label_sequence", ("length",)),
        _fixed("input_length", "length"),
        _fixed("label_length", "length"),
        settings=(
            Setting("blank", 0, whole_from(0)),
            Setting("zero_infinity", False, boolean),
            Setting("normalise", False, boolean),
        ),
    ),
    "ctc_with_logits": _loss(
        Given("logits", "logit", SEQUENCE),
        _fixed("labels", "label_sequence", ("length",)),
        _fixed("input_length", "length"),
        _fixed("label_length", "length"),
        settings=(Setting("blank", 0, whole_from(0)),),
    ),
}

SIGNATURES: Mapping[str, Signature] = {
    **NORMALISING,
    **GATED,
    **REGRESSION,
    **CLASSIFICATION,
    **DIVERGENCE,
    **MARGIN,
    **EMBEDDING,
    **SEGMENTATION,
    **SEQUENCES,
}
