"""What all writers share: the words and glyphs for every state, the order of findings, text that is safe to print.

Knows the judge's records; knows no format and no framework.
"""

from __future__ import annotations

import math
import numbers
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

from conformance.judge.message import rule_name
from conformance.judge.records import SEVERITIES, Finding
from conformance.standard import Rule

LONGEST_TEXT = 600
"""Characters of a framework's message that a report shows."""


class Binding(Protocol):
    """What a report needs of a backend's declaration of an entry point (`backends.protocol.Binding` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def entry_point(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def defaults(self) -> Mapping[str, float]: ...
    @property
    def fixed(self) -> Mapping[str, float]: ...
    @property
    def keywords(self) -> Mapping[str, Any]: ...
    @property
    def operands(self) -> tuple[str, ...]: ...
    @property
    def initial(self) -> Mapping[str, str]: ...
    @property
    def training(self) -> bool: ...
    @property
    def documentation(self) -> str: ...
    @property
    def remark(self) -> str: ...


class TensorBinding(Protocol):
    """The same for functions of several tensors (`backends.protocol.TensorBinding` is one)."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def entry_point(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def positional(self) -> tuple[str, ...]: ...
    @property
    def named(self) -> Mapping[str, str]: ...
    @property
    def constructed(self) -> Mapping[str, str]: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def spelt(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def defaults(self) -> Mapping[str, Any]: ...
    @property
    def fixed(self) -> Mapping[str, Any]: ...
    @property
    def implied(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def keywords(self) -> Mapping[str, Any]: ...
    @property
    def required(self) -> tuple[str, ...]: ...
    @property
    def core_axis(self) -> int: ...
    @property
    def transposed(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def padded(self) -> Mapping[str, str]: ...
    @property
    def squeezed(self) -> int: ...
    @property
    def cast(self) -> Mapping[str, str]: ...
    @property
    def whole(self) -> int: ...
    @property
    def documentation(self) -> str: ...
    @property
    def remark(self) -> str: ...


AnyBinding: TypeAlias = Binding | TensorBinding


@dataclass(frozen=True)
class State:
    """How one state is shown: always a glyph, a colour (`tone`) and words together, never a colour alone."""

    key: str
    glyph: str
    tone: str
    label: str
    meaning: str


STATES: dict[str, State] = {
    state.key: state
    for state in (
        State("crashed", "✸", "bad", "crashed", "the worker process died while it computed this"),
        State("timed_out", "◷", "bad", "timed out", "no answer within the time limit"),
        State("wrong", "✕", "bad", "wrong", "no correct digit, NaN where a number is due, or invalid input accepted"),
        State("raised", "!", "bad", "raised", "an exception where a result was due"),
        State("inaccurate", "▲", "warn", "inaccurate", "the right number, but farther off than the bar allows"),
        State("undecided", "?", "warn", "undecided", "the truth could not be enclosed tightly enough to say"),
        State("convention", "◇", "note", "convention", "another choice where the standard names a customary one"),
        State("information", "i", "note", "information", "within the bar, but worth knowing"),
        State("expected", "≡", "note", "expected", "deviates as its expectation says, with a reason and a link"),
        State("conforms", "✓", "good", "conforms", "everything that was compared is within the bar"),
        State("unspecified", "~", "quiet", "unspecified", "the standard leaves it free; it is only recorded"),
        State("not_supported", "–", "quiet", "not supported", "the framework says in its own words that it lacks this"),
        State("not_provided", "∅", "quiet", "not provided", "the installed version has no such entry point"),
        State("could_not_run", "⊘", "quiet", "could not run", "the framework could not be started here"),
        State("not_asked", "·", "quiet", "not asked", "no case of the run asked this"),
    )
}
"""Every state, the one that matters most first: a summary of several shows the first of them."""

RANK = {key: place for place, key in enumerate(STATES)}

SEVERITY_MEANING = {
    "wrong": "a finite answer without a correct digit, NaN where a number is due, or invalid input taken as valid",
    "inaccurate": "the right number, but beyond the bar",
    "convention": "a choice that the mathematics leaves open and frameworks make differently",
    "information": "conforms, and still worth knowing, such as bits that depend on the layout",
}

QUANTITY_LABEL = {
    "value": "value f(x)",
    "gradient": "gradient f′(x)",
    "forward_gradient": "forward-mode gradient f′(x)",
    "second_derivative": "second derivative f″(x)",
}

STATUS_MEANING = {
    "new": "nobody expected it",
    "expected": "known: its expectation gives a reason and a link",
    "stale": "expected, but no longer seen: the expectation can go",
}


def worst_first(finding: Finding) -> tuple[object, ...]:
    """Sort key of findings: of rules that bind, new before stale; then all others; then severity, level, how far beyond the bar, name."""
    binds = finding.level in ("MUST", "SHOULD")
    status = {"new": 0, "stale": 1}.get(finding.status, 2) if binds else 2
    severity = SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else len(SEVERITIES)
    level = {"MUST": 0, "SHOULD": 1, "MAY": 2}.get(finding.level, 3)
    return (
        status,
        severity,
        level,
        -excess(finding),
        finding.function,
        rule_name(finding),
        finding.subject,
        finding.id,
    )


def excess(finding: Finding) -> float:
    """The worst error in ULP, as a number that can be sorted: no number at all counts as infinite, none measured as 0."""
    if finding.worst is None:
        return 0.0
    return math.inf if math.isnan(finding.worst.ulp) else finding.worst.ulp


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text of a framework made safe to show: no control characters but line ends, no direction overrides, capped."""
    if len(text) <= longest and text.isprintable():  # nearly always, and a run has a million of them
        return text
    kept = "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") else "�" for c in text
    )
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def script(finding: Finding, longest: int = 4000) -> str:
    """A finding's reproducer, whole, or how to get it: half a script helps nobody."""
    if len(finding.reproducer) <= longest:
        return plain(finding.reproducer, longest).rstrip()
    return f"# {len(finding.reproducer):,} characters long; this prints it: nnconform repro RUN {finding.id}"


def count(number: int, noun: str = "", plural: str = "") -> str:
    """`1,234 findings`, `1 finding`, `no findings`-free: the number always comes as digits."""
    spelt = f"{number:,}"
    return f"{spelt} {noun if number == 1 else plural or noun + 's'}" if noun else spelt


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def rules_for_json(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Rules as plain data, as both kinds of function pages tell them."""
    return [
        {
            "id": rule.id,
            "family": rule.family.value,
            "level": rule.level.value,
            "sentence": rule.sentence,
            "source": asdict(rule.source) if rule.source else None,
        }
        for rule in rules
    ]


def for_json(value: Any) -> Any:
    """Plain data that JSON holds on every machine: NaN and infinities become the strings `nan`, `inf`, `-inf`."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, numbers.Integral):  # NumPy's integers too
        value = int(value)
    elif isinstance(value, numbers.Real):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if isinstance(value, int):
        # What binary64 cannot hold would be rounded by most readers of JSON.
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, str):
        # A lone surrogate (from a framework's message) cannot be written as UTF-8.
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {str(key): for_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [for_json(item) for item in value]
    return for_json(str(value))
