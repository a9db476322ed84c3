"""What fields mean: by their name, or by class and name where one name means several things.

What stands under a class counts before what stands under the name alone. Members that are an object
of their own have texts apart, as their names often stand for something plain elsewhere; those that
just say what the object is have none. What the details of a task mean stands with them.
"""

from collections.abc import Mapping
from typing import Final

from chargehand.actors import limits
from chargehand.actors.task.details import ABOUT

_CLAIM_MEANT: Final = (
    "The claim that the call is of, as `claim-next` gave it: 409 if it is not the current one of "
    "the run. Left out, it is whichever the session holds."
)
_ERROR: Final = (
    "What went wrong; it is shown wherever the run is. What is longer than 64 KiB is cut."
)

FIELDS: Final[Mapping[str, str]] = {
    "active_claim_count": "Runs at work, and those on their way there.",
    "active_orphan_runs": "Runs at work whose session is no more.",
    "active_runs": "Runs that are open: queued, claimed, starting or running.",
    "ActiveRun.age_ms": "How long it has had this status.",
    "age_ms": "How long ago the latest activity was.",
    "CoordinatorProfile.agent_name": "Who coordinates; kept for whoever runs the work.",
    "CoordinatorRequest.agent_name": "Who coordinates; kept for whoever runs the work.",
    "ReviewProfile.agent_name": "Who judges; kept for whoever picks a reviewer.",
    "WorkerProfile.agent_name": "The only agent that may claim.",
    "WorkerRequest.agent_name": "The only agent that may claim.",
    "active_run_count": "Runs at work: claimed, starting or running; at the minute's end, or now.",
    "agent_name": "The name of the agent.",
    "BulkTaskFilter.all": "Leave nothing out, but drafts; it stands where nothing else does.",
    "BulkRunFilter.all": "Leave nothing out; it stands where nothing else does.",
    "BulkRunFilter.agent_name": "Those that sessions of this agent hold or held.",
    "allowed_agent_names": "Nobody else may claim; an empty list allows all.",
    "allowed_channel_ids": "Kept for whoever runs the work; claims are not bound by it.",
    "allowed_message_kinds": "What may be said there.",
    "allowed_peer_ids": "Kept for whoever runs the work; claims are not bound by it.",
    "approval_policy": "`manual` asks a person before any run is queued.",
    "approval_state": "`pending` waits for a person, and `rejected` is not worked on.",
    "archived": "Whether the caller has put it away.",
    "archived_total": "Those that the caller has put away.",
    "as_of": "When this was so.",
    "SetAside.address": (
        "A task's id, or `@session/` or `@workspace/` with an id, or `@scheduler`."
    ),
    "Review.attempt": "Counts the reviews of a round, from 1.",
    "ReviewRequest.attempt": "Counts the reviews of a round, from 1; left out, it is 1.",
    "atomic": "All of them or none, which is the default; or each that can be made.",
    "attempt": "Counts the runs of the task, from 1.",
    "auto_enqueue_on_ready": "Queue a run automatically once another event makes the task ready.",
    "average_ms": "The mean.",
    "awaiting_approval": "Tasks that wait for a person.",
    "awaiting_approval_tasks": "Tasks that wait for a person.",
    "awaiting_dependencies": "Tasks that wait for other tasks.",
    "backlog_status": "`warn` if a run has waited for too long.",
    "backlog_threshold_ms": "What too long is.",
    "backlog_warning": "Whether a run has waited for too long.",
    "blocked_tasks": "Tasks that are blocked.",
    "blocking_reason": "Why nothing goes on with it, in a word for programs.",
    "bound_session_id": "The session that has the run.",
    "bridge_instance_id": "The id of a bridge in the server's configuration.",
    "canceled_runs": "Runs that were canceled.",
    "canceled_tasks": "Tasks that were canceled.",
    "capabilities": "What it can do; runs may require it.",
    "category": "What it is about.",
    "CoordinationChannel.channel": "The same as its id.",
    "channel": "The channel it is in: it sees runs of this one alone.",
    "changed": "How many rows are `ok`.",
    "child_count": "Its direct children, drafts too.",
    "children": "Its direct children, latest activity first.",
    "circuit_opened": "Whether the rejection was one too many, so that no run follows.",
    "HeartbeatRequest.claim_token_hash": _CLAIM_MEANT,
    "ReleaseClaimRequest.claim_token_hash": _CLAIM_MEANT,
    "CompleteClaimRequest.claim_token_hash": _CLAIM_MEANT,
    "FailClaimRequest.claim_token_hash": _CLAIM_MEANT,
    "HeartbeatItem.claim_token_hash": _CLAIM_MEANT,
    "ReleaseItem.claim_token_hash": _CLAIM_MEANT,
    "CompleteItem.claim_token_hash": _CLAIM_MEANT,
    "FailItem.claim_token_hash": _CLAIM_MEANT,
    "claim_token_hash": "Names the claim without giving it away.",
    "claim_token_hash_truncated": "The beginning of the claim's hash.",
    "claimed": "Of these, the claimed ones.",
    "claimed_at": "When it was claimed, the last time.",
    "claimed_runs": "Runs that are claimed.",
    "clear_owner": "Take the owner away.",
    "closed_at": "There exactly while the status is terminal.",
    "code": "Stable, and for programs.",
    "completed": "Whether no run was at work any more when it ended.",
    "completed_at": "When the drain ended.",
    "completed_runs": "Runs that are completed.",
    "completed_tasks": "Tasks that are completed.",
    "confidence": "From 0 to 1.",
    "consumer_id": "Names the reader of the events: the subscription.",
    "coordination_channel_id": "Where those who work on the run talk to each other.",
    "count": "How many there are.",
    "created": "Whether this request made it.",
    "ExecutionProfileRequest.created_at": (
        "The server's own: must be a time, and counts for nothing."
    ),
    "created_at": "When it was made.",
    "SetAside.cause": "What was found.",
    "crash_count": "Crashes of tasks' actors since the server was started.",
    "current_run_id": "The run that somebody works on: claimed, starting or running.",
    "data_freshness": "`live` always: no answer comes from a cache.",
    "deadline_at": "When the review times out.",
    "ResendRequest.delivery_id": "The message to send; left out, all of the subscription.",
    "UndeliveredMessage.delivery_id": "The message's `webhook-id`.",
    "delivery_id": "Names the verdict, so that it may be sent again.",
    "delivery_mode": (
        "Handed to the receiver: `direct-send` begins a message, `reply` answers in a thread."
    ),
    "dependencies": "The tasks that it waits for, completed ones too.",
    "dependency_blocked_tasks": "Tasks that wait for other tasks.",
    "dependency_count": "The tasks that it waits for, completed ones too.",
    "dependency_references": "The same dependencies, with the tasks that are waited for.",
    "depends_on_task_id": "The task that is waited for.",
    "Queue.depth": "What waits in each channel.",
    "TreeNode.depth": "Steps down from the task that was asked for.",
    "descendants": "All tasks below it, a level at a time.",
    "description": "What is to be done, at length.",
    "diagnostics": "What is wrong, each with what helps; empty if nothing is.",
    "dismissed": "Whether it is hidden from the caller until something happens to it.",
    "CoordinationChannel.display_name": "The same as its id.",
    "draft": "A draft is not worked on before it is published.",
    "draft_tasks": "Tasks that are drafts.",
    "dry_run": "Nothing is stored; it is only said what would be.",
    "effective_paused": "Whether the task or one above it is paused.",
    "ended_at": "When it ended, in whatever way.",
    "LeaseResult.error": "Why nothing was done; there exactly if `ok` is false.",
    "BulkTaskRow.error": "Why it is refused; there exactly if `ok` is false.",
    "BulkRunRow.error": "Why it is refused; there exactly if `ok` is false.",
    "BulkRunResult.error": "Why nothing was done; there exactly if `ok` is false.",
    "Error.error": "All of it in a sentence, for people.",
    "FailClaimRequest.error": _ERROR,
    "FailItem.error": _ERROR,
    "FailRunRequest.error": _ERROR,
    "UndeliveredMessage.error": "Why it could not be delivered, in short.",
    "error": "What it failed with.",
    "event_id": "The event's id.",
    "event_type": "What happened, as `task.run_claimed`.",
    "events": "Its latest events.",
    "evidence": "The facts behind it.",
    "FailedCard.failed_runs": "Runs that have failed, and those that need attention.",
    "failed_runs": "Runs that have failed.",
    "failed_tasks": "Tasks that have failed.",
    "InspectRun.failure_kind": (
        "`operator_forced` where somebody failed it by force, `error` where it failed by itself."
    ),
    "failure_kind": "`operator_forced` where somebody failed it by force.",
    "forced_stops": "Runs that somebody failed by force.",
    "group_id": "Handed to the receiver: the group that it shall notify. This or a peer is needed.",
    "groups": "The lanes.",
    "guidance": "What the coordinator shall heed.",
    "has_live_work": "Whether any run is open, queued ones too.",
    "health_status": "`warn` where somebody should look.",
    "heartbeat_age_seconds": "How long ago the lease was made or last extended.",
    "heartbeat_at": "When the claim was made or last extended.",
    "CreateSessionRequest.id": "The id that the agent sends in its header; left out, one is made.",
    "CreateTaskRequest.id": "An id of the caller's own, never used before; left out, one is made.",
    "Diagnostic.id": "The code, with the area it is of.",
    "ids": "What is meant, by ids; each is handled once.",
    "id": "Its id; it never changes and is never used again.",
    "Run.idempotency_key": "The key with which the run was queued.",
    "idempotency_key": "Sent again with the same key, a request has the effect of the first.",
    "identifier": "A name of the caller's own.",
    "in_progress_tasks": "Tasks that are in progress.",
    **dict.fromkeys(
        (f"{each}BatchRequest.items" for each in ("Heartbeat", "Release", "Complete", "Fail")),
        "Each with a run of its own.",
    ),
    "CreateTaskBatchRequest.items": "The tasks, in any order.",
    "items": "Those that are shown.",
    "AddDependencyRequest.kind": "`blocks`: the task waits until the other one is completed.",
    "Dependency.kind": "`blocks`: the task waits until the other one is completed.",
    "DependencyReference.kind": "`blocks`: the task waits until the other one is completed.",
    "NewDependency.kind": "`blocks`: the task waits until the other one is completed.",
    "kind": "The kind of the one that `ref` names.",
    "BulkTaskFilter.include_drafts": "Drafts too.",
    "lane": "The part of the inbox that it is in.",
    "ActiveRun.last_activity_at": "Since when it has this status.",
    "BoundSession.last_activity_at": "When the session was last changed.",
    "CoordinationChannel.last_activity_at": "When the run was queued.",
    "last_activity_at": "When something last happened to it.",
    "last_delivered_at": "When the last message was taken.",
    "last_delivery_id": "The `webhook-id` of the last message that was taken.",
    "last_error": "Why the last attempt failed; it is repeated until it succeeds.",
    "last_error_summary": "The beginning of what it failed with.",
    "last_seen_activity_at": "What happened until then, the caller has seen.",
    "last_sequence": "All ends up to this number were delivered; it only rises.",
    "latest_activity_at": "When something last happened; in the year 1 if nothing ever did.",
    "latest_event_seq": "The number of the latest event; numbers only rise.",
    "limit": (
        f"How many are handled at most, up to {limits.BULK_SLICE_MAX}; left out, as many for a "
        f"filter, all that are named, and {limits.BULK_SHOWN} rows of a dry run."
    ),
    "cursor": "Where it goes on: the `next_cursor` of the answer before.",
    "lease_seconds": "How long the claim holds without a heartbeat.",
    "HeartbeatRequest.lease_seconds": (
        "How long the claim holds from now on; left out or 0, as long as the claim asked for."
    ),
    "leases_expired": "Leases that ran out in it.",
    "lease_until": "When the claim ends unless a heartbeat extends it.",
    "claims": "What was claimed, the best first.",
    "max_runs": f"How many runs at most, up to {limits.BATCH_RUNS_MAX}.",
    "max_attempts": "How many runs the task may have.",
    "maximum_ms": "The longest.",
    "matched": (
        "How many there are in all: that were named, or match as the request is handled. Left out "
        "with a cursor for a filter; of runs that match also where more follow, unless it is a dry "
        "run."
    ),
    "message": "What is wrong, in a sentence.",
    "metadata": "Any JSON; it is kept as it is.",
    "minutes": "The minutes, the oldest first; the last is under way.",
    "missing_work": "What the run left undone, a text for each thing.",
    "mode": "How the rest of the section is meant; it binds nothing here.",
    "model": "The model to use; kept for whoever runs the work.",
    "name": "A name for people.",
    "needs_attention_run_count": "Runs that are parked until an operator looks at them.",
    "ChannelDepth.network_channel": "The channel; left out for runs that have none.",
    "EnqueueRunRequest.network_channel": "The channel of this run, in place of its task's.",
    "next_action": "What would help now.",
    "next_round_guidance": "What the next run shall do.",
    "observed_at": "When the picture was taken.",
    "new_run_id": "The run that was queued in its place.",
    "next_cursor": "Where it goes on; left out where these were the last.",
    "NewTaskResult.ok": "Whether the task was made; if not, `error` says why.",
    "BulkTaskRow.ok": (
        "Whether it was done, or had been before; of a dry run, whether it would be. If not, "
        "`error` says why."
    ),
    "BulkRunRow.ok": (
        "Whether it was done, or had been before; of a dry run, whether it would be. If not, "
        "`error` says why."
    ),
    "ok": "Whether this run was changed; if not, `error` says why.",
    "oldest_claimable_age_ms": (
        "How long the oldest run that can be claimed has been queued, at the minute's end, or now; "
        "left out where there is none."
    ),
    "oldest_queue_age_ms": "How long the oldest of them has waited.",
    "oldest_queued_at": "Since when the oldest of them waits; in the year 1 if none does.",
    "InspectEvent.outcome": "How it went, where that can be said.",
    "outcome": "The judgement.",
    "NewTaskItem.enqueue": "Whether its first run is queued with it.",
    "NewTaskItem.parent_ref": "The item that is its parent.",
    "NewTaskItem.parent_task_id": "The task that is its parent.",
    "p50_ms": "The median; left out without samples.",
    "p95_ms": "What 95 of 100 did not exceed; left out without samples.",
    "parent_review_id": "The review before it in the chain.",
    "parent_task_id": "The task above it.",
    "path": "The directory, as an absolute path.",
    "SchedulerPauseState.paused": "Whether no runs are handed out.",
    "SchedulerStatus.paused": "Whether no runs are handed out.",
    "paused": "Whether it is itself paused.",
    "paused_at": "Since when it is paused.",
    "paused_by": "Who has paused it, as kind and name.",
    "paused_by_task_id": "The paused task that holds it: itself, or one above.",
    "paused_reason": "Why it is paused.",
    "paused_task_count": "Tasks that are themselves paused.",
    "payload": "What else the event says; its members depend on its type.",
    "peer_id": "Handed to the receiver: the one whom it shall notify. This or a group is needed.",
    "pending_tasks": "Tasks that are pending.",
    "BulkTaskFilter.owner_kind": "Those whose owner is of this kind.",
    "BulkTaskFilter.owner_ref": "Those of the owner of this name.",
    "policy": "Which ends of a run are judged.",
    "preferred_agent_names": "They are given the run before others of its priority.",
    "preferred_capabilities": "Who has them is given the run before others of its priority.",
    "preferred_channel_ids": "Kept for whoever runs the work; claims are not bound by it.",
    "preferred_peer_ids": "Kept for whoever runs the work; claims are not bound by it.",
    "previous_run_id": "The run in whose place it was queued.",
    "priority": "The higher ones are claimed first.",
    "priority_min": (
        "Claim nothing below this weight: `low` is 10, `medium` 20, `high` 30, `urgent` 40; "
        "0 takes all."
    ),
    "RegisteredSession.waiting_claims": "How many claims of it wait for a run; left out if none.",
    "RegisteredSession.provider": "`external` always: sessions run outside of this server.",
    "provider": "Who runs the model; kept for whoever runs the work.",
    "provider_name": "`external` always: sessions run outside of this server.",
    "CoordinationChannel.purpose": "`task_run_coordination` always.",
    "BulkTaskFilter.query": "A part of the title, the identifier or the id, in any case.",
    "queue_backlog": "Whether a run has waited for too long.",
    "queued": "Of these, the queued ones.",
    "queued_at": "The run's place in the queue, kept through releases.",
    "queued_run_count": "Runs that wait, held back or not.",
    "HistoryMinute.queued_run_count": "Runs that wait, held back or not; at its end, or now.",
    "queued_runs": "Runs that are queued.",
    "read": "Whether the caller has seen the latest that happened to it.",
    "ready_tasks": "Tasks that are ready.",
    "Review.reason": "Why it was judged so; before that, why it was asked for.",
    "ReviewRequest.reason": "Why the run shall be judged.",
    "VerdictBody.reason": "Why the reviewer judges so.",
    "reason": "Why, for people and for the record.",
    "recent_events": "Its latest events.",
    "recent_runs": "Its latest runs.",
    "Origin.ref": "The operation by which it came.",
    "NewTaskItem.ref": "A name for it, which others of the batch may use.",
    "NewDependency.ref": "The item that is waited for; or `task_id`.",
    "NewTaskResult.ref": "What the item was named.",
    "ref": "Its id or name within its kind.",
    "refused": "How many rows are not.",
    "remaining_claims": "Runs still at work when the drain ended.",
    "remaining_runs": "Those of them that are named, 100 at most, with who holds them.",
    "requested_at": "When it was asked for.",
    "ClaimNextRequest.required_capabilities": (
        "The capabilities that the caller has; runs that require others are passed over."
    ),
    "ReviewProfile.required_capabilities": (
        "What a reviewer should have; kept for whoever picks one."
    ),
    "required_capabilities": "Who claims must have all of them.",
    "result": "Any JSON that the work came to.",
    "TaskBatchResponse.results": "A row for each item, in the order of the items.",
    "TaskBatchError.results": (
        "A row for each item, where any of them could be made; left out where the request itself "
        "was refused."
    ),
    "BulkTaskResponse.results": "A row for each task, in the order in which they are meant.",
    "results": "A row for each run, in the order in which they were asked for.",
    "retries": "The attempts before this one.",
    "review_id": "The review's id.",
    "review_round": "Counts the runs of a chain of reviews, from 1.",
    "review_text": "The review at length.",
    "reviewed_at": "When the verdict came; in the year 1 while there is none.",
    "reviewer_agent_name": "The agent that judged.",
    "reviewer_channel_id": "Never set: who judged is known by the session.",
    "reviewer_peer_id": "Never set: who judged is known by the session.",
    "reviewer_session_id": "The session that judged.",
    "reviews": "The reviews, latest changes first.",
    "root_dir": "The directory, as an absolute path.",
    "routed_at": "Never set: nobody is sent to a review.",
    "ReviewRequest.run_id": "May repeat the run of the path; another one is refused.",
    "VerdictRequest.run_id": "The run that the review is of; another one is refused.",
    "run_id": "The run that it is of.",
    "run_ids": "The runs, 50 at most.",
    "run_status": "Where the run stands.",
    "running": "Of these, the running ones.",
    "running_runs": "Runs that are running.",
    "Backlog.runs": "The runs in the order in which they are handed out, each with its task.",
    "runs": "The runs, latest first.",
    "runs_canceled": "Runs that were canceled in it.",
    "runs_claimed": "Runs that were claimed in it, by agents or operators.",
    "runs_completed": "Runs that were completed in it.",
    "runs_enqueued": "Runs that were queued in it, those by retry and recovery too.",
    "runs_failed": "Runs that failed in it, or were made to.",
    "runs_released": "Claims that were given back in it.",
    "runs_total": "All their runs.",
    "samples": "How many runs it is made of.",
    "sandbox_ref": "Which sandbox; it goes with the mode `ref` alone.",
    "CreateSubscriptionRequest.scope": (
        "May repeat the scope of the task; left out, `workspace_id` is not looked at."
    ),
    "scope": "`workspace` goes with a workspace, `global` without.",
    "UndeliveredMessage.sequence": "The number of the event that it is about.",
    "sequence": "The event's number; ask for what comes after it.",
    "AttachSessionRequest.session_id": "The session to bind the run to.",
    "BoundSession.session_id": "The session that the run names.",
    "Session.session_id": "The session that is bound to the run.",
    "session_id": "The session of the agent that has or had it.",
    "set_aside": "What is refused alone, until it is mended: the first 100 of it.",
    "set_aside_count": "How much is set aside.",
    "sessions": "The sessions.",
    "severity": "How bad it is.",
    "share_percent": "Its part of all tasks that match, rounded.",
    "History.since": (
        "From when on it is known: the server's start, or a day ago. It moves on with a restart, "
        "which forgets all of before."
    ),
    "SetAside.since": "When it was found.",
    "stale": "Whether nothing happens although there is work.",
    "stale_after_ms": "How long nothing may happen, although there is work, before it is stale.",
    "BoundSession.started_at": "When the session was made.",
    "DrainResponse.started_at": "When the drain began.",
    "DrainUnderWay.started_at": "When it began.",
    "ends_at": "When its time is up.",
    "claims_at_start": "Runs that were at work when it began; `active_claim_count` are now.",
    "Review.started_at": "Never set: nobody is sent to a review.",
    "start": "When the minute began.",
    "started_at": "When the work on it began.",
    "starting": "Of these, the starting ones.",
    "starting_runs": "Runs that are starting.",
    "starved_run_count": "Runs queued for long that no known session could claim.",
    "state": "Whether it is there.",
    "Freshness.status": (
        "`empty` if nothing ever happened, `stale` if nothing happens although there is work."
    ),
    "epoch": (
        "How often the data had been opened for writing when this server opened it, itself "
        "included. A server of an earlier epoch can write no more."
    ),
    "HealthSummary.status": "`warn` if anything of this is wrong.",
    "StatusShare.status": "The status that is counted.",
    "BulkRunFilter.since": "Those that came into their status then or later.",
    "BulkRunFilter.until": "Those that came into their status before that.",
    "BulkRunFilter.status": (
        "Where they stand; several with commas between, and `active` for those at work."
    ),
    "status": "Where it stands.",
    "ReadinessResponse.status": "`ready`: whatever is not set aside is served.",
    "ReadinessResponse.time": (
        "What was noticed of time since the start; left out while there was nothing."
    ),
    "ReadinessResponse.retention": (
        "What retention has done since the start; left out where nothing of it is set."
    ),
    "ReadinessResponse.role": (
        "Of one of several nodes: `active`, `standby`, `becoming active`, `unconfirmed` or "
        "`between turns`."
    ),
    "ReadinessResponse.active": "The name of the node that is active.",
    "ReadinessResponse.lag_records": (
        "How many records of the shared journal this node does not have yet."
    ),
    "deleted_tasks": "Finished tasks that it has deleted.",
    "refused_tasks": "Those that changed at that moment, so they stay.",
    "held_tasks": (
        "Those beyond a limit that had to stay at the last round, as a task of their tree or one "
        "that depends on them is not."
    ),
    "freed_ids": "Ids of deleted tasks that may be used again.",
    "last_round_at": "When all finished tasks were gone through last.",
    "stalls": "How often the process stood still for longer than a turn of its loop may take.",
    "stalled_seconds": "For how long; leases were given that time back.",
    "suspends": "How often the host was suspended.",
    "suspended_seconds": "For how long; leases were given that time back.",
    "wall_steps": "How often the wall clock was set by a second or more.",
    "wall_stepped_seconds": "How far it is from where it would be without these steps.",
    "behind_last_record_seconds": (
        "How far the clock was behind the last record when the server started: it was wrong "
        "either then or when that record was written."
    ),
    "status_breakdown": "The tasks by status.",
    "stream_name": "What is read; `task_events` always.",
    "stuck": (
        "Whether it is at work for longer than such work takes, or without a lease and untouched."
    ),
    "stuck_runs": (
        "Runs at work for longer than such work takes, or that no lease guards and nobody touches."
    ),
    "subject_id": "The task whose ends are reported.",
    "CreateSubscriptionRequest.subscription_id": (
        "Known already, that subscription is changed; left out, one is made."
    ),
    "ResendRequest.subscription_id": "Whose messages to send; left out, all of the task.",
    "subscription_id": "Names the subscription; it stays with its task even when both are gone.",
    "subscriptions": "The subscriptions, changed last first.",
    "dropped": "How many older ones there were, which are not kept any more.",
    "messages": "The messages, in the order of their numbers.",
    "due": "Messages that are still to be delivered, this moment or after a failure.",
    "off_since": "When a 410 turned it off; set the subscription again to turn it on.",
    "undelivered": "Messages that are not tried any more; they can be sent again.",
    "undelivered_at": "Since when it is not tried any more.",
    "undelivered_dropped": "How many older ones there were, which are not kept any more.",
    "suggested_command": "A command of `chargehand` that helps, whole.",
    "summary": "Why, in a line.",
    "target": "What was looked at.",
    "Dependency.task_id": "The task that waits.",
    "DependencyReference.task_id": "The task that waits.",
    "ExecutionProfileRequest.task_id": "May repeat the task of the path.",
    "ReviewRequest.task_id": "May repeat the run's task; another one is refused.",
    "NewDependency.task_id": "The task that is waited for; or `ref`.",
    "task_id": "The task that it is of.",
    "task_identifier": "The identifier of its task.",
    "task_priority": "The priority of its task.",
    "task_status": "Where its task stands.",
    "task_title": "The title of its task.",
    "BlockedCard.tasks": "Tasks that are blocked.",
    "FailedCard.tasks": "Tasks that have failed.",
    "InProgressCard.tasks": "Tasks in progress.",
    "tasks": "The tasks, latest activity first.",
    "tasks_created": "Tasks that were made in it.",
    "tasks_total": "All tasks that match.",
    "thread_id": "Handed to the receiver: the thread within which it shall notify them.",
    "timed_out": "Whether the time was up first.",
    "timeline": "The events, oldest first.",
    "timeout_seconds": "How long to wait; 0 does not, left out is what the server is set to.",
    "timestamp": "When it happened.",
    "title": "What it is about, in a line.",
    "total": "All that match, shown or not.",
    "InspectEvent.type": "What happened, as `task.run_claimed`.",
    "StreamEvent.type": "What happened, as `task.run_claimed`.",
    "type": "`user` always: sessions are made by their users.",
    "unread_count": "Those of them that the caller has not read.",
    "unread_total": "Those of all lanes that the caller has not read.",
    "ExecutionProfileRequest.updated_at": (
        "The server's own: must be a time, and counts for nothing."
    ),
    "updated_at": "When it was last changed.",
    "wait": "Be answered the moment there is work, or by 204 after a while.",
    "CoordinationChannel.workflow_id": "What the run's metadata have under this name.",
    "why": "`damaged` at rest, or `crashed` too often; a start tries the latter again.",
    "workspace": "A workspace's id, name or path.",
    "ClaimNextRequest.workspace_id": (
        "May repeat the workspace of the session, by id, name or path; another one is refused."
    ),
    "CreateSubscriptionRequest.workspace_id": "May repeat the workspace of the task.",
    "workspace_id": "The workspace that it belongs to; left out where the scope is `global`.",
    "workspace_path": "The directory of its workspace.",
    "workspaces": "The workspaces.",
}

# Of members that are an object of their own.
OBJECTS: Final[Mapping[str, str]] = {
    "active_run": "The run that is open, if there is one.",
    "active_runs": "The runs that are open, and some of them one by one.",
    "actor": "Who did it.",
    "bound_session": "The session that the run names.",
    "claim_latency_ms": "From a run's place in the queue to its claim.",
    "claimed_by": "Who has claimed it.",
    "drain": (
        "The drain that waits for claims under way, of several the one that waits longest; left "
        "out while there is none."
    ),
    "continuation_run": "The run that goes on after a rejection.",
    "coordination_channel": "Where those who work on the run talk to each other.",
    "coordinator": "Who coordinates the work.",
    "created_by": "Who made it.",
    "current_run": "The run that was looked at: the open one, else the latest.",
    "cursor": "What was delivered last.",
    "NewTaskItem.depends_on": "The items and tasks that are waited for.",
    "depends_on": "The task that is waited for.",
    "diagnostic": "The same for programs.",
    "filter": "What is meant, by what it has: the parameters of the list, by name and value.",
    "freshness": "How old the picture is.",
    "execution": "Of the runs that ended in it, from the claim to the end.",
    "history": "The minutes, and from when on they are known.",
    "lease": "How long the run is the session's, and how it is named.",
    "origin": "By which way it came.",
    "participants": "Who may take part, workers too.",
    "previous_run": "The run in whose place the new one was queued.",
    "queue_wait": "Of the runs that were claimed in it: since they were queued, or given back.",
    "reviewed_by": "Who judged.",
    "runtime": "How the work is run.",
    "sandbox": "Where the work is run.",
    "scheduler": "Whether runs are handed out.",
    "start_latency_ms": "From a run's claim to its start.",
    "task_owner": "Whom its task belongs to.",
    "timeline": "The event, as the timeline has it.",
    "triage": "The caller's own marks.",
    "worker": "Who may do the work, and who goes first.",
}


def text_of(class_name: str, name: str, *, is_object: bool) -> str | None:
    """What a field of a class means."""
    of_all = OBJECTS if is_object else FIELDS
    return FIELDS.get(f"{class_name}.{name}") or of_all.get(name) or ABOUT.get(name)
