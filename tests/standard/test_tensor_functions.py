"""Every page of a function of tensors is whole: formula, sources, arguments, options, edges, properties.

That what is declared is true is proved elsewhere, with balls and by other formulas.
"""

from __future__ import annotations

import inspect
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from conformance import standard
from conformance.standard import FUNCTIONS, TENSOR_FUNCTIONS
from conformance.standard.tensors import (
    COMMON,
    KINDS,
    REDUCTIONS,
    ROWS,
    WHOLE,
    Argument,
    Edge,
    Option,
    TensorFunction,
    Value,
)

FAMILIES = (
    "normalising", "gated", "regression", "classification", "focal", "hinge", "divergence", "margin", "embedding", "contrastive",
    "segmentation", "sequence",
)  # fmt: skip
"""In the order of reading."""

PROPERTIES = (
    "range", "nonnegative", "zero_at_equality", "symmetric", "sums_to_one", "shift_invariant",
)  # fmt: skip
"""Kinds of properties that the judge checks of functions of tensors."""

OF_THE_FORMAT = re.compile(r"-?(largest|smallest_normal|smallest_subnormal)")
"""Texts that stand for numbers of a format among an edge's numbers."""


def _whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _between(low: float, high: float, ends: bool = True) -> Callable[[Any], bool]:
    return lambda value: _number(value) and (low <= value <= high if ends else low < value < high)


def _from(low: float, itself: bool = True, infinite: bool = False) -> Callable[[Any], bool]:
    return lambda v: _number(v) and (v >= low if itself else v > low) and (infinite or v < math.inf)


def _one_of(*texts: Value) -> Callable[[Any], bool]:
    return lambda value: any(value == text and type(value) is type(text) for text in texts)


DOMAINS: dict[str, Callable[[Any], bool]] = {
    "any finite number": lambda value: _number(value) and math.isfinite(value),
    "any number": _number,
    "0 to 1": _between(0, 1),
    "0 to 1, or None": lambda value: value is None or _between(0, 1)(value),
    "0 to 1, exclusive": _between(0, 1, ends=False),
    "0 to 1/2, exclusive": lambda value: _between(0, 0.5)(value) and value < 0.5,
    "0 ≤ clip < 1": lambda value: _between(0, 1)(value) and value < 1,
    "0 ≤ margin ≤ 1": _between(0, 1),
    "−1 ≤ margin ≤ 1": _between(-1, 1),
    "−1 or more": _from(-1),
    "0 or more": _from(0),
    "below 0, −∞ included": lambda value: _number(value) and value < 0,
    "alpha ≥ 0": _from(0),
    "beta ≥ 0": _from(0),
    "beta ≥ 0, infinity included": _from(0, infinite=True),
    "delta > 0, infinity included": _from(0, itself=False, infinite=True),
    "epsilon ≥ 0": _from(0),
    "factor > 0": _from(0, itself=False),
    "gamma > 0": _from(0, itself=False),
    "margin > 0": _from(0, itself=False),
    "p ≥ 1, infinity included": _from(1, infinite=True),
    "smooth ≥ 0": _from(0),
    "temperature > 0": _from(0, itself=False),
    "1 or 2": _one_of(1, 2),
    "a class": lambda value: _whole(value) and 0 <= value < 10,
    "a whole number above 0, or None": lambda value: value is None or (_whole(value) and value > 0),
    "a whole number from 1 on": lambda value: _whole(value) and value >= 1,
    "a whole number, or None": lambda value: value is None or _whole(value),
    "True or False": _one_of(True, False),
    "True, False": _one_of(True, False),
    "signed or binary": _one_of("signed", "binary"),
    "difference, sum": _one_of("difference", "sum"),
    "each, product, square_sum": _one_of("each", "product", "square_sum"),
    "each, added": _one_of("each", "added"),
    "mean, sum": _one_of("mean", "sum"),
    "ratio, mean": _one_of("ratio", "mean"),
}
"""What the sentences about domains mean."""

functions = pytest.mark.parametrize("function", TENSOR_FUNCTIONS.values(), ids=lambda function: function.name)
EDGES = [(function, edge) for function in TENSOR_FUNCTIONS.values() for edge in function.edges]


def _of_files() -> dict[str, list[TensorFunction]]:
    """The functions of tensors by the file that they are written in."""
    files = [file.name for file in pkgutil.iter_modules(standard.__path__)]
    written = {file: getattr(import_module(f"conformance.standard.{file}"), "FUNCTIONS", ()) for file in files}
    found = {file: [one for one in several if isinstance(one, TensorFunction)] for file, several in written.items()}
    return {file: several for file, several in found.items() if several}


def test_every_file_is_read_and_no_name_stands_twice() -> None:
    files = _of_files()
    assert sorted(files) == sorted(FAMILIES)
    names = [function.name for family in FAMILIES for function in files[family]]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert names == list(TENSOR_FUNCTIONS)
    assert not set(names) & set(FUNCTIONS), "a name is a function of one number, or one of tensors"


def test_a_family_is_named_as_its_file() -> None:
    assert [f.name for file, several in _of_files().items() for f in several if f.family != file] == []


@functions
def test_a_page_has_a_title_a_formula_and_sources_with_links(function: TensorFunction) -> None:
    assert TENSOR_FUNCTIONS[function.name] is function
    assert function.name == function.name.lower()
    assert function.name.replace("_", "").isalnum()
    assert function.title
    assert function.family
    assert function.formula
    assert function.sources
    for source in function.sources:
        assert source.title
        assert source.link.startswith("https://"), source
    assert all(note.endswith(".") for note in function.notes)
    assert len({source.link for source in function.sources}) == len(function.sources)


@functions
def test_the_definition_takes_the_arguments_and_options_of_the_page(function: TensorFunction) -> None:
    taken = inspect.signature(function.definition).parameters
    described = [argument.name for argument in function.arguments] + [option.name for option in function.options]
    assert sorted(taken) == sorted(described)
    assert len(set(described)) == len(described)
    assert not set(described) & {*COMMON, "weight"}, "these belong to no definition"


@functions
def test_arguments_are_of_known_kinds_and_described(function: TensorFunction) -> None:
    assert function.arguments
    assert not function.arguments[0].optional
    for argument in function.arguments:
        assert argument.kind in KINDS
        assert argument.meaning
        assert len(set(argument.core)) == len(argument.core)
        assert not (argument.differentiable and argument.kind in (*WHOLE, "mask")), f"{argument.name} is no real number"
    assert any(argument.differentiable for argument in function.arguments)


@functions
def test_dimensions_come_from_arguments_or_are_computed(function: TensorFunction) -> None:
    """Of a computed one and the one it is computed from, an argument has either."""
    known = {dimension for argument in function.arguments for dimension in argument.core}
    for computed, rule in function.computed.items():
        found = re.fullmatch(r"[1-9]\d*\*(\w+)", rule)
        assert found, rule
        assert len({computed, found[1]} & known) == 1
        known |= {computed, found[1]}
    assert set(function.result) <= known
    assert set(function.sizes) <= known
    for sizes in function.sizes.values():
        assert sizes
        assert all(_whole(size) and size >= 0 for size in sizes)


@functions
def test_reductions_rows_weights_and_axis_fit_together(function: TensorFunction) -> None:
    for chosen, all_of_them in ((function.reductions, REDUCTIONS), (function.rows, ROWS)):
        assert set(chosen) <= set(all_of_them)
        assert len(set(chosen)) == len(chosen)
        assert not chosen or chosen[0] == "none", "what is done by default"
    if function.rows:
        assert function.axis, "rows lie along an axis"
        assert function.reductions
    if function.rows or (function.weighted and not function.result):
        assert function.reductions
    if function.axis and not function.rows:
        assert {len(argument.core) for argument in function.arguments if argument.core and not argument.shared} == {1}


@functions
def test_options_are_sampled_inside_their_domains(function: TensorFunction) -> None:
    for option in function.options:
        inside = DOMAINS[option.domain]
        assert option.meaning
        assert inside(option.default), option
        asked = [option.default, *option.samples]
        assert all(map(inside, asked)), option
        assert len(set(map(repr, asked))) == len(asked), f"{option.name} is asked twice with the same value"
        assert not any(map(inside, option.invalid)), option
        assert all(inside(pair[option.name]) for pair in function.pairs if option.name in pair)


@functions
def test_every_option_is_asked_away_from_its_default(function: TensorFunction) -> None:
    for option in function.options:
        assert any(_differs(sample[option.name], option) for sample in function.samples()) or any(
            _differs(edge.options.get(option.name, option.default), option) for edge in function.edges
        )


def _differs(value: Value, option: Option) -> bool:
    return repr(value) != repr(option.default)


@functions
def test_pairs_name_options_and_vary_two(function: TensorFunction) -> None:
    defaults = function.defaults()
    for pair in function.pairs:
        assert set(pair) <= set(defaults)
        assert sum(repr(pair[name]) != repr(defaults[name]) for name in pair) >= 2


@functions
def test_what_is_invalid_together_is_valid_alone(function: TensorFunction) -> None:
    for invalid in function.invalid:
        assert len(invalid) >= 2
        for option in function.options:
            if option.name in invalid:
                assert DOMAINS[option.domain](invalid[option.name])


@functions
def test_samples_begin_with_the_defaults_and_hold_everything_once(function: TensorFunction) -> None:
    samples = function.samples()
    assert samples[0] == function.defaults()
    assert len(set(map(repr, samples))) == len(samples)
    assert len(samples) == 1 + sum(len(option.samples) for option in function.options) + len(function.pairs)
    asked = [repr(sample) for sample in samples]
    for option in function.options:
        for value in option.samples:
            assert repr({**function.defaults(), option.name: value}) in asked
    assert all(repr({**function.defaults(), **pair}) in asked for pair in function.pairs)


@functions
def test_names_of_edges_are_names_of_regions(function: TensorFunction) -> None:
    names = [edge.name for edge in function.edges]
    assert names or function.drawn
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(name == name.strip() and not name.endswith(".") for name in names)
    assert not any(edge.free.endswith(".") for edge in function.edges)


@pytest.mark.parametrize(("function", "edge"), EDGES, ids=[f"{f.name}-{e.name}" for f, e in EDGES])
def test_edges_have_cores_of_real_arguments(function: TensorFunction, edge: Edge) -> None:
    assert edge.arguments
    sizes: dict[str, int] = {}
    for name, core in edge.arguments.items():
        argument = function.argument(name)
        shape = _shape(core)
        assert len(shape) == len(argument.core), f"{name} has the dimensions {argument.core}"
        for dimension, size in zip(argument.core, shape, strict=True):
            assert sizes.setdefault(dimension, size) == size, f"two sizes of {dimension}"
        assert all(_fits(number, argument) for number in _numbers(core)), f"{name} is {KINDS[argument.kind]}"
    for computed, rule in function.computed.items():
        factor = int(rule.partition("*")[0])
        assert sizes.get(computed, 0) % factor == 0
    defaults = function.defaults()
    assert set(edge.options) <= set(defaults)
    for option in function.options:
        assert DOMAINS[option.domain](edge.options.get(option.name, option.default))


def _shape(core: Any) -> tuple[int, ...]:
    """The shape of numbers nested in tuples; fails if they are ragged."""
    if not isinstance(core, (tuple, list)):
        return ()
    shapes = {_shape(part) for part in core}
    assert len(shapes) <= 1, "rows of different lengths"
    return (len(core), *(shapes.pop() if shapes else ()))


def _numbers(core: Any) -> Iterator[Any]:
    if isinstance(core, (tuple, list)):
        for part in core:
            yield from _numbers(part)
    else:
        yield core


def _fits(number: Any, argument: Argument) -> bool:
    """Whether a number is of the type of its argument; what it may be besides is what edges are about."""
    if argument.kind == "mask":
        return isinstance(number, bool)
    if argument.kind in WHOLE:
        return _whole(number)
    return OF_THE_FORMAT.fullmatch(number) is not None if isinstance(number, str) else isinstance(number, float)


@functions
def test_properties_are_of_kinds_that_can_be_checked(function: TensorFunction) -> None:
    kinds = [prop.kind for prop in function.properties]
    assert set(kinds) <= set(PROPERTIES)
    assert len(set(kinds)) == len(kinds)
    for prop in function.properties:
        assert prop.sentence
        assert not prop.sentence.endswith(".")
        assert (prop.kind == "range") == ((prop.low, prop.high) != ("-inf", "+inf"))
        if prop.kind in ("zero_at_equality", "symmetric"):
            first, second = function.arguments[:2]
            assert first.core == second.core, "these two are compared or exchanged"
