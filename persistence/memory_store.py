"""A store without a disk: for tests under a mock clock, and for what-if measurements."""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from typing import TypeVar, final

from attrs import define, field

from chargehand.actors.ports import StorageError
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


@final
@define(eq=False)
class _Rows:
    keys: list[bytes] = field(factory=list)  # sorted
    values: dict[bytes, bytes] = field(factory=dict)

    def put(self, key: bytes, value: bytes) -> None:
        if key not in self.values:
            insort(self.keys, key)
        self.values[key] = value

    def delete(self, start: int, stop: int) -> None:
        for key in self.keys[start:stop]:
            del self.values[key]
        del self.keys[start:stop]

    def span(self, start: bytes, stop: bytes | None) -> tuple[int, int]:
        """The positions of a range of keys."""
        end = len(self.keys) if stop is None else bisect_left(self.keys, stop)
        return bisect_left(self.keys, start), end


@final
class MemoryStore:
    """Implements `persistence.store.Store`."""

    growths = 0

    def __init__(self) -> None:
        self._tables = {table: _Rows() for table in Table}

    def copy(self) -> "MemoryStore":
        """Another store with the same content: what a crash at this moment would leave."""
        other = MemoryStore()
        other._tables = {
            table: _Rows(rows.keys.copy(), rows.values.copy())
            for table, rows in self._tables.items()
        }
        return other

    def commit(self, changes: Sequence[Change], given: Given | None = None) -> None:
        if given is not None and (found := self.get(given.table, given.key)) != given.value:
            raise ConditionError(given, found)
        for change in changes:
            self._check(change)
        for change in changes:
            self._make(change)

    def get(self, table: Table, key: bytes) -> bytes | None:
        return self._tables[table].values.get(key)

    def get_many(self, wanted: Sequence[tuple[Table, bytes]]) -> list[bytes | None]:
        return [self.get(table, key) for table, key in wanted]

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
        rows = self._tables[table]
        first, end = rows.span(start, stop)
        if reverse:
            keys = rows.keys[max(first, end - count) : end][::-1]
        else:
            keys = rows.keys[first : min(end, first + count)]
        return [(key, read(memoryview(rows.values[key]))) for key in keys]

    def page(self, table: Table, start: bytes, count: int) -> list[tuple[bytes, bytes]]:
        return self.scan(table, start, None, count, bytes)

    def count(self, table: Table) -> int:
        return len(self._tables[table].keys)

    def let_go(self) -> None:
        """Nothing is taken."""

    def close(self) -> None:
        """Nothing to let go of; what was committed stays readable, as a disk would keep it."""

    def _check(self, change: Change) -> None:
        match change:
            case Put(table=table, key=key, append=True):
                keys = self._tables[table].keys
                if keys and key <= keys[-1]:
                    raise StorageError(f"a key of {table.value} is not behind all others")
            case _:
                pass

    def _make(self, change: Change) -> None:
        rows = self._tables[change.table]
        match change:
            case Put(key=key, value=value):
                rows.put(key, value)
            case Delete(key=key):
                rows.delete(*rows.span(key, key + b"\0"))
            case DeleteRange(start=start, stop=stop):
                rows.delete(*rows.span(start, stop))
