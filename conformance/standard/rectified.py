"""Piecewise linear and piecewise polynomial activations: relu and its relatives."""

from __future__ import annotations

from .model import Bar, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import Operand, Real, maximum, minimum

_EXACT = Bar(result=0, argument=0)


def _relu(x: Real) -> Real | Operand:
    return maximum(x, 0)


relu = Function(
    name="relu",
    title="Rectified linear unit",
    family="rectified",
    formula="max(x, 0)",
    definition=_relu,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="free",
    kinks=(Kink("0", at="0", left="0", right="1", customary="0"),),
    properties=(
        Property("range", "relu(x) ≥ 0", low="0"),
        Property("nondecreasing", "x ≤ y implies relu(x) ≤ relu(y)"),
    ),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Nair, Hinton: Rectified Linear Units Improve Restricted Boltzmann Machines, ICML 2010",
               "https://icml.cc/Conferences/2010/papers/432.pdf"),
    ),
    notes=("The result is x or 0, so no implementation needs to round: it is exact in every dtype.",),
)  # fmt: skip


def _leaky_relu(x: Real, slope: Real) -> Real | Operand:
    return x if x >= 0 else slope * x


def _leaky_relu_at_minus_infinity(parameters: Parameters) -> str:
    slope = parameters["slope"]
    return "0" if slope == 0 else "-inf" if slope > 0 else "+inf"


def _sign_of_zero(parameters: Parameters) -> str:
    # With a negative slope both sides are positive, and either zero is as good.
    return "same" if parameters["slope"] >= 0 else "none"


def _slope(parameters: Parameters) -> str:
    return repr(parameters["slope"])


leaky_relu = Function(
    name="leaky_relu",
    title="Leaky rectified linear unit",
    family="rectified",
    formula="x if x ≥ 0 else slope · x",
    definition=_leaky_relu,
    parameters=(
        Parameter(
            "slope",
            default=0.01,
            meaning="slope for negative x",
            domain="any finite number",
            samples=(0.01, 0.2, 0.3, 0.0, 1.0, 1e-3, 2.5, -0.5),
        ),
    ),
    limits=(Limit("-inf", value=_leaky_relu_at_minus_infinity, derivative=_slope), Limit("+inf", value="+inf", derivative="1")),
    zero_sign=_sign_of_zero,
    kinks=(Kink("0", at="0", left=_slope, right="1", customary="1"),),
    sources=(
        Source("Maas, Hannun, Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models, ICML 2013",
               "https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf"),
    ),
    notes=(
        "The frameworks' defaults differ by a factor of thirty; always pass the slope.",
        "At slope = 0 it is relu; at slope = 1 it is the identity; a slope above 1 or below 0 is allowed.",
    ),
)  # fmt: skip


def _hard_swish(x: Real) -> Real | Operand:
    return x * minimum(maximum(x + 3, 0), 6) / 6


hard_swish = Function(
    name="hard_swish",
    title="Hard swish (hard SiLU)",
    family="rectified",
    formula="x · min(max(x + 3, 0), 6) / 6",
    definition=_hard_swish,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="same",
    kinks=(
        Kink("-3", at="-3", left="0", right="-1/2", customary="0"),
        Kink("3", at="3", left="3/2", right="1", customary="1"),
    ),
    landmarks=(
        Landmark("-1.5", at="-3/2", meaning="minimum, −3/8; zero of the derivative", orders=(1,)),
        Landmark("0", at="0", meaning="zero of the function", orders=(0,)),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("Howard et al.: Searching for MobileNetV3, ICCV 2019, section 5.2", "https://arxiv.org/abs/1905.02244"),
    ),
)  # fmt: skip

FUNCTIONS = (relu, leaky_relu, hard_swish)
