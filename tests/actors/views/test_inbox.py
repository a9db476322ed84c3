"""The inbox read page by page, and what its marks and reasons say."""

import pytest
from attrs import evolve

from chargehand.actors.errors import Rejected
from chargehand.actors.identity import LOCAL_USER, Actor, ActorKind, agent_actor
from chargehand.actors.task.choices import ReviewPolicy, ReviewStatus
from chargehand.actors.task.review import Review
from chargehand.actors.task.state import (
    ApprovalPolicy,
    ApprovalState,
    Owner,
    OwnerKind,
    RunStatus,
    TaskStatus,
    Triage,
)
from chargehand.actors.views.catalog import Catalog
from chargehand.actors.views.choices import Lane
from chargehand.actors.views.inbox import Inboxes, InboxFilter, Marks, blocking_reason, marks_of
from tests.actors.views.catalogs import new_catalog
from tests.actors.views.states import a_run, a_task

READ = Triage(LOCAL_USER, True, False, False, last_seen_activity_at_ns=10**9, updated_at_ns=5)
FAILED = InboxFilter(lane=Lane.FAILED_RUNS)


def failed(number: int, *triage: Triage):
    runs = (a_run(RunStatus.FAILED),)
    return a_task(f"t{number}", latest_event_seq=number, runs=runs, triage=triage)


def stored(*states) -> Catalog:
    catalog = new_catalog()
    for state in states:
        catalog.publish(state)
    return catalog


def ids(catalog, which, cursor=None, limit=1000, actor=LOCAL_USER) -> list[str]:
    [group] = Inboxes(catalog).look(actor, which, cursor, limit)
    return [task.id for task in group.tasks]


def test_unread_tasks_come_first_each_part_by_latest_activity():
    catalog = stored(*(failed(number, *[READ] * (number % 2)) for number in range(1, 7)))
    assert ids(catalog, FAILED) == ["t6", "t4", "t2", "t5", "t3", "t1"]
    assert ids(catalog, evolve(FAILED, unread=True)) == ["t6", "t4", "t2"]


@pytest.mark.parametrize("cursor", ["", "unread", "unread.", "read.x", "seen.3", "unread.-1", "3"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor):
    with pytest.raises(Rejected):
        Inboxes(new_catalog()).look(LOCAL_USER, FAILED, cursor, 10)


@pytest.mark.parametrize(
    ("triage", "active_at_ns", "marks"),
    [
        (None, 5, Marks()),
        (READ, 10**9, Marks(read=True)),
        (READ, 10**9 + 1, Marks()),
        (evolve(READ, dismissed=True), 5, Marks(read=True, dismissed=True)),
        (evolve(READ, dismissed=True), 10**9 + 1, Marks()),
        (evolve(READ, archived=True), 10**9 + 1, Marks(read=True, archived=True)),
        (evolve(READ, archived=True, dismissed=True), 5, Marks(read=True, archived=True)),
    ],
)
def test_marks_count_until_something_happens_but_archived_for_good(triage, active_at_ns, marks):
    assert marks_of(triage, a_task(last_activity_at_ns=active_at_ns)) == marks


BLOCKED = a_task(status=TaskStatus.BLOCKED)
MANUAL = evolve(BLOCKED, approval_policy=ApprovalPolicy.MANUAL)


OPEN_REVIEW = Review("review-1", "run-1", ReviewPolicy.ON_FAILURE, 1, 1, 1, 1, 2)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (a_task(), None),
        (BLOCKED, "awaiting_dependencies"),
        (a_task(lost_blockers=("b",)), "dependency_deleted_undone"),
        (a_task(lost_blockers=("b",), runs=(a_run(RunStatus.QUEUED),)), None),
        (evolve(BLOCKED, lost_blockers=("b",)), "awaiting_dependencies"),
        (evolve(MANUAL, approval_state=ApprovalState.PENDING), "awaiting_approval"),
        (evolve(MANUAL, approval_state=ApprovalState.REJECTED), "approval_rejected"),
        (evolve(MANUAL, approval_state=ApprovalState.APPROVED), "awaiting_dependencies"),
        (a_task(runs=(a_run(RunStatus.FAILED),)), "latest_run_failed"),
        (a_task(runs=(a_run(RunStatus.FAILED),), reviews=(OPEN_REVIEW,)), "awaiting_review"),
        (
            a_task(
                runs=(a_run(RunStatus.FAILED),),
                reviews=(evolve(OPEN_REVIEW, status=ReviewStatus.CANCELED),),
            ),
            "latest_run_failed",
        ),
        (a_task(runs=(a_run(RunStatus.NEEDS_ATTENTION),)), "needs_attention"),
        (a_task(runs=(a_run(RunStatus.FAILED), a_run(RunStatus.COMPLETED))), None),
    ],
)
def test_the_reason_why_nothing_goes_on(task, reason):
    assert blocking_reason(task) == reason


@pytest.mark.parametrize(
    ("actor", "owner", "is_own"),
    [
        (agent_actor("s1"), Owner(OwnerKind.AGENT_SESSION, "s1"), True),
        (agent_actor("s1"), Owner(OwnerKind.POOL, "s1"), False),
        (Actor(ActorKind.DAEMON, "d"), Owner(OwnerKind.POOL, "d"), False),
        (LOCAL_USER, Owner(OwnerKind.HUMAN, LOCAL_USER.ref), True),
        (LOCAL_USER, None, False),
    ],
)
def test_own_work_is_what_one_owns(actor, owner, is_own):
    catalog = stored(a_task(owner=owner))
    found = ids(catalog, InboxFilter(lane=Lane.MY_WORK), actor=actor)
    assert found == (["task-1"] if is_own else [])


def test_own_work_is_what_one_works_on():
    run = a_run(RunStatus.CLAIMED, claimed_by=agent_actor("s1"))
    catalog = stored(a_task(runs=(run,), owner=Owner(OwnerKind.POOL, "bot")))
    which = InboxFilter(lane=Lane.MY_WORK)
    assert ids(catalog, which, actor=agent_actor("s1")) == ["task-1"]
    assert ids(catalog, which, actor=agent_actor("s2")) == []
    assert ids(catalog, which) == []
