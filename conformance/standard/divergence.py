"""Divergences of two distributions: Kullback and Leibler's, and its relatives."""

from __future__ import annotations

from .tensors import TensorFunction

FUNCTIONS: tuple[TensorFunction, ...] = ()
