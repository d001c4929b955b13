"""Making many records without looking for garbage in between. Knows nothing of what is made."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage in circles: where a hundred thousand records are made and all of them are kept, looking
    through them again and again takes a quarter of the time and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
