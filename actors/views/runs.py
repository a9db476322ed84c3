"""Runs over all tasks: those of the tasks that were active last first, each task's latest first."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, final

from chargehand.actors import limits
from chargehand.actors.errors import Rejected
from chargehand.actors.frozen import frozen
from chargehand.actors.identity import ActorKind
from chargehand.actors.limits import NS
from chargehand.actors.task.choices import TERMINAL_RUN
from chargehand.actors.task.ended import ended_count, run_marks
from chargehand.actors.task.state import FailureKind, Run, RunStatus, TaskState
from chargehand.actors.views import facets
from chargehand.actors.views.groups import since_ns
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.stretches import Stretch

ACTIVE_RUN: Final = frozenset(status for status in RunStatus if status.is_active)
"""Somebody works on it: claimed, starting, running."""

_ALL: Final = frozenset(RunStatus)
_HELD: Final = ACTIVE_RUN | TERMINAL_RUN  # those that can have somebody who works or worked on them


def changed_at_ns(run: Run) -> int:
    """When a run came into its status: it has ended, else was started, claimed or queued."""
    ended_at_ns = run.ended_at_ns if run.status.is_terminal else None
    return since_ns(run) if ended_at_ns is None else ended_at_ns


@final
@frozen
class RunFilter:
    """All that is set must match.

    Args:
        where: of the task.
        statuses: one of these; none: any.
        session_id: the session that a run is or was bound to, or that has claimed it.
        holders: one of these is that session, or the reference of the actor that has claimed it.
        since_ns, until_ns: when it came into its status, see `changed_at_ns`: from the one on, and
            before the other.
    """

    where: InTasks = InTasks()
    statuses: frozenset[RunStatus] = frozenset()
    session_id: str | None = None
    holders: frozenset[str] | None = None
    failure_kind: FailureKind | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    def matches(self, run: Run) -> bool:
        """Whether this run is wanted, if its task is."""
        at_ns = changed_at_ns(run)
        return (
            (not self.statuses or run.status in self.statuses)
            and (self.session_id is None or _is_of_session(run, self.session_id))
            and (self.holders is None or _is_held(run, self.holders))
            and (self.failure_kind is None or run.failure_kind is self.failure_kind)
            and (self.since_ns is None or at_ns >= self.since_ns)
            and (self.until_ns is None or at_ns < self.until_ns)
        )

    @property
    def possible(self) -> frozenset[RunStatus]:
        """The statuses that a run that matches can have."""
        possible = self.statuses or _ALL
        if self.session_id is not None or self.holders is not None:
            possible &= _HELD
        return possible if self.failure_kind is None else possible & {RunStatus.FAILED}


def _is_of_session(run: Run, session_id: str) -> bool:
    by = run.claimed_by
    return run.session_id == session_id or (
        by is not None and by.kind is ActorKind.AGENT_SESSION and by.ref == session_id
    )


def _is_held(run: Run, holders: frozenset[str]) -> bool:
    by = run.claimed_by
    return run.session_id in holders or (by is not None and by.ref in holders)


@final
class RunSearch:
    """Args: read: the whole task. Raises Rejected where it is set aside: of such a task the open
    run alone is known."""

    def __init__(self, which: RunFilter, read: Callable[[str], TaskState]) -> None:
        self.where = which.where
        self._wanted = which.where.wanted
        self._which = which
        self._read = read
        possible = which.possible
        self._ended = possible & TERMINAL_RUN
        self._facets = [facets.facet(status) for status in possible]
        self._since_ns = which.since_ns
        if self._since_ns is not None:
            self._since_ns -= limits.WALL_BACK_S_MAX * NS

    def select(self, stretch: Stretch) -> int:
        found = stretch.select(self._wanted)
        if not found or (self._since_ns is not None and stretch.latest_ns < self._since_ns):
            return 0
        if self._which.failure_kind is not None:
            found &= stretch.having(facets.facet(self._which.failure_kind))
        possible = 0
        for facet in self._facets:
            possible |= stretch.having(facet)
        return found & possible

    def found_in(self, state: TaskState) -> Sequence[tuple[int, Run]]:
        if self._since_ns is not None and state.last_activity_at_ns < self._since_ns:
            return ()
        if state.ended and not self._ended.isdisjoint(run_marks(state)):
            with suppress(Rejected):
                state = self._read(state.id)
        first = ended_count(state)
        places = range(len(state.runs) - 1, -1, -1)
        matches = self._which.matches
        return [(first + at, state.runs[at]) for at in places if matches(state.runs[at])]
