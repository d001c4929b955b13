"""Shrinkage: activations that leave large arguments (nearly) alone and take small ones to zero."""

from __future__ import annotations

from .model import Bar, Function, Kink, Landmark, Limit, Parameter, Parameters, Property, Source
from .real import Operand, Real, tanh

_EXACT = Bar(result=0, argument=0)


def _soft_shrink(x: Real, threshold: Real) -> Real | Operand:
    if x > threshold:
        return x - threshold
    return x + threshold if x < -threshold else 0


def _above(parameters: Parameters) -> str:
    # Without a threshold the function is the identity, and has no such place.
    return repr(parameters["threshold"]) if parameters["threshold"] > 0 else "nan"


def _below(parameters: Parameters) -> str:
    return repr(-parameters["threshold"]) if parameters["threshold"] > 0 else "nan"


soft_shrink = Function(
    name="soft_shrink",
    title="Soft shrinkage",
    family="shrink",
    formula="x − threshold if x > threshold, x + threshold if x < −threshold, 0 otherwise",
    definition=_soft_shrink,
    parameters=(
        Parameter(
            "threshold",
            default=0.5,
            meaning="how far every argument moves towards zero",
            domain="threshold ≥ 0",
            samples=(0.5, 0.0, 0.1, 3.0, 1000.0),
            invalid=(-0.5,),
        ),
    ),
    limits=(Limit("-inf", value="-inf", derivative="1"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="free",
    kinks=(
        Kink("-threshold", at=_below, left="1", right="0", customary="0"),
        Kink("threshold", at=_above, left="0", right="1", customary="0"),
    ),
    properties=(
        Property("nondecreasing", "x ≤ y implies soft_shrink(x) ≤ soft_shrink(y)"),
        Property("odd", "soft_shrink(−x) = −soft_shrink(x)"),
    ),
    bars={"gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Donoho: De-noising by Soft-Thresholding, IEEE Transactions on Information Theory 41(3), 1995",
               "https://doi.org/10.1109/18.382009"),
    ),
    notes=("It is the proximal operator of threshold · |x|: the step that makes the lasso sparse.",),
)  # fmt: skip


def _hard_shrink(x: Real, threshold: Real) -> Real | Operand:
    return x if x > threshold or x < -threshold else 0


hard_shrink = Function(
    name="hard_shrink",
    title="Hard shrinkage",
    family="shrink",
    formula="x if |x| > threshold else 0",
    definition=_hard_shrink,
    parameters=(
        Parameter(
            "threshold",
            default=0.5,
            meaning="arguments up to this size become zero",
            domain="threshold ≥ 0",
            samples=(0.5, 0.0, 0.1, 3.0, 1000.0),
        ),
    ),
    limits=(Limit("-inf", value="-inf", derivative="1"), Limit("+inf", value="+inf", derivative="1")),
    zero_sign="free",
    landmarks=(
        Landmark("-threshold", at=_below, meaning="jump from −threshold to 0", jump=True),
        Landmark("threshold", at=_above, meaning="jump from 0 to threshold", jump=True),
    ),
    properties=(
        Property("nondecreasing", "x ≤ y implies hard_shrink(x) ≤ hard_shrink(y)"),
        Property("odd", "hard_shrink(−x) = −hard_shrink(x)"),
    ),
    bars={"value": _EXACT, "gradient": _EXACT, "second_derivative": _EXACT},
    inapplicable=("overflow", "underflow_sign"),
    sources=(
        Source("Donoho, Johnstone: Ideal Spatial Adaptation by Wavelet Shrinkage, Biometrika 81(3), 1994",
               "https://doi.org/10.1093/biomet/81.3.425"),
    ),
    notes=("The result is x or 0: nothing is rounded, but a threshold that the dtype does not hold.",),
)  # fmt: skip


def _tanh_shrink(x: Real) -> Real | Operand:
    return x - tanh(x)


tanh_shrink = Function(
    name="tanh_shrink",
    title="Tanh shrinkage",
    family="shrink",
    formula="x − tanh(x)",
    definition=_tanh_shrink,
    limits=(
        Limit("-inf", value="-inf", derivative="1", second_derivative="-0"),
        Limit("+inf", value="+inf", derivative="1", second_derivative="+0"),
    ),
    zero_sign="same",
    properties=(
        Property("nondecreasing", "x ≤ y implies tanh_shrink(x) ≤ tanh_shrink(y)"),
        Property("odd", "tanh_shrink(−x) = −tanh_shrink(x)"),
    ),
    inapplicable=("overflow",),
    sources=(
        Source("PyTorch documentation: torch.nn.Tanhshrink", "https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html"),
    ),
    notes=(
        "Near zero it is x³/3, and the formula as it stands subtracts two numbers that agree in all their digits: in float32 it has no "
        "digit left below |x| = 4·10⁻⁴. The series x³/3 − 2x⁵/15 + … has them all.",
    ),
)  # fmt: skip

FUNCTIONS = (soft_shrink, hard_shrink, tanh_shrink)
