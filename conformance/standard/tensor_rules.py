"""The rules of a function of tensors: what every such function must keep, spelt out for this one.

As `rules`, one table in the order of reading; nothing else names rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import Family, Level, Rule, Source
from .rules import ARRAY_API, IEEE_754
from .tensors import LABELS, REDUCTIONS, ROWS, WHOLE, TensorFunction

MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY

GIVEN = "nothing is prescribed where the formula is an indeterminate form (∞ − ∞, 0 · ∞, 0/0)"


def tensor_rules_of(function: TensorFunction) -> tuple[Rule, ...]:
    """Every rule of one function of tensors, in the order of reading. Ids are unique and stable."""
    return tuple(rule for rule in _rules(function) if rule.name not in function.inapplicable)


def _rules(function: TensorFunction) -> Iterator[Rule]:
    f = function.name

    def rule(name: str, family: Family, level: Level, sentence: str, source: Source | None = None) -> Rule:
        return Rule(f"{f}.{name}", family, level, sentence, source)

    if function.drawn:
        yield from _of_draws(function)
        yield from _of_errors(function)
        return
    accuracy, special, gradient, dtype = Family.ACCURACY, Family.SPECIAL, Family.GRADIENT, Family.DTYPE
    first = function.sources[0]
    yield rule(
        "value", accuracy, MUST,
        f"{f} = {function.formula}, within 4 ulp of the result, what 2 ulp of each argument are worth in it, and for each sum of n "
        "terms 1 + ½⌈log₂ n⌉ ulp of the sum of their magnitudes times its derivative in that sum.", first,
    )  # fmt: skip
    yield rule(
        "edge", special, MUST,
        f"At remarkable arguments (zeros, infinities, very large and very small numbers, ties, certainty) the result is what the "
        f"formula, or its limit, says; {GIVEN}.", first,
    )  # fmt: skip
    yield rule(
        "nan",
        special,
        MUST,
        "A NaN among the numbers that take part makes the result NaN; one that is masked or ignored does not.",
        IEEE_754,
    )
    yield rule("flush", special, SHOULD, "Subnormal numbers are kept, not flushed to zero.", IEEE_754)
    for argument in function.arguments:
        if not argument.differentiable or argument.kind in (*WHOLE, "mask"):
            continue
        name = argument.name
        yield rule(
            f"gradient.{name}", gradient, MUST,
            f"The reverse-mode derivative in {name}, multiplied by the cotangent, within the bar (as for `value`, with the second derivatives); "
            "between its one-sided values where there is a kink.", first,
        )  # fmt: skip
        yield rule(
            f"gradient.{name}.edge",
            gradient,
            SHOULD,
            f"At remarkable arguments the derivative in {name} is what the formula, or its limit, says; {GIVEN}.",
            first,
        )
        yield rule(
            f"gradient.{name}.nan",
            gradient,
            SHOULD,
            f"A NaN that takes part makes the derivative in {name} NaN where that depends on it; one that is masked or ignored does not.",
            IEEE_754,
        )
        yield rule(
            f"gradient.{name}.dtype",
            gradient,
            MUST,
            f"The gradient in {name} has the dtype and the shape of {name}.",
            ARRAY_API,
        )
    yield rule(
        "gradient.forward",
        gradient,
        MUST,
        "Forward mode gives the derivative along a direction, within the bars of what it sums.",
        first,
    )
    if function.smooth:
        yield rule(
            "hessian", gradient, MUST,
            "Differentiating twice gives the product of the Hessian with a direction, within 8 + w ulp of Σ|Hᵢⱼ·dⱼ|, where w is 2·max|x|, "
            "or what 2 ulp of each argument are worth in a number of which an exponential is taken, if that is more.", first,
        )  # fmt: skip
    for option in function.options:
        yield rule(
            f"option.{option.name}",
            accuracy,
            MUST,
            f"With {option.name} ({option.meaning}; {option.domain}) away from its default, value and derivative are what the formula says.",
            first,
        )
    if len(function.options) > 1 and function.pairs:
        yield rule(
            "options",
            accuracy,
            MUST,
            "Several options away from their defaults at once: value and derivative are what the formula says.",
            first,
        )
    for argument in function.arguments:
        if argument.optional:
            yield rule(
                f"argument.{argument.name}",
                accuracy,
                MUST,
                f"With the optional argument {argument.name} ({argument.meaning}), value and derivatives are what the formula says.",
                first,
            )
    for name in function.reductions:
        if name != "none":
            yield rule(
                f"reduction.{name}",
                accuracy,
                MUST,
                f"The reduction `{name}` gives {REDUCTIONS[name]}, within the bar of the sum.",
                first,
            )
    for name in function.rows:
        if name != "none":
            yield rule(
                f"rows.{name}", accuracy, MUST, f"Results are put together along the axis by {ROWS[name]}.", first
            )
    if function.weighted:
        yield rule(
            "weight",
            accuracy,
            MUST,
            "Every result is multiplied by its weight, and the reduction is that of weighted results.",
            first,
        )
    if function.batched:
        yield rule(
            "rank",
            Family.SHAPE,
            MUST,
            "The function is applied to every place of the dimensions before the core, at every rank.",
            ARRAY_API,
        )
    if function.axis:
        yield rule(
            "axis",
            Family.SHAPE,
            MUST,
            "Each axis, counted from either end, gives what moving that axis to the end gives.",
            ARRAY_API,
        )
    yield rule(
        "size", accuracy, MUST, "One sample, one class, 10,000 classes, 100,003 elements: the same bars hold.", first
    )
    if function.batched:
        yield rule(
            "size.empty",
            Family.SHAPE,
            MUST,
            "Without elements the results have no elements, a sum is 0; of a mean nothing is prescribed.",
            ARRAY_API,
        )
    yield rule(
        "shape",
        Family.SHAPE,
        MUST,
        "The result has the shape that the arguments, the axis and the reduction say.",
        ARRAY_API,
    )
    yield rule(
        "dtype.preserved", dtype, MUST, "The result has the dtype of the first floating-point argument.", ARRAY_API
    )
    yield rule(
        "dtype.supported",
        dtype,
        MAY,
        "float16, bfloat16, float32 and float64 are supported; what is not, is recorded with the framework's own message.",
        ARRAY_API,
    )
    if any(argument.kind in WHOLE for argument in function.arguments):
        yield rule(
            "dtype.label", dtype, SHOULD, "Labels of every integer dtype give the same bits, or are refused.", ARRAY_API
        )
    if sum(argument.kind not in (*WHOLE, "mask") for argument in function.arguments) > 1:
        yield rule(
            "dtype.mixed",
            dtype,
            SHOULD,
            "Floating-point arguments of different dtypes are refused, or the result is right for the numbers given, in either dtype.",
            ARRAY_API,
        )
    yield rule(
        "dtype.integer",
        dtype,
        MUST,
        "An argument of whole numbers where floating-point numbers are usual is refused, or gives the result for those numbers.",
        ARRAY_API,
    )
    yield from _of_invariance(function)
    for prop in function.properties:
        yield rule(
            f"property.{prop.kind}",
            Family.PROPERTY,
            MUST if prop.kind == "range" else SHOULD,
            f"{prop.sentence}, for the numbers as they were returned.",
            first,
        )
    if function.options or function.reductions or function.axis:
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
            "The entry point's defaults are the standard's; others are recorded.",
        )
    yield from _of_errors(function)


def _of_invariance(function: TensorFunction) -> Iterator[Rule]:
    def rule(name: str, level: Level, sentence: str) -> Rule:
        return Rule(f"{function.name}.{name}", Family.INVARIANCE, level, sentence)

    if function.batched:
        yield rule(
            "invariance.rows",
            MUST,
            "A sample's result and derivative are right whatever the other samples are, in whatever order, and alone.",
        )
    yield rule("invariance.layout", MUST, "How the arguments lie in memory does not matter.")
    yield rule("invariance.repetition", MUST, "Calling again gives the same.")
    yield rule("invariance.entry_point", MUST, "Functional form and class agree: all are within the bar.")
    yield rule(
        "invariance.copy",
        MUST,
        "An object that was copied, pickled and read back, or rebuilt from its own configuration gives the same.",
    )
    yield rule(
        "invariance.bits",
        SHOULD,
        "Within the bar, the bits depend on the numbers alone: not on layout, other samples, repetition, copying or entry point.",
    )
    yield Rule(f"{function.name}.purity", Family.PURITY, MUST, "The call leaves its arguments as they were.", ARRAY_API)


def _of_draws(function: TensorFunction) -> Iterator[Rule]:
    """All rules of a function that draws, but for those about errors: no answer of it is right or wrong by itself."""
    first = function.sources[0]

    def rule(name: str, family: Family, level: Level, sentence: str, source: Source = first) -> Rule:
        return Rule(f"{function.name}.{name}", family, level, sentence, source)

    yield rule(
        "training.support", Family.PROPERTY, MUST,
        "Along the axis stands a distribution: numbers from 0 to 1 whose sum is 1; where `hard` is asked, a single 1 among zeros. What is "
        "impossible (a logit of −∞) is 0.",
    )  # fmt: skip
    yield rule(
        "training.moments", Family.PROPERTY, SHOULD,
        "How often each class is the largest agrees with softmax(logits); temperature · log(yᵢ/yⱼ) is distributed as the logistic distribution "
        "about xᵢ − xⱼ; neighbouring rows are independent. By the inequalities of Hoeffding and of Dvoretzky, Kiefer, Wolfowitz; chance exceeds "
        "the bounds of one case with a probability of 10⁻⁹ at most.",
    )  # fmt: skip
    yield rule(
        "training.seed", Family.PROPERTY, SHOULD,
        "After the generator is given the same seed, a call gives the same bits; a second call without it gives others.",
    )  # fmt: skip
    yield rule(
        "gradient.training", Family.GRADIENT, MUST,
        "The derivative of one soft draw y is (diag(y) − y·yᵀ)/temperature times the cotangent, with the y that was returned.",
    )  # fmt: skip
    yield rule("shape", Family.SHAPE, MUST, "The result has the shape of the argument.", ARRAY_API)
    yield rule("dtype.preserved", Family.DTYPE, MUST, "The result has the dtype of the argument.", ARRAY_API)
    yield rule(
        "dtype.supported", Family.DTYPE, MAY,
        "float16, bfloat16, float32 and float64 are supported; what is not, is recorded with the framework's own message.", ARRAY_API,
    )  # fmt: skip
    yield rule("purity", Family.PURITY, MUST, "The call leaves its arguments as they were.", ARRAY_API)


def _of_errors(function: TensorFunction) -> Iterator[Rule]:
    def rule(name: str, level: Level, sentence: str) -> Rule:
        return Rule(f"{function.name}.{name}", Family.ERRORS, level, sentence)

    kinds = {argument.kind for argument in function.arguments}
    tensors = len(function.arguments) + int(function.weighted)
    own = {dimension for argument in function.arguments for dimension in argument.core}
    yield rule("errors.argument", MUST, "A missing argument, None, a text, or an unknown keyword is refused.")
    if tensors > 1 or own & set(function.computed) or any(len(argument.core) > 1 for argument in function.arguments):
        yield rule(
            "errors.shape", MUST,
            "Arguments whose shapes do not fit together (rank, length, transposed, broadcastable but different) are refused, unless documentation "
            "allows them.",
        )  # fmt: skip
    if function.axis:
        yield rule("errors.axis", MUST, "An axis that the arguments do not have is refused.")
    if kinds & set(WHOLE):
        yield rule("errors.label_dtype", MUST, "Floating-point numbers where labels are due are refused.")
    if kinds & set(LABELS):
        yield rule(
            "errors.label_value", SHOULD,
            "A label that is negative or not smaller than the number of classes is refused; NaN for its sample is recorded, a finite number deviates.",
        )  # fmt: skip
    if "length" in kinds:
        yield rule(
            "errors.length", SHOULD,
            "A length that is negative or greater than the dimension it counts in is refused; NaN for its sample is recorded, a finite number deviates.",
        )  # fmt: skip
    if function.weighted or any(argument.is_weight for argument in function.arguments):
        yield rule("errors.weight", MAY, "A negative weight is refused, or recorded as it is taken.")
    if function.reductions:
        yield rule("errors.reduction", MUST, "An unknown reduction is refused.")
    if any(option.type != "flag" for option in function.options):
        yield rule(
            "errors.option_type",
            MUST,
            "A text where an option is a number, and a name that an option does not know, are refused.",
        )
    if function.invalid or any(option.invalid for option in function.options):
        yield rule(
            "errors.option_value", SHOULD, "An option outside its domain is refused; NaN is recorded, a finite number deviates.",
        )  # fmt: skip
