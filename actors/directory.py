"""Addresses: which actor a message for a task goes to; activation, passivation, supervision."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import final

import trio

from actors.actor import Envelope, Services, TaskActor
from actors.errors import Code, Rejected
from actors.mailbox import Mailbox

_EVICTION_SCAN_MAX = 64  # residents looked at, oldest first, to make room for one


@final
class Directory:
    """The resident task actors, least recently used first.

    Args:
        services: what each actor works with.
        max_residents: bound on actors in memory; only effects may exceed it.
        max_mailbox: bound on the callers' messages that wait for one actor.
        wants_checkpoint: called when actors cannot leave memory before a checkpoint.
    """

    def __init__(
        self,
        services: Services,
        *,
        max_residents: int,
        max_mailbox: int,
        wants_checkpoint: Callable[[], None],
    ) -> None:
        self._services = services
        self._max_residents = max_residents
        self._max_mailbox = max_mailbox
        self._wants_checkpoint = wants_checkpoint
        self._residents: OrderedDict[str, TaskActor] = OrderedDict()
        self._used_at: dict[str, float] = {}
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._residents)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The parent of all task actors; runs until canceled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def send(self, task_id: str, envelope: Envelope) -> None:
        """Put a caller's message into the task's mailbox, and wake its actor first if need be.

        Raises:
            Rejected: OVERLOADED, by a full mailbox or by too many resident actors.
        """
        actor = self._residents.get(task_id)
        if actor is None:
            if len(self._residents) >= self._max_residents:
                self._make_room()
            actor = self._activate(task_id)
        else:
            self._residents.move_to_end(task_id)
        self._used_at[task_id] = trio.current_time()
        actor.mailbox.send_nowait(envelope)

    def push(self, task_id: str, envelope: Envelope) -> None:
        """Put a message of the system in: it meets no bound."""
        actor = self._residents.get(task_id)
        if actor is None:
            actor = self._activate(task_id)
        else:
            self._residents.move_to_end(task_id)
        self._used_at[task_id] = trio.current_time()
        actor.mailbox.push(envelope)

    def passivate_idle(self, idle_s: float) -> int:
        """Let those leave memory that had no message for `idle_s`; how many did."""
        before = trio.current_time() - idle_s
        idle = []
        for task_id in self._residents:
            if self._used_at[task_id] > before:
                break
            idle.append(task_id)
        return sum(self._passivate(task_id) for task_id in idle)

    def _activate(self, task_id: str) -> TaskActor:
        assert self._nursery is not None, "the directory does not run"
        actor = TaskActor(task_id, Mailbox(self._max_mailbox), self._services)
        self._residents[task_id] = actor
        self._nursery.start_soon(actor.run, name=task_id)
        return actor

    def _passivate(self, task_id: str) -> bool:
        if not self._residents[task_id].try_passivate():
            return False
        del self._residents[task_id], self._used_at[task_id]
        return True

    def _make_room(self) -> None:
        oldest = list(islice(self._residents, _EVICTION_SCAN_MAX))
        if any(self._passivate(task_id) for task_id in oldest):
            return
        self._wants_checkpoint()
        raise Rejected(
            Code.OVERLOADED,
            f"all {self._max_residents} task actors are busy",
            "try again after the time that Retry-After names",
        )
