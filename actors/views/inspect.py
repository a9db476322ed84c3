"""What is wrong with a run, and what to do next: pure functions of what is known now."""

from collections.abc import Callable, Set
from enum import Enum
from typing import Final, final

from chargehand.actors import actions, limits
from chargehand.actors.actions import Action
from chargehand.actors.frozen import frozen
from chargehand.actors.limits import NS
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task.eligibility import awaits_agent
from chargehand.actors.task.state import Run, RunStatus, TaskState
from chargehand.actors.views.diagnostics import Diagnostic, Hold, Trouble
from chargehand.actors.views.holds import Outside, awaits_review, holds, lost_blockers, wanted
from chargehand.actors.views.next_action import NextAction

RECENT_RUNS_MAX: Final = 5
RECENT_EVENTS_MAX: Final = 10


class SessionStanding(Enum):
    """What became of the session that a run is bound to."""

    ACTIVE = "active"
    STOPPED = "stopped"
    MISSING = "missing"  # never registered, or forgotten


@final
@frozen
class Around:
    """What is known besides the task.

    Args:
        steady_ns: now, on the scale by which leases end.
        age_of: how long ago a stored time is, in ns.
        bound_session: the session that the inspected run names, also if it has ended.
        stranded_after_s: how long a run nobody could claim may be queued, and one that no lease
            guards go untouched.
    """

    steady_ns: int
    age_of: Callable[[int], int]
    outside: Outside
    bound_session: SessionState | None
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
    in_order = sorted(task.runs, key=lambda run: (run.attempt, run.queue_order))
    return in_order[: -RECENT_RUNS_MAX - 1 : -1]


def heartbeat_age_s(run: Run, age_of: Callable[[int], int]) -> int | None:
    """Since the last sign of life; a claim is one."""
    at_ns = run.heartbeat_at_ns
    if at_ns is None and run.status is RunStatus.CLAIMED:
        at_ns = run.claimed_at_ns
    return None if at_ns is None else age_of(at_ns) // NS


def standing_of(session: SessionState | None) -> SessionStanding:
    if session is None:
        return SessionStanding.MISSING
    return SessionStanding.ACTIVE if session.is_active else SessionStanding.STOPPED


def inspect(task: TaskState, run: Run | None, around: Around) -> Inspection:
    """Look at a run of the task, or at the task if it has none."""
    held = holds(task, run, around.outside)
    notes = [note for note in (lost_blockers(task), awaits_review(task)) if note is not None]
    if run is None:
        ended = task.status.is_terminal
        action = NextAction.TERMINAL if ended else NextAction.WAITING_FOR_SESSION
        return Inspection((*notes, *held), action)
    looks = [look(task, run, around) for look in _RULES]
    troubles = [diagnostic for diagnostic in looks if diagnostic is not None]
    reasons = {diagnostic.about for diagnostic in held}
    if reasons == {Hold.NO_TAKER}:
        stranded = _stranded(task, run, around)
        if stranded is not None:
            troubles.append(stranded)
            held = []  # the same, and worse
    can_be_claimed = awaits_agent(task, run) and not reasons
    action = _next_action(run, {diagnostic.about for diagnostic in troubles}, can_be_claimed)
    return Inspection((*troubles, *notes, *held), action)


def _next_action(run: Run, troubles: Set[Trouble | Hold], can_be_claimed: bool) -> NextAction:
    if troubles - {Trouble.STRANDED}:
        return NextAction.RECOVERY_REQUIRED
    if run.status.is_terminal:
        return NextAction.TERMINAL
    if run.status.is_active:
        return NextAction.RUNNING
    if Trouble.STRANDED in troubles:
        return NextAction.STRANDED
    return NextAction.CLAIM_AVAILABLE if can_be_claimed else NextAction.WAITING_FOR_SESSION


# --- one rule for each trouble, in the order in which they are listed --------------------------


def _stuck(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    age_s = heartbeat_age_s(run, around.age_of)
    if run.status is not RunStatus.CLAIMED or age_s is None or age_s <= limits.STUCK_S:
        return None
    return Diagnostic(
        Trouble.STUCK,
        f"run {run.id} was claimed, and nothing was heard of it for {age_s} s",
        _freed(run),
        {"heartbeat_age_seconds": age_s, "threshold_seconds": limits.STUCK_S},
    )


def _stale_lease(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    end_ns = run.lease_end_ns
    if not run.status.is_active or end_ns is None or end_ns >= around.steady_ns:
        return None
    return Diagnostic(
        Trouble.STALE_LEASE,
        f"the lease on run {run.id} is over, and the run not yet free",
        _freed(run),
        {},
    )


def _without_lease(_: TaskState, run: Run, around: Around) -> Diagnostic | None:
    """Nothing will ever free it by itself, so somebody should know whether it is worked on."""
    since_ns = run.untouched_since_ns
    age_ns = 0 if since_ns is None else around.age_of(since_ns)
    if since_ns is None or age_ns < around.stranded_after_s * NS:
        return None
    holder_id = run.holder_session_id
    evidence: dict[str, str | int | bool] = {
        "untouched_seconds": age_ns // NS,
        "threshold_seconds": int(around.stranded_after_s),
    }
    holder = "" if holder_id is None else f", which session {holder_id} holds"
    if holder_id is not None:
        evidence["session_id"] = holder_id
    can_be_ended = any(session.id == holder_id for session in around.outside.sessions)
    return Diagnostic(
        Trouble.WITHOUT_LEASE,
        f"nobody has touched run {run.id}{holder}, for {age_ns // NS} s, and no lease will free it",
        actions.end_session(holder_id)
        if holder_id is not None and can_be_ended and run.status is not RunStatus.CLAIMED
        else _freed(run),
        evidence,
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
    error = {"last_error_summary": error_summary(run), "failure_kind": failure_kind(run)}
    evidence = {name: value for name, value in error.items() if value is not None}
    review = next((one for one in task.open_reviews if one.run_id == run.id), None)
    if review is not None:
        return Diagnostic(
            Trouble.CRASHED,
            f"run {run.id} has failed, and its review {review.id} waits for a verdict",
            actions.show_review(review.id),
            evidence | {"review_id": review.id},
        )
    return Diagnostic(
        Trouble.CRASHED,
        f"run {run.id} has failed, and no later run has taken its place",
        _anew(task, run),
        evidence,
    )


def _needs_attention(_: TaskState, run: Run, __: Around) -> Diagnostic | None:
    if run.status is not RunStatus.NEEDS_ATTENTION:
        return None
    return Diagnostic(
        Trouble.NEEDS_ATTENTION,
        f"run {run.id} was put aside: {run.error or 'nobody knows why'}",
        actions.recover_run(run.id),
        {},
    )


def _stranded(task: TaskState, run: Run, around: Around) -> Diagnostic | None:
    """Of a run that nobody can claim although nothing holds it back."""
    age_ns = around.age_of(run.queued_at_ns)
    if age_ns < around.stranded_after_s * NS:
        return None
    age_s = age_ns // NS
    who = wanted(task, run)
    asked = f": it waits for one {who}" if who else ""
    return Diagnostic(
        Trouble.STRANDED,
        f"run {run.id} has been queued for {age_s} s, and no registered session could claim it"
        f"{asked}",
        actions.list_sessions(),
        {
            "queued_age_seconds": age_s,
            "threshold_seconds": int(around.stranded_after_s),
            "eligible_session_count": 0,
            "scheduler_paused": False,
        },
    )


def _freed(run: Run) -> Action:
    """What takes a run from its holder."""
    if run.status is RunStatus.CLAIMED:
        return actions.force_release(run.id)
    return actions.cancel_run(run.id)


def _anew(task: TaskState, run: Run) -> Action:
    """What makes a new attempt possible, or is one."""
    if task.attempts_used >= task.max_attempts and task.max_attempts < limits.ATTEMPTS_MAX:
        return actions.raise_attempts(task.id, task.attempts_used + 1)
    return actions.retry_run(run.id)


_Rule = Callable[[TaskState, Run, Around], Diagnostic | None]
_RULES: tuple[_Rule, ...] = (
    _stuck,
    _stale_lease,
    _without_lease,
    _orphan,
    _crashed,
    _needs_attention,
)


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
