"""A case: one concrete question to one entry point, as it travels to a worker and as a run file keeps it.

Knows no framework and no verdict. Everything in it is plain data, so that a run file from years ago can be read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Input:
    """A tensor to be made: the bits (by the hash of their bytes), dtype, shape, and how it lies in memory.

    Of functions of several tensors: `name` is the standard's argument; `order` the axes of the standard's layout in the order
    in which the entry point has them (empty: the same); `padding` says that a length travels as a mask, whose zeros are counted.
    """

    blob: str
    dtype: str
    shape: tuple[int, ...]
    view: str = "contiguous"
    name: str = ""
    order: tuple[int, ...] = ()
    padding: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it: without what is empty."""
        return {key: value for key, value in vars(self).items() if value or key in ("blob", "dtype", "shape", "view")}


@dataclass(frozen=True)
class Case:
    """One question.

    topic       which row of the plan asks it: `lattice`, `arrangement`, `cotangent`, `purity`, `inplace`, `repetition`,
                `integer`, `defaults`, `error`, `parameter`, `random`; the judge reads each topic with its own files
    quantity    `value`, `gradient`, `forward_gradient`, `second_derivative`, `parameter_gradient`, `value_and_gradient`
    mode        `eager`, `graph`, `compiled`
    dtype       of the first input
    parameters  the standard's parameters by name; what the truth is computed with, but for the topic `parameter`, in which
                the second input holds several numbers
    inputs      x, and the parameters that are tensors
    arguments   the entry point's keywords with their values; what the worker passes
    detail      what distinguishes cases of one topic: `length-17`, `strided`, `none` ...

    Of functions of several tensors besides:
    rule        name of the rule that ordinary results are filed under: `value`, `gradient.logits`, `reduction.mean`
    wrt         the argument in which a derivative is asked
    direction   along which forward mode and Hessian-vector products go
    places      names of the places of the loop, where they have some, and those for which nothing is prescribed
    """

    function: str
    entry_point: str
    topic: str
    quantity: str
    mode: str
    dtype: str
    parameters: Mapping[str, Any]
    arguments: Mapping[str, Any]
    inputs: tuple[Input, ...]
    cotangent: Input | None = None
    detail: str = ""
    rule: str = ""
    wrt: str = ""
    direction: Input | None = None
    places: tuple[str, ...] = ()
    free: tuple[str, ...] = ()

    @cached_property
    def id(self) -> str:
        """Hash of everything above: the same question has the same id in every run."""
        return _id_of(self._json)

    def to_json(self) -> str:
        """One line of JSON, keys sorted; numbers JSON lacks are `{"float": "inf"}`."""
        return self._json

    @cached_property
    def _json(self) -> str:
        # Not asdict: it copies deeply, and a run asks 100,000 cases, each of which is written down three times.
        plain = {name: value for name in _NAMES if (value := getattr(self, name)) or name not in _OF_TENSORS}
        plain["inputs"] = [item.plain() for item in self.inputs]
        for name in ("cotangent", "direction"):
            if plain.get(name) is not None:
                plain[name] = plain[name].plain()
        try:
            return _COMPACT.encode(plain)
        except (ValueError, TypeError):  # an infinity, or a mapping that is no dict: spelling them out takes longer
            return _COMPACT.encode(encode(plain))

    @staticmethod
    def from_json(text: str) -> Case:
        """The case that `to_json` wrote. Raises ValueError or TypeError for anything else."""
        # A hook for every mapping takes longer than all the rest, and few cases have such numbers.
        data = json.loads(text, object_hook=_number) if _SPELT_OUT in text else json.loads(text)
        data["inputs"] = tuple(_input(item) for item in data["inputs"])
        for name in ("cotangent", "direction"):
            if data.get(name) is not None:
                data[name] = _input(data[name])
        for name in ("places", "free"):
            data[name] = tuple(data.get(name, ()))
        case = Case(**data)
        vars(case)["id"] = _id_of(text)  # what was asked keeps its name, also where a case has got more fields since
        return case


def _id_of(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


_SPELT_OUT = '"float"'
_NAMES = tuple(field.name for field in fields(Case))
_OF_TENSORS = ("rule", "wrt", "direction", "places", "free")


def _input(item: Mapping[str, Any]) -> Input:
    return Input(**{**item, "shape": tuple(item["shape"]), "order": tuple(item.get("order", ()))})


_COMPACT = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: Any) -> Any:
    """Plain data as JSON can hold it: infinities and NaN become `{"float": "inf"}`."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """The inverse of `encode` (tuples come back as lists)."""
    if isinstance(value, dict):
        return _number({key: decode(item) for key, item in value.items()})
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def _number(item: dict[str, Any]) -> Any:
    return float(item["float"]) if len(item) == 1 and "float" in item else item


def blob_hash(data: bytes) -> str:
    """Name of a blob: the hash by which inputs and outputs are stored once."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
