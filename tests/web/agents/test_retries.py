"""A client whose answers are lost: each effect is there once, and the program notices nothing."""

import json

import httpx
import pytest
import trio

from chargehand import Agent, AgentPool, Client, Refused, Unavailable
from chargehand.web.client.connections import Connections
from chargehand.web.client.over_http import OverHttp
from tests.web.agents.conftest import PATIENCE_S, over_http

BUILDER = Agent("builder", "sess-1")


class Unsteady(httpx.AsyncBaseTransport):
    """Loses every answer that `loses` says, before or after the request has reached the server."""

    def __init__(self, inner, loses):
        self._inner = inner
        self._loses = loses
        self.sent = 0

    async def handle_async_request(self, request):
        self.sent += 1
        how = self._loses(self.sent)
        if how == "before":
            raise httpx.ConnectError("refused")
        if isinstance(how, httpx.Response):
            return how
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        if how == "after":
            raise httpx.ReadError("reset")
        return answer


@pytest.fixture
def unsteady(system):
    def make(loses):
        return over_http(system, lambda transport: Unsteady(transport, loses))

    return make


def twice_of_three(number):
    return ("after", "before", None)[number % 3]


async def test_a_task_whose_answers_are_lost_is_made_once(system, unsteady):
    client = unsteady(twice_of_three)
    for number in range(5):
        task = await client.create_task(f"task {number}")
        await client.start_task(task.id)
    tasks = await system.tasks()
    assert sorted(task.title for task in tasks) == [f"task {n}" for n in range(5)]
    for task in tasks:
        assert len((await system.task(task.id)).runs) == 1


async def test_a_pool_whose_answers_are_lost_does_each_run_once(system, unsteady):
    for number in range(20):
        task = await system.create_task(f"task {number}")
        await system.start_task(task.id)
    done = []

    async def handle(claim):
        done.append(claim.task_id)
        await trio.sleep(100)

    pool = AgentPool(unsteady(twice_of_three), handle, size=3)
    metrics = await pool.run(until_empty=True)
    assert (metrics.completed, metrics.lost) == (20, 0)
    assert len(done) == len(set(done)) == 20
    for task in await system.tasks():
        [run] = (await system.task(task.id)).runs
        assert (run.status, run.attempt) == ("completed", 1)


async def test_a_release_whose_answer_is_lost_is_done_once(system, unsteady):
    task = await system.create_task("work")
    await system.start_task(task.id)
    client = unsteady(twice_of_three)
    claim = await client.claim(BUILDER)
    await client.release(claim)
    assert (await system.run(claim.run_id)).status == "queued"


async def test_a_server_that_never_answers_is_given_up_in_time(unsteady):
    client = unsteady(lambda _: "before")
    began_s = trio.current_time()
    with pytest.raises(Unavailable, match="the server does not answer") as given_up:
        await client.tasks()
    assert given_up.value.code == "unreachable"
    assert PATIENCE_S / 2 < trio.current_time() - began_s <= PATIENCE_S


async def test_a_drained_pool_ends_in_time_though_nobody_is_told_how_its_run_ended(
    system, unsteady
):
    task = await system.create_task("work")
    await system.start_task(task.id)
    is_gone = False

    async def handle(claim):
        nonlocal is_gone
        is_gone = True
        pool.drain(20)
        return "done"

    pool = AgentPool(unsteady(lambda _: "before" if is_gone else None), handle)
    began_s = trio.current_time()
    metrics = await pool.run()
    assert trio.current_time() - began_s <= 31
    assert (metrics.claimed, metrics.lost, metrics.active) == (1, 1, 0)


BUSY = {
    "error": "Overloaded: too much (next: try again in a moment)",
    "diagnostic": {"code": "overloaded", "title": "Overloaded", "message": "too much"},
}


async def test_an_overloaded_server_is_asked_again_when_it_says(unsteady):
    times = []

    def loses(number):
        times.append(trio.current_time())
        return httpx.Response(503, json=BUSY, headers={"Retry-After": "7"}) if number == 1 else None

    assert await unsteady(loses).tasks() == []
    assert times[1] - times[0] >= 7


async def test_one_that_stays_overloaded_is_reported_as_it_says_it(unsteady):
    with pytest.raises(Unavailable) as told:
        await unsteady(lambda _: httpx.Response(503, json=BUSY)).tasks()
    error = told.value
    assert (error.code, error.message, error.next_step) == (
        "overloaded",
        "too much",
        "try again in a moment",
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}'])
async def test_another_server_than_ours_is_reported_as_such(unsteady, body):
    with pytest.raises(Refused, match="none of a Chargehand"):
        await unsteady(lambda _: httpx.Response(404, content=body)).tasks()


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_page_of_another_server_is_no_answer(unsteady, kind):
    page = httpx.Response(200, content=b"<html>", headers={"Content-Type": kind})
    with pytest.raises(Refused, match="none of a Chargehand") as refused:
        await unsteady(lambda _: page).claim(BUILDER)
    assert refused.value.code == "unexpected_answer"


async def test_a_key_that_no_header_can_hold_is_refused_at_once(system):
    client = Client("http://127.0.0.1:1")
    before_s = trio.current_time()
    for key in ("a\nb", "é", "x" * 201):
        for api in (client, system):
            with pytest.raises(Refused) as refused:
                await api.create_task("work", key=key)
            assert refused.value.code == "invalid_request"
    assert trio.current_time() == before_s
    await client.aclose()


def _told(seq: int) -> bytes:
    timeline = {
        "task": {"id": "t"},
        "actor": {"kind": "human", "ref": "ada"},
        "timestamp": "2026-01-01T00:00:00Z",
    }
    data = {"sequence": seq, "type": "task.created", "timeline": timeline}
    return f"id: {seq}\ndata: {json.dumps(data)}\n\n".encode()


async def test_events_go_on_where_they_were_lost_each_of_them_once():
    asked: list[str] = []

    async def cut():
        yield _told(1)
        yield _told(2)
        raise httpx.ReadError("connection reset")

    async def closed():
        yield _told(3)
        yield b'event: stream.closed\ndata: {"reason": "shutdown"}\n\n'

    async def rest():
        yield _told(4)

    gone = {"error": "no", "diagnostic": {"code": "task_not_found", "message": "no"}}
    answers = [
        cut(),
        httpx.ConnectError("connection refused"),
        httpx.Response(503, json=BUSY),
        closed(),
        rest(),
        httpx.Response(404, json=gone),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["last-event-id"])
        told = answers.pop(0)
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, httpx.Response) else httpx.Response(200, content=told)

    def connection() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test")

    client = OverHttp(Connections(connection), Connections(connection), PATIENCE_S, "the server")
    async with client.events("root") as events:
        assert [(await anext(events)).seq for _ in range(4)] == [1, 2, 3, 4]
        with pytest.raises(Refused) as refused:
            await anext(events)
    assert refused.value.code == "task_not_found"
    assert asked == ["0", "2", "2", "2", "3", "4"]


async def test_events_of_all_tasks_go_on_behind_where_they_began():
    begun = b"retry: 500\nid: 6\n\n"
    contents = (begun, begun + _told(7), _told(8))
    answers = [httpx.Response(200, content=content) for content in contents]
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.raw_path, request.headers.get("last-event-id")))
        return answers.pop(0)

    def connection() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test")

    client = OverHttp(Connections(connection), Connections(connection), PATIENCE_S, "the server")
    async with client.all_events(workspace="my site") as events:
        assert [(await anext(events)).seq for _ in range(2)] == [7, 8]
    path = b"/api/stream?workspace=my+site"
    assert asked == [(path, None), (path, "6"), (path, "7")]
