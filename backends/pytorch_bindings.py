"""PyTorch's entry points for the functions of the standard: data, read without PyTorch.

`torch.celu`, `torch.rrelu`, `torch.selu`, `torch.threshold` and some in-place forms have no page of their own: their link is
that of the documented form in torch.nn.functional.
"""

from __future__ import annotations

from typing import Any

from .protocol import Binding

_DOCS = "https://docs.pytorch.org/docs/stable/"
_GENERATED = f"{_DOCS}generated/"
_F = "torch.nn.functional."
_INPLACE = {"inplace": True}
_TANH = {"approximate": "tanh"}
_NO_BETA = {"beta": 1.0}
_UNDOCUMENTED = "a public name without a page of its own"
_EVALUATION = "training=False is the default here: every slope is the middle one"
_TRAINING = {"training": True}


def _of(function: str, entry_point: str, form: str = "function", page: str = "", **more: Any) -> Binding:
    link = f"{_GENERATED}{page or entry_point}.html"
    return Binding(function, entry_point, form, documentation=link, **more)


_LEAKY: dict[str, Any] = {"parameters": {"slope": "negative_slope"}, "defaults": {"slope": 0.01}}
_RRELU: dict[str, Any] = {
    "parameters": {"lower": "lower", "upper": "upper"},
    "defaults": {"lower": 1 / 8, "upper": 1 / 3},
    "remark": _EVALUATION,
}
_TENSOR: dict[str, Any] = {"operands": ("slope",), "initial": {"slope": "torch.tensor([{}])"}}
_EVALUATED: dict[str, Any] = {**_RRELU, "remark": "after .eval(): every slope is the middle one"}
_DRAWN: dict[str, Any] = {**_RRELU, "training": True, "remark": "in training: every slope is drawn"}
_ALPHA: dict[str, Any] = {"parameters": {"alpha": "alpha"}, "defaults": {"alpha": 1.0}}
_ENDS: dict[str, Any] = {"parameters": {"min": "min_val", "max": "max_val"}, "defaults": {"min": -1.0, "max": 1.0}}
_SHARP: dict[str, Any] = {
    "parameters": {"beta": "beta", "threshold": "threshold"},
    "defaults": {"beta": 1.0, "threshold": 20.0},
}
_LAMBDA: dict[str, Any] = {"parameters": {"threshold": "lambd"}, "defaults": {"threshold": 0.5}}
# Both are required: no defaults.
_REPLACED: dict[str, Any] = {"parameters": {"threshold": "threshold", "value": "value"}}


BINDINGS = (
    _of("identity", "torch.nn.Identity", "layer"),

    _of("relu", "torch.relu"),
    _of("relu", "torch.relu_", "inplace", _F + "relu_"),
    _of("relu", "torch.Tensor.relu", page="torch.relu", remark="the method x.relu()"),
    _of("relu", "torch.Tensor.relu_", "inplace", _F + "relu_", remark="the method x.relu_()"),
    _of("relu", _F + "relu"),
    _of("relu", _F + "relu", "inplace", keywords=_INPLACE),
    _of("relu", _F + "relu_", "inplace"),
    _of("relu", "torch.nn.ReLU", "layer"),
    _of("relu", "torch.nn.ReLU", "inplace_layer", keywords=_INPLACE),

    _of("relu6", _F + "relu6"),
    _of("relu6", _F + "relu6", "inplace", keywords=_INPLACE),
    _of("relu6", "torch.nn.ReLU6", "layer"),
    _of("relu6", "torch.nn.ReLU6", "inplace_layer", keywords=_INPLACE),

    _of("leaky_relu", _F + "leaky_relu", **_LEAKY),
    _of("leaky_relu", _F + "leaky_relu", "inplace", keywords=_INPLACE, **_LEAKY),
    _of("leaky_relu", _F + "leaky_relu_", "inplace", **_LEAKY),
    _of("leaky_relu", "torch.nn.LeakyReLU", "layer", **_LEAKY),
    _of("leaky_relu", "torch.nn.LeakyReLU", "inplace_layer", keywords=_INPLACE, **_LEAKY),

    _of("rrelu", "torch.rrelu", page=_F + "rrelu", **_RRELU),
    _of("rrelu", "torch.rrelu_", "inplace", _F + "rrelu_", **_RRELU),
    _of("rrelu", _F + "rrelu", **_RRELU),
    _of("rrelu", _F + "rrelu", "inplace", keywords=_INPLACE, **_RRELU),
    _of("rrelu", _F + "rrelu_", "inplace", **_RRELU),

    _of("threshold", "torch.threshold", page=_F + "threshold", remark=_UNDOCUMENTED, **_REPLACED),
    _of("threshold", "torch.threshold_", "inplace", _F + "threshold_", **_REPLACED),
    _of("threshold", _F + "threshold", **_REPLACED),
    _of("threshold", _F + "threshold", "inplace", keywords=_INPLACE, **_REPLACED),
    _of("threshold", _F + "threshold_", "inplace", **_REPLACED),
    _of("threshold", "torch.nn.Threshold", "layer", **_REPLACED),
    _of("threshold", "torch.nn.Threshold", "inplace_layer", keywords=_INPLACE, **_REPLACED),

    _of("hard_swish", _F + "hardswish"),
    _of("hard_swish", _F + "hardswish", "inplace", keywords=_INPLACE),
    _of("hard_swish", "torch.nn.Hardswish", "layer"),
    _of("hard_swish", "torch.nn.Hardswish", "inplace_layer", keywords=_INPLACE),

    _of("elu", _F + "elu", **_ALPHA),
    _of("elu", _F + "elu", "inplace", keywords=_INPLACE, **_ALPHA),
    _of("elu", _F + "elu_", "inplace", **_ALPHA),
    _of("elu", "torch.nn.ELU", "layer", **_ALPHA),
    _of("elu", "torch.nn.ELU", "inplace_layer", keywords=_INPLACE, **_ALPHA),

    _of("celu", "torch.celu", page=_F + "celu", remark=_UNDOCUMENTED, **_ALPHA),
    _of("celu", "torch.celu_", "inplace", _F + "celu", remark=_UNDOCUMENTED, **_ALPHA),
    _of("celu", _F + "celu", **_ALPHA),
    _of("celu", _F + "celu", "inplace", keywords=_INPLACE, **_ALPHA),
    _of("celu", _F + "celu_", "inplace", _F + "celu", remark=_UNDOCUMENTED, **_ALPHA),
    _of("celu", "torch.nn.CELU", "layer", **_ALPHA),
    _of("celu", "torch.nn.CELU", "inplace_layer", keywords=_INPLACE, **_ALPHA),

    _of("selu", "torch.selu", page=_F + "selu", remark=_UNDOCUMENTED),
    _of("selu", "torch.selu_", "inplace", _F + "selu", remark=_UNDOCUMENTED),
    _of("selu", _F + "selu"),
    _of("selu", _F + "selu", "inplace", keywords=_INPLACE),
    _of("selu", _F + "selu_", "inplace", _F + "selu", remark=_UNDOCUMENTED),
    _of("selu", "torch.nn.SELU", "layer"),
    _of("selu", "torch.nn.SELU", "inplace_layer", keywords=_INPLACE),

    _of("exponential", "torch.exp"),
    _of("exponential", "torch.exp_", "inplace", "torch.Tensor.exp_"),
    _of("exponential", "torch.Tensor.exp", remark="the method x.exp()"),
    _of("exponential", "torch.Tensor.exp_", "inplace", remark="the method x.exp_()"),

    _of("gelu", _F + "gelu"),
    _of("gelu", "torch.nn.GELU", "layer"),
    _of("gelu_tanh", _F + "gelu", keywords=_TANH),
    _of("gelu_tanh", "torch.nn.GELU", "layer", keywords=_TANH),

    _of("silu", _F + "silu", fixed=_NO_BETA),
    _of("silu", _F + "silu", "inplace", fixed=_NO_BETA, keywords=_INPLACE),
    _of("silu", "torch.nn.SiLU", "layer", fixed=_NO_BETA),
    _of("silu", "torch.nn.SiLU", "inplace_layer", fixed=_NO_BETA, keywords=_INPLACE),

    _of("mish", _F + "mish"),
    _of("mish", _F + "mish", "inplace", keywords=_INPLACE),
    _of("mish", "torch.nn.Mish", "layer"),
    _of("mish", "torch.nn.Mish", "inplace_layer", keywords=_INPLACE),

    _of("softplus", _F + "softplus", **_SHARP),
    _of("softplus", "torch.nn.Softplus", "layer", **_SHARP),

    _of("sigmoid", "torch.sigmoid"),
    _of("sigmoid", "torch.sigmoid_", "inplace", "torch.Tensor.sigmoid_"),
    _of("sigmoid", "torch.Tensor.sigmoid", remark="the method x.sigmoid()"),
    _of("sigmoid", "torch.Tensor.sigmoid_", "inplace", remark="the method x.sigmoid_()"),
    _of("sigmoid", _F + "sigmoid"),
    _of("sigmoid", "torch.special.expit", page="torch.special.expit"),
    _of("sigmoid", "torch.nn.Sigmoid", "layer"),

    _of("log_sigmoid", _F + "logsigmoid"),
    _of("log_sigmoid", "torch.nn.LogSigmoid", "layer"),

    _of("tanh", "torch.tanh"),
    _of("tanh", "torch.tanh_", "inplace", "torch.Tensor.tanh_"),
    _of("tanh", "torch.Tensor.tanh", remark="the method x.tanh()"),
    _of("tanh", "torch.Tensor.tanh_", "inplace", remark="the method x.tanh_()"),
    _of("tanh", _F + "tanh"),
    _of("tanh", "torch.nn.Tanh", "layer"),

    _of("hard_sigmoid", _F + "hardsigmoid"),
    _of("hard_sigmoid", _F + "hardsigmoid", "inplace", keywords=_INPLACE),
    _of("hard_sigmoid", "torch.nn.Hardsigmoid", "layer"),
    _of("hard_sigmoid", "torch.nn.Hardsigmoid", "inplace_layer", keywords=_INPLACE),

    _of("hard_tanh", _F + "hardtanh", **_ENDS),
    _of("hard_tanh", _F + "hardtanh", "inplace", keywords=_INPLACE, **_ENDS),
    _of("hard_tanh", _F + "hardtanh_", "inplace", **_ENDS),
    _of("hard_tanh", "torch.nn.Hardtanh", "layer", **_ENDS),
    _of("hard_tanh", "torch.nn.Hardtanh", "inplace_layer", keywords=_INPLACE, **_ENDS),

    _of("softsign", _F + "softsign"),
    _of("softsign", "torch.nn.Softsign", "layer"),

    _of("soft_shrink", _F + "softshrink", **_LAMBDA),
    _of("soft_shrink", "torch.nn.Softshrink", "layer", **_LAMBDA),

    _of("hard_shrink", "torch.hardshrink", page=_F + "hardshrink", **_LAMBDA),
    _of("hard_shrink", "torch.Tensor.hardshrink", remark="the method x.hardshrink()", **_LAMBDA),
    _of("hard_shrink", _F + "hardshrink", **_LAMBDA),
    _of("hard_shrink", "torch.nn.Hardshrink", "layer", **_LAMBDA),

    _of("tanh_shrink", _F + "tanhshrink"),
    _of("tanh_shrink", "torch.nn.Tanhshrink", "layer"),

    _of("prelu", _F + "prelu", **_TENSOR),
    _of("prelu", "torch.prelu", page=_F + "prelu", **_TENSOR),
    _of("prelu", "torch.Tensor.prelu", page=_F + "prelu", **_TENSOR, remark="the method x.prelu(slope)"),
    _of("prelu", "torch.nn.PReLU", "layer", defaults={"slope": 0.25}, operands=("slope",), weights={"slope": "weight"}, initial={"slope": "init={}"}),

    _of("rrelu", _F + "rrelu", keywords=_TRAINING, **_DRAWN),
    _of("rrelu", _F + "rrelu", "inplace", keywords={**_TRAINING, **_INPLACE}, **_DRAWN),
    _of("rrelu", _F + "rrelu_", "inplace", keywords=_TRAINING, **_DRAWN),
    _of("rrelu", "torch.rrelu", page=_F + "rrelu", keywords=_TRAINING, **_DRAWN),
    _of("rrelu", "torch.rrelu_", "inplace", _F + "rrelu_", keywords=_TRAINING, **_DRAWN),
    _of("rrelu", "torch.nn.RReLU", "layer", **_EVALUATED),
    _of("rrelu", "torch.nn.RReLU", "inplace_layer", keywords=_INPLACE, **_EVALUATED),
    _of("rrelu", "torch.nn.RReLU", "layer", **_DRAWN),
    _of("rrelu", "torch.nn.RReLU", "inplace_layer", keywords=_INPLACE, **_DRAWN),
)  # fmt: skip
