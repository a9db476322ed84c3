"""What tasks are looked for by: one facet for each value that many tasks may have in common.

A facet is a name and a value; tasks that have the same facet are the answer to one filter. Of one
name a task may have several (whose inbox it was archived in), one, or none (its owner). It is
written as one text, whose hash is worked out once: it is looked up in each stretch of all tasks.
"""

from enum import Enum
from typing import Final, TypeVar

from chargehand.actors.identity import Actor
from chargehand.actors.task.ended import latest_status, run_marks
from chargehand.actors.task.review import ReviewStatus
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    RunStatus,
    TaskState,
    TaskStatus,
    Triage,
)
from chargehand.actors.views.choices import Lane

Facet = str  # a name, a blank and a value
E = TypeVar("E", bound=Enum)


def facet(member: Enum) -> Facet:
    """Of a value that is one of a few."""
    return _OF_ENUMS[member]


def chosen(
    *members: Enum | None,
    workspace_id: str | None = None,
    owner_ref: str | None = None,
    network_channel: str | None = None,
) -> tuple[Facet, ...]:
    """The facets that a filter asks for; it may leave out any."""
    asked = [_OF_ENUMS[member] for member in members if member is not None]
    if workspace_id is not None:
        asked.append(workspace(workspace_id))
    if owner_ref is not None:
        asked.append(owned_by(owner_ref))
    if network_channel is not None:
        asked.append(on_channel(network_channel))
    return tuple(asked)


def workspace(workspace_id: str) -> Facet:
    return f"workspace {workspace_id}"


def owned_by(ref: str) -> Facet:
    return f"owner {ref}"


def on_channel(channel: str) -> Facet:
    return f"channel {channel}"


def worked_on_by(actor: Actor) -> Facet:
    """The actor has claimed the open run."""
    return f"worker {actor}"


def archived_by(actor: Actor) -> Facet:
    return f"archived {actor}"


def read_by(actor: Actor) -> Facet:
    """Nothing has happened since the actor has read it."""
    return f"read {actor}"


def dismissed_by(actor: Actor) -> Facet:
    """Nothing has happened since the actor has dismissed it."""
    return f"dismissed {actor}"


_DONE: Final = frozenset(
    {TaskStatus.DRAFT, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED}
)
_NEEDS_SOMEBODY: Final = frozenset({RunStatus.FAILED, RunStatus.NEEDS_ATTENTION})


def awaits_decision(state: TaskState) -> bool:
    """Whether somebody has to approve or reject it."""
    return (
        state.approval_policy is ApprovalPolicy.MANUAL
        and state.approval_state is ApprovalState.PENDING
    )


def was_rejected(state: TaskState) -> bool:
    """Whether somebody has rejected it."""
    return (
        state.approval_policy is ApprovalPolicy.MANUAL
        and state.approval_state is ApprovalState.REJECTED
    )


def has_failed(state: TaskState) -> bool:
    """Whether its latest run has failed, or needs attention."""
    return latest_status(state) in _NEEDS_SOMEBODY


def is_neglected(state: TaskState) -> bool:
    """Whether nobody touches its run, which is at work without a lease."""
    run = state.current_run
    return run is not None and run.is_neglected


def lane_of(state: TaskState) -> Lane | None:
    """The lane of a task in the inbox of those whose work it is, if they have not archived it.

    `MY_WORK` is shown to them alone, all others to everybody; None to nobody.
    """
    if state.status is TaskStatus.BLOCKED and awaits_decision(state):
        return Lane.APPROVALS
    if has_failed(state) or is_neglected(state):
        return Lane.FAILED_RUNS
    if state.status is TaskStatus.BLOCKED or state.waits_for_decision:
        return Lane.BLOCKED
    return None if state.status in _DONE else Lane.MY_WORK


def is_fresh(triage: Triage, state: TaskState) -> bool:
    """Whether nothing has happened since that triage."""
    return triage.has_seen(state)


def readers_of(state: TaskState) -> frozenset[Actor]:
    """Who has read it since anything happened, and has it in their inbox."""
    return frozenset([t.actor for t in state.triage if _counts_as_read(t, state)])


def facets_of(state: TaskState) -> list[Facet]:
    """All that a task has, slim or whole. Of its runs, the ended ones too, it has the statuses and
    kinds of failure; of its reviews whether one is open."""
    found = [
        _OF_ENUMS[state.status],
        _OF_ENUMS[state.priority],
        _OF_ENUMS[state.scope],
        _OF_ENUMS[state.approval_state],
        _OF_ENUMS[state.origin.kind],
    ]
    lane = lane_of(state)
    if lane is not None:
        found.append(_OF_ENUMS[lane])
    if state.workspace_id is not None:
        found.append(workspace(state.workspace_id))
    if state.network_channel is not None:
        found.append(on_channel(state.network_channel))
    if state.owner is not None:
        found += (_OF_ENUMS[state.owner.kind], owned_by(state.owner.ref))
    run = state.open_run
    if run is not None and run.claimed_by is not None:
        found.append(worked_on_by(run.claimed_by))
    if state.runs or state.ended:
        found += [_OF_ENUMS[mark] for mark in run_marks(state)]
    if state.reviews and state.open_reviews:
        found.append(_OF_ENUMS[ReviewStatus.REQUESTED])
    for triage in state.triage:
        found += _of_triage(triage, state)
    return found


def _of_triage(triage: Triage, state: TaskState) -> list[Facet]:
    if triage.archived:
        return [archived_by(triage.actor)]
    found = [read_by(triage.actor)] if _counts_as_read(triage, state) else []
    if triage.dismissed and is_fresh(triage, state):
        found.append(dismissed_by(triage.actor))
    return found


def _counts_as_read(triage: Triage, state: TaskState) -> bool:
    return triage.read and not triage.archived and is_fresh(triage, state)


class _ByMember(dict[Enum, Facet]):
    """Made once for each member."""

    def __missing__(self, member: Enum) -> Facet:
        made = self[member] = f"{type(member).__name__} {member.value}"
        return made


_OF_ENUMS: Final = _ByMember()
