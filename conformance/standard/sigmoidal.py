"""Activations that saturate on both sides: sigmoid and its relatives."""

from __future__ import annotations

from .model import Form, Function, Limit, Parameters, Property, Source
from .real import Operand, Real, exp


def _sigmoid(x: Real) -> Real | Operand:
    return 1 / (1 + exp(-x))


def _sigmoid_of_negative(x: Real) -> Real | Operand:
    return exp(x) / (1 + exp(x))


def _negative(x: float, parameters: Parameters) -> bool:
    return x < 0


sigmoid = Function(
    name="sigmoid",
    title="Logistic sigmoid",
    family="sigmoidal",
    formula="1 / (1 + e^(−x))",
    definition=_sigmoid,
    limits=(Limit("-inf", value="+0", derivative="0"), Limit("+inf", value="1", derivative="0")),
    zero_sign="none",
    properties=(
        Property("range", "0 ≤ sigmoid(x) ≤ 1", low="0", high="1"),
        Property("nondecreasing", "x ≤ y implies sigmoid(x) ≤ sigmoid(y)"),
    ),
    forms=(Form(_negative, _sigmoid_of_negative, "e^(−x) has no finite enclosure where x is very negative"),),
    inapplicable=("overflow",),
    sources=(Source("NIST Digital Library of Mathematical Functions, 4.2 (exponential)", "https://dlmf.nist.gov/4.2"),),
)

FUNCTIONS = (sigmoid,)
