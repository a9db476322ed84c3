"""Deletes finished tasks that are beyond the limits, a few at a time, as an operator would.

Nothing of it is kept: whatever a stop interrupts, the next round finds again. It goes through tasks
in the order of their latest activity, the oldest first, and looks at none that has not finished.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, final

import trio
from attrs import define, field

from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import RETENTION
from chargehand.actors.if_match import IfMatch
from chargehand.actors.limits import NS
from chargehand.actors.mailbox import Reply
from chargehand.actors.retention.groups import Groups, Waves
from chargehand.actors.retention.rule import Limits, is_at_rest
from chargehand.actors.settings import Settings
from chargehand.actors.task.commands import DeleteTask
from chargehand.actors.task.state import TaskState, TaskStatus
from chargehand.actors.views import facets
from chargehand.actors.views.stretches import Stretch
from chargehand.actors.views.views import Views
from chargehand.actors.views.wanted import Wanted

_log = logging.getLogger("chargehand")

LOOK_S: Final = 60.0  # between two rounds
AT_ONCE_MAX: Final = 16  # tasks deleted in one go: their actors have to be made
PAUSE_S: Final = 0.05  # after that: some 200 tasks a second, for a fifth of a core
_STRETCHES_STEP: Final = 16  # in which finished tasks are looked for in one go
_TASKS_STEP: Final = 32  # finished tasks that are looked at in one go
_FINISHED: Final = Wanted(
    never=facets.chosen(*(status for status in TaskStatus if not status.is_terminal))
)


@final
@frozen
class RetentionCounts:
    """What was done since the start.

    Args:
        deleted: tasks.
        refused: tasks that somebody else was quicker to change, or that could not be deleted.
        held: tasks beyond the limits that had to stay at the end of the last round.
        at_ns: when that was; None: there was none yet.
    """

    deleted: int = 0
    refused: int = 0
    held: int = 0
    at_ns: int | None = None


@define(eq=False)
class _Round:
    """Args:
    kept_from_seq: by their count, tasks from this number on are kept.
    touched: tasks that depended on what was deleted, and change by that.
    """

    groups: Groups
    touched: set[str] = field(factory=set)
    kept_from_seq: int = 0
    deleted: int = 0
    refused: int = 0
    held: int = 0


@final
class Retention:
    """Args: send: puts a message of the system into a task's mailbox (`Directory.push`)."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        views: Views,
        graph: Graph,
        faults: Faults,
        send: Callable[[str, Envelope], None],
    ) -> None:
        self.limits = Limits(int(settings.retain_finished_s * NS), settings.retain_finished_count)
        self.counts = RetentionCounts()
        self._ids_ns = int(max(settings.retain_deleted_s, settings.idempotency_s) * NS)
        self._frees_ids = settings.retain_deleted_s > 0
        self._clock = clock
        self._views = views
        self._graph = graph
        self._faults = faults
        self._send = send

    @property
    def is_on(self) -> bool:
        return self.limits.are_set or self._frees_ids

    @property
    def frees_ids_before_ns(self) -> int:
        """The ids of tasks that were deleted before this moment may be used again; 0: none."""
        return self._clock.wall_ago_ns(self._ids_ns) if self._frees_ids else 0

    async def run(self) -> None:
        """Delete what is beyond the limits until canceled."""
        if not self.limits.are_set:
            return
        await self._views.wait_known()
        while True:
            await self.look()
            await trio.sleep(LOOK_S)

    async def look(self) -> None:
        """One round through all finished tasks."""
        this = _Round(Groups(self._graph, lambda task_id: self._may_go(task_id, this)))
        alone: list[str] = []
        for waves in self._groups(this):
            if waves is None:
                await trio.lowlevel.checkpoint()
                continue
            is_alone = len(waves) == 1
            if is_alone:
                alone += waves[0]
            if len(alone) >= AT_ONCE_MAX or not is_alone:
                await self._delete_each(alone, this)
                alone = []
            if not is_alone:
                await self._delete_group(waves, this)
        await self._delete_each(alone, this)
        self.counts = replace(
            self.counts,
            refused=self.counts.refused + this.refused,
            held=this.held,
            at_ns=self._clock.now_ns(),
        )
        if this.deleted or this.refused:
            _log.info(
                "retention: %d finished tasks deleted, %d refused, %d held by other tasks",
                this.deleted,
                this.refused,
                this.held,
            )

    # --- what is to go --------------------------------------------------------------------------

    def _groups(self, this: _Round) -> Iterator[Waves | None]:
        """What can only go together, in waves. None: some of the time is over that others need."""
        stretches = list(self._views.catalog.order.newest_first())
        if self.limits.count:
            yield from self._count(stretches, this)
        for task_id in self._due(stretches, this):
            if task_id is None:
                yield None
                continue
            for waves in this.groups.of(task_id):
                if waves is None or waves:
                    yield waves
                else:
                    this.held += 1

    def _count(self, stretches: list[Stretch], this: _Round) -> Iterator[None]:
        """Where those begin that are kept by their count."""
        left = self.limits.count
        for number, stretch in enumerate(stretches):
            if number % _STRETCHES_STEP == 0:
                yield
            finished = stretch.select(_FINISHED)
            if finished.bit_count() < left:
                left -= finished.bit_count()
                continue
            this.kept_from_seq = [*stretch.placed(finished)][-left].latest_event_seq
            return

    def _due(self, stretches: list[Stretch], this: _Round) -> Iterator[str | None]:
        """Finished tasks beyond a limit, those first that were active longest ago."""
        for number, stretch in enumerate(reversed(stretches)):
            if number % _STRETCHES_STEP == 0:
                yield None
            for count, entry in enumerate(stretch.placed(stretch.select(_FINISHED)), 1):
                if count % _TASKS_STEP == 0:
                    yield None
                task = self._views.get(entry.task_id)
                if task is None or entry.stretch is not stretch:
                    continue  # it has gone with another, or was active meanwhile
                if self._is_due(task, this):
                    yield task.id
                elif task.last_activity_at_ns <= self._clock.now_ns():
                    return  # else the wall was ahead then: those behind it may be older

    def _is_due(self, task: TaskState, this: _Round) -> bool:
        age_ns = self._clock.age_ns(task.last_activity_at_ns)
        return self.limits.is_due(age_ns, task.latest_event_seq, this.kept_from_seq)

    def _may_go(self, task_id: str, this: _Round) -> bool:
        task = self._views.get(task_id)
        return (
            task is not None
            and task_id not in self._faults
            and is_at_rest(task)
            and self._is_due(task, this)
        )

    # --- and goes -------------------------------------------------------------------------------

    async def _delete_each(self, tasks: Sequence[str], this: _Round) -> None:
        """Those of them that nothing has come to hang on."""
        for part in _in_parts(tasks):
            free = [task_id for task_id in part if self._is_free(task_id, (), this)]
            this.refused += len(part) - len(free)
            await self._delete(free, this)

    async def _delete_group(self, waves: Waves, this: _Round) -> None:
        """All of it, or what is gone by the time at which somebody begins to need the rest."""
        left = {member for wave in waves for member in wave}
        for wave in waves:
            for part in _in_parts(wave):
                refused = this.refused
                if all(self._is_free(member, left, this) for member in part):
                    for member in part:
                        this.touched.update(self._graph.dependents(member))
                    await self._delete(part, this)
                else:
                    this.refused += 1
                if this.refused > refused:
                    return
                left.difference_update(part)

    def _is_free(self, task_id: str, group: Collection[str], this: _Round) -> bool:
        """Whether a task still may go, as it was when it was looked at, and nothing outside of its
        group hangs on it. One that is gone is free."""
        graph, task = self._graph, self._views.get(task_id)
        if task is None:
            return True
        *_, top = (task_id, *graph.ancestors(task_id))
        return (
            (self._may_go(task_id, this) or (task_id in this.touched and is_at_rest(task)))
            and not graph.open_below(top)
            and all(child in group for child in graph.children(task_id))
            and all(dependent in group for dependent in graph.dependents(task_id))
        )

    async def _delete(self, tasks: Sequence[str], this: _Round) -> None:
        """Return as soon as it is known of each whether it is gone. Nothing may have happened since
        they were found to be free."""
        replies: list[Reply[Answer]] = []
        for task_id in tasks:
            task = self._views.get(task_id)
            if task is None:
                continue
            reply: Reply[Answer] = Reply()
            unchanged = IfMatch(frozenset((task.latest_event_seq,)))
            caller = replace(RETENTION, if_match=unchanged)
            self._send(task_id, Envelope(DeleteTask(), caller, reply))
            replies.append(reply)
        for reply in replies:
            try:
                await reply.wait()
            except Rejected as refusal:
                _log.info("retention: %s", refusal)
                this.refused += 1
            else:
                this.deleted += 1
                self.counts = replace(self.counts, deleted=self.counts.deleted + 1)
        if replies:
            await trio.sleep(PAUSE_S)


def _in_parts(wave: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(wave), AT_ONCE_MAX):
        yield wave[first : first + AT_ONCE_MAX]
