"""Keras' entry points for functions of several tensors: data, read without Keras.

`tensorflow.keras.*`, `tensorflow.losses.*`, the functions of `keras.metrics` and `keras.ops.nn.*` show the same objects once
more: they have no binding of their own; a test holds that against the installed package.

What holds for all of Keras: the loss functions take (y_true, y_pred); those of two numbers give the mean along the last axis
(kl_divergence the sum), and only the classes reduce further and take weights. "Epsilon" is `keras.config.epsilon()`, 1e−7,
and no keyword changes it: it is bound where a page has it in a formula, a sentence or an example, and for the clip of
probabilities, for which there is no formula. Where a page has a formula without it, that is what is promised.
"""

from __future__ import annotations

import itertools
from typing import Any

from .protocol import TensorBinding

_KERAS = "https://keras.io/api/"
_SOURCE = "https://github.com/keras-team/keras/blob/v3.15.1/keras/src/losses/losses.py"
_PROBABILISTIC, _REGRESSION, _HINGE = (
    f"{_KERAS}losses/{page}_losses/" for page in ("probabilistic", "regression", "hinge")
)
_EPSILON = 1e-7
_LABELS = ("labels", "prediction")

# "mean" is Keras' second word for "sum_over_batch_size": MeanSquaredError is bound with it too.
_REDUCTIONS = {"none": "none", "sum": "sum", "mean": "sum_over_batch_size", "weighted_mean": "mean_with_sample_weight"}
_AXIS: dict[str, Any] = {"parameters": {"axis": "axis"}, "defaults": {"axis": -1}}
_LOGITS: dict[str, Any] = {"keywords": {"from_logits": True}}
_MEAN: dict[str, Any] = {"rows": "mean"}
_SMOOTHING: dict[str, Any] = {
    "parameters": {"label_smoothing": "label_smoothing", "axis": "axis"},
    "defaults": {"label_smoothing": 0.0, "axis": -1},
}
_FOCAL: dict[str, Any] = {
    "parameters": {"gamma": "gamma", "alpha": "alpha", **_SMOOTHING["parameters"]},
    "defaults": {"gamma": 2.0, "alpha": 0.25, **_SMOOTHING["defaults"]},
}
_BINARY_FOCAL: dict[str, Any] = {
    "parameters": {"balanced": "apply_class_balancing", **_FOCAL["parameters"]},
    "defaults": {"balanced": False, **_FOCAL["defaults"]},
}
_IGNORING: dict[str, Any] = {
    "parameters": {"ignore_index": "ignore_class", "axis": "axis"},
    "defaults": {"ignore_index": None, "axis": -1},
}
_NORMALISED = {"clip": _EPSILON, "normalise": True}
_FUZZ = "1e-7, `the fuzz factor used in numeric expressions`: https://keras.io/api/utils/config_utils/#epsilon-function"
_CLIPPED = f"clips by {_FUZZ}"
_FIRST = f"divides by the sum along the axis, then clips by {_FUZZ}"
_LAST = f"clips, then divides by the sum: the logarithms of what was clipped go where logits are due; no axis but the last; clips by {_FUZZ}"
_NO_AXIS = "takes an axis, and with TensorFlow none but the last"
_ONE_CLIPPED = f"clips inside of the logarithm, not in the focal factor, by {_FUZZ}"
_NO_CLIP = "its page clips nothing, and a cross entropy of logits needs no clip; the source clips their softmax by 1e-7"
_EITHER: dict[str, Any] = {
    "recognised": ("labels",),
    "remark": "converts labels 0 and 1 to −1 and 1, if there are no others",
}
# Documented as a tuple. Without one all axes are one core: no default.
_TUPLES: dict[str, Any] = {
    "several_axes": True,
    "spelt": {
        "axis": {
            **{str(axis): (axis,) for axis in range(-4, 4)},
            **{str(axes): axes for axes in itertools.permutations(range(-4, 4), 2)},
        }
    },
}
_TVERSKY: dict[str, Any] = {
    "parameters": {"alpha": "alpha", "beta": "beta", "axis": "axis"},
    "defaults": {"alpha": 0.5, "beta": 0.5},
}
_NO_EPSILON = "its formula has no epsilon; the source adds 1e-7 to the denominator"
_FLAT: dict[str, Any] = {
    "keywords": {"axis": None},
    "squeezed": -1,
    "remark": f"the default: all axes are one; {_NO_EPSILON}",
}
_TUPLE: dict[str, Any] = {**_TUPLES, "remark": _NO_EPSILON}
_SEGMENTED = {"smooth": 0.0, "epsilon": 0.0}


def _activation(function: str, name: str) -> TensorBinding:
    page = f"{_KERAS}layers/activations/#{name}-function"
    return TensorBinding(function, f"keras.activations.{name}", positional=("x",), documentation=page, **_AXIS)


def _ops(
    function: str, name: str, positional: tuple[str, ...] = ("x",), chapter: str = "nn", **more: Any
) -> TensorBinding:
    page = f"{_KERAS}ops/{chapter}/#{name}-function"
    return TensorBinding(function, f"keras.ops.{name}", positional=positional, **{"documentation": page, **more})


def _layer(function: str, name: str) -> TensorBinding:
    page = f"{_KERAS}layers/core_layers/activation/"
    remark = "the layer that looks an activation up by its name, along the last axis"
    return TensorBinding(
        function,
        "keras.layers.Activation",
        "layer",
        ("x",),
        keywords={"activation": name},
        by_name=True,
        documentation=page,
        remark=remark,
    )


def _function(
    function: str, name: str, page: str, positional: tuple[str, ...] = ("target", "prediction"), **more: Any
) -> TensorBinding:
    """A function of keras.losses: it never reduces, and takes no weights."""
    link = f"{page}#{name}-function" if page else _SOURCE
    more = {**more, "fixed": {"reduction": "none", **more.get("fixed", {})}}
    return TensorBinding(function, f"keras.losses.{name}", positional=positional, documentation=link, **more)


def _class(
    function: str, name: str, page: str, positional: tuple[str, ...] = ("target", "prediction"), **more: Any
) -> TensorBinding:
    """A class of keras.losses: its reduction is a keyword, and the call takes weights."""
    link = f"{page}#{name.lower()}-class" if page else _SOURCE
    reduces = {
        "parameters": {"reduction": "reduction", **more.get("parameters", {})},
        "defaults": {"reduction": "mean", **more.get("defaults", {})},
        "spelt": {"reduction": _REDUCTIONS, **more.get("spelt", {})},
    }
    entry_point, weight = f"keras.losses.{name}", {"weight": "sample_weight"}
    return TensorBinding(
        function, entry_point, "layer", positional, named=weight, documentation=link, **{**more, **reduces}
    )


def _both(
    function: str, names: str, page: str, *positional: tuple[str, ...], **more: Any
) -> tuple[TensorBinding, TensorBinding]:
    """The function and the class of one loss, named with a blank between."""
    of_function, of_class = names.split()
    return _function(function, of_function, page, *positional, **more), _class(
        function, of_class, page, *positional, **more
    )


TENSOR_BINDINGS: tuple[TensorBinding, ...] = (
    _activation("softmax", "softmax"),
    _ops("softmax", "softmax", **_AXIS),
    TensorBinding("softmax", "keras.layers.Softmax", "layer", ("x",), named={"where": "mask"},
                  documentation=f"{_KERAS}layers/activation_layers/softmax/", several_axes=True, **_AXIS),
    _layer("softmax", "softmax"),

    _activation("log_softmax", "log_softmax"),
    _ops("log_softmax", "log_softmax", **_AXIS),
    _layer("log_softmax", "log_softmax"),

    _activation("sparsemax", "sparsemax"),
    _ops("sparsemax", "sparsemax", **_AXIS),
    _layer("sparsemax", "sparsemax"),

    _activation("glu", "glu"),
    _ops("glu", "glu", **_AXIS),
    _layer("glu", "glu"),

    # Without an axis it reduces all of them: no default.
    _ops("logsumexp", "logsumexp", chapter="core", parameters={"axis": "axis"}, several_axes=True),

    *_both("squared_error", "mean_squared_error MeanSquaredError", _REGRESSION, fixed={**_MEAN, "factor": 1},
           required=("target",)),
    TensorBinding("squared_error", "keras.losses.MeanSquaredError", "layer", ("target", "prediction"),
                  named={"weight": "sample_weight"}, keywords={"reduction": "mean"}, fixed={**_MEAN, "factor": 1, "reduction": "mean"}, required=("target",),
                  documentation=f"{_REGRESSION}#meansquarederror-class", remark="the second word for sum_over_batch_size"),
    *_both("absolute_error", "mean_absolute_error MeanAbsoluteError", _REGRESSION, fixed=_MEAN),
    *_both("absolute_percentage_error", "mean_absolute_percentage_error MeanAbsolutePercentageError", _REGRESSION,
           fixed={**_MEAN, "epsilon": _EPSILON}, remark="the function's page: division by zero is prevented by dividing by maximum(y_true, epsilon)"),
    *_both("squared_log_error", "mean_squared_logarithmic_error MeanSquaredLogarithmicError", _REGRESSION,
           fixed={**_MEAN, "epsilon": _EPSILON}, remark="the function's page: negative values and 0 values will be replaced with epsilon"),
    *_both("huber", "huber Huber", _REGRESSION, fixed=_MEAN, parameters={"delta": "delta"}, defaults={"delta": 1.0}),
    *_both("log_cosh", "log_cosh LogCosh", _REGRESSION, fixed=_MEAN, required=("target",)),
    *_both("poisson_nll", "poisson Poisson", _PROBABILISTIC,
           fixed={**_MEAN, "log_input": False, "full": False, "epsilon": _EPSILON},
           remark="the function's page: its example adds 1e-7 to y_pred, which its formula lacks"),

    *_both("binary_cross_entropy", "binary_crossentropy BinaryCrossentropy", _PROBABILISTIC,
           fixed={**_MEAN, "log_floor": float("-inf"), "clip": _EPSILON}, remark=_CLIPPED, **_SMOOTHING),
    _ops("binary_cross_entropy", "binary_crossentropy", ("target", "prediction"),
         fixed={"reduction": "none", "rows": "none", "log_floor": float("-inf"), "clip": _EPSILON, "label_smoothing": 0.0}, remark=_CLIPPED),
    *_both("binary_cross_entropy_with_logits", "binary_crossentropy BinaryCrossentropy", _PROBABILISTIC, ("target", "logits"),
           fixed=_MEAN, **_SMOOTHING, **_LOGITS),
    _ops("binary_cross_entropy_with_logits", "binary_crossentropy", ("target", "logits"),
         fixed={"reduction": "none", "rows": "none", "label_smoothing": 0.0}, **_LOGITS),

    *_both("binary_focal", "binary_focal_crossentropy BinaryFocalCrossentropy", _PROBABILISTIC,
           fixed={**_MEAN, "clip": _EPSILON}, remark=_ONE_CLIPPED, **_BINARY_FOCAL),
    *_both("binary_focal_with_logits", "binary_focal_crossentropy BinaryFocalCrossentropy", _PROBABILISTIC, ("target", "logits"),
           fixed={**_MEAN, "clip": 0.0}, **_BINARY_FOCAL, **_LOGITS),
    *_both("categorical_focal", "categorical_focal_crossentropy CategoricalFocalCrossentropy", _PROBABILISTIC,
           fixed=_NORMALISED, remark=_FIRST, **_FOCAL),
    *_both("categorical_focal_with_logits", "categorical_focal_crossentropy CategoricalFocalCrossentropy", _PROBABILISTIC,
           ("target", "logits"), fixed={"clip": 0.0}, remark=_NO_CLIP, **_FOCAL, **_LOGITS),

    *_both("categorical_cross_entropy", "categorical_crossentropy CategoricalCrossentropy", _PROBABILISTIC,
           fixed=_NORMALISED, remark=_FIRST, **_SMOOTHING),
    _ops("categorical_cross_entropy", "categorical_crossentropy", ("target", "prediction"),
         fixed={"reduction": "none", "label_smoothing": 0.0, **_NORMALISED}, remark=_FIRST, **_AXIS),
    *_both("soft_cross_entropy", "categorical_crossentropy CategoricalCrossentropy", _PROBABILISTIC, ("target", "logits"),
           **_SMOOTHING, **_LOGITS),
    _ops("soft_cross_entropy", "categorical_crossentropy", ("target", "logits"),
         fixed={"reduction": "none", "label_smoothing": 0.0}, **_AXIS, **_LOGITS),

    *_both("sparse_categorical_cross_entropy", "sparse_categorical_crossentropy SparseCategoricalCrossentropy", _PROBABILISTIC,
           _LABELS, fixed=_NORMALISED, remark=_LAST, **_IGNORING),
    _ops("sparse_categorical_cross_entropy", "sparse_categorical_crossentropy", _LABELS,
         fixed={"reduction": "none", "ignore_index": None, **_NORMALISED}, remark=_LAST, **_AXIS),
    *_both("cross_entropy", "sparse_categorical_crossentropy SparseCategoricalCrossentropy", _PROBABILISTIC,
           ("labels", "logits"), fixed={"label_smoothing": 0.0}, remark=_NO_AXIS, **_IGNORING, **_LOGITS),
    _ops("cross_entropy", "sparse_categorical_crossentropy", ("labels", "logits"),
         fixed={"reduction": "none", "ignore_index": None, "label_smoothing": 0.0}, remark=_NO_AXIS, **_AXIS, **_LOGITS),

    _function("generalized_cross_entropy", "categorical_generalized_cross_entropy", "", _LABELS,
              parameters={"q": "q"}, fixed={"clip": 0.0}),
    _class("generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", "", _LABELS,
           parameters={"q": "q"}, defaults={"q": 0.5}, fixed={"clip": 0.0}),

    *_both("hinge", "hinge Hinge", _HINGE, fixed=_MEAN, **_EITHER),
    *_both("squared_hinge", "squared_hinge SquaredHinge", _HINGE, fixed=_MEAN, **_EITHER),
    *_both("categorical_hinge", "categorical_hinge CategoricalHinge", _HINGE),

    *_both("kl_divergence_of_probabilities", "kl_divergence KLDivergence", _PROBABILISTIC,
           fixed={"rows": "sum", "clip": _EPSILON}, remark="its page says that both are clipped to [0, 1]; the example there clips them to [1e-7, 1]"),

    *_both("cosine_similarity", "cosine_similarity CosineSimilarity", _REGRESSION, ("second", "first"),
           fixed={"epsilon": _EPSILON, "floor": "each", "factor": -1}, **_AXIS,
           remark="the similarity with a minus before it; 1e-7 is the lower bound for a norm: https://keras.io/api/ops/nn/#normalize-function"),
    *_both("circle", "circle Circle", "", ("labels", "embeddings"), squeezed=-1,
           parameters={"gamma": "gamma", "margin": "margin", "remove_diagonal": "remove_diagonal"},
           defaults={"gamma": 80.0, "margin": 0.4, "remove_diagonal": True}),

    *_both("dice", "dice Dice", _REGRESSION, fixed=_SEGMENTED, parameters={"axis": "axis"}, **_TUPLE),
    *_both("dice", "dice Dice", _REGRESSION, fixed=_SEGMENTED, **_FLAT),
    *_both("tversky", "tversky Tversky", _REGRESSION, fixed=_SEGMENTED, **_TVERSKY, **_TUPLE),
    *_both("tversky", "tversky Tversky", _REGRESSION, fixed=_SEGMENTED, **_FLAT,
           parameters={"alpha": "alpha", "beta": "beta"}, defaults={"alpha": 0.5, "beta": 0.5}),

    _ops("ctc_with_logits", "ctc_loss", ("labels", "logits", "label_length", "input_length"), squeezed=1,
         parameters={"blank": "mask_index"}, defaults={"blank": 0}, fixed={"reduction": "none"}),
    *_both("ctc_with_logits", "ctc CTC", _PROBABILISTIC, ("labels", "logits"), fixed={"blank": 0}, squeezed=1,
           remark="takes no lengths: all steps count, and the labels before the zeros that fill a row"),
)  # fmt: skip
