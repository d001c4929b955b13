"""Functions that are not defined everywhere: NaN outside, limits at the edge, the truth inside; in every order of derivative."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from flint import arb

from conformance.formats import FORMATS, Format, from_ordinals, round_to
from conformance.standard import FUNCTIONS, Domain, Function
from conformance.truth.oracle import evaluate, evaluate_text, series_at, table
from conformance.truth.reals import FINITE, INFINITE, NAN, UNDERFLOW, ZERO
from conformance.truth.series import working_precision

LIMITED = [function for function in FUNCTIONS.values() if function.domain]
formats = pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
functions = pytest.mark.parametrize("function", LIMITED, ids=lambda function: function.name)


def domain_of(function: Function) -> Domain:
    assert function.domain is not None
    return function.domain


def test_log1mexp_is_one_of_them() -> None:
    assert FUNCTIONS["log1mexp"] in LIMITED


@functions
@formats
def test_outside_the_domain_everything_is_nan(function: Function, format: Format) -> None:
    low = domain_of(function).low
    numbers = [
        -np.inf,
        -format.largest,
        low - 1.0,
        low - 0.5,
        np.nextafter(low, -np.inf) if low else -format.smallest_subnormal,
    ]
    bits = round_to(np.array(numbers), format)
    for order in table(function, function.defaults(), format, bits).orders:
        assert order.is_kind(NAN).all()


@functions
@formats
def test_at_the_edge_stand_the_declared_limits_for_both_zeros(function: Function, format: Format) -> None:
    domain = domain_of(function)
    bits = round_to(np.array([domain.low, -domain.low]) if domain.low == 0 else np.array([domain.low] * 2), format)
    orders = table(function, function.defaults(), format, bits).orders
    for order, text in zip(orders, (domain.value, domain.derivative, domain.second_derivative), strict=False):
        number = evaluate_text(text)
        assert order.is_kind(INFINITE).all() == (abs(number) == np.inf)
        assert (order.sign() == np.sign(float(number))).all()


@functions
@formats
def test_inside_everything_is_a_number(function: Function, format: Format) -> None:
    """From the very next number on; and with other neighbours than the edge in the same call, each has its own answer."""
    low = domain_of(function).low
    first = from_ordinals(np.arange(1, 200), format) if low == 0 else round_to(low + np.linspace(0.01, 5, 200), format)
    mixed = np.concatenate([first, round_to(np.array([low, low - 1.0, np.nan]), format), first[::-1]])
    for order in table(function, function.defaults(), format, mixed).orders:
        inside = np.concatenate([order.kind[:199], order.kind[-199:]])
        assert np.isin(inside, (FINITE, UNDERFLOW, ZERO)).all()
        assert (order.kind[: len(first)] == order.kind[::-1][: len(first)]).all()


@functions
def test_the_limits_at_the_edge_are_approached(function: Function) -> None:
    """With balls, along low + 2^−k: what is declared infinite outgrows 10 and never turns; a number comes ever nearer."""
    domain = domain_of(function)
    with working_precision(2048):
        series = [series_at(function, function.defaults(), domain.low + 2.0**-k) for k in (1, 4, 16, 64, 256, 1000)]
        for order, text in enumerate((domain.value, domain.derivative, domain.second_derivative)):
            found = [(1, 1, 2)[order] * s[order] for s in series]
            number = evaluate(text, {})
            if abs(number) == np.inf:
                toward = [b * (1 if number > 0 else -1) for b in found]
                assert all(later > sooner for sooner, later in pairwise(toward))
                assert toward[-1] > 600
            else:
                distances = [abs(b - arb(float(number))) for b in found]
                assert all(later < sooner for sooner, later in pairwise(distances))
                assert distances[-1] < arb(2) ** -60
