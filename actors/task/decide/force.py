"""Force operations of an operator on a run, and the new attempts that retry and recover make."""

from chargehand.actors import actions, limits
from chargehand.actors.actions import Action
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.ending import end_run
from chargehand.actors.task.decide.enqueue import (
    check_attempts,
    check_no_open_run,
    close_parked_run,
    new_run,
    not_in_state,
    status_with_queued,
)
from chargehand.actors.task.decide.found import the_run
from chargehand.actors.task.decide.new_work import check_new_work
from chargehand.actors.task.decide.way_back import way_back
from chargehand.actors.task.events import (
    ForcedRelease,
    NewRun,
    RunForcedFail,
    RunRecovered,
    RunReleased,
    RunRetried,
)
from chargehand.actors.task.state import Json, Run, RunStatus

_FAILABLE = (RunStatus.QUEUED, RunStatus.CLAIMED, RunStatus.NEEDS_ATTENTION)
_RETRIABLE = (RunStatus.FAILED, RunStatus.CANCELED)


def _refused(code: Code, run: Run, message: str, next_step: str, action: Action) -> Rejected:
    return Rejected(
        code,
        f"{message}: run {run.id} is {run.status.value}",
        next_step,
        action=action,
        area="task.force",
        evidence={"run_id": run.id, "status": run.status.value},
    )


def release(changes: Changes, command: c.ForceRelease) -> Decision:
    run = the_run(changes, command.run_id)
    if run.status is not RunStatus.CLAIMED:
        raise _refused(
            Code.RUN_NOT_RELEASABLE, run, "only a claimed run can be released", *way_back(run)
        )
    changes.add(
        RunReleased(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.QUEUED),
            previous_status=run.status,
            reason=command.reason,
            session_id=run.session_id,
            forced=ForcedRelease(
                changes.context.caller.actor,
                run.claim_token_hash,
                None if run.lease_end_ns is None else changes.context.wall_ns(run.lease_end_ns),
            ),
        )
    )
    changes.settle("run_released")
    return changes.decided(run.id)


def fail(changes: Changes, command: c.ForceFail) -> Decision:
    run = the_run(changes, command.run_id)
    if run.status.is_terminal:
        raise _refused(
            Code.RUN_ALREADY_TERMINAL,
            run,
            "there is nothing to fail",
            "the task is canceled for good; create a new one"
            if changes.state.canceled
            else "enqueue a new run to do it again:",
            actions.inspect_run(run.id)
            if changes.state.canceled
            else actions.enqueue_run(changes.task_id),
        )
    if run.status not in _FAILABLE:
        raise _refused(
            Code.RUN_STILL_ACTIVE,
            run,
            "somebody works on it",
            "cancel it:",
            actions.cancel_run(run.id),
        )
    assert command.reason is not None, "the command asks for one"
    end_run(
        changes,
        RunForcedFail(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.FAILED),
            by=changes.context.caller.actor,
            previous_status=run.status,
            reason=command.reason,
            session_id=run.session_id,
            metadata=command.metadata,
        ),
        "run_failed",
    )
    return changes.decided(run.id)


def retry(changes: Changes, command: c.RetryRun) -> Decision:
    """A new attempt after a failed or canceled one; the source stays as it is."""
    source = the_run(changes, command.run_id)
    if source.status not in _RETRIABLE:
        raise _refused(
            Code.RUN_STILL_ACTIVE,
            source,
            "only a failed or canceled run can be retried",
            "enqueue a new run to do completed work again"
            if source.status is RunStatus.COMPLETED
            else "let it end first",
            actions.enqueue_run(changes.task_id)
            if source.status is RunStatus.COMPLETED
            else actions.inspect_run(source.id),
        )
    _check_successor(changes, source)
    check_no_open_run(changes.state)
    check_attempts(changes.state)
    close_parked_run(changes, None)
    run_id = changes.context.new_run_id
    changes.add(
        RunRetried(
            run_id=run_id,
            task_status=status_with_queued(changes.state),
            by=changes.context.caller.actor,
            source_run_id=source.id,
            run=_new_attempt(changes, run_id, source, command.metadata),
        )
    )
    changes.settle("run_retried")
    return changes.decided(run_id, source.id)


def recover(changes: Changes, command: c.RecoverRun) -> Decision:
    """Close a run that needs attention as failed, and queue a new attempt in its place."""
    source = the_run(changes, command.run_id)
    if source.status is not RunStatus.NEEDS_ATTENTION:
        failed = source.status is RunStatus.FAILED
        raise _refused(
            Code.RUN_NOT_RECOVERABLE,
            source,
            "only a run that needs attention can be recovered",
            "retry it:" if failed else "look at it:",
            actions.retry_run(source.id) if failed else actions.inspect_run(source.id),
        )
    _check_successor(changes, source)
    check_attempts(changes.state)
    close_parked_run(changes, command.reason)
    run_id = changes.context.new_run_id
    changes.add(
        RunRecovered(
            run_id=run_id,
            task_status=status_with_queued(changes.state),
            by=changes.context.caller.actor,
            source_run_id=source.id,
            run=_new_attempt(changes, run_id, source, command.metadata),
            reason=command.reason,
        )
    )
    changes.settle("run_recovered")
    return changes.decided(run_id, source.id)


def _new_attempt(changes: Changes, run_id: str, source: Run, metadata: Json | None) -> NewRun:
    """In the place of `source`, on its channel."""
    channel = source.network_channel
    return new_run(changes, run_id, channel=channel, metadata=metadata, previous_run_id=source.id)


def _check_successor(changes: Changes, source: Run) -> None:
    """What a new attempt asks of the chain and the task."""
    state = changes.state
    depth = 0
    link: Run | None = source
    while link is not None and link.previous_run_id is not None:
        depth += 1
        link = state.run(link.previous_run_id)
    if depth >= limits.RETRY_CHAIN_MAX:
        raise Rejected(
            Code.RETRY_CHAIN_TOO_DEEP,
            f"run {source.id} is the end of a chain of {depth} retries",
            "enqueue a new run instead",
            action=actions.enqueue_run(state.id),
            area="task.force",
            evidence={"run_id": source.id, "task_id": state.id, "depth": depth},
        )
    if any(run.previous_run_id == source.id for run in state.runs):
        raise Rejected(
            Code.RUN_ALREADY_RETRIED,
            f"run {source.id} has been retried already",
            "retry the latest run of the task",
            action=actions.list_runs(state.id),
            evidence={"run_id": source.id, "task_id": state.id},
        )
    if state.draft or state.canceled:
        raise not_in_state(state, "make a new attempt")
    check_new_work(changes)
