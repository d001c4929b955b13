"""Every activation and loss that the installed packages export is bound, or listed as out of scope with a reason.

Run beside another version, it tells what is new there; `python tests/backends/exports.py` does the same without pytest.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conformance import registry
from conformance.standard import FUNCTIONS, TENSOR_FUNCTIONS

from .adapters import PACKAGES, adapter, resolve
from .exports import FULL, KNOWN, REPEATED, Account, account, callables, every_binding, folded, known_names, place_of
from .out_of_scope import CHECKED, ELSEWHERE, OUT_OF_SCOPE, RENAMED

pytestmark = pytest.mark.filterwarnings("ignore")

EVERY = {name: [binding.entry_point for binding in every_binding(registry.backend(name))] for name in PACKAGES}
KNOWN_NAMES = known_names(
    [*FUNCTIONS, *TENSOR_FUNCTIONS], (entry_point for bound in EVERY.values() for entry_point in bound)
)


def measured(name: str) -> Account:
    adapter(name)
    return account(name, EVERY[name], KNOWN_NAMES, OUT_OF_SCOPE, ELSEWHERE, CHECKED)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_activation_that_the_packages_export_is_bound_or_listed(name: str) -> None:
    found = measured(name)
    assert found.unaccounted == []
    assert found.both == []


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_is_listed_that_is_gone(name: str) -> None:
    assert measured(name).stale == []


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_is_bound_that_is_gone(name: str) -> None:
    """In the versions that the bindings were made for; an older one lacks some, which are not provided there."""
    found = measured(name)
    if all(version == CHECKED[package] for package, version in found.packages.items()):
        assert found.absent == []


def test_what_is_listed_has_a_reason_and_a_place() -> None:
    places = {place for table in (FULL, KNOWN) for named in table.values() for place in named}
    assert set(OUT_OF_SCOPE) <= places
    assert all(reason and names.split() for reasons in OUT_OF_SCOPE.values() for reason, names in reasons.items())
    for place, reasons in OUT_OF_SCOPE.items():
        names = [name for group in reasons.values() for name in group.split()]
        assert len(set(names)) == len(names), f"{place}: a name is listed twice"
    listed = {
        f"{place}.{name}"
        for place, reasons in OUT_OF_SCOPE.items()
        for group in reasons.values()
        for name in group.split()
    }
    assert set(ELSEWHERE) <= listed


@pytest.mark.parametrize("inside", REPEATED)
def test_what_repeats_another_place_is_the_same(inside: str) -> None:
    """That is why `tensorflow.keras.*`, `keras.ops.nn.*`, `keras.ops.numpy.*` and `optax.*` need no bindings of their own."""
    adapter("jax" if inside == "optax" else "tensorflow")
    there, here = place_of(inside), place_of(REPEATED[inside])
    assert any(
        folded(name) in KNOWN_NAMES and getattr(there, name) is getattr(here, name, None) for name in callables(there)
    )


def test_what_is_listed_as_another_name_is_the_same_object() -> None:
    adapter("tensorflow")
    bound = [resolve(entry_point) for entry_point in EVERY["tensorflow"]]
    for place in OUT_OF_SCOPE:
        for name in OUT_OF_SCOPE[place].get(RENAMED, "").split():
            assert any(getattr(place_of(place), name) is one for one in bound), f"{place}.{name}"


def test_every_name_that_a_keras_activation_layer_takes_is_bound() -> None:
    """keras.layers.Activation is one name for thirty functions, so its export says nothing about them."""
    adapter("tensorflow")
    layer: Any = resolve("keras.layers.Activation")
    taken = set()
    for name in callables(resolve("keras.activations")):
        try:
            layer(name)
            taken.add(name)
        except ValueError:  # serialize, get, deserialize
            continue
    listed = {name for group in OUT_OF_SCOPE["keras.activations"].values() for name in group.split()}
    bound = {
        binding.keywords["activation"]
        for binding in every_binding(registry.backend("tensorflow"))
        if binding.entry_point == "keras.layers.Activation"
    }
    needs_arguments = {"threshold"}
    assert taken - listed - needs_arguments == bound


def planted(monkeypatch: pytest.MonkeyPatch, names: str, version: str = "2.0") -> Account:
    place = ModuleType("planted")
    for name in names.split():
        setattr(place, name, len)
    place.__dict__.update(__version__=version, submodule=ModuleType("submodule"), CONSTANT=1.5, _hidden=len)
    large = ModuleType("planted.large")
    large.__dict__.update(einsum=len, HardTanh=len, __version__=version)
    place.__dict__["large"] = large
    monkeypatch.setitem(sys.modules, "planted", place)
    monkeypatch.setitem(sys.modules, "planted.large", large)
    return account(
        "some", ["planted.gelu", "planted.mish"], known_names(["hard_tanh"], []), {"planted": {"why": "conv mish old"}},
        {"planted.old": "until 1.0"}, {"planted": "2.0"}, {"some": ("planted",)}, {"some": ("planted.large",)},
    )  # fmt: skip


def test_a_new_activation_is_told_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = planted(monkeypatch, "gelu conv mish swoosh")
    assert found.unaccounted == [
        "new in planted 2.0: planted.swoosh: bind it (backends/) or list it with a reason (tests/backends/out_of_scope.py)",
        "new in planted 2.0: planted.large.HardTanh: bind it (backends/) or list it with a reason (tests/backends/out_of_scope.py)",
    ]


def test_what_sounds_like_a_loss_is_told_in_a_large_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, "gelu conv mish")
    place: Any = sys.modules["planted.large"]
    place.SwooshLoss = len
    found = account("some", [], set(), {}, {}, {}, {"some": ()}, {"some": ("planted.large",)}, {"some": "loss"})
    assert [line.split(":")[1].strip() for line in found.unaccounted] == ["planted.large.SwooshLoss"]


def test_what_is_bound_and_listed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planted(monkeypatch, "gelu conv mish").both == ["planted.mish is bound, and listed as out of scope"]


def test_what_is_gone_is_told_unless_the_version_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    found = planted(monkeypatch, "mish", "2.0.1")
    assert found.absent == ["planted.gelu is bound, and not in planted 2.0.1"]
    assert found.stale == [
        "gone from planted 2.0.1: planted.conv: take it from the list, or say which versions have it (ELSEWHERE)"
    ]
    assert planted(monkeypatch, "mish", "1.10").stale == []


@pytest.mark.slow
def test_the_script_needs_no_pytest(tmp_path: Path) -> None:
    adapter("jax")
    script = Path(__file__).with_name("exports.py")
    ran = subprocess.run(
        [sys.executable, str(script), "jax"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.startswith("jax ")
    assert (ran.returncode == 0) == ("0 to be done" in ran.stdout.splitlines()[0])
    unknown = subprocess.run(
        [sys.executable, str(script), "caffe"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert unknown.returncode == 2
    assert "known: numpy, torch, tensorflow, jax" in unknown.stderr
