"""A task that has every field, each with a value of its own, and as it is stored."""

from pathlib import Path

from chargehand.actors.identity import Actor, ActorKind, CallerKey, Origin, OriginKind
from chargehand.actors.task.profile import (
    CoordinatorMode,
    CoordinatorProfile,
    ExecutionProfile,
)
from chargehand.actors.task.review import Continuation, Review, ReviewPolicy, ReviewStatus
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Dependency,
    DependencyKind,
    FailureKind,
    Json,
    Owner,
    OwnerKind,
    Pause,
    Priority,
    Run,
    RunStatus,
    Scope,
    TaskState,
    TaskStatus,
    Triage,
)
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Subscription, Target

STORED = Path(__file__).with_name("whole_task.txt")  # head, in it what is JSON, and body
FORMER = Path(__file__).with_name("whole_task_format_2.jsonl")  # head and body, as 2 had them

_ANN = Actor(ActorKind.HUMAN, "ann")
_BOB = Actor(ActorKind.AGENT_SESSION, "bob")


def _run(number: int, status: RunStatus) -> Run:
    at = 1000 * number
    return Run(
        id=f"run-{number}",
        attempt=number,
        status=status,
        origin=Origin(OriginKind.WEB, f"runs.{number}"),
        queued_at_ns=at,
        previous_run_id=f"previous-{number}",
        failure_kind=FailureKind.OPERATOR_FORCED,
        idempotency_key=f"key-{number}",
        network_channel=f"channel-{number}",
        coordination_channel_id=f"coord-{number}",
        metadata=Json(b'{"m": %d.50}' % number),
        required_capabilities=(f"required-{number}", "more"),
        preferred_capabilities=(f"preferred-{number}",),
        claimed_by=_BOB,
        session_id=f"session-{number}",
        claim_token_hash=f"hash-{number}",
        lease_until_ns=at + 1,
        heartbeat_at_ns=at + 2,
        lease_seconds=at + 3,
        claim_key=f"claim-key-{number}",
        claimed_at_ns=at + 4,
        started_at_ns=at + 5,
        ended_at_ns=at + 6,
        error=f"error-{number}",
        result=Json(b" [ 1e400 ] "),
        expiries=at + 7,
        lapsed_session_id=f"lapsed-{number}",
        closing_session_id=f"closing-{number}",
        closing_digest=f"digest-{number}",
        starved_at_ns=at + 8,
        continuation=Continuation(f"review-{number}", f"parent-{number}", 3, ReviewPolicy.ALWAYS),
        claimed_under=CallerKey(_ANN, f"claimed-under-{number}"),
        started_under=CallerKey(_BOB, f"started-under-{number}"),
        claim_lease_seconds=at + 9,
        queued_seq=at + 10,
        lease_ends_ns=at + 11,
        bound_at_ns=at + 12,
        neglected_at_ns=at + 13,
    )


def _review(number: int, status: ReviewStatus) -> Review:
    return Review(
        f"review-{number}", "run-1", ReviewPolicy.ON_SUCCESS, 1, number, 31, 32, 33, status
    )


WHOLE = TaskState(
    id="whole",
    scope=Scope.WORKSPACE,
    workspace_id="workspace",
    parent_task_id="parent",
    identifier="W-1",
    title="Title \N{SNOWMAN}",
    description="Description",
    network_channel="channel",
    priority=Priority.URGENT,
    max_attempts=7,
    auto_enqueue_on_ready=True,
    approval_policy=ApprovalPolicy.MANUAL,
    approval_state=ApprovalState.REJECTED,
    owner=Owner(OwnerKind.POOL, "pool"),
    metadata=Json(b'{"a" : 1}'),
    created_by=_ANN,
    origin=Origin(OriginKind.UDS, "tasks.create"),
    created_at_ns=11,
    updated_at_ns=12,
    last_activity_at_ns=13,
    status=TaskStatus.IN_PROGRESS,
    draft=True,
    canceled=True,
    deleted=True,
    auto_enqueue_due=True,
    closed_at_ns=14,
    pause=Pause(_BOB, 15, "reason"),
    dependencies=(
        Dependency("blocker-1", DependencyKind.BLOCKS, 16, True),
        Dependency("blocker-2", DependencyKind.BLOCKS, 17, False),
    ),
    runs=(_run(1, RunStatus.COMPLETED), _run(2, RunStatus.RUNNING)),
    latest_event_seq=18,
    last_seq=19,
    profile=ExecutionProfile(
        coordinator=CoordinatorProfile(CoordinatorMode.GUIDED, guidance="slowly"), created_at_ns=20
    ),
    triage=(Triage(_ANN, True, False, True, 21, 22, 23), Triage(_BOB, False, True, False, 24, 25)),
    reviews=(_review(1, ReviewStatus.RECORDED), _review(2, ReviewStatus.REQUESTED)),
    subscriptions=(
        Subscription(
            "subscription", "bridge", Target(DeliveryMode.REPLY, "peer"), _BOB, 26, 27, Cursor(28)
        ),
    ),
    lost_blockers=("lost-1", "lost-2"),
    unapproved_run_id="run-1",
    priority_seq=29,
)
