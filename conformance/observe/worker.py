"""A worker: runs cases against one framework and tells what happened, bit for bit, or which error was raised.

Runs in the environment of the framework under test: Python 3.9, NumPy 1.23 and later, the standard library, and through
the registry one adapter. Knows no truth and no verdict. A Python exception of a case never ends it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import platform
import queue
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Callable

import numpy as np

from conformance import registry
from conformance.observe import worker_signatures, worker_tensors
from conformance.observe import worker_wire as wire

LONGEST_MESSAGE = 2000
"""Characters of an error's message that are kept."""

RECORDED_VARIABLES = (
    "CUDA_", "JAX_", "KERAS_", "MKL_", "OMP_", "OPENBLAS_", "PYTORCH_", "TF_CPP_", "TF_CUDNN_", "TF_DETERMINISTIC_",
    "TF_ENABLE_", "TF_NUM_", "TF_USE_", "TF_XLA_", "TORCH", "XLA_",
)  # fmt: skip
"""Environment variables that change what frameworks compute start with these; they are recorded, and no others."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,16}\b")
_INVALID_TENSOR = {"missing": (), "none": (None,), "text": ("text",)}


def main() -> None:
    """Talk over what were standard input and output, and end the process."""
    incoming, outgoing = _take_over_standard_streams()
    serve(_in_background(incoming), outgoing)
    outgoing.flush()
    sys.stderr.flush()
    os._exit(0)  # frameworks can take seconds to tear down, or crash doing so, when everything is already said


def serve(receive: Callable[[], wire.Message], outgoing: BinaryIO) -> None:
    """Answer `hello`, then every `group`, until `bye`."""
    hello, _ = receive()
    try:
        if hello["protocol"] != wire.PROTOCOL:
            raise RuntimeError(f"the engine speaks protocol {hello['protocol']}, this worker {wire.PROTOCOL}")
        adapter = registry.load(hello["backend"])
        backend = adapter(hello["configuration"], hello["device"], hello["threads"])
        ready = {
            "type": "ready", "versions": backend.versions(), "environment": environment(hello["threads"]),
            "public": worker_signatures.recorded(backend),
        }  # fmt: skip
    except Exception as error:
        problem = {"type": "problem", "error_type": type(error).__name__, "message": readable(error)}
        wire.write_frame(outgoing, wire.encode(problem))
        return
    wire.write_frame(outgoing, wire.encode(ready))
    outgoing.flush()
    held: dict[str, bytes] = {}
    known: set[str] = {blob_hash(b"")}
    while True:
        message, blobs = receive()
        if message["type"] == "bye":
            return
        held.update(blobs)
        known.update(blobs)
        run_group(backend, message, held, known, outgoing)


def run_group(
    backend: Any, group: Mapping[str, Any], held: Mapping[str, bytes], known: set[str], outgoing: BinaryIO
) -> None:
    """Run the cases of one group in order and write an answer for each.

    `held` are the input blobs; `known` the hashes of blobs that the engine has, which are not sent again.
    """
    wire.write_frame(outgoing, wire.encode({"type": "begun", "id": group["id"]}))
    outgoing.flush()
    before = floating_point_state()
    caches = Caches({}, {})
    for index, case in enumerate(group["cases"]):
        answer, arrays = run_case(backend, case, held, caches)
        fresh = [(name, data) for name, data in arrays if name not in known]
        known.update(name for name, _ in fresh)
        wire.write_frame(outgoing, wire.encode({"type": "done", "index": index, **answer}), fresh)
        outgoing.flush()
    after = floating_point_state()
    wire.write_frame(outgoing, wire.encode({"type": "group_done", "id": group["id"], "before": before, "after": after}))
    outgoing.flush()


class Caches:
    """What the cases of one group share: prepared calls, and tensors where nothing can change them."""

    def __init__(self, calls: dict[Any, Any], tensors: dict[Any, Any]) -> None:
        self.calls = calls
        self.tensors = tensors

    def clear(self) -> None:
        self.calls.clear()
        self.tensors.clear()


def run_case(
    backend: Any, case: Mapping[str, Any], held: Mapping[str, bytes], caches: Caches
) -> tuple[dict[str, Any], list[tuple[str, wire.Buffer]]]:
    """The answer to one case, and the blobs that it names as pairs of hash and bytes."""
    words = registry.protocol()
    try:
        return _ask(backend, case, held, caches)
    except KeyboardInterrupt:
        raise
    except words.NotProvided as error:
        return _failure("not_provided", error), []
    except words.NotSupported as error:
        return _failure("not_supported", error), []
    except MemoryError as error:
        caches.clear()
        gc.collect()
        return _failure("raised", error), []
    except BaseException as error:  # SystemExit and panics of native extensions are answers too
        text = f"{type(error).__name__}: {error}"
        lacking = any(re.search(pattern, text) for pattern in backend.not_supported)
        return _failure("not_supported" if lacking else "raised", error), []


def _ask(
    backend: Any, case: Mapping[str, Any], held: Mapping[str, bytes], caches: Caches
) -> tuple[dict[str, Any], list[tuple[str, wire.Buffer]]]:
    if case.get("rule"):
        return _ask_tensors(backend, case, held, caches)
    binding = _binding(backend, case)
    topic = case["topic"]
    fresh = topic in ("purity", "inplace") or binding.form.startswith("inplace")

    def make(item: Mapping[str, Any]) -> Any:
        return _tensor(backend, item, held, None if fresh else caches.tensors)

    tensors = [make(item) for item in case["inputs"]]
    operands: Sequence[Any] = tensors if case["cotangent"] is None else [*tensors, make(case["cotangent"])]
    if topic == "error":
        operands = invalid_operands(binding, case["detail"], tensors)
    call = _prepared(backend, binding, case, caches.calls)

    if topic == "random":
        backend.seed(registry.protocol().SEED)
    started = time.perf_counter()
    outputs = list(call(*operands))
    backend.wait(outputs)
    seconds = time.perf_counter() - started
    if topic == "repetition":
        if binding.form.startswith("inplace"):
            operands = [make(case["inputs"][0]), *operands[1:]]  # the first call has changed its argument
        again = list(call(*operands))
        backend.wait(again)
        outputs += again
    if topic == "random" and case["detail"] == "draws":
        outputs += list(call(*[make(item) for item in case["inputs"]]))
        backend.seed(registry.protocol().SEED)
        outputs += list(call(*[make(item) for item in case["inputs"]]))
        backend.wait(outputs)

    described = [_describe(backend, output) for output in outputs]
    after = _describe(backend, tensors[0]) if topic in ("purity", "inplace") else None
    answer = {
        "outcome": "returned",
        "outputs": [output for output, _ in described],
        "after": after[0] if after else None,
        "seconds": round(seconds, 9),
    }
    blobs = [(output["blob"], data) for output, data in ([*described, after] if after else described)]
    return answer, blobs


def _ask_tensors(
    backend: Any, case: Mapping[str, Any], held: Mapping[str, bytes], caches: Caches
) -> tuple[dict[str, Any], list[tuple[str, wire.Buffer]]]:
    """As `_ask`, for functions of several tensors. Where the case is about purity, the arguments follow the result."""
    pure = case["topic"] == "purity"

    def make(item: Mapping[str, Any]) -> Any:
        return _tensor(backend, item, held, None if pure else caches.tensors)

    outputs, tensors, seconds = worker_tensors.ask(backend, case, make, caches.calls)
    described = [_describe(backend, output) for output in (*outputs, *(tensors if pure else ()))]
    answer = {
        "outcome": "returned",
        "outputs": [output for output, _ in described],
        "after": None,
        "seconds": round(seconds, 9),
    }
    return answer, [(output["blob"], data) for output, data in described]


def invalid_operands(binding: Any, detail: str, tensors: Sequence[Any]) -> Sequence[Any]:
    """The operands of a call that must be refused; where its keywords are what is wrong, they are sound."""
    if detail in _INVALID_TENSOR:
        return (*_INVALID_TENSOR[detail], *(tensors[1:] if detail != "missing" else ()))
    texts = [detail == f"type-{name}" for name in binding.operands]
    return [tensors[0], *("0.5" if text else tensor for text, tensor in zip(texts, tensors[1:]))]


def _binding(backend: Any, case: Mapping[str, Any]) -> Any:
    """The binding with this id for this function (an entry point may be bound to several). Raises NotProvided."""
    for binding in backend.bindings:
        if binding.function == case["function"] and binding.id == case["entry_point"]:
            return binding
    raise registry.protocol().NotProvided(
        f"the adapter in this environment has no binding {case['entry_point']} for {case['function']}"
    )


def _prepared(backend: Any, binding: Any, case: Mapping[str, Any], calls: dict[Any, Any]) -> Any:
    arguments = dict(case["arguments"])
    if case["topic"] == "error" and case["detail"] == "keyword":
        arguments["no_such_keyword"] = 1
    spelt = json.dumps(arguments, sort_keys=True)
    key = (binding.function, binding.id, spelt, case["quantity"], case["mode"], case["dtype"])
    if key not in calls:
        calls[key] = backend.prepare(binding, arguments, case["quantity"], case["mode"], case["dtype"])
    return calls[key]


def _tensor(backend: Any, item: Mapping[str, Any], held: Mapping[str, bytes], cache: dict[Any, Any] | None) -> Any:
    """A tensor with the bits of `item`. It is shared only where an adapter says `immutable = True`: a call that changes
    its input must spoil its own case and no other."""
    words = registry.protocol()
    shape = tuple(item["shape"])
    key = (item["blob"], item["dtype"], shape, item["view"])
    if cache is not None and key in cache:
        return cache[key]
    bits = np.frombuffer(held[item["blob"]], dtype=words.BITS[item["dtype"]]).reshape(shape)
    tensor = backend.tensor(words.Array(bits, item["dtype"]), item["view"])
    if cache is not None and getattr(backend, "immutable", False):
        cache[key] = tensor
    return tensor


def _describe(backend: Any, tensor: Any) -> tuple[dict[str, Any], wire.Buffer]:
    """An output as the wire names it, and its bytes. A missing gradient has dtype `none`."""
    if tensor is None:
        return {"dtype": "none", "shape": [], "blob": blob_hash(b"")}, b""
    array = backend.array(tensor)
    bits = np.ascontiguousarray(array.bits)
    # A view saves a copy of what is long; memoryview can't cast arrays without elements.
    data = bits.data.cast("B") if bits.nbytes > 4096 else bits.tobytes()
    return {"dtype": array.dtype, "shape": list(array.bits.shape), "blob": blob_hash(data)}, data


def _failure(outcome: str, error: BaseException) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "outputs": [],
        "error_type": type(error).__name__,
        "message": readable(error),
        "after": None,
        "seconds": 0.0,
    }


def readable(error: BaseException) -> str:
    """The message of an error as it is recorded: no addresses, which differ from run to run, no control characters."""
    try:
        text = str(error)
    except Exception as second:
        text = f"(its message can't be shown: {type(second).__name__})"
    text = _CONTROL.sub("�", _ADDRESS.sub("0x…", text)).encode("utf-8", "replace").decode()
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = LONGEST_MESSAGE // 2  # the middle goes: traced functions put the error itself at the end
    return text[: half - 1] + "…" + text[-half:]


def blob_hash(data: wire.Buffer) -> str:
    """Name of a blob; the same hash as `conformance.cases.case.blob_hash`."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def floating_point_state() -> dict[str, Any]:
    """Rounding direction, and whether subnormals are flushed, in this thread as NumPy computes in it.

    `flush_to_zero`: results that would be subnormal become zero; `denormals_are_zero`: arguments do. Compared by bits,
    because with subnormal arguments read as zero they would equal it.
    """
    with np.errstate(all="ignore"):
        smallest = np.array([1], dtype=np.uint64).view(np.float64)
        half = np.array([2.0**-1022]) * np.array([0.5])
        one, tiny, most = np.array([1.0]), np.array([2.0**-53]), np.array([1.5 * 2.0**-53])
        up, down, near = (one + tiny)[0] > 1, (-one - tiny)[0] < -1, (one + most)[0] > 1
        scaled = smallest * np.array([2.0**200])
    rounding = "upward" if up else "downward" if down else "nearest" if near else "toward zero"
    return {
        "rounding": rounding,
        "flush_to_zero": not half.view(np.uint64)[0],
        "denormals_are_zero": not scaled.view(np.uint64)[0],
    }


def environment(threads: int) -> dict[str, Any]:
    """What this process is: Python, NumPy, platform, threads, floating-point state, variables that matter."""
    variables = {key: value for key, value in sorted(os.environ.items()) if key.startswith(RECORDED_VARIABLES)}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "threads": threads,
        "variables": variables,
        "python_path": os.environ.get("PYTHONPATH", ""),
        **floating_point_state(),
    }


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the two pipes for ourselves; what frameworks print goes to standard error and can't break the protocol."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb", buffering=1 << 18)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.stdout.flush()
    os.dup2(2, 1)
    return incoming, outgoing


def _in_background(incoming: BinaryIO) -> Callable[[], wire.Message]:
    """A function that gives the next message; a thread reads ahead of it.

    When the engine is gone the thread ends the process, also in the middle of a case that would never end.
    """
    messages: queue.SimpleQueue[wire.Message] = queue.SimpleQueue()

    def read() -> None:
        while True:
            message = wire.read_frame(incoming)
            if message is None:
                os._exit(1)
            messages.put(message)
            if message[0]["type"] == "bye":
                return

    threading.Thread(target=read, name="reader", daemon=True).start()
    return messages.get
