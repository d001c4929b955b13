"""Results about the cotangent: a derivative in reverse mode is linear in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from conformance.cases.case import Case
from conformance.formats import FORMATS, round_to, values
from conformance.truth.reals import UNDERFLOW

from .accuracy import bits_hash, measure, worst_of
from .answers import Answers
from .question import question
from .records import Result
from .values import without_answer

OUT_OF_RANGE = "scaled by the cotangent, the result leaves the normal range of the format"


def judge_cotangents(answers: Answers) -> Iterator[Result]:
    """The result divided by its cotangent (exact: powers of two) is the derivative, within the bar."""
    plainly = {_key(one.case): one for one in answers.of("repetition") if one.case.quantity == "gradient"}
    for observation in answers.of("cotangent"):
        case = observation.case
        observed = answers.comparable(observation)
        if observed is None or case.cotangent is None:
            yield without_answer(answers, observation, "gradient.cotangent")
            continue
        format = FORMATS[case.dtype]
        cotangent = values(answers.bits(case.cotangent), format)
        y = values(observed, format)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            scaled = y / cotangent
        bits = round_to(scaled, format)
        asked = question(
            answers.function, case.parameters, format, "gradient", answers.argument(case), answers.questions.oracle
        )
        measured = measure(asked, bits)
        truth = asked.truth
        largest = int(np.max(np.abs(np.log2(np.abs(cotangent)))))
        finite = truth.mantissa != 0
        in_range = ~finite | ((truth.exponent > format.emin + largest) & (truth.exponent < format.emax - largest))
        in_range &= ~asked.subnormal_argument & ~asked.undecided & (truth.kind != UNDERFLOW)
        wrong = in_range & ~measured.conforms & ~measured.flushed
        # A wrong derivative is the business of the rule `gradient`: here only what the cotangent did to it counts. The same
        # argument with a cotangent of ones tells; all numbers in one long argument may take another loop of the kernel.
        asked_plainly = plainly.get(_key(case))
        plain = answers.comparable(asked_plainly) if asked_plainly else answers.reference(case)
        if plain is not None:
            without = values(plain, format)
            # Numbers, not bits: nothing says which sign a zero has that is due to a mask.
            same = (values(bits, format) == without) | (np.isnan(scaled) & np.isnan(without))
            wrong &= ~same
        bad = np.nonzero(wrong)[0]
        worst = int(bad[int(np.argmax(measured.error[bad]))]) if len(bad) else 0
        yield answers.result(
            observation,
            "gradient.cotangent",
            outcome="deviates" if len(bad) else "conforms",
            comparisons=len(bits),
            conforms=int(in_range.sum()) - len(bad),
            deviates=len(bad),
            unspecified=int((~in_range).sum()),
            severity="wrong" if len(bad) else "",
            worst=replace(worst_of(asked, measured, worst, case.mode), cotangent=float(cotangent[worst]))
            if len(bad)
            else None,
            bits=bits_hash(bits[bad]) if len(bad) else "",
            message=f"with the cotangent {cotangent[worst]:g}; shown is the result divided by it" if len(bad) else "",
        )


def _key(case: Case) -> tuple[str, str, str, str, str]:
    return (case.entry_point, repr(sorted(case.parameters.items())), case.dtype, case.mode, case.inputs[0].blob)
