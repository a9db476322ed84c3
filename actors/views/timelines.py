"""Reads the past, of one task or of a tree, step by step from the journal."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, final

from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.graph.graph import Graph
from chargehand.actors.ports import Journal
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.catalog import Catalog
from chargehand.actors.views.committed import CommittedTasks
from chargehand.actors.views.streams import CloseReason, StreamClosed, StreamFilter
from chargehand.actors.views.timeline import TimelineEvent, public_events

_READ_STEP: Final = 16  # records of a task that are read at a time
_LISTED_STEP: Final = 1024  # tasks below another that are listed in one go, at about 1 µs each
_PASTS_STEP: Final = 16  # tasks whose past is begun to be read in one go, at about 150 µs each
_RUN_RECORDS_MAX: Final = 4096  # records of a task that are searched for the events of one run


@final
class Timelines:
    """Committed public events, in order. Those of one task are refused with TASK_NOT_FOUND or
    TASK_SET_ASIDE."""

    def __init__(
        self,
        journal: Journal,
        graph: Graph,
        faults: Faults,
        catalog: Catalog,
        tasks: CommittedTasks,
    ) -> None:
        self._journal = journal
        self._graph = graph
        self._faults = faults
        self._catalog = catalog
        self._tasks = tasks

    def after(self, task_id: str, after_seq: int, limit: int) -> list[TimelineEvent]:
        """The first `limit` of the task numbered above `after_seq`."""
        task = self._tasks.known_whole(task_id)
        return list(islice(self._past(task, after_seq), limit))

    def latest(self, task_id: str, count: int) -> list[TimelineEvent]:
        """The last `count` of the task."""
        task = self._tasks.known_whole(task_id)
        with self._faults.reading(task_id):
            records = self._journal.reads.timeline_latest(task_id, count)
        return [event for record in records for event in public_events(record, task)][-count:]

    def latest_of_run(self, task_id: str, run_id: str, count: int) -> list[TimelineEvent]:
        """The last `count` of one of its runs, of those not too long ago: records are read from the
        end on, so many at most that nobody else has to wait."""
        task, asked = self._tasks.known_whole(task_id), _READ_STEP
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

    def of_tree(
        self, root: str, deleted: list[str], after_seq: int, up_to: int
    ) -> Iterator[TimelineEvent | None]:
        """The past events of a task and its descendants. None: nothing found yet, but some of the
        time is over that others need.

        Args:
            deleted: descendants that are deleted meanwhile; more may be added while this goes on.
                A checkpoint takes their timelines away: what was not read until then is left out.

        Raises:
            StreamClosed: the root is set aside.
        """
        addresses = {root: None}
        for found, _ in self._graph.descendants(root):
            addresses[found] = None
            if len(addresses) % _LISTED_STEP == 0:
                yield None
        addresses.update(dict.fromkeys(deleted))  # those that were gone before the walk met them
        pasts = _Merged()
        for number, address in enumerate(addresses, 1):
            if number % _PASTS_STEP == 0:
                yield None
            state = self._catalog.get(address)
            if address != root and state is not None and state.last_seq <= after_seq:
                continue
            pasts.add(self._in_tree(address, root, after_seq, up_to))
        yield from pasts.in_order()

    def of_all(
        self,
        task_ids: Sequence[str],
        deletions: Sequence[TimelineEvent],
        which: StreamFilter,
        after_seq: int,
        up_to: int,
    ) -> Iterator[TimelineEvent | None]:
        """The past events of these tasks, of those that a stream is of. None: as above.

        Args:
            task_ids: all that were active behind `after_seq`. What is deleted meanwhile is left
                out, and so is what is set aside.
            deletions: of tasks that are gone, in order.
        """
        pasts = _Merged()
        pasts.add(event for event in deletions if which.includes(event.task))
        for number, task_id in enumerate(task_ids, 1):
            if number % _PASTS_STEP == 0:
                yield None
            state = self._catalog.get(task_id)
            if state is not None and which.includes(state):
                pasts.add(self._living(task_id, after_seq, up_to))
        yield from pasts.in_order()

    def _living(self, task_id: str, after_seq: int, up_to: int) -> Iterator[TimelineEvent]:
        """The past of one task, if it is there."""
        with suppress(Rejected):  # it is set aside
            task = self._tasks.whole(task_id)
            if task is not None:
                yield from self._past(task, after_seq, up_to)

    def _in_tree(
        self, address: str, root: str, after_seq: int, up_to: int
    ) -> Iterator[TimelineEvent]:
        """The past of one task of a tree, deleted or not. One that is set aside ends there, and all
        of the tree with it where it is the root."""
        try:
            task = self._tasks.even_deleted(address)
            if task is not None:
                yield from self._past(task, after_seq, up_to)
        except Rejected as refusal:
            if address == root:
                raise StreamClosed(CloseReason.SET_ASIDE) from refusal

    def _past(
        self, task: TaskState, after_seq: int, up_to: int | None = None
    ) -> Iterator[TimelineEvent]:
        step = 1  # of many tasks each has its first event read, long before the next ones
        while True:
            with self._faults.reading(task.id):
                records = self._journal.reads.timeline(task.id, after_seq, step)
            for record in records:
                for event in public_events(record, task, after_seq):
                    if up_to is not None and event.seq > up_to:
                        return
                    yield event
            if len(records) < step:
                return
            after_seq, step = records[-1].last_seq, _READ_STEP


@final
class _Merged:
    """Several pasts as one, in order."""

    def __init__(self) -> None:
        self._heads: list[tuple[int, TimelineEvent, Iterator[TimelineEvent]]] = []

    def add(self, past: Iterator[TimelineEvent]) -> None:
        first = next(past, None)
        if first is not None:
            heapq.heappush(self._heads, (first.seq, first, past))

    def in_order(self) -> Iterator[TimelineEvent]:
        """All of them, each read as it is needed."""
        heads = self._heads
        while heads:
            _, event, past = heads[0]
            yield event
            later = next(past, None)
            if later is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (later.seq, later, past))
