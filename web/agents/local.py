"""A scheduler in this process, asked without HTTP."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import unquote

import orjson

from chargehand.actors.answers import Answer
from chargehand.actors.errors import Code, Rejected
from chargehand.actors.identity import Caller, OriginKind, agent_actor, origin
from chargehand.actors.limits import LEASE_S_DEFAULT, NS
from chargehand.actors.scheduler.commands import ClaimNext
from chargehand.actors.system import System
from chargehand.actors.task import commands as c
from chargehand.actors.task.state import Json
from chargehand.actors.views.views import Views
from chargehand.web.agents.api import Api, Request, not_json
from chargehand.web.agents.claims import Agent, Claim
from chargehand.web.agents.errors import (
    ChargehandError,
    Refused,
    Unavailable,
    of_answer,
    refused_as,
)
from chargehand.web.call import Call
from chargehand.web.headers import IDEMPOTENCY_HEADER, LAST_EVENT_HEADER, RequestHeaders
from chargehand.web.identity import authenticate
from chargehand.web.ignored import Ignored
from chargehand.web.operations import Operation
from chargehand.web.problems import problem, status_of
from chargehand.web.responses import EventStreamResponse, HttpResponse
from chargehand.web.routes import ROUTES
from chargehand.web.shapes.claims import claim_of
from chargehand.web.shapes.encoding import encode

WAY: Final = OriginKind.EXTENSION  # how the origin of a deed calls a program around the scheduler

_OVERLOADED: Final = frozenset({Code.OVERLOADED, Code.SESSIONS_FULL})


@final
class LocalSystem(Api):
    """A scheduler in this process. Made by `open_system`.

    What agents do most (claim, heartbeat, complete, fail, release) goes straight to it; all else is
    decoded, done and shown as over HTTP.

    Attributes:
        url: where it is served over HTTP, if it is.
        socket: the path of its Unix socket, if it has one.
    """

    def __init__(self, system: System, url: str | None = None, socket: Path | None = None) -> None:
        self.url = url
        self.socket = socket
        self._system = system

    # --- agents: without JSON around it ---------------------------------------------------------

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
        system = self._system
        with self._refusing(Operation.CLAIM_NEXT):
            session = await system.identify(agent.session, agent.name, agent.workspace)
            request = ClaimNext(tuple(capabilities), priority_min, lease_seconds, wait, key)
            answer = await system.claim_next(session, request, _caller(agent, Operation.CLAIM_NEXT))
        return None if answer is None else claim_answered(agent, answer, system.views)

    async def heartbeat(self, claim: Claim) -> datetime:
        command = c.Heartbeat(claim.run_id, claim.lease_seconds, claim.token)
        answer = await self._ask(claim, command, Operation.AGENT_HEARTBEAT)
        claim.lease_until = _lease_end(answer, self._system.views)
        return claim.lease_until

    async def complete(self, claim: Claim, result: object = None) -> None:
        with self._refusing(Operation.AGENT_COMPLETE):
            command = c.CompleteLease(claim.run_id, _json(result), claim.token)
        await self._ask(claim, command, Operation.AGENT_COMPLETE)

    async def fail(self, claim: Claim, error: str, metadata: object = None) -> None:
        with self._refusing(Operation.AGENT_FAIL):
            command = c.FailLease(claim.run_id, error, _json(metadata), claim.token)
        await self._ask(claim, command, Operation.AGENT_FAIL)

    async def release(self, claim: Claim, reason: str | None = None) -> None:
        command = c.ReleaseRun(claim.run_id, reason, claim.token)
        await self._ask(claim, command, Operation.AGENT_RELEASE)

    async def _ask(self, claim: Claim, command: c.AgentCommand, operation: Operation) -> Answer:
        with self._refusing(operation):
            return await self._system.ask_run(command, _caller(claim.agent, operation))

    @contextmanager
    def _refusing(self, operation: Operation) -> Iterator[None]:
        try:
            yield
        except Rejected as rejected:
            explained = self._system.misnamed.explained(rejected)
            raise of_rejection(explained, operation) from None

    # --- all else: as over HTTP -----------------------------------------------------------------

    async def _send(self, request: Request) -> bytes:
        operation, ids = _operation(request.method, request.path)
        headers = {} if request.agent is None else request.agent.headers
        if request.key is not None:
            headers[IDEMPOTENCY_HEADER] = request.key
        answer = await self._answered(request, operation, ids, headers)
        if isinstance(answer, EventStreamResponse):
            raise refused_as("invalid_request", "a stream is no answer", "use events()", "", 400)
        if answer.status >= 400:
            raise of_answer(answer.status, answer.body, None)
        return answer.body

    async def _lines(self, path: str, last_id: str) -> AsyncGenerator[str, None]:
        with self._refusing(Operation.STREAM_TASK):
            self._system.availability.check()
        operation, ids = _operation("GET", path)
        request = Request("GET", path, {}, b"")
        answer = await self._answered(request, operation, ids, {LAST_EVENT_HEADER: last_id})
        if isinstance(answer, HttpResponse):
            raise of_answer(answer.status, answer.body, None)
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for line in chunk.decode().removesuffix("\n").split("\n"):
                    yield line

    async def _answered(
        self,
        request: Request,
        operation: Operation,
        ids: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> HttpResponse | EventStreamResponse:
        call = Call(
            self._system,
            operation,
            WAY,
            request.path,
            ids,
            request.query,
            RequestHeaders([(name.lower().encode(), h.encode()) for name, h in headers.items()]),
            request.body,
            Ignored(operation, refuses=True),
        )
        with self._refusing(operation):
            await authenticate(call)
            call.look_at_what_no_handler_does()
            return await ROUTES[operation](call)


def claim_answered(agent: Agent, answer: Answer, views: Views) -> Claim:
    """A claim of the core's answer."""
    task, run = answer.task, answer.the_run

    def load() -> dict[str, Any]:
        shown: dict[str, Any] = orjson.loads(encode(claim_of(answer, views)))
        return shown

    return Claim(
        agent=agent,
        run_id=run.id,
        task_id=task.id,
        title=task.title,
        description=task.description,
        priority=task.priority.value,
        attempt=run.attempt,
        token=run.claim_token_hash or "",
        lease_seconds=run.claim_lease_seconds or LEASE_S_DEFAULT,
        lease_until=_lease_end(answer, views),
        load=load,
    )


def of_rejection(rejected: Rejected, operation: Operation) -> ChargehandError:
    """A refusal of the core, as a client would get it from `operation`.

    What is overloaded is `Unavailable`; a scheduler that stops, or cannot write any more, is not:
    it does not come back in this process.
    """
    told = problem(rejected)
    if rejected.code in _OVERLOADED:
        return Unavailable(told.code, told.message, told.next_step, told.text)
    status = status_of(rejected.code.kind, operation)
    return refused_as(told.code, told.message, told.next_step, told.text, status)


def _caller(agent: Agent, operation: Operation) -> Caller:
    return Caller(agent_actor(agent.session), origin(WAY, operation.action))


def _lease_end(answer: Answer, views: Views) -> datetime:
    return datetime.fromtimestamp((views.lease_until_ns(answer.the_run) or 0) / NS, UTC)


def _json(value: object) -> Json | None:
    try:
        return None if value is None else Json(orjson.dumps(value))
    except TypeError as error:
        raise not_json(error) from error


def _operation(method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
    """What is served at a path, with the parameters that stand in it; a name wins over them.

    Raises:
        Refused: nothing is.
    """
    parts = path.split("/")
    for operation in _BY_PARAMETERS:
        pattern = operation.path.split("/")
        if operation.method == method and len(pattern) == len(parts):
            pairs = [*zip(pattern, parts, strict=True)]
            if all(one == part or (one.startswith("{") and part) for one, part in pairs):
                return operation, {
                    one[1:-1]: unquote(part) for one, part in pairs if one.startswith("{")
                }
    raise Refused("not_found", f"nothing is served at {method} {path}", "see GET /docs", status=404)


_BY_PARAMETERS: Final = sorted(ROUTES, key=lambda operation: operation.path.count("{"))
