"""Losses that compare two sets of places: dice, tversky."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
