"""Results about bits of functions of tensors: what must not change them. That the numbers are right all the same is judged apart.

Knows the truth and the rules; no framework.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, decimal, hexadecimal, values
from conformance.observe.observation import Observation
from conformance.truth.tensors import Exact

from .accuracy import bits_hash
from .answers import OTHER_KIND
from .records import Result
from .tensor_accuracy import measure, worst_of
from .tensor_answers import TensorAnswers, comparable, tensors_of

PLACES = {"base": (0, 1, 2, 3), "order": (2, 0, 3, 1), "alone": (0,), "others-nan": (0, 1, None, None)}
"""Where the samples of the case about rows stand in its variations (cases.tensor_topics); None: they are others there."""


NOT_COMPARED = "numbers beyond their bar, without a truth, or of samples that are others here, are not compared"


def judge_tensor_bits(answers: TensorAnswers) -> Iterator[Result]:
    """The SHOULD about bits: rows, layout, repetition, copies, entry points; and that there are several entry points that agree."""
    yield from _rows(answers)
    yield from _layouts(answers)
    yield from _again(answers)
    yield from _entry_points(answers)


def _compared(
    answers: TensorAnswers, observation: Observation, exact: Exact, observed: NDArray[np.unsignedinteger],
    expected: NDArray[np.unsignedinteger], what: str, asked: NDArray[np.bool_] | None = None,
) -> Result:  # fmt: skip
    """One result: the bits are the same wherever both are within the bar, of those `asked` (all, if None).

    What is beyond its bar, or has no truth, is judged under the rule that it was asked for, and compared with nothing here.
    """
    case = observation.case
    format = FORMATS[case.dtype]
    here, there = measure(exact, observed, format), measure(exact, expected, format)
    known = here.conforms & there.conforms & ~here.unspecified
    known &= True if asked is None else asked
    nan = np.isnan(values(observed, format)) & np.isnan(values(expected, format))
    bad = np.nonzero(known & (observed != expected) & ~nan)[0]
    compared, left = int(known.sum()), int((~known).sum())
    said = NOT_COMPARED if left else ""
    if len(bad):
        one = int(expected[bad[0]])
        said = f"{what}: elsewhere it is {decimal(one, format)} [{hexadecimal(one, format)}]"
    return answers.result(
        observation, "invariance.bits", outcome="deviates" if len(bad) else "conforms" if compared or not left else "unspecified",
        comparisons=len(observed), conforms=compared - len(bad), deviates=len(bad), unspecified=left,
        severity="information" if len(bad) else "", message=said, bits=bits_hash(observed[bad]) if len(bad) else "",
        worst=worst_of(case, here, int(bad[0]), tensors_of(case, answers.bits)) if len(bad) else None,
    )  # fmt: skip


def _rows(answers: TensorAnswers) -> Iterator[Result]:
    found: dict[tuple[str, ...], dict[str, Observation]] = defaultdict(dict)
    for one in answers.of("rows"):
        if one.outcome == "returned":
            found[(one.case.entry_point, one.case.mode, one.case.dtype, one.case.quantity, one.case.wrt)][
                one.case.detail
            ] = one
    for by_detail in found.values():
        base = by_detail.get("base")
        reference = comparable(base, answers.truth(base.case), answers.bits) if base else None
        if base is None or reference is None or base.case.quantity != "value":
            continue
        table = reference.reshape(4, -1)
        for detail, places in PLACES.items():
            other = by_detail.get(detail)
            if other is None or detail == "base":
                continue
            exact = answers.truth(other.case)
            observed = comparable(other, exact, answers.bits)
            if observed is None or (
                answers.function.result and answers.function.axis and other.case.parameters.get("axis") not in (-1, 1)
            ):
                continue
            here = [index for index, there in enumerate(places) if there is not None]
            expected, asked = (
                observed.reshape(len(places), -1).copy(),
                np.zeros((len(places), table.shape[1]), dtype=bool),
            )
            expected[here], asked[here] = table[[there for there in places if there is not None]], True
            what = f"samples in another company ({detail.replace('-', ' ')})"
            yield _compared(answers, other, exact, observed, expected.reshape(-1), what, asked.reshape(-1))


def _layouts(answers: TensorAnswers) -> Iterator[Result]:
    usual = {_question(one): one for one in answers.of("draws") if one.outcome == "returned"}
    for one in answers.of("layouts"):
        plain = usual.get(_question(one))
        if one.outcome != "returned" or plain is None:
            continue
        exact = answers.truth(one.case)
        observed, expected = comparable(one, exact, answers.bits), comparable(plain, exact, answers.bits)
        if observed is not None and expected is not None:
            yield _compared(answers, one, exact, observed, expected, f"laid out {one.case.detail}")


def _question(one: Observation) -> tuple[str, ...]:
    case = one.case
    return (case.entry_point, case.mode, case.dtype, case.quantity, case.wrt, repr(sorted(case.parameters.items())))


def _again(answers: TensorAnswers) -> Iterator[Result]:
    """The second call, and copies, beside the first."""
    for one in answers.of("repetition", "copied"):
        if one.outcome != "returned" or len(one.outputs) < 2:
            continue
        exact = answers.truth(one.case)
        first = comparable(one, exact, answers.bits)
        for index in range(1, len(one.outputs)):
            other = comparable(one, exact, answers.bits, index)
            if first is not None and other is not None:
                what = "called again" if one.case.topic == "repetition" else "copied"
                yield _compared(answers, one, exact, other, first, what)


def _entry_points(answers: TensorAnswers) -> Iterator[Result]:
    """Entry points that were asked the same, beside the first of them."""
    first: dict[tuple[object, ...], Observation] = {}
    for one in answers.of("draws"):
        case = one.case
        if one.outcome != "returned" or case.quantity not in ("value", "gradient"):
            continue
        inputs = tuple((item.name, item.blob, item.dtype, item.shape) for item in case.inputs)
        key = (case.mode, case.dtype, case.quantity, case.wrt, repr(sorted(case.parameters.items())), inputs)
        other = first.setdefault(key, one)
        if other is one:
            continue
        exact = answers.truth(case)
        observed, expected = comparable(one, exact, answers.bits), comparable(other, exact, answers.bits)
        if observed is None or expected is None:
            yield answers.result(
                one, "invariance.entry_point", outcome="unspecified", comparisons=1, unspecified=1, message=OTHER_KIND
            )
            continue
        format = FORMATS[case.dtype]
        within = bool((measure(exact, observed, format).conforms == measure(exact, expected, format).conforms).all())
        yield answers.check(
            one, "invariance.entry_point", within, f"{other.case.entry_point} and this one are not both within the bar"
        )
        yield _compared(answers, one, exact, observed, expected, f"another entry point, {other.case.entry_point}")
