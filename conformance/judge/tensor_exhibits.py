"""What the reports show beside results of functions of tensors: places worth a name side by side, and defaults side by side.

As `exhibits`; read from the same answers, and nothing here decides anything. Knows no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.cases.case import Case
from conformance.formats import Format, decimal, round_to, values
from conformance.observe.observation import Observation
from conformance.standard.tensors import COMMON, WHOLE, TensorFunction
from conformance.truth import ulps
from conformance.truth.reals import Reals

from .message import short, unusual
from .records import Convention, Exhibit
from .tensor_accuracy import Judged, place_of, region_of
from .tensor_answers import TensorAnswers, numbers_of
from .tensors import judged_answer

DTYPE = "float32"
"""What the tables are about: most people compute in it."""

MOST_PLACES = 40
"""Places of a function that are shown: those that the standard declares for it first, then of those that every function is asked."""

MOST_NUMBERS = 8
"""Numbers of one place that a cell of the table spells out."""

DIGITS = 5
"""Significant digits of each, where there are several; a number alone has all of its digits."""


def tensor_exhibits(answers: TensorAnswers) -> Iterator[Exhibit]:
    """What came of places worth a name, eagerly, in float32 and with the options that an entry point is usually asked with: the value;
    and, of losses, the derivative in the first argument that has one, divided by the cotangent it was asked with.

    `parameters` are those that are not the standard's defaults, besides what puts results together (each place stands alone).
    Entry points whose shown results are those of an earlier one are left out.
    """
    usual = _usual(answers)
    derivative = _first_differentiable(answers.function)
    for quantity in ("value", "gradient"):
        if quantity == "gradient" and (answers.function.result or not derivative):
            continue  # the derivative of several numbers along a cotangent tells a reader nothing
        shown: set[tuple[tuple[str, str], ...]] = set()
        for entry_point, observations in _asked(answers, quantity, derivative, usual).items():
            rows = _rows(answers, entry_point, observations)
            key = tuple((row.input, row.observed) for row in rows)
            if key not in shown:
                shown.add(key)
                yield from rows


def tensor_conventions(answers: TensorAnswers) -> Iterator[Convention]:
    """What each entry point takes for an option that is not passed: one convention per option, from the bare call."""
    standard = answers.function.defaults()
    seen: set[str] = set()
    for observation in answers.of("defaults"):
        case = observation.case
        if case.entry_point in seen:
            continue
        seen.add(case.entry_point)
        for name, value in case.parameters.items():
            if name in standard:
                # No axis stands for all of them, and is asked as their tuple.
                chosen = "all axes" if isinstance(value, (tuple, list)) else short(value)
                yield Convention(
                    answers.subject.id, case.entry_point, case.function, "option", name, chosen, short(standard[name]), (case.dtype,)
                )  # fmt: skip


def _usual(answers: TensorAnswers) -> dict[str, Mapping[str, Any]]:
    """The options that each entry point is asked with where a case is not about others."""
    found: dict[str, Mapping[str, Any]] = {}
    for observation in answers.of("draws", "edges"):
        found.setdefault(observation.case.entry_point, observation.case.parameters)
    return found


def _first_differentiable(function: TensorFunction) -> str:
    return next((a.name for a in function.arguments if a.differentiable and a.kind not in (*WHOLE, "mask")), "")


def _asked(
    answers: TensorAnswers, quantity: str, derivative: str, usual: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for observation in answers.of("edges"):
        case = observation.case
        about_it = case.quantity == quantity and (quantity == "value" or case.wrt == derivative)
        as_usual = case.parameters == usual[case.entry_point]
        if about_it and as_usual and case.mode == "eager" and case.dtype == DTYPE and observation.outcome == "returned":
            found.setdefault(case.entry_point, []).append(observation)
    return found


def _rows(answers: TensorAnswers, entry_point: str, observations: list[Observation]) -> list[Exhibit]:
    """One row per place, in the order of the standard's own list and then of the plan."""
    found: dict[str, Exhibit] = {}
    for observation in observations:
        judged = judged_answer(answers, observation, answers.truth(observation.case))
        if judged is None:
            continue
        case = observation.case
        place = place_of(case, judged.exact.shape, len(judged.observed))
        cotangents = None if case.cotangent is None else numbers_of(case.cotangent, answers.bits)
        own = {name: value for name, value in unusual(case.function, case.parameters).items() if name not in COMMON}
        for number, name in enumerate(case.places):
            members = np.nonzero(place == number)[0]
            if name in found or not len(members):  # the first place fills a scene up
                continue
            scale = 1.0 if cotangents is None else _cotangent(cotangents, number, len(case.places))
            observed, truth = _texts(judged, members, scale)
            found[name] = Exhibit(
                answers.subject.id, entry_point, case.function, case.quantity if not case.wrt else f"gradient in {case.wrt}",
                own, case.dtype, title(name), observed, truth, _verdict(case, judged, members, name),
            )  # fmt: skip
    return [found[name] for name in _chosen(list(found), [edge.name for edge in answers.function.edges])]


def _chosen(names: list[str], declared: list[str]) -> list[str]:
    """As many places as are shown: the declared ones in their order, then some of every region, in the order of the plan."""
    first = [name for name in declared if name in names]
    by_region: dict[str, list[str]] = {}
    for name in names:
        if name not in first:
            by_region.setdefault(region_of(name), []).append(name)
    # The first of every region, then the second of every region.
    others = [name for row in zip_longest(*by_region.values()) for name in row if name is not None]
    kept = set(others[: max(0, MOST_PLACES - len(first))])
    return first[:MOST_PLACES] + [name for name in names if name in kept]


def title(place: str) -> str:
    """`both largest` for `prediction or target large: both largest`: a region of two arguments says nothing more."""
    region, _, what = place.partition(": ")
    return what if what and " or " in region else place


def _cotangent(cotangents: NDArray[np.float64], place: int, places: int) -> float:
    flat = cotangents.reshape(-1)
    return float(flat[place if len(flat) == places else 0])


def _verdict(case: Case, judged: Judged, members: NDArray[np.int64], place: str) -> str:
    if place in case.free or judged.unspecified[members].any():
        return "unspecified"
    if not (judged.conforms[members] | judged.flushed[members]).all():
        return "deviates"
    if judged.undecided[members].any():
        return "undecided"
    return "flushes" if judged.flushed[members].any() else "conforms"


def _texts(judged: Judged, members: NDArray[np.int64], cotangent: float) -> tuple[str, str]:
    """What came and what is true, for people, both divided by a power of two with a sign."""
    format = judged.format
    numbers = values(judged.observed[members], format) / cotangent
    exact, alone = judged.exact, len(members) == 1
    truth = _divided(exact.truth.take(members), cotangent)
    upper = None if exact.upper is None else _divided(exact.upper.take(members), cotangent)
    tied = np.zeros(len(members), dtype=bool) if exact.tied is None else exact.tied[members]
    came = [_observed(number, format, alone) for number in numbers[:MOST_NUMBERS].tolist()]
    right = []
    for index in range(min(len(members), MOST_NUMBERS)):
        digits = 7 if alone else DIGITS
        ends = [ulps.decimal(truth, index, digits)]
        if upper is not None and tied[index]:
            ends.append(ulps.decimal(upper, index, digits))
        right.append(" to ".join(ends[::-1] if cotangent < 0 else ends))
    return _listed(came, alone, len(members)), _listed(right, alone, len(members))


def _observed(number: float, format: Format, alone: bool) -> str:
    if not alone:
        return f"{number:.{DIGITS}g}"
    return decimal(int(round_to(np.array([number]), format)[0]), format)


def _listed(texts: list[str], alone: bool, count: int) -> str:
    if alone:
        return texts[0]
    if len(set(texts)) == 1:
        return f"{count} × {texts[0]}"
    return f"[{', '.join(texts)}{', …' if count > len(texts) else ''}]"


def _divided(truth: Reals, cotangent: float) -> Reals:
    """True numbers divided by a power of two with a sign, which is exact."""
    mantissa, exponent = np.frexp(cotangent)
    if abs(mantissa) != 0.5:
        raise ValueError(f"a cotangent of {cotangent} is no power of two")
    sign = np.sign(mantissa)
    return Reals(truth.kind, truth.mantissa * sign, truth.tail * sign, truth.exponent - np.int32(int(exponent) - 1))
