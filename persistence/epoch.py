"""Whoever opens a store takes it over: its epoch goes up by one, and no earlier one is written.

An embedded store has a lock of its directory besides. A replicated one has nothing but this: each
commit is made on the condition that the epoch still is that of whoever commits.
"""

from collections.abc import Sequence
from typing import Final, final

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.numbers import decode_number, encode_number
from chargehand.persistence.store import Change, ConditionError, Given, Put, Store, Table

_KEY: Final = b"epoch"


def epoch_of(store: Store) -> int:
    """The epoch of who opened the store last; 0 if nobody has, or only a version without epochs.

    Raises:
        DamagedError: it fails its checksum.
    """
    return _decode(store.get(Table.META, _KEY))


def take_over(store: Store, before: int, changes: Sequence[Change]) -> "Fence":
    """Raise the epoch from `before` by one, and make `changes`, in one commit.

    What is read of the store after that is what all commits of earlier epochs have left.

    Raises:
        StorageError: another process took it over since `before` was read, and nothing was
            changed; or the commit failed.
    """
    raised = Put(Table.META, _KEY, encode_number(_KEY, before + 1))
    Fence(store, before).commit([raised, *changes])
    return Fence(store, before + 1)


@final
class Fence:
    """Writes a store as long as its epoch is `epoch`. Used by one thread at a time."""

    def __init__(self, store: Store, epoch: int) -> None:
        self.epoch: Final = epoch
        self._store = store
        self._given = Given(Table.META, _KEY, encode_number(_KEY, epoch) if epoch else None)

    def commit(self, changes: Sequence[Change]) -> None:
        """As `Store.commit`.

        Raises:
            StorageError: another process has taken the store over, and nothing was changed; or the
                commit failed.
        """
        try:
            self._store.commit(changes, self._given)
        except ConditionError as error:
            raise StorageError(_superseded(self.epoch, error.found)) from error


def _superseded(epoch: int, found: bytes | None) -> str:
    try:
        now = _decode(found)
    except DamagedError as error:
        return f"the data had epoch {epoch}, and now {error}"
    return (
        f"the data had epoch {epoch} and has epoch {now} now: another process has taken it over, "
        "and this one must not write it"
    )


def _decode(value: bytes | None) -> int:
    return 0 if value is None else decode_number(_KEY, value)
