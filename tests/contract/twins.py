"""Two equal systems: one behind h11 and the application, one behind the lane. Each request goes to
both, byte for byte, and both must answer the same bytes, at the same moment."""

import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, final

import trio
from attrs import define, field

from chargehand.actors.bridges.bridge import Bridge
from chargehand.actors.identity import OriginKind
from chargehand.actors.lifecycle import run_system
from chargehand.actors.settings import Settings
from chargehand.actors.system import System
from chargehand.actors.task.state import Scope
from chargehand.persistence.opening import memory_journal
from chargehand.web.app import create_app
from chargehand.web.application import AsgiApplication
from chargehand.web.connection import Bounds, Connection
from chargehand.web.exchange import Answerer
from chargehand.web.guard import Bodies, Guard
from chargehand.web.h11_parser import H11Parser
from chargehand.web.lane.lane import Lane
from chargehand.web.lane.parser import LaneParser
from chargehand.web.parsing import ParserFactory
from tests.contract.scene import SCENE_BRIDGE_ID
from tests.contract.town import BRIDGE_ID, ROOT_DIR

WALL_NS: Final = 1_790_000_000_123_456_700

_DAY_S: Final = 86_400.0
_DATE: Final = re.compile(rb"\r\ndate: [^\r]*")


@final
class Counted:
    """Ids that are the same in each system."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def suffix(self, now_ns: int) -> str:
        return f"{next(self._numbers):024x}"


async def nowhere(_: object) -> None:
    """Takes every message."""


def answered_by_the_app(system: System, *, strict: bool = False) -> Answerer:
    app = AsgiApplication(create_app(system, OriginKind.UDS, strict=strict))
    return Guard(app, None, Bodies(), 10)


def answered_by_the_lane(system: System, *, strict: bool = False) -> Answerer:
    app = AsgiApplication(create_app(system, OriginKind.UDS, strict=strict))
    lane = Lane(system, OriginKind.UDS, app, strict=strict)
    return Guard(lane, None, Bodies(), 10)


@asynccontextmanager
async def open_system(settings: Settings) -> AsyncIterator[System]:
    """As all others that are opened with these settings."""
    bridges = [
        Bridge(BRIDGE_ID, Scope.WORKSPACE, ROOT_DIR, nowhere),
        Bridge(SCENE_BRIDGE_ID, Scope.GLOBAL, None, nowhere),
    ]
    async with run_system(
        memory_journal(), settings, wall_ns=WALL_NS, ids=Counted(), bridges=bridges
    ) as system:
        yield system


@final
@define(eq=False)
class Way:
    """One of both: what it takes to be the owner of connections."""

    system: System
    answer: Answerer
    make_parser: ParserFactory
    nursery: trio.Nursery
    bounds: Bounds = field(factory=lambda: Bounds(_DAY_S, _DAY_S, _DAY_S))
    is_stopping: bool = False

    def became_idle(self, connection: Connection) -> None:
        pass

    def became_busy(self, connection: Connection) -> None:
        pass

    def connect(self) -> trio.SocketStream:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.nursery.start_soon(Connection(theirs, self).run)
        return trio.SocketStream(trio.socket.from_stdlib_socket(ours))

    async def answer_to(self, raw: bytes) -> bytes:
        """All that a connection gives for what it is sent, without dates."""
        async with self.connect() as stream:
            await stream.send_all(raw)
            answer = b""
            while data := await stream.receive_some():
                answer += data
        return _DATE.sub(b"", answer)


@final
@define(eq=False)
class Twins:
    """An ASGI application, as clients of the contract ask one."""

    by_the_app: Way
    by_the_lane: Way

    async def both(self, raw: bytes) -> bytes:
        """What both answer to `raw`, behind which they must close."""
        answers: dict[Way, bytes] = {}

        async def ask(way: Way) -> None:
            answers[way] = await way.answer_to(raw)

        async with trio.open_nursery() as nursery:
            for way in (self.by_the_app, self.by_the_lane):
                nursery.start_soon(ask, way)
        lane, app = answers[self.by_the_lane], answers[self.by_the_app]
        assert lane == app, (raw, lane, app)
        return lane

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        body = (await receive())["body"]
        target = scope["raw_path"] + (
            b"?" + scope["query_string"] if scope["query_string"] else b""
        )
        lines = [b"%b %b HTTP/1.1" % (scope["method"].encode(), target)]
        lines += [b"%b: %b" % header for header in scope["headers"]]
        lines += [b"connection: close", b"", body]
        answer = await self.both(b"\r\n".join(lines))
        head, _, told = answer.partition(b"\r\n\r\n")
        status, *named = head.split(b"\r\n")
        headers = [tuple(line.split(b": ", 1)) for line in named]
        start = {"type": "http.response.start", "status": int(status.split()[1])}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": told})


@asynccontextmanager
async def open_twins(settings: Settings, *, strict: bool = False) -> AsyncIterator[Twins]:
    async with (
        open_system(settings) as one,
        open_system(settings) as other,
        trio.open_nursery() as nursery,
    ):
        yield Twins(
            Way(one, answered_by_the_app(one, strict=strict), H11Parser, nursery),
            Way(other, answered_by_the_lane(other, strict=strict), LaneParser, nursery),
        )
        nursery.cancel_scope.cancel()
