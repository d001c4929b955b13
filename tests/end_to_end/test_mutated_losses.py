"""Copies of the installed optax and Keras with a fault in a loss, first on PYTHONPATH: the fault shows in the findings.

By default a handful of optax', planted together. NNCONFORM_ALL_MUTANTS=1 has all of them run, one by one (about 30 minutes).
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conformance.standard import TENSOR_FUNCTIONS

from .command import ROOT, Shell
from .loss_mutants import LOSS_MUTANTS, OPTAX, LossMutant, planted
from .mutants import copy_with

pytestmark = pytest.mark.slow

HANDFUL = tuple(
    mutant
    for mutant in OPTAX
    if mutant.name
    in ("off by 1e-6", "mask not handed on", "weights forgotten in the rule of differentiation", "default epsilon 1")
)
"""One for each of four functions; the fifth must be left in peace."""

LEFT_ALONE = "perceptron"

Findings = Mapping[tuple[str, str, tuple[str, ...]], Mapping[str, Any]]
"""By rule, region and entry points."""

Observe = Callable[..., Findings]


def _site_packages(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"needs {package}")
    return Path(found.origin).parents[1]


@pytest.fixture(scope="module")
def observe(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Observe:
    """Gives the findings about a backend that has some faults, or is as it is installed (no copy at all: None). Equal questions are asked once."""
    folder = tmp_path_factory.mktemp("losses")
    nnconform = Shell(folder, cache)
    known: dict[tuple[Any, ...], Findings] = {}
    compiled = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

    def ask(
        mutants: tuple[LossMutant, ...] | None, backend: str, functions: tuple[str, ...], dtypes: tuple[str, ...] = ("float32",), tier: str = "quick"
    ) -> Findings:  # fmt: skip
        key = (mutants, backend, functions, dtypes, tier)
        if key not in known:
            path, run = [str(ROOT)], folder / f"{len(known)}.nnconform"
            if mutants is not None:
                path.insert(0, str(_copy(run.with_suffix(""), mutants, backend)))
            words = [
                "--functions",
                ",".join(functions),
                "--dtypes",
                ",".join(dtypes),
                "--tier",
                tier,
                "--fail-on",
                "none",
            ]
            done = nnconform(
                "run",
                backend,
                *words,
                "--jobs",
                "1",
                "--out",
                run,
                plug_ins=False,
                PYTHONPATH=os.pathsep.join(path),
                **compiled,
            )
            assert done.code == 0, done.err
            told = json.loads(nnconform("findings", run, "--format", "json").out)
            known[key] = {(one["rule"], one["region"], tuple(one["entry_points"])): one for one in told["findings"]}
        return known[key]

    return ask


def _copy(into: Path, mutants: tuple[LossMutant, ...], backend: str) -> Path:
    """A folder with the package as it is installed, but for these faults."""
    of = {"jax": "optax", "tensorflow": "keras"}[backend]
    original = _site_packages(of)
    texts = {
        path: (original / path).read_text(encoding="utf-8")
        for path in dict.fromkeys(m.edited for m in OPTAX if of == "optax")
    }
    for mutant in mutants:
        source = texts.get(mutant.edited) or (original / mutant.edited).read_text(encoding="utf-8")
        texts[mutant.edited] = planted(source, mutant)
    for path, text in texts.items():
        copy_with(original, into, path, text)
    return into


def test_a_handful_is_found_and_nothing_else_changes(observe: Observe) -> None:
    functions = (*(mutant.functions[0] for mutant in HANDFUL), LEFT_ALONE)
    before, after = observe(None, "jax", functions), observe(HANDFUL, "jax", functions)
    news = {rule.partition(".")[0] for rule, region, entry_points in after.keys() - before.keys()}
    assert news == {mutant.functions[0] for mutant in HANDFUL}


def test_a_copy_without_a_fault_has_the_same_findings(observe: Observe) -> None:
    functions = (*(mutant.functions[0] for mutant in HANDFUL), LEFT_ALONE)
    assert observe((), "jax", functions) == observe(None, "jax", functions)


@pytest.mark.skipif(not os.environ.get("NNCONFORM_ALL_MUTANTS"), reason="NNCONFORM_ALL_MUTANTS=1 has all of them run")
@pytest.mark.parametrize(
    "mutant", LOSS_MUTANTS, ids=lambda mutant: f"{mutant.backend}: {mutant.functions[0]}: {mutant.name}"
)
def test_a_mutant_is_found(mutant: LossMutant, observe: Observe) -> None:
    asked = mutant.backend, mutant.functions, mutant.dtypes, mutant.tier
    assert observe((mutant,), *asked).keys() - observe(None, *asked).keys(), f"{mutant.name} shows nowhere"


@pytest.mark.parametrize(
    "mutant", LOSS_MUTANTS, ids=lambda mutant: f"{mutant.backend}: {mutant.functions[0]}: {mutant.name}"
)
def test_a_mutant_fits_the_installed_source_and_the_standard(mutant: LossMutant) -> None:
    source = (_site_packages(mutant.edited.parts[0]) / mutant.edited).read_text(encoding="utf-8")
    compile(planted(source, mutant), mutant.name, "exec")
    assert set(mutant.functions) <= set(TENSOR_FUNCTIONS)


def test_the_handful_leaves_a_function_alone() -> None:
    assert len(HANDFUL) == 4
    assert len({mutant.functions[0] for mutant in HANDFUL}) == len(HANDFUL), "planted together, so one a function"
    assert LEFT_ALONE not in {name for mutant in HANDFUL for name in mutant.functions}
    assert len({(m.edited, m.functions, m.name) for m in LOSS_MUTANTS}) == len(LOSS_MUTANTS)
