"""Losses for predictions that are numbers: squared error and its relatives."""

from __future__ import annotations

from math import inf, nan

from .model import Property, Source
from .real import LOG_2, PI, Constant, absolute, atan, exp, expm1, log, log1p, maximum, power, total, xlogx, xlogy
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction

HALF_LOG_2_PI = Constant("½ log 2π", lambda one: log(8 * atan(one)) / 2)

_REDUCTIONS, _ROWS = tuple(REDUCTIONS), tuple(ROWS)

_PREDICTION = Argument("prediction", "real", meaning="what is predicted")
_TARGET = Argument("target", "real", meaning="what is right")
_MAYBE_TARGET = Argument("target", "real", meaning="what is right; 0 where it is not given", optional=True)

_NONNEGATIVE = Property("nonnegative", "no loss is below 0")
_ZERO = Property("zero_at_equality", "value and gradient are 0 where prediction and target are equal")
_SYMMETRIC = Property("symmetric", "prediction and target may change places")

_KERAS = Source("Keras documentation: regression losses", "https://keras.io/api/losses/regression_losses/")
_OPTAX = Source("optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html")


def _pytorch(name: str) -> Source:
    return Source(
        f"PyTorch documentation: torch.nn.{name}",
        f"https://docs.pytorch.org/docs/stable/generated/torch.nn.{name}.html",
    )


def _error(prediction: Core, target: Core) -> Core:
    return prediction if target is None else prediction - target


def _squared_error(prediction: Core, target: Core = None, *, factor: Core) -> Core:
    error = _error(prediction, target)
    return error * error * factor


squared_error = TensorFunction(
    name="squared_error",
    title="Squared error (L2 loss)",
    family="regression",
    formula="factor · (p − t)²",
    definition=_squared_error,
    arguments=(_PREDICTION, _MAYBE_TARGET),
    options=(Option("factor", 1.0, "what the square is multiplied by: 1, or ½ in Bishop's convention", "factor > 0", samples=(0.5,)),),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("prediction or target tiny: square underflows", {"prediction": "smallest_normal", "target": 0.0}),
        Edge("prediction or target tiny: error subnormal", {"prediction": "smallest_subnormal", "target": 0.0}),
        Edge("small error of ordinary numbers", {"prediction": 1.0, "target": 1.0078125}),
        Edge("prediction or target large: square overflows", {"prediction": "largest", "target": 1.0}),
        Edge("prediction or target large: error overflows", {"prediction": "largest", "target": "-largest"}),
        Edge("prediction or target large: large and equal", {"prediction": "largest", "target": "largest"}),
        Edge("prediction or target infinite: infinities of opposite signs", {"prediction": inf, "target": -inf}),
    ),
    properties=(_NONNEGATIVE, _ZERO, _SYMMETRIC),
    sources=(
        Source("Bishop: Pattern Recognition and Machine Learning, Springer 2006, section 1.1 (with the factor ½)",
               "https://link.springer.com/book/9780387310732"),
        _pytorch("MSELoss"),
        _KERAS,
        _OPTAX,
        Source("TensorFlow documentation: tf.nn.l2_loss", "https://www.tensorflow.org/api_docs/python/tf/nn/l2_loss"),
    ),
    notes=(
        "optax.l2_loss and tf.nn.l2_loss have the factor ½, mean squared error has not.",
        "A sum of squares may overflow while their mean does not.",
    ),
)  # fmt: skip


def _absolute_error(prediction: Core, target: Core) -> Core:
    return absolute(prediction - target)


absolute_error = TensorFunction(
    name="absolute_error",
    title="Absolute error (L1 loss)",
    family="regression",
    formula="|p − t|",
    definition=_absolute_error,
    arguments=(_PREDICTION, _TARGET),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    edges=(
        Edge("prediction or target tiny: error subnormal", {"prediction": "smallest_subnormal", "target": 0.0}),
        Edge("small error of ordinary numbers", {"prediction": 1.0, "target": 1.0078125}),
        Edge("prediction or target large: error overflows", {"prediction": "largest", "target": "-largest"}),
        Edge("prediction or target infinite: infinities of opposite signs", {"prediction": inf, "target": -inf}),
    ),
    properties=(_NONNEGATIVE, _SYMMETRIC),
    sources=(_pytorch("L1Loss"), _KERAS),
    notes=("At equality every slope from −1 to 1 is a subgradient; 0 is customary.",),
)  # fmt: skip


def _huber(prediction: Core, target: Core, *, delta: Core) -> Core:
    error = prediction - target
    size = absolute(error)
    return error * error / 2 if size <= delta else delta * (size - delta / 2)


huber = TensorFunction(
    name="huber",
    title="Huber loss",
    family="regression",
    formula="½(p − t)² if |p − t| ≤ δ, δ·(|p − t| − ½δ) otherwise",
    definition=_huber,
    arguments=(_PREDICTION, _TARGET),
    options=(
        Option("delta", 1.0, "δ, the error from which on the loss is linear", "delta > 0, infinity included",
               samples=(0.25, 5.0, 1e-3, 1e4, inf), invalid=(-1.0,)),
    ),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    edges=(
        Edge("error exactly delta", {"prediction": 1.5, "target": 0.5}),
        Edge("error exactly minus delta", {"prediction": -0.5, "target": 0.5}),
        Edge("error next to delta: beyond", {"prediction": 1.0009765625, "target": 0.0}),
        Edge("error next to delta: within", {"prediction": 0.0, "target": 0.9990234375}),
        Edge("error exactly delta of 0.25", {"prediction": 1.25, "target": 1.0}, {"delta": 0.25}),
        Edge("never linear", {"prediction": 100.0, "target": -20.0}, {"delta": inf}),
        Edge("never linear: infinite error", {"prediction": inf, "target": 0.0}, {"delta": inf}),
        Edge("always linear", {"prediction": 3.0, "target": 1.0}, {"delta": 0.0009765625}),
        Edge("prediction or target infinite: infinite error", {"prediction": -inf, "target": 1.0}),
        Edge("prediction or target tiny: square underflows", {"prediction": "smallest_normal", "target": 0.0}),
        Edge("prediction or target large: square would overflow", {"prediction": "largest", "target": 1.0}),
        Edge("prediction or target large: delta times error overflows", {"prediction": "largest", "target": 1.0}, {"delta": 16.0}),
        Edge("prediction or target infinite: infinities of opposite signs", {"prediction": inf, "target": -inf}),
    ),
    properties=(_NONNEGATIVE, _ZERO, _SYMMETRIC),
    sources=(
        Source("Huber: Robust Estimation of a Location Parameter, Ann. Math. Statist. 35, 1964", "https://doi.org/10.1214/aoms/1177703732"),
        _pytorch("HuberLoss"),
        _KERAS,
        _OPTAX,
    ),
    notes=(
        "δ · smooth_l1 with beta = δ. For δ = ∞ it is half the squared error.",
        "Differentiable everywhere: both pieces have the slope ±δ at |p − t| = δ.",
    ),
)  # fmt: skip


def _smooth_l1(prediction: Core, target: Core, *, beta: Core) -> Core:
    error = prediction - target
    size = absolute(error)
    return error * error / (beta * 2) if size < beta else size - beta / 2


smooth_l1 = TensorFunction(
    name="smooth_l1",
    title="Smooth L1 loss",
    family="regression",
    formula="(p − t)² / (2β) if |p − t| < β, |p − t| − ½β otherwise",
    definition=_smooth_l1,
    arguments=(_PREDICTION, _TARGET),
    options=(
        Option("beta", 1.0, "β, the error from which on the loss is linear; 0 makes it the absolute error", "beta ≥ 0, infinity included",
               samples=(0.25, 5.0, 1e-3, 0.0, inf), invalid=(-1.0,)),
    ),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    edges=(
        Edge("error exactly beta", {"prediction": 1.5, "target": 0.5}),
        Edge("error exactly minus beta", {"prediction": -0.5, "target": 0.5}),
        Edge("error next to beta: beyond", {"prediction": 1.0009765625, "target": 0.0}),
        Edge("error next to beta: within", {"prediction": 0.0, "target": 0.9990234375}),
        Edge("error exactly beta of 0.25", {"prediction": 1.25, "target": 1.0}, {"beta": 0.25}),
        Edge("beta 0, equal", {"prediction": 1.5, "target": 1.5}, {"beta": 0.0}),
        Edge("beta 0, different", {"prediction": 1.5, "target": -0.5}, {"beta": 0.0}),
        Edge("beta 0, error subnormal", {"prediction": "smallest_subnormal", "target": 0.0}, {"beta": 0.0}),
        Edge("beta infinite", {"prediction": 100.0, "target": -20.0}, {"beta": inf}),
        Edge("prediction or target infinite: infinite error", {"prediction": -inf, "target": 1.0}),
        Edge("prediction or target large: square would overflow", {"prediction": "largest", "target": 1.0}),
        Edge("prediction or target infinite: infinities of opposite signs", {"prediction": inf, "target": -inf}),
    ),
    properties=(_NONNEGATIVE, _ZERO, _SYMMETRIC),
    sources=(
        Source("Girshick: Fast R-CNN, ICCV 2015, section 2.3 (with β = 1)", "https://arxiv.org/abs/1504.08083"),
        _pytorch("SmoothL1Loss"),
    ),
    notes=("For β → ∞ it tends to 0 everywhere, where huber tends to half the squared error.",),
)  # fmt: skip


def _log_cosh(prediction: Core, target: Core = None) -> Core:
    size = absolute(_error(prediction, target))
    if size <= 1:  # cosh(x) = 1 + (e^x − 1)²·e^(−x)/2
        near = expm1(size)
        return log1p(near * near * exp(-size) / 2)
    return size + log1p(exp(size * -2)) - LOG_2


log_cosh = TensorFunction(
    name="log_cosh",
    title="Logarithm of the hyperbolic cosine",
    family="regression",
    formula="log cosh(p − t)",
    definition=_log_cosh,
    arguments=(_PREDICTION, _MAYBE_TARGET),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("cosh overflows in float32", {"prediction": 100.0, "target": 0.0}),
        Edge("cosh overflows in float64", {"prediction": -1000.0, "target": 0.0}),
        Edge("small error", {"prediction": 0.0009765625, "target": 0.0}),
        Edge("small error of ordinary numbers", {"prediction": 1.0, "target": 1.0078125}),
        Edge("prediction or target tiny: square underflows", {"prediction": "smallest_normal", "target": 0.0}),
        Edge("prediction or target infinite: infinite error", {"prediction": -inf, "target": 1.0}),
        Edge("prediction or target infinite: infinities of opposite signs", {"prediction": inf, "target": -inf}),
    ),
    properties=(_NONNEGATIVE, _ZERO, _SYMMETRIC),
    sources=(
        Source("Chen et al.: Log Hyperbolic Cosine Loss Improves Variational Auto-Encoder, 2019", "https://openreview.net/forum?id=rkglvsC9Ym"),
        _KERAS,
        _OPTAX,
    ),
    notes=(
        "Near 0 it is ½(p − t)², far out |p − t| − log 2. As log(e^x + e^(−x)) − log 2 the small ones lose all digits: what is "
        "subtracted is much larger than what is left.",
    ),
)  # fmt: skip


def _absolute_percentage_error(prediction: Core, target: Core, *, epsilon: Core) -> Core:
    scale = maximum(absolute(target), epsilon)
    # 1/0 is ∞ here, its limit from the right: an error per nothing is infinite.
    return absolute(prediction - target) * power(scale, -1) * 100


absolute_percentage_error = TensorFunction(
    name="absolute_percentage_error",
    title="Absolute percentage error",
    family="regression",
    formula="100 · |t − p| / max(|t|, ε)",
    definition=_absolute_percentage_error,
    arguments=(_PREDICTION, _TARGET),
    options=(Option("epsilon", 0.0, "ε, the least that is divided by", "epsilon ≥ 0", samples=(0.125, 1e-7)),),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    edges=(
        Edge("target 0", {"prediction": 1.5, "target": 0.0}),
        Edge("both 0", {"prediction": 0.0, "target": 0.0}, free="0/0"),
        Edge("target 0, with an epsilon", {"prediction": 1.5, "target": 0.0}, {"epsilon": 0.125}),
        Edge("both 0, with an epsilon", {"prediction": 0.0, "target": 0.0}, {"epsilon": 0.125}),
        Edge("target exactly epsilon", {"prediction": 1.5, "target": -0.125}, {"epsilon": 0.125}),
        Edge("target negative", {"prediction": 1.5, "target": -0.5}),
        Edge("prediction 0", {"prediction": 0.0, "target": -3.0}),
        Edge("prediction or target tiny: target tiny", {"prediction": 1.0, "target": "smallest_normal"}),
        Edge("prediction or target large: target largest", {"prediction": 1.0, "target": "largest"}),
        Edge("prediction or target large: hundredfold overflows", {"prediction": "largest", "target": 1.0}),
    ),
    properties=(_NONNEGATIVE,),
    sources=(
        _KERAS,
        Source("Hyndman, Koehler: Another Look at Measures of Forecast Accuracy, Int. J. Forecasting 22, 2006",
               "https://doi.org/10.1016/j.ijforecast.2006.03.001"),
    ),
    notes=("Not symmetric: it is the target that the error is a percentage of.",),
)  # fmt: skip


def _squared_log_error(prediction: Core, target: Core, *, epsilon: Core) -> Core:
    predicted: Core = maximum(prediction, epsilon)
    right: Core = maximum(target, epsilon)
    # log(1 + a) − log(1 + b) = log(1 + (a − b)/(1 + b)), which is 0 where they are equal, and says so at any precision.
    larger, smaller = (predicted, right) if predicted >= right else (right, predicted)
    difference = log1p((larger - smaller) / (smaller + 1))
    return difference * difference


squared_log_error = TensorFunction(
    name="squared_log_error",
    title="Squared logarithmic error",
    family="regression",
    formula="(log(max(p, ε) + 1) − log(max(t, ε) + 1))²",
    definition=_squared_log_error,
    arguments=(_PREDICTION, _TARGET),
    options=(Option("epsilon", 0.0, "ε, what smaller numbers are replaced by", "epsilon ≥ 0", samples=(0.125, 1e-7)),),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    edges=(
        Edge("prediction negative", {"prediction": -1.0, "target": 2.0}),
        Edge("prediction below -1", {"prediction": -5.0, "target": 2.0}),
        Edge("target negative", {"prediction": 2.0, "target": -1.0}),
        Edge("both negative", {"prediction": -1.0, "target": -3.0}),
        Edge("both negative, with an epsilon", {"prediction": -1.0, "target": -3.0}, {"epsilon": 0.125}),
        Edge("prediction exactly epsilon", {"prediction": 0.125, "target": 2.0}, {"epsilon": 0.125}),
        Edge("both small", {"prediction": 0.0009765625, "target": 0.00048828125}),
        Edge("near each other", {"prediction": 100.0, "target": 100.5}),
        Edge("prediction or target large: prediction largest", {"prediction": "largest", "target": 0.0}),
        Edge("prediction or target infinite: prediction alone", {"prediction": inf, "target": 2.0}),
        Edge("prediction or target infinite: both infinite", {"prediction": inf, "target": inf}),
    ),
    properties=(_NONNEGATIVE, _ZERO, _SYMMETRIC),
    sources=(_KERAS,),
    notes=("Numbers below ε count as ε: their gradient is 0.",),
)  # fmt: skip


def _poisson_nll(prediction: Core, target: Core, *, log_input: bool, full: bool, epsilon: Core) -> Core:
    if log_input:
        terms = [exp(prediction), -(target * prediction)]
    else:
        rate = prediction + epsilon
        # A rate of 0 explains a count of 0 (0·log 0 = 0); one below 0 has no logarithm, whatever the count.
        terms = [prediction, -(target * log(rate) if rate < 0 else xlogy(target, rate))]
    if full and target > 1:
        # These terms cancel those above, and no implementation in one format can avoid that.
        return total([*terms, xlogx(target), -target, log(target * PI * 2) / 2])
    return terms[0] + terms[1]


poisson_nll = TensorFunction(
    name="poisson_nll",
    title="Negative log likelihood of a Poisson distribution",
    family="regression",
    formula="e^p − t·p, or p − t·log(p + ε) for rates instead of their logarithms; full adds t·log t − t + ½·log(2πt) for t > 1",
    definition=_poisson_nll,
    arguments=(
        Argument("prediction", "real", meaning="logarithms of rates, or rates"),
        Argument("target", "nonnegative", meaning="counts"),
    ),
    options=(
        Option("log_input", True, "whether predictions are logarithms of rates", "True or False", samples=(False,)),
        Option("full", False, "whether Stirling's approximation of log t! is added", "True or False", samples=(True,)),
        Option("epsilon", 0.0, "ε, what is added to rates before the logarithm", "epsilon ≥ 0", samples=(0.125,)),
    ),
    pairs=(
        {"log_input": False, "epsilon": 0.125},
        {"log_input": False, "epsilon": 1e-8},
        {"log_input": False, "full": True},
    ),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("count 0", {"prediction": 0.5, "target": 0.0}),
        Edge("count 0, rate tiny", {"prediction": -100.0, "target": 0.0}),
        Edge("rate overflows in float32", {"prediction": 100.0, "target": 2.0}),
        Edge("rate exactly the count", {"prediction": 0.0, "target": 1.0}),
        Edge("count 1, full", {"prediction": 0.5, "target": 1.0}, {"full": True}),
        Edge("count below 1, full", {"prediction": 0.5, "target": 0.5}, {"full": True}),
        Edge("count 0, full", {"prediction": 0.5, "target": 0.0}, {"full": True}),
        Edge("count above 1, full", {"prediction": 0.5, "target": 1.5}, {"full": True}),
        Edge("count large, full", {"prediction": 9.0, "target": 8192.0}, {"full": True}),
        Edge("rate 0, count 0", {"prediction": 0.0, "target": 0.0}, {"log_input": False}),
        Edge("rate 0, count 2", {"prediction": 0.0, "target": 2.0}, {"log_input": False}),
        Edge("rate 0, count 2, with an epsilon", {"prediction": 0.0, "target": 2.0}, {"log_input": False, "epsilon": 0.125}),
        Edge("rate e, count e", {"prediction": 2.71875, "target": 2.71875}, {"log_input": False}),
        Edge("prediction tiny: rate tiny", {"prediction": "smallest_normal", "target": 3.0}, {"log_input": False}),
        Edge("rate negative", {"prediction": -0.5, "target": 2.0}, {"log_input": False}, free="no rate is below 0"),
    ),
    sources=(
        _pytorch("PoissonNLLLoss"),
        Source("TensorFlow documentation: tf.nn.log_poisson_loss", "https://www.tensorflow.org/api_docs/python/tf/nn/log_poisson_loss"),
        Source("Keras documentation: probabilistic losses", "https://keras.io/api/losses/probabilistic_losses/"),
        Source("NIST Digital Library of Mathematical Functions, 5.11 (Stirling's formula)", "https://dlmf.nist.gov/5.11"),
    ),
    notes=(
        "What full adds does not depend on the prediction: it changes the value and the derivative in the target.",
        "For counts up to 1 Stirling's approximation is left out: as a function of the target, the full loss jumps at 1.",
        "At +∞ the formula is ∞ − ∞, and nothing is prescribed.",
    ),
)  # fmt: skip


def _gaussian_nll(prediction: Core, target: Core, variance: Core, *, full: bool, epsilon: Core) -> Core:
    error = prediction - target
    spread: Core = maximum(variance, epsilon)
    loss = (log(spread) + error * error / spread) / 2
    return loss + HALF_LOG_2_PI if full else loss


gaussian_nll = TensorFunction(
    name="gaussian_nll",
    title="Negative log likelihood of a Gaussian distribution",
    family="regression",
    formula="½·(log max(v, ε) + (p − t)²/max(v, ε)); full adds ½·log 2π",
    definition=_gaussian_nll,
    arguments=(
        Argument("prediction", "real", meaning="means"),
        _TARGET,
        Argument("variance", "positive", meaning="variances"),
    ),
    options=(
        Option("full", False, "whether ½·log 2π is added", "True or False", samples=(True,)),
        Option("epsilon", 0.0, "ε, the least variance", "epsilon ≥ 0", samples=(0.125, 1e-6)),
    ),
    pairs=({"full": True, "epsilon": 0.5},),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("variance exactly epsilon", {"prediction": 1.5, "target": 0.5, "variance": 0.125}, {"epsilon": 0.125}),
        Edge("variance below epsilon: half of it", {"prediction": 1.5, "target": 0.5, "variance": 0.0625}, {"epsilon": 0.125}),
        Edge("variance below epsilon: 0", {"prediction": 1.5, "target": 0.5, "variance": 0.0}, {"epsilon": 0.125}),
        Edge("variance 0, equal", {"prediction": 1.5, "target": 1.5, "variance": 0.0}, free="log 0 + 0/0"),
        Edge("variance 1, equal", {"prediction": 1.5, "target": 1.5, "variance": 1.0}),
        Edge("variance smallest, equal", {"prediction": 1.5, "target": 1.5, "variance": "smallest_normal"}),
        Edge("variance largest", {"prediction": 1.5, "target": 0.5, "variance": "largest"}),
        Edge("quotient overflows", {"prediction": "largest", "target": 0.0, "variance": 0.5}),
        Edge("variance the squared error", {"prediction": 2.0, "target": 0.0, "variance": 4.0}),
    ),
    sources=(
        Source("Nix, Weigend: Estimating the Mean and Variance of the Target Probability Distribution, ICNN 1994",
               "https://doi.org/10.1109/ICNN.1994.374138"),
        _pytorch("GaussianNLLLoss"),
    ),
    notes=(
        "Below ε the loss does not depend on the variance, and the derivative in it is 0; PyTorch documents that its derivative "
        "ignores the clamp.",
    ),
)  # fmt: skip


def _average_loss(loss: Core, weights: Core = None, *, batch_size: int | None) -> Core:
    if not loss:
        return 0
    terms = loss if weights is None else [weight * number for weight, number in zip(weights, loss, strict=True)]
    return total(terms) / (len(loss) if batch_size is None else batch_size)


average_loss = TensorFunction(
    name="average_loss",
    title="Average of losses over a batch that may be elsewhere in part",
    family="regression",
    formula="Σᵢ wᵢ·lᵢ / batch_size, with w = 1 where no weights are given",
    definition=_average_loss,
    arguments=(
        Argument("loss", "real", ("n",), "losses of samples"),
        Argument("weights", "nonnegative", ("n",), "what each of them counts", optional=True),
    ),
    options=(
        Option("batch_size", None, "what the sum is divided by; None for the number of losses", "a whole number above 0, or None",
               samples=(7, 1, 1000), invalid=(-1,)),
    ),
    smooth=True,
    edges=(
        Edge("sum overflows, average does not", {"loss": ("largest", "largest", "-largest", "largest")}),
        Edge("losses that cancel", {"loss": (1.0, -1.0, 0.5)}),
        Edge("every weight 0", {"loss": (1.0, -2.0, 0.5), "weights": (0.0, 0.0, 0.0)}),
        Edge("NaN of weight 0", {"loss": (1.0, nan, 0.5), "weights": (1.0, 0.0, 2.0)}),
        Edge("infinite loss", {"loss": (1.0, inf, 0.5)}),
        Edge("a single loss", {"loss": (3.5,)}, {"batch_size": 7}),
    ),
    sources=(
        Source("TensorFlow documentation: tf.nn.compute_average_loss",
               "https://www.tensorflow.org/api_docs/python/tf/nn/compute_average_loss"),
    ),
    notes=(
        "Weights do not change what is divided by. A weight of 0 is no mask: 0 · NaN is NaN.",
        "The average of an empty batch is 0, as TensorFlow documents for a batch of size 0.",
    ),
)  # fmt: skip

FUNCTIONS: tuple[TensorFunction, ...] = (
    squared_error,
    absolute_error,
    huber,
    smooth_l1,
    log_cosh,
    absolute_percentage_error,
    squared_log_error,
    poisson_nll,
    gaussian_nll,
    average_loss,
)
