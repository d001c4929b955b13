"""What a run file holds: subjects, and what each did when it was asked.

Plain data. Knows no judgement and no framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.cases.case import Case

OUTCOMES = ("returned", "raised", "not_supported", "not_provided", "crashed", "timed_out", "could_not_run")


@dataclass(frozen=True)
class Subject:
    """What is measured: one backend in one environment, device and configuration.

    `id` is short and unique in its run (`torch`, `jax`, `jax-x64`); `versions` has the framework itself first;
    `environment` holds Python, platform, CPU and its flags, threads, rounding and flush-to-zero state;
    `problem` says why it could not run at all, and is empty otherwise.
    """

    id: str
    backend: str
    configuration: str
    device: str
    versions: Mapping[str, str]
    environment: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def version(self) -> str:
        """Version of the framework itself."""
        return next(iter(self.versions.values()), "")

    @property
    def title(self) -> str:
        """`jax 0.10.2 cpu x64`: what people call it."""
        configuration = "" if self.configuration == "default" else f" {self.configuration}"
        return f"{self.backend} {self.version} {self.device}{configuration}".replace("  ", " ")


@dataclass(frozen=True)
class Output:
    """A tensor that came back: its bits by hash, dtype and shape. A missing gradient has dtype `none`."""

    blob: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Observation:
    """What a subject did with a case. `after` is the argument after the call, where the case asks for it."""

    subject: str
    case: Case
    outcome: str
    outputs: tuple[Output, ...] = ()
    error_type: str = ""
    message: str = ""
    after: Output | None = None
    seconds: float = 0.0
