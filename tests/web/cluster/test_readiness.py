"""What a node says of itself to probes and to people, and in its log."""

import logging

import orjson
import pytest
import trio

from chargehand.actors.frozen import replace
from chargehand.actors.limits import NS
from chargehand.persistence.replicated.node import FRESH_PART
from chargehand.persistence.replicated.shard import Row
from chargehand.web.listeners import answering
from chargehand.web.settings import ServerSettings
from tests.web.cluster.nodes import TTL_S, Asked, saying


async def readiness(node, query=""):
    """Returns: the status, and what it says."""
    asked = Asked("GET", f"/readyz{query}")
    await node.ask(asked)
    return asked.status, orjson.loads(asked.body)


async def test_a_standby_is_ready_while_a_node_is_active(make_node):
    standby, active = make_node("standby"), make_node("active")
    status, shown = await readiness(standby)
    assert (status, shown["reason"]) == (503, "no node is active")
    standby.see(active, epoch=7)
    status, shown = await readiness(standby)
    assert (status, shown["role"], shown["epoch"]) == (200, "standby", 7)
    assert (shown["active"], "reason" in shown) == ("active", False)
    status, shown = await readiness(standby, "?active")
    assert (status, shown["reason"]) == (503, "this node is not the active one")


async def test_a_node_without_its_database_says_why_it_is_not_ready(make_node):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    standby.member.trouble = "no route"
    assert await readiness(standby) == (
        503,
        {
            "status": "not ready",
            "role": "standby",
            "active": "active",
            "epoch": 1,
            "lag_records": 0,
            "reason": "no route",
        },
    )
    active.become_active(saying("ready"))
    active.member.confirmed = False
    active.member.trouble = "it waits"
    for query in ("", "?active"):
        status, shown = await readiness(active, query)
        assert (status, shown["role"], shown["reason"]) == (503, "unconfirmed", "it waits")


async def test_a_standby_is_not_ready_when_the_active_node_shows_no_sign_of_life(make_node):
    """By the same clock, and as soon as that one answers nothing itself."""
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    standby.member.still_s = FRESH_PART * TTL_S - 0.1
    assert (await readiness(standby))[0] == 200
    standby.member.still_s = FRESH_PART * TTL_S + 0.6
    status, shown = await readiness(standby)
    assert (status, shown["reason"]) == (
        503,
        "active, which is active, has had nothing confirmed for 5 s",
    )
    slower = replace(active.member.owner, ttl_ns=60 * NS)  # which may answer for longer
    standby.member.row = replace(standby.member.row, owner=slower)
    assert (await readiness(standby))[0] == 200


async def test_a_node_that_was_active_before_it_was_killed_says_so(make_node):
    node = make_node("one")
    node.see(node)
    status, shown = await readiness(node)
    assert (status, shown["active"]) == (503, "one")
    assert shown["reason"].startswith("this node was active before it was started anew")


@pytest.mark.parametrize(
    ("is_served", "reason"),
    [(True, "the database does not confirm"), (False, "this node becomes the active one")],
)
async def test_what_an_active_node_is_about_before_it_answers(make_node, is_served, reason):
    node = make_node("one")
    node.become_active(saying("ready"))
    if not is_served:
        node.roles.end()
    node.member.confirmed = False
    status, shown = await readiness(node)
    assert status == 503
    assert shown["reason"].startswith(reason)


async def test_who_waited_in_vain_hears_of_the_database(make_node, autojump_clock):
    node, asked = make_node("one"), Asked("POST", "/api/tasks")
    node.member.trouble = "no route"
    await node.ask(asked)
    assert asked.status == 503
    assert "(no route); nothing was done" in orjson.loads(asked.body)["error"]


async def test_the_active_node_shows_the_epoch_of_now(make_node, system):
    node = make_node("one")
    async with answering(system, ServerSettings(), node.roles.standing) as answerers:
        node.become_active(answerers)
        node.member.row = Row(system.journal.epoch + 5, 0, node.member.owner)
        status, shown = await readiness(node)
    assert (status, shown["epoch"]) == (200, system.journal.epoch + 5)


async def test_who_becomes_active_is_logged_once(make_node, autojump_clock, nursery, caplog):
    caplog.set_level(logging.INFO, "chargehand")
    standby, other = make_node("standby"), make_node("other")
    nursery.start_soon(standby.roles.watch)
    for active, epoch in ((other, 3), (other, 4), (None, 4), (standby, 5), (other, 6)):
        standby.see(active, epoch)
        await trio.sleep(1)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "node other at other:1 is active, epoch 3",
        "no node is active",
        "node other at other:1 is active, epoch 6",
    ]


@pytest.mark.parametrize("served", [False, True])
async def test_who_cannot_confirm_its_turn_is_not_taken_for_one_that_reads(make_node, served):
    node = make_node("one")
    node.become_active(saying("ready"))
    if not served:
        node.roles.end()
    node.member.confirmed = False
    assert node.roles.role == ("unconfirmed" if served else "becoming active")
