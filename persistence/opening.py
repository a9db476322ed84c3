"""How the composition root gets a journal."""

from pathlib import Path

from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.lmdb_store import MAP_BYTES_DEFAULT, LmdbStore
from chargehand.persistence.memory_store import MemoryStore


def open_journal(directory: Path, *, map_bytes: int = MAP_BYTES_DEFAULT) -> StoreJournal:
    """A durable journal in `directory`, which is made if it is missing and locked until `close`.

    Args:
        map_bytes: address space to begin with; it grows as needed.

    Raises:
        InUseError: another process has it open.
        StorageError: unreadable, another program's, or of a version that this one cannot read.
            Nothing was changed then.
    """
    store = LmdbStore(directory, map_bytes=map_bytes)
    try:
        return StoreJournal(store)
    except BaseException:
        store.close()
        raise


def open_to_verify(directory: Path) -> LmdbStore:
    """The store in `directory`, read-only, and locked until `close`.

    Raises:
        InUseError: another process has it open.
        StorageError: there is none.
    """
    return LmdbStore(directory, read_only=True)


def memory_journal(store: MemoryStore | None = None) -> StoreJournal:
    """A journal without disk and thread, for tests under a mock clock.

    Args:
        store: of an earlier journal, to start again from what that one had committed.
    """
    return StoreJournal(MemoryStore() if store is None else store, threaded=False)
