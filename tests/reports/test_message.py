"""The four lines, word for word: they are read in four places, and changing them is a decision."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from conformance.judge.message import LONGEST_LINE, four_lines, short, ulps
from conformance.judge.records import Finding, Result, Worst

WORST = Worst(
    ("-5.5",), ("0xc0b00000",), "-0.0", "0x80000000", "-1.0443e-07", 14680064.0, 4.5, 1.0443e-7, "float32", "eager"
)

FINDING = Finding(
    id="1f2e3d4c", function="gelu", rule="value", level="MUST", severity="wrong", subject="torch", backend="torch",
    version="2.13.0", entry_points=("torch.nn.functional.gelu", "torch.nn.GELU"), dtypes=("float32",), modes=("eager",),
    parameters={}, region="(-inf, -1.41)", checked=10, deviating=3, status="new", reason="", link="",
    message="no digit is right", worst=WORST, reproducer="",
)  # fmt: skip

RESULT = Result(
    "jax-x64", "jax.nn.softplus", "softplus", "gradient", "MUST", {"beta": 3.0, "threshold": inf}, "bfloat16", "compiled", "all",
    "deviates", worst=replace(WORST, input=("20",), input_bits=("0x41a0",), truth="1", ulp=5.25, dtype="bfloat16"),
)  # fmt: skip


def test_a_finding() -> None:
    assert four_lines(FINDING, run="a run.nnconform") == (
        "asked     gelu(-5.5) [0xc0b00000] in float32, eager, of torch.nn.functional.gelu and 1 more on torch:"
        " rule gelu.value (MUST)\n"
        "came      -0.0 [0x80000000], 1.5e+07 ULP from the truth: no digit is right\n"
        "conforms  -1.0443e-07, within 4.50 ULP\n"
        "again     nnconform repro 'a run.nnconform' 1f2e3d4c"
    )


def test_a_result() -> None:
    assert four_lines(RESULT) == (
        "asked     softplus′(20; beta = 3, threshold = inf) [0x41a0] in bfloat16, compiled, of jax.nn.softplus on jax-x64:"
        " rule softplus.gradient (MUST)\n"
        "came      -0.0 [0x80000000], 5.25 ULP from the truth\n"
        "conforms  1, within 4.50 ULP\n"
        "again     nnconform run jax --functions softplus --rules gradient --dtypes bfloat16 --modes compiled"
    )


def test_the_rule_may_be_named_with_or_without_its_function() -> None:
    assert four_lines(replace(FINDING, rule="gelu.value")) == four_lines(FINDING)


@pytest.mark.parametrize(
    ("rule", "worst", "conforming"),
    [
        ("value", replace(WORST, bar=0.0), "-1.0443e-07, exactly"),
        ("nan", replace(WORST, truth="nan", ulp=nan), "nan"),
        ("overflow", replace(WORST, truth="inf", ulp=inf), "inf"),
        ("shape.empty", None, "An argument without elements gives a result without elements, of the same shape."),
        ("value", replace(WORST, bar=5000.0), "-1.0443e-07, give or take 3.6e-11"),
        (
            "subnormal",
            replace(WORST, truth="-0 (underflows)"),
            "-0, because the true value is nearer to zero than any number of float32",
        ),
        ("limit.-inf", replace(WORST, truth="-0 (underflows)", input=("-inf",)), "-0"),
        ("kink.0", replace(WORST, truth="0.01 to 1"), "any number from 0.01 to 1"),
        ("signed_zero", WORST, "gelu(±0) = ±0, where gelu is a positive multiple of its argument near zero."),
        (
            "invariance.bits",
            WORST,
            "Where results are within the bar, their bits depend on the numbers alone: not on layout, length, position, batch,"
            " repetition or entry point.",
        ),
        ("a rule of a plug-in", None, "what the rule says"),
    ],
)
def test_what_would_have_conformed(rule: str, worst: Worst | None, conforming: str) -> None:
    assert four_lines(replace(FINDING, rule=rule, worst=worst)).split("\n")[2] == f"conforms  {conforming}"


def test_it_is_always_four_lines_of_limited_length() -> None:
    hostile = "a\nb\r\nc\x1b[31m\u202e\x00" + "x" * 10_000
    lines = four_lines(
        replace(FINDING, message=hostile, worst=replace(WORST, observed=hostile), subject="t\norch")
    ).split("\n")
    assert [line[:10].rstrip() for line in lines] == ["asked", "came", "conforms", "again"]
    assert all(len(line) <= LONGEST_LINE + 10 for line in lines)
    assert lines[1].startswith("came      a b c�")
    assert lines[1].endswith("…")
    assert not any(character in "".join(lines) for character in "\r\x1b\u202e\x00")


def test_a_large_error_is_told_in_bars() -> None:
    near_a_root = replace(WORST, ulp=2.2e15, bar=2e15)
    assert "2.2e+15 ULP from the truth, 1.10 times what is accepted" in four_lines(
        replace(FINDING, worst=near_a_root, message="")
    )
    assert "times what is accepted" not in four_lines(FINDING)


def test_a_rule_about_several_quantities_names_the_one_that_went_wrong() -> None:
    told = four_lines(replace(FINDING, rule="invariance.length", worst=replace(WORST, asked="gelu′")))
    assert told.startswith("asked     gelu′(-5.5)")


def test_flushing_has_a_sentence_and_a_function() -> None:
    told = four_lines(replace(FINDING, function="*", rule="*.flush", worst=replace(WORST, asked="relu")))
    assert told.startswith("asked     relu(-5.5)")
    assert "conforms  Subnormal numbers are kept, not flushed to zero." in told


def test_a_stale_expectation_says_how_to_remove_it() -> None:
    assert four_lines(replace(FINDING, status="stale", worst=None)).endswith("again     nnconform expect RUN --update")


@pytest.mark.parametrize(
    ("error", "text"),
    [(0.0, "0"), (0.5, "0.50"), (31.46, "31.5"), (1244.3, "1,244"), (1.6e7, "1.6e+07"), (0.001, "0.001"), (inf, "∞")],
)
def test_an_error_has_the_digits_that_matter(error: float, text: str) -> None:
    assert ulps(error) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (inf, "inf"),
        (1e300, "1e+300"),
        (-0.5, "-0.5"),
        (nan, "nan"),
        (2**53 + 2.0, "9007199254740994.0"),
    ],
)
def test_a_number_reads_back(number: float, text: str) -> None:
    assert short(number) == text
    assert float(short(number)) == number or number != number
