"""What is the matter with a run, and what to do next: pure functions of what is known now."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, final

from attrs import frozen

from actors import limits, suggestions
from actors.errors import Severity
from actors.limits import NS
from actors.registry.state import SessionState
from actors.scheduler.starvation import has_taker
from actors.suggestions import Suggestion
from actors.task.eligibility import awaits_agent, claimable_run
from actors.task.state import Run, RunStatus, TaskState

RECENT_RUNS_MAX: Final = 5
RECENT_EVENTS_MAX: Final = 10


class Trouble(Enum):
    """What can be the matter: (code, severity, title)."""

    STUCK = ("task_run_stuck", Severity.WARN, "Run is stuck")
    STALE_LEASE = ("task_run_stale_lease", Severity.ERROR, "Lease has run out")
    ORPHAN = ("task_run_orphan", Severity.ERROR, "Session of the run is gone")
    CRASHED = ("task_run_crashed", Severity.ERROR, "Run has failed")
    STRANDED = ("task_run_stranded", Severity.WARN, "Nobody can claim the run")

    def __init__(self, code: str, severity: Severity, title: str) -> None:
        self.code = code
        self.severity = severity
        self.title = title


class NextAction(Enum):
    RECOVERY_REQUIRED = "recovery_required"  # somebody has to step in
    STRANDED = "stranded"  # a session that may claim it has to come
    CLAIM_AVAILABLE = "claim_available"
    WAITING_FOR_SESSION = "waiting_for_session"  # also for what holds it back meanwhile
    RUNNING = "running"
    TERMINAL = "terminal"


class SessionStanding(Enum):
    """What became of the session that a run is bound to."""

    ACTIVE = "active"
    STOPPED = "stopped"
    MISSING = "missing"  # never registered, or forgotten


@final
@frozen
class Diagnostic:
    """A trouble of one run; `evidence` is what this trouble adds to the facts of the run."""

    trouble: Trouble
    message: str
    command: Suggestion
    evidence: Mapping[str, str | int | bool]


@final
@frozen
class Around:
    """What is known besides the task.

    Args:
        task_paused: the task, or one above it.
        bound_session: the session that the inspected run names, also if it has ended.
        sessions: all that are registered and active.
        stranded_after_s: how long a run nobody could claim may be queued.
    """

    now_ns: int
    scheduler_paused: bool
    task_paused: bool
    bound_session: SessionState | None
    sessions: Sequence[SessionState]
    stranded_after_s: float


@final
@frozen
class Inspection:
    """Of one run, or of a task without any."""

    diagnostics: tuple[Diagnostic, ...]
    next_action: NextAction


def current_run(task: TaskState) -> Run | None:
    """The run to look at: the open one, else the latest."""
    return task.open_run or (task.runs[-1] if task.runs else None)


def recent_runs(task: TaskState) -> list[Run]:
    """The latest few, by attempt, descending."""
    in_order = sorted(task.runs, key=lambda run: (run.attempt, run.queued_at_ns, run.id))
    return in_order[: -RECENT_RUNS_MAX - 1 : -1]


def heartbeat_age_s(run: Run, now_ns: int) -> int | None:
    """Since the last sign of life; a claim is one."""
    at_ns = run.heartbeat_at_ns
    if at_ns is None and run.status is RunStatus.CLAIMED:
        at_ns = run.claimed_at_ns
    return None if at_ns is None or at_ns > now_ns else (now_ns - at_ns) // NS


def standing_of(session: SessionState | None) -> SessionStanding:
    if session is None:
        return SessionStanding.MISSING
    return SessionStanding.ACTIVE if session.is_active else SessionStanding.STOPPED


def inspect(task: TaskState, run: Run | None, around: Around) -> Inspection:
    """Look at a run of the task, or at the task if it has none."""
    if run is None:
        ended = task.status.is_terminal
        action = NextAction.TERMINAL if ended else NextAction.WAITING_FOR_SESSION
        return Inspection((), action)
    is_held = around.scheduler_paused or around.task_paused
    awaits_claim = awaits_agent(task, run) and not is_held
    can_be_claimed = awaits_claim and has_taker(claimable_run(task, run), around.sessions)
    looks = [look(task, run, around) for look in _RULES]
    if awaits_claim and not can_be_claimed:
        looks.append(_stranded(run, around))
    found = [diagnostic for diagnostic in looks if diagnostic is not None]
    return Inspection(tuple(found), _next_action(run, found, can_be_claimed))


def _next_action(run: Run, found: Sequence[Diagnostic], can_be_claimed: bool) -> NextAction:
    troubles = {diagnostic.trouble for diagnostic in found}
    if troubles - {Trouble.STRANDED} or run.status is RunStatus.NEEDS_ATTENTION:
        return NextAction.RECOVERY_REQUIRED
    if run.status.is_terminal:
        return NextAction.TERMINAL
    if run.status.is_active:
        return NextAction.RUNNING
    if Trouble.STRANDED in troubles:
        return NextAction.STRANDED
    return NextAction.CLAIM_AVAILABLE if can_be_claimed else NextAction.WAITING_FOR_SESSION


# --- one rule for each trouble, in the order in which they are told ----------------------------


def _stuck(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    age_s = heartbeat_age_s(run, around.now_ns)
    if run.status is not RunStatus.CLAIMED or age_s is None or age_s <= limits.STUCK_S:
        return None
    return Diagnostic(
        Trouble.STUCK,
        f"run {run.id} was claimed, and nothing was heard of it for {age_s} s",
        _freed(run),
        {"heartbeat_age_seconds": age_s, "threshold_seconds": limits.STUCK_S},
    )


def _stale_lease(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    until_ns = run.lease_until_ns
    if not run.status.is_active or until_ns is None or until_ns >= around.now_ns:
        return None
    return Diagnostic(
        Trouble.STALE_LEASE,
        f"the lease on run {run.id} is over, and the run not yet free",
        _freed(run),
        {},
    )


def _orphan(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    """A run that has ended is no orphan, nor is one that an operator works on without a session."""
    standing = standing_of(around.bound_session)
    if not run.status.is_active or run.session_id is None or standing is SessionStanding.ACTIVE:
        return None
    return Diagnostic(
        Trouble.ORPHAN,
        f"run {run.id} is bound to session {run.session_id}, which is {standing.value}",
        _freed(run),
        {"session_id": run.session_id, "session_state": standing.value},
    )


def _crashed(task: TaskState, run: Run, _: Around) -> Diagnostic | None:
    """A canceled task is canceled for good: nobody has to try it again."""
    if run.status is not RunStatus.FAILED or task.canceled:
        return None
    if any(
        other.attempt > run.attempt and other.status is not RunStatus.CANCELED
        for other in task.runs
    ):
        return None
    told = {"last_error_summary": error_summary(run), "failure_kind": failure_kind(run)}
    return Diagnostic(
        Trouble.CRASHED,
        f"run {run.id} has failed, and no later run has taken its place",
        suggestions.retry_run(run.id),
        {name: value for name, value in told.items() if value is not None},
    )


def _stranded(run: Run, around: Around) -> Diagnostic | None:
    """Of a run that nobody can claim although nothing holds it back."""
    age_ns = around.now_ns - run.queued_at_ns
    if age_ns < around.stranded_after_s * NS:
        return None
    age_s = age_ns // NS
    return Diagnostic(
        Trouble.STRANDED,
        f"run {run.id} has been queued for {age_s} s, and no registered session could claim it",
        suggestions.list_sessions(),
        {
            "queued_age_seconds": age_s,
            "threshold_seconds": int(around.stranded_after_s),
            "eligible_session_count": 0,
            "scheduler_paused": False,
        },
    )


def _freed(run: Run) -> Suggestion:
    """What takes a run from its holder; one that was started cannot go back into the queue."""
    if run.status is RunStatus.CLAIMED:
        return suggestions.force_release(run.id)
    return suggestions.cancel_run(run.id)


_Rule = Callable[[TaskState, Run, Around], Diagnostic | None]
_RULES: tuple[_Rule, ...] = (_stuck, _stale_lease, _orphan, _crashed)


# --- a run in a few words ----------------------------------------------------------------------


def failure_kind(run: Run) -> str | None:
    """`error` where it failed by itself."""
    if run.failure_kind is not None:
        return str(run.failure_kind.value)
    return "error" if run.status is RunStatus.FAILED and run.error else None


def error_summary(run: Run) -> str | None:
    return None if run.error is None else shortened(run.error) or None


def shortened(text: str) -> str:
    """The beginning of a text; no character is cut in two."""
    head = text.strip().encode()[: limits.SUMMARY_BYTES_MAX]
    return head.decode(errors="ignore").strip()
