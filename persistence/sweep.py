"""Forgets what was done under keys long ago, a part of the table at each checkpoint."""

from collections.abc import Iterator
from typing import Final, final

from chargehand.actors.idempotency.once import earlier_of
from chargehand.actors.ports import DamagedError
from chargehand.persistence.seal import unseal
from chargehand.persistence.store import Store, Table

SWEEP_ROWS_MAX: Final = 256  # looked at in one slice, well below a millisecond
ROWS_FOR_EACH_NEW: Final = 4  # so that what is stale stays below a third of what is not


@final
class Sweep:
    """Goes round the table, which is in the order of digests. Used on the writer's thread alone."""

    def __init__(self) -> None:
        self._next = b""

    def parts(self, store: Store, before_ns: int, new_rows: int) -> Iterator[list[bytes]]:
        """The keys of rows from before `before_ns`, as far as this turn gets.

        Each part must be removed before the next is asked for.

        Args:
            new_rows: how many came in since the last turn. The more, the further it goes.
        """
        left = max(SWEEP_ROWS_MAX, ROWS_FOR_EACH_NEW * new_rows)
        while left > 0:
            rows = store.scan(Table.ONCE, self._next, None, SWEEP_ROWS_MAX, bytes)
            self._next = rows[-1][0] + b"\0" if len(rows) == SWEEP_ROWS_MAX else b""
            stale = [key for key, row in rows if _is_older(key, row, before_ns)]
            if stale:
                yield stale
            if not self._next:
                return
            left -= len(rows)


def _is_older(key: bytes, row: bytes, before_ns: int) -> bool:
    """A damaged row stays where it is: it is evidence."""
    try:
        return earlier_of(unseal(Table.ONCE, key, row).decode()).at_ns < before_ns
    except (DamagedError, ValueError):
        return False
