"""Make a run: the rules that every way of enqueuing shares, and automatic enqueuing."""

from chargehand.actors import actions, limits
from chargehand.actors.actions import Action
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.channels import coordination_channel
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.new_work import canceled_above, check_new_work
from chargehand.actors.task.events import (
    AutoEnqueueMissed,
    NewRun,
    RunEnqueued,
    RunParkedClosed,
)
from chargehand.actors.task.review import Continuation
from chargehand.actors.task.state import ApprovalState, Json, Run, RunStatus, TaskState, TaskStatus
from chargehand.actors.task.status import derive_status


def enqueue(changes: Changes, command: c.EnqueueRun) -> Decision:
    """`POST /tasks/{id}/runs`. Blocked and ended tasks may get a run; it waits, or reopens them."""
    earlier = keyed_run(changes, command.run.idempotency_key)
    if earlier is not None:
        return changes.replay(earlier)
    state = changes.state
    if state.draft or state.canceled:
        raise not_in_state(state, "enqueue a run")
    return changes.decided(add_run(changes, command.run))


def keyed_run(changes: Changes, key: str | None) -> Run | None:
    """The run that this key of this caller stands for already.

    Raises:
        Rejected: the key stands for a run of another task.
    """
    if key is None:
        return None
    known = changes.context.around.keyed_run(key, changes.context.caller)
    if known is None:
        return None
    task_id, run_id = known
    run = changes.state.run(run_id) if task_id == changes.task_id else None
    if run is None:
        raise Rejected(
            Code.KEY_CONFLICT,
            f"the idempotency key stands for a run of task {task_id}",
            "use another key",
            pointer="/idempotency_key",
            evidence={"task_id": task_id},
        )
    return run


def add_run(changes: Changes, request: c.Enqueueing) -> str:
    """Add a queued run; the id is returned. The caller has asked `keyed_run` before.

    A run that needs attention is closed by it as failed.
    """
    check_new_work(changes)
    check_no_open_run(changes.state)
    check_attempts(changes.state)
    close_parked_run(changes, None)
    run_id = changes.context.new_run_id
    run = new_run(
        changes,
        run_id,
        channel=request.network_channel,
        metadata=request.metadata,
        key=request.idempotency_key,
        required=request.required_capabilities,
        preferred=request.preferred_capabilities,
    )
    changes.add(RunEnqueued(run_id=run_id, task_status=status_with_queued(changes.state), run=run))
    changes.settle("run_enqueued")
    return run_id


def new_run(
    changes: Changes,
    run_id: str,
    *,
    channel: str | None,
    metadata: Json | None,
    key: str | None = None,
    previous_run_id: str | None = None,
    required: tuple[str, ...] = (),
    preferred: tuple[str, ...] = (),
    continuation: Continuation | None = None,
) -> NewRun:
    """What a new run of this task is born with; the channel defaults to the task's."""
    state = changes.state
    channel = channel or state.network_channel
    return NewRun(
        attempt=state.attempts_used + 1,
        origin=changes.context.caller.origin,
        previous_run_id=previous_run_id,
        idempotency_key=key,
        network_channel=channel,
        coordination_channel_id=coordination_channel(state.workspace_id, channel, run_id),
        metadata=metadata,
        required_capabilities=required,
        preferred_capabilities=preferred,
        continuation=continuation,
    )


def status_with_queued(state: TaskState) -> TaskStatus:
    """The task's status once one of its runs is queued and none is at work."""
    if state.canceled or state.draft:
        return derive_status(state)
    return TaskStatus.BLOCKED if state.is_gated else TaskStatus.READY


def check_no_open_run(state: TaskState) -> None:
    """A run that needs attention does not count: whatever asks here puts an end to it."""
    run = state.open_run
    if run is None or run.status is RunStatus.NEEDS_ATTENTION:
        return
    raise Rejected(
        Code.TASK_HAS_OPEN_RUN,
        f"run {run.id} of {state.id} is {run.status.value}, and a task has one open run at a time",
        "let that run end, or cancel it",
        action=actions.inspect_run(run.id),
        evidence={"task_id": state.id, "run_id": run.id, "status": run.status.value},
    )


def check_attempts(state: TaskState) -> None:
    if state.attempts_used >= state.max_attempts:
        raise Rejected(
            Code.ATTEMPTS_EXHAUSTED,
            f"{state.id} has used all of its {state.max_attempts} attempts",
            f"raise max_attempts (up to {limits.ATTEMPTS_MAX}):",
            action=actions.raise_attempts(state.id, state.max_attempts + 1)
            if state.max_attempts < limits.ATTEMPTS_MAX
            else None,
            evidence={"task_id": state.id, "max_attempts": state.max_attempts},
        )


def close_parked_run(changes: Changes, reason: str | None) -> None:
    """Close a run that needs attention as failed, as a new one takes its place."""
    run = changes.state.open_run
    if run is not None and run.status is RunStatus.NEEDS_ATTENTION:
        changes.add(
            RunParkedClosed(
                run_id=run.id,
                task_status=changes.state.status,
                error=reason or run.error,
                by=changes.context.caller.actor,
            )
        )


def not_in_state(state: TaskState, what: str) -> Rejected:
    """Refused by the task's status, with what can be done about that status."""
    next_step, action = _way_out(state)
    return Rejected(
        Code.TRANSITION,
        f"cannot {what}: {state.id} {_hindrance(state)}",
        next_step,
        action=action,
        evidence={"task_id": state.id, "task_status": state.status.value},
    )


def _hindrance(state: TaskState) -> str:
    if state.status is TaskStatus.BLOCKED and state.awaits_approval:
        was_rejected = state.approval_state is ApprovalState.REJECTED
        return "was rejected" if was_rejected else "waits for approval"
    return f"is {state.status.value}"


def _way_out(state: TaskState) -> tuple[str, Action]:
    """In words, and as an action."""
    task_id = state.id
    if state.canceled:
        return "a canceled task is final; create a new one", actions.show_task(task_id)
    if state.draft:
        step = "publish it first:"
        return step, actions.publish_task(task_id)
    if state.status is TaskStatus.CANCELED:
        step = "enqueue a new run:"
        return step, actions.enqueue_run(task_id)
    if state.approval_state is ApprovalState.REJECTED:
        step = 'it was rejected: patch approval_policy to "none", or to that and back to "manual"'
        return step, actions.ask_for_no_approval(task_id)
    if state.awaits_approval:
        step = "approve it:"
        return step, actions.approve_task(task_id)
    blockers = [edge.depends_on_task_id for edge in state.dependencies if not edge.done]
    if blockers:
        step = (
            f"it waits until {', '.join(blockers)} are completed, and approved where a review is "
            "required; or remove the dependencies"
        )
        return step, actions.inspect_task(task_id)
    step = "look at it before you try again:"
    return step, actions.show_task(task_id)


def auto_enqueue(changes: Changes, cause: str, *, by_hand: bool = False) -> None:
    """Enqueue a run if the task wants that when another event makes it ready.

    One run for each cause: the key names the blocker's run or the event that made it ready.
    While paused it is only noted, and resume makes up for it. A task that has lost a blocker
    undone waits for somebody's decision.

    Args:
        by_hand: somebody changed what the task itself waits for, which is such a decision.
    """
    state = changes.state
    if (
        not state.auto_enqueue_on_ready
        or state.status is not TaskStatus.READY
        or state.open_run is not None
        or state.attempts_used >= state.max_attempts
        or canceled_above(changes) is not None
        or (state.waits_for_decision and not by_hand)
    ):
        return
    if is_paused(changes):
        if not state.auto_enqueue_due:
            changes.add(AutoEnqueueMissed())
        return
    key = f"task.auto_enqueue.{state.id}.{cause}"
    if changes.context.around.keyed_run(key, changes.context.caller) is None:
        add_run(changes, c.Enqueueing(idempotency_key=key))


def is_paused(changes: Changes) -> bool:
    """Paused itself or from above; its own pause counts as of the events decided so far."""
    state = changes.state
    return state.pause is not None or (
        state.parent_task_id is not None
        and changes.context.around.paused_by(state.parent_task_id) is not None
    )
