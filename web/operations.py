"""What is served: each operation with its method, path, origin, and the codes it may answer.

The codes are those of the published contract; a refusal is answered with the nearest one that the
operation lists (`web.problems`).
"""

from enum import Enum
from typing import Final

ALWAYS_ALLOWED: Final = frozenset({401, 403, 405, 413, 429, 503})  # the infrastructure's own
KEY_REUSED: Final = 409  # of any write under a key, listed or not: who sends no key never meets it
PRECONDITION_FAILED: Final = 412  # of any conditional write: who sends no If-Match never meets it
MALFORMED: Final = 400  # of a write's headers, where no other code for invalid requests is listed
OK, CREATED, NO_CONTENT = 200, 201, 204

_OF_ONE_TASK: Final = tuple(
    f"/api/{path}"
    for path in (
        "tasks/{id}",
        "task-runs/{id}",
        "runs/{id}",
        "task-reviews/{id}",
        "agent/tasks/{run_id}",
    )
)


def _is_conditional(method: str, path: str) -> bool:
    """Whether it changes one task that is there, so that `If-Match` is heeded."""
    makes_another = path == "/api/tasks/{id}/children"
    return method != "GET" and path.startswith(_OF_ONE_TASK) and not makes_another


class Operation(Enum):
    """`(method, path, success, refusals, action)`; `action` goes into the origin of what it does.

    Paths hold their parameters as `{name}`.
    """

    # Agents.
    CLAIM_NEXT = (
        "POST",
        "/api/agent/tasks/claim-next",
        OK,
        (401, 403, 409, 422),
        "agent.task.next",
    )
    AGENT_HEARTBEAT = (
        "POST",
        "/api/agent/tasks/{run_id}/heartbeat",
        OK,
        (401, 403, 404, 409, 422),
        "agent.task.heartbeat",
    )
    AGENT_RELEASE = (
        "POST",
        "/api/agent/tasks/{run_id}/release",
        OK,
        (401, 403, 404, 409, 422),
        "agent.task.release",
    )
    AGENT_COMPLETE = (
        "POST",
        "/api/agent/tasks/{run_id}/complete",
        OK,
        (401, 403, 404, 409, 422),
        "agent.task.complete",
    )
    AGENT_FAIL = (
        "POST",
        "/api/agent/tasks/{run_id}/fail",
        OK,
        (401, 403, 404, 409, 422),
        "agent.task.fail",
    )
    # The same for many runs. Not part of the contract of tasks.
    CLAIM_BATCH = (
        "POST",
        "/api/agent/tasks/claim-batch",
        OK,
        (401, 403, 409, 422),
        "agent.task.next",
    )
    HEARTBEAT_BATCH = (
        "POST",
        "/api/agent/tasks/heartbeat-batch",
        OK,
        (401, 403, 422),
        "agent.task.heartbeat",
    )
    RELEASE_BATCH = (
        "POST",
        "/api/agent/tasks/release-batch",
        OK,
        (401, 403, 422),
        "agent.task.release",
    )
    COMPLETE_BATCH = (
        "POST",
        "/api/agent/tasks/complete-batch",
        OK,
        (401, 403, 422),
        "agent.task.complete",
    )
    FAIL_BATCH = ("POST", "/api/agent/tasks/fail-batch", OK, (401, 403, 422), "agent.task.fail")
    # The scheduler.
    GET_SCHEDULER = ("GET", "/api/scheduler", OK, (403,), "tasks.scheduler_status")
    PAUSE_SCHEDULER = ("POST", "/api/scheduler/pause", OK, (403, 422), "tasks.scheduler_pause")
    RESUME_SCHEDULER = ("POST", "/api/scheduler/resume", OK, (403, 422), "tasks.scheduler_resume")
    DRAIN_SCHEDULER = ("POST", "/api/scheduler/drain", OK, (403, 422), "tasks.scheduler_drain")
    GET_BACKLOG = ("GET", "/api/scheduler/backlog", OK, (403, 422), "tasks.scheduler_backlog")
    # All tasks. Not part of the contract of tasks.
    STREAM = ("GET", "/api/stream", OK, (404, 409, 422), "tasks.stream")
    LIST_ALL_RUNS = ("GET", "/api/runs", OK, (404, 422), "tasks.list_runs")
    LIST_ALL_REVIEWS = ("GET", "/api/task-reviews", OK, (404, 422), "tasks.list_reviews")
    # Tasks.
    LIST_TASKS = ("GET", "/api/tasks", OK, (404, 422), "tasks.list")
    CREATE_TASK = ("POST", "/api/tasks", CREATED, (404, 409, 413, 422), "tasks.create")
    CREATE_BATCH = ("POST", "/api/tasks/batch", OK, (404, 409, 413, 422), "tasks.create")
    GET_TASK = ("GET", "/api/tasks/{id}", OK, (404, 422), "tasks.get")
    UPDATE_TASK = ("PATCH", "/api/tasks/{id}", OK, (404, 409, 422), "tasks.update")
    DELETE_TASK = ("DELETE", "/api/tasks/{id}", NO_CONTENT, (400, 404), "tasks.delete")
    CREATE_CHILD = (
        "POST",
        "/api/tasks/{id}/children",
        CREATED,
        (404, 409, 413, 422),
        "tasks.create_child",
    )
    PUBLISH_TASK = ("POST", "/api/tasks/{id}/publish", OK, (404, 409, 422), "tasks.publish")
    START_TASK = ("POST", "/api/tasks/{id}/start", CREATED, (404, 409, 422), "tasks.start")
    APPROVE_TASK = ("POST", "/api/tasks/{id}/approve", CREATED, (404, 409, 422), "tasks.approve")
    REJECT_TASK = ("POST", "/api/tasks/{id}/reject", OK, (404, 409, 422), "tasks.reject")
    CANCEL_TASK = ("POST", "/api/tasks/{id}/cancel", OK, (404, 409, 422), "tasks.cancel")
    PAUSE_TASK = (
        "POST",
        "/api/tasks/{id}/pause",
        OK,
        (403, 404, 409, 422, 429),
        "tasks.pause_task",
    )
    RESUME_TASK = (
        "POST",
        "/api/tasks/{id}/resume",
        OK,
        (403, 404, 409, 422, 429),
        "tasks.resume_task",
    )
    ADD_DEPENDENCY = (
        "POST",
        "/api/tasks/{id}/dependencies",
        OK,
        (404, 409, 422),
        "tasks.add_dependency",
    )
    REMOVE_DEPENDENCY = (
        "DELETE",
        "/api/tasks/{id}/dependencies/{depends_on_id}",
        OK,
        (404, 422),
        "tasks.remove_dependency",
    )
    LIST_DEPENDENTS = ("GET", "/api/tasks/{id}/dependents", OK, (404, 422), "tasks.list")
    LIST_RUNS = ("GET", "/api/tasks/{id}/runs", OK, (404, 422), "tasks.list_runs")
    ENQUEUE_RUN = ("POST", "/api/tasks/{id}/runs", CREATED, (404, 409, 422), "tasks.enqueue_run")
    GET_TIMELINE = ("GET", "/api/tasks/{id}/timeline", OK, (404, 422), "tasks.timeline")
    STREAM_TASK = ("GET", "/api/tasks/{id}/stream", OK, (404, 422), "tasks.stream")
    GET_TREE = ("GET", "/api/tasks/{id}/tree", OK, (404, 422), "tasks.tree")
    GET_PROFILE = (
        "GET",
        "/api/tasks/{id}/execution-profile",
        OK,
        (404, 422),
        "tasks.get_profile",
    )
    SET_PROFILE = (
        "PUT",
        "/api/tasks/{id}/execution-profile",
        OK,
        (400, 404, 409),
        "tasks.set_profile",
    )
    DELETE_PROFILE = (
        "DELETE",
        "/api/tasks/{id}/execution-profile",
        NO_CONTENT,
        (404, 409),
        "tasks.delete_profile",
    )
    MARK_TASK_READ = (
        "POST",
        "/api/tasks/{id}/triage/read",
        OK,
        (404, 422),
        "tasks.triage_read",
    )
    ARCHIVE_TASK = (
        "POST",
        "/api/tasks/{id}/triage/archive",
        OK,
        (404, 422),
        "tasks.triage_archive",
    )
    DISMISS_TASK = (
        "POST",
        "/api/tasks/{id}/triage/dismiss",
        OK,
        (404, 422),
        "tasks.triage_dismiss",
    )
    # Subscriptions to a task's ends.
    CREATE_SUBSCRIPTION = (
        "POST",
        "/api/tasks/{id}/notifications/bridges",
        CREATED,
        (400, 404),
        "tasks.create_bridge_notification_subscription",
    )
    LIST_SUBSCRIPTIONS = (
        "GET",
        "/api/tasks/{id}/notifications/bridges",
        OK,
        (400, 404),
        "tasks.list_bridge_notification_subscriptions",
    )
    GET_SUBSCRIPTION = (
        "GET",
        "/api/tasks/{id}/notifications/bridges/{subscription_id}",
        OK,
        (404,),
        "tasks.get_bridge_notification_subscription",
    )
    DELETE_SUBSCRIPTION = (
        "DELETE",
        "/api/tasks/{id}/notifications/bridges/{subscription_id}",
        NO_CONTENT,
        (404,),
        "tasks.delete_bridge_notification_subscription",
    )
    LIST_UNDELIVERED = (
        "GET",
        "/api/tasks/{id}/notifications/undelivered",
        OK,
        (400, 404),
        "tasks.list_undelivered_notifications",
    )
    RESEND_UNDELIVERED = (
        "POST",
        "/api/tasks/{id}/notifications/undelivered/resend",
        OK,
        (400, 404, 409),
        "tasks.resend_undelivered_notifications",
    )
    # Runs, by operators.
    GET_RUN = ("GET", "/api/task-runs/{id}", OK, (404, 422), "tasks.get_run")
    CLAIM_RUN = ("POST", "/api/task-runs/{id}/claim", OK, (404, 409, 422), "tasks.claim_run")
    START_RUN = ("POST", "/api/task-runs/{id}/start", OK, (404, 409, 422), "tasks.start_run")
    ATTACH_SESSION = (
        "POST",
        "/api/task-runs/{id}/attach-session",
        OK,
        (404, 409, 422),
        "tasks.attach_run_session",
    )
    COMPLETE_RUN = (
        "POST",
        "/api/task-runs/{id}/complete",
        OK,
        (404, 409, 422),
        "tasks.complete_run",
    )
    FAIL_RUN = ("POST", "/api/task-runs/{id}/fail", OK, (404, 409, 422), "tasks.fail_run")
    CANCEL_RUN = ("POST", "/api/task-runs/{id}/cancel", OK, (404, 409, 422), "tasks.cancel_run")
    # Runs, by force.
    FORCE_RELEASE = (
        "POST",
        "/api/runs/{id}/release",
        OK,
        (403, 404, 409, 422, 429),
        "tasks.force_release_run",
    )
    FORCE_FAIL = (
        "POST",
        "/api/runs/{id}/fail",
        OK,
        (403, 404, 409, 422, 429),
        "tasks.force_fail_run",
    )
    RETRY_RUN = (
        "POST",
        "/api/runs/{id}/retry",
        CREATED,
        (403, 404, 409, 422, 429),
        "tasks.retry_run",
    )
    RECOVER_RUN = (
        "POST",
        "/api/runs/{id}/recover",
        CREATED,
        (403, 404, 409, 422, 429),
        "tasks.recover_run",
    )
    BULK_RELEASE = (
        "POST",
        "/api/runs/bulk/release",
        OK,
        (403, 422, 429),
        "tasks.bulk_release_runs",
    )
    BULK_FAIL = ("POST", "/api/runs/bulk/fail", OK, (403, 422, 429), "tasks.bulk_fail_runs")
    # The same operation on many tasks or runs. Not part of the contract of tasks.
    BULK_CANCEL_TASKS = (
        "POST",
        "/api/tasks/bulk/cancel",
        OK,
        (404, 422),
        "tasks.cancel",
    )
    BULK_APPROVE_TASKS = (
        "POST",
        "/api/tasks/bulk/approve",
        OK,
        (404, 422),
        "tasks.approve",
    )
    BULK_PAUSE_TASKS = (
        "POST",
        "/api/tasks/bulk/pause",
        OK,
        (404, 422),
        "tasks.pause_task",
    )
    BULK_RESUME_TASKS = (
        "POST",
        "/api/tasks/bulk/resume",
        OK,
        (404, 422),
        "tasks.resume_task",
    )
    BULK_ARCHIVE_TASKS = (
        "POST",
        "/api/tasks/bulk/archive",
        OK,
        (404, 422),
        "tasks.triage_archive",
    )
    BULK_RETRY_RUNS = ("POST", "/api/runs/bulk/retry", OK, (404, 422), "tasks.retry_run")
    BULK_CANCEL_RUNS = ("POST", "/api/runs/bulk/cancel", OK, (404, 422), "tasks.cancel_run")
    # Inspection.
    INSPECT_TASK = ("GET", "/api/tasks/{id}/inspect", OK, (404, 422), "tasks.inspect")
    INSPECT_RUN = ("GET", "/api/runs/{id}/inspect", OK, (404, 422), "tasks.inspect")
    # Reviews.
    REQUEST_REVIEW = (
        "POST",
        "/api/task-runs/{id}/reviews",
        CREATED,
        (400, 404, 409),
        "tasks.request_review",
    )
    LIST_RUN_REVIEWS = (
        "GET",
        "/api/task-runs/{id}/reviews",
        OK,
        (400, 404),
        "tasks.list_reviews",
    )
    LIST_TASK_REVIEWS = ("GET", "/api/tasks/{id}/reviews", OK, (400, 404), "tasks.list_reviews")
    GET_REVIEW = ("GET", "/api/task-reviews/{id}", OK, (404,), "tasks.get_review")
    SUBMIT_VERDICT = (
        "POST",
        "/api/task-reviews/{id}/verdict",
        OK,
        (400, 404, 409),
        "tasks.submit_review",
    )
    # At a glance.
    GET_DASHBOARD = (
        "GET",
        "/api/observe/tasks/dashboard",
        OK,
        (404, 422),
        "tasks.observe_dashboard",
    )
    GET_HISTORY = ("GET", "/api/observe/history", OK, (422,), "tasks.observe_history")
    GET_INBOX = ("GET", "/api/observe/tasks/inbox", OK, (404, 422), "tasks.observe_inbox")
    # The registry. Not part of the contract of tasks.
    CREATE_WORKSPACE = ("POST", "/api/workspaces", CREATED, (400,), "workspaces.create")
    RESOLVE_WORKSPACE = ("POST", "/api/workspaces/resolve", OK, (400,), "workspaces.resolve")
    LIST_WORKSPACES = ("GET", "/api/workspaces", OK, (), "workspaces.list")
    GET_WORKSPACE = ("GET", "/api/workspaces/{id}", OK, (404,), "workspaces.get")
    CREATE_SESSION = ("POST", "/api/sessions", CREATED, (400, 404, 409), "sessions.create")
    LIST_SESSIONS = ("GET", "/api/sessions", OK, (), "sessions.list")
    GET_SESSION = ("GET", "/api/sessions/{id}", OK, (404,), "sessions.get")
    END_SESSION = ("DELETE", "/api/sessions/{id}", NO_CONTENT, (404,), "sessions.end")
    GET_WORKSPACE_SESSION = (
        "GET",
        "/api/workspaces/{id}/sessions/{session_id}",
        OK,
        (404,),
        "sessions.get",
    )
    # The server.
    LIVENESS = ("GET", "/healthz", OK, (), "server.liveness")
    READINESS = ("GET", "/readyz", OK, (), "server.readiness")
    OPENAPI = ("GET", "/openapi.json", OK, (), "server.openapi")
    DOCS = ("GET", "/docs", OK, (), "server.docs")

    def __init__(
        self, method: str, path: str, success: int, refusals: tuple[int, ...], action: str
    ) -> None:
        self.method = method
        self.path = path
        self.success = success
        self.refusals = frozenset(refusals) | ALWAYS_ALLOWED
        self.action = action
        self.is_conditional = _is_conditional(method, path)
        self.is_write = method != "GET"  # so it may be sent under a key
        self.lists_invalid = not self.refusals.isdisjoint({400, 422})


BATCHES: Final = frozenset(
    {
        Operation.CLAIM_BATCH,
        Operation.HEARTBEAT_BATCH,
        Operation.RELEASE_BATCH,
        Operation.COMPLETE_BATCH,
        Operation.FAIL_BATCH,
        Operation.CREATE_BATCH,
    }
)
"""What is done to many runs at once by agents, and tasks that are made at once."""

BULK_TASKS: Final = frozenset(
    {
        Operation.BULK_CANCEL_TASKS,
        Operation.BULK_APPROVE_TASKS,
        Operation.BULK_PAUSE_TASKS,
        Operation.BULK_RESUME_TASKS,
        Operation.BULK_ARCHIVE_TASKS,
    }
)
BULK_RUNS: Final = frozenset({Operation.BULK_RETRY_RUNS, Operation.BULK_CANCEL_RUNS})
"""What operators do to many tasks or runs, which are named or match a filter."""

TAGGED: Final = frozenset(operation for operation in Operation if operation.is_conditional) - {
    # A deleted task has no state, and what only its caller sees is no part of it.
    Operation.DELETE_TASK,
    Operation.MARK_TASK_READ,
    Operation.ARCHIVE_TASK,
    Operation.DISMISS_TASK,
    Operation.CREATE_SUBSCRIPTION,
    Operation.DELETE_SUBSCRIPTION,
    Operation.RESEND_UNDELIVERED,
} | {
    Operation.GET_TASK,
    Operation.GET_RUN,
    Operation.GET_REVIEW,
    Operation.GET_PROFILE,
    Operation.CREATE_TASK,
    Operation.CREATE_CHILD,
    Operation.CLAIM_NEXT,
}
"""Those whose answer carries the ETag of the task that it is about."""

ASKED_BY_PROBES: Final = frozenset({Operation.LIVENESS, Operation.READINESS})
"""Those that are answered without a token, as probes know none."""

MAY_WAIT: Final = frozenset(
    {Operation.CLAIM_NEXT, Operation.CLAIM_BATCH, Operation.DRAIN_SCHEDULER}
)
"""Writes that may wait, and so end with their client; others are carried out all the same."""
