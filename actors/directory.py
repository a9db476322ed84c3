"""Addresses: which actor a message for a task goes to; activation, passivation, supervision."""

from collections import OrderedDict
from itertools import islice
from typing import final

import trio

from chargehand.actors import limits
from chargehand.actors.actor import Envelope, Services, TaskActor
from chargehand.actors.errors import Code, Rejected, shutting_down
from chargehand.actors.faults import Why, refusal_of
from chargehand.actors.mailbox import Mailbox


@final
class Directory:
    """The resident task actors.

    An actor is at rest while no message waits for it. Those at rest are the ones that may leave
    memory, in the order in which they came to rest; actors under a lease stand apart, since their
    holders will call again, and leave only when there is nobody else. So whoever makes room never
    looks through actors that have to stay.

    Args:
        services: what each actor works with.
        max_residents: bound on actors in memory. A message of the system exceeds it only where
            every resident is at work or waits for the disk.
        max_mailbox: bound on the callers' messages that wait for one actor.
    """

    def __init__(self, services: Services, *, max_residents: int, max_mailbox: int) -> None:
        self._services = services
        self._faults = services.faults
        self._faults.listen(self._set_aside)
        self._max_residents = max_residents
        self._max_mailbox = max_mailbox
        self._time_s = trio.lowlevel.current_clock().current_time
        self._residents: dict[str, TaskActor] = {}
        # At rest, and since when; longest first.
        self._idle: OrderedDict[str, float] = OrderedDict()
        self._leased: OrderedDict[str, float] = OrderedDict()
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._residents)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The parent of all task actors; runs until canceled. What comes after that is turned away:
        the journal still writes what waits, and reports it."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def send(self, task_id: str, envelope: Envelope) -> None:
        """Put a caller's message into the task's mailbox, and wake its actor first if need be.

        Where the task's state cannot be read, the message is answered with that.

        Raises:
            Rejected: OVERLOADED, by a full mailbox or by too many resident actors; TASK_SET_ASIDE.
        """
        actor = self._residents.get(task_id)
        if actor is None:
            self._faults.check(task_id)
            if not self._make_room():
                raise Rejected(
                    Code.OVERLOADED,
                    f"all {self._max_residents} task actors are busy",
                    "try again after the time that Retry-After names",
                )
            actor = self._activate(task_id)
        else:
            self._at_work(task_id)
        actor.mailbox.send_nowait(envelope)

    def push(self, task_id: str, envelope: Envelope) -> None:
        """Put a message of the system in: it is never refused but while the server stops."""
        if self._nursery is None:
            self._services.turn_away(envelope, shutting_down())
            return
        actor = self._residents.get(task_id)
        if actor is None:
            if task_id in self._faults:
                self._services.turn_away(envelope, self._faults.refusal(task_id))
                return
            self._make_room()
            actor = self._activate(task_id)
        else:
            self._at_work(task_id)
        actor.mailbox.push(envelope)

    def made(self, task_id: str) -> None:
        """The task was made without its actor: one that was woken for its id before takes it in."""
        actor = self._residents.get(task_id)
        if actor is not None:
            try:
                actor.restore()
            except Exception as error:
                cause = f"its actor could not take it in: {type(error).__name__}"
                self._faults.set_aside(task_id, Why.CRASHED, cause)

    def try_later(self, task_id: str, envelope: Envelope, refusal: Rejected) -> None:
        """Put a message in again after a pause, which has crashed or was refused. Nobody waits for
        it meanwhile: whoever did gets `refusal`."""
        self._services.turn_away(envelope, refusal)
        envelope.reply = None
        if self._nursery is not None:
            self._nursery.start_soon(self._put_again, task_id, envelope)

    async def _put_again(self, task_id: str, envelope: Envelope) -> None:
        await trio.sleep(limits.CRASH_PAUSE_S)
        self.push(task_id, envelope)

    def passivate_idle(self, idle_s: float) -> int:
        """Let those leave memory that had no message for `idle_s`, no more than `SLICE_MAX` of
        them; how many did. Actors under a lease stay."""
        before = self._time_s() - idle_s
        first = list(islice(self._idle.items(), limits.SLICE_MAX))
        return sum(self._passivate(task_id) for task_id, since in first if since <= before)

    def _activate(self, task_id: str) -> TaskActor:
        assert self._nursery is not None, "the directory does not run"
        actor = TaskActor(task_id, Mailbox(self._max_mailbox), self._services, self._at_rest)
        self._residents[task_id] = actor
        self._nursery.start_soon(self._live, actor, name=task_id)
        return actor

    async def _live(self, actor: TaskActor) -> None:
        """The last line: whatever an actor raises ends that actor alone."""
        task_id = actor.task_id
        try:
            actor.restore()
        except Exception as error:
            self._end(actor, self._faults.failed(task_id, error, "reading its state"))
            return
        try:
            await actor.run()
        except Exception as crash:
            self._faults.failed(task_id, crash, "its actor")
            cause = f"its actor ended with {type(crash).__name__}"
            self._end(actor, refusal_of(self._faults.set_aside(task_id, Why.CRASHED, cause)))

    def _end(self, actor: TaskActor, refusal: Rejected) -> None:
        """It is not there any more; what waits for it comes back, or gets `refusal`."""
        task_id = actor.task_id
        self._at_work(task_id)
        self._residents.pop(task_id, None)
        for envelope in actor.mailbox.take_all():
            if envelope is None:
                continue
            if envelope.is_tried_again and task_id not in self._faults:
                self.try_later(task_id, envelope, refusal)
            else:
                self._services.turn_away(envelope, refusal)

    def _set_aside(self, task_id: str) -> None:
        actor = self._residents.get(task_id)
        if actor is not None:
            actor.is_aside = True

    def _at_work(self, task_id: str) -> None:
        self._idle.pop(task_id, None)
        self._leased.pop(task_id, None)

    def _at_rest(self, actor: TaskActor) -> None:
        order = self._leased if actor.is_leased else self._idle
        order[actor.task_id] = self._time_s()

    def _passivate(self, task_id: str) -> bool:
        if not self._residents[task_id].try_passivate():
            return False
        self._at_work(task_id)
        del self._residents[task_id]
        return True

    def _make_room(self) -> bool:
        """Whether there is room for one more, after an actor or two had to leave for it: two, so
        that an excess goes away again."""
        for _ in range(2):
            if len(self._residents) < self._max_residents or not self._evict():
                break
        return len(self._residents) < self._max_residents

    def _evict(self) -> bool:
        """Let one leave that has been at rest for long; not the first where that waits for the
        disk still."""
        return any(
            self._passivate(task_id)
            for order in (self._idle, self._leased)
            for task_id in list(islice(order, limits.EVICTION_SCAN_MAX))
        )
