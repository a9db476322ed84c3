"""What is asked while no node is active, or none can say that it is: by Trio's clock alone."""

import httpx
import orjson
import pytest
import trio

from chargehand.persistence.replicated.node import FRESH_PART
from chargehand.web.cluster.forwarding import CONNECT_S
from chargehand.web.cluster.repeating import is_repeatable
from chargehand.web.cluster.roles import LOOKS_S, NOT_ACTIVE, WAIT_S
from chargehand.web.exchange import Exchange
from tests.web.cluster.nodes import TTL_S, Asked, Whole, saying

READ = ("GET", "/api/tasks")
WRITE = ("POST", "/api/tasks")


@pytest.mark.parametrize("request_line", [READ, WRITE])
async def test_with_nobody_active_who_asks_hears_so_after_a_while(
    make_node, autojump_clock, request_line
):
    node, asked = make_node("one"), Asked(*request_line)
    await node.ask(asked)
    assert trio.current_time() == pytest.approx(WAIT_S, abs=0.1)
    assert (asked.status, asked.code) == (503, "no_active_node")
    assert asked.headers["retry-after"] == "1"


@pytest.mark.parametrize("when_s", [0, 1, WAIT_S - 1])
@pytest.mark.parametrize("is_here", [True, False])
async def test_who_waits_is_answered_as_soon_as_a_node_is_active(
    make_node, autojump_clock, nursery, when_s, is_here
):
    node, other = make_node("one"), make_node("two")
    next_one = node if is_here else other
    asked = Asked(*WRITE, b"{}")

    async def take_over():
        await trio.sleep(when_s)
        next_one.become_active(saying(next_one.name))
        node.see(next_one)

    nursery.start_soon(take_over)
    await node.ask(asked)
    assert trio.current_time() == pytest.approx(when_s, abs=0.1)
    assert (asked.status, asked.body) == (200, next_one.name.encode())


async def test_the_next_one_is_waited_for_where_the_active_one_cannot_be_reached(
    make_node, autojump_clock, nursery
):
    node, lost, other = make_node("one"), make_node("lost"), make_node("two")
    del node._cluster[lost.address]
    node.see(lost)
    asked = Asked(*WRITE)

    async def take_over():
        await trio.sleep(5)
        other.become_active(saying("two"))
        node.see(other, epoch=2)

    nursery.start_soon(take_over)
    await node.ask(asked)
    assert asked.body == b"two"
    assert trio.current_time() == pytest.approx(5, abs=0.1)


async def test_who_cannot_confirm_that_it_is_active_answers_nothing(make_node, autojump_clock):
    node, asked = make_node("one"), Asked(*READ)
    node.become_active(saying("stale"))
    node.member.confirmed = False
    await node.ask(asked)
    assert trio.current_time() == pytest.approx(WAIT_S, abs=0.1)
    assert (asked.status, asked.code) == (503, "no_active_node")
    assert b"stale" not in asked.body


async def test_who_can_confirm_it_again_answers(make_node, autojump_clock, nursery):
    node, asked = make_node("one"), Asked(*READ)
    node.become_active(saying("fresh"))
    node.member.confirmed = False

    async def confirm():
        await trio.sleep(3)
        node.member.confirmed = True

    nursery.start_soon(confirm)
    await node.ask(asked)
    assert asked.body == b"fresh"
    assert trio.current_time() == pytest.approx(3, abs=0.1)


def losing_its_confirmation(node, *, ends_turn=False):
    """Answers, but what it knows is old by then."""

    async def answer(exchange: Exchange) -> None:
        await trio.sleep(1)
        if ends_turn:
            node.roles.end()
        else:
            node.member.confirmed = False
        exchange.begin(200, [(b"content-length", b"10")])
        await exchange.send(b"stale", True)
        await exchange.send(b"stale", False)

    return answer


@pytest.mark.parametrize(
    ("method", "headers", "may_be_done", "next_step"),
    [
        ("GET", {}, False, "send it again in a second"),
        ("POST", {"Idempotency-Key": "k"}, True, "under the same Idempotency-Key"),
        ("POST", {}, True, "look whether it was done before you send it again"),
    ],
)
@pytest.mark.parametrize("is_here", [True, False])
async def test_who_is_not_answered_hears_what_to_do_with_this_request(
    make_node, autojump_clock, method, headers, may_be_done, next_step, is_here
):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    active.become_active(losing_its_confirmation(active))
    asked = Asked(method, "/api/tasks", headers=headers)
    await (active if is_here else standby).ask(asked)
    said = orjson.loads(asked.body)["error"]
    if is_here or (method == "POST" and not headers):
        assert ("may have been done" in said) == may_be_done
        assert next_step in said
    else:  # it was asked again, and nobody could answer
        assert ("may have been done" in said) == may_be_done
        assert "nothing was done" not in said


@pytest.mark.parametrize("ends_turn", [False, True])
async def test_an_answer_that_is_old_before_it_begins_does_not_go_out(
    make_node, autojump_clock, ends_turn
):
    node, asked = make_node("one"), Asked(*WRITE)
    node.become_active(losing_its_confirmation(node, ends_turn=ends_turn))
    await node.ask(asked)
    assert (asked.status, asked.code) == (503, "no_active_node")
    assert asked.headers["retry-after"] == "1"
    assert b"stale" not in asked.body
    assert asked.exchange.is_answered


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, (200, b"fresh")),
        ("POST", {"Idempotency-Key": "k"}, (200, b"fresh")),
        ("POST", {}, (503, None)),  # it may have been done
    ],
)
async def test_what_a_node_does_not_answer_any_more_is_asked_of_the_next_one_if_it_may_be(
    make_node, autojump_clock, nursery, method, headers, expected
):
    standby, first, second = make_node("standby"), make_node("first"), make_node("second")
    first.become_active(losing_its_confirmation(first))
    standby.see(first)

    async def take_over():
        await trio.sleep(2)
        second.become_active(saying("fresh"))
        standby.see(second, epoch=2)

    nursery.start_soon(take_over)
    asked = Asked(method, "/api/tasks", headers=headers)
    await standby.ask(asked)
    status, body = expected
    assert asked.status == status
    if body is None:
        assert asked.code == "no_active_node"
        assert NOT_ACTIVE[0].decode() in asked.headers
        assert b"may have been done" in asked.body
    else:
        assert asked.body == body


async def late(request: httpx.Request) -> httpx.Response:
    """As of a claim that waits."""
    await trio.sleep(3 * WAIT_S)
    return httpx.Response(200, headers={"content-length": "7"}, stream=Whole(b"at last"))


async def piece_by_piece(request: httpx.Request) -> httpx.Response:
    """As of a stream."""

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self):
            for letter in b"at last":
                yield bytes([letter])
                await trio.sleep(WAIT_S)

    return httpx.Response(200, headers={"content-length": "7"}, stream=Slow())


@pytest.mark.parametrize("answer", [late, piece_by_piece])
async def test_an_answer_of_the_active_node_may_take_as_long_as_it_takes(
    make_node, autojump_clock, answer
):
    """What is bounded is the wait for a node."""
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    active.take_in = answer
    asked = Asked(*WRITE)
    await standby.ask(asked)
    assert (asked.status, asked.body) == (200, b"at last")
    assert trio.current_time() > 2 * WAIT_S


async def test_the_wait_for_a_node_begins_when_the_one_that_had_it_is_lost(
    make_node, autojump_clock, nursery
):
    standby, first, second = make_node("standby"), make_node("first"), make_node("second")
    standby.see(first)

    async def lost(request: httpx.Request) -> httpx.Response:
        await trio.sleep(2 * WAIT_S)
        raise httpx.ReadError("the connection was lost")

    async def take_over():
        await trio.sleep(2.5 * WAIT_S)
        second.become_active(saying("second"))
        standby.see(second, epoch=2)

    first.take_in = lost
    nursery.start_soon(take_over)

    async def is_gone():
        await trio.sleep(2 * WAIT_S)
        del standby._cluster[first.address]

    nursery.start_soon(is_gone)
    asked = Asked(*READ)
    await standby.ask(asked)
    assert asked.body == b"second"
    assert trio.current_time() == pytest.approx(2.5 * WAIT_S, abs=0.1)


async def test_an_address_at_which_nobody_takes_anything_in_is_not_asked_for_ever(
    make_node, autojump_clock
):
    standby, silent = make_node("standby"), make_node("silent")
    standby.see(silent)

    async def nothing(request: httpx.Request) -> httpx.Response:
        await trio.sleep(CONNECT_S)
        raise httpx.ConnectTimeout("nobody has answered")

    silent.take_in = nothing
    asked = Asked(*WRITE)
    with trio.fail_after(WAIT_S + 2 * CONNECT_S):
        await standby.ask(asked)
    assert (asked.status, asked.code) == (503, "no_active_node")


# --- the active node has lost the database ------------------------------------------------------


async def never(exchange: Exchange) -> None:
    """As a write whose commit has no answer."""
    await trio.sleep_forever()


@pytest.mark.parametrize("is_here", [True, False])
@pytest.mark.parametrize("asked", [READ, WRITE, (*WRITE, b"", {"Idempotency-Key": "k"})])
async def test_what_the_active_node_cannot_answer_is_refused_after_a_while(
    make_node, autojump_clock, nursery, asked, is_here
):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    active.become_active(never)
    nursery.start_soon(active.roles.watch)
    nursery.start_soon(standby.roles.watch)

    async def lose() -> None:
        await trio.sleep(1)
        active.member.confirmed = False

    nursery.start_soon(lose)
    asked = Asked(*asked)
    await (active if is_here else standby).ask(asked)
    is_asked_again = not is_here and is_repeatable(asked.exchange.head)
    waited_s = WAIT_S if is_asked_again else 1 + WAIT_S - FRESH_PART * TTL_S
    assert trio.current_time() == pytest.approx(waited_s, abs=3 * LOOKS_S)
    assert (asked.status, asked.code) == (503, "no_active_node")
    assert (b"may have been done" in asked.body) == (asked.exchange.head.method != "GET")
    assert b"nothing was done" not in asked.body
    nursery.cancel_scope.cancel()


async def test_what_is_confirmed_in_time_is_waited_for(make_node, autojump_clock, nursery):
    node, asked = make_node("one"), Asked(*WRITE)

    async def at_last(exchange: Exchange) -> None:
        await trio.sleep(4 * WAIT_S)
        await saying("at last")(exchange)

    async def lose_and_confirm() -> None:
        while True:
            await trio.sleep(WAIT_S - FRESH_PART * TTL_S - 1)
            node.member.confirmed = not node.member.confirmed

    node.become_active(at_last)
    nursery.start_soon(node.roles.watch)
    nursery.start_soon(lose_and_confirm)
    await node.ask(asked)
    assert asked.body == b"at last"
    nursery.cancel_scope.cancel()


async def test_a_stream_stays_open_while_the_database_is_away(make_node, autojump_clock, nursery):
    node, asked = make_node("one"), Asked("GET", "/api/stream")

    async def stream(exchange: Exchange) -> None:
        exchange.begin(200, [])
        await exchange.send(b"first ", True)
        await trio.sleep(3 * WAIT_S)
        await exchange.send(b"last", False)

    async def lose() -> None:
        await trio.sleep(1)
        node.member.confirmed = False

    node.become_active(stream)
    nursery.start_soon(node.roles.watch)
    nursery.start_soon(lose)
    await node.ask(asked)
    assert b"first " in asked.body
    assert b"last" in asked.body
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("asked", [READ, WRITE])
async def test_a_frozen_node_is_not_waited_for_ever_though_no_other_can_take_over(
    make_node, autojump_clock, nursery, asked
):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    standby.member.trouble = "the database is away"

    async def frozen(request: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()

    active.take_in = frozen
    nursery.start_soon(standby.roles.watch)
    asked = Asked(*asked)
    await standby.ask(asked)
    assert trio.current_time() == pytest.approx(2 * WAIT_S, abs=1)
    assert asked.status == 503
    assert (b"may have been done" in asked.body) == (asked.exchange.head.method != "GET")
    nursery.cancel_scope.cancel()
