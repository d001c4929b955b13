"""Putting run files together: what comes out is what went in, in any order; what does not belong together is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.cases.case import Case, Input, blob_hash
from conformance.cases.plan import Selection
from conformance.cases.shards import Shard, functions_of
from conformance.judge.run import judge_run
from conformance.observe import merging, merging_rows
from conformance.observe.merging import Merged, merge
from conformance.observe.observation import Observation, Output, Subject
from conformance.observe.runfile import RunFile, RunFileError
from conformance.observe.sharding import missing, record_of, remembered, told
from conformance.truth.cache import Oracle
from tests.judge.faults import always, scale
from tests.toy import Fault, MemoryRun, Toy, observe

FUNCTIONS = ("relu", "gelu", "silu", "softplus", "tanh", "elu")
PLAN = {"functions": [], "tier": "quick", "backends": ["torch"], "device": "cpu", "threads": 1}
META: dict[str, Any] = {
    "plan": PLAN, "standard": "abc", "nnconform": "0.1.0", "rules": [], "command": "nnconform run torch", "complete": True,
    "environment": {"platform": "Linux", "cpu_flags": ["avx", "avx2"]}, "bindings": {"torch": {"relu/torch.relu": {"function": "relu"}}},
}  # fmt: skip
TORCH = Subject(
    "torch", "torch", "default", "cpu", {"torch": "2.13", "numpy": "2.4"}, {"threads": 1, "cpu_flags": ["avx"]}
)


def answer(function: str, scale: float = 1.0, **changes: Any) -> tuple[Observation, dict[str, bytes]]:
    """An answer about a function, on a smooth line, and the bytes behind it."""
    x = np.linspace(-4, 4, 1000)
    y = np.tanh(x * scale * (1 + FUNCTIONS.index(function)))
    blobs = {blob_hash(one.tobytes()): one.tobytes() for one in (x, y)}
    argument, result = blobs
    case = Case(
        function,
        f"torch.{function}",
        "lattice",
        "value",
        "eager",
        "float64",
        {},
        {},
        (Input(argument, "float64", x.shape),),
    )
    observation = Observation("torch", case, "returned", (Output(result, "float64", y.shape),), seconds=0.25)
    return replace(observation, **changes), blobs


def written(
    path: Path, functions: Sequence[str] = FUNCTIONS, subject: Subject = TORCH, answers: Mapping[str, Any] | None = None, finish: bool = True,
    **meta: Any,
) -> Path:  # fmt: skip
    """A run file with the answers about these functions; `answers` has other ones by function."""
    with RunFile.create(path, {**META, **meta}) as run_file:
        run_file.add_subject(subject)
        run_file.set_public(subject.id, {"signatures": {"torch.relu": "(x)"}, "names": {}})
        answered = [(answers or {}).get(function) or answer(function) for function in functions]
        blobs = {name: data for _, stored in answered for name, data in stored.items()}
        state = ("group", {"rounding": "nearest"}, {"rounding": "nearest"})
        run_file.record(subject.id, [replace(one, subject=subject.id) for one, _ in answered], blobs, state)
        if finish:
            run_file.finish_subject(subject.id, subject.problem)
    return path


def shard(path: Path, number: int, of: int, functions: Sequence[str], subject: Subject = TORCH, **more: Any) -> Path:
    shards = record_of(number, of, {subject.id: functions})
    meta = {
        "plan": {**PLAN, "shard": f"{number}/{of}"},
        "shards": shards,
        "environment": {**META["environment"], "shard": told(shards)},
    }
    return written(path, functions, subject, **{**meta, **more})


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Three shards of one plan."""
    return [
        shard(tmp_path / f"{number}.nnconform", number, 3, FUNCTIONS[2 * number - 2 : 2 * number])
        for number in (1, 2, 3)
    ]


def content(path: Path, without: Sequence[str] = ()) -> dict[str, Any]:
    """Everything in a run file but the order of its rows."""
    with RunFile.open(path) as run_file:
        subjects = run_file.subjects()
        return {
            "meta": {key: value for key, value in run_file.meta().items() if key not in without},
            "subjects": [asdict(subject) for subject in subjects],
            "complete": [run_file.complete(subject.id) for subject in subjects],
            "public": [run_file.public(subject.id) for subject in subjects],
            "states": [sorted(map(repr, run_file.states(subject.id))) for subject in subjects],
            "answers": {
                (subject.id, one.case.id): (replace(one, case=None), [run_file.array(output).tobytes() for output in one.outputs],  # type: ignore[arg-type]
                                            [run_file.array(item).tobytes() for item in one.case.inputs])
                for subject in subjects for one in run_file.observations(subject.id)
            },
        }  # fmt: skip


def refused(paths: Sequence[Path], out: Path, *words: str) -> str:
    """The sentence with which these files are refused; nothing is left behind."""
    before = sorted(out.parent.iterdir())
    with pytest.raises(RunFileError) as error:
        merge(paths, out)
    assert sorted(out.parent.iterdir()) == before
    assert [word for word in words if word not in str(error.value)] == [], str(error.value)
    return str(error.value)


def test_all_shards_are_the_whole_run(shards: list[Path], tmp_path: Path) -> None:
    merged = merge(shards, tmp_path / "all.nnconform")
    assert merged == Merged(merged.subjects, 6, (), ())
    whole = written(tmp_path / "whole.nnconform")
    assert content(tmp_path / "all.nnconform", ("parts", "interrupted")) == content(whole)


def test_the_comparison_of_contents_can_fail(tmp_path: Path) -> None:
    whole = content(written(tmp_path / "whole.nnconform"))
    assert content(written(tmp_path / "less.nnconform", FUNCTIONS[1:])) != whole
    assert content(written(tmp_path / "other.nnconform", answers={"gelu": answer("gelu", 2.0)})) != whole
    assert content(written(tmp_path / "meta.nnconform", standard="x")) != whole


def test_the_order_in_which_files_are_named_does_not_matter(shards: list[Path], tmp_path: Path) -> None:
    found = []
    for number, order in enumerate(permutations(shards)):
        merge(order, tmp_path / f"m{number}.nnconform")
        found.append(content(tmp_path / f"m{number}.nnconform"))
    assert all(one == found[0] for one in found)


def test_what_was_merged_can_be_merged(shards: list[Path], tmp_path: Path) -> None:
    two = merge(shards[:2], tmp_path / "two.nnconform")
    assert two.lacking == ("shard 3 of 3 of torch is missing",)
    with RunFile.open(tmp_path / "two.nnconform") as run_file:
        meta = run_file.meta()
        assert (meta["complete"], meta["plan"]["shard"], meta["environment"]["shard"]) == (
            False,
            "1 and 2 of 3",
            "1 and 2 of 3",
        )
        assert remembered(meta)["torch"]["functions"] == sorted(FUNCTIONS[:4])
    assert merge([shards[2], tmp_path / "two.nnconform"], tmp_path / "three.nnconform").lacking == ()
    merge(shards, tmp_path / "all.nnconform")
    assert content(tmp_path / "three.nnconform") == content(tmp_path / "all.nnconform")
    # The same again adds nothing.
    merge([tmp_path / "all.nnconform", *shards], tmp_path / "again.nnconform")
    assert content(tmp_path / "again.nnconform", ("parts",)) == content(tmp_path / "all.nnconform", ("parts",))


def test_runs_of_different_backends_are_put_side_by_side(tmp_path: Path) -> None:
    jax = replace(TORCH, id="jax", backend="jax", versions={"jax": "0.10"})
    one = written(tmp_path / "torch.nnconform")
    other = written(tmp_path / "jax.nnconform", subject=jax, plan={**PLAN, "backends": ["jax"]}, bindings={"jax": {"relu/jax": {}}}, command="b")  # fmt: skip
    merged = merge([one, other], tmp_path / "both.nnconform")
    assert [subject.id for subject in merged.subjects] == ["jax", "torch"]
    assert merged.lacking == ()
    with RunFile.open(tmp_path / "both.nnconform") as run_file:
        meta = run_file.meta()
        assert meta["plan"] == {**PLAN, "backends": ["jax", "torch"]}
        assert set(meta["bindings"]) == {"jax", "torch"}
        assert [part["command"] for part in meta["parts"]] == ["b", META["command"]]
        assert {one.case.id for one in run_file.observations("jax")} == {
            one.case.id for one in run_file.observations("torch")
        }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"standard": "other"}, ("the standard is ", "abc", "other in the ")),
        ({"nnconform": "0.2.0"}, ("version of nnconform", "0.1.0", "0.2.0")),
        ({"plan": {**PLAN, "tier": "default"}}, ("tier of the plan is ", "quick", "default", " in the other")),
        ({"plan": {**PLAN, "functions": ["relu"]}}, ("functions of the plan", "all", "relu")),
        ({"plan": {**PLAN, "device": "cuda"}}, ("device of the plan", "cpu", "cuda")),
        ({"bindings": {"torch": {"relu/torch.relu": {"function": "relu6"}}}}, ("entry point relu/torch.relu of torch", "relu6")),
        ({"rules": ["nan"]}, ("list of rules",)),
        ({"subject": replace(TORCH, versions={"torch": "2.14", "numpy": "2.4"})}, ("torch is torch 2.1", "2.13", "2.14", "history")),
        ({"subject": replace(TORCH, device="cuda")}, ("torch has the device ", "cpu", "cuda")),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(
    change: dict[str, Any], words: tuple[str, ...], tmp_path: Path
) -> None:
    one = written(tmp_path / "a.nnconform", FUNCTIONS[:3])
    other = written(tmp_path / "b.nnconform", FUNCTIONS[3:], **change)
    said = refused(
        [one, other], tmp_path / "out.nnconform", "a.nnconform", "b.nnconform", "can't be put together", *words
    )
    assert "\n" not in said


def test_shards_of_two_splits_are_refused(shards: list[Path], tmp_path: Path) -> None:
    other = shard(tmp_path / "b.nnconform", 2, 4, FUNCTIONS[2:3])
    refused([shards[0], other], tmp_path / "out.nnconform", "torch was split into ", "3", "4")


def test_the_same_question_with_two_answers_is_refused_and_named(tmp_path: Path) -> None:
    one = written(tmp_path / "a.nnconform")
    other = written(tmp_path / "b.nnconform", answers={"gelu": answer("gelu", 2.0)})
    refused(
        [one, other],
        tmp_path / "out.nnconform",
        "different bits for gelu through torch.gelu value float64 eager",
        "topic lattice",
    )
    failed = answer("gelu", outcome="raised", error_type="ValueError", outputs=())
    third = written(tmp_path / "c.nnconform", answers={"gelu": failed})
    refused([one, third], tmp_path / "out.nnconform", "different outcomes (", "raised ValueError", "returned")


def test_time_and_wording_make_no_other_answer(tmp_path: Path) -> None:
    raised: dict[str, Any] = {"outcome": "raised", "error_type": "ValueError", "outputs": ()}
    one = written(
        tmp_path / "a.nnconform", answers={"gelu": answer("gelu", message="at 0x7f01", seconds=3.0, **raised)}
    )
    other = written(tmp_path / "b.nnconform", answers={"gelu": answer("gelu", message="at 0x7f02", **raised)})
    for number, order in enumerate([(one, other), (other, one)]):
        assert merge(order, tmp_path / f"m{number}.nnconform").observations == 6
    assert content(tmp_path / "m0.nnconform") == content(tmp_path / "m1.nnconform")


@pytest.mark.parametrize("turned", [False, True])
def test_what_could_not_be_asked_in_one_has_its_answer_from_the_other(turned: bool, tmp_path: Path) -> None:
    silent = answer("gelu", outcome="could_not_run", outputs=(), message="no such module")
    paths = [written(tmp_path / "a.nnconform"), written(tmp_path / "b.nnconform", answers={"gelu": silent})]
    merge(paths[::-1] if turned else paths, tmp_path / "out.nnconform")
    with RunFile.open(tmp_path / "out.nnconform") as run_file:
        assert {one.outcome for one in run_file.observations("torch")} == {"returned"}


def test_other_processor_flags_are_kept_and_told(shards: list[Path], tmp_path: Path) -> None:
    elsewhere = replace(TORCH, environment={"threads": 1, "cpu_flags": ["avx", "avx512"]})
    other = shard(
        tmp_path / "x.nnconform",
        3,
        3,
        FUNCTIONS[4:],
        elsewhere,
        environment={"platform": "Linux", "cpu_flags": ["avx512", "avx"]},
    )
    merged = merge([*shards[:2], other], tmp_path / "all.nnconform")
    (warning,) = merged.warnings
    assert "torch was asked on machines whose cpu flags differ" in warning
    assert "x.nnconform" in warning
    with RunFile.open(tmp_path / "all.nnconform") as run_file:
        meta = run_file.meta()
        assert meta["environment"] == {
            "platform": "Linux",
            "cpu_flags": ["avx"],
            "cpu_flags_not_everywhere": ["avx2", "avx512"],
        }
        assert run_file.subjects()[0].environment["differs_between_parts"] == ["cpu_flags"]
        flags = [part["subjects"]["torch"]["cpu_flags"] for part in meta["parts"]]
        assert sorted(flags) == [["avx"], ["avx"], ["avx", "avx512"]]


def test_an_interrupted_run_leaves_the_whole_incomplete(shards: list[Path], tmp_path: Path) -> None:
    broken = shard(tmp_path / "x.nnconform", 3, 3, FUNCTIONS[4:5], finish=False, complete=False)
    merged = merge([*shards[:2], broken], tmp_path / "all.nnconform")
    assert merged.lacking == (f"{broken} was interrupted: torch did not come to an end",)
    with RunFile.open(tmp_path / "all.nnconform") as run_file:
        assert run_file.meta()["complete"] is False
        assert not run_file.complete("torch")


def test_blobs_that_rest_on_each_other_the_other_way_round_are_all_there(tmp_path: Path) -> None:
    answers = {name: answer(name, 1 + 1e-12 * place) for place, name in enumerate(FUNCTIONS)}
    twins = {}
    for name, (observation, blobs) in answers.items():
        argument = answers["relu"][0].outputs[0].blob  # an answer in one file is asked with in the other
        case = replace(observation.case, inputs=(Input(argument, "float64", (1000,)),), detail="twin")
        twins[name] = (replace(observation, case=case), {**blobs, **answers["relu"][1]})
    one, other, third = (
        written(tmp_path / "a.nnconform", FUNCTIONS, answers=answers), written(tmp_path / "b.nnconform", FUNCTIONS[::-1], answers=answers),
        written(tmp_path / "c.nnconform", FUNCTIONS[::-1], answers=twins),
    )  # fmt: skip
    for number, order in enumerate(permutations([one, other, third])):
        out = tmp_path / f"m{number}.nnconform"
        merge(order, out)
        with RunFile.open(out) as run_file:
            seen = list(run_file.observations("torch"))
            assert len(seen) == 12
            for observation in seen:
                expected = answers[observation.case.function][1]
                assert run_file.array(observation.outputs[0]).tobytes() == expected[observation.outputs[0].blob]


def test_nothing_is_overwritten(shards: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    refused(shards, tmp_path / "out", "is already there and is not overwritten: give another --out")
    assert (tmp_path / "out").read_text() == "mine"


def test_who_takes_the_name_meanwhile_keeps_it(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(path: Path, *rest: Any) -> int:
        (tmp_path / "out").write_text("mine")
        return 0

    monkeypatch.setattr(merging, "filled", late)
    with pytest.raises(RunFileError, match="already there"):
        merge(shards, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("end", [KeyboardInterrupt, sqlite3.OperationalError("database or disk is full")])
def test_a_merge_that_ends_early_leaves_nothing(
    end: Any, shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tmp_path.iterdir())

    def fail(*_: Any) -> None:
        raise end

    monkeypatch.setattr(merging_rows, "_copy_blobs", fail)
    with pytest.raises((KeyboardInterrupt, RunFileError)) as error:
        merge(shards, tmp_path / "out")
    assert end is KeyboardInterrupt or "has no room for the merged file" in str(error.value)
    assert sorted(tmp_path.iterdir()) == before


LOSING = {
    "observation": "DELETE FROM main.observation WHERE case_ = (SELECT min(case_) FROM main.observation)",
    "blob": "DELETE FROM main.blob WHERE number = (SELECT max(number) FROM main.blob)",
}


@pytest.mark.parametrize("table", LOSING)
def test_a_row_that_gets_lost_is_noticed(
    table: str, shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = merging_rows._copy_blobs

    def spoil(connection: sqlite3.Connection, part: Any) -> None:
        copy(connection, part)
        connection.execute(LOSING[table])

    monkeypatch.setattr(merging_rows, "_copy_blobs", spoil)
    refused(shards, tmp_path / "out", "damaged")


@pytest.mark.parametrize("spoil", [
    "UPDATE observation SET subject = 7", "DELETE FROM case_ WHERE number = 1", "UPDATE observation SET data = '{'",
    "UPDATE meta SET value = '{\"torch\": 3}' WHERE key = 'shards'", "DELETE FROM blob", "DROP TABLE state",
])  # fmt: skip
def test_a_damaged_part_is_refused(spoil: str, shards: list[Path], tmp_path: Path) -> None:
    with sqlite3.connect(shards[1]) as connection:
        connection.execute(spoil)
    connection.close()
    refused([*shards, shards[1].with_name("1.nnconform")], tmp_path / "out", "damaged")


def test_what_is_no_run_file_is_refused(shards: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    refused([shards[0], tmp_path / "text"], tmp_path / "out", "text is not an nnconform run file")
    refused([shards[0], tmp_path / "nowhere"], tmp_path / "out", "nowhere was not found")


def test_shards_are_told_in_words() -> None:
    shards = record_of(2, 5, {"jax": ["relu"], "jax-x64": []})
    assert told(shards) == "2 of 5"
    assert missing(shards) == ["shards 1, 3, 4 and 5 of 5 of jax and jax-x64 are missing"]
    assert (
        told({**shards, "torch": {"of": 2, "present": [1], "functions": []}})
        == "jax 2 of 5; jax-x64 2 of 5; torch 1 of 2"
    )
    assert told({}) == ""
    assert remembered({"shards": json.loads(json.dumps(shards))}) == shards


def store(run: MemoryRun, path: Path, functions: Sequence[str]) -> Path:
    """A run held in memory as a run file, with what it holds of these functions."""
    with RunFile.create(path, {**META, "plan": {}, "bindings": run.meta()["bindings"]}) as run_file:
        run_file.add_subject(run.subject)
        run_file.record("toy", [one for one in run.asked if one.case.function in functions], run.blobs)
        run_file.finish_subject("toy")
    return path


def test_the_toys_shards_come_to_the_same_results_as_the_toy(oracle: Oracle, tmp_path: Path) -> None:
    fault = Fault("half", ("relu", "leaky_relu", "relu6"), (), strike=scale(always, 0.5))
    toy: Any = Toy(oracle, fault)
    selection = Selection(
        functions=fault.functions, rules=("value",), dtypes=("float32",), modes=("eager",), tier="quick"
    )
    run = observe(toy, selection, oracle, whole=False)
    parts = [store(run, tmp_path / f"{n}", functions_of(Shard(n, 2), toy, "default", selection)) for n in (1, 2)]
    merge(parts, tmp_path / "all")
    judged = []
    for path in (store(run, tmp_path / "whole", fault.functions), tmp_path / "all"):
        with RunFile.open(path) as run_file:
            judged.append(judge_run(run_file, oracle))
    assert judged[0].findings
    assert len({result.function for result in judged[0].results}) == 3
    # As text, because no NaN is equal to itself.
    assert [repr(one) for one in judged[0].results] == [repr(one) for one in judged[1].results]
    assert [repr(one) for one in judged[0].findings] == [repr(one) for one in judged[1].findings]
    assert judged[0].totals == judged[1].totals
