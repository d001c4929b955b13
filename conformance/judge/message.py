"""The four lines that say what a deviation is: what was asked, what came, what would have conformed, how to see it again.

The same four lines in pytest, JUnit, HTML and on the terminal. Knows the records and the standard's sentences; knows no
framework. Text that came from a framework is data: control characters are dropped, line ends folded, its length capped.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from functools import cache

from conformance.formats import FORMATS, Format
from conformance.judge.records import Finding, Result, Worst
from conformance.standard import CATALOGUE, FUNCTIONS, TENSOR_FUNCTIONS, Rule, rules_of

LONGEST_LINE = 400
"""Characters that one of the four lines may have; what is longer is cut and marked with an ellipsis."""


_COLOUR = re.compile("[\x1b�]" r"\[[0-9;]*m")
"""A terminal's colours, whose escape character a worker may have replaced."""

_INFINITY = re.compile(r"(?<![a-z])inf(?![a-z])")
"""In `-inf` and in `logits = [-inf, 0]`, and not in the name of an argument."""

MANY = 1000
"""ULP from which on a bar is told as a number: beyond, the unit is no longer a measure that a person can feel."""

UNDERFLOWS = " (underflows)"
"""How a truth too small for the format is marked (conformance.truth.ulps.decimal)."""

MEASURED = (
    "value", "subnormal", "overflow", "nan", "limit", "gradient", "second_derivative", "dtype.integer", "defaults",
)  # fmt: skip
"""How the rules begin under which one number is due: what conforms is the truth, give or take the bar."""

MEASURED_OF_TENSORS = (
    "value", "edge", "nan", "gradient.", "hessian", "option", "argument.", "reduction.", "rows.", "weight", "rank", "axis", "size",
    "invariance.rows", "invariance.layout", "invariance.repetition", "invariance.copy", "defaults",
)  # fmt: skip
"""The same for functions of several tensors, which have an answer with a bar under nearly every rule."""


def four_lines(item: Finding | Result, *, run: str = "RUN", backend: str = "") -> str:
    """Four lines, without a line end after the last, for a finding or for a single result.

    `run` is the run file's name as the reader should type it. `backend` is needed only for a Result whose subject id is
    not `backend` or `backend-configuration`; a Finding knows its own.
    """
    return "\n".join(
        (
            f"asked     {folded(_asked(item))}",
            f"came      {folded(_came(item))}",
            f"conforms  {folded(_conforming(item))}",
            f"again     {folded(_again(item, run, backend))}",
        )
    )


def rule_name(item: Finding | Result) -> str:
    """The rule without its function: `limit.-inf`, whether the record says `limit.-inf` or `gelu.limit.-inf`."""
    return item.rule.removeprefix(f"{item.function}.")


def quantity_of(rule: str) -> str:
    """What a rule (name without function) is about: `value`, `gradient`, `forward_gradient` or `second_derivative`."""
    if rule.startswith("gradient.forward"):
        return "forward_gradient"
    if rule.startswith(("gradient", "kink")):
        return "gradient"
    return "second_derivative" if rule.startswith(("second_derivative", "hessian")) else "value"


def sentence_of(function: str, rule: str) -> str:
    """The normative sentence of a rule, or nothing where the standard at hand does not have it; `*` is any function."""
    found = _rules(next(iter(FUNCTIONS)) if function == "*" else function).get(rule)
    return found.sentence if found else ""


def unusual(function: str, parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters that are not the standard's defaults; all of them where the standard at hand lacks the function."""
    usual = CATALOGUE[function].defaults() if function in CATALOGUE else {}
    return {name: value for name, value in parameters.items() if name not in usual or not _is_same(usual[name], value)}


def _is_same(one: object, other: object) -> bool:
    """1 and 1.0 are the same, 1 and True are not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def spelled(parameters: Mapping[str, object]) -> str:
    """`beta = 1, threshold = inf, reduction = mean`; every digit of a number that needs them."""
    return ", ".join(f"{name} = {short(value)}" for name, value in parameters.items())


def short(number: object) -> str:
    """A number as a person writes it: integers without a point, the shortest decimal that reads back otherwise; what is no
    number is itself."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return str(list(number) if isinstance(number, tuple) else number)
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def ulps(error: float) -> str:
    """An error in ULP with the digits that matter: `0.50`, `31.5`, `1.6e+07`, `∞`."""
    if math.isnan(error):
        return "no number of"
    if math.isinf(error):
        return "∞"
    if error == 0:
        return "0"
    if error >= 1e5 or error < 0.005:
        return f"{error:.2g}"
    return f"{error:.2f}" if error < 10 else f"{error:.1f}" if error < 1000 else f"{error:,.0f}"


@cache
def _rules(function: str) -> dict[str, Rule]:
    found = CATALOGUE.get(function)
    return {rule.name: rule for rule in rules_of(found)} if found else {}


def _asked(item: Finding | Result) -> str:
    worst = item.worst
    of_tensors = item.function in TENSOR_FUNCTIONS
    name = worst.asked if worst and worst.asked else _name(item.function, rule_name(item))
    argument = ", ".join(worst.input) if worst else _arguments(item.function)
    written = f" [{', '.join(worst.input_bits)}]" if worst and any(worst.input_bits) else ""
    # A loss has up to ten options, nearly all of them as usual.
    told = unusual(item.function, item.parameters) if of_tensors else item.parameters
    parameters = f"; {spelled(told)}" if told else ""
    if isinstance(item, Finding):
        entries = _several(item.entry_points)
        dtype = worst.dtype if worst else _several(item.dtypes)
        mode = worst.mode if worst else _several(item.modes)
    else:
        entries, dtype, mode = item.entry_point, item.dtype, item.mode
    return (
        f"{name}({argument}{parameters}){written} in {dtype}, {mode}, of {entries}"
        f" on {item.subject}: rule {item.function}.{rule_name(item)} ({item.level})"
    )


def _name(function: str, rule: str) -> str:
    """What a rule is about: `gelu′`, `∂huber/∂prediction`."""
    quantity = quantity_of(rule)
    if function not in TENSOR_FUNCTIONS:
        return function + {"gradient": "′", "forward_gradient": "′", "second_derivative": "″"}.get(quantity, "")
    names = [argument.name for argument in TENSOR_FUNCTIONS[function].arguments]
    wrt = rule.split(".")[1] if quantity == "gradient" else ""
    if wrt in names:
        return f"∂{function}/∂{wrt}"
    return {"forward_gradient": "∂", "gradient": "∂", "second_derivative": "∂²"}.get(quantity, "") + function


def _arguments(function: str) -> str:
    found = TENSOR_FUNCTIONS.get(function)
    return ", ".join(argument.name for argument in found.arguments if not argument.optional) if found else "x"


def _came(item: Finding | Result) -> str:
    worst = item.worst
    if worst is None:
        outcome = item.outcome.replace("_", " ") if isinstance(item, Result) else ""
        # A message says how a worker ended, and not that this was no answer.
        silent = outcome in ("crashed", "timed out", "undecided") and item.message
        return f"{outcome}: {item.message}" if silent else item.message or outcome
    came = worst.observed + (f" [{worst.observed_bits}]" if worst.observed_bits else "")
    if math.isfinite(worst.ulp):
        # Near a zero of the truth even an honest answer is many ULP away: there the bar says more.
        beyond = worst.ulp / worst.bar if worst.bar >= MANY else 0
        came += f", {ulps(worst.ulp)} ULP from the truth"
        came += f", {ulps(beyond)} times what is accepted" if beyond > 1 else ""
    return f"{came}: {item.message}" if item.message else came


def _conforming(item: Finding | Result) -> str:
    worst, rule = item.worst, rule_name(item)
    sentence = sentence_of(item.function, rule)
    if worst is None or not worst.truth:
        return sentence or "what the rule says"
    if rule.startswith("kink.") and not rule.endswith(".convention") and " to " in worst.truth:
        return f"any number from {worst.truth}"
    of_tensors = item.function in TENSOR_FUNCTIONS
    if of_tensors and " to " in worst.truth:
        return f"any number from {worst.truth}"
    # Elsewhere (a kink, an invariance, a shape) more than one answer conforms, and the sentence says which.
    measured = rule.startswith(MEASURED_OF_TENSORS if of_tensors else MEASURED)
    return sentence if sentence and not measured else accepted(worst)


def accepted(worst: Worst) -> str:
    """What would have conformed at the worst input: `0.5, within 4.5 ULP`, or exactly the truth."""
    zero = worst.truth.removesuffix(UNDERFLOWS)
    if zero != worst.truth:
        infinite = any(_INFINITY.search(given) for given in worst.input)
        return (
            zero if infinite else f"{zero}, because the true value is nearer to zero than any number of {worst.dtype}"
        )
    if not _is_number(worst.truth):
        return worst.truth
    if worst.bar >= MANY and worst.dtype in FORMATS:
        return f"{worst.truth}, give or take {worst.bar * _ulp(float(worst.truth), FORMATS[worst.dtype]):.2g}"
    return f"{worst.truth}, within {ulps(worst.bar)} ULP" if worst.bar > 0 else f"{worst.truth}, exactly"


def _ulp(truth: float, format: Format) -> float:
    """One unit in the last place of a number."""
    exponent = math.frexp(truth)[1] - 1 if truth else format.emin
    return math.ldexp(1.0, max(exponent, format.emin) - format.precision + 1)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _again(item: Finding | Result, run: str, backend: str) -> str:
    if isinstance(item, Finding):
        if item.status == "stale":
            return f"nnconform expect {shlex.quote(run)} --update"
        return f"nnconform repro {shlex.quote(run)} {shlex.quote(item.id)}"
    backend = backend or item.subject.rpartition("-")[0] or item.subject
    words = ["run", backend, "--functions", item.function, "--rules", rule_name(item)]
    words += ["--dtypes", item.dtype] if item.dtype else []
    words += ["--modes", item.mode] if item.mode else []
    return "nnconform " + " ".join(shlex.quote(word) for word in words)


def _several(names: tuple[str, ...]) -> str:
    if not names:
        return "any"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def folded(text: str) -> str:
    """Text that came from elsewhere, as a part of one line: without control characters, at most LONGEST_LINE long."""
    plain = _COLOUR.sub("", text)
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "�" for c in plain).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
