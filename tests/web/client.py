"""Drives an ASGI app without a server, and holds every answer against the contract.

Whatever command an answer suggests must be one of ours.
"""

import json
import re
from typing import Any, final
from urllib.parse import unquote, urlsplit

import trio
from attrs import define, field, frozen

from chargehand.web.openapi.refusals import refusals_of
from chargehand.web.operations import Operation
from chargehand.web.problems import EdgeCode
from tests.cli.suggested import command_of
from tests.contract.schemas import Contract

CONTRACT = Contract()


def _suggested(body: bytes) -> list[str]:
    """Every command that an answer suggests, wherever it stands in it."""
    if b"suggested_command" not in body:
        return []
    found: list[str] = []

    def note(members: dict[str, Any]) -> dict[str, Any]:
        command = members.get("suggested_command")
        if isinstance(command, str):  # in a schema it is the name of a member
            found.append(command)
        return members

    json.loads(body, object_hook=note)
    return found


@final
@frozen
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error's diagnostic."""
        return self.json["diagnostic"]["code"]

    @property
    def pointer(self) -> str:
        """What of the request an error is about."""
        return self.json["diagnostic"]["evidence"]["pointer"]


_PATHS = [  # as the app finds them: those without parameters win
    (operation, re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path) + "/?"))
    for operation in sorted(Operation, key=lambda operation: operation.path.count("{"))
]


def check_code(method: str, path: str, answered: Answered) -> None:
    """Assert that the description lists a refusal's code for the operation and the status."""
    if answered.status < 400 or answered.status == EdgeCode.INTERNAL.status:
        return
    for operation, pattern in _PATHS:
        if operation.method == method and pattern.fullmatch(unquote(path)):
            listed = {code.code for code in refusals_of(operation).get(answered.status, ())}
            told = f"{operation.name} answers {answered.status} {answered.code}"
            assert answered.code in listed, f"{told}: add it to web/openapi/refusals.py"
            return


def scope_of(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    parts = urlsplit(target)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(b"host", b"test")]
        + [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
        "extensions": {},
    }


@final
@define
class ContractClient:
    """Requests to one app. `headers` go with each of them."""

    app: Any
    headers: dict[str, str] = field(factory=dict)

    def acting_as(self, session_id: str, agent: str = "coder", **more: str) -> "ContractClient":
        """The same app, called by an agent."""
        names = {"X-AGH-Session-ID": session_id, "X-AGH-Agent": agent}
        return ContractClient(self.app, {**names, **more})

    async def send(
        self, method: str, target: str, body: Any = b"", headers: dict[str, str] | None = None
    ) -> Answered:
        """`body` is sent as it is if it is bytes, else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: list[dict[str, Any]] = []
        requests = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if requests:
                return requests.pop()
            await trio.sleep_forever()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = scope_of(method, target, {**self.headers, **(headers or {})})
        scope["headers"].append((b"content-length", str(len(raw)).encode()))
        await self.app(scope, receive, send)
        start, *chunks = sent
        answered = Answered(
            start["status"],
            {name.decode().lower(): value.decode() for name, value in start["headers"]},
            b"".join(chunk.get("body", b"") for chunk in chunks),
        )
        for command in _suggested(answered.body):
            command_of(command)
        if method != "HEAD":
            CONTRACT.check(method, urlsplit(target).path, answered.status, answered.body)
            check_code(method, urlsplit(target).path, answered)
        return answered

    async def get(self, target: str, **headers: str) -> Answered:
        return await self.send("GET", target, headers=headers)

    async def post(self, target: str, body: Any = b"") -> Answered:
        return await self.send("POST", target, body)

    async def created(self, **fields: Any) -> dict[str, Any]:
        """A new task, global unless it is said."""
        answered = await self.post("/api/tasks", {"scope": "global", "title": "work", **fields})
        assert answered.status == 201, answered.body
        return answered.json["task"]

    async def queued(self, **fields: Any) -> dict[str, Any]:
        """A queued run of a new task."""
        task = await self.created(**fields)
        answered = await self.post(f"/api/tasks/{task['id']}/runs")
        assert answered.status == 201, answered.body
        return answered.json["run"]


@final
@define
class Stream:
    """A stream that is being read: chunks as they come."""

    status: int = 0
    headers: dict[str, str] = field(factory=dict)
    chunks: list[bytes] = field(factory=list)
    ended: trio.Event = field(factory=trio.Event)
    _moved: trio.Event = field(factory=trio.Event)

    def take(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {n.decode().lower(): v.decode() for n, v in message["headers"]}
        elif message.get("body"):
            self.chunks.append(message["body"])
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.ended.set()
        self._moved.set()
        self._moved = trio.Event()

    @property
    def events(self) -> list[dict[str, str]]:
        """The frames that are events, by field."""
        frames = b"".join(self.chunks).decode().split("\n\n")
        found = [
            dict(line.split(": ", 1) for line in frame.split("\n")) for frame in frames if frame
        ]
        return [frame for frame in found if "event" in frame]

    async def wait_events(self, count: int) -> list[dict[str, str]]:
        while len(self.events) < count:
            await self._moved.wait()
        return self.events

    async def wait_chunks(self, count: int) -> list[bytes]:
        while len(self.chunks) < count:
            await self._moved.wait()
        return self.chunks


async def open_stream(
    nursery: trio.Nursery, app: Any, target: str, headers: dict[str, str] | None = None
) -> tuple[Stream, trio.CancelScope]:
    """Start to read a stream; cancelling the scope is a client that hangs up."""
    stream = Stream()
    scope = trio.CancelScope()

    pending = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if pending:
            return pending.pop()
        await trio.sleep_forever()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        stream.take(message)

    async def run() -> None:
        with scope:
            await app(scope_of("GET", target, headers or {}), receive, send)

    nursery.start_soon(run)
    await stream.wait_chunks(1)
    return stream, scope
