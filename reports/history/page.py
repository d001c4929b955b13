"""A history as one HTML file that opens offline, in the style of the report and without a script of its own."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from conformance.judge.history import History

from ..html.shell import environment, policy, style
from ..words import STATES
from .marks import MARKS, measured, name_of, state_of, verdict, where

_HERE = Path(__file__).resolve().parent


def html(history: History) -> str:
    """The whole page as text."""
    css = style() + (_HERE / "history.css").read_text(encoding="utf-8")
    templates = environment(_HERE / "templates")
    templates.filters.update(measured=measured, name_of=name_of, state_of=state_of, verdict=verdict, where=where)
    return templates.get_template("history.html").render(
        style=Markup(css), policy=policy(css), history=history, states=STATES, marks=MARKS
    )  # fmt: skip
