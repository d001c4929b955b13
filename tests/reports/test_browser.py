"""The report in a real browser, from `file://`: it loads fast, asks for nothing, says nothing on the console, and works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import registry
from conformance.judge.records import Judgement
from tests.reports import sample
from tests.reports.browser import NAMES, Browser, browser, found

CHROMIUM = found()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is on PATH")

LOAD_LIMIT = 10.0
"""Seconds after which loading is an error. The figure to reach, 1 s, is printed: a busy machine must not fail the test."""

READY = """new Promise((resolve) => {
  const look = () => (document.documentElement.dataset.ready ? resolve() : setTimeout(look, 5));
  look();
})"""
"""The page unpacks its data after it has loaded."""


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return sample.judgement()


@pytest.fixture(scope="module")
def address(judgement: Judgement, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = registry.report("html")([judgement], sample.bindings(), tmp_path_factory.mktemp("html"))
    return path.as_uri()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(CHROMIUM or "", tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(running: Browser, address: str) -> Iterator[Browser]:
    """The report, freshly opened; whatever a test does, the console stays silent and the network untouched."""
    opened(running, address)
    yield running
    running.at = ""
    assert_quiet(running, address)


@pytest.fixture
def glance(running: Browser, address: str) -> Iterator[Browser]:
    """The report, opened once for the tests that leave alone what others of them look at."""
    if running.at != address:
        opened(running, address)
    yield running
    assert_quiet(running, address)


def opened(running: Browser, address: str) -> None:
    running.open("about:blank")
    running.open(address)
    running.evaluate(READY)


def assert_quiet(running: Browser, address: str) -> None:
    running.settle()
    assert complaints(running) == []
    assert requests(running) == [address]


def complaints(page: Browser) -> list[str]:
    """Console messages, uncaught errors, and what the browser logs by itself (a blocked load, a broken policy)."""
    kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")
    return [json.dumps(event) for event in page.events if event.get("method") in kinds]


def requests(page: Browser) -> list[str]:
    """Addresses that the page asked for, itself included; `data:` is inside the file."""
    asked = [e["params"]["request"]["url"] for e in page.events if e.get("method") == "Network.requestWillBeSent"]
    return [url.partition("#")[0] for url in asked if not url.startswith("data:")]


def shown(page: Browser) -> list[str]:
    """Ids of the findings that can be seen."""
    ids: list[str] = page.evaluate(
        "[...document.querySelectorAll('#finding-list > li')].filter((li) => li.offsetParent).map((li) => li.dataset.id)"
    )
    return ids


def click(page: Browser, selector: str) -> None:
    page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def test_it_opens_fast_and_silently(page: Browser, judgement: Judgement) -> None:
    seconds = page.evaluate("performance.getEntriesByName('ready')[0].startTime") / 1000
    print(f"\nreport ready in {seconds:.2f} s")
    assert 0 < seconds < LOAD_LIMIT
    assert page.evaluate("document.documentElement.dataset.ready") == "yes"
    assert len(shown(page)) == len(judgement.findings)


def test_a_browser_that_cannot_unpack_says_so(page: Browser, address: str) -> None:
    script = page.send("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")
    page.open(address)
    page.settle()
    assert page.evaluate("document.getElementById('not-unpacked').offsetParent !== null")
    assert shown(page) == []
    page.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def test_the_listening_is_not_deaf(running: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<script>console.log('x'); fetch('http://127.0.0.1:9/').catch(() => 0); undefined_name()</script>")
    running.open(bad.as_uri())
    running.settle()
    assert len(complaints(running)) >= 2
    assert "http://127.0.0.1:9/" in requests(running)


def test_chips_filter_and_the_address_holds_them(page: Browser, judgement: Judgement) -> None:
    click(page, ".chip[data-facet=severity][data-value=wrong]")
    wrong = [finding.id for finding in judgement.findings if finding.severity == "wrong"]
    assert sorted(shown(page)) == sorted(wrong)
    assert page.evaluate("location.hash") == "#findings?severity=wrong"
    assert (
        page.evaluate("document.getElementById('tally').textContent")
        == f"{len(wrong)} of {len(judgement.findings)} findings."
    )
    click(page, ".chip[data-facet=subject][data-value=jax]")
    assert shown(page) == [f.id for f in judgement.findings if f.severity == "wrong" and f.subject == "jax"]
    click(page, "#clear")
    assert len(shown(page)) == len(judgement.findings)


def test_an_address_with_a_query_shows_just_that(page: Browser, judgement: Judgement) -> None:
    page.evaluate("location.hash = '#findings?function=softplus&status=expected&status=stale'")
    page.settle()
    assert sorted(shown(page)) == sorted(
        f.id for f in judgement.findings if f.function == "softplus" and f.status != "new"
    )
    one = judgement.findings[0].id
    page.evaluate(f"location.hash = '#findings?id={one}'")
    page.settle()
    assert shown(page) == [one]
    assert page.evaluate("document.querySelector('#finding-list details[open] .fourlines dt').textContent") == "asked"


def test_a_row_like_the_one_above_it_hangs_under_it(glance: Browser, judgement: Judgement) -> None:
    rows = glance.evaluate(
        "[...document.querySelectorAll('#finding-list > li:not([hidden])')].map((li) => [li.dataset.id, li.classList.contains('again')])"
    )
    known = {f.id: (f.status, f.severity, f.function, f.subject) for f in judgement.findings}
    assert len(rows) > 2
    assert [again for _, again in rows] == [
        n > 0 and known[rows[n][0]] == known[rows[n - 1][0]] for n in range(len(rows))
    ]


def test_the_keyboard(page: Browser, judgement: Judgement) -> None:
    page.press("/")
    for letter in "gelu tail":
        page.press(letter)
    assert shown(page) == [f.id for f in judgement.findings if f.function == "gelu" and "tail" in f.message]
    page.press("Escape")
    page.evaluate("document.getElementById('clear').click()")
    page.press("j")
    page.press("j")
    focused = "document.activeElement.closest('li').dataset.id"
    assert page.evaluate(focused) == shown(page)[1]
    page.press("k")
    assert page.evaluate(focused) == shown(page)[0]
    page.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    page.press("?")
    assert page.evaluate("document.getElementById('help').open") is True
    page.press("Escape")
    assert page.evaluate("document.getElementById('help').open") is False


def test_every_finding_opens_and_hostile_text_stays_text(page: Browser, judgement: Judgement) -> None:
    page.evaluate("document.querySelectorAll('#finding-list details').forEach((d) => { d.open = true; })")
    page.settle()
    assert page.evaluate("document.querySelectorAll('#finding-list .fourlines').length") == len(judgement.findings)
    assert "<script>alert(1)</script>" in page.evaluate("document.getElementById('finding-list').textContent")
    assert page.evaluate("document.querySelectorAll('#finding-list script, #finding-list img').length") == 0
    # The content security policy holds even for a script that got in.
    page.events.clear()
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.broken = 1'; document.body.append(s); })()"
    )
    assert page.evaluate("window.broken === undefined")
    page.settle()
    assert "Content Security Policy" in "".join(complaints(page))
    page.reload()
    page.evaluate(READY)


def test_the_matrix_changes_its_view(glance: Browser) -> None:
    cell = "document.querySelector('[data-key=\"relu/float16/numpy\"]')"
    assert glance.evaluate(f"{cell}.querySelector('.said').textContent") == "conforms"
    click(glance, "#views [data-view=gradient]")
    assert glance.evaluate(f"{cell}.querySelector('.said').textContent") == "not supported"
    assert glance.evaluate(f"{cell}.className") == "cell tone-quiet"
    click(glance, "#views [data-view=value]")
    inked = (
        "(() => { const c = document.querySelector('[data-key=\"gelu/float32/tensorflow\"] canvas');"
        " return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0); })()"
    )
    assert glance.evaluate(inked) is True


def test_a_strip_says_what_is_under_the_pointer(glance: Browser) -> None:
    where = glance.evaluate(
        "(() => { const c = document.querySelector('[data-key=\"sigmoid/float32/jax-x64\"] canvas'); c.scrollIntoView({block: 'center'});"
        " const b = c.getBoundingClientRect(); return [b.left + (53.5 / 240) * b.width, b.top + 5]; })()"
    )
    glance.send("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    tip = glance.evaluate("document.getElementById('tip').textContent")
    assert tip.startswith("x from -")
    assert "at least" in tip
    assert "× the bar" in tip


def test_special_inputs_can_be_chosen(glance: Browser) -> None:
    table = "document.querySelector('.exhibits[data-function=softplus]')"
    glance.evaluate(
        f"(() => {{ const s = {table}.querySelector('select'); s.value = 'gradient'; s.dispatchEvent(new Event('change')); }})()"
    )
    assert glance.evaluate(f"{table}.querySelectorAll('tr.differ').length") == 1
    glance.evaluate(f"{table}.querySelector('input').click()")
    assert glance.evaluate(f"{table}.querySelectorAll('tbody tr').length") == 1
    assert glance.evaluate(f"{table}.querySelector('tbody th').textContent") == "nan"


def test_the_rules_come_when_asked_for(glance: Browser) -> None:
    assert glance.evaluate("document.querySelectorAll('.rules tr').length") == 0
    glance.evaluate("document.querySelector('#gelu .rules').closest('details').open = true")
    glance.settle()
    assert glance.evaluate(
        "[...document.querySelectorAll('#gelu .rules tbody th')].some((th) => th.textContent === 'limit.-inf')"
    )


def test_the_smallest_text_is_above_15_pixels(glance: Browser) -> None:
    sizes = glance.evaluate(
        "[...document.querySelectorAll('body *')].filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) > 15


def test_no_width_scrolls_the_whole_page_sideways(page: Browser) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (360, 480, 768, 1400):
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        page.settle()
        assert page.evaluate("innerWidth") == width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.send("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
