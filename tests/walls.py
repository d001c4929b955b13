"""The walls of the house as checks on its source: who may import what, and what no file may contain.

Each check reads the files under a root and gives its complaints, one sentence each; none imports what it reads.
Knows the layout of the repository and nothing of what the code does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

Check: TypeAlias = Callable[[Path], list[str]]

STANDARD_LIBRARY = sys.stdlib_module_names
NEWER_MODULES = {"tomllib"}
"""Modules of the standard library that Python 3.9 lacks."""

NEWER_NAMES = {
    "dataclasses": {"KW_ONLY"},
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "verify", "member", "nonmember"},
    "hashlib": {"file_digest"},
    "inspect": {"get_annotations"},
    "itertools": {"batched", "pairwise"},
    "math": {"cbrt", "exp2", "sumprod"},
    "types": {"EllipsisType", "NoneType", "NotImplementedType", "UnionType"},
    "typing": {
        "Concatenate", "LiteralString", "Never", "NotRequired", "ParamSpec", "Required", "Self", "TypeAlias", "TypeGuard",
        "Unpack", "assert_never", "assert_type", "override", "reveal_type",
    },
}  # fmt: skip
"""Names that modules of the standard library got after Python 3.9."""

NEWER_KEYWORDS = {"zip": {"strict"}, "dataclass": {"kw_only", "slots"}}
"""Keywords that functions of the standard library got after Python 3.9."""

LOADERS = ("import_module", "__import__")
"""Functions that import what a text names."""

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "jaxlib", "optax", "flax")
ADAPTERS = ("backends", "conformance.backends")
PLUG_INS = (*ADAPTERS, "reports", "conformance.reports")

WORKER = ("conformance/__init__.py", "conformance/registry.py", "conformance/observe/__init__.py",
          "conformance/observe/worker*", "backends/**")  # fmt: skip

OWN_FRAMEWORKS = {
    "numpy": ("scipy", "ml_dtypes"),
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow", "keras"),
    "jax": ("jax", "jaxlib", "optax"),
}
"""What each adapter may import besides the standard library and NumPy, by how its files begin; frameworks only where needed."""

LAYERS = {
    "conformance/formats.py": (),
    "conformance/garbage.py": (),
    "conformance/standard": ("conformance.standard",),
    "conformance/truth": ("conformance.standard", "conformance.formats", "conformance.truth"),
    "conformance/cases": ("conformance.standard", "conformance.formats", "conformance.truth", "conformance.cases"),
    "conformance/judge": ("conformance.standard", "conformance.formats", "conformance.truth", "conformance.cases",
                          "conformance.observe", "conformance.judge", "conformance.garbage"),
}  # fmt: skip
"""The line the data takes: what each part may import of `conformance`. What stands later is not seen from earlier."""


@dataclass(frozen=True)
class Import:
    """One import of a file: the dotted name (`torch.nn` for `from torch import nn`), and whether it runs on loading."""

    name: str
    line: int
    at_load: bool

    def within(self, *packages: str) -> bool:
        """Whether the name is one of the packages or lies in one."""
        return any(self.name == package or self.name.startswith(package + ".") for package in packages)

    @property
    def top(self) -> str:
        return self.name.split(".", 1)[0]


def sources(root: Path, *patterns: str) -> list[Path]:
    """The Python files under `root` that match one of the patterns; a folder or `folder/**` means all that is in it."""
    found: set[Path] = set()
    for pattern in patterns:
        for path in root.glob(pattern):
            found.update(path.rglob("*.py") if path.is_dir() else [path] if path.suffix == ".py" else [])
    return sorted(found)


def imports_of(path: Path, root: Path) -> list[Import]:
    """Every import in a file, relative ones made absolute, and `import_module` or `__import__` of a literal name."""
    return list(_imports_in(path.read_text(encoding="utf-8"), tuple(_package_of(path, root))))


@cache
def _imports_in(text: str, package: tuple[str, ...]) -> tuple[Import, ...]:
    """Of a text, parsed once however many checks ask, and however many copies of the file there are."""
    calls = any(name in text for name in LOADERS)
    return tuple(_imports(ast.parse(text), list(package), at_load=True, calls=calls))


def _package_of(path: Path, root: Path) -> list[str]:
    parts = list(path.relative_to(root).parent.parts)
    return ["conformance", *parts] if parts[:1] in (["backends"], ["reports"]) else parts


def _imports(node: ast.AST, package: list[str], at_load: bool, calls: bool) -> Iterator[Import]:
    """With `calls`, those in expressions too, which are most of a file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not calls:
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_load)
        elif isinstance(child, ast.ImportFrom):
            above = package[: len(package) - child.level + 1] if child.level else []
            module = ".".join([*above, *([child.module] if child.module else [])])
            for alias in child.names:
                yield Import(f"{module}.{alias.name}", child.lineno, at_load)
        elif isinstance(child, ast.Call) and _called(child) in LOADERS and child.args:
            first = child.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value.split(":", 1)[0].lstrip("."), child.lineno, at_load)
        later = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _is_type_checking(child)
        yield from _imports(child, package, at_load and not later, calls)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _called(call: ast.Call) -> str:
    function = call.func
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _place(path: Path, root: Path, line: int) -> str:
    return f"{path.relative_to(root)}:{line}"


def standard_knows_only_itself(root: Path) -> list[str]:
    """`conformance/standard` imports the standard library and itself: it can be read without installing anything."""
    return [
        f"{_place(path, root, used.line)}: the standard imports {used.name}"
        for path in sources(root, "conformance/standard")
        for used in imports_of(path, root)
        if used.top not in STANDARD_LIBRARY and not used.within("conformance.standard")
    ]


def worker_imports_little(root: Path) -> list[str]:
    """The worker's code imports the standard library, NumPy and its framework; the framework not on loading."""
    complaints = []
    for path in sources(root, *WORKER):
        own = next((names for stem, names in OWN_FRAMEWORKS.items() if _belongs(path, root, stem)), ())
        for used in imports_of(path, root):
            where = f"{_place(path, root, used.line)}: the worker imports {used.name}"
            if used.within(*own):
                if used.at_load and used.within(*FRAMEWORKS):
                    complaints.append(f"{where} on loading; import it where it is needed")
            elif used.top in NEWER_MODULES:
                complaints.append(f"{where}, which Python 3.9 lacks")
            elif used.top == "conformance":
                if not _is_worker_name(used):
                    complaints.append(f"{where}, which is not the worker's")
            elif used.top != "numpy" and used.top not in STANDARD_LIBRARY:
                complaints.append(where)
    return complaints


def _belongs(path: Path, root: Path, stem: str) -> bool:
    parts = path.relative_to(root).parts
    return parts[0] == "backends" and len(parts) > 1 and parts[1].startswith(stem)


def _is_worker_name(used: Import) -> bool:
    """Whether it is a part of what the worker consists of: `conformance.observe.worker_wire`, `conformance.registry.load`."""
    own = used.within("conformance.registry", "conformance.backends") or used.name == "conformance.__version__"
    return own or used.name.startswith("conformance.observe.worker")


def worker_is_python_3_9(root: Path) -> list[str]:
    """The worker's code is Python 3.9: syntax, names of the standard library, keywords, and no union made at run time."""
    complaints = []
    for path in sources(root, *WORKER):
        text = path.read_text(encoding="utf-8")
        try:
            tree = ast.parse(text, feature_version=(3, 9))
        except SyntaxError as error:
            complaints.append(f"{_place(path, root, error.lineno or 0)}: not Python 3.9: {error.msg}")
            continue
        complaints += [f"{_place(path, root, line)}: not Python 3.9: {what}" for line, what in _newer_than_3_9(tree)]
    return complaints


def _newer_than_3_9(tree: ast.Module) -> Iterator[tuple[int, str]]:
    postponed = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and any(a.name == "annotations" for a in node.names)
        for node in tree.body
    )  # fmt: skip
    annotations = {id(part) for node in ast.walk(tree) for whole in _annotations(node) for part in ast.walk(whole)}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            if id(node) in annotations:
                if not postponed:
                    yield node.lineno, f"annotation {ast.unparse(node)} without `from __future__ import annotations`"
            elif _is_type(node.left) or _is_type(node.right):
                yield node.lineno, f"union {ast.unparse(node)} made at run time"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if alias.name in NEWER_NAMES.get(node.module or "", ()):
                    yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NEWER_NAMES.get(node.value.id, ()):
                yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in NEWER_KEYWORDS.get(_called(node), ()):
                    yield node.lineno, f"{_called(node)}({keyword.arg}=...)"


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns:
        yield node.returns
    elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation:
        yield node.annotation


def _is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    return isinstance(node, ast.Name) and node.id in {
        "bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple", "type",
    }  # fmt: skip


def core_knows_no_framework(root: Path) -> list[str]:
    """`conformance/**` and `reports/**` import no framework, anywhere in a file; verdicts can be made on a bare machine."""
    return [
        f"{_place(path, root, used.line)}: imports the framework {used.name}"
        for path in sources(root, "conformance", "reports")
        for used in imports_of(path, root)
        if used.within(*FRAMEWORKS)
    ]


def plug_ins_go_by_name(root: Path) -> list[str]:
    """Core imports no adapter and no report writer; report writers import no adapter. They go through the registry."""
    complaints = []
    for folder, banned in (("conformance", PLUG_INS), ("reports", ADAPTERS)):
        for path in sources(root, folder):
            if path == root / "conformance" / "registry.py":
                continue
            for used in imports_of(path, root):
                if used.within(*banned):
                    where = _place(path, root, used.line)
                    complaints.append(f"{where}: imports {used.name}; load it through conformance.registry")
    return complaints


def data_goes_one_way(root: Path) -> list[str]:
    """standard → truth → cases → observe → judge: no part imports one that stands after it."""
    return [
        f"{_place(path, root, used.line)}: {part} imports {used.name}, which stands after it"
        for part, allowed in LAYERS.items()
        for path in sources(root, part)
        for used in imports_of(path, root)
        if used.top == "conformance" and not used.within(*allowed) and used.name != "conformance.__version__"
    ]


SKIPPED = {
    ".git",
    ".tox",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    "htmlcov",
    "nnconform-report",
    "nnconform-upgrade",
    "nnconform-versions",
}
MACHINE = re.compile(r"(?<![\w.~-])/(?:work|root|home|opt|mnt|srv|Users)/\w")
# Spelt in two halves, so that this file does not contain what it looks for.
HOSTS = re.compile("|".join(re.escape(a + b) for a, b in (
    ("py", "pi.org"), ("python", "hosted.org"), ("npm", "js.org"), ("npmjs", ".com"), ("deb.", "debian.org"),
    ("download.", "pytorch.org"), ("proxy.", "golang.org"),
)))  # fmt: skip


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Every text file of the project; build products, caches and virtual environments left out."""
    environments = {marker.parent for marker in root.rglob("pyvenv.cfg")}
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(
            part in SKIPPED or part.endswith(("_cache", ".egg-info")) or part == ".hypothesis" for part in parts
        )
        if hidden or not path.is_file() or environments.intersection(path.parents):
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def no_machine_in_it(root: Path) -> list[str]:
    """No file names a folder of somebody's machine or the host of a package registry."""
    return [
        f"{_place(path, root, number)}: names {what}: {line.strip()[:100]}"
        for path, text in texts(root)
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in (("a folder of one machine", MACHINE), ("a package registry's host", HOSTS))
        if pattern.search(line)
    ]


WALLS: tuple[Check, ...] = (
    standard_knows_only_itself,
    worker_imports_little,
    worker_is_python_3_9,
    core_knows_no_framework,
    plug_ins_go_by_name,
    data_goes_one_way,
    no_machine_in_it,
)
