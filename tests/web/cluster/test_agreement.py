"""A node that is set otherwise than the active one notices, says so, and answers no riddles."""

import logging

import httpx
import orjson
import pytest
import trio

from chargehand.web.cluster.agreement import AGAIN_S, AGREES_PATH, TOKEN_SIGN, token_sign
from chargehand.web.cluster.forwarding import SECRET, WAY
from tests.web.cluster import nodes
from tests.web.cluster.nodes import Asked, saying

OTHER = {
    "secret": ({"secret": "another one"}, "CHARGEHAND_CLUSTER_SECRET"),
    "token": ({"token": "another-token-0123456789"}, "CHARGEHAND_TOKEN"),
}
READ = ("GET", "/api/tasks")


def errors(caplog) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]


async def ready(node) -> tuple[int, dict[str, object]]:
    asked = Asked("GET", "/readyz")
    await node.ask(asked)
    return asked.status, orjson.loads(asked.body)


@pytest.fixture(params=OTHER)
def other(request):
    """Settings of a node, and the variable that differs."""
    return OTHER[request.param]


async def test_a_node_that_follows_asks_whether_it_is_set_alike(
    make_node, autojump_clock, nursery, caplog, other
):
    settings, variable = other
    active, node = make_node("one"), make_node("two", **settings)
    active.become_active(saying("one"))
    nursery.start_soon(node.agreement.watch)
    node.see(active)
    await trio.sleep(10)
    [said] = errors(caplog)  # once
    for part in (variable, "one", "two", active.address):
        assert part in said
    status, shown = await ready(node)
    assert (status, shown["status"]) == (503, "not ready")
    assert shown["reason"] == said
    asked = Asked(*READ)
    await node.ask(asked)
    assert (asked.status, asked.code) == (503, "node_set_otherwise")
    assert variable.encode() in asked.body
    assert asked.headers["retry-after"] == "60"
    # It takes over only if nobody else does: all others would refuse what they are asked.
    assert node.member.hesitates
    node.see(None)
    await trio.sleep(10)
    assert node.member.hesitates


async def test_a_node_that_is_set_alike_is_ready_and_says_nothing(
    make_node, autojump_clock, nursery, caplog
):
    token = "the-token-0123456789"
    active, node = make_node("one", token=token), make_node("two", token=token)
    active.become_active(saying("one"))
    nursery.start_soon(node.agreement.watch)
    node.see(active)
    await trio.sleep(10)
    status, shown = await ready(node)
    assert (status, "reason" in shown) == (200, False)
    asked = Asked(*READ)
    await node.ask(asked)
    assert asked.body == b"one"
    assert not errors(caplog)
    assert not node.member.hesitates


@pytest.mark.parametrize("request_line", [READ, ("POST", "/api/tasks")])
async def test_requests_that_come_before_that_find_it_out(make_node, caplog, request_line):
    active, node = make_node("one"), make_node("two", secret="another one")
    active.become_active(saying("one"))
    node.see(active)
    both = [Asked(*request_line), Asked(*request_line)]
    async with trio.open_nursery() as nursery:
        for asked in both:
            nursery.start_soon(node.ask, asked)
    for asked in both:
        assert (asked.status, asked.code) == (503, "node_set_otherwise")
    assert len(errors(caplog)) == 1
    assert (await ready(node))[0] == 503


async def test_the_next_active_node_is_asked_anew(
    make_node, autojump_clock, nursery, caplog, other
):
    settings, _ = other
    node, alike = make_node("two", **settings), make_node("three", **settings)
    former = make_node("one")
    former.become_active(saying("one"))
    nursery.start_soon(node.agreement.watch)
    node.see(former)
    await trio.sleep(1)
    alike.become_active(saying("three"))
    node.see(alike, 2)
    asked = Asked(*READ)
    await node.ask(asked)  # before it was asked, too
    assert asked.body == b"three"
    await trio.sleep(1)
    assert (await ready(node))[0] == 200
    node.see(former, 3)
    await trio.sleep(1)
    assert (await ready(node))[0] == 503
    assert len(errors(caplog)) == 2


async def test_a_node_that_is_active_itself_is_set_as_it_is(
    make_node, autojump_clock, nursery, other
):
    settings, _ = other
    active, node = make_node("one"), make_node("two", **settings)
    active.become_active(saying("one"))
    nursery.start_soon(node.agreement.watch)
    node.see(active)
    await trio.sleep(1)
    node.become_active(saying("two"))
    asked = Asked(*READ)
    await node.ask(asked)
    assert asked.body == b"two"


async def test_one_that_cannot_be_reached_is_asked_again(make_node, autojump_clock, nursery, other):
    settings, _ = other
    active, node = make_node("one"), make_node("two", **settings)
    active.become_active(saying("one"))
    door = node._cluster.pop(active.address)
    nursery.start_soon(node.agreement.watch)
    node.see(active)
    await trio.sleep(60)
    node._cluster[active.address] = door
    await trio.sleep(2 * AGAIN_S)
    assert (await ready(node))[0] == 503


@pytest.mark.parametrize("pair", [("a", "b"), (None, "a"), ("a", None), (None, "")])
async def test_no_sign_of_a_token_is_like_that_of_another(pair):
    one, two = pair
    assert token_sign("secret", one) != token_sign("secret", two)
    assert token_sign("secret", one) == token_sign("secret", one)
    assert token_sign("secret", one) != token_sign("another", one)


async def test_only_nodes_may_ask_whether_a_token_is_the_right_one(make_node):
    active = make_node("one", token="the-token-0123456789")
    active.become_active(saying("one"))
    sign = (TOKEN_SIGN.decode(), token_sign(nodes.SECRET, "the-token-0123456789").decode())
    url = f"http://one:1{AGREES_PATH.decode()}"
    stranger = await active.take_in(
        httpx.Request("GET", url, headers=dict([sign, (SECRET.decode(), "a guess")]))
    )
    assert stranger.status_code == 403
    known = [sign, (SECRET.decode(), nodes.SECRET), (WAY.decode(), "tcp")]
    assert (await active.take_in(httpx.Request("GET", url, headers=dict(known)))).status_code == 200
