"""Commands in, events out: `decide` is all of a task's behaviour, and it is pure.

One module for each subject, one function for each command; this table joins them.
"""

from collections.abc import Callable
from typing import Any

from chargehand.actors.task import commands as c
from chargehand.actors.task import effects as f
from chargehand.actors.task.decide import (
    canceling,
    definition,
    dependencies,
    enqueue,
    force,
    gates,
    lease,
    operator,
    pausing,
    profile,
    review_request,
    subscriptions,
    triage,
    verdict,
)
from chargehand.actors.task.decide.context import Changes, Context, Decision
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.state import TaskState

_DECIDES: dict[type[c.Command], Callable[[Changes, Any], Decision]] = {
    c.PatchTask: definition.patch,
    c.DeleteTask: definition.delete,
    c.PublishTask: gates.publish,
    c.StartTask: gates.start,
    c.ApproveTask: gates.approve,
    c.RejectTask: gates.reject,
    c.EnqueueRun: enqueue.enqueue,
    c.CancelTask: canceling.cancel,
    c.PauseTask: pausing.pause,
    c.ResumeTask: pausing.resume,
    c.AddDependency: dependencies.add,
    c.RemoveDependency: dependencies.remove,
    c.SetProfile: profile.set_profile,
    c.DeleteProfile: profile.delete_profile,
    c.TriageTask: triage.triage,
    c.Subscribe: subscriptions.subscribe,
    c.Unsubscribe: subscriptions.unsubscribe,
    c.NoteDelivery: subscriptions.note_delivery,
    c.NoteFailedDelivery: subscriptions.note_failed_delivery,
    c.GiveUpDelivery: subscriptions.give_up_delivery,
    c.TurnOffSubscription: subscriptions.turn_off,
    c.SendAgain: subscriptions.send_again,
    c.LeaseRun: lease.lease,
    c.Heartbeat: lease.heartbeat,
    c.ReleaseRun: lease.release,
    c.CompleteLease: lease.complete,
    c.FailLease: lease.fail,
    c.ExpireLease: lease.expire,
    c.ExtendLease: lease.extend,
    c.ReleaseOfEndedSession: lease.release_of_ended_session,
    c.ClaimRun: operator.claim,
    c.StartRun: operator.start,
    c.AttachSession: operator.attach,
    c.CompleteRun: operator.complete,
    c.FailRun: operator.fail,
    c.CancelRun: operator.cancel,
    c.NoteStarvation: operator.note_starvation,
    c.NoteNeglect: operator.note_neglect,
    c.ForceRelease: force.release,
    c.ForceFail: force.fail,
    c.RetryRun: force.retry,
    c.RecoverRun: force.recover,
    c.RequestReview: review_request.request,
    c.SubmitVerdict: verdict.judge,
    c.TimeOutReview: verdict.time_out,
    f.BlockerCompleted: dependencies.blocker_completed,
    f.BlockerReopened: dependencies.blocker_reopened,
    f.BlockerDeleted: dependencies.blocker_deleted,
    f.CancelPropagated: canceling.propagated,
    f.AncestorResumed: pausing.ancestor_resumed,
    f.DependentsLeft: dependencies.pass_on,
    f.ChildAdded: definition.note_child,
}
_EFFECTS = frozenset(
    {
        f.BlockerCompleted,
        f.BlockerReopened,
        f.BlockerDeleted,
        f.CancelPropagated,
        f.AncestorResumed,
        f.DependentsLeft,
        f.ChildAdded,
    }
)


def decide(task_id: str, state: TaskState | None, command: c.Command, context: Context) -> Decision:
    """What `command` comes to for the task in `state` (None: there is none, or it was deleted).

    Raises:
        Rejected: nothing may be written.
    """
    changes = Changes(task_id, context, state)
    if isinstance(command, c.CreateTask):
        decision = definition.create(changes, command)
        return dependencies.add_first(changes, command) if command.depends_on else decision
    if state is None or state.deleted:
        if isinstance(command, f.DependentsLeft):
            return dependencies.pass_on(changes, command)  # a deleted blocker's
        if type(command) in _EFFECTS:
            return dependencies.nothing(changes)
        raise task_not_found(task_id)
    return _DECIDES[type(command)](changes, command)
