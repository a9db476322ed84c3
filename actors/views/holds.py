"""What keeps agents from a task's work, each with what lifts it: one rule for each hold."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

from chargehand.actors import actions
from chargehand.actors.actions import Action
from chargehand.actors.frozen import frozen
from chargehand.actors.registry.state import SessionState
from chargehand.actors.scheduler.starvation import Takers
from chargehand.actors.task.eligibility import AGENT_OWNERS, awaits_agent, queued_run
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import ApprovalState, Run, RunStatus, TaskState, TaskStatus
from chargehand.actors.views.diagnostics import Diagnostic, Hold


@final
@frozen
class Blocker:
    """A task that is not done. `review`: of the run that completed it, which has to be approved:
    an open one, else the last attempt; None where it is not completed."""

    status: TaskStatus
    review: Review | None = None

    def __str__(self) -> str:
        review = self.review
        if review is None:
            return self.status.value
        if review.is_open:
            return f"{self.status.value}, the review {review.id} of its run is open"
        return (
            f"{self.status.value}, but the review {review.id} of its run came to {review.ended_as}"
        )


def blocker_of(task: TaskState) -> Blocker:
    """Args: task: whole, as reviews that have ended count."""
    run_id = task.unapproved_run_id
    if run_id is None or task.status is not TaskStatus.COMPLETED:
        return Blocker(task.status)
    reviews = [review for review in task.reviews if review.run_id == run_id]
    return Blocker(task.status, max(reviews, key=lambda review: (review.is_open, review.attempt)))


@final
@frozen
class Outside:
    """What may hold a task back besides itself.

    Args:
        paused_by: the nearest paused task on the way up, the task itself first.
        blockers: the tasks that it depends on and that are not done, as they are.
        sessions: all that are registered and active.
    """

    scheduler_paused: bool
    paused_by: str | None
    blockers: Mapping[str, Blocker]
    sessions: Sequence[SessionState]


def holds(task: TaskState, run: Run | None, outside: Outside) -> list[Diagnostic]:
    """All that has to be lifted before an agent works on it; nothing where one does, or did."""
    if task.status.is_terminal or (run is not None and run.status is not RunStatus.QUEUED):
        return []
    looks = [look(task, run, outside) for look in _RULES]
    return [diagnostic for diagnostic in looks if diagnostic is not None]


def lost_blockers(task: TaskState) -> Diagnostic | None:
    """What the task was to wait for was deleted undone. It holds nothing back, but somebody should
    know of it as long as nobody works on the task."""
    if not task.lost_blockers or task.status.is_terminal or task.current_run is not None:
        return None
    run = task.open_run
    which = ", ".join(task.lost_blockers)
    were = "which was" if len(task.lost_blockers) == 1 else "which were"
    return Diagnostic(
        Hold.LOST_BLOCKER,
        f"{task.id} depended on {which}, {were} deleted before being completed; "
        + (
            "nothing is queued by itself: start it if it can be done without"
            if run is None
            else f"cancel run {run.id} if it cannot be done without"
        ),
        actions.start_task(task.id) if run is None else actions.cancel_run(run.id),
        {"deleted_task_ids": " ".join(task.lost_blockers)},
    )


def awaits_review(task: TaskState) -> Diagnostic | None:
    """It is completed, but those that depend on it wait."""
    blocker = blocker_of(task)
    if blocker.review is None:
        return None
    return Diagnostic(
        Hold.AWAITS_REVIEW,
        f"{task.id} is {blocker}; tasks that depend on it wait until it is approved",
        _lifting(task, {task.id: blocker}),
        {"review_id": blocker.review.id},
    )


def wanted(task: TaskState, run: Run) -> str:
    """What a session must be to claim the run, in words; empty where any may."""
    asked = queued_run(task, run).demands
    words = []
    if asked.required_capabilities:
        noun = "capability" if len(asked.required_capabilities) == 1 else "capabilities"
        words.append(f"with the {noun} {', '.join(sorted(asked.required_capabilities))}")
    if asked.allowed_agents is not None:
        words.append(f"of the agents {', '.join(sorted(asked.allowed_agents))}")
    if asked.owner is not None:
        words.append(f"of the owner {asked.owner.kind.value} {asked.owner.ref}")
    if asked.workspace_id is not None:
        words.append(f"in the workspace {asked.workspace_id}")
    return ", ".join(words)


def _draft(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if not task.draft:
        return None
    return Diagnostic(
        Hold.DRAFT, f"{task.id} is not published yet", actions.publish_task(task.id), {}
    )


def _approval(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if not task.awaits_approval:
        return None
    if task.approval_state is ApprovalState.REJECTED:
        return Diagnostic(
            Hold.REJECTED,
            f"{task.id} was rejected; to decide anew, ask for no approval, and then for one again",
            actions.ask_for_no_approval(task.id),
            {},
        )
    return Diagnostic(
        Hold.AWAITS_APPROVAL,
        f"{task.id} waits for somebody to approve it",
        actions.approve_task(task.id),
        {},
    )


def _dependencies(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if not outside.blockers:
        return None
    named = ", ".join(f"{task_id} ({blocker})" for task_id, blocker in outside.blockers.items())
    reviews = [found.review for found in outside.blockers.values() if found.review is not None]
    evidence = {"depends_on_task_ids": " ".join(outside.blockers)}
    if reviews:
        evidence["review_ids"] = " ".join(review.id for review in reviews)
    return Diagnostic(
        Hold.AWAITS_DEPENDENCIES,
        f"{task.id} waits for {named}",
        _lifting(task, outside.blockers),
        evidence,
    )


def _lifting(task: TaskState, blockers: Mapping[str, Blocker]) -> Action:
    """For a blocker that has ended without being completed first, as it may stay so for good; then
    for one that has to be approved."""
    for task_id, blocker in blockers.items():
        if blocker.status.is_terminal and blocker.review is None:
            return actions.remove_dependency(task.id, task_id)
    for blocker in blockers.values():
        review = blocker.review
        if review is not None and review.is_open:
            return actions.judge_review(review.id, review.run_id)
        if review is not None:
            return actions.request_review(review.run_id, review.attempt + 1)
    return actions.inspect_task(next(iter(blockers)))


def _pause(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    paused_by = outside.paused_by
    if paused_by is None:
        return None
    whose = "" if paused_by == task.id else f" with {paused_by} above it"
    return Diagnostic(
        Hold.PAUSED,
        f"{task.id} is paused{whose}",
        actions.resume_task(paused_by),
        {"paused_by_task_id": paused_by},
    )


def _scheduler(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if not outside.scheduler_paused:
        return None
    return Diagnostic(
        Hold.SCHEDULER_PAUSED,
        "the scheduler hands out no runs at all",
        actions.resume_scheduler(),
        {},
    )


def _owner(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    owner = task.owner
    if owner is None or owner.kind in AGENT_OWNERS or run is None:
        return None
    return Diagnostic(
        Hold.OWNED,
        f"{task.id} belongs to {owner.kind.value} {owner.ref}, so no agent is given it",
        actions.claim_run(run.id),
        {"owner_kind": owner.kind.value, "owner_ref": owner.ref},
    )


def _no_taker(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if (
        run is None
        or not awaits_agent(task, run)
        or Takers(outside.sessions).has_any(queued_run(task, run))
    ):
        return None
    who = wanted(task, run)
    return Diagnostic(
        Hold.NO_TAKER,
        f"run {run.id} waits for a session {who}" if who else f"run {run.id} waits for any session",
        actions.list_sessions(),
        {"eligible_session_count": 0},
    )


def _no_run(task: TaskState, run: Run | None, outside: Outside) -> Diagnostic | None:
    if run is not None or task.status is not TaskStatus.READY:
        return None
    return Diagnostic(
        Hold.NO_RUN,
        f"{task.id} is ready, and nobody has queued a run of it",
        actions.start_task(task.id),
        {},
    )


_Rule = Callable[[TaskState, Run | None, Outside], Diagnostic | None]
_RULES: Final[tuple[_Rule, ...]] = (
    _draft,
    _approval,
    _dependencies,
    _pause,
    _scheduler,
    _owner,
    _no_taker,
    _no_run,
)
