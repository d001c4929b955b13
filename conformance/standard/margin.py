"""Losses that ask for a margin between scores."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
