"""Reproducers run as they are, in a process that knows nothing of this package, and print what the adapter saw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance import registry

from .adapters import PACKAGES, adapter

ASKED = [
    ("numpy", "scipy.special.expit", "value", "eager", "float32", [0x00000000], [], "y float32 0.5 0x3f000000"),
    ("torch", "torch.nn.LeakyReLU", "value", "eager", "bfloat16", [0xBF80], [0.5], "y bfloat16 -0.5 0xbf00"),
    ("torch", "torch.relu_", "gradient", "eager", "float16", [0x4000], [], "y float16 1.0 0x3c00"),
    ("torch", "torch.nn.functional.hardswish", "forward_gradient", "eager", "float64", [0], [], "y float64 0.5 0x3fe0000000000000"),
    ("tensorflow", "keras.layers.LeakyReLU", "gradient", "graph", "float64", [0xBFF0 << 48], [0.5], "y float64 0.5 0x3fe0000000000000"),
    ("tensorflow", "tensorflow.sigmoid", "second_derivative", "compiled", "float32", [0], [], "y float32 0.0 0x00000000"),
    ("jax", "jax.scipy.special.expit", "gradient", "compiled", "bfloat16", [0], [], "y bfloat16 0.25 0x3e80"),
    ("jax", "jax.nn.leaky_relu", "forward_gradient", "eager", "float32", [0xBF800000], [0.5], "y float32 0.5 0x3f000000"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "binding_id", "quantity", "mode", "dtype", "bits", "slope", "line"), ASKED)
def test_a_reproducer_prints_the_number(
    name: str, binding_id: str, quantity: str, mode: str, dtype: str, bits: list[int], slope: list[float], line: str, tmp_path: Path
) -> None:  # fmt: skip
    adapter(name)
    backend = registry.backend(name)
    binding: Any = next(binding for binding in backend.bindings if binding.id == binding_id)
    arguments = {binding.parameters["slope"]: slope[0]} if slope else {}
    script = tmp_path / "reproduce.py"
    script.write_text(backend.reproducer(binding, arguments, quantity, mode, "default", dtype, bits, (len(bits),)))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-P", str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == line


@pytest.mark.parametrize("name", PACKAGES)
def test_a_reproducer_can_be_written_for_every_question(name: str) -> None:
    backend = registry.backend(name)  # the framework need not be installed
    for binding in backend.bindings:
        for mode in backend.modes:
            for quantity in ("value", "gradient", "forward_gradient", "second_derivative"):
                text = backend.reproducer(binding, {}, quantity, mode, "default", "bfloat16", [0x7F81, 0], (2, 1))
                compile(text, "reproducer", "exec")
                assert "0x7f81, 0x0000" in text


def test_x64_is_switched_on_where_it_was() -> None:
    backend = registry.backend("jax")
    text = backend.reproducer(backend.bindings[0], {}, "value", "eager", "x64", "float64", [0], ())
    assert 'jax.config.update("jax_enable_x64", True)' in text


def test_one_number_fills_the_shape_that_was_asked() -> None:
    backend = registry.backend("torch")
    text = backend.reproducer(backend.bindings[0], {}, "value", "eager", "default", "float32", [0x7FC00000], (67,))
    assert "np.full((67,), 0x7fc00000, dtype=np.uint32)" in text


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "numpy"])
def test_a_cotangent_is_spelt_and_divided_out(name: str) -> None:
    backend = registry.backend(name)
    for mode in backend.modes:
        text = backend.reproducer(
            backend.bindings[0], {}, "gradient", mode, "default", "float32", [0], (3,), cotangent=8.0
        )
        compile(text, "reproducer", "exec")
        assert "8.0" in text
        assert "/ 8.0" in text


# what is said, and whether it says that something is lacking
SAID = [
    ("tensorflow", "ValueError: The negative_slope value of a Leaky ReLU layer cannot be None or negative value.", True),
    ("torch", "RuntimeError: In-place leakyReLu backward calculation is triggered with a negative slope which is not supported.", True),
    ("tensorflow", "ValueError: Exception encountered when calling LeakyReLU.call()", False),
    ("torch", "RuntimeError: unsupported operation: more than one element of the written-to tensor", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said", "lacking"), SAID)
def test_a_documented_refusal_of_a_negative_slope_is_not_supported(name: str, said: str, lacking: bool) -> None:
    assert any(re.search(pattern, said) for pattern in registry.backend(name).not_supported) == lacking


def test_adapters_are_read_without_their_frameworks() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'tensorflow', 'keras', 'jax', 'optax', 'scipy', 'ml_dtypes'): sys.modules[name] = None\n"
        "from conformance import registry\n"
        f"print(sum(len(registry.backend(name).bindings) for name in {tuple(PACKAGES)!r}))\n"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert int(ran.stdout) == sum(len(registry.backend(name).bindings) for name in PACKAGES)
