"""What all reports of a comparison share: glyphs, headlines, and the words for one change.

Knows the judge's records; knows no format and no framework.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.judge.comparison.changes import BETTER, KINDS, WORSE, Change, Comparison, Moved, Pair, Place, Seen
from conformance.judge.comparison.clusters import ulps_of
from conformance.judge.message import folded, short, spelled, ulps, unusual

from ..words import count, listed

NOTHING = "Nothing changed: every question that both runs asked has the same answer in both, bit for bit."


def nothing(compared: Comparison) -> str:
    """That nothing changed, as far as that can be said."""
    if not compared.subjects:
        return "The two runs have no subject in common: nothing can be compared."
    if all(pair.shared == 0 for pair in compared.subjects):
        return "No question was asked in both runs: nothing can be compared."
    if any(pair.messages for pair in compared.subjects):
        return "Nothing changed but the words of some errors: every number that both runs asked for is the same, bit for bit."
    return NOTHING


@dataclass(frozen=True)
class Mark:
    """How a kind of change is shown: a glyph, a colour and words together, never a colour alone. `cell` is its word in the matrix."""

    glyph: str
    tone: str
    cell: str


MARKS = {
    "worse": Mark("▼", "bad", "worse"),
    "better": Mark("▲", "good", "better"),
    "entry point gone": Mark("−", "bad", "gone"),
    "entry point appeared": Mark("+", "good", "new"),
    "dtype refused": Mark("−", "bad", "gone"),
    "dtype supported": Mark("+", "good", "new"),
    "derivative refused": Mark("−", "bad", "gone"),
    "derivative supported": Mark("+", "good", "new"),
    "default changed": Mark("≠", "warn", "other"),
    "signature changed": Mark("≠", "warn", "other"),
    "error changed": Mark("!", "note", "other"),
    "result changed": Mark("≠", "warn", "other"),
    "convention changed": Mark("◇", "note", "other"),
    "bits": Mark("·", "quiet", "bits only"),
}
"""A mark for every kind of change."""

CELLS = ("worse", "gone", "better", "new", "other", "bits only")
"""Words of the matrix, the one that matters most first."""

assert MARKS.keys() == KINDS.keys()


def direction(change: Change) -> str:
    """`worse`, `better`, or neither."""
    return "worse" if change.kind in WORSE else "better" if change.kind in BETTER else ""


def summed(comparison: Comparison) -> str:
    """`7 changes: 1 worse, 2 better, 4 bits`."""
    counts = comparison.counts
    return (
        f"{count(sum(counts.values()), 'change')}: {', '.join(f'{number:,} {kind}' for kind, number in counts.items())}"
    )


def versions(pair: Pair) -> str:
    """`jax 0.4.30 → 0.10.2, optax 0.1.9 → 0.2.8`; the versions as they are where they are the same."""
    if pair.moved:
        return ", ".join(f"{name} {old} → {new}" for name, old, new in pair.moved)
    return ", ".join(f"{name} {version}" for name, version in pair.new.versions.items()) + ", the same versions"


def answered(pair: Pair) -> str:
    """How many questions both answered, and how many of them alike."""
    said = f"{count(pair.shared, 'question')} in both, {pair.equal:,} with the same answer"
    if pair.messages:
        said += f"; {count(pair.messages, 'error')} in other words"
    return said


def title(change: Change) -> str:
    """`gelu`, `62 functions`, or the entry point itself where it is bound to none."""
    if change.function != "*":
        return change.function
    return count(len(change.functions), "function")


def who(change: Change, most: int = 3) -> str:
    """Entry points, some of them; where there are many, how many."""
    names = list(change.entry_points)
    return listed(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def where(change: Change) -> str:
    """`float16, float32; eager, compiled`."""
    return "; ".join(", ".join(names) for names in (change.dtypes, change.modes) if names)


def functions(change: Change, most: int = 12) -> str:
    """The functions of a change of several; empty for one."""
    if change.function != "*":
        return ""
    names = change.functions
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def shown_places(change: Change) -> Sequence[Place]:
    """Places worth a line of their own: where the message has not said it all."""
    return change.places if len(change.places) > 1 and change.kind != "bits" and change.rules != ("signature",) else ()


def side(seen: Seen) -> str:
    """What one side did: the number with its bits, what was raised, and the error."""
    if seen.outcome not in ("returned", ""):
        return folded(seen.message or seen.outcome.replace("_", " "))
    said = seen.observed + (f" [{seen.observed_bits}]" if seen.observed_bits else "")
    return folded(said or seen.message or seen.verdict.replace("_", " ") or "nothing")


def error(seen: Seen) -> str:
    """`0.5 ULP`, or nothing where none was measured."""
    return "" if math.isnan(seen.ulp) else f"{ulps(seen.ulp)} ULP"


def asked(place: Place, function: str) -> str:
    """The input of a place, with the parameters that are not as usual."""
    several = any(" = " in one for one in place.input)
    given = ", ".join(place.input)
    bits = f" [{', '.join(place.input_bits)}]" if any(place.input_bits) else ""
    parameters = spelled(unusual(function, place.parameters)) if function != "*" else spelled(place.parameters)
    said = [f"{'' if several else 'x = '}{given}{bits}"] if given else []
    return "; ".join([*said, *([parameters] if parameters else [])])


def movement(moved: Moved) -> Iterator[tuple[str, str]]:
    """The facts about numbers whose bits changed, as pairs of a word and a text."""
    yield "numbers", f"{moved.changed:,} of {moved.asked:,}"
    yield "farthest", "to or from NaN" if math.isinf(moved.distance) else ulps_of(moved.distance)
    if not any(math.isnan(one) for one in moved.errors):
        yield "largest error", f"{ulps(moved.errors[0])} ULP before, {ulps(moved.errors[1])} now, where both conform"
    if not math.isnan(moved.low):
        yield "inputs", f"from {short(float(f'{moved.low:.6g}'))} to {short(float(f'{moved.high:.6g}'))}"
