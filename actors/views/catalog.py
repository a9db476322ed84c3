"""The latest committed state of every task, in order of activity; lists are read from it."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar, final

from attrs import frozen

from actors.errors import invalid
from actors.task.slim import slim
from actors.task.state import (
    ApprovalState,
    OwnerKind,
    Priority,
    Scope,
    TaskState,
    TaskStatus,
)

T = TypeVar("T")


@final
@frozen
class Page(Generic[T]):
    """Some items, and the cursor that asks for those behind them."""

    items: list[T]
    next_cursor: str | None = None


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

    def matches(self, state: TaskState) -> bool:
        owner = state.owner
        return (
            (self.status is None or state.status is self.status)
            and (self.include_drafts or self.status is not None or not state.draft)
            and (self.scope is None or state.scope is self.scope)
            and (self.workspace_id is None or state.workspace_id == self.workspace_id)
            and (self.priority is None or state.priority is self.priority)
            and (self.approval_state is None or state.approval_state is self.approval_state)
            and (self.owner_kind is None or (owner is not None and owner.kind is self.owner_kind))
            and (self.owner_ref is None or (owner is not None and owner.ref == self.owner_ref))
            and (self.parent_task_id is None or state.parent_task_id == self.parent_task_id)
            and (self.network_channel is None or state.network_channel == self.network_channel)
            and (not self.query or self._is_found_in(state))
        )

    def _is_found_in(self, state: TaskState) -> bool:
        wanted = (self.query or "").casefold()
        texts = (state.title, state.identifier or "", state.id)
        return any(wanted in text.casefold() for text in texts)


@final
class Catalog:
    """Latest committed states. What a checkpoint holds is kept slim; the rest is kept whole."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, TaskState] = OrderedDict()  # least recently active first
        self._whole: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._states)

    def restore(self, states: Iterable[TaskState]) -> None:
        """Start from slim states."""
        living = sorted((s for s in states if not s.deleted), key=lambda state: state.last_seq)
        self._states.update((state.id, state) for state in living)

    def publish(self, state: TaskState) -> None:
        """The task's state after a committed record."""
        if state.deleted:
            self._states.pop(state.id, None)
            self._whole.pop(state.id, None)
            return
        self._states[state.id] = state
        self._states.move_to_end(state.id)
        self._whole[state.id] = None

    def slim_down(self, is_folded: Callable[[str, int], bool], most: int) -> int:
        """Keep up to `most` states slim that the store holds whole; how many were looked at."""
        looked_at = list(islice(self._whole, most))
        for task_id in looked_at:
            del self._whole[task_id]
            state = self._states[task_id]
            if is_folded(task_id, state.last_seq):
                self._states[task_id] = slim(state)
            else:
                self._whole[task_id] = None
        return len(looked_at)

    @property
    def whole_count(self) -> int:
        return len(self._whole)

    def get(self, task_id: str) -> TaskState | None:
        """The task, slim or whole."""
        return self._states.get(task_id)

    def whole(self, task_id: str) -> TaskState | None:
        """The task, if it is held whole."""
        return self._states[task_id] if task_id in self._whole else None

    def page(self, which: TaskFilter, cursor: str | None, limit: int) -> Page[TaskState]:
        """The most recently active first. Tasks that move while pages are read never repeat."""
        items: list[TaskState] = []
        for state in self._behind(cursor):
            if which.matches(state):
                if len(items) == limit:
                    return Page(items, str(items[-1].last_seq))
                items.append(state)
        return Page(items)

    def _behind(self, cursor: str | None) -> Iterator[TaskState]:
        if cursor is None:
            yield from reversed(self._states.values())
            return
        if not (cursor.isascii() and cursor.isdigit()):
            raise invalid("?cursor", "?cursor is none that a Link header gave", "follow the link")
        before = int(cursor)
        yield from (state for state in reversed(self._states.values()) if state.last_seq < before)
