"""Smooth relatives of relu: gelu, silu, mish, softplus, squareplus and the like."""

from __future__ import annotations

from .model import Form, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import PI, SQRT_2, Constant, Operand, Real, erfc, exact, exp, log, log1p, maximum, sqrt, tanh


def _positive(x: float, parameters: Parameters) -> bool:
    return x > 0


def _negative(x: float, parameters: Parameters) -> bool:
    return x < 0


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


def _sqrt_of_2_over_pi(one: Real) -> Real:
    return sqrt(2 / (PI * one))


SQRT_2_OVER_PI = Constant("√(2/π)", _sqrt_of_2_over_pi)


def _gelu_tanh(x: Real) -> Real | Operand:
    return x * (1 + tanh(SQRT_2_OVER_PI * (x + exact("0.044715") * x * x * x))) / 2


def _gelu_tanh_of_negative(x: Real) -> Real | Operand:
    # (1 + tanh u)/2 = e^(2u)/(1 + e^(2u))
    power = exp(2 * (SQRT_2_OVER_PI * (x + exact("0.044715") * x * x * x)))
    return x * power / (1 + power)


gelu_tanh = Function(
    name="gelu_tanh",
    title="Gaussian error linear unit, approximated by tanh",
    family="smooth",
    formula="x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))",
    definition=_gelu_tanh,
    limits=(
        Limit("-inf", value="-0", derivative="-0", second_derivative="-0"),
        Limit("+inf", value="+inf", derivative="1", second_derivative="-0"),
    ),
    zero_sign="same",
    landmarks=(
        Landmark("-1.42", at="-1.4185040087908284", meaning="zero of the second derivative", orders=(2,)),
        Landmark("-0.75", at="-0.7524614220710163", meaning="minimum, −0.1700…; zero of the derivative", orders=(0, 1)),
        Landmark("0", at="0", meaning="zero of the function", orders=(0,)),
        Landmark("1.42", at="1.4185040087908284", meaning="zero of the second derivative", orders=(2,)),
    ),
    forms=(Form(_negative, _gelu_tanh_of_negative, "1 + tanh is 0 to any precision where x is very negative"),),
    inapplicable=("overflow",),
    sources=(
        Source("Hendrycks, Gimpel: Gaussian Error Linear Units (GELUs), 2016, section 2", "https://arxiv.org/abs/1606.08415"),
    ),
    notes=(
        "Another function than gelu: the two differ by up to 4.7·10⁻⁴, at |x| = 2.70, and their derivatives by up to 8.7·10⁻⁴, at "
        "x = −2.02. That is 1/3 of a unit in the last place of float16 near 1, and 2 600 units of float32.",
        "In the left tail they have nothing in common: at −5 it is a sixth of gelu, at −8 a millionth of it.",
        "1 + tanh cancels there: a float32 implementation has no digit left below −5, where e^(2u)/(1 + e^(2u)), with u the argument "
        "of tanh, has all of them.",
        "jax.nn.gelu computes this one by default, torch and TensorFlow where they are told approximate.",
    ),
)  # fmt: skip


def _silu(x: Real, beta: Real) -> Real | Operand:
    return x / (1 + exp(-(beta * x)))


def _silu_of_negative(x: Real, beta: Real) -> Real | Operand:
    return x * exp(beta * x) / (1 + exp(beta * x))


def _negative_exponent(x: float, parameters: Parameters) -> bool:
    return x * parameters["beta"] < 0


def _silu_at_minus_infinity(parameters: Parameters) -> str:
    return "-0" if parameters["beta"] > 0 else "-inf"


def _silu_at_plus_infinity(parameters: Parameters) -> str:
    return "+0" if parameters["beta"] < 0 else "+inf"


def _silu_slope_at_minus_infinity(parameters: Parameters) -> str:
    return "1/2" if parameters["beta"] == 0 else "-0" if parameters["beta"] > 0 else "1"


def _silu_slope_at_plus_infinity(parameters: Parameters) -> str:
    return "1/2" if parameters["beta"] == 0 else "-0" if parameters["beta"] < 0 else "1"


def _silu_curvature_at_infinity(parameters: Parameters) -> str:
    return "0" if parameters["beta"] == 0 else "-0" if parameters["beta"] > 0 else "+0"


def _extremum(parameters: Parameters) -> str:
    return f"-1.2784645427610738/{parameters['beta']!r}" if parameters["beta"] else "nan"


def _left_inflection(parameters: Parameters) -> str:
    return f"-2.3993572805154677/{abs(parameters['beta'])!r}" if parameters["beta"] else "nan"


def _right_inflection(parameters: Parameters) -> str:
    return f"2.3993572805154677/{abs(parameters['beta'])!r}" if parameters["beta"] else "nan"


silu = Function(
    name="silu",
    title="Sigmoid linear unit (swish)",
    family="smooth",
    formula="x / (1 + e^(−beta · x))",
    definition=_silu,
    parameters=(
        Parameter(
            "beta",
            default=1.0,
            meaning="sharpness: silu tends to relu as beta grows",
            domain="any finite number",
            samples=(1.0, 0.5, 1.702, 1e-2, 100.0, 0.0, -1.0),
        ),
    ),
    limits=(
        Limit(
            "-inf",
            value=_silu_at_minus_infinity,
            derivative=_silu_slope_at_minus_infinity,
            second_derivative=_silu_curvature_at_infinity,
        ),
        Limit(
            "+inf",
            value=_silu_at_plus_infinity,
            derivative=_silu_slope_at_plus_infinity,
            second_derivative=_silu_curvature_at_infinity,
        ),
    ),
    zero_sign="same",
    landmarks=(
        Landmark("extremum", at=_extremum, meaning="beta · x = −1.2784…; zero of the derivative", orders=(0, 1)),
        Landmark("0", at="0", meaning="zero of the function", orders=(0,)),
        Landmark("-inflection", at=_left_inflection, meaning="|beta| · x = −2.3993…; zero of the second derivative", orders=(2,)),
        Landmark("inflection", at=_right_inflection, meaning="|beta| · x = 2.3993…; zero of the second derivative", orders=(2,)),
    ),
    forms=(Form(_negative_exponent, _silu_of_negative, "e^(−beta·x) has no finite enclosure where beta·x is very negative"),),
    inapplicable=("overflow",),
    sources=(
        Source("Elfwing, Uchibe, Doya: Sigmoid-Weighted Linear Units for Neural Network Function Approximation in "
               "Reinforcement Learning, 2017", "https://arxiv.org/abs/1702.03118"),
        Source("Ramachandran, Zoph, Le: Searching for Activation Functions, 2017 (swish, with beta)",
               "https://arxiv.org/abs/1710.05941"),
    ),
    notes=(
        "silu and swish are one function, found twice; beta came with the second paper.",
        "At beta = 0 it is x/2, and silu(x, −beta) = −silu(−x, beta): a negative beta turns it by half a turn.",
        "With beta = 1.702 it is the other approximation of gelu that Hendrycks and Gimpel name.",
    ),
)  # fmt: skip


def _mish(x: Real) -> Real | Operand:
    return x * tanh(log(1 + exp(x)))


def _mish_of_positive(x: Real) -> Real | Operand:
    u = exp(-x)
    return x - 2 * x * u * u / (1 + 2 * u * (1 + u))


def _mish_of_negative(x: Real) -> Real | Operand:
    u = exp(x)
    return x * u * (2 + u) / (2 + u * (2 + u))


mish = Function(
    name="mish",
    title="Mish",
    family="smooth",
    formula="x · tanh(log(1 + e^x))",
    definition=_mish,
    limits=(
        Limit("-inf", value="-0", derivative="-0", second_derivative="-0"),
        Limit("+inf", value="+inf", derivative="1", second_derivative="-0"),
    ),
    zero_sign="same",
    landmarks=(
        Landmark("-2.26", at="-2.25637639636079312", meaning="zero of the second derivative", orders=(2,)),
        Landmark("-1.19", at="-1.19243121451549521", meaning="minimum, −0.3088…; zero of the derivative", orders=(0, 1)),
        Landmark("0", at="0", meaning="zero of the function", orders=(0,)),
        Landmark("1.49", at="1.49057117948542846", meaning="zero of the second derivative", orders=(2,)),
    ),
    forms=(
        Form(_positive, _mish_of_positive, "e^x has no finite enclosure where x is very large"),
        Form(_negative, _mish_of_negative, "1 + e^x is 1 to any precision where x is very negative"),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("Misra: Mish: A Self Regularized Non-Monotonic Activation Function, BMVC 2020", "https://arxiv.org/abs/1908.08681"),
    ),
    notes=(
        "With u = e^x, tanh(log(1 + u)) = u(u + 2) / (u(u + 2) + 2): one exponential is enough, and nothing cancels for x < 0.",
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


def _softplus_of_negative(x: Real, beta: Real, threshold: Real) -> Real | Operand:
    if beta * x > threshold:
        return x
    return log1p(exp(beta * x)) / beta


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


def _squareplus(x: Real, b: Real) -> Real | Operand:
    if b <= 0:
        # √(x²) is |x|, which a series can't tell at 0.
        return maximum(x, 0)
    return (x + sqrt(x * x + b)) / 2


def _squareplus_of_negative(x: Real, b: Real) -> Real | Operand:
    return b / (sqrt(x * x + b) - x) / 2


def _curved_and_negative(x: float, parameters: Parameters) -> bool:
    return x < 0 < parameters["b"]


def _plus_zero_unless_b_is_zero(parameters: Parameters) -> str:
    return "+0" if parameters["b"] else "0"


def _zero_if_b_is_zero(parameters: Parameters) -> str:
    return "nan" if parameters["b"] else "0"


def _zero_unless_b_is_zero(parameters: Parameters) -> str:
    return "0" if parameters["b"] else "nan"


squareplus = Function(
    name="squareplus",
    title="Squareplus",
    family="smooth",
    formula="(x + √(x² + b)) / 2",
    definition=_squareplus,
    parameters=(
        Parameter(
            "b",
            default=4.0,
            meaning="how wide the bend is: squareplus(0) = √b / 2",
            domain="b ≥ 0",
            samples=(4.0, 1.0, 0.1, 1.9218120556728056, 1e4, 0.0),
            invalid=(-1.0,),
        ),
    ),
    limits=(
        Limit(
            "-inf",
            value=_plus_zero_unless_b_is_zero,
            derivative=_plus_zero_unless_b_is_zero,
            second_derivative=_plus_zero_unless_b_is_zero,
        ),
        Limit("+inf", value="+inf", derivative="1", second_derivative=_plus_zero_unless_b_is_zero),
    ),
    zero_sign="none",  # at b = 0 it is relu, and either zero is as good
    kinks=(Kink("0", at=_zero_if_b_is_zero, left="0", right="1", customary="1/2"),),
    landmarks=(Landmark("0", at=_zero_unless_b_is_zero, meaning="the steepest bend; x + √(x² + b) cancels below"),),
    properties=(
        Property("range", "squareplus(x) ≥ 0", low="0"),
        Property("nondecreasing", "x ≤ y implies squareplus(x) ≤ squareplus(y)"),
        Property("at_least_argument", "squareplus(x) ≥ x"),
    ),
    forms=(Form(_curved_and_negative, _squareplus_of_negative, "x + √(x² + b) cancels by twice the digits of x where x is very negative"),),
    inapplicable=("overflow",),
    sources=(
        Source("Barron: Squareplus: A Softplus-Like Algebraic Rectifier, 2021", "https://arxiv.org/abs/2112.11687"),
    ),
    notes=(
        "It needs no transcendental function, but x + √(x² + b) cancels for negative x: a float32 implementation has lost every "
        "digit at −10⁴. b / (2·(√(x² + b) − x)) is the same number.",
        "It decays like b/(4·|x|), not like an exponential: at the most negative number of a format it is still not zero.",
        "x² overflows long before the result does: beyond |x| = 1.8·10¹⁹ in float32, from 256 on in float16.",
        "At b = 4·log(2)² = 1.92… it meets softplus at 0. At b = 0 it is relu; the customary slope at 0 is then the one that every "
        "b > 0 has there, 1/2.",
    ),
)  # fmt: skip


def _sparse_plus(x: Real) -> Real | Operand:
    if x <= -1:
        return 0
    if x >= 1:
        return x
    return (x + 1) * (x + 1) / 4


sparse_plus = Function(
    name="sparse_plus",
    title="Sparse plus",
    family="smooth",
    formula="0 if x ≤ −1; x if x ≥ 1; else (x + 1)² / 4",
    definition=_sparse_plus,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="none",
    landmarks=(
        Landmark("-1", at="-1", meaning="0 goes over into the parabola, with the same slope", orders=(0, 1)),
        Landmark("-1", at="-1", meaning="the second derivative jumps from 0 to 1/2", jump=True, orders=(2,)),
        Landmark("1", at="1", meaning="the parabola goes over into x, with the same slope", orders=(0, 1)),
        Landmark("1", at="1", meaning="the second derivative jumps from 1/2 to 0", jump=True, orders=(2,)),
    ),
    properties=(
        Property("range", "sparse_plus(x) ≥ 0", low="0"),
        Property("nondecreasing", "x ≤ y implies sparse_plus(x) ≤ sparse_plus(y)"),
        Property("at_least_argument", "sparse_plus(x) ≥ x"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("JAX documentation: jax.nn.sparse_plus", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.sparse_plus.html"),
        Source("Blondel, Martins, Niculae: Learning with Fenchel-Young Losses, JMLR 21, 2020", "https://arxiv.org/abs/1901.02324"),
    ),
    notes=(
        "What softplus is to log-sum-exp, sparse_plus is to the maximum that sparsemax is the gradient of; its derivative is "
        "sparse_sigmoid.",
    ),
)  # fmt: skip

FUNCTIONS = (gelu, gelu_tanh, silu, mish, softplus, squareplus, sparse_plus)
