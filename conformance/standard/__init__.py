"""The standard: what is right, written as mathematics. Knows no framework; needs nothing installed but Python.

`FUNCTIONS` (of one number) and `TENSOR_FUNCTIONS` are the whole standard by name, in the order in which people read it.
"""

from . import (
    classification,
    contrastive,
    divergence,
    embedding,
    exponential,
    focal,
    gated,
    hinge,
    margin,
    normalising,
    rectified,
    regression,
    segmentation,
    sequence,
    shrink,
    sigmoidal,
    smooth,
)
from .model import (
    Bar,
    Domain,
    Family,
    Function,
    Kink,
    Landmark,
    Level,
    Limit,
    Number,
    Parameter,
    Property,
    Rule,
    Source,
)
from .rules import rules_of as _rules_of_one
from .tensor_rules import tensor_rules_of
from .tensors import TensorFunction

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for module in (rectified, exponential, sigmoidal, smooth, shrink)
    for function in module.FUNCTIONS
}

TENSOR_FUNCTIONS: dict[str, TensorFunction] = {
    function.name: function
    for module in (
        normalising,
        gated,
        regression,
        classification,
        focal,
        hinge,
        divergence,
        margin,
        embedding,
        contrastive,
        segmentation,
        sequence,
    )
    for function in module.FUNCTIONS
}

CATALOGUE: dict[str, Function | TensorFunction] = {**FUNCTIONS, **TENSOR_FUNCTIONS}
"""Everything, by name."""


def rules_of(function: Function | TensorFunction) -> tuple[Rule, ...]:
    """Every rule of one function, in the order of reading. Ids are unique and stable."""
    return tensor_rules_of(function) if isinstance(function, TensorFunction) else _rules_of_one(function)


__all__ = [
    "CATALOGUE",
    "FUNCTIONS",
    "TENSOR_FUNCTIONS",
    "Bar",
    "Domain",
    "Family",
    "Function",
    "Kink",
    "Landmark",
    "Level",
    "Limit",
    "Number",
    "Parameter",
    "Property",
    "Rule",
    "Source",
    "TensorFunction",
    "rules_of",
]
