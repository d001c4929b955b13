"""The standard: what is right, written as mathematics. Knows no framework; needs nothing installed but Python.

`FUNCTIONS` is the whole standard by name, in the order in which people read it.
"""

from . import exponential, rectified, shrink, sigmoidal, smooth
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
from .rules import rules_of

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for module in (rectified, exponential, sigmoidal, smooth, shrink)
    for function in module.FUNCTIONS
}

__all__ = [
    "FUNCTIONS",
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
    "rules_of",
]
