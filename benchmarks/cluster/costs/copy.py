"""What a standby has, as another process sees it: the copy in its data directory is looked at
itself, so nothing has to be asked of the standby."""

from pathlib import Path
from typing import Any, Final, final

import lmdb

from chargehand.persistence.framing import log_frames
from chargehand.persistence.lmdb_store import NEAR
from chargehand.persistence.store import Table

_MAP_BYTES: Final = 1 << 34  # of address space: more than the standby's, however that grows


@final
class Copy:
    """Of a standby that runs, and that has begun to follow. A context.

    Args:
        data: its data directory.
    """

    def __init__(self, data: Path) -> None:
        self._environment = lmdb.open(
            str(data / NEAR), map_size=_MAP_BYTES, max_dbs=len(Table), readonly=True
        )
        self._log: Any = self._environment.open_db(Table.LOG.value.encode(), create=False)
        self._key = b""
        self._last_seq = 0

    def __enter__(self) -> "Copy":
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.close()

    def last_seq(self) -> int:
        """The last number that was ever seen in it; what a checkpoint trims stays seen."""
        with self._environment.begin(self._log, buffers=True) as transaction:
            cursor = transaction.cursor()
            if cursor.last():
                key = bytes(cursor.key())
                if key != self._key:  # values are put behind each other, and do not change
                    frames = log_frames(int.from_bytes(key), bytes(cursor.value()))
                    self._key, self._last_seq = key, max(one.last_seq for one in frames)
        return self._last_seq
