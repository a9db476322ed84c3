"""Drains under way: each waits until no claim is active, its time is up, or a resume ends it."""

from typing import final

from attrs import define

from chargehand.actors.deadlines import Deadlines
from chargehand.actors.identity import Caller
from chargehand.actors.mailbox import Reply
from chargehand.actors.scheduler.commands import DrainOutcome, DrainUnderWay


@final
@define(eq=False)
class Drain:
    """Goes on whether or not its caller still waits.

    Args:
        started_at_ns: of the wall, to be shown.
        until_ns: when its time is up, by `Clock.elapsed_ns`: its caller waits no longer.
        ends_at_ns: the same of the wall, to be shown.
        claims_at_start: how many claims were active when it was asked for.
        repeats: it was sent again; its caller is answered, and nothing is written of it.
    """

    caller: Caller
    reply: Reply[DrainOutcome]
    started_at_ns: int
    until_ns: int
    ends_at_ns: int
    claims_at_start: int
    repeats: bool = False

    def shown(self) -> DrainUnderWay:
        return DrainUnderWay(self.started_at_ns, self.ends_at_ns, self.claims_at_start)


@final
class Drains:
    """Those whose beginning is on disk."""

    def __init__(self) -> None:
        self._open: Deadlines[Drain] = Deadlines()
        self._last: Drain | None = None  # may be over

    def __len__(self) -> int:
        return len(self._open)

    def open(self, drain: Drain) -> None:
        self._open.set(drain, drain.until_ns)
        last = self.last
        if last is None or drain.until_ns > last.until_ns:
            self._last = drain

    @property
    def last(self) -> Drain | None:
        """The one whose time is up last; None without any."""
        if self._last is not None and self._last not in self._open:
            # Its time is not up before that of the others, but a resume ends the earlier ones.
            self._last = max(self._open.keys(), key=lambda one: one.until_ns, default=None)
        return self._last

    def take_all(self) -> list[Drain]:
        """All that are under way; they are no longer."""
        drains = self._open.keys()
        for drain in drains:
            self._open.discard(drain)
        return drains

    def take(self, drains: list[Drain]) -> list[Drain]:
        """Those of `drains` that are still under way; they are no longer."""
        return [drain for drain in drains if self._open.discard(drain)]

    def under_way(self) -> list[Drain]:
        return self._open.keys()

    def take_late(self, now_ns: int) -> list[Drain]:
        """Those whose time is up; they are no longer under way."""
        return self._open.pop_due(now_ns)

    def next_at_ns(self) -> int | None:
        return self._open.next_at_ns()
