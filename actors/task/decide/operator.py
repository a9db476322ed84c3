"""What an operator does with a run: compare-and-set on its status."""

from chargehand.actors import actions
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import Actor, ActorKind, CallerKey
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.ending import end_run
from chargehand.actors.task.decide.found import the_run
from chargehand.actors.task.decide.lease import check_executable, wrong_status
from chargehand.actors.task.events import (
    RunCanceled,
    RunClaimed,
    RunCompleted,
    RunFailed,
    RunSessionBound,
    RunStarted,
    RunStarved,
    RunWithoutLease,
)
from chargehand.actors.task.state import Owner, OwnerKind, Run, RunStatus


def claim(changes: Changes, command: c.ClaimRun) -> Decision:
    """No lease, no session. Pause, profile and capabilities are not asked; the owner is.

    Sent again under its key, it gives the run as long as that claim stands, ended or not.
    """
    run = the_run(changes, command.run_id)
    under = _caller_key(changes, command.idempotency_key)
    if under is not None and run.claimed_under == under:
        return changes.replay(run)
    _check_owner(changes.state.owner, changes.context.caller.actor, run)
    check_executable(changes, "claim its run")
    if run.status is not RunStatus.QUEUED:
        raise wrong_status(run, "claim it")
    changes.add(
        RunClaimed(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.CLAIMED),
            claimed_by=changes.context.caller.actor,
            under=under,
        )
    )
    return changes.decided(run.id)


def _caller_key(changes: Changes, key: str | None) -> CallerKey | None:
    return None if key is None else CallerKey(changes.context.caller.actor, key)


def _check_owner(owner: Owner | None, actor: Actor, run: Run) -> None:
    if owner is None:
        return
    is_owner = actor.kind is ActorKind.AGENT_SESSION and actor.ref == owner.ref
    if owner.kind is OwnerKind.POOL or (owner.kind is OwnerKind.AGENT_SESSION and not is_owner):
        raise Rejected(
            Code.RUN_OWNED_BY_OTHERS,
            f"run {run.id} belongs to {owner.kind.value} {owner.ref}",
            "let the owner claim it, or clear the task's owner",
            evidence={"run_id": run.id, "owner_kind": owner.kind.value, "owner_ref": owner.ref},
        )


def start(changes: Changes, command: c.StartRun) -> Decision:
    """claimed or starting -> running. A claimer's session and lease stay as they are."""
    run = the_run(changes, command.run_id)
    under = _caller_key(changes, command.idempotency_key)
    if under is not None and run.started_under == under:
        return changes.replay(run)
    check_executable(changes, "start its run")
    if run.status not in (RunStatus.CLAIMED, RunStatus.STARTING):
        raise wrong_status(run, "start it")
    changes.add(
        RunStarted(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.RUNNING),
            session_id=run.session_id,
            under=under,
        )
    )
    changes.settle("run_started")
    return changes.decided(run.id)


def attach(changes: Changes, command: c.AttachSession) -> Decision:
    """Bind a session to a run that has none: claimed -> starting."""
    run = the_run(changes, command.run_id)
    check_executable(changes, "attach a session to its run")
    if run.session_id is not None:
        raise Rejected(
            Code.SESSION_BOUND,
            f"run {run.id} is bound to session {run.session_id}",
            "release the run before you bind another session",
            action=actions.inspect_run(run.id),
            evidence={"run_id": run.id, "session_id": run.session_id},
        )
    if run.status not in (RunStatus.CLAIMED, RunStatus.STARTING):
        raise wrong_status(run, "attach a session")
    changes.add(
        RunSessionBound(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.STARTING),
            session_id=command.session_id,
        )
    )
    changes.settle("run_session_bound")
    return changes.decided(run.id)


def complete(changes: Changes, command: c.CompleteRun) -> Decision:
    run = the_run(changes, command.run_id)
    _check_not_leased(run, "complete")
    if run.status is not RunStatus.RUNNING:
        raise wrong_status(run, "complete it")
    end_run(
        changes,
        RunCompleted(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.COMPLETED),
            result=command.result,
        ),
        "run_completed",
    )
    return changes.decided(run.id)


def fail(changes: Changes, command: c.FailRun) -> Decision:
    run = the_run(changes, command.run_id)
    _check_not_leased(run, "fail")
    if run.status not in (RunStatus.STARTING, RunStatus.RUNNING):
        raise wrong_status(run, "fail it")
    end_run(
        changes,
        RunFailed(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.FAILED),
            error=command.error,
            metadata=command.metadata,
        ),
        "run_failed",
    )
    return changes.decided(run.id)


def _check_not_leased(run: Run, verb: str) -> None:
    if run.claim_token_hash is not None:
        raise Rejected(
            Code.RUN_LEASED,
            f"cannot {verb}: run {run.id} is or was leased by an agent",
            "look at it:" if run.status.is_terminal else "let its agent end it, or cancel it:",
            action=actions.inspect_run(run.id)
            if run.status.is_terminal
            else actions.cancel_run(run.id),
            evidence={"run_id": run.id, "status": run.status.value},
        )


def cancel(changes: Changes, command: c.CancelRun) -> Decision:
    """Any open run, leased or not; the task shows canceled until another run is enqueued."""
    run = the_run(changes, command.run_id)
    if run.status.is_terminal:
        raise wrong_status(run, "cancel it")
    end_run(
        changes,
        RunCanceled(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.CANCELED),
            reason=command.reason,
            metadata=command.metadata,
            session_id=run.session_id,
        ),
        "run_canceled",
    )
    return changes.decided(run.id)


def note_starvation(changes: Changes, command: c.NoteStarvation) -> Decision:
    run = changes.state.run(command.run_id)
    if run is None or run.status is not RunStatus.QUEUED:
        return changes.decided()
    changes.add(
        RunStarved(
            run_id=run.id,
            task_status=changes.state.status,
            queued_at_ns=run.queued_at_ns,
            queued_age_ms=changes.context.age_of(run.queued_at_ns) // 1_000_000,
            coordination_channel_id=run.coordination_channel_id,
        )
    )
    return changes.decided(run.id)


def note_neglect(changes: Changes, command: c.NoteNeglect) -> Decision:
    """Told once for each time that it is touched."""
    run = changes.state.run(command.run_id)
    if run is None or run.is_neglected or run.untouched_since_ns != command.since_ns:
        return changes.decided()
    changes.add(
        RunWithoutLease(
            run_id=run.id,
            task_status=changes.state.status,
            status=run.status,
            untouched_since_ns=command.since_ns,
            untouched_ms=changes.context.age_of(command.since_ns) // 1_000_000,
            session_id=run.holder_session_id,
        )
    )
    return changes.decided(run.id)
