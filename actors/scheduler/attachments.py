"""Attaching sessions to runs, each within the number of runs that its session may have."""

from collections.abc import Callable
from functools import partial
from typing import final

from chargehand.actors.actor import Envelope
from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import Caller
from chargehand.actors.mailbox import Reply
from chargehand.actors.scheduler.allowance import Allowance
from chargehand.actors.scheduler.lease_expiry import LeaseExpiry
from chargehand.actors.task import commands as c


@final
class _Attachment:
    """The reply of an attachment; gives the reserved place back once it is decided, whether or
    not its caller still waits."""

    def __init__(self, reply: Reply[Answer], give_back: Callable[[], None]) -> None:
        self._reply = reply
        self._give_back = give_back

    @property
    def abandoned(self) -> bool:
        return self._reply.abandoned

    def settle(self, value: Answer) -> None:
        self._give_back()
        self._reply.settle(value)

    def fail(self, error: Exception) -> None:
        self._give_back()
        self._reply.fail(error)


@final
class Attachments:
    """Args:
    send: puts a caller's message into a task's mailbox (`Directory.send`).
    later: has something run as a later message of the scheduler's.
    """

    def __init__(
        self,
        allowance: Allowance,
        lease_expiry: LeaseExpiry,
        send: Callable[[str, Envelope], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._allowance = allowance
        self._lease_expiry = lease_expiry
        self._send = send
        self._later = later

    def attach(
        self, task_id: str, command: c.AttachSession, caller: Caller, reply: Reply[Answer]
    ) -> None:
        """Have the task decide, with a place of the session reserved until then.

        Raises:
            Rejected: SESSION_BOUND, or the task's mailbox is full.
        """
        session_id = command.session_id
        if not self._allowance.has_room(session_id):
            again = partial(self._attach_again, task_id, command, caller, reply)
            if self._allowance.has_reserved(session_id):
                # What is on its way may be refused, or its caller may be gone.
                self._allowance.when_given_back(session_id, again)
            elif not self._lease_expiry.makes_room(session_id, again, reply.fail):
                raise Rejected(
                    Code.SESSION_BOUND,
                    f"session {session_id} is at work on as many runs as it may",
                    "end one of them first, or attach another session",
                    evidence={"session_id": session_id},
                )
            return

        def give_back() -> None:
            # Behind the task's record in the mailbox, so the place never counts as free between.
            self._later(lambda: self._allowance.give_back(session_id))

        self._allowance.reserve(session_id)
        try:
            self._send(task_id, Envelope(command, caller, _Attachment(reply, give_back)))
        except Rejected:
            self._allowance.give_back(session_id)
            raise

    def _attach_again(
        self, task_id: str, command: c.AttachSession, caller: Caller, reply: Reply[Answer]
    ) -> None:
        if reply.abandoned:
            return
        try:
            self.attach(task_id, command, caller, reply)
        except Rejected as refusal:
            reply.fail(refusal)
