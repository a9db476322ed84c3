"""A run starves when nobody who is registered could ever claim it."""

from typing import NamedTuple

import pytest
import trio

from chargehand.actors import limits
from chargehand.actors.scheduler.starvation import Starvation, Takers
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Owner, OwnerKind, Priority
from tests.actors.system.desk import OPERATOR, agent, started


async def starved(desk) -> int:
    return (await desk.system.scheduler.status()).starved_run_count


def told(desk, task_id: str) -> int:
    return desk.events(task_id).count("task.run_starved")


async def test_a_run_without_any_taker_is_reported_once_after_the_threshold(desk):
    task = await desk.task()
    await desk.enqueue(task.id)
    await trio.sleep(299.9)
    assert (await starved(desk), told(desk, task.id)) == (0, 0)
    await trio.sleep(0.2)
    assert (await starved(desk), told(desk, task.id)) == (1, 1)
    await trio.sleep(1000)
    assert (await starved(desk), told(desk, task.id)) == (1, 1)


async def test_the_event_says_for_how_long(desk):
    task = await desk.task()
    await desk.enqueue(task.id)
    await trio.sleep(301)
    event = desk.system.views.timelines.latest(task.id, 1)[0].event
    assert event.type == "task.run_starved"
    assert event.queued_age_ms == 300_000


async def test_a_busy_taker_is_a_taker(desk):
    await desk.register("s1")
    await desk.queued()
    await desk.claim("s1", lease_seconds=3600)
    task = await desk.task()
    await desk.enqueue(task.id)
    await trio.sleep(700)
    assert (await starved(desk), told(desk, task.id)) == (0, 0)


@pytest.mark.parametrize(
    ("task", "run"),
    [
        ({"owner": Owner(OwnerKind.POOL, "coder")}, {}),
        ({"owner": Owner(OwnerKind.AGENT_SESSION, "s2")}, {}),
        ({}, {"required_capabilities": ("gpu",)}),
    ],
)
async def test_takers_of_other_runs_are_none(desk, task, run):
    await desk.register("s1")
    made = await desk.task(**task)
    await desk.enqueue(made.id, **run)
    await trio.sleep(301)
    assert (await starved(desk), told(desk, made.id)) == (1, 1)


async def test_a_taker_that_leaves_makes_a_run_starve_later(desk):
    await desk.register("s1")
    task = await desk.task()
    await desk.enqueue(task.id)
    await trio.sleep(301)
    assert await starved(desk) == 0
    await desk.system.end_session("s1")
    await trio.sleep(301)
    assert (await starved(desk), told(desk, task.id)) == (1, 1)


async def test_a_run_that_is_claimed_after_all_starves_no_more(desk):
    run = await desk.queued()
    await trio.sleep(301)
    assert await starved(desk) == 1
    assert (await desk.claim("s1")).the_run.id == run.id
    assert await starved(desk) == 0


@pytest.mark.parametrize("settings", [{"starvation_s": 10.0}])
async def test_the_threshold_is_a_setting(desk):
    await desk.queued()
    await trio.sleep(10.1)
    assert await starved(desk) == 1


async def test_what_is_paused_or_blocked_or_an_operators_is_not_starved(desk):
    paused, blocker, blocked = await desk.task(), await desk.task(), await desk.task()
    human = await desk.task(owner=Owner(OwnerKind.HUMAN, "ada"))
    await desk.ask(paused.id, c.PauseTask("later"))
    await desk.ask(blocked.id, c.AddDependency(blocker.id))
    for task in (paused, blocked, human):
        await desk.enqueue(task.id)
    await trio.sleep(700)
    assert await starved(desk) == 0
    await desk.ask(paused.id, c.ResumeTask(), OPERATOR)
    await trio.sleep(301)
    assert (await starved(desk), told(desk, paused.id)) == (1, 1)


async def test_a_taker_that_comes_ends_the_starving_and_it_is_reported_again_only_when_anew(desk):
    task = await desk.task()
    await desk.enqueue(task.id)
    await trio.sleep(301)
    assert await starved(desk) == 1
    await desk.register("s1")
    await desk.queued()
    await trio.sleep(300)
    assert (await starved(desk), told(desk, task.id)) == (0, 1)
    await desk.system.end_session("s1")
    await trio.sleep(301)
    assert told(desk, task.id) == 2


async def test_after_a_restart_agents_have_time_to_come_back():
    async with started() as desk:
        run = await desk.queued()
        await trio.sleep(200)
        store = desk.store.copy()
    async with started(store) as desk:
        await trio.sleep(299)
        assert await starved(desk) == 0
        await desk.claim("s1")
        await desk.ask_run(c.ReleaseRun(run.id), agent("s1"))
        await trio.sleep(301)
        assert await starved(desk) == 0
        await desk.system.end_session("s1")
        await trio.sleep(301)
        assert await starved(desk) == 1


async def test_a_run_given_back_soon_after_a_restart_waits_for_agents_to_come_back():
    async with started() as desk:
        run = await desk.queued()
        await desk.claim("s1", lease_seconds=3600)
        await trio.sleep(400)
        store = desk.store.copy()
    async with started(store) as desk:
        await desk.ask_run(c.ReleaseRun(run.id), agent("s1"))
        await desk.system.end_session("s1")
        await trio.sleep(295)
        assert await starved(desk) == 0
        await trio.sleep(10)
        assert await starved(desk) == 1


async def test_a_change_of_priority_is_no_reason_to_tell_again():
    async with started() as desk:
        task = await desk.task()
        await desk.enqueue(task.id)
        await trio.sleep(301)
        await desk.ask(task.id, c.PatchTask(priority=Priority.HIGH), OPERATOR)
        await trio.sleep(700)
        assert (await starved(desk), told(desk, task.id)) == (1, 1)


async def test_what_was_reported_before_a_restart_is_not_reported_again():
    async with started() as desk:
        task = await desk.task()
        await desk.enqueue(task.id)
        await trio.sleep(301)
        store = desk.store.copy()
    async with started(store) as desk:
        assert await starved(desk) == 1
        await trio.sleep(700)
        assert (await starved(desk), told(desk, task.id)) == (1, 1)


# --- what it costs ------------------------------------------------------------------------------


class Round(NamedTuple):
    takers: Takers
    comparisons: int


@pytest.fixture
def rounds(monkeypatch) -> list[Round]:
    """Those in which runs were due, with whom each has asked and how often."""
    made: list[Round] = []
    look = Starvation.look

    def noted(self: Starvation, now_ns: int) -> None:
        due_ns = self._board.starving.next_at_ns()
        before, compared = self._takers, self._takers.comparisons
        look(self, now_ns)
        takers = self._takers
        if due_ns is not None and due_ns <= now_ns:
            since = compared if takers is before else 0
            made.append(Round(takers, takers.comparisons - since))

    monkeypatch.setattr(Starvation, "look", noted)
    return made


async def test_equal_runs_are_looked_at_once_whatever_the_number_of_sessions(desk, rounds):
    for number in range(200):
        await desk.register(f"s{number}", f"bot{number % 2}", channel="other")
    for _ in range(150):
        await desk.queued(network_channel="rare")
    await trio.sleep(301)
    assert await starved(desk) == 150
    assert sum(each.comparisons for each in rounds) == 2  # kinds of sessions


async def test_a_run_is_compared_with_sessions_that_have_a_capability_of_its(desk, rounds):
    for number in range(60):
        await desk.register(f"s{number}", capabilities=("common", f"skill{number}"))
    for number in range(40):
        await desk.queued_with(required_capabilities=("common", f"skill{number}", "rare"))
        await desk.queued_with(required_capabilities=("common", f"skill{number}"))
    await trio.sleep(301)
    assert await starved(desk) == 40
    assert sum(each.comparisons for each in rounds) == 40


async def test_who_could_claim_is_put_together_once_for_many_rounds(desk, rounds):
    """And without the sessions that have ended."""
    for number in range(20):
        await desk.register(f"s{number}")
        await desk.system.end_session(f"s{number}")
    runs = 3 * limits.SLICE_MAX
    for number in range(runs):
        await desk.queued_with(required_capabilities=(f"rare{number}",))
    await trio.sleep(301)
    assert await starved(desk) == runs
    assert len(rounds) >= 3
    assert len({id(each.takers) for each in rounds}) == 1
    assert not desk.system.roster.sessions()


async def test_one_round_compares_only_so_much(desk, rounds, monkeypatch):
    monkeypatch.setattr(limits, "COMPARISONS_MAX", 100)
    for number in range(60):
        await desk.register(f"s{number}", f"bot{number}", channel="other")
    for number in range(40):
        await desk.queued(network_channel=f"rare{number}")
    await trio.sleep(301)
    assert await starved(desk) == 40
    assert max(each.comparisons for each in rounds) < 100 + 60


async def test_a_pool_s_run_is_compared_with_the_agents_of_that_pool_alone(desk, rounds):
    for number in range(60):
        await desk.register(f"s{number}", f"bot{number}", capabilities=(f"skill{number}",))
    for number in range(40):
        owner = Owner(OwnerKind.POOL, f"bot{number}")
        task = await desk.task(owner=owner)
        await desk.enqueue(task.id, required_capabilities=("rare",))
    await trio.sleep(301)
    assert await starved(desk) == 40
    assert max(each.comparisons for each in rounds) <= 40


async def test_a_session_of_the_same_kind_is_no_taker_of_a_session_s_own_run(desk):
    await desk.register("s1")
    await desk.register("s2")
    own = await desk.task(owner=Owner(OwnerKind.AGENT_SESSION, "s2"))
    lost = await desk.task(owner=Owner(OwnerKind.AGENT_SESSION, "s3"))
    for task in (own, lost):
        await desk.enqueue(task.id)
    await trio.sleep(301)
    assert (told(desk, own.id), told(desk, lost.id)) == (0, 1)
