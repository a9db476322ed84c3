"""A run or a task with all that helps to see what is the matter with it."""

from collections.abc import Callable
from enum import Enum
from typing import Final, final

from attrs import define, field

from chargehand.actors.errors import Category
from chargehand.actors.identity import ActorKind
from chargehand.actors.registry.state import SessionState
from chargehand.actors.task import state
from chargehand.actors.task.events import RunEvent
from chargehand.actors.task.state import Pause, RunStatus
from chargehand.actors.views import inspect as seen
from chargehand.actors.views.diagnostics import Diagnostic as About
from chargehand.actors.views.inspect import SessionStanding
from chargehand.actors.views.next_action import NextAction
from chargehand.actors.views.outcomes import Outcome, outcome_of
from chargehand.web.payloads import payload_of
from chargehand.web.payloads.members import truncated_hash
from chargehand.web.redaction import redact
from chargehand.web.shapes.encoding import Shape, optional_time, rfc3339
from chargehand.web.shapes.events import TimelineEntry
from chargehand.web.shapes.problems import LIVE, Diagnostic
from chargehand.web.shapes.references import Lookup
from chargehand.web.shapes.registered import PROVIDER
from chargehand.web.shapes.tasks import TaskSummary
from chargehand.web.wording import command_of

_REASONS: Final = ("error", "diagnostic", "reason")  # members of a payload that say why


class InspectTarget(Enum):
    TASK = "task"
    RUN = "run"


@final
@define(eq=False)
class InspectRun(Shape):
    run_id: str
    task_id: str
    status: RunStatus
    attempt: int
    queued_at: str
    claim_token_hash_truncated: str | None = None
    lease_until: str | None = None
    heartbeat_at: str | None = None
    heartbeat_age_seconds: int | None = None
    retries: int = 0
    last_error_summary: str | None = None
    failure_kind: str | None = None
    bound_session_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    previous_run_id: str | None = None


@final
@define(eq=False)
class BoundSession(Shape):
    """The session that the current run names; of a missing one nothing else is known."""

    session_id: str
    state: SessionStanding | None = None
    agent_name: str | None = None
    provider_name: str | None = None
    workspace_id: str | None = None
    started_at: str | None = None
    last_activity_at: str | None = None


@final
@define(eq=False)
class InspectEvent(Shape):
    id: str
    type: str
    timestamp: str
    task_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    outcome: Outcome | None = None
    summary: str | None = None


@final
@define(eq=False)
class SchedulerPauseState(Shape):
    paused: bool
    paused_by: str | None = None
    paused_at: str | None = None
    reason: str | None = None
    updated_at: str | None = None


@final
@define(eq=False)
class Inspect(Shape):
    target: InspectTarget
    task: TaskSummary
    scheduler: SchedulerPauseState
    next_action: NextAction
    as_of: str
    current_run: InspectRun | None = None
    bound_session: BoundSession | None = None
    recent_runs: list[InspectRun] = field(factory=list)
    recent_events: list[InspectEvent] = field(factory=list)
    diagnostics: list[Diagnostic] = field(factory=list)


@final
@define(eq=False)
class InspectResponse(Shape):
    inspect: Inspect


def inspect_run_of(
    task_id: str, run: state.Run, age_of: Callable[[int], int], lookup: Lookup
) -> InspectRun:
    return InspectRun(
        run_id=run.id,
        task_id=task_id,
        status=run.status,
        attempt=run.attempt,
        queued_at=rfc3339(run.queued_at_ns),
        claim_token_hash_truncated=truncated_hash(run.claim_token_hash),
        lease_until=optional_time(lookup.lease_until_ns(run)),
        heartbeat_at=optional_time(run.heartbeat_at_ns),
        heartbeat_age_seconds=seen.heartbeat_age_s(run, age_of),
        retries=run.attempt - 1,
        last_error_summary=seen.error_summary(run),
        failure_kind=seen.failure_kind(run),
        bound_session_id=run.session_id,
        started_at=optional_time(run.started_at_ns),
        ended_at=optional_time(run.ended_at_ns),
        previous_run_id=run.predecessor_id,
    )


def bound_session_of(session_id: str, session: SessionState | None) -> BoundSession:
    standing = seen.standing_of(session)
    if session is None:
        return BoundSession(session_id, standing)
    return BoundSession(
        session_id,
        standing,
        session.agent_name,
        PROVIDER,
        session.workspace_id,
        rfc3339(session.created_at_ns),
        rfc3339(session.updated_at_ns),
    )


def pause_state_of(pause: Pause | None, updated_at_ns: int | None) -> SchedulerPauseState:
    updated_at = optional_time(updated_at_ns)
    if pause is None:
        return SchedulerPauseState(False, updated_at=updated_at)
    by, at, reason = str(pause.by), rfc3339(pause.at_ns), pause.reason or None
    return SchedulerPauseState(True, by, at, reason, updated_at)


def inspect_event_of(entry: TimelineEntry) -> InspectEvent:
    record, event = entry.record, entry.event
    payload = payload_of(event)
    actor = record.caller.actor
    bound = payload.get("session_id")
    caller = actor.ref if actor.kind is ActorKind.AGENT_SESSION else None
    why = next((text for name in _REASONS if isinstance(text := payload.get(name), str)), "")
    return InspectEvent(
        record.event_id(entry.seq),
        event.type,
        rfc3339(record.at_ns),
        record.address,
        event.run_id if isinstance(event, RunEvent) else None,
        bound if isinstance(bound, str) else caller,
        outcome_of(event.type),
        seen.shortened(why) or None,
    )


def diagnostic_of(
    task_id: str, run: state.Run | None, found: About, now_ns: int, lookup: Lookup
) -> Diagnostic:
    """With the facts of the task and its run; those that are not known are left out."""
    about = found.about
    facts: dict[str, str | int | None] = {"task_id": task_id, "as_of": rfc3339(now_ns)}
    if run is not None:
        facts |= {
            "run_id": run.id,
            "status": run.status.value,
            "attempt": run.attempt,
            "claim_token_hash_truncated": truncated_hash(run.claim_token_hash),
            "lease_until": optional_time(lookup.lease_until_ns(run)),
            "heartbeat_at": optional_time(run.heartbeat_at_ns),
        }
    evidence = {name: value for name, value in facts.items() if value is not None}
    return Diagnostic(
        id=f"task.inspect.{about.code}.{task_id if run is None else run.id}",
        code=about.code,
        severity=about.severity,
        category=Category.TASK,
        title=about.title,
        message=found.message,
        data_freshness=LIVE,
        suggested_command=command_of(found.action),
        evidence={
            **evidence,
            **{n: redact(v) if isinstance(v, str) else v for n, v in found.evidence.items()},
        },
    )
