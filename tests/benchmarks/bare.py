"""The least that anybody could do: one framework answers one plan, and every answer is thrown away.

Started by bench_bare.py:  python bare.py PLAN, with a plan that bench_bare.py wrote; prints how many calls were refused. The loop shares prepared calls and
tensors as the worker does, and has none of what the worker is for: no bits of answers, no hashes, no pipe, no run file,
no protection beyond `try`. Knows no truth and no verdict.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from conformance import registry  # noqa: E402
from conformance.cases.case import decode  # noqa: E402
from conformance.observe import worker_tensors  # noqa: E402
from conformance.observe.worker import invalid_operands  # noqa: E402


class Loop:
    """What the calls of one process share; `calls` and `tensors` are shared within a group, as in the worker."""

    def __init__(self, plan: dict[str, Any], folder: Path) -> None:
        self.backend = registry.load(plan["specification"])(plan["configuration"], plan["device"], plan["threads"])
        self.bits_types = registry.protocol().BITS
        self.array = registry.protocol().Array
        self.bindings = {(binding.function, binding.id): binding for binding in self.backend.bindings}
        self.folder = folder
        self.held: dict[str, bytes] = {}
        self.calls: dict[Any, Any] = {}
        self.tensors: dict[Any, Any] = {}

    def ask(self, case: dict[str, Any]) -> None:
        """One case, its answer thrown away. Raises whatever the framework raises."""
        if case["rule"]:
            outputs, _, _ = worker_tensors.ask(
                self.backend, case, lambda item: self.tensor(item, not self.backend.immutable), self.calls
            )
            self.backend.wait(outputs)
            return
        binding = self.bindings[case["function"], case["entry_point"]]
        own = case["topic"] == "purity" or binding.form.startswith("inplace") or not self.backend.immutable
        topic, detail, arguments = case["topic"], case["detail"], case["arguments"]
        asked = case["inputs"] if case["cotangent"] is None else [*case["inputs"], case["cotangent"]]
        operands = [self.tensor(item, own) for item in asked]
        if topic == "error":
            operands = list(invalid_operands(binding, detail, operands))
        if topic == "random":
            self.backend.seed(registry.protocol().SEED)
        if topic == "error" and detail == "keyword":
            arguments = {**arguments, "no_such_keyword": 1}
        key = (json.dumps(arguments), case["quantity"], case["mode"], case["dtype"])
        if key not in self.calls:
            self.calls[key] = self.backend.prepare(binding, arguments, case["quantity"], case["mode"], case["dtype"])
        for _ in range(3 if detail == "draws" else 2 if topic == "repetition" else 1):
            self.backend.wait(list(self.calls[key](*operands)))

    def tensor(self, item: Mapping[str, Any], own: bool) -> Any:
        key = (item["blob"], item["dtype"], tuple(item["shape"]), item["view"])
        if own or key not in self.tensors:
            if item["blob"] not in self.held:
                self.held[item["blob"]] = (self.folder / item["blob"]).read_bytes()
            bits = np.frombuffer(self.held[item["blob"]], dtype=self.bits_types[item["dtype"]]).reshape(item["shape"])
            self.tensors[key] = self.backend.tensor(self.array(bits, item["dtype"]), item["view"])
        return self.tensors[key]


def main(folder: Path) -> None:
    plan = decode(json.loads((folder / "plan.json").read_text()))
    loop = Loop(plan, folder)
    refused = 0
    for group in plan["groups"]:
        loop.calls, loop.tensors = {}, {}
        for case in group:
            try:
                loop.ask(case)
            except BaseException:  # as in the worker: native extensions panic with errors of their own
                refused += 1
    print(refused)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
