"""How the composition root gets a journal over a database that replicates."""

import contextlib
from pathlib import Path
from typing import Final

from chargehand.actors.ports import StorageError
from chargehand.persistence.journal import StoreJournal
from chargehand.persistence.lmdb_store import DATA_FILE, MAP_BYTES_DEFAULT, NEAR, LmdbStore
from chargehand.persistence.lock import DirectoryLock
from chargehand.persistence.replicated.far import FarTables
from chargehand.persistence.replicated.member import Member
from chargehand.persistence.replicated.recovering import CopyRecovery
from chargehand.persistence.replicated.writer import ReplicatedWriter

_BOOT_FILE: Final = "boot"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def open_near(directory: Path, *, map_bytes: int = MAP_BYTES_DEFAULT) -> LmdbStore:
    """The store for a node's copy, below its data directory; locked until it is closed.

    Its commits do not wait for the disk. So one that an earlier boot of the machine has left may
    be torn: it is removed, and copied anew.

    Raises:
        InUseError: another process has it open.
        StorageError: the directory holds a journal of its own; or it cannot be used.
    """
    if (directory / DATA_FILE).exists():
        raise StorageError(
            f"{directory} holds a journal of its own: choose another --data-dir for the copy of "
            "the shared one"
        )
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
