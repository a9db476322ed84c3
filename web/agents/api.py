"""What a program asks of a Chargehand: the same calls in its own process and over HTTP."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, final
from urllib.parse import quote
from uuid import uuid4

import orjson
import trio

from chargehand.web.agents.claims import Agent, Claim, claim_shown
from chargehand.web.agents.errors import Refused, refused_as
from chargehand.web.agents.shown import Event, Run, Task, event_shown, run_shown, task_shown
from chargehand.web.frames import FrameReader, ServerSentEvent

Priority = Literal["low", "medium", "high", "urgent"]
ApprovalPolicy = Literal["none", "manual"]

RETRY_S: Final = 2.0  # until a stream is opened again, where the server names no time
_CLOSED: Final = "stream.closed"
_COMES_BACK: Final = frozenset({"overflow", "shutdown"})  # reasons for which one comes back
_INVALID: Final = "invalid_request"


@final
class Request(NamedTuple):
    """One request.

    Args:
        path: with its parameters, quoted.
        body: JSON, or nothing.
        agent: who calls; None: the local user.
        key: under which it has one effect; None where it may be repeated without one.
        waits: whether the scheduler may take its time.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    agent: Agent | None = None
    key: str | None = None
    waits: bool = False


class Api(ABC):
    """A Chargehand, wherever it runs: `LocalSystem` in this process, `Client` elsewhere.

    Every call may be canceled at any time: what it has asked for is done, or it is not.

    All calls raise `Refused` where the scheduler says no, and `Unavailable` where it does not
    answer, or says to come again later.
    """

    waiting_max: int | None = None
    """How many claims should wait at a time; None: as many as there are."""

    # --- tasks ----------------------------------------------------------------------------------

    async def create_task(
        self,
        title: str,
        *,
        id: str | None = None,  # noqa: A002 - as the API calls it
        description: str | None = None,
        metadata: object = None,
        priority: Priority | None = None,
        workspace: str | None = None,
        parent: str | None = None,
        identifier: str | None = None,
        channel: str | None = None,
        max_attempts: int | None = None,
        auto_enqueue_on_ready: bool = False,
        draft: bool = False,
        approval_policy: ApprovalPolicy | None = None,
        key: str | None = None,
    ) -> Task:
        """Make a task; it is queued by `start_task`.

        Args:
            title: for people; at most 500 characters.
            id: 1 to 128 of A-Z, a-z, 0-9, . _ : and -; None: one is made.
            description: the work in words; at most 64 KiB.
            metadata: what agents are to have with the claim; JSON of at most 16 KiB.
            priority: medium, unless it is said.
            workspace: id, name or path of the workspace that it is of; None: a global task.
            parent: id of the task that it is a child of.
            identifier: a name that people know it by; at most 200 characters.
            channel: for agents of this channel alone.
            max_attempts: how many runs it may have, 1 to 10; None: 3.
            auto_enqueue_on_ready: queue it as soon as what it depends on is completed.
            draft: it is published later.
            approval_policy: manual where a person must approve it first.
            key: under which it is made once, however often this is called; None: one of its own.

        Raises:
            Refused: `task_already_exists`, `workspace_not_found`, `invalid_request` and others.
        """
        wanted = {
            "scope": "global" if workspace is None else "workspace",
            "title": title,
            "id": id,
            "description": description,
            "metadata": metadata,
            "priority": priority,
            "workspace": workspace,
            "identifier": identifier,
            "network_channel": channel,
            "max_attempts": max_attempts,
            "auto_enqueue_on_ready": auto_enqueue_on_ready or None,
            "draft": draft or None,
            "approval_policy": approval_policy,
        }
        path = "/api/tasks" if parent is None else f"/api/tasks/{_quoted(parent)}/children"
        answer = await self._write(path, wanted, key=key)
        return task_shown(answer["task"])

    async def add_dependency(self, task_id: str, depends_on: str) -> None:
        """Have a task wait for another one to be completed.

        Raises:
            Refused: `task_dependency_cycle`, `task_not_found` and others.
        """
        path = f"/api/tasks/{_quoted(task_id)}/dependencies"
        await self._write(path, {"depends_on_task_id": depends_on})

    async def start_task(self, task_id: str, *, key: str | None = None) -> Run:
        """Queue a run of the task; the open one, if it has one.

        Raises:
            Refused: it is a draft, blocked, not approved yet, or canceled.
        """
        answer = await self._write(f"/api/tasks/{_quoted(task_id)}/start", {}, key=key)
        return run_shown(answer["run"])

    async def cancel_task(self, task_id: str, *, reason: str | None = None) -> Task:
        """Cancel a task with all below it, for good; whoever works on them loses the lease.

        Raises:
            Refused: nothing of it is open any more.
        """
        answer = await self._write(f"/api/tasks/{_quoted(task_id)}/cancel", {"reason": reason})
        return task_shown(answer["task"])

    async def task(self, task_id: str) -> Task:
        """A task with its runs. Raises: Refused: `task_not_found`."""
        detail = (await self.request("GET", f"/api/tasks/{_quoted(task_id)}"))["task"]
        return task_shown(detail["task"], detail.get("runs"))

    async def tasks(self, /, *, limit: int = 100, **filters: str) -> list[Task]:
        """Tasks, the one that was active last first.

        Args:
            limit: how many at most, up to 1,000.
            filters: query parameters of `GET /api/tasks`, such as `status="ready"`.
        """
        answer = await self.request("GET", "/api/tasks", query={"limit": str(limit), **filters})
        return [task_shown(task) for task in answer["tasks"]]

    async def run(self, run_id: str) -> Run:
        """A run. Raises: Refused: `task_run_not_found`."""
        answer = await self.request("GET", f"/api/task-runs/{_quoted(run_id)}")
        return run_shown(answer["run"]["run"])

    async def request_review(self, run_id: str, *, reason: str | None = None) -> str:
        """Ask a person to judge a run that has ended; a rejection may have the work go on.

        Returns:
            The id of the review.

        Raises:
            Refused: the run has not ended, or its task was canceled.
        """
        path = f"/api/task-runs/{_quoted(run_id)}/reviews"
        answer = await self._write(path, {"reason": reason})
        return str(answer["review"]["review_id"])

    # --- agents ---------------------------------------------------------------------------------

    async def register_session(
        self,
        agent_name: str,
        *,
        id: str | None = None,  # noqa: A002 - as the API calls it
        workspace: str | None = None,
        channel: str | None = None,
        capabilities: Iterable[str] = (),
    ) -> Agent:
        """Register a session, which is only needed for one that is to have a channel.

        Args:
            id: of the session; None: one is made.
            channel: it is given runs of this channel alone.
            capabilities: by which it is counted among those that could claim a run.
        """
        wanted = {
            "agent_name": agent_name,
            "id": id,
            "workspace": workspace,
            "channel": channel,
            "capabilities": [*capabilities],
        }
        session = (await self._write("/api/sessions", wanted))["session"]
        return Agent(agent_name, session["id"], workspace)

    async def end_session(self, session_id: str) -> None:
        """End a session; whatever it holds is back in the queue when this returns.

        Raises:
            Refused: `session_not_found`, also for one that has ended.
        """
        await self.request("DELETE", f"/api/sessions/{_quoted(session_id)}")

    async def claim(
        self,
        agent: Agent,
        *,
        wait: bool = False,
        lease_seconds: int | None = None,
        capabilities: Iterable[str] = (),
        priority_min: int = 0,
        key: str | None = None,
    ) -> Claim | None:
        """The best run that the agent may have, under a lease; None where there is none.

        Args:
            wait: until there is one, or the scheduler's time for that is over (25 s, unless it was
                set otherwise).
            lease_seconds: how long the lease lasts without a heartbeat, up to 86,400; None: 300.
            capabilities: what the agent can do.
            priority_min: nothing less urgent: 10 is low, 20 medium, 30 high, 40 urgent.
            key: under it, this gives the same claim as before, as long as that lease lives; None:
                one of its own.

        Raises:
            Refused: `AUTONOMY_LEASE_ALREADY_HELD`, `identity_stale` (the session has ended) and
                others.
        """
        wanted = {
            "wait": wait or None,
            "lease_seconds": lease_seconds,
            "required_capabilities": [*capabilities] or None,
            "priority_min": priority_min or None,
            "idempotency_key": key or new_key(),
        }
        path = "/api/agent/tasks/claim-next"
        raw = await self._send(Request("POST", path, {}, _body(wanted), agent, waits=wait))
        return claim_shown(agent, orjson.loads(raw)["claim"], lease_seconds) if raw else None

    async def heartbeat(self, claim: Claim) -> datetime:
        """Renew a lease for as long as it was asked for. Returns when it ends now.

        Raises:
            LeaseLost: it is over; stop working.
        """
        lease = await self._of_claim(claim, "heartbeat", {"lease_seconds": claim.lease_seconds})
        claim.lease_until = datetime.fromisoformat(lease["lease_until"])
        return claim.lease_until

    async def complete(self, claim: Claim, result: object = None) -> None:
        """End a run well. May be repeated with the same result.

        Args:
            result: what was made: JSON of at most 64 KiB.

        Raises:
            LeaseLost: the run is not the agent's any more; its result counts for nothing.
            Refused: the result is no JSON, or too large.
        """
        await self._of_claim(claim, "complete", {"result": result})

    async def fail(self, claim: Claim, error: str, metadata: object = None) -> None:
        """End a run that did not work out; it is tried again if an operator says so. May be
        repeated with the same error.

        Args:
            error: what went wrong; cut at 64 KiB.
            metadata: facts for whoever looks into it: JSON of at most 64 KiB.

        Raises:
            LeaseLost: the run is not the agent's any more.
            Refused: the metadata is no JSON, or too large.
        """
        await self._of_claim(claim, "fail", {"error": error, "metadata": metadata})

    async def release(self, claim: Claim, reason: str | None = None) -> None:
        """Give a run back, into the place in the queue that it had.

        Raises:
            LeaseLost: the run is not the agent's any more.
        """
        await self._of_claim(claim, "release", {"reason": reason}, new_key())

    async def _of_claim(
        self, claim: Claim, verb: str, members: Mapping[str, object], key: str | None = None
    ) -> dict[str, Any]:
        """Named by its token, so that a late call touches no later claim of the session. Most may
        be sent again without a key: a heartbeat by its nature, an end as its body is the same."""
        path = f"/api/agent/tasks/{_quoted(claim.run_id)}/{verb}"
        body = _body({**members, "claim_token_hash": claim.token})
        raw = await self._send(Request("POST", path, {}, body, claim.agent, key))
        lease: dict[str, Any] = orjson.loads(raw)["lease"]
        return lease

    # --- events ---------------------------------------------------------------------------------

    def events(
        self, task_id: str, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Everything that happens to a task and all below it, each event once and in order, over
        lost connections and restarts too; it ends when the task is deleted.

            async with client.events(task.id) as events:
                async for event in events:
                    print(event.type)

        Args:
            after: the number of the last event that is known; 0: from the beginning.

        Raises:
            Refused: `task_not_found`; also once the task was set aside as damaged.
        """
        return self._events_open(task_id, after)

    @asynccontextmanager
    async def _events_open(
        self, task_id: str, after: int
    ) -> AsyncGenerator[AsyncIterator[Event], None]:
        async with aclosing(self._events(task_id, after)) as events:
            yield events

    async def _events(self, task_id: str, after: int) -> AsyncGenerator[Event, None]:
        path, last_id, retry_s = f"/api/tasks/{_quoted(task_id)}/stream", str(after), RETRY_S
        while True:
            reader = FrameReader()
            async with aclosing(self._lines(path, last_id)) as lines:
                async for line in lines:
                    frame = reader.take(line)
                    if frame is None:
                        continue
                    if frame.retry_ms is not None:
                        retry_s = frame.retry_ms / 1000
                    elif frame.event == _CLOSED:
                        if _is_over(frame):
                            return
                    else:
                        last_id = frame.id or last_id
                        yield event_shown(orjson.loads(frame.data))
            await trio.sleep(retry_s)

    # --- all else -------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        agent: Agent | None = None,
        key: str | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Any operation of the API, as `GET /docs` describes them. Returns the answer, parsed; None
        where it has no body.

        Args:
            path: begins with `/api/`.
            body: what is sent as JSON.
            query: parameters behind the path.
            agent: who calls; None: the local user.
            key: under which a write has one effect, however often it is sent; None: one of its own.
        """
        if method != "GET":
            key = key or new_key()
        raw = b"" if body is None else _body_of(body)
        answer = await self._send(Request(method, path, query or {}, raw, agent, key))
        return orjson.loads(answer) if answer else None

    async def _write(
        self, path: str, members: Mapping[str, object], *, key: str | None = None
    ) -> dict[str, Any]:
        raw = await self._send(Request("POST", path, {}, _body(members), None, key or new_key()))
        answer: dict[str, Any] = orjson.loads(raw)
        return answer

    @abstractmethod
    async def _send(self, request: Request) -> bytes:
        """The body of the answer. Raises: Refused, Unavailable."""

    @abstractmethod
    def _lines(self, path: str, last_id: str) -> AsyncGenerator[str, None]:
        """The lines of a stream, behind event `last_id`, until it breaks off. Raises: Refused."""


def new_key() -> str:
    """An idempotency key that nobody has used."""
    return uuid4().hex


def _body(members: Mapping[str, object]) -> bytes:
    return _body_of({name: value for name, value in members.items() if value is not None})


def _body_of(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise not_json(error) from error


def not_json(error: TypeError) -> Refused:
    """The refusal of a value that cannot be sent."""
    return refused_as(_INVALID, f"a value cannot be written as JSON: {error}", "", "", 422)


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _is_over(frame: ServerSentEvent) -> bool:
    """Whether the stream's last event says that nothing more will come."""
    reason = str(orjson.loads(frame.data).get("reason"))
    if reason in _COMES_BACK:
        return False
    if reason == "deleted":
        return True
    raise Refused("stream_closed", f"the stream was closed: {reason}", "inspect the task")
