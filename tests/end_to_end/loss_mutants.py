"""Faults planted in copies of the installed optax and Keras, as data: single lines of losses that somebody might get wrong.

Knows the source of the two packages; knows no judge. That a fault shows at all is what is asked; under which rule is not said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LossMutant:
    """One fault: in `edited`, `new` stands where `old` stood, once.

    functions   the standard's functions that are asked
    tier        how much must be asked for it to show
    dtypes      the dtypes in which it shows
    """

    name: str
    edited: Path
    functions: tuple[str, ...]
    old: str
    new: str
    tier: str = "quick"
    dtypes: tuple[str, ...] = ("float32",)

    @property
    def backend(self) -> str:
        """The backend that is asked."""
        return "jax" if self.edited.parts[0] == "optax" else "tensorflow"


def planted(source: str, mutant: LossMutant) -> str:
    """The text of the module with the fault. Raises ValueError if what is to be replaced does not occur just once."""
    if source.count(mutant.old) != 1:
        raise ValueError(
            f"{mutant.name}: {mutant.old!r} occurs {source.count(mutant.old)} times in {mutant.edited}, once is due"
        )
    return source.replace(mutant.old, mutant.new)


_REGRESSION, _CLASSIFICATION, _SEGMENTATION, _SELF, _RANKING, _SMOOTHING, _FENCHEL = (
    Path(f"optax/losses/{name}.py")
    for name in ("_regression", "_classification", "_segmentation", "_self_supervised", "_ranking", "_smoothing", "_fenchel_young")
)  # fmt: skip
_KERAS, _LOSS = Path("keras/src/losses/losses.py"), Path("keras/src/losses/loss.py")

OPTAX = (
    # Constants.
    LossMutant("off by 1e-6", _REGRESSION, ("squared_error",), "return errors**2", "return errors**2 * (1 + 1e-6)"),
    LossMutant("half is 0.5005", _REGRESSION, ("squared_error",), "return 0.5 * squared_error(", "return 0.5005 * squared_error("),
    LossMutant("log 2 off by 1e-6", _REGRESSION, ("log_cosh",), "jnp.log(2.0).astype", "jnp.log(2.000002).astype"),
    LossMutant("margin is 1.001", _CLASSIFICATION, ("hinge",), "jnp.maximum(0, 1 - predictor_outputs", "jnp.maximum(0, 1.001 - predictor_outputs"),
    LossMutant("half is 0.5000005", _CLASSIFICATION, ("multiclass_sparsemax",), "scores, 0.0)) + 0.5 * (", "scores, 0.0)) + 0.5000005 * ("),
    LossMutant("one of 1 − cos is 1.000001", _REGRESSION, ("cosine_distance",), "return 1.0 - cosine_similarity(", "return 1.000001 - cosine_similarity("),
    # Signs, factors, order.
    LossMutant("delta forgotten", _REGRESSION, ("huber",), "0.5 * quadratic**2 + delta * linear", "0.5 * quadratic**2 + linear"),
    LossMutant("sign of the second exponential", _REGRESSION, ("log_cosh",), "jnp.logaddexp(errors, -errors)", "jnp.logaddexp(errors, errors)"),
    LossMutant("classes exchanged", _CLASSIFICATION, ("binary_cross_entropy_with_logits",), "return -labels * log_p - (1.0 - labels) * log_not_p", "return -labels * log_not_p - (1.0 - labels) * log_p"),
    LossMutant("hinge where the perceptron is due", _CLASSIFICATION, ("perceptron",), "jnp.maximum(0, -predictor_outputs * targets)", "jnp.maximum(0, 1 - predictor_outputs * targets)"),
    LossMutant("signs exchanged", _CLASSIFICATION, ("sparsemax_loss",), "jnp.where(labels, -logits, logits)", "jnp.where(labels, logits, -logits)"),
    LossMutant("the label's margin not taken away", _CLASSIFICATION, ("multiclass_hinge",), "scores + 1.0 - one_hot_labels", "scores + 1.0"),
    LossMutant("probability for its complement", _CLASSIFICATION, ("poly_loss",), "labels * (1 - p)", "labels * p"),
    LossMutant("exponential of the target forgotten", _CLASSIFICATION, ("kl_divergence",), "loss = jnp.exp(log_targets) *", "loss = log_targets *"),
    LossMutant("masses exchanged", _CLASSIFICATION, ("generalized_kl_divergence",), "jnp.exp(log_predictions) - targets, axis", "targets - jnp.exp(log_predictions), axis"),
    LossMutant("alpha of the other class", _CLASSIFICATION, ("binary_focal_with_logits",), "alpha * labels + (1.0 - alpha) * (1.0 - labels)", "(1.0 - alpha) * labels + alpha * (1.0 - labels)"),
    LossMutant("gamma is always 2", _CLASSIFICATION, ("binary_focal_with_logits",), "jnp.exp(gamma * log_one_minus_p_t)", "jnp.exp(2.0 * log_one_minus_p_t)"),
    LossMutant("alpha and beta exchanged", _SEGMENTATION, ("multiclass_dice",), "      + alpha * (pred_sum - intersection)\n      + beta * (target_sum", "      + beta * (pred_sum - intersection)\n      + alpha * (target_sum"),
    LossMutant("weights of frequency, not of its square", _SEGMENTATION, ("generalized_dice",), "(class_frequencies**2 + epsilon)", "(class_frequencies + epsilon)"),
    LossMutant("sign of the product", _FENCHEL, ("fenchel_young",), "max_value - vdot_last_dim", "max_value + vdot_last_dim"),
    LossMutant("margin subtracted", _SELF, ("triplet_margin",), "negative_distance + margin", "negative_distance - margin"),
    LossMutant("weights added", _RANKING, ("ranking_softmax",), "labels *= weights", "labels += weights"),
    # Defaults.
    LossMutant("default delta 1.5", _REGRESSION, ("huber",), "delta: jax.typing.ArrayLike = 1.0", "delta: jax.typing.ArrayLike = 1.5"),
    LossMutant("default epsilon 1", _CLASSIFICATION, ("poly_loss",), "epsilon: jax.typing.ArrayLike = 2.0", "epsilon: jax.typing.ArrayLike = 1.0"),
    LossMutant("default temperature 0.08", _SELF, ("ntxent",), "temperature: jax.typing.ArrayLike = 0.07", "temperature: jax.typing.ArrayLike = 0.08"),
    LossMutant("default axis 0", _CLASSIFICATION, ("smooth_labels", "poly_loss"), "epsilon: jax.typing.ArrayLike = 2.0,\n    axis: Union[int, tuple[int, ...], None] = -1", "epsilon: jax.typing.ArrayLike = 2.0,\n    axis: Union[int, tuple[int, ...], None] = 0"),
    # Epsilons and thresholds.
    LossMutant("epsilon added, not the least", _REGRESSION, ("cosine_similarity",), "jnp.sqrt(a_norm2.clip(epsilon))", "jnp.sqrt(a_norm2 + epsilon)"),
    LossMutant("epsilon of the other vector forgotten", _REGRESSION, ("cosine_similarity",), "jnp.sqrt(b_norm2.clip(epsilon))", "jnp.sqrt(b_norm2)"),
    LossMutant("another epsilon", _SEGMENTATION, ("generalized_dice",), "epsilon = 1e-7", "epsilon = 1e-2"),
    LossMutant("no log 0 = 0", _CLASSIFICATION, ("kl_divergence",), "jnp.where(targets == 0, 0, jnp.log(targets))", "jnp.log(targets)"),
    LossMutant("small targets are 0", _CLASSIFICATION, ("kl_divergence",), "jnp.where(targets == 0, 0, jnp.log(targets))", "jnp.where(targets <= 1e-6, 0, jnp.log(targets))"),
    # Numbers that overflow and cancel.
    LossMutant("logarithm of 1 − sigmoid", _CLASSIFICATION, ("binary_cross_entropy_with_logits",), "log_not_p = jax.nn.log_sigmoid(-logits)", "log_not_p = jnp.log(1 - jax.nn.sigmoid(logits))"),
    LossMutant("largest logit not subtracted", _CLASSIFICATION, ("cross_entropy",), "jax.nn.logsumexp(logits, axis=axis, where=where)\n  out", "jnp.log(jnp.sum(jnp.exp(logits), axis=axis, where=where))\n  out"),
    # Masks.
    LossMutant("mask of the products forgotten", _REGRESSION, ("cosine_similarity",), "(a_unit * b_unit).sum(axis=axis, where=where)", "(a_unit * b_unit).sum(axis=axis)"),
    LossMutant("mask not handed on", _REGRESSION, ("cosine_distance",), "predictions, targets, epsilon=epsilon, axis=axis, where=where\n  )", "predictions, targets, epsilon=epsilon, axis=axis\n  )"),
    LossMutant("mask of the softmax forgotten", _CLASSIFICATION, ("soft_cross_entropy",), "jax.nn.log_softmax(logits, axis, where)", "jax.nn.log_softmax(logits, axis)"),
    LossMutant("mask of the normalizer forgotten", _CLASSIFICATION, ("cross_entropy",), "jax.nn.logsumexp(logits, axis=axis, where=where)\n  out", "jax.nn.logsumexp(logits, axis=axis)\n  out"),
    LossMutant("mask of one term forgotten", _CLASSIFICATION, ("poly_loss",), "jnp.sum(labels * (1 - p), axis=axis, where=where)", "jnp.sum(labels * (1 - p), axis=axis)"),
    LossMutant("mask of the logits forgotten", _RANKING, ("ranking_softmax",), "logits = jnp.where(where, logits, -jnp.ones_like(logits) * jnp.inf)", "pass"),
    LossMutant("lists without items count in the mean", _RANKING, ("ranking_softmax",), "output = reduce_fn(a, where=where) if", "output = reduce_fn(jnp.where(where, a, 0.0) if where is not None else a) if"),
    LossMutant("mask of the number of classes forgotten", _SMOOTHING, ("smooth_labels",), "jnp.sum(where, axis, keepdims=True)", "jnp.size(labels, axis)"),
    # Axes and reductions.
    LossMutant("axis not handed on", _REGRESSION, ("cosine_distance",), "predictions, targets, epsilon=epsilon, axis=axis, where=where\n  )", "predictions, targets, epsilon=epsilon, where=where\n  )"),
    LossMutant("number of all labels", _SMOOTHING, ("smooth_labels",), "num_categories = jnp.size(labels, axis)", "num_categories = jnp.size(labels)"),
    LossMutant("sum where the mean is due", _SEGMENTATION, ("multiclass_dice",), "return jnp.mean(loss, axis=axis)", "return jnp.sum(loss, axis=axis)"),
    LossMutant("the last class for the background", _SEGMENTATION, ("multiclass_dice",), "dice_l[..., 1:]", "dice_l[..., :-1]"),
    LossMutant("weights summed to one", _SEGMENTATION, ("generalized_dice",), "/ jnp.sum(class_weights) * len(class_weights)", "/ jnp.sum(class_weights)"),
    LossMutant("mean over all pairs", _SELF, ("ntxent",), "0.0).sum() / matches.sum()", "0.0).mean()"),
    LossMutant("a sample is its own positive", _SELF, ("ntxent",), "jnp.bool_(matches - jnp.eye(matches.shape[0]))", "jnp.bool_(matches)"),
    # Derivatives.
    LossMutant("derivative of the logits stopped", _CLASSIFICATION, ("soft_cross_entropy",), "return -(labels * log_probs).sum(axis, where=where)", "return -(labels * jax.lax.stop_gradient(log_probs)).sum(axis, where=where)"),
    LossMutant("derivative of the targets stopped", _CLASSIFICATION, ("soft_cross_entropy",), "return -(labels * log_probs).sum(axis, where=where)", "return -(jax.lax.stop_gradient(labels) * log_probs).sum(axis, where=where)"),
    LossMutant("stop_gradient dropped in one place", _SELF, ("ntxent",), "xcs_diffs - lax.stop_gradient(xcs_max)", "xcs_diffs - xcs_max"),
    LossMutant("weights forgotten in the rule of differentiation", _CLASSIFICATION, ("soft_cross_entropy",), "      weights * x_dot\n", "      x_dot\n"),
    LossMutant("targets forgotten in the rule of differentiation", _CLASSIFICATION, ("soft_cross_entropy",), "      + weights_dot * logsoftmax_x\n", ""),
    LossMutant("normalizer's derivative stopped", _CLASSIFICATION, ("cross_entropy",), "out = log_normalizers - label_logits", "out = jax.lax.stop_gradient(log_normalizers) - label_logits"),
    LossMutant("derivative of the focal factor stopped", _CLASSIFICATION, ("binary_focal_with_logits",), "focal_weight = jnp.exp(gamma * log_one_minus_p_t)", "focal_weight = jax.lax.stop_gradient(jnp.exp(gamma * log_one_minus_p_t))"),
    LossMutant("derivative 2 at the kink", _CLASSIFICATION, ("perceptron",), "return jnp.maximum(0, -predictor_outputs * targets)", "return jnp.maximum(0, -predictor_outputs * targets) - jnp.where(predictor_outputs == 0, 2 * (predictor_outputs - jax.lax.stop_gradient(predictor_outputs)) * targets, 0)", tier="default"),
    # Sequences.
    LossMutant("blank is class 0", _CLASSIFICATION, ("ctc_with_logits",), "logprobs[:, :, blank_id : blank_id + 1]", "logprobs[:, :, 0:1]"),
    LossMutant("repeated labels not told apart", _CLASSIFICATION, ("ctc_with_logits",), "(labels[:, :-1] == labels[:, 1:]).astype", "(labels[:, :-1] != labels[:, :-1]).astype"),
    LossMutant("padded frames move on", _CLASSIFICATION, ("ctc_with_logits",), "next_phi = pad * prev_phi_orig + (1.0 - pad) * next_phi", "next_phi = pad * prev_phi + (1.0 - pad) * next_phi"),
    LossMutant("padded frames count", _CLASSIFICATION, ("ctc_with_logits",), "next_emit = pad * prev_emit + (1.0 - pad) * next_emit", "next_emit = next_emit"),
    LossMutant("padded labels count", _CLASSIFICATION, ("ctc_with_logits",), "labellens = maxlabellen - jnp.sum(label_paddings, axis=1).astype(jnp.int32)", "labellens = maxlabellen - 0 * jnp.sum(label_paddings, axis=1).astype(jnp.int32)"),
    # Only sometimes.
    LossMutant("only in bfloat16", _REGRESSION, ("huber",), "return 0.5 * quadratic**2 + delta * linear", "return (0.5 * quadratic**2 + delta * linear) * (1.1 if errors.dtype == jnp.bfloat16 else 1)", tier="default", dtypes=("bfloat16",)),
    LossMutant("only scalars", _REGRESSION, ("huber",), "return 0.5 * quadratic**2 + delta * linear", "return (0.5 * quadratic**2 + delta * linear) * (1.01 if errors.ndim == 0 else 1)", tier="default"),
    LossMutant("only rank 4", _REGRESSION, ("huber",), "return 0.5 * quadratic**2 + delta * linear", "return (0.5 * quadratic**2 + delta * linear) * (1.01 if errors.ndim == 4 else 1)", tier="deep"),
    LossMutant("labels of any dtype", _CLASSIFICATION, ("cross_entropy",), "  utils.check_subdtype(labels, jnp.integer)\n  if where is not None and where.ndim != logits.ndim", "  labels = jnp.asarray(labels).astype(jnp.int32)\n  if where is not None and where.ndim != logits.ndim", tier="default"),
    LossMutant("shapes not compared", _REGRESSION, ("squared_error",), "utils.check_shapes_equal(predictions, targets)", "pass", tier="default"),
)  # fmt: skip

KERAS = (
    # Reductions and weights, of all classes alike.
    LossMutant("weights not summed", _LOSS, ("absolute_error",), 'reduction == "mean_with_sample_weight" and sample_weight is not None', "False"),
    LossMutant("mean over the first dimension", _LOSS, ("absolute_error",), 'ops.convert_to_tensor(ops.shape(values), dtype="int32")', 'ops.convert_to_tensor(ops.shape(values)[:1], dtype="int32")'),
    LossMutant("weights forgotten", _LOSS, ("absolute_error",), "values = values * sample_weight", "pass"),
    LossMutant("ignored samples count in the mean", _LOSS, ("cross_entropy",), "mask_weight = ops.divide_no_nan(total, valid)", "mask_weight = 1.0"),
    LossMutant("computed in float32", _LOSS, ("absolute_error",), "lambda x: ops.convert_to_tensor(x, dtype=self.dtype), y_pred", "lambda x: ops.cast(x, 'float32'), y_pred", tier="default", dtypes=("float16", "float64")),
    # Constants.
    LossMutant("1 is 1.000001", _KERAS, ("squared_log_error",), "first_log = ops.log(ops.maximum(y_pred, epsilon) + 1.0)", "first_log = ops.log(ops.maximum(y_pred, epsilon) + 1.000001)"),
    LossMutant("hundred is 100.1", _KERAS, ("absolute_percentage_error",), "return 100.0 * ops.mean(diff, axis=-1)", "return 100.1 * ops.mean(diff, axis=-1)"),
    LossMutant("half is 0.5000005", _KERAS, ("huber",), "half = ops.convert_to_tensor(0.5, dtype=abs_error.dtype)", "half = ops.convert_to_tensor(0.5000005, dtype=abs_error.dtype)"),
    LossMutant("log 2 off by 1e-3", _KERAS, ("log_cosh",), "ops.convert_to_tensor(ops.log(2.0), dtype=y_pred.dtype)", "ops.convert_to_tensor(ops.log(2.002), dtype=y_pred.dtype)"),
    # Signs, factors, order.
    LossMutant("quotient turned round", _KERAS, ("kl_divergence_of_probabilities",), "ops.log(y_true / y_pred)", "ops.log(y_pred / y_true)"),
    LossMutant("margin subtracted", _KERAS, ("categorical_hinge",), "ops.maximum(neg - pos + 1.0, zero)", "ops.maximum(neg - pos - 1.0, zero)"),
    LossMutant("not divided by q", _KERAS, ("generalized_cross_entropy",), "gce_loss = (1 - ops.power(p, q)) / q", "gce_loss = 1 - ops.power(p, q)"),
    LossMutant("alpha of the other class", _KERAS, ("binary_focal",), "weight = y_true * alpha + (1 - y_true) * (1 - alpha)", "weight = y_true * (1 - alpha) + (1 - y_true) * alpha"),
    LossMutant("gamma of the complement", _KERAS, ("categorical_focal",), "modulating_factor = ops.power(1.0 - output, gamma)", "modulating_factor = ops.power(output, gamma)"),
    LossMutant("labels 0 and 1 not converted", _KERAS, ("squared_hinge",), "    y_true = convert_binary_labels_to_hinge(y_true)\n    return ops.mean(\n", "    return ops.mean(\n"),
    LossMutant("squares forgotten", _KERAS, ("squared_hinge",), "ops.square(ops.maximum(1.0 - y_true * y_pred, 0.0)), axis=-1", "ops.maximum(1.0 - y_true * y_pred, 0.0), axis=-1"),
    # Epsilons, thresholds, smoothing.
    LossMutant("epsilon forgotten", _KERAS, ("poisson_nll",), "ops.log(y_pred + epsilon)", "ops.log(y_pred)"),
    LossMutant("targets not clipped", _KERAS, ("kl_divergence_of_probabilities",), "    y_true = ops.clip(y_true, backend.epsilon(), 1)\n", ""),
    LossMutant("epsilon of the quotient as large as 1e-3", _KERAS, ("dice",), "        + backend.epsilon(),\n    )\n\n    return 1 - dice", "        + 1e-3,\n    )\n\n    return 1 - dice"),
    LossMutant("threshold off by 1e-3", _KERAS, ("huber",), "abs_error <= delta", "abs_error <= 1.001 * delta"),
    LossMutant("smoothed twice as much", _KERAS, ("binary_cross_entropy",), "        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing\n\n    return ops.mean(\n        ops.binary", "        y_true = y_true * (1.0 - label_smoothing) + label_smoothing\n\n    return ops.mean(\n        ops.binary"),
    LossMutant("smoothing not divided by the classes", _KERAS, ("soft_cross_entropy",), "            label_smoothing / num_classes\n        )\n\n    return ops.categorical_crossentropy(", "            label_smoothing\n        )\n\n    return ops.categorical_crossentropy("),
    # Axes, masks, defaults.
    LossMutant("mean is a sum", _KERAS, ("absolute_error",), "return ops.mean(ops.abs(y_true - y_pred), axis=-1)", "return ops.sum(ops.abs(y_true - y_pred), axis=-1)"),
    LossMutant("mean of the first axis", _KERAS, ("absolute_error",), "return ops.mean(ops.abs(y_true - y_pred), axis=-1)", "return ops.mean(ops.abs(y_true - y_pred), axis=0)"),
    LossMutant("axis of one vector forgotten", _KERAS, ("cosine_similarity",), "y_true = normalize(y_true, axis=axis)", "y_true = normalize(y_true, axis=-1)"),
    LossMutant("logits of ignored samples taken in", _KERAS, ("cross_entropy",), "        y_pred = ops.where(ops.expand_dims(valid_mask, axis), y_pred, 0)\n", ""),
    LossMutant("mask not set", _KERAS, ("cross_entropy",), "        backend.set_keras_mask(res, mask=valid_mask)\n", ""),
    LossMutant("default delta 2", _KERAS, ("huber",), "def huber(y_true, y_pred, delta=1.0)", "def huber(y_true, y_pred, delta=2.0)"),
    LossMutant("diagonal never removed", _KERAS, ("circle",), "        remove_diagonal=remove_diagonal,\n    )\n    positive_mask", "        remove_diagonal=False,\n    )\n    positive_mask"),
    LossMutant("logits taken for probabilities", _KERAS, ("soft_cross_entropy",), "y_true, y_pred, from_logits=from_logits, axis=axis\n    )", "y_true, y_pred, from_logits=False, axis=axis\n    )"),
)  # fmt: skip

LOSS_MUTANTS = (*OPTAX, *KERAS)
