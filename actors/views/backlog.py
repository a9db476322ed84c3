"""The queue as an operator sees it: every queued run, also those that wait for something."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, final

from chargehand.actors import limits
from chargehand.actors.errors import invalid
from chargehand.actors.frozen import frozen
from chargehand.actors.ordered import Ordered
from chargehand.actors.task.eligibility import Place, QueuedRun, queued_run_of
from chargehand.actors.task.state import Scope, TaskState
from chargehand.actors.views.pages import bad_cursor, sequence_of
from chargehand.actors.views.recent import Recent

_WALK: Final = "walk"  # a cursor begins with it
_BEHIND_ALL: Final = 1  # a weight, negated, that no run has


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
@frozen
class BacklogPage:
    """`total` counts all that match, not only these. Without `next_cursor` there are no more."""

    runs: list[QueuedRun]
    total: int
    next_cursor: str | None


@final
@frozen
class BacklogWalk:
    """How far somebody has come.

    Args:
        behind: runs up to this place were shown; None: it begins.
        as_of_seq: the newest number when the walk began: runs stand where they stood then. None: a
            cursor of before that was kept; runs stand where they stand.
    """

    behind: Place | None
    as_of_seq: int | None

    @classmethod
    def read(cls, cursor: str) -> "BacklogWalk":
        """Raises: Rejected: it is no cursor of the backlog."""
        as_of_seq, place = None, cursor
        if cursor.startswith(f"{_WALK}."):
            written, _, place = cursor.removeprefix(f"{_WALK}.").partition(".")
            as_of_seq = sequence_of(written)
        try:
            weight, queue_order, run_id = place.split(".", 2)
            # The last place that a run with these numbers and this id can have.
            return cls((int(weight), int(queue_order), f"{run_id}\0"), as_of_seq)
        except ValueError:
            raise bad_cursor() from None

    def cursor_at(self, last: QueuedRun) -> str:
        place = f"{last.weight}.{last.queue_order}.{last.run_id}"
        return place if self.as_of_seq is None else f"{_WALK}.{self.as_of_seq}.{place}"


@final
class _Part(NamedTuple):
    """What filters tell apart."""

    workspace_id: str | None  # None: global tasks
    is_paused: bool


@final
class _Moved(NamedTuple):
    """A queued run whose priority was changed, and the weight before; None: that is not known."""

    run_id: str
    task_id: str
    weight: int | None


@final
class Backlog:
    """Args:
    paused_by: the nearest paused task on the way up from a task.
    known: a task, slim or whole.
    held: the object that others have for a task's queued run.
    """

    def __init__(
        self,
        paused_by: Callable[[str], str | None],
        known: Callable[[str], TaskState | None],
        held: Callable[[str], QueuedRun | None],
    ) -> None:
        self._paused_by = paused_by
        self._known = known
        self._held = held
        self._parts: dict[_Part, Ordered[QueuedRun]] = {}
        self._paused: set[str] = set()  # runs in the parts of paused ones
        self._moves: Recent[_Moved] = Recent()
        self._moved_seq = 0  # of the last one

    def restore(self, states: Iterable[TaskState]) -> None:
        """Start from stored tasks, as others have already; only those with a queued run matter. Of
        those whose priority has changed it is known when, but not from what."""
        moved: list[tuple[int, QueuedRun]] = []
        parts: dict[tuple[str | None, bool], list[QueuedRun]] = {}
        for state in states:
            queued = self._held(state.id) or queued_run_of(state)
            if queued is None:
                continue
            part = (state.workspace_id, self._is_paused(queued))
            if part in parts:
                parts[part].append(queued)
            else:
                parts[part] = [queued]
            if state.priority_seq > max(queued.queue_order, 0):
                moved.append((state.priority_seq, queued))
        for part, runs in parts.items():
            ordered = self._parts[_Part(*part)] = Ordered(runs)
            ordered.settle()
        for seq, queued in sorted(moved):
            self._note(seq, _Moved(queued.run_id, queued.task_id, None))

    def change(self, before: TaskState | None, after: TaskState | None) -> None:
        """A task was made, has changed, or is gone."""
        had, has = queued_run_of(before), queued_run_of(after)
        if had == has:
            return
        if had is not None and before is not None:
            self._remove(before.workspace_id, had)
        if has is not None and after is not None:
            self._add(after.workspace_id, has)
            if had is not None and had.run_id == has.run_id and had.weight != has.weight:
                self._note(after.priority_seq, _Moved(had.run_id, had.task_id, had.weight))

    def paused_or_resumed(self, state: TaskState) -> None:
        """The task, or one above it, was paused or resumed."""
        queued = queued_run_of(state)
        if queued is not None:
            self._remove(state.workspace_id, queued)
            self._add(state.workspace_id, queued)

    def page(self, which: BacklogFilter, walk: BacklogWalk, limit: int) -> BacklogPage:
        """The first of those that the walk has not come to yet. A run that is queued all along is
        shown once, also one whose priority is changed; if that was before a restart, it is shown
        at the end, be it once more.

        Raises:
            Rejected: so many have moved since the walk began that it is not known which.
        """
        behind = walk.behind
        parts = [runs for part, runs in self._parts.items() if which.matches(part)]
        found = [iter(runs) if behind is None else runs.behind(behind) for runs in parts]
        stayed = _merged(found)
        moved = self._stood(walk)
        if moved:
            stood = sorted(
                run
                for run in moved.values()
                if (behind is None or run > behind) and self._is_there(run, which)
            )
            stayed = heapq.merge((run for run in stayed if run.run_id not in moved), stood)
        runs = list(islice(stayed, limit + 1))
        cursor = walk.cursor_at(runs[limit - 1]) if len(runs) > limit else None
        return BacklogPage(runs[:limit], sum(map(len, parts)), cursor)

    def _stood(self, walk: BacklogWalk) -> dict[str, QueuedRun]:
        """By run, where those stood when the walk began that have moved since."""
        if walk.as_of_seq is None:
            return {}
        if not self._moves.knows(walk.as_of_seq):
            raise invalid(
                "?cursor",
                f"more than {limits.MOVES_MAX} queued runs have another priority than when the"
                " first page was read",
                "read the list from its beginning",
            )
        stood: dict[str, QueuedRun] = {}
        for run_id, task_id, weight in self._moves.since(walk.as_of_seq):
            if run_id not in stood:  # of several moves the first one counts
                queued = self._queued(task_id, run_id)
                if queued is not None:
                    weight = _BEHIND_ALL if weight is None else weight
                    stood[run_id] = queued._replace(weight=weight)
        return stood

    def _queued(self, task_id: str, run_id: str) -> QueuedRun | None:
        """The run, if it is queued."""
        queued = queued_run_of(self._known(task_id))
        return queued if queued is not None and queued.run_id == run_id else None

    def _is_there(self, queued: QueuedRun, which: BacklogFilter) -> bool:
        state = self._known(queued.task_id)
        assert state is not None, f"{queued.task_id} is in the backlog, but is not there"
        return which.matches(_Part(state.workspace_id, queued.run_id in self._paused))

    def _note(self, seq: int, moved: _Moved) -> None:
        """Some tasks are counted late, but all of them before a walk begins: what is counted later
        was changed behind its number."""
        self._moved_seq = max(self._moved_seq, seq)
        self._moves.add(self._moved_seq, moved)

    def _add(self, workspace_id: str | None, queued: QueuedRun) -> None:
        held = self._held(queued.task_id)
        if held is not None and held == queued:
            queued = held
        part = _Part(workspace_id, self._is_paused(queued))
        self._parts.setdefault(part, Ordered()).add(queued)

    def _is_paused(self, queued: QueuedRun) -> bool:
        """Whether it stands in the part of paused ones from now on."""
        is_paused = self._paused_by(queued.task_id) is not None
        if is_paused:
            self._paused.add(queued.run_id)
        return is_paused

    def _remove(self, workspace_id: str | None, queued: QueuedRun) -> None:
        part = _Part(workspace_id, queued.run_id in self._paused)
        self._paused.discard(queued.run_id)
        runs = self._parts[part]
        runs.remove(queued)
        if not runs:
            del self._parts[part]


def _merged(found: list[Iterator[QueuedRun]]) -> Iterator[QueuedRun]:
    return found[0] if len(found) == 1 else heapq.merge(*found)
