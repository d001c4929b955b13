"""Slices through functions of tensors are the truth, and pictures of them show all of it."""

from __future__ import annotations

import importlib
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from conformance.standard import TENSOR_FUNCTIONS
from conformance.truth.tensors import Asked, exact

slices: Any = importlib.import_module("conformance.reports.slices")
plots: Any = importlib.import_module("conformance.reports.html.plot")

DRAWN = {name: one for name in TENSOR_FUNCTIONS if (one := slices.slice_of(name)) is not None}
NONE = {
    "softmax2d", "gumbel_softmax", "glu", "crelu", "linear_cross_entropy", "circle", "ntxent", "multiclass_dice",
    "multiclass_dice_per_class", "multiclass_dice_of_probabilities", "generalized_dice", "ctc", "ctc_with_logits",
}  # fmt: skip
"""Functions of which the slice through one number would say little: of planes, of groups, of whole sequences."""


def test_a_slice_is_there_unless_it_would_say_nothing() -> None:
    assert set(TENSOR_FUNCTIONS) - set(DRAWN) == NONE


@pytest.mark.parametrize(
    "name", ["huber", "cross_entropy", "softmax", "kl_divergence", "cosine_similarity", "triplet_margin"]
)
def test_its_points_are_the_truth(name: str) -> None:
    """Computed here by the oracle of the judge, from what the caption says is held."""
    function, drawn = TENSOR_FUNCTIONS[name], DRAWN[name]
    held = dict(re.findall(r"(\w+) = (\[.*?\]|[^,]+)", drawn.held))
    for x, value, slope in drawn.points[3::19]:
        tensors = {}
        for argument in function.arguments:
            if not argument.optional:
                text = held.get(argument.name, "x").replace("x", repr(x))
                tensors[argument.name] = np.array(
                    eval(text), dtype=np.int64 if argument.kind == "label" else np.float64
                )
        moved = drawn.moves.removesuffix("[0]")
        assert exact(Asked(function, function.defaults(), tensors)).truth.approximate()[0] == pytest.approx(value)
        ones = np.zeros(len(function.result) and 3)
        ones = np.array([1.0, 0.0, 0.0]) if function.result else np.array(1.0)
        derivative = exact(Asked(function, function.defaults(), tensors, "gradient", moved, ones))
        assert derivative.truth.approximate()[0] == pytest.approx(slope)


def test_every_slice_has_numbers_and_goes_from_left_to_right() -> None:
    for drawn in DRAWN.values():
        across = [x for x, _, _ in drawn.points]
        assert across == sorted(across)
        assert sum(math.isfinite(value) for _, value, _ in drawn.points) == len(drawn.points)


def test_a_picture_is_well_formed_small_and_inside_of_its_frame() -> None:
    for name, drawn in DRAWN.items():
        picture = str(plots.plot(name, drawn))
        assert len(picture) < 3_000
        root = ET.fromstring(picture)
        assert [path.get("class") for path in root.iter("path")] == ["axis-line", "axis-line", "slope", "value"]
        assert not [key for element in root.iter() for key in element.attrib if key == "style" or key.startswith("on")]
        for path in root.iter("path"):
            if path.get("class") != "axis-line":
                points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d") or "")
                assert points
                assert all(plots.LEFT <= float(x) <= plots.WIDTH for x, _ in points)
                assert all(plots.TOP <= float(y) <= plots.HEIGHT - plots.BOTTOM + 0.1 for _, y in points)


def test_a_picture_keeps_kinks_and_breaks_where_there_is_no_number() -> None:
    corner = slices.Slice("x", "", tuple((x / 10, abs(x / 10), math.copysign(1.0, x)) for x in range(-10, 11)))
    value = re.findall(r'class="value" d="([^"]*)"', str(plots.plot("f", corner)))[0]
    assert len(re.findall("[ML]", value)) == 3
    broken = slices.Slice("x", "", tuple((x / 10, math.nan if x == 0 else 1.0, 0.0) for x in range(-10, 11)))
    assert re.findall(r'class="value" d="([^"]*)"', str(plots.plot("f", broken)))[0].count("M") == 2


def test_a_name_in_a_picture_is_text() -> None:
    drawn = slices.Slice('<x"', "", ((0.0, 0.0, 1.0), (1.0, 1.0, 1.0)))
    root = ET.fromstring(str(plots.plot("<f", drawn)))
    assert root.get("aria-label") == '<f against <x", and its derivative'
