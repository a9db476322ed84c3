"""Every public event shows what the reference of events lists, and nothing unset."""

import orjson
import pytest

from chargehand.actors.identity import LOCAL_USER, Origin, OriginKind, agent_actor
from chargehand.actors.task import events as e
from chargehand.actors.task.profile import ExecutionProfile
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    DependencyKind,
    Json,
    Owner,
    OwnerKind,
    Priority,
    RunStatus,
    Scope,
    TaskStatus,
)
from chargehand.web.payloads import payload_of

READY = TaskStatus.READY
HASH = "sha256:0123456789abcdef"
NEW_RUN = e.NewRun(attempt=2, origin=Origin(OriginKind.HTTP, "tasks.retry_run"))
MANUAL = {"manual": True, "actor_kind": "human", "actor_id": "local-user"}
AT_NS, AT = 1_790_000_000_500_000_000, "2026-09-21T14:13:20.5Z"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (
            e.TaskCreated(
                scope=Scope.WORKSPACE,
                title="a",
                priority=Priority.LOW,
                max_attempts=3,
                approval_policy=ApprovalPolicy.NONE,
                status=READY,
                workspace_id="ws_1",
                parent_task_id="task-p",
                network_channel="dev",
                owner=Owner(OwnerKind.POOL, "coder"),
            ),
            {
                "scope": "workspace",
                "workspace_id": "ws_1",
                "parent_task_id": "task-p",
                "status": "ready",
                "network_channel": "dev",
                "owner": {"kind": "pool", "ref": "coder"},
            },
        ),
        (
            e.ChildCreated("task-c", Scope.GLOBAL),
            {"child_task_id": "task-c", "child_scope": "global"},
        ),
        (
            e.TaskUpdated(changed_fields=("title",), status=READY, title="b"),
            {"changed_fields": ["title"], "status": "ready"},
        ),
        (
            e.StatusChanged(TaskStatus.BLOCKED, READY, "dependency_removed"),
            {"previous_status": "blocked", "status": "ready", "reason": "dependency_removed"},
        ),
        (
            e.DependencyRemoved("task-b", DependencyKind.BLOCKS, READY),
            {"depends_on_task_id": "task-b", "kind": "blocks", "status": "ready"},
        ),
        (
            e.DependencyRemoved("task-b", DependencyKind.BLOCKS, READY, deleted_undone=True),
            {
                "depends_on_task_id": "task-b",
                "kind": "blocks",
                "status": "ready",
                "deleted_undone": True,
            },
        ),
        (
            e.TaskPublished(READY, ApprovalState.NOT_REQUIRED),
            {"previous_status": "draft", "status": "ready", "approval_state": "not_required"},
        ),
        (
            e.TaskApproved(ApprovalState.PENDING, READY),
            {
                "previous_approval_state": "pending",
                "approval_state": "approved",
                "status": "ready",
            },
        ),
        (
            e.TaskRejected(ApprovalState.PENDING, TaskStatus.BLOCKED),
            {
                "previous_approval_state": "pending",
                "approval_state": "rejected",
                "status": "blocked",
            },
        ),
        (e.TaskCanceled(), {"status": "canceled"}),
        (
            e.TaskCanceled("why", Json(b'{"a":1}'), "task-p", ("run-1",)),
            {
                "reason": "why",
                "metadata": {"a": 1},
                "status": "canceled",
                "propagated_from_task_id": "task-p",
                "canceled_run_ids": ["run-1"],
            },
        ),
        (
            e.DependencyAdded("task-b", DependencyKind.BLOCKS, TaskStatus.BLOCKED, False),
            {"depends_on_task_id": "task-b", "kind": "blocks", "status": "blocked"},
        ),
        (
            e.TaskPaused(LOCAL_USER, False, "hold"),
            {**MANUAL, "previous_paused": False, "paused": True, "reason": "hold"},
        ),
        (
            e.TaskResumed(LOCAL_USER, True),
            {**MANUAL, "previous_paused": True, "paused": False},
        ),
        (
            e.RunEnqueued("run-1", READY, e.NewRun(1, NEW_RUN.origin, idempotency_key="k")),
            {"attempt": 1, "status": "queued", "task_status": "ready", "idempotency_key": "k"},
        ),
        (
            e.RunClaimed("run-1", READY, LOCAL_USER),
            {
                "status": "claimed",
                "task_status": "ready",
                "claimed_by": {"kind": "human", "ref": "local-user"},
                "lease_until": "0001-01-01T00:00:00Z",
            },
        ),
        (
            e.RunClaimed("run-1", READY, agent_actor("s"), "s", HASH, AT_NS, 300),
            {
                "status": "claimed",
                "task_status": "ready",
                "claimed_by": {"kind": "agent_session", "ref": "s"},
                "claim_token_hash": HASH,
                "lease_until": AT,
            },
        ),
        (
            e.RunSessionBound("run-1", READY, "s"),
            {"status": "starting", "task_status": "ready", "session_id": "s"},
        ),
        (
            e.RunStarted("run-1", TaskStatus.IN_PROGRESS),
            {"status": "running", "task_status": "in_progress"},
        ),
        (
            e.RunLeaseExtended("run-1", READY, RunStatus.CLAIMED, AT_NS, 300, AT_NS, HASH),
            {
                "status": "claimed",
                "task_status": "ready",
                "lease_until": AT,
                "heartbeat_at": AT,
                "claim_token_hash": HASH,
            },
        ),
        (
            e.RunLeaseExpired("run-1", READY, RunStatus.CLAIMED, AT_NS, "s", HASH, "dev", "late"),
            {
                "previous_status": "claimed",
                "status": "queued",
                "task_status": "ready",
                "reason": "late",
                "session_id": "s",
                "lease_until": AT,
                "previous_claim_token_hash": HASH,
                "coordination_channel_id": "dev",
            },
        ),
        (
            e.RunNeedsAttention("run-1", READY, RunStatus.RUNNING, "5 times", AT_NS, "dev"),
            {
                "previous_status": "running",
                "status": "needs_attention",
                "diagnostic": "5 times",
                "queued_at": AT,
                "coordination_channel": "dev",
            },
        ),
        (
            e.RunStarved("run-1", READY, AT_NS, 300_000),
            {"queued_at": AT, "queued_age_ms": 300_000},
        ),
        (
            e.RunWithoutLease("run-1", READY, RunStatus.RUNNING, AT_NS, 300_000, "s"),
            {
                "status": "running",
                "task_status": "ready",
                "untouched_since": AT,
                "untouched_ms": 300_000,
                "session_id": "s",
            },
        ),
        (
            e.RunReleased("run-1", READY, RunStatus.CLAIMED, "later", "s"),
            {
                "previous_status": "claimed",
                "status": "queued",
                "task_status": "ready",
                "reason": "later",
                "session_id": "s",
            },
        ),
        (
            e.RunReleased(
                "run-1",
                READY,
                RunStatus.CLAIMED,
                None,
                "s",
                e.ForcedRelease(LOCAL_USER, HASH, AT_NS),
            ),
            {
                "previous_status": "claimed",
                "status": "queued",
                "task_status": "ready",
                "session_id": "s",
                **MANUAL,
                "previous_session_id": "s",
                "previous_claim_token_hash_truncated": "01234567",
                "previous_lease_until": AT,
            },
        ),
        (
            e.RunCompleted("run-1", TaskStatus.COMPLETED, Json(b"null"), HASH),
            {
                "status": "completed",
                "task_status": "completed",
                "result": None,
                "claim_token_hash": HASH,
            },
        ),
        (
            e.RunFailed("run-1", READY, "boom", Json(b"[1]")),
            {"status": "failed", "task_status": "ready", "error": "boom", "metadata": [1]},
        ),
        (
            e.RunCanceled("run-1", TaskStatus.CANCELED, propagated_from_task_id="task-p"),
            {
                "status": "canceled",
                "task_status": "canceled",
                "propagated_from_task_id": "task-p",
            },
        ),
        (
            e.RunForcedFail("run-1", READY, LOCAL_USER, RunStatus.QUEUED, "stuck"),
            {
                **MANUAL,
                "previous_status": "queued",
                "status": "failed",
                "task_status": "ready",
                "reason": "stuck",
            },
        ),
        (
            e.RunRetried("run-2", READY, LOCAL_USER, "run-1", NEW_RUN),
            {
                **MANUAL,
                "source_run_id": "run-1",
                "new_run_id": "run-2",
                "task_status": "ready",
            },
        ),
        (
            e.RunRecovered("run-2", READY, LOCAL_USER, "run-1", NEW_RUN, "again"),
            {
                **MANUAL,
                "source_run_id": "run-1",
                "new_run_id": "run-2",
                "previous_status": "needs_attention",
                "status": "queued",
                "task_status": "ready",
                "reason": "again",
            },
        ),
        (
            e.ProfileUpdated("task-1", ExecutionProfile()),
            {
                "task_id": "task-1",
                "coordinator_mode": "inherit",
                "worker_mode": "inherit",
                "sandbox_mode": "inherit",
            },
        ),
        (e.ProfileDeleted("task-1"), {"task_id": "task-1"}),
        (e.EffectApplied(), {}),
        (e.TaskDeleted(), {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, e.TaskEvent) else "",
)
def test_a_payload(event, shown):
    assert orjson.loads(orjson.dumps(payload_of(event))) == shown


def test_every_public_event_has_a_payload():
    members = e.Event.__args__
    silent = {cls.__name__ for cls in members if not cls.type}
    assert silent == {
        "BlockerChanged",
        "AutoEnqueueMissed",
        "CancelPassedOn",
        "DependentsPassedOn",
        "EffectApplied",
        "KeyKept",
        "ResumePassedOn",
        "ReviewCanceled",
        "RunParkedClosed",
        "TaskTriaged",
        "TreeCancelRepeated",
        "SubscriptionSet",
        "SubscriptionRemoved",
        "MessageDue",
        "MessageDelivered",
        "DeliveryFailed",
        "DeliveryGivenUp",
        "SubscriptionTurnedOff",
        "MessagesDueAgain",
    }
