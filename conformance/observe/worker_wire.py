"""How worker and engine talk: frames of a JSON header and raw blobs, over a pair of pipes that nothing else uses.

A frame is two little-endian counts (bytes of JSON, number of blobs), the JSON, and for each blob its hash (16 bytes),
its length (8 bytes) and its bytes. Bits are never read as numbers here. Python 3.9, standard library only.

Engine to worker:  `hello` (protocol, backend `module:class`, configuration, device, threads), then any number of `group`
                   (id, cases; the input blobs that this worker has not had), then `bye`.
Worker to engine:  `ready` (versions, environment) or `problem` (error_type, message); for each group `begun` (id), one
                   `done` per case in order (index, outcome, outputs, error_type, message, after, seconds; the blobs
                   that this worker has neither sent nor had), and `group_done` (id, before, after: floating-point state).
The answer to a case is also the sign that the next one has begun.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Union

PROTOCOL = 1
"""Version of what is described above; engine and worker come from the same folder, so a difference is a defect."""

Buffer = Union[bytes, memoryview]
Message = tuple[dict[str, Any], dict[str, bytes]]

_HEAD = struct.Struct("<II")
_BLOB = struct.Struct("<16sQ")
_LONGEST_HEADER = 1 << 28


class Damaged(Exception):
    """The bytes that arrived are not a frame."""


def encode(message: Mapping[str, Any]) -> bytes:
    """The JSON of a header."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def write_frame(stream: BinaryIO, header: bytes, blobs: Iterable[tuple[str, Buffer]] = ()) -> None:
    """Write one frame (not flushed). `blobs` are pairs of hexadecimal hash and bytes. Raises OSError."""
    blobs = tuple(blobs)
    stream.write(_HEAD.pack(len(header), len(blobs)) + header)
    for name, data in blobs:
        stream.write(_BLOB.pack(bytes.fromhex(name), len(data)))
        stream.write(data)


def read_frame(stream: BinaryIO) -> Message | None:
    """The next header and its blobs by hash; None when the other side has closed, also in the middle of a frame.

    Numbers that JSON lacks (`{"float": "inf"}`) come back as floats. Raises Damaged.
    """
    try:
        length, count = _HEAD.unpack(_exactly(stream, _HEAD.size))
        if length > _LONGEST_HEADER:
            raise Damaged(f"a frame announces a header of {length} bytes")
        text = _exactly(stream, length)
        blobs = {}
        for _ in range(count):
            name, size = _BLOB.unpack(_exactly(stream, _BLOB.size))
            blobs[name.hex()] = _exactly(stream, size)
    except EOFError:
        return None
    try:
        header = json.loads(text, object_hook=_number)
    except ValueError as error:
        raise Damaged(f"a frame's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise Damaged("a frame's header is not an object")
    return header, blobs


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _number(item: dict[str, Any]) -> Any:
    """A float that `conformance.cases.case.encode` spelt out; any other object is itself."""
    if len(item) == 1 and "float" in item:
        return float(item["float"])
    return item
