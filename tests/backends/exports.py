"""What the installed packages export, held against what is bound: finds activations and losses that are neither bound nor listed.

Runs under pytest (test_exports) and by itself, beside any version of a framework, with nothing but the standard library and
that framework: `python tests/backends/exports.py jax`. Python 3.9. Knows no verdict; reasons are in out_of_scope.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import types
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FULL = {
    "numpy": (),
    "torch": ("torch.nn", "torch.nn.functional", "torch.special"),
    "tensorflow": ("tensorflow.nn", "keras.activations", "keras.losses"),
    "jax": ("jax.nn", "jax.scipy.special", "optax.losses"),
}
"""Places that are about activations or losses, by backend: every public callable there is bound or listed."""

KNOWN = {
    "numpy": ("numpy", "scipy.special"),
    "torch": ("torch", "torch.Tensor"),
    "tensorflow": ("tensorflow", "tensorflow.math", "keras.ops", "keras.layers", "tensorflow.keras.activations",
                   "tensorflow.keras.layers", "tensorflow.keras.ops", "tensorflow.keras.backend", "keras.ops.nn",
                   "keras.ops.numpy", "tensorflow.keras.losses", "tensorflow.losses", "keras.metrics", "tensorflow.keras.metrics",
                   "tensorflow.sparse", "tensorflow.linalg", "keras.utils"),
    "jax": ("jax", "jax.numpy", "jax.lax", "optax"),
}  # fmt: skip
"""Places that hold everything else too: what goes by the name of an activation there is bound or listed."""

REPEATED = {
    "tensorflow.keras.activations": "keras.activations",
    "tensorflow.keras.layers": "keras.layers",
    "tensorflow.keras.ops": "keras.ops",
    "keras.ops.nn": "keras.ops",
    "keras.ops.numpy": "keras.ops",
    "keras.metrics": "keras.losses",
    "tensorflow.keras.losses": "keras.losses",
    "tensorflow.losses": "tensorflow.keras.losses",
    "tensorflow.keras.metrics": "tensorflow.keras.losses",
    "optax": "optax.losses",
}
"""Places that show another's objects once more: what is the same object needs no binding of its own."""

ALIASES = """
    gaussian_elish hard_elish hard_mish hard_silu isrlu isru lecun_tanh linear logistic parametric_relu penalized_tanh phish
    quick_gelu rectified_tanh relu2 relu_squared scaled_tanh serf serlu shifted_relu smelu snake soft_clip soft_exponential
    sqrelu squared_relu star_relu swish tanh_exp thresholded_relu
""".split()
"""Names from the literature besides the standard's and the bound ones; no package exports one now that is not bound."""


TELLING = {
    "tensorflow": "loss|entropy|softmax|softmin|sparsemax|logsumexp|divergence|hinge|crelu",
}
"""What a folded name in a place of KNOWN may contain that makes it a loss or an activation over an axis, known or not."""


@dataclass(frozen=True)
class Account:
    """How the exports of one backend's packages compare with its bindings: sentences for a person.

    packages      the packages looked at, and their versions
    unaccounted   exported, neither bound nor listed: new activations, or new names to give a reason for
    stale         listed, and not exported by the version that the list was made for, or a later one
    both          bound and listed as out of scope: one of the two is wrong
    absent        bound, and not exported by the installed version, which may be an older one
    """

    packages: dict[str, str] = field(default_factory=dict)
    unaccounted: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def folded(name: str) -> str:
    """A name without what spellings differ in: `HardTanh`, `hardtanh_` and `hard_tanh` are one."""
    return name.replace("_", "").lower()


def every_binding(backend: Any) -> list[Any]:
    """What an adapter binds: functions of one number, and functions of tensors."""
    return [*backend.bindings, *getattr(backend, "tensor_bindings", ())]


def known_names(functions: Iterable[str], entry_points: Iterable[str]) -> set[str]:
    """The folded names by which activations go: the standard's, those of every entry point of any backend, and ALIASES."""
    last = (entry_point.rpartition(".")[2] for entry_point in entry_points)
    return {folded(name) for name in (*functions, *last, *ALIASES)}


def place_of(name: str) -> Any:
    """The module, or the class, of a dotted name. Raises ImportError or AttributeError where there is none."""
    try:
        return importlib.import_module(name)
    except ImportError:
        parent, _, last = name.rpartition(".")
        if not parent:
            raise
        return getattr(place_of(parent), last)


def callables(place: Any) -> list[str]:
    """The public names of a place that can be called; modules are places of their own."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a deprecated name warns when it is looked up
        for name in dir(place):
            if not name.startswith("_"):
                value = getattr(place, name, None)  # what a version has taken away may still be named
                if callable(value) and not isinstance(value, types.ModuleType):
                    found.append(name)
    return found


def account(
    backend: str,
    bound: Iterable[str],
    known: set[str],
    listed: Mapping[str, Mapping[str, str]],
    elsewhere: Mapping[str, str],
    checked: Mapping[str, str],
    full: Mapping[str, Sequence[str]] = FULL,
    partial: Mapping[str, Sequence[str]] = KNOWN,
    telling: Mapping[str, str] = TELLING,
) -> Account:
    """Compares the bindings of a backend with the installed packages.

    `bound` are the entry points of the backend's bindings; `known` the folded names to look for in the large places;
    `telling` is what else makes a name worth an answer there; `listed` gives, by place, reason and names; `elsewhere` names what
    only other versions have; `checked` the newest version of each package that the list was made for.
    """
    bound, places = set(bound), (*full[backend], *partial[backend])
    tells = re.compile(telling[backend]).search if backend in telling else lambda name: None
    reasons = {
        f"{place}.{name}" for place in places for names in listed.get(place, {}).values() for name in names.split()
    }
    found = Account()
    for place in places:
        package, version = package_of(place)
        found.packages[package] = version
        everything = {f"{place}.{name}" for name in callables(place_of(place))}
        asked = (
            everything if place in full[backend] else {n for n in everything if _last(n) in known or tells(_last(n))}
        )
        asked -= _repeated(place, everything)
        found.unaccounted.extend(
            f"new in {package} {version}: {name}: bind it (backends/) or list it with a reason (tests/backends/out_of_scope.py)"
            for name in sorted(asked - bound - reasons)
        )
        bound_here = {name for name in bound if name.rpartition(".")[0] == place}
        found.absent.extend(
            f"{name} is bound, and not in {package} {version}" for name in sorted(bound_here - everything)
        )
        listed_here = {name for name in reasons if name.rpartition(".")[0] == place}
        if _numbers(version) >= _numbers(checked.get(package, "0")):
            found.stale.extend(
                f"gone from {package} {version}: {name}: take it from the list, or say which versions have it (ELSEWHERE)"
                for name in sorted(listed_here - everything - set(elsewhere))
            )
        found.both.extend(f"{name} is bound, and listed as out of scope" for name in sorted(listed_here & bound))
    return found


def package_of(place: str) -> tuple[str, str]:
    """The package that a place belongs to, and its version without a build tag."""
    name = place.partition(".")[0]
    return name, str(importlib.import_module(name).__version__).partition("+")[0]


def _repeated(place: str, names: Iterable[str]) -> set[str]:
    if place not in REPEATED:
        return set()
    here, there = place_of(place), place_of(REPEATED[place])
    last = ((name, name.rpartition(".")[2]) for name in names)
    return {name for name, attribute in last if getattr(here, attribute) is getattr(there, attribute, None)}


def _last(name: str) -> str:
    return folded(name.rpartition(".")[2])


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def quiet() -> None:
    """Ask the frameworks, before they are imported, to be brief."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def main(backends: Sequence[str]) -> int:
    """Prints what is new, stale, contradictory or absent beside the interpreter that runs this; 1 if anything is to be done."""
    quiet()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    tables: Any = importlib.import_module("tests.backends.out_of_scope")
    registry: Any = importlib.import_module("conformance.registry")
    every = {name: every_binding(registry.backend(name)) for name in registry.BACKENDS}
    known = known_names(
        (binding.function for bindings in every.values() for binding in bindings),
        (binding.entry_point for bindings in every.values() for binding in bindings),
    )
    code = 0
    for name in backends or [name for name in every if name != "numpy"]:
        if name not in every:
            print(f"unknown backend {name!r}; known: {', '.join(every)}", file=sys.stderr)
            return 2
        bound = [binding.entry_point for binding in every[name]]
        try:
            found = account(name, bound, known, tables.OUT_OF_SCOPE, tables.ELSEWHERE, tables.CHECKED)
        except ImportError as error:
            print(f"{name}: {error}: run this with the interpreter of an environment that has it", file=sys.stderr)
            return 2
        faults = [*found.unaccounted, *found.stale, *found.both]
        packages = ", ".join(f"{package} {version}" for package, version in found.packages.items())
        print(f"{packages}: {len(faults)} to be done, {len(found.absent)} bound that this version lacks")
        print("".join(f"  {line}\n" for line in (*faults, *found.absent)), end="")
        code = max(code, 1 if faults else 0)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
