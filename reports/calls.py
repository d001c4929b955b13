"""What to write to get the standard's value of a function of tensors, as Python source made from a binding.

Knows bindings as data and the standard's defaults; calls nothing, and knows no framework.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.judge.message import short
from conformance.standard import TensorFunction
from conformance.standard.tensors import COMMON

from .words import TensorBinding

PUT_TOGETHER = {
    "sum": "the sum of all results",
    "mean": "the mean of all results",
    "weighted_mean": "the mean of all results, weighted",
    "batch_mean": "the sum of all results divided by the size of the first dimension",
}


@dataclass(frozen=True)
class Call:
    """One entry point, called with the standard's defaults as far as it takes them.

    source      Python source; tensors go by the standard's names
    missing     why it is not the standard's function all the same: options that it does not take, a sentence each
    conditions  how shapes differ from the standard's, and which results it puts together; a sentence each
    """

    source: str
    missing: tuple[str, ...]
    conditions: tuple[str, ...]


def call_of(binding: TensorBinding, function: TensorFunction) -> Call:
    """The call that computes the function with the standard's defaults, or what comes nearest to it."""
    keywords = {name: code_of(value) for name, value in binding.keywords.items()}
    missing: list[str] = []
    options = dict(function.defaults())
    for option in function.options:
        name, keyword = option.name, binding.parameters.get(option.name)
        if keyword is not None:
            spelt = spelt_of(binding, name, option.default)
            if spelt is None:
                missing.append(f"{name} can't be {short(option.default)} here")
            else:
                keywords[keyword] = spelt
        elif name in binding.fixed and not same(binding.fixed[name], option.default):
            always = short(binding.fixed[name])
            missing.append(f"{name} is always {always} here, and {short(option.default)} in the standard")
    for name in COMMON:
        if name in options:
            options[name] = _common(binding, name, options[name], keywords)
    for condition, brought in binding.implied.items():
        name, _, value = condition.partition("=")
        if str(options.get(name)) == value:
            missing += [
                f"{other} is {short(given)} with {name} {value}, and {short(options[other])} in the standard"
                for other, given in brought.items()
                if other in options and not same(given, options[other])
            ]
    conditions = [*_put_together(options), *_shapes(binding, function, options)]
    return Call(_source(binding, function, keywords), tuple(missing), tuple(conditions))


def spelt_of(binding: TensorBinding, name: str, value: Any) -> str | None:
    """Source of an entry point's own value for the standard's value of an option; None where it is not offered."""
    spelt = binding.spelt.get(name)
    if spelt is None:
        return code_of(value)
    for text, theirs in spelt.items():
        if text == str(value) or same(_number(text), value):
            return code_of(theirs)
    return None


def code_of(value: Any) -> str:
    """A keyword's value as a person would type it in Python; what a binding names is the name itself."""
    if isinstance(value, str):
        kind, _, name = value.partition(":")
        if kind == "callable":
            return name
        if kind == "called":
            return f"{name}()"
        if kind == "size":
            argument, _, axis = name.partition(":")
            return f"{argument}.shape[{axis}]"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value!r}")'
    if isinstance(value, (list, tuple)):
        inside = ", ".join(code_of(one) for one in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values of an option are the same: 1 and 1.0 are, 1 and True are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (list, tuple)) or isinstance(other, (list, tuple)):
        return isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and list(one) == list(other)
    return bool(one == other)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _common(binding: TensorBinding, name: str, wanted: Any, keywords: dict[str, str]) -> Any:
    """Asks for one of the options that all functions share, unless it is the default; gives the value that results."""
    keyword = binding.parameters.get(name)
    if keyword is None:
        return binding.fixed.get(name, binding.core_axis if name == "axis" else wanted)
    if name in binding.defaults and same(binding.defaults[name], wanted):
        return wanted
    spelt = spelt_of(binding, name, wanted)
    if spelt is None:
        return binding.defaults.get(name, wanted)
    keywords[keyword] = spelt
    return wanted


def _put_together(options: Mapping[str, Any]) -> list[str]:
    reduction, rows, axis = (
        options.get(name, usual) for name, usual in (("reduction", "none"), ("rows", "none"), ("axis", -1))
    )
    said = []
    if rows != "none":
        said.append(f"gives the {rows} along {'the last axis' if axis == -1 else f'axis {axis}'}")
    if reduction != "none":
        said.append(f"gives {PUT_TOGETHER.get(reduction, reduction)}")
    return said


def _shapes(binding: TensorBinding, function: TensorFunction, options: Mapping[str, Any]) -> list[str]:
    """How the shapes of the arguments differ from the standard's."""
    said = []
    axis = options.get("axis", -1)
    if function.axis and not function.rows and axis != -1:
        dimension = next((a.core[0] for a in function.arguments if len(a.core) == 1 and not a.shared), "core")
        said.append(f"the dimension {dimension} is axis {short(axis)}")
    for name, order in binding.transposed.items():
        core = function.argument(name).core
        loop = [f"loop {n}" for n in range(len(order) - len(core))] if len(order) - len(core) > 1 else ["batch"]
        every = [*loop[: len(order) - len(core)], *core]
        said.append(f"{name} is [{', '.join(every[place] for place in order)}]")
    if function.batched and binding.squeezed:
        said.append(
            "it takes a batch: one dimension before the core, no more and no less"
            if binding.squeezed == 1
            else "it takes no dimension before the core"
            if binding.squeezed < 0
            else f"it takes {binding.squeezed} dimensions before the core"
        )
    taken = (*binding.positional, *binding.named, *binding.constructed)
    said += [
        f"{word} is a mask whose zeros are counted: {name}" for name, word in binding.padded.items() if name in taken
    ]
    said += [f"{name} is {dtype}" for name, dtype in binding.cast.items()]
    said += [
        f"{name} is held by the layer, as {word}"
        for name, word in binding.constructed.items()
        if _is_given(binding, function, name) and "." in word
    ]
    return said


def _is_given(binding: TensorBinding, function: TensorFunction, name: str) -> bool:
    return name in binding.required or (name != "weight" and not function.argument(name).optional)


def _source(binding: TensorBinding, function: TensorFunction, keywords: Mapping[str, str]) -> str:
    def given(name: str, word: str) -> str:
        return f"{word}={word if name in binding.padded else name}"

    spelt = [f"{name}={code}" for name, code in keywords.items()]
    built = [
        given(name, word)
        for name, word in binding.constructed.items()
        if _is_given(binding, function, name) and "." not in word
    ]
    tensors = [binding.padded.get(name, name) for name in binding.positional]
    tensors += [given(name, word) for name, word in binding.named.items() if _is_given(binding, function, name)]
    whole = f"[{binding.whole}]" if binding.whole >= 0 else ""
    if binding.form == "function":
        return f"{binding.entry_point}({', '.join([*tensors, *spelt])}){whole}"
    return f"{binding.entry_point}({', '.join([*built, *spelt])})({', '.join(tensors)}){whole}"
