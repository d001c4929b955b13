"""What every page is put together with: the environment of the templates, the style sheet, the content security policy.

The policy names the hashes of the style and the script, so that text from a framework could not run even if it got through
the escaping. Knows no framework.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from conformance.judge.message import rule_name, short, spelled

from ..tensor_page import about, place_of, shape_of, signature
from ..words import count, plain
from .embedded import gist
from .plot import plot

_HERE = Path(__file__).resolve().parent


def environment(*folders: Path) -> jinja2.Environment:
    """Templates of these folders, then those of the report, which they may include; everything is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, _HERE / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(count=count, plain=plain, short=short, rule=rule_name, gist=gist)
    made.filters.update(about=about, place=place_of, shape=shape_of, signature=signature, told=spelled)
    made.filters.update(breakable=lambda name: Markup("_<wbr>").join(name.split("_")))
    made.globals.update(plot=plot)
    return made


def style() -> str:
    """The style sheet of the report."""
    return (_HERE / "page.css").read_text(encoding="utf-8")


def script() -> str:
    """The script of the report."""
    return (_HERE / "page.js").read_text(encoding="utf-8")


def policy(style: str, script: str = "") -> str:
    """The content security policy of a page with this style and, if any, this script."""
    scripts = f"script-src '{_hash(script)}'; " if script else ""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; {scripts}img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
