"""Divergences of two distributions, number by number: that of Kullback and Leibler, and its relatives."""

from __future__ import annotations

from math import inf, nan

from .model import Property, Source
from .real import FARTHEST, counted, exp, log, maximum, minimum, power, xlogx
from .tensors import REDUCTIONS, ROWS, Argument, Core, Edge, Option, TensorFunction

_REDUCTIONS, _ROWS = tuple(REDUCTIONS), tuple(ROWS)

_LOG_PREDICTION = Argument("log_prediction", "log_probability", meaning="logarithm of the predicted probability")
_TARGET = Argument("target", "probability", meaning="the probability that is right")
_WHERE = Argument("where", "mask", meaning="False for places that take no part", differentiable=False, optional=True)

_KULLBACK = Source(
    "Kullback, Leibler: On Information and Sufficiency, Ann. Math. Statist. 22, 1951",
    "https://doi.org/10.1214/aoms/1177729694",
)
_OPTAX = Source("optax documentation: losses", "https://optax.readthedocs.io/en/latest/api/losses.html")
_BOYD = Source(
    "Boyd, Vandenberghe: Convex Optimization, Cambridge University Press 2004, page 90",
    "https://web.stanford.edu/~boyd/cvxbook/",
)

_ZEROS = (
    "0·log 0 = 0, and 0·∞ = 0 where a target of 0 meets a prediction of 0: what does not occur costs nothing, whatever was predicted. "
    "A target above 0 whose prediction is 0 costs ∞."
)
_SUMMED = "One number for each place: the divergence of two distributions is their sum (`rows`)."
_MASKED = "A masked place counts 0, and neither NaN nor infinity gets from there into value or gradient."


def _masked(where: bool | None) -> bool:
    return where is not None and not where


def _kl_divergence(log_prediction: Core, target: Core, where: bool | None = None, *, log_target: bool) -> Core:
    if _masked(where):
        return 0
    if not log_target:
        return xlogx(target) - counted(target, log_prediction)
    if target < -FARTHEST:  # the probability is 0
        return -counted(exp(target), log_prediction)
    return exp(target) * (target - log_prediction)


_ZERO_EDGES = (
    Edge("target 0: prediction ordinary", {"log_prediction": -1.0, "target": 0.0}),
    Edge("target 0: prediction 0", {"log_prediction": -inf, "target": 0.0}),
    Edge("target 0: prediction 1", {"log_prediction": 0.0, "target": 0.0}),
    Edge("target above 0, prediction 0", {"log_prediction": -inf, "target": 0.25}),
    Edge("both 1", {"log_prediction": 0.0, "target": 1.0}),
    Edge("target 1, prediction 0", {"log_prediction": -inf, "target": 1.0}),
    Edge("target smallest", {"log_prediction": -1.0, "target": "smallest_subnormal"}),
    Edge("target nearly the prediction", {"log_prediction": -0.6875, "target": 0.5}),
    Edge("target 1, prediction nearly 1", {"log_prediction": -0.0009765625, "target": 1.0}),
    Edge("prediction far out", {"log_prediction": -10000.0, "target": 0.5}),
    Edge("masked NaN prediction", {"log_prediction": nan, "target": 0.5, "where": False}),
    Edge("masked NaN target", {"log_prediction": -0.5, "target": nan, "where": False}),
    Edge("masked impossible place", {"log_prediction": -inf, "target": 0.5, "where": False}),
    Edge("unmasked place", {"log_prediction": -0.5, "target": 0.5, "where": True}),
)

kl_divergence = TensorFunction(
    name="kl_divergence",
    title="Kullback-Leibler divergence, of a prediction given as logarithm",
    family="divergence",
    formula="t·(log t − log p); with log_target the target is given as log t",
    definition=_kl_divergence,
    arguments=(_LOG_PREDICTION, _TARGET, _WHERE),
    options=(Option("log_target", False, "whether targets are logarithms of probabilities", "True or False", samples=(True,)),),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        *_ZERO_EDGES,
        Edge("log target -inf: prediction ordinary", {"log_prediction": -1.0, "target": -inf}, {"log_target": True}),
        Edge("log target -inf: prediction 0", {"log_prediction": -inf, "target": -inf}, {"log_target": True}),
        Edge("log target ordinary, prediction 0", {"log_prediction": -inf, "target": -1.5}, {"log_target": True}),
        Edge("log target 0", {"log_prediction": -1.0, "target": 0.0}, {"log_target": True}),
        Edge("log target the prediction", {"log_prediction": -1.5, "target": -1.5}, {"log_target": True}),
        Edge("log target near the prediction", {"log_prediction": -100.5, "target": -100.0}, {"log_target": True}),
        Edge("log target far out", {"log_prediction": -1.0, "target": -10000.0}, {"log_target": True}),
    ),
    sources=(
        _KULLBACK,
        Source("PyTorch documentation: torch.nn.KLDivLoss", "https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html"),
        _OPTAX,
    ),
    notes=(
        _SUMMED,
        _ZEROS,
        _MASKED,
        "A single number may be negative; the sum over a distribution is not.",
        "At t = 0 the derivative in the target tends to −∞, as log t does.",
    ),
)  # fmt: skip


def _kl_divergence_of_probabilities(prediction: Core, target: Core, *, clip: Core) -> Core:
    one = power(clip, 0)
    predicted: Core = minimum(maximum(prediction, clip), one)
    right: Core = minimum(maximum(target, clip), one)
    return xlogx(right) - counted(right, log(predicted))


kl_divergence_of_probabilities = TensorFunction(
    name="kl_divergence_of_probabilities",
    title="Kullback-Leibler divergence, of a prediction given as probability",
    family="divergence",
    formula="t·log(t/p), where both are clipped to [clip, 1]",
    definition=_kl_divergence_of_probabilities,
    arguments=(Argument("prediction", "probability", meaning="the predicted probability"), _TARGET),
    options=(Option("clip", 0.0, "the least that probabilities are taken for", "0 ≤ clip < 1", samples=(0.125, 1e-7)),),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=(
        Edge("target 0: prediction ordinary", {"prediction": 0.5, "target": 0.0}),
        Edge("target 0: prediction 0", {"prediction": 0.0, "target": 0.0}),
        Edge("target above 0, prediction 0", {"prediction": 0.0, "target": 0.25}),
        Edge("equal", {"prediction": 0.375, "target": 0.375}),
        Edge("both 1", {"prediction": 1.0, "target": 1.0}),
        Edge("near each other", {"prediction": 0.5, "target": 0.50390625}),
        Edge("prediction smallest", {"prediction": "smallest_normal", "target": 0.5}),
        Edge("target smallest", {"prediction": 0.5, "target": "smallest_normal"}),
        Edge("prediction below the clip", {"prediction": 0.0625, "target": 0.5}, {"clip": 0.125}),
        Edge("prediction exactly the clip", {"prediction": 0.125, "target": 0.5}, {"clip": 0.125}),
        Edge("prediction 0, clipped", {"prediction": 0.0, "target": 0.5}, {"clip": 0.125}),
        Edge("target below the clip", {"prediction": 0.5, "target": 0.0625}, {"clip": 0.125}),
        Edge("both below the clip", {"prediction": 0.0625, "target": 0.03125}, {"clip": 0.125}),
        Edge("both 0, clipped", {"prediction": 0.0, "target": 0.0}, {"clip": 0.125}),
    ),
    sources=(
        _KULLBACK,
        Source("Keras documentation: probabilistic losses", "https://keras.io/api/losses/probabilistic_losses/"),
        Source("SciPy documentation: scipy.special.rel_entr", "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special.rel_entr.html"),
    ),
    notes=(_SUMMED, _ZEROS, "What is clipped is a constant: its derivative is 0."),
)  # fmt: skip


def _generalized_kl_divergence(log_prediction: Core, target: Core, where: bool | None = None) -> Core:
    if _masked(where):
        return 0
    return xlogx(target) - counted(target, log_prediction) + exp(log_prediction) - target


generalized_kl_divergence = TensorFunction(
    name="generalized_kl_divergence",
    title="Generalized Kullback-Leibler divergence",
    family="divergence",
    formula="t·(log t − log p) + p − t",
    definition=_generalized_kl_divergence,
    arguments=(_LOG_PREDICTION, _TARGET, _WHERE),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=_ZERO_EDGES,
    properties=(Property("nonnegative", "no number is below 0"),),
    sources=(_BOYD, _OPTAX),
    notes=(
        _SUMMED,
        _ZEROS,
        _MASKED,
        "For numbers that need not sum to one: the Bregman divergence of x·log x − x. Every single number is 0 or more, and 0 where "
        "p = t only.",
    ),
)  # fmt: skip

convex_kl_divergence = TensorFunction(
    name="convex_kl_divergence",
    title="Convex Kullback-Leibler divergence (older name of the generalized one)",
    family="divergence",
    formula="t·(log t − log p) + p − t",
    definition=_generalized_kl_divergence,
    arguments=(_LOG_PREDICTION, _TARGET, _WHERE),
    reductions=_REDUCTIONS,
    rows=_ROWS,
    weighted=True,
    axis=True,
    smooth=True,
    edges=_ZERO_EDGES,
    properties=(Property("nonnegative", "no number is below 0"),),
    sources=(_BOYD, _OPTAX),
    notes=("What optax called it before version 0.2.4; deprecated there.", _SUMMED, _ZEROS, _MASKED),
)  # fmt: skip

FUNCTIONS: tuple[TensorFunction, ...] = (
    kl_divergence,
    kl_divergence_of_probabilities,
    convex_kl_divergence,
    generalized_kl_divergence,
)
