"""Pause and resume of the whole scheduler, on disk; its state outlives a restart."""

from typing import final

from actors.clock import Clock
from actors.errors import Code, Rejected
from actors.identity import Caller
from actors.ids import IdSource
from actors.mailbox import Reply
from actors.ports import Journal, StorageError
from actors.record import Entry, Record, Settlement
from actors.scheduler.events import (
    DrainCompleted,
    DrainStarted,
    SchedulerEvent,
    SchedulerPaused,
    SchedulerResumed,
)
from actors.scheduler.state import SCHEDULER_ADDRESS, SchedulerState, evolve_scheduler
from actors.task import validation as valid
from actors.task.state import Pause


@final
class Switch:
    """Takes effect at once; each method returns when that is on disk."""

    def __init__(self, journal: Journal, clock: Clock, ids: IdSource) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._state = SchedulerState()

    def restore(self, state: SchedulerState) -> None:
        self._state = state

    @property
    def pause_state(self) -> Pause | None:
        return self._state.pause

    @property
    def is_paused(self) -> bool:
        return self._state.pause is not None

    @property
    def updated_at_ns(self) -> int | None:
        """When it was last paused or resumed; None: never."""
        return self._state.updated_at_ns or None

    async def pause(self, reason: str | None, caller: Caller) -> None:
        await self._write(SchedulerPaused(caller.actor, valid.reason(reason)), caller)

    async def resume(self, caller: Caller) -> None:
        await self._write(SchedulerResumed(caller.actor), caller)

    async def start_drain(self, reason: str | None, caller: Caller, active_claims: int) -> None:
        given = valid.reason(reason) or "scheduler drain"
        await self._write(DrainStarted(caller.actor, given, active_claims), caller)

    async def end_drain(self, caller: Caller, remaining: int, timed_out: bool) -> None:
        await self._write(DrainCompleted(caller.actor, remaining, timed_out), caller)

    async def _write(self, event: SchedulerEvent, caller: Caller) -> None:
        now_ns = self._clock.now_ns()
        seq = self._journal.next_seq
        record = Record(seq, self._ids.suffix(now_ns), now_ns, SCHEDULER_ADDRESS, caller, (event,))
        state = evolve_scheduler(self._state, event, seq, now_ns)
        entry = Entry(record, state)
        reply: Reply[None] = Reply()
        entry.settlements.append(Settlement(lambda: reply.settle(None), reply.fail))
        try:
            self._journal.append(entry)
        except StorageError as error:
            raise Rejected(Code.STORAGE_FAILED, str(error), "try again later") from error
        self._state = state
        await reply.wait()
