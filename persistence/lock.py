"""One process for each data directory. The lock dies with its process, however that ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from chargehand.actors.ports import StorageError

try:
    import fcntl
except ImportError as error:
    raise ImportError("a data directory can be opened on Linux and macOS alone") from error

LOCK_FILE = "LOCK"


class InUseError(StorageError):
    """Raised when another process has the directory open."""


@final
class DirectoryLock:
    """Held from the moment it is made.

    Raises:
        InUseError: another process holds it.
        StorageError: the file cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        try:
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self._file.close()
            raise InUseError(f"{directory} is in use by {holder}") from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\nThe process that has this data directory open.\n")
        self._file.flush()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Held until what is inside is over."""
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Harmless if repeated. The file stays: its name must not be free for a second one."""
        self._file.close()

    def _holder(self) -> str:
        self._file.seek(0)
        pid = self._file.readline().strip()
        return f"process {pid}" if pid else "another process"
