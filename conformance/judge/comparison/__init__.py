"""Comparing two runs: what changed, clustered by cause, worst first. Knows run files and verdicts; no framework."""

from .compare import Judge, compare, judge_functions

__all__ = ["Judge", "compare", "judge_functions"]
