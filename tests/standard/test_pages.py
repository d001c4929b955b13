"""Every function's page is whole: formula, sources, parameters, limits, kinks, properties; and its rules read as sentences.

That what is declared is true is proved elsewhere, with balls (tests/truth).
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from conformance.formats import BFLOAT16, FLOAT16, round_to, values
from conformance.standard import CATALOGUE, FUNCTIONS, Family, Function, Kink, Landmark, Level, Parameter, rules_of
from conformance.standard.model import Expression, text_of

SNAPSHOT = Path(__file__).with_name("rule_ids.txt")
KINDS = ("range", "nondecreasing", "odd", "at_least_argument")
"""Kinds of properties that the judge checks (judge/properties)."""

functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
PARAMETERS = [(function, parameter) for function in FUNCTIONS.values() for parameter in function.parameters]
parameters = pytest.mark.parametrize(
    ("function", "parameter"), PARAMETERS, ids=[f"{f.name}-{p.name}" for f, p in PARAMETERS]
)

DOMAINS: dict[str, Callable[[float], bool]] = {
    "any finite number": math.isfinite,
    "beta > 0": lambda value: value > 0,
    "threshold > 0, infinity included": lambda value: value > 0,
    "alpha ≥ 0": lambda value: 0 <= value < math.inf,
    "alpha > 0": lambda value: 0 < value < math.inf,
    "b ≥ 0": lambda value: 0 <= value < math.inf,
    "threshold ≥ 0": lambda value: 0 <= value < math.inf,
    "negative_slope ≥ 0": lambda value: 0 <= value < math.inf,
    "max_value ≥ 0, infinity included": lambda value: value >= 0,
}
"""What the sentences about domains mean."""


def number(expression: Expression, sample: dict[str, float]) -> Fraction | float:
    """The number that a text of the standard names; quotients of decimals and infinities too. Made from parameters, a decimal
    is the binary64 number next to it."""
    text = text_of(expression, sample)
    if text in ("+inf", "-inf", "nan"):
        return float(text)
    above, _, below = text.partition("/")
    if "inf" in text:
        return float(above) / float(below or 1)
    if callable(expression):
        return Fraction(float(above)) / Fraction(float(below or "1"))
    return Fraction(above) / Fraction(below or "1")


@functions
def test_a_page_has_a_title_a_formula_and_sources_with_links(function: Function) -> None:
    assert FUNCTIONS[function.name] is function
    assert function.name == function.name.lower()
    assert function.name.replace("_", "").isalnum()
    assert function.title
    assert function.family
    assert function.formula
    assert callable(function.definition)
    assert function.sources
    for source in (*function.sources, *(kink.source for kink in function.kinks if kink.source)):
        assert source.title
        assert source.link.startswith("https://"), source
    assert all(note.endswith(".") for note in function.notes)


@functions
def test_every_parameter_of_the_definition_is_described(function: Function) -> None:
    code = function.definition.__code__
    taken = code.co_varnames[1 : code.co_argcount]
    assert taken == tuple(parameter.name for parameter in function.parameters)
    for form in function.forms:
        assert form.definition.__code__.co_varnames[1 : form.definition.__code__.co_argcount] == taken
        assert form.reason


@parameters
def test_samples_lie_in_the_domain_and_invalid_values_do_not(function: Function, parameter: Parameter) -> None:
    inside = DOMAINS[parameter.domain]
    assert parameter.meaning
    assert inside(parameter.default)
    assert parameter.samples[0] == parameter.default
    assert len(set(parameter.samples)) == len(parameter.samples) > 1
    assert all(map(inside, parameter.samples))
    assert not any(map(inside, parameter.invalid))
    assert all(inside(pair[parameter.name]) for pair in function.pairs if parameter.name in pair)


@functions
def test_pairs_name_parameters_and_vary_two(function: Function) -> None:
    names = {parameter.name for parameter in function.parameters}
    for pair in function.pairs:
        assert set(pair) <= names
        assert sum(pair[name] != function.defaults()[name] for name in pair) >= 2


@functions
def test_what_is_invalid_together_is_valid_alone(function: Function) -> None:
    """Or the refusal would show nothing about the combination; and none of them is asked."""
    for invalid in function.invalid:
        assert len(invalid) >= 2
        for parameter in function.parameters:
            if parameter.name in invalid:
                assert DOMAINS[parameter.domain](invalid[parameter.name])
        assert {**function.defaults(), **invalid} not in function.samples()


@parameters
def test_every_format_holds_the_samples_of_what_is_learnt(function: Function, parameter: Parameter) -> None:
    """It arrives as a tensor of the argument's dtype, and is then the number that is meant."""
    if parameter.learnt:
        narrow = (FLOAT16, BFLOAT16)
        for value in parameter.samples:
            assert all(values(round_to(np.array([value]), format), format)[0] == value for format in narrow)


@functions
def test_samples_begin_with_the_defaults_and_hold_everything_once(function: Function) -> None:
    samples = function.samples()
    assert samples[0] == function.defaults()
    assert all(list(sample) == list(function.defaults()) for sample in samples)
    assert all(samples.count(sample) == 1 for sample in samples)
    for parameter in function.parameters:
        asked = [sample[parameter.name] for sample in samples]
        assert set(parameter.samples) <= set(asked)
        for value in parameter.samples:
            assert {**function.defaults(), parameter.name: value} in samples
    assert all({**function.defaults(), **pair} in samples for pair in function.pairs)
    singles = {(parameter.name, value) for parameter in function.parameters for value in parameter.samples}
    changed = [{name for name, value in sample.items() if value != function.defaults()[name]} for sample in samples]
    assert len(samples) <= 1 + len(singles) + len(function.pairs)
    assert sum(len(names) > 1 for names in changed) == len(function.pairs)


@functions
def test_both_ends_have_limits(function: Function) -> None:
    assert [limit.at for limit in function.limits] == ["-inf", "+inf"]
    for sample in function.samples():
        for limit in function.limits:
            outside = function.domain is not None and float(limit.at) < function.domain.low
            for expression in (limit.value, limit.derivative, limit.second_derivative):
                assert math.isnan(number(expression, sample)) == outside


@functions
def test_the_sign_of_zero_is_one_of_three_words(function: Function) -> None:
    assert {text_of(function.zero_sign, sample) for sample in function.samples()} <= {"same", "free", "none"}


def named_place(name: str, sample: dict[str, float]) -> Fraction:
    """The place that a kink's name stands for: a number, or the value of a parameter, with a sign."""
    parameter = name.removeprefix("-")
    if parameter not in sample:
        return Fraction(name)
    return Fraction(sample[parameter]) * (-1 if name.startswith("-") else 1)


@functions
def test_kinks_lie_where_their_name_says_and_their_custom_is_a_subgradient(function: Function) -> None:
    points: tuple[Kink | Landmark, ...] = (*function.kinks, *function.landmarks)
    for sample in function.samples():
        for order in range(3):
            cut = [
                p.name
                for p in points
                if order in getattr(p, "orders", range(3)) and not math.isnan(number(p.at, sample))
            ]
            assert len(set(cut)) == len(cut), "two points of one name cut the same derivative"
        for kink in function.kinks:
            place = number(kink.at, sample)
            assert math.isnan(place) or place == named_place(kink.name, sample)
            left, right, customary = (float(number(side, sample)) for side in (kink.left, kink.right, kink.customary))
            assert (left - customary) * (right - customary) <= 0
        for mark in function.landmarks:
            assert mark.meaning
            assert mark.orders
            assert set(mark.orders) <= {0, 1, 2}
            place = number(mark.at, sample)
            if mark.name.lstrip("-").replace(".", "").isdigit() and not math.isnan(place):
                assert abs(float(place) - float(mark.name)) <= 0.005, "its name is its place, rounded"


@functions
def test_properties_are_of_kinds_that_can_be_checked(function: Function) -> None:
    kinds = [prop.kind for prop in function.properties]
    assert set(kinds) <= set(KINDS)
    assert len(set(kinds)) == len(kinds)
    for prop in function.properties:
        assert prop.sentence
        assert not prop.sentence.endswith(".")
        # Equal for a unit capped at 0, which is 0 everywhere.
        assert all(number(prop.low, sample) <= number(prop.high, sample) for sample in function.samples())


@functions
def test_bars_other_than_the_default_carry_a_reason_or_are_tighter(function: Function) -> None:
    for quantity, bar in function.bars.items():
        assert quantity in ("value", "gradient", "second_derivative")
        assert bar.reason or (bar.result <= 4 and bar.argument <= 2)
        assert bar.result <= 34, "no bar is above the public tables"
        assert bar.result == int(bar.result)
        assert bar.argument == int(bar.argument)


@functions
def test_rules_are_sentences_with_levels_and_families(function: Function) -> None:
    for rule in rules_of(function):
        assert rule.id == f"{function.name}.{rule.name}"
        assert rule.id.isascii()
        assert not set(rule.id) & set(" /\\[]")
        assert isinstance(rule.level, Level)
        assert isinstance(rule.family, Family)
        assert rule.sentence.endswith(".")
        assert not rule.sentence.endswith("..")
        assert "  " not in rule.sentence
        assert rule.source is None or rule.source.link.startswith("https://")


@functions
def test_what_the_page_has_decides_which_rules_there_are(function: Function) -> None:
    names = {rule.name for rule in rules_of(function)}
    assert {"value", "nan", "gradient", "second_derivative", "limit.-inf", "limit.+inf", "purity", "flush"} <= names
    assert {name for name in names if name.startswith("kink.")} == {
        name for kink in function.kinks for name in (f"kink.{kink.name}", f"kink.{kink.name}.convention")
    }
    assert {name for name in names if name.startswith("property.")} == {
        f"property.{p.kind}" for p in function.properties
    }
    assert ("defaults" in names) == bool(function.parameters)
    invalid = [*function.invalid, *(value for parameter in function.parameters for value in parameter.invalid)]
    assert ("errors.parameter_value" in names) == bool(invalid)
    assert any(name.startswith("signed_zero") for name in names) == (function.zero_sign != "none")


def test_rule_ids_are_unique_and_stable() -> None:
    """An id is written into expectations, reports and other people's notes. One that is new is added to the file; one that
    goes, or changes, is a change that CHANGELOG.md tells."""
    ids = [rule.id for function in CATALOGUE.values() for rule in rules_of(function)]
    assert [id for id, count in Counter(ids).items() if count > 1] == []
    if os.environ.get("NNCONFORM_WRITE_IDS"):
        SNAPSHOT.write_text("".join(f"{id}\n" for id in ids), encoding="utf-8")
    assert ids == SNAPSHOT.read_text(encoding="utf-8").split(), f"the rules are not those of {SNAPSHOT.name}"


def test_every_family_and_level_is_used() -> None:
    rules = [rule for function in FUNCTIONS.values() for rule in rules_of(function)]
    assert {rule.family for rule in rules} == set(Family)
    assert {rule.level for rule in rules} == set(Level)
