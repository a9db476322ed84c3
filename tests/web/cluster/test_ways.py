"""A request is answered as what came by its way, here or at another node."""

import httpx
import orjson
import pytest

from chargehand.actors.identity import OriginKind
from chargehand.web.cluster.forwarding import SECRET, WAY
from chargehand.web.lane.lane import Lane
from chargehand.web.listeners import Way, answering
from chargehand.web.settings import ServerSettings
from chargehand.web.shapes.health import Standing
from tests.web.cluster import nodes
from tests.web.cluster.nodes import Asked, saying


def standing() -> Standing:
    return Standing("active", "active", 1, 0)


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("is_here", [True, False])
async def test_each_way_is_answered_by_its_own(make_node, way, is_here):
    standby, active = make_node("standby"), make_node("active")
    active.become_active({one: saying(one.value) for one in Way})
    standby.see(active)
    asked = Asked("GET", "/api/tasks")
    await (active if is_here else standby).ask(asked, way)
    assert asked.body == way.value.encode()


async def test_the_active_node_has_an_application_for_each_way(system):
    async with answering(system, ServerSettings(), standing) as answerers:
        assert answerers.keys() == set(Way)
        assert len({id(answer) for answer in answerers.values()}) == len(Way)
        for way, answer in answerers.items():
            assert isinstance(answer, Lane) == way.has_lane


@pytest.mark.parametrize(
    ("way", "kind"),
    [(Way.TCP, OriginKind.HTTP), (Way.UNIX, OriginKind.UDS), (Way.LANE, OriginKind.HTTP)],
)
@pytest.mark.parametrize("is_here", [True, False])
async def test_a_deed_says_by_which_way_it_came(make_node, system, way, kind, is_here):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    async with answering(system, ServerSettings(), standing) as answerers:
        active.become_active(answerers)
        body = b'{"scope":"global","title":"a task","id":"t"}'
        headers = {"content-type": "application/json"}
        asked = Asked("POST", "/api/tasks", body, headers)
        await (active if is_here else standby).ask(asked, way)
    assert asked.status == 201, asked.body
    assert system.views.whole("t").origin.kind is kind


@pytest.mark.parametrize("way", Way)
async def test_only_where_a_token_is_asked_for_the_description_asks_for_one(make_node, system, way):
    standby, active = make_node("standby"), make_node("active")
    standby.see(active)
    settings = ServerSettings(token="secret-token-0123456789")
    async with answering(system, settings, standing) as answerers:
        active.become_active(answerers)
        asked = Asked("GET", "/openapi.json")
        await standby.ask(asked, way)
    assert asked.status == 200, asked.body
    assert ("security" in orjson.loads(asked.body)) == (way is not Way.UNIX)


@pytest.mark.parametrize("way", Way)
async def test_no_client_says_by_which_way_it_came_or_that_it_is_a_node(make_node, way):
    standby, active = make_node("standby"), make_node("active")
    active.become_active({one: saying(one.value) for one in Way})
    standby.see(active)
    forged = [(WAY.decode(), one.value) for one in Way] + [(SECRET.decode(), "a guess")]
    asked = Asked("GET", "/api/tasks", headers=forged)
    await standby.ask(asked, way)
    assert asked.body == way.value.encode()


@pytest.mark.parametrize("secret", [None, "", "a guess"])
async def test_who_does_not_know_the_secret_is_no_node(make_node, secret):
    active = make_node("active")
    active.become_active(saying("to nodes alone"))
    given = {} if secret is None else {SECRET.decode(): secret}
    headers = {**given, WAY.decode(): "unix"}
    answered = await active.take_in(
        httpx.Request("GET", "http://active:1/api/tasks", headers=headers)
    )
    assert answered.status_code == 403
    assert b"not_a_node" in await answered.aread()


@pytest.mark.parametrize("way", [None, "", "nosuch"])
async def test_who_names_no_way_is_no_node_of_this_version(make_node, way):
    active = make_node("active")
    active.become_active(saying("to nodes alone"))
    headers = {SECRET.decode(): nodes.SECRET} | ({} if way is None else {WAY.decode(): way})
    answered = await active.take_in(
        httpx.Request("GET", "http://active:1/api/tasks", headers=headers)
    )
    assert answered.status_code == 403
    assert b"not_a_node" in await answered.aread()
