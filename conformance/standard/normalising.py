"""Activations that put numbers along an axis in relation to one another: softmax and its relatives."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
