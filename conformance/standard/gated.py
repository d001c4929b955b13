"""Activations that halve a dimension, or double it: glu, crelu."""

from __future__ import annotations

from math import inf, nan

from .model import Property, Source
from .real import each, maximum, sigmoid
from .tensors import Argument, Core, Edge, TensorFunction


def _glu(x: Core) -> Core:
    half = len(x) // 2
    return each(lambda value, gate: value * sigmoid(gate), x[:half], x[half:])


glu = TensorFunction(
    name="glu",
    title="Gated linear unit",
    family="gated",
    formula="a · 1/(1 + e^(−b)), where a is the first half of x and b the second",
    definition=_glu,
    arguments=(Argument("x", "real", ("m",), "values, and then as many gates"),),
    result=("n",),
    computed={"m": "2*n"},
    axis=True,
    smooth=True,
    edges=(
        Edge("x infinite: gate open", {"x": (-2.5, "largest", inf, inf)}),
        Edge("x infinite: gate shut", {"x": (-2.5, "largest", -inf, -inf)}),
        Edge("x infinite: infinite value, ordinary gate", {"x": (inf, -inf, -1.0, 0.5)}),
        Edge("x infinite: infinite value, gate shut", {"x": (inf, 1.0, -inf, 0.0)}),
        Edge("NaN beside others", {"x": (1.0, nan, 2.0, -3.0, 0.5, 1.5)}),
        Edge("NaN gate beside others", {"x": (1.0, -1.0, 2.0, -3.0, nan, 1.5)}),
        Edge("x large: zero with either gate", {"x": (0.0, -0.0, 0.0, 5.0, -5.0, "largest")}),
        Edge("gates equal to values", {"x": (1.5, -1.5, 1.5, -1.5)}),
        Edge("a single gate", {"x": (2.0, -1.0)}),
        Edge("small values, gates nearly shut", {"x": ("smallest_normal", "smallest_subnormal", -3.0, -0.5)}),
    ),
    sources=(
        Source("Dauphin et al.: Language Modeling with Gated Convolutional Networks, ICML 2017", "https://arxiv.org/abs/1612.08083"),
        Source("PyTorch documentation: torch.nn.functional.glu",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.glu.html"),
        Source("JAX documentation: jax.nn.glu", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.glu.html"),
    ),
    notes=("The size of the axis must be even. Which half is the gate is part of the definition: it is the second.",),
)  # fmt: skip


def _crelu(x: Core) -> Core:
    return (*each(lambda number: maximum(number, 0), x), *each(lambda number: maximum(-number, 0), x))


crelu = TensorFunction(
    name="crelu",
    title="Concatenated rectified linear unit",
    family="gated",
    formula="(max(x, 0), max(−x, 0)), one after the other along the axis",
    definition=_crelu,
    arguments=(Argument("x", "real", ("n",), "any numbers"),),
    result=("m",),
    computed={"m": "2*n"},
    axis=True,
    edges=(
        Edge("both zeros", {"x": (0.0, -0.0)}),
        Edge("x infinite: both infinities", {"x": (inf, -inf, 1.0)}),
        Edge("NaN beside others", {"x": (1.0, nan, -2.0)}),
        Edge("extremes", {"x": ("largest", "-largest", "smallest_subnormal", "-smallest_subnormal")}),
        Edge("a single number", {"x": (-3.0,)}),
    ),
    properties=(Property("nonnegative", "crelu(x) ≥ 0"),),
    sources=(
        Source("Shang et al.: Understanding and Improving Convolutional Neural Networks via Concatenated Rectified Linear Units, ICML 2016",
               "https://arxiv.org/abs/1603.05201"),
        Source("TensorFlow documentation: tf.nn.crelu", "https://www.tensorflow.org/api_docs/python/tf/nn/crelu"),
    ),
    notes=(
        "The results are as many again: first all positive parts, then all negative ones, not one beside the other.",
        "At 0 every slope from 0 to 1 is right in the first half, and from −1 to 0 in the second.",
    ),
)  # fmt: skip

FUNCTIONS: tuple[TensorFunction, ...] = (glu, crelu)
