"""Delivers what is due to subscribers. Nothing here delays a commit, or another bridge.

What is due stands in the tasks' states, so a crash, a stop or a change of the configuration loses
nothing of it. A message is sent first and noted after that: if the process ends in between, it is
sent again under the same delivery id.
"""

import logging
from collections.abc import Callable
from typing import Final, final

import trio

from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.bridges.bridge import Bridges, Gone, Undelivered
from chargehand.actors.bridges.message import Message, message_of
from chargehand.actors.bridges.queue import DeliveryQueue, Waiting
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.identity import DELIVERIES
from chargehand.actors.limits import DELIVERIES_AT_ONCE_MAX, DELIVERY_NOTES
from chargehand.actors.mailbox import Reply
from chargehand.actors.ports import Reads
from chargehand.actors.record import Record
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import MessagesDueAgain, SubscriptionSet
from chargehand.actors.task.state import TaskState
from chargehand.actors.task.subscription import Subscription
from chargehand.actors.views.catalog import Catalog

_WANTED_NOW: Final = (SubscriptionSet, MessagesDueAgain)  # somebody waits for the next attempt

_log = logging.getLogger("chargehand.bridges")


@final
class Deliveries:
    """Args:
    catalog: the tasks as last committed.
    send: puts a message of the system into a task's mailbox (`Directory.push`).
    chance: a new number from 0 up to 1 with each call.
    give_up_ns: how long a message is retried before it is given up.
    """

    def __init__(
        self,
        *,
        bridges: Bridges,
        clock: Clock,
        reads: Reads,
        catalog: Catalog,
        faults: Faults,
        send: Callable[[str, Envelope], None],
        chance: Callable[[], float],
        give_up_ns: int,
    ) -> None:
        self._bridges = bridges
        self._reads = reads
        self._catalog = catalog
        self._faults = faults
        self._send = send
        self._give_up_ns = give_up_ns
        self._queues = {bridge.id: DeliveryQueue(clock, chance) for bridge in bridges.enabled()}
        self._stranded = DeliveryQueue(clock, chance)  # whose bridge is gone or switched off

    def __len__(self) -> int:
        """How many subscriptions something is due to."""
        return len(self._stranded) + sum(map(len, self._queues.values()))

    def restore(self, task: TaskState) -> None:
        """A stored task, at start-up, when the catalog holds it already."""
        for subscription in task.subscriptions:
            if subscription.due:
                self._queue(subscription).join(Waiting(task.id, subscription.id))

    def committed(self, record: Record, task: TaskState) -> None:
        """A record that is on disk; called by the publisher only, behind the catalog."""
        if not task.subscriptions:
            return
        wanted_now = {e.subscription_id for e in record.events if isinstance(e, _WANTED_NOW)}
        for subscription in task.subscriptions:
            if subscription.due:
                queue, one = self._queue(subscription), Waiting(task.id, subscription.id)
                queue.join(one)
                if subscription.id in wanted_now:
                    queue.hurry(one)

    def _queue(self, subscription: Subscription) -> DeliveryQueue:
        return self._queues.get(subscription.bridge_id, self._stranded)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until canceled. What is being sent then is sent again after the next start."""
        async with trio.open_nursery() as nursery:
            for queue in self._queues.values():
                for _ in range(DELIVERIES_AT_ONCE_MAX):
                    nursery.start_soon(self._work_off, queue)
            nursery.start_soon(self._work_off, self._stranded)
            task_status.started()

    async def _work_off(self, queue: DeliveryQueue) -> None:
        while True:
            one = await queue.take()
            found = self._find(queue, one)
            if found is None:
                queue.leave(one)
                continue
            task, subscription = found
            done = await self._tell(queue, task, subscription)
            if queue is self._stranded or self._find(queue, one) is None:
                queue.leave(one)
            elif done:
                queue.again(one)
            else:
                queue.retry(one)

    def _find(self, queue: DeliveryQueue, one: Waiting) -> tuple[TaskState, Subscription] | None:
        """The subscription as it is now, if something is due to it in this queue."""
        if one.task_id in self._faults:
            return None
        task = self._catalog.get(one.task_id)
        subscription = None if task is None else task.subscription(one.subscription_id)
        if task is None or subscription is None or not subscription.due:
            return None
        return (task, subscription) if self._queue(subscription) is queue else None

    async def _tell(
        self, queue: DeliveryQueue, task: TaskState, subscription: Subscription
    ) -> bool:
        """Send the first message that is due, and note how it went; False: not done yet."""
        seq = subscription.due[0]
        try:
            bridge = self._bridges.way_to(subscription.bridge_id, task)
        except Undelivered as unfit:  # which is not tried, so no time passes for it
            await self._note_failure(task, subscription, str(unfit), subscription.tried_ns)
            return False
        try:
            await bridge.send(self._message(task, subscription, seq))
            return await self._note(task.id, c.NoteDelivery(subscription.id, seq))
        except Gone as gone:
            _log.warning("%s: %s; the subscription is off", subscription.delivery_id(seq), gone)
            off = c.TurnOffSubscription(subscription.id, seq, str(gone), subscription.updated_at_ns)
            return await self._note(task.id, off)
        except Undelivered as failure:
            if failure.retry_after_s is not None:
                queue.hold(failure.retry_after_s)
            return await self._failed(queue, task, subscription, str(failure))
        except Exception as crash:
            _log.error("%s crashed", subscription.delivery_id(seq), exc_info=crash)
            why = "the server has failed to send it"
            return await self._failed(queue, task, subscription, why)

    async def _failed(
        self, queue: DeliveryQueue, task: TaskState, subscription: Subscription, why: str
    ) -> bool:
        """Note it; True: it was the last attempt."""
        one = Waiting(task.id, subscription.id)
        found = self._find(queue, one)
        if found is None or found[1].updated_at_ns != subscription.updated_at_ns:
            return False  # set again meanwhile, so its time begins anew
        tried_ns = queue.tried_ns(one, subscription.tried_ns)
        if tried_ns < self._give_up_ns:
            tried_ns -= tried_ns % max(self._give_up_ns // DELIVERY_NOTES, 1)
            await self._note_failure(task, subscription, why, tried_ns)
            return False
        seq = subscription.due[0]
        _log.warning("%s: %s; it is given up", subscription.delivery_id(seq), why)
        return await self._note(
            task.id, c.GiveUpDelivery(subscription.id, seq, why, subscription.updated_at_ns)
        )

    def _message(self, task: TaskState, subscription: Subscription, seq: int) -> Message:
        with self._faults.reading(task.id):
            [record] = self._reads.timeline(task.id, seq - 1, 1)
        return message_of(task, subscription, record, seq)

    async def _note_failure(
        self, task: TaskState, subscription: Subscription, why: str, tried_ns: int
    ) -> None:
        note = c.NoteFailedDelivery(
            subscription.id, subscription.due[0], why, subscription.updated_at_ns, tried_ns
        )
        is_new = note.error != subscription.cursor.error
        if is_new:
            _log.warning("%s: %s", subscription.delivery_id(note.seq), note.error)
        if is_new or note.tried_ns != subscription.tried_ns:
            await self._note(task.id, note)

    async def _note(self, task_id: str, note: c.DeliveryCommand) -> bool:
        """Return when it is on disk; False if it could not be written."""
        reply: Reply[Answer] = Reply()
        self._send(task_id, Envelope(note, DELIVERIES, reply))
        try:
            await reply.wait()
        except Rejected as refused:
            _log.info("%s: %s", task_id, refused)
            return False
        return True
