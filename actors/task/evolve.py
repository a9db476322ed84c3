"""Fold an event into the state. Replay after a crash runs exactly this.

Pure: no clock, no lookup. The folds themselves are in `fold_task` and its like.
"""

from chargehand.actors.frozen import replace, stamp
from chargehand.actors.identity import Caller
from chargehand.actors.task import events as e
from chargehand.actors.task.details import take_details
from chargehand.actors.task.fold_review import REVIEW_FOLDS
from chargehand.actors.task.fold_run import RUN_FOLDS
from chargehand.actors.task.fold_subscriptions import SUBSCRIPTION_FOLDS
from chargehand.actors.task.fold_task import TASK_FOLDS
from chargehand.actors.task.state import ApprovalPolicy, Priority, Scope, TaskState, TaskStatus

_QUEUEING = frozenset({e.RunEnqueued, e.RunRetried, e.RunRecovered})  # each makes a new run
_FOLDS = TASK_FOLDS | RUN_FOLDS | REVIEW_FOLDS | SUBSCRIPTION_FOLDS


def evolve(
    state: TaskState | None,
    event: e.TaskEvent,
    *,
    task_id: str,
    seq: int,
    at_ns: int,
    caller: Caller,
) -> TaskState:
    """The state after `event`.

    Args:
        state: None before the task's first event.
        task_id: the address of the record.
        seq: the event's number.
        at_ns: the record's time.
        caller: who caused the record.
    """
    if state is None:
        folded = _first(event, task_id, at_ns, caller)
    else:
        folded = _FOLDS[type(event)](state, event, at_ns)
    if folded is state:
        folded = replace(state)
    # A copy that nobody else has seen yet: stamping it costs a tenth of another copy.
    stamp(folded, "last_seq", seq)
    if type(event) in _QUEUEING:
        stamp(folded.runs[-1], "queued_seq", seq)
    if state is not None and folded.priority is not state.priority:
        stamp(folded, "priority_seq", seq)
    if event.type:  # an event that is not public is no activity either
        stamp(folded, "latest_event_seq", seq)
        stamp(folded, "last_activity_at_ns", at_ns)
    return folded


def _first(event: e.TaskEvent, task_id: str, at_ns: int, caller: Caller) -> TaskState:
    if not isinstance(event, e.TaskCreated):
        # An effect that reached an id whose task was deleted, and whose tombstone is gone.
        return _tombstone(task_id, at_ns, caller)
    state = TaskState(
        id=task_id,
        scope=event.scope,
        workspace_id=event.workspace_id,
        parent_task_id=event.parent_task_id,
        identifier=event.identifier,
        title=event.title,
        description=event.description,
        priority=event.priority,
        max_attempts=event.max_attempts,
        auto_enqueue_on_ready=event.auto_enqueue_on_ready,
        approval_policy=event.approval_policy,
        approval_state=event.approval_policy.initial_state,
        metadata=event.metadata,
        created_by=caller.actor,
        origin=caller.origin,
        created_at_ns=at_ns,
        updated_at_ns=at_ns,
        last_activity_at_ns=at_ns,
        status=event.status,
        draft=event.status is TaskStatus.DRAFT,
    )
    take_details(state, event)
    return state


def _tombstone(task_id: str, at_ns: int, caller: Caller) -> TaskState:
    blank = e.TaskCreated(
        scope=Scope.GLOBAL,
        title="",
        priority=Priority.MEDIUM,
        max_attempts=1,
        approval_policy=ApprovalPolicy.NONE,
        status=TaskStatus.CANCELED,
    )
    return replace(_first(blank, task_id, at_ns, caller), deleted=True)
