"""The least that anybody could do: one framework answers one plan, and every answer is thrown away.

Started by bench_bare.py:  python bare.py PLAN, with a plan that bench_bare.py wrote. The loop shares prepared calls and
tensors as the worker does, and has none of what the worker is for: no bits of answers, no hashes, no pipe, no run file,
no protection beyond `try`. Knows no truth and no verdict.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from conformance import registry  # noqa: E402
from conformance.cases.case import decode  # noqa: E402

NO_TENSOR: dict[str, tuple[Any, ...]] = {"missing": (), "none": (None,), "text": ("text",)}


def main(folder: Path) -> None:
    plan = decode(json.loads((folder / "plan.json").read_text()))
    backend = registry.load(plan["specification"])(plan["configuration"], plan["device"], plan["threads"])
    protocol = registry.protocol()
    bindings = {(binding.function, binding.id): binding for binding in backend.bindings}
    held: dict[str, bytes] = {}
    refused = 0
    for group in plan["groups"]:
        calls: dict[Any, Any] = {}
        tensors: dict[Any, Any] = {}
        for case in group:
            try:
                ask(backend, protocol, bindings[case["function"], case["entry_point"]], case, folder, held, calls, tensors)
            except BaseException:  # as in the worker: native extensions panic with errors of their own
                refused += 1
    print(f"{sum(len(group) for group in plan['groups'])} cases, {refused} refused")


def ask(
    backend: Any, protocol: Any, binding: Any, case: Any, folder: Path, held: dict[str, bytes], calls: dict[Any, Any], tensors: dict[Any, Any]
) -> None:  # fmt: skip
    in_place = binding.form.startswith("inplace")
    fresh = case["topic"] == "purity" or in_place or not backend.immutable

    def tensor(item: Any) -> Any:
        key = (item["blob"], item["dtype"], tuple(item["shape"]), item["view"])
        if fresh or key not in tensors:
            if item["blob"] not in held:
                held[item["blob"]] = (folder / item["blob"]).read_bytes()
            bits = np.frombuffer(held[item["blob"]], dtype=protocol.BITS[item["dtype"]]).reshape(item["shape"])
            tensors[key] = backend.tensor(protocol.Array(bits, item["dtype"]), item["view"])
        return tensors[key]

    topic, detail = case["topic"], case["detail"]
    asked = case["inputs"] if case["cotangent"] is None else [*case["inputs"], case["cotangent"]]
    operands = NO_TENSOR[detail] if topic == "error" and detail in NO_TENSOR else [tensor(item) for item in asked]
    arguments = case["arguments"]
    if topic == "error" and detail == "keyword":
        arguments = {**arguments, "no_such_keyword": 1}
    key = (json.dumps(arguments), case["quantity"], case["mode"], case["dtype"])
    if key not in calls:
        calls[key] = backend.prepare(binding, arguments, case["quantity"], case["mode"], case["dtype"])
    for _ in range(2 if topic == "repetition" else 1):
        backend.wait(list(calls[key](*operands)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
