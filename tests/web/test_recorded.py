"""What clients of the original send is understood."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargehand.web.decoding import decode
from chargehand.web.operations import Operation
from chargehand.web.requests import bulk, profiles, registry, reviews, runs, subscriptions, tasks
from tests.web.client import CONTRACT

ANSWERS = Path(__file__).parent.parent / "contract" / "answers.jsonl"
BODIES = {
    Operation.CLAIM_NEXT: runs.ClaimNextRequest,
    Operation.AGENT_HEARTBEAT: runs.HeartbeatRequest,
    Operation.AGENT_RELEASE: runs.ReasonRequest,
    Operation.AGENT_COMPLETE: runs.CompleteRunRequest,
    Operation.AGENT_FAIL: runs.FailRunRequest,
    Operation.PAUSE_SCHEDULER: runs.ReasonRequest,
    Operation.RESUME_SCHEDULER: runs.ReasonRequest,
    Operation.DRAIN_SCHEDULER: runs.DrainRequest,
    Operation.CREATE_TASK: tasks.CreateTaskRequest,
    Operation.CREATE_CHILD: tasks.CreateTaskRequest,
    Operation.UPDATE_TASK: tasks.UpdateTaskRequest,
    Operation.PUBLISH_TASK: tasks.EnqueueRunRequest,
    Operation.START_TASK: tasks.EnqueueRunRequest,
    Operation.APPROVE_TASK: tasks.EnqueueRunRequest,
    Operation.CANCEL_TASK: tasks.ReasonWithMetadataRequest,
    Operation.PAUSE_TASK: tasks.ReasonWithMetadataRequest,
    Operation.RESUME_TASK: tasks.MetadataRequest,
    Operation.ADD_DEPENDENCY: tasks.AddDependencyRequest,
    Operation.ENQUEUE_RUN: tasks.EnqueueRunRequest,
    Operation.CLAIM_RUN: runs.IdempotentRequest,
    Operation.START_RUN: runs.IdempotentRequest,
    Operation.ATTACH_SESSION: runs.AttachSessionRequest,
    Operation.COMPLETE_RUN: runs.CompleteRunRequest,
    Operation.FAIL_RUN: runs.FailRunRequest,
    Operation.CANCEL_RUN: tasks.ReasonWithMetadataRequest,
    Operation.FORCE_RELEASE: tasks.ReasonWithMetadataRequest,
    Operation.FORCE_FAIL: tasks.ReasonWithMetadataRequest,
    Operation.RETRY_RUN: tasks.MetadataRequest,
    Operation.RECOVER_RUN: tasks.ReasonWithMetadataRequest,
    Operation.BULK_RELEASE: bulk.BulkRunRequest,
    Operation.BULK_FAIL: bulk.BulkRunRequest,
    Operation.SET_PROFILE: profiles.ExecutionProfileRequest,
    Operation.REQUEST_REVIEW: reviews.ReviewRequest,
    Operation.SUBMIT_VERDICT: reviews.VerdictRequest,
    Operation.CREATE_SUBSCRIPTION: subscriptions.CreateSubscriptionRequest,
    Operation.CREATE_SESSION: registry.CreateSessionRequest,
    Operation.RESOLVE_WORKSPACE: registry.ResolveWorkspaceRequest,
}


def understood(operation: Operation) -> Iterator[dict[str, object]]:
    """Bodies that the original took for this operation."""
    for line in ANSWERS.read_text().splitlines():
        recorded = json.loads(line)
        is_of_it = recorded["operation"] == f"{operation.method} {operation.path}"
        if is_of_it and recorded["status"] < 300 and isinstance(recorded["body"], dict):
            yield recorded["body"]


@pytest.mark.parametrize("operation", BODIES)
def test_a_recorded_body_is_decoded(operation):
    bodies = list(understood(operation))
    assert bodies
    for body in bodies:
        request = decode(BODIES[operation], json.dumps(body).encode())
        named = {name for name in body if getattr(request, name, None) not in (None, (), "")}
        assert named == {name for name, value in body.items() if value not in (None, [], "")}


@pytest.mark.parametrize("operation", Operation)
def test_a_request_class_has_the_members_of_the_contract(operation):
    listed = CONTRACT.operation(operation.method, operation.path)
    content = (listed or {}).get("requestBody", {}).get("content", {})
    if operation not in BODIES:
        assert not content
        return
    if listed is not None:
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
        schema = CONTRACT.document["components"]["schemas"][name]
        members = {a.name for a in BODIES[operation].__attrs_attrs__}
        assert set(schema["properties"]) <= members
