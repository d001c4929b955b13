"""What a worker tells about public callables: parameters and defaults as texts that are the same in every process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from conformance.observe.worker_signatures import MOST_NAMES, default, public_names, recorded, signature


@dataclass(frozen=True)
class Named:
    entry_point: str


class Backend:
    def __init__(self, *names: str) -> None:
        self.bindings = tuple(Named(name) for name in names[:1])
        self.tensor_bindings = tuple(Named(name) for name in names[1:])


class Layer:
    def __init__(self, axis: int = -1, *, dtype: Any = None, **named: Any) -> None: ...


def function(x: Any, /, alpha: float = 0.5, *rest: Any, act: Any = Layer) -> None: ...


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module, inner = ModuleType("a_framework"), ModuleType("a_framework.nn")
    monkeypatch.setitem(sys.modules, "a_framework", module)
    monkeypatch.setitem(sys.modules, "a_framework.nn", inner)
    inner.__dict__.update(function=function, Layer=Layer, _hidden=function, number=1, builtin=len)
    module.__dict__.update(nn=inner)
    return module


def test_signatures() -> None:
    assert signature(function) == [
        ["x", "positional_only"],
        ["alpha", "positional_or_keyword", "0.5"],
        ["rest", "var_positional"],
        ["act", "keyword_only", "Layer"],
    ]
    assert signature(Layer) == [
        ["axis", "positional_or_keyword", "-1"],
        ["dtype", "keyword_only", "None"],
        ["named", "var_keyword"],
    ]
    assert signature(object()) is None


def test_a_function_written_in_c_says_it_in_its_documentation() -> None:
    class Silent:
        """gelu(input,  approximate = 'none') -> Tensor

        More.
        """

        __signature__ = "no signature"

    assert signature(Silent()) == [["input, approximate = 'none'", "documented"]]


def test_defaults_have_no_addresses() -> None:
    assert default(object()) == "<object object>"
    assert default(function) == "function"
    assert default("x" * 500).endswith("…")

    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    assert default(Odd()) == "Odd"


def test_what_is_there_is_recorded_and_what_is_not_is_absent(framework: ModuleType) -> None:
    names = (
        "a_framework.nn.function",
        "a_framework.nn.Layer",
        "a_framework.nn.absent",
        "no_such_framework.f",
        "conformance.registry.load",
    )
    found = recorded(Backend(*names))
    assert set(found["signatures"]) == {"a_framework.nn.function", "a_framework.nn.Layer"}
    assert found["names"] == {"a_framework.nn": ["Layer", "builtin", "function"]}


def test_a_namespace_of_everything_is_left_out(framework: ModuleType) -> None:
    framework.nn.__dict__.update({f"f{number}": function for number in range(MOST_NAMES)})
    assert public_names(framework.nn) == []
