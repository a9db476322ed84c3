"""Garbage collections: none while a system is made, and rare ones while it runs."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GC_THRESHOLDS = (5_000, 2, 10_000)
"""A collection looks at all objects that came since the last one, at up to 0.8 µs each: 50,000 of
them were 40 ms in which nobody was served. Those of all objects are as good as never: the heap is
large and lives long, and one of them was seen as a claim of 226 ms (p99)."""


@contextmanager
def rare_collections() -> Iterator[Callable[[], None]]:
    """Nothing is collected before all is made that lives long: it would be looked through time and
    again as it grows, which took two fifths of a start with 100,000 tasks. Then it is left out of
    collections, and those come rarely, while this lasts."""
    former = gc.get_threshold()
    gc.set_threshold(0)

    def all_is_made() -> None:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    try:
        yield all_is_made
    finally:
        gc.set_threshold(*former)
        gc.unfreeze()
