"""What the dashboard, inbox, lists and backlog must say, counted anew from whole tasks one by one.

Written from the rules, and on purpose with nothing of what the read models are made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

from chargehand.actors.identity import Actor
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    FailureKind,
    Run,
    RunStatus,
    TaskState,
    TaskStatus,
)
from chargehand.actors.views.catalog import TaskFilter
from chargehand.actors.views.choices import Lane, ListOrder
from chargehand.actors.views.dashboard import Dashboard
from chargehand.actors.views.groups import GroupFilter
from chargehand.actors.views.inbox import InboxFilter, InboxGroup
from chargehand.actors.views.items import InTasks
from chargehand.actors.views.reviews import ReviewFilter
from chargehand.actors.views.runs import RunFilter
from chargehand.actors.views.tally import Count

MINUTE = 60 * 10**9
STUCK_AFTER = {
    RunStatus.CLAIMED: 5 * MINUTE,
    RunStatus.STARTING: 5 * MINUTE,
    RunStatus.RUNNING: 30 * MINUTE,
}
ORDER = (RunStatus.RUNNING, RunStatus.STARTING, RunStatus.CLAIMED, RunStatus.QUEUED)
_OWNERS = {"human", "agent_session", "automation", "extension", "network_peer"}


def owned_as(which: Any, task: TaskState) -> bool:
    """The parts that all filters have."""
    owner = task.owner
    return (
        which.scope in (None, task.scope)
        and which.workspace_id in (None, task.workspace_id)
        and (which.owner_kind is None or (owner is not None and owner.kind is which.owner_kind))
        and (which.owner_ref is None or (owner is not None and owner.ref == which.owner_ref))
    )


def has_text(query: str | None, task: TaskState) -> bool:
    texts = (task.title, task.identifier or "", task.id)
    return query is None or any(query.casefold() in text.casefold() for text in texts)


# --- lists ------------------------------------------------------------------------------------


def listed(tasks: Sequence[TaskState], which: TaskFilter, order: ListOrder) -> list[str]:
    found = [
        task
        for task in tasks
        if owned_as(which, task)
        and which.status in (None, task.status)
        and (which.include_drafts or which.status is not None or not task.draft)
        and which.priority in (None, task.priority)
        and which.approval_state in (None, task.approval_state)
        and which.parent_task_id in (None, task.parent_task_id)
        and which.network_channel in (None, task.network_channel)
        and has_text(which.query, task)
    ]
    by_creation = order is ListOrder.CREATED

    def key(task: TaskState) -> Any:
        return (task.created_at_ns, task.id) if by_creation else task.latest_event_seq

    return [task.id for task in sorted(found, key=key, reverse=True)]


def runs_listed(tasks: Sequence[TaskState], which: RunFilter) -> list[str]:
    """Ids of runs in the order of their tasks' activity, of each task the latest first."""
    found = [task for task in tasks if placed_as(which.where, task)]
    return [
        run.id
        for task in sorted(found, key=lambda task: -task.latest_event_seq)
        for run in reversed(task.runs)
        if (not which.statuses or run.status in which.statuses)
        and which.failure_kind in (None, run.failure_kind)
        and (which.session_id is None or which.session_id in _workers(run))
        and (which.holders is None or not which.holders.isdisjoint(_workers(run)))
        and (which.since_ns is None or _changed_ns(run) >= which.since_ns)
        and (which.until_ns is None or _changed_ns(run) < which.until_ns)
    ]


def reviews_listed(tasks: Sequence[TaskState], which: ReviewFilter) -> list[str]:
    """The same of reviews, of each task the one that was asked for last first."""
    found = [task for task in tasks if placed_as(which.where, task)]
    return [
        review.id
        for task in sorted(found, key=lambda task: -task.latest_event_seq)
        for review in reversed(task.reviews)
        if not which.statuses or review.status in which.statuses
    ]


def placed_as(where: InTasks, task: TaskState) -> bool:
    return (
        where.task_id in (None, task.id)
        and where.scope in (None, task.scope)
        and where.workspace_id in (None, task.workspace_id)
    )


def _workers(run: Run) -> set[str | None]:
    return {run.session_id, None if run.claimed_by is None else run.claimed_by.ref}


def _changed_ns(run: Run) -> int:
    return run.ended_at_ns or run.started_at_ns or run.claimed_at_ns or run.queued_at_ns


def queue(tasks: Sequence[TaskState], is_paused: Callable[[str], bool], which: Any) -> list[str]:
    """Ids of runs in the order of the backlog."""
    found = [
        (-task.priority.weight, run.queue_order, run.id)
        for task in tasks
        if (run := task.open_run) is not None
        and run.status is RunStatus.QUEUED
        and which.scope in (None, task.scope)
        and which.workspace_id in (None, task.workspace_id)
        and (which.include_paused or not is_paused(task.id))
    ]
    return [run_id for _, _, run_id in sorted(found)]


# --- the dashboard ------------------------------------------------------------------------------


def numbers_of(board: Dashboard) -> dict[str, Any]:
    """All that a dashboard says."""
    return {
        "counts": {count.name: board.count(count) for count in Count},
        "claims": (board.claims.samples, board.claims.average_ns, board.claims.maximum_ns),
        "starts": (board.starts.samples, board.starts.average_ns, board.starts.maximum_ns),
        "queue": [(d.network_channel, d.count, d.oldest_queued_at_ns) for d in board.queue],
        "oldest": board.oldest_queued_at_ns,
        "stuck": board.stuck_runs,
        "orphans": board.orphans,
        "shown": [run.run_id for run in board.shown],
        "active": board.active_runs,
        "latest": board.latest_activity_ns,
    }


def recounted(
    tasks: Sequence[TaskState],
    which: GroupFilter,
    now_ns: int,
    is_live: Callable[[str], bool],
) -> dict[str, Any]:
    """The same, counted."""
    tasks = [
        task
        for task in tasks
        if owned_as(which, task)
        and which.network_channel in (None, task.network_channel)
        and which.origin_kind in (None, task.origin.kind)
    ]
    runs = [run for task in tasks for run in task.runs]
    queued = [run for run in runs if run.status is RunStatus.QUEUED]
    channels = sorted({run.network_channel or "" for run in queued})
    return {
        "counts": _counts(tasks, runs),
        "claims": _latency(_claims(runs)),
        "starts": _latency(_starts(runs)),
        "queue": [
            (
                channel or None,
                sum((run.network_channel or "") == channel for run in queued),
                min(r.queued_at_ns for r in queued if (r.network_channel or "") == channel),
            )
            for channel in channels
        ],
        "oldest": min((run.queued_at_ns for run in queued), default=None),
        "stuck": sum(
            run.is_neglected
            or (run.status in STUCK_AFTER and now_ns - _since(run) >= STUCK_AFTER[run.status])
            for run in runs
        ),
        "orphans": sum(
            run.status in (RunStatus.STARTING, RunStatus.RUNNING)
            and run.session_id is not None
            and not is_live(run.session_id)
            for run in runs
        ),
        "shown": [run.id for run in sorted(runs, key=_rank) if run.status in ORDER][:4],
        "active": sum(run.status in ORDER for run in runs),
        "latest": max((task.last_activity_at_ns for task in tasks), default=None),
    }


def _counts(tasks: Sequence[TaskState], runs: Sequence[Run]) -> dict[str, int]:
    blocked = [task for task in tasks if task.status is TaskStatus.BLOCKED]
    counts = {
        "TASKS": len(tasks),
        "RUNS": len(runs),
        "AWAITING_APPROVAL_TASKS": sum(
            task.approval_state is ApprovalState.PENDING for task in blocked
        ),
        "DEPENDENCY_BLOCKED_TASKS": sum(bool(task.dependencies) for task in blocked),
        "FORCED_RUNS": sum(run.failure_kind is FailureKind.OPERATOR_FORCED for run in runs),
        "CLAIMS": len(_claims(runs)),
        "CLAIM_NS": sum(_claims(runs)),
        "STARTS": len(_starts(runs)),
        "START_NS": sum(_starts(runs)),
    }
    for status in TaskStatus:
        counts[f"{status.name}_TASKS"] = sum(task.status is status for task in tasks)
    for run_status in RunStatus:
        counts[f"{run_status.name}_RUNS"] = sum(run.status is run_status for run in runs)
    return counts


def _claims(runs: Sequence[Run]) -> list[int]:
    return [r.claimed_at_ns - r.queued_at_ns for r in runs if r.claimed_at_ns is not None]


def _starts(runs: Sequence[Run]) -> list[int]:
    return [
        r.started_at_ns - (r.claimed_at_ns or r.queued_at_ns)
        for r in runs
        if r.started_at_ns is not None
    ]


def _latency(samples: Sequence[int]) -> tuple[int, int, int]:
    if not samples:
        return (0, 0, 0)
    return (len(samples), sum(samples) // len(samples), max(samples))


def _since(run: Run) -> int:
    if run.status is RunStatus.RUNNING:
        return run.started_at_ns or run.claimed_at_ns or run.queued_at_ns
    return run.claimed_at_ns or run.queued_at_ns


def _rank(run: Run) -> tuple[int, int, list[int]]:
    """By status, then latest activity, then the greater id first."""
    times = (run.queued_at_ns, run.claimed_at_ns or 0, run.started_at_ns or 0)
    status = ORDER.index(run.status) if run.status in ORDER else len(ORDER)
    return (status, -max(times), [-ord(character) for character in run.id])


# --- the inbox ----------------------------------------------------------------------------------


def shown_of(groups: Sequence[InboxGroup]) -> dict[str, tuple[int, int, list[str]]]:
    """Counts and ids of each lane."""
    return {
        group.lane.value: (group.count, group.unread_count, [task.id for task in group.tasks])
        for group in groups
    }


def inbox_recounted(
    tasks: Sequence[TaskState], actor: Actor, which: InboxFilter, limit: int
) -> dict[str, tuple[int, int, list[str]]]:
    lanes: dict[str, list[tuple[bool, int, str]]] = {lane.value: [] for lane in Lane}
    for task in tasks:
        if not owned_as(which, task) or not has_text(which.query, task):
            continue
        lane, read = _lane(task, actor)
        if lane is not None and not (which.unread and read):
            lanes[lane].append((read, -task.latest_event_seq, task.id))
    if which.lane is not None:
        lanes = {which.lane.value: lanes[which.lane.value]}
    return {
        lane: (
            len(found),
            sum(not read for read, _, _ in found),
            [task_id for _, _, task_id in sorted(found)][:limit],
        )
        for lane, found in lanes.items()
    }


def _lane(task: TaskState, actor: Actor) -> tuple[str | None, bool]:
    """The lane of a task, if it is in any, and whether it is read."""
    triage = next((each for each in task.triage if each.actor == actor), None)
    read = dismissed = False
    if triage is not None:
        if triage.archived:
            return "archived", True
        if task.latest_event_seq <= triage.last_seen_seq:
            read, dismissed = triage.read, triage.dismissed
    if dismissed:
        return None, read
    latest = max(task.runs, key=lambda run: (run.attempt, run.queue_order), default=None)
    blocked = task.status is TaskStatus.BLOCKED
    if (
        blocked
        and task.approval_policy is ApprovalPolicy.MANUAL
        and task.approval_state is ApprovalState.PENDING
    ):
        return "approvals", read
    if latest is not None and latest.status in (RunStatus.FAILED, RunStatus.NEEDS_ATTENTION):
        return "failed_runs", read
    if any(run.is_neglected for run in task.runs):
        return "failed_runs", read
    if blocked or (task.status is TaskStatus.READY and task.lost_blockers and not task.open_run):
        return "blocked", read
    return ("my_work" if _is_mine(task, actor) else None), read


def _is_mine(task: TaskState, actor: Actor) -> bool:
    if task.status.value in ("draft", "completed", "failed", "canceled"):
        return False
    owner = task.owner
    owns = (
        owner is not None
        and owner.kind.value in _OWNERS
        and (owner.kind.value, owner.ref) == (actor.kind.value, actor.ref)
    )
    return owns or any(run.status in ORDER and run.claimed_by == actor for run in task.runs)
