"""What is read over many tasks. Plain functions: committed state, answered at once."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, final

import trio

from chargehand.actors import limits
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.frozen import frozen
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Actor
from chargehand.actors.ports import Journal
from chargehand.actors.record import Record
from chargehand.actors.slices import Turn, in_slices
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.eligibility import QueuedRun
from chargehand.actors.task.events import TaskPaused, TaskResumed
from chargehand.actors.task.head import Stored
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.views.backlog import Backlog, BacklogFilter, BacklogPage, BacklogWalk
from chargehand.actors.views.catalog import Catalog, TaskFilter
from chargehand.actors.views.choices import ListOrder
from chargehand.actors.views.dashboard import Dashboard, dashboard
from chargehand.actors.views.groups import GroupFilter, Groups
from chargehand.actors.views.inbox import InboxFilter, InboxGroup, inbox, read_cursor
from chargehand.actors.views.latest_runs import LatestRuns
from chargehand.actors.views.streams import CloseReason, StreamClosed, Streams, Subscriber
from chargehand.actors.views.timeline import TimelineEvent, public_events
from chargehand.actors.views.walks import TaskPage, Walk, check_not_ahead
from chargehand.actors.views.wanted import Wanted

_BACKLOG_STEP = 16  # records read at a time when a subscriber reads the past of a task
_LISTED_STEP = 1024  # tasks below another that are listed in one go, at about 1 µs each
_PASTS_STEP = 16  # tasks whose past a subscriber begins to read in one go, at about 150 µs each
_PARENTS_STEP = 8  # whose children, 64 each at most, are looked at in one go
_RUN_RECORDS_MAX = 4096  # records of a task that are searched for the events of one run
_PAUSING: Final = frozenset((TaskPaused, TaskResumed))
_ALL: Final = object()
_BEHIND_MAX: Final = 512  # tasks that the counts may be behind with: some 5 ms of work


@final
@frozen
class TreeEntry:
    """A node of a tree; `depth` is 0 at the task that was asked for."""

    task: TaskState
    depth: int
    child_count: int


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
    ) -> None:
        """
        Args:
            later: has the rest of long work done some of it at a time.
            held: the object that the scheduler has for a task's queued run.
        """
        self._later = later
        self._journal = journal
        self._clock = clock
        self._graph = graph
        self._faults = faults
        self._learning = self._stored_tasks()
        self.catalog = Catalog(journal.reads.read_head, self._count_stored)
        self.streams = Streams()
        faults.listen(self.streams.set_aside)
        self._latest_runs = LatestRuns(self._known_whole)
        self._groups = Groups(held)
        self._backlog = Backlog(graph.paused_by, self.catalog.get, held)
        self._behind: dict[str, TaskState | None] = {}  # tasks that moved on, as they are counted

    def restore(self, stored: Iterable[Stored], *, last_seq: int, triaged_seq: int) -> None:
        """Start from stored tasks (see `Catalog.restore`), of which the graph knows already. What
        is counted and looked for among them is worked out after the start, in turns."""
        self.catalog.restore(stored, last_seq=last_seq, triaged_seq=triaged_seq)
        self._later(self._learn_some)

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
        self._faults.check(task_id)
        if not self.catalog.has(task_id):
            return None
        held = self.catalog.whole(task_id)
        return self._committed(task_id) if held is None else held

    def _committed(self, task_id: str) -> TaskState | None:
        """The task as of its last committed record, deleted or not."""
        with self._faults.reading(task_id):
            stored = self._journal.reads.committed_state(task_id)
        return stored if isinstance(stored, TaskState) else None

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
        """What waits for an actor, by lane (see `inbox.inbox`).

        Raises:
            Rejected: the cursor is invalid, or ahead of the newest number.
        """
        if cursor is not None:
            check_not_ahead(read_cursor(cursor).as_of_seq, self.newest_seq)
        self._know_all()
        return inbox(self.catalog, actor, which, cursor, limit)

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
        return self._by_level(self._known(task_id))

    def _by_level(self, root: TaskState) -> Iterator[list[TreeEntry]]:
        yield [TreeEntry(root, 0, self._graph.child_count(root.id))]
        level, depth = [root.id], 0
        while level:
            depth += 1
            found: list[TreeEntry] = []
            for number, parent in enumerate(level):
                for child in self._graph.children(parent):
                    state = self.catalog.get(child)
                    if state is not None:
                        found.append(TreeEntry(state, depth, self._graph.child_count(child)))
                if number % _PARENTS_STEP == 0:
                    yield []
            found.sort(key=lambda entry: -entry.task.latest_event_seq)
            for first in range(0, len(found), limits.SLICE_MAX):
                yield found[first : first + limits.SLICE_MAX]
            level = [entry.task.id for entry in found]

    def timeline(self, task_id: str, after_seq: int, limit: int) -> list[TimelineEvent]:
        """The first `limit` public events of the task numbered above `after_seq`."""
        found: list[TimelineEvent] = []
        for event in self._past(task_id, self._known_whole(task_id), after_seq):
            found.append(event)
            if len(found) == limit:
                break
        return found

    def timeline_latest(self, task_id: str, count: int) -> list[TimelineEvent]:
        """The last `count` public events of the task, in order."""
        task = self._known_whole(task_id)
        with self._faults.reading(task_id):
            records = self._journal.reads.timeline_latest(task_id, count)
        return [event for record in records for event in public_events(record, task)][-count:]

    def run_timeline_latest(self, task_id: str, run_id: str, count: int) -> list[TimelineEvent]:
        """The last `count` public events of one of its runs, in order, of those not too long ago:
        records are read from the end on, so many at most that nobody else has to wait."""
        task, asked = self._known_whole(task_id), _BACKLOG_STEP
        while True:
            with self._faults.reading(task_id):
                records = self._journal.reads.timeline_latest(task_id, asked)
            found = [
                event
                for record in records
                for event in public_events(record, task)
                if event.run is not None and event.run.id == run_id
            ]
            if len(found) >= count or len(records) < asked or asked >= _RUN_RECORDS_MAX:
                return found[-count:]
            asked *= 4

    @property
    def newest_seq(self) -> int:
        """The last number of the sequence that anybody can have been told."""
        return self._journal.durable_seq

    def subscribe(self, task_id: str, after_seq: int) -> Subscriber:
        """Follow a task and its descendants from behind `after_seq` on."""
        self._known(task_id)
        deleted: list[str] = []
        past = self._merged_past(task_id, deleted, after_seq, self._journal.durable_seq)
        most = limits.STREAM_BUFFER_MAX
        return Subscriber(self.streams, task_id, after_seq, past, deleted, most)

    def _merged_past(
        self, root: str, deleted: list[str], after_seq: int, up_to: int
    ) -> Iterator[TimelineEvent | None]:
        """The past events of a task and its descendants, in order. None: nothing found yet, but
        some of the time is over that others need.

        Args:
            deleted: descendants that are deleted meanwhile; more may be added while this goes on.
                A checkpoint takes their timelines away: what was not read until then is left out.
        """
        addresses = {root: None}
        for found, _ in self._graph.descendants(root):
            addresses[found] = None
            if len(addresses) % _LISTED_STEP == 0:
                yield None
        addresses.update(dict.fromkeys(deleted))  # those that were gone before the walk met them
        pasts: list[tuple[int, TimelineEvent, Iterator[TimelineEvent]]] = []
        for number, address in enumerate(addresses, 1):
            if number % _PASTS_STEP == 0:
                yield None
            state = self.catalog.get(address)
            if address != root and state is not None and state.last_seq <= after_seq:
                continue
            past = self._followed(address, root, after_seq, up_to)
            first = next(past, None)
            if first is not None:
                heapq.heappush(pasts, (first.seq, first, past))
        while pasts:
            _, event, past = pasts[0]
            yield event
            later = next(past, None)
            if later is None:
                heapq.heappop(pasts)
            else:
                heapq.heapreplace(pasts, (later.seq, later, past))

    def _followed(
        self, address: str, root: str, after_seq: int, up_to: int
    ) -> Iterator[TimelineEvent]:
        """The past of one task of a stream, deleted or not. One that is set aside ends its own
        stream alone."""
        try:
            task = self.whole(address) or self._committed(address)
            if task is not None:
                yield from self._past(address, task, after_seq, up_to)
        except Rejected as refusal:
            if address == root:
                raise StreamClosed(CloseReason.SET_ASIDE) from refusal

    def publish(self, record: Record, state: TaskState) -> None:
        """Take in a committed record; called by the publisher only."""
        before = self.catalog.publish(state)
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

    def _past(
        self, address: str, task: TaskState, after_seq: int, up_to: int | None = None
    ) -> Iterator[TimelineEvent]:
        """Committed public events of one task, read step by step."""
        while True:
            with self._faults.reading(address):
                records = self._journal.reads.timeline(address, after_seq, _BACKLOG_STEP)
            for record in records:
                for event in public_events(record, task, after_seq):
                    if up_to is not None and event.seq > up_to:
                        return
                    yield event
            if len(records) < _BACKLOG_STEP:
                return
            after_seq = records[-1].last_seq

    def _known(self, task_id: str) -> TaskState:
        self._faults.check(task_id)
        state = self.catalog.get(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state

    def _known_whole(self, task_id: str) -> TaskState:
        state = self.whole(task_id)
        if state is None:
            raise task_not_found(task_id)
        return state
