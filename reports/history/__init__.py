"""The history of a framework over its versions: text for the terminal, one offline HTML file, JSON. Knows no framework."""

from .document import json
from .page import html
from .terminal import table

__all__ = ["html", "json", "table"]
