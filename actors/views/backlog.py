"""The queue as an operator sees it: every queued run, also those that wait for something."""

import heapq
from collections.abc import Callable, Iterator
from typing import NamedTuple, final

from attrs import frozen

from actors.task.state import RunStatus, Scope, TaskState
from actors.views.ordered import Ordered
from actors.views.pages import Page, bad_cursor, page


@final
@frozen
class BacklogFilter:
    workspace_id: str | None = None
    scope: Scope | None = None
    include_paused: bool = False

    def matches(self, part: "_Part") -> bool:
        return (
            (self.include_paused or not part.is_paused)
            and (self.workspace_id is None or part.workspace_id == self.workspace_id)
            and (self.scope is None or (self.scope is Scope.GLOBAL) == (part.workspace_id is None))
        )


@final
class QueuedRun(NamedTuple):
    """By priority, age and id."""

    weight: int  # negated
    queue_order: int
    run_id: str
    task_id: str

    @property
    def cursor(self) -> str:
        return f"{self.weight}.{self.queue_order}.{self.run_id}"


@final
@frozen
class BacklogPage:
    """`total` counts all that match, not only these."""

    page: Page[QueuedRun]
    total: int


@final
class _Part(NamedTuple):
    """What filters tell apart."""

    workspace_id: str | None  # None: global tasks
    is_paused: bool


@final
class Backlog:
    """Args: paused_by: the nearest paused task on the way up from a task."""

    def __init__(self, paused_by: Callable[[str], str | None]) -> None:
        self._paused_by = paused_by
        self._parts: dict[_Part, Ordered[QueuedRun]] = {}
        self._paused: set[str] = set()  # runs in the parts of paused ones

    def change(self, before: TaskState | None, after: TaskState | None) -> None:
        """A task was made, has changed, or is gone."""
        had, has = _queued_run(before), _queued_run(after)
        if had == has:
            return
        if had is not None and before is not None:
            self._remove(before.workspace_id, had)
        if has is not None and after is not None:
            self._add(after.workspace_id, has)

    def paused_or_resumed(self, state: TaskState) -> None:
        """The task, or one above it, was paused or resumed."""
        queued = _queued_run(state)
        if queued is not None:
            self._remove(state.workspace_id, queued)
            self._add(state.workspace_id, queued)

    def page(self, which: BacklogFilter, cursor: str | None, limit: int) -> BacklogPage:
        """Raises: Rejected: the cursor is none of ours."""
        bound = None if cursor is None else _bound(cursor)
        parts = [runs for part, runs in self._parts.items() if which.matches(part)]
        found = [iter(runs) if bound is None else runs.behind(bound) for runs in parts]
        return BacklogPage(page(_merged(found), limit), sum(map(len, parts)))

    def _add(self, workspace_id: str | None, queued: QueuedRun) -> None:
        is_paused = self._paused_by(queued.task_id) is not None
        if is_paused:
            self._paused.add(queued.run_id)
        self._parts.setdefault(_Part(workspace_id, is_paused), Ordered()).add(queued)

    def _remove(self, workspace_id: str | None, queued: QueuedRun) -> None:
        part = _Part(workspace_id, queued.run_id in self._paused)
        self._paused.discard(queued.run_id)
        runs = self._parts[part]
        runs.remove(queued)
        if not runs:
            del self._parts[part]


def _queued_run(state: TaskState | None) -> QueuedRun | None:
    run = None if state is None else state.open_run
    if state is None or run is None or run.status is not RunStatus.QUEUED:
        return None
    return QueuedRun(-state.priority.weight, run.queue_order, run.id, state.id)


def _merged(found: list[Iterator[QueuedRun]]) -> Iterator[QueuedRun]:
    return found[0] if len(found) == 1 else heapq.merge(*found)


def _bound(cursor: str) -> QueuedRun:
    """The last place that a run with the cursor's numbers and id can have."""
    try:
        weight, queue_order, run_id = cursor.split(".", 2)
        return QueuedRun(int(weight), int(queue_order), f"{run_id}\0", "")
    except ValueError:
        raise bad_cursor() from None
