"""TensorFlow's own entry points for functions of several tensors, and those of Keras beside them: data, read without TensorFlow.

Left out: `tf.nn.ctc_loss` with a SparseTensor of labels, which is no tensor that the cases could hold.
"""

from __future__ import annotations

from typing import Any

from .keras_tensor_bindings import TENSOR_BINDINGS as KERAS_TENSOR_BINDINGS
from .protocol import TensorBinding

_TF = "https://www.tensorflow.org/api_docs/python/tf/"

_AXIS: dict[str, Any] = {"parameters": {"axis": "axis"}, "defaults": {"axis": -1}}
_EACH: dict[str, Any] = {"reduction": "none", "rows": "none"}
_CTC: dict[str, Any] = {
    "positional": ("labels", "logits", "label_length", "input_length"),
    "parameters": {"blank": "blank_index"},
    "defaults": {"blank": 0},
    "fixed": {"reduction": "none"},
    "squeezed": 1,
}


def _of(function: str, name: str, page: str = "", **more: Any) -> TensorBinding:
    """`page`: of the name that the documentation lists first, for an alias."""
    link = _TF + (page or name.replace(".", "/"))
    return TensorBinding(function, f"tensorflow.{name}", **{"positional": ("x",), **more}, documentation=link)


TENSOR_BINDINGS: tuple[TensorBinding, ...] = (
    _of("softmax", "nn.softmax", **_AXIS),
    _of("softmax", "math.softmax", "nn/softmax", **_AXIS),
    _of("log_softmax", "nn.log_softmax", **_AXIS),
    _of("log_softmax", "math.log_softmax", "nn/log_softmax", **_AXIS),
    # Without an axis it reduces all of them: no default.
    _of("logsumexp", "math.reduce_logsumexp", parameters={"axis": "axis"}, several_axes=True),
    _of("logsumexp", "reduce_logsumexp", "math/reduce_logsumexp", parameters={"axis": "axis"}, several_axes=True),
    _of("crelu", "nn.crelu", **_AXIS),

    _of("squared_error", "nn.l2_loss", positional=("prediction",), fixed={"factor": 0.5, "rows": "none", "reduction": "sum"},
        remark="half the sum of squares of one tensor"),
    _of("poisson_nll", "nn.log_poisson_loss", positional=("target", "prediction"), parameters={"full": "compute_full_loss"},
        defaults={"full": False}, fixed={**_EACH, "log_input": True, "epsilon": 0.0}),
    _of("average_loss", "nn.compute_average_loss", positional=("loss",), named={"weights": "sample_weight"},
        parameters={"batch_size": "global_batch_size"}, defaults={"batch_size": None}, squeezed=-1),

    # These ask to be given their arguments by name.
    _of("binary_cross_entropy_with_logits", "nn.sigmoid_cross_entropy_with_logits", positional=(),
        named={"logits": "logits", "target": "labels"}, fixed={**_EACH, "label_smoothing": 0.0}),
    _of("binary_cross_entropy_with_logits", "nn.weighted_cross_entropy_with_logits", positional=(),
        named={"logits": "logits", "target": "labels", "pos_weight": "pos_weight"}, required=("pos_weight",),
        fixed={**_EACH, "label_smoothing": 0.0},
        broadcasts="https://www.tensorflow.org/api_docs/python/tf/nn/weighted_cross_entropy_with_logits", remark="pos_weight alone is broadcast"),
    _of("cross_entropy", "nn.sparse_softmax_cross_entropy_with_logits", positional=(),
        named={"logits": "logits", "labels": "labels"}, fixed={"reduction": "none", "ignore_index": None, "label_smoothing": 0.0}),
    _of("soft_cross_entropy", "nn.softmax_cross_entropy_with_logits", positional=(),
        named={"logits": "logits", "target": "labels"}, **_AXIS, fixed={"reduction": "none", "label_smoothing": 0.0},
        unsound={"gradient.logits.nan: target NaN": "https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits"},
        remark="its page: if a row of labels is not a valid probability distribution, the computation of the gradient will be incorrect"),

    _of("ctc_with_logits", "nn.ctc_loss", transposed={"logits": (1, 0, 2)}, **_CTC),
    _of("ctc_with_logits", "nn.ctc_loss", keywords={"logits_time_major": False}, **_CTC),

    *KERAS_TENSOR_BINDINGS,
)  # fmt: skip
