"""The answer to a request sent before under the same key: the same object, as it is now."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import final

from chargehand.actors import actions
from chargehand.actors.answers import Answer
from chargehand.actors.availability import Availability
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.faults import Faults
from chargehand.actors.idempotency.keys import Keys
from chargehand.actors.idempotency.once import Earlier
from chargehand.actors.identity import Caller
from chargehand.actors.mailbox import Reply
from chargehand.actors.ports import Journal
from chargehand.actors.record import AnyState, Settlement
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.decide.subscriptions import subscription_not_found
from chargehand.actors.task.state import TaskState
from chargehand.actors.views.views import Views

# Their answers hold nothing of the task, so they are given again after its end too.
_SHOW_NOTHING = (c.DeleteTask, c.DeleteProfile, c.Unsubscribe)


@final
class Repeats:
    def __init__(
        self,
        keys: Keys,
        journal: Journal,
        views: Views,
        faults: Faults,
        availability: Availability,
    ) -> None:
        self._keys = keys
        self._journal = journal
        self._views = views
        self._faults = faults
        self._availability = availability

    async def once(
        self, do: Callable[[], Awaitable[Answer]], command: c.Command, caller: Caller
    ) -> Answer:
        """What `do` gives; under a key that was sent before, what it gave then as it is now."""
        once = caller.once
        if once is None:
            return await do()
        earlier = await self._keys.begin(once)
        if earlier is not None:
            return await self.again(earlier, shows_nothing=isinstance(command, _SHOW_NOTHING))
        try:
            return await do()
        finally:
            self._keys.end(once)

    async def again(self, earlier: Earlier, *, shows_nothing: bool = False) -> Answer:
        """What an equal request was answered, with everything in it as it is now."""
        self._availability.check()  # after a failed write nobody knows what is there
        durable: Reply[None] = Reply()
        self._journal.when_durable(Settlement(partial(durable.settle, None), durable.fail))
        await durable.wait()
        self._faults.check(earlier.address)
        task: AnyState | None = self._views.whole(earlier.address)
        if task is None and shows_nothing:
            task = self._journal.reads.state(earlier.address)
        if not isinstance(task, TaskState):
            raise task_not_found(earlier.address)
        answer = Answer.again(task, earlier)
        if earlier.subscription_id is not None and answer.subscription is None:
            raise subscription_not_found(task.id, earlier.subscription_id)
        return answer

    async def claimed(self, earlier: Earlier) -> Answer:
        """The claim that a key got, also when its lease has ended."""
        try:
            return await self.again(earlier)
        except Rejected as refusal:
            if refusal.code is not Code.TASK_NOT_FOUND:
                raise
            raise Rejected(
                Code.NO_ACTIVE_LEASE,
                "the run that was claimed under this key was deleted with its task",
                "claim again under another key:",
                action=actions.claim_next(),
            ) from None
