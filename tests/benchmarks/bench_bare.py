"""What the suite costs beside the frameworks themselves: `bare` replays a plan and throws the answers away.

A plain script, not collected by pytest:  python tests/benchmarks/bench_bare.py [--tier T] [--functions A,B] [BACKEND ...]

Three things are timed, each in processes of its own, and each with the wall clock and the processors' time of all
processes together:
  bare   one process per subject, as many at once as the run has jobs (see bare.py)
  warm   `nnconform run`: plan, observe and judge, with the truth on disk; and `nnconform findings`, which judges once more
  cold   `nnconform run` with an empty folder for the truth
Compile caches are empty folders each time. Figures to reach: warm 1.5 × bare, cold 2 × bare.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from conformance import registry  # noqa: E402
from conformance.cases.case import encode  # noqa: E402
from conformance.cases.plan import TIERS, Selection  # noqa: E402
from conformance.observe.engine import Task  # noqa: E402
from conformance.observe.process import worker_environment  # noqa: E402
from conformance.observe.session import Request, cores, tasks_for  # noqa: E402
from conformance.truth.cache import Oracle  # noqa: E402


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of all processors together."""

    wall: float
    processors: float


def cost(work: Callable[[], object]) -> Cost:
    """What `work` costs, all in child processes that it waits for."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def write_plan(task: Task, folder: Path) -> None:
    """A subject's plan as bare.py reads it: JSON, and a file per blob."""
    folder.mkdir(parents=True)
    plan = {
        "specification": task.specification,
        "configuration": task.subject.configuration,
        "device": task.subject.device,
        "threads": task.threads,
        "groups": [[asdict(case) for case in group.cases] for group in task.groups],
    }
    (folder / "plan.json").write_text(json.dumps(encode(plan)))
    for name, data in task.blobs.items():
        (folder / name).write_bytes(data)


def environment(folder: Path, threads: int) -> dict[str, str]:
    """As a worker's, with compile caches in an empty folder."""
    caches = {
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "JAX_COMPILATION_CACHE_DIR": "",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
    }
    return worker_environment(os.environ, threads, caches)


def run_bare(folders: list[Path], jobs: int, variables: dict[str, str]) -> None:
    """Every plan in a process of its own, `jobs` of them at once, in the order given."""
    waiting = deque(folders)

    def lane(_: int) -> None:
        while waiting:
            folder = waiting.popleft()
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, str(Path(__file__).with_name("bare.py")), str(folder)],
                env=variables, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            print(f"    {folder.name:12} {time.perf_counter() - start:6.1f} s  {done.stdout.strip()}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lane, range(jobs)))


def nnconform(arguments: list[str], variables: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "conformance", *arguments], env=variables, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("backends", nargs="*", metavar="BACKEND")
    parser.add_argument("--tier", choices=TIERS, default="default")
    parser.add_argument("--functions", default="")
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--only", choices=("bare", "warm", "cold"), nargs="*", default=("bare", "warm", "cold"))
    given = parser.parse_args()
    backends = tuple(given.backends or registry.BACKENDS)
    functions = tuple(name for name in given.functions.split(",") if name)
    request = Request(backends, Selection(functions=functions, tier=given.tier), jobs=given.jobs)
    asked = [*backends, "--tier", given.tier, "--jobs", str(given.jobs), "--fail-on", "none"]
    asked += ["--functions", given.functions] if functions else []
    with TemporaryDirectory() as name:
        folder = Path(name)
        truth = folder / "truth"
        tasks = tasks_for(request, Oracle(truth, jobs=given.jobs))
        tasks.sort(key=lambda task: -sum(len(group.cases) for group in task.groups))
        folders = [folder / task.subject.id for task in tasks]
        for task, place in zip(tasks, folders, strict=True):
            write_plan(task, place)
        print(f"{sum(len(group.cases) for task in tasks for group in task.groups)} cases, {given.jobs} jobs; load {os.getloadavg()[0]:.1f}")
        costs: dict[str, Cost] = {}

        def timed(label: str, work: Callable[[], object]) -> None:
            costs[label] = cost(work)
            print(f"{label:28} {costs[label].wall:7.1f} s wall {costs[label].processors:7.1f} s processors; load {os.getloadavg()[0]:.1f}", flush=True)

        def run(out: str, cache: Path) -> Callable[[], None]:
            variables = {**environment(folder / f"caches of {out}", 1), "NNCONFORM_CACHE": str(cache)}
            return lambda: nnconform(["run", *asked, "--out", str(folder / out)], variables)

        if "bare" in given.only:
            timed("bare", lambda: run_bare(folders, given.jobs, environment(folder / "caches of bare", 1)))
        if "cold" in given.only:
            timed("run, cold truth", run("cold.nnconform", folder / "cold"))
        if "warm" in given.only:
            if "cold" in given.only:
                truth = folder / "cold"
            else:
                nnconform(["run", *asked, "--out", str(folder / "first.nnconform")], {**environment(folder / "first", 1), "NNCONFORM_CACHE": str(truth)})
            timed("run, warm truth", run("warm.nnconform", truth))
            variables = {**environment(folder / "unused", 1), "NNCONFORM_CACHE": str(truth)}
            timed("  of which judging, about", lambda: nnconform(["findings", str(folder / "warm.nnconform"), "--format", "json"], variables))
            print(f"run file {(folder / 'warm.nnconform').stat().st_size / 1e6:.1f} MB")
            nnconform(["report", str(folder / "warm.nnconform"), "--out", str(folder / "report")], variables)
            size = sum(file.stat().st_size for file in (folder / "report").rglob("*") if file.is_file())
            print(f"report {size / 1e6:.2f} MB")
        for label in ("run, warm truth", "run, cold truth"):
            if label in costs and "bare" in costs:
                wall, processors = costs[label].wall / costs["bare"].wall, costs[label].processors / costs["bare"].processors
                print(f"{label:28} {wall:7.2f} × bare wall {processors:7.2f} × bare processors")


if __name__ == "__main__":
    main()
