"""Scripts that show one answer again without this package: what of a case goes into them. How they are spelt, the adapters say.

Knows cases, and adapters through the registry; no framework.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance import registry
from conformance.cases.case import Case, Input
from conformance.cases.topics import COMMON_SIZE
from conformance.formats import FORMATS, round_to
from conformance.judge.records import Worst
from conformance.judge.tensor_accuracy import place_of

LONGEST = 4096
"""Numbers that a script spells out at most."""

Read = Callable[[Any], NDArray[Any]]


def reproducer(subject: Any, case: Case, worst: Worst | None, read: Read) -> str:
    """A script for the worst input of a case, spelt by the adapter; empty where it is not installed here.

    The input fills an argument of the case's shape and layout: vector loops, and threads, treat short arguments otherwise.
    """
    try:
        adapter = registry.backend(subject.backend)
    except (registry.UnknownName, ImportError):
        return ""
    if case.topic == "error":
        return ""
    if case.rule:
        return _of_tensors(adapter, subject.configuration, case, worst, read)
    binding = next((b for b in adapter.bindings if b.id == case.entry_point and b.function == case.function), None)
    if binding is None:
        return ""
    bits = int(worst.input_bits[0], 16) if worst and worst.input_bits else None
    cotangent = worst.cotangent if worst else 1.0
    argument, numbers = case.inputs[0], [bits or 0]
    shape = argument.shape
    more: dict[str, Any] = {}
    if len(case.inputs) > 1:
        more["operands"] = [[int(one) for one in read(operand).reshape(-1)] for operand in case.inputs[1:]]
    if case.topic == "parameter":
        # What is summed is asked with all its terms, and all that it is multiplied by.
        numbers = [int(one) for one in read(argument).reshape(-1)]
        more["cotangent_bits"] = [int(one) for one in read(case.cotangent).reshape(-1)] if case.cotangent else []
        if bits is not None and len(numbers) > COMMON_SIZE:  # every number as a channel: all of them are alike
            numbers, shape = [bits], (1, COMMON_SIZE)
            more["operands"] = [operand[:COMMON_SIZE] for operand in more["operands"]]
    elif case.topic == "random":
        numbers = [int(round_to(np.array([-1.0]), FORMATS[case.dtype])[0]) if bits is None else bits]
        more["seed"] = registry.protocol().SEED
    return str(
        adapter.reproducer(
            binding, case.arguments, case.quantity, case.mode, subject.configuration, case.dtype, numbers, shape,
            argument.view, cotangent, **more,
        )
    )  # fmt: skip


def _of_tensors(adapter: Any, configuration: str, case: Case, worst: Worst | None, read: Read) -> str:
    """All arguments of the case; of a case about many places, those of the worst place alone."""
    bindings = getattr(adapter, "tensor_bindings", ())
    binding = next((b for b in bindings if b.id == case.entry_point and b.function == case.function), None)
    if binding is None or not hasattr(adapter, "tensor_reproducer"):
        return ""
    place = _place(case, worst)

    def given(item: Input) -> tuple[str, list[int], tuple[int, ...]]:
        bits = read(item).reshape(item.shape)
        if place is not None and bits.ndim and bits.shape[0] == len(case.places):
            bits = bits[place : place + 1]
        return item.dtype, [int(one) for one in bits.reshape(-1)], tuple(bits.shape)

    inputs = [given(item) for item in case.inputs]
    if sum(len(numbers) for _, numbers, _ in inputs) > LONGEST:
        return ""
    return str(
        adapter.tensor_reproducer(
            binding, case.arguments, [item.name for item in case.inputs], case.quantity, case.wrt, case.mode, configuration, inputs,
            None if case.cotangent is None else given(case.cotangent), None if case.direction is None else given(case.direction),
        )
    )  # fmt: skip


def _place(case: Case, worst: Worst | None) -> int | None:
    if worst is None or worst.index < 0 or len(case.places) < 2 or any(item.order for item in case.inputs):
        return None
    return int(place_of(case, worst.shape, int(np.prod(worst.shape)))[worst.index])
