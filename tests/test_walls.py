"""The walls stand, and the checks that say so can fail: each has to find violations that are planted in a small copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import walls

ROOT = Path(__file__).resolve().parent.parent

SOUND = {
    "conformance/__init__.py": '__version__ = "1"\n',
    "conformance/registry.py": "import importlib\n\n\ndef load(name):\n    return importlib.import_module(name)\n",
    "conformance/formats.py": "import numpy as np\n",
    "conformance/standard/__init__.py": "from . import model\nfrom .model import Function\n",
    "conformance/standard/model.py": "from dataclasses import dataclass\n\n\nclass Function:\n    x: 'int | None'\n",
    "conformance/truth/balls.py": "from flint import arb\nfrom conformance.standard import Function\n",
    "conformance/cases/plan.py": "from conformance.truth.balls import arb\nfrom ..standard.model import Function\n",
    "conformance/observe/__init__.py": '"""Observing."""\n',
    "conformance/observe/worker.py": (
        "from __future__ import annotations\nfrom typing import Optional\nimport numpy as np\n"
        "from conformance import registry\nfrom conformance.observe import worker_wire\n\n\n"
        "def answer(x: int | None) -> Optional[int]:\n    mask = 1 | 2\n    return x\n"
    ),
    "conformance/observe/worker_wire.py": "import json\n",
    "conformance/observe/engine.py": "from conformance.cases.plan import arb\nmatch = 1 if True else 2\n",
    "conformance/judge/accuracy.py": "from conformance.observe.engine import arb\nfrom conformance import formats\n",
    "conformance/cli.py": "import click\nfrom conformance.judge import accuracy\n",
    "backends/__init__.py": "",
    "backends/protocol.py": "import numpy as np\n",
    "backends/numpy_ref.py": "import scipy.special\nimport ml_dtypes\nfrom .protocol import np\n",
    "backends/pytorch.py": "from .protocol import np\n\n\ndef start():\n    import torch\n    return torch\n",
    "reports/html.py": "import jinja2\nfrom conformance.judge.accuracy import formats\n",
    "README.md": "Run `python -m pip install .`; see https://example.org/work/page and ./work/here.\n",
}
"""A house in small, with something of everything that is allowed."""


def build(root: Path, changes: dict[str, str]) -> Path:
    """Lay out SOUND under `root`, with text appended to some files (made where they are missing)."""
    for name in {**SOUND, **changes}:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOUND.get(name, "") + changes.get(name, ""), encoding="utf-8")
    return root


@pytest.mark.parametrize("check", walls.WALLS, ids=lambda check: check.__name__)
def test_the_wall_stands(check: walls.Check) -> None:
    assert check(ROOT) == []


def test_the_checks_read_the_files_they_are_about() -> None:
    read = {str(path.relative_to(ROOT)) for path in walls.sources(ROOT, *walls.WORKER)}
    assert {"conformance/__init__.py", "conformance/registry.py", "backends/protocol.py"} <= read
    assert walls.sources(ROOT, "conformance/observe/worker*")
    assert len(walls.sources(ROOT, "backends")) >= 5
    assert len(walls.sources(ROOT, "conformance/standard")) >= 5
    assert all(walls.sources(ROOT, part) for part in walls.LAYERS)
    assert {ROOT / name for name in ("README.md", "tox.ini", "pyproject.toml", ".ci/run")} <= {
        p for p, _ in walls.texts(ROOT)
    }


@pytest.mark.parametrize("check", walls.WALLS, ids=lambda check: check.__name__)
def test_a_sound_house_has_no_complaints(check: walls.Check, tmp_path: Path) -> None:
    assert check(build(tmp_path, {})) == []


# check, file, what is appended to it, what the complaint must say
PLANTED = [
    (walls.standard_knows_only_itself, "conformance/standard/model.py", "import numpy as np\n", "imports numpy"),
    (walls.standard_knows_only_itself, "conformance/standard/model.py", "def f():\n    from torch import nn\n", "torch.nn"),
    (walls.standard_knows_only_itself, "conformance/standard/new.py", "from conformance.formats import FLOAT32\n", "formats"),
    (walls.standard_knows_only_itself, "conformance/standard/new.py", "from ..truth import balls\n", "conformance.truth.balls"),
    (walls.standard_knows_only_itself, "conformance/standard/new.py", "import importlib\nimportlib.import_module('jax')\n", "jax"),
    (walls.worker_imports_little, "conformance/__init__.py", "import click\n", "click"),
    (walls.worker_imports_little, "conformance/registry.py", "import msgspec\n", "msgspec"),
    (walls.worker_imports_little, "conformance/observe/__init__.py", "from .engine import arb\n", "not the worker's"),
    (walls.worker_imports_little, "conformance/observe/worker.py", "from conformance.formats import np\n", "not the worker's"),
    (walls.worker_imports_little, "conformance/observe/worker_more.py", "import pandas\n", "pandas"),
    (walls.worker_imports_little, "conformance/observe/worker.py", "def f():\n    import torch\n", "torch"),
    (walls.worker_imports_little, "conformance/observe/worker.py", "import tomllib\n", "Python 3.9 lacks"),
    (walls.worker_imports_little, "backends/protocol.py", "import scipy\n", "scipy"),
    (walls.worker_imports_little, "backends/pytorch.py", "import torch\n", "on loading"),
    (walls.worker_imports_little, "backends/pytorch.py", "if True:\n    from torch import nn\n", "on loading"),
    (walls.worker_imports_little, "backends/pytorch.py", "def f():\n    import jax\n", "imports jax"),
    (walls.worker_imports_little, "backends/jax_optax/more.py", "class A:\n    import jax\n", "on loading"),
    (walls.worker_is_python_3_9, "conformance/observe/worker.py", "match 1:\n    case 1:\n        pass\n", "not Python 3.9"),
    (walls.worker_is_python_3_9, "conformance/registry.py", "def f(x: int | None): ...\n", "annotation int | None"),
    (walls.worker_is_python_3_9, "conformance/registry.py", "def f() -> list[int | str]: ...\n", "annotation int | str"),
    (walls.worker_is_python_3_9, "backends/protocol.py", "class A:\n    x: Foo | Bar\n", "annotation Foo | Bar"),
    (walls.worker_is_python_3_9, "conformance/observe/worker.py", "Number = int | None\n", "made at run time"),
    (walls.worker_is_python_3_9, "conformance/observe/worker.py", "isinstance(1, int | Foo)\n", "made at run time"),
    (walls.worker_is_python_3_9, "backends/pytorch.py", "from typing import Self\n", "typing.Self"),
    (walls.worker_is_python_3_9, "backends/pytorch.py", "import itertools\nitertools.pairwise([])\n", "pairwise"),
    (walls.worker_is_python_3_9, "backends/pytorch.py", "zip([], [], strict=True)\n", "zip(strict=...)"),
    (walls.worker_is_python_3_9, "backends/new.py", "@dataclass(frozen=True, slots=True)\nclass A: ...\n", "dataclass(slots"),
    (walls.core_knows_no_framework, "conformance/judge/accuracy.py", "import torch\n", "torch"),
    (walls.core_knows_no_framework, "conformance/cases/plan.py", "def f():\n    import jax.numpy as jnp\n", "jax.numpy"),
    (walls.core_knows_no_framework, "conformance/truth/balls.py", "from tensorflow import nn\n", "tensorflow.nn"),
    (walls.core_knows_no_framework, "reports/html.py", "__import__('keras')\n", "keras"),
    (walls.plug_ins_go_by_name, "conformance/judge/accuracy.py", "from conformance.backends import protocol\n", "registry"),
    (walls.plug_ins_go_by_name, "conformance/cli.py", "import reports.html\n", "reports.html"),
    (walls.plug_ins_go_by_name, "conformance/cli.py", "from .reports.html import write\n", "conformance.reports.html"),
    (walls.plug_ins_go_by_name, "conformance/cli.py", "from . import backends\n", "conformance.backends"),
    (walls.plug_ins_go_by_name, "reports/html.py", "from ..backends.protocol import np\n", "conformance.backends.protocol"),
    (walls.plug_ins_go_by_name, "reports/html.py", "import backends\n", "backends"),
    (walls.data_goes_one_way, "conformance/standard/model.py", "from ..judge import accuracy\n", "conformance.judge"),
    (walls.data_goes_one_way, "conformance/truth/balls.py", "from conformance.cases.plan import x\n", "conformance.cases"),
    (walls.data_goes_one_way, "conformance/cases/plan.py", "from conformance.observe import engine\n", "conformance.observe"),
    (walls.data_goes_one_way, "conformance/judge/accuracy.py", "from conformance import cli\n", "conformance.cli"),
    (walls.data_goes_one_way, "conformance/formats.py", "import conformance.standard\n", "conformance.standard"),
    (walls.no_machine_in_it, "README.md", "see /wo" + "rk/main/file\n", "folder"),
    (walls.no_machine_in_it, "tests/data/x.toml", "path = '/ro" + "ot/cache'\n", "folder"),
    (walls.no_machine_in_it, ".ci/run", "pip install -i https://py" + "pi.org/simple\n", "registry"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "file", "text", "complaint"),
    PLANTED,
    ids=[f"{check.__name__}-{number}" for number, (check, *_) in enumerate(PLANTED)],
)
def test_a_planted_violation_is_found(check: walls.Check, file: str, text: str, complaint: str, tmp_path: Path) -> None:
    found = check(build(tmp_path, {file: text}))
    assert len(found) == 1, found
    assert found[0].startswith(file)
    assert complaint in found[0]


def test_every_wall_has_violations_planted() -> None:
    assert {check for check, *_ in PLANTED} == set(walls.WALLS)
