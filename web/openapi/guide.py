"""What each operation does beyond its summary, for people: what it needs, changes and answers."""

from collections.abc import Mapping
from typing import Final

from chargehand.actors import limits
from chargehand.web.operations import Operation as Op

_RUNNING: Final = (
    "A run that was started is ended by canceling it; if its agent is gone, end the agent's "
    "session (`DELETE /api/sessions/{id}`), which queues it again at once."
)
_RELEASABLE: Final = f"Only claimed runs are released. {_RUNNING}"
_FAILABLE: Final = f"Only queued, claimed and parked runs are failed by force. {_RUNNING}"
_FENCED: Final = (
    "Send the claim's `claim_token_hash`, so that a late call can never touch a later claim."
)
_CUT: Final = "A reason that is too long is cut."
_REVIEWS: Final = (
    "Latest changes first. One that is there all along while pages are read is shown once."
)
_OF_ALL: Final = (
    f"One answer looks into {limits.PAGE_TASKS_MAX} tasks at most, so it may be short, or even "
    "empty, and lead on by its `Link` header: the list is at its end where there is none. One that "
    "is there all along while pages are read is shown once."
)
_ITEMS: Final = (
    f"Each item (up to {limits.BATCH_RUNS_MAX}) has the run and what its own operation takes. "
    "Answers with a row for each, in the order sent; one may be refused alone, also where it could "
    "not be read."
)
_SELECTED: Final = (
    f"Either `ids`, up to {limits.BULK_IDS_MAX}, or a `filter` with what `GET {{list}}` takes; one "
    "that leaves nothing out says so by `all`, and one with an unknown member is refused. A filter "
    f"is worked through in slices of {limits.BULK_SLICE_MAX}, or of `limit`: send `next_cursor` as "
    "`cursor`, with the same filter, while there is one."
)
_EACH: Final = (
    "Each is an operation of its own and may be refused alone; the answer is 200 with a row for "
    "each, in the order asked, and 503 only if the server could do none. "
    "`dry_run` stores nothing: it counts what matches, shows the first ones "
    f"({limits.BULK_SHOWN} or `limit`), and says of each whether it would be refused as things are "
    "now. A request that has arrived is carried out, also where the client goes away. "
    "Under an `Idempotency-Key`, a new one for each slice, the same request has one effect: sent "
    "again, it is about the same ones as before, as what was done under the key counts as if it "
    "matched still. It goes on with what was left, and tries again what was refused. What somebody "
    "else has changed meanwhile is in it if it matches now."
)
_BULK_TASKS: Final = (
    f"{_SELECTED.format(list='/api/tasks')} Tasks come in the order of creation, the newest first, "
    "which nothing moves: one that matches all along is handled once, and one is handled that "
    "matches when its turn comes. "
    f"{_EACH}"
)
_BULK_RUNS: Final = (
    f"{_SELECTED.format(list='/api/runs')} Runs come in the order of that list, and a slice may be "
    f"short, or even empty, and not the last one. One that matches all along is handled once; over "
    f"a restart, or after more than {limits.MOVES_MAX} changes by anybody, it may come once more "
    f"and is refused then. {_EACH}"
)
_ROWS: Final = "Answers with a row for each run, in the order asked; one may be refused alone."

AREAS: Final[Mapping[str, str]] = {
    "agent": "What agents do with the runs that they claim.",
    "scheduler": "Holding the handing out of runs, and what waits for it.",
    "stream": "What happens to all tasks, as it happens.",
    "tasks": "Tasks: making and changing them, their trees, runs, events and gates.",
    "task-runs": "One run, by operators.",
    "runs": "Runs of all tasks; by force, one or many: inspected, released, failed, tried again.",
    "observe": "All tasks at a glance.",
    "task-reviews": "Reviews of finished runs.",
    "workspaces": "Directories that sessions and tasks belong to.",
    "sessions": "Agents that are known by name.",
    "server": "The server itself; no identity is asked for.",
}

# What `id` of a path is, by the area that the path is in.
IDS: Final[Mapping[str, str]] = {
    "tasks": "The task.",
    "task-runs": "The run.",
    "runs": "The run.",
    "task-reviews": "The review.",
    "workspaces": "The workspace.",
    "sessions": "The session.",
}

PARAMETERS: Final[Mapping[str, str]] = {
    "agent_name": (
        "Only runs that sessions of the agent of this name hold or held, or that the actor of this "
        "reference has claimed. Ended sessions are known to be the agent's for a day."
    ),
    "after_sequence": "Only events with a greater number; 0 is all.",
    "approval_state": "Only tasks whose approval stands so.",
    "bridge_instance_id": "Only those of this bridge.",
    "cursor": "Where the rows go on: taken from the `Link` header, never made up.",
    "depends_on_id": "The task that is waited for.",
    "failure_kind": "Only runs that failed in this way.",
    "include_drafts": "Show drafts too.",
    "include_paused": "Show runs that a pause holds back, too.",
    "latest": "The last events, as many as `limit` says, and not the first ones; in order as ever.",
    "lane": "Only this part of the inbox; it goes on by a `Link` header.",
    "limit": (
        f"How many rows at most; 0 is the default of {limits.LIST_DEFAULT}, and "
        f"{limits.LIST_MAX} the most there are."
    ),
    "minutes": (
        f"How many minutes, that under way too: 1 to {limits.HISTORY_MINUTES_MAX}, by default "
        f"{limits.HISTORY_MINUTES_DEFAULT}."
    ),
    "network_channel": "Only what is in this channel.",
    "order": "What the rows are ordered by, the newest first: latest activity, or creation.",
    "origin_kind": "Only tasks that came by this way.",
    "owner_kind": "Only tasks whose owner is of this kind.",
    "owner_ref": "Only tasks of the owner of this name.",
    "parent_task_id": "Only direct children of this task.",
    "priority": "Only tasks of this priority.",
    "query": "A part of the title, the identifier or the id, in any case.",
    "reviewer_session_id": "Only what this session has judged.",
    "run_id": "The run.",
    "scope": "Only what has this scope.",
    "since": (
        "Only runs that came into their status then or later: that is the time of `ended_at`, else "
        "of `started_at`, `claimed_at` or `queued_at`, whichever is the last one set."
    ),
    "status": "Only what stands so.",
    "task_id": "Only those of this task.",
    "until": "Only runs that came into their status before that; the time is that of `since`.",
    "unread": "Only what the caller has not read since something happened to it.",
    "session_id": "The session.",
    "subscription_id": "The subscription.",
    "workspace": "A workspace's id, name or path.",
    "workspace_id": "The workspace.",
}

# Where a parameter means something else than elsewhere.
PARAMETERS_OF: Final[Mapping[Op, Mapping[str, str]]] = {
    Op.GET_BACKLOG: {
        "limit": (
            f"How many rows at most; 0 is the default of {limits.BACKLOG_DEFAULT}, and "
            f"{limits.BACKLOG_MAX} the most there are."
        ),
        "scope": "Only runs of such tasks; `workspace` goes without a workspace, too.",
    },
    Op.LIST_UNDELIVERED: {"subscription_id": "Only those of this subscription."},
    Op.LIST_SUBSCRIPTIONS: {"workspace_id": "Only those of this workspace."},
    Op.LIST_RUNS: {"session_id": "Only runs of this session."},
    Op.LIST_ALL_RUNS: {
        "session_id": "Only runs that this session has claimed, or is or was bound to.",
        "status": (
            "Only what stands so; several with commas between. `active` is claimed, starting and "
            "running together."
        ),
    },
    Op.LIST_ALL_REVIEWS: {"status": "Only what stands so; several with commas between."},
    Op.GET_INBOX: {
        "limit": (
            f"How many tasks at most in each lane; 0 is the default of {limits.LIST_DEFAULT}, and "
            f"{limits.LIST_MAX} the most there are."
        ),
    },
}

OPERATIONS: Final[Mapping[Op, str]] = {
    Op.CLAIM_NEXT: (
        "Gives the session the best run that it may have, by priority, preference and age, under a "
        "lease that ends after `lease_seconds` without a heartbeat. 204 if there is none; with "
        "`wait`, the call is answered the moment there is one, or by 204 after a while. While "
        "the scheduler is paused there is none: `GET /api/scheduler` says who paused it, and when. "
        "The answer holds all that the work needs: the task with its description and metadata, and "
        "the run. "
        "Sent again with the same `idempotency_key`, it gives the same claim while its lease lives."
    ),
    Op.AGENT_HEARTBEAT: (
        "The lease ends `lease_seconds` from now, be that later or sooner than before; left out or "
        "0, it is renewed by as long as the claim asked for. 409 if it "
        f"has ended already: the run may be another's by then. {_FENCED}"
    ),
    Op.AGENT_RELEASE: (
        "The run is queued again, at the place in line that it had, and the lease ends. "
        f"{_CUT} {_FENCED}"
    ),
    Op.AGENT_COMPLETE: (
        "Ends the run and the lease, and wakes the tasks that wait for this one; if a review of it "
        "is required, they wait for its approval. May be sent again with an equal body; with "
        f"another one it is 409, and the first one stands. {_FENCED}"
    ),
    Op.AGENT_FAIL: (
        "Ends the run and the lease. It is not queued again by itself: an operator retries it. May "
        "be sent again with an equal body; with another one it is 409, and the first one stands. "
        f"{_FENCED}"
    ),
    Op.CLAIM_BATCH: (
        "Gives the session the best runs that it may have, up to `max_runs`, as so many calls of "
        "`claim-next` would, but those that come together are one write to the disk. A session "
        "holds no more leases than it may (`--max-leases-per-session`): what is beyond that is not "
        "claimed, and 409 only if it has room for none. With `wait`, it waits until there is one, "
        "and takes what else there is then. Sent again with its `idempotency_key`, it gives the "
        "same claims, as long as their leases live, and what else there is. Under the header of "
        "that name they are claimed one after the other; sent again, it gives those that it has "
        "claimed."
    ),
    Op.HEARTBEAT_BATCH: f"As many heartbeats, in one write to the disk. {_ITEMS}",
    Op.RELEASE_BATCH: f"As many releases, in one write to the disk. {_ITEMS} {_CUT}",
    Op.COMPLETE_BATCH: f"As many completions, in one write to the disk. {_ITEMS}",
    Op.FAIL_BATCH: f"As many failures, in one write to the disk. {_ITEMS} {_CUT}",
    Op.GET_SCHEDULER: "Whether runs are handed out; how many are queued, at work or in trouble.",
    Op.PAUSE_SCHEDULER: (
        "Claims find nothing until a resume; work that has begun goes on. Sent again, it changes "
        "the reason."
    ),
    Op.RESUME_SCHEDULER: "Everyone who waits for work is served at once, longest waiting first.",
    Op.DRAIN_SCHEDULER: (
        "Pauses, and answers when no run is at work any more, or after `timeout_seconds` (a minute "
        "if left out, 0 does not wait). The scheduler stays paused."
    ),
    Op.GET_BACKLOG: (
        "Queued runs in the order of priority, age and id; `inspect` says what holds one back. "
        "Those that a pause holds back show where asked for. A run that is queued all along while "
        "pages are read is shown once."
    ),
    Op.LIST_TASKS: (
        "Latest activity first, or with `order=created` the newest one. All filters must match; "
        "drafts show where asked for. A task that is there all along while pages are read is shown "
        "once."
    ),
    Op.CREATE_TASK: (
        "The task is ready, or a draft, or waits for its approval. No run is queued yet: start it, "
        "or let it enqueue itself once another event makes it ready. An `id` of the caller's own "
        "must be new."
    ),
    Op.CREATE_BATCH: (
        f"Up to {limits.BATCH_TASKS_MAX} tasks in one write to the disk. Each item has what "
        "`POST /api/tasks` takes, and may have a `ref`, by which others name it as `parent_ref` or "
        "in `depends_on`, in any order; `parent_task_id` and `task_id` name tasks that are there. "
        "With `enqueue` its first run is queued too, as by `POST /api/tasks/{id}/runs`: it waits "
        "for what the task depends on, and for its approval. "
        "With `atomic`, which is the default, all are made or none: the answer is that of the "
        "first item that is at fault, with `results` for all of them. With `atomic: false` each is "
        "made that can be, and the answer is 200 whatever became of them. An item is refused where "
        "its own request would be, or if one that it names by `ref` was. Under an "
        "`Idempotency-Key` what was made is not made again; what was refused is tried again."
    ),
    Op.GET_TASK: "With its latest 100 events and all its runs.",
    Op.UPDATE_TASK: (
        "Changes what is given, and leaves the rest. An empty text clears the description and the "
        "channel; `clear_owner` takes the owner away."
    ),
    Op.DELETE_TASK: (
        "Not while it has children or an open run. Its id stays taken. Tasks that depended on it "
        "may become ready; if it was not completed, they are not enqueued by that, and inspection "
        "and inbox say why."
    ),
    Op.CREATE_CHILD: (
        "As a new task, in the scope and workspace of its parent. 409 if the parent, or a task "
        "above it, was canceled."
    ),
    Op.PUBLISH_TASK: (
        "The draft becomes a task that is worked on, and a run of it is queued. 409, and nothing "
        "is stored, if it waits for another task or for its approval. A task that is no draft "
        "gives its open run; without one it is 409: start it."
    ),
    Op.START_TASK: (
        "Gives the open run if there is one. A task that is completed or has failed is reopened by "
        "a further run. 409 for drafts, while it is blocked, for canceled tasks and for all that "
        "is below one."
    ),
    Op.APPROVE_TASK: (
        "Gives the open run or a new one, which waits for the task's dependencies. Approving a "
        "draft publishes it."
    ),
    Op.REJECT_TASK: "It stays where it is, and is not worked on.",
    Op.CANCEL_TASK: (
        "It is final: all that is open below the task is canceled with it, runs too, and no new "
        "work begins there. A task that is completed or has failed keeps its status, and what is "
        f"open below it is canceled; 409 if nothing is. {_CUT}"
    ),
    Op.PAUSE_TASK: "No run of it or below it is handed out until a resume. A reason is needed.",
    Op.RESUME_TASK: "Tasks that became ready meanwhile enqueue themselves if they are meant to.",
    Op.ADD_DEPENDENCY: (
        "The task is blocked until the other one is completed, and approved where a review of it "
        "is required. No cycles. 409 if the other one was canceled, as it will never be completed."
    ),
    Op.REMOVE_DEPENDENCY: (
        "The task may become ready by it, and enqueues itself then if it is meant to."
    ),
    Op.LIST_DEPENDENTS: (
        "Those that depend on it, drafts too, whether it is completed by now or not. The latest "
        "active first."
    ),
    Op.LIST_RUNS: "Of one status or session if asked for.",
    Op.ENQUEUE_RUN: (
        "A further run of a task, also of one that is completed. 409 while one is open, below a "
        "canceled task, and while it depends on a canceled one. With an "
        "`idempotency_key` that was used before, it gives the run of then."
    ),
    Op.GET_TIMELINE: (
        "Oldest first. Numbers are shared by all tasks, so those of one have gaps. A number beyond "
        "the newest one is refused as `stream_cursor_ahead`."
    ),
    Op.STREAM_TASK: (
        "Server-sent events: all after `after_sequence`, then each as it happens. A client that "
        "comes back with `Last-Event-ID` misses nothing and sees nothing twice. A last event "
        "`stream.closed` says why the server ends it. A number beyond the newest one, as after a "
        "backup was restored, is refused as `stream_cursor_ahead`, with the `newest` number: read "
        "the task again and start over."
    ),
    Op.STREAM: (
        "Server-sent events as those of one task: from now on, or all after `after_sequence` or "
        "`Last-Event-ID` without gap or repeat, also over a restart of the server. Of a task that "
        "was deleted meanwhile the deletion alone may come. Who was away "
        f"while more than {limits.STREAM_BEHIND_TASKS_MAX} tasks changed, or for so long that "
        "deletions are forgotten, is refused as `stream_cursor_behind`, with the `newest` number: "
        "list the tasks again and go on behind it."
    ),
    Op.LIST_ALL_RUNS: (
        "Runs of the task with the latest activity first, of each task those of the highest "
        f"attempt first. All filters must match. {_OF_ALL} Where only open runs are asked for, by "
        "`status`, none but tasks with such runs are looked into. Of a task that is set aside no "
        "more than its open run is shown."
    ),
    Op.LIST_ALL_REVIEWS: (
        "Reviews of the task with the latest activity first, of each task the one that was asked "
        f"for last first. All filters must match. {_OF_ALL} With `status=requested`, none but "
        "tasks that wait for a verdict are looked into. Those of tasks that are set aside are left "
        "out."
    ),
    Op.GET_TREE: "Each task with its status and its active run.",
    Op.GET_PROFILE: "The default one, with unset times, where none was set.",
    Op.SET_PROFILE: (
        "Says which agents and capabilities the runs need and prefer. It binds queued runs at "
        "once; 409 while a run is worked on."
    ),
    Op.DELETE_PROFILE: "Back to the default one.",
    Op.MARK_TASK_READ: "Each caller has marks of its own.",
    Op.ARCHIVE_TASK: "Each caller has marks of its own.",
    Op.DISMISS_TASK: "It shows again after any change. Each caller has marks of its own.",
    Op.CREATE_SUBSCRIPTION: (
        "From now on the receiver gets one message each time the task becomes completed, failed or "
        "canceled: at least once, in order, signed, again until it takes it. The bridge must be of "
        "the task's scope and workspace; either a peer or a group is needed, and handed to the "
        "receiver as it is. A known `subscription_id` of this task is changed, turned on if it "
        "was off, and what is due to it tried at once. What a message looks like stands in "
        "docs/webhooks.md."
    ),
    Op.LIST_SUBSCRIPTIONS: (
        "Those set last come first, each with its cursor: what was delivered last, and what is "
        "wrong. One that is there all along while pages are read is shown once."
    ),
    Op.LIST_UNDELIVERED: (
        "Messages that were retried for as long as the setting `delivery_s` says, and those "
        "of a subscription that a 410 has turned off; each with the reason. In the order of their "
        f"numbers. Of each subscription the newest {limits.UNDELIVERED_MAX} are kept; `dropped` "
        "says how many older ones there were."
    ),
    Op.RESEND_UNDELIVERED: (
        "One message, those of a subscription, or all of the task; the answer shows the "
        "subscriptions. They go at once, before what is "
        "due, under the delivery ids that they have. 409 if the subscription is off: set it again "
        "first. Of all of a task, those of subscriptions that are off stay where they are."
    ),
    Op.GET_SUBSCRIPTION: (
        "`last_sequence` only rises; `last_error` is why the last attempt failed, and gone with "
        "the next delivery."
    ),
    Op.DELETE_SUBSCRIPTION: "What is still due to it is not sent any more. Its id stays taken.",
    Op.GET_RUN: "With its task, its session and what is known of its work.",
    Op.CLAIM_RUN: (
        "The caller takes the run itself, without a lease, whatever is paused; a session holds it "
        "until it gives it up or is ended. The answer holds the task beside the run, with its "
        "description and metadata. Sent again with "
        "the same `idempotency_key`, it gives the run for as long as that claim stands."
    ),
    Op.START_RUN: (
        "The task is in progress then. A run that an agent has claimed stays its own. Sent again "
        "with the same `idempotency_key`, it gives the run."
    ),
    Op.ATTACH_SESSION: "The session counts the run as its own, but has no lease on it.",
    Op.COMPLETE_RUN: (
        "409 while an agent has a lease on it. If that agent is gone, end its session, which "
        "queues the run again; one that is only claimed may be released by force as well."
    ),
    Op.FAIL_RUN: (
        "409 while an agent has a lease on it. One that is only claimed may be failed by force; "
        "one that was started is canceled, or queued again by ending the agent's session."
    ),
    Op.CANCEL_RUN: (
        f"The task shows as canceled until another run is enqueued or this one retried. {_CUT}"
    ),
    Op.FORCE_RELEASE: (
        f"The run is queued again, at the place in line that it had. {_RELEASABLE} {_CUT}"
    ),
    Op.FORCE_FAIL: f"A reason is needed. {_FAILABLE} {_CUT}",
    Op.RETRY_RUN: "For runs that failed or were canceled; the new one names the one before.",
    Op.RECOVER_RUN: f"The parked run is closed as failed. {_CUT}",
    Op.BULK_RELEASE: f"{_ROWS} {_RELEASABLE} {_CUT}",
    Op.BULK_FAIL: f"A reason is needed. {_ROWS} {_FAILABLE} {_CUT}",
    Op.REQUEST_REVIEW: (
        "The run must have ended in a way that `policy` asks for (`always` unless it is said). A "
        "review of the same round and attempt that is there is given, with 200. It times out at "
        "`deadline_at`; unset, or in the year 1, after 20 minutes."
    ),
    Op.LIST_RUN_REVIEWS: _REVIEWS,
    Op.LIST_TASK_REVIEWS: _REVIEWS,
    Op.GET_REVIEW: "With its verdict, once there is one.",
    Op.SUBMIT_VERDICT: (
        "Not by the session that did the work. A rejection names what is missing or what to do "
        "next, and queues a run that carries it; too many rounds open the circuit instead. Tasks "
        "that wait for a required review become ready by an approval, and by nothing else. An "
        "equal verdict may be sent again, another one is 409."
    ),
    Op.BULK_CANCEL_TASKS: (
        "Each as by `POST /api/tasks/{id}/cancel`, with all that is open below it. One that was "
        f"canceled before is no refusal. {_CUT} {_BULK_TASKS}"
    ),
    Op.BULK_APPROVE_TASKS: (
        "Each as by `POST /api/tasks/{id}/approve`; one that needs no approval, or has one and no "
        f"open run, is a refused row. {_BULK_TASKS}"
    ),
    Op.BULK_PAUSE_TASKS: f"A reason is needed. {_BULK_TASKS}",
    Op.BULK_RESUME_TASKS: f"Each as by `POST /api/tasks/{{id}}/resume`. {_BULK_TASKS}",
    Op.BULK_ARCHIVE_TASKS: (
        f"Only in the inbox of the caller: the tasks do not change. {_BULK_TASKS}"
    ),
    Op.BULK_RETRY_RUNS: (
        "Each as by `POST /api/runs/{id}/retry`. Of several runs of one task the first one in the "
        f"order is retried, and the others are refused. {_BULK_RUNS}"
    ),
    Op.BULK_CANCEL_RUNS: f"Each as by `POST /api/task-runs/{{id}}/cancel`. {_CUT} {_BULK_RUNS}",
    Op.INSPECT_TASK: "With `diagnostics` that name what is wrong, and `next_action`.",
    Op.INSPECT_RUN: "With `diagnostics` that name what is wrong, and `next_action`.",
    Op.GET_DASHBOARD: (
        "The tasks of the filter with all their runs, counted; what is queued, by channel; and a "
        "few of the runs at work. The same for everybody, whoever asks. A workspace needs "
        "`scope=workspace` besides."
    ),
    Op.GET_HISTORY: (
        "A row for each minute of the wall clock, the oldest first and the one under way last; "
        "also for those in which nothing happened. It is of all tasks, the same for everybody, "
        "and kept in memory alone: `since` says from when on it is known, which is the server's "
        "start or a day ago, and there are no rows of before. Percentiles are exact below 16 ms; "
        "above, they are off by a sixteenth at most. Where the wall clock is set, earlier minutes "
        "are shown by the clock as it is now, so that none is lost or there twice; their starts "
        "are then off by half a minute at most."
    ),
    Op.GET_INBOX: (
        "The caller's own: tasks that wait for a decision, a repair or a blocker, those that the "
        "caller owns or works on, and those that the caller has archived. Unread ones come first. "
        "Counts are of all that match; up to `limit` tasks are shown in each lane. A task that is "
        "in a lane all along while its pages are read is shown once."
    ),
    Op.CREATE_WORKSPACE: "A directory that has one already gives that one. It need not exist.",
    Op.RESOLVE_WORKSPACE: "The same directory is always the same workspace. It need not exist.",
    Op.LIST_WORKSPACES: "Oldest first.",
    Op.GET_WORKSPACE: "By its id.",
    Op.CREATE_SESSION: (
        "Sessions also register themselves by their first call. Registered here, one may have a "
        "workspace, a channel and capabilities, and is kept over restarts."
    ),
    Op.LIST_SESSIONS: "Those that have not ended.",
    Op.GET_SESSION: "By its id.",
    Op.END_SESSION: (
        "For an agent that is gone: runs that it holds, by a lease, an attachment or a claim "
        "without a lease, started ones too, are queued again at once. Its waiting calls end too, "
        "and its id is refused for a day."
    ),
    Op.GET_WORKSPACE_SESSION: "404 if it is a session of another workspace.",
    Op.LIVENESS: "For probes: it needs no token.",
    Op.READINESS: (
        "For probes: it needs no token. 503 once nothing can be written any more. A task is set "
        "aside where what is stored of it is damaged, or where it crashed again and again: it is "
        "named here with the cause, and only what concerns it is refused, with 503. `time` counts "
        "stalls of the process, suspends of the host and steps of the wall clock."
    ),
    Op.OPENAPI: "Made from the classes that decode and encode.",
    Op.DOCS: "Fetches nothing.",
}
