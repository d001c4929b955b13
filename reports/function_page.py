"""The page of one function of one number, as data: what the standard says, and how each framework spells it.

The terminal and the HTML report both show this page. Knows the standard and the bindings; knows no result of a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from conformance.judge.message import short
from conformance.standard import Bar, Function, Kink, Parameter, Rule, TensorFunction, rules_of
from conformance.standard.model import Expression, text_of

from .tensor_page import TensorPage, TensorSpelling, tensor_document, tensor_page
from .words import Binding, for_json, rules_for_json


@dataclass(frozen=True)
class Spelling:
    """One entry point: how it names each parameter, what it takes where nothing is passed, how to get the standard's function.

    `keywords` and `defaults` have one text per parameter of the standard, in its order; `differs` tells which defaults
    are not the standard's. `write` is the call that computes the function with the standard's defaults, or empty where
    the entry point cannot; `why_not` then says why.
    """

    backend: str
    entry_point: str
    form: str
    keywords: tuple[str, ...]
    defaults: tuple[str, ...]
    differs: tuple[bool, ...]
    write: str
    why_not: str
    documentation: str
    remark: str


@dataclass(frozen=True)
class Statement:
    """A place and what holds there: a limit, a kink, a landmark, a property, a bar. Texts, for the standard's defaults."""

    place: str
    sentence: str


@dataclass(frozen=True)
class FunctionPage:
    """Everything a textbook would say about one function, and how to call it."""

    function: Function
    limits: tuple[Statement, ...]
    kinks: tuple[Statement, ...]
    landmarks: tuple[Statement, ...]
    bars: tuple[Statement, ...]
    rules: tuple[Rule, ...]
    spellings: tuple[Spelling, ...]
    not_provided: tuple[str, ...]
    """Backends that ship no such function."""


def page_of(function: Function | TensorFunction, bindings: Mapping[str, Sequence[Any]]) -> FunctionPage | TensorPage:
    """The page of any function of the standard; `bindings` as for `function_page`."""
    return (
        tensor_page(function, bindings) if isinstance(function, TensorFunction) else function_page(function, bindings)
    )


def document_of(page: FunctionPage | TensorPage) -> dict[str, Any]:
    """Either page as plain data, for `nnconform show FUNCTION --format json`. Schema 1, documented in docs/schemas.md."""
    return tensor_document(page) if isinstance(page, TensorPage) else document(page)


def told(spelling: Spelling | TensorSpelling) -> str:
    """What to write at one entry point, in a line; what else to know about it follows as a comment, or why it cannot."""
    if not spelling.write:
        return f"{spelling.entry_point}: {spelling.why_not}"
    conditions = spelling.conditions if isinstance(spelling, TensorSpelling) else ()
    return f"{spelling.write}  # {'; '.join(conditions)}" if conditions else spelling.write


def function_page(function: Function, bindings: Mapping[str, Sequence[Binding]]) -> FunctionPage:
    """The page of a function of one number; `bindings` are those of every backend by its public name, all functions together."""
    spellings = tuple(
        _spelling(backend, binding, function)
        for backend, several in bindings.items()
        for binding in several
        if binding.function == function.name
    )
    return FunctionPage(
        function=function,
        limits=tuple(Statement(limit.at, _limit(function, limit.value, limit.derivative)) for limit in function.limits),
        kinks=tuple(
            _kink(kink, function)
            for kink in function.kinks
        ),
        landmarks=tuple(Statement(f"x = {mark.name}", mark.meaning) for mark in function.landmarks),
        bars=tuple(_bar(quantity, function.bars.get(quantity, Bar())) for quantity in ("value", "gradient", "second_derivative")),
        rules=rules_of(function),
        spellings=spellings,
        not_provided=tuple(name for name in bindings if name not in {spelling.backend for spelling in spellings}),
    )  # fmt: skip


def document(page: FunctionPage) -> dict[str, Any]:
    """The page as plain data, for `nnconform show FUNCTION --format json`. Schema 1, documented in docs/schemas.md."""
    function = page.function
    whole: dict[str, Any] = for_json(
        {
            "schema": 1,
            "name": function.name,
            "title": function.title,
            "family": function.family,
            "formula": function.formula,
            "parameters": [asdict(parameter) for parameter in function.parameters],
            "limits": [asdict(statement) for statement in page.limits],
            "kinks": [asdict(statement) for statement in page.kinks],
            "landmarks": [asdict(statement) for statement in page.landmarks],
            "properties": [{"kind": p.kind, "sentence": p.sentence} for p in function.properties],
            "bars": [asdict(statement) for statement in page.bars],
            "rules": rules_for_json(page.rules),
            "spellings": [asdict(spelling) for spelling in page.spellings],
            "not_provided": page.not_provided,
            "notes": function.notes,
            "sources": [asdict(source) for source in function.sources],
        }
    )
    return whole


def as_code(value: object) -> str:
    """A keyword's value as a person would type it in Python."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    return short(value) if isinstance(value, float) else repr(value)


def _spelling(backend: str, binding: Binding, function: Function) -> Spelling:
    write, why_not = _call(binding, function)
    taken = [_default(binding, parameter) for parameter in function.parameters]
    return Spelling(
        backend=backend,
        entry_point=binding.id,
        form=binding.form.replace("_", " "),
        keywords=tuple(
            binding.parameters.get(p.name, _TENSOR if p.name in binding.operands else "") for p in function.parameters
        ),
        defaults=tuple("" if value is None else short(value) for value in taken),
        differs=tuple(
            value is not None and value != p.default for value, p in zip(taken, function.parameters, strict=True)
        ),
        write=write,
        why_not=why_not,
        documentation=binding.documentation if binding.documentation.startswith(("https://", "http://")) else "",
        remark=binding.remark,
    )


_TENSOR = "(a tensor)"
"""What stands for the keyword of a parameter that is passed as a tensor, or held by a layer."""


def _default(binding: Binding, parameter: Parameter) -> float | None:
    return binding.fixed.get(parameter.name, binding.defaults.get(parameter.name))


def _call(binding: Binding, function: Function) -> tuple[str, str]:
    if binding.training:
        return "", "it is in training mode, and draws random numbers"
    keywords: dict[str, object] = dict(binding.keywords)
    for parameter in function.parameters:
        keyword = binding.parameters.get(parameter.name)
        taken = _default(binding, parameter)
        if parameter.name in binding.operands:
            continue
        if keyword is None:
            if taken is not None and taken != parameter.default:
                return (
                    "",
                    f"{parameter.name} is always {short(taken)} here, and {short(parameter.default)} in the standard",
                )
        elif taken != parameter.default:
            keywords[keyword] = parameter.default
    spelt = [f"{name}={as_code(value)}" for name, value in keywords.items()]
    learnt = {parameter.name: parameter for parameter in function.parameters if parameter.name in binding.operands}
    if "layer" in binding.form:
        spelt += [
            form.format(as_code(learnt[name].default))
            for name, form in binding.initial.items()
            if _default(binding, learnt[name]) != learnt[name].default
        ]
        evaluated = ".eval()" if function.drawn else ""
        return f"{binding.entry_point}({', '.join(spelt)}){evaluated}(x)", ""
    tensors = [binding.initial.get(name, "{}").format(as_code(learnt[name].default)) for name in binding.operands]
    return f"{binding.entry_point}({', '.join(['x', *tensors, *spelt])})", ""


def _text(expression: Expression, function: Function) -> str:
    return text_of(expression, function.defaults()).removesuffix(".0")


def _kink(kink: Kink, function: Function) -> Statement:
    """With the defaults, or else with the first parameters for which it is there."""
    sample = next(sample for sample in function.samples() if text_of(kink.at, sample) != "nan")
    given = [f"{name} = {short(value)}" for name, value in sample.items() if value != function.defaults()[name]]
    left, right, customary = (
        text_of(slope, sample).removesuffix(".0") for slope in (kink.left, kink.right, kink.customary)
    )
    return Statement(
        f"x = {kink.name}",
        (f"with {', '.join(given)}: " if given else "")
        + f"one-sided derivatives {left} and {right}; any number between them is a subgradient, customary is {customary}",
    )


def _limit(function: Function, value: Expression, derivative: Expression) -> str:
    if _text(value, function) == "nan":
        return "outside the domain: NaN"
    return f"{function.name}(x) → {_text(value, function)}, {function.name}′(x) → {_text(derivative, function)}"


def _bar(quantity: str, bar: Bar) -> Statement:
    mark = {"value": "f", "gradient": "f′", "second_derivative": "f″"}[quantity]
    slope = {"value": "f′", "gradient": "f″", "second_derivative": "f‴"}[quantity]
    if bar.result == 0 and bar.argument == 0:
        sentence = "exact: no rounding is needed"
    else:
        sentence = f"{short(bar.result)} · ulp({mark}(x)) + {short(bar.argument)} · ulp(x) · |{slope}(x)|"
    return Statement(quantity.replace("_", " "), f"{sentence} ({bar.reason})" if bar.reason else sentence)
