"""What comparing two runs yields: changes, and what cannot be compared like with like. Plain data; knows no framework.

Everything that people see of a comparison (text, JSON, HTML, Markdown, exit code) derives from a `Comparison`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.observe.observation import Subject

KINDS = {
    "worse": "conformed and deviates now, or deviates more; an answer became an error",
    "better": "deviated and conforms now, or deviates less; an error became an answer",
    "entry point gone": "the new version has no such entry point",
    "entry point appeared": "the old version has no such entry point",
    "dtype refused": "a dtype that was computed with is refused now",
    "dtype supported": "a dtype that was refused is computed with now",
    "derivative refused": "a derivative that was there is refused now",
    "derivative supported": "a derivative that was refused is there now",
    "default changed": "the bare call is another one than before",
    "signature changed": "parameters appeared, went, or are passed in another way",
    "error changed": "a call that fails does so with another exception, or does not fail, or fails only now",
    "result changed": "another dtype or shape comes back, and no verdict changed by it",
    "convention changed": "another choice where the mathematics leaves one",
    "bits": "other bits, and the verdict is the same",
}
"""Every kind of change and what it means, in the order in which people want to know of them."""

WORSE = ("worse", "entry point gone", "dtype refused", "derivative refused")
"""Kinds for which `--fail-on worse` fails: code that worked may not."""

BETTER = ("better", "entry point appeared", "dtype supported", "derivative supported")

RANK = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Seen:
    """What one side did at one place. `observed` is decimal, `observed_bits` hexadecimal in the dtype; `ulp` is its error
    against the truth in units in the last place, NaN where none was measured; `message` what was raised."""

    outcome: str = ""
    verdict: str = ""
    observed: str = ""
    observed_bits: str = ""
    ulp: float = float("nan")
    message: str = ""


@dataclass(frozen=True)
class Place:
    """Where a change shows: one rule and region, with the input for which it is largest. `changed` of `asked` numbers differ there;
    `distance` is the largest step between old and new in ULP (how many numbers of the dtype lie between them, plus one), infinite
    where a number became NaN or NaN a number."""

    rule: str
    region: str
    dtype: str
    mode: str
    parameters: Mapping[str, Any]
    entry_point: str
    input: tuple[str, ...] = ()
    input_bits: tuple[str, ...] = ()
    truth: str = ""
    old: Seen = Seen()
    new: Seen = Seen()
    asked: int = 0
    changed: int = 0
    distance: float = 0.0


@dataclass(frozen=True)
class Moved:
    """Numbers whose bits changed: on how many of how many asked, by how many ULP at most, from which input to which (of functions
    of one number; NaN otherwise), and the largest step between old and new. `errors` are the largest before and after, where both
    conform; NaN where none was measured."""

    asked: int
    changed: int
    distance: float
    low: float
    high: float
    worst: Place
    errors: tuple[float, float] = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Change:
    """One change of a framework, told once: over rules, dtypes, modes, parameters, regions and the entry points that changed alike.

    `id` is a hash of names, without versions or measured values. `function` is `*` where `functions` has many that changed for
    one cause. `places` are worst first; `cases` counts the questions whose answers show it. `notes` are sentences that belong to it.
    """

    id: str
    kind: str
    backend: str
    subjects: tuple[str, ...]
    function: str
    functions: tuple[str, ...]
    rules: tuple[str, ...]
    entry_points: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    regions: tuple[str, ...]
    severity: str
    message: str
    places: tuple[Place, ...] = ()
    bits: Moved | None = None
    cases: int = 0
    notes: tuple[str, ...] = ()

    @property
    def worst(self) -> Place | None:
        """Where it shows most."""
        return self.places[0] if self.places else None

    @property
    def is_worse(self) -> bool:
        return self.kind in WORSE


@dataclass(frozen=True)
class Pair:
    """A subject that both runs have. `shared` questions have an answer in both; `equal` of them the same one, bit for bit."""

    id: str
    old: Subject
    new: Subject
    shared: int
    equal: int
    only_old: int
    only_new: int
    messages: int = 0
    """Calls that fail as before, with the same exception, in other words."""

    @property
    def moved(self) -> tuple[tuple[str, str, str], ...]:
        """Packages whose versions differ: name, old, new."""
        names = {**self.old.versions, **self.new.versions}
        pairs = ((name, self.old.versions.get(name, "absent"), self.new.versions.get(name, "absent")) for name in names)
        return tuple(one for one in pairs if one[1] != one[2])


@dataclass(frozen=True)
class Names:
    """Public names of a namespace that only one side has and that no entry point of ours is: information, no change that was measured."""

    backend: str
    namespace: str
    appeared: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Everything that changed between two runs, worst first; and `unlike`: sentences on what can't be compared like with like,
    and what still can. `incomplete` says that a subject could not run, or was not through."""

    old: str
    new: str
    subjects: tuple[Pair, ...]
    only_old: tuple[Subject, ...]
    only_new: tuple[Subject, ...]
    unlike: tuple[str, ...]
    changes: tuple[Change, ...]
    names: tuple[Names, ...] = ()
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Functions that both runs asked, by backend."""
    incomplete: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Changes by kind, in the order of KINDS; kinds that did not occur are absent."""
        counted = Counter(change.kind for change in self.changes)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    @property
    def is_nothing(self) -> bool:
        """Whether nothing that both were asked changed, and nothing was left uncompared."""
        return not (self.changes or self.names)


def fails(comparison: Comparison, on: str) -> bool:
    """Whether a comparison fails under `--fail-on` worse, changed or none."""
    if on == "none":
        return False
    return any(on == "changed" or change.is_worse for change in comparison.changes)
