"""What the demo asks of the server, over HTTP."""

from collections.abc import AsyncGenerator
from typing import Any, Final, final

import httpx
import orjson

from chargehand.actors.frozen import frozen
from chargehand.web.headers import AGENT_HEADER, SESSION_HEADER

_CLAIM_TIMEOUT_S: Final = 60.0  # longer than the server lets a claim wait


class DemoFailed(Exception):
    """The server did not do what the demo needs."""


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


@final
class Api:
    """One client for everybody; agents are told apart by their headers."""

    def __init__(self, url: str, connections: int) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=_CLAIM_TIMEOUT_S,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def create(self, body: dict[str, Any], parent: str | None) -> str:
        path = "/api/tasks" if parent is None else f"/api/tasks/{parent}/children"
        answer = await self._post(path, body)
        return str(answer["task"]["id"])

    async def depend(self, task_id: str, on: str) -> None:
        await self._post(f"/api/tasks/{task_id}/dependencies", {"depends_on_task_id": on})

    async def start(self, task_id: str) -> None:
        await self._post(f"/api/tasks/{task_id}/start", {})

    async def approve(self, task_id: str) -> None:
        await self._post(f"/api/tasks/{task_id}/approve", {})

    async def retry(self, run_id: str) -> None:
        await self._post(f"/api/runs/{run_id}/retry", {"metadata": {"by": "the operator"}})

    async def claim(self, agent: "AgentSession", lease_s: int) -> ClaimedRun | None:
        """The next run, or None if there was none in time."""
        answer = await self._post(
            "/api/agent/tasks/claim-next", {"wait": True, "lease_seconds": lease_s}, agent
        )
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

    async def _of_claim(
        self, agent: "AgentSession", claim: ClaimedRun, verb: str, body: dict[str, Any]
    ) -> None:
        """Named by its hash, so that a late call never touches a later claim of the session."""
        path = f"/api/agent/tasks/{claim.run_id}/{verb}"
        await self._post(path, {**body, "claim_token_hash": claim.token_hash}, agent)

    async def statuses(self) -> dict[str, str]:
        """The status of every task, by id, as the server stores it."""
        answer = await self._client.get("/api/tasks", params={"limit": 1000})
        return {task["id"]: task["status"] for task in _checked(answer)["tasks"]}

    async def events(self, root_id: str) -> AsyncGenerator[StreamedEvent, None]:
        """Everything that happens below `root_id`, each event once, over lost connections too."""
        last_id = "0"
        while True:
            headers = {"Last-Event-ID": last_id}
            path = f"/api/tasks/{root_id}/stream"
            async with self._client.stream("GET", path, headers=headers) as stream:
                if stream.status_code != 200:
                    raise DemoFailed(f"GET {path}: {stream.status_code}")
                async for line in stream.aiter_lines():
                    if line.startswith("id: "):
                        last_id = line.removeprefix("id: ")
                    elif line.startswith('data: {"sequence"'):
                        yield _event(orjson.loads(line.removeprefix("data: ")))

    async def _post(
        self, path: str, body: dict[str, Any], agent: "AgentSession | None" = None
    ) -> dict[str, Any]:
        headers = {} if agent is None else agent.headers
        return _checked(await self._client.post(path, json=body, headers=headers))


@final
@frozen
class AgentSession:
    """An agent's name and the session it works in."""

    name: str
    session_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {SESSION_HEADER: self.session_id, AGENT_HEADER: self.name}


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise DemoFailed(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
    return {} if not answer.content else dict(orjson.loads(answer.content))


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
