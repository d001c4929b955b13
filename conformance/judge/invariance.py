"""Results about what must not matter: layout, length, position, batch, repetition, and which entry point was called.

Every answer about few numbers is held against the same subject's answer about all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from conformance.formats import FORMATS, Bits, Format, hexadecimal, values
from conformance.observe.observation import Observation

from .accuracy import bits_hash, classes, measure, worst_of
from .answers import Answers
from .question import question
from .records import Result

KINDS = {"length": "length", "position": "position", "scalar": "length", "batch": "batch", "layout": "layout"}


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
            yield from _compare(answers, observation, "invariance.repetition", argument, second, first)
    yield from _entry_points(answers)


def _entry_points(answers: Answers) -> Iterator[Result]:
    """Every entry point against the first that answered the same question."""
    firsts: dict[tuple[str, ...], tuple[Observation, Bits]] = {}
    for observation in answers.of("lattice"):
        case = observation.case
        observed = answers.comparable(observation)
        if observed is None:
            continue
        key = (repr(sorted(case.parameters.items())), case.dtype, case.mode, case.quantity)
        if key not in firsts:
            firsts[key] = (observation, observed)
            continue
        reference, expected = firsts[key]
        if reference.outputs[0].blob == observation.outputs[0].blob:
            yield from _same(answers, observation, "invariance.entry_point", len(observed))
        else:
            yield from _compare(
                answers, observation, "invariance.entry_point", answers.argument(case), observed, expected,
                f"than {reference.case.entry_point}",
            )  # fmt: skip


def _same(answers: Answers, observation: Observation, rule: str, count: int) -> Iterator[Result]:
    region = observation.case.detail.replace("-", " ") or "anywhere"
    for name, where in ((rule, region), (f"{rule}.bits", "anywhere")):
        yield answers.result(observation, name, region=where, outcome="conforms", comparisons=count, conforms=count)


def _compare(
    answers: Answers, observation: Observation, rule: str, argument: Bits, observed: Bits, expected: Bits, than: str = "than elsewhere"
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
    changed = classes(observed[differs], format) != classes(expected[differs], format)
    worse = here.conforms != there.conforms
    astray = np.nonzero(changed | worse)[0]
    region = case.detail.replace("-", " ") or "anywhere"
    severity = "wrong" if changed.any() else "inaccurate"
    for name, where, bad, severe in (
        (rule, region, astray, severity),
        (f"{rule}.bits", "anywhere", np.arange(len(differs)), "information"),
    ):
        index = int(bad[int(np.argmax(np.where(np.isnan(here.error[bad]), np.inf, here.error[bad])))]) if len(bad) else 0
        yield answers.result(
            observation,
            name,
            region=where,
            outcome="deviates" if len(bad) else "conforms",
            comparisons=len(observed),
            conforms=len(observed) - len(bad),
            deviates=len(bad),
            severity=severe if len(bad) else "",
            worst=worst_of(asked, here, index, case.mode) if len(bad) else None,
            bits=bits_hash(observed[differs][bad]) if len(bad) else "",
            message=f"other bits {than}, where it is {hexadecimal(int(expected[differs[index]]), format)}" if len(bad) else "",
        )


def _is_nan(bits: Bits, format: Format) -> NDArray[np.bool_]:
    nan: NDArray[np.bool_] = np.isnan(values(bits, format))
    return nan
