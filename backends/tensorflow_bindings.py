"""TensorFlow's and Keras' entry points for the functions of the standard: data, read without TensorFlow.

`tensorflow.keras.*` is the same object as `keras.*` and has no binding of its own; a test holds that against the installed
package.
"""

from __future__ import annotations

import math
from typing import Any

from .protocol import Binding

_TF = "https://www.tensorflow.org/api_docs/python/tf/"
_KERAS = "https://keras.io/api/"
_SHARP = {"beta": 1.0, "threshold": math.inf}
_ALPHA = {"slope": "alpha"}
_SLOPE = {"slope": "negative_slope"}
_EXACT = {"approximate": False}
_NAMED = "the layer that looks an activation up by its name"


def _tf(function: str, name: str, **more: Any) -> Binding:
    return Binding(function, f"tensorflow.{name}", documentation=_TF + name.replace(".", "/"), **more)


def _activation(function: str, name: str, **more: Any) -> Binding:
    return Binding(
        function, f"keras.activations.{name}", documentation=f"{_KERAS}layers/activations/#{name}-function", **more
    )


def _ops(function: str, name: str, **more: Any) -> Binding:
    return Binding(function, f"keras.ops.{name}", documentation=f"{_KERAS}ops/nn/#{name}-function", **more)


def _layer(function: str, name: str, page: str, **more: Any) -> Binding:
    return Binding(
        function, f"keras.layers.{name}", "layer", documentation=f"{_KERAS}layers/activation_layers/{page}/", **more
    )


def _named(function: str, name: str, **more: Any) -> Binding:
    page = f"{_KERAS}layers/core_layers/activation/"
    return Binding(
        function,
        "keras.layers.Activation",
        "layer",
        keywords={"activation": name},
        documentation=page,
        remark=_NAMED,
        **more,
    )


BINDINGS = (
    _tf("relu", "nn.relu"),
    _activation("relu", "relu"),
    _ops("relu", "relu"),
    _layer("relu", "ReLU", "relu"),
    _named("relu", "relu"),
    _tf("leaky_relu", "nn.leaky_relu", parameters=_ALPHA, defaults={"slope": 0.2}),
    _activation("leaky_relu", "leaky_relu", parameters=_SLOPE, defaults={"slope": 0.2}),
    _ops("leaky_relu", "leaky_relu", parameters=_SLOPE, defaults={"slope": 0.2}),
    _layer("leaky_relu", "LeakyReLU", "leaky_relu", parameters=_SLOPE, defaults={"slope": 0.3}),
    _named("leaky_relu", "leaky_relu", fixed={"slope": 0.2}),
    _activation("hard_swish", "hard_swish"),
    _activation("hard_swish", "hard_silu"),
    _ops("hard_swish", "hard_swish"),
    _ops("hard_swish", "hard_silu"),
    _named("hard_swish", "hard_swish"),
    _named("hard_swish", "hard_silu"),
    _tf("sigmoid", "sigmoid"),
    _tf("sigmoid", "nn.sigmoid"),
    _tf("sigmoid", "math.sigmoid"),
    _activation("sigmoid", "sigmoid"),
    _ops("sigmoid", "sigmoid"),
    _named("sigmoid", "sigmoid"),
    _tf("gelu", "nn.gelu"),
    _activation("gelu", "gelu"),
    _ops("gelu", "gelu", keywords=_EXACT, remark="by default keras.ops.gelu is gelu_tanh"),
    _named("gelu", "gelu"),
    _tf("softplus", "nn.softplus", fixed=_SHARP),
    _tf("softplus", "math.softplus", fixed=_SHARP),
    _activation("softplus", "softplus", fixed=_SHARP),
    _ops("softplus", "softplus", fixed=_SHARP),
    _named("softplus", "softplus", fixed=_SHARP),
)
