"""Publish, start, approve and reject: the gates before work, each of which may make a run."""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.enqueue import add_run, keyed_run, not_in_state
from chargehand.actors.task.decide.new_work import check_new_work
from chargehand.actors.task.events import TaskApproved, TaskPublished, TaskRejected
from chargehand.actors.task.state import ApprovalPolicy, ApprovalState, RunStatus, TaskStatus

_STARTABLE = frozenset(
    {TaskStatus.READY, TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.FAILED}
)


def publish(changes: Changes, command: c.PublishTask) -> Decision:
    """A draft that is neither blocked nor unapproved; anything else stores nothing."""
    earlier = keyed_run(changes, command.run.idempotency_key)
    if earlier is not None:
        return changes.replay(earlier)
    state = changes.state
    if state.canceled:
        raise not_in_state(state, "publish it")
    if not state.draft:
        if state.open_run is not None and command.run.idempotency_key is None:
            return changes.replay(state.open_run)
        raise Rejected(
            Code.TRANSITION,
            f"cannot publish: {state.id} is {state.status.value}, not a draft",
            "start it:",
            action=actions.start_task(state.id),
            evidence={"task_id": state.id, "task_status": state.status.value},
        )
    check_new_work(changes)  # before the status, which tells less
    if state.awaits_approval:
        raise Rejected(
            Code.TRANSITION,
            f"cannot publish: {state.id} needs an approval",
            "approve it, which publishes it too:",
            action=actions.approve_task(state.id),
            evidence={"task_id": state.id, "approval_state": state.approval_state.value},
        )
    if state.has_unresolved_dependencies:
        raise Rejected(
            Code.TRANSITION,
            f"cannot publish: {state.id} depends on tasks that are not completed, or not approved",
            "complete those tasks and have their reviews judged, or remove the dependencies",
            action=actions.inspect_task(state.id),
            evidence={"task_id": state.id},
        )
    _publish(changes)
    return changes.decided(add_run(changes, command.run))


def _publish(changes: Changes) -> None:
    state = changes.state
    changes.add_with_status(TaskPublished(status=state.status, approval_state=state.approval_state))
    changes.settle("published")


def start(changes: Changes, command: c.StartTask) -> Decision:
    """Enqueue a run, or give the open one where no key was sent."""
    earlier = keyed_run(changes, command.run.idempotency_key)
    if earlier is not None:
        return changes.replay(earlier)
    state = changes.state
    open_run = state.open_run
    if (
        open_run is not None
        and open_run.status is not RunStatus.NEEDS_ATTENTION
        and command.run.idempotency_key is None
    ):
        return changes.replay(open_run)
    check_new_work(changes)  # before the status, which tells less
    if state.status not in _STARTABLE:
        raise not_in_state(state, "start it")
    return changes.decided(add_run(changes, command.run))


def approve(changes: Changes, command: c.ApproveTask) -> Decision:
    """Store the approval, publish a draft by it, and give the open run or a new one."""
    earlier = keyed_run(changes, command.run.idempotency_key)
    if earlier is not None:
        return changes.replay(earlier)
    state = changes.state
    open_run = state.open_run
    if (
        state.approval_state is ApprovalState.APPROVED
        and open_run is not None
        and command.run.idempotency_key is None
    ):
        return changes.replay(open_run)
    _check_pending(changes, "approve")
    changes.add_with_status(
        TaskApproved(previous_approval_state=state.approval_state, status=state.status)
    )
    if state.draft:
        _publish(changes)
    else:
        changes.settle("approved")
    if open_run is not None and open_run.status is not RunStatus.NEEDS_ATTENTION:
        return changes.decided(open_run.id)
    return changes.decided(add_run(changes, command.run))


def reject(changes: Changes, command: c.RejectTask) -> Decision:
    """Refuse the approval; open runs are left alone."""
    _check_pending(changes, "reject")
    state = changes.state
    changes.add_with_status(
        TaskRejected(previous_approval_state=state.approval_state, status=state.status)
    )
    changes.settle("rejected")
    return changes.decided()


def _check_pending(changes: Changes, verb: str) -> None:
    state = changes.state
    if state.canceled:
        raise not_in_state(state, f"{verb} it")
    if state.approval_policy is not ApprovalPolicy.MANUAL:
        raise Rejected(
            Code.TRANSITION,
            f"cannot {verb}: {state.id} needs no approval",
            'to ask for one, set approval_policy to "manual":',
            action=actions.ask_for_approval(state.id),
            evidence={"task_id": state.id, "approval_state": state.approval_state.value},
        )
    if state.approval_state is not ApprovalState.PENDING:
        raise Rejected(
            Code.TRANSITION,
            f"cannot {verb}: {state.id} was {state.approval_state.value} before",
            'to decide anew, patch approval_policy to "none" and back to "manual"',
            action=actions.show_task(state.id),
            evidence={"task_id": state.id, "approval_state": state.approval_state.value},
        )
