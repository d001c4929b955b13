"""What judging yields: results, findings, and what the reports show beside them. Plain data; knows no framework.

Everything that people see (text, JSON, HTML, JUnit, exit code) derives from a `Judgement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.observe.observation import Subject

GRADES = ("correctly_rounded", "faithful", "within_4_ulp", "within_bar", "beyond")
"""How near the results are: equal to the truth rounded to nearest even, < 1 ULP, ≤ 4 ULP, within the bar, beyond it."""

SEVERITIES = ("wrong", "inaccurate", "convention", "information")

SEVERITY_OF_FAULT = {"crashed": "wrong", "timed_out": "wrong"}
"""The severity of a question that ended its worker, whatever it was about."""

BINDING_LEVELS = ("MUST", "SHOULD")
"""Levels of the rules that gate; what MAY be is only recorded."""

FAULTS = ("deviates", "raised", "crashed", "timed_out")
"""Outcomes of results that make a finding."""

OUTCOMES = (
    "conforms", "deviates", "unspecified", "undecided", "not_provided", "not_supported", "raised", "crashed",
    "timed_out", "could_not_run",
)  # fmt: skip
"""What can be said of a result; each is counted apart. A result with several comparisons is `deviates` if any deviates."""


@dataclass(frozen=True)
class Worst:
    """The comparison that went farthest astray. Numbers are text, because JSON and people need both spellings.

    `input`, `observed`, `truth` are decimal; the `_bits` are hexadecimal in the dtype; `ulp` is |observed − truth| in
    units in the last place of the truth, `bar` what would have been accepted, in the same unit.
    """

    input: tuple[str, ...]
    input_bits: tuple[str, ...]
    observed: str
    observed_bits: str
    truth: str
    ulp: float
    bar: float
    absolute_error: float
    dtype: str
    mode: str
    asked: str = ""
    """What `observed` is a value of: `gelu`, `gelu′`, `gelu″`; some rules are about more than one of these."""
    cotangent: float = 1.0
    """What a derivative was asked with; `observed` is divided by it."""
    index: int = -1
    shape: tuple[int, ...] = ()
    """Of functions of several tensors: which element of the answer it is, in row-major order, and the answer's shape."""


@dataclass(frozen=True)
class Result:
    """One record per subject × entry point × rule × parameters × dtype × mode × region.

    `comparisons` = conforms + deviates + unspecified + undecided (elements); `vacuous` of them could not have deviated.
    `grades` counts the measured ones in the order of GRADES. `message` says in a sentence what was seen.
    """

    subject: str
    entry_point: str
    function: str
    rule: str
    level: str
    parameters: Mapping[str, Any]
    dtype: str
    mode: str
    region: str
    outcome: str
    comparisons: int = 0
    conforms: int = 0
    deviates: int = 0
    unspecified: int = 0
    undecided: int = 0
    vacuous: int = 0
    grades: tuple[int, ...] = (0, 0, 0, 0, 0)
    severity: str = ""
    worst: Worst | None = None
    bits: str = ""
    """Hash of the observed bits in this region, by which entry points that agree are put together."""
    message: str = ""
    case: str = ""
    """Id of the case whose observation this is."""
    cause: str = ""
    """Name of the expectation that explains it, where it deviates as expected."""
    unexpected: str = ""
    """Where an expectation matches and does not excuse it: what speaks against it."""


@dataclass(frozen=True)
class Finding:
    """Results that deviate for one cause: a function's rule, the entry points whose bits agree, and a region.

    The id is a hash of names (subject's backend and configuration, function, rule, entry points, region), without
    versions and measured values. `status`: `new`, `expected` (every result of it under a rule that binds is; `cause` names the
    expectation, or several) or `stale` (an expectation that is not seen any more; `message` says what).
    """

    id: str
    function: str
    rule: str
    level: str
    severity: str
    subject: str
    backend: str
    version: str
    entry_points: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    parameters: Mapping[str, Any]
    region: str
    checked: int
    deviating: int
    status: str
    reason: str
    link: str
    message: str
    worst: Worst | None
    reproducer: str
    cause: str = ""
    kind: str = ""
    """Class of the expectation: `documented`, `bug`, `accuracy` or `unreported`."""


@dataclass(frozen=True)
class Known:
    """One entry of a backend's expectations, and what the run showed of it.

    `results` counts those that it explains, as measured or not. `problems` are sentences on what is not seen any more; where
    there are some, the entry must be mended, and the run does not pass.
    """

    backend: str
    name: str
    kind: str
    reason: str
    link: str
    title: str = ""
    results: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Strip:
    """The largest error along the input line, for the heat strips: one byte a bin.

    Bins are equal steps of ordinals from −largest to +largest finite. 0: nothing asked there; 1: correctly rounded;
    then 2 + 8·log2(1 + error/bar), up to 255; an error at the bar itself is 10.
    """

    subject: str
    entry_point: str
    function: str
    quantity: str
    parameters: Mapping[str, Any]
    dtype: str
    mode: str
    bins: bytes


@dataclass(frozen=True)
class Exhibit:
    """One row of the table of special inputs: what one entry point gave for one remarkable input (eager mode)."""

    subject: str
    entry_point: str
    function: str
    quantity: str
    parameters: Mapping[str, Any]
    dtype: str
    input: str
    observed: str
    truth: str
    verdict: str


@dataclass(frozen=True)
class Convention:
    """A choice that the standard leaves free, and what an entry point chose: a subgradient, a default, a zero's sign."""

    subject: str
    entry_point: str
    function: str
    kind: str
    """`kink`, `default`, `signed_zero`, `gradient_nan`, `integer`, `invalid_parameter`"""
    name: str
    chosen: str
    customary: str
    dtypes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Totals:
    """Counts of one run, in the words of the findings JSON."""

    comparisons: int = 0
    vacuous: int = 0
    conforms: int = 0
    deviates: int = 0
    unspecified: int = 0
    undecided: int = 0
    not_provided: int = 0
    not_supported: int = 0
    raised: int = 0
    crashed: int = 0
    timed_out: int = 0
    could_not_run: int = 0
    expected: int = 0


@dataclass(frozen=True)
class Judgement:
    """Everything one run amounts to."""

    environment: Mapping[str, object]
    subjects: tuple[Subject, ...]
    totals: Totals
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]
    strips: tuple[Strip, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    conventions: tuple[Convention, ...] = ()
    unspecified: Mapping[str, str] = field(default_factory=dict)
    """Why results of a rule are unspecified or vacuous, by rule name."""
    known: tuple[Known, ...] = ()
    """The expectations that the subjects' versions are subject to, in the order of their files."""
