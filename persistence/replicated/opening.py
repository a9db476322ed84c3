"""How the composition root gets a journal over a database that replicates."""

import contextlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.lmdb_store import DATA_FILE, MAP_BYTES_DEFAULT, NEAR, LmdbStore
from chargehand.persistence.lock import DirectoryLock
from chargehand.persistence.replicated.far import FarTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.recovering import CopyRecovery
from chargehand.persistence.replicated.writer import ReplicatedWriter

_BOOT_FILE: Final = "boot"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger("chargehand")


@contextmanager
def held_for_node(directory: Path, *, map_bytes: int = MAP_BYTES_DEFAULT) -> Iterator[None]:
    """A node's data directory, which is made if it is missing, and locked until what is inside is
    over: also between its turns, when the copy in it is closed.

    Raises:
        InUseError: another process has it.
        StorageError: as `open_near`.
    """
    _refuse_alone(directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {directory}: {error.strerror}") from error
    with DirectoryLock(directory).held():
        open_near(directory, map_bytes=map_bytes).close()
        yield


def _refuse_alone(directory: Path) -> None:
    if (directory / DATA_FILE).exists():
        raise StorageError(
            f"{directory} holds a journal of its own: choose another --data-dir for the copy of "
            "the shared one"
        )


def open_near(directory: Path, *, map_bytes: int = MAP_BYTES_DEFAULT) -> LmdbStore:
    """The store for a node's copy, below its data directory; locked until it is closed.

    Its commits do not wait for the disk. So one that an earlier boot of the machine has left may
    be torn: it is removed, and copied anew. So is one that LMDB does not take for its own.

    Raises:
        InUseError: another process has it open.
        StorageError: the directory holds a journal of its own; or it cannot be used.
    """
    _refuse_alone(directory)
    near = directory / NEAR
    boot = _boot_id()
    try:
        near.mkdir(mode=0o700, parents=True, exist_ok=True)
        with DirectoryLock(near).held():
            if boot is None or _read(near / _BOOT_FILE) != boot:
                (near / DATA_FILE).unlink(missing_ok=True)
                (near / _BOOT_FILE).write_text(boot or "", encoding="ascii")
    except OSError as error:
        raise StorageError(f"cannot use {near}: {error.strerror}") from error
    try:
        return LmdbStore(near, map_bytes=map_bytes, durable=False)
    except DamagedError as error:
        _log.warning("the copy in %s is damaged (%s): copying everything anew", near, error)
    with DirectoryLock(near).held():
        (near / DATA_FILE).unlink()
    return LmdbStore(near, map_bytes=map_bytes, durable=False)


def _boot_id() -> str | None:
    """What this start of the machine is called; None where that is not known."""
    return _read(_BOOT_ID)


def _read(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii").strip()
    return None


def replicated_journal(member: Member, tables: FarTables) -> StoreJournal:
    """The journal of a member that is active.

    Args:
        tables: with a connection of their own, for checkpoints.

    Raises:
        DamagedError: what was copied does not say how far it is folded.
    """
    near = member.near
    writer = ReplicatedWriter(member, tables)
    return StoreJournal(
        near.store,
        member.epoch,
        writer,
        near.heads.hand_over,
        lambda recovery: CopyRecovery(recovery, near),
    )
