"""JAX's and optax' entry points for the functions of tensors of the standard: data, read without JAX.

What optax exports both as `optax.huber_loss` and as `optax.losses.huber_loss` is one object, and bound by the second name alone.
optax reduces nothing, with few exceptions: `reduction` is "none" nearly everywhere.
"""

from __future__ import annotations

from typing import Any

from .protocol import TensorBinding

_JAX = "https://docs.jax.dev/en/latest/_autosummary/"
_OPTAX = "https://optax.readthedocs.io/en/latest/api/generated/"

# What jax.scipy implements: a universal function, which broadcasts its arguments.
_REL_ENTR = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special.rel_entr.html"

_NONE: dict[str, Any] = {"reduction": "none"}
_EACH: dict[str, Any] = {"reduction": "none", "rows": "none", "axis": -1}
_WHERE = {"where": "where"}
_AXIS: dict[str, Any] = {"parameters": {"axis": "axis"}, "defaults": {"axis": -1}, "several_axes": True}
# Without `axis`: all of them.
_ALL_AXES: dict[str, Any] = {**_AXIS, "defaults": {"axis": None}}
_LAST: dict[str, Any] = {"axis": -1}


def _jax(function: str, entry_point: str, *positional: str, **more: Any) -> TensorBinding:
    return TensorBinding(
        function, entry_point, positional=positional, documentation=f"{_JAX}{entry_point}.html", **more
    )


def _optax(function: str, name: str, *positional: str, broadcasts: bool = False, **more: Any) -> TensorBinding:
    """`broadcasts`: the docstring allows arguments of different shapes."""
    entry_point = f"optax.losses.{name}"
    page = f"{_OPTAX}{entry_point}.html"
    said = page if broadcasts else ""
    return TensorBinding(function, entry_point, positional=positional, documentation=page, broadcasts=said, **more)


_ACTIVATIONS = (
    _jax("softmax", "jax.nn.softmax", "x", named=_WHERE, **_AXIS),
    _jax("softmax", "jax.scipy.special.softmax", "x", **_ALL_AXES),
    _jax("log_softmax", "jax.nn.log_softmax", "x", named=_WHERE, **_AXIS),
    _jax("log_softmax", "jax.scipy.special.log_softmax", "x", **_ALL_AXES),
    _jax("logsumexp", "jax.nn.logsumexp", "x", named={"where": "where", "scale": "b"}, **_ALL_AXES),
    _jax("logsumexp", "jax.scipy.special.logsumexp", "x", named={"where": "where", "scale": "b"}, **_ALL_AXES),
    _jax("logmeanexp", "jax.nn.logmeanexp", "x", named=_WHERE, **_ALL_AXES),
    _jax("glu", "jax.nn.glu", "x", parameters={"axis": "axis"}, defaults=_LAST),
)  # fmt: skip

_REGRESSION = (
    _optax("squared_error", "squared_error", "prediction", "target", broadcasts=True, fixed={**_EACH, "factor": 1.0}),
    _optax("squared_error", "l2_loss", "prediction", "target", broadcasts=True, fixed={**_EACH, "factor": 0.5}, remark="half the squared error"),
    _optax("huber", "huber_loss", "prediction", "target", broadcasts=True, fixed=_EACH, parameters={"delta": "delta"}, defaults={"delta": 1.0},
           unsound={"errors.argument": f"{_OPTAX}optax.losses.huber_loss.html"}, remark="without targets they are taken to be 0"),
    _optax("log_cosh", "log_cosh", "prediction", "target", broadcasts=True, fixed=_EACH),
)  # fmt: skip

_LABELS: dict[str, Any] = {"ignore_index": None, "label_smoothing": 0.0}
_SIGNED = {**_EACH, "labels": "signed"}

# Classes are balanced where an alpha is given, and not where it is None: a row for each.
_FOCAL = {**_EACH, "label_smoothing": 0.0, "clip": 0.0}
_ALPHAS = {str(alpha): alpha for alpha in (0.25, 0.875, 0.0, 1.0)}

_CLASSIFICATION = (
    _optax("binary_cross_entropy_with_logits", "sigmoid_binary_cross_entropy", "logits", "target", broadcasts=True, fixed={**_EACH, "label_smoothing": 0.0},
           unsound={"errors.shape": f"{_OPTAX}optax.losses.sigmoid_binary_cross_entropy.html"}, remark="relies on implicit broadcasting to reshape either"),
    _optax("cross_entropy", "softmax_cross_entropy_with_integer_labels", "logits", "labels", named=_WHERE,
           fixed={**_NONE, **_LABELS}, **_AXIS),
    _optax("soft_cross_entropy", "softmax_cross_entropy", "logits", "target", named=_WHERE,
           fixed={**_NONE, "label_smoothing": 0.0}, **_AXIS),
    _optax("soft_cross_entropy", "safe_softmax_cross_entropy", "logits", "target", broadcasts=True,
           fixed={**_NONE, **_LAST, "label_smoothing": 0.0}, remark="0 · log 0 is 0 where a class is impossible"),
    _optax("poly_loss", "poly_loss_cross_entropy", "logits", "target", named=_WHERE, broadcasts=True,
           fixed=_NONE, parameters={"epsilon": "epsilon", "axis": "axis"}, defaults={"epsilon": 2.0, "axis": -1}, several_axes=True),
    _optax("binary_focal_with_logits", "sigmoid_focal_loss", "logits", "target", broadcasts=True, keywords={"alpha": None},
           fixed={**_FOCAL, "alpha": None, "balanced": False}, parameters={"gamma": "gamma"}, defaults={"gamma": 2.0}, remark="alpha=None is the default"),
    _optax("binary_focal_with_logits", "sigmoid_focal_loss", "logits", "target", broadcasts=True,
           fixed={**_FOCAL, "balanced": True}, parameters={"gamma": "gamma", "alpha": "alpha"}, spelt={"alpha": _ALPHAS}, defaults={"gamma": 2.0}),
    _optax("hinge", "hinge_loss", "prediction", "target", fixed=_SIGNED),
    _optax("perceptron", "perceptron_loss", "prediction", "target", fixed=_SIGNED),
    _optax("multiclass_hinge", "multiclass_hinge_loss", "scores", "labels", fixed=_NONE),
    _optax("multiclass_perceptron", "multiclass_perceptron_loss", "scores", "labels", fixed=_NONE),
    _optax("multiclass_sparsemax", "multiclass_sparsemax_loss", "scores", "labels", fixed=_NONE, squeezed=1),
    _optax("sparsemax_loss", "sparsemax_loss", "logits", "target", fixed=_EACH, cast={"target": "int32"}),
    _optax("fenchel_young", "make_fenchel_young_loss", "scores", "target", form="factory", fixed=_NONE,
           keywords={"max_fun": "callable:jax.nn.logsumexp"}),
    _optax("smooth_labels", "smooth_labels", "target", named=_WHERE, parameters={"alpha": "alpha", "axis": "axis"}, defaults=_LAST, several_axes=True,
           remark="alpha has no default"),
)  # fmt: skip

_SUMMED: dict[str, Any] = {"reduction": "none", "rows": "sum"}

_DIVERGENCES = (
    _optax("kl_divergence", "kl_divergence", "log_prediction", "target", named=_WHERE,
           fixed={**_SUMMED, "log_target": False}, **_AXIS),
    _optax("kl_divergence", "kl_divergence_with_log_targets", "log_prediction", "target", named=_WHERE,
           fixed={**_SUMMED, "log_target": True}, **_AXIS),
    _optax("generalized_kl_divergence", "generalized_kl_divergence", "log_prediction", "target", named=_WHERE,
           fixed=_SUMMED, **_AXIS),
    _optax("convex_kl_divergence", "convex_kl_divergence", "log_prediction", "target", named=_WHERE,
           fixed=_SUMMED, **_AXIS, remark="deprecated: the former name of generalized_kl_divergence"),
    _jax("kl_divergence_of_probabilities", "jax.scipy.special.rel_entr", "target", "prediction", fixed={**_EACH, "clip": 0.0},
         broadcasts=_REL_ENTR, unsound={"errors.shape": _REL_ENTR}, remark="of single numbers, as SciPy's universal function; the sum of them is the divergence"),
)  # fmt: skip

_SQUARES = "epsilon is the least squared norm, as the documentation says since https://github.com/google-deepmind/optax/pull/1703; " \
           "up to 0.2.8 it said the least norm"  # fmt: skip
_COSINE: dict[str, Any] = {
    "named": _WHERE,
    "parameters": {"epsilon": "epsilon", "axis": "axis"},
    "defaults": {"epsilon": 0.0, "axis": -1},
    "several_axes": True,
    "remark": _SQUARES,
}

_EMBEDDING = (
    _optax("cosine_similarity", "cosine_similarity", "first", "second", fixed={**_NONE, "floor": "square_sum", "factor": 1.0}, **_COSINE),
    _optax("cosine_distance", "cosine_distance", "first", "second", fixed={**_NONE, "floor": "square_sum"}, **_COSINE),
    _optax("triplet_margin", "triplet_margin_loss", "anchor", "positive", "negative",
           fixed={**_NONE, "swap": False, "epsilon_in": "sum"},
           parameters={"margin": "margin", "p": "norm_degree", "epsilon": "eps", "axis": "axis"},
           defaults={"margin": 1.0, "p": 2, "epsilon": 1e-6, "axis": -1},
           remark="its page: eps ensures numerical stability in the distance calculation, and not where it enters; it is added to the sum of powers"),
    _optax("ntxent", "ntxent", "embeddings", "labels", squeezed=-1, parameters={"temperature": "temperature"}, defaults={"temperature": 0.07}),
    _optax("ranking_softmax", "ranking_softmax_loss", "logits", "relevance", named={"where": "where", "weights": "weights"},
           parameters={"reduction": "reduce_fn"}, defaults={"reduction": "mean"},
           spelt={"reduction": {"none": None, "sum": "callable:jax.numpy.sum", "mean": "callable:jax.numpy.mean"}}),
)  # fmt: skip

_SMOOTH: dict[str, Any] = {"smooth": "smooth"}
_TVERSKY = {"alpha": "alpha", "beta": "beta", "smooth": "smooth"}
_TVERSKY_DEFAULTS: dict[str, Any] = {"alpha": 0.5, "beta": 0.5, "smooth": 1.0}
_CLASSES: dict[str, Any] = {
    "named": {"class_weight": "class_weights"},
    "parameters": {**_TVERSKY, "ignore_background": "ignore_background", "classes": "reduction"},
    "defaults": {**_TVERSKY_DEFAULTS, "ignore_background": False, "classes": "mean"},
    "squeezed": 1,
}

_SEGMENTATION = (
    _optax("dice", "binary_dice_loss", "prediction", "target", keywords={"apply_sigmoid": False}, squeezed=1,
           fixed={**_NONE, **_LAST, "epsilon": 0.0}, parameters=_SMOOTH, defaults={"smooth": 1.0}),
    _optax("binary_dice", "binary_dice_loss", "logits", "target", squeezed=1,
           fixed={"alpha": 0.5, "beta": 0.5}, parameters=_SMOOTH, defaults={"smooth": 1.0}),
    _optax("multiclass_dice", "dice_loss", "logits", "target", **_CLASSES, remark="its reduction puts the classes together, not the batch"),
    _optax("multiclass_dice_of_probabilities", "dice_loss", "prediction", "target", keywords={"apply_softmax": False}, **_CLASSES),
    _optax("multiclass_dice_per_class", "dice_loss", "logits", "target", keywords={"reduction": "none"}, squeezed=1,
           named={"class_weight": "class_weights"}, parameters=_TVERSKY, defaults=_TVERSKY_DEFAULTS),
    _optax("generalized_dice", "multiclass_generalized_dice_loss", "logits", "target", squeezed=-1, fixed={"epsilon": 0.0, "weighting": "mean"},
           parameters={"smooth": "smooth", "ignore_background": "ignore_background"},
           defaults={"smooth": 1.0, "ignore_background": False},
           remark="its page: averaged across all classes and batch; it has no epsilon, the source adds 1e-7 to the squared frequencies"),
)  # fmt: skip

_PADDINGS = {"input_length": "logit_paddings", "label_length": "label_paddings"}
_CTC: dict[str, Any] = {
    "fixed": _NONE,
    "parameters": {"blank": "blank_id"},
    "defaults": {"blank": 0},
    "padded": _PADDINGS,
    "required": ("input_length", "label_length"),
    "named": {"logits": "logits", "labels": "labels", **_PADDINGS},
    "squeezed": 1,
    "unsound": {
        f"{rule}: infeasible": f"{_OPTAX}optax.losses.ctc_loss.html" for rule in ("edge", "gradient.logits.edge")
    },
    "remark": "log 0 is taken to be log_epsilon, −1e5 by default: an infeasible path costs that much",
}

_SEQUENCE = (
    _optax("ctc_with_logits", "ctc_loss", **_CTC),
    _optax("ctc_with_logits", "ctc_loss_with_forward_probs", whole=0, **_CTC),
)

TENSOR_BINDINGS: tuple[TensorBinding, ...] = (
    *_ACTIVATIONS,
    *_REGRESSION,
    *_CLASSIFICATION,
    *_DIVERGENCES,
    *_EMBEDDING,
    *_SEGMENTATION,
    *_SEQUENCE,
)
