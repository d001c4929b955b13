"""The words that the standard is written in: functions, parameters, kinks, limits, properties, rules.

Frozen records, no behaviour worth the name. Knows no function and no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from .real import Operand, Real

Number: TypeAlias = float
"""A parameter's value: the binary64 number that was passed, infinities included."""

Parameters: TypeAlias = Mapping[str, Number]
"""Values by parameter name; every parameter of the function is there."""

Definition: TypeAlias = Callable[..., "Real | Operand"]
"""`definition(x, **parameters)` over `standard.real`; parameters arrive as Real numbers too."""

Expression: TypeAlias = "str | Callable[[Parameters], str]"
"""A number of the standard as text: `+0`, `-0`, `+inf`, `-inf`, `nan`, or an exact decimal or fraction; or a function of the
parameters that gives such a text."""


class Level(Enum):
    """How binding a rule is (RFC 2119). MUST and SHOULD gate; MAY is only recorded."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True)
class Source:
    """Where a statement comes from: a title and a link, or a section of a paper."""

    title: str
    link: str


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default in the standard, the numbers it may take, those that are asked, and those that are invalid.

    `learnt` says that it is a tensor, which training changes: it is asked with the numbers of `samples`, which every
    floating-point format holds exactly, and the gradient in it is asked too.
    """

    name: str
    default: Number
    meaning: str
    domain: str
    samples: tuple[Number, ...]
    invalid: tuple[Number, ...] = ()
    learnt: bool = False


@dataclass(frozen=True)
class Domain:
    """Where a function is defined that is not defined everywhere: x > `low`. Below, it and its derivatives are NaN.

    At `low` stands the limit from the right: of the value, the derivative and the second derivative.
    """

    low: Number
    value: str
    derivative: str
    second_derivative: str


@dataclass(frozen=True)
class Kink:
    """A point where the function is continuous and its derivative is not.

    `at` is the place, `nan` for parameters for which there is none; `left` and `right` are the one-sided derivatives,
    between which every number is a subgradient; `customary` is the one that most implementations choose, others are
    listed as another convention.
    """

    name: str
    at: Expression
    left: Expression
    right: Expression
    customary: Expression
    source: Source | None = None


@dataclass(frozen=True)
class Landmark:
    """A point that cuts the domain into regions, without being a kink: a threshold, a zero of the function or of a derivative.

    `orders` says what it cuts: the function (0), its derivative (1), its second derivative (2). A zero of the second
    derivative means nothing to the function, and a cut there would tell one cause as two. `jump` says that what it cuts is
    discontinuous there: an implementation that rounds its argument once may land on either side. `at` is `nan` for
    parameters for which there is no such place.
    """

    name: str
    at: Expression
    meaning: str
    jump: bool = False
    orders: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class Limit:
    """What the function and its derivatives tend to at `+inf` or `-inf`; declared, and proved by the oracle's tests."""

    at: str
    value: Expression
    derivative: Expression
    second_derivative: Expression = "0"


@dataclass(frozen=True)
class Property:
    """Something that holds for every input. `kind` is `range` (between `low` and `high`), `nondecreasing`, `odd` or
    `at_least_argument`."""

    kind: str
    sentence: str
    low: Expression = "-inf"
    high: Expression = "+inf"


@dataclass(frozen=True)
class Bar:
    """How far a result may be from the truth: `result` · ulp(f(x)) + `argument` · ulp(x) · |f′(x)|.

    The second term is what an honest implementation loses by rounding once on the way in. A bar above the default
    carries its reason.
    """

    result: float = 4.0
    argument: float = 2.0
    reason: str = ""


@dataclass(frozen=True)
class Form:
    """The same function in another form, for arguments where the textbook's formula can't be enclosed.

    `applies(x, parameters)` gets float64 numbers. The oracle's tests prove it equal where both can be computed.
    """

    applies: Callable[[float, Parameters], bool]
    definition: Definition
    reason: str


@dataclass(frozen=True)
class Function:
    """One function of the standard, as a page of a textbook.

    `zero_sign` says what f(±0) = 0 looks like: `same` (f(±0) = ±0), `free`, or `none` where f(0) ≠ 0; it may depend on the
    parameters. `pairs` are values of several parameters that are asked together, `invalid` those that are invalid together
    (a lower bound above the upper one). `drawn` names the parameters between which training draws a slope for each negative
    x, evenly; the definition is then what evaluation computes. `bars` holds the bars other than the default, by quantity. `inapplicable` names the
    rules that no input and no sampled parameter brings about (relu never overflows); the oracle's tests hold that against
    the truth.
    """

    name: str
    title: str
    family: str
    formula: str
    definition: Definition
    limits: tuple[Limit, Limit]
    zero_sign: Expression
    sources: tuple[Source, ...]
    parameters: tuple[Parameter, ...] = ()
    pairs: tuple[Mapping[str, Number], ...] = ()
    invalid: tuple[Mapping[str, Number], ...] = ()
    domain: Domain | None = None
    drawn: tuple[str, str] | None = None
    kinks: tuple[Kink, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    properties: tuple[Property, ...] = ()
    forms: tuple[Form, ...] = ()
    inapplicable: tuple[str, ...] = ()
    bars: Mapping[str, Bar] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def defaults(self) -> dict[str, Number]:
        """The standard's default of every parameter."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def samples(self) -> list[dict[str, Number]]:
        """The parameter values that are asked: defaults first, then each sample with the others at default, then the pairs."""
        defaults = self.defaults()
        asked = [defaults]
        asked += [{**defaults, parameter.name: value} for parameter in self.parameters for value in parameter.samples]
        asked += [{**defaults, **pair} for pair in self.pairs]
        unique: list[dict[str, Number]] = []
        for sample in asked:
            if sample not in unique:
                unique.append(sample)
        return unique


def text_of(expression: Expression, parameters: Parameters) -> str:
    """The text of an expression for these parameters."""
    return expression(parameters) if callable(expression) else expression


class Family(Enum):
    """The families of rules; one file of `judge/` answers each group of them."""

    ACCURACY = "accuracy"
    SPECIAL = "special values"
    GRADIENT = "gradient"
    DTYPE = "dtype"
    SHAPE = "shape"
    INVARIANCE = "invariance"
    PURITY = "purity"
    PROPERTY = "property"
    DEFAULTS = "defaults"
    ERRORS = "errors"


@dataclass(frozen=True)
class Rule:
    """One normative sentence. Its id is the id of its tests: `gelu.limit.-inf`."""

    id: str
    family: Family
    level: Level
    sentence: str
    source: Source | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id without the function: `limit.-inf`."""
        return self.id.split(".", 1)[1]
