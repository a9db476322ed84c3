"""Says that this node is there, and knows which others are."""

import logging
from typing import Final, final

import trio

from chargehand.persistence.postgres.presence import Holder, Presence, Seen
from chargehand.persistence.replicated.far import LostError
from chargehand.persistence.replicated.node import RENEWS_PER_TTL
from chargehand.persistence.replicated.shard import Owner
from chargehand.web.cluster.naming import taken
from chargehand.web.cluster.roles import HUNG_S, Roles

EVERY_S_MAX: Final = 1.0
"""Between two times that a node says that it is there."""
READ_S: Final = 2.0
"""For a look at who is there; it waits for no copy of the database."""
LEAVE_S: Final = 1.0

_AGAIN_S: Final = 0.2
_MISSED: Final = 3  # a node that has not said it so many times is not there

_log = logging.getLogger("chargehand")


@final
class NodePresence:
    """Args:
    me: this process, with its name and address.
    saying, reading: of this object alone. What reads does not wait for what is said, which waits
        for the database's copies.
    former: who had the name, and is gone.
    ttl_s: after which another node takes over.

    Attributes:
        said: set once the others can know of this node.
    """

    def __init__(
        self,
        roles: Roles,
        me: Owner,
        saying: Presence,
        reading: Presence,
        former: Holder | None = None,
        *,
        ttl_s: float,
    ) -> None:
        self.me: Final = me
        self.said: Final = trio.Event()
        self._roles = roles
        self._saying = saying
        self._reading = reading
        self._former = former
        self._every_s = min(EVERY_S_MAX, ttl_s / RENEWS_PER_TTL)
        self._hung_s = HUNG_S
        self._leaves = False
        self._lost_to: str | None = None  # the process that has taken this one's name
        # One thread at a time uses a connection.
        self._says, self._reads = trio.Lock(), trio.Lock()

    @property
    def is_gone_s(self) -> float:
        """A node that said nothing for so long, while another one did, is not there."""
        return _MISSED * self._every_s

    async def run(self) -> None:
        """Say it now and then, until it is canceled. Raises: Fatal: another node has the name."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_hung)
                while True:
                    is_said = await self._say()
                    is_whole = is_said and self._roles.member is not None
                    await trio.sleep(self._every_s if is_whole else _AGAIN_S)
        finally:
            self._saying.close()
            self._reading.close()

    async def _end_hung(self) -> None:
        try:
            while True:
                await trio.sleep(_AGAIN_S)
                self._saying.end_hung(self._hung_s)
                self._reading.end_hung(READ_S)
        finally:
            self._saying.interrupt()
            self._reading.interrupt()

    async def _say(self) -> bool:
        roles = self._roles
        try:
            async with self._says:
                if self._leaves:
                    return False
                is_mine = await trio.to_thread.run_sync(
                    self._saying.say, self.me, roles.followed_seq, self._former
                )
                if not is_mine:
                    self._lose(await trio.to_thread.run_sync(self._saying.holder, self.me.node))
                    return False
                self._former = None
                self.said.set()
                if roles.is_active:
                    await trio.to_thread.run_sync(self._saying.forget)
        except LostError as error:
            _log.debug("nobody knows that this node is there: %s", error)
            return False
        return True

    def _lose(self, holder: Holder | None) -> None:
        """Another process has the name."""
        if holder is None:
            return
        if not self.said.is_set():
            if holder.address != self.me.address:
                raise taken(self.me, holder)
            self._former = holder  # it is gone; this was under way as it ended
        elif holder.process != self._lost_to:
            self._lost_to = holder.process
            _log.error("%s", taken(self.me, holder))

    async def nodes(self) -> list[Seen]:
        """Those on the list. Raises: LostError."""
        async with self._reads:
            return await trio.to_thread.run_sync(self._reading.nodes)

    async def leave(self) -> None:
        """Take this node off the list, if the database confirms it at once."""
        self._leaves = True
        self._hung_s = LEAVE_S
        async with self._says:
            try:
                await trio.to_thread.run_sync(self._saying.leave, self.me)
            except LostError as error:
                _log.debug("this node stays on the list: %s", error)
