"""Runs: whole, in short, and with everything around them."""

from typing import Final, final

import orjson
from attrs import define, field

from chargehand.actors.registry.state import SessionState
from chargehand.actors.task import state
from chargehand.actors.task.state import FailureKind, RunStatus, TaskState
from chargehand.web.shapes.encoding import (
    UNSET_TIME,
    Shape,
    fragment,
    optional_time,
    rfc3339,
)
from chargehand.web.shapes.principals import Actor, Origin, actor_of, origin_of
from chargehand.web.shapes.references import Lookup, TaskReference

MESSAGE_KINDS: Final = (
    "status",
    "request",
    "reply",
    "blocker",
    "handoff",
    "result",
    "review_request",
)


@final
@define(eq=False)
class CoordinationChannel(Shape):
    """Where those who work on a run talk; a claim has it."""

    id: str
    channel: str
    display_name: str
    purpose: str
    task_id: str
    run_id: str
    allowed_message_kinds: tuple[str, ...] = field(metadata={"values": MESSAGE_KINDS})
    last_activity_at: str
    workspace_id: str | None = None
    workflow_id: str | None = None


@final
@define(eq=False)
class Run(Shape):
    id: str
    task_id: str
    status: RunStatus
    attempt: int
    origin: Origin
    queued_at: str
    previous_run_id: str | None = None
    failure_kind: FailureKind | None = None
    claimed_by: Actor | None = None
    session_id: str | None = None
    idempotency_key: str | None = None
    network_channel: str | None = None
    claim_token_hash: str | None = None
    lease_until: str | None = None
    heartbeat_at: str | None = None
    coordination_channel_id: str | None = None
    coordination_channel: CoordinationChannel | None = None
    claimed_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    error: str | None = None
    metadata: orjson.Fragment | None = None
    result: orjson.Fragment | None = None


@final
@define(eq=False)
class RunSummary(Shape):
    """A run in short: without origin, keys and JSON, but with its task's limit."""

    id: str
    task_id: str
    status: RunStatus
    attempt: int
    max_attempts: int
    queued_at: str
    previous_run_id: str | None = None
    failure_kind: FailureKind | None = None
    session_id: str | None = None
    claimed_by: Actor | None = None
    claim_token_hash: str | None = None
    lease_until: str | None = None
    heartbeat_at: str | None = None
    coordination_channel_id: str | None = None
    claimed_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    error: str | None = None


@final
@define(eq=False)
class Session(Shape):
    """The session that is bound to a run."""

    session_id: str
    created_at: str
    updated_at: str
    agent_name: str | None = None
    channel: str | None = None
    name: str | None = None
    state: str | None = None
    workspace_id: str | None = None


@final
@define(eq=False)
class RunActivity(Shape):
    last_activity_at: str


@final
@define(eq=False)
class RunDetail(Shape):
    run: Run
    task: TaskReference
    summary: RunActivity
    session: Session | None = None


@final
@define(eq=False)
class RunResponse(Shape):
    run: Run


@final
@define(eq=False)
class RunOfTask(Shape):
    """A run in short, with its task."""

    run: RunSummary
    task: TaskReference


@final
@define(eq=False)
class AllRunsResponse(Shape):
    runs: list[RunOfTask]


@final
@define(eq=False)
class RunsResponse(Shape):
    runs: list[Run]


@final
@define(eq=False)
class RunSuccessionResponse(Shape):
    previous_run: Run
    run: Run


@final
@define(eq=False)
class RunDetailResponse(Shape):
    run: RunDetail


def run_of(
    task_id: str, run: state.Run, lookup: Lookup, channel: CoordinationChannel | None = None
) -> Run:
    return Run(
        run.id,
        task_id,
        run.status,
        run.attempt,
        origin_of(run.origin),
        rfc3339(run.queued_at_ns),
        run.predecessor_id,
        run.failure_kind,
        None if run.claimed_by is None else actor_of(run.claimed_by),
        run.session_id,
        run.idempotency_key,
        run.network_channel,
        run.claim_token_hash,
        optional_time(lookup.lease_until_ns(run)),
        optional_time(run.heartbeat_at_ns),
        run.coordination_channel_id,
        channel,
        optional_time(run.claimed_at_ns),
        optional_time(run.started_at_ns),
        optional_time(run.ended_at_ns),
        run.error or None,
        fragment(run.metadata),
        fragment(run.result),
    )


def run_summary_of(task: TaskState, run: state.Run, lookup: Lookup) -> RunSummary:
    return RunSummary(
        id=run.id,
        task_id=task.id,
        status=run.status,
        attempt=run.attempt,
        max_attempts=task.max_attempts,
        queued_at=rfc3339(run.queued_at_ns),
        previous_run_id=run.predecessor_id,
        failure_kind=run.failure_kind,
        session_id=run.session_id,
        claimed_by=None if run.claimed_by is None else actor_of(run.claimed_by),
        claim_token_hash=run.claim_token_hash,
        lease_until=optional_time(lookup.lease_until_ns(run)),
        heartbeat_at=optional_time(run.heartbeat_at_ns),
        coordination_channel_id=run.coordination_channel_id,
        claimed_at=optional_time(run.claimed_at_ns),
        started_at=optional_time(run.started_at_ns),
        ended_at=optional_time(run.ended_at_ns),
        error=run.error or None,
    )


def run_detail_of(
    task: TaskReference, run: state.Run, session: SessionState | None, lookup: Lookup
) -> RunDetail:
    """`session` is None where the registry does not know the run's session (any more)."""
    times = (
        run.queued_at_ns,
        run.claimed_at_ns,
        run.started_at_ns,
        run.heartbeat_at_ns,
        run.ended_at_ns,
    )
    latest_ns = max(at_ns for at_ns in times if at_ns is not None)
    return RunDetail(
        run=run_of(task.id, run, lookup),
        task=task,
        summary=RunActivity(rfc3339(latest_ns)),
        session=None if run.session_id is None else _session_of(run.session_id, session),
    )


def _session_of(session_id: str, session: SessionState | None) -> Session:
    if session is None:
        return Session(session_id, UNSET_TIME, UNSET_TIME)
    return Session(
        session_id,
        rfc3339(session.created_at_ns),
        rfc3339(session.updated_at_ns),
        session.agent_name,
        session.channel,
        session.name,
        "active" if session.is_active else "stopped",
        session.workspace_id,
    )


def channel_of(task: TaskState, run: state.Run) -> CoordinationChannel | None:
    """The run's channel in full; None for runs of global tasks, which have none."""
    channel_id = run.coordination_channel_id
    if channel_id is None:
        return None
    return CoordinationChannel(
        id=channel_id,
        channel=channel_id,
        display_name=channel_id,
        purpose="task_run_coordination",
        task_id=task.id,
        run_id=run.id,
        allowed_message_kinds=MESSAGE_KINDS,
        last_activity_at=rfc3339(run.queued_at_ns),
        workspace_id=task.workspace_id,
        workflow_id=_workflow_id(run),
    )


def _workflow_id(run: state.Run) -> str | None:
    if run.metadata is None or b'"workflow_id"' not in bytes(run.metadata):
        return None
    metadata = orjson.loads(run.metadata)
    workflow_id = metadata.get("workflow_id") if isinstance(metadata, dict) else None
    return workflow_id if isinstance(workflow_id, str) and workflow_id else None
