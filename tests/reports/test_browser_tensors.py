"""Sections of functions of tensors in a real browser: what is made when it comes near is made, and nothing is said or asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import registry
from tests.reports.browser import NAMES, Browser, browser, found
from tests.reports.test_browser import READY, complaints, requests
from tests.reports.test_html_tensors import BINDINGS, few

CHROMIUM = found()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is on PATH")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = registry.report("html")([few()], BINDINGS, tmp_path_factory.mktemp("html"))
    return path.as_uri()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(CHROMIUM or "", tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(running: Browser, address: str) -> Iterator[Browser]:
    running.open("about:blank")
    running.open(address)
    running.evaluate(READY)
    yield running
    running.settle()
    assert complaints(running) == []
    assert requests(running) == [address]


def test_a_section_is_whole_when_it_is_read(page: Browser) -> None:
    page.evaluate("location.hash = '#binary_cross_entropy'")
    page.settle()
    table = "document.querySelector('#binary_cross_entropy .exhibits table')"
    assert page.evaluate(f"{table}.querySelector('thead th').textContent") == "place"
    assert page.evaluate(f"[...{table}.querySelectorAll('tbody td')].map((td) => td.textContent)") == [
        "inf", "inf", "100.0with log_floor = -100", "✕16.118095with clip = 1e-07", "≠",
    ]  # fmt: skip
    # Only where they differ, unless one asks for all.
    assert page.evaluate("document.querySelector('#binary_cross_entropy .exhibits input').checked") is True
    page.evaluate("document.querySelectorAll('#huber details').forEach((d) => { d.open = true; })")
    page.settle()
    families = page.evaluate("[...document.querySelectorAll('#huber .rules .family')].map((row) => row.textContent)")
    assert families[:3] == ["accuracy", "special values", "gradient"]
    assert len(families) == len(set(families))
    assert page.evaluate("document.querySelector('#huber .places dd').textContent") == "prediction = 1.5, target = 0.5"


def test_a_cell_leads_to_its_findings_and_has_no_strip(page: Browser) -> None:
    cell = "document.querySelector('[data-key=\"cross_entropy/float32/torch\"]')"
    assert page.evaluate(f"{cell}.querySelector('canvas')") is None
    page.evaluate(f"{cell}.querySelector('a').click()")
    page.settle()
    assert page.evaluate("location.hash") == "#findings?function=cross_entropy&dtype=float32&subject=torch"
    assert (
        page.evaluate("[...document.querySelectorAll('#finding-list > li')].filter((li) => li.offsetParent).length")
        == 1
    )


def test_no_width_scrolls_the_page_sideways_and_text_is_large_enough(page: Browser) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (400, 1280):
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        page.settle()
        assert page.evaluate("innerWidth") == width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.evaluate(
            "[...document.querySelectorAll('.function *')].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))"
            ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert min(sizes) > 15
    page.send("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
