"""Reviews in a running system: deadlines that are met to the moment, also over restarts."""

import pytest
import trio

from actors.errors import Code, Rejected
from actors.task import commands as c
from actors.task.review import ReviewOutcome, ReviewPolicy, ReviewStatus, Verdict
from actors.task.state import Priority, RunStatus, TaskStatus
from persistence.memory_store import MemoryStore
from tests.actors.system.desk import NS, OPERATOR, agent, started

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


async def test_a_rejected_blocker_blocks_again_until_its_next_run_is_completed(desk):
    blocker = await desk.task()
    waiting = await desk.task(auto_enqueue_on_ready=False)
    await desk.ask(waiting.id, c.AddDependency(blocker.id))
    run = await desk.enqueue(blocker.id)
    await desk.do("s1", run.id)
    assert (await desk.system.task(waiting.id)).status is TaskStatus.READY
    [review] = (await desk.system.task(blocker.id)).reviews
    again = (await judge(desk, review)).the_run
    assert (await desk.system.task(waiting.id)).status is TaskStatus.BLOCKED
    await desk.do("s1", again.id)
    assert (await desk.system.task(waiting.id)).status is TaskStatus.READY


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


async def test_a_deadline_that_passed_while_the_server_was_down_is_told_at_once(settings):
    store = MemoryStore()
    async with started(store, **{**settings, "review_s": 0.001}) as desk:
        review = await completed(desk)
        assert (await desk.system.review(review.id)).the_review.is_open
    async with started(store, **settings) as desk:
        await trio.sleep(0.01)
        late = (await desk.system.review(review.id)).the_review
        assert late.verdict.outcome is ReviewOutcome.TIMEOUT
