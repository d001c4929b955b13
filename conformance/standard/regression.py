"""Losses for predictions that are numbers: squared error and its relatives."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
