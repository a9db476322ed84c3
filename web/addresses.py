"""Ids in paths. One that no task or run can have is not found, whatever it is made of."""

from chargehand.actors.ids import valid_task_id
from chargehand.actors.task.decide.definition import task_not_found
from chargehand.actors.task.decide.found import review_not_found, run_not_found
from chargehand.actors.task.state import TaskState
from chargehand.web.call import Call

_SHOWN_CHARS_MAX = 128


def task_id_of(call: Call, name: str = "id") -> str:
    """The task that the path names. Raises `Rejected` where it can be none."""
    return checked_task_id(call.ids[name].strip())


def checked_task_id(task_id: str) -> str:
    """An id that a task may have. Raises `Rejected` where no task can have it."""
    if not valid_task_id(task_id):
        raise task_not_found(task_id[:_SHOWN_CHARS_MAX])
    return task_id


def known_task(call: Call) -> TaskState:
    """The task that the path names, as last committed; possibly slim. Raises `Rejected` where it
    is not there, or is set aside."""
    task_id = task_id_of(call)
    call.system.faults.check(task_id)
    task = call.system.views.get(task_id)
    if task is None:
        raise task_not_found(task_id)
    return task


def run_id_of(call: Call, name: str = "id") -> str:
    """The run that the path names. Raises `Rejected` where it can be none."""
    return checked_run_id(call.ids[name].strip())


def checked_run_id(run_id: str) -> str:
    """An id that a run may have. Raises `Rejected` where no run can have it."""
    if not valid_task_id(run_id):
        raise run_not_found(run_id[:_SHOWN_CHARS_MAX])
    return run_id


def review_id_of(call: Call) -> str:
    """The review that the path names. Raises `Rejected` where it can be none."""
    review_id = call.ids["id"].strip()
    if not valid_task_id(review_id):
        raise review_not_found(review_id[:_SHOWN_CHARS_MAX])
    return review_id
