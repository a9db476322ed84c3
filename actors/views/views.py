"""What is read over many tasks. Plain functions: committed state, answered at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeVar, final

import trio

from chargehand.actors import limits
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Actor
from chargehand.actors.ports import Journal
from chargehand.actors.record import Record
from chargehand.actors.slices import Turn, in_slices
from chargehand.actors.task.eligibility import QueuedRun
from chargehand.actors.task.events import TaskPaused, TaskResumed
from chargehand.actors.task.head import Stored
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.views.backlog import Backlog, BacklogFilter, BacklogPage, BacklogWalk
from chargehand.actors.views.catalog import Catalog, TaskFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.committed import CommittedTasks
from chargehand.actors.views.dashboard import Dashboard, dashboard
from chargehand.actors.views.deletions import Deletions
from chargehand.actors.views.groups import GroupFilter, Groups
from chargehand.actors.views.inbox import Inboxes, InboxFilter, InboxGroup, read_cursor
from chargehand.actors.views.items import ItemsPage, ItemsWalk, Search, items_page
from chargehand.actors.views.latest_runs import LatestRuns
from chargehand.actors.views.reviews import ReviewFilter, ReviewSearch
from chargehand.actors.views.runs import RunFilter, RunSearch
from chargehand.actors.views.streams import StreamFilter, Streams, Subscriber, cursor_behind
from chargehand.actors.views.timelines import Timelines
from chargehand.actors.views.tree import TreeEntry, by_level
from chargehand.actors.views.walks import TaskPage, Walk, check_not_ahead
from chargehand.actors.views.wanted import Wanted

T = TypeVar("T")

_PAUSING: Final = frozenset((TaskPaused, TaskResumed))
_ALL: Final = object()
_BEHIND_MAX: Final = 512  # tasks that the counts may be behind with: some 5 ms of work


@final
class Views:
    """The read side, as the edge sees it. States may be slim (see `actors.task.slim`).

    Counts are brought up to date when they are asked for; until then they may be behind with some
    tasks. So one that is claimed and completed in between is counted once.
    """

    def __init__(
        self,
        journal: Journal,
        graph: Graph,
        clock: Clock,
        faults: Faults,
        later: Callable[[Turn], None],
        held: Callable[[str], QueuedRun | None],
        came: Callable[[int], None],
    ) -> None:
        """
        Args:
            later: has the rest of long work done some of it at a time.
            held: the object that the scheduler has for a task's queued run.
            came: called with how many stored tasks were given objects of their own.
        """
        self._later = later
        self._journal = journal
        self._clock = clock
        self._graph = graph
        self._learning = self._stored_tasks()
        self.catalog = Catalog(journal.reads.read_head, self._count_stored, came)
        self._inboxes = Inboxes(self.catalog)
        self.streams = Streams()
        self._deletions = Deletions()
        faults.listen(self.streams.set_aside)
        self._tasks = CommittedTasks(self.catalog, journal, faults)
        self.timelines = Timelines(journal, graph, faults, self.catalog, self._tasks)
        self._latest_runs = LatestRuns(self._tasks.known_whole)
        self._groups = Groups(held)
        self._backlog = Backlog(graph.paused_by, self.catalog.get, held)
        self._behind: dict[str, TaskState | None] = {}  # tasks that moved on, as they are counted

    def restore(
        self, stored: Sequence[Stored], whole: Iterable[str], *, last_seq: int, triaged_seq: int
    ) -> None:
        """Start from stored tasks (see `Catalog.restore`), of which the graph knows already. What
        is counted and looked for among them is worked out after the start, in turns."""
        self.catalog.restore(stored, whole, last_seq=last_seq, triaged_seq=triaged_seq)
        self._later(self._learn_some)

    def restore_deletions(self, states: Iterable[TaskState], known_from: int) -> None:
        """The same for what was deleted behind the last checkpoint, which is that number."""
        self._deletions = Deletions(known_from)
        records = [
            (record, state) for state in states for record in self._journal.reads.tail(state.id)
        ]
        for record, state in sorted(records, key=lambda pair: pair[0].seq):
            self._deletions.note(record, state)

    def restore_queue(self, states: Iterable[TaskState]) -> None:
        """The same for those stored tasks that have an open run."""
        self._backlog.restore(states)

    def _learn_some(self) -> None:
        if next(self._learning, _ALL) is not _ALL:
            self._later(self._learn_some)

    def _stored_tasks(self) -> Iterator[None]:
        """Work out in turns what is counted and looked for among stored tasks."""
        yield from self.catalog.learning()

    def _count_stored(self, state: TaskState) -> None:
        self._groups.change(None, state)

    async def wait_known(self) -> None:
        """Return as soon as all that a start left to be worked out is: until then counts and the
        inbox take their time."""
        for _ in self._stored_tasks():
            await trio.lowlevel.checkpoint()

    def lease_until_ns(self, run: Run) -> int | None:
        """What to show of the end of a run's lease: by the wall as it is now, while it lives."""
        end_ns = run.lease_end_ns
        if end_ns is None or not run.status.is_active:
            return run.lease_until_ns
        return self._clock.wall_ns(end_ns)

    def get(self, task_id: str) -> TaskState | None:
        return self.catalog.get(task_id)

    def whole(self, task_id: str) -> TaskState | None:
        """The task with all its runs and texts, as of its last committed record.

        Raises:
            Rejected: TASK_SET_ASIDE.
        """
        return self._tasks.whole(task_id)

    def page(
        self, which: TaskFilter, order: ListOrder, cursor: str | None, limit: int
    ) -> Iterator[TaskPage | None]:
        """The newest in that order first: at last the page. None: some of the time is over that
        others need (see `slices.in_turns`).

        What is there all along while pages are read is shown once (for what is forgotten, see
        `walks.by_activity`).

        Raises:
            Rejected: the cursor is invalid, of another order, or ahead of the newest number.
        """
        if order is ListOrder.ACTIVITY:
            walk = None if cursor is None else Walk.read(cursor)
            check_not_ahead(walk and walk.as_of_seq, self.newest_seq)
        if which.parent_task_id is None:
            return self.catalog.page(which.wanted, order, cursor, limit)
        children = self._graph.children(which.parent_task_id)
        return self.catalog.page_of(children, which.wanted, order, cursor, limit)

    def dependents(self, task_id: str, cursor: str | None, limit: int) -> Iterator[TaskPage | None]:
        """The tasks that depend on it, drafts too, ended or not; otherwise as `page`.

        Raises:
            Rejected: TASK_NOT_FOUND, TASK_SET_ASIDE; the cursor is invalid, or ahead of the newest
                number.
        """
        self._tasks.known(task_id)
        walk = None if cursor is None else Walk.read(cursor)
        check_not_ahead(walk and walk.as_of_seq, self.newest_seq)
        wanted = TaskFilter(include_drafts=True).wanted
        found = self._graph.dependents(task_id)
        return self.catalog.page_of(found, wanted, ListOrder.ACTIVITY, cursor, limit)

    def count(self, which: TaskFilter) -> Iterator[int | None]:
        """At last how many tasks match at that moment. None: as in `page`."""
        if which.parent_task_id is None:
            return self.catalog.count(which.wanted)
        children = self._graph.children(which.parent_task_id)
        return iter((self.catalog.count_of(children, which.wanted),))

    def runs(
        self, which: RunFilter, cursor: str | None, limit: int
    ) -> Iterator[ItemsPage[Run] | None]:
        """Runs over all tasks: those of the most recently active task first, and of each task the
        latest first. At last the page, as in `page`; it may be short, or empty, and lead on.

        Raises:
            Rejected: TASK_NOT_FOUND, TASK_SET_ASIDE of a task that is named; the cursor is invalid,
                or ahead of the newest number.
        """
        return self._items(RunSearch(which, self._tasks.known_whole), cursor, limit)

    def reviews(
        self, which: ReviewFilter, cursor: str | None, limit: int
    ) -> Iterator[ItemsPage[Review] | None]:
        """The same of reviews, of each task the one that was asked for last first."""
        return self._items(ReviewSearch(which, self._tasks.known_whole), cursor, limit)

    def _items(
        self, search: Search[T], cursor: str | None, limit: int
    ) -> Iterator[ItemsPage[T] | None]:
        if search.where.task_id is not None:
            self._tasks.known(search.where.task_id)
        if cursor is not None:
            check_not_ahead(ItemsWalk.read(cursor).walk.as_of_seq, self.newest_seq)
        return items_page(self.catalog, search, cursor, limit)

    def backlog(self, which: BacklogFilter, cursor: str | None, limit: int) -> BacklogPage:
        """Queued runs in the order of priority, age and id (see `Backlog.page`).

        Raises:
            Rejected: the cursor is none of ours, or ahead of the newest number, or too much has
                moved since the first page.
        """
        self._catch_up()
        walk = BacklogWalk(None, self.catalog.moves.newest_seq)
        if cursor is not None:
            walk = BacklogWalk.read(cursor)
            check_not_ahead(walk.as_of_seq, self.newest_seq)
        return self._backlog.page(which, walk, limit)

    def inbox(
        self, actor: Actor, which: InboxFilter, cursor: str | None, limit: int
    ) -> list[InboxGroup]:
        """What waits for an actor, by lane (see `Inboxes.look`).

        Raises:
            Rejected: the cursor is invalid, or ahead of the newest number.
        """
        if cursor is not None:
            check_not_ahead(read_cursor(cursor).as_of_seq, self.newest_seq)
        self._know_all()
        return self._inboxes.look(actor, which, cursor, limit)

    def dashboard(
        self, which: GroupFilter, now_ns: int, is_live: Callable[[str], bool]
    ) -> Dashboard:
        """How the tasks of a filter stand. Args: is_live: of a session."""
        self._know_all()
        self._catch_up()
        latest = self.catalog.order.latest(Wanted(which.facets))
        latest_ns = None if latest is None else latest.last_activity_at_ns
        return dashboard(self._groups.matching(which), latest_ns, now_ns, self._clock, is_live)

    def _know_all(self) -> None:
        """Whoever has not waited for it has it done at once."""
        for _ in self._stored_tasks():
            pass

    def latest_run(self, task: TaskState) -> Run | None:
        """The run of a task, slim or whole, with the highest attempt."""
        if task.runs:
            return task.runs[-1]
        try:
            return self._latest_runs.of(task) if task.ended else None
        except Rejected:
            return None  # it is set aside: nothing is shown of it but its head

    def children(self, task_id: str) -> list[TaskState]:
        """Direct children, drafts too, the most recently active first."""
        found = [self.catalog.get(child) for child in self._graph.children(task_id)]
        return sorted(
            (child for child in found if child is not None),
            key=lambda child: child.latest_event_seq,
            reverse=True,
        )

    def child_count(self, task_id: str) -> int:
        return self._graph.child_count(task_id)

    def paused_by(self, task_id: str) -> str | None:
        """The nearest paused task on the way up, itself first."""
        return self._graph.paused_by(task_id)

    def tree(self, task_id: str) -> Iterator[list[TreeEntry]]:
        """The whole subtree: the task, then by depth and latest activity. In lists that take little
        time each, some of them empty; each task as it is when its level is reached.

        Raises:
            Rejected: TASK_NOT_FOUND, TASK_SET_ASIDE.
        """
        return by_level(self._tasks.known(task_id), self._graph, self.catalog)

    @property
    def newest_seq(self) -> int:
        """The last number of the sequence that anybody can have seen."""
        return self._journal.durable_seq

    def subscribe(self, task_id: str, after_seq: int) -> Subscriber:
        """Follow a task and its descendants from behind `after_seq` on."""
        self._tasks.known(task_id)
        deleted: list[str] = []
        past = self.timelines.of_tree(task_id, deleted, after_seq, self.newest_seq)
        most = limits.STREAM_BUFFER_MAX
        return Subscriber(self.streams, task_id, after_seq, past, deleted, most)

    def subscribe_all(self, which: StreamFilter, after_seq: int) -> Subscriber:
        """Follow all tasks of a filter from behind `after_seq` on.

        Of a task that was deleted since, the past holds the deletion alone.

        Raises:
            Rejected: STREAM_CURSOR_BEHIND.
        """
        newest, changed = self.newest_seq, self.changed_since(after_seq)
        gone = self._deletions.since(after_seq)
        past = self.timelines.of_all(changed, gone, which, after_seq, newest)
        most = limits.STREAM_BUFFER_MAX
        return Subscriber(self.streams, None, after_seq, past, [], most, which)

    def changed_since(self, after_seq: int) -> list[str]:
        """The ids of the tasks that are there and have changed behind that number, of all.

        Raises:
            Rejected: STREAM_CURSOR_BEHIND: these are too many, or it is forgotten what was deleted.
        """
        changed = self.catalog.order.active_since(after_seq, limits.STREAM_BEHIND_TASKS_MAX)
        if changed is None or not self._deletions.know(after_seq):
            raise cursor_behind(after_seq, self.newest_seq)
        return changed

    def publish(self, record: Record, state: TaskState) -> None:
        """Take in a committed record; called by the publisher only."""
        before = self.catalog.publish(state)
        if state.deleted:
            self._deletions.note(record, state)
        self._behind.setdefault(state.id, before)
        if len(self._behind) > _BEHIND_MAX:
            longest = next(iter(self._behind))
            self._count(longest, self._behind.pop(longest))
        for event in record.events:
            if type(event) in _PAUSING:
                moved = self._paused_or_resumed(state.id)
                in_slices(moved, self._later, limits.AWAITED_EFFECTS_MAX)
        self.streams.publish(record, state, self._ancestors(state))

    def _catch_up(self) -> None:
        """Count all that has been published."""
        behind, self._behind = self._behind, {}
        for task_id, before in behind.items():
            self._count(task_id, before)

    def _count(self, task_id: str, before: TaskState | None) -> None:
        """Count a task as it is now. Args: before: as it is counted."""
        after = self.catalog.get(task_id)
        self._groups.change(before, after)
        self._backlog.change(before, after)

    def _paused_or_resumed(self, task_id: str) -> Iterator[None]:
        """Move the queued runs of a tree to where paused ones stand, or back."""
        for found in chain((task_id,), (below for below, _ in self._graph.descendants(task_id))):
            if found in self._behind:
                self._count(found, self._behind.pop(found))
            state = self.catalog.get(found)
            if state is not None:
                self._backlog.paused_or_resumed(state)
            yield

    def _ancestors(self, state: TaskState) -> Iterator[str]:
        if state.parent_task_id is not None:
            yield state.parent_task_id
            yield from self._graph.ancestors(state.parent_task_id)
