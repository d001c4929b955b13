"""Names find what they stand for; unknown ones find their neighbours."""

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import pytest

from conformance import registry


def test_built_in_names_come_first() -> None:
    assert registry.backend_names()[:4] == ["numpy", "torch", "tensorflow", "jax"]
    assert registry.report_names()[:5] == ["html", "markdown", "junit", "json", "csv"]


@pytest.mark.parametrize("name", registry.BACKENDS)
def test_built_in_backends_are_there_and_need_no_framework_to_be_read(name: str) -> None:
    adapter = registry.backend(name)
    assert adapter.name == name
    assert adapter.bindings
    assert adapter.configurations[0] == "default"


@pytest.mark.parametrize("name", registry.REPORTS)
def test_built_in_report_writers_are_there(name: str) -> None:
    assert callable(registry.report(name))


@pytest.mark.parametrize(
    ("given", "suggested"),
    [("torhc", "torch"), ("PyTorch", "torch"), ("tensorfow", "tensorflow"), ("JAX", "jax"), ("nunpy", "numpy")],
)
def test_an_unknown_backend_is_told_its_neighbours(given: str, suggested: str) -> None:
    with pytest.raises(registry.UnknownName) as caught:
        registry.backend(given)
    assert str(caught.value).startswith(f"unknown backend {given!r}. Did you mean {suggested}")
    assert "Known: numpy, torch, tensorflow, jax" in str(caught.value)


def test_a_name_without_neighbours_is_told_all() -> None:
    with pytest.raises(registry.UnknownName, match=r"^unknown report format 'pdf'\. Known: html, markdown"):
        registry.report("pdf")


def test_a_class_can_be_named_directly() -> None:
    assert registry.backend_specification("my.module:Class") == "my.module:Class"
    assert registry.backend("collections.abc:Mapping.get").__name__ == "get"


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("collections:", "not of the form"),
        (":x", "not of the form"),
        ("collections:OrderedDit", "Did you mean OrderedDict"),
    ],
)
def test_a_class_that_is_not_there(specification: str, message: str) -> None:
    with pytest.raises(registry.UnknownName, match=message):
        registry.backend(specification)


def test_a_module_that_is_not_there() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        registry.backend("no_such_module:X")


def test_plug_ins_are_found_by_their_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"nnconform.backends": [SimpleNamespace(name="mine", value="collections : OrderedDict"),
                                     SimpleNamespace(name="torch", value="other:Torch")]}  # fmt: skip
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.get(group, []))
    assert registry.backend_names() == ["numpy", "torch", "tensorflow", "jax", "mine"]
    assert registry.backend("mine").__name__ == "OrderedDict"
    assert registry.backend_specification("torch") == registry.BACKENDS["torch"]  # a plug-in replaces none of ours
