"""What the demo asks of the server, over HTTP: again until it is answered, as any client should."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, final
from uuid import uuid4

import httpx
import orjson
import trio

from chargehand.actors.errors import LEASE_LOST, Code
from chargehand.actors.frozen import frozen
from chargehand.web.headers import AGENT_HEADER, IDEMPOTENCY_HEADER, SESSION_HEADER
from chargehand.web.retry_after import retry_after_s

_ANSWER_S_MAX: Final = 60.0  # longer than the server lets a claim wait
_AGAIN_S: Final = 0.5  # until a request is sent again that was not answered
_AGAIN_S_MAX: Final = 5.0
_LATER: Final = frozenset({429, 503})  # the server says to come again
_LOST: Final = frozenset(code.code for code in LEASE_LOST)


class DemoFailed(Exception):
    """The demo cannot go on."""


@final
class Refused(Exception):
    """The server said no, and would say so again."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_of_a_lost_lease(self) -> bool:
        return self.code in _LOST

    @property
    def is_of_the_session(self) -> bool:
        """Whether it helps to call as another session."""
        return self.code == Code.IDENTITY_STALE.code


@final
@frozen
class ClaimedRun:
    task_id: str
    run_id: str
    attempt: int
    token_hash: str


@final
@frozen
class StreamedEvent:
    """One line of the timeline, as the stream tells it."""

    seq: int
    type: str
    task_id: str
    actor: str
    run_id: str | None
    payload: dict[str, Any]


def client_of(url: str, connections: int) -> httpx.AsyncClient:
    """A client for everybody; agents are told apart by their headers."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=_ANSWER_S_MAX,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


@final
class Api:
    """Waits for a server that is overloaded, restarts or cannot be reached, and says so once.

    Args of the constructor:
        say: takes a line for people.
    """

    def __init__(self, client: httpx.AsyncClient, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._is_waiting = False  # for the server, and it was said

    async def create(self, body: dict[str, Any], parent: str | None) -> str:
        path = "/api/tasks" if parent is None else f"/api/tasks/{parent}/children"
        answer = await self._once(path, body)
        return str(answer["task"]["id"])

    async def depend(self, task_id: str, on: str) -> None:
        await self._once(f"/api/tasks/{task_id}/dependencies", {"depends_on_task_id": on})

    async def start(self, task_id: str) -> None:
        await self._once(f"/api/tasks/{task_id}/start", {})

    async def approve(self, task_id: str) -> None:
        await self._once(f"/api/tasks/{task_id}/approve", {})

    async def retry(self, run_id: str) -> None:
        await self._once(f"/api/runs/{run_id}/retry", {"metadata": {"by": "the operator"}})

    async def recover(self, run_id: str) -> None:
        await self._once(f"/api/runs/{run_id}/recover", {"reason": "the operator looked at it"})

    async def claim(self, agent: "AgentSession", lease_s: int) -> ClaimedRun | None:
        """The next run, or None if there was none in time."""
        wanted = {"wait": True, "lease_seconds": lease_s, "idempotency_key": str(uuid4())}
        answer = await self._post("/api/agent/tasks/claim-next", wanted, agent)
        if not answer:
            return None
        run = answer["claim"]["run"]
        return ClaimedRun(run["task_id"], run["id"], run["attempt"], run["claim_token_hash"])

    async def begin(self, agent: "AgentSession", run_id: str) -> None:
        await self._post(f"/api/task-runs/{run_id}/start", {"idempotency_key": run_id}, agent)

    async def heartbeat(self, agent: "AgentSession", claim: ClaimedRun, lease_s: int) -> None:
        await self._of_claim(agent, claim, "heartbeat", {"lease_seconds": lease_s})

    async def complete(
        self, agent: "AgentSession", claim: ClaimedRun, result: dict[str, Any]
    ) -> None:
        await self._of_claim(agent, claim, "complete", {"result": result})

    async def fail(self, agent: "AgentSession", claim: ClaimedRun, error: str) -> None:
        await self._of_claim(agent, claim, "fail", {"error": error})

    async def _once(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._post(path, body, key=str(uuid4()))

    async def _of_claim(
        self, agent: "AgentSession", claim: ClaimedRun, verb: str, body: dict[str, Any]
    ) -> None:
        """Named by its hash, so that a late call never touches a later claim of the session. It may
        be sent again without a key: a heartbeat by its nature, an end as its body is the same."""
        path = f"/api/agent/tasks/{claim.run_id}/{verb}"
        await self._post(path, {**body, "claim_token_hash": claim.token_hash}, agent)

    async def statuses(self) -> dict[str, str]:
        """The status of every task, by id, as the server stores it."""
        told = await self._answered(self._client.build_request("GET", "/api/tasks?limit=1000"))
        return {task["id"]: task["status"] for task in told["tasks"]}

    async def events(self, root_id: str) -> AsyncGenerator[StreamedEvent, None]:
        """Everything that happens below `root_id`, each event once, over lost connections too."""
        last_id = "0"
        while True:
            try:
                async with aclosing(self._lines(f"/api/tasks/{root_id}/stream", last_id)) as lines:
                    async for line in lines:
                        if line.startswith("id: "):
                            last_id = line.removeprefix("id: ")
                        elif line.startswith('data: {"sequence"'):
                            yield _event(orjson.loads(line.removeprefix("data: ")))
            except httpx.TransportError as lost:
                await self._wait(repr(lost), _AGAIN_S)
            else:
                await trio.sleep(_AGAIN_S)  # the server has ended the stream

    async def _lines(self, path: str, last_id: str) -> AsyncGenerator[str, None]:
        request = self._client.build_request("GET", path, headers={"Last-Event-ID": last_id})
        answer = await self._client.send(request, stream=True)
        try:
            if answer.is_error:
                await answer.aread()
                await self._wait_or_refuse(answer)
                return
            self._is_waiting = False
            async for line in answer.aiter_lines():
                yield line
        finally:
            with trio.CancelScope(shield=True):
                await answer.aclose()

    async def _post(
        self,
        path: str,
        body: dict[str, Any],
        agent: "AgentSession | None" = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """What the server answers.

        Args:
            key: under which the request has one effect, however often it is sent.

        Raises:
            Refused: it was understood, and not done.
        """
        headers = {} if agent is None else agent.headers
        if key is not None:
            headers[IDEMPOTENCY_HEADER] = key
        return await self._answered(
            self._client.build_request("POST", path, json=body, headers=headers)
        )

    async def _answered(self, request: httpx.Request) -> dict[str, Any]:
        while True:
            try:
                answer = await self._client.send(request)
            except httpx.TransportError as lost:
                await self._wait(repr(lost), _AGAIN_S)
                continue
            if answer.is_error:
                await self._wait_or_refuse(answer)
                continue
            self._is_waiting = False
            return {} if not answer.content else dict(orjson.loads(answer.content))

    async def _wait_or_refuse(self, answer: httpx.Response) -> None:
        refused = _refused(answer)
        if answer.status_code not in _LATER:
            raise refused
        after_s = retry_after_s(answer.headers, time.time())
        await self._wait(str(refused), _AGAIN_S if after_s is None else after_s)

    async def _wait(self, why: str, after_s: float) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._say(f"waiting for the server: {why}")
        await trio.sleep(min(max(after_s, _AGAIN_S), _AGAIN_S_MAX))


@final
@frozen
class AgentSession:
    """An agent's name and the session it works in."""

    name: str
    session_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {SESSION_HEADER: self.session_id, AGENT_HEADER: self.name}


def _refused(answer: httpx.Response) -> Refused:
    try:
        told = orjson.loads(answer.content)
        return Refused(answer.status_code, told["diagnostic"]["code"], told["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        asked = f"{answer.request.method} {answer.request.url.path}"
        return Refused(answer.status_code, "", f"{asked}: {answer.status_code} {answer.text}")


def _event(data: dict[str, Any]) -> StreamedEvent:
    told = data["timeline"]
    run = told.get("run")
    return StreamedEvent(
        seq=data["sequence"],
        type=data["type"],
        task_id=told["task"]["id"],
        actor=told["actor"]["ref"],
        run_id=None if run is None else run["id"],
        payload=told.get("payload", {}),
    )
