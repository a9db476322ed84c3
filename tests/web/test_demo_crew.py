"""The agents and the operator of the demo survive what a server may do to them, in virtual time."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, final

import httpx
import pytest
import trio
from attrs import define, field

from chargehand.actors.settings import Settings
from chargehand.web.demo.api import AgentSession, Api, Refused, StreamedEvent
from chargehand.web.demo.crew import LEASE_S, Crew
from chargehand.web.demo.plan import Step
from chargehand.web.demo.progress import Progress
from tests.web.client import ContractClient

STOPPED_S: Final = 6
OUT_S: Final = 4
DONE_S_MAX: Final = 120
TITLES: Final = ("one", "two", "three")
SENT: Final = ("x-agh-session-id", "x-agh-agent", "idempotency-key", "last-event-id")

Pass = Callable[[], Awaitable[httpx.Response]]
Fault = Callable[[Pass], Awaitable[httpx.Response]]


@final
@define(eq=False)
class Wire(httpx.AsyncBaseTransport):
    """Between the demo's client and the app. The first request whose path ends with `verb` meets
    the fault."""

    client: ContractClient
    verb: str = ""
    fault: Fault | None = None
    asked: list[str] = field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        fault = self.fault
        if fault is not None and request.url.path.endswith(self.verb):
            self.fault = None
            return await fault(partial(self._passed, request))
        return await self._passed(request)

    async def _passed(self, request: httpx.Request) -> httpx.Response:
        headers = {name: request.headers[name] for name in SENT if name in request.headers}
        target = request.url.raw_path.decode()
        answered = await self.client.send(request.method, target, request.content, headers)
        return httpx.Response(answered.status, headers=answered.headers, content=answered.body)


def refusing(status: int, code: str, **headers: str) -> Fault:
    async def refuse(_: Pass) -> httpx.Response:
        body = {"error": f"no: {code}", "diagnostic": {"code": code}}
        return httpx.Response(status, json=body, headers=headers)

    return refuse


async def stopped(go_on: Pass) -> httpx.Response:
    """The agent sends nothing for a while, as under SIGSTOP."""
    await trio.sleep(STOPPED_S)
    return await go_on()


async def losing_the_answer(go_on: Pass) -> httpx.Response:
    await go_on()
    raise httpx.ReadError("connection reset")


async def answering_in_html(_: Pass) -> httpx.Response:
    return httpx.Response(502, content=b"<html>bad gateway</html>")


FAULTS: Final[dict[str, tuple[Fault, str]]] = {  # with what is said of each
    "stopped": (stopped, ""),
    "lost lease": (refusing(409, "AUTONOMY_LEASE_EXPIRED"), ""),
    "no lease": (refusing(409, "AUTONOMY_NO_ACTIVE_LEASE"), ""),
    "foreign run": (refusing(403, "AUTONOMY_FOREIGN_RUN"), ""),
    "conflict": (refusing(409, "task_run_invalid_transition"), "no: task_run_invalid_transition"),
    "not found": (refusing(404, "task_run_not_found"), "no: task_run_not_found"),
    "invalid": (refusing(422, "invalid_request"), "no: invalid_request"),
    "ended session": (refusing(401, "identity_stale"), ""),
    "overloaded": (refusing(503, "overloaded", **{"retry-after": "1"}), "waiting"),
    "too often": (refusing(429, "force_op_rate_limited", **{"retry-after": "60"}), "waiting"),
    "lost answer": (losing_the_answer, "waiting"),
    "proxy": (answering_in_html, "502"),
}
VERBS: Final = ("claim-next", "start", "heartbeat", "complete")


@final
@define(eq=False)
class Bench:
    wire: Wire
    api: Api
    crew: Crew
    said: list[str]

    async def works_it_off(self, *agents: str) -> None:
        """Until all is completed, which is done by whoever is left."""
        async with trio.open_nursery() as nursery:
            for agent in agents:
                nursery.start_soon(self.crew.agent, agent)
            for _ in range(DONE_S_MAX):
                await trio.sleep(1)
                statuses = await self.api.statuses()
                if set(statuses.values()) == {"completed"}:
                    break
            else:
                pytest.fail(f"not done: {statuses}, {self.said}")
            nursery.cancel_scope.cancel()


@pytest.fixture
async def bench(client) -> Bench:
    """Three tasks that are queued."""
    said: list[str] = []
    wire = Wire(client)
    api = Api(httpx.AsyncClient(transport=wire, base_url="http://demo"), said.append)
    steps = {}
    for title in TITLES:
        task_id = await api.create({"scope": "global", "title": title}, None)
        await api.start(task_id)
        steps[task_id] = Step(title, title, None, (), "medium", 2.5)
    return Bench(wire, api, Crew(api, steps, 1, said.append), said)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", FAULTS)
async def test_an_agent_survives(bench, name, verb, autojump_clock):
    fault, told = FAULTS[name]
    bench.wire.verb, bench.wire.fault = verb, fault
    await bench.works_it_off("ada", "boole")
    assert bench.wire.fault is None, "nobody has met the fault"
    assert any(told in line for line in bench.said) or not told


async def test_an_agent_that_was_stopped_says_that_its_lease_is_lost(bench, autojump_clock):
    assert STOPPED_S > LEASE_S
    bench.wire.verb, bench.wire.fault = "heartbeat", stopped
    await bench.works_it_off("ada", "boole")
    [line] = bench.said
    assert line.partition(" ")[0] in ("ada", "boole")
    assert "was away for too long" in line


async def test_all_agents_survive_a_stop_of_all(bench, autojump_clock):
    """As the demo is one process: each of them loses its lease at the same time."""
    passed = bench.wire._passed
    opens_at = trio.current_time() + 2 + STOPPED_S

    async def held(request: httpx.Request) -> httpx.Response:
        if trio.current_time() > opens_at - STOPPED_S and "/agent/" in request.url.path:
            await trio.sleep_until(opens_at)
        return await passed(request)

    bench.wire._passed = held
    await bench.works_it_off("ada", "boole", "curie")
    assert sum("was away for too long" in line for line in bench.said) == 3


async def test_agents_wait_for_a_server_that_restarts_and_say_so_once(bench, autojump_clock):
    """Nobody listens for a while: connections are refused, streams and answers are lost."""
    passed = bench.wire._passed
    back_at = trio.current_time() + 2 + OUT_S

    async def gone(request: httpx.Request) -> httpx.Response:
        if back_at - OUT_S < trio.current_time() < back_at:
            raise httpx.ConnectError("connection refused")
        return await passed(request)

    bench.wire._passed = gone
    await bench.works_it_off("ada", "boole")
    [waiting] = bench.said
    assert waiting == "waiting for the server: ConnectError('connection refused')"


async def test_a_claim_whose_answer_was_lost_is_given_again(bench, system, autojump_clock):
    bench.wire.verb, bench.wire.fault = "claim-next", losing_the_answer
    claim = await bench.api.claim(AgentSession("ada", "ada"), LEASE_S)
    assert claim is not None
    held = [state.open_run for state in system.views.catalog if state.open_run.session_id]
    assert [run.id for run in held] == [claim.run_id]


async def test_what_is_refused_for_good_is_raised(bench, autojump_clock):
    with pytest.raises(Refused) as refused:
        await bench.api.start("task-none")
    assert (refused.value.status, refused.value.code) == (404, "task_not_found")
    assert not refused.value.is_of_a_lost_lease


class TestTheOperator:
    @pytest.fixture
    def settings(self) -> Settings:
        """A single lease that runs out parks its run."""
        return Settings(lease_expiries_max=1)

    async def test_it_recovers_what_is_parked(self, bench, autojump_clock):
        claim = await bench.api.claim(AgentSession("ada", "ada"), LEASE_S)
        await trio.sleep(LEASE_S + 1)
        await self._hears(bench, StreamedEvent(1, "task.run_needs_attention", *_of(claim), {}))
        await bench.works_it_off("boole")
        assert bench.said == []

    async def test_it_goes_on_after_a_refusal(self, bench, autojump_clock):
        claim = await bench.api.claim(AgentSession("ada", "ada"), LEASE_S)
        await trio.sleep(LEASE_S + 1)
        await self._hears(
            bench,
            StreamedEvent(1, "task.run_failed", claim.task_id, "ada", "run-none", {}),
            StreamedEvent(2, "task.run_needs_attention", *_of(claim), {}),
        )
        await bench.works_it_off("boole")
        [line] = bench.said
        assert line.startswith("the operator is refused: Run not found")

    async def _hears(self, bench: Bench, *events: StreamedEvent) -> None:
        send, receive = trio.open_memory_channel[StreamedEvent](len(events))
        for event in events:
            send.send_nowait(event)
        send.close()
        approval = Step("approval", "Go", None, tuple(TITLES), "medium", 1)
        progress = Progress({**bench.crew.steps, "task-approval": approval})
        await bench.crew.operator(receive, progress)


def _of(claim: Any) -> tuple[str, str, str]:
    return claim.task_id, "ada", claim.run_id


def _told(seq: int) -> bytes:
    timeline = {"task": {"id": "t"}, "actor": {"ref": "ada"}}
    data = {"sequence": seq, "type": "task.created", "timeline": timeline}
    return f"id: {seq}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def test_events_go_on_where_they_were_lost_each_of_them_once(autojump_clock):
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

    answers: list[Any] = [
        cut(),
        httpx.ConnectError("connection refused"),
        httpx.Response(503, json={"error": "no", "diagnostic": {"code": "shutting_down"}}),
        closed(),
        rest(),
        httpx.Response(404, json={"error": "no", "diagnostic": {"code": "task_not_found"}}),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["last-event-id"])
        told = answers.pop(0)
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, httpx.Response) else httpx.Response(200, content=told)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://demo")
    said: list[str] = []
    events = Api(client, said.append).events("root")
    assert [(await anext(events)).seq for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(Refused):  # the task was deleted
        await anext(events)
    assert asked == ["0", "2", "2", "2", "3", "4"]
    assert said == ["waiting for the server: ReadError('connection reset')"]
