"""What a binding fixes away from the standard's default is what documentation promises, and says where: else a fault is no finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from conformance import registry
from conformance.standard import TENSOR_FUNCTIONS

NUMERICAL = {"epsilon", "epsilon_in", "clip", "floor", "log_floor", "weighting"}
"""Options that change the numbers and that no name of an entry point tells of, as `l2_loss` and `with_log_targets` do."""

CITED = re.compile(r"https://|\bpage\b|documentation says")


def bindings() -> Iterator[Any]:
    for backend in ("torch", "tensorflow", "jax"):
        for binding in registry.backend(backend).tensor_bindings:
            yield pytest.param(binding, id=f"{binding.function}-{binding.id}")


@pytest.mark.parametrize("binding", list(bindings()))
def test_what_departs_from_the_standard_is_cited(binding: Any) -> None:
    defaults = TENSOR_FUNCTIONS[binding.function].defaults()
    departs = sorted(name for name in NUMERICAL & binding.fixed.keys() if binding.fixed[name] != defaults[name])
    assert not departs or CITED.search(binding.remark), f"{departs} of {binding.id}: {binding.remark!r}"
    assert all(link.startswith("https://") for link in (binding.documentation, *binding.unsound.values()))


@pytest.mark.parametrize("function", ["cosine_embedding", "dice", "tversky", "generalized_dice"])
def test_an_epsilon_that_no_page_has_is_none(function: str) -> None:
    """The sources of three frameworks add one, which is what must show."""
    found = [one.values[0] for one in bindings() if one.values[0].function == function]
    assert {binding.fixed["epsilon"] for binding in found} == {0.0}
    assert all(
        "no epsilon" in binding.remark for binding in found if not binding.entry_point.endswith(".binary_dice_loss")
    )
