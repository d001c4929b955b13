"""A headless Chromium, driven over a pipe with the standard library: opens a page, evaluates, listens, takes pictures.

Knows the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) and nothing of the report. Over a pipe
and not a port: nothing listens, and no request to drive the browser can be mistaken for one of the page.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

PATIENCE = 60.0
"""Seconds that an answer of the browser may take, on a busy machine."""

SETTLED = """new Promise((resolve) => {
  const wait = (left) => (left ? requestAnimationFrame(() => setTimeout(wait, 0, left - 1)) : resolve());
  wait(3);
})"""
"""Events of the page (its hash has changed, details have opened, something came near) come with the next drawing at the latest."""


@dataclass
class Browser:
    """One page of one browser. `events` are the protocol's events of this page, as they came."""

    read_from: int
    write_to: int
    session: str = ""
    at: str = ""
    """The address that was opened last."""
    events: list[dict[str, Any]] = field(default_factory=list)
    _buffer: bytes = b""
    _last: int = 0

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result. Raises RuntimeError with the browser's own message, TimeoutError."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(PATIENCE)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression (a promise is awaited). Raises RuntimeError if it throws."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Type one key."""
        codes = {"Enter": 13, "Escape": 27}
        common = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        text = {"Enter": "\r", "Escape": ""}.get(key, key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def open(self, address: str) -> float:
        """Open an address, forget what was heard before, wait until it has loaded, and return the seconds that took."""
        start = time.perf_counter()
        self.events.clear()
        self.send("Page.navigate", url=address)
        self._load()
        self.at = address
        return time.perf_counter() - start

    def reload(self) -> None:
        """Open the same address once more, as `open` does."""
        self.events.clear()
        self.send("Page.reload")
        self._load()

    def _load(self) -> None:
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(PATIENCE))

    def settle(self) -> None:
        """Collect what the page still does: let it draw three times, with what is due in between, and then some."""
        self.evaluate(SETTLED)
        end = time.monotonic() + 0.02
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                self.events.append(self._next(left))

    def picture(self, path: Path, selector: str = "html", most: int = 2400) -> None:
        """A PNG of an element, as wide as the window and at most so many pixels high."""
        box = self.evaluate(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [b.top + scrollY, b.height, innerWidth]; })()"
        )
        clip = {"x": 0, "y": box[0], "width": box[2], "height": min(box[1], most), "scale": 1}
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self, timeout: float) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self.read_from], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser did not answer in time")
            piece = os.read(self.read_from, 1 << 16)
            if not piece:
                raise RuntimeError("the browser closed its pipe")
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded


def found() -> str | None:
    """Path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def browser(
    chromium: str, folder: Path, width: int = 1400, height: int = 1000, dark: bool = False
) -> Iterator[Browser]:
    """A running browser with one empty page; its profile lies in `folder`. Ends the browser on leaving."""
    to_browser = _high_pipe()
    from_browser = _high_pipe()

    def descriptors() -> None:
        # The protocol's pipe is descriptors 3 (commands) and 4 (answers) of the browser.
        os.dup2(to_browser[0], 3)
        os.dup2(from_browser[1], 4)

    command = [chromium, *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=descriptors
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    page = Browser(from_browser[0], to_browser[1])
    try:
        target = page.send("Target.createTarget", url="about:blank")
        page.session = page.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        if dark:
            page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        page.events.clear()
        yield page
    finally:
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            page.session = ""
            page.send("Browser.close")
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_browser[1])
        os.close(from_browser[0])


def _high_pipe() -> tuple[int, int]:
    """A pipe whose descriptors are out of the way of 3 and 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
