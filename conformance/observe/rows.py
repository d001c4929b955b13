"""How subjects and observations are written as rows of a run file, and read back with every field checked.

Plain JSON. Knows what a row looks like; nothing of SQLite, no framework, no verdict. Reading raises ValueError, TypeError,
KeyError or AttributeError for anything that this module did not write; the run file makes a sentence of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from conformance.cases.case import Case, encode

from .observation import OUTCOMES, Observation, Output

_WIDTHS = {"bool": 1, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8}


def width_of(dtype: str) -> int:
    """Bytes of an element, 0 for a dtype that nobody knows."""
    if dtype in _WIDTHS:
        return _WIDTHS[dtype]
    digits = dtype.removeprefix("u").removeprefix("int")
    return int(digits) // 8 if digits in ("8", "16", "32", "64") and "int" in dtype else 0


def to_json(value: Any) -> str:
    """Plain data as JSON; numbers that JSON lacks are spelt as `conformance.cases.case.encode` does."""
    return json.dumps(encode(value), separators=(",", ":"), allow_nan=False, default=str)


def observation_row(observation: Observation) -> tuple[str, str]:
    """Outcome, and the rest as JSON; what is empty is left out."""
    data: dict[str, Any] = {"seconds": round(observation.seconds, 6)}
    if observation.outputs:
        data["outputs"] = [_written(output) for output in observation.outputs]
    if observation.after is not None:
        data["after"] = _written(observation.after)
    if observation.error_type or observation.message:
        data["error_type"], data["message"] = observation.error_type, observation.message
    return observation.outcome, to_json(data)


def _written(output: Output) -> list[Any]:
    return [output.blob, output.dtype, list(output.shape)]


def _output(data: Any) -> Output:
    blob, dtype, shape = data
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"a tensor can't have the shape {shape!r}")
    return Output(_text(blob), _text(dtype), tuple(shape))


def subject_fields(data: Any) -> dict[str, Any]:
    """The fields of a Subject that its row holds as JSON."""
    versions = {_text(key): _text(value) for key, value in data["versions"].items()}
    texts = {key: _text(data[key]) for key in ("backend", "configuration", "device")}
    return {**texts, "versions": versions, "environment": dict(data["environment"])}


def observation_from(subject: str, case: str, outcome: str, data: Any) -> Observation:
    """The observation that `observation_row` wrote; `case` is the case's own JSON, `data` the row's, decoded."""
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is no outcome")
    observation = Observation(
        subject,
        Case.from_json(case),
        outcome,
        tuple(_output(item) for item in data.get("outputs", ())),
        _text(data.get("error_type", "")),
        _text(data.get("message", "")),
        seconds=float(data.get("seconds", 0.0)),
    )
    return replace(observation, after=_output(data["after"])) if "after" in data else observation


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
