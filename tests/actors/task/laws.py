"""What holds after every decision on a task, whatever was asked."""

from itertools import pairwise

from chargehand.actors.limits import UNDELIVERED_MAX
from chargehand.actors.task.decide.context import Context, Decision
from chargehand.actors.task.events import (
    DependencyAdded,
    DependencyRemoved,
    MessageDelivered,
    MessageDue,
    ReviewCanceled,
    ReviewRecorded,
    RunCanceled,
    RunEvent,
    StatusChanged,
    TaskApproved,
    TaskCanceled,
    TaskPublished,
    TaskRejected,
    TaskUpdated,
)
from chargehand.actors.task.evolve import evolve
from chargehand.actors.task.review import Review, ReviewOutcome, ReviewStatus
from chargehand.actors.task.state import Run, RunStatus, TaskState, TaskStatus
from chargehand.actors.task.status import derive_status
from chargehand.actors.task.subscription import Subscription

_STATUS_TELLING = (
    TaskUpdated,
    TaskPublished,
    TaskApproved,
    TaskRejected,
    DependencyAdded,
    DependencyRemoved,
)


def check_laws(
    task_id: str, before: TaskState | None, decision: Decision, context: Context
) -> None:
    """Assert the laws of one decision on the task that was in state `before`."""
    _check_fold(task_id, before, decision, context)
    after = decision.state
    assert decision.answer.task is after
    if not decision.events:
        assert after is before
        return
    _check_numbers(before, decision, context)
    if after.deleted:
        assert (after.runs, after.dependencies) == ((), ())
        return
    check_state(after)
    _check_status_told(before, decision)
    _check_messages(before, decision, context)
    _check_history(before, after)


def _check_fold(
    task_id: str, before: TaskState | None, decision: Decision, context: Context
) -> None:
    """The events alone give the state, and each tells the status that held after it."""
    folded = before
    cancels_task = any(isinstance(event, TaskCanceled) for event in decision.events)
    for seq, event in enumerate(decision.events, context.next_seq):
        folded = evolve(
            folded,
            event,
            task_id=task_id,
            seq=seq,
            at_ns=context.now_ns,
            caller=context.caller,
        )
        if isinstance(event, _STATUS_TELLING):
            assert event.status is derive_status(folded), event
        elif isinstance(event, RunEvent) and event.type:
            before_cancel = isinstance(event, RunCanceled) and cancels_task
            assert before_cancel or event.task_status is derive_status(folded), event
    assert folded == decision.state


def _check_numbers(before: TaskState | None, decision: Decision, context: Context) -> None:
    after = decision.state
    assert after.last_seq == context.next_seq + len(decision.events) - 1
    told = [seq for seq, e in enumerate(decision.events, context.next_seq) if e.type]
    earlier = 0 if before is None else before.latest_event_seq
    assert after.latest_event_seq == (told[-1] if told else earlier)


def check_state(state: TaskState) -> None:
    """The laws of a task that is not deleted, seen without its history."""
    assert state.status is derive_status(state)
    assert (state.closed_at_ns is not None) == state.status.is_terminal
    open_runs = [run for run in state.runs if not run.status.is_terminal]
    assert len(open_runs) <= 1
    assert state.open_run == (open_runs[0] if open_runs else None)
    assert not (state.canceled and open_runs)
    assert [run.attempt for run in state.runs] == list(range(1, len(state.runs) + 1))
    assert len({run.id for run in state.runs}) == len(state.runs)
    for run in state.runs:
        _check_run(run)
    _check_done(state)
    for review in state.reviews:
        _check_review(state, review)
    assert len({(r.run_id, r.round, r.attempt) for r in state.reviews}) == len(state.reviews)


def _check_done(state: TaskState) -> None:
    """Done is what is completed and, where the policy required its review, approved."""
    if state.status is not TaskStatus.COMPLETED:
        assert not state.is_done
        return
    run = [run for run in state.runs if run.status.is_terminal][-1]
    assert run == state.completing_run
    reviews = [review for review in state.reviews if review.run_id == run.id]
    outcomes = {review.verdict.outcome for review in reviews if review.verdict is not None}
    if not any(review.required for review in reviews):
        assert state.is_done
    elif ReviewOutcome.APPROVED not in outcomes:
        assert not state.is_done
    elif ReviewOutcome.REJECTED not in outcomes:
        assert state.is_done


def _check_review(state: TaskState, review: Review) -> None:
    """Of an ended run; judged or not, and a rejection is followed by a run or by none for good."""
    run = state.run(review.run_id)
    assert run is not None
    assert run.status.is_terminal
    assert not (review.is_open and state.canceled)
    judged = review.status in (ReviewStatus.RECORDED, ReviewStatus.CIRCUIT_OPENED)
    assert judged == (review.verdict is not None) == (review.reviewed_at_ns is not None)
    rejected = judged and review.verdict.outcome is ReviewOutcome.REJECTED
    followers = [
        follower
        for follower in state.runs
        if follower.continuation is not None and follower.continuation.review_id == review.id
    ]
    assert len(followers) == (rejected and review.status is ReviewStatus.RECORDED)
    assert rejected or review.status is not ReviewStatus.CIRCUIT_OPENED
    for follower in followers:
        assert follower.continuation.round == review.round + 1
        assert follower.continuation.parent_run_id == run.id


def _check_run(run: Run) -> None:
    claim = (
        run.claimed_by,
        run.session_id,
        run.claim_token_hash,
        run.lease_until_ns,
        run.heartbeat_at_ns,
        run.lease_seconds,
        run.claim_key,
        run.claimed_at_ns,
        run.started_at_ns,
    )
    if run.status in (RunStatus.QUEUED, RunStatus.NEEDS_ATTENTION):
        assert claim == (None,) * len(claim)
        assert run.result is None
    if run.status is RunStatus.QUEUED:
        assert run.error is None
    if run.status.is_active:
        assert run.claimed_by is not None
        assert run.claimed_at_ns is not None
    if run.is_leased:
        assert run.session_id is not None
        assert run.claim_token_hash is not None
        assert run.heartbeat_at_ns is not None
        assert run.lease_seconds is not None
    else:
        assert not run.status.is_active or run.claim_token_hash is None
    if run.status is RunStatus.STARTING:
        assert run.session_id is not None
    assert (run.ended_at_ns is not None) == run.status.is_terminal


def _check_status_told(before: TaskState | None, decision: Decision) -> None:
    moves = [event for event in decision.events if isinstance(event, StatusChanged)]
    if before is None:
        assert not moves
        return
    moved = before.status is not decision.state.status
    assert len(moves) == moved
    if moved:
        assert (moves[0].previous_status, moves[0].status) == (
            before.status,
            decision.state.status,
        )


def _check_messages(before: TaskState | None, decision: Decision, context: Context) -> None:
    """Each end is told once to each subscriber, and so is the outcome of each review that a policy
    required; a cursor only rises."""
    after = decision.state
    moved = before is not None and before.status is not after.status
    ended = moved and after.status.is_terminal and bool(after.subscriptions)
    told = [event.seq for event in decision.events if isinstance(event, MessageDue)]
    judged = [
        event
        for event in decision.events
        if isinstance(event, ReviewRecorded | ReviewCanceled)
        and after.requires_review(event.run_id)
    ]
    assert len(told) == ended + len(judged) * bool(after.subscriptions)
    for seq in told:
        event = decision.events[seq - context.next_seq]
        assert event.type or isinstance(event, ReviewCanceled), "the public is told of it"
        assert all(seq in _open(subscription) for subscription in after.subscriptions)
    for subscription in after.subscriptions:
        cursor = subscription.cursor
        assert list(subscription.due) == sorted(set(subscription.due))
        assert not subscription.due or subscription.off_at_ns is None
        assert len(subscription.undelivered) <= UNDELIVERED_MAX
        known = None if before is None else before.subscription(subscription.id)
        if known is not None:
            assert cursor.last_seq >= known.cursor.last_seq
            passed = _open(known) - _open(subscription)
            delivered = [e.seq for e in decision.events if isinstance(e, MessageDelivered)]
            assert subscription.undelivered_dropped or passed <= {*delivered}
        else:
            assert (subscription.due, cursor.last_seq) == ((), context.next_seq)


def _open(subscription: Subscription) -> set[int]:
    """The messages that it has not got: each stays until it is delivered."""
    return {*subscription.due, *(message.seq for message in subscription.undelivered)}


def _check_history(before: TaskState | None, after: TaskState) -> None:
    """What has ended stays as it is; a run keeps its place in the queue; cancel is final."""
    if before is None:
        return
    assert len(after.runs) - len(before.runs) in (0, 1)
    for old, new in zip(before.runs, after.runs, strict=False):
        assert (old.id, old.queued_at_ns) == (new.id, new.queued_at_ns)
        assert not old.status.is_terminal or old == new
    for past, now in zip(before.reviews, after.reviews, strict=False):
        assert past.id == now.id
        assert past.is_open or past == now
    assert all(a.queued_at_ns <= b.queued_at_ns for a, b in pairwise(after.runs))
    assert not before.canceled or after.canceled
