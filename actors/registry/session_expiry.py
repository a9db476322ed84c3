"""When sessions lapse: an ended one's id is free again, or one that registered itself has gone."""

import math
from typing import final

import trio

from chargehand.actors import limits
from chargehand.actors.clock import Clock
from chargehand.actors.deadlines import Deadlines
from chargehand.actors.limits import NS
from chargehand.actors.registry.roster import Roster
from chargehand.actors.registry.state import SessionState
from chargehand.actors.settings import Settings


@final
class SessionExpiry:
    """Which sessions to look at, and when, on the steady scale. A session that was registered by
    somebody never lapses before it is ended."""

    def __init__(self, clock: Clock, settings: Settings, roster: Roster) -> None:
        self._clock = clock
        self._roster = roster
        self._ended_ns = int(settings.ended_session_s * NS)
        self._idle_ns = int(settings.self_registered_idle_s * NS)
        self._due: Deadlines[str] = Deadlines()
        self._earlier = trio.Event()

    def watch(self, session: SessionState) -> None:
        """Look at the session when it may have lapsed, if it ever can."""
        now_ns = self._clock.steady_ns()
        if session.ended_at_ns is not None:
            self._set(session.id, now_ns + self._ended_ns - self._clock.age_ns(session.ended_at_ns))
        elif session.self_registered:
            self._set(session.id, now_ns + self._idle_ns)
        else:
            self._due.discard(session.id)  # of an ended session that had the same id

    def try_again(self, session_id: str) -> None:
        """It could not be forgotten now."""
        self._set(session_id, self._clock.steady_ns() + limits.FORGET_AGAIN_S * NS)

    def is_idle(self, session: SessionState) -> bool:
        """Whether it has not called for as long as self-registered sessions are kept."""
        seen_ns = self._roster.seen_at_ns(session.id)
        return seen_ns is None or seen_ns + self._idle_ns <= self._clock.steady_ns()

    def take_due(self) -> list[str]:
        """Sessions to look at now; no more than may be looked at in one go."""
        return self._due.pop_due(self._clock.steady_ns(), limits.FORGET_STEP_MAX)

    async def wait_due(self) -> None:
        """Return once there is a session to look at."""
        while True:
            next_ns = self._due.next_at_ns()
            if next_ns is not None and next_ns <= self._clock.steady_ns():
                return
            self._earlier = trio.Event()
            until_s = math.inf if next_ns is None else self._clock.trio_time(next_ns)
            with trio.move_on_at(until_s):
                await self._earlier.wait()

    def _set(self, session_id: str, at_ns: int) -> None:
        first_ns = self._due.next_at_ns()
        self._due.set(session_id, at_ns)
        if first_ns is None or at_ns < first_ns:
            self._earlier.set()
