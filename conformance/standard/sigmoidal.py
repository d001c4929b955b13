"""Activations that saturate on both sides: sigmoid and its relatives."""

from __future__ import annotations

from . import real
from .model import Bar, Form, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import Operand, Real, exp, log, log1p, maximum, minimum

_EXACT = Bar(result=0, argument=0)


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


def _log_sigmoid(x: Real) -> Real | Operand:
    return -log(1 + exp(-x))


def _log_sigmoid_of_positive(x: Real) -> Real | Operand:
    return -log1p(exp(-x))


def _positive(x: float, parameters: Parameters) -> bool:
    return x > 0


def _log_sigmoid_of_negative(x: Real) -> Real | Operand:
    return x - log1p(exp(x))


log_sigmoid = Function(
    name="log_sigmoid",
    title="Logarithm of the logistic sigmoid",
    family="sigmoidal",
    formula="−log(1 + e^(−x))",
    definition=_log_sigmoid,
    limits=(
        Limit("-inf", value="-inf", derivative="1", second_derivative="-0"),
        Limit("+inf", value="-0", derivative="+0", second_derivative="-0"),
    ),
    zero_sign="none",
    properties=(
        Property("range", "log_sigmoid(x) ≤ 0", high="0"),
        Property("nondecreasing", "x ≤ y implies log_sigmoid(x) ≤ log_sigmoid(y)"),
    ),
    forms=(
        Form(_positive, _log_sigmoid_of_positive, "1 + e^(−x) is 1 to any precision where x is very large"),
        Form(_negative, _log_sigmoid_of_negative, "e^(−x) has no finite enclosure where x is very negative"),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("PyTorch documentation: torch.nn.LogSigmoid", "https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html"),
    ),
    notes=(
        "The same as −softplus(−x). It never reaches 0: far out on the right it is −e^(−x), which log(sigmoid(x)) has lost as soon as "
        "sigmoid(x) rounds to 1, in float32 from x = 17 on.",
    ),
)  # fmt: skip


def _tanh(x: Real) -> Real | Operand:
    return real.tanh(x)


tanh = Function(
    name="tanh",
    title="Hyperbolic tangent",
    family="sigmoidal",
    formula="(e^x − e^(−x)) / (e^x + e^(−x))",
    definition=_tanh,
    limits=(
        Limit("-inf", value="-1", derivative="+0", second_derivative="+0"),
        Limit("+inf", value="1", derivative="+0", second_derivative="-0"),
    ),
    zero_sign="same",
    properties=(
        Property("range", "−1 ≤ tanh(x) ≤ 1", low="-1", high="1"),
        Property("nondecreasing", "x ≤ y implies tanh(x) ≤ tanh(y)"),
        Property("odd", "tanh(−x) = −tanh(x)"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(Source("NIST Digital Library of Mathematical Functions, 4.28.4", "https://dlmf.nist.gov/4.28"),),
    notes=(
        "tanh(x) = 2 · sigmoid(2x) − 1, which is no way to compute it: near zero the subtraction takes all digits.",
        "Its derivative as 1 − tanh(x)² has the same flaw at the other end: where tanh(x) rounds to 1 it is 0 instead of 4e^(−2x).",
    ),
)  # fmt: skip


def _hard_sigmoid(x: Real) -> Real | Operand:
    if x <= -3:
        return 0
    return 1 if x >= 3 else (x + 3) / 6


hard_sigmoid = Function(
    name="hard_sigmoid",
    title="Hard sigmoid",
    family="sigmoidal",
    formula="min(max(x + 3, 0), 6) / 6",
    definition=_hard_sigmoid,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="1", derivative="0")),
    zero_sign="none",
    kinks=(
        Kink("-3", at="-3", left="0", right="1/6", customary="0"),
        Kink("3", at="3", left="1/6", right="0", customary="0"),
    ),
    properties=(
        Property("range", "0 ≤ hard_sigmoid(x) ≤ 1", low="0", high="1"),
        Property("nondecreasing", "x ≤ y implies hard_sigmoid(x) ≤ hard_sigmoid(y)"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Howard et al.: Searching for MobileNetV3, ICCV 2019, section 5.2", "https://arxiv.org/abs/1905.02244"),
        Source("Courbariaux, Bengio, David: BinaryConnect, NIPS 2015 (the older function of this name)", "https://arxiv.org/abs/1511.00363"),
    ),
    notes=(
        "Two other functions carry this name: clip((x + 1)/2, 0, 1) in the BinaryConnect paper, here sparse_sigmoid, and "
        "clip(0.2·x + 0.5, 0, 1) in Keras up to version 2 and as ONNX's default.",
    ),
)  # fmt: skip


def _hard_tanh(x: Real, min: Real, max: Real) -> Real | Operand:
    return maximum(minimum(x, max), min)


def _min(parameters: Parameters) -> str:
    return repr(parameters["min"])


def _max(parameters: Parameters) -> str:
    return repr(parameters["max"])


def _hard_tanh_sign_of_zero(parameters: Parameters) -> str:
    return "same" if parameters["min"] < 0 < parameters["max"] else "none"


hard_tanh = Function(
    name="hard_tanh",
    title="Hard hyperbolic tangent (clip)",
    family="sigmoidal",
    formula="max(min(x, max), min)",
    definition=_hard_tanh,
    parameters=(
        Parameter(
            "min",
            default=-1.0,
            meaning="the smallest value",
            domain="any finite number",
            samples=(-1.0, -0.5, 0.0, -300.0),
        ),
        Parameter(
            "max",
            default=1.0,
            meaning="the largest value",
            domain="any finite number",
            samples=(1.0, 0.25, 0.0, 6.0),
        ),
    ),
    pairs=({"min": 0.0, "max": 6.0}, {"min": -0.5, "max": 2.0}, {"min": 0.5, "max": 2.0}, {"min": -2.0, "max": -0.25}),
    invalid=({"min": 1.0, "max": -1.0},),
    limits=(Limit("-inf", value=_min, derivative="0"), Limit("+inf", value=_max, derivative="0")),
    zero_sign=_hard_tanh_sign_of_zero,
    kinks=(
        Kink("min", at=_min, left="0", right="1", customary="1"),
        Kink("max", at=_max, left="1", right="0", customary="1"),
    ),
    properties=(
        Property("range", "min ≤ hard_tanh(x) ≤ max", low=_min, high=_max),
        Property("nondecreasing", "x ≤ y implies hard_tanh(x) ≤ hard_tanh(y)"),
    ),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Collobert: Large Scale Machine Learning, thesis, Université Paris VI, 2004",
               "https://ronan.collobert.com/pub/2004_phdthesis_lip6.html"),
        Source("PyTorch documentation: torch.nn.Hardtanh", "https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html"),
    ),
    notes=(
        "The result is x or one of the bounds, so no implementation needs to round: it is exact in every dtype that holds the bounds.",
        "With bounds 0 and 6 it is relu6.",
    ),
)  # fmt: skip


def _softsign(x: Real) -> Real | Operand:
    return x / (1 + x) if x >= 0 else x / (1 - x)


softsign = Function(
    name="softsign",
    title="Softsign",
    family="sigmoidal",
    formula="x / (1 + |x|)",
    definition=_softsign,
    limits=(
        Limit("-inf", value="-1", derivative="+0", second_derivative="+0"),
        Limit("+inf", value="1", derivative="+0", second_derivative="-0"),
    ),
    zero_sign="same",
    landmarks=(
        Landmark("0", at="0", meaning="the second derivative jumps from 2 to −2", jump=True, orders=(2,)),
    ),
    properties=(
        Property("range", "−1 ≤ softsign(x) ≤ 1", low="-1", high="1"),
        Property("nondecreasing", "x ≤ y implies softsign(x) ≤ softsign(y)"),
        Property("odd", "softsign(−x) = −softsign(x)"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Glorot, Bengio: Understanding the Difficulty of Training Deep Feedforward Neural Networks, AISTATS 2010, section 2.3",
               "https://proceedings.mlr.press/v9/glorot10a.html"),
    ),
    notes=(
        "Sigmoidal like tanh, but it approaches ±1 as 1/|x| and not as e^(−2|x|): in float32 it rounds to 1 only from 2²⁵ on.",
        "The derivative is continuous at 0, the second derivative is not.",
    ),
)  # fmt: skip


def _sparse_sigmoid(x: Real) -> Real | Operand:
    if x <= -1:
        return 0
    return 1 if x >= 1 else (x + 1) / 2


sparse_sigmoid = Function(
    name="sparse_sigmoid",
    title="Sparse sigmoid",
    family="sigmoidal",
    formula="0 if x ≤ −1, 1 if x ≥ 1, (x + 1)/2 otherwise",
    definition=_sparse_sigmoid,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="1", derivative="0")),
    zero_sign="none",
    kinks=(
        Kink("-1", at="-1", left="0", right="1/2", customary="0"),
        Kink("1", at="1", left="1/2", right="0", customary="0"),
    ),
    properties=(
        Property("range", "0 ≤ sparse_sigmoid(x) ≤ 1", low="0", high="1"),
        Property("nondecreasing", "x ≤ y implies sparse_sigmoid(x) ≤ sparse_sigmoid(y)"),
    ),
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Blondel, Martins, Niculae: Learning with Fenchel-Young Losses, JMLR 21, 2020, section 6.2", "https://arxiv.org/abs/1901.02324"),
        Source("Martins, Astudillo: From Softmax to Sparsemax, ICML 2016", "https://arxiv.org/abs/1602.02068"),
    ),
    notes=("Sparsemax of (x, 0), as sigmoid is softmax of (x, 0); the derivative of sparse_plus.",),
)  # fmt: skip

FUNCTIONS = (sigmoid, log_sigmoid, tanh, hard_sigmoid, hard_tanh, softsign, sparse_sigmoid)
