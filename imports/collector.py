"""Python's search for circles of objects, put to rest while a roster is worked on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """All rows of a roster stay until its end: looking through them again and again finds nothing to give back.

    It takes a fifth of the time of a large one.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()
