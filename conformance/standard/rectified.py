"""Piecewise linear and piecewise polynomial activations: relu and its relatives."""

from __future__ import annotations

from .model import Bar, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import Operand, Real, maximum, minimum

_EXACT = Bar(result=0, argument=0)


def _identity(x: Real) -> Real | Operand:
    return x


identity = Function(
    name="identity",
    title="Identity (linear activation)",
    family="rectified",
    formula="x",
    definition=_identity,
    limits=(Limit("-inf", value="-inf", derivative="1"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="same",
    properties=(
        Property("nondecreasing", "x ≤ y implies identity(x) ≤ identity(y)"),
        Property("odd", "identity(−x) = −identity(x)"),
        Property("at_least_argument", "identity(x) ≥ x"),
    ),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign", "gradient.nan", "errors.argument"),
    sources=(Source("Keras documentation: linear activation", "https://keras.io/api/layers/activations/"),),
    notes=(
        "Nothing can be easier to compute; what it shows is whether anything else (a cast, a flush, a copy) touches the numbers.",
        "Its derivative is 1 whatever x is, so that nothing of a NaN has to be in it.",
        "An identity may return None or a text as well as numbers (torch.nn.Identity takes any arguments, and says so): no rule has it refuse them.",
    ),
)  # fmt: skip


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


def _relu6(x: Real) -> Real | Operand:
    return minimum(maximum(x, 0), 6)


relu6 = Function(
    name="relu6",
    title="Rectified linear unit, capped at 6",
    family="rectified",
    formula="min(max(x, 0), 6)",
    definition=_relu6,
    limits=(Limit("-inf", value="0", derivative="0"), Limit("+inf", value="6", derivative="0")),
    zero_sign="free",
    kinks=(
        Kink("0", at="0", left="0", right="1", customary="0"),
        Kink("6", at="6", left="1", right="0", customary="0"),
    ),
    properties=(
        Property("range", "0 ≤ relu6(x) ≤ 6", low="0", high="6"),
        Property("nondecreasing", "x ≤ y implies relu6(x) ≤ relu6(y)"),
    ),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Krizhevsky: Convolutional Deep Belief Networks on CIFAR-10, 2010",
               "https://www.cs.utoronto.ca/~kriz/conv-cifar10-aug2010.pdf"),
    ),
    notes=(
        "Why 6: Nair and Hinton read relu as a sum of infinitely many shifted binary units, and the paper takes six of them. Later "
        "it proved handy that three bits hold everything before the point.",
        "The result is 0, x or 6, so no implementation needs to round: it is exact in every dtype.",
    ),
)  # fmt: skip


def _clipped_relu(x: Real, negative_slope: Real, max_value: Real, threshold: Real) -> Real | Operand:
    if x >= max_value:
        return max_value
    return x if x >= threshold else negative_slope * (x - threshold)


def _clipped_relu_at_minus_infinity(parameters: Parameters) -> str:
    return "-inf" if parameters["negative_slope"] > 0 else "0"


def _max_value(parameters: Parameters) -> str:
    return repr(parameters["max_value"])


def _slope_beyond_max_value(parameters: Parameters) -> str:
    return "1" if parameters["max_value"] == float("inf") else "0"


def _clipped_relu_sign_of_zero(parameters: Parameters) -> str:
    # Only a leaky unit is a positive multiple of its argument on both sides of zero.
    leaky = parameters["negative_slope"] > 0 and parameters["threshold"] == 0 and parameters["max_value"] > 0
    return "same" if leaky else "none"


def _zero_threshold(parameters: Parameters) -> str:
    return "0" if parameters["threshold"] == 0 else "nan"


def _other_threshold(parameters: Parameters) -> str:
    return repr(parameters["threshold"]) if parameters["threshold"] > 0 else "nan"


def _cap(parameters: Parameters) -> str:
    capped = parameters["threshold"] < parameters["max_value"] < float("inf")
    return repr(parameters["max_value"]) if capped else "nan"


def _negative_slope(parameters: Parameters) -> str:
    return repr(parameters["negative_slope"])


def _slope_above_zero(parameters: Parameters) -> str:
    return "0" if parameters["max_value"] == 0 else "1"


def _clipped_relu_customary(parameters: Parameters) -> str:
    return "0" if parameters["max_value"] == 0 else _negative_slope(parameters)


def _clipped_relu_low(parameters: Parameters) -> str:
    return "0" if parameters["negative_slope"] == 0 else "-inf"


clipped_relu = Function(
    name="clipped_relu",
    title="Rectified linear unit with threshold, cap and slope",
    family="rectified",
    formula="max_value if x ≥ max_value, x if threshold ≤ x < max_value, negative_slope · (x − threshold) otherwise",
    definition=_clipped_relu,
    parameters=(
        Parameter(
            "negative_slope",
            default=0.0,
            meaning="slope below the threshold",
            domain="negative_slope ≥ 0",
            samples=(0.0, 0.1, 1.0, 2.5),
            invalid=(-0.5,),
        ),
        Parameter(
            "max_value",
            default=float("inf"),
            meaning="cap: the largest value",
            domain="max_value ≥ 0, infinity included",
            samples=(float("inf"), 6.0, 0.5, 0.0),
            invalid=(-1.0,),
        ),
        Parameter(
            "threshold",
            default=0.0,
            meaning="below it, x is damped",
            domain="threshold ≥ 0",
            samples=(0.0, 1.0, 0.1),
            invalid=(-1.0,),
        ),
    ),
    pairs=(
        {"negative_slope": 0.3, "threshold": 0.7},
        {"max_value": 6.0, "threshold": 1.0},
        {"max_value": 2.0, "threshold": 2.0},
        # The last two are asked in every dtype: both have all kinks; below, one underflows and the other overflows.
        {"negative_slope": 0.25, "max_value": 6.0},
        {"negative_slope": 2.5, "max_value": 6.0},
    ),
    invalid=({"max_value": 1.0, "threshold": 2.0},),
    limits=(
        Limit("-inf", value=_clipped_relu_at_minus_infinity, derivative=_negative_slope),
        Limit("+inf", value=_max_value, derivative=_slope_beyond_max_value),
    ),
    zero_sign=_clipped_relu_sign_of_zero,
    kinks=(
        Kink("0", at=_zero_threshold, left=_negative_slope, right=_slope_above_zero, customary=_clipped_relu_customary),
        Kink("max_value", at=_cap, left="1", right="0", customary="0"),
    ),
    landmarks=(Landmark("threshold", at=_other_threshold, meaning="jump from 0 to the threshold", jump=True),),
    properties=(
        Property("range", "clipped_relu(x) ≤ max_value, and ≥ 0 without a slope", low=_clipped_relu_low, high=_max_value),
        Property("nondecreasing", "x ≤ y implies clipped_relu(x) ≤ clipped_relu(y)"),
    ),
    sources=(
        Source("Keras documentation: layers.ReLU", "https://keras.io/api/layers/activation_layers/relu/"),
    ),
    notes=(
        "A threshold other than 0 makes a jump: just below it the function is 0, at it it is the threshold.",
        "With threshold = max_value it is a step of that height.",
    ),
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
            samples=(0.01, 0.2, 0.3, 0.0, 1.0, 1e-3, -0.5, 2.5),
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


prelu = Function(
    name="prelu",
    title="Parametric rectified linear unit",
    family="rectified",
    formula="x if x ≥ 0 else slope · x",
    definition=_leaky_relu,
    parameters=(
        Parameter(
            "slope",
            default=0.25,
            meaning="slope for negative x, one for all or one per channel; training changes it",
            domain="any finite number",
            samples=(0.25, 0.0, 1.0, -0.5, 2.5),
            learnt=True,
        ),
    ),
    limits=(Limit("-inf", value=_leaky_relu_at_minus_infinity, derivative=_slope), Limit("+inf", value="+inf", derivative="1")),
    zero_sign=_sign_of_zero,
    kinks=(Kink("0", at="0", left=_slope, right="1", customary=_slope),),
    sources=(
        Source("He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015, section 2.1",
               "https://arxiv.org/abs/1502.01852"),
    ),
    notes=(
        "leaky_relu with a slope that is learnt: its derivative in the slope is x below zero, and 0 above.",
        "The paper starts from 0.25, and forbids weight decay on the slope, which would push it to zero and the unit to relu.",
    ),
)  # fmt: skip


def _rrelu(x: Real, lower: Real, upper: Real) -> Real | Operand:
    return x if x >= 0 else (lower + upper) / 2 * x


def _middle(parameters: Parameters) -> str:
    # The sum of the two sampled numbers is a float64, exactly; the oracle's tests would show where it is not.
    return f"{parameters['lower'] + parameters['upper']!r}/2"


def _rrelu_at_minus_infinity(parameters: Parameters) -> str:
    total = parameters["lower"] + parameters["upper"]
    return "0" if total == 0 else "-inf" if total > 0 else "+inf"


def _rrelu_sign_of_zero(parameters: Parameters) -> str:
    return "same" if parameters["lower"] + parameters["upper"] >= 0 else "none"


rrelu = Function(
    name="rrelu",
    title="Randomized leaky rectified linear unit, in evaluation",
    family="rectified",
    formula="x if x ≥ 0 else (lower + upper)/2 · x",
    definition=_rrelu,
    parameters=(
        Parameter(
            "lower",
            default=1 / 8,
            meaning="smallest slope for negative x in training",
            domain="any finite number",
            samples=(1 / 8, 0.0, -0.5),
        ),
        Parameter(
            "upper",
            default=1 / 3,
            meaning="largest slope for negative x in training",
            domain="any finite number",
            samples=(1 / 3, 1 / 8, 1.0, 2.5),
        ),
    ),
    pairs=({"lower": 0.0, "upper": 0.01}, {"lower": -0.5, "upper": 0.5}, {"lower": 1.0, "upper": 1.0}, {"lower": 2.0, "upper": 3.0}),
    invalid=({"lower": 0.5, "upper": 0.25},),
    drawn=("lower", "upper"),
    limits=(Limit("-inf", value=_rrelu_at_minus_infinity, derivative=_middle), Limit("+inf", value="+inf", derivative="1")),
    zero_sign=_rrelu_sign_of_zero,
    kinks=(Kink("0", at="0", left=_middle, right="1", customary=_middle),),
    sources=(
        Source("Xu, Wang, Chen, Li: Empirical Evaluation of Rectified Activations in Convolutional Network, 2015, section 2.4",
               "https://arxiv.org/abs/1505.00853"),
        Source("PyTorch documentation: torch.nn.RReLU", "https://docs.pytorch.org/docs/stable/generated/torch.nn.RReLU.html"),
    ),
    notes=(
        "In training the slope is drawn anew for every negative element, uniformly between lower and upper; in evaluation it is their mean.",
        "The paper divides by a number drawn from U(3, 8) and evaluates at its mean, x/5.5: a slope of 0.18. The mean of the slopes 1/8 and "
        "1/3, which implementations use, is 0.23: another function under the same name.",
    ),
)  # fmt: skip


def _threshold(x: Real, threshold: Real, value: Real) -> Real | Operand:
    return x if x > threshold else value


def _threshold_value(parameters: Parameters) -> str:
    return repr(parameters["value"])


def _threshold_kink(parameters: Parameters) -> str:
    return repr(parameters["threshold"]) if parameters["threshold"] == parameters["value"] else "nan"


def _threshold_jump(parameters: Parameters) -> str:
    return repr(parameters["threshold"]) if parameters["threshold"] != parameters["value"] else "nan"


def _threshold_sign_of_zero(parameters: Parameters) -> str:
    return "same" if parameters["threshold"] < 0 else "none"


threshold = Function(
    name="threshold",
    title="Threshold",
    family="rectified",
    formula="x if x > threshold else value",
    definition=_threshold,
    parameters=(
        Parameter(
            "threshold",
            default=0.1,
            meaning="up to it, x is replaced",
            domain="any finite number",
            samples=(0.1, 0.0, -1.5, 6.0),
        ),
        Parameter(
            "value",
            default=20.0,
            meaning="what x is replaced by",
            domain="any finite number",
            samples=(20.0, 0.0, -0.5),
        ),
    ),
    pairs=({"threshold": 0.0, "value": 0.0}, {"threshold": -1.5, "value": -2.0}, {"threshold": -1.5, "value": -1.5}),
    limits=(Limit("-inf", value=_threshold_value, derivative="0"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign=_threshold_sign_of_zero,
    kinks=(Kink("threshold", at=_threshold_kink, left="0", right="1", customary="0"),),
    landmarks=(Landmark("jump", at=_threshold_jump, meaning="the threshold, where the function jumps from value to x", jump=True),),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("PyTorch documentation: torch.nn.Threshold", "https://docs.pytorch.org/docs/stable/generated/torch.nn.Threshold.html"),
    ),
    notes=(
        "Continuous only where value = threshold; at threshold = value = 0 it is relu.",
        "The result is x or value: nothing is rounded, but a threshold that the dtype does not hold.",
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

FUNCTIONS = (identity, relu, relu6, clipped_relu, leaky_relu, prelu, rrelu, threshold, hard_swish)
