"""JAX's entry points for the functions of the standard: data, read without JAX."""

from __future__ import annotations

import math
from typing import Any

from .protocol import Binding

_PAGES = "https://docs.jax.dev/en/latest/_autosummary/"
_ALPHA: dict[str, Any] = {"parameters": {"alpha": "alpha"}, "defaults": {"alpha": 1.0}}
_NO_BETA = {"beta": 1.0}


def _of(function: str, entry_point: str, **more: Any) -> Binding:
    return Binding(function, entry_point, documentation=f"{_PAGES}{entry_point}.html", **more)


BINDINGS = (
    _of("identity", "jax.nn.identity"),
    _of("relu", "jax.nn.relu"),
    _of("relu6", "jax.nn.relu6"),
    _of("leaky_relu", "jax.nn.leaky_relu", parameters={"slope": "negative_slope"}, defaults={"slope": 0.01}),
    _of("hard_swish", "jax.nn.hard_swish"),
    _of("hard_swish", "jax.nn.hard_silu"),

    _of("elu", "jax.nn.elu", **_ALPHA),
    _of("celu", "jax.nn.celu", **_ALPHA),
    _of("selu", "jax.nn.selu"),
    _of("exponential", "jax.numpy.exp"),
    _of("exponential", "jax.lax.exp"),
    _of("log1mexp", "jax.nn.log1mexp"),

    _of("gelu", "jax.nn.gelu", keywords={"approximate": False}, remark="by default jax.nn.gelu is gelu_tanh"),
    _of("gelu_tanh", "jax.nn.gelu", remark="approximate=True is the default"),
    _of("silu", "jax.nn.silu", fixed=_NO_BETA),
    _of("silu", "jax.nn.swish", fixed=_NO_BETA),
    _of("mish", "jax.nn.mish"),
    _of("softplus", "jax.nn.softplus", fixed={"beta": 1.0, "threshold": math.inf}),
    _of("squareplus", "jax.nn.squareplus", parameters={"b": "b"}, defaults={"b": 4.0}),
    _of("sparse_plus", "jax.nn.sparse_plus"),

    _of("sigmoid", "jax.nn.sigmoid"),
    _of("sigmoid", "jax.lax.logistic"),
    _of("sigmoid", "jax.scipy.special.expit"),
    _of("log_sigmoid", "jax.nn.log_sigmoid"),
    _of("tanh", "jax.nn.tanh"),
    _of("tanh", "jax.numpy.tanh"),
    _of("tanh", "jax.lax.tanh"),
    _of("hard_sigmoid", "jax.nn.hard_sigmoid"),
    _of("hard_tanh", "jax.nn.hard_tanh", fixed={"min": -1.0, "max": 1.0}),
    _of("softsign", "jax.nn.soft_sign"),
    _of("sparse_sigmoid", "jax.nn.sparse_sigmoid"),
)  # fmt: skip
