"""An id of the wrong kind: a task's where a run's belongs, and the like.

It is not found, as any other that is not there; but the refusal says what it is, and names the
one that was probably meant. All such refusals come by here on their way to the caller.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, final

from chargehand.actors import actions
from chargehand.actors.actions import Action
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.frozen import frozen, replace
from chargehand.actors.ids import valid_session_id
from chargehand.actors.index import Index
from chargehand.actors.registry.roster import Roster
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import Run, TaskState
from chargehand.actors.views.views import Views


class _Sort(Enum):
    TASK = "task"
    RUN = "run"
    REVIEW = "review"
    SUBSCRIPTION = "subscription"
    SESSION = "session"
    WORKSPACE = "workspace"


# What was asked for, and the member of the evidence that holds its id.
_SOUGHT: Final[Mapping[Code, tuple[_Sort, str]]] = {
    Code.TASK_NOT_FOUND: (_Sort.TASK, "task_id"),
    Code.DEPENDENCY_NOT_FOUND: (_Sort.TASK, "depends_on_task_id"),
    Code.RUN_NOT_FOUND: (_Sort.RUN, "run_id"),
    Code.REVIEW_NOT_FOUND: (_Sort.REVIEW, "review_id"),
    Code.SUBSCRIPTION_NOT_FOUND: (_Sort.SUBSCRIPTION, "subscription_id"),
    Code.SESSION_NOT_FOUND: (_Sort.SESSION, "session_id"),
    Code.WORKSPACE_NOT_FOUND: (_Sort.WORKSPACE, "workspace"),
}


@final
@frozen
class _Named:
    """What an id stands for, with what belongs to it."""

    sort: _Sort
    task: TaskState | None = None
    run: Run | None = None
    review: Review | None = None


@final
@frozen
class _Meant:
    """What the caller may have meant: in words, its id, and an action that shows it.

    Args:
        step: words before the action where there is no id to use instead.
    """

    words: str
    id: str | None = None
    action: Action | None = None
    step: str | None = None


@final
class Misnamed:
    def __init__(self, index: Index, views: Views, roster: Roster) -> None:
        self._index = index
        self._views = views
        self._roster = roster

    def explained(self, refusal: Rejected) -> Rejected:
        """The refusal, more helpful if its id is one of another kind; any other as it is."""
        if refusal.code not in _SOUGHT:
            return refusal
        sought, member = _SOUGHT[refusal.code]
        named_id = str(refusal.evidence.get(member, ""))
        named = self._find(named_id) if valid_session_id(named_id) else None  # the widest of all
        if named is None or named.sort is sought:
            return refusal
        meant = _meant(sought, named)
        evidence: dict[str, str | int | bool] = {**refusal.evidence, "id_is_of": named.sort.value}
        if meant.id is not None:
            evidence["meant"] = meant.id
        message = f"{named_id} is a {named.sort.value}, not a {sought.value}"
        return replace(
            refusal,
            message=f"{message}; {meant.words}" if meant.words else message,
            next_step=meant.step or refusal.next_step if meant.id is None else f"use {meant.id}",
            action=meant.action or refusal.action,
            evidence=evidence,
        )

    def _find(self, some_id: str) -> _Named | None:
        """Whatever has this id. Kinds do not share ids unless callers choose equal ones."""
        task = self._views.whole(some_id)
        if task is not None:
            run = task.open_run or (task.runs[-1] if task.runs else None)
            return _Named(_Sort.TASK, task, run, _latest_review(task.reviews))
        task = self._whole(self._index.task_of_run(some_id))
        run = None if task is None else task.run(some_id)
        if task is not None and run is not None:
            reviews = [review for review in task.reviews if review.run_id == some_id]
            return _Named(_Sort.RUN, task, run, _latest_review(reviews))
        task = self._whole(self._index.task_of_review(some_id))
        review = None if task is None else task.review(some_id)
        if task is not None and review is not None:
            return _Named(_Sort.REVIEW, task, task.run(review.run_id), review)
        task = self._whole(self._index.task_of_subscription(some_id))
        if task is not None:
            return _Named(_Sort.SUBSCRIPTION, task)
        if self._roster.find(some_id) is not None:
            return _Named(_Sort.SESSION)
        workspace = self._roster.find_workspace(some_id)
        if workspace is not None and workspace.id == some_id:
            return _Named(_Sort.WORKSPACE)
        return None

    def _whole(self, task_id: str | None) -> TaskState | None:
        return None if task_id is None else self._views.whole(task_id)


def _latest_review(reviews: Sequence[Review]) -> Review | None:
    return reviews[-1] if reviews else None


def _meant(sought: _Sort, named: _Named) -> _Meant:
    """From what an id stands for to what stands next to it and is of the kind asked for."""
    match sought:
        case _Sort.TASK if named.task is not None:
            task_id = named.task.id
            return _Meant(f"it is of task {task_id}", task_id, actions.inspect_task(task_id))
        case _Sort.RUN if named.run is not None:
            run_id = named.run.id
            return _Meant(_its_run(named), run_id, actions.inspect_run(run_id))
        case _Sort.RUN if named.sort is _Sort.TASK and named.task is not None:
            action = actions.inspect_task(named.task.id)
            return _Meant("it has no run", action=action, step="look at the task:")
        case _Sort.REVIEW if named.review is not None:
            review = named.review
            words = f"its latest review is {review.id}, which is {review.status.value}"
            return _Meant(words, review.id, actions.show_review(review.id))
        case _Sort.REVIEW if named.sort is _Sort.TASK and named.task is not None:
            action = actions.inspect_task(named.task.id)
            return _Meant("it has no review", action=action, step="look at the task:")
        case _Sort.REVIEW if named.sort is _Sort.RUN and named.run is not None:
            action = actions.inspect_run(named.run.id)
            return _Meant("it has no review", action=action, step="look at the run:")
        case _Sort.SESSION if named.run is not None and named.run.session_id is not None:
            session_id = named.run.session_id
            return _Meant(f"its session is {session_id}", session_id)
    return _Meant("")


def _its_run(named: _Named) -> str:
    run = named.run
    assert run is not None, "it has a run"
    if named.sort is _Sort.REVIEW:
        return f"it is of run {run.id}"
    if run.status.is_terminal:
        return f"its latest run is {run.id}, which is {run.status.value}"
    return f"its open run is {run.id}, which is {run.status.value}"
