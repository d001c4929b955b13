"""How often a test draws its inputs: a few times on every change, twenty times as often when everything is asked."""

from __future__ import annotations

import os

EVERYTHING = os.environ.get("NNCONFORM_ALL", "0") not in ("", "0")
"""Whether NNCONFORM_ALL=1 is set."""

OFTEN = 20 if EVERYTHING else 1
