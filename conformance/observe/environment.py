"""The machine that a run takes place on, as the parent process sees it. Knows no framework; a worker adds its own part."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import conformance


def host_environment() -> dict[str, Any]:
    """nnconform's version, Python, platform, processor with its flags, and cores that this process may use."""
    model, flags = _processor()
    return {
        "nnconform": conformance.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "byte_order": sys.byteorder,
        "cpu": model,
        "cpu_flags": flags,
        "cores": _cores(),
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> tuple[str, list[str]]:
    """Model name and feature flags; the flags are empty where the system does not list them in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    first: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        first.setdefault(key.strip(), value.strip())
    model = first.get("model name") or first.get("Model") or platform.processor() or platform.machine()
    return model, sorted((first.get("flags") or first.get("Features") or "").split())
