"""Ways to spoil a call or its results, of which the planted faults of functions of tensors are made, and ways to tell findings.

A fault that reads the question otherwise, or has another definition, differentiates consistently: it is the truth of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from conformance.truth.tape import Variable
from conformance.truth.tensors import Asked
from tests.tensor_toy import Call, Misread, Numbers, Strike, core_last, nudged

Where = Callable[[Call], bool]


# --- what a fault strikes ---------------------------------------------------------------------------------------------


def quantity(*names: str, wrt: str = "") -> Where:
    """Calls that ask one of these, in this argument if one is named."""
    return lambda call: call.asked.quantity in names and wrt in ("", call.asked.wrt)


VALUE, GRADIENT = quantity("value"), quantity("gradient")


def always(call: Call) -> bool:
    return True


def scaled(where: Where, factor: float) -> Strike:
    """Results multiplied by a number."""
    return lambda call, y: y * factor if where(call) else y


def put(where: Where, mask: Callable[[Call, Numbers], Any], number: float) -> Strike:
    """Results replaced by a number, where a mask of their shape says so."""

    def strike(call: Call, y: Numbers) -> Numbers:
        return np.where(mask(call, y), number, y) if where(call) else y

    return strike


def by(where: Where, steps: int) -> Strike:
    """Results moved by some units in the last place."""
    return lambda call, y: nudged(y, call.format, steps) if where(call) else y


def computed(
    value: Callable[[Call, Sequence[Numbers]], Numbers], *names: str, where: Where = lambda call: True
) -> Strike:
    """The value, computed by a formula in the arithmetic of the format; bfloat16 in float32."""

    def strike(call: Call, y: Numbers) -> Numbers:
        if call.asked.quantity != "value" or not where(call):
            return y
        kind = {"float16": np.float16, "float64": np.float64}.get(call.format.name, np.float32)
        given = [laid(call, name).astype(kind) for name in names]
        with np.errstate(all="ignore"):
            found = np.asarray(value(call, given), dtype=np.float64)
        return np.moveaxis(found, -1, call.asked.options["axis"]) if call.asked.function.result else found

    return strike


def laid(call: Call, name: str) -> Numbers:
    """An argument with its core last."""
    return core_last(call.asked.function, name, call.asked.tensors[name], call.asked.options)


# --- what a fault understands -----------------------------------------------------------------------------------------


def options(where: Where = always, **changed: Any) -> Misread:
    """The call as if these options had been given."""
    return lambda call: replace(call.asked, options={**call.asked.options, **changed}) if where(call) else call.asked


def option(name: str, of: Callable[[Call, Any], Any]) -> Misread:
    """The call with another value of one option."""
    return lambda call: replace(call.asked, options={**call.asked.options, name: of(call, call.asked.options[name])})


def default(name: str) -> Misread:
    """The call as if this option had its default in the standard."""
    return lambda call: replace(call.asked, options={**call.asked.options, name: call.asked.function.defaults()[name]})


def without(name: str, where: Where = always) -> Misread:
    """The call without an optional argument."""

    def misread(call: Call) -> Asked:
        kept = {n: a for n, a in call.asked.tensors.items() if n != name}
        return replace(call.asked, tensors=kept) if where(call) and call.asked.wrt != name else call.asked

    return misread


def argument(name: str, of: Callable[[Call, Any], Any], where: Where = always) -> Misread:
    """The call with other numbers for one argument, where it is given."""

    def misread(call: Call) -> Asked:
        given = dict(call.asked.tensors)
        if name in given and where(call):
            given[name] = of(call, given[name])
        return replace(call.asked, tensors=given)

    return misread


def defined(definition: Callable[..., Any], where: Where = always) -> Misread:
    """The call of a function with another definition. Keys of the truth hold its source: no closures."""
    known: dict[Any, Any] = {}

    def misread(call: Call) -> Asked:
        function = call.asked.function
        if function not in known:
            known[function] = replace(function, name=f"{function.name} as {definition.__name__}", definition=definition)
        return replace(call.asked, function=known[function]) if where(call) else call.asked

    return misread


def no_cotangent(call: Call) -> Asked:
    return replace(call.asked, cotangent=None)


def constant(x: Any) -> Any:
    """A number through which no derivative goes."""
    return Variable(x.tape, x.value, None, (), ()) if isinstance(x, Variable) else x


# --- what is asked, and what must be found ----------------------------------------------------------------------------


def detailed(*details: str, **wanted: Any) -> Callable[[Any], bool]:
    """Cases with one of these details, and with these fields or options."""
    return lambda case: (
        (not details or case.detail in details)
        and all(getattr(case, name, case.parameters.get(name)) == value for name, value in wanted.items())
    )


def only(**wanted: Any) -> Callable[[Any], bool]:
    """A finding whose fields are just these."""
    return lambda finding: all(getattr(finding, name) == value for name, value in wanted.items())


def about(text: str) -> Callable[[Any], bool]:
    """A finding in a region with such a name."""
    return lambda finding: text in finding.region


INFORMATION = only(severity="information")
