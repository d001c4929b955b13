"""Activations made of one exponential: elu and its relatives, the exponential itself, log(1 − e^(−x))."""

from __future__ import annotations

from .model import Domain, Form, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import PI, Constant, Operand, Real, erfc, exp, expm1, log, log1p, sqrt


def _elu(x: Real, alpha: Real) -> Real | Operand:
    return x if x > 0 else alpha * expm1(x)


def _alpha(parameters: Parameters) -> str:
    return repr(parameters["alpha"])


def _minus_alpha(parameters: Parameters) -> str:
    return repr(-parameters["alpha"]) if parameters["alpha"] else "0"


def _plus_zero_unless_alpha_is_zero(parameters: Parameters) -> str:
    return "+0" if parameters["alpha"] else "0"


def _zero_unless_alpha_is_one(parameters: Parameters) -> str:
    return "nan" if parameters["alpha"] == 1 else "0"


def _zero_if_alpha_is_one(parameters: Parameters) -> str:
    return "0" if parameters["alpha"] == 1 else "nan"


def _same_unless_alpha_is_zero(parameters: Parameters) -> str:
    # With alpha = 0 it is relu, and either zero is as good.
    return "same" if parameters["alpha"] else "none"


elu = Function(
    name="elu",
    title="Exponential linear unit",
    family="exponential",
    formula="x if x > 0 else alpha · (e^x − 1)",
    definition=_elu,
    parameters=(
        Parameter(
            "alpha",
            default=1.0,
            meaning="what negative values saturate at: −alpha; the slope of 0 from the left",
            domain="alpha ≥ 0",
            samples=(1.0, 0.5, 0.1, 2.5, 0.0, 1000.0, 1e-3),
            invalid=(-1.0,),
        ),
    ),
    limits=(
        Limit(
            "-inf",
            value=_minus_alpha,
            derivative=_plus_zero_unless_alpha_is_zero,
            second_derivative=_plus_zero_unless_alpha_is_zero,
        ),
        Limit("+inf", value="+inf", derivative="1"),
    ),
    zero_sign=_same_unless_alpha_is_zero,
    kinks=(Kink("0", at=_zero_unless_alpha_is_one, left=_alpha, right="1", customary=_alpha),),
    landmarks=(
        Landmark("0", at=_zero_if_alpha_is_one, meaning="zero of the function", orders=(0, 1)),
        Landmark(
            "0",
            at=_zero_if_alpha_is_one,
            meaning="with alpha = 1 the derivative is continuous at 0, and the second derivative jumps from 1 to 0",
            jump=True,
            orders=(2,),
        ),
    ),
    properties=(
        Property("range", "elu(x) ≥ −alpha", low=_minus_alpha),
        Property("nondecreasing", "x ≤ y implies elu(x) ≤ elu(y)"),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("Clevert, Unterthiner, Hochreiter: Fast and Accurate Deep Network Learning by Exponential Linear Units (ELUs), "
               "ICLR 2016, section 3", "https://arxiv.org/abs/1511.07289"),
    ),
    notes=(
        "With alpha other than 1 there is a kink at 0: the slope is alpha on its left and 1 on its right. celu has another "
        "parameter of the same name that does not make one.",
        "e^x − 1 cancels near zero: written so, a float32 implementation has four digits left at −0.001 and none at −10⁻⁸. "
        "expm1 has them all.",
        "At alpha = 0 it is relu.",
    ),
)  # fmt: skip


def _celu(x: Real, alpha: Real) -> Real | Operand:
    return x if x >= 0 else alpha * expm1(x / alpha)


celu = Function(
    name="celu",
    title="Continuously differentiable exponential linear unit",
    family="exponential",
    formula="x if x ≥ 0 else alpha · (e^(x/alpha) − 1)",
    definition=_celu,
    parameters=(
        Parameter(
            "alpha",
            default=1.0,
            meaning="what negative values saturate at: −alpha; also how fast",
            domain="alpha > 0",
            samples=(1.0, 0.5, 0.1, 2.5, 1e-3, 1000.0),
            invalid=(0.0, -1.0),
        ),
    ),
    limits=(
        Limit("-inf", value=_minus_alpha, derivative="+0", second_derivative="+0"),
        Limit("+inf", value="+inf", derivative="1"),
    ),
    zero_sign="same",
    landmarks=(
        Landmark("0", at="0", meaning="zero of the function", orders=(0, 1)),
        Landmark(
            "0",
            at="0",
            meaning="the second derivative jumps from 1/alpha to 0",
            jump=True,
            orders=(2,),
        ),
    ),
    properties=(
        Property("range", "celu(x) ≥ −alpha", low=_minus_alpha),
        Property("nondecreasing", "x ≤ y implies celu(x) ≤ celu(y)"),
        Property("at_least_argument", "celu(x) ≥ x"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Barron: Continuously Differentiable Exponential Linear Units, 2017", "https://arxiv.org/abs/1704.07483"),
    ),
    notes=(
        "At alpha = 1 it is elu. For other values elu scales the branch below zero, celu its argument too, so that the slope "
        "at 0 is 1 from both sides.",
        "The derivative is bounded for every alpha; the second derivative is 1/alpha just below zero.",
    ),
)  # fmt: skip


def _klambauer_alpha(one: Real) -> Real:
    tail = erfc(one / sqrt(2 * one))
    return sqrt(2 / (PI * one)) / (1 - tail * exp(one / 2))


def _klambauer_lambda(one: Real) -> Real:
    tail, pi, e = erfc(one / sqrt(2 * one)), PI * one, exp(one)
    variance = 2 * erfc(sqrt(2 * one)) * e * e + pi * tail * tail * e - 2 * (2 + pi) * tail * sqrt(e) + pi + 2
    return (1 - tail * sqrt(e)) * sqrt(2 * pi) / sqrt(variance)


ALPHA = Constant("α₀₁", _klambauer_alpha)
LAMBDA = Constant("λ₀₁", _klambauer_lambda)


def _selu(x: Real) -> Real | Operand:
    return x * LAMBDA if x > 0 else expm1(x) * ALPHA * LAMBDA


# 40 digits after the point; truths of float64 are kept to 31.
_LAMBDA = "1.0507009873554804934193349852946063519590"
_LAMBDA_ALPHA = "1.7580993408473768599402175208122795773235"

selu = Function(
    name="selu",
    title="Scaled exponential linear unit",
    family="exponential",
    formula="λ · (x if x > 0 else α · (e^x − 1)), with α = 1.67326… and λ = 1.05070… such that standard normal input has a "
    "standardised result",
    definition=_selu,
    limits=(
        Limit("-inf", value=f"-{_LAMBDA_ALPHA}", derivative="+0", second_derivative="+0"),
        Limit("+inf", value="+inf", derivative=_LAMBDA),
    ),
    zero_sign="same",
    kinks=(Kink("0", at="0", left=_LAMBDA_ALPHA, right=_LAMBDA, customary=_LAMBDA_ALPHA),),
    properties=(Property("nondecreasing", "x ≤ y implies selu(x) ≤ selu(y)"),),
    inapplicable=("underflow_sign",),
    sources=(
        Source("Klambauer, Unterthiner, Mayr, Hochreiter: Self-Normalizing Neural Networks, NIPS 2017, equations 2 and 14",
               "https://arxiv.org/abs/1706.02515"),
    ),
    notes=(
        "α = √(2/π) / (1 − erfc(1/√2)·√e) and λ = (1 − erfc(1/√2)·√e)·√(2π) / √(2·erfc(√2)·e² + π·erfc(1/√2)²·e "
        "− 2(2 + π)·erfc(1/√2)·√e + π + 2): the paper's closed forms, which the oracle takes to any precision. The 32 digits "
        "that frameworks print, 1.6732632423543772848170429916717 and 1.0507009873554804934193349852946, are these numbers, "
        "correctly rounded.",
        "It tends to −λα = −1.758099340847376859940217520812… for x → −∞.",
        "The limits and slopes on this page are irrational; they are written to 40 digits after the point.",
    ),
)  # fmt: skip


def _exponential(x: Real) -> Real | Operand:
    return exp(x)


exponential = Function(
    name="exponential",
    title="Exponential",
    family="exponential",
    formula="e^x",
    definition=_exponential,
    limits=(
        Limit("-inf", value="+0", derivative="+0", second_derivative="+0"),
        Limit("+inf", value="+inf", derivative="+inf", second_derivative="+inf"),
    ),
    zero_sign="none",
    properties=(
        Property("range", "e^x ≥ 0", low="0"),
        Property("nondecreasing", "x ≤ y implies e^x ≤ e^y"),
    ),
    sources=(Source("NIST Digital Library of Mathematical Functions, 4.2 (exponential)", "https://dlmf.nist.gov/4.2"),),
    notes=(
        "Its own derivative, to every order: what deviates in the gradient alone was not computed from the value.",
        "The error of the argument grows with it: half a unit in the last place of x = 88 is worth 62 units of e^x in float32, "
        "so that an implementation has to reduce its argument in more than the working precision.",
    ),
)


def _log1mexp(x: Real) -> Real | Operand:
    return log(-expm1(-x))


def _log1mexp_of_large(x: Real) -> Real | Operand:
    return log1p(-exp(-x))


def _large(x: float, parameters: Parameters) -> bool:
    return x > 1


log1mexp = Function(
    name="log1mexp",
    title="Logarithm of one minus an exponential",
    family="exponential",
    formula="log(1 − e^(−x)), for x > 0",
    definition=_log1mexp,
    domain=Domain(low=0.0, value="-inf", derivative="+inf", second_derivative="-inf"),
    limits=(
        Limit("-inf", value="nan", derivative="nan", second_derivative="nan"),
        Limit("+inf", value="-0", derivative="+0", second_derivative="-0"),
    ),
    zero_sign="none",
    landmarks=(
        Landmark("0.69", at="0.6931471805599453", meaning="log 2, where log1p(−e^(−x)) takes over from log(−expm1(−x))"),
    ),
    properties=(
        Property("range", "log1mexp(x) ≤ 0", high="0"),
        Property("nondecreasing", "x ≤ y implies log1mexp(x) ≤ log1mexp(y)"),
    ),
    forms=(Form(_large, _log1mexp_of_large, "1 − e^(−x) is 1 to any precision where x is large"),),
    inapplicable=("overflow",),
    sources=(
        Source("Mächler: Accurately Computing log(1 − exp(−|a|)), 2012",
               "https://cran.r-project.org/web/packages/Rmpfr/vignettes/log1mexp-note.pdf"),
    ),
    notes=(
        "The logarithm of a probability from the logarithm of its complement: with x = −log p it is log(1 − p).",
        "Neither log(−expm1(−x)) nor log1p(−e^(−x)) serves everywhere: the first loses what lies beyond log 2, the second what "
        "lies before it. Mächler shows that log 2 is where to change.",
    ),
)  # fmt: skip

FUNCTIONS = (elu, celu, selu, exponential, log1mexp)
