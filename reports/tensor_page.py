"""The page of one function of tensors, as data: what the standard says, and how each framework spells it.

As `function_page`, for losses, activations along an axis and gated ones. Knows the standard and the bindings; knows no
result of a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from conformance.judge.message import short, spelled
from conformance.standard import Rule, TensorFunction, rules_of
from conformance.standard.tensors import KINDS, REDUCTIONS, ROWS, WEIGHT, Argument, Edge, Value

from .calls import call_of, code_of, same
from .words import TensorBinding, for_json, rules_for_json

MOST_NUMBERS = 12
"""Numbers of an argument at a place worth a name that are told one by one."""

MOST_SPELLINGS = 6
"""Values that are told one by one where an entry point has other words for them; more are a rule and no list."""

BARS = (
    ("value", "4 ulp of the result + 2 ulp of each argument × the derivative in it + for each sum of n terms (1 + ½⌈log₂ n⌉) ulp of the sum of their magnitudes"),
    ("gradient", "the same, with second derivatives for derivatives"),
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One option of a function, or one of those that all functions share (`reduction`, `rows`, `axis`)."""

    name: str
    default: Value
    meaning: str
    domain: str
    samples: tuple[Value, ...] = ()
    invalid: tuple[Value, ...] = ()


@dataclass(frozen=True)
class TensorSpelling:
    """One entry point: how it names each setting, what it takes where nothing is passed, how to get the standard's function.

    `keywords`, `defaults`, `spelt` (values that it offers, or has other words for) and `differs` have one item per setting of the page.
    `write` is the call that computes the function with the standard's defaults, or empty where the entry point cannot;
    `nearest` is then the call that comes nearest, and `why_not` says what it computes instead. `conditions` are what else
    to know about either call: which results it puts together, and how shapes differ.
    """

    backend: str
    entry_point: str
    form: str
    keywords: tuple[str, ...]
    defaults: tuple[str, ...]
    spelt: tuple[str, ...]
    differs: tuple[bool, ...]
    write: str
    nearest: str
    why_not: str
    conditions: tuple[str, ...]
    documentation: str
    remark: str

    @property
    def said(self) -> str:
        """Everything to know about the call, in a line: why it is only the nearest, conditions, remark."""
        return "; ".join(part for part in (self.why_not, *self.conditions, self.remark) if part)


@dataclass(frozen=True)
class TensorPage:
    """Everything a textbook would say about one function of tensors, and how to call it."""

    function: TensorFunction
    arguments: tuple[Argument, ...]
    settings: tuple[Setting, ...]
    bars: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    spellings: tuple[TensorSpelling, ...]
    not_provided: tuple[str, ...]
    """Backends that ship no such function."""


def tensor_page(function: TensorFunction, bindings: Mapping[str, Sequence[Any]]) -> TensorPage:
    """The page of a function; `bindings` are those of every backend by its public name, all functions together."""
    settings = _settings(function)
    spellings = tuple(
        _spelling(backend, binding, function, settings)
        for backend, several in bindings.items()
        for binding in several
        if binding.function == function.name
    )
    return TensorPage(
        function=function,
        arguments=(*function.arguments, *((WEIGHT,) if function.weighted else ())),
        settings=settings,
        bars=() if function.drawn else BARS,
        rules=rules_of(function),
        spellings=spellings,
        not_provided=tuple(name for name in bindings if name not in {spelling.backend for spelling in spellings}),
    )


def tensor_document(page: TensorPage) -> dict[str, Any]:
    """The page as plain data, for `nnconform show FUNCTION --format json`. Schema 1, documented in docs/schemas.md."""
    function = page.function
    whole: dict[str, Any] = for_json(
        {
            "schema": 1,
            "name": function.name,
            "title": function.title,
            "family": function.family,
            "formula": function.formula,
            "arguments": [{**asdict(argument), "takes": KINDS[argument.kind]} for argument in page.arguments],
            "result": function.result,
            "parameters": [asdict(setting) for setting in page.settings],
            "reductions": {name: REDUCTIONS[name] for name in function.reductions},
            "rows": {name: ROWS[name] for name in function.rows},
            "limits": [],
            "kinks": [],
            "landmarks": [],
            "edges": [
                {"place": edge.name, "arguments": edge.arguments, "parameters": edge.options, "free": edge.free}
                for edge in function.edges
            ],
            "properties": [{"kind": p.kind, "sentence": p.sentence} for p in function.properties],
            "bars": [{"place": quantity, "sentence": sentence} for quantity, sentence in page.bars],
            "rules": rules_for_json(page.rules),
            "spellings": [asdict(spelling) for spelling in page.spellings],
            "not_provided": page.not_provided,
            "notes": function.notes,
            "sources": [asdict(source) for source in function.sources],
        }
    )
    return whole


def signature(function: TensorFunction) -> str:
    """`huber(prediction, target)`; what may be left out is in brackets."""
    given = [f"[{a.name}]" if a.optional else a.name for a in function.arguments]
    return f"{function.name}({', '.join(given)})"


def shape_of(argument: Argument) -> str:
    """`[classes]`: the core of an argument, empty for a number."""
    return f"[{', '.join(argument.core)}]" if argument.core else ""


def about(argument: Argument) -> str:
    """What an argument takes and means, in a line."""
    said = [argument.meaning] if argument.meaning else []
    said.append(KINDS[argument.kind])
    if argument.optional:
        said.append("optional")
    if argument.shared:
        said.append("shared by all places of the loop")
    return "; ".join(said)


def place_of(edge: Edge) -> str:
    """`logits = [-inf, 0], label_smoothing = 0.1`: what stands at a place worth a name."""
    given = [f"{name} = {_cell(cell)}" for name, cell in edge.arguments.items()]
    options = spelled(edge.options)
    return ", ".join(given) + (f"; with {options}" if options else "") + (f" (free: {edge.free})" if edge.free else "")


def _cell(cell: Any) -> str:
    if isinstance(cell, (tuple, list)):
        shape = np.shape(cell)
        if math.prod(shape) > MOST_NUMBERS:
            return f"{' × '.join(map(str, shape))} numbers"
        return f"[{', '.join(_cell(part) for part in cell)}]"
    return cell.replace("_", " ") if isinstance(cell, str) else short(cell)


def _settings(function: TensorFunction) -> tuple[Setting, ...]:
    own = [
        Setting(o.name, o.default, o.meaning, o.domain, (o.default, *o.samples), o.invalid) for o in function.options
    ]
    if function.reductions:
        offered = function.reductions
        own.append(Setting("reduction", "none", "how results are put together", ", ".join(offered), offered))
    if function.rows:
        own.append(
            Setting("rows", "none", "what is done along the axis first", ", ".join(function.rows), function.rows)
        )
    if function.axis:
        lies = "along which results are put together first" if function.rows else "along which the core lies"
        several = ", or several of them" if function.several_axes else ""
        own.append(Setting("axis", -1, f"the axis {lies}", f"an axis, counted from either end{several}"))
    return tuple(own)


def _spelling(
    backend: str, binding: TensorBinding, function: TensorFunction, settings: Sequence[Setting]
) -> TensorSpelling:
    call = call_of(binding, function)
    taken = [_default(binding, function, setting.name) for setting in settings]
    return TensorSpelling(
        backend=backend,
        entry_point=binding.id,
        form=binding.form,
        keywords=tuple(binding.parameters.get(setting.name, "") for setting in settings),
        defaults=tuple("" if value is _NOTHING else short(value) for value in taken),
        spelt=tuple(_values(binding, setting) for setting in settings),
        differs=tuple(
            value is not _NOTHING and not same(value, setting.default)
            for value, setting in zip(taken, settings, strict=True)
        ),
        write="" if call.missing else call.source,
        nearest=call.source if call.missing else "",
        why_not="; ".join(call.missing),
        conditions=call.conditions,
        documentation=binding.documentation if binding.documentation.startswith(("https://", "http://")) else "",
        remark=binding.remark,
    )


_NOTHING = object()


def _default(binding: TensorBinding, function: TensorFunction, name: str) -> Any:
    if name == "axis" and function.rows and binding.fixed.get("rows") == "none":
        return _NOTHING  # nothing is done along it
    if name in binding.fixed:
        return binding.fixed[name]
    if name in binding.parameters:
        return binding.defaults.get(name, _NOTHING)
    return binding.core_axis if name == "axis" else _NOTHING


def _values(binding: TensorBinding, setting: Setting) -> str:
    """`none, sum, mean: "sum_over_batch_size"`: the values offered, where they are words, with the entry point's own where they
    are others; of other options those that have another word."""
    spelt = binding.spelt.get(setting.name, {})
    words = bool(setting.samples) and all(isinstance(sample, str) for sample in setting.samples)
    told = {
        ours: theirs
        for ours, theirs in spelt.items()
        if words or str(theirs) != ours or (theirs is None and ours != "None")
    }
    if len(told) > MOST_SPELLINGS:
        return ""
    if words:
        said = ", ".join(ours if ours == theirs else f"{ours}: {code_of(theirs)}" for ours, theirs in told.items())
        return f"one of {said}" if said else ""
    return ", ".join(f"{ours} is spelt {code_of(theirs)}" for ours, theirs in told.items())
