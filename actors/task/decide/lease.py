"""What the holder of a lease does, and what ends a lease without it.

A lease lives until `lease_until`; at that very moment it has ended.
"""

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.limits import NS
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.ending import end_run
from chargehand.actors.task.decide.enqueue import is_paused, not_in_state
from chargehand.actors.task.decide.found import the_run
from chargehand.actors.task.eligibility import Claimer, awaits_agent, matches, queued_run
from chargehand.actors.task.events import (
    RunClaimed,
    RunCompleted,
    RunFailed,
    RunLeaseExpired,
    RunLeaseExtended,
    RunNeedsAttention,
    RunReleased,
)
from chargehand.actors.task.state import Run, RunStatus, TaskStatus
from chargehand.actors.times import rfc3339, to_the_second

_EXECUTABLE = frozenset(TaskStatus) - {TaskStatus.BLOCKED, TaskStatus.DRAFT, TaskStatus.CANCELED}


def check_executable(changes: Changes, what: str) -> None:
    if changes.state.status not in _EXECUTABLE:
        raise not_in_state(changes.state, what)


def lease(changes: Changes, command: c.LeaseRun) -> Decision:
    """The scheduler's pick, checked again: the world may have moved since."""
    run = the_run(changes, command.run_id)
    check_executable(changes, "claim its run")
    if run.status is not RunStatus.QUEUED or is_paused(changes):
        raise wrong_status(run, "claim it")
    claimer = command.claimer
    if not awaits_agent(changes.state, run) or not matches(queued_run(changes.state, run), claimer):
        raise _not_eligible(run, claimer)
    context = changes.context
    until_ns, ends_ns = context.end_of_lease(context.steady_ns + command.lease_seconds * NS)
    changes.add(
        RunClaimed(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.CLAIMED),
            claimed_by=changes.context.caller.actor,
            session_id=claimer.session_id,
            claim_token_hash=command.claim_token_hash,
            lease_until_ns=until_ns,
            lease_seconds=command.lease_seconds,
            claim_key=command.claim_key,
            lease_ends_ns=ends_ns,
        )
    )
    return changes.decided(run.id)


def _not_eligible(run: Run, claimer: Claimer) -> Rejected:
    return Rejected(
        Code.RUN_TRANSITION,
        f"run {run.id} is not session {claimer.session_id}'s to claim any more",
        "claim again:",
        action=actions.claim_next(),
        evidence={"run_id": run.id},
    )


def wrong_status(run: Run, what: str) -> Rejected:
    return Rejected(
        Code.RUN_TRANSITION,
        f"cannot {what}: run {run.id} is {run.status.value}",
        "look at it before you try again:",
        action=actions.inspect_run(run.id),
        evidence={"run_id": run.id, "status": run.status.value},
    )


def _held(changes: Changes, command: c.AgentCommand) -> Run:
    """The run, if the calling session holds a living lease on it, by the claim that it means."""
    run = the_run(changes, command.run_id)
    session_id = changes.context.caller.actor.ref
    if run.status.is_active and run.session_id is not None and run.session_id != session_id:
        raise Rejected(
            Code.FOREIGN_RUN,
            f"run {run.id} is held by another session",
            "work on your own run, or claim one",
            action=actions.claim_next(),
            evidence={"run_id": run.id},
        )
    if not _is_meant(run, command):
        raise _claim_is_over(run)
    if run.status.is_terminal and run.closing_session_id == session_id:
        raise _ended_by_caller(run)
    holds = run.status.is_active and run.session_id == session_id
    if holds and run.lease_end_ns is not None:
        if run.lease_end_ns > changes.context.steady_ns:
            return run
    elif session_id != run.lapsed_session_id:
        raise Rejected(
            Code.NO_ACTIVE_LEASE,
            f"the session holds no lease on run {run.id}, which is {run.status.value}",
            "claim a run:",
            action=actions.claim_next(),
            evidence={"run_id": run.id, "status": run.status.value},
        )
    raise Rejected(
        Code.LEASE_EXPIRED,
        f"the session's lease on run {run.id} has ended; the run is {run.status.value}",
        "claim again:",
        action=actions.claim_next(),
        evidence={"run_id": run.id, "status": run.status.value},
    )


def _is_meant(run: Run, command: c.AgentCommand) -> bool:
    """Whether the run's present or last claim is the one that the caller means, if it names one.

    It keeps a late call of an earlier claim from touching a later one of the same session.
    """
    named = command.claim_token_hash
    return named is None or named == run.claim_token_hash


def _claim_is_over(run: Run) -> Rejected:
    return Rejected(
        Code.LEASE_EXPIRED,
        f"the claim that this call names is not the current one of run {run.id},"
        f" which is {run.status.value}",
        "stop working on that claim, and claim again:",
        action=actions.claim_next(),
        evidence={"run_id": run.id, "status": run.status.value},
    )


def _ended_by_caller(run: Run) -> Rejected:
    """Read by models: it must not send them to claim what they have done already."""
    assert run.ended_at_ns is not None, f"{run.id} has ended, but not at any time"
    what = "completion" if run.status is RunStatus.COMPLETED else "failure"
    return Rejected(
        Code.LEASE_EXPIRED,
        f"the session's own {what} of run {run.id}, stored at {to_the_second(run.ended_at_ns)},"
        " stands; this call changed nothing",
        "nothing is left to do on this run",
        evidence={
            "run_id": run.id,
            "status": run.status.value,
            "ended_at": rfc3339(run.ended_at_ns),
        },
    )


def heartbeat(changes: Changes, command: c.Heartbeat) -> Decision:
    """The lease ends `lease_seconds` from now, be that later or sooner than before; where the
    heartbeat names no time, it is the claim's own."""
    run = _held(changes, command)
    context = changes.context
    seconds = (
        command.lease_seconds
        or run.claim_lease_seconds
        or run.lease_seconds
        or limits.LEASE_S_DEFAULT
    )
    until_ns, ends_ns = context.end_of_lease(context.steady_ns + seconds * NS)
    changes.add(
        RunLeaseExtended(
            run_id=run.id,
            task_status=changes.state.status,
            status=run.status,
            lease_until_ns=until_ns,
            lease_seconds=seconds,
            heartbeat_at_ns=context.now_ns,
            claim_token_hash=run.claim_token_hash,
            lease_ends_ns=ends_ns,
        )
    )
    return changes.decided(run.id)


def release(changes: Changes, command: c.ReleaseRun) -> Decision:
    run = _held(changes, command)
    add_release(changes, run, command.reason)
    return changes.decided(run.id)


def add_release(changes: Changes, run: Run, reason: str | None) -> None:
    """Back to the queue, at the place in line that it had."""
    changes.add(
        RunReleased(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.QUEUED),
            previous_status=run.status,
            reason=reason,
            session_id=run.holder_session_id,
        )
    )
    changes.settle("run_released")


def complete(changes: Changes, command: c.CompleteLease) -> Decision:
    repeated = _repeated(changes, command, RunStatus.COMPLETED)
    if repeated is not None:
        return changes.replay(repeated)
    run = _held(changes, command)
    end_run(
        changes,
        RunCompleted(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.COMPLETED),
            result=command.result,
            claim_token_hash=run.claim_token_hash,
            by_session_id=run.session_id,
            closing_digest=command.digest,
        ),
        "run_completed",
    )
    return changes.decided(run.id)


def fail(changes: Changes, command: c.FailLease) -> Decision:
    repeated = _repeated(changes, command, RunStatus.FAILED)
    if repeated is not None:
        return changes.replay(repeated)
    run = _held(changes, command)
    end_run(
        changes,
        RunFailed(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.FAILED),
            error=command.error,
            metadata=command.metadata,
            claim_token_hash=run.claim_token_hash,
            by_session_id=run.session_id,
            closing_digest=command.digest,
        ),
        "run_failed",
    )
    return changes.decided(run.id)


def _repeated(
    changes: Changes, command: c.CompleteLease | c.FailLease, status: RunStatus
) -> Run | None:
    """The run, if this very session ended it before with this very body."""
    run = the_run(changes, command.run_id)
    same = (
        run.status is status
        and run.closing_digest == command.digest
        and run.closing_session_id == changes.context.caller.actor.ref
        and _is_meant(run, command)
    )
    return run if same else None


def expire(changes: Changes, command: c.ExpireLease) -> Decision:
    """Back to the queue if the lease has ended; parked after too many in a row."""
    run = changes.state.run(command.run_id)
    if (
        run is None
        or not run.is_leased
        or run.lease_end_ns is None
        or run.lease_end_ns > changes.context.steady_ns
    ):
        return changes.decided()
    changes.add(
        RunLeaseExpired(
            run_id=run.id,
            task_status=changes.status_if(run, RunStatus.QUEUED),
            previous_status=run.status,
            lease_until_ns=changes.context.wall_ns(run.lease_end_ns),
            session_id=run.session_id,
            previous_claim_token_hash=run.claim_token_hash,
            coordination_channel_id=run.coordination_channel_id,
            reason="lease_expired",
        )
    )
    if run.expiries + 1 >= changes.context.expiries_max:
        changes.add(
            RunNeedsAttention(
                run_id=run.id,
                task_status=changes.status_if(run, RunStatus.NEEDS_ATTENTION),
                previous_status=run.status,
                diagnostic=f"the lease ran out {run.expiries + 1} times in a row",
                queued_at_ns=run.queued_at_ns,
                coordination_channel_id=run.coordination_channel_id,
            )
        )
    changes.settle("run_lease_expired")
    return changes.decided(run.id)


def extend(changes: Changes, command: c.ExtendLease) -> Decision:
    """After a restart: downtime is not charged to a lease."""
    run = changes.state.run(command.run_id)
    if (
        run is None
        or not run.is_leased
        or run.lease_end_ns is None
        or run.lease_end_ns >= command.not_before_ns
    ):
        return changes.decided()
    until_ns, ends_ns = changes.context.end_of_lease(command.not_before_ns)
    given_s = -((changes.context.steady_ns - command.not_before_ns) // NS)  # rounded up
    changes.add(
        RunLeaseExtended(
            run_id=run.id,
            task_status=changes.state.status,
            status=run.status,
            lease_until_ns=until_ns,
            # What it was given, or the next start would take this for a lease of later.
            lease_seconds=max(run.lease_seconds or 0, given_s),
            heartbeat_at_ns=run.heartbeat_at_ns,
            claim_token_hash=run.claim_token_hash,
            lease_ends_ns=ends_ns,
        )
    )
    return changes.decided(run.id)


def release_of_ended_session(changes: Changes, command: c.ReleaseOfEndedSession) -> Decision:
    """The session is gone: its leased run goes back, and one that it held without a lease."""
    run = changes.state.run(command.run_id)
    if run is None or run.holder_session_id != command.session_id:
        return changes.decided()
    add_release(changes, run, command.reason)
    return changes.decided(run.id)
