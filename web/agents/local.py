"""A scheduler in this process, asked without HTTP."""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
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
from chargehand.web.agents.agent_calls import agent_of
from chargehand.web.agents.api import Api
from chargehand.web.agents.asking import Answered, Request, linked_from, not_json
from chargehand.web.agents.claims import Agent, Claim
from chargehand.web.agents.errors import (
    ChargehandError,
    Refused,
    Unavailable,
    of_answer,
    refused_as,
)
from chargehand.web.agents.given import several
from chargehand.web.call import Call
from chargehand.web.headers import IDEMPOTENCY_HEADER, LAST_EVENT_HEADER, RequestHeaders
from chargehand.web.identity import authenticate
from chargehand.web.ignored import Ignored
from chargehand.web.listeners import Listeners
from chargehand.web.operations import Operation
from chargehand.web.problems import problem, status_of
from chargehand.web.responses import EventStreamResponse, HttpResponse
from chargehand.web.routes import ROUTES
from chargehand.web.routes.batches import check_max_runs
from chargehand.web.shapes.claims import claim_of
from chargehand.web.shapes.encoding import encode

WAY: Final = OriginKind.EXTENSION  # how the origin of a deed calls a program around the scheduler

IN_PROCESS: Final = "in-process:"  # ids of sessions that end with the process that made them

_OVERLOADED: Final = frozenset({Code.OVERLOADED, Code.SESSIONS_FULL})


@final
class LocalSystem(Api):
    """A scheduler in this process. Made by `open_system`.

    What agents do most (claim, heartbeat, complete, fail, release) goes straight to it; all else is
    decoded, done and shown as over HTTP.

    Attributes:
        url: where it is served over HTTP, if it is.
        lane_url: where the agent lane is served, if it is.
        socket: the path of its Unix socket, if it has one.
    """

    loses_answers = False
    session_prefix = IN_PROCESS

    url: str | None
    lane_url: str | None
    socket: Path | None

    def __init__(self, system: System, listeners: Listeners) -> None:
        self.url = listeners.url
        self.lane_url = listeners.lane_url
        self.socket = listeners.unix_path
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
            request = ClaimNext(
                several("capabilities", capabilities), priority_min, lease_seconds, wait, key
            )
            answer = await system.claim_next(session, request, _caller(agent, Operation.CLAIM_NEXT))
        return None if answer is None else claim_answered(agent, answer, system.views)

    async def claim_batch(
        self,
        agent: Agent,
        max_runs: int,
        *,
        wait: bool = False,
        lease_seconds: int | None = None,
        capabilities: Iterable[str] = (),
        priority_min: int = 0,
        key: str | None = None,
    ) -> list[Claim]:
        if max_runs == 1:  # as those of a pool are whose sessions hold one lease each
            one = await self.claim(
                agent,
                wait=wait,
                lease_seconds=lease_seconds,
                capabilities=capabilities,
                priority_min=priority_min,
                key=key,
            )
            return [] if one is None else [one]
        system = self._system
        with self._refusing(Operation.CLAIM_BATCH):
            check_max_runs(max_runs)
            session = await system.identify(agent.session, agent.name, agent.workspace)
            request = ClaimNext(
                several("capabilities", capabilities), priority_min, lease_seconds, wait, key
            )
            caller = _caller(agent, Operation.CLAIM_BATCH)
            answers = await system.claim_batch(session, request, max_runs, caller)
        return [claim_answered(agent, answer, system.views) for answer in answers]

    async def heartbeat(self, claim: Claim) -> datetime:
        command = _heartbeat(claim)
        answer = await self._ask(claim, command, Operation.AGENT_HEARTBEAT)
        claim.lease_until = _lease_end(answer, self._system.views)
        return claim.lease_until

    async def complete(self, claim: Claim, result: object = None) -> None:
        with self._refusing(Operation.AGENT_COMPLETE):
            command = _completion(claim, result)
        await self._ask(claim, command, Operation.AGENT_COMPLETE)

    async def fail(self, claim: Claim, error: str, metadata: object = None) -> None:
        with self._refusing(Operation.AGENT_FAIL):
            command = _failure(claim, error, metadata)
        await self._ask(claim, command, Operation.AGENT_FAIL)

    async def release(self, claim: Claim, reason: str | None = None) -> None:
        command = _release(claim, reason)
        await self._ask(claim, command, Operation.AGENT_RELEASE)

    async def heartbeat_batch(self, claims: Sequence[Claim]) -> list[ChargehandError | None]:
        items = [(claim, partial(_heartbeat, claim)) for claim in claims]
        answers = await self._ask_all(items, Operation.AGENT_HEARTBEAT)
        for claim, answer in zip(claims, answers, strict=True):
            if isinstance(answer, Answer):
                claim.lease_until = _lease_end(answer, self._system.views)
        return _errors(answers)

    async def complete_batch(
        self, completions: Sequence[tuple[Claim, object]]
    ) -> list[ChargehandError | None]:
        items = [(claim, partial(_completion, claim, result)) for claim, result in completions]
        return _errors(await self._ask_all(items, Operation.AGENT_COMPLETE))

    async def fail_batch(
        self, failures: Sequence[tuple[Claim, str, object]]
    ) -> list[ChargehandError | None]:
        items = [
            (claim, partial(_failure, claim, error, facts)) for claim, error, facts in failures
        ]
        return _errors(await self._ask_all(items, Operation.AGENT_FAIL))

    async def release_batch(
        self, releases: Sequence[tuple[Claim, str | None]]
    ) -> list[ChargehandError | None]:
        items = [(claim, partial(_release, claim, reason)) for claim, reason in releases]
        return _errors(await self._ask_all(items, Operation.AGENT_RELEASE))

    async def _ask_all(
        self,
        items: Sequence[tuple[Claim, Callable[[], c.AgentCommand]]],
        operation: Operation,
    ) -> list[Answer | ChargehandError]:
        """What each claim's command is answered with, in their order."""
        if len(items) == 1:
            [(claim, make)] = items
            try:
                with self._refusing(operation):
                    return [await self._system.ask_run(make(), _caller(claim.agent, operation))]
            except ChargehandError as error:
                return [error]
        agent = agent_of(claim for claim, _ in items)
        if agent is None:
            return []
        answers: list[Answer | ChargehandError | None] = []
        commands: list[c.AgentCommand] = []
        for _, make in items:
            try:
                with self._refusing(operation):
                    commands.append(make())
            except ChargehandError as refused:
                answers.append(refused)
            else:
                answers.append(None)
        outcomes = iter(await self._system.ask_runs(commands, _caller(agent, operation)))
        return [answer or self._shown(next(outcomes), operation) for answer in answers]

    def _shown(self, outcome: Answer | Rejected, operation: Operation) -> Answer | ChargehandError:
        if isinstance(outcome, Answer):
            return outcome
        return of_rejection(self._system.misnamed.explained(outcome), operation)

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

    async def _answered(self, request: Request) -> Answered:
        operation, ids = _operation(request.method, request.path)
        headers = {} if request.agent is None else request.agent.headers
        if request.key is not None:
            headers[IDEMPOTENCY_HEADER] = request.key
        answer = await self._response(request, operation, ids, headers)
        if isinstance(answer, EventStreamResponse):
            raise refused_as("invalid_request", "a stream is no answer", "use events()", "", 400)
        if answer.status >= 400:
            raise of_answer(answer.status, answer.body, None)
        return Answered(answer.body, linked_from(dict(answer.headers).get("Link")))

    async def _lines(
        self, path: str, query: Mapping[str, str], last_id: str | None
    ) -> AsyncGenerator[str, None]:
        with self._refusing(Operation.STREAM_TASK):
            self._system.availability.check()
        operation, ids = _operation("GET", path)
        request = Request("GET", path, query, b"")
        headers = {} if last_id is None else {LAST_EVENT_HEADER: last_id}
        answer = await self._response(request, operation, ids, headers)
        if isinstance(answer, HttpResponse):
            raise of_answer(answer.status, answer.body, None)
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for line in chunk.decode().removesuffix("\n").split("\n"):
                    yield line

    async def _response(
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


async def end_left_sessions(system: System) -> None:
    """End what pools of a former process have left that was killed: it had the directory to itself,
    as this one has now, so they work no more. Their runs are back in the queue then."""
    left = [
        session.id
        for session in system.roster.stored_sessions()
        if session.is_active and session.id.startswith(IN_PROCESS)
    ]
    for session_id in left:
        with suppress(Rejected):  # what is damaged is set aside, and stays as it is
            await system.end_session(session_id)


def _heartbeat(claim: Claim) -> c.Heartbeat:
    return c.Heartbeat(claim.run_id, claim.lease_seconds, claim.token)


def _completion(claim: Claim, result: object) -> c.CompleteLease:
    return c.CompleteLease(claim.run_id, _json(result), claim.token)


def _failure(claim: Claim, error: str, metadata: object) -> c.FailLease:
    return c.FailLease(claim.run_id, error, _json(metadata), claim.token)


def _release(claim: Claim, reason: str | None) -> c.ReleaseRun:
    return c.ReleaseRun(claim.run_id, reason, claim.token)


def _errors(answers: Iterable[Answer | ChargehandError]) -> list[ChargehandError | None]:
    return [None if isinstance(answer, Answer) else answer for answer in answers]


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
    shown = problem(rejected)
    if rejected.code in _OVERLOADED:
        return Unavailable(shown.code, shown.message, shown.next_step, shown.text)
    status = status_of(rejected.code.kind, operation)
    return refused_as(shown.code, shown.message, shown.next_step, shown.text, status)


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
