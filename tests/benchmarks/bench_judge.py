"""How fast judging is: comparisons a second on one core, with the truth at hand.

A plain script, not collected by pytest:  python tests/benchmarks/bench_judge.py RUN [--profile]

Two rates, because equal answers to one question are judged once:
  all        every comparison that the judgement counts, by the time of the whole judgement (reading, results, findings)
  distinct   the numbers in different answers to the long arguments, by the time of measuring and grading them alone
Figure to reach: 5 million a second.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from conformance.formats import FORMATS  # noqa: E402
from conformance.judge.accuracy import judge  # noqa: E402
from conformance.judge.question import question  # noqa: E402
from conformance.judge.run import judge_run  # noqa: E402
from conformance.observe.runfile import RunFile  # noqa: E402
from conformance.standard import FUNCTIONS  # noqa: E402
from conformance.truth.cache import Oracle, default_directory  # noqa: E402


def bench_all(run_file: RunFile, oracle: Oracle) -> None:
    start = time.process_time()
    judgement = judge_run(run_file, oracle)
    took = time.process_time() - start
    count = judgement.totals.comparisons
    print(
        f"all        {count:12,} comparisons {took:7.2f} s {count / took / 1e6:8.1f} M/s  ({len(judgement.results):,} results)"
    )


def bench_distinct(run_file: RunFile, oracle: Oracle) -> None:
    """Each different answer to each question, once, as if nothing were shared."""
    seen = set()
    count, took, questions = 0, 0.0, 0.0
    for subject in run_file.subjects():
        for observation in run_file.observations(subject.id):
            case = observation.case
            if case.topic != "lattice" or observation.outcome != "returned":
                continue
            argument, output = case.inputs[0], observation.outputs[0]
            key = (case.function, str(case.parameters), case.quantity, case.dtype, argument.blob, output.blob)
            if key in seen or (output.dtype, output.shape) != (argument.dtype, argument.shape):
                continue
            seen.add(key)
            bits, observed = run_file.array(argument), run_file.array(output)
            start = time.process_time()
            asked = question(
                FUNCTIONS[case.function], case.parameters, FORMATS[case.dtype], case.quantity, bits, oracle
            )
            middle = time.process_time()
            judge(asked, observed, case.mode)
            took += time.process_time() - middle
            questions += middle - start
            count += len(bits)
    print(f"distinct   {count:12,} comparisons {took:7.2f} s {count / took / 1e6:8.1f} M/s  ({len(seen):,} answers)")
    print(
        f"           and with the bars and regions worked out anew for each answer {count / (took + questions) / 1e6:8.1f} M/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--profile", action="store_true", help="show where the time of the whole judgement goes")
    given = parser.parse_args()
    oracle = Oracle(default_directory(), jobs=2)
    with RunFile.open(given.run) as run_file:
        judge_run(run_file, oracle)  # the truth is at hand from here on
        if given.profile:
            with cProfile.Profile() as profile:
                judge_run(run_file, oracle)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(40)
        bench_all(run_file, oracle)
        bench_distinct(run_file, oracle)


if __name__ == "__main__":
    main()
