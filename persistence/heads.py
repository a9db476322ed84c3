"""The heads of all snapshots, which a start reads: from the store, a page at a time, or kept in
memory by whoever follows and will have to start at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from chargehand.actors.ports import Damage, DamagedError, TaskHead, TaskHeads
from chargehand.actors.record import AnyState
from chargehand.actors.task.head import AWAITED, AtRest, id_of, standing_in, stored_heads
from chargehand.actors.task.state import TaskState
from chargehand.persistence.snapshots import decode_head, decode_task_heads, slim_state
from chargehand.persistence.store import Change, Delete, DeleteRange, Put, Store, Table

HEADS_READ_MAX: Final = 512

Rows = Sequence[tuple[bytes, bytes]]
StoredHeads = Iterator[TaskHeads | AnyState | Damage]


def read_heads(store: Store) -> StoredHeads:
    """Every state with a snapshot, of tasks their heads; or that it is damaged."""
    start = b""
    while page := store.page(Table.HEADS, start, HEADS_READ_MAX):
        tasks, others = _decoded(page)
        if tasks.tasks:
            yield tasks
        yield from _others(others)
        start = page[-1][0] + b"\0"


def _decoded(rows: Rows) -> tuple[TaskHeads, Rows]:
    """Those of tasks that are sound, and the rows that hold anything else."""
    heads, others = decode_task_heads(rows)
    tasks = [*stored_heads(heads)]
    awaited = [slim_state(task[0], task[1]) for task in tasks if standing_in(task) & AWAITED]
    return TaskHeads(tasks, awaited), others


def _others(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[AnyState | Damage]:
    for key, value in rows:
        try:
            found = decode_head(key, value)
        except DamagedError as error:
            yield Damage(key.decode("utf-8", "replace"), str(error), found=value)
        else:
            assert not isinstance(found, TaskHead), "these are among the tasks"
            yield found


@final
class WarmHeads:
    """The same, in memory as far as they have been read, and as of the last slice that was made.

    Reading 100,000 of them is half of a start.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_handed_over = False
        self.forget()

    def forget(self) -> None:
        """Begin again: the store holds something else."""
        self._tasks: dict[str, AtRest] = {}
        self._awaited: dict[str, TaskState] = {}
        self._others: dict[bytes, bytes] = {}
        self._read_to: bytes | None = b""  # None: to the end

    def read_some(self) -> bool:
        """Read a page more. False: there is no more."""
        if self._read_to is None:
            return False
        page = self._store.page(Table.HEADS, self._read_to, HEADS_READ_MAX)
        self._put(page)
        self._read_to = page[-1][0] + b"\0" if page else None
        if not page:
            self._store.let_go()
        return True

    def follow(self, changes: Iterable[Change]) -> None:
        """These were made in the store."""
        if self._is_handed_over:
            return
        put: dict[bytes, bytes] = {}
        for change in changes:
            if change.table is not Table.HEADS:
                continue
            match change:
                case Put(key=key, value=value):
                    put[key] = value
                case Delete(key=key):
                    put.pop(key, None)
                    self._drop(key)
                case DeleteRange():
                    self.forget()
                    return
        self._put([*put.items()])

    def hand_over(self) -> StoredHeads:
        """All of them, once; what is not read yet is read now. From then on nothing is kept."""
        while self.read_some():
            pass
        self._is_handed_over = True
        yield TaskHeads([*self._tasks.values()], [*self._awaited.values()])
        yield from _others(self._others.items())
        self.forget()

    def _put(self, rows: Rows) -> None:
        for key, _ in rows:
            self._drop(key)
        found, others = _decoded(rows)
        self._tasks.update(zip(map(id_of, found.tasks), found.tasks, strict=True))
        self._awaited.update((state.id, state) for state in found.awaited)
        self._others.update(others)

    def _drop(self, key: bytes) -> None:
        self._others.pop(key, None)
        task_id = key.decode("utf-8", "replace")
        if self._tasks.pop(task_id, None) is not None:
            self._awaited.pop(task_id, None)
