"""Which node answers now, as this one knows it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple, final

import trio

from chargehand.actors.limits import NS
from chargehand.persistence.replicated.member import LOOKS_S, Member
from chargehand.persistence.replicated.node import FRESH_PART, Active, Ended, Standby
from chargehand.persistence.replicated.shard import NOBODY, Owner, Row
from chargehand.web.cluster.repeating import changes_nothing, next_step
from chargehand.web.exchange import Answerer, Exchange
from chargehand.web.listeners import Way
from chargehand.web.parsing import RequestHead
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal
from chargehand.web.shapes.health import Standing

NOT_ACTIVE: Final = (b"chargehand-not-active", b"1")
"""In the answer of a node that is not, or may not be any more."""
UNTOUCHED: Final = "untouched"
"""Its value where nothing was done for sure."""
WAITED: Final = "waited"
"""Its value where the node has waited for its confirmation, for `WAIT_S`."""

NOT_A_NODE: Final = (b"chargehand-not-a-node", b"1")
"""In the answer to who is no node of this cluster."""

WAIT_S: Final = 30.0
"""For an active node, while one takes over from the other, or the database is away."""
HUNG_S: Final = 30.0
"""The database has not answered for so long. Not less: each such wait leaves a session behind in a
server that waits for its copies."""

RETRY_AFTER: Final = ((b"retry-after", b"1"),)

_log = logging.getLogger("chargehand")


def unconfirmed(head: RequestHead, how: bytes = NOT_ACTIVE[1]) -> Refusal:
    """What is answered instead of what may be old, or has not come in time."""
    done = "" if changes_nothing(head) else "; it may have been done"
    return Refusal.of(
        EdgeCode.NO_ACTIVE_NODE,
        f"this node cannot confirm that it is the active one, so it answers nothing{done}",
        next_step(head),
        (*RETRY_AFTER, (NOT_ACTIVE[0], how)),
    )


@final
class _Asked(NamedTuple):
    """A request that waits. Args: address: of the node that has it. since_s: by Trio's clock."""

    exchange: Exchange
    address: str
    since_s: float


@final
class Roles:
    """Args: address: at which the others reach this node.

    Attributes:
        member: this node, until it has had its turn; then another one follows.
        leaving: set when another node shall go on.
    """

    def __init__(self, address: str) -> None:
        self.member: Member | None = None
        self._address = address
        self._local: Mapping[Way, Answerer] = {}
        self._seen = NOBODY  # who was active last
        self._asked: dict[trio.CancelScope, _Asked] = {}
        self._answered: dict[trio.CancelScope, Exchange] = {}  # requests that are answered here
        self._unconfirmed_since_s: float | None = None
        self.leaving = trio.Event()

    def begin(self, member: Member) -> None:
        """The node's next turn."""
        self.member = member
        self.leaving = trio.Event()

    def serve(self, answerers: Mapping[Way, Answerer]) -> None:
        """From now on this node answers by these, as long as it is active."""
        self._local = answerers

    def end(self) -> None:
        """It does not any more."""
        self._local = {}

    @property
    def is_active(self) -> bool:
        return bool(self._local) and self._may_answer

    def local(self, way: Way) -> Answerer | None:
        """What answers here what came by that way; None: another node does, or nobody."""
        return self._local.get(way) if self._may_answer else None

    @property
    def _may_answer(self) -> bool:
        return self.member is not None and self.member.may_answer()

    def stale(self, head: RequestHead) -> Refusal | None:
        """Why what was found out must not be answered: asked as the answer begins."""
        return None if self.is_active else unconfirmed(head)

    @property
    def elsewhere(self) -> str | None:
        """The address of the active node, if that is another one."""
        address = self.row.owner.address
        return None if address in ("", self._address) else address

    @property
    def row(self) -> Row:
        """What the database showed last."""
        return Row() if self.member is None else self.member.row

    @property
    def followed_seq(self) -> int:
        """The last number that this node has."""
        return 0 if self.member is None else self.member.followed_seq

    @contextmanager
    def asking(self, address: str, exchange: Exchange, scope: trio.CancelScope) -> Iterator[None]:
        """Around a request to the node at `address`: `scope` is canceled once another one is
        active, as that one may never answer; or when it has not answered for long, and the database
        is away, without which no other one becomes active."""
        self._asked[scope] = _Asked(exchange, address, trio.current_time())
        try:
            yield
        finally:
            del self._asked[scope]

    @contextmanager
    def answering(self, exchange: Exchange, scope: trio.CancelScope) -> Iterator[None]:
        """Around a request that is answered here: `scope` is canceled when the node has not been
        able to confirm for `WAIT_S` that it is active, and no answer has begun."""
        self._answered[scope] = exchange
        try:
            yield
        finally:
            del self._answered[scope]

    async def watch(self) -> None:
        """Look who is active, all the time."""
        while True:
            await trio.sleep(LOOKS_S)
            if self.member is not None:
                self.member.end_hung(HUNG_S)
            owner = self.row.owner
            if owner != self._seen:
                self._report(owner)
            self._end_waits(trio.current_time())

    def _end_waits(self, now_s: float) -> None:
        """Cancel what waits for what may never come."""
        active = self.row.owner.address
        for scope, asked in self._asked.items():
            is_stuck = (
                self.trouble is not None
                and asked.exchange.status is None
                and now_s - asked.since_s > 2 * WAIT_S
            )
            if active not in ("", asked.address) or is_stuck:
                scope.cancel()
        if not self._local or self._may_answer:
            self._unconfirmed_since_s = None
        elif self._unconfirmed_since_s is None:
            assert self.member is not None, "it serves"
            self._unconfirmed_since_s = now_s - FRESH_PART * self.member.ttl_s
        elif now_s - self._unconfirmed_since_s > WAIT_S:
            for scope, exchange in self._answered.items():
                if exchange.status is None:
                    scope.cancel()

    def _report(self, owner: Owner) -> None:
        """Another process is active, or none."""
        self._seen = owner
        if owner == NOBODY:
            _log.info("no node is active")
        elif owner.address != self._address:  # of itself it is logged with what it has read
            _log.info(
                "node %s at %s is active, epoch %d", owner.node, owner.address, self.row.epoch
            )

    def standing(self) -> Standing:
        """For probes and for people."""
        lag_records = max(0, self.row.head - self.followed_seq)
        return Standing(self.role, self.name_of_active, self.row.epoch, lag_records)

    @property
    def trouble(self) -> str | None:
        """Why the database gives this node no answer; None: it does."""
        return None if self.member is None else self.member.trouble

    @property
    def ttl_s(self) -> float:
        """After which another node takes over from the one that is active."""
        own_s = 0.0 if self.member is None else self.member.ttl_s
        return max(own_s, self.row.owner.ttl_ns / NS)

    @property
    def still_s(self) -> float | None:
        """For how many seconds the active node, another one, has shown no sign of life; None: for
        so few that it may answer."""
        if self.member is None:
            return None
        still_s = self.member.still_s
        return still_s if still_s > FRESH_PART * self.ttl_s else None

    @property
    def name_of_active(self) -> str | None:
        return self.row.owner.node or None

    @property
    def role(self) -> str:
        """For people."""
        if self.is_active:
            return "active"
        match None if self.member is None else self.member.node:
            case Active():
                return "unconfirmed" if self._local else "becoming active"
            case Standby():
                return "standby"
            case Ended() | None:
                return "between turns"
