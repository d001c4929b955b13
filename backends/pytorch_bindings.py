"""PyTorch's entry points for the functions of the standard: data, read without PyTorch."""

from __future__ import annotations

from .protocol import Binding

_DOCS = "https://docs.pytorch.org/docs/stable/"
_GENERATED = f"{_DOCS}generated/"
_INPLACE = {"inplace": True}
_SLOPE = {"slope": "negative_slope"}
_SHARP = {"beta": "beta", "threshold": "threshold"}


def _of(function: str, entry_point: str, form: str = "function", page: str = "", **more: object) -> Binding:
    link = f"{_GENERATED}{page or entry_point}.html"
    return Binding(function, entry_point, form, documentation=link, **more)  # type: ignore[arg-type]


BINDINGS = (
    _of("relu", "torch.relu"),
    _of("relu", "torch.relu_", "inplace", "torch.nn.functional.relu_"),
    _of("relu", "torch.Tensor.relu", page="torch.relu", remark="the method x.relu()"),
    _of("relu", "torch.Tensor.relu_", "inplace", "torch.nn.functional.relu_", remark="the method x.relu_()"),
    _of("relu", "torch.nn.functional.relu"),
    _of("relu", "torch.nn.functional.relu", "inplace", keywords=_INPLACE),
    _of("relu", "torch.nn.functional.relu_", "inplace"),
    _of("relu", "torch.nn.ReLU", "layer"),
    _of("relu", "torch.nn.ReLU", "inplace_layer", keywords=_INPLACE),
    _of("leaky_relu", "torch.nn.functional.leaky_relu", parameters=_SLOPE, defaults={"slope": 0.01}),
    _of("leaky_relu", "torch.nn.functional.leaky_relu", "inplace", parameters=_SLOPE, defaults={"slope": 0.01}, keywords=_INPLACE),
    _of("leaky_relu", "torch.nn.functional.leaky_relu_", "inplace", parameters=_SLOPE, defaults={"slope": 0.01}),
    _of("leaky_relu", "torch.nn.LeakyReLU", "layer", parameters=_SLOPE, defaults={"slope": 0.01}),
    _of("leaky_relu", "torch.nn.LeakyReLU", "inplace_layer", parameters=_SLOPE, defaults={"slope": 0.01}, keywords=_INPLACE),
    _of("hard_swish", "torch.nn.functional.hardswish"),
    _of("hard_swish", "torch.nn.functional.hardswish", "inplace", keywords=_INPLACE),
    _of("hard_swish", "torch.nn.Hardswish", "layer"),
    _of("hard_swish", "torch.nn.Hardswish", "inplace_layer", keywords=_INPLACE),
    _of("sigmoid", "torch.sigmoid"),
    _of("sigmoid", "torch.sigmoid_", "inplace", "torch.Tensor.sigmoid_"),
    _of("sigmoid", "torch.Tensor.sigmoid", remark="the method x.sigmoid()"),
    _of("sigmoid", "torch.Tensor.sigmoid_", "inplace", remark="the method x.sigmoid_()"),
    _of("sigmoid", "torch.nn.functional.sigmoid"),
    _of("sigmoid", "torch.special.expit", page="torch.special.expit"),
    _of("sigmoid", "torch.nn.Sigmoid", "layer"),
    _of("gelu", "torch.nn.functional.gelu"),
    _of("gelu", "torch.nn.GELU", "layer"),
    _of("softplus", "torch.nn.functional.softplus", parameters=_SHARP, defaults={"beta": 1.0, "threshold": 20.0}),
    _of("softplus", "torch.nn.Softplus", "layer", parameters=_SHARP, defaults={"beta": 1.0, "threshold": 20.0}),
)  # fmt: skip
