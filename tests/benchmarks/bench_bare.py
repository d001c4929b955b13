"""What the suite costs beside the frameworks themselves: `bare` replays a plan and throws the answers away.

A plain script, not collected by pytest:  python tests/benchmarks/bench_bare.py [--tier T] [--functions A,B] [BACKEND ...]

Three things are timed, each in processes of its own, by the clock and by the processors' time of all processes together:
  bare   one process per subject, as many at once as the run has jobs (see bare.py)
  cold   `nnconform run`, which plans, observes and judges, with an empty folder for the truth
  warm   the same again, with the truth that the cold run left
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
from conformance.observe.runfile import RunFile  # noqa: E402
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


def run_bare(folders: list[Path], jobs: int, variables: dict[str, str]) -> dict[str, int]:
    """Every plan in a process of its own, `jobs` of them at once, in the order given: calls refused, by subject."""
    waiting = deque(folders)
    refused = {}

    def lane(_: int) -> None:
        while waiting:
            folder = waiting.popleft()
            start = time.perf_counter()
            command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(folder)]
            done = subprocess.run(command, env=variables, check=True, text=True, capture_output=True)
            refused[folder.name] = int(done.stdout.split()[-1])
            print(f"    {folder.name:12} {time.perf_counter() - start:6.1f} s", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lane, range(jobs)))
    return refused


def refused_in(path: Path) -> dict[str, int]:
    """Calls refused in a run, by subject: the same as in `bare`, or the two have not done the same."""
    with RunFile.open(path) as run_file:
        return {
            subject.id: sum(observation.outcome != "returned" for observation in run_file.observations(subject.id))
            for subject in run_file.subjects()
        }


def nnconform(arguments: list[str], variables: dict[str, str]) -> None:
    command = [sys.executable, "-m", "conformance", *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"nnconform {' '.join(arguments)} failed:\n{done.stderr}")


def prepare(request: Request, folder: Path) -> list[Path]:
    """Folders with the plans of all subjects, in the order in which a run asks them."""
    tasks = tasks_for(request, Oracle(folder / "lattices", jobs=request.jobs))
    tasks.sort(key=lambda task: -sum(len(group.cases) for group in task.groups))
    for task in tasks:
        write_plan(task, folder / task.subject.id)
    cases = sum(len(group.cases) for task in tasks for group in task.groups)
    print(f"{cases} cases, {request.jobs} jobs; load {os.getloadavg()[0]:.1f}")
    return [folder / task.subject.id for task in tasks]


def timed(label: str, work: Callable[[], object]) -> Cost:
    found = cost(work)
    load = os.getloadavg()[0]
    print(f"{label:24} {found.wall:7.1f} s wall {found.processors:7.1f} s processors; load {load:.1f}", flush=True)
    return found


def compare(request: Request, folder: Path) -> None:
    """Time everything, and print what the suite costs in terms of `bare`."""
    selection = request.selection
    asked = [*request.backends, "--tier", selection.tier, "--jobs", str(request.jobs), "--fail-on", "none"]
    asked += ["--functions", ",".join(selection.functions)] if selection.functions else []

    def run(label: str) -> Cost:
        variables = {**environment(folder / f"caches of {label}", 1), "NNCONFORM_CACHE": str(folder / "truth")}
        out = folder / f"{label}.nnconform"
        return timed(f"run, {label} truth", lambda: nnconform(["run", *asked, "--out", str(out)], variables))

    plans = prepare(request, folder)
    refused: dict[str, int] = {}
    variables = environment(folder / "caches of bare", 1)
    bare = timed("bare", lambda: refused.update(run_bare(plans, request.jobs, variables)))
    costs = {label: run(label) for label in ("cold", "warm")}
    variables = {**environment(folder, 1), "NNCONFORM_CACHE": str(folder / "truth")}
    run_file, report = folder / "warm.nnconform", folder / "report"
    timed("judging alone", lambda: nnconform(["findings", str(run_file), "--format", "json"], variables))
    timed("judging and a report", lambda: nnconform(["report", str(run_file), "--out", str(report)], variables))
    if refused != refused_in(run_file):
        print(f"not the same work: bare was refused {refused}, the run {refused_in(run_file)}")
    size = sum(file.stat().st_size for file in report.rglob("*") if file.is_file())
    print(f"run file {run_file.stat().st_size / 1e6:.1f} MB, report {size / 1e6:.2f} MB")
    for label, found in costs.items():
        wall, processors = found.wall / bare.wall, found.processors / bare.processors
        print(f"run, {label} truth: {wall:.2f} × bare by the clock, {processors:.2f} × bare in processors' time")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("backends", nargs="*", metavar="BACKEND")
    parser.add_argument("--tier", choices=TIERS, default="default")
    parser.add_argument("--functions", default="", metavar="A,B")
    parser.add_argument("--jobs", type=int, default=cores())
    given = parser.parse_args()
    functions = tuple(name for name in given.functions.split(",") if name)
    selection = Selection(functions=functions, tier=given.tier)
    with TemporaryDirectory() as folder:
        request = Request(tuple(given.backends or registry.BACKENDS), selection, jobs=given.jobs)
        compare(request, Path(folder))


if __name__ == "__main__":
    main()
