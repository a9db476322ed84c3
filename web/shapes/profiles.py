"""Execution profiles and triage. The sections are shown as the core has them."""

from typing import final

from attrs import define

from chargehand.actors import identity
from chargehand.actors.task import profile as core
from chargehand.actors.task.state import TaskState
from chargehand.web.shapes.encoding import Shape, required_time, rfc3339
from chargehand.web.shapes.principals import Actor, actor_of


@final
@define(eq=False)
class ExecutionProfile(Shape):
    task_id: str
    coordinator: core.CoordinatorProfile
    worker: core.WorkerProfile
    review: core.ReviewProfile
    participants: core.ParticipantsProfile
    sandbox: core.SandboxProfile
    runtime: core.RuntimeProfile
    created_at: str
    updated_at: str


@final
@define(eq=False)
class ExecutionProfileResponse(Shape):
    profile: ExecutionProfile


@final
@define(eq=False)
class Triage(Shape):
    task_id: str
    actor: Actor
    read: bool
    archived: bool
    dismissed: bool
    updated_at: str
    last_seen_activity_at: str | None = None  # unset where there is no triage yet


@final
@define(eq=False)
class TriageResponse(Shape):
    triage: Triage


def profile_of(task: TaskState) -> ExecutionProfile:
    """The task's profile; where none is stored, the default one with unset times."""
    profile = task.profile or core.ExecutionProfile()
    return ExecutionProfile(
        task.id,
        profile.coordinator,
        profile.worker,
        profile.review,
        profile.participants,
        profile.sandbox,
        profile.runtime,
        required_time(profile.created_at_ns),
        required_time(profile.updated_at_ns),
    )


def triage_of(task: TaskState, actor: identity.Actor) -> Triage:
    """What the actor did with the task; what was forgotten meanwhile shows as never done."""
    triage = task.triage_by(actor)
    if triage is None:
        return Triage(
            task.id,
            actor_of(actor),
            read=False,
            archived=False,
            dismissed=False,
            updated_at=required_time(None),
        )
    return Triage(
        task.id,
        actor_of(triage.actor),
        triage.read,
        triage.archived,
        triage.dismissed,
        rfc3339(triage.updated_at_ns),
        rfc3339(triage.last_seen_activity_at_ns),
    )
