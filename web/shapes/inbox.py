"""What waits for the caller, in lanes."""

from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import define, field

from chargehand.actors import identity
from chargehand.actors.task import state
from chargehand.actors.task.state import ApprovalPolicy, ApprovalState, TaskState
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.inbox import InboxGroup, blocking_reason, marks_of
from chargehand.web.shapes.encoding import (
    Encoded,
    Shape,
    optional_time,
    required_time,
    rfc3339,
)
from chargehand.web.shapes.principals import actor_of
from chargehand.web.shapes.profiles import Triage
from chargehand.web.shapes.references import Lookup, TaskReference, pausing_task, reference_of
from chargehand.web.shapes.rows import KeptRows, stands_alone
from chargehand.web.shapes.runs import RunSummary


@final
@define(eq=False)
class InboxItem(Shape):
    task: TaskReference
    lane: Lane
    latest_activity_at: str
    triage: Triage
    approval_policy: ApprovalPolicy | None = None
    approval_state: ApprovalState | None = None
    blocking_reason: str | None = None
    run: RunSummary | None = None


@final
@define(eq=False)
class LaneGroup(Shape):
    lane: Lane
    count: int
    unread_count: int
    items: list[InboxItem | Encoded] = field(factory=list)


@final
@define(eq=False)
class Inbox(Shape):
    total: int
    unread_total: int
    archived_total: int
    groups: list[LaneGroup] = field(factory=list)


@final
@define(eq=False)
class InboxResponse(Shape):
    inbox: Inbox


def inbox_of(groups: Sequence[InboxGroup], items: Sequence[list[InboxItem | Encoded]]) -> Inbox:
    """Args: items: of each group."""
    return Inbox(
        total=sum(group.count for group in groups),
        unread_total=sum(group.unread_count for group in groups),
        archived_total=sum(group.count for group in groups if group.lane is Lane.ARCHIVED),
        groups=[
            LaneGroup(group.lane, group.count, group.unread_count, shown)
            for group, shown in zip(groups, items, strict=True)
        ],
    )


def inbox_item_of(
    task: TaskState,
    lane: Lane,
    run: state.Run | None,
    actor: identity.Actor,
    lookup: Lookup,
) -> InboxItem:
    """Args: run: the latest one of the task."""
    return InboxItem(
        reference_of(task, lookup),
        lane,
        rfc3339(task.last_activity_at_ns),
        _triage_of(task, actor),
        task.approval_policy,
        task.approval_state,
        blocking_reason(task, lookup.get),
        None if run is None else _run_of(task, run),
    )


_listed: Final = KeptRows()


def listed_item(
    task: TaskState,
    lane: Lane,
    latest: Callable[[TaskState], state.Run | None],
    actor: identity.Actor,
    lookup: Lookup,
) -> InboxItem | Encoded:
    """The same, as a row of a list. Args: latest: the latest run of a task."""

    def item() -> InboxItem:
        return inbox_item_of(task, lane, latest(task), actor, lookup)

    if not stands_alone(task):
        return item()
    besides = (lane, pausing_task(task, lookup))
    return _listed.row((actor, task.id), task, besides, item)


def _triage_of(task: TaskState, actor: identity.Actor) -> Triage:
    """As it counts now, not as it was written."""
    triage = task.triage_by(actor)
    marks = marks_of(triage, task)
    return Triage(
        task.id,
        actor_of(actor),
        marks.read,
        marks.archived,
        marks.dismissed,
        required_time(None if triage is None else triage.updated_at_ns),
        optional_time(None if triage is None else triage.last_seen_activity_at_ns),
    )


def _run_of(task: TaskState, run: state.Run) -> RunSummary:
    """Without its lease and its history."""
    return RunSummary(
        id=run.id,
        task_id=task.id,
        status=run.status,
        attempt=run.attempt,
        max_attempts=task.max_attempts,
        queued_at=rfc3339(run.queued_at_ns),
        session_id=run.session_id,
        claimed_by=None if run.claimed_by is None else actor_of(run.claimed_by),
        claimed_at=optional_time(run.claimed_at_ns),
        started_at=optional_time(run.started_at_ns),
        ended_at=optional_time(run.ended_at_ns),
        error=run.error or None,
    )
