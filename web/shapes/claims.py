"""What an agent gets: a claim, and its lease."""

from typing import final

from attrs import define

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Rejected
from chargehand.actors.task.state import RunStatus
from chargehand.web.problems import problem
from chargehand.web.shapes.encoding import Shape, optional_time
from chargehand.web.shapes.principals import Actor, actor_of
from chargehand.web.shapes.problems import Error
from chargehand.web.shapes.references import ClaimedTask, Lookup, claimed_task_of
from chargehand.web.shapes.runs import CoordinationChannel, Run, channel_of, run_of


@final
@define(eq=False)
class Lease(Shape):
    task_id: str
    run_id: str
    status: RunStatus
    session_id: str | None = None
    claimed_by: Actor | None = None
    claim_token_hash: str | None = None
    lease_until: str | None = None
    heartbeat_at: str | None = None
    coordination_channel_id: str | None = None
    coordination_channel: CoordinationChannel | None = None


@final
@define(eq=False)
class LeaseResponse(Shape):
    lease: Lease


@final
@define(eq=False)
class Claim(Shape):
    task: ClaimedTask
    run: Run
    lease: Lease
    coordination_channel: CoordinationChannel | None = None


@final
@define(eq=False)
class ClaimResponse(Shape):
    claim: Claim


@final
@define(eq=False)
class ClaimBatchResponse(Shape):
    claims: list[Claim]


@final
@define(eq=False)
class LeaseResult(Shape):
    """Either the lease as it is now, or why nothing was done."""

    run_id: str
    ok: bool
    lease: Lease | None = None
    error: Error | None = None


@final
@define(eq=False)
class LeaseBatchResponse(Shape):
    results: list[LeaseResult]


@final
@define(eq=False)
class ClaimedRunResponse(Shape):
    """A run that was claimed without a lease, and the task that it is of."""

    run: Run
    task: ClaimedTask


def lease_of(answer: Answer, lookup: Lookup, channel: CoordinationChannel | None = None) -> Lease:
    """The lease on the answer's run; `channel` is given with a claim only."""
    run = answer.the_run
    return Lease(
        answer.task.id,
        run.id,
        run.status,
        run.session_id,
        None if run.claimed_by is None else actor_of(run.claimed_by),
        run.claim_token_hash,
        optional_time(lookup.lease_until_ns(run)),
        optional_time(run.heartbeat_at_ns),
        run.coordination_channel_id,
        channel,
    )


def lease_result_of(run_id: str, outcome: Answer | Rejected, lookup: Lookup) -> LeaseResult:
    if isinstance(outcome, Rejected):
        return LeaseResult(run_id, ok=False, error=problem(outcome).shown)
    return LeaseResult(run_id, ok=True, lease=lease_of(outcome, lookup))


def claimed_run_of(answer: Answer, lookup: Lookup) -> ClaimedRunResponse:
    task = answer.task
    return ClaimedRunResponse(
        run_of(task.id, answer.the_run, lookup), claimed_task_of(task, lookup)
    )


def claim_of(answer: Answer, lookup: Lookup) -> Claim:
    task, run = answer.task, answer.the_run
    channel = channel_of(task, run)
    return Claim(
        task=claimed_task_of(task, lookup),
        run=run_of(task.id, run, lookup, channel),
        lease=lease_of(answer, lookup, channel),
        coordination_channel=channel,
    )
