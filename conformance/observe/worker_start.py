"""The script that a worker's interpreter is started with: makes `conformance` importable, and nothing else of ours.

The folder that holds `conformance` never enters `sys.path`: in an installed copy it is a site-packages folder, whose
NumPy would shadow the one under test. Knows nothing of cases. Python 3.9, standard library only.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path


def _leave_only_the_environments_own_path() -> None:
    """Take out the folder of this script, which Python puts first unless it runs in safe-path mode."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != here]


def _make_package_importable() -> None:
    """Load `conformance` from the folder above this file by its place; its `__path__` finds everything below it."""
    folder = Path(__file__).resolve().parents[1]
    spec = importlib.util.spec_from_file_location(
        "conformance", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036  (whatever --python names is started with this script)
        sys.exit("a worker needs Python 3.9 or later; this interpreter is " + sys.version.split()[0])
    _leave_only_the_environments_own_path()
    _make_package_importable()
    try:
        worker = importlib.import_module("conformance.observe.worker")
    except ImportError as error:  # an environment without NumPy, most often
        sys.exit(f"{error} (in the environment of {sys.executable})")
    worker.main()
