"""Comparing two runs: what changed is told, once, in the right function and direction; and nothing else is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import blob_hash
from conformance.formats import FORMATS
from conformance.judge.comparison.changes import KINDS, fails
from conformance.judge.comparison.movements import steps_between
from conformance.judge.expectations import Cause
from conformance.observe.observation import Observation, Output
from conformance.truth.cache import Oracle
from tests.toy import NO_FAULT, Fault

from .compared import Edit, Pairs
from .faults import GRADIENT, VALUE, at, nudge, put, scale

FLOAT32 = FORMATS["float32"]


@pytest.fixture(scope="module")
def pairs(oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return Pairs(oracle, tmp_path_factory.mktemp("compared"))


def raised(one: Observation, kind: str, message: str = "no") -> Observation:
    return replace(one, outcome="raised", outputs=(), after=None, error_type=kind, message=message)


# --- nothing -------------------------------------------------------------------------------------------------------------


def test_two_identical_runs_compare_to_nothing(pairs: Pairs) -> None:
    compared = pairs.edited(lambda one: replace(one, seconds=one.seconds + 1))
    assert compared.is_nothing
    assert compared.unlike == ()
    (pair,) = compared.subjects
    assert pair.shared == pair.equal > 10
    assert pair.moved == (("toy", "1.0", "2.0"),)
    assert not any(fails(compared, on) for on in ("worse", "changed", "none"))


def test_the_payload_of_a_nan_is_no_change(pairs: Pairs) -> None:
    fault = Fault(
        "other NaN",
        ("relu",),
        (),
        strike=lambda asked, bits: np.where(_is_nan(bits), bits | 1, bits).astype(bits.dtype),
    )
    assert pairs.changes(fault) == ()


def _is_nan(bits: Any) -> Any:
    return (bits & 0x7FFFFFFF) > 0x7F800000


# --- verdicts and bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backwards", [False, True])
def test_a_planted_fault_is_one_change_in_its_function(pairs: Pairs, backwards: bool) -> None:
    """The toy has three entry points that answer alike: all of them are one change, with its derivative."""
    fault = Fault(
        "tail cut off",
        ("gelu", "relu"),
        (),
        strike=lambda asked, bits: put(VALUE, lambda a, x: (x < -2) & np.isfinite(x) & (a.function == "gelu"), 0.0)(
            asked, bits
        ),
    )
    (change,) = pairs.changes(fault, backwards)
    assert (change.kind, change.function) == ("better" if backwards else "worse", "gelu")
    assert change.entry_points == ("toy.alias.gelu", "toy.gelu", "toy.gelu_")
    assert change.severity == "wrong"
    assert change.worst is not None
    seen = (change.worst.old, change.worst.new)[:: -1 if backwards else 1]
    assert (seen[0].verdict, seen[1].verdict) == ("conforms", "deviates")
    assert seen[1].observed == "0.0"
    assert seen[1].observed_bits == "0x00000000"
    assert seen[0].ulp <= 0.5 < seen[1].ulp
    assert float(change.worst.input[0]) < -2
    assert "0.0" in change.message


def test_bits_alone(pairs: Pairs) -> None:
    """One ULP on the right of zero: on how many inputs, how far, where, and what became of the error."""
    fault = Fault("one ulp", ("gelu",), (), strike=nudge(VALUE, 1, lambda x: (x >= 0.5) & (x <= 4)))
    (change,) = pairs.changes(fault)
    assert change.kind == "bits"
    moved = change.bits
    assert moved is not None
    assert moved.distance == 1
    assert 0 < moved.changed < moved.asked
    assert 0.5 <= moved.low < moved.high <= 4
    assert moved.errors[0] <= 0.5 < moved.errors[1] <= 1.5
    assert "by at most 1 ULP" in change.message
    assert "largest error was 0.50 ULP" in change.message
    assert not change.is_worse


@pytest.mark.parametrize(("rules", "unstable"), [("gelu.value", True), ("gelu.value", False), ("relu.value", True)])
def test_what_is_known_to_be_another_number_at_each_call_is_a_sentence(
    pairs: Pairs, rules: str, unstable: bool
) -> None:
    fault = Fault("one ulp", ("gelu",), (), strike=nudge(VALUE, 1, lambda x: (x >= 0.5) & (x <= 4)))
    cause = Cause("toy", "by-chance", "bug", "Why.", "https://example.org/1", (rules,), unstable=unstable)
    files = [pairs.run_file(pairs.observed(one)) for one in (replace(NO_FAULT, functions=("gelu",)), fault)]
    found = pairs.compared(*files, causes=(cause,))
    known = unstable and rules == "gelu.value"
    assert bool(found.changes) != known
    assert any("at each call, as is known (by-chance)" in sentence for sentence in found.unlike) == known


def test_worse_than_wrong_is_worse(pairs: Pairs) -> None:
    """Beyond the bar before, and ten times as far now."""
    before, after = (
        Fault(f"off by {factor}", ("gelu",), (), strike=scale(VALUE, factor, lambda x: x > 1))
        for factor in (1 + 2e-5, 1 + 2e-4)
    )
    files = [pairs.run_file(pairs.observed(fault)) for fault in (before, after)]
    assert [change.kind for change in pairs.compared(*files).changes] == ["worse"]
    assert [change.kind for change in pairs.compared(*files[::-1]).changes] == ["better"]


def test_an_odd_entry_point_is_told_apart(pairs: Pairs) -> None:
    fault = Fault(
        "alias alone",
        ("relu",),
        (),
        strike=lambda asked, bits: scale(VALUE, 2.0)(asked, bits) if asked.entry_point == "toy.alias.relu" else bits,
    )
    (change,) = pairs.changes(fault)
    assert change.entry_points == ("toy.alias.relu",), "what follows from it for the others is no change of theirs"


def test_a_derivative_is_told_apart_from_a_value_that_stayed(pairs: Pairs) -> None:
    (change,) = pairs.changes(Fault("slope", ("gelu",), (), strike=scale(GRADIENT, 1.01)))
    assert change.kind == "worse"
    assert change.rules[0].startswith("gradient")


def test_the_choice_at_a_kink_is_a_convention(pairs: Pairs) -> None:
    (change,) = pairs.changes(Fault("kink", ("relu",), (), strike=put(GRADIENT, at(0.0), 1.0)))
    assert (change.kind, change.rules) == ("convention changed", ("kink.0.convention",))


# --- other kinds ---------------------------------------------------------------------------------------------------------


def test_a_call_that_raises_now_is_worse(pairs: Pairs) -> None:
    (change,) = pairs.edited(
        lambda one: raised(one, "RuntimeError", "broken") if one.case.topic == "lattice" else one
    ).changes
    assert (change.kind, change.function, change.severity) == ("worse", "relu", "wrong")
    assert change.message.startswith("value: RuntimeError: broken; was float32")


@pytest.mark.parametrize(
    ("quantity", "kinds"),
    [("value", ("dtype refused", "dtype supported")), ("gradient", ("derivative refused", "derivative supported"))],
)
def test_what_is_refused_now(pairs: Pairs, quantity: str, kinds: tuple[str, str]) -> None:
    run = pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",)))

    def lacks(one: Observation) -> Observation:
        asked = one.case.topic == "lattice" and one.case.quantity == quantity
        return (
            replace(raised(one, "NotImplementedError", "lacks this dtype"), outcome="not_supported") if asked else one
        )

    files = [pairs.run_file(run), pairs.run_file(run, edit=lacks)]
    (refused,) = pairs.compared(*files).changes
    (supported,) = pairs.compared(*files[::-1]).changes
    assert (refused.kind, supported.kind) == kinds
    assert refused.is_worse
    assert not supported.is_worse
    assert refused.dtypes == ("float32",)


def test_entry_points_that_go_are_told_by_name(pairs: Pairs) -> None:
    def without(one: Observation) -> Observation:
        gone = one.case.entry_point == "toy.alias.relu"
        return (
            replace(one, outcome="not_provided", outputs=(), after=None, message="no toy.alias.relu") if gone else one
        )

    (change,) = pairs.edited(without).changes
    assert (change.kind, change.entry_points) == ("entry point gone", ("toy.alias.relu",))
    assert change.message == "toy.alias.relu is not there any more"


def test_another_exception_in_many_functions_is_one_change(pairs: Pairs) -> None:
    functions = ("relu", "gelu", "sigmoid", "tanh", "softsign")
    compared = pairs.edited(
        lambda one: replace(one, error_type="ValueError") if one.outcome == "raised" else one, functions
    )
    assert compared.changes
    assert {change.kind for change in compared.changes} == {"error changed"}
    assert all(change.function == "*" and set(change.functions) == set(functions) for change in compared.changes)


def test_other_words_are_counted(pairs: Pairs) -> None:
    compared = pairs.edited(lambda one: replace(one, message="put otherwise") if one.outcome == "raised" else one)
    assert compared.changes == ()
    assert compared.subjects[0].messages > 0


def test_what_must_be_refused_and_is_accepted_is_worse(pairs: Pairs) -> None:
    (change,) = pairs.changes(Fault("None accepted", ("relu",), (), accepts=("argument",)))
    assert (change.kind, change.severity) == ("worse", "wrong")


def test_a_parameter_that_was_not_there_refused_nothing(pairs: Pairs) -> None:
    def lacks(one: Observation) -> Observation:
        if one.case.topic != "error" or one.outcome != "returned":
            return one
        return raised(one, "TypeError", "relu() got an unexpected keyword argument 'where'")

    accepts = pairs.observed(Fault("None accepted", ("relu",), (), accepts=("argument",)))
    files = [pairs.run_file(accepts, edit=lacks), pairs.run_file(accepts)]
    (appeared,) = pairs.compared(*files).changes
    (gone,) = pairs.compared(*files[::-1]).changes
    assert (appeared.kind, gone.kind) == ("error changed", "error changed")
    assert not appeared.is_worse


def test_another_default(pairs: Pairs) -> None:
    """The bare call changed, and the call with everything written out did not; a signature that says so belongs to it."""
    right = pairs.observed(Fault("none", ("leaky_relu",), ()))
    other = pairs.observed(Fault("another default", ("leaky_relu",), (), defaults={"slope": 0.3}))
    names = [f"toy.{one}leaky_relu{end}" for one, end in (("", ""), ("alias.", ""), ("", "_"))]
    public = [
        {
            "signatures": {name: [["x", "positional_only"], ["slope", "keyword_only", default]] for name in names},
            "names": {},
        }
        for default in ("0.01", "0.3")
    ]
    compared = pairs.compared(pairs.run_file(right, public=public[0]), pairs.run_file(other, public=public[1]))
    (change,) = compared.changes
    assert (change.kind, change.function) == ("default changed", "leaky_relu")
    assert change.notes == (f"{', '.join(sorted(names))}: default of `slope` changed from 0.01 to 0.3",)


def test_a_function_that_changed_has_no_other_default(pairs: Pairs) -> None:
    (change,) = pairs.changes(Fault("scaled", ("leaky_relu",), (), strike=scale(VALUE, 1.5, lambda x: x < 0)))
    assert change.kind == "worse"


def test_signatures(pairs: Pairs) -> None:
    run = pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",)))
    old = {
        "signatures": {
            "toy.relu": [["x", "positional_or_keyword"], ["out", "keyword_only", "None"]],
            "other.thing": [],
        },
        "names": {"toy": ["relu", "gone"]},
    }
    new = {
        "signatures": {
            "toy.relu": [["x", "positional_only"], ["axis", "keyword_only", "-1"]],
            "other.thing": [["x", "keyword_only"]],
        },
        "names": {"toy": ["mish", "relu"]},
    }
    compared = pairs.compared(pairs.run_file(run, public=old), pairs.run_file(run, public=new))
    assert sorted(change.message for change in compared.changes) == [
        "parameter `axis` appeared with default -1",
        "parameter `out` is gone",
        "parameter `x` is passed by position alone, and was by position or by name",
    ]
    assert {change.function for change in compared.changes} == {"relu"}, "and nothing of what no function is bound to"
    (names,) = compared.names
    assert (names.namespace, names.appeared, names.gone) == ("toy", ("mish",), ("gone",))


# --- like with like ------------------------------------------------------------------------------------------------------


def test_questions_that_one_side_was_not_asked(pairs: Pairs) -> None:
    compared = pairs.edited(lambda one: None if one.case.quantity == "gradient" else one)
    assert compared.changes == ()
    (sentence,) = compared.unlike
    assert sentence.startswith("toy: ")
    assert "questions only in OLD, about relu" in sentence
    assert compared.subjects[0].only_old > 0 == compared.subjects[0].only_new


def test_other_plans_machines_and_versions_are_sentences(pairs: Pairs) -> None:
    run = pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",)))
    plan = {
        "functions": ["relu"],
        "dtypes": [],
        "modes": [],
        "rules": [],
        "tier": "deep",
        "backends": ["toy"],
        "device": "cuda",
        "threads": 4,
    }
    old = pairs.run_file(run, environment={"cpu": "A", "cpu_flags": ["avx", "fma"], "threads": 1})
    new = pairs.run_file(
        run,
        environment={"cpu": "A", "cpu_flags": ["avx", "avx512"], "threads": 4},
        plan=plan,
        nnconform="2",
        complete=False,
    )
    compared = pairs.compared(old, new)
    told = " ".join(compared.unlike)
    for words in (
        "functions: all before, relu now",
        "tier: quick before, deep now",
        "device was cpu and is cuda",
        "had 1 threads and have 4",
        "nnconform was 1 and is 2",
        "features differ (avx512, fma)",
        "not complete in NEW",
    ):
        assert words in told
    assert compared.changes == ()
    assert compared.incomplete


def test_nothing_in_common(pairs: Pairs) -> None:
    run = pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",)))
    other = replace(run, subject=replace(run.subject, id="toy", backend="other"))
    compared = pairs.compared(pairs.run_file(run), pairs.run_file(other))
    assert compared.subjects == ()
    assert len(compared.unlike) == 2


# --- parts ---------------------------------------------------------------------------------------------------------------


def test_steps() -> None:
    old = np.array([0x3F800000, 0x80000000, 0x80000001, 0x7F7FFFFF, 0x7FC00000], dtype=np.uint32)
    new = np.array([0x3F800001, 0x00000000, 0x00000001, 0x7F800000, 0x3F800000], dtype=np.uint32)
    assert steps_between(old, new, FLOAT32).tolist() == [1, 0, 2, 1, np.inf]
    ends = np.array([0xFFEFFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF], dtype=np.uint64)
    assert steps_between(ends[:1], ends[1:], FORMATS["float64"])[0] == 2.0 * 0x7FEFFFFFFFFFFFFF


def test_ids_stay(pairs: Pairs) -> None:
    """Neither versions nor measured values are in an id; names are."""
    ids = [
        pairs.changes(Fault(f"off {factor}", ("sigmoid",), (), strike=scale(VALUE, factor)))[0].id
        for factor in (1.1, 1.2)
    ]
    assert ids[0] == ids[1]
    assert pairs.changes(Fault("off", ("relu",), (), strike=scale(VALUE, 1.1)))[0].id != ids[0]


def test_every_kind_says_what_it_means() -> None:
    assert all(meaning and not meaning.endswith(".") for meaning in KINDS.values())


def test_another_shape_is_one_change(pairs: Pairs) -> None:
    """Under the rule about shapes; that its numbers can't be compared is no change of its own."""

    def longer(one: Observation) -> Observation:
        if one.case.topic != "lattice" or one.case.quantity != "value":
            return one
        return replace(one, outputs=tuple(Output(o.blob, o.dtype, (*o.shape, 1)) for o in one.outputs))

    (change,) = pairs.edited(longer).changes
    assert (change.kind, change.rules) == ("worse", ("shape",))
    assert "became" in change.message


def test_another_dtype_of_the_result_is_told_once(pairs: Pairs) -> None:
    """Answers to float64 that were float32 become float64 and have the digits of float32 still, in every region."""
    run = pairs.observed(replace(NO_FAULT, functions=("sigmoid",), dtypes=("float64",)))

    def with_digits_of_float32(dtype: str) -> Edit:
        def edit(one: Observation) -> Observation:
            if one.outcome != "returned" or one.case.dtype != "float64" or one.case.topic == "error":
                return one
            outputs = []
            for output in one.outputs:
                rounded = np.frombuffer(run.blobs[output.blob], dtype=np.float64).astype(np.float32).astype(dtype)
                run.blobs[blob_hash(rounded.tobytes())] = rounded.tobytes()
                outputs.append(replace(output, blob=blob_hash(rounded.tobytes()), dtype=dtype))
            return replace(one, outputs=tuple(outputs))

        return edit

    files = [pairs.run_file(run, edit=with_digits_of_float32(dtype)) for dtype in ("float32", "float64")]
    changes = {change.kind: change for change in pairs.compared(*files).changes}
    assert len(changes) == len(pairs.compared(*files).changes)
    assert changes.keys() == {"worse", "better"}
    assert changes["worse"].message.startswith("the result changed, float32 → float64: ")
    assert {"dtype.preserved", "gradient.dtype"} == set(changes["better"].rules)
    assert {"value", "gradient"} <= set(changes["worse"].rules)
    # An error of float32 can't be given in ULP of float64.
    assert all(math.isnan(place.old.ulp) for place in changes["worse"].places)


def test_it_opens_run_files_without_signatures(pairs: Pairs, tmp_path: Path) -> None:
    run = pairs.observed(replace(NO_FAULT, functions=("relu",), dtypes=("float32",)))
    with_public = pairs.run_file(
        run, public={"signatures": {"toy.relu": [["x", "positional_only"]]}, "names": {"toy": ["relu"]}}
    )
    assert pairs.compared(pairs.run_file(run), with_public).is_nothing
