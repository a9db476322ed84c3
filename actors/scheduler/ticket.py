"""A claim on its way: from the caller to the scheduler, to a task, and back with the answer."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, final

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.idempotency.keys import check_equal
from chargehand.actors.identity import Caller
from chargehand.actors.ids import Randomness
from chargehand.actors.mailbox import Reply
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.task.eligibility import Claimer


class TokenSource(Protocol):
    def new_hash(self) -> str:
        """`sha256:` and the hex digest of a new claim token."""


class RandomTokens:
    """The source that the server uses. A lease is presented by session and run, so nobody is ever
    given a token, and 32 random bytes are as good as the hash of one."""

    def __init__(self) -> None:
        self._randomness = Randomness()

    def new_hash(self) -> str:
        return f"sha256:{self._randomness.take(32).hex()}"


class Stage(Enum):
    """Where a call of claim-next stands."""

    NEW = auto()  # on its way to the scheduler, or about to be tried again
    PARKED = auto()  # it waits for work
    PICKED = auto()  # a run is reserved for it, and the run's task has not answered yet
    CLAIMED = auto()  # its claim is on disk
    OVER = auto()  # it has ended without a run


@final
class Ticket:
    """One call of claim-next. It is also the reply of the task that it is sent to: a refusal there
    never reaches the caller, it brings the ticket back to the scheduler.

    Args:
        claimer: who asks, see `claimer_of`.
        deadline_ns: until when to wait, by `Clock.elapsed_ns`; None: do not wait.
        on_refused: called with the ticket and the refusal of the task.
        on_unseen: called with the ticket if it got a run and its caller was gone.
    """

    __slots__ = (
        "_answer",
        "_on_refused",
        "_on_unseen",
        "caller",
        "claim_token_hash",
        "claimer",
        "deadline_ns",
        "followers",
        "key",
        "reply",
        "request",
        "run_id",
        "session",
        "stage",
        "task_id",
    )

    def __init__(
        self,
        session: SessionState,
        request: ClaimNext,
        claimer: Claimer,
        caller: Caller,
        deadline_ns: int | None,
        on_refused: "Callable[[Ticket, Exception], None]",
        on_unseen: "Callable[[Ticket], None]",
    ) -> None:
        self.session = session
        self.request = request
        self.caller = caller
        self.deadline_ns = deadline_ns
        self.reply: Reply[Answer | None] = Reply()
        self.claimer = claimer
        key = request.idempotency_key
        self.key = None if key is None else (session.id, key)
        self.stage = Stage.NEW
        # What was picked for it; set while it is PICKED or CLAIMED.
        self.task_id = self.run_id = self.claim_token_hash = ""
        self.followers: list[Ticket] = []  # calls with the same key that wait for its answer
        self._answer: Answer | None = None  # its claim, once that is on disk
        self._on_refused = on_refused
        self._on_unseen = on_unseen

    @property
    def abandoned(self) -> bool:
        """Nobody waits any more. With a key the claim is made all the same: its retry finds it."""
        return self.key is None and self.is_deserted

    @property
    def is_deserted(self) -> bool:
        """Whether its caller has hung up, or was answered although something is on its way."""
        return self.reply.abandoned or self.stage is Stage.OVER

    @property
    def is_gone(self) -> bool:
        """Whether its caller has hung up, and nothing is on its way to it."""
        return self.reply.abandoned and self.stage in (Stage.NEW, Stage.PARKED)

    def pick(self, task_id: str, run_id: str, claim_token_hash: str) -> None:
        """A run is reserved for it, to be claimed under this token."""
        self.stage = Stage.PICKED
        self.task_id, self.run_id, self.claim_token_hash = task_id, run_id, claim_token_hash

    def settle(self, value: Answer) -> None:
        """The claim is on disk."""
        if self.abandoned:
            self._on_unseen(self)
        self.stage = Stage.CLAIMED
        self._answer = value
        self.reply.settle(value)
        for follower in self.followers:
            follower.reply.settle(value)

    def follow(self, ticket: "Ticket") -> None:
        """Let a call with the same key have the answer of this one, which may be there already:
        the scheduler takes a claim as under way until it has the record of it. One that asks for
        something else is refused: KEY_REUSED."""
        once, other = self.caller.once, ticket.caller.once
        try:
            if once is not None and other is not None:
                check_equal(other, once.request)
        except Rejected as refusal:
            ticket.give_up(refusal)
            return
        if self._answer is None:
            self.followers.append(ticket)
        else:
            ticket.reply.settle(self._answer)

    def fail(self, error: Exception) -> None:
        """The task refused the pick."""
        self._on_refused(self, error)

    def give_up(self, error: Exception | None) -> None:
        """The call ends without a run: with an error, or with None for nothing to claim."""
        self.stage = Stage.OVER
        for ticket in (self, *self.followers):
            if error is None:
                ticket.reply.settle(None)
            else:
                ticket.reply.fail(error)


def claimer_of(session: SessionState, request: ClaimNext) -> Claimer:
    """Who asks, and for what; the calls of a batch share one."""
    return Claimer(
        session_id=session.id,
        agent_name=session.agent_name,
        workspace_id=session.workspace_id,
        channel=session.channel,
        capabilities=frozenset((*session.capabilities, *request.capabilities)),
        priority_min=request.priority_min,
    )


def lease_limit_reached(session_id: str, most: int) -> Rejected:
    """Args: most: leases that a session may hold at a time."""
    return Rejected(
        Code.LEASE_ALREADY_HELD,
        f"session {session_id} holds as many leases as it may, which is {most} "
        "(max_leases_per_session)",
        "complete, fail or release a run first, or have the scheduler allow more: "
        "--max-leases-per-session of the server, Settings(max_leases_per_session=...) of a program",
        evidence={"session_id": session_id},
    )
