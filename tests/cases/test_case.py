"""A case survives the journey through JSON, whatever numbers it carries, and its id is that of the same question anywhere."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.cases.case import Case, Input, blob_hash, decode, encode

NAMES = st.text('ab.-/ "\\\n\x00\x7f\u00e9\u2028\ufeff\U0001d11e', max_size=8)
"""Of characters that some encoding or escape might lose; an alphabet of all takes a second to make."""
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
INPUTS = st.builds(
    Input, st.binary(max_size=4).map(blob_hash), NAMES, st.lists(st.integers(0, 9), max_size=3).map(tuple), NAMES
)
CASES = st.builds(
    Case,
    function=NAMES, entry_point=NAMES, topic=NAMES, quantity=NAMES, mode=NAMES, dtype=NAMES,
    parameters=st.dictionaries(NAMES, NUMBERS, max_size=3),
    arguments=st.dictionaries(NAMES, NUMBERS | st.booleans() | NAMES | st.none() | st.integers(), max_size=3),
    inputs=st.lists(INPUTS, max_size=2).map(tuple), cotangent=st.none() | INPUTS, detail=NAMES,
)  # fmt: skip

CASE = Case(
    "gelu", "torch.nn.functional.gelu", "lattice", "value", "eager", "float32", {"beta": 1.0}, {"approximate": "none"},
    (Input("ab", "float32", (3,)),),
)  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Equal, with NaN equal to itself and −0 other than +0."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


@given(CASES)
def test_json_gives_the_case_back(case: Case) -> None:
    text = case.to_json()
    assert "\n" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    back = Case.from_json(text)
    assert back.id == case.id
    assert back.to_json() == text
    assert same(dict(back.parameters), dict(case.parameters))
    assert same(dict(back.arguments), dict(case.arguments))
    assert (back.inputs, back.cotangent, back.detail) == (case.inputs, case.cotangent, case.detail)


@given(st.recursive(NUMBERS | st.integers() | NAMES | st.booleans(), lambda inner: st.lists(inner, max_size=3)))
def test_encode_and_decode_are_inverse(value: Any) -> None:
    assert json.dumps(encode(decode(encode(value)))) == json.dumps(encode(value))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -0.0, 5e-324, 0.1])
def test_a_number_keeps_its_value_and_sign(number: float) -> None:
    back = Case.from_json(replace(CASE, parameters={"beta": number}).to_json()).parameters["beta"]
    assert same(back, number)


def test_every_field_is_part_of_the_id() -> None:
    texts = ("function", "entry_point", "topic", "quantity", "mode", "dtype", "detail")
    others = [replace(CASE, **dict[str, Any]({name: "other"})) for name in texts]
    others += [
        replace(CASE, parameters={"beta": -1.0}), replace(CASE, parameters={"beta": math.inf}),
        replace(CASE, arguments={}), replace(CASE, arguments={"approximate": None}), replace(CASE, inputs=()),
        replace(CASE, inputs=(Input("ab", "float32", (3,), "strided"),)), replace(CASE, inputs=(Input("ab", "float32", (1, 3)),)),
        replace(CASE, cotangent=CASE.inputs[0]),
    ]  # fmt: skip
    assert len({case.id for case in (CASE, *others)}) == 1 + len(others)


def test_an_id_does_not_depend_on_the_order_of_keys() -> None:
    one, other = ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0})
    assert replace(CASE, parameters=one).id == replace(CASE, parameters=other).id


def test_an_id_is_the_same_in_every_process_and_version() -> None:
    """Written down: run files of years ago are compared by it."""
    assert CASE.id == "6678300deb4ce7328dd6"
    assert blob_hash(b"abc") == "cf4ab791c62b8d2b2109c90275287816"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": [], "cotangent": null}', '{"inputs": 3}', "null"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Case.from_json(text)
