"""Comparing what public callables look like: parameters that appeared, went, or have another default; names without a binding.

Knows signatures as the worker recorded them (observe.worker_signatures), and nothing of a framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .changes import Names

KINDS_OF_PARAMETER = {
    "positional_only": "by position alone", "positional_or_keyword": "by position or by name", "var_positional": "as any number of positions",
    "keyword_only": "by name alone", "var_keyword": "as any further name",
}  # fmt: skip

DOCUMENTED = "documented"
"""Kind of what stands in the first line of a documentation, where Python can't tell the parameters."""


@dataclass(frozen=True)
class SignatureChange:
    """One sentence about one entry point. `kind` is one of `changes.KINDS`; `parameter` is the parameter's name, if it is about one."""

    entry_point: str
    kind: str
    parameter: str
    sentence: str
    old: str
    new: str
    way: str = ""
    """How it is passed now and was before, which is decided on for many parameters at once."""


def signature_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SignatureChange]:
    """What changed in the signatures of entry points that both sides know; `old` and `new` are `signatures` by entry point."""
    for entry_point in sorted(old.keys() & new.keys()):
        if old[entry_point] != new[entry_point]:
            yield from _of_one(entry_point, old[entry_point], new[entry_point])


def _of_one(entry_point: str, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Iterator[SignatureChange]:
    if _is_documented(old) or _is_documented(new):
        if _is_documented(old) and _is_documented(new):
            first, then = old[0][0], new[0][0]
            yield SignatureChange(
                entry_point, "signature changed", "", f"is documented as ({then}), and was as ({first})", first, then
            )
        return
    before, after = ({one[0]: one for one in side} for side in (old, new))
    for name in before.keys() - after.keys():
        yield SignatureChange(
            entry_point, "signature changed", name, f"parameter `{name}` is gone", _spelt(before[name]), ""
        )
    for name in after.keys() - before.keys():
        with_default = (
            f" with default {_default(after[name])}"
            if len(after[name]) > 2
            else " and must be given"
            if _is_needed(after[name])
            else ""
        )
        yield SignatureChange(
            entry_point,
            "signature changed",
            name,
            f"parameter `{name}` appeared{with_default}",
            "",
            _spelt(after[name]),
        )
    for name in before.keys() & after.keys():
        was, now = before[name], after[name]
        if was[2:] != now[2:]:
            yield SignatureChange(
                entry_point, "default changed" if len(was) > 2 and len(now) > 2 else "signature changed", name,
                f"default of `{name}` changed from {_default(was)} to {_default(now)}", _spelt(was), _spelt(now),
            )  # fmt: skip
        if was[1] != now[1]:
            ways = [KINDS_OF_PARAMETER.get(one[1], one[1]) for one in (was, now)]
            way = f"passed {ways[1]}, and was {ways[0]}"
            yield SignatureChange(
                entry_point, "signature changed", name, f"parameter `{name}` is {way}", _spelt(was), _spelt(now), way
            )
    orders = [
        [one[0] for one in side if one[1].startswith("positional") and one[0] in before.keys() & after.keys()]
        for side in (old, new)
    ]
    if sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]:
        first, then = (", ".join(order) for order in orders)
        yield SignatureChange(
            entry_point,
            "signature changed",
            "",
            f"parameters stand in another order: {then}, and were {first}",
            first,
            then,
        )


def told(changes: Sequence[SignatureChange]) -> str:
    """One sentence for what several entry points have in common."""
    names = list(dict.fromkeys(change.parameter for change in changes))
    if len(names) < 2:
        return changes[0].sentence
    return f"parameters {', '.join(f'`{name}`' for name in names)}: each is {changes[0].way}"


def name_changes(backend: str, old: Mapping[str, Any], new: Mapping[str, Any], known: Sequence[str]) -> Iterator[Names]:
    """Public names that only one side has, by namespace; entry points among `known` are told elsewhere."""
    bound = set(known)
    for namespace in sorted(old.keys() & new.keys()):
        was, now = set(old[namespace]), set(new[namespace])
        appeared, gone = (
            tuple(sorted(name for name in names if f"{namespace}.{name}" not in bound))
            for names in (now - was, was - now)
        )
        if appeared or gone:
            yield Names(backend, namespace, appeared, gone)


def _is_documented(signature: Sequence[Sequence[str]]) -> bool:
    return len(signature) == 1 and signature[0][1] == DOCUMENTED


def _is_needed(parameter: Sequence[str]) -> bool:
    return not parameter[1].startswith("var_")


def _default(parameter: Sequence[str]) -> str:
    return str(parameter[2]) if len(parameter) > 2 else "none at all"


def _spelt(parameter: Sequence[str]) -> str:
    stars = {"var_positional": "*", "var_keyword": "**"}.get(parameter[1], "")
    return f"{stars}{parameter[0]}" + (f"={parameter[2]}" if len(parameter) > 2 else "")
