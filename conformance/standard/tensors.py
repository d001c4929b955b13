"""The words for functions of tensors: losses, activations along an axis, gated activations.

Frozen records, no behaviour worth the name. Knows no function and no framework. Functions of one number are in `model`.

A function of tensors is written for its *core* (the term is that of NumPy's generalized ufuncs): cross entropy takes one row of logits
and one label and gives one number. Whatever dimensions stand before the core are the *loop*: the function is applied to
every place of it. `reduction` then puts the results together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .model import Property, Source

Value: TypeAlias = "float | int | bool | str | None"
"""What an option may be. A float is the binary64 number that was passed."""

Options: TypeAlias = Mapping[str, Value]
"""Values by option name; every option of the function is there, and the common ones (see COMMON)."""

Core: TypeAlias = Any
"""A core argument as a definition gets it: a Real (no core dimension), or tuples of them, nested once per dimension. Labels and
lengths are ints, masks bools; an optional argument that is not given is None."""

KINDS = {
    "real": "any number",
    "logit": "any number; −inf for what is impossible",
    "probability": "a number from 0 to 1",
    "distribution": "numbers from 0 to 1 that sum to one along the core",
    "log_probability": "a number up to 0",
    "log_distribution": "logarithms of numbers that sum to one along the core",
    "positive": "a number above 0",
    "nonnegative": "a number from 0 on",
    "one_hot": "a one among zeros along the core",
    "binary": "0 or 1",
    "sign": "−1 or 1",
    "label": "a whole number from 0 to the size of the dimension `classes`, exclusive",
    "label_list": "labels along the core, all different; the first −1 ends the list",
    "label_sequence": "labels along the core, none of them the blank; `label_length` says how many count",
    "group": "a small whole number; equal numbers mean the same group",
    "length": "a whole number from 0 to a size of the core",
    "mask": "True or False",
}
"""What numbers an argument takes: how it is drawn, and what is wrong for it."""

WHOLE = ("label", "label_list", "label_sequence", "group", "length")
"""Kinds whose arguments are integers."""

LABELS = ("label", "label_list", "label_sequence")
"""Those that name classes."""


@dataclass(frozen=True)
class Argument:
    """One tensor argument: `core` names its core dimensions, which arguments may share.

    `differentiable`: a derivative in it makes sense, whether or not a framework has it. `optional`: it may be left out.
    `shared`: it has no loop dimensions, all places of the loop share it (class weights).
    """

    name: str
    kind: str
    core: tuple[str, ...] = ()
    meaning: str = ""
    differentiable: bool = True
    optional: bool = False
    shared: bool = False

    @property
    def is_weight(self) -> bool:
        """Whether it says what something counts: of a sample, a class, an element."""
        return self.kind == "nonnegative" and "weight" in self.name


@dataclass(frozen=True)
class Option:
    """One option: its default in the standard, the values it may take, those that are asked, and those that are invalid."""

    name: str
    default: Value
    meaning: str
    domain: str
    samples: tuple[Value, ...] = ()
    invalid: tuple[Value, ...] = ()

    @property
    def type(self) -> str:
        """What its values are, apart from None: `number`, `name` or `flag`."""
        known = [value for value in (self.default, *self.samples) if value is not None]
        if any(isinstance(value, str) for value in known):
            return "name"
        return "flag" if known and all(isinstance(value, bool) for value in known) else "number"


@dataclass(frozen=True)
class Edge:
    """One place of the loop worth asking, with a name that becomes its region: `every logit −inf`.

    `arguments` gives the core of each argument it is about, as numbers nested like the core (others are drawn); the texts
    `largest`, `smallest_normal` and `smallest_subnormal`, with a minus before them or not, stand for numbers of the format.
    `options` are asked with it where they are not the defaults. `free` says why no answer is prescribed, if none is.
    """

    name: str
    arguments: Mapping[str, Any]
    options: Mapping[str, Value] = field(default_factory=dict)
    free: str = ""


@dataclass(frozen=True)
class Weighted:
    """A core result with what it counts for in a weighted mean: a sample of class weight w has w·loss and w, an ignored one 0 and 0."""

    result: Any
    weight: Any


@dataclass(frozen=True, eq=False)
class TensorFunction:
    """One function of tensors, as a page of a textbook. Two are the same if they are the same object.

    definition(**arguments, **options) gets cores and gives a core result of dimensions `result` (or a Weighted), over
    `standard.real`; numbers among the options arrive as Real, unless they are declared as int.
    `sizes`: sizes of core dimensions that are drawn, where the usual ones won't do; a text such as `2*n` may name a dimension
    that is computed from another.
    `weighted`: an argument `weight`, one number for each result before the reduction, may be given.
    `reductions`: of REDUCTIONS, those that make sense; empty for activations. `rows`: of ROWS, likewise.
    `axis`: the core dimension lies along an axis that entry points choose (functions with one core dimension, or `rows`).
    `several_axes`: it may be spread over several axes, as for softmax over two of them.
    `batched`: it is applied to every place of a loop; otherwise there is none, because samples are compared with one another.
    `smooth`: differentiable twice, so that Hessian-vector products are asked.
    `free`: the beginnings of the names of generic places for which nothing is prescribed, with the reason.
    `drawn`: it draws random numbers; `definition` is then that of the mean or limit which the notes name, and checked apart.
    `inapplicable`: names of rules that nothing brings about.
    """

    name: str
    title: str
    family: str
    formula: str
    definition: Callable[..., Any]
    arguments: tuple[Argument, ...]
    sources: tuple[Source, ...]
    result: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    pairs: tuple[Mapping[str, Value], ...] = ()
    invalid: tuple[Mapping[str, Value], ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    computed: Mapping[str, str] = field(default_factory=dict)
    reductions: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    weighted: bool = False
    axis: bool = False
    several_axes: bool = False
    batched: bool = True
    smooth: bool = False
    drawn: bool = False
    edges: tuple[Edge, ...] = ()
    free: Mapping[str, str] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()
    inapplicable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def defaults(self) -> dict[str, Value]:
        """The standard's default of every option, the common ones included."""
        common: dict[str, Value] = {}
        if self.reductions:
            common["reduction"] = "none"
        if self.rows:
            common["rows"] = "none"
        if self.axis:
            common["axis"] = -1
        return {**{option.name: option.default for option in self.options}, **common}

    def samples(self) -> list[dict[str, Value]]:
        """The options that are asked: defaults first, then each sample with the others at default, then the pairs."""
        defaults = self.defaults()
        asked = [defaults]
        asked += [{**defaults, option.name: value} for option in self.options for value in option.samples]
        asked += [{**defaults, **pair} for pair in self.pairs]
        unique: list[dict[str, Value]] = []
        for sample in asked:
            # True is equal to 1 in Python, and means something else here.
            if repr(sample) not in map(repr, unique):
                unique.append(sample)
        return unique

    def argument(self, name: str) -> Argument:
        """The argument of this name, `weight` included. Raises KeyError."""
        if name == "weight" and self.weighted:
            return WEIGHT
        for argument in self.arguments:
            if argument.name == name:
                return argument
        raise KeyError(name)


WEIGHT = Argument("weight", "nonnegative", (), "what each result counts", optional=True)
"""The argument that every weighted function has besides its own."""

REDUCTIONS = {
    "none": "every result by itself",
    "sum": "Σ wᵢ·lᵢ",
    "mean": "Σ wᵢ·lᵢ / number of results",
    "weighted_mean": "Σ wᵢ·lᵢ / Σ wᵢ",
    "batch_mean": "Σ wᵢ·lᵢ / size of the first dimension",
}
"""How results are put together; w is 1 where no weight is given. A definition that yields Weighted has its own weights, and
then `mean` divides by their sum (PyTorch's convention for class weights and ignored labels)."""

ROWS = {
    "none": "one result for each place",
    "mean": "the mean along the axis, before weights and reduction",
    "sum": "the sum along the axis, before weights and reduction",
}
"""What is done along `axis` first. Keras' loss functions give the mean along the last axis, optax' divergences the sum."""

COMMON = ("reduction", "rows", "axis")
"""Options that belong to no definition: the standard's machinery carries them out for every function alike."""
