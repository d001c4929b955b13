"""The rules of a function: what every function must keep, spelt out for this one.

One table, in the order of reading. A rule's name here is what the judge files its results under, what pytest shows
and what `nnconform list rules` prints; nothing else names rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import Family, Function, Level, Rule, Source

MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY

IEEE_754 = Source("IEEE 754-2019", "https://doi.org/10.1109/IEEESTD.2019.8766229")
ARRAY_API = Source("Python array API standard 2024.12", "https://data-apis.org/array-api/2024.12/")

INVARIANCES = {
    "layout": "how the argument lies in memory (strided, transposed, reversed, offset, broadcast)",
    "length": "how many elements the argument has",
    "position": "where in the argument the element stands",
    "batch": "how the elements are arranged in dimensions",
    "repetition": "how often the call is made",
    "entry_point": "which of the framework's entry points for this function is called",
}


def rules_of(function: Function) -> tuple[Rule, ...]:
    """Every rule of one function, in the order of reading. Ids are unique and stable."""
    return tuple(rule for rule in _rules(function) if rule.name not in function.inapplicable)


def _rules(function: Function) -> Iterator[Rule]:
    f = function.name

    def rule(name: str, family: Family, level: Level, sentence: str, source: Source | None = None) -> Rule:
        return Rule(f"{f}.{name}", family, level, sentence, source)

    accuracy, special, gradient = Family.ACCURACY, Family.SPECIAL, Family.GRADIENT
    first = function.sources[0]

    yield rule(
        "value",
        accuracy,
        MUST,
        f"{f}(x) = {function.formula}, within the bar, wherever x and the result are normal numbers.",
        first,
    )
    yield rule(
        "subnormal",
        accuracy,
        MUST,
        "Where x or the result is subnormal, or the result is smaller still, the bar holds in units of the smallest subnormal.",
        IEEE_754,
    )
    yield rule(
        "overflow",
        accuracy,
        MUST,
        "Where the true value exceeds the largest finite number, the result is the infinity of its sign; nowhere else, up to the bar.",
        IEEE_754,
    )
    yield rule("nan", special, MUST, f"{f}(NaN) is NaN.", IEEE_754)
    for limit in function.limits:
        yield rule(
            f"limit.{limit.at}",
            special,
            MUST,
            f"{f}({limit.at}) is NaN, outside the domain."
            if _is_outside(function, limit.at)
            else f"{f}({limit.at}) is the limit of {f}(x) for x → {limit.at}: {_said(limit.value)}.",
            first,
        )
    if function.domain:
        edge = f"{function.domain.low:g}"
        yield rule(
            "domain",
            special,
            MUST,
            f"{f}(x) is NaN for x < {edge}, where it is not defined, and {f}({edge}) is the limit from the right: {function.domain.value}.",
            first,
        )
        yield rule(
            "gradient.domain",
            gradient,
            SHOULD,
            f"{f}′(x) and {f}″(x) are NaN for x < {edge}; at {edge} they are the limits from the right.",
            first,
        )
    if function.zero_sign not in ("none", "free"):
        yield rule(
            "signed_zero",
            special,
            SHOULD,
            f"{f}(±0) = ±0, where {f} is a positive multiple of its argument near zero.",
            IEEE_754,
        )
    if function.zero_sign == "free":
        yield rule("signed_zero.convention", special, MAY, f"{f}(±0) = +0, as most have it; −0 is recorded.", IEEE_754)
    yield rule(
        "underflow_sign",
        special,
        MUST,
        "A zero that stands for a number too small for the format, or for a limit approached from one side, keeps its sign.",
        IEEE_754,
    )
    yield rule("flush", special, SHOULD, "Subnormal numbers are kept, not flushed to zero.", IEEE_754)

    yield rule("gradient", gradient, MUST, f"The reverse-mode derivative is {f}′(x), within the bar.", first)
    yield rule("gradient.forward", gradient, MUST, f"The forward-mode derivative is {f}′(x), within the bar.", first)
    yield rule("second_derivative", gradient, MUST, f"Differentiating twice gives {f}″(x), within the bar.", first)
    for kink in function.kinks:
        yield rule(
            f"kink.{kink.name}",
            gradient,
            MUST,
            f"At the kink x = {kink.name} the derivative is a subgradient: between {_said(kink.left, 'the slope on its left')} and {_said(kink.right, 'the slope on its right')}.",
            kink.source or first,
        )
        yield rule(
            f"kink.{kink.name}.convention",
            gradient,
            MAY,
            f"At the kink x = {kink.name} the customary subgradient is {_said(kink.customary)}; another one is recorded as a convention.",
            kink.source or first,
        )
    for limit in function.limits:
        yield rule(
            f"gradient.limit.{limit.at}",
            gradient,
            SHOULD,
            f"{f}′({limit.at}) is NaN, outside the domain."
            if _is_outside(function, limit.at)
            else f"{f}′({limit.at}) is the limit of {f}′(x): {_said(limit.derivative)}.",
            first,
        )
        yield rule(
            f"second_derivative.limit.{limit.at}",
            gradient,
            SHOULD,
            f"{f}″({limit.at}) is NaN, outside the domain."
            if _is_outside(function, limit.at)
            else f"{f}″({limit.at}) is the limit of {f}″(x): {_said(limit.second_derivative)}.",
            first,
        )
    yield rule(
        "gradient.nan",
        gradient,
        SHOULD,
        f"{f}′(NaN) is NaN: a derivative does not hide what its value shows.",
        IEEE_754,
    )
    yield rule(
        "second_derivative.nan",
        gradient,
        MAY,
        f"{f}″(NaN) is NaN, or the constant of a piece; which one is recorded.",
        IEEE_754,
    )
    yield rule(
        "gradient.cotangent",
        gradient,
        MUST,
        "The derivative is linear in the cotangent: scaling it by a power of two scales the result by just that, where neither overflows nor underflows.",
        first,
    )
    yield rule("gradient.dtype", gradient, MUST, "The gradient has the dtype and the shape of the argument.", ARRAY_API)
    for parameter in function.parameters:
        if parameter.learnt:
            yield from _of_learnt(function, parameter.name)

    yield rule("dtype.preserved", Family.DTYPE, MUST, "The result has the dtype of the argument.", ARRAY_API)
    yield rule(
        "dtype.supported",
        Family.DTYPE,
        MAY,
        "float16, bfloat16, float32 and float64 are supported; what is not, is recorded with the framework's own message.",
        ARRAY_API,
    )
    yield rule(
        "dtype.integer",
        Family.DTYPE,
        MUST,
        f"An integer or boolean argument is refused, or gives {f} at that integer, within the bar of the result's dtype.",
        ARRAY_API,
    )

    yield rule("shape", Family.SHAPE, MUST, "The result has the shape of the argument, at every rank.", ARRAY_API)
    yield rule(
        "shape.scalar", Family.SHAPE, MUST, "A zero-dimensional argument gives a zero-dimensional result.", ARRAY_API
    )
    yield rule(
        "shape.empty",
        Family.SHAPE,
        MUST,
        "An argument without elements gives a result without elements, of the same shape.",
        ARRAY_API,
    )

    for name, what in INVARIANCES.items():
        yield rule(
            f"invariance.{name}",
            Family.INVARIANCE,
            MUST,
            f"The class of a result (NaN, infinity, zero with its sign, finite), and whether it is within the bar, does not depend on {what}.",
        )
    yield rule(
        "invariance.bits",
        Family.INVARIANCE,
        SHOULD,
        "Where results are within the bar, their bits depend on the numbers alone: not on layout, length, position, batch, repetition or entry point.",
    )

    yield rule("purity", Family.PURITY, MUST, "The call leaves its argument as it was.", ARRAY_API)
    yield rule("inplace", Family.PURITY, MUST, "The in-place form leaves its result in its argument.")

    if function.drawn:
        yield from _of_draws(function, function.drawn)

    for prop in function.properties:
        level = MUST if prop.kind == "range" else SHOULD
        yield rule(
            f"property.{prop.kind}",
            Family.PROPERTY,
            level,
            f"{prop.sentence}, for the numbers as they were returned.",
            first,
        )

    if function.parameters:
        spelt = ", ".join(f"{p.name} = {p.default:g}" for p in function.parameters)
        yield rule(
            "defaults",
            Family.DEFAULTS,
            MUST,
            "The bare call computes the function with the defaults that the entry point documents.",
        )
        yield rule(
            "defaults.convention",
            Family.DEFAULTS,
            MAY,
            f"The entry point's defaults are the standard's ({spelt}); others are recorded.",
        )
    yield rule(
        "errors.argument", Family.ERRORS, MUST, "A missing argument, None, a text, or an unknown keyword is refused."
    )
    if function.parameters:
        yield rule("errors.parameter_type", Family.ERRORS, MUST, "A parameter that is not a number is refused.")
    if function.invalid or any(parameter.invalid for parameter in function.parameters):
        yield rule(
            "errors.parameter_value",
            Family.ERRORS,
            SHOULD,
            "A parameter outside its domain is refused; NaN is recorded, a finite number deviates.",
        )


def _of_learnt(function: Function, name: str) -> Iterator[Rule]:
    """About the derivative in a learnt parameter."""
    f = function.name
    yield Rule(
        f"{f}.gradient.{name}", Family.GRADIENT, MUST,
        f"The derivative in {name} is ∂{f}/∂{name} times the cotangent, summed over the elements that share one {name}: within "
        "4 ULP, and for a sum of n terms ⌈log₂ n⌉ half units in the last place of the sum of their magnitudes more, which "
        "is what pairwise summation may lose.", function.sources[0],
    )  # fmt: skip
    yield Rule(
        f"{f}.gradient.{name}.dtype", Family.GRADIENT, MUST, f"The gradient in {name} has the dtype and the shape of {name}.", ARRAY_API
    )  # fmt: skip


def _of_draws(function: Function, ends: tuple[str, str]) -> Iterator[Rule]:
    """About training, in which the slope of every negative element is drawn. The judge's random.py derives the bounds."""
    f, (low, high) = function.name, ends
    chance = "each bound is exceeded by chance with probability 10⁻⁹ at most"

    def rule(name: str, family: Family, level: Level, sentence: str) -> Rule:
        return Rule(f"{f}.{name}", family, level, sentence, function.sources[0])

    yield rule(
        "training.support", Family.PROPERTY, MUST,
        f"In training, x < 0 gives s · x with a slope s from {low} to {high} (as the dtype holds them), within one rounding of "
        "the product; x ≥ 0 gives x, and NaN gives NaN.",
    )  # fmt: skip
    yield rule(
        "training.moments", Family.PROPERTY, SHOULD,
        f"The slopes of 100,003 elements are distributed evenly from {low} to {high}: mean and variance by Hoeffding's "
        f"inequality, the whole distribution by that of Dvoretzky, Kiefer, Wolfowitz and Massart; {chance}.",
    )  # fmt: skip
    yield rule(
        "training.independence", Family.PROPERTY, SHOULD,
        "Neighbouring elements draw different slopes, and so does a second call: mean products of their distances from the "
        f"middle, and how many are the same, are within Hoeffding's bounds; {chance}.",
    )  # fmt: skip
    yield rule(
        "training.seed", Family.PROPERTY, SHOULD, "After the generator is given the same seed, a call gives the same bits."
    )  # fmt: skip
    yield rule(
        "gradient.training", Family.GRADIENT, MUST,
        "In training, the derivative at x < 0 is the very slope that made the value of that element, within the rounding of "
        "the two; at x > 0 it is 1.",
    )  # fmt: skip


def _is_outside(function: Function, place: str) -> bool:
    return function.domain is not None and float(place) < function.domain.low


def _said(expression: object, otherwise: str = "as its parameters say") -> str:
    return expression if isinstance(expression, str) else otherwise
