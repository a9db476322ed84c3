"""Reviews that are asked for: by somebody, or by policy at the end of a run."""

from typing import Final

from chargehand.actors import actions, limits
from chargehand.actors.errors import Code, Rejected, invalid
from chargehand.actors.task import commands as c
from chargehand.actors.task import events as e
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.enqueue import (
    not_in_state,
)
from chargehand.actors.task.decide.found import the_run
from chargehand.actors.task.review import (
    ReviewPolicy,
)
from chargehand.actors.task.state import Run, RunStatus, TaskState

_ENDS: Final = {
    ReviewPolicy.NONE: frozenset[RunStatus](),
    ReviewPolicy.ON_SUCCESS: frozenset({RunStatus.COMPLETED}),
    ReviewPolicy.ON_FAILURE: frozenset({RunStatus.FAILED, RunStatus.CANCELED}),
    ReviewPolicy.ALWAYS: frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED}),
}
_FIRST_ROUND: Final = 1


def request(changes: Changes, command: c.RequestReview) -> Decision:
    """Of an ended run; the one that its round and attempt have already is given again."""
    run = the_run(changes, command.run_id)
    _check_named(changes, command)
    _check_reviewable(changes.state, run, command.policy)
    wanted = command.round or _round_of(run)
    for review in changes.state.reviews:
        if (review.run_id, review.round, review.attempt) == (run.id, wanted, command.attempt):
            return changes.replay(None, review)
    if len(changes.state.reviews) >= limits.REVIEWS_MAX:
        raise Rejected(
            Code.REVIEW_LIMIT,
            f"{changes.task_id} has {limits.REVIEWS_MAX} reviews, and no task has more",
            "judge one of those that are open",
            evidence={"task_id": changes.task_id, "limit": limits.REVIEWS_MAX},
        )
    parent_id = command.parent_review_id or _parent_of(run)
    if parent_id is not None and changes.state.review(parent_id) is None:
        raise invalid(
            "/parent_review_id",
            f"{changes.task_id} has no review {parent_id}",
            "name one of the reviews of the task, or leave it out",
        )
    _check_deadline(changes, command.deadline_at_ns)
    _add(
        changes,
        run,
        command.policy,
        wanted,
        command.attempt,
        command.deadline_at_ns,
        parent_id,
        command.reason,
    )
    return changes.decided(review_id=changes.context.new_review_id)


def request_by_policy(changes: Changes, run_id: str) -> None:
    """Have a run that has just ended judged, if its chain's or the server's policy says so."""
    rules = changes.context.review_rules
    run = the_run(changes, run_id)
    policy = rules.policy if run.continuation is None else run.continuation.policy
    if run.status not in _ENDS[policy]:
        return
    _add(
        changes,
        run,
        policy,
        _round_of(run),
        1,
        None,
        _parent_of(run),
        required=True,
    )


def _add(
    changes: Changes,
    run: Run,
    policy: ReviewPolicy,
    wanted_round: int,
    attempt: int,
    deadline_at_ns: int | None,
    parent_review_id: str | None,
    reason: str | None = None,
    *,
    required: bool = False,
) -> None:
    """Without a deadline the server's own time applies."""
    timeout_ns = 0 if deadline_at_ns is not None else changes.context.review_rules.timeout_ns
    changes.add(
        e.ReviewRequested(
            run_id=run.id,
            task_status=changes.state.status,
            review_id=changes.context.new_review_id,
            policy=policy,
            review_round=wanted_round,
            attempt=attempt,
            deadline_at_ns=deadline_at_ns or changes.context.now_ns + timeout_ns,
            parent_review_id=parent_review_id,
            reason=reason,
            required=required,
            timeout_ns=timeout_ns,
        )
    )


def _check_named(changes: Changes, command: c.RequestReview) -> None:
    if command.named_run_id not in (None, command.run_id):
        raise invalid("/run_id", "/run_id is not the run of the path", "leave it out")
    if command.task_id not in (None, changes.task_id):
        raise invalid(
            "/task_id", f"run {command.run_id} belongs to {changes.task_id}", "leave it out"
        )


def _check_reviewable(state: TaskState, run: Run, policy: ReviewPolicy) -> None:
    if not run.status.is_terminal:
        raise Rejected(
            Code.RUN_NOT_REVIEWABLE,
            f"run {run.id} is {run.status.value}, and only a run that has ended can be reviewed",
            "wait for its end",
            action=actions.inspect_run(run.id),
            evidence={"run_id": run.id, "status": run.status.value},
        )
    if run.status not in _ENDS[policy]:
        raise Rejected(
            Code.RUN_NOT_REVIEWABLE,
            f"policy {policy.value} is not for run {run.id}, which is {run.status.value}",
            "leave the policy out, or send always",
            evidence={"run_id": run.id, "status": run.status.value, "policy": policy.value},
        )
    if state.canceled:
        raise not_in_state(state, "have its run reviewed")


def _round_of(run: Run) -> int:
    return _FIRST_ROUND if run.continuation is None else run.continuation.round


def _parent_of(run: Run) -> str | None:
    return None if run.continuation is None else run.continuation.review_id


def _check_deadline(changes: Changes, asked_ns: int | None) -> None:
    if asked_ns is not None and asked_ns <= changes.context.now_ns:
        raise invalid(
            "/deadline_at",
            "/deadline_at is over already",
            "send a time to come, or leave it out for the server's own",
        )
