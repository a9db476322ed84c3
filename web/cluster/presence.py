"""Says that this node is there, and knows which others are."""

import logging
from typing import Final, final

import trio

from chargehand.persistence.postgres.presence import Presence, Seen
from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.roles import HUNG_S, Roles

_AGAIN_S: Final = 0.2

_log = logging.getLogger("chargehand")


@final
class NodePresence:
    """Args: presence: of this object alone. every_s: seconds between two times that it is said."""

    def __init__(self, roles: Roles, presence: Presence, every_s: float) -> None:
        self._roles = roles
        self._every_s = every_s
        self._presence = presence
        self._turn = trio.Lock()  # one thread at a time uses the connection

    @property
    def is_gone_s(self) -> float:
        """A node that said nothing for so long is not there."""
        return 3 * self._every_s

    async def run(self) -> None:
        """Say it now and then, until it is canceled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_hung)
                while True:
                    is_said = await self._say()
                    await trio.sleep(self._every_s if is_said else _AGAIN_S)
        finally:
            self._presence.close()

    async def _end_hung(self) -> None:
        while True:
            await trio.sleep(_AGAIN_S)
            self._presence.end_hung(HUNG_S)

    async def _say(self) -> bool:
        member = self._roles.member
        if member is None:
            return False
        try:
            async with self._turn:
                await trio.to_thread.run_sync(self._presence.say, member.owner, member.followed_seq)
        except LostError as error:
            _log.debug("nobody knows that this node is there: %s", error)
            return False
        return True

    async def nodes(self) -> list[Seen]:
        """Those that were there within a day. Raises: LostError."""
        async with self._turn:
            return await trio.to_thread.run_sync(self._presence.nodes)
