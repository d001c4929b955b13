"""From what a person asks for to a run file: which subjects, which plan, then the engine.

Knows the registry, the plan and the engine; no framework, no verdict.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import conformance
from conformance import registry
from conformance.cases.plan import Selection, plan_for
from conformance.cases.shards import Shard, costs_of, functions_of
from conformance.cases.topics import Lattices, Plan
from conformance.garbage import uncollected
from conformance.standard import CATALOGUE
from conformance.truth.cache import Oracle

from .engine import Limits, Progress, Task, observe
from .environment import host_environment
from .observation import Subject
from .runfile import RunFile
from .sharding import record_of, told


@dataclass(frozen=True)
class Request:
    """What to run. `pythons` names the interpreter of a backend's environment; this one where it is not given. Of a `shard` only what
    falls to it is asked."""

    backends: tuple[str, ...]
    selection: Selection = field(default_factory=Selection)
    device: str = "cpu"
    pythons: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    jobs: int = 0
    limits: Limits = field(default_factory=Limits)
    command: str = ""
    shard: Shard | None = None


class NothingToAsk(ValueError):
    """What was requested leaves no case to ask of any backend; the message is a sentence for a person."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tasks_for(request: Request, oracle: Oracle) -> list[Task]:
    """One task per subject, in the order of the request; every configuration of a backend is a subject of its own.

    A subject of which nothing falls to the request's shard has none.
    """
    lattices = Lattices(oracle)
    functions = functions_by_subject(request.shard, request.backends, request.selection)
    tasks = []
    for name in request.backends:
        adapter = registry.backend(name)
        for configuration, subject in subjects_of(adapter).items():
            if not functions.get(subject, True):
                continue
            selection = replace(request.selection, functions=functions.get(subject, request.selection.functions))
            with uncollected():
                plan: Plan = plan_for(adapter, configuration, selection, lattices)
            tasks.append(
                Task(
                    subject=Subject(subject, adapter.name, configuration, request.device, {}),
                    specification=registry.backend_specification(name),
                    python=request.pythons.get(name, sys.executable),
                    groups=plan.groups,
                    blobs=plan.blobs,
                    threads=request.threads,
                )
            )
    return tasks


def subjects_of(adapter: Any) -> dict[str, str]:
    """Ids of a backend's subjects, by configuration: `torch`, `jax-x64`."""
    return {one: adapter.name if one == "default" else f"{adapter.name}-{one}" for one in adapter.configurations}


def functions_by_subject(
    shard: Shard | None, backends: Sequence[str], selection: Selection
) -> dict[str, tuple[str, ...]]:
    """The functions of each subject that fall to a shard; nothing is named where there is no shard, which means everything."""
    if shard is None:
        return {}
    return {
        subject: functions_of(shard, adapter, configuration, selection)
        for adapter in map(registry.backend, backends)
        for configuration, subject in subjects_of(adapter).items()
    }


def run(
    request: Request, path: Path, oracle: Oracle, resume: bool = False, progress: Progress | None = None
) -> RunFile:  # fmt: skip
    """Observe everything that was requested and give the open run file.

    Raises RunFileError (the file is there already, or can't be written), NothingToAsk and Interrupted.
    """
    fresh = not path.exists()
    run_file = RunFile.create(path, meta_of(request), resume=resume)
    try:
        tasks = tasks_for(request, oracle)
        if not any(task.groups for task in tasks) and not _falls_to_others(request):
            if fresh:
                path.unlink()
            raise NothingToAsk(
                f"nothing to ask: no function, rule, dtype and mode of this selection come together for {', '.join(request.backends)}; "
                "`nnconform list backends` shows the modes that each has. Give fewer restrictions."
            )
        # What takes longest first, so that the last lane to end has little left to do; it is not what has most cases.
        costs = _costs(request)
        by_cost = sorted(tasks, key=lambda task: -costs[task.subject.id])
        observe(by_cost, run_file, jobs=request.jobs or cores(), limits=request.limits, progress=progress)
    except BaseException:
        run_file.close()
        raise
    return run_file


def _costs(request: Request) -> dict[str, int]:
    """What asking each subject is estimated to cost."""
    return {
        subject: sum(costs_of(adapter, configuration, request.selection).values())
        for adapter in map(registry.backend, request.backends)
        for configuration, subject in subjects_of(adapter).items()
    }


def _falls_to_others(request: Request) -> bool:
    """Whether there is something to ask, and none of it in the request's shard: such a shard is empty, and merged like any."""
    return request.shard is not None and any(
        functions_by_subject(Shard(1, 1), request.backends, request.selection).values()
    )


def meta_of(request: Request) -> dict[str, Any]:
    """What the run file remembers of the request: enough to resume it, to judge it and to tell what it was."""
    meta: dict[str, Any] = {
        "nnconform": conformance.__version__,
        "standard": standard_hash(),
        "plan": {**asdict(request.selection), "backends": list(request.backends), "device": request.device, "threads": request.threads},
        "rules": list(request.selection.rules),
        "command": request.command,
        "environment": {**host_environment(), "command": request.command},
        "bindings": bindings_of(request.backends),
    }  # fmt: skip
    if request.shard is None:
        return meta
    asked = functions_by_subject(request.shard, request.backends, request.selection)
    shards = record_of(request.shard.number, request.shard.of, asked)
    return {
        **meta,
        "plan": {**meta["plan"], "shard": str(request.shard)},
        "environment": {**meta["environment"], "shard": told(shards)},
        "shards": shards,
    }


def bindings_of(backends: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The bindings of each backend as plain data, by `function/id`: what the judge needs to know of an entry point."""
    found: dict[str, dict[str, Any]] = {}
    for name in backends:
        adapter = registry.backend(name)
        every = (*adapter.bindings, *getattr(adapter, "tensor_bindings", ()))
        found[adapter.name] = {f"{binding.function}/{binding.id}": asdict(binding) for binding in every}
    return found


def standard_hash() -> str:
    """Hash of the standard's text: two runs with the same one were asked by the same standard."""
    texts = [
        inspect.getsource(sys.modules[f"conformance.standard.{name}"])
        for name in ("rules", "model", "tensor_rules", "tensors")
    ]
    texts += [inspect.getsource(function.definition) + repr(function.samples()) for function in CATALOGUE.values()]
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=8).hexdigest()
