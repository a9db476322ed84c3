"""How the composition root gets a journal."""

from pathlib import Path

from chargehand.actors.ports import StorageError
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.layout import open_layout
from chargehand.persistence.lmdb_store import DATA_FILE, MAP_BYTES_DEFAULT, NEAR, LmdbStore
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.store import Store
from chargehand.persistence.upgrade import upgrade
from chargehand.persistence.writer import InlineWriter, ThreadWriter


def open_journal(directory: Path, *, map_bytes: int = MAP_BYTES_DEFAULT) -> StoreJournal:
    """A durable journal in `directory`, which is made if it is missing and locked until `close`.

    Args:
        map_bytes: address space to begin with; it grows as needed.

    Raises:
        InUseError: another process has it open.
        StorageError: unreadable, another program's, a node's, or of a version that this one cannot
            read. Nothing was changed then.
    """
    if (directory / NEAR / DATA_FILE).exists():
        raise StorageError(
            f"{directory} holds a node's copy of a shared journal: name that one by --journal, or "
            "choose another --data-dir"
        )
    store = LmdbStore(directory, map_bytes=map_bytes)
    try:
        return embedded_journal(store)
    except BaseException:
        store.close()
        raise


def embedded_journal(store: Store, *, threaded: bool = True) -> StoreJournal:
    """A journal that has all in one store, which it takes over.

    Args:
        threaded: commit on a thread of its own; without, on Trio's, for tests under a mock clock.

    Raises:
        StorageError: the store is not ours to write, see `layout`; or another process took it
            over at the same time.
    """
    fence = open_layout(store)
    upgrade(store, fence)
    writer = ThreadWriter(fence) if threaded else InlineWriter(fence)
    return StoreJournal(store, fence.epoch, writer)


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
    return embedded_journal(MemoryStore() if store is None else store, threaded=False)
