"""A pool of agents: claims runs, has a handler work on them, and reports how they ended."""

import logging
import math
from collections.abc import Iterable
from typing import Final, final

import trio

from chargehand.actors.errors import Code
from chargehand.actors.limits import BATCH_RUNS_MAX, LEASE_S_MAX
from chargehand.actors.task.choices import Priority
from chargehand.web.agents.api import Api
from chargehand.web.agents.asking import new_key
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.drain import Drain
from chargehand.web.agents.endings import ErrorRule, fail_on_error
from chargehand.web.agents.errors import Refused, Unavailable
from chargehand.web.agents.execution import DRAINED, Execution
from chargehand.web.agents.given import several
from chargehand.web.agents.handlers import Call, Handler, calls_of
from chargehand.web.agents.heartbeats import Heartbeats
from chargehand.web.agents.metrics import PoolMetrics
from chargehand.web.agents.outage import Outage
from chargehand.web.agents.sessions import PoolSession, Sessions
from chargehand.web.agents.work import Outcome, Work, last_moments

SIZE_MAX: Final = 1000

_log = logging.getLogger("chargehand.agents")


@final
class AgentPool:
    """Claims runs and has `handler` work on them, as many at a time as it has places.

    Leases are renewed by tasks of their own. A lease that is lost (it ran out, the run or its task
    was canceled) cancels the handler, and `Claim.lost` says why. Where the scheduler does not
    answer, the pool waits for it, and what is at work goes on.

        async def handle(claim):
            return {"greeting": f"Hello, {claim.title}"}

        await AgentPool(system, handle, size=8).run()

    Args:
        api: where runs come from: a `LocalSystem` or a `Client`.
        handler: takes a `Claim` and returns the result of the run: JSON, or None. An `async`
            function must not block; a plain one runs in a thread.
        size: how many runs at a time, 1 to 1,000.
        name: of the agents; profiles of tasks may ask for it.
        capabilities: what they can do.
        workspace: id, name or path of the workspace whose tasks they take; None: global tasks.
        channel: they take runs of this channel alone.
        priority_min: nothing less urgent: 10 is low, 20 medium, 30 high, 40 urgent.
        lease_seconds: after how much silence of the pool a run is given to others. Renewed three
            times as often, so that it also bounds how late a cancellation is heard of.
        leases_per_session: how many runs a session of the pool holds at a time, if the scheduler
            lets it (`max_leases_per_session`, which is 1 unless it was set); None: as many as that.
            What those of one session claim, renew and end at the same time goes in one request.
        drain_seconds: how long handlers may go on once the pool is drained.
        on_error: what becomes of a run whose handler raised an exception. By default it fails,
            unless the exception is a `Fail`, `Release` or `NeedsPerson`.

    Raises:
        TypeError: the handler or rule cannot be called, or `capabilities` is a single string.
        ValueError: an argument is out of its bounds, or a name is not printable ASCII.
    """

    def __init__(
        self,
        api: Api,
        handler: Handler,
        *,
        size: int = 1,
        name: str = "pool",
        capabilities: Iterable[str] = (),
        workspace: str | None = None,
        channel: str | None = None,
        priority_min: int = 0,
        lease_seconds: int = 60,
        leases_per_session: int | None = None,
        drain_seconds: float = 30.0,
        on_error: ErrorRule = fail_on_error,
    ) -> None:
        for what, given in (("handler", handler), ("on_error", on_error)):
            if not callable(given):
                raise TypeError(f"{what} must be a function, not {given!r}")
        _check("size", size, 1, SIZE_MAX)
        _check("lease_seconds", lease_seconds, 1, LEASE_S_MAX)
        _check("priority_min", priority_min, 0, Priority.URGENT.weight)
        _check("drain_seconds", drain_seconds, 0, math.inf)
        if leases_per_session is not None:
            _check("leases_per_session", leases_per_session, 1, math.inf)
        self._api = api
        self._handler = handler
        self._size = size
        self._capabilities = several("capabilities", capabilities)
        self._priority_min = priority_min
        self._lease_seconds = lease_seconds
        self._drain = Drain(drain_seconds, self._on_drain)
        self._outage = Outage()
        self._execution = Execution(api, on_error, self._outage)
        self._heartbeats = Heartbeats(api, lease_seconds)
        most = leases_per_session or size
        self._sessions = Sessions(api, name, workspace, channel, self._capabilities, most)
        self._free: list[Call] = []  # a call for each place without a run
        self._asked = 0  # runs that claims under way may bring
        self._claims = 0  # that are under way
        self._active: set[Work] = set()
        self._claimed = 0
        self._ended = dict.fromkeys(Outcome, 0)
        self._has_run = False
        self._moved = trio.Event()  # there may be something to claim, or nothing more
        self._wrong: Refused | None = None  # why there can be no more claims
        self._until_empty = False
        self._is_exhausted = False  # the queue, since a run has ended the last time

    @property
    def metrics(self) -> PoolMetrics:
        """What it has done, and does now."""
        return PoolMetrics(
            self._size,
            len(self._active),
            self._claimed,
            self._ended[Outcome.COMPLETED],
            self._ended[Outcome.FAILED],
            self._ended[Outcome.RELEASED],
            self._ended[Outcome.LOST],
        )

    async def run(self, *, until_empty: bool = False, handle_signals: bool = False) -> PoolMetrics:
        """Work until drained, or canceled. May be called once: for more, make another pool.

        Canceled, it cancels its handlers and gives their runs back, within 5 s.

        Args:
            until_empty: return as soon as there is nothing to claim and nothing at work.
            handle_signals: SIGTERM and SIGINT drain the pool, a second one at once. In the main
                thread only.

        Returns:
            What it has done.

        Raises:
            Refused: it can claim nothing, as its workspace, a capability or an access right is
                wrong.
            RuntimeError: it has run before.
        """
        if self._has_run:
            raise RuntimeError("an AgentPool runs once: make another AgentPool to run again")
        self._has_run = True
        self._until_empty = until_empty
        make_call = calls_of(self._handler, self._size)
        self._free = [make_call() for _ in range(self._size)]
        try:
            async with trio.open_nursery() as around:
                await around.start(self._heartbeats.run)
                around.start_soon(self._stop_late)
                if handle_signals:
                    await around.start(self._drain.begin_on_signals)
                async with trio.open_nursery() as runs:
                    await self._keep_claiming(runs)
                around.cancel_scope.cancel()
        finally:
            with last_moments():
                await self._sessions.end_all()
        if self._wrong is not None:
            raise self._wrong
        return self.metrics

    def drain(self, seconds: float | None = None) -> None:
        """Claim nothing more, and have `run` return once the handlers have ended. Those that are at
        work after `seconds` (by default the pool's `drain_seconds`) are canceled, and their runs
        given back. May be called again, to wait less. A pool that is drained before it runs returns
        from `run` without a claim. From other threads: `trio.from_thread.run_sync(pool.drain)`.
        """
        self._drain.begin(seconds)

    def _on_drain(self) -> None:
        for work in self._active:
            work.report_by(self._drain.deadline_s)
        self._moved.set()

    async def _stop_late(self) -> None:
        """Once the time of a drain is over, stop the handlers that are still at work."""
        await self._drain.wait_deadline()
        for work in self._active:
            work.stop(DRAINED)

    # --- claims ---------------------------------------------------------------------------------

    async def _keep_claiming(self, runs: trio.Nursery) -> None:
        """Have a run claimed for each free place, until the pool is drained."""
        while not self._drain.has_begun:
            self._moved = trio.Event()
            self._claim_for_free_places(runs)
            await self._moved.wait()
            if self._sessions.are_shared:
                await trio.lowlevel.checkpoint()  # other places become free in this turn

    def _claim_for_free_places(self, runs: trio.Nursery) -> None:
        if self._is_exhausted:
            if len(self._free) == self._size and not self._claims:
                self.drain()
            return
        claims_max = self._api.waiting_max or self._size
        while self._claims < claims_max and (free := len(self._free) - self._asked) > 0:
            session, count = self._sessions.ask(min(free, BATCH_RUNS_MAX))
            self._claims += 1
            self._asked += count
            runs.start_soon(self._claim, session, count, runs)

    async def _claim(self, session: PoolSession, count: int, runs: trio.Nursery) -> None:
        """Claim up to so many runs, and work on them."""
        claims: list[Claim] = []
        refused: Refused | None = None
        ended = sum(self._ended.values())
        try:
            with self._drain.cancels():
                claims = await self._claims_of(session, count)
                if self._until_empty and not claims and ended == sum(self._ended.values()):
                    self._is_exhausted = True
        except Refused as error:
            refused = error
        finally:
            self._claims -= 1
            self._asked -= count
            self._sessions.answered(session, count, len(claims))
            self._moved.set()
        if refused is not None:
            self._take_refusal(session, refused)
        calls = [self._free.pop() for _ in claims]
        for claim, call in zip(claims[1:], calls[1:], strict=True):
            runs.start_soon(self._do, session, claim, call)
        if claims:
            if len(claims) > 1:  # in step with the others, so that equal work is reported together
                await trio.lowlevel.cancel_shielded_checkpoint()
            await self._do(session, claims[0], calls[0])

    async def _claims_of(self, session: PoolSession, count: int) -> list[Claim]:
        """What there is for the session. Asked under one key until there is an answer, so that
        nothing is claimed that nobody works on. Raises: Refused."""
        key = new_key() if self._api.loses_answers else None
        while True:
            try:
                await self._sessions.register(session)
                claims = await self._api.claim_batch(
                    session.agent,
                    count,
                    wait=not self._until_empty,
                    lease_seconds=self._lease_seconds,
                    capabilities=self._capabilities,
                    priority_min=self._priority_min,
                    key=key,
                )
            except Unavailable as error:
                await self._outage.wait(error)
            else:
                self._outage.end()
                return claims

    def _take_refusal(self, session: PoolSession, refused: Refused) -> None:
        """Go on in another session where that helps, else end the pool."""
        if refused.code == Code.LEASE_ALREADY_HELD.code:
            self._sessions.is_full(session)
        elif refused.code == Code.IDENTITY_STALE.code:
            _log.warning("session %s works no more: %s", session.agent.session, refused)
            self._sessions.close(session)
        else:
            if self._wrong is None:
                self._wrong = refused
            self.drain()

    # --- one run --------------------------------------------------------------------------------

    async def _do(self, session: PoolSession, claim: Claim, call: Call) -> None:
        work = Work(claim)
        work.report_by(self._drain.deadline_s)
        if self._drain.deadline_s <= trio.current_time():
            work.stop(DRAINED)
        self._active.add(work)
        self._claimed += 1
        self._heartbeats.watch(work)
        try:
            await self._execution.execute(work, session.reports, call)
        finally:
            if work.reporting.cancelled_caught:
                _log.error("the scheduler did not confirm how run %s ended", claim.run_id)
            self._ended[work.outcome] += 1
            self._active.discard(work)
            self._heartbeats.forget(work)
            self._sessions.let_go(session)
        with self._drain.cancels():
            await call.wait_idle()
        self._free.append(call)
        self._is_exhausted = False
        self._moved.set()


def _check(what: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        bounds = f"at least {least}" if most == math.inf else f"{least} to {most}"
        raise ValueError(f"{what} must be {bounds}, not {value}")
