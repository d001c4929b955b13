"""A copy of the installed JAX with a fault in `jax.nn`, first on PYTHONPATH: the fault shows in the findings, nothing else does.

By default a handful, planted together. NNCONFORM_ALL_MUTANTS=1 has all of them run, one by one (about 15 minutes).
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from conformance.cases.plan import TIERS
from conformance.standard import FUNCTIONS, rules_of

from .command import ROOT, Shell
from .mutants import EDITED, MUTANTS, Mutant, copy_of, planted

INSTALLED = importlib.util.find_spec("jax")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(INSTALLED is None, reason="needs jax")]

HANDFUL = tuple(
    mutant
    for mutant in MUTANTS
    if mutant.name
    in ("NaN swallowed", "alias loses NaN", "value off by 1e-6", "only when compiled", "> instead of >= at the kink")
)
"""One for each of five functions; the sixth must be left in peace."""

Findings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Asked:
    """What is asked of JAX."""

    functions: tuple[str, ...]
    dtypes: tuple[str, ...]
    rules: tuple[str, ...]
    tier: str = "default"


Observe = Callable[[tuple[Mutant, ...] | None, Asked], Findings]


@pytest.fixture(scope="module")
def observe(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Observe:
    """Gives the findings about JAX with some faults, or as it is installed (None), by id. Equal questions are asked once."""
    folder = tmp_path_factory.mktemp("mutants")
    nnconform = Shell(folder, cache)
    known: dict[tuple[tuple[Mutant, ...] | None, Asked], Findings] = {}
    # The same programs are compiled again and again.
    compiled = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

    def ask(mutants: tuple[Mutant, ...] | None, asked: Asked) -> Findings:
        if (mutants, asked) not in known:
            path, run = [str(ROOT)], folder / f"{len(known)}.nnconform"
            if mutants is not None:
                path.insert(0, str(copy_of(_site_packages(), run.with_suffix(""), mutants)))
            selected = {
                "--functions": asked.functions,
                "--dtypes": asked.dtypes,
                "--rules": asked.rules,
                "--tier": [asked.tier],
            }
            words = [word for option, names in selected.items() for word in (option, ",".join(names))]
            environment = {"PYTHONPATH": os.pathsep.join(path), **compiled}
            done = nnconform("run", "jax", *words, "--fail-on", "none", "--out", run, plug_ins=False, **environment)
            assert done.code == 0, done.err
            told = json.loads(nnconform("findings", run, "--format", "json").out)
            known[mutants, asked] = {finding["id"]: finding for finding in told["findings"]}
        return known[mutants, asked]

    return ask


def _site_packages() -> Path:
    assert INSTALLED is not None
    assert INSTALLED.origin is not None
    return Path(INSTALLED.origin).parents[1]


def changed(before: Findings, after: Findings) -> list[Mapping[str, Any]]:
    """Findings that are not the same, or not in both; those of `after` first."""
    news = [finding for id, finding in after.items() if before.get(id) != finding]
    return news + [finding for id, finding in before.items() if id not in after]


def asked_by(mutants: tuple[Mutant, ...], functions: Iterable[str]) -> Asked:
    """What shows these mutants."""
    dtypes = dict.fromkeys(dtype for mutant in mutants for dtype in mutant.dtypes)
    rules = dict.fromkeys(rule for mutant in mutants for rule in mutant.rules)
    return Asked(
        tuple(functions), tuple(dtypes), tuple(rules), max((mutant.tier for mutant in mutants), key=TIERS.index)
    )


def shows(mutant: Mutant, difference: Iterable[Mapping[str, Any]]) -> None:
    """Assert that a fault is told of under each of its rules."""
    own = [finding for finding in difference if finding["function"] in (mutant.function, "*")]
    rules = {finding["rule"].split(".", 1)[1] for finding in own}
    assert set(mutant.rules) <= rules, f"{mutant.name}: shows under {sorted(rules)}"


USED_BY = {"sigmoid": ("silu",), "gelu": ("gelu_tanh",), "softplus": ("log_sigmoid", "mish"), "elu": ("selu",)}
"""Functions that jax.nn computes with another of its own: a fault in the one is a fault in the others."""


def test_a_handful_is_found_and_nothing_else_changes(observe: Observe) -> None:
    asked = replace(asked_by(HANDFUL, FUNCTIONS), dtypes=("float32",))
    difference = changed(observe(None, asked), observe(HANDFUL, asked))
    for mutant in HANDFUL:
        shows(mutant, difference)
    spoilt = {mutant.function for mutant in HANDFUL}
    changes = {finding["function"] for finding in difference} - {"*"}
    assert spoilt <= changes <= spoilt | {user for function in spoilt for user in USED_BY.get(function, ())}


def test_a_copy_without_a_fault_has_the_same_findings(observe: Observe) -> None:
    asked = replace(asked_by(HANDFUL, FUNCTIONS), dtypes=("float32",))
    assert changed(observe(None, asked), observe((), asked)) == []


@pytest.mark.skipif(not os.environ.get("NNCONFORM_ALL_MUTANTS"), reason="NNCONFORM_ALL_MUTANTS=1 has all of them run")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.function}: {mutant.name}")
def test_a_mutant_is_found(mutant: Mutant, observe: Observe) -> None:
    asked = asked_by((mutant,), [mutant.function])
    difference = changed(observe(None, asked), observe((mutant,), asked))
    shows(mutant, difference)
    assert {finding["function"] for finding in difference} <= {mutant.function, "*"}


def test_every_mutant_fits_the_installed_source_and_the_standard() -> None:
    source = (_site_packages() / EDITED).read_text(encoding="utf-8")
    for mutant in MUTANTS:
        compile(planted(source, (mutant,)), mutant.name, "exec")
        known = {rule.name for rule in rules_of(FUNCTIONS[mutant.function])}
        assert mutant.rules, mutant.name
        assert set(mutant.rules) <= known, mutant.name
    assert len({(mutant.function, mutant.name) for mutant in MUTANTS}) == len(MUTANTS)


def test_the_handful_leaves_some_functions_alone() -> None:
    assert len(HANDFUL) == 5
    assert len({mutant.function for mutant in HANDFUL}) == len(HANDFUL), "planted together, so one a function"
    assert {mutant.function for mutant in HANDFUL} < set(FUNCTIONS)
