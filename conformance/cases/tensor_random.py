"""What is asked of functions that draw random numbers: what a draw may be, how draws are distributed, and their derivative.

Deterministic. Knows the scenes, and bindings as data; knows no rule's judgement and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .case import Case
from .scenes import LOOPS, Scene, drawn, sizes_of
from .tensor_asker import TensorAsker
from .tensor_topics import MANY

DRAWS = "draws"
"""Detail of cases that the worker asks three times: with a seed, once more, and with the same seed again."""

ROW = (0.0, 1.5, -2.0, -math.inf)
"""The logits of very many draws: classes that are likely, unlikely and impossible."""


def ask_draws(asker: TensorAsker) -> Iterator[Case]:
    """Support with every option and along every axis; the derivative of soft draws; very many draws of one row."""
    for options in _samples(asker):
        yield asker.ask(_scene(asker), "value", "training.support", options, detail="support")
        if not options["hard"]:
            soft = Scene("draws", drawn(asker.function, asker.names(), asker.loop(2), sizes_of(asker.function)), {})
            wrt = asker.differentiable(asker.names())[0]
            yield asker.ask(soft, "value_and_gradient", "gradient.training", options, wrt=wrt, detail="gradient")
    if asker.dtype == "float32" and asker.mode == "eager":
        scene = Scene("draws", {asker.names()[0]: np.tile(np.array(ROW), (MANY, 1))}, {})
        # Many numbers that no compression makes few: of samples that differ in the same options the last alone.
        changed = {tuple(n for n, v in options.items() if v != asker.base()[n]): options for options in _samples(asker)}
        for options in changed.values():
            yield asker.ask(scene, "value", "training.moments", options, detail=DRAWS)
    if "axis" in asker.binding.parameters:
        for axis in (0, 1, -2):
            yield asker.ask(
                _scene(asker),
                "value",
                "training.support",
                {**asker.base(), "axis": axis},
                detail=f"support along {axis}",
            )


def _samples(asker: TensorAsker) -> list[dict[str, Any]]:
    base = asker.base()
    own = [option.name for option in asker.function.options]
    asked = [{**base, **{name: sample[name] for name in own}} for sample in asker.function.samples()]
    return [options for options in asked if asker.offers(options)]


def _scene(asker: TensorAsker) -> Scene:
    """Ordinary logits; in the first two rows large ones, and an impossible class."""
    name = asker.names()[0]
    logits = drawn(asker.function, [name], LOOPS[2], sizes_of(asker.function), "draws")[name].copy()
    logits[0, 0, 1], logits[0, 1, 2] = 1e4, -math.inf
    return Scene("support", {name: logits}, {})
