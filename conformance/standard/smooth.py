"""Smooth relatives of relu: gelu, softplus."""

from __future__ import annotations

from .model import Form, Function, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import SQRT_2, Operand, Real, erfc, exp, log, log1p


def _gelu(x: Real) -> Real | Operand:
    return x * erfc(-x / SQRT_2) / 2


gelu = Function(
    name="gelu",
    title="Gaussian error linear unit",
    family="smooth",
    formula="x · Φ(x), with Φ(x) = erfc(−x/√2)/2 the normal distribution function",
    definition=_gelu,
    limits=(Limit("-inf", value="-0", derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="same",
    landmarks=(
        Landmark("-1.41", at="-1.4142135623730951", meaning="−√2, zero of the second derivative", orders=(2,)),
        Landmark("-0.75", at="-0.7517915246935645", meaning="minimum, −0.1699…; zero of the derivative", orders=(0, 1)),
        Landmark("0", at="0", meaning="zero of the function", orders=(0,)),
        Landmark("1.41", at="1.4142135623730951", meaning="√2, zero of the second derivative", orders=(2,)),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, section 2", "https://arxiv.org/abs/1606.08415"),
    ),
    notes=(
        "This is the exact form. The approximation by tanh is another function, gelu_tanh; jax.nn.gelu computes that one by default.",
        "x · (1 + erf(x/√2))/2 is the same number, but 1 + erf cancels: below −2 each unit of x costs a float32 implementation "
        "more of its digits, and below −5.5 it has none.",
    ),
)  # fmt: skip


def _softplus(x: Real, beta: Real, threshold: Real) -> Real | Operand:
    if beta * x > threshold:
        return x
    return log(1 + exp(beta * x)) / beta


def _softplus_of_positive(x: Real, beta: Real, threshold: Real) -> Real | Operand:
    if beta * x > threshold:
        return x
    return x + log1p(exp(-(beta * x))) / beta


def _positive(x: float, parameters: Parameters) -> bool:
    return x > 0


def _softplus_of_negative(x: Real, beta: Real, threshold: Real) -> Real | Operand:
    if beta * x > threshold:
        return x
    return log1p(exp(beta * x)) / beta


def _negative(x: float, parameters: Parameters) -> bool:
    return x < 0


def _threshold(parameters: Parameters) -> str:
    return f"{parameters['threshold']!r}/{parameters['beta']!r}"


softplus = Function(
    name="softplus",
    title="Softplus",
    family="smooth",
    formula="log(1 + e^(beta · x)) / beta, or x where beta · x > threshold",
    definition=_softplus,
    parameters=(
        Parameter(
            "beta",
            default=1.0,
            meaning="sharpness: softplus tends to relu as beta grows",
            domain="beta > 0",
            samples=(1.0, 0.5, 3.0, 1e-2, 100.0),
            invalid=(0.0,),
        ),
        Parameter(
            "threshold",
            default=float("inf"),
            meaning="above beta · x = threshold the function is x itself",
            domain="threshold > 0, infinity included",
            samples=(float("inf"), 20.0, 1.0),
        ),
    ),
    pairs=({"beta": 3.0, "threshold": 20.0}, {"beta": 0.5, "threshold": 5.0}),
    limits=(Limit("-inf", value="+0", derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="none",
    landmarks=(
        Landmark("0", at="0", meaning="the steepest bend"),
        Landmark("threshold", at=_threshold, meaning="beta · x = threshold: the function jumps to x", jump=True),
    ),
    properties=(
        Property("range", "softplus(x) ≥ 0", low="0"),
        Property("at_least_argument", "softplus(x) ≥ x"),
    ),
    forms=(
        Form(_positive, _softplus_of_positive, "e^(beta·x) has no finite enclosure where x is very large"),
        Form(_negative, _softplus_of_negative, "1 + e^(beta·x) is 1 to any precision where x is very negative"),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("Dugas et al.: Incorporating Second-Order Functional Knowledge for Better Option Pricing, NIPS 2000",
               "https://papers.nips.cc/paper/1920-incorporating-second-order-functional-knowledge-for-better-option-pricing"),
    ),
    notes=(
        "A finite threshold is not a matter of speed alone: with 20, the jump of e^(−20) = 2·10⁻⁹ at x = 20 is below half a unit "
        "in the last place in float32, and 580 000 units in float64.",
    ),
)  # fmt: skip

FUNCTIONS = (gelu, softplus)
