"""A pool of agents: claims runs, has a handler work on them, and tells how that went."""

import logging
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from typing import Final, final
from uuid import uuid4

import trio

from chargehand.actors.errors import Code
from chargehand.web.agents.api import Api, new_key
from chargehand.web.agents.claims import Agent, Claim
from chargehand.web.agents.endings import Ending, ErrorRule, Release, fail_on_error
from chargehand.web.agents.errors import Refused, Unavailable
from chargehand.web.agents.handlers import Call, Handler, calls_of
from chargehand.web.agents.heartbeats import Heartbeats
from chargehand.web.agents.metrics import PoolMetrics
from chargehand.web.agents.reports import Report, Reports
from chargehand.web.agents.work import LAST_S, Outcome, Work

SIZE_MAX: Final = 10_000
AGAIN_S: Final = 1.0  # until it is tried again, where nobody answers
ENDED_AT_ONCE_MAX: Final = 32  # sessions
_NO_ID: Final = re.compile(r"[^A-Za-z0-9._:@-]+")
_STEM_CHARS_MAX: Final = 64
_DRAINED: Final = "its agent pool was drained"
_CANCELED: Final = "its agent pool was canceled"
_NEW_SESSION: Final = frozenset({Code.IDENTITY_STALE.code, Code.LEASE_ALREADY_HELD.code})

_log = logging.getLogger("chargehand.agents")


@final
class _Place:
    """One of the places for a run, with the session that works there."""

    def __init__(self, agent: Agent, call: Call, *, needs_session: bool) -> None:
        self.agent = agent
        self.call = call
        self.needs_session = needs_session  # to be registered before the next claim
        self.key = new_key()  # of the claim that is under way; the same until it is answered
        self.found_nothing = False  # when it claimed last


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
        size: how many runs at a time, 1 to 10,000; each is held by a session of its own.
        name: of the agents; profiles of tasks may ask for it.
        capabilities: what they can do.
        workspace: id, name or path of the workspace whose tasks they take; None: global tasks.
        channel: they take runs of this channel alone.
        priority_min: nothing less urgent: 10 is low, 20 medium, 30 high, 40 urgent.
        lease_seconds: after how much silence of the pool a run is given to others. Renewed three
            times as often, so that it also bounds how late a cancellation is heard of.
        drain_seconds: how long handlers may go on once the pool is drained.
        on_error: what becomes of a run whose handler raised an exception. By default it fails,
            unless the exception is a `Fail`, `Release` or `NeedsPerson`.

    Raises:
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
        drain_seconds: float = 30.0,
        on_error: ErrorRule = fail_on_error,
    ) -> None:
        if not 1 <= size <= SIZE_MAX:
            raise ValueError(f"size must be 1 to {SIZE_MAX}, not {size}")
        if lease_seconds < 1:
            raise ValueError(f"lease_seconds must be at least 1, not {lease_seconds}")
        Agent(name, _stem(name), workspace)  # what no header can hold is refused here
        self._api = api
        self._handler = handler
        self._size = size
        self._name = name
        self._workspace = workspace
        self._channel = channel
        self._capabilities = tuple(capabilities)
        self._priority_min = priority_min
        self._lease_seconds = lease_seconds
        self._drain_s = drain_seconds
        self._on_error = on_error
        self._heartbeats = Heartbeats(api, lease_seconds)
        self._reports = Reports(api)
        self._waiting = _room(api.waiting_max, size)
        self._active: set[Work] = set()
        self._claimed = 0
        self._ended = dict.fromkeys(Outcome, 0)
        self._ended_by_drain: set[trio.CancelScope] = set()
        self._sessions: list[str] = []  # that work here, or did
        self._seeking = 0  # places that look for a run, or work on one
        self._moved = trio.Event()
        self._stop_at_s: float | None = None  # when handlers must have ended; None: no drain
        self._wrong: Refused | None = None  # why there can be no more claims
        self._until_empty = False
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
        """Work until drained, or canceled; may be called once.

        Canceled, it cancels its handlers and gives their runs back, within 5 s.

        Args:
            until_empty: return as soon as there is nothing to claim and nothing at work.
            handle_signals: SIGTERM and SIGINT drain the pool, a second one at once. In the main
                thread only.

        Returns:
            What it has done.

        Raises:
            Refused: it can claim nothing, as its workspace, a capability or an access right is
                wrong. It was drained before.
        """
        self._until_empty = until_empty
        try:
            async with trio.open_nursery() as around:
                await around.start(self._heartbeats.run)
                if handle_signals:
                    await around.start(self._drain_on_signals)
                async with trio.open_nursery() as places:
                    for place in self._places():
                        places.start_soon(self._work, place)
                around.cancel_scope.cancel()
        finally:
            with _last_moments():
                await self._end_sessions()
        if self._wrong is not None:
            raise self._wrong
        return self.metrics

    def drain(self, seconds: float | None = None) -> None:
        """Claim nothing more, and have `run` return once the handlers have ended. Those that are at
        work after `seconds` (by default the pool's `drain_seconds`) are canceled, and their runs
        given back. May be called again, to wait less. From other threads:
        `trio.from_thread.run_sync(pool.drain)`.
        """
        at_s = trio.current_time() + (self._drain_s if seconds is None else seconds)
        if self._stop_at_s is None or at_s < self._stop_at_s:
            self._stop_at_s = at_s
        for scope in self._ended_by_drain:
            scope.cancel()
        for work in self._active:
            work.end_by(self._stop_at_s)
        self._tell_moved()

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

    def _places(self) -> Iterator[_Place]:
        make_call = calls_of(self._handler, self._size)
        stem = f"{_stem(self._name)}-{uuid4().hex[:12]}"
        needs_session = self._channel is not None  # others register themselves
        for number in range(1, self._size + 1):
            agent = Agent(self._name, f"{stem}-{number}", self._workspace)
            if not needs_session:
                self._sessions.append(agent.session)
            yield _Place(agent, make_call(), needs_session=needs_session)

    async def _drain_on_signals(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for caught in signals:
                _log.info("%s: draining", signal.Signals(caught).name)
                self.drain(0 if self._is_draining else None)

    # --- a place: claim, work, again ------------------------------------------------------------

    async def _work(self, place: _Place) -> None:
        while not self._is_draining:
            self._seeking += 1
            try:
                claim = await self._claim(place)
                if claim is not None:
                    await self._do(claim, place.call)
                    self._tell_moved()
            finally:
                self._seeking -= 1
            if place.found_nothing and self._until_empty and not self._is_draining:
                if self._seeking:
                    await self._moved.wait()
                else:
                    self.drain()

    async def _claim(self, place: _Place) -> Claim | None:
        """The next run; None where there was none, or none was to be had."""
        place.found_nothing = False
        with self._until_drained():
            try:
                if place.needs_session:
                    await self._register(place)
                async with self._waiting:
                    claim = await self._api.claim(
                        place.agent,
                        wait=not self._until_empty,
                        lease_seconds=self._lease_seconds,
                        capabilities=self._capabilities,
                        priority_min=self._priority_min,
                        key=place.key,
                    )
                self._is_back()
                place.key = new_key()
                place.found_nothing = claim is None
                return claim
            except Unavailable as error:
                await self._pause(error)
            except Refused as refused:
                self._take_refusal(place, refused)
        return None

    def _take_refusal(self, place: _Place, refused: Refused) -> None:
        """Go on in another session where that helps, else end the pool."""
        if refused.code in _NEW_SESSION:
            _log.warning("session %s works no more: %s", place.agent.session, refused)
            place.key = new_key()
            place.needs_session = True
            return
        if self._wrong is None:
            self._wrong = refused
        self.drain()

    async def _register(self, place: _Place) -> None:
        place.agent = await self._api.register_session(
            self._name,
            workspace=self._workspace,
            channel=self._channel,
            capabilities=self._capabilities,
        )
        place.needs_session = False
        self._sessions.append(place.agent.session)

    # --- one run --------------------------------------------------------------------------------

    async def _do(self, claim: Claim, call: Call) -> None:
        work = Work(claim)
        if self._stop_at_s is not None:
            work.end_by(self._stop_at_s)
        self._active.add(work)
        self._claimed += 1
        self._heartbeats.watch(work)
        try:
            await self._carry_out(work, call)
        finally:
            if work.telling.cancelled_caught:
                _log.error("nobody was told how run %s ended", claim.run_id)
            self._ended[work.outcome] += 1
            self._active.discard(work)
            self._heartbeats.forget(work)
        with self._until_drained():
            await call.wait_idle()

    async def _carry_out(self, work: Work, call: Call) -> None:
        claim = work.claim
        try:
            report = await self._handled(work, call)
        except BaseException:
            with _last_moments():
                await self._tell(work, partial(self._reports.ended, claim, Release(_CANCELED)))
            raise
        if claim.lost is not None:
            _log.warning("run %s was taken from its handler: %s", claim.run_id, claim.lost)
            return
        work.is_ending = True
        try:
            with work.telling:
                await self._tell(work, report)
        except trio.Cancelled:
            with _last_moments():
                await self._tell(work, report)
            raise

    async def _handled(self, work: Work, call: Call) -> Report:
        """Have the handler work; what is to be told of it."""
        claim = work.claim
        with work.scope:
            try:
                result = await call.result(claim)
            except Exception as error:
                if not work.scope.cancel_called:
                    return partial(self._reports.ended, claim, self._ruled(claim, error))
            else:
                return partial(self._reports.completed, claim, result)
        return partial(self._reports.ended, claim, Release(_DRAINED))

    def _ruled(self, claim: Claim, error: Exception) -> Ending:
        if not isinstance(error, Ending):
            _log.warning("the handler of run %s failed", claim.run_id, exc_info=error)
        try:
            return self._on_error(claim, error)
        except Exception as fault:
            _log.exception("the rule for errors failed on run %s", claim.run_id)
            return fail_on_error(claim, fault)

    async def _tell(self, work: Work, report: Report) -> None:
        """Tell how it ended until somebody answers."""
        run_id = work.claim.run_id
        while True:
            try:
                work.outcome = await report()
                self._is_back()
                return
            except Unavailable as error:
                await self._pause(error)
            except Refused as refused:
                work.claim.lost = str(refused)
                _log.warning("how run %s ended counts for nothing: %s", run_id, refused)
                return

    # --- around ---------------------------------------------------------------------------------

    def _tell_moved(self) -> None:
        """Something has ended, so that there may be more to claim; or nothing is claimed more."""
        self._moved.set()
        self._moved = trio.Event()

    async def _pause(self, error: Unavailable) -> None:
        if not self._says_away:
            self._says_away = True
            _log.warning("waiting for the scheduler: %s", error)
        await trio.sleep(max(AGAIN_S, min(error.retry_after_s or 0.0, 10 * AGAIN_S)))

    def _is_back(self) -> None:
        if self._says_away:
            self._says_away = False
            _log.info("the scheduler is back")

    async def _end_sessions(self) -> None:
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
            for session_id in self._sessions:
                nursery.start_soon(end, session_id)


def _last_moments() -> trio.CancelScope:
    return trio.CancelScope(deadline=trio.current_time() + LAST_S, shield=True)


def _room(waiting_max: int | None, size: int) -> AbstractAsyncContextManager[object]:
    """For claims that wait at a time."""
    if waiting_max is None or waiting_max >= size:
        return nullcontext()
    return trio.Semaphore(waiting_max)


def _stem(name: str) -> str:
    """What ids of sessions begin with."""
    return _NO_ID.sub("-", name)[:_STEM_CHARS_MAX].lstrip("._:@-") or "agent"
