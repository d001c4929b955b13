"""Keras' entry points for functions of several tensors: data, read without Keras.

`tensorflow.keras.*`, `tensorflow.losses.*`, `keras.metrics.*` (the functions) and `keras.ops.nn.*` show the same objects once
more: they have no binding of their own; a test holds that against the installed package.

What Keras does everywhere: the loss functions take (y_true, y_pred); those of two numbers give the mean along the last axis
(kl_divergence: the sum), and only the classes reduce further and take weights. Where it says "epsilon" it means
`keras.config.epsilon()`, 1e−7, by which probabilities are clipped; no keyword changes that.
"""

from __future__ import annotations

from typing import Any

from .protocol import TensorBinding

_KERAS = "https://keras.io/api/"
_SOURCE = "https://github.com/keras-team/keras/blob/v3.15.1/keras/src/losses/losses.py"
_EPSILON = 1e-7

# The standard's reductions as Keras spells them. "mean" is Keras' second word for "sum_over_batch_size".
_REDUCTIONS: dict[str, Any] = {
    "none": "none",
    "sum": "sum",
    "mean": "sum_over_batch_size",
    "weighted_mean": "mean_with_sample_weight",
}
# Documented as an integer, where the standard's axis may be a tuple.
_ONE_AXIS: dict[str, Any] = {str(axis): axis for axis in range(-4, 4)}

_AXIS: dict[str, Any] = {"parameters": {"axis": "axis"}, "spelt": {"axis": _ONE_AXIS}, "defaults": {"axis": -1}}
_LOGITS: dict[str, Any] = {"from_logits": True}
_PROBABILITY = {"log_floor": float("-inf"), "clip": _EPSILON}
_CLIPPED_ONCE = "the cross entropy is that of the prediction clipped by 1e-7; the focal factor takes it as it is"
_NORMALISED_FIRST = "divides by the sum along the axis, then clips by 1e-7"
_NORMALISED_LAST = "clips by 1e-7, takes the logarithm and calls that logits, so that it divides by the sum of what was clipped"
_ONLY_LAST = "documents an axis; with TensorFlow it takes none but the last"
_EITHER = "labels 0 and 1 are converted to −1 and 1, if the tensor has no others"


def _activation(function: str, name: str, **more: Any) -> TensorBinding:
    page = f"{_KERAS}layers/activations/#{name}-function"
    return TensorBinding(function, f"keras.activations.{name}", positional=("x",), documentation=page, **more)


def _ops(function: str, name: str, positional: tuple[str, ...] = ("x",), chapter: str = "nn", **more: Any) -> TensorBinding:
    page = f"{_KERAS}ops/{chapter}/#{name}-function"
    return TensorBinding(function, f"keras.ops.{name}", positional=positional, documentation=page, **more)


def _named(function: str, name: str) -> TensorBinding:
    return TensorBinding(
        function,
        "keras.layers.Activation",
        "layer",
        positional=("x",),
        keywords={"activation": name},
        documentation=f"{_KERAS}layers/core_layers/activation/",
        remark="the layer that looks an activation up by its name; it works along the last axis",
    )


def _loss(
    function: str,
    names: tuple[str, str],
    page: str,
    positional: tuple[str, ...] = ("target", "prediction"),
    parameters: dict[str, str] | None = None,
    defaults: dict[str, Any] | None = None,
    fixed: dict[str, Any] | None = None,
    spelt: dict[str, Any] | None = None,
    only: str = "",
    **more: Any,
) -> tuple[TensorBinding, ...]:
    """The function and the class of one loss: they differ in that the class reduces, and takes weights.

    `only` names options that the class alone offers, at their defaults.
    """
    parameters, defaults, fixed, spelt = parameters or {}, defaults or {}, fixed or {}, spelt or {}
    links = [f"{_KERAS}losses/{page}/#{name.lower()}-{kind}" if page else _SOURCE for name, kind in zip(names, ("function", "class"))]
    required = {"q"} if "q" in parameters else set()
    return (
        TensorBinding(
            function,
            f"keras.losses.{names[0]}",
            positional=positional,
            parameters=parameters,
            defaults={name: value for name, value in defaults.items() if name not in required},
            fixed={**fixed, "reduction": "none"},
            spelt=spelt,
            documentation=links[0],
            **more,
        ),
        TensorBinding(
            function,
            f"keras.losses.{names[1]}",
            "layer",
            positional=positional,
            named={"weight": "sample_weight"},
            parameters={**parameters, "reduction": "reduction"},
            defaults={**defaults, "reduction": "mean"},
            fixed=fixed,
            spelt={**spelt, "reduction": _REDUCTIONS},
            documentation=links[1],
            **more,
        ),
    )
