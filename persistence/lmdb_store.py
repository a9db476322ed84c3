"""The store on LMDB, fully durable: a commit returns when the disk has it.

Every transaction begins and ends in one function: LMDB's writer lock belongs to a thread, and a
transaction carried to another one blocks the next writer for ever.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, final

import lmdb

from chargehand.actors.ports import DamagedError, StorageError
from chargehand.persistence.lmdb_file import check_length
from chargehand.persistence.lock import DirectoryLock
from chargehand.persistence.store import (
    Change,
    ConditionError,
    Delete,
    DeleteRange,
    Given,
    Put,
    Table,
)

T = TypeVar("T")

MAP_BYTES_DEFAULT: Final = 1 << 30  # of address space; the file grows as it is written
DATA_FILE: Final = "data.mdb"
NEAR: Final = "near"  # below a data directory: a node's copy of a shared journal
READERS_MAX: Final = 16  # Trio's thread, the writer, and a tool that looks from outside
# `check_length` reads LMDB's first format. A binding that writes a second one, too, takes that for
# new files if an environment variable says so.
_TWO_FORMATS: Final = int(lmdb.__version__.partition(".")[0]) >= 3
_FORMAT_OF_NEW_FILES: Final[dict[str, Any]] = {"lib_version": 0} if _TWO_FORMATS else {}

# What LMDB raises where its own pages, which carry no checksum, are not what they must be.
_STRUCTURE_ERRORS: Final = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
)


@final
class LmdbStore:
    """Implements `persistence.store.Store`.

    Args:
        directory: made if it is missing; locked for this process until `close`.
        map_bytes: size of the memory map to begin with. It is doubled whenever it is full.
        durable: commits return when the disk has them; else when the system has them, so that a
            crash of the machine may tear the file.
        read_only: change nothing but the lock's file; what is not there is refused, and tables that
            a former version did not know are empty.

    Raises:
        DamagedError: the file is cut, or LMDB does not take it for one of its own. So does each
            read that meets a damaged page.
        StorageError: in use, not readable, or another program's.
    """

    def __init__(
        self,
        directory: Path,
        *,
        map_bytes: int = MAP_BYTES_DEFAULT,
        read_only: bool = False,
        durable: bool = True,
    ) -> None:
        if not read_only:
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"cannot make {directory}: {error.strerror}") from error
        elif not directory.is_dir():
            raise StorageError(f"there is no data directory {directory}")
        elif not (directory / DATA_FILE).is_file():
            raise StorageError(f"{directory} holds no data of Chargehand")
        self._directory = directory
        self._read_only = read_only
        self._durable = durable
        self._lock = DirectoryLock(directory)
        self._growths = 0
        # The map must not move while a read transaction looks at it.
        self._map_lock = Lock()
        try:
            with _storage_errors(f"cannot open {directory}", f"{directory}: "):
                check_length(directory / DATA_FILE)
                self._env = self._open(map_bytes)
                try:
                    self._refuse_foreign()
                    self._tables = dict(self._opened())
                except BaseException:
                    self._env.close()
                    raise
        except StorageError:
            self._lock.release()
            raise

    def _open(self, map_bytes: int) -> lmdb.Environment:
        return lmdb.open(
            str(self._directory),
            map_size=map_bytes,
            max_dbs=len(Table),
            max_readers=READERS_MAX,
            mode=0o600,  # tasks are nobody else's to read
            readahead=False,  # reads are of single keys, and pages of others push ours out
            readonly=self._read_only,
            sync=self._durable,
            **_FORMAT_OF_NEW_FILES,
        )

    def _opened(self) -> Iterator[tuple[Table, Any]]:
        for table in Table:
            try:
                yield table, self._env.open_db(table.value.encode(), create=not self._read_only)
            except lmdb.NotFoundError:
                continue

    @property
    def growths(self) -> int:
        return self._growths

    def count(self, table: Table) -> int:
        if table not in self._tables:
            return 0
        with _storage_errors("a read failed"), self._env.begin() as transaction:
            found: int = transaction.stat(self._tables[table])["entries"]
            return found

    def commit(self, changes: Sequence[Change], given: Given | None = None) -> None:
        with _storage_errors("a commit failed"):
            while not self._commit_once(changes, given):
                self._grow()

    def get(self, table: Table, key: bytes) -> bytes | None:
        if table not in self._tables:
            return None
        with _storage_errors("a read failed"), self._map_lock, self._env.begin() as transaction:
            return transaction.get(key, db=self._tables[table])

    def get_many(self, wanted: Sequence[tuple[Table, bytes]]) -> list[bytes | None]:
        with _storage_errors("a read failed"), self._map_lock, self._env.begin() as transaction:
            found: list[bytes | None] = [
                transaction.get(key, db=self._tables[table]) if table in self._tables else None
                for table, key in wanted
            ]
        return found

    def scan(
        self,
        table: Table,
        start: bytes,
        stop: bytes | None,
        count: int,
        read: Callable[[memoryview], T],
        *,
        reverse: bool = False,
    ) -> list[tuple[bytes, T]]:
        rows: list[tuple[bytes, T]] = []
        if table not in self._tables:
            return rows
        with (
            _storage_errors("a read failed"),
            self._map_lock,
            self._env.begin(db=self._tables[table], buffers=True) as transaction,
            transaction.cursor() as cursor,
        ):
            for key, value in _walk(cursor, start, stop, reverse):
                if key < start or (stop is not None and key >= stop) or len(rows) == count:
                    break
                rows.append((key, read(value)))
        return rows

    def page(self, table: Table, start: bytes, count: int) -> list[tuple[bytes, bytes]]:
        if table not in self._tables:
            return []
        with (
            _storage_errors("a read failed"),
            self._map_lock,
            self._env.begin(db=self._tables[table]) as transaction,
            transaction.cursor() as cursor,
        ):
            return list(islice(cursor, count)) if cursor.set_range(start) else []

    def let_go(self) -> None:
        """Pages that were read count as ours as long as they are mapped, up to the whole file."""
        with _storage_errors(f"cannot open {self._directory} again"), self._map_lock:
            map_bytes = self._env.info()["map_size"]
            self._env.close()
            self._env = self._open(map_bytes)
            self._tables = dict(self._opened())

    def close(self) -> None:
        self._env.close()
        self._lock.release()

    def _refuse_foreign(self) -> None:
        """Before tables are made in what is another program's."""
        with self._env.begin() as transaction, transaction.cursor() as cursor:
            if cursor.first() and not cursor.set_key(Table.META.value.encode()):
                raise StorageError("the directory holds an LMDB database that is not Chargehand's")

    def _commit_once(self, changes: Sequence[Change], given: Given | None) -> bool:
        """False if the map is full; nothing was changed then."""
        try:
            with self._env.begin(write=True) as transaction:
                if given is not None:
                    found = transaction.get(given.key, db=self._tables[given.table])
                    if found != given.value:
                        raise ConditionError(given, found)
                for change in changes:
                    self._make(transaction, change)
        except lmdb.MapFullError:
            return False
        return True

    def _make(self, transaction: lmdb.Transaction, change: Change) -> None:
        table = self._tables[change.table]
        match change:
            case Put(key=key, value=value, append=append):
                if not transaction.put(key, value, append=append, db=table):
                    raise StorageError(f"a key of {change.table.value} is not behind all others")
            case Delete(key=key):
                transaction.delete(key, db=table)
            case DeleteRange(start=start, stop=stop):
                with transaction.cursor(table) as cursor:
                    found = cursor.set_range(start)
                    while found and (stop is None or bytes(cursor.key()) < stop):
                        found = cursor.delete()

    def _grow(self) -> None:
        with self._map_lock:
            self._env.set_mapsize(2 * self._env.info()["map_size"])
        self._growths += 1


def _walk(
    cursor: lmdb.Cursor, start: bytes, stop: bytes | None, reverse: bool
) -> Iterator[tuple[bytes, memoryview]]:
    """From the first key of a range upwards, or from the last one downwards; past its end too."""
    if not reverse:
        found, rows = cursor.set_range(start), cursor.iternext
    elif stop is not None and cursor.set_range(stop):
        found, rows = cursor.prev(), cursor.iterprev
    else:
        found, rows = cursor.last(), cursor.iterprev
    if found:
        for key, value in rows():
            yield bytes(key), memoryview(value)


@contextmanager
def _storage_errors(what: str, prefix: str = "") -> Iterator[None]:
    """LMDB's errors end here. Args: prefix: of their messages, where `what` says it already."""
    try:
        yield
    except _STRUCTURE_ERRORS as error:
        code = str(error)
        code = code[max(code.find("MDB_"), 0) :]
        raise DamagedError(f"the store's own structure is damaged ({code})") from error
    except (lmdb.Error, OSError) as error:
        raise StorageError(f"{what}: {str(error).removeprefix(prefix)}") from error
