"""What the tests of observing share: groups of cases for the fake backend, and one call that observes them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case, Input, blob_hash
from conformance.cases.topics import Group
from conformance.observe.engine import Limits, Task, observe
from conformance.observe.observation import Observation, Subject
from conformance.observe.runfile import RunFile

HERE = Path(__file__).resolve().parent


@dataclass
class Bench:
    """One run file and the means to fill it. `observe` may be called again: it resumes."""

    folder: Path
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "run.nnconform"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def asked(self) -> list[str]:
        """What reached the fake backend, call by call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if not line.startswith("start")]

    def starts(self) -> int:
        return len([line for line in self.log.read_text().splitlines() if line.startswith("start")])

    def input(self, bits: Any, dtype: str = "float32", view: str = "contiguous") -> Input:
        array = np.asarray(bits)
        data = array.tobytes()
        self.blobs[blob_hash(data)] = data
        return Input(blob_hash(data), dtype, tuple(array.shape), view)

    def case(self, entry_point: str, bits: Any = None, **changes: Any) -> Case:
        """A plain question to an entry point of the fake backend; every change of a field makes another case."""
        bits = np.arange(5, dtype=np.uint32) if bits is None else bits
        case = Case(
            "identity", entry_point, "lattice", "value", "eager", changes.get("dtype", "float32"), {}, {},
            (self.input(bits, changes.get("dtype", "float32")),),
        )  # fmt: skip
        return replace(case, **changes)

    def task(self, groups: Sequence[Group], subject: str = "fake", **changes: Any) -> Task:
        configuration = changes.pop("configuration", "default")
        variables = {"PYTHONPATH": str(HERE), "FAKE_LOG": str(self.log), **changes.pop("variables", {})}
        return Task(
            Subject(subject, "fake", configuration, "cpu", {}),
            "fake_backend:Fake",
            changes.pop("python", sys.executable),
            groups,
            self.blobs,
            variables=variables,
            **changes,
        )

    def observe(
        self, *cases: Case, limits: Limits | None = None, variables: Mapping[str, str] | None = None, **changes: Any
    ) -> list[Observation]:
        """Ask the cases as one group of one subject; all that is in the file afterwards."""
        task = self.task([Group("group", cases)], variables=variables or {}, **changes)
        with RunFile.create(self.path, {"plan": {"tier": "test"}}, resume=True) as run_file:
            observe([task], run_file, limits=limits)
            return list(run_file.observations("fake"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
