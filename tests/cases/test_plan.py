"""The plan: every row of its table is carried out, every rule is asked, and the same question has the same id whoever is
asked before, and whatever else is selected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from conformance import registry
from conformance.cases.case import Case, blob_hash
from conformance.cases.plan import (
    DRAWN,
    INTEGERS,
    MODES,
    OF_THE_FRAMEWORK,
    OTHER_CONFIGURATIONS,
    PLAN,
    Selection,
    dtypes_asked,
    extremes,
    modes_of,
    plan_for,
)
from conformance.cases.topics import COMMON_SIZE, DRAWS, EMPTY_SHAPES, LENGTHS, SHIFTS, Lattices, Plan  # fmt: skip
from conformance.formats import FORMATS, values
from conformance.standard import FUNCTIONS, Function, rules_of
from conformance.truth.cache import Oracle
from tests.toy import Few

Binding = registry.protocol().Binding


@dataclass
class Everything:
    """A backend with every mode and view; its entry points take all parameters, unless `bindings` says otherwise."""

    functions: tuple[str, ...] = tuple(FUNCTIONS)
    bindings: tuple[Any, ...] = ()
    name: str = "everything"
    modes: tuple[str, ...] = MODES
    slow_modes: tuple[str, ...] = ()
    recompiles: tuple[str, ...] = ()
    views: tuple[str, ...] = registry.protocol().VIEWS

    def __post_init__(self) -> None:
        self.bindings = self.bindings or tuple(binding for name in self.functions for binding in _bound(name))


def _bound(name: str) -> list[Any]:
    function = FUNCTIONS[name]
    learnt = tuple(parameter.name for parameter in function.parameters if parameter.learnt)
    keywords = {parameter.name: f"the_{parameter.name}" for parameter in function.parameters if not parameter.learnt}
    taken: dict[str, Any] = {"parameters": keywords, "operands": learnt, "defaults": function.defaults()}
    drawing = [Binding(name, f"every.drawn.{name}", training=True, **taken)] if function.drawn else []
    return [Binding(name, f"every.{name}", **taken), *drawing]


RELU, LEAKY, SOFTPLUS = (Everything((name,)) for name in ("relu", "leaky_relu", "softplus"))
PRELU, RRELU = Everything(("prelu",)), Everything(("rrelu",))


@pytest.fixture(scope="module")
def lattices(oracle: Oracle) -> Lattices:
    """Some hundred numbers: what is asked crosses dtypes and modes alike, whatever the numbers are."""
    return Few(oracle)


def cases_of(plan: Plan) -> list[Case]:
    return [case for group in plan.groups for case in group.cases]


def cell(case: Case) -> tuple[str, str, str, str]:
    return (case.topic, case.quantity, case.dtype, case.mode)


def test_every_row_is_carried_out_with_every_quantity_dtype_and_mode(lattices: Lattices) -> None:
    def asked(tier: str) -> set[tuple[str, str, str, str]]:
        plans = [plan_for(some, "default", Selection(tier=tier), lattices) for some in (PRELU, RRELU)]
        return {cell(case) for plan in plans for case in cases_of(plan)}

    due = {
        (row.topic, quantity, dtype, mode)
        for row in PLAN for quantity in row.quantities for dtype in row.dtypes for mode in row.modes
    }  # fmt: skip
    assert asked("deep") == due
    # A plain tf.function runs the kernels of the plain call: one narrow dtype and one wide one are asked of it.
    left_out = {one for one in due if one[0] == "lattice" and one[2] in ("float16", "float64") and one[3] == "graph"}
    assert asked("default") == due - left_out
    assert left_out


def test_where_every_shape_is_compiled_anew_few_shapes_are_asked_and_in_the_deep_tier_all(lattices: Lattices) -> None:
    frugal = Everything(("relu",), recompiles=("compiled",))

    def arrangements(backend: Everything, mode: str, tier: str) -> set[tuple[str, tuple[int, ...]]]:
        cases = cases_of(plan_for(backend, "default", Selection(tier=tier), lattices))
        return {(c.dtype, c.inputs[0].shape) for c in cases if (c.topic, c.mode) == ("arrangement", mode)}

    everything = arrangements(RELU, "compiled", "default")
    assert arrangements(frugal, "eager", "default") == everything
    few = arrangements(frugal, "compiled", "default")
    assert few < everything
    assert {shape for _, shape in few} == {(), (0,), (COMMON_SIZE,), (2, 3, 4), (7, 9)}
    assert {dtype for dtype, _ in few} == {"float32"}
    # Where the plain call is compiled too, no other mode asks the lengths, nor the other ranks.
    alone = arrangements(Everything(("relu",), recompiles=("eager", "compiled")), "compiled", "default")
    assert {shape for _, shape in alone - few} == {(1,), (7,), (17,), (3, 5), (2, 1, 3, 4), (0, 3)}
    assert dtypes_asked(
        "shape.scalar", Everything(modes=("compiled",), recompiles=("compiled",)), "default", Selection()
    ) == ("float32",)
    deep = Everything(("relu",), recompiles=("compiled",), modes=("compiled",))
    assert arrangements(deep, "compiled", "deep") == arrangements(
        Everything(("relu",), modes=("compiled",)), "compiled", "deep"
    )


def test_what_compiles_anyhow_is_asked_under_its_compiler_once(lattices: Lattices) -> None:
    always = Everything(("relu",), recompiles=("eager", "compiled"), modes=("eager", "compiled"))

    def asked(selection: Selection, mode: str) -> set[tuple[str, str]]:
        cases = cases_of(plan_for(always, "default", selection, lattices))
        return {(case.topic, case.dtype) for case in cases if case.mode == mode}

    eager, compiled = asked(Selection(), "eager"), asked(Selection(), "compiled")
    assert {"arrangement", "cotangent", "integer"} == {t for t, _ in compiled} - {t for t, _ in eager}
    assert {d for t, d in compiled if t == "lattice"} - {d for t, d in eager if t == "lattice"} == {"float16"}
    # The deep tier asks all of it of the plain call too; the quick one asks nothing else.
    assert asked(Selection(tier="deep"), "eager") >= compiled
    assert {topic for topic, _ in asked(Selection(tier="quick"), "eager")} == {topic for topic, _ in compiled}
    assert asked(Selection(modes=("eager",)), "eager") == eager


def test_another_configuration_asks_what_it_changes(lattices: Lattices) -> None:
    def asked_of(tier: str) -> list[Case]:
        plans = [plan_for(some, "x64", Selection(tier=tier), lattices) for some in (PRELU, RRELU)]
        return [case for plan in plans for case in cases_of(plan)]

    cases = asked_of("deep")
    assert {case.topic for case in cases} - {case.topic for case in asked_of("default")} == set(OF_THE_FRAMEWORK)
    for topic, wanted in OTHER_CONFIGURATIONS["x64"].items():
        had = {mode for row in PLAN if row.topic == topic for mode in row.modes}
        asked = {(case.dtype, case.mode) for case in cases if case.topic == topic}
        assert asked == {(dtype, mode) for dtype, modes in wanted.items() for mode in had & set(modes)}, topic


def test_what_a_configuration_is_not_about_is_asked_whether_its_value_is_as_it_was(lattices: Lattices) -> None:
    def quantities(tier: str) -> dict[str, set[str]]:
        cases = cases_of(plan_for(RELU, "x64", Selection(tier=tier), lattices))
        return {d: {c.quantity for c in cases if (c.topic, c.dtype) == ("lattice", d)} for d in ("float32", "float64")}

    every = {"value", "gradient", "forward_gradient", "second_derivative"}
    assert quantities("default") == {"float32": {"value"}, "float64": every}
    assert quantities("deep")["float32"] > {"value"}
    for rule in ("gradient", "second_derivative", "kink.0"):
        assert dtypes_asked(rule, RELU, "x64", Selection()) == ("float64",)
    assert dtypes_asked("value", RELU, "x64", Selection()) == ("float32", "float64")


def test_a_spelling_that_looks_the_function_up_leaves_compilers_to_it(lattices: Lattices) -> None:
    named = Everything(bindings=(Binding("relu", "every.relu"), Binding("relu", "every.Named", by_name=True)))

    def modes(entry_point: str, tier: str) -> set[str]:
        cases = cases_of(plan_for(named, "default", Selection(tier=tier), lattices))
        return {case.mode for case in cases if case.entry_point == entry_point}

    assert modes("every.Named", "default") == {"eager"}
    assert modes("every.relu", "default") == modes("every.Named", "deep") == set(MODES)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_rule_is_asked_in_some_dtype_and_no_row_answers_a_rule_that_nobody_has(function: Any) -> None:
    rules = rules_of(function)
    assert [rule.id for rule in rules if not dtypes_asked(rule.name, Everything(), "default", Selection())] == []
    names = {rule.name for of in FUNCTIONS.values() for rule in rules_of(of)}
    for row in PLAN:
        for answered in row.rules:
            assert any(name == answered or name.startswith(answered) for name in names), answered


def kind(function: Function) -> tuple[bool, ...]:
    """What the plan distinguishes functions by."""
    learnt = any(parameter.learnt for parameter in function.parameters)
    return bool(function.parameters), learnt, bool(function.drawn), bool(function.domain), bool(function.invalid)


OF_A_KIND = {
    (rule.name, kind(function)): (function, rule) for function in FUNCTIONS.values() for rule in rules_of(function)
}
"""Every name of a rule with one function of each kind that has it."""


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in OF_A_KIND))
def test_what_a_rule_is_asked_in_is_what_the_plan_asks(name: str, lattices: Lattices) -> None:
    """The matrix waits for a result in each of these dtypes."""
    for function, rule in (pair for (of, _), pair in OF_A_KIND.items() if of == name):
        backend = Everything((function.name,))
        selection = Selection(rules=(rule.id,), tier="quick")
        cases = cases_of(plan_for(backend, "default", selection, lattices))
        assert {case.dtype for case in cases} >= set(dtypes_asked(rule.name, Everything(), "default", selection)), (
            rule.id
        )


def test_a_rule_is_awaited_only_in_the_dtypes_of_the_rows_that_answer_it() -> None:
    def everywhere(rule: str) -> tuple[str, ...]:
        return dtypes_asked(rule, Everything(), "default", Selection())

    assert everywhere("value") == everywhere("shape") == everywhere("invariance.entry_point") == tuple(FORMATS)
    assert (
        everywhere("invariance.length")
        == everywhere("gradient.cotangent")
        == everywhere("shape.scalar")
        == ("bfloat16", "float32")
    )
    assert everywhere("gradient.forward") == ("bfloat16", "float32")
    assert everywhere("errors.argument") == ("float32",)
    assert everywhere("dtype.integer") == INTEGERS
    assert dtypes_asked("errors.argument", Everything(), "x64", Selection()) == ()
    assert dtypes_asked("value", Everything(), "default", Selection(rules=("errors",))) == ()


def test_what_answers_are_held_against_is_asked_with_them(lattices: Lattices) -> None:
    for rule in ("invariance.length", "relu.gradient.cotangent"):
        cases = cases_of(plan_for(RELU, "default", Selection(rules=(rule,), tier="quick"), lattices))
        assert "lattice" in {case.topic for case in cases}


def test_ids_are_unique_and_do_not_depend_on_who_is_asked_before(oracle: Oracle, lattices: Lattices) -> None:
    alone = plan_for(RELU, "default", Selection(), Few(oracle))
    plan_for(LEAKY, "default", Selection(), lattices)
    after = plan_for(RELU, "default", Selection(), lattices)
    ids = [case.id for case in cases_of(alone)]
    assert len(set(ids)) == len(ids) > 200
    assert ids == [case.id for case in cases_of(after)]
    assert alone.blobs == after.blobs
    within = plan_for(
        Everything(("relu", "leaky_relu")), "default", Selection(functions=("leaky_relu", "relu")), lattices
    )
    assert [group.id for group in within.groups] == ["relu/every.relu", "leaky_relu/every.leaky_relu"], (
        "the standard's order"
    )
    assert [case.id for case in within.groups[0].cases] == ids


def test_a_selection_leaves_the_ids_of_what_it_keeps(lattices: Lattices) -> None:
    everything = {case.id for case in cases_of(plan_for(RELU, "default", Selection(), lattices))}
    for selection in (
        Selection(dtypes=("float64",)), Selection(modes=("compiled",)), Selection(rules=("relu.kink.0",)), Selection(rules=("errors",)),
    ):  # fmt: skip
        some = {case.id for case in cases_of(plan_for(RELU, "default", selection, lattices))}
        assert some < everything
        assert some


def test_every_input_has_its_bytes_and_they_have_its_size(lattices: Lattices) -> None:
    plan = plan_for(SOFTPLUS, "default", Selection(tier="quick"), lattices)
    widths = {name: format.width // 8 for name, format in FORMATS.items()} | {
        "bool": 1,
        "int8": 1,
        "uint8": 1,
        "int32": 4,
        "int64": 8,
    }
    for case in cases_of(plan):
        for item in (*case.inputs, *([case.cotangent] if case.cotangent else [])):
            data = plan.blobs[item.blob]
            assert blob_hash(data) == item.blob
            assert len(data) == int(np.prod(item.shape)) * widths[item.dtype]
            assert item.dtype == case.dtype


def by_topic(cases: Iterable[Case], topic: str) -> list[Case]:
    return [case for case in cases if case.topic == topic]


def test_arrangements_are_what_the_table_of_design_says(lattices: Lattices) -> None:
    cases = by_topic(
        cases_of(plan_for(RELU, "default", Selection(dtypes=("float32",), modes=("eager",)), lattices)), "arrangement"
    )
    details = [case.detail for case in cases if case.quantity == "value"]
    assert {f"length-{n}" for n in (*LENGTHS["default"], COMMON_SIZE)} <= set(details)
    assert {f"position-{n}" for n in SHIFTS} <= set(details)
    assert details.count("empty") == len(EMPTY_SHAPES)
    assert {f"layout-{view}" for view in RELU.views if view != "contiguous"} <= set(details)
    assert {case.inputs[0].view for case in cases} == set(RELU.views)
    assert {len(case.inputs[0].shape) for case in cases} == {0, 1, 2, 3, 4}
    deep = by_topic(
        cases_of(plan_for(RELU, "default", Selection(tier="deep", dtypes=("float32",)), lattices)), "arrangement"
    )
    assert {f"length-{n}" for n in range(1, 71)} <= {case.detail for case in deep}


def test_an_in_place_form_is_asked_no_broadcast_view(lattices: Lattices) -> None:
    inplace = Binding("relu", "every.relu_", form="inplace")
    plan = plan_for(Everything(bindings=(inplace,)), "default", Selection(tier="quick"), lattices)
    views = {case.inputs[0].view for case in cases_of(plan)}
    assert "broadcast" not in views
    assert "transposed" in views


def test_parameters_are_asked_all_eager_and_the_extremes_elsewhere(lattices: Lattices) -> None:
    cases = by_topic(cases_of(plan_for(SOFTPLUS, "default", Selection(dtypes=("float32",)), lattices)), "lattice")
    samples = FUNCTIONS["softplus"].samples()
    for mode in MODES:
        asked: list[dict[str, float]] = []
        asked += [dict(case.parameters) for case in cases if case.mode == mode and case.quantity == "value"]
        assert asked == (samples if mode == "eager" else extremes(samples))
    assert all(case.arguments == {f"the_{name}": value for name, value in case.parameters.items()} for case in cases)


def test_extremes_are_the_first_and_the_ends_of_every_parameter() -> None:
    samples = [
        {"a": 2.0, "b": 0.0},
        {"a": 1.0, "b": 0.0},
        {"a": 3.0, "b": 0.0},
        {"a": 2.5, "b": 0.0},
        {"a": 2.0, "b": 9.0},
    ]
    assert extremes(samples) == [samples[0], samples[1], samples[2], samples[4]]
    assert extremes([{}]) == [{}]
    assert extremes([]) == []


def test_an_entry_point_is_asked_only_what_it_offers(lattices: Lattices) -> None:
    taken = {"parameters": {"beta": "beta"}, "defaults": {"beta": 1.0}}
    fixed = Binding("softplus", "every.softplus", fixed={"threshold": 20.0}, **taken)
    cases = cases_of(plan_for(Everything(bindings=(fixed,)), "default", Selection(tier="quick"), lattices))
    lattice = by_topic(cases, "lattice")
    assert {case.parameters["threshold"] for case in lattice} == {20.0}
    assert {case.parameters["beta"] for case in lattice} == {1.0, 3.0}, "the sample with threshold 20, and the pair"
    assert all(set(case.arguments) == {"beta"} for case in lattice)
    bare = by_topic(cases, "defaults")
    assert [dict(case.parameters) for case in bare] == [{"beta": 1.0, "threshold": 20.0}]
    assert bare[0].arguments == {}
    required = replace(fixed, defaults={})
    cases = cases_of(plan_for(Everything(bindings=(required,)), "default", Selection(tier="quick"), lattices))
    assert by_topic(cases, "defaults") == [], "what must be passed has no bare call"


def test_modes_of_a_tier_and_slow_compilers() -> None:
    slow = Everything(slow_modes=("compiled",))
    assert modes_of(slow, Selection(tier="quick")) == ("eager",)
    assert modes_of(slow, Selection()) == ("eager", "graph")
    assert modes_of(slow, Selection(tier="deep")) == MODES
    assert modes_of(slow, Selection(modes=("compiled",))) == ("compiled",)
    assert modes_of(Everything(modes=("eager",)), Selection(modes=("compiled",))) == ()


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        (Selection(dtypes=("float16",)), lambda case: case.dtype == "float16"),
        (Selection(dtypes=("float32", "int8")), lambda case: case.dtype in ("float32", "int8")),
        (Selection(modes=("graph",)), lambda case: case.mode == "graph"),
        (Selection(tier="quick"), lambda case: case.mode == "eager" and case.dtype in ("float32", *INTEGERS)),
        (Selection(rules=("relu.errors",)), lambda case: case.topic == "error" and case.function == "relu"),
        (Selection(rules=("inplace", "dtype.integer")), lambda case: case.topic in ("purity", "integer")),
        (Selection(functions=("relu",)), lambda case: case.function == "relu"),
    ],
    ids=lambda value: repr(value).removeprefix("Selection") if isinstance(value, Selection) else None,
)  # fmt: skip
def test_a_selection_keeps_what_it_names_and_all_of_it(selection: Selection, kept: Any, lattices: Lattices) -> None:
    backend = Everything(("relu", "hard_swish"))
    everything = cases_of(plan_for(backend, "default", Selection(tier=selection.tier), lattices))
    some = cases_of(plan_for(backend, "default", selection, lattices))
    assert [case.id for case in some] == [case.id for case in everything if kept(case)]


@pytest.mark.parametrize("name", registry.BACKENDS)
def test_the_plans_of_the_real_bindings_repeat_no_question(name: str, lattices: Lattices) -> None:
    cases = cases_of(
        plan_for(
            registry.backend(name), "default", Selection(tier="quick", rules=("errors", "defaults", "shape")), lattices
        )
    )
    assert len({case.id for case in cases}) == len(cases) > 50


def test_short_arguments_hold_the_kinks_and_integers_their_ends(lattices: Lattices) -> None:
    """A vector loop and its tail may disagree just there, and arithmetic in the integers themselves would wrap."""
    plan = plan_for(Everything(("hard_swish",)), "default", Selection(tier="quick"), lattices)
    (short,) = {c.inputs[0].blob for c in cases_of(plan) if c.detail == "length-67" and c.dtype == "float32"}
    numbers = np.frombuffer(plan.blobs[short], dtype=np.float32)
    assert {-3.0, 3.0} <= set(numbers.tolist())
    for dtype in ("int8", "uint8", "int32", "int64"):
        (blob,) = {c.inputs[0].blob for c in by_topic(cases_of(plan), "integer") if c.dtype == dtype}
        asked = np.frombuffer(plan.blobs[blob], dtype=dtype)
        assert {np.iinfo(dtype).min, np.iinfo(dtype).max} <= set(asked.tolist())


def test_a_parameter_that_is_a_tensor_follows_x_with_the_sampled_number(lattices: Lattices) -> None:
    plan = plan_for(PRELU, "default", Selection(dtypes=("float32", "int32")), lattices)
    for case in cases_of(plan):
        assert case.arguments == {}
        if case.topic == "defaults":
            assert len(case.inputs) == 1, "a bare call has no slope"
            continue
        _, slope = case.inputs
        assert slope.dtype == "float32", "also beside whole numbers"
        numbers = np.frombuffer(plan.blobs[slope.blob], np.float32)
        if case.topic != "parameter":
            assert slope.shape == (1,)
            assert numbers == [case.parameters["slope"]]
        else:
            assert slope.shape in ((1,), case.inputs[0].shape[1:2])


def test_slopes_differ_and_every_format_holds_them(lattices: Lattices) -> None:
    plan = plan_for(PRELU, "default", Selection(), lattices)
    for case in cases_of(plan):
        if (
            case.topic == "parameter"
            and case.detail.startswith(("channels", "three"))
            and case.detail != "channels-lattice"
        ):
            x, slope = case.inputs
            numbers = values(
                np.frombuffer(plan.blobs[slope.blob], FORMATS[slope.dtype].bits_type), FORMATS[slope.dtype]
            )
            assert len(set(numbers.tolist())) == len(numbers) == x.shape[1]
            np.testing.assert_array_equal(numbers * 32, np.round(numbers * 32))


def test_what_draws_is_asked_about_draws_and_nothing_else(lattices: Lattices) -> None:
    cases = cases_of(plan_for(RRELU, "default", Selection(), lattices))
    for case in cases:
        assert (case.topic == "random") == (case.entry_point == "every.drawn.rrelu")
    drawn = [case for case in cases if case.topic == "random"]
    assert {tuple(case.parameters.values()) for case in drawn} == set(DRAWN)
    assert {case.inputs[0].shape for case in drawn if case.detail == "draws"} == {(DRAWS,)}
