"""How a worker asks about functions of several tensors. Part of `worker`: Python 3.9, NumPy 1.23, the standard library.

Knows the cases' plain data and the adapter; no truth and no verdict.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from conformance import registry

Make = Callable[[Mapping[str, Any]], Any]
"""Makes the tensor that a case's input describes."""


def ask(backend: Any, case: Mapping[str, Any], make: Make, calls: dict[Any, Any]) -> tuple[list[Any], list[Any], float]:
    """What came back, the tensors that were given (for those who want to see whether they changed), and seconds.

    Raises what the framework raises, NotProvided and NotSupported.
    """
    binding = _binding(backend, case, calls)
    tensors = [make(item) for item in case["inputs"]]
    names = [item["name"] for item in case["inputs"]]
    more = [make(case[what]) for what in ("cotangent", "direction") if case.get(what) is not None]
    arguments = dict(case["arguments"])
    if case["topic"] == "error":
        names, tensors, arguments = _made_wrong(case["detail"], names, tensors, arguments)
    call = _prepared(backend, binding, case, names, arguments, calls)
    if case["topic"] == "random":
        backend.seed(registry.protocol().SEED)
    started = time.perf_counter()
    outputs = list(call(*tensors, *more))
    backend.wait(outputs)
    seconds = time.perf_counter() - started
    if case["topic"] == "repetition":
        again = list(call(*tensors, *more))
        backend.wait(again)
        outputs += again
    if case["topic"] == "random" and case["detail"] == "draws":
        outputs += list(call(*tensors, *more))
        backend.seed(registry.protocol().SEED)
        outputs += list(call(*tensors, *more))
        backend.wait(outputs)
    return outputs, tensors, seconds


def _made_wrong(
    detail: str, names: list[str], tensors: list[Any], arguments: dict[str, Any]
) -> tuple[list[str], list[Any], dict[str, Any]]:
    """A call that must be refused because of what is not a tensor; wrong tensors, and missing ones, are in the case itself."""
    if detail in ("none", "text"):
        return names, [None if detail == "none" else "text", *tensors[1:]], arguments
    if detail == "keyword":
        return names, tensors, {**arguments, "no_such_keyword": 1}
    return names, tensors, arguments


def _prepared(
    backend: Any, binding: Any, case: Mapping[str, Any], names: Sequence[str], arguments: Mapping[str, Any], calls: dict[Any, Any]
) -> Any:  # fmt: skip
    spelt = json.dumps(arguments, sort_keys=True, default=repr)
    # Tensors that a layer is constructed with are part of it: they are told apart by their blobs.
    held = tuple(item["blob"] for item in case["inputs"] if item["name"] in binding.constructed)
    key = (
        binding.function,
        binding.id,
        spelt,
        tuple(names),
        case["quantity"],
        case.get("wrt", ""),
        case["mode"],
        case["dtype"],
        held,
    )
    if key not in calls:
        calls[key] = backend.prepare_tensors(
            binding, arguments, tuple(names), case["quantity"], case.get("wrt", ""), case["mode"], case["dtype"]
        )
    return calls[key]


def _binding(backend: Any, case: Mapping[str, Any], calls: dict[Any, Any]) -> Any:
    """The binding that a case is about, kept among the calls. Raises NotProvided."""
    wanted = (case["function"], case["entry_point"])
    if wanted not in calls:
        bindings = getattr(backend, "tensor_bindings", ())
        found = [one for one in bindings if one.function == wanted[0] and one.id == wanted[1]]
        if not found:
            raise registry.protocol().NotProvided(
                f"the adapter in this environment has no binding {case['entry_point']} for {case['function']}"
            )
        calls[wanted] = found[0]
    return calls[wanted]
