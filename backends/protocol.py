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

QUANTITIES = (
    "value", "gradient", "forward_gradient", "second_derivative", "parameter_gradient", "value_and_gradient",
)  # fmt: skip
"""What can be asked: the function, its derivative in reverse and in forward mode, the derivative of the derivative; of
bindings with operands the derivative in the first of them (reverse mode); and, of those in training mode, the value and
the derivative of one and the same call."""

VIEWS = ("contiguous", "strided", "reversed", "offset", "transposed", "broadcast")
"""How an argument lies in memory. `contiguous` is itself; the others are views of a larger or differently laid buffer."""


SEED = 1
"""What the generator is seeded with before each case in which an entry point draws random numbers."""


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
    unlimited      those of `parameters` whose infinity is spelt None: `max_value=None` is no maximum
    keywords       further keywords that select this function (`approximate=False`)
    operands       the standard's parameters that are tensors, in the order in which they follow x; each is given with the
                   dtype of x and the shape (1,), or (n,) with one number for each of the n channels, which lie along axis 1
    weights        of a layer with operands: the standard's parameter -> the attribute that holds it
    initial        the standard's parameter among the operands -> how a person writes a number `{}` for it: the tensor
                   `torch.tensor([{}])`, or the keyword by which a layer's weight starts with it, `init={}`
    shared         of a layer with operands: the keyword that takes the axes along which elements share a weight; empty
                   where the weight's shape says it
    training       asked in training mode, where the entry point draws random numbers; layers are otherwise in evaluation mode
    by_name        looks the function up by a name among its keywords: what it compiles is another entry point's
    documentation  link to the page that makes the claim
    remark         one sentence for the reader of the report, if anything needs saying
    """

    function: str
    entry_point: str
    form: str = "function"
    parameters: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    unlimited: tuple[str, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    operands: tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)
    shared: str = ""
    training: bool = False
    by_name: bool = False
    documentation: str = ""
    remark: str = ""

    @property
    def id(self) -> str:
        """Unique within a backend: `torch.relu`, `torch.nn.ReLU(inplace=True)`, `torch.nn.RReLU, training`."""
        spelt = ", ".join(f"{name}={value!r}" for name, value in sorted(self.keywords.items()))
        mode = ", training" if self.training and "layer" in self.form else ""
        return (f"{self.entry_point}({spelt})" if spelt else self.entry_point) + mode


@dataclass(frozen=True)
class TensorBinding:
    """One public entry point that claims to be a function of tensors of the standard (a loss, softmax, glu), and how it is spelt.

    function       the standard's name of the function
    entry_point    dotted public name, as a user would import it: `torch.nn.functional.cross_entropy`
    form           `function`: called with the tensors; `layer`: constructed with the keywords, then called with the tensors;
                   `factory`: called with the keywords, and gives the function that is called with the tensors
    positional     the standard's arguments in the order in which the call takes them
    named          the standard's argument -> keyword of the call, for those that follow by name (`weight`, `where`)
    constructed    of a layer: the standard's argument -> keyword of the constructor that takes the tensor (`weight`)
    parameters     the standard's option -> the entry point's keyword (`reduction`, `axis` and `rows` are options too)
    spelt          the standard's option -> {text of the standard's value: the entry point's value}, where they differ; values
                   that are not there are not offered: {"reduction": {"mean": "sum_over_batch_size", "sum": "sum"}}. Of an option
                   without a spelling every value is passed as it is. The text of None, True and False is `None`, `True`, `False`
    defaults       the standard's option -> the value that the documented default of its keyword amounts to
    fixed          the standard's option -> the only value this entry point offers, for options that have no keyword
    implied        `option=value` -> other options that this value brings with it: {"reduction=mean": {"normalise": True}}
    keywords       further keywords that select this function (`from_logits=True`); a text that begins with `callable:` names a
                   function to be passed
    required       the standard's optional arguments without which this entry point can't be called
    core_axis      where the core dimension lies, if no keyword says it: −1, or 1 (PyTorch's classes), or −3
    transposed     the standard's argument -> order of the axes in which this entry point wants it, of the standard's own (loop
                   dimensions first): (1, 0, 2) for time-major sequences of rank 3
    padded         the standard's `length` argument -> keyword or position of a mask that says the same by its zeros (optax' paddings)
    recognised     options that it takes without a keyword, since it sees from the tensors which value is meant (labels 0 and 1)
    several_axes   its keyword for the axis takes several of them, as a tuple
    squeezed       number of loop dimensions that it takes, if it takes no other: 1 for a batch of vectors; −1 for none at all
    integers       dtype in which integer arguments are passed: `int64`, `int32`
    cast           names of float arguments that are passed as integers or in another dtype: {"target": "int32"}
    whole          which of the results is the loss, of an entry point that gives several; −1 for all
    broadcasts     link to the documentation by which arguments of different shapes are broadcast; such calls are then no errors
    unsound        rule name, or `rule name: region` -> link: documentation that allows what the rule would have refused
    by_name        looks the function up by a name among its keywords: what it compiles is another entry point's
    documentation  link to the page that makes the claim
    remark         one sentence for the reader of the report, if anything needs saying
    """

    function: str
    entry_point: str
    form: str = "function"
    positional: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    constructed: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    spelt: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    implied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keywords: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()
    core_axis: int = -1
    several_axes: bool = False
    transposed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    padded: Mapping[str, str] = field(default_factory=dict)
    squeezed: int = 0
    integers: str = "int32"
    cast: Mapping[str, str] = field(default_factory=dict)
    whole: int = -1
    broadcasts: str = ""
    unsound: Mapping[str, str] = field(default_factory=dict)
    by_name: bool = False
    documentation: str = ""
    remark: str = ""

    @property
    def id(self) -> str:
        """Unique within a backend and function: `keras.losses.binary_crossentropy(from_logits=True)`."""
        spelt = ", ".join(f"{name}={value!r}" for name, value in sorted(self.keywords.items()))
        return f"{self.entry_point}({spelt})" if spelt else self.entry_point

    def taken(self) -> tuple[str, ...]:
        """The standard's arguments that the entry point takes."""
        return (*self.positional, *self.named, *self.constructed)


class Array(NamedTuple):
    """Numbers as their bits: `bits` has the shape of the tensor and the unsigned type of `dtype` (see BITS)."""

    bits: np.ndarray
    dtype: str


class NotProvided(Exception):
    """The installed version has no such entry point."""


class NotSupported(Exception):
    """The framework says, in its own words, that it lacks this dtype, derivative or mode."""


Call = Callable[..., Sequence[Any]]
"""`call(*tensors)` or `call(*tensors, cotangent)`: x and the binding's operands, in their order; gives the tensors asked
for. A missing gradient is None. For `value`, x alone is the bare call: a layer then uses the weights it starts with."""


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
    recompiles: tuple[str, ...]
    """Those of `modes` in which every new shape and dtype is compiled anew, at about a tenth of a second: asked of few shapes."""
    views: tuple[str, ...]
    """Of VIEWS: those that the framework's arrays can have (frameworks without strides have `contiguous` alone)."""
    bindings: tuple[Binding, ...]
    tensor_bindings: tuple[TensorBinding, ...]
    """Those of functions of several tensors."""
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
        `second_derivative` the cotangent is one where none is given. Layers are in evaluation mode, unless the binding
        says `training`. Raises NotProvided.
        """

    def prepare_tensors(
        self,
        binding: TensorBinding,
        arguments: Mapping[str, Any],
        names: Sequence[str],
        quantity: str,
        wrt: str,
        mode: str,
        dtype: str,
    ) -> Call:
        """As `prepare`, for functions of several tensors: the call takes the tensors of the standard's arguments `names`, in
        that order, then those that the quantity needs, and gives the tensors asked for.

        value             f(*tensors): every result (more than one where a function has several)
        gradient          f(*tensors, cotangent): the derivative in the argument `wrt`, reverse mode; None where it is missing
        forward_gradient  f(*tensors, direction): the derivative of the result along `direction` in `wrt`, forward mode
        value_and_gradient  f(*tensors, cotangent): the value, and the derivative of the same call (of those that draw)
        hessian_vector    f(*tensors, cotangent, direction): ∂/∂wrt of Σ (∂(Σ result·cotangent)/∂wrt)·direction, by differentiating twice
        copied            f(*tensors): the value, of a layer that was copied deeply, pickled and read back, and rebuilt from its own
                          configuration, as far as the framework documents these; one result for each way
        `arguments` are the entry point's keywords. Compiled modes take all tensors as arguments and the keywords as constants.
        Raises NotProvided, NotSupported.
        """

    def seed(self, number: int) -> None:
        """Set the state of the generator from which entry points in training mode draw."""

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
        operands: Sequence[Sequence[int]] = (),
        cotangent_bits: Sequence[int] = (),
        seed: int | None = None,
    ) -> str:
        """A script that asks one question without this package: it needs the framework and NumPy alone, builds the tensor
        from `input_bits` (one unsigned integer an element, row by row; a single one for all of them) and prints lines such
        as `y float32 0.5 0x3f000000`, each number once. A gradient is divided by the cotangent it was asked with.
        `operands` are the bits of the binding's operands, each a list; `cotangent_bits` a cotangent that differs between
        elements, by which nothing is divided; `seed` sets the generator first. The last three are given for bindings
        that have operands, or draw.
        Callable without the framework. NumPy's own functions are the exception: they live in this package.
        """
