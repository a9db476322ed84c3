"""Pause and resume of the whole scheduler, on disk; its state outlives a restart."""

from typing import final

from chargehand.actors.clock import Clock
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.idempotency.once import Done, Earlier
from chargehand.actors.identity import Caller
from chargehand.actors.ids import IdSource
from chargehand.actors.index import rows_of
from chargehand.actors.ports import Journal, StorageError
from chargehand.actors.record import Entry, Record, Settlement
from chargehand.actors.scheduler.events import (
    DrainCompleted,
    DrainStarted,
    SchedulerEvent,
    SchedulerPaused,
    SchedulerResumed,
)
from chargehand.actors.scheduler.state import SCHEDULER_ADDRESS, SchedulerState, evolve_scheduler
from chargehand.actors.task import validation as valid
from chargehand.actors.task.state import Pause


@final
class Switch:
    """Written by the scheduler's actor alone. Takes effect at once; the entry that each method
    returns is then on its way to the disk.

    Raises:
        Rejected: STORAGE_FAILED; nothing has changed.
    """

    def __init__(self, journal: Journal, clock: Clock, ids: IdSource, keys: Keys) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._keys = keys
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

    def pause(self, reason: str | None, caller: Caller) -> Entry:
        return self._append(SchedulerPaused(caller.actor, valid.reason(reason)), caller)

    def resume(self, caller: Caller) -> Entry:
        return self._append(SchedulerResumed(caller.actor), caller)

    def start_drain(self, reason: str | None, caller: Caller, active_claims: int) -> Entry:
        given = valid.reason(reason) or "scheduler drain"
        return self._append(DrainStarted(caller.actor, given, active_claims), caller)

    def end_drain(self, caller: Caller, remaining: int, timed_out: bool) -> Entry:
        return self._append(DrainCompleted(caller.actor, remaining, timed_out), caller.plain)

    def earlier(self, caller: Caller) -> Earlier | None:
        """What an equal request has done before, if the caller sent it under a key.

        Raises:
            Rejected: KEY_REUSED for another request under the key.
        """
        return self._keys.find(caller.once)

    def when_durable(self, settlement: Settlement) -> None:
        """Deliver an answer once all that was appended before is on disk."""
        self._journal.when_durable(settlement)

    def _append(self, event: SchedulerEvent, caller: Caller) -> Entry:
        now_ns = self._clock.now_ns()
        seq = self._journal.next_seq
        record = Record(
            seq,
            self._ids.suffix(now_ns),
            now_ns,
            SCHEDULER_ADDRESS,
            caller.plain,
            (event,),
            done=None if caller.once is None else Done(caller.once),
        )
        state = evolve_scheduler(self._state, event, seq, now_ns)
        entry = Entry(record, state, rows_of(record))
        try:
            self._journal.append(entry)
        except StorageError as error:
            raise Rejected(Code.STORAGE_FAILED, str(error), "try again later") from error
        self._state = state
        return entry
