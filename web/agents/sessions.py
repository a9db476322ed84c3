"""The sessions of a pool, and how many of its runs each of them holds."""

import logging
import re
from collections.abc import Sequence
from typing import Final, final
from uuid import uuid4

import trio

from chargehand.web.agents.api import Api
from chargehand.web.agents.claims import Agent
from chargehand.web.agents.errors import Refused, Unavailable
from chargehand.web.agents.reports import Reports

ENDED_AT_ONCE_MAX: Final = 32
_NO_ID: Final = re.compile(r"[^A-Za-z0-9._:@-]+")
_STEM_CHARS_MAX: Final = 64

_log = logging.getLogger("chargehand.agents")


@final
class PoolSession:
    """Attributes:
    reports: sends how its runs have ended.
    is_known: it is registered, or registers itself with its first claim.
    held: its runs.
    asked: what claims that are under way may bring.
    is_closed: it claims nothing more.
    """

    def __init__(self, agent: Agent, api: Api, *, is_known: bool) -> None:
        self.agent = agent
        self.reports = Reports(api)
        self.is_known = is_known
        self.held = 0
        self.asked = 0
        self.is_closed = False


@final
class Sessions:
    """As few as may hold the runs of the pool.

    How many leases a session may hold is a setting of the scheduler, and found out by claiming: one
    that is refused a further lease is full, and none is asked to hold more from then on.

    Args:
        most: runs that a session is to hold at a time, if it may.
    """

    def __init__(
        self,
        api: Api,
        name: str,
        workspace: str | None,
        channel: str | None,
        capabilities: Sequence[str],
        most: int,
    ) -> None:
        """Raises: ValueError: the name or workspace is not printable ASCII."""
        self._api = api
        self._name = name
        self._workspace = workspace
        self._channel = channel
        self._capabilities = capabilities
        self._most = most
        self._stem = f"{_NO_ID.sub('-', name)[:_STEM_CHARS_MAX].lstrip('._:@-') or 'agent'}"
        Agent(name, self._stem, workspace)  # what no header can hold is refused here
        self._stem = f"{api.session_prefix}{self._stem}-{uuid4().hex[:12]}"
        self._registers = channel is not None  # else they register themselves
        self._open: list[PoolSession] = []
        self._with_room: dict[PoolSession, None] = {}
        self._made = 0
        self._ids: list[str] = []  # of all that there were

    @property
    def are_shared(self) -> bool:
        """Whether a session may hold several runs."""
        return self._most > 1

    def ask(self, wanted: int) -> tuple[PoolSession, int]:
        """A session with room, and how many of the `wanted` runs it is to claim: `answered` must
        follow."""
        session = next(iter(self._with_room), None) or self._another()
        count = min(wanted, self._room(session))
        session.asked += count
        self._place(session)
        return session, count

    def answered(self, session: PoolSession, asked: int, claimed: int) -> None:
        """It has claimed so many of those that it asked for."""
        session.asked -= asked
        session.held += claimed
        self._place(session)

    def let_go(self, session: PoolSession) -> None:
        """One of its runs has ended."""
        session.held -= 1
        self._place(session)

    def is_full(self, session: PoolSession) -> None:
        """It was refused a further lease."""
        most = session.held + session.asked  # of those that others may just have claimed for it
        if not most:  # it holds what we know nothing of
            self.close(session)
        elif most < self._most:
            self._most = most
            _log.debug("a session may hold %d leases", most)
            for one in self._open:
                self._place(one)

    def close(self, session: PoolSession) -> None:
        """It was refused as such: further runs are claimed by another."""
        if not session.is_closed:
            session.is_closed = True
            self._registers = True
            self._open.remove(session)
            self._place(session)

    async def register(self, session: PoolSession) -> None:
        """Before it claims, unless it is known. Raises: Refused, Unavailable."""
        if session.is_known:
            return
        session.agent = await self._api.register_session(
            self._name,
            id=session.agent.session if self._api.session_prefix else None,
            workspace=self._workspace,
            channel=self._channel,
            capabilities=self._capabilities,
        )
        session.is_known = True
        self._ids.append(session.agent.session)
        self._place(session)

    async def end_all(self) -> None:
        """So that nobody counts on them any more, and a claim that was answered as the pool went
        goes back at once."""
        room = trio.CapacityLimiter(ENDED_AT_ONCE_MAX)

        async def end(session_id: str) -> None:
            async with room:
                try:
                    await self._api.end_session(session_id)
                except (Refused, Unavailable) as error:
                    _log.debug("session %s was not ended: %s", session_id, error)

        async with trio.open_nursery() as nursery:
            for session_id in self._ids:
                nursery.start_soon(end, session_id)

    def _another(self) -> PoolSession:
        self._made += 1
        agent = Agent(self._name, f"{self._stem}-{self._made}", self._workspace)
        session = PoolSession(agent, self._api, is_known=not self._registers)
        if session.is_known:
            self._ids.append(agent.session)
        self._open.append(session)
        return session

    def _room(self, session: PoolSession) -> int:
        if session.is_closed or (session.asked and not session.is_known):
            return 0
        return self._most - session.held - session.asked

    def _place(self, session: PoolSession) -> None:
        if self._room(session) > 0:
            self._with_room[session] = None
        else:
            self._with_room.pop(session, None)
