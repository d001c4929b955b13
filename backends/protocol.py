"""What an adapter of a framework must offer, and the record in which it declares its entry points.

Runs beside the framework on Python 3.9 with NumPy 1.23: the standard library and NumPy only. Knows no function of the
standard, no truth and no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Protocol

import numpy as np

# The unsigned type in which the bits of a dtype travel; integers and booleans travel as themselves.
BITS = {
    "float16": np.uint16,
    "bfloat16": np.uint16,
    "float32": np.uint32,
    "float64": np.uint64,
    "int8": np.uint8,
    "int16": np.uint16,
    "int32": np.uint32,
    "int64": np.uint64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.uint8,
}

QUANTITIES = ("value", "gradient", "forward_gradient", "second_derivative")
"""What can be asked: the function, its derivative in reverse and in forward mode, and the derivative of the derivative."""

VIEWS = ("contiguous", "strided", "reversed", "offset", "transposed", "broadcast")
"""How an argument lies in memory. `contiguous` is itself; the others are views of a larger or differently laid buffer."""


@dataclass(frozen=True)
class Binding:
    """One public entry point that claims to be a function of the standard, and how it is spelt. Data, not code.

    function       the standard's name of the function
    entry_point    dotted public name, as a user would import it: `torch.nn.functional.gelu`
    form           `function`: called with the tensor; `layer`: constructed, then called; `inplace`: called with the tensor,
                   which it changes; `inplace_layer`: both
    parameters     the standard's parameter name -> the entry point's keyword
    defaults       the standard's parameter name -> the documented default of that keyword (a number)
    fixed          the standard's parameter name -> the only value this entry point offers, for parameters that it lacks
    keywords       further keywords that select this function (`approximate=False`)
    documentation  link to the page that makes the claim
    remark         one sentence for the reader of the report, if anything needs saying
    """

    function: str
    entry_point: str
    form: str = "function"
    parameters: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    keywords: Mapping[str, Any] = field(default_factory=dict)
    documentation: str = ""
    remark: str = ""

    @property
    def id(self) -> str:
        """Unique within a backend: `torch.relu`, `torch.nn.ReLU(inplace=True)`."""
        spelt = ", ".join(f"{name}={value!r}" for name, value in sorted(self.keywords.items()))
        return f"{self.entry_point}({spelt})" if spelt else self.entry_point


class Array(NamedTuple):
    """Numbers as their bits: `bits` has the shape of the tensor and the unsigned type of `dtype` (see BITS)."""

    bits: np.ndarray
    dtype: str


class NotProvided(Exception):
    """The installed version has no such entry point."""


class NotSupported(Exception):
    """The framework says, in its own words, that it lacks this dtype, derivative or mode."""


Call = Callable[..., Sequence[Any]]
"""`call(tensor)` or `call(tensor, cotangent)`; gives the tensors asked for. A missing gradient is None."""


class Backend(Protocol):
    """The adapter of one framework. An instance lives in one worker process, for one configuration and device."""

    name: str
    """Public name: numpy, torch, tensorflow, jax."""
    configurations: tuple[str, ...]
    """Ways to set the framework up, each a subject of its own; the first is as shipped and is called `default`."""
    modes: tuple[str, ...]
    """Of `eager`, `graph`, `compiled`: those that the framework has."""
    slow_modes: tuple[str, ...]
    """Those of `modes` whose compiler takes seconds a function: asked in the deep tier, or when named."""
    views: tuple[str, ...]
    """Of VIEWS: those that the framework's arrays can have (frameworks without strides have `contiguous` alone)."""
    bindings: tuple[Binding, ...]
    not_supported: tuple[str, ...]
    """Regular expressions, searched in `TypeName: message`, by which the framework says that it lacks something."""
    immutable: bool
    """No call can change a tensor of this framework, so that one tensor may serve many cases."""

    def __init__(self, configuration: str, device: str, threads: int) -> None:
        """Import the framework and set it up. Raises ImportError where it is not installed."""

    def versions(self) -> dict[str, str]:
        """Versions of the framework's packages, the framework itself first."""

    def tensor(self, array: Array, view: str = "contiguous") -> Any:
        """A tensor of exactly these bits on the device, laid out as `view`. Raises NotSupported for a dtype or view it lacks."""

    def array(self, tensor: Any) -> Array:
        """The bits, dtype and shape of a tensor of the framework; a Python number or NumPy scalar too."""

    def prepare(self, binding: Binding, arguments: Mapping[str, Any], quantity: str, mode: str, dtype: str) -> Call:
        """What will be called again and again for one question.

        `arguments` are the entry point's own keywords with their values; `dtype` is that of the tensor, for layers that
        cast. Compiled modes take the tensor as an argument and the keywords as constants. With quantity `gradient` or
        `second_derivative` the cotangent is one where none is given. Raises NotProvided.
        """

    def wait(self, outputs: Sequence[Any | None]) -> None:
        """Return when the outputs are computed (frameworks that work asynchronously)."""

    @staticmethod
    def reproducer(
        binding: Binding,
        arguments: Mapping[str, Any],
        quantity: str,
        mode: str,
        configuration: str,
        dtype: str,
        input_bits: Sequence[int],
        shape: Sequence[int],
        view: str = "contiguous",
        cotangent: float = 1.0,
    ) -> str:
        """A script that asks one question without this package: it needs the framework and NumPy alone, builds the tensor
        from `input_bits` (one unsigned integer an element, row by row; a single one for all of them) and prints lines such
        as `y float32 0.5 0x3f000000`, each number once. A gradient is divided by the cotangent it was asked with.
        Callable without the framework. NumPy's own functions are the exception: they live in this package.
        """
