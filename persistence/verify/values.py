"""The values of a table, one after the other, with word of how far it is."""

from collections.abc import Callable, Iterator
from typing import Final, final

from chargehand.persistence.store import Store, Table

_READ_MAX: Final = 64  # values read in one transaction
_STEP: Final = 256  # values between two reports of progress

ProgressCallback = Callable[[Table, int], None]
"""Told of how many values of a table have been looked at so far."""


@final
class Values:
    def __init__(self, store: Store, progress: ProgressCallback) -> None:
        self._store = store
        self._progress = progress

    def of(self, table: Table) -> Iterator[tuple[bytes, bytes]]:
        """Each key with its value.

        Raises:
            DamagedError: LMDB cannot read what is next.
        """
        count, start, most = 0, b"", self._store.count(table)
        # A damaged key may lead back to what was read before.
        while count < most and (page := self._store.page(table, start, _READ_MAX)):
            for row in page:
                count += 1
                if count % _STEP == 0:
                    self._progress(table, count)
                yield row
            start = page[-1][0] + b"\0"
        self._progress(table, count)
