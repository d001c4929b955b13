"""A made-up run, shaped like a real one, for the tests of the writers: six functions, five subjects that ran and one that
could not, findings of every severity and status, text that tries to break out of every format.

Its numbers are made up by rule (a hash of the names), so that it is the same on every machine; nothing here measures.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from conformance.formats import FORMATS, decimal, hexadecimal, round_to
from conformance.judge.message import quantity_of
from conformance.judge.records import Convention, Exhibit, Finding, Judgement, Result, Strip, Totals, Worst
from conformance.observe.observation import Subject
from conformance.standard import FUNCTIONS, Function, rules_of

Binding: Any = importlib.import_module("conformance.backends.protocol").Binding

SIX = ("relu", "leaky_relu", "hard_swish", "sigmoid", "gelu", "softplus")
"""Functions of every shape; a table of all of them only takes more time."""

HOSTILE = "<script>alert(1)</script></script><img src=x onerror=alert(2)> & ]]> \x1b[31m \x00 \u202e | `tick` =1+1"

SUBJECTS = (
    Subject("numpy", "numpy", "default", "cpu", {"numpy": "2.4.6", "scipy": "1.17.1"}, {"python": "3.11.2", "threads": 1}),
    Subject("torch", "torch", "default", "cpu", {"torch": "2.13.0+cpu"}, {"python": "3.11.2", "threads": 1}),
    Subject(
        "tensorflow", "tensorflow", "default", "cpu", {"tensorflow": "2.21.0", "keras": "3.15.0"}, {"python": "3.11.2"}
    ),
    Subject("jax", "jax", "default", "cpu", {"jax": "0.10.2", "optax": "0.2.6"}, {"flush": {"before": False}}),
    Subject("jax-x64", "jax", "x64", "cpu", {"jax": "0.10.2", "optax": "0.2.6"}, {"flush": {"before": False}}),
    Subject("toy", "toy", "default", "cpu", {}, {}, problem=f"ModuleNotFoundError: No module named 'toy' {HOSTILE}"),
)  # fmt: skip


def bindings() -> dict[str, list[Any]]:
    """Entry points as the backends would declare them."""

    def torch(function: str, names: tuple[str, ...], **more: Any) -> list[Any]:
        return [
            Binding(function, name, documentation="https://docs.pytorch.org/docs/stable/", **more) for name in names
        ]

    slope = {"slope": "negative_slope"}
    soft = {"beta": "beta", "threshold": "threshold"}
    infinite = {"beta": 1.0, "threshold": math.inf}
    return {
        "numpy": [Binding(name, f"conformance.backends.numpy_functions.{name}", defaults=f.defaults()) for name, f in FUNCTIONS.items()],
        "torch": [
            *torch("relu", ("torch.relu", "torch.nn.functional.relu", "torch.nn.ReLU")),
            Binding("relu", "torch.nn.ReLU", form="inplace_layer", keywords={"inplace": True}),
            *torch("leaky_relu", ("torch.nn.functional.leaky_relu",), parameters=slope, defaults={"slope": 0.01}),
            *torch("sigmoid", ("torch.sigmoid", "torch.nn.functional.sigmoid", "torch.special.expit")),
            *torch("gelu", ("torch.nn.functional.gelu", "torch.nn.GELU")),
            *torch("softplus", ("torch.nn.functional.softplus",), parameters=soft, defaults={"beta": 1.0, "threshold": 20.0}),
            *torch("hard_swish", ("torch.nn.functional.hardswish",)),
        ],
        "tensorflow": [
            Binding("relu", "tensorflow.nn.relu"),
            Binding("leaky_relu", "tensorflow.nn.leaky_relu", parameters={"slope": "alpha"}, defaults={"slope": 0.2}),
            Binding("leaky_relu", "keras.layers.LeakyReLU", form="layer", parameters={"slope": "negative_slope"}, defaults={"slope": 0.3}),
            Binding("sigmoid", "tensorflow.nn.sigmoid"),
            Binding("gelu", "tensorflow.nn.gelu", keywords={"approximate": False}),
            Binding("gelu", "keras.activations.gelu", remark=f"exact by default {HOSTILE}"),
            Binding("softplus", "tensorflow.nn.softplus", fixed=infinite),
            Binding("hard_swish", "keras.activations.hard_swish"),
        ],
        "jax": [
            Binding("relu", "jax.nn.relu"),
            Binding("leaky_relu", "jax.nn.leaky_relu", parameters={"slope": "negative_slope"}, defaults={"slope": 0.01}),
            Binding("sigmoid", "jax.nn.sigmoid"),
            Binding("gelu", "jax.nn.gelu", keywords={"approximate": False}),
            Binding("softplus", "jax.nn.softplus", fixed=infinite),
            Binding("hard_swish", "jax.nn.hard_swish"),
        ],
        "toy": [],
    }  # fmt: skip


# subject, function, rule, dtypes, modes, region, severity, status, input, observed, truth, ulp, message
PLANTED: tuple[tuple[Any, ...], ...] = (
    ("tensorflow", "gelu", "value", ("float32",), ("eager", "graph"), "(-inf, -1.41)", "wrong", "new",
     -5.6, -0.0, -6.0023e-08, 8388608.0, "0 of 24 bits are right: 1 + erf(x/√2) has cancelled"),
    ("jax", "gelu", "value", ("float32", "float64"), ("eager", "compiled"), "(-inf, -1.41)", "inaccurate", "new",
     -5.2, -5.1e-07, -5.18e-07, 1244.3, "beyond the bar in the tail"),
    ("jax", "softplus", "gradient.nan", ("float16", "bfloat16", "float32"), ("eager",), "nan", "wrong", "new",
     math.nan, 0.0, math.nan, math.nan, "a number where NaN is due"),
    ("torch", "softplus", "value", ("float64",), ("eager",), "[threshold, +inf)", "inaccurate", "expected",
     20.1, 20.1, 20.100000001865, 525161.2, "x itself above the threshold"),
    ("torch", "hard_swish", "kink.-3", ("float32",), ("eager",), "-3", "convention", "new",
     -3.0, -0.5, 0.0, math.inf, f"chose −1/2 {HOSTILE}"),
    ("torch", "relu", "invariance.bits", ("float32", "bfloat16"), ("eager",), "all", "information", "new",
     0.5, 0.5, 0.5, 0.25, "bits differ between lengths 16 and 17"),
    ("jax-x64", "sigmoid", "subnormal", ("float32",), ("compiled",), "(-inf, 0)", "inaccurate", "new",
     -88.0, 0.0, 6.05e-39, 4323455.0, "flushed to zero"),
    ("tensorflow", "leaky_relu", "errors.parameter_type", ("float32",), ("eager",), "all", "wrong", "new",
     None, None, None, 0.0, f"a text was taken as slope: {HOSTILE}"),
    ("numpy", "leaky_relu", "overflow", ("float16",), ("eager",), "(0, +inf)", "inaccurate", "stale",
     65504.0, math.inf, 65504.0, math.inf, "no longer seen"),
)  # fmt: skip


@cache
def judgement(names: tuple[str, ...] = SIX) -> Judgement:
    """The sample, about the functions of these names; findings are about some of SIX."""
    results = _results(names)
    findings = tuple(_finding(number, results) for number in range(len(PLANTED)))
    counted = {
        name: sum(r.outcome == name for r in results)
        for name in ("not_provided", "not_supported", "crashed", "timed_out", "raised")
    }
    totals = Totals(
        comparisons=sum(r.comparisons for r in results),
        vacuous=sum(r.vacuous for r in results),
        conforms=sum(r.conforms for r in results),
        deviates=sum(r.deviates for r in results),
        unspecified=sum(r.unspecified for r in results),
        undecided=sum(r.undecided for r in results),
        could_not_run=1,
        expected=1,
        **counted,
    )
    return Judgement(
        environment={
            "command": f"nnconform run numpy torch tensorflow jax toy --out 'a b' {HOSTILE}",
            "platform": "Linux-6.1-x86_64", "nnconform": "0.1.0", "standard": "0.1.0", "oracle": "python-flint 0.8.0",
            "tier": "default", "started": "2026-11-21T11:40:00Z", "seconds": math.inf, "cpu": {"flags": ["avx2", "fma"], "cores": 2},
        },
        subjects=SUBJECTS,
        totals=totals,
        results=results,
        findings=findings,
        strips=_strips(names),
        exhibits=_exhibits(names),
        conventions=_conventions(names),
        unspecified={"dtype.supported": "support is only recorded", "flush": "flushing is one finding per subject"},
    )  # fmt: skip


def conforming_checks(made: Judgement, subject: str) -> int:
    """Checks of a subject in which every result conforms; in this sample no check has both kinds."""
    return len(
        {
            (r.entry_point, r.function, r.rule, r.dtype, r.mode)
            for r in made.results
            if (r.subject, r.outcome) == (subject, "conforms")
        }
    )


@cache
def _entry_points(backend: str, function: str) -> list[Any]:
    return [binding for binding in bindings()[backend] if binding.function == function]


def _modes(subject: Subject) -> tuple[str, ...]:
    return {"numpy": ("eager",), "torch": ("eager",), "tensorflow": ("eager", "graph", "compiled")}.get(
        subject.backend, ("eager", "compiled")
    )


def _dtypes(subject: Subject) -> tuple[str, ...]:
    return tuple(name for name in FORMATS if not (subject.id == "jax" and name == "float64"))


def _regions(function: Function) -> list[str]:
    points = [kink.name for kink in function.kinks] + [mark.name for mark in function.landmarks]
    return [f"(-inf, {points[0]})", f"({points[-1]}, +inf)"] if points else ["all"]


def _made_up(*names: str) -> int:
    return int.from_bytes(hashlib.blake2b("/".join(names).encode(), digest_size=4).digest(), "little")


def _results(names: Sequence[str]) -> tuple[Result, ...]:
    results = [_planted(number) for number, row in enumerate(PLANTED) if row[7] != "stale"]
    flat = [result for group in results for result in group]
    taken = {(r.subject, r.entry_point, r.rule, r.function, r.dtype, r.mode) for r in flat}
    for subject in SUBJECTS:
        for function in (FUNCTIONS[name] for name in names):
            for binding in _entry_points(subject.backend, function.name):
                for rule in rules_of(function):
                    for dtype in _dtypes(subject):
                        for mode in _modes(subject):
                            if (subject.id, binding.id, rule.name, function.name, dtype, mode) in taken:
                                continue
                            flat += _conforming(subject, binding.id, function, rule.name, rule.level.value, dtype, mode)
    return tuple(flat)


def _conforming(
    subject: Subject, entry_point: str, function: Function, rule: str, level: str, dtype: str, mode: str
) -> list[Result]:
    number = _made_up(subject.id, entry_point, rule, dtype, mode)
    whole = Result(
        subject.id, entry_point, function.name, rule, level, function.defaults(), dtype, mode, "all", "conforms",
        comparisons=4000, conforms=4000, case=f"{number:08x}",
    )  # fmt: skip
    if subject.backend == "numpy" and quantity_of(rule) != "value":
        return [
            replace(whole, outcome="not_supported", comparisons=0, conforms=0, message="NumPy does not differentiate")
        ]
    if subject.backend == "torch" and "forward" in rule and function.name == "hard_swish":
        message = f"NotImplementedError: forward AD is not implemented for hardswish {HOSTILE}"
        return [replace(whole, outcome="not_supported", comparisons=0, conforms=0, message=message)]
    if subject.backend == "jax" and rule == "inplace":
        return [replace(whole, outcome="not_provided", comparisons=0, conforms=0, message="jax arrays do not change")]
    if rule == "dtype.supported":
        return [replace(whole, outcome="unspecified", conforms=0, unspecified=4000, vacuous=10)]
    if (
        subject.id == "tensorflow"
        and function.name == "softplus"
        and dtype == "bfloat16"
        and rule == "second_derivative"
    ):
        return [
            replace(whole, outcome="crashed", comparisons=0, conforms=0, message=f"signal 11 at x = 1e-40 {HOSTILE}")
        ]
    if (
        subject.id == "tensorflow"
        and function.name == "softplus"
        and dtype == "float16"
        and rule == "second_derivative"
    ):
        return [replace(whole, outcome="timed_out", comparisons=0, conforms=0, message="no answer within 60 s")]
    if subject.id == "torch" and function.name == "gelu" and rule == "shape.empty" and dtype == "float16":
        return [replace(whole, outcome="raised", comparisons=0, conforms=0, message=f"RuntimeError: empty {HOSTILE}")]
    if subject.id == "jax-x64" and function.name == "gelu" and rule == "second_derivative" and dtype == "float64":
        return [replace(whole, outcome="undecided", conforms=3998, undecided=2, message="2 truths open at 4096 bits")]
    measured = rule in ("value", "gradient", "second_derivative", "subnormal", "gradient.forward")
    if not measured:
        return [replace(whole, comparisons=12, conforms=12)]
    error = (number % 400) / 100
    return [
        replace(
            whole,
            region=region,
            grades=(3000, 800, 200, 0, 0),
            worst=_worst(-1.25, -0.5, -0.5000001, error, dtype, mode),
        )
        for region in _regions(function)
    ]


def _worst(x: float, observed: float, truth: float, ulp: float, dtype: str, mode: str) -> Worst:
    form = FORMATS[dtype]
    x_bits, y_bits = (int(round_to(np.array([number]), form)[0]) for number in (x, observed))
    return Worst(
        input=(decimal(x_bits, form),),
        input_bits=(hexadecimal(x_bits, form),),
        observed=decimal(y_bits, form),
        observed_bits=hexadecimal(y_bits, form),
        truth=repr(truth),
        ulp=ulp,
        bar=4.5,
        absolute_error=abs(observed - truth),
        dtype=dtype,
        mode=mode,
    )


def _planted(number: int) -> list[Result]:
    subject, function, rule, dtypes, modes, region, severity, _, x, observed, truth, ulp, message = PLANTED[number]
    backend = next(s.backend for s in SUBJECTS if s.id == subject)
    level = next(r.level.value for r in rules_of(FUNCTIONS[function]) if r.name == rule)
    results = []
    for binding in _entry_points(backend, function):
        for dtype in dtypes:
            for mode in modes:
                worst = None if x is None else _worst(x, observed, truth, ulp, dtype, mode)
                results.append(
                    Result(
                        subject, binding.id, function, rule, level, FUNCTIONS[function].defaults(), dtype, mode, region,
                        "deviates", comparisons=1000, conforms=900, deviates=100, severity=severity, worst=worst,
                        grades=(500, 200, 100, 100, 100), bits=f"{number:04x}", message=message, case=f"case{number}",
                    )
                )  # fmt: skip
    return results


def _finding(number: int, results: tuple[Result, ...]) -> Finding:
    subject, function, rule, dtypes, modes, region, severity, status, x, observed, truth, ulp, message = PLANTED[number]
    who = next(s for s in SUBJECTS if s.id == subject)
    names = tuple(binding.id for binding in _entry_points(who.backend, function))
    stale = status == "stale"
    return Finding(
        id=f"{_made_up(subject, function, rule, region):08x}",
        function=function,
        rule=rule,
        level=next(r.level.value for r in rules_of(FUNCTIONS[function]) if r.name == rule),
        severity=severity,
        subject=subject,
        backend=who.backend,
        version=who.version,
        entry_points=names,
        dtypes=dtypes,
        modes=modes,
        parameters=FUNCTIONS[function].defaults(),
        region=region,
        checked=0 if stale else 1000 * len(dtypes) * len(modes) * len(names),
        deviating=0 if stale else 100 * len(dtypes) * len(modes) * len(names),
        status=status,
        reason="a finite threshold of 20 is documented" if status == "expected" else "overflow fixed?" if stale else "",
        link="https://example.org/issue/1" if status == "expected" else "javascript:alert(3)" if stale else "",
        message=message,
        worst=None if x is None or stale else _worst(x, observed, truth, ulp, dtypes[0], modes[0]),
        reproducer=f"import {who.backend}\n# {names[0] if names else ''}\nprint({x!r})  # {HOSTILE}\n",
    )


def _strips(names: Sequence[str]) -> tuple[Strip, ...]:
    strips = []
    for subject in SUBJECTS:
        for function in (FUNCTIONS[name] for name in names):
            for binding in _entry_points(subject.backend, function.name):
                for quantity in ("value", "gradient", "second_derivative"):
                    if subject.backend == "numpy" and quantity != "value":
                        continue
                    for dtype in _dtypes(subject):
                        bins = _bins(subject.id, function.name, quantity, dtype)
                        strips.append(
                            Strip(
                                subject.id,
                                binding.id,
                                function.name,
                                quantity,
                                function.defaults(),
                                dtype,
                                "eager",
                                bins,
                            )
                        )
    return tuple(strips)


def _bins(subject: str, function: str, quantity: str, dtype: str) -> bytes:
    rng = np.random.default_rng(_made_up(subject, function, quantity, dtype))
    bins = rng.integers(1, 7, 240)
    if function == "relu":
        bins[:] = 1
    if (subject, function) in {("tensorflow", "gelu"), ("jax", "gelu")} and dtype == "float32":
        bins[56:62] = (20, 60, 120, 200, 90, 30)
    if subject == "jax-x64" and function == "sigmoid":
        bins[52:55] = 255
    if dtype == "float64":
        bins[100:140] = 0
    return bytes(bins.astype(np.uint8))


def _exhibits(names: Sequence[str]) -> tuple[Exhibit, ...]:
    exhibits = []
    inputs = (-math.inf, -3.0, -1.0, -0.0, 0.0, 1e-40, 0.5, 3.0, math.inf, math.nan)
    for subject in SUBJECTS:
        for function in (FUNCTIONS[name] for name in names):
            for binding in _entry_points(subject.backend, function.name):
                for quantity in ("value", "gradient"):
                    if subject.backend == "numpy" and quantity == "gradient":
                        continue
                    for dtype in _dtypes(subject):
                        for x in inputs:
                            truth = _rough(function.name, x)
                            odd = subject.id == "jax" and math.isnan(x) and quantity == "gradient"
                            odd = odd or (binding.id == "torch.nn.ReLU" and x == 0 and math.copysign(1, x) < 0)
                            exhibits.append(
                                Exhibit(
                                    subject.id, binding.id, function.name, quantity, function.defaults(), dtype, repr(x),
                                    "1.0" if odd else repr(truth), repr(truth), "deviates" if odd else "conforms",
                                )
                            )  # fmt: skip
    return tuple(exhibits)


def _rough(function: str, x: float) -> float:
    if math.isnan(x):
        return x
    if math.isinf(x):
        return x if x > 0 else (-math.inf if function == "leaky_relu" else 0.0)
    if function == "sigmoid":
        return round(1 / (1 + math.exp(-x)), 8)
    return max(x, 0.0)


def _conventions(names: Sequence[str]) -> tuple[Convention, ...]:
    chosen = []
    for subject in SUBJECTS:
        for function in (FUNCTIONS[name] for name in names):
            for binding in _entry_points(subject.backend, function.name):
                for kink in function.kinks:
                    if subject.backend == "numpy":
                        continue
                    value = "-0.5" if (subject.id, kink.name) == ("torch", "-3") else "0.0"
                    customary = kink.customary if isinstance(kink.customary, str) else "as slope says"
                    chosen.append(
                        Convention(
                            subject.id, binding.id, function.name, "kink", kink.name, value, customary, ("float32",)
                        )
                    )
                for name, default in binding.defaults.items():
                    standard = function.defaults()[name]
                    chosen.append(
                        Convention(
                            subject.id, binding.id, function.name, "default", name, repr(default), repr(standard)
                        )
                    )
                if function.zero_sign == "free":
                    sign = "0.0" if subject.backend == "jax" else "-0.0"
                    chosen.append(
                        Convention(
                            subject.id,
                            binding.id,
                            function.name,
                            "signed_zero",
                            "-0",
                            sign,
                            "-0",
                            ("float32", "float64"),
                        )
                    )
    return tuple(chosen)
