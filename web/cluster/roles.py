"""Which node answers now, as this one knows it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, final

import trio

from chargehand.actors.identity import OriginKind
from chargehand.persistence.replicated.member import LOOKS_S, Member
from chargehand.persistence.replicated.node import Active, Ended, Standby
from chargehand.persistence.replicated.shard import NOBODY
from chargehand.web.exchange import Answerer
from chargehand.web.problems import EdgeCode
from chargehand.web.refusal import Refusal

NOT_ACTIVE: Final = (b"chargehand-not-active", b"1")
"""In the answer of a node that is not, or may not be any more."""
UNTOUCHED: Final = "untouched"
"""Its value where nothing was done for sure."""

_STALE: Final = Refusal.of(
    EdgeCode.NO_ACTIVE_NODE,
    "this node cannot confirm that it is the active one, so it answers nothing; a write may have "
    "been done",
    "send it again in a second, under the same Idempotency-Key",
    ((b"retry-after", b"1"), NOT_ACTIVE),
)


@final
class Roles:
    """Args: address: at which the others reach this node."""

    def __init__(self, member: Member, address: str) -> None:
        self.member: Final = member
        self._address = address
        self._local: Mapping[OriginKind, Answerer] = {}
        self._asked: dict[trio.CancelScope, str] = {}

    def serve(self, answerers: Mapping[OriginKind, Answerer]) -> None:
        """From now on this node answers by these, as long as it is active."""
        self._local = answerers

    def end(self) -> None:
        """It does not any more."""
        self._local = {}

    @property
    def is_active(self) -> bool:
        return bool(self._local) and self.member.may_answer()

    def local(self, transport: OriginKind) -> Answerer | None:
        """What answers here; None: another node does, or nobody."""
        return self._local.get(transport) if self.member.may_answer() else None

    def stale(self) -> Refusal | None:
        """Why what was found out must not be answered: asked as the answer begins."""
        return None if self.is_active else _STALE

    @property
    def elsewhere(self) -> str | None:
        """The address of the active node, if that is another one."""
        owner = self.member.row.owner
        if owner == NOBODY or owner.address == self._address:
            return None
        return owner.address

    @contextmanager
    def asking(self, address: str, scope: trio.CancelScope) -> Iterator[None]:
        """Around a request to the node at `address`: `scope` is canceled once another one is
        active, as that one may never answer."""
        self._asked[scope] = address
        try:
            yield
        finally:
            del self._asked[scope]

    async def watch(self) -> None:
        """Look who is active, all the time."""
        while True:
            await trio.sleep(LOOKS_S)
            owner = self.member.row.owner
            if owner != NOBODY:
                for scope, address in self._asked.items():
                    if address != owner.address:
                        scope.cancel()

    @property
    def name_of_active(self) -> str | None:
        owner = self.member.row.owner
        return None if owner == NOBODY else owner.node

    @property
    def role(self) -> str:
        """For people."""
        if self.is_active:
            return "active"
        match self.member.node:
            case Active():
                return "becoming active"
            case Standby():
                return "standby"
            case Ended():
                return "ending"
