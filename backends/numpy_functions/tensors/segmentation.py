"""Losses of overlapping regions: dice, Tversky, and their forms for several classes.

With I = Σ p·t, FP = Σ p·(1 − t) and FN = Σ (1 − p)·t a loss 1 − I/(…) is written as a quotient of sums of what is wrong, in
which nothing cancels where nearly all is right. Knows no reduction.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .binary import sigmoid
from .core import Arrays, Core, Options
from .logits import Softmax, cross_entropy_gradient, softmax
from .scaled import times
from .sums import over_loop, total

# --- dice and Tversky along the last axis -----------------------------------------------------------------------------------


class _Overlap(NamedTuple):
    """Loss (L), what it lacks to 1 (K = 1 − L), and the denominator that both have; one number for each place of the loop."""

    loss: np.ndarray
    right: np.ndarray
    whole: np.ndarray


def _tversky_parts(
    p: np.ndarray, q: np.ndarray, target: np.ndarray, options: Options, epsilon: float = 0.0
) -> _Overlap:
    """1 − (I + s)/(I + α·FP + β·FN + s + ε) of p, q = 1 − p and the target."""
    real = p.dtype.type
    shared = total(p * target) + real(options["smooth"])
    wrong = real(options["alpha"]) * total(p * (1 - target)) + real(options["beta"]) * total(q * target) + real(epsilon)
    whole = shared + wrong
    return _Overlap(wrong / whole, shared / whole, whole)


def _tversky_in_prediction(parts: _Overlap, target: np.ndarray, options: Options) -> np.ndarray:
    """∂L/∂p = (α·K·(1 − t) − t·(L + β·K))/denominator."""
    real = target.dtype.type
    loss, right, whole = (part[..., None] for part in parts)
    return (real(options["alpha"]) * right * (1 - target) - target * (loss + real(options["beta"]) * right)) / whole


def _tversky_in_target(parts: _Overlap, p: np.ndarray, q: np.ndarray, options: Options) -> np.ndarray:
    """∂L/∂t = (β·K·(1 − p) − p·(L + α·K))/denominator."""
    real = p.dtype.type
    loss, right, whole = (part[..., None] for part in parts)
    return (real(options["beta"]) * right * q - p * (loss + real(options["alpha"]) * right)) / whole


def _dice_options(options: Options) -> tuple[Options, float]:
    """Dice is Tversky with α = β = ½, whose ε counts half."""
    return {"alpha": 0.5, "beta": 0.5, "smooth": options["smooth"]}, options["epsilon"] / 2


def _overlap(arrays: Arrays, options: Options, epsilon: float) -> tuple[_Overlap, np.ndarray]:
    rest = 1 - arrays["prediction"]
    return _tversky_parts(arrays["prediction"], rest, arrays["target"], options, epsilon), rest


def _tversky(arrays: Arrays, options: Options) -> np.ndarray:
    return _overlap(arrays, options, options["epsilon"])[0].loss


def _overlap_gradient(arrays: Arrays, options: Options, epsilon: float, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    parts, rest = _overlap(arrays, options, epsilon)
    seed = cotangent[..., None]
    return {
        "prediction": seed * _tversky_in_prediction(parts, arrays["target"], options),
        "target": seed * _tversky_in_target(parts, arrays["prediction"], rest, options),
    }


def _tversky_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _overlap_gradient(arrays, options, options["epsilon"], cotangent)


def _dice(arrays: Arrays, options: Options) -> np.ndarray:
    return _overlap(arrays, *_dice_options(options))[0].loss


def _dice_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    return _overlap_gradient(arrays, *_dice_options(options), cotangent)


def _binary_dice(arrays: Arrays, options: Options) -> np.ndarray:
    p, q = sigmoid(arrays["logits"]).plain(), sigmoid(-arrays["logits"]).plain()
    return _tversky_parts(p, q, arrays["target"], options).loss


def _binary_dice_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    one, zero = sigmoid(arrays["logits"]), sigmoid(-arrays["logits"])
    p, q = one.plain(), zero.plain()
    parts = _tversky_parts(p, q, arrays["target"], options)
    seed = cotangent[..., None]
    return {
        "logits": times(_tversky_in_prediction(parts, arrays["target"], options), one, zero, seed),
        "target": seed * _tversky_in_target(parts, p, q, options),
    }


# --- several classes ------------------------------------------------------------------------------------------------------


def _turned(x: np.ndarray) -> np.ndarray:
    """Places and classes exchanged, so that sums run along the last axis."""
    return np.swapaxes(x, -1, -2)


class _Classes(NamedTuple):
    """Predictions p and 1 − p with the classes before the places, and the overlap of each class."""

    p: np.ndarray
    q: np.ndarray
    overlap: _Overlap


def _classes(p: np.ndarray, q: np.ndarray, target: np.ndarray, options: Options) -> _Classes:
    p, q = _turned(p), _turned(q)
    return _Classes(p, q, _tversky_parts(p, q, _turned(target), options))


def _class_shares(classes: int, options: Options, like: np.ndarray) -> np.ndarray:
    """What the loss of each class counts in the result: 1, or 1/n of n classes; nothing of a background that is ignored."""
    counted = np.ones(classes, like.dtype)
    if options["ignore_background"] and classes > 1:
        counted[0] = 0
    return counted / counted.sum() if options["classes"] == "mean" else counted


def _weighed(arrays: Arrays, losses: np.ndarray) -> np.ndarray:
    return losses if arrays["class_weight"] is None else losses * arrays["class_weight"]


def _put_together(arrays: Arrays, options: Options, losses: np.ndarray) -> np.ndarray:
    weighed = _weighed(arrays, losses)
    if options["ignore_background"] and losses.shape[-1] > 1:
        weighed = weighed[..., 1:]
    whole = total(weighed)
    return whole / losses.dtype.type(weighed.shape[-1]) if options["classes"] == "mean" else whole


def _gradients_of_classes(
    arrays: Arrays, options: Options, parts: _Classes, seed: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The derivative in p, and those in the target and in the class weights; `seed` has a cotangent for each class's loss."""
    target = _turned(arrays["target"])
    weighed = _weighed(arrays, seed)[..., None]
    # A class without a share in the result has no derivative, even where its loss is 0/0.
    active = weighed != 0
    in_p = np.where(active, weighed * _tversky_in_prediction(parts.overlap, target, options), 0)
    in_target = np.where(active, weighed * _tversky_in_target(parts.overlap, parts.p, parts.q, options), 0)
    gradients = {"target": _turned(in_target)}
    if arrays["class_weight"] is not None:
        gradients["class_weight"] = over_loop(np.where(seed == 0, 0, seed * parts.overlap.loss), 1)
    return _turned(in_p), gradients


def _seeds(arrays: Arrays, options: Options, cotangent: np.ndarray) -> np.ndarray:
    """A cotangent for the loss of each class."""
    return cotangent[..., None] * _class_shares(arrays["target"].shape[-1], options, cotangent)


def _through_softmax(softened: Softmax, in_p: np.ndarray) -> np.ndarray:
    """From the derivative in the probabilities that in the logits."""
    slope = softened.probability.plain() * in_p
    return cross_entropy_gradient(softened, -slope, np.ones(in_p.shape[:-1], in_p.dtype))


def _of_logits(arrays: Arrays, options: Options) -> tuple[Softmax, _Classes]:
    softened = softmax(arrays["logits"])
    return softened, _classes(softened.probability.plain(), softened.complement.plain(), arrays["target"], options)


def _of_probabilities(arrays: Arrays, options: Options) -> _Classes:
    return _classes(arrays["prediction"], 1 - arrays["prediction"], arrays["target"], options)


def _multiclass_dice(arrays: Arrays, options: Options) -> np.ndarray:
    return _put_together(arrays, options, _of_logits(arrays, options)[1].overlap.loss)


def _multiclass_dice_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    softened, parts = _of_logits(arrays, options)
    in_p, gradients = _gradients_of_classes(arrays, options, parts, _seeds(arrays, options, cotangent))
    return {"logits": _through_softmax(softened, in_p), **gradients}


def _multiclass_dice_per_class(arrays: Arrays, options: Options) -> np.ndarray:
    return _weighed(arrays, _of_logits(arrays, options)[1].overlap.loss)


def _multiclass_dice_per_class_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    softened, parts = _of_logits(arrays, options)
    in_p, gradients = _gradients_of_classes(arrays, options, parts, cotangent)
    return {"logits": _through_softmax(softened, in_p), **gradients}


def _multiclass_dice_of_probabilities(arrays: Arrays, options: Options) -> np.ndarray:
    return _put_together(arrays, options, _of_probabilities(arrays, options).overlap.loss)


def _multiclass_dice_of_probabilities_gradient(
    arrays: Arrays, options: Options, cotangent: np.ndarray
) -> dict[str, np.ndarray]:
    parts = _of_probabilities(arrays, options)
    in_p, gradients = _gradients_of_classes(arrays, options, parts, _seeds(arrays, options, cotangent))
    return {"prediction": in_p, **gradients}


# --- generalised dice -----------------------------------------------------------------------------------------------------


class _Generalized(NamedTuple):
    """Of each batch entry and class: overlap I + s, half of the union (P + T)/2 + s, and what is between them; the number
    of places of each class; its weight w; and which classes count."""

    shared: np.ndarray
    whole: np.ndarray
    wrong: np.ndarray
    places: np.ndarray
    weight: np.ndarray
    counted: np.ndarray


def _generalized_parts(p: np.ndarray, q: np.ndarray, arrays: Arrays, options: Options) -> _Generalized:
    target = _turned(arrays["target"])
    p, q = _turned(p), _turned(q)
    real = p.dtype.type
    shared = total(p * target) + real(options["smooth"])
    wrong = total(p * (1 - target) + q * target) / 2
    places = total(np.swapaxes(total(target), -1, -2))
    weight = 1 / (np.square(places) + real(options["epsilon"]))
    counted = np.ones(weight.shape[-1], bool)
    if options["ignore_background"] and weight.shape[-1] > 1:
        counted[0] = False
    return _Generalized(shared, shared + wrong, wrong, places, weight, counted)


def _kept(parts: _Generalized, terms: np.ndarray) -> np.ndarray:
    return np.where(parts.counted, terms, 0).astype(terms.dtype)


def _ratio(parts: _Generalized) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each batch entry Σ w·wrong / Σ w·whole, Σ w·shared / Σ w·whole, and the denominator."""
    weight = parts.weight[..., None, :]
    whole = total(_kept(parts, weight * parts.whole))
    return total(_kept(parts, weight * parts.wrong)) / whole, total(_kept(parts, weight * parts.shared)) / whole, whole


def _even_weight(parts: _Generalized) -> np.ndarray:
    """Weights whose mean over all classes is one."""
    return parts.weight / total(parts.weight)[..., None] * parts.weight.dtype.type(parts.weight.shape[-1])


def _generalized_softmax(arrays: Arrays, options: Options) -> tuple[Softmax, np.ndarray, np.ndarray, _Generalized]:
    softened = softmax(arrays["logits"])
    p, q = softened.probability.plain(), softened.complement.plain()
    return softened, p, q, _generalized_parts(p, q, arrays, options)


def _mean(x: np.ndarray) -> np.ndarray:
    return total(x) / x.dtype.type(x.shape[-1])


def _generalized_dice(arrays: Arrays, options: Options) -> np.ndarray:
    parts = _generalized_softmax(arrays, options)[3]
    if options["weighting"] == "ratio":
        return _mean(_ratio(parts)[0])
    losses = _kept(parts, _even_weight(parts)[..., None, :] * (parts.wrong / parts.whole))
    return _mean(total(losses) / losses.dtype.type(parts.counted.sum()))


def _generalized_dice_gradient(arrays: Arrays, options: Options, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    softened, p, _, parts = _generalized_softmax(arrays, options)
    real = p.dtype.type
    batch = real(p.shape[-3])
    if options["weighting"] == "ratio":
        _, right, whole = _ratio(parts)
        # ∂(wrong/whole)/∂p = (K/2 − t)·w/denominator, K = 1 − loss; in t likewise with p.
        share = _kept(parts, parts.weight[..., None, :] / whole[..., None]) / batch
        level = np.broadcast_to(right[..., None], share.shape) / 2
        in_weight = (right[..., None] * parts.whole - parts.shared) / whole[..., None] / batch
        in_weight = _kept(parts, total(np.swapaxes(in_weight, -1, -2)))
    else:
        classes, counted = real(parts.weight.shape[-1]), real(parts.counted.sum())
        share = _kept(parts, _even_weight(parts)[..., None, :] / parts.whole) / counted / batch
        level = parts.shared / parts.whole / 2
        losses = _kept(parts, total(np.swapaxes(parts.wrong / parts.whole, -1, -2))) / counted / batch
        weights = total(parts.weight)[..., None]
        in_weight = classes / weights * (losses - total(losses * parts.weight)[..., None] / weights)
    seed = cotangent[..., None, None, None]
    own, level = share[..., None, :], level[..., None, :]
    in_places = -2 * parts.places * np.square(parts.weight) * in_weight
    return {
        "logits": _through_softmax(softened, seed * own * (level - arrays["target"])),
        "target": seed * (own * (level - p) + in_places[..., None, None, :]),
    }


CORES: Mapping[str, Core] = {
    "dice": Core(_dice, _dice_gradient),
    "tversky": Core(_tversky, _tversky_gradient),
    "binary_dice": Core(_binary_dice, _binary_dice_gradient),
    "multiclass_dice": Core(_multiclass_dice, _multiclass_dice_gradient),
    "multiclass_dice_per_class": Core(_multiclass_dice_per_class, _multiclass_dice_per_class_gradient),
    "multiclass_dice_of_probabilities": Core(
        _multiclass_dice_of_probabilities, _multiclass_dice_of_probabilities_gradient
    ),
    "generalized_dice": Core(_generalized_dice, _generalized_dice_gradient),
}
