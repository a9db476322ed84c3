"""Which classes each operation takes and gives, and what it does in a sentence.

One row for each operation; requests and answers are what its handler uses. The test
of the document holds every row against the published contract.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, final

from chargehand.actors.frozen import frozen
from chargehand.actors.identity import OriginKind
from chargehand.actors.task.review import ReviewStatus
from chargehand.actors.task.state import (
    ApprovalState,
    FailureKind,
    OwnerKind,
    Priority,
    RunStatus,
    Scope,
    TaskStatus,
)
from chargehand.actors.views.choices import Lane, ListOrder, RunGroup
from chargehand.web.bodies import Request
from chargehand.web.operations import Operation as Op
from chargehand.web.requests import bulk as qb
from chargehand.web.requests import profiles as qp
from chargehand.web.requests import registry as rr
from chargehand.web.requests import reviews as qv
from chargehand.web.requests import runs as qr
from chargehand.web.requests import subscriptions as qs
from chargehand.web.requests import tasks as qt
from chargehand.web.shapes import (
    bulk,
    claims,
    dashboard,
    events,
    health,
    history,
    inbox,
    inspect,
    new_tasks,
    profiles,
    registered,
    reviews,
    runs,
    scheduling,
    subscriptions,
    tasks,
)
from chargehand.web.shapes.problems import Error

Query = Mapping[str, Any]  # the type of each query parameter


@final
@frozen
class OperationDoc:
    """`required` names members that the core asks for although their class does not.

    Args:
        refusal: what it is refused with.
        id: the operation's published id, where it is not the name of its member.
    """

    summary: str
    request: Request | None = None
    answer: type | None = None
    query: Query = MappingProxyType({})
    required: tuple[str, ...] = ()
    may_be_empty: bool = False  # 204 besides the success
    may_be_there: bool = False  # 200 with the same answer besides the success, 201
    is_list: bool = False  # goes on by a Link header
    is_stream: bool = False
    refusal: type = Error
    id: str | None = None


_REASON: Final = ("reason",)
_REVIEWS: Final = {"status": ReviewStatus, "reviewer_session_id": str, "limit": int}
_SCOPED: Final[Query] = {
    "scope": Scope,
    "workspace": str,
    "owner_kind": OwnerKind,
    "owner_ref": str,
}

DOCS: Final[Mapping[Op, OperationDoc]] = {
    Op.CLAIM_NEXT: OperationDoc(
        "Claim the next run that the session may have",
        qr.ClaimNextRequest,
        claims.ClaimResponse,
        may_be_empty=True,
        id="claimNextAgentTask",
    ),
    Op.AGENT_HEARTBEAT: OperationDoc(
        "Extend a lease", qr.HEARTBEAT, claims.LeaseResponse, id="heartbeatAgentTaskRun"
    ),
    Op.AGENT_RELEASE: OperationDoc(
        "Give a run back into its place in the queue",
        qr.RELEASE_CLAIM,
        claims.LeaseResponse,
        id="releaseAgentTaskRun",
    ),
    Op.AGENT_COMPLETE: OperationDoc(
        "Complete a claimed run with its result",
        qr.COMPLETE_CLAIM,
        claims.LeaseResponse,
        id="completeAgentTaskRun",
    ),
    Op.AGENT_FAIL: OperationDoc(
        "Fail a claimed run", qr.FAIL_CLAIM, claims.LeaseResponse, id="failAgentTaskRun"
    ),
    Op.CLAIM_BATCH: OperationDoc(
        "Claim the next runs that the session may have",
        qr.ClaimBatchRequest,
        claims.ClaimBatchResponse,
        may_be_empty=True,
        id="claimBatchAgentTasks",
    ),
    Op.HEARTBEAT_BATCH: OperationDoc(
        "Extend many leases",
        qr.HEARTBEATS,
        claims.LeaseBatchResponse,
        id="heartbeatBatchAgentTaskRuns",
    ),
    Op.RELEASE_BATCH: OperationDoc(
        "Give many runs back into their places in the queue",
        qr.RELEASES,
        claims.LeaseBatchResponse,
        id="releaseBatchAgentTaskRuns",
    ),
    Op.COMPLETE_BATCH: OperationDoc(
        "Complete many claimed runs with their results",
        qr.COMPLETIONS,
        claims.LeaseBatchResponse,
        id="completeBatchAgentTaskRuns",
    ),
    Op.FAIL_BATCH: OperationDoc(
        "Fail many claimed runs",
        qr.FAILURES,
        claims.LeaseBatchResponse,
        id="failBatchAgentTaskRuns",
    ),
    Op.GET_SCHEDULER: OperationDoc(
        "The scheduler and its counts", None, scheduling.SchedulerResponse
    ),
    Op.PAUSE_SCHEDULER: OperationDoc(
        "Hand out no more runs", qr.ReasonRequest, scheduling.SchedulerResponse
    ),
    Op.RESUME_SCHEDULER: OperationDoc(
        "Hand out runs again; ends a drain", qr.ReasonRequest, scheduling.SchedulerResponse
    ),
    Op.DRAIN_SCHEDULER: OperationDoc(
        "Pause, and wait for the claims under way", qr.DrainRequest, scheduling.DrainResponse
    ),
    Op.GET_BACKLOG: OperationDoc(
        "The runs that wait, in their order",
        None,
        scheduling.BacklogResponse,
        {"limit": int, "workspace": str, "scope": Scope, "include_paused": bool},
        is_list=True,
        id="getSchedulerBacklog",
    ),
    Op.LIST_TASKS: OperationDoc(
        "Tasks that match a filter",
        None,
        tasks.TasksResponse,
        {
            "scope": Scope,
            "workspace": str,
            "status": TaskStatus,
            "priority": Priority,
            "include_drafts": bool,
            "approval_state": ApprovalState,
            "owner_kind": OwnerKind,
            "owner_ref": str,
            "parent_task_id": str,
            "network_channel": str,
            "query": str,
            "order": ListOrder,
            "limit": int,
        },
        is_list=True,
    ),
    Op.CREATE_TASK: OperationDoc("Hand in a task", qt.CREATE_TASK, tasks.TaskResponse),
    Op.CREATE_BATCH: OperationDoc(
        "Hand in many tasks, with parents and dependencies among them",
        qt.NEW_TASKS,
        new_tasks.TaskBatchResponse,
        refusal=new_tasks.TaskBatchError,
        id="createTaskBatch",
    ),
    Op.GET_TASK: OperationDoc(
        "A task with its children, dependencies, runs and latest events",
        None,
        tasks.TaskDetailResponse,
    ),
    Op.UPDATE_TASK: OperationDoc("Change a task", qt.UPDATE_TASK, tasks.TaskResponse),
    Op.DELETE_TASK: OperationDoc("Delete a task"),
    Op.CREATE_CHILD: OperationDoc(
        "Hand in a task below another",
        qt.CREATE_TASK,
        tasks.TaskResponse,
        id="createChildTask",
    ),
    Op.PUBLISH_TASK: OperationDoc(
        "Publish a draft, and queue a run of it", qt.ENQUEUE_RUN, tasks.TaskRunResponse
    ),
    Op.START_TASK: OperationDoc("Queue a run of a task", qt.ENQUEUE_RUN, tasks.TaskRunResponse),
    Op.APPROVE_TASK: OperationDoc(
        "Approve a task, and queue a run of it", qt.ENQUEUE_RUN, tasks.TaskRunResponse
    ),
    Op.REJECT_TASK: OperationDoc("Refuse the approval of a task", None, tasks.TaskResponse),
    Op.CANCEL_TASK: OperationDoc(
        "Cancel a task and all below it", qt.CANCEL_TASK, tasks.TaskResponse
    ),
    Op.PAUSE_TASK: OperationDoc(
        "Hold a task and all below it",
        qt.PAUSE_TASK,
        tasks.TaskResponse,
        required=_REASON,
    ),
    Op.RESUME_TASK: OperationDoc("Let a paused task go on", qt.RESUME_TASK, tasks.TaskResponse),
    Op.ADD_DEPENDENCY: OperationDoc(
        "Let a task wait for another",
        qt.ADD_DEPENDENCY,
        tasks.TaskDetailResponse,
        id="addTaskDependency",
    ),
    Op.REMOVE_DEPENDENCY: OperationDoc(
        "Take a dependency away", None, tasks.TaskDetailResponse, id="removeTaskDependency"
    ),
    Op.LIST_DEPENDENTS: OperationDoc(
        "The tasks that wait for a task",
        None,
        tasks.TasksResponse,
        {"limit": int},
        is_list=True,
        id="listTaskDependents",
    ),
    Op.LIST_RUNS: OperationDoc(
        "The runs of a task, latest first",
        None,
        runs.RunsResponse,
        {"status": RunStatus, "session_id": str, "limit": int},
        is_list=True,
        id="listTaskRuns",
    ),
    Op.ENQUEUE_RUN: OperationDoc(
        "Queue a run", qt.ENQUEUE_RUN, runs.RunResponse, id="enqueueTaskRun"
    ),
    Op.GET_TIMELINE: OperationDoc(
        "The events of a task",
        None,
        events.TimelineResponse,
        {"after_sequence": int, "latest": bool, "limit": int},
        is_list=True,
        id="getTaskTimeline",
    ),
    Op.STREAM_TASK: OperationDoc(
        "The events of a task and all below it, as they happen",
        None,
        events.StreamEvent,
        {"after_sequence": int},
        is_stream=True,
    ),
    Op.STREAM: OperationDoc(
        "The events of all tasks, as they happen",
        None,
        events.StreamEvent,
        {"after_sequence": int, "scope": Scope, "workspace": str},
        is_stream=True,
        id="streamTasks",
    ),
    Op.LIST_ALL_RUNS: OperationDoc(
        "Runs of all tasks that match a filter",
        None,
        runs.AllRunsResponse,
        {
            "status": list[RunStatus | RunGroup],
            "session_id": str,
            "agent_name": str,
            "task_id": str,
            "scope": Scope,
            "workspace": str,
            "failure_kind": FailureKind,
            "since": datetime,
            "until": datetime,
            "limit": int,
        },
        is_list=True,
        id="listRuns",
    ),
    Op.LIST_ALL_REVIEWS: OperationDoc(
        "Reviews of all tasks that match a filter",
        None,
        reviews.AllReviewsResponse,
        {
            "status": list[ReviewStatus],
            "task_id": str,
            "scope": Scope,
            "workspace": str,
            "limit": int,
        },
        is_list=True,
        id="listReviews",
    ),
    Op.GET_TREE: OperationDoc(
        "A task and all below it", None, tasks.TreeResponse, id="getTaskTree"
    ),
    Op.GET_PROFILE: OperationDoc(
        "How a task shall be executed, and by whom",
        None,
        profiles.ExecutionProfileResponse,
        id="getTaskExecutionProfile",
    ),
    Op.SET_PROFILE: OperationDoc(
        "Replace the execution profile of a task",
        qp.ExecutionProfileRequest,
        profiles.ExecutionProfileResponse,
        id="setTaskExecutionProfile",
    ),
    Op.DELETE_PROFILE: OperationDoc(
        "Take the execution profile of a task away", id="deleteTaskExecutionProfile"
    ),
    Op.MARK_TASK_READ: OperationDoc(
        "Mark a task as read by the caller", None, profiles.TriageResponse
    ),
    Op.ARCHIVE_TASK: OperationDoc("Archive a task for the caller", None, profiles.TriageResponse),
    Op.DISMISS_TASK: OperationDoc(
        "Hide a task from the caller until something happens", None, profiles.TriageResponse
    ),
    Op.CREATE_SUBSCRIPTION: OperationDoc(
        "Tell somebody of the ends of a task through a bridge, or change whom",
        qs.CreateSubscriptionRequest,
        subscriptions.SubscriptionResponse,
        id="createTaskBridgeNotificationSubscription",
    ),
    Op.LIST_SUBSCRIPTIONS: OperationDoc(
        "The subscriptions to the ends of a task, latest change first",
        None,
        subscriptions.SubscriptionsResponse,
        {"bridge_instance_id": str, "scope": Scope, "workspace_id": str, "limit": int},
        is_list=True,
        id="listTaskBridgeNotificationSubscriptions",
    ),
    Op.GET_SUBSCRIPTION: OperationDoc(
        "A subscription, and what was delivered to it",
        None,
        subscriptions.SubscriptionResponse,
        id="getTaskBridgeNotificationSubscription",
    ),
    Op.DELETE_SUBSCRIPTION: OperationDoc(
        "Tell somebody no more", id="deleteTaskBridgeNotificationSubscription"
    ),
    Op.LIST_UNDELIVERED: OperationDoc(
        "Messages about the ends of a task that could not be delivered",
        None,
        subscriptions.UndeliveredResponse,
        {"subscription_id": str, "bridge_instance_id": str, "limit": int},
        is_list=True,
        id="listTaskUndeliveredNotifications",
    ),
    Op.RESEND_UNDELIVERED: OperationDoc(
        "Send messages again that could not be delivered",
        qs.ResendRequest,
        subscriptions.SubscriptionsResponse,
        id="resendTaskUndeliveredNotifications",
    ),
    Op.GET_RUN: OperationDoc("A run", None, runs.RunDetailResponse, id="getTaskRun"),
    Op.CLAIM_RUN: OperationDoc(
        "Claim a queued run",
        qr.CLAIM_RUN,
        claims.ClaimedRunResponse,
        id="claimTaskRun",
    ),
    Op.START_RUN: OperationDoc(
        "Start a claimed run", qr.START_RUN, runs.RunResponse, id="startTaskRun"
    ),
    Op.ATTACH_SESSION: OperationDoc(
        "Bind a run to a session",
        qr.AttachSessionRequest,
        runs.RunResponse,
        id="attachTaskRunSession",
    ),
    Op.COMPLETE_RUN: OperationDoc(
        "Complete a run that no agent holds",
        qr.COMPLETE_RUN,
        runs.RunResponse,
        id="completeTaskRun",
    ),
    Op.FAIL_RUN: OperationDoc(
        "Fail a run that no agent holds", qr.FAIL_RUN, runs.RunResponse, id="failTaskRun"
    ),
    Op.CANCEL_RUN: OperationDoc(
        "Cancel a run", qr.CANCEL_RUN, runs.RunResponse, id="cancelTaskRun"
    ),
    Op.FORCE_RELEASE: OperationDoc(
        "Take a run from its holder",
        qr.FORCE_RELEASE,
        runs.RunResponse,
        id="forceReleaseTaskRun",
    ),
    Op.FORCE_FAIL: OperationDoc(
        "Fail a run, whoever holds it",
        qr.FORCE_FAIL,
        runs.RunResponse,
        required=_REASON,
        id="forceFailTaskRun",
    ),
    Op.RETRY_RUN: OperationDoc(
        "Queue a new run in place of one that ended",
        qr.RETRY_RUN,
        runs.RunSuccessionResponse,
        id="retryTaskRun",
    ),
    Op.RECOVER_RUN: OperationDoc(
        "Queue a new run in place of one that needs attention",
        qr.RECOVER_RUN,
        runs.RunSuccessionResponse,
        id="recoverTaskRun",
    ),
    Op.BULK_RELEASE: OperationDoc(
        "Take runs from their holders",
        qb.BulkRunRequest,
        bulk.BulkRunResponse,
        id="bulkForceReleaseTaskRuns",
    ),
    Op.BULK_FAIL: OperationDoc(
        "Fail runs that nobody works on",
        qb.BulkRunRequest,
        bulk.BulkRunResponse,
        id="bulkForceFailTaskRuns",
    ),
    Op.BULK_CANCEL_TASKS: OperationDoc(
        "Cancel many tasks",
        qb.BulkTasksWithReasonRequest,
        bulk.BulkTaskResponse,
        id="bulkCancelTasks",
    ),
    Op.BULK_APPROVE_TASKS: OperationDoc(
        "Approve many tasks",
        qb.BulkTasksWithMetadataRequest,
        bulk.BulkTaskResponse,
        id="bulkApproveTasks",
    ),
    Op.BULK_PAUSE_TASKS: OperationDoc(
        "Pause many tasks",
        qb.BulkTasksWithReasonRequest,
        bulk.BulkTaskResponse,
        required=_REASON,
        id="bulkPauseTasks",
    ),
    Op.BULK_RESUME_TASKS: OperationDoc(
        "Resume many tasks",
        qb.BulkTasksWithMetadataRequest,
        bulk.BulkTaskResponse,
        id="bulkResumeTasks",
    ),
    Op.BULK_ARCHIVE_TASKS: OperationDoc(
        "Put many tasks away in one's own inbox",
        qb.BulkTasksRequest,
        bulk.BulkTaskResponse,
        id="bulkArchiveTasks",
    ),
    Op.BULK_RETRY_RUNS: OperationDoc(
        "Queue new runs in place of many that ended",
        qb.BulkRunsRequest,
        bulk.BulkRunsResponse,
        id="bulkRetryTaskRuns",
    ),
    Op.BULK_CANCEL_RUNS: OperationDoc(
        "Cancel many runs",
        qb.BulkRunsWithReasonRequest,
        bulk.BulkRunsResponse,
        id="bulkCancelTaskRuns",
    ),
    Op.INSPECT_TASK: OperationDoc(
        "How a task and its current run are, and what to do next", None, inspect.InspectResponse
    ),
    Op.INSPECT_RUN: OperationDoc(
        "How a run is, and what to do next", None, inspect.InspectResponse
    ),
    Op.REQUEST_REVIEW: OperationDoc(
        "Have an ended run judged",
        qv.ReviewRequest,
        reviews.ReviewRequestedResponse,
        may_be_there=True,
        id="requestTaskRunReview",
    ),
    Op.LIST_RUN_REVIEWS: OperationDoc(
        "The reviews of a run",
        None,
        reviews.ReviewsResponse,
        _REVIEWS,
        is_list=True,
        id="listTaskRunReviews",
    ),
    Op.LIST_TASK_REVIEWS: OperationDoc(
        "The reviews of a task's runs", None, reviews.ReviewsResponse, _REVIEWS, is_list=True
    ),
    Op.GET_REVIEW: OperationDoc("A review", None, reviews.ReviewResponse, id="getTaskRunReview"),
    Op.SUBMIT_VERDICT: OperationDoc(
        "Judge a run; a rejection queues the run that goes on",
        qv.VerdictRequest,
        reviews.VerdictResponse,
        id="submitTaskRunReviewVerdict",
    ),
    Op.GET_DASHBOARD: OperationDoc(
        "How all work stands: counts, ages, and what is wrong",
        None,
        dashboard.DashboardResponse,
        {**_SCOPED, "network_channel": str, "origin_kind": OriginKind},
        id="getTaskDashboard",
    ),
    Op.GET_HISTORY: OperationDoc(
        "What was done in each of the last minutes, and how long it took",
        None,
        history.HistoryResponse,
        {"minutes": int},
    ),
    Op.GET_INBOX: OperationDoc(
        "What waits for the caller, in lanes; one lane goes on by a Link header",
        None,
        inbox.InboxResponse,
        {**_SCOPED, "lane": Lane, "unread": bool, "query": str, "limit": int},
        is_list=True,
        id="getTaskInbox",
    ),
    Op.CREATE_WORKSPACE: OperationDoc(
        "Register a workspace", rr.CreateWorkspaceRequest, registered.WorkspaceResponse
    ),
    Op.RESOLVE_WORKSPACE: OperationDoc(
        "The workspace of a directory, made if new",
        rr.ResolveWorkspaceRequest,
        registered.WorkspaceResponse,
    ),
    Op.LIST_WORKSPACES: OperationDoc("All workspaces", None, registered.WorkspacesResponse),
    Op.GET_WORKSPACE: OperationDoc("A workspace", None, registered.WorkspaceResponse),
    Op.CREATE_SESSION: OperationDoc(
        "Register a session", rr.CreateSessionRequest, registered.SessionResponse
    ),
    Op.LIST_SESSIONS: OperationDoc("All sessions", None, registered.SessionsResponse),
    Op.GET_SESSION: OperationDoc("A session", None, registered.SessionResponse),
    Op.END_SESSION: OperationDoc("End a session; its leases are released at once"),
    Op.GET_WORKSPACE_SESSION: OperationDoc(
        "A session of a workspace", None, registered.SessionResponse
    ),
    Op.LIVENESS: OperationDoc("Whether the server lives"),
    Op.READINESS: OperationDoc("Whether the server takes work", None, health.ReadinessResponse),
    Op.OPENAPI: OperationDoc("This description, as OpenAPI 3.1"),
    Op.DOCS: OperationDoc("This description, as a page"),
}
