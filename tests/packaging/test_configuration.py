"""The project's outer files agree with each other and with the code: tox, pyproject, README, CI, what is imported.

Each check is a function of a root folder, so that violations can be planted in a copy of those files.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import walls

ROOT = Path(__file__).resolve().parents[2]

TALKING_OF_TOX = ("README.md", "CONTRIBUTING.md", ".pre-commit-config.yaml", ".github/workflows/ci.yml", "tox.ini")
IMPORT_NAMES = {"python-flint": "flint"}
"""Distribution -> what it is imported as, where the two differ."""
AT_HAND = {"pytest"}
"""What code imports that only runs inside of that very thing."""

Check = Callable[[Path], list[str]]


def tox_of(root: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(root / "tox.ini", encoding="utf-8")
    return parser


def expanded(names: str) -> list[str]:
    """The environments that a section is about: `a-{b,c}` is two of them."""
    before, brace, rest = names.partition("{")
    choices, _, after = rest.partition("}")
    return [before + choice + end for choice in choices.split(",") for end in expanded(after)] if brace else [names]


def project_of(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def environments_exist(root: Path) -> list[str]:
    """Every tox environment that is run by default or named in a text has a section."""
    tox = tox_of(root)
    known = {name for section in tox.sections() for name in expanded(section.removeprefix("testenv:"))}
    named = [("tox.ini", name.strip()) for name in tox["tox"]["env_list"].split(",")]
    for file in TALKING_OF_TOX:
        for names in re.findall(r"\btox (?:[a-z]+ )?(?:-q+ )?-e ([\w,-]+)", (root / file).read_text(encoding="utf-8")):
            named += [(file, name) for name in names.split(",")]
    return [f"{file}: no tox environment {name!r}" for file, name in named if name not in known]


def tox_finds_what_it_names(root: Path) -> list[str]:
    """Dependency groups and extras named in tox.ini stand in pyproject.toml, and folders of tests exist."""
    tox, project = tox_of(root), project_of(root)
    complaints = []
    for section in tox.sections():
        for key, known in (
            ("dependency_groups", project["dependency-groups"]),
            ("extras", project["project"]["optional-dependencies"]),
        ):
            for name in re.split(r"[\s,]+", tox[section].get(key, "").strip()):
                if name and name not in known:
                    complaints.append(f"tox.ini [{section}]: {key} names {name!r}, which pyproject.toml lacks")
        for path in re.findall(r"\btests/\w+", tox[section].get("commands", "")):
            if not (root / path).is_dir():
                complaints.append(f"tox.ini [{section}]: no folder {path}")
    return complaints


def ci_runs_what_readme_says(root: Path) -> list[str]:
    """`.ci/run` runs README's second command, and cannot hide a failure."""
    commands = [
        line.strip().split("#")[0].strip()
        for line in (root / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("    python -m pip install tox")
    ]
    complaints = []
    if commands[:2] != [
        "python -m pip install tox && python -m tox -e report",
        "python -m pip install tox && python -m tox",
    ]:
        complaints.append("README.md: does not lead with the two commands")
    script = root / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    for needed in ("set -euo pipefail", "-m pip install --quiet tox", '-m tox "$@"', 'exit "$status"'):
        if needed not in text:
            complaints.append(f".ci/run: lacks {needed!r}")
    if not os.access(script, os.X_OK):
        complaints.append(".ci/run: is not executable")
    return complaints


BY_NAME = {"ml_dtypes"}
"""Imported by a text, because the NumPy backend also runs where it is missing."""


def dependencies_are_what_is_imported(root: Path) -> list[str]:
    """What the package imports without a framework is what it depends on, neither less nor more."""
    declared = set()
    for requirement in project_of(root)["project"]["dependencies"]:
        name = re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]
        declared.add(IMPORT_NAMES.get(name, name))
    imported = {
        used.top
        for path in walls.sources(root, "conformance", "reports", "backends")
        for used in walls.imports_of(path, root)
        if used.top not in walls.STANDARD_LIBRARY and used.top != "conformance" and not used.within(*walls.FRAMEWORKS)
    }
    imported |= {
        name for name in BY_NAME if f'"{name}"' in (root / "backends" / "numpy_ref.py").read_text(encoding="utf-8")
    }
    return [f"imported but not declared: {name}" for name in sorted(imported - declared - AT_HAND)] + [
        f"declared but not imported: {name}" for name in sorted(declared - imported)
    ]


def entry_points_exist(root: Path) -> list[str]:
    """Every command and plug-in that the package registers has its module."""
    project = project_of(root)["project"]
    points = {**project["scripts"]}
    for group in project["entry-points"].values():
        points.update(group)
    complaints = []
    for name, target in points.items():
        place = root.joinpath(*target.split(":")[0].split("."))
        if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
            complaints.append(f"pyproject.toml: {name} = {target}, which does not exist")
    return complaints


def one_version(root: Path) -> list[str]:
    """CITATION.cff gives the version that `conformance/__init__.py` gives."""
    stated = re.search(r'^__version__ = "(.+)"$', (root / "conformance/__init__.py").read_text(encoding="utf-8"), re.M)
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    if stated is None or cited is None or stated[1] != cited[1]:
        return [f"CITATION.cff: version {cited and cited[1]}, the package has {stated and stated[1]}"]
    return []


CHECKS: tuple[Check, ...] = (
    environments_exist,
    tox_finds_what_it_names,
    ci_runs_what_readme_says,
    dependencies_are_what_is_imported,
    entry_points_exist,
    one_version,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_outer_files_agree(check: Check) -> None:
    assert check(ROOT) == []


# check, file, what is replaced, by what, what the one complaint must say
PLANTED = [
    (environments_exist, "tox.ini", "env_list = lint", "env_list = tidy, lint", "'tidy'"),
    (environments_exist, "README.md", "tox -e report", "tox -e reports", "'reports'"),
    (environments_exist, "tox.ini", "tox run -e matrix", "tox run -e matrices", "'matrices'"),
    (environments_exist, "CONTRIBUTING.md", "tox -e versions-jax-old", "tox -e versions-jax-older", "'versions-jax-older'"),
    (tox_finds_what_it_names, "tox.ini", "extras = all", "extras = everything", "'everything'"),
    (tox_finds_what_it_names, "pyproject.toml", 'lint = ["ruff', 'tidy = ["ruff', "'lint'"),
    (tox_finds_what_it_names, "tox.ini", "pytest tests/matrix", "pytest tests/matrices", "no folder tests/matrices"),
    (ci_runs_what_readme_says, "README.md", "tox               #", "tox -e lint       #", "does not lead"),
    (ci_runs_what_readme_says, ".ci/run", "set -euo pipefail", "set -eu", "pipefail"),
    (ci_runs_what_readme_says, ".ci/run", '-m tox "$@"', "-m tox -e lint", "-m tox"),
    (dependencies_are_what_is_imported, "pyproject.toml", '    "scipy>=1.14",\n', "", "not declared: scipy"),
    (dependencies_are_what_is_imported, "pyproject.toml", '"scipy>', '"pandas>=2", "scipy>', "not imported: pandas"),
    (entry_points_exist, "pyproject.toml", "conformance.cli:main", "conformance.command:main", "conformance.command"),
    (one_version, "CITATION.cff", "version: 0", "version: 9", "version 9"),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the checks read, to be spoilt and mended again."""
    root = tmp_path_factory.mktemp("copy")
    for name in {*TALKING_OF_TOX, "pyproject.toml", "CITATION.cff", ".ci/run"}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for folder in ("conformance", "backends", "reports"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for place in (ROOT / "tests").iterdir():
        if place.is_dir():
            (root / "tests" / place.name).mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    ("check", "file", "old", "new", "complaint"),
    PLANTED,
    ids=[f"{check.__name__}-{number}" for number, (check, *_) in enumerate(PLANTED)],
)
def test_a_planted_disagreement_is_found(
    check: Check, file: str, old: str, new: str, complaint: str, copy: Path
) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        found = check(copy)
    finally:
        (copy / file).write_text(text, encoding="utf-8")
    assert len(found) == 1, found
    assert complaint in found[0]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_copy_itself_is_sound(check: Check, copy: Path) -> None:
    assert check(copy) == []


def test_every_check_has_disagreements_planted() -> None:
    assert {check for check, *_ in PLANTED} == set(CHECKS)
