"""A node hands over where there is another one, and says so where there is none."""

import pytest
import trio

from chargehand.persistence.postgres.presence import Seen
from chargehand.persistence.replicated.far import LostError
from chargehand.web.cluster.step_down import OTHERS_S
from tests.web.cluster.nodes import Asked, saying

STEP_DOWN = ("POST", "/api/nodes/step-down")


class ReadsAndLeaves:
    """A client that closes its connection as soon as it has its answer."""

    client = server = None
    is_last = True

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._peer = asked.exchange._peer

    async def write(self, data: bytes) -> None:
        await self._peer.write(data)
        self._asked.exchange.hang_up()

    def made_room(self) -> None:
        """It never waits."""


def seen(name: str, ago_s: float = 0.1) -> Seen:
    return Seen(name, f"{name}:1", ago_s, 0)


@pytest.fixture(params=["here", "by another"])
def ask(request, make_node):
    """Asks an active node to step down; returns it and the answer."""
    active, standby = make_node("one"), make_node("two")
    active.become_active(saying("one"))
    standby.see(active)

    async def asked_with(found):
        active.presence.found = found
        asked = Asked(*STEP_DOWN)
        await (active if request.param == "here" else standby).ask(asked)
        return active, asked

    return asked_with


async def test_a_node_hands_over_to_another_one(ask, autojump_clock):
    active, asked = await ask([seen("one"), seen("two")])
    assert (asked.status, asked.body) == (202, b'{"node":"one"}')
    assert active.roles.leaving.is_set()
    assert trio.current_time() == 0


@pytest.mark.parametrize("found", [[], [seen("one")], [seen("one"), seen("two", 9)], None])
async def test_a_node_stays_active_where_no_other_one_is_there(ask, autojump_clock, found):
    active, asked = await ask(found)
    assert (asked.status, asked.code) == (409, "no_other_node")
    assert b"one stays the active one" in asked.body
    assert not active.roles.leaving.is_set()
    assert trio.current_time() == pytest.approx(OTHERS_S, abs=0.2)


async def test_one_that_has_just_started_is_waited_for(ask, autojump_clock, nursery):
    found = [seen("one")]

    async def start():
        await trio.sleep(1)
        found.append(seen("two"))

    nursery.start_soon(start)
    active, asked = await ask(found)
    assert asked.status == 202
    assert active.roles.leaving.is_set()


async def test_for_a_caller_that_has_hung_up_while_it_waited_no_node_hands_over(
    make_node, autojump_clock, nursery
):
    node, asked = make_node("one"), Asked(*STEP_DOWN)
    node.become_active(saying("one"))
    node.member.confirmed = False
    node.presence.found = [seen("one"), seen("two")]

    async def leave():
        await trio.sleep(1)
        asked.exchange.hang_up()
        await trio.sleep(1)
        node.member.confirmed = True

    nursery.start_soon(leave)
    await node.ask(asked)
    assert trio.current_time() == pytest.approx(2, abs=0.1)
    assert not node.roles.leaving.is_set()
    assert asked.exchange.status is None


async def test_a_caller_that_hangs_up_once_it_is_answered_is_obeyed(make_node):
    node, asked = make_node("one"), Asked(*STEP_DOWN)
    node.become_active(saying("one"))
    node.presence.found = [seen("one"), seen("two")]
    asked.exchange._peer = ReadsAndLeaves(asked)
    await node.ask(asked)
    assert (asked.status, asked.exchange.is_gone) == (202, True)
    assert node.roles.leaving.is_set()


async def test_a_node_that_lost_its_confirmation_meanwhile_hands_nothing_over(
    make_node, autojump_clock, nursery
):
    node, asked = make_node("one"), Asked(*STEP_DOWN)
    node.become_active(saying("one"))
    node.presence.found = found = [seen("one")]

    async def lose():
        await trio.sleep(1)
        node.member.confirmed = False
        found.append(seen("two"))

    nursery.start_soon(lose)
    await node.ask(asked)
    assert (asked.status, asked.code) == (503, "no_active_node")
    assert not node.roles.leaving.is_set()


async def test_the_nodes_are_not_known_while_the_database_does_not_answer(make_node):
    node = make_node("one")
    node.presence.found = None
    asked = Asked("GET", "/api/nodes")
    await node.ask(asked)
    assert (asked.status, asked.code) == (503, "nodes_not_known")
    with pytest.raises(LostError):
        await node.presence.nodes()
