"""TensorFlow's and Keras' entry points for the functions of the standard: data, read without TensorFlow.

`tensorflow.keras.*` is the same object as `keras.*`, and so are `keras.ops.nn.*` and `keras.ops.numpy.*`: they have no binding
of their own; a test holds that against the installed package.
"""

from __future__ import annotations

import math
from typing import Any

from .protocol import Binding

_TF = "https://www.tensorflow.org/api_docs/python/tf/"
_KERAS = "https://keras.io/api/"
_NAMED = "the layer that looks an activation up by its name"

# Aliases share the page of the name that the documentation lists first.
_TF_PAGES = {
    "exp": "math/exp",
    "tanh": "math/tanh",
    "sigmoid": "math/sigmoid",
    "nn.tanh": "math/tanh",
    "nn.sigmoid": "math/sigmoid",
    "nn.softplus": "math/softplus",
    "nn.swish": "nn/silu",
    "math.softsign": "nn/softsign",
}
_ANCHORS = {"swish": "silu", "hard_swish": "hard_silu"}

_ALPHA: dict[str, Any] = {"parameters": {"alpha": "alpha"}, "defaults": {"alpha": 1.0}}
_B: dict[str, Any] = {"parameters": {"b": "b"}, "defaults": {"b": 4.0}}
_SLOPE: dict[str, Any] = {"parameters": {"slope": "negative_slope"}, "defaults": {"slope": 0.2}}
_SHRINK: dict[str, Any] = {"parameters": {"threshold": "threshold"}, "defaults": {"threshold": 0.5}}
# Both are required: no defaults.
_REPLACED: dict[str, Any] = {"parameters": {"threshold": "threshold", "value": "default_value"}}
_CLIPPED: dict[str, Any] = {
    "parameters": {"negative_slope": "negative_slope", "max_value": "max_value", "threshold": "threshold"},
    "defaults": {"negative_slope": 0.0, "max_value": math.inf, "threshold": 0.0},
    "unlimited": ("max_value",),
    "remark": "max_value=None, the default, means no maximum",
}
_ONE_ALPHA: dict[str, Any] = {"fixed": {"alpha": 1.0}}
_ONE_BETA: dict[str, Any] = {"fixed": {"beta": 1.0}}
_NO_THRESHOLD: dict[str, Any] = {"fixed": {"beta": 1.0, "threshold": math.inf}}
_ONE_TO_ONE: dict[str, Any] = {"fixed": {"min": -1.0, "max": 1.0}}
_HALF: dict[str, Any] = {"fixed": {"threshold": 0.5}}


def _tf(function: str, name: str, **more: Any) -> Binding:
    page = _TF_PAGES.get(name, name.replace(".", "/"))
    return Binding(function, f"tensorflow.{name}", documentation=_TF + page, **more)


def _activation(function: str, name: str, **more: Any) -> Binding:
    page = f"{_KERAS}layers/activations/#{_ANCHORS.get(name, name)}-function"
    return Binding(function, f"keras.activations.{name}", documentation=page, **more)


def _ops(function: str, name: str, chapter: str = "nn", **more: Any) -> Binding:
    page = f"{_KERAS}ops/{chapter}/#{_ANCHORS.get(name, name)}-function"
    return Binding(function, f"keras.ops.{name}", documentation=page, **more)


def _layer(function: str, name: str, page: str, **more: Any) -> Binding:
    return Binding(function, f"keras.layers.{name}", "layer", documentation=f"{_KERAS}layers/{page}/", **more)


def _named(function: str, name: str, **more: Any) -> Binding:
    return Binding(
        function,
        "keras.layers.Activation",
        "layer",
        keywords={"activation": name},
        by_name=True,
        documentation=f"{_KERAS}layers/core_layers/activation/",
        remark=_NAMED,
        **more,
    )


BINDINGS = (
    _tf("identity", "identity"),
    _activation("identity", "linear"),
    _layer("identity", "Identity", "core_layers/identity"),
    _named("identity", "linear"),

    _tf("relu", "nn.relu"),
    _activation("relu", "relu"),
    _ops("relu", "relu"),
    _layer("relu", "ReLU", "activation_layers/relu"),
    _named("relu", "relu"),

    _tf("relu6", "nn.relu6"),
    _activation("relu6", "relu6"),
    _ops("relu6", "relu6"),
    _named("relu6", "relu6"),

    _activation("clipped_relu", "relu", **_CLIPPED),
    _layer("clipped_relu", "ReLU", "activation_layers/relu", **_CLIPPED),

    _tf("leaky_relu", "nn.leaky_relu", parameters={"slope": "alpha"}, defaults={"slope": 0.2}),
    _activation("leaky_relu", "leaky_relu", **_SLOPE),
    _ops("leaky_relu", "leaky_relu", **_SLOPE),
    _layer("leaky_relu", "LeakyReLU", "activation_layers/leaky_relu",
           parameters={"slope": "negative_slope"}, defaults={"slope": 0.3}),
    _named("leaky_relu", "leaky_relu", fixed={"slope": 0.2}),

    _activation("threshold", "threshold", **_REPLACED),
    _ops("threshold", "threshold", **_REPLACED),

    _activation("hard_swish", "hard_swish"),
    _activation("hard_swish", "hard_silu"),
    _ops("hard_swish", "hard_swish"),
    _ops("hard_swish", "hard_silu"),
    _named("hard_swish", "hard_swish"),
    _named("hard_swish", "hard_silu"),

    _tf("elu", "nn.elu", **_ONE_ALPHA),
    _activation("elu", "elu", **_ALPHA),
    _ops("elu", "elu", **_ALPHA),
    _layer("elu", "ELU", "activation_layers/elu", **_ALPHA),
    _named("elu", "elu", **_ONE_ALPHA),

    _activation("celu", "celu", **_ALPHA),
    _ops("celu", "celu", **_ALPHA),
    _named("celu", "celu", **_ONE_ALPHA),

    _tf("selu", "nn.selu"),
    _activation("selu", "selu"),
    _ops("selu", "selu"),
    _named("selu", "selu"),

    _tf("exponential", "exp"),
    _tf("exponential", "math.exp"),
    _activation("exponential", "exponential"),
    _ops("exponential", "exp", "numpy"),
    _named("exponential", "exponential"),

    _tf("gelu", "nn.gelu"),
    _activation("gelu", "gelu"),
    _ops("gelu", "gelu", keywords={"approximate": False}, remark="by default keras.ops.gelu is gelu_tanh"),
    _named("gelu", "gelu"),

    _tf("gelu_tanh", "nn.gelu", keywords={"approximate": True}),
    _activation("gelu_tanh", "gelu", keywords={"approximate": True}),
    _ops("gelu_tanh", "gelu", remark="approximate=True is the default here, and in no other gelu of Keras"),

    _tf("silu", "nn.silu", parameters={"beta": "beta"}, defaults={"beta": 1.0}),
    _tf("silu", "nn.swish", parameters={"beta": "beta"}, defaults={"beta": 1.0}),
    _activation("silu", "silu", **_ONE_BETA),
    _activation("silu", "swish", **_ONE_BETA),
    _ops("silu", "silu", **_ONE_BETA),
    _ops("silu", "swish", **_ONE_BETA),
    _named("silu", "silu", **_ONE_BETA),
    _named("silu", "swish", **_ONE_BETA),

    _activation("mish", "mish"),
    _named("mish", "mish"),

    _tf("softplus", "nn.softplus", **_NO_THRESHOLD),
    _tf("softplus", "math.softplus", **_NO_THRESHOLD),
    _activation("softplus", "softplus", **_NO_THRESHOLD),
    _ops("softplus", "softplus", **_NO_THRESHOLD),
    _named("softplus", "softplus", **_NO_THRESHOLD),

    _activation("squareplus", "squareplus", **_B),
    _ops("squareplus", "squareplus", **_B),
    _named("squareplus", "squareplus", fixed={"b": 4.0}),

    _activation("sparse_plus", "sparse_plus"),
    _ops("sparse_plus", "sparse_plus"),
    _named("sparse_plus", "sparse_plus"),

    _tf("sigmoid", "sigmoid"),
    _tf("sigmoid", "nn.sigmoid"),
    _tf("sigmoid", "math.sigmoid"),
    _activation("sigmoid", "sigmoid"),
    _ops("sigmoid", "sigmoid"),
    _named("sigmoid", "sigmoid"),

    _tf("log_sigmoid", "math.log_sigmoid"),
    _activation("log_sigmoid", "log_sigmoid"),
    _ops("log_sigmoid", "log_sigmoid"),
    _named("log_sigmoid", "log_sigmoid"),

    _tf("tanh", "tanh"),
    _tf("tanh", "nn.tanh"),
    _tf("tanh", "math.tanh"),
    _activation("tanh", "tanh"),
    _ops("tanh", "tanh", "numpy"),
    _named("tanh", "tanh"),

    _activation("hard_sigmoid", "hard_sigmoid"),
    _ops("hard_sigmoid", "hard_sigmoid"),
    _named("hard_sigmoid", "hard_sigmoid"),

    _activation("hard_tanh", "hard_tanh", **_ONE_TO_ONE),
    _ops("hard_tanh", "hard_tanh", **_ONE_TO_ONE),
    _named("hard_tanh", "hard_tanh", **_ONE_TO_ONE),

    _tf("softsign", "nn.softsign"),
    _tf("softsign", "math.softsign"),
    _activation("softsign", "softsign"),
    _ops("softsign", "softsign"),
    _named("softsign", "softsign"),

    _activation("sparse_sigmoid", "sparse_sigmoid"),
    _ops("sparse_sigmoid", "sparse_sigmoid"),
    _named("sparse_sigmoid", "sparse_sigmoid"),

    _activation("soft_shrink", "soft_shrink", **_SHRINK),
    _ops("soft_shrink", "soft_shrink", **_SHRINK),
    _named("soft_shrink", "soft_shrink", **_HALF),

    _activation("hard_shrink", "hard_shrink", **_SHRINK),
    _ops("hard_shrink", "hard_shrink", **_SHRINK),
    _named("hard_shrink", "hard_shrink", **_HALF),

    _activation("tanh_shrink", "tanh_shrink"),
    _ops("tanh_shrink", "tanh_shrink"),
    _named("tanh_shrink", "tanh_shrink"),

    _layer("prelu", "PReLU", "activation_layers/prelu", operands=("slope",), defaults={"slope": 0.0}, weights={"slope": "alpha"},
           initial={"slope": "alpha_initializer=keras.initializers.Constant({})"}, shared="shared_axes"),
)  # fmt: skip
