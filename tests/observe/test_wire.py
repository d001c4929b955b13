"""Frames arrive as they were sent, and whatever is not a frame is noticed."""

from __future__ import annotations

import io

import pytest

from conformance.cases.case import blob_hash
from conformance.observe import worker, worker_wire


def frame(message: dict[str, object], *blobs: bytes) -> bytes:
    stream = io.BytesIO()
    worker_wire.write_frame(stream, worker_wire.encode(message), [(blob_hash(data), data) for data in blobs])
    return stream.getvalue()


def test_a_frame_arrives_as_it_was_sent() -> None:
    message: dict[str, object] = {"type": "done", "text": "ü\n", "number": 3, "list": [1.5, None]}
    stream = io.BytesIO(frame(message, b"", b"abc", bytes(300_000)) + frame({"type": "bye"}))
    assert worker_wire.read_frame(stream) == (message, {blob_hash(d): d for d in (b"", b"abc", bytes(300_000))})
    assert worker_wire.read_frame(stream) == ({"type": "bye"}, {})
    assert worker_wire.read_frame(stream) is None


def test_numbers_that_json_lacks_come_back() -> None:
    received = worker_wire.read_frame(io.BytesIO(frame({"alpha": {"float": "inf"}, "other": {"float": 1, "b": 2}})))
    assert received is not None
    assert received[0] == {"alpha": float("inf"), "other": {"float": 1, "b": 2}}


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_frame_that_breaks_off_is_the_end(length: int) -> None:
    assert worker_wire.read_frame(io.BytesIO(frame({"type": "x"}, b"data" * 10)[:length])) is None


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 16, b"\x02\0\0\0\0\0\0\0no", b"\x02\0\0\0\0\0\0\0[]"],
    ids=["absurd length", "no JSON", "no object"],
)
def test_what_is_not_a_frame_is_noticed(data: bytes) -> None:
    with pytest.raises(worker_wire.Damaged):
        worker_wire.read_frame(io.BytesIO(data))


def test_worker_and_run_file_name_blobs_alike() -> None:
    assert worker.blob_hash(b"some bytes") == blob_hash(b"some bytes")


def test_messages_keep_no_address_no_control_character_and_a_bounded_length() -> None:
    assert (
        worker.readable(ValueError(f"<object at {hex(id(object()))}>\x1b[31m\n\tred")) == "<object at 0x…>�[31m\n\tred"
    )
    long = worker.readable(ValueError("begin" + "x" * 5000 + "end"))
    assert len(long) == worker.LONGEST_MESSAGE
    assert long.startswith("beginx")
    assert long.endswith("xend")
    assert worker.readable(ValueError("\ud800")) == "?"


def test_an_error_that_cannot_be_shown_is_still_an_answer() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert worker.readable(Broken()) == "(its message can't be shown: RuntimeError)"
