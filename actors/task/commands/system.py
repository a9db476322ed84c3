"""A run, by the system itself: picks, timers, restarts."""

from typing import final

from chargehand.actors.frozen import frozen


@final
@frozen
class ExpireLease:
    """The time of the lease may be up; the task looks at its own clock."""

    run_id: str


@final
@frozen
class ExtendLease:
    """After a restart: give the lease at least until `not_before_ns`, on the steady scale."""

    run_id: str
    not_before_ns: int


@final
@frozen
class ReleaseOfEndedSession:
    run_id: str
    session_id: str
    reason: str


@final
@frozen
class NoteNeglect:
    """The scheduler found that nobody has touched a run without a lease since `since_ns`."""

    run_id: str
    since_ns: int


@final
@frozen
class NoteStarvation:
    """The scheduler found that no registered session could claim the queued run."""

    run_id: str
