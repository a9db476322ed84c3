"""A pool of agents: claims runs, has a handler work on them, and tells how that went."""

import logging
import math
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, final

import trio

from chargehand.actors.errors import Code
from chargehand.actors.limits import BATCH_RUNS_MAX, LEASE_S_MAX
from chargehand.actors.task.choices import Priority
from chargehand.web.agents.api import Api
from chargehand.web.agents.asking import new_key
from chargehand.web.agents.claims import Claim
from chargehand.web.agents.endings import (
    Ending,
    ErrorRule,
    Fail,
    Release,
    error_text,
    fail_on_error,
    is_of_handler,
)
from chargehand.web.agents.errors import Refused, Unavailable
from chargehand.web.agents.given import several
from chargehand.web.agents.handlers import Call, Handler, calls_of
from chargehand.web.agents.heartbeats import Heartbeats
from chargehand.web.agents.metrics import PoolMetrics
from chargehand.web.agents.reports import Report, Reports
from chargehand.web.agents.sessions import PoolSession, Sessions
from chargehand.web.agents.work import LAST_S, Outcome, Work

SIZE_MAX: Final = 1000
AGAIN_S: Final = 1.0  # until it is tried again, where nobody answers
_DRAINED: Final = "its agent pool was drained"
_CANCELED: Final = "its agent pool was canceled"

_BY_STATUS: Final = {"completed": Outcome.COMPLETED, "failed": Outcome.FAILED}

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
        self._drain_s = drain_seconds
        self._on_error = on_error
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
        self._patience = trio.CancelScope()  # with handlers; its deadline is set by a drain
        self._ended_by_drain: set[trio.CancelScope] = set()
        self._moved = trio.Event()  # there may be something to claim, or nothing more
        self._stop_at_s: float | None = None  # when handlers must have ended; None: no drain
        self._wrong: Refused | None = None  # why there can be no more claims
        self._until_empty = False
        self._is_exhausted = False  # the queue, since a run has ended the last time
        self._says_away = False  # the scheduler, and it was said

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
                    await around.start(self._drain_on_signals)
                async with trio.open_nursery() as runs:
                    await self._keep_claiming(runs)
                around.cancel_scope.cancel()
        finally:
            with _last_moments():
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
        at_s = trio.current_time() + (self._drain_s if seconds is None else seconds)
        if self._stop_at_s is None or at_s < self._stop_at_s:
            self._stop_at_s = at_s
            self._patience.deadline = at_s
        for scope in self._ended_by_drain:
            scope.cancel()
        for work in self._active:
            work.tell_by(self._stop_at_s)
        self._moved.set()

    async def _stop_late(self) -> None:
        """Once the time of a drain is over, have the handlers stop that are still at work."""
        with self._patience:
            await trio.sleep_forever()
        for work in self._active:
            work.stop(_DRAINED)

    @property
    def _is_draining(self) -> bool:
        return self._stop_at_s is not None

    @contextmanager
    def _until_drained(self) -> Iterator[None]:
        """What is within is canceled by a drain."""
        with trio.CancelScope() as scope:
            self._ended_by_drain.add(scope)
            if self._is_draining:
                scope.cancel()
            try:
                yield
            finally:
                self._ended_by_drain.discard(scope)

    async def _drain_on_signals(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for caught in signals:
                _log.info("%s: draining", signal.Signals(caught).name)
                self.drain(0 if self._is_draining else None)

    # --- claims ---------------------------------------------------------------------------------

    async def _keep_claiming(self, runs: trio.Nursery) -> None:
        """Have a run claimed for each free place, until the pool is drained."""
        while not self._is_draining:
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
            with self._until_drained():
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
            if len(claims) > 1:  # in step with the others, so that equal work is told together
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
                await self._pause(error)
            else:
                self._is_back()
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
        if self._stop_at_s is not None:
            work.tell_by(self._stop_at_s)
            if self._stop_at_s <= trio.current_time():
                work.stop(_DRAINED)
        self._active.add(work)
        self._claimed += 1
        self._heartbeats.watch(work)
        try:
            await self._carry_out(work, session.reports, call)
        finally:
            if work.telling.cancelled_caught:
                _log.error("nobody was told how run %s ended", claim.run_id)
            self._ended[work.outcome] += 1
            self._active.discard(work)
            self._heartbeats.forget(work)
            self._sessions.let_go(session)
        with self._until_drained():
            await call.wait_idle()
        self._free.append(call)
        self._is_exhausted = False
        self._moved.set()

    async def _carry_out(self, work: Work, reports: Reports, call: Call) -> None:
        claim = work.claim
        try:
            report = await self._handled(work, reports, call)
        except BaseException:
            with _last_moments():
                await self._tell(work, partial(reports.ended, claim, Release(_CANCELED)))
            raise
        if work.is_lost:
            with work.telling:
                await self._settle_lost(work)
            return
        work.is_ending = True
        try:
            with work.telling:
                await self._tell(work, report)
        except trio.Cancelled:
            with _last_moments():
                await self._tell(work, report)
            raise

    async def _handled(self, work: Work, reports: Reports, call: Call) -> Report:
        """Have the handler work; what is to be told of it."""
        claim = work.claim
        try:
            with work.scope:
                return partial(reports.completed, claim, await self._result(work, call))
        except BaseException as error:  # around the scope, which takes its own cancellation out
            if not is_of_handler(error):
                raise
            if not work.scope.cancel_called:
                return partial(reports.ended, claim, self._ruled(claim, error))
            _log.warning("the handler of run %s failed as it ended", claim.run_id, exc_info=error)
        return partial(reports.ended, claim, Release(_DRAINED))

    async def _result(self, work: Work, call: Call) -> object:
        try:
            return await call.result(work.claim)
        except trio.Cancelled:
            work.claim.lost = work.claim.lost or _CANCELED  # for a thread, which goes on
            raise

    def _ruled(self, claim: Claim, error: BaseException) -> Ending:
        if not isinstance(error, Ending):
            _log.warning("the handler of run %s failed", claim.run_id, exc_info=error)
        if not isinstance(error, Exception):  # it exits: for rules that is a failure like others
            error = Fail(error_text(error), {"exception": type(error).__qualname__})
        try:
            ending: object = self._on_error(claim, error)
        except Exception as fault:
            _log.exception("the rule for errors failed on run %s", claim.run_id)
            return fail_on_error(claim, fault)
        if isinstance(ending, Ending):
            return ending
        _log.error("the rule for errors returned no Ending for run %s: %r", claim.run_id, ending)
        return Fail(f"on_error returned {ending!r} and no Ending, for {error_text(error)}")

    async def _tell(self, work: Work, report: Report) -> None:
        """Tell how it ended until somebody answers."""
        while True:
            try:
                work.outcome = await report()
                self._is_back()
                return
            except Unavailable as error:
                await self._pause(error)
            except Refused as refused:
                work.claim.lost = str(refused)
                await self._settle_lost(work)
                return

    async def _settle_lost(self, work: Work) -> None:
        """Of what the handler has ended itself, as the same agent, that counts."""
        claim = work.claim
        try:
            run = await self._api.run(claim.run_id)
        except (Refused, Unavailable) as error:
            _log.debug("what became of run %s is not known: %s", claim.run_id, error)
        else:
            is_ours = run.data.get("claim_token_hash") == claim.token
            if is_ours and run.data.get("failure_kind") is None:
                work.outcome = _BY_STATUS.get(run.status, Outcome.LOST)
        if work.outcome is Outcome.LOST:
            _log.warning("run %s was lost: %s", claim.run_id, claim.lost)
        else:
            _log.info("run %s was ended by its handler: %s", claim.run_id, run.status)

    # --- around ---------------------------------------------------------------------------------

    async def _pause(self, error: Unavailable) -> None:
        if not self._says_away:
            self._says_away = True
            _log.warning("waiting for the scheduler: %s", error)
        await trio.sleep(max(AGAIN_S, min(error.retry_after_s or 0.0, 10 * AGAIN_S)))

    def _is_back(self) -> None:
        if self._says_away:
            self._says_away = False
            _log.info("the scheduler is back")


def _last_moments() -> trio.CancelScope:
    return trio.CancelScope(deadline=trio.current_time() + LAST_S, shield=True)


def _check(what: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        bounds = f"at least {least}" if most == math.inf else f"{least} to {most}"
        raise ValueError(f"{what} must be {bounds}, not {value}")
