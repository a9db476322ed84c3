"""The execution profile: set as a whole, or taken away."""

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.decide.context import Changes, Decision
from chargehand.actors.task.decide.way_back import way_back
from chargehand.actors.task.events import ProfileDeleted, ProfileUpdated


def set_profile(changes: Changes, command: c.SetProfile) -> Decision:
    """Replace the profile. A queued run is bound by the new one at once."""
    _check_idle(changes)
    changes.add(ProfileUpdated(changes.task_id, command.profile))
    return changes.decided()


def delete_profile(changes: Changes, command: c.DeleteProfile) -> Decision:
    _check_idle(changes)
    if changes.state.profile is None:
        raise Rejected(
            Code.PROFILE_NOT_FOUND,
            f"{changes.task_id} has no execution profile",
            "set one first",
            evidence={"task_id": changes.task_id},
        )
    changes.add(ProfileDeleted(changes.task_id))
    return changes.decided()


def _check_idle(changes: Changes) -> None:
    """Whoever works on a run began under the profile as it is."""
    run = changes.state.current_run
    if run is not None:
        step, action = way_back(run)
        raise Rejected(
            Code.TRANSITION,
            f"cannot change the execution profile of {changes.task_id}: {run.id} is"
            f" {run.status.value}",
            f"wait for the run's end, or {step}",
            action=action,
            evidence={"task_id": changes.task_id, "run_id": run.id},
        )
