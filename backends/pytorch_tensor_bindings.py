"""PyTorch's entry points for functions of several tensors: data, read without PyTorch.

What `mean` divides by, which clamps are documented and which options have no keyword is read from the docstrings that the
links lead to. `size_average` and `reduce` are deprecated by these same pages, and never passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .protocol import TensorBinding

_DOCS = "https://docs.pytorch.org/docs/stable/"
_GENERATED = f"{_DOCS}generated/"
_F = "torch.nn.functional."
_NN = "torch.nn."

CALLABLE = "callable:"
"""A keyword's text `callable:NAME`: the function of that dotted name is passed."""
CALLED = "called:"
"""A keyword's text `called:NAME`: what the class of that dotted name makes without arguments is passed."""
SIZE = "size:"
"""A keyword's text `size:ARGUMENT:AXIS`: the size of that argument of the standard along the axis is passed."""

_REDUCED = {"none": "none", "mean": "mean", "sum": "sum"}
_WEIGHTED_MEAN = {"none": "none", "weighted_mean": "mean", "sum": "sum"}
_BATCH_MEAN = {**_REDUCED, "batch_mean": "batchmean"}


def _of(
    function: str,
    entry_point: str,
    positional: tuple[str, ...],
    options: Mapping[str, Any],
    page: str = "",
    **more: Any,
) -> TensorBinding:
    """A row without a reduction. `options`: the standard's option -> the keyword, or (keyword, documented default)."""
    pairs = {option: spelt if isinstance(spelt, tuple) else (spelt,) for option, spelt in options.items()}
    return TensorBinding(
        function,
        entry_point,
        "layer" if entry_point.startswith(_NN) and not entry_point.startswith(_F) else "function",
        positional,
        parameters={option: spelt[0] for option, spelt in pairs.items()},
        defaults={option: spelt[1] for option, spelt in pairs.items() if len(spelt) > 1},
        integers="int64",
        documentation=f"{_DOCS}{page}" if page else f"{_GENERATED}{entry_point}.html",
        **more,
    )


def _loss(
    function: str,
    entry_point: str,
    positional: tuple[str, ...],
    options: Mapping[str, Any] = {},  # it is only read
    spelt: Mapping[str, Mapping[str, Any]] = {},
    reductions: Mapping[str, str] = _REDUCED,
    **more: Any,
) -> TensorBinding:
    """A row with `reduction`, whose default is the value that PyTorch calls mean."""
    mean = next(ours for ours, theirs in reductions.items() if theirs == "mean")
    return _of(
        function,
        entry_point,
        positional,
        {**options, "reduction": ("reduction", mean)},
        spelt={**spelt, "reduction": reductions},
        **more,
    )


def _elementwise(
    function: str, entry_point: str, positional: tuple[str, ...], *options: Any, **more: Any
) -> TensorBinding:
    """A loss whose results are never put together along an axis before the reduction."""
    fixed = {**more.pop("fixed", {}), "rows": "none"}
    return _loss(function, entry_point, positional, *options, fixed=fixed, **more)


_X = ("x",)
_DIM = {"axis": "dim"}  # F.softmax' default None chooses an axis by the rank, which is deprecated
_LAST = {"axis": ("dim", -1)}
_UNDOCUMENTED = "a public name without a page of its own"
_METHOD = "the method x.{}(dim)"

_BOTH = ("prediction", "target")
_LOGITS = ("logits", "target")
_WEIGHT: dict[str, Any] = {"named": {"weight": "weight"}}
_CLASS_WEIGHT: dict[str, Any] = {"named": {"class_weight": "weight"}}
_OF_CONSTRUCTOR: dict[str, Any] = {"constructed": {"weight": "weight"}}
_CLASS_WEIGHT_OF_CONSTRUCTOR: dict[str, Any] = {"constructed": {"class_weight": "weight"}}
_DIVIDES = "with weights, mean divides by their sum; the page says `the mean of the output`, and huber_loss divides by the number of results"

_POISSON = {"log_input": ("log_input", True), "full": ("full", False), "epsilon": ("eps", 1e-8)}
_GAUSSIAN = {"full": ("full", False), "epsilon": ("eps", 1e-6)}
_GAUSSIAN_REST: dict[str, Any] = {
    "broadcasts": f"{_GENERATED}torch.nn.GaussianNLLLoss.html",
    "unsound": {"gradient.variance.edge: variance below epsilon": f"{_GENERATED}torch.nn.GaussianNLLLoss.html"},
    "remark": "its page: the clamping of var is ignored with respect to autograd, and so the gradients are unaffected by it",
}

_CLAMPED: dict[str, Any] = {
    "fixed": {"log_floor": -100.0, "clip": 0.0, "label_smoothing": 0.0},
    "broadcasts": f"{_GENERATED}torch.nn.functional.binary_cross_entropy.html",
    "remark": "its page: BCELoss clamps its log function outputs to be greater than or equal to -100; the weight alone is broadcast",
}
_BCE_LOGITS: dict[str, Any] = {
    "fixed": {"label_smoothing": 0.0},
    "broadcasts": f"{_GENERATED}torch.nn.functional.binary_cross_entropy_with_logits.html",
    "remark": "weight and pos_weight alone are broadcast",
}
_BOTH_WEIGHTS = {"weight": "weight", "pos_weight": "pos_weight"}

# No label is ignored where none is −100, which is what the default says.
_IGNORE_INDEX = {"ignore_index": {"None": -100, **{str(label): label for label in (-100, *range(-3, 10), 255)}}}
_IGNORED = {"ignore_index": ("ignore_index", -100)}
_SMOOTHED = {"label_smoothing": ("label_smoothing", 0.0)}
_LABELS = ("logits", "labels")
_LINEAR = ("features", "linear_weight", "labels")
_LINEAR_OPTIONS = {"ignore_index": ("ignore_index", None), **_SMOOTHED}
_LINEAR_NAMED = {"linear_bias": "linear_bias", "class_weight": "weight"}
_CHUNKED = {"options": f"{CALLED}torch.nn.LinearCrossEntropyOptions"}
_SIZES = {"in_features": f"{SIZE}linear_weight:1", "num_classes": f"{SIZE}linear_weight:0"}
# Names with a dot are parameters of the layer: it starts with random ones, which the tensors given replace.
_LINEAR_LAYER = {"linear_weight": "linear.weight", "class_weight": "weight"}

_KL = {"log_target": ("log_target", False)}
_KL_REST: dict[str, Any] = {
    "reductions": _BATCH_MEAN,
    "remark": "its page: mean doesn't return the true KL divergence, batchmean does",
}
_PAIR = ("first", "second")
_RANKED = ("first", "second", "target")
_MARGIN_0 = {"margin": ("margin", 0.0)}
_MARGIN_1 = {"margin": ("margin", 1.0)}
_MULTI = {"p": ("p", 1), **_MARGIN_1}
_SCORES = ("scores", "labels")

_DISTANCE = {"p": ("p", 2.0), "epsilon": ("eps", 1e-6)}
_TRIPLET = ("anchor", "positive", "negative")
_SWAP = {"swap": ("swap", False)}
_DIFFERENCE: dict[str, Any] = {"fixed": {"epsilon_in": "difference"}}
_BY_DISTANCE: dict[str, Any] = {
    "fixed": {"p": 2.0, "epsilon": 1e-6, "epsilon_in": "difference"},
    "remark": "its page: the distance is that of PairwiseDistance, whose own page says p=2.0, eps=1e-06",
}
_OTHER_DISTANCE = {"distance_function": f"{CALLABLE}torch.nn.functional.pairwise_distance"}
_COSINE = {"axis": ("dim", 1), "epsilon": ("eps", 1e-8)}
_PLAIN = {"factor": 1.0, "reduction": "none"}
_COSINE_BROADCASTS = f"{_GENERATED}torch.nn.functional.cosine_similarity.html"
_COSINE_EMBEDDING: dict[str, Any] = {
    "squeezed": 1,
    "fixed": {"epsilon": 0.0, "floor": "each"},
    "remark": "its page has no epsilon; the source adds 1e-12 to each squared norm",
}

_CTC = ("log_probabilities", "labels", "input_length", "label_length")
_CTC_OPTIONS = {"blank": ("blank", 0), "zero_infinity": ("zero_infinity", False)}
_CTC_REST: dict[str, Any] = {
    "fixed": {"normalise": False},
    # "the output losses will be divided by the target lengths and then the mean over the batch is taken"
    "implied": {"reduction=mean": {"normalise": True}},
    "transposed": {"log_probabilities": (1, 0, 2)},
    "squeezed": 1,
    "remark": "mean alone divides each loss by the length of its labels",
}


TENSOR_BINDINGS: tuple[TensorBinding, ...] = (
    _of("softmax", "torch.softmax", _X, _DIM),
    _of("softmax", "torch.Tensor.softmax", _X, _DIM, remark=_METHOD.format("softmax")),
    _of("softmax", "torch.special.softmax", _X, _DIM, "special.html#torch.special.softmax"),
    _of("softmax", _F + "softmax", _X, _DIM),
    _of("softmax", _NN + "Softmax", _X, _DIM),
    _of("log_softmax", "torch.log_softmax", _X, _DIM, "special.html#torch.special.log_softmax", remark=_UNDOCUMENTED),
    _of("log_softmax", "torch.special.log_softmax", _X, _DIM, "special.html#torch.special.log_softmax"),
    _of("log_softmax", _F + "log_softmax", _X, _DIM),
    _of("log_softmax", _NN + "LogSoftmax", _X, _DIM),
    _of("softmin", _F + "softmin", _X, _DIM),
    _of("softmin", _NN + "Softmin", _X, _DIM),
    _of("softmax2d", _NN + "Softmax2d", _X, {}, squeezed=1),
    _of("logsumexp", "torch.logsumexp", _X, _DIM, several_axes=True),
    _of("logsumexp", "torch.Tensor.logsumexp", _X, _DIM, several_axes=True, remark=_METHOD.format("logsumexp")),
    _of("logsumexp", "torch.special.logsumexp", _X, _DIM, "special.html#torch.special.logsumexp", several_axes=True),
    _of("gumbel_softmax", _F + "gumbel_softmax", ("logits",), {"temperature": ("tau", 1.0), "hard": ("hard", False), **_LAST}),
    _of("glu", _F + "glu", _X, _LAST),
    _of("glu", _NN + "GLU", _X, _LAST),

    _elementwise("squared_error", _F + "mse_loss", _BOTH, reductions=_WEIGHTED_MEAN, fixed={"factor": 1.0}, required=("target",), **_WEIGHT, remark=_DIVIDES),
    _elementwise("squared_error", _NN + "MSELoss", _BOTH, fixed={"factor": 1.0}, required=("target",)),
    _elementwise("absolute_error", _F + "l1_loss", _BOTH, reductions=_WEIGHTED_MEAN, **_WEIGHT, remark=_DIVIDES),
    _elementwise("absolute_error", _NN + "L1Loss", _BOTH),
    _elementwise("huber", _F + "huber_loss", _BOTH, {"delta": ("delta", 1.0)}, **_WEIGHT),
    _elementwise("huber", _NN + "HuberLoss", _BOTH, {"delta": ("delta", 1.0)}),
    _elementwise("smooth_l1", _F + "smooth_l1_loss", _BOTH, {"beta": ("beta", 1.0)}),
    _elementwise("smooth_l1", _NN + "SmoothL1Loss", _BOTH, {"beta": ("beta", 1.0)}),
    _elementwise("poisson_nll", _F + "poisson_nll_loss", _BOTH, _POISSON),
    _elementwise("poisson_nll", _NN + "PoissonNLLLoss", _BOTH, _POISSON),
    _elementwise("gaussian_nll", _F + "gaussian_nll_loss", (*_BOTH, "variance"), _GAUSSIAN, **_GAUSSIAN_REST),
    _elementwise("gaussian_nll", _NN + "GaussianNLLLoss", (*_BOTH, "variance"), _GAUSSIAN, **_GAUSSIAN_REST),

    _elementwise("binary_cross_entropy", _F + "binary_cross_entropy", _BOTH, **_WEIGHT, **_CLAMPED),
    _elementwise("binary_cross_entropy", _NN + "BCELoss", _BOTH, **_OF_CONSTRUCTOR, **_CLAMPED),
    _elementwise("binary_cross_entropy_with_logits", _F + "binary_cross_entropy_with_logits", _LOGITS, named=_BOTH_WEIGHTS, **_BCE_LOGITS),
    _elementwise("binary_cross_entropy_with_logits", _NN + "BCEWithLogitsLoss", _LOGITS, constructed=_BOTH_WEIGHTS, **_BCE_LOGITS),

    _loss("cross_entropy", _F + "cross_entropy", _LABELS, {**_IGNORED, **_SMOOTHED}, _IGNORE_INDEX, core_axis=1, **_CLASS_WEIGHT),
    _loss("cross_entropy", _NN + "CrossEntropyLoss", _LABELS, {**_IGNORED, **_SMOOTHED}, _IGNORE_INDEX, core_axis=1, **_CLASS_WEIGHT_OF_CONSTRUCTOR),
    _loss("soft_cross_entropy", _F + "cross_entropy", _LOGITS, _SMOOTHED, core_axis=1, **_CLASS_WEIGHT),
    _loss("soft_cross_entropy", _NN + "CrossEntropyLoss", _LOGITS, _SMOOTHED, core_axis=1, **_CLASS_WEIGHT_OF_CONSTRUCTOR),
    _loss("linear_cross_entropy", _F + "linear_cross_entropy", _LINEAR, _LINEAR_OPTIONS, named=_LINEAR_NAMED, squeezed=1),
    _loss("linear_cross_entropy", _F + "linear_cross_entropy", _LINEAR, _LINEAR_OPTIONS, named=_LINEAR_NAMED, squeezed=1, keywords=_CHUNKED),
    _loss("linear_cross_entropy", _NN + "LinearCrossEntropyLoss", ("features", "labels"), _LINEAR_OPTIONS, squeezed=1,
          constructed=_LINEAR_LAYER, keywords={**_SIZES, "bias": False}),
    _loss("linear_cross_entropy", _NN + "LinearCrossEntropyLoss", ("features", "labels"), _LINEAR_OPTIONS, squeezed=1,
          constructed={**_LINEAR_LAYER, "linear_bias": "linear.bias"}, keywords={**_SIZES, "bias": True}, required=("linear_bias",)),
    _loss("nll", _F + "nll_loss", ("log_probabilities", "labels"), _IGNORED, _IGNORE_INDEX, core_axis=1, **_CLASS_WEIGHT),
    _loss("nll", _NN + "NLLLoss", ("log_probabilities", "labels"), _IGNORED, _IGNORE_INDEX, core_axis=1, **_CLASS_WEIGHT_OF_CONSTRUCTOR),

    _elementwise("kl_divergence", _F + "kl_div", ("log_prediction", "target"), _KL, **_KL_REST),
    _elementwise("kl_divergence", _NN + "KLDivLoss", ("log_prediction", "target"), _KL, **_KL_REST),

    _elementwise("soft_margin", _F + "soft_margin_loss", _BOTH),
    _elementwise("soft_margin", _NN + "SoftMarginLoss", _BOTH),
    _elementwise("margin_ranking", _F + "margin_ranking_loss", _RANKED, _MARGIN_0),
    _elementwise("margin_ranking", _NN + "MarginRankingLoss", _RANKED, _MARGIN_0),
    _elementwise("hinge_embedding", _F + "hinge_embedding_loss", _BOTH, _MARGIN_1),
    _elementwise("hinge_embedding", _NN + "HingeEmbeddingLoss", _BOTH, _MARGIN_1),
    _loss("multi_margin", _F + "multi_margin_loss", _SCORES, _MULTI, squeezed=1, **_CLASS_WEIGHT),
    _loss("multi_margin", _NN + "MultiMarginLoss", _SCORES, _MULTI, squeezed=1, **_CLASS_WEIGHT_OF_CONSTRUCTOR),
    _loss("multilabel_margin", _F + "multilabel_margin_loss", _SCORES, squeezed=1),
    _loss("multilabel_margin", _NN + "MultiLabelMarginLoss", _SCORES, squeezed=1),
    _loss("multilabel_soft_margin", _F + "multilabel_soft_margin_loss", _LOGITS, **_CLASS_WEIGHT),
    _loss("multilabel_soft_margin", _NN + "MultiLabelSoftMarginLoss", _LOGITS, **_CLASS_WEIGHT_OF_CONSTRUCTOR),

    _of("cosine_similarity", _F + "cosine_similarity", _PAIR, _COSINE, fixed={"floor": "each", **_PLAIN}, broadcasts=_COSINE_BROADCASTS),
    _of("cosine_similarity", _NN + "CosineSimilarity", _PAIR, _COSINE, fixed={"floor": "product", **_PLAIN}, broadcasts=_COSINE_BROADCASTS,
        remark="its page limits the product of the norms by eps, that of cosine_similarity, which it calls, each norm"),
    _loss("cosine_embedding", _F + "cosine_embedding_loss", _RANKED, _MARGIN_0, **_COSINE_EMBEDDING),
    _loss("cosine_embedding", _NN + "CosineEmbeddingLoss", _RANKED, _MARGIN_0, **_COSINE_EMBEDDING),
    _of("pairwise_distance", _F + "pairwise_distance", _PAIR, _DISTANCE),
    _of("pairwise_distance", _NN + "PairwiseDistance", _PAIR, _DISTANCE),
    _loss("triplet_margin", _F + "triplet_margin_loss", _TRIPLET, {**_MARGIN_1, **_DISTANCE, **_SWAP}, **_DIFFERENCE),
    _loss("triplet_margin", _NN + "TripletMarginLoss", _TRIPLET, {**_MARGIN_1, **_DISTANCE, **_SWAP}, **_DIFFERENCE),
    _loss("triplet_margin", _F + "triplet_margin_with_distance_loss", _TRIPLET, {**_MARGIN_1, **_SWAP}, **_BY_DISTANCE),
    _loss("triplet_margin", _F + "triplet_margin_with_distance_loss", _TRIPLET, {**_MARGIN_1, **_SWAP}, keywords=_OTHER_DISTANCE, **_BY_DISTANCE),
    _loss("triplet_margin", _NN + "TripletMarginWithDistanceLoss", _TRIPLET, {**_MARGIN_1, **_SWAP}, **_BY_DISTANCE),
    _loss("triplet_margin", _NN + "TripletMarginWithDistanceLoss", _TRIPLET, {**_MARGIN_1, **_SWAP}, keywords=_OTHER_DISTANCE, **_BY_DISTANCE),

    _loss("ctc", _F + "ctc_loss", _CTC, _CTC_OPTIONS, **_CTC_REST),
    _loss("ctc", _NN + "CTCLoss", _CTC, _CTC_OPTIONS, **_CTC_REST),
)  # fmt: skip
