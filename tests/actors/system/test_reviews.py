"""Reviews in a running system: deadlines that are met to the moment, also over restarts."""

import pytest
import trio

from chargehand.actors.errors import Code, Rejected
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy, ReviewStatus, Verdict
from chargehand.actors.task.state import Priority, RunStatus, TaskStatus
from chargehand.persistence.memory_store import MemoryStore
from tests.actors.system.desk import NS, OPERATOR, CrashStore, agent, started

APPROVED = Verdict(ReviewOutcome.APPROVED, 1.0, "well done", "d2")
REJECTED = Verdict(ReviewOutcome.REJECTED, 1.0, "not yet", "d1", ("tests",))


@pytest.fixture
def settings() -> dict:
    return {"review_policy": ReviewPolicy.ON_SUCCESS, "review_s": 100.0}


async def completed(desk, **task):
    """A run that is completed, with the review that the policy has asked for."""
    run = await desk.queued(**task)
    await desk.do("s1", run.id)
    [review] = (await desk.system.run(run.id)).task.reviews
    return review


async def judge(desk, review, verdict=REJECTED, caller=OPERATOR):
    return await desk.system.judge(c.SubmitVerdict(review.id, review.run_id, verdict), caller)


async def test_a_review_times_out_at_the_moment_of_its_deadline(desk):
    review = await completed(desk)
    answer = await desk.ask_run(c.RequestReview(review.run_id, attempt=2), OPERATOR)
    assert len(desk.system.review_deadlines) == 2
    await trio.sleep_until(desk.system.clock.trio_time(review.deadline_at_ns - 1000))
    assert (await desk.system.review(review.id)).the_review.is_open
    await trio.sleep_until(desk.system.clock.trio_time(review.deadline_at_ns))
    await trio.testing.wait_all_tasks_blocked()
    late = (await desk.system.review(review.id)).the_review
    assert late.verdict.outcome is ReviewOutcome.TIMEOUT
    assert 0 <= late.reviewed_at_ns - review.deadline_at_ns < 1000
    await trio.sleep(101)
    assert len(desk.system.review_deadlines) == 0
    second = (await desk.system.review(answer.the_review.id)).the_review
    assert second.verdict.outcome is ReviewOutcome.TIMEOUT


async def test_an_earlier_deadline_is_met_although_a_later_one_came_first(desk):
    review = await completed(desk)
    soon_ns = desk.system.clock.now_ns() + 2 * NS
    request = c.RequestReview(review.run_id, attempt=2, deadline_at_ns=soon_ns)
    soon = (await desk.ask_run(request, OPERATOR)).the_review
    await trio.sleep(2.001)
    assert not (await desk.system.review(soon.id)).the_review.is_open
    assert (await desk.system.review(review.id)).the_review.is_open


async def test_a_judged_review_has_no_deadline_any_more(desk):
    review = await completed(desk)
    await judge(desk, review)
    assert len(desk.system.review_deadlines) == 0


async def test_canceling_and_deleting_a_task_ends_its_reviews(desk):
    review = await completed(desk)
    task_id = (await desk.system.review(review.id)).task.id
    await desk.enqueue(task_id)
    await desk.ask(task_id, c.CancelTask())
    assert (await desk.system.review(review.id)).the_review.status is ReviewStatus.CANCELED
    assert len(desk.system.review_deadlines) == 0
    other = await completed(desk)
    await desk.ask((await desk.system.review(other.id)).task.id, c.DeleteTask())
    assert len(desk.system.review_deadlines) == 0
    for gone in (
        desk.system.review(other.id),
        judge(desk, other),
    ):
        with pytest.raises(Rejected) as caught:
            await gone
        assert caught.value.code is Code.REVIEW_NOT_FOUND


async def status(desk, task_id) -> TaskStatus:
    return (await desk.system.task(task_id)).status


async def test_dependents_wait_until_the_required_review_has_approved_the_blocker(desk):
    await desk.task(id="blocker")
    await desk.task(id="waiting", auto_enqueue_on_ready=True)
    await desk.ask("waiting", c.AddDependency("blocker"))
    run = await desk.enqueue("blocker")
    await desk.do("s1", run.id)
    assert await status(desk, "blocker") is TaskStatus.COMPLETED
    assert await status(desk, "waiting") is TaskStatus.BLOCKED
    [review] = (await desk.system.task("blocker")).reviews
    again = (await judge(desk, review)).the_run
    await desk.do("s1", again.id)
    assert await status(desk, "waiting") is TaskStatus.BLOCKED
    assert await desk.claim("s1") is None
    review = (await desk.system.task("blocker")).reviews[-1]
    await judge(desk, review, APPROVED)
    task = await desk.system.task("waiting")
    assert (task.status, len(task.runs)) == (TaskStatus.READY, 1)
    assert task.runs[0].idempotency_key == f"task.auto_enqueue.waiting.{again.id}"
    await desk.do("s1", task.runs[0].id)


async def test_a_review_that_nobody_has_judged_in_time_keeps_dependents_waiting(desk):
    await desk.task(id="waiting")
    review = await completed(desk, id="blocker")
    await desk.ask("waiting", c.AddDependency("blocker"))
    await trio.sleep(101)
    assert not (await desk.system.review(review.id)).the_review.is_open
    assert await status(desk, "waiting") is TaskStatus.BLOCKED
    request = c.RequestReview(review.run_id, attempt=2)
    second = (await desk.ask_run(request, OPERATOR)).the_review
    await judge(desk, second, APPROVED)
    assert await status(desk, "waiting") is TaskStatus.READY


async def test_dependents_are_released_once_by_an_approval_whenever_the_server_is_killed(settings):
    store = CrashStore()
    async with started(store, **settings) as desk:
        await desk.task(id="blocker")
        for number in range(3):
            await desk.task(id=f"t{number}", auto_enqueue_on_ready=True)
            await desk.ask(f"t{number}", c.AddDependency("blocker"))
        run = await desk.enqueue("blocker")
        await desk.claim("s1")
        await trio.testing.wait_all_tasks_blocked()
        store.crash_points.clear()
        await desk.complete("s1", run.id)
        [review] = (await desk.system.task("blocker")).reviews
        await trio.testing.wait_all_tasks_blocked()
        unapproved = len(store.crash_points)
        await judge(desk, review, APPROVED)
    assert 0 < unapproved < len(store.crash_points)
    for number, point in enumerate(store.crash_points):
        for with_checkpoint in (False, True):
            left = point.copy()
            if with_checkpoint:
                async with started(left, **settings) as desk:
                    await desk.system.checkpointer.checkpoint()
                    left = desk.store.copy()
            async with started(left, **settings) as desk:
                await trio.testing.wait_all_tasks_blocked()
                if number < unapproved:
                    assert await status(desk, "t0") is TaskStatus.BLOCKED
                    await judge(desk, review, APPROVED)
                for name in ("t0", "t1", "t2"):
                    task = await desk.system.task(name)
                    assert (task.status, len(task.runs)) == (TaskStatus.READY, 1)
                    assert desk.events(name).count("task.run_enqueued") == 1
                assert len(desk.system.outbox) == 0


async def test_the_session_that_worked_cannot_judge_and_another_can(desk):
    review = await completed(desk)
    with pytest.raises(Rejected) as caught:
        await judge(desk, review, caller=agent("s1"))
    assert caught.value.code is Code.SELF_REVIEW
    assert (await judge(desk, review, caller=agent("s2"))).the_run.status is RunStatus.QUEUED


@pytest.mark.parametrize("folded", [False, True])
async def test_reviews_and_their_deadlines_survive_a_restart(settings, folded):
    store = MemoryStore()
    async with started(store, **settings) as desk:
        rejected = await completed(desk)
        run = (await judge(desk, rejected)).the_run
        left_open = await completed(desk, priority=Priority.URGENT)
        if folded:
            await desk.system.checkpointer.checkpoint()
    async with started(store, **settings) as desk:
        before = (await desk.system.review(rejected.id)).the_review
        assert before.verdict == REJECTED
        assert len(desk.system.review_deadlines) == 1
        assert (await judge(desk, rejected)).the_run.id == run.id
        await desk.do("s1", run.id)
        task = (await desk.system.run(run.id)).task
        assert [review.round for review in task.reviews] == [1, 2]
        await trio.sleep(101)
        late = (await desk.system.review(left_open.id)).the_review
        assert late.verdict.outcome is ReviewOutcome.TIMEOUT
    async with started(store, **settings) as desk:
        assert len(desk.system.review_deadlines) == 0


async def test_a_deadline_that_passed_while_the_server_was_down_is_reported_at_once(settings):
    store = MemoryStore()
    async with started(store, **{**settings, "review_s": 0.001}) as desk:
        review = await completed(desk)
        assert (await desk.system.review(review.id)).the_review.is_open
    async with started(store, **settings) as desk:
        await trio.sleep(0.01)
        late = (await desk.system.review(review.id)).the_review
        assert late.verdict.outcome is ReviewOutcome.TIMEOUT
