"""The agents and the operator of the demo survive what a server may do to them, in virtual time."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, final

import httpx
import pytest
import trio
from attrs import define, field

from chargehand import Agent, Event
from chargehand.actors.settings import Settings
from chargehand.web.client.connections import Connections
from chargehand.web.client.over_http import OverHttp
from chargehand.web.demo.crew import LEASE_S, Crew
from chargehand.web.demo.plan import Step
from chargehand.web.demo.progress import Progress
from tests.web.client import ContractClient

STOPPED_S: Final = 6
OUT_S: Final = 2  # less than a lease, with the pauses of who asks again
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
        body = {"error": f"no: {code}", "diagnostic": {"code": code, "message": "no"}}
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
    "overloaded": (refusing(503, "overloaded", **{"retry-after": "1"}), ""),
    "too often": (refusing(429, "force_op_rate_limited", **{"retry-after": "60"}), ""),
    "lost answer": (losing_the_answer, ""),
    "proxy": (answering_in_html, ""),
}
VERBS: Final = ("claim-next", "start", "heartbeat", "complete")


@final
@define(eq=False)
class Bench:
    wire: Wire
    api: OverHttp
    crew: Crew
    said: list[str]

    async def works_it_off(self, *agents: str) -> None:
        """Until all is completed, which is done by whoever is left."""
        async with trio.open_nursery() as nursery:
            for agent in agents:
                nursery.start_soon(self.crew.agent, agent)
            for _ in range(DONE_S_MAX):
                await trio.sleep(1)
                statuses = [task.status for task in await self.api.tasks(limit=1000)]
                if set(statuses) == {"completed"}:
                    break
            else:
                pytest.fail(f"not done: {statuses}, {self.said}")
            nursery.cancel_scope.cancel()


@pytest.fixture
async def bench(client) -> Bench:
    """Three tasks that are queued."""
    said: list[str] = []
    wire = Wire(client)

    def connection() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=wire, base_url="http://demo")

    api = OverHttp(Connections(connection), Connections(connection), 60.0, "the demo")
    steps = {}
    for title in TITLES:
        task = await api.create_task(title)
        await api.start_task(task.id)
        steps[task.id] = Step(title, title, None, (), "medium", 2.5)
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


async def test_agents_wait_for_a_server_that_restarts(bench, autojump_clock):
    """Nobody listens for a while: connections are refused, streams and answers are lost."""
    passed = bench.wire._passed
    back_at = trio.current_time() + 2 + OUT_S

    async def gone(request: httpx.Request) -> httpx.Response:
        if back_at - OUT_S < trio.current_time() < back_at:
            raise httpx.ConnectError("connection refused")
        return await passed(request)

    bench.wire._passed = gone
    await bench.works_it_off("ada", "boole")
    assert bench.said == []


async def test_what_somebody_else_hands_in_is_worked_off_too(bench, autojump_clock):
    task = await bench.api.create_task("of somebody who watches")
    await bench.api.start_task(task.id)
    await bench.works_it_off("ada")
    assert bench.said == []


class TestTheOperator:
    @pytest.fixture
    def settings(self) -> Settings:
        """A single lease that runs out parks its run."""
        return Settings(lease_expiries_max=1)

    async def test_it_recovers_what_is_parked(self, bench, autojump_clock):
        claim = await bench.api.claim(Agent("ada", "ada"), lease_seconds=LEASE_S)
        await trio.sleep(LEASE_S + 1)
        await self._hears(bench, event("task.run_needs_attention", claim.run_id))
        await bench.works_it_off("boole")
        assert bench.said == []

    async def test_it_goes_on_after_a_refusal(self, bench, autojump_clock):
        claim = await bench.api.claim(Agent("ada", "ada"), lease_seconds=LEASE_S)
        await trio.sleep(LEASE_S + 1)
        await self._hears(
            bench,
            event("task.run_failed", "run-none"),
            event("task.run_needs_attention", claim.run_id),
        )
        await bench.works_it_off("boole")
        [line] = bench.said
        assert line.startswith("the operator is refused: Run not found")

    async def _hears(self, bench: Bench, *events: Event) -> None:
        send, receive = trio.open_memory_channel[Event](len(events))
        for event in events:
            send.send_nowait(event)
        send.close()
        approval = Step("approval", "Go", None, tuple(TITLES), "medium", 1)
        progress = Progress({**bench.crew.steps, "task-approval": approval})
        await bench.crew.operator(receive, progress)


def event(what: str, run_id: str) -> Event:
    return Event(1, what, "t", run_id, "agent_session:ada", datetime(2026, 1, 1, tzinfo=UTC), {})
