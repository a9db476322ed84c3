"""The ways in of a server, byte for byte: a listener with h11 in front of the application, and the
lane. A test is given one in place of the application, and asks it the same.
"""

import socket
from typing import Any, Final, final

import h11
import trio
from attrs import define, field

from chargehand.actors.identity import OriginKind
from chargehand.actors.system import System
from chargehand.web.app import create_app
from chargehand.web.application import AsgiApplication
from chargehand.web.connection import Bounds, Connection
from chargehand.web.exchange import Answerer
from chargehand.web.guard import Bodies, Guard
from chargehand.web.h11_parser import H11Parser
from chargehand.web.lane.lane import Lane
from chargehand.web.lane.parser import LaneParser
from chargehand.web.parsing import ParserFactory

_DAY_S: Final = 86_400.0


def answered_by_the_app(
    system: System, transport: OriginKind = OriginKind.UDS, *, strict: bool = False
) -> Answerer:
    app = AsgiApplication(create_app(system, transport, strict=strict))
    return Guard(app, None, Bodies(), 10)


def answered_by_the_lane(
    system: System, transport: OriginKind = OriginKind.UDS, *, strict: bool = False
) -> Answerer:
    app = AsgiApplication(create_app(system, transport, strict=strict))
    return Guard(Lane(system, transport, app, strict=strict), None, Bodies(), 10)


@final
@define(eq=False)
class Way:
    """What it takes to be the owner of connections; and an ASGI application, which has a connection
    of its own for each request."""

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
        """All that a connection gives for what it is sent, up to its end."""
        async with self.connect() as stream:
            await stream.send_all(raw)
            answer = b""
            while data := await stream.receive_some():
                answer += data
        return answer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        assert not message["more_body"], "clients of tests send their bodies at once"
        async with self.connect() as stream:
            await stream.send_all(request_of(scope, message["body"]))
            reader = h11.Connection(h11.CLIENT)
            reader.send(h11.Request(method=scope["method"], target="/", headers=[("host", "h")]))
            reader.send(h11.EndOfMessage())
            while not isinstance(event := reader.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    reader.receive_data(await stream.receive_some())
                elif isinstance(event, h11.Response):
                    headers = list(event.headers)
                    start = {"status": event.status_code, "headers": headers}
                    await send({"type": "http.response.start", **start})
                else:
                    piece = {"body": bytes(event.data), "more_body": True}
                    await send({"type": "http.response.body", **piece})
            await send({"type": "http.response.body"})


def request_of(scope: dict[str, Any], body: bytes, *more: bytes) -> bytes:
    """The bytes of a request. Args: more: headers."""
    query: bytes = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    lines = [b"%b %b HTTP/1.1" % (scope["method"].encode(), target)]
    lines += [b"%b: %b" % header for header in scope["headers"]]
    return b"\r\n".join([*lines, *more, b"", body])


def by_the_app(system: System, transport: OriginKind, nursery: trio.Nursery) -> Way:
    return Way(system, answered_by_the_app(system, transport), H11Parser, nursery)


def by_the_lane(system: System, transport: OriginKind, nursery: trio.Nursery) -> Way:
    return Way(system, answered_by_the_lane(system, transport), LaneParser, nursery)


WAYS: Final = (by_the_app, by_the_lane)
