"""What a person waits for: `nnconform --help`, and one function on one framework.

A plain script, not collected by pytest:  python tests/benchmarks/bench_cli.py [BACKEND]

The best of several, each a process of its own, imports included. Figures to reach: --help 0.3 s; one function, torch, quick tier 8 s.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]


def timed(arguments: list[str], variables: dict[str, str], repeat: int) -> None:
    """Prints the quickest of `repeat` calls: wall clock, and processors of the same call."""
    best = (float("inf"), 0.0)
    for _ in range(repeat):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "conformance", *arguments], env=variables, capture_output=True, text=True
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"nnconform {' '.join(arguments)} failed:\n{done.stderr}")
        best = min(best, (wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
        out = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else None
        if out:
            out.unlink()
    print(f"{best[0]:6.2f} s wall {best[1]:6.2f} s processors   nnconform {' '.join(arguments[:5])}", flush=True)


def main() -> None:
    backend = sys.argv[1] if len(sys.argv) > 1 else "torch"
    with TemporaryDirectory() as folder:
        path = os.pathsep.join([str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
        variables = {**os.environ, "PYTHONPATH": path, "NNCONFORM_CACHE": f"{folder}/truth"}
        asked = [
            "run",
            backend,
            "--functions",
            "gelu",
            "--tier",
            "quick",
            "--fail-on",
            "none",
            "--out",
            f"{folder}/run.nnconform",
        ]
        print(f"load {os.getloadavg()[0]:.1f}")
        timed(["--help"], variables, 7)
        print("with an empty folder for the truth:")
        timed(asked, variables, 1)
        print("with the truth at hand:")
        timed(asked, variables, 3)


if __name__ == "__main__":
    main()
