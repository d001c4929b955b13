"""What the truth costs: µs a value for every function and format, and millions of comparisons a second.

A plain script, not collected by pytest:  python tests/benchmarks/bench_truth.py [function ...]
Budgets (one process): 18 µs a value with all four orders; 15 million errors a second.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from conformance.cases.lattice import lattice  # noqa: E402
from conformance.formats import FLOAT32, FORMATS, Bits, Format, round_to  # noqa: E402
from conformance.standard import FUNCTIONS  # noqa: E402
from conformance.truth import oracle, ulps  # noqa: E402
from conformance.truth.cache import Oracle, Request  # noqa: E402
from conformance.truth.reals import KINDS, UNDECIDED  # noqa: E402

ROWS = 1 << 18


def seconds(call: object, *arguments: object, repeat: int = 3) -> float:
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        call(*arguments)  # type: ignore[operator]
        best = min(best, time.perf_counter() - start)
    return best


def bench_tables(names: list[str]) -> None:
    print(f"{'function':12} {'format':9} {'inputs':>7} {'seconds':>8} {'µs/value':>9}  undecided")
    for name in names:
        function = FUNCTIONS[name]
        for format in FORMATS.values():
            bits = lattice(function, function.defaults(), format, Oracle(None))
            start = time.perf_counter()
            table = oracle.table(function, function.defaults(), format, bits)
            took = time.perf_counter() - start
            undecided = sum(int(order.is_kind(UNDECIDED).sum()) for order in table.orders)
            print(f"{name:12} {format.name:9} {len(bits):7} {took:8.2f} {took / len(bits) * 1e6:9.2f}  {undecided}")


def bench_errors() -> None:
    random = np.random.default_rng(0)
    print(
        f"\n{'format':9} "
        + " ".join(f"{name:>20}" for name in ("error", "rounded", "correctly_rounded", "argument_ulps"))
        + "   M/s"
    )
    for format in FORMATS.values():
        bits = everything(format) if format.width == 16 else round_to(random.normal(size=1 << 16) * 3, format)
        table = oracle.table(FUNCTIONS["gelu"], {}, format, bits)
        many = np.tile(np.arange(len(bits)), ROWS // len(bits))
        truth, slope, asked = table.orders[0].take(many), table.orders[1].take(many), bits[many]
        observed = ulps.rounded(truth, format) + format.bits_type.type(1)
        times = [
            seconds(ulps.error, observed, format, truth),
            seconds(ulps.rounded, truth, format),
            seconds(ulps.correctly_rounded, observed, format, truth),
            seconds(ulps.argument_ulps, asked, format, slope, truth),
        ]
        print(f"{format.name:9} " + " ".join(f"{ROWS / took / 1e6:20.0f}" for took in times))


def bench_cache() -> None:
    function = FUNCTIONS["gelu"]
    with TemporaryDirectory() as folder:
        requests = [
            Request(function, {}, format, everything(format)) for format in FORMATS.values() if format.width == 16
        ]
        requests.append(Request(function, {}, FLOAT32, round_to(np.linspace(-9, 9, 1 << 15), FLOAT32)))
        for jobs in (1, 2):
            directory = Path(folder) / str(jobs)
            start = time.perf_counter()
            Oracle(directory, jobs).prefetch(requests)
            cold = time.perf_counter() - start
            kept = Oracle(directory)
            start = time.perf_counter()
            for request in requests:
                kept.table(request.function, request.parameters, request.format, request.bits)
            warm = time.perf_counter() - start
            values = sum(len(request.bits) for request in requests)
            size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
            print(
                f"\ncache, {values} values, {jobs} processes: cold {cold:.2f} s, warm {warm * 1000:.0f} ms, {size / values:.1f} bytes a value"
            )


def everything(format: Format) -> Bits:
    return np.arange(1 << 16, dtype=np.uint32).astype(format.bits_type)


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in FUNCTIONS]
    if unknown:
        sys.exit(f"no function {', '.join(unknown)}; there are {', '.join(FUNCTIONS)}")
    print(f"kinds: {', '.join(KINDS)}\n")
    bench_tables(sys.argv[1:] or list(FUNCTIONS))
    bench_errors()
    bench_cache()
