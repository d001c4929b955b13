"""Two runs of the toy, as run files, and what comparing them says. Beside the tests of judge and of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.cases.case import Case
from conformance.cases.plan import Selection
from conformance.judge.comparison import compare, judge_functions
from conformance.judge.comparison.changes import Change, Comparison
from conformance.judge.expectations import Cause
from conformance.observe.observation import Observation
from conformance.observe.runfile import RunFile
from conformance.truth.cache import Oracle
from tests.toy import NO_FAULT, Fault, MemoryRun, Toy, observe

Edit = Callable[[Observation], Observation | None]
"""Makes another observation of one; None leaves it out."""


def _asks(case: Case) -> bool:
    """Few of the questions: what is compared here is answers, and not how much is asked."""
    return case.quantity in ("value", "gradient") and case.topic in (
        "lattice",
        "scalar",
        "cotangent",
        "error",
        "defaults",
    )


class Pairs:
    """Runs of the toy, each observed once, and their comparisons."""

    def __init__(self, oracle: Oracle, folder: Path) -> None:
        self.oracle, self.folder = oracle, folder
        self._runs: dict[str, MemoryRun] = {}
        self._files = 0

    def observed(self, fault: Fault) -> MemoryRun:
        key = repr((fault.name, fault.functions, fault.dtypes, fault.modes))
        if key not in self._runs:
            asked = Selection(functions=fault.functions, dtypes=fault.dtypes, modes=fault.modes, tier="quick")
            self._runs[key] = observe(Toy(self.oracle, fault), asked, self.oracle, _asks, whole=False)
        return self._runs[key]

    def run_file(
        self, run: MemoryRun, version: str = "1.0", edit: Edit = lambda one: one, public: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None, complete: bool = True, **meta: Any,
    ) -> Path:  # fmt: skip
        """A run file of what was observed."""
        self._files += 1
        path = self.folder / f"{self._files}.nnconform"
        plan = {
            "functions": [],
            "dtypes": [],
            "modes": [],
            "rules": [],
            "tier": "quick",
            "backends": ["toy"],
            "device": "cpu",
            "threads": 1,
        }
        with RunFile.create(
            path, {"plan": plan, "bindings": {"toy": run.bindings}, "standard": "s", "nnconform": "1", **meta}
        ) as run_file:
            run_file.add_subject(replace(run.subject, versions={"toy": version}, environment=environment or {}))
            run_file.record("toy", [one for one in map(edit, run.asked) if one is not None], run.blobs)
            if public is not None:
                run_file.set_public("toy", public)
            if complete:
                run_file.finish_subject("toy")
        return path

    def compared(self, old: Path, new: Path, *, causes: Sequence[Cause] = ()) -> Comparison:
        with RunFile.open(old) as before, RunFile.open(new) as after:
            return compare(
                before, after, lambda run_file, wanted: judge_functions(run_file, wanted, self.oracle), causes
            )

    def changes(self, fault: Fault, backwards: bool = False) -> tuple[Change, ...]:
        """What a fault changed; or what mending it does."""
        right = replace(NO_FAULT, functions=fault.functions, dtypes=fault.dtypes, modes=fault.modes)
        files = [self.run_file(self.observed(right)), self.run_file(self.observed(fault), version="2.0")]
        return self.compared(*(files[::-1] if backwards else files)).changes

    def edited(
        self, edit: Edit, functions: tuple[str, ...] = ("relu",), dtypes: tuple[str, ...] = ("float32",)
    ) -> Comparison:
        """A run compared with one in which some observations are others."""
        run = self.observed(replace(NO_FAULT, functions=functions, dtypes=dtypes))
        return self.compared(self.run_file(run), self.run_file(run, "2.0", edit))
