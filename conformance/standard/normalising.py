"""Activations that put numbers along an axis in relation to one another: softmax and its relatives."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .model import Property, Source
from .real import FARTHEST, MINUS_INFINITY, UNDEFINED, each, exp, log, log_sum_exp, power, total
from .tensors import Argument, Core, Edge, Option, TensorFunction

_WHERE = Argument("where", "mask", ("n",), "False for places that take no part", differentiable=False, optional=True)
_X = Argument("x", "logit", ("n",), "logits")

_RANGE = Property("range", "0 ≤ p ≤ 1", low="0", high="1")
_SUM = Property("sums_to_one", "the results of a row sum to one")
_SHIFT = Property("shift_invariant", "a constant added to all logits changes nothing")

_BRIDLE = Source("Bridle: Probabilistic Interpretation of Feedforward Classification Network Outputs, Neurocomputing, 1990",
                 "https://doi.org/10.1007/978-3-642-76153-9_28")  # fmt: skip
_HIGHAM = Source("Blanchard, Higham, Higham: Accurately Computing the Log-Sum-Exp and Softmax Functions, IMA J. Numer. Anal. 41, 2021",
                 "https://arxiv.org/abs/1909.03469")  # fmt: skip
_JAX_SOFTMAX = Source(
    "JAX documentation: jax.nn.softmax", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.softmax.html"
)

_INFINITE = (
    "A row that holds +∞ has no softmax: ∞/∞ is no number, and jax.nn.softmax documents NaN for the whole row. Neither has a row "
    "of nothing but −∞: 0/0."
)
_SHIFTED = (
    "Nothing overflows after the largest logit is subtracted from all of them; what must not be subtracted is a number of "
    "another row, or a masked one."
)


def _counts(x: Core, where: Core) -> Any:
    """Which places take part: every one, where there is no mask."""
    return (True,) * len(x) if where is None else where


def _softmax(x: Core, where: Core = None) -> Core:
    counts = _counts(x, where)
    exponentials = [exp(logit) if counts_here else None for logit, counts_here in zip(x, counts, strict=True)]
    partition = total([e for e in exponentials if e is not None])
    row = [0 if e is None else e / partition for e in exponentials]
    if any(logit > FARTHEST for logit, counts_here in zip(x, counts, strict=True) if counts_here):
        undefined = partition / partition
        row = [0 if e is None else p * undefined for p, e in zip(row, exponentials, strict=True)]
    return tuple(row)


softmax = TensorFunction(
    name="softmax",
    title="Softmax",
    family="normalising",
    formula="e^xᵢ / Σⱼ e^xⱼ",
    definition=_softmax,
    arguments=(_X, _WHERE),
    result=("n",),
    axis=True,
    several_axes=True,
    smooth=True,
    edges=(
        Edge("masked NaN", {"x": (nan, 1.0, -2.0), "where": (False, True, True)}),
        Edge("masked +inf", {"x": (1.0, inf, -2.0), "where": (True, False, True)}),
        Edge("masked largest beside small ones", {"x": (-4.0, -2.0, "largest"), "where": (True, True, False)}),
        Edge("all masked", {"x": (0.5, 1.0, -2.0), "where": (False, False, False)}),
        Edge("all but one masked", {"x": (0.5, 1.0, -2.0), "where": (False, True, False)}),
        Edge("x large: largest and its negative", {"x": ("largest", "-largest", 0.0)}),
        Edge("lone logit", {"x": (-3.0,)}),
        Edge("x infinite: some logits -inf", {"x": (-inf, 1.0, -inf, 0.5)}),
    ),
    properties=(_RANGE, _SUM, _SHIFT),
    sources=(
        _BRIDLE,
        _HIGHAM,
        Source("PyTorch documentation: torch.nn.functional.softmax",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html"),
        _JAX_SOFTMAX,
    ),
    notes=(
        _SHIFTED,
        _INFINITE,
        "Masked places give 0, and the others are as if those were not there; where all are masked, all give 0.",
    ),
)  # fmt: skip


def _log_softmax(x: Core, where: Core = None) -> Core:
    counts = _counts(x, where)
    part = [logit for logit, counts_here in zip(x, counts, strict=True) if counts_here]
    if not part:
        return (MINUS_INFINITY,) * len(x)
    normaliser = log_sum_exp(part)
    if any(logit > FARTHEST for logit in part):
        partition = total([exp(logit) for logit in part])
        normaliser = normaliser * (partition / partition)
    return tuple(
        logit - normaliser if counts_here else MINUS_INFINITY for logit, counts_here in zip(x, counts, strict=True)
    )


log_softmax = TensorFunction(
    name="log_softmax",
    title="Logarithm of softmax",
    family="normalising",
    formula="xᵢ − log Σⱼ e^xⱼ",
    definition=_log_softmax,
    arguments=(_X, _WHERE),
    result=("n",),
    axis=True,
    several_axes=True,
    smooth=True,
    edges=(
        Edge("masked NaN", {"x": (nan, 1.0, -2.0), "where": (False, True, True)}),
        Edge("masked +inf", {"x": (1.0, inf, -2.0), "where": (True, False, True)}),
        Edge("masked largest beside small ones", {"x": (-4.0, -2.0, "largest"), "where": (True, True, False)}),
        Edge("all masked", {"x": (0.5, 1.0, -2.0), "where": (False, False, False)}),
        Edge("all but one masked", {"x": (0.5, 1.0, -2.0), "where": (False, True, False)}),
        Edge("x large: largest and its negative", {"x": ("largest", "-largest", 0.0)}),
        Edge("lone logit", {"x": (-3.0,)}),
        Edge("x infinite: some logits -inf", {"x": (-inf, 1.0, -inf, 0.5)}),
        Edge("nearly certain", {"x": (30.0, 0.0, -1.0)}),
    ),
    properties=(Property("range", "log p ≤ 0", high="0"), _SHIFT),
    sources=(
        _HIGHAM,
        Source("PyTorch documentation: torch.nn.functional.log_softmax",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html"),
        Source("JAX documentation: jax.nn.log_softmax", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.log_softmax.html"),
    ),
    notes=(
        "The logarithm of softmax is no way to compute it: what softmax rounds to 0 has a logarithm of its own.",
        _INFINITE,
        "Masked places give −∞, the logarithm of 0.",
    ),
)  # fmt: skip


def _softmin(x: Core) -> Core:
    return _softmax(tuple(-logit for logit in x))


softmin = TensorFunction(
    name="softmin",
    title="Softmin",
    family="normalising",
    formula="e^(−xᵢ) / Σⱼ e^(−xⱼ)",
    definition=_softmin,
    arguments=(_X,),
    result=("n",),
    axis=True,
    smooth=True,
    edges=(
        Edge("x infinite: some logits +inf", {"x": (inf, 1.0, inf, 0.5)}),
        Edge("x infinite: every logit +inf", {"x": (inf, inf, inf)}),
        Edge("x large: largest and its negative", {"x": ("largest", "-largest", 0.0)}),
        Edge("lone logit", {"x": (-3.0,)}),
    ),
    properties=(_RANGE, _SUM, _SHIFT),
    sources=(
        Source("PyTorch documentation: torch.nn.Softmin", "https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmin.html"),
        _HIGHAM,
    ),
    notes=("Softmax of −x: here it is +∞ that stands for what is impossible, and −∞ for which there is no answer.",),
)  # fmt: skip


def _softmax2d(x: Core) -> Core:
    channels, height, width = len(x), len(x[0]), len(x[0][0])
    pixels = [tuple(x[c][i][j] for c in range(channels)) for i in range(height) for j in range(width)]
    rows = each(_softmax, pixels)
    return tuple(
        tuple(tuple(rows[i * width + j][c] for j in range(width)) for i in range(height)) for c in range(channels)
    )


softmax2d = TensorFunction(
    name="softmax2d",
    title="Softmax over the channels of an image",
    family="normalising",
    formula="e^x[c,i,j] / Σₖ e^x[k,i,j]",
    definition=_softmax2d,
    arguments=(Argument("x", "logit", ("channels", "height", "width"), "logits, for every pixel one row along the channels"),),
    result=("channels", "height", "width"),
    sizes={"channels": (5, 1, 3), "height": (2, 3, 1), "width": (3, 2, 5)},
    smooth=True,
    edges=(
        Edge("pixels of another kind each",
             {"x": (((nan, -inf, 0.5),), ((1.0, 3.0, -inf),), ((2.0, -inf, "largest"),))}),
        Edge("one channel", {"x": (((1.0, -2.0), ("largest", 0.0)),)}),
    ),
    properties=(_RANGE, _SHIFT),
    sources=(
        Source("PyTorch documentation: torch.nn.Softmax2d", "https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html"),
        _HIGHAM,
    ),
    notes=("The results of each pixel sum to one along the channels; one pixel's NaN or infinity is no other pixel's.",),
)  # fmt: skip


def _log_of_total(x: Core, places: list[int], scales: Core, parts: int) -> Core:
    """log (1/parts · Σ b·e^x) over some places, one at least."""
    infinite = [place for place in places if x[place] > FARTHEST]
    if len(infinite) != 1:
        # Of several +∞ the value is +∞ too, but which of them outgrows the others, and so the derivative, is not known.
        return log(total([exp(x[place]) * scales[place] for place in places]) / parts)
    # x + log (1/parts · (b + Σ bⱼ·e^(xⱼ − x))): this has its limits for one x → ∞, where the other form has ∞/∞.
    (alone,) = infinite
    itself = power(x[alone], 0) * scales[alone]
    rest = [exp(x[place] - x[alone]) * scales[place] for place in places if place != alone]
    return x[alone] + log(total([itself, *rest]) / parts)


def _logsumexp(x: Core, where: Core = None, scale: Core = None) -> Core:
    places = [place for place, counts_here in enumerate(_counts(x, where)) if counts_here]
    return _log_of_total(x, places, (1,) * len(x) if scale is None else scale, 1) if places else MINUS_INFINITY


_LSE_EDGES = (
    Edge("masked NaN", {"x": (nan, 1.0, -2.0), "where": (False, True, True)}),
    Edge("masked +inf", {"x": (1.0, inf, -2.0), "where": (True, False, True)}),
    Edge("masked largest beside small ones", {"x": (-4.0, -2.0, "largest"), "where": (True, True, False)}),
    Edge("all but one masked", {"x": (0.5, 1.0, -2.0), "where": (False, True, False)}),
    Edge("x large: largest and its negative", {"x": ("largest", "-largest", 0.0)}),
    Edge("lone logit", {"x": (-3.0,)}),
    Edge("x infinite: some logits -inf", {"x": (-inf, 1.0, -inf, 0.5)}),
    Edge("x infinite: +inf and -inf", {"x": (inf, 0.0, -inf)}),
)

logsumexp = TensorFunction(
    name="logsumexp",
    title="Logarithm of a sum of exponentials",
    family="normalising",
    formula="log Σᵢ bᵢ·e^xᵢ, with b = 1 where no scale is given",
    definition=_logsumexp,
    arguments=(
        _X,
        _WHERE,
        Argument("scale", "real", ("n",), "what each exponential is multiplied by", optional=True),
    ),
    axis=True,
    several_axes=True,
    smooth=True,
    edges=(
        *_LSE_EDGES,
        Edge("all masked", {"x": (0.5, 1.0, -2.0), "where": (False, False, False)}),
        Edge("sum of opposite signs", {"x": (2.0, 1.0), "scale": (1.0, -1.0)}),
        Edge("sum below 0", {"x": (1.0, 2.0), "scale": (1.0, -1.0)}, free="a number below 0 has no logarithm"),
        Edge("sum of 0", {"x": (0.0, 0.0), "scale": (1.0, -1.0)}),
        Edge("scale 0", {"x": (3.0, 1.0, -2.0), "scale": (0.0, 1.0, 0.5)}),
        Edge("every scale 0", {"x": (3.0, 1.0, -2.0), "scale": (0.0, 0.0, 0.0)}),
        Edge("scale 0 of the largest logit", {"x": (1000.0, 1.0, -2.0), "scale": (0.0, 1.0, 0.5)}),
        Edge("scale 0 of +inf", {"x": (inf, 1.0), "scale": (0.0, 1.0)}, free="0·∞"),
        Edge("masked NaN with a scale", {"x": (nan, 1.0), "where": (False, True), "scale": (nan, 2.0)}),
    ),
    sources=(
        _HIGHAM,
        Source("PyTorch documentation: torch.logsumexp", "https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html"),
        Source("JAX documentation: jax.nn.logsumexp", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.logsumexp.html"),
        Source("SciPy documentation: scipy.special.logsumexp",
               "https://docs.scipy.org/doc/scipy/reference/generated/scipy.special.logsumexp.html"),
    ),
    notes=(
        "The sum over nothing is 0, and its logarithm −∞: so where all places are masked, or all logits are −∞. Its derivative there is 0/0.",
        "A negative scale subtracts, and digits cancel; the bar knows by how much.",
    ),
)  # fmt: skip


def _logmeanexp(x: Core, where: Core = None) -> Core:
    places = [place for place, counts_here in enumerate(_counts(x, where)) if counts_here]
    return _log_of_total(x, places, (1,) * len(x), len(places)) if places else UNDEFINED


logmeanexp = TensorFunction(
    name="logmeanexp",
    title="Logarithm of a mean of exponentials",
    family="normalising",
    formula="log (1/n · Σᵢ e^xᵢ)",
    definition=_logmeanexp,
    arguments=(_X, _WHERE),
    axis=True,
    several_axes=True,
    smooth=True,
    edges=(
        *_LSE_EDGES,
        Edge("all masked", {"x": (0.5, 1.0, -2.0), "where": (False, False, False)}, free="the mean of nothing is 0/0"),
    ),
    sources=(
        Source("JAX documentation: jax.nn.logmeanexp", "https://docs.jax.dev/en/latest/_autosummary/jax.nn.logmeanexp.html"),
        _HIGHAM,
    ),
    notes=("n is the number of places that take part; the mean of none is 0/0.",),
)  # fmt: skip


def _sparsemax(x: Core) -> Core:
    # The threshold is that of the numbers above it (Martins, Astudillo, proposition 1). Starting from all numbers, those that
    # are not above their own threshold are left out until none is (Michelot's algorithm); no division, so that all is exact.
    support = list(range(len(x)))
    while True:
        sum_of_support = sum(x[place] for place in support)
        above = [place for place in support if len(support) * x[place] > sum_of_support - 1]
        if not above:  # +∞, or nothing but −∞
            return tuple(logit * (sum_of_support / sum_of_support) for logit in x)
        if len(above) == len(support):
            break
        support = above
    # Differences to one of them: p and the threshold change by the same number, which need not be carried through the sum.
    pivot = x[support[0]]
    threshold = (total([x[place] - pivot for place in support]) - 1) / len(support)
    results: list[Any] = [0] * len(x)
    for place in support:
        results[place] = (x[place] - pivot) - threshold
    return tuple(results)


sparsemax = TensorFunction(
    name="sparsemax",
    title="Sparsemax",
    family="normalising",
    formula="max(xᵢ − τ, 0), with τ such that the results sum to one",
    definition=_sparsemax,
    arguments=(_X,),
    result=("n",),
    axis=True,
    edges=(
        Edge("two share", {"x": (0.25, 0.0, -2.0)}),
        Edge("all equal", {"x": (1.0, 1.0, 1.0)}),
        Edge("exactly at the threshold", {"x": (1.0, 0.0)}),
        Edge("two exactly at the threshold", {"x": (0.5, 0.0, 0.5, 0.0)}),
        Edge("one takes all", {"x": (3.0, 0.0, 1.5)}),
        Edge("large and near each other", {"x": (1000.5, 1000.0, 1000.25)}),
        Edge("x large: largest and its negative", {"x": ("largest", "-largest", 0.0)}),
        Edge("tiny differences", {"x": (0.0, "smallest_subnormal", "-smallest_normal")}),
        Edge("x infinite: some logits -inf", {"x": (-inf, 1.0, -inf, 0.5)}),
        Edge("lone logit", {"x": (-3.0,)}),
    ),
    properties=(_RANGE, _SUM, _SHIFT),
    sources=(
        Source("Martins, Astudillo: From Softmax to Sparsemax, ICML 2016", "https://arxiv.org/abs/1602.02068"),
        Source("Keras documentation: sparsemax activation", "https://keras.io/api/layers/activations/"),
    ),
    notes=(
        "The point of the probability simplex that is nearest to x; most of its numbers may be 0.",
        "Nothing is prescribed for rows that hold +∞, or nothing but −∞.",
        "Kinks lie where a number is exactly at the threshold.",
    ),
)  # fmt: skip


def _gumbel_softmax(logits: Core, temperature: Core, hard: bool) -> Core:
    return _softmax(logits if hard else tuple(logit / temperature for logit in logits))


gumbel_softmax = TensorFunction(
    name="gumbel_softmax",
    title="Gumbel-softmax",
    family="normalising",
    formula="softmax((x + g)/τ), g drawn from the standard Gumbel distribution",
    definition=_gumbel_softmax,
    arguments=(Argument("logits", "logit", ("n",), "logarithms of what is proportional to the probabilities"),),
    options=(
        Option("temperature", 1.0, "τ, what is divided by; towards 0 the results become one-hot", "temperature > 0",
               samples=(0.5, 4.0), invalid=(-1.0,)),
        Option("hard", False, "whether a one stands at the largest result, and zeros elsewhere", "True or False", samples=(True,)),
    ),
    pairs=({"temperature": 0.25, "hard": True},),
    result=("n",),
    axis=True,
    drawn=True,
    properties=(_RANGE, _SUM, _SHIFT),
    sources=(
        Source("Jang, Gu, Poole: Categorical Reparameterization with Gumbel-Softmax, ICLR 2017", "https://arxiv.org/abs/1611.01144"),
        Source("Maddison, Mnih, Teh: The Concrete Distribution, ICLR 2017", "https://arxiv.org/abs/1611.00712"),
        Source("PyTorch documentation: torch.nn.functional.gumbel_softmax",
               "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html"),
    ),
    notes=(
        "The definition is that of noise 0, softmax(x/τ). With hard it is the mean, softmax(x), whatever the temperature: that is how "
        "often each place is the largest (the Gumbel-max trick).",
        "The derivative of the hard results is that of the soft ones, on purpose (the straight-through estimator).",
    ),
)  # fmt: skip

FUNCTIONS: tuple[TensorFunction, ...] = (
    softmax,
    log_softmax,
    softmin,
    softmax2d,
    logsumexp,
    logmeanexp,
    sparsemax,
    gumbel_softmax,
)
