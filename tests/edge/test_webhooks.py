"""Webhooks over real sockets: whatever the receiver does, an attempt ends in time, and well."""

import logging
from email.utils import formatdate

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from chargehand.actors.bridges.bridge import Bridge, Gone, Undelivered
from chargehand.actors.bridges.message import Message
from chargehand.actors.identity import LOCAL_USER, Caller, OriginKind, origin
from chargehand.actors.lifecycle import run_system
from chargehand.actors.limits import NS, RETRY_FIRST_S
from chargehand.actors.task import commands as c
from chargehand.actors.task.events import RunFailed
from chargehand.actors.task.state import Scope, TaskStatus
from chargehand.actors.task.subscription import Cursor, DeliveryMode, Subscription, Target
from chargehand.persistence.opening import memory_journal
from chargehand.web.bridges.body import body_of
from chargehand.web.bridges.configuration import Webhook
from chargehand.web.bridges.opening import open_bridges
from chargehand.web.bridges.post import ANSWER_BYTES_MAX
from chargehand.web.bridges.signature import signature
from tests.edge.peer import S_MAX, until
from tests.edge.receiver import (
    answers,
    breaks_off,
    closes,
    floods,
    hangs,
    hangs_in_its_answer,
    receiving,
    talks_nonsense,
)

# httpx leaves iterators over an answer's body as they are when nobody reads on.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")

OPERATOR = Caller(LOCAL_USER, origin(OriginKind.HTTP, "tasks.test"))
TARGET = Target(DeliveryMode.REPLY, peer_id="p")
KEY = b"a key of some length"
NOW_S = 1_790_000_000
TIMEOUT_S = 3600.0  # which passes only where a test moves the clock


def message(seq=7):
    subscription = Subscription("sub", "ops", TARGET, LOCAL_USER, 1, 1, Cursor(3), (seq,))
    event = RunFailed("run-1", TaskStatus.FAILED, "red")
    return Message(subscription, "task-1", Scope.GLOBAL, None, seq, event, TaskStatus.FAILED)


def webhook(url, bridge_id="ops", timeout_s=TIMEOUT_S, keys=(KEY,)):
    return Webhook(bridge_id, Scope.GLOBAL, None, url, keys, timeout_s)


@pytest.fixture
async def receiver():
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def bridge(receiver) -> Bridge:
    async with open_bridges([webhook(receiver.url)], now_s=lambda: NOW_S + 0.9) as [bridge]:
        yield bridge


async def failure(bridge) -> str:
    with pytest.raises(Undelivered) as caught:
        await bridge.send(message())
    return str(caught.value)


async def test_a_message_is_posted_signed_and_named(receiver, bridge):
    await bridge.send(message())
    [request] = receiver.requests
    assert request.target == "/hook"
    assert request.body == body_of(message())
    told = {name: request.headers[name] for name in request.headers if name != "host"}
    assert told == {
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "user-agent": "chargehand",
        "webhook-id": "notif:sub:7",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": signature(KEY, "notif:sub:7", NOW_S, request.body),
        "idempotency-key": "notif:sub:7",
    }


async def test_while_a_secret_is_rotated_a_message_is_signed_with_both(receiver):
    one = webhook(receiver.url, keys=(b"new", b"old"))
    async with open_bridges([one], now_s=lambda: NOW_S) as [bridge]:
        await bridge.send(message())
    [request] = receiver.requests
    assert request.headers["webhook-signature"].split(" ") == [
        signature(key, "notif:sub:7", NOW_S, request.body) for key in (b"new", b"old")
    ]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_each_status_of_success_is_one(receiver, bridge, status):
    receiver.usual = answers(status)
    await bridge.send(message())


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, "answered 500 Internal Server Error"),
        (503, "answered 503 Service Unavailable"),
        (404, "answered 404 Not Found"),
        (303, "answered 303 See Other"),
        (304, "answered 304 Not Modified"),
        (599, "answered 599"),
    ],
)
async def test_each_other_one_is_reported(receiver, bridge, status, said):
    receiver.usual = answers(status, location="/elsewhere")
    assert await failure(bridge) == said


async def test_one_that_wants_no_more_is_gone(receiver, bridge):
    receiver.usual = answers(410)
    with pytest.raises(Gone, match=r"^answered 410 Gone$"):
        await bridge.send(message())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": formatdate(NOW_S + 61, usegmt=True)}, pytest.approx(60.1)),
        ({"Retry-After": "soon"}, None),
    ],
)
async def test_one_that_asks_for_time_says_how_much(receiver, bridge, status, headers, seconds):
    receiver.usual = answers(status, **headers)
    with pytest.raises(Undelivered, match=f"answered {status}") as caught:
        await bridge.send(message())
    assert caught.value.retry_after_s == seconds


async def test_other_failures_ask_for_no_time(receiver, bridge):
    receiver.usual = answers(500, **{"Retry-After": "30"})
    with pytest.raises(Undelivered) as caught:
        await bridge.send(message())
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("mood", [hangs, hangs_in_its_answer])
async def test_one_that_hangs_is_left_in_time(clock, receiver, bridge, mood):
    receiver.usual = mood
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def send() -> None:
            assert await failure(bridge) == "no answer within 3600 s"

        await receiver.wait_for(1)
        await wait_all_tasks_blocked(0.01)  # what it says at all has been read
        clock.jump(TIMEOUT_S)


@pytest.mark.parametrize("mood", [closes, breaks_off, talks_nonsense])
async def test_one_that_breaks_off_is_reported(receiver, bridge, mood):
    receiver.usual = mood
    assert (await failure(bridge)).startswith("no answer: RemoteProtocolError: ")


async def test_one_that_is_not_there_is_reported():
    async with receiving() as receiver:
        url = receiver.url
    async with open_bridges([webhook(url)]) as [bridge]:
        assert (await failure(bridge)).startswith("no answer: ConnectError")


async def test_a_connection_is_used_again_and_a_closed_one_is_replaced(receiver, bridge):
    await bridge.send(message(7))
    receiver.moods.append(closes)
    await failure(bridge)
    await bridge.send(message(8))
    assert [request.id for request in receiver.requests] == [
        "notif:sub:7",
        "notif:sub:7",
        "notif:sub:8",
    ]


async def test_a_long_answer_is_not_read_to_its_end(receiver, bridge):
    receiver.usual = floods(1024 * ANSWER_BYTES_MAX)
    await bridge.send(message())


async def test_an_answer_that_acknowledges_another_delivery_is_none(receiver, bridge):
    receiver.usual = answers(200, b'{"delivery_id": "notif:sub:6"}')
    assert await failure(bridge) == "acknowledged another delivery_id"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_on_the_same_host_is_followed_with_all_of_the_request(
    receiver, bridge, status
):
    receiver.moods.append(answers(status, location="/new?a=b"))
    await bridge.send(message())
    first, second = receiver.requests
    assert (second.target, second.body) == ("/new?a=b", first.body)
    assert second.headers == first.headers


async def test_a_redirect_to_another_host_is_refused_and_nothing_is_sent_there(receiver, bridge):
    async with receiving() as other:
        receiver.usual = answers(307, location=other.url)
        assert await failure(bridge) == "redirects to another port, or away from https"
        receiver.usual = answers(307, location=other.url.replace("127.0.0.1", "localhost"))
        assert await failure(bridge) == "redirects to another host"
        assert other.requests == []


async def test_redirects_have_an_end(receiver, bridge):
    receiver.usual = answers(307, location="/hook")
    assert await failure(bridge) == "redirects more than 3 times"
    assert len(receiver.requests) == 4


async def test_redirects_and_answer_share_the_time_of_one_attempt(clock, receiver, bridge):
    async def slowly(exchange):
        clock.jump(0.45 * TIMEOUT_S)
        await exchange.answer(307, location="/hook")

    receiver.usual = slowly
    assert await failure(bridge) == "no answer within 3600 s"
    assert len(receiver.requests) == 3


async def test_no_proxy_of_the_environment_is_used(monkeypatch, receiver):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with open_bridges([webhook(receiver.url)]) as [bridge]:
        await bridge.send(message())


async def test_cookies_are_not_kept(receiver, bridge):
    receiver.usual = answers(200, set_cookie="a=b")
    receiver.moods.append(answers(200, **{"set-cookie": "a=b"}))
    await bridge.send(message())
    await bridge.send(message())
    assert "cookie" not in receiver.requests[1].headers


# --- with a system behind it -------------------------------------------------------------------


async def subscribed(system, subscription_id="sub", bridge_id="ops") -> str:
    task = (await system.create_task(c.CreateTask(Scope.GLOBAL, "work"), OPERATOR)).task
    await system.subscribe(task.id, c.Subscribe(bridge_id, TARGET, subscription_id), OPERATOR)
    return task.id


async def end(system, task_id) -> None:
    run = (await system.ask(task_id, c.EnqueueRun(), OPERATOR)).the_run
    await system.ask_run(c.CancelRun(run.id), OPERATOR)


def shown(system, task_id):
    [subscription] = system.views.get(task_id).subscriptions
    return subscription


async def test_a_receiver_that_fails_in_every_way_and_comes_back_gets_all_of_it_in_order(
    caplog, clock
):
    caplog.set_level(logging.ERROR)
    async with (
        receiving() as receiver,
        open_bridges([webhook(receiver.url)]) as bridges,
        run_system(memory_journal(), wall_ns=NOW_S * NS, bridges=bridges) as system,
    ):
        receiver.moods.extend([answers(500), hangs])
        task_id = await subscribed(system)
        for _ in range(3):
            await end(system, task_id)
        due = shown(system, task_id).due
        await receiver.wait_for(1)
        await until(lambda: shown(system, task_id).cursor.error is not None)
        assert shown(system, task_id).cursor.error == "answered 500 Internal Server Error"
        clock.jump(2 * RETRY_FIRST_S)
        await receiver.wait_for(2)
        clock.jump(TIMEOUT_S)
        await until(lambda: "no answer within" in shown(system, task_id).cursor.error)
        assert shown(system, task_id).due == due
        clock.jump(4 * RETRY_FIRST_S)
        await receiver.wait_for(5)
        await until(lambda: not shown(system, task_id).due)
        cursor = shown(system, task_id).cursor
        assert (cursor.error, cursor.last_seq) == (None, due[-1])
    told = [request.json["seq"] for request in receiver.requests]
    assert told == [due[0], due[0], *due]
    assert caplog.text == ""


async def test_a_receiver_that_asks_for_time_gets_it_from_all_of_its_subscriptions(clock):
    async with (
        receiving() as receiver,
        open_bridges([webhook(receiver.url)]) as bridges,
        run_system(memory_journal(), wall_ns=NOW_S * NS, bridges=bridges) as system,
    ):
        receiver.moods.append(answers(429, **{"Retry-After": "600"}))
        first, second = await subscribed(system, "sub-1"), await subscribed(system, "sub-2")
        await end(system, first)
        await receiver.wait_for(1)
        await until(lambda: shown(system, first).cursor.error == "answered 429 Too Many Requests")
        await end(system, second)
        clock.jump(400)
        await wait_all_tasks_blocked(0.01)
        assert len(receiver.requests) == 1
        clock.jump(400)  # a little more than was asked for, by chance
        await receiver.wait_for(3)
        await until(lambda: not shown(system, first).due and not shown(system, second).due)
        assert {request.id for request in receiver.requests[1:]} == {
            shown(system, first).last_delivery_id,
            shown(system, second).last_delivery_id,
        }


async def test_one_that_hangs_holds_up_no_other():
    with trio.CancelScope() as ending:
        async with (
            receiving() as slow,
            receiving() as quick,
            open_bridges([webhook(slow.url, "slow"), webhook(quick.url, "quick")]) as bridges,
            run_system(memory_journal(), bridges=bridges) as system,
        ):
            slow.usual = hangs
            for number in range(20):
                for name in ("slow", "quick"):
                    await end(system, await subscribed(system, f"{name}-{number}", name))
            await quick.wait_for(20)
            await slow.wait_for(8)
            await wait_all_tasks_blocked(0.01)
            assert len(slow.requests) == 8
            ending.deadline = trio.current_time() + S_MAX  # the stop waits for no answer
    assert not ending.cancelled_caught
