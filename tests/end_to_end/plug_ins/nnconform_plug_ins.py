"""Backends as another package might bring them: NumPy's adapter with one thing changed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from conformance import registry

NumPy = registry.backend("numpy")
Array = registry.protocol().Array


def bindings(*functions: str) -> tuple[Any, ...]:
    return tuple(binding for binding in NumPy.bindings if binding.function in functions)


class Off(NumPy):  # type: ignore[misc, valid-type]
    """relu(x) = 2x for x > 0."""

    name = "off"
    bindings = bindings("relu")

    def array(self, tensor: Any) -> Any:
        bits, dtype = super().array(tensor)
        return Array((tensor * np.asarray(2, tensor.dtype)).view(bits.dtype) if dtype == "float32" else bits, dtype)


class Hostile(NumPy):  # type: ignore[misc, valid-type]
    """Its errors would like to be read as HTML."""

    name = "hostile"
    bindings = bindings("relu")

    def prepare(self, binding: Any, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Any:
        if quantity == "value":
            raise RuntimeError("<script>alert('in')</script> & </td><img src=x onerror=alert(1)> \x1b[31m\u202e")
        return super().prepare(binding, arguments, quantity, mode, dtype)


class Absent(NumPy):  # type: ignore[misc, valid-type]
    """Its framework is not installed."""

    name = "absent"
    bindings = bindings("relu")

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        raise ImportError("No module named 'framework_of_absent'")


class Slow(NumPy):  # type: ignore[misc, valid-type]
    """Takes its time over hard_swish, and keeps a diary of calls in the file $SLOW_DIARY."""

    name = "slow"
    bindings = bindings("relu", "hard_swish")

    def prepare(self, binding: Any, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Any:
        call = super().prepare(binding, arguments, quantity, mode, dtype)

        def slowly(*tensors: Any, **named: Any) -> Any:
            if binding.function == "hard_swish" and "SLOW_DIARY" in os.environ:
                with Path(os.environ["SLOW_DIARY"]).open("a") as diary:
                    diary.write(".")
                time.sleep(0.1)
            return call(*tensors, **named)

        return slowly


class Dies(NumPy):  # type: ignore[misc, valid-type]
    """Its framework ends the process while it is imported."""

    name = "dies"
    bindings = bindings("relu", "hard_swish")

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        os.write(2, b"fatal: this build needs a newer processor\n")
        os._exit(3)


class Diary(NumPy):  # type: ignore[misc, valid-type]
    """Writes the process id of every worker that starts into the file $STARTS."""

    name = "diary"
    bindings = bindings("relu", "hard_swish")

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        super().__init__(configuration, device, threads)
        with Path(os.environ["STARTS"]).open("a") as starts:
            starts.write(f"{self.name} {os.getpid()}\n")


class OtherDiary(Diary):
    """Another backend that keeps the same diary."""

    name = "otherdiary"
