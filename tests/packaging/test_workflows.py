"""Workflows, the composite action and the texts: what they run is what the command line takes, and nothing unsafe is in them.

GitHub is not here to try them; what can be checked without it is: that they are YAML, that every `nnconform ...` in them is
understood by the real command line, and that no text of others gets into a shell. The shell parts of the action are run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from conformance.cli import cli

from .test_configuration import expanded, tox_of

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = (".github/workflows/ci.yml", ".github/workflows/conformance.yml")
ACTION = ".github/actions/nnconform/action.yml"
TEXTS = ("README.md", "CONTRIBUTING.md", "docs/ci.md", "docs/upgrades.md")
FILES = (*WORKFLOWS, ACTION, *TEXTS, "tox.ini")

# What stands for a value in a command, and a value of that kind. Folders and interpreters have to exist where click asks for that.
VALUES = {
    "BACKENDS": "torch jax", "backends[@]": "torch jax", "args[@]": "", "known[@]": "", "newest[@]": "a.nnconform b.nnconform",
    "FUNCTIONS": "gelu,relu", "RULES": "value", "TIER": "quick", "EXPECTATIONS": ".", "BASELINE": "old.nnconform", "gate": "none",
    "run": "run.nnconform", "folder": "reports", "backend": "torch", "NNCONFORM_MEASURED": sys.executable, "status": "0",
}  # fmt: skip
IN_TEXTS = {
    "OTHER/bin/python": sys.executable, "old=python3.10": f"old={sys.executable}", "NAME": "gelu", "FINDING": "a1b2", "my-expectations/": ".",
    "known/": ".", "RUN": "run.nnconform", "OLD": "a.nnconform", "NEW": "b.nnconform",
}  # fmt: skip


def loaded(root: Path, file: str) -> Any:
    return yaml.safe_load((root / file).read_text(encoding="utf-8"))


def steps_of(root: Path, file: str) -> Iterator[dict[str, Any]]:
    """The steps of a workflow or of an action."""
    content = loaded(root, file)
    jobs = [content["runs"]] if "runs" in content else content["jobs"].values()
    for job in jobs:
        yield from job["steps"]


def commands_of(root: Path, file: str) -> Iterator[str]:
    """Every line of a file that calls nnconform, continued lines joined."""
    if file.endswith(".yml"):
        text = "\n".join(step.get("run", "") for step in steps_of(root, file))
    else:
        text = (root / file).read_text(encoding="utf-8")
    before = r"(?: {4,}|- run: )" if file.endswith(".md") else r"\s*(?:[\w-]+: )?(?:tox exec [\w -]+-- )?"
    for line in text.replace("\\\n", " ").splitlines():
        found = re.match(rf"^{before}(nnconform [a-z].*)$", line)
        # A line of the contract, with its choices in brackets, is no command.
        if found and not re.search(r"\[[a-zA-Z-]", re.sub(r"\$\{\w+\[@\]\}|'[^']*'", "", found[1])):
            yield found[1]


def parts_of(command: str) -> list[str]:
    """The words of a command up to the first operator of the shell, with a value for everything that stands for one."""
    for name, value in VALUES.items():
        command = command.replace(f'"${{{name}}}"', value).replace(f"${{{name}}}", value)
        command = re.sub(rf'"\${name}"', value, command) if "[" not in name else command
        command = command.replace(f"${name}/", f"{value}/") if "[" not in name else command
    command = re.sub(r"\{posargs\}|\{env:\w+:([\w.]+)\}", r"\1", command)
    command = command.replace("nnconform-versions/*.nnconform", "a.nnconform b.nnconform")
    words = shlex.split(command, comments=True)
    ends = [number for number, word in enumerate(words) if word in ("||", "&&", "|", ">", ">>", ";")]
    words = words[: ends[0] if ends else None]
    return [IN_TEXTS.get(word, word).replace("jax=OTHER/bin/python", f"jax={sys.executable}") for word in words]


def commands_are_understood(root: Path) -> list[str]:
    """Every `nnconform ...` in workflows, action, texts and tox.ini is one that the command line takes."""
    complaints = []
    for file in FILES:
        for command in commands_of(root, file):
            try:
                parsed(parts_of(command))
            except (click.ClickException, ValueError, KeyError) as error:
                complaints.append(
                    f"{file}: {command}: {error.format_message() if isinstance(error, click.ClickException) else error}"
                )
    return complaints


def parsed(words: list[str]) -> None:
    """Take a command line apart, as the command itself would before it begins. Raises ClickException."""
    _, name, *rest = words
    if name not in cli.commands:
        raise click.UsageError(f"no command {name}")
    if "$" in " ".join(rest):
        raise click.UsageError("a variable of the shell that this test does not know")
    if rest not in (["--help"], ["-h"]):
        cli.commands[name].make_context(name, list(rest)).close()


def arguments_are_options(root: Path) -> list[str]:
    """What the action adds to its list of arguments are options of `run`, `report` and `compare`."""
    options = {option for name in ("run", "report") for one in cli.commands[name].params for option in one.opts}
    added = [
        word
        for step in steps_of(root, ACTION)
        for group in re.findall(r"\b(?:args|known)\+=\(([^)]*)\)", step.get("run", ""))
        for word in shlex.split(group)
        if word.startswith("-")
    ]
    return [f"{ACTION}: adds {word}, which nnconform run lacks" for word in added if word not in options] or (
        [] if added else [f"{ACTION}: adds no option at all"]
    )


def no_text_of_others_in_a_shell(root: Path) -> list[str]:
    """No expression of GitHub's in a script: what it stands for would be read as shell. It goes through the environment."""
    return [
        f"{file}: `${{{{` in the script of step {step.get('name', step['run'][:40])!r}"
        for file in (*WORKFLOWS, ACTION)
        for step in steps_of(root, file)
        if "${{" in step.get("run", "")
    ]


def actions_are_pinned(root: Path) -> list[str]:
    """Every action that is used is GitHub's own, at a major version."""
    return [
        f"{file}: uses {step['uses']}"
        for file in (*WORKFLOWS, ACTION)
        for step in steps_of(root, file)
        if "uses" in step and not re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
    ]


def permissions_are_minimal(root: Path) -> list[str]:
    """A workflow may read the repository and nothing else, keeps no credentials, and has a limit of time."""
    complaints = []
    for file in WORKFLOWS:
        content = loaded(root, file)
        if content.get("permissions") != {"contents": "read"}:
            complaints.append(f"{file}: permissions are {content.get('permissions')}")
        for name, job in content["jobs"].items():
            if "permissions" in job:
                complaints.append(f"{file}: job {name} has permissions of its own")
            if not 0 < job.get("timeout-minutes", 0) <= 120:
                complaints.append(f"{file}: job {name} has no limit of time")
        for step in steps_of(root, file):
            if (
                step.get("uses", "").startswith("actions/checkout@")
                and step.get("with", {}).get("persist-credentials") is not False
            ):
                complaints.append(f"{file}: a checkout keeps its credentials")
    return complaints


def versions_have_environments(root: Path) -> list[str]:
    """The versions of the workflow are the environments `versions-...` of tox.ini, all of them; those that are merged are among them."""
    content = loaded(root, WORKFLOWS[1])
    versions = content["jobs"]["observe"]["strategy"]["matrix"]["version"]
    known = {
        name.removeprefix("versions-")
        for section in tox_of(root).sections()
        for name in expanded(section.removeprefix("testenv:"))
        if name.startswith("versions-")
    }
    complaints = [f"{WORKFLOWS[1]}: no tox environment versions-{name}" for name in versions if name not in known]
    complaints += [
        f"{WORKFLOWS[1]}: lacks versions-{name} of tox.ini" for name in sorted(known) if name not in versions
    ]
    loop = re.search(
        r"for name in ([\w -]+); do", "\n".join(step.get("run", "") for step in steps_of(root, WORKFLOWS[1]))
    )
    merged = loop[1].split() if loop else []
    return complaints + [
        f"{WORKFLOWS[1]}: merges {name}, which is not observed" for name in merged if name not in versions
    ]


def inputs_are_checked_and_described(root: Path) -> list[str]:
    """Every input of the action is described, has a default or is required, and one that gets into a shell is checked before."""
    content = loaded(root, ACTION)
    checked = next(steps_of(root, ACTION))
    used = {
        name
        for step in steps_of(root, ACTION)
        if "run" in step
        for value in step.get("env", {}).values()
        for name in re.findall(r"inputs\.([\w-]+)", value)
    }
    of_first = set(re.findall(r"inputs\.([\w-]+)", " ".join(checked["env"].values())))
    complaints = [f"{ACTION}: input {name} gets into a shell unchecked" for name in sorted(used - of_first)]
    for name, one in content["inputs"].items():
        if not one.get("description") or not ("default" in one or one.get("required")):
            complaints.append(f"{ACTION}: input {name} lacks a description or a default")
    text = (root / ACTION).read_text(encoding="utf-8")
    named = set(re.findall(r"inputs\.([\w-]+)", text))
    complaints += [f"{ACTION}: uses the unknown input {name}" for name in sorted(named - set(content["inputs"]))]
    return complaints + [f"{ACTION}: never uses its input {name}" for name in content["inputs"] if name not in named]


def the_recipe_is_the_action(root: Path) -> list[str]:
    """The recipe of docs/ci.md is YAML of at most ten lines that gives the action inputs which it has."""
    text = (root / "docs/ci.md").read_text(encoding="utf-8")
    recipes = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.S) if "actions/nnconform@" in block]
    complaints = [] if recipes else ["docs/ci.md: no recipe"]
    known = loaded(root, ACTION)["inputs"]
    for recipe in recipes:
        content = yaml.safe_load(recipe)
        steps = content if isinstance(content, list) else next(iter(content["jobs"].values()))["steps"]
        ours = next(step for step in steps if "actions/nnconform@" in step.get("uses", ""))
        complaints += [
            f"docs/ci.md: gives the action {name}, which it lacks" for name in ours["with"] if name not in known
        ]
        complaints += [
            f"docs/ci.md: does not give {name}"
            for name, one in known.items()
            if one.get("required") and name not in ours["with"]
        ]
    if recipes and len(recipes[0].splitlines()) > 10:
        complaints.append(f"docs/ci.md: the first recipe has {len(recipes[0].splitlines())} lines")
    return complaints


Check = Callable[[Path], list[str]]
CHECKS: tuple[Check, ...] = (
    commands_are_understood,
    arguments_are_options,
    no_text_of_others_in_a_shell,
    actions_are_pinned,
    permissions_are_minimal,
    versions_have_environments,
    inputs_are_checked_and_described,
    the_recipe_is_the_action,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_workflows_hold(check: Check) -> None:
    assert check(ROOT) == []


def test_there_are_commands_to_check() -> None:
    for file in FILES:
        assert list(commands_of(ROOT, file)) or file.endswith("ci.yml"), file


# check, file, what is replaced, by what, what the one complaint must say
PLANTED = [
    (commands_are_understood, WORKFLOWS[1], "nnconform merge \"", "nnconform combine \"", "no command combine"),
    (commands_are_understood, ACTION, '--tier "$TIER" --fail-on', '--tier "$TIER" --fails-on', "--fails-on"),
    (commands_are_understood, ACTION, '--format html,markdown,junit', '--format html,markdwon,junit', "markdwon"),
    (commands_are_understood, ACTION, '"$BASELINE" "$run"', '"$BASELIEN" "$run"', "variable"),
    (commands_are_understood, "README.md", "nnconform findings a.nnconform", "nnconform finding a.nnconform", "no command finding"),
    (commands_are_understood, "tox.ini", "nnconform run numpy --fail-on none", "nnconform run nunpy --fail-on none", "nunpy"),
    (arguments_are_options, ACTION, "args+=(--functions", "args+=(--function", "--function,"),
    (no_text_of_others_in_a_shell, WORKFLOWS[1], '"versions-$VERSION"', '"versions-${{ matrix.version }}"', "Observe"),
    (actions_are_pinned, WORKFLOWS[1], "actions/download-artifact@v4", "actions/download-artifact@main", "@main"),
    (actions_are_pinned, ACTION, "actions/setup-python@v5", "someone/setup-python@v5", "someone"),
    (permissions_are_minimal, WORKFLOWS[1], "  contents: read", "  contents: write", "write"),
    (permissions_are_minimal, WORKFLOWS[0], "persist-credentials: false", "persist-credentials: true", "credentials"),
    (versions_have_environments, WORKFLOWS[1], "[numpy, torch,", "[numpy, torch, jax-older,", "versions-jax-older"),
    (versions_have_environments, "tox.ini", "{jax-old,optax-old", "{jax-older,jax-old,optax-old", "lacks versions-jax-older"),
    (inputs_are_checked_and_described, ACTION, "        RULES: ${{ inputs.rules }}\n        TIER", "        TIER", "rules gets into a shell unchecked"),
    (the_recipe_is_the_action, "docs/ci.md", "backends:", "backend:", "gives the action backend"),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.mark.parametrize(
    ("check", "file", "old", "new", "complaint"),
    PLANTED,
    ids=[f"{check.__name__}-{number}" for number, (check, *_) in enumerate(PLANTED)],
)
def test_a_planted_fault_is_found(check: Check, file: str, old: str, new: str, complaint: str, copy: Path) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        found = check(copy)
    finally:
        (copy / file).write_text(text, encoding="utf-8")
    assert found
    assert complaint in found[0]


def test_every_check_has_a_fault_planted() -> None:
    assert {check for check, *_ in PLANTED} == set(CHECKS)


# The action's check of its inputs, run


INPUTS = {
    "BACKENDS": "torch", "FUNCTIONS": "", "RULES": "", "TIER": "default", "MEASURED": "", "EXPECTATIONS": "", "BASELINE": "",
    "FAIL_ON": "unexpected",
}  # fmt: skip

WRONG = [
    ({"BACKENDS": ""}, "backends"),
    ({"BACKENDS": "torch; touch hacked"}, "backends"),
    ({"BACKENDS": "$(touch hacked)"}, "backends"),
    ({"BACKENDS": "--out=x"}, "backends"),
    ({"BACKENDS": "torch\n::set-env"}, "backends"),
    ({"FUNCTIONS": "gelu silu"}, "functions"),
    ({"FUNCTIONS": "gelu,`touch hacked`"}, "functions"),
    ({"RULES": "value;"}, "rules"),
    ({"TIER": "quik"}, "tier"),
    ({"FAIL_ON": "worse"}, "fail-on"),
    ({"FAIL_ON": "something"}, "fail-on"),
    ({"BASELINE": "nowhere"}, "baseline"),
    ({"EXPECTATIONS": "nowhere"}, "expectations"),
    ({"MEASURED": "no-such-python"}, "python"),
]


def checked(folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    script = next(steps_of(ROOT, ACTION))["run"]
    variables = {**INPUTS, **changes, "GITHUB_ENV": str(folder / "env"), "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], env=variables, cwd=folder, capture_output=True, text=True, check=False
    )  # fmt: skip


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the action's scripts are bash")


@needs_bash
@pytest.mark.parametrize(
    ("changes", "named"), WRONG, ids=[" ".join(change) + str(n) for n, (change, _) in enumerate(WRONG)]
)
def test_the_action_refuses_wrong_inputs(changes: dict[str, str], named: str, tmp_path: Path) -> None:
    done = checked(tmp_path, **changes)
    assert done.returncode == 2
    assert done.stdout.startswith(f"::error title=nnconform::{named}: ")
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@needs_bash
@pytest.mark.parametrize(
    "changes",
    [
        {"MEASURED": sys.executable},
        {"MEASURED": sys.executable, "BACKENDS": "torch jax my_package.backend:Mine"},
        {"MEASURED": sys.executable, "FUNCTIONS": "gelu,log_softmax", "RULES": "value,gelu.limit.-inf,gelu.limit[-inf]", "TIER": "quick"},
        {"MEASURED": sys.executable, "FAIL_ON": "worse", "BASELINE": "old.nnconform", "EXPECTATIONS": "known"},
    ],
)  # fmt: skip
def test_the_action_takes_right_inputs(changes: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "old.nnconform").touch()
    (tmp_path / "known").mkdir()
    done = checked(tmp_path, **changes)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "env").read_text() == f"NNCONFORM_MEASURED={sys.executable}\n"


@needs_bash
@pytest.mark.parametrize("file", [*WORKFLOWS, ACTION])
def test_scripts_are_bash(file: str) -> None:
    for step in steps_of(ROOT, file):
        if "run" in step:
            done = subprocess.run(["bash", "-n", "-c", step["run"]], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), step["run"]
