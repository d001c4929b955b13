"""The plan for functions of tensors: which topics cross which dtypes and modes. One table, and what carries it out.

As `plan`, whose selection and modes it shares. Knows bindings as data, and no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.formats import FORMATS
from conformance.standard import TENSOR_FUNCTIONS, TensorFunction

from .case import Case
from .tensor_asker import TensorAsker, TensorBindingLike
from .tensor_errors import ask_errors
from .tensor_random import ask_draws
from .tensor_topics import TENSOR_TOPICS
from .topics import BackendLike, Group, Plan, is_elsewhere

FLOATS = tuple(FORMATS)
SINGLE = ("float32",)
EAGER, ALL = ("eager",), ("eager", "graph", "compiled")


@dataclass(frozen=True)
class TensorRow:
    """One row of the table.

    topic, dtypes, modes   what is crossed
    other_modes   dtypes asked in modes other than eager, and in every mode that compiles anew for each shape
    rules         names (or prefixes that end in a dot) of the rules that the judge answers from it
    quick         asked in the quick tier too
    """

    topic: str
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    other_modes: tuple[str, ...]
    rules: tuple[str, ...]
    quick: bool = False


_NUMBERS = (
    "value", "gradient.", "nan", "edge", "flush", "dtype.preserved", "dtype.supported", "shape", "property.", "invariance.",
)  # fmt: skip

TENSOR_PLAN: tuple[TensorRow, ...] = (
    # topic            dtypes      modes   other modes           answers
    TensorRow("draws",      FLOATS,     ALL,    SINGLE,    (*_NUMBERS, "hessian"), quick=True),
    TensorRow("edges",      FLOATS,     ALL,    SINGLE,    _NUMBERS, quick=True),
    TensorRow("options",    SINGLE,     ALL,    SINGLE,    ("option.", "options"), quick=True),
    TensorRow("reductions", ("float16", "float32"), ALL, SINGLE, ("reduction.", "rows.", "weight"), quick=True),
    TensorRow("arguments",  SINGLE,     ALL,    SINGLE,    ("argument.",), quick=True),
    TensorRow("ranks",      SINGLE,     EAGER,  SINGLE,    ("rank",)),
    TensorRow("axes",       SINGLE,     EAGER,  SINGLE,    ("axis", "option."), quick=True),
    TensorRow("sizes",      ("float16", "bfloat16", "float32"), EAGER, SINGLE, ("size", "size.empty")),
    TensorRow("rows",       SINGLE,     EAGER,  SINGLE,    ("invariance.rows", "invariance.bits")),
    TensorRow("layouts",    SINGLE,     EAGER,  SINGLE,    ("invariance.layout", "invariance.bits")),
    TensorRow("purity",     SINGLE,     EAGER,  SINGLE,    ("purity",)),
    TensorRow("repetition", SINGLE,     EAGER,  SINGLE,    ("invariance.repetition",)),
    TensorRow("copied",     SINGLE,     EAGER,  SINGLE,    ("invariance.copy",)),
    TensorRow("dtypes",     SINGLE,     EAGER,  SINGLE,    ("dtype.label", "dtype.mixed", "dtype.integer")),
    TensorRow("defaults",   SINGLE,     EAGER,  SINGLE,    ("defaults", "defaults.convention"), quick=True),
    TensorRow("symmetry",   SINGLE,     EAGER,  SINGLE,    ("property.",)),
    TensorRow("random",     FLOATS,     ("eager", "compiled"), SINGLE, ("training.", "gradient.training", "shape", "dtype.preserved", "dtype.supported")),
    TensorRow("error",      SINGLE,     ("eager", "compiled"), SINGLE, ("errors.",)),
)  # fmt: skip

OTHER_CONFIGURATIONS: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # As in `plan`: a configuration asks what it changes, topic -> dtypes and modes.
    "x64": {"draws": (("float64",), ("compiled",)), "edges": (("float64",), ("compiled",))},
}

COMPILES_ALWAYS = "eager"
"""A backend that lists this among the modes it recompiles in works anew for every shape even in the plain call (JAX)."""

ASKED_EAGERLY = ("draws", "purity", "repetition", "copied", "defaults", "error")
"""Topics that such a backend is asked about in the plain call too; all others under its compiler alone, but for the deep tier."""

EAGER_IS_ENOUGH = ("options",)
"""Topics that are asked under a compiler in the deep tier alone, where the plain call does without one."""

TOPICS = {**TENSOR_TOPICS, "random": ask_draws, "error": ask_errors}

OF_DRAWN = ("random", "purity", "error")
"""What functions that draw random numbers are asked: no answer of theirs has a truth. The first is asked of no others."""


def tensor_groups(
    plan: Plan, backend: BackendLike, configuration: str, modes: Sequence[str], functions: Sequence[str], dtypes: Sequence[str],
    rules: Sequence[str], tier: str,
) -> Iterator[Group]:  # fmt: skip
    """A group for each entry point of each function wanted, in the order of the standard. Empty selections mean everything."""
    modes = modes_for(backend, modes, tier)
    for name, function in TENSOR_FUNCTIONS.items():
        if functions and name not in functions:
            continue
        for binding in getattr(backend, "tensor_bindings", ()):
            if binding.function == name:
                cases = tuple(_cases(plan, backend, binding, function, configuration, modes, dtypes, rules, tier))
                if cases:
                    yield Group(f"{name}/{binding.id}", cases)


def _cases(
    plan: Plan, backend: BackendLike, binding: TensorBindingLike, function: TensorFunction, configuration: str, modes: Sequence[str],
    dtypes: Sequence[str], rules: Sequence[str], tier: str,
) -> Iterator[Case]:  # fmt: skip
    seen: set[str] = set()
    for row, mode, dtype in tensor_cells(backend, function, configuration, modes, dtypes, rules, tier):
        if is_elsewhere(binding.by_name, mode, tier):
            continue
        for case in TOPICS[row.topic](TensorAsker(plan, backend, binding, function, row.topic, mode, dtype, tier)):
            if case.id not in seen:  # different rows may come to the same question
                seen.add(case.id)
                yield case


def tensor_cells(
    backend: BackendLike, function: TensorFunction, configuration: str, modes: Sequence[str], dtypes: Sequence[str], rules: Sequence[str],
    tier: str,
) -> Iterator[tuple[TensorRow, str, str]]:  # fmt: skip
    """Rows with the mode and the dtype that they cross for any entry point of a function; `modes` are those of `modes_for`."""
    for row in TENSOR_PLAN:
        if not _answers(row, rules, function.name) or not concerns(row, function):
            continue
        for mode in modes:
            for dtype in dtypes_of(row, backend, configuration, mode, dtypes, tier):
                yield row, mode, dtype


def dtypes_of(
    row: TensorRow, backend: BackendLike, configuration: str, mode: str, wanted: Sequence[str], tier: str
) -> tuple[str, ...]:
    """The dtypes in which a row is asked of a backend in one mode."""
    chosen, modes = row.dtypes, row.modes
    if configuration in OTHER_CONFIGURATIONS:
        chosen, modes = OTHER_CONFIGURATIONS[configuration].get(row.topic, ((), ()))
    elif COMPILES_ALWAYS in backend.recompiles and tier != "deep":
        # One program for the whole question, instead of one for each operation in it, takes a third of the time.
        modes = row.modes if row.topic in ASKED_EAGERLY else ("compiled",)
        if tier == "quick" and "compiled" in modes:
            modes = ("compiled",)
        chosen = row.dtypes if mode == "compiled" and row.topic == "draws" else row.other_modes
    elif mode in backend.recompiles and row.topic in EAGER_IS_ENOUGH and tier != "deep":
        return ()
    elif mode != "eager" and tier != "deep":
        chosen = tuple(dtype for dtype in row.dtypes if dtype in row.other_modes)
    if mode not in modes or (tier == "quick" and not row.quick):
        return ()
    if wanted:
        return tuple(dtype for dtype in chosen if dtype in wanted)
    return tuple(dtype for dtype in chosen if dtype == "float32") if tier == "quick" else chosen


def concerns(row: TensorRow, function: TensorFunction) -> bool:
    """Whether a row can be asked of a function: whether it has truths, or draws."""
    return row.topic in OF_DRAWN if function.drawn else row.topic != OF_DRAWN[0]


def modes_for(backend: BackendLike, modes: Sequence[str], tier: str) -> Sequence[str]:
    """The modes asked, where those of the other functions are `modes`: in the quick tier a framework that compiles even the plain
    call is asked under its compiler what the default tier asks there."""
    if (
        tier == "quick"
        and COMPILES_ALWAYS in backend.recompiles
        and tuple(modes) == ("eager",)
        and "compiled" in backend.modes
    ):
        return ("eager", "compiled")
    return modes


def _answers(row: TensorRow, rules: Sequence[str], function: str) -> bool:
    """Whether the row bears on any of the rules wanted; a rule is named with or without its function."""
    if not rules:
        return True
    split = [rule.split(".", 1) if rule.split(".", 1)[0] in TENSOR_FUNCTIONS else ["", rule] for rule in rules]
    names = [name for of, name in split if of in ("", function)]
    return any(name.startswith(answered) or answered.startswith(name) for name in names for answered in row.rules)
