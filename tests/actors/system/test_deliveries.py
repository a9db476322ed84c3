"""Every end reaches every subscriber, in order, however long a bridge is down."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
import trio.testing

from chargehand.actors.bridges.bridge import Bridge, Gone, Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.actors.clock import VirtualTime
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.lifecycle import run_system
from chargehand.actors.limits import ATTEMPTS_MAX, DELIVERIES_AT_ONCE_MAX, NS
from chargehand.actors.registry.commands import CreateWorkspace
from chargehand.actors.settings import Settings
from chargehand.actors.task import commands as c
from chargehand.actors.task.review import ReviewOutcome, ReviewPolicy
from chargehand.actors.task.state import Scope, TaskStatus
from chargehand.actors.task.subscription import DeliveryMode, Target
from chargehand.persistence.memory_store import MemoryStore
from chargehand.persistence.opening import memory_journal
from tests.actors.system.desk import NOW_NS, OPERATOR, CrashStore, Desk

HOUR_S = 3600.0
PEER = Target(DeliveryMode.DIRECT_SEND, peer_id="p")


class Receiver:
    """What a bridge leads to; it may be `down`, saying why, and hang until it is `open`."""

    def __init__(self) -> None:
        self.attempts: list[tuple[float, Message]] = []
        self.taken: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.down: str | None = None
        self.retry_after_s: float | None = None  # what it says while it is down
        self.gone = False
        self.open = trio.Event()
        self.open.set()

    async def send(self, message: Message) -> None:
        self.attempts.append((trio.current_time(), message))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
        finally:
            self.at_once -= 1
        if self.gone:
            raise Gone("answered 410 Gone")
        if self.down is not None:
            raise Undelivered(self.down, self.retry_after_s)
        self.taken.append(message.delivery_id)

    @property
    def gaps_s(self) -> list[float]:
        """Between one attempt and the next."""
        times = [at for at, _ in self.attempts]
        return [later - at for at, later in pairwise(times)]


@asynccontextmanager
async def started(store=None, bridges=(), wall_s=0, **settings) -> AsyncIterator[Desk]:
    """Args: wall_s: what the system's clock is ahead of the usual start."""
    store = MemoryStore() if store is None else store
    async with run_system(
        memory_journal(store),
        Settings(**settings),
        wall_ns=NOW_NS + int(wall_s * NS),
        bridges=bridges,
    ) as system:
        yield Desk(system, store)


def bridge(receiver, bridge_id="ops", scope=Scope.GLOBAL, workspace=None, enabled=True) -> Bridge:
    return Bridge(bridge_id, scope, workspace, receiver.send, enabled)


async def subscribe(desk, task_id, subscription_id="sub", bridge_id="ops"):
    command = c.Subscribe(bridge_id, PEER, subscription_id)
    answer = await desk.system.subscribe(task_id, command, OPERATOR)
    return answer.task.subscriptions[-1]


async def subscribed(desk, subscription_id="sub", bridge_id="ops") -> str:
    """A new task with a subscriber; its id."""
    task = await desk.task()
    await subscribe(desk, task.id, subscription_id, bridge_id)
    return task.id


async def end(desk, task_id) -> None:
    """One more end of the task."""
    run = await desk.enqueue(task_id)
    await desk.ask_run(c.CancelRun(run.id))


def shown(desk, task_id, subscription_id="sub"):
    return desk.system.views.get(task_id).subscription(subscription_id)


async def rest() -> None:
    await trio.testing.wait_all_tasks_blocked()


# --- the usual way -----------------------------------------------------------------------------


async def test_an_end_is_delivered_and_the_cursor_moves_to_it():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        run = await desk.enqueue(task_id)
        await desk.do("s1", run.id)
        await rest()
        [(_, message)] = receiver.attempts
        assert (message.event.type, message.status) == ("task.run_completed", TaskStatus.COMPLETED)
        assert (message.task_id, message.run_id) == (task_id, run.id)
        after = shown(desk, task_id)
        assert after.cursor.last_seq == message.seq
        assert after.last_delivery_id == message.delivery_id == receiver.taken[0]
        assert after.due == ()
        assert len(desk.system.deliveries) == 0


async def test_ends_are_delivered_in_order_and_each_once():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        for _ in range(3):
            await end(desk, task_id)
        await rest()
        numbers = [message.seq for _, message in receiver.attempts]
        assert len(numbers) == 3
        assert numbers == sorted(numbers)


async def test_a_delivery_is_one_record_and_no_event_that_the_public_sees():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        seen = desk.system.views.get(task_id).latest_event_seq
        await rest()
        last = desk.system.journal.reads.timeline_latest(task_id, 1)[0]
        assert [type(event).__name__ for event in last.events] == ["MessageDelivered"]
        assert desk.system.views.get(task_id).latest_event_seq == seen
        assert desk.events(task_id)[-1] == "task.status_changed"


async def test_a_descendant_of_a_canceled_tree_is_told_too():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        parent = await desk.task()
        child = await desk.task(parent_task_id=parent.id)
        await subscribe(desk, child.id)
        await desk.ask(parent.id, c.CancelTask("enough"))
        await rest()
        assert [message.event.type for _, message in receiver.attempts] == ["task.canceled"]


async def test_the_outcome_of_a_required_review_is_a_second_message():
    receiver = Receiver()
    policy = ReviewPolicy.ON_SUCCESS
    async with started(bridges=[bridge(receiver)], review_policy=policy, review_s=60.0) as desk:
        task_id = await subscribed(desk)
        run = await desk.enqueue(task_id)
        await desk.do("s1", run.id)
        await rest()
        [(_, end)] = receiver.attempts
        assert end.review.is_open
        store = desk.store.copy()
    async with started(store, [bridge(receiver)], review_s=60.0) as desk:
        await trio.sleep(61)  # nobody judges
        _, (_, outcome) = receiver.attempts
        assert outcome.event_type == "task.run_review_timeout"
        assert (outcome.review.id, outcome.review.is_open) == (end.review.id, False)
        assert outcome.review.outcome is ReviewOutcome.TIMEOUT
        assert receiver.taken == [end.delivery_id, outcome.delivery_id]
        assert shown(desk, task_id).cursor.last_seq == outcome.seq


# --- a bridge that is down ---------------------------------------------------------------------


async def test_it_is_tried_again_after_about_a_second_and_then_ever_more_seldom():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(3600)
        first, second, third, *_, last = receiver.gaps_s
        assert 0.8 <= first <= 1.2
        assert 1.6 <= second <= 2.4
        assert 3.2 <= third <= 4.8
        assert 240 <= last <= 360
        assert len({message.delivery_id for _, message in receiver.attempts}) == 1


async def test_a_failure_shows_until_a_delivery_and_is_written_once():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        before = shown(desk, task_id).cursor
        await end(desk, task_id)
        await rest()
        written = desk.system.views.get(task_id).last_seq
        failed = shown(desk, task_id).cursor
        assert (failed.error, failed.last_seq) == ("answered 500", before.last_seq)
        await trio.sleep(100)
        assert len(receiver.attempts) > 5
        assert desk.system.views.get(task_id).last_seq == written
        receiver.down = None
        await trio.sleep(300)
        assert shown(desk, task_id).cursor.error is None
        assert shown(desk, task_id).due == ()


async def test_what_ends_meanwhile_waits_behind_it_and_nothing_is_lost():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        for _ in range(3):
            await end(desk, task_id)
        await trio.sleep(10)
        due = shown(desk, task_id).due
        assert {message.seq for _, message in receiver.attempts} == {due[0]}
        receiver.down = None
        await trio.sleep(20)
        assert receiver.taken == [f"notif:sub:{seq}" for seq in due]


async def test_setting_the_subscription_anew_tries_at_once():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(1000)
        receiver.down = None
        await subscribe(desk, task_id)
        await rest()
        assert len(receiver.taken) == 1


async def test_a_bug_in_a_bridge_is_a_failure_like_others_and_its_text_is_not_reported(caplog):
    async def send(message):
        raise ZeroDivisionError("secret")

    async with started(bridges=[Bridge("ops", Scope.GLOBAL, None, send)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(5)
        assert shown(desk, task_id).cursor.error == "the server has failed to send it"
        assert "ZeroDivisionError" in caplog.text
        assert len(desk.system.deliveries) == 1


# --- a receiver that asks for time -------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
async def test_it_is_never_tried_sooner_than_the_receiver_says(seed):
    receiver = Receiver()
    receiver.down, receiver.retry_after_s = "answered 429", 30.0
    async with started(bridges=[bridge(receiver)]) as desk:
        await end(desk, await subscribed(desk))
        await trio.sleep(300)
        assert len(receiver.gaps_s) >= 4
        assert all(30 <= gap <= 64 * 1.2 for gap in receiver.gaps_s)
        assert receiver.gaps_s[0] <= 36


async def test_all_of_the_bridge_waits_then_and_no_other_bridge_does():
    busy, quick = Receiver(), Receiver()
    busy.down, busy.retry_after_s = "answered 429", 30.0
    async with started(bridges=[bridge(busy, "busy"), bridge(quick, "quick")]) as desk:
        await end(desk, await subscribed(desk, "first", "busy"))
        await rest()
        for number in range(3):
            task_id = await subscribed(desk, f"busy-{number}", "busy")
            await subscribe(desk, task_id, f"quick-{number}", "quick")
            await end(desk, task_id)
        await rest()
        assert len(quick.taken) == 3
        assert len(busy.attempts) == 1
        busy.down = None
        begun = trio.current_time()
        await trio.sleep(29)
        assert len(busy.attempts) == 1
        await trio.sleep(8)
        assert len(busy.taken) == 4
        assert min(at for at, _ in busy.attempts[1:]) - begun >= 30


async def test_only_what_somebody_sets_anew_is_tried_meanwhile():
    receiver = Receiver()
    receiver.down, receiver.retry_after_s = "answered 429", 3600.0
    async with started(bridges=[bridge(receiver)]) as desk:
        first, second = await subscribed(desk, "one"), await subscribed(desk, "two")
        await end(desk, first)
        await rest()
        await end(desk, second)
        await rest()
        await subscribe(desk, second, "two")
        await rest()
        assert [message.task_id for _, message in receiver.attempts] == [first, second]
        await trio.sleep(3000)
        assert len(receiver.attempts) == 2


async def send_again(desk, task_id, seq):
    await desk.ask(task_id, c.SendAgain("sub", seq))


async def set_anew(desk, task_id, seq):
    await subscribe(desk, task_id)


@pytest.mark.parametrize("want", [set_anew, send_again])
async def test_what_is_wanted_anew_during_an_attempt_is_tried_once_when_that_has_failed(want):
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)], delivery_s=10.0) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(100)
        [missed] = shown(desk, task_id).undelivered
        receiver.attempts.clear()
        receiver.down, receiver.retry_after_s = "answered 429", 3600.0
        receiver.open = trio.Event()
        await end(desk, task_id)
        await rest()
        await want(desk, task_id, missed.seq)
        await rest()
        assert len(receiver.attempts) == 1
        receiver.open.set()
        await rest()
        assert len(receiver.attempts) == 2
        await trio.sleep(3000)
        assert len(receiver.attempts) == 2


# --- a receiver that wants no more -------------------------------------------------------------


async def test_one_that_is_gone_is_tried_no_more_over_restarts_until_it_is_set_again():
    receiver = Receiver()
    receiver.gone = True
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        off = shown(desk, task_id)
        assert off.off_at_ns is not None
        assert (off.cursor.error, len(off.undelivered)) == ("answered 410 Gone", 1)
        await end(desk, task_id)
        await trio.sleep(1000)
        assert len(receiver.attempts) == 1
        assert len(desk.system.deliveries) == 0
        store = desk.store.copy()
    receiver.gone = False
    async with started(store, bridges=[bridge(receiver)]) as desk:
        await trio.sleep(1000)
        assert len(receiver.attempts) == 1
        await subscribe(desk, task_id)
        await end(desk, task_id)
        await rest()
        assert len(receiver.taken) == 1
        on = shown(desk, task_id)
        assert (on.off_at_ns, on.cursor.error, len(on.undelivered)) == (None, None, 2)
        await desk.ask(task_id, c.SendAgain())
        await rest()
        assert len(receiver.taken) == 3
        assert shown(desk, task_id).undelivered == ()


async def test_one_subscription_that_is_gone_leaves_those_beside_it_alone():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        gone, other = await subscribed(desk, "gone"), await subscribed(desk, "other")
        receiver.gone = True
        await end(desk, gone)
        await rest()
        receiver.gone = False
        await end(desk, other)
        await rest()
        assert [message.task_id for _, message in receiver.attempts] == [gone, other]
        assert shown(desk, other, "other").off_at_ns is None


async def test_an_answer_from_before_it_was_set_again_does_not_turn_it_off():
    receiver = Receiver()
    receiver.gone, receiver.open = True, trio.Event()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        await trio.sleep(1)
        await subscribe(desk, task_id)
        receiver.open.set()
        await trio.sleep(0.1)
        assert len(receiver.attempts) == 2  # the second one for what was set
        assert [message.seq for _, message in receiver.attempts] == [
            shown(desk, task_id).undelivered[0].seq
        ] * 2


# --- the end of retries ------------------------------------------------------------------------


async def test_after_its_time_a_message_is_undelivered_and_the_next_one_goes_on():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)], delivery_s=HOUR_S) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await end(desk, task_id)
        first, second = shown(desk, task_id).due
        await trio.sleep(HOUR_S - 1)
        assert shown(desk, task_id).due == (first, second)
        await trio.sleep(361)
        after = shown(desk, task_id)
        assert [(message.seq, message.error) for message in after.undelivered] == [
            (first, "answered 500")
        ]
        assert after.due == (second,)
        receiver.down = None
        await trio.sleep(361)
        assert receiver.taken == [f"notif:sub:{second}"]
        assert shown(desk, task_id).cursor.last_seq == second


async def test_it_is_tried_for_as_long_as_the_setting_says_and_few_records_note_it():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)], delivery_s=6400.0) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        written = desk.system.views.get(task_id).last_seq
        begun, _ = receiver.attempts[0]
        await trio.sleep(7000)
        last, _ = receiver.attempts[-1]
        assert 6400 <= last - begun <= 6760
        assert desk.system.views.get(task_id).last_seq - written <= 65


async def test_the_time_goes_on_over_restarts_and_the_time_of_a_stop_does_not_count():
    receiver = Receiver()
    receiver.down = "answered 500"
    store, attempts_s = None, 0.0
    for down_s in (0, 10 * HOUR_S, 0, 1):
        wall_s = attempts_s + down_s
        async with started(store, [bridge(receiver)], wall_s, delivery_s=3.2 * HOUR_S) as desk:
            if store is None:
                task_id = await subscribed(desk)
                await end(desk, task_id)
            await trio.sleep(HOUR_S)
            attempts_s += HOUR_S
            given_up = shown(desk, task_id).undelivered
            assert bool(given_up) == (down_s == 1)
            store = desk.store.copy()


@pytest.mark.parametrize("step_s", [-7200, 7200, 10 * 86_400])
async def test_steps_of_the_wall_move_neither_retries_nor_their_end_nor_what_was_asked_for(step_s):
    receiver = Receiver()
    receiver.down, receiver.retry_after_s = "answered 429", 30.0
    time = VirtualTime(NOW_NS, watched=True)
    async with run_system(
        memory_journal(), Settings(delivery_s=300.0), time=time, bridges=[bridge(receiver)]
    ) as system:
        desk = Desk(system, MemoryStore())
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        time.step(step_s)
        await trio.sleep(250)
        assert len(receiver.gaps_s) >= 3
        assert all(30 <= gap <= 64 * 1.2 + 6 for gap in receiver.gaps_s)
        assert shown(desk, task_id).undelivered == ()
        await trio.sleep(300)
        assert len(shown(desk, task_id).undelivered) == 1


async def test_no_time_passes_for_what_cannot_be_tried():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver, enabled=False)], delivery_s=HOUR_S) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(3600)
        assert len(shown(desk, task_id).due) == 1
        store = desk.store.copy()
    async with started(store, bridges=[bridge(receiver)]):
        await rest()
        assert len(receiver.taken) == 1


async def test_set_anew_a_message_has_its_whole_time_again():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)], delivery_s=HOUR_S) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(HOUR_S - 400)
        await subscribe(desk, task_id)
        await trio.sleep(HOUR_S - 1)
        assert len(shown(desk, task_id).due) == 1
        await trio.sleep(361)
        assert len(shown(desk, task_id).undelivered) == 1


async def test_what_is_sent_again_goes_at_once_and_before_what_is_due():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)], delivery_s=10.0) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(100)
        [missed] = shown(desk, task_id).undelivered
        await end(desk, task_id)
        await rest()
        [waiting] = shown(desk, task_id).due
        receiver.down = None
        await desk.ask(task_id, c.SendAgain("sub", missed.seq))
        await rest()
        assert receiver.taken == [f"notif:sub:{missed.seq}", f"notif:sub:{waiting}"]
        assert shown(desk, task_id).cursor.last_seq == waiting


# --- bridges beside each other -----------------------------------------------------------------


async def test_one_that_hangs_holds_up_no_other():
    slow, quick = Receiver(), Receiver()
    slow.open = trio.Event()
    async with started(bridges=[bridge(slow, "slow"), bridge(quick, "quick")]) as desk:
        for number in range(3 * DELIVERIES_AT_ONCE_MAX):
            task_id = await subscribed(desk, f"slow-{number}", "slow")
            await subscribe(desk, task_id, f"quick-{number}", "quick")
            await end(desk, task_id)
        await rest()
        assert len(quick.taken) == 3 * DELIVERIES_AT_ONCE_MAX
        assert slow.most_at_once == DELIVERIES_AT_ONCE_MAX
        assert slow.taken == []
        slow.open.set()
        await rest()
        assert len(slow.taken) == len(set(slow.taken)) == 3 * DELIVERIES_AT_ONCE_MAX


async def test_a_subscription_that_changes_its_bridge_goes_on_there():
    down, up = Receiver(), Receiver()
    down.down = "gone"
    async with started(bridges=[bridge(down, "down"), bridge(up, "up")]) as desk:
        task_id = await subscribed(desk, bridge_id="down")
        await end(desk, task_id)
        await rest()
        await subscribe(desk, task_id, bridge_id="up")
        await rest()
        assert len(up.taken) == 1
        await trio.sleep(100)
        assert len(down.attempts) == 1
        assert len(desk.system.deliveries) == 0


# --- what is wanted no more --------------------------------------------------------------------


@pytest.mark.parametrize("leave", [c.Unsubscribe("sub"), c.DeleteTask()])
async def test_nothing_is_sent_to_who_is_gone(leave):
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        await desk.ask(task_id, leave)
        await trio.sleep(100)
        assert len(receiver.attempts) == 1
        assert len(desk.system.deliveries) == 0


@pytest.mark.parametrize("leave", [c.Unsubscribe("sub"), c.DeleteTask()])
async def test_who_goes_while_a_message_is_on_its_way_is_told_nothing_more(leave):
    receiver = Receiver()
    receiver.open = trio.Event()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        await desk.ask(task_id, leave)
        receiver.open.set()
        await trio.sleep(100)
        assert len(receiver.taken) == 1
        assert len(desk.system.deliveries) == 0


# --- restarts ----------------------------------------------------------------------------------


async def test_what_was_on_its_way_at_a_stop_comes_again_under_the_same_id():
    receiver = Receiver()
    receiver.open = trio.Event()
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        store = desk.store.copy()
    assert receiver.at_once == 0
    receiver.open.set()
    async with started(store, bridges=[bridge(receiver)]) as desk:
        await rest()
        (_, one), (_, other) = receiver.attempts
        assert one.delivery_id == other.delivery_id
        assert receiver.taken == [one.delivery_id]
        store = desk.store.copy()
    async with started(store, bridges=[bridge(receiver)]):
        await rest()
        assert len(receiver.attempts) == 2


@pytest.mark.parametrize("checkpoint_s", [0.01, 30.0])
async def test_wherever_it_crashes_nothing_is_lost_and_the_order_is_kept(checkpoint_s):
    store, sent, ends = CrashStore(), {}, []

    async def send(message):
        sent[message.seq] = len(store.crash_points)

    bridges = [Bridge("ops", Scope.GLOBAL, None, send)]
    async with started(store, bridges, checkpoint_s=checkpoint_s) as desk:
        task_id = await subscribed(desk)
        for _ in range(3):
            await end(desk, task_id)
            ends.append(len(store.crash_points))
            await trio.sleep(0.02)
    assert len(sent) == len(ends)
    for point, left in enumerate(store.crash_points, 1):
        before = [seq for seq, points in sent.items() if points < point]
        after = Receiver()
        async with started(left, [bridge(after)], checkpoint_s=checkpoint_s):
            await trio.sleep(0.1)
        again = [message.seq for _, message in after.attempts]
        due = [seq for seq, acknowledged in zip(sent, ends, strict=True) if acknowledged <= point]
        assert set(due) <= {*before, *again}
        assert len({*before} & {*again}) <= 1
        assert again == sorted(set(again))
        assert not before or not again or before[-1] <= again[0]


@pytest.mark.parametrize("seed", range(5))
async def test_at_random_every_end_is_heard_of_in_order_over_crashes_and_failures(seed):
    rng, store = random.Random(seed), MemoryStore()
    heard: dict[str, list[int]] = {}
    failing = True

    async def send(message):
        await trio.sleep(rng.uniform(0, 3))
        heard.setdefault(message.task_id, []).append(message.seq)
        if failing and rng.random() < 0.5:
            raise Undelivered(f"mood {rng.randrange(3)}")

    bridges = [Bridge(bridge_id, Scope.GLOBAL, None, send) for bridge_id in ("one", "two")]
    ends_left: dict[str, int] = {}
    for _ in range(4):
        async with started(store, bridges, checkpoint_s=2.0) as desk:
            for _ in range(30):
                if rng.random() < 0.2 or not any(ends_left.values()):
                    task = await desk.task(max_attempts=ATTEMPTS_MAX)
                    where = rng.choice(bridges).id
                    await subscribe(desk, task.id, f"sub-{len(ends_left)}", where)
                    ends_left[task.id] = ATTEMPTS_MAX
                task_id = rng.choice([known for known, left in ends_left.items() if left])
                ends_left[task_id] -= 1
                await end(desk, task_id)
                await trio.sleep(rng.uniform(0, 1))
            store = desk.store.copy()
    failing = False
    async with started(store, bridges) as desk:
        await trio.sleep(2000)
        assert len(desk.system.deliveries) == 0
        for task_id in ends_left:
            events = desk.system.views.timelines.after(task_id, 0, 1000)
            ends = [told.seq for told in events if told.event.type == "task.run_canceled"]
            assert [*dict.fromkeys(heard.get(task_id, ()))] == ends
    assert sum(map(len, heard.values())) > 120


async def test_the_backoff_is_forgotten_by_a_restart_and_the_error_is_not():
    receiver = Receiver()
    receiver.down = "answered 500"
    async with started(bridges=[bridge(receiver)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await trio.sleep(1000)
        store = desk.store.copy()
    count = len(receiver.attempts)
    async with started(store, bridges=[bridge(receiver)]) as desk:
        await rest()
        assert len(receiver.attempts) == count + 1
        assert shown(desk, task_id).cursor.error == "answered 500"


# --- what the configuration says ---------------------------------------------------------------


async def test_a_bridge_that_is_gone_or_off_keeps_what_is_due_until_it_is_back():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver, enabled=False)]) as desk:
        task_id = await subscribed(desk)
        await end(desk, task_id)
        await rest()
        assert "switched off" in shown(desk, task_id).cursor.error
        store = desk.store.copy()
    async with started(store) as desk:
        await rest()
        assert "no bridge ops" in shown(desk, task_id).cursor.error
        store = desk.store.copy()
    async with started(store, bridges=[bridge(receiver)]) as desk:
        await rest()
        assert len(receiver.taken) == 1
        assert shown(desk, task_id).cursor.error is None


async def test_a_bridge_that_is_not_there_is_named():
    async with started() as desk:
        task = await desk.task()
        with pytest.raises(Rejected) as caught:
            await subscribe(desk, task.id)
        assert caught.value.code is Code.BRIDGE_NOT_FOUND
        with pytest.raises(Rejected) as caught:
            await subscribe(desk, "task-none")
        assert caught.value.code is Code.TASK_NOT_FOUND


async def test_a_bridge_serves_its_scope_and_workspace_alone():
    nobody = Receiver()
    bridges = [
        bridge(nobody, "global"),
        bridge(nobody, "by-name", Scope.WORKSPACE, "shop"),
        bridge(nobody, "by-path", Scope.WORKSPACE, "/srv/shop"),
        bridge(nobody, "other", Scope.WORKSPACE, "attic"),
    ]
    async with started(bridges=bridges) as desk:
        shop = await desk.system.registry.create_workspace(CreateWorkspace("/srv/shop", "shop"))
        here = await desk.task(scope=Scope.WORKSPACE, workspace_id=shop.id)
        everywhere = await desk.task()
        fitting = {
            (task.id, one.id)
            for task in (here, everywhere)
            for one in bridges
            if await fits(desk, task.id, one.id)
        }
        assert fitting == {
            (here.id, "by-name"),
            (here.id, "by-path"),
            (everywhere.id, "global"),
        }
        await desk.system.registry.create_workspace(CreateWorkspace("/srv/attic", "attic"))
        assert not await fits(desk, here.id, "other")


async def fits(desk, task_id, bridge_id) -> bool:
    refused = None
    try:
        await subscribe(desk, task_id, f"sub-{bridge_id}-{task_id[-24:]}", bridge_id)
    except Rejected as error:
        refused = (error.code, error.pointer)
    assert refused in (None, (Code.INVALID_REQUEST, "/bridge_instance_id"))
    return refused is None


async def test_a_bridge_that_was_moved_to_another_workspace_gets_nothing_of_the_old_one():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver, "ops", Scope.WORKSPACE, "shop")]) as desk:
        shop = await desk.system.registry.create_workspace(CreateWorkspace("/srv/shop", "shop"))
        task = await desk.task(scope=Scope.WORKSPACE, workspace_id=shop.id)
        await subscribe(desk, task.id)
        store = desk.store.copy()
    async with started(store, bridges=[bridge(receiver, "ops", Scope.WORKSPACE, "attic")]) as desk:
        await end(desk, task.id)
        await trio.sleep(10)
        assert receiver.attempts == []
        assert "serves the workspace attic" in shown(desk, task.id).cursor.error


async def test_the_id_of_a_subscription_stays_with_its_task_even_when_both_are_gone():
    receiver = Receiver()
    async with started(bridges=[bridge(receiver)]) as desk:
        first, second = await desk.task(), await desk.task()
        await subscribe(desk, first.id)
        for leave in (None, c.Unsubscribe("sub"), c.DeleteTask()):
            if leave is not None:
                await desk.ask(first.id, leave)
            with pytest.raises(Rejected) as caught:
                await subscribe(desk, second.id)
            assert caught.value.pointer == "/subscription_id"
        await desk.system.checkpointer.checkpoint()
        store = desk.store.copy()
    async with started(store, bridges=[bridge(receiver)]) as desk:
        with pytest.raises(Rejected) as caught:
            await subscribe(desk, second.id)
        assert caught.value.pointer == "/subscription_id"
