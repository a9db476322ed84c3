"""The task's status, derived from everything else it holds (task-lifecycle rules, in order).

1. a canceled task is `canceled`, an unpublished one `draft`;
2. a starting or running run makes it `in_progress`;
3. a queued or claimed run leaves it `ready`, or `blocked` while gated;
4. else its latest ended run decides: completed, canceled, or failed (`failed` only when no attempt
   is left, else as 5);
5. else `ready`, or `blocked` while gated.

A run that needs attention is not looked at, but counts as an attempt. Children never matter.
"""

from chargehand.actors.task.state import ApprovalPolicy, RunStatus, TaskState, TaskStatus

_WORKING = frozenset({RunStatus.STARTING, RunStatus.RUNNING})
_WAITING = frozenset({RunStatus.QUEUED, RunStatus.CLAIMED})


def derive_status(
    state: TaskState, run_id: str | None = None, run_status: RunStatus | None = None
) -> TaskStatus:
    """The status of `state`, or what it would be with run `run_id` in `run_status`."""
    if state.canceled:
        return TaskStatus.CANCELED
    if state.draft:
        return TaskStatus.DRAFT
    ended: RunStatus | None = None
    waiting = False
    for run in state.runs:  # in order of attempt, so the last ended one is the latest
        status = run_status if run_status is not None and run.id == run_id else run.status
        if status in _WORKING:
            return TaskStatus.IN_PROGRESS
        if status in _WAITING:
            waiting = True
        elif status.is_terminal:
            ended = status
    if not waiting:
        if ended is RunStatus.COMPLETED:
            return TaskStatus.COMPLETED
        if ended is RunStatus.CANCELED:
            return TaskStatus.CANCELED
        if ended is RunStatus.FAILED and state.attempts_used >= state.max_attempts:
            return TaskStatus.FAILED
    return TaskStatus.BLOCKED if state.is_gated else TaskStatus.READY


def first_status(draft: bool, policy: ApprovalPolicy) -> TaskStatus:
    """The status of a task as it is made, without runs and dependencies: by 1 and 5."""
    if draft:
        return TaskStatus.DRAFT
    return TaskStatus.BLOCKED if policy is ApprovalPolicy.MANUAL else TaskStatus.READY
