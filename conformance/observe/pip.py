"""venv and pip as commands: started, ended with what they started, and what they say put into one sentence.

pip's own configuration and variables hold. Knows nothing of where environments are kept, and no framework.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

COMPILED = ("jaxlib", "ml-dtypes", "numpy", "scipy", "tensorflow", "tensorflow-cpu", "torch")
"""Taken as their makers built them and never built here, unless pip's variables say something else about builds."""

OPTIONS = ("--disable-pip-version-check", "--no-input")

_MATTERS = ("index-url", "find-links", "no-index", "constraint", "pre", "only-binary", "no-binary", "prefer-binary")
"""Endings of pip's settings that decide what is installed."""

_LEFT_OUT = (
    "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
    "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON",
)  # fmt: skip
"""Variables that would have pip install somewhere else, or take for installed what is not in the environment."""

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|name resolution|Name or service not known|ProxyError|ConnectTimeout|Network is unreachable"
    r"|Connection refused|SSLError|CERTIFICATE_VERIFY_FAILED"
)
_NO_RELEASE = re.compile(r"Could not find a version that satisfies the requirement (.+?)(?: \(from versions: (.*)\))?$")
_OTHER_PYTHON = re.compile(r"Ignored the following versions that require a different python version: (.+)$")
_CONFLICT = re.compile(r"^Cannot install .+ because these package versions have conflicting dependencies")
_LONGEST = 400
"""Characters of a sentence of pip's."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it said."""

    code: int
    said: str


def run(command: Sequence[str], tick: Callable[[], None] = lambda: None, held: Sequence[int] = ()) -> Ended:
    """Run a command to its end, calling `tick` about once a second. Interrupted, it ends what it started. Raises OSError.

    `held` are open files that the command gets too: a lock is then free only when the command has ended, whatever became of us.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=variables, start_new_session=True,
            pass_fds=held,
        )  # fmt: skip
        try:
            while True:
                try:
                    code = process.wait(1.0)
                    break
                except subprocess.TimeoutExpired:
                    tick()
        except BaseException:
            _end(process)
            raise
        said.seek(0)
        return Ended(code, said.read().decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and, where there are groups of processes, what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def install_command(python: str, requirements: Sequence[str]) -> list[str]:
    """The command that installs these requirements into the environment of this interpreter."""
    options = [*OPTIONS]
    if not {"PIP_ONLY_BINARY", "PIP_NO_BINARY"} & set(os.environ):
        options += ["--only-binary", ",".join(COMPILED)]
    return [python, "-m", "pip", "install", *options, *requirements]


def packages(python: str) -> dict[str, str] | None:
    """What is installed beside pip itself: distribution -> version; None if that can't be found out."""
    ended = run([python, "-m", "pip", "list", "--format", "json", *OPTIONS])
    for line in ended.said.splitlines():  # pip may warn around it
        with contextlib.suppress(ValueError, TypeError, KeyError):
            listed = {canonicalize_name(row["name"]): str(row["version"]) for row in json.loads(line)}
            return {name: version for name, version in listed.items() if name not in ("pip", "setuptools", "wheel")}
    return None


@functools.cache
def settings(python: str) -> tuple[str, ...]:
    """What pip's configuration and variables say about where packages come from, and which; as `pip config list` tells it."""
    ended = run([python, "-m", "pip", "config", "list"])
    lines = ended.said.splitlines() if ended.code == 0 else []
    return tuple(sorted(line for line in lines if line.partition("=")[0].endswith(_MATTERS)))


def reason_not_installed(said: str, version: str) -> str:
    """Why pip gave up, as one sentence, with what to do about it where that is known. `version` is that of the interpreter."""
    errors = [line.removeprefix("ERROR: ").strip() for line in said.splitlines() if line.startswith("ERROR: ")]
    full = next((line for line in errors if "No space left" in line or "Errno 28" in line), "")
    if full:
        return f"the disk is full ({_cut(full)})."
    missing = next((found for line in errors if (found := _NO_RELEASE.search(line))), None)
    if missing and _NO_NETWORK.search(said) and missing[2] in (None, "none"):
        return f"pip can't reach the package index, so it found no {missing[1]}: check the network, or pip's index options."
    if missing:
        return _no_release(missing[1], missing[2] or "none", errors, version)
    conflict = next((line for line in errors if _CONFLICT.search(line)), "")
    if conflict:
        return f"{_cut(_causes(said) or conflict)}: give versions that get along, or leave one away and pip chooses it."
    # The last lines repeat that it failed; the first says what did.
    first = next((line for line in errors if line), "") or next(
        (line.strip() for line in reversed(said.splitlines()) if line.strip()), "pip gave no reason"
    )
    return f"{_cut(first)}."


def _no_release(wanted: str, offered: str, errors: Sequence[str], version: str) -> str:
    """There is none of these releases: at all, or for this Python."""
    name = re.split(r"[^\w.-]", wanted, maxsplit=1)[0]
    elsewhere = "give an interpreter that there are builds for, as in --python PATH or --python old=PATH"
    for line in errors:
        ignored = _OTHER_PYTHON.search(line)
        release = re.search(r"==\s*([\w.!+]+)", wanted)
        entry = (
            ignored and release and re.search(rf"(?:^|; ){re.escape(release[1])} Requires-Python ([^;]+)", ignored[1])
        )
        if entry:
            return f"{wanted} requires Python {entry[1].strip()}, and this is Python {version}: {elsewhere}."
    versions = [one.strip() for one in offered.split(",")]
    if versions == ["none"]:
        return f"pip finds no release of {name} for Python {version}: check the name; or {elsewhere}."
    some = ", ".join(versions) if len(versions) < 5 else f"{versions[0]} to {versions[-1]}"
    return f"pip finds no release {wanted} for Python {version}, only {some}: check the version; or, if it is too old or too new for this Python, {elsewhere}."


def _causes(said: str) -> str:
    """`optax 0.2.8 depends on jax>=0.5.3; the user requested jax==0.4.30`: what pip lists as the cause of a conflict."""
    _, _, after = said.partition("The conflict is caused by:")
    causes = []
    for line in after.splitlines()[1:]:
        if not line.startswith("    "):
            break
        causes.append(line.strip().replace("The user requested", "the user requested"))
    return "; ".join(causes)


def reason_no_environment(said: str, python: str, version: str) -> str:
    """Why venv gave up, as one sentence. `python` is the interpreter."""
    if "ensurepip" in said or "No module named venv" in said:
        short = ".".join(version.split(".")[:2])
        return (
            f"{python} can't make environments, because its venv or ensurepip is missing: install them (on Debian and Ubuntu the "
            f"package python{short}-venv), or give another interpreter with --python."
        )
    if "No space left" in said or "Errno 28" in said:
        return "the disk is full: make room, or set NNCONFORM_CACHE to a folder on another one."
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it gave no reason")
    return f"{python} can't make an environment: {_cut(last)}."


def _cut(text: str) -> str:
    text = " ".join(text.split()).rstrip(" .")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
