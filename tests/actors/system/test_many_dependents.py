"""What is told to more dependents than one record reaches: each hears the same, once, also after a
crash at any moment."""

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, Verdict
from chargehand.actors.task.state import TaskStatus
from tests.actors.system.desk import OPERATOR, CrashStore, started

APPROVED = Verdict(ReviewOutcome.APPROVED, 1.0, "well done", "d")
SETTINGS = {"review_policy": ReviewPolicy.ON_SUCCESS}
COUNT = limits.FAN_OUT_MAX + 6


async def dependents(desk) -> list[str]:
    """More than one record tells, all of which enqueue themselves when `blocker` is done."""
    await desk.task(id="blocker")
    names = [f"t{number:03}" for number in range(COUNT)]
    for name in names:
        await desk.task(id=name, auto_enqueue_on_ready=True)
        await desk.ask(name, c.AddDependency("blocker"))
    await trio.testing.wait_all_tasks_blocked()
    return names


async def settled(point, names, runs, lost) -> None:
    async with started(point, **SETTINGS) as desk:
        await trio.testing.wait_all_tasks_blocked()
        assert len(desk.system.outbox) == 0
        for name in names:
            task = await desk.system.task(name)
            assert (task.status, len(task.runs)) == (TaskStatus.READY, runs), name
            assert task.lost_blockers == lost, name


def some(points):
    """The first and last ones, and a few between: each costs a start."""
    return [*points[:3], *points[3:-3:20], *points[-3:]]


@pytest.mark.parametrize("approved", [True, False])
async def test_an_approval_releases_and_a_deletion_before_it_enqueues_nothing(approved):
    store = CrashStore()
    async with started(store, **SETTINGS) as desk:
        names = await dependents(desk)
        run = await desk.enqueue("blocker")
        await desk.do("s1", run.id)
        await trio.testing.wait_all_tasks_blocked()
        for name in names:
            assert desk.system.views.get(name).status is TaskStatus.BLOCKED
        store.crash_points.clear()
        if approved:
            [review] = (await desk.system.task("blocker")).reviews
            await desk.system.judge(c.SubmitVerdict(review.id, run.id, APPROVED), OPERATOR)
        else:
            await desk.ask("blocker", c.DeleteTask())
        await trio.testing.wait_all_tasks_blocked()
    points = store.crash_points
    assert points
    for point in some(points):
        await settled(point, names, int(approved), () if approved else ("blocker",))
