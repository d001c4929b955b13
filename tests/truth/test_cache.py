"""The oracle's memory: what is kept is what was computed, and nothing damaged or foreign is ever trusted."""

from __future__ import annotations

import errno
import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conformance.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Bits, Format, round_to
from conformance.standard import FUNCTIONS, TENSOR_FUNCTIONS, classification, real, surprise
from conformance.standard.real import Operand, Real
from conformance.truth import cache, oracle
from conformance.truth.cache import Oracle, Request, default_directory, key_of, pack, source_of, unpack

from .test_oracle import assert_same

SIGMOID = FUNCTIONS["sigmoid"]
LEAKY = FUNCTIONS["leaky_relu"]


def some_bits(format: Format, n: int = 50) -> Bits:
    return round_to(np.linspace(-9, 9, n), format)


@pytest.fixture
def no_computing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on whoever computes fails."""

    def forbid() -> None:
        def fail(*_: Any) -> None:
            raise AssertionError("computed, though it was to be had")

        monkeypatch.setattr(oracle, "table", fail)
        monkeypatch.setattr(oracle, "one_sided", fail)

    return forbid


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_what_comes_from_disk_is_what_was_computed(
    format: Format, tmp_path: Path, no_computing: Callable[[], None]
) -> None:
    special = np.array(
        [0, format.sign_bit, 1, format.infinity, format.quiet_nan, format.infinity - 1], dtype=format.bits_type
    )
    bits = np.concatenate([special, some_bits(format)])
    computed = oracle.table(SIGMOID, {}, format, bits)
    sided = oracle.one_sided(LEAKY, {"slope": 0.3}, format, bits, -1)
    first = Oracle(tmp_path)
    assert_same(first.table(SIGMOID, {}, format, bits), computed)
    assert_same(first.one_sided(LEAKY, {"slope": 0.3}, format, bits, -1), sided)
    no_computing()
    assert_same(first.table(SIGMOID, {}, format, bits), computed)
    second = Oracle(tmp_path)
    assert_same(second.table(SIGMOID, {}, format, bits), computed)
    assert_same(second.one_sided(LEAKY, {"slope": 0.3}, format, bits, -1), sided)


def test_without_a_directory_memory_is_enough(no_computing: Callable[[], None]) -> None:
    kept = Oracle(None)
    first = kept.table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    no_computing()
    assert kept.table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16)) is first


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MEMORY", 10_000)
    kept = Oracle(None)
    tables = [kept.table(LEAKY, {"slope": float(slope)}, FLOAT32, some_bits(FLOAT32)) for slope in range(1, 9)]
    assert kept.table(LEAKY, {"slope": 8.0}, FLOAT32, some_bits(FLOAT32)) is tables[-1]
    assert kept.table(LEAKY, {"slope": 1.0}, FLOAT32, some_bits(FLOAT32)) is not tables[0]


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def one_bit_flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def emptied(data: bytes) -> bytes:
    return b""


def foreign(data: bytes) -> bytes:
    return b"PK\x03\x04" + data[4:]


@pytest.mark.parametrize("damage", [truncated, one_bit_flipped, emptied, foreign], ids=lambda f: f.__name__)
def test_a_damaged_file_is_computed_again_and_mended(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    computed = Oracle(tmp_path).table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    (file,) = files_in(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert_same(Oracle(tmp_path).table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16)), computed)
    assert file.read_bytes() == whole


def test_a_file_under_another_name_is_not_believed(tmp_path: Path) -> None:
    kept = Oracle(tmp_path)
    kept.table(LEAKY, {"slope": 0.1}, FLOAT16, some_bits(FLOAT16))
    (first,) = files_in(tmp_path)
    right = kept.table(LEAKY, {"slope": 0.2}, FLOAT16, some_bits(FLOAT16))
    (second,) = [file for file in files_in(tmp_path) if file != first]
    second.write_bytes(first.read_bytes())
    assert_same(Oracle(tmp_path).table(LEAKY, {"slope": 0.2}, FLOAT16, some_bits(FLOAT16)), right)


def test_nothing_but_whole_files_is_left_behind(tmp_path: Path) -> None:
    Oracle(tmp_path).table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    assert [file.suffix for file in files_in(tmp_path)] == [""]


def test_a_directory_that_cannot_be_written_costs_one_warning(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    kept = Oracle(in_the_way)
    with pytest.warns(UserWarning, match="NNCONFORM_CACHE"):
        first = kept.table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    kept.table(SIGMOID, {}, FLOAT32, some_bits(FLOAT32))  # a second warning would be an error here
    assert_same(first, oracle.table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16)))
    assert in_the_way.read_text() == "not a folder"


def test_a_full_disk_costs_one_warning_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    kept = Oracle(tmp_path)
    with pytest.warns(UserWarning, match="No space left"):
        assert len(kept.table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))) == 50
    assert len(kept.table(SIGMOID, {}, FLOAT32, some_bits(FLOAT32))) == 50
    assert files_in(tmp_path) == []


def scaled(factor: int) -> Callable[[Real], Real | Operand]:
    def definition(x: Real) -> Real | Operand:
        return factor * x

    return definition


def test_the_key_knows_everything_that_the_truth_depends_on() -> None:
    bits = some_bits(FLOAT32)
    base = Request(LEAKY, {"slope": 0.1}, FLOAT32, bits)
    limit, kink = LEAKY.limits[0], LEAKY.kinks[0]
    others = [
        replace(base, parameters={"slope": 0.1 + 2**-56}),
        replace(base, format=FLOAT64, bits=bits.astype(np.uint64)),
        replace(base, bits=bits[::-1].copy()),
        replace(base, bits=bits[:-1]),
        replace(base, side=1),
        replace(base, side=-1),
        replace(base, function=replace(LEAKY, definition=scaled(2))),
        replace(base, function=replace(LEAKY, definition=scaled(3))),
        replace(base, function=replace(LEAKY, limits=(replace(limit, value="+0"), LEAKY.limits[1]))),
        replace(base, function=replace(LEAKY, limits=(replace(limit, second_derivative="-0"), LEAKY.limits[1]))),
        replace(base, function=replace(LEAKY, kinks=(replace(kink, at="1"),))),
        replace(base, function=replace(LEAKY, forms=SIGMOID.forms)),
    ]
    keys = [key_of(request) for request in [base, *others]]
    assert len(set(keys)) == len(keys)
    assert key_of(replace(base, function=replace(LEAKY, notes=("a note changes no truth",)))) == keys[0]


def test_the_key_knows_what_a_definition_calls_in_other_files() -> None:
    """Not what it takes of the oracle itself, which is in every key."""
    source = source_of(TENSOR_FUNCTIONS["cross_entropy"].definition)
    assert inspect.getsource(surprise) in source
    assert inspect.getsource(classification) in source
    assert inspect.getsource(real) not in source
    assert inspect.getsource(surprise) not in source_of(TENSOR_FUNCTIONS["huber"].definition)


def test_another_oracle_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    before = key_of(request)
    monkeypatch.setattr(cache, "own_code", lambda: "another oracle")
    assert key_of(request) != before


def test_other_processes_give_the_same_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_computing: Callable[[], None]
) -> None:
    monkeypatch.setattr(cache, "CHUNK", 20)
    requests = [
        Request(f, f.defaults(), format, some_bits(format)) for f in (SIGMOID, LEAKY) for format in (FLOAT16, FLOAT64)
    ]
    requests += [Request(LEAKY, LEAKY.defaults(), BFLOAT16, some_bits(BFLOAT16), side=1), requests[0]]
    alone = [
        oracle.one_sided(r.function, r.parameters, r.format, r.bits, r.side)
        if r.side
        else oracle.table(r.function, r.parameters, r.format, r.bits)
        for r in requests
    ]
    no_computing()  # here, that is: other processes import the oracle as it is
    kept = Oracle(tmp_path, jobs=2)
    seen: list[tuple[int, int]] = []
    kept.prefetch(requests, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (250, 250)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) == 15
    for request, expected in zip(requests, alone, strict=True):
        for reader in (kept, Oracle(tmp_path)):
            if request.side:
                found = reader.one_sided(
                    request.function, request.parameters, request.format, request.bits, request.side
                )
            else:
                found = reader.table(request.function, request.parameters, request.format, request.bits)
            assert_same(found, expected)
    again: list[int] = []
    Oracle(tmp_path, jobs=2).prefetch(requests, lambda done, total: again.append(total))
    assert again == []


def test_a_function_made_on_the_spot_is_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 20)
    function = replace(LEAKY, definition=lambda x, slope: scaled(3)(x))
    bits = some_bits(FLOAT16)
    with pytest.warns(UserWarning, match="one process"):
        found = Oracle(None, jobs=2).table(function, {"slope": 0.1}, FLOAT16, bits)
    assert_same(found, oracle.table(function, {"slope": 0.1}, FLOAT16, bits))


def test_asking_for_nothing_gives_nothing(tmp_path: Path) -> None:
    kept = Oracle(tmp_path, jobs=2)
    assert len(kept.table(SIGMOID, {}, FLOAT32, np.zeros(0, dtype=np.uint32))) == 0
    kept.prefetch([])


def test_bits_of_any_layout_are_the_same_question(tmp_path: Path, no_computing: Callable[[], None]) -> None:
    bits = some_bits(FLOAT16)
    kept = Oracle(tmp_path)
    first = kept.table(SIGMOID, {}, FLOAT16, bits)
    no_computing()
    assert kept.table(SIGMOID, {}, FLOAT16, np.repeat(bits, 2)[::2]) is first


def test_packing_is_undone_by_unpacking_and_by_nothing_else() -> None:
    table = oracle.table(SIGMOID, {}, FLOAT64, some_bits(FLOAT64))
    data = pack(table, "key")
    assert_same(unpack(data, "key", FLOAT64, table.bits), table)
    for key, format, bits in [
        ("other", FLOAT64, table.bits),
        ("key", FLOAT64, table.bits[1:]),
        ("key", FLOAT32, table.bits),
    ]:
        with pytest.raises(ValueError, match=r"table|damaged"):
            unpack(data, key, format, bits)


def test_the_directory_is_where_the_platform_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NNCONFORM_CACHE", str(tmp_path / "chosen"))
    assert default_directory() == tmp_path / "chosen"
    monkeypatch.delenv("NNCONFORM_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "nnconform"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_directory() == Path.home() / ".cache" / "nnconform"
    monkeypatch.setattr("sys.platform", "darwin")
    assert default_directory() == Path.home() / "Library" / "Caches" / "nnconform"


def test_no_warning_where_all_is_well(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Oracle(tmp_path / "new" / "folder").table(SIGMOID, {}, FLOAT16, some_bits(FLOAT16))
    assert len(files_in(tmp_path)) == 1


def test_numbers_that_follow_from_the_truth_are_kept_beside_it(tmp_path: Path) -> None:
    request = Request(FUNCTIONS["relu"], {}, FLOAT32, np.arange(4, dtype=np.uint32))
    asked: list[int] = []

    def compute() -> NDArray[np.int64]:
        asked.append(1)
        return np.array([-(2**62), 0, 7])

    def ask(code: str) -> list[int]:
        found: list[int] = Oracle(tmp_path).numbers(request, code, compute).tolist()
        return found

    assert ask("code") == ask("code") == [-(2**62), 0, 7]
    assert len(asked) == 1
    assert ask("other code") == [-(2**62), 0, 7]
    assert len(asked) == 2
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert ask("code") == [-(2**62), 0, 7]
    assert len(asked) == 3, "a damaged file is made anew"
