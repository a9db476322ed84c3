"""The latest committed state of every task; lists are read from it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import final

from chargehand.actors.frozen import frozen
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
from chargehand.actors.views.activity import ActivityOrder, Placed, Wanted
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.creation import CreationOrder
from chargehand.actors.views.readings import Readings
from chargehand.actors.views.rows import AllRows, FewRows
from chargehand.actors.views.search import wanted_text
from chargehand.actors.views.walks import MadeRows, Moves, TaskPage, by_activity, by_creation


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
    """Latest committed states. What a checkpoint holds is kept slim; the rest is kept whole."""

    def __init__(self) -> None:
        self._entries: dict[str, Placed] = {}
        self._whole: dict[str, None] = {}
        self.order = ActivityOrder()
        self._creation = CreationOrder()
        self.moves = Moves()
        self.readings = Readings()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[TaskState]:
        """All tasks, in no order."""
        return (entry.state for entry in self._entries.values())

    def restore(self, states: Iterable[TaskState]) -> None:
        """Start from stored states, as slim as they may be."""
        living = [slim(state) for state in states if not state.deleted]
        for state in sorted(living, key=lambda state: state.latest_event_seq):
            self._entries[state.id] = self.order.enter(state)
        self._creation.restore(self._entries.values())
        self.moves = Moves(
            newest_seq=max((state.last_seq for state in living), default=0),
            known_from=max((state.latest_event_seq for state in living), default=0),
        )
        self.readings = Readings(living)

    def publish(self, state: TaskState) -> TaskState | None:
        """The task's state after a committed record; the one before it is returned."""
        entry = self._entries.get(state.id)
        before = None if entry is None else entry.state
        self.moves.newest_seq = state.last_seq
        if state.deleted:
            if entry is not None:
                self.order.leave(entry)
                self._creation.leave(entry)
                del self._entries[state.id]
                self._whole.pop(state.id, None)
            return before
        seq = state.latest_event_seq
        if entry is None:
            entry = self._entries[state.id] = self.order.enter(state)
            self._creation.enter(entry)
        else:
            self.readings.note(entry, state)
            if entry.state.latest_event_seq == seq:
                self.order.change(entry, state)
            else:
                self.moves.moved(entry, entry.state.latest_event_seq, seq)
                self.order.move(entry, state)
        self._whole[state.id] = None
        return before

    def slim_down(self, is_folded: Callable[[str, int], bool], most: int) -> int:
        """Keep up to `most` states slim that the store holds whole; how many were looked at."""
        looked_at = list(islice(self._whole, most))
        for task_id in looked_at:
            del self._whole[task_id]
            entry = self._entries[task_id]
            if is_folded(task_id, entry.state.last_seq):
                entry.state = slim(entry.state)
            else:
                self._whole[task_id] = None
        return len(looked_at)

    @property
    def whole_count(self) -> int:
        return len(self._whole)

    def get(self, task_id: str) -> TaskState | None:
        """The task, slim or whole."""
        entry = self._entries.get(task_id)
        return None if entry is None else entry.state

    def whole(self, task_id: str) -> TaskState | None:
        """The task, if it is held whole."""
        return self._entries[task_id].state if task_id in self._whole else None

    def page(
        self, wanted: Wanted, order: ListOrder, cursor: str | None, limit: int
    ) -> Iterator[TaskPage | None]:
        """The newest first: at last the page. None: some of the time is over that others need.

        What is there all along while pages are read is shown once.

        Raises:
            Rejected: the cursor is invalid, or of another order.
        """
        rows = AllRows(self.order, self._creation, wanted)
        return self._page(rows, order, cursor, limit)

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

    def _page(
        self, rows: MadeRows, order: ListOrder, cursor: str | None, limit: int
    ) -> Iterator[TaskPage | None]:
        if order is ListOrder.CREATED:
            yield from by_creation(rows, cursor, limit)
        else:
            yield by_activity(rows, self.moves, cursor, limit)
