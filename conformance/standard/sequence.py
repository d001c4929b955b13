"""Losses of a sequence whose alignment is not known: connectionist temporal classification."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
