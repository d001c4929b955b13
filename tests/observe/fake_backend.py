"""A backend that needs only NumPy, for the tests of observing: well behaved, and badly behaved on demand.

Runs in workers on Python 3.9. Entry points are named after what they do to their worker.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conformance import registry

words = registry.protocol()

ENTRY_POINTS = (
    "identity", "flip", "halve", "abort", "exit", "hang", "hang_holding", "raise", "interrupt_exit", "chatter", "missing",
    "lacking", "lacking_by_message", "memory", "gradient_none", "mutate", "inplace", "count", "where", "long_message",
    "scalar", "flush", "log", "panic",
)  # fmt: skip


class Fake:
    """Tensors are arrays of bits in lists, so that every dtype is possible and nothing is converted."""

    name = "fake"
    configurations = ("default", "other")
    modes = ("eager", "compiled")
    slow_modes = ()
    recompiles = ()
    views = ("contiguous", "reversed")
    bindings = tuple(
        words.Binding("identity", name, form="inplace" if name == "inplace" else "function") for name in ENTRY_POINTS
    )
    not_supported = (r"RuntimeError: .* not implemented for",)

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        behaviour = os.environ.get("FAKE_START", "")
        if behaviour == "not_installed":
            raise ImportError("No module named 'fake_framework'")
        if behaviour == "abort":
            print("about to abort", file=sys.stderr, flush=True)
            os.abort()
        if behaviour == "abort_once" and _first_time("abort_once"):
            os.abort()
        if behaviour == "hang":
            time.sleep(1000)
        self.configuration, self.device, self.threads = configuration, device, threads
        self.made = 0
        _log(f"start {configuration}")

    def versions(self) -> dict[str, str]:
        return {"fake": os.environ.get("FAKE_VERSION", "1.0"), "numpy": np.__version__}

    def tensor(self, array: Any, view: str = "contiguous") -> Any:
        assert array.bits.dtype == words.BITS[array.dtype]
        if array.dtype == "int8":
            raise words.NotSupported("fake has no int8")
        self.made += 1
        return [array.bits.copy(), array.dtype]

    def array(self, tensor: Any) -> Any:
        if isinstance(tensor, float):
            return words.Array(np.float64(tensor).reshape(()).view(np.uint64), "float64")
        return words.Array(tensor[0], tensor[1])

    def prepare(self, binding: Any, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Any:
        if "no_such_keyword" in arguments:
            raise TypeError("unexpected keyword argument 'no_such_keyword'")
        name = binding.entry_point
        if name == "missing":
            raise words.NotProvided("fake 1.0 has no missing")
        state = {"calls": 0}

        def call(tensor: Any, cotangent: Any = None) -> Any:
            state["calls"] += 1
            _log(f"{name} {quantity} {dtype} {sorted(arguments.items())}")
            return _behave(name, tensor, cotangent, arguments, state["calls"], self)

        return call

    def wait(self, outputs: Sequence[Any | None]) -> None:
        time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))


def _behave(name: str, tensor: Any, cotangent: Any, arguments: Mapping[str, Any], calls: int, backend: Fake) -> Any:
    bits, dtype = tensor
    if name == "flip":
        return [[bits ^ bits.dtype.type(int(arguments.get("mask", 1))), dtype]]
    if name == "halve":
        return [[bits >> 1, dtype]]
    if name == "abort":
        print("last words of abort", file=sys.stderr, flush=True)
        os.abort()
    if name == "exit":
        os._exit(3)
    if name == "hang":
        time.sleep(1000)
    if name == "hang_holding":  # holds the interpreter's lock, so that no thread of the worker runs
        ctypes.PyDLL(None).sleep(1000)
    if name == "raise":
        raise ValueError(f"bad <tensor> at {object()!r} and {'x' * int(arguments.get('length', 1))}")
    if name == "interrupt_exit":
        raise SystemExit(4)
    if name == "panic":
        raise _Panic("a native extension panicked")
    if name == "chatter":
        print("noise on standard output")
        os.write(1, b"\x00\x01\xff noise on descriptor 1\n" * 1000)
        subprocess.run([sys.executable, "-c", "print('noise of a child')"], check=True)
        assert sys.stdin.read() == ""
    if name == "lacking":
        raise words.NotSupported("no such derivative")
    if name == "lacking_by_message":
        raise RuntimeError("\"gelu\" not implemented for 'Half'")
    if name == "memory":
        raise MemoryError
    if name == "gradient_none":
        return [None]
    if name in ("mutate", "inplace"):
        bits ^= bits.dtype.type(1)
    if name == "count":
        return [[np.full_like(bits, calls), dtype], [np.full_like(bits, backend.made), dtype]]
    if name == "where":
        text = "\n".join(
            [str(Path.cwd()), np.__file__, str(sys.version_info[:2]), *sys.path, os.environ["PYTHONHASHSEED"]]
        )
        return [[np.frombuffer(text.encode(), dtype=np.uint8), "uint8"]]
    if name == "scalar":
        return [1.5]
    if name == "flush":
        _set_flush_to_zero()
    return [tensor] if cotangent is None else [tensor, cotangent]


class _Panic(BaseException):
    pass


def _set_flush_to_zero() -> None:
    """Set the two bits in the control word of x86; tests skip elsewhere."""
    libm = ctypes.CDLL("libm.so.6")
    state = (ctypes.c_uint32 * 8)()  # fenv_t: the last word is MXCSR
    libm.fegetenv(ctypes.byref(state))
    state[7] |= 0x8040
    libm.fesetenv(ctypes.byref(state))


def _log(line: str) -> None:
    if "FAKE_LOG" in os.environ:
        with Path(os.environ["FAKE_LOG"]).open("a") as stream:
            stream.write(line + "\n")


def _first_time(name: str) -> bool:
    mark = Path(os.environ["FAKE_LOG"] + "." + name)
    if mark.exists():
        return False
    mark.touch()
    return True
