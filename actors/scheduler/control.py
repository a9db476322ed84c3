"""Pause, resume and drain of the scheduler, as operators ask for them.

Each is a record of the scheduler's own. What follows from it is done as a later message, behind the
records that were committed before.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from chargehand.actors import limits
from chargehand.actors.clock import Clock
from chargehand.actors.errors import Rejected
from chargehand.actors.graph.graph import Graph
from chargehand.actors.identity import Caller
from chargehand.actors.limits import NS
from chargehand.actors.mailbox import Reply
from chargehand.actors.record import Entry, Settlement
from chargehand.actors.scheduler.commands import DrainOutcome, SchedulerStatus
from chargehand.actors.scheduler.dispatch import Dispatch
from chargehand.actors.scheduler.drains import Drain, Drains
from chargehand.actors.scheduler.switch import Switch


@final
class Control:
    """Args:
    drain_s: how long a drain waits that names no time.
    later: has something run as a later message of the scheduler's.
    changed: called when a drain begins or ends of which nothing is written.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        graph: Graph,
        switch: Switch,
        dispatch: Dispatch,
        drain_s: float,
        later: Callable[[Callable[[], None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._graph = graph
        self._switch = switch
        self._dispatch = dispatch
        self._drain_s = drain_s
        self._later = later
        self._changed = changed
        self.drains = Drains()

    def status(self) -> SchedulerStatus:
        board = self._dispatch.board
        last = self.drains.last
        return SchedulerStatus(
            pause=self._switch.pause_state,
            active_claim_count=self._dispatch.active_claims,
            queued_run_count=board.queued_count,
            paused_task_count=self._graph.paused_count,
            starved_run_count=len(board.starved),
            needs_attention_run_count=board.attention_count,
            as_of_ns=self._clock.now_ns(),
            drain=None if last is None else last.shown(),
        )

    def pause(self, reason: str | None, caller: Caller, reply: Reply[SchedulerStatus]) -> None:
        def paused() -> None:
            reply.settle(self.status())

        if self._switch.earlier(caller) is not None:
            self._when_durable(paused, reply.fail)
        else:
            self._follow(self._switch.pause(reason, caller), paused, reply.fail)

    def resume(self, caller: Caller, reply: Reply[SchedulerStatus]) -> None:
        if self._switch.earlier(caller) is not None:
            self._when_durable(lambda: reply.settle(self.status()), reply.fail)
            return
        ended_by_it = self.drains.under_way()  # not one that begins after this
        entry = self._switch.resume(caller)

        def resumed() -> None:
            for drain in self.drains.take(ended_by_it):
                self._answer_unfinished(drain)
            self._dispatch.resumed()
            reply.settle(self.status())

        self._follow(entry, resumed, reply.fail)

    def drain(
        self, reason: str | None, timeout_s: int | None, caller: Caller, reply: Reply[DrainOutcome]
    ) -> None:
        now_ns = self._clock.now_ns()
        wait_ns = int((self._drain_s if timeout_s is None else timeout_s) * NS)
        drain = Drain(
            caller,
            reply,
            started_at_ns=now_ns,
            until_ns=self._clock.elapsed_ns() + wait_ns,
            ends_at_ns=min(now_ns + wait_ns, limits.TIME_NS_MAX),
            claims_at_start=self._dispatch.active_claims,
        )
        earlier = self._switch.earlier(caller)
        if earlier is not None:
            drain.started_at_ns, drain.repeats = earlier.at_ns, True
            self._when_durable(lambda: self._begin_drain(drain), drain.reply.fail)
            return
        entry = self._switch.start_drain(reason, caller, drain.claims_at_start)
        self._follow(entry, lambda: self._begin_drain(drain), reply.fail)

    def _begin_drain(self, drain: Drain) -> None:
        if self._dispatch.is_ending or not self._switch.is_paused:
            self._answer_unfinished(drain)  # a stop or a resume came between
        elif drain.until_ns <= self._clock.elapsed_ns():
            self._end_drains([drain])
        else:
            self.drains.open(drain)
            if drain.repeats:
                self._changed()

    def _end_drains(self, drains: Sequence[Drain]) -> None:
        """No claim is active any more, or the time of these is up."""
        remaining = self._dispatch.active_claims
        for drain in drains:
            if drain.repeats:
                self._changed()
                self._answer_drain(drain, remaining, remaining > 0)
                continue
            try:
                entry = self._switch.end_drain(drain.caller, remaining, remaining > 0)
            except Rejected as refusal:
                drain.reply.fail(refusal)
                continue
            answer = partial(self._answer_drain, drain, remaining, remaining > 0)
            self._follow(entry, answer, drain.reply.fail)

    def _answer_unfinished(self, drain: Drain) -> None:
        """Something else than its own end has ended it."""
        self._answer_drain(drain, self._dispatch.active_claims, timed_out=False, completed=False)

    def _answer_drain(
        self, drain: Drain, remaining: int, timed_out: bool, completed: bool | None = None
    ) -> None:
        drain.reply.settle(
            DrainOutcome(
                status=self.status(),
                completed=not timed_out if completed is None else completed,
                timed_out=timed_out,
                remaining_claims=remaining,
                started_at_ns=drain.started_at_ns,
                completed_at_ns=self._clock.now_ns(),
                at_work=self._dispatch.board.active_tasks(limits.DRAIN_RUNS_MAX),
            )
        )

    def _follow(
        self, entry: Entry, then: Callable[[], None], fail: Callable[[Exception], None]
    ) -> None:
        """Once a record of the scheduler's own is on disk, do `then` behind what it brought."""
        entry.settlements.append(Settlement(lambda: self._later(then), fail))

    def _when_durable(self, then: Callable[[], None], fail: Callable[[Exception], None]) -> None:
        """The same, of a request that was done before: once all is on disk that was appended."""
        self._switch.when_durable(Settlement(lambda: self._later(then), fail))

    def end_finished(self) -> None:
        """End the drains, if no claim is active any more."""
        if self.drains and not self._dispatch.active_claims:
            self._end_drains(self.drains.take_all())

    def end_late(self) -> None:
        """End the drains whose time is up."""
        self._end_drains(self.drains.take_late(self._clock.elapsed_ns()))

    def end_all(self) -> None:
        """Answer everyone who waits for a drain, unfinished as it is."""
        for drain in self.drains.take_all():
            self._answer_unfinished(drain)
