"""Results about what must not matter: layout, length, position, batch, repetition, and which entry point was called.

Every answer about few numbers is held against the same subject's answer about all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import FORMATS, Bits, Format, decimal, hexadecimal, values
from conformance.observe.observation import Observation

from .accuracy import bits_hash, classes, measure, worst_of
from .answers import OTHER_KIND, Answers
from .question import question
from .records import Result

BITS = "invariance.bits"
"""The rule about bits: one for all that must not matter, because one cause (a vector loop and its tail) shows in several."""

KINDS = {"length": "length", "position": "position", "scalar": "length", "batch": "batch", "layout": "layout"}


OF = {"gradient": "derivative", "forward_gradient": "forward derivative", "second_derivative": "second derivative"}
"""What a quantity that is not the value is called here."""


def judge_invariance(answers: Answers) -> Iterator[Result]:
    """Two results for each comparison: class and conformity (MUST), bits (SHOULD)."""
    for observation in answers.of("arrangement"):
        kind = KINDS.get(observation.case.detail.split("-")[0])
        observed = answers.comparable(observation)
        expected = answers.reference(observation.case)
        if kind is None or observed is None or expected is None:
            continue
        argument = answers.argument(observation.case)
        yield from _compare(answers, observation, f"invariance.{kind}", argument, observed, expected)
    for observation in answers.of("repetition"):
        first, second = answers.comparable(observation, 0), answers.comparable(observation, 1)
        if first is not None and second is not None:
            argument = answers.argument(observation.case)
            yield from _compare(
                answers, observation, "invariance.repetition", argument, second, first, "the first call gave"
            )
    yield from _entry_points(answers)


def _entry_points(answers: Answers) -> Iterator[Result]:
    """Every entry point against what most of them answer to the same question: that names the odd one out."""
    asked: dict[tuple[str, ...], list[tuple[Observation, Bits]]] = defaultdict(list)
    for observation in answers.of("lattice"):
        case = observation.case
        observed = answers.comparable(observation)
        if observed is not None:
            key = (repr(sorted(case.parameters.items())), case.dtype, case.mode, case.quantity)
            asked[key].append((observation, observed))
        elif observation.outcome == "returned":
            yield from _incomparable(answers, observation)
    for those in asked.values():
        # Of answers that are equally frequent, the first one given.
        usual, _ = Counter(observation.outputs[0].blob for observation, _ in those).most_common(1)[0]
        reference, expected = next(one for one in those if one[0].outputs[0].blob == usual)
        for observation, observed in those:
            if observation is reference:
                continue
            if observation.outputs[0].blob == usual:
                yield from _same(answers, observation, "invariance.entry_point", len(observed))
            else:
                yield from _compare(
                    answers, observation, "invariance.entry_point", answers.argument(observation.case), observed, expected,
                    f"{reference.case.entry_point} gives",
                )  # fmt: skip


def _incomparable(answers: Answers, observation: Observation) -> Iterator[Result]:
    count = len(answers.argument(observation.case))
    for name in ("invariance.entry_point", BITS):
        yield answers.result(
            observation, name, region=_region(observation, "invariance.entry_point"), outcome="unspecified",
            comparisons=count, unspecified=count, message=OTHER_KIND,
        )  # fmt: skip


def _same(answers: Answers, observation: Observation, rule: str, count: int) -> Iterator[Result]:
    for name in (rule, BITS):
        yield answers.result(
            observation, name, region=_region(observation, rule), outcome="conforms", comparisons=count, conforms=count
        )


def _region(observation: Observation, rule: str) -> str:
    """`length 17`, `layout strided, derivative`, `entry point`: what was varied, and of what."""
    varied = observation.case.detail.replace("-", " ") or rule.removeprefix("invariance.").replace("_", " ")
    return varied if observation.case.quantity == "value" else f"{varied}, {OF[observation.case.quantity]}"


def _compare(
    answers: Answers, observation: Observation, rule: str, argument: Bits, observed: Bits, expected: Bits,
    elsewhere: str = "in one long contiguous argument it is",
) -> Iterator[Result]:  # fmt: skip
    case = observation.case
    format = FORMATS[case.dtype]
    differs = np.nonzero((observed != expected) & ~(_is_nan(observed, format) & _is_nan(expected, format)))[0]
    if not len(differs):
        yield from _same(answers, observation, rule, len(observed))
        return
    asked = question(
        answers.function, case.parameters, format, case.quantity, argument[differs], answers.questions.oracle
    )
    here, there = measure(asked, observed[differs]), measure(asked, expected[differs])
    both = here.conforms & there.conforms
    zeros = [
        (bits & format.bits_type.type(format.sign_bit - 1)) == 0 for bits in (observed[differs], expected[differs])
    ]
    # Near a root, and near the ends of the range, two results within the bar may be zero and finite, or finite and infinite;
    # the sign of a zero is not a matter of rounding.
    changed = (classes(observed[differs], format) != classes(expected[differs], format)) & (
        ~both | (zeros[0] & zeros[1])
    )
    # Subnormals that are flushed here and not there are one finding of the subject.
    same_but_flushed = (here.flushed & (there.conforms | there.flushed)) | (there.flushed & here.conforms)
    changed &= ~same_but_flushed
    worse = (here.conforms != there.conforms) & ~same_but_flushed
    # Two answers beyond the bar are the business of other rules; but that the same call gives both is told nowhere else.
    restless = ~both & ~same_but_flushed & (rule == "invariance.repetition")
    astray = np.nonzero(changed | worse | restless)[0]
    severity = "wrong" if changed.any() else "inaccurate"
    for name, bad, severe in (
        (rule, astray, severity),
        (BITS, np.nonzero(both & ~changed)[0], "information"),
    ):
        # The error of whichever of the two is farther off tells most.
        error = np.maximum(*(np.where(np.isnan(one.error[bad]), np.inf, one.error[bad]) for one in (here, there)))
        index = int(bad[int(np.argmax(error))]) if len(bad) else 0
        yield answers.result(
            observation,
            name,
            region=_region(observation, rule),
            outcome="deviates" if len(bad) else "conforms",
            comparisons=len(observed),
            conforms=len(observed) - len(bad),
            deviates=len(bad),
            severity=severe if len(bad) else "",
            worst=worst_of(asked, here, index, case.mode) if len(bad) else None,
            bits=bits_hash(observed[differs][bad]) if len(bad) else "",
            message=_said(case, elsewhere, int(expected[differs[index]]), format) if len(bad) else "",
        )


def _said(case: Case, elsewhere: str, expected: int, format: Format) -> str:
    where = f" with {case.detail.replace('-', ' ')}" if case.detail else ""
    there = f"{decimal(expected, format)} [{hexadecimal(expected, format)}]"
    return f"the {OF.get(case.quantity, 'value')}{where}; {elsewhere} {there}"


def _is_nan(bits: Bits, format: Format) -> NDArray[np.bool_]:
    nan: NDArray[np.bool_] = np.isnan(values(bits, format))
    return nan
