"""The latest committed state of every task; lists are read from it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import final

from chargehand.actors import limits
from chargehand.actors.frozen import frozen
from chargehand.actors.ports import Reads
from chargehand.actors.task.head import Stored, active_seq_of, id_of
from chargehand.actors.task.slim import slim
from chargehand.actors.task.state import (
    ApprovalState,
    OwnerKind,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
)
from chargehand.actors.views import facets
from chargehand.actors.views.activity import ActivityOrder
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.creation import CreationOrder
from chargehand.actors.views.readings import Readings
from chargehand.actors.views.rows import AllRows, FewRows
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.state_cache import StateCache
from chargehand.actors.views.stretches import Placed, learning
from chargehand.actors.views.walks import (
    MadeRows,
    Moves,
    TaskPage,
    Walk,
    by_activity,
    by_creation,
)
from chargehand.actors.views.wanted import Wanted


@final
@frozen
class TaskFilter:
    """All that is set must match. `query` is looked for in title, identifier and id."""

    scope: Scope | None = None
    workspace_id: str | None = None
    status: TaskStatus | None = None
    priority: Priority | None = None
    include_drafts: bool = False
    approval_state: ApprovalState | None = None
    owner_kind: OwnerKind | None = None
    owner_ref: str | None = None
    parent_task_id: str | None = None
    network_channel: str | None = None
    query: str | None = None

    @property
    def wanted(self) -> Wanted:
        """What is looked for; all but the parent, whose children are known."""
        asked = facets.chosen(
            self.status,
            self.priority,
            self.approval_state,
            self.owner_kind,
            self.scope,
            workspace_id=self.workspace_id,
            owner_ref=self.owner_ref,
            network_channel=self.network_channel,
        )
        shows_drafts = self.include_drafts or self.status is not None
        never = () if shows_drafts else facets.chosen(TaskStatus.DRAFT)
        return Wanted(asked, never, wanted_text(self.query))


@final
class Catalog:
    """Latest committed states. What a checkpoint holds is kept as its head; the rest is kept whole.

    Args:
        read: the slim state of a task and its head.
        on_known: called once with each stored task, before it changes or as it becomes known.
        came: called with how many of them were given objects of their own.
    """

    def __init__(
        self,
        read: Callable[[str, bytes], TaskState],
        on_known: Callable[[TaskState], None] = lambda state: None,
        came: Callable[[int], None] = lambda count: None,
    ) -> None:
        # By task; of a stored one that nobody has looked at yet what the start has found.
        self._entries: dict[str, Placed | Stored] = {}
        self._whole: dict[str, None] = {}
        self._cache = StateCache(read)
        self._on_known = on_known
        self._came = came
        self.order = ActivityOrder(self._cache)
        self._creation = CreationOrder()
        self.moves = Moves()
        self.readings = Readings()
        self.is_known = True  # all that is asked of stored tasks is worked out

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TaskState]:
        """All tasks, in no order."""
        found = (self._find(task_id) for task_id in self._entries)
        return (entry.look() for entry in found if entry is not None)

    def restore(
        self,
        stored: Sequence[Stored],
        whole: Iterable[str] = (),
        *,
        last_seq: int,
        triaged_seq: int,
    ) -> None:
        """Start from stored tasks.

        Args:
            whole: the ids of those that are given by their whole states.
            last_seq: the newest of their numbers.
            triaged_seq: the same, of those that somebody has read, archived or dismissed.
        """
        # All at once, and as they lie in memory.
        self._entries = dict(zip(map(id_of, stored), stored, strict=True))
        by_activity = sorted(stored, key=active_seq_of)
        self.order.restore(by_activity, self._take_place, self._on_known)
        self._creation.restore(by_activity)
        self._whole = dict.fromkeys(whole)
        known_from = active_seq_of(by_activity[-1]) if by_activity else 0
        self.moves = Moves(newest_seq=last_seq, known_from=known_from)
        self.readings = Readings(triaged_seq)
        self.is_known = False

    def learning(self) -> Iterator[None]:
        """Work out what a start has left to be worked out of stored tasks; some of it for each
        item."""
        if not self.is_known:
            yield from self.order.learning()
            yield from self._creation.sorting()
            self.is_known = True

    def _take_place(self, entry: Placed) -> None:
        self._entries[entry.task_id] = entry
        self._creation.enter(entry)
        self._came(1)

    def _find(self, task_id: str) -> Placed | None:
        """The entry of a task; None if there is no such task."""
        entry = self._entries.get(task_id)
        if isinstance(entry, tuple):
            self.order.place(entry)
            entry = self._entries[task_id]
            assert isinstance(entry, Placed), "a stored task has its place"
        return entry

    def publish(self, state: TaskState) -> TaskState | None:
        """The task's state after a committed record; the one before it is returned."""
        entry = self._find(state.id)
        before = None
        if entry is not None:
            before = entry.state
            entry.stretch.meet(entry.place, before)
        self.moves.newest_seq = state.last_seq
        if state.deleted:
            if entry is not None:
                self.order.leave(entry)
                self._creation.leave(entry)
                del self._entries[state.id]
                self._whole.pop(state.id, None)
            return before
        seq = state.latest_event_seq
        if entry is None or before is None:
            entry = self._entries[state.id] = self.order.enter(state)
            self._creation.enter(entry)
        else:
            self.readings.note(entry, before, state)
            if before.latest_event_seq == seq:
                self.order.change(entry, before, state)
            else:
                self.moves.moved(entry, before.latest_event_seq, seq)
                self.order.move(entry, state)
        self._whole[state.id] = None
        return before

    def cool_down(self, reads: Reads, most: int) -> None:
        """Keep up to `most` tasks as their heads that the store holds whole."""
        folded: list[Placed] = []
        for task_id in list(islice(self._whole, most)):
            del self._whole[task_id]
            entry = self._find(task_id)
            assert entry is not None, "what is held whole is there"
            if reads.is_folded(task_id, entry.state.last_seq):
                folded.append(entry)
            else:
                self._whole[task_id] = None
        for entry, head in zip(folded, reads.heads([e.task_id for e in folded]), strict=True):
            state = slim(entry.state)
            entry.held = state
            if head is not None:
                entry.held = head
                self._cache.keep(head, state)

    @property
    def whole_count(self) -> int:
        return len(self._whole)

    def get(self, task_id: str) -> TaskState | None:
        """The task, slim or whole."""
        entry = self._find(task_id)
        return None if entry is None else entry.state

    def has(self, task_id: str) -> bool:
        """Whether there is such a task."""
        return task_id in self._entries

    def whole(self, task_id: str) -> TaskState | None:
        """The task, if it is held whole."""
        return self.get(task_id) if task_id in self._whole else None

    def _prepared(self, wanted: Wanted, before_seq: int | None, count: int) -> Iterator[None]:
        """Work out in turns what is asked of so many of the tasks that are wanted, the most
        recently active first."""
        looked_at = 0
        for stretch in self.order.newest_first(before_seq):
            yield from learning(stretch)
            looked_at += stretch.to_search(wanted)
            count -= stretch.select(wanted).bit_count()
            if count < 0:
                return
            if looked_at >= limits.LOOKED_AT_MAX:
                looked_at = 0
                yield

    def page(
        self, wanted: Wanted, order: ListOrder, cursor: str | None, limit: int
    ) -> Iterator[TaskPage | None]:
        """The newest first: at last the page. None: some of the time is over that others need.

        What is there all along while pages are read is shown once.

        Raises:
            Rejected: the cursor is invalid, or of another order.
        """
        if order is ListOrder.CREATED:
            yield from self.learning()
        elif wanted.text is not None or not self.is_known:
            before_seq = None if cursor is None else Walk.read(cursor).before_seq
            yield from self._prepared(wanted, before_seq, limit)
        rows = AllRows(self.order, self._creation, wanted)
        yield from self._page(rows, order, cursor, limit)

    def page_of(
        self,
        task_ids: Iterable[str],
        wanted: Wanted,
        order: ListOrder,
        cursor: str | None,
        limit: int,
    ) -> Iterator[TaskPage | None]:
        """The same, of a few tasks that are named."""
        known = (state for task_id in task_ids if (state := self.get(task_id)) is not None)
        return self._page(FewRows(known, wanted), order, cursor, limit)

    def count(self, wanted: Wanted) -> Iterator[int | None]:
        """At last how many tasks are wanted. None: some of the time is over that others need."""
        yield from self.learning()
        yield from AllRows(self.order, self._creation, wanted).count()

    def count_of(self, task_ids: Iterable[str], wanted: Wanted) -> int:
        """The same, of a few tasks that are named."""
        known = (state for task_id in task_ids if (state := self.get(task_id)) is not None)
        return FewRows(known, wanted).count()

    def _page(
        self, rows: MadeRows, order: ListOrder, cursor: str | None, limit: int
    ) -> Iterator[TaskPage | None]:
        if order is ListOrder.CREATED:
            yield from by_creation(rows, cursor, limit)
        else:
            yield by_activity(rows, self.moves, cursor, limit)
