"""What the tests of the adapters share: one adapter of each framework a process, made when it is first asked for."""

from __future__ import annotations

import functools
import importlib.util
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FORMATS, round_to, values

words = registry.protocol()
BITS, VIEWS, Array = words.BITS, words.VIEWS, words.Array
NotProvided, NotSupported = words.NotProvided, words.NotSupported
# A test goes through the registry, as everything outside backends/ does.
resolve = registry.load("conformance.backends.common:resolve")
lay_out = registry.load("conformance.backends.common:lay_out")
filler = registry.load("conformance.backends.common:filler")

PACKAGES = {"numpy": "numpy", "torch": "torch", "tensorflow": "tensorflow", "jax": "jax"}
INSTALLED = tuple(name for name, package in PACKAGES.items() if importlib.util.find_spec(package))
"""Adapters whose framework is here. What is asked of each many times is asked of these, and not skipped as often of the others."""


@functools.cache
def _made(name: str, configuration: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return registry.backend(name)(configuration, "cpu", 1)


def adapter(name: str, configuration: str = "default") -> Any:
    """The adapter; the test is skipped where its framework is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(PACKAGES[name], exc_type=ImportError)
    return _made(name, configuration)


def array(numbers: Any, dtype: str) -> Any:
    """Numbers rounded to a floating-point dtype, as bits."""
    return Array(round_to(np.asarray(numbers, np.float64), FORMATS[dtype]).reshape(np.shape(numbers)), dtype)


def numbers(array: Any) -> list[float]:
    """The numbers that an array of a floating-point dtype holds."""
    return [float(number) for number in values(array.bits, FORMATS[array.dtype]).ravel()]


def ask(
    backend: Any, binding: Any, quantity: str, mode: str, given: Any, operands: Sequence[Any] = (), **arguments: Any
) -> Any:
    """One question through prepare, as the worker asks it. NotSupported if the adapter's expressions say so."""
    try:
        call = backend.prepare(binding, arguments, quantity, mode, given.dtype)
        outputs = call(*(backend.tensor(tensor) for tensor in (given, *operands)))
        backend.wait(outputs)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        if any(re.search(pattern, text) for pattern in backend.not_supported):
            raise NotSupported(text) from error
        raise
    (output,) = outputs
    return None if output is None else backend.array(output)


def bindings(drawn: bool = True, keywords: bool = False, bare: bool = False) -> list[Any]:
    """Every binding of every framework, as parameters of a test; of a framework that is not installed, one that is skipped.

    Without `drawn`, those in training mode are left out, whose answers are random. With `keywords`, only those that take a
    parameter as a keyword; with `bare`, only those that can be called without any.
    """
    absent = pytest.mark.skip(reason="the framework is not installed")
    return [pytest.param(name, None, id=name, marks=absent) for name in PACKAGES if name not in INSTALLED] + [
        pytest.param(name, binding, id=f"{name}-{binding.function}-{binding.id}")
        for name in INSTALLED
        for binding in registry.backend(name).bindings
        if (drawn or not binding.training)
        and (binding.parameters or not keywords)
        and ({*binding.parameters, *binding.operands} <= set(binding.defaults) or not bare)
    ]


__all__ = [
    "BITS",
    "INSTALLED",
    "PACKAGES",
    "VIEWS",
    "Array",
    "NotProvided",
    "NotSupported",
    "adapter",
    "array",
    "ask",
    "bindings",
    "filler",
    "lay_out",
    "numbers",
    "resolve",
]
