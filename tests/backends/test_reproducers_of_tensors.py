"""Reproducers about learnt parameters and training run as they are, and print what the adapter saw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.formats import FLOAT32, FORMATS, hexadecimal, round_to

from .adapters import PACKAGES, adapter

WITH_TENSORS = [
    pytest.param(name, binding, id=f"{name}-{binding.id}")
    for name in PACKAGES
    for binding in registry.backend(name).bindings
    if binding.operands or binding.training
]
ASKED = [
    ("torch", "torch.nn.functional.prelu", "parameter_gradient", "eager"),
    ("torch", "torch.nn.PReLU", "parameter_gradient", "eager"),
    ("torch", "torch.nn.PReLU", "value", "eager"),
    ("tensorflow", "keras.layers.PReLU", "parameter_gradient", "graph"),
    ("tensorflow", "keras.layers.PReLU", "gradient", "compiled"),
    ("numpy", "conformance.backends.numpy_functions.prelu", "parameter_gradient", "eager"),
    ("numpy", "conformance.backends.numpy_functions.prelu", "gradient", "eager"),
]
X = np.array([[-1.0, 2.0, -4.0], [-0.5, -3.0, 8.0]])
SLOPES, COTANGENT = np.array([0.25, -0.5, 2.0]), np.array([[1.0, -2.0, 0.5], [4.0, -0.25, -1.0]])
DUE = {
    "value": np.where(X >= 0, X, X * SLOPES),
    "gradient": np.where(X >= 0, 1.0, SLOPES) * COTANGENT,
    "parameter_gradient": (np.minimum(X, 0) * COTANGENT).sum(axis=0),
}


def run(script: str, folder: Path, with_package: bool) -> list[str]:
    """The lines that a script prints, in a process of its own."""
    path = folder / "reproduce.py"
    path.write_text(script)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if with_package:
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    ran = subprocess.run(
        [sys.executable, "-P", str(path)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def bits(numbers: Any) -> list[int]:
    return [int(one) for one in round_to(np.ravel(numbers), FLOAT32)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "binding_id", "quantity", "mode"), ASKED)
def test_all_that_is_summed_is_in_the_script(
    name: str, binding_id: str, quantity: str, mode: str, tmp_path: Path
) -> None:
    adapter(name)
    backend = registry.backend(name)
    binding = next(binding for binding in backend.bindings if binding.id == binding_id)
    given = [] if quantity == "value" else bits(COTANGENT)
    if name == "numpy" and quantity == "gradient":
        given = []
    script = backend.reproducer(
        binding,
        {},
        quantity,
        mode,
        "default",
        "float32",
        bits(X),
        X.shape,
        operands=[bits(SLOPES)],
        cotangent_bits=given,
    )
    due = DUE[quantity] if given or quantity == "value" else np.where(X >= 0, 1.0, SLOPES)
    printed = {line.split()[3] for line in run(script, tmp_path, name == "numpy") if line.startswith("y ")}
    assert printed == {hexadecimal(one, FLOAT32) for one in bits(due)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "binding_id"),
    [
        ("torch", "torch.nn.RReLU, training"),
        ("torch", "torch.nn.functional.rrelu_(training=True)"),
        ("numpy", "conformance.backends.numpy_functions.rrelu_training"),
    ],
)
@pytest.mark.parametrize("quantity", ["value", "value_and_gradient"])
def test_draws_are_those_of_the_worker_that_was_given_the_same_seed(
    name: str, binding_id: str, quantity: str, tmp_path: Path
) -> None:  # fmt: skip
    words, backend = registry.protocol(), adapter(name)
    binding = next(binding for binding in backend.bindings if binding.id == binding_id)
    arguments = {"lower": 0.125, "upper": 1 / 3}
    x = -np.ones(1003)
    call = backend.prepare(binding, arguments, quantity, "eager", "float32")
    backend.seed(words.SEED)
    seen = backend.array(call(backend.tensor(words.Array(round_to(x, FLOAT32), "float32")))[-1]).bits[:8]
    script = backend.reproducer(
        binding, arguments, quantity, "eager", "default", "float32", bits([-1.0]), x.shape, seed=words.SEED
    )
    lines = run(script, tmp_path, name == "numpy")
    assert any(line.startswith("1003 slopes from 0.12") for line in lines)
    assert {line.split()[3] for line in lines if line.startswith("y ")} == {
        hexadecimal(int(one), FLOAT32) for one in seen
    }


@pytest.mark.parametrize(("name", "binding"), WITH_TENSORS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_script_can_be_written_for_every_question(name: str, binding: Any, dtype: str) -> None:
    backend = registry.backend(name)
    asked = ("value", "value_and_gradient") if binding.training else ("value", "gradient", "second_derivative", "parameter_gradient", "forward_gradient")  # fmt: skip
    arguments = {keyword: 0.5 for keyword in binding.parameters.values()}
    for quantity in asked:
        for mode in backend.modes:
            script = backend.reproducer(
                binding, arguments, quantity, mode, "default", dtype, [0, 1], (2, 1), operands=[[2]] * len(binding.operands),
                cotangent_bits=[3, 4] if "gradient" in quantity and binding.operands else [], seed=1 if binding.training else None,
            )  # fmt: skip
            compile(script, "reproducer", "exec")


def test_the_bare_call_of_a_layer_has_its_own_weight() -> None:
    backend = registry.backend("torch")
    binding = next(binding for binding in backend.bindings if binding.id == "torch.nn.PReLU")
    script = backend.reproducer(binding, {}, "value", "eager", "default", "float32", [0], (1,))
    assert "f = torch.nn.PReLU()" in script
